"""Whether the headers of a message match a condition: headers are texts, and are compared as numbers with numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from gateway.errors import Code, GatewayError
from gateway.model.query import And, Condition, Filter, Not, Op, Or

_LONGEST_PATTERN: Final = 1000
_TELLS: Final = frozenset({Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE, Op.IN, Op.NOT_IN, Op.EXISTS, Op.LIKE})


def check_selector(where: Filter) -> None:
    """Raises GatewayError(BAD_QUERY) where it asks what headers cannot tell."""
    match where:
        case And(parts) | Or(parts):
            for part in parts:
                check_selector(part)
        case Not(part):
            check_selector(part)
        case Condition(field, op, value) if op in _TELLS and not field.startswith("@") and "." not in field:
            of_texts = value if isinstance(value, list) else [value]
            if not all(one is None or isinstance(one, str | int | float) for one in of_texts):
                raise GatewayError(
                    Code.BAD_QUERY, f"a selector compares the header {field!r} with text and numbers only"
                )
            if op is Op.LIKE and len(str(value)) > _LONGEST_PATTERN:
                raise GatewayError(Code.BAD_QUERY, f"a pattern has {_LONGEST_PATTERN} characters at the most")
        case _:
            raise GatewayError(Code.BAD_QUERY, "a selector compares headers with text and numbers, and nothing else")


def selects(where: Filter | None, headers: Mapping[str, str]) -> bool:
    """Backendless' suite: a message without the header does not match."""
    match where:
        case None:
            return True
        case And(parts):
            return all(selects(part, headers) for part in parts)
        case Or(parts):
            return any(selects(part, headers) for part in parts)
        case Not(part):
            return not selects(part, headers)
        case Condition(field, op, value):
            return _matches(op, headers.get(field), value)
        case _:
            return False


def _matches(op: Op, header: str | None, value: Any) -> bool:
    if op is Op.EXISTS:
        return (header is not None) is value
    if value is None:
        return (header is None) is (op is Op.EQ)
    if header is None:
        return False
    match op:
        case Op.IN:
            return any(_equal(header, one) for one in value)
        case Op.NOT_IN:
            return not any(_equal(header, one) for one in value)
        case Op.EQ:
            return _equal(header, value)
        case Op.NE:
            return not _equal(header, value)
        case Op.LIKE:
            return _like(str(value), header)
        case _:
            return _ordered(op, header, value)


def _number(header: str) -> float | None:
    try:
        return float(header)
    except ValueError:
        return None


def _equal(header: str, value: Any) -> bool:
    if isinstance(value, bool):
        return header.lower() == str(value).lower()
    return _number(header) == value if isinstance(value, int | float) else header == value


def _ordered(op: Op, header: str, value: Any) -> bool:
    mine: Any = _number(header) if isinstance(value, int | float) else header
    if mine is None:
        return False
    return bool({Op.LT: mine < value, Op.LE: mine <= value, Op.GT: mine > value, Op.GE: mine >= value}[op])


def _like(pattern: str, header: str) -> bool:
    """`%` is any text, `_` any character, and a `\\` takes the next one literally; in any case of letters.

    By hand, as a regular expression could take long: each `%` is bound to the first place where the rest of it fits.
    """
    parts = re.findall(r"\\?.", pattern, re.DOTALL)
    return _fits([part.casefold() if part not in ("%", "_") else part for part in parts], header.casefold())


def _fits(parts: list[str], text: str) -> bool:
    at = start = 0
    star: int | None = None
    while start < len(text):
        part = parts[at] if at < len(parts) else None
        if part == "%":
            star, star_start, at = at, start, at + 1
        elif part is not None and (part == "_" or part.removeprefix("\\") == text[start]):
            at, start = at + 1, start + 1
        elif star is not None:
            star_start += 1
            at, start = star + 1, star_start
        else:
            return False
    return all(part == "%" for part in parts[at:])
