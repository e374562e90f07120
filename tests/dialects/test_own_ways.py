"""What a route says in a way of its own: errors, empty answers, and who may ask."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest

from gateway.dialects.dialect import Dialect
from gateway.dialects.exchange import Exchange, Refused
from gateway.errors import Code, GatewayError
from gateway.model.account import SESSION, LogIn
from gateway.model.definition import Describe
from gateway.model.leaderboard import FindRanks
from gateway.model.members import LogInByToken
from gateway.model.operation import Credentials, Delete, Find, Get, Result, Update
from gateway.model.query import Condition, Op
from gateway.model.services import CallFunction
from gateway.model.update import Set
from gateway.model.values import ID, Date, GeoPoint, LineString, Object, Pointer, Polygon
from gateway.wire import HttpRequest, HttpResponse

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


ONE: Mapping[type[Get | Update | Delete], tuple[str, ...]] = {
    Get: ("_Role", "_File", "_Status"),  # elsewhere the answer is an empty object, and of users 211
    Update: ("Note", "_Role", "_Installation", "_File"),
    Delete: ("Note", "_User", "_Role", "_Installation", "_File"),
}


@pytest.mark.parametrize(("kind", "class_name"), [(kind, name) for kind, names in ONE.items() for name in names])
def test_a_number_that_is_anything_elsewhere_is_of_the_object_where_one_is_asked_for(
    kind: type[Get | Update | Delete], class_name: str, dialects: Mapping[str, Dialect]
) -> None:
    """Recorded of LeanCloud: 1, "Could not find object by id"."""
    named: dict[str, Any] = {"ids": ("x1",)} if kind is Delete else {"id": "x1"}
    if kind is Update:
        named["changes"] = {"n": Set(1)}
    with pytest.raises(GatewayError) as told:
        dialects["leancloud"].read_reply(
            kind(class_name=class_name, **named), HttpResponse(400, {"code": 1, "error": "Could not find object by id"})
        )
    assert told.value.code is Code.OBJECT_NOT_FOUND


def test_a_member_of_a_leaderboard_comes_with_the_fields_that_were_asked_for(dialects: Mapping[str, Dialect]) -> None:
    """Recorded: selectUserKeys=username."""
    op = FindRanks(name="score", limit=1, select=("nick",))
    member = {"__type": "Pointer", "className": "_User", "objectId": "u1"}
    row = {"statisticName": "score", "statisticValue": 1, "rank": 0}
    wire = {"results": [{**row, "user": {**member, "nick": "tom"}}, {**row, "user": member}]}
    told = dialects["leancloud"].read_reply(op, HttpResponse(200, wire)).value
    assert [row["user"] for row in told] == [Object("_User", {ID: "u1", "nick": "tom"}), Pointer("_User", "u1")]


LOCKED = "Your account is locked due to multiple failed login attempts. Please try again after 5 minute(s)"


def test_the_sentence_of_a_vendor_is_told_to_its_own_clients_as_it_is(dialects: Mapping[str, Dialect]) -> None:
    """101 is a wrong password and a locked account, and what is the matter the sentence alone tells."""
    parse, leancloud = dialects["parse"], dialects["leancloud"]
    with pytest.raises(GatewayError) as told:
        parse.read_reply(LogIn(username="a", password="b"), HttpResponse(404, {"code": 101, "error": LOCKED}))
    assert parse.write_error(told.value).body == {"code": 101, "error": LOCKED}
    assert parse.write_error(told.value.at(1)).body == {"code": 101, "error": LOCKED}
    assert leancloud.write_error(told.value).body == {"code": 210, "error": "The username and password mismatch."}
    untold = parse.read_error(404, {"code": 105})
    untold.details = {"field": "a b"}
    assert parse.write_error(untold).body == {"code": 105, "error": "Invalid field name: a b."}


@pytest.mark.parametrize("fields", [{"a": 1}, {}, {"list": [{"__type": "Pointer", "className": "Todo", "a": 1}]}])
def test_a_function_is_given_objects_that_were_never_saved(
    fields: dict[str, Any], dialects: Mapping[str, Dialect]
) -> None:
    """The JavaScript SDK 4.15, AV.Cloud.rpc: they have the tag of a pointer, and no id."""
    leancloud = dialects["leancloud"]
    body = {"o": {"__type": "Pointer", "className": "Todo", **fields}}
    exchange = read(leancloud, HttpRequest("POST", "/call/f", body=copy.deepcopy(body)))
    assert isinstance(exchange.op, CallFunction)
    (told,) = exchange.op.arguments.values()
    assert isinstance(told, Object)
    assert told.class_name == "Todo"
    assert [type(part) for part in told.fields.get("list", [])] == [Object] * ("list" in fields)
    assert leancloud.write_request(exchange.op, Credentials()).body == body
    # what is saved as it stands has to be saved before
    refused = leancloud.read(HttpRequest("POST", "/classes/Note", body=copy.deepcopy(body)))
    assert isinstance(refused, Refused)
    assert refused.error.code is Code.BAD_VALUE


def test_a_column_that_no_client_could_name_is_left_out(dialects: Mapping[str, Dialect]) -> None:
    """One odd name must not hide all others: a class whose columns are not known cannot be read at all."""
    columns = [
        {"name": name, "type": "INT", "required": False, "autoLoad": False} for name in ("n", "__t", "1st", "___class")
    ]
    told = dialects["backendless"].read_reply(Describe(class_name="City"), HttpResponse(200, columns))
    assert told.schema is not None
    assert list(told.schema.fields) == ["n"]


@pytest.mark.parametrize("name", ["__t", "__type", "__op", "__internalId"])
def test_names_of_the_protocol_are_no_columns(name: str, dialects: Mapping[str, Dialect]) -> None:
    for dialect in dialects.values():
        refused = dialect.read(
            HttpRequest("POST", f"{'/data' if dialect.file.untyped else '/classes'}/City", body={name: 1})
        )
        assert isinstance(refused, Refused), dialect.name
        assert refused.error.code is Code.BAD_FIELD_NAME


def test_a_strict_query_of_users_is_one_and_no_id(dialects: Mapping[str, Dialect]) -> None:
    """The SDKs of Java, Objective-C and C# ask so."""
    leancloud = dialects["leancloud"]
    query = {"where": '{"username":"tom"}', "limit": "1"}
    strict = read(leancloud, HttpRequest("GET", "/users/strictlyQuery", query)).op
    assert strict == read(leancloud, HttpRequest("GET", "/users", query)).op
    assert leancloud.write_request(strict, Credentials()).path == "/classes/_User"


