"""aiohttp's server side: bytes become an HttpRequest, an HttpResponse becomes bytes, and nothing else happens here.

Whatever goes wrong, the client hears it in its own dialect, since no SDK can parse an HTML page. The way of a request
is short on purpose: one route, no middleware, no access log, and a response that is one buffer.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hmac
import ipaddress
import itertools
import logging
import re
import secrets
import time
import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson
from aiohttp import HttpVersion11, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict

from gateway import __version__
from gateway.contents import EXPECTING, STALLED_AFTER, Arriving, read_form, send
from gateway.errors import Code, GatewayError
from gateway.model.files import StoredContent
from gateway.pages import HEADERS as PAGE_HEADERS
from gateway.pages import PREFIX as PAGES
from gateway.pages import Pages
from gateway.pipeline import Front, serve
from gateway.wire import NOTHING, HttpRequest, HttpResponse, read_json

HEALTH = "/_gateway/health"
CAPABILITIES = "/_gateway/capabilities"
FORWARDED = frozenset({"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"})
"""What a proxy tells of who asks it."""

MAX_LINE = 64 * 1024
"""Of a request line or a header: a where clause in a URL outgrows aiohttp's 8 kB."""

MAX_PARAMETERS = 1000
WITH_BODY = frozenset({"POST", "PUT"})
GZIP_FROM = 1024
GZIP_OFF_THE_LOOP_FROM = 128 * 1024  # about a millisecond of a thread
JSON_TYPE = "application/json; charset=utf-8"
NAME: Mapping[str, str] = {"Server": "baas-gateway"}  # else aiohttp tells its version and that of Python

# how zlib tells its formats apart; RFC 9110 calls "deflate" what zlib calls zlib
WINDOW_BITS: Mapping[str, int] = {"gzip": 31, "deflate": 15}
INFLATE_OFF_THE_LOOP_FROM = 8 * 1024  # it can grow a thousandfold

log = logging.getLogger("gateway.server")

_Answer = tuple[bytes | StoredContent, CIMultiDict[str], int]
"""Body, headers and status."""


