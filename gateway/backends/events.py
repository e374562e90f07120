"""What clients report of themselves: an object of a class that only the master reads, for a time, and so many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.backends.ledger import Ledger
from gateway.backends.trimmed import Trimmed
from gateway.errors import Code, GatewayError
from gateway.model.administration import EVENT, TrackEvent
from gateway.model.operation import Caller, Create, Result, Returning
from gateway.model.update import Change, Set
from gateway.model.values import ACL, Date

MOST_DIMENSIONS: Final = 8
"""Parse REST guide, "Analytics": only the first eight dimension pairs of an event are stored."""
LONGEST_NAME: Final = 500


class Events:
    """An object has `name`, `dimensions` and `at`, and `installationId` and `userId` of who told, where known."""

    def __init__(self, ledger: Ledger, now: Callable[[], float], *, lasts: float, most: int) -> None:
        self._ledger = ledger
        self._now = now
        self._trimmed = Trimmed(ledger, EVENT, now, lasts=lasts, most=most)

    async def track(self, op: TrackEvent, caller: Caller) -> Result:
        if not op.name.strip() or len(op.name) > LONGEST_NAME:
            raise GatewayError(Code.BAD_VALUE, f"the name of an event has 1 to {LONGEST_NAME} characters")
        if op.at is not None and type(op.at) is not Date:
            raise GatewayError(Code.BAD_VALUE, "the time of an event is a date", field="at")
        changes: dict[str, Change] = {
            "name": Set(op.name),
            "dimensions": Set(dict(list((op.dimensions or {}).items())[:MOST_DIMENSIONS])),
            "at": Set(op.at or Date.from_ms(int(self._now() * 1000))),
            ACL: Set({}),
        }
        if caller.installation_id:
            changes["installationId"] = Set(caller.installation_id[:LONGEST_NAME])
        if caller.user_id:
            changes["userId"] = Set(caller.user_id)
        await self._ledger.execute(Create(class_name=EVENT, changes=changes, returning=Returning.NOTHING))
        await self._trimmed.added(1)
        return Result()
