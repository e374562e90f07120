"""Two gateways in a row: the one in front has an app for each kind of backend, and its clients speak every dialect.

The backends of others are apps of the second gateway, which is each of them by its front. Nothing of the outside world
is missing: a mail server, webhooks, and code of the app's own are there for the apps on stores.
"""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import argon2
import yaml

from gateway.app import mappings_directory
from gateway.backends.emulations import FAMILIES, Way
from gateway.capabilities import of_backend
from gateway.dialects.dialect import Dialect, load_dialects
from gateway.model.catalogue import OPERATIONS
from tests.outside import OutsideWorld, ReceivedMail, outside_world
from tests.ports import free_port
from tests.sdk.conftest import Process
from tests.walk.rows import Row

KEYS: Final[Mapping[str, Mapping[str, str]]] = {
    "parse": {"rest_key": "a-rest-key", "javascript_key": "a-js-key", "master_key": "a-master-key"},
    "leancloud": {"app_key": "an-app-key", "master_key": "a-master-key"},
    "backendless": {"rest_key": "a-rest-key", "cloud_code_key": "a-code-key"},
}
MOUNTS: Final = {"parse": "/parse", "leancloud": "/1.1", "backendless": "/{app_id}/{api_key}"}
EMBEDDED: Final = "embedded"
PUBLIC: Final = "http://gateway.example"
OWNER: Final = ("owner@example.com", "an-account-password")
"""The email address and the password of whose the apps are."""
BACKS: Final = (EMBEDDED, *KEYS)

_numbers = count(1)


def new_name(word: str) -> str:
    """One that no other request uses."""
    return f"{word}{next(_numbers)}"


class RefusedError(Exception):
    """The gateway said no, in words, to the request `asked`."""

    def __init__(self, asked: str, status: int, said: Any) -> None:
        super().__init__(f"{asked}: {status} {said}")
        self.asked = asked


NOT_THERE: Final = "the backend has no words for it|a class cannot be called _.* here"
"""What is said of what a backend has not."""


@dataclass
class Visitor:
    """A client of one dialect, of the app on one kind of backend."""

    back: str
    url: str
    headers: Mapping[str, str]
    outside: OutsideWorld
    more: dict[str, Any] = field(default_factory=dict)

    def mail_to(self, address: str) -> ReceivedMail:
        """The mail that comes to somebody; it is sent when the client has its answer."""
        for _ in range(6000):
            with suppress(LookupError):
                return self.outside.mail_to(address)
            time.sleep(0.01)
        raise AssertionError(f"no mail to {address}")

    def code_sent_to(self, phone: str) -> str:
        """The code in the last text message to somebody."""
        for _ in range(6000):
            codes = [message["code"] for message in self.outside.messages if message["phone"] == phone]
            if codes:
                return str(codes[-1])
            time.sleep(0.01)
        raise AssertionError(f"no message to {phone}")

    def pushed(self, alert: str, *, to: str) -> None:
        """A push with this text arrives at the webhook, for the device with this token."""
        for _ in range(6000):
            for question in self.outside.asked("push.send"):
                if question["data"].get("alert") == alert:
                    assert to in [target["token"] for target in question["targets"]]
                    return
            time.sleep(0.01)
        raise AssertionError(f"no push of {alert}")

    def here(self, address: str) -> str:
        """An address that the gateway told, as it is reached here."""
        return address.replace(PUBLIC, self.url[: self.url.index("/", len("http://"))], 1)

    def status(self, method: str, address: str) -> int:
        """What is said of an address that anybody may ask."""
        try:
            with urllib.request.urlopen(urllib.request.Request(address, method=method), timeout=120) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        content_type: str = "application/json",
    ) -> Any:
        """What is answered, which must not be an error: JSON, or bytes of anything else. Raises RefusedError.

        `path` is below the mount, or a whole address. `data` is a body that is no JSON.
        """
        told = {name: value if isinstance(value, str) else json.dumps(value) for name, value in (query or {}).items()}
        address = path if path.startswith("http") else self.url + path
        request = urllib.request.Request(
            f"{address}{'?' if told else ''}{urlencode(told)}",
            data if data is not None else None if body is None else json.dumps(body).encode(),
            {**self.headers, **(headers or {})},
            method=method,
        )
        if data is not None or body is not None:
            request.add_header("Content-Type", content_type)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                read = answer.read()
                is_json = answer.headers.get_content_type() == "application/json"
                return json.loads(read) if is_json and read else read or None
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(f"{method} {path}", error) from None


def _refusal(what: str, error: urllib.error.HTTPError) -> RefusedError:
    said = error.read()
    assert error.code not in (500, 502, 504), (what, error.code, said)
    assert error.headers.get_content_type() == "application/json", (what, error.code, said)
    return RefusedError(what, error.code, json.loads(said))


Visit = Callable[[Visitor], None]
"""Asks for what an endpoint is there for, and asserts that it was done."""


