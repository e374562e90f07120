"""Who asks may stand in the path, or be the host; and bodies may be plain text, or the JSON `null`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from gateway.app import address_of, listen, make_app, plan, running
from gateway.authorise import Client, Guarded
from gateway.dialects.dialect import Dialect
from gateway.model.operation import AppInfo, Caller, Operation, Result
from gateway.model.services import CallService, GetFromCache
from gateway.pipeline import Front
from gateway.server import Edge
from tests.conftest import Serving

KEYS = {"js_key": "js", "rest_key": "rest", "cloud_code_key": "code"}


@dataclass
class Scripted:
    """A backend that answers what it was given, and remembers who asked."""

    asked: list[tuple[Operation, Caller]] = field(default_factory=list)

    async def execute(self, op: Operation, caller: Caller) -> Result:
        self.asked.append((op, caller))
        return Result(value=getattr(op, "arguments", None))

    async def identify(self, caller: Caller) -> Caller:
        return caller

    async def close(self) -> None:
        pass


@dataclass
class Served:
    backend: Scripted
    address: str
    session: aiohttp.ClientSession

    async def ask(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        async with self.session.request(method, self.address + path, **more) as response:
            text = await response.text()
            return response.status, await response.json() if text else None


@pytest.fixture
async def served(serving: Serving, dialects: Mapping[str, Dialect]) -> AsyncIterator[Served]:
    backend = Scripted()
    edge = Edge(max_body=100_000)
    client = Client("blog", KEYS, Guarded(backend), "demo", frozenset({"blog.example"}))
    front = Front(dialects["backendless"], {"demo": client}, {"blog.example": client})
    for mount in ("/{app_id}/{api_key}", "/deep/er/{app_id}/{api_key}", "/api", "/v1"):
        edge.mount(mount, front)
    parse = Client("blog", {"rest_key": "rest"}, Guarded(backend), "demo")
    edge.mount("/parse", Front(dialects["parse"], {"demo": parse}))
    async with aiohttp.ClientSession() as session:
        yield Served(backend, await serving(edge.application()), session)


@pytest.mark.parametrize(
    ("path", "headers", "master"),
    [
        ("/demo/js/cache/k", {}, False),
        ("/demo/rest/cache/k", {}, False),
        ("/demo/code/cache/k", {}, True),
        ("/deep/er/demo/js/cache/k", {}, False),
        ("/%64emo/js/cache/k", {}, False),
        ("/v1/cache/k", {"application-id": "demo", "secret-key": "rest"}, False),
        ("/api/cache/k", {"Host": "blog.example"}, False),
        ("/api/cache/k", {"Host": "Blog.Example:8080"}, False),
        ("/api/cache/k", {"Host": "blog.example."}, False),
    ],
)
async def test_who_asks_is_told_by_the_path_by_headers_or_by_the_host(
    path: str, headers: dict[str, str], master: bool, served: Served
) -> None:
    assert await served.ask("GET", path, headers=headers) == (200, None)
    ((op, caller),) = served.backend.asked
    assert (op, caller.master) == (GetFromCache(key="k", untyped=True), master)


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/demo/wrong/cache/k", {}),
        ("/nobody/js/cache/k", {}),
        ("/nobody/js/cache/k", {"Host": "blog.example"}),  # an id that is sent goes before the host
        ("/demo/wrong/cache/k", {"Host": "blog.example"}),
        ("/api/cache/k", {"Host": "other.example"}),
        ("/api/cache/k", {"Host": "blog.example.evil.example"}),
        ("/v1/cache/k", {"application-id": "demo"}),
        ("/v1/cache/k", {"application-id": "demo", "secret-key": "wrong"}),
        ("/v1/cache/k", {"application-id": "demo", "Host": "blog.example"}),
    ],
)
async def test_who_is_not_known_is_refused(path: str, headers: dict[str, str], served: Served) -> None:
    status, body = await served.ask("GET", path, headers=headers)
    assert (status, body["code"]) == (401, 2002)
    assert served.backend.asked == []


async def test_a_mount_without_holes_goes_before_one_with_them(served: Served) -> None:
    status, body = await served.ask("GET", "/parse/js/cache/k")
    assert (status, body) == (403, {"error": "unauthorized"}), "an app called parse would be hidden by the mount"
    assert (await served.ask("GET", "/alone"))[0] == 404


async def test_nothing_is_the_json_null(served: Served) -> None:
    async with served.session.get(served.address + "/demo/js/cache/k") as response:
        assert (await response.read(), response.content_type) == (b"null", "application/json")
    async with served.session.delete(served.address + "/demo/js/cache/k") as response:
        assert (await response.read(), response.headers.get("Content-Type")) == (b"", None)


@pytest.mark.parametrize(
    ("content_type", "sent", "read"),
    [
        ("application/json", b'{"a": 1}', {"a": 1}),
        ("application/json", b'"text"', "text"),
        ("text/plain", b'{"a": 1}', '{"a": 1}'),
        ("text/plain; charset=utf-8", "é".encode(), "é"),
        (None, b"plain words", "plain words"),
        (None, b"[1]", [1]),
        (None, b"", None),
    ],
)
async def test_a_body_may_be_plain(content_type: str | None, sent: bytes, read: Any, served: Served) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    skip = {"skip_auto_headers": ["Content-Type"]}
    status, body = await served.ask("POST", "/demo/js/services/s/m", data=sent, headers=headers, **skip)
    assert (status, body) == (200, read)
    (op, _) = served.backend.asked[0]
    assert op == CallService(service="s", method="m", arguments=read, untyped=True)


@pytest.mark.parametrize(
    ("content_type", "sent"),
    [("application/json", b"plain words"), ("", b"{broken"), ("text/plain", b"\xff\xfe"), ("", b"\xff")],
)
async def test_a_body_that_is_neither_is_refused(content_type: str, sent: bytes, served: Served) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    skip = {"skip_auto_headers": ["Content-Type"]}
    status, body = await served.ask("POST", "/demo/js/services/s/m", data=sent, headers=headers, **skip)
    assert (status, type(body["code"]), bool(body["message"])) == (400, int, True)
    assert served.backend.asked == []


async def test_an_app_tells_what_its_clients_know_anyway(served: Served) -> None:
    status, body = await served.ask("GET", "/api/info", headers={"Host": "blog.example"})
    assert (status, body["appId"], body["apiKey"]) == (200, "demo", "rest")
    assert "code" not in str(body)
    assert not any(isinstance(op, AppInfo) for op, _ in served.backend.asked)


BOTH = {"X-Parse-Application-Id": "demo", "X-Parse-REST-API-Key": "rest"}
LEANCLOUD: tuple[dict[str, str], ...] = (
    {"X-LC-Id": "demo", "X-LC-Key": "key"},
    {"X-AVOSCloud-Application-Id": "demo", "X-AVOSCloud-Application-Key": "key"},
)


async def test_a_mount_is_shared_by_whose_headers_tell_them_apart(tmp_path: Path) -> None:
    """LeanCloud takes `/1/` as it takes `/1.1/`, and so does Parse; a batch may name either."""
    clients = {"parse": {"app_id": "demo", "rest_key": "rest"}, "leancloud": {"app_id": "demo", "app_key": "key"}}
    config = {
        "apps": [{"name": "blog", "backend": "local", "clients": clients}],
        "backends": {"local": {"type": "embedded", "url": f"sqlite:///{tmp_path}/blog.db"}},
    }
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    with listen("127.0.0.1", 0) as listening:
        async with running(make_app(plan(path, {})), listening, grace=5), aiohttp.ClientSession() as session:
            address = address_of(listening)

            async def ask(method: str, path: str, headers: dict[str, str], body: Any = None) -> tuple[int, Any]:
                async with session.request(method, address + path, headers=headers, json=body) as response:
                    return response.status, await response.json()

            made = (await ask("POST", "/1/classes/Note", BOTH, {"n": 1}))[1]["objectId"]
            for headers in LEANCLOUD:
                assert (await ask("GET", f"/1/classes/Note/{made}", headers))[1]["n"] in (1, 2)
                # what is not there is an empty object for these clients, and an error for the others
                assert await ask("GET", "/1/classes/Note/none", headers) == (200, {})
                inner = [
                    {"method": "PUT", "path": f"/{mount}/classes/Note/{made}", "body": {"n": 2}}
                    for mount in ("1", "1.1")
                ]
                for mount in ("1", "1.1"):
                    status, told = await ask("POST", f"/{mount}/batch", headers, {"requests": inner})
                    assert (status, ["success" in each for each in told]) == (200, [True, True]), told
            assert (await ask("GET", "/1/classes/Note/none", BOTH))[0] == 404
            assert (await ask("GET", f"/1/classes/Note/{made}", {}))[0] == 403


async def test_the_router_of_real_time_leads_to_a_server_of_the_owners(
    serving: Serving, dialects: Mapping[str, Dialect]
) -> None:
    edge = Edge(max_body=100_000)
    clients = {
        name: Client(name, {"app_key": "k"}, Guarded(Scripted()), name, realtime=where)
        for name, where in (("talks", "wss://realtime.example.com"), ("silent", None))
    }
    edge.mount("/1.1", Front(dialects["leancloud"], clients))
    async with aiohttp.ClientSession() as session:
        served = Served(Scripted(), await serving(edge.application()), session)
        status, told = await served.ask("GET", "/v1/route?appId=talks&secure=1")
        assert (status, told["server"], told["secondary"]) == (200, *["wss://realtime.example.com"] * 2)
        assert told["ttl"] == 3600
        status, told = await served.ask("GET", "/v1/route?appId=silent&secure=1")
        assert (status, told) == (400, {"code": 1, "error": "there is no real time here, and so no server of it"})
        assert (await served.ask("GET", "/v1/route?appId=nobody&secure=1"))[0] == 401
