"""The ids of requests that came a short while ago.

@request    by the digest of an application and an id of its clients: `until` (milliseconds)
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

from gateway.backends.ledger import Ledger
from gateway.backends.trimmed import Trimmed
from gateway.errors import Code, GatewayError
from gateway.model.once import TakeRequest
from gateway.model.operation import Batch, Caller, Create, Delete, Operation, Result, Returning
from gateway.model.query import Condition, Op
from gateway.model.update import Set

REQUEST: Final = "@request"
MOST: Final = 1_000_000
"""Ids that are remembered at a time; the oldest go first."""


class TakenRequests:
    """Whoever makes the row first has the id: that rows have different ids all gateways on the store agree about."""

    def __init__(self, ledger: Ledger, now: Callable[[], float]) -> None:
        self._ledger, self._now = ledger, now
        self._trimmed: Trimmed | None = None

    async def take(self, op: TakeRequest, caller: Caller) -> Result:
        """What it answers is said in `model.once`."""
        now = int(self._now() * 1000)
        key = hashlib.sha256(f"{caller.app}\n{op.request_id}".encode(errors="surrogatepass")).hexdigest()
        changes = {"until": Set(now + int(op.lasts * 1000))}
        take = Create(class_name=REQUEST, id=key, changes=changes, returning=Returning.NOTHING)
        if not await self._taken(take):
            past = Delete(class_name=REQUEST, ids=(key,), where=Condition("until", Op.LE, now))
            if not await self._taken(Batch(items=(past, take), atomic=True)):
                raise GatewayError(Code.DUPLICATE_REQUEST, "Duplicate request")
        if self._trimmed is None:
            # other applications on the store may want theirs for longer
            self._trimmed = Trimmed(self._ledger, REQUEST, self._now, lasts=op.lasts, most=MOST, until="until")
        await self._trimmed.added(1)
        return Result()

    async def _taken(self, op: Operation) -> bool:
        try:
            await self._ledger.execute(op)
        except GatewayError as error:
            if error.code not in (Code.DUPLICATE_VALUE, Code.CONDITION_FAILED, Code.OBJECT_NOT_FOUND):
                raise
            return False
        return True
