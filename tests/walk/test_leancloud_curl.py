"""The 88 requests that LeanCloud's storage REST guide shows as curl commands, each beside the answer that it shows.

They are tests/spec/leancloud-curl.jsonl. Each is sent to a gateway of its own, in which everything is there that the
request names. An answer agrees where it has the same keys and the same kinds of values, and the same values but for
ids, tokens and times; what the guide says of an answer without showing it ("the same as ...") counts as shown. Where
it says nothing of an answer, as with most queries, it is the form of the guide's first answer to a query, with the
objects that the request asks for.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest
import yaml
from aiohttp.test_utils import TestClient, TestServer

from gateway.app import Plan, make_app, plan
from tests.outside import OutsideWorld, outside_world

LIST: Final = Path(__file__).parent.parent / "spec" / "leancloud-curl.jsonl"

APP_KEY: Final = "UtOCzqb67d3sN12Kts4URwy8"
"""The one that the guide signs with."""
MASTER_KEY: Final = "DyJegPlemooo4X1tg94gQkw1"
MASTER: Final = {"X-LC-Id": "demo", "X-LC-Key": f"{MASTER_KEY},master"}

TOM, ANN, KATE, JOHN, IDA = (
    "55a47496e4b05001a7732c5f",
    "57e3bcca67f35600577c3063",
    "5b7e53a767f356005fb374f6",
    "55a4800fe4b05001a7745c41",
    "5e03100ed4b56c008e4a91dc",
)
PLAIN, FULL, OTHER = "558e20cbe4b060308e3eb36c", "55a39634e4b0ed48f0c1845b", "55a39634e4b0ed48f0c1845c"
"""Posts: as the guide shows one, one with all that its requests name, and one of somebody else's."""
MANAGER, CLEVEL, STAFF = "55a48351e4b05001a774a89f", "55a483f0e4b05001a774b837", "5f3dea7b7a53400006b13886"
FILE: Final = "543cbaede4b07db196f50f3c"
PASSWORD: Final = "f32@ds*@&dsa"

OPEN: Final = {"*": {"read": True, "write": True}}


def pointer(class_name: str, id_: str) -> dict[str, str]:
    return {"__type": "Pointer", "className": class_name, "objectId": id_}


def members(*pointers: dict[str, str]) -> dict[str, Any]:
    return {"__op": "AddRelation", "objects": list(pointers)}


def point(latitude: float, longitude: float) -> dict[str, Any]:
    return {"__type": "GeoPoint", "latitude": latitude, "longitude": longitude}


def apple(uid: str) -> dict[str, Any]:
    return {"lc_apple": {"uid": uid, "identity_token": "identity token", "code": "authorization code"}}


ARTICLES: Final = [f"577e18b50a2b5800574{number:05d}" for number in range(12)]
LISTS: Final = {"5f0000000000000000000001": [1, 2], "5f0000000000000000000002": [2, 3, 4]}
ALL_POSTS: Final = {PLAIN, FULL, OTHER}
COMMENT: Final = "5f0000000000000000000011"

