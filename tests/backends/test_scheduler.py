"""Tasks that are due: each done, by one gateway, on real files; and gateways that die at any moment."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.backends.embedded import Embedded
from gateway.backends.ledger import Ledger
from gateway.backends.scheduler import TASK, Scheduler, Task
from gateway.errors import Code, GatewayError
from gateway.model.operation import Caller, Find, Operation, Result

APP = "blog"


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_800_000_000.0

    def __call__(self) -> float:
        return self.seconds


class Store:
    """A gateway's view of the file; when the gateway has died, nothing more of it reaches the file."""

    def __init__(self, store: Embedded) -> None:
        self._store = store
        self.dead = False

    async def execute(self, op: Operation, caller: Caller) -> Result:
        if self.dead:
            raise GatewayError(Code.UNAVAILABLE, "dead")
        return await self._store.execute(op, caller)

    async def roles_of(self, user_id: str) -> frozenset[str]:
        return frozenset()

    async def permit(self, op: Any, caller: Caller) -> None:
        pass

    async def close(self) -> None:
        pass


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Embedded]:
    opened = await Embedded.open(f"sqlite:///{tmp_path}/tasks.db", secret=b"x" * 32)
    yield opened
    await opened.close()


def scheduler_of(store: Any, clock: Callable[[], float], *, app: str = APP, lease: float = 30.0) -> Scheduler:
    return Scheduler(Ledger(store), app=app, now=clock, lease=lease, poll=0.01, patience=30.0)


async def left(store: Embedded) -> list[dict[str, Any]]:
    try:
        found = await store.execute(Find(class_name=TASK, limit=1000), Caller(app="", trusted=True))
    except GatewayError:
        return []
    return found.objects or []


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - what it waits for knows of no event
            await asyncio.sleep(0.005)


async def test_a_task_is_done_when_it_is_due_and_then_it_is_gone(store: Embedded) -> None:
    clock, done = Clock(), []
    scheduler = scheduler_of(store, clock)

    async def handler(task: Task) -> None:
        done.append((task.payload, task.due, task.tries))

    scheduler.handle("letter", handler)
    scheduler.start()
    await scheduler.add("letter", clock() + 60, {"to": "tom"})
    await asyncio.sleep(0.05)
    assert done == []
    clock.seconds += 60
    await until(lambda: bool(done))
    await scheduler.close()
    assert done == [({"to": "tom"}, 1_800_000_060.0, 0)]
    assert await left(store) == []


async def test_a_task_survives_the_gateway(store: Embedded) -> None:
    clock, done = Clock(), []
    first = scheduler_of(store, clock)
    first.start()
    await first.add("letter", clock() + 60, {"n": 1})
    await first.close()
    clock.seconds += 3600
    second = scheduler_of(store, clock)

    async def handler(task: Task) -> None:
        done.append(task.payload["n"])

    second.handle("letter", handler)
    second.start()
    await until(lambda: bool(done))
    await second.close()
    assert done == [1]


async def test_what_goes_wrong_is_tried_again_and_later_each_time(store: Embedded) -> None:
    clock, tries = Clock(), []
    scheduler = scheduler_of(store, clock)

    async def handler(task: Task) -> None:
        tries.append((clock(), task.tries))
        if len(tries) < 4:
            raise GatewayError(Code.UNAVAILABLE, "not now")

    scheduler.handle("letter", handler)
    scheduler.start()
    await scheduler.add("letter", clock(), {})
    for number in range(1, 4):
        await until(lambda number=number: len(tries) >= number)  # type: ignore[misc]
        await asyncio.sleep(0.03)
        assert len(tries) == number, "it was tried again at once"
        clock.seconds += 2 ** (number - 1)
    await until(lambda: len(tries) == 4)
    await scheduler.close()
    assert [tried for _, tried in tries] == [0, 1, 2, 3]
    assert await left(store) == []


async def test_a_handler_says_when_it_goes_on(store: Embedded) -> None:
    clock, at = Clock(), []
    scheduler = scheduler_of(store, clock)

    async def handler(task: Task) -> float | None:
        at.append(task.due)
        return clock() + 10 if len(at) < 3 else None

    scheduler.handle("round", handler)
    scheduler.start()
    await scheduler.add("round", clock(), {})
    for number in (1, 2, 3):
        await until(lambda number=number: len(at) == number)  # type: ignore[misc]
        await asyncio.sleep(0.02)
        clock.seconds += 10
    await scheduler.close()
    assert at == [1_800_000_000.0, 1_800_000_010.0, 1_800_000_020.0]


async def test_a_task_can_be_taken_back_and_moved(store: Embedded) -> None:
    clock, done = Clock(), []
    scheduler = scheduler_of(store, clock)

    async def handler(task: Task) -> None:
        done.append(task.id)

    scheduler.handle("letter", handler)
    scheduler.start()
    gone, moved = await scheduler.add("letter", clock() + 60, {}), await scheduler.add("letter", clock() + 60, {})
    assert await scheduler.cancel(gone)
    assert not await scheduler.cancel(gone)
    assert await scheduler.move(moved, clock() + 5)
    assert not await scheduler.move("nobody", clock())
    clock.seconds += 5
    await until(lambda: bool(done))
    await scheduler.close()
    assert done == [moved]
    assert not await scheduler.move(moved, clock())


