"""What goes on after the answer: it is finished, or told in the log."""

from __future__ import annotations

import asyncio
import logging

import pytest

from gateway.backends.later import Later
from gateway.errors import Code, GatewayError


async def test_what_was_started_is_finished_before_the_end() -> None:
    later, done = Later(), []

    async def work() -> None:
        await asyncio.sleep(0)
        done.append(1)
        if len(done) < 3:
            later.start(work)

    later.start(work)
    assert done == []
    await later.close()
    assert done == [1, 1, 1]


async def test_the_end_does_not_wait_for_ever() -> None:
    later, stopped = Later(patience=0.01), []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(1)

    later.start(work)
    await asyncio.sleep(0)
    await later.close()
    assert stopped == [1]


async def test_no_more_than_so_much_is_under_way() -> None:
    later, begun, go = Later(most=2), [], asyncio.Event()

    async def work() -> None:
        begun.append(1)
        await go.wait()

    later.refuse_more()
    for _ in range(3):
        later.start(work)
    with pytest.raises(GatewayError) as refused:
        later.refuse_more()
    assert refused.value.code is Code.UNAVAILABLE
    go.set()
    await later.close()
    assert len(begun) == 2
    later.refuse_more()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (GatewayError(Code.UNAVAILABLE, "the secret"), "what was left for later was not done reason=unavailable"),
        (ValueError("odd"), "what was left for later failed"),
    ],
)
async def test_what_goes_wrong_is_for_the_log(error: Exception, told: str, caplog: pytest.LogCaptureFixture) -> None:
    later = Later()

    async def work() -> None:
        raise error

    with caplog.at_level(logging.WARNING):
        later.start(work)
        await later.close()
    assert [record.getMessage() for record in caplog.records] == [told]
