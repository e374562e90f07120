"""Log-ins that failed, counted by the name that was tried: too many, and nobody comes in by it for a while.

A name that nobody has is counted like any other, so that a lock does not tell who has an account. The count is in the
store, where every process of every gateway sees it. Names are kept as digests only, and each new one takes away two
whose time is over; those that are left cannot grow faster than passwords can be tried.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Final

from gateway.backends.ledger import Ledger
from gateway.errors import Code, GatewayError
from gateway.model.operation import Create, Delete, Find, Operation, Returning, Update
from gateway.model.query import Sort
from gateway.model.update import Increment, Set
from gateway.model.values import CREATED_AT, ID, Date, Fields

ATTEMPT: Final = "@attempt"
"""digest of a name -> how often a log-in by it has failed, and since when."""


class Attempts:
    """`most` failures lock a name until `lasts` seconds after the first of them."""

    def __init__(self, ledger: Ledger, *, most: int, lasts: float, now: Callable[[], float]) -> None:
        self._ledger = ledger
        self._most = most
        self._lasts = lasts
        self._now = now

    async def refuse_locked(self, names: Iterable[str]) -> None:
        """Raises GatewayError(ACCOUNT_LOCKED)."""
        for key in _keys(names):
            kept = await self._ledger.fields(ATTEMPT, key)
            if kept is not None and kept["failures"] >= self._most and not self._is_over(kept):
                minutes = str(max(1, round(self._lasts / 60)))
                raise GatewayError(Code.ACCOUNT_LOCKED, "too many failed log-ins; try again later", minutes=minutes)

    async def failed(self, names: Iterable[str]) -> None:
        for key in _keys(names):
            kept = await self._ledger.fields(ATTEMPT, key)
            if kept is not None and not self._is_over(kept):
                try:
                    await self._ledger.execute(Update(class_name=ATTEMPT, id=key, changes={"failures": Increment(1)}))
                except GatewayError as error:
                    if error.code is not Code.OBJECT_NOT_FOUND:  # a log-in has forgotten it meanwhile
                        raise
                continue
            since = Date.from_ms(int(self._now() * 1000))
            first = Create(
                class_name=ATTEMPT,
                id=key,
                changes={"failures": Set(1), "since": Set(since)},
                returning=Returning.NOTHING,
            )
            over = {*await self._over(), *([key] if kept is not None else [])}
            gone = [Delete(class_name=ATTEMPT, ids=tuple(over), missing_ok=True)] if over else []
            items: list[Operation] = [*gone, first]
            try:
                await self._ledger.together(items)
            except GatewayError as error:
                if error.code is not Code.DUPLICATE_VALUE:
                    raise
                # another process was first
                await self._ledger.execute(Update(class_name=ATTEMPT, id=key, changes={"failures": Increment(1)}))

    async def forget(self, names: Iterable[str]) -> None:
        """Somebody came in by these names."""
        known = [key for key in _keys(names) if await self._ledger.fields(ATTEMPT, key) is not None]
        if known:
            await self._ledger.execute(Delete(class_name=ATTEMPT, ids=tuple(known), missing_ok=True))

    async def _over(self) -> list[str]:
        """Of the two oldest, those whose time is over."""
        oldest = Find(class_name=ATTEMPT, limit=2, order=(Sort(CREATED_AT),))
        with contextlib.suppress(GatewayError):  # no such class yet
            found = (await self._ledger.execute(oldest)).objects or []
            return [kept[ID] for kept in found if self._is_over(kept)]
        return []

    def _is_over(self, kept: Fields) -> bool:
        since = kept["since"]
        assert isinstance(since, Date)
        return self._now() * 1000 >= since.ms + self._lasts * 1000


def _keys(names: Iterable[str]) -> list[str]:
    """A name tried as a username and as an address is one: some vendors take either in the place of the other."""
    digests = (sha256(name.casefold().encode("utf-8", "surrogatepass")).hexdigest() for name in names)
    return list(dict.fromkeys(digests))
