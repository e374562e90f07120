"""Counters on a server that has none: objects of one class, changed by increments, by the rights of who counts.

An object's id is made of the counter's name, so that two who count first at the same time make one object and not two,
between which counts would be lost. A server that takes no ids from clients is therefore refused. So is, unless the
server writes on a condition or `conditions` is allowed, what sets a counter by comparing it.

The class is asked with the caller's own key and session, and never with the master key. Where the server lets clients
make no classes, its owner makes this one, with permissions to get, find, create and update; whoever may write its
objects by another dialect can change counters there, as everybody can by the requests for counters.
Source: Parse REST guide, "Counters".
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, Final

from gateway.backends.chosen_ids import IDS_REFUSED
from gateway.backends.counters import LARGEST, MOST_LISTED, PAGE, checked_name, fits_pattern
from gateway.errors import Code, GatewayError
from gateway.model.operation import BY_ID, Caller, Create, Delete, Find, Get, Operation, Result, Returning, Update
from gateway.model.query import Condition, Filter, Op
from gateway.model.services import AddToCounter, CompareAndSetCounter, GetCounter, ListCounters, ResetCounter
from gateway.model.update import Change, Increment, Set
from gateway.model.values import ACL, ID

Ask = Callable[[Operation, Caller], Awaitable[Result]]

COUNTER_CLASS: Final = "GatewayCounter"
EVERYBODY: Final = {"*": {"read": True, "write": True}}
"""Else a class may have it that an object is for who made it alone."""
MOST_PAGES: Final = 20
"""That are read to find the counters of a pattern."""
MISSING: Final = frozenset({Code.OBJECT_NOT_FOUND, Code.CLASS_NOT_FOUND})


class Counters:
    """What each operation answers is said in `model.services`."""

    def __init__(self, ask: Ask, class_name: str) -> None:
        self._ask = ask
        self._class = class_name

    async def get(self, op: GetCounter, caller: Caller) -> Result:
        try:
            found = await self._ask(Get(class_name=self._class, id=_id(op.name)), caller)
        except GatewayError as error:
            if error.code not in MISSING:
                raise
            return Result(value=0)
        return Result(value=_whole((found.object or {}).get("value")))

    async def add(self, op: AddToCounter, caller: Caller) -> Result:
        if abs(op.by) > LARGEST:
            raise GatewayError(Code.BAD_VALUE, f"a counter is changed by at most {LARGEST} at once")
        after = await self._changed(op.name, Increment(op.by), op.by, caller)
        if abs(after) > LARGEST:
            # taken back, and not refused beforehand: what others add meanwhile stays
            await self._changed(op.name, Increment(-op.by), -op.by, caller)
            raise GatewayError(Code.BAD_VALUE, f"a counter stands between -{LARGEST} and {LARGEST}")
        return Result(value=after - op.by if op.before else after)

    async def reset(self, op: ResetCounter, caller: Caller) -> Result:
        await self._changed(op.name, Set(0), 0, caller)
        return Result()

    async def compare_and_set(self, op: CompareAndSetCounter, caller: Caller) -> Result:
        update = Update(
            class_name=self._class,
            id=_id(op.name),
            changes={"value": Set(op.updated)},
            where=Condition("value", Op.EQ, op.expected),
            returning=Returning.NOTHING,
        )
        for _ in range(2):
            try:
                await self._ask(update, caller)
            except GatewayError as error:
                if error.code is Code.CONDITION_FAILED:
                    return Result(value=False)
                if error.code not in MISSING:
                    raise
                # one that is not there stands at 0
                if op.expected != 0 or await self._made(op.name, op.updated, caller):
                    return Result(value=op.expected == 0)
            else:
                return Result(value=True)
        return Result(value=False)

    async def names(self, op: ListCounters, caller: Caller) -> Result:
        fits = fits_pattern(op.pattern)
        found: list[str] = []
        further: Filter | None = None
        for _ in range(MOST_PAGES):
            find = Find(class_name=self._class, limit=PAGE, where=further, order=(BY_ID,), select=(ID, "name"))
            try:
                page = (await self._ask(find, caller)).objects or []
            except GatewayError as error:
                if error.code is not Code.CLASS_NOT_FOUND:
                    raise
                page = []
            named = (fields.get("name") for fields in page)
            found += [name for name in named if isinstance(name, str) and fits(name)]
            if len(page) < PAGE or len(found) >= MOST_LISTED:
                return Result(value=sorted(found)[:MOST_LISTED])
            further = Condition(ID, Op.GT, page[-1][ID])
        told = f"there are more than {MOST_PAGES * PAGE} counters, which are too many to look through on another server"
        raise GatewayError(Code.UNSUPPORTED, told)

    async def _changed(self, name: str, change: Change, first: int, caller: Caller) -> int:
        """What it stands at then; `first` is that where there was none."""
        update = Update(class_name=self._class, id=_id(name), changes={"value": change})
        for _ in range(2):
            try:
                result = await self._ask(update, caller)
            except GatewayError as error:
                if error.code not in MISSING:
                    raise
            else:
                return first if isinstance(change, Set) else _whole((result.object or {}).get("value"))
            if await self._made(name, first, caller):
                return first
        raise GatewayError(Code.UNAVAILABLE, f"the counter {name!r} comes and goes")

    async def _made(self, name: str, value: int, caller: Caller) -> bool:
        """Whether there was none, and now there is."""
        known = _id(name)
        changes: dict[str, Change] = {"name": Set(name), "value": Set(value), ACL: Set(EVERYBODY)}
        create = Create(class_name=self._class, id=known, changes=changes, returning=Returning.NOTHING)
        try:
            made = await self._ask(create, caller)
        except GatewayError as error:
            if error.code is Code.DUPLICATE_VALUE:
                return False
            if error.code in IDS_REFUSED:
                raise _no_ids() from error
            raise
        if made.id != known:  # it was read past, and the next to count would make another one
            if made.id is not None:
                await self._ask(Delete(class_name=self._class, ids=(made.id,), missing_ok=True), caller)
            raise _no_ids()
        return True


def _id(name: Any) -> str:
    """Of letters that no server minds, and as long as no two names have the same."""
    return hashlib.sha256(checked_name(name).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _whole(value: Any) -> int:
    if type(value) is float and value.is_integer():
        return int(value)
    if type(value) is not int:
        raise GatewayError(Code.TYPE_MISMATCH, "what stands behind the gateway has no number for this counter")
    return value


def _no_ids() -> GatewayError:
    told = "what stands behind the gateway takes no ids from clients, without which counts could be lost"
    return GatewayError(Code.UNSUPPORTED, told)
