"""Apple's push service: HTTP/2, with a token that is signed by the team's key.

Apple's documentation, "Sending notification requests to APNs" and "Establishing a token-based connection to APNs".
"""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx
import jwt
import orjson

from gateway.adapters.base import PushOutcome, PushTarget
from gateway.adapters.notices import (
    SENT,
    Notice,
    NotReachedError,
    Tried,
    apple_payload,
    failed,
    gone,
    once_more,
    plain_name,
    read_notice,
    to_each,
    wait_of,
)
from gateway.model.values import Date

log = logging.getLogger(__name__)

for _chatty in ("httpx", "httpcore", "hpack"):
    # they tell addresses and headers, in which there are the tokens of devices, and the gateway's own
    logging.getLogger(_chatty).setLevel(logging.WARNING)

PRODUCTION: Final = "https://api.push.apple.com"
SANDBOX: Final = "https://api.sandbox.push.apple.com"

TOKEN_LASTS: Final = 40 * 60.0
"""Seconds: Apple refuses one that is older than an hour, and a new one that comes within 20 minutes."""
LONGEST: Final = 4096
"""Bytes of a payload."""
LONGEST_COLLAPSE: Final = 64

_TOPIC: Final = re.compile(r"[A-Za-z0-9._-]{1,255}")
_NOT_REACHED: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_CUT_OFF: Final = (httpx.WriteError, httpx.ReadError, httpx.ProtocolError)


@dataclass(frozen=True, slots=True, repr=False)  # no repr: it holds a key
class ApnsKey:
    """A key of a team's: `pem` is what Apple's .p8 file has in it."""

    pem: str
    key_id: str
    team_id: str

    def __post_init__(self) -> None:
        """Raises ValueError, which says nothing of what is in it, where nothing can be signed with it."""
        try:
            jwt.encode({}, self.pem, algorithm="ES256")
        except (jwt.PyJWTError, ValueError, TypeError):
            raise ValueError("must be a private key in PEM, as Apple's .p8 files are") from None


class ApnsSender:
    """Sends to devices of Apple's. To be made on an event loop.

    `topic` is the app's bundle id, for installations that do not say theirs (`app_identifier`); `timeout` is seconds
    for one of them. With `url` that server is asked, whether it is for production or not.
    """

    def __init__(
        self,
        key: ApnsKey,
        *,
        topic: str | None = None,
        url: str | None = None,
        timeout: float = 10.0,
        at_once: int = 100,
        tls: ssl.SSLContext | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._key, self._topic = key, topic
        self._urls = (url or SANDBOX, url or PRODUCTION)
        self._now = now
        self._turns = asyncio.Semaphore(at_once)
        self._token: tuple[str, float] | None = None
        context = tls or ssl.create_default_context()
        # one connection each, which has streams for all: of several that Apple has closed, a request could meet two
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=300)
        self._clients = [
            httpx.AsyncClient(http2=True, verify=context, timeout=timeout, limits=limits, trust_env=False)
            for _ in self._urls
        ]

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()

    async def send(
        self,
        targets: Sequence[PushTarget],
        data: Mapping[str, Any],
        *,
        push_id: str,
        expires_at: Date | None,
        production: bool,
    ) -> Sequence[PushOutcome]:
        notice = read_notice(data)
        headers = _headers(notice, expires_at)

        async def one(target: PushTarget) -> PushOutcome:
            topic = target.app_identifier or self._topic
            if topic is None or not _TOPIC.fullmatch(topic):
                return failed("the installation has no appIdentifier that can be one")
            if target.token is None or not target.token.isalnum() or not target.token.isascii():
                return gone("BadDeviceToken")  # and it would be part of a path
            body = orjson.dumps(apple_payload(notice, target))
            if len(body) > LONGEST:
                return failed("PayloadTooLarge")
            own = {"apns-topic": topic, "apns-id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{push_id}:{target.id}"))}
            url = f"{self._urls[production]}/3/device/{target.token}"
            return await once_more(lambda: self._once(self._clients[production], url, body, headers | own))

        return await to_each(targets, one, self._turns, service="Apple's push service")

    async def _once(self, client: httpx.AsyncClient, url: str, body: bytes, headers: Mapping[str, str]) -> Tried:
        token = self._bearer()
        try:
            answer = await client.post(url, content=body, headers={**headers, "authorization": f"bearer {token}"})
        except _NOT_REACHED as error:
            raise NotReachedError from error
        except httpx.TimeoutException:
            return failed("no answer in time"), None
        except _CUT_OFF as error:
            # Apple closes connections as it likes, and it is noticed by who uses it next
            return failed(type(error).__name__), 0.0
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
            # the class alone: the text may have the address, with the device's token in it
            return failed(type(error).__name__), None
        if answer.status_code == 200:
            return SENT, None
        reason = _reason(answer.content)
        if answer.status_code == 410:
            return gone(reason), None
        if reason == "ExpiredProviderToken":
            if self._token is not None and self._token[0] == token:
                self._token = None
            return failed(reason), 0.0
        if answer.status_code in (403, 400) and "ProviderToken" in reason:
            log.error("Apple's push service refuses the key key_id=%s reason=%s", self._key.key_id, reason)
        again = wait_of(answer.headers.get("retry-after"), self._now()) if answer.status_code in (429, 503) else None
        return failed(reason), again

    def _bearer(self) -> str:
        if self._token is None or self._token[1] <= self._now():
            claims = {"iss": self._key.team_id, "iat": int(self._now())}
            signed = jwt.encode(claims, self._key.pem, algorithm="ES256", headers={"kid": self._key.key_id})
            self._token = (signed, self._now() + TOKEN_LASTS)
        return self._token[0]


def _headers(notice: Notice, expires_at: Date | None) -> dict[str, str]:
    # a badge or a sound beside content-available is for the user, too; but Apple takes an alert push for that alone
    background = notice.silent and not notice.shows and notice.sound is None
    headers = {
        "apns-push-type": "background" if background else "alert",
        "apns-priority": "10" if notice.urgent and not background else "5",
        "content-type": "application/json",
    }
    if expires_at is not None:
        headers["apns-expiration"] = str(expires_at.ms // 1000)
    if notice.collapse:
        headers["apns-collapse-id"] = plain_name(notice.collapse, LONGEST_COLLAPSE)
    return headers


def _reason(body: bytes) -> str:
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "not understood"
    reason = told.get("reason") if isinstance(told, dict) else None
    return reason if isinstance(reason, str) else "not understood"
