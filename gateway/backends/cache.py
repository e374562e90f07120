"""A cache, on a store of objects: what was put is there until its time is up, for every process of the gateway."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, Final

import orjson

from gateway.backends.ledger import Ledger
from gateway.errors import Code, GatewayError
from gateway.model.operation import Caller, Delete, DeleteMany, Result, Returning, Update, Upsert
from gateway.model.query import Condition, Op
from gateway.model.services import ExpireInCache, GetFromCache, HasInCache, PutInCache, RemoveFromCache
from gateway.model.update import Change, Set, Unset
from gateway.model.values import Date, Fields

CACHE: Final = "@cache"

LONGEST_KEY: Final = 500
LONGEST: Final = 10 * 365 * 86400.0
"""Seconds: what is asked for longer is as good as forever."""
SWEPT_EVERY: Final = 60.0
"""Seconds between two times that what has expired is deleted; nobody sees it any more before that."""


class Cache:
    """What each operation answers is said in `model.services`. A value is kept as the JSON that it came as."""

    def __init__(self, ledger: Ledger, now: Callable[[], float] = time.time) -> None:
        self._ledger = ledger
        self._now = now
        self._swept = now()

    async def put(self, op: PutInCache, _caller: Caller) -> Result:
        expires: Change = Unset() if op.seconds is None else Set(self._in(op.seconds))
        changes: dict[str, Change] = {"json": Set(orjson.dumps(op.value).decode()), "expires": expires}
        await self._ledger.execute(
            Upsert(class_name=CACHE, id=_key(op.key), changes=changes, returning=Returning.NOTHING)
        )
        await self._sweep()
        return Result()

    async def get(self, op: GetFromCache, _caller: Caller) -> Result:
        fields = await self._kept(op.key)
        return Result(value=None if fields is None else orjson.loads(fields["json"]))

    async def has(self, op: HasInCache, _caller: Caller) -> Result:
        return Result(value=await self._kept(op.key) is not None)

    async def remove(self, op: RemoveFromCache, _caller: Caller) -> Result:
        try:
            await self._ledger.execute(Delete(class_name=CACHE, ids=(_key(op.key),), missing_ok=True))
        except GatewayError as error:
            if error.code is not Code.CLASS_NOT_FOUND:
                raise
        return Result()

    async def expire(self, op: ExpireInCache, _caller: Caller) -> Result:
        if op.at is None and op.seconds is None:
            raise GatewayError(Code.BAD_VALUE, "when it expires is missing")
        at = op.at if op.at is not None else self._in(op.seconds or 0)
        if await self._kept(op.key) is not None:
            try:
                await self._ledger.execute(Update(class_name=CACHE, id=op.key, changes={"expires": Set(at)}))
            except GatewayError as error:
                if error.code is not Code.OBJECT_NOT_FOUND:  # removed meanwhile
                    raise
        return Result()

    async def _kept(self, key: Any) -> Fields | None:
        fields = await self._ledger.fields(CACHE, _key(key))
        expires = fields.get("expires") if fields is not None else None
        return None if isinstance(expires, Date) and expires.ms <= self._now() * 1000 else fields

    def _in(self, seconds: float) -> Date:
        if type(seconds) not in (int, float) or not math.isfinite(seconds) or seconds < 0:
            raise GatewayError(Code.BAD_VALUE, "how long it is kept must be a number of seconds")
        return Date.from_ms(int((self._now() + min(seconds, LONGEST)) * 1000))

    async def _sweep(self) -> None:
        if self._now() < self._swept + SWEPT_EVERY:
            return
        self._swept = self._now()
        await self._ledger.execute(DeleteMany(class_name=CACHE, where=Condition("expires", Op.LT, self._in(0))))


def _key(key: Any) -> str:
    if type(key) is not str or not 0 < len(key) <= LONGEST_KEY:
        raise GatewayError(Code.BAD_VALUE, f"a key of the cache has 1 to {LONGEST_KEY} characters")
    return key
