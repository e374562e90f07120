"""A backend that is somebody else's server: a dialect writes and reads, and this module does the talking.

Whatever goes wrong on the way becomes a GatewayError: TIMEOUT, or UNAVAILABLE. What only reads is asked again, with
pauses, within one time limit and one budget; a write never is, as the backend may have done what it did not answer.

Keys are those of the configuration. A client's request has the backend's client key, and the session of the client, so
that the backend itself says who that is and what it may do; only a caller who proved to be the master has the master
key. What the gateway asks for itself goes with it, too: which columns there are (`learned`), and which object a device
has that was just changed (`known_devices`).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
import orjson
from yarl import URL

from gateway.backends.breaker import Breaker, FailedError, OpenError, RetryBudget
from gateway.dialects.addresses import ADDRESSES
from gateway.dialects.dialect import CODE_CALLS, Dialect
from gateway.errors import Code, GatewayError
from gateway.model.account import IGNORE_SESSIONS, CurrentSession, CurrentUser
from gateway.model.definition import FindSchemas, GetSchema
from gateway.model.files import Content, ReadFile, name_in, read_path
from gateway.model.operation import (
    Batch,
    Caller,
    CountInGroup,
    Credentials,
    Find,
    FindGroups,
    FindRelated,
    Get,
    Operation,
    Result,
    Scan,
)
from gateway.model.values import Date
from gateway.wire import NOTHING, HttpRequest, HttpResponse, read_json

log = logging.getLogger(__name__)

T = TypeVar("T")

READS: Final[frozenset[type[Operation]]] = frozenset(
    {Get, Find, FindRelated, FindGroups, CountInGroup, Scan, CurrentUser, CurrentSession, FindSchemas, GetSchema}
)
"""What can be asked twice without harm."""

LONGEST_URL: Final = 4000
"""Above it a query goes in a body, where the dialect can: Node.js reads 16 kB of request line and headers."""

FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 1.0
KEPT_OPEN: Final = 4.0
"""Seconds that an idle connection is kept: Node.js closes them after 5, and a write that meets that is lost."""

GATEWAY_STATUSES: Final = frozenset({502, 503, 504})
"""What a proxy answers for a server that is not there."""
ALONE: Final = frozenset({413, 429})
"""What says it all without a body: who answers may stand in front of the backend, and not know its dialect."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)  # no repr: it holds keys
class Address:
    """Where a backend is, and how one comes in. `url` has the mount, which may have holes: `/{app_id}/{api_key}`."""

    name: str
    url: str
    app_id: str
    keys: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Times are in seconds, sizes in bytes. `timeout` is for all of a request, with all that is asked again."""

    timeout: float = 20.0
    connect_timeout: float = 3.0
    connections: int = 100
    longest_answer: int = 32 * 1024**2
    retries: int = 2
    failures_until_open: int = 10
    open_for: float = 2.0


class UnsaidError(GatewayError):
    """The backend's dialect has no words for an operation; nothing was sent."""

    def __init__(self, message: str) -> None:
        super().__init__(Code.UNSUPPORTED, message)


class TroubleError(FailedError):
    """A failure on the way: what the client is told, what the log is, and whether the next attempt may do better.

    Of an error of aiohttp's the log is told the class alone, as its text has the address in it.
    """

    def __init__(self, error: GatewayError, reason: BaseException | str, *, passing: bool = True) -> None:
        super().__init__(error.message)
        self.error = error
        self.reason = reason if isinstance(reason, str) else type(reason).__name__
        self.passing = passing


