"""Whatever a client sends, it hears its own vendor's error, and the gateway stands as before.

Expected are status and error number in each dialect; the vendors' texts are in the mappings and their cases. Sources:
Parse Server 9 as observed, and the LeanCloud guide's table of errors.
"""

from __future__ import annotations

import gzip
import io
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from yarl import URL

from gateway.app import make_app, plan
from tests.compiled import dialects
from tests.conftest import Serving
from tests.process import EXAMPLE, LEANCLOUD, PARSE, needs_proc
from tests.process import serving as serving_process

MOUNTS = {"parse": "/parse", "leancloud": "/1.1"}
HEADERS = {"parse": PARSE, "leancloud": LEANCLOUD}

Told = tuple[int, int | None]
"""Status and number; a 200 and a 201 have none, nor has Parse where keys are wrong or a body is too large."""


@dataclass(frozen=True)
class Bad:
    """A request below the mount, and what each dialect answers."""

    name: str
    method: str
    path: str
    parse: Told
    leancloud: Told
    body: str | bytes | None = None
    headers: dict[str, str | None] = field(default_factory=dict)


def where(condition: Any) -> str:
    return "/classes/Post?where=" + quote(condition if isinstance(condition, str) else json.dumps(condition))


def create(name: str, body: Any, parse: Told, leancloud: Told | None = None) -> Bad:
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    return Bad(name, "POST", "/classes/Post", parse, leancloud or parse, text)


def batch(name: str, body: Any, parse: Told) -> Bad:
    return Bad(name, "POST", "/batch", parse, parse, json.dumps(body))


def get(name: str, path: str, parse: Told, leancloud: Told | None = None) -> Bad:
    return Bad(name, "GET", path, parse, leancloud or parse)