WORLD: Final[Sequence[tuple[str, str, Any]]] = (
    ("POST", "/users", {"objectId": TOM, "username": "tom", "password": PASSWORD, "phone": "18612340000"}),
    ("POST", "/users", {"objectId": ANN, "username": "tommy", "password": PASSWORD, "email": "tom@example.com"}),
    ("POST", "/users", {"objectId": KATE, "username": "kate", "password": PASSWORD, "authData": apple("kate's")}),
    ("POST", "/users", {"objectId": JOHN, "username": "john", "password": PASSWORD}),
    ("POST", "/users", {"objectId": IDA, "username": "ida", "password": PASSWORD}),
    (
        "POST",
        "/classes/Post",
        {"objectId": PLAIN, "content": "Discover Superb Games.", "pubUser": "TapTap", "pubTimestamp": 1435541999},
    ),
    (
        "POST",
        "/classes/Post",
        {
            "objectId": FULL,
            "content": "Post 1",
            "pubUser": "TapTap",
            "pubUserCertificate": 3,
            "author": pointer("_User", TOM),
            "upvotes": 3,
            "downvotes": 1,
            "clicks": 0,
            "flags": 3,
            "tags": ["JavaScript"],
            "title": "wto rules",
            "image": "a.png",
            "location": point(39.98, 116.35),
        },
    ),
    ("POST", "/classes/Post", {"objectId": OTHER, "pubUser": "Somebody", "upvotes": 2, "location": point(0, 0)}),
    ("POST", "/classes/Account", {"objectId": PLAIN, "balance": 100}),
    ("POST", "/classes/Comment", {"objectId": COMMENT, "post": pointer("Post", PLAIN)}),
    ("POST", "/classes/Comment", {"post": pointer("Post", FULL)}),
    ("POST", "/classes/GameScore", {"score": 1}),
    *(("POST", "/classes/TestObject", {"objectId": known, "arrayKey": numbers}) for known, numbers in LISTS.items()),
    *(
        ("POST", "/classes/Article", {"objectId": known, "tags": ["clojure"], "title": "clojure persistent vector"})
        for known in ARTICLES
    ),
    ("POST", "/roles", {"objectId": MANAGER, "name": "Manager", "ACL": OPEN}),
    (
        "POST",
        "/roles",
        {
            "objectId": CLEVEL,
            "name": "CLevel",
            "ACL": OPEN,
            "users": members(pointer("_User", TOM)),
            "roles": members(pointer("_Role", MANAGER)),
        },
    ),
    ("POST", "/roles", {"objectId": STAFF, "name": "Staff", "ACL": OPEN, "users": members(pointer("_User", IDA))}),
    ("PUT", f"/roles/{MANAGER}", {"roles": members(pointer("_Role", STAFF))}),
)
"""What is there before each request."""

BEFORE: Final[Mapping[int, Sequence[tuple[str, str, Any]]]] = {
    18: [("PUT", f"/classes/Article/{ARTICLES[0]}", {"score": 100})],
    19: [("PUT", f"/classes/Article/{known}", {"score": at}) for at, known in enumerate(reversed(ARTICLES))],
    52: [("DELETE", f"/users/{TOM}", None)],
    60: [("PUT", f"/users/{TOM}", {"password": "the_old_password"})],
    65: [("DELETE", f"/roles/{MANAGER}", None)],
    66: [("DELETE", f"/roles/{CLEVEL}", None)],
}
"""... and what is done besides: by the master."""

TIME: Final = "2015-06-29T01:39:35.931Z"
MADE: Final = {"createdAt": TIME, "objectId": PLAIN}
CHANGED: Final = {"updatedAt": TIME}
POST: Final = {
    "content": "Discover Superb Games.",
    "pubUser": "TapTap",
    "pubTimestamp": 1435541999,
    "createdAt": TIME,
    "updatedAt": TIME,
    "objectId": PLAIN,
}
ARTICLE: Final = {
    "tags": ["clojure"],
    "createdAt": TIME,
    "updatedAt": TIME,
    "title": "clojure persistent vector",
    "objectId": ARTICLES[0],
}
USER: Final = {
    "updatedAt": TIME,
    "phone": "18612340000",
    "objectId": TOM,
    "username": "tom",
    "createdAt": TIME,
    "emailVerified": False,
    "mobilePhoneVerified": False,
}
LOGGED_IN: Final = {"sessionToken": "qmdj8pdidnmyzp0c7yqil91oc", **USER}
ROLE: Final = {
    "name": "CLevel",
    "createdAt": TIME,
    "updatedAt": TIME,
    "objectId": CLEVEL,
    "users": {"__type": "Relation", "className": "_User"},
    "roles": {"__type": "Relation", "className": "_Role"},
}
COLUMNS: Final = {
    "username": {"type": "String"},
    "password": {"type": "String"},
    "objectId": {"type": "String"},
    "emailVerified": {"type": "Boolean"},
    "email": {"type": "String"},
    "createdAt": {"type": "Date"},
    "updatedAt": {"type": "Date"},
    "authData": {"type": "Object"},
}
RUNNING: Final = {"status": "running", "id": "1wugzx81LvS5R4RHsuaeMPKlJqFMFyLwYDNcx6LvCc6MEzQ2", "app_id": "demo"}


