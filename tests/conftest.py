"""What tests of several parts share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack

import pytest
from aiohttp import web
from hypothesis import HealthCheck, settings

from gateway.app import address_of, listen, running
from gateway.dialects.dialect import Dialect
from tests import compiled
from tests.log_watch import WATCH
from tests.outside import OutsideWorld, outside_world

Serving = Callable[[web.Application], Awaitable[str]]

# how long an example takes says something of the machine only; with CI in the environment they are the same each time
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.fixture(scope="session", autouse=True)
def watched_logs() -> Iterator[None]:
    """No key, token or password is in any log of the whole run; see tests/log_watch.py. It ends after all others."""
    with WATCH.of_everything():
        yield
    assert not WATCH.leaks, "logged:\n" + "\n".join(sorted(WATCH.leaks))


@pytest.fixture(scope="session")
def dialects() -> Mapping[str, Dialect]:
    return compiled.dialects()


@pytest.fixture
async def serving() -> AsyncIterator[Serving]:
    """Serves an application on a real port, as `baas-gateway serve` does, until the test ends; answers its address."""
    async with AsyncExitStack() as stack:

        async def serve(app: web.Application) -> str:
            listening = stack.enter_context(listen("127.0.0.1", 0))
            await stack.enter_async_context(running(app, listening, grace=5))
            return address_of(listening)

        yield serve


@pytest.fixture
def outside() -> Iterator[OutsideWorld]:
    """A mail server and a receiver of webhooks, see tests/outside.py."""
    with outside_world() as world:
        yield world
