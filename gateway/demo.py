"""The main job, on real input: one provider's SDK writes, two others' read and change, the first one sees it.

The gateway is started as `serve` starts it, on a free port and a store that is thrown away. The SDKs are the unmodified
npm packages (their steps are in `demo_assets`); where Node.js or the packages are missing, the same is asked by plain
REST. Between them and the gateway a proxy writes down what crosses the wire. As any client of ours, this file knows
the dialects that it speaks.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote_plus

import orjson
from aiohttp import ClientSession, web
from rich.console import Console, Group, RenderableType
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from gateway.app import address_of, listen, make_app, plan, running

ASSETS = Path(__file__).with_name("demo_assets")
PACKAGES = Path(__file__).parent.parent / "tests" / "sdk" / "node_modules"

BOOK: Mapping[str, Any] = {
    "title": "The Summer Book",
    "copies": 3,
    "tags": ["novel"],
    "published": "1972-06-01T00:00:00.000Z",
    "isDate": True,
    "place": {"latitude": 60.1, "longitude": 25.6},
    "isGeoPoint": True,
    "author": "Tove Jansson",
}
CHANGED = {**BOOK, "copies": 5, "tags": ["novel", "island"]}
LENT = {**CHANGED, "copies": 4}


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, as they crossed the wire."""

    request: str
    sent: bytes
    status: int
    received: bytes


@dataclass(slots=True)
class Recorder:
    """A proxy that forwards everything as it is, and keeps what it saw."""

    target: str
    seen: list[Exchange] = field(default_factory=list)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        async with ClientSession(auto_decompress=False) as session:

            async def forward(request: web.Request) -> web.Response:
                sent = await request.read()
                # the answer is to be shown, so it must not come compressed
                headers = {name: value for name, value in request.headers.items() if name != "Accept-Encoding"}
                headers["Accept-Encoding"] = "identity"
                url = self.target + request.raw_path
                async with session.request(request.method, url, headers=headers, data=sent) as answer:
                    received = await answer.read()
                self.seen.append(Exchange(f"{request.method} {request.raw_path}", sent, answer.status, received))
                return web.Response(body=received, status=answer.status, headers=answer.headers)

            app = web.Application()
            app.router.add_route("*", "/{path:.*}", forward)
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            with listen("127.0.0.1", 0) as listening:
                try:
                    await web.SockSite(runner, listening).start()
                    yield address_of(listening)
                finally:
                    await runner.cleanup()


@dataclass(frozen=True, slots=True)
class Done:
    """What a step did, as code, and what it saw."""

    code: str
    saw: Any


class Apps(Protocol):
    """Three apps, of one provider each, that can be told to do a step."""

    async def step(self, dialect: str, name: str, **given: str) -> Done: ...