@dataclass(frozen=True)
class Shown:
    """An answer, as the guide shows it; of several objects the first alone, and `found` has the ids of all.

    With `partly` the answer may have more than the guide shows, which leaves out what there was besides.
    """

    body: Any
    status: int = 200
    location: bool = False
    found: Sequence[str] | frozenset[str] | None = None
    partly: bool = False


def results(*found: str, first: Any = None, partly: bool = True, **beside: Any) -> Shown:
    """A query, whose objects come in an order that the request asks for, or in any where there are several."""
    return Shown({"results": [first or {"objectId": PLAIN, "createdAt": TIME}], **beside}, found=found, partly=partly)


SHOWN: Final[Mapping[int, Shown]] = {
    **dict.fromkeys((1, 2, 8, 9, 10, 11, 12, 14, 87), Shown(CHANGED)),
    3: Shown(MADE, 201, location=True),
    4: Shown(POST, 201, location=True),
    5: Shown(POST),
    6: Shown({"author": {"objectId": TOM, "username": "tom"}, "objectId": FULL, "content": "Post 1"}, partly=True),
    7: Shown({"code": 211, "error": "Could not find user."}, 400),
    13: Shown({}),
    15: Shown({}),
    16: results(*ARTICLES[:10], first=ARTICLE, partly=False, cursor="pQRhIrac3AEpLzCA"),
    17: results(*ARTICLES[10:], first=ARTICLE, partly=False, cursor=None),
    18: results(ARTICLES[0], first={**ARTICLE, "score": 100}, partly=False, cursor=None),
    19: results(*ARTICLES[:1:-1], first={**ARTICLE, "score": 0}, partly=False, cursor="pQRhIrac3AEpLzCA"),
    20: Shown([{"success": MADE}, {"success": MADE}]),
    21: Shown([{"success": {"updatedAt": TIME, "objectId": FULL}}, {"success": {}}]),
    **{number: results(PLAIN, FULL, OTHER) for number in (22, 23)},
    24: results(PLAIN, FULL),
    25: Shown({"results": []}),
    26: results(FULL),
    27: results(OTHER),
    28: results(FULL, OTHER),
    29: results(PLAIN),
    30: results(FULL),
    31: results(PLAIN, FULL, OTHER),
    32: results(OTHER, FULL, PLAIN),
    33: results(PLAIN, FULL, OTHER),
    34: Shown({"results": []}),
    35: results(
        PLAIN,
        FULL,
        OTHER,
        first={
            "pubUser": "TapTap",
            "content": "Discover Superb Games.",
            "objectId": PLAIN,
            "createdAt": TIME,
            "updatedAt": TIME,
        },
        partly=False,
    ),
    36: results(PLAIN, FULL, OTHER),
    37: results(FULL),
    38: results(*LISTS),
    39: results(*LISTS),
    40: results("5f0000000000000000000002"),
    41: results("5f0000000000000000000002"),
    42: results(COMMENT),
    43: Shown({"results": [{"post": pointer("Post", FULL)}]}, partly=True),
    44: Shown({"results": [{"post": {"__type": "Object", "className": "Post", "objectId": FULL}}]}, partly=True),
    45: Shown({"results": [{"post": {"author": {"objectId": TOM}, "objectId": FULL}}]}, partly=True),
    46: results(FULL, OTHER),
    47: results(FULL),
    48: results(FULL),
    49: Shown({"results": [{"objectId": FILE, "url": "https://example.com/foo.jpg", "name": "foo.jpg"}]}, partly=True),
    50: Shown({"results": [], "count": 2}),
    51: results(FULL),
    52: Shown({"sessionToken": "qmdj8pdidnmyzp0c7yqil91oc", "createdAt": TIME, "objectId": TOM}, 201, location=True),
    53: Shown(LOGGED_IN),
    54: Shown({**{name: value for name, value in LOGGED_IN.items() if name != "phone"}, "objectId": ANN}),
    55: Shown({}),
    56: Shown({}),
    57: Shown(LOGGED_IN),
    58: Shown(LOGGED_IN),
    **dict.fromkeys((59, 63, 64, 68, 69, 73), Shown(CHANGED)),
    60: Shown(CHANGED),
    61: Shown({}),
    62: Shown({"sessionToken": "qmdj8pdidnmyzp0c7yqil91oc", "createdAt": TIME, "objectId": TOM}, 201, location=True),
    65: Shown(MADE, 201, location=True),
    66: Shown(MADE, 201, location=True),
    67: Shown(ROLE),
    70: results(STAFF),
    71: results(IDA),
    72: Shown({}),
    74: Shown(MADE, 201, location=True),
    75: Shown(MADE, 201, location=True),
    76: Shown({}),
    77: Shown({"_User": COLUMNS}, partly=True),
    78: Shown(COLUMNS, partly=True),
    **dict.fromkeys((79, 80, 81, 82, 83), Shown(RUNNING)),
    84: Shown({**RUNNING, "status": "done", "download_url": "https://download.leancloud.cn/export/example.tar.gz"}),
    85: Shown({"iso": TIME, "__type": "Date"}),
    86: Shown({"objectId": FULL, "content": "Post 1"}, partly=True),
    88: Shown({}),
}


