"""A push from a client to a browser, through all of the gateway: what the config chooses is what delivers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from gateway.app import make_app, plan
from tests.adapters.test_webpush import RAW, Browser, Service, service, text
from tests.conftest import Serving

__all__ = ["service"]

KEYS = {"parse": {"app_id": "blog", "rest_key": "rest", "master_key": "master"}}
TABLES = {"backendless": {"app_id": "blog", "rest_key": "tables", "cloud_code_key": "code"}}


def config(folder: Path, **push: Any) -> Path:
    path = folder / "config.yaml"
    web = {"type": "webpush", "key": text(RAW), "subject": "mailto:push@example.com", "private_endpoints": True}
    app = {"name": "blog", "backend": "local", "push": {"to": {"web": "web"}, **push}, "clients": {**KEYS, **TABLES}}
    local = {"type": "embedded", "url": f"sqlite:///{folder}/blog.db"}
    path.write_text(yaml.safe_dump({"apps": [app], "backends": {"local": local}, "adapters": {"web": web}}))
    return path


async def until(done: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(6000):
        if await done():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it does not come about")


async def test_a_browser_is_told_and_one_that_is_gone_is_forgotten(
    tmp_path: Path, serving: Serving, service: Service
) -> None:
    address = await serving(make_app(plan(config(tmp_path, clients=True))))
    browser, gone = Browser(), Browser()
    service.answers = {"gone": [(410, {})]}
    tables, master = f"{address}/blog/tables", {"X-Parse-Application-Id": "blog", "X-Parse-Master-Key": "master"}
    async with aiohttp.ClientSession() as client:
        for name, own in (("here", browser), ("gone", gone)):
            token = own.subscription(service.endpoint(name))
            device = {"deviceToken": token, "deviceId": name, "os": "WEB", "channels": ["news"]}
            async with client.post(f"{tables}/messaging/registrations", json=device) as answer:
                assert answer.status == 200, await answer.text()
        message = {"message": "Hello", "headers": {"k": "v"}, "publishPolicy": "PUSH"}
        async with client.post(f"{tables}/messaging/news", json=message) as answer:
            assert (await answer.json())["status"] == "scheduled"

        async def both_asked() -> bool:
            return len(service.asked) == 2

        await until(both_asked)
        [body] = [body for name, _, body in service.asked if name == "here"]
        told = json.loads(browser.decrypted(body))
        assert {name: told[name] for name in ("alert", "k")} == {"alert": "Hello", "k": "v"}

        async def one_has_lost_its_token() -> bool:
            async with client.get(f"{address}/parse/installations", headers=master) as answer:
                found = (await answer.json())["results"]
            return sorted("deviceToken" in installation for installation in found) == [False, True]

        await until(one_has_lost_its_token)


@pytest.mark.parametrize("clients", [False, True])
async def test_who_may_tell_devices_the_config_says(
    clients: bool, tmp_path: Path, serving: Serving, service: Service
) -> None:
    address = await serving(make_app(plan(config(tmp_path, clients=clients))))
    message = {"message": "Hello", "headers": {"ios-badge": "1"}}
    async with aiohttp.ClientSession() as client:
        async with client.post(f"{address}/blog/tables/messaging/news", json=message) as answer:
            told = await answer.json()
            assert (answer.status, told.get("code")) == ((200, None) if clients else (403, 4000))
        async with client.post(f"{address}/blog/code/messaging/news", json=message) as answer:
            assert answer.status == 200
        async with client.post(f"{address}/blog/tables/messaging/news", json={"message": "Hello"}) as answer:
            assert answer.status == 200


async def test_beside_a_server_of_others_messages_are_kept_in_the_services_store(
    tmp_path: Path, serving: Serving
) -> None:
    far = {"type": "parse", "url": "http://127.0.0.1:1/parse", "app_id": "far", "rest_key": "k", "timeout": "1s"}
    local = {"type": "embedded", "url": f"sqlite:///{tmp_path}/kept.db"}
    app = {"name": "blog", "backend": "far", "services_store": "kept", "clients": TABLES}
    path = tmp_path / "config.yaml"
    columns = {"columns": {"Note": {"when": "date"}}}
    path.write_text(yaml.safe_dump({"apps": [app], "backends": {"far": far | columns, "kept": local}}))
    tables = f"{await serving(make_app(plan(path)))}/blog/tables"
    async with aiohttp.ClientSession() as client:

        async def ask(method: str, path: str, body: Any = None) -> Any:
            async with client.request(method, tables + path, json=body) as answer:
                return await answer.json()

        device = {"deviceToken": "t", "deviceId": "d", "os": "ANDROID"}
        registered = await ask("POST", "/messaging/registrations", device)
        found = await ask("GET", "/messaging/registrations/d")
        assert {**device, "id": registered["registrationId"]}.items() <= found.items()
        mine = (await ask("POST", "/messaging/news/subscribe", {}))["subscriptionId"]
        await ask("POST", "/messaging/news", {"message": "Hello"})
        [message] = (await ask("GET", f"/messaging/news/{mine}"))["messages"]
        assert message["data"] == "Hello"
        email = {"subject": "S", "to": ["a@b.example"], "bodyparts": {"textmessage": "t"}}
        assert (await ask("POST", "/messaging/email", email))["code"] == 5050
        pushed = await ask("POST", "/messaging/news", {"message": "Hello", "publishPolicy": "PUSH"})
        assert pushed["code"] == 4000
