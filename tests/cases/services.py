"""Counters, a cache, a log, code of the app's own, and what an app is called."""

from __future__ import annotations

from typing import Any

from gateway.errors import Code
from gateway.model.operation import AppInfo, Operation, Result
from gateway.model.services import (
    AddToCounter,
    CallService,
    CompareAndSetCounter,
    DispatchEvent,
    ExpireInCache,
    GetCounter,
    GetFromCache,
    HasInCache,
    ListCounters,
    LogEntry,
    PutInCache,
    RemoveFromCache,
    ResetCounter,
    WriteLog,
)
from gateway.wire import HttpRequest, HttpResponse
from tests.cases import Case, Failure, Wire, without
from tests.cases.wires import MADE_AT, MADE_MS, get

VOID = HttpResponse(200)


def case(title: str, op: Operation, result: Result | Failure, request: HttpRequest, response: HttpResponse) -> Case:
    return Case(title, op, result, {"backendless": Wire(request, response)})


def valued(
    title: str,
    op: Operation,
    method: str,
    path: str,
    value: Any,
    *also: HttpRequest,
    query: dict[str, str] | None = None,
) -> Case:
    wire = Wire(HttpRequest(method, path, query or {}), HttpResponse(200, value), also)
    return Case(title, op, Result(value=value), {"backendless": wire})


def counted(title: str, op: Operation, word: str, query: dict[str, str] | None = None, value: Any = 5) -> Case:
    return valued(f"counter: {title}", op, "PUT", f"/counters/visits/{word}", value, query=query)


def put(path: str, body: Any = None, **query: str) -> HttpRequest:
    return HttpRequest("PUT", path, query, body=body)


COUNTERS = (
    counted("one more", AddToCounter(name="visits"), "increment/get"),
    counted("one more, and what it was", AddToCounter(name="visits", before=True), "get/increment"),
    counted("one less", AddToCounter(name="visits", by=-1), "decrement/get"),
    counted("one less, and what it was", AddToCounter(name="visits", by=-1, before=True), "get/decrement"),
    counted("so many more", AddToCounter(name="visits", by=7), "incrementby/get", {"value": "7"}),
    counted(
        "so many less, and what it was",
        AddToCounter(name="visits", by=-7, before=True),
        "get/incrementby",
        {"value": "-7"},
    ),
    counted(
        "set, if it stands at",
        CompareAndSetCounter(name="visits", expected=1, updated=2),
        "get/compareandset",
        {"expected": "1", "updatedvalue": "2"},
        value=True,
    ),
    valued(
        "counter: what it stands at",
        GetCounter(name="visits"),
        "GET",
        "/counters/visits",
        0,
        get("/counters/visits/get"),
    ),
    valued(
        "counter: all of them",
        ListCounters(),
        "GET",
        "/counters/%2A/list",
        ["likes", "visits"],
        get("/counters/*/list"),
    ),
    case("counter: set to nothing", ResetCounter(name="visits"), Result(), put("/counters/visits/reset"), VOID),
)

ENTRIES = (
    LogEntry("it begins", "info", "main", None, MADE_AT),
    LogEntry("it ends", "error", "main", "TypeError", MADE_AT),
)
WIRE_ENTRIES: list[dict[str, Any]] = [
    {"logger": "main", "message": "it begins", "log-level": "info", "timestamp": MADE_MS},
    {"logger": "main", "message": "it ends", "log-level": "error", "exception": "TypeError", "timestamp": MADE_MS},
]

CACHE = (
    case("cache: put", PutInCache(key="a/b", value={"x": [1]}), Result(), put("/cache/a%2Fb", {"x": [1]}), VOID),
    case(
        "cache: put for a time",
        PutInCache(key="k", value="v", seconds=60),
        Result(),
        put("/cache/k", "v", timeout="60"),
        VOID,
    ),
    valued("cache: get", GetFromCache(key="k"), "GET", "/cache/k", {"x": [1]}),
    # an empty body would be an empty text to the SDKs
    valued("cache: get what is not there", GetFromCache(key="k"), "GET", "/cache/k", None),
    valued("cache: is it there", HasInCache(key="k"), "GET", "/cache/k/check", value=True),
    case("cache: forget", RemoveFromCache(key="k"), Result(), HttpRequest("DELETE", "/cache/k"), VOID),
    case(
        "cache: keep for",
        ExpireInCache(key="k", seconds=60),
        Result(),
        put("/cache/k/expireIn", {}, timeout="60"),
        VOID,
    ),
    case(
        "cache: keep until",
        ExpireInCache(key="k", at=MADE_AT),
        Result(),
        put("/cache/k/expireAt", {}, timestamp=str(MADE_MS)),
        VOID,
    ),
)

CODE = (
    case("log", WriteLog(entries=ENTRIES), Result(), put("/log", WIRE_ENTRIES), VOID),
    case(
        "call a service",
        CallService(service="Shop", method="buy", arguments={"n": 1}),
        Result(value={"ok": True}),
        HttpRequest("POST", "/services/Shop/buy", body={"n": 1}),
        HttpResponse(200, {"ok": True}),
    ),
    case(
        "call a service: there is none",
        CallService(service="Shop", method="sell", arguments="text"),
        Failure(Code.NO_FUNCTION, "there is no Shop.sell"),
        HttpRequest("POST", "/services/Shop/sell", body="text"),
        HttpResponse(404, {"code": 15001, "message": "there is no Shop.sell"}),
    ),
    case(
        "dispatch an event",
        DispatchEvent(name="paid", arguments={"n": 1}),
        Result(value=None),
        HttpRequest("POST", "/servercode/events/paid", body={"n": 1}),
        HttpResponse(200, None),
    ),
    case(
        "the app itself",
        AppInfo(),
        Result(app_id="APP", app_key="KEY"),
        get("/info"),
        HttpResponse(200, {"appId": "APP", "apiKey": "KEY", "loggers": [{"name": "Global logger", "level": "all"}]}),
    ),
)

CASES = without("parse", *without("leancloud", *COUNTERS, *CACHE, *CODE))
