"""Writes in other words: what a vendor does not compute is read, computed here, and written back; see `Writes`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from gateway.backends.completing import told_by
from gateway.errors import Code, GatewayError
from gateway.model.account import USER
from gateway.model.applied import applied
from gateway.model.operation import (
    Batch,
    Caller,
    Create,
    Delete,
    DeleteMany,
    Find,
    Get,
    Operation,
    Result,
    Returning,
    Update,
    UpdateMany,
    Upsert,
)
from gateway.model.query import And, Condition, Op
from gateway.model.update import Add, AddUnique, BitAnd, BitOr, BitXor, Change, Remove, Set, Several
from gateway.model.values import ID, UPDATED_AT

Ask = Callable[[Operation, Caller], Awaitable[Result]]

MOST_ATTEMPTS: Final = 20
"""How often what others have changed meanwhile is computed anew."""
TICK: Final = 0.002
"""Seconds, which are longer than what an object's time is told in."""
MISSING: Final = frozenset({Code.OBJECT_NOT_FOUND, Code.CLASS_NOT_FOUND})


class Writes:
    """`says` tells whether the vendor's dialect has words for an operation, and `compares` whether it writes on a
    condition: then nobody comes between what is read and what is written.
    """

    def __init__(self, ask: Ask, says: Callable[[Operation, Caller], bool], *, compares: bool) -> None:
        self._ask = ask
        self._says = says
        self._compares = compares

    async def delete(self, op: Delete, caller: Caller) -> Result:
        """Each that is there; where one cannot be deleted, that is told, though others may be gone."""
        singles = tuple(replace(op, ids=(id_,), missing_ok=False) for id_ in dict.fromkeys(op.ids))
        answers = (await self._ask(Batch(items=singles), caller)).items or []
        errors = [answer for answer in answers if isinstance(answer, GatewayError)]
        for error in errors:
            if error.code not in MISSING | {Code.CONDITION_FAILED}:
                raise error
        if errors and len(errors) == len(answers) and not op.missing_ok:
            raise errors[0]
        return Result()

    async def upsert(self, op: Upsert, caller: Caller) -> Result:
        words: dict[str, Any] = {"class_name": op.class_name, "changes": op.changes, "returning": op.returning}
        if op.id is None:
            return await self._ask(Create(**words), caller)
        try:
            return await self._updated(op.id, words, caller)
        except GatewayError as error:
            if error.code not in MISSING:
                raise
        try:
            return await self._ask(Create(id=op.id, **words), caller)
        except GatewayError as taken:
            if taken.code is not Code.DUPLICATE_VALUE:
                raise
        return await self._updated(op.id, words, caller)  # somebody has made it meanwhile

    async def _updated(self, known: str, words: Mapping[str, Any], caller: Caller) -> Result:
        result = await self._ask(Update(id=known, **words), caller)
        result.created = False
        return result

    # --- on a condition ---

    async def on_condition(self, op: Update | Delete, caller: Caller) -> Result:
        known = op.id if isinstance(op, Update) else op.ids[0]
        assert op.where is not None
        where = And((Condition(ID, Op.EQ, known), op.where))
        if self._compares and op.class_name != USER:  # a user is changed by requests of its own
            many = (
                UpdateMany(class_name=op.class_name, changes=op.changes, where=where)
                if isinstance(op, Update)
                else DeleteMany(class_name=op.class_name, where=where)
            )
            if not self._says(many, caller):  # asked for one by one it would come back here
                raise GatewayError(Code.UNSUPPORTED, "this cannot be written on a condition by this backend")
            if not (await self._ask(many, caller)).total:
                raise await self._unmet(op, known, caller)
            return await self._told(op, caller) if isinstance(op, Update) else Result()
        found = await self._ask(Find(class_name=op.class_name, limit=1, where=where, select=(ID,)), caller)
        if not found.objects:
            raise await self._unmet(op, known, caller)
        return await self._ask(replace(op, where=None), caller)

    async def _unmet(self, op: Update | Delete, known: str, caller: Caller) -> GatewayError:
        """Raises GatewayError where an object that is to be changed is not there."""
        if isinstance(op, Update):
            await self._ask(Get(class_name=op.class_name, id=known, select=(ID,)), caller)
        return GatewayError(Code.CONDITION_FAILED, "the object does not match the condition", id=known)

    async def _told(self, op: Update, caller: Caller) -> Result:
        """What is told of a write that was done without saying what came of it."""
        try:
            return told_by(op, await self._ask(Get(class_name=op.class_name, id=op.id), caller))
        except GatewayError as error:
            return told_by(op, error)

    # --- what the vendor does not compute ---

    async def computed(self, op: Update, caller: Caller) -> Result:
        """Bits and lists: read, and written back with what they become."""
        fields = [field for field, change in op.changes.items() if self._is_computed(op, field, change, caller)]
        for field in fields:
            if "." in field:
                raise GatewayError(Code.UNSUPPORTED, f"{field} cannot be changed so by this backend", field=field)
        for _ in range(MOST_ATTEMPTS):
            get = Get(class_name=op.class_name, id=op.id)
            seen = (await self._ask(get, caller)).object or {}
            if self._compares:
                # another write in the very millisecond that the object tells could not be told from that one: what is
                # read when that is over is the last of it
                await asyncio.sleep(TICK)
                before, seen = seen, (await self._ask(get, caller)).object or {}
                if before.get(UPDATED_AT) != seen.get(UPDATED_AT):
                    continue
            became = _became(seen, {field: op.changes[field] for field in fields})
            write = replace(op, changes={**op.changes, **{field: Set(value) for field, value in became.items()}})
            if self._compares:
                write = replace(write, where=Condition(UPDATED_AT, Op.EQ, seen[UPDATED_AT]))
            try:
                result = await self._ask(write, caller)
            except GatewayError as error:
                if error.code is not Code.CONDITION_FAILED or not self._compares:
                    raise
                continue
            if op.returning is Returning.COMPUTED:
                result.object = {**(result.object or {}), **became}
            return result
        raise GatewayError(Code.UNAVAILABLE, "others change the object all the time", id=op.id)

    def _is_computed(self, op: Update, field: str, change: Change, caller: Caller) -> bool:
        if not has_bits(change) and not has_list(change):
            return False
        return not self._says(replace(op, changes={field: change}, where=None), caller)


def has_bits(change: Change) -> bool:
    return isinstance(change, BitAnd | BitOr | BitXor) or (
        isinstance(change, Several) and any(map(has_bits, change.changes))
    )


def has_list(change: Change) -> bool:
    return isinstance(change, Add | AddUnique | Remove) or (
        isinstance(change, Several) and any(map(has_list, change.changes))
    )


def _became(seen: Mapping[str, Any], changes: Mapping[str, Change]) -> dict[str, Any]:
    whole = dict(seen)
    for field, change in changes.items():
        found = seen.get(field)
        if type(found) is float and found.is_integer():
            found = whole[field] = int(found)
        if has_bits(change) and type(found) is not int and found is not None:
            raise GatewayError(Code.TYPE_MISMATCH, f"{field} is not a whole number", field=field)
        if has_list(change) and type(found) is not list and found is not None:
            raise GatewayError(Code.TYPE_MISMATCH, f"{field} is no list", field=field)
    after = applied(whole, changes)
    return {field: after.get(field) for field in changes}
