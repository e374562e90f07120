"""The same calls of the Parse SDK to Parse Server itself, and to it through two gateways that speak another dialect.

    SDK ── Parse Server
    SDK ── gateway ── LeanCloud's words ── gateway ── Parse Server
    SDK ── gateway ── Backendless' words ── gateway ── Parse Server

The answers are the same once ids, tokens and times are taken out. What is not is in DIFFERENCES, each with its reason:
one that is not there fails, and so does one that is there and is none.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.real.conftest import CLIENTS, PATIENT, TABLES, config
from tests.real.servers import APP, DATABASES, missing, parse_server
from tests.real.test_parse_server import http
from tests.sdk.conftest import Process

HERE = Path(__file__).parent
SECONDS = 240
IDS: Final = re.compile(r'"(?:objectId|ownerId)":"([^"]+)"')
TIMES: Final = re.compile(r'"(createdAt|updatedAt|iso)":"[^"]+"')
TOKEN: Final = re.compile(r'"sessionToken":"[^"]+"')

MASTER: Final = {"X-Parse-Application-Id": APP["app_id"], "X-Parse-Master-Key": APP["master_key"]}

OPERATOR = "an operator that is none is a bad query for the gateway, and forbidden for Parse Server"
LISTS = "Backendless has no lists, but in columns of JSON that were made before"
POINTERS = "a new column of pointers is made apart, which `emulate` does not allow here: what follows has none"
ACLS = "Backendless grants and denies, and tells no list"
CASE = "LIKE knows no case of letters: it is refused, unless any will do"

DIFFERENCES: Mapping[str, Mapping[str, str]] = {
    "leancloud": {
        "a bad operator": OPERATOR,
        "a user is told": "LeanCloud tells whether the address and the number are verified",
    },
    "backendless": {
        "JSON": LISTS,
        "a list": LISTS,
        "change": LISTS,
        "null": "Parse Server on PostgreSQL fails at a null in a new column",
        **dict.fromkeys(("add", "addUnique", "remove", "a key inside", "by a value in a list"), LISTS),
        "startsWith": CASE,
        "matches": CASE,
        "a bad operator": OPERATOR,
        **dict.fromkeys(("a pointer", "a pointer is told", "include", "by a pointer", "matchesQuery"), POINTERS),
        "a relation is told": "it is another object: of those before it some were not made",
        "withinGeoBox": "a box is said by degrees, which Parse compares with nothing",
        "an address that is taken": "the address is the name in Backendless, and one error tells of both",
        "a user is told": "Backendless tells of its users more, and no ACL",
        **dict.fromkeys(("an ACL", "the master sees it", "a role", "an ACL of a role"), ACLS),
    },
}


@pytest.fixture(scope="module")
def ways(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Mapping[str, str]]]:
    """Way -> what the SDK is told in the environment."""
    folder = tmp_path_factory.mktemp("differential")
    with ExitStack() as stack:
        other = database.removesuffix(DATABASES[0]) + DATABASES[2]
        server = stack.enter_context(parse_server(other, CUSTOM_IDS="1"))

        def gateway(name: str, told: Mapping[str, Any]) -> str:
            path = folder / f"{name}.yaml"
            path.write_text(yaml.safe_dump(dict(told)), encoding="utf-8")
            process = Process(path)
            stack.callback(process.stop)
            return process.wait_until_listening()

        theirs = config(server.url, emulate=["conditions", "bits"])
        theirs["apps"][0]["clients"] = {**CLIENTS, "backendless": TABLES}
        behind = gateway("theirs", theirs)
        backends = {
            "leancloud": {"type": "leancloud", "url": f"{behind}/1.1", **CLIENTS["leancloud"], **PATIENT},
            "backendless": {
                "type": "backendless",
                "url": f"{behind}/{{app_id}}/{{api_key}}",
                "app_id": TABLES["app_id"],
                "rest_key": TABLES["rest_key"],
                "cloud_code_key": TABLES["cloud_code_key"],
                **PATIENT,
            },
        }
        keys = {"javascript_key": "js", "master_key": "master"}
        apps = [
            {
                "name": name,
                "backend": name,
                "users": {"client_queries": True},
                "clients": {"parse": {"app_id": name, **keys}},
            }
            for name in backends
        ]
        before = gateway("ours", {"server": {"port": 0}, "apps": apps, "backends": backends})
        ours = {"GATEWAY_URL": before, "PARSE_JAVASCRIPT_KEY": "js", "PARSE_MASTER_KEY": "master"}
        for way in ("direct", *backends):
            # a date is a number in Backendless' words: its column has to be there before
            fields = {"when": {"type": "Date"}, "at": {"type": "GeoPoint"}}
            path = f"{server.url}/schemas/Note{name_of(way)}"
            status, text = http("POST", path, MASTER, {"fields": fields})
            assert status == 200, text
        yield {
            "direct": {
                "GATEWAY_URL": server.url.removesuffix("/parse"),
                "PARSE_APP_ID": APP["app_id"],
                "PARSE_JAVASCRIPT_KEY": APP["javascript_key"],
                "PARSE_MASTER_KEY": APP["master_key"],
            },
            **{name: {**ours, "PARSE_APP_ID": name} for name in backends},
        }


def name_of(way: str) -> str:
    """What the names of its classes and users end with."""
    return f"{way[:2].upper()}x"


def answers(way: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Call -> what it came to, without what differs from one time to the next."""
    node = shutil.which("node")
    if node is None or not (HERE.parent / "sdk" / "node_modules").is_dir():
        missing("the JavaScript SDKs are not installed: npm ci --prefix tests/sdk")
    run = name_of(way)
    done = subprocess.run(
        [node, str(HERE / "differential.mjs")],
        env=os.environ | dict(environment) | {"RUN": run},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stderr)  # what the errors are about
    text = done.stdout.replace(run, "").replace(run.lower(), "")
    for at, known in enumerate(dict.fromkeys(IDS.findall(text))):
        text = text.replace(f'"{known}"', f'"id {at}"')
    text = TOKEN.sub('"sessionToken":"token"', TIMES.sub(r'"\1":"time"', text))
    lines = [json.loads(line) for line in text.splitlines()]
    found = {line.pop("name"): line for line in lines}
    assert len(found) == len(lines)
    return found


@pytest.fixture(scope="module")
def direct(ways: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    return answers("direct", ways["direct"])


@pytest.mark.parametrize("way", DIFFERENCES)
def test_it_comes_to_the_same(way: str, ways: Mapping[str, Mapping[str, str]], direct: dict[str, Any]) -> None:
    found = answers(way, ways[way])
    assert found.keys() == direct.keys()
    other = {name: (direct[name], told) for name, told in found.items() if told != direct[name]}
    assert other.keys() == DIFFERENCES[way].keys(), json.dumps(other, indent=1)
