"""What the permissions of a class keep: hidden fields, closed classes, and objects that name somebody else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.attacks.town import DIALECTS, Person, Town, pointer, where

PIN, CLOSED, THEIRS = "the pin of the vault", "behind a closed door", "of somebody else"
ALL = {"*": True}
OPEN = dict.fromkeys(("find", "get", "count", "create", "update", "delete", "addField"), ALL)

Guess = Callable[[Town, str], str]
"""A path with a guess in it: the same answer must come for a right one as for a wrong one."""


def inside(class_name: str, condition: Any, **more: Any) -> Any:
    return {"$inQuery": {"className": class_name, "where": condition, **more}}


def picked(class_name: str, condition: Any, key: str) -> Any:
    return {"$select": {"query": {"className": class_name, "where": condition}, "key": key}}


def of(path: str, condition: Callable[[str], Any], **parameters: Any) -> Guess:
    return lambda town, guess: where(path, condition(guess), **parameters)


def starts(guess: str) -> Any:
    return {"$regex": "^" + guess[:3]}


GUESSES: dict[str, tuple[str, Guess]] = {
    "hidden": (PIN, of("/classes/Vault", lambda g: {"pin": g})),
    "hidden, counted": (PIN, of("/classes/Vault", lambda g: {"pin": g}, count=1, limit=0)),
    "hidden, by a pattern": (PIN, of("/classes/Vault", lambda g: {"pin": starts(g)})),
    "hidden, compared": (PIN, of("/classes/Vault", lambda g: {"pin": {"$gte": g}})),
    "hidden, denied": (PIN, of("/classes/Vault", lambda g: {"pin": {"$ne": g}})),
    "hidden, in $or": (PIN, of("/classes/Vault", lambda g: {"$or": [{"pin": g}, {"n": 5}]})),
    "hidden, below": (PIN, of("/classes/Vault", lambda g: {"codes.pin": g})),
    "hidden, in a list": (PIN, of("/classes/Vault", lambda g: {"list": {"$in": [g]}})),
    "hidden, by order": (PIN, of("/classes/Vault", lambda g: {"n": 1, "x": g}, order="pin")),
    "hidden, in a subquery": (PIN, of("/classes/Note", lambda g: {"vault": inside("Vault", {"pin": g})})),
    "hidden, in a page of one": (
        PIN,
        of("/classes/Note", lambda g: {"vault": inside("Vault", {"pin": g}, limit=1, order="pin")}),
    ),
    "hidden, by $select": (PIN, of("/classes/Note", lambda g: {"n": picked("Vault", {"pin": g}, "n")})),
    "hidden, as a key": (PIN, of("/classes/Note", lambda g: {"pin": picked("Vault", {"n": 1}, "pin"), "x": g})),
    "hidden, behind a pointer": (PIN, of("/classes/Note", lambda g: {"vault.pin": g}, include="vault")),
    "hidden, by a redirect": (PIN, of("/classes/Note", lambda g: {"pin": g}, redirectClassNameForKey="vault")),
    "hidden, in a relation": (PIN, of("/classes/Note", lambda g: {"vaults": inside("Vault", {"pin": g})})),
    "closed": (CLOSED, of("/classes/Closed", lambda g: {"text": g})),
    "closed, counted": (CLOSED, of("/classes/Closed", lambda g: {"text": g}, count=1, limit=0)),
    "closed, in a subquery": (CLOSED, of("/classes/Note", lambda g: {"closed": inside("Closed", {"text": g})})),
    "closed, outside of one": (
        CLOSED,
        of("/classes/Note", lambda g: {"closed": {"$notInQuery": {"className": "Closed", "where": {"text": g}}}}),
    ),
    "closed, by $select": (CLOSED, of("/classes/Note", lambda g: {"n": picked("Closed", {"text": g}, "n")})),
    "closed, in a relation": (CLOSED, of("/classes/Note", lambda g: {"doors": inside("Closed", {"text": g})})),
    "closed, by a redirect": (CLOSED, of("/classes/Note", lambda g: {"text": g}, redirectClassNameForKey="closed")),
    "another's": (THEIRS, of("/classes/Owned", lambda g: {"text": g})),
    "another's, counted": (THEIRS, of("/classes/Owned", lambda g: {"text": g}, count=1, limit=0)),
    "another's, in a subquery": (THEIRS, of("/classes/Note", lambda g: {"owned": inside("Owned", {"text": g})})),
    "another's, denied": (
        THEIRS,
        of("/classes/Note", lambda g: {"owned": {"$notInQuery": {"className": "Owned", "where": {"text": g}}}}),
    ),
    "another's, by a redirect": (THEIRS, of("/classes/Note", lambda g: {"text": g}, redirectClassNameForKey="owned")),
}

READS = (
    "/classes/Vault",
    "/classes/Vault?keys=pin,codes.pin,list",
    "/classes/Vault?order=pin",
    "/classes/Vault/{vault}",
    "/classes/Vault/{vault}?keys=pin",
    "/classes/Closed",
    "/classes/Closed/{closed}",
    "/classes/Closed?count=1&limit=0",
    "/classes/Owned",
    "/classes/Owned/{owned}",
    "/classes/Note?include=vault,closed,owned,list",
    "/classes/Note?include=vault",
    "/classes/Note?include=owned",
    "/classes/Note?include=list",
    "/classes/Note?include=*",
    "/classes/Note?keys=vault.pin",
    "/classes/Note?keys=owned.text",
    "/classes/Note?redirectClassNameForKey=vault",
    "/classes/Note?redirectClassNameForKey=closed",
    "/classes/Note?redirectClassNameForKey=owned",
    "/scan/classes/Vault",
    "/schemas",
    "/schemas/Vault",
)


async def prepare(town: Town) -> dict[str, str]:
    """A vault with hidden fields, a closed class, what only the victim may see; and a note of the attacker's own."""
    text = {"type": "String"}
    mine = {"pointerFields": ["by"]}
    owner = {"by": {"type": "Pointer", "targetClass": "_User"}, "text": text}
    hidden = {"*": ["pin", "codes", "list"]}
    kinds = {"pin": text, "codes": {"type": "Object"}, "list": {"type": "Array"}, "n": {"type": "Number"}}
    classes: dict[str, tuple[Any, Any]] = {
        "Vault": (kinds, {**OPEN, "protectedFields": hidden}),
        "Closed": ({"text": text, "n": {"type": "Number"}}, {}),
        "Owned": (owner, {**OPEN, "find": mine, "get": mine, "count": mine, "update": mine, "delete": mine}),
    }
    for name, (fields, permissions) in classes.items():
        body = {"className": name, "fields": fields, "classLevelPermissions": permissions}
        await town.as_master("parse", "POST", f"/schemas/{name}", body)
    objects: dict[str, tuple[str, dict[str, Any]]] = {
        "vault": ("Vault", {"pin": PIN, "codes": {"pin": PIN}, "list": [PIN], "n": 1}),
        "closed": ("Closed", {"text": CLOSED, "n": 1}),
        "owned": ("Owned", {"text": THEIRS, "by": pointer("_User", town.victim.id)}),
    }
    ids = {}
    for key, (name, values) in objects.items():
        ids[key] = (await town.as_master("parse", "POST", f"/classes/{name}", values))["objectId"]
    links = {key: pointer(name, ids[key]) for key, (name, _) in objects.items()}
    added = {"vaults": "vault", "doors": "closed"}
    relations = {name: {"__op": "AddRelation", "objects": [links[key]]} for name, key in added.items()}
    note = {**links, **relations, "list": [links["vault"], links["owned"]], "n": 1, "pin": PIN}
    made = await town.ask("parse", "POST", "/classes/Note", {**note, "pin": "zzzz"}, who=town.attacker)
    assert made.status == 201, made
    town.secrets = frozenset({PIN, CLOSED, THEIRS})
    return ids


