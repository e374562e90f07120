"""Each of the 128 curl commands of Parse's REST guide, as it stands there, and the answer that the guide shows.

Each is sent to an app of its own, in which what it names is there beforehand under the guide's own names. An answer
has these and no other keys; `<id>`, `<time>` and the like stand for what differs each time. Where the guide shows no
answer, it is what its text says, and where that says nothing, what the SDKs read.
"""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

import pytest

from tests.outside import OutsideWorld, outside_world
from tests.walk.world import KEYS, OWNER, PUBLIC, gateway

LINES: Final = (Path(__file__).parent.parent / "spec" / "parse-curl.jsonl").read_text("utf-8").splitlines()
COMMANDS: Final[dict[int, dict[str, Any]]] = {command["number"]: command for command in map(json.loads, LINES)}

# the page that the guide is has lost what stood in angle brackets
COMMANDS[66]["path"] += "mrmBZvsErB"
COMMANDS[66]["body"] = COMMANDS[66]["body"].replace('"objectId": ""', '"objectId": "Ed1nuqPvc"')

REST: Final = KEYS["parse"]["rest_key"]
MASTER: Final = KEYS["parse"]["master_key"]
CLIENT: Final = "a-client-key"
WINDOWS: Final = "a-windows-key"

HOME: Final = f"{PUBLIC}/1"
PICTURE: Final = b"\xff\xd8\xff\xe0 a picture"
TOKEN: Final = "0123456789abcdef" * 4

