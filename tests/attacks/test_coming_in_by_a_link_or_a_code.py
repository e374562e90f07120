"""Somebody else's links and codes: guessed, raced for, read from logs, or asked for to find out who is there."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.backends.accounts import Accounts, Policy
from gateway.backends.later import Later
from gateway.backends.recovery import Rules
from gateway.errors import GatewayError
from gateway.model.account import SignUp
from gateway.model.operation import Caller, Operation, Result
from gateway.model.recovery import Purpose, SendLink
from gateway.model.update import Set
from gateway.store.sqlite import SqliteStore
from tests.attacks.town import EMAIL, MOUNTS, PHONE, Answer, Town, town_of
from tests.conftest import Serving
from tests.outside import OutsideWorld


@pytest.fixture
async def reaching(tmp_path: Path, serving: Serving, outside: OutsideWorld) -> AsyncIterator[Town]:
    """A town whose gateway can reach its users, as often as somebody likes."""
    changes = {
        "# public_url: https://api": "public_url: https://api",
        "mail: null": "mail: mail",
        "sms: null": "sms: sms",
        "messages_apart: 1m": "messages_apart: 0s",
        "messages_a_day: 10": "messages_a_day: 1000",
        "adapters: {}": f"adapters: {json.dumps(outside.adapters)}",
    }
    async with town_of(tmp_path, serving, changes) as town:
        yield town


async def token_for(town: Town, outside: OutsideWorld) -> str:
    """The victim's, to reset the password."""
    asked = await town.ask("parse", "POST", "/requestPasswordReset", {"email": EMAIL})
    assert asked.status == 200
    await outside.wait_for_mails(1)
    link = re.findall(r"https://\S+", outside.mails[-1].text)[0]
    return str(parse_qs(urlsplit(link).query)["token"][0])


async def code_for(town: Town, outside: OutsideWorld, path: str) -> str:
    asked = await town.ask("leancloud", "POST", path, {"mobilePhoneNumber": PHONE})
    assert asked.status == 200, asked
    return str(outside.messages[-1]["code"])


async def reset(town: Town, token: str, password: str) -> int:
    form = {"token": token, "password": password, "again": password}
    async with town.client.post("/_gateway/apps/blog/reset", data=form) as response:
        return response.status


async def test_one_of_many_uses_a_link(reaching: Town, outside: OutsideWorld) -> None:
    token = await token_for(reaching, outside)
    told = await asyncio.gather(*(reset(reaching, token, f"password {at}") for at in range(8)))
    assert Counter(told) == {200: 1, 400: 7}
    logged_in = [
        await reaching.ask("parse", "POST", "/login", {"username": "victim", "password": f"password {at}"})
        for at in (told.index(200), (told.index(200) + 1) % 8)
    ]
    assert [answer.status for answer in logged_in] == [200, 404]


async def test_a_link_that_is_taken_apart_opens_nothing(reaching: Town, outside: OutsideWorld) -> None:
    token = await token_for(reaching, outside)
    secret, _, user_id = token.partition(".")
    assert user_id == reaching.victim.id
    before = await reaching.everything()
    for wrong in (
        f".{user_id}",
        f"{secret}.{reaching.attacker.id}",
        f"{secret[:-1]}.{user_id}",
        f"{secret}.{user_id}.",
        f"{secret}.{user_id}\x00",
        f"{secret}. {user_id}",
        secret,
        user_id,
        "$ne.x",
        "*.*",
        "%.%",
    ):
        assert await reset(reaching, wrong, "mine") == 400, wrong
    assert await reaching.everything() == before