def more(*keys: str) -> list[str]:
    return [f"answer.{key} is more than is shown" for key in keys]


def missing(*keys: str) -> list[str]:
    return [f"answer.{key} is missing" for key in keys]


RECORDED: Final = "the recorded answers of LeanCloud's servers go before the guide: "

DIFFERENCES: Final[Mapping[int, tuple[Sequence[str], str]]] = {
    **dict.fromkeys(
        (1, 2, 8, 9, 11, 12, 14, 59, 63, 64, 68, 69, 73, 87),
        (more("objectId"), RECORDED + "an update is answered with the id as well"),
    ),
    10: (
        ["status 400", *missing("updatedAt"), *more("code", "error")],
        "0x0000000000000004 is a number in JavaScript, and none in JSON; SDKs send 4",
    ),
    30: (
        ["answer.results has 0", "objects []"],
        "whom somebody follows is read by the two of them, and the request comes without a session",
    ),
    44: (
        ["answer.results.post.__type is Pointer, and not Object"],
        RECORDED + "an included object keeps the tag of a pointer",
    ),
    52: (
        more("emailVerified", "mobilePhoneVerified", "phone", "updatedAt", "username"),
        RECORDED + "a sign-up is answered with the whole user",
    ),
    54: (
        missing("createdAt", "emailVerified", "mobilePhoneVerified", "username"),
        RECORDED + "a new session is answered with the id, the time and the token",
    ),
    57: (missing("sessionToken"), "nobody is told the token of somebody else"),
    60: (more("objectId", "sessionToken"), RECORDED + "all sessions end with the old password, and here is a new one"),
    62: (
        more("authData", "emailVerified", "mobilePhoneVerified", "updatedAt", "username"),
        RECORDED + "a sign-up is answered with the whole user",
    ),
    71: (
        ["status 400", *missing("results"), "objects []"],
        "the guide left out `where={` and `}`, so it is a parameter that nobody knows",
    ),
}
"""Number -> how the answer is another one than the guide shows, and why."""


