"""Links, codes and captchas, on a real store, with a real mail server and a real receiver of webhooks."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.adapters.base import Outside
from gateway.backends.accounts import Accounts, Policy
from gateway.backends.later import Later
from gateway.backends.ledger import CODE, LINK, SENT
from gateway.backends.recovery import Rules
from gateway.errors import Code, GatewayError
from gateway.model.account import ChangePassword, CurrentUser, LogIn, SignUp, VerifyPassword
from gateway.model.operation import Caller, Delete, Find, Get, Operation, Result, Update
from gateway.model.recovery import (
    ChangePhone,
    CheckCaptcha,
    CheckCode,
    NewCaptcha,
    Purpose,
    ResetPassword,
    SendCode,
    SendLink,
    VerifyEmail,
    VerifyPhone,
)
from gateway.model.update import Set
from gateway.store.sqlite import SqliteStore
from tests.outside import OutsideWorld

ANYBODY, MASTER, GATEWAY = Caller("blog"), Caller("blog", master=True), Caller("blog", trusted=True)
EMAIL, PHONE, OTHER_PHONE = "tom@example.com", "+8618200008888", "+8618200009999"
RULES = Rules(app="blog", public_url="https://api.example.com", secret=b"a secret", again_after=60, most_a_day=5)


class Town:
    """Accounts that can reach their users. `now` is what time it is there."""

    def __init__(self, store: SqliteStore, world: OutsideWorld, outside: Outside, rules: Rules = RULES) -> None:
        self.now = 1_800_000_000.0
        self.store, self.world, self.outside = store, world, outside
        self.later = Later()
        self.under(rules)

    def under(self, rules: Rules) -> None:
        """The same store and users, by other rules."""
        policy = Policy(recovery=rules, failure_takes=0.001)
        self.accounts = Accounts(
            self.store, policy, outside=self.outside, later=self.later, now=lambda: self.now, threads=4
        )

    async def do(self, op: Operation, caller: Caller = ANYBODY) -> Result:
        result = await self.accounts.execute(op, caller)
        await self.later.settled()
        return result

    async def refused(self, op: Operation, caller: Caller = ANYBODY) -> Code:
        with pytest.raises(GatewayError) as refusal:
            await self.do(op, caller)
        return refusal.value.code

    async def sign_up(self, username: str = "tom", **fields: Any) -> tuple[str, Caller]:
        changes = {name: Set(value) for name, value in {"username": username, "password": "old", **fields}.items()}
        made = await self.do(SignUp(changes=changes))
        assert made.id is not None
        return made.id, Caller("blog", session=made.session)

    async def verified(self, user_id: str) -> None:
        """As the master says."""
        changes = {"mobilePhoneVerified": Set(True)}
        await self.do(Update(class_name="_User", id=user_id, changes=changes), MASTER)

    async def user(self, user_id: str) -> dict[str, Any]:
        return (await self.do(Get(class_name="_User", id=user_id), MASTER)).object or {}

    async def token(self, purpose: Purpose, email: str = EMAIL) -> str:
        """The one in the link of a mail that is asked for now."""
        self.now += 60
        await self.do(SendLink(purpose=purpose, email=email))
        return token_in(self.world.mail_to(email.lower()).text)

    async def code(self, purpose: Purpose, phone: str = PHONE, caller: Caller = ANYBODY) -> str:
        self.now += 60
        await self.do(SendCode(purpose=purpose, phone=phone), caller)
        return str(self.world.messages[-1]["code"])

    async def kept(self, class_name: str) -> list[dict[str, Any]]:
        return (await self.store.execute(Find(class_name=class_name, limit=1000), GATEWAY)).objects or []


def token_in(text: str) -> str:
    (link,) = [word for word in text.split() if word.startswith("https://")]
    return parse_qs(urlsplit(link).query)["token"][0]


def another(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


@pytest.fixture
async def town(tmp_path: Path, outside: OutsideWorld) -> AsyncIterator[Town]:
    store = await SqliteStore.open(tmp_path / "town.db", secret=b"secret")
    async with outside.outside() as adapters:
        town = Town(store, outside, adapters)
        yield town
        await town.later.close()
    await store.close()


# --- resetting a password by mail ---


async def test_a_link_resets_the_password_and_ends_every_session(town: Town) -> None:
    tom, session = await town.sign_up(email=EMAIL)
    token = await town.token(Purpose.RESET_PASSWORD, "TOM@example.com")
    mail = town.world.mail_to(EMAIL)
    assert mail.subject == "Reset your password for blog"
    assert f"https://api.example.com/_gateway/apps/blog/reset?token={token}" in mail.text
    assert f'href="https://api.example.com/_gateway/apps/blog/reset?token={token}"' in mail.html
    assert await town.do(ResetPassword(token=token, new_password="new")) == Result(
        id=tom, updated_at=(await town.user(tom))["@updated_at"]
    )
    assert await town.refused(CurrentUser(), session) is Code.INVALID_SESSION
    assert await town.refused(LogIn(username="tom", password="old")) is Code.BAD_CREDENTIALS
    assert (await town.do(LogIn(username="tom", password="new"))).id == tom


async def why(town: Town, op: Operation) -> str | None:
    with pytest.raises(GatewayError) as refusal:
        await town.do(op)
    assert refusal.value.code is Code.BAD_LINK
    return refusal.value.details.get("name")


async def test_a_link_works_once(town: Town) -> None:
    await town.sign_up(email=EMAIL)
    token = await town.token(Purpose.RESET_PASSWORD)
    await town.do(ResetPassword(token=token, new_password="new"))
    assert await why(town, ResetPassword(token=token, new_password="newer")) == "used"


async def test_of_many_who_come_with_one_link_one_succeeds(town: Town) -> None:
    await town.sign_up(email=EMAIL)
    token = await town.token(Purpose.RESET_PASSWORD)
    told = await asyncio.gather(
        *(town.do(ResetPassword(token=token, new_password=f"new {at}")) for at in range(6)), return_exceptions=True
    )
    assert Counter(isinstance(answer, Result) for answer in told) == {True: 1, False: 5}
    (winner,) = [at for at, answer in enumerate(told) if isinstance(answer, Result)]
    assert (await town.do(LogIn(username="tom", password=f"new {winner}"))).session


async def test_a_link_expires_and_a_newer_one_takes_its_place(town: Town) -> None:
    await town.sign_up(email=EMAIL)
    older = await town.token(Purpose.RESET_PASSWORD)
    newer = await town.token(Purpose.RESET_PASSWORD)
    assert await why(town, ResetPassword(token=older, new_password="new")) == "unknown"
    town.now += 3601
    assert await why(town, ResetPassword(token=newer, new_password="new")) == "expired"


async def test_what_ends_the_sessions_ends_links_to_reset_the_password(town: Town) -> None:
    tom, session = await town.sign_up(email=EMAIL)
    reset, verify = await town.token(Purpose.RESET_PASSWORD), await town.token(Purpose.VERIFY_EMAIL)
    change = ChangePassword(id=tom, old_password="old", new_password="newer")
    await town.do(change, replace(session, user_id=tom))
    assert await why(town, ResetPassword(token=reset, new_password="newest")) == "unknown"
    await town.do(VerifyEmail(token=verify))


async def test_a_user_who_is_gone_has_no_links(town: Town) -> None:
    tom, _ = await town.sign_up(email=EMAIL)
    reset, verify = await town.token(Purpose.RESET_PASSWORD), await town.token(Purpose.VERIFY_EMAIL)
    await town.do(Delete(class_name="_User", ids=(tom,)), MASTER)
    assert await why(town, ResetPassword(token=reset, new_password="new")) == "unknown"
    assert await why(town, VerifyEmail(token=verify)) == "unknown"


async def test_a_link_is_for_its_purpose_and_its_address(town: Town) -> None:
    tom, session = await town.sign_up(email=EMAIL)
    verify, reset = await town.token(Purpose.VERIFY_EMAIL), await town.token(Purpose.RESET_PASSWORD)
    assert await why(town, ResetPassword(token=verify, new_password="new")) == "unknown"
    assert await why(town, VerifyEmail(token=reset)) == "unknown"
    changes = {"email": Set("tommy@example.com")}
    await town.do(Update(class_name="_User", id=tom, changes=changes), replace(session, user_id=tom))
    assert await why(town, ResetPassword(token=reset, new_password="new")) == "unknown"
    assert await why(town, VerifyEmail(token=verify)) == "unknown"


@pytest.mark.parametrize(
    "token",
    [None, "", ".", "x.", ".x", "x" * 5000, 7, True, [], {"$ne": ""}, {"$regex": ".*"}, "a.b", "\x00.\x00", "é.é"],
)
async def test_what_is_no_token_is_refused(town: Town, token: Any) -> None:
    await town.sign_up(email=EMAIL)
    await town.token(Purpose.VERIFY_EMAIL)
    assert await why(town, VerifyEmail(token=token)) == "unknown"
    if token is not None:
        assert await why(town, ResetPassword(token=token, new_password="new")) == "unknown"


async def test_half_a_token_is_none(town: Town) -> None:
    tom, _ = await town.sign_up(email=EMAIL)
    token = await town.token(Purpose.VERIFY_EMAIL)
    for wrong in (token[1:], token[:-1], token + "x", token.swapcase(), "x." + tom):
        assert await why(town, VerifyEmail(token=wrong)) == "unknown"
    await town.do(VerifyEmail(token=token))


@pytest.mark.parametrize("password", [None, "", 7, {"$ne": ""}, "x" * 1001])
async def test_what_is_no_password_leaves_the_link_unused(town: Town, password: Any) -> None:
    await town.sign_up(email=EMAIL)
    token = await town.token(Purpose.RESET_PASSWORD)
    assert await town.refused(ResetPassword(token=token, new_password=password)) is Code.PASSWORD_MISSING
    await town.do(ResetPassword(token=token, new_password="new"))


ADDRESSES: tuple[tuple[Any, Code], ...] = (
    (None, Code.EMAIL_MISSING),
    ("", Code.EMAIL_MISSING),
    (7, Code.BAD_EMAIL),
    ({"$ne": ""}, Code.BAD_EMAIL),
    ("tom", Code.BAD_EMAIL),
    ("x" * 400 + "@example.com", Code.BAD_EMAIL),
    ("Tom <tom@example.com>", Code.BAD_EMAIL),
    ("a<tom@example.com>", Code.BAD_EMAIL),
    ("tom@example.com\r\nBcc: x@y", Code.BAD_EMAIL),
    ("nobody@example.com", Code.EMAIL_NOT_FOUND),
)


@pytest.mark.parametrize(("email", "code"), ADDRESSES)
@pytest.mark.parametrize("purpose", [Purpose.RESET_PASSWORD, Purpose.VERIFY_EMAIL])
async def test_addresses_that_get_no_mail(town: Town, purpose: Purpose, email: Any, code: Code) -> None:
    await town.sign_up(email=EMAIL)
    assert await town.refused(SendLink(purpose=purpose, email=email)) is code
    assert town.world.mails == []


async def test_a_username_stands_for_the_address(town: Town) -> None:
    await town.sign_up("Tom", email=EMAIL)
    await town.sign_up("jerry")
    for identity in ("tom", "TOM@example.com"):
        town.now += 61
        await town.do(SendLink(purpose=Purpose.RESET_PASSWORD, identity=identity))
    assert [mail.to for mail in town.world.mails] == [(EMAIL,), (EMAIL,)]
    # the mailbox is one, whatever it is asked for by
    assert await town.refused(SendLink(purpose=Purpose.RESET_PASSWORD, identity="Tom")) is Code.RATE_LIMITED
    refused: tuple[tuple[Any, Code], ...] = (
        ("jerry", Code.EMAIL_NOT_FOUND),
        ("nobody", Code.EMAIL_NOT_FOUND),
        ("", Code.EMAIL_MISSING),
        ({"$ne": ""}, Code.BAD_EMAIL),
        ("x" * 321, Code.BAD_EMAIL),
    )
    for each, code in refused:
        assert await town.refused(SendLink(purpose=Purpose.RESET_PASSWORD, identity=each)) is code


async def test_a_mailbox_gets_no_more_than_a_few(town: Town) -> None:
    await town.sign_up(email=EMAIL)
    ask = SendLink(purpose=Purpose.RESET_PASSWORD, email=EMAIL)
    nobody = replace(ask, email="nobody@example.com")
    for _ in range(5):
        await town.do(ask)
        assert await town.refused(nobody) is Code.EMAIL_NOT_FOUND
        for op in (ask, nobody, replace(ask, email="TOM@example.com")):
            assert await town.refused(op) is Code.RATE_LIMITED  # of nobody's address it is told the same
        town.now += 61
    assert await town.refused(ask) is Code.RATE_LIMITED
    assert len(town.world.mails) == 5
    town.now += 86400
    await town.do(ask)


async def test_of_many_at_once_one_is_sent(town: Town) -> None:
    await town.sign_up(email=EMAIL)
    ask = SendLink(purpose=Purpose.RESET_PASSWORD, email=EMAIL)
    for _ in range(2):
        told = await asyncio.gather(*(town.do(ask) for _ in range(8)), return_exceptions=True)
        assert Counter(isinstance(answer, Result) for answer in told) == {True: 1, False: 7}
        town.now += 61
    assert len(town.world.mails) == 2


async def test_without_a_mail_server_nobody_is_told_that_a_mail_was_sent(town: Town) -> None:
    await town.sign_up(email=EMAIL)
    for email in (EMAIL, "nobody@example.com"):
        town.outside = Outside()
        town.under(RULES)
        assert await town.refused(SendLink(purpose=Purpose.RESET_PASSWORD, email=email)) is Code.NOT_CONFIGURED
    phones = SendCode(purpose=Purpose.CONFIRM, phone=PHONE)
    for op in (phones, NewCaptcha(), CheckCaptcha(token="t", code="c"), replace(phones, validate_token="t")):
        assert await town.refused(op) is Code.NOT_CONFIGURED


async def test_a_mail_that_is_refused_is_for_the_log_alone(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    await town.sign_up(email=EMAIL)
    town.world.refuses.add(EMAIL)
    with caplog.at_level(logging.WARNING):
        assert await town.do(SendLink(purpose=Purpose.RESET_PASSWORD, email=EMAIL)) == Result()
    assert "a mail was not sent app=blog purpose=reset_password reason=bad_email" in caplog.text
    assert EMAIL not in caplog.text


# --- verifying an address ---

VERIFYING = replace(RULES, verify_email=True, verify_phone=True)


async def test_who_signs_up_with_an_address_is_asked_to_verify_it(town: Town) -> None:
    town.under(VERIFYING)
    tom, session = await town.sign_up(email=EMAIL)
    assert session.session is not None
    assert (await town.user(tom))["emailVerified"] is False
    await town.do(VerifyEmail(token=token_in(town.world.mail_to(EMAIL).text)))
    assert (await town.user(tom))["emailVerified"] is True
    # there is nothing more to verify
    town.now += 61
    await town.do(SendLink(purpose=Purpose.VERIFY_EMAIL, email=EMAIL))
    assert len(town.world.mails) == 1


async def test_another_address_has_to_be_verified_again(town: Town) -> None:
    town.under(VERIFYING)
    tom, session = await town.sign_up(email=EMAIL, mobilePhoneNumber=PHONE)
    await town.do(VerifyEmail(token=token_in(town.world.mail_to(EMAIL).text)))
    changes = {"email": Set("tommy@example.com"), "mobilePhoneNumber": Set(OTHER_PHONE)}
    await town.do(Update(class_name="_User", id=tom, changes=changes), replace(session, user_id=tom))
    user = await town.user(tom)
    assert (user["emailVerified"], user["mobilePhoneVerified"]) == (False, False)
    assert {mail.to[0] for mail in town.world.mails} == {EMAIL, "tommy@example.com"}
    assert [message["phone"] for message in town.world.messages] == [PHONE, OTHER_PHONE]
    # the same once more is no change
    await town.do(VerifyEmail(token=token_in(town.world.mail_to("tommy@example.com").text)))
    await town.do(Update(class_name="_User", id=tom, changes=changes), replace(session, user_id=tom))
    assert (await town.user(tom))["emailVerified"] is True


async def test_a_verified_address_is_not_verified_any_more_when_it_changes_even_without_mails(town: Town) -> None:
    tom, session = await town.sign_up(email=EMAIL)
    assert "emailVerified" not in await town.user(tom)
    await town.do(VerifyEmail(token=await town.token(Purpose.VERIFY_EMAIL)))
    changes = {"email": Set("tommy@example.com")}
    await town.do(Update(class_name="_User", id=tom, changes=changes), replace(session, user_id=tom))
    assert (await town.user(tom))["emailVerified"] is False


async def test_what_the_master_says_is_verified_gets_no_mail(town: Town) -> None:
    town.under(VERIFYING)
    changes = {"username": Set("tom"), "password": Set("p"), "email": Set(EMAIL), "emailVerified": Set(True)}
    made = await town.do(SignUp(changes=changes), MASTER)
    assert (await town.user(made.id or ""))["emailVerified"] is True
    assert town.world.mails == []


async def test_who_is_not_verified_cannot_log_in_where_that_is_the_rule(town: Town) -> None:
    town.under(replace(VERIFYING, only_verified=True))
    tom, session = await town.sign_up(email=EMAIL, mobilePhoneNumber=PHONE)
    assert session.session is None  # as Parse Server: made, and not logged in
    logging_in = LogIn(username="tom", password="old")
    assert await town.refused(logging_in) is Code.EMAIL_NOT_VERIFIED
    assert await town.refused(VerifyPassword(username="tom", password="old")) is Code.EMAIL_NOT_VERIFIED
    assert await town.refused(LogIn(phone=PHONE, password="old")) is Code.PHONE_NOT_VERIFIED
    # a wrong password tells nothing of it
    assert await town.refused(LogIn(username="tom", password="wrong")) is Code.BAD_CREDENTIALS
    await town.do(VerifyEmail(token=token_in(town.world.mail_to(EMAIL).text)))
    assert (await town.do(logging_in)).session
    await town.do(VerifyPhone(code=town.world.messages[-1]["code"], phone=PHONE))
    assert (await town.do(LogIn(phone=PHONE, password="old"))).id == tom


# --- codes ---


async def test_a_code_to_confirm_works_once(town: Town) -> None:
    code = await town.code(Purpose.CONFIRM)
    assert town.world.messages == [
        {
            "event": "sms.send",
            "app": "blog",
            "phone": PHONE,
            "code": code,
            "template": None,
            "signature": None,
            "variables": {},
            "purpose": "confirm",
            "voice": False,
            "ttlMinutes": 10,
        }
    ]
    assert len(code) == 6
    assert code.isdecimal()
    assert await town.do(CheckCode(code=code, phone=PHONE)) == Result()
    assert await town.refused(CheckCode(code=code, phone=PHONE)) is Code.BAD_SMS_CODE


async def test_the_receiver_gets_what_the_client_says(town: Town) -> None:
    op = SendCode(
        purpose=Purpose.CONFIRM,
        phone=PHONE,
        template="order",
        signature="Shop",
        variables={"name": "Shop", "order": "17"},
        ttl_minutes=3,
        medium="voice",
    )
    await town.do(op)
    told = town.world.messages[-1]
    assert {name: told[name] for name in ("template", "signature", "variables", "voice", "ttlMinutes")} == {
        "template": "order",
        "signature": "Shop",
        "variables": {"name": "Shop", "order": "17"},
        "voice": True,
        "ttlMinutes": 3,
    }
    town.now += 181
    assert await town.refused(CheckCode(code=told["code"], phone=PHONE)) is Code.BAD_SMS_CODE
    for minutes in (0, -1, 1441, 10**12):
        assert await town.refused(replace(op, ttl_minutes=minutes)) is Code.BAD_VALUE


async def test_a_code_can_be_guessed_at_five_times(town: Town) -> None:
    code = await town.code(Purpose.CONFIRM)
    for _ in range(4):
        assert await town.refused(CheckCode(code=another(code), phone=PHONE)) is Code.BAD_SMS_CODE
    await town.do(CheckCode(code=code, phone=PHONE))
    code = await town.code(Purpose.CONFIRM)
    for _ in range(5):
        assert await town.refused(CheckCode(code=another(code), phone=PHONE)) is Code.BAD_SMS_CODE
    assert await town.refused(CheckCode(code=code, phone=PHONE)) is Code.BAD_SMS_CODE


async def test_guesses_at_once_are_counted_all_the_same(town: Town) -> None:
    code = await town.code(Purpose.CONFIRM)
    guesses = [*(another(code) for _ in range(20)), code]
    told = await asyncio.gather(
        *(town.do(CheckCode(code=guess, phone=PHONE)) for guess in guesses), return_exceptions=True
    )
    assert all(isinstance(answer, GatewayError) and answer.code is Code.BAD_SMS_CODE for answer in told)


async def test_of_many_who_come_with_one_code_one_succeeds(town: Town) -> None:
    code = await town.code(Purpose.CONFIRM)
    told = await asyncio.gather(*(town.do(CheckCode(code=code, phone=PHONE)) for _ in range(5)), return_exceptions=True)
    assert Counter(isinstance(answer, Result) for answer in told) == {True: 1, False: 4}


@pytest.mark.parametrize(
    "code",
    [None, "", "12345", "1234567", "12345a", "\uff11\uff12\uff13\uff14\uff15\uff16", 1.0, True, -1, {"$ne": ""}, []],
)
async def test_what_is_no_code_is_refused(town: Town, code: Any) -> None:
    await town.code(Purpose.CONFIRM)
    assert await town.refused(CheckCode(code=code, phone=PHONE)) is Code.BAD_SMS_CODE


async def test_a_code_may_come_as_a_number(town: Town) -> None:
    code = await town.code(Purpose.CONFIRM)
    await town.do(CheckCode(code=int(code), phone=PHONE))


PHONES: tuple[tuple[Any, Code], ...] = (
    (None, Code.PHONE_MISSING),
    ("", Code.PHONE_MISSING),
    (18200008888, Code.BAD_PHONE),
    ({"$ne": ""}, Code.BAD_PHONE),
    ("tom", Code.BAD_PHONE),
    ("+86 182", Code.BAD_PHONE),
    ("\uff11\uff18\uff12\uff10\uff10\uff10", Code.BAD_PHONE),
    ("1" * 21, Code.BAD_PHONE),
)


@pytest.mark.parametrize(("phone", "code"), PHONES)
async def test_what_is_no_phone_number(town: Town, phone: Any, code: Code) -> None:
    for op in (
        *(SendCode(purpose=purpose, phone=phone) for purpose in (Purpose.CONFIRM, Purpose.LOG_IN)),
        CheckCode(code="123456", phone=phone),
        VerifyPhone(code="123456", phone=phone),
        ResetPassword(code="123456", phone=phone, new_password="new"),
        LogIn(sms_code="123456", phone=phone),
        SignUp(sms_code="123456", changes={"mobilePhoneNumber": Set(phone)}),
    ):
        assert await town.refused(op) is code
    assert town.world.messages == []


async def test_a_number_gets_no_more_than_a_few(town: Town) -> None:
    await town.sign_up(mobilePhoneNumber=PHONE)
    confirm = SendCode(purpose=Purpose.CONFIRM, phone=PHONE)
    for _ in range(5):
        await town.do(confirm)
        for op in (confirm, replace(confirm, purpose=Purpose.VERIFY_PHONE)):
            assert await town.refused(op) is Code.SENT_TOO_OFTEN
        town.now += 61
    assert await town.refused(confirm) is Code.SENT_TOO_OFTEN
    town.now += 86400
    await town.do(confirm)


async def test_a_number_that_the_carrier_refuses(town: Town) -> None:
    town.world.refuses.add(PHONE)
    assert await town.refused(SendCode(purpose=Purpose.CONFIRM, phone=PHONE)) is Code.SMS_NOT_SENT


async def test_a_code_is_for_its_purpose_and_its_number(town: Town) -> None:
    tom, _ = await town.sign_up(mobilePhoneNumber=PHONE)
    await town.verified(tom)
    code = await town.code(Purpose.LOG_IN)
    for op in (
        CheckCode(code=code, phone=PHONE),
        VerifyPhone(code=code, phone=PHONE),
        ResetPassword(code=code, phone=PHONE, new_password="new"),
        SignUp(sms_code=code, changes={"mobilePhoneNumber": Set(PHONE)}),
        LogIn(sms_code=code, phone=OTHER_PHONE),
        LogIn(sms_code="", phone=PHONE),
    ):
        assert await town.refused(op) is Code.BAD_SMS_CODE
    assert await town.refused(LogIn(sms_code=code, phone=PHONE, username="tom")) is Code.BAD_REQUEST
    assert (await town.do(LogIn(sms_code=code, phone=PHONE))).id == tom


async def test_a_number_is_verified_by_a_code(town: Town) -> None:
    tom, session = await town.sign_up(mobilePhoneNumber=PHONE)
    for purpose in (Purpose.LOG_IN, Purpose.RESET_PASSWORD):
        ask = SendCode(purpose=purpose, phone=PHONE)
        assert await town.refused(ask) is Code.PHONE_NOT_VERIFIED
        assert await town.refused(replace(ask, phone=OTHER_PHONE)) is Code.PHONE_NOT_FOUND
    done = await town.do(VerifyPhone(code=await town.code(Purpose.VERIFY_PHONE)), session)  # the caller's own number
    user = await town.user(tom)
    assert (user["mobilePhoneVerified"], done) == (True, Result(id=tom, updated_at=user["@updated_at"]))
    assert await town.refused(VerifyPhone(code="123456")) is Code.PHONE_MISSING


async def test_a_code_alone_where_that_is_the_rule(town: Town) -> None:
    tom, _ = await town.sign_up(mobilePhoneNumber=PHONE)
    verify = VerifyPhone(code=await town.code(Purpose.VERIFY_PHONE))
    assert await town.refused(verify) is Code.PHONE_MISSING
    town.under(replace(RULES, codes_alone=True))
    verify = VerifyPhone(code=await town.code(Purpose.VERIFY_PHONE))
    assert (await town.do(verify)).id == tom
    reset = ResetPassword(code=await town.code(Purpose.RESET_PASSWORD), new_password="new")
    assert await town.refused(replace(verify, code=reset.code)) is Code.BAD_SMS_CODE
    assert (await town.do(reset)).id == tom
    assert await town.refused(reset) is Code.BAD_SMS_CODE
    assert (await town.do(LogIn(username="tom", password="new"))).id == tom


async def test_codes_alone_are_guessed_at_by_all_together(town: Town) -> None:
    town.under(replace(RULES, codes_alone=True))
    tom, _ = await town.sign_up(mobilePhoneNumber=PHONE)
    await town.verified(tom)
    code = await town.code(Purpose.RESET_PASSWORD)
    wrong = ResetPassword(code=another(code), new_password="new")
    told = await asyncio.gather(*(town.do(wrong) for _ in range(30)), return_exceptions=True)
    codes = Counter(answer.code for answer in told if isinstance(answer, GatewayError))
    assert codes == {Code.BAD_SMS_CODE: 20, Code.RATE_LIMITED: 10}
    assert await town.refused(replace(wrong, code=code)) is Code.RATE_LIMITED
    # with its number it is as good as ever
    await town.do(replace(wrong, code=code, phone=PHONE))
    town.now += 3601
    await town.do(replace(wrong, code=await town.code(Purpose.RESET_PASSWORD)))


async def test_a_code_logs_in(town: Town) -> None:
    tom, session = await town.sign_up(mobilePhoneNumber=PHONE)
    await town.verified(tom)
    for shared in (False, True, True):
        code = await town.code(Purpose.LOG_IN)
        found = await town.do(LogIn(phone=PHONE, sms_code=code, share_session=shared))
        assert found.id == tom
        assert (await town.do(CurrentUser(), Caller("blog", session=found.session))).object
        assert await town.refused(LogIn(phone=PHONE, sms_code=code, share_session=shared)) is Code.BAD_SMS_CODE
    assert (await town.do(CurrentUser(), session)).object


async def test_a_code_resets_the_password_and_ends_every_session(town: Town) -> None:
    tom, session = await town.sign_up(mobilePhoneNumber=PHONE)
    await town.verified(tom)
    code = await town.code(Purpose.RESET_PASSWORD)
    await town.do(ResetPassword(code=code, phone=PHONE, new_password="new"))
    assert await town.refused(CurrentUser(), session) is Code.INVALID_SESSION
    assert await town.refused(ResetPassword(code=code, phone=PHONE, new_password="newer")) is Code.BAD_SMS_CODE
    assert (await town.do(LogIn(username="tom", password="new"))).id == tom


async def test_a_user_without_a_password_gets_one_and_its_sessions_end(town: Town) -> None:
    code = await town.code(Purpose.CONFIRM)
    made = await town.do(SignUp(changes={"mobilePhoneNumber": Set(PHONE)}, sms_code=code))
    reset = await town.code(Purpose.RESET_PASSWORD)
    await town.do(ResetPassword(code=reset, phone=PHONE, new_password="new"))
    assert await town.refused(CurrentUser(), Caller("blog", session=made.session)) is Code.INVALID_SESSION
    assert (await town.do(LogIn(phone=PHONE, password="new"))).id == made.id


async def test_a_new_number_comes_to_the_user_who_asked(town: Town) -> None:
    tom, session = await town.sign_up(mobilePhoneNumber=PHONE)
    _, other = await town.sign_up("jerry")
    ask = SendCode(purpose=Purpose.CHANGE_PHONE, phone=OTHER_PHONE)
    assert await town.refused(ask) is Code.SESSION_MISSING
    assert await town.refused(replace(ask, phone=PHONE), other) is Code.PHONE_TAKEN
    code = await town.code(Purpose.CHANGE_PHONE, OTHER_PHONE, session)
    change = ChangePhone(phone=OTHER_PHONE, code=code)
    assert await town.refused(change) is Code.SESSION_MISSING
    assert await town.refused(change, other) is Code.BAD_SMS_CODE
    assert (await town.do(change, session)).id == tom
    user = await town.user(tom)
    assert (user["mobilePhoneNumber"], user["mobilePhoneVerified"]) == (OTHER_PHONE, True)
    assert (await town.do(LogIn(phone=OTHER_PHONE, password="old"))).id == tom
    assert await town.refused(LogIn(phone=PHONE, password="old")) is Code.BAD_CREDENTIALS


async def test_a_number_signs_up_and_later_logs_in(town: Town) -> None:
    def arriving(code: str, **fields: Any) -> SignUp:
        changes = {name: Set(value) for name, value in {"mobilePhoneNumber": PHONE, **fields}.items()}
        return SignUp(changes=changes, sms_code=code, share_session=True)

    first = await town.do(arriving(await town.code(Purpose.CONFIRM), nickname="Tom"))
    user = await town.user(first.id or "")
    assert (first.created, user["username"], user["mobilePhoneVerified"], user["nickname"]) == (
        True,
        PHONE,
        True,
        "Tom",
    )
    second = await town.do(arriving(await town.code(Purpose.CONFIRM), password="ignored"))
    assert (second.created, second.id, second.session) == (False, first.id, first.session)
    assert await town.refused(LogIn(phone=PHONE, password="ignored")) is Code.BAD_CREDENTIALS
    assert await town.refused(arriving("123456")) is Code.BAD_SMS_CODE


async def test_a_number_that_is_known_and_not_verified_is_verified_then(town: Town) -> None:
    tom, _ = await town.sign_up(mobilePhoneNumber=PHONE)
    code = await town.code(Purpose.CONFIRM)
    found = await town.do(SignUp(changes={"mobilePhoneNumber": Set(PHONE)}, sms_code=code))
    assert (found.id, found.created, (await town.user(tom))["mobilePhoneVerified"]) == (tom, False, True)


async def test_a_client_cannot_say_that_it_is_verified(town: Town) -> None:
    code = await town.code(Purpose.CONFIRM)
    changes = {"mobilePhoneNumber": Set(PHONE), "emailVerified": Set(True)}
    assert await town.refused(SignUp(changes=changes, sms_code=code)) is Code.FORBIDDEN


# --- captchas ---


async def test_a_captcha_before_a_code(town: Town) -> None:
    town.under(replace(RULES, captcha_for_codes=True))
    ask = SendCode(purpose=Purpose.CONFIRM, phone=PHONE)
    assert await town.refused(ask) is Code.BAD_REQUEST
    made = await town.do(NewCaptcha(width=100, height=30))
    assert (made.token, made.url) == ("captcha-1", "http://127.0.0.1/captcha-1.png")
    assert await town.refused(CheckCaptcha(token=made.token, code="wrong")) is Code.BAD_REQUEST
    assert await town.refused(CheckCaptcha(token={"$ne": ""}, code="abcd")) is Code.BAD_REQUEST
    solved = await town.do(CheckCaptcha(token=made.token, code="abcd"))
    assert await town.refused(replace(ask, validate_token="made up")) is Code.BAD_REQUEST
    await town.do(replace(ask, validate_token=solved.token))
    town.now += 61
    assert await town.refused(replace(ask, validate_token=solved.token)) is Code.BAD_REQUEST


# --- what is kept ---


async def test_neither_tokens_nor_codes_are_in_the_store(town: Town, tmp_path: Path) -> None:
    await town.sign_up(email=EMAIL)
    token, code = await town.token(Purpose.RESET_PASSWORD), await town.code(Purpose.CONFIRM)
    files = await asyncio.to_thread(lambda: b"".join(path.read_bytes() for path in tmp_path.iterdir()))
    assert token.encode() not in files
    assert token.partition(".")[0].encode() not in files
    kept = [row["kept"] for row in await town.kept(CODE)]
    assert all(len(each) == 64 and code not in each for each in kept)


async def test_what_is_of_no_use_any_more_is_taken_out(town: Town) -> None:
    await town.sign_up(email=EMAIL)
    await town.token(Purpose.RESET_PASSWORD)
    await town.code(Purpose.CONFIRM)
    counts: Callable[[], Any] = lambda: asyncio.gather(*(town.kept(name) for name in (LINK, CODE, SENT)))  # noqa: E731
    await town.accounts._recovery.sweep()
    assert [len(rows) for rows in await counts()] == [1, 1, 2]
    town.now += 30 * 86400
    await town.accounts._recovery.sweep()
    assert [len(rows) for rows in await counts()] == [0, 0, 0]
