"""A server of code: one address for all functions and triggers of an app, which tells what it has.

The list is asked for when it is first needed, and again every few seconds, in the background. Where it cannot be had,
the last one holds. So long as it was never had, nobody knows what must be asked before a write, and `has_trigger`
raises: a write that nobody has checked would be worse than one that has to be sent again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress

from gateway.adapters.receiver import Receiver
from gateway.errors import GatewayError
from gateway.model.trigger import Moment

log = logging.getLogger(__name__)

LONGEST_WORD = 100

Known = tuple[frozenset[str], frozenset[tuple[str, Moment]]]
"""Functions, and triggers as class and moment."""


class Engine:
    """`lasts` is how many seconds the list holds until it is asked for again."""

    def __init__(self, receiver: Receiver, *, lasts: float = 5.0, now: Callable[[], float] = time.monotonic) -> None:
        self.receiver = receiver
        self._lasts, self._now = lasts, now
        self._known: Known | None = None
        self._until = float("-inf")
        self._asking: asyncio.Task[None] | None = None

    async def has_function(self, name: str) -> bool:
        """Raises GatewayError: UNAVAILABLE or TIMEOUT, where it was never told."""
        known = await self._list()
        if name not in known[0] and self._asking is not None:
            known = await self._list(fresh=True)  # it may have been deployed this moment
        return name in known[0]

    async def has_trigger(self, class_name: str, moment: Moment) -> bool:
        """Raises GatewayError: UNAVAILABLE or TIMEOUT, where it was never told."""
        return (class_name, moment) in (await self._list())[1]

    async def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _list(self, *, fresh: bool = False) -> Known:
        known = self._known
        if known is not None and self._now() < self._until:
            return known
        if self._asking is None:
            self._asking = asyncio.get_running_loop().create_task(self._ask())
        if known is not None and not fresh:
            return known
        try:
            # others wait for the same answer: who goes away does not take it along
            await asyncio.shield(self._asking)
        except GatewayError:
            if known is None:
                raise
        return self._known or known or (frozenset(), frozenset())

    async def _ping(self) -> None:
        """So that the log tells where the list comes from. A server that does not know the question has one as well."""
        question, told = self.receiver.form.ping(), None
        if question is not None:
            with suppress(GatewayError):
                _, told = await self.receiver.ask(question)
        words = told if type(told) is dict else {}
        said = [f" {key}={value!r}" for key, value in words.items() if type(value) is str and len(value) < LONGEST_WORD]
        log.info("the server of the app's code is there%s", "".join(said))

    async def _ask(self) -> None:
        receiver = self.receiver
        try:
            status, body = await receiver.ask(receiver.form.listing(receiver.keys))
            known = receiver.told(lambda: receiver.form.learned(body if status < 400 else None))
            if self._known is None:
                await self._ping()
            self._known = known
        except GatewayError:
            if self._known is None:
                raise
            log.warning("the list of functions and triggers cannot be had, the last one holds")
        finally:
            self._until = self._now() + self._lasts
            self._asking = None
