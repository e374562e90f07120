"""Counters, on a store of objects: one of a class that no client sees is a counter, and its id the name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from gateway.backends.ledger import Ledger
from gateway.errors import Code, GatewayError
from gateway.model.operation import Caller, Result, Returning, Scan, Update, Upsert
from gateway.model.query import Condition, Op
from gateway.model.services import AddToCounter, CompareAndSetCounter, GetCounter, ListCounters, ResetCounter
from gateway.model.update import Change, Increment, Set, SetOnInsert

COUNTER: Final = "@counter"

LONGEST_NAME: Final = 500
LARGEST: Final = 2**53 - 1
"""A larger number is another one in every JavaScript client."""
MOST_LISTED: Final = 10_000
PAGE: Final = 1000


class Counters:
    """What each operation answers is said in `model.services`. Every change is one write of the store's."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def get(self, op: GetCounter, _caller: Caller) -> Result:
        fields = await self._ledger.fields(COUNTER, checked_name(op.name))
        return Result(value=0 if fields is None else fields["value"])

    async def add(self, op: AddToCounter, _caller: Caller) -> Result:
        if abs(op.by) > LARGEST:
            raise GatewayError(Code.BAD_VALUE, f"a counter is changed by at most {LARGEST} at once")
        after = await self._set(op.name, Increment(op.by))
        if abs(after) > LARGEST:
            # taken back, and not refused beforehand: what others add meanwhile stays
            await self._set(op.name, Increment(-op.by))
            raise GatewayError(Code.BAD_VALUE, f"a counter stands between -{LARGEST} and {LARGEST}")
        return Result(value=after - op.by if op.before else after)

    async def compare_and_set(self, op: CompareAndSetCounter, _caller: Caller) -> Result:
        name = checked_name(op.name)
        if op.expected == 0:
            await self._set(name, SetOnInsert(0))  # one that is not there stands at 0
        changes: dict[str, Change] = {"value": Set(op.updated)}
        expected = Condition("value", Op.EQ, op.expected)
        try:
            await self._ledger.execute(
                Update(class_name=COUNTER, id=name, changes=changes, where=expected, returning=Returning.NOTHING)
            )
        except GatewayError as error:
            if error.code in (Code.CONDITION_FAILED, Code.OBJECT_NOT_FOUND, Code.CLASS_NOT_FOUND):
                return Result(value=False)
            raise
        return Result(value=True)

    async def reset(self, op: ResetCounter, _caller: Caller) -> Result:
        await self._set(op.name, Set(0))
        return Result()

    async def names(self, op: ListCounters, _caller: Caller) -> Result:
        fits = fits_pattern(op.pattern)
        found: list[str] = []
        cursor: str | None = None
        while len(found) < MOST_LISTED:
            try:
                page = await self._ledger.execute(Scan(class_name=COUNTER, limit=PAGE, select=(), cursor=cursor))
            except GatewayError as error:
                if error.code is Code.CLASS_NOT_FOUND:
                    break
                raise
            found += [fields["@id"] for fields in page.objects or [] if fits(fields["@id"])]
            cursor = page.cursor
            if cursor is None:
                break
        return Result(value=found[:MOST_LISTED])

    async def _set(self, name: str, change: Change) -> int:
        upsert = Upsert(
            class_name=COUNTER, id=checked_name(name), changes={"value": change}, returning=Returning.EVERYTHING
        )
        value: int = ((await self._ledger.execute(upsert)).object or {})["value"]
        return value


def fits_pattern(pattern: str) -> Callable[[str], object]:
    """Tells whether a name fits; `*` is any text.

    A piece between two of them is taken where it comes first, for good: else a client's `a*a*a*b` would take for ever.
    """
    first, *others = map(re.escape, re.split(r"\*+", pattern))
    between = "".join(f"(?>.*?{piece})" for piece in others[:-1])
    return re.compile(first + between + "".join(f".*{piece}" for piece in others[-1:]), re.DOTALL).fullmatch


def checked_name(name: Any) -> str:
    if type(name) is not str or not 0 < len(name) <= LONGEST_NAME:
        raise GatewayError(Code.BAD_VALUE, f"the name of a counter has 1 to {LONGEST_NAME} characters")
    return name
