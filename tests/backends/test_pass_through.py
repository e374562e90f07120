"""Requests that go on as they came: what arrives, what comes back, and what does not pass."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from yarl import URL

from gateway.app import address_of, listen, make_app, plan, running
from gateway.errors import SettingsError
from tests.behind import backend_of_others
from tests.compiled import dialects
from tests.faulty import Faulty, Way, answering, faulty_server, http, sending

OWN = {"app_id": "demo", "rest_key": "demo-rest", "javascript_key": "demo-js", "master_key": "demo-master"}
PARSE = {"X-Parse-Application-Id": "demo", "X-Parse-REST-API-Key": "demo-rest"}
MASTER = {"X-Parse-Application-Id": "demo", "X-Parse-Master-Key": "demo-master"}
SECRETS = ("demo-rest", "demo-js", "demo-master", "demo-key")

BACKENDLESS = {"type": "backendless", "app_id": "THEIRS", "api_key": "their-api", "cloud_code_key": "their-code"}


def config(url: str, *, dialect: str = "parse", **app: Any) -> dict[str, Any]:
    theirs: dict[str, Any] = {
        "parse": {"type": "parse", "url": f"{url}/parse", "app_id": "their-app", "rest_key": "their-rest"},
        "leancloud": {"type": "leancloud", "url": f"{url}/1.1", "app_id": "their-app", "app_key": "their-key"},
        "backendless": {**BACKENDLESS, "url": f"{url}/{{app_id}}/{{api_key}}"},
    }[dialect]
    clients: dict[str, Any] = {
        "parse": {"parse": OWN},
        "leancloud": {"leancloud": {"app_id": "demo", "app_key": "demo-key", "master_key": "demo-master"}},
        "backendless": {"backendless": {"app_id": "demo", "api_key": "demo-key", "cloud_code_key": "demo-master"}},
    }[dialect]
    if dialect != "backendless":
        theirs["master_key"] = "their-master"
    server = {**theirs, "retries": 1, "timeout": "30s", "max_answer": "64kB"}
    return {
        "server": {"max_body": "64kB"},
        "apps": [{"name": "blog", "backend": "server", "pass_through": True, "clients": clients, **app}],
        "backends": {"server": server},
    }


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


Ask = Callable[..., Any]
FINDING = answering({"results": []})


@asynccontextmanager
async def gateway(folder: Path, told: Mapping[str, Any]) -> AsyncIterator[Ask]:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(dict(told)), encoding="utf-8")
    with listen("127.0.0.1", 0) as listening:
        app = make_app(plan(path, {}, dialects()))
        async with running(app, listening, grace=5), aiohttp.ClientSession() as session:
            address = address_of(listening)

            async def ask(method: str, path: str, data: Any = None, headers: Mapping[str, str] = PARSE) -> Answer:
                body = data if isinstance(data, bytes | None) else json.dumps(data).encode()
                url = URL(address + path, encoded=True)
                async with session.request(
                    method, url, data=body, headers=headers, allow_redirects=False, skip_auto_headers=["Content-Type"]
                ) as response:
                    answer = Answer(response.status, response.headers.copy(), await response.read())
                    assert response.headers["Server"] == "baas-gateway"
                    return answer

            yield ask


@asynccontextmanager
async def before(
    folder: Path, way: Way = FINDING, *, dialect: str = "parse", **app: Any
) -> AsyncIterator[tuple[Ask, Faulty]]:
    """A gateway, and the server that it sends requests on to."""
    async with faulty_server(way) as server, gateway(folder, config(server.url, dialect=dialect, **app)) as ask:
        yield ask, server


# --- what arrives ---


async def test_a_body_arrives_as_it_was_sent(tmp_path: Path) -> None:
    body = b' {"b": 1.50, "a":\t[1e3, "\\u00e4"],  "big": 123456789012345678901234567890}\n'
    async with before(tmp_path, answering({"objectId": "x"}, "201 Created")) as (ask, server):
        answer = await ask("POST", "/parse/classes/Post?fetch=1".partition("?")[0], body)
        assert (answer.status, answer.json()) == (201, {"objectId": "x"})
        arrived = server.arrived[-1]
        assert (arrived.method, arrived.target, arrived.body) == ("POST", "/parse/classes/Post", body)
        packed = {**PARSE, "Content-Encoding": "gzip", "Content-Type": "text/plain"}
        await ask("PUT", "/parse/classes/Post/x", gzip.compress(body), packed)
        arrived = server.arrived[-1]
        assert (arrived.method, arrived.body, arrived.headers["content-type"]) == ("PUT", body, "text/plain")
        assert "content-encoding" not in arrived.headers


async def test_a_query_arrives_as_it_was_sent(tmp_path: Path) -> None:
    async with before(tmp_path) as (ask, server):
        query = "where=%7B%22a%22%3A+1%7D&limit=2&keys=a%2Cb"
        await ask("GET", f"/parse/classes/Post?{query}")
        assert server.arrived[-1].target == f"/parse/classes/Post?{query}"


async def test_keys_are_those_of_the_configuration(tmp_path: Path) -> None:
    async with before(tmp_path) as (ask, server):
        for headers, key, value in (
            ({**PARSE, "X-Parse-Session-Token": "r:abc"}, "x-parse-rest-api-key", "their-rest"),
            (
                {"X-Parse-Application-Id": "demo", "X-Parse-JavaScript-Key": "demo-js"},
                "x-parse-rest-api-key",
                "their-rest",
            ),
            ({**MASTER, "X-Parse-Session-Token": "r:abc"}, "x-parse-master-key", "their-master"),
            (
                {"Authorization": "Basic " + base64.b64encode(b"demo:demo-master").decode()},
                "x-parse-master-key",
                "their-master",
            ),
            # a wrong master key beside a good one makes no master
            ({**PARSE, "X-Parse-Master-Key": "their-master"}, "x-parse-rest-api-key", "their-rest"),
        ):
            await ask("GET", "/parse/classes/Post", headers={**headers, "X-Parse-Client-Version": "js8"})
            told = server.arrived[-1].headers
            keys = {name for name in told if name.startswith("x-parse-") and "key" in name}
            assert (keys, told[key]) == ({key}, value)
            assert told["x-parse-application-id"] == "their-app"
            assert told.get("x-parse-session-token") == headers.get("X-Parse-Session-Token")
            assert told["x-parse-client-version"] == "js8"
            assert "authorization" not in told
            assert not any(secret in str(told) for secret in SECRETS)


async def test_keys_in_a_body_are_replaced_there(tmp_path: Path) -> None:
    """As the JavaScript SDK sends everything."""
    wrapped = {
        "title": "a",
        "_method": "PUT",
        "_ApplicationId": "demo",
        "_JavaScriptKey": "demo-js",
        "_ClientVersion": "js8.0.0",
        "_InstallationId": "i-1",
        "_SessionToken": "r:abc",
    }
    async with before(tmp_path, answering({})) as (ask, server):
        await ask("POST", "/parse/classes/Post/x", wrapped, {"Content-Type": "text/plain"})
        arrived = server.arrived[-1]
        assert (arrived.method, arrived.target) == ("POST", "/parse/classes/Post/x")
        expected = {**wrapped, "_ApplicationId": "their-app"}
        del expected["_JavaScriptKey"]
        assert arrived.json() == expected
        assert "x-parse-application-id" not in arrived.headers  # with it nobody looks into the body
        assert arrived.headers["x-parse-rest-api-key"] == "their-rest"
        await ask("POST", "/parse/classes/Post/x", {**wrapped, "_MasterKey": "demo-master"}, {})
        arrived = server.arrived[-1]
        assert arrived.headers["x-parse-master-key"] == "their-master"
        assert not any(secret in f"{arrived.headers}{arrived.body!r}" for secret in SECRETS)


async def test_a_body_has_the_key_that_belongs_there(tmp_path: Path) -> None:
    """Parse Server counts no JavaScript key in a header, where it finds the id of the application in the body."""
    wrapped = {"_ApplicationId": "demo", "_JavaScriptKey": "demo-js", "_MasterKey": "their-master"}
    async with faulty_server(FINDING) as server:
        told = config(server.url)
        told["backends"]["server"]["javascript_key"] = told["backends"]["server"].pop("rest_key")
        async with gateway(tmp_path, told) as ask:
            await ask("POST", "/parse/newest", wrapped, {})
            assert server.arrived[-1].json() == {"_ApplicationId": "their-app", "_JavaScriptKey": "their-rest"}
            await ask("POST", "/parse/newest", {**wrapped, "_MasterKey": "demo-master"}, {})
            assert server.arrived[-1].json() == {"_ApplicationId": "their-app", "_MasterKey": "their-master"}


async def test_keys_in_a_path_are_replaced_there(tmp_path: Path) -> None:
    way = sending(
        http("200 OK", b"[]", "Content-Type: application/json", "Location: /THEIRS/their-api/data/Post/x"), close=False
    )
    async with before(tmp_path, way, dialect="backendless") as (ask, server):
        answer = await ask("GET", "/demo/demo-key/data/Post?pageSize=1", headers={"user-token": "T"})
        assert server.arrived[-1].target == "/THEIRS/their-api/data/Post?pageSize=1"
        assert server.arrived[-1].headers["user-token"] == "T"
        assert answer.headers["Location"].endswith("/demo/demo-key/data/Post/x")
        assert "their" not in answer.headers["Location"].lower()
        await ask("GET", "/demo/demo-master/data/Post", headers={})
        assert server.arrived[-1].target == "/THEIRS/their-code/data/Post"
        count = len(server.arrived)
        told = (await ask("GET", "/demo/demo-key/info", headers={})).body
        assert b"their" not in told
        assert len(server.arrived) == count


async def test_headers_that_end_here_do_not_arrive(tmp_path: Path) -> None:
    gone = {
        "Connection": "keep-alive, X-Only-Here",
        "X-Only-Here": "1",
        "TE": "trailers",
        "Cookie": "a=b",
        "X-Forwarded-For": "127.0.0.1",
        "Forwarded": "for=127.0.0.1",
        "X-HTTP-Method-Override": "DELETE",
        "X-Parse-Maintenance-Key": "x",
        "Proxy-Authorization": "x",
    }
    kept = {"X-Parse-Request-Id": "r-1", "If-None-Match": '"e"', "Accept": "text/plain"}
    async with before(tmp_path) as (ask, server):
        await ask("GET", "/parse/classes/Post", headers={**PARSE, **gone, **kept, "Range": "bytes=0-1"})
        told = server.arrived[-1].headers
        assert not {name.lower() for name in gone} - {"connection"} & told.keys()
        assert "x-only-here" not in told.get("connection", "")
        assert {name: told[name.lower()] for name in kept} == kept
        assert told["host"] == server.url.removeprefix("http://")
        assert told["accept-encoding"] == "identity"  # of a part of a file


async def test_where_the_application_is_served_the_gateway_says_itself(tmp_path: Path) -> None:
    async with before(tmp_path, dialect="leancloud") as (ask, server):
        answer = await ask("GET", "/2/route?appId=demo", headers={"Host": "app-router.com"})
        assert (answer.status, answer.json()["api_server"]) == (200, "app-router.com")
        assert (await ask("GET", "/2/route?appId=nobody", headers={})).status == 401
        refused = await ask("GET", "/v1/route?appId=demo&secure=1", headers={})
        assert (refused.status, refused.json()["code"]) == (400, 1)
        assert refused.json()["error"] == "there is no real time here, and so no server of it"
        assert server.arrived == []


async def test_a_signature_is_not_needed_any_more(tmp_path: Path) -> None:
    async with before(tmp_path, dialect="leancloud") as (ask, server):
        await ask("GET", "/1.1/classes/Post", headers={"X-LC-Id": "demo", "X-LC-Key": "demo-key", "X-LC-Prod": "0"})
        told = server.arrived[-1].headers
        assert (told["x-lc-id"], told["x-lc-key"], told["x-lc-prod"]) == ("their-app", "their-key", "0")
        await ask("GET", "/1.1/newest/thing", headers={"X-LC-Id": "demo", "X-LC-Key": "demo-master,master"})
        assert server.arrived[-1].headers["x-lc-key"] == "their-master,master"


# --- what comes back ---


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found", "500 Oh", "503 Busy", "418 Teapot"])
async def test_an_answer_comes_back_as_it_was(status: str, tmp_path: Path) -> None:
    body = b' {"code":  999, "error": "newer", "x": 1.50}'
    more = ("Content-Type: application/json; x=y", "X-Parse-Push-Status-Id: p", "Set-Cookie: a=b", "Server: other")
    async with before(tmp_path, sending(http(status, body, *more), close=False)) as (ask, _):
        answer = await ask("GET", "/parse/classes/Post")
        assert (answer.status, answer.body) == (int(status[:3]), body)
        assert answer.headers["Content-Type"] == "application/json; x=y"
        assert answer.headers["X-Parse-Push-Status-Id"] == "p"
        assert "Set-Cookie" not in answer.headers


async def test_an_address_in_an_answer_is_one_of_the_gateway(tmp_path: Path) -> None:
    async with before(tmp_path) as (ask, server):
        for location, expected in (
            (f"{server.url}/parse/classes/Post/x", "/parse/classes/Post/x"),
            ("https://another.name/parse/classes/Post/x?y=1", "/parse/classes/Post/x?y=1"),
            ("/parse/files/x", "/parse/files/x"),
        ):
            server.way = sending(http("201 Created", b"{}", f"Location: {location}"), close=False)
            answer = await ask("POST", "/parse/classes/Post", {})
            assert answer.headers["Content-Type"] == "application/octet-stream"  # nobody said that it was JSON
            address = answer.headers["Location"]
            assert address.startswith("http://127.0.0.1:")
            assert address.endswith(expected)
            assert not address.startswith(server.url)
        # what is nobody's affair but the client's, and what only the gateway should know
        server.way = sending(http("302 Found", b"", "Location: https://files.example/x"), close=False)
        assert (await ask("GET", "/parse/files/x")).headers["Location"] == "https://files.example/x"
        server.way = sending(http("302 Found", b"", "Location: https://x.example/?k=their-rest"), close=False)
        assert "Location" not in (await ask("GET", "/parse/files/x")).headers


async def test_what_is_no_json_passes_both_ways(tmp_path: Path) -> None:
    picture = bytes(range(256)) * 20
    way = sending(http("200 OK", picture, "Content-Type: image/png", "Content-Range: bytes 0-5119/9999"), close=False)
    async with before(tmp_path, way) as (ask, server):
        answer = await ask("POST", "/parse/newest/x.png", picture, {**PARSE, "Content-Type": "image/png"})
        assert (answer.body, answer.headers["Content-Type"]) == (picture, "image/png")
        assert "Content-Encoding" not in answer.headers
        assert (server.arrived[-1].body, server.arrived[-1].headers["content-type"]) == (picture, "image/png")
        count = len(server.arrived)
        # but not where a route knows better
        refused = await ask("POST", "/parse/classes/Post", picture, {**PARSE, "Content-Type": "image/png"})
        assert refused.json()["code"] == 107
        assert len(server.arrived) == count


async def test_a_server_that_is_down_is_told_in_the_dialect(tmp_path: Path) -> None:
    async with before(tmp_path, sending(b"")) as (ask, server):
        for method, times in (("GET", 2), ("POST", 1)):
            server.arrived.clear()
            answer = await ask(method, "/parse/classes/Post", None if method == "GET" else {})
            assert set(answer.json()) == {"code", "error"}
            assert len(server.arrived) == times, method
        server.arrived.clear()
        await ask("GET", "/parse/newest")  # nobody knows what that does
        assert len(server.arrived) == 1


async def test_limits_hold(tmp_path: Path) -> None:
    async with before(tmp_path, sending(http("200 OK", b"x" * 70_000), close=False)) as (ask, server):
        assert "longer" in (await ask("GET", "/parse/files/x")).json()["error"]
        count = len(server.arrived)
        assert (await ask("POST", "/parse/newest", b"x" * 70_000)).status in (400, 413)
        assert len(server.arrived) == count


# --- what does not pass ---

WRONG: Mapping[str, Mapping[str, str]] = {
    "no application": {},
    "another application": {**PARSE, "X-Parse-Application-Id": "their-app"},
    "another key": {**PARSE, "X-Parse-REST-API-Key": "their-rest"},
    "no key": {"X-Parse-Application-Id": "demo"},
}


@pytest.mark.parametrize("case", WRONG)
async def test_who_has_no_key_does_not_pass(case: str, tmp_path: Path) -> None:
    async with before(tmp_path) as (ask, server):
        for path in ("/parse/classes/Post", "/parse/newest/thing"):
            answer = await ask("GET", path, headers=WRONG[case])
            assert (answer.status, answer.json()) == (403, {"error": "unauthorized"})
        assert server.arrived == []


REFUSED: Mapping[str, tuple[str, str, Any]] = {
    "a class without rules": ("GET", "/classes/_Installation", None),
    "the same in a query": ("GET", '/classes/Post?where={"a":{"$inQuery":{"className":"_Hooks","where":{}}}}', None),
    "an id of one's own": ("POST", "/classes/Post", {"objectId": "mine"}),
    "for the master": ("GET", "/schemas", None),
    "what cannot be read": ("GET", "/classes/Post?newest=1", None),
    "an operator that nobody knows": ("GET", '/classes/Post?where={"a":{"$newest":1}}', None),
    "a path that leads out": ("GET", "/newest/../classes/_Installation", None),
    "the same in disguise": ("GET", "/newest/%2e%2e/classes/_Installation", None),
    "a known path in disguise": ("GET", "/%63lasses/_Installation", None),
    "another method in the body": ("POST", "/classes/_Installation", {"_method": "GET"}),
    "a method that is none": ("PROPFIND", "/newest", None),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_refused_on_the_normal_way_is_refused(case: str, tmp_path: Path) -> None:
    method, path, body = REFUSED[case]
    path = path.replace("{", "%7B").replace("}", "%7D").replace('"', "%22").replace("$", "%24")
    told = config("http://127.0.0.1:1")
    async with gateway(tmp_path, {**told, "apps": [{**told["apps"][0], "pass_through": False}]}) as ask:
        normal = await ask(method, f"/parse{path}", body)
    async with before(tmp_path) as (ask, server):
        answer = await ask(method, f"/parse{path}", body)
        assert server.arrived == []
    assert normal.status >= 400
    assert (answer.status, answer.json()) == (normal.status, normal.json())


async def test_of_a_batch_the_rest_is_done(tmp_path: Path) -> None:
    good, bad = ({"method": "POST", "path": "/parse/classes/Post", "body": body} for body in ({}, {"objectId": "mine"}))
    made = {"success": {"objectId": "x", "createdAt": "2026-01-02T03:04:05.678Z"}}
    async with before(tmp_path, answering([made, made])) as (ask, server):
        body = json.dumps({"requests": [good, good]}, indent=3).encode()
        assert (await ask("POST", "/parse/batch", body)).json() == [made, made]
        assert server.arrived[-1].body == body
        server.way = answering([made])
        answers = (await ask("POST", "/parse/batch", {"requests": [good, bad]})).json()
        assert "success" in answers[0]
        assert "error" in answers[1]
        assert b"mine" not in server.arrived[-1].body
        # what cannot be read, nobody can judge
        unread = {**good, "body": {"a": {"__op": "Newest"}}}
        answers = (await ask("POST", "/parse/batch", {"requests": [unread, good]})).json()
        assert ["error" in answer for answer in answers] == [True, False]
        assert b"Newest" not in server.arrived[-1].body


async def test_a_batch_below_another_mount_has_its_paths_changed(tmp_path: Path) -> None:
    inner = [{"method": "DELETE", "path": f"/1/classes/Post/{n}"} for n in "ab"]
    async with before(tmp_path, answering([{"success": {}}] * 2)) as (ask, server):
        assert (await ask("POST", "/1/batch", {"requests": inner})).json() == [{"success": {}}] * 2
        assert [each["path"] for each in server.arrived[-1].json()["requests"]] == [
            "/parse/classes/Post/a",
            "/parse/classes/Post/b",
        ]


# --- a gateway behind a gateway ---


async def test_clients_of_a_server_notice_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    async with backend_of_others(folder) as address, gateway(tmp_path, config(address)) as ask:
        made = await ask("POST", "/parse/users", {"username": "tom", "password": "x"})
        assert made.status == 201
        assert made.headers["Location"].endswith(f"/parse/users/{made.json()['objectId']}")
        assert not made.headers["Location"].startswith(address)
        session = {**PARSE, "X-Parse-Session-Token": made.json()["sessionToken"]}
        assert (await ask("GET", "/parse/users/me", headers=session)).json()["username"] == "tom"
        post = await ask(
            "POST", "/parse/classes/Post", {"title": "a", "ACL": {made.json()["objectId"]: {"read": True}}}
        )
        path = f"/parse/classes/Post/{post.json()['objectId']}"
        assert (await ask("GET", path)).status == 404
        assert (await ask("GET", path, headers=session)).json()["title"] == "a"
        assert (await ask("GET", path, headers=MASTER)).json()["title"] == "a"
        assert (await ask("GET", "/parse/schemas/Post", headers=MASTER)).json()["className"] == "Post"
        wrapped = {"_method": "GET", "_ApplicationId": "demo", "_JavaScriptKey": "demo-js", "where": {"title": "a"}}
        wrapped["_SessionToken"] = made.json()["sessionToken"]
        found = await ask("POST", "/parse/classes/Post", wrapped, {"Content-Type": "text/plain"})
        assert [each["title"] for each in found.json()["results"]] == ["a"]
        missing = await ask("GET", "/parse/newest/thing")
        assert (missing.status, missing.json()["code"]) == (404, 107) or "error" in missing.json()


# --- settings ---

CONTRADICTIONS: Mapping[str, tuple[dict[str, Any], str]] = {
    "another dialect": (
        {"clients": {"parse": OWN, "leancloud": {"app_id": "demo", "app_key": "k"}}},
        "server speaks parse, and clients here leancloud",
    ),
    "other names": ({"renames": {"classes": {"A": "B"}}}, "cannot be where names are changed (renames)"),
    "code of the app's own": (
        {"functions": {"f": {"url": "https://x.example", "secret": "0123456789abcdef"}}},
        "cannot be where the gateway itself has an answer (functions)",
    ),
    "a store beside it": (
        {"services_store": "local"},
        "cannot be where the gateway itself has an answer (services_store)",
    ),
    "a store": (
        {"backend": "local"},
        "local is a store of the gateway's own, which is told of operations, not of requests",
    ),
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_what_stands_in_the_way_is_told_at_the_start(case: str, tmp_path: Path) -> None:
    app, message = CONTRADICTIONS[case]
    told = config("http://127.0.0.1:1", **app)
    told["backends"]["local"] = {"type": "embedded", "url": f"sqlite:///{tmp_path}/x.db"}
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(told), encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        plan(path, {}, dialects())
    assert str(refused.value) == f"{path}: apps.0.pass_through: {message}"
