"""Users and queries for recipients as a client tells them, and what is none."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.app import mappings_directory
from gateway.dialects.dialect import load_dialects
from gateway.dialects.exchange import Refused
from gateway.errors import Code, GatewayError
from gateway.model.account import USER
from gateway.model.operation import Credentials
from gateway.model.query import Condition, Op, Sort, Subquery
from gateway.model.social import SendStatus
from gateway.wire import HttpRequest

DIALECT = load_dialects(mappings_directory())["leancloud"]
BEN = {"__type": "Pointer", "className": "_User", "objectId": "ben"}


def read(query: Any, **more: Any) -> SendStatus:
    exchange = DIALECT.read(HttpRequest("POST", "/statuses", body={"query": query, "data": {}, **more}))
    if isinstance(exchange, Refused):
        raise exchange.error
    assert isinstance(exchange.op, SendStatus)
    return exchange.op


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        ({"className": "_User"}, Subquery(USER)),
        ({"className": "_User", "where": {"n": 1}}, Subquery(USER, Condition("n", Op.EQ, 1))),
        ('{"className": "_User"}', Subquery(USER)),
        ({"className": "Seat", "keys": "member", "limit": None}, Subquery("Seat", key="member")),
        ({"className": "Seat", "keys": "m", "include": "m"}, Subquery("Seat", key="m")),
        (
            {"className": "_User", "limit": 2, "skip": 1, "order": "-n"},
            Subquery(USER, limit=2, skip=1, order=(Sort("n", True),)),
        ),
    ],
)
def test_a_query_for_recipients(wire: Any, expected: Subquery) -> None:
    assert read(wire).recipients == expected


@pytest.mark.parametrize(
    "wire",
    [
        {},
        [],
        7,
        {"className": 7},
        {"className": "_User", "count": 1},
        {"className": "_User", "limit": -1},
        {"className": "_User", "limit": True},
        {"className": "_User", "limit": "7"},
        {"className": "_User", "limit": 1, "skip": 1.5},
        {"className": "_User", "skip": 1},
        {"className": "_User", "where": 7},
        {"className": "_User", "where": "x"},
        {"className": "_User", "where": {"n": {"$no": 1}}},
        {"className": "Seat", "keys": ["member"]},
        {"className": "Seat", "keys": "a,b"},
        {"className": "Seat'--"},
        {"className": "_User", "order": ",", "limit": 1},
        "{",
    ],
)
def test_what_is_no_query_for_recipients(wire: Any) -> None:
    with pytest.raises(GatewayError) as refused:
        read(wire)
    expected = {
        Code.BAD_QUERY,
        Code.BAD_JSON,
        Code.BAD_FIELD_NAME,
        Code.BAD_CLASS_NAME,
        Code.BAD_REQUEST,
        Code.BAD_VALUE,
    }
    assert refused.value.code in expected


@pytest.mark.parametrize(
    "wire",
    ["ben", 7, None, {}, {"objectId": "ben"}, {**BEN, "className": "Post"}, {**BEN, "objectId": 7}, [BEN], "[]", "{"],
)
def test_what_is_no_user(wire: Any) -> None:
    with pytest.raises(GatewayError):
        read({"className": "_User"}, source=wire if wire is not None else {"__type": "Pointer"})


def test_a_user_is_told_as_text_where_it_is_a_parameter() -> None:
    query = {"owner": '{"__type":"Pointer","className":"_User","objectId":"ben"}', "messageId": "1"}
    exchange = DIALECT.read(HttpRequest("DELETE", "/subscribe/statuses/inbox", query))
    assert not isinstance(exchange, Refused)
    assert DIALECT.write_request(exchange.op, Credentials()).query == query
