"""Statements in CQL: what they ask for, what is wrong with them and where, and that a value is never more than that."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dialects.dialect import Dialect
from gateway.dialects.exchange import Exchange, Refused
from gateway.errors import Code, GatewayError
from gateway.model.operation import Create, Delete, Find, Operation, Result, Update
from gateway.model.query import And, Box, Condition, Filter, Near, Not, Op, Or, Regex, RelatedTo, Sort, Subquery
from gateway.model.update import Set, Unset
from gateway.model.values import Date, File, GeoPoint, Pointer
from gateway.wire import HttpRequest
from tests.dialects.generated import BOUNDED
from tests.oracle import matches

DIALECT = "leancloud"


@pytest.fixture(scope="module")
def cql(dialects: Mapping[str, Dialect]) -> Cql:
    return Cql(dialects[DIALECT])


class Cql:
    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect

    def exchange(self, text: str, *given_: Any, **query: str) -> Exchange | Refused:
        values = {"pvalues": json.dumps(given_)} if given_ else {}
        return self.dialect.read(HttpRequest("GET", "/cloudQuery", {"cql": text, **values, **query}))

    def read(self, text: str, *given_: Any, **query: str) -> Operation:
        found = self.exchange(text, *given_, **query)
        if isinstance(found, Refused):
            raise found.error
        return found.op

    def where(self, text: str, *given_: Any) -> Filter | None:
        found = self.read(f"select * from Post where {text}", *given_)
        assert isinstance(found, Find)
        return found.where

    def wire(self, where: Any) -> Filter | None:
        """The same as it is said in JSON."""
        request = HttpRequest("GET", "/classes/Post", {"where": json.dumps(where)})
        found = self.dialect.read_request(request).op
        assert isinstance(found, Find)
        return found.where

    def refusal(self, text: str, *given_: Any) -> tuple[int, str]:
        found = self.exchange(text, *given_)
        assert isinstance(found, Refused), f"it was read: {found.op}"
        body = self.dialect.write_refusal(found).body
        return body["code"], body["error"]


# --- select ---

ALL: Mapping[str, Any] = {"class_name": "Post", "limit": 100, "with_acl": False}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("select * from Post", {}),
        ("SELECT * FROM Post", {}),
        ("  select\n\t*\r\n from Post ", {}),
        ("select title,meta.views from Post", {"select": ("title", "meta.views")}),
        ("select title, * from Post", {}),
        ("select objectId, createdAt from Post", {"select": ("@id", "@created_at")}),
        ("select count(*) from Post", {"count": True, "limit": 0}),
        ("select count(*) from Post limit 3", {"count": True, "limit": 3}),
        ("select count(*), * from Post", {"count": True}),
        ("select *,count(objectId) from Post limit 10", {"count": True, "limit": 10}),
        ("select count(*), title from Post", {"count": True, "select": ("title",)}),
        ("select count, include from Post", {"select": ("count", "include")}),
        ("select include author, * from Post", {"include": ("author",)}),
        ("select include author, include child.author from Post", {"include": ("author", "child.author")}),
        ("select include author, title from Post", {"include": ("author",), "select": ("title",)}),
        ("select * from Post limit 100,10", {"skip": 100, "limit": 10}),
        ("select * from Post limit 5000", {"limit": 100}),  # the guide: out of range means the default
        ("select * from Post order by a", {"order": (Sort("a"),)}),
        ("select * from Post order by -a, b", {"order": (Sort("a", True), Sort("b"))}),
        ("select * from Post order by a,+b desc", {"order": (Sort("a", True), Sort("b"))}),
        ("select * from Post order by -a,b asc", {"order": (Sort("a", True), Sort("b"))}),
        ("select * from Post order by a asc, b desc", {"order": (Sort("a"), Sort("b", True))}),
        ("select * from Post order by a desc, b", {"order": (Sort("a", True), Sort("b"))}),
        ("select * from Post limit 1 order by -createdAt", {"limit": 1, "order": (Sort("@created_at", True),)}),
        ("select * from Post order by -createdAt limit 1", {"limit": 1, "order": (Sort("@created_at", True),)}),
    ],
)
def test_a_query_is_read(cql: Cql, text: str, parts: dict[str, Any]) -> None:
    assert cql.read(text) == Find(**{**ALL, **parts})


def test_acls_are_told_where_they_are_asked_for(cql: Cql) -> None:
    assert cql.read("select * from Post", returnACL="true") == Find(**{**ALL, "with_acl": True})


# --- conditions: each is one of a `where`, and means the same ---

POINTER = {"__type": "Pointer", "className": "Author", "objectId": "x1"}
DATE = {"__type": "Date", "iso": "2026-01-02T03:04:05.678Z"}
POINT = {"__type": "GeoPoint", "latitude": 39.9, "longitude": 116.4}
INNER = {"className": "Author", "where": {"age": {"$gt": 8}}}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("title='x'", {"title": "x"}),
        ('title = "x"', {"title": "x"}),
        ("title = 'it''s'", {"title": "it's"}),
        ('title = "say ""it"""', {"title": 'say "it"'}),
        (r"title = 'a\'", {"title": "a\\"}),
        ("a = -1.5e2", {"a": -150.0}),
        ("a = +1", {"a": 1}),
        ("a = true and b = false and c = null", {"a": True, "b": False, "c": None}),
        ("a != 1", {"a": {"$ne": 1}}),
        ("a <> 1", {"a": {"$ne": 1}}),
        ("a < 1", {"a": {"$lt": 1}}),
        ("a<=1", {"a": {"$lte": 1}}),
        ("a > 1 and a >= 2", {"a": {"$gt": 1, "$gte": 2}}),
        ("a in (1, 'x')", {"a": {"$in": [1, "x"]}}),
        ("a in ()", {"a": {"$in": []}}),
        ("a not in (1)", {"a": {"$nin": [1]}}),
        ("a is exists", {"a": {"$exists": True}}),
        ("a is not exists", {"a": {"$exists": False}}),
        ("a is null", {"a": None}),
        ("a is not null", {"a": {"$ne": None}}),
        ("title regexp 'a.*'", {"title": {"$regex": "a.*"}}),
        ("title like 'a%'", {"title": {"$regex": "^a.*$", "$options": "s"}}),
        ("title like '%a.b%'", {"title": {"$regex": r"^.*a\.b.*$", "$options": "s"}}),
        ("tags all (1, 2)", {"tags": {"$all": [1, 2]}}),
        ("size(tags) = 2", {"tags": {"$size": 2}}),
        ("size = 2", {"size": 2}),
        ("related = 2", {"related": 2}),
        ("at near [116.4, 39.9]", {"at": {"$nearSphere": POINT}}),
        ("at near geopoint(116.4, 39.9) max 1 km", {"at": {"$nearSphere": POINT, "$maxDistanceInKilometers": 1}}),
        ("at near [116.4, 39.9] max 2 miles", {"at": {"$nearSphere": POINT, "$maxDistanceInMiles": 2}}),
        ("at near [116.4, 39.9] max 0.5", {"at": {"$nearSphere": POINT, "$maxDistanceInRadians": 0.5}}),
        ("at near [116.4, 39.9] max 0.5 radians", {"at": {"$nearSphere": POINT, "$maxDistanceInRadians": 0.5}}),
        (
            "at near [116.4, 39.9] min 0.5 km max 1 km",
            {"at": {"$nearSphere": POINT, "$maxDistanceInKilometers": 1, "$minDistanceInKilometers": 0.5}},
        ),
        (
            "at within [116.4, 39.9] and [117, 40]",
            {"at": {"$within": {"$box": [POINT, {"__type": "GeoPoint", "latitude": 40, "longitude": 117}]}}},
        ),
        ("author = pointer('Author', 'x1')", {"author": POINTER}),
        ("author = {className:'Author', 'objectId':\"x1\", __type:'Pointer'}", {"author": POINTER}),
        ("on < date('2026-01-02T03:04:05.678Z')", {"on": {"$lt": DATE}}),
        ("b = base64('aGk=')", {"b": {"__type": "Bytes", "base64": "aGk="}}),
        ("obj = {a: {b: [1, {c: null}]}}", {"obj": {"a": {"b": [1, {"c": None}]}}}),
        ("list = [1, 'x', []]", {"list": [1, "x", []]}),
        ("author in (select * from Author where age > 8)", {"author": {"$inQuery": INNER}}),
        ("author not in (select * from Author where age > 8)", {"author": {"$notInQuery": INNER}}),
        ("n in (select name from Author where age > 8)", {"n": {"$select": {"query": INNER, "key": "name"}}}),
        ("n = (select name from Author where age > 8)", {"n": {"$select": {"query": INNER, "key": "name"}}}),
        ("n != (select name from Author where age > 8)", {"n": {"$dontSelect": {"query": INNER, "key": "name"}}}),
        ("related likes to pointer('Author', 'x1')", {"$relatedTo": {"object": POINTER, "key": "likes"}}),
        ("a = 1 and (b = 2 or c = 3)", {"$and": [{"a": 1}, {"$or": [{"b": 2}, {"c": 3}]}]}),
        ("a = 1 and b = 2 or c = 3", {"$or": [{"a": 1, "b": 2}, {"c": 3}]}),
        ("(a = 1)", {"a": 1}),
    ],
)
def test_a_condition_is_the_one_of_a_where(cql: Cql, text: str, where: Any) -> None:
    assert cql.where(text) == cql.wire(where)


