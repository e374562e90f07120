# ruff: noqa: E501 - one condition, one line
"""What untyped operations mean: by the columns of their classes, as a backend behind it gets to see them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from gateway.backends.columns import Columns, Typed
from gateway.errors import Code, GatewayError
from gateway.model.account import SignUp
from gateway.model.definition import Describe, GetSchema
from gateway.model.groups import Level, Step
from gateway.model.operation import (
    Batch,
    Caller,
    CountInGroup,
    Create,
    CreateMany,
    DeepSave,
    Deferred,
    Delete,
    Find,
    FindGroups,
    FindRelated,
    Get,
    NewObject,
    Operation,
    Relate,
    Relating,
    Result,
    Update,
    UpdateMany,
    Upsert,
)
from gateway.model.query import (
    Aggregate,
    Aggregated,
    And,
    Arithmetic,
    Column,
    Comparison,
    Condition,
    Filter,
    Inverse,
    Literal,
    Not,
    Op,
    Or,
    Output,
    Sort,
    Subquery,
)
from gateway.model.schema import ClassSchema, Field, Kind, Type
from gateway.model.update import Compute, EditJson, Increment, JsonEdit, Set
from gateway.model.values import Date, File, GeoPoint, Inline, LineString, Object, Pointer, Polygon, Relation, ResultOf

PERSON: Columns = {
    "name": Type(Kind.STRING),
    "age": Type(Kind.NUMBER),
    "born": Type(Kind.DATE),
    "ok": Type(Kind.BOOLEAN),
    "loc": Type(Kind.GEO_POINT),
    "area": Type(Kind.POLYGON),
    "photo": Type(Kind.FILE),
    "line": Type(Kind.LINE_STRING),
    "shape": Type(Kind.GEOMETRY),
    "json": Type(Kind.OBJECT),
    "list": Type(Kind.ARRAY),
    "address": Type(Kind.POINTER, "Address"),
    "friends": Type(Kind.RELATION, "Person"),
}
ADDRESS: Columns = {"city": Type(Kind.STRING), "since": Type(Kind.DATE), "land": Type(Kind.POINTER, "Land")}
CLASSES: Mapping[str, Columns] = {"Person": PERSON, "Address": ADDRESS, "Land": {"name": Type(Kind.STRING)}}
CALLER = Caller("demo")
DAY, DAY_MS = Date("2015-03-23T00:00:00.000Z"), 1427068800000
RING = (GeoPoint(0, 0), GeoPoint(0, 2), GeoPoint(2, 2), GeoPoint(0, 0))
SMALL = (GeoPoint(0, 0), GeoPoint(0, 1), GeoPoint(1, 1), GeoPoint(0, 0))
LINE = LineString((GeoPoint(0, 1), GeoPoint(3, 2)))


class Table:
    """A backend that keeps what it was asked, and a registry that has learned some classes."""

    def __init__(self, answer: Result | GatewayError | None = None, known: Mapping[str, Columns] = CLASSES) -> None:
        self.answer = answer
        self.asked: list[Operation] = []
        self.looked = 0
        self._known = known

    async def execute(self, op: Operation, caller: Caller) -> Result:
        self.asked.append(op)
        if isinstance(self.answer, GatewayError):
            raise self.answer
        return self.answer or Result()

    async def identify(self, caller: Caller) -> Caller:
        return caller

    async def close(self) -> None:
        pass

    def known(self) -> Mapping[str, Columns]:
        return self._known

    def outdated(self) -> None:
        pass

    async def learned(self, class_names: Iterable[str] = ()) -> Mapping[str, Columns]:
        self.looked += 1
        return CLASSES


async def typed(op: Operation, *, dynamic: bool = True) -> Any:
    """The operation, as a backend would get it."""
    table = Table(Result(items=[Result() for _ in op.items]) if isinstance(op, Batch) else None)
    await Typed(table, table, dynamic=dynamic).execute(op, CALLER)
    (asked,) = table.asked
    return asked


async def refused(op: Operation, *, dynamic: bool = True) -> GatewayError:
    table = Table()
    with pytest.raises(GatewayError) as error:
        await Typed(table, table, dynamic=dynamic).execute(op, CALLER)
    assert table.asked == []
    return error.value


# --- what a write sets ---

SETS: tuple[tuple[str, Any, Any], ...] = (
    ("name", "x", "x"),
    ("name", None, None),
    ("name", ResultOf("a"), ResultOf("a")),
    ("age", 1.5, 1.5),
    ("born", DAY_MS, DAY),
    ("born", float(DAY_MS), DAY),
    ("born", "2015-03-23T00:00:00.000Z", DAY),
    ("born", "23-Mar-2015", DAY),
    ("born", DAY, DAY),
    ("ok", True, True),
    ("loc", GeoPoint(1, 2), GeoPoint(1, 2)),
    ("loc", "POINT(2 1)", GeoPoint(1, 2)),
    ("area", "POLYGON((0 0, 2 0, 2 2, 0 0))", Polygon(RING)),
    ("area", "POLYGON((0 0, 2 0, 2 2, 0 0), (0 0, 1 0, 1 1, 0 0))", Polygon(RING, (SMALL,))),
    ("line", "LINESTRING(1 0, 2 3)", LINE),
    ("line", LINE, LINE),
    ("shape", "LINESTRING(1 0, 2 3)", LINE),
    ("shape", "POINT(2 1)", GeoPoint(1, 2)),
    ("photo", "https://x/y/a%20b.png", File(name="a b.png", url="https://x/y/a%20b.png")),
    ("json", {"a": 1}, {"a": 1}),
    ("json", GeoPoint(1, 2), {"type": "Point", "coordinates": [2, 1]}),
    ("json", LINE, {"type": "LineString", "coordinates": [[1, 0], [2, 3]]}),
    ("list", [1], [1]),
    ("new", "text", "text"),
    ("new", GeoPoint(1, 2), GeoPoint(1, 2)),
)


@pytest.mark.parametrize(("field", "value", "expected"), SETS)
async def test_a_bare_value_is_what_its_column_holds(field: str, value: Any, expected: Any) -> None:
    changes, wanted = {field: Set(value)}, {field: Set(expected)}
    assert (await typed(Create(class_name="Person", changes=changes, untyped=True))).changes == wanted
    assert (await typed(Update(class_name="Person", id="x", changes=changes, untyped=True))).changes == wanted
    assert (await typed(Upsert(class_name="Person", changes=changes, untyped=True))).changes == wanted
    assert (await typed(UpdateMany(class_name="Person", changes=changes, untyped=True))).changes == wanted
    many = await typed(CreateMany(class_name="Person", objects=(NewObject(changes, "x"),), untyped=True))
    assert many.objects == (NewObject(wanted, "x"),)


@pytest.mark.parametrize("value", ["text", 5, True, [1, {}], ResultOf("a")])
async def test_json_may_be_anything(value: Any) -> None:
    op = Create(class_name="Person", changes={"json": Set(value)}, untyped=True)
    assert (await typed(op)).changes == {"json": Set(value, any_json=True)}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("address", {"city": "x"}),
        ("address", None),
        ("friends", [{"objectId": "x"}]),
        ("friends", None),
        ("new", None),
    ],
)
async def test_a_relation_and_a_null_without_a_column_change_nothing(field: str, value: Any) -> None:
    op = Update(class_name="Person", id="x", changes={field: Set(value), "age": Set(1)}, untyped=True)
    assert (await typed(op)).changes == {"age": Set(1)}


MISMATCHES: tuple[tuple[str, Any, str], ...] = (
    ("age", "x", "Number"),
    ("age", True, "Number"),
    ("ok", "true", "Boolean"),
    ("ok", 1, "Boolean"),
    ("born", "soon", "Date"),
    ("born", True, "Date"),
    ("born", 1.5, "Date"),
    ("born", 10**18, "Date"),
    ("loc", "POINT(2)", "GeoPoint"),
    ("line", "no line", "LineString"),
    ("shape", "MULTIPOINT(1 2)", "Geometry"),
    ("address", "x", "Pointer<Address>"),
    ("friends", 1, "Relation<Person>"),
)


@pytest.mark.parametrize(("field", "value", "expected"), MISMATCHES)
async def test_a_value_that_its_column_cannot_hold_is_refused(field: str, value: Any, expected: str) -> None:
    error = await refused(Create(class_name="Person", changes={field: Set(value)}, untyped=True))
    assert (error.code, error.details["field"], error.details["expected"]) == (Code.TYPE_MISMATCH, field, expected)


async def test_a_write_makes_what_is_missing() -> None:
    op = Create(class_name="New", changes={"a": Set(1), "b": Set(None)}, untyped=True)
    assert (await typed(op)).changes == {"a": Set(1)}
    assert (await refused(op, dynamic=False)).code is Code.CLASS_NOT_FOUND
    assert (await refused(Update(class_name="New", id="x", changes={}, untyped=True))).code is Code.CLASS_NOT_FOUND


async def test_without_a_dynamic_schema_what_has_no_column_is_left_out() -> None:
    op = Create(class_name="Person", changes={"age": Set(1), "new": Set(1), "more": Set({})}, untyped=True)
    assert (await typed(op, dynamic=False)).changes == {"age": Set(1)}


@pytest.mark.parametrize("value", [{}, {"a": 1}, [], [1]])
async def test_no_column_is_made_of_json(value: Any) -> None:
    error = await refused(Create(class_name="Person", changes={"new": Set(value)}, untyped=True))
    assert (error.code, error.details) == (Code.NO_SUCH_COLUMN, {"class_name": "Person", "field": "new"})


async def test_the_password_of_a_user_is_no_column_and_is_kept() -> None:
    changes = {"email": Set("a@b.c"), "password": Set("p")}
    for dynamic in (True, False):
        assert (await typed(SignUp(changes=changes, untyped=True), dynamic=dynamic)).changes == changes
    error = await refused(Find(class_name="_User", limit=1, where=Condition("password", Op.EQ, "p"), untyped=True))
    assert error.code is Code.NO_SUCH_COLUMN


async def test_what_is_computed_looks_at_columns_that_are_there() -> None:
    def update(change: Any, field: str = "age") -> Update:
        return Update(class_name="Person", id="x", changes={field: change}, untyped=True)

    there = Compute(Arithmetic("+", Column("age"), Literal(1)))
    assert (await typed(update(there))).changes == {"age": there}
    assert (await typed(update(Increment(1), "new"))).changes == {"new": Increment(1)}
    for op in (update(Compute(Column("nope"))), update(there, "new"), update(EditJson(JsonEdit.REMOVE, ()), "new")):
        assert (await refused(op)).code is Code.NO_SUCH_COLUMN


# --- what a query asks ---


def related(head: str, target: str, where: Filter | None = None) -> Condition:
    return Condition(head, Op.IN, Subquery(target, where=where))


WHERES: tuple[tuple[Filter, Filter], ...] = (
    (Condition("born", Op.GT, DAY_MS), Condition("born", Op.GT, DAY)),
    (Condition("@created_at", Op.LE, "23-Mar-2015"), Condition("@created_at", Op.LE, DAY)),
    (Condition("born", Op.IN, [DAY_MS, None]), Condition("born", Op.IN, [DAY, None])),
    (Condition("born", Op.LIKE, "%2015%"), Condition("born", Op.LIKE, "%2015%")),
    (Condition("@id", Op.EQ, 5), Condition("@id", Op.EQ, "5")),
    (Condition("ok", Op.EQ, 1), Condition("ok", Op.EQ, True)),
    (Condition("age", Op.EQ, 1), Condition("age", Op.EQ, 1)),
    (Condition("photo", Op.EQ, "https://x/a"), Condition("photo", Op.EQ, File(name="a", url="https://x/a"))),
    (Condition("address", Op.EQ, "x"), Condition("address", Op.EQ, Pointer("Address", "x"))),
    (Condition("json.a.b", Op.EQ, 1), Condition("json.a.b", Op.EQ, 1)),
    (Condition("address.since", Op.LT, DAY_MS), related("address", "Address", Condition("since", Op.LT, DAY))),
    (Condition("friends.@id", Op.EQ, "x"), related("friends", "Person", Condition("@id", Op.EQ, "x"))),
    (
        Condition("address.land.name", Op.EQ, "x"),
        related("address", "Address", related("land", "Land", Condition("name", Op.EQ, "x"))),
    ),
    (
        # one join: the same friend is meant
        And((Condition("friends.age", Op.GT, 1), Condition("ok", Op.EQ, True), Condition("friends.name", Op.EQ, "x"))),
        And(
            (
                related("friends", "Person", And((Condition("age", Op.GT, 1), Condition("name", Op.EQ, "x")))),
                Condition("ok", Op.EQ, True),
            )
        ),
    ),
    (
        Or((Condition("friends.age", Op.GT, 1), Condition("friends.name", Op.EQ, "x"))),
        Or((related("friends", "Person", Condition("age", Op.GT, 1)), related("friends", "Person", Condition("name", Op.EQ, "x")))),
    ),
    (Not(Condition("address.city", Op.EQ, "x")), Not(related("address", "Address", Condition("city", Op.EQ, "x")))),
    (
        # a join tells null of what is not there
        Condition("address.city", Op.EQ, None),
        Or((related("address", "Address", Condition("city", Op.EQ, None)), Not(related("address", "Address")))),
    ),
    (
        Condition("@id", Op.IN, Subquery("Address", where=Condition("since", Op.EQ, DAY_MS), key="city")),
        Condition("@id", Op.IN, Subquery("Address", where=Condition("since", Op.EQ, DAY), key="city")),
    ),
    (
        Inverse("Person", "friends", Condition("born", Op.EQ, DAY_MS)),
        Inverse("Person", "friends", Condition("born", Op.EQ, DAY)),
    ),
    (
        Comparison(Column("born"), Op.LT, Literal(DAY_MS)),
        Comparison(Column("born"), Op.LT, Literal(DAY)),
    ),
    (
        Comparison(Literal("23-Mar-2015"), Op.LT, Column("address.since")),
        Comparison(Literal(DAY), Op.LT, Column("address.since")),
    ),
)  # fmt: skip


@pytest.mark.parametrize(("where", "expected"), WHERES)
async def test_a_condition_is_about_what_its_column_holds(where: Filter, expected: Filter) -> None:
    assert (await typed(Find(class_name="Person", limit=1, where=where, untyped=True))).where == expected
    assert (await typed(Delete(class_name="Person", ids=(), where=where, untyped=True))).where == expected
    op = FindRelated(class_name="Person", id="x", field="friends", limit=1, where=where, untyped=True)
    assert (await typed(op)).where == expected
    op_set = Relate(class_name="Person", id="x", field="friends", how=Relating.SET, where=where, untyped=True)
    assert (await typed(op_set)).where == expected


STEPS: tuple[tuple[str, Any, Any], ...] = (
    ("name", "x", "x"),
    ("name", 7, "7"),
    ("name", None, None),
    ("born", DAY_MS, DAY),
    ("born", "23-Mar-2015", DAY),
    ("address.since", DAY_MS, DAY),
    ("@created_at", DAY_MS, DAY),
    ("ok", 1, True),
    ("age", "7", "7"),
    ("address", "x", Pointer("Address", "x")),
)


@pytest.mark.parametrize(("field", "value", "expected"), STEPS)
async def test_a_group_is_of_what_its_column_holds(field: str, value: Any, expected: Any) -> None:
    path, meant = (Step("name", "x"), Step(field, value)), (Step("name", "x"), Step(field, expected))
    where, wanted = Condition("born", Op.EQ, DAY_MS), Condition("born", Op.EQ, DAY)
    found = await typed(groups(path=path, where=where))
    assert (found.path, found.where) == (meant, wanted)
    found = await typed(CountInGroup(class_name="Person", path=path, where=where, untyped=True))
    assert (found.path, found.where) == (meant, wanted)


def find(**asked: Any) -> Find:
    return Find(class_name="Person", limit=1, untyped=True, **asked)


def get(**asked: Any) -> Get:
    return Get(class_name="Person", id="x", untyped=True, **asked)


def groups(class_name: str = "Person", **asked: Any) -> FindGroups:
    return FindGroups(class_name=class_name, limit=1, group_limit=1, object_limit=1, levels=1, untyped=True, **asked)


UNKNOWN: tuple[tuple[Operation, Code, str], ...] = (
    (groups("Nope"), Code.CLASS_NOT_FOUND, "Nope"),
    (groups(group_by=("nope",)), Code.NO_SUCH_COLUMN, "nope"),
    (groups(path=(Step("nope", 1),)), Code.NO_SUCH_COLUMN, "nope"),
    (groups(where=Condition("nope", Op.EQ, 1)), Code.NO_SUCH_COLUMN, "nope"),
    (groups(order=(Sort("nope"),)), Code.NO_SUCH_COLUMN, "nope"),
    (groups(include=("age",)), Code.NO_SUCH_COLUMN, "age"),
    (CountInGroup(class_name="Nope", path=(), untyped=True), Code.CLASS_NOT_FOUND, "Nope"),
    (CountInGroup(class_name="Person", path=(Step("address.nope", 1),), untyped=True), Code.NO_SUCH_COLUMN, "nope"),
    (find(where=Condition("nope", Op.EQ, 1)), Code.NO_SUCH_COLUMN, "nope"),
    (find(where=Condition("address.nope", Op.EQ, 1)), Code.NO_SUCH_COLUMN, "nope"),
    (find(where=Not(Or((Condition("nope.x", Op.EQ, 1),)))), Code.NO_SUCH_COLUMN, "nope"),
    (find(where=Comparison(Column("nope"), Op.EQ, Literal(1))), Code.NO_SUCH_COLUMN, "nope"),
    (find(where=Inverse("Person", "nope")), Code.NO_SUCH_COLUMN, "nope"),
    (find(where=Inverse("Nope", "x")), Code.CLASS_NOT_FOUND, "Nope"),
    (find(where=Condition("@id", Op.IN, Subquery("Nope"))), Code.CLASS_NOT_FOUND, "Nope"),
    (find(where=Condition("@id", Op.IN, Subquery("Person", key="nope"))), Code.NO_SUCH_COLUMN, "nope"),
    (find(select=("nope",)), Code.NO_SUCH_COLUMN, "nope"),
    (get(outputs=(Output("n", Column("address.nope")),)), Code.NO_SUCH_COLUMN, "nope"),
    (
        FindRelated(
            class_name="Person",
            id="x",
            field="friends",
            limit=1,
            outputs=(Output("n", Column("nope")),),
            untyped=True,
        ),
        Code.NO_SUCH_COLUMN,
        "nope",
    ),
    (find(exclude=("nope",)), Code.NO_SUCH_COLUMN, "nope"),
    (find(include=("nope",)), Code.NO_SUCH_COLUMN, "nope"),
    (find(include=("age",)), Code.NO_SUCH_COLUMN, "age"),
    (find(include=("address.city",)), Code.NO_SUCH_COLUMN, "address.city"),
    (find(order=(Sort("nope"),)), Code.NO_SUCH_COLUMN, "nope"),
    (find(group_by=("nope",)), Code.NO_SUCH_COLUMN, "nope"),
    (find(outputs=(Output("n", Aggregated(Aggregate.SUM, Column("nope"))),)), Code.NO_SUCH_COLUMN, "nope"),
    (Find(class_name="Nope", limit=1, untyped=True), Code.CLASS_NOT_FOUND, "Nope"),
    (get(select=("nope",)), Code.NO_SUCH_COLUMN, "nope"),
    (Get(class_name="Nope", id="x", untyped=True), Code.CLASS_NOT_FOUND, "Nope"),
    (Delete(class_name="Nope", ids=("x",), untyped=True), Code.CLASS_NOT_FOUND, "Nope"),
    (FindRelated(class_name="Person", id="x", field="age", limit=1, untyped=True), Code.NO_SUCH_COLUMN, "age"),
    (Relate(class_name="Person", id="x", field="new", how=Relating.ADD, untyped=True), Code.NO_SUCH_COLUMN, "new"),
    (
        Relate(class_name="Person", id="x", field="new", how=Relating.ADD, target="Nope", untyped=True),
        Code.CLASS_NOT_FOUND,
        "Nope",
    ),
)


@pytest.mark.parametrize(("op", "code", "name"), UNKNOWN)
async def test_what_is_not_there_is_refused_by_its_name(op: Operation, code: Code, name: str) -> None:
    error = await refused(op)
    assert (error.code, error.details.get("field", error.details["class_name"])) == (code, name)


async def test_a_path_has_an_end() -> None:
    path = ".".join(["friends"] * 5000)
    for op in (find(where=Condition(path, Op.EQ, 1)), find(include=(path,)), find(order=(Sort(path),))):
        assert (await refused(op)).code is Code.BAD_QUERY


async def test_an_order_may_name_a_value_of_the_rows() -> None:
    total = Output("total", Aggregated(Aggregate.COUNT, Column("@id")))
    op = find(outputs=(total,), group_by=("name",), order=(Sort("total"), Sort("count", value=total.value)))
    assert await typed(op) == op
    for order in (Sort("count"), Sort("sum", value=Aggregated(Aggregate.SUM, Column("nope")))):
        assert (await refused(find(outputs=(total,), order=(order,)))).code is Code.NO_SUCH_COLUMN


async def test_a_relation_has_no_order() -> None:
    assert (await refused(find(order=(Sort("friends"),)))).code is Code.BAD_QUERY


async def test_a_path_leads_into_json_and_through_relations_only() -> None:
    error = await refused(find(where=Condition("age.x", Op.EQ, 1)))
    assert (error.code, error.details["field"]) == (Code.NO_SUCH_COLUMN, "age.x")


# --- trees ---


def inline(fields: dict[str, Any]) -> Inline:
    return Inline({key.removeprefix("@"): value for key, value in fields.items()}, fields)


async def test_a_tree_has_objects_where_relations_are_and_json_elsewhere() -> None:
    tree = {
        "@id": "1",
        "born": DAY_MS,
        "json": inline({"a": inline({"b": 1})}),
        "address": inline({"city": "x", "since": DAY_MS}),
        "friends": [inline({"@id": "2"}), inline({"address": None, "friends": []})],
        "nothing": None,
    }
    found = (await typed(DeepSave(class_name="Person", tree=tree, untyped=True))).tree
    assert found == {
        "@id": "1",
        "born": DAY,
        "json": {"a": {"b": 1}},
        "address": Object("Address", {"city": "x", "since": DAY}),
        "friends": [Object("Person", {"@id": "2"}), Object("Person", {"address": None, "friends": []})],
    }
    assert type(found["json"]) is dict


@pytest.mark.parametrize(
    ("tree", "code"),
    [
        ({"new": inline({"a": 1})}, Code.NO_SUCH_COLUMN),
        ({"new": [inline({"a": 1})]}, Code.NO_SUCH_COLUMN),
        ({"address": [inline({"city": "x"})]}, Code.TYPE_MISMATCH),
        ({"address": "x"}, Code.TYPE_MISMATCH),
        ({"friends": inline({"name": "x"})}, Code.TYPE_MISMATCH),
        ({"friends": [inline({"name": "x"}), 1]}, Code.TYPE_MISMATCH),
        ({"friends": [inline({"age": "x"})]}, Code.TYPE_MISMATCH),
    ],
)
async def test_a_tree_that_its_columns_cannot_hold_is_refused(tree: dict[str, Any], code: Code) -> None:
    assert (await refused(DeepSave(class_name="Person", tree=tree, untyped=True))).code is code


# --- several at once ---


async def test_each_item_of_a_batch_is_typed_and_nothing_is_made() -> None:
    def unit(*items: Operation) -> Batch:
        return Batch(items=items, atomic=True, fixed_schema=True, untyped=True)

    create = Create(class_name="Person", changes={"born": Set(DAY_MS)}, untyped=True)
    update = Update(class_name="Person", id="", changes={"born": Set(DAY_MS)}, untyped=True)
    deferred = Deferred(item=update, fields={"id": ResultOf("a")}, untyped=True)
    found = (await typed(unit(create, deferred))).items
    assert [found[0].changes, found[1].item.changes] == [{"born": Set(DAY)}] * 2
    for bad, code in (
        (Create(class_name="Person", changes={"new": Set(1)}, untyped=True), Code.NO_SUCH_COLUMN),
        (Create(class_name="Person", changes={"new": Set(None)}, untyped=True), Code.NO_SUCH_COLUMN),
        (Create(class_name="Person", changes={"new": Increment(1)}, untyped=True), Code.NO_SUCH_COLUMN),
        (Create(class_name="New", changes={}, untyped=True), Code.CLASS_NOT_FOUND),
        (
            Relate(class_name="Person", id="x", field="new", how=Relating.ADD, target="Person", untyped=True),
            Code.NO_SUCH_COLUMN,
        ),
    ):
        error = await refused(unit(create, bad))
        assert (error.code, error.details["item"]) == (code, "1")


# --- what is known, and since when ---


async def test_an_operation_with_types_is_handed_on_as_it_is() -> None:
    op = Find(class_name="Nope", limit=1, where=Condition("born", Op.EQ, 1))
    table = Table()
    await Typed(table, table).execute(op, CALLER)
    assert (table.asked, table.asked[0] is op, table.looked) == ([op], True, 0)


async def test_what_is_not_known_is_looked_up_once_more() -> None:
    table = Table(known={"Person": {"name": Type(Kind.STRING)}})
    backend = Typed(table, table)
    await backend.execute(Create(class_name="Person", changes={"name": Set("x")}, untyped=True), CALLER)
    assert table.looked == 0
    await backend.execute(Create(class_name="Person", changes={"born": Set(DAY_MS)}, untyped=True), CALLER)
    assert (table.looked, table.asked[-1]) == (
        1,
        Create(class_name="Person", changes={"born": Set(DAY)}, untyped=True),
    )
    await backend.execute(Find(class_name="Address", limit=1, untyped=True), CALLER)
    assert table.looked == 2


# --- answers ---


async def told(op: Operation, result: Result) -> Result:
    table = Table(result)
    return await Typed(table, table).execute(op, CALLER)


@pytest.mark.parametrize(
    ("asked", "members", "select"),
    [
        ({}, None, None),
        ({"include": ("address",)}, None, None),
        ({"include": ("address.land",), "select": ("name",)}, None, ("name", "address")),
        ({"include": ("friends",)}, 10, None),
        ({"include": ("friends.address",), "select": ("name",)}, 10, ("name",)),
        ({"include": ("*",)}, 10, None),
        ({"depth": 1}, 10, None),
    ],
)
async def test_how_many_members_are_shown_is_asked_where_there_are_any(
    asked: Mapping[str, Any], members: int | None, select: tuple[str, ...] | None
) -> None:
    for op in (
        Find(class_name="Person", limit=1, members=10, untyped=True, **asked),
        Get(class_name="Person", id="x", members=10, untyped=True, **asked),
        FindRelated(class_name="Person", id="x", field="friends", limit=1, members=10, untyped=True, **asked),
    ):
        found = await typed(op)
        assert (found.members, found.select) == (members, select)


async def test_an_empty_pointer_that_was_asked_for_is_null() -> None:
    assert (await told(get(include=("address",)), Result(object={"name": "x"}))).object == {
        "name": "x",
        "address": None,
    }


async def test_a_relation_is_shown_by_its_objects_or_not_at_all() -> None:
    def fields() -> dict[str, Any]:
        return {"name": "x", "address": Pointer("Address", "gone"), "friends": Relation("Person")}

    assert (await told(get(), Result(object=fields()))).object == {"name": "x"}
    for asked in (get(include=("*",)), get(depth=1), get(include=("address", "friends"))):
        found = (await told(asked, Result(object=fields()))).object
        assert found == {"name": "x", "address": None, "friends": []}
    deep = {"friends": [Object("Person", {"address": Object("Address", {"land": None}), "friends": None})]}
    found_there = (await told(find(include=("friends.address",)), Result(objects=[deep]))).objects
    assert found_there == [{"friends": [Object("Person", {"address": Object("Address", {})})]}]


async def test_what_is_related_is_of_the_class_of_the_column() -> None:
    op = FindRelated(class_name="Person", id="x", field="address", limit=1, untyped=True)
    result = await told(op, Result(object={"city": "x", "land": Pointer("Land", "y")}))
    assert (result.class_name, result.object) == ("Address", {"city": "x"})


async def test_a_saved_tree_does_not_show_what_is_empty() -> None:
    op = DeepSave(class_name="Person", tree={}, untyped=True)
    tree: dict[str, Any] = {"name": None, "address": None, "friends": [], "@id": "x"}
    assert (await told(op, Result(object=tree))).object == {"name": None, "@id": "x"}


async def test_who_deletes_is_told_when() -> None:
    result = await told(Delete(class_name="Person", ids=("x",), untyped=True), Result())
    assert isinstance(result.moment, Date)


async def test_users_are_there_before_the_first_of_them() -> None:
    missing = GatewayError(Code.CLASS_NOT_FOUND, "no", class_name="_User")
    table = Table(missing)
    backend = Typed(table, table)
    op = Find(class_name="_User", limit=1, count=True, where=Condition("email", Op.EQ, "x"), untyped=True)
    assert await backend.execute(op, CALLER) == Result(objects=[], total=0)
    assert await backend.execute(groups("_User"), CALLER) == Result(objects=[], groups=Level([]))
    count = CountInGroup(class_name="_User", path=(), untyped=True)
    assert await backend.execute(count, CALLER) == Result(objects=[], total=0)
    described = await backend.execute(Describe(class_name="_User"), CALLER)
    assert described.schema is not None
    assert list(described.schema.fields) == ["username", "email"]
    with pytest.raises(GatewayError):
        await backend.execute(Get(class_name="_User", id="x", untyped=True), CALLER)


async def test_a_class_is_described_without_its_permissions() -> None:
    schema = ClassSchema("Person", {"age": Field(Type(Kind.NUMBER))})
    table = Table(Result(schema=schema))
    result = await Typed(table, table).execute(Describe(class_name="Person"), CALLER)
    assert (result.schema, table.asked) == (schema, [GetSchema(class_name="Person")])
