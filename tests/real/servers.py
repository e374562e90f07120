"""Servers of others, started for the tests: PostgreSQL with PostGIS, and Parse Server on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

import pytest

from tests.ports import free_port

HERE = Path(__file__).parent
START_SECONDS = 120
STOP_SECONDS = 60
DATABASES = ("parse", "tables", "in_a_row", "mails")

APP = {"app_id": "real-app", "rest_key": "real-rest", "javascript_key": "real-js", "master_key": "real-master"}
"""What server.js is configured with."""


def missing(what: str) -> NoReturn:
    """Skips on a developer's machine; in CI everything must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


def postgres_programs() -> Path:
    """The folder of the newest PostgreSQL that has PostGIS, which GeoPoint columns of Parse Server need."""
    found = [
        path
        for path in Path("/usr/lib/postgresql").glob("*/bin")
        if Path(f"/usr/share/postgresql/{path.parent.name}/extension/postgis.control").is_file()
    ]
    if not found:
        missing("no PostgreSQL with PostGIS; on Debian and Ubuntu: apt-get install postgresql postgresql-postgis")
    return max(found, key=lambda path: int(path.parent.name))


@contextmanager
def postgres() -> Iterator[str]:
    """A cluster of its own in a folder of its own, with DATABASES; the address of the first."""
    programs, port = postgres_programs(), free_port()
    # PostgreSQL refuses root, whose tests it then runs as the user that Debian's package has made for it
    somebody = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []

    def run(program: str, *arguments: str) -> None:
        command = [*somebody, str(programs / program), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=START_SECONDS, check=False, cwd="/")
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"

    with TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder:
        data = str(Path(folder) / "data")
        if somebody:
            shutil.chown(folder, "postgres")
        run("initdb", "-D", data, "-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        settings = (
            *("listen_addresses=127.0.0.1", f"port={port}", "unix_socket_directories=", "max_connections=200"),
            *("fsync=off", "synchronous_commit=off", "full_page_writes=off", "idle_in_transaction_session_timeout=3s"),
            "autovacuum=off",  # it would renew the planner's estimates, by which Parse Server counts, at any moment
        )
        with subprocess.Popen(
            [*somebody, str(programs / "postgres"), "-D", data, *(f"--{setting}" for setting in settings)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
        ) as process:
            try:
                server = ["-h", "127.0.0.1", "-p", str(port), "-U", "postgres"]
                _until(lambda: subprocess.run([programs / "pg_isready", "-q", *server], check=False).returncode == 0)
                for database in DATABASES:
                    run("createdb", *server, database)
                    run("psql", "-q", *server, "-d", database, "-c", "CREATE EXTENSION postgis")
                yield f"postgres://postgres@127.0.0.1:{port}/parse"
            finally:
                run("pg_ctl", "-D", data, "-m", "immediate", "stop")
                process.wait(STOP_SECONDS)


def _until(ready: object) -> None:
    assert callable(ready)
    for _ in range(START_SECONDS * 20):
        if ready():
            return
        threading.Event().wait(0.05)
    pytest.fail("PostgreSQL does not answer")


@dataclass(frozen=True, slots=True)
class ParseServer:
    """A running one. `url` has the path where it is mounted."""

    url: str
    control: str

    @property
    def inbox(self) -> str:
        """Where the suites look for the pushes and mails that it has sent."""
        return self.control.rstrip("/")

    def define_code(self) -> None:
        """Its functions once more: whoever takes a webhook away takes away the function that it has hidden."""
        with urllib.request.urlopen(f"{self.inbox}/code", timeout=START_SECONDS) as answer:
            assert answer.status == 200

    def empty(self) -> None:
        """Away with everything that is stored."""
        with urllib.request.urlopen(self.control, timeout=START_SECONDS) as answer:
            assert answer.status == 200


@contextmanager
def parse_server(database: str, **options: str) -> Iterator[ParseServer]:
    """`options` go into the environment of server.js."""
    node = shutil.which("node")
    if node is None:
        missing("Parse Server needs node 20 or newer: https://nodejs.org")
    if not (HERE / "node_modules" / "parse-server").is_dir():
        missing(f"Parse Server is not installed: npm ci --prefix {HERE}")
    port, control = free_port(), free_port()
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="parse-server-", ignore_cleanup_errors=True))
        told = {"PORT": str(port), "CONTROL_PORT": str(control), "DATABASE_URL": database, "FOLDER": folder}
        process = stack.enter_context(
            subprocess.Popen(
                [node, str(HERE / "server.js")],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                env=os.environ | told | options,
                cwd=folder,  # until it has read its options it logs to where it is
            )
        )
        assert process.stdout is not None
        said: list[str] = []
        ready = threading.Event()

        def read() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                said.append(line)
                if line == "ready\n":
                    ready.set()
            ready.set()

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            ready.wait(START_SECONDS)
            assert "ready\n" in said, f"Parse Server does not start:\n{''.join(said)}"
            server = ParseServer(f"http://127.0.0.1:{port}/parse", f"http://127.0.0.1:{control}/")
            server.empty()
            yield server
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
            reader.join(STOP_SECONDS)


if __name__ == "__main__":
    # for trying things out by hand: the address of an empty server, which ends with its input
    with postgres() as there, parse_server(there) as found:
        print(found.url, flush=True)
        sys.stdin.read()
