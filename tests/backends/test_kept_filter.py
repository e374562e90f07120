"""A condition that is kept as JSON is the same when it is read back."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backends.kept_filter import kept, read_kept
from gateway.errors import Code, GatewayError
from gateway.model import query
from gateway.model.query import (
    And,
    Arithmetic,
    Box,
    Call,
    Circle,
    Column,
    Comparison,
    Condition,
    Filter,
    Function,
    Inverse,
    JsonPath,
    Literal,
    Near,
    Not,
    Op,
    Or,
    Regex,
    RelatedTo,
    Sort,
    Subquery,
    Wildcard,
)
from gateway.model.values import Date, File, GeoPoint, Pointer, Polygon
from tests.dialects.generated import BOUNDED, VALUES

POINT = GeoPoint(1.5, 2)
INNER = Condition("a.b", Op.EQ, None)
FILTERS: list[Filter | None] = [
    None,
    And(()),
    Or((INNER, Not(Condition("@id", Op.IN, ["a", "b"])))),
    Condition("a", Op.REGEX, Regex("^x", "i")),
    Condition("a", Op.NEAR, Near(POINT, 1.0)),
    Condition("a", Op.WITHIN, Box(POINT, POINT)),
    Condition("a", Op.WITHIN, Polygon((POINT, POINT), ((POINT,),))),
    Condition("a", Op.WITHIN, Circle(POINT, 0.1)),
    Condition("a", Op.NOT_IN, Subquery("_User", INNER, "@id", 5, 1, (Sort("b", True),))),
    RelatedTo(Pointer("Post", "p"), "likes"),
    Inverse("Post", "likes", INNER),
    Comparison(
        Call(Function.TIME, (Column("a"),)),
        Op.LT,
        Arithmetic("+", Literal(Date("2026-01-01T00:00:00.000Z")), Literal(1)),
    ),
    Comparison(JsonPath("a", ("x", Wildcard.ANY_DEPTH, 1)), Op.EQ, Literal({"And": [], "dict": {"tuple": 1}})),
    Condition("a", Op.EQ, File("n", "u", metadata={"a": b"x"})),
]


@pytest.mark.parametrize("where", FILTERS, ids=repr)
def test_what_is_read_back_is_the_same(where: Filter | None) -> None:
    assert read_kept(orjson.loads(orjson.dumps(kept(where)))) == where


@BOUNDED
@given(VALUES, st.sampled_from(list(Op)))
def test_every_value(value: Any, op: Op) -> None:
    where = Condition("a", op, value)
    assert read_kept(orjson.loads(orjson.dumps(kept(where)))) == where


@pytest.mark.parametrize("wire", [{"Condition": ["a"]}, {"Sooner": []}, {"And": [{"tuple": [{"Code": []}]}]}])
def test_what_a_newer_gateway_may_have_kept_is_not_guessed_at(wire: Any) -> None:
    with pytest.raises(GatewayError) as told:
        read_kept(wire)
    assert told.value.code is Code.UNSUPPORTED


def test_what_an_older_gateway_kept_has_fewer_parts() -> None:
    words = query.Condition("title", query.Op.TEXT, query.Words(some=(query.Phrase("a", prefix=True),)))
    assert read_kept(kept(words)) == words
    sort = query.Sort("n", descending=True)
    wire = kept(query.Condition("x", query.Op.IN, query.Subquery("Post", order=(sort,))))
    (sorted_by,) = wire["Condition"][2]["Subquery"][5]["tuple"]
    sorted_by["Sort"].pop()  # where what is missing stands
    found = read_kept(wire)
    assert isinstance(found, query.Condition)
    assert found.value.order == (sort,)
    sorted_by["Sort"].clear()
    with pytest.raises(GatewayError):
        read_kept(wire)
