"""Fetching what clients name: from whom, how much, how long, and never from inside of the owner's network."""

from __future__ import annotations

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from gateway.adapters import webhook
from gateway.adapters.fetch import Fetcher, Hosts
from gateway.errors import Code, GatewayError

LONGEST = 1000


@asynccontextmanager
async def fetcher(hosts: Collection[str], *, private: bool = True, within: float = 30) -> AsyncIterator[Fetcher]:
    one = Fetcher(hosts=hosts, timeout=within, longest=LONGEST, private=private)
    try:
        yield one
    finally:
        await one.close()


@asynccontextmanager
async def server(handle: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[int]:
    app = web.Application()
    app.router.add_get("/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def read(one: Fetcher, url: str, longest: int | None = None) -> tuple[bytes, int | None, str | None]:
    async with one.open(url, longest=longest) as content:
        return b"".join([piece async for piece in content]), content.size, content.mime_type


async def refusal(one: Fetcher, url: str, longest: int | None = None) -> GatewayError:
    with pytest.raises(GatewayError) as error:
        await read(one, url, longest)
    return error.value


async def serves(request: web.Request) -> web.StreamResponse:
    match request.path:
        case "/file.txt":
            return web.Response(body=b"hello", content_type="text/plain")
        case "/chunked":
            response = web.StreamResponse()
            response.enable_chunked_encoding()
            await response.prepare(request)
            for _ in range(int(request.query["times"])):
                await response.write(b"x" * 100)
            await response.write_eof()
            return response
        case "/long":
            return web.Response(body=b"x" * (LONGEST + 1))
        case "/gzip":
            return web.Response(body=gzip.compress(b"x" * 100), headers={"Content-Encoding": "gzip"})
        case "/to":
            raise web.HTTPFound(request.query["url"])
        case "/slow":
            await asyncio.sleep(60)
        case "/cut":
            response = web.StreamResponse(headers={"Content-Length": "500"})
            await response.prepare(request)
            await response.write(b"half")
            assert request.transport is not None
            request.transport.close()
            return response
    raise web.HTTPNotFound


async def test_a_file_comes_in_pieces_with_its_type_and_its_size() -> None:
    async with server(serves) as port, fetcher([f"127.0.0.1:{port}"]) as one:
        assert await read(one, f"http://127.0.0.1:{port}/file.txt") == (b"hello", 5, "text/plain")
        told = await read(one, f"HTTP://127.0.0.1:{port}/chunked?times=10")
        assert told == (b"x" * LONGEST, None, "application/octet-stream")


async def test_what_is_too_large_is_noticed_with_and_without_a_length() -> None:
    async with server(serves) as port, fetcher([f"127.0.0.1:{port}"]) as one:
        for path in ("long", "chunked?times=11"):
            assert (await refusal(one, f"http://127.0.0.1:{port}/{path}")).code is Code.TOO_LARGE
        assert (await refusal(one, f"http://127.0.0.1:{port}/file.txt", longest=4)).code is Code.TOO_LARGE
        # who asks for less than the owner allows does not get more
        assert (await refusal(one, f"http://127.0.0.1:{port}/long", longest=LONGEST * 9)).code is Code.TOO_LARGE


@pytest.mark.parametrize(
    ("path", "code"),
    [("missing", Code.UNAVAILABLE), ("cut", Code.UNAVAILABLE), ("gzip", Code.UNAVAILABLE), ("slow", Code.TIMEOUT)],
)
async def test_what_goes_wrong_there(path: str, code: Code, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    within = 0.2 if path == "slow" else 30
    async with server(serves) as port, fetcher([f"127.0.0.1:{port}"], within=within) as one:
        error = await refusal(one, f"http://127.0.0.1:{port}/{path}?key=pa55word")
    assert error.code is code
    assert "pa55word" not in error.message + caplog.text


async def test_without_hosts_nothing_is_fetched_and_the_error_says_why() -> None:
    async with fetcher([]) as one:
        error = await refusal(one, "https://example.com/a.txt")
    assert error.code is Code.UNSUPPORTED
    assert "fetch.hosts" in error.message


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a.txt",
        "//example.com/a",
        "file:///etc/passwd",
        "ftp://example.com/a",
        "gopher://example.com/",
        "http://",
        "http:///a",
        "http://[::1",
        "http://example.com:99999/",
        "http://tom:pa55word@example.com/",
        "http://example.com/" + "a" * 5000,
    ],
)
async def test_what_is_no_address(url: str) -> None:
    async with fetcher(["*"]) as one:
        assert (await refusal(one, url)).code is Code.BAD_REQUEST


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "127.1",
        "0",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0.0.0.0",
        "169.254.169.254",
        "10.0.0.1",
        "[fd00::1]",
    ],
)
async def test_no_way_to_write_a_private_address_gets_there(host: str) -> None:
    asked: list[web.Request] = []

    async def handle(request: web.Request) -> web.Response:
        asked.append(request)
        return web.Response(body=b"secret")

    async with server(handle) as port, fetcher([f"*:{port}"], private=False) as one:
        error = await refusal(one, f"http://{host}:{port}/")
    # which private hosts there are is not told
    assert error.code in (Code.FORBIDDEN, Code.UNAVAILABLE)
    assert asked == []


async def test_a_redirect_to_another_host_is_asked_for_anew() -> None:
    async with server(serves) as port, fetcher([f"127.0.0.1:{port}"]) as one:
        base = f"http://127.0.0.1:{port}"
        assert (await read(one, f"{base}/to?url=/file.txt"))[0] == b"hello"
        assert (await read(one, f"{base}/to?url={base}/file.txt"))[0] == b"hello"
        assert (await refusal(one, f"{base}/to?url=http://localhost:{port}/file.txt")).code is Code.FORBIDDEN
        assert (await refusal(one, f"{base}/to?url=file:///etc/passwd")).code is Code.BAD_REQUEST
        again = f"{base}/to?url="
        assert (await refusal(one, again + again.replace("?", "%3F") * 9)).code is Code.UNAVAILABLE


async def test_a_public_host_does_not_lead_to_a_private_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "is_public", lambda address: address == "127.0.0.1")
    async with server(serves) as port, fetcher([f"*:{port}"], private=False) as one:
        base = f"http://127.0.0.1:{port}"
        assert (await read(one, f"{base}/file.txt"))[0] == b"hello"
        error = await refusal(one, f"{base}/to?url=http://127.0.0.2:{port}/file.txt")
    assert error.code is Code.FORBIDDEN


@pytest.mark.parametrize(
    ("names", "asked", "allowed"),
    [
        (["a.example"], ("https", "a.example", None), True),
        (["A.example"], ("https", "a.Example", None), True),
        (["a.example"], ("https", "a.example", 443), True),
        (["a.example"], ("http", "a.example", 80), True),
        (["a.example"], ("http", "a.example", 443), False),
        (["a.example"], ("http", "a.example", 22), False),
        (["a.example"], ("https", "b.a.example", None), False),
        (["a.example"], ("https", "a.example.evil", None), False),
        (["*.example.com"], ("https", "a.b.example.com", None), True),
        (["*.example.com"], ("https", "example.com", None), False),
        (["*.example.com"], ("https", "evil-example.com", None), False),
        (["a.example:8443"], ("https", "a.example", 8443), True),
        (["a.example:8443"], ("https", "a.example", None), False),
        (["*"], ("https", "whatever", None), True),
        (["*"], ("https", "whatever", 22), False),
    ],
)
def test_which_hosts_are_allowed(names: list[str], asked: tuple[str, str, int | None], allowed: bool) -> None:
    assert Hosts.read(names).allow(*asked) is allowed
