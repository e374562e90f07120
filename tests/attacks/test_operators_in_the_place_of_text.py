"""`{"$ne": null}` for a password, and its family: what a document database would take for a condition."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.attacks.town import DIALECTS, EMAIL, PHONE, PROVIDER_ID, Town

OPERATORS: tuple[Any, ...] = (
    {"$ne": None},
    {"$gt": ""},
    {"$regex": "^v"},
    {"$in": ["victim", EMAIL, PHONE, PROVIDER_ID]},
    {"$exists": True},
    {"$where": "true"},
    {"__op": "Delete"},
    {"__op": "Increment", "amount": 1},
    {"__type": "Pointer", "className": "_User", "objectId": "x"},
    ["victim"],
    [],
    {},
    0,
    1,
    True,
    False,
    None,
)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_operator_logs_nobody_in(dialect: str, town: Town) -> None:
    before, told = await town.everything(), []
    password = "victim's password"
    for odd in OPERATORS:
        asked: list[tuple[str, str, Any, dict[str, Any]]] = []
        bodies: list[dict[str, Any]] = [
            {"username": odd, "password": password},
            {"email": odd, "password": password},
            {"mobilePhoneNumber": odd, "password": password},
            {"username": odd, "password": odd},
        ]
        if odd is not None:  # a name that is not given does not count
            bodies += [{"username": "victim", "email": odd, "password": password}]
        for body in bodies:
            queries = "&".join(f"{name}={quote(json.dumps(value))}" for name, value in body.items())
            ways: tuple[tuple[str, str, Any], ...] = (
                ("POST", "/login", body),
                ("GET", "/login?" + queries, None),
                ("POST", "/verifyPassword", body),
            )
            # each is a password's worth of work
            asked += [(*way, body) for way in (ways if odd == OPERATORS[0] else ways[:1])]
        # at the same time, as each of them takes a while to fail
        answers = await asyncio.gather(*(town.ask(dialect, method, path, sent) for method, path, sent, _ in asked))
        for (method, path, _, body), answer in zip(asked, answers, strict=True):
            if not 400 <= answer.status < 500 or town.leaks(answer):
                told.append((method, path, body, answer))
    assert told == []
    assert await town.everything() == before


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_operator_is_no_password(dialect: str, town: Town) -> None:
    before, told = await town.everything(), []
    for odd in OPERATORS[:5]:  # after some more the account is locked, whatever is sent
        answer = await town.ask(dialect, "POST", "/login", {"username": "victim", "password": odd})
        if not 400 <= answer.status < 500 or town.leaks(answer):
            told.append((odd, answer))
    assert told == []
    assert await town.everything() == before


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_operator_is_no_field_of_a_user(dialect: str, town: Town) -> None:
    before, told = json.loads(await town.everything())[0], []
    for odd in OPERATORS:
        if odd is None or odd == {"__op": "Delete"}:
            continue  # takes a field away, which is allowed for some
        sent: list[tuple[str, str, Any]] = [
            ("POST", "/users", {"username": odd, "password": "x"}),
            ("POST", "/users", {"username": "new", "password": odd}),
            ("POST", "/users", {"username": "new", "password": "x", "email": odd}),
            ("PUT", f"/users/{town.attacker.id}", {"username": odd}),
            ("PUT", f"/users/{town.attacker.id}", {"password": odd}),
            ("PUT", f"/users/{town.attacker.id}", {"email": odd}),
            ("PUT", f"/users/{town.attacker.id}", {"authData": {"github": {"id": odd}}}),
            ("PUT", f"/users/{town.attacker.id}", {"authData": {"github": {"uid": odd, "id": odd}}}),
            ("PUT", f"/users/{town.victim.id}/updatePassword", {"old_password": odd, "new_password": "x"}),
            ("PUT", f"/users/{town.attacker.id}/updatePassword", {"old_password": odd, "new_password": odd}),
        ]
        for method, path, body in sent:
            answer = await town.ask(dialect, method, path, body, who=town.attacker)
            if not 400 <= answer.status < 500 or town.leaks(answer):
                told.append((method, path, body, answer))
    assert told == []
    assert json.loads(await town.everything())[0] == before
    own = await town.ask("parse", "POST", "/login", {"username": "mallory", "password": "mallory's password"})
    assert own.body.get("objectId") in (town.attacker.id, None)  # None: locked by the guesses at updatePassword
