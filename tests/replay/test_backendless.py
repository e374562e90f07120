"""222 recorded requests of Backendless' SDKs for JavaScript, each sent to a gateway that has what it asks for.

Every request is in the table below, by what its SDK calls it, with the answer that a client of that SDK needs, or with
the refusal that it gets as long as the gateway does not have such a thing.
"""

from __future__ import annotations

import asyncio
import shutil
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import ClientSession

from gateway.app import Plan, address_of, listen, make_app, plan, running
from tests.outside import OutsideWorld, outside_world
from tests.replay.backendless import (
    Answered,
    Ask,
    Case,
    Containing,
    Recorded,
    Refused,
    World,
    by_server_code,
    differences,
    in_any_order,
    is_text,
    is_time,
    load,
)

MOUNTS = ["/{app_id}/{api_key}", "/api", "/x/api", "/backendless/{app_id}/{api_key}"]
"""Where the recorded requests went, whose clients had been told so."""


def config(folder: Path, outside: OutsideWorld) -> dict[str, Any]:
    def app(app_id: str, **clients: Any) -> dict[str, Any]:
        code = {"Svc.meth": outside.code, "S.m": outside.code}
        return {
            "name": app_id.lower(),
            "backend": "local",
            "mail": "mail",
            "fetch": {"hosts": ["files.example"]},
            "push": {"to": {"*": "sms"}, "clients": True},
            "messaging": {
                "email_templates": {"T": {"subject": "T says {k}", "text": "{k}"}},
                "push_templates": {"T": {"message": "{a}"}},
            },
            "users": {"verify_email": True, "messages_apart": "0s", "auth_providers": {"googleplus": outside.verifier}},
            "functions": code,
            "events": {"ev": outside.code, "e": outside.code},
            "clients": {
                "backendless": {"app_id": app_id, **clients},
                "parse": {"app_id": app_id, "master_key": "PARSE-KEY"},
            },
        }

    return {
        "server": {"mounts": {"backendless": MOUNTS}, "public_url": "https://api.example.com"},
        "apps": [
            app("APP-ID", js_key="API-KEY", cloud_code_key="CODE-KEY", domains=["127.0.0.1"]),
            app("A2", rest_key="NOT-TOLD", js_key="K2"),
        ],
        "backends": {"local": {"type": "embedded", "url": f"sqlite:///{folder}/here.db"}},
        "adapters": outside.adapters,
    }


PERSON = {"name": "STRING", "age": "INT", "when": "DATETIME", "js": "JSON", "child": "JSON", "child2": "JSON"}
TABLES = [
    Ask("POST", "/management/data/table", {"name": name, "columns": columns})
    for name, columns in (
        ("Person", [{"name": column, "dataType": type_} for column, type_ in PERSON.items()]),
        ("Address", [{"name": "city", "dataType": "STRING"}]),
    )
]
BEFORE = [
    *TABLES,
    Ask("PUT", "/data/Person/upsert", {"objectId": "O1", "name": "Bob", "age": 20}),
]
"""What is there before each request."""
PARSE = {"X-Parse-Application-Id": "APP-ID", "X-Parse-Master-Key": "PARSE-KEY"}
USER = {"email": "u@b.c", "password": "p", "name": "N"}


@dataclass(frozen=True, slots=True)
class Made:
    """A world that was made once; every request has a copy."""

    plan: Plan
    store: Path
    kept: Path
    ours: Mapping[str, str]


@pytest.fixture(scope="module")
def around() -> Iterator[OutsideWorld]:
    with outside_world() as world:
        world.people["googleplus", "AT"] = {"id": "g1", "fields": {"a": "told there"}}
        yield world


@asynccontextmanager
async def served(planned: Plan) -> AsyncIterator[ClientSession]:
    with listen("127.0.0.1", 0) as listening:
        async with running(make_app(planned), listening, grace=5), ClientSession(address_of(listening)) as session:
            yield session


