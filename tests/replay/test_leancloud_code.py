"""35 recorded exchanges with LeanCloud's servers about code of an app's own and conversations, sent to the gateway.

Behind the gateway is a server of code that does what the recorded app's did: hooks that leave their mark on objects,
and functions that return what was recorded.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.app import make_app, plan
from tests.replay.leancloud import Recorded, Replay, load

EXCHANGES: Final = {"leancloud_hooks": 24, "leancloud_cloud": 5, "leancloud_conversations": 6}

DIFFERENCES: Final[Mapping[tuple[str, int], str]] = {
    ("leancloud_cloud", 2): "a file in an answer is told without its bucket and the times of its object",
    ("leancloud_cloud", 3): "the same, and objects have the tag that they have wherever they are included",
}
"""Recording and number -> why the answer is another one."""

HOOK_KEY: Final = "the-hook-key"
HOOKED: Final = "IgnoreHookTest"
ALL_HOOKS: Final = ["beforeSave", "afterSave", "beforeUpdate", "afterUpdate", "beforeDelete", "afterDelete"]

CONFIG = """
apps:
  - name: demo
    backend: local
    custom_ids: true
    engine: {{url: "{engine}", format: leancloud}}
    clients:
      leancloud: {{app_id: demo, app_key: demo-key, master_key: demo-master, hook_key: the-hook-key}}
backends:
  local: {{type: embedded, url: "sqlite:///{folder}/replay.db"}}
"""


class Engine:
    """The server of code. `gateway` is where it writes to."""

    def __init__(self, exchanges: list[Recorded]) -> None:
        self.gateway = ""
        self.results = {
            recorded.path.rpartition("/")[2]: recorded.response for recorded in exchanges if "/call/" in recorded.path
        }

    async def answer(self, request: web.Request) -> web.Response:
        names = request.path.removeprefix("/1.1/").split("/")
        match names:
            case ["functions", "_ops", "metadatas"]:
                hooks = [f"__{moment}_for_{HOOKED}" for moment in ("before_save", "before_update")]
                hooks += [f"__{moment}_for_{HOOKED}" for moment in ("after_save", "after_update")]
                return web.json_response({"result": [*hooks, *self.results]})
            case ["call", name]:
                return web.json_response(self.results[name])
            case ["functions", name, ("beforeSave" | "beforeUpdate") as word] if name == HOOKED:
                shown = (await request.json())["object"]
                return web.json_response({**shown, f"by{word[0].upper()}{word[1:]}": 1})
            case ["functions", name, ("afterSave" | "afterUpdate") as word] if name == HOOKED:
                shown = (await request.json())["object"]
                await self.mark(shown["objectId"], f"by{word[0].upper()}{word[1:]}")
                return web.json_response({"result": "ok"})
        return web.json_response({"code": 1, "error": "there is nothing"}, status=404)

    async def mark(self, id_: str, field: str) -> None:
        """What the recorded hooks did to the object, without being asked about it again."""
        keys = {"X-LC-Id": "demo", "X-LC-Key": "demo-key", "X-LC-Hook-Key": HOOK_KEY}
        body = {field: 1, "__ignore_hooks": ALL_HOOKS}
        async with (
            aiohttp.ClientSession(headers=keys) as session,
            session.put(f"{self.gateway}/1.1/classes/{HOOKED}/{id_}", json=body) as response,
        ):
            assert response.status == 200, await response.text()


@asynccontextmanager
async def gateway(folder: Path, engine: Engine) -> AsyncIterator[TestClient[Any, Any]]:
    code = web.Application()
    code.router.add_route("*", "/{rest:.*}", engine.answer)
    async with TestServer(code) as served:
        config = folder / "config.yaml"
        config.write_text(CONFIG.format(folder=folder, engine=str(served.make_url("")).rstrip("/")), encoding="utf-8")
        async with TestClient(TestServer(make_app(plan(config)))) as client:
            engine.gateway = str(client.make_url("")).rstrip("/")
            yield client


async def differences(replay: Replay, recorded: Recorded) -> list[str]:
    """What a hook does afterwards may not be done yet."""
    found = await replay.differences(recorded)
    for _ in range(3000 if recorded.method == "GET" else 0):
        if not found:
            break
        await asyncio.sleep(0.01)
        found = await replay.differences(recorded)
    return found


@pytest.mark.parametrize("name", EXCHANGES)
async def test_recorded_exchanges_are_answered_as_they_were(name: str, tmp_path: Path) -> None:
    exchanges = load(name)
    assert len(exchanges) == EXCHANGES[name]
    async with gateway(tmp_path, Engine(load(name))) as client:
        replay = Replay(client, "demo-key", "demo-master", headers={"X-LC-Hook-Key": HOOK_KEY})
        await replay.seed(load(name))
        found = {(name, recorded.number): await differences(replay, recorded) for recorded in exchanges}
    assert {place: lines for place, lines in found.items() if lines and place not in DIFFERENCES} == {}
    assert {place for place, lines in found.items() if lines} == {place for place in DIFFERENCES if place[0] == name}
