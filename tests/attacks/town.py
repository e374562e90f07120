"""A gateway with two users: the victim, who has secrets, and the attacker, who wants them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote

import aiohttp
from yarl import URL

from gateway.app import Plan, make_app
from gateway.settings import load_settings
from tests.compiled import dialects
from tests.conftest import Serving
from tests.process import EXAMPLE, LEANCLOUD, PARSE

DIALECTS = ("parse", "leancloud")
MOUNTS = {"parse": "/parse", "leancloud": "/1.1"}
KEYS = {"parse": PARSE, "leancloud": LEANCLOUD}
MASTERS = {
    "parse": {**PARSE, "X-Parse-Master-Key": "demo-master"},
    "leancloud": {**LEANCLOUD, "X-LC-Key": "demo-master,master"},
}
SESSIONS = {"parse": "X-Parse-Session-Token", "leancloud": "X-LC-Session"}

OPENED = {
    "custom_ids: false": "custom_ids: true",
    "auth_providers: {}": "auth_providers: {github: {trust: true}}",
    "client_queries: false": "client_queries: true",
}
"""The settings that give an attacker most."""

EMAIL, PHONE, PROVIDER_ID, SECRET = "victim@example.com", "+15550100", "victim-at-github", "what nobody may know"


@dataclass(frozen=True)
class Person:
    id: str
    name: str
    token: str


@dataclass(frozen=True)
class Answer:
    status: int
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)


class Town:
    """`secrets` are texts that no answer to the attacker may hold."""

    def __init__(self, client: aiohttp.ClientSession) -> None:
        self.client = client
        self.victim = self.attacker = Person("", "", "")
        self.letter = ""
        self.secrets: frozenset[str] = frozenset()

    async def send(
        self, dialect: str, method: str, path: str, body: Any = None, *, headers: Mapping[str, str]
    ) -> Answer:
        url = URL(MOUNTS[dialect] + path, encoded=True)
        data = None if body is None else json.dumps(body)
        async with self.client.request(method, url, data=data, headers=headers) as response:
            return Answer(response.status, await response.text())

    async def ask(self, dialect: str, method: str, path: str, body: Any = None, *, who: Person | None = None) -> Answer:
        token = {SESSIONS[dialect]: who.token} if who is not None else {}
        return await self.send(dialect, method, path, body, headers={**KEYS[dialect], **token})

    async def ask_in_batch(
        self, dialect: str, method: str, path: str, body: Any = None, *, who: Person | None = None
    ) -> Answer:
        """The same as the one item of a batch, which has its parameters in the body."""
        bare, _, query = path.partition("?")
        item = {"method": method, "path": MOUNTS[dialect] + bare, "body": {**dict(parse_qsl(query)), **(body or {})}}
        return await self.ask(dialect, "POST", "/batch", {"requests": [item]}, who=who)

    async def as_master(self, dialect: str, method: str, path: str, body: Any = None) -> Any:
        answer = await self.send(dialect, method, path, body, headers=MASTERS[dialect])
        assert answer.status < 300, answer
        return answer.body

    async def sign_up(self, name: str, **fields: Any) -> Person:
        body = {"username": name, "password": f"{name}'s password", **fields}
        answer = await self.ask("parse", "POST", "/users", body)
        assert answer.status == 201, answer
        return Person(answer.body["objectId"], name, answer.body["sessionToken"])

    async def everything(self) -> str:
        """All that the victim has, as the master sees it: an attack that passed would have changed it."""
        paths = [f"/users/{self.victim.id}", f"/classes/Letter/{self.letter}", "/sessions", "/roles", "/classes/Letter"]
        return json.dumps([await self.as_master("parse", "GET", path) for path in paths])

    def leaks(self, answer: Answer) -> set[str]:
        return {secret for secret in self.secrets if secret in answer.text}


def where(path: str, condition: Any, **parameters: Any) -> str:
    pairs = {"where": json.dumps(condition), **parameters}
    return path + "?" + "&".join(f"{name}={quote(str(value))}" for name, value in pairs.items())


def pointer(class_name: str, id_: str) -> dict[str, str]:
    return {"__type": "Pointer", "className": class_name, "objectId": id_}


@asynccontextmanager
async def town_of(folder: Path, serving: Serving, changes: Mapping[str, str] = OPENED) -> AsyncIterator[Town]:
    config = folder / "config.yaml"
    text = EXAMPLE.read_text(encoding="utf-8").replace("sqlite:///data", f"sqlite:///{folder}")
    for before, after in changes.items():
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    config.write_text(text, encoding="utf-8")
    planned = Plan(load_settings(config, {}), dialects(), {mount: name for name, mount in MOUNTS.items()})
    async with aiohttp.ClientSession(await serving(make_app(planned))) as client:
        town = Town(client)
        known = {"authData": {"github": {"id": PROVIDER_ID}}} if changes is OPENED else {}
        town.victim = victim = await town.sign_up("victim", email=EMAIL, mobilePhoneNumber=PHONE, **known)
        town.attacker = await town.sign_up("mallory")
        own = {victim.id: {"read": True, "write": True}}
        letter = {"text": SECRET, "n": 1, "by": pointer("_User", victim.id), "ACL": own}
        made = await town.ask("parse", "POST", "/classes/Letter", letter, who=victim)
        town.letter = made.body["objectId"]
        members = {"__op": "AddRelation", "objects": [pointer("_User", victim.id)]}
        role = {"name": "Keepers", "users": members, "ACL": {victim.id: {"read": True, "write": True}}}
        assert (await town.ask("parse", "POST", "/roles", role, who=victim)).status == 201
        town.secrets = frozenset({EMAIL, PHONE, PROVIDER_ID, SECRET, victim.token, "$argon2"})
        yield town
