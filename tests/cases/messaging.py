"""Devices, messages in channels, and emails."""

from __future__ import annotations

from typing import Any

from gateway.model.messaging import (
    CancelMessage,
    DeleteChannel,
    FindPushTemplates,
    GetChannel,
    GetMessageStatus,
    GetRegistration,
    MessageStatus,
    Policy,
    PollMessages,
    Publish,
    PushTemplate,
    RegisterDevice,
    SendEmail,
    SendTemplate,
    Subscribe,
    UnregisterDevice,
)
from gateway.model.operation import Operation, Result
from gateway.model.query import And, Condition, Op
from gateway.wire import HttpRequest, HttpResponse
from tests.cases import Case, Wire
from tests.cases.wires import MADE_AT, MADE_MS, get

STATE = {"id": "message:1", "status": MessageStatus.SCHEDULED, "error": None}
STATE_WIRE = {"errorMessage": None, "messageId": "message:1", "status": "scheduled"}


def case(title: str, op: Operation, value: Any, request: HttpRequest, answer: Any, *also: HttpRequest) -> Case:
    response = HttpResponse(200) if answer is None else HttpResponse(200, answer)
    return Case(f"messaging: {title}", op, Result(value=value), {"backendless": Wire(request, response, also)})


def post(path: str, body: Any = None) -> HttpRequest:
    return HttpRequest("POST", path, body=body)


def delete(path: str) -> HttpRequest:
    return HttpRequest("DELETE", path)


SELECTOR = And((Condition("city", Op.EQ, "Rome"), Condition("age", Op.GT, 3)))

