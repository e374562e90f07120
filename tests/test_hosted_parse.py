"""An app whose server is still the hosted Parse of 2016: `edition: hosted`, on a server that takes nothing newer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from gateway.app import address_of, listen, make_app, plan, running
from gateway.errors import StartupError
from tests.hosted_parse import APP, MASTER_KEY, REST_KEY, Hosted, hosted_parse

CLIENTS = {
    "parse": {"app_id": "blog", "javascript_key": "our-js"},
    "leancloud": {"app_id": "blog", "app_key": "our-key"},
    "backendless": {"app_id": "blog", "rest_key": "our-rest"},
}
HEADERS = {
    "parse": {"X-Parse-Application-Id": "blog", "X-Parse-JavaScript-Key": "our-js"},
    "leancloud": {"X-LC-Id": "blog", "X-LC-Key": "our-key"},
    "backendless": {},
}
MOUNTS = {"parse": "/parse", "leancloud": "/1.1", "backendless": "/blog/our-rest"}
COLUMNS = {"Note": {"n": "number", "text": "string", "tags": "array", "to": "pointer:Fan"}}


def config(url: str, **backend: Any) -> dict[str, Any]:
    hosted = {"type": "parse", "edition": "hosted", "url": url, "app_id": APP, "columns": COLUMNS}
    keys = {"rest_key": REST_KEY, "master_key": MASTER_KEY}
    return {
        "apps": [{"name": "blog", "backend": "hosted", "clients": CLIENTS}],
        "backends": {"hosted": {**hosted, **keys, **backend}},
    }


class Asking:
    def __init__(self, session: aiohttp.ClientSession, address: str) -> None:
        self._session = session
        self._address = address

    async def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        front: str = "parse",
        session: str | None = None,
        **query: Any,
    ) -> tuple[int, Any]:
        headers = {**HEADERS[front], **({"X-Parse-Session-Token": session} if session else {})}
        told = {name: each if isinstance(each, str) else json.dumps(each) for name, each in query.items()}
        url = f"{self._address}{MOUNTS[front]}{path}"
        async with self._session.request(method, url, params=told, json=body, headers=headers) as answer:
            return answer.status, await answer.json()

    async def done(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        status, told = await self(method, path, body, **more)
        assert status < 300, told
        return told


@asynccontextmanager
async def before(folder: Path, **backend: Any) -> AsyncIterator[tuple[Asking, Hosted]]:
    async with hosted_parse() as hosted:
        path = folder / "config.yaml"
        path.write_text(yaml.safe_dump(config(hosted.url, **backend)), encoding="utf-8")
        app = make_app(plan(path, {}))
        with listen("127.0.0.1", 0) as listening:
            async with running(app, listening, grace=5), aiohttp.ClientSession() as session:
                yield Asking(session, address_of(listening)), hosted


async def test_objects_come_and_go(tmp_path: Path) -> None:
    async with before(tmp_path) as (ask, _):
        made = await ask.done("POST", "/classes/Note", {"n": 1, "text": "a"})
        changed = await ask.done(
            "PUT",
            f"/classes/Note/{made['objectId']}",
            {"n": {"__op": "Increment", "amount": 2}, "tags": {"__op": "AddUnique", "objects": ["x"]}},
        )
        assert (changed["n"], changed["tags"]) == (3, ["x"])
        assert (await ask.done("GET", f"/classes/Note/{made['objectId']}"))["text"] == "a"
        assert (await ask.done("GET", f"/classes/Note/{made['objectId']}", front="leancloud"))["n"] == 3
        assert (await ask.done("GET", f"/data/Note/{made['objectId']}", front="backendless"))["tags"] == ["x"]
        await ask.done("DELETE", f"/classes/Note/{made['objectId']}")
        assert (await ask("GET", f"/classes/Note/{made['objectId']}"))[1]["code"] == 101


async def test_queries_are_in_its_words(tmp_path: Path) -> None:
    async with before(tmp_path) as (ask, _):
        for n in range(5):
            await ask.done("POST", "/classes/Note", {"n": n, "text": f"t{n}"})

        async def found(where: Any, **more: Any) -> list[Any]:
            return [each["n"] for each in (await ask.done("GET", "/classes/Note", where=where, **more))["results"]]

        assert await found({"n": {"$gte": 1, "$lt": 4}}, order="-n") == [3, 2, 1]
        assert await found({"$or": [{"n": 0}, {"text": {"$regex": "^t4"}}]}, order="n") == [0, 4]
        assert await found({"n": {"$eq": 2}}) == [2]
        told = await ask.done("GET", "/classes/Note", where={"n": {"$ne": 0}}, count="1", limit="1", excludeKeys="text")
        assert (told["count"], "text" in told["results"][0]) == (4, False)
        # a page of Parse Server's may be larger than one of these
        assert len(await found({}, limit="5000")) == 5


@pytest.mark.parametrize(
    "where",
    [
        {"$nor": [{"n": 1}]},
        {"tags": {"$containedBy": ["x"]}},
        {"place": {"$geoWithin": {"$centerSphere": [[1, 2], 0.1]}}},
        {"place": {"$geoIntersects": {"$point": {"__type": "GeoPoint", "latitude": 1, "longitude": 2}}}},
        {"text": {"$text": {"$search": {"$term": "a"}}}},
    ],
    ids=str,
)
async def test_what_it_never_had_is_refused_and_not_sent(where: Any, tmp_path: Path) -> None:
    async with before(tmp_path) as (ask, hosted):
        status, told = await ask("GET", "/classes/Note", where=where)
        assert (status, told["code"]) == (400, 108), told
        assert hosted.asked == []


async def test_a_batch_has_fifty_requests_and_its_paths_begin_with_its_own_mount(tmp_path: Path) -> None:
    async with before(tmp_path) as (ask, hosted):
        requests = [{"method": "POST", "path": "/parse/classes/Note", "body": {"n": n}} for n in range(120)]
        answers = await ask.done("POST", "/batch", {"requests": requests})
        assert len({answer["success"]["objectId"] for answer in answers}) == 120
        assert hosted.batches == [50, 50, 20]
        status, told = await ask("POST", "/batch", {"requests": requests[:1], "transaction": True})
        assert (status, told["code"]) == (400, 108), told
        assert hosted.batches == [50, 50, 20]


async def test_users_come_in_by_a_get_and_their_sessions_are_revocable(tmp_path: Path) -> None:
    async with before(tmp_path) as (ask, hosted):
        made = await ask.done("POST", "/users", {"username": "tom", "password": "a"})
        assert made["sessionToken"].startswith("r:")
        told = await ask.done("POST", "/login", {"username": "tom", "password": "a"})
        assert hosted.asked[-1] == "GET /1/login"
        session = told["sessionToken"]
        assert (await ask.done("GET", "/users/me", session=session))["username"] == "tom"
        status, wrong = await ask("POST", "/login", {"username": "tom", "password": "b"})
        assert (status, wrong["code"]) == (404, 101)
        await ask.done("POST", "/logout", session=session)
        assert (await ask("GET", "/users/me", session=session))[1]["code"] == 209
        told = await ask.done("POST", "/login", {"username": "tom", "password": "a"}, front="leancloud")
        assert told["sessionToken"].startswith("r:")


async def test_a_query_inside_a_query_is_not_cut_off_at_a_hundred(tmp_path: Path) -> None:
    async with before(tmp_path) as (ask, hosted):
        fans = [{"method": "POST", "path": "/parse/classes/Fan", "body": {"n": n}} for n in range(150)]
        ids = [each["success"]["objectId"] for each in await ask.done("POST", "/batch", {"requests": fans})]
        for known in (ids[0], ids[-1]):
            pointer = {"__type": "Pointer", "className": "Fan", "objectId": known}
            await ask.done("POST", "/classes/Note", {"to": pointer})
        where = {"to": {"$inQuery": {"className": "Fan", "where": {"n": {"$gte": 0}}}}}
        assert len((await ask.done("GET", "/classes/Note", where=where))["results"]) == 2
        for n in range(1001 - 150):
            hosted.objects["Fan"][f"more{n}"] = {"objectId": f"more{n}", "n": n, "createdAt": ""}
        status, told = await ask("GET", "/classes/Note", where=where)
        assert (status, told["code"], "1001 objects" in told["error"]) == (400, 108, True), told


async def test_counters_need_ids_that_it_does_not_take(tmp_path: Path) -> None:
    async with before(tmp_path) as (ask, hosted):
        status, told = await ask("PUT", "/counters/visits/increment/get", front="backendless")
        assert (status, "takes no ids from clients" in told["message"]) == (400, True), told
        assert hosted.objects == {}


def test_an_edition_that_there_is_not_is_told(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    for kind, there_are in (("parse", "hosted"), ("leancloud", "none")):
        told = config("http://127.0.0.1:1/1", edition="golden", type=kind)
        keys = {"app_key": "a"} if kind == "leancloud" else {"rest_key": "a"}
        backend = {key: each for key, each in told["backends"]["hosted"].items() if not key.endswith("_key")}
        told["backends"]["hosted"] = {**backend, **keys}
        path.write_text(yaml.safe_dump(told), encoding="utf-8")
        with pytest.raises(StartupError, match=f"edition: golden is no edition of .*; there are: {there_are}"):
            plan(path, {})
