"""Requests with an id are done once: over HTTP, by one gateway or by several on one store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp.test_utils import TestClient, TestServer

from gateway.app import make_app, plan
from gateway.backends.embedded import Embedded
from gateway.backends.ledger import Ledger
from gateway.backends.taken_requests import REQUEST, TakenRequests
from gateway.errors import Code, GatewayError
from gateway.model.once import TakeRequest
from gateway.model.operation import Caller, Find

CLIENT = Caller(app="blog")
DUPLICATE = (400, {"code": 159, "error": "Duplicate request"})


def config(folder: Path) -> Path:
    keys = {"app_id": "demo", "rest_key": "demo-rest", "master_key": "demo-master"}
    told: dict[str, Any] = {
        "apps": [
            {
                "name": "blog",
                "backend": "local",
                "idempotency": {"paths": ["classes/(Note|Task)", "^users$"], "ttl": "1h"},
                "clients": {"parse": keys},
            },
            {"name": "other", "backend": "local", "clients": {"parse": {**keys, "app_id": "other"}}},
        ],
        "backends": {"local": {"type": "embedded", "url": f"sqlite:///{folder}/once.db"}},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(told), encoding="utf-8")
    return path


class Asking:
    def __init__(self, client: TestClient[Any, Any]) -> None:
        self.client = client

    async def __call__(
        self, method: str, path: str, body: Any, request_id: str | None, *, app: str = "demo", **more: str
    ) -> tuple[int, Any]:
        headers = {"X-Parse-Application-Id": app, "X-Parse-REST-API-Key": "demo-rest", **more}
        if request_id is not None:
            headers["X-Parse-Request-Id"] = request_id
        async with self.client.request(method, f"/parse/{path}", json=body, headers=headers) as response:
            return response.status, await response.json()


@asynccontextmanager
async def gateway(path: Path) -> AsyncIterator[Asking]:
    async with TestClient(TestServer(make_app(plan(path)))) as client:
        yield Asking(client)


@pytest.fixture
async def ask(tmp_path: Path) -> AsyncIterator[Asking]:
    async with gateway(config(tmp_path)) as asking:
        yield asking


async def test_a_request_that_comes_again_is_not_done_again(ask: Asking) -> None:
    status, made = await ask("POST", "classes/Note", {"n": 1}, "one")
    assert status == 201
    assert await ask("POST", "classes/Note", {"n": 1}, "one") == DUPLICATE
    counted = {"n": {"__op": "Increment", "amount": 1}}
    assert (await ask("PUT", f"classes/Note/{made['objectId']}", counted, "two"))[0] == 200
    assert await ask("PUT", f"classes/Note/{made['objectId']}", counted, "two") == DUPLICATE
    _, found = await ask("GET", "classes/Note", None, "two")
    assert [note["n"] for note in found["results"]] == [2]


async def test_it_is_an_id_of_one_application(ask: Asking) -> None:
    assert (await ask("POST", "classes/Note", {"n": 1}, "one"))[0] == 201
    assert (await ask("POST", "classes/Note", {"n": 1}, "one", app="other"))[0] == 201


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("classes/Other", {"n": 1}),  # another class
        ("functions/hello", {}),
        ("batch", {"requests": [{"method": "POST", "path": "/parse/classes/Note", "body": {"n": 1}}]}),
        ("events/AppOpened", {}),
    ],
)
async def test_others_are_done_as_often_as_they_come(ask: Asking, path: str, body: Any) -> None:
    first = await ask("POST", path, body, "one")
    assert (await ask("POST", path, body, "one"))[0] == first[0]


@pytest.mark.parametrize("request_id", [None, ""])
async def test_without_an_id_every_request_is_another_one(ask: Asking, request_id: str | None) -> None:
    for _ in range(2):
        assert (await ask("POST", "classes/Note", {"n": 1}, request_id))[0] == 201


async def test_what_failed_is_not_tried_again_under_its_id(ask: Asking) -> None:
    """Parse Server takes the id before the write."""
    assert (await ask("PUT", "classes/Note/none", {"n": 1}, "one"))[0] == 404
    assert await ask("PUT", "classes/Note/none", {"n": 1}, "one") == DUPLICATE
    body = {"username": "ann", "password": "x"}
    assert (await ask("POST", "users", body, "two"))[0] == 201
    assert (await ask("POST", "users", body, "three"))[0] == 400
    assert await ask("POST", "users", body, "three") == DUPLICATE


async def test_an_id_is_not_taken_by_who_may_not_ask(ask: Asking) -> None:
    wrong = {"X-Parse-REST-API-Key": "wrong"}
    assert (await ask("POST", "classes/Note", {"n": 1}, "one", **wrong))[0] == 403
    ended = {"X-Parse-Session-Token": "r:none"}
    assert (await ask("POST", "classes/Note", {"n": 1}, "one", **ended))[0] == 400
    assert (await ask("POST", "classes/Note", {"n": 1}, "one"))[0] == 201


async def test_gateways_on_one_store_agree(tmp_path: Path) -> None:
    path = config(tmp_path)
    async with gateway(path) as one, gateway(path) as other:
        asked = [each("POST", "classes/Note", {"n": 1}, "one") for each in (one, other) * 5]
        answers = await asyncio.gather(*asked)
        assert sorted(status for status, _ in answers) == [201] + 9 * [400]
        _, found = await one("GET", "classes/Note", None, None)
        assert len(found["results"]) == 1


async def test_an_id_is_forgotten_in_time(tmp_path: Path) -> None:
    store = await Embedded.open(f"sqlite:///{tmp_path}/ids.db", secret=b"s" * 32)
    now = time.time()
    requests = TakenRequests(Ledger(store), lambda: now)
    op = TakeRequest(request_id="\ud800 any text", lasts=1000)
    try:
        for later in (0, 1000, 1000):
            now += later
            await requests.take(op, CLIENT)
            now += 999.9
            with pytest.raises(GatewayError) as refused:
                await requests.take(op, CLIENT)
            assert refused.value.code is Code.DUPLICATE_REQUEST
            now -= 999.9
    finally:
        await store.close()


async def test_ids_that_are_over_are_removed(tmp_path: Path) -> None:
    store = await Embedded.open(f"sqlite:///{tmp_path}/ids.db", secret=b"s" * 32)
    ledger, later = Ledger(store), 4_000_000_000.0
    try:
        await TakenRequests(ledger, lambda: 0.0).take(TakeRequest(request_id="one", lasts=10), CLIENT)
        assert (await ledger.execute(Find(class_name=REQUEST, limit=0, count=True))).total == 1
        # a gateway looks when it begins
        await TakenRequests(ledger, lambda: later).take(TakeRequest(request_id="two", lasts=10), CLIENT)
        left = (await ledger.execute(Find(class_name=REQUEST, limit=10))).objects or []
        assert [row["until"] for row in left if row["until"] < later * 1000] == []
    finally:
        await store.close()


async def test_an_id_lasts_as_its_own_application_says(tmp_path: Path) -> None:
    """Applications with one store share the class, and one of them may forget sooner."""
    store = await Embedded.open(f"sqlite:///{tmp_path}/ids.db", secret=b"s" * 32)
    ledger, now = Ledger(store), time.time()
    taken = TakeRequest(request_id="one", lasts=86_400)
    try:
        await TakenRequests(ledger, lambda: now).take(taken, CLIENT)
        other = TakenRequests(ledger, lambda: now + 3600)
        await other.take(TakeRequest(request_id="one", lasts=10), Caller(app="other"))
        with pytest.raises(GatewayError) as refused:
            await other.take(taken, CLIENT)
        assert refused.value.code is Code.DUPLICATE_REQUEST
    finally:
        await store.close()
