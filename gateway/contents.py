"""The bytes of files at the edge: as they arrive, and as they are sent. Neither is ever held whole in memory.

What a client uploaded, another one's browser shows: in the gateway's own origin nothing of it may run. So only types
that cannot run anything are shown at all, and everything else is for saving, in a sandbox of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from aiohttp import BodyPartReader, HttpVersion11, MultipartReader, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict

from gateway.errors import Code, GatewayError
from gateway.model.files import StoredContent

STALLED_AFTER: Final = 30.0
"""Seconds without a byte of a body that was announced, or of an answer that nobody takes."""

PIECE: Final = 64 * 1024
MOST_FIELDS: Final = 50
LONGEST_FIELD: Final = 64 * 1024

EXPECTING: Final = web.RequestKey("expecting", bool)
"""Whether the client waits to be told that it may send its body."""

_SHOWN: Final = re.compile(
    r"(image/(png|jpeg|gif|webp|avif|bmp|x-icon|vnd\.microsoft\.icon|heic|tiff)|(audio|video)/[\w.-]+"
    r"|text/(plain|csv|markdown)|application/(pdf|json|octet-stream|zip)|font/\w+)( ?; ?[\w-]+=[\w.-]+)*",
    re.ASCII,
)
"""Types that a browser runs no script of, with nothing behind them that one could read as another type.

WHATWG's MIME Sniffing: whatever ends in `+xml` is XML, which can hold a script; Fetch, "extract a MIME type": of
several with commas between them the last one counts.
"""


class Arriving:
    """The body of a request, as a `Content`."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self.size = request.content_length if hdrs.CONTENT_LENGTH in request.headers else None
        self.mime_type: str | None = request.headers.get(hdrs.CONTENT_TYPE) or None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        await ask_for_body(self._request)
        if self._request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
            raise GatewayError(Code.UNSUPPORTED, "the bytes of a file cannot be sent compressed")
        if not self._request.body_exists:
            return
        with _arriving():
            content = self._request.content
            while not content.at_eof():
                chunk = content.read_nowait()
                if not chunk:
                    async with asyncio.timeout(STALLED_AFTER):
                        chunk = await content.readany()
                if chunk:
                    yield chunk


class ArrivingPart:
    """A part of a form, as a `Content`."""

    size = None

    def __init__(self, form: MultipartReader, part: BodyPartReader) -> None:
        self._form, self._part = form, part
        self.mime_type: str | None = part.headers.get(hdrs.CONTENT_TYPE) or None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _arriving():
            while True:
                async with asyncio.timeout(STALLED_AFTER):
                    chunk = await self._part.read_chunk(PIECE)
                if not chunk:
                    break
                yield chunk
            # where the body ends a part ends as well; only the end of the form tells that it is whole
            async with asyncio.timeout(STALLED_AFTER):
                for _ in range(MOST_FIELDS):
                    part = await self._form.next()
                    if part is None:
                        return
                    if not isinstance(part, BodyPartReader) or part.filename is not None:
                        raise GatewayError(Code.BAD_REQUEST, "a form has one file")
                    await _read_field(part)
            raise GatewayError(Code.BAD_REQUEST, f"a form has at most {MOST_FIELDS} fields after its file")


@contextlib.contextmanager
def _arriving() -> Any:
    try:
        yield
    except TimeoutError:
        raise GatewayError(Code.TIMEOUT, "the body of the request did not arrive") from None
    except (ConnectionError, web.RequestPayloadError):
        raise GatewayError(Code.BAD_REQUEST, "the body of the request broke off") from None
    except (ValueError, AssertionError, HttpProcessingError):  # aiohttp: what is no boundary, and no header of a part
        raise GatewayError(Code.BAD_REQUEST, "the form of the body cannot be read") from None


async def read_form(request: web.Request) -> tuple[dict[str, str], ArrivingPart]:
    """The fields of a form up to the one that is a file, and that one. Raises GatewayError."""
    await ask_for_body(request)
    fields: dict[str, str] = {}
    with _arriving():
        reader = MultipartReader(request.headers, request.content)
        async with asyncio.timeout(STALLED_AFTER):
            while (part := await reader.next()) is not None:
                if not isinstance(part, BodyPartReader):
                    break
                # a part called file is one, also where it has no name to be saved by
                if part.filename is not None or part.name in (None, "file"):
                    return fields, ArrivingPart(reader, part)
                if len(fields) == MOST_FIELDS:
                    raise GatewayError(Code.BAD_REQUEST, f"a form has at most {MOST_FIELDS} fields before its file")
                fields[part.name] = await _read_field(part)
    raise GatewayError(Code.BAD_REQUEST, "the form has no file in it")


