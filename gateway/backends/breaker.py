"""When to leave a backend alone: a circuit breaker, and a budget for asking again.

Both know nothing of HTTP. The breaker is closed while things go well; after so many failures in a row it is open, and
nobody gets through; after a pause one at a time may try, and the first success closes it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Final


class State(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    TRYING = "trying"  # one is on its way, to see


class OpenError(Exception):
    """Nobody gets through at present."""


class FailedError(Exception):
    """What counts as a failure of the other side."""


class Breaker:
    def __init__(self, failures: int, pause: float, now: Callable[[], float] = time.monotonic) -> None:
        """Opens after so many failures in a row, for so many seconds."""
        self.state = State.CLOSED
        self._most = failures
        self._pause = pause
        self._now = now
        self._failures = 0
        self._opened = 0.0

    @contextmanager
    def passing(self, *, slow: bool = False) -> Iterator[None]:
        """Raises OpenError. A FailedError that leaves the block is a failure; another exception, or a block that is
        given up, says nothing about the other side.

        Nobody waits for what may be `slow`: when it tries, others may as well.
        """
        trying = False
        if self.state is not State.CLOSED:
            if self.state is State.TRYING or self._now() - self._opened < self._pause:
                raise OpenError
            if not slow:
                self.state, trying = State.TRYING, True
        try:
            yield
        except FailedError:
            self._failed(trying or (slow and self.state is State.OPEN))
            raise
        except BaseException:
            if trying:
                self.state = State.OPEN  # nothing is known, so that the next one may try
            raise
        self._failures = 0
        self.state = State.CLOSED

    def _failed(self, trying: bool) -> None:
        self._failures += 1
        if trying or (self.state is State.CLOSED and self._failures >= self._most):
            self.state = State.OPEN
            self._opened = self._now()


class RetryBudget:
    """A retry for every ten requests, and a few to begin with: a backend that is down is not asked twice as often."""

    SHARE: Final = 0.1
    MOST: Final = 10.0

    def __init__(self) -> None:
        self._left = self.MOST

    def earn(self) -> None:
        self._left = min(self.MOST, self._left + self.SHARE)

    def take(self) -> bool:
        if self._left < 1:
            return False
        self._left -= 1
        return True
