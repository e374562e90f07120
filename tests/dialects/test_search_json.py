"""The orders of a search as JSON, and what it tells besides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from gateway.dialects.dialect import Dialect
from gateway.errors import Code, GatewayError
from gateway.model.operation import Find
from gateway.model.query import Sort
from gateway.wire import HttpRequest


def asked(dialects: Mapping[str, Dialect], **query: Any) -> Find:
    wire = {name: value if isinstance(value, str) else orjson.dumps(value).decode() for name, value in query.items()}
    op = (
        dialects["leancloud"].read_request(HttpRequest("GET", "/search/select", {"clazz": "Post", "q": "a", **wire})).op
    )
    assert isinstance(op, Find)
    return op


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ([{"n": {"order": "desc", "mode": "avg", "missing": "_last"}}], (Sort("n", True, None, True),)),
        ([{"n": {"order": "asc", "mode": "max", "missing": "_first"}}], (Sort("n", False, None, False),)),
        (
            [{"n": {}}, {"updatedAt": {"order": "asc"}}],
            (Sort("n", False, None, True), Sort("@updated_at", False, None, True)),
        ),
        ({"n": "desc"}, (Sort("n", True, None, True),)),
        ([], ()),
    ],
)
def test_orders(dialects: Mapping[str, Dialect], sort: Any, order: tuple[Sort, ...]) -> None:
    assert asked(dialects, sort=sort).order == order


@pytest.mark.parametrize(
    ("sort", "code"),
    [
        ([{"_geo_distance": {"at": [39.9, 116.4], "order": "asc", "unit": "km", "mode": "min"}}], Code.UNSUPPORTED),
        ([{"n": {"missing": 5}}], Code.UNSUPPORTED),
        ([{"n": {"mode": "sum"}}], Code.UNSUPPORTED),
        ([{"n": {"order": "up"}}], Code.BAD_QUERY),
        ([{"n": {"order": ["asc"]}}], Code.BAD_QUERY),
        ([{"n": {"unit": "km"}}], Code.BAD_QUERY),
        ([{"n": {}, "m": {}}], Code.BAD_QUERY),
        (["n"], Code.BAD_QUERY),
        (5, Code.BAD_QUERY),
        ([{"a b": {}}], Code.BAD_FIELD_NAME),
    ],
)
def test_orders_that_are_refused(dialects: Mapping[str, Dialect], sort: Any, code: Code) -> None:
    with pytest.raises(GatewayError) as refused:
        asked(dialects, sort=sort)
    assert refused.value.code is code


def test_what_is_searched_and_marked(dialects: Mapping[str, Dialect]) -> None:
    op = asked(dialects, fields="title, body", highlights="title,*")
    assert (op.text_fields, op.highlights) == (("title", "body"), ("title", "*"))
    op = asked(dialects, fields="")
    assert (op.text_fields, op.highlights, op.count) == (None, None, True)


@pytest.mark.parametrize("query", [{"q": "a"}, {"clazz": "Post"}, {"clazz": "Post", "q": "a", "where": "{}"}])
def test_a_search_needs_a_class_and_a_text(dialects: Mapping[str, Dialect], query: dict[str, str]) -> None:
    with pytest.raises(GatewayError) as refused:
        dialects["leancloud"].read_request(HttpRequest("GET", "/search/select", query))
    assert refused.value.code in (Code.BAD_REQUEST, Code.UNKNOWN_PARAMETER)