def test_what_a_where_has_no_word_for(cql: Cql) -> None:
    assert cql.where("title not like 'a%'") == Not(Condition("title", Op.REGEX, Regex("^a.*$", "s")))
    assert cql.where("title not regexp 'a'") == Not(Condition("title", Op.REGEX, Regex("a")))
    assert cql.where("f = file('x1')") == Condition("f", Op.EQ, File(id="x1"))
    inner = Subquery("Author", None, "name", limit=5, skip=2, order=(Sort("age", True),))
    assert cql.where("n in (select name from Author limit 2,5 order by -age)") == Condition("n", Op.IN, inner)
    now = cql.where("on < current_timestamp()")
    assert isinstance(now, Condition)
    assert isinstance(now.value, Date)


# --- values beside the text ---


def test_places_are_filled_in_their_order(cql: Cql) -> None:
    inner = "select * from Author where age > ?"
    text = f"select * from Post where title = ? and n in (?, ?) and author in ({inner}) limit ?,?"
    found = cql.read(text, "x", 1, None, 8, 3, 4)
    parts = (
        Condition("title", Op.EQ, "x"),
        Condition("n", Op.IN, [1, None]),
        Condition("author", Op.IN, Subquery("Author", Condition("age", Op.GT, 8))),
    )
    assert found == Find(**{**ALL, "where": And(parts), "skip": 3, "limit": 4})


