"""Jobs: on a real store, with a real scheduler, and code that ends when a test says so."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gateway.backends.embedded import Embedded
from gateway.backends.jobs import ALIVE_FOR, LOOK_EVERY, Jobs, job_operations
from gateway.backends.later import Later
from gateway.backends.ledger import Ledger
from gateway.backends.scheduler import TASK, Scheduler
from gateway.errors import Code, GatewayError
from gateway.model.code import JOB_SCHEDULE, JOB_STATUS, FindJobs, RescheduleJob, ScheduleJob, StartJob
from gateway.model.operation import Caller, Create, Delete, Find, Get, Operation, Result
from gateway.model.query import Condition, Op, Or
from gateway.model.update import Changes, Set
from gateway.model.values import Date, Fields

CLIENT, MASTER, GATEWAY = Caller(app="blog"), Caller(app="blog", master=True), Caller(app="", trusted=True)
NOON = 1_800_014_400.0
assert NOON % 86_400 == 43_200


@dataclass
class Clock:
    seconds: float = NOON

    def __call__(self) -> float:
        return self.seconds


@dataclass
class OwnCode:
    """Code of an app's own: `work` is what every job does."""

    work: Callable[[Any], Awaitable[str | None]]
    jobs: tuple[str, ...] = ("clean", "count")
    ran: list[tuple[str, Any]] = field(default_factory=list)

    async def run_job(self, name: str, arguments: Any, status_id: str, app: str) -> str | None:
        assert app == "blog"
        assert status_id
        self.ran.append((name, arguments))
        return await self.work(arguments)


@dataclass
class Gateway:
    store: Embedded
    code: OwnCode
    clock: Clock
    scheduler: Scheduler
    later: Later
    jobs: Jobs

    async def ask(self, op: Operation) -> Result:
        result: Result = await job_operations(self.jobs)[type(op)](op, MASTER)
        return result

    async def status(self, id_: str | None) -> Fields:
        found = (await self.store.execute(Get(class_name=JOB_STATUS, id=id_ or ""), MASTER)).object or {}
        return {name: value for name, value in found.items() if name[:1] != "@"}

    async def statuses(self) -> list[Fields]:
        return (await self.store.execute(Find(class_name=JOB_STATUS, limit=100), MASTER)).objects or []

    async def passes(self, seconds: float) -> None:
        """Time goes by, and the scheduler does what is due until nothing is."""
        self.clock.seconds += seconds
        due = Condition("at", Op.LE, int(self.clock.seconds * 1000))
        marked = Condition("mark", Op.EXISTS, True)
        async with asyncio.timeout(60):
            while (await self.store.execute(Find(class_name=TASK, limit=1, where=Or((due, marked))), GATEWAY)).objects:
                self.scheduler.wake()
                await asyncio.sleep(0.002)


async def at_once(arguments: Any) -> str | None:
    return arguments.get("say") if arguments else None


@asynccontextmanager
async def gateway(
    store: Embedded, clock: Clock, work: Callable[[Any], Awaitable[str | None]]
) -> AsyncIterator[Gateway]:
    ledger, code, later = Ledger(store), OwnCode(work), Later(patience=0.05)
    scheduler = Scheduler(ledger, app="blog", now=clock, poll=0.01)
    jobs = Jobs(ledger, code, scheduler, later, app="blog", now=clock)  # type: ignore[arg-type]
    scheduler.start()
    try:
        yield Gateway(store, code, clock, scheduler, later, jobs)
    finally:
        await scheduler.close()
        await later.close()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Embedded]:
    store = await Embedded.open(f"sqlite:///{tmp_path}/jobs.db", secret=b"s" * 32)
    yield store
    await store.close()


@pytest.fixture
async def one(store: Embedded) -> AsyncIterator[Gateway]:
    async with gateway(store, Clock(), at_once) as made:
        yield made


# --- a run ---


async def test_a_job_runs_and_tells_what_it_said(one: Gateway) -> None:
    id_ = (await one.ask(StartJob(name="clean", arguments={"say": "done"}))).id
    await one.later.settled()
    assert one.code.ran == [("clean", {"say": "done"})]
    assert await one.status(id_) == {
        "jobName": "clean",
        "source": "api",
        "status": "succeeded",
        "message": "done",
        "finishedAt": Date.from_ms(int(NOON * 1000)),
    }