class Edge:
    """The handler of every request. Fronts are mounted on paths; the longest mount that fits a path serves it.

    A mount may have holes, as `/{app_id}/{api_key}`; one without them goes before it, and the root comes last.
    """

    def __init__(self, *, max_body: int, public_url: str | None = None, log_requests: bool = False) -> None:
        self.draining = False
        self.pages = Pages({})
        self.capabilities: Mapping[str, Any] = {}
        self.admin_key: str | None = None
        self._under_way = 0
        self._idle = asyncio.Event()
        self._max_body = max_body
        self._public_url = public_url
        self._log_requests = log_requests
        self._mounts: dict[str, _Mounted] = {}
        self._shared: tuple[_Mounted, ...] = ()  # which go before all others, where a header tells so
        self._beside: dict[str, _Mounted] = {}  # whole paths
        self._depths: tuple[int, ...] = ()  # of the mounts, in segments, the deepest first
        self._open_mounts: tuple[_Mounted, ...] = ()  # those with holes, the deepest first
        self._numbers = map(f"{secrets.token_hex(4)}-{{}}".format, itertools.count(1))

    def mount(self, path: str, front: Front) -> None:
        """`/` is the root: it serves what no other mount does."""
        path = path.rstrip("/")
        self._mounts[path] = mounted = _Mounted(path, front)
        self._beside.update(dict.fromkeys(front.dialect.file.beside, mounted))
        if mounted.holes:
            others = [other for other in self._open_mounts if other.path != path]
            self._open_mounts = tuple(sorted((*others, mounted), key=lambda each: -len(each.segments)))
        else:
            closed = {mount.count("/") for mount, each in self._mounts.items() if not each.holes}
            self._depths = tuple(sorted(closed, reverse=True))

    def share(self, path: str, front: Front) -> None:
        """Serves on that path what has a header of this dialect's credentials, whatever else is mounted there."""
        self._shared = (*self._shared, _Mounted(path.rstrip("/"), front))

    def application(self) -> web.Application:
        app = web.Application()
        app[EDGE] = self
        # not `.*`, which a line break in a path would end
        app.router.add_route("*", r"/{path:[\s\S]*}", self.handle, expect_handler=self.expect)
        return app

    async def drain(self, grace: float) -> None:
        """Waits until no request is under way, at most so many seconds; new ones are the last of their connections.

        aiohttp's own shutdown drops the rest of a body that is still arriving, so it has to come after this.
        """
        self.draining = True
        if self._under_way:
            self._idle.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), grace)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self._under_way += 1
        try:
            response = await self._answer(request)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()
        if self.draining:
            response.force_close()
        return response

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.rel_url.raw_path
        if "//" in path:
            path = re.sub("/{2,}", "/", path)
        if path.startswith(PAGES):
            return await self._answer_with_page(path.removeprefix(PAGES), request)
        mounted, mount = self._find(path, request) if path not in (HEALTH, CAPABILITIES) else (None, "")
        if mounted is None:
            return self._answer_for_nobody(path, request)
        if request.method == hdrs.METH_OPTIONS:
            return mounted.preflight()
        started = time.perf_counter() if self._log_requests else 0.0
        try:
            body, headers, status = await self._exchange(mounted, mount, path, request)
            if not isinstance(body, bytes):
                return await self._send(mounted, request, body, headers, status)
            if (
                len(body) > GZIP_FROM
                and hdrs.CONTENT_RANGE not in headers
                and accepts_gzip(request.headers.get(hdrs.ACCEPT_ENCODING, ""))
            ):
                body = await gzipped(body)
                headers[hdrs.CONTENT_ENCODING] = "gzip"
                headers[hdrs.VARY] = hdrs.ACCEPT_ENCODING
        except Exception:
            number = next(self._numbers)
            # never the path, nor a header: a key may stand in them
            log.exception("request failed request=%s dialect=%s", number, mounted.name)
            body, headers, status = mounted.error(GatewayError(Code.INTERNAL, "internal error"))
            headers["X-Request-Id"] = number
        assert isinstance(body, bytes)
        if self._log_requests:
            milliseconds = (time.perf_counter() - started) * 1000
            number = headers.get("X-Request-Id") or next(self._numbers)
            log.info(
                "request request=%s dialect=%s method=%s status=%d bytes=%d ms=%.1f",
                *(number, mounted.name, request.method, status, len(body), milliseconds),
            )
        return web.Response(body=body, status=status, headers=headers)

    async def _send(
        self, mounted: _Mounted, request: web.Request, content: StoredContent, headers: CIMultiDict[str], status: int
    ) -> web.StreamResponse:
        """The bytes of a file."""
        try:
            response = await send(request, content, status, headers)
        except GatewayError as error:
            body, headers, status = mounted.error(error)
            response = web.Response(body=body, status=status, headers=headers)
        if self._log_requests:
            log.info(
                "request request=%s dialect=%s method=%s status=%d file=true",
                *(next(self._numbers), mounted.name, request.method, response.status),
            )
        return response

    async def _answer_with_page(self, path: str, request: web.Request) -> web.Response:
        """For people, and so in HTML; the path has no key in it, but the query has a token."""
        language = request.headers.get(hdrs.ACCEPT_LANGUAGE)
        headers = {**PAGE_HEADERS, **NAME}
        try:
            raw = await self._receive(request) if request.body_exists else None
            form = None if raw is None else read_body(raw, request.headers.get(hdrs.CONTENT_TYPE, ""))
            query = read_pairs(request.rel_url.raw_query_string)
            page = await self.pages.answer(request.method, path, query, form, language)
        except GatewayError as error:
            page = self.pages.failed(error, language)
        except Exception:
            headers["X-Request-Id"] = number = next(self._numbers)
            log.exception("request failed request=%s page=true", number)
            page = self.pages.failed(GatewayError(Code.INTERNAL, "internal error"), language)
        if self._log_requests:
            log.info("request page=true method=%s status=%d bytes=%d", request.method, page.status, len(page.html))
        return web.Response(body=page.html.encode(), status=page.status, headers=headers)

    async def expect(self, request: web.Request) -> web.StreamResponse | None:
        """`Expect: 100-continue`: a body that will be refused is not asked for."""
        path = re.sub("/{2,}", "/", request.rel_url.raw_path)
        mounted, mount = self._find(path, request)
        if mounted is not None and mounted.content_of(request.method, path[len(mount) :], request.headers):
            request[EXPECTING] = True  # it is asked for when it is known that it is wanted
            return None
        length = request.content_length
        if length is not None and length > self._max_body:
            return await self.handle(request)
        if request.version >= HttpVersion11 and request.headers[hdrs.EXPECT].lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            # nothing of the response is out yet, and aiohttp must not think so
            request.writer.output_size = 0
        return None

    def _find(self, path: str, request: web.Request) -> tuple[_Mounted | None, str]:
        """Who serves a path, and the part of it that is the mount."""
        if path in self._beside:
            return self._beside[path], ""
        for sharing in self._shared:
            if path.startswith(sharing.path + "/") and any(name in request.headers for name in sharing.told_by):
                return sharing, sharing.path
        segments = path.split("/")
        for depth in self._depths:
            if depth == 0:
                break
            mount = "/".join(segments[: depth + 1])
            mounted = self._mounts.get(mount)
            if mounted is not None:
                return mounted, mount
        for mounted in self._open_mounts:
            if mounted.fits(segments):
                return mounted, "/".join(segments[: len(mounted.segments)])
        root = self._mounts.get("")
        return root, ""

    async def _exchange(self, mounted: _Mounted, mount: str, path: str, request: web.Request) -> _Answer:
        if request.headers.get(hdrs.UPGRADE, "").lower() == "websocket":
            # SDKs that subscribe to queries ask so, where requests go as well
            return mounted.error(GatewayError(Code.UNSUPPORTED, "there are no live queries, and no websockets, here"))
        try:
            return mounted.written(await serve(mounted.front, await self._read(mounted, mount, path, request)))
        except GatewayError as error:
            return mounted.error(error)

    async def _read(self, mounted: _Mounted, mount: str, path: str, request: web.Request) -> HttpRequest:
        url, headers = request.rel_url, request.headers
        method = hdrs.METH_GET if request.method == hdrs.METH_HEAD else request.method
        text = url.raw_query_string
        lower = {name.lower(): value for name, value in headers.items()}
        if not (told := "".join(lower.values())).isascii():
            _refuse_what_is_not_utf8(told)
        base = self._public_url or f"{request.scheme}://{headers.get(hdrs.HOST, 'localhost')}"
        read = HttpRequest(
            method,
            path[len(mount) :] or "/",
            read_pairs(text) if text else {},
            lower,
            None,
            base + mount,
            mounted.read_holes(mount) if mounted.holes else {},
        )
        if mounted.has_contents and method in WITH_BODY:
            kind = mounted.content_of(method, read.path, lower)
            if kind == "part":
                await mounted.front.check(read)  # the fields before the file are read now, and nobody's are
                read.body, read.content = await read_form(request)
            elif kind == "body":
                read.content = Arriving(request)
            if kind is not None:
                return read
        raw = await self._receive(request) if request.body_exists else None
        kept = mounted.front.passes_through
        if kept:
            read.raw, read.query_text = raw, text
        if raw is not None:
            try:
                read.body = read_body(raw, headers.get(hdrs.CONTENT_TYPE, ""), plain=mounted.plain_bodies)
            except GatewayError as error:
                if not kept:
                    raise
                read.fault = error  # it may be for somebody who can read it
        return read

    async def _receive(self, request: web.Request) -> bytes:
        """The body, decompressed."""
        length = request.content_length
        if length is not None and length > self._max_body:
            raise self._too_large()
        content, chunks, size = request.content, [], 0
        try:
            while not content.at_eof():
                # what has arrived needs no clock: that is nearly every request
                chunk = content.read_nowait()
                if not chunk:
                    async with asyncio.timeout(STALLED_AFTER):
                        chunk = await content.readany()
                size += len(chunk)
                if size > self._max_body:
                    raise self._too_large()
                chunks.append(chunk)
        except TimeoutError:
            raise GatewayError(Code.TIMEOUT, "the body of the request did not arrive") from None
        except (ConnectionError, web.RequestPayloadError):
            raise GatewayError(Code.BAD_REQUEST, "the body of the request broke off") from None
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        encoding = request.headers.get(hdrs.CONTENT_ENCODING)
        if encoding is not None and body:
            body = await self._decoded(body, encoding.strip().lower())
        return body

    async def _decoded(self, body: bytes, encoding: str) -> bytes:
        if encoding == "identity":
            return body
        if encoding not in WINDOW_BITS:
            raise GatewayError(Code.BAD_REQUEST, f"a body can be encoded as {' or '.join(WINDOW_BITS)}, not {encoding}")
        arguments = (body, WINDOW_BITS[encoding], self._max_body)
        if len(body) < INFLATE_OFF_THE_LOOP_FROM:
            found = inflated(*arguments)
        else:
            found = await asyncio.get_running_loop().run_in_executor(None, inflated, *arguments)
        if found is None:
            raise GatewayError(Code.BAD_REQUEST, f"the body is not {encoding}")
        if len(found) > self._max_body:
            raise self._too_large()
        return found

    def _too_large(self) -> GatewayError:
        return GatewayError(Code.TOO_LARGE, f"the body is larger than {self._max_body} bytes")

    def _answer_for_nobody(self, path: str, request: web.Request) -> web.Response:
        if path == HEALTH:
            status = {"status": "draining" if self.draining else "ok", "version": __version__}
            return _plain(503 if self.draining else 200, status)
        if path == CAPABILITIES:
            if not self._is_operator(request):
                return _plain(403, {"error": "this is for who runs the gateway: see server.admin_key"})
            return _plain(200, self.capabilities)
        mounts = ", ".join(sorted(mount or "/" for mount in self._mounts))
        return _plain(404, {"error": f"nothing is mounted here; the mounts are {mounts}"})

    def _is_operator(self, request: web.Request) -> bool:
        """Who has the key of the configuration; without one, who asks from this machine, through no proxy on it."""
        if self.admin_key is not None:
            scheme, _, shown = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
            return scheme.lower() == "bearer" and hmac.compare_digest(
                shown.encode(errors="surrogateescape"), self.admin_key.encode()
            )
        if not FORWARDED.isdisjoint(name.lower() for name in request.headers):
            return False
        try:
            address = ipaddress.ip_address((request.remote or "").partition("%")[0])
        except ValueError:
            return False
        return (getattr(address, "ipv4_mapped", None) or address).is_loopback


