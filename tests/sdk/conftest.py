"""One real gateway process a session, which all SDKs speak to.

With GATEWAY_URL in the environment the SDKs speak to that server instead, whatever stands behind it; `target.mjs` and
`leancloud_python/suite.py` name the variables for its keys.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from tests.log_watch import WATCH
from tests.outside import OutsideWorld, outside_world

START_SECONDS = 30
STOP_SECONDS = 15
LISTENING = re.compile(r"listening on (http://\S+)")


RULES = {
    "permissions": {
        "find": ["authenticated"],
        "create": ["authenticated"],
        "update": ["field:by"],
        "delete": [],
        "add_field": [],
    },
    "default_acl": {"everybody": ["read"], "owner": ["read", "write"]},
    "protected_fields": {"everybody": ["secret"]},
    "read_only": ["score"],
}
"""As LeanCloud's console would set them: there is no way to set them by its API."""

PROVIDERS = ("github", "myprovider", "test", "weixin")
"""Whose users the gateway believes to be who they say."""


def config(database: Path, outside: OutsideWorld) -> dict[str, object]:
    users = {"auth_providers": {name: {"trust": True} for name in PROVIDERS}}
    return {
        "server": {"host": "127.0.0.1", "port": 0, "public_url": "https://api.example.com"},
        "apps": [
            {
                "name": "demo",
                "backend": "local",
                "classes": {"RuledByConfig": RULES},
                "users": users,
                "functions": {"shop.order": outside.code, "hello": outside.code},
                "events": {"ordered": outside.code},
                "clients": {
                    "backendless": {
                        "app_id": "demo",
                        "js_key": "demo-js-key",
                        "rest_key": "demo-rest-key",
                        "cloud_code_key": "demo-cloud-code-key",
                        "domains": ["localhost"],
                    },
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
                "name": "reach",  # the same once more, but it can reach its users
                "backend": "local",
                "users": users
                | {"verify_email": True, "verify_phone": True, "messages_apart": "0s", "codes_without_number": True},
                "mail": "mail",
                "sms": "sms",
                "captcha": "captcha",
                "clients": {
                    "parse": {"app_id": "reach", "javascript_key": "reach-js", "master_key": "reach-master"},
                    "leancloud": {"app_id": "reach", "app_key": "reach-key", "master_key": "reach-master"},
                },
            },
            {
                "name": "fixed",  # the same objects, but clients make no tables and no columns
                "backend": "local",
                "dynamic_schema": False,
                "clients": {"backendless": {"app_id": "fixed", "js_key": "fixed-js-key"}},
            },
            {
                "name": "open",  # the same users and objects, but clients may query users
                "backend": "local",
                "users": users | {"client_queries": True},
                "clients": {"leancloud": {"app_id": "open", "app_key": "open-key", "master_key": "open-master"}},
            },
        ],
        "backends": {"local": {"type": "embedded", "url": f"sqlite:///{database}"}},
        "adapters": outside.adapters,
    }


class Process:
    """A gateway that runs, and all that it has said."""

    def __init__(self, config_path: Path) -> None:
        self.url: str | None = None
        self.lines: list[str] = []
        self._told = threading.Event()
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "gateway", "serve", "--config", str(config_path), "--port", "0", "--no-hints"],
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
            WATCH.take(self.lines)
            assert self._popen.stdout is not None
            self._popen.stdout.close()

    @property
    def output(self) -> str:
        return "".join(self.lines)


@pytest.fixture(scope="session")
def world() -> Iterator[OutsideWorld]:
    """Where mails and text messages of the gateway go."""
    with outside_world() as world:
        yield world


@pytest.fixture(scope="session")
def inbox_url(world: OutsideWorld) -> Iterator[str]:
    """Tells what has arrived, for tests in another process: `/mails` and `/messages`, as lists of JSON."""

    class Inbox(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            mails = [{"to": list(mail.to), "subject": mail.subject, "text": mail.text} for mail in world.mails]
            told = json.dumps(mails if self.path == "/mails" else world.messages).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Inbox) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def gateway_url(tmp_path_factory: pytest.TempPathFactory, world: OutsideWorld) -> Iterator[str]:
    if given := os.environ.get("GATEWAY_URL"):
        yield given
        return
    directory = tmp_path_factory.mktemp("gateway")
    config_path = directory / "config.yaml"
    config_path.write_text(yaml.safe_dump(config(directory / "demo.db", world)), encoding="utf-8")
    gateway = Process(config_path)
    try:
        url = gateway.wait_until_listening()
        yield url
    finally:
        status = gateway.stop()
    assert status == 0, f"the gateway ended with status {status}:\n{gateway.output}"
