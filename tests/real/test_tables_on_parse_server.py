"""Clients of tables, whose values do not tell their types, with a real Parse Server behind: it tells its columns."""

from __future__ import annotations

import itertools
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml

from tests.real.conftest import config
from tests.real.servers import ParseServer
from tests.sdk.conftest import Process

KEY = "demo-tables"
DAY = 1427068800000
number = itertools.count(1)


@pytest.fixture(scope="module")
def tables(server: ParseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    told = config(server.url, emulate=["conditions"])
    told["apps"][0]["clients"] = {
        **told["apps"][0]["clients"],
        "backendless": {"app_id": "tables", "rest_key": KEY},
    }
    path = tmp_path_factory.mktemp("tables") / "config.yaml"
    path.write_text(yaml.safe_dump(told), encoding="utf-8")
    gateway = Process(path)
    try:
        yield gateway.wait_until_listening()
    finally:
        status = gateway.stop()
    assert status == 0, f"the gateway ended with status {status}:\n{gateway.output}"


def ask(address: str, method: str, path: str, body: Any = None, **query: str) -> tuple[int, Any]:
    mount, headers = f"/tables/{KEY}", {"Content-Type": "application/json"}
    if path.startswith("/classes"):
        mount = "/parse"
        headers |= {"X-Parse-Application-Id": "demo", "X-Parse-JavaScript-Key": "demo-js"}
    url = f"{address}{mount}{path}{'?' if query else ''}{urlencode(query)}"
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=120) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def done(address: str, method: str, path: str, body: Any = None, **query: str) -> Any:
    status, told = ask(address, method, path, body, **query)
    assert status < 300, told
    return told


def test_columns_are_learned(tables: str) -> None:
    note = f"Plan{next(number)}"
    day = {"__type": "Date", "iso": "2015-03-23T00:00:00.000Z"}
    done(tables, "POST", f"/classes/{note}", {"n": 0, "when": day, "place": None})
    made = done(tables, "POST", f"/data/{note}", {"n": 1, "when": DAY + 1000, "text": "new"})
    assert (made["n"], made["when"], made["text"]) == (1, DAY + 1000, "new")
    (first,) = done(tables, "POST", f"/data/{note}/find", {"where": f"when <= {DAY}"})
    assert (first["n"], first["when"], first["text"]) == (0, DAY, None)  # a column without a value is there
    assert type(first["objectId"]) is str
    status, told = ask(tables, "POST", f"/data/{note}/find", {"where": "nothing = 1"})
    assert (status, told["code"]) == (400, 1054)
    status, told = ask(tables, "GET", f"/data/{note}None")
    assert (status, told["code"]) == (404, 1009)
    types = {each["name"]: each["type"] for each in done(tables, "GET", f"/data/{note}/properties")}
    assert (types["n"], types["when"], types["text"]) == ("DOUBLE", "DATETIME", "STRING")
    changed = done(tables, "PUT", f"/data/{note}/{made['objectId']}", {"when": DAY})
    assert changed["when"] == DAY
    assert done(tables, "GET", f"/data/{note}/count", where=f"when = {DAY}") == 2
    assert "deletionTime" in done(tables, "DELETE", f"/data/{note}/{made['objectId']}")


def test_relations(tables: str) -> None:
    team, person = f"Team{next(number)}", f"Person{next(number)}"
    ids = [done(tables, "POST", f"/data/{person}", {"name": f"p{n}", "n": n})["objectId"] for n in range(3)]
    known = done(tables, "POST", f"/data/{team}", {"title": "a"})["objectId"]
    path = f"/data/{team}/{known}"
    assert done(tables, "POST", f"{path}/members:{person}:n", ids[:2]) == 2
    assert done(tables, "PUT", f"{path}/members", ids[1:]) == 1
    assert [each["n"] for each in done(tables, "GET", f"{path}/members", sortBy="n desc")] == [2, 1, 0]
    assert [each["name"] for each in done(tables, "GET", f"{path}/members", where="n > 1")] == ["p2"]
    assert done(tables, "DELETE", f"{path}/members", [ids[0], "nobody"]) == 1
    assert done(tables, "POST", f"{path}/members", ids[:2]) == 2
    assert sorted(each["n"] for each in done(tables, "GET", f"{path}/members")) == [0, 1]
    assert done(tables, "POST", f"{path}/captain:{person}:1", [ids[2]]) == 1
    assert done(tables, "GET", f"{path}/captain")["name"] == "p2"
    (found,) = done(tables, "POST", f"/data/{team}/find", {"where": f"captain.name = 'p2' and objectId = '{known}'"})
    assert found["title"] == "a"
    assert "captain" not in found