NOT_TEXT: tuple[Any, ...] = ({"$ne": ""}, {"$regex": ".*"}, {"__op": "Delete"}, ["a"], [], {}, 7, True, 1.5)
BY_SMS: tuple[tuple[str, str, str], ...] = (
    ("POST", "/requestPasswordReset", "email"),
    ("POST", "/requestEmailVerify", "email"),
    ("POST", "/requestSmsCode", "mobilePhoneNumber"),
    ("POST", "/requestLoginSmsCode", "mobilePhoneNumber"),
    ("POST", "/requestPasswordResetBySmsCode", "mobilePhoneNumber"),
    ("POST", "/requestMobilePhoneVerify", "mobilePhoneNumber"),
    ("POST", "/requestChangePhoneNumber", "mobilePhoneNumber"),
    ("POST", "/verifySmsCode/123456", "mobilePhoneNumber"),
    ("POST", "/verifyMobilePhone/123456", "mobilePhoneNumber"),
    ("POST", "/changePhoneNumber", "code"),
    ("PUT", "/resetPasswordBySmsCode/123456", "password"),
    ("PUT", "/resetPasswordBySmsCode/123456", "mobilePhoneNumber"),
    ("POST", "/login", "smsCode"),
    ("POST", "/usersByMobilePhone", "smsCode"),
    ("POST", "/usersByMobilePhone", "mobilePhoneNumber"),
    ("POST", "/verifyCaptcha", "captcha_code"),
    ("POST", "/requestSmsCode", "validate_token"),
    ("POST", "/requestSmsCode", "template"),
    ("POST", "/requestSmsCode", "smsType"),
    ("POST", "/requestSmsCode", "ttl"),
)


@pytest.mark.parametrize(("method", "path", "name"), BY_SMS)
async def test_what_is_no_text_is_nobodys_proof(
    method: str, path: str, name: str, reaching: Town, outside: OutsideWorld
) -> None:
    good = {"mobilePhoneNumber": PHONE} if name not in ("email", "captcha_code") else {}
    good |= {"smsCode": "123456"} if path in ("/login", "/usersByMobilePhone") else {}
    good |= {"password": "mine"} if path.startswith("/resetPassword") else {}
    before = await reaching.everything()
    for value in NOT_TEXT:
        if (name, value) in (("ttl", 7), ("smsCode", 7), ("code", 7)):
            continue  # a number of minutes; a code that some clients send as a number
        answer = await reaching.ask("leancloud", method, path, {**good, name: value}, who=reaching.attacker)
        assert 400 <= answer.status < 500, (value, answer)
        assert not reaching.leaks(answer)
    assert await reaching.everything() == before
    assert (outside.mails, outside.messages) == ([], [])


@pytest.mark.parametrize("email", [*NOT_TEXT, "victim@example.com\nBcc: mallory@example.com", "x" * 10_000 + "@y"])
async def test_what_is_no_address_gets_no_mail(email: Any, reaching: Town, outside: OutsideWorld) -> None:
    for path in ("/requestPasswordReset", "/verificationEmailRequest"):
        answer = await reaching.ask("parse", "POST", path, {"email": email})
        assert (answer.status, answer.body["code"]) == (400, 125), answer
    assert outside.mails == []


async def test_guesses_in_a_batch_are_counted(reaching: Town, outside: OutsideWorld) -> None:
    code = await code_for(reaching, outside, "/requestSmsCode")
    guesses = [*(f"{(int(code) + at) % 1_000_000:06}" for at in range(1, 20)), code]
    items = [
        {"method": "POST", "path": f"/1.1/verifySmsCode/{guess}", "body": {"mobilePhoneNumber": PHONE}}
        for guess in guesses
    ]
    answer = await reaching.ask("leancloud", "POST", "/batch", {"requests": items})
    assert [item.get("error", {}).get("code") for item in answer.body] == [603] * 20


async def test_guesses_in_both_ways_of_a_code_are_counted_together(reaching: Town, outside: OutsideWorld) -> None:
    """By whatever route: the code is one."""
    code = await code_for(reaching, outside, "/requestSmsCode")
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    for _ in range(3):
        await reaching.ask("leancloud", "POST", f"/verifySmsCode/{wrong}", {"mobilePhoneNumber": PHONE})
        body = {"mobilePhoneNumber": PHONE, "smsCode": wrong}
        await reaching.ask("leancloud", "POST", "/usersByMobilePhone", body)
    answer = await reaching.ask("leancloud", "POST", f"/verifySmsCode/{code}", {"mobilePhoneNumber": PHONE})
    assert answer.body["code"] == 603


async def test_a_number_that_was_never_verified_opens_no_account(reaching: Town, outside: OutsideWorld) -> None:
    """Somebody may have mistyped it: its owner would otherwise come in."""
    for path in ("/requestLoginSmsCode", "/requestPasswordResetBySmsCode"):
        answer = await reaching.ask("leancloud", "POST", path, {"mobilePhoneNumber": PHONE})
        assert answer.body["code"] == 215
    assert outside.messages == []


