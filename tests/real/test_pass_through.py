"""The same Parse Server, with requests that go on to it as they came: what it can do and the gateway cannot, passes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from tests.real.conftest import CLIENTS, CODE, config
from tests.real.gaps import INTERNAL, ITS_WAY, NULLS, ORDER, PARSE, SOMETIMES
from tests.real.servers import APP, ParseServer, missing
from tests.real.suites import FILE_MILLISECONDS, NAME, NOT_ASKED, SDK, SECONDS, name_of
from tests.real.test_parse_server import http
from tests.sdk.conftest import Process

KEYS = {"X-Parse-Application-Id": "demo", "X-Parse-JavaScript-Key": "demo-js"}
MASTER = {"X-Parse-Application-Id": "demo", "X-Parse-Master-Key": "demo-master"}

SDK_FILES = sorted((SDK / "parse").glob("*.test.mjs"))

UNTOUCHED: Mapping[str, Mapping[str, str]] = {
    "config": {"what is not there is refused in words": ITS_WAY},
    "files": dict.fromkeys(
        (
            "base64, with and without a data URI",
            "a Buffer, which the SDK sends as a stream",
            "a stream of Node.js",
            "a name without an ending has that of its type, and an ending says the type",
            "names keep their spaces, and addresses have them encoded",
            "a directory is for the master",
            "a part of it, by range",
            "only the master deletes a file, and its bytes are gone",
            "a file in an object, in lists and in maps of it",
            "its name alone is enough",
            "who deletes an object deletes no file",
            "addresses of other applications, and of nothing",
        ),
        "the addresses of files are the server's own",
    ),
    "geo": {
        f"$maxDistanceIn{unit} is understood": "Parse Server on PostgreSQL takes $maxDistance alone"
        for unit in ("Kilometers", "Miles", "Radians")
    },
    "objects": {"an update cannot give an object another id": ITS_WAY},
    "operators": {
        "pointers are added and removed by their id": ORDER,
        "SetOnInsert sets in a new object, and does nothing in an update": INTERNAL,
    },
    "queries": {"containedIn nothing": NULLS},
    "schemas": {"fields and indexes are added and taken away": ITS_WAY},
}
"""What Parse Server does in a way of its own where it hears the client's own words; see `gaps`."""


@pytest.fixture(scope="module")
def passing_url(server: ParseServer, emptied: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = tmp_path_factory.mktemp("passing") / "config.yaml"
    told = config(server.url)
    told["apps"] = [
        {"name": name, "backend": "server", "pass_through": True, "clients": {"parse": clients["parse"]}}
        for name, clients in (("demo", CLIENTS), ("code", CODE))
    ]
    path.write_text(yaml.safe_dump(told), encoding="utf-8")
    gateway = Process(path)
    try:
        yield gateway.wait_until_listening()
    finally:
        status = gateway.stop()
    assert status == 0, f"the gateway ended with status {status}:\n{gateway.output}"


def ask(url: str, method: str, path: str, body: Any = None, headers: Mapping[str, str] = KEYS) -> tuple[int, Any]:
    status, text = http(method, f"{url}/parse{path}", headers, body)
    return status, json.loads(text) if text else None


def test_what_the_gateway_does_not_serve_passes(passing_url: str) -> None:
    status, told = ask(passing_url, "GET", "/health")
    assert (status, told["status"]) == (200, "ok")
    status, told = ask(passing_url, "GET", "/serverInfo", headers=MASTER)
    assert (status, "parseServerVersion" in told) == (200, True)
    assert ask(passing_url, "GET", "/serverInfo")[0] == 403  # a client is no master there either
    status, told = ask(passing_url, "POST", "/functions/nobody", {})
    assert (status, told["code"]) == (400, 141)
    status, told = ask(passing_url, "PUT", "/config", {"params": {"a": 1}}, MASTER)
    assert (status, told) == (200, {"result": True})
    assert ask(passing_url, "GET", "/config")[1]["params"] == {"a": 1}


def test_keys_in_a_body_are_the_servers(passing_url: str) -> None:
    wrapped = {"_ApplicationId": "demo", "_JavaScriptKey": "demo-js", "_ClientVersion": "js8.0.0", "title": "a"}
    status, made = ask(passing_url, "POST", "/classes/Passed", wrapped, {})
    assert status == 201, made
    wrapped = {**wrapped, "_method": "GET", "title": "a"}
    del wrapped["title"]
    status, found = ask(passing_url, "POST", f"/classes/Passed/{made['objectId']}", wrapped, {})
    assert (status, found["title"]) == (200, "a")
    status, _ = ask(passing_url, "POST", "/schemas", {**wrapped, "_MasterKey": APP["master_key"]}, {})
    assert status == 403
    status, told = ask(passing_url, "POST", "/schemas", {**wrapped, "_MasterKey": "demo-master"}, {})
    assert (status, "results" in told) == (200, True)


@pytest.mark.parametrize("file", [file.name for file in SDK_FILES if name_of(file.name) not in NOT_ASKED])
def test_the_sdk_finds_what_it_expects(file: str, passing_url: str, server: ParseServer) -> None:
    node = shutil.which("node")
    if node is None or not (SDK / "node_modules").is_dir():
        missing(f"the JavaScript SDKs are not installed: npm ci --prefix {SDK}")
    server.define_code()
    done = subprocess.run(
        [node, "--test", f"--test-timeout={FILE_MILLISECONDS}", "--test-reporter=tap", f"parse/{file}"],
        cwd=SDK,
        env=os.environ | {"GATEWAY_URL": passing_url, "INBOX_URL": server.inbox},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    failed = {name.strip().replace("\\#", "#") for name in NAME.findall(done.stdout)} - {f"parse/{file}"}
    assert "\n# pass " in done.stdout, done.stdout + done.stderr
    # nothing is lost besides what is lost on the way of all others, and what that way mends
    name = name_of(file)
    assert failed <= {*PARSE.get(name, ()), *SOMETIMES.get(name, ()), *UNTOUCHED.get(name, ())}, done.stdout
