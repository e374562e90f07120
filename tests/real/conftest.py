"""One real Parse Server a session, and one gateway process in front of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.outside import OutsideWorld, outside_world
from tests.real.servers import APP, DATABASES, ParseServer, parse_server, postgres
from tests.sdk.conftest import MESSAGING, Process, inbox

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
CODE = {
    "parse": {"app_id": "code", "javascript_key": "code-js", "master_key": "code-master"},
    "leancloud": {"app_id": "code", "app_key": "code-key", "master_key": "code-master"},
}
"""The suites of functions have an app of their own; here it is the same server once more."""
TABLES = {
    "app_id": "demo",
    "js_key": "demo-js-key",
    "rest_key": "demo-rest-key",
    "cloud_code_key": "demo-cloud-code-key",
    "domains": ["localhost"],
}


PATIENT = {"connect_timeout": "30s", "timeout": "60s", "failures_until_open": 1000}
"""A machine with much to do makes no difference."""


def config(url: str, **backend: Any) -> dict[str, Any]:
    """A gateway in front of a Parse Server; no key of a client's is one of the server's."""
    server = {key: value for key, value in APP.items() if key != "rest_key"}
    demo = {"name": "demo", "backend": "server", "clients": CLIENTS, "users": {"client_queries": True}}
    keys = {"app_id": "routed-MdYXbMMI", "app_key": "routed-key"}
    routed = {"name": "routed", "backend": "server", "clients": {"leancloud": keys}}
    return {
        "server": {"host": "127.0.0.1", "port": 0, "public_url": "https://api.example.com"},
        "apps": [demo, {"name": "code", "backend": "server", "clients": CODE}, routed],
        "backends": {"server": {"type": "parse", "url": url, **server, **PATIENT, **backend}},
    }


@pytest.fixture(scope="session")
def database() -> Iterator[str]:
    with postgres() as address:
        yield address


@pytest.fixture(scope="session")
def server(database: str) -> Iterator[ParseServer]:
    with parse_server(database) as running:
        yield running


@pytest.fixture(scope="module")
def emptied(server: ParseServer) -> None:
    """Nothing is left of the tests of another file, whose columns have other types: which came before is chance."""
    server.empty()


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


@pytest.fixture(scope="session")
def world() -> Iterator[OutsideWorld]:
    """Where mails and pushes go that the gateway sends itself."""
    with outside_world() as world:
        yield world


@pytest.fixture(scope="session")
def inbox_url(world: OutsideWorld) -> Iterator[str]:
    with inbox(world) as url:
        yield url


@pytest.fixture(scope="session")
def tables_url(database: str, world: OutsideWorld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The same for clients of tables: ids may be their own, and what Parse Server has no idea of is kept beside it."""
    folder = tmp_path_factory.mktemp("tables")
    other = database.removesuffix(DATABASES[0]) + DATABASES[1]
    with parse_server(other, CUSTOM_IDS="1") as server:
        told = config(server.url, emulate=["conditions", "bits"])
        told["apps"][0] |= {
            "services_store": "kept",
            "functions": {"shop.order": world.code, "hello": world.code},
            "events": {"ordered": world.code},
            "clients": {**CLIENTS, "backendless": TABLES},
        }
        told["apps"][1] = {
            "name": "tell",
            "backend": "server",
            "services_store": "kept",
            "mail": "mail",
            "push": {"to": {"*": "sms"}, "clients": True},
            "messaging": MESSAGING,
            "clients": {"backendless": {"app_id": "tell", "js_key": "tell-js-key", "cloud_code_key": "tell-code-key"}},
        }
        told["adapters"] = world.adapters
        told["backends"]["kept"] = {"type": "embedded", "url": f"sqlite:///{folder}/kept.db"}
        path = folder / "config.yaml"
        path.write_text(yaml.safe_dump(told), encoding="utf-8")
        gateway = Process(path)
        try:
            yield gateway.wait_until_listening()
        finally:
            status = gateway.stop()
        assert status == 0, f"the gateway ended with status {status}:\n{gateway.output}"
