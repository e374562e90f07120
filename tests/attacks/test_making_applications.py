"""Accounts that may make apps, and somebody who wants another's: its keys, its settings, its place on the disk."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from gateway.dialects.dialect import Dialect
from tests.test_made_apps import ANN, BOB, Gateway, gateway, master, rest

UNAUTHORIZED = (403, "unauthorized")
NOT_FOUND = (101, "Object not found.")


@pytest.fixture
async def here(tmp_path: Path, dialects: Mapping[str, Dialect]) -> AsyncIterator[Gateway]:
    async with gateway(tmp_path, dialects, most=3) as here:
        yield here


async def made_by_ann(here: Gateway, **settings: Any) -> dict[str, Any]:
    app: dict[str, Any] = await here.ask("POST", "/apps", ANN, {"appName": "of Ann", **settings})
    return app


async def test_another_account_neither_sees_nor_changes_it(here: Gateway) -> None:
    app = await made_by_ann(here)
    path = f"/apps/{app['applicationId']}"
    assert await here.refusal("GET", path, BOB) == NOT_FOUND
    assert await here.refusal("PUT", path, BOB, {"appName": "mine"}) == NOT_FOUND
    # as an id that nobody has: there is nothing to be found out
    assert await here.refusal("GET", path + "x", BOB) == NOT_FOUND
    assert [each["appName"] for each in (await here.ask("GET", "/apps", BOB))["results"]] == ["shop"]
    assert await here.ask("GET", path, ANN) == app


@pytest.mark.parametrize(
    "account",
    [
        {},
        {**ANN, "X-Parse-Password": "wrong"},
        {**ANN, "X-Parse-Password": ""},
        {**ANN, "X-Parse-Password": BOB["X-Parse-Password"]},
        {**ANN, "X-Parse-Email": "nobody@example.com"},
        {**ANN, "X-Parse-Email": "*@example.com"},
    ],
    ids=["none", "wrong", "empty", "another's", "nobody", "a pattern"],
)
async def test_nobody_makes_or_changes_one_without_an_account(here: Gateway, account: Mapping[str, str]) -> None:
    app = await made_by_ann(here)
    path = f"/apps/{app['applicationId']}"
    for method, at in (("POST", "/apps"), ("POST", path), ("PUT", path), ("GET", path)):
        body = None if method == "GET" else {"appName": "mine"}
        for keys in ({}, master(app)):  # nor by the master of the app itself
            assert await here.refusal(method, at, {**account, **keys}, body) == UNAUTHORIZED
    assert [each["appName"] for each in (await here.ask("GET", "/apps", ANN))["results"]] == ["blog", "shop", "of Ann"]


async def test_no_batch_and_no_tunnel_leads_around_the_account(here: Gateway) -> None:
    app = await made_by_ann(here)
    path = f"/apps/{app['applicationId']}"
    items = [("POST", "/1/apps"), ("PUT", f"/1{path}"), ("GET", f"/1{path}"), ("GET", "/1/apps")]
    requests = [{"method": method, "path": at, "body": {"appName": "mine"}} for method, at in items]
    for sent in (master(app), {**master(app), **ANN}):
        told = await here.ask("POST", "/batch", sent, {"requests": requests})
        assert [set(each) for each in told] == [{"error"}] * 4
    tunnelled = {"_method": "PUT", "_ApplicationId": app["applicationId"], "_MasterKey": app["masterKey"]}
    assert await here.refusal("POST", path, {}, {**tunnelled, "appName": "mine"}) == UNAUTHORIZED
    assert await here.ask("GET", path, ANN) == app


@pytest.mark.parametrize(
    "name",
    [
        "../../../../etc/cron.d/x",
        "/etc/passwd",
        "%2e%2e%2f",
        "'; DROP TABLE apps; --",
        "$(reboot)",
        "${GATEWAY_SECRET}",
        "<script>alert(1)</script>",
        "sqlite:///x?mode=memory",
        "blog",
        "__proto__",
    ],
)
async def test_a_name_is_a_name_and_nothing_else(here: Gateway, tmp_path: Path, name: str) -> None:
    app = await here.ask("POST", "/apps", BOB, {"appName": name})
    assert app["appName"] == name
    assert (await here.ask("GET", f"/apps/{app['applicationId']}", BOB))["appName"] == name
    await here.ask("POST", "/classes/Post", rest(app), {"n": 1})
    assert paths_in(tmp_path) == {"config.yaml", "demo.db", "apps.db", "apps.apps"}
    assert len((await here.ask("GET", "/apps", BOB))["results"]) == 2


def paths_in(folder: Path) -> set[str]:
    """Without what SQLite has beside its files, and files beside the stores."""
    return {path.name for path in folder.iterdir() if not path.name.endswith(("-wal", "-shm", ".files"))}


@pytest.mark.parametrize(
    "body",
    [
        {"appName": {"$ne": "x"}},
        {"appName": ["x"]},
        {"appName": None},
        {"appName": "x" * 101},
        {"appName": "x\r\nX-Injected: 1"},
        {"appName": "x\0"},
        {"appName": "x", "applicationId": "blog"},
        {"appName": "x", "restKey": "mine"},
        {"appName": "x", "owner": "ann@example.com"},
        {"appName": "x", "clientClassCreationEnabled": {"__op": "Delete"}},
        {"appName": "x", "clientPushEnabled": 1},
    ],
    ids=str,
)
async def test_what_is_no_name_and_no_setting_makes_nothing(here: Gateway, tmp_path: Path, body: Any) -> None:
    app = await made_by_ann(here)
    for method, path in (("POST", "/apps"), ("PUT", f"/apps/{app['applicationId']}")):
        if (method, body["appName"]) == ("PUT", None):
            continue  # nothing is said
        status, told = await here.answer(method, path, ANN, body)
        assert (status, "error" in told) == (400, True), told
    assert await here.ask("GET", f"/apps/{app['applicationId']}", ANN) == app
    assert len((await here.ask("GET", "/apps", ANN))["results"]) == 3


async def test_a_body_that_is_too_large_is_not_read(here: Gateway) -> None:
    app = await made_by_ann(here)
    for method, path in (("POST", "/apps"), ("PUT", f"/apps/{app['applicationId']}")):
        body = BytesIO(b'{"appName": "' + b"x" * 21 * 1024**2 + b'"}')
        async with here.client.request(method, "/1" + path, headers=ANN, data=body) as response:
            assert response.status in (400, 413)


async def test_too_many_at_once_are_no_more_than_there_may_be(here: Gateway, tmp_path: Path) -> None:
    tries = (here.answer("POST", "/apps", BOB, {"appName": f"{number}"}) for number in range(10))
    done = await asyncio.gather(*tries)
    assert sorted(status for status, _ in done) == [201] * 3 + [400] * 7
    refused = next(told for status, told in done if status == 400)
    assert refused == {"code": 119, "error": "an account may make 3 applications here, and has made them"}
    assert len([path for path in (tmp_path / "apps.apps").iterdir() if path.suffix == ".db"]) == 3
    assert (await made_by_ann(here))["appName"] == "of Ann"  # another's are counted for themselves


async def test_who_guesses_passwords_is_stopped_and_who_guesses_ids_learns_nothing(here: Gateway) -> None:
    app = await made_by_ann(here)
    guessed = {**rest(app), "X-Parse-Application-Id": app["applicationId"][:-1] + "-"}
    for _ in range(5):
        assert await here.refusal("GET", "/classes/Post", guessed) == UNAUTHORIZED
    wrong = {**BOB, "X-Parse-Password": "wrong"}
    told = [(await here.answer("POST", "/apps", wrong, {"appName": "x"}))[0] for _ in range(11)]
    assert told[:10] == [403] * 10
    assert told[10] != 403
    assert await here.refusal("POST", "/apps", BOB, {"appName": "x"}) == (100, "Too many requests.")
    async with here.client.get("/parse/apps", headers=BOB) as at_the_other_mount:
        assert (at_the_other_mount.status, (await at_the_other_mount.json())["code"]) == (told[10], 100)


async def test_its_limits_and_its_owner_hold_after_a_restart(tmp_path: Path, dialects: Mapping[str, Dialect]) -> None:
    async with gateway(tmp_path, dialects, most=1) as here:
        app = await here.ask("POST", "/apps", BOB, {"appName": "of Bob", "clientClassCreationEnabled": False})
        of_ann = await made_by_ann(here)
    async with gateway(tmp_path, dialects, most=1) as here:
        assert (await here.refusal("POST", "/apps", BOB, {"appName": "more"}))[0] == 119
        assert await here.refusal("GET", f"/apps/{of_ann['applicationId']}", BOB) == NOT_FOUND
        assert await here.refusal("GET", "/classes/Post", {**rest(app), "X-Parse-REST-API-Key": "x"}) == UNAUTHORIZED
        assert (await here.refusal("POST", "/classes/Post", rest(app), {}))[0] == 119


async def test_no_key_is_in_the_log(
    tmp_path: Path, dialects: Mapping[str, Dialect], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with gateway(tmp_path, dialects) as here:
        app = await made_by_ann(here)
        await here.ask("PUT", f"/apps/{app['applicationId']}", ANN, {"appName": "x"})
        await here.ask("POST", "/classes/Post", master(app), {"n": 1})
    (tmp_path / "apps.apps").rename(tmp_path / "elsewhere")
    (tmp_path / "apps.apps").mkdir()
    for store in (tmp_path / "elsewhere").glob("*.db"):
        (tmp_path / "apps.apps" / store.name).write_text("this is no store of ours, and long enough to tell " * 50)
    async with gateway(tmp_path, dialects) as here:
        assert await here.refusal("GET", "/classes/Post", rest(app)) == UNAUTHORIZED
    lines = [record.getMessage() + str(record.exc_text or "") + str(record.args) for record in caplog.records]
    assert any("is not served" in line for line in lines)
    secrets = [value for name, value in app.items() if name.endswith("Key")]
    assert [line for line in lines for secret in (*secrets, ANN["X-Parse-Password"]) if secret in line] == []
