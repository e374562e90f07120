"""A backend that is somebody else's server, and does not behave: what its clients hear, and what it hears of them."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp import ClientConnectorDNSError, ClientPayloadError, ServerDisconnectedError
from aioresponses import aioresponses

from gateway.app import address_of, listen, make_app, plan, running
from gateway.backends.remote import Address, Patience, Remote
from gateway.dialects.credentials import LONGEST_CONTEXT
from gateway.dialects.dialect import Dialect
from gateway.errors import Code, GatewayError
from gateway.model.files import Content, SaveFile
from gateway.model.operation import Caller, Create, Delete, Find, Get, Update
from gateway.model.query import Condition, Op
from gateway.model.services import CallFunction
from gateway.model.update import Set
from gateway.model.values import File
from tests import compiled
from tests.faulty import (
    Faulty,
    Way,
    answering,
    faulty_server,
    hanging,
    hanging_in_mid_body,
    http,
    resetting,
    resetting_in_mid_body,
    sending,
)
from tests.process import LEANCLOUD, PARSE

PATIENCE = Patience(timeout=30, connect_timeout=30, retries=2, failures_until_open=1000, open_for=0.05)
KEYS = {"javascript_key": "their-js", "master_key": "their-master"}
CLIENT = Caller(app="blog")
MASTER = Caller(app="blog", master=True)
FIND = Find(class_name="Note", limit=100)
CREATE = Create(class_name="Note", changes={"a": Set(1)})
MADE = {"objectId": "a1", "createdAt": "2026-01-02T03:04:05.678Z"}
HTML = b"<html><body>Bad Gateway</body></html>"

FAULTS: Mapping[str, tuple[Way, bool]] = {
    # the way, and whether what only reads is asked again
    "resets": (resetting, True),
    "resets in mid-body": (resetting_in_mid_body, True),
    "closes without a word": (sending(b""), True),
    "hangs": (hanging, False),  # the time is up
    "hangs in mid-body": (hanging_in_mid_body, False),
    "speaks no HTTP": (sending(b"\x16\x03\x01 what is this?\r\n\r\n"), True),
    "500 in HTML": (sending(http("500 Internal Server Error", HTML, "Content-Type: text/html")), False),
    "500 of a database": (answering({"code": 1, "error": "column x of table secret"}, "500 Error"), False),
    "502 in HTML": (sending(http("502 Bad Gateway", HTML, "Content-Type: text/html")), True),
    "503 in JSON": (answering({"code": 1, "error": "busy"}, "503 Busy"), True),
    "200 in HTML": (sending(http("200 OK", HTML, "Content-Type: text/html")), False),
    "garbage": (sending(http("200 OK", b"\xff\xfe\x00garbage")), False),
    "half of the JSON": (sending(http("200 OK", b'{"results": [{"objectId"')), False),
    "other JSON": (answering(["not", "an", "answer"]), False),
    "a number that is none": (sending(http("200 OK", b'{"results": NaN}')), False),
    "nothing": (sending(http("200 OK", b"")), False),
    "JSON without end": (sending(http("200 OK", b"[" * 100_000)), False),
    "gzip that is none": (sending(http("200 OK", b"not gzip", "Content-Encoding: gzip")), True),
    "sends elsewhere": (sending(http("302 Found", b"", "Location: http://127.0.0.1:1/")), False),
    "does not know the keys": (answering({"error": "unauthorized"}, "403 Forbidden"), False),
    "is not there": (sending(http("404 Not Found", HTML, "Content-Type: text/html")), False),
}
LATE = {"hangs", "hangs in mid-body"}


def time_for(fault: str) -> str:
    """Little for who never answers; others need as much as a machine takes that has much to do."""
    return "400ms" if fault in LATE else "30s"


FRONTS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "parse": ("/parse", PARSE),
    "leancloud": ("/1.1", LEANCLOUD),
    "backendless": ("/demo/demo-rest", {}),
}
NOTES: Mapping[str, str] = {"parse": "/classes/Note", "leancloud": "/classes/Note", "backendless": "/data/Note"}
COLUMNS = {"Note": {"a": "number"}}


@asynccontextmanager
async def remote(
    url: str, dialect: Dialect, patience: Patience = PATIENCE, keys: Mapping[str, str] = KEYS
) -> AsyncIterator[Remote]:
    backend = Remote(Address(name="server", url=url, app_id="their-app", keys=keys), dialect, patience)
    try:
        yield backend
    finally:
        await backend.close()


# --- what clients hear ---

Ask = Callable[..., Awaitable[tuple[int, Any]]]


def config(url: str, **backend: Any) -> dict[str, Any]:
    clients = {
        "parse": {"app_id": "demo", "rest_key": "demo-rest", "master_key": "demo-master"},
        "leancloud": {"app_id": "demo", "app_key": "demo-key", "master_key": "demo-master"},
    }
    server = {"type": "parse", "url": f"{url}/parse", "app_id": "their-app", **KEYS, "timeout": "30s"}
    if "columns" in backend:  # then the server is not asked for any, and its master not needed
        del server["master_key"]
        clients["backendless"] = {"app_id": "demo", "rest_key": "demo-rest"}
    return {
        "apps": [{"name": "blog", "backend": "server", "clients": clients}],
        "backends": {"server": {**server, "connect_timeout": "30s", "failures_until_open": 1000, **backend}},
    }


@asynccontextmanager
async def gateway(folder: Path, url: str, told: Mapping[str, Any] | None = None, **backend: Any) -> AsyncIterator[Ask]:
    """Asks a gateway in front of that server, as a client of any dialect. `told` is its config, if it is another."""
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config(url, **backend) if told is None else dict(told)), encoding="utf-8")
    app = make_app(plan(path, {}, compiled.dialects()))
    with listen("127.0.0.1", 0) as listening:
        async with running(app, listening, grace=5), aiohttp.ClientSession() as session:
            address = address_of(listening)

            async def ask(dialect: str, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
                mount, own = FRONTS[dialect]
                sent = {name: value for name, value in {**own, **headers}.items() if value}
                async with session.request(method, f"{address}{mount}{path}", json=body, headers=sent) as answer:
                    return answer.status, await answer.json()

            yield ask


@pytest.mark.parametrize("fault", FAULTS)
async def test_each_client_hears_of_a_fault_in_its_own_dialect(
    fault: str, tmp_path: Path, dialects: Mapping[str, Dialect]
) -> None:
    way, again = FAULTS[fault]
    code = Code.TIMEOUT if fault in LATE else Code.UNAVAILABLE
    async with (
        faulty_server(way) as server,
        gateway(tmp_path, server.url, columns=COLUMNS, timeout=time_for(fault)) as ask,
    ):
        for name in FRONTS:
            for method, body in (("GET", None), ("POST", {"a": 1}), ("PUT", {"a": 2}), ("DELETE", None)):
                path = NOTES[name] if method in ("GET", "POST") else f"{NOTES[name]}/a1"
                server.arrived.clear()
                began = time.monotonic()
                status, told = await ask(name, method, path, body)
                assert time.monotonic() - began < 15  # long before the time of the others is up
                expected = dialects[name].write_error(GatewayError(code, ""))
                assert (status, told["code"], told.keys()) == (
                    expected.status,
                    expected.body["code"],
                    expected.body.keys(),
                ), told
                # what was asked, and how, is nobody's business
                assert not any(word in json.dumps(told) for word in ("127.0.0.1", "secret", "their", "Note"))
                if server.arrived or fault not in LATE:  # its time may have been up before it was there
                    assert len(server.arrived) == (3 if again and method == "GET" else 1), method


async def test_a_server_that_is_not_there(tmp_path: Path, dialects: Mapping[str, Dialect]) -> None:
    with listen("127.0.0.1", 0) as taken:
        nobody = address_of(taken)
    async with gateway(tmp_path, nobody, columns=COLUMNS) as ask:
        for name, path in NOTES.items():
            expected = dialects[name].write_error(GatewayError(Code.UNAVAILABLE, "")).status
            assert (await ask(name, "GET", path))[0] == expected
            assert (await ask(name, "POST", path, {"a": 1}))[0] == expected


@pytest.mark.parametrize("fault", FAULTS)
async def test_where_the_columns_cannot_be_learned_nothing_is_done(
    fault: str, tmp_path: Path, dialects: Mapping[str, Dialect]
) -> None:
    """Clients whose values do not tell their types: without columns nobody knows what they mean."""
    way, _ = FAULTS[fault]
    code = Code.TIMEOUT if fault in LATE else Code.UNAVAILABLE
    async with faulty_server(way) as server:
        told_config = config(server.url, timeout=time_for(fault))
        told_config["apps"][0]["clients"] = {"backendless": {"app_id": "demo", "rest_key": "demo-rest"}}
        async with gateway(tmp_path, server.url, told_config) as ask:
            status, told = await ask("backendless", "POST", "/data/Note", {"a": 1})
            expected = dialects["backendless"].write_error(GatewayError(code, ""))
            assert (status, told["code"]) == (expected.status, expected.body["code"])
            assert {arrived.target for arrived in server.arrived} <= {"/parse/schemas"}


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system has no /proc")
async def test_after_a_thousand_faults_no_socket_is_left_and_all_goes_on_by_itself(tmp_path: Path) -> None:
    ways = [way for name, (way, _) in FAULTS.items() if name not in LATE]
    async with (
        faulty_server(answering({"results": []})) as server,
        gateway(tmp_path, server.url, failures_until_open=2000, retries=0, columns=COLUMNS) as ask,
    ):
        well = {"parse": {"results": []}, "leancloud": {"results": []}, "backendless": []}
        for name, path in NOTES.items():
            assert await ask(name, "GET", path) == (200, well[name])
        before = open_files()
        fronts = list(NOTES.items())
        for at in range(1000):
            server.way = ways[at % len(ways)]
            name, path = fronts[at % len(fronts)]
            status, _ = await ask(name, "POST" if at % 2 else "GET", path, {"a": 1} if at % 2 else None)
            assert status >= 400
        server.way = answering({"results": []})
        for name, path in NOTES.items():
            assert await ask(name, "GET", path) == (200, well[name])
        async with asyncio.timeout(30):
            while open_files() > before + 3:  # noqa: ASYNC110 - nothing tells that a file was closed
                await asyncio.sleep(0.01)
        assert len(server.arrived) == 1006


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


# --- what the server hears ---


async def test_a_server_that_fails_is_left_alone_for_a_while(dialects: Mapping[str, Dialect]) -> None:
    patience = Patience(timeout=30, retries=0, failures_until_open=3, open_for=300)
    async with (
        faulty_server(resetting) as server,
        remote(f"{server.url}/parse", dialects["parse"], patience) as backend,
    ):
        for _ in range(20):
            with pytest.raises(GatewayError) as refused:
                await backend.execute(FIND, CLIENT)
            assert refused.value.code is Code.UNAVAILABLE
        assert len(server.arrived) == 3
        server.way = answering({"results": []})
        backend._breaker._pause = 0  # the while is over
        assert (await backend.execute(FIND, CLIENT)).objects == []
        assert len(server.arrived) == 4


async def test_errors_of_clients_say_nothing_about_the_servers_health(dialects: Mapping[str, Dialect]) -> None:
    patience = Patience(timeout=30, retries=0, failures_until_open=2, longest_answer=2000)
    bad = answering({"code": 102, "error": "bad query"}, "400 Bad Request")
    broken = answering({"code": 1, "error": "text of a database"}, "500 Error")
    long = answering({"results": [{"objectId": "x" * 3000}]})
    async with faulty_server(bad) as server, remote(f"{server.url}/parse", dialects["parse"], patience) as backend:
        for way, code in ((bad, Code.BAD_QUERY), (broken, Code.UNAVAILABLE), (long, Code.UNAVAILABLE)):
            server.way = way
            for _ in range(4):
                with pytest.raises(GatewayError) as refused:
                    await backend.execute(FIND, CLIENT)
                assert refused.value.code is code
                assert "database" not in refused.value.message
        assert len(server.arrived) == 12


async def test_what_code_of_an_app_says_of_itself_is_told(dialects: Mapping[str, Dialect]) -> None:
    patience = replace(PATIENCE, failures_until_open=1)
    said = answering({"code": 1, "error": "the code did not answer"}, "503 Service Unavailable")
    async with faulty_server(said) as server, remote(f"{server.url}/parse", dialects["parse"], patience) as backend:
        for _ in range(2):  # the server is well
            with pytest.raises(GatewayError, match="the code did not answer") as refused:
                await backend.execute(CallFunction(name="f"), CLIENT)
            assert refused.value.code is Code.UNAVAILABLE
        assert len(server.arrived) == 2
        with pytest.raises(GatewayError, match="could not be understood"):
            await backend.execute(CREATE, CLIENT)


async def test_a_context_goes_on_to_the_code_behind_a_server(dialects: Mapping[str, Dialect]) -> None:
    async with (
        faulty_server(answering({"result": 1})) as server,
        remote(f"{server.url}/parse", dialects["parse"]) as backend,
    ):
        await backend.execute(CallFunction(name="f"), replace(CLIENT, context={"k": "é"}))
        [asked] = server.arrived
        assert asked.headers["x-parse-cloud-context"] == '{"k":"\\u00e9"}'
        with pytest.raises(GatewayError, match="characters at most"):
            await backend.execute(CallFunction(name="f"), replace(CLIENT, context={"k": "x" * LONGEST_CONTEXT}))


async def test_a_small_answer_cannot_become_a_large_one(dialects: Mapping[str, Dialect]) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    way = sending(http("200 OK", bomb, "Content-Encoding: gzip"))
    patience = Patience(timeout=30, longest_answer=1_000_000)
    async with faulty_server(way) as server, remote(f"{server.url}/parse", dialects["parse"], patience) as backend:
        with pytest.raises(GatewayError, match="longer than the gateway takes"):
            await backend.execute(FIND, CLIENT)


async def test_retries_end_with_the_budget(dialects: Mapping[str, Dialect]) -> None:
    patience = Patience(timeout=30, retries=2, failures_until_open=1000)
    async with (
        faulty_server(resetting) as server,
        remote(f"{server.url}/parse", dialects["parse"], patience) as backend,
    ):
        for _ in range(30):
            with pytest.raises(GatewayError):
                await backend.execute(Get(class_name="Note", id="a1"), CLIENT)
        assert 30 + 10 <= len(server.arrived) <= 30 + 13


async def test_a_write_on_a_connection_that_was_kept_open_is_not_sent_twice(dialects: Mapping[str, Dialect]) -> None:
    async def first_answers(faulty: Faulty, arrived: Any, writer: asyncio.StreamWriter) -> None:
        if len(faulty.arrived) % 2:
            await answering({"results": []})(faulty, arrived, writer)
        else:
            writer.close()

    async with faulty_server(first_answers) as server, remote(f"{server.url}/parse", dialects["parse"]) as backend:
        for write in (
            Update(class_name="Note", id="a1", changes={"a": Set(1)}),
            Delete(class_name="Note", ids=("a1",)),
            CREATE,
        ):
            server.arrived.clear()
            await backend.execute(FIND, CLIENT)
            with pytest.raises(GatewayError, match="whether it was done is not known"):
                await backend.execute(write, CLIENT)
            assert [arrived.method for arrived in server.arrived[1:]] == [server.arrived[-1].method]


async def test_the_keys_are_those_of_the_configuration(tmp_path: Path) -> None:
    async with faulty_server(answering(MADE, "201 Created")) as server, gateway(tmp_path, server.url) as ask:
        session = {"X-Parse-Session-Token": "r:abc", "X-Parse-Installation-Id": "inst"}
        await ask("parse", "POST", "/classes/Note", {"a": 1}, **session)
        await ask("parse", "POST", "/classes/Note", {"a": 1}, **session, **{"X-Parse-Master-Key": "demo-master"})
        await ask("parse", "POST", "/classes/Note", {"a": 1}, **{"X-Parse-Master-Key": "their-master"})
        await ask("leancloud", "POST", "/classes/Note", {"a": 1}, **{"X-LC-Session": "r:def"})
        await ask("leancloud", "POST", "/classes/Note", {"a": 1}, **{"X-LC-Key": "demo-master,master"})
        ours = [
            {name: value for name, value in arrived.headers.items() if name.startswith("x-")}
            for arrived in server.arrived
        ]
    app, client = {"x-parse-application-id": "their-app"}, {"x-parse-javascript-key": "their-js"}
    who = {"x-parse-session-token": "r:abc", "x-parse-installation-id": "inst"}
    master = {"x-parse-master-key": "their-master"}
    assert ours == [
        {**app, **client, **who},
        {**app, **master, **who},
        {**app, **client},  # the server's own master key means nothing to the gateway
        {**app, **client, "x-parse-session-token": "r:def"},
        {**app, **master},
    ]


async def test_without_a_master_key_nobody_is_the_master(dialects: Mapping[str, Dialect]) -> None:
    async with (
        faulty_server(answering({"results": []})) as server,
        remote(f"{server.url}/parse", dialects["parse"], keys={"javascript_key": "their-js"}) as backend,
    ):
        with pytest.raises(GatewayError, match="no master key") as refused:
            await backend.execute(FIND, MASTER)
        assert (refused.value.code, server.arrived) == (Code.UNSUPPORTED, [])


@pytest.mark.parametrize("token", ["r:a\r\nX-Parse-Master-Key: their-master", "r:\u00e4", "r:\x00"])
async def test_a_token_out_of_a_body_becomes_no_header_of_its_own(token: str, tmp_path: Path) -> None:
    async with faulty_server(answering({"results": []})) as server, gateway(tmp_path, server.url) as ask:
        inside = {"_method": "GET", "_ApplicationId": "demo", "_JavaScriptKey": "x", "_SessionToken": token}
        headers = {"X-Parse-Application-Id": "", "X-Parse-REST-API-Key": ""}
        body = {**inside, "_MasterKey": "demo-master"}
        status, told = await ask("parse", "POST", "/classes/Note", body, **headers)
        assert (status, told["code"], server.arrived) == (400, 209, [])


@pytest.mark.parametrize("field", ["_method", "_MasterKey", "_SessionToken", "_ApplicationId", "1st", "a-b"])
async def test_a_field_of_one_dialect_is_no_order_in_another(field: str, tmp_path: Path) -> None:
    """LeanCloud lets a field begin with `_`; in the body of a request to Parse Server some of these would be obeyed."""
    async with faulty_server(answering(MADE, "201 Created")) as server, gateway(tmp_path, server.url) as ask:
        for method, path in (("POST", "/classes/Note"), ("PUT", "/classes/Note/a1")):
            status, _ = await ask("leancloud", method, path, {field: "DELETE"}, **{"X-LC-Id": "demo"})
            assert (status >= 400, server.arrived) == (True, [])
        batch = {"requests": [{"method": "POST", "path": "/1.1/classes/Note", "body": {field: "DELETE"}}]}
        status, told = await ask("leancloud", "POST", "/batch", batch)
        assert (status, "error" in told[0], server.arrived) == (200, True, [])


async def test_a_long_query_goes_in_a_body(dialects: Mapping[str, Dialect]) -> None:
    long = Find(class_name="Note", limit=100, where=Condition("a", Op.IN, ["x" * 50] * 100))
    async with (
        faulty_server(answering({"results": []})) as server,
        remote(f"{server.url}/parse", dialects["parse"]) as backend,
    ):
        assert (await backend.execute(FIND, CLIENT)).objects == []
        assert (await backend.execute(long, CLIENT)).objects == []
    short, tunnelled = server.arrived
    assert (short.method, short.target, short.body) == ("GET", "/parse/classes/Note", b"")
    assert (tunnelled.method, tunnelled.target) == ("POST", "/parse/classes/Note")
    assert tunnelled.json()["_method"] == "GET"
    assert len(json.loads(tunnelled.json()["where"])["a"]["$in"]) == 100


async def test_a_mount_has_holes_for_what_the_configuration_says(dialects: Mapping[str, Dialect]) -> None:
    dialect = next(dialect for dialect in dialects.values() if dialect.credentials.holes)
    keys = dict.fromkeys(dialect.key_names, "their-key")
    async with (
        faulty_server(answering([])) as server,
        remote(f"{server.url}{dialect.mounts[0]}", dialect, keys=keys) as backend,
    ):
        await backend.execute(FIND, CLIENT)
        assert server.arrived[0].target.startswith("/their-app/their-key/")


@pytest.mark.parametrize(
    "error",
    [
        ClientConnectorDNSError(None, OSError("no such host their-host")),  # type: ignore[arg-type]
        ClientPayloadError("not enough data for their-host"),
        ServerDisconnectedError(),
        ValueError("http://their-host/"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_what_no_server_of_ours_can_do(
    error: Exception, dialects: Mapping[str, Dialect], caplog: pytest.LogCaptureFixture
) -> None:
    with aioresponses() as network:
        async with remote("http://their-host/parse", dialects["parse"]) as backend:
            network.post("http://their-host/parse/classes/Note", exception=error)
            with pytest.raises(GatewayError) as refused:
                await backend.execute(CREATE, CLIENT)
    assert refused.value.code is Code.UNAVAILABLE
    assert "their-host" not in refused.value.message + caplog.text


# --- files ---


@dataclass(frozen=True, slots=True)
class Passing:
    """Bytes on their way, which are in no memory yet."""

    pieces: tuple[bytes, ...]
    size: int | None = None
    mime_type: str | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece


@pytest.mark.parametrize("size", [5, None])
async def test_a_file_goes_as_the_part_of_a_form(dialects: Mapping[str, Dialect], size: int | None) -> None:
    async with (
        faulty_server(answering({"fileURL": "http://their-host/their-app/other-key/files/notes/a%20b.txt"})) as server,
        remote(f"{server.url}/{{app_id}}/{{api_key}}", dialects["backendless"], keys={"rest_key": "k"}) as backend,
    ):
        told = await backend.execute(
            SaveFile(path="notes/a b.txt", mime_type="text/x-notes", content=Passing((b"hel", b"lo"), size)), CLIENT
        )
        [arrived] = server.arrived
    assert told.file == File(name="notes/a b.txt")  # whichever key its address has
    assert (arrived.method, arrived.target) == ("POST", "/their-app/k/files/notes/a%20b.txt")
    boundary = arrived.headers["content-type"].removeprefix("multipart/form-data; boundary=")
    assert (
        arrived.body
        == (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a b.txt"\r\n'
            f"Content-Type: text/x-notes\r\n\r\nhello\r\n--{boundary}--\r\n"
        ).encode()
    )


@dataclass(frozen=True, slots=True)
class Stalling:
    """A client that sends a little, and then nothing until it is told to."""

    sent: asyncio.Event
    more: asyncio.Event
    size: int | None = None
    mime_type: str | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"a little"
        self.sent.set()
        await self.more.wait()
        yield b", and the rest"


@dataclass(frozen=True, slots=True)
class BreakingOff:
    """A client that is gone before all has arrived."""

    size: int | None = None
    mime_type: str | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"a little"
        raise GatewayError(Code.BAD_REQUEST, "the body of the request broke off")


def saving(content: Content) -> SaveFile:
    return SaveFile(path="a.txt", mime_type="text/plain", content=content, unique=True)


async def test_a_server_that_takes_a_file_and_never_answers_is_waited_for_as_for_any_answer(
    dialects: Mapping[str, Dialect],
) -> None:
    patience = Patience(timeout=2, connect_timeout=30)
    async with faulty_server(hanging) as server, remote(f"{server.url}/parse", dialects["parse"], patience) as backend:
        with pytest.raises(GatewayError) as raised:
            await backend.execute(saving(Passing((b"hello",), 5)), CLIENT)
        assert len(server.arrived) == 1, "a write is not sent again"
    assert raised.value.code is Code.TIMEOUT
    assert "whether it was done is not known" in raised.value.message


async def test_a_slow_client_has_more_time_than_the_server(dialects: Mapping[str, Dialect]) -> None:
    patience = Patience(timeout=2, connect_timeout=30)
    told = answering({"name": "1_a.txt", "url": "http://their-host/parse/files/their-app/1_a.txt"}, "201 Created")
    sent, more = asyncio.Event(), asyncio.Event()
    async with faulty_server(told) as server, remote(f"{server.url}/parse", dialects["parse"], patience) as backend:
        saved = asyncio.create_task(backend.execute(saving(Stalling(sent, more)), CLIENT))
        await sent.wait()
        done, _ = await asyncio.wait({saved}, timeout=2.5)
        assert not done, "the server's time does not pass while the client is waited for"
        more.set()
        assert (await saved).file is not None
        assert server.arrived[0].body == b"a little, and the rest"


@pytest.mark.parametrize("size", [None, 100])
async def test_who_breaks_off_an_upload_keeps_nobody_from_the_server(
    dialects: Mapping[str, Dialect], size: int | None
) -> None:
    patience = Patience(timeout=30, connect_timeout=30, failures_until_open=2, open_for=300)
    async with (
        faulty_server(answering({"results": []})) as server,
        remote(f"{server.url}/parse", dialects["parse"], patience) as backend,
    ):
        for _ in range(4):
            with pytest.raises(GatewayError) as told:
                await backend.execute(saving(BreakingOff(size)), CLIENT)
            assert told.value.code is Code.BAD_REQUEST
        assert (await backend.execute(FIND, CLIENT)).objects == []


async def test_files_that_are_slow_stand_in_nobodys_way(dialects: Mapping[str, Dialect]) -> None:
    patience = Patience(timeout=2, connect_timeout=30, connections=2, failures_until_open=1)
    more = asyncio.Event()
    async with (
        faulty_server(answering({"results": [], "name": "a", "url": "http://x/a"})) as server,
        remote(f"{server.url}/parse", dialects["parse"], patience) as backend,
    ):
        under_way = [asyncio.Event(), asyncio.Event()]
        slow = [asyncio.create_task(backend.execute(saving(Stalling(sent, more)), CLIENT)) for sent in under_way]
        for sent in under_way:
            await sent.wait()
        with pytest.raises(GatewayError, match="too much is under way"):
            await backend.execute(saving(Passing((b"x",), 1)), CLIENT)
        # who has waited for a place says nothing of the server, which the breaker would keep others from
        assert (await backend.execute(FIND, CLIENT)).objects == []
        more.set()
        assert [(await one).file for one in slow] == [File(name="a", url="http://x/a")] * 2
