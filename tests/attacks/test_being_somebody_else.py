"""Session tokens of others, forged master keys, and methods and keys that are given twice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.attacks.town import DIALECTS, KEYS, SESSIONS, Town, pointer

NO_TOKENS: tuple[str, ...] = (
    "x",
    "r:",
    "r:00000000000000000000000000000000",
    "null",
    "undefined",
    "0",
    "false",
    "*",
    "{}",
    '{"$ne":null}',
    "__proto__",
    "constructor",
    "%",
    "' OR 1=1 --",
    "r:" + "0" * 5000,
)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_what_is_no_token_opens_nothing(dialect: str, town: Town) -> None:
    variants = (*NO_TOKENS, town.victim.token.upper(), town.victim.token[:-1], town.victim.token + "0", town.victim.id)
    told = []
    for token in variants:
        for path in ("/users/me", f"/classes/Letter/{town.letter}", "/classes/Letter", f"/users/{town.victim.id}"):
            headers = {**KEYS[dialect], SESSIONS[dialect]: token}
            answer = await town.send(dialect, "GET", path, headers=headers)
            if town.leaks(answer) or answer.status < 400 or answer.status >= 500:
                told.append((token, path, answer))
    assert told == []


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_what_is_another_users_is_not_changed(dialect: str, town: Town) -> None:
    victim, sessions = town.victim, (await town.as_master("parse", "GET", "/sessions"))["results"]
    session = next(each["objectId"] for each in sessions if each["user"]["objectId"] == victim.id)
    role = (await town.as_master("parse", "GET", "/roles"))["results"][0]["objectId"]
    own_acl = {"ACL": {"*": {"read": True, "write": True}}}
    sent: list[tuple[str, str, Any]] = [
        ("PUT", f"/users/{victim.id}", {"nick": "x"}),
        ("PUT", f"/users/{victim.id}", {"password": "x"}),
        ("PUT", f"/users/{victim.id}", {"email": "mallory@example.com"}),
        ("PUT", f"/users/{victim.id}", own_acl),
        ("PUT", f"/classes/_User/{victim.id}", {"password": "x"}),
        ("PUT", f"/users/{victim.id}/updatePassword", {"old_password": "victim's password", "new_password": "x"}),
        ("PUT", f"/users/{victim.id}/refreshSessionToken", None),
        ("DELETE", f"/users/{victim.id}", None),
        ("DELETE", f"/classes/_User/{victim.id}", None),
        ("GET", f"/sessions/{session}", None),
        ("PUT", f"/sessions/{session}", {"nick": "x"}),
        ("DELETE", f"/sessions/{session}", None),
        ("DELETE", f"/classes/_Session/{session}", None),
        ("POST", "/loginAs", {"userId": victim.id}),
        ("PUT", f"/roles/{role}", {"users": {"__op": "AddRelation", "objects": [pointer("_User", town.attacker.id)]}}),
        ("PUT", f"/roles/{role}", own_acl),
        ("DELETE", f"/roles/{role}", None),
        ("POST", "/roles", {"name": "Keepers", **own_acl}),
        ("PUT", f"/users/{town.attacker.id}", {"sessionToken": victim.token}),
        ("PUT", f"/users/{town.attacker.id}", {"emailVerified": True}),
        ("PUT", f"/users/{town.attacker.id}", {"username": "VICTIM"}),
        ("PUT", f"/users/{town.attacker.id}", {"authData": {"github": {"id": "victim-at-github"}}}),
        ("PUT", f"/users/{town.attacker.id}", {"authData": {"facebook": {"id": "victim-at-github"}}}),
        ("POST", "/users", {"username": "a", "password": "b", "sessionToken": victim.token}),
        ("POST", "/users", {"username": "a", "password": "b", "objectId": victim.id}),
        ("POST", "/users", {"username": "a", "password": "b", "authData.github": {"id": "x"}}),
    ]
    before, told = await town.everything(), []
    for who in (town.attacker, None):
        for method, path, body in sent:
            plain = await town.ask(dialect, method, path, body, who=who)
            mount = "/parse" if dialect == "parse" else "/1.1"
            item = {"method": method, "path": mount + path, "body": body or {}}
            batched = await town.ask(dialect, "POST", "/batch", {"requests": [item]}, who=who)
            done = batched.status < 400 and any("success" in part for part in batched.body)
            if not 400 <= plain.status < 500 or done or batched.status >= 500 or town.leaks(plain):
                told.append((who is not None, method, path, body, plain, batched))
    assert told == []
    assert await town.everything() == before


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("field", ["user", "sessionToken", "createdWith", "restricted", "expiresAt", "ACL", "user.x"])
async def test_a_session_is_not_made_for_somebody_else(field: str, dialect: str, town: Town) -> None:
    values: dict[str, Any] = {
        "user": pointer("_User", town.victim.id),
        "sessionToken": "r:chosen",
        "ACL": {"*": {"read": True}},
        "createdWith": {"action": "login"},
        "restricted": False,
        "expiresAt": {"__type": "Date", "iso": "2999-01-01T00:00:00.000Z"},
        "user.x": 1,
    }
    path = "/sessions" if dialect == "parse" else "/classes/_Session"
    made = await town.ask(dialect, "POST", path, {field: values[field]}, who=town.attacker)
    if made.status < 400:
        session = await town.as_master("parse", "GET", f"/sessions/{made.body['objectId']}")
        assert session["user"]["objectId"] == town.attacker.id
        assert session.get(field if field != "user.x" else "user") != values[field]
    own = await town.ask("parse", "GET", "/sessions/me", who=town.attacker)
    changed = await town.ask(
        "parse", "PUT", f"/sessions/{own.body['objectId']}", {field: values[field]}, who=town.attacker
    )
    assert 400 <= changed.status < 500
    assert (await town.ask("parse", "GET", "/sessions/me", who=town.attacker)).body == own.body


@pytest.mark.parametrize("platform", ["weixin", "weixin_unionid:x", "__proto__", ""])
async def test_who_is_anonymous_is_nobody_elsewhere(platform: str, tmp_path: Any, town: Town) -> None:
    known = {"github": {"uid": "wx-1", "unionid": "union-1", "platform": "weixin"}}
    linked = await town.ask("leancloud", "PUT", f"/users/{town.victim.id}", {"authData": known}, who=town.victim)
    assert linked.status == 200
    before = await town.everything()
    forged = {"anonymous": {"id": "x", "unionid": "union-1", "platform": platform}}
    made = await town.ask("leancloud", "POST", "/users", {"authData": forged})
    assert made.status >= 400 or made.body["objectId"] != town.victim.id
    assert town.leaks(made) == set()
    assert json.loads(await town.everything())[0] == json.loads(before)[0]


NO_MASTERS: Mapping[str, tuple[Mapping[str, str], ...]] = {
    "parse": (
        {"X-Parse-Master-Key": "demo-rest"},
        {"X-Parse-Master-Key": "wrong"},
        {"X-Parse-Master-Key": ""},
        {"X-Parse-Master-Key": "demo-master,master"},
        {"X-Parse-REST-API-Key": "demo-master"},
        {"X-Parse-Maintenance-Key": "demo-master"},
        {"X-HTTP-Method-Override": "GET", "X-Parse-Master-Key": "null"},
    ),
    "leancloud": (
        {"X-LC-Key": "demo-key,master"},
        {"X-LC-Key": ",master"},
        {"X-LC-Key": "demo-key,master,master"},
        {"X-LC-Key": "demo-master"},
        {"X-LC-Key": "demo-key", "X-AVOSCloud-Master-Key": "demo-key"},
        {"X-LC-Key": "demo-key", "X-Uluru-Master-Key": "wrong"},
        {"X-LC-Sign": "00000000000000000000000000000000,1,master"},
        {"X-LC-Key": "demo-key", "X-LC-Sign": "d41d8cd98f00b204e9800998ecf8427e,1,master"},
    ),
}


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_forged_master_key_is_none(dialect: str, town: Town) -> None:
    before, told = await town.everything(), []
    for forged in NO_MASTERS[dialect]:
        headers = {**KEYS[dialect], **forged, SESSIONS[dialect]: town.attacker.token}
        for method, path, body in (
            ("GET", f"/classes/Letter/{town.letter}", None),
            ("GET", "/classes/Letter", None),
            ("GET", f"/users/{town.victim.id}", None),
            ("PUT", f"/users/{town.victim.id}", {"nick": "x"}),
            ("POST", "/loginAs", {"userId": town.victim.id}),
            ("GET", "/scan/classes/Letter", None),
        ):
            answer = await town.send(dialect, method, path, body, headers=headers)
            if town.leaks(answer) or answer.status >= 500 or '"n":1' in answer.text:
                told.append((forged, path, answer))
    assert told == []
    assert await town.everything() == before


KEYS_IN_BODIES = {
    "parse": {"_ApplicationId": "demo", "_JavaScriptKey": "demo-js"},
    "leancloud": {"_ApplicationId": "demo", "_ApplicationKey": "demo-key"},
}

IN_A_BODY: tuple[dict[str, Any], ...] = (
    {"_MasterKey": "wrong"},
    {"_MasterKey": ""},
    {"_MasterKey": True},
    {"_MasterKey": {"$ne": None}},
    {"_MasterKey": ["demo-master"]},
    {"_MasterKey": "demo-key,master"},
    {"_SessionToken": {"$ne": None}},
    {"_SessionToken": {"$regex": "^r:"}},
    {"_SessionToken": ["r:"]},
    {"_SessionToken": None},
    {"_SessionToken": 0},
    {"_SessionToken": False},
    {"_SessionToken": ""},
    {"X-Parse-Session-Token": {"$ne": None}},
    {"session_token": {"$ne": None}},
    {"session_token": {"$regex": "^r:"}},
    {"session_token": 0},
    {"session_token": [""]},
    {"_InstallationId": {"$ne": None}},
    {"_method": {"$ne": None}},
    {"_method": "get"},
    {"_method": ["GET"]},
    {"_method": "CONNECT"},
    {"__proto__": {"master": True}},
    {"constructor": {"prototype": {"master": True}}},
)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("headers", ["in the body", "in the headers"])
async def test_nothing_in_a_body_makes_a_master_or_another_user(headers: str, dialect: str, town: Town) -> None:
    before, told = await town.everything(), []
    known = KEYS_IN_BODIES[dialect] if headers == "in the body" else {}
    sent = {"Content-Type": "text/plain"} if headers == "in the body" else dict(KEYS[dialect])
    for forged in IN_A_BODY:
        for path in (f"/classes/Letter/{town.letter}", "/classes/Letter", "/users/me", f"/users/{town.victim.id}"):
            for method in ("GET", "PUT", "DELETE"):
                body = {"_method": method, **known, **forged}
                answer = await town.send(dialect, "POST", path, body, headers=sent)
                if town.leaks(answer) or answer.status >= 500 or '"n":1' in answer.text:
                    told.append((forged, method, path, answer))
    assert told == []
    assert await town.everything() == before
