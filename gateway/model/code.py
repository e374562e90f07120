"""Code of an app's own, as its owner arranges it: webhooks that are registered, jobs, and when they run.

Calls of functions are in `model.services`. A registered webhook is a function's, by its name, or a trigger's, by a
class and a `model.trigger.Moment`. Jobs are told of by objects of two classes, which are the master's alone:

    _JobStatus      jobName, source (`api` or `schedule`), status (`JobState`), message, finishedAt
    _JobSchedule    jobName, description, params, startAfter, daysOfWeek, timeOfDay, repeatMinutes

Source of the names: Parse Server 9, as observed; of the schedules its dashboard, which writes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from gateway.model.operation import Operation
from gateway.model.update import Changes

JOB_STATUS: Final = "_JobStatus"
JOB_SCHEDULE: Final = "_JobSchedule"
JOB_CLASSES: Final = frozenset({JOB_STATUS, JOB_SCHEDULE})


class JobState(StrEnum):
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RegisteredHook:
    """Where a function is, or, of a class, the trigger `name`.

    Without a `url` it is one of the configuration's. With `hides` the configuration has one of that name too, which is
    not asked any more.
    """

    name: str
    class_name: str = ""
    url: str | None = field(default=None, repr=False)  # it may have a key in it
    hides: bool = False


# webhooks: each operation is about a function where it names no class, and for the master alone


@dataclass(frozen=True, slots=True, kw_only=True)
class FindHooks(Operation):
    """All that are registered, of functions or of triggers, by name (`Result.hooks`)."""

    triggers: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GetHook(Operation):
    """One of them (`Result.hook`). NO_HOOK where it is not registered."""

    name: str
    class_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateHook(Operation):
    """Registers one. HOOK_EXISTS where it is registered, BAD_HOOK where that is no address or no trigger."""

    name: str
    url: str
    class_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateHook(Operation):
    """Gives one another address; its errors are those of the others."""

    name: str
    url: str
    class_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteHook(Operation):
    """Forgets one. Answers what the configuration has of that name (`Result.hook`), which is asked from then on."""

    name: str
    class_name: str = ""


# jobs, for the master alone


@dataclass(frozen=True, slots=True, kw_only=True)
class StartJob(Operation):
    """Begins a job, and does not wait for it. Answers the `id` of its `_JobStatus`; NO_JOB where there is none."""

    name: str
    arguments: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindJobs(Operation):
    """The names of the jobs that have a schedule (`in_use`), and of all there are (`jobs`), in `Result.value`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleJob(Operation):
    """Makes a `_JobSchedule`. Answers its id and when it was made; NO_JOB where there is none of that name."""

    changes: Changes
    class_name: str = JOB_SCHEDULE


@dataclass(frozen=True, slots=True, kw_only=True)
class RescheduleJob(Operation):
    """Changes a `_JobSchedule`. Answers when; its errors are those of an update, and as above."""

    id: str
    changes: Changes
    class_name: str = JOB_SCHEDULE


CODE_OPERATIONS: Mapping[str, type[Operation]] = {
    "find_hooks": FindHooks,
    "get_hook": GetHook,
    "create_hook": CreateHook,
    "update_hook": UpdateHook,
    "delete_hook": DeleteHook,
    "start_job": StartJob,
    "find_jobs": FindJobs,
    "schedule_job": ScheduleJob,
    "reschedule_job": RescheduleJob,
}