# what is compared


FREE: Final = frozenset({"createdAt", "updatedAt", "iso", "sessionToken", "id", "cursor", "download_url", "objectId"})
"""Keys with values of the day."""
MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def differences(shown: Any, ours: Any, place: str, *, partly: bool) -> Iterator[str]:
    if isinstance(shown, dict) and isinstance(ours, dict):
        for key in sorted(shown.keys() - ours.keys()):
            yield f"{place}.{key} is missing"
        for key in sorted(ours.keys() - shown.keys()) if not partly else ():
            yield f"{place}.{key} is more than is shown"
        for key in shown.keys() & ours.keys():
            if key in FREE and type(shown[key]) is str:
                if not isinstance(ours[key], str) or (MOMENT.fullmatch(shown[key]) and not MOMENT.fullmatch(ours[key])):
                    yield f"{place}.{key} is {ours[key]}"
            else:
                yield from differences(shown[key], ours[key], f"{place}.{key}", partly=partly)
    elif isinstance(shown, list) and isinstance(ours, list):
        if bool(shown) != bool(ours):
            yield f"{place} has {len(ours)}"
        for one, other in zip(shown, ours, strict=False):
            yield from differences(one, other, place, partly=partly)
    elif type(shown) is not type(ours) or shown != ours:
        yield f"{place} is {ours}, and not {shown}"


def told(shown: Shown, status: int, location: str | None, body: Any) -> list[str]:
    """How an answer differs from what is shown."""
    found = [] if status == shown.status else [f"status {status}"]
    if (location is not None) is not shown.location:
        found.append(f"Location {location}")
    found += differences(shown.body, body, "answer", partly=shown.partly)
    if shown.found is not None and isinstance(body, dict):
        ids = [item.get("objectId") for item in body.get("results", ())]
        if sorted(ids) != sorted(shown.found):
            found.append(f"objects {ids}")
    return found


# the requests


EXAMPLES: Final = {
    example["number"]: example for example in map(json.loads, LIST.read_text(encoding="utf-8").splitlines())
}

SESSION: Final = "X-LC-Session"
NAMES: Final = {
    "{{appid}}": "demo",
    "{{appkey}}": APP_KEY,
    "{{masterkey}}": MASTER_KEY,
    "<objectId>": FULL,
    "<NonexistObjectId>": "5f00000000000000000000ff",
    "<ModeratorsRoleObjectId>": CLEVEL,
    "<AdministratorsRoleObjectId>": STAFF,
    "[email\xa0protected]": "tom@example.com",
    "[email protected]": "tom@example.com",
}


def named(text: str) -> str:
    """With names for what the guide leaves open."""
    for place, name in NAMES.items():
        text = text.replace(place, name)
    return text


def planned(database: Path, outside: OutsideWorld) -> Plan:
    app = {
        "name": "demo",
        "backend": "local",
        "custom_ids": True,
        "mail": "mail",
        "users": {"auth_providers": {"lc_apple": {"trust": True}}},
        "clients": {"leancloud": {"app_id": "demo", "app_key": APP_KEY, "master_key": MASTER_KEY}},
    }
    config = database.with_suffix(".yaml")
    settings = {
        "server": {"public_url": "http://gateway.example"},
        "apps": [app],
        "adapters": outside.adapters,
        "backends": {"local": {"type": "embedded", "url": f"sqlite:///{database}"}},
    }
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return plan(config)


async def do(client: TestClient[Any, Any], method: str, path: str, body: Any = None) -> Any:
    async with client.request(method, f"/1.1{path}", json=body, headers=MASTER) as response:
        answer = await response.json()
        assert response.status in (200, 201), (method, path, answer)
        return answer


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Plan, Path]]:
    """How the gateway is to be, and its store as it is before each request."""
    database = tmp_path_factory.mktemp("leancloud_curl") / "world.db"

    async def make(plan: Plan) -> None:
        async with TestClient(TestServer(make_app(plan))) as client:
            for step in WORLD:
                await do(client, *step)

    with outside_world() as outside:
        plan = planned(database, outside)
        asyncio.run(make(plan))
        kept = database.with_name("kept.db")
        shutil.copy(database, kept)
        yield plan, kept