def test_a_value_has_the_types_that_json_has(cql: Cql) -> None:
    assert cql.where("author = ?", POINTER) == Condition("author", Op.EQ, Pointer("Author", "x1"))
    assert cql.where("on < ?", DATE) == Condition("on", Op.LT, Date(DATE["iso"]))
    assert cql.where("on < date(?)", DATE["iso"]) == Condition("on", Op.LT, Date(DATE["iso"]))
    assert cql.where("author = pointer(?, ?)", "Author", "x1") == Condition("author", Op.EQ, Pointer("Author", "x1"))
    assert cql.where("at near ?", POINT) == Condition("at", Op.NEAR, Near(GeoPoint(39.9, 116.4)))
    assert cql.where("at near [?, ?]", 116.4, 39.9) == Condition("at", Op.NEAR, Near(GeoPoint(39.9, 116.4)))
    assert cql.where("n in ?", [1, 2]) == Condition("n", Op.IN, [1, 2])
    assert cql.where("related likes to ?", POINTER) == RelatedTo(Pointer("Author", "x1"), "likes")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20) | st.sampled_from(
        ["' or 1=1", "x') or (a='", "?", "select * from _User", '" --', "$gt", "a = 1", "\\'", "drop table x", "1; 2"]
    ),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.text(max_size=5) | st.sampled_from(["$gt", "$ne", "$in", "$regex", "__op", "__type", "a.b", "className"]),
        inner,
        max_size=3,
    ),
    max_leaves=6,
)  # fmt: skip


