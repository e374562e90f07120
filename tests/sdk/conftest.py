"""One real gateway process a session, which all SDKs speak to.

With GATEWAY_URL in the environment the SDKs speak to that server instead, whatever stands behind it; `target.mjs` and
`leancloud_python/suite.py` name the variables for its keys.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from tests.log_watch import WATCH
from tests.outside import OutsideWorld, ReceivedMail, outside_world
from tests.ports import free_port

HERE = Path(__file__).parent
START_SECONDS = 120
STOP_SECONDS = 60
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


HOOK_KEY = "code-hook-key"
"""What the app's own code has beside its other keys."""


MESSAGING = {
    "emails_an_hour": 1000,
    "email_templates": {"Welcome": {"subject": "Hi {who}", "text": "Dear {who}", "html": "<b>{who}</b>"}},
    "push_templates": {"Hello": {"message": "Hello {who}", "title": "T", "channels": ["hello"]}},
}
"""What an app that clients tell devices by is allowed, and its templates."""


def config(
    database: Path, outside: OutsideWorld, engine_port: int = 9, public_url: str = "https://api.example.com"
) -> dict[str, object]:
    users = {"auth_providers": {name: {"trust": True} for name in PROVIDERS}}
    files = {"storage": "disk", "max_size": "64MB"}
    disk = {"type": "disk", "folder": str(database.parent / "files")}
    return {
        "server": {"host": "127.0.0.1", "port": 0, "public_url": public_url},
        "apps": [
            {
                "name": "demo",
                "backend": "local",
                "files": files,
                "classes": {"RuledByConfig": RULES},
                "users": users,
                "fetch": {"hosts": ["files.example"]},
                "functions": {"shop.order": outside.code, "hello": outside.code},
                "events": {"ordered": outside.code},
                "registered_hooks": {"private": True},  # the suites have receivers of their own on this machine
                "jobs": {"clean": outside.code, "count": outside.code},
                "push": {"to": {"*": "sms"}},
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
                "files": files,
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
                "files": files,
                "dynamic_schema": False,
                "clients": {"backendless": {"app_id": "fixed", "js_key": "fixed-js-key"}},
            },
            {
                "name": "open",  # the same users and objects, but clients may query users
                "backend": "local",
                "files": files,
                "users": users | {"client_queries": True},
                "clients": {"leancloud": {"app_id": "open", "app_key": "open-key", "master_key": "open-master"}},
            },
            code_app(outside, engine_port),
            {
                "name": "routed",  # its clients are told no server, and ask where one is: by the id, in the US region
                "backend": "local",
                "files": files,
                "clients": {"leancloud": {"app_id": "routed-MdYXbMMI", "app_key": "routed-key"}},
            },
            {
                "name": "tell",  # the same once more, but clients tell devices, and send emails
                "backend": "local",
                "files": files,
                "mail": "mail",
                "push": {"to": {"*": "sms"}, "clients": True},
                "messaging": MESSAGING,
                "clients": {
                    "backendless": {"app_id": "tell", "js_key": "tell-js-key", "cloud_code_key": "tell-code-key"},
                },
            },
        ],
        "backends": {"local": {"type": "embedded", "url": f"sqlite:///{database}"}},
        "adapters": {**outside.adapters, "disk": disk},
    }


def code_app(outside: OutsideWorld, engine_port: int) -> dict[str, object]:
    """An app whose own code runs elsewhere: at a server of code, and at webhooks."""
    webhook = outside.code
    moments = ("before_save", "after_save", "before_delete", "after_delete", "before_find")
    return {
        "name": "code",
        "backend": "local",
        "functions": {"hello": webhook},
        "triggers": {"Watched": dict.fromkeys(moments, webhook)},
        "engine": {"url": f"http://127.0.0.1:{engine_port}", "format": "leancloud", "timeout": "30s"},
        "registered_hooks": {"private": True},
        "clients": {
            "backendless": {"app_id": "code", "js_key": "code-js-key", "cloud_code_key": "code-cloud-code-key"},
            "parse": {"app_id": "code", "javascript_key": "code-js", "master_key": "code-master"},
            "leancloud": {
                "app_id": "code",
                "app_key": "code-key",
                "master_key": "code-master",
                "hook_key": HOOK_KEY,
            },
        },
    }


@contextmanager
def engine(port: int, gateway: str) -> Iterator[None]:
    """An app of LeanEngine that listens on `port`, and asks the gateway for what it needs."""
    node = shutil.which("node")
    if node is None or not (HERE / "node_modules" / "leanengine").is_dir():
        yield  # the tests that want it say what is missing
        return
    keys = {"ID": "code", "KEY": "code-key", "MASTER_KEY": "code-master", "HOOK_KEY": HOOK_KEY, "PORT": str(port)}
    env = os.environ | {f"LEANCLOUD_APP_{name}": value for name, value in keys.items()}
    with subprocess.Popen(
        [node, "engine.cjs"],
        cwd=HERE,
        env=env | {"LEANCLOUD_API_SERVER": gateway},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert "engine on" in process.stdout.readline(), "the engine does not start"
            drain = threading.Thread(target=process.stdout.read, daemon=True)
            drain.start()
            yield
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


class Process:
    """A gateway that runs, and all that it has said."""

    def __init__(self, config_path: Path, port: int = 0) -> None:
        self.url: str | None = None
        self.lines: list[str] = []
        self._told = threading.Event()
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "gateway", "serve", "--config", str(config_path), "--port", str(port), "--no-hints"],
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


def _told(mail: ReceivedMail) -> dict[str, object]:
    attached = {part.get_filename(): part.get_content() for part in mail.message.iter_attachments()}
    return {"to": list(mail.to), "subject": mail.subject, "text": mail.text, "html": mail.html, "attached": attached}


@contextmanager
def inbox(world: OutsideWorld) -> Iterator[str]:
    """Tells what has arrived, for tests in another process: `/mails`, `/messages` and `/pushes`, as lists of JSON."""

    class Inbox(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            arrived = {"/mails": [_told(mail) for mail in world.mails], "/pushes": world.asked("push.send")}
            told = json.dumps(arrived.get(self.path, world.messages)).encode()
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
def inbox_url(world: OutsideWorld) -> Iterator[str]:
    with inbox(world) as url:
        yield url


@pytest.fixture(scope="session")
def gateway_url(tmp_path_factory: pytest.TempPathFactory, world: OutsideWorld) -> Iterator[str]:
    if given := os.environ.get("GATEWAY_URL"):
        yield given
        return
    directory = tmp_path_factory.mktemp("gateway")
    config_path = directory / "config.yaml"
    port = free_port()
    # its own address is told to clients that bring files, which have to reach it there
    own_port = free_port()
    told = config(directory / "demo.db", world, port, f"http://127.0.0.1:{own_port}")
    config_path.write_text(yaml.safe_dump(told), encoding="utf-8")
    gateway = Process(config_path, own_port)
    try:
        url = gateway.wait_until_listening()
        with engine(port, url):
            yield url
    finally:
        status = gateway.stop()
    assert status == 0, f"the gateway ended with status {status}:\n{gateway.output}"
