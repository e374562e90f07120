"""Ports for servers that have to be told theirs before they listen.

A port that the system gives out and takes back is anybody's until the server has it, which takes Node.js seconds: of
two processes of tests one could get the other's. These are below those that the system gives out by itself (from 32768
on Linux, from 49152 elsewhere), and each process of the tests has some of its own.
"""

from __future__ import annotations

import os
import socket
from itertools import count
from typing import Final

LOWEST: Final = 20_000
MANY: Final = 1_500
"""Of one process; there are enough for eight."""

_FIRST: Final = LOWEST + MANY * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8)
# another run on the same machine begins elsewhere
_numbers = count(os.getpid())


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on, and that nobody else is told for a long while."""
    for _ in range(MANY):
        port = _FIRST + next(_numbers) % MANY
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
    raise AssertionError("no port is free")
