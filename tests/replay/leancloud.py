"""A replay of recorded exchanges: what LeanCloud's servers answered, beside what the gateway answers.

Ids, session tokens, cursors and times cannot be the same. An id or a token that a recorded answer made is mapped to
ours; an object that was there before the recording is made, under its recorded id, before the first exchange that shows
it. What happened between two recordings and was not recorded is a Step, which is sent where it must have happened.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient

DATA = Path(__file__).parent / "data"
SYSTEM = ("objectId", "createdAt", "updatedAt", "ACL")
MEMBER = "52f9be99e4b035debf88b727"
"""The post that recorded relations hold."""
INVENTED = re.compile(r"[0-9a-z]{25}")
"""A username that the server made."""
RELATED = re.compile(r"objectId\W+([0-9a-f]{24})\W+key\W+(\w+)")


def _is_time(_: Any, ours: Any) -> bool:
    return re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(ours)) is not None


# keys whose values are of the day of the recording: what must hold of ours
OF_THE_DAY: Mapping[str, Callable[[Any, Any], bool]] = {
    "createdAt": _is_time,
    "updatedAt": _is_time,
    "iso": _is_time,
    "count": lambda _, ours: isinstance(ours, int),
    "msg-id": lambda _, ours: isinstance(ours, str) and len(ours) == 22,
    "timestamp": lambda theirs, ours: isinstance(ours, int) and ours >= theirs,
    "cursor": lambda theirs, ours: (theirs is None) == (ours is None),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What must have happened, though it was not recorded; `opens` is what the recording calls the token it brings."""

    method: str
    path: str
    body: Any = None
    master: bool = False
    opens: str | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    number: int
    test: str
    method: str
    path: str
    query: dict[str, str]
    master: bool
    body: Any
    status: int
    location: str | None
    response: Any
    session: str | None = None


