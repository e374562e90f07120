"""What triggers are shown: an object with changes that are not made yet. What the store makes of them is compared."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from gateway.backends.embedded import Embedded
from gateway.model import update
from gateway.model.applied import applied
from gateway.model.operation import Caller, Create, Get, Update
from gateway.model.query import Column
from gateway.model.update import Change
from gateway.model.values import Fields, Pointer, Relation

MASTER = Caller("blog", master=True)
ORIGINAL: Fields = {"n": 6, "text": "a", "list": [1, 2, 1], "json": {"a": {"b": 1}, "c": [1]}}

CHANGES: dict[str, dict[str, Change]] = {
    "set": {"n": update.Set(1), "new": update.Set({"x": [1]})},
    "set on insert": {"n": update.SetOnInsert(1)},
    "unset": {"n": update.Unset(), "never": update.Unset()},
    "increment": {"n": update.Increment(2), "fresh": update.Increment(1.5)},
    "bits": {"n": update.BitAnd(3)},
    "more bits": {"n": update.BitOr(9), "fresh": update.BitXor(5)},
    "add": {"list": update.Add((2, {"x": 1})), "fresh": update.Add((1,))},
    "add what is not there": {"list": update.AddUnique((2, 3, 3))},
    "remove": {"list": update.Remove((1,)), "fresh": update.Remove((1,))},
    "a part": {"json.a.b": update.Set(2), "json.d": update.Set(1)},
    "a part counted": {"json.a.b": update.Increment(1), "json.a.x": update.Increment(1)},
    "a part taken away": {"json.a": update.Unset()},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("applied")


# a new object has no parts to change
CASES = [(name, created) for name in CHANGES for created in (True, False) if not (created and "part" in name)]


@pytest.mark.parametrize(("name", "created"), CASES)
async def test_it_is_what_the_store_makes_of_it(folder: Path, name: str, created: bool) -> None:
    changes = CHANGES[name]
    store = await Embedded.open(f"sqlite:///{folder}/{name}-{created}.db", secret=b"s" * 32)
    original = None if created else ORIGINAL
    sets = {field: update.Set(value) for field, value in ORIGINAL.items()}
    if created:
        id_ = (await store.execute(Create(class_name="Post", changes=changes), MASTER)).id or ""
    else:
        id_ = (await store.execute(Create(class_name="Post", changes=sets), MASTER)).id or ""
        await store.execute(Update(class_name="Post", id=id_, changes=changes), MASTER)
    found = (await store.execute(Get(class_name="Post", id=id_), MASTER)).object or {}
    await store.close()
    assert applied(original, changes) == {field: value for field, value in found.items() if field[:1] != "@"}


def test_what_was_there_is_not_touched() -> None:
    original = copy.deepcopy(ORIGINAL)
    value = {"inner": [1]}
    shown = applied(original, {"json.a.b": update.Set(value), "list": update.Add((value,))})
    shown["json"]["a"]["b"]["inner"].append(2)
    shown["list"][-1]["inner"].append(2)
    assert (original, value) == (ORIGINAL, {"inner": [1]})


@pytest.mark.parametrize("change", [update.Compute(Column("n")), update.EditJson(next(iter(update.JsonEdit)), ())])
def test_what_only_the_store_can_compute_is_as_it_was(change: Change) -> None:
    assert applied(ORIGINAL, {"n": change}) == ORIGINAL


def test_relations_are_shown_as_such() -> None:
    member = Pointer("Post", "p")
    added: dict[str, Any] = {"likes": update.AddRelation((member,))}
    assert applied(None, added) == {"likes": Relation("Post")}
    assert applied({"likes": Relation("Post")}, {"likes": update.RemoveRelation((member,))}) == {
        "likes": Relation("Post")
    }
    both = update.Several((update.Unset(), update.AddRelation((member,))))
    assert applied({"likes": Relation("Post")}, {"likes": both}) == {"likes": Relation("Post")}


def test_a_path_through_something_else_changes_nothing() -> None:
    assert applied({"n": 1}, {"n.part": update.Set(2)}) == {"n": 1}


def test_system_fields_have_no_parts() -> None:
    acl = {"*": {"read": True}}
    assert applied(None, {"@acl": update.Set(acl)}) == {"@acl": acl}