@pytest.fixture
async def world(everything: tuple[Plan, Path]) -> AsyncIterator[TestClient[Any, Any]]:
    plan, kept = everything
    for path in kept.parent.glob("world.db*"):
        path.unlink()
    shutil.copy(kept, kept.with_name("world.db"))
    async with TestClient(TestServer(make_app(plan))) as client:
        yield client


async def session_of(client: TestClient[Any, Any], path: str, number: int) -> str:
    """The session of the user whom a request is about, or of the guide's."""
    names = {TOM: "tom", ANN: "tommy", KATE: "kate"}
    name = next((name for known, name in names.items() if known in path), "tom")
    password = "the_old_password" if number == 60 else PASSWORD
    return str((await do(client, "POST", "/login", {"username": name, "password": password}))["sessionToken"])


async def arrange(client: TestClient[Any, Any], number: int) -> dict[str, str]:
    """What is to be there for one request alone; answers the names that came of it."""
    for step in BEFORE.get(number, ()):
        await do(client, *step)
    if number == 17:
        query = f"/scan/classes/Article?limit=10&where={quote('{}')}"
        return {"pQRhIrac3AEpLzCA": (await do(client, "GET", query))["cursor"]}
    if number == 30:
        token = await session_of(client, OTHER, number)
        headers = {**MASTER, "X-LC-Key": APP_KEY, SESSION: token}
        path = f"/1.1/users/{TOM}/friendship/{ANN}"
        async with client.post(path, headers=headers) as response:
            assert response.status == 200, await response.text()
        await do(client, "PUT", f"/classes/Post/{FULL}", {"author": pointer("_User", ANN)})
        return {"55a39634e4b0ed48f0c1845c": TOM}
    if number in (49, 75, 76):
        file = {"url": "https://example.com/foo.jpg", "name": "foo.jpg", "mime_type": "image/jpeg"}
        return {FILE: (await do(client, "POST", "/files", file))["objectId"]}
    if number == 84:
        begun = await do(client, "POST", "/exportData", {})
        while (await do(client, "GET", f"/exportData/{begun['id']}"))["status"] == "running":
            pass
        return {RUNNING["id"]: begun["id"]}
    return {}


async def answer_to(client: TestClient[Any, Any], number: int) -> list[str]:
    """How the answer to one of the requests differs."""
    example = EXAMPLES[number]
    names = await arrange(client, number)

    def here(text: str) -> str:
        for theirs, ours in names.items():
            text = text.replace(theirs, ours)
        return named(text)

    headers = {name: here(value) for name, value in example["headers"].items()}
    path = here(example["path"])
    if SESSION in headers:
        headers[SESSION] = await session_of(client, path, number)
    async with client.request(
        example["method"],
        path,
        params=[(here(name), here(value)) for name, value in example["query"]],
        data=None if example["body"] is None else here(example["body"]),
        headers=headers,
    ) as response:
        body = await response.json()
        return told(SHOWN[number], response.status, response.headers.get("Location"), body)


@pytest.mark.parametrize("number", EXAMPLES)
async def test_a_request_is_answered_as_the_guide_shows(world: TestClient[Any, Any], number: int) -> None:
    expected, _ = DIFFERENCES.get(number, ((), ""))
    assert await answer_to(world, number) == list(expected)


def test_every_request_of_the_guide_is_sent() -> None:
    """65 of the 88 are answered as the guide shows."""
    assert SHOWN.keys() == EXAMPLES.keys() == set(range(1, 89))
    assert len(EXAMPLES.keys() - DIFFERENCES.keys()) == 65
