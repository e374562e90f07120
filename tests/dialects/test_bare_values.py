# ruff: noqa: E501 - one request, one line
"""Objects, values and queries of a dialect whose values have no tag: what the columns do not say, the values say."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dialects.dialect import Dialect
from gateway.errors import Code, GatewayError
from gateway.model.definition import CreateClass, Describe
from gateway.model.operation import (
    Create,
    CreateMany,
    Credentials,
    DeepSave,
    Delete,
    DeleteMany,
    Find,
    FindRelated,
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
from gateway.model.query import Aggregate, Aggregated, Call, Column, Condition, Function, Op, Output, Sort
from gateway.model.schema import ClassSchema, Field, Kind, Type
from gateway.model.update import (
    Add,
    BitOr,
    Changes,
    Compute,
    EditJson,
    Increment,
    JsonEdit,
    Set,
    Unset,
)
from gateway.model.values import Date, File, GeoPoint, Inline, LineString, Object, Pointer, Polygon, Relation
from gateway.wire import NOTHING, HttpRequest, HttpResponse
from tests.dialects.generated import JUNK, NUMBERS, TEXT, refusal

BASE = "http://gateway.example/APP/KEY"
WHOLE: Mapping[str, Any] = {"returning": Returning.EVERYTHING, "nulls": True, "untyped": True}
SHOWN: Mapping[str, Any] = {"members": 10, "nulls": True, "exact": True, "untyped": True}
PAGE: Mapping[str, Any] = {"limit": 10, **SHOWN}
RING = (GeoPoint(0, 0), GeoPoint(0, 2), GeoPoint(2, 2), GeoPoint(0, 0))
HOLE = [[0.5, 0.25], [1.0, 0.25], [1.0, 0.5], [0.5, 0.25]]
HOLE_RING = tuple(GeoPoint(lat, lng) for lng, lat in HOLE)
LINE = LineString((GeoPoint(2, 1), GeoPoint(4, 3)))
MADE, CHANGED = Date("2026-01-02T03:04:05.678Z"), Date("2026-01-02T03:04:06.000Z")
MADE_MS, CHANGED_MS = 1767323045678, 1767323046000


@pytest.fixture
def dialect(dialects: Mapping[str, Dialect]) -> Dialect:
    return dialects["backendless"]


def send(dialect: Dialect, method: str, path: str, body: Any = None, query: Mapping[str, Any] | None = None) -> Any:
    request = HttpRequest(method, path, query or {}, body=deepcopy(body), base=BASE)
    return dialect.read_request(dialect.unwrap(request))


OBJECTS = "/data/Person"
N = Condition("n", Op.EQ, 1)

# a request, and what it asks for; the first of each operation is how it is written as well
READ: tuple[tuple[str, str, Any, Mapping[str, Any], Operation], ...] = (
    ("PUT", OBJECTS, {"n": 1}, {}, Create(class_name="Person", changes={"n": Set(1)}, **WHOLE)),
    ("POST", OBJECTS, {"n": 1, "objectId": None}, {}, Create(class_name="Person", changes={"n": Set(1)}, **WHOLE)),
    (
        "PUT",
        OBJECTS,
        {"objectId": "x", "n": 1, "created": 1, "updated": None, "ownerId": None, "___class": "Person", "__meta": ""},
        {},
        Update(class_name="Person", id="x", changes={"n": Set(1)}, **WHOLE),
    ),
    ("POST", OBJECTS, {"objectId": 5, "n": 1}, {}, Update(class_name="Person", id="5", changes={"n": Set(1)}, **WHOLE)),
    ("PUT", OBJECTS + "/x", {"n": 1}, {}, Update(class_name="Person", id="x", changes={"n": Set(1)}, **WHOLE)),
    (
        "PUT",
        OBJECTS + "/upsert",
        {"objectId": "x", "n": 1},
        {},
        Upsert(class_name="Person", id="x", changes={"n": Set(1)}, **WHOLE),
    ),
    ("DELETE", OBJECTS + "/x", None, {}, Delete(class_name="Person", ids=("x",), untyped=True)),
    ("DELETE", OBJECTS, {"objectId": "x", "n": 1}, {}, Delete(class_name="Person", ids=("x",), untyped=True)),
    ("POST", OBJECTS + "/find", {}, {}, Find(class_name="Person", **PAGE)),
    ("POST", OBJECTS + "/find", None, {}, Find(class_name="Person", **PAGE)),
    ("GET", OBJECTS, None, {}, Find(class_name="Person", **PAGE)),
    (
        "POST",
        OBJECTS + "/find",
        {
            "pageSize": 50,
            "offset": 10,
            "excludeProps": "x",
            "where": "n = 1",
            "having": "total > 1",
            "sortBy": "created desc,name",
            "groupBy": "name",
            "relationsDepth": 2,
            "relationsPageSize": 20,
            "distinct": True,
            "props": "name,Count(objectId) as total",
            "loadRelations": "address,friends",
        },
        {},
        Find(
            class_name="Person",
            limit=50,
            skip=10,
            exclude=("x",),
            where=N,
            having=Condition("total", Op.GT, 1),
            order=(Sort("@created_at", descending=True), Sort("name")),
            group_by=("name",),
            depth=2,
            distinct=True,
            select=("name",),
            outputs=(Output("total", Aggregated(Aggregate.COUNT, Column("@id"))),),
            include=("address", "friends"),
            **{**SHOWN, "members": 20},
        ),
    ),
    (
        "GET",
        OBJECTS,
        None,
        {"pageSize": "20", "sortBy": "x desc", "where": "n = 1", "property": ("p", "q"), "relations": "r"},
        Find(
            class_name="Person",
            limit=20,
            order=(Sort("x", descending=True),),
            where=N,
            select=("p", "q"),
            include=("r",),
            **SHOWN,
        ),
    ),
    (
        "POST",
        OBJECTS + "/find",
        {"properties": ["p", "q"], "whereClause": "n = 1", "relations": "", "distinct": False},
        {},
        Find(class_name="Person", select=("p", "q"), where=N, **PAGE),
    ),
    (
        "GET",
        OBJECTS + "/first",
        None,
        {},
        Find(class_name="Person", order=(Sort("@created_at"),), limit=1, **SHOWN),
    ),
    (
        "GET",
        OBJECTS + "/last",
        None,
        {"sortBy": "n"},
        Find(class_name="Person", order=(Sort("n"),), limit=1, **SHOWN),
    ),
    (
        "POST",
        OBJECTS + "/count",
        {"where": "n = 1", "groupBy": ["n"], "distinct": True},
        {},
        Find(
            class_name="Person",
            where=N,
            group_by=("n",),
            distinct=True,
            limit=0,
            count=True,
            exact=True,
            untyped=True,
        ),
    ),
    (
        "GET",
        OBJECTS + "/count",
        None,
        {"where": "n = 1"},
        Find(class_name="Person", where=N, limit=0, count=True, exact=True, untyped=True),
    ),
    (
        "GET",
        OBJECTS + "/x",
        None,
        {"property": ("a", "b"), "loadRelations": "a,b", "relationsDepth": "1"},
        Get(class_name="Person", id="x", select=("a", "b"), include=("a", "b"), depth=1, **SHOWN),
    ),
    (
        "GET",
        OBJECTS + "/x",
        None,
        {"property": ("a", "b.c as d", "*")},
        Get(class_name="Person", id="x", outputs=(Output("d", Column("b.c")),), **SHOWN),
    ),
    (
        "GET",
        OBJECTS + "/x/friends",
        None,
        {"property": ("a", "TIME(created)")},
        FindRelated(
            class_name="Person",
            id="x",
            field="friends",
            limit=10,
            select=("a",),
            outputs=(Output("Time", Call(Function.TIME, (Column("@created_at"),))),),
            **SHOWN,
        ),
    ),
    ("GET", OBJECTS + "/pk", None, {"objectId": "x"}, Get(class_name="Person", id="x", **SHOWN)),
    (
        "PUT",
        OBJECTS + "/relations",
        {"objectId": "x", "n": 1},
        {"loadRelations": "a"},
        Get(class_name="Person", id="x", include=("a",), **SHOWN),
    ),
    (
        "POST",
        "/data/bulk/Person",
        [{"n": 1}, {"objectId": "x"}, {}],
        {},
        CreateMany(
            class_name="Person", objects=(NewObject({"n": Set(1)}), NewObject({}, "x"), NewObject({})), untyped=True
        ),
    ),
    (
        "PUT",
        "/data/bulkupsert/Person",
        [{"objectId": "x", "n": 1}],
        {},
        CreateMany(class_name="Person", objects=(NewObject({"n": Set(1)}, "x"),), upsert=True, untyped=True),
    ),
    (
        "PUT",
        "/data/bulk/Person",
        {"a": 1},
        {"where": "n = 1"},
        UpdateMany(class_name="Person", where=N, changes={"a": Set(1)}, untyped=True),
    ),
    (
        "POST",
        "/data/bulk/Person/delete",
        {"where": "n = 1"},
        {},
        DeleteMany(class_name="Person", where=N, untyped=True),
    ),
    ("DELETE", "/data/bulk/Person", None, {"where": "n = 1"}, DeleteMany(class_name="Person", where=N, untyped=True)),
    (
        "POST",
        OBJECTS + "/x/friends:Person:n",
        ["a", "b"],
        {},
        Relate(
            class_name="Person",
            id="x",
            field="friends",
            target="Person",
            how=Relating.SET,
            ids=("a", "b"),
            untyped=True,
        ),
    ),
    (
        "PUT",
        OBJECTS + "/x/best:Users:1",
        ["a"],
        {},
        Relate(
            class_name="Person",
            id="x",
            field="best",
            target="_User",
            single=True,
            how=Relating.ADD,
            ids=("a",),
            untyped=True,
        ),
    ),
    (
        "DELETE",
        OBJECTS + "/x/friends",
        None,
        {"whereClause": "n = 1"},
        Relate(class_name="Person", id="x", field="friends", how=Relating.REMOVE, where=N, untyped=True),
    ),
    (
        "GET",
        OBJECTS + "/x/friends",
        None,
        {"pageSize": "5", "offset": "5", "where": "n = 1", "sortBy": "name asc"},
        FindRelated(
            class_name="Person", id="x", field="friends", limit=5, skip=5, where=N, order=(Sort("name"),), **SHOWN
        ),
    ),
    (
        "POST",
        OBJECTS + "/x/friends/load",
        {"pageSize": 5},
        {},
        FindRelated(class_name="Person", id="x", field="friends", limit=5, **SHOWN),
    ),
    ("GET", "/data/Users/properties", None, {}, Describe(class_name="_User", untyped=True)),
    (
        "POST",
        "/management/data/table",
        {"name": "T", "columns": [{"name": "a", "dataType": "STRING"}]},
        {},
        CreateClass(class_name="T", fields={"a": Field(Type(Kind.STRING))}, untyped=True),
    ),
)


@pytest.mark.parametrize(
    ("method", "path", "body", "query", "op"),
    READ,
    ids=lambda part: getattr(part, "strip", "").__class__.__name__ and None,
)
def test_a_request_is_read(
    method: str, path: str, body: Any, query: Mapping[str, Any], op: Operation, dialect: Dialect
) -> None:
    assert send(dialect, method, path, body, query).op == op


@pytest.mark.parametrize("op", [row[-1] for row in READ], ids=lambda op: type(op).__name__)
def test_what_was_read_is_read_again_when_it_is_written(op: Operation, dialect: Dialect) -> None:
    request = dialect.write_request(op, Credentials())
    body = None if request.body is None else orjson.loads(orjson.dumps(request.body))
    assert send(dialect, request.method, request.path, body, request.query).op == op


def test_an_object_in_a_tree_is_one_where_its_column_says_so(dialect: Dialect) -> None:
    body = {"n": 1, "friend": {"objectId": "1"}, "family": [{"name": "z", "___class": "P"}], "raw": {"a b": 1}}
    op = send(dialect, "PUT", OBJECTS + "/deep-save", body).op
    assert op == DeepSave(class_name="Person", tree=dict(body), untyped=True)
    assert op.tree["friend"].fields == {"@id": "1"}
    assert op.tree["family"][0].fields == {"name": "z"}
    assert type(op.tree["raw"]) is dict  # no column could be called so
    written = dialect.write_request(op, Credentials()).body
    assert written == {"n": 1, "friend": {"objectId": "1"}, "family": [{"name": "z"}], "raw": {"a b": 1}}


# --- values ---

CHANGES: tuple[tuple[Any, Any], ...] = (
    (None, Set(None)),
    ("text", Set("text")),
    (1700000000000, Set(1700000000000)),  # a date, if the column is one
    ({"a": [1, {"b": None}]}, Set({"a": [1, {"b": None}]})),
    ({"type": "Point", "coordinates": [1, 2]}, Set(GeoPoint(2, 1))),
    ({"type": "Point", "coordinates": [1, 2], "srsId": 4326, "___class": "x.Point"}, Set(GeoPoint(2, 1))),
    ({"type": "LineString", "coordinates": [[1, 2], [3, 4]]}, Set(LINE)),
    ({"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 0]], HOLE]}, Set(Polygon(RING, (HOLE_RING,)))),
    ({"___class": "BackendlessExpression", "value": "n + 2"}, Increment(2)),
    ({"___class": "BackendlessExpression", "value": "m"}, Compute(Column("m"))),
    (
        {"___operation": "JSON_SET", "args": {"$.a[0]": 1, "$": None}},
        EditJson(JsonEdit.SET, ((("a", 0), 1), ((), None))),
    ),
    (
        {"___operation": "JSON_REMOVE", "args": ["$.a", '$."b c"']},
        EditJson(JsonEdit.REMOVE, ((("a",), None), (("b c",), None))),
    ),
    ({"___class": "Address", "city": "x"}, Set({"___class": "Address", "city": "x"})),
)


@pytest.mark.parametrize(("wire", "change"), CHANGES)
def test_a_value_is_read_as_a_change(wire: Any, change: Any, dialect: Dialect) -> None:
    op = send(dialect, "PUT", OBJECTS, {"n": wire}).op
    assert op.changes == {"n": change}
    written = dialect.write_request(op, Credentials()).body
    assert send(dialect, "PUT", OBJECTS, written).op.changes == {"n": change}


@given(number=NUMBERS, text=TEXT)
@settings(derandomize=True, deadline=None, max_examples=100)
def test_changes_are_read_as_they_were_written(number: float, text: str, dialects: Mapping[str, Dialect]) -> None:
    dialect = dialects["backendless"]
    changes: Changes = {"a": Set(number), "b": Set(text), "c": Increment(number), "d": Set([{"x": number}, text])}
    request = dialect.write_request(Update(class_name="Post", id="x", changes=changes), Credentials())
    body = orjson.loads(orjson.dumps(request.body))
    assert send(dialect, request.method, request.path, body).op.changes == changes


BAD_VALUES: tuple[tuple[Any, Code], ...] = (
    ({"type": "Point", "coordinates": [1]}, Code.BAD_VALUE),
    ({"type": "Point", "coordinates": [200, 1]}, Code.BAD_VALUE),
    ({"type": "MultiPoint", "coordinates": [[1, 2], [3, 4]]}, Code.UNSUPPORTED),
    ({"type": "LineString", "coordinates": [[1, 2], [3, 4]], "srsId": 3857}, Code.UNSUPPORTED),
    ({"___operation": "JSON_EXPLODE", "args": {"$.a": 1}}, Code.BAD_VALUE),
    ({"___operation": "JSON_SET", "args": {"a": 1}}, Code.BAD_QUERY),
    ({"___operation": "JSON_SET", "args": {}}, Code.BAD_VALUE),
    ({"___operation": "JSON_SET"}, Code.BAD_VALUE),
    ({"___operation": ["JSON_SET"], "args": {"$.a": 1}}, Code.BAD_VALUE),
    ({"___class": "BackendlessExpression"}, Code.BAD_VALUE),
    ({"___class": "BackendlessExpression", "value": "1 +"}, Code.BAD_QUERY),
    ({"___class": "BackendlessExpression", "value": 1}, Code.BAD_QUERY),
)


@pytest.mark.parametrize(("wire", "code"), BAD_VALUES)
def test_a_value_that_is_none_is_refused(wire: Any, code: Code, dialect: Dialect) -> None:
    assert refusal(send, dialect, "PUT", OBJECTS, {"n": wire}) is code


WRITTEN: tuple[tuple[Any, Any], ...] = (
    (MADE, MADE_MS),
    (File(name="a.png", url="https://x/a.png"), "https://x/a.png"),
    (
        GeoPoint(2, 1),
        {"srsId": 4326, "___class": "com.backendless.persistence.Point", "type": "Point", "coordinates": [1, 2]},
    ),
    (
        Polygon(RING),
        {
            "srsId": 4326,
            "___class": "com.backendless.persistence.Polygon",
            "type": "Polygon",
            "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 0]]],
        },
    ),
    (
        Polygon(RING, (HOLE_RING,)),
        {
            "srsId": 4326,
            "___class": "com.backendless.persistence.Polygon",
            "type": "Polygon",
            "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 0]], HOLE],
        },
    ),
    (
        LINE,
        {
            "srsId": 4326,
            "___class": "com.backendless.persistence.LineString",
            "type": "LineString",
            "coordinates": [[1, 2], [3, 4]],
        },
    ),
    ([MADE, {"at": MADE}], [MADE_MS, {"at": MADE_MS}]),
    (Object("_User", {"@id": "u", "n": None}), {"___class": "Users", "objectId": "u", "n": None}),
    ([Object("P", {"@id": "p", "best": Pointer("P", "q")})], [{"___class": "P", "objectId": "p"}]),
    ([], []),
    (None, None),
)


def answered(dialect: Dialect, fields: dict[str, Any]) -> Any:
    exchange = send(dialect, "GET", OBJECTS + "/x")
    return dialect.write_answer(exchange, Result(object=fields)).body


@pytest.mark.parametrize(("value", "wire"), WRITTEN)
def test_a_value_is_written_by_its_class(value: Any, wire: Any, dialect: Dialect) -> None:
    assert answered(dialect, {"@id": "x", "v": value}) == {"objectId": "x", "v": wire, "___class": "Person"}


@pytest.mark.parametrize("value", [Pointer("P", "x"), Relation("P")])
def test_what_was_not_asked_for_is_left_out(value: Any, dialect: Dialect) -> None:
    assert answered(dialect, {"@id": "x", "v": value}) == {"objectId": "x", "___class": "Person"}


@pytest.mark.parametrize("value", [[Pointer("P", "x")], {"p": Pointer("P", "x")}, b"1", [b"1"], File(name="a")])
def test_what_cannot_be_told_is_refused_by_its_name(value: Any, dialect: Dialect) -> None:
    with pytest.raises(GatewayError, match=r"^photo: .* cannot be told here$") as refused:
        answered(dialect, {"@id": "x", "photo": value})
    assert refused.value.code is Code.UNSUPPORTED


def test_an_object_tells_when_it_was_changed_only_if_it_was(dialect: Dialect) -> None:
    new = {"@id": "x", "@created_at": MADE, "@updated_at": MADE, "@owner": None, "@acl": {}}
    assert answered(dialect, new) == {
        "objectId": "x",
        "created": MADE_MS,
        "updated": None,
        "ownerId": None,
        "___class": "Person",
    }
    old = {"@id": "x", "@created_at": MADE, "@updated_at": CHANGED, "@owner": "u"}
    assert answered(dialect, old)["updated"] == CHANGED_MS


def test_a_write_answers_the_object_with_its_id_and_times(dialect: Dialect) -> None:
    exchange = send(dialect, "PUT", OBJECTS, {"n": 1})
    answer = dialect.write_answer(exchange, Result(id="x", created_at=MADE, updated_at=MADE, object={"n": 1}))
    assert answer.body == {"n": 1, "objectId": "x", "created": MADE_MS, "updated": None, "___class": "Person"}


ANSWERS: tuple[tuple[str, str, Any, Result, Any], ...] = (
    ("DELETE", OBJECTS + "/x", None, Result(moment=MADE), {"deletionTime": MADE_MS}),
    (
        "POST",
        OBJECTS + "/find",
        {},
        Result(objects=[{"n": 1}, {}]),
        [{"n": 1, "___class": "Person"}, {"___class": "Person"}],
    ),
    ("GET", OBJECTS + "/first", None, Result(objects=[{"n": 1}]), {"n": 1, "___class": "Person"}),
    ("POST", OBJECTS + "/count", {}, Result(objects=[], total=0), 0),
    ("POST", "/data/bulk/Person", [{}], Result(ids=["a"]), ["a"]),
    ("POST", "/data/bulk/Person/delete", {"where": "1=1"}, Result(total=3), 3),
    ("GET", OBJECTS + "/x/r", None, Result(objects=[{"n": 1}], class_name="_User"), [{"n": 1, "___class": "Users"}]),
    ("GET", OBJECTS + "/x/r", None, Result(object={"n": 1}, class_name="_User"), {"n": 1, "___class": "Users"}),
    ("GET", OBJECTS + "/x/r", None, Result(class_name="_User"), None),
)


@pytest.mark.parametrize(("method", "path", "body", "result", "wire"), ANSWERS)
def test_an_answer_is_written(method: str, path: str, body: Any, result: Result, wire: Any, dialect: Dialect) -> None:
    answer = dialect.write_answer(send(dialect, method, path, body), result)
    assert (answer.status, answer.body) == (200, wire)


def test_the_first_of_none_is_told_as_missing(dialect: Dialect) -> None:
    with pytest.raises(GatewayError) as refused:
        dialect.write_answer(send(dialect, "GET", OBJECTS + "/first"), Result(objects=[]))
    assert refused.value.code is Code.OBJECT_NOT_FOUND


def test_an_answer_is_read_as_far_as_it_says_what_it_is(dialect: Dialect) -> None:
    body = {
        "objectId": "x",
        "created": MADE_MS,
        "updated": None,
        "ownerId": "u",
        "___class": "Person",
        "loc": {"type": "Point", "coordinates": [1, 2], "___class": "com.backendless.persistence.Point", "srsId": 4326},
        "best": {"objectId": "y", "___class": "Users"},
        "json": {"a": 1},
    }
    found = dialect.read_reply(Get(class_name="Person", id="x", untyped=True), HttpResponse(200, body))
    assert found.object == {
        "@id": "x",
        "@created_at": MADE,
        "@updated_at": MADE,
        "@owner": "u",
        "loc": GeoPoint(2, 1),
        "best": Object("_User", {"@id": "y"}),
        "json": {"a": 1},
    }


def test_the_columns_of_a_table_are_told_and_read(dialect: Dialect) -> None:
    fields = {
        "price": Field(Type(Kind.NUMBER), required=True, default=1),
        "by": Field(Type(Kind.POINTER, "_User")),
        "all": Field(Type(Kind.RELATION, "Person")),
    }
    answer = dialect.write_answer(
        send(dialect, "GET", OBJECTS + "/properties"), Result(schema=ClassSchema("Person", fields))
    )
    assert [column["name"] for column in answer.body] == ["objectId", "created", "updated", "ownerId", *fields]
    # the vendor's suite: all of these keys are there
    assert answer.body[4] == {
        "name": "price",
        "required": True,
        "type": "DOUBLE",
        "defaultValue": 1,
        "expression": None,
        "relatedTable": None,
        "customRegex": None,
        "autoLoad": False,
        "isPrimaryKey": False,
    }
    assert [column["isPrimaryKey"] for column in answer.body[:2]] == [True, False]
    assert [(column["type"], column["relatedTable"]) for column in answer.body[5:]] == [
        ("RELATION", "Users"),
        ("RELATION_LIST", "Person"),
    ]
    found = dialect.read_reply(Describe(class_name="Person"), answer)
    assert found.schema == ClassSchema("Person", fields)


# --- what is refused ---

REFUSED: tuple[tuple[str, str, Any, Mapping[str, Any], Code], ...] = (
    ("PUT", OBJECTS, [1], {}, Code.BAD_JSON),
    ("PUT", OBJECTS, {"a.b": 1}, {}, Code.BAD_FIELD_NAME),
    ("PUT", OBJECTS, {"_a": 1}, {}, Code.BAD_FIELD_NAME),
    ("PUT", OBJECTS, {"objectId": []}, {}, Code.BAD_VALUE),
    ("POST", "/data/bulk/Person", {}, {}, Code.BAD_VALUE),
    ("POST", "/data/bulk/Person", None, {}, Code.BAD_REQUEST),
    ("POST", "/data/bulk/Person", [1], {}, Code.BAD_VALUE),
    ("PUT", "/data/bulk/Person", {"a": 1}, {}, Code.BAD_REQUEST),
    ("PUT", "/data/bulk/Person", {"a": 1}, {"where": " "}, Code.BAD_REQUEST),
    ("DELETE", "/data/bulk/Person", None, {}, Code.BAD_REQUEST),
    ("POST", "/data/bulk/Person/delete", {"where": None}, {}, Code.BAD_REQUEST),
    ("POST", OBJECTS + "/x/r", None, {}, Code.BAD_REQUEST),
    ("POST", OBJECTS + "/x/r", {}, {}, Code.BAD_VALUE),
    ("POST", OBJECTS + "/x/r:P", ["a"], {}, Code.BAD_QUERY),
    ("POST", OBJECTS + "/x/r:P:2", ["a"], {}, Code.BAD_QUERY),
    ("POST", OBJECTS + "/find", {"pageSize": 101}, {}, Code.BAD_PAGE),
    ("POST", OBJECTS + "/find", {"pageSize": -1}, {}, Code.BAD_PAGE),
    ("POST", OBJECTS + "/find", {"offset": -1}, {}, Code.BAD_QUERY),
    ("POST", OBJECTS + "/find", {"relationsDepth": 11}, {}, Code.BAD_QUERY),
    ("POST", OBJECTS + "/find", {"wat": 1}, {}, Code.UNKNOWN_PARAMETER),
    ("POST", OBJECTS + "/find", [], {}, Code.BAD_JSON),
    ("GET", OBJECTS, None, {"props": "a", "property": "b"}, Code.BAD_REQUEST),
    ("GET", OBJECTS, None, {"where": ("a=1", "b=1")}, Code.BAD_REQUEST),
    ("GET", OBJECTS + "/x", None, {"props": "a as b, c as b"}, Code.BAD_QUERY),
    ("GET", OBJECTS + "/pk", None, {}, Code.BAD_REQUEST),
    ("GET", OBJECTS + "/pk", None, {"other": "x"}, Code.UNKNOWN_PARAMETER),
    ("GET", "/data/no-name/x", None, {}, Code.BAD_CLASS_NAME),
    ("GET", "/data/_User/x", None, {}, Code.BAD_CLASS_NAME),
    ("GET", "/data/123/table-name", None, {}, Code.UNSUPPORTED),
    ("POST", "/data/data-grouping/Person", {"having": "count(objectId) > 1"}, {}, Code.UNSUPPORTED),
    ("POST", "/data/data-grouping/Person", {"groupPath": "a"}, {}, Code.BAD_VALUE),
    ("POST", "/data/data-grouping/Person/count", {}, {}, Code.BAD_REQUEST),
    ("POST", "/management/data/table", {"name": "T", "columns": [{"name": "a", "dataType": "X"}]}, {}, Code.BAD_SCHEMA),
    ("POST", "/management/data/table", {"name": "T", "columns": [{"name": "a", "dataType": "RELATION"}]}, {}, Code.BAD_SCHEMA),
    ("POST", "/management/data/table", {"name": "T", "columns": {}}, {}, Code.BAD_SCHEMA),
    ("POST", "/nowhere", {}, {}, Code.UNKNOWN_ROUTE),
)  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "query", "code"), REFUSED)
def test_a_request_is_refused(
    method: str, path: str, body: Any, query: Mapping[str, Any], code: Code, dialect: Dialect
) -> None:
    assert refusal(send, dialect, method, path, body, query) is code


UNSAYABLE: tuple[Operation, ...] = (
    Create(class_name="P", changes={}, id="x"),  # only an upsert takes ids
    Create(class_name="_Role", changes={}),
    Create(class_name="Users", changes={}),  # would be the users
    Update(class_name="P", id="x", changes={"a": Add((1,))}),
    Update(class_name="P", id="x", changes={"a": BitOr(1)}),
    Update(class_name="P", id="x", changes={"a": Set(Pointer("P", "x"))}),
    Update(class_name="P", id="x", changes={"created": Set(1)}),
    Update(class_name="P", id="x", changes={}, where=N),
    Delete(class_name="P", ids=("a", "b")),
    Find(class_name="P", limit=1, redirect_key="a"),
    Find(class_name="P", limit=1, order=(Sort("updated"),)),
)


@pytest.mark.parametrize("op", UNSAYABLE, ids=repr)
def test_what_there_are_no_words_for_is_unsupported(op: Operation, dialect: Dialect) -> None:
    assert refusal(dialect.write_request, op, Credentials()) is Code.UNSUPPORTED


def test_a_field_that_is_gone_is_null(dialect: Dialect) -> None:
    op = Update(class_name="P", id="x", changes={"a": Unset()})
    assert dialect.write_request(op, Credentials()).body == {"objectId": "x", "a": None}


def test_the_class_of_users_has_a_name_of_its_own(dialect: Dialect) -> None:
    assert dialect.write_request(Get(class_name="_User", id="x"), Credentials()).path == "/data/Users/x"
    error = GatewayError(Code.NO_SUCH_COLUMN, "no", class_name="_User", field="@owner")
    told = dialect.write_error(error).body
    assert told == {"code": 1054, "message": "Column 'ownerId' does not exist in table 'Users'"}


def test_a_column_of_dates_has_its_own_sentence(dialect: Dialect) -> None:
    def told(expected: str) -> Any:
        error = GatewayError(Code.TYPE_MISMATCH, "no", class_name="P", field="x", expected=expected, found="str")
        return dialect.write_error(error).body["message"]

    assert told("Date") == "Invalid date format for property x"
    assert told("Number") == (
        "Unable to save object - invalid data type for properties - x. "
        "You can change the property type in developer console."
    )


# --- what is said once and meant often ---


def test_an_object_that_is_repeated_is_written_out(dialect: Dialect) -> None:
    # recorded: SDK 8, "save nested circular"
    body = {"name": "a", "child": {"name": "c", "__subID": "S"}, "child2": {"__originSubID": "S"}}
    op = send(dialect, "PUT", OBJECTS, body).op
    assert op.changes == {"name": Set("a"), "child": Set({"name": "c"}), "child2": Set({"name": "c"})}


def chain(length: int, wrap: int) -> dict[str, Any]:
    """Objects that each repeat the one before, some levels below."""
    body: dict[str, Any] = {"a0": {"__subID": "0"}}
    for number in range(1, length):
        inner: Any = {"__originSubID": str(number - 1)}
        for _ in range(wrap):
            inner = {"x": inner}
        body[f"a{number}"] = {"__subID": str(number), "b": inner}
    return body


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (chain(20, 50), Code.TOO_LARGE),  # deeper than any JSON may be
        ({"a": {"__subID": "S", "b": [0] * 2000}, "all": [{"__originSubID": "S"}] * 10}, Code.TOO_LARGE),
        ({"a": {"__subID": "S", "b": {"__originSubID": "S"}}}, Code.BAD_VALUE),
        ({"__subID": "S", "b": [{"__originSubID": "S"}]}, Code.BAD_VALUE),
        ({"a": {"__originSubID": "S"}}, Code.BAD_VALUE),
        ({"a": {"__originSubID": 1}}, Code.BAD_VALUE),
        (
            {
                "a0": {"__subID": "0"},
                **{f"a{n}": {"__subID": str(n), "b": [{"__originSubID": str(n - 1)}] * 10} for n in range(1, 9)},
            },
            Code.TOO_LARGE,
        ),
    ],
)
def test_a_repetition_without_an_end_is_refused(body: Any, code: Code, dialect: Dialect) -> None:
    assert refusal(send, dialect, "PUT", OBJECTS, body) is code


# --- junk ---

PLACES = (
    *dict.fromkeys((method, path) for method, path, *_ in READ),
    ("POST", "/transaction/unit-of-work"),
    ("PUT", OBJECTS + "/deep-save"),
)


@given(
    place=st.sampled_from(PLACES),
    query=st.dictionaries(
        st.sampled_from(("where", "props", "property", "sortBy", "pageSize", "loadRelations", "groupBy", "having")),
        st.text(max_size=10) | st.just(("a", "b")),
        max_size=2,
    ),
    body=JUNK | st.dictionaries(st.sampled_from(("objectId", "where", "props", "n", "operations", "name")), JUNK),
)
@settings(derandomize=True, deadline=None, max_examples=500)
def test_junk_is_read_or_answered_with_an_error(
    place: tuple[str, str], query: dict[str, Any], body: Any, dialects: Mapping[str, Dialect]
) -> None:
    dialect = dialects["backendless"]
    try:
        read = dialect.read(dialect.unwrap(HttpRequest(*place, query, {}, body, BASE)))
    except GatewayError as error:
        orjson.dumps(dialect.write_error(error).body)
        return
    if not hasattr(read, "op"):
        orjson.dumps(dialect.write_refusal(read).body)


@given(junk=JUNK, status=st.sampled_from((200, 400, 404, 500)))
@settings(derandomize=True, deadline=None, max_examples=300)
def test_a_junk_answer_is_an_error_of_the_backend(junk: Any, status: int, dialects: Mapping[str, Dialect]) -> None:
    dialect = dialects["backendless"]
    ops: tuple[Operation, ...] = (
        Get(class_name="Post", id="x"),
        Find(class_name="Post", limit=1),
        Create(class_name="Post", changes={}),
        Update(class_name="Post", id="x", changes={}),
        Delete(class_name="Post", ids=("x",)),
        FindRelated(class_name="Post", id="x", field="f", limit=1),
        Describe(class_name="Post"),
    )
    for op in ops:
        found = refusal(dialect.read_reply, op, HttpResponse(status, deepcopy(junk)))
        assert status >= 400 or found in (None, Code.UNAVAILABLE, Code.OBJECT_NOT_FOUND)


def test_no_answer_at_all_is_no_null(dialect: Dialect) -> None:
    exchange = send(dialect, "GET", OBJECTS + "/x")
    exchange = dataclasses.replace(exchange)
    assert dialect.write_answer(exchange, Result()).body is NOTHING


def test_json_of_a_column_is_equal_to_itself() -> None:
    assert Inline({"a": 1}, {"a": 1}) == {"a": 1}