def test_many_at_once(tables: str) -> None:
    note = f"Many{next(number)}"
    done(tables, "POST", f"/data/{note}", {"n": 0})
    ids = done(tables, "POST", f"/data/bulk/{note}", [{"n": 1}, {"n": 2}, {"n": 3}])
    assert len(set(ids)) == 3
    assert done(tables, "PUT", f"/data/bulk/{note}", {"n": 9}, where="n >= 2") == 2
    assert done(tables, "GET", f"/data/{note}/count", where="n = 9") == 2
    assert done(tables, "POST", f"/data/bulk/{note}/delete", {"where": "n = 9"}) == 2
    assert done(tables, "GET", f"/data/{note}/count") == 2


RENAMES = {
    "classes": {"Post": "Article"},
    "fields": {"Post": {"title": "headline", "at": "when"}, "*": {"mark": "flag"}},
}


@pytest.fixture(scope="module")
def renamed(server: ParseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    told = config(server.url, emulate=["conditions"])
    # the clients of Parse see what the server has
    plain, app = told["apps"][0], dict(told["apps"][0])
    app |= {"name": "tables", "renames": RENAMES, "clients": {"backendless": {"app_id": "tables", "rest_key": KEY}}}
    told["apps"] = [plain, app]
    path = tmp_path_factory.mktemp("renamed") / "config.yaml"
    path.write_text(yaml.safe_dump(told), encoding="utf-8")
    gateway = Process(path)
    try:
        yield gateway.wait_until_listening()
    finally:
        status = gateway.stop()
    assert status == 0, f"the gateway ended with status {status}:\n{gateway.output}"


def test_clients_keep_their_names_whatever_the_server_calls_it(renamed: str) -> None:
    day = {"__type": "Date", "iso": "2015-03-23T00:00:00.000Z"}
    done(renamed, "POST", "/classes/Article", {"headline": "theirs", "when": day, "flag": 1})
    made = done(renamed, "POST", "/data/Post", {"title": "ours", "at": DAY + 1000, "mark": 2})
    assert (made["title"], made["at"], made["mark"], made["___class"]) == ("ours", DAY + 1000, 2, "Post")
    assert not {"headline", "when", "flag"} & made.keys()
    (first,) = done(
        renamed, "POST", "/data/Post/find", {"where": f"at <= {DAY} and title like 'THE%'", "sortBy": "mark"}
    )
    assert (first["title"], first["at"], first["mark"]) == ("theirs", DAY, 1)
    (row,) = done(renamed, "POST", "/data/Post/find", {"props": "title as called", "where": "mark = 2"})
    assert row["called"] == "ours"
    changed = done(renamed, "PUT", f"/data/Post/{made['objectId']}", {"title": "new"})
    assert changed["title"] == "new"
    stored = done(renamed, "GET", f"/classes/Article/{made['objectId']}")
    assert (stored["headline"], stored["flag"], "title" in stored) == ("new", 2, False)
    types = {each["name"]: each["type"] for each in done(renamed, "GET", "/data/Post/properties")}
    assert (types["at"], types["mark"]) == ("DATETIME", "DOUBLE")
    assert not {"when", "headline", "flag"} & types.keys()
    status, told = ask(renamed, "POST", "/data/Post/find", {"where": "nothing = 1"})
    assert (status, told["code"], "Article" in told["message"]) == (400, 1054, False)
