"""Classes that grow by themselves, and are kept to an age and a number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.backends.ledger import Ledger
from gateway.errors import Code, GatewayError
from gateway.model.operation import DeleteMany, Find
from gateway.model.query import And, Condition, Filter, Op, Or, Sort
from gateway.model.values import CREATED_AT, ID, Date

EVERY: Final = 500
"""Objects that are added between two looks at a class. There are so many too many, at the most, for each process."""
PIECE: Final = 4 * EVERY
"""Objects that go at one look, at the most: whoever adds something waits for it."""


class Trimmed:
    """One class. `lasts` is in seconds; `most` are the newest that stay.

    `until` is a field with the moment, in milliseconds, up to which an object stays however short `lasts` is.
    """

    def __init__(
        self,
        ledger: Ledger,
        class_name: str,
        now: Callable[[], float],
        *,
        lasts: float,
        most: int,
        until: str | None = None,
    ) -> None:
        self._ledger = ledger
        self._class_name = class_name
        self._now = now
        self._lasts = lasts
        self._most = most
        self._until = until
        self._added = EVERY  # so that a process looks when it begins

    async def added(self, objects: int) -> None:
        """Called after each write."""
        self._added += objects
        if self._added >= EVERY:
            self._added = 0
            await self._trim()

    async def _trim(self) -> None:
        now = self._now()
        over: Filter = Condition(CREATED_AT, Op.LT, Date.from_ms(max(int((now - self._lasts) * 1000), 0)))
        if self._until is not None:
            over = And((over, Condition(self._until, Op.LE, int(now * 1000))))
        conditions = [over]
        newest_first = (Sort(CREATED_AT, descending=True),)
        page = Find(class_name=self._class_name, limit=1, skip=self._most, order=newest_first, select=())
        try:
            beyond = (await self._ledger.execute(page)).objects
            if beyond:
                conditions.append(Condition(CREATED_AT, Op.LE, beyond[0][CREATED_AT]))
            oldest_first = (Sort(CREATED_AT),)
            past = Find(
                class_name=self._class_name, limit=PIECE, where=Or(tuple(conditions)), order=oldest_first, select=(ID,)
            )
            ids = tuple(fields[ID] for fields in (await self._ledger.execute(past)).objects or ())
            if ids:
                await self._ledger.execute(DeleteMany(class_name=self._class_name, ids=ids))
        except GatewayError as error:
            if error.code is not Code.CLASS_NOT_FOUND:
                raise