EDGE = web.AppKey("edge", Edge)


class _Mounted:
    """A front in its place, with all that is the same for each of its answers."""

    def __init__(self, path: str, front: Front) -> None:
        self.path = path
        self.segments = path.split("/")
        self.holes = {at: segment[1:-1] for at, segment in enumerate(self.segments) if segment.startswith("{")}
        self.front = front
        self.plain_bodies = front.dialect.plain_bodies
        self.content_of = front.dialect.content_of
        self.has_contents = front.dialect.has_contents
        self.name = front.dialect.name
        dialect = front.dialect
        self.told_by = tuple(dialect.file.credentials.headers)
        self._headers = CIMultiDict({"Content-Type": JSON_TYPE, **NAME, **dialect.cors_headers})
        self._preflight = CIMultiDict({**NAME, **dialect.preflight_headers})

    def fits(self, segments: list[str]) -> bool:
        return len(segments) >= len(self.segments) and all(
            bool(segment) if at in self.holes else segment == own
            for at, (own, segment) in enumerate(zip(self.segments, segments, strict=False))
        )

    def read_holes(self, mount: str) -> dict[str, str]:
        segments = mount.split("/")
        return {name: unquote(segments[at]) for at, name in self.holes.items()}

    def headers(self) -> CIMultiDict[str]:
        return self._headers.copy()

    def preflight(self) -> web.Response:
        return web.Response(status=self.front.dialect.preflight_status, headers=self._preflight)

    def written(self, response: HttpResponse) -> _Answer:
        headers = self.headers()
        if response.headers:
            headers.update(response.headers)
        if response.content is not None:
            return response.content, headers, response.status
        if type(response.body) is bytes:
            if not any(name.lower() == "content-type" for name in response.headers):
                del headers[hdrs.CONTENT_TYPE]  # who wrote it has not said
            return response.body, headers, response.status
        if response.body is NOTHING:
            del headers[hdrs.CONTENT_TYPE]
            return b"", headers, response.status
        return orjson.dumps(response.body), headers, response.status

    def error(self, error: GatewayError) -> _Answer:
        return self.written(self.front.dialect.write_error(error))


