"""What later items of a batch say of earlier ones, by index, field, or as a whole; and batches that make no column."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import Code, GatewayError
from gateway.model.operation import (
    Batch,
    Caller,
    Create,
    CreateMany,
    DeepSave,
    Deferred,
    Delete,
    DeleteMany,
    Find,
    Get,
    NewObject,
    Operation,
    Relate,
    Relating,
    Result,
    Returning,
    Update,
    UpdateMany,
    Upsert,
)
from gateway.model.query import And, Arithmetic, Column, Condition, Literal, Op, RelatedTo, Sort
from gateway.model.update import Add, Change, Compute, EditJson, Increment, JsonEdit, Set, Several
from gateway.model.values import ACL, CREATED_AT, ID, UPDATED_AT, Pointer, Reference, Relation, ResultOf
from tests.store.conftest import Shop

EVERYTHING = Returning.EVERYTHING


def named(**items: Operation) -> Batch:
    """An atomic batch; a name that begins with an underscore is none."""
    names = tuple(None if name.startswith("_") else name for name in items)
    return Batch(items=tuple(items.values()), names=names, atomic=True)


async def answers(shop: Shop, batch: Batch) -> list[Result]:
    return [item for item in (await shop.do(batch)).items or [] if isinstance(item, Result)]


@pytest.fixture
async def town(shop: Shop) -> Shop:
    links = {"friends": Set(Relation("Child")), "friend": Set(Pointer("Child", "c1"))}
    await shop.change("Person", "p0", name=Set("x"), n=Set(0), js=Set({"a": 1}), other=Set("y"), **links)
    for at in range(1, 4):
        await shop.create("Child", f"c{at}", n=at, s=f"s{at}")
    return shop


def new(known: str, **values: Any) -> Create:
    changes = {name: Set(value) for name, value in values.items()}
    return Create(class_name="Person", id=known, changes=changes, returning=EVERYTHING)


MAKING = new("p1", n=5, name="Joe")
FINDING = Find(class_name="Child", limit=9, where=Condition("n", Op.GE, 2), order=(Sort("n", descending=True),))
MANY = CreateMany(class_name="Child", objects=(NewObject({}, "m1"), NewObject({}, "m2")))

# what an item says of the one before, and what it comes to
VALUES: dict[str, tuple[Operation, ResultOf, Any]] = {
    "the id of what was made": (MAKING, ResultOf("x"), "p1"),
    "the same, named": (MAKING, ResultOf("x", field=ID), "p1"),
    "a field of what was made": (MAKING, ResultOf("x", field="name"), "Joe"),
    "a column of it without a value": (MAKING, ResultOf("x", field="other"), None),
    "the id of what was updated": (Update(class_name="Person", id="p0", changes={}), ResultOf("x"), "p0"),
    "a field of what was updated": (
        Update(class_name="Person", id="p0", changes={"n": Increment(3)}, returning=EVERYTHING),
        ResultOf("x", field="n"),
        3,
    ),
    "the id of what was upserted": (Upsert(class_name="Person", id="p0", changes={}), ResultOf("x"), "p0"),
    "the id of what was asked for": (Get(class_name="Person", id="p0"), ResultOf("x"), "p0"),
    "a field of what was asked for": (Get(class_name="Person", id="p0"), ResultOf("x", field="js"), {"a": 1}),
    "the id of what was saved": (DeepSave(class_name="Person", tree={ID: "p7", "n": 1}), ResultOf("x"), "p7"),
    "one of those found": (FINDING, ResultOf("x", index=1), "c2"),
    "a field of one of those found": (FINDING, ResultOf("x", index=0, field="s"), "s3"),
    "all that were found": (FINDING, ResultOf("x"), ["c3", "c2"]),
    "one of those made": (MANY, ResultOf("x", index=1), "m2"),
    "the id of one of those made": (MANY, ResultOf("x", index=0, field=ID), "m1"),
    "all that were made": (MANY, ResultOf("x"), ["m1", "m2"]),
}


@pytest.mark.parametrize("name", VALUES)
async def test_a_result_stands_for_a_value(town: Shop, name: str) -> None:
    item, reference, value = VALUES[name]
    again = Create(class_name="Note", changes={"v": Set(reference), "deep": Set({"l": [{"v": reference}]})})
    await town.do(named(x=item, _=again))
    (known,) = await town.ids("Note")
    found = await town.get("Note", known)
    assert (found.get("v"), found["deep"]) == (value, {"l": [{"v": value}]})


async def test_times_are_results_as_well(town: Shop) -> None:
    made = Create(class_name="Person", changes={})
    times = {"created": Set(ResultOf("x", field=CREATED_AT)), "updated": Set(ResultOf("x", field=UPDATED_AT))}
    answer, _ = await answers(town, named(x=made, _=Create(class_name="Note", id="n1", changes=times)))
    assert await town.get("Note", "n1") == {"created": answer.created_at, "updated": answer.updated_at}


async def test_a_result_stands_in_every_kind_of_change(town: Shop) -> None:
    id_, five = ResultOf("x"), ResultOf("x", field="n")
    changes: dict[str, Change] = {
        "tags": Add((id_, "b")),
        "js": EditJson(JsonEdit.SET, ((("a",), five),)),
        "both": Several((Set([five]), Add((id_,)))),
        "by": Set(Reference("x", "Person")),
    }
    await town.do(named(x=MAKING, _=Update(class_name="Person", id="p0", changes=changes)))
    found = await town.get("Person", "p0")
    assert {name: found[name] for name in changes} == {
        "tags": ["p1", "b"],
        "js": {"a": 5},
        "both": [5, "p1"],
        "by": Pointer("Person", "p1"),
    }


async def test_a_result_stands_in_many_and_in_a_tree(town: Shop) -> None:
    five = ResultOf("x", field="n")
    many = CreateMany(class_name="Child", objects=(NewObject({"n": Set(five)}, "m1"),))
    change = UpdateMany(class_name="Child", changes={"n": Set(five)}, ids=(ResultOf("found", 0), "c1"))
    tree = DeepSave(class_name="Person", tree={ID: "p2", "n": five, "friend": {ID: "c9", "n": five}})
    *_, saved = await answers(town, named(x=MAKING, found=FINDING, _1=many, _2=change, _3=tree))
    children = (await town.do(Find(class_name="Child", limit=9))).objects or []
    assert {child[ID]: child["n"] for child in children} == {"c1": 5, "c2": 2, "c3": 5, "m1": 5, "c9": 5}
    assert (saved.object or {})["n"] == 5


IDS: dict[str, tuple[Operation, Any, list[str]]] = {
    "one": (MAKING, ("c1",), ["c1"]),
    "all that were found": (FINDING, ResultOf("x"), ["c2", "c3"]),
    "all of them, in a list": (FINDING, (ResultOf("x"), "c1"), ["c1", "c2", "c3"]),
    "one that was found": (FINDING, (ResultOf("x", 0),), ["c3"]),
    "the same, alone": (FINDING, ResultOf("x", 0), ["c3"]),
    "one that was made": (Create(class_name="Child", id="c7", changes={}), ResultOf("x"), ["c7"]),
    "one that was changed": (Update(class_name="Child", id="c2", changes={}), (ResultOf("x"),), ["c2"]),
    "what stands in a field": (new("p9", name="c3"), ResultOf("x", field="name"), ["c3"]),
    "all that were made": (MANY, ResultOf("x"), ["m1", "m2"]),
    "none that were found": (
        Find(class_name="Child", limit=9, where=Condition("n", Op.EQ, 99)),
        ResultOf("x"),
        [],
    ),
}


@pytest.mark.parametrize("name", IDS)
async def test_results_stand_for_ids(town: Shop, name: str) -> None:
    item, ids, meant = IDS[name]
    person = Create(class_name="Person", changes={})
    set_ = Relate(class_name="Person", id="", field="friends", how=Relating.SET, ids=ids)
    related = Deferred(item=set_, fields={"id": ResultOf("person")})
    gone = DeleteMany(class_name="Child", ids=ids)
    made, _, told, deleted = await answers(town, named(person=person, x=item, _1=related, _2=gone))
    assert (told.total, deleted.total) == (len(meant), len(meant))
    assert await town.ids("Child", RelatedTo(Pointer("Person", made.id or ""), "friends")) == []
    assert not set(meant) & set(await town.ids("Child"))


async def test_what_waits_for_an_id_gets_it(town: Shop) -> None:
    at = {"id": ResultOf("x", 0)}
    update = Deferred(item=Update(class_name="Child", id="", changes={"n": Increment(10)}), fields=at)
    get = Deferred(item=Get(class_name="Child", id=""), fields=at)
    upsert = Deferred(item=Upsert(class_name="Child", changes={"n": Increment(10)}), fields=at)
    gone = Deferred(item=Delete(class_name="Child", ids=()), fields={"ids": ResultOf("y")})
    *_, got, _, _ = await answers(town, named(x=FINDING, y=update, _1=get, _2=upsert, _3=gone))
    assert (got.object or {})["n"] == 13
    assert await town.ids("Child") == ["c1", "c2"]


REFUSED: dict[str, tuple[Operation, Operation]] = {
    "no item of this name": (MAKING, new("p2", name=ResultOf("y"))),
    "itself": (MAKING, new("p2", name=ResultOf("z"))),
    "an index of one object": (MAKING, new("p2", name=ResultOf("x", 0))),
    "an index behind the last": (FINDING, new("p2", name=ResultOf("x", 2))),
    "an index before the first": (FINDING, new("p2", name=ResultOf("x", -1))),
    "an index of made ones behind the last": (MANY, new("p2", name=ResultOf("x", 2))),
    "a field of all that were found": (FINDING, new("p2", name=ResultOf("x", field="s"))),
    "a field of one that was made": (MANY, new("p2", name=ResultOf("x", 0, "n"))),
    "a field that is none": (MAKING, new("p2", name=ResultOf("x", field="nope"))),
    "a field of one found that is none": (FINDING, new("p2", name=ResultOf("x", 0, "nope"))),
    "a count": (DeleteMany(class_name="Child", ids=()), new("p2", name=ResultOf("x"))),
    "a deletion": (Delete(class_name="Child", ids=("c1",)), new("p2", name=ResultOf("x"))),
    "a number for an id": (MAKING, DeleteMany(class_name="Child", ids=ResultOf("x", field="n"))),
    "many for one id": (
        FINDING,
        Deferred(item=Get(class_name="Child", id=""), fields={"id": ResultOf("x")}),
    ),
    "a class that waits": (
        MAKING,
        Deferred(item=Get(class_name="", id="c1"), fields={"class_name": ResultOf("x", field="name")}),
    ),
    "waiting twice": (
        MAKING,
        Deferred(
            item=Deferred(item=Get(class_name="Child", id=""), fields={"id": ResultOf("x")}),
            fields={"id": ResultOf("x")},
        ),
    ),
    "a batch that waits": (MAKING, Deferred(item=Batch(items=()), fields={"id": ResultOf("x")})),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_result_that_is_none_is_refused(town: Shop, name: str) -> None:
    first, second = REFUSED[name]
    assert (await town.refused(named(x=first, z=second)))[0] is Code.BAD_BATCH
    assert await town.ids("Person") == ["p0"]
    assert await town.ids("Child") == ["c1", "c2", "c3"]


async def test_a_result_outside_of_a_batch_is_refused(town: Shop) -> None:
    for op in (
        new("p2", name=ResultOf("x")),
        new("p2", js={"a": [ResultOf("x")]}),
        DeleteMany(class_name="Child", ids=ResultOf("x")),
        Batch(items=(new("p2", name=ResultOf("x")),), atomic=True),
        Batch(items=(Deferred(item=Get(class_name="Child", id=""), fields={"id": ResultOf("x")}),), atomic=True),
    ):
        assert (await town.refused(op))[0] is Code.BAD_BATCH


async def test_what_an_item_does_not_tell_its_caller_it_tells_no_other(town: Shop) -> None:
    bob = town.of(Caller("test", user_id="bob"))
    hidden = {"n": Set(5), ACL: Set({"ann": {"read": True}, "*": {"write": True}})}
    await town.of(Caller("test", master=True)).do(Create(class_name="Person", id="p5", changes=hidden))
    change = Update(class_name="Person", id="p5", changes={"name": Set("x")}, returning=EVERYTHING)
    refused = await bob.refused(named(x=change, _=new("p6", n=ResultOf("x", field="n"))))
    assert refused[0] is Code.BAD_BATCH


async def test_an_item_that_failed_has_no_result(town: Shop) -> None:
    items = (new("p0"), new("p2", name=ResultOf("x")), new("p3", name=ResultOf("y")))
    found = (await town.do(Batch(items=items, names=("x", "y", None)))).items or []
    told = [item.code if isinstance(item, GatewayError) else item.id for item in found]
    assert told == [Code.DUPLICATE_VALUE, Code.BAD_BATCH, Code.BAD_BATCH]


# where it failed, and what is not made


async def test_the_error_of_an_atomic_batch_says_where(town: Shop) -> None:
    batch = Batch(items=(new("p1"), new("p0"), new("p2")), atomic=True)
    assert await town.refused(batch) == (
        Code.DUPLICATE_VALUE,
        {"class_name": "Person", "field": ID, "id": "p0", "item": "1"},
    )
    first, second, third = (await town.do(Batch(items=batch.items))).items or []
    assert isinstance(second, GatewayError)
    assert "item" not in second.details
    assert isinstance(first, Result)
    assert isinstance(third, Result)


UNKNOWN = {"unknown": Set(1)}
FIXED: dict[str, tuple[Operation, Code, str]] = {
    "create": (Create(class_name="Person", changes=UNKNOWN), Code.NO_SUCH_COLUMN, "unknown"),
    "create, null": (Create(class_name="Person", changes={"unknown": Set(None)}), Code.NO_SUCH_COLUMN, "unknown"),
    "create, below": (Create(class_name="Person", changes={"unknown.a": Set(1)}), Code.NO_SUCH_COLUMN, "unknown"),
    "update": (Update(class_name="Person", id="p0", changes=UNKNOWN), Code.NO_SUCH_COLUMN, "unknown"),
    "update, by an operator": (
        Update(class_name="Person", id="p0", changes={"unknown": Increment(1)}),
        Code.NO_SUCH_COLUMN,
        "unknown",
    ),
    "update, computed": (
        Update(class_name="Person", id="p0", changes={"unknown": Compute(Literal(1))}),
        Code.NO_SUCH_COLUMN,
        "unknown",
    ),
    "update, computed with it": (
        Update(class_name="Person", id="p0", changes={"n": Compute(Arithmetic("+", Column("unknown"), Literal(1)))}),
        Code.NO_SUCH_COLUMN,
        "unknown",
    ),
    "upsert": (Upsert(class_name="Person", id="p0", changes=UNKNOWN), Code.NO_SUCH_COLUMN, "unknown"),
    "many made": (CreateMany(class_name="Person", objects=(NewObject(UNKNOWN),)), Code.NO_SUCH_COLUMN, "unknown"),
    "many changed": (
        UpdateMany(class_name="Person", changes=UNKNOWN, where=And(())),
        Code.NO_SUCH_COLUMN,
        "unknown",
    ),
    "a tree": (DeepSave(class_name="Person", tree={"unknown": 1}), Code.NO_SUCH_COLUMN, "unknown"),
    "a class": (Create(class_name="Nope", changes={}), Code.CLASS_NOT_FOUND, ""),
    "a class of many": (CreateMany(class_name="Nope", objects=(NewObject({}),)), Code.CLASS_NOT_FOUND, ""),
}


@pytest.mark.parametrize("name", FIXED)
async def test_a_fixed_schema_stays_as_it_is(town: Shop, name: str) -> None:
    op, code, field = FIXED[name]
    before = await town.store.schema()
    found, details = await town.refused(Batch(items=(new("p1"), op), atomic=True, fixed_schema=True))
    where = {"class_name": "Person", "field": field} if field else {"class_name": "Nope"}
    assert (found, details) == (code, {**where, "item": "1"})
    assert await town.store.schema() == before
    assert await town.ids("Person") == ["p0"]


async def test_after_a_fixed_batch_columns_are_made_again(town: Shop) -> None:
    await town.refused(Batch(items=(new("p1", unknown=1),), atomic=True, fixed_schema=True))
    await town.do(Batch(items=(new("p1", n=1),), atomic=True, fixed_schema=True))
    await town.do(new("p2", unknown=1))
    assert (await town.get("Person", "p2"))["unknown"] == 1
