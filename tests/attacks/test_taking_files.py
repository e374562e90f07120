"""Files: nobody reads, names, replaces or runs what is not theirs, by whatever dialect and address."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp
import pytest
import yaml
from yarl import URL

from gateway import contents
from gateway.app import Plan, make_app
from gateway.settings import load_settings
from tests.attacks.town import SESSIONS
from tests.compiled import dialects
from tests.conftest import Serving

SECRET = b"what nobody may read"
KEYS: Mapping[str, Mapping[str, str]] = {
    "parse": {"X-Parse-Application-Id": "{app}", "X-Parse-REST-API-Key": "{app}-rest"},
    "leancloud": {"X-LC-Id": "{app}", "X-LC-Key": "{app}-key"},
    "backendless": {},
}
MASTERS: Mapping[str, Mapping[str, str]] = {
    "parse": {"X-Parse-Application-Id": "{app}", "X-Parse-Master-Key": "{app}-master"},
    "leancloud": {"X-LC-Id": "{app}", "X-LC-Key": "{app}-master,master"},
    "backendless": {},
}
TOKENS = {**SESSIONS, "backendless": "user-token"}
LONGEST = 100_000


@dataclass(frozen=True)
class Told:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Street:
    """A gateway with two apps, `one` and `two`, each on a store of its own, whose clients speak every dialect."""

    def __init__(self, url: str, folder: Path, session: aiohttp.ClientSession) -> None:
        self.url, self.folder, self.session = url, folder, session
        self.tokens: dict[str, str] = {}

    def mount(self, dialect: str, app: str = "one", *, master: bool = False) -> str:
        key = f"{app}-code" if master else f"{app}-rest"
        return {"parse": "/parse", "leancloud": "/1.1", "backendless": f"/{app}/{key}"}[dialect]

    async def ask(
        self,
        dialect: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        app: str = "one",
        who: str | None = None,
        master: bool = False,
        **headers: str,
    ) -> Told:
        """`path` is below the mount; a body is bytes, a form, or JSON."""
        known = (MASTERS if master else KEYS)[dialect]
        sent = {name: text.format(app=app) for name, text in known.items()}
        if who is not None:
            sent[TOKENS[dialect]] = self.tokens[who]
        if isinstance(body, dict | list):
            body = json.dumps(body)
            sent["Content-Type"] = "application/json"
        elif isinstance(body, bytes):
            sent["Content-Type"] = "text/plain"
        sent |= {name.replace("_", "-"): text for name, text in headers.items()}
        return await self.open(self.mount(dialect, app, master=master) + path, method, body, sent)

    async def open(
        self, path: str, method: str = "GET", body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Told:
        url = URL(path if path.startswith("http") else self.url + path, encoded=True)
        async with self.session.request(method, url, data=body, headers=headers) as response:
            return Told(response.status, response.headers, await response.read())

    async def keep(self, name: str, body: bytes = SECRET, mime_type: str = "text/plain") -> str:
        """The address of a file of the victim's, which came by an SDK of Parse's: only the master changes it."""
        made = await self.ask("parse", "POST", f"/files/{name}", body, who="victim", Content_Type=mime_type)
        assert made.status == 201, made
        return str(made.json["url"])

    async def keep_at(self, path: str, body: bytes = SECRET, who: str | None = "victim") -> Told:
        """One whose path is the client's own."""
        form = aiohttp.FormData()
        form.add_field("file", body, filename="x", content_type="text/plain")
        return await self.ask("backendless", "POST", f"/files/{path}", form, who=who)

    async def announce(self, **said: Any) -> Told:
        return await self.ask("leancloud", "POST", "/fileTokens", {"name": "a.txt", "__type": "File", **said})

    async def objects(self) -> list[dict[str, Any]]:
        found = await self.ask("leancloud", "GET", "/classes/_File", master=True)
        return sorted(found.json["results"], key=lambda file: str(file["objectId"]))


