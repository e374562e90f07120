"""What a route says in a way of its own: errors, empty answers, and who may ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from gateway.dialects.dialect import Dialect
from gateway.dialects.exchange import Exchange, Refused
from gateway.errors import Code, GatewayError
from gateway.model.operation import Credentials, Find, Get, Result, Update
from gateway.model.query import Condition, Op
from gateway.model.values import Date, GeoPoint, LineString, Polygon
from gateway.wire import HttpRequest

DATE = {"__type": "Date", "iso": "2026-01-02T03:04:05.678Z"}


def answered(dialect: Dialect, request: HttpRequest) -> tuple[int, Any]:
    refused = dialect.read(request)
    assert isinstance(refused, Refused)
    response = dialect.write_refusal(refused)
    return response.status, response.body


def read(dialect: Dialect, request: HttpRequest) -> Exchange:
    exchange = dialect.read(request)
    assert isinstance(exchange, Exchange), exchange
    return exchange


@pytest.mark.parametrize(
    ("name", "request_", "answer"),
    [
        (
            "parse",
            HttpRequest("POST", "/classes/1Bad", body={}),
            (400, {"code": 107, "error": "schema class name does not revalidate"}),
        ),
        ("parse", HttpRequest("GET", "/classes/1Bad"), (200, {"results": []})),
        ("parse", HttpRequest("GET", "/classes/_Bad"), (200, {"results": []})),
        (
            "parse",
            HttpRequest("PUT", "/classes/1Bad/x", body={}),
            (400, {"code": 103, "error": "Invalid class name: 1Bad"}),
        ),
        (
            "leancloud",
            HttpRequest("GET", "/classes/bad-name"),
            (400, {"code": 103, "error": "invalid class name: 'bad-name'"}),
        ),
    ],
)
def test_a_route_tells_an_error_in_its_own_way(
    name: str, request_: HttpRequest, answer: tuple[int, Any], dialects: Mapping[str, Dialect]
) -> None:
    assert answered(dialects[name], request_) == answer


def test_an_item_of_a_batch_is_told_as_its_route_tells_it(dialects: Mapping[str, Dialect]) -> None:
    parse = dialects["parse"]
    items = [
        {"method": "POST", "path": "/parse/classes/1Bad", "body": {}},
        {"method": "GET", "path": "/parse/classes/1Bad"},
    ]
    request = HttpRequest("POST", "/batch", body={"requests": items}, base="http://gateway.example/parse")
    exchange = read(parse, request)
    assert parse.write_reply(exchange, Result(items=[])).body == [
        {"error": {"code": 107, "error": "schema class name does not revalidate"}},
        {"success": {"results": []}},
    ]


@pytest.mark.parametrize("field", ["createdAt", "updatedAt"])
def test_a_time_that_the_server_sets_is_passed_over_as_a_date_only(field: str, dialects: Mapping[str, Dialect]) -> None:
    passed = read(dialects["parse"], HttpRequest("PUT", "/classes/Post/x", body={field: dict(DATE)}))
    assert isinstance(passed.op, Update)
    assert passed.op.changes == {}
    text = HttpRequest("PUT", "/classes/Post/x", body={field: DATE["iso"]})
    assert answered(dialects["parse"], text) == (
        400,
        {"code": 111, "error": "expected Date but got '2026-01-02T03:04:05.678Z'"},
    )


def test_another_name_of_a_field_is_read_in_queries_and_refused_in_writes(dialects: Mapping[str, Dialect]) -> None:
    found = read(dialects["parse"], HttpRequest("GET", "/classes/Post", {"order": "-_created_at"}))
    assert isinstance(found.op, Find)
    assert [(sort.field, sort.descending) for sort in found.op.order] == [("@created_at", True)]
    status, body = answered(dialects["parse"], HttpRequest("POST", "/classes/Post", body={"_created_at": 1}))
    assert (status, body["code"]) == (400, 105)


def test_a_system_field_is_never_left_out(dialects: Mapping[str, Dialect]) -> None:
    found = read(dialects["parse"], HttpRequest("GET", "/classes/Post", {"excludeKeys": "objectId,title,createdAt"}))
    assert isinstance(found.op, Find)
    assert found.op.exclude == ("title",)


def test_a_relative_time_is_a_date(dialects: Mapping[str, Dialect]) -> None:
    where = {"when": {"$lt": {"$relativeTime": "now"}}}
    found = read(dialects["parse"], HttpRequest("GET", "/classes/Post", {"where": where}))
    assert isinstance(found.op, Find)
    assert isinstance(found.op.where, Condition)
    assert found.op.where.op is Op.LT
    assert isinstance(found.op.where.value, Date)


def test_a_relative_time_is_no_value(dialects: Mapping[str, Dialect]) -> None:
    for where in ({"when": {"$relativeTime": "now"}}, {"when": {"$ne": {"$relativeTime": "now"}}}):
        status, body = answered(dialects["parse"], HttpRequest("GET", "/classes/Post", {"where": where}))
        assert (status, body["code"]) == (400, 102)


def test_anybody_may_ask_what_time_it_is(dialects: Mapping[str, Dialect]) -> None:
    leancloud = dialects["leancloud"]
    assert leancloud.asks_openly(HttpRequest("GET", "/date"))
    assert not leancloud.asks_openly(HttpRequest("POST", "/date"))
    assert not leancloud.asks_openly(HttpRequest("GET", "/classes/Post"))


RING = (GeoPoint(0, 0), GeoPoint(0, 9), GeoPoint(9, 9), GeoPoint(0, 0))
NOT_TOLD: Mapping[str, tuple[Any, str]] = {
    "a line": (LineString(RING[:2]), "a value of the kind LineString cannot be told here"),
    "a polygon with a hole": (Polygon(RING, (RING,)), "a Polygon with holes cannot be told here"),
}


@pytest.mark.parametrize("case", NOT_TOLD)
@pytest.mark.parametrize("name", ["parse", "leancloud"])
def test_a_value_that_a_dialect_does_not_have_is_refused_by_its_field(
    name: str, case: str, dialects: Mapping[str, Dialect]
) -> None:
    dialect, (value, reason) = dialects[name], NOT_TOLD[case]
    exchange = read(dialect, dialect.write_request(Get(class_name="Place", id="x"), Credentials()))
    for fields, where in (
        ({"n": 1, "shape": value}, "shape"),
        ({"shapes": [1, value]}, "shapes"),
        ({"o": {"in": {"it": value}}}, "o: in: it"),
    ):
        with pytest.raises(GatewayError) as refused:
            dialect.write_answer(exchange, Result(object={"@id": "x", **fields}))
        assert refused.value.code is Code.UNSUPPORTED
        assert str(refused.value) == f"{where}: {reason}"
        assert refused.value.details["field"] == where.partition(":")[0]


@pytest.mark.parametrize("name", ["parse", "leancloud"])
def test_a_polygon_with_a_hole_cannot_be_asked_for_where_there_is_none(
    name: str, dialects: Mapping[str, Dialect]
) -> None:
    op = Find(class_name="Place", limit=1, where=Condition("at", Op.WITHIN, Polygon(RING, (RING,))))
    with pytest.raises(GatewayError, match="a Polygon with holes cannot be asked for here") as refused:
        dialects[name].write_request(op, Credentials())
    assert refused.value.code is Code.UNSUPPORTED
