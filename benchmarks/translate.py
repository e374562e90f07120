"""The CPU time of translating, against the JSON codec's own share of the same bytes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import orjson

from gateway.dialects.dialect import Dialect, load_dialects
from gateway.dialects.exchange import Exchange
from gateway.model.operation import Credentials, Find, Result
from gateway.model.query import And, Condition, Op, Or, Regex, Sort
from gateway.model.update import Changes
from gateway.model.values import Date, Fields, GeoPoint, Pointer
from gateway.wire import HttpRequest, HttpResponse, read_json

MAPPINGS = Path(__file__).parent.parent / "mappings"
OBJECTS = 100
NO_CHANGES: Changes = {}


@dataclass(frozen=True, slots=True)
class Timing:
    """Microseconds for one round, the fastest of several, and the same for JSON alone, taken in turn with it."""

    title: str
    microseconds: float
    json_microseconds: float | None

    @property
    def ratio(self) -> float | None:
        return self.microseconds / self.json_microseconds if self.json_microseconds else None


def sample(at: int) -> Fields:
    """One object of about 600 bytes: a pointer, a date, a geo point, a list and nested data."""
    return {
        "@id": f"{at:024x}",
        "@created_at": Date.from_ms(1_790_000_000_000 + at),
        "@updated_at": Date.from_ms(1_790_000_100_000 + at),
        "title": f"A post with the number {at} and a title of the usual length",
        "score": at * 7,
        "ratio": at / 7,
        "published": at % 2 == 0,
        "tags": ["travel", "food", f"tag-{at}"],
        "author": Pointer("Author", f"{at:024x}"),
        "publishedAt": Date.from_ms(1_780_000_000_000 + at),
        "place": GeoPoint(40.5, -30.25 + at / 1000),
        "meta": {"views": at, "history": [1, 2, {"reason": "edited"}], "summary": "x" * 120},
    }


FIND = Find(
    class_name="Post",
    limit=OBJECTS,
    where=And(
        (
            Condition("score", Op.GT, 10),
            Condition("publishedAt", Op.LT, Date("2026-01-02T03:04:05.678Z")),
            Condition("author", Op.EQ, Pointer("Author", "0" * 24)),
            Or((Condition("title", Op.REGEX, Regex("^A post", "i")), Condition("tags", Op.IN, ["travel", "food"]))),
        )
    ),
    order=(Sort("@created_at", descending=True), Sort("score")),
)


def page(dialect: Dialect) -> bytes:
    """A page of a backend that speaks this dialect."""
    exchange = _exchange(dialect)
    response = dialect.write_reply(exchange, Result(objects=[sample(at) for at in range(OBJECTS)]))
    return orjson.dumps(response.body)


def _exchange(dialect: Dialect) -> Exchange:
    request = dialect.write_request(FIND, Credentials("demo"))
    return dialect.read_request(HttpRequest(request.method, request.path, request.query, body=request.body))


def measure(seconds: float) -> list[Timing]:
    dialects = load_dialects(MAPPINGS)
    timings: list[Timing] = []
    for back in dialects.values():
        raw = page(back)
        timings.extend(_pair(back, front, raw, seconds) for front in dialects.values())
    for front in dialects.values():
        timings.extend(_edges(front, seconds))
    return timings


def _pair(back: Dialect, front: Dialect, raw: bytes, seconds: float) -> Timing:
    exchange = _exchange(front)

    def translate() -> bytes:
        result = back.read_reply(FIND, HttpResponse(200, orjson.loads(raw)))
        return orjson.dumps(front.write_reply(exchange, result).body)

    if back is front:
        assert json.loads(translate()) == json.loads(raw)
    title = f"a page of {OBJECTS} ({len(raw) / 1000:.0f} kB): {back.name} behind, {front.name} in front"
    took, json_took = _in_turn(translate, lambda: orjson.dumps(orjson.loads(raw)), seconds)
    return Timing(title, took, json_took)


def _edges(front: Dialect, seconds: float) -> list[Timing]:
    request = front.write_request(FIND, Credentials("demo"))
    # a dialect that asks by POST has its conditions, as a text, in the body
    where = str(request.query["where"]) if request.body is None else orjson.dumps(request.body).decode()

    def read() -> Exchange:
        return front.read_request(HttpRequest(request.method, request.path, request.query, body=request.body))

    exchange = read()
    rounds = [[sample(at) for at in range(10)] for _ in range(5000)]

    def write() -> bytes:
        # the objects of a result become the wire where they stand, so each round needs its own
        if not rounds:
            rounds.extend([sample(at) for at in range(10)] for _ in range(5000))
        return orjson.dumps(front.write_reply(exchange, Result(objects=rounds.pop())).body)

    took, json_took = _in_turn(read, lambda: read_json(where), seconds)
    reading = Timing(f"read a find with six conditions: {front.name}", took, json_took)
    body = orjson.loads(write())
    took, json_took = _in_turn(write, lambda: orjson.dumps(body), seconds)
    return [reading, Timing(f"write its reply of 10 objects: {front.name}", took, json_took)]


def _in_turn(first: Callable[[], object], second: Callable[[], object], seconds: float) -> tuple[float, float]:
    """The fastest rounds of both, in microseconds: taken in turn, so that a slow spell of the machine hits both."""
    best = [float("inf"), float("inf")]
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        for at, call in enumerate((first, second)):
            start = time.process_time_ns()
            count = 0
            while time.process_time_ns() - start < 5_000_000:
                call()
                count += 1
            best[at] = min(best[at], (time.process_time_ns() - start) / 1000 / count)
    return best[0], best[1]
