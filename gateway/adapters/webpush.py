"""Browsers: Web Push (RFC 8030), with an encrypted payload (RFC 8291) and the sender's signature (VAPID, RFC 8292).

A device's token is the browser's PushSubscription as JSON: `{"endpoint", "keys": {"p256dh", "auth"}}`. The endpoint
comes from a client. So it has to be https and in the public network, and no redirect is followed.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import http_ece
import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from gateway.adapters.base import PushOutcome, PushTarget
from gateway.adapters.notices import (
    SENT,
    NotReachedError,
    Tried,
    failed,
    gone,
    once_more,
    plain_name,
    read_notice,
    seconds_left,
    to_each,
    wait_of,
)
from gateway.adapters.webhook import not_public, public_socket
from gateway.model.values import Date

log = logging.getLogger(__name__)

LONGEST_ENDPOINT: Final = 2000
LONGEST: Final = 3993
"""Bytes of a payload, so that it has 4096 when it is encrypted, which every push service takes: RFC 8291, 4."""
LONGEST_TOPIC: Final = 32
DEFAULT_TTL: Final = 4 * 7 * 86400
"""Seconds that a push service keeps a push for a browser that is not there; they keep none longer."""
TOKEN_LASTS: Final = 12 * 3600
"""Seconds; RFC 8292 allows a day."""
MOST_TOKENS: Final = 100


@dataclass(frozen=True, slots=True, repr=False)  # no repr: who has it can write to the browser
class Subscription:
    endpoint: str
    origin: str
    public_key: bytes
    secret: bytes

    @classmethod
    def read(cls, token: str | None, *, private: bool) -> Subscription:
        """Raises ValueError, with what is wrong. With `private` any http address will do."""
        try:
            told = orjson.loads(token or "")
            endpoint, keys = told["endpoint"], told["keys"]
            public_key, secret = _decoded(keys["p256dh"]), _decoded(keys["auth"])
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)  # RFC 8291: it is on the curve
            parts = urlsplit(endpoint)
            port = parts.port
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ValueError("the token is no subscription") from None
        if not parts.hostname or len(endpoint) > LONGEST_ENDPOINT or len(secret) != 16 or "@" in parts.netloc:
            raise ValueError("the token is no subscription")
        if not private and (parts.scheme != "https" or port not in (None, 443)):
            raise ValueError("its endpoint is not https")
        if parts.scheme not in ("https", "http"):
            raise ValueError("its endpoint is not https")
        return cls(endpoint, f"{parts.scheme}://{parts.netloc}", public_key, secret)


class WebPushSender:
    """Sends to browsers. `key` is the private VAPID key: base64 of its 32 bytes, or PEM. To be made on an event loop.

    `subject` is whom a push service may write to, `mailto:` or https. With `private_endpoints` a push service may be in
    a private network, and be asked without TLS.
    """

    def __init__(
        self,
        *,
        key: str,
        subject: str,
        private_endpoints: bool = False,
        timeout: float = 10.0,
        at_once: int = 50,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._key, self._subject, self._private = read_key(key), subject, private_endpoints
        self._public = public_of(self._key)
        self._now = now
        self._turns = asyncio.Semaphore(at_once)
        self._tokens: dict[str, tuple[str, float]] = {}
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=at_once, socket_factory=None if private_endpoints else public_socket),
            timeout=aiohttp.ClientTimeout(total=timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        await self._session.close()

    async def send(
        self,
        targets: Sequence[PushTarget],
        data: Mapping[str, Any],
        *,
        push_id: str,
        expires_at: Date | None,
        production: bool,  # a browser has one push service
    ) -> Sequence[PushOutcome]:
        notice = read_notice(data)
        ttl = DEFAULT_TTL if expires_at is None else seconds_left(expires_at, self._now())
        headers = {
            "TTL": str(ttl),
            "Urgency": "high" if notice.urgent else "normal",
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
        }
        if notice.collapse:
            headers["Topic"] = plain_name(notice.collapse, LONGEST_TOPIC)

        async def one(target: PushTarget) -> PushOutcome:
            try:
                to = Subscription.read(target.token, private=self._private)
            except ValueError as wrong:
                return gone(wrong)
            badge = {} if target.badge is None else {"badge": target.badge}
            payload = orjson.dumps({**data, **badge, "push_id": push_id})
            if len(payload) > LONGEST:
                return failed("the push is too large")
            body = encrypted(payload, to)
            return await once_more(lambda: self._once(to, body, headers))

        return await to_each(targets, one, self._turns, service="a web push service")

    async def _once(self, to: Subscription, body: bytes, headers: Mapping[str, str]) -> Tried:
        signed = {**headers, "Authorization": f"vapid t={self._token(to.origin)}, k={self._public}"}
        try:
            async with self._session.post(to.endpoint, data=body, headers=signed, allow_redirects=False) as answer:
                status, retry_after = answer.status, answer.headers.get("Retry-After")
        except TimeoutError:
            return failed("no answer in time"), None
        except aiohttp.ServerDisconnectedError as error:
            return failed(type(error).__name__), 0.0  # a connection that was kept open, and is not any more
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if not_public(error):
                return failed("its endpoint is not at a public address"), None
            if isinstance(error, aiohttp.ClientConnectorError):
                raise NotReachedError from error
            return failed(type(error).__name__), None
        if 200 <= status < 300:
            return SENT, None
        if status in (404, 410):  # RFC 8030, 7.3: the subscription is no more
            return gone(f"status {status}"), None
        again = wait_of(retry_after, self._now()) if status in (429, 503) else None
        return failed(f"status {status}"), again

    def _token(self, origin: str) -> str:
        token, until = self._tokens.get(origin, ("", 0.0))
        if until <= self._now():
            if len(self._tokens) >= MOST_TOKENS:
                self._tokens.clear()
            until = self._now() + TOKEN_LASTS
            # used for half of the time that it holds for
            claims = {"aud": origin, "exp": int(until + TOKEN_LASTS / 2), "sub": self._subject}
            token = jwt.encode(claims, self._key, algorithm="ES256")
            self._tokens[origin] = (token, until)
        return token


def encrypted(payload: bytes, to: Subscription) -> bytes:
    """RFC 8291: one record, with a key pair and a salt of its own."""
    own = ec.generate_private_key(ec.SECP256R1())
    body: bytes = http_ece.encrypt(
        payload, private_key=own, dh=to.public_key, auth_secret=to.secret, version="aes128gcm"
    )
    return body


def read_key(text: str) -> ec.EllipticCurvePrivateKey:
    """Raises ValueError, which says nothing of what it is."""
    wrong = ValueError("must be a private key of the curve P-256: base64 of its 32 bytes, or PEM")
    try:
        if "-----BEGIN" in text:
            key = load_pem_private_key(text.encode(), password=None)
        else:
            raw = _decoded(text.strip())
            if len(raw) != 32:
                raise wrong
            key = ec.derive_private_key(int.from_bytes(raw), ec.SECP256R1())
    except (ValueError, TypeError):
        raise wrong from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise wrong
    return key


def public_of(key: ec.EllipticCurvePrivateKey) -> str:
    """What browsers are given as `applicationServerKey`."""
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(point).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    """Base64 of either alphabet, with or without its end. Raises ValueError."""
    plain = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None
