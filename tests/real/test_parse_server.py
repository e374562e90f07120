"""Clients of either dialect, through a gateway, with a real Parse Server behind: what one writes the other reads."""

from __future__ import annotations

import itertools
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.real.servers import APP, ParseServer

Ask = Callable[..., Any]

HEADERS = {
    "parse": {"X-Parse-Application-Id": "demo", "X-Parse-JavaScript-Key": "demo-js"},
    "leancloud": {"X-LC-Id": "demo", "X-LC-Key": "demo-key"},
}
MASTER = {"parse": {"X-Parse-Master-Key": "demo-master"}, "leancloud": {"X-LC-Key": "demo-master,master"}}
SESSION = {"parse": "X-Parse-Session-Token", "leancloud": "X-LC-Session"}
MOUNT = {"parse": "/parse", "leancloud": "/1.1"}
FRONTS = tuple(MOUNT)
OTHER = {"parse": "leancloud", "leancloud": "parse"}

number = itertools.count(1)


def http(method: str, url: str, headers: Mapping[str, str], body: Any = None) -> tuple[int, str]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {**headers, "Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.fixture
def ask(gateway_url: str) -> Ask:
    """Answers what was said; another status than is expected fails."""

    def ask(
        front: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: dict[str, Any] | None = None,
        master: bool = False,
        session: str | None = None,
        expect: int = 200,
    ) -> Any:
        headers = HEADERS[front] | (MASTER[front] if master else {})
        if session is not None:
            headers = headers | {SESSION[front]: session}
        told = {name: text if isinstance(text, str) else json.dumps(text) for name, text in (query or {}).items()}
        url = f"{gateway_url}{MOUNT[front]}{path}{'?' if told else ''}{urlencode(told)}"
        status, text = http(method, url, headers, body)
        assert status == expect, text
        return json.loads(text)

    return ask


@pytest.fixture
def new_class() -> Callable[[str], str]:
    return lambda name: f"{name}{next(number)}"


@pytest.fixture(params=FRONTS)
def front(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def create(ask: Ask, front: str, class_name: str, **fields: Any) -> str:
    return str(ask(front, "POST", f"/classes/{class_name}", fields, expect=201)["objectId"])


def sign_up(ask: Ask, front: str) -> tuple[str, str, str]:
    """Id, name and session."""
    name = f"user{next(number)}"
    made = ask(front, "POST", "/users", {"username": name, "password": "secret"}, expect=201)
    return made["objectId"], name, made["sessionToken"]


POINTER = {"__type": "Pointer", "className": "Other", "objectId": "abc"}
VALUES = {
    "text": "ä\u2028\U0001f600",
    "number": 1.5,
    "yes": True,
    "list": [1, "a", None],
    "object": {"a": {"b": [1]}},
    "date": {"__type": "Date", "iso": "2026-01-02T03:04:05.678Z"},
    "pointer": POINTER,
    "place": {"__type": "GeoPoint", "latitude": 52.5, "longitude": 13.4},
    "bytes": {"__type": "Bytes", "base64": "aGVsbG8="},
}


def test_an_object_comes_and_goes(front: str, ask: Ask, new_class: Callable[[str], str]) -> None:
    note, other = new_class("Note"), OTHER[front]
    known = create(ask, front, note, **VALUES)
    for reader in (front, other):
        found = ask(reader, "GET", f"/classes/{note}/{known}")
        assert {name: found.get(name) for name in VALUES} == VALUES
    changes = {"number": {"__op": "Increment", "amount": 2}, "text": {"__op": "Delete"}, "yes": False}
    told = ask(front, "PUT", f"/classes/{note}/{known}", changes)
    # Parse tells what the client cannot know; LeanCloud tells nothing but the id
    assert told.get("number") == (3.5 if front == "parse" else None)
    found = ask(other, "GET", f"/classes/{note}/{known}")
    assert (found["number"], found["yes"], "text" in found) == (3.5, False, False)
    ask(other, "DELETE", f"/classes/{note}/{known}")
    if front == "parse":
        assert ask(front, "GET", f"/classes/{note}/{known}", expect=404) == {"code": 101, "error": "Object not found."}
    else:
        assert ask(front, "GET", f"/classes/{note}/{known}") == {}


def test_a_write_answers_what_was_asked_for(ask: Ask, new_class: Callable[[str], str]) -> None:
    note = new_class("Note")
    everything = {"fetchWhenSave": "true"}
    made = ask("leancloud", "POST", f"/classes/{note}", {"a": 1, "b": 2}, query=everything, expect=201)
    assert {made["a"], made["b"]} == {1, 2}
    path = f"/classes/{note}/{made['objectId']}"
    changed = ask("leancloud", "PUT", path, {"a": {"__op": "Increment", "amount": 4}}, query=everything)
    assert (changed["a"], "b" in changed) == (5, False)
    assert set(ask("leancloud", "PUT", path, {"a": {"__op": "Increment", "amount": 1}})) == {"objectId", "updatedAt"}


def test_queries(front: str, ask: Ask, new_class: Callable[[str], str]) -> None:
    note = new_class("Note")
    for n in range(7):
        create(ask, OTHER[front], note, n=n, even=n % 2 == 0, name=f"name{n}")

    def find(**query: Any) -> Any:
        return ask(front, "GET", f"/classes/{note}", query=query)

    def numbers(**query: Any) -> list[int]:
        return [each["n"] for each in find(order="n", **query)["results"]]

    assert numbers(where={"n": {"$gte": 3, "$lt": 6}}) == [3, 4, 5]
    assert numbers(where={"$or": [{"n": 1}, {"n": {"$in": [5, 6]}}], "even": False}) == [1, 5]
    assert numbers(where={"name": {"$regex": "^name[12]$"}}) == [1, 2]
    assert numbers(where={"gone": {"$exists": False}}, limit=2, skip=3) == [3, 4]
    assert [each["n"] for each in find(order="-even,n", limit=3)["results"]] == [0, 2, 4]
    counted = find(where={"even": True}, limit=0, count=1)
    assert (counted["results"], counted["count"]) == ([], 4)
    (only,) = find(where={"n": 2}, keys="name")["results"]
    assert (only["name"], "n" in only) == ("name2", False)
    # too long for a URL of Parse Server's
    assert len(numbers(where={"name": {"$in": [f"name{n}" for n in range(500)] + ["x" * 50] * 200}})) == 7


def test_includes_and_relations(front: str, ask: Ask, new_class: Callable[[str], str]) -> None:
    post, fan = new_class("Post"), new_class("Fan")
    fans = [create(ask, front, fan, name=name) for name in ("ann", "bob", "cid")]
    pointers = [{"__type": "Pointer", "className": fan, "objectId": each} for each in fans]
    known = create(ask, front, post, best=pointers[0])
    likes = {"likes": {"__op": "AddRelation", "objects": pointers[:2]}}
    ask(front, "PUT", f"/classes/{post}/{known}", likes)
    found = ask(OTHER[front], "GET", f"/classes/{post}/{known}", query={"include": "best"})
    assert found["best"]["name"] == "ann"
    assert found["likes"] == {"__type": "Relation", "className": fan}
    related = {"$relatedTo": {"object": {"__type": "Pointer", "className": post, "objectId": known}, "key": "likes"}}
    for reader in FRONTS:
        members = ask(reader, "GET", f"/classes/{fan}", query={"where": related, "order": "name"})["results"]
        assert [member["name"] for member in members] == ["ann", "bob"]
        inside = {"best": {"$inQuery": {"className": fan, "where": {"name": "ann"}}}}
        assert len(ask(reader, "GET", f"/classes/{post}", query={"where": inside})["results"]) == 1
    ask(front, "PUT", f"/classes/{post}/{known}", {"likes": {"__op": "RemoveRelation", "objects": pointers[:1]}})
    members = ask(front, "GET", f"/classes/{fan}", query={"where": related})["results"]
    assert [member["name"] for member in members] == ["bob"]


def test_a_batch(front: str, ask: Ask, new_class: Callable[[str], str]) -> None:
    note, mount = new_class("Note"), MOUNT[front]
    known = create(ask, front, note, n=0)
    path = f"{mount}/classes/{note}"
    requests = [
        {"method": "POST", "path": path, "body": {"n": 1}},
        *({"method": "PUT", "path": f"{path}/{known}", "body": {"n": n}} for n in range(5)),
        {"method": "PUT", "path": f"{path}/nosuchid00", "body": {"n": 9}},
        {"method": "POST", "path": path, "body": {"bad name": 1}},
    ]
    told = ask(front, "POST", "/batch", {"requests": requests})
    assert ["success" in each for each in told] == [True] * 6 + [False] * 2
    # one after the other, though Parse Server does all of a batch at the same time
    assert ask(front, "GET", f"/classes/{note}/{known}")["n"] == 4


def test_a_transaction(ask: Ask, new_class: Callable[[str], str]) -> None:
    note = new_class("Note")
    known = create(ask, "parse", note, n=0)
    good = {"method": "PUT", "path": f"/parse/classes/{note}/{known}", "body": {"n": 1}}
    bad = {"method": "PUT", "path": f"/parse/classes/{note}/nosuchid00", "body": {"n": 1}}
    # on PostgreSQL Parse Server tells a failure as 500, in the words of the database
    ask("parse", "POST", "/batch", {"requests": [good, bad], "transaction": True}, expect=503)
    assert ask("parse", "GET", f"/classes/{note}/{known}")["n"] == 0
    ask("parse", "POST", "/batch", {"requests": [good], "transaction": True})
    assert ask("parse", "GET", f"/classes/{note}/{known}")["n"] == 1


def test_users_and_sessions(front: str, ask: Ask) -> None:
    known, name, session = sign_up(ask, front)
    other = OTHER[front]
    me = ask(other, "GET", "/users/me", session=session)
    assert (me["objectId"], me["username"]) == (known, name)
    ask(other, "POST", "/login", {"username": name, "password": "wrong"}, expect=404 if other == "parse" else 400)
    found = ask(other, "POST", "/login", {"username": name, "password": "secret"})
    assert (found["objectId"], found["sessionToken"] != session) == (known, True)
    ask(front, "PUT", f"/users/{known}", {"motto": "x"}, session=session)
    ask(front, "PUT", f"/users/{known}", {"motto": "y"}, expect=400)
    assert ask(other, "GET", "/users/me", session=session)["motto"] == "x"
    ask(front, "POST", "/logout", session=session)
    gone = ask(front, "GET", "/users/me", session=session, expect=400)
    assert gone["code"] in (209, 211)
    # the other one goes on
    assert ask(other, "GET", "/users/me", session=found["sessionToken"])["objectId"] == known
    taken = ask(front, "POST", "/users", {"username": name, "password": "x"}, expect=400)
    assert taken["code"] == 202


def test_a_password_is_changed_by_the_old_one(ask: Ask) -> None:
    known, name, session = sign_up(ask, "leancloud")
    path = f"/users/{known}/updatePassword"
    wrong = {"old_password": "wrong", "new_password": "new"}
    assert ask("leancloud", "PUT", path, wrong, session=session, expect=400)["code"] == 210
    right = {"old_password": "secret", "new_password": "new"}
    token = ask("leancloud", "PUT", path, right, session=session)["sessionToken"]
    assert ask("parse", "GET", "/users/me", session=token)["objectId"] == known
    assert ask("parse", "POST", "/login", {"username": name, "password": "new"})["objectId"] == known
    ask("parse", "POST", "/login", {"username": name, "password": "secret"}, expect=404)


def test_acls_and_roles(front: str, ask: Ask, new_class: Callable[[str], str]) -> None:
    note, other = new_class("Note"), OTHER[front]
    (owner, _, owners), (member, _, members), (_, _, strangers) = [sign_up(ask, front) for _ in range(3)]
    role = f"role{next(number)}"
    ask(
        front,
        "POST",
        "/roles",
        {
            "name": role,
            "ACL": {"*": {"read": True}, owner: {"write": True}},
            "users": {
                "__op": "AddRelation",
                "objects": [{"__type": "Pointer", "className": "_User", "objectId": member}],
            },
        },
        session=owners,
        expect=201,
    )
    acl = {owner: {"read": True, "write": True}, f"role:{role}": {"read": True}}
    known = create(ask, front, note, text="a", ACL=acl)
    path = f"/classes/{note}/{known}"
    for session, seen in ((owners, True), (members, True), (strangers, False), (None, False)):
        for reader in FRONTS:
            found = ask(reader, "GET", f"/classes/{note}", session=session)["results"]
            assert [each["text"] for each in found] == (["a"] if seen else [])
    ask(front, "PUT", path, {"text": "b"}, session=owners)
    for session in (members, strangers, None):
        ask(front, "PUT", path, {"text": "c"}, session=session, expect=404 if front == "parse" else 400)
    assert ask(front, "GET", path, master=True)["text"] == "b"
    # LeanCloud's clients are shown an ACL where they ask for it, Parse's always
    shown = ask(other, "GET", path, session=owners)
    assert ("ACL" in shown) is (other == "parse")
    assert ask("leancloud", "GET", path, session=owners, query={"returnACL": "true"})["ACL"] == acl


def test_only_the_master_scans(ask: Ask, new_class: Callable[[str], str]) -> None:
    note = new_class("Note")
    for n in range(5):
        create(ask, "leancloud", note, n=n)
    path = f"/scan/classes/{note}"
    ask("leancloud", "GET", path, expect=400)
    first = ask("leancloud", "GET", path, query={"limit": 3}, master=True)
    rest = ask("leancloud", "GET", path, query={"limit": 3, "cursor": first["cursor"]}, master=True)
    seen = [each["n"] for each in (*first["results"], *rest["results"])]
    assert (sorted(seen), rest["cursor"]) == ([0, 1, 2, 3, 4], None)


def test_several_are_deleted(ask: Ask, new_class: Callable[[str], str]) -> None:
    note = new_class("Note")
    known = [create(ask, "leancloud", note, n=n) for n in range(3)]
    ask("leancloud", "DELETE", f"/classes/{note}/{','.join(known[:2])}")
    assert [each["n"] for each in ask("parse", "GET", f"/classes/{note}")["results"]] == [2]


def test_what_would_not_be_safe_is_refused(ask: Ask, new_class: Callable[[str], str]) -> None:
    note = new_class("Note")
    known = create(ask, "leancloud", note, n=1)
    path = f"/classes/{note}/{known}"
    told = ask("leancloud", "PUT", path, {"n": 2}, query={"where": {"n": 1}}, expect=400)
    assert "another one may come between" in told["error"]
    told = ask("leancloud", "PUT", path, {"n": {"__op": "BitOr", "value": 2}}, expect=400)
    assert "another write may come between" in told["error"]
    assert ask("parse", "GET", path)["n"] == 1


def test_the_keys_of_clients_are_not_those_of_the_server(gateway_url: str, server: ParseServer) -> None:
    ours = {"X-Parse-Application-Id": "demo", "X-Parse-JavaScript-Key": "demo-js"}
    theirs = {"X-Parse-Application-Id": APP["app_id"], "X-Parse-JavaScript-Key": APP["javascript_key"]}
    statuses = [
        http("GET", f"{url}/classes/Note", headers)[0]
        for url in (f"{gateway_url}/parse", server.url)
        for headers in (ours, theirs)
    ]
    assert statuses == [200, 403, 403, 200]
    # a master key of the server's makes nobody the master here
    status, _ = http("GET", f"{gateway_url}/parse/schemas", {**ours, "X-Parse-Master-Key": APP["master_key"]})
    assert status == 403