class Pool:
    """Connections to one server. Who waits for a place in it says nothing of the server."""

    def __init__(self, patience: Patience) -> None:
        self.places = asyncio.Semaphore(patience.connections)
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_OPEN),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "baas-gateway", "Accept": "application/json", "Accept-Encoding": "gzip"},
            skip_auto_headers=("Content-Type",),
            timeout=aiohttp.ClientTimeout(sock_connect=patience.connect_timeout),
        )
        # aiohttp would send a PUT or a DELETE again by itself, where a connection that was kept open breaks off; an
        # increment must not happen twice. There is no public setting for it, and a test that counts what arrives
        self.session._retry_connection = False  # noqa: SLF001

    @contextlib.asynccontextmanager
    async def place(self, seconds: float) -> AsyncIterator[None]:
        """Raises GatewayError(UNAVAILABLE) where none is free for so long."""
        try:
            async with asyncio.timeout(seconds):
                await self.places.acquire()
        except TimeoutError:
            told = "too much is under way with what stands behind the gateway"
            raise GatewayError(Code.UNAVAILABLE, told) from None
        try:
            yield
        finally:
            self.places.release()


class Remote:
    """One application on one server. Raises GatewayError and nothing else."""

    def __init__(self, address: Address, dialect: Dialect, patience: Patience) -> None:
        self.dialect = dialect
        self._name = address.name
        self._app_id = address.app_id
        self._client_keys = _first(address.keys, dialect.proves.client)
        self._master_keys = _first(address.keys, dialect.proves.master)
        self._patience = patience
        parts = urlsplit(address.url)
        self.server = f"{parts.scheme}://{parts.netloc}"
        self._mount = parts.path.rstrip("/")
        self._file_base = self._base_of_files()
        self._breaker = Breaker(patience.failures_until_open, patience.open_for)
        self._budget = RetryBudget()
        self._pool = Pool(patience)
        # bytes of files go by connections of their own: a slow one must not stand in the way of all that is quick
        self._files = Pool(patience)

    async def close(self) -> None:
        await self._pool.session.close()
        await self._files.session.close()

    @property
    def has_master(self) -> bool:
        """Whether the gateway can ask as the master."""
        return bool(self._master_keys)

    async def identify(self, caller: Caller) -> Caller:
        """The session goes on to the backend as it is: who that is, and what it may do, is known there."""
        return caller

    # --- one operation ---

    async def execute(self, op: Operation, caller: Caller) -> Result:
        if isinstance(op, ReadFile):
            return Result(content=await self._content(op, caller))
        request = self.write(op, caller)
        again = only_reads(op)
        slow = request.content is not None
        own_code = isinstance(op, CODE_CALLS)
        response = await self._ask(
            lambda seconds: self._send(request, seconds, again=again, own_code=own_code), again=again, slow=slow
        )
        try:
            with self.addresses():
                result = self.dialect.read_reply(op, response)
        except GatewayError as error:
            raise self._told(error) from error
        if result.items is not None:
            result.items = [self._told(item) if isinstance(item, GatewayError) else item for item in result.items]
        return result

    def write(self, op: Operation, caller: Caller) -> HttpRequest:
        """The request that says it. Raises UnsaidError."""
        credentials = self.credentials(caller, op)
        try:
            mount = self.dialect.credentials.write_mount(self._mount, credentials)
            with self.addresses():
                request = self.dialect.write_request(op, credentials, mount)
        except GatewayError as error:
            if error.code is Code.UNSUPPORTED:
                raise UnsaidError(error.message) from error
            raise
        request.path = mount + request.path
        request.headers = {**request.headers, **self.dialect.file.sent_headers}
        return request

    @contextlib.contextmanager
    def addresses(self) -> Iterator[None]:
        """Files are named as the backend knows them, and its addresses become names."""
        base = self._file_base
        token = ADDRESSES.set(None if base is None else self.dialect.addresses(base, self._app_id, by_path=True))
        try:
            yield
        finally:
            ADDRESSES.reset(token)

    def _base_of_files(self) -> str | None:
        """What addresses of files begin with there; None where they could only have the master's key in them."""
        credentials = Credentials(app_id=self._app_id, keys=self._client_keys)
        try:
            return self.server + self.dialect.credentials.write_mount(self._mount, credentials)
        except GatewayError:
            return None

    async def _content(self, op: ReadFile, caller: Caller) -> RemoteContent:
        """Where it is, how long and of which type: the bytes are asked for when they are sent."""
        read_path(op.path)
        request = self.write(op, caller)
        url, headers = self._url(request), {**request.headers, "Accept": "*/*", "Accept-Encoding": "identity"}

        async def read(response: aiohttp.ClientResponse) -> RemoteContent:
            if response.status in GATEWAY_STATUSES:
                raise _useless(response, f"status {response.status}", passing=True)
            told = response.headers
            size = told.get("Content-Length", "")
            if response.status != 200 or not size.isdecimal():
                raise GatewayError(Code.FILE_NOT_FOUND, "there is no such file", name=op.path)
            mime_type = told.get("Content-Type", "application/octet-stream")
            about = _tag(told, op.path), _modified(told), name_in(op.path)
            return RemoteContent(self._files, self._patience, url, headers, int(size), mime_type, *about)

        async def send(seconds: float) -> RemoteContent:
            return await self._talk("HEAD", url, headers, None, seconds, read, again=True)

        return await self._ask(send, again=True)

    async def forward(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, *, again: bool
    ) -> tuple[int, Mapping[str, str], bytes]:
        """A request as it is, to a path and query of the server: status, headers with names in lower case, and body.

        Raises GatewayError where there is no answer; whatever is one, is answered.
        """

        async def read(response: aiohttp.ClientResponse) -> tuple[int, Mapping[str, str], bytes]:
            told = {name.lower(): value for name, value in response.headers.items()}
            return response.status, told, await self._read_bytes(response)

        async def send(seconds: float) -> tuple[int, Mapping[str, str], bytes]:
            return await self._talk(method, self.server + target, headers, body, seconds, read, again=again)

        return await self._ask(send, again=again)

    def mount_for(self, caller: Caller) -> str:
        """The path that all others are below, with what stands in its holes."""
        return self.dialect.credentials.write_mount(self._mount, self.credentials(caller))

    def credentials(self, caller: Caller, op: Operation | None = None) -> Credentials:
        """What the backend is shown for a caller. Raises GatewayError."""
        if caller.master and not self._master_keys:
            raise GatewayError(Code.UNSUPPORTED, "the gateway has no master key for what stands behind it")
        session = caller.session
        if type(op) in IGNORE_SESSIONS:
            session = None
        # they come from clients, out of bodies as well, and become headers
        if session is not None and not _fits_a_header(session):
            raise GatewayError(Code.INVALID_SESSION, "Invalid session token")
        installation = caller.installation_id
        if installation is not None and not _fits_a_header(installation):
            raise GatewayError(Code.BAD_REQUEST, "the id of the installation is none")
        return Credentials(
            app_id=self._app_id,
            keys=dict(self._master_keys if caller.master else self._client_keys),
            session=session,
            installation_id=installation,
            context=caller.context,
        )

    def _told(self, error: GatewayError) -> GatewayError:
        """What the client is told of an error that the backend tells: some of them are none of its business."""
        match error.code:
            case Code.UNAUTHORIZED:
                log.error("the backend does not accept the keys that are configured for it backend=%s", self._name)
                return GatewayError(Code.UNAVAILABLE, "the gateway is not let in by what stands behind it")
            case Code.UNKNOWN_ROUTE:
                log.error("the backend knows no such path backend=%s", self._name)
                return GatewayError(Code.UNAVAILABLE, "what stands behind the gateway knows no such request")
            case Code.INTERNAL:  # its message may be that of a database
                return GatewayError(Code.UNAVAILABLE, "what stands behind the gateway failed")
            case _:
                return error

    # --- over the network ---

    async def _ask(self, send: Callable[[float], Awaitable[T]], *, again: bool, slow: bool = False) -> T:
        """`send` is told how many seconds are left. What is `slow` takes as long as its client takes."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience.timeout
        self._budget.earn()
        for attempt in range(self._patience.retries + 1):
            try:
                with self._breaker.passing(slow=slow):
                    return await send(deadline - loop.time())
            except OpenError:
                raise GatewayError(Code.UNAVAILABLE, "what stands behind the gateway cannot be reached") from None
            except TroubleError as trouble:
                log.warning("a backend failed backend=%s reason=%r", self._name, trouble.reason)
                # the pauses are for many gateways not to come back all at once; nothing secret depends on them
                pause = min(FIRST_PAUSE * 4**attempt, LONGEST_PAUSE) * random.uniform(0.5, 1.0)  # noqa: S311
                late = loop.time() + pause >= deadline
                if not again or not trouble.passing or attempt == self._patience.retries or late:
                    raise trouble.error from None
                if not self._budget.take():
                    raise trouble.error from None
                await asyncio.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    async def _send(self, request: HttpRequest, seconds: float, *, again: bool, own_code: bool = False) -> HttpResponse:
        url = self._url(request)
        if len(url) > LONGEST_URL and (tunnelled := self.dialect.tunnelled(request)) is not None:
            request, url = tunnelled, self._url(tunnelled)
        headers = dict(request.headers)
        data: bytes | Content | None = None
        if request.content is not None:
            data = request.content
            headers.setdefault("content-type", "application/octet-stream")  # as mappings spell it, or it is there twice
            if request.content.size is not None:
                headers["Content-Length"] = str(request.content.size)
        elif request.body is not None:
            plain = self.dialect.plain_bodies and isinstance(request.body, str)
            data = request.body.encode() if plain else orjson.dumps(request.body)
            headers["Content-Type"] = "text/plain" if plain else "application/json"

        async def read(response: aiohttp.ClientResponse) -> HttpResponse:
            return HttpResponse(response.status, await self._read(response, own_code=own_code), response.headers)

        return await self._talk(request.method, url, headers, data, seconds, read, again=again)

    async def _talk(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        data: bytes | Content | None,
        seconds: float,
        read: Callable[[aiohttp.ClientResponse], Awaitable[T]],
        *,
        again: bool,
    ) -> T:
        """Raises TroubleError; GatewayError for what is no failure of the backend.

        Where bytes of a client go on as they arrive, the seconds are for each of the server's steps: to take a part of
        them, and to answer when it has them all. How long the client may take, `contents` says.
        """
        faults: list[GatewayError] = []
        unknown = "" if again else "; whether it was done is not known"
        pool = self._pool if isinstance(data, bytes | None) else self._files
        begun = asyncio.get_running_loop().time()
        try:
            async with pool.place(seconds):
                left = seconds - (asyncio.get_running_loop().time() - begun)
                async with asyncio.timeout(left) as clock:
                    body = data if isinstance(data, bytes | None) else _sent(data, clock, seconds, faults)
                    async with pool.session.request(
                        method, URL(url, encoded=True), data=body, headers=headers, allow_redirects=False
                    ) as response:
                        return await read(response)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            told = "what stands behind the gateway cannot be reached"
            raise TroubleError(GatewayError(Code.UNAVAILABLE, told), error) from None
        except TimeoutError as error:
            told = f"what stands behind the gateway did not answer in time{unknown}"
            raise TroubleError(GatewayError(Code.TIMEOUT, told), error) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if faults:  # it was the client who broke off, or sent too much
                raise faults[0] from None
            told = f"what stands behind the gateway broke off{unknown}"
            raise TroubleError(GatewayError(Code.UNAVAILABLE, told), error) from None

    def _url(self, request: HttpRequest) -> str:
        query = urlencode(request.query, quote_via=quote)
        return f"{self.server}{request.path or '/'}{'?' if query else ''}{query}"

    async def _read(self, response: aiohttp.ClientResponse, *, own_code: bool = False) -> Any:
        """The body of an answer. Raises TroubleError; GatewayError for what is no failure of the backend.

        What `own_code` of an app says is its own failure, and no server's, whatever the status.
        """
        status = response.status
        told = own_code and status in GATEWAY_STATUSES and response.content_type == "application/json"
        if 300 <= status < 400 or (status in GATEWAY_STATUSES and not told):
            raise _useless(response, f"status {status}", passing=status >= 500)
        body = await self._read_bytes(response)
        if not body and status < 300:
            return NOTHING
        try:
            return read_json(body)
        except GatewayError:
            if status in ALONE:
                return NOTHING
            raise _useless(response, f"status {status}, and no JSON") from None

    async def _read_bytes(self, response: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > self._patience.longest_answer:
                response.close()  # a connection with the rest of an answer on it is not used again
                raise GatewayError(Code.UNAVAILABLE, "the answer is longer than the gateway takes")
        return bytes(body)


@dataclass(frozen=True, slots=True, repr=False)  # no repr: headers hold keys
class RemoteContent:
    """The bytes of a file of the backend's, as a `StoredContent`."""

    pool: Pool
    patience: Patience
    url: str
    headers: Mapping[str, str]
    size: int
    mime_type: str
    etag: str
    modified: Date
    name: str

    async def read(self, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        stop = self.size if stop is None else stop
        headers = dict(self.headers)
        if (start, stop) != (0, self.size):
            headers["Range"] = f"bytes={start}-{stop - 1}"
        left = stop - start
        try:
            async with (
                self.pool.place(self.patience.timeout),
                self.pool.session.get(
                    URL(self.url, encoded=True), headers=headers, allow_redirects=False, timeout=self._while_it_comes()
                ) as response,
            ):
                if response.status not in (200, 206):
                    raise GatewayError(Code.UNAVAILABLE, "what stands behind the gateway does not send the file")
                # who does not know of ranges sends all of it: Parse Server's adapter for a folder
                passed = start if response.status == 200 else 0
                async for piece in response.content.iter_chunked(64 * 1024):
                    skipped = min(passed, len(piece))
                    passed -= skipped
                    wanted = piece[skipped : skipped + left]
                    left -= len(wanted)
                    if wanted:
                        yield wanted
                    if not left:
                        break
        except (aiohttp.ClientError, OSError, TimeoutError):
            raise GatewayError(Code.UNAVAILABLE, "what stands behind the gateway broke off") from None
        if left:
            raise GatewayError(Code.UNAVAILABLE, "what stands behind the gateway broke off")

    def _while_it_comes(self) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(sock_connect=self.patience.connect_timeout, sock_read=self.patience.timeout)


async def _sent(
    content: Content, clock: asyncio.Timeout, seconds: float, faults: list[GatewayError]
) -> AsyncIterator[bytes]:
    """The bytes as they arrive. The clock stands still while the client is waited for.

    Why there are no more goes into `faults`: aiohttp tells of a connection that broke off, whoever broke it.
    """

    def move(later: float | None) -> None:
        with contextlib.suppress(RuntimeError):  # the server has answered before it had them all
            clock.reschedule(None if later is None else asyncio.get_running_loop().time() + later)

    move(None)
    try:
        async for piece in content:
            move(seconds)
            yield piece
            move(None)
    except GatewayError as error:
        faults.append(error)
        raise
    finally:
        move(seconds)


def _tag(headers: Mapping[str, str], path: str) -> str:
    """Of the backend's own, where it has one, and of what else says that it is another."""
    names = ("ETag", "Last-Modified", "Content-Length")
    ground = ":".join((path, *(headers.get(name, "") for name in names)))
    return hashlib.blake2b(ground.encode(errors="surrogatepass"), digest_size=16).hexdigest()


def _modified(headers: Mapping[str, str]) -> Date:
    try:
        return Date.from_datetime(parsedate_to_datetime(headers.get("Last-Modified", "")))
    except ValueError:
        return Date.from_ms(0)


def _useless(response: aiohttp.ClientResponse, reason: str, *, passing: bool = False) -> TroubleError:
    response.close()
    told = "the answer of what stands behind the gateway could not be understood"
    return TroubleError(GatewayError(Code.UNAVAILABLE, told), reason, passing=passing)


def _first(keys: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    """One key is proof enough."""
    return next(({name: keys[name]} for name in names if name in keys), {})


def only_reads(op: Operation) -> bool:
    """Whether it can be asked again."""
    return all(map(only_reads, op.items)) if isinstance(op, Batch) else type(op) in READS


def _fits_a_header(text: str) -> bool:
    return text.isascii() and text.isprintable()
