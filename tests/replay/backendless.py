"""A replay of recorded requests: what Backendless' SDKs send, and what the gateway must answer to it.

The requests were recorded from the SDKs against a server that answered nothing of use, so what is expected is told by
the REST guide, the SDKs' source and the vendor's end-to-end suite. Each request is sent to a world of its own: a copy
of one that was made beforehand, with what this request needs besides (`given`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aiohttp import ClientSession
from yarl import URL

DATA = Path(__file__).parent / "data" / "backendless_requests.jsonl"
CLIENT = "/APP-ID/API-KEY"
SERVER_CODE = "/APP-ID/CODE-KEY"

Check = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Recorded:
    number: int
    sdk: str
    call: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: Any

    @property
    def name(self) -> str:
        return f"{self.sdk} {self.call}"

    @property
    def data(self) -> bytes | None:
        """As it stood on the wire: what is no JSON was recorded as the text that it was."""
        if self.body is None:
            return None
        if self.headers.get("content-type") == "application/json":
            return json.dumps(self.body, separators=(",", ":"), ensure_ascii=False).encode()
        return str(self.body).encode()


@dataclass(frozen=True, slots=True)
class Ask:
    """A request of ours, as server code that nobody has logged in to; it must be answered, and `answer` must fit."""

    method: str
    path: str
    body: Any = None
    answer: Any = ...


@dataclass(frozen=True, slots=True)
class Answered:
    """`answer` has a check in the place of what cannot be known, and `...` where anything may stand."""

    answer: Any
    given: Sequence[Ask] = ()
    then: Sequence[Ask] = ()
    """What shows that it was done."""
    mail: str | None = None
    """The subject of the mail that it sends."""


@dataclass(frozen=True, slots=True)
class Refused:
    code: int
    status: int
    message: str
    why: str
    given: Sequence[Ask] = ()


Case = Answered | Refused


@dataclass(frozen=True, slots=True)
class Containing:
    """An object that has these fields, and may have more, but none of those that are `lacking`."""

    fields: Mapping[str, Any]
    lacking: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class World:
    """A running gateway; `ours` is what stands here for what the recording calls a token or an id."""

    session: ClientSession
    ours: Mapping[str, str]

    async def replay(self, recorded: Recorded) -> tuple[int, Any]:
        headers = {name: self._translated(value) for name, value in recorded.headers.items()}
        data = recorded.data
        if data is not None:
            data = self._translated(data.decode()).encode()
        return await self._send(recorded.method, self._translated(recorded.path), headers, data)

    async def ask(self, ask: Ask) -> Any:
        data = None if ask.body is None else self._translated(json.dumps(ask.body)).encode()
        headers = {"Content-Type": "application/json"}
        path = SERVER_CODE + self._translated(ask.path)
        status, answer = await self._send(ask.method, path, headers, data)
        found = [] if status == 200 else [f"status {status}"]
        found += differences(self.expected(ask.answer), answer)
        assert not found, (ask.method, ask.path, answer, found)
        return answer

    async def _send(self, method: str, path: str, headers: Mapping[str, str], data: bytes | None) -> tuple[int, Any]:
        # an SDK's request without a body has no content type either; what is encoded stays as the SDK encoded it
        async with self.session.request(
            method, URL(path, encoded=True), headers=headers, data=data, skip_auto_headers=("Content-Type",)
        ) as response:
            text = await response.text()
            return response.status, json.loads(text) if text else ""

    def _translated(self, text: str) -> str:
        for theirs, ours in self.ours.items():
            text = re.sub(rf"\b{re.escape(theirs)}\b", ours, text)
        return text

    def expected(self, answer: Any) -> Any:
        """With the ids and the token of this world in it."""
        match answer:
            case str():
                return self.ours.get(answer, answer)
            case dict():
                return {key: self.expected(value) for key, value in answer.items()}
            case list():
                return [self.expected(value) for value in answer]
            case Containing(fields, lacking):
                return Containing(self.expected(fields), lacking)
            case _:
                return answer


def by_server_code(recorded: Recorded) -> Recorded:
    """The same, as code of the app's own would have sent it."""
    return replace(recorded, path=recorded.path.replace(CLIENT, SERVER_CODE, 1))


def load() -> list[Recorded]:
    lines = DATA.read_text(encoding="utf-8").splitlines()
    return [Recorded(number, **json.loads(line)) for number, line in enumerate(lines, 1)]


# --- what an answer may be ---


def is_time(found: Any) -> bool:
    return type(found) is int and found > 1_600_000_000_000


def is_text(found: Any) -> bool:
    return type(found) is str and found != ""


def in_any_order(*expected: Any) -> Check:
    return lambda found: type(found) is list and sorted(found) == sorted(expected)


def differences(expected: Any, found: Any, place: str = "answer") -> Iterator[str]:
    """Where the answer is not what was expected; nothing where it fits."""
    if expected is ...:
        return
    if isinstance(expected, Containing):
        yield from (f"{place}: has {name}" for name in expected.lacking if name in found)
        yield from differences(expected.fields, {key: found[key] for key in expected.fields if key in found}, place)
    elif callable(expected):
        if not expected(found):
            yield f"{place}: {found!r}"
    elif isinstance(expected, dict) and isinstance(found, dict):
        if expected.keys() != found.keys():
            yield f"{place}: keys {sorted(found)}, expected {sorted(expected)}"
            return
        for key, value in expected.items():
            yield from differences(value, found[key], f"{place}.{key}")
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for at, (one, other) in enumerate(zip(expected, found, strict=True)):
            yield from differences(one, other, f"{place}.{at}")
    elif type(expected) is not type(found) or expected != found:
        yield f"{place}: {found!r}, expected {expected!r}"