async def test_a_number_of_somebody_else_cannot_be_taken(reaching: Town, outside: OutsideWorld) -> None:
    ask = {"mobilePhoneNumber": PHONE}
    told = await reaching.ask("leancloud", "POST", "/requestChangePhoneNumber", ask, who=reaching.attacker)
    assert told.body["code"] == 214
    code = await code_for(reaching, outside, "/requestSmsCode")  # one for another purpose
    change = {"mobilePhoneNumber": PHONE, "code": code}
    told = await reaching.ask("leancloud", "POST", "/changePhoneNumber", change, who=reaching.attacker)
    assert told.body["code"] == 603


@pytest.mark.parametrize("dialect", ["parse", "leancloud"])
async def test_no_transaction_has_a_link_in_it(dialect: str, reaching: Town, outside: OutsideWorld) -> None:
    path = f"{MOUNTS[dialect]}/requestPasswordReset"
    item = {"method": "POST", "path": path, "body": {"email": EMAIL}}
    batch = {"requests": [item, item], "transaction": True}
    answer = await reaching.ask(dialect, "POST", "/batch" if dialect == "parse" else "/batch/save", batch)
    assert 400 <= answer.status < 500
    assert outside.mails == []


async def test_parse_tells_the_same_of_nobodys_address(reaching: Town, outside: OutsideWorld) -> None:
    for path in ("/requestPasswordReset", "/verificationEmailRequest"):
        told: list[Answer] = [
            await reaching.ask("parse", "POST", path, {"email": email}) for email in (EMAIL, "nobody@example.com")
        ]
        assert told[0] == told[1] == Answer(200, "{}")
    await outside.wait_for_mails(2)
    assert {mail.to for mail in outside.mails} == {(EMAIL,)}


async def test_nobodys_address_costs_the_same_work_until_the_answer(tmp_path: Path, outside: OutsideWorld) -> None:
    asked: list[str] = []

    class Counting(SqliteStore):
        async def execute(self, op: Operation, caller: Caller) -> Result:
            asked.append(f"{type(op).__name__} {getattr(op, 'class_name', '')}")
            return await super().execute(op, caller)

    store, later = await Counting.open(tmp_path / "town.db", secret=b"secret"), Later()
    policy = Policy(recovery=Rules(app="blog", public_url="https://api.example.com"))
    async with outside.outside() as adapters:
        accounts = Accounts(store, policy, outside=adapters, later=later)
        changes = {"username": Set("victim"), "password": Set("p"), "email": Set(EMAIL)}
        await accounts.execute(SignUp(changes=changes), Caller("blog"))
        work = []
        for email in ("first@example.com", EMAIL, "nobody@example.com"):
            asked.clear()
            with contextlib.suppress(GatewayError):
                await accounts.execute(SendLink(purpose=Purpose.RESET_PASSWORD, email=email), Caller("blog"))
            work.append(list(asked))  # what is left for later has not begun
            await later.settled()
        await later.close()
    await store.close()
    assert work[1] == work[2]
    assert len(outside.mails) == 1


async def test_neither_tokens_nor_codes_nor_whose_they_are_is_in_the_log(
    reaching: Town, outside: OutsideWorld, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        token = await token_for(reaching, outside)
        code = await code_for(reaching, outside, "/requestSmsCode")
        await reaching.ask("leancloud", "POST", f"/verifySmsCode/{code}", {"mobilePhoneNumber": PHONE})
        await reset(reaching, token, "a new password")
        outside.refuses |= {EMAIL, PHONE}
        await reaching.ask("parse", "POST", "/requestPasswordReset", {"email": EMAIL})
        await reaching.ask("leancloud", "POST", "/requestSmsCode", {"mobilePhoneNumber": PHONE})
        for _ in range(6000):
            if "a mail was not sent" in caplog.text:
                break
            await asyncio.sleep(0.01)
    assert "a mail was not sent" in caplog.text
    told = [record.getMessage() for record in caplog.records if record.name.startswith("gateway")]
    for secret in (token, token.partition(".")[0], code, EMAIL, PHONE, "a new password"):
        assert not [line for line in told if secret in line]