async def test_nobody_waits_for_a_job(store: Embedded) -> None:
    go = asyncio.Event()

    async def wait(_: Any) -> None:
        await go.wait()

    async with gateway(store, Clock(), wait) as one:
        id_ = (await one.ask(StartJob(name="clean"))).id
        assert await one.status(id_) == {"jobName": "clean", "source": "api", "status": "running"}
        go.set()
        await one.later.settled()
        assert (await one.status(id_))["status"] == "succeeded"
        assert "message" not in await one.status(id_)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (GatewayError(Code.FUNCTION_FAILED, "no space left"), "no space left"),
        (GatewayError(Code.TIMEOUT, "the job clean did not answer in time"), "the job clean did not answer in time"),
        (ValueError("a secret"), "internal error"),
    ],
)
async def test_a_job_that_fails_says_why(store: Embedded, error: Exception, message: str) -> None:
    async def fail(_: Any) -> None:
        raise error

    async with gateway(store, Clock(), fail) as one:
        id_ = (await one.ask(StartJob(name="clean"))).id
        await one.later.settled()
        status = await one.status(id_)
        assert (status["status"], status["message"]) == ("failed", message)


async def test_there_is_no_job_of_another_name(one: Gateway) -> None:
    with pytest.raises(GatewayError) as refused:
        await one.ask(StartJob(name="nope"))
    assert refused.value.code is Code.NO_JOB
    await one.ask(StartJob(name="clean"))
    assert len(await one.statuses()) == 1


async def test_who_runs_a_job_is_the_masters_to_know(one: Gateway) -> None:
    await one.ask(StartJob(name="clean"))
    await one.later.settled()
    found = await one.store.execute(Find(class_name=JOB_STATUS, limit=10), CLIENT)
    assert found.objects == []


async def test_a_gateway_that_is_stopped_leaves_no_job_running(store: Embedded) -> None:
    begun = asyncio.Event()

    async def forever(_: Any) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with gateway(store, Clock(), forever) as one:
        id_ = (await one.ask(StartJob(name="clean"))).id
        await begun.wait()
    status = await one.status(id_)
    assert (status["status"], status["message"]) == ("failed", "the gateway was stopped while the job ran")


async def test_a_gateway_that_dies_leaves_no_job_running(store: Embedded) -> None:
    """The one that ran it gives no sign of life, as its clock stands still; another one looks a while later."""
    go = asyncio.Event()

    async def wait(_: Any) -> str:
        await go.wait()
        return "it has ended after all"

    async with gateway(store, Clock(), wait) as one:
        id_ = (await one.ask(StartJob(name="clean"))).id
        await one.scheduler.close()
        async with gateway(store, Clock(), at_once) as other:
            await other.passes(ALIVE_FOR - 1)
            assert (await one.status(id_))["status"] == "running"
            await other.passes(2)
            status = await one.status(id_)
            assert (status["status"], status["message"]) == ("failed", "the gateway that ran the job has ended")
            assert other.code.ran == [], "it may have done its work: it is not begun again"
        go.set()
        await one.later.settled()
        assert (await one.status(id_))["status"] == "failed", "what was told stays"


async def test_a_job_whose_status_was_deleted_ends_in_peace(store: Embedded) -> None:
    go = asyncio.Event()

    async def wait(_: Any) -> None:
        await go.wait()

    async with gateway(store, Clock(), wait) as one:
        id_ = (await one.ask(StartJob(name="clean"))).id or ""
        await store.execute(Delete(class_name=JOB_STATUS, ids=(id_,)), MASTER)
        go.set()
        await one.later.settled()
        assert await one.statuses() == []


# --- schedules ---


def daily(name: str = "clean", **more: Any) -> Changes:
    return {
        field: Set(value) for field, value in {"jobName": name, "repeatMinutes": 1440, "timeOfDay": "13:00"}.items()
    } | {field: Set(value) for field, value in more.items()}


async def test_a_schedule_runs_its_job_when_it_is_due(one: Gateway) -> None:
    one.clock.seconds = time.time()  # the store has its own clock, which says when the schedule was made
    await one.ask(ScheduleJob(changes=daily(params='{"say":"hi"}')))
    one.clock.seconds = one.clock.seconds // 86_400 * 86_400 + 86_400 + 43_200
    await one.passes(LOOK_EVERY)
    before = len(one.code.ran)
    await one.passes(3600)
    await one.later.settled()
    assert one.code.ran[before:] == [("clean", {"say": "hi"})]
    await one.passes(3600)
    await one.later.settled()
    assert len(one.code.ran) == before + 1, "once a day"
    await one.passes(86_400)
    await one.later.settled()
    assert len(one.code.ran) == before + 2
    assert {fields["source"] for fields in await one.statuses()} == {"schedule"}


