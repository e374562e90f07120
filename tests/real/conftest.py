"""One real Parse Server a session, and one gateway process in front of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.real.servers import APP, ParseServer, parse_server, postgres
from tests.sdk.conftest import Process

CLIENTS = {
    "parse": {
        "app_id": "demo",
        "rest_key": "demo-rest",
        "javascript_key": "demo-js",
        "client_key": "demo-client",
        "master_key": "demo-master",
    },
    "leancloud": {"app_id": "demo", "app_key": "demo-key", "master_key": "demo-master"},
}


def config(url: str, **backend: Any) -> dict[str, Any]:
    """A gateway in front of a Parse Server; no key of a client's is one of the server's."""
    server = {key: value for key, value in APP.items() if key != "rest_key"}
    return {
        "server": {"host": "127.0.0.1", "port": 0, "public_url": "https://api.example.com"},
        "apps": [{"name": "demo", "backend": "server", "clients": CLIENTS, "users": {"client_queries": True}}],
        "backends": {"server": {"type": "parse", "url": url, **server, **backend}},
    }


@pytest.fixture(scope="session")
def database() -> Iterator[str]:
    with postgres() as address:
        yield address


@pytest.fixture(scope="session")
def server(database: str) -> Iterator[ParseServer]:
    with parse_server(database) as running:
        yield running


@pytest.fixture(scope="session")
def gateway_url(server: ParseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = tmp_path_factory.mktemp("gateway") / "config.yaml"
    path.write_text(yaml.safe_dump(config(server.url)), encoding="utf-8")
    gateway = Process(path)
    try:
        yield gateway.wait_until_listening()
    finally:
        status = gateway.stop()
    assert status == 0, f"the gateway ended with status {status}:\n{gateway.output}"
