"""A gateway in a process of its own, from the outside."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.log_watch import WATCH

EXAMPLE = Path(__file__).parent.parent / "config.example.yaml"
PARSE = {"X-Parse-Application-Id": "demo", "X-Parse-REST-API-Key": "demo-rest", "Content-Type": "application/json"}
LEANCLOUD = {"X-LC-Id": "demo", "X-LC-Key": "demo-key", "Content-Type": "application/json"}
SECONDS = 120
"""What a gateway has to start, to answer and to end, on a machine with much to do."""

needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system has no /proc")


class Gateway:
    """A `serve` under way. `told` is what it printed when it was ready."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.errors = (folder / "errors.txt").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gateway", "serve", "--config", str(EXAMPLE), "--port", "0", *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            start_new_session=True,
        )
        self.told = self.address = ""

    def wait_until_ready(self) -> None:
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as ready:
            ready.register(self.process.stdout, selectors.EVENT_READ)
            assert ready.select(SECONDS), "the gateway says nothing"
        self.told = os.read(self.process.stdout.fileno(), 100_000).decode()
        assert self.told, f"the gateway does not start: {self.errors_so_far()}"
        self.address = self.told.splitlines()[0].removeprefix("listening on ")

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data, PARSE, method=method)
        with urllib.request.urlopen(request, timeout=SECONDS) as response:
            return json.load(response)

    def memory(self) -> int:
        """Resident, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return 1024 * int(status.partition("VmRSS:")[2].split()[0])

    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii")
        return [int(pid) for pid in children.split()]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(SECONDS)

    def errors_so_far(self) -> str:
        self.errors.seek(0)
        return self.errors.read()


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[Gateway]:
    gateway = Gateway(folder, *arguments)
    try:
        gateway.wait_until_ready()
        yield gateway
    finally:
        if gateway.process.poll() is None:
            gateway.process.kill()
        gateway.process.wait(SECONDS)
        WATCH.take(gateway.errors_so_far().splitlines())
        assert gateway.process.stdout is not None
        gateway.process.stdout.close()
        gateway.errors.close()
