"""One authoriser: whatever way an operation comes in, and whoever asks, one table says what comes of it.

The letter's ACL gives it to its owner alone. A note, which everybody may read, points at it.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.attacks.town import DIALECTS, MOUNTS, SECRET, SESSIONS, Answer, Town, pointer, town_of
from tests.conftest import Serving

CALLERS = ("no key", "wrong key", "client", "other", "owner", "master")

EXPECTED: Mapping[str, tuple[str, str, str, str, str, str]] = {
    #            no key,   wrong key, client,   other,    owner,  master
    "create": ("nobody", "nobody", "done", "done", "done", "done"),
    "get": ("nobody", "nobody", "hidden", "hidden", "seen", "seen"),
    "find": ("nobody", "nobody", "hidden", "hidden", "seen", "seen"),
    "count": ("nobody", "nobody", "hidden", "hidden", "seen", "seen"),
    "include": ("nobody", "nobody", "hidden", "hidden", "seen", "seen"),
    "subquery": ("nobody", "nobody", "hidden", "hidden", "seen", "seen"),
    "update": ("nobody", "nobody", "as it was", "as it was", "changed", "changed"),
    "delete": ("nobody", "nobody", "as it was", "as it was", "gone", "gone"),
    "sign up": ("nobody", "nobody", "done", "done", "done", "done"),
    "log in": ("nobody", "nobody", "done", "done", "done", "done"),
    "current user": ("nobody", "nobody", "refused", "done", "done", "refused"),
    # a class whose permissions let only the owner of the letter do these, and nobody the others
    "find of a class": ("nobody", "nobody", "refused", "refused", "done", "done"),
    "count of a class": ("nobody", "nobody", "refused", "refused", "done", "done"),
    "get of a class": ("nobody", "nobody", "refused", "refused", "refused", "done"),
    "create of a class": ("nobody", "nobody", "refused", "refused", "done", "done"),
    "update of a class": ("nobody", "nobody", "refused", "refused", "refused", "done"),
    "delete of a class": ("nobody", "nobody", "refused", "refused", "refused", "done"),
    "include of a class": ("nobody", "nobody", "refused", "refused", "refused", "done"),
    "subquery of a class": ("nobody", "nobody", "refused", "refused", "done", "done"),
    "schema of a class": ("nobody", "nobody", "refused", "refused", "refused", "done"),
}
"""With the master key no session is looked at, and here none is sent with it."""

ANYBODY = ("nobody", "nobody", "done", "done", "done", "done")
THE_MASTER = ("nobody", "nobody", "refused", "refused", "refused", "done")


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def address(self) -> str:
        pairs = [
            f"{name}={quote(value if isinstance(value, str) else json.dumps(value))}"
            for name, value in self.params.items()
        ]
        return self.path + ("?" + "&".join(pairs) if pairs else "")


NUMBERS = count()


INSIDE_RULED = {"ruled": {"$inQuery": {"className": "Ruled", "where": {}}}}
OF_A_CLASS: Mapping[str, Request] = {
    "find of a class": Request("GET", "/classes/Ruled"),
    "count of a class": Request("GET", "/classes/Ruled", {"count": "1", "limit": "0"}),
    "get of a class": Request("GET", "/classes/Ruled/none"),
    "create of a class": Request("POST", "/classes/Ruled", body={"n": 1}),
    "update of a class": Request("PUT", "/classes/Ruled/none", body={"n": 2}),
    "delete of a class": Request("DELETE", "/classes/Ruled/none"),
    "include of a class": Request("GET", "/classes/Note", {"include": "ruled"}),
    "subquery of a class": Request("GET", "/classes/Note", {"where": INSIDE_RULED}),
    "schema of a class": Request("GET", "/schemas/Ruled"),
}


SERVICES: Mapping[str, Mapping[str, tuple[Request, tuple[str, ...]]]] = {
    "parse": {
        "function": (Request("POST", "/functions/none"), ANYBODY),
        "event": (Request("POST", "/events/opened", body={"dimensions": {"x": "y"}}), ANYBODY),
        "config": (Request("GET", "/config"), ANYBODY),
        "set config": (Request("PUT", "/config", body={"params": {"x": 1}}), THE_MASTER),
        "aggregate": (Request("GET", "/aggregate/Note", {"pipeline": [{"$limit": 1}]}), THE_MASTER),
        "hooks": (Request("GET", "/hooks/functions"), THE_MASTER),
        "make a hook": (
            Request("POST", "/hooks/functions", body={"functionName": "f", "url": "https://a.example"}),
            THE_MASTER,
        ),
        "take a trigger away": (Request("PUT", "/hooks/triggers/Note/beforeSave", body={"__op": "Delete"}), THE_MASTER),
        "start a job": (Request("POST", "/jobs/none"), THE_MASTER),
        "jobs": (Request("GET", "/cloud_code/jobs/data"), THE_MASTER),
        "what jobs said": (Request("GET", "/classes/_JobStatus"), THE_MASTER),
        "log": (Request("GET", "/scriptlog"), THE_MASTER),
        "server": (Request("GET", "/serverInfo"), THE_MASTER),
        "push": (Request("POST", "/push", body={"where": {}, "data": {"alert": "a"}}), THE_MASTER),
        "pushes": (Request("GET", "/classes/_PushStatus"), THE_MASTER),
        "audiences": (Request("GET", "/push_audiences"), THE_MASTER),
        "devices": (Request("GET", "/installations"), THE_MASTER),
        "delete a file": (Request("DELETE", "/files/none.txt"), THE_MASTER),
        "empty a class": (Request("DELETE", "/purge/Nothing"), THE_MASTER),
    },
    "leancloud": {
        "function": (Request("POST", "/functions/none"), ANYBODY),
        "call": (Request("POST", "/call/none"), ANYBODY),
        "statement": (Request("GET", "/cloudQuery", {"cql": "select count(*) from Note"}), ANYBODY),
        "announce a file": (Request("POST", "/fileTokens", body={"name": "a.txt"}), ANYBODY),
        "announce it by a key": (Request("POST", "/fileTokens", body={"name": "a.txt", "key": "b.txt"}), THE_MASTER),
        "files": (Request("GET", "/files"), ANYBODY),
        # by whoever: the application has nobody who delivers
        "push": (Request("POST", "/push", body={"data": {"alert": "a"}}), (*THE_MASTER[:5], "refused")),
        "pushes": (Request("GET", "/notifications"), THE_MASTER),
        "pushes to come": (Request("GET", "/scheduledPushMessages"), THE_MASTER),
        "devices": (Request("GET", "/installations"), THE_MASTER),
        "all of a class": (Request("GET", "/scan/classes/Note"), THE_MASTER),
    },
}
"""What there is of services, by the dialects that have it, and what comes of it."""


def request_of(operation: str, letter: str) -> Request:
    if operation in OF_A_CLASS:
        return OF_A_CLASS[operation]
    inside = {"letter": {"$inQuery": {"className": "Letter", "where": {"objectId": letter, "text": SECRET}}}}
    match operation:
        case "create":
            return Request("POST", "/classes/Post", body={"n": 1})
        case "get":
            return Request("GET", f"/classes/Letter/{letter}")
        case "find":
            return Request("GET", "/classes/Letter", {"where": {"objectId": letter}})
        case "count":
            return Request("GET", "/classes/Letter", {"where": {"objectId": letter}, "count": "1", "limit": "0"})
        case "include":
            note = {"letter": pointer("Letter", letter)}
            return Request("GET", "/classes/Note", {"where": note, "include": "letter"})
        case "subquery":
            return Request("GET", "/classes/Note", {"where": inside, "count": "1", "limit": "0"})
        case "update":
            return Request("PUT", f"/classes/Letter/{letter}", body={"n": 2})
        case "delete":
            return Request("DELETE", f"/classes/Letter/{letter}")
        case "sign up":
            return Request("POST", "/users", body={"username": f"new{next(NUMBERS)}", "password": "x"})
        case "log in":
            return Request("POST", "/login", body={"username": "victim", "password": "victim's password"})
        case _:
            return Request("GET", "/users/me")


MASTER_ALONE = {
    "unauthorized: master key is required",
    "The request must be signed by master key.",
    "Unsupported file key. Please use masterKey to set file key.",
}
"""Said to known clients."""


def outcome_of_class(answer: Answer) -> str:
    """Done, refused to a known client, or to nobody that is known: that has no number, or 401."""
    body = answer.body
    if isinstance(body, list):
        body = body[0] if body else {}
    error = body.get("error") if answer.status >= 400 or "error" in body else None
    if error is None:
        return "done"
    code, text = (error.get("code"), error.get("error")) if isinstance(error, dict) else (body.get("code"), error)
    if code in (119, 403) or text in MASTER_ALONE:
        return "refused"
    return "nobody" if code in (None, 401) else "done"  # what is allowed may find nothing there


async def outcome(operation: str, answer: Answer, letter: str, town: Town) -> str:
    if operation.endswith(" of a class"):
        return outcome_of_class(answer)
    if answer.status in (401, 403):
        return "nobody"
    body = answer.body[0].get("success", {}) if isinstance(answer.body, list) else answer.body
    match operation:
        case "get" | "find" | "include":
            return "seen" if SECRET in answer.text else "hidden"
        case "count" | "subquery":
            return {0: "hidden", 1: "seen"}[body["count"]]
        case "update" | "delete":
            found = await town.as_master("leancloud", "GET", f"/classes/Letter/{letter}")
            return "gone" if not found else "changed" if found["n"] == 2 else "as it was"
        case "log in":
            return "done" if body.get("sessionToken") else "refused"
        case _:
            return "done" if body.get("objectId") else "refused"


Send = Callable[[Town, str, Request, str], Any]
"""Sends a request by one way in: the dialect, the request, who asks."""

APP_HEADERS = {"parse": "X-Parse-Application-Id", "leancloud": "X-LC-Id"}
KEYS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "parse": {
        "no key": {},
        "wrong key": {"X-Parse-REST-API-Key": "wrong"},
        "client": {"X-Parse-REST-API-Key": "demo-rest"},
        "master": {"X-Parse-Master-Key": "demo-master"},
    },
    "leancloud": {
        "no key": {},
        "wrong key": {"X-LC-Key": "wrong"},
        "client": {"X-LC-Key": "demo-key"},
        "master": {"X-LC-Key": "demo-master,master"},
    },
}
KEYS_IN_BODY: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "parse": {
        "no key": {},
        "wrong key": {"_JavaScriptKey": "wrong"},
        "client": {"_JavaScriptKey": "demo-js"},
        "master": {"_MasterKey": "demo-master"},
    },
    "leancloud": {
        "no key": {},
        "wrong key": {"_ApplicationKey": "wrong"},
        "client": {"_ApplicationKey": "demo-key"},
        "master": {"_MasterKey": "demo-master"},
    },
}
BASIC = {"no key": "", "wrong key": "javascript-key=wrong", "client": "javascript-key=demo-js", "master": "demo-master"}


def token_of(who: str, town: Town) -> str | None:
    return {"owner": town.victim.token, "other": town.attacker.token}.get(who)


def kind_of(who: str) -> str:
    return "client" if who in ("owner", "other") else who


def headers_of(town: Town, dialect: str, who: str) -> dict[str, str]:
    token = token_of(who, town)
    session = {SESSIONS[dialect]: token} if token else {}
    common = {APP_HEADERS[dialect]: "demo", "Content-Type": "application/json"}
    return {**common, **KEYS[dialect][kind_of(who)], **session}


async def plain(town: Town, dialect: str, request: Request, who: str) -> Answer:
    body = request.body if request.method in ("POST", "PUT") else None
    return await town.send(dialect, request.method, request.address, body, headers=headers_of(town, dialect, who))


async def tunnelled(town: Town, dialect: str, request: Request, who: str) -> Answer:
    token = token_of(who, town)
    session = {"_SessionToken": token} if token else {}
    keys = {"_ApplicationId": "demo", **KEYS_IN_BODY[dialect][kind_of(who)], **session}
    body = {"_method": request.method, **keys, **request.params, **request.body}
    return await town.send(dialect, "POST", request.path, body, headers={"Content-Type": "text/plain"})


async def basic(town: Town, dialect: str, request: Request, who: str) -> Answer:
    token = token_of(who, town)
    session = {SESSIONS[dialect]: token} if token else {}
    proof = b64encode(f"demo:{BASIC[kind_of(who)]}".encode()).decode()
    headers = {"Authorization": f"Basic {proof}", "Content-Type": "application/json", **session}
    body = request.body if request.method in ("POST", "PUT") else None
    return await town.send(dialect, request.method, request.address, body, headers=headers)


def item_of(dialect: str, request: Request) -> dict[str, Any]:
    body = {**request.params, **request.body}
    return {"method": request.method, "path": MOUNTS[dialect] + request.path, **({"body": body} if body else {})}


async def batch_item(town: Town, dialect: str, request: Request, who: str) -> Answer:
    item = item_of(dialect, request)
    return await town.send(dialect, "POST", "/batch", {"requests": [item]}, headers=headers_of(town, dialect, who))


async def tunnelled_batch(town: Town, dialect: str, request: Request, who: str) -> Answer:
    item = item_of(dialect, request)
    return await tunnelled(town, dialect, Request("POST", "/batch", body={"requests": [item]}), who)


WAYS: Mapping[str, Send] = {
    "plain": plain,
    "tunnelled": tunnelled,
    "basic": basic,
    "batch item": batch_item,
    "tunnelled batch item": tunnelled_batch,
}
PAIRS = [(dialect, way) for dialect in DIALECTS for way in WAYS if (dialect, way) != ("leancloud", "basic")]


async def fresh_letter(town: Town) -> str:
    own = {town.victim.id: {"read": True, "write": True}}
    letter = await town.as_master("parse", "POST", "/classes/Letter", {"text": SECRET, "n": 1, "ACL": own})
    await town.as_master("parse", "POST", "/classes/Note", {"letter": pointer("Letter", letter["objectId"])})
    return str(letter["objectId"])


async def given_a_class(town: Town) -> None:
    theirs = {town.victim.id: True}
    permissions = {"find": theirs, "count": theirs, "create": theirs}
    body = {"className": "Ruled", "fields": {"n": {"type": "Number"}}, "classLevelPermissions": permissions}
    await town.as_master("parse", "POST", "/schemas/Ruled", body)
    made = await town.as_master("parse", "POST", "/classes/Ruled", {"n": 1})
    await town.as_master("parse", "POST", "/classes/Note", {"ruled": pointer("Ruled", made["objectId"])})


@pytest.mark.parametrize(("dialect", "way"), PAIRS)
async def test_one_table_says_what_comes_of_it(dialect: str, way: str, tmp_path: Path, serving: Serving) -> None:
    async with town_of(tmp_path, serving, {}) as town:
        told: dict[str, list[str]] = {operation: [] for operation in EXPECTED}
        letter = await fresh_letter(town)
        await given_a_class(town)
        for operation in EXPECTED:
            for who in CALLERS:
                answer = await WAYS[way](town, dialect, request_of(operation, letter), who)
                told[operation].append(await outcome(operation, answer, letter, town))
                if told[operation][-1] in ("changed", "gone"):
                    letter = await fresh_letter(town)
        assert {operation: tuple(outcomes) for operation, outcomes in told.items()} == EXPECTED


@pytest.mark.parametrize(("dialect", "way"), PAIRS)
async def test_one_table_says_what_comes_of_services(dialect: str, way: str, tmp_path: Path, serving: Serving) -> None:
    async with town_of(tmp_path, serving, {}) as town:
        told = {
            operation: tuple([outcome_of_class(await WAYS[way](town, dialect, request, who)) for who in CALLERS])
            for operation, (request, _) in SERVICES[dialect].items()
        }
        assert told == {operation: expected for operation, (_, expected) in SERVICES[dialect].items()}
