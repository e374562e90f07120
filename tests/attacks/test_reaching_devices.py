"""Devices: without the master key nobody looks for them, sees their tokens, or tells them anything."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.attacks.town import DIALECTS, Town, pointer, where

TOKEN = "5ec7e7" * 10
DEVICE = {"deviceType": "ios", "deviceToken": TOKEN, "installationId": "victims-own", "channels": ["news"]}


@pytest.fixture
async def device(town: Town) -> str:
    """The victim's, with objects that point at it."""
    made = await town.ask("parse", "POST", "/installations", DEVICE, who=town.victim)
    known: str = made.body["objectId"]
    here = pointer("_Installation", known)
    note = {"device": here, "list": [here], "deep": {"x": here}}
    note["all"] = {"__op": "AddRelation", "objects": [here]}
    assert (await town.ask("parse", "POST", "/classes/Note", note)).status == 201
    town.secrets = town.secrets | {TOKEN}
    return known


def inside(condition: Any) -> Any:
    return {"$inQuery": {"className": "_Installation", "where": condition}}


def picked(condition: Any) -> Any:
    return {"$select": {"query": {"className": "_Installation", "where": condition}, "key": "deviceToken"}}


QUERIES: dict[str, str] = {
    "all": "/installations",
    "as objects": "/classes/_Installation",
    "by the id": where("/classes/_Installation", {"objectId": "DEVICE"}),
    "by the token": where("/classes/_Installation", {"deviceToken": TOKEN}),
    "by a pattern": where("/classes/_Installation", {"deviceToken": {"$regex": "^5ec7"}}),
    "counted": where("/classes/_Installation", {"deviceToken": TOKEN}, count=1, limit=0),
    "in a subquery": where("/classes/Note", {"device": inside({"deviceToken": TOKEN})}),
    "not in a subquery": where(
        "/classes/Note", {"device": {"$notInQuery": inside({"deviceToken": TOKEN})["$inQuery"]}}
    ),
    "in a relation": where("/classes/Note", {"all": inside({"deviceToken": TOKEN})}),
    "by $select": where("/classes/Note", {"x": picked({})}),
    "by a redirect": where("/classes/Note", {}, redirectClassNameForKey="device"),
    "of a relation": where("/classes/_Installation", {"$relatedTo": {"object": pointer("Note", "x"), "key": "all"}}),
    "in $or": where("/classes/Note", {"$or": [{"device": inside({})}, {"n": 1}]}),
}


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_nobody_looks_for_devices(town: Town, device: str, dialect: str) -> None:
    for name, query in QUERIES.items():
        path = query.replace("DEVICE", device)
        alone = await town.ask(dialect, "GET", path, who=town.attacker)
        assert alone.status in (400, 403), (name, alone)
        in_batch = await town.ask_in_batch(dialect, "GET", path, who=town.attacker)
        tunnelled = await town.ask(dialect, "POST", path, {"_method": "GET"}, who=town.attacker)
        for answer in (alone, in_batch, tunnelled):
            assert "results" not in answer.text, (name, answer)
            assert town.leaks(answer) == set(), name


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_no_include_shows_a_device(town: Town, device: str, dialect: str) -> None:
    note = (await town.as_master("parse", "GET", "/classes/Note"))["results"][0]["objectId"]
    for include in ("device", "list", "deep.x", "device.deviceToken", "*"):
        for path in ("/classes/Note", f"/classes/Note/{note}"):
            answer = await town.ask(dialect, "GET", f"{path}?include={include}", who=town.attacker)
            assert town.leaks(answer) == set(), (include, answer)
    shown = await town.as_master("parse", "GET", "/classes/Note?include=device")
    assert TOKEN in json.dumps(shown), "the master sees it, so an include could have shown it"


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_the_token_of_another_is_not_sorted_or_asked_by(town: Town, device: str, dialect: str) -> None:
    guesses = [
        await town.ask(
            dialect, "GET", where("/classes/Note", {"device.deviceToken": guess}, order="device.deviceToken")
        )
        for guess in (TOKEN, "wrong")
    ]
    assert guesses[0].text == guesses[1].text


ATTEMPTS: dict[str, tuple[str, str, Any]] = {
    "a push": ("POST", "/push", {"where": {}, "data": {"alert": "spam"}}),
    "a push to a channel": ("POST", "/push", {"channels": ["news"], "data": {"alert": "spam"}}),
    "deleted": ("DELETE", "/installations/DEVICE", None),
    "deleted as an object": ("DELETE", "/classes/_Installation/DEVICE", None),
    "another type": ("PUT", "/installations/DEVICE", {"deviceType": "android"}),
    "another id": ("PUT", "/installations/DEVICE", {"installationId": "mallorys"}),
    "made as a record of a push": ("POST", "/classes/_PushStatus", {"status": "scheduled"}),
    "the records": ("GET", "/classes/_PushStatus", None),
    "made as an audience": ("POST", "/classes/_Audience", {"name": "A", "query": "{}"}),
    "what is kept of pushes": ("GET", "/classes/@push", None),
    "what is due": ("GET", "/classes/@task", None),
}


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_nobody_tells_or_changes_devices_of_others(town: Town, device: str, dialect: str) -> None:
    before = await town.as_master("parse", "GET", "/installations")
    for name, (method, path, body) in ATTEMPTS.items():
        for ask in (town.ask, town.ask_in_batch):
            answer = await ask(dialect, method, path.replace("DEVICE", device), body, who=town.attacker)
            # Parse: a class that cannot be is an empty one
            refused = answer.status >= 400 or '"error"' in answer.text or '"results":[]' in answer.text
            assert refused, (name, answer)
            assert town.leaks(answer) == set(), name
    assert await town.as_master("parse", "GET", "/installations") == before
    assert (await town.as_master("parse", "GET", "/classes/_PushStatus"))["results"] == []


async def test_nobody_lists_pushes(town: Town) -> None:
    for path in ("/notifications", "/scheduledPushMessages"):
        answer = await town.ask("leancloud", "GET", path, who=town.attacker)
        assert (answer.status, answer.body["code"]) == (400, 1)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_who_takes_a_token_over_learns_nothing_of_its_device(town: Town, device: str, dialect: str) -> None:
    """Whoever knows a token could register it at any time; that shows neither whose it was nor what it was."""
    taken = {"deviceType": "ios", "deviceToken": TOKEN, "installationId": "mallorys"}
    answer = await town.ask(dialect, "POST", "/installations", taken)
    assert "victims-own" not in answer.text
    assert "news" not in answer.text
