"""The story of a request: every GatewayError is an answer in the dialect's own form; all else is a fault of ours."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gateway.authorise import Client, Guarded
from gateway.dialects.dialect import Dialect
from gateway.errors import Code, GatewayError
from gateway.model.operation import Batch, Caller, Create, Delete, Get, Operation, Result, Update
from gateway.model.values import Date
from gateway.pipeline import Front, complete, serve
from gateway.wire import HttpRequest, HttpResponse

MADE, CHANGED = Date("2026-01-02T03:04:05.678Z"), Date("2026-02-03T04:05:06.789Z")


class Scripted:
    """A backend that answers what it was told to."""

    def __init__(self, answer: Result | Exception) -> None:
        self._answer = answer

    async def execute(self, op: Operation, caller: Caller) -> Result:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer

    async def identify(self, caller: Caller) -> Caller:
        return caller

    async def close(self) -> None:
        pass


def front(dialect: Dialect, answer: Result | Exception) -> Front:
    return Front(dialect, {"demo": Client("demo", {"app_key": "key"}, Guarded(Scripted(answer)))})


HEADERS = {"x-lc-id": "demo", "x-lc-key": "key"}
UNAUTHORIZED = HttpResponse(401, {"code": 401, "error": "Unauthorized."})

# request, what the backend answers, what the client sees
STORIES: tuple[tuple[str, HttpRequest, Result | Exception, HttpResponse], ...] = (
    (
        "an answer",
        HttpRequest("GET", "/classes/Post/x", {}, HEADERS),
        Result(object={"@id": "x", "n": 1}),
        HttpResponse(200, {"objectId": "x", "n": 1}),
    ),
    (
        "an error of the backend",
        HttpRequest("GET", "/classes/Post/x", {}, HEADERS),
        GatewayError(Code.RATE_LIMITED, "slow down"),
        HttpResponse(429, {"code": 429, "error": "slow down"}),
    ),
    (
        "an error that the route tells as an empty answer",
        HttpRequest("GET", "/classes/Post/x", {}, HEADERS),
        GatewayError(Code.OBJECT_NOT_FOUND, "no"),
        HttpResponse(200, {}),
    ),
    (
        "a value that the dialect has no words for",
        HttpRequest("GET", "/classes/Post/x", {}, HEADERS),
        Result(object={"@id": "x", "v": object()}),
        HttpResponse(400, {"code": 1, "error": "v: a value of the kind object cannot be told here"}),
    ),
    ("no credentials", HttpRequest("GET", "/classes/Post/x"), Result(), UNAUTHORIZED),
    (
        "an unknown application",
        HttpRequest("GET", "/classes/Post/x", {}, {"x-lc-id": "x", "x-lc-key": "key"}),
        Result(),
        UNAUTHORIZED,
    ),
    (
        "a wrong key",
        HttpRequest("GET", "/classes/Post/x", {}, {"x-lc-id": "demo", "x-lc-key": "x"}),
        Result(),
        UNAUTHORIZED,
    ),
    (
        "a malformed signature",
        HttpRequest("GET", "/classes/Post/x", {}, {"x-lc-id": "demo", "x-lc-sign": "x"}),
        Result(),
        UNAUTHORIZED,
    ),
    # who is not known is told nothing about what there is
    ("an unknown path, and no credentials", HttpRequest("GET", "/nothing"), Result(), UNAUTHORIZED),
    (
        "an unknown path",
        HttpRequest("GET", "/nothing", {}, HEADERS),
        Result(),
        HttpResponse(404, {"code": 1, "error": "Cannot route GET /nothing"}),
    ),
    (
        "an unknown parameter",
        HttpRequest("GET", "/classes/Post", {"nope": "1"}, HEADERS),
        Result(),
        HttpResponse(400, {"code": 700, "error": "Unknown query parameter: nope"}),
    ),
    (
        "what only the master may do",
        HttpRequest("GET", "/scan/classes/Post", {}, HEADERS),
        Result(),
        HttpResponse(400, {"code": 1, "error": "The request must be signed by master key."}),
    ),
)


@pytest.mark.parametrize(("request_", "answer", "expected"), [pytest.param(*row[1:], id=row[0]) for row in STORIES])
async def test_a_request_is_answered(
    request_: HttpRequest, answer: Result | Exception, expected: HttpResponse, dialects: Mapping[str, Dialect]
) -> None:
    assert await serve(front(dialects["leancloud"], answer), request_) == expected


async def test_what_is_no_gateway_error_is_raised(dialects: Mapping[str, Dialect]) -> None:
    request = HttpRequest("GET", "/classes/Post/x", {}, HEADERS)
    with pytest.raises(ZeroDivisionError):
        await serve(front(dialects["leancloud"], ZeroDivisionError()), request)


GET = Get(class_name="Post", id="x")
UPDATE = Update(class_name="Post", id="x", changes={})

COMPLETED: tuple[tuple[Operation, Result, Result], ...] = (
    (
        Create(class_name="Post", changes={}),
        Result(id="y", created_at=MADE),
        Result(id="y", created_at=MADE, updated_at=MADE),
    ),
    (Create(class_name="Post", id="x", changes={}), Result(), Result(id="x")),
    (UPDATE, Result(updated_at=CHANGED), Result(id="x", updated_at=CHANGED)),
    (UPDATE, Result(id="y", created_at=MADE, updated_at=CHANGED), Result(id="y", created_at=MADE, updated_at=CHANGED)),
    (Delete(class_name="Post", ids=("x",)), Result(), Result()),
    (Batch(items=(UPDATE,)), Result(items=[Result()]), Result(items=[Result(id="x")])),
    (Batch(items=()), Result(items=[]), Result(items=[])),
)


@pytest.mark.parametrize(("op", "result", "expected"), COMPLETED)
def test_what_the_request_said_the_backend_need_not_repeat(op: Operation, result: Result, expected: Result) -> None:
    assert complete(op, result) == expected


def test_an_error_of_an_item_stays_in_its_place() -> None:
    error = GatewayError(Code.OBJECT_NOT_FOUND, "no")
    assert complete(Batch(items=(GET, UPDATE)), Result(items=[error, Result()])).items == [error, Result(id="x")]
