"""What goes on after the answer: nobody waits for it, and no process ends before it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

from gateway.errors import Code, GatewayError

log = logging.getLogger(__name__)

MOST: Final = 1000
PATIENCE: Final = 20.0
"""Seconds that the end of the process waits; each piece of work has a limit of its own."""


class Later:
    def __init__(self, *, most: int = MOST, patience: float = PATIENCE) -> None:
        self._most, self._patience = most, patience
        self._tasks: set[asyncio.Task[None]] = set()

    def refuse_more(self) -> None:
        """Raises GatewayError(UNAVAILABLE) where too much is under way already."""
        if len(self._tasks) >= self._most:
            raise GatewayError(Code.UNAVAILABLE, "too much is under way; try again later")

    def start(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """What goes wrong is for the log. Where too much is under way, the work is not begun."""
        if len(self._tasks) < self._most:
            task = asyncio.get_running_loop().create_task(_told(work))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """Returns when nothing is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        try:
            async with asyncio.timeout(self._patience):
                await self.settled()
        except TimeoutError:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)


async def _told(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    try:
        await work()
    except Exception as error:
        if isinstance(error, GatewayError):  # the store is closed, say
            log.warning("what was left for later was not done reason=%s", error.code)
        else:
            log.exception("what was left for later failed")
