"""A replay of recorded exchanges: what a Parse Server answered, beside what the gateway answers.

The recording is of Parse Server 9.10 on PostgreSQL; test_parse.py has its options. Ids, tokens, times, names of files
and usernames that were made up cannot be the same: what a recorded answer shows in the place of ours is mapped to ours.
What happened between two recordings and was not recorded is a Step, which is sent where it must have happened; objects
that it makes have their recorded ids, as the app that makes them lets its clients choose them.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from aiohttp.test_utils import TestClient
from yarl import URL

DATA: Final = Path(__file__).parent / "data" / "parse_exchanges.jsonl"
DAY: Final = re.compile(r"202[67]-11-2\dT\d\d:\d\d:\d\d\.\d{3}Z")
"""A time of the day of the recording, or of the end of a session of that day."""
TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
TOKEN: Final = re.compile(r"r:[0-9a-zA-Z_-]+")
FILE: Final = re.compile(r"[0-9a-f]{32}(?=_)")
"""What makes the name of a file one of its own."""
INVENTED: Final = re.compile(r"^[0-9A-Za-z]{20,40}$")
"""A username that the server made."""
LEARNED: Final[Mapping[str, re.Pattern[str]]] = {
    "objectId": re.compile(r"^.+$"),
    "sessionToken": TOKEN,
    "username": INVENTED,
    "name": FILE,
}
ID_HEADERS: Final = ("x-parse-job-status-id", "x-parse-push-status-id")

# what the recording has parsed as JSON, or as text, though it was sent so
# a job or a push that goes on after its answer: recorded when it was done
UNDER_WAY: Final = re.compile(r'"status": "(running|pending)"')
PATIENCE: Final = 60.0

# lists that nobody asked to be in an order
UNORDERED: Final = frozenset({267, 433, 551})

SENT_AS: Final[Mapping[int, str]] = {301: '"str"', 302: "null"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    number: int
    part: str
    name: str
    method: str
    path: str
    headers: dict[str, str]
    body: Any
    status: int
    response_headers: dict[str, str | None]
    response: Any

    @property
    def sent(self) -> str | None:
        if self.number in SENT_AS:
            return SENT_AS[self.number]
        return self.body if self.body is None or isinstance(self.body, str) else json.dumps(self.body)


def load() -> list[Recorded]:
    lines = DATA.read_text(encoding="utf-8").splitlines()
    return [Recorded(number=number, **json.loads(line)) for number, line in enumerate(lines, 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What must have happened, though it was not recorded; `answers` is what of its answer the recording knows."""

    method: str
    path: str
    body: Any = None
    app: str = "maker"
    master: bool = True
    session: str | None = None
    installation: str | None = None
    answers: Mapping[str, Any] = field(default_factory=dict)
    status: tuple[int, ...] = (200, 201)


