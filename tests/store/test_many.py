"""Many objects at once: made all or none, changed and deleted where the caller may, without holding up the others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Code
from gateway.model.operation import (
    Batch,
    Caller,
    Create,
    CreateMany,
    DeleteMany,
    Find,
    Get,
    NewObject,
    Operation,
    Result,
    Returning,
    Update,
    UpdateMany,
    Upsert,
)
from gateway.model.query import And, Condition, Filter, Not, Op, Or, RelatedTo
from gateway.model.update import Add, AddRelation, Change, Increment, Set, SetOnInsert, Unset
from gateway.model.values import ACL, CREATED_AT, ID, OWNER, UPDATED_AT, Fields, Pointer, ResultOf, Value
from gateway.store.many import MOST_OBJECTS, ROWS_AT_ONCE
from gateway.store.operations import MOST_MADE
from gateway.store.sqlite import SqliteStore
from tests.oracle import changed, matches
from tests.store.conftest import CALLER, Shop

ANN, BOB = Caller("test", user_id="ann"), Caller("test", user_id="bob")
MASTER = Caller("test", master=True)
EVERYTHING = And(())
OWN = {"ann": {"read": True, "write": True}}


def new(known: str | None = None, **values: Value) -> NewObject:
    return NewObject({name: Set(value) for name, value in values.items()}, known)


async def made(shop: Shop, count: int, class_name: str = "Post") -> list[str]:
    """More than one operation may make: in a batch."""
    sizes = (*[MOST_OBJECTS] * (count // MOST_OBJECTS), count % MOST_OBJECTS)
    items = tuple(CreateMany(class_name=class_name, objects=(new(n=1),) * size) for size in sizes)
    answers = (await shop.do(Batch(items=items, atomic=True))).items or []
    return [known for answer in answers if isinstance(answer, Result) for known in answer.ids or []]


async def values(shop: Shop, field: str = "n") -> list[Value]:
    found = (await shop.do(Find(class_name="Post", limit=10_000))).objects or []
    return [fields.get(field) for fields in found]


# upsert


async def test_an_upsert_creates_and_then_updates(shop: Shop) -> None:
    changes: dict[str, Change] = {"n": Increment(1), "first": SetOnInsert(True)}
    one = Upsert(class_name="Post", id="p1", changes=changes, returning=Returning.EVERYTHING)
    answers = [await shop.do(one) for _ in range(2)]
    assert [(answer.created, answer.id, (answer.object or {})["n"]) for answer in answers] == [
        (True, "p1", 1),
        (False, "p1", 2),
    ]
    assert await shop.get("Post", "p1") == {"n": 2, "first": True}
    without = await shop.do(Upsert(class_name="Post", changes={"n": Set(5)}))
    assert without.created
    assert without.id not in (None, "p1")


async def test_an_upsert_of_anothers_object_finds_its_id_taken(shop: Shop) -> None:
    await shop.of(ANN).do(Create(class_name="Post", id="p1", changes={"n": Set(1), ACL: Set(OWN)}))
    theirs = Upsert(class_name="Post", id="p1", changes={"n": Set(2)})
    taken = (Code.DUPLICATE_VALUE, {"class_name": "Post", "field": ID, "id": "p1"})
    assert await shop.of(BOB).refused(theirs) == taken
    assert (await shop.of(ANN).do(theirs)).created is False


async def test_nulls_are_told_on_demand_and_links_are_not(shop: Shop) -> None:
    await shop.change("Post", s=Set("a"), by=Set(Pointer("User", "u1")), r=AddRelation((Pointer("User", "u1"),)))
    for asked in (
        Create(class_name="Post", changes={"n": Set(1)}, nulls=True, returning=Returning.EVERYTHING),
        Upsert(class_name="Post", changes={"n": Set(1)}, nulls=True, returning=Returning.EVERYTHING),
        Upsert(class_name="Post", id="p1", changes={"n": Set(1)}, nulls=True, returning=Returning.EVERYTHING),
        Update(class_name="Post", id="p1", changes={"n": Set(1)}, nulls=True, returning=Returning.EVERYTHING),
    ):
        told = {name: value for name, value in ((await shop.do(asked)).object or {}).items() if name[0] != "@"}
        told.pop("r")
        assert told == {"n": 1, "s": None}
        assert (await shop.do(Get(class_name="Post", id=(await shop.ids("Post"))[-1]))).object is not None


# who owns it


async def test_whoever_makes_an_object_owns_it(shop: Shop) -> None:
    await shop.of(ANN).do(CreateMany(class_name="Post", objects=(new("a1"), new("a2"))))
    await shop.of(BOB).do(Upsert(class_name="Post", id="b1", changes={}))
    await shop.create("Post", "n1")
    await shop.of(BOB).do(Upsert(class_name="Post", id="a1", changes={"n": Set(1)}))
    found = (await shop.do(Find(class_name="Post", limit=9))).objects or []
    assert {fields[ID]: fields[OWNER] for fields in found} == {"a1": "ann", "a2": "ann", "b1": "bob", "n1": None}
    assert await shop.ids("Post", Condition(OWNER, Op.EQ, "ann")) == ["a1", "a2"]
    assert await shop.ids("Post", Condition(OWNER, Op.EQ, None)) == ["n1"]
    refused = await shop.refused(Update(class_name="Post", id="a1", changes={OWNER: Set("bob")}))
    assert refused == (Code.RESERVED_FIELD, {"field": OWNER})


async def test_a_user_owns_itself(shop: Shop) -> None:
    trusted = shop.of(Caller("test", trusted=True))
    answer = await trusted.do(Create(class_name="_User", id="u1", changes={}, returning=Returning.EVERYTHING))
    assert (answer.object or {})[OWNER] == "u1"


# making


async def test_ids_are_answered_in_order(shop: Shop) -> None:
    result = await shop.do(CreateMany(class_name="Post", objects=(new("b"), new(n=1), new("a"), new())))
    ids = result.ids or []
    assert (ids[0], ids[2], len(set(ids))) == ("b", "a", 4)
    assert await shop.ids("Post") == ids


async def test_all_are_made_or_none(shop: Shop) -> None:
    await shop.create("Post", "taken", n=0)
    many = CreateMany(class_name="Post", objects=(new("a", n=1), new("b", other=2), new("taken", n=3)))
    assert (await shop.refused(many))[0] is Code.DUPLICATE_VALUE
    assert await shop.ids("Post") == ["taken"]
    assert await shop.store.schema() == {"Post": {"n": "Number"}}
    upserts = CreateMany(class_name="Post", objects=many.objects, upsert=True)
    assert (await shop.do(upserts)).ids == ["a", "b", "taken"]
    assert await values(shop) == [3, 1, None]


async def test_too_many_are_refused(shop: Shop) -> None:
    many = CreateMany(class_name="Post", objects=(new(),) * (MOST_OBJECTS + 1))
    assert (await shop.refused(many))[0] is Code.BAD_BATCH
    assert len((await shop.do(CreateMany(class_name="Post", objects=(new(),) * MOST_OBJECTS))).ids or []) == 1000
    items = (CreateMany(class_name="Other", objects=(new(),) * MOST_OBJECTS),) * (MOST_MADE // MOST_OBJECTS)
    assert (await shop.refused(Batch(items=(*items, Create(class_name="Other", changes={})))))[0] is Code.BAD_BATCH


# changing and deleting

REFUSED: dict[str, tuple[Operation, Code]] = {
    "changing, and nothing is meant": (UpdateMany(class_name="Post", changes={}), Code.BAD_QUERY),
    "deleting, and nothing is meant": (DeleteMany(class_name="Post"), Code.BAD_QUERY),
    "changing, in no class": (UpdateMany(class_name="Nope", changes={}, ids=("p1",)), Code.CLASS_NOT_FOUND),
    "deleting, in no class": (DeleteMany(class_name="Nope", where=EVERYTHING), Code.CLASS_NOT_FOUND),
    "changing, in a private class": (UpdateMany(class_name="@x", changes={}, ids=("p1",)), Code.BAD_CLASS_NAME),
    "deleting, in a private class": (DeleteMany(class_name="@x", ids=("p1",)), Code.BAD_CLASS_NAME),
    "ids of an item that is none": (DeleteMany(class_name="Post", ids=ResultOf("x")), Code.BAD_BATCH),
    "an id of an item that is none": (DeleteMany(class_name="Post", ids=("p1", ResultOf("x"))), Code.BAD_BATCH),
    "to another type": (UpdateMany(class_name="Post", changes={"n": Set("x")}, ids=("p1",)), Code.TYPE_MISMATCH),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_refused(shop: Shop, name: str) -> None:
    await shop.create("Post", "p1", n=1)
    op, code = REFUSED[name]
    assert (await shop.refused(op))[0] is code
    assert await shop.get("Post", "p1") == {"n": 1}


async def test_by_ids_each_that_is_there_is_counted_once(shop: Shop) -> None:
    ids = await made(shop, 3)
    named = (ids[0], ids[2], "gone", ids[0])
    assert await shop.do(UpdateMany(class_name="Post", changes={"n": Increment(1)}, ids=named)) == Result(total=2)
    assert await values(shop) == [2, 1, 2]
    both = UpdateMany(class_name="Post", changes={"n": Set(9)}, ids=named, where=Condition("n", Op.EQ, 1))
    assert await shop.do(both) == Result(total=0)
    assert await shop.do(DeleteMany(class_name="Post", ids=named)) == Result(total=2)
    assert await shop.ids("Post") == [ids[1]]
    assert await shop.do(DeleteMany(class_name="Post", ids=())) == Result(total=0)


async def test_a_change_that_makes_others_match_goes_over_each_once(shop: Shop) -> None:
    await made(shop, 2 * ROWS_AT_ONCE + 1)
    again = UpdateMany(class_name="Post", changes={"n": Increment(1)}, where=Condition("n", Op.GE, 1))
    assert await shop.do(again) == Result(total=2 * ROWS_AT_ONCE + 1)
    assert set(await values(shop)) == {2}
    assert await shop.do(DeleteMany(class_name="Post", where=EVERYTHING)) == Result(total=2 * ROWS_AT_ONCE + 1)
    assert await shop.ids("Post") == []


async def test_every_update_is_later_than_what_was(shop: Shop) -> None:
    ids = await made(shop, 2)
    await shop.do(UpdateMany(class_name="Post", changes={}, where=EVERYTHING))
    for known in ids:
        fields = (await shop.do(Get(class_name="Post", id=known))).object or {}
        assert fields[CREATED_AT] < fields[UPDATED_AT]


async def test_a_deleted_object_leaves_no_members(shop: Shop) -> None:
    await shop.change("Post", "p1", r=AddRelation((Pointer("Post", "p2"),)))
    await shop.create("Post", "p2")
    await shop.do(DeleteMany(class_name="Post", ids=("p2",)))
    await shop.create("Post", "p2")
    assert await shop.ids("Post", RelatedTo(Pointer("Post", "p1"), "r")) == []


async def test_only_what_the_caller_may_write(shop: Shop) -> None:
    read_only = {"*": {"read": True}}
    write_only = {"*": {"write": True}}
    for known, acl in (("own", OWN), ("read", read_only), ("write", write_only), ("none", {})):
        await shop.of(MASTER).do(Create(class_name="Post", id=known, changes={"n": Set(1), ACL: Set(acl)}))
    await shop.create("Post", "open", n=1)
    ids = ("own", "read", "write", "none", "open")
    up = Increment(1)
    of_ann = shop.of(ANN)
    # a condition is asked of what she may read: it would tell her of the others
    assert await of_ann.do(UpdateMany(class_name="Post", changes={"n": up}, where=EVERYTHING)) == Result(total=2)
    assert await of_ann.do(UpdateMany(class_name="Post", changes={"n": up}, ids=ids)) == Result(total=3)
    assert await values(shop.of(MASTER)) == [3, 1, 2, 1, 3]
    assert await of_ann.do(DeleteMany(class_name="Post", where=EVERYTHING)) == Result(total=2)
    assert await shop.of(MASTER).ids("Post") == ["read", "write", "none"]
    assert await of_ann.do(DeleteMany(class_name="Post", ids=ids)) == Result(total=1)
    assert await shop.of(MASTER).ids("Post") == ["read", "none"]


async def test_others_write_in_between(shop: Shop) -> None:
    await made(shop, 5 * ROWS_AT_ONCE // 2)
    many = asyncio.ensure_future(shop.do(UpdateMany(class_name="Post", changes={"n": Increment(1)}, where=EVERYTHING)))
    await asyncio.sleep(0)
    await shop.create("Other")
    assert not many.done()
    assert await many == Result(total=5 * ROWS_AT_ONCE // 2)


async def test_in_an_atomic_batch_nothing_is_left_of_it(shop: Shop) -> None:
    await made(shop, ROWS_AT_ONCE + 10)
    update: Operation = UpdateMany(class_name="Post", changes={"n": Set(5)}, where=EVERYTHING)
    gone = DeleteMany(class_name="Post", where=EVERYTHING)
    wrong = CreateMany(class_name="Post", objects=(new("x"), new("x")))
    code, details = await shop.refused(Batch(items=(update, gone, wrong), atomic=True))
    assert (code, details["item"]) == (Code.DUPLICATE_VALUE, "2")
    assert await values(shop) == [1] * (ROWS_AT_ONCE + 10)


async def test_as_much_as_the_vendors_suite_does_at_once(shop: Shop) -> None:
    """Twenty operations, ten times a hundred objects, and one update of a thousand."""
    ones = tuple(Create(class_name="Post", changes={"n": Set(at)}) for at in range(20))
    hundreds = tuple(CreateMany(class_name="Post", objects=(new(n=100),) * 100) for _ in range(10))
    await shop.do(Batch(items=(*ones, *hundreds), atomic=True))
    update = UpdateMany(class_name="Post", changes={"n": Set(7)}, where=Condition("n", Op.EQ, 100))
    (answer,) = (await shop.do(Batch(items=(update,), atomic=True))).items or []
    assert answer == Result(total=1000)


# against the oracle

FIELDS = ("n", "s", "tags")
some = {
    "n": st.integers(0, 4),
    "s": st.sampled_from(["a", "b", ""]),
    "tags": st.lists(st.sampled_from(["x", "y"]), max_size=2),
}
rows = st.lists(st.fixed_dictionaries({}, optional=some), min_size=1, max_size=6)
conditions = st.one_of(
    st.builds(Condition, st.just("n"), st.sampled_from([Op.EQ, Op.NE, Op.LT, Op.GE]), st.integers(0, 4)),
    st.builds(Condition, st.just("s"), st.sampled_from([Op.EQ, Op.NE]), st.sampled_from(["a", "", None])),
    st.builds(Condition, st.just("tags"), st.just(Op.EQ), st.sampled_from(["x", "y"])),
    st.builds(Condition, st.sampled_from(FIELDS), st.just(Op.EXISTS), st.booleans()),
)
filters: st.SearchStrategy[Filter] = st.recursive(
    conditions,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, max_size=2).map(tuple)),
        st.builds(Or, st.lists(inner, max_size=2).map(tuple)),
    ),
    max_leaves=4,
)
changes = st.fixed_dictionaries(
    {},
    optional={
        "n": st.one_of(st.builds(Increment, st.integers(1, 3)), st.builds(Set, st.integers(0, 4)), st.just(Unset())),
        "s": st.builds(Set, st.sampled_from(["a", "c"])),
        "tags": st.builds(Add, st.just(("z",))),
    },
)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[asyncio.Runner, SqliteStore]]:
    path: Path = tmp_path_factory.mktemp("many") / "store.db"
    with asyncio.Runner() as runner:
        store = runner.run(SqliteStore.open(path, secret=b""))
        whole: dict[str, Any] = {"n": Set(0), "s": Set(""), "tags": Set([])}
        runner.run(store.execute(Create(class_name="Post", changes=whole), CALLER))
        yield runner, store
        runner.run(store.close())


@given(rows=rows, where=filters, change=changes)
@settings(max_examples=150, deadline=None)
def test_the_store_changes_and_deletes_what_the_oracle_finds(
    kept: tuple[asyncio.Runner, SqliteStore], rows: list[Fields], where: Filter, change: dict[str, Change]
) -> None:
    runner, store = kept

    def do(op: Operation) -> Result:
        return runner.run(store.execute(op, CALLER))

    def left() -> dict[str, Fields]:
        found = do(Find(class_name="Post", limit=100)).objects or []
        return {fields[ID]: {name: fields[name] for name in FIELDS if name in fields} for fields in found}

    do(DeleteMany(class_name="Post", where=EVERYTHING))
    ids = do(CreateMany(class_name="Post", objects=tuple(new(**row) for row in rows))).ids or []
    before: dict[str, Fields] = dict(zip(ids, rows, strict=True))
    meant = {known for known, row in before.items() if matches(where, "Post", row, {})}
    assert do(UpdateMany(class_name="Post", changes=change, where=where)).total == len(meant)
    after = {known: changed(row, change, lists=("tags",)) if known in meant else row for known, row in before.items()}
    assert left() == after
    meant = {known for known, row in after.items() if matches(where, "Post", row, {})}
    assert do(DeleteMany(class_name="Post", where=where)).total == len(meant)
    assert left() == {known: row for known, row in after.items() if known not in meant}
