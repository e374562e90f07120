"""What an expression comes to, over the numbers of one object. Nothing that a client wrote becomes SQL here."""

from __future__ import annotations

from collections.abc import Callable

from gateway.errors import Code, GatewayError
from gateway.model.query import Arithmetic, Column, Expression, Literal
from gateway.store.encoding import write_number

DEEPEST = 200

Number = int | float


def computed(expression: Expression, number: Callable[[str], Number | None], depth: int = 0) -> Number | None:
    """`number` gives that of a column. Null with anything is null, and so is a division by zero, as in SQL.

    Raises GatewayError(BAD_VALUE) where the result is no number of 64 bits, and for what is no arithmetic.
    """
    if depth > DEEPEST:
        raise GatewayError(Code.BAD_VALUE, f"an expression has at most {DEEPEST} operations inside each other")
    match expression:
        case Column(path):
            return number(path)
        case Literal(None):
            return None
        case Literal(int() | float() as value) if not isinstance(value, bool):
            return write_number(value)
        case Arithmetic(operator, left, right):
            one, other = computed(left, number, depth + 1), computed(right, number, depth + 1)
            return None if one is None or other is None else _result(operator, one, other)
    raise GatewayError(Code.BAD_VALUE, "an expression of an update has columns, numbers and + - * / only")


def _result(operator: str, one: Number, other: Number) -> Number | None:
    match operator:
        case "+":
            return write_number(one + other)
        case "-":
            return write_number(one - other)
        case "*":
            return write_number(one * other)
        case "/" if other == 0:
            return None
        case "/" if isinstance(one, int) and isinstance(other, int) and one % other == 0:
            return write_number(one // other)  # whole as it is, so that a large one loses nothing
        case "/":
            return write_number(one / other)
    raise GatewayError(Code.BAD_VALUE, f"{operator!r} is no operator of an expression")
