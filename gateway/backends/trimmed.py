"""Classes that grow by themselves, and are kept to an age and a number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.backends.ledger import Ledger
from gateway.errors import Code, GatewayError
from gateway.model.operation import DeleteMany, Find
from gateway.model.query import Condition, Op, Or, Sort
from gateway.model.values import CREATED_AT, Date

EVERY: Final = 500
"""Objects that are added between two looks at a class. There are so many too many, at the most, for each process."""


class Trimmed:
    """One class. `lasts` is in seconds; `most` are the newest that stay."""

    def __init__(self, ledger: Ledger, class_name: str, now: Callable[[], float], *, lasts: float, most: int) -> None:
        self._ledger = ledger
        self._class_name = class_name
        self._now = now
        self._lasts = lasts
        self._most = most
        self._added = EVERY  # so that a process looks when it begins

    async def added(self, objects: int) -> None:
        """Called after each write."""
        self._added += objects
        if self._added >= EVERY:
            self._added = 0
            await self._trim()

    async def _trim(self) -> None:
        oldest = Date.from_ms(max(int((self._now() - self._lasts) * 1000), 0))
        conditions = [Condition(CREATED_AT, Op.LT, oldest)]
        newest_first = (Sort(CREATED_AT, descending=True),)
        page = Find(class_name=self._class_name, limit=1, skip=self._most, order=newest_first, select=())
        try:
            beyond = (await self._ledger.execute(page)).objects
            if beyond:
                conditions.append(Condition(CREATED_AT, Op.LE, beyond[0][CREATED_AT]))
            await self._ledger.execute(DeleteMany(class_name=self._class_name, where=Or(tuple(conditions))))
        except GatewayError as error:
            if error.code is not Code.CLASS_NOT_FOUND:
                raise