async def begin(planned: Plan) -> dict[str, str]:
    """Makes what is there before; answers what stands for the recorded id and token."""
    async with served(planned) as session:
        world = World(session, {})
        for ask in BEFORE:
            await world.ask(ask)
        registered = await world.ask(Ask("POST", "/users/register", USER))
        logged_in = await world.ask(Ask("POST", "/users/login", {"login": "u@b.c", "password": "p"}))
        # its console makes roles, which is no API; the same data has another
        role = {"name": "R", "ACL": {"*": {"read": True}}}
        async with session.post("/parse/roles", json=role, headers=PARSE) as made:
            assert made.status == 201
    return {"U1": registered["objectId"], "TOK-1": logged_in["user-token"]}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, around: OutsideWorld) -> Made:
    folder = tmp_path_factory.mktemp("replay")
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config(folder, around)), encoding="utf-8")
    planned = plan(path)
    ours = asyncio.run(begin(planned))
    kept = folder / "kept.db"
    shutil.move(folder / "here.db", kept)
    return Made(planned, folder / "here.db", kept, ours)


@pytest.fixture
async def world(made: Made) -> AsyncIterator[World]:
    made.store.unlink(missing_ok=True)
    shutil.copy(made.kept, made.store)
    async with served(made.plan) as session:
        yield World(session, made.ours)


def put(id_: str, **fields: Any) -> Ask:
    return Ask("PUT", "/data/Person/upsert", {"objectId": id_, **fields})


def several(*objects: dict[str, Any]) -> Ask:
    return Ask("POST", "/data/bulk/Person", list(objects))


def related(column: str, *ids: str) -> Ask:
    """`column` is a name, the table and the kind, as in `friends:Person:n`, which makes the column as well."""
    return Ask("POST", f"/data/Person/O1/{column}", list(ids), answer=len(ids))


def got(id_: str, answer: Any, query: str = "") -> Ask:
    return Ask("GET", f"/data/Person/{id_}{query}", answer=answer)


def count(number: int, where: str = "1=1") -> Ask:
    return Ask("POST", "/data/Person/count", {"where": where}, answer=number)


def person(**fields: Any) -> dict[str, Any]:
    """A whole object: every column is there, and what has no value is null ("Object", and the vendor's own suite)."""
    system = {"objectId": is_text, "created": is_time, "updated": None, "ownerId": None, "___class": "Person"}
    return {**system, **dict.fromkeys(PERSON), **fields}


def geometry(kind: str, coordinates: list[Any]) -> dict[str, Any]:
    """The SDK knows a geometry by its class."""
    return {
        "srsId": 4326,
        "___class": f"com.backendless.persistence.{kind}",
        "type": kind,
        "coordinates": coordinates,
    }


def user(**fields: Any) -> Containing:
    """Never a password; a token in the answer to a log-in only."""
    plain = {"___class": "Users", "userStatus": "ENABLED", "socialAccount": "BACKENDLESS"}
    token = () if "user-token" in fields else ("user-token",)
    return Containing({**plain, "created": is_time, **fields}, lacking=("password", *token))


def info(app_id: str, api_key: str) -> dict[str, Any]:
    """The loggers must be there: SDK 7 and later go through them without looking."""
    return {"appId": app_id, "apiKey": api_key, "loggers": [{"name": "Global logger", "level": "all"}]}


def column(name: str, type_: str, **told: Any) -> dict[str, Any]:
    """As the vendor's suite asserts: each of these keys, always."""
    empty = dict.fromkeys(("defaultValue", "expression", "relatedTable", "customRegex"))
    return {"name": name, "required": False, "type": type_, **empty, "autoLoad": False, "isPrimaryKey": False, **told}


COLUMNS = [
    column("objectId", "STRING", isPrimaryKey=True),
    column("created", "DATETIME"),
    column("updated", "DATETIME"),
    column("ownerId", "STRING"),
    *(column(name, {"INT": "DOUBLE"}.get(type_, type_)) for name, type_ in PERSON.items()),
]
BOB = person(objectId="O1", name="Bob", age=20)
REGISTERED = Ask("POST", "/users/register", {"email": "a@b.c", "password": "p", "name": "N"})
IN_ROLE = Ask("POST", "/users/assignRole", {"user": "u@b.c", "roleName": "R"})
FOUND = [{"a": "b", "x": f"x{n}", "p": n, "q": -n} for n in range(7)]
SEVEN = Ask("PUT", "/counters/c1/incrementby/get?value=7")
VOID = ""
"""An empty body, as the SDKs expect where nothing is handed on."""


