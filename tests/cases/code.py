"""What the owner of an app arranges of its code: webhooks that are registered, and jobs."""

from __future__ import annotations

from typing import Any

from gateway.errors import Code
from gateway.model.code import (
    JOB_SCHEDULE,
    CreateHook,
    DeleteHook,
    FindHooks,
    FindJobs,
    GetHook,
    RegisteredHook,
    RescheduleJob,
    ScheduleJob,
    StartJob,
    UpdateHook,
)
from gateway.model.operation import Operation, Result
from gateway.model.update import Set
from gateway.wire import HttpRequest, HttpResponse
from tests.cases import Case, Failure, Wire, without
from tests.cases.wires import CHANGED, CHANGED_AT, ID, MADE, MADE_AT, get

URL = "https://code.example.com/f"
HELLO = RegisteredHook("hello", "", URL)
HIDING = RegisteredHook("hello", "", URL, hides=True)
SAVING = RegisteredHook("before_save", "Post", URL)
TRIGGER = {"className": "Post", "triggerName": "beforeSave", "url": URL}
FUNCTIONS, TRIGGERS = "/hooks/functions", "/hooks/triggers"
WARNING = "a cloudcode function with name: hello already exists"


def case(
    title: str,
    op: Operation,
    result: Result | Failure,
    request: HttpRequest,
    body: Any,
    *also: HttpRequest,
    status: int = 200,
) -> Case:
    return Case(title, op, result, {"parse": Wire(request, HttpResponse(status, body), also)})


def refused(title: str, op: Operation, code: Code, request: HttpRequest, text: str, **details: str) -> Case:
    failure = Failure(code, "refused", tuple(details.items()))
    return case(title, op, failure, request, {"code": 143, "error": text}, status=400)


def post(path: str, body: Any) -> HttpRequest:
    return HttpRequest("POST", path, body=body)


def put(path: str, body: Any) -> HttpRequest:
    return HttpRequest("PUT", path, body=body)


# the answers and sentences are Parse Server's, as recorded; the warnings are the REST guide's
HOOKS = (
    case(
        "hooks: functions",
        FindHooks(),
        Result(hooks=[HELLO]),
        get(FUNCTIONS),
        [{"functionName": "hello", "url": URL}],
    ),
    case("hooks: triggers", FindHooks(triggers=True), Result(hooks=[SAVING]), get(TRIGGERS), [TRIGGER]),
    case("hooks: none", FindHooks(), Result(hooks=[]), get(FUNCTIONS), []),
    case(
        "hooks: a function",
        GetHook(name="hello"),
        Result(hook=HELLO),
        get(f"{FUNCTIONS}/hello"),
        {"functionName": "hello", "url": URL},
    ),
    case(
        "hooks: a trigger",
        GetHook(name="before_save", class_name="Post"),
        Result(hook=SAVING),
        get(f"{TRIGGERS}/Post/beforeSave"),
        TRIGGER,
    ),
    case(
        "hooks: a new function",
        CreateHook(name="hello", url=URL),
        Result(hook=HIDING),
        post(FUNCTIONS, {"functionName": "hello", "url": URL}),
        {"functionName": "hello", "url": URL, "warning": WARNING},
    ),
    case(
        "hooks: a new trigger",
        CreateHook(name="before_save", class_name="Post", url=URL),
        Result(hook=RegisteredHook("before_save", "Post", URL, hides=True)),
        post(TRIGGERS, TRIGGER),
        TRIGGER | {"warning": "beforeSave trigger already defined for class Post in cloud code"},
    ),
    case(
        "hooks: another address of a function",
        UpdateHook(name="hello", url=URL),
        Result(hook=HELLO),
        put(f"{FUNCTIONS}/hello", {"url": URL}),
        {"functionName": "hello", "url": URL},
        put(f"{FUNCTIONS}/hello", {"url": URL, "functionName": "hello"}),
    ),
    case(
        "hooks: another address of a trigger",
        UpdateHook(name="before_save", class_name="Post", url=URL),
        Result(hook=SAVING),
        put(f"{TRIGGERS}/Post/beforeSave", {"url": URL}),
        TRIGGER,
        put(f"{TRIGGERS}/Post/beforeSave", TRIGGER),
    ),
    case(
        "hooks: forget a function",
        DeleteHook(name="hello"),
        Result(),
        put(f"{FUNCTIONS}/hello", {"__op": "Delete"}),
        {},
        HttpRequest("DELETE", f"{FUNCTIONS}/hello"),
    ),
    case(
        "hooks: forget a function that hid one",
        DeleteHook(name="hello"),
        Result(hook=RegisteredHook("hello")),
        put(f"{FUNCTIONS}/hello", {"__op": "Delete"}),
        {"functionName": "hello"},
    ),
    case(
        "hooks: forget a trigger",
        DeleteHook(name="before_save", class_name="Post"),
        Result(),
        put(f"{TRIGGERS}/Post/beforeSave", {"__op": "Delete"}),
        {},
        HttpRequest("DELETE", f"{TRIGGERS}/Post/beforeSave"),
    ),
    refused(
        "hooks: a function that is not there",
        GetHook(name="none"),
        Code.NO_HOOK,
        get(f"{FUNCTIONS}/none"),
        "no function named: none is defined",
        name="none",
    ),
    refused(
        "hooks: a trigger that is not there",
        DeleteHook(name="before_save", class_name="Post"),
        Code.NO_HOOK,
        put(f"{TRIGGERS}/Post/beforeSave", {"__op": "Delete"}),
        "class Post does not exist",
        class_name="Post",
        trigger="before_save",
    ),
    refused(
        "hooks: a function that is there",
        CreateHook(name="hello", url=URL),
        Code.HOOK_EXISTS,
        post(FUNCTIONS, {"functionName": "hello", "url": URL}),
        "function name: hello already exists",
        name="hello",
    ),
    refused(
        "hooks: a trigger that is there",
        CreateHook(name="before_save", class_name="Post", url=URL),
        Code.HOOK_EXISTS,
        post(TRIGGERS, TRIGGER),
        "class Post already has trigger beforeSave",
        class_name="Post",
        trigger="before_save",
    ),
)

