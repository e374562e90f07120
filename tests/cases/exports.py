"""Exports, and what is said in conversations."""

from __future__ import annotations

from typing import Any

from gateway.model.conversations import CountOnline, FindSaid, SayInConversation
from gateway.model.exports import ExportData, GetExport
from gateway.model.operation import Operation, Result
from gateway.model.values import Date, File
from gateway.wire import HttpRequest, HttpResponse
from tests.cases import Case, Wire, without

AT = Date("2024-01-02T03:04:05.678Z")
RUNNING = {"id": "e1", "status": "running", "app_id": "demo", "file": None}
ARCHIVE = "https://files.example.com/archive.tar.gz"


def case(title: str, op: Operation, result: Result, request: HttpRequest, answer: Any, *also: Any) -> Case:
    return Case(title, op, result, {"leancloud": Wire(request, HttpResponse(200, answer), also)})


def post(path: str, body: dict[str, Any]) -> HttpRequest:
    return HttpRequest("POST", path, body=body)


def get(path: str, **query: str) -> HttpRequest:
    return HttpRequest("GET", path, query)


EXPORTS = (
    case(
        "export of some classes and days",
        ExportData(form="leancloud", since=AT, until=AT, classes=("_User", "Post"), email="tom@example.com"),
        Result(value=RUNNING),
        post(
            "/exportData",
            {"from_date": AT.iso, "to_date": AT.iso, "classes": "_User,Post", "email": "tom@example.com"},
        ),
        {"id": "e1", "status": "running", "app_id": "demo"},
    ),
    case(
        "export of a day",
        ExportData(form="leancloud", since=Date("2015-09-20T00:00:00.000Z"), until=Date("2015-09-20T23:59:59.999Z")),
        Result(value=RUNNING),
        post("/exportData", {"from_date": "2015-09-20T00:00:00.000Z", "to_date": "2015-09-20T23:59:59.999Z"}),
        {"id": "e1", "status": "running", "app_id": "demo"},
        post("/exportData", {"from_date": "2015-09-20", "to_date": "2015-09-20"}),
    ),
    case(
        "export of the columns",
        ExportData(form="leancloud", only_columns=True),
        Result(value=RUNNING),
        post("/exportData", {"only-schema": "true"}),
        {"id": "e1", "status": "running", "app_id": "demo"},
        post("/exportData", {"only-schema": True}),
    ),
    case(
        "export that is done",
        GetExport(id="e1"),
        Result(value={"id": "e1", "status": "done", "app_id": "demo", "file": File(url=ARCHIVE)}),
        get("/exportData/e1"),
        {"id": "e1", "status": "done", "app_id": "demo", "download_url": ARCHIVE},
    ),
)

BETWEEN = {
    "convid": "c",
    "msgid": "m",
    "till_timestamp": str(AT.ms),
    "till_msgid": "n",
    "include_start": "true",
    "include_stop": "true",
    "reversed": "true",
    "limit": "10",
}
SAID = (
    case(
        "conversations: say to some",
        SayInConversation(conversation="c", sender="tom", text="Hello", to=("ann",), transient=True),
        Result(id="m", created_at=AT),
        post(
            "/rtm/messages",
            {"from_peer": "tom", "conv_id": "c", "message": "Hello", "to_peers": ["ann"]},
        ),
        {"result": {"msg-id": "m", "timestamp": AT.ms}},
    ),
    case(
        "conversations: say and tell devices",
        SayInConversation(
            conversation="c",
            sender="tom",
            text="Hello",
            push={"alert": "Hi", "ios": {"badge": 1}},
            push_platforms=("ios",),
        ),
        Result(id="m", created_at=AT),
        post(
            "/rtm/messages",
            {
                "from_peer": "tom",
                "conv_id": "c",
                "message": "Hello",
                "transient": False,
                "push_data": {"alert": "Hi", "ios": {"badge": 1}},
            },
        ),
        {"result": {"msg-id": "m", "timestamp": AT.ms}},
        post(
            "/rtm/messages",
            {
                "from_peer": "tom",
                "conv_id": "c",
                "message": "Hello",
                "transient": False,
                "push_data": '{"alert": "Hi", "ios": {"badge": 1}}',
                "no_sync": True,
                "priority": "high",
            },
        ),
    ),
    case(
        "conversations: say to all, and tell all devices of another certificate",
        SayInConversation(
            conversation="c", sender="tom", text="Hello", broadcast=True, push={"alert": "Hi"}, push_production=False
        ),
        Result(id="m", created_at=AT),
        post(
            "/rtm/broadcast",
            {
                "from_peer": "tom",
                "conv_id": "c",
                "message": "Hello",
                "push": {"alert": "Hi", "_profile": "dev"},
            },
        ),
        {"result": {"msg-id": "m", "timestamp": AT.ms}},
    ),
    case(
        "conversations: say to all",
        SayInConversation(conversation="c", sender="tom", text="Hello", broadcast=True),
        Result(id="m", created_at=AT),
        post("/rtm/broadcast", {"from_peer": "tom", "conv_id": "c", "message": "Hello"}),
        {"result": {"msg-id": "m", "timestamp": AT.ms}},
    ),
    case(
        "conversations: find what was said",
        FindSaid(conversation="c", sender="tom", start=AT, start_id="m", limit=10),
        Result(
            value=[{"id": "m", "conversation": "c", "sender": "tom", "text": "Hello", "to": ["ann"], "at": AT}],
        ),
        get("/rtm/messages/logs", convid="c", **{"from": "tom"}, max_ts=str(AT.ms), msgid="m", limit="10"),
        [{"msg-id": "m", "conv-id": "c", "from": "tom", "data": "Hello", "to": ["ann"], "timestamp": AT.ms}],
        get("/rtm/messages/history", convid="c", **{"from": "tom"}, max_ts=str(AT.ms), msgid="m", limit="10"),
    ),
    case(
        "conversations: find what was said between two messages, the oldest first",
        FindSaid(
            conversation="c",
            start=AT,
            start_id="m",
            stop=AT,
            stop_id="n",
            with_start=True,
            with_stop=True,
            rising=True,
            limit=10,
        ),
        Result(value=[]),
        get("/rtm/messages/logs", **BETWEEN, max_ts=str(AT.ms)),
        [],
        get("/rtm/messages/logs", **BETWEEN, timestamp=str(AT.ms)),
    ),
    case(
        "conversations: count who is online",
        CountOnline(conversation="c"),
        Result(value=0),
        get("/rtm/transient_group/onlines", gid="c"),
        {"result": 0},
    ),
)

CASES = without("parse", *without("backendless", *EXPORTS, *SAID))
