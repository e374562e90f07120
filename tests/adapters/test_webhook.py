"""The client of webhooks against real receivers: what they get, and every way in which they fail."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import hmac
import json
import logging
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trustme
from aiohttp import web

from gateway.adapters.webhook import Answer, Hook, Webhooks, is_public
from gateway.errors import Code, GatewayError
from tests.outside import hook_server

SECRET = "a secret of two"
SLOW, LARGE = 0.3, 10_000


@pytest.fixture
async def webhooks() -> AsyncIterator[Webhooks]:
    pool = Webhooks(now=lambda: 1_700_000_000.9)
    yield pool
    await pool.close()


def hook(port: int, **settings: Any) -> Hook:
    url = f"http://user:pa55word@127.0.0.1:{port}/hook?key=pa55word"
    known = {"name": "the hook", "url": url, "secret": SECRET, "timeout": 30, "longest_answer": LARGE}
    return Hook(**{**known, **settings})


async def test_a_question_is_signed_json(webhooks: Webhooks) -> None:
    got: list[tuple[Any, bytes]] = []

    async def handle(request: web.Request) -> web.Response:
        got.append((request.headers, await request.read()))
        return web.json_response({"n": 1})

    question = {"text": "Grüße", "n": [1, 2.5, None, True]}
    async with hook_server(handle) as port:
        answer = await webhooks.ask(hook(port, headers={"X-Own": "own"}), question)
        await webhooks.ask(hook(port, secret=None), question)
    assert (answer.status, answer.body, answer.ok) == (200, {"n": 1}, True)
    [(headers, body), (unsigned, _)] = got
    assert json.loads(body) == question
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Own"] == "own"
    assert headers["X-Gateway-Timestamp"] == "1700000000"
    # as docs/adapters.md tells a receiver to check it
    expected = hmac.new(SECRET.encode(), b"1700000000." + body, hashlib.sha256).hexdigest()
    assert headers["X-Gateway-Signature"] == f"sha256={expected}"
    assert "X-Gateway-Signature" not in unsigned


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (web.Response(status=204), (204, None, True)),
        (web.Response(status=200), (200, None, True)),
        (web.json_response([], status=201), (201, [], True)),
        (web.json_response({"error": "no"}, status=404), (404, {"error": "no"}, False)),
        (
            web.Response(body=gzip.compress(b'{"n":1}'), headers={"Content-Encoding": "gzip"}),
            (200, {"n": 1}, True),
        ),
        (web.Response(text='{"n":1}', content_type="text/plain"), (200, {"n": 1}, True)),
    ],
)
async def test_what_is_an_answer(response: web.Response, answer: tuple[int, Any, bool], webhooks: Webhooks) -> None:
    async def handle(request: web.Request) -> web.Response:
        return response

    async with hook_server(handle) as port:
        got = await webhooks.ask(hook(port), {})
    assert (got.status, got.body, got.ok) == answer


async def redirects(request: web.Request) -> web.StreamResponse:
    if request.query.get("again"):
        return web.json_response({"followed": True})
    raise web.HTTPTemporaryRedirect(f"{request.path}?again=1")


async def fails(request: web.Request) -> web.StreamResponse:
    return web.json_response({"error": "pa55word"}, status=500)


async def is_a_page(request: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>", content_type="text/html")


async def is_not_found(request: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>", content_type="text/html", status=404)


async def is_half_json(request: web.Request) -> web.StreamResponse:
    return web.Response(text='{"a":', content_type="application/json")


async def is_not_utf_8(request: web.Request) -> web.StreamResponse:
    return web.Response(body=b'"\xff"', content_type="application/json")


async def is_large(request: web.Request) -> web.StreamResponse:
    return web.json_response("x" * LARGE)


async def is_a_bomb(request: web.Request) -> web.StreamResponse:
    packed = gzip.compress(b" " * 50_000_000)
    return web.Response(body=packed, headers={"Content-Encoding": "gzip"})


async def is_no_gzip(request: web.Request) -> web.StreamResponse:
    return web.Response(body=b"not compressed", headers={"Content-Encoding": "gzip"})


async def never_ends(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    try:
        while True:
            await response.write(b" " * 1000)
    except ConnectionError:
        return response


async def says_nothing(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(60)
    raise AssertionError


async def stops_in_between(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b'{"a":')
    await asyncio.sleep(60)
    raise AssertionError


async def hangs_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


FAULTS = [
    (redirects, Code.UNAVAILABLE, "the hook answered with status 307"),
    (fails, Code.UNAVAILABLE, "the hook answered with status 500"),
    (is_a_page, Code.UNAVAILABLE, "the hook answered with what is not JSON"),
    (is_not_found, Code.UNAVAILABLE, "the hook answered with status 404"),
    (is_half_json, Code.UNAVAILABLE, "the hook answered with what is not JSON"),
    (is_not_utf_8, Code.UNAVAILABLE, "the hook answered with what is not JSON"),
    (is_large, Code.UNAVAILABLE, "the hook gave too long an answer"),
    (is_a_bomb, Code.UNAVAILABLE, "the hook gave too long an answer"),
    (is_no_gzip, Code.UNAVAILABLE, "the hook cannot be reached"),
    (never_ends, Code.UNAVAILABLE, "the hook gave too long an answer"),
    (says_nothing, Code.TIMEOUT, "the hook did not answer in time"),
    (stops_in_between, Code.TIMEOUT, "the hook did not answer in time"),
    (hangs_up, Code.UNAVAILABLE, "the hook cannot be reached"),
]


@pytest.mark.parametrize(("handle", "code", "message"), FAULTS, ids=[handle.__name__ for handle, *_ in FAULTS])
async def test_a_receiver_that_fails(
    handle: Any, code: Code, message: str, webhooks: Webhooks, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="gateway")
    async with hook_server(handle) as port:
        with pytest.raises(GatewayError) as error:
            await webhooks.ask(hook(port, timeout=SLOW if code is Code.TIMEOUT else 30), {})
        assert (error.value.code, error.value.message) == (code, message)
        assert "hook=the hook" in caplog.text
        assert "pa55word" not in caplog.text + repr(error.value) + repr(hook(port))
        assert error.value.__cause__ is None


async def test_a_receiver_that_is_not_there(webhooks: Webhooks, unused_tcp_port: int) -> None:
    unreachable = [
        hook(unused_tcp_port),
        hook(0, url="http://not-there.invalid/"),
        hook(0, url="https://[::1"),
        hook(0, url="ftp://127.0.0.1/"),
        hook(0, url="nonsense"),
    ]
    for receiver in unreachable:
        with pytest.raises(GatewayError) as error:
            await webhooks.ask(receiver, {})
        assert (error.value.code, error.value.message) == (Code.UNAVAILABLE, "the hook cannot be reached")


async def test_a_certificate_of_nobody_is_not_believed(webhooks: Webhooks) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)

    async def nobody(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise AssertionError

    server = await asyncio.start_server(nobody, "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(GatewayError) as error:
            await webhooks.ask(hook(0, url=f"https://127.0.0.1:{port}/"), {})
    assert (error.value.code, error.value.message) == (Code.UNAVAILABLE, "the hook cannot be reached")


async def test_nothing_is_asked_twice(webhooks: Webhooks) -> None:
    asked = 0

    async def handle(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        if asked > 1:  # the connection is an old one then, on which aiohttp would repeat a GET
            assert request.transport is not None
            request.transport.close()
        return web.json_response({})

    async with hook_server(handle) as port:
        await webhooks.ask(hook(port), {})
        with pytest.raises(GatewayError):
            await webhooks.ask(hook(port), {})
    assert asked == 2


async def test_no_cookie_is_kept(webhooks: Webhooks) -> None:
    cookies: list[str | None] = []

    async def handle(request: web.Request) -> web.Response:
        cookies.append(request.headers.get("Cookie"))
        response = web.json_response({})
        response.set_cookie("who", "somebody")
        return response

    async with hook_server(handle) as port:
        await webhooks.ask(hook(port, url=f"http://localhost:{port}/hook"), {})
        await webhooks.ask(hook(port, url=f"http://localhost:{port}/hook"), {})
    assert cookies == [None, None]


@pytest.mark.parametrize("question", [{"a": "\ud800"}, {"a": 2**70}, {"a": object()}, {1: 2}])
async def test_a_question_that_is_no_json(question: Any, webhooks: Webhooks, unused_tcp_port: int) -> None:
    with pytest.raises(GatewayError) as error:
        await webhooks.ask(hook(unused_tcp_port), question)
    assert (error.value.code, error.value.message) == (Code.BAD_VALUE, "the hook can be asked about plain JSON only")


# --- public addresses only ---


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "127.1", "2130706433", "0.0.0.0"]
)
async def test_a_pool_for_public_receivers_connects_to_no_other(host: str, caplog: pytest.LogCaptureFixture) -> None:
    asked: list[web.Request] = []

    async def handle(request: web.Request) -> web.Response:
        asked.append(request)
        return web.json_response({})

    pool = Webhooks(public_only=True)
    try:
        async with hook_server(handle) as port:
            with pytest.raises(GatewayError) as error:
                await pool.ask(hook(0, url=f"http://{host}:{port}/hook"), {})
    finally:
        await pool.close()
    # which private hosts there are is not told to who may set the address
    assert (error.value.code, error.value.message) == (Code.UNAVAILABLE, "the hook cannot be reached")
    assert asked == []


async def test_why_an_address_was_not_asked_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    pool = Webhooks(public_only=True)
    try:
        with pytest.raises(GatewayError):
            await pool.ask(hook(9), {})
    finally:
        await pool.close()
    assert "reason=it is not at a public address" in caplog.text


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::808:808", True),
        ("127.0.0.1", False),
        ("10.0.0.1", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("239.255.255.250", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("192.0.2.1", False),
        ("198.18.0.1", False),
        ("::", False),
        ("::1", False),
        ("fe80::1", False),
        ("fe80::1%1", False),
        ("fec0::1", False),
        ("fc00::1", False),
        ("ff0e::1", False),
        ("2001:db8::1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::a00:1", False),
        ("2002:7f00:1::", False),
        ("2001:0:7f00:1::", False),
        ("::127.0.0.1", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_neither_a_hook_nor_an_answer_shows_what_it_holds() -> None:
    assert "pa55word" not in repr(hook(1))
    assert "pa55word" not in repr(Answer(200, {"token": "pa55word"}))