@BOUNDED
@given(JSON)
def test_a_value_is_never_syntax(cql: Cql, value: Any) -> None:
    """Whatever it is, it stands where its place is, or is refused; the rest of the statement is as it was."""
    text = "select title from Post where title = ? and n > 1 limit 7"
    exchange = cql.exchange(text, value)
    if isinstance(exchange, Refused):
        assert exchange.error.code in (Code.BAD_QUERY, Code.BAD_VALUE, Code.BAD_POINTER, Code.BAD_CLASS_NAME)
        assert "__type" in json.dumps(value) or "$" in json.dumps(value)
        return
    found = exchange.op
    assert isinstance(found, Find)
    assert isinstance(found.where, And)
    first, second = found.where.parts
    assert isinstance(first, Condition)
    assert (first.field, first.op) == ("title", Op.EQ)
    assert second == Condition("n", Op.GT, 1)
    assert (found.class_name, found.select, found.limit, found.order) == ("Post", ("title",), 7, ())
    if "__type" not in json.dumps(value):
        assert first.value == value


@BOUNDED
@given(JSON)
def test_a_value_that_is_written_is_never_an_operator(cql: Cql, value: Any) -> None:
    for text in ("insert into Post(a) values(?)", "update Post set a = ? where objectId = 'x'"):
        exchange = cql.exchange(text, value)
        if isinstance(exchange, Refused):
            refusals = (Code.BAD_VALUE, Code.BAD_NESTED_KEY, Code.BAD_POINTER, Code.BAD_CLASS_NAME)
            assert exchange.error.code in refusals
            continue
        assert isinstance(exchange.op, Create | Update)
        (change,) = exchange.op.changes.values()
        assert isinstance(change, Unset if value is None else Set)


@pytest.mark.parametrize("value", [{"$gt": 0}, {"$ne": None}, [{"$regex": "."}], {"$in": [1]}])
def test_an_operator_of_a_where_is_no_value(cql: Cql, value: Any) -> None:
    for text in ("a = ?", "a in (?)", "a != ?", "a in ?"):
        assert cql.refusal(f"select * from Post where {text}", value)[0] == 300


@pytest.mark.parametrize("value", [{"__op": "Increment", "amount": 1}, {"__op": "Delete"}])
def test_an_operator_of_a_write_is_no_value(cql: Cql, value: Any) -> None:
    for text in ("insert into Post(a) values(?)", "update Post set a = ? where objectId = 'x'"):
        with pytest.raises(GatewayError) as refused:
            cql.read(text, value)
        assert refused.value.code is Code.BAD_VALUE


# --- insert, update, delete ---


def test_what_changes_something_is_read(cql: Cql) -> None:
    assert cql.read('insert into Post(title, n, author) values("工作", ?, pointer("Author", "x1"))', 1) == Create(
        class_name="Post",
        changes={"title": Set("工作"), "n": Set(1), "author": Set(Pointer("Author", "x1"))},
        returning="everything",  # type: ignore[arg-type]
    )
    assert cql.read("update Post set title='x', n = null where objectId='p1'") == Update(
        class_name="Post",
        id="p1",
        changes={"title": Set("x"), "n": Unset()},
        returning="everything",  # type: ignore[arg-type]
    )
    assert cql.read("delete from Post where objectId = ?", "p1") == Delete(class_name="Post", ids=("p1",))
    assert cql.read("delete from Post where objectId='p1' and n > 1") == Delete(
        class_name="Post", ids=("p1",), where=Condition("n", Op.GT, 1)
    )
    acl = cql.read("insert into Post(ACL) values({'*': {read: true}})")
    assert isinstance(acl, Create)
    assert acl.changes == {"@acl": Set({"*": {"read": True}})}


