"""What tests of several parts share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack

import pytest
from aiohttp import web

from gateway.app import address_of, listen, mappings_directory, running
from gateway.dialects.dialect import Dialect, load_dialects
from tests.log_watch import WATCH
from tests.outside import OutsideWorld, outside_world

Serving = Callable[[web.Application], Awaitable[str]]


@pytest.fixture(scope="session", autouse=True)
def watched_logs() -> Iterator[None]:
    """No key, token or password is in any log of the whole run; see tests/log_watch.py. It ends after all others."""
    with WATCH.of_everything():
        yield
    assert not WATCH.leaks, "logged:\n" + "\n".join(sorted(WATCH.leaks))


@pytest.fixture(scope="session")
def dialects() -> Mapping[str, Dialect]:
    return load_dialects(mappings_directory())


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
