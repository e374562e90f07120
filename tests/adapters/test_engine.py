"""What a server of code has, as it tells: when it is asked for, and what holds where it cannot be asked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.adapters.engine import Engine
from gateway.adapters.receiver import Receiver
from gateway.adapters.webhook import Hook, Webhooks
from gateway.app import mappings_directory
from gateway.dialects.dialect import load_dialects
from gateway.errors import Code, GatewayError
from gateway.model.trigger import Moment


@dataclass
class Server:
    names: list[str] = field(default_factory=lambda: ["hello", "__before_save_for_Todo"])
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    pings: list[str | None] = field(default_factory=list)
    silent: bool = False
    down: bool = False
    gate: asyncio.Event | None = None
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    now: float = 100.0
    engine: Engine = field(init=False)

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append((request.path, request.headers.get("X-LC-Key")))
        self.arrived.set()
        if self.gate is not None:
            await self.gate.wait()
        return web.Response(status=503) if self.down else web.json_response({"result": self.names})

    async def pinged(self, request: web.Request) -> web.Response:
        self.pings.append(request.headers.get("X-LC-Key"))
        if self.silent:
            return web.Response(status=404, text="Cannot POST /__engine/1/ping")
        return web.json_response(
            {"runtime": "nodejs-v20.20.2", "version": "3.8.0", "more": {"a": 1}, "long": "x" * 100}
        )

    async def settled(self) -> None:
        """Until nobody is asked any more."""
        while (asking := self.engine._asking) is not None:
            await asyncio.wait([asking])


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    form = load_dialects(mappings_directory())["leancloud"].hooks
    assert form is not None
    made = Server()
    webhooks = Webhooks()
    application = web.Application()
    application.router.add_post("/1.1/functions/_ops/metadatas", made.handle)
    application.router.add_post("/__engine/1/ping", made.pinged)
    async with TestServer(application) as http:
        hook = Hook(name="the server", url=str(http.make_url("/")), timeout=30)
        made.engine = Engine(Receiver(webhooks, hook, form, {"master_key": "m"}), lasts=5.0, now=lambda: made.now)
        yield made
        await made.engine.close()
    await webhooks.close()


async def test_it_is_asked_once_for_as_long_as_that_holds(server: Server) -> None:
    engine = server.engine
    assert await engine.has_function("hello")
    assert await engine.has_trigger("Todo", Moment.BEFORE_SAVE)
    assert not await engine.has_trigger("Todo", Moment.AFTER_SAVE)
    assert not await engine.has_trigger("Other", Moment.BEFORE_SAVE)
    assert not await engine.has_function("__before_save_for_Todo"), "a hook is no function"
    assert server.asked == [("/1.1/functions/_ops/metadatas", "m,master")]


async def test_the_log_tells_what_it_is(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gateway.adapters.engine")
    assert await server.engine.has_function("hello")
    server.now += 5
    assert await server.engine.has_function("hello")
    await server.settled()
    assert server.pings == [None], "once, and without a key"
    said = [record.getMessage() for record in caplog.records if record.name == "gateway.adapters.engine"]
    assert said == ["the server of the app's code is there runtime='nodejs-v20.20.2' version='3.8.0'"]


async def test_a_server_that_tells_nothing_of_itself_is_as_good(server: Server) -> None:
    server.silent = True
    assert await server.engine.has_function("hello")


async def test_who_asks_at_once_waits_for_one_answer(server: Server) -> None:
    server.gate = asyncio.Event()
    waiting = [asyncio.create_task(server.engine.has_function("hello")) for _ in range(5)]
    await server.arrived.wait()
    waiting[0].cancel()
    server.gate.set()
    assert await asyncio.gather(*waiting[1:]) == [True] * 4, "who goes away does not take the answer along"
    assert len(server.asked) == 1


async def test_it_is_asked_again_in_the_background(server: Server) -> None:
    await server.engine.has_function("hello")
    server.names = ["hello", "__after_save_for_Todo"]
    server.now += 5
    assert await server.engine.has_trigger("Todo", Moment.BEFORE_SAVE), "nobody waits for it"
    await server.settled()
    assert not await server.engine.has_trigger("Todo", Moment.BEFORE_SAVE)
    assert await server.engine.has_trigger("Todo", Moment.AFTER_SAVE)
    assert len(server.asked) == 2


async def test_a_function_that_was_deployed_this_moment_is_there(server: Server) -> None:
    assert not await server.engine.has_function("new")
    server.names = [*server.names, "new"]
    server.now += 5
    assert await server.engine.has_function("new")


async def test_where_it_was_never_reached_nobody_knows_what_to_ask(server: Server) -> None:
    server.down = True
    for asked in (server.engine.has_function("hello"), server.engine.has_trigger("Todo", Moment.BEFORE_SAVE)):
        with pytest.raises(GatewayError) as refused:
            await asked
        assert refused.value.code is Code.UNAVAILABLE
    server.down = False
    assert await server.engine.has_function("hello"), "it is asked again when it is needed"


async def test_while_it_is_down_the_last_list_holds(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    await server.engine.has_function("hello")
    server.down = True
    server.now += 5
    assert await server.engine.has_trigger("Todo", Moment.BEFORE_SAVE)
    await server.settled()
    assert await server.engine.has_trigger("Todo", Moment.BEFORE_SAVE)
    assert "the last one holds" in caplog.text


@pytest.mark.parametrize("names", ["hello", [1], None, {"hello": 1}])
async def test_what_is_no_list_of_names_is_no_answer(server: Server, names: object) -> None:
    server.names = names  # type: ignore[assignment]
    with pytest.raises(GatewayError) as refused:
        await server.engine.has_function("hello")
    assert refused.value.code is Code.UNAVAILABLE
