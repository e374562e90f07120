"""The composition: what a config and the mappings mean together, and an application that opens and closes itself."""

from __future__ import annotations

import asyncio
import copy
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from gateway.app import Plan, address_of, cursor_secret, listen, make_app, plan, running
from gateway.errors import SettingsError, StartupError
from tests.conftest import Serving

ROOT = Path(__file__).parent.parent

CONFIG: dict[str, Any] = {
    "apps": [
        {
            "name": "blog",
            "backend": "blog",
            "clients": {
                "parse": {"app_id": "blog", "rest_key": "blog-rest", "master_key": "blog-master"},
                "leancloud": {"app_id": "blog", "app_key": "blog-key"},
            },
        },
        {"name": "shop", "backend": "shop", "custom_ids": True, "clients": {"parse": {"app_id": "shop"}}},
    ],
    "backends": {
        "blog": {"type": "embedded", "url": "sqlite:///${FOLDER}/blog.db"},
        "shop": {"type": "embedded", "url": "sqlite:///${FOLDER}/deep/er/shop.db"},
        "idle": {"type": "embedded", "url": "sqlite:///${FOLDER}/idle.db"},
    },
}
PARSE = {"X-Parse-Application-Id": "blog", "X-Parse-REST-API-Key": "blog-rest"}
LEANCLOUD = {"X-LC-Id": "blog", "X-LC-Key": "blog-key"}
SHOP = {"X-Parse-Application-Id": "shop"}


def planned(folder: Path, config: dict[str, Any] = CONFIG) -> Plan:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return plan(path, {"FOLDER": str(folder)})


def test_what_is_served_is_what_apps_speak(tmp_path: Path) -> None:
    blog = planned(tmp_path)
    assert dict(blog.mounts) == {"/parse": "parse", "/1": "parse", "/1.1": "leancloud"}
    assert list(blog.backends) == ["blog", "shop"]
    shop = planned(tmp_path, {**CONFIG, "apps": CONFIG["apps"][1:]})
    assert dict(shop.mounts) == {"/parse": "parse", "/1": "parse"}


def test_mounts_of_the_config_go_before_those_of_the_mapping(tmp_path: Path) -> None:
    moved = planned(tmp_path, {**CONFIG, "server": {"mounts": {"parse": ["/"]}}})
    assert dict(moved.mounts) == {"/": "parse", "/1.1": "leancloud"}


def _clients(app: int, clients: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    return lambda config: config["apps"][app].update(clients=clients)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            _clients(1, {"firebase": {"app_id": "shop"}}),
            "apps.1.clients.firebase: is not a dialect; there are: leancloud, parse",
        ),
        (
            _clients(1, {"leancloud": {"app_id": "shop", "app_kee": "x"}}),
            "apps.1.clients.leancloud.app_kee: is not a key of LeanCloud; there are: app_id, app_key, master_key",
        ),
        (
            _clients(1, {"leancloud": {"app_id": "shop"}}),
            "apps.1.clients.leancloud: nobody could come in without a key; there are: app_key, master_key",
        ),
        (
            lambda config: config.update(server={"mounts": {"firebase": ["/f"]}}),
            "server.mounts.firebase: is not a dialect; there are: leancloud, parse",
        ),
        (
            lambda config: config.update(server={"mounts": {"parse": ["/1.1"]}}),
            "server.mounts.leancloud: /1.1 is a mount of parse as well",
        ),
        (
            lambda config: config["backends"]["blog"].update(url="mysql://blog"),
            "backends.blog.url: 'mysql://blog' is no address of a store; sqlite:///data/blog.db would be one",
        ),
    ],
)
def test_what_does_not_fit_the_mappings_is_told_by_key(
    damage: Callable[[dict[str, Any]], None], message: str, tmp_path: Path
) -> None:
    config = copy.deepcopy(CONFIG)
    damage(config)
    with pytest.raises(SettingsError) as refused:
        planned(tmp_path, config)
    assert str(refused.value) == f"{tmp_path / 'config.yaml'}: {message}"


