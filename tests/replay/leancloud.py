"""A replay of recorded exchanges: what LeanCloud's servers answered, beside what the gateway answers.

Ids, cursors and times cannot be the same. An id that a recorded answer made is mapped to ours; an object that was there
before the recording is made, under its recorded id, before the first exchange that shows it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient

DATA = Path(__file__).parent / "data" / "leancloud_objects.jsonl"
SYSTEM = ("objectId", "createdAt", "updatedAt", "ACL")
TIMES = frozenset({"createdAt", "updatedAt", "iso"})

# what happened between two recordings and was not recorded: (method, path) before the exchange of that number
UNRECORDED = {77: ("DELETE", "/1.1/classes/GameScore/5d8308029c9235000886c4cf")}


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


def load() -> list[Recorded]:
    lines = DATA.read_text(encoding="utf-8").splitlines()
    return [Recorded(number=number, **json.loads(line)) for number, line in enumerate(lines, 1)]


@dataclass(slots=True)
class Replay:
    """One run over all exchanges; `ours` maps what the recording calls a thing to what it is called here."""

    client: TestClient[Any, Any]
    app_key: str
    master_key: str
    ours: dict[str, str] = field(default_factory=dict)
    seeded: set[str] = field(default_factory=set)

    async def differences(self, recorded: Recorded) -> list[str]:
        """How our answer to this exchange differs; empty where it agrees."""
        await self._seed(recorded)
        if recorded.number in UNRECORDED:
            method, path = UNRECORDED[recorded.number]
            await self._send(method, path, {}, None, master=True)
        status, location, answer = await self._send(
            recorded.method, recorded.path, recorded.query, recorded.body, master=recorded.master
        )
        self._learn(recorded.response, answer)
        found = [] if status == recorded.status else [f"status {status}, recorded {recorded.status}"]
        if (location is None) != (recorded.location is None):
            found.append(f"Location {location}, recorded {recorded.location}")
        elif recorded.location is not None and self._translated(recorded.location) != location:
            found.append(f"Location {location}, expected {self._translated(recorded.location)}")
        return found + list(self._compare(recorded.response, answer, "answer"))

    async def _send(
        self, method: str, path: str, query: dict[str, str], body: Any, *, master: bool
    ) -> tuple[int, str | None, Any]:
        key, suffix = (self.master_key, ",master") if master else (self.app_key, "")
        stamp = "1568868348354"
        sign = hashlib.md5((stamp + key).encode()).hexdigest()
        response = await self.client.request(
            method,
            self._translated(path),
            params={name: self._translated(text) for name, text in query.items()},
            data=None if body is None else self._translated(json.dumps(body)),
            headers={"X-LC-Id": "demo", "X-LC-Sign": f"{sign},{stamp}{suffix}", "Content-Type": "application/json"},
        )
        return response.status, response.headers.get("Location"), await response.json()

    def _translated(self, text: str) -> str:
        for theirs, ours in self.ours.items():
            text = text.replace(theirs, ours)
        return text

    def _learn(self, recorded: Any, answer: Any) -> None:
        """The ids and cursors of an answer that made something."""
        if isinstance(recorded, list) and isinstance(answer, list):
            for one, other in zip(recorded, answer, strict=False):
                self._learn(one, other)
        elif isinstance(recorded, dict) and isinstance(answer, dict):
            for key in ("objectId", "cursor"):
                theirs, ours = recorded.get(key), answer.get(key)
                if isinstance(theirs, str) and isinstance(ours, str) and theirs != ours:
                    self.ours[theirs] = ours
            if "success" in recorded:
                self._learn(recorded["success"], answer.get("success"))

    # --- what was there before ---

    async def _seed(self, recorded: Recorded) -> None:
        class_name = _class_of(recorded.path)
        shown = [(class_name, item) for item in _results(recorded.response)]
        if recorded.method == "GET" and recorded.path.count("/") == 4 and "objectId" in (recorded.response or {}):
            shown.append((class_name, recorded.response))
        if recorded.method == "POST" and recorded.path == "/1.1/batch":
            for request, answer in zip(recorded.body["requests"], recorded.response, strict=True):
                shown += [(_class_of(request["path"]), item) for item in _results(answer.get("success"))]
        for name, item in shown:
            await self._make(name, item)
        if "/Person" in recorded.path and "/fakeid" not in recorded.path:
            await self._make("Post", {"objectId": "52f9be99e4b035debf88b727"})
        for owner, key in re.findall(r'"objectId\\?": ?\\?"([0-9a-f]{24})\\?"[^}]*}, ?\\?"key\\?": ?\\?"(\w+)', json.dumps(recorded.query)):
            await self._make("Person", {"objectId": owner, key: {"__type": "Relation", "className": "Post"}})

    async def _make(self, class_name: str, item: dict[str, Any]) -> None:
        id_ = item["objectId"]
        if id_ in self.ours or id_ in self.seeded or class_name.startswith("_"):
            return
        self.seeded.add(id_)
        fields: dict[str, Any] = {"objectId": id_}
        for key, value in item.items():
            if isinstance(value, dict) and value.get("__type") == "Relation":
                member = {"__type": "Pointer", "className": value["className"], "objectId": "52f9be99e4b035debf88b727"}
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
                if key == "results":
                    yield from self._compare_results(value, ours[key], f"{place}.{key}")
                elif key == "cursor":
                    if (value is None) != (ours[key] is None):
                        yield f"{place}.{key}: {ours[key]!r}, recorded {value!r}"
                elif key == "count":
                    # how many there were is of that day; that it is counted is of the wire
                    if not isinstance(ours[key], int):
                        yield f"{place}.{key}: {ours[key]!r}"
                elif key in TIMES:
                    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(ours[key])):
                        yield f"{place}.{key}: {ours[key]!r}"
                elif key == "error":
                    yield from self._compare_error(value, ours[key], f"{place}.{key}")
                else:
                    yield from self._compare(value, ours[key], f"{place}.{key}")
        elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
            for at, (one, other) in enumerate(zip(theirs, ours, strict=True)):
                yield from self._compare(one, other, f"{place}.{at}")
        elif theirs != ours and not (isinstance(theirs, str) and self._translated(theirs) == ours):
            yield f"{place}: {ours!r}, recorded {theirs!r}"

    def _compare_error(self, theirs: Any, ours: Any, place: str) -> Iterator[str]:
        if isinstance(theirs, dict):  # of an item of a batch
            yield from self._compare(theirs, ours, place)
        elif not isinstance(ours, str):
            yield f"{place}: {ours!r}"  # texts are the server's own; that there is one is of the wire

    def _compare_results(self, theirs: list[dict[str, Any]], ours: list[dict[str, Any]], place: str) -> Iterator[str]:
        """Other objects of that day may stand before and between: those that both show must be the same."""
        known = {item["objectId"]: item for item in ours}
        shared = 0
        for item in theirs:
            here = known.get(self._translated(item["objectId"]))
            if here is not None:
                shared += 1
                yield from self._compare(item, here, f"{place}.{item['objectId']}")
        if theirs and not shared:
            yield f"{place}: {len(ours)} objects, none of the {len(theirs)} recorded"
        if not theirs and ours:
            yield f"{place}: {len(ours)} objects, recorded none"


def _class_of(path: str) -> str:
    return path.split("/classes/")[1].split("/")[0] if "/classes/" in path else ""


def _results(answer: Any) -> list[dict[str, Any]]:
    return answer.get("results", []) if isinstance(answer, dict) else []