def at(path: str) -> str:
    return f"https://api.example.com/APP-ID/API-KEY/files/{path}"


def file(path: str, content: str = "") -> Ask:
    return Ask("PUT", f"/files/binary/{path}?overwrite=true", b64encode(content.encode()).decode())


def is_there(path: str, answer: bool = True) -> Ask:
    return Ask("GET", f"/files/{path}?action=exists", answer=answer)


def listed(name: str, path: str, size: int) -> dict[str, Any]:
    address = f"https://api.example.com/APP-ID/API-KEY/files/{path}"
    times = {"createdOn": is_time, "updatedOn": is_time}
    return {"name": name, "publicUrl": address, "url": path, "size": size, **times}


STATE = {"errorMessage": None, "messageId": is_text, "status": "scheduled"}
DEVICE = {"deviceToken": "tok", "deviceId": "dev-1", "os": "ios"}


def hive() -> Refused:
    return Refused(8006, 400, "Hive is not supported here", "hive")


def as_the_vendor(code: int, status: int, message: str, **more: Any) -> Refused:
    return Refused(code, status, message, "the vendor refuses it as well", **more)


CASES: Mapping[str, Case] = {
    # --- where it goes ---
    "initApp(APP,KEY)": Answered(info("APP-ID", "API-KEY")),
    "init": Answered(info("APP-ID", "API-KEY")),
    "custom domain initApp": Answered(info("APP-ID", "API-KEY")),
    "custom domain + apiURI: info": Answered(info("APP-ID", "API-KEY")),
    "appId+serverURL with path prefix: info": Answered(info("A2", "K2")),
    "custom domain save": Answered(person(a=1)),
    "custom domain + apiURI: find": Answered([BOB]),
    "appId+serverURL with path prefix: find": Answered([BOB]),
    # --- one object ---
    "Data.save new": Answered(person(name="Bob", age=20, when=1700000000000), then=[count(1, "when = 1700000000000")]),
    "save new": Answered(person(name="Bob", when=1700000000000), then=[count(1, "when = 1700000000000")]),
    "Data.save existing (objectId)": Answered(
        BOB | {"name": "Bob2", "updated": is_time}, then=[got("O1", BOB | {"name": "Bob2", "updated": is_time})]
    ),
    "save existing": Answered(BOB | {"name": "Bob2", "updated": is_time}, then=[count(1)]),
    "Data.save upsert": Answered(person(objectId="O9", name="Bob2"), then=[count(2)]),
    "Data.save class instance": Answered(
        {"objectId": is_text, "created": is_time, "updated": None, "ownerId": None, "___class": "Address", "city": "X"}
    ),
    # what stands twice in an object is told by reference, which is written out
    "Data.save nested circular": Answered(person(name="a", child={"name": "c"}, child2={"name": "c"})),
    "Data.save geo": Answered(
        person(
            loc=geometry("Point", [1, 2]),
            ls=geometry("LineString", [[1, 2], [3, 4]]),
        )
    ),
    "Data.save Expression": Answered(BOB | {"age": 21, "updated": is_time}),
    "Data.save JSON update builder": Answered(
        BOB | {"js": {"a": 1, "b": 2}, "updated": is_time}, given=[put("O1", js={"b": 2})]
    ),
    "Data.deepSave": Answered(
        person(
            name="x",
            friend=person(objectId="1", name="Joe"),
            family=[person(name="z")],
        ),
        given=[put("1", name="Joe"), related("friend:Person:1"), related("family:Person:n")],
        then=[count(1, "family.name = 'z' and friend.objectId = '1'")],
    ),
    "Data.findById": Answered(BOB),
    "findById": Answered(BOB),
    "Data.findById builder": Answered(
        {"___class": "Person", "x": 1, "y": "why", "a": None, "b": [person(objectId="O2", x=None, y=None)]},
        given=[put("O1", x=1, y="why"), put("O2"), related("a:Person:1"), related("b:Person:n", "O2")],
    ),
    "Data.findById pk object": Refused(
        8004, 400, "Unknown parameter id", "keys of several columns, which external databases have"
    ),
    "Data.remove": Answered({"deletionTime": is_time}, then=[count(0)]),
    "remove": Answered({"deletionTime": is_time}, then=[count(0)]),
    "Data.save while logged in": Answered(person(name="owned", ownerId="U1")),
    # --- queries ---
    "Data.find()": Answered([BOB]),
    "find": Answered(
        [person(name="10")] * 10, given=[Ask("DELETE", "/data/Person/O1"), several(*[{"name": "10"}] * 11)]
    ),
    "Data.find builder full": Refused(
        1017,
        400,
        "'A' has no one value in a group: group by it, or aggregate it",
        "the query asks for one of the many ages of a group",
        given=[put("O1", x=1), related("friends:Person:n"), related("address:Address:1")],
    ),
    "Data.find setRelated([])": Answered([BOB | {"updated": is_time}], given=[related("friends:Person:n", "O1")]),
    "find where": Answered(
        [{"___class": "Person", "p": 1, "q": -1, "r": []}, {"___class": "Person", "p": 0, "q": 0, "r": []}],
        given=[several(*FOUND), several({"a": "c", "x": "x9"}), related("r:Person:n", "O1")],
    ),
    "Data.findFirst": Answered([BOB], given=[put("O2", name="later")]),
    "findFirst GET": Answered(BOB, given=[put("O2", name="later")]),
    "findFirst POST": Answered([BOB], given=[put("O2", name="later")]),
    "Data.findLast builder": Answered(
        [person(objectId="O2", name="later", a=None)], given=[put("O2", name="later"), related("a:Person:1")]
    ),
    "findLast GET": Answered(person(objectId="O2", name="later"), given=[put("O2", name="later")]),
    "findLast POST": Answered([person(objectId="O2", name="later")], given=[put("O2", name="later")]),
    "Data.getObjectCount()": Answered(2, given=[put("O2")]),
    "Data.getObjectCount(where)": Answered(2, given=[several({"a": 1}, {"a": 1}, {"a": 2})]),
    "Data.getObjectCount builder": Answered(2, given=[several({"a": 1}, {"a": 1}, {"a": 2})]),
    "count": Answered(2, given=[several({"a": 1}, {"a": 1}, {"a": 2})]),
    "Data.group": Answered(
        {"hasNextPage": False, "items": [person(a="x", name="1"), person(a="x", name="2")]},
        given=[several({"a": "x", "name": "1"}, {"a": "x", "name": "2"}, {"a": "y"})],
    ),
    "Data.describe": Answered(COLUMNS),
    # --- many at once ---
    "Data.bulkCreate": Answered([is_text, is_text], then=[count(1, "a = 1"), count(1, "a = 2")]),
    "bulkCreate": Answered([is_text], then=[count(1, "a = 1")]),
    "Data.bulkUpsert": Answered(["1"], given=[put("1", name="there")], then=[count(1, "a = 1 and name = 'there'")]),
    "Data.bulkUpdate": Answered(
        1,
        given=[several({"age": 11, "name": "O'Neil", "a": 5}, {"age": 9, "name": "O'Neil"})],
        then=[count(1, "a = 1"), count(1, "a = 1 and age = 11")],
    ),
    "bulkUpdate": Answered(2, given=[several({"a": 1}, {"a": 1}, {"a": 2})], then=[count(2, "b = 1")]),
    "Data.bulkDelete where": Answered(2, given=[put("O2", age=11), put("O3", age=10)], then=[count(1)]),
    "Data.bulkDelete ids": Answered(2, given=[put("a"), put("b"), put("c")], then=[count(2)]),
    "bulkDelete": Answered(2, given=[several({"a": 1}, {"a": 1}, {"a": 2})], then=[count(2)]),
    # --- relations ---
    "Data.setRelation ids": Answered(
        2, given=[put("a"), put("b"), put("c")], then=[count(2, "Person[friends].objectId = 'O1'")]
    ),
    "setRelation": Answered(
        1,
        given=[put("a"), put("b"), related("f:Person:n", "b")],
        then=[count(1, "Person[f].objectId = 'O1'"), count(1, "f.objectId = 'a'")],
    ),
    "Data.addRelation where": Answered(
        2,
        given=[put("a"), put("b", age=2), related("friends:Person:n", "a")],
        then=[count(3, "Person[friends].objectId = 'O1'")],
    ),
    "Data.deleteRelation ids": Answered(
        1,
        given=[put("a"), put("b"), related("friends:Person:n", "a", "b")],
        then=[got("O1/friends", [person(objectId="b")])],
    ),
    "Data.loadRelations": Answered(
        [person(objectId="P5", name="5", a="b")],
        given=[
            *(put(f"P{n}", name=str(n), a="b") for n in (3, 5, 1, 0, 2, 4)),
            put("P9", name="9", a="c"),
            related("friends:Person:n", "P0", "P1", "P2", "P3", "P4", "P5", "P9"),
        ],
    ),
    "loadRelations": Answered([person(objectId="P1")], given=[put("P1"), put("P2"), related("f:Person:n", "P1")]),
    # --- a unit of work ---
    "UoW mixed": Answered(
        {
            "success": True,
            "error": None,
            "results": {
                "createPerson1": {"operationType": "CREATE", "result": Containing({"name": "a", "updated": None})},
                "updatePerson1": {"operationType": "UPDATE", "result": Containing({"name": "a", "updated": is_time})},
                "findPerson1": {"operationType": "FIND", "result": [Containing({"objectId": "O1", "x": None})]},
                "deletePerson1": {"operationType": "DELETE", "result": is_time},
                "create_bulkPerson1": {"operationType": "CREATE_BULK", "result": [is_text]},
                "update_bulkPerson1": {"operationType": "UPDATE_BULK", "result": 1},
                "delete_bulkPerson1": {"operationType": "DELETE_BULK", "result": 1},
                "upsertPerson1": {"operationType": "UPSERT", "result": Containing({"objectId": "9"})},
                "upsert_bulkPerson1": {"operationType": "UPSERT_BULK", "result": ["9"]},
                "add_relationPerson1": {"operationType": "ADD_RELATION", "result": 2},
                "set_relationPerson1": {"operationType": "SET_RELATION", "result": 0},
                "delete_relationPerson1": {"operationType": "DELETE_RELATION", "result": 1},
            },
        },
        given=[
            put("P1", a=0),
            put("1"),
            put("x", name="x"),
            related("x:Person:1"),
            Ask("POST", "/data/Person/P1/friends:Person:n", []),
        ],
    ),
    # --- permissions ---
    "Data.Permissions grantForUser": Refused(
        4000, 403, "only the owner of an object, or the master, says who may do what with it", "nobody is logged in"
    ),
    "Data.Permissions denyForAllRoles": Refused(
        4000, 403, "only the owner of an object, or the master, says who may do what with it", "nobody is logged in"
    ),
    # --- users ---
    "Users.register": Answered(user(objectId=is_text, email="a@b.c", name="N", updated=None)),
    "register": Answered(user(objectId=is_text, email="a@b.c", updated=None)),
    "Users.login": Answered(user(email="a@b.c", **{"user-token": is_text}), given=[REGISTERED]),
    "login": Answered(user(email="a@b.c", **{"user-token": is_text}), given=[REGISTERED]),
    "Users.isValidLogin": Answered(answer=True),
    "isValidLogin": Answered(answer=True),
    "Users.getCurrentUser(reload)": Answered(user(objectId="U1", ownerId="U1", email="u@b.c", name="N")),
    "Users.update": Answered(user(objectId="U1", name="Z", updated=is_time)),
    "users.update": Answered(user(objectId="U1", name="Z", updated=is_time)),
    "Users.getUserRoles": Answered(in_any_order("AuthenticatedUser", "R"), given=[IN_ROLE]),
    "roles": Answered(in_any_order("AuthenticatedUser", "R"), given=[IN_ROLE]),
    "Users.assignRole": as_the_vendor(2011, 403, "the master key is required", given=[REGISTERED]),
    "Users.findByRole": Answered([user(objectId="U1", roles=in_any_order("AuthenticatedUser", "R"))], given=[IN_ROLE]),
    "Users.describeUserClass": Answered(
        lambda found: {"objectId", "created", "updated", "email", "name"} <= {each["name"] for each in found}
    ),
    "Users.restorePassword": Answered(VOID, given=[REGISTERED], mail="Reset your password for app-id"),
    "restorePassword": Answered(VOID, given=[REGISTERED], mail="Reset your password for app-id"),
    "Users.resendEmailConfirmation": Answered(VOID, given=[REGISTERED], mail="Confirm your address for app-id"),
    "Users.verifyPassword": as_the_vendor(3122, 403, "Password verification allowed only from CloudCode"),
    "Users.disableUser": as_the_vendor(3054, 403, "Operation allowed only for BL logic."),
    "Users.loginWithOauth2": Answered(user(socialAccount="GOOGLEPLUS", b="told there", **{"user-token": is_text})),
    "Users.loginWithFacebookSdk": Refused(
        3035, 400, "This authentication method is unsupported.", "a service that the config does not name"
    ),
    "Users.getAuthorizationUrlLink": Refused(
        8006, 400, "log in with an access token of the service instead", "pages of other services to log in at"
    ),
    "Users.logout": Answered(VOID, then=[Ask("GET", "/users/isvalidusertoken/TOK-1", answer=False)]),
    "logout": Answered(VOID, then=[Ask("GET", "/users/isvalidusertoken/TOK-1", answer=False)]),
    "Users.loginAsGuest": Answered(user(objectId=is_text, userStatus="GUEST", **{"user-token": is_text})),
    # --- cache ---
    "Cache.put": Answered(VOID, then=[Ask("GET", "/cache/k", answer={"a": 1})]),
    "cache.put": Answered(VOID, then=[Ask("GET", "/cache/k", answer={"a": 1})]),
    "Cache.put string": Answered(VOID, then=[Ask("GET", "/cache/k", answer="str")]),
    "Cache.get": Answered({"deep": [1, None]}, given=[Ask("PUT", "/cache/k", {"deep": [1, None]})]),
    "cache.get": Answered(None),  # of nothing, which the SDK hands on: null, and no error
    "Cache.contains": Answered(answer=True, given=[Ask("PUT", "/cache/k", 1)]),
    "Cache.expireIn": Answered(VOID, given=[Ask("PUT", "/cache/k", 1)], then=[Ask("GET", "/cache/k", answer=1)]),
    "Cache.expireAt": Answered(VOID, given=[Ask("PUT", "/cache/k", 1)], then=[Ask("GET", "/cache/k", answer=None)]),
    "Cache.remove": Answered(
        VOID, given=[Ask("PUT", "/cache/k", 1)], then=[Ask("GET", "/cache/k/check", answer=False)]
    ),
    # --- counters ---
    "Counters.incrementAndGet": Answered(8, given=[SEVEN]),
    "Counters.getAndIncrement": Answered(7, given=[SEVEN], then=[Ask("GET", "/counters/c1", answer=8)]),
    "Counters.decrementAndGet": Answered(6, given=[SEVEN]),
    "Counters.getAndDecrement": Answered(7, given=[SEVEN], then=[Ask("GET", "/counters/c1", answer=6)]),
    "Counters.get": Answered(7, given=[SEVEN]),
    "Counters.reset": Answered(VOID, given=[SEVEN], then=[Ask("GET", "/counters/c1", answer=0)]),
    "Counters.addAndGet": Answered(12, given=[SEVEN]),
    "Counters.getAndAdd": Answered(7, given=[SEVEN], then=[Ask("GET", "/counters/c1", answer=12)]),
    "Counters.compareAndSet": Answered(
        answer=True,
        given=[Ask("PUT", "/counters/c1/increment/get")],
        then=[Ask("GET", "/counters/c1", answer=2)],
    ),
    "Counters.list": Answered(
        in_any_order("a", "ab"), given=[Ask("PUT", f"/counters/{name}/increment/get") for name in ("a", "ab", "ba")]
    ),
    "counter": Answered(1),
    "counter.get": Answered(0),
    # --- code of the app's own, and its log ---
    "BL invoke object": Answered({"name": "Svc.meth", "given": {"a": 1}, "user": {"objectId": "U1"}}),
    "BL invoke string arg": Answered({"name": "Svc.meth", "given": "str", "user": {"objectId": "U1"}}),
    "BL invoke none": Answered({"name": "Svc.meth", "given": {}, "user": {"objectId": "U1"}}),
    "services": Answered({"name": "S.m", "given": {"a": 1}, "user": {"objectId": "U1"}}),
    "Events.dispatch": Answered({"name": "ev", "given": {"a": 1}, "user": {"objectId": "U1"}}),
    "events": Answered({"name": "e", "given": {"a": 1}, "user": {"objectId": "U1"}}),
    "Logging": Answered(VOID),
    "logging": Answered(VOID),
    # --- what there is not, or not yet ---
    # --- files ---
    "Files.saveFile": Answered(at("dir/sub/my%20file.txt"), then=[is_there("dir/sub/my%20file.txt")]),
    "Files.upload stream": Answered({"fileURL": at("dir/up.txt")}, then=[is_there("dir/up.txt")]),
    "Files.upload url": Refused(
        4000, 403, "files are not fetched from this address", "a host that the config does not name"
    ),
    "Files.listing": Answered(
        [listed("a.html", "dir/a.html", 1), listed("b.html", "dir/sub/b.html", 2)],
        given=[file("dir/a.html", "a"), file("dir/sub/b.html", "bb"), file("dir/c.txt")],
    ),
    "Files.exists": Answered(answer=True, given=[file("dir/a.txt")]),
    "Files.getFileCount": Answered(2, given=[file("dir/a.x"), file("dir/sub/b.x"), file("dir/c.y")]),
    "Files.rename": Answered(
        at("dir/b"), given=[file("dir/a")], then=[is_there("dir/a", answer=False), is_there("dir/b")]
    ),
    "Files.move": Answered(at("c/d"), given=[file("a/b")], then=[is_there("a/b", answer=False), is_there("c/d")]),
    "Files.copy": Answered(at("c/d"), given=[file("a/b")], then=[is_there("a/b"), is_there("c/d")]),
    "Files.remove": Answered(1, given=[file("dir/a.txt")], then=[is_there("dir/a.txt", answer=False)]),
    "Files.createDirectory": Answered(VOID, then=[is_there("a/b")]),
    "Files.appendText": Answered(at("a/t.txt"), then=[is_there("a/t.txt")]),
    "Files.append bytes": Answered(at("a/t.txt"), then=[is_there("a/t.txt")]),
    "Files.Permissions": Refused(
        4000,
        403,
        "only the owner of an object, or the master, says who may do what with it",
        "nobody's file, and so the master's",
        given=[file("a/b.txt")],
    ),
    # --- messages and emails ---
    "Messaging.publish": Answered(STATE, then=[Ask("GET", "/messaging/m", answer={**STATE, "status": "unknown"})]),
    "publish": Answered(STATE),
    "Messaging.getMessageStatus": Answered({"errorMessage": None, "messageId": "message:1", "status": "unknown"}),
    "Messaging.cancel": as_the_vendor(5040, 400, "Message has already been canceled or does not exist."),
    "Messaging.sendEmail": Answered(STATE, given=[Ask("PUT", "/files/binary/f.txt", "aGVsbG8=")], mail="S"),
    "Messaging.sendEmailFromTemplate": Answered(
        STATE, given=[Ask("POST", "/users/register", {"email": "a@b.c", "password": "p", "x": "y"})], mail="T says v"
    ),
    "Messaging.registerDevice": Answered({"registrationId": is_text}),
    "Messaging.getRegistrations": Answered(
        {**DEVICE, "id": is_text, "os": "IOS", "channels": ["default"]},
        given=[Ask("POST", "/messaging/registrations", DEVICE)],
    ),
    "Messaging.unregisterDevice": Answered({"result": True}, given=[Ask("POST", "/messaging/registrations", DEVICE)]),
    "Messaging.pushWithTemplate": Answered(STATE),
    "Messaging.getPushTemplates": Answered([{"name": "T", "contentTitle": None, "message": "{a}"}]),
    "geo addPoint": Answered(
        {
            "geopoint": {
                "___class": "GeoPoint",
                "objectId": is_text,
                "latitude": 1.0,
                "longitude": 2.0,
                "categories": ["c"],
                "metadata": {"a": 1},
            }
        },
        then=[Ask("GET", "/geo/count?categories=c", answer=1)],
    ),
    **{f"Hive {call}": hive() for call in ("kv set", "kv increment", "list addLast", "map set")},
}


