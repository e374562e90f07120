"""Leaderboards, the statistics of members, and their ranks."""

from __future__ import annotations

from typing import Any

from gateway.errors import Code
from gateway.model.leaderboard import (
    CreateLeaderboard,
    DeleteLeaderboard,
    DeleteStatistics,
    FindArchives,
    FindLeaderboards,
    FindRanks,
    FindStatistics,
    GetLeaderboard,
    GetStatistics,
    ResetLeaderboard,
    SaveStatistics,
    UpdateLeaderboard,
)
from gateway.model.operation import Operation, Result
from gateway.model.values import Date, Pointer
from gateway.wire import HttpRequest, HttpResponse
from tests.cases import Case, Failure, Wire, without
from tests.cases.wires import ID, MADE, MADE_AT

BOARD: dict[str, Any] = {
    "id": ID,
    "name": "world",
    "member_type": "Weapon",
    "order": "ascending",
    "strategy": "sum",
    "interval": "day",
    "version": 2,
    "expires": Date("2026-01-15T16:00:00.000Z"),
    "activated": MADE_AT,
    "created_at": MADE_AT,
    "updated_at": MADE_AT,
}
NAMED = {
    "statisticName": "world",
    "memberType": "Weapon",
    "order": "ascending",
    "updateStrategy": "sum",
    "versionChangeInterval": "day",
}
ACTIVATED = {"__type": "Date", "iso": MADE}
WIRE_BOARD = {
    "objectId": ID,
    **NAMED,
    "version": 2,
    "expiredAt": {"__type": "Date", "iso": "2026-01-15T16:00:00.000Z"},
    "activatedAt": ACTIVATED,
    "createdAt": MADE,
    "updatedAt": MADE,
}
ARCHIVE: dict[str, Any] = {
    "id": ID,
    "name": "world",
    "version": 1,
    "status": "in_progress",
    "file": None,
    "activated": MADE_AT,
    "deactivated": MADE_AT,
    "created_at": MADE_AT,
    "updated_at": MADE_AT,
}
WIRE_ARCHIVE = {
    "objectId": ID,
    "statisticName": "world",
    "version": 1,
    "status": "inProgress",
    "activatedAt": ACTIVATED,
    "deactivatedAt": ACTIVATED,
    "createdAt": MADE,
    "updatedAt": MADE,
}
TOM = {"__type": "Pointer", "className": "_User", "objectId": "tom"}
EMPTY = {"user": None, "object": None, "entity": None}
OF_TOM = {"name": "world", "value": 5, "version": 2, **EMPTY, "user": Pointer("_User", "tom")}
WIRE_OF_TOM = {"statisticName": "world", "statisticValue": 5, "version": 2, "user": TOM}
GIVEN = {"name": "world", "value": 5, "version": None, **EMPTY}
WIRE_GIVEN = {"statisticName": "world", "statisticValue": 5}
OF_ROME = {"name": "towns", "value": 2.5, "version": 0, **EMPTY, "entity": "rome"}
WIRE_OF_ROME = {"statisticName": "towns", "statisticValue": 2.5, "version": 0, "entity": "rome"}
RANK = {"name": "world", "value": 5, "rank": 7, "statistics": None, **EMPTY, "user": Pointer("_User", "tom")}
WIRE_RANK = {"statisticName": "world", "statisticValue": 5, "rank": 7, "user": TOM}
BOARDS, RANKS = "/leaderboard/leaderboards", "/leaderboard/leaderboards/world/ranks"


def case(
    title: str,
    op: Operation,
    result: Result | Failure,
    request: tuple[str, str],
    response: Any,
    *also: HttpRequest,
    query: dict[str, str] | None = None,
    body: Any = None,
    status: int = 200,
) -> Case:
    asked = HttpRequest(*request, query or {}, body=body)
    return Case(f"leaderboards: {title}", op, result, {"leancloud": Wire(asked, HttpResponse(status, response), also)})


def ranked(title: str, op: Operation, path: str, query: dict[str, str], *also: HttpRequest, body: Any = None) -> Case:
    """Two of its answers: with the number of all, and without."""
    count = getattr(op, "count", False)
    wire = {"results": [WIRE_RANK], "count": 9} if count else {"results": [WIRE_RANK]}
    method = "GET" if body is None else "POST"
    result = Result(value=[RANK], total=9 if count else None)
    return case(title, op, result, (method, path), wire, *also, query=query, body=body)


