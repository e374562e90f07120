"""A load generator: N keep-alive connections that each send the next request when the last is answered.

It is its own process, and cheap: requests are bytes made beforehand, and of an answer only the length is read, so that
the gateway is measured and not its client.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Load:
    requests_per_second: float
    median_ms: float
    slowest_percent_ms: float
    failures: int


@dataclass(slots=True)
class _Run:
    deadline: float
    requests: Sequence[bytes]
    next: int = 0
    failures: int = 0
    latencies: list[float] = field(default_factory=list)


class _Connection(asyncio.Protocol):
    def __init__(self, run: _Run, done: asyncio.Future[None]) -> None:
        self._run = run
        self._done = done
        self._received = b""
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def _send(self) -> None:
        run = self._run
        assert self._transport is not None
        if time.perf_counter() >= run.deadline:
            self._transport.close()
            return
        request = run.requests[run.next % len(run.requests)]
        run.next += 1
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        at = head.lower().find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(body) < length:
            return
        self._run.latencies.append(time.perf_counter() - self._sent_at)
        if head[9:10] != b"2":
            self._run.failures += 1
        self._received = b""
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_result(None)


async def run_load(host: str, port: int, requests: Sequence[bytes], *, connections: int, seconds: float) -> Load:
    loop = asyncio.get_running_loop()
    start = time.perf_counter()
    run = _Run(start + seconds, requests)
    done = [loop.create_future() for _ in range(connections)]
    for future in done:
        await loop.create_connection(lambda future=future: _Connection(run, future), host, port)  # type: ignore[misc]
    await asyncio.gather(*done)
    took = time.perf_counter() - start
    ordered = sorted(run.latencies)
    return Load(
        requests_per_second=len(ordered) / took,
        median_ms=ordered[len(ordered) // 2] * 1000,
        slowest_percent_ms=ordered[len(ordered) * 99 // 100] * 1000,
        failures=run.failures,
    )
