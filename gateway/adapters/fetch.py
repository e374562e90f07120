"""Files from addresses that clients name: streamed, bounded, and from hosts alone that the owner has allowed.

Whoever names an address makes the gateway ask it, from inside of its network. So an address must be of http or https,
its host must be on the owner's list, and the machine must be in the internet: that is looked at where the connection is
made, and again for each redirect, so no name and no way of writing an address gets around it. No error tells the
address, as it may hold a key.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urljoin, urlsplit

import aiohttp
from yarl import URL

from gateway import __version__
from gateway.adapters.webhook import not_public, public_socket
from gateway.errors import Code, GatewayError
from gateway.model.files import Content

log = logging.getLogger(__name__)

MOST_REDIRECTS: Final = 5
MOST_CONNECTIONS: Final = 50
LONGEST_URL: Final = 4096
ANY_HOST: Final = "*"
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
USUAL_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Hosts:
    """Where files may be fetched from: `files.example.com`, `*.example.com` for all below it, or `*` for any host.

    With a port (`files.example.com:8443`) it is that port alone, without one the usual port of http or https.
    """

    names: frozenset[str]

    @classmethod
    def read(cls, names: Collection[str]) -> Hosts:
        return cls(frozenset(name.lower() for name in names))

    def __bool__(self) -> bool:
        return bool(self.names)

    def allow(self, scheme: str, host: str, port: int | None) -> bool:
        usual = USUAL_PORTS[scheme]
        ending = "" if port in (None, usual) else f":{port}"
        labels = host.lower().split(".")
        above = (f"*.{'.'.join(labels[at:])}" for at in range(1, len(labels)))
        return any(f"{name}{ending}" in self.names for name in (host.lower(), *above, ANY_HOST))


@dataclass(frozen=True, slots=True)
class _Fetched:
    """The body of an answer, on its way in. `longest` is in bytes, of what is read."""

    size: int | None
    mime_type: str | None
    longest: int
    _stream: aiohttp.StreamReader = field(repr=False)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        arrived = 0
        try:
            async for piece in self._stream.iter_any():
                arrived += len(piece)
                if arrived > self.longest:
                    raise _too_large(self.longest)
                yield piece
        except TimeoutError:
            raise _late() from None
        except (aiohttp.ClientError, OSError) as error:
            raise _broken(type(error).__name__) from None


class Fetcher:
    """Fetches from `hosts`. `private` lets them be in a private network: for an owner whose files are there."""

    def __init__(self, *, hosts: Collection[str], timeout: float, longest: int, private: bool = False) -> None:
        self._hosts = Hosts.read(hosts)
        self._timeout = timeout
        self._longest = longest
        self._private = private
        self._made: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._made is not None:
            await self._made.close()

    @asynccontextmanager
    async def open(self, url: str, *, longest: int | None = None) -> AsyncIterator[Content]:
        """What is at an address, as long as the block lasts; `longest` is in bytes, if less than the owner allows.

        Raises GatewayError: UNSUPPORTED where nothing is fetched at all, FORBIDDEN where not from there, BAD_REQUEST
        for what is no address, TOO_LARGE, TIMEOUT, and UNAVAILABLE where there is no such file.
        """
        if not self._hosts:
            raise GatewayError(
                Code.UNSUPPORTED, "files are not fetched from addresses here; the setting fetch.hosts says from which"
            )
        most = self._longest if longest is None else min(longest, self._longest)
        try:
            response = await self._ask(url)
        except TimeoutError:
            log.warning("fetching a file took too long timeout=%ss", self._timeout)
            raise _late() from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if not_public(error):
                raise _forbidden() from None
            # the class alone: the text of aiohttp's errors has the address in it
            log.warning("a file cannot be fetched reason=%s", type(error).__name__)
            raise _broken(type(error).__name__) from None
        try:
            yield _content(response, most)
        finally:
            # what was not read to its end is not used again
            response.close()

    async def _ask(self, url: str) -> aiohttp.ClientResponse:
        for _ in range(MOST_REDIRECTS + 1):
            self._check(url)
            response = await self._session.get(
                URL(url), allow_redirects=False, timeout=aiohttp.ClientTimeout(total=self._timeout)
            )
            target = response.headers.get("Location")
            if response.status not in REDIRECTS or target is None:
                return response
            response.close()
            url = urljoin(url, target)
        raise GatewayError(Code.UNAVAILABLE, f"the file is more than {MOST_REDIRECTS} redirects away")

    def _check(self, url: str) -> None:
        """Raises GatewayError where this is no address, or none to fetch from."""
        try:
            parts = urlsplit(url)
            scheme, host, port = parts.scheme.lower(), parts.hostname, parts.port
            # what is asked is what aiohttp reads: the two must not differ about whose address it is
            asked = URL(url).host
        except ValueError:
            raise _no_address() from None
        if len(url) > LONGEST_URL or scheme not in USUAL_PORTS or not host or not asked:
            raise _no_address()
        if parts.username is not None or parts.password is not None:
            raise GatewayError(Code.BAD_REQUEST, "an address with a name and a password in it is not fetched")
        if not self._hosts.allow(scheme, asked, port):
            raise _forbidden()

    @property
    def _session(self) -> aiohttp.ClientSession:
        if self._made is None:
            self._made = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=MOST_CONNECTIONS,
                    force_close=True,
                    socket_factory=None if self._private else public_socket,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,  # a few bytes that become gigabytes
                headers={"User-Agent": f"baas-gateway/{__version__}", "Accept-Encoding": "identity"},
            )
        return self._made


def _content(response: aiohttp.ClientResponse, longest: int) -> Content:
    if response.status != 200:
        raise GatewayError(Code.UNAVAILABLE, f"there is no such file: the address answers with {response.status}")
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise GatewayError(Code.UNAVAILABLE, "the file comes compressed, though that was not asked for")
    size = response.content_length
    if size is not None and size > longest:
        raise _too_large(longest)
    told = response.content_type if "Content-Type" in response.headers else None
    return _Fetched(size, told, longest, response.content)


def _no_address() -> GatewayError:
    return GatewayError(Code.BAD_REQUEST, "this is no address of http or https")


def _forbidden() -> GatewayError:
    return GatewayError(Code.FORBIDDEN, "files are not fetched from this address")


def _too_large(longest: int) -> GatewayError:
    return GatewayError(Code.TOO_LARGE, f"the file has more than {longest} bytes")


def _late() -> GatewayError:
    return GatewayError(Code.TIMEOUT, "the file did not arrive in time")


def _broken(reason: str) -> GatewayError:
    return GatewayError(Code.UNAVAILABLE, f"the file cannot be fetched ({reason})")