def read_pairs(text: str) -> dict[str, Any]:
    """A query or a form as a dict; a name that is there more than once has a tuple."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except UnicodeDecodeError:
        raise GatewayError(Code.BAD_REQUEST, "the parameters are not UTF-8") from None
    except ValueError:
        raise GatewayError(Code.BAD_REQUEST, f"there are more than {MAX_PARAMETERS} parameters") from None
    found: dict[str, Any] = dict(pairs)
    if len(found) < len(pairs):
        several: dict[str, list[str]] = {}
        for name, value in pairs:
            several.setdefault(name, []).append(value)
        found = {name: tuple(values) if len(values) > 1 else values[0] for name, values in several.items()}
    return found


def read_body(body: bytes, content_type: str, *, plain: bool = False) -> Any:
    """JSON, whatever its type says: SDKs send it as text, and `curl -d` as a form. A form is one that is no JSON.

    Where bodies may be `plain` those of the type text/plain are text, and those without a type where they are no JSON.
    """
    if plain and (not content_type or content_type[:10].lower() == "text/plain"):
        return _read_plain(body, typed=bool(content_type))
    if content_type[:10].lower() == "multipart/":
        raise GatewayError(Code.UNSUPPORTED, "a body of several parts is for uploads of files alone")
    if content_type[:33].lower() == "application/x-www-form-urlencoded" and body.lstrip()[:1] not in (b"{", b"["):
        try:
            text = body.decode("utf-8").strip()
        except UnicodeDecodeError:
            raise GatewayError(Code.BAD_JSON, "the body is not UTF-8") from None
        return read_pairs(text) if text else None
    return read_json(body) if body.strip() else None


def _read_plain(body: bytes, *, typed: bool) -> Any:
    if not typed:
        try:
            return read_json(body) if body.strip() else None
        except GatewayError:
            if body.lstrip()[:1] in (b"{", b"["):
                raise  # it was meant to be JSON
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise GatewayError(Code.BAD_JSON, "the body is not UTF-8") from None


def inflated(body: bytes, window_bits: int, limit: int) -> bytes | None:
    """Decompressed, no further than one byte over the limit; None where the body is anything else."""
    inflater = zlib.decompressobj(window_bits)
    try:
        found = inflater.decompress(body, limit + 1)
    except zlib.error:
        # some clients send "deflate" without the envelope that it should have
        return inflated(body, -15, limit) if window_bits == 15 else None
    whole = inflater.eof and not inflater.unused_data
    return found if whole or len(found) > limit else None


@functools.lru_cache(maxsize=64)
def accepts_gzip(header: str) -> bool:
    """RFC 9110, 12.5.3: the weight may be zero, and `*` stands for what is not named."""
    weights: dict[str, str] = {}
    for part in header.lower().split(","):
        name, _, parameters = part.partition(";")
        weights[name.strip()] = parameters.replace(" ", "")
    weight = weights.get("gzip", weights.get("*"))
    return weight is not None and not re.fullmatch(r"q=0(\.0*)?", weight)


async def gzipped(body: bytes) -> bytes:
    if len(body) < GZIP_OFF_THE_LOOP_FROM:
        return _gzip(body)
    return await asyncio.get_running_loop().run_in_executor(None, _gzip, body)


def _gzip(body: bytes) -> bytes:
    return zlib.compress(body, 1, wbits=31)


def _refuse_what_is_not_utf8(headers: str) -> None:
    # aiohttp keeps bytes that are no text as lone surrogates, which no answer could show; in a URL it refuses them
    try:
        headers.encode()
    except UnicodeEncodeError:
        raise GatewayError(Code.BAD_REQUEST, "a header is not UTF-8") from None


def _plain(status: int, body: Mapping[str, Any]) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, headers={"Content-Type": JSON_TYPE, **NAME})


def keep_junk_out_of_the_log() -> None:
    logging.getLogger("aiohttp.server").addFilter(_is_worth_a_line)


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    """What is no HTTP is its sender's fault: aiohttp would log it as an error, with its text, which may hold a key."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))