def config(folder: Path, files: Mapping[str, Any], classes: Mapping[str, Any]) -> Path:
    def app(name: str) -> dict[str, Any]:
        clients = {
            "parse": {"app_id": name, "rest_key": f"{name}-rest", "master_key": f"{name}-master"},
            "leancloud": {"app_id": name, "app_key": f"{name}-key", "master_key": f"{name}-master"},
            "backendless": {"app_id": name, "rest_key": f"{name}-rest", "cloud_code_key": f"{name}-code"},
        }
        own = {"uploads_by": "everybody", "max_size": LONGEST, **files}
        return {"name": name, "backend": name, "clients": clients, "files": own, "classes": classes}

    settings = {
        "server": {"port": 0, "max_body": "1MB", "secret": "a secret of thirty-two characters and more"},
        "apps": [app("one"), app("two")],
        "backends": {
            name: {"type": "embedded", "url": f"sqlite:///{folder}/inner/{name}.db"} for name in ("one", "two")
        },
    }
    (folder / "inner").mkdir()
    path = folder / "inner" / "config.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return path


@pytest.fixture
async def street(tmp_path: Path, serving: Serving, request: pytest.FixtureRequest) -> AsyncIterator[Street]:
    files = dict(getattr(request, "param", {}))
    settings = load_settings(config(tmp_path, files, files.pop("classes", {})), {})
    mounts = {mount: name for name, dialect in dialects().items() for mount in dialect.mounts}
    app = make_app(Plan(settings, dialects(), mounts))
    async with aiohttp.ClientSession() as session:
        street = Street(await serving(app), tmp_path, session)
        for name in ("victim", "mallory"):
            made = await street.ask("parse", "POST", "/users", {"username": name, "password": "p"})
            street.tokens[name] = made.json["sessionToken"]
        yield street


def signed(**how: Any) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("street", [{"public": False, **how}], indirect=True)


# --- names ---

NAMES = (
    "..",
    ".",
    "../one.db",
    "..%2fone.db",
    "%2e%2e%2fone.db",
    "%252e%252e%252fone.db",
    "..%5cone.db",
    "a%00.txt",
    "a%0d%0aX-Evil:%201",
    "%2fetc%2fpasswd",
    "~root",
    "CON",
    "a%e2%80%aetxt.exe",
    "%ff%fe",
    "x" * 5000,
    "%2e%2e;/one.db",
    "a/%2e%2e/%2e%2e/one.db",
)


async def test_no_name_leads_out_or_breaks_anything(street: Street) -> None:
    outside = sorted(path for path in street.folder.rglob("*") if ".files" not in str(path))
    for name in NAMES:
        plain = URL(name, encoded=True).path if len(name) < 100 and "%ff" not in name else name
        announced = [await street.announce(name=plain), await street.announce(prefix=plain)]
        announced.append(await street.ask("leancloud", "POST", "/fileTokens", {"key": plain}, master=True))
        brought = [
            await street.open(told.json["upload_url"], "PUT", SECRET) for told in announced if told.status == 201
        ]
        answers = [
            await street.ask("parse", "POST", f"/files/{name}", SECRET, Content_Type="text/plain"),
            await street.ask(
                "parse", "POST", "/files/a.txt", SECRET, master=True, **{"X-Parse-File-Directory": quote(plain)}
            ),
            await street.keep_at(name),
            await street.ask("backendless", "PUT", f"/files/binary/{name}", b64encode(SECRET)),
            await street.ask("backendless", "PUT", f"/files/append/{name}", SECRET),
            await street.ask("backendless", "POST", f"/files/{name}/"),
            await street.ask("backendless", "PUT", "/files/rename", {"oldPathName": "a", "newName": plain}),
            await street.ask("backendless", "PUT", "/files/copy", {"sourcePath": plain, "targetPath": "b"}),
            await street.ask("backendless", "GET", f"/files/{name}"),
            await street.ask("backendless", "DELETE", f"/files/{name}"),
            *announced,
            *brought,
        ]
        for answer in answers:
            assert answer.status < 500, (name, answer)
            assert "X-Evil" not in answer.headers
            assert b"SQLite" not in answer.body
    kept = [path for path in street.folder.rglob("*") if ".files" in str(path) and path.is_file()]
    assert all(re.fullmatch("[0-9a-f]{32}", path.name) for path in kept)
    now = sorted(path for path in street.folder.rglob("*") if ".files" not in str(path))
    assert {path.name for path in now} - {path.name for path in outside} <= {"one.db-wal", "one.db-shm"}


# --- what a browser makes of it ---

