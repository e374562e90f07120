"""Devices and pushes that a real Parse Server has: it registers them by its own rules, and sends by its own adapter."""

from __future__ import annotations

import itertools
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.real.test_parse_server import FRONTS, HEADERS, MASTER, MOUNT

Send = Callable[..., tuple[int, Any, str | None]]

number = itertools.count(1)


def unique(name: str) -> str:
    return f"{name}-{time.time_ns()}-{next(number)}"


@pytest.fixture(params=FRONTS)
def front(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def send(gateway_url: str, front: str) -> Send:
    """Answers the status, what was said, and the id of the push in the headers."""

    def send(method: str, path: str, body: Any = None, *, master: bool = False) -> tuple[int, Any, str | None]:
        headers = {**HEADERS[front], **(MASTER[front] if master else {}), "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(gateway_url + MOUNT[front] + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, json.load(answer), answer.headers.get("X-Parse-Push-Status-Id")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error), None

    return send


def test_a_device_has_one_object(send: Send) -> None:
    device = {"deviceType": "ios", "deviceToken": unique("token"), "installationId": unique("id"), "channels": ["a"]}
    status, made, _ = send("POST", "/installations", device)
    assert status == 201, made
    assert send("POST", "/installations", {**device, "channels": ["b"]})[0] == 200
    query = quote(json.dumps({"deviceToken": device["deviceToken"]}))
    (found,) = send("GET", f"/installations?where={query}", master=True)[1]["results"]
    assert (found["objectId"], found["channels"]) == (made["objectId"], ["b"])
    assert send("DELETE", f"/installations/{made['objectId']}", master=True)[0] == 200


def test_what_it_refuses(send: Send) -> None:
    status, told, _ = send("POST", "/installations", {"deviceToken": unique("token")})
    assert (status, told["code"], told["error"]) == (400, 135, "deviceType must be specified in this operation")
    for method, path in (("GET", "/installations"), ("DELETE", "/installations/x")):
        status, told, _ = send(method, path)
        assert (status, told["code"]) in ((400, 119), (403, 403)), told
    assert send("POST", "/push", {"channels": ["a"], "data": {"alert": "x"}})[0] in (400, 403)


def test_a_push_is_the_servers_own(send: Send, front: str) -> None:
    channel = unique("c").replace("-", "")
    device = {
        "deviceType": "ios",
        "deviceToken": unique("token"),
        "installationId": unique("id"),
        "channels": [channel],
    }
    assert send("POST", "/installations", device)[0] == 201
    status, told, header = send("POST", "/push", {"channels": [channel], "data": {"alert": "hi"}}, master=True)
    assert status == 200, told
    push_id = header if front == "parse" else told["objectId"]
    assert push_id
    if front != "parse":
        return  # what became of it a server of others tells in its own class
    found: dict[str, Any] = {}
    for _ in range(3000):
        found = send("GET", f"/classes/_PushStatus/{push_id}", master=True)[1]
        if found.get("status") == "succeeded":
            break
        time.sleep(0.02)
    assert (found["status"], found["numSent"], found["sentPerType"]) == ("succeeded", 1, {"ios": 1})