async def test_one_that_was_due_when_it_was_written_is_done_once(one: Gateway) -> None:
    once: Changes = {
        "jobName": Set("count"),
        "startAfter": Set("2020-01-01T00:00:00.000Z"),
        "params": Set({"say": "x"}),
    }
    await one.ask(ScheduleJob(changes=once))
    for _ in range(3):
        await one.passes(LOOK_EVERY)
    await one.later.settled()
    assert one.code.ran == [("count", {"say": "x"})]


async def test_two_gateways_begin_it_once(store: Embedded) -> None:
    clock = Clock()
    async with gateway(store, clock, at_once) as one, gateway(store, clock, at_once) as other:
        for each in (one, other):
            await each.ask(FindJobs())
        await one.ask(ScheduleJob(changes={"jobName": Set("clean"), "startAfter": Set("2020-01-01T00:00:00.000Z")}))
        for _ in range(5):
            await one.passes(LOOK_EVERY)
            await other.passes(LOOK_EVERY)
        await asyncio.gather(one.later.settled(), other.later.settled())
        assert len(one.code.ran) + len(other.code.ran) == 1


async def test_a_schedule_that_was_written_as_an_object_runs_too_and_one_that_is_gone_does_not(one: Gateway) -> None:
    await one.ask(FindJobs())
    fields: Changes = {"jobName": Set("clean"), "startAfter": Set("2020-01-01T00:00:00.000Z")}
    made = await one.store.execute(Create(class_name=JOB_SCHEDULE, changes=fields), MASTER)
    gone = await one.store.execute(Create(class_name=JOB_SCHEDULE, changes=fields), MASTER)
    await one.store.execute(Delete(class_name=JOB_SCHEDULE, ids=(gone.id or "",)), MASTER)
    await one.passes(LOOK_EVERY)
    await one.later.settled()
    assert (made.id, len(one.code.ran)) == (made.id, 1)


async def test_a_bad_schedule_does_not_stop_the_others(one: Gateway) -> None:
    await one.ask(FindJobs())
    due = Set("2020-01-01T00:00:00.000Z")
    for changes in ({"jobName": Set("nope"), "startAfter": due}, {"jobName": Set("clean"), "startAfter": Set("soon")}):
        await one.store.execute(Create(class_name=JOB_SCHEDULE, changes=changes), MASTER)
    await one.ask(ScheduleJob(changes={"jobName": Set("count"), "startAfter": due}))
    await one.passes(LOOK_EVERY)
    await one.later.settled()
    assert [name for name, _ in one.code.ran] == ["count"]


async def test_the_names_of_jobs_are_told(one: Gateway) -> None:
    assert (await one.ask(FindJobs())).value == {"in_use": [], "jobs": ["clean", "count"]}
    made = await one.ask(ScheduleJob(changes=daily("count")))
    await one.ask(ScheduleJob(changes=daily("count")))
    assert (await one.ask(FindJobs())).value == {"in_use": ["count"], "jobs": ["clean", "count"]}
    await one.ask(RescheduleJob(id=made.id or "", changes={"jobName": Set("clean")}))
    assert (await one.ask(FindJobs())).value["in_use"] == ["clean", "count"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"jobName": Set("nope")}, Code.NO_JOB),
        ({}, Code.NO_JOB),
        ({"jobName": Set(5)}, Code.NO_JOB),
        ({"jobName": Set("clean"), "repeatMinutes": Set("often")}, Code.BAD_VALUE),
    ],
)
async def test_a_schedule_that_cannot_be_is_refused(one: Gateway, changes: Changes, code: Code) -> None:
    with pytest.raises(GatewayError) as refused:
        await one.ask(ScheduleJob(changes=changes))
    assert refused.value.code is code
    made = await one.ask(ScheduleJob(changes=daily()))
    if changes:
        with pytest.raises(GatewayError) as refused:
            await one.ask(RescheduleJob(id=made.id or "", changes=changes))
        assert refused.value.code is code