@dataclass(slots=True)
class Replay:
    """One run; `ours` maps what the recording calls a thing to what it is called here.

    `unrecorded` has the steps that come before the exchange of that number.
    """

    client: TestClient[Any, Any]
    unrecorded: Mapping[int, Sequence[Step]] = field(default_factory=dict)
    ours: dict[str, str] = field(default_factory=dict)

    async def differences(self, recorded: Recorded) -> list[str]:
        """How our answer to this exchange differs; empty where it agrees."""
        for step in self.unrecorded.get(recorded.number, ()):
            await self._take(step)
        deadline = time.monotonic() + PATIENCE
        while True:
            status, headers, answer = await self._send(
                recorded.method, recorded.path, recorded.headers, recorded.sent, recorded.status == 304
            )
            if not UNDER_WAY.search(json.dumps(answer)) or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.02)
        if recorded.number in UNORDERED:
            recorded, answer = replace(recorded, response=_ordered(recorded.response)), _ordered(answer)
        self._learn(recorded.response, answer)
        for name in ID_HEADERS:
            theirs, ours = recorded.response_headers.get(name), headers.get(name)
            if theirs is not None and ours is not None:
                self.ours[theirs] = ours
        found = [] if status == recorded.status else [f"status {status}, recorded {recorded.status}"]
        for name, told in recorded.response_headers.items():
            found += self._compare_header(name, told, headers.get(name))
        return found + list(self._compare(recorded.response, answer, "answer"))

    async def _take(self, step: Step) -> None:
        headers = {"X-Parse-Application-Id": step.app, "X-Parse-REST-API-Key": "myRestKey"}
        if step.master:
            headers["X-Parse-Master-Key"] = "myMasterKey"
        if step.session is not None:
            headers["X-Parse-Session-Token"] = step.session
        if step.installation is not None:
            headers["X-Parse-Installation-Id"] = step.installation
        sent = None
        if step.body is not None:
            headers["Content-Type"] = "application/json"
            sent = json.dumps(step.body)
        status, _, answer = await self._send(step.method, step.path, headers, sent)
        assert status in step.status, (step, answer)
        self._learn(step.answers, answer)
        if isinstance(step.body, dict) and "objectId" in step.body:
            self.ours[step.body["objectId"]] = step.body["objectId"]  # which no other answer may change

    async def _send(
        self, method: str, path: str, headers: Mapping[str, str], sent: str | None, etag: bool = False
    ) -> tuple[int, Mapping[str, str], Any]:
        url = URL(str(self.client.make_url("/")).rstrip("/") + self._translated(path), encoded=True)
        told = {name: self._translated(text) for name, text in headers.items()}
        if etag:  # whoever asks has the answer already
            async with self.client.session.get(url, headers=told) as response:
                told["If-None-Match"] = response.headers.get("ETag", "")
        async with self.client.session.request(
            method,
            url,
            data=None if sent is None else self._translated(sent).encode(),
            headers=told,
            skip_auto_headers=() if "Content-Type" in told else ("Content-Type",),
        ) as response:
            text = (await response.read()).decode()
            try:
                answer = json.loads(text)
            except ValueError:
                answer = text
            return response.status, response.headers, answer

    def _translated(self, text: str) -> str:
        for theirs, ours in self.ours.items():
            text = text.replace(theirs, ours)
        return text

    def _learn(self, recorded: Any, answer: Any) -> None:
        """The ids, tokens and invented names of an answer."""
        if isinstance(recorded, list) and isinstance(answer, list):
            for one, other in zip(recorded, answer, strict=False):
                self._learn(one, other)
        elif isinstance(recorded, Mapping) and isinstance(answer, dict):
            for key, theirs in recorded.items():
                ours = answer.get(key)
                if key in LEARNED and isinstance(theirs, str) and isinstance(ours, str):
                    found, also = LEARNED[key].search(theirs), LEARNED[key].search(ours)
                    if found and also:
                        self.ours.setdefault(found[0], also[0])
                else:
                    self._learn(theirs, ours)

    # --- comparing ---

    def _compare_header(self, name: str, theirs: str | None, ours: str | None) -> Iterator[str]:
        if name == "content-type" and theirs is not None and ours is not None:
            theirs, ours = theirs.replace("; charset=utf-8", ""), ours.replace("; charset=utf-8", "")
        if name == "content-type" and theirs is None:  # ours says what it is
            return
        if name == "access-control-allow-headers":  # newer SDKs send more of them
            missing = set((theirs or "").split(", ")) - set((ours or "").split(", "))
            if missing:
                yield f"{name}: not {missing}"
        elif ours != (None if theirs is None else self._translated(theirs)):
            yield f"{name}: {ours!r}, recorded {theirs!r}"

    def _compare(self, theirs: Any, ours: Any, place: str) -> Iterator[str]:
        if isinstance(theirs, dict) and isinstance(ours, dict):
            wanted = {self._translated(key): value for key, value in theirs.items()}
            if wanted.keys() != ours.keys():
                yield f"{place}: keys {sorted(ours)}, recorded {sorted(wanted)}"
            for key in sorted(wanted.keys() & ours.keys()):
                yield from self._compare(wanted[key], ours[key], f"{place}.{key}")
        elif isinstance(theirs, list) and isinstance(ours, list):
            if len(theirs) != len(ours):
                yield f"{place}: {len(ours)} items, recorded {len(theirs)}"
            for at, (one, other) in enumerate(zip(theirs, ours, strict=False)):
                yield from self._compare(one, other, f"{place}.{at}")
        elif isinstance(theirs, str) and isinstance(ours, str) and theirs != ours:
            if not (DAY.fullmatch(theirs) and TIME.fullmatch(ours)) and self._translated(theirs) != ours:
                yield f"{place}: {ours!r}, recorded {theirs!r}"
        elif theirs != ours or isinstance(theirs, bool) is not isinstance(ours, bool):
            yield f"{place}: {ours!r}, recorded {theirs!r}"


def _ordered(answer: Any) -> Any:
    return {**answer, "results": sorted(answer["results"], key=lambda item: item.get("createdAt", str(item)))}


