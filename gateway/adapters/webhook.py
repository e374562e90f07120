"""The one client of webhooks: a JSON question is posted, a JSON answer comes back.

Two headers prove to the receiver who asks, and when:

    X-Gateway-Timestamp    seconds since 1970
    X-Gateway-Signature    sha256=<hex>: HMAC-SHA256, with the shared secret, of the timestamp, a dot and the body

Nothing is asked twice, as the receiver may have acted on what it did not answer. Redirects are not followed: the
question may hold a code or a token, and is for the configured receiver alone. No error tells the address or a secret.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import logging
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import orjson

from gateway import __version__
from gateway.errors import Code, GatewayError

log = logging.getLogger(__name__)

KEPT_OPEN: Final = 4.0
"""Seconds that an idle connection is kept: Node.js closes them after 5, and a question that meets that is lost."""
MOST_CONNECTIONS: Final = 200
MOST_TO_ONE: Final = 50
"""So that one slow receiver does not take the connections of all others."""
PLAIN: Final = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
"""A date or a pointer of ours is not JSON: how a receiver expects it, its adapter knows."""
NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Hook:
    """A receiver. `name` stands in errors and logs; the address is in neither, as it may hold a key."""

    name: str
    url: str
    secret: str | None = None
    timeout: float = 10.0
    """Seconds for all of it: a connection, the question and the answer."""
    longest_answer: int = 1024**2
    """Bytes, after decompression."""
    headers: Mapping[str, str] = field(default_factory=dict)
    failures: frozenset[int] = frozenset()
    """Statuses of 500 and more with which it answers like with one of 4xx."""


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """What a receiver said, with a status below 300, of 4xx or of its `failures`. `body` is None for none."""

    status: int
    body: Any

    @property
    def ok(self) -> bool:
        return self.status < 300


class Webhooks:
    """A pool of connections to receivers. With `public_only` none of them is in a private network.

    What clients can set the address of goes through a pool of that kind, and only through it: a connection that the
    owner's own hook has opened to a private address must not be there to be used again.
    """

    def __init__(self, *, public_only: bool = False, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=MOST_CONNECTIONS,
                limit_per_host=MOST_TO_ONE,
                keepalive_timeout=KEPT_OPEN,
                socket_factory=public_socket if public_only else None,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"baas-gateway/{__version__}", "Accept": "application/json"},
        )

    async def close(self) -> None:
        await self._session.close()

    async def ask(self, hook: Hook, question: Any) -> Answer:
        """Posts the question and reads the answer; a refusal of the receiver (4xx) that is JSON is an answer as well.

        Raises GatewayError: BAD_VALUE where the question is no JSON, TIMEOUT, and UNAVAILABLE for everything else.
        """
        try:
            body = orjson.dumps(question, option=PLAIN)
        except TypeError:
            raise GatewayError(Code.BAD_VALUE, f"{hook.name} can be asked about plain JSON only") from None
        try:
            async with self._session.post(
                hook.url,
                data=body,
                headers={**hook.headers, **self._signed(hook, body), "Content-Type": "application/json"},
                timeout=aiohttp.ClientTimeout(total=hook.timeout),
                allow_redirects=False,
            ) as response:
                return Answer(response.status, await _read(response, hook))
        except TimeoutError:
            log.warning("a webhook took too long hook=%s timeout=%ss", hook.name, hook.timeout)
            raise GatewayError(Code.TIMEOUT, f"{hook.name} did not answer in time") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # the class alone: the text of aiohttp's errors has the address in it
            reason = "it is not at a public address" if not_public(error) else type(error).__name__
            log.warning("a webhook cannot be reached hook=%s reason=%s", hook.name, reason)
            raise GatewayError(Code.UNAVAILABLE, f"{hook.name} cannot be reached") from None

    def _signed(self, hook: Hook, body: bytes) -> dict[str, str]:
        if hook.secret is None:
            return {}
        timestamp = str(int(self._now()))
        return {"X-Gateway-Timestamp": timestamp, "X-Gateway-Signature": signature(hook.secret, timestamp, body)}


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What `X-Gateway-Signature` says of this body."""
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


async def _read(response: aiohttp.ClientResponse, hook: Hook) -> Any:
    if 300 <= response.status < 400 or (response.status >= 500 and response.status not in hook.failures):
        raise _useless(hook, response, f"answered with status {response.status}")
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > hook.longest_answer:
            raise _useless(hook, response, "gave too long an answer")
    if not body:
        return None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        said = f"status {response.status}" if response.status >= 400 else "what is not JSON"
        raise _useless(hook, response, f"answered with {said}") from None


def _useless(hook: Hook, response: aiohttp.ClientResponse, what: str) -> GatewayError:
    # a connection with the rest of an answer on it is not used again
    response.close()
    log.warning("a webhook failed hook=%s reason=%r", hook.name, what)
    return GatewayError(Code.UNAVAILABLE, f"{hook.name} {what}")


class _NotPublicError(OSError):
    """The address belongs to a private network, or to this machine."""


def public_socket(info: aiohttp.AddrInfoType) -> socket.socket:
    """The socket to this address. It is looked at here, and not when the name is: a name may tell two addresses."""
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        raise _NotPublicError("not a public address")
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)
    return made


def is_public(address: str) -> bool:
    """Whether an IP address can belong to anybody in the internet, IPv4 inside of IPv6 included."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        if (inner := ip.ipv4_mapped) is not None:
            return is_public(str(inner))
        if ip.sixtofour is not None or ip.teredo is not None or ip.is_site_local:
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def not_public(error: BaseException | None) -> bool:
    return isinstance(error, _NotPublicError) or (
        isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, _NotPublicError)
    )


# --- what the answers of all adapters have in common ---

LONGEST_MESSAGE: Final = 300


def understood(hook: Hook, answer: Answer) -> dict[str, Any]:
    """The object that was answered; an empty one for no body. Raises GatewayError(UNAVAILABLE)."""
    if not answer.ok:
        log.warning("a webhook failed hook=%s status=%s", hook.name, answer.status)
        raise GatewayError(Code.UNAVAILABLE, f"{hook.name} answered with status {answer.status}")
    if answer.body is None:
        return {}
    if type(answer.body) is not dict:
        raise not_understood(hook)
    return answer.body


def not_understood(hook: Hook) -> GatewayError:
    log.warning("a webhook failed hook=%s reason=%r", hook.name, "its answer has another form")
    return GatewayError(Code.UNAVAILABLE, f"{hook.name} gave an answer that is not understood")


def refusal(answer: Mapping[str, Any], otherwise: str, code: Code = Code.BAD_REQUEST) -> GatewayError:
    """The receiver's No, in its own words where it has some."""
    message = answer.get("message")
    return GatewayError(code, message[:LONGEST_MESSAGE] if type(message) is str and message else otherwise)
