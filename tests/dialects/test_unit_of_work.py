# ruff: noqa: E501 - one operation, one line
"""A unit of work: operations told by a word, that refer to each other, and all succeed or none does."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import orjson
import pytest

from gateway.dialects.dialect import Dialect
from gateway.dialects.exchange import Exchange, Refused
from gateway.errors import Code, GatewayError
from gateway.model.operation import (
    Batch,
    Create,
    CreateMany,
    Credentials,
    Deferred,
    Delete,
    DeleteMany,
    Find,
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
from gateway.model.query import Condition, Op, Sort
from gateway.model.update import Increment, Set
from gateway.model.values import Date, Reference, ResultOf
from gateway.wire import HttpRequest, HttpResponse
from tests.dialects.generated import refusal

PATH = "/transaction/unit-of-work"
WHOLE: Mapping[str, Any] = {"returning": Returning.EVERYTHING, "nulls": True, "untyped": True}
PAGE: Mapping[str, Any] = {"members": 10, "nulls": True, "exact": True, "untyped": True}
REF: Mapping[str, Any] = {"___ref": True}
MADE = Date("2026-01-02T03:04:05.678Z")
MADE_MS = 1767323045678


@pytest.fixture
def dialect(dialects: Mapping[str, Dialect]) -> Dialect:
    return dialects["backendless"]


def item(kind: str, payload: Any, name: str, table: str = "Person") -> dict[str, Any]:
    return {"operationType": kind, "table": table, "payload": payload, "opResultId": name}


# as the JavaScript SDK 8.0.0 sent it
RECORDED: tuple[tuple[dict[str, Any], Operation], ...] = (
    (item("CREATE", {"name": "a"}, "createPerson1"), Create(class_name="Person", changes={"name": Set("a")}, **WHOLE)),
    (
        item(
            "UPDATE",
            {
                "objectId": {**REF, "opResultId": "createPerson1", "propName": "objectId"},
                "age": {"___class": "BackendlessExpression", "value": "age + 1"},
            },
            "updatePerson1",
        ),
        Deferred(
            item=Update(class_name="Person", id="", changes={"age": Increment(1)}, **WHOLE),
            fields={"id": ResultOf("createPerson1", field="@id")},
            untyped=True,
        ),
    ),
    (
        item(
            "FIND",
            {"queryOptions": {"sortBy": ["age desc"], "related": ["x"]}, "pageSize": 5, "whereClause": "age>1"},
            "findPerson1",
        ),
        Find(
            class_name="Person",
            limit=5,
            order=(Sort("age", descending=True),),
            include=("x",),
            where=Condition("age", Op.GT, 1),
            **PAGE,
        ),
    ),
    (
        item(
            "DELETE",
            {**REF, "opResultId": "findPerson1", "resultIndex": 0, "propName": "objectId"},
            "deletePerson1",
        ),
        Deferred(
            item=Delete(class_name="Person", ids=(), untyped=True),
            fields={"ids": ResultOf("findPerson1", 0, "@id")},
            untyped=True,
        ),
    ),
    (
        item("CREATE_BULK", [{"a": 1}], "create_bulkPerson1"),
        CreateMany(class_name="Person", objects=(NewObject({"a": Set(1)}),), untyped=True),
    ),
    (
        item("UPDATE_BULK", {"changes": {"a": 2}, "conditional": "a=1"}, "update_bulkPerson1"),
        UpdateMany(class_name="Person", changes={"a": Set(2)}, where=Condition("a", Op.EQ, 1), untyped=True),
    ),
    (
        item("DELETE_BULK", {"unconditional": ["1", "2"]}, "delete_bulkPerson1"),
        DeleteMany(class_name="Person", ids=("1", "2"), untyped=True),
    ),
    (item("UPSERT", {"objectId": "9"}, "upsertPerson1"), Upsert(class_name="Person", id="9", changes={}, **WHOLE)),
    (
        item("UPSERT_BULK", [{"objectId": "9"}], "upsert_bulkPerson1"),
        CreateMany(class_name="Person", objects=(NewObject({}, "9"),), upsert=True, untyped=True),
    ),
    (
        item(
            "ADD_RELATION",
            {
                "parentObject": "P1",
                "relationColumn": "friends",
                "unconditional": [{**REF, "opResultId": "createPerson1", "propName": "objectId"}, "x"],
            },
            "add_relationPerson1",
        ),
        Relate(
            class_name="Person",
            id="P1",
            field="friends",
            how=Relating.ADD,
            ids=(ResultOf("createPerson1", field="@id"), "x"),
            untyped=True,
        ),
    ),
    (
        item(
            "SET_RELATION",
            {
                "parentObject": {**REF, "opResultId": "createPerson1", "propName": "objectId"},
                "relationColumn": "friends",
                "unconditional": {**REF, "opResultId": "findPerson1"},
            },
            "set_relationPerson1",
        ),
        Deferred(
            item=Relate(
                class_name="Person",
                id="",
                field="friends",
                how=Relating.SET,
                ids=ResultOf("findPerson1"),
                untyped=True,
            ),
            fields={"id": ResultOf("createPerson1", field="@id")},
            untyped=True,
        ),
    ),
    (
        item(
            "DELETE_RELATION",
            {"parentObject": "P1", "relationColumn": "friends", "conditional": "name='x'"},
            "delete_relationPerson1",
        ),
        Relate(
            class_name="Person",
            id="P1",
            field="friends",
            how=Relating.REMOVE,
            where=Condition("name", Op.EQ, "x"),
            untyped=True,
        ),
    ),
)
BODY: Mapping[str, Any] = {"isolationLevelEnum": "SERIALIZABLE", "operations": [wire for wire, _ in RECORDED]}
BATCH = Batch(
    items=tuple(op for _, op in RECORDED),
    names=tuple(wire["opResultId"] for wire, _ in RECORDED),
    atomic=True,
    fixed_schema=True,
    untyped=True,
)


def read(dialect: Dialect, body: Any) -> Exchange | Refused:
    return dialect.read(dialect.unwrap(HttpRequest("POST", PATH, body=deepcopy(body))))


def exchange_of(dialect: Dialect, *wires: Any) -> Exchange:
    found = read(dialect, {"operations": list(wires)})
    assert isinstance(found, Exchange)
    return found


def test_a_recorded_unit_is_read(dialect: Dialect) -> None:
    found = read(dialect, BODY)
    assert isinstance(found, Exchange)
    assert found.op == BATCH


def test_a_unit_is_written_as_it_was_sent(dialect: Dialect) -> None:
    request = dialect.write_request(BATCH, Credentials())
    assert (request.method, request.path) == ("POST", PATH)
    again = read(dialect, orjson.loads(orjson.dumps(request.body)))
    assert isinstance(again, Exchange)
    assert again.op == BATCH
    for (sent, _), written in zip(RECORDED, request.body["operations"], strict=True):
        assert {key: written[key] for key in ("operationType", "table", "opResultId")} == {
            key: sent[key] for key in ("operationType", "table", "opResultId")
        }
    assert request.body["operations"][1]["payload"]["objectId"] == {
        "___ref": True,
        "opResultId": "createPerson1",
        "propName": "objectId",
    }


def test_items_without_a_name_get_one(dialect: Dialect) -> None:
    op = Batch(
        items=(
            Create(class_name="P", changes={}),
            Create(class_name="P", changes={"p": Set(Reference("operation1", "P"))}),
        ),
        names=(None, "operation1"),
        atomic=True,
        fixed_schema=True,
    )
    wires = dialect.write_request(op, Credentials()).body["operations"]
    assert [wire["opResultId"] for wire in wires] == ["operation2", "operation1"]
    assert wires[1]["payload"] == {"p": {"___ref": True, "opResultId": "operation1", "propName": "objectId"}}


@pytest.mark.parametrize(
    "op",
    [
        Batch(items=(), atomic=False, fixed_schema=True),
        Batch(items=(), atomic=True, fixed_schema=False),  # a unit makes no columns
        Batch(items=(Batch(items=()),), atomic=True, fixed_schema=True),
        Batch(items=(Create(class_name="P", changes={}, id="x"),), atomic=True, fixed_schema=True),
    ],
)
def test_what_no_unit_can_be_is_unsupported(op: Batch, dialect: Dialect) -> None:
    assert refusal(dialect.write_request, op, Credentials()) is Code.UNSUPPORTED


ANSWERS: tuple[tuple[dict[str, Any], Result, Any], ...] = (
    (
        item("CREATE", {"n": 1}, "c"),
        Result(id="x", created_at=MADE, updated_at=MADE, object={"n": 1}),
        {"n": 1, "objectId": "x", "created": MADE_MS, "updated": None, "___class": "Person"},
    ),
    (item("DELETE", "x", "d"), Result(moment=MADE), MADE_MS),
    (item("CREATE_BULK", [{}], "cb"), Result(ids=["a", "b"]), ["a", "b"]),
    (item("UPDATE_BULK", {"changes": {}, "conditional": "1=1"}, "ub"), Result(total=0), 0),
    (item("FIND", {}, "f", "Users"), Result(objects=[{"n": 1}]), [{"n": 1, "___class": "Users"}]),
    (
        item("ADD_RELATION", {"parentObject": "x", "relationColumn": "r", "unconditional": []}, "ar"),
        Result(total=2),
        2,
    ),
)


def test_every_answer_stands_by_its_name(dialect: Dialect) -> None:
    exchange = exchange_of(dialect, *(wire for wire, _, _ in ANSWERS))
    answer = dialect.write_answer(exchange, Result(items=[result for _, result, _ in ANSWERS]))
    results = {
        wire["opResultId"]: {"operationType": wire["operationType"], "result": told} for wire, _, told in ANSWERS
    }
    assert answer == HttpResponse(200, {"success": True, "error": None, "results": results})


def test_the_answers_are_read_again(dialect: Dialect) -> None:
    exchange = exchange_of(dialect, *(wire for wire, _, _ in ANSWERS))
    assert isinstance(exchange.op, Batch)
    answer = dialect.write_answer(exchange, Result(items=[deepcopy(result) for _, result, _ in ANSWERS]))
    found = dialect.read_reply(exchange.op, answer)
    made, deleted, *others, query, related = found.items or []
    assert isinstance(made, Result)
    assert made.object == {"n": 1, "@id": "x", "@created_at": MADE, "@updated_at": MADE}
    assert (deleted, *others) == (Result(moment=MADE), Result(ids=["a", "b"]), Result(total=0))
    assert (query, related) == (Result(objects=[{"n": 1}]), Result(total=2))


def test_the_operation_that_failed_is_shown_as_it_was_sent(dialect: Dialect) -> None:
    loc = {"type": "Point", "coordinates": [1, 2]}
    wires = [item("CREATE", {"n": 1}, "a"), item("CREATE", {"loc": loc, "x": {"y": [None, 1.5]}}, "My operation")]
    exchange = exchange_of(dialect, *wires)
    error = GatewayError(Code.NO_SUCH_COLUMN, "no", class_name="Person", field="x", item="1")
    answer = dialect.write_answer(exchange, error)
    # the vendor's suite has this sentence
    message = (
        "Column 'x' in table 'Person' does not exists. All tables and columns must be present in the database"
        " before a transaction is executed."
    )
    assert answer == HttpResponse(
        200, {"success": False, "error": {"message": message, "operation": wires[1]}, "results": None}
    )
    with pytest.raises(GatewayError) as read_back:
        dialect.read_reply(exchange.op, answer)
    assert (read_back.value.message, read_back.value.details) == (message, {"item": "1"})


def test_an_error_of_no_operation_is_told_as_any_other(dialect: Dialect) -> None:
    exchange = exchange_of(dialect, item("CREATE", {}, "a"))
    answer = dialect.write_answer(exchange, GatewayError(Code.INVALID_SESSION, "no"))
    assert (answer.status, answer.body["code"]) == (401, 3064)


UNREADABLE: tuple[tuple[Any, str], ...] = (
    (1, "an operation must be an object, not 1"),
    ({"operationType": "CREATE", "table": "T", "payload": {}}, "opResultId of an operation must be text, not None"),
    ({**item("CREATE", {}, "a"), "x": 1}, "an operation has no x"),
    (item("EXPLODE", {}, "a"), "operationType: expected one of CREATE, UPSERT, UPDATE, DELETE, CREATE_BULK, UPSERT_BULK, UPDATE_BULK, DELETE_BULK, FIND, ADD_RELATION, SET_RELATION, DELETE_RELATION, not 'EXPLODE'"),
    (item("CREATE", {}, "first"), "two operations have the opResultId 'first'"),
    (item("CREATE", {"a": {**REF, "opResultId": "later"}}, "a"), "there is no operation 'later' before this one"),
    (item("CREATE", {"a": {**REF, "opResultId": 1}}, "a"), "there is no operation 1 before this one"),
    (item("CREATE", {"a": {**REF, "opResultId": "first", "resultIndex": -1}}, "a"), "expected a whole number as an index, not -1"),
    (item("FIND", {"pageSize": {**REF, "opResultId": "first"}}, "a"), "limit must be a whole number, not ResultOf(item='first', index=None, field=None)"),
    (item("FIND", {"pageSize": 101}, "a"), "the limit 101 is not between 0 and 100"),
    (item("UPDATE", {"a": 1}, "a"), "this needs id"),
    (item("UPDATE_BULK", {"changes": {"a": 1}}, "a"), "this needs where or ids"),
    (item("UPDATE_BULK", {"conditional": "1=1"}, "a"), "this needs changes"),
    (item("UPDATE_BULK", {"changes": {}, "conditional": ""}, "a"), "this needs where or ids"),
    (item("DELETE_BULK", None, "a"), "this is no payload: None"),
    (item("CREATE_BULK", [{}] * 101, "a"), "Bulk create operation supports no more than 100 objects"),
    (item("CREATE", [], "a"), "this is no payload: []"),
    (item("DELETE", ["x"], "a"), "expected the id of an object, found ['x']"),
    (item("CREATE", {}, "a", "no-table"), "Invalid table name 'no-table'"),
)  # fmt: skip


@pytest.mark.parametrize(("wire", "message"), UNREADABLE)
def test_an_operation_that_cannot_be_read_is_a_failure_of_the_unit(wire: Any, message: str, dialect: Dialect) -> None:
    found = read(dialect, {"operations": [item("CREATE", {"n": 1}, "first"), wire]})
    assert isinstance(found, Refused)
    assert dialect.write_refusal(found) == HttpResponse(
        200, {"success": False, "error": {"message": message, "operation": wire}, "results": None}
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, Code.BAD_BATCH),
        ({"operations": {}}, Code.BAD_BATCH),
        ({"operations": [item("CREATE", {}, str(n)) for n in range(1001)]}, Code.BAD_BATCH),
        ({"operations": [], "isolationLevelEnum": "CHAOS"}, Code.BAD_VALUE),
        ({"operations": [], "mode": 1}, Code.BAD_REQUEST),
        ([], Code.BAD_JSON),
    ],
)
def test_what_is_no_unit_is_refused(body: Any, code: Code, dialect: Dialect) -> None:
    found = read(dialect, body)
    assert isinstance(found, Refused)
    assert found.error.code is code
    assert dialect.write_refusal(found).status == 400


@pytest.mark.parametrize("level", ["READ_UNCOMMITTED", "READ_COMMITTED", "REPEATABLE_READ", "SERIALIZABLE", None])
def test_every_level_of_isolation_is_taken(level: str | None, dialect: Dialect) -> None:
    assert isinstance(read(dialect, {"operations": [], "isolationLevelEnum": level}), Exchange)


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"success": True},
        {"success": True, "results": {}},
        {"success": False},
        {"success": False, "error": 1},
    ],
)
def test_a_junk_answer_is_an_error_of_the_backend(body: Any, dialect: Dialect) -> None:
    op = Batch(items=(Create(class_name="P", changes={}),), names=("a",), atomic=True, fixed_schema=True)
    assert refusal(dialect.read_reply, op, HttpResponse(200, body)) is Code.UNAVAILABLE