TYPES = (
    "text/html",
    "text/plain;,text/html",
    "text/plain, text/html",
    "image/png;x=1,text/html",
    "video/x+xml",
    "audio/svg+xml",
    "image/svg+xml",
    "application/json+xml",
    "text/xml",
    "text/xsl",
    "application/javascript",
    "text/plain\r\nX-Evil: 1",
    "multipart/x-mixed-replace;boundary=x",
    "TEXT/HTML",
    "",
    "nothing",
    "text/plain; charset=utf-7\x00",
)
SHOWN = re.compile(r"(text/plain|image/png|application/json|application/octet-stream)(;\s*[\w-]+=[\w-]+)*")


@pytest.mark.parametrize("mime_type", TYPES)
async def test_no_upload_runs_in_the_origin_of_the_gateway(street: Street, mime_type: str) -> None:
    page = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(document.domain)</script></svg>"
    announced = await street.announce(name="page", mime_type=mime_type)
    urls = []
    if announced.status == 201:
        assert (await street.open(announced.json["upload_url"], "PUT", page)).status == 200
        urls.append(announced.json["url"])
    told = {"base64": b64encode(page).decode(), "_ContentType": mime_type}
    keys = {"_ApplicationId": "one", "_MasterKey": "one-master"}
    made = await street.open("/parse/files/page", "POST", json.dumps({**keys, **told}))
    if made.status == 201:
        urls.append(made.json["url"])
    assert urls, "nothing was uploaded, so nothing is tested"
    for url in urls:
        opened = await street.open(url)
        assert (opened.status, opened.headers["X-Content-Type-Options"]) == (200, "nosniff")
        assert "X-Evil" not in opened.headers
        if "attachment" in opened.headers.get("Content-Disposition", ""):
            assert "sandbox" in opened.headers["Content-Security-Policy"]
        else:
            assert SHOWN.fullmatch(opened.headers["Content-Type"]), opened.headers


# --- another app's ---


async def test_the_files_of_one_app_are_not_those_of_another(street: Street) -> None:
    url = await street.keep("own.txt")
    name = url.rpartition("/")[2]
    assert (await street.open(url)).body == SECRET
    for path in (f"/parse/files/two/{name}", f"/1.1/file/two/{name}", f"/two/two-rest/files/{name}"):
        assert (await street.open(path)).status == 404, path
    for path in (f"/one/two-rest/files/{name}", f"/two/one-rest/files/{name}", f"/one/two-code/files/{name}"):
        told = await street.open(path)
        assert told.status >= 400, path
        assert SECRET not in told.body
    for dialect, path in (("parse", f"/files/{name}"), ("backendless", f"/files/{name}")):
        told = await street.ask(dialect, "DELETE", path, app="two", master=True)
        assert told.status >= 400, told
    announced = (await street.announce()).json
    for path in (urlsplit(announced["upload_url"]).path.replace("/one/", "/two/"),):
        assert (await street.open(path, "PUT", SECRET)).status in (400, 401, 403, 404)
    assert (await street.open(url)).body == SECRET


# --- addresses that hold for a while ---