@pytest.mark.parametrize(
    "text",
    [
        "delete from Post",
        "delete from Post where n = 1",
        "delete from Post where objectId = 1",
        "delete from Post where objectId = 'a' or n = 1",
        "delete from Post where objectId in ('a', 'b')",
        "delete from Post where objectId = 'a' and objectId = 'b'",
        "update Post set a = 1",
        "update Post set a = 1 where a = 2",
        "update Post set where objectId = 'a'",
        "insert into Post(a, b) values(1)",
        "insert into Post values(1)",
        "insert into Post() values()",
    ],
)
def test_only_one_object_that_is_named_is_changed(cql: Cql, text: str) -> None:
    assert cql.refusal(text)[0] == 300


def test_what_the_server_sets_is_not_written(cql: Cql) -> None:
    for column in ("objectId", "createdAt", "updatedAt"):
        with pytest.raises(GatewayError) as refused:
            cql.read(f"insert into Post({column}) values('x')")
        assert refused.value.code is Code.RESERVED_FIELD


@pytest.mark.parametrize(
    ("text", "result", "expected"),
    [
        (
            "select * from Post",
            Result(objects=[{"@id": "p1", "n": 1}], total=7),
            {"results": [{"objectId": "p1", "n": 1}], "count": 7, "className": "Post"},
        ),
        (
            "insert into Post(n) values(1)",
            Result(id="p1", created_at=Date(DATE["iso"]), object={"n": 1}),
            {"results": [{"n": 1, "objectId": "p1", "createdAt": DATE["iso"]}], "className": "Post"},
        ),
        (
            "update Post set n = 1 where objectId = 'p1'",
            Result(id="p1", updated_at=Date(DATE["iso"]), object={"n": 1}),
            {"results": [{"n": 1, "objectId": "p1", "updatedAt": DATE["iso"]}], "className": "Post"},
        ),
        ("delete from Post where objectId = 'p1'", Result(), {"results": [], "className": "Post"}),
    ],
)
def test_an_answer_has_objects_and_their_class(cql: Cql, text: str, result: Result, expected: Any) -> None:
    exchange = cql.exchange(text)
    assert isinstance(exchange, Exchange)
    assert cql.dialect.write_reply(exchange, result).body == expected


# --- what is wrong, and where ---


def test_an_error_is_told_as_it_was_recorded(cql: Cql) -> None:
    code, text = cql.refusal("select * GameScore limit 10")
    assert code == 300
    assert text == (
        "CQL syntax error.Detail: Parse error at line 1, column 10:\n"
        'select * GameScore limit 10\n         ^\nExpected one of:\nfrom\n#"\\s+"\n,\n\n'
    )


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("", 1, 1),
        ("drop table Post", 1, 1),
        ("select", 1, 7),
        ("select * from", 1, 14),
        ("select * from Post where", 1, 25),
        ("select * from Post where a", 1, 27),
        ("select * from Post where a ==", 1, 29),
        ("select * from Post where a = 'x", 1, 30),
        ("select * from Post where a = 1x", 1, 30),
        ("select * from Post where a = x", 1, 30),
        ("select * from Post where a = 1;", 1, 31),
        ("select * from Post where a = 1 -- x", 1, 32),
        ("select * from Post where (a = 1", 1, 32),
        ("select * from Post where a in 1", 1, 31),
        ("select * from Post where a not = 1", 1, 32),
        ("select * from Post where a is 1", 1, 31),
        ("select * from Post where a > (select n from Post)", 1, 30),
        ("select * from Post where a in (select n, m from Post)", 1, 32),
        ("select * from Post where a in (select count(*) from Post)", 1, 32),
        ("select * from Post\nwhere a = 1\n  foo", 3, 3),
        ("select * from Post limit x", 1, 26),
        ("select * from Post limit 'x'", 1, 26),
        ("select * from Post limit 1 limit 2", 1, 28),
        ("select * from Post where at near 5", 1, 34),
        ("select * from Post where at near [200, 5]", 1, 34),
        ("select * from Post where at near [1, 2] max -1", 1, 45),
        ("select * from Post where size(a) > 1", 1, 34),
        ("select * from Post where size(a) = 1.5", 1, 36),
        ("select * from Post where a = date('soon')", 1, 30),
        ("select * from Post where a = date()", 1, 30),
        ("select * from Post where a = pointer('Post')", 1, 30),
        ("select * from Post where a = ?", 1, 30),
        ("select count(title) from Post", 1, 19),
        ("select * from Post where related likes to 'x'", 1, 43),
    ],
)
def test_the_place_of_what_is_wrong_is_told(cql: Cql, text: str, line: int, column: int) -> None:
    code, told = cql.refusal(text)
    assert code == 300
    assert told.startswith(f"CQL syntax error.Detail: Parse error at line {line}, column {column}:\n"), told