BY_SERVER_CODE: Mapping[str, Answered] = {
    "Users.assignRole": Answered(
        VOID,
        given=[REGISTERED, IN_ROLE],
        then=[Ask("GET", "/users/role/R", answer=[user(email="u@b.c"), user(email="a@b.c")])],
    ),
    "Users.verifyPassword": Answered({"valid": True}),
    "Users.disableUser": Answered(VOID, then=[Ask("GET", "/data/Users/U1", answer=user(userStatus="DISABLED"))]),
    "Data.Permissions grantForUser": Answered(VOID),
    "Data.Permissions denyForAllRoles": Answered(VOID),
}
"""Refused to clients, and answered to the same request with the key of server code."""


def name_of(recorded: Recorded) -> str:
    """SDKs of several ages ask for the first and the last object in two ways, which are answered in two ways."""
    name = f"{recorded.call} {recorded.method}"
    return name if name in CASES else recorded.call


def case_of(recorded: Recorded) -> Case:
    return CASES[name_of(recorded)]


@pytest.mark.parametrize("recorded", load(), ids=lambda recorded: f"{recorded.number} {recorded.name}")
async def test_a_recorded_request_is_answered_or_refused_as_told(
    recorded: Recorded, world: World, around: OutsideWorld
) -> None:
    case = case_of(recorded)
    for ask in case.given:
        await world.ask(ask)
    status, answer = await world.replay(recorded)
    if isinstance(case, Refused):
        assert (status, answer) == (case.status, {"code": case.code, "message": case.message})
        return
    assert status == 200, answer
    assert list(differences(world.expected(case.answer), answer)) == [], answer
    for ask in case.then:
        await world.ask(ask)
    if case.mail is not None:
        while not any("a@b.c" in mail.to and mail.subject == case.mail for mail in around.mails):
            await around.wait_for_mails(len(around.mails) + 1)


@pytest.mark.parametrize("call", BY_SERVER_CODE)
async def test_what_only_server_code_may_do_it_may(call: str, world: World) -> None:
    case = BY_SERVER_CODE[call]
    [recorded] = [each for each in load() if each.call == call]
    for ask in case.given:
        await world.ask(ask)
    status, answer = await world.replay(by_server_code(recorded))
    assert status == 200, answer
    assert list(differences(world.expected(case.answer), answer)) == [], answer
    for ask in case.then:
        await world.ask(ask)


def test_every_request_has_its_row_and_how_many_are_answered() -> None:
    rows = [case_of(recorded) for recorded in load()]
    assert Counter("answered" if isinstance(case, Answered) else case.why for case in rows) == {
        "answered": 206,
        "a host that the config does not name": 1,
        "nobody's file, and so the master's": 1,
        "hive": 4,
        "the vendor refuses it as well": 4,
        "nobody is logged in": 2,
        "keys of several columns, which external databases have": 1,
        "the query asks for one of the many ages of a group": 1,
        "a service that the config does not name": 1,
        "pages of other services to log in at": 1,
    }
    assert set(CASES) == {name_of(recorded) for recorded in load()}
