"""Parameters of an application, events, its log, what a server can do, and aggregations."""

from __future__ import annotations

from typing import Any

import orjson

from gateway.errors import Code
from gateway.model.administration import GetConfig, ReadLog, ServerInfo, TrackEvent, UpdateConfig
from gateway.model.aggregate import (
    AddFields,
    Aggregate,
    Composed,
    Computed,
    Constant,
    CountRows,
    FieldPath,
    Gather,
    Gathered,
    Group,
    Limit,
    Match,
    Operator,
    Order,
    Project,
    Skip,
    Stage,
    Unwind,
)
from gateway.model.operation import Operation, Result
from gateway.model.query import Condition, Op, Sort
from gateway.model.services import LogEntry
from gateway.model.update import Set, Unset
from gateway.model.values import Date, Pointer
from gateway.wire import HttpRequest, HttpResponse
from tests.cases import Case, Failure, Wire, without
from tests.cases.wires import MADE_AT

AT = Date("2024-01-02T03:04:05.678Z")
WIRE_AT = {"__type": "Date", "iso": AT.iso}


def case(
    title: str,
    op: Operation,
    result: Result | Failure,
    request: HttpRequest,
    answer: Any,
    *also: HttpRequest,
    status: int = 200,
) -> Case:
    return Case(title, op, result, {"parse": Wire(request, HttpResponse(status, answer), also)})


FEATURES = {
    "globalConfig": {"create": True, "read": True, "update": True, "delete": True},
    "hooks": {"create": False, "read": False, "update": False, "delete": False},
    "cloudCode": {"jobs": False},
    "logs": {"level": False, "size": False, "order": False, "until": False, "from": False},
    "push": {
        "immediatePush": False,
        "scheduledPush": False,
        "storedPushData": False,
        "pushAudiences": False,
        "localization": False,
    },
    "schemas": {
        "addField": False,
        "removeField": False,
        "addClass": False,
        "removeClass": False,
        "clearAllDataFromClass": True,
        "exportClass": False,
        "editClassLevelPermissions": False,
        "editPointerPermissions": False,
    },
    "settings": {"securityCheck": False},
}

ADMINISTRATION = (
    case(
        "config: all of it",
        GetConfig(),
        Result(params={"n": 5, "on": AT}, master_only={"n": False, "on": True}),
        HttpRequest("GET", "/config"),
        {"params": {"n": 5, "on": WIRE_AT}, "masterKeyOnly": {"n": False, "on": True}},
    ),
    case("config: none", GetConfig(), Result(params={}), HttpRequest("GET", "/config"), {"params": {}}),
    case(
        "config: changed",
        UpdateConfig(params={"on": Set(AT), "old": Unset(), "n": Set(5)}, master_only={"n": True}),
        Result(value=True),
        HttpRequest(
            "PUT",
            "/config",
            body={"params": {"on": WIRE_AT, "old": {"__op": "Delete"}, "n": 5}, "masterKeyOnly": {"n": True}},
        ),
        {"result": True},
    ),
    case(
        "an event",
        TrackEvent(name="search", dimensions={"price": "1-10", "day": "Monday"}, at=AT),
        Result(),
        HttpRequest("POST", "/events/search", body={"dimensions": {"price": "1-10", "day": "Monday"}, "at": WIRE_AT}),
        {},
    ),
    case(
        "an event: the app was opened",
        TrackEvent(name="AppOpened"),
        Result(),
        HttpRequest("POST", "/events/AppOpened", body={}),
        {},
    ),
    case(
        "the log",
        ReadLog(level="error", limit=2, since=AT, direction="rising"),
        Result(value=(LogEntry("it ends", "error", at=MADE_AT),)),
        HttpRequest("GET", "/scriptlog", {"level": "error", "size": "2", "from": AT.iso, "order": "asc"}),
        [{"level": "error", "message": "it ends", "timestamp": MADE_AT.iso}],
        HttpRequest("GET", "/scriptlog", {"level": "error", "n": "2", "from": AT.iso, "order": "asc"}),
    ),
    case(
        "what a server can do",
        ServerInfo(),
        Result(value=frozenset({"get_config", "update_config", "purge_class"})),
        HttpRequest("GET", "/serverInfo"),
        {"features": FEATURES, "parseServerVersion": "9.10.0"},
    ),
)


