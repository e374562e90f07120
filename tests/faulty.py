"""A server that does not do what servers should: raw TCP, so that an answer can end anywhere."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Arrived:
    """One request, as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


Way = Callable[["Faulty", Arrived, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Faulty:
    """Answers each request in the way that is set; `arrived` are those that came."""

    way: Way
    arrived: list[Arrived] = field(default_factory=list)
    url: str = ""
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (arrived := await _read(reader)) is not None:
                self.arrived.append(arrived)
                await self.way(self, arrived, writer)
                if writer.is_closing():
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def faulty_server(way: Way) -> AsyncIterator[Faulty]:
    faulty = Faulty(way)
    server = await asyncio.start_server(faulty.serve, "127.0.0.1", 0)
    faulty.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield faulty
    finally:
        faulty.released.set()
        server.close()


async def _read(reader: asyncio.StreamReader) -> Arrived | None:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
    if headers.get("transfer-encoding") == "chunked":
        return Arrived(method, target, headers, b"".join([chunk async for chunk in _chunks(reader)]))
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Arrived(method, target, headers, body)


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while size := int(await reader.readline(), 16):
        yield (await reader.readexactly(size + 2))[:-2]
    await reader.readline()


def http(status: str, body: bytes, *headers: str, length: int | None = None) -> bytes:
    told = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join([*told, "", ""]).encode() + body


def answering(body: Any, status: str = "200 OK") -> Way:
    """The way of a server that is well."""

    async def way(_: Faulty, __: Arrived, writer: asyncio.StreamWriter) -> None:
        writer.write(http(status, json.dumps(body).encode(), "Content-Type: application/json"))
        await writer.drain()

    return way


def sending(raw: bytes, *, close: bool = True) -> Way:
    async def way(_: Faulty, __: Arrived, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        if close:
            writer.close()

    return way


async def hanging(faulty: Faulty, _: Arrived, __: asyncio.StreamWriter) -> None:
    """Nothing at all, until the test is over."""
    await faulty.released.wait()


async def hanging_in_mid_body(faulty: Faulty, _: Arrived, writer: asyncio.StreamWriter) -> None:
    writer.write(http("200 OK", b'{"results":', length=1000))
    await writer.drain()
    await faulty.released.wait()


async def resetting(_: Faulty, __: Arrived, writer: asyncio.StreamWriter) -> None:
    reset(writer)


async def resetting_in_mid_body(_: Faulty, __: Arrived, writer: asyncio.StreamWriter) -> None:
    writer.write(http("200 OK", b'{"results":', length=1000))
    await writer.drain()
    await asyncio.sleep(0)
    reset(writer)


def reset(writer: asyncio.StreamWriter) -> None:
    """Ends the connection as a process does that dies: by RST."""
    made = writer.get_extra_info("socket")
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