SCHEDULE = {"jobName": "clean", "repeatMinutes": 60}
CHANGES = {name: Set(value) for name, value in SCHEDULE.items()}

JOBS = (
    case(
        "jobs: the names",
        FindJobs(),
        Result(value={"in_use": ["clean"], "jobs": ["clean", "count"]}),
        get("/cloud_code/jobs/data"),
        {"in_use": ["clean"], "jobs": ["clean", "count"]},
    ),
    case(
        "jobs: start one that is not there",
        StartJob(name="none", arguments={"a": 1}),
        Failure(Code.NO_JOB),
        post("/jobs/none", {"a": 1}),
        {"code": 141, "error": "Invalid job."},
        post("/jobs", {"jobName": "none", "a": 1}),
        status=400,
    ),
    Case(
        "jobs: a schedule",
        ScheduleJob(changes=CHANGES),
        Result(id=ID, created_at=MADE_AT),
        {
            "parse": Wire(
                post("/cloud_code/jobs", {"job_schedule": SCHEDULE}),
                HttpResponse(
                    201,
                    {"objectId": ID, "createdAt": MADE},
                    {"Location": f"http://gateway.example/parse/classes/{JOB_SCHEDULE}/{ID}"},
                ),
            )
        },
    ),
    case(
        "jobs: a schedule of one that is not there",
        ScheduleJob(changes=CHANGES),
        Failure(Code.NO_JOB),
        post("/cloud_code/jobs", {"job_schedule": SCHEDULE}),
        {"code": 1, "error": "Cannot Schedule a job that is not deployed"},
        status=500,
    ),
    case(
        "jobs: another schedule",
        RescheduleJob(id=ID, changes=CHANGES),
        Result(updated_at=CHANGED_AT),
        put(f"/cloud_code/jobs/{ID}", {"job_schedule": SCHEDULE}),
        {"updatedAt": CHANGED},
        put(
            f"/cloud_code/jobs/{ID}",
            {"job_schedule": {"objectId": ID, "createdAt": MADE, "updatedAt": MADE, **SCHEDULE}},
        ),
    ),
)

CASES = without("leancloud", *without("backendless", *HOOKS, *JOBS))
