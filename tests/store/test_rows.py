"""What a query shows: nulls, exact selections, members of relations, everything so deep, and what stands in a field."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Code
from gateway.model.operation import Caller, Find, FindRelated, Get, Operation
from gateway.model.query import (
    Aggregate,
    Aggregated,
    Arithmetic,
    Column,
    Comparison,
    Condition,
    Expression,
    JsonPath,
    Literal,
    Op,
    Output,
    Sort,
)
from gateway.model.schema import AppSettings, ClassSettings, Protected
from gateway.model.update import AddRelation, Set
from gateway.model.values import ACL, CREATED_AT, ID, OWNER, UPDATED_AT, Fields, Object, Pointer, Relation
from gateway.store.projection import MOST_INCLUDED
from gateway.store.schema import EMPTY
from gateway.store.session import Clock
from gateway.store.sqlite import Reader, SqliteStore
from tests.store.conftest import Shop

COUNTED = Aggregated(Aggregate.COUNT, Column(ID))
READ = {"read": True}
SYSTEM = {ID, CREATED_AT, UPDATED_AT, OWNER}


def members(*ids: str) -> AddRelation:
    return AddRelation(tuple(Pointer("Person", known) for known in ids))


@pytest.fixture
async def library(tmp_path: Path) -> AsyncIterator[Shop]:
    """Books that are made a second after each other; the third has everything, the fourth nothing."""
    now = [1_700_000_000_000]

    def clock() -> int:
        now[0] += 1000
        return now[0]

    store = await SqliteStore.open(tmp_path / "library.db", secret=b"secret", now_ms=clock)
    shop = Shop(store)
    for name in ("ann", "bob", "cid", "dot"):
        await shop.change("Person", name, name=Set(name), age=Set(len(name)), friends=members("ann"))
    await shop.create("Book", "b1", title="One", pages=1, by=Pointer("Person", "ann"))
    await shop.create("Book", "b2", title="Two", by=Pointer("Person", "gone"), meta={"a": 1})
    everything = {"title": Set("Three"), "pages": Set(None), "by": Set(Pointer("Person", "bob"))}
    await shop.change("Book", "b3", **everything, fans=members("dot", "bob", "ann", "cid", "gone"))
    await shop.create("Book", "b4")
    yield shop
    await store.close()


async def one(shop: Shop, known: str, **more: Any) -> Fields:
    fields = (await shop.do(Get(class_name="Book", id=known, **more))).object
    assert fields is not None
    (found,) = (
        await shop.do(Find(class_name="Book", limit=9, where=Condition(ID, Op.EQ, known), **more))
    ).objects or []
    assert found == fields, "a get and a find show the same"
    return fields


def ids(objects: Iterable[Any]) -> list[str]:
    return [found.fields[ID] if isinstance(found, Object) else found[ID] for found in objects]


# nulls and selections


async def test_every_column_is_there_with_nulls(library: Shop) -> None:
    assert (await one(library, "b4")).keys() == SYSTEM | {"fans"}
    found = await one(library, "b4", nulls=True)
    assert found.keys() == SYSTEM | {"title", "pages", "meta", "fans"}
    assert [found[name] for name in ("title", "pages", "meta", "fans")] == [None, None, None, Relation("Person")]


async def test_every_column_of_what_is_included_is_there_with_nulls(library: Shop) -> None:
    await library.create("Person", "eve", by=Pointer("Person", "gone"), town="X")
    found = await one(library, "b1", nulls=True, include=("by",), members=1)
    assert found["by"].fields.keys() == SYSTEM | {"name", "age", "town", "friends"}
    assert found["by"].fields["town"] is None


async def test_objects_are_sorted_by_what_they_point_to(library: Shop) -> None:
    await library.create("Book", "b5", by=Pointer("Person", "cid"))
    for descending, expected in ((False, ["b2", "b4", "b1", "b3", "b5"]), (True, ["b5", "b3", "b1", "b4", "b2"])):
        found = await library.do(Find(class_name="Book", limit=9, order=(Sort("by.name", descending),)))
        assert ids(found.objects or []) == expected
    page = await library.do(Find(class_name="Book", limit=1, skip=2, order=(Sort("by.name"),), count=True))
    assert (ids(page.objects or []), page.total) == (["b1"], 5)
    for path in ("fans.name", "by.friends.name"):
        code, _ = await library.refused(Find(class_name="Book", limit=9, order=(Sort(path),)))
        assert code is Code.BAD_QUERY


async def test_a_null_pointer_is_told_where_it_is_included_only(library: Shop) -> None:
    await library.create("Book", "b5", by=None)
    assert "by" not in await one(library, "b5", nulls=True)
    assert (await one(library, "b5", nulls=True, include=("by",), members=1))["by"] is None
    assert (await one(library, "b5"))["by"] is None


async def test_an_exact_selection_keeps_what_it_names(library: Shop) -> None:
    assert await one(library, "b1", select=("title",), exact=True) == {"title": "One"}
    assert await one(library, "b1", select=("title", ID), exact=True) == {"title": "One", ID: "b1"}
    assert await one(library, "b4", select=("title", "meta"), exact=True, nulls=True) == {"title": None, "meta": None}
    assert await one(library, "b1", select=("by.name",), exact=True) == {"by": Object("Person", {"name": "ann"})}
    assert await one(library, "b1", select=(), exact=True) == {}


async def test_a_selection_keeps_what_is_included_with_members(library: Shop) -> None:
    found = await one(library, "b3", select=("title",), exact=True, include=("fans",), members=1)
    assert found.keys() == {"title", "fans"}
    found = await one(library, "b3", select=("title",), exact=True, depth=1, members=1)
    assert found.keys() == {"title", "fans", "by"}
    assert await one(library, "b3", select=("title",), exact=True, include=("by",)) == {"title": "Three"}


# members


async def test_members_are_the_newest_first_and_no_more_than_asked_for(library: Shop) -> None:
    assert ids((await one(library, "b3", include=("fans",), members=9))["fans"]) == ["dot", "cid", "bob", "ann"]
    assert ids((await one(library, "b3", include=("fans",), members=2))["fans"]) == ["dot", "cid"]
    assert (await one(library, "b3", include=("fans",), members=0))["fans"] == []
    assert (await one(library, "b3", include=("fans",)))["fans"] == Relation("Person")
    assert (await one(library, "b3", members=2))["fans"] == Relation("Person")


async def test_what_is_empty_is_told_where_it_is_included(library: Shop) -> None:
    found = await one(library, "b4", include=("by", "fans"), members=2)
    assert (found["by"], found["fans"]) == (None, [])
    assert (await one(library, "b2", include=("by",), members=2))["by"] is None
    assert "by" not in await one(library, "b2", include=("by",))


async def test_members_of_each_object_are_its_own(library: Shop) -> None:
    await library.change("Book", "b5", fans=members("ann"))
    found = (await library.do(Find(class_name="Book", limit=9, include=("fans",), members=2))).objects or []
    assert {fields[ID]: ids(fields["fans"]) for fields in found} == {
        "b1": [],
        "b2": [],
        "b3": ["dot", "cid"],
        "b4": [],
        "b5": ["ann"],
    }


async def test_includes_go_on_below_members_and_pointers(library: Shop) -> None:
    found = await one(library, "b3", include=("fans.friends", "by.friends.friends"), members=2)
    assert [ids(fan.fields["friends"]) for fan in found["fans"]] == [["ann"], ["ann"]]
    (friend,) = found["by"].fields["friends"]
    assert ids(friend.fields["friends"]) == ["ann"]
    assert found["fans"][0].fields["friends"][0].fields["friends"] == Relation("Person")


async def test_everything_includes_relations_where_members_are_asked_for(library: Shop) -> None:
    found = await one(library, "b3", include=("*",), members=1)
    assert ids([found["by"], *found["fans"]]) == ["bob", "dot"]
    assert (await one(library, "b3", include=("*",)))["fans"] == Relation("Person")


@pytest.mark.parametrize("depth", [1, 2, 5])
async def test_everything_is_included_so_deep(library: Shop, depth: int) -> None:
    found = (await one(library, "b1", depth=depth, members=3))["by"].fields
    for _ in range(depth - 1):
        (friend,) = found["friends"]  # a circle: she is a friend of her own
        found = friend.fields
    assert found["friends"] == Relation("Person")


async def test_the_list_of_an_object_hides_it_among_members(library: Shop) -> None:
    await library.change("Person", "zoe", name=Set("zoe"), **{ACL: Set({"zoe": READ})})
    await library.change("Book", "b6", fans=members("ann", "zoe"), by=Set(Pointer("Person", "zoe")))
    for caller, expected in ((Caller("test"), ["ann"]), (Caller("test", user_id="zoe"), ["zoe", "ann"])):
        found = await one(library.of(caller), "b6", include=("fans", "by"), members=1 if len(expected) == 1 else 2)
        assert ids(found["fans"]) == expected
        assert (found["by"] is None) is (len(expected) == 1)


async def test_no_statement_is_repeated_for_each_object(library: Shop, tmp_path: Path) -> None:
    """Two levels of three relations and pointers, of any number of objects, take as many statements as of one."""
    counts = []
    reader = Reader(tmp_path / "library.db", Clock(lambda: 0), b"secret", EMPTY)
    for size in (1, 30):
        for number in range(size):
            await library.change(
                "Book", f"c{size}-{number}", fans=members("ann", "bob"), by=Set(Pointer("Person", "ann"))
            )
        find = Find(class_name="Book", limit=size, include=("fans.friends", "by.friends"), members=5)
        statements: list[str] = []

        def note(_: Any, sql: str, __: Any, statements: list[str] = statements) -> bool:
            if "object_" in sql:
                statements.append(sql)
            return True

        reader._connection._database.set_exec_trace(note)
        reader.execute(find, Caller("test"), math.inf)
        counts.append(len(statements))
    reader.close()
    assert counts[0] == counts[1]


async def test_includes_are_bounded(library: Shop) -> None:
    for more in ({"depth": 6}, {"depth": -1}, {"include": ("fans",), "members": -1}):
        code, _ = await library.refused(Get(class_name="Book", id="b3", **more))
        assert code is Code.BAD_QUERY
    for number in range(40):
        known = members("ann", *(f"x{other}" for other in range(40)))
        await library.change("Person", f"x{number}", friends=known)
    find = Find(class_name="Person", limit=100, include=("friends.friends.friends",), members=40)
    assert MOST_INCLUDED < 40**4
    assert (await library.refused(find))[0] is Code.BAD_QUERY


async def test_a_query_whose_joins_multiply_is_stopped(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "many.db", secret=b"secret", time_limit=0.5)
    shop = Shop(store)
    everybody = members(*(f"x{number}" for number in range(40)))
    for number in range(40):
        await shop.change("Person", f"x{number}", friends=everybody)
    path = "friends." * 8
    count = Find(class_name="Person", limit=1, outputs=(Output("n", Aggregated(Aggregate.COUNT, Column(path + ID))),))
    some = Find(class_name="Person", limit=1, where=Comparison(Column(path + ID), Op.LIKE, Literal("%nobody%")))
    for find in (count, some):
        started = time.monotonic()
        assert (await shop.refused(find))[0] is Code.TIMEOUT
        assert time.monotonic() - started < 30
    await store.close()


# what stands in a field


async def test_a_pointer_is_followed_to_its_object(library: Shop) -> None:
    answer = await library.do(
        FindRelated(class_name="Book", id="b1", field="by", limit=10, select=("name",), exact=True)
    )
    assert (answer.object, answer.objects, answer.class_name) == ({"name": "ann"}, None, "Person")
    for known in ("b2", "b4"):
        answer = await library.do(FindRelated(class_name="Book", id=known, field="by", limit=10))
        assert (answer.object, answer.objects, answer.class_name) == (None, None, "Person")
    unmet = FindRelated(class_name="Book", id="b1", field="by", limit=10, where=Condition("name", Op.EQ, "bob"))
    assert (await library.do(unmet)).object is None


async def test_a_relation_is_a_page_of_its_members(library: Shop) -> None:
    def fans(**more: Any) -> FindRelated:
        return FindRelated(class_name="Book", id="b3", field="fans", **more)

    assert ids((await library.do(fans(limit=10))).objects or []) == ["ann", "bob", "cid", "dot"]
    page = fans(limit=2, skip=1, order=(Sort("name", descending=True),), where=Condition("name", Op.NE, "cid"))
    assert ids((await library.do(page)).objects or []) == ["bob", "ann"]
    shown = await library.do(fans(limit=1, include=("friends",), members=3, select=("name",), exact=True))
    assert shown.objects is not None
    assert shown.objects[0].keys() == {"name", "friends"}
    empty = await library.do(FindRelated(class_name="Book", id="b4", field="fans", limit=10))
    assert (empty.objects, empty.object, empty.class_name) == ([], None, "Person")


# what is computed of one object


async def test_values_are_computed_of_one_object_as_of_several(library: Shop) -> None:
    outputs = (
        Output("writer", Column("by.name")),
        Output("twice", Arithmetic("*", Column("pages"), Literal(2))),
        Output("a", JsonPath("meta", ("a",))),
    )
    found = await one(library, "b1", outputs=outputs, select=("title",), exact=True)
    assert found == {"title": "One", "writer": "ann", "twice": 2, "a": None}
    found = await one(library, "b2", outputs=outputs, nulls=True)
    assert (found["a"], found["writer"], found["title"]) == (1, None, "Two")
    found = await one(library, "b3", outputs=outputs, include=("by",), members=1)
    assert (found["by"].fields["name"], found["writer"], found["twice"]) == ("bob", "bob", None)
    code, details = await library.refused(Get(class_name="Book", id="b9", outputs=outputs))
    assert (code, details) == (Code.OBJECT_NOT_FOUND, {"class_name": "Book", "id": "b9"})
    code, _ = await library.refused(Get(class_name="Nope", id="b1", outputs=outputs))
    assert code is Code.CLASS_NOT_FOUND


async def test_one_object_has_neither_groups_nor_a_value_of_several_members(library: Shop) -> None:
    for value in (Aggregated(Aggregate.COUNT, Column(ID)), Column("fans.name")):
        code, _ = await library.refused(Get(class_name="Book", id="b3", outputs=(Output("x", value),)))
        assert code is Code.BAD_QUERY
    await library.change("Book", "b6", fans=members("cid"))
    assert (await one(library, "b6", outputs=(Output("x", Column("fans.name")),)))["x"] == "cid"


async def test_values_are_computed_of_what_stands_in_a_field(library: Shop) -> None:
    def related(known: str, field: str, value: Expression, **more: Any) -> FindRelated:
        outputs = (Output("x", value),)
        return FindRelated(class_name="Book", id=known, field=field, limit=9, outputs=outputs, exact=True, **more)

    answer = await library.do(related("b1", "by", Arithmetic("+", Column("age"), Literal(1)), select=()))
    assert answer.object == {"x": 4}
    answer = await library.do(related("b3", "fans", Column("name"), select=(), order=(Sort("x", descending=True),)))
    assert answer.objects == [{"x": name} for name in ("dot", "cid", "bob", "ann")]
    assert (await library.do(related("b3", "fans", COUNTED, select=()))).objects == [{"x": 4}]
    assert (await library.do(related("b4", "by", Column("name")))).object is None
    await library.update("Person", "ann", friends=members("bob"))
    code, _ = await library.refused(related("b1", "by", Column("friends.name")))
    assert code is Code.BAD_QUERY


REFUSED: dict[str, tuple[Operation, Code]] = {
    "no class": (FindRelated(class_name="Nope", id="b1", field="by", limit=1), Code.CLASS_NOT_FOUND),
    "no column": (FindRelated(class_name="Book", id="b1", field="nope", limit=1), Code.NO_SUCH_COLUMN),
    "no relation": (FindRelated(class_name="Book", id="b1", field="title", limit=1), Code.NO_SUCH_COLUMN),
    "a system field": (FindRelated(class_name="Book", id="b1", field=ID, limit=1), Code.NO_SUCH_COLUMN),
    "no object": (FindRelated(class_name="Book", id="b9", field="fans", limit=1), Code.OBJECT_NOT_FOUND),
    "a negative page": (FindRelated(class_name="Book", id="b3", field="fans", limit=-1), Code.BAD_QUERY),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_cannot_be_followed(library: Shop, case: str) -> None:
    op, code = REFUSED[case]
    assert (await library.refused(op))[0] is code


async def test_a_column_of_a_class_that_has_no_objects_yet_is_empty(shop: Shop) -> None:
    pointers = AddRelation((Pointer("Later", "l1"),))
    await shop.change("Book", "b1", to=Set(Pointer("Later", "l1")), all=pointers)
    assert (await shop.do(FindRelated(class_name="Book", id="b1", field="to", limit=1))).object is None
    assert (await shop.do(FindRelated(class_name="Book", id="b1", field="all", limit=1))).objects == []
    shown = (await shop.do(Get(class_name="Book", id="b1", include=("to", "all"), members=3))).object or {}
    assert (shown["to"], shown["all"]) == (None, [])


# fields that a class hides


def computed(value: Expression, **more: Any) -> Find:
    return Find(class_name="Note", limit=9, outputs=(Output("x", value),), **more)


SECRET = Comparison(Column("by.code"), Op.EQ, Literal(42))
SHOWS: dict[str, Operation] = {
    "a value": computed(Column("by.code")),
    "a value inside": computed(JsonPath("by.code", ("a",))),
    "a path that goes through it": computed(Column("by.boss.name")),
    "an aggregate": computed(Aggregated(Aggregate.MAX, Column("by.code"))),
    "groups": Find(class_name="Note", limit=9, group_by=("by.code",)),
    "different rows": Find(class_name="Note", limit=9, select=("by.code",), distinct=True),
    "different rows of its class": Find(class_name="Agent", limit=9, select=("code",), distinct=True),
    "an order of groups": Find(class_name="Agent", limit=9, group_by=(ID,), order=(Sort("code"),)),
    "an order of objects by a path": Find(class_name="Note", limit=9, order=(Sort("by.code"),)),
    "an order by an aggregate": Find(
        class_name="Agent",
        limit=9,
        group_by=("name",),
        order=(Sort("max", value=Aggregated(Aggregate.MAX, Column("code"))),),
    ),
    "a condition on groups": Find(
        class_name="Agent",
        limit=9,
        group_by=("name",),
        having=Comparison(Aggregated(Aggregate.MAX, Column("code")), Op.GT, Literal(1)),
    ),
    "a comparison": Find(class_name="Note", limit=9, where=SECRET),
    "a value of members": computed(Column("all.code")),
    "what is hidden of some": computed(Column("by.hidden_of_some")),
    "what is behind a pointer that is hidden of some": computed(Column("by.friend.name")),
    "a value of one object": Get(class_name="Note", id="n1", outputs=(Output("x", Column("by.code")),)),
    "a value of the object itself": Get(class_name="Agent", id="a1", outputs=(Output("x", Column("code")),)),
    "a value of what is in a field": FindRelated(
        class_name="Note", id="n1", field="by", limit=1, outputs=(Output("x", Column("code")),)
    ),
    "an aggregate of what is in a field": FindRelated(
        class_name="Note",
        id="n1",
        field="all",
        limit=1,
        outputs=(Output("x", Aggregated(Aggregate.MAX, Column("code"))),),
    ),
    "a pointer that is hidden": FindRelated(class_name="Agent", id="a1", field="boss", limit=1),
}


@pytest.mark.parametrize("case", SHOWS)
async def test_no_row_shows_a_hidden_field(tmp_path: Path, case: str) -> None:
    protected = Protected(everybody=("code", "boss"), fields={"user": ("hidden_of_some", "friend")})
    settings = {"test": AppSettings(classes={"Agent": ClassSettings(protected=protected)})}
    store = await SqliteStore.open(tmp_path / "agents.db", secret=b"secret", apps=settings)
    shop = Shop(store)
    master = shop.of(Caller("test", master=True))
    agent = {
        "code": 42,
        "boss": Pointer("Agent", "a1"),
        "name": "n",
        "hidden_of_some": 1,
        "friend": Pointer("Agent", "a1"),
    }
    await master.create("Agent", "a1", **agent)
    await master.change("Note", "n1", by=Set(Pointer("Agent", "a1")), all=AddRelation((Pointer("Agent", "a1"),)))
    code, _ = await shop.refused(SHOWS[case])
    assert code in (Code.FORBIDDEN, Code.NO_SUCH_COLUMN)
    await master.do(SHOWS[case])
    for more in ({"include": ("by", "all")}, {"depth": 2}):
        shown = (await shop.do(Get(class_name="Note", id="n1", members=5, nulls=True, **more))).object or {}
        for object_ in (shown["by"], *shown["all"]):
            assert {"code", "boss"}.isdisjoint(object_.fields)
    followed = await shop.do(FindRelated(class_name="Note", id="n1", field="by", limit=1, nulls=True))
    assert {"code", "boss"}.isdisjoint(followed.object or {})
    await store.close()