CASES = (
    case(
        "a device is registered",
        RegisterDevice(token="t", device_id="d1", os="android", os_version="9", channels=("news",), expires_at=MADE_AT),
        {"id": "r1"},
        post(
            "/messaging/registrations",
            {
                "deviceToken": "t",
                "deviceId": "d1",
                "os": "ANDROID",
                "osVersion": "9",
                "channels": ["news"],
                "expiration": MADE_MS,
            },
        ),
        {"registrationId": "r1"},
        post(
            "/messaging/registrations",
            {
                "deviceToken": "t",
                "deviceId": "d1",
                "os": "android",
                "osVersion": "9",
                "channels": "news",
                "expiration": MADE_MS / 1000,
            },
        ),
    ),
    case(
        "what a device is registered with",
        GetRegistration(device_id="d1"),
        {
            "id": "r1",
            "token": "t",
            "device_id": "d1",
            "os": "ios",
            "os_version": "17",
            "channels": ["default"],
            "expires_at": MADE_AT,
        },
        get("/messaging/registrations/d1"),
        {
            "id": "r1",
            "deviceToken": "t",
            "deviceId": "d1",
            "os": "IOS",
            "osVersion": "17",
            "channels": ["default"],
            "expiration": MADE_MS,
        },
    ),
    case(
        "a device is forgotten",
        UnregisterDevice(device_id="d1"),
        True,
        delete("/messaging/registrations/d1"),
        {"result": True},
    ),
    case(
        "a message",
        Publish(channel="news", message={"a": 1}),
        STATE,
        post("/messaging/news", {"message": {"a": 1}}),
        STATE_WIRE,
    ),
    case(
        "a message with all that it may have",
        Publish(
            channel="news",
            message="hi",
            publisher="me",
            headers={"ios-badge": "3", "city": "Rome", "message": "Hi", "android-content-title": 5},
            shown={"*": {"alert": "Hi"}, "ios": {"badge": "3"}, "android": {"title": "5"}},
            shown_by=("message", "ios-badge", "android-content-title"),
            subtopic="sports",
            policy=Policy.BOTH,
            device_ids=("d1",),
            devices=("ios", "android"),
            at=MADE_AT,
            every=60,
            until=MADE_AT,
        ),
        STATE,
        post(
            "/messaging/news",
            full := {
                "message": "hi",
                "publisherId": "me",
                "headers": {"ios-badge": "3", "city": "Rome", "message": "Hi", "android-content-title": 5},
                "subtopic": "sports",
                "publishPolicy": "BOTH",
                "pushBroadcast": 3,
                "pushSinglecast": ["d1"],
                "publishAt": MADE_MS,
                "repeatEvery": 60,
                "repeatExpiresAt": MADE_MS,
            },
        ),
        STATE_WIRE,
        post("/messaging/news", {**full, "pushBroadcast": "FOR_IOS_ANDROID"}),
        post(
            "/messaging/news",
            {name: value for name, value in full.items() if name != "publishPolicy"} | {"pushPolicy": "ALSO"},
        ),
    ),
    case(
        "what became of a message",
        GetMessageStatus(id="message:1"),
        {"id": "message:1", "status": MessageStatus.FAILED, "error": "nobody"},
        get("/messaging/message%3A1"),
        {"errorMessage": "nobody", "messageId": "message:1", "status": "failed"},
        get("/messaging/message:1"),
    ),
    case(
        "a message is taken back",
        CancelMessage(id="message:1"),
        STATE | {"status": MessageStatus.CANCELLED},
        delete("/messaging/message%3A1"),
        STATE_WIRE | {"status": "cancelled"},
        delete("/messaging/message:1"),
    ),
    case(
        "a channel", GetChannel(channel="news"), {"name": "news"}, get("/messaging/news/properties"), {"name": "news"}
    ),
    Case(
        "messaging: a channel is deleted",
        DeleteChannel(channel="news"),
        Result(),
        {"backendless": Wire(delete("/messaging/channels/news"), HttpResponse(200))},
    ),
    case(
        "a subscription",
        Subscribe(channel="news", subscriber="me", subtopic="sports", selector=SELECTOR),
        "s1",
        post(
            "/messaging/news/subscribe",
            {"subscriberId": "me", "subtopic": "sports", "selector": "city = 'Rome' and age > 3"},
        ),
        {"subscriptionId": "s1"},
    ),
    case(
        "what came since",
        PollMessages(channel="news", id="s1"),
        [{"id": "m", "data": [1], "at": MADE_AT, "publisher": "me", "headers": {"a": "1"}, "subtopic": "x"}],
        get("/messaging/news/s1"),
        {
            "messages": [
                {
                    "messageId": "m",
                    "data": [1],
                    "publishedAt": MADE_MS,
                    "publisherId": "me",
                    "headers": {"a": "1"},
                    "subtopic": "x",
                }
            ]
        },
    ),
    case(
        "a push by a template",
        PushTemplate(name="T", values={"a": 1}),
        STATE,
        post("/messaging/push/T", {"templateValues": {"a": 1}}),
        STATE_WIRE,
    ),
    case(
        "the templates for a device",
        FindPushTemplates(device="IOS"),
        [{"name": "T", "title": "Hi", "message": "Hello"}],
        get("/messaging/pushtemplates/IOS"),
        [{"name": "T", "contentTitle": "Hi", "message": "Hello"}],
    ),
    case(
        "an email",
        SendEmail(subject="S", to=("a@b.c",), text="t", html="<b>", attachments=("/f.txt",)),
        STATE,
        post(
            "/messaging/email",
            {
                "subject": "S",
                "bodyparts": {"textmessage": "t", "htmlmessage": "<b>"},
                "to": ["a@b.c"],
                "attachment": ["/f.txt"],
            },
        ),
        STATE_WIRE,
    ),
    case(
        "an email by a template",
        SendTemplate(
            name="T",
            to=("a@b.c",),
            cc=("c@b.c",),
            bcc=("d@b.c",),
            criteria=Condition("age", Op.GT, 3),
            unique=True,
            values={"k": "v"},
            attachments=("/f.txt",),
        ),
        STATE,
        post(
            "/emailtemplate/send",
            {
                "template-name": "T",
                "addresses": ["a@b.c"],
                "cc-addresses": ["c@b.c"],
                "bcc-addresses": ["d@b.c"],
                "criteria": "age > 3",
                "uniqueEmails": True,
                "template-values": {"k": "v"},
                "attachment": ["/f.txt"],
            },
        ),
        STATE_WIRE,
    ),
)