@pytest.mark.parametrize(
    ("provider", "told"),
    [
        ("facebook", {"status": "connected", "authResponse": {"accessToken": "t", "userID": "1", "expiresIn": 5}}),
        ("googleplus", {"access_token": "t", "token_type": "Bearer", "expires_in": 5}),
    ],
)
def test_the_oldest_sdk_sends_all_that_a_service_has_said(
    provider: str, told: dict[str, Any], dialects: Mapping[str, Dialect]
) -> None:
    """Backendless' SDK 3, `_sendSocialLoginRequest`."""
    body = {**told, "fieldsMapping": {"email": "email"}}
    path = f"/users/social/{provider}/login/an-app"
    op = read(dialects["backendless"], HttpRequest("POST", path, body=body)).op
    expected = LogInByToken(provider=provider, token="t", fields={"email": "email"}, nulls=True, untyped=True)
    assert op == expected
    assert dialects["backendless"].write_request(op, Credentials()).path == f"/users/social/{provider}/login"


def test_a_class_of_others_is_not_asked_for_where_it_would_be_an_apps_own(dialects: Mapping[str, Dialect]) -> None:
    for op in (
        Find(class_name=SESSION, limit=1),
        Get(class_name=SESSION, id="x"),
        Update(class_name=SESSION, id="x", changes={"a": Set(1)}),
        Delete(class_name=SESSION, ids=("x",)),
    ):
        with pytest.raises(GatewayError, match="a class cannot be called _Session here") as refused:
            dialects["leancloud"].write_request(op, Credentials())
        assert refused.value.code is Code.UNSUPPORTED
        assert dialects["parse"].write_request(op, Credentials()).path.startswith("/sessions")


def test_an_old_link_is_told_so_without_a_key(dialects: Mapping[str, Dialect]) -> None:
    parse = dialects["parse"]
    link = HttpRequest("GET", "/apps/any/verify_email", {"token": "t", "username": "tom"})
    assert parse.refuses_openly(link)
    status, told = answered(parse, link)
    assert (status, told["code"]) == (400, 108)
    assert "ask for another mail" in told["error"]
    for path in ("/apps/any", "/apps/any/other", "/security", "/classes/_Hooks"):
        assert not parse.refuses_openly(HttpRequest("GET", path)), path