# --- the app's own code ---

EPOCH: Final = {"__type": "Date", "iso": "1970-01-01T00:00:00.000Z"}
Answer = Callable[[dict[str, Any]], dict[str, Any]]


def _need_user(question: dict[str, Any]) -> dict[str, Any]:
    if "user" not in question:
        return _fail(142, "Validation failed. Please login to continue.")
    return {"success": question["user"]["objectId"]}


def _need_master(question: dict[str, Any]) -> dict[str, Any]:
    if not question["master"]:
        return _fail(142, "Validation failed. Master key is required to complete this request.")
    return {"success": "ok"}


def _typed(question: dict[str, Any]) -> dict[str, Any]:
    n = question["params"].get("n")
    if n is None:
        return _fail(142, "Validation failed. Please specify data for n.")
    return _fail(142, "Validation failed. Invalid type for n. Expected: number")


def _seen(question: dict[str, Any]) -> dict[str, Any]:
    params = question["params"]
    return {
        "success": {
            "keys": sorted(params),
            "isDate": params["d"]["__type"] == "Date",
            "isObject": params["p"]["__type"] == "Pointer",
            "master": question["master"],
            "installationId": question["installationId"],
            "ip": "string",
            "context": question["context"],
            "fn": question["functionName"],
        }
    }


def _guarded(question: dict[str, Any]) -> dict[str, Any]:
    if not question["object"].get("name"):
        return {"error": "name is required"}
    return {"success": {**question["object"], "seen": True}}


def _narrowed(question: dict[str, Any]) -> dict[str, Any]:
    return {"success": [{**shown, "added": 1} for shown in question["objects"] if shown.get("visible")]}


def _fail(code: int, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


FUNCTIONS: Final[Mapping[str, Answer]] = {
    "hello": lambda question: {"success": f"Hello {question['params'].get('name', 'world')}"},
    "echo": lambda question: {"success": question["params"]},
    "whoami": lambda question: {"success": question.get("user", {}).get("objectId")},
    "needUser": _need_user,
    "needMaster": _need_master,
    "fail": lambda _: _fail(1234, "custom failure"),
    "failString": lambda _: {"error": "plain string failure"},
    "crash": lambda _: {"error": "Cannot read properties of null (reading 'x')"},
    "obj": lambda _: {
        "success": {
            "__type": "Object",
            "className": "CloudObj",
            "objectId": "zw5SaZkJN6",
            "createdAt": "2026-11-21T04:46:18.038Z",
            "updatedAt": "2026-11-21T04:46:18.038Z",
            "a": 1,
        }
    },
    "nothing": lambda _: {},
    "list": lambda _: {"success": [1, "a", None, EPOCH, {"d": EPOCH}]},
    "typed": lambda _: {
        "success": {
            "p": {"__type": "Pointer", "className": "Item", "objectId": "abc"},
            "g": {"__type": "GeoPoint", "latitude": 1, "longitude": 2},
            "n": None,
        }
    },
    "params": _seen,
    "express": lambda _: {"success": {"ok": True}},
    "expressFail": lambda _: _fail(777, "x"),
    "typedParams": _typed,
}
JOBS: Final[Mapping[str, Answer]] = {
    "job1": lambda _: {"success": "done"},
    "jobFail": lambda _: {"error": "job broke"},
}
OTHERS: Final[Mapping[str, Answer]] = {
    "Guarded.beforeSave": _guarded,
    "Guarded.beforeDelete": lambda _: _fail(142, "cannot delete"),
    "Filtered.afterFind": _narrowed,
    # what is registered while the gateway runs
    "wf": lambda question: {"success": {"got": question["params"]}},
    "wferr": lambda _: {"error": {"code": 4321, "error": "nope"}},
    "wferrs": lambda _: {"error": "just text"},
    "wempty": lambda _: {},
    "hooked": lambda question: {"success": {**question["object"], "hooked": True}},
    "done": lambda _: {"success": True},
    "object": lambda _: {"success": {"x": 1}},
    "rejecting": lambda _: {"error": "rejected"},
    "push": lambda _: {},
}


async def answer_code(request: web.Request) -> web.Response:
    """The receiver of all webhooks: one a path."""
    name = request.match_info["name"]
    if name == "wbad":
        return web.Response(text="this is not JSON")
    answer = {**FUNCTIONS, **JOBS, **OTHERS}[name]
    return web.json_response(answer(json.loads(await request.read())))
