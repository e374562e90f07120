"""What clients report, and what becomes of classes that grow by themselves, in a real store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.backends import trimmed
from gateway.backends.embedded import Embedded
from gateway.backends.events import Events
from gateway.backends.ledger import Ledger
from gateway.backends.trimmed import Trimmed
from gateway.errors import Code, GatewayError
from gateway.model.administration import EVENT, TrackEvent
from gateway.model.operation import Caller, Create, Find
from gateway.model.query import Sort
from gateway.model.update import Set
from gateway.model.values import CREATED_AT, Date

CLIENT = Caller(app="blog", user_id="u1", installation_id="i1")
NOW = 1_800_000_000.0


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    store = await Embedded.open(f"sqlite:///{tmp_path / 'blog.db'}", secret=b"x" * 32)
    yield Ledger(store)
    await store.close()


async def kept(ledger: Ledger, class_name: str = EVENT) -> list[dict[str, Any]]:
    order = (Sort(CREATED_AT),)
    return (await ledger.execute(Find(class_name=class_name, limit=1000, order=order))).objects or []


async def test_an_event_and_who_told_it(ledger: Ledger) -> None:
    events = Events(ledger, lambda: NOW, lasts=1e9, most=10)
    await events.track(TrackEvent(name="search", dimensions={str(n): "x" for n in range(9)}), CLIENT)
    (event,) = await kept(ledger)
    assert event["name"] == "search"
    assert event["dimensions"] == {str(n): "x" for n in range(8)}
    assert event["at"] == Date.from_ms(int(NOW * 1000))
    assert (event["userId"], event["installationId"], event["@acl"]) == ("u1", "i1", {})


@pytest.mark.parametrize("op", [TrackEvent(name=" "), TrackEvent(name="x" * 501), TrackEvent(name="x", at=1)])  # type: ignore[arg-type]
async def test_what_is_no_event(ledger: Ledger, op: TrackEvent) -> None:
    with pytest.raises(GatewayError) as refused:
        await Events(ledger, lambda: NOW, lasts=1e9, most=10).track(op, CLIENT)
    assert refused.value.code is Code.BAD_VALUE


def made(at: int) -> Create:
    moment = Date.from_ms(at)
    return Create(class_name="@grows", changes={"n": Set(at)}, times=(moment, moment))


async def test_the_oldest_go_when_there_are_too_many(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trimmed, "EVERY", 10)
    grows = Trimmed(ledger, "@grows", lambda: 1000.0, lasts=1e6, most=5)
    await grows.added(10)  # of a class that is not there yet
    for n in range(20):
        await ledger.execute(made(n))
        await grows.added(1)
    assert [each["n"] for each in await kept(ledger, "@grows")] == [15, 16, 17, 18, 19]


async def test_what_is_too_old_goes(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trimmed, "EVERY", 1)
    for seconds in (10, 20, 30):
        await ledger.execute(made(seconds * 1000))
    await Trimmed(ledger, "@grows", lambda: 100.0, lasts=80, most=100).added(1)
    assert [each["n"] for each in await kept(ledger, "@grows")] == [20_000, 30_000]


async def test_one_look_takes_so_many_away_at_the_most(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trimmed, "PIECE", 4)
    for n in range(10):
        await ledger.execute(made(n))
    grows = Trimmed(ledger, "@grows", lambda: 1000.0, lasts=1e6, most=1)
    for left in (6, 2, 1, 1):
        await grows.added(trimmed.EVERY)
        assert [each["n"] for each in await kept(ledger, "@grows")] == list(range(10))[-left:]
