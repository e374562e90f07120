"""Relations and pointers, changed by ids or by a condition: what is counted, and who may."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Code
from gateway.model.operation import Batch, Caller, Create, Get, Operation, Relate, Relating, Result
from gateway.model.query import And, Condition, Op, RelatedTo
from gateway.model.schema import AppSettings, ClassSettings
from gateway.model.update import Set
from gateway.model.values import ACL, UPDATED_AT, Pointer, Relation, ResultOf
from gateway.store.sqlite import SqliteStore
from tests.store.conftest import Shop

ANN, BOB, MASTER = (
    Caller("test", user_id="ann"),
    Caller("test", user_id="bob"),
    Caller("test", master=True),
)
OWN = {"ann": {"read": True, "write": True}}
ADD, SET, REMOVE = Relating.ADD, Relating.SET, Relating.REMOVE


def relate(how: Relating, *ids: str, field: str = "friends", **words: Any) -> Relate:
    given = words if "where" in words else {"ids": ids, **words}
    return Relate(**{"class_name": "Person", "id": "p1", "field": field, "how": how, **given})


async def total(shop: Shop, op: Relate) -> int | None:
    return (await shop.do(op)).total


async def friends(shop: Shop, field: str = "friends") -> list[str]:
    return await shop.ids("Child", RelatedTo(Pointer("Person", "p1"), field))


@pytest.fixture
async def town(shop: Shop) -> Shop:
    """Two people, four children, and a column of each kind."""
    relations = {"friends": Set(Relation("Child")), "friend": Set(Pointer("Child", "c1")), "name": Set("x")}
    await shop.change("Person", "p0", **relations)
    await shop.create("Person", "p1", n=1)
    for at in range(1, 5):
        await shop.create("Child", f"c{at}", n=at)
    return shop


async def test_adding_counts_what_was_not_there(town: Shop) -> None:
    assert await total(town, relate(ADD, "c2", "c1")) == 2
    assert await total(town, relate(ADD, "c2", "c3", "c3", "gone")) == 1
    assert await friends(town) == ["c1", "c2", "c3"]
    assert await total(town, relate(ADD)) == 0


async def test_setting_leaves_no_others(town: Shop) -> None:
    await town.do(relate(ADD, "c1", "c2"))
    assert await total(town, relate(SET, "c2", "c3")) == 2
    assert await friends(town) == ["c2", "c3"]
    assert await total(town, relate(SET, "gone")) == 0
    assert await friends(town) == []


async def test_removing_counts_what_was_there(town: Shop) -> None:
    await town.do(relate(ADD, "c1", "c2", "c3"))
    assert await total(town, relate(REMOVE, "c1", "c4", "gone", "c1")) == 1
    assert await friends(town) == ["c2", "c3"]


async def test_by_a_condition_every_match_is_meant(town: Shop) -> None:
    assert await total(town, relate(ADD, where=Condition("n", Op.GE, 2))) == 3
    assert await total(town, relate(SET, where=Condition("n", Op.LE, 2))) == 2
    assert await friends(town) == ["c1", "c2"]
    assert await total(town, relate(REMOVE, where=And(()))) == 2
    assert await total(town, relate(ADD, where=Condition("n", Op.LE, 3), ids=("c3", "c4"))) == 1
    assert await friends(town) == ["c3"]


async def test_a_pointer_holds_one(town: Shop) -> None:
    for how in (ADD, SET):
        for child in ("c1", "c2", "c2"):
            assert await total(town, relate(how, child, field="friend")) == 1
            assert (await town.get("Person", "p1"))["friend"] == Pointer("Child", child)
    assert await total(town, relate(ADD, "gone", field="friend")) == 0
    assert await total(town, relate(REMOVE, "c1", field="friend")) == 0
    assert (await town.get("Person", "p1"))["friend"] == Pointer("Child", "c2")
    assert await total(town, relate(REMOVE, field="friend", where=Condition("n", Op.EQ, 2))) == 1
    assert "friend" not in await town.get("Person", "p1")
    assert await total(town, relate(REMOVE, "c2", field="friend")) == 0
    assert await total(town, relate(SET, field="friend", where=Condition("n", Op.EQ, 4))) == 1
    assert await total(town, relate(SET, field="friend")) == 0
    assert "friend" not in await town.get("Person", "p1")


async def test_a_relation_changes_the_object(town: Shop) -> None:
    async def times() -> Any:
        fields = (await town.do(Get(class_name="Person", id="p1"))).object or {}
        return fields[UPDATED_AT]

    first = await times()
    await town.do(relate(ADD, "gone"))
    await town.do(relate(REMOVE, "c1"))
    assert await times() == first
    await town.do(relate(ADD, "c1"))
    assert (await times()) > first


async def test_a_column_that_is_missing_is_made(town: Shop) -> None:
    assert await total(town, relate(ADD, "c1", field="many", target="Child")) == 1
    assert await total(town, relate(ADD, "c1", field="one", target="Child", single=True)) == 1
    assert await total(town, relate(ADD, field="empty", target="Child", single=True)) == 0
    columns = (await town.store.schema())["Person"]
    assert [columns[name] for name in ("many", "one", "empty")] == [
        "Relation<Child>",
        "Pointer<Child>",
        "Pointer<Child>",
    ]
    assert await friends(town, "many") == ["c1"]


def of(**words: Any) -> Relate:
    return relate(ADD, "c1", **words)


REFUSED: dict[str, tuple[Relate, Code, dict[str, str]]] = {
    "no object": (of(id="gone"), Code.OBJECT_NOT_FOUND, {"class_name": "Person", "id": "gone"}),
    "no class": (of(class_name="Nope"), Code.CLASS_NOT_FOUND, {"class_name": "Nope"}),
    "no column": (of(field="nope"), Code.NO_SUCH_COLUMN, {"class_name": "Person", "field": "nope"}),
    "a bad column": (of(field="a b"), Code.BAD_FIELD_NAME, {"field": "a b"}),
    "a new bad column": (of(field="a'b", target="Child"), Code.BAD_FIELD_NAME, {"field": "a'b"}),
    "a column of text": (
        of(field="name"),
        Code.TYPE_MISMATCH,
        {"class_name": "Person", "field": "name", "expected": "String", "found": "Relation"},
    ),
    "a column of another class": (
        of(target="Person"),
        Code.TYPE_MISMATCH,
        {"class_name": "Person", "field": "friends", "expected": "Relation<Child>", "found": "Relation<Person>"},
    ),
    "a column of many": (
        of(target="Child", single=True),
        Code.TYPE_MISMATCH,
        {"class_name": "Person", "field": "friends", "expected": "Relation<Child>", "found": "Pointer<Child>"},
    ),
    "to a private class": (of(field="new", target="@token"), Code.BAD_CLASS_NAME, {"class_name": "@token"}),
    "several, where there is room for one": (
        relate(SET, "c1", "c2", field="friend"),
        Code.BAD_VALUE,
        {"class_name": "Person", "field": "friend"},
    ),
    "nothing meant": (
        Relate(class_name="Person", id="p1", field="friends", how=ADD),
        Code.BAD_QUERY,
        {},
    ),
    "ids of an item that is none": (
        Relate(class_name="Person", id="p1", field="friends", how=ADD, ids=ResultOf("x")),
        Code.BAD_BATCH,
        {},
    ),
    "a condition that is none": (relate(ADD, where=Condition("a'b", Op.EQ, 1)), Code.BAD_FIELD_NAME, {"field": "a'b"}),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_refused(town: Shop, name: str) -> None:
    op, code, details = REFUSED[name]
    before = await town.store.schema()
    assert await town.refused(op) == (code, details)
    assert await town.store.schema() == before


async def test_a_relation_to_sessions_is_not_asked_by_a_condition(town: Shop) -> None:
    asked = relate(ADD, field="sessions", target="_Session", where=Condition("user", Op.EQ, "x"))
    assert (await town.refused(asked))[0] is Code.UNSUPPORTED


async def test_a_fixed_schema_gets_no_column(town: Shop) -> None:
    batch = Batch(items=(of(field="new", target="Child"),), atomic=True, fixed_schema=True)
    details = {"class_name": "Person", "field": "new", "item": "0"}
    assert await town.refused(batch) == (Code.NO_SUCH_COLUMN, details)


# who may


async def test_the_object_must_be_the_callers_to_read_and_to_write(town: Shop) -> None:
    for acl in ({}, {"bob": {"read": True}}, {"bob": {"write": True}}):
        known = await town.of(MASTER).create("Person", None, n=1)
        await town.of(MASTER).update("Person", known, **{ACL: Set(acl)})
        for op in (of(id=known), of(id=known, field="friend"), of(id=known, field="new", target="Child")):
            assert await town.of(BOB).refused(op) == (
                Code.OBJECT_NOT_FOUND,
                {"class_name": "Person", "id": known},
            )
    assert "new" not in (await town.store.schema())["Person"]


async def test_what_the_caller_cannot_read_cannot_be_named(town: Shop) -> None:
    await town.of(MASTER).do(Create(class_name="Child", id="c9", changes={"n": Set(9), ACL: Set(OWN)}))
    bob, ann = town.of(BOB), town.of(ANN)
    for op in (relate(ADD, "c9"), relate(ADD, where=Condition("n", Op.EQ, 9)), relate(ADD, "c9", field="friend")):
        assert await total(bob, op) == 0
    assert await total(ann, relate(ADD, "c9")) == 1
    assert await total(bob, relate(REMOVE, "c9")) == 0
    assert await friends(ann) == ["c9"]
    assert await total(ann, relate(ADD, "c9", field="friend")) == 1
    assert await total(bob, relate(REMOVE, "c9", field="friend")) == 0
    # these, and no others: who may write the object may empty the relation
    assert await total(bob, relate(SET, "c1")) == 1
    assert await friends(ann) == ["c1"]


async def test_the_permissions_of_the_class_are_asked(tmp_path: Path) -> None:
    apps = {"test": AppSettings(classes={"Person": ClassSettings(read_only=frozenset({"friends"}))})}
    store = await SqliteStore.open(tmp_path / "a.db", secret=b"", apps=apps)
    shop = Shop(store)
    await shop.of(MASTER).change("Person", "p1", friends=Set(Relation("Child")))
    await shop.create("Child", "c1")
    refused: Operation = relate(ADD, "c1")
    assert (await shop.refused(refused))[0] is Code.FORBIDDEN
    assert await shop.of(MASTER).do(refused) == Result(total=1)
    await store.close()
