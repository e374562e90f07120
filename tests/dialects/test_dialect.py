"""Laws of every dialect with tagged values: what it writes it reads, and junk is answered with a GatewayError alone.

Those of dialects with bare values are in `test_bare_values`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.app import mappings_directory
from gateway.dialects.dialect import Dialect, load_dialects
from gateway.errors import Code, GatewayError
from gateway.model.account import SignUp
from gateway.model.operation import Batch, Create, Credentials, Delete, Find, Get, Operation, Result, Returning, Update
from gateway.model.query import Column, Condition, Op, Output, Sort
from gateway.model.services import CallFunction
from gateway.model.update import Set
from gateway.model.values import ACL, Date
from gateway.wire import MAX_DEPTH, HttpRequest, HttpResponse, read_json
from tests.cases import BASES
from tests.dialects.generated import BOUNDED, CHANGES, CLASSES, FIELDS, FILTERS, JUNK, PATHS, normal, refusal

DIALECTS = {
    name: dialect for name, dialect in load_dialects(mappings_directory()).items() if dialect.file.value_tag is not None
}
EACH = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)


def as_read(dialect: Dialect, op: Operation) -> Any:
    """The operation after a trip over the wire, as the JSON and the URL that it would be."""
    request = dialect.write_request(deepcopy(op), Credentials())
    body = None if request.body is None else read_json(orjson.dumps(request.body))
    return dialect.read_request(dataclasses.replace(request, body=body, base=BASES[dialect.name])).op


@EACH
@given(changes=CHANGES)
@BOUNDED
def test_changes_are_read_as_they_were_written(dialect: Dialect, changes: Any) -> None:
    op = Update(class_name="Post", id="x", changes=changes)
    assert as_read(dialect, op).changes == changes


@EACH
@given(fields=FIELDS)
@BOUNDED
def test_an_object_is_read_as_it_was_written(dialect: Dialect, fields: Any) -> None:
    whole = {"@id": "x", "@created_at": Date("2026-01-02T03:04:05.678Z"), "@acl": {"*": {"read": True}}, **fields}
    op = Get(class_name="Post", id="x")
    exchange = dialect.read_request(dialect.write_request(op, Credentials()))
    response = dialect.write_reply(exchange, Result(object=deepcopy(whole)))
    answered = HttpResponse(response.status, read_json(orjson.dumps(response.body)))
    assert dialect.read_reply(op, answered).object == whole


@EACH
@given(where=FILTERS)
@BOUNDED
def test_a_filter_is_read_as_it_was_written(dialect: Dialect, where: Any) -> None:
    assert normal(as_read(dialect, Find(class_name="Post", limit=100, where=where)).where) == normal(where)


SELECTED = st.lists(PATHS, min_size=1, max_size=3, unique=True).map(tuple)


@EACH
@given(
    op=st.builds(
        Find,
        class_name=CLASSES,
        limit=st.integers(0, 1000),
        skip=st.integers(0, 10**6),
        order=st.lists(st.builds(Sort, PATHS, st.booleans()), max_size=3).map(tuple),
        count=st.booleans(),
        select=st.none() | SELECTED,
        exclude=st.just(()) | SELECTED,
        include=st.just(()) | SELECTED,
    )
)
@BOUNDED
def test_a_query_is_read_as_it_was_written(dialect: Dialect, op: Find) -> None:
    assert as_read(dialect, op) == op


ANY_ID = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=10).filter(
    lambda id_: id_ not in (".", "..")
)


@EACH
@given(id_=ANY_ID, class_name=CLASSES)
@example(id_="a/b", class_name="T")
@example(id_="?#%2F", class_name="T")
@BOUNDED
def test_a_path_matches_what_it_builds(dialect: Dialect, id_: str, class_name: str) -> None:
    op = Get(class_name=class_name, id=id_)
    assert as_read(dialect, op) == op


@EACH
@pytest.mark.parametrize("id_", [".", "..", ""])
def test_an_id_that_a_url_would_lose_is_refused(dialect: Dialect, id_: str) -> None:
    with pytest.raises(GatewayError, match="cannot stand in a path"):
        dialect.write_request(Get(class_name="Post", id=id_), Credentials())


PLACES = ("/classes/Post", "/classes/Post/x", "/batch", "/batch/save", "/scan/classes/Post", "/date", "/", "/classes")
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "")


@EACH
@given(
    method=st.sampled_from(METHODS),
    path=st.sampled_from(PLACES) | st.text(max_size=20).map(lambda text: "/" + quote(text)),
    query=st.dictionaries(
        st.sampled_from(
            (
                "where",
                "order",
                "limit",
                "skip",
                "count",
                "keys",
                "excludeKeys",
                "include",
                "includeAll",
                "returnACL",
                "redirectClassNameForKey",
                "fetchWhenSave",
                "new",
                "scan_key",
                "cursor",
                "explain",
                "nope",
            )
        ),
        st.text(max_size=10) | JUNK.map(lambda junk: orjson.dumps(junk).decode()) | st.just(("a", "b")),
        max_size=3,
    ),
    body=JUNK,
)
@settings(derandomize=True, deadline=None, max_examples=400)
def test_junk_is_read_or_answered_with_an_error(
    dialect: Dialect, method: str, path: str, query: dict[str, Any], body: Any
) -> None:
    request = HttpRequest(method, path, query, {}, body, BASES[dialect.name])
    try:
        request = dialect.unwrap(request)
        dialect.read_credentials(request)
        dialect.read_request(request)
    except GatewayError as error:
        response = dialect.write_error(error)
        assert response.status >= 400
        orjson.dumps(response.body)


@EACH
@given(junk=JUNK)
@settings(derandomize=True, deadline=None, max_examples=400)
def test_junk_in_its_place_is_read_or_answered_with_an_error(dialect: Dialect, junk: Any) -> None:
    mount = dialect.mounts[0]
    requests = (
        HttpRequest("POST", "/classes/Post", body={"a": junk}),
        HttpRequest("PUT", "/classes/Post/x", body={"ACL": junk, "b": {"__op": "Batch", "ops": junk}}),
        HttpRequest("PUT", "/classes/Post/x", body={"a": {"__op": "Add", "objects": junk}}),
        HttpRequest("PUT", "/classes/Post/x", body={"a": {"__op": "AddRelation", "objects": junk}}),
        HttpRequest("GET", "/classes/Post", {"where": junk}),
        HttpRequest("GET", "/classes/Post", {"where": {"a": junk}}),
        HttpRequest("GET", "/classes/Post", {"where": {"a": {"$inQuery": junk}}}),
        HttpRequest("GET", "/classes/Post", {"where": {"a": {"$nearSphere": junk, "$maxDistance": junk}}}),
        HttpRequest("GET", "/classes/Post", {"order": junk, "keys": junk}),
        HttpRequest("GET", "/classes/Post", {"redirectClassNameForKey": junk, "include": junk}),
        HttpRequest("POST", "/batch", body={"requests": junk}),
        HttpRequest("POST", "/batch", body={"requests": [junk]}),
        HttpRequest(
            "POST", "/batch", body={"requests": [{"method": "POST", "path": mount + "/classes/P", "body": junk}]}
        ),
        HttpRequest(
            "POST", "/batch", body={"requests": [{"method": "GET", "path": mount + "/classes/P", "params": junk}]}
        ),
    )
    for request in requests:
        try:
            dialect.read_request(deepcopy(dataclasses.replace(request, base=BASES[dialect.name])))
        except GatewayError as error:
            orjson.dumps(dialect.write_error(error).body)


@EACH
@given(junk=JUNK, status=st.sampled_from((200, 201, 400, 404, 500)))
@BOUNDED
def test_a_junk_answer_is_an_error_of_the_backend(dialect: Dialect, junk: Any, status: int) -> None:
    ops = (
        Get(class_name="Post", id="x"),
        Find(class_name="Post", limit=1),
        Create(class_name="Post", changes={}),
        Update(class_name="Post", id="x", changes={}),
        Delete(class_name="Post", ids=("x",)),
    )
    for op in ops:
        found = refusal(dialect.read_reply, op, HttpResponse(status, deepcopy(junk)))
        assert status >= 400 or found in (None, Code.UNAVAILABLE, Code.OBJECT_NOT_FOUND)


def nested(depth: int, wrap: Callable[[Any], Any]) -> Any:
    wire: Any = {"a": 1}
    for _ in range(depth):
        wire = wrap(wire)
    return wire


WRAPS: Mapping[str, Callable[[Any], Any]] = {
    "objects": lambda inner: {"a": inner},
    "lists": lambda inner: [inner],
    "either": lambda inner: {"$or": [inner]},
    "neither": lambda inner: {"$nor": [inner]},
    "all of": lambda inner: {"$and": [inner]},
    "queries": lambda inner: {"a": {"$inQuery": {"className": "A", "where": inner}}},
    "operators": lambda inner: {"__op": "Batch", "ops": [inner]},
    "included": lambda inner: {"__type": "Object", "className": "A", "objectId": "x", "a": inner},
}


REFUSALS = (None, Code.BAD_JSON, Code.BAD_QUERY, Code.BAD_NESTED_KEY, Code.BAD_VALUE, Code.BAD_FIELD_NAME)


@EACH
@pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS)
def test_what_is_as_deep_as_a_document_may_be_is_read_or_refused(dialect: Dialect, wrap: Callable[[Any], Any]) -> None:
    for depth in range(MAX_DEPTH // 4, MAX_DEPTH + 1):
        text = json.dumps(nested(depth, wrap))
        asked = HttpRequest("GET", "/classes/Post", {"where": text})
        assert refusal(dialect.read_request, asked) in REFUSALS
        try:
            body = {"a": read_json(text)}
        except GatewayError:
            continue  # too deep for a body as well
        assert refusal(dialect.read_request, HttpRequest("POST", "/classes/Post", body=body)) in REFUSALS


@EACH
def test_a_batch_is_not_read_inside_a_batch(dialect: Dialect) -> None:
    wire: Any = {"requests": []}
    for _ in range(5):
        wire = {"requests": [{"method": "POST", "path": dialect.mounts[0] + "/batch", "body": wire}]}
    with pytest.raises(GatewayError, match=r"^nested batch requests are not allowed$"):
        dialect.read_request(HttpRequest("POST", "/batch", body=wire))


@EACH
def test_a_system_field_of_another_dialect_is_not_shown(dialect: Dialect) -> None:
    op = Get(class_name="Post", id="x", with_acl=False)
    exchange = dialect.read_request(dialect.write_request(op, Credentials()))
    exchange = dataclasses.replace(exchange, op=op)
    assert dialect.write_reply(exchange, Result(object={"@owner": "u", "n": 1})).body == {"n": 1}


@EACH
@pytest.mark.parametrize("name", ["objectId", "createdAt", "ACL"])
def test_a_column_with_the_name_of_a_system_field_is_not_taken_for_it(dialect: Dialect, name: str) -> None:
    with pytest.raises(GatewayError) as refused:
        dialect.write_request(Find(class_name="Post", limit=1, order=(Sort(name),)), Credentials())
    assert refused.value.code is Code.UNSUPPORTED


def test_an_object_without_an_acl_shows_that_everybody_is_let_in() -> None:
    # LeanCloud showed it so to every client that asked, as recorded
    dialect = DIALECTS["leancloud"]
    exchange = dialect.read_request(HttpRequest("GET", "/classes/Post/x", {"returnACL": "true"}))
    body = dialect.write_reply(exchange, Result(object={"@id": "x", "n": 1})).body
    assert body == {"objectId": "x", "n": 1, "ACL": {"*": {"read": True, "write": True}}}
    assert ACL not in body


@EACH
def test_a_value_without_words_is_the_error_of_its_item_only(dialect: Dialect) -> None:
    mount = dialect.mounts[0]
    items = [{"method": "GET", "path": f"{mount}/classes/Post/{id_}"} for id_ in ("x", "y")]
    exchange = dialect.read_request(HttpRequest("POST", "/batch", body={"requests": items}))
    result = Result(items=[Result(object={"@id": "x", "v": object()}), Result(object={"@id": "y", "@acl": {}})])
    first, second = dialect.write_reply(exchange, result).body
    assert (list(first), second) == (["error"], {"success": {"objectId": "y", "ACL": {}}})


# --- behind the gateway, where a test with a real server says more: tests/real ---


@EACH
def test_a_query_goes_through_the_tunnel_and_comes_out_as_it_was(dialect: Dialect) -> None:
    op = Find(class_name="Post", limit=7, order=(Sort("n"),))
    through = dialect.tunnelled(dialect.write_request(op, Credentials(app_id="demo")))
    assert through is not None
    assert (through.method, through.query) == ("POST", {})
    assert (
        dialect.read_request(dialect.unwrap(deepcopy(through))).op
        == dialect.read_request(dialect.write_request(op, Credentials())).op
    )
    write = dialect.write_request(Create(class_name="Post", changes={}), Credentials())
    assert dialect.tunnelled(write) is None


@pytest.mark.parametrize("field", ["_method", "_MasterKey", "a b", "a-b.c", "$where"])
@EACH
def test_no_column_has_a_name_that_the_vendor_would_not_give_it(dialect: Dialect, field: str) -> None:
    allowed = field.startswith("_") and dialect.name == "leancloud"
    for op in (
        Create(class_name="Post", changes={field: Set(1)}),
        Update(class_name="Post", id="x", changes={field: Set(1)}),
    ):
        assert (refusal(dialect.write_request, op, Credentials()) is None) is allowed


def test_what_an_answer_shows_otherwise_is_known_before_it_is_there() -> None:
    create = Create(class_name="Post", changes={"n": Set(1)})
    told = {
        name: [
            DIALECTS[name].answers(dataclasses.replace(create, returning=each)).get("returning") for each in Returning
        ]
        for name in ("parse", "leancloud")
    }
    nothing, computed, everything = Returning.NOTHING, Returning.COMPUTED, Returning.EVERYTHING
    assert list(Returning) == [nothing, computed, Returning.CHANGED, everything]
    assert told == {"parse": [computed, None, computed, computed], "leancloud": [None, everything, everything, None]}


def test_the_class_of_a_redirected_query_may_stand_in_each_result() -> None:
    op = Find(class_name="Post", limit=5, redirect_key="likes")
    body = {"results": [{"objectId": "f", "className": "Fan"}]}
    assert DIALECTS["parse"].read_reply(op, HttpResponse(200, deepcopy(body))).class_name == "Fan"
    plain = dataclasses.replace(op, redirect_key=None)
    assert DIALECTS["parse"].read_reply(plain, HttpResponse(200, body)).class_name is None


@pytest.mark.parametrize(("status", "created"), [(201, True), (200, False)])
def test_a_sign_up_tells_by_its_status_whether_the_user_is_new(status: int, created: bool) -> None:
    op = SignUp(changes={"authData": Set({"anonymous": {"id": "1"}})})
    body = {"objectId": "u", "createdAt": "2026-01-02T03:04:05.678Z", "sessionToken": "r:1"}
    result = DIALECTS["parse"].read_reply(op, HttpResponse(status, body))
    assert (result.created, result.session) == (created, "r:1")


def test_code_of_a_backend_fails_with_a_number_of_its_own() -> None:
    answer = HttpResponse(400, {"code": 4321, "error": "sold out"})
    for dialect in DIALECTS.values():
        with pytest.raises(GatewayError) as failed:
            dialect.read_reply(CallFunction(name="order"), answer)
        told = failed.value
        assert (told.code, told.message, told.details) == (Code.FUNCTION_FAILED, "sold out", {"number": "4321"})
        assert dialect.write_error(told).body == {"code": 4321, "error": "sold out"}
        with pytest.raises(GatewayError) as other:
            dialect.read_reply(Get(class_name="Post", id="a"), answer)
        assert other.value.code is Code.BAD_REQUEST


@pytest.mark.parametrize(
    ("op", "told"),
    [
        (Find(class_name="Post", limit=1, outputs=(Output("a", Column("b")),)), "find with values that are computed"),
        (Find(class_name="Post", limit=1, skip=2, distinct=True), "find with only the rows that differ"),
        (Batch(items=(), atomic=True, fixed_schema=True), "batch with all of it done, or nothing, and no columns made"),
        (Update(class_name="Post", id="x", changes={}, where=Condition("a", Op.EQ, 1)), "update with a condition"),
    ],
)
def test_a_refusal_says_what_there_are_no_words_for(op: Operation, told: str) -> None:
    with pytest.raises(GatewayError) as refused:
        DIALECTS["parse"].write_request(op, Credentials())
    assert refused.value.message == f"the backend has no words for it: {told}"
