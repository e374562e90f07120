"""Requests that are small to send and would be large to answer."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import quote

import pytest

from tests.attacks.town import DIALECTS, Town, where

effort = time.process_time
"""Seconds of work of this process, in which the gateway runs: what else the machine has to do is no fault of a bomb."""


def nested(key: str, depth: int) -> Any:
    condition: Any = {"a": 1}
    for _ in range(depth):
        condition = {key: [condition]}
    return condition


def subqueries(depth: int) -> Any:
    condition: Any = {"n": 1}
    for _ in range(depth):
        condition = {"p": {"$inQuery": {"className": "Note", "where": condition}}}
    return condition


BOMBS: dict[str, str] = {
    "a pattern that backtracks": where("/classes/Note", {"s": {"$regex": "^(a+)+$"}}),
    "a pattern of alternatives": where("/classes/Note", {"s": {"$regex": "(a|a|a|aa)*b"}}),
    "a pattern of repetitions": where("/classes/Note", {"s": {"$regex": "((a{0,100}){0,100}){0,100}"}}),
    "a pattern of a back reference": where("/classes/Note", {"s": {"$regex": "(a*)*\\1b"}}),
    "a long pattern": where("/classes/Note", {"s": {"$regex": "(x?)" * 600}}),
    "many patterns": where("/classes/Note", {"$or": [{"s": {"$regex": f"(a+)+{at}$"}} for at in range(60)]}),
    "$or in $or": where("/classes/Note", nested("$or", 150)),
    "$and in $and": where("/classes/Note", nested("$and", 150)),
    "$nor in $nor": where("/classes/Note", nested("$nor", 150)),
    "subqueries in subqueries": where("/classes/Note", subqueries(30)),
    "a path of many parts": where("/classes/Note", {".".join(["a"] * 1500): 1}),
    "an include of many parts": "/classes/Note?include=" + ".".join(["p"] * 1500),
    "many includes": "/classes/Note?include=" + ",".join(f"p{at}" for at in range(1000)),
    "an order of many fields": "/classes/Note?order=" + ",".join(f"f{at}" for at in range(1000)),
    "a number of a million digits": "/classes/Note?limit=" + "9" * 5000,
    "keys without an end": "/classes/Note?keys=" + quote(",".join(["a.b"] * 1500)),
}


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_bomb_is_answered_fast(dialect: str, town: Town) -> None:
    for _ in range(5):
        await town.ask("parse", "POST", "/classes/Note", {"s": "a" * 30_000, "n": 1}, who=town.attacker)
    slow = {}
    for name, path in BOMBS.items():
        started = effort()
        answer = await town.ask(dialect, "GET", path, who=town.attacker)
        took = effort() - started
        if took > 2 or answer.status >= 500:
            slow[name] = (took, answer)
    assert slow == {}


BODIES: dict[str, Any] = {
    "a password without an end": {"username": "victim", "password": "x" * 900_000},
    "a name without an end": {"username": "x" * 900_000, "password": "x"},
    "a long name": {"username": "\u6f22" * 500, "password": "x"},
    "a name that grows": {"username": "\u0390" * 500, "password": "x"},
    "an address that backtracks": {"username": "u", "password": "x", "email": "a@" * 100_000},
    "many services": {"authData": {f"p{at}": {"id": "x"} for at in range(5000)}},
    "a deep service": {"authData": {"anonymous": {"id": "x", "d": json.loads("[" * 80 + "]" * 80)}}},
    "a large ACL": {"username": "large", "password": "x", "ACL": {f"u{at}": {"read": True} for at in range(20_000)}},
}


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_bomb_at_the_door_is_answered_fast(dialect: str, town: Town) -> None:
    slow = {}
    for name, body in BODIES.items():
        for path in ("/login", "/users"):
            started = effort()
            answer = await town.ask(dialect, "POST", path, body)
            took = effort() - started
            if took > 2 or answer.status >= 500:
                slow[name, path] = (took, answer.status, answer.text[:200])
    assert slow == {}
