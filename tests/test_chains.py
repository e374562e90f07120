"""A client, a gateway, and behind it another one: each front on each back, by HTTP all the way."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlencode

import pytest
import yaml

from tests.sdk.conftest import Process

KEYS: Final[Mapping[str, Mapping[str, str]]] = {
    "parse": {"rest_key": "a-rest-key", "master_key": "a-master-key"},
    "leancloud": {"app_key": "an-app-key", "master_key": "a-master-key"},
    "backendless": {"rest_key": "a-rest-key", "cloud_code_key": "a-code-key"},
}
MOUNTS: Final = {"parse": "/parse", "leancloud": "/1.1", "backendless": "/{app_id}/{api_key}"}
FRONTS: Final = tuple(KEYS)
BACKS: Final = ("embedded", *FRONTS)
UNSAID: Final = {"X-Parse-Session-Token": 108, "X-LC-Session": 1}
"""The code of what a backend has no words for, by the header that a client sends."""
DAY: Final = 1427068800000
DAY_ISO: Final = "2015-03-23T00:00:00.000Z"


@contextmanager
def gateway(folder: Path, name: str, apps: Mapping[str, str], backends: Mapping[str, Any]) -> Iterator[str]:
    """A gateway process with an app for each backend, for clients of every dialect; its address."""
    told = [
        {
            "name": app,
            "backend": backend,
            "users": {"client_queries": True},
            "custom_ids": True,
            "clients": {front: {"app_id": app, **keys} for front, keys in KEYS.items()},
        }
        for app, backend in apps.items()
    ]
    config = {"server": {"host": "127.0.0.1", "port": 0}, "apps": told, "backends": dict(backends)}
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    process = Process(path)
    try:
        yield process.wait_until_listening()
    finally:
        status = process.stop()
        assert status == 0, f"the gateway ended with status {status}:\n{process.output}"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The gateway in front: an app for each of the backs."""
    folder = tmp_path_factory.mktemp("chains")
    with ExitStack() as stack:
        # each has objects of its own: what the one makes, the other does not find
        stores = {f"s-{back}": {"type": "embedded", "url": f"sqlite:///{folder}/{back}.db"} for back in FRONTS}
        theirs = stack.enter_context(gateway(folder, "theirs", {f"a-{back}": f"s-{back}" for back in FRONTS}, stores))
        backends: dict[str, Any] = {"embedded": {"type": "embedded", "url": f"sqlite:///{folder}/ours.db"}}
        for back in FRONTS:
            backends[back] = {"type": back, "url": theirs + MOUNTS[back], "app_id": f"a-{back}", **KEYS[back]}
        ours = stack.enter_context(gateway(folder, "ours", {f"on-{back}": back for back in BACKS}, backends))
        # on some wires a date is a number, which makes no column of dates
        client_of("parse", ours, "on-embedded").create(-1)
        for back in FRONTS:
            client_of("parse", theirs, f"a-{back}").create(-1)
        yield ours


class Client(Protocol):
    """What an app does, in the words of its dialect. Objects are `Note`s: n is a number, when a date."""

    def create(self, n: int) -> str: ...
    def get(self, known: str) -> dict[str, Any] | None: ...
    def update(self, known: str, n: int) -> None: ...
    def delete(self, known: str) -> None: ...
    def find(self, least: int) -> list[int]: ...
    def count(self, least: int) -> int: ...
    def sign_up(self, name: str) -> None: ...
    def log_in(self, name: str) -> str: ...
    def is_open(self, session: str) -> bool: ...


