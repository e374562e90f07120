"""Files through a gateway, as HTTP: large ones in constant memory, parts of them, and what must not happen."""

from __future__ import annotations

import asyncio
import http.client
import itertools
import json
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.app import address_of, listen, make_app, plan, running
from tests.compiled import dialects
from tests.process import needs_proc, serving

MB = 1024**2
KEYS = {"X-Parse-Application-Id": "demo", "X-Parse-REST-API-Key": "rest"}
MASTER = {"X-Parse-Application-Id": "demo", "X-Parse-Master-Key": "master"}
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def config(folder: Path, **more: Any) -> Path:
    clients = {
        "parse": {"app_id": "demo", "rest_key": "rest", "javascript_key": "js", "master_key": "master"},
        "leancloud": {"app_id": "demo", "app_key": "key", "master_key": "master"},
        "backendless": {"app_id": "demo", "rest_key": "rest", "cloud_code_key": "cloud"},
    }
    app = {"name": "blog", "backend": "local", "clients": clients}
    app["files"] = {"uploads_by": "everybody", "max_size": "4MB", **more.pop("files", {})}
    settings = {
        "server": {"host": "127.0.0.1", "port": 0, "max_body": "1MB", "secret": "thirty-two letters of a server's"},
        "apps": [app],
        "backends": {"local": {"type": "embedded", "url": f"sqlite:///{folder}/data.db"}},
        **more,
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


class Server:
    """A gateway, and a client that knows its address. `kept` are the bytes in its storage."""

    def __init__(self, url: str, folder: Path, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.host = urlsplit(url).netloc
        self.folder = folder
        self.session = session

    async def ask(self, method: str, path: str, data: Any = None, **headers: str) -> tuple[int, Any, bytes]:
        url = path if path.startswith("http") else self.url + path
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(method, url, data=data, headers=named) as response:
            return response.status, response.headers, await response.read()

    async def keep(self, name: str, data: Any, **headers: str) -> str:
        """The address of a file that was uploaded."""
        status, _, body = await self.ask("POST", f"/parse/files/{name}", data, **{**KEYS, **headers})
        assert status == 201, body
        return str(json.loads(body)["url"])

    def kept(self) -> list[Path]:
        return [path for path in (self.folder / "data.files").rglob("*") if path.is_file()]

    async def objects(self) -> list[dict[str, Any]]:
        keys = {"X-LC-Id": "demo", "X-LC-Key": "master,master"}
        status, _, body = await self.ask("GET", "/1.1/classes/_File", **keys)
        assert status == 200, body
        return list(json.loads(body)["results"])


@pytest.fixture
async def server(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    more = getattr(request, "param", {})
    listening = listen("127.0.0.1", 0)
    async with (
        running(make_app(plan(config(tmp_path, files=more), {}, dialects())), listening, grace=1),
        aiohttp.ClientSession() as session,
    ):
        yield Server(address_of(listening), tmp_path, session)


# --- up and down ---


async def test_a_file_comes_back_as_it_was(server: Server) -> None:
    url = await server.keep("a b.txt", b"hello", Content_Type="text/plain")
    status, headers, body = await server.ask("GET", url)
    assert (status, body, headers["Content-Type"]) == (200, b"hello", "text/plain")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert len(server.kept()) == 1
    (found,) = await server.objects()
    assert (found["size"], found["mime_type"], found["name"][32:]) == (5, "text/plain", "_a b.txt")
    status, _, _ = await server.ask("DELETE", f"/parse/files/{found['name']}", **MASTER)
    assert status == 200
    assert (await server.ask("GET", url))[::2] == (404, b"File not found.")
    assert server.kept() == []
    assert await server.objects() == []


async def test_bytes_in_json_and_as_a_chunked_body(server: Server) -> None:
    inside = {"base64": "aGVsbG8=", "_ContentType": "text/plain", "_ApplicationId": "demo", "_JavaScriptKey": "js"}
    status, _, body = await server.ask("POST", "/parse/files/a.txt", json.dumps(inside), Content_Type="text/plain")
    assert status == 201
    assert (await server.ask("GET", json.loads(body)["url"]))[2] == b"hello"

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * MB

    assert len((await server.ask("GET", await server.keep("b.bin", pieces())))[2]) == 3 * MB


PARTS = [
    ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
    ("bytes=7-", 206, b"789", "bytes 7-9/10"),
    ("bytes=-2", 206, b"89", "bytes 8-9/10"),
    ("bytes=-99", 206, b"0123456789", "bytes 0-9/10"),
    ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
    ("bytes=10-", 416, b"", "bytes */10"),
    ("bytes=-0", 416, b"", "bytes */10"),
    ("bytes=3-2", 200, b"0123456789", None),
    ("bytes=0-1,4-5", 200, b"0123456789", None),
    ("lines=0-1", 200, b"0123456789", None),
    ("bytes=a-b", 200, b"0123456789", None),
]


async def test_parts(server: Server) -> None:
    url = await server.keep("digits.txt", b"0123456789")
    for asked, status, part, told in PARTS:
        found, headers, body = await server.ask("GET", url, Range=asked)
        assert (found, body, headers.get("Content-Range")) == (status, part, told), asked


async def test_a_client_that_has_it_is_not_sent_it_again(server: Server) -> None:
    url = await server.keep("digits.txt", b"0123456789")
    _, headers, _ = await server.ask("GET", url)
    tag, changed = headers["ETag"], headers["Last-Modified"]
    assert (await server.ask("GET", url, If_None_Match=tag))[::2] == (304, b"")
    assert (await server.ask("GET", url, If_None_Match=f'"x", W/{tag}'))[0] == 304
    assert (await server.ask("GET", url, If_None_Match='"x"'))[0] == 200
    assert (await server.ask("GET", url, If_Modified_Since=changed))[0] == 304
    assert (await server.ask("GET", url, If_Modified_Since="Sat, 01 Jan 2000 00:00:00 GMT"))[0] == 200
    assert (await server.ask("GET", url, Range="bytes=0-1", If_Range=tag))[0] == 206
    assert (await server.ask("GET", url, Range="bytes=0-1", If_Range='"other"'))[0] == 200
    status, headers, body = await server.ask("HEAD", url)
    assert (status, body, headers["Content-Length"]) == (200, b"", "10")


# --- what is refused, before its bytes are read ---


def raw(host: str, head: str, body: bytes = b"") -> bytes:
    """The first of the answer to a request of which no more than this is ever sent."""
    name, port = host.split(":")
    with socket.create_connection((name, int(port)), timeout=60) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
        connection.settimeout(60)
        return connection.recv(4096)


REFUSED = [
    ("X-Parse-Application-Id: nobody", 403, b"unauthorized"),
    ("X-Parse-Application-Id: demo\nX-Parse-REST-API-Key: wrong", 403, b"unauthorized"),
    (
        "X-Parse-Application-Id: demo\nX-Parse-REST-API-Key: rest",
        400,
        b"File size exceeds maximum allowed: 4194304 bytes.",
    ),
]


async def test_a_body_that_is_refused_is_not_waited_for(server: Server) -> None:
    for (headers, status, told), expect in itertools.product(REFUSED, ["", "\nExpect: 100-continue"]):
        head = f"POST /parse/files/a.bin HTTP/1.1\nHost: {server.host}\nContent-Length: 5000000\n{headers}{expect}"
        answer = await asyncio.to_thread(raw, server.host, head)
        assert answer.startswith(b"HTTP/1.1 %d " % status), answer
        assert told in answer
        assert server.kept() == []


async def test_a_client_that_waits_is_told_to_go_on(server: Server) -> None:
    head = f"POST /parse/files/a.bin HTTP/1.1\nHost: {server.host}\nContent-Length: 5\nExpect: 100-continue"
    head += "".join(f"\n{name}: {value}" for name, value in KEYS.items())
    answer = await asyncio.to_thread(raw, server.host, head)
    assert answer == b"HTTP/1.1 100 Continue\r\n\r\n"


async def test_more_than_there_may_be_leaves_nothing(server: Server) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"x" * MB

    status, _, body = await server.ask("POST", "/parse/files/b.bin", pieces(), **KEYS)
    assert (status, json.loads(body)["code"]) == (400, 130)
    assert server.kept() == []
    assert await server.objects() == []


async def test_an_upload_that_breaks_off_leaves_nothing(server: Server) -> None:
    head = f"POST /parse/files/a.bin HTTP/1.1\nHost: {server.host}\nContent-Length: 3000000"
    head += "".join(f"\n{name}: {value}" for name, value in KEYS.items())

    def send() -> None:
        name, port = server.host.split(":")
        with socket.create_connection((name, int(port)), timeout=60) as connection:
            connection.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + b"x" * MB)
            deadline = time.monotonic() + 60
            while not server.kept():
                assert time.monotonic() < deadline, "nothing arrives"

    await asyncio.to_thread(send)
    deadline = time.monotonic() + 60
    while server.kept():
        assert time.monotonic() < deadline, "it is not taken back"
        await server.ask("GET", "/_gateway/health")
    assert await server.objects() == []


NAMES = [
    (".hidden", 122, "Filename contains invalid characters."),
    ("a%2Fb.txt", 122, "Filename contains invalid characters."),
    ("%2e%2e%2fb.txt", 122, "Filename contains invalid characters."),
    ("a%00.txt", 122, "Filename contains invalid characters."),
    ("a%5Cb.txt", 122, "Filename contains invalid characters."),
    ("x" * 129, 122, "Filename too long."),
    ("page.html", 130, "File upload of extension html is disabled."),
    ("page.HTML", 130, "File upload of extension html is disabled."),
    ("drawing.svg", 130, "File upload of extension svg is disabled."),
]


@pytest.mark.parametrize(
    "whole",
    [
        b"abc\r\n--X--\r\n",
        b"abc\r\n--X--",
        b'abc\r\n--X\r\nContent-Disposition: form-data; name="key"\r\n\r\nx\r\n--X--\r\n',
    ],
)
async def test_a_form_is_whole_where_it_says_so(server: Server, whole: bytes) -> None:
    head = b'--X\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    form = {"Content-Type": "multipart/form-data; boundary=X"}
    status, _, body = await server.ask("POST", "/demo/cloud/files/a.txt", head + whole, **form)
    assert status == 200, body
    (kept,) = server.kept()
    assert kept.read_bytes() == b"abc"


TWO_FILES = b'abc\r\n--X\r\nContent-Disposition: form-data; name="b"; filename="b"\r\n\r\nx\r\n--X--\r\n'


@pytest.mark.parametrize(
    "end", [b"", b"abc", b"abc\r\n", b"abc\r\n--", b"abc\r\n--Y--\r\n", b"\r\n--X\r\n" * 2, TWO_FILES]
)
async def test_a_form_without_its_end_leaves_nothing(server: Server, end: bytes) -> None:
    head = b'--X\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    form = {"Content-Type": "multipart/form-data; boundary=X"}
    status, _, body = await server.ask("POST", "/demo/cloud/files/a.txt", head + end, **form)
    assert (status, server.kept()) == (400, []), body


async def test_names_and_endings(server: Server) -> None:
    for name, code, told in NAMES:
        status, _, body = await server.ask("POST", f"/parse/files/{name}", b"x", **KEYS)
        assert (status, json.loads(body)) == (400, {"code": code, "error": told}), name


async def test_a_type_is_asked_where_the_ending_says_nothing(server: Server) -> None:
    for name in ("page", "page.unknown"):
        status, _, body = await server.ask("POST", f"/parse/files/{name}", b"x", **KEYS, Content_Type="image/svg+xml")
        assert (status, json.loads(body)["code"]) == (400, 130)
    status, _, _ = await server.ask("POST", "/parse/files/x.txt", b"x", **KEYS, Content_Type="text/html")
    assert status == 201
    assert (await server.ask("POST", "/parse/files/page.html", b"x", **MASTER))[0] == 201


@pytest.mark.parametrize("server", [{"uploads_by": None}], indirect=True)
async def test_uploads_by_the_public_are_disabled_by_default(server: Server) -> None:
    status, _, body = await server.ask("POST", "/parse/files/a.txt", b"x", **KEYS)
    assert (status, json.loads(body)) == (400, {"code": 130, "error": "File upload by public is disabled."})
    guest = {"authData": {"anonymous": {"id": "2d9ea0ee-0b4f-4a86-8a4f-9f0f5a6b7c8d"}}}
    for user, told in (
        ({"username": "tom", "password": "secret"}, 201),
        (guest, {"code": 130, "error": "File upload by anonymous user is disabled."}),
    ):
        _, _, body = await server.ask("POST", "/parse/users", json.dumps(user), **KEYS)
        session = json.loads(body)["sessionToken"]
        status, _, body = await server.ask("POST", "/parse/files/a.txt", b"x", **KEYS, X_Parse_Session_Token=session)
        assert told in (status, json.loads(body))


async def test_what_is_for_the_master(server: Server) -> None:
    url = await server.keep("a.txt", b"x")
    name = url.rpartition("/")[2]
    assert (await server.ask("DELETE", f"/parse/files/{name}", **KEYS))[0] == 403
    status, _, body = await server.ask("POST", "/parse/files/a.txt", b"x", **KEYS, X_Parse_File_Directory="a/b")
    assert (status, json.loads(body)["code"]) == (400, 119)
    status, _, body = await server.ask("POST", "/parse/files/a.txt", b"x", **MASTER, X_Parse_File_Directory="a/b")
    assert status == 201
    told = json.loads(body)
    assert told["name"].startswith("a/b/")
    assert "/files/demo/a%2Fb%2F" in told["url"]
    assert (await server.ask("GET", told["url"]))[0] == 200
    assert (await server.ask("GET", f"/parse/files/demo/{told['name']}"))[0] == 200
    (found,) = [one for one in await server.objects() if one["name"][32:] == "_a.txt" and "a/b" not in one["key"]]
    keys = {"X-LC-Id": "demo", "X-LC-Key": "key", "Content-Type": "application/json"}
    status, _, _ = await server.ask("DELETE", f"/1.1/classes/_File/{found['objectId']}", **keys)
    assert status >= 400
    assert (await server.ask("GET", url))[0] == 200


async def test_the_bytes_of_a_file_are_no_answer_in_a_batch(server: Server) -> None:
    url = await server.keep("a.txt", b"x")
    requests = [{"method": "GET", "path": urlsplit(url).path}]
    keys = {**KEYS, "Content-Type": "application/json"}
    status, _, body = await server.ask("POST", "/parse/batch", json.dumps({"requests": requests}), **keys)
    assert (status, json.loads(body)[0]["error"]["code"]) == (200, 108)


# --- what must not happen ---


ACTIVE = [("a.svg", "image/svg+xml"), ("a.html", "text/html"), ("a.xhtml", "application/xhtml+xml"), ("a", "text/xml")]


async def test_nothing_of_an_upload_runs_in_the_origin_of_the_gateway(server: Server) -> None:
    for name, mime_type in ACTIVE:
        status, _, body = await server.ask("POST", f"/parse/files/{name}", SVG, **MASTER, Content_Type=mime_type)
        assert status == 201
        status, headers, _ = await server.ask("GET", json.loads(body)["url"])
        assert status == 200
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Disposition"].startswith("attachment")
        assert "sandbox" in headers["Content-Security-Policy"]


NOWHERE = [
    "../data.db",
    "..%2fdata.db",
    "%2e%2e/data.db",
    "%2e%2e%2fdata.db",
    "%252e%252e%252fdata.db",
    "..%5cdata.db",
    "..\\data.db",
    "a.txt%00.png",
    "%00",
    "....//data.db",
    "%c0%ae%c0%ae/data.db",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "./data.db",
    "a/../../data.db",
    "x" * 3000,
]


async def test_no_spelling_of_a_path_leads_out(server: Server) -> None:
    await server.keep("a.txt", b"x")
    places = ("/parse/files/demo/", "/1/files/demo/", "/demo/rest/files/", "/api/files/", "/parse/files/demo/metadata/")
    for place, path in itertools.product(places, NOWHERE):
        answer = await asyncio.to_thread(raw, server.host, f"GET {place}{path} HTTP/1.1\nHost: {server.host}")
        status = int(answer.split(b" ")[1])
        assert 400 <= status < 500 or answer.endswith(b"{}"), answer
        assert b"SQLite" not in answer
        assert b"root:" not in answer


async def test_a_link_in_the_storage_is_not_followed(server: Server) -> None:
    url = await server.keep("a.txt", b"x")
    (path,) = server.kept()
    path.unlink()
    path.symlink_to(server.folder / "data.db")
    assert (await server.ask("GET", url))[0] == 503


@pytest.mark.parametrize("server", [{"public": False}], indirect=True)
async def test_signed_addresses(server: Server) -> None:
    url = await server.keep("a.txt", b"x")
    path, _, query = url.partition("?")
    assert "signature=" in query
    assert (await server.ask("GET", url))[0] == 200
    assert (await server.ask("GET", path))[0] == 403
    assert (await server.ask("GET", f"{path}?{query[:-1]}{(int(query[-1]) + 1) % 10}"))[0] == 403
    other = await server.keep("b.txt", b"x")
    assert (await server.ask("GET", f"{other.partition('?')[0]}?{query}"))[0] == 403
    # and in an object: the client sends the address back, and is told one that holds
    file = {"__type": "File", "name": path.rpartition("/")[2], "url": url}
    keys = {**KEYS, "Content-Type": "application/json"}
    _, _, body = await server.ask("POST", "/parse/classes/Post", json.dumps({"file": file}), **keys)
    _, _, body = await server.ask("GET", f"/parse/classes/Post/{json.loads(body)['objectId']}", **keys)
    told = json.loads(body)["file"]
    assert told["name"] == file["name"]
    assert (await server.ask("GET", told["url"]))[0] == 200


# --- from elsewhere ---


async def test_a_file_is_fetched_from_where_the_owner_lets_it_be(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=request.path.encode(), content_type="text/plain")

    elsewhere = web.Application()
    elsewhere.router.add_get("/{any:.*}", answer)
    async with TestServer(elsewhere) as there:
        path = config(tmp_path)
        settings = yaml.safe_load(path.read_text())
        settings["apps"][0]["fetch"] = {"hosts": [f"127.0.0.1:{there.port}"], "private": True}
        path.write_text(yaml.safe_dump(settings))
        app, listening = make_app(plan(path)), listen("127.0.0.1", 0)
        async with running(app, listening, grace=1), aiohttp.ClientSession() as session:
            server = Server(address_of(listening), tmp_path, session)

            async def fetched(target: str, url: str) -> tuple[int, Any]:
                body = json.dumps({"url": url})
                status, _, answered = await server.ask("POST", target, body, Content_Type="application/json")
                return status, json.loads(answered or b"null")

            status, told = await fetched("/demo/rest/files/a/b.txt", f"http://127.0.0.1:{there.port}/x.txt")
            assert status == 200, told
            status, headers, body = await server.ask("GET", told["fileURL"])
            assert (status, headers["Content-Type"], body) == (200, "text/plain", b"/x.txt")
            assert (await fetched("/demo/rest/files/append/a/b.txt", f"http://127.0.0.1:{there.port}/y"))[0] == 200
            assert (await server.ask("GET", told["fileURL"]))[2] == b"/x.txt/y"
            # another port of the same machine is another place; and a directory is no file
            assert (await fetched("/demo/rest/files/c.txt", f"{server.url}/_gateway/health"))[0] in (400, 403)
            assert (await fetched("/demo/rest/files/dir/", f"http://127.0.0.1:{there.port}/x.txt"))[0] == 400
            assert (await server.ask("POST", "/demo/rest/files/dir/"))[0] == 200


# --- in constant memory ---


SIZE = 1024 * MB


@needs_proc
def test_a_file_of_a_gigabyte_takes_no_memory(tmp_path: Path) -> None:
    path = config(tmp_path, files={"max_size": "2GB"})
    block = b"0123456789abcdef" * 65536
    with serving(tmp_path, "--config", str(path)) as gateway:
        host, port = urlsplit(gateway.address).netloc.split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=200)
        connection.request("POST", "/parse/files/warm.bin", b"x" * MB, KEYS)
        connection.getresponse().read()
        before, most = gateway.memory(), 0

        def blocks() -> Iterator[bytes]:
            nonlocal most
            for at in range(SIZE // MB):
                if at % 16 == 0:
                    most = max(most, gateway.memory())
                yield block

        started = time.monotonic()
        connection.request("POST", "/parse/files/large.bin", blocks(), {**KEYS, "Content-Length": str(SIZE)})
        told = json.load(connection.getresponse())
        up = time.monotonic() - started
        connection.request("GET", urlsplit(told["url"]).path)
        response = connection.getresponse()
        size, right = 0, True
        while piece := response.read(MB):
            size, right = size + len(piece), right and piece == block[: len(piece)]
            if size % (16 * MB) == 0:
                most = max(most, gateway.memory())
        down = time.monotonic() - started - up
        connection.close()
    print(f"1 GB: up {up:.1f} s, down {down:.1f} s, memory {before / MB:.0f} MB, at most {most / MB:.0f} MB")
    assert (size, right) == (SIZE, True)
    assert most - before < 50 * MB
