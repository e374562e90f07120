"""Two dialects compiled for each other answer as the two do that know nothing of each other."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest

from gateway.dialects.dialect import Dialect
from gateway.dialects.pair import paired
from gateway.model.operation import Credentials, Find
from gateway.wire import HttpRequest, HttpResponse
from tests.cases import BASES

FIND = Find(class_name="Post", limit=100)
DATE = {"__type": "Date", "iso": "2026-01-02T03:04:05.678Z"}
POINTER = {"__type": "Pointer", "className": "Author", "objectId": "a1"}
SYSTEM = {"objectId": "p1", "createdAt": "2026-01-02T03:04:05.678Z", "updatedAt": "2026-01-02T03:04:05.678Z"}
COLUMNS = {
    "when": DATE,
    "author": POINTER,
    "place": {"__type": "GeoPoint", "latitude": 1.5, "longitude": 2},
    "file": {"__type": "File", "name": "a.txt", "url": "http://files.example/a.txt"},
    "deep": {"list": [DATE, [POINTER, {"plain": 1}]]},
}
INCLUDED = {
    "parse": {"__type": "Object", "className": "Author", "born": DATE, **SYSTEM},
    "leancloud": {"__type": "Pointer", "className": "Author", "born": DATE, **SYSTEM},
}


def answered(front: Dialect, back: Dialect, page: Any) -> Any:
    request = front.write_request(FIND, Credentials("demo"))
    exchange = front.read_request(HttpRequest(request.method, request.path, request.query, base=BASES[front.name]))
    return front.write_reply(exchange, back.read_reply(FIND, HttpResponse(200, deepcopy(page)))).body


@pytest.mark.parametrize(("front", "back"), list(itertools.product(INCLUDED, repeat=2)))
def test_a_pair_answers_as_its_dialects_do_alone(front: str, back: str, dialects: Mapping[str, Dialect]) -> None:
    plain = {**SYSTEM, "title": "no value that needs a writer", "tags": ["a", {"b": None}]}
    page = {"results": [plain, {**SYSTEM, **COLUMNS, "included": INCLUDED[back], "ACL": {"*": {"read": True}}}]}
    alone = answered(dialects[front], dialects[back], page)
    assert answered(*paired(dialects[front], dialects[back]), page) == alone
    assert alone["results"][1]["included"] == INCLUDED[front]