@signed()
async def test_an_address_opens_one_file_for_a_while(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    url, other = await street.keep("own.txt"), await street.keep("other.txt", b"other")
    bare, _, proof = url.partition("?")
    name = urlsplit(bare).path.rpartition("/")[2]
    signature, expires = (part.partition("=")[2] for part in proof.split("&"))
    assert (await street.open(url)).body == SECRET
    for ending in (
        "",
        f"?signature={signature}",
        f"?expires={expires}",
        f"?signature={signature}&expires={int(expires) + 1}",
        f"?signature={'0' * len(signature)}&expires={expires}",
        f"?signature=&expires={expires}",
        f"?{proof}&signature=x",
        "?" + other.partition("?")[2],
        f"?signature={signature}&expires=99999999999999999999",
        f"?signature={quote('ü')}&expires={expires}",
    ):
        for path in (bare, f"/1.1/file/one/{name}", f"/one/one-rest/files/{name}", f"/parse/files/two/{name}"):
            told = await street.open(path + ending)
            assert told.status >= 400, (path, ending)
            assert SECRET not in told.body
    assert (await street.open(f"/parse/files/one/metadata/{name}")).json == {}
    late = time.time() + 2 * 3600
    monkeypatch.setattr("time.time", lambda: late)
    from_then = await street.open(url)
    assert from_then.status in (200, 403)  # the clock of the signer may be bound already


@signed()
async def test_nobody_gets_an_address_by_naming_a_file(street: Street) -> None:
    """Whoever reads a value is told an address that holds: nobody writes one of a file that is not theirs to read."""
    own = {"owner-only": {"read": True}}
    announced = (await street.announce(name="own.txt", ACL=own)).json
    assert (await street.open(announced["upload_url"], "PUT", SECRET)).status == 200
    path, known = announced["key"], announced["objectId"]
    url = announced["url"].partition("?")[0]
    named = [
        ("parse", {"__type": "File", "name": path}),
        ("parse", {"__type": "File", "name": path, "url": url}),
        ("leancloud", {"__type": "File", "id": known}),
        ("leancloud", {"__type": "File", "name": "own.txt", "url": url}),
        ("leancloud", {"__type": "Pointer", "className": "_File", "objectId": known}),
        ("backendless", f"{street.url}/one/one-rest/files/{path}"),
    ]
    told: list[Told] = []
    for dialect, value in named:
        class_path = "/data/Note" if dialect == "backendless" else "/classes/Note"
        fields = (value, [value], {"deep": value})
        told += [await street.ask(dialect, "POST", class_path, {"f": field}, who="mallory") for field in fields]
        if dialect != "backendless":
            item = {"method": "POST", "path": f"{street.mount(dialect)}/classes/Note", "body": {"f": value}}
            told.append(await street.ask(dialect, "POST", "/batch", {"requests": [item]}, who="mallory"))
    lists = {"parse": "/classes/Note", "leancloud": "/classes/Note?include=f", "backendless": "/data/Note"}
    told += [await street.ask(dialect, "GET", path, who="mallory") for dialect, path in lists.items()]
    for answer in told:
        assert answer.status < 500, answer
        assert b"signature=" not in answer.body, answer


@signed()
async def test_who_may_read_a_file_may_name_it(street: Street) -> None:
    url = await street.keep("a.txt")
    name = urlsplit(url).path.rpartition("/")[2]
    body = {"f": {"__type": "File", "name": name, "url": url}}
    made = await street.ask("parse", "POST", "/classes/Note", body, who="victim")
    assert made.status == 201
    shown = await street.ask("parse", "GET", f"/classes/Note/{made.json['objectId']}", who="victim")
    assert (await street.open(shown.json["f"]["url"])).body == SECRET


async def test_a_signature_opens_nothing_where_addresses_are_not_signed(street: Street) -> None:
    assert (await street.keep_at("private/own.txt")).status == 200
    deny = {"permission": "READ", "role": "*"}
    denied = await street.ask("backendless", "PUT", "/files/permissions/DENY/private", deny, master=True)
    assert denied.status == 200, denied
    for ending in ("", "?signature=x", "?signature=x&expires=99999999999"):
        told = await street.ask("backendless", "GET", f"/files/private/own.txt{ending}", who="mallory")
        assert told.status >= 400, (ending, told)
        assert SECRET not in told.body


# --- files of others ---


async def test_what_the_master_alone_may_change_nobody_else_does(street: Street) -> None:
    url = await street.keep("own.txt")
    name = url.rpartition("/")[2]
    before = await street.objects()
    known = before[0]["objectId"]
    attempts: list[tuple[str, str, str, Any]] = [
        ("parse", "DELETE", f"/files/{name}", None),
        ("parse", "DELETE", f"/classes/_File/{known}", None),
        ("leancloud", "DELETE", f"/files/{known}", None),
        ("leancloud", "DELETE", f"/classes/files/{known}", None),
        ("leancloud", "DELETE", f"/classes/_File/{known}", None),
        ("leancloud", "PUT", f"/files/{known}", {"name": "mine"}),
        ("leancloud", "PUT", f"/files/{known}", {"key": "mine"}),
        ("leancloud", "PUT", f"/files/{known}", {"url": "https://evil.example/x"}),
        ("leancloud", "PUT", f"/classes/_File/{known}", {"ACL": {"*": {"read": True, "write": True}}}),
        ("leancloud", "POST", "/classes/_File", {"key": name, "name": "mine", "size": 1}),
        ("leancloud", "POST", "/files", {"key": name, "name": "mine"}),
        ("leancloud", "POST", "/fileTokens", {"name": "x", "key": name}),
        ("backendless", "DELETE", f"/files/{name}", None),
        ("backendless", "PUT", f"/files/binary/{name}?overwrite=true", b64encode(b"mine")),
        ("backendless", "PUT", f"/files/append/{name}", b"mine"),
        ("backendless", "PUT", "/files/rename", {"oldPathName": name, "newName": "mine"}),
        ("backendless", "PUT", "/files/move", {"sourcePath": name, "targetPath": "mine"}),
        ("backendless", "PUT", f"/files/permissions/GRANT/{name}", {"permission": "WRITE", "role": "*"}),
        ("backendless", "DELETE", f"/data/_File/{known}", None),
        ("backendless", "POST", "/data/_File", {"key": name}),
        ("backendless", "PUT", "/data/bulk/_File?where=size%3E0", {"name": "mine"}),
        ("backendless", "DELETE", "/data/bulk/_File?where=size%3E0", None),
        ("backendless", "PUT", f"/data/_File/{known}/x", ["y"]),
        ("backendless", "PUT", "/data/Note/deep-save", {"f": {"___class": "_File", "objectId": known, "key": "mine"}}),
        (
            "backendless",
            "POST",
            "/transaction/unit-of-work",
            {
                "isolationLevelEnum": "REPEATABLE_READ",
                "operations": [
                    {"operationType": "DELETE", "table": "_File", "opResultId": "d", "payload": known},
                    {"operationType": "CREATE", "table": "_File", "opResultId": "c", "payload": {"key": name}},
                ],
            },
        ),
    ]
    for dialect, method, path, body in attempts:
        for who in (None, "mallory"):
            told = await street.ask(dialect, method, path, body, who=who)
            refused = 400 <= told.status < 500 or b'"success":false' in told.body
            assert refused, (dialect, method, path, told)
        if dialect != "backendless":
            item = {"method": method, "path": street.mount(dialect) + path, "body": body or {}}
            told = await street.ask(dialect, "POST", "/batch", {"requests": [item]}, who="mallory")
            assert b"error" in told.body, (path, told)
        assert await street.objects() == before, (dialect, method, path)
        assert (await street.open(url)).body == SECRET, (dialect, method, path)
    tunnelled = {"_method": "DELETE", "_ApplicationId": "one", "_SessionToken": street.tokens["mallory"]}
    assert (await street.open(f"/parse/files/{name}", "POST", json.dumps(tunnelled))).status >= 400
    form = await street.keep_at(f"{name}?overwrite=true", b"mine", who="mallory")
    assert 400 <= form.status < 500, form
    assert (await street.open(url)).body == SECRET
    # and the master by each
    assert (await street.ask("parse", "DELETE", f"/files/{name}", master=True)).status == 200
    assert (await street.open(url)).status == 404


@pytest.mark.parametrize("street", [{"classes": {"_File": {"permissions": {"delete": []}}}}], indirect=True)
async def test_a_class_of_files_that_nobody_deletes_from(street: Street) -> None:
    """As LeanCloud's console has it by default."""
    announced = (await street.announce()).json
    assert (await street.open(announced["upload_url"], "PUT", SECRET)).status == 200
    path, known = announced["key"], announced["objectId"]
    for who in (None, "victim", "mallory"):
        for dialect, target in (
            ("leancloud", f"/files/{known}"),
            ("leancloud", f"/classes/_File/{known}"),
            ("parse", f"/classes/_File/{known}"),
            ("parse", f"/files/{path}"),
            ("backendless", f"/files/{path}"),
        ):
            told = await street.ask(dialect, "DELETE", target, who=who)
            assert 400 <= told.status < 500, (dialect, target, told)
    assert (await street.open(announced["url"])).body == SECRET
    assert (await street.ask("leancloud", "DELETE", f"/files/{known}", master=True)).status == 200
    assert (await street.open(announced["url"])).status == 404


@pytest.mark.parametrize("street", [{"uploads_by": "users", "blocked_extensions": ["html"]}], indirect=True)
async def test_what_may_be_uploaded_holds_by_every_way_to_upload(street: Street) -> None:
    async def by_each(name: str, who: str | None) -> list[Told]:
        form = aiohttp.FormData()
        form.add_field("file", SECRET, filename=name)
        return [
            await street.ask("parse", "POST", f"/files/{name}", SECRET, who=who, Content_Type="text/plain"),
            await street.ask("leancloud", "POST", "/fileTokens", {"name": name}, who=who),
            await street.ask("backendless", "POST", f"/files/{name}", form, who=who),
            await street.ask("backendless", "PUT", f"/files/binary/x{name}", b64encode(SECRET), who=who),
            await street.ask("backendless", "PUT", f"/files/append/y{name}", SECRET, who=who),
        ]

    for name, who in (("a.txt", None), ("a.html", "mallory"), ("a.HTML", "mallory")):
        for told in await by_each(name, who):
            assert 400 <= told.status < 500, (name, told)
    for told in await by_each("a.txt", "mallory"):
        assert told.status in (200, 201), told
    for path in ("rename", "move", "copy"):
        body = {"oldPathName": "a.txt", "newName": "a.html", "sourcePath": "a.txt", "targetPath": "a.html"}
        sent = {name: text for name, text in body.items() if ("Path" in name[-4:]) is not (path == "rename")}
        sent = {"oldPathName": "a.txt", "newName": "a.html"} if path == "rename" else sent
        told = await street.ask("backendless", "PUT", f"/files/{path}", sent, who="mallory")
        assert 400 <= told.status < 500, (path, told)


# --- bodies ---


async def reply(street: Street, head: str, body: bytes = b"", seconds: float = 60) -> bytes:
    """What comes back, though no more of the body is ever sent."""
    address = urlsplit(street.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
        async with asyncio.timeout(seconds):
            return await reader.readline()
    finally:
        writer.close()


FORM = "\nContent-Type: multipart/form-data; boundary=b\nContent-Length: 50000"
RAW = "\nContent-Type: text/plain\nContent-Length: 50000"
STRANGERS = (
    "POST /parse/files/a.txt HTTP/1.1\nX-Parse-Application-Id: one\nX-Parse-REST-API-Key: two-rest" + RAW,
    "POST /parse/files/a.txt HTTP/1.1\nX-Parse-Application-Id: three" + RAW,
    "PUT /1.1/upload/one/no-such-token HTTP/1.1" + RAW,
    "POST /1.1/upload/three/no-such-token HTTP/1.1" + FORM,
    "POST /one/two-rest/files/a.txt HTTP/1.1" + FORM,
    "PUT /one/two-rest/files/append/a.txt HTTP/1.1" + RAW,
)


@pytest.mark.parametrize("head", STRANGERS)
async def test_a_stranger_is_refused_before_the_body_comes(street: Street, head: str) -> None:
    for expect in ("", "\nExpect: 100-continue"):
        line = await reply(street, f"{head}{expect}\nHost: x")
        assert line.split(b" ")[1] in (b"400", b"401", b"403", b"404"), line


async def test_what_is_too_long_is_refused_before_it_comes(street: Street) -> None:
    token = (await street.announce()).json["upload_url"].rpartition("/")[2]
    raw = f"\nContent-Type: text/plain\nContent-Length: {LONGEST + 1}\nHost: x"
    for head in (
        "POST /parse/files/a.txt HTTP/1.1\nX-Parse-Application-Id: one\nX-Parse-REST-API-Key: one-rest",
        f"PUT /1.1/upload/one/{token} HTTP/1.1",
        "PUT /one/one-rest/files/append/a.txt HTTP/1.1",
    ):
        line = await reply(street, head + raw)
        assert line.split(b" ")[1] in (b"400", b"413"), (head, line)


async def test_a_bomb_and_a_slow_body_leave_nothing(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    for dialect, method, path in (
        ("parse", "POST", "/files/a.txt"),
        ("backendless", "PUT", "/files/append/a.txt"),
        ("backendless", "PUT", "/files/binary/a.txt"),
    ):
        told = await street.ask(dialect, method, path, bomb, Content_Encoding="gzip", Content_Type="text/plain")
        assert 400 <= told.status < 500, (path, told)
    monkeypatch.setattr(contents, "STALLED_AFTER", 0.3)
    head = "POST /parse/files/a.txt HTTP/1.1\nX-Parse-Application-Id: one\nX-Parse-REST-API-Key: one-rest"
    line = await reply(street, f"{head}{RAW}\nHost: x", b"slow")
    assert line.split(b" ")[1].startswith((b"4", b"5")), line
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nslow'
    line = await reply(street, f"POST /one/one-rest/files/b.txt HTTP/1.1{FORM}\nHost: x", form)
    assert line.split(b" ")[1].startswith((b"4", b"5")), line
    assert await street.objects() == []
    assert [path for path in street.folder.rglob("*.files/**/*") if path.is_file()] == []