CASES = without(
    "parse",
    *without(
        "backendless",
        case(
            "make one",
            CreateLeaderboard(
                name="world",
                member_type="Weapon",
                direction="ascending",
                strategy="sum",
                interval="day",
                time_zone="Asia/Shanghai",
            ),
            Result(value=BOARD),
            ("POST", BOARDS),
            WIRE_BOARD,
            body=NAMED,
        ),
        case("one", GetLeaderboard(name="world"), Result(value=BOARD), ("GET", f"{BOARDS}/world"), WIRE_BOARD),
        case(
            "one that never ends",
            GetLeaderboard(name="world"),
            Result(value={**BOARD, "expires": None}),
            ("GET", f"{BOARDS}/world"),
            {**WIRE_BOARD, "expiredAt": None},
        ),
        case(
            "one that is not there",
            GetLeaderboard(name="fake"),
            Failure(Code.NO_LEADERBOARD, details=(("name", "fake"),)),
            ("GET", f"{BOARDS}/fake"),
            {"code": 2100, "error": "statisticName 'fake' not found."},
            status=400,
        ),
        case(
            "all of them",
            FindLeaderboards(limit=10, skip=5),
            Result(value=[BOARD]),
            ("GET", BOARDS),
            {"results": [WIRE_BOARD]},
            query={"limit": "10", "skip": "5"},
        ),
        case(
            "change one",
            UpdateLeaderboard(name="world", interval="never"),
            Result(value={"id": ID, "strategy": None, "interval": "never", "updated_at": MADE_AT}),
            ("PUT", f"{BOARDS}/world"),
            {"objectId": ID, "versionChangeInterval": "never", "updatedAt": MADE},
            body={"versionChangeInterval": "never"},
        ),
        case(
            "end a version",
            ResetLeaderboard(name="world"),
            Result(value={"id": ID, "version": 3, "expires": None, "activated": MADE_AT, "updated_at": MADE_AT}),
            ("PUT", f"{BOARDS}/world/incrementVersion"),
            {"objectId": ID, "version": 3, "expiredAt": None, "activatedAt": ACTIVATED, "updatedAt": MADE},
        ),
        case("delete one", DeleteLeaderboard(name="world"), Result(), ("DELETE", f"{BOARDS}/world"), {}),
        case(
            "what is kept of past versions",
            FindArchives(name="world", limit=10),
            Result(value=[ARCHIVE]),
            ("GET", f"{BOARDS}/world/archives"),
            {"results": [WIRE_ARCHIVE]},
            query={"limit": "10"},
        ),
        case(
            "a user's statistics are saved",
            SaveStatistics(member="tom", statistics=[GIVEN], overwrite=True),  # type: ignore[arg-type]
            Result(value=[{**GIVEN, "version": 2}]),
            ("POST", "/leaderboard/users/tom/statistics"),
            {"results": [{**WIRE_GIVEN, "version": 2}]},
            query={"overwrite": "1"},
            body=[WIRE_GIVEN],
        ),
        case(
            "one's own statistics are saved",
            SaveStatistics(statistics=[GIVEN]),  # type: ignore[arg-type]
            Result(value=[{**GIVEN, "version": 2}]),
            ("POST", "/leaderboard/users/self/statistics"),
            {"results": [{**WIRE_GIVEN, "version": 2}]},
            body=[WIRE_GIVEN],
        ),
        case(
            "a user's statistics",
            GetStatistics(member="tom", names=("world", "wins")),
            Result(value=[OF_TOM]),
            ("GET", "/leaderboard/users/tom/statistics"),
            {"results": [WIRE_OF_TOM]},
            query={"statistics": "world,wins"},
        ),
        case(
            "an entity's statistics",
            GetStatistics(kind="entity", member="rome"),
            Result(value=[OF_ROME]),
            ("GET", "/leaderboard/entities/rome/statistics"),
            {"results": [WIRE_OF_ROME]},
        ),
        case(
            "an object's statistics are deleted",
            DeleteStatistics(kind="object", member="sword", names=("world",)),
            Result(),
            ("DELETE", "/leaderboard/objects/sword/statistics"),
            {},
            query={"statistics": "world"},
        ),
        case(
            "statistics of several",
            FindStatistics(name="world", members=("tom", "eve")),
            Result(value=[OF_TOM]),
            ("POST", "/leaderboard/users/statistics/world"),
            {"results": [WIRE_OF_TOM]},
            HttpRequest("POST", "/leaderboard/users/statistics/world", body=["tom", "eve"]),
            body={"ids": ["tom", "eve"]},
        ),
        ranked(
            "a page",
            FindRanks(name="world", limit=3, skip=7, count=True, version=2, statistics=("wins",)),
            RANKS,
            {
                "maxResultsCount": "3",
                "startPosition": "7",
                "count": "1",
                "version": "2",
                "includeStatistics": "wins",
            },
            HttpRequest(
                "GET", RANKS, {"limit": "3", "skip": "7", "count": "1", "version": "2", "includeStatistics": "wins"}
            ),
        ),
        ranked(
            "with what members have",
            FindRanks(name="world", limit=20, select=("username", "club"), include=("club",)),
            RANKS,
            {"selectKeys": "username,club", "includeKeys": "club"},
            HttpRequest("GET", RANKS, {"selectUserKeys": "username,club", "includeUser": "club"}),
            HttpRequest("GET", RANKS, {"selectMemberKeys": "username,club", "includeKeys": "club"}),
        ),
        ranked(
            "around a member",
            FindRanks(name="world", limit=3, member="tom"),
            f"{RANKS}/tom",
            {"maxResultsCount": "3"},
        ),
        ranked("around oneself", FindRanks(name="world", limit=3, own=True), f"{RANKS}/self", {"maxResultsCount": "3"}),
        ranked(
            "of members of one kind",
            FindRanks(name="world", kind="object", limit=3, member="sword"),
            "/leaderboard/leaderboards/object/world/ranks/sword",
            {"maxResultsCount": "3"},
        ),
        ranked(
            "in a group",
            FindRanks(name="world", kind="user", limit=3, among=("tom", "eve")),
            "/leaderboard/leaderboards/user/world/group/ranks",
            {"maxResultsCount": "3"},
            HttpRequest(
                "POST",
                "/leaderboard/leaderboards/user/world/group/ranks",
                {"maxResultsCount": "3"},
                body=["tom", "eve"],
            ),
            body={"ids": ["tom", "eve"]},
        ),
    ),
)