class Http:
    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self.url = url
        self.headers = headers

    def ask(
        self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None, **query: Any
    ) -> tuple[int, Any]:
        told = {name: value if isinstance(value, str) else json.dumps(value) for name, value in query.items()}
        request = urllib.request.Request(
            f"{self.url}{path}{'?' if told else ''}{urlencode(told)}",
            None if body is None else json.dumps(body).encode(),
            {**self.headers, **(headers or {}), "Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def done(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        status, told = self.ask(method, path, body, **more)
        assert status < 300, told
        return told


class TypedJson:
    """Parse's words, and LeanCloud's, which are much the same."""

    def __init__(self, http: Http, session_header: str) -> None:
        self._http = http
        self._session = session_header

    def create(self, n: int) -> str:
        when = {"__type": "Date", "iso": DAY_ISO}
        return str(self._http.done("POST", "/classes/Note", {"n": n, "when": when})["objectId"])

    def get(self, known: str) -> dict[str, Any] | None:
        status, told = self._http.ask("GET", f"/classes/Note/{known}")
        if status == 404 or told == {}:
            return None
        assert status == 200, told
        assert told["when"]["iso"] == DAY_ISO
        return {"n": told["n"], "when": DAY}

    def update(self, known: str, n: int) -> None:
        self._http.done("PUT", f"/classes/Note/{known}", {"n": n})

    def delete(self, known: str) -> None:
        self._http.done("DELETE", f"/classes/Note/{known}")

    def find(self, least: int) -> list[int]:
        when = {"$lte": {"__type": "Date", "iso": DAY_ISO}}
        found = self._http.done("GET", "/classes/Note", where={"n": {"$gte": least}, "when": when}, order="-n")
        return [each["n"] for each in found["results"]]

    def count(self, least: int) -> int:
        told = self._http.done("GET", "/classes/Note", where={"n": {"$gte": least}}, count="1", limit="0")
        return int(told["count"])

    def sign_up(self, name: str) -> None:
        body = {"username": name, "email": name, "password": "secret"}
        self._http.done("POST", "/users", body)

    def log_in(self, name: str) -> str:
        return str(self._http.done("POST", "/login", {"username": name, "password": "secret"})["sessionToken"])

    def is_open(self, session: str) -> bool:
        status, told = self._http.ask("GET", "/users/me", headers={self._session: session})
        assert status == 200 or told["code"] != UNSAID[self._session], told
        return status == 200


class Tables:
    """Backendless' words."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def create(self, n: int) -> str:
        return str(self._http.done("POST", "/data/Note", {"n": n, "when": DAY})["objectId"])

    def get(self, known: str) -> dict[str, Any] | None:
        status, told = self._http.ask("GET", f"/data/Note/{known}")
        if status in (400, 404):
            assert told["code"] == 1000, told
            return None
        assert status == 200, told
        return {"n": told["n"], "when": told["when"]}

    def update(self, known: str, n: int) -> None:
        assert self._http.done("PUT", f"/data/Note/{known}", {"n": n})["n"] == n

    def delete(self, known: str) -> None:
        self._http.done("DELETE", f"/data/Note/{known}")

    def find(self, least: int) -> list[int]:
        body = {"where": f"n >= {least} and when <= {DAY}", "sortBy": "n desc"}
        return [each["n"] for each in self._http.done("POST", "/data/Note/find", body)]

    def count(self, least: int) -> int:
        return int(self._http.done("GET", "/data/Note/count", where=f"n >= {least}"))

    def sign_up(self, name: str) -> None:
        self._http.done("POST", "/users/register", {"email": name, "password": "secret"})

    def log_in(self, name: str) -> str:
        return str(self._http.done("POST", "/users/login", {"login": name, "password": "secret"})["user-token"])

    def is_open(self, session: str) -> bool:
        return bool(self._http.done("GET", f"/users/isvalidusertoken/{session}"))


def client_of(front: str, address: str, app: str) -> Client:
    keys = KEYS[front]
    if front == "backendless":
        return Tables(Http(f"{address}/{app}/{keys['rest_key']}", {}))
    if front == "leancloud":
        return TypedJson(Http(f"{address}/1.1", {"X-LC-Id": app, "X-LC-Key": keys["app_key"]}), "X-LC-Session")
    headers = {"X-Parse-Application-Id": app, "X-Parse-REST-API-Key": keys["rest_key"]}
    return TypedJson(Http(f"{address}/parse", headers), "X-Parse-Session-Token")


@pytest.fixture(params=[pytest.param((front, back), id=f"{front}-{back}") for back in BACKS for front in FRONTS])
def pair(request: pytest.FixtureRequest) -> tuple[str, str]:
    front, back = request.param
    return front, back


@pytest.fixture
def client(pair: tuple[str, str], address: str) -> Client:
    front, back = pair
    return client_of(front, address, f"on-{back}")


def test_an_object_comes_and_goes(client: Client) -> None:
    known = client.create(7)
    assert client.get(known) == {"n": 7, "when": DAY}
    client.update(known, 8)
    assert client.get(known) == {"n": 8, "when": DAY}
    client.delete(known)
    assert client.get(known) is None


def test_a_query_has_a_condition_and_an_order(client: Client) -> None:
    made = [client.create(n) for n in (101, 103, 102)]
    assert client.find(102) == [103, 102]
    assert client.count(102) == 2
    for known in made:
        client.delete(known)


def test_a_user_logs_in(client: Client, pair: tuple[str, str]) -> None:
    name = f"{'-'.join(pair)}@example.com"
    client.sign_up(name)
    session = client.log_in(name)
    assert client.is_open(session)
    assert not client.is_open(("a" if session[0] != "a" else "b") + session[1:])


# What clients of tables ask for, and servers of other dialects have no words for; nor could it be had by other requests
# without losing what it promises: one transaction, or one answer at one moment.
NO_WORDS: Final[tuple[tuple[str, str, str, Any, frozenset[str]], ...]] = (
    ("a tree is saved all or nothing", "PUT", "/data/Note/deep-save", {"n": 1}, frozenset({"parse", "leancloud"})),
    (
        "groups are of one moment",
        "POST",
        "/data/data-grouping/Note",
        {"groupBy": "n"},
        frozenset({"parse", "leancloud"}),
    ),
    (
        "many that may be there are made or changed, all or none",
        "PUT",
        "/data/bulkupsert/Note",
        [{"objectId": "0123456789abcdef01234567", "n": 1}],
        frozenset({"leancloud"}),
    ),
    ("many are made, all or none", "POST", "/data/bulk/Note", [{"n": -2}], frozenset({"leancloud"})),
    ("a sum is of one moment", "POST", "/data/Note/find", {"props": "sum(n)"}, frozenset({"parse", "leancloud"})),
    ("others change what matches", "PUT", "/data/bulk/Note?where=n%3D-9", {"n": 1}, frozenset({"parse"})),
)
UNSUPPORTED: Final = 8006


@pytest.mark.parametrize(
    ("method", "path", "body", "backs"), [row[1:] for row in NO_WORDS], ids=[r[0] for r in NO_WORDS]
)
@pytest.mark.parametrize("back", BACKS)
def test_what_no_server_of_others_can_say_is_refused(
    method: str, path: str, body: Any, backs: frozenset[str], back: str, address: str
) -> None:
    http = Http(f"{address}/on-{back}/{KEYS['backendless']['rest_key']}", {})
    status, told = http.ask(method, path, body)
    if back in backs:
        assert (status, told["code"]) == (400, UNSUPPORTED), told
    else:
        assert status == 200, told


@pytest.mark.parametrize("back", BACKS)
def test_what_is_related(back: str, address: str) -> None:
    http = Http(f"{address}/on-{back}/{KEYS['backendless']['rest_key']}", {})
    ids = [http.done("POST", "/data/Person", {"n": n})["objectId"] for n in range(3)]
    team = http.done("POST", "/data/Team", {"title": "a"})["objectId"]
    assert http.done("PUT", f"/data/Team/{team}/people:Person:n", ids[:2]) == 2
    assert http.done("POST", f"/data/Team/{team}/first:Person:1", ids[2:]) == 1
    assert http.done("DELETE", f"/data/Team/{team}/people", [ids[0]]) == 1
    assert [each["n"] for each in http.done("GET", f"/data/Team/{team}/people", sortBy="n")] == [1]
    shown = http.done("GET", f"/data/Team/{team}", loadRelations="first")
    assert (shown["first"]["n"], shown["title"], "people" in shown) == (2, "a", False)
    (found,) = http.done("POST", "/data/Team/find", {"where": f"first.n = 2 and objectId = '{team}'"})
    assert (found["objectId"], "first" in found) == (team, False)


@pytest.mark.parametrize("back", BACKS)
def test_what_is_near_comes_first(back: str, address: str) -> None:
    """A vendor that sorts by nothing but what it is told has what it finds sorted by the gateway."""
    http = Http(
        f"{address}/parse",
        {"X-Parse-Application-Id": f"on-{back}", "X-Parse-REST-API-Key": KEYS["parse"]["rest_key"]},
    )

    def point(latitude: float) -> dict[str, Any]:
        return {"__type": "GeoPoint", "latitude": latitude, "longitude": 10.0}

    for n, latitude in enumerate((30, 10, 20, 1)):
        http.done("POST", "/classes/Place", {"n": n, "at": point(latitude)})

    def found(near: dict[str, Any], **more: Any) -> list[int]:
        where = {"n": {"$gte": 0}, "at": {"$nearSphere": point(0), **near}}
        return [each["n"] for each in http.done("GET", "/classes/Place", where=where, **more)["results"]]

    assert found({}) == [3, 1, 2, 0]
    assert found({}, limit="2", skip="1") == [1, 2]
    assert found({"$maxDistance": 0.4, "$minDistance": 0.1}) == [1, 2]
    assert found({"$maxDistance": 0.4}, order="n") == [1, 2, 3]
    told = http.done("GET", "/classes/Place", where={"at": {"$nearSphere": point(0)}}, count="1", limit="1", keys="n")
    assert (told["count"], [each["n"] for each in told["results"]]) == (4, [3])
    assert "at" not in told["results"][0]


@pytest.mark.parametrize("back", BACKS)
def test_a_guest_comes_in_and_becomes_a_user(back: str, address: str) -> None:
    http = Http(f"{address}/on-{back}/{KEYS['backendless']['rest_key']}", {})
    guest = http.done("POST", "/users/register/guest")
    assert guest["userStatus"] == "GUEST"
    session, known = {"user-token": guest["user-token"]}, guest["objectId"]
    assert http.done("GET", f"/users/isvalidusertoken/{guest['user-token']}") is True
    email = f"guest-{back}@example.com"
    user = {"objectId": known, "email": email, "password": "secret"}
    assert http.ask("POST", "/users/register", user)[0] >= 400  # it has to be its own session
    assert http.done("POST", "/users/register", user, headers=session)["objectId"] == known
    assert http.done("POST", "/users/login", {"login": email, "password": "secret"})["objectId"] == known


@pytest.mark.parametrize("back", BACKS)
def test_counters_count(back: str, address: str) -> None:
    http = Http(f"{address}/on-{back}/{KEYS['backendless']['rest_key']}", {})
    assert http.done("GET", "/counters/visits") == 0
    assert [http.done("PUT", "/counters/visits/increment/get") for _ in range(3)] == [1, 2, 3]
    assert http.done("PUT", "/counters/visits/get/incrementby", value="4") == 3
    assert http.done("PUT", "/counters/visits/decrement/get") == 6
    status, told = http.ask("PUT", "/counters/visits/get/compareandset", expected="6", updatedvalue="10")
    if back == "parse":  # which writes on no condition
        assert (status, told["code"]) == (400, UNSUPPORTED), told
    else:
        assert (status, told) == (200, True)
        assert http.done("PUT", "/counters/visits/get/compareandset", expected="6", updatedvalue="11") is False
        assert http.done("GET", "/counters/visits") == 10
    assert http.done("GET", "/counters/vis*/list") == ["visits"]
    http.done("PUT", "/counters/visits/reset")
    assert http.done("GET", "/counters/visits") == 0


@pytest.mark.parametrize("back", BACKS)
def test_a_tree_is_saved_as_the_sdks_of_leancloud_for_apples_devices_do(back: str, address: str) -> None:
    """swift-sdk, ObjectUpdater.swift: children first, and each object by a name."""
    http = Http(f"{address}/1.1", {"X-LC-Id": f"on-{back}", "X-LC-Key": KEYS["leancloud"]["app_key"]})
    child = {"method": "POST", "path": "/1.1/classes/Leaf", "body": {"n": 1, "__internalId": "c1"}}
    children = [{"className": "Leaf", "cid": "c1", "key": "leaf"}]
    parent = {
        "method": "POST",
        "path": "/1.1/classes/Tree",
        "body": {"n": 2, "__internalId": "c2", "__children": children},
    }
    status, told = http.ask("POST", "/batch/save", {"requests": [child, parent]})
    if back == "backendless":  # which has relations of tables where others have pointers
        assert (status, told["code"]) == (400, 1), told
        return
    assert status == 200, told
    tree = http.done("GET", f"/classes/Tree/{told['c2']['objectId']}", include="leaf")
    assert (tree["leaf"]["objectId"], tree["leaf"]["n"]) == (told["c1"]["objectId"], 1)
    body = {"n": 3, "__internalId": "c3", "__children": [{"className": "Leaf", "cid": "nobody", "key": "leaf"}]}
    status, told = http.ask("POST", "/batch/save", {"requests": [{**parent, "body": body}]})
    assert status >= 400, told
    assert http.done("GET", "/classes/Tree", count="1", limit="0")["count"] == 1


@pytest.mark.parametrize("back", BACKS)
def test_a_unit_of_work_is_one(back: str, address: str) -> None:
    http = Http(f"{address}/on-{back}/{KEYS['backendless']['rest_key']}", {})
    known = http.done("POST", "/data/Unit", {"n": 1})["objectId"]

    def unit(*operations: dict[str, Any]) -> tuple[int, Any]:
        numbered = [{"opResultId": f"o{at}", "table": "Unit", **each} for at, each in enumerate(operations)]
        body = {"isolationLevelEnum": "SERIALIZABLE", "operations": numbered}
        return http.ask("POST", "/transaction/unit-of-work", body)

    make = {"operationType": "CREATE", "payload": {"n": 2}}
    change = {"operationType": "UPDATE", "payload": {"objectId": known, "n": 3}}
    status, told = unit(make, change)
    if back == "leancloud":  # whose batches are no transactions
        assert (status, told["code"]) == (400, UNSUPPORTED), told
        return
    assert (status, told.get("success")) == (200, True), told

    def there() -> list[int]:
        return [each["n"] for each in http.done("POST", "/data/Unit/find", {"sortBy": "n"})]

    assert there() == [2, 3]
    status, told = unit(make, {"operationType": "UPDATE", "payload": {"objectId": "nobody", "n": 3}})
    assert (status, told["success"], told["error"]["operation"]["operationType"]) == (200, False, "UPDATE"), told
    assert there() == [2, 3]
    # what is made is named by what comes after it
    also = {"operationType": "UPDATE", "payload": {"objectId": {"___ref": True, "opResultId": "o0"}, "n": 9}}
    bulk = {"operationType": "CREATE_BULK", "payload": [{"n": 7}, {"n": 8}]}
    status, told = unit(make, bulk, also)
    assert (status, told.get("success")) == (200, True), told
    assert there() == [2, 3, 7, 8, 9]


@pytest.mark.parametrize("back", BACKS)
def test_rows_of_an_aggregation_may_be_objects_as_they_are(back: str, address: str) -> None:
    headers = {"X-Parse-Application-Id": f"on-{back}", "X-Parse-Master-Key": KEYS["parse"]["master_key"]}
    http = Http(f"{address}/parse", headers)
    for n in (2, 1):
        http.done("POST", "/classes/Row", {"n": n, "word": str(n)})

    def rows(pipeline: list[Any]) -> list[tuple[int, Any]]:
        found = http.done("GET", "/aggregate/Row", pipeline=pipeline)["results"]
        return [(row["n"], row["word"]) for row in found]

    first, second = (1, "1"), (2, "2")
    assert rows([]) == [second, first]
    assert rows([{"$match": {"n": 1}}]) == [first]
    assert rows([{"$sort": {"n": 1}}, {"$limit": 1}]) == [first]