async def test_an_id_of_ones_own_is_one_task(store: Embedded) -> None:
    clock = Clock()
    scheduler = scheduler_of(store, clock)
    assert await scheduler.add("letter", clock() + 1, {"n": 1}, id_="mine") == "mine"
    assert await scheduler.add("letter", clock() + 2, {"n": 2}, id_="mine") == "mine"
    assert [row["payload"] for row in await left(store)] == ['{"n":1}']


async def test_what_is_under_way_when_it_closes_is_anybodys_at_once(store: Embedded) -> None:
    clock, begun, done = Clock(), [], []
    first, second = scheduler_of(store, clock), scheduler_of(store, clock)

    async def endless(task: Task) -> None:
        begun.append(task.id)
        await asyncio.Event().wait()

    async def handler(task: Task) -> None:
        done.append((task.id, task.tries))

    first.handle("letter", endless)
    first.start()
    known = await first.add("letter", clock(), {})
    await until(lambda: bool(begun))
    first._patience = 0.05
    await first.close()
    second.handle("letter", handler)
    second.start()
    await until(lambda: bool(done))  # and the clock has not moved: the mark did not run out
    await second.close()
    assert done == [(known, 0)]


async def test_a_handler_ends_soon_after_its_task_was_taken_back(store: Embedded) -> None:
    clock, ends = Clock(), []
    scheduler = scheduler_of(store, clock, lease=0.06)

    async def endless(task: Task) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ends.append(task.id)

    scheduler.handle("letter", endless)
    scheduler.start()
    known = await scheduler.add("letter", clock(), {})
    await until(lambda: bool(scheduler._under_way))
    assert await scheduler.cancel(known)
    await until(lambda: bool(ends))
    await scheduler.close()
    assert ends == [known]


async def test_tasks_of_other_applications_and_of_unknown_kinds_are_left_alone(store: Embedded) -> None:
    clock, done = Clock(), []
    scheduler, other = scheduler_of(store, clock), scheduler_of(store, clock, app="shop")

    async def handler(task: Task) -> None:
        done.append(task.payload["n"])

    scheduler.handle("letter", handler)
    scheduler.start()
    await other.add("letter", clock(), {"n": 1})
    await scheduler.add("parcel", clock(), {"n": 2})
    await scheduler.add("letter", clock(), {"n": 3})
    await until(lambda: bool(done))
    await asyncio.sleep(0.03)
    assert not await scheduler.cancel((await left(store))[0]["@id"]), "it was of another application"
    await scheduler.close()
    assert done == [3]
    assert len(await left(store)) == 2


@pytest.mark.parametrize("seed", range(4))
async def test_gateways_that_die_lose_no_task_and_do_none_twice_at_once(tmp_path: Path, seed: int) -> None:
    """Three gateways on one file, some of which die in the middle of whatever they do, and are replaced."""
    chance, tasks = random.Random(seed), 25
    url = f"sqlite:///{tmp_path}/tasks.db"
    started, effects, at_work, twice_at_once = Counter[str](), set[str](), set[str](), set[str]()
    gateways: list[tuple[Scheduler, Store, Embedded]] = []
    async with asyncio.timeout(100):
        lease, clock = 3.0, asyncio.get_running_loop().time

        async def begin() -> None:
            opened = await Embedded.open(url, secret=b"x" * 32)
            store = Store(opened)
            scheduler = scheduler_of(store, clock, lease=lease)

            async def handler(task: Task) -> None:
                name = task.payload["name"]
                started[name] += 1
                if name in at_work:
                    twice_at_once.add(name)
                at_work.add(name)
                try:
                    await asyncio.sleep(chance.random() * 0.02)
                    if store.dead:
                        await asyncio.Event().wait()
                    effects.add(name)
                finally:
                    at_work.discard(name)

            scheduler.handle("effect", handler)
            scheduler.start()
            gateways.append((scheduler, store, opened))

        for _ in range(3):
            await begin()
        names = [f"task {number}" for number in range(tasks)]
        for name in names:
            await gateways[-1][0].add("effect", clock() + chance.random() * 0.3, {"name": name})
        for _ in range(4):
            await asyncio.sleep(chance.random() * 0.1)
            scheduler, store, _ = gateways[chance.randrange(len(gateways))]
            store.dead = True
            scheduler._loop.cancel()  # type: ignore[union-attr]  # or it would begin what it has just put its mark into
            at_work_of_the_dead = list(scheduler._under_way)
            for work in at_work_of_the_dead:
                work.cancel()
            await asyncio.gather(*at_work_of_the_dead, return_exceptions=True)
            await begin()
        await until(lambda: effects == set(names))
        for scheduler, _, _ in gateways:
            await scheduler.close()
        survivor = await Embedded.open(url, secret=b"x" * 32)
        remaining = {row["payload"] for row in await left(survivor)}
        await survivor.close()
        for *_, opened in gateways:
            await opened.close()
    assert set(started) == set(names)
    assert twice_at_once == set()
    # one whose gateway died after its effect may still be there; nothing else is
    assert all(any(name in payload for name in effects) for payload in remaining)
