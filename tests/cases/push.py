"""Devices, and what they are told."""

from __future__ import annotations

import dataclasses
from typing import Any

from gateway.errors import Code
from gateway.model.operation import Result
from gateway.model.push import CancelPush, DeletePush, FindPushes, GetPush, LocalTime, Push
from gateway.model.query import Condition, Op
from gateway.model.values import Date
from gateway.wire import HttpRequest, HttpResponse
from tests.cases import UNSUPPORTED, Case, Failure, Wire, without
from tests.cases.wires import ID, MADE, MADE_AT, get

DATA = {"alert": "hi", "badge": "Increment"}
LATER = Date("2030-01-02T03:04:05.000Z")
IOS = {"deviceType": "ios"}
SENT = HttpResponse(200, {"result": True}, {"X-Parse-Push-Status-Id": ID})
RECORD: dict[str, Any] = {
    "id": ID,
    "created_at": MADE_AT,
    "updated_at": MADE_AT,
    "status": "scheduled",
    "push_time": LATER,
    "data": DATA,
    "where_json": IOS,
    "targets": 3,
    "sent": 2,
    "gone": 1,
    "production": True,
    "error": None,
}
NOTIFICATION = {
    "objectId": ID,
    "createdAt": MADE,
    "updatedAt": MADE,
    "notificationId": ID,
    "status": "scheduled",
    "msg": DATA,
    "where": IOS,
    "devices": 3,
    "successes": 2,
    "invalidTokens": 1,
    "prod": "prod",
    "push-time": "2030-01-02T03:04:05.000Z",
    "from-service": "push",
}


def pushed(title: str, op: Push, wire: dict[str, Any], *, parse: bool = True) -> Case:
    """LeanCloud takes a push with both, or with neither, and knows devices without a token."""
    request = HttpRequest("POST", "/push", body={"data": DATA, **wire})
    as_read = dataclasses.replace(op, both=True, to_all=True, without_token=True)
    return Case(
        title,
        op,
        Result(id=ID),
        {
            "parse": Wire(request, SENT) if parse else UNSUPPORTED,
            "leancloud": Wire(request, HttpResponse(200, {"objectId": ID}), reads=as_read),
        },
    )


def of_leancloud(title: str, op: Any, result: Result, request: HttpRequest, body: Any) -> Case:
    return Case(title, op, result, {"leancloud": Wire(request, HttpResponse(200, body))})


CASES: tuple[Case, ...] = without(
    "backendless",
    pushed("push to channels", Push(data=DATA, channels=("a", "b")), {"channels": ["a", "b"]}),
    pushed(
        "push to a query",
        Push(data=DATA, where=Condition("deviceType", Op.EQ, "ios"), where_json=IOS),
        {"where": IOS},
    ),
    pushed(
        "push for later, which expires",
        Push(data=DATA, channels=("a",), push_time=LATER, expires_in=60),
        {"channels": ["a"], "push_time": "2030-01-02T03:04:05.000Z", "expiration_interval": 60},
    ),
    pushed(
        "push at everybody's own time",
        Push(data=DATA, channels=("a",), push_time=LocalTime("2030-01-02T03:04:05.000"), expires_at=LATER),
        {
            "channels": ["a"],
            "push_time": "2030-01-02T03:04:05.000",
            "expiration_time": "2030-01-02T03:04:05.000Z",
        },
    ),
    pushed(
        "push by way of what is being developed, once",
        Push(data=DATA, channels=("a",), production=False, request_id="r1"),
        {"channels": ["a"], "prod": "dev", "req_id": "r1"},
        parse=False,
    ),
    pushed(
        "push with a text for each type of device",
        Push(data={"alert": "x", "ios": {"alert": "y"}}, channels=("a",), platforms=("ios",)),
        {"channels": ["a"], "data": {"alert": "x", "ios": {"alert": "y"}}},
        parse=False,
    ),
    Case(
        "push without anybody who sends it",
        Push(data=DATA, channels=("a",)),
        Failure(Code.NO_PUSH_SENDER, "nobody sends"),
        {
            "parse": Wire(
                HttpRequest("POST", "/push", body={"channels": ["a"], "data": DATA}),
                HttpResponse(400, {"code": 115, "error": "Missing push configuration"}),
            )
        },
    ),
    *without(
        "parse",
        of_leancloud("get push", GetPush(id=ID), Result(push=RECORD), get(f"/notifications/{ID}"), NOTIFICATION),
        of_leancloud(
            "find pushes",
            FindPushes(limit=10, skip=5, count=True),
            Result(pushes=[RECORD], total=1),
            get("/notifications", limit="10", skip="5", count="1"),
            {"results": [NOTIFICATION], "count": 1},
        ),
        of_leancloud(
            "delete push",
            DeletePush(id=ID),
            Result(),
            HttpRequest("DELETE", f"/notifications/{ID}"),
            {},
        ),
        of_leancloud(
            "cancel push",
            CancelPush(id=ID),
            Result(),
            HttpRequest("DELETE", f"/scheduledPushMessages/{ID}"),
            {},
        ),
    ),
)
