"""One real gateway process a session, which all SDKs speak to.

With GATEWAY_URL in the environment the SDKs speak to that server instead, whatever stands behind it; `target.mjs` and
`leancloud_python/suite.py` name the variables for its keys.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

START_SECONDS = 30
STOP_SECONDS = 15
LISTENING = re.compile(r"listening on (http://\S+)")


PROVIDERS = ("github", "myprovider", "test", "weixin")
"""Whose users the gateway believes to be who they say."""


def config(database: Path) -> dict[str, object]:
    users = {"auth_providers": {name: {"trust": True} for name in PROVIDERS}}
    return {
        "server": {"host": "127.0.0.1", "port": 0},
        "apps": [
            {
                "name": "demo",
                "backend": "local",
                "users": users,
                "clients": {
                    "parse": {
                        "app_id": "demo",
                        "rest_key": "demo-rest",
                        "javascript_key": "demo-js",
                        "client_key": "demo-client",
                        "master_key": "demo-master",
                    },
                    "leancloud": {"app_id": "demo", "app_key": "demo-key", "master_key": "demo-master"},
                },
            },
            {
                "name": "open",  # the same users and objects, but clients may query users
                "backend": "local",
                "users": users | {"client_queries": True},
                "clients": {"leancloud": {"app_id": "open", "app_key": "open-key", "master_key": "open-master"}},
            },
        ],
        "backends": {"local": {"type": "embedded", "url": f"sqlite:///{database}"}},
    }


class Process:
    """A gateway that runs, and all that it has said."""

    def __init__(self, config_path: Path) -> None:
        self.url: str | None = None
        self.lines: list[str] = []
        self._told = threading.Event()
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "gateway", "serve", "--config", str(config_path), "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._popen.stdout is not None
        for line in self._popen.stdout:
            self.lines.append(line)
            if self.url is None and (match := LISTENING.search(line)):
                self.url = match[1]
                self._told.set()
        self._told.set()  # the end of its output is the end of waiting, too

    def wait_until_listening(self) -> str:
        self._told.wait(START_SECONDS)
        assert self.url is not None, f"the gateway does not listen:\n{self.output}"
        return self.url

    def stop(self) -> int:
        self._popen.send_signal(signal.SIGTERM)
        try:
            return self._popen.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
            raise
        finally:
            self._reader.join(STOP_SECONDS)
            assert self._popen.stdout is not None
            self._popen.stdout.close()

    @property
    def output(self) -> str:
        return "".join(self.lines)


@pytest.fixture(scope="session")
def gateway_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if given := os.environ.get("GATEWAY_URL"):
        yield given
        return
    directory = tmp_path_factory.mktemp("gateway")
    config_path = directory / "config.yaml"
    config_path.write_text(yaml.safe_dump(config(directory / "demo.db")), encoding="utf-8")
    gateway = Process(config_path)
    try:
        url = gateway.wait_until_listening()
        yield url
    finally:
        status = gateway.stop()
    assert status == 0, f"the gateway ended with status {status}:\n{gateway.output}"
