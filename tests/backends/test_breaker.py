"""The circuit breaker and the budget of retries, on a clock of their own."""

from __future__ import annotations

import asyncio

import pytest

from gateway.backends.breaker import Breaker, FailedError, OpenError, RetryBudget, State


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def told(breaker: Breaker, what: str) -> str:
    """What comes of one that fails, succeeds, or is given up."""
    errors = {"fails": FailedError, "gives up": asyncio.CancelledError, "is wrong": ValueError}
    try:
        with breaker.passing():
            if what in errors:
                raise errors[what]
    except OpenError:
        return "refused"
    except (FailedError, asyncio.CancelledError, ValueError):
        return "failed"
    return "done"


def test_it_opens_after_so_many_failures_in_a_row() -> None:
    breaker = Breaker(3, 10, Clock())
    assert [told(breaker, "fails"), told(breaker, "fails"), told(breaker, "succeeds")] == ["failed", "failed", "done"]
    assert [told(breaker, "fails") for _ in range(4)] == ["failed", "failed", "failed", "refused"]


def test_after_a_pause_one_may_try_and_success_closes_it() -> None:
    clock = Clock()
    breaker = Breaker(1, 10, clock)
    assert [told(breaker, "fails"), told(breaker, "succeeds")] == ["failed", "refused"]
    clock.now = 10
    with breaker.passing():
        assert breaker.state is State.TRYING
        assert told(breaker, "succeeds") == "refused"  # one at a time
    assert told(breaker, "succeeds") == "done"


def test_a_try_that_fails_opens_it_for_another_pause() -> None:
    clock = Clock()
    breaker = Breaker(1, 10, clock)
    told(breaker, "fails")
    clock.now = 10
    assert told(breaker, "fails") == "failed"
    clock.now = 19
    assert told(breaker, "succeeds") == "refused"
    clock.now = 20
    assert told(breaker, "succeeds") == "done"


@pytest.mark.parametrize("what", ["gives up", "is wrong"])
def test_a_try_that_tells_nothing_lets_the_next_one_try(what: str) -> None:
    clock = Clock()
    breaker = Breaker(1, 10, clock)
    told(breaker, "fails")
    clock.now = 10
    assert [told(breaker, what), told(breaker, "succeeds")] == ["failed", "done"]


def test_nobody_waits_for_a_slow_try() -> None:
    clock = Clock()
    breaker = Breaker(1, 10, clock)
    told(breaker, "fails")
    with pytest.raises(OpenError), breaker.passing(slow=True):
        pass
    clock.now = 10
    with breaker.passing(slow=True):
        with pytest.raises(FailedError), breaker.passing(slow=True):
            raise FailedError
        assert told(breaker, "succeeds") == "refused", "it has failed just now"
        clock.now = 20
        assert told(breaker, "succeeds") == "done"
    assert breaker.state is State.CLOSED


def test_what_tells_nothing_is_no_failure() -> None:
    breaker = Breaker(1, 10, Clock())
    assert [told(breaker, "is wrong") for _ in range(5)] == ["failed"] * 5


def test_the_budget_is_a_tenth_of_what_is_asked() -> None:
    budget = RetryBudget()
    assert [budget.take() for _ in range(11)] == [True] * 10 + [False]
    for _ in range(9):
        budget.earn()
    assert not budget.take()
    budget.earn()
    budget.earn()
    assert budget.take()
