"""Requests inside a request: which are read, and what spoils the whole of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from gateway.dialects.dialect import Dialect
from gateway.dialects.exchange import Refused
from gateway.errors import Code, GatewayError
from gateway.wire import HttpRequest
from tests.cases import BASES


def asking(name: str, requests: Any, path: str = "/batch", **more: Any) -> HttpRequest:
    return HttpRequest("POST", path, {}, {}, {"requests": requests, **more}, BASES[name])


PUT = {"method": "PUT", "path": "/parse/classes/Post/x", "body": {}}

SPOILED: tuple[tuple[str, Any, str], ...] = (
    ("no list", None, "requests must be an array"),
    ("an object for the list", {}, "requests must be an array"),
    ("too many", [PUT] * 1001, "1001 requests in one batch: 1000 at the most"),
    ("a request that is no object", ["x"], "a request of a batch must be an object, not 'x'"),
    ("a path that is no text", [{"method": "GET", "path": 5}], "batch request path must be a string"),
    ("no path", [{"method": "GET"}], "batch request path must be a string"),
    ("a method in lower case", [{**PUT, "method": "put"}], "cannot route put /classes/Post/x"),
    ("no method", [{"path": "/parse/classes/Post"}], "cannot route None /classes/Post"),
    ("no mount", [{**PUT, "path": "/classes/Post/x"}], "cannot route batch path /classes/Post/x"),
    ("another mount", [{**PUT, "path": "/1.1/classes/Post/x"}], "cannot route batch path /1.1/classes/Post/x"),
    (
        "a whole address",
        [{**PUT, "path": "http://h/parse/classes/Post/x"}],
        "cannot route batch path http://h/parse/classes/Post/x",
    ),
    ("an unknown path", [PUT, {"method": "GET", "path": "/parse/nosuch"}], "cannot route GET /nosuch"),
    (
        "a method that a path lacks",
        [{"method": "PUT", "path": "/parse/classes/Post"}],
        "cannot route PUT /classes/Post",
    ),
    (
        "a batch",
        [{"method": "POST", "path": "/parse/batch", "body": {"requests": []}}],
        "nested batch requests are not allowed",
    ),
)


@pytest.mark.parametrize(("requests", "message"), [pytest.param(*row[1:], id=row[0]) for row in SPOILED])
def test_a_request_that_leads_nowhere_spoils_the_batch(
    requests: Any, message: str, dialects: Mapping[str, Dialect]
) -> None:
    with pytest.raises(GatewayError) as refused:
        dialects["parse"].read_request(asking("parse", requests))
    assert (refused.value.code, refused.value.message) == (Code.BAD_BATCH, message)


BAD = {"method": "POST", "path": "/parse/classes/Post", "body": {"bad-name": 1}}


def test_a_request_that_cannot_be_read_is_the_error_of_its_place(dialects: Mapping[str, Dialect]) -> None:
    exchange = dialects["parse"].read_request(asking("parse", [PUT, BAD, PUT]))
    codes = [item.error.code if isinstance(item, Refused) else None for item in exchange.items]
    assert (codes, len(exchange.op.items)) == ([None, Code.BAD_FIELD_NAME, None], 2)  # type: ignore[attr-defined]


def test_in_a_transaction_it_is_the_error_of_all(dialects: Mapping[str, Dialect]) -> None:
    with pytest.raises(GatewayError) as refused:
        dialects["parse"].read_request(asking("parse", [PUT, BAD], transaction=True))
    assert refused.value.code is Code.BAD_FIELD_NAME


def test_the_mount_of_the_request_comes_before_the_usual_ones(dialects: Mapping[str, Dialect]) -> None:
    for base, path in (
        ("http://h/parse/two", "/parse/two/classes/Post/x"),
        ("http://h", "/classes/Post/x"),
        ("http://h", "/parse/classes/Post/x"),
        ("http://h/custom", "/1/classes/Post/x"),
    ):
        request = asking("parse", [{**PUT, "path": path}])
        request.base = base
        assert len(dialects["parse"].read_request(request).items) == 1, path


CHILDREN: tuple[tuple[str, Any, str], ...] = (
    ("a name that is no text", {"__internalId": 5}, "__internalId must be text, not 5"),
    ("a child that is no object", {"__children": ["x"]}, "each of __children must hold key, cid, className"),
    (
        "a child without a field",
        {"__children": [{"cid": "c", "className": "A"}]},
        "each of __children must hold key, cid, className",
    ),
    ("children that are no list", {"__children": 5}, "__children must be a list, not 5"),
)


@pytest.mark.parametrize(("body", "message"), [pytest.param(*row[1:], id=row[0]) for row in CHILDREN])
def test_a_malformed_reference_spoils_the_batch(body: Any, message: str, dialects: Mapping[str, Dialect]) -> None:
    requests = [{"method": "POST", "path": "/1.1/classes/Post", "body": body}]
    with pytest.raises(GatewayError) as refused:
        dialects["leancloud"].read_request(asking("leancloud", requests, "/batch/save"))
    assert (refused.value.code, refused.value.message) == (Code.BAD_BATCH, message)
