"""Ids and names that something takes for a role, for everybody, for a property of every object, or for nothing."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.attacks.town import DIALECTS, Town

IDS = ("role:Keepers", "role:", "*", "__proto__", "constructor", "toString", "hasOwnProperty", "null", "undefined", "0")
FALSY: tuple[Any, ...] = ("", None, 0, False, [], {})
ODD: tuple[Any, ...] = (*FALSY, ["x"], {"$ne": None}, {"$gt": ""}, 1, 1.5, True)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_id_of_ones_own_choice_grants_nothing(dialect: str, town: Town) -> None:
    grants = {"ACL": {"role:Keepers": {"read": True, "write": True}}, "text": "for keepers"}
    letter = (await town.as_master("parse", "POST", "/classes/Letter", grants))["objectId"]
    before = await town.everything()
    for at, id_ in enumerate((*IDS, town.victim.id)):
        body = {"objectId": id_, "username": f"user{at}", "password": "x"}
        made = await town.ask(dialect, "POST", "/users", body)
        assert made.status < 500
        if made.status >= 400:
            continue
        token = made.body["sessionToken"]
        who = type(town.attacker)(id_, f"user{at}", token)
        for path in (f"/classes/Letter/{letter}", "/classes/Letter", f"/users/{town.victim.id}"):
            answer = await town.ask(dialect, "GET", path, who=who)
            assert town.leaks(answer) == set(), id_
            assert "for keepers" not in answer.text, id_
        answer = await town.ask(dialect, "PUT", f"/classes/Letter/{letter}", {"text": "mine"}, who=who)
        assert answer.status >= 400, id_
        own = await town.ask(dialect, "GET", f"/users/{quote(id_, safe='')}", who=who)
        assert own.body.get("username") == f"user{at}", id_
    assert json.loads(await town.everything())[:2] == json.loads(before)[:2]


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_what_looks_like_a_role_or_like_everybody_is_no_users_id(dialect: str, town: Town) -> None:
    for id_ in ("role:Keepers", "role:", "*"):
        made = await town.ask(dialect, "POST", "/users", {"objectId": id_, "username": "u", "password": "x"})
        assert 400 <= made.status < 500, id_


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_odd_ids_and_tokens_are_refused_or_harmless(dialect: str, town: Town) -> None:
    before, told = await town.everything(), []
    for odd in ODD:
        sent: list[tuple[str, str, Any]] = [
            ("POST", "/users", {"objectId": odd, "username": None, "password": "x"}),
            ("POST", "/loginAs", {"userId": odd}),
            ("POST", "/users", {"authData": {"anonymous": {"id": odd}}}),
            ("POST", "/users", {"authData": {"github": {"id": odd}}}),
            ("POST", "/users", {"authData": {"github": odd}}),
            ("POST", "/users", {"authData": odd}),
            ("POST", "/roles", {"objectId": odd, "name": odd, "ACL": {}}),
            ("POST", "/roles", {"name": "r", "ACL": odd}),
            ("PUT", f"/users/{town.attacker.id}", {"authData": {"github": {"id": odd}}}),
            ("POST", "/classes/Note", {"p": {"__type": "Pointer", "className": "_User", "objectId": odd}}),
            ("POST", "/classes/Note", {"ACL": {"role:Keepers": odd}, "n": 1}),
        ]
        for method, path, body in sent:
            answer = await town.ask(dialect, method, path, body, who=town.attacker)
            if answer.status >= 500 or town.leaks(answer) or town.victim.id in answer.text:
                told.append((path, body, answer))
    assert told == []
    after = await town.everything()
    # sessions and roles of the attacker's own may have come; the victim and its letter stand first, and as before
    assert json.loads(after)[:2] == json.loads(before)[:2]
