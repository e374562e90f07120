"""What the gateway asks of the outside world, as interfaces. Which of them there are, and how, the config says.

Each of them answers within a bounded time, and raises GatewayError and nothing else: UNAVAILABLE or TIMEOUT where the
outside fails, in texts that a client may see.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from secrets import token_hex
from typing import Any, Final, Protocol

from gateway.errors import Code, GatewayError
from gateway.model.files import Content
from gateway.model.trigger import Altered, Moment, Occasion, Who
from gateway.model.values import Date


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Attachment:
    """A file that goes with a mail."""

    name: str
    mime_type: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Mail:
    """A mail; whom it is from, the config says. It has a text, or HTML, or both as alternatives.

    An address is `tom@example.com` or `Tom <tom@example.com>`. Not shown in logs: a link in it may reset a password.
    """

    to: tuple[str, ...]
    subject: str
    text: str | None = None
    html: str | None = None
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    reply_to: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()


class Mailer(Protocol):
    async def send(self, mail: Mail) -> None:
        """Returns when a mail server has accepted it for every recipient.

        Raises GatewayError: BAD_EMAIL where an address cannot be one or is refused for good, UNAVAILABLE or TIMEOUT.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TextMessage:
    """A text message, which the receiver words: by a template of its own, or by `purpose` where none is named.

    `code` is what the user types in; without one it is a message by a template only. `purpose` is a word such as
    `verify_phone`, `log_in` or `reset_password`; `app` is the app's name, and `ttl_minutes` how long the code holds.
    """

    phone: str
    code: str | None
    template: str | None = None
    signature: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    purpose: str
    voice: bool = False
    app: str
    ttl_minutes: int


class Texter(Protocol):
    async def send(self, message: TextMessage) -> None:
        """Returns when the receiver has taken it.

        Raises GatewayError: BAD_REQUEST where the receiver refuses the number or the template, UNAVAILABLE or TIMEOUT.
        """
        ...


class Verifier(Protocol):
    async def verify(self, provider: str, data: Mapping[str, Any]) -> None:
        """Returns where `data` proves that the client is who it says it is at `provider`.

        Raises GatewayError: BAD_AUTH_DATA where it does not, UNAVAILABLE or TIMEOUT.
        """
        ...

    async def identify(self, provider: str, data: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        """Whose token is in `data`: the user's id at `provider`, and what else is known there of the user.

        Raises GatewayError: as above, and BAD_AUTH_DATA where the receiver does not say whose it is.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CaptchaChallenge:
    """A picture with a code, at `url`, to be answered with `token`."""

    token: str
    url: str


class Captcha(Protocol):
    async def new(
        self, *, width: int | None = None, height: int | None = None, size: int | None = None, ttl: int | None = None
    ) -> CaptchaChallenge:
        """A new picture: pixels, number of characters, and seconds that it holds; None is what the receiver takes."""
        ...

    async def verify(self, token: str, code: str) -> str:
        """A token that proves the answer. Raises GatewayError(BAD_REQUEST) where the answer is wrong or too late."""
        ...

    async def check(self, validate_token: str) -> None:
        """Returns where `verify` gave this token; it is then used up. Raises GatewayError(BAD_REQUEST) where not."""
        ...


class Functions(Protocol):
    """Code of the app's own. What it is given, and what it returns, are values of the model's."""

    async def has(self, name: str) -> bool:
        """Whether there is such a function. Raises GatewayError: UNAVAILABLE or TIMEOUT, where nobody can tell."""
        ...

    async def call(
        self, name: str, arguments: Any, who: Who, *, with_objects: bool = False, url: str | None = None
    ) -> Any:
        """What the function returns, or UNDEFINED; it is at `url`, or else where the config says.

        Raises GatewayError: NO_FUNCTION, FUNCTION_FAILED, UNAVAILABLE or TIMEOUT.
        """
        ...

    async def dispatch(self, event: str, arguments: Any, who: Who) -> Any:
        """What the handler of an event returns. Raises GatewayError: NO_EVENT_HANDLER, and as above."""
        ...

    @property
    def jobs(self) -> Collection[str]:
        """The names of the jobs that there are."""
        ...

    async def run_job(self, name: str, arguments: Any, status_id: str, app: str) -> str | None:
        """Returns when the job is done, with what it says then. `status_id` is that of its `_JobStatus`.

        Raises GatewayError: NO_JOB, FUNCTION_FAILED in the job's words, UNAVAILABLE or TIMEOUT.
        """
        ...


class Trigger(Protocol):
    """Code that is asked at one moment about the objects of one class."""

    @property
    def moment(self) -> Moment:
        """The one that it is known by, which for an update may be another one than that of the occasion."""
        ...

    async def before(self, occasion: Occasion, who: Who) -> Altered:
        """What it wants otherwise. Raises GatewayError: HOOK_REFUSED in its words, UNAVAILABLE or TIMEOUT."""
        ...

    def told(self, occasion: Occasion, who: Who) -> Any:
        """What it is told after something was done, as JSON that can be kept; no token is in it."""
        ...

    async def after(self, class_name: str, told: Any) -> None:
        """Tells it. Raises GatewayError: HOOK_REFUSED where it was told and failed, UNAVAILABLE or TIMEOUT."""
        ...


Registered = Callable[[str, str], Awaitable[Any]]
"""Class and moment -> where its trigger is, as something that has a `url`, or None."""


class Triggers(Protocol):
    """Which code is to be asked."""

    @property
    def any(self) -> bool:
        """False where the config has none, and never will."""
        ...

    async def find(
        self, class_name: str, moment: Moment, *, created: bool = True, registered: Registered | None = None
    ) -> Trigger | None:
        """Whom to ask: what is registered goes before what the config has. `created` tells a new object's saving.

        Raises GatewayError(UNAVAILABLE) where it cannot be known, as a server of code was never reached.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)  # no repr: who has the token can send to the device
