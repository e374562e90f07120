"""The log of clients, as it is kept and asked for; what goes into the gateway's own is in test_services.py."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.backends.client_log import MOST_ENTRIES, KeptLog
from gateway.backends.embedded import Embedded
from gateway.backends.ledger import Ledger
from gateway.errors import Code, GatewayError
from gateway.model.administration import ReadLog
from gateway.model.operation import Caller
from gateway.model.services import LogEntry, WriteLog
from gateway.model.values import Date

BLOG = Caller(app="blog", master=True)
NOW = float(int(time.time()))  # an entry is as old as the store says


def at(second: int) -> Date:
    return Date.from_ms(second * 1000)


ENTRIES = (
    LogEntry("one", "debug", "main", None, at(1)),
    LogEntry("two", "INFO", "main", None, at(2)),
    LogEntry("three", "warn", "main", "Oops", at(3)),
    LogEntry("four", "error", "", None, at(4)),
)


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[KeptLog]:
    store = await Embedded.open(f"sqlite:///{tmp_path / 'blog.db'}", secret=b"x" * 32)
    yield KeptLog(Ledger(store), lambda: NOW)
    await store.close()


async def read(log: KeptLog, caller: Caller = BLOG, **options: Any) -> list[str]:
    return [entry.message for entry in (await log.read(ReadLog(**options), caller)).value]


async def test_entries_are_read_by_level_and_time(log: KeptLog) -> None:
    assert await read(log) == []
    await log.write(WriteLog(entries=ENTRIES), BLOG)
    assert await read(log) == ["four", "three", "two"]
    assert await read(log, level="error") == ["four"]
    assert await read(log, level="trace", direction="rising") == ["one", "two", "three", "four"]
    assert await read(log, limit=1) == ["four"]
    assert await read(log, since=at(3)) == ["four", "three"]
    assert await read(log, until=at(2)) == ["two"]
    (entry,) = (await log.read(ReadLog(since=at(3), until=at(3)), BLOG)).value
    assert entry == ENTRIES[2]


async def test_an_entry_without_a_time_is_of_now(log: KeptLog) -> None:
    await log.write(WriteLog(entries=(LogEntry("now"),)), BLOG)
    (entry,) = (await log.read(ReadLog(), BLOG)).value
    assert entry.at == at(int(NOW))


async def test_each_app_reads_its_own(log: KeptLog) -> None:
    await log.write(WriteLog(entries=ENTRIES), BLOG)
    assert await read(log, Caller(app="shop", master=True)) == []


async def test_what_cannot_be_asked(log: KeptLog) -> None:
    for op, code in (
        (ReadLog(level="loud"), Code.BAD_VALUE),
        (ReadLog(limit=MOST_ENTRIES + 1), Code.BAD_PAGE),
        (ReadLog(limit=-1), Code.BAD_PAGE),
    ):
        with pytest.raises(GatewayError) as refused:
            await log.read(op, BLOG)
        assert refused.value.code is code