def test_too_many_and_too_few_values_are_refused(cql: Cql) -> None:
    assert "there is no value for this place" in cql.refusal("select * from Post where a = ? and b = ?", 1)[1]
    assert "2 values are given, and 1 places" in cql.refusal("select * from Post where a = ?", 1, 2)[1]
    assert cql.refusal("select * from Post where a = ?", *range(1001))[0] == 300
    twice = cql.exchange("select * from Post where a = ?", pvalues='"[1]"')
    assert isinstance(twice, Exchange), "as the SDK for Python does it"
    for junk in ("{}", "5", '"x"', "[1", "[NaN]"):
        refused = cql.exchange("select * from Post where a = ?", pvalues=junk)
        assert isinstance(refused, Refused), junk
        assert cql.dialect.write_refusal(refused).body["code"] == 300


def test_names_are_those_of_the_vendor(cql: Cql) -> None:
    with pytest.raises(GatewayError) as refused:
        cql.read("select * from 漢字")
    assert refused.value.code is Code.BAD_CLASS_NAME
    with pytest.raises(GatewayError) as refused:
        cql.read("select * from Post where createdAt.x = 1")
    assert refused.value.code is Code.BAD_FIELD_NAME
    assert cql.refusal("select * from @token")[0] == 300
    assert cql.refusal("select $where from Post")[0] == 300


def test_what_is_deep_or_long_is_refused(cql: Cql) -> None:
    for text in ("(" * 60 + "a=1" + ")" * 60, "a = " + "[" * 60 + "]" * 60, "a = " + "{x:" * 60 + "1" + "}" * 60):
        assert cql.refusal(f"select * from Post where {text}")[0] == 300
    nested = "n in (select n from Post where " * 60 + "n = 1" + ")" * 60
    assert cql.refusal(f"select * from Post where {nested}")[0] == 300
    assert cql.refusal("select * from Post where a = '" + "x" * 100_000 + "'")[0] == 300
    _, told = cql.refusal("select * from Post where a = 'x' and " + "b = 1 and " * 2000)
    assert len(told) < 1000, "a long line is told in part"


SIGNS = ["=", "(", ")", ",", "?", "[", "]", "{", "}", ":", "-", "*", "'x'", "1"]
NAMES = ["select", "from", "Post", "where", "a", "in", "not", "like", "and", "or", "order", "by", "limit", "desc"]
WORDS = st.sampled_from(["near", "insert", "into", "values", "date", "count", *NAMES, *SIGNS])


@settings(BOUNDED, max_examples=400)
@given(st.lists(WORDS, max_size=14).map(" ".join) | st.text(max_size=30))
def test_junk_is_an_error_of_the_clients(cql: Cql, text: str) -> None:
    exchange = cql.exchange(text)
    if isinstance(exchange, Refused):
        assert exchange.error.code in (Code.BAD_QUERY, Code.BAD_CLASS_NAME, Code.BAD_FIELD_NAME, Code.BAD_VALUE)


# --- meaning ---

SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "ab", "b", "it's", 'q"', "%"])
FIELDS = st.sampled_from(["a", "b", "c"])
OBJECTS = st.dictionaries(FIELDS, SCALARS | st.lists(st.integers(-1, 1), max_size=2), max_size=3)


def written(value: Any) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return {True: "true", False: "false", None: "null"}[value] if value is None or type(value) is bool else str(value)


