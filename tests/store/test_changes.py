"""The store agrees with the oracle on what updates do; and what it refuses, and what it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import Code, GatewayError
from gateway.model.definition import CreateClass
from gateway.model.operation import Caller, Create, Find, Get, Returning, Update
from gateway.model.query import Comparison, Condition, Filter, JsonPath, Literal, Op, RelatedTo, Sort, Wildcard
from gateway.model.schema import Field, Kind, Type
from gateway.model.update import (
    Add,
    AddRelation,
    AddUnique,
    BitAnd,
    BitOr,
    BitXor,
    Change,
    Changes,
    EditJson,
    Increment,
    JsonEdit,
    Remove,
    RemoveRelation,
    Set,
    SetOnInsert,
    Several,
    Unset,
)
from gateway.model.values import (
    ACL,
    CREATED_AT,
    ID,
    OWNER,
    UPDATED_AT,
    Date,
    File,
    GeoPoint,
    LineString,
    Object,
    Pointer,
    Polygon,
    Reference,
    Relation,
    Value,
)
from gateway.store.sqlite import SqliteStore
from tests.oracle import Members, changed
from tests.store.conftest import CALLER, Shop

DATE = Date("2026-01-02T03:04:05.678Z")
USER = Pointer("User", "u1")

# generated changes

scalars = st.sampled_from([None, True, False, 0, 1, 1.5, -3, "", "a", "@a", DATE, USER, GeoPoint(1.5, 2.5), b"ab"])
keys = st.sampled_from(["a", "b", "@x", "0"])
values: st.SearchStrategy[Value] = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
    max_leaves=5,
)
items = st.lists(values, max_size=3).map(tuple)
members = st.lists(st.sampled_from([Pointer("User", f"u{n}") for n in range(4)]), min_size=1, max_size=3).map(tuple)
increments = st.builds(Increment, st.sampled_from([1, -2, 0.5, 10**6]))
numeric = st.one_of(increments, *(st.builds(kind, st.integers(0, 255)) for kind in (BitAnd, BitOr, BitXor)))
listing = st.one_of(*(st.builds(kind, items) for kind in (Add, AddUnique, Remove)))


def changes_of(own: st.SearchStrategy[Value], *operators: st.SearchStrategy[Any]) -> st.SearchStrategy[Change]:
    simple = st.one_of(
        st.builds(Set, st.one_of(st.none(), own)), st.just(Unset()), st.builds(SetOnInsert, own), *operators
    )
    return st.one_of(simple, st.lists(simple, max_size=3).map(lambda each: Several(tuple(each))))


# of each column what fits it; below `o` anything, which may not fit what is there
columns: dict[str, st.SearchStrategy[Change]] = {
    "s": changes_of(st.sampled_from(["", "x"])),
    "n": changes_of(st.sampled_from([0, 3, 2**40]), numeric),
    "l": changes_of(st.lists(values, max_size=3), listing),
    "o": changes_of(st.dictionaries(keys, values, max_size=3)),
    "d": changes_of(st.just(DATE)),
    "likes": st.one_of(
        st.builds(AddRelation, members), st.builds(RemoveRelation, members), st.just(Unset()), st.just(Set(None))
    ),
    **{path: changes_of(values, listing, increments) for path in ("o.a", "o.a.b", "o.@x.0", "o.b.a", "l.0", "l.1.a")},
}
changes = st.lists(st.sampled_from(sorted(columns)), max_size=4, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: columns[name] for name in names})
)


class Pair:
    """A store, and a loop to run it on."""

    def __init__(self, path: Path) -> None:
        self.runner = asyncio.Runner()
        self.store = self.runner.run(SqliteStore.open(path, secret=b"secret"))

    def do(self, op: Any) -> Any:
        return self.runner.run(self.store.execute(op, CALLER))

    def close(self) -> None:
        self.runner.run(self.store.close())
        self.runner.close()

    def kept(self, known: str) -> dict[str, Value]:
        fields = dict(self.do(Get(class_name="Post", id=known)).object)
        for name in (ID, CREATED_AT, OWNER, UPDATED_AT):
            del fields[name]
        if fields.pop("likes", None) is not None:
            owner = RelatedTo(Pointer("Post", known), "likes")
            found = self.do(Find(class_name="User", limit=9, where=owner)).objects
            fields["likes"] = {user[ID] for user in found}
        return fields


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    pair = Pair(tmp_path_factory.mktemp("store") / "changes.db")
    for number in range(4):
        pair.do(Create(class_name="User", id=f"u{number}", changes={}))
    whole: dict[str, Change] = {
        "s": Set(""),
        "n": Set(0),
        "l": Set([]),
        "o": Set({}),
        "d": Set(DATE),
        "likes": AddRelation((USER,)),
    }
    pair.do(Create(class_name="Post", changes=whole))
    yield pair
    pair.close()


def as_kept(fields: dict[str, Value]) -> dict[str, Value]:
    """As `Pair.kept` tells it: a relation is on every object, and is what its members are."""
    likes = fields.get("likes")
    return {**fields, "likes": set(likes.ids) if isinstance(likes, Members) else set()}


@given(first=changes, then=st.lists(changes, max_size=3))
@settings(max_examples=600, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_the_store_changes_as_the_oracle_does(pair: Pair, first: Changes, then: list[Changes]) -> None:
    try:
        known = pair.do(Create(class_name="Post", changes=first)).id
    except GatewayError as refusal:
        assert refusal.code in (Code.TYPE_MISMATCH, Code.BAD_VALUE), refusal  # noqa: PT017 (one of two good outcomes)
        return
    expected = changed({}, first, creating=True, lists=["l"])
    assert repr(ordered(pair.kept(known))) == repr(ordered(as_kept(expected)))
    for change in then:
        try:
            pair.do(Update(class_name="Post", id=known, changes=change))
        except GatewayError as refusal:
            assert refusal.code in (Code.TYPE_MISMATCH, Code.BAD_VALUE), refusal  # noqa: PT017 (as above)
        else:
            expected = changed(expected, change, lists=["l"])
        assert repr(ordered(pair.kept(known))) == repr(ordered(as_kept(expected)))


def ordered(value: Value) -> Value:
    """With the keys of objects in order, so that a repr tells 1 from true, and not one order from another."""
    if isinstance(value, dict):
        return {key: ordered(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [ordered(one) for one in value]
    return sorted(value) if isinstance(value, set) else value


# what is refused

MISMATCHES: list[tuple[str, Change, str, str]] = [
    ("s", Set(1), "String", "Number"),
    ("s", Increment(1), "String", "Number"),
    ("s", Add(("x",)), "String", "Array"),
    ("s", AddRelation((USER,)), "String", "Relation<User>"),
    ("n", Set("1"), "Number", "String"),
    ("n", Set(True), "Number", "Boolean"),
    ("b", Set(1), "Boolean", "Number"),
    ("d", Set("2026-01-02T03:04:05.678Z"), "Date", "String"),
    ("p", Set(Pointer("Other", "u1")), "Pointer<User>", "Pointer<Other>"),
    ("p", Set("u1"), "Pointer<User>", "String"),
    ("o", Set([]), "Object", "Array"),
    ("l", Set({}), "Array", "Object"),
    ("likes", AddRelation((Pointer("Post", "p"),)), "Relation<User>", "Relation<Post>"),
    ("likes", Set(1), "Relation<User>", "Number"),
    ("likes", Set(Relation("Post")), "Relation<User>", "Relation<Post>"),
    ("s.x", Set(1), "String", "Object"),
    ("l.x", Set(1), "Array", "Object"),
    ("o.k", Increment(1), "String", "Number"),
    ("o.k.x", Set(1), "String", "Object"),
    ("o.when.x", Set(1), "Date", "Object"),
]


@pytest.mark.parametrize(("field", "change", "expected", "found"), MISMATCHES, ids=lambda part: str(part)[:40])
async def test_a_value_of_another_type_is_refused_and_leaves_nothing(
    shop: Shop, field: str, change: Change, expected: str, found: str
) -> None:
    known = await shop.change(
        "Post",
        s=Set("x"),
        n=Set(1),
        b=Set(True),
        d=Set(DATE),
        p=Set(USER),
        o=Set({"k": "text", "when": DATE}),
        l=Set([1]),
        likes=AddRelation((USER,)),
    )
    before = await shop.get("Post", known)
    refusal = await shop.refused(Update(class_name="Post", id=known, changes={"new": Set(1), field: change}))
    at_fault = field if field.startswith("o.") else field.partition(".")[0]  # the column, or the path inside an object
    details = {"class_name": "Post", "field": at_fault, "expected": expected, "found": found}
    assert refusal == (Code.TYPE_MISMATCH, details)
    assert await shop.get("Post", known) == before
    assert "new" not in (await shop.store.schema())["Post"]


REFUSED: list[tuple[str, Change, Code]] = [
    ("bad-name", Set(1), Code.BAD_FIELD_NAME),
    ("", Set(None), Code.BAD_FIELD_NAME),
    ("naïve", Set(1), Code.BAD_FIELD_NAME),
    ("bad-name.x", Set(1), Code.BAD_FIELD_NAME),
    ("a' OR 1", Set(1), Code.BAD_FIELD_NAME),
    ("o.r", AddRelation((USER,)), Code.BAD_FIELD_NAME),
    ("o" + ".x" * 101, Set(1), Code.BAD_FIELD_NAME),
    (ID, Set("x"), Code.RESERVED_FIELD),
    (CREATED_AT, Set(DATE), Code.RESERVED_FIELD),
    ("@owner", Set("x"), Code.RESERVED_FIELD),
    (ACL, Set("public"), Code.BAD_ACL),
    (ACL, Increment(1), Code.BAD_ACL),
    ("n", Set(float("nan")), Code.BAD_VALUE),
    ("n", Set(10**400), Code.BAD_VALUE),
    ("n", Increment(float("inf")), Code.BAD_VALUE),
    ("n", Several((Set(1.5), BitOr(1))), Code.BAD_VALUE),
    ("o", Set({"a": [float("nan")]}), Code.BAD_VALUE),
    ("o", Set({1: 2}), Code.BAD_NESTED_KEY),
    ("o", Set({"a": ValueError}), Code.BAD_VALUE),
    ("s", Set("\ud800"), Code.BAD_VALUE),
    ("l.5000", Set(1), Code.BAD_VALUE),
    ("p", Set(Pointer("bad class", "x")), Code.BAD_CLASS_NAME),
    ("l", Set([Pointer("a:b", "x")]), Code.BAD_POINTER),
    ("p", Set(Object("User", {})), Code.BAD_POINTER),
    ("p", Set(Reference("a", "User")), Code.BAD_BATCH),
    ("r", AddRelation((Reference("a", "User"),)), Code.BAD_BATCH),
]


@pytest.mark.parametrize(("field", "change", "code"), REFUSED, ids=lambda part: str(part)[:40])
async def test_what_cannot_be_stored_is_refused(shop: Shop, field: str, change: Change, code: Code) -> None:
    await shop.create("Post", l=[1], o={})
    assert (await shop.refused(Create(class_name="Post", changes={"ok": Set(1), field: change})))[0] is code
    assert await shop.store.schema() == {"Post": {"l": "Array", "o": "Object"}}


async def test_an_object_over_16_megabytes_is_refused(shop: Shop) -> None:
    known = await shop.create("Post", text="x" * (16 * 1024 * 1024 - 100))
    too_much = Update(class_name="Post", id=known, changes={"more": Set("x" * 200)})
    assert (await shop.refused(too_much))[0] is Code.OBJECT_TOO_LARGE


# what is answered

ANSWERS: list[tuple[Returning, dict[str, Value] | None]] = [
    (Returning.NOTHING, None),
    (Returning.COMPUTED, {"n": 3, "l": ["a", DATE], "o": {"n": 1, "x": {"y": [1]}}}),
    (
        Returning.CHANGED,
        {
            "n": 3,
            "s": "new",
            "l": ["a", DATE],
            "o": {"k": USER, "n": 1, "x": {"y": [1]}},
            "likes": Relation("User"),
        },
    ),
]


@pytest.mark.parametrize(("returning", "expected"), ANSWERS)
async def test_a_write_answers_what_was_asked_for(
    shop: Shop, returning: Returning, expected: dict[str, Value] | None
) -> None:
    known = await shop.change("Post", n=Set(1), l=Set(["a"]), gone=Set(1), other=Set(2), likes=AddRelation((USER,)))
    changes: Changes = {
        "n": Increment(2),
        "s": Set("new"),
        "l": Add((DATE,)),
        "gone": Unset(),
        "o.k": Set(USER),
        "o.n": Increment(1),
        "o.x.y": AddUnique((1, 1)),
    }
    answer = await shop.do(Update(class_name="Post", id=known, changes=changes, returning=returning))
    assert answer.object == expected


async def test_a_write_can_answer_the_whole_object(shop: Shop) -> None:
    made = await shop.do(
        Create(
            class_name="Post",
            changes={"d": Set(DATE), "n": Increment(5), ACL: Set({"*": {"read": True}}), "r": AddRelation((USER,))},
            returning=Returning.EVERYTHING,
        )
    )
    assert made.object == {
        ID: made.id,
        CREATED_AT: made.created_at,
        UPDATED_AT: made.created_at,
        OWNER: None,
        ACL: {"*": {"read": True}},
        "d": DATE,
        "n": 5,
        "r": Relation("User"),
    }
    whole = (await shop.do(Get(class_name="Post", id=made.id or ""))).object
    assert whole == made.object


async def test_set_on_insert_is_computed_in_a_create_and_nothing_in_an_update(shop: Shop) -> None:
    made = await shop.do(Create(class_name="Post", changes={"d": SetOnInsert(DATE)}))
    assert made.object == {"d": DATE}
    assert await shop.update("Post", made.id or "", d=SetOnInsert(Date.now()), m=SetOnInsert(1)) == {}
    assert await shop.get("Post", made.id or "") == {"d": DATE}


CHEESE = Polygon(
    (GeoPoint(0, 0), GeoPoint(0, 9), GeoPoint(9, 9), GeoPoint(0, 0)),
    ((GeoPoint(1, 2), GeoPoint(1, 3), GeoPoint(2, 3), GeoPoint(1, 2)),),
)
EVERY_TYPE: dict[str, Value] = {
    "null": None,
    "truth": True,
    "whole": 2**60,
    "real": 0.1,
    "text": 'a "quoted" \\ \n\x00 𝄞',
    "date": DATE,
    "bytes": b"\x00\xff",
    "pointer": USER,
    "file": File(name="a.txt", url="http://x/a", id="f1", mime_type="text/plain", metadata={"size": 3}),
    "point": GeoPoint(40, -30.5),
    "line": LineString((GeoPoint(0, 0), GeoPoint(-0.5, 1))),
    "ring": Polygon((GeoPoint(0, 0), GeoPoint(0, 1), GeoPoint(1, 1), GeoPoint(0, 0))),
    "cheese": CHEESE,
    "object": {"@date": "not a date", "@@": {"@": 1}, "": [], "deep": [{"p": USER, "when": DATE, "bin": b"x"}]},
    "list": [None, True, 1, "x", DATE, USER, GeoPoint(1, 2), CHEESE, File(name="b"), Relation("User"), [[]], {}],
}


async def test_every_type_comes_back_as_it_was_written(shop: Shop) -> None:
    known = await shop.create("Post", **EVERY_TYPE)
    assert repr(await shop.get("Post", known)) == repr(EVERY_TYPE)
    assert (await shop.store.schema())["Post"] == {
        "truth": "Boolean",
        "whole": "Number",
        "real": "Number",
        "text": "String",
        "date": "Date",
        "bytes": "Bytes",
        "pointer": "Pointer<User>",
        "file": "File",
        "point": "GeoPoint",
        "line": "LineString",
        "ring": "Polygon",
        "cheese": "Polygon",
        "object": "Object",
        "list": "Array",
    }


async def test_a_column_of_any_json_holds_lists_as_well(shop: Shop) -> None:
    known = await shop.change("Post", o=Set({"k": 1}), l=Set([1]), s=Set("x"))
    await shop.update("Post", known, o=Set([1, {"@a": DATE}], any_json=True), l=Set([2], any_json=True))
    assert await shop.get("Post", known) == {"o": [1, {"@a": DATE}], "l": [2], "s": "x"}
    await shop.update("Post", known, o=EditJson(JsonEdit.ARRAY_APPEND, (((), 5),)))
    assert (await shop.get("Post", known))["o"] == [1, {"@a": DATE}, 5]
    wrong: list[Changes] = [{"o": Set([1])}, {"l": Set({}, any_json=True)}, {"s": Set([1], any_json=True)}]
    for changes in wrong:
        code, _ = await shop.refused(Update(class_name="Post", id=known, changes=changes))
        assert code is Code.TYPE_MISMATCH
    made = await shop.change("Other", new=Set([1], any_json=True))
    assert await shop.get("Other", made) == {"new": [1]}


@pytest.mark.parametrize("value", ["text", 5, 0.5, True, [1, [2]], {"a": 1}])
async def test_a_column_of_any_json_is_asked_for_what_it_holds(shop: Shop, value: Any) -> None:
    known = await shop.create("Post", o={"k": 1})
    await shop.create("Post", o={"k": 2})
    await shop.update("Post", known, o=Set(value, any_json=True))
    assert await shop.get("Post", known) == {"o": value}
    for condition in (Condition("o", Op.EQ, value), Condition("o", Op.IN, [value, "nothing"])):
        found = (await shop.do(Find(class_name="Post", limit=9, where=condition))).objects or []
        assert [fields["o"] for fields in found] == [value]
    found = (await shop.do(Find(class_name="Post", limit=9, where=Condition("o", Op.NE, value)))).objects or []
    assert [fields["o"] for fields in found] == [{"k": 2}]


async def test_what_is_no_json_has_no_place_in_a_column_of_any_json(shop: Shop) -> None:
    known = await shop.create("Post", o={"k": 1}, when=DATE)
    for value in (DATE, GeoPoint(1, 2), b"x"):
        change = Update(class_name="Post", id=known, changes={"o": Set(value, any_json=True)})
        assert (await shop.refused(change))[0] is Code.TYPE_MISMATCH
    change = Update(class_name="Post", id=known, changes={"when": Set("x", any_json=True)})
    assert (await shop.refused(change))[0] is Code.TYPE_MISMATCH


async def test_a_column_of_geometries_holds_points_lines_and_polygons(shop: Shop) -> None:
    fields = {"where": Field(Type(Kind.GEOMETRY))}
    await shop.of(Caller("test", master=True)).do(CreateClass(class_name="Place", fields=fields))
    shapes: dict[str, Value] = {"point": GeoPoint(1.25, 2.5), "line": EVERY_TYPE["line"], "polygon": CHEESE}
    known = {name: await shop.create("Place", where=shape, name=name) for name, shape in shapes.items()}
    nothing = await shop.create("Place", where=None, name="nothing")
    for name, shape in shapes.items():
        assert (await shop.get("Place", known[name]))["where"] == shape
    assert (await shop.store.schema())["Place"]["where"] == "Geometry"

    async def found(condition: Filter) -> list[str]:
        answer = await shop.do(Find(class_name="Place", limit=9, where=condition, order=(Sort("name"),)))
        return [fields["name"] for fields in answer.objects or []]

    for name, shape in shapes.items():
        assert await found(Condition("where", Op.EQ, shape)) == [name]
    assert await found(Condition("where", Op.EQ, None)) == ["nothing"]
    assert await found(Condition("where", Op.WITHIN, Polygon(CHEESE.points))) == ["point"]
    assert await found(Condition("where", Op.WITHIN, CHEESE)) == []
    assert await found(Condition("where", Op.COVERS, GeoPoint(1, 8))) == ["polygon"]
    assert await found(Condition("where", Op.COVERS, GeoPoint(1.25, 2.5))) == []
    assert await found(Comparison(JsonPath("where", (Wildcard.ANY_DEPTH, 0)), Op.EQ, Literal(1.25))) == []
    await shop.update("Place", nothing, where=Set(shapes["line"]))
    for value in ("POINT(1 2)", {"type": "Point"}, 5):
        change = Update(class_name="Place", id=nothing, changes={"where": Set(value)})
        assert (await shop.refused(change))[0] is Code.TYPE_MISMATCH


async def test_an_included_object_that_is_sent_back_is_its_pointer(shop: Shop) -> None:
    sent = Object("User", {ID: "u1", "name": "x"})
    known = await shop.create("Post", by=sent, among=[sent])
    assert await shop.get("Post", known) == {"by": USER, "among": [USER]}


async def test_whole_numbers_beyond_64_bits_become_doubles(shop: Shop) -> None:
    known = await shop.create("Post", n=2**63)
    await shop.update("Post", known, m=Several((Set(2**63 - 1), Increment(1))))
    assert repr(await shop.get("Post", known)) == repr({"n": float(2**63), "m": float(2**63)})


async def test_a_relation_is_a_set_and_shows_on_every_object(shop: Shop) -> None:
    plain = await shop.create("Post")
    users = [Pointer("User", await shop.create("User", f"u{n}")) for n in range(3)]
    known = await shop.change("Post", likes=Several((AddRelation((*users, users[0])), RemoveRelation((users[1],)))))
    assert await shop.get("Post", plain) == await shop.get("Post", known) == {"likes": Relation("User")}
    owner = RelatedTo(Pointer("Post", known), "likes")
    assert await shop.ids("User", owner) == ["u0", "u2"]
    await shop.update("Post", known, likes=Set(Relation("User")))  # as an SDK sends it back: no change
    assert await shop.ids("User", owner) == ["u0", "u2"]
    await shop.update("Post", known, likes=Unset())
    assert await shop.ids("User", owner) == []
