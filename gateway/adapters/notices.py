"""What a push says, in the words of apps, and how the devices of a batch are told: so many at a time, each once.

The keys are those of the vendors' push guides: `alert` (a text, or an object with `title`, `body` and the like),
`title`, `sound`, `category`, `content-available`, `mutable-content`, `thread-id`, `collapse_id`, `priority`; all others
are the app's own. A badge is of a device, and stands in its `PushTarget`.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from gateway.adapters.base import Delivery, PushOutcome, PushTarget
from gateway.errors import Code, GatewayError
from gateway.model.values import Date

log = logging.getLogger(__name__)

LONGEST_WAIT: Final = 20.0
"""Seconds: who asks for more patience than this is not asked again."""
LONGEST_REASON: Final = 100

SENT: Final = PushOutcome(Delivery.SENT)

_WORDS: Final = ("alert", "badge", "title", "sound", "category")
_SPELLINGS: Final[Mapping[str, str]] = {
    "content-available": "silent",
    "content_available": "silent",
    "mutable-content": "mutable",
    "mutable_content": "mutable",
    "thread-id": "thread",
    "threadId": "thread",
    "collapse_id": "collapse",
    "collapse-id": "collapse",
    "collapseId": "collapse",
    "priority": "priority",
}
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]+")
_UNTOLD: Final = re.compile(r"[^\w .:/()-]")


class NotReachedError(Exception):
    """The service was not asked at all: what was to be sent can be sent again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What a push says. `alert` is what Apple's payload has for it: a text, or an object."""

    alert: str | Mapping[str, Any] | None = None
    title: str | None = None
    body: str | None = None
    sound: Any = None
    category: str | None = None
    silent: bool = False
    mutable: bool = False
    thread: str | None = None
    collapse: str | None = None
    priority: Any = None
    own: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shows(self) -> bool:
        """Whether there is something for a user to see."""
        return self.alert is not None or self.title is not None

    @property
    def urgent(self) -> bool:
        """What nobody sees can wait, as Apple demands of it; so can what says that it is not urgent."""
        return (self.shows or not self.silent) and str(self.priority).lower() not in ("5", "1", "normal", "low")


def read_notice(data: Mapping[str, Any]) -> Notice:
    """What is no text where one belongs is as if it were not there."""
    alert, title = data.get("alert"), _text(data.get("title"))
    body = _text(alert)
    if isinstance(alert, Mapping):
        title, body = title or _text(alert.get("title")), _text(alert.get("body"))
        alert = {**alert, "title": title} if title else alert
    elif body is not None and title:
        alert = {"title": title, "body": body}
    elif title:
        alert = {"title": title}
    said: dict[str, Any] = {name: data[key] for key, name in _SPELLINGS.items() if key in data}
    return Notice(
        alert=alert if isinstance(alert, Mapping) else body,
        title=title,
        body=body,
        sound=data.get("sound"),
        category=_text(data.get("category")),
        silent=_is_on(said.get("silent")),
        mutable=_is_on(said.get("mutable")),
        thread=_text(said.get("thread")),
        collapse=_text(said.get("collapse")),
        priority=said.get("priority"),
        own={key: value for key, value in data.items() if key not in _WORDS and key not in _SPELLINGS},
    )


def apple_payload(notice: Notice, target: PushTarget) -> dict[str, Any]:
    """Apple, "Generating a remote notification": `aps`, and beside it what is the app's own."""
    aps: dict[str, Any] = {}
    if notice.alert is not None:
        aps["alert"] = notice.alert
    if target.badge is not None:
        aps["badge"] = target.badge
    said = {"sound": notice.sound, "category": notice.category, "thread-id": notice.thread}
    aps |= {key: value for key, value in said.items() if value is not None}
    if notice.silent:
        aps["content-available"] = 1
    if notice.mutable:
        aps["mutable-content"] = 1
    return {**{key: value for key, value in notice.own.items() if key != "aps"}, "aps": aps}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _is_on(value: Any) -> bool:
    return value in (True, 1, "1", "true")


async def to_each(
    targets: Sequence[PushTarget],
    send: Callable[[PushTarget], Awaitable[PushOutcome]],
    turns: asyncio.Semaphore,
    *,
    service: str,
) -> list[PushOutcome]:
    """One outcome a target, in their order; `turns` are how many may be under way, of all batches together.

    Raises GatewayError(UNAVAILABLE) where the service was reached for none of them.
    """

    async def one(target: PushTarget) -> PushOutcome | None:
        async with turns:
            try:
                return await send(target)
            except NotReachedError:
                return None

    outcomes = await asyncio.gather(*(one(target) for target in targets))
    if outcomes and not any(outcomes):
        log.warning("a push service cannot be reached service=%s", service)
        raise GatewayError(Code.UNAVAILABLE, f"{service} cannot be reached")
    return [failed(f"{service} cannot be reached") if outcome is None else outcome for outcome in outcomes]


Tried = tuple[PushOutcome, float | None]
"""What became of one request, and after how many seconds it may be made again, where that is of use."""


async def once_more(ask: Callable[[], Awaitable[Tried]]) -> PushOutcome:
    """What became of it in the end: it is tried twice, at the most."""
    outcome, again = await ask()
    if again is None:
        return outcome
    await asyncio.sleep(again)
    return (await ask())[0]


def failed(reason: object) -> PushOutcome:
    """What a service says of itself is told in a few plain characters: it may be anything."""
    return PushOutcome(Delivery.FAILED, _UNTOLD.sub("", str(reason))[:LONGEST_REASON])


def gone(reason: object) -> PushOutcome:
    return PushOutcome(Delivery.GONE, _UNTOLD.sub("", str(reason))[:LONGEST_REASON])


def plain_name(name: str, longest: int) -> str:
    """The name, where it can stand in a header; else one that is always the same for it."""
    fits = len(name) <= longest and _PLAIN.fullmatch(name)
    return name if fits else hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:longest]


def wait_of(retry_after: str | None, now: float) -> float | None:
    """Seconds that `Retry-After` asks for, which is a number of them or a date; None where it is none, or too long."""
    if retry_after is None:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            at = parsedate_to_datetime(retry_after)
        except ValueError:
            return None
        seconds = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now
    return max(seconds, 0.0) if seconds <= LONGEST_WAIT else None


def seconds_left(expires_at: Date, now: float) -> int:
    return max(0, round(expires_at.ms / 1000 - now))


def iso_of(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