LIKE: Final[Mapping[str, str]] = {
    "<id>": r"[0-9A-Za-z]{10,24}",
    "<time>": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
    "<token>": r"r:[0-9a-f]{32}",
    "<name>": r"[a-z0-9]{25}",
    "<key>": r".+",
    "<url>": r"https?://.+",
    "<hello.txt>": r"[0-9a-f]{32}_hello\.txt",
    "<hello.txt url>": rf"{HOME}/files/curl-\d+/[0-9a-f]{{32}}_hello\.txt",
    "<pic.jpg>": r"[0-9a-f]{32}_pic\.jpg",
    "<pic.jpg url>": rf"{HOME}/files/curl-\d+/[0-9a-f]{{32}}_pic\.jpg",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What is shown of an answer: its status, its body, and those of its headers that it names."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class App:
    """One application, for one command."""

    url: str
    number: int
    outside: OutsideWorld
    named: dict[str, str] = field(default_factory=dict)
    """Names of the guide's -> those that are here."""

    @property
    def app_id(self) -> str:
        return f"curl-{self.number}"

    def send(self, method: str, path: str, body: str | bytes | None, headers: Mapping[str, str]) -> Answer:
        data = body.encode() if isinstance(body, str) else body
        request = urllib.request.Request(self.url + path, data, dict(headers), method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return Answer(json.loads(answer.read() or b"null"), answer.status, dict(answer.headers.items()))
        except urllib.error.HTTPError as refused:
            with refused:
                return Answer(json.loads(refused.read()), refused.code, dict(refused.headers.items()))

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """What has to be done, by the master if no other key is told."""
        keys = {name.replace("_", "-"): value for name, value in headers.items()} or {"X-Parse-Master-Key": MASTER}
        told = None if body is None else json.dumps(body)
        answer = self.send(method, f"/1{path}", told, {"X-Parse-Application-Id": self.app_id, **keys})
        assert answer.status < 300, (method, path, answer)
        return answer.body

    def command(self, command: Mapping[str, Any]) -> Answer:
        """The answer to a command, in which names are the guide's."""
        query = f"?{urlencode([tuple(pair) for pair in command['query']])}" if command["query"] else ""
        body = PICTURE if command["body"] == "@myPicture.jpg" else self._here(command["body"])
        headers = dict(zip(("X-Parse-Email", "X-Parse-Password"), OWNER, strict=True))
        headers = {name: self._here(value) or headers[name] for name, value in command["headers"].items()}
        answer = self.send(command["method"], quote(self._here(command["path"])) + query, body, headers)
        told = json.dumps(answer.body)
        for theirs, ours in self.named.items():
            told = told.replace(ours, theirs)
        return Answer(json.loads(told), answer.status, answer.headers)

    def _here(self, text: Any) -> Any:
        if not isinstance(text, str):
            return text
        for placeholder, value in (
            ("${APPLICATION_ID}", self.app_id),
            ("${REST_API_KEY}", REST),
            ("${MASTER_KEY}", MASTER),
            ("${CLIENT_KEY}", CLIENT),
            ("${PARSE_ACCOUNT_EMAIL}", OWNER[0]),
            *self.named.items(),
        ):
            text = text.replace(placeholder, value)
        return text


Given = Callable[[App], None]
"""Brings about what a command names."""


def differences(shown: Answer, told: Answer) -> list[str]:
    return [
        *_between(shown.status, told.status, "status"),
        *chain.from_iterable(_between(value, told.headers.get(name), name) for name, value in shown.headers.items()),
        *_between(shown.body, told.body, "body"),
    ]


def _between(shown: Any, told: Any, place: str) -> Iterator[str]:
    """Where an answer is not as it is shown."""
    match shown, told:
        case dict(), dict():
            for key in sorted(shown.keys() | told.keys()):
                if key not in told or key not in shown:
                    yield f"{place}.{key} is {'not told' if key in shown else 'told as well'}"
                else:
                    yield from _between(shown[key], told[key], f"{place}.{key}")
        case list(), list() if len(shown) == len(told):
            for at, (one, other) in enumerate(zip(shown, told, strict=True)):
                yield from _between(one, other, f"{place}[{at}]")
        case str(), str() if "<" in shown:
            pattern = "".join(LIKE.get(part) or re.escape(part) for part in re.split(r"(<[^>]+>)", shown))
            if not re.fullmatch(pattern, told):
                yield f"{place} is {told!r}, which is not like {shown}"
        case _:
            if type(shown) is not type(told) or shown != told:
                yield f"{place} is {told!r} and not {shown!r}"


# what is there


def an_app_of_its_own(app: App) -> None:
    """One that can be changed, as those of the configuration cannot."""
    body = {"appName": "my new app", "clientClassCreationEnabled": False}
    told = app.ask("POST", "/apps", body, X_Parse_Email=OWNER[0], X_Parse_Password=OWNER[1])
    app.named[app.app_id] = told["applicationId"]


def pointer(class_name: str, object_id: str) -> dict[str, str]:
    return {"__type": "Pointer", "className": class_name, "objectId": object_id}


def geo(latitude: float, longitude: float) -> dict[str, Any]:
    return {"__type": "GeoPoint", "latitude": latitude, "longitude": longitude}


def objects(class_name: str, /, **fields_of: Mapping[str, Any]) -> Given:
    """Objects with these ids, made one after the other."""

    def made(app: App) -> None:
        for object_id, fields in fields_of.items():
            app.ask("POST", f"/classes/{class_name}", {"objectId": object_id, **fields})

    return made


def many(class_name: str, number: int, /, **fields: Any) -> Given:
    """So many objects that are alike, but for their `name`, which counts them."""

    def made(app: App) -> None:
        for start in range(0, number, 1000):
            told = [{**fields, "name": f"{at:05}"} for at in range(start, min(start + 1000, number))]
            one_of = {"method": "POST", "path": f"/1/classes/{class_name}"}
            app.ask("POST", "/batch", {"requests": [{**one_of, "body": body} for body in told]})

    return made


def user(object_id: str, token: str | None = None, /, **fields: Any) -> Given:
    def made(app: App) -> None:
        told = {"objectId": object_id, **fields}
        signed_up = app.ask("POST", "/users", told, X_Parse_REST_API_Key=REST)
        if token is not None:
            app.named[token] = signed_up["sessionToken"]
            app.named[token.removeprefix("r:")] = signed_up["sessionToken"]  # it is once without its beginning

    return made


ONE_TOKEN: Final = "r:pnktnjyb996sj4p156gjtp4im"
OTHER_TOKEN: Final = "r:samplei3l83eerhnln0ecxgy5"
COOLDUDE: Final[dict[str, Any]] = {"username": "cooldude6", "password": "p_n7!-e8", "phone": "415-392-0202"}
cooldude: Final = user("g7y9tkhB7O", ONE_TOKEN, **COOLDUDE)


def named_session(app: App) -> None:
    """The session of `cooldude`, under the id that the guide says."""
    mine = app.ask("GET", "/sessions/me", X_Parse_Session_Token=app.named[ONE_TOKEN], X_Parse_REST_API_Key=REST)
    app.named["Axy98kq1B09"] = mine["objectId"]


def restricted_session(app: App) -> None:
    keys = {"X_Parse_Session_Token": app.named[ONE_TOKEN], "X_Parse_REST_API_Key": REST}
    app.named["r:aVrtljyb7E8xKo9256gfvp4n2"] = app.ask("POST", "/sessions", {}, **keys)["sessionToken"]


def role(object_id: str, name: str, /, **fields: Any) -> Given:
    acl = {"*": {"read": True}, "role:Administrators": {"write": True}}
    return lambda app: app.ask("POST", "/roles", {"objectId": object_id, "name": name, "ACL": acl, **fields})


def added(class_name: str, *ids: str) -> dict[str, Any]:
    return {"__op": "AddRelation", "objects": [pointer(class_name, one) for one in ids]}


moderators: Final = role("mrmBZvsErB", "Moderators")
administrators: Final = role("Ed1nuqPvc", "Administrators")


def picture(app: App) -> None:
    """A file under the name that the guide has cut off."""
    keys = {"X_Parse_REST_API_Key": REST, "Content_Type": "text/plain"}
    app.named["...profile.png"] = app.ask("POST", "/files/profile.png", "a picture", **keys)["name"]


def device(object_id: str = "mrmBZvsErB", device_token: str = TOKEN, **fields: Any) -> Given:
    told = {"objectId": object_id, "deviceType": "ios", "deviceToken": device_token, "channels": [""], **fields}
    return lambda app: app.ask("POST", "/installations", told)


def parameters(app: App) -> None:
    app.ask("PUT", "/config", {"params": {"welcomeMessage": "Welcome to The Internet!", "winningNumber": 42}})


def a_class(name: str, /, **columns: str) -> Given:
    told = {"className": name, "fields": {column: {"type": kind} for column, kind in columns.items()}}
    return lambda app: app.ask("POST", f"/schemas/{name}", told)


def function(name: str) -> Given:
    return lambda app: app.ask("POST", "/hooks/functions", {"functionName": name, "url": f"{HOOKS}/{name}"})


def trigger(class_name: str, name: str) -> Given:
    told = {"className": class_name, "triggerName": name, "url": f"{HOOKS}/{class_name}/{name}"}
    return lambda app: app.ask("POST", "/hooks/triggers", told)


HOOKS: Final = "https://api.example.com"
SEAN: Final[dict[str, Any]] = {"score": 73453, "playerName": "Sean Plott", "cheatMode": False}
JANG: Final[dict[str, Any]] = {"score": 80075, "playerName": "Jang Min Chul", "cheatMode": False}
WALSH: Final[dict[str, Any]] = {"score": 1500, "playerName": "Jonathan Walsh", "cheatMode": True, "name": "b"}
SIMON: Final[dict[str, Any]] = {"score": 7, "playerName": "Shawn Simon", "name": "a"}
WUNSCH: Final[dict[str, Any]] = {"playerName": "Dario Wunsch"}
SCORES: Final[dict[str, Any]] = {"A22v5zRAgd": JANG, "Ed1nuqPvcm": SEAN}
MORE_SCORES: Final[dict[str, Any]] = {**SCORES, "Walsh00001": WALSH, "Simon00001": SIMON, "Wunsch0001": WUNSCH}

score: Final = objects("GameScore", Ed1nuqPvcm={**SEAN, "skills": ["pwnage", "flying"]})
player: Final = objects("Player", Vx4nudeWn={"name": "Sean"})
scores: Final = objects("GameScore", **SCORES)
more_scores: Final = objects("GameScore", **MORE_SCORES)
POSTS: Final[dict[str, Any]] = {
    "8TOXdXf3tz": {"otherFields": "willAlsoBeIncluded", "author": pointer("_User", "8TOXdXf3tz")},
    "PostImage1": {"image": "a.png"},
}
posts: Final = (
    user("8TOXdXf3tz", username="author", password="secret"),
    objects("Post", **POSTS),
    objects(
        "Comment",
        Comment001={"post": pointer("Post", "8TOXdXf3tz")},
        Comment002={"post": pointer("Post", "PostImage1")},
    ),
)


def opponents(app: App) -> None:
    app.ask("PUT", "/classes/GameScore/Ed1nuqPvcm", {"opponents": added("Player", "Vx4nudeWn")})


ARRAYS: Final[dict[str, Any]] = {
    "Array00001": {"arrayKey": [1, 2]},
    "Array00002": {"arrayKey": [2, 3, 4, 5]},
    "Array00003": {"arrayKey": [3]},
}
PLACES: Final[dict[str, Any]] = {
    "LAyNKSNTHT": geo(60.0, -20.0),
    "iFEPN5Gwoz": geo(40.0, -30.0),
    "NearBy0001": geo(30.1, -20.0),
}
places: Final = objects("PlaceObject", **{one: {"location": at} for one, at in PLACES.items()})


def facebook(app: App) -> None:
    told = {"authData": {"facebook": {"id": "123456789", "access_token": "t"}}}
    app.ask("PUT", "/users/uMz0YZeAqc", told, X_Parse_Session_Token=app.named[OTHER_TOKEN], X_Parse_REST_API_Key=REST)


def likes(app: App) -> None:
    app.ask("PUT", "/classes/Post/8TOXdXf3tz", {"likes": added("_User", "8TOXdXf3tz")})


GIVEN: Final[Mapping[int, tuple[Given, ...]]] = {
    2: (score,),
    3: (
        objects("Game", Game000001={"name": "Chess"}),
        objects("GameScore", Ed1nuqPvcm={**SEAN, "game": pointer("Game", "Game000001")}),
    ),
    **dict.fromkeys(range(4, 8), (score,)),
    8: (score, player),
    9: (score, player, opponents),
    10: (score,),
    11: (score, player, opponents),
    13: (score, objects("GameScore", Cpl9lrueY5={})),
    14: (scores,),
    15: (scores,),
    **dict.fromkeys(range(16, 22), (more_scores,)),
    22: (
        objects("Team", Boston0001={"city": "Boston", "winPct": 0.6}, Dallas0001={"city": "Dallas", "winPct": 0.4}),
        user("g7y9tkhB7O", username="winner", password="secret", hometown="Boston"),
        user("8TOXdXf3tz", username="loser", password="secret", hometown="Dallas"),
    ),
    **dict.fromkeys(range(23, 26), (more_scores,)),
    26: (many("GameScore", 402, score=1),),
    27: (scores,),
    28: (more_scores, many("GameScore", 400, score=1, playerName="Anybody")),
    29: (objects("RandomObject", **ARRAYS),),
    30: (objects("RandomObject", **ARRAYS),),
    31: (objects("BarbecueSauce", BigDaddy01={"name": "Big Daddy's"}, Other00001={"name": "Not Big Daddy's"}),),
    **dict.fromkeys(range(32, 35), posts),
    35: (*posts, likes),
    36: posts,
    37: posts,
    38: (scores, many("GameScore", 1337, playerName="Jonathan Walsh")),
    39: (objects("Player", Many000001={"wins": 151}, Some000001={"wins": 100}, Few0000001={"wins": 4}),),
    41: (cooldude,),
    42: (user("g7y9tkhB7O", **COOLDUDE, email="coolguy@iloveapps.com"),),
    **dict.fromkeys((43, 44, 45, 47), (cooldude,)),
    46: (user("3KmCvT7Zsb", username="bigglesworth", password="secret", phone="650-253-0000"), cooldude),
    49: (user("uMz0YZeAqc", OTHER_TOKEN, username="Parse", password="secret"),),
    50: (user("uMz0YZeAqc", OTHER_TOKEN, username="Parse", password="secret"), facebook),
    51: (cooldude,),
    52: (cooldude, named_session),
    53: (cooldude, named_session),
    54: (cooldude, named_session),
    55: (cooldude, named_session),
    56: (cooldude,),
    57: (cooldude, named_session),
    58: (cooldude, restricted_session),
    60: (administrators, user("8TOXdXf3tz", username="author", password="secret")),
    61: (moderators,),
    62: (moderators, user("8TOXdXf3tz", username="author", password="secret"), cooldude),
    63: (administrators, role("mrmBZvsErB", "Moderators", roles=added("_Role", "Ed1nuqPvc"))),
    64: (moderators,),
    65: (cooldude, role("Ed1nuqPvc", "Administrators", users=added("_User", "g7y9tkhB7O")), moderators),
    66: (administrators, moderators),
    69: (picture,),
    70: (picture,),
    72: (places,),
    73: (places,),
    74: (
        objects(
            "PizzaPlaceObject",
            Inside0001={"location": geo(37.0, -122.5)},
            Outside001={"location": geo(38.0, -122.5)},
        ),
    ),
    77: (device(),),
    78: (device(),),
    79: (device(), device("sGlvypFQcO", "fedcba9876543210" * 4)),
    80: (device(),),
    81: (device(),),
    82: (device(channels=["Giants"]),),
    83: (device(),),
    84: (device(), user("vmRZXZ1Dvo", username="owner", password="secret")),
    85: (device(injuryReports=True),),
    86: (device(channels=["Giants"], scores=True),),
    87: (
        user("vmRZXZ1Dvo", username="owner", password="secret", location=geo(30.0, -20.0)),
        device(user=pointer("_User", "vmRZXZ1Dvo")),
    ),
    88: (device(channels=["Mets"]),),
    89: (device(),),
    90: (device(),),
    **{
        number: (device(deviceType=kind),)
        for number, kind in zip(range(91, 95), ("android", "ios", "winrt", "winphone"), strict=True)
    },
    95: (device(user_id="user_123"),),
    96: (parameters,),
    97: (parameters,),
    103: (a_class("Game", name="String", score="Number"),),
    104: (a_class("Game", name="String", score="Number"),),
    106: (a_class("City", name="String"),),
    107: (a_class("City", name="String", population="Number"),),
    108: (a_class("City", name="String"),),
    112: (an_app_of_its_own,),
    113: (function("sendMessage"), function("foo")),
    114: (function("sendMessage"),),
    115: (trigger("Scores", "beforeSave"), trigger("Game", "afterSave")),
    116: (trigger("Scores", "beforeSave"),),
    121: (function("baz"),),
    122: (function("bar"),),
    123: (trigger("Game", "beforeSave"),),
    124: (trigger("Tournament", "beforeDelete"),),
    125: (function("foo"),),
    126: (function("sendMessage"),),
    127: (trigger("Game", "beforeSave"),),
    128: (trigger("Tournament", "beforeDelete"),),
}
"""What is there before a command; where nothing is told there is nothing."""

TIMES: Final = {"createdAt": "<time>", "updatedAt": "<time>"}
UPDATED: Final = Answer({"updatedAt": "<time>"})
DELETED: Final = Answer({})
PUSHED: Final = Answer({"result": True})
RESULT: Final = {"objectId": "<id>", "createdAt": "<time>"}


def made(path: str, **more: Any) -> Answer:
    return Answer({**RESULT, **more}, 201, {"Location": f"{HOME}/{path}/<id>"})


def shown(object_id: str, /, **fields: Any) -> dict[str, Any]:
    return {"objectId": object_id, **TIMES, **fields}


def included(class_name: str, object_id: str, /, **fields: Any) -> dict[str, Any]:
    return {"__type": "Object", "className": class_name, **shown(object_id, **fields)}


def found(*results: dict[str, Any], **more: Any) -> Answer:
    return Answer({"results": list(results), **more})


def scored(*ids: str) -> Answer:
    return found(*(shown(one, **MORE_SCORES[one]) for one in ids))


def only(result: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in result.items() if key in (*keys, "objectId", *TIMES)}


def schema(class_name: str, /, **columns: str) -> dict[str, Any]:
    every = {"objectId": "String", "createdAt": "Date", "updatedAt": "Date", "ACL": "ACL", **columns}
    kinds = {column: kind.split(" of ") for column, kind in every.items()}
    return {
        "className": class_name,
        "fields": {
            column: {"type": kind, **({"targetClass": target[0]} if target else {})}
            for column, (kind, *target) in kinds.items()
        },
    }


def hook(name: str, /, *, at: str | None = None, **more: str) -> dict[str, str]:
    return {"functionName": name, **({} if at is None else {"url": f"{HOOKS}/{at}"}), **more}


def trigger_hook(class_name: str, name: str, *, at: str | None = None, **more: str) -> dict[str, str]:
    url = {} if at is None else {"url": f"{HOOKS}/{at}"}
    return {"className": class_name, "triggerName": name, **url, **more}


PHONE: Final[dict[str, Any]] = {"username": "cooldude6", "phone": "415-392-0202"}
COOLDUDE_SHOWN: Final = shown("g7y9tkhB7O", **PHONE)
BIGGLESWORTH: Final = shown("3KmCvT7Zsb", username="bigglesworth", phone="650-253-0000")
SESSION: Final[dict[str, Any]] = {
    "user": pointer("_User", "g7y9tkhB7O"),
    "restricted": False,
    "expiresAt": {"__type": "Date", "iso": "<time>"},
    "createdWith": {"action": "signup", "authProvider": "password"},
    "sessionToken": ONE_TOKEN,
}
POST: Final = included("Post", "8TOXdXf3tz", otherFields="willAlsoBeIncluded", author=pointer("_User", "8TOXdXf3tz"))
PICTURED: Final = included("Post", "PostImage1", image="a.png")
ON_POST: Final = shown("Comment001", post=pointer("Post", "8TOXdXf3tz"))
ON_PICTURED: Final = shown("Comment002", post=pointer("Post", "PostImage1"))
IPHONE: Final[dict[str, Any]] = {"deviceType": "ios", "deviceToken": TOKEN, "channels": [""]}
APP_SHOWN: Final[dict[str, Any]] = {
    "appName": "curl-110",
    "applicationId": "curl-110",
    "clientClassCreationEnabled": True,
    "clientPushEnabled": True,
    "dashboardURL": "<url>",
    "javascriptKey": KEYS["parse"]["javascript_key"],
    "masterKey": MASTER,
    "requireRevocableSessions": True,
    "restKey": REST,
    "revokeSessionOnPasswordChange": True,
    "webhookKey": "<key>",
    "windowsKey": WINDOWS,
}
NEW_APP_SHOWN: Final[dict[str, Any]] = {
    **APP_SHOWN,
    **dict.fromkeys(("applicationId", "javascriptKey", "masterKey", "restKey", "windowsKey"), "<key>"),
    "clientPushEnabled": False,
}
FUNCTION_WARNING: Final = "a cloudcode function with name: {} already exists"
TRIGGER_WARNING: Final = "{} trigger already defined for class {} in cloud code"

SHOWN: Final[Mapping[int, Answer]] = {
    1: made("classes/GameScore"),
    2: Answer(shown("Ed1nuqPvcm", **SEAN, skills=["pwnage", "flying"])),
    3: Answer(shown("Ed1nuqPvcm", **SEAN, game=included("Game", "Game000001", name="Chess"))),
    4: UPDATED,
    5: Answer({"updatedAt": "<time>", "score": 73454}),
    6: Answer({"updatedAt": "<time>", "score": 73452}),
    7: Answer({"updatedAt": "<time>", "skills": ["pwnage", "flying", "kungfu"]}),
    8: UPDATED,
    9: UPDATED,
    10: DELETED,
    11: UPDATED,
    12: Answer([{"success": RESULT}, {"success": RESULT}]),
    13: Answer([{"success": {"updatedAt": "<time>"}}, {"success": {}}]),
    14: scored("A22v5zRAgd", "Ed1nuqPvcm"),
    15: scored("A22v5zRAgd", "Ed1nuqPvcm"),
    16: scored("Ed1nuqPvcm"),
    17: scored("Walsh00001"),
    18: scored("Simon00001"),
    19: scored("A22v5zRAgd", "Ed1nuqPvcm"),
    20: scored("A22v5zRAgd", "Ed1nuqPvcm", "Walsh00001", "Simon00001"),
    21: scored("Wunsch0001"),
    22: found(shown("g7y9tkhB7O", username="winner", hometown="Boston")),
    23: scored("Wunsch0001", "Simon00001", "Walsh00001", "Ed1nuqPvcm", "A22v5zRAgd"),
    24: scored("A22v5zRAgd", "Ed1nuqPvcm", "Walsh00001", "Simon00001", "Wunsch0001"),
    25: scored("Wunsch0001", "Simon00001", "Walsh00001", "Ed1nuqPvcm", "A22v5zRAgd"),
    26: found(*(shown("<id>", score=1, name=f"{at:05}") for at in (400, 401))),
    27: found(*(only(shown(one, **SCORES[one]), "score", "playerName") for one in SCORES)),
    28: found(*(only(shown(one, **SCORES[one]), "score", "playerName") for one in ("Ed1nuqPvcm", "A22v5zRAgd"))),
    29: found(*(shown(one, **ARRAYS[one]) for one in ("Array00001", "Array00002"))),
    30: found(shown("Array00002", **ARRAYS["Array00002"])),
    31: found(shown("BigDaddy01", name="Big Daddy's")),
    32: found(ON_POST),
    33: found(ON_PICTURED),
    34: found(ON_POST),
    35: found(shown("8TOXdXf3tz", username="author")),
    36: found({**ON_PICTURED, "post": PICTURED}, {**ON_POST, "post": POST}),
    37: found(
        {**ON_PICTURED, "post": PICTURED},
        {**ON_POST, "post": {**POST, "author": included("_User", "8TOXdXf3tz", username="author")}},
    ),
    38: found(count=1337),
    39: found(shown("Many000001", wins=151), shown("Few0000001", wins=4)),
    40: made("users", sessionToken="<token>"),
    41: Answer({**COOLDUDE_SHOWN, "sessionToken": "<token>"}),
    42: Answer({}),
    43: Answer(COOLDUDE_SHOWN),
    44: Answer(COOLDUDE_SHOWN),
    45: UPDATED,
    46: found(BIGGLESWORTH, COOLDUDE_SHOWN),
    47: DELETED,
    48: made("users", sessionToken="<token>", username="<name>"),
    49: UPDATED,
    50: UPDATED,
    51: Answer(
        {**RESULT, "createdWith": {"action": "create"}, "restricted": True, "sessionToken": "<token>"},
        201,
        {"Location": f"{HOME}/sessions/<id>"},
    ),
    52: Answer(shown("Axy98kq1B09", **SESSION)),
    53: Answer(shown("Axy98kq1B09", **SESSION)),
    54: UPDATED,
    55: found(shown("Axy98kq1B09", **SESSION)),
    56: Answer({}),
    57: DELETED,
    58: UPDATED,
    59: made("roles"),
    60: made("roles"),
    61: Answer(
        shown("mrmBZvsErB", name="Moderators", ACL={"*": {"read": True}, "role:Administrators": {"write": True}})
    ),
    62: UPDATED,
    63: UPDATED,
    64: DELETED,
    65: DELETED,
    66: UPDATED,
    67: Answer({"url": "<hello.txt url>", "name": "<hello.txt>"}, 201, {"Location": "<hello.txt url>"}),
    68: Answer({"url": "<pic.jpg url>", "name": "<pic.jpg>"}, 201, {"Location": "<pic.jpg url>"}),
    69: made("classes/PlayerProfile"),
    70: Answer(None),
    71: made("classes/PlaceObject"),
    72: found(*(shown(one, location=PLACES[one]) for one in ("NearBy0001", "iFEPN5Gwoz", "LAyNKSNTHT"))),
    73: found(shown("NearBy0001", location=PLACES["NearBy0001"])),
    74: found(shown("Inside0001", location=geo(37.0, -122.5))),
    75: made("installations"),
    76: made("installations"),
    77: Answer(shown("mrmBZvsErB", **IPHONE)),
    78: UPDATED,
    79: found(shown("mrmBZvsErB", **IPHONE), shown("sGlvypFQcO", **{**IPHONE, "deviceToken": "fedcba9876543210" * 4})),
    80: DELETED,
    81: UPDATED,
    82: PUSHED,
    83: UPDATED,
    84: UPDATED,
    **dict.fromkeys(range(85, 96), PUSHED),
    96: Answer({"params": {"welcomeMessage": "Welcome to The Internet!", "winningNumber": 42}}),
    97: Answer({"result": True}),
    **dict.fromkeys(range(98, 101), Answer({})),
    101: Answer({"result": {"name": "hello", "given": {}, "user": None}}),
    102: Answer({}),
    103: found(schema("Game", name="String", score="Number")),
    104: Answer(schema("Game", name="String", score="Number")),
    105: Answer(schema("City", name="String")),
    106: Answer(schema("City", name="String", population="Number")),
    107: Answer(schema("City", name="String")),
    108: DELETED,
    109: found(*({**APP_SHOWN, "appName": f"curl-{n}", "applicationId": f"curl-{n}"} for n in COMMANDS)),
    110: Answer(APP_SHOWN),
    111: Answer({**NEW_APP_SHOWN, "appName": "my new app", "clientClassCreationEnabled": False}, 201),
    112: Answer({**NEW_APP_SHOWN, "appName": "updated app name", "applicationId": "curl-112"}),
    113: found(hook("sendMessage", at="sendMessage"), hook("sendMessage"), hook("foo", at="foo"), hook("bar")),
    114: found(hook("sendMessage", at="sendMessage"), hook("sendMessage")),
    115: found(
        trigger_hook("Scores", "beforeSave"),
        trigger_hook("Scores", "beforeSave", at="Scores/beforeSave"),
        trigger_hook("Game", "afterSave", at="Game/afterSave"),
        trigger_hook("Tournament", "beforeDelete"),
    ),
    116: found(trigger_hook("Scores", "beforeSave"), trigger_hook("Scores", "beforeSave", at="Scores/beforeSave")),
    117: Answer(hook("baz", at="baz")),
    118: Answer(hook("bar", at="bar", warning=FUNCTION_WARNING.format("bar"))),
    119: Answer(trigger_hook("Game", "beforeSave", at="Game/beforeSave")),
    120: Answer(
        trigger_hook(
            "Tournament",
            "beforeDelete",
            at="Tournament/beforeDelete",
            warning=TRIGGER_WARNING.format("beforeDelete", "Tournament"),
        )
    ),
    121: Answer(hook("baz", at="_baz")),
    122: Answer(hook("bar", at="_bar", warning=FUNCTION_WARNING.format("bar"))),
    123: Answer(trigger_hook("Game", "beforeSave", at="Game/_beforeSave")),
    124: Answer(
        trigger_hook(
            "Tournament",
            "beforeDelete",
            at="Tournament/beforeDelete",
            warning=TRIGGER_WARNING.format("beforeDelete", "Tournament"),
        )
    ),
    125: Answer({}),
    126: Answer(hook("sendMessage")),
    127: Answer({}),
    128: Answer(trigger_hook("Tournament", "beforeDelete")),
}
"""What the guide shows, or says where it shows nothing."""


def private(result: dict[str, Any]) -> dict[str, Any]:
    """A user as Parse Server shows it."""
    return {**result, "ACL": {"*": {"read": True}, result["objectId"]: {"read": True, "write": True}}}


def refused(code: int, error: str, status: int = 400) -> Answer:
    return Answer({"code": code, "error": error}, status)


def with_permissions(shown_: dict[str, Any]) -> dict[str, Any]:
    """A class with its class-level permissions, which let everybody do everything."""
    actions = ("find", "get", "count", "create", "update", "delete", "addField")
    everybody = {action: {"*": True} for action in actions}
    more = {"protectedFields": {"*": []}, "ACL": {"*": {"read": True, "write": True}}}
    return {**shown_, "classLevelPermissions": everybody | more}


def without(told: Mapping[str, Any], *keys: str, **more: Any) -> dict[str, Any]:
    return {**{key: value for key, value in told.items() if key not in keys}, **more}


def as_configured(number: int) -> dict[str, Any]:
    told = without(APP_SHOWN, "dashboardURL", "webhookKey", clientKey=CLIENT)
    return {**told, "appName": f"curl-{number}", "applicationId": f"curl-{number}"}


OTHERS_CLASSES: Final[Mapping[str, Mapping[str, str]]] = {
    "_User": {
        "username": "String",
        "password": "String",
        "email": "String",
        "emailVerified": "Boolean",
        "authData": "Object",
    },
    "_Role": {"name": "String", "users": "Relation of _User", "roles": "Relation of _Role"},
    "_Session": {
        "user": "Pointer of _User",
        "sessionToken": "String",
        "createdWith": "Object",
        "restricted": "Boolean",
        "expiresAt": "Date",
        "installationId": "String",
    },
    "_Installation": {
        "installationId": "String",
        "deviceToken": "String",
        "deviceType": "String",
        "pushType": "String",
        "GCMSenderId": "String",
        "timeZone": "String",
        "localeIdentifier": "String",
        "appVersion": "String",
        "appName": "String",
        "appIdentifier": "String",
        "parseVersion": "String",
        "channels": "Array",
        "badge": "Number",
    },
}
"""Classes that every app has: name -> columns."""

ACLS: Final = "Parse Server shows a user's ACL, which its SDKs read"
RESPONSE: Final = "Parse Server 9: wherever there was authData"
LOCATION: Final = "Parse Server names the class; its SDKs read no Location"
PERMISSIONS: Final = "Parse Server tells the permissions of a class, which its SDK and the dashboard read"
NOBODY: Final = "Parse Server wants to be told to whom, so that nobody pushes to everybody by mistake"
NO_WHERE: Final = refused(115, 'Sending a push requires either "channels" or a "where" query.')
SETTINGS: Final = (
    "the key of the SDKs is told as well; there is no dashboard of the app's own, and no one key of webhooks"
)
NEW_SETTINGS: Final = "the key of the SDKs is told as well; there is no dashboard of the app's own"
BARE: Final = "Parse Server's lists and hooks are bare, and hold webhooks only; the dashboard reads them"
SLIP: Final = "the guide's command and its answer do not agree about the address"
OVER_FUNCTION: Final = hook("sendMessage", at="sendMessage", warning=FUNCTION_WARNING.format("sendMessage"))
OVER_TRIGGER: Final = trigger_hook(
    "Scores", "beforeSave", at="Scores/beforeSave", warning=TRIGGER_WARNING.format("beforeSave", "Scores")
)
OVER_DELETION: Final = trigger_hook(
    "Tournament",
    "beforeDelete",
    at="Scores/beforeDelete",
    warning=TRIGGER_WARNING.format("beforeDelete", "Tournament"),
)

OTHERWISE: Final[Mapping[int, tuple[Answer, str]]] = {
    22: (found(private(SHOWN[22].body["results"][0])), ACLS),
    35: (found(private(SHOWN[35].body["results"][0])), ACLS),
    37: (
        found(
            {**ON_PICTURED, "post": PICTURED},
            {**ON_POST, "post": {**POST, "author": private(included("_User", "8TOXdXf3tz", username="author"))}},
        ),
        ACLS,
    ),
    41: (Answer(private(SHOWN[41].body)), ACLS),
    43: (Answer(private(COOLDUDE_SHOWN)), ACLS),
    44: (Answer({**private(COOLDUDE_SHOWN), "sessionToken": ONE_TOKEN}), ACLS + "; and their own session's token"),
    46: (found(private(BIGGLESWORTH), private(COOLDUDE_SHOWN)), ACLS),
    48: (made("users", sessionToken="<token>", username="<name>", authDataResponse={}), RESPONSE),
    49: (Answer({"updatedAt": "<time>", "authDataResponse": {}}), RESPONSE),
    50: (Answer({"updatedAt": "<time>", "authDataResponse": {}}), RESPONSE),
    51: (
        Answer(
            {
                **without(SHOWN[51].body, "createdAt"),
                "customField": "value",
                "expiresAt": {"__type": "Date", "iso": "<time>"},
                "user": pointer("_User", "g7y9tkhB7O"),
            },
            201,
            {"Location": f"{HOME}/classes/_Session/<id>"},
        ),
        "Parse Server tells the session, without its time; " + LOCATION,
    ),
    59: (made("classes/_Role"), LOCATION),
    60: (made("classes/_Role"), LOCATION),
    61: (
        Answer(
            {
                **SHOWN[61].body,
                "users": {"__type": "Relation", "className": "_User"},
                "roles": {"__type": "Relation", "className": "_Role"},
            }
        ),
        "Parse Server shows both relations",
    ),
    75: (made("classes/_Installation"), LOCATION),
    76: (made("classes/_Installation"), LOCATION),
    87: (
        refused(102, "improper usage of $inQuery"),
        "Parse Server wants both, as the guide itself does where it tells of $inQuery",
    ),
    89: (NO_WHERE, NOBODY),
    90: (NO_WHERE, NOBODY),
    96: (
        Answer({**SHOWN[96].body, "masterKeyOnly": {"welcomeMessage": False, "winningNumber": False}}),
        "Parse Server tells as well which parameters are the master's",
    ),
    103: (
        found(
            *(with_permissions(schema(name, **columns)) for name, columns in OTHERS_CLASSES.items()),
            with_permissions(SHOWN[103].body["results"][0]),
        ),
        "Parse Server lists the classes that every app has as well; " + PERMISSIONS,
    ),
    **{number: (Answer(with_permissions(SHOWN[number].body)), PERMISSIONS) for number in range(104, 108)},
    109: (found(*map(as_configured, COMMANDS)), SETTINGS),
    110: (Answer(as_configured(110)), SETTINGS),
    **{
        number: (
            replace(SHOWN[number], body=without(SHOWN[number].body, "dashboardURL", clientKey="<key>")),
            NEW_SETTINGS,
        )
        for number in (111, 112)
    },
    113: (Answer([hook("foo", at="foo"), OVER_FUNCTION]), BARE),
    114: (Answer(OVER_FUNCTION), BARE),
    115: (Answer([trigger_hook("Game", "afterSave", at="Game/afterSave"), OVER_TRIGGER]), BARE),
    116: (Answer(OVER_TRIGGER), BARE),
    120: (Answer(OVER_DELETION), SLIP),
    124: (Answer(OVER_DELETION), SLIP),
}
"""A command -> what is answered instead, and why."""

MAKING: Final = (111, 112)
"""Commands that make apps, or change them."""


@pytest.fixture(scope="module")
def outside() -> Iterator[OutsideWorld]:
    with outside_world() as world:
        yield world


@pytest.fixture(scope="module")
def gateway_url(tmp_path_factory: pytest.TempPathFactory, outside: OutsideWorld) -> Iterator[str]:
    """A gateway with an app for each command, on a store of its own."""
    folder = tmp_path_factory.mktemp("curl")
    code_of_its_own = {"sendMessage": outside.code, "bar": outside.code, "hello": outside.code}
    apps = [
        {
            "name": f"curl-{number}",
            "backend": f"store-{number}",
            "custom_ids": True,
            "clients": {
                "parse": {"app_id": f"curl-{number}", "client_key": CLIENT, "dotnet_key": WINDOWS, **KEYS["parse"]}
            },
            "users": {"auth_providers": {"twitter": {"trust": True}, "facebook": {"trust": True}}},
            "mail": "mail",
            "push": {"to": {"*": "sms"}, "clients": True},
            "files": {"storage": "disk", "uploads_by": "everybody"},
            "functions": code_of_its_own,
            "jobs": {"userMigration": outside.code},
            "triggers": {"Scores": {"before_save": outside.code}, "Tournament": {"before_delete": outside.code}},
        }
        for number in COMMANDS
    ]
    backends = {
        f"store-{number}": {"type": "embedded", "url": f"sqlite:///{folder}/{number}.db"} for number in COMMANDS
    }
    adapters = outside.adapters | {"disk": {"type": "disk", "folder": str(folder / "files")}}
    with gateway(folder, "curl", apps, backends=backends, adapters=adapters) as url:
        yield url


@pytest.fixture(scope="module")
def making_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One where apps are made, which would else be among those that the other lists."""
    folder = tmp_path_factory.mktemp("making")
    app = {"name": "any", "backend": "local", "clients": {"parse": {"app_id": "any", **KEYS["parse"]}}}
    local = {"type": "embedded", "url": f"sqlite:///{folder}/any.db"}
    with gateway(folder, "making", [app], backends={"local": local}) as url:
        yield url


@pytest.mark.parametrize("number", COMMANDS)
def test_it_answers_as_the_guide_shows(gateway_url: str, making_url: str, outside: OutsideWorld, number: int) -> None:
    app = App(making_url if number in MAKING else gateway_url, number, outside)
    for bring_about in GIVEN.get(number, ()):
        bring_about(app)
    told = app.command(COMMANDS[number])
    if number in OTHERWISE:
        answer, _ = OTHERWISE[number]
        assert not differences(answer, told)
        assert differences(SHOWN[number], told)
    else:
        assert not differences(SHOWN[number], told)


def test_so_many_answers_are_as_the_guide_shows() -> None:
    assert SHOWN.keys() == COMMANDS.keys()
    assert (len(COMMANDS), len(COMMANDS) - len(OTHERWISE)) == (128, 93)


def test_who_comes_again_by_another_service_is_known(gateway_url: str, outside: OutsideWorld) -> None:
    """The other answer that the guide shows for the 48th command."""
    app = App(gateway_url, 48, outside)
    app.ask("POST", "/users", json.loads(COMMANDS[48]["body"]), X_Parse_REST_API_Key=REST)
    again = app.command(COMMANDS[48])
    assert again.status == 200
    assert again.body["sessionToken"].startswith("r:")


def test_what_a_push_says_arrives(gateway_url: str, outside: OutsideWorld) -> None:
    app = App(gateway_url, 88, outside)
    app.ask("POST", "/installations", {"deviceType": "ios", "deviceToken": TOKEN[::-1], "channels": ["Mets"]})
    app.command(COMMANDS[88])
    for _ in range(6000):
        sent = [one for one in outside.asked("push.send") if TOKEN[::-1] in [to["token"] for to in one["targets"]]]
        if sent:
            break
        time.sleep(0.01)
    assert sent[0]["data"]["alert"] == "The Mets scored! The game is now tied 1-1."


def test_a_role_without_an_id_is_none(gateway_url: str, outside: OutsideWorld) -> None:
    """The 66th command as it stands in the guide's page, which has lost what stood in angle brackets."""
    app = App(gateway_url, 66, outside)
    assert app.command(json.loads(LINES[65])).status == 404
