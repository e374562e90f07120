"""Requests per second of the gateway on its embedded store, over real HTTP on loopback, with durable writes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from benchmarks.load import Load, run_load
from gateway.wire import read_json

HEADERS = "X-Parse-Application-Id: bench\r\nX-Parse-REST-API-Key: bench-rest\r\n"
CONNECTIONS = (1, 32)
PARSE_SERVER = {"create": 1941, "get": 1842, "Increment": 2077, "find": 1343}
"""A real Parse Server 9.10 on PostgreSQL with fsync off, 20 connections, two shared cores: for orientation."""


@dataclass(frozen=True, slots=True)
class Row:
    title: str
    connections: int
    load: Load
    orientation: int | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    idle_mb: float
    after_mb: float


def request(method: str, path: str, body: Any = None) -> bytes:
    data = b"" if body is None else orjson.dumps(body)
    head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\n{HEADERS}Content-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


@contextmanager
def gateway(folder: Path) -> Iterator[tuple[int, int]]:
    """A gateway of its own process: its port and its process id."""
    config = folder / "config.yaml"
    config.write_text(
        f"""
server: {{host: 127.0.0.1, port: 0}}
apps:
  - name: bench
    backend: local
    clients: {{parse: {{app_id: bench, rest_key: bench-rest, master_key: bench-master}}}}
backends:
  local: {{type: embedded, url: "sqlite:///{folder}/bench.db"}}
""",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "gateway", "serve", "--config", str(config)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("listening on "):
                yield int(line.rsplit(":", 1)[1]), process.pid
                return
        raise RuntimeError("the gateway did not start")
    finally:
        process.terminate()
        process.wait(timeout=30)


def resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


async def _fill(port: int, objects: int) -> list[str]:
    """Objects made in batches over HTTP; their ids."""
    ids: list[str] = []
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for start in range(0, objects, 1000):
        requests = [
            {"method": "POST", "path": "/parse/classes/Post", "body": _post(at)} for at in range(start, start + 1000)
        ]
        writer.write(request("POST", "/parse/batch", {"requests": requests}))
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        answers = read_json(await reader.readexactly(length))
        ids += [answer["success"]["objectId"] for answer in answers]
    writer.close()
    return ids


def _post(at: int) -> dict[str, Any]:
    return {
        "title": f"post {at}",
        "score": at * 7919 % 100_003,
        "author": {"__type": "Pointer", "className": "Author", "objectId": f"author{at % 1000}"},
        "place": {"__type": "GeoPoint", "latitude": 40.5, "longitude": -30.25},
        "tags": ["a", "b"],
        "body": "x" * 300,
    }


async def _measure(port: int, pid: int, objects: int, seconds: float) -> tuple[list[Row], Memory]:
    idle = resident_mb(pid)
    ids = await _fill(port, objects)
    step = max(1, len(ids) // 500)
    some = ids[::step]
    increment = {"score": {"__op": "Increment", "amount": 1}}
    author = '{"author":{"__type":"Pointer","className":"Author","objectId":"author7"}}'
    pointer_where = author.replace('"', "%22").replace("{", "%7B").replace("}", "%7D").replace(",", "%2C")
    kinds = [
        ("create", "create", [request("POST", "/parse/classes/Made", _post(at)) for at in range(100)]),
        ("get", "get", [request("GET", f"/parse/classes/Post/{id_}") for id_ in some]),
        ("Increment", "Increment", [request("PUT", f"/parse/classes/Post/{id_}", increment) for id_ in some]),
        (
            f"10 newest of {objects:,}",
            "find",
            [request("GET", "/parse/classes/Post?order=-createdAt&limit=10")],
        ),
        (f"of one pointer, {objects // 1000} rows", "", [request("GET", f"/parse/classes/Post?where={pointer_where}")]),
        (f"count of all {objects:,}", "", [request("GET", "/parse/classes/Post?limit=0&count=1")]),
    ]
    rows = []
    for connections in CONNECTIONS:
        for title, orientation, requests in kinds:
            load = await run_load("127.0.0.1", port, requests, connections=connections, seconds=seconds)
            rows.append(Row(title, connections, load, PARSE_SERVER.get(orientation)))
    return rows, Memory(idle, resident_mb(pid))


def measure(objects: int, seconds: float) -> tuple[list[Row], Memory]:
    with tempfile.TemporaryDirectory() as folder, gateway(Path(folder)) as (port, pid):
        return asyncio.run(_measure(port, pid, objects, seconds))
