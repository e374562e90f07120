"""Objects in the store: what operations answer, and what they refuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Code
from gateway.model.operation import Batch, Caller, Create, Delete, Find, Get, Operation, Result, ServerTime, Update
from gateway.model.query import (
    And,
    Condition,
    Filter,
    Near,
    Not,
    Op,
    Or,
    Regex,
    RelatedTo,
    Sort,
    Subquery,
)
from gateway.model.update import AddRelation, Increment, Set, Unset
from gateway.model.values import (
    ACL,
    CREATED_AT,
    ID,
    OWNER,
    UPDATED_AT,
    Date,
    Fields,
    GeoPoint,
    Object,
    Pointer,
    Reference,
    Relation,
    Value,
)
from gateway.store.sqlite import SqliteStore
from tests.store.conftest import Shop


async def test_ids_are_24_hexadecimal_digits_that_begin_with_the_time(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "a.db", secret=b"", now_ms=lambda: 1_700_000_000_123)
    known = await Shop(store).create("Post")
    await store.close()
    assert len(known) == 24
    assert known.startswith(f"{1_700_000_000:08x}")


async def test_times_of_an_object_are_equal_first_and_every_update_is_later(tmp_path: Path) -> None:
    times = iter([2000, 2000, 3000, 1000, 1000])
    store = await SqliteStore.open(tmp_path / "a.db", secret=b"", now_ms=lambda: next(times))
    shop = Shop(store)
    made = await shop.do(Create(class_name="Post", changes={}))
    assert made.created_at == made.updated_at == Date.from_ms(2000)
    updated = [await shop.do(Update(class_name="Post", id=made.id or "", changes={})) for _ in range(2)]
    await store.close()
    # what is equal to the time of its making was never updated
    assert [answer.updated_at for answer in updated] == [Date.from_ms(3000), Date.from_ms(3001)]
    assert [answer.created_at for answer in updated] == [Date.from_ms(2000)] * 2


async def test_server_time(shop: Shop) -> None:
    before = Date.now()
    moment = (await shop.do(ServerTime())).moment
    assert moment is not None
    assert before <= moment <= Date.now()


# refusals

MATCHES_NOTHING = Condition("n", Op.EQ, 99)

REFUSED: dict[str, tuple[Operation, Code, Mapping[str, str]]] = {
    "get: no class": (Get(class_name="Nope", id="x"), Code.CLASS_NOT_FOUND, {"class_name": "Nope"}),
    "get: no object": (Get(class_name="Post", id="x"), Code.OBJECT_NOT_FOUND, {"class_name": "Post", "id": "x"}),
    "get: a bad class": (Get(class_name="a b", id="x"), Code.BAD_CLASS_NAME, {"class_name": "a b"}),
    "find: no class": (Find(class_name="Nope", limit=1), Code.CLASS_NOT_FOUND, {"class_name": "Nope"}),
    "find: classes have cases": (Find(class_name="post", limit=1), Code.CLASS_NOT_FOUND, {"class_name": "post"}),
    "find: a negative limit": (Find(class_name="Post", limit=-1), Code.BAD_QUERY, {}),
    "find: a negative skip": (Find(class_name="Post", limit=1, skip=-1), Code.BAD_QUERY, {}),
    "find: redirected by a number": (
        Find(class_name="Post", limit=1, redirect_key="n"),
        Code.BAD_QUERY,
        {"field": "n"},
    ),
    "find: an access control list": (
        Find(class_name="Post", limit=1, where=Condition(ACL, Op.EXISTS, value=True)),
        Code.BAD_QUERY,
        {"field": ACL},
    ),
    "find: a bad field": (
        Find(class_name="Post", limit=1, where=Condition("a'b", Op.EQ, 1)),
        Code.BAD_FIELD_NAME,
        {"field": "a'b"},
    ),
    "find: a bad key": (Find(class_name="Post", limit=1, order=(Sort("a'b"),)), Code.BAD_FIELD_NAME, {"field": "a'b"}),
    "find: includes too deep": (Find(class_name="Post", limit=1, include=("a" + ".a" * 10,)), Code.BAD_QUERY, {}),
    "create: a bad class": (Create(class_name="a;b", changes={}), Code.BAD_CLASS_NAME, {"class_name": "a;b"}),
    "create: an empty id": (Create(class_name="Post", changes={}, id=""), Code.MISSING_ID, {"class_name": "Post"}),
    "create: a taken id": (
        Create(class_name="Post", changes={}, id="p1"),
        Code.DUPLICATE_VALUE,
        {"class_name": "Post", "field": ID, "id": "p1"},
    ),
    "update: no class": (Update(class_name="Nope", id="x", changes={}), Code.CLASS_NOT_FOUND, {"class_name": "Nope"}),
    "update: no object": (
        Update(class_name="Post", id="x", changes={}, where=MATCHES_NOTHING),
        Code.OBJECT_NOT_FOUND,
        {"class_name": "Post", "id": "x"},
    ),
    "update: not as it should be": (
        Update(class_name="Post", id="p1", changes={}, where=MATCHES_NOTHING),
        Code.CONDITION_FAILED,
        {"class_name": "Post", "id": "p1"},
    ),
    "delete: no class": (Delete(class_name="Nope", ids=("x",)), Code.CLASS_NOT_FOUND, {"class_name": "Nope"}),
    "delete: no object": (
        Delete(class_name="Post", ids=("x", "y")),
        Code.OBJECT_NOT_FOUND,
        {"class_name": "Post", "id": "x"},
    ),
    "delete: not as it should be": (
        Delete(class_name="Post", ids=("p1",), where=MATCHES_NOTHING),
        Code.CONDITION_FAILED,
        {"class_name": "Post", "id": "p1"},
    ),
    "an operation of another kind": (Operation(), Code.UNSUPPORTED, {}),
    "batch: a batch in it": (Batch(items=(Batch(items=()),)), Code.BAD_BATCH, {}),
    "batch: too few names": (Batch(items=(ServerTime(), ServerTime()), names=("a",)), Code.BAD_BATCH, {}),
    "batch: too long": (Batch(items=(ServerTime(),) * 1001), Code.BAD_BATCH, {}),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_refusals(shop: Shop, case: str) -> None:
    await shop.create("Post", "p1", n=1)
    op, code, details = REFUSED[case]
    assert await shop.refused(op) == (code, details)
    assert await shop.store.schema() == {"Post": {"n": "Number"}}


def deep(levels: int) -> Filter:
    return Not(deep(levels - 1)) if levels else Condition("n", Op.EQ, 1)


def inside_out(levels: int) -> Subquery:
    return Subquery("Post", Condition("p", Op.IN, inside_out(levels - 1)) if levels else None)


LARGE: dict[str, tuple[Filter, Code | None]] = {
    "30 inside each other": (deep(30), None),
    "31 inside each other": (deep(31), Code.BAD_QUERY),
    "30 subqueries inside each other": (Condition("p", Op.IN, inside_out(31)), Code.BAD_QUERY),
    "1000 conditions": (Or(tuple(Condition("n", Op.EQ, n) for n in range(1000))), None),
    "1001 conditions": (And(tuple(Condition("n", Op.NE, n) for n in range(1001))), Code.BAD_QUERY),
    "1001 to contain": (Condition("l", Op.ALL, list(range(1001))), Code.BAD_QUERY),
    "1001 objects to be among": (Condition("o", Op.IN, [{"a": n} for n in range(1001)]), Code.BAD_QUERY),
    "100000 numbers to be among": (Condition("n", Op.IN, list(range(100_000))), None),
    "100000 mixed values to be among": (Condition("l", Op.NOT_IN, [*range(50_000), *map(str, range(50_000))]), None),
    "a number of 400 digits": (Condition("n", Op.LT, 10**400), Code.BAD_VALUE),
    "half a surrogate pair": (Condition("s", Op.EQ, "\ud800"), Code.BAD_VALUE),
    "a path of 101 parts": (Condition("o" + ".a" * 101, Op.EQ, 1), Code.BAD_QUERY),
    "a path of 5 numbers": (Condition("o.0.1.2.3.4", Op.EQ, 1), Code.BAD_QUERY),
    "an IN without a list": (Condition("n", Op.IN, 1), Code.BAD_QUERY),
    "a size that is none": (Condition("l", Op.SIZE, True), Code.BAD_QUERY),
    "an order of lists": (Condition("l", Op.LT, [1]), Code.BAD_QUERY),
    "an area that is none": (Condition("loc", Op.WITHIN, 5), Code.BAD_QUERY),
    "a pattern that is none": (Condition("s", Op.REGEX, "x"), Code.BAD_QUERY),
    "a pattern that RE2 lacks": (Condition("s", Op.REGEX, Regex("(?=x)")), Code.BAD_QUERY),
    "an option that is none": (Condition("s", Op.REGEX, Regex("x", "u")), Code.BAD_QUERY),
}


@pytest.mark.parametrize("case", LARGE)
async def test_the_size_of_a_query_is_bounded(shop: Shop, case: str) -> None:
    await shop.create("Post", n=1, l=[1], o={"a": 1}, s="s", p=Pointer("Post", "x"), loc=GeoPoint(1, 2))
    where, code = LARGE[case]
    find = Find(class_name="Post", limit=1, where=where, count=True)
    if code is None:
        await shop.do(find)
    else:
        assert (await shop.refused(find))[0] is code


# pages


async def test_a_page_and_the_count_of_all(shop: Shop) -> None:
    for n in range(5):
        await shop.create("Post", f"p{n}", n=n)
    big = Condition("n", Op.GE, 1)
    find = Find(class_name="Post", limit=2, skip=1, where=big, order=(Sort("n", descending=True),), count=True)
    found = await shop.do(find)
    assert [fields[ID] for fields in found.objects or []] == ["p3", "p2"]
    assert found.total == 4
    only_count = await shop.do(replace(find, limit=0))
    assert (only_count.objects, only_count.total) == ([], 4)
    assert (await shop.do(replace(find, skip=100))).objects == []
    assert await shop.ids("Post") == ["p0", "p1", "p2", "p3", "p4"]


async def test_near_sorts_by_distance_unless_an_order_is_asked_for(shop: Shop) -> None:
    for known, latitude in (("far", 30), ("near", 1), ("mid", 10)):
        await shop.create("Place", known, at=GeoPoint(latitude, 0), n=latitude, all=[GeoPoint(latitude, 5), 3])
    await shop.create("Place", "nowhere")
    for field in ("at", "all"):
        near = And((Condition("n", Op.NE, 99), Condition(field, Op.NEAR, Near(GeoPoint(0, 0)))))
        assert await shop.ids("Place", near) == ["near", "mid", "far"]
        found = await shop.do(Find(class_name="Place", limit=9, where=near, order=(Sort("n", descending=True),)))
        assert [fields[ID] for fields in found.objects or []] == ["far", "mid", "near"]


async def test_redirected_to_the_class_of_a_field(shop: Shop) -> None:
    await shop.create("User", "u1")
    await shop.create("User", "u2")
    known = await shop.change("Post", likes=AddRelation((Pointer("User", "u2"),)), by=Set(Pointer("User", "u1")))
    found = await shop.do(
        Find(class_name="Post", limit=9, where=RelatedTo(Pointer("Post", known), "likes"), redirect_key="likes")
    )
    assert ([fields[ID] for fields in found.objects or []], found.class_name) == (["u2"], "User")
    assert (await shop.do(Find(class_name="Post", limit=9, redirect_key="by"))).class_name == "User"


# which part of an object

WHOLE: dict[str, Value] = {
    "a": 1,
    "o": {"x": {"y": 1, "z": 2}, "w": 3},
    "l": [{"x": 1, "y": 2}, 5],
    "by": Pointer("U", "u1"),
}
USER = Object("U", {ID: "u1", "name": "bob", "age": 7, "boss": Pointer("U", "u2")})

PARTS: dict[str, tuple[dict[str, Any], dict[str, Value]]] = {
    "all": ({}, WHOLE),
    "one": ({"select": ("a", "unknown")}, {"a": 1}),
    "none": ({"select": ()}, {}),
    "a path": ({"select": ("o.x.y",)}, {"o": {"x": {"y": 1}}}),
    "a path through a list": ({"select": ("l.x",)}, {"l": [{"x": 1}, 5]}),
    "a whole wins over a path": ({"select": ("o.w", "o")}, {"o": WHOLE["o"]}),
    "without one": ({"exclude": ("o", "l", "by")}, {"a": 1}),
    "without a path": ({"exclude": ("o.x.y", "l.y", "by", "a")}, {"o": {"x": {"z": 2}, "w": 3}, "l": [{"x": 1}, 5]}),
    "an included one": ({"include": ("by",), "select": ("by",)}, {"by": USER}),
    "a part of an included one": (
        {"include": ("by",), "select": ("by.name",)},
        {"by": Object("U", {ID: "u1", "name": "bob"})},
    ),
    "an included one without a part": (
        {"include": ("by",), "select": ("by",), "exclude": ("by.age", "by.boss")},
        {"by": Object("U", {ID: "u1", "name": "bob"})},
    ),
}


def told(value: Value) -> Value:
    """Without the times of objects."""
    if isinstance(value, Object):
        return Object(value.class_name, told(value.fields))
    if isinstance(value, dict):
        return {key: told(part) for key, part in value.items() if key not in (CREATED_AT, UPDATED_AT, OWNER)}
    return [told(part) for part in value] if isinstance(value, list) else value


async def get_and_found(shop: Shop, class_name: str, known: str, **parts: Any) -> Fields:
    """What a Get answers, which a Find must answer as well."""
    fields = (await shop.do(Get(class_name=class_name, id=known, **parts))).object
    found = await shop.do(Find(class_name=class_name, limit=9, where=Condition(ID, Op.EQ, known), **parts))
    assert found.objects == [fields]
    assert fields is not None
    assert {ID, CREATED_AT, UPDATED_AT, OWNER} <= fields.keys()
    shown: Fields = told(fields)
    del shown[ID]
    return shown


@pytest.mark.parametrize("case", PARTS)
async def test_select_and_exclude(shop: Shop, case: str) -> None:
    await shop.create("U", "u1", name="bob", age=7, boss=Pointer("U", "u2"))
    await shop.create("Post", "p1", **WHOLE)
    parts, expected = PARTS[case]
    assert await get_and_found(shop, "Post", "p1", **parts) == expected


async def test_access_control_lists_are_told_on_demand_and_can_be_left_out(shop: Shop) -> None:
    known = await shop.change("Post", None, **{ACL: Set({"u1": {"read": True}}), "n": Set(1)})
    assert (await shop.refused(Get(class_name="Post", id=known)))[0] is Code.OBJECT_NOT_FOUND
    shop = shop.of(Caller("test", master=True))
    assert await get_and_found(shop, "Post", known) == {ACL: {"u1": {"read": True}}, "n": 1}
    assert await get_and_found(shop, "Post", known, select=()) == {ACL: {"u1": {"read": True}}}
    assert await get_and_found(shop, "Post", known, with_acl=False) == {"n": 1}
    assert await get_and_found(shop, "Post", known, exclude=(ACL,)) == {"n": 1}
    await shop.update("Post", known, **{ACL: Set(None)})
    assert await get_and_found(shop, "Post", known) == {"n": 1}


# objects in the place of pointers


def user(known: str, **fields: Value) -> Object:
    return Object("User", {ID: known, **fields, "friends": Relation("User")})


POST: dict[str, Value] = {
    "by": Pointer("User", "u1"),
    "lost": Pointer("User", "gone"),
    "list": [Pointer("User", "u2"), Pointer("User", "gone"), 5, {"who": Pointer("User", "u1")}],
    "o": {"p": Pointer("User", "u2"), "q": Pointer("User", "u2"), "r": {"s": Pointer("User", "gone")}},
    "n": 1,
}
U1, U2 = user("u1", name="ann", boss=Pointer("User", "u2")), user("u2", name="bob", boss=Pointer("User", "u1"))

INCLUDES: dict[str, tuple[tuple[str, ...], dict[str, Value]]] = {
    "a pointer": (("by",), {"by": U1}),
    "a pointer below a pointer includes both": (
        ("by.boss",),
        {"by": user("u1", name="ann", boss=user("u2", name="bob", boss=Pointer("User", "u1")))},
    ),
    "in a circle": (("by.boss.boss",), {"by": user("u1", name="ann", boss=user("u2", name="bob", boss=U1))}),
    "a missing one": (("lost",), {"lost": None}),
    "a list": (("list",), {"list": [U2, 5, {"who": Pointer("User", "u1")}]}),
    "below a list": (("list.who",), {"list": [U2, 5, {"who": U1}]}),
    "below an object": (("o.p", "o.r.s"), {"o": {"p": U2, "q": Pointer("User", "u2"), "r": {}}}),
    "two places ask for different things": (
        ("o.p.boss", "o.q"),
        {"o": {"p": user("u2", name="bob", boss=U1), "q": U2, "r": POST["o"]["r"]}},
    ),
    "no pointer": (("n", "n.x", "unknown", "likes"), {}),
    "everything": (("*",), {"by": U1, "lost": None, "list": [U2, 5, {"who": Pointer("User", "u1")}]}),
}


@pytest.mark.parametrize("case", INCLUDES)
async def test_includes(shop: Shop, case: str) -> None:
    await shop.change("User", "u1", name=Set("ann"), boss=Set(Pointer("User", "u2")))
    friends = AddRelation((Pointer("User", "u1"),))
    await shop.change("User", "u2", name=Set("bob"), boss=Set(Pointer("User", "u1")), friends=friends)
    await shop.create("Post", "p1", **POST)
    paths, expected = INCLUDES[case]
    after = {name: value for name, value in {**POST, **expected}.items() if value is not None}
    assert await get_and_found(shop, "Post", "p1", include=paths) == after


# several


async def test_a_batch_answers_every_item_in_its_place(shop: Shop) -> None:
    await shop.create("Post", "p1", n=1)
    answer = await shop.do(
        Batch(
            items=(
                Create(class_name="Post", id="p2", changes={"n": Set(2)}),
                Create(class_name="Post", id="p2", changes={"n": Set(3)}),
                Update(
                    class_name="Post", id="p2", changes={"n": Increment(5), "bad": Set(1), "worse": Set(float("nan"))}
                ),
                Update(class_name="Post", id="p1", changes={"n": Increment(5)}),
                Find(class_name="Post", limit=9, select=("n",)),
                Delete(class_name="Post", ids=("p1",)),
                Get(class_name="Post", id="p1"),
            )
        )
    )
    assert answer.items is not None
    codes = [None if isinstance(item, Result) else item.code for item in answer.items]
    assert codes == [None, Code.DUPLICATE_VALUE, Code.BAD_VALUE, None, None, None, Code.OBJECT_NOT_FOUND]
    updated, found = answer.items[3], answer.items[4]
    assert isinstance(updated, Result)
    assert isinstance(found, Result)
    assert updated.object == {"n": 6}
    assert [fields["n"] for fields in found.objects or []] == [6, 2]
    assert await shop.store.schema() == {"Post": {"n": "Number"}}


async def test_an_atomic_batch_does_all_or_nothing(shop: Shop) -> None:
    items = (
        Create(class_name="Post", id="p1", changes={"n": Set(1)}),
        Create(class_name="New", changes={"x": Set(1)}),
        Update(class_name="Post", id="p1", changes={"n": Set("text")}),
    )
    assert (await shop.refused(Batch(items=items, atomic=True)))[0] is Code.TYPE_MISMATCH
    assert await shop.store.schema() == {}
    done = await shop.do(Batch(items=items[:2], atomic=True))
    assert [isinstance(item, Result) for item in done.items or []] == [True, True]
    assert await shop.get("Post", "p1") == {"n": 1}


async def test_items_of_a_batch_refer_to_objects_that_earlier_ones_made(shop: Shop) -> None:
    await shop.create("User", "u1")
    author, fan = Reference("author", "User"), Reference("fan", "User")
    answer = await shop.do(
        Batch(
            items=(
                Create(class_name="User", changes={}),
                Get(class_name="User", id="u1"),
                Create(
                    class_name="Post",
                    id="p1",
                    changes={"by": Set(author), "o": Set({"l": [author]}), "fans": AddRelation((fan, author))},
                ),
                Create(class_name="Post", id="p2", changes={"by": Set(Reference("later", "User"))}),
            ),
            names=("author", "fan", None, "later"),
        )
    )
    assert answer.items is not None
    made, _, _, refused = answer.items
    assert isinstance(made, Result)
    known = made.id or ""
    assert await shop.get("Post", "p1") == {
        "by": Pointer("User", known),
        "o": {"l": [Pointer("User", known)]},
        "fans": Relation("User"),
    }
    assert set(await shop.ids("User", RelatedTo(Pointer("Post", "p1"), "fans"))) == {known, "u1"}
    assert not isinstance(refused, Result)
    assert (refused.code, dict(refused.details)) == (Code.BAD_BATCH, {"name": "later"})


async def test_deleting_several_deletes_those_that_are_there_and_match(shop: Shop) -> None:
    for n in range(4):
        await shop.create("Post", f"p{n}", n=n)
    await shop.do(Delete(class_name="Post", ids=("p0", "p1", "p3", "gone"), where=Condition("n", Op.LT, 3)))
    assert await shop.ids("Post") == ["p2", "p3"]


async def test_an_object_made_again_is_in_no_relation_of_the_deleted_one(shop: Shop) -> None:
    await shop.create("User", "u1")
    await shop.change("Post", "p1", likes=AddRelation((Pointer("User", "u1"),)))
    await shop.change("Post", "p2", likes=AddRelation((Pointer("User", "u1"),)))
    await shop.do(Delete(class_name="Post", ids=("p1",)))
    await shop.create("Post", "p1")
    likes = Condition("likes", Op.EQ, Pointer("User", "u1"))
    assert await shop.ids("Post", likes) == ["p2"]
    await shop.do(Delete(class_name="User", ids=("u1",)))
    await shop.create("User", "u1")
    assert await shop.ids("Post", likes) == []


async def test_a_refused_write_changes_no_relation(shop: Shop) -> None:
    await shop.store.declare_index("Post", ["slug"], unique=True)
    users = [Pointer("User", await shop.create("User", f"u{n}")) for n in range(2)]
    await shop.change("Post", "p1", slug=Set("a"), likes=AddRelation((users[0],)))
    await shop.create("Post", "p2", slug="b")
    likes = {"likes": AddRelation((users[1],))}
    for op in (
        Create(class_name="Post", id="p1", changes=likes),
        Update(class_name="Post", id="p2", changes={"slug": Set("a"), **likes}),
        Update(class_name="Post", id="p1", changes={"slug": Set("b"), "likes": Unset()}),
    ):
        assert (await shop.refused(op))[0] is Code.DUPLICATE_VALUE
    assert [await shop.ids("Post", Condition("likes", Op.EQ, user)) for user in users] == [["p1"], []]


async def test_classes_that_differ_in_case_only_are_different(shop: Shop) -> None:
    await shop.create("Post", "p1", n=1, N="x")
    await shop.create("post", "p2", n="text")
    assert (await shop.ids("Post"), await shop.ids("post")) == (["p1"], ["p2"])
    assert await shop.store.schema() == {"Post": {"n": "Number", "N": "String"}, "post": {"n": "String"}}
