"""650 recorded exchanges with Parse Server 9.10 on PostgreSQL, sent to the gateway in order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.app import make_app, plan
from tests.outside import SECRET, OutsideWorld
from tests.replay.parse import FUNCTIONS, JOBS, Replay, Step, answer_code, load

KEYS: Mapping[str, str] = {
    "rest_key": "myRestKey",
    "javascript_key": "myJsKey",
    "client_key": "myClientKey",
    "master_key": "myMasterKey",
}


@dataclass(frozen=True, slots=True)
class Recording:
    """What one server answered.

    `differences` has why -> the numbers that differ for that reason; each must differ, so that a fix takes it out.
    """

    first: int
    last: int
    app: Mapping[str, Any]
    differences: Mapping[str, Sequence[int]]
    unrecorded: Mapping[int, Sequence[Step]] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=lambda: KEYS)
    hides: bool = False
    """Whether the server was not to tell why it refuses."""


def make(class_name: str, id_: str, **fields: Any) -> Step:
    return Step(method="POST", path=f"/parse/classes/{class_name}", body={"objectId": id_, **fields})


def sign_up(id_: str, username: str, password: str, token: str | None = None, **fields: Any) -> Step:
    body = {"objectId": id_, "username": username, "password": password, **fields}
    answers = {} if token is None else {"sessionToken": token}
    return Step(method="POST", path="/parse/users", body=body, master=False, answers=answers)


def log_in(username: str, password: str, token: str, installation: str | None = None) -> Step:
    body = {"username": username, "password": password}
    answers = {"sessionToken": token}
    return Step(method="POST", path="/parse/login", body=body, master=False, installation=installation, answers=answers)


def put(path: str, **fields: Any) -> Step:
    return Step(method="PUT", path=f"/parse/{path}", body=fields, app="myAppId")


def post(path: str, **fields: Any) -> Step:
    return Step(method="POST", path=f"/parse/{path}", body=fields, app="myAppId")


def delete(path: str) -> Step:
    return Step(method="DELETE", path=f"/parse/{path}")


def pointer(class_name: str, id_: str) -> dict[str, str]:
    return {"__type": "Pointer", "className": class_name, "objectId": id_}


def place(latitude: float, longitude: float) -> dict[str, Any]:
    return {"__type": "GeoPoint", "latitude": latitude, "longitude": longitude}


def date(iso: str) -> dict[str, str]:
    return {"__type": "Date", "iso": iso}


def square(at: int) -> dict[str, Any]:
    corners = [[at, at], [at, at + 1], [at + 1, at + 1], [at + 1, at]]
    return {"__type": "Polygon", "coordinates": corners}


EVERYBODY_READS = {"*": {"read": True}}

ITEMS = ("DvAKamTKNY", "VZ6mw1w9If", "UJrwUHrwqe", "08mYKUovy9", "R1ZsbJAAUh", "GkiJMoKIVA")
QS = ("UN5uuEkLhH", "NFtXeHvj4E", "iz65Y2s8Hn", "KDHzmfxrZF")

THINGS = [
    *(
        make("Item", id_, n=n, name=f"item{n}", even=n % 2 == 0, tags=[f"t{n % 3}", "all"], loc=place(n, n))
        for n, id_ in enumerate(ITEMS)
    ),
    make("NumArr", "numarr0000", a=[1, 2]),
    make("Post", "4j1WCvxJAc", title="P1", item=pointer("Item", ITEMS[2])),
    make(
        "Comment",
        "J6Ih3INidi",
        text="C1",
        post=pointer("Post", "4j1WCvxJAc"),
        items=[pointer("Item", ITEMS[0]), pointer("Item", ITEMS[1])],
    ),
]

MAIN = {
    34: [make("GameScore", "cdobtWsxb1", score=1)],
    52: [make("GameScore", "ZfXoMsbhrZ", score=1)],
    53: THINGS,
    108: [sign_up("72MlyFwX1l", "mail1", "x", "r:cceea464d5f95c0e9834f83654a38850", email="a@b.org")],
    136: [log_in("cooldude6", "newpw", "r:7189e318cd285770133f1ea8250ac097")],
    149: [sign_up("mr1ytYUBE5", "other", "x", "r:d1723a0ce0978584398c1a849cd8d458")],
    150: [log_in("cooldude6", "newpw", "r:ad10c6f6705a0b60e8ee8afb7e3198e8")],
    235: [delete("purge/City")],
    314: [make("Thing", "RvOtZmOjVX", n=1, s="x", list=[1], o={"a": {"b": 1}, "k": 1})],
    333: [
        make(
            "Thing",
            "B54llX0Fxh",
            poly=square(0),
            f={"__type": "File", "name": "nofile.txt"},
            ACL=EVERYBODY_READS,
        )
    ],
    335: [make("Thing", "ueGGQP6wYO", ACL={})],
    339: [make("Renamed", "aXHos0wALi", n=1)],
    341: [
        *(
            make(
                "Q",
                id_,
                n=n,
                tags=[[], ["x"], ["x", "y"], []][n],
                when=date("2024-01-01T00:00:00.000Z"),
                area=square(n),
                o={"a": n, "b": {"c": n}},
                loc=place(n, n),
                **({"opt": "v"} if n % 2 else {}),
            )
            for n, id_ in enumerate(QS)
        ),
        make("QC", "1jhqv8XMlq", name="c0", q=pointer("Q", QS[0]), deep={"p": pointer("Q", QS[0])}),
        make("QC", "2iJs2ZezxU", name="c1", q=pointer("Q", QS[1]), deep={"p": pointer("Q", QS[1])}),
    ],
    402: [log_in("ann", "pw", "r:2bd119f0db1e6e6b32e1431287d273b0", "INST-1")],
    427: [
        Step(
            method="GET",
            path="/parse/sessions/me",
            session="r:0e63d3cefd6b0f7eadad9e335d70fe3d",
            master=False,
            answers={"objectId": "jVEQJ6hG3r"},
        )
    ],
    445: [log_in("bob2", "pw", "r:7b59f1b173a8081ead2c618bbf00323d")],
    447: [
        sign_up("k16Ve92YdJ", "owner", "x", "r:689493b5a3d1ee9eff5c971fe4a1afec"),
        sign_up("wbTQgJstsU", "member", "x", "r:61560889e20bd5d025442bfe0458dbae"),
        sign_up("outside000", "outsider", "x", "r:4cc80ce169a58a3413d162dd11506fbe"),
        make(
            "_Role",
            "jAG1EYlnEs",
            name="Admins",
            ACL=EVERYBODY_READS,
            users={"__op": "AddRelation", "objects": [pointer("_User", "wbTQgJstsU")]},
        ),
    ],
    448: [make("Sec", "mygGSxfWtK", v=1, ACL={"role:Mods2": {"read": True}})],
    454: [make("Clp", "p5ZHYiPNxW", a=1, secret="s", owner=pointer("_User", "k16Ve92YdJ"))],
    478: [delete("schemas/S2")],  # what 477 made here, and not there
    510: [make("Filtered", "hidden0000", visible=False), make("Filtered", "mxwvPfY4DE", visible=True)],
    517: [
        *(
            post("hooks/functions", functionName=name, url=f"http://hook.example/{name}")
            for name in ("wf", "wferr", "wferrs", "wbad", "wempty")
        ),
        post("hooks/triggers", className="Hooked", triggerName="beforeSave", url="http://hook.example/hooked"),
        post("hooks/triggers", className="Hooked", triggerName="beforeDelete", url="http://hook.example/done"),
        post("hooks/triggers", className="AfterObj", triggerName="afterSave", url="http://hook.example/object"),
        post("hooks/triggers", className="Rej", triggerName="beforeSave", url="http://hook.example/rejecting"),
    ],
    534: [put("hooks/functions/hello", __op="Delete")],
}

BROKEN = (
    "an internal error of Parse Server, or what PostgreSQL said of its SQL; the gateway answers, or says what is wrong"
)

NO_ADAPTER = "there is no such provider here: the gateway says so, the recorded one had adapters without their settings"

MAIN_DIFFERENCES: Mapping[str, Sequence[int]] = {
    BROKEN: (26, 52, 58, 59, 84, 85, 91, 92, 104, 142, 311, 318, 319, 344, 368, 380, 550, 561),
    "PostgreSQL: null reads back as absent, and here as null": (18, 98, 315, 337),
    "PostgreSQL: lists are reshuffled by Add, AddUnique and Remove": (20, 21, 22, 321),
    "PostgreSQL: an operator below two keys is stored as it came": (316,),
    "PostgreSQL: conditions that MongoDB answers are refused, or match otherwise": (349, 351, 352, 353, 369, 370, 371),
    "PostgreSQL: an unknown operator is told by what PostgreSQL lacks; by MongoDB it is 102": (87,),
    "PostgreSQL: a maximum in kilometres is not heeded": (77,),
    "PostgreSQL: distance goes before the order that is asked for, against the guide": (359,),
    "PostgreSQL: what nobody sorts comes in another order after a change": (130,),
    "PostgreSQL: a projection loses the objectId": (268,),
    "no JSON but an HTML page, for a route that there is not": (13, 201, 287, 293, 312, 556),
    "a route of the guide that Parse Server has not: apps, and DELETE of a hook": (296, 533),
    "a preflight has no body here": (12, 313),
    "a body that cannot be read is told by a number, and in words of the gateway's own": (14, 15, 301),
    "a body of null is none": (302,),
    "text is read as UTF-8, whatever charset it is said to be": (309,),
    "a filter in brackets is no JSON": (310,),
    "no answer has an ETag but that of a file": (305,),
    "a function takes no form of several parts": (308,),
    # a deletion where the class has live queries, a date of the server's, a field `id`, a bad token, and no method
    "said in other words": (33, 322, 328, 389, 432),
    "not here: plans of queries": (95,),
    "not here: checks of security, GraphQL, receipts and challenges": (277, 278, 279, 441),
    "not here: the maintenance key": (336,),
    "the log has what concerns the gateway, and not each refusal": (276,),
    "a pointer redirects a query as a relation does": (96,),
    "a batch may name any mount, as those of the guide do": (103,),
    "a file can be uploaded in a batch": (397,),
    "a subquery with a key that means nothing is refused": (367,),
    "an answer with keys shows no relation that is not among them": (173,),
    "a pointer to nothing is refused": (330,),
    "a session says whether it is restricted, as in the guide, and has its ACL": (136, 137, 139, 140, 399, 427, 433),
    "the route pairs a session with an installation, as in the guide, and takes nothing else": (141,),
    "the name of a role is set once, as in the guide": (169, 451),
    "authData that was emptied is shown empty": (439,),
    NO_ADAPTER: (423,),
    "parts of a file can be asked for": (179,),
    "a file is empty, or has no name, or is not there: told as such": (187, 493, 501),
    "a disk keeps what is said of a file, and tells it": (492,),
    "a schema: other classes are there from the start, some with indexes; two places are no fault": (239, 477, 485),
    "a join table is no class": (474,),
    "what the gateway does for itself shows: updatedAt, ACL and the number of devices": (208, 264, 513, 515),
    "a push waits for its time": (3, 546),
    "a hook that does not answer, or no JSON, is told as such": (247, 520),
    "a hook is given dates and pointers as such": (517,),
    "a hook's own number and words are told plainly": (518,),
    "a trigger changes nothing by saying what is there already": (523,),
    "what a trigger says after a write does not replace the answer": (525,),
    "a trigger of queries may refuse, and no more": (510,),
    "a function elsewhere sets no status and no headers": (506,),
    "the warning of the guide, where a webhook takes the place of a function; which is there again after it": (
        527,
        534,
    ),
}

SANITISED: Mapping[str, Sequence[int]] = {
    BROKEN: (612, 613, 614, 615, 616, 617, 635, 637, 638),
    "a list that is none in a condition is told as such, as without hiding": (636,),
    "a join table is no class": (650,),
}

RECORDINGS = {
    "main": Recording(
        1,
        561,
        {
            "files": {"uploads_by": "everybody"},
            "functions": True,
            "push": {"to": {"*": "push"}},
            "registered_hooks": {"private": True},
            "idempotency": {"paths": [".*"], "ttl": "2m"},
        },
        MAIN_DIFFERENCES,
        MAIN,
    ),
    "defaults": Recording(
        562,
        579,
        {"client_class_creation": False, "users": {"private": True}},
        {
            NO_ADAPTER: (575,),
            "its files wanted MongoDB": (573,),
            "not here: plans of queries": (578,),
            "without an adapter of pushes there is nothing of pushes": (579,),
        },
        keys={"master_key": "myMasterKey"},
        hides=True,
    ),
    "accounts": Recording(
        580,
        602,
        {
            "users": {
                "private": True,
                "verify_email": True,
                "prevent_log_in_unverified": True,
                "failures_until_locked": 2,
                "locked_for": "5m",
                "messages_apart": "0s",
                "auth_providers": {"facebook": True},
            },
            "mail": "mail",
        },
        {
            "not here: policies for passwords, limits of requests, GraphQL": (594, 601, 602),
            "a user of another service has no address to verify, and is logged in": (596,),
            "a token that is not right is told in the verifier's words": (598,),
        },
        {
            595: [
                sign_up("lockeduser", "lock", "long"),
                *(
                    Step(
                        method="POST",
                        path="/parse/login",
                        app="myAppId",
                        body={"username": "lock", "password": "wrong"},
                        master=False,
                        status=(404,),
                    )
                    for _ in range(2)
                ),
            ]
        },
        keys={"master_key": "myMasterKey"},
    ),
    "own ids": Recording(
        603, 609, {"custom_ids": True}, {"an id of null is none": (606,)}, keys={"master_key": "myMasterKey"}
    ),
    "sanitised": Recording(
        610,
        650,
        {"functions": True},
        SANITISED,
        {
            612: THINGS,
            619: [sign_up("Amk5qzEF4k", "cooldude6", "newpw")],
            622: [sign_up("other00000", "other", "x", "r:83fac8d03ed25cbf2c698decdb7dd883")],
            627: [
                post(
                    "schemas/City",
                    className="City",
                    fields={"name": {"type": "String"}},
                    classLevelPermissions={"find": {"*": True}, "create": {}},
                )
            ],
            635: MAIN[341],
            639: [
                put("config", params={"n": 5, "welcome": "hi"}),
                put("config", params={"welcome": {"__op": "Delete"}}),
            ],
            641: [sign_up("AOyHToeZBh", "ann", "pw", "r:ebb64317a8764471079753d81625bb63", email="ann@x.org")],
            643: [
                sign_up("outside000", "outsider", "x", "r:3b1c64e221134108f329c471e56fe9da"),
                sign_up("member0000", "member", "x", "r:8d8759a441e85159bf903c46891a6cc2"),
                post(
                    "schemas/Clp",
                    className="Clp",
                    fields={"a": {"type": "Number"}, "secret": {"type": "String"}},
                    classLevelPermissions={
                        "find": {"requiresAuthentication": True},
                        "get": {"*": True},
                        "count": {},
                        "create": {"*": True},
                        "update": {"*": True},
                        "delete": {"role:Admins": True},
                        "addField": {},
                        "protectedFields": {"*": ["secret"]},
                    },
                ),
                make("Clp", "IBgFExJ4fP", a=1, secret="s"),
            ],
        },
        hides=True,
    ),
}


def config(folder: Path, recording: Recording, code: str, outside: OutsideWorld) -> dict[str, Any]:
    """The app of the recording, and one more on the same store whose clients choose ids."""
    app = dict(recording.app)
    users = dict(app.pop("users", {}))
    if "auth_providers" in users:
        users["auth_providers"] = {"facebook": outside.verifier}
    if app.pop("functions", False):
        app["functions"] = {name: {"url": f"{code}/{name}", "secret": SECRET} for name in FUNCTIONS}
        app["jobs"] = {name: {"url": f"{code}/{name}", "secret": SECRET} for name in JOBS}
        app["triggers"] = {
            "Guarded": {
                "before_save": {"url": f"{code}/Guarded.beforeSave", "secret": SECRET},
                "before_delete": {"url": f"{code}/Guarded.beforeDelete", "secret": SECRET},
            },
            "Filtered": {"after_find": {"url": f"{code}/Filtered.afterFind", "secret": SECRET}},
        }
    disk = {"type": "disk", "folder": str(folder / "files")}
    return {
        "server": {"public_url": "http://localhost:1337", "hide_reasons": recording.hides},
        "apps": [
            {
                "name": "recorded",
                "backend": "local",
                "users": users,
                **app,
                "clients": {"parse": {"app_id": "myAppId", **recording.keys}},
            },
            {
                "name": "maker",
                "backend": "local",
                "custom_ids": True,
                "users": {"private": users.get("private", False)},
                "registered_hooks": {"private": True},
                "clients": {"parse": {"app_id": "maker", **KEYS}},
            },
        ],
        "backends": {"local": {"type": "embedded", "url": f"sqlite:///{folder}/replay.db"}},
        "adapters": {
            **outside.adapters,
            "disk": disk,
            "push": {"type": "webhook", "url": f"{code}/push", "secret": SECRET},
        },
    }


@asynccontextmanager
async def receiver() -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/{name}", answer_code)
    async with TestServer(app) as server:
        yield str(server.make_url("/")).rstrip("/")


@pytest.mark.parametrize("name", RECORDINGS)
async def test_recorded_exchanges_are_answered_as_they_were(name: str, tmp_path: Path, outside: OutsideWorld) -> None:
    recording = RECORDINGS[name]
    outside.tokens |= {("facebook", "77"): "good", ("facebook", "78"): "good", ("facebook", "79"): "good"}
    file = tmp_path / "config.yaml"
    async with receiver() as code:
        file.write_text(yaml.safe_dump(config(tmp_path, recording, code, outside)), encoding="utf-8")
        async with TestClient(TestServer(make_app(plan(file)))) as client:
            ours = {"http://hook.example/f": f"{code}/wf", "http://hook.example": code}
            replay = Replay(client, recording.unrecorded, ours)
            exchanges = load()[recording.first - 1 : recording.last]
            found = {recorded.number: await replay.differences(recorded) for recorded in exchanges}
    expected = {number for numbers in recording.differences.values() for number in numbers}
    assert {number: lines for number, lines in found.items() if lines and number not in expected} == {}
    assert {number for number, lines in found.items() if lines} == expected