async def _read_field(part: BodyPartReader) -> str:
    text = bytearray()
    while chunk := await part.read_chunk(PIECE):
        text += chunk
        if len(text) > LONGEST_FIELD:
            raise GatewayError(Code.TOO_LARGE, f"a field of a form has at most {LONGEST_FIELD} bytes")
    return text.decode("utf-8")  # what is none is a ValueError


async def ask_for_body(request: web.Request) -> None:
    """Tells a client that waits to be told (`Expect: 100-continue`) that it may send its body."""
    if request.pop(EXPECTING, False) and request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # nothing of the response is out yet, and aiohttp must not think so
        request.writer.output_size = 0


def headers_of(content: StoredContent) -> CIMultiDict[str]:
    mime_type = content.mime_type if content.mime_type.isprintable() and content.mime_type.isascii() else ""
    headers = CIMultiDict(
        {
            hdrs.CONTENT_TYPE: mime_type or "application/octet-stream",
            hdrs.ETAG: f'"{content.etag}"',
            hdrs.LAST_MODIFIED: _http_date(content),
            hdrs.ACCEPT_RANGES: "bytes",
            "X-Content-Type-Options": "nosniff",
        }
    )
    if not _SHOWN.fullmatch(mime_type.strip().lower()):
        headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
        headers[hdrs.CONTENT_DISPOSITION] = f"attachment; filename*=UTF-8''{quote(content.name, safe='')}"
    return headers


async def send(
    request: web.Request, content: StoredContent, status: int, more: Mapping[str, str]
) -> web.StreamResponse:
    """The bytes, or the part of them that was asked for, or that the client has them: RFC 9110, 13 and 14.

    Several parts at once are answered with all of it, as a server may. Raises GatewayError before anything was sent.
    """
    headers = CIMultiDict(more)
    headers.update(headers_of(content))
    start, stop = 0, content.size
    if _has_it(request, content):
        status = 304
        del headers[hdrs.CONTENT_TYPE]
    elif hdrs.RANGE in request.headers and _same_as_before(request, content):
        part = _part(request.headers[hdrs.RANGE], content.size)
        if part == ():
            status = 416
            headers[hdrs.CONTENT_RANGE] = f"bytes */{content.size}"
            del headers[hdrs.CONTENT_TYPE]
        elif part:
            start, stop = part
            status = 206
            headers[hdrs.CONTENT_RANGE] = f"bytes {start}-{stop - 1}/{content.size}"
    if status in (304, 416):
        return web.Response(status=status, headers=headers)
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = stop - start
    if request.method == hdrs.METH_HEAD:
        await response.prepare(request)
        await response.write_eof()
        return response
    pieces = content.read(start, stop)
    first = await anext(pieces, b"")  # what cannot be read is told as an error
    await response.prepare(request)
    try:
        async with contextlib.aclosing(pieces):  # type: ignore[type-var]
            if first:
                await response.write(first)
            async for piece in pieces:
                async with asyncio.timeout(STALLED_AFTER):
                    await response.write(piece)
        await response.write_eof()
    except (GatewayError, TimeoutError, ConnectionError):
        # half of it is out: only a connection that breaks off says that it is not all
        if request.transport is not None:
            request.transport.abort()
    return response


def _http_date(content: StoredContent) -> str:
    moment = datetime.fromtimestamp(content.modified.ms // 1000, UTC)
    return moment.strftime("%a, %d %b %Y %H:%M:%S GMT")


def _has_it(request: web.Request, content: StoredContent) -> bool:
    if (tags := request.headers.get(hdrs.IF_NONE_MATCH)) is not None:
        known = [tag.strip().removeprefix("W/") for tag in tags.split(",")]
        return "*" in known or f'"{content.etag}"' in known
    since = request.if_modified_since
    return since is not None and content.modified.ms // 1000 <= since.timestamp()


def _same_as_before(request: web.Request, content: StoredContent) -> bool:
    condition = request.headers.get(hdrs.IF_RANGE)
    return condition is None or condition in (f'"{content.etag}"', _http_date(content))


_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def _part(header: str, size: int) -> tuple[int, int] | tuple[()] | None:
    """First byte, and the one after the last; () where there is no such part, None where it is all of it."""
    found = _RANGE.fullmatch(header.replace(" ", ""))
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        last = int(found[2])
        return (max(0, size - last), size) if last and size else ()
    start = int(found[1])
    stop = min(size, int(found[2]) + 1) if found[2] else size
    if found[2] and int(found[2]) < start:
        return None
    return (start, stop) if start < size else ()
