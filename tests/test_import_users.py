"""Users from elsewhere come in by the command, and log in over HTTP with what they had."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.app import make_app, plan
from gateway.model.operation import Caller, Get
from gateway.store import passwords
from gateway.store.sqlite import SqliteStore
from tests.conftest import Serving
from tests.dialects.test_export import CHANGED, LEANCLOUD_LINE, MADE, PARSE_LINE, SESSION_LINE
from tests.process import EXAMPLE, LEANCLOUD, PARSE

HEADER = '#filetype:JSON-streaming {"type":"Class","class":"_User"}'
TOKEN = str(LEANCLOUD_LINE["sessionToken"])
MASTER = {**PARSE, "X-Parse-Master-Key": "demo-master"}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    text = EXAMPLE.read_text(encoding="utf-8").replace("sqlite:///data", f"sqlite:///{tmp_path}")
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def run(config: Path, export: str, lines: list[Any], *arguments: str, app: str = "blog") -> tuple[int, str, str]:
    """Status, what was printed, what was complained about."""
    file = config.parent / "users.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    file.write_text("\n".join(texts) + "\n", encoding="utf-8")
    command = ["import-users", "users.jsonl", "--app", app, "--format", export, "--config", config.name, *arguments]
    done = subprocess.run(
        [sys.executable, "-m", "gateway", *command],
        cwd=config.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout.strip(), done.stderr.strip()


def change(config: Path, old: str, new: str) -> None:
    text = config.read_text(encoding="utf-8")
    assert old in text
    config.write_text(text.replace(old, new), encoding="utf-8")


async def ask(
    client: aiohttp.ClientSession, method: str, path: str, headers: Mapping[str, str], body: Any = None
) -> tuple[int, Any]:
    async with client.request(method, path, json=body, headers=headers) as response:
        return response.status, await response.json()


async def kept(config: Path, id_: str) -> str:
    store = await SqliteStore.open(config.parent / "blog.db", secret=b"x")
    try:
        found = await store.execute(Get(class_name="@credential", id=id_), Caller("", trusted=True))
        return str((found.object or {})["kept"])
    finally:
        await store.close()


async def test_fields_get_the_names_of_the_store(config: Path, serving: Serving) -> None:
    change(config, "renames: {} ", 'renames: {fields: {_User: {nick: alias}, "*": {mark: flag}}}')
    line = {**LEANCLOUD_LINE, "nick": "T", "mark": {"nick": 1}}
    assert run(config, "leancloud", [HEADER, line])[0] == 0
    async with aiohttp.ClientSession(await serving(make_app(plan(config)))) as client:
        _, me = await ask(client, "GET", "/1.1/users/me", {**LEANCLOUD, "X-LC-Session": TOKEN})
        assert (me["nick"], me["mark"]) == ("T", {"nick": 1})
    store = await SqliteStore.open(config.parent / "blog.db", secret=b"x")
    try:
        found = await store.execute(Get(class_name="_User", id="u1"), Caller("", trusted=True))
        assert found.object is not None
        assert (found.object["alias"], found.object["flag"]) == ("T", {"nick": 1})
    finally:
        await store.close()


async def test_leanclouds_published_example_logs_in_and_is_kept_anew(config: Path, serving: Serving) -> None:
    told = run(config, "leancloud", [HEADER, LEANCLOUD_LINE])
    assert told == (0, "1 users imported, 0 sessions imported, 0 there already, 0 refused", "")
    assert (await kept(config, "u1")).startswith("$sha512x513$")
    async with aiohttp.ClientSession(await serving(make_app(plan(config)))) as client:
        status, me = await ask(client, "GET", "/1.1/users/me", {**LEANCLOUD, "X-LC-Session": TOKEN})
        assert (status, me["objectId"], me["createdAt"], me["updatedAt"]) == (200, "u1", MADE, CHANGED)
        assert (me["username"], me["email"], me["birthday"]) == ("tom", "tom@example.com", LEANCLOUD_LINE["birthday"])
        right, wrong = {"username": "tom", "password": "password"}, {"username": "tom", "password": "Password"}
        assert (await ask(client, "POST", "/1.1/login", LEANCLOUD, wrong))[0] == 400
        status, user = await ask(client, "POST", "/1.1/login", LEANCLOUD, right)
        assert (status, user["sessionToken"]) == (200, TOKEN)  # all its log-ins share one, as they did
        assert (await ask(client, "POST", "/1.1/login", LEANCLOUD, right))[0] == 200
        by_service = {"authData": LEANCLOUD_LINE["authData"]}
        status, answer = await ask(client, "POST", "/1.1/users", LEANCLOUD, by_service)
        assert (status, answer["code"]) == (400, 252)  # known, but no app of this config believes the service
        status, taken = await ask(client, "POST", "/1.1/users", LEANCLOUD, {**right, "password": "x"})
        assert (status, taken["code"]) == (400, 202)
    assert not passwords.outdated(await kept(config, "u1"))


async def test_a_user_of_parses_database_logs_in_and_its_sessions_go_on(config: Path, serving: Serving) -> None:
    other = {**SESSION_LINE, "_id": "s2", "_session_token": "r:restricted", "restricted": True}
    lines: list[Any] = [{**SESSION_LINE, "expiresAt": {"$date": "2099-01-01T00:00:00Z"}, "_session_token": "r:another"}]
    lines += [PARSE_LINE, {**other, "expiresAt": {"$date": "2099-01-01T00:00:00Z"}}]
    lines += [{**SESSION_LINE, "_session_token": "r:over"}]
    told = run(config, "parse", lines)
    assert told == (0, "1 users imported, 3 sessions imported, 0 there already, 0 refused", "")
    async with aiohttp.ClientSession(await serving(make_app(plan(config)))) as client:

        async def me(token: str) -> tuple[int, Any]:
            return await ask(client, "GET", "/parse/users/me", {**PARSE, "X-Parse-Session-Token": token})

        status, user = await me("r:abc")
        assert (status, user["objectId"], user["sessionToken"], user["createdAt"]) == (200, "u1", "r:abc", MADE)
        assert user["ACL"] == {"*": {"read": True}, "u1": {"read": True, "write": True}}
        assert user["team"] == {"__type": "Pointer", "className": "Team", "objectId": "t1"}
        assert [(await me(token))[0] for token in ("r:another", "r:restricted", "r:over")] == [200, 200, 400]
        restricted = {**PARSE, "X-Parse-Session-Token": "r:restricted"}
        assert (await ask(client, "PUT", "/parse/users/u1", restricted, {"nick": "x"}))[1]["code"] == 119
        login = {"username": "tom", "password": "password"}
        assert (await ask(client, "POST", "/parse/login", PARSE, login))[0] == 200
    assert not passwords.outdated(await kept(config, "u1"))


async def test_a_token_from_elsewhere_is_upgraded(config: Path, serving: Serving) -> None:
    assert run(config, "parse", [{**PARSE_LINE, "_session_token": "legacy"}])[0] == 0
    async with aiohttp.ClientSession(await serving(make_app(plan(config)))) as client:
        legacy = {**PARSE, "X-Parse-Session-Token": "legacy"}
        status, session = await ask(client, "POST", "/parse/upgradeToRevocableSession", legacy, {})
        assert (status, session["createdWith"], session["restricted"]) == (200, {"action": "upgrade"}, False)
        assert session["sessionToken"].startswith("r:")
        assert (await ask(client, "GET", "/parse/users/me", legacy))[1]["code"] == 209
        fresh = {**PARSE, "X-Parse-Session-Token": session["sessionToken"]}
        assert (await ask(client, "GET", "/parse/users/me", fresh))[0] == 200


def test_an_import_is_run_again_and_leaves_what_is_there(config: Path) -> None:
    more = [
        {**PARSE_LINE, "_id": f"u{at}", "username": f"tom{at}", "_session_token": f"r:{at}"} for at in range(2, 202)
    ]
    for line in more:
        del line["_auth_data_github"]
    assert run(config, "parse", more[:100], "--dry-run")[1].startswith("would be: 100 users imported")
    assert run(config, "parse", more[:100])[1].startswith("100 users imported")
    told = run(config, "parse", [PARSE_LINE, *more, SESSION_LINE])
    assert told == (0, "101 users imported, 0 sessions imported, 101 there already, 0 refused", "")


def test_each_line_that_is_refused_is_told_by_its_number_and_the_others_are_taken(config: Path) -> None:
    unnamed = {key: value for key, value in PARSE_LINE.items() if key not in ("_auth_data_github", "_session_token")}
    lines = [
        PARSE_LINE,
        "{",
        {**unnamed, "_id": "u2", "username": "TOM"},
        {**PARSE_LINE, "_id": "u3", "username": "ann"},
        {**unnamed, "_id": "u4", "username": "ann", "_hashed_password": "hunter2"},
        {**unnamed, "_id": "role:x", "username": "bob"},
        {**SESSION_LINE, "_p_user": "_User$nobody", "_session_token": "r:never-told"},
        {**unnamed, "_id": "u5", "username": "zoe"},
    ]
    for arguments in (["--dry-run"], []):
        status, printed, complaints = run(config, "parse", lines, *arguments)
        assert status == 1
        told = dict(line.removeprefix("users.jsonl:").split(": ", 1) for line in complaints.splitlines())
        if not arguments:
            assert printed == "2 users imported, 0 sessions imported, 0 there already, 6 refused"
            assert told == {
                "2": "this is not JSON; expected one object a line",
                "3": "Account already exists for this username.",
                "4": "this auth is already used",
                "5": "the password is not kept as bcrypt, which this format has",
                "6": "this is no id for a user: in an ACL it would be everybody, or a role",
                "7": "the user of this session is not there; import the users first",
            }
        for secret in ("hunter2", "r:never-told", "r:abc", "$2b$"):
            assert secret not in printed + complaints


@pytest.mark.parametrize(
    ("export", "app", "message"),
    [
        ("nosuch", "blog", "--format nosuch: is none; there are: "),
        ("parse", "nosuch", "--app nosuch: there is no such app; there are: blog"),
    ],
)
def test_what_cannot_be_begun_is_one_message_and_status_2(export: str, app: str, message: str, config: Path) -> None:
    status, printed, complaints = run(config, export, [PARSE_LINE], app=app)
    assert (status, printed) == (2, "")
    assert message in complaints
    assert "Traceback" not in complaints
