"""Jobs: code of an app's own that runs for long, without anybody waiting for it.

Each run has an object of `_JobStatus`. It is made together with a task of the scheduler that would tell it failed, and
as long as the job runs its gateway moves that task on: where the gateway has died, any other one tells it. A job is
never begun anew by itself, as it may have done its work already. Schedules are the objects of `_JobSchedule`, however
they were written: one task looks at all of them now and then, and a row of the ledger says when each was last begun.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from gateway.adapters.base import Functions
from gateway.backends.job_times import read_times
from gateway.backends.later import Later
from gateway.backends.ledger import Ledger, new_id, value_of
from gateway.backends.scheduler import Scheduler, Task
from gateway.errors import Code, GatewayError
from gateway.model.code import (
    JOB_SCHEDULE,
    JOB_STATUS,
    FindJobs,
    JobState,
    RescheduleJob,
    ScheduleJob,
    StartJob,
)
from gateway.model.operation import Caller, Create, Find, Operation, Result, Returning, Update
from gateway.model.query import Condition, Op
from gateway.model.update import Change, Changes, Set
from gateway.model.values import ACL, Date, Fields

log = logging.getLogger(__name__)

SCHEDULED: Final = "@scheduled"
"""The id of a schedule -> when it was last begun (`at`, milliseconds)."""
WATCH: Final = "job_watch"
"""The task that tells a job failed, unless it is moved on."""
LOOK: Final = "job_schedules"
"""The task that looks at the schedules; there is one of it."""

ALIVE_FOR: Final = 60.0
"""Seconds without a sign of its gateway after which a job has failed."""
SIGN_EVERY: Final = 15.0
LOOK_EVERY: Final = 20.0
"""Seconds; a schedule tells minutes."""
MOST_SCHEDULES: Final = 1000
LONGEST_MESSAGE: Final = 10_000


class Jobs:
    """What each operation answers is said in `model.code`. `close` of the scheduler and of `later` ends all of it."""

    def __init__(
        self,
        ledger: Ledger,
        functions: Functions | None,
        scheduler: Scheduler,
        later: Later,
        *,
        app: str,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._ledger, self._functions, self._scheduler = ledger, functions, scheduler
        self._later, self._app, self._now = later, app, now
        self._looking = False
        self._names = frozenset(() if functions is None else functions.jobs)
        scheduler.handle(WATCH, self._gone)
        scheduler.handle(LOOK, self._look)

    async def start(self, op: StartJob, _caller: Caller) -> Result:
        await self._look_later()
        return Result(id=await self._begin(op.name, op.arguments, "api"))

    async def names(self, _op: FindJobs, _caller: Caller) -> Result:
        await self._look_later()
        used = {fields.get("jobName") for fields in await self._schedules()}
        in_use = sorted(name for name in used if type(name) is str)
        return Result(value={"in_use": in_use, "jobs": sorted(self._names)})

    async def schedule(self, op: ScheduleJob, _caller: Caller) -> Result:
        self._check(op.changes, new=True)
        made = await self._ledger.execute(Create(class_name=JOB_SCHEDULE, changes={ACL: Set({}), **op.changes}))
        await self._look_later()
        return made

    async def reschedule(self, op: RescheduleJob, _caller: Caller) -> Result:
        self._check(op.changes, new=False)
        return await self._ledger.execute(Update(class_name=JOB_SCHEDULE, id=op.id, changes=op.changes))

    # --- a run ---

    async def _begin(self, name: str, arguments: Any, source: str) -> str:
        if name not in self._names:
            raise GatewayError(Code.NO_JOB, f"there is no job {name!r}", name=name)
        self._later.refuse_more()
        id_ = new_id()
        status: Changes = {
            "jobName": Set(name),
            "source": Set(source),
            "status": Set(str(JobState.RUNNING)),
            ACL: Set({}),  # Parse Server: nobody's but the master's
        }
        made = Create(class_name=JOB_STATUS, id=id_, changes=status, returning=Returning.NOTHING)
        watch = self._scheduler.making(WATCH, self._now() + ALIVE_FOR, {"job": id_}, id_=_watch(id_))
        await self._ledger.together((made, watch))
        self._later.start(lambda: self._run(id_, name, arguments))
        return id_

    async def _run(self, id_: str, name: str, arguments: Any) -> None:
        assert self._functions is not None
        work = asyncio.ensure_future(self._functions.run_job(name, arguments, id_, self._app))
        try:
            while not (await asyncio.wait({work}, timeout=SIGN_EVERY))[0]:
                await self._sign_of_life(id_)
            message = work.result()
        except asyncio.CancelledError:
            await self._ended(id_, JobState.FAILED, "the gateway was stopped while the job ran")
            raise
        except GatewayError as error:
            await self._ended(id_, JobState.FAILED, error.message)
        except Exception:
            await self._ended(id_, JobState.FAILED, "internal error")
            raise
        else:
            await self._ended(id_, JobState.SUCCEEDED, message)
        finally:
            work.cancel()
        await self._scheduler.cancel(_watch(id_))

    async def _sign_of_life(self, id_: str) -> None:
        try:
            await self._scheduler.move(_watch(id_), self._now() + ALIVE_FOR)
        except GatewayError as error:  # the next one may come through
            log.warning("a job cannot give a sign of life reason=%s", error.code)

    async def _gone(self, task: Task) -> None:
        """Nobody has moved the task on."""
        await self._ended(task.payload["job"], JobState.FAILED, "the gateway that ran the job has ended")

    async def _ended(self, id_: str, state: JobState, message: str | None) -> None:
        """What was told first stays."""
        changes: dict[str, Change] = {
            "status": Set(str(state)),
            "finishedAt": Set(Date.from_ms(int(self._now() * 1000))),
        }
        if message is not None:
            changes["message"] = Set(message[:LONGEST_MESSAGE])
        running = Condition("status", Op.EQ, str(JobState.RUNNING))
        try:
            await self._ledger.execute(
                Update(class_name=JOB_STATUS, id=id_, changes=changes, where=running, returning=Returning.NOTHING)
            )
        except GatewayError as error:
            if error.code not in (Code.CONDITION_FAILED, Code.OBJECT_NOT_FOUND):  # the master may have deleted it
                raise

    # --- schedules ---

    def _check(self, changes: Changes, *, new: bool) -> None:
        """Raises GatewayError: NO_JOB, and BAD_VALUE where the times are none."""
        if new or "jobName" in changes:
            name = value_of(changes["jobName"]) if "jobName" in changes else None
            if name not in self._names:
                raise GatewayError(Code.NO_JOB, f"there is no job {name!r}", name=str(name))
        read_times({name: value_of(change) for name, change in changes.items() if name[:1] != "@"})

    async def _look_later(self) -> None:
        """The one task is there from the first time that anybody uses jobs."""
        if not self._looking:
            await self._scheduler.add(LOOK, self._now() + LOOK_EVERY, {}, id_=LOOK)
            self._looking = True

    async def _look(self, _task: Task) -> float:
        for fields in await self._schedules():
            try:
                await self._begin_if_due(fields)
            except GatewayError as error:
                log.warning("a scheduled job was not begun schedule=%s reason=%s", fields["@id"], error.code)
        return self._now() + LOOK_EVERY

    async def _begin_if_due(self, fields: Fields) -> None:
        id_, name, now, times = fields["@id"], fields.get("jobName"), self._now(), read_times(fields)
        if name not in self._names:
            raise GatewayError(Code.NO_JOB, "there is no such job")
        row = await self._ledger.fields(SCHEDULED, id_)
        made = fields["@created_at"].ms / 1000
        # one that was written after it was due is done at once; a repeated one has its next turn
        before = row["at"] / 1000 if row is not None else float("-inf") if times.repeat is None else made
        due = times.latest(before, now, made)
        if due is not None and await self._is_ours(id_, None if row is None else row["at"], int(due * 1000)):
            await self._begin(name, _arguments(fields.get("params")), "schedule")

    async def _is_ours(self, id_: str, before: int | None, at: int) -> bool:
        """Whether this gateway is the one that begins it this time."""
        changes: Changes = {"at": Set(at)}
        op: Operation = Create(class_name=SCHEDULED, id=id_, changes=changes, returning=Returning.NOTHING)
        if before is not None:
            op = Update(class_name=SCHEDULED, id=id_, changes=changes, where=Condition("at", Op.EQ, before))
        try:
            await self._ledger.execute(op)
        except GatewayError as error:
            if error.code in (Code.DUPLICATE_VALUE, Code.CONDITION_FAILED):
                return False
            raise
        return True

    async def _schedules(self) -> list[Fields]:
        try:
            return (await self._ledger.execute(Find(class_name=JOB_SCHEDULE, limit=MOST_SCHEDULES))).objects or []
        except GatewayError as error:
            if error.code is Code.CLASS_NOT_FOUND:
                return []
            raise


def _watch(id_: str) -> str:
    return f"{WATCH}:{id_}"


def _arguments(params: Any) -> Any:
    """The dashboard writes them as the text of an object."""
    if type(params) is not str:
        return params
    try:
        return orjson.loads(params)
    except ValueError:
        return params


def job_operations(jobs: Jobs) -> Mapping[type[Operation], Callable[[Any, Caller], Any]]:
    return {
        StartJob: jobs.start,
        FindJobs: jobs.names,
        ScheduleJob: jobs.schedule,
        RescheduleJob: jobs.reschedule,
    }
