"""Apps that accounts make: a gateway with an admin store, asked over HTTP, by a vendor's SDK, and started again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import sqlite3
import stat
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import argon2
import pytest
import yaml

from gateway.app import Plan, address_of, listen, make_app, plan, running
from gateway.dialects.dialect import Dialect
from gateway.errors import SettingsError, StartupError
from gateway.settings import load_settings
from tests.outside import OutsideWorld
from tests.sdk.conftest import Process
from tests.sdk.test_javascript import HERE as SDKS
from tests.sdk.test_javascript import missing

PASSWORDS = {"ann@example.com": "ann's password", "bob@example.com": "bob's password"}
HASHED = {
    email: argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(password)
    for email, password in PASSWORDS.items()
}
ANN, BOB = ({"X-Parse-Email": email, "X-Parse-Password": password} for email, password in PASSWORDS.items())
MOUNTS = {"/parse": "parse", "/1": "parse", "/1.1": "leancloud"}


def config(at: Path, **admin_store: Any) -> dict[str, Any]:
    """Bob has one of the two apps of the configuration, and Ann has all."""
    accounts: dict[str, Any] = {"ann@example.com": {"password": HASHED["ann@example.com"]}}
    accounts["bob@example.com"] = {"password": HASHED["bob@example.com"], "apps": ["shop"]}
    keys = {"parse": {"rest_key": "demo-rest", "master_key": "demo-master"}, "leancloud": {"app_key": "demo-key"}}
    return {
        "server": {
            "port": 0,
            "accounts": accounts,
            "admin_store": {"url": f"sqlite:///{at}/apps.db", **admin_store},
        },
        "apps": [
            {
                "name": name,
                "backend": "local",
                "clients": {dialect: {"app_id": name, **given} for dialect, given in keys.items()},
            }
            for name in ("blog", "shop")
        ],
        "backends": {"local": {"type": "embedded", "url": f"sqlite:///{at}/demo.db"}},
    }


def written(folder: Path, told: Mapping[str, Any]) -> Path:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(told), encoding="utf-8")
    return path


@dataclass
class Gateway:
    client: aiohttp.ClientSession

    async def answer(self, method: str, path: str, headers: Mapping[str, str], body: Any = None) -> tuple[int, Any]:
        async with self.client.request(method, "/1" + path, headers=headers, json=body) as response:
            return response.status, await response.json()

    async def ask(self, method: str, path: str, headers: Mapping[str, str], body: Any = None) -> Any:
        status, told = await self.answer(method, path, headers, body)
        assert status < 300, (status, told)
        return told

    async def refusal(self, method: str, path: str, headers: Mapping[str, str], body: Any = None) -> tuple[int, str]:
        status, told = await self.answer(method, path, headers, body)
        assert status >= 400, (status, told)
        return told.get("code", status), told["error"]

    async def capabilities(self) -> dict[str, Any]:
        async with self.client.get("/_gateway/capabilities") as response:
            found: dict[str, Any] = (await response.json())["backends"]
            return found


@asynccontextmanager
async def gateway(at: Path, dialects: Mapping[str, Dialect], **admin_store: Any) -> AsyncIterator[Gateway]:
    settings = load_settings(written(at, config(at, **admin_store)), {})
    with listen("127.0.0.1", 0) as listening:
        async with (
            running(make_app(Plan(settings, dialects, MOUNTS)), listening, grace=5),
            aiohttp.ClientSession(address_of(listening)) as client,
        ):
            yield Gateway(client)


def rest(app: Mapping[str, Any]) -> dict[str, str]:
    return {"X-Parse-Application-Id": app["applicationId"], "X-Parse-REST-API-Key": app["restKey"]}


def master(app: Mapping[str, Any]) -> dict[str, str]:
    return {"X-Parse-Application-Id": app["applicationId"], "X-Parse-Master-Key": app["masterKey"]}


async def test_an_app_is_made_and_served_at_once_and_after_a_restart(
    tmp_path: Path, dialects: Mapping[str, Dialect]
) -> None:
    async with gateway(tmp_path, dialects) as here:
        app = await here.ask("POST", "/apps", ANN, {"appName": "my new app"})
        keys = ("clientKey", "javascriptKey", "masterKey", "restKey", "webhookKey", "windowsKey")
        assert {name: value for name, value in app.items() if name not in (*keys, "applicationId")} == {
            "appName": "my new app",
            # REST guide, "Creating apps": the defaults
            "clientClassCreationEnabled": True,
            "clientPushEnabled": False,
            "requireRevocableSessions": True,
            "revokeSessionOnPasswordChange": True,
        }
        assert len({app[name] for name in (*keys, "applicationId")}) == 7
        post = await here.ask("POST", "/classes/Post", rest(app), {"title": "Hello"})
        user = await here.ask("POST", "/users", rest(app), {"username": "tom", "password": "hunter2"})
        by_session = {**rest(app), "X-Parse-Session-Token": user["sessionToken"]}
        assert (await here.ask("GET", "/users/me", by_session))["username"] == "tom"
        assert "Post" in [each["className"] for each in (await here.ask("GET", "/schemas", master(app)))["results"]]
        file = await here.ask("POST", "/files/hello.txt", {**by_session, "Content-Type": "text/plain"}, "hi")
        # what an app has is no other's
        demo = {"applicationId": "blog", "restKey": "demo-rest", "masterKey": "demo-master"}
        assert await here.refusal("GET", f"/classes/Post/{post['objectId']}", rest(demo)) == (101, "Object not found.")
    async with gateway(tmp_path, dialects) as here:
        assert await here.ask("GET", f"/apps/{app['applicationId']}", ANN) == app
        assert (await here.ask("GET", f"/classes/Post/{post['objectId']}", rest(app)))["title"] == "Hello"
        assert (await here.ask("GET", "/users/me", by_session))["username"] == "tom"
        path = "/" + file["url"].split("/", 3)[3]
        async with here.client.get(path) as response:
            assert (response.status, await response.text()) == (200, '"hi"')


async def test_every_key_of_an_app_lets_in_and_none_of_another(tmp_path: Path, dialects: Mapping[str, Dialect]) -> None:
    async with gateway(tmp_path, dialects) as here:
        app, other = [await here.ask("POST", "/apps", ANN, {"appName": name}) for name in ("one", "two")]
        names = {"REST-API": "rest", "Javascript": "javascript", "Client": "client", "Windows": "windows"}
        for header, name in names.items():
            sent = {"X-Parse-Application-Id": app["applicationId"], f"X-Parse-{header}-Key": app[f"{name}Key"]}
            assert await here.ask("GET", "/config", sent) == {"params": {}}
            sent[f"X-Parse-{header}-Key"] = other[f"{name}Key"]
            assert await here.refusal("GET", "/config", sent) == (403, "unauthorized")
        crossed = {**master(app), "X-Parse-Master-Key": other["masterKey"]}
        assert await here.refusal("GET", "/schemas", crossed) == (403, "unauthorized")


async def test_what_is_set_for_an_app_holds_at_once(tmp_path: Path, dialects: Mapping[str, Dialect]) -> None:
    async with gateway(tmp_path, dialects) as here:
        given = {"appName": "closed", "clientClassCreationEnabled": False, "requireRevocableSessions": True}
        app = await here.ask("POST", "/apps", ANN, given)
        path = f"/apps/{app['applicationId']}"
        code, why = await here.refusal("POST", "/classes/Post", rest(app), {"title": "x"})
        assert (code, "non-existent class" in why) == (119, True)
        changed = await here.ask("PUT", path, ANN, {"appName": "open", "clientClassCreationEnabled": True})
        assert changed == {**app, "appName": "open", "clientClassCreationEnabled": True}
        await here.ask("POST", "/classes/Post", rest(app), {"title": "x"})
        assert await here.ask("GET", path, ANN) == changed
        push = {"where": {}, "data": {"alert": "x"}}
        assert (await here.refusal("POST", "/push", rest(app), push))[1].startswith("unauthorized")
        assert await here.ask("PUT", path, ANN, {"clientPushEnabled": True}) == {**changed, "clientPushEnabled": True}
        assert "unauthorized" not in (await here.refusal("POST", "/push", rest(app), push))[1]  # nobody delivers it


@pytest.mark.parametrize(
    ("body", "code", "why"),
    [
        ({}, 107, "name"),
        ({"appName": ""}, 111, "1 to 100 characters"),
        ({"appName": 5}, 111, "text"),
        ({"appName": "x", "clientPushEnabled": "yes"}, 111, "true or false"),
        ({"appName": "x", "masterKey": "of my own choice"}, 107, "masterKey"),
        ({"appName": "x", "dashboardURL": "https://x.example"}, 107, "dashboardURL"),
        ({"appName": "x", "requireRevocableSessions": False}, 108, "sessions can always be revoked here"),
        ({"appName": "x", "revokeSessionOnPasswordChange": False}, 108, "always ends the sessions"),
        (["x"], 107, ""),
    ],
    ids=str,
)
async def test_what_cannot_be_is_refused_in_words(
    tmp_path: Path, dialects: Mapping[str, Dialect], body: Any, code: int, why: str
) -> None:
    async with gateway(tmp_path, dialects) as here:
        told = await here.refusal("POST", "/apps", BOB, body)
        assert (told[0], why in told[1]) == (code, True), told
        apps = (await here.ask("GET", "/apps", BOB))["results"]
        assert [app["appName"] for app in apps] == ["shop"]


async def test_apps_of_the_configuration_stay_as_they_are(tmp_path: Path, dialects: Mapping[str, Dialect]) -> None:
    async with gateway(tmp_path, dialects) as here:
        before = await here.ask("GET", "/apps/blog", ANN)
        refused = await here.refusal("PUT", "/apps/blog", ANN, {"appName": "mine"})
        assert refused == (108, "this application is changed in the gateway's configuration")
        assert await here.ask("GET", "/apps/blog", ANN) == before
        # the overview of the guide has an id in the path, though one that is made gets its own
        made = await here.ask("POST", "/apps/blog", ANN, {"appName": "mine"})
        assert made["applicationId"] != "blog"


async def test_another_gateway_on_the_store_serves_it_at_its_first_request(
    tmp_path: Path, dialects: Mapping[str, Dialect]
) -> None:
    async with gateway(tmp_path, dialects) as here, gateway(tmp_path, dialects) as there:
        app = await here.ask("POST", "/apps", BOB, {"appName": "new"})
        post = await there.ask("POST", "/classes/Post", rest(app), {"title": "Hello"})
        assert (await here.ask("GET", f"/classes/Post/{post['objectId']}", rest(app)))["title"] == "Hello"
        first_upload = await here.ask("POST", "/apps", BOB, {"appName": "for a file"})
        await there.ask("POST", "/files/a.txt", {**master(first_upload), "Content-Type": "text/plain"}, "x")
        await there.ask("PUT", f"/apps/{app['applicationId']}", BOB, {"clientClassCreationEnabled": False})
        classes = (f"New{number}" for number in count())
        async with asyncio.timeout(30):
            # every second it looks
            while (await here.answer("POST", f"/classes/{next(classes)}", rest(app), {}))[0] != 400:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


async def test_capabilities_have_them_like_others(tmp_path: Path, dialects: Mapping[str, Dialect]) -> None:
    async with gateway(tmp_path, dialects) as here:
        before = await here.capabilities()
        await here.ask("POST", "/apps", ANN, {"appName": "new"})
        after = await here.capabilities()
        (name,) = after.keys() - before.keys()
        assert after[name] == before["local"]


def modes_in(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.glob("apps.*")}


async def test_nobody_else_reads_the_files(tmp_path: Path, dialects: Mapping[str, Dialect]) -> None:
    (tmp_path / "apps.db").touch(0o644)
    async with gateway(tmp_path, dialects) as here:
        app = await here.ask("POST", "/apps", ANN, {"appName": "../../../etc/passwd"})
        modes = modes_in(tmp_path)
        assert modes == dict.fromkeys(("apps.db", "apps.db-wal", "apps.db-shm"), 0o600) | {"apps.apps": 0o700}
        # neither the app's name nor its id is in the name of a file
        inside = [path.name for path in (tmp_path / "apps.apps").iterdir()]
        assert inside
        assert not any(app["applicationId"] in name or "passwd" in name for name in inside)


async def test_its_stores_are_where_the_setting_says(tmp_path: Path, dialects: Mapping[str, Dialect]) -> None:
    folder = tmp_path / "stores of apps #1 %41"
    async with gateway(tmp_path, dialects, folder=str(folder)) as here:
        app = await here.ask("POST", "/apps", ANN, {"appName": "new"})
        await here.ask("POST", "/classes/Post", rest(app), {"title": "x"})
        assert len(list(folder.glob("made-*.db"))) == 1
    async with gateway(tmp_path, dialects, folder=str(folder)) as here:
        assert len((await here.ask("GET", "/classes/Post", rest(app)))["results"]) == 1


async def test_an_app_is_like_the_one_of_the_setting(
    tmp_path: Path, dialects: Mapping[str, Dialect], outside: OutsideWorld
) -> None:
    told = config(tmp_path, like="shop")
    told["adapters"] = outside.adapters
    told["server"]["public_url"] = "https://api.example.com"
    told["apps"][1] |= {"mail": "mail", "push": {"to": {"*": "sms"}}, "functions": {"hello": outside.code}}
    told["apps"][1]["users"] = {"verify_email": True}
    settings = load_settings(written(tmp_path, told), {})
    with listen("127.0.0.1", 0) as listening:
        async with (
            running(make_app(Plan(settings, dialects, MOUNTS)), listening, grace=5),
            aiohttp.ClientSession(address_of(listening)) as client,
        ):
            here = Gateway(client)
            app = await here.ask("POST", "/apps", ANN, {"appName": "new", "clientPushEnabled": True})
            assert (await here.ask("POST", "/functions/hello", rest(app), {}))["result"] is not None
            user = {"username": "tom", "password": "hunter2", "email": "tom@example.com"}
            await here.ask("POST", "/users", rest(app), user)
            async with asyncio.timeout(30):
                while not outside.mails:  # noqa: ASYNC110 - the mail comes after the answer
                    await asyncio.sleep(0.01)
            link = re.search(r"https://api\.example\.com(/_gateway/apps/made-\S+)", outside.mails[0].text)
            assert link is not None
            async with client.get(link[1]) as response:
                assert response.status == 200
            await here.ask("POST", "/push", rest(app), {"where": {}, "data": {"alert": "x"}})


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        ({"url": "postgres://x/y"}, "server.admin_store.url: 'postgres://x/y' is no address of a store"),
        (
            {"like": "nobody"},
            "server.admin_store.like: is none of the apps on a backend of type embedded; there are: b",
        ),
        ({"most": 0}, "server.admin_store.most: "),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_cannot_work_is_told_at_the_start(tmp_path: Path, damage: dict[str, Any], fault: str) -> None:
    with pytest.raises(SettingsError) as told:
        plan(written(tmp_path, config(tmp_path, **damage)))
    assert fault in str(told.value)


def test_a_store_of_apps_is_no_store_of_objects_and_needs_accounts(tmp_path: Path) -> None:
    told = config(tmp_path, url=f"sqlite:///{tmp_path}/demo.db")
    told["server"]["accounts"] = {}
    with pytest.raises(SettingsError) as refused:
        plan(written(tmp_path, told))
    assert "server.admin_store.url: is that of backends.local; it must be a file of its own" in str(refused.value)
    assert "server.admin_store: needs server.accounts, or nobody could make an application" in str(refused.value)


def test_somebody_must_be_served_where_apps_are_made(tmp_path: Path) -> None:
    told = config(tmp_path)
    for app in told["apps"]:
        del app["clients"]["parse"]
    with pytest.raises(SettingsError, match=r"server\.admin_store: no app has clients of parse, by whose requests"):
        plan(written(tmp_path, told))


def test_code_that_no_app_of_an_account_could_be_asked_with_is_told_at_the_start(tmp_path: Path) -> None:
    told = config(tmp_path, like="shop")
    told["apps"][1]["engine"] = {"url": "http://127.0.0.1:9", "format": "leancloud", "keys": {"hook_key": "x"}}
    told["apps"][1]["clients"]["leancloud"] |= {"master_key": "x"}
    with pytest.raises(SettingsError, match=r"server\.admin_store\.like: shop\.engine\.app_id: is needed"):
        plan(written(tmp_path, told))


async def test_a_place_that_cannot_be_written_is_told_at_the_start(
    tmp_path: Path, dialects: Mapping[str, Dialect]
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartupError, match=r"server\.admin_store: .*file"):
        async with gateway(tmp_path, dialects, folder=str(tmp_path / "file" / "below")):
            pass


async def test_a_damaged_store_of_apps_is_told_at_the_start(tmp_path: Path, dialects: Mapping[str, Dialect]) -> None:
    async with gateway(tmp_path, dialects) as here:
        await here.ask("POST", "/apps", ANN, {"appName": "new"})
    with contextlib.closing(sqlite3.connect(tmp_path / "apps.db")) as database:
        (size,) = database.execute("PRAGMA page_size").fetchone()
        (page,) = database.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'object_1'").fetchone()
    with (tmp_path / "apps.db").open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    with pytest.raises(StartupError, match=r"server\.admin_store: .*apps\.db: the store's file is damaged"):
        async with gateway(tmp_path, dialects):
            pass


async def test_an_app_that_the_configuration_has_by_now_is_the_configurations(
    tmp_path: Path, dialects: Mapping[str, Dialect], caplog: pytest.LogCaptureFixture
) -> None:
    async with gateway(tmp_path, dialects) as here:
        app = await here.ask("POST", "/apps", ANN, {"appName": "new"})
    told = config(tmp_path)
    told["apps"][0]["clients"]["parse"] = {"app_id": app["applicationId"], "rest_key": "demo-rest"}
    settings = load_settings(written(tmp_path, told), {})
    with listen("127.0.0.1", 0) as listening:
        async with (
            running(make_app(Plan(settings, dialects, MOUNTS)), listening, grace=5),
            aiohttp.ClientSession(address_of(listening)) as client,
        ):
            here = Gateway(client)
            await here.ask("POST", "/classes/Post", rest({**app, "restKey": "demo-rest"}), {"title": "x"})
            assert await here.refusal("GET", "/classes/Post", rest(app)) == (403, "unauthorized")
            assert [each["appName"] for each in (await here.ask("GET", "/apps", ANN))["results"]] == ["blog", "shop"]
    assert "an application that was made is not served" in caplog.text


def test_the_sdk_of_the_vendor_uses_it_on_any_worker_and_after_a_restart(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not (SDKS / "node_modules").is_dir():
        missing(f"the JavaScript SDKs need node 20 or newer, and npm ci --prefix {SDKS}")
    told = config(tmp_path)
    told["server"]["workers"] = 2
    path = written(tmp_path, told)

    def run(step: str) -> None:
        process = Process(path)
        try:
            done = subprocess.run(
                [node, "made_app.mjs", step],
                cwd=SDKS,
                env=os.environ
                | {
                    "GATEWAY_URL": process.wait_until_listening(),
                    "ACCOUNT": json.dumps(BOB),
                    "KEPT": str(tmp_path / "kept.json"),
                },
                capture_output=True,
                text=True,
                timeout=100,
                check=False,
            )
        finally:
            status = process.stop()
        assert done.returncode == 0, f"{done.stdout}{done.stderr}\n{process.output}"
        assert status == 0, process.output

    run("make")
    run("again")
    kept = json.loads((tmp_path / "kept.json").read_text(encoding="utf-8"))
    assert kept["objects"] == 20
