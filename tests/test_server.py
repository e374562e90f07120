"""The edge, over real HTTP: what arrives, what is answered, and that it holds whatever is thrown at it."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import os
import re
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from yarl import URL

from gateway import __version__
from gateway.authorise import Client, Guarded
from gateway.dialects.dialect import Dialect
from gateway.errors import Code, GatewayError
from gateway.model.operation import Caller, Create, Get, Operation, Result
from gateway.model.update import Set
from gateway.model.values import Date
from gateway.pipeline import Front
from gateway.server import HEALTH, Edge, accepts_gzip, read_body, read_pairs
from tests.conftest import Serving

MOUNTS = {"parse": ("/parse", "/1"), "leancloud": ("/1.1",)}
KEYS = {"parse": {"rest_key": "rest"}, "leancloud": {"app_key": "rest"}}
HEADERS = {
    "parse": {"X-Parse-Application-Id": "demo", "X-Parse-REST-API-Key": "rest"},
    "leancloud": {"X-LC-Id": "demo", "X-LC-Key": "rest"},
}
MAX_BODY = 100_000
BLANKS = bytes.maketrans(b"0123456789abcdef", b" \t\n\r" * 4)
MOMENT = Date("2026-01-02T03:04:05.678Z")

Execute = Callable[[Operation], Awaitable[Result]]


async def _create(op: Operation) -> Result:
    return Result(id="x1", created_at=MOMENT)


@dataclass
class Scripted:
    """A backend that keeps what it was asked, and answers by a function."""

    answer: Execute = _create
    asked: list[Operation] = field(default_factory=list)

    async def execute(self, op: Operation, caller: Caller) -> Result:
        self.asked.append(op)
        return await self.answer(op)

    async def identify(self, caller: Caller) -> Caller:
        return caller

    async def close(self) -> None:
        pass


@dataclass
class Served:
    """An edge with both dialects in front of one scripted backend, on a port of its own."""

    edge: Edge
    backend: Scripted
    address: str
    session: aiohttp.ClientSession

    async def ask(self, method: str, path: str, dialect: str = "parse", **more: Any) -> aiohttp.ClientResponse:
        headers = {**HEADERS[dialect], **more.pop("headers", {})}
        response = await self.session.request(method, self.address + path, headers=headers, **more)
        await response.read()
        return response


Serve = Callable[..., Awaitable[Served]]


@pytest.fixture
async def served(serving: Serving, dialects: Mapping[str, Dialect]) -> AsyncIterator[Serve]:
    async with aiohttp.ClientSession() as session:

        async def serve(answer: Execute = _create, **settings: Any) -> Served:
            backend = Scripted(answer)
            edge = Edge(max_body=MAX_BODY, **settings)
            for name, mounts in MOUNTS.items():
                front = Front(dialects[name], {"demo": Client("blog", KEYS[name], Guarded(backend))})
                for mount in mounts:
                    edge.mount(mount, front)
            return Served(edge, backend, await serving(edge.application()), session)

        yield serve


# --- paths ---


@pytest.mark.parametrize(
    "path",
    [
        "/parse/classes/Post",
        "/1/classes/Post",
        "/parse//classes/Post",
        "//parse/classes///Post",
        "/parse/classes/Post/",
        "/parse/classes/Post?",
        "/parse/classes/%50ost",
    ],
)
async def test_a_path_finds_its_route(path: str, served: Serve) -> None:
    gateway = await served()
    response = await gateway.ask("POST", path, data="{}")
    assert (response.status, gateway.backend.asked) == (201, [Create(class_name="Post", changes={})])


async def test_an_encoded_slash_stays_within_its_segment(served: Serve) -> None:
    gateway = await served(lambda op: _raise(GatewayError(Code.OBJECT_NOT_FOUND, "none")))
    url = URL(gateway.address + "/parse/classes/Post/a%2Fb", encoded=True)
    async with gateway.session.get(url, headers=HEADERS["parse"]) as response:
        assert response.status == 404
    assert gateway.backend.asked == [Get(class_name="Post", id="a/b")]


async def test_a_line_break_in_a_path_is_a_character_like_others(served: Serve) -> None:
    gateway = await served(lambda op: _raise(GatewayError(Code.OBJECT_NOT_FOUND, "none")))
    url = URL(gateway.address + "/parse/classes/Post/a%0Ab", encoded=True)
    async with gateway.session.get(url, headers=HEADERS["parse"]) as response:
        assert (await response.json())["code"] == 101
    assert gateway.backend.asked == [Get(class_name="Post", id="a\nb")]


async def test_the_longest_mount_that_fits_serves(served: Serve) -> None:
    gateway = await served()
    gateway.edge.mount("/1/nested/", gateway.edge._mounts["/1.1"].front)
    gateway.edge.mount("/", gateway.edge._mounts["/1.1"].front)
    for path, dialect in {
        "/1/classes/Post": "parse",
        "/1/nested/classes/Post": "leancloud",
        "/1.1/classes/Post": "leancloud",
        "/classes/Post": "leancloud",
    }.items():
        assert (await gateway.ask("POST", path, dialect, data="{}")).status == 201, path
    assert (await gateway.ask("GET", HEALTH)).status == 200  # whatever is mounted on the root


async def test_a_path_without_a_mount_is_told_the_mounts(served: Serve) -> None:
    gateway = await served()
    response = await gateway.ask("GET", "/parsed/classes/Post")
    assert response.status == 404
    assert await response.json() == {"error": "nothing is mounted here; the mounts are /1, /1.1, /parse"}


@pytest.mark.parametrize("path", ["/parse", "/parse/classes/Post", "/1.1"])
async def test_a_websocket_is_refused_in_the_clients_dialect(path: str, served: Serve) -> None:
    gateway = await served()
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    response = await gateway.ask("GET", path, headers=upgrade | {"Sec-WebSocket-Key": "eA=="})
    assert response.status == 400
    assert "websockets" in (await response.json())["error"]


async def test_a_long_url_is_read(served: Serve) -> None:
    gateway = await served(lambda op: _results([]))
    where = json.dumps({"title": "x" * 30_000})
    response = await gateway.ask("GET", "/parse/classes/Post", params={"where": where})
    assert (response.status, await response.json()) == (200, {"results": []})


# --- bodies ---


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"a":1}', "application/json"),
        (b'{"a":1}', "text/plain"),
        (b' {"a":1}\n', "application/x-www-form-urlencoded"),
        (b'{"a":1}', "application/octet-stream"),
        (b'{"a":1}', ""),
        (gzip.compress(b'{"a":1}', mtime=0), "application/json|gzip"),
        (zlib.compress(b'{"a":1}'), "application/json|deflate"),
        (zlib.compress(b'{"a":1}', wbits=-15), "application/json|deflate"),
        (gzip.compress(b'{"a":1}' + os.urandom(20_000).hex().encode().translate(BLANKS)), "application/json|gzip"),
    ],
)
async def test_a_body_is_json_whatever_its_type_says(body: bytes, content_type: str, served: Serve) -> None:
    gateway = await served()
    content_type, _, encoding = content_type.partition("|")
    headers = {"Content-Type": content_type, **({"Content-Encoding": encoding} if encoding else {})}
    response = await gateway.ask("POST", "/parse/classes/Post", data=body, headers=headers)
    assert response.status == 201, await response.text()
    assert gateway.backend.asked == [Create(class_name="Post", changes={"a": Set(1)})]


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b"", "application/json", None),
        (b" \n", "text/plain", None),
        (b"null", "application/json", None),
        (b"[1]", "", [1]),
        (b"a=1&b=%C3%A9&a=2", "application/x-www-form-urlencoded", {"a": ("1", "2"), "b": "é"}),
        (b"a=1", "Application/X-WWW-Form-URLencoded; charset=utf-8", {"a": "1"}),
        (b"", "application/x-www-form-urlencoded", None),
        (b'{"a":"1"}', "application/x-www-form-urlencoded", {"a": "1"}),
    ],
)
def test_bodies_as_data(body: bytes, content_type: str, expected: Any) -> None:
    assert read_body(body, content_type) == expected


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        (b"a=1", "text/plain", Code.BAD_JSON),
        (b"{", "application/x-www-form-urlencoded", Code.BAD_JSON),
        (b'{"a":"\xff"}', "application/json", Code.BAD_JSON),
        (b"\xff=1", "application/x-www-form-urlencoded", Code.BAD_JSON),
        (b"a=%FF", "application/x-www-form-urlencoded", Code.BAD_REQUEST),
        (b"[" * 1000 + b"]" * 1000, "application/json", Code.BAD_JSON),
        (b"--x\r\n\r\n\r\n--x--", "Multipart/form-data; boundary=x", Code.UNSUPPORTED),
    ],
)
def test_bodies_that_cannot_be_read(body: bytes, content_type: str, code: Code) -> None:
    with pytest.raises(GatewayError) as refused:
        read_body(body, content_type)
    assert refused.value.code is code


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=1&b=", {"a": "1", "b": ""}),
        ("a=1&a=2&a=", {"a": ("1", "2", "")}),
        ("a=1+2%2B3", {"a": "1 2+3"}),
        ("", {}),
        ("&&a=1&", {"a": "1"}),
    ],
)
def test_parameters(text: str, expected: dict[str, Any]) -> None:
    assert read_pairs(text) == expected


@pytest.mark.parametrize("text", ["a=%FF", "&".join(f"a{n}=1" for n in range(1001))])
def test_parameters_that_cannot_be_read(text: str) -> None:
    with pytest.raises(GatewayError) as refused:
        read_pairs(text)
    assert refused.value.code is Code.BAD_REQUEST


@pytest.mark.parametrize("dialect", ["parse", "leancloud"])
@pytest.mark.parametrize(
    ("data", "headers"),
    [
        (b'{"a":', {}),
        (b'{"a":1}', {"Content-Encoding": "gzip"}),
        (gzip.compress(b'{"a":1}', mtime=0)[:-12], {"Content-Encoding": "gzip"}),
        (b'{"a":1}', {"Content-Encoding": "br"}),
        (gzip.compress(b'{"a":1}', mtime=0)[:-1], {"Content-Encoding": "gzip"}),
        (gzip.compress(b'{"a":1}', mtime=0) + b"more", {"Content-Encoding": "gzip"}),
        (b'{"a":1}', {"Content-Encoding": "zstd"}),
    ],
)
async def test_what_cannot_be_read_is_told_in_the_dialect(
    data: bytes, headers: dict[str, str], dialect: str, served: Serve
) -> None:
    gateway = await served()
    response = await gateway.ask("POST", MOUNTS[dialect][0] + "/classes/Post", dialect, data=data, headers=headers)
    assert response.status == 400, await response.text()
    assert set(await response.json()) >= {"error"}
    assert gateway.backend.asked == []


# --- limits ---


async def _too_much() -> AsyncIterator[bytes]:
    for _ in range(300):
        yield b" " * 1000


@pytest.mark.parametrize("dialect", ["parse", "leancloud"])
@pytest.mark.parametrize(
    ("data", "headers"),
    [
        (lambda: b" " * (MAX_BODY + 1), {}),
        (_too_much, {}),
        (lambda: gzip.compress(b" " * 300_000), {"Content-Encoding": "gzip"}),
        (lambda: b" " * 900_000, {"Expect": "100-continue"}),
    ],
    ids=["announced", "chunked", "a small one that grows", "asked before it is sent"],
)
async def test_a_body_over_the_limit_is_refused(
    data: Callable[[], Any], headers: dict[str, str], dialect: str, dialects: Mapping[str, Dialect], served: Serve
) -> None:
    gateway = await served()
    told = dialects[dialect].write_error(GatewayError(Code.TOO_LARGE, f"the body is larger than {MAX_BODY} bytes"))
    for _ in range(2):  # the second time over what the first one left of the connection
        response = await gateway.ask(
            "POST", MOUNTS[dialect][0] + "/classes/Post", dialect, data=data(), headers=headers
        )
        assert (response.status, await response.json()) == (told.status, told.body)
    assert (await gateway.ask("POST", "/parse/classes/Post", data="{}")).status == 201
    assert len(gateway.backend.asked) == 1


async def test_a_body_at_the_limit_is_read(served: Serve) -> None:
    gateway = await served()
    body = b"{}".ljust(MAX_BODY)
    for headers in ({}, {"Expect": "100-continue"}):
        assert (await gateway.ask("POST", "/parse/classes/Post", data=body, headers=headers)).status == 201


# --- answers ---


@pytest.mark.parametrize("dialect", ["parse", "leancloud"])
async def test_a_preflight_needs_no_key(dialect: str, dialects: Mapping[str, Dialect], served: Serve) -> None:
    gateway = await served()
    url = gateway.address + MOUNTS[dialect][0] + "/classes/Post"
    async with gateway.session.options(url, headers={"Origin": "https://blog.example"}) as response:
        assert response.status == dialects[dialect].preflight_status
        assert dialects[dialect].preflight_headers.items() <= dict(response.headers).items()
        assert await response.read() == b""


@pytest.mark.parametrize("dialect", ["parse", "leancloud"])
@pytest.mark.parametrize("body", ["{}", "{"])
async def test_every_answer_may_be_read_by_browsers(
    body: str, dialect: str, dialects: Mapping[str, Dialect], served: Serve
) -> None:
    gateway = await served()
    response = await gateway.ask("POST", MOUNTS[dialect][0] + "/classes/Post", dialect, data=body)
    assert dialects[dialect].cors_headers.items() <= dict(response.headers).items()
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"


async def test_head_is_get_without_the_body(served: Serve) -> None:
    gateway = await served(lambda op: _results([{"@id": "x1", "title": "a"}]))
    got = await gateway.ask("GET", "/parse/classes/Post")
    head = await gateway.ask("HEAD", "/parse/classes/Post")
    assert (head.status, await head.read()) == (200, b"")
    assert head.headers["Content-Length"] == got.headers["Content-Length"]


@pytest.mark.parametrize(
    ("objects", "accepted", "encoding"),
    [
        (100, "gzip, deflate", "gzip"),
        (5000, "gzip", "gzip"),  # off the loop
        (1, "gzip", None),
        (100, "identity", None),
    ],
)
async def test_a_large_answer_is_compressed_for_who_accepts_it(
    objects: int, accepted: str, encoding: str | None, served: Serve
) -> None:
    found = [{"@id": f"x{number}", "title": "some text"} for number in range(objects)]
    gateway = await served(lambda op: _results(found))
    response = await gateway.ask("GET", "/parse/classes/Post", headers={"Accept-Encoding": accepted})
    assert response.headers.get("Content-Encoding") == encoding
    assert len((await response.json())["results"]) == objects


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", False),
        ("gzip", True),
        ("deflate, GZIP;q=0.5", True),
        ("gzip;q=0, *", False),
        ("gzip; q=0.0", False),
        ("*", True),
        ("*;q=0", False),
        ("br, identity", False),
        ("x-gzipped", False),
    ],
)
def test_who_accepts_gzip(header: str, expected: bool) -> None:
    assert accepts_gzip(header) is expected


@pytest.mark.parametrize("public_url", [None, "https://api.example"])
async def test_links_lead_where_clients_reach_the_gateway(public_url: str | None, served: Serve) -> None:
    gateway = await served(public_url=public_url)
    response = await gateway.ask("POST", "/1/classes/Post", data="{}")
    assert response.headers["Location"] == f"{public_url or gateway.address}/1/classes/Post/x1"


async def _raw(address: str, request: bytes) -> bytes:
    """All that is answered to these bytes, on a connection of their own."""
    host, port = address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_a_header_that_is_no_text_is_refused(served: Serve) -> None:
    gateway = await served()
    keys = "".join(f"{name}: {value}\r\n" for name, value in HEADERS["parse"].items())
    head = f"GET /parse/classes/Post HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{keys}".encode()
    answer = await _raw(gateway.address, head + b"X-Parse-Session-Token: \xff\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"a header is not UTF-8"' in answer


# --- when something breaks ---


async def _raise(error: Exception) -> Result:
    raise error


async def _results(objects: list[dict[str, Any]]) -> Result:
    return Result(objects=[dict(fields) for fields in objects])


@pytest.mark.parametrize("dialect", ["parse", "leancloud"])
async def test_a_fault_of_ours_is_told_in_the_dialect_and_logged_without_a_key(
    dialect: str, dialects: Mapping[str, Dialect], served: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = await served(lambda op: _raise(RuntimeError("a fault")))
    response = await gateway.ask("POST", MOUNTS[dialect][0] + "/classes/Secret", dialect, data="{}")
    told = dialects[dialect].write_error(GatewayError(Code.INTERNAL, "internal error"))
    assert (response.status, await response.json()) == (told.status, told.body)
    (record,) = (record for record in caplog.records if record.name == "gateway.server")
    number = response.headers["X-Request-Id"]
    assert record.getMessage() == f"request failed request={number} dialect={dialect}"
    assert record.exc_info
    assert not re.search("Secret|rest\\b|demo", record.getMessage())


async def test_an_answer_that_is_no_json_is_a_fault_of_ours(served: Serve) -> None:
    gateway = await served(lambda op: _results([{"title": "\ud800"}]))
    assert (await gateway.ask("GET", "/parse/classes/Post")).status == 500


async def test_a_client_that_leaves_does_not_break_a_write(served: Serve) -> None:
    arrived, go_on, written = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slowly(op: Operation) -> Result:
        arrived.set()
        await go_on.wait()
        written.set()
        return Result(id="x1", created_at=MOMENT)

    gateway = await served(slowly)
    leaving = asyncio.ensure_future(gateway.ask("POST", "/parse/classes/Post", data="{}"))
    await arrived.wait()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    await gateway.session.close()
    go_on.set()
    await asyncio.wait_for(written.wait(), 60)


async def test_a_body_that_breaks_off_writes_nothing(served: Serve, caplog: pytest.LogCaptureFixture) -> None:
    gateway = await served()
    host, port = gateway.address.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = (
        "POST /parse/classes/Post HTTP/1.1\r\nHost: x\r\nX-Parse-Application-Id: demo\r\nX-Parse-REST-API-Key: rest\r\n"
    )
    writer.write(head.encode() + b'Content-Length: 100\r\n\r\n{"a":1')
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await gateway.ask("POST", "/parse/classes/Other", data="{}")).status == 201
    assert gateway.backend.asked == [Create(class_name="Other", changes={})]
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize(
    "junk",
    [
        b"GET /parse/classes/demo-rest HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n",
        b"demo-rest /parse HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03demo-rest\r\n\r\n",
        b"GET /parse/demo-rest" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n",
    ],
)
async def test_what_is_no_http_leaves_no_trace(junk: bytes, served: Serve, caplog: pytest.LogCaptureFixture) -> None:
    gateway = await served()
    answer = await _raw(gateway.address, junk)
    assert not answer or answer.startswith((b"HTTP/1.0 400 ", b"HTTP/1.1 400 "))
    assert "demo-rest" not in caplog.text
    assert (await gateway.ask("POST", "/parse/classes/Post", data="{}")).status == 201


# --- what operators see ---


async def test_health_tells_the_version_and_when_the_gateway_leaves(served: Serve) -> None:
    gateway = await served()
    async with gateway.session.get(gateway.address + HEALTH) as response:
        assert (response.status, await response.json()) == (200, {"status": "ok", "version": __version__})
    gateway.edge.draining = True
    async with gateway.session.get(gateway.address + HEALTH) as response:
        assert (response.status, await response.json()) == (503, {"status": "draining", "version": __version__})


async def test_a_request_is_one_line_in_the_log_if_asked_for(served: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    quiet = await served()
    await quiet.ask("POST", "/parse/classes/Secret", data="{}")
    assert [record for record in caplog.records if record.name.startswith("gateway")] == []
    talking = await served(log_requests=True)
    await talking.ask("POST", "/parse/classes/Secret", data="{}")
    (line,) = (record.getMessage() for record in caplog.records if record.name.startswith("gateway"))
    assert re.fullmatch(
        r"request request=[0-9a-f]{8}-1 dialect=parse method=POST status=201 bytes=\d+ ms=\d+\.\d", line
    )