def askers(town: Town) -> list[tuple[Person | None, Any]]:
    return [(who, ask) for who in (town.attacker, None) for ask in (town.ask, town.ask_in_batch)]


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_right_guess_is_answered_like_a_wrong_one(dialect: str, town: Town) -> None:
    await prepare(town)
    told = []
    for name, (right, path) in GUESSES.items():
        for who, ask in askers(town):
            answers = [await ask(dialect, "GET", path(town, guess), who=who) for guess in (right, "zzzz")]
            same = [answer.text.replace(right, "").replace("zzzz", "") for answer in answers]
            if same[0] != same[1] or any(answer.status >= 500 for answer in answers):
                told.append((name, who is not None, *answers))
    assert told == []


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_no_answer_holds_a_secret(dialect: str, town: Town) -> None:
    ids = await prepare(town)
    told = []
    for read in READS:
        for who, ask in askers(town):
            answer = await ask(dialect, "GET", read.format(**ids), who=who)
            if town.leaks(answer) or answer.status >= 500:
                told.append((read, who is not None, answer))
    assert told == []


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_nothing_is_changed_that_a_class_keeps(dialect: str, town: Town) -> None:
    ids = await prepare(town)
    paths = (
        "/classes/Vault",
        "/classes/Closed",
        "/classes/Owned",
        "/schemas/Vault",
        "/schemas/Closed",
        "/schemas/Owned",
    )

    async def everything() -> str:
        return json.dumps([await town.as_master("parse", "GET", path) for path in paths])

    before = await everything()
    to_me = pointer("_User", town.attacker.id)
    sent: list[tuple[str, str, Any]] = [
        ("POST", "/classes/Closed", {"text": "x"}),
        ("PUT", f"/classes/Closed/{ids['closed']}", {"text": "x"}),
        ("PUT", f"/classes/Closed/{ids['closed']}?fetchWhenSave=true", {"n": {"__op": "Increment", "amount": 1}}),
        ("DELETE", f"/classes/Closed/{ids['closed']}", None),
        ("PUT", f"/classes/Owned/{ids['owned']}", {"by": to_me}),
        ("DELETE", f"/classes/Owned/{ids['owned']}", None),
        ("PUT", f"/classes/Owned/{ids['owned']}?" + where("", {"text": THEIRS}).removeprefix("?"), {"text": "x"}),
        ("DELETE", f"/classes/Closed/{ids['closed']}?" + where("", {"text": CLOSED}).removeprefix("?"), None),
        ("PUT", "/schemas/Vault", {"classLevelPermissions": OPEN}),
        ("POST", "/schemas/Other", {"className": "Other"}),
        ("DELETE", "/schemas/Closed", None),
        ("DELETE", "/purge/Closed", None),
    ]
    told = []
    for method, path, body in sent:
        for who, ask in askers(town):
            answer = await ask(dialect, method, path, body, who=who)
            if town.leaks(answer) or answer.status >= 500:
                told.append((method, path, answer))
    assert told == []
    assert await everything() == before


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_who_is_named_sees_and_changes_it(dialect: str, town: Town) -> None:
    ids = await prepare(town)
    path = f"/classes/Owned/{ids['owned']}"
    assert (await town.ask(dialect, "GET", path, who=town.victim)).body["text"] == THEIRS
    assert (await town.ask(dialect, "PUT", path, {"text": "mine"}, who=town.victim)).status == 200
    assert (await town.ask(dialect, "DELETE", path, who=town.victim)).status == 200