BAD = [
    # what is no JSON, or none that can be kept
    create("JSON that breaks off", '{"a":', (400, 107)),
    create("words", "hello", (400, 107)),
    create("an array", "[1]", (400, 107)),
    create("text", '"x"', (400, 107)),
    create("a number", "1", (400, 107)),
    create("bytes", b"\xff\xfe", (400, 107)),
    create("nesting a thousand deep", '{"a":' + "[" * 1000 + "]" * 1000 + "}", (400, 107)),
    create("nesting without an end", '{"a":' + "[" * 100_000, (400, 107)),
    create("nesting of objects", '{"a":' * 1000 + "1" + "}" * 1000, (400, 107)),
    create("NaN", '{"a":NaN}', (400, 107)),
    create("a number without bounds", '{"a":1e400}', (400, 107)),
    create("half a character", '{"a":"\\ud800"}', (400, 107)),
    # values
    create("another type than before", {"n": "text"}, (400, 111)),
    create("text for a date", {"d": "2020"}, (400, 111)),
    create("a date that is none", {"x": {"__type": "Date", "iso": "yesterday"}}, (400, 111)),
    create("a pointer to nothing", {"x": {"__type": "Pointer"}}, (400, 111)),
    create("bytes that are no base64", {"x": {"__type": "Bytes", "base64": "%"}}, (400, 111)),
    create("an operator that does not exist", {"n": {"__op": "Explode"}}, (400, 111)),
    create("an increment of text", {"s": {"__op": "Increment", "amount": 1}}, (400, 111)),
    create("an increment by text", {"n": {"__op": "Increment", "amount": "1"}}, (400, 111)),
    create("an ACL that is none", {"ACL": "everybody"}, (400, 123)),
    # names
    create("a field with a dash", {"bad-field": 1}, (400, 105)),
    create("a field that is an operator", {"$where": 1}, (400, 105)),
    create("a nested operator", {"x": {"$where": 1}}, (400, 121)),
    create("an id of one's own", {"objectId": "mine"}, (400, 105)),
    Bad("a class with a dash", "POST", "/classes/bad-name", (400, 107), (400, 103), "{}"),
    # what is not there
    get("an object that is not there", "/classes/Post/missing", (404, 101), (200, None)),
    get("a class that is not there", "/classes/Missing", (200, None), (404, 101)),
    Bad("an update of nothing", "PUT", "/classes/Post/missing", (404, 101), (400, 1), '{"n":1}'),
    Bad("a deletion of nothing", "DELETE", "/classes/Post/missing", (404, 101), (400, 1)),
    # queries
    get("a where that is no JSON", where("nonsense"), (400, 107)),
    get("a where that is a list of numbers", where([1]), (400, 102)),
    get("an operator of nobody", where({"n": {"$explode": 1}}), (400, 102)),
    get("code in a where", where({"$where": "while(1){}"}), (400, 102)),
    get("an $in of a number", where({"n": {"$in": 1}}), (400, 107)),
    get("an $or of a number", where({"$or": 1}), (400, 102)),
    get("a pattern that is none", where({"s": {"$regex": "("}}), (400, 102)),
    get("a pattern that looks around", where({"s": {"$regex": "(?=x)x"}}), (400, 102)),
    get("a where too deep", where('{"a":' * 200 + "1" + "}" * 200), (400, 107)),
    get("a limit in words", "/classes/Post?limit=many", (400, 102)),
    get("a limit twice", "/classes/Post?limit=1&limit=2", (400, 107), (400, 1)),
    get("a skip below zero", "/classes/Post?skip=-1", (400, 102)),
    get("an order of nothing", "/classes/Post?order=,", (400, 102)),
    get("a parameter of nobody", "/classes/Post?explode=1", (400, 102), (400, 700)),
    get("a parameter that is no text", "/classes/Post?keys=%FF", (400, 107), (400, 1)),
    # routes
    get("a route of nobody", "/nosuchroute", (404, 107), (404, 1)),
    get("no route", "", (404, 107), (404, 1)),
    Bad("a method of nobody", "PATCH", "/classes/Post", (404, 107), (404, 1), "{}"),
    Bad("a method of another route", "PUT", "/classes/Post", (404, 107), (404, 1), "{}"),
    # batches
    batch("a batch of nothing", {}, (400, 107)),
    batch("a batch of numbers", {"requests": [1, 2]}, (400, 107)),
    batch("a batch without its mount", {"requests": [{"method": "POST", "path": "/classes/Post"}]}, (400, 107)),
    batch("a batch with a way out", {"requests": [{"method": "GET", "path": "//example.com/"}]}, (400, 107)),
    # who asks
    Bad("no key", "GET", "/classes/Post", (403, None), (401, 401), headers={"key": None}),
    Bad("a wrong key", "GET", "/classes/Post", (403, None), (401, 401), headers={"key": "wrong"}),
    Bad("a key that is no ASCII", "GET", "/classes/Post", (403, None), (401, 401), headers={"key": "schl\u00fcssel"}),
    Bad("no app", "GET", "/classes/Post", (403, None), (401, 401), headers={"app": None}),
    Bad("a wrong app", "GET", "/classes/Post", (403, None), (401, 401), headers={"app": "other"}),
    # bodies
    create("21 MB", b"{" + b" " * 21_000_000 + b"}", (413, None), (413, 413)),
]

NAMES_OF_KEYS = {
    "parse": {"app": "X-Parse-Application-Id", "key": "X-Parse-REST-API-Key"},
    "leancloud": {"app": "X-LC-Id", "key": "X-LC-Key"},
}


@pytest.fixture
async def address(tmp_path: Path, serving: Serving) -> str:
    config = tmp_path / "config.yaml"
    text = EXAMPLE.read_text(encoding="utf-8").replace("sqlite:///data", f"sqlite:///{tmp_path}")
    config.write_text(text, encoding="utf-8")
    return await serving(make_app(plan(config, {}, dialects())))


@pytest.fixture
async def session(address: str) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(address) as session:
        row = {"n": 1, "s": "text", "d": {"__type": "Date", "iso": "2020-01-01T00:00:00.000Z"}, "x": {"y": 1}}
        async with session.post("/parse/classes/Post", headers=PARSE, json=row) as response:
            assert response.status == 201
        yield session