def aggregated(title: str, stages: tuple[Stage, ...], wire: list[Any], value: list[Any], told: list[Any]) -> Case:
    return case(
        f"aggregate: {title}",
        Aggregate(class_name="Post", stages=stages),
        Result(value=value),
        HttpRequest("GET", "/aggregate/Post", {"pipeline": orjson.dumps(wire).decode()}),
        {"results": told},
        HttpRequest("GET", "/aggregate/Post", {"pipeline": wire}),
    )


TOTAL = Gathered("total", Gather.SUM, FieldPath("n"))

AGGREGATIONS = (
    aggregated(
        "groups",
        (Match(Condition("n", Op.GT, 1)), Group(FieldPath("author"), (TOTAL,)), Order((Sort("total", True),))),
        [
            {"$match": {"n": {"$gt": 1}}},
            {"$group": {"_id": "$author", "total": {"$sum": "$n"}}},
            {"$sort": {"total": -1}},
        ],
        [{"@id": Pointer("Author", "a"), "total": 5}, {"@id": None, "total": 2}],
        [
            {"objectId": {"__type": "Pointer", "className": "Author", "objectId": "a"}, "total": 5},
            {"objectId": None, "total": 2},
        ],
    ),
    aggregated(
        "a group of everything",
        (Group(Constant(None), (Gathered("all", Gather.COUNT, Composed(())), Gathered("n", Gather.SUM, Constant(1)))),),
        [{"$group": {"_id": None, "all": {"$count": {}}, "n": {"$sum": 1}}}],
        [{"@id": None, "all": 3, "n": 3}],
        [{"objectId": None, "all": 3, "n": 3}],
    ),
    aggregated(
        "objects",
        (
            Unwind("tags", "place", keep_empty=True),
            Project(
                (
                    ("tags", FieldPath("tags")),
                    ("year", Computed(Operator.YEAR, (FieldPath("@created_at"),))),
                    ("key.a", Constant("x")),
                ),
            ),
            AddFields((("twice", Computed(Operator.MULTIPLY, (FieldPath("n"), Constant(2)))),)),
            Skip(1),
            Limit(2),
        ),
        [
            {"$unwind": {"path": "$tags", "preserveNullAndEmptyArrays": True, "includeArrayIndex": "place"}},
            {"$project": {"tags": 1, "year": {"$year": ["$createdAt"]}, "key.a": {"$literal": "x"}}},
            {"$addFields": {"twice": {"$multiply": ["$n", 2]}}},
            {"$skip": 1},
            {"$limit": 2},
        ],
        [{"@id": "p1", "tags": "red", "year": 2026}],
        [{"objectId": "p1", "tags": "red", "year": 2026}],
    ),
    aggregated("a number", (CountRows("all"),), [{"$count": "all"}], [{"all": 3}], [{"all": 3}]),
    case(
        "aggregate: distinct",
        Aggregate(class_name="Post", distinct="n", where=Condition("m", Op.EQ, 1)),
        Result(value=[2, 3]),
        HttpRequest("GET", "/aggregate/Post", {"distinct": "n", "where": '{"m":1}'}),
        {"results": [2, 3]},
    ),
    case(
        "aggregate: refused",
        Aggregate(class_name="Post", stages=(Limit(1),)),
        Failure(Code.BAD_QUERY, "no"),
        HttpRequest("GET", "/aggregate/Post", {"pipeline": '[{"$limit":1}]'}),
        {"code": 102, "error": "no"},
        HttpRequest("GET", "/aggregate/Post", {"$limit": "1"}),
        HttpRequest("GET", "/aggregate/Post", {"pipeline": '{"$limit": 1}'}),
        status=400,
    ),
)

CASES = without("leancloud", *without("backendless", *ADMINISTRATION, *AGGREGATIONS))
