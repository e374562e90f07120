"""Parameters, aggregations, accounts, emails and code: nobody learns or does by them what is not theirs."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from gateway.authorise import Guarded
from gateway.errors import Code, GatewayError
from gateway.model.messaging import SendTemplate
from gateway.model.operation import Caller, Operation, Result
from gateway.model.query import Condition, Op, Subquery
from tests.attacks.town import MASTERS, MOUNTS, Town, where

# --- parameters that are the master's alone ---


async def test_no_way_shows_a_parameter_of_the_masters(town: Town) -> None:
    own = {"params": {"open": "for all", "key": "a secret of the owner's"}, "masterKeyOnly": {"key": True}}
    await town.as_master("parse", "PUT", "/config", own)
    assert (await town.as_master("parse", "GET", "/config"))["params"]["key"] == "a secret of the owner's"
    attempts: list[tuple[str, str, Any]] = [
        ("GET", "/config", None),
        ("GET", "/config?keys=key", None),
        ("POST", "/config", {"_method": "GET"}),
        ("POST", "/config", {"_method": "GET", "_MasterKey": "wrong"}),
        ("PUT", "/config", {"params": {}, "masterKeyOnly": {"key": False}}),
        ("GET", "/classes/_GlobalConfig", None),
        ("GET", "/classes/_Config", None),
        ("GET", "/classes/@config", None),
        ("GET", where("/classes/Letter", {"x": {"$inQuery": {"className": "@config", "where": {}}}}), None),
    ]
    for method, path, body in attempts:
        for who in (None, town.attacker):
            for ask in (town.ask, town.ask_in_batch):
                answer = await ask("parse", method, path, body, who=who)
                assert "secret of the owner" not in answer.text, (path, answer)
                assert '"key"' not in answer.text, (path, answer)
    shown = await town.ask("parse", "GET", "/config")
    assert shown.body["params"] == {"open": "for all"}


# --- aggregations ---

STAGES: list[tuple[str, Any]] = [
    ("Letter", [{"$match": {}}]),
    ("_User", [{"$project": {"_hashed_password": 1, "email": 1}}]),
    ("_Session", [{"$group": {"_id": "$sessionToken"}}]),
    ("Note", [{"$lookup": {"from": "_Session", "localField": "a", "foreignField": "b", "as": "c"}}]),
    ("Note", [{"$unionWith": "_Session"}]),
    ("Note", [{"$out": "Letter"}]),
    ("Note", [{"$merge": {"into": "Letter"}}]),
    ("Note", [{"$match": {"x": {"$inQuery": {"className": "_Session", "where": {}}}}}]),
]


@pytest.mark.parametrize(("class_name", "stages"), STAGES)
async def test_nobody_but_the_master_aggregates(town: Town, class_name: str, stages: Any) -> None:
    before = await town.everything()
    path = f"/aggregate/{class_name}?pipeline={quote(json.dumps(stages))}"
    for who in (None, town.attacker, town.victim):
        alone = await town.ask("parse", "GET", path, who=who)
        assert alone.status in (400, 403), alone
        inside = await town.ask("parse", "POST", "/batch", in_batch(class_name, stages), who=who)
        for answer in (alone, inside):
            assert "master key is required" in answer.text or "not supported here" in answer.text, answer
    assert await town.everything() == before


def in_batch(class_name: str, stages: Any) -> Any:
    item = {"method": "GET", "path": f"{MOUNTS['parse']}/aggregate/{class_name}", "body": {"pipeline": stages}}
    return {"requests": [item]}


HIDDEN: list[tuple[str, Any]] = [
    ("_User", [{"$match": {}}]),
    ("_User", [{"$group": {"_id": "$_hashed_password"}}]),
    ("_User", [{"$group": {"_id": "$password"}}]),
    ("_User", [{"$group": {"_id": None, "all": {"$push": "$$ROOT"}}}]),
    ("@token", [{"$match": {}}]),
    ("@config", [{"$match": {}}]),
    ("Note", [{"$lookup": {"from": "@token", "localField": "a", "foreignField": "b", "as": "c"}}]),
    ("Note", [{"$match": {"x": {"$inQuery": {"className": "@token", "where": {}}}}}]),
    ("Note", [{"$out": "_User"}]),
]


@pytest.mark.parametrize(("class_name", "stages"), HIDDEN)
async def test_not_even_the_master_is_told_what_proves_somebody(town: Town, class_name: str, stages: Any) -> None:
    before = await town.everything()
    path = f"/aggregate/{quote(class_name)}?pipeline={quote(json.dumps(stages))}"
    answer = await town.send("parse", "GET", path, headers=MASTERS["parse"])
    assert answer.status < 500, answer
    for secret in ("$argon2", town.victim.token, town.attacker.token):
        assert secret not in answer.text
    assert await town.everything() == before


# --- accounts ---


async def test_who_has_no_account_learns_of_no_application(town: Town) -> None:
    for account in ({}, {"X-Parse-Email": "owner@example.com"}, {"X-Parse-Email": "x@example.com"}):
        for password in ({}, {"X-Parse-Password": "wrong"}):
            for keys in ({}, MASTERS["parse"]):
                for method, path in (("GET", "/apps"), ("GET", "/apps/demo"), ("POST", "/apps"), ("PUT", "/apps/demo")):
                    headers = {**keys, **account, **password}
                    answer = await town.send("parse", method, path, {} if method != "GET" else None, headers=headers)
                    assert answer.status in (400, 401, 403, 429), (method, path, answer)
                    for key in ("demo-rest", "demo-js", "demo-client", "demo-master"):
                        assert key not in answer.text


async def test_an_account_opens_nothing_of_an_app(town: Town) -> None:
    account = {"X-Parse-Email": "owner@example.com", "X-Parse-Password": "wrong"}
    for path in ("/classes/Letter", "/users", "/config", "/schemas"):
        answer = await town.send("parse", "GET", path, headers=account)
        assert answer.status in (400, 401, 403), answer
        assert town.leaks(answer) == set()


# --- code of the app's own ---

HOOKS = (
    "/functions/__before_save_for_Letter",
    "/functions/Letter/beforeSave",
    "/functions/_ops/metadatas",
    "/functions/_User/onLogin",
    "/functions/onVerified/sms",
    "/functions/..%2f_ops%2fmetadatas",
    "/functions/%2e%2e",
    "/call/__before_save_for_Letter",
    "/call/_ops%2fmetadatas",
)


@pytest.mark.parametrize("dialect", ["parse", "leancloud"])
async def test_no_hook_is_called_as_a_function(town: Town, dialect: str) -> None:
    for path in HOOKS:
        for headers in ({}, {"X-LC-Hook-Key": "guessed"}, {"X-Parse-Webhook-Key": "guessed"}):
            answer = await town.send(
                dialect, "POST", path, {"object": {"text": "x"}}, headers={**MASTERS[dialect], **headers}
            )
            assert 400 <= answer.status < 500, (path, answer)


# --- emails ---


async def test_the_users_that_a_mail_goes_to_are_looked_for_by_what_one_may_ask() -> None:
    """Whether a mail comes would tell whether a condition holds."""

    class Asked:
        async def execute(self, _op: Operation, _caller: Caller) -> Result:
            raise AssertionError("this is never asked")

        async def identify(self, caller: Caller) -> Caller:
            return caller

        async def close(self) -> None: ...

    guarded = Guarded(Asked(), master_queries={"Letter": "a.setting"})
    for class_name in ("_JobStatus", "@token", "_Hooks", "_Installation", "Letter"):
        criteria = Condition("x", Op.IN, Subquery(class_name))
        for caller in (Caller("demo"), Caller("demo", user_id="u")):
            with pytest.raises(GatewayError) as refused:
                await guarded.execute(SendTemplate(name="Hello", criteria=criteria), caller)
            assert refused.value.code in (Code.FORBIDDEN, Code.UNSUPPORTED), class_name