def headers_of(bad: Bad, dialect: str) -> dict[str, str]:
    headers = dict(HEADERS[dialect])
    for word, value in bad.headers.items():
        name = NAMES_OF_KEYS[dialect][word]
        headers.pop(name)
        if value is not None:
            headers[name] = value
    return headers


@pytest.mark.parametrize("dialect", ["parse", "leancloud"])
async def test_every_bad_request_is_told_in_the_vendors_way(dialect: str, session: aiohttp.ClientSession) -> None:
    told: dict[str, Any] = {}
    for bad in BAD:
        url = URL(MOUNTS[dialect] + bad.path, encoded=True)
        body = io.BytesIO(bad.body) if isinstance(bad.body, bytes) else bad.body
        async with session.request(bad.method, url, data=body, headers=headers_of(bad, dialect)) as response:
            answer = await response.json()
            told[bad.name] = (response.status, answer.get("code"))
            if response.status >= 400:
                assert set(answer) <= {"code", "error"}, bad.name
                assert isinstance(answer["error"], str), bad.name
    assert told == {bad.name: getattr(bad, dialect) for bad in BAD}
    query = {"where": json.dumps({"n": 1})}
    async with session.get(MOUNTS[dialect] + "/classes/Post", params=query, headers=HEADERS[dialect]) as response:
        assert [row["s"] for row in (await response.json())["results"]] == ["text"]


@pytest.mark.parametrize("dialect", ["parse", "leancloud"])
@pytest.mark.parametrize(
    "sent",
    [
        {"_method": 5},
        {"_method": "EXPLODE"},
        {"_method": "GET", "_ApplicationId": {"$ne": 1}},
        {"_method": "GET", "_ApplicationId": "demo", "_JavaScriptKey": {"$ne": None}, "_ApplicationKey": {"$ne": None}},
        {"_method": "GET", "_ApplicationId": "demo", "_MasterKey": "wrong"},
    ],
)
async def test_a_request_in_a_body_is_no_way_around(
    sent: dict[str, Any], dialect: str, session: aiohttp.ClientSession
) -> None:
    async with session.post(MOUNTS[dialect] + "/classes/Post", data=json.dumps(sent)) as response:
        assert response.status in (400, 401, 403)
        assert "results" not in await response.json()


@needs_proc
def test_memory_stays_flat_whatever_is_sent(tmp_path: Path) -> None:
    with serving_process(tmp_path) as gateway:
        host, port = gateway.address.removeprefix("http://").split(":")

        def send(body: bytes, *headers: str, announced: int | None = None) -> bytes:
            lines = [f"{name}: {value}" for name, value in PARSE.items()]
            lines += [f"Content-Length: {announced or len(body)}", "Connection: close", "Host: x", *headers]
            head = "POST /parse/classes/Post HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n"
            with socket.create_connection((host, int(port)), timeout=30) as connection:
                try:
                    connection.sendall(head.encode() + body)
                    return connection.recv(100)
                except ConnectionError:
                    return b""  # it was refused before all was sent

        deep = b'{"a":' + b"[" * 500_000
        bomb = gzip.compress(b" " * 100_000_000, 9)
        chunk = b" " * 21_000_000

        def round_of_everything() -> None:
            for _ in range(3):
                assert send(chunk)[:13] in (b"", b"HTTP/1.1 413 ")
                assert send(bomb, "Content-Encoding: gzip").startswith(b"HTTP/1.1 413 ")
                assert send(deep).startswith(b"HTTP/1.1 400 ")
                assert send(b"{", announced=10_000_000_000).startswith(b"HTTP/1.1 413 ")
                assert send(b"\xff" * 1_000_000).startswith(b"HTTP/1.1 400 ")

        round_of_everything()
        after_the_first = gateway.memory()
        for _ in range(4):
            round_of_everything()
        assert gateway.memory() < after_the_first + 30_000_000
        assert gateway.ask("GET", "/_gateway/health")["status"] == "ok"
        assert gateway.errors_so_far() == ""