def test_gateways_with_the_same_keys_sign_alike(tmp_path: Path) -> None:
    settings = planned(tmp_path).settings
    turned = planned(tmp_path, {**CONFIG, "apps": CONFIG["apps"][::-1], "server": {"port": 1}}).settings
    assert cursor_secret(settings, "blog") == cursor_secret(turned, "blog")
    assert cursor_secret(settings, "blog") != cursor_secret(settings, "shop")
    secret = planned(tmp_path, {**CONFIG, "server": {"secret": "s" * 16}}).settings
    assert len({cursor_secret(secret, "blog"), cursor_secret(secret, "shop"), cursor_secret(settings, "blog")}) == 3


async def test_apps_of_one_port_have_their_own_keys_and_data(tmp_path: Path, serving: Serving) -> None:
    address = await serving(make_app(planned(tmp_path)))
    async with aiohttp.ClientSession(address) as session:

        async def ask(method: str, path: str, headers: dict[str, str], **more: Any) -> tuple[int, Any]:
            async with session.request(method, path, headers=headers, **more) as response:
                return response.status, await response.json()

        status, created = await ask("POST", "/parse/classes/Post", PARSE, json={"title": "a"})
        assert status == 201
        assert (await ask("GET", f"/1.1/classes/Post/{created['objectId']}", LEANCLOUD))[1]["title"] == "a"
        assert await ask("GET", "/parse/classes/Post", SHOP) == (200, {"results": []})
        assert (await ask("GET", "/parse/classes/Post", {**PARSE, "X-Parse-REST-API-Key": "shop"}))[0] == 403
        assert (await ask("GET", "/1.1/classes/Post", {**LEANCLOUD, "X-LC-Id": "shop"}))[0] in (400, 401, 403)
        own = {"objectId": "mine"}
        assert (await ask("POST", "/parse/classes/Post", SHOP, json=own))[1]["objectId"] == "mine"
        assert (await ask("POST", "/parse/classes/Post", PARSE, json=own))[0] == 400
    assert (tmp_path / "deep/er/shop.db").exists()
    assert not (tmp_path / "idle.db").exists()


async def test_what_is_under_way_is_finished_and_kept(tmp_path: Path) -> None:
    with listen("127.0.0.1", 0) as listening:
        async with aiohttp.ClientSession(address_of(listening)) as session:

            async def create(number: int) -> int:
                async with session.post("/parse/classes/Post", headers=PARSE, json={"n": number}) as response:
                    return response.status

            async with running(make_app(planned(tmp_path)), listening, grace=5):
                assert await create(0) == 201
                under_way = [asyncio.ensure_future(create(number)) for number in range(1, 50)]
                await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            answers = await asyncio.gather(*under_way, return_exceptions=True)
            answered = sum(answer == 201 for answer in answers)
    async with aiohttp.ClientSession() as session:
        with listen("127.0.0.1", 0) as listening:
            async with running(make_app(planned(tmp_path)), listening, grace=5):
                url = address_of(listening) + "/parse/classes/Post"
                async with session.get(url, params={"count": "1", "limit": "0"}, headers=PARSE) as response:
                    assert (await response.json())["count"] >= answered + 1


async def test_a_store_that_cannot_be_opened_stops_the_start(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "blog.db") as other:
        other.execute("CREATE TABLE somebody_elses (x)")
    other.close()
    with listen("127.0.0.1", 0) as listening, pytest.raises(StartupError, match=r"^backends\.blog: .*blog\.db: "):
        async with running(make_app(planned(tmp_path)), listening, grace=5):
            pass


def test_a_port_that_is_taken_is_told() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"^cannot listen on 127\.0\.0\.1:{port}: Address already in use$"):
            listen("127.0.0.1", port)


def test_an_address_as_it_is_printed() -> None:
    with listen("localhost", 0) as listening:
        assert address_of(listening) == f"http://127.0.0.1:{listening.getsockname()[1]}"