@dataclass(frozen=True)
class World:
    url: str
    outside: OutsideWorld
    dialects: Mapping[str, Dialect]

    def visitor(self, back: str, mount: str, headers: Mapping[str, str]) -> Visitor:
        return Visitor(back, self.url + mount, headers, self.outside)

    def way(self, row: Row, back: str) -> Way:
        """How the tables say that a backend does what an endpoint is there for."""
        dialect = self.dialects[row.dialect]
        # one of the rows is for a file that comes in a form, and has no other body
        in_a_form = (row.dialect, row.key) == ("backendless", "POST /{app-id}/{rest-api-key}/files/{path}")
        route, _ = dialect._router.find(row.method, row.below, {}, content=in_a_form)
        kind = next(name for name, operation in OPERATIONS.items() if operation is route.operation)
        abilities = of_backend(None if back == EMBEDDED else self.dialects[back])
        family = FAMILIES.get(str(route.defaults.get("class_name")))
        if family is not None and abilities[family].way is Way.REFUSED:
            return Way.REFUSED
        return abilities[kind].way


def walk(
    visit: Visit,
    visitor: Visitor,
    way: Way,
    row: Row,
    *,
    sent: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    before: str | None = None,
) -> None:
    """The endpoint does what it is there for, or is refused, as the tables say.

    What a visit does first may be refused as well: then the endpoint itself is asked, with what is `sent` to it as body
    or query and as the `headers` say. `before` is what is refused so that there is nothing to ask it for.
    """
    if way is not Way.REFUSED:
        visit(visitor)
        return
    refusal = _refused(lambda: visit(visitor))
    if before is not None:
        assert re.fullmatch(before, refusal.asked), refusal
    elif not row.is_of(refusal.asked):
        told = dict(sent or {})
        query, body = (told, None) if row.method in ("GET", "DELETE") else (None, told)
        refusal = _refused(lambda: visitor.ask(row.method, row.asked, body, query=query, headers=headers))
        assert re.search(NOT_THERE, str(refusal)), refusal


def _refused(ask: Callable[[], Any]) -> RefusedError:
    try:
        ask()
    except RefusedError as refusal:
        return refusal
    raise AssertionError("the tables say that it is refused, and it was done")


@contextmanager
def gateway(
    folder: Path, name: str, apps: list[dict[str, Any]], *, port: int = 0, public_url: str = PUBLIC, **sections: Any
) -> Iterator[str]:
    owner, password = OWNER
    hashed = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(password)
    server = {
        "host": "127.0.0.1",
        "public_url": public_url,
        "accounts": {owner: {"password": hashed}},
        "admin_store": {"url": f"sqlite:///{folder}/{name}-apps.db", "most": 1000},
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({"server": server, "apps": apps, **sections}), encoding="utf-8")
    process = Process(path, port)
    try:
        yield process.wait_until_listening()
    finally:
        status = process.stop()
        assert status == 0, f"the gateway ended with status {status}:\n{process.output}"


@contextmanager
def world(folder: Path) -> Iterator[World]:
    with ExitStack() as stack:
        outside = stack.enter_context(outside_world())

        def app(name: str, backend: str, *, ours: bool) -> dict[str, Any]:
            told: dict[str, Any] = {
                "name": name,
                "backend": backend,
                "clients": {front: {"app_id": name, **keys} for front, keys in KEYS.items()},
            }
            users: dict[str, Any] = {"client_queries": True}
            if ours:
                users |= {"auth_providers": {"github": {"trust": True}}, "messages_apart": "0s"}
                hooks = {
                    "functions": {"hello": outside.code, "shop.order": outside.code},
                    "jobs": {"nightly": outside.code},
                }
                told["custom_ids"] = backend != EMBEDDED  # of a server of others the gateway's counters are such
                told |= {"mail": "mail", "sms": "sms", "captcha": "captcha", "push": {"to": {"*": "push"}}, **hooks}
            return told | {"users": users}

        adapters = outside.adapters | {"push": outside.adapters["sms"]}
        stores = {back: {"type": "embedded", "url": f"sqlite:///{folder}/{back}.db"} for back in KEYS}
        port = free_port()
        theirs = stack.enter_context(
            gateway(
                folder,
                "theirs",
                [app(f"their-{back}", back, ours=True) for back in KEYS],
                port=port,
                public_url=f"http://127.0.0.1:{port}",
                backends=stores,
                adapters=adapters,
            )
        )
        backends: dict[str, Any] = {EMBEDDED: {"type": "embedded", "url": f"sqlite:///{folder}/ours.db"}}
        for back, keys in KEYS.items():
            backends[back] = {"type": back, "url": theirs + MOUNTS[back], "app_id": f"their-{back}", **keys}
        ours = stack.enter_context(
            gateway(
                folder,
                "ours",
                [app(f"on-{back}", back, ours=back == EMBEDDED) for back in BACKS],
                backends=backends,
                adapters=adapters,
            )
        )
        yield World(ours, outside, load_dialects(mappings_directory()))
