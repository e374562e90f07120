"""Every parameter of every route is sent as what it is not: the client hears of it, and nothing breaks."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from gateway.app import mappings_directory
from gateway.dialects.dialect import Dialect, load_dialects
from tests.walk.world import KEYS, MOUNTS, gateway

WRONG: tuple[Any, ...] = ("x", 5, None, [], [None], {}, {"x": [1]}, {"__type": "Date"})
APP = "here"
MASTERS: Mapping[str, Mapping[str, str]] = {
    "parse": {"X-Parse-Application-Id": APP, "X-Parse-Master-Key": KEYS["parse"]["master_key"]},
    "leancloud": {"X-LC-Id": APP, "X-LC-Key": f"{KEYS['leancloud']['master_key']},master"},
    "backendless": {},
}
FAILURES = (500, 502, 504)
MEANT = b"Cannot Schedule a job that is not deployed"
"""What a real Parse Server says with a status of 500, and so the gateway."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("wrong")
    clients = {front: {"app_id": APP, **keys} for front, keys in KEYS.items()}
    store = {"type": "embedded", "url": f"sqlite:///{folder}/store.db"}
    with gateway(
        folder, "kinds", [{"name": APP, "backend": "store", "clients": clients}], backends={"store": store}
    ) as url:
        yield urlsplit(url).netloc


def requests(dialect: Dialect) -> Iterator[tuple[str, str, Mapping[str, str], Any]]:
    """Method, path, query and body: one thing is wrong, with nothing beside it, and with all the rest as text."""
    for route in dialect.file.routes:
        method, _, path = route.http.partition(" ")
        path = re.sub(r"\{[^}]*\}", "x", path)
        for wrong in WRONG:
            for name in route.query:
                yield method, path, {name: json.dumps(wrong)}, None
            if method not in ("POST", "PUT", "PATCH"):
                continue
            yield method, path, {}, wrong
            keys = [key.rstrip("?") for key in route.body if key != "+"] if isinstance(route.body, dict) else []
            for key in keys:
                yield method, path, {}, {key: wrong}
                yield method, path, {}, {**dict.fromkeys(keys, "x"), key: wrong}


@pytest.mark.parametrize("front", KEYS)
def test_what_is_of_the_wrong_kind_is_an_error_in_words(front: str, address: str) -> None:
    dialect = load_dialects(mappings_directory())[front]
    mount = MOUNTS[front].format(app_id=APP, api_key=KEYS["backendless"]["cloud_code_key"])
    broken, sent = [], 0
    with closing(http.client.HTTPConnection(address, timeout=60)) as connection:
        for method, path, query, body in requests(dialect):
            target = f"{mount}{path}?{urlencode(query)}"
            headers = {**MASTERS[front], "Content-Type": "application/json"}
            connection.request(method, target, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            said, sent = answer.read(), sent + 1
            if answer.status in FAILURES and MEANT not in said:
                broken.append(f"{method} {path} {query} {body}: {answer.status} {said[:200]!r}")
    assert not broken, f"{len(broken)} of {sent}:\n" + "\n".join(broken)
    assert sent > 1000