class SdkApps:
    """The providers' own SDKs, on Node.js."""

    told = "the unmodified npm packages parse, leancloud-storage and backendless"

    def __init__(self, address: str) -> None:
        self._environment = {**os.environ, "GATEWAY_URL": address, "NODE_PATH": str(PACKAGES)}

    async def step(self, dialect: str, name: str, **given: str) -> Done:
        process = await asyncio.create_subprocess_exec(
            *("node", str(ASSETS / f"{dialect}.cjs"), name, json.dumps(given)),
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
        if process.returncode:
            raise DemoError(f"the {dialect} app failed in its step {name}")
        told = orjson.loads(out.splitlines()[-1])
        return Done(told["code"], told["saw"])


class RestApps:
    """The same steps by plain REST."""

    told = "plain REST, as Node.js 20 or its packages are not there"

    def __init__(self, address: str) -> None:
        self._address = address
        self._steps: Mapping[tuple[str, str], Callable[..., Awaitable[Any]]] = {
            ("parse", "create"): self._create,
            ("leancloud", "query"): self._query,
            ("leancloud", "change"): self._change,
            ("backendless", "query"): self._query_table,
            ("backendless", "lend"): self._lend,
            ("parse", "readBack"): self._read_back,
        }
        self._told: list[str] = []

    async def step(self, dialect: str, name: str, **given: str) -> Done:
        self._told.clear()
        saw = await self._steps[dialect, name](**given)
        return Done("\n".join(self._told), saw)

    async def _ask(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        keys = {}  # or they stand in the path
        if path.startswith("/1.1/"):
            keys = {"X-LC-Id": "library", "X-LC-Key": "demo-key"}
        elif path.startswith("/parse/"):
            keys = {"X-Parse-Application-Id": "library", "X-Parse-REST-API-Key": "demo-rest"}
        self._told.append(f"{method} {path}")
        params = {name: value if isinstance(value, str) else json.dumps(value) for name, value in query.items()}
        async with (
            ClientSession(self._address, headers=keys) as session,
            session.request(method, path, json=body, params=params) as answer,
        ):
            told = await answer.json()
            if answer.status >= 400:
                raise DemoError(f"{method} {path} was answered {answer.status}: {told}")
            return told

    async def _create(self) -> Any:
        author = await self._ask("POST", "/parse/classes/Author", {"name": "Tove Jansson"})
        pointer = {"__type": "Pointer", "className": "Author", "objectId": author["objectId"]}
        requests = [
            {
                "method": "POST",
                "path": "/parse/classes/Book",
                "body": {
                    "title": title,
                    "copies": copies,
                    "author": pointer,
                    "place": {"__type": "GeoPoint", "latitude": latitude, "longitude": longitude},
                    "tags": ["novel"],
                    "published": {"__type": "Date", "iso": f"{year}-06-01T00:00:00.000Z"},
                },
            }
            for title, copies, year, latitude, longitude in (
                ("The Summer Book", 3, 1972, 60.1, 25.6),
                ("The True Deceiver", 1, 1982, 60.2, 24.9),
                ("Fair Play", 7, 1989, 59.9, 23.4),
            )
        ]
        answers = await self._ask("POST", "/parse/batch", {"requests": requests})
        return {"ids": [answer["success"]["objectId"] for answer in answers]}

    async def _query(self) -> Any:
        before = {"__type": "Date", "iso": "1980-01-01T00:00:00.000Z"}
        where = {"copies": {"$gt": 2}, "published": {"$lt": before}, "tags": "novel"}
        found = await self._ask("GET", "/1.1/classes/Book", where=where, include="author")
        return [self._shown(book) for book in found["results"]]

    async def _change(self, id: str) -> Any:  # noqa: A002 (the step's own word)
        changes = {
            "copies": {"__op": "Increment", "amount": 2},
            "tags": {"__op": "AddUnique", "objects": ["island", "novel"]},
        }
        told = await self._ask("PUT", f"/1.1/classes/Book/{id}", changes, fetchWhenSave=True)
        return {"copies": told["copies"]}

    async def _query_table(self) -> Any:
        where = "author.name like 'tove%' and published < '01/01/1980' and copies = 5"
        query = {"where": where, "loadRelations": "author"}
        found = await self._ask("POST", "/library/demo-rest/data/Book/find", query)
        return [self._shown_row(book) for book in found]

    async def _lend(self, id: str) -> Any:  # noqa: A002 (the step's own word)
        changes = {"copies": {"___class": "BackendlessExpression", "value": "copies - 1"}}
        told = await self._ask("PUT", f"/library/demo-rest/data/Book/{id}", changes)
        return {"copies": told["copies"]}

    async def _read_back(self, id: str) -> Any:  # noqa: A002 (the step's own word)
        return self._shown(await self._ask("GET", f"/parse/classes/Book/{id}", include="author"))

    @staticmethod
    def _shown(book: dict[str, Any]) -> dict[str, Any]:
        place = book["place"]
        return {
            **{name: book[name] for name in ("title", "copies", "tags")},
            "published": book["published"]["iso"],
            "isDate": book["published"]["__type"] == "Date",
            "place": {name: place[name] for name in ("latitude", "longitude")},
            "isGeoPoint": place["__type"] == "GeoPoint",
            "author": book["author"]["name"],
        }

    @staticmethod
    def _shown_row(book: dict[str, Any]) -> dict[str, Any]:
        published = datetime.fromtimestamp(book["published"] / 1000, UTC)
        longitude, latitude = book["place"]["coordinates"]
        return {
            **{name: book[name] for name in ("title", "copies", "tags")},
            "published": published.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "isDate": isinstance(book["published"], int),
            "place": {"latitude": latitude, "longitude": longitude},
            "isGeoPoint": book["place"]["type"] == "Point",
            "author": book["author"]["name"],
        }


class DemoError(Exception):
    """The demonstration did not show what it promises."""


def run(console: Console | None = None) -> int:
    """0 if all of it held."""
    console = console or Console()
    if not console.is_terminal:
        console = Console(file=console.file, width=140)
    try:
        asyncio.run(_show(console))
    except DemoError as error:
        console.print(Text(f"failed: {error}", style="bold red"))
        return 1
    return 0


async def _show(console: Console) -> None:
    with tempfile.TemporaryDirectory(prefix="baas-gateway-demo-") as folder:
        planned = plan(ASSETS / "config.yaml", {"DEMO_STORE": f"{folder}/library.db"})
        with listen("127.0.0.1", 0) as listening:
            async with running(make_app(planned), listening, grace=5):
                recorder = Recorder(address_of(listening))
                async with recorder.running() as address:
                    apps = SdkApps(address) if _sdks_are_there() else RestApps(address)
                    console.print(
                        f"A gateway at {recorder.target}, its own SQLite store, and three apps: {apps.told}.\n"
                    )
                    await _tell(console, apps, recorder)


def _sdks_are_there() -> bool:
    return shutil.which("node") is not None and all(
        (PACKAGES / name).is_dir() for name in ("parse", "leancloud-storage", "backendless")
    )


async def _tell(console: Console, apps: Apps, recorder: Recorder) -> None:
    async def step(title: str, dialect: str, name: str, **given: str) -> Any:
        recorder.seen.clear()
        done = await apps.step(dialect, name, **given)
        console.rule(f"[bold]{title}", align="left")
        console.print(_side_by_side(done, recorder.seen))
        return done.saw

    created = await step("1. A Parse app makes an author and three books", "parse", "create")
    found = await step("2. A LeanCloud app looks for some of them", "leancloud", "query")
    _must("the LeanCloud app finds the one book that fits, with its types and its author", found, [BOOK])
    book = created["ids"][0]
    changed = await step("3. The LeanCloud app changes it, atomically", "leancloud", "change", id=book)
    _must("the LeanCloud app is told the sum", changed, {"copies": 5})
    there = await step("4. A Backendless app finds it in its table", "backendless", "query")
    _must("the Backendless app finds the book as the two others left it", there, [CHANGED])
    lent = await step("5. The Backendless app changes it, as an expression", "backendless", "lend", id=book)
    _must("the Backendless app is told what came of it", lent, {"copies": 4})
    seen = await step("6. The Parse app sees both changes", "parse", "readBack", id=book)
    _must("the Parse app sees what the two others did", seen, LENT)

    table = Table("", "written by Parse", "read by LeanCloud", "and changed", "read by Backendless", "read by Parse")
    for name in BOOK:
        change = {"copies": "increment by 2", "tags": "add what is not there"}.get(name, "")
        told = [json.dumps(part[name]) for part in (BOOK, found[0], there[0], seen)]
        table.add_row(name, *told[:2], change, *told[2:])
    console.rule("[bold]The same object, from all sides", align="left")
    console.print(table)
    console.print(Text("All of it held.", style="bold green"))


def _must(claim: str, saw: Any, expected: Any) -> None:
    if saw != expected:
        raise DemoError(f"{claim}: expected {json.dumps(expected)}, saw {json.dumps(saw)}")


def _side_by_side(done: Done, seen: list[Exchange]) -> RenderableType:
    wire: list[RenderableType] = []
    for exchange in seen:
        wire.append(Text(f"> {unquote_plus(exchange.request)}", style="bold"))
        wire += [_shortened(">", exchange.sent), Text(f"< {exchange.status}", style="bold")]
        wire.append(_shortened("<", exchange.received))
    table = Table(expand=True)
    table.add_column("what the app runs", ratio=1)
    table.add_column("what crosses the wire", ratio=1, overflow="fold")
    saw = Text(f"saw {json.dumps(done.saw)}", style="italic")
    table.add_row(Group(Syntax(done.code, "js", word_wrap=True, background_color="default"), Text(), saw), Group(*wire))
    return table


def _shortened(mark: str, body: bytes, limit: int = 500) -> Text:
    text = body.decode("utf-8", "replace")
    return Text(f"{mark} {text[:limit]}{' ...' if len(text) > limit else ''}" if text else "", overflow="fold")