def load(name: str) -> list[Recorded]:
    lines = (DATA / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [Recorded(number=number, **json.loads(line)) for number, line in enumerate(lines, 1)]


@dataclass(slots=True)
class Replay:
    """One run over all exchanges; `ours` and `tokens` map what the recording calls a thing to what it is called here.

    `unrecorded` has the steps that come before the exchange of that number.
    """

    client: TestClient[Any, Any]
    app_key: str
    master_key: str
    unrecorded: Mapping[int, Sequence[Step]] = field(default_factory=dict)
    ours: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    seeded: set[str] = field(default_factory=set)
    headers: Mapping[str, str] = field(default_factory=dict)
    """What every request has besides."""

    async def differences(self, recorded: Recorded) -> list[str]:
        """How our answer to this exchange differs; empty where it agrees."""
        for step in self.unrecorded.get(recorded.number, ()):
            await self._take(step)
        status, location, answer = await self._send(
            recorded.method,
            recorded.path,
            recorded.query,
            recorded.body,
            master=recorded.master,
            session=recorded.session,
        )
        self._learn(recorded.response, answer)
        found = [] if status == recorded.status else [f"status {status}, recorded {recorded.status}"]
        if (location is None) != (recorded.location is None):
            found.append(f"Location {location}, recorded {recorded.location}")
        elif recorded.location is not None and self._translated(recorded.location) != location:
            found.append(f"Location {location}, expected {self._translated(recorded.location)}")
        return found + list(self._compare(recorded.response, answer, "answer"))

    async def _take(self, step: Step) -> None:
        status, _, answer = await self._send(step.method, step.path, {}, step.body, master=step.master)
        assert status in (200, 201), (step, answer)
        if step.opens is not None:
            self.tokens[step.opens] = answer["sessionToken"]

    async def _send(
        self, method: str, path: str, query: dict[str, str], body: Any, *, master: bool, session: str | None = None
    ) -> tuple[int, str | None, Any]:
        key, suffix = (self.master_key, ",master") if master else (self.app_key, "")
        stamp = "1568868348354"
        sign = hashlib.md5((stamp + key).encode()).hexdigest()
        headers = {"X-LC-Id": "demo", "X-LC-Sign": f"{sign},{stamp}{suffix}", "Content-Type": "application/json"}
        headers |= self.headers
        if session is not None:
            headers["X-LC-Session"] = self.tokens.get(session, session)
        response = await self.client.request(
            method,
            self._translated(path),
            params={name: self._translated(text) for name, text in query.items()},
            data=None if body is None else self._translated(json.dumps(body)),
            headers=headers,
        )
        return response.status, response.headers.get("Location"), await response.json()

    def _translated(self, text: str) -> str:
        for theirs, ours in self.ours.items():
            text = text.replace(theirs, ours)
        return text

    def _learn(self, recorded: Any, answer: Any) -> None:
        """The ids, cursors, tokens and invented names of an answer that made something."""
        if isinstance(recorded, list) and isinstance(answer, list):
            for one, other in zip(recorded, answer, strict=False):
                self._learn(one, other)
        elif isinstance(recorded, dict) and isinstance(answer, dict):
            for key in ("objectId", "cursor"):
                theirs, ours = recorded.get(key), answer.get(key)
                if isinstance(theirs, str) and isinstance(ours, str) and theirs != ours:
                    self.ours[theirs] = ours
            self._learn_names(recorded, answer)
            if "success" in recorded:
                self._learn(recorded["success"], answer.get("success"))

    def _learn_names(self, recorded: dict[str, Any], answer: dict[str, Any]) -> None:
        theirs, ours = recorded.get("username"), answer.get("username")
        if isinstance(theirs, str) and isinstance(ours, str) and INVENTED.fullmatch(theirs) and theirs != ours:
            self.ours[theirs] = ours
        theirs, ours = recorded.get("sessionToken"), answer.get("sessionToken")
        # a token that was given out before keeps its name, and a new one is not one that was given out before
        if isinstance(theirs, str) and isinstance(ours, str) and ours not in self.tokens.values():
            self.tokens.setdefault(theirs, ours)

    # --- what was there before ---

    async def seed(self, exchanges: list[Recorded]) -> None:
        """Makes what the answers show and the exchanges did not make, in the order in which it is shown."""
        made = {id_ for recorded in exchanges for id_ in _made(recorded)}
        shown = [(name, item) for recorded in exchanges for name, item in _shown(recorded)]
        # what has a relation comes after the members of it; `sorted` keeps the order of the rest
        for class_name, item in sorted(shown, key=lambda each: "likes" in each[1]):
            if item["objectId"] not in made:
                await self._make(class_name, item)
        for recorded in exchanges:
            for owner, key in RELATED.findall(json.dumps(recorded.query)):
                await self._make("Person", {"objectId": owner, key: {"__type": "Relation", "className": "Post"}})

    async def _make(self, class_name: str, item: dict[str, Any]) -> None:
        id_ = item["objectId"]
        if id_ in self.seeded or class_name.startswith("_"):
            return
        self.seeded.add(id_)
        fields: dict[str, Any] = {"objectId": id_}
        for key, value in item.items():
            if isinstance(value, dict) and value.get("__type") == "Relation":
                member = {"__type": "Pointer", "className": value["className"], "objectId": MEMBER}
                fields[key] = {"__op": "AddRelation", "objects": [member]}
            elif key not in SYSTEM:
                fields[key] = value
        status, _, answer = await self._send("POST", f"/1.1/classes/{class_name}", {}, fields, master=True)
        assert status == 201, answer

    # --- comparing ---

    def _compare(self, theirs: Any, ours: Any, place: str) -> Iterator[str]:
        if isinstance(theirs, dict) and isinstance(ours, dict):
            if theirs.keys() != ours.keys():
                yield f"{place}: keys {sorted(ours)}, recorded {sorted(theirs)}"
                return
            for key, value in theirs.items():
                where = f"{place}.{key}"
                if key == "results" and all("objectId" in item for item in (*value, *ours[key])):
                    yield from self._compare_results(value, ours[key], where)
                elif key == "sessionToken":
                    if self.tokens.get(value) != ours[key]:
                        yield f"{where}: not the token that the recording calls {value}"
                elif key in OF_THE_DAY:
                    if not OF_THE_DAY[key](value, ours[key]):
                        yield f"{where}: {ours[key]!r}, recorded {value!r}"
                else:
                    yield from self._compare(value, ours[key], where)
        elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
            for at, (one, other) in enumerate(zip(theirs, ours, strict=True)):
                yield from self._compare(one, other, f"{place}.{at}")
        elif theirs != ours and not (isinstance(theirs, str) and self._translated(theirs) == ours):
            yield f"{place}: {ours!r}, recorded {theirs!r}"

    def _compare_results(self, theirs: list[dict[str, Any]], ours: list[dict[str, Any]], place: str) -> Iterator[str]:
        """Other objects of that day may stand before and between: those that both show must be the same."""
        known = {item["objectId"]: item for item in ours}
        shared = 0
        for item in theirs:
            here = known.get(self._translated(item["objectId"]))
            if here is not None:
                shared += 1
                yield from self._compare(item, here, f"{place}.{item['objectId']}")
        if bool(theirs) is not bool(ours):
            yield f"{place}: {len(ours)} objects, recorded {len(theirs)}"
        elif theirs and not shared and theirs[0].keys() != ours[0].keys():
            # other objects came first on that day: what can be compared is which keys they have
            yield f"{place}: keys {sorted(ours[0])}, recorded {sorted(theirs[0])}"


def _made(recorded: Recorded) -> Iterator[str]:
    """The ids that this exchange made."""
    if recorded.status == 201:
        yield recorded.response["objectId"]
    elif recorded.path == "/1.1/batch":
        for request, answer in zip(recorded.body["requests"], recorded.response, strict=True):
            if request["method"] == "POST":
                yield answer["success"]["objectId"]


def _shown(recorded: Recorded) -> Iterator[tuple[str, dict[str, Any]]]:
    """Class and fields of each object that this answer shows."""
    if recorded.path == "/1.1/batch":
        for request, answer in zip(recorded.body["requests"], recorded.response, strict=True):
            if request["method"] == "GET":
                yield from _objects(request["path"], answer.get("success"))
    elif recorded.method == "GET" and "/leaderboard/" not in recorded.path:
        yield from _objects(recorded.path, recorded.response)


def _objects(path: str, answer: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    class_name = path.partition("/classes/")[2].partition("/")[0]
    if isinstance(answer, dict):
        objects = answer.get("results", [answer] if "objectId" in answer else [])
        yield from ((class_name, item) for item in objects)
