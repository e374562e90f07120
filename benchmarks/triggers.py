"""What it costs to look for triggers where an app has none, per operation."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.translate import Timing
from gateway.adapters.functions import WebhookFunctions
from gateway.backends.base import Backend
from gateway.backends.embedded import Embedded
from gateway.backends.hooks import RegisteredHooks
from gateway.backends.ledger import Ledger
from gateway.backends.triggers import Triggers
from gateway.model.operation import Caller, Get, Operation, Result

GET = Get(class_name="Post", id="x")
CALLER = Caller("bench")
ROUND = 2000


class _Nothing:
    """A backend that answers at once."""

    async def execute(self, op: Operation, caller: Caller) -> Result:
        return Result()

    async def identify(self, caller: Caller) -> Caller:
        return caller

    async def close(self) -> None:
        pass


def measure(seconds: float) -> list[Timing]:
    """Without triggers, and where the owner might have registered some: a read of the store every two seconds."""
    return asyncio.run(_measure(seconds))


async def _measure(seconds: float) -> list[Timing]:
    bare = _Nothing()
    with TemporaryDirectory() as folder:
        store = await Embedded.open(f"sqlite:///{Path(folder) / 'bench.db'}", secret=b"s" * 32)
        hooks = RegisteredHooks(Ledger(store))
        layers = {
            "nothing to ask: none in the config": Triggers(bare, WebhookFunctions(), now=time.time),
            "... nor any registered": Triggers(bare, WebhookFunctions(), registered=hooks, now=time.time),
        }
        timings = []
        for title, layer in layers.items():
            alone, through = await _fastest(bare, seconds / 2), await _fastest(layer, seconds / 2)
            timings.append(Timing(title, max(0.0, through - alone), None))
        await store.close()
    return timings


async def _fastest(backend: Backend, seconds: float) -> float:
    """Microseconds of one operation, in the fastest round."""
    best, until = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < until:
        began = time.perf_counter()
        for _ in range(ROUND):
            await backend.execute(GET, CALLER)
        best = min(best, time.perf_counter() - began)
    return best / ROUND * 1e6
