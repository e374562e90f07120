"""What a write computes: over the object as it was, with nulls as in SQL."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Code, GatewayError
from gateway.model.operation import Batch, Create, Result, Update, UpdateMany
from gateway.model.query import And, Arithmetic, Call, Column, Expression, Function, Literal
from gateway.model.update import Change, Compute, Increment, Set, Several
from gateway.model.values import Date
from gateway.store.arithmetic import DEEPEST, computed
from tests.store.conftest import Shop

OLD: dict[str, Any] = {"n": 7, "half": 0.5, "zero": 0, "large": 2**62, "none": None}


def of(operator: str, left: Any, right: Any) -> Expression:
    """Numbers stand for themselves, texts for columns."""
    parts = [
        Column(part) if isinstance(part, str) else part if isinstance(part, Arithmetic) else Literal(part)
        for part in (left, right)
    ]
    return Arithmetic(operator, *parts)


MEANINGS: tuple[tuple[str, Expression, Any], ...] = (
    ("a column", Column("n"), 7),
    ("a number", Literal(2.5), 2.5),
    ("a sum", of("+", "n", 1), 8),
    ("a difference", of("-", 1, "n"), -6),
    ("a product", of("*", "n", "half"), 3.5),
    ("a quotient", of("/", "n", 2), 3.5),
    ("a whole quotient is whole", of("/", "n", 7), 1),
    ("a large quotient loses nothing", of("/", of("+", of("*", "large", 1), 1), 1), 2**62 + 1),
    ("what goes on below", of("-", of("+", "n", 1), of("*", 2, "half")), 7.0),
    ("a product of more than 64 bits", of("*", "large", 4), 2.0**64),
    ("null and a number", of("+", "none", 1), None),
    ("a number and null", of("*", 0, "none"), None),
    ("a null", Literal(None), None),
    ("by zero", of("/", "n", "zero"), None),
    ("by zero and a half", of("/", "n", 0.0), None),
    ("null by zero", of("/", "none", 0), None),
)


@pytest.mark.parametrize(("expression", "result"), [pytest.param(*row[1:], id=row[0]) for row in MEANINGS])
def test_what_an_expression_comes_to(expression: Expression, result: Any) -> None:
    found = computed(expression, OLD.__getitem__)
    assert (found, type(found)) == (result, type(result))


def deep(depth: int) -> Expression:
    return Arithmetic("+", Literal(1), deep(depth - 1)) if depth else Literal(1)


REFUSED: tuple[tuple[str, Expression], ...] = (
    ("more than a double holds", of("*", 1e308, 10)),
    ("text", of("+", "n", Literal("x"))),
    ("truth", Arithmetic("+", Literal(True), Literal(1))),
    ("a date", Literal(Date("2026-01-02T03:04:05.678Z"))),
    ("another operator", of("%", "n", 2)),
    ("a function", Call(Function.LATITUDE, (Column("n"),))),
    ("too deep", deep(DEEPEST + 1)),
)


@pytest.mark.parametrize("expression", [pytest.param(row[1], id=row[0]) for row in REFUSED])
def test_what_is_no_arithmetic(expression: Expression) -> None:
    with pytest.raises(GatewayError) as refusal:
        computed(expression, OLD.get)
    assert refusal.value.code is Code.BAD_VALUE


def test_as_deep_as_may_be() -> None:
    assert computed(deep(DEEPEST), OLD.get) == DEEPEST + 1


numbers = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | st.none()
expressions: st.SearchStrategy[Expression] = st.recursive(
    st.builds(Literal, numbers),
    lambda inner: st.builds(Arithmetic, st.sampled_from("+-*/"), inner, inner),
    max_leaves=6,
)


@given(expressions)
def test_a_result_is_a_number_that_can_be_stored_or_null_or_refused(expression: Expression) -> None:
    try:
        found = computed(expression, OLD.get)
    except GatewayError as refusal:
        assert refusal.code is Code.BAD_VALUE  # noqa: PT017 (most are none)
        return
    assert found is None or isinstance(found, float) or -(2**63) <= found < 2**63


def exactly(expression: Expression) -> Fraction | None:
    match expression:
        case Literal(value):
            return None if value is None else Fraction(value)
        case Arithmetic(operator, left, right):
            one, other = exactly(left), exactly(right)
            if one is None or other is None or (operator == "/" and other == 0):
                return None
            return one / other if operator == "/" else {"+": one + other, "-": one - other, "*": one * other}[operator]
    raise AssertionError(expression)


halves = st.builds(Literal, st.sampled_from([1, 2, -4, 0, None]))  # what a double can be divided by, and stay exact
exact: st.SearchStrategy[Expression] = st.recursive(
    st.builds(Literal, st.integers(-9, 9) | st.none()),
    lambda inner: (
        st.builds(Arithmetic, st.sampled_from("+-*"), inner, inner) | st.builds(Arithmetic, st.just("/"), inner, halves)
    ),
    max_leaves=6,
)


@given(exact)
def test_what_a_double_can_hold_is_right(expression: Expression) -> None:
    found = computed(expression, OLD.get)
    assert (None if found is None else Fraction(found)) == exactly(expression)


# in the store

AGE = Compute(Arithmetic("+", Column("age"), Literal(1)))


async def test_everything_is_computed_from_what_was(shop: Shop) -> None:
    known = await shop.create("Person", age=20, n=1)
    changes: dict[str, Change] = {
        "n": Set(100),
        "age": AGE,
        "sum": Compute(Arithmetic("+", Column("age"), Column("n"))),
        "both": Several((Set(3), Compute(Column("n")))),
    }
    answer = await shop.do(Update(class_name="Person", id=known, changes=changes))
    assert answer.object == {"age": 21, "sum": 21, "both": 1}
    assert await shop.get("Person", known) == {"n": 100, "age": 21, "sum": 21, "both": 1}


async def test_a_create_has_nothing_to_compute_with(shop: Shop) -> None:
    await shop.create("Person", age=20)
    made = await shop.do(Create(class_name="Person", changes={"age": AGE}))
    assert made.object == {"age": None}
    assert await shop.get("Person", made.id or "") == {"age": None}


async def test_each_of_many_has_its_own_result(shop: Shop) -> None:
    for at, age in enumerate((20, 30, None)):
        await shop.create("Person", f"p{at}", age=age)
    assert await shop.do(UpdateMany(class_name="Person", changes={"age": AGE}, where=And(()))) == Result(total=3)
    assert [(await shop.get("Person", f"p{at}"))["age"] for at in range(3)] == [21, 31, None]


async def test_a_number_in_an_object_is_computed_with(shop: Shop) -> None:
    known = await shop.create("Person", age=1, js={"a": [{"b": 4}], "s": "x"})
    double = Compute(Arithmetic("*", Column("js.a.0.b"), Literal(2)))
    assert await shop.update("Person", known, age=double) == {"age": 8}
    assert await shop.update("Person", known, age=Compute(Column("js.nope.b"))) == {"age": None}


@pytest.mark.parametrize(
    ("field", "expression", "code", "where"),
    [
        ("age", Column("name"), Code.TYPE_MISMATCH, "name"),
        ("age", Column("js.s"), Code.TYPE_MISMATCH, "js.s"),
        ("age", Column("js.s.t"), Code.TYPE_MISMATCH, "js.s.t"),
        ("age", Column("js"), Code.TYPE_MISMATCH, "js"),
        ("age", Column("nope"), Code.NO_SUCH_COLUMN, "nope"),
        ("age", Column("no'pe"), Code.BAD_FIELD_NAME, "no'pe"),
        ("age", Column("@created_at"), Code.BAD_FIELD_NAME, "@created_at"),
        ("name", Column("age"), Code.TYPE_MISMATCH, "name"),
        ("name", Literal(None), Code.TYPE_MISMATCH, "name"),
        ("js.a", Column("age"), Code.BAD_FIELD_NAME, "js.a"),
        ("@id", Column("age"), Code.RESERVED_FIELD, "@id"),
    ],
)
async def test_what_a_column_refuses(shop: Shop, field: str, expression: Expression, code: Code, where: str) -> None:
    known = await shop.create("Person", age=20, name="x", js={"s": "x"})
    for op in (
        Update(class_name="Person", id=known, changes={field: Compute(expression)}),
        UpdateMany(class_name="Person", changes={field: Compute(expression)}, ids=(known,)),
        Batch(items=(Update(class_name="Person", id=known, changes={field: Compute(expression)}),), atomic=True),
    ):
        found, details = await shop.refused(op)
        assert (found, details["field"]) == (code, where)
    assert await shop.get("Person", known) == {"age": 20, "name": "x", "js": {"s": "x"}}


async def test_an_increment_is_no_expression(shop: Shop) -> None:
    """It starts at nothing where there is none; a null stays one only where it is computed."""
    known = await shop.create("Person", age=None, n=1)
    assert await shop.update("Person", known, age=Increment(1)) == {"age": 1}
