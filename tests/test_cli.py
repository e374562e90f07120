"""The command line, as it is used: in a process of its own, from a folder that is not the checkout."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import yaml

from gateway import __version__
from tests.process import EXAMPLE, PARSE, SECONDS, Gateway, needs_proc, serving


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gateway", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False)


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def terminate(gateway: Gateway) -> None:
    gateway.process.terminate()


def press_control_c(gateway: Gateway) -> None:
    """A terminal sends it to every process of the group."""
    os.killpg(gateway.process.pid, signal.SIGINT)


@contextmanager
def begun(gateway: Gateway) -> Iterator[socket.socket]:
    """A create whose last four bytes are still to come."""
    host, port = gateway.address.removeprefix("http://").split(":")
    head = "".join(f"{name}: {value}\r\n" for name, value in PARSE.items())
    with socket.create_connection((host, int(port)), timeout=SECONDS) as connection:
        head += "Content-Length: 9\r\nExpect: 100-continue\r\n"
        connection.sendall(f"POST /parse/classes/Late HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode())
        assert connection.recv(10_000) == b"HTTP/1.1 100 Continue\r\n\r\n"  # so that it has begun
        connection.sendall(b'{"n":')
        yield connection


# --- serve ---


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_tells_where_it_is_and_leaves_cleanly(number: signal.Signals, workers: str, tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", workers) as gateway:
        lines = gateway.told.splitlines()
        assert re.fullmatch(r"listening on http://127\.0\.0\.1:[1-9]\d*", lines[0])
        assert sorted(lines[1:4]) == [
            "  Backendless at /{app_id}/{api_key} and /api and /v1, for blog",
            "  LeanCloud at /1.1, for blog",
            "  Parse at /parse and /1, for blog",
        ]
        assert gateway.ask("GET", "/_gateway/health") == {"status": "ok", "version": __version__}
        assert gateway.stop(number) == 0
        with pytest.raises(OSError):  # noqa: PT011 (refused or reset, as the system likes)
            gateway.ask("GET", "/_gateway/health")


def test_the_printed_curls_work_as_they_are(tmp_path: Path) -> None:
    with serving(tmp_path) as gateway:
        curls = re.findall(r"^curl (?:.*\\\n)*.*$", gateway.told, re.MULTILINE)
        assert len(curls) == 3
        for curl in curls:
            done = subprocess.run(
                ["bash", "-c", curl.replace("curl", "curl --silent --show-error --fail", 1)],
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=True,
            )
            assert {"objectId"} < set(json.loads(done.stdout))
        found = gateway.ask("GET", "/parse/classes/Note")["results"]
        assert [note["title"] for note in found] == ["from Parse", "from LeanCloud", "from Backendless"]


def test_no_master_key_is_printed_and_hints_can_be_left_out(tmp_path: Path) -> None:
    with serving(tmp_path, "--no-hints") as gateway:
        assert "curl" not in gateway.told
    with serving(tmp_path) as gateway:
        assert "demo-master" not in gateway.told
        assert "demo" not in gateway.errors_so_far()


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("stop", [terminate, press_control_c])
def test_a_request_under_way_is_answered_before_the_process_ends(
    stop: Callable[[Gateway], None], workers: str, tmp_path: Path
) -> None:
    with serving(tmp_path, "--workers", workers) as gateway:
        with begun(gateway) as connection:
            stop(gateway)
            time.sleep(0.2)  # nothing tells that a signal was taken
            connection.sendall(b"123}")
            assert connection.recv(10_000).startswith(b"HTTP/1.1 201 ")
        assert gateway.process.wait(SECONDS) == 0
    with serving(tmp_path) as gateway:
        assert [late["n"] for late in gateway.ask("GET", "/parse/classes/Late")["results"]] == [123]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_second_signal_ends_it_at_once(workers: str, tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", workers) as gateway, begun(gateway):
        started = time.monotonic()
        gateway.process.terminate()
        while gateway.process.poll() is None:
            time.sleep(0.2)  # of two signals that come at once a process sees one
            gateway.process.terminate()
        assert time.monotonic() - started < 8  # the grace is ten


@needs_proc
def test_a_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2") as gateway:
        eventually(lambda: len(gateway.workers()) == 2)
        before = gateway.workers()
        os.kill(before[0], signal.SIGKILL)
        eventually(lambda: len(set(gateway.workers()) - set(before)) == 1)
        for number in range(10):
            gateway.ask("POST", "/parse/classes/Note", {"n": number})
        assert "worker ended, starting another exit=-9" in gateway.errors_so_far()
        assert gateway.stop() == 0


@needs_proc
def test_workers_leave_when_their_parent_was_killed(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2") as gateway:
        eventually(lambda: len(gateway.workers()) == 2)
        orphans = gateway.workers()
        gateway.process.kill()
        gateway.process.wait(SECONDS)
        eventually(lambda: not any(is_alive(pid) for pid in orphans))


def is_alive(pid: int) -> bool:
    with suppress(OSError):
        # a process that ended stays as a zombie until somebody asks for it
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    return False


def test_workers_take_writes_of_one_store_in_turn(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2") as gateway:
        made = gateway.ask("POST", "/parse/classes/Counter", {"n": 0})["objectId"]

        def increment() -> None:
            for _ in range(25):
                gateway.ask("PUT", f"/parse/classes/Counter/{made}", {"n": {"__op": "Increment", "amount": 1}})

        threads = [threading.Thread(target=increment) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert gateway.ask("GET", f"/parse/classes/Counter/{made}")["n"] == 100


# --- what stops the start ---


@pytest.mark.parametrize("workers", [[], ["--workers", "2"]])
def test_a_bad_config_is_one_message_and_status_2(workers: list[str], tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(EXAMPLE.read_text(encoding="utf-8").replace("port: 8080", "port: eighty"), encoding="utf-8")
    done = run(tmp_path, "serve", *workers)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "cannot start: config.yaml: server.port: should be a valid integer\n"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_store_that_cannot_be_opened_is_one_message_and_status_2(workers: str, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("no folder", encoding="utf-8")
    done = run(tmp_path, "serve", "--config", str(EXAMPLE), "--port", "0", "--workers", workers)
    assert (done.returncode, done.stdout) == (2, "")
    messages = set(done.stderr.splitlines())
    assert messages == {"cannot start: backends.local: data: the folder cannot be made: File exists"}


def test_a_port_that_is_taken_is_one_message_and_status_2(tmp_path: Path) -> None:
    with serving(tmp_path) as gateway:
        port = gateway.address.rpartition(":")[2]
        done = run(tmp_path, "serve", "--config", str(EXAMPLE), "--port", port)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"cannot start: cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_a_config_that_is_not_there_is_one_message_and_status_2(tmp_path: Path) -> None:
    for command in ("serve", "check"):
        done = run(tmp_path, command)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == "cannot start: config.yaml: no such file; config.example.yaml is one to start from\n"


# --- the other commands ---


def test_check_tells_what_would_be_served(tmp_path: Path) -> None:
    done = run(tmp_path, "check", "--config", str(EXAMPLE))
    assert (done.returncode, done.stderr) == (0, "")
    for word in (
        "Parse",
        "/parse, /1",
        "LeanCloud",
        "/1.1",
        "Backendless",
        "/api",
        "blog",
        "local",
        "embedded",
        "find",
        "all is well",
    ):
        assert word in done.stdout
    assert "demo" not in done.stdout
    assert list(tmp_path.iterdir()) == []  # it opened no store


def test_check_for_programs(tmp_path: Path) -> None:
    done = run(tmp_path, "check", "--config", str(EXAMPLE), "--json")
    told = json.loads(done.stdout)
    assert told["apps"] == [
        {"name": "blog", "backend": "local", "dialects": ["parse", "leancloud", "backendless"], "custom_ids": False}
    ]
    assert told["dialects"]["parse"]["mounts"] == ["/parse", "/1"]
    assert set(told["dialects"]["leancloud"]["operations"]) <= set(told["backends"]["local"]["operations"])
    assert told["backends"]["local"]["used"] is True
    assert {ability["way"] for ability in told["backends"]["local"]["abilities"].values()} == {"native"}
    assert told["admin_store"] is None


def test_check_tells_where_apps_of_accounts_are(tmp_path: Path) -> None:
    config = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    config["server"]["accounts"] = {"ann@example.com": {"password": "$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA"}}
    config["server"]["admin_store"] = {"url": "sqlite:///data/apps.db", "like": "blog"}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    told = json.loads(run(tmp_path, "check", "--json").stdout)["admin_store"]
    assert told == {"url": "sqlite:///data/apps.db", "folder": "data/apps.apps", "most": 20, "like": "blog"}
    shown = run(tmp_path, "check").stdout
    assert "Apps of accounts" in shown
    assert "at most 20" in shown
    assert "argon2" not in shown
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]  # it opened no store


def test_check_tells_what_a_remote_backend_does_by_other_means(tmp_path: Path) -> None:
    config = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    far = {"type": "parse", "url": "http://127.0.0.1:1/parse", "app_id": "far", "emulate": ["bits"]}
    far["master_key"] = "far-master"  # the clients of tables among the example's need it
    config["backends"]["local"] = far
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    told = json.loads(run(tmp_path, "check", "--json").stdout)["backends"]["local"]
    ways = {what: told["abilities"][what]["way"] for what in ("find", "scan", "changes of bits", "deep_save")}
    assert ways == {"find": "native", "scan": "emulated", "changes of bits": "emulated", "deep_save": "refused"}
    assert "scan" in told["operations"]
    assert "deep_save" not in told["operations"]
    shown = run(tmp_path, "check")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "What backends do by other means" in shown.stdout


def test_check_tells_of_a_config_whose_parts_are_not_used(tmp_path: Path) -> None:
    config = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    del config["apps"][0]["clients"]["leancloud"]
    config["backends"]["idle"] = {"type": "embedded", "url": "sqlite:///idle.db"}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    told = json.loads(run(tmp_path, "check", "--json").stdout)
    assert told["dialects"]["leancloud"]["mounts"] == []
    assert told["backends"]["idle"]["used"] is False


def test_version(tmp_path: Path) -> None:
    assert run(tmp_path, "version").stdout == f"{__version__}\n"


def test_the_demonstration_shows_that_it_holds(tmp_path: Path) -> None:
    done = run(tmp_path, "demo")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.rstrip().endswith("All of it held.")