def conditions() -> st.SearchStrategy[tuple[str, Filter]]:
    """Texts, each with what it means, said by the model."""
    compared = st.builds(
        lambda field, sign, value: (f"{field} {sign[0]} {written(value)}", Condition(field, sign[1], value)),
        FIELDS,
        st.sampled_from([("=", Op.EQ), ("!=", Op.NE), ("<", Op.LT), (">=", Op.GE), ("<=", Op.LE), (">", Op.GT)]),
        SCALARS,
    )
    listed = st.builds(
        lambda field, refused, values: (
            f"{field} {'not ' if refused else ''}in ({', '.join(map(written, values))})",
            Condition(field, Op.NOT_IN if refused else Op.IN, values),
        ),
        FIELDS,
        st.booleans(),
        st.lists(SCALARS, max_size=3),
    )
    there = st.builds(
        lambda field, is_: (f"{field} is {'' if is_ else 'not '}exists", Condition(field, Op.EXISTS, is_)),
        FIELDS,
        st.booleans(),
    )
    sized = st.builds(
        lambda field, n: (f"size({field}) = {n}", Condition(field, Op.SIZE, n)), FIELDS, st.integers(0, 2)
    )
    return compared | listed | there | sized


def joined(inner: st.SearchStrategy[tuple[str, Filter]]) -> st.SearchStrategy[tuple[str, Filter]]:
    def join(word: str, parts: list[tuple[str, Filter]]) -> tuple[str, Filter]:
        kind = And if word == "and" else Or
        return f" {word} ".join(f"({text})" for text, _ in parts), kind(tuple(part for _, part in parts))

    return st.builds(join, st.sampled_from(["and", "or"]), st.lists(inner, min_size=1, max_size=3))


@settings(BOUNDED, max_examples=300)
@given(st.recursive(conditions(), joined, max_leaves=6), st.lists(OBJECTS, min_size=1, max_size=4))
def test_a_text_means_what_it_says(cql: Cql, said: tuple[str, Filter], objects: list[dict[str, Any]]) -> None:
    text, meant = said
    read = cql.where(text)
    for fields in objects:
        shown = {"@id": "x", **fields}
        assert matches(read, "Post", shown, {}) is matches(meant, "Post", shown, {}), text


@BOUNDED
@given(st.lists(st.tuples(st.booleans(), conditions()), min_size=1, max_size=5), OBJECTS)
def test_and_binds_closer_than_or(
    cql: Cql, parts: list[tuple[bool, tuple[str, Filter]]], fields: dict[str, Any]
) -> None:
    text = "".join(
        (f" {'or' if either else 'and'} " if at else "") + said[0] for at, (either, said) in enumerate(parts)
    )
    groups: list[list[bool]] = [[]]
    for at, (either, (_, meant)) in enumerate(parts):
        if either and at:
            groups.append([])
        groups[-1].append(matches(meant, "Post", {"@id": "x", **fields}, {}))
    assert matches(cql.where(text), "Post", {"@id": "x", **fields}, {}) is any(all(group) for group in groups), text


@BOUNDED
@given(st.sampled_from(["a%", "%b", "%", "a", "%a%", "a.b", "_", "a%b%", ""]), st.text("ab._\n%", max_size=5))
def test_like_matches_the_whole_text(cql: Cql, pattern: str, text: str) -> None:
    def fits(pattern: str, text: str) -> bool:
        if not pattern:
            return not text
        if pattern[0] == "%":
            return any(fits(pattern[1:], text[at:]) for at in range(len(text) + 1))
        return text[:1] == pattern[0] and fits(pattern[1:], text[1:])

    where = cql.where(f"a like '{pattern}'")
    # Python's $ matches before a last newline as well, and RE2's does not
    assert matches(where, "Post", {"@id": "x", "a": text}, {}) is fits(pattern, text) or text.endswith("\n")


def test_distances_are_those_of_the_vendor(cql: Cql) -> None:
    box = cql.where("at within [1, 2] and [3, 4]")
    assert box == Condition("at", Op.WITHIN, Box(GeoPoint(2, 1), GeoPoint(4, 3)))
    near = cql.where("at near [0, 0] max 6371 km")
    assert isinstance(near, Condition)
    assert isinstance(near.value, Near)
    assert math.isclose(near.value.max_distance or 0, 1.0)
