"""Applications as such, for the people whose they are: by themselves, and as clients ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from gateway.authorise import Client, Guarded
from gateway.backends.owners import LOCKED_FOR, MOST_FAILURES, Account, Owners
from gateway.dialects.dialect import Dialect
from gateway.errors import Code, GatewayError
from gateway.model.operation import Result
from gateway.model.owners import App, CreateApp, FindApps, GetApp
from gateway.pipeline import Front, serve
from gateway.store.passwords import hashed
from gateway.wire import HttpRequest
from tests.test_pipeline import Scripted

KEYS = {"rest_key": "rest", "javascript_key": "js", "master_key": "master"}
BLOG = App("blog", "b1", KEYS, creates_classes=False, client_push=True)
SHOP = App("shop", "s1", {"master_key": "of the shop"}, creates_classes=True, client_push=False)

ANN, BOB = ("ann@example.com", "secret of ann"), ("bob@example.com", "secret of bob")
ACCOUNTS = {ANN[0]: Account(hashed(ANN[1])), BOB[0]: Account(hashed(BOB[1]), frozenset({"shop"}))}


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def owners(clock: Clock) -> Owners:
    return Owners(ACCOUNTS, (BLOG, SHOP), clock)


async def refusal(owners: Owners, email: str, password: str, op: Any = FindApps()) -> Code:  # noqa: B008 - it is frozen
    with pytest.raises(GatewayError) as refused:
        await owners.execute(op, email, password)
    return refused.value.code


async def test_an_account_has_its_apps(owners: Owners) -> None:
    assert (await owners.execute(FindApps(), *ANN)).apps == [BLOG, SHOP]
    assert (await owners.execute(FindApps(), *BOB)).apps == [SHOP]
    assert (await owners.execute(GetApp(id="b1"), ANN[0].upper(), ANN[1])).app == BLOG
    assert await refusal(owners, *BOB, GetApp(id="b1")) is Code.OBJECT_NOT_FOUND
    assert await refusal(owners, *ANN, CreateApp(name="new")) is Code.UNSUPPORTED


@pytest.mark.parametrize(
    ("email", "password"),
    [(ANN[0], BOB[1]), (ANN[0], ""), ("", ""), ("nobody@example.com", ANN[1]), (ANN[0], ANN[1] + " " * 10_000)],
    ids=["another's", "none", "nothing", "nobody", "too long"],
)
async def test_others_are_told_nothing(owners: Owners, email: str, password: str) -> None:
    for op in (FindApps(), GetApp(id="b1"), GetApp(id="none"), CreateApp(name="new")):
        assert await refusal(owners, email, password, op) is Code.UNAUTHORIZED


@pytest.mark.parametrize("email", [ANN[0], "nobody@example.com"])
async def test_who_tries_too_often_has_to_wait(clock: Clock, email: str) -> None:
    quick = Owners({ANN[0]: Account("no hash at all")}, (BLOG,), clock)
    tried = [await refusal(quick, email, "wrong") for _ in range(MOST_FAILURES + 1)]
    assert tried == [Code.UNAUTHORIZED] * MOST_FAILURES + [Code.RATE_LIMITED]
    clock.seconds = LOCKED_FOR
    assert await refusal(quick, email, "wrong") is Code.UNAUTHORIZED


async def test_coming_in_takes_the_failures_away(clock: Clock) -> None:
    owners = Owners({ANN[0]: ACCOUNTS[ANN[0]]}, (BLOG,), clock)
    for _ in range(2):
        for _ in range(MOST_FAILURES - 1):
            assert await refusal(owners, ANN[0], "wrong") is Code.UNAUTHORIZED
        await owners.execute(FindApps(), *ANN)


def headers(email: str, password: str) -> Mapping[str, str]:
    return {"x-parse-email": email, "x-parse-password": password}


async def test_apps_over_the_wire(dialects: Mapping[str, Dialect], owners: Owners) -> None:
    client = Client("blog", KEYS, Guarded(Scripted(Result(apps=[BLOG]))), "b1")
    front = Front(dialects["parse"], {"b1": client}, owners=owners)

    async def ask(method: str, path: str, sent: Mapping[str, str], body: Any = None) -> tuple[int, Any]:
        response = await serve(front, HttpRequest(method, path, {}, sent, body))
        return response.status, response.body

    told = {
        "appName": "blog",
        "applicationId": "b1",
        "clientClassCreationEnabled": False,
        "clientPushEnabled": True,
        "javascriptKey": "js",
        "masterKey": "master",
        "restKey": "rest",
        "requireRevocableSessions": True,
        "revokeSessionOnPasswordChange": True,
    }
    assert await ask("GET", "/apps/b1", headers(*ANN)) == (200, told)
    status, body = await ask("GET", "/apps", headers(*ANN))
    assert (status, [app["appName"] for app in body["results"]]) == (200, ["blog", "shop"])
    unauthorized = (403, {"error": "unauthorized"})
    assert await ask("GET", "/apps", {}) == unauthorized
    assert await ask("GET", "/apps", headers("ann@example.com", "wrong")) == unauthorized
    master = {"x-parse-application-id": "b1", "x-parse-master-key": "master"}
    assert await ask("GET", "/apps", master) == unauthorized
    inner = {"requests": [{"method": "GET", "path": "/parse/apps"}]}
    assert await ask("POST", "/batch", master, inner) == (200, [{"error": {"error": "unauthorized"}}])
    for method, path in (("POST", "/apps"), ("PUT", "/apps/b1")):
        status, body = await ask(method, path, headers(*ANN), {"appName": "new"})
        assert (status, body["code"]) == (400, 108)
        assert "configuration" in body["error"]


def test_keys_are_not_in_what_is_printed() -> None:
    assert "master" not in repr(BLOG)
    assert "argon2" not in repr(ACCOUNTS[ANN[0]])