class PushTarget:
    """One device: the installation `id`, as the store knows it, and what of it a sender needs.

    Without a `token` it is known by its installation id alone, as Android devices of LeanCloud's own channel are: who
    cannot send to it so answers FAILED. `badge` is the number that the device is to show; None where the push does not
    say one. `extras` has the other fields of the installation that are plain JSON (`deviceProfile`, say).
    """

    id: str
    token: str | None
    device_type: str
    installation_id: str | None = None
    push_type: str | None = None
    app_identifier: str | None = None
    time_zone: str | None = None
    badge: int | None = None
    extras: Mapping[str, Any] = field(default_factory=dict)


class Delivery(StrEnum):
    SENT = "sent"
    FAILED = "failed"
    GONE = "gone"  # there is no such device any more: the installation loses its token


@dataclass(frozen=True, slots=True)
class PushOutcome:
    """What became of a push to one device; `reason` is why not, in a few words that an owner may read."""

    delivery: Delivery
    reason: str = ""


class PushSender(Protocol):
    async def send(
        self,
        targets: Sequence[PushTarget],
        data: Mapping[str, Any],
        *,
        push_id: str,
        expires_at: Date | None,
        production: bool,
    ) -> Sequence[PushOutcome]:
        """Sends `data`, which is what devices of this type are told, to at most `MOST_TARGETS` of them.

        Answers one outcome a target, in their order. `push_id` is the same for all batches of a push: with the target's
        id it says whether something was sent before, should a gateway die before it has written down that it was.
        Raises GatewayError, UNAVAILABLE or TIMEOUT, only where none of them was sent: they are tried again later.
        """
        ...


MOST_TARGETS: Final = 500


@dataclass(frozen=True, slots=True)
class Written:
    """What a storage has kept: bytes, and a text that is another one for other bytes."""

    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What is in a storage: how many bytes, and since when."""

    size: int
    modified: Date


class FileStorage(Protocol):
    """Bytes by keys, which are random and the gateway's alone (`new_key`): no client's text is ever a part of one.

    Each key is written once. Raises GatewayError: FILE_NOT_FOUND for a key that is not there, UNAVAILABLE or TIMEOUT.
    """

    async def write(self, key: str, content: AsyncIterable[bytes], *, longest: int) -> Written:
        """Returns when the bytes are safe. Nothing is left where it fails, nor where it is cancelled.

        Raises GatewayError(TOO_LARGE) for more than `longest` bytes, and whatever reading the content raises.
        """
        ...

    def read(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` to before `stop`, a piece at a time."""
        ...

    async def stat(self, key: str) -> Entry | None: ...

    async def delete(self, key: str) -> None:
        """There need not be one."""
        ...

    async def copy(self, source: str, target: str) -> Written: ...

    async def close(self) -> None: ...


async def within(content: AsyncIterable[bytes], longest: int) -> AsyncIterator[bytes]:
    """The same bytes. Raises GatewayError(TOO_LARGE) where there are more than `longest`."""
    size = 0
    async for piece in content:
        size += len(piece)
        if size > longest:
            raise GatewayError(Code.TOO_LARGE, f"a file has at most {longest} bytes", expected=str(longest))
        yield piece


def new_key() -> str:
    """A key of a storage."""
    return token_hex(16)


class Fetcher(Protocol):
    def open(self, url: str, *, longest: int | None = None) -> AbstractAsyncContextManager[Content]:
        """What is at an address that a client named, as long as the block lasts; at most `longest` bytes of it.

        Raises GatewayError, also while it is read: UNSUPPORTED where nothing is fetched at all, FORBIDDEN where not
        from there, BAD_REQUEST for what is no address, TOO_LARGE, TIMEOUT, and UNAVAILABLE where there is no such file.
        """
        ...


@dataclass(frozen=True, slots=True)
class Outside:
    """The adapters of one app: None where it has none. `verifiers`: provider of authData -> who is asked.

    `push_senders`: type of device (`ios`, `android`, `web`, ...) -> who sends to it; `*` has all others.
    """

    mailer: Mailer | None = None
    texter: Texter | None = None
    captcha: Captcha | None = None
    verifiers: Mapping[str, Verifier] = field(default_factory=dict)
    functions: Functions | None = None
    triggers: Triggers | None = None
    fetcher: Fetcher | None = None
    push_senders: Mapping[str, PushSender] = field(default_factory=dict)
