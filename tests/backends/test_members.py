"""Guests, who is disabled, how often somebody is logged in, and roles, on a real store and with a clock of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.base import Outside
from gateway.backends.accounts import Accounts
from gateway.errors import Code, GatewayError
from gateway.model.account import ChangePassword, LogIn, LogInAs, RefreshSession, SignUp, VerifyPassword
from gateway.model.members import (
    AssignRole,
    CheckPassword,
    CheckSession,
    ConvertGuest,
    FindMembers,
    FindRoles,
    LogInByToken,
    MakeLink,
    SetStatus,
    Status,
)
from gateway.model.operation import Batch, Caller, Create, Get, Result, Returning, Update
from gateway.model.permission import Permission, Permit, PermitAll
from gateway.model.update import Set
from gateway.model.values import ACL
from gateway.store.sqlite import SqliteStore
from tests.backends.test_accounts import ANYBODY, MASTER, POLICY, Town

Opens = Callable[..., Town]


@pytest.fixture
async def opens(tmp_path: Path) -> AsyncIterator[Opens]:
    """Towns of one store, by what their owners decide."""
    store = await SqliteStore.open(tmp_path / "town.db", secret=b"")

    def opened(outside: Outside | None = None, **policy: Any) -> Town:
        town = Town(store, replace(POLICY, **policy))
        if outside is not None:
            town.accounts = Accounts(store, replace(POLICY, **policy), outside=outside, now=lambda: town.now)
        return town

    yield opened
    await store.close()


@pytest.fixture
def town(opens: Opens) -> Town:
    return opens()


def registering(**fields: Any) -> SignUp:
    return SignUp(
        changes={name: Set(value) for name, value in fields.items()},
        opens_session=False,
        named_by_email=True,
        with_status=True,
        returning=Returning.EVERYTHING,
    )


GUEST = SignUp(changes={}, guest=True, with_status=True, returning=Returning.EVERYTHING)


async def guest_of(town: Town) -> tuple[str, Caller]:
    made = await town.do(GUEST)
    assert made.id is not None
    return made.id, Caller("demo", session=made.session, on_behalf=False)


async def status(town: Town, user_id: str, value: str) -> None:
    await town.do(SetStatus(id=user_id, status=value), MASTER)


# registering


async def test_an_address_will_do_for_a_name_and_no_session_is_opened(town: Town) -> None:
    made = await town.do(registering(email="ann@example.com", password="secret"))
    assert made.session is None
    assert made.object is not None
    assert made.object["username"] != "ann@example.com", "the address is for the user alone to see"
    for log_in in (LogIn(email="ann@example.com"), LogIn(username="ann@example.com")):
        assert (await town.do(replace(log_in, password="secret"))).id == made.id


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, Code.PASSWORD_MISSING),
        ({"email": "ann@example.com"}, Code.PASSWORD_MISSING),
        ({"password": "secret"}, Code.USERNAME_MISSING),
        ({"password": "secret", "email": None}, Code.USERNAME_MISSING),
        ({"password": "secret", "email": "x"}, Code.BAD_EMAIL),
        ({"password": "secret", "email": {"$ne": 1}}, Code.BAD_EMAIL),
    ],
)
async def test_what_is_missing_is_told(town: Town, fields: dict[str, Any], code: Code) -> None:
    assert await town.refused(registering(**fields)) is code


async def test_where_registration_is_closed_only_the_master_makes_users(opens: Opens) -> None:
    town = opens(registration=False)
    for op in (registering(email="ann@example.com", password="secret"), GUEST):
        assert await town.refused(op) is Code.REGISTRATION_CLOSED
    assert await town.refused(Create(class_name="_User", changes=GUEST.changes)) is not None
    await town.do(registering(email="ann@example.com", password="secret"), MASTER)
    await town.do(LogIn(email="ann@example.com", password="secret"))


# guests


async def test_a_guest_comes_back_by_its_session_alone(town: Town) -> None:
    known, caller = await guest_of(town)
    assert (await town.accounts.identify(caller)).roles == {"@authenticated", "@guest"}
    user = (await town.do(Get(class_name="_User", id=known), MASTER)).object or {}
    assert user["userStatus"] == "GUEST"
    assert await town.refused(LogIn(username=user["username"], password="")) is Code.BAD_CREDENTIALS
    assert await town.refused(LogIn(username=user["username"])) is Code.PASSWORD_MISSING


def converting(known: str, **fields: Any) -> ConvertGuest:
    given = {"email": "ann@example.com", "password": "secret", **fields}
    return ConvertGuest(id=known, changes={name: Set(value) for name, value in given.items() if value is not None})


async def test_a_guest_becomes_a_user_and_keeps_its_session(town: Town) -> None:
    known, caller = await guest_of(town)
    done = await town.do(converting(known), caller)
    assert (done.id, done.session) == (known, None)
    assert (await town.do(LogIn(email="ann@example.com", password="secret"))).id == known
    assert (await town.accounts.identify(caller)).roles == {"@authenticated"}
    assert await town.refused(converting(known, email="b@example.com"), caller) is Code.USER_NOT_FOUND


async def test_nobody_else_makes_a_user_of_a_guest(town: Town) -> None:
    known, _ = await guest_of(town)
    _, other = await guest_of(town)
    for caller in (ANYBODY, other):
        assert await town.refused(converting(known), caller) is Code.SESSION_MISSING
    tom, toms = await town.sign_up("tom")
    assert await town.refused(converting(tom), toms) is Code.USER_NOT_FOUND


@pytest.mark.parametrize(("missing", "code"), [("password", Code.PASSWORD_MISSING), ("email", Code.USERNAME_MISSING)])
async def test_a_guest_needs_both(town: Town, missing: str, code: Code) -> None:
    known, caller = await guest_of(town)
    assert await town.refused(converting(known, **{missing: None}), caller) is code


# who is disabled


async def test_whoever_is_disabled_comes_in_by_no_way(opens: Opens) -> None:
    town = opens()
    tom, caller = await town.sign_up("tom", email="tom@example.com")
    linked = {"github": {"id": "tom-at-github"}}
    await town.do(Update(class_name="_User", id=tom, changes={"authData": Set(linked)}), caller)
    await status(town, tom, Status.DISABLED)
    assert await town.works(caller) == [False]
    for op in (
        LogIn(username="tom", password="secret"),
        LogIn(username="tom", password="secret", share_session=True),
        SignUp(changes={"authData": Set(linked)}),
        VerifyPassword(username="tom", password="secret"),
    ):
        assert await town.refused(op) is Code.ACCOUNT_DISABLED
    for by_master in (LogInAs(user_id=tom), RefreshSession(id=tom)):
        assert await town.refused(by_master, MASTER) is Code.ACCOUNT_DISABLED
    assert await town.refused(ChangePassword(id=tom, old_password="secret", new_password="x"), caller) is (
        Code.INVALID_SESSION
    )
    assert await town.refused(LogIn(username="tom", password="wrong")) is Code.BAD_CREDENTIALS
    await status(town, tom, Status.ENABLED)
    assert await town.works(caller, await town.log_in("tom")) == [False, True]


async def test_a_new_password_does_not_enable_anybody(town: Town) -> None:
    tom, _ = await town.sign_up("tom")
    await status(town, tom, Status.DISABLED)
    changed = await town.do(Update(class_name="_User", id=tom, changes={"password": Set("new")}), MASTER)
    assert changed.session is None
    assert await town.refused(LogIn(username="tom", password="new")) is Code.ACCOUNT_DISABLED


async def test_only_the_words_for_it_set_a_status(town: Town) -> None:
    tom, _ = await town.sign_up("tom")
    for wrong in ("GUEST", "disabled", None, {"$ne": 1}):
        assert await town.refused(SetStatus(id=tom, status=wrong), MASTER) is Code.BAD_VALUE
    assert await town.refused(SetStatus(id="none", status=Status.DISABLED), MASTER) is Code.OBJECT_NOT_FOUND


async def test_a_column_of_the_user_is_not_what_holds(town: Town) -> None:
    tom, caller = await town.sign_up("tom")
    await town.do(Update(class_name="_User", id=tom, changes={"userStatus": Set("DISABLED")}), caller)
    assert await town.works(caller) == [True]
    await status(town, tom, Status.DISABLED)
    await town.do(Update(class_name="_User", id=tom, changes={"userStatus": Set("ENABLED")}), MASTER)
    assert await town.refused(LogIn(username="tom", password="secret")) is Code.ACCOUNT_DISABLED


# how often, and how long


async def test_a_second_log_in_ends_the_first(opens: Opens) -> None:
    town = opens(most_log_ins=1)
    _, first = await town.sign_up("tom")
    second = await town.log_in("tom")
    assert await town.works(first, second) == [False, True]


async def test_a_second_log_in_is_refused_until_the_first_is_over(opens: Opens) -> None:
    town = opens(most_log_ins=1, second_refused=True)
    _, first = await town.sign_up("tom")
    assert await town.refused(LogIn(username="tom", password="secret")) is Code.LOGGED_IN_ELSEWHERE
    assert await town.works(first) == [True]
    town.now += 3601
    await town.log_in("tom")


async def test_so_many_at_once_and_no_more(opens: Opens) -> None:
    town = opens(most_log_ins=3)
    _, first = await town.sign_up("tom")
    others = [await town.log_in("tom") for _ in range(2)]
    assert await town.refused(LogIn(username="tom", password="secret")) is Code.TOO_MANY_LOG_INS
    assert await town.works(first, *others) == [True, True, True]


async def test_by_default_there_is_no_end_of_it(town: Town) -> None:
    _, first = await town.sign_up("tom")
    others = [await town.log_in("tom") for _ in range(5)]
    assert all(await town.works(first, *others))


async def test_a_session_that_nobody_uses_is_over(opens: Opens) -> None:
    town = opens(session_idle=600, session_lasts=86400)
    _, used = await town.sign_up("tom")
    unused = await town.log_in("tom")
    for _ in range(3):
        town.now += 400
        assert await town.works(used) == [True]
    assert await town.works(unused) == [False]
    town.now += 601
    assert await town.works(used) == [False]


# tokens of other services


class Service:
    """Knows one token."""

    async def verify(self, provider: str, data: Mapping[str, Any]) -> None:
        raise AssertionError("who has a token only does not say who it is")

    async def identify(self, provider: str, data: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        if data["access_token"] != "good":
            raise GatewayError(Code.BAD_AUTH_DATA, "no such token")
        return "583231", {"login": "tom", "admin": True, "mail": "victim@example.com", "nested": {"a": 1}}


async def test_a_service_says_whose_a_token_is(opens: Opens) -> None:
    town = opens(Outside(verifiers={"github": Service()}))
    mapped = {"login": "nickname", "mail": "email", "nested": "more", "admin": "password"}
    first = await town.do(LogInByToken(provider="github", token="good", fields=mapped))
    assert first.session is not None
    assert first.object is not None
    assert first.object["nickname"] == "tom"
    assert first.object["socialAccount"] == "GITHUB"
    assert not {"email", "more", "password"} & first.object.keys()
    again = await town.do(LogInByToken(provider="github", token="good"))
    assert (again.id, again.created) == (first.id, False)
    assert await town.refused(LogInByToken(provider="github", token="bad")) is Code.BAD_AUTH_DATA
    assert await town.refused(LogInByToken(provider="other", token="good")) is Code.UNSUPPORTED_PROVIDER
    for wrong in (None, "", 5, {"$ne": 1}, "x" * 10_001):
        assert await town.refused(LogInByToken(provider="github", token=wrong)) is Code.BAD_AUTH_DATA
    assert (
        await town.refused(LogInByToken(provider="github", token="good", guest={"objectId": "x"})) is Code.UNSUPPORTED
    )


# asking


async def test_whether_a_token_opens_anything(town: Town) -> None:
    _, caller = await town.sign_up("tom")
    told = [
        (await town.do(CheckSession(token=token))).value for token in (caller.session or "", "r:none", "", "sealed:x")
    ]
    assert told == [True, False, False, False]


async def test_whether_a_password_is_right(town: Town) -> None:
    _, caller = await town.sign_up("tom")
    code = replace(MASTER, session=caller.session, on_behalf=True)
    assert [(await town.do(CheckPassword(password=word), code)).value for word in ("secret", "wrong")] == [True, False]
    assert await town.refused(CheckPassword(password="secret"), MASTER) is Code.LOGIN_REQUIRED


async def test_a_link_needs_a_mail_server(town: Town) -> None:
    assert await town.refused(MakeLink(identity="tom"), MASTER) is Code.NOT_CONFIGURED


# roles


async def role_of(town: Town, name: str) -> None:
    await town.do(Create(class_name="_Role", changes={"name": Set(name), ACL: Set({"*": {"read": True}})}), MASTER)


async def test_a_role_is_given_and_taken(town: Town) -> None:
    tom, caller = await town.sign_up("tom", email="tom@example.com")
    await role_of(town, "Mods")
    for name in ("tom", "tom@example.com", tom):
        await town.do(AssignRole(user=name, role="Mods"), MASTER)
        assert (await town.do(FindRoles(), caller)).value == ["@authenticated", "Mods"]
        members = (await town.do(FindMembers(role="Mods", limit=10, with_roles=True))).objects or []
        assert [(one["@id"], one["roles"]) for one in members] == [(tom, ["@authenticated", "Mods"])]
        await town.do(AssignRole(user=name, role="Mods", assigned=False), MASTER)
        assert (await town.do(FindRoles(id=tom), caller)).value == ["@authenticated"]
    assert (await town.do(FindMembers(role="Mods", limit=10))).objects == []


async def test_what_is_no_role_and_nobody(town: Town) -> None:
    await town.sign_up("tom")
    await role_of(town, "Mods")
    for role in ("None", "", None, 5, {"$ne": 1}):
        assert await town.refused(AssignRole(user="tom", role=role), MASTER) is Code.BAD_ROLE
    assert await town.refused(AssignRole(user="tom", role="@guest"), MASTER) is Code.SYSTEM_ROLE
    for user in ("none", "", None, {"$ne": 1}):
        assert await town.refused(AssignRole(user=user, role="Mods"), MASTER) is Code.USER_NOT_FOUND
    named = Create(class_name="_Role", changes={"name": Set("@authenticated"), ACL: Set({})})
    assert await town.refused(named, MASTER) is Code.BAD_ROLE


async def test_the_roles_of_others_are_not_told(town: Town) -> None:
    tom, _ = await town.sign_up("tom")
    _, ann = await town.sign_up("ann")
    assert await town.refused(FindRoles(id=tom), ann) is Code.FORBIDDEN
    assert await town.refused(FindRoles(id=tom)) is Code.FORBIDDEN
    assert await town.refused(FindRoles()) is Code.LOGIN_REQUIRED


async def test_who_cannot_read_a_role_finds_nobody_in_it(town: Town) -> None:
    tom, _ = await town.sign_up("tom")
    await town.do(Create(class_name="_Role", changes={"name": Set("Secret"), ACL: Set({})}), MASTER)
    await town.do(AssignRole(user=tom, role="Secret"), MASTER)
    assert (await town.do(FindMembers(role="Secret", limit=10))).objects == []
    assert len((await town.do(FindMembers(role="Secret", limit=10), MASTER)).objects or []) == 1


# permissions of users and the like


async def test_users_are_read_by_whom_they_let_and_changed_by_themselves(town: Town) -> None:
    tom, caller = await town.sign_up("tom")
    ann, anns = await town.sign_up("ann")
    own: dict[str, Any] = {"class_name": "_User", "id": tom}
    await town.do(Permit(**own, right="read", granted=False, user=ann), caller)
    assert await town.refused(Get(class_name="_User", id=tom), anns) is Code.OBJECT_NOT_FOUND
    for op in (
        Permit(**own, right="update", user=ann),
        PermitAll(**own, permissions=(Permission("read", user=ann), Permission("delete", user=ann))),
        Permit(class_name="_Role", id="x", right="read", user=ann),
        Permit(class_name="_Session", id="x", right="read", user=ann),
    ):
        assert await town.refused(op, caller) is Code.UNSUPPORTED
    await town.do(Create(class_name="Post", id="p1", changes={}), caller)
    words: dict[str, Any] = {"class_name": "Post", "id": "p1", "right": "read"}
    assert await town.refused(Permit(**words, role="None"), caller) is Code.BAD_ROLE
    assert await town.refused(Permit(**words, role="@js"), caller) is Code.UNSUPPORTED
    await town.do(Permit(**words, granted=False, role="@guest"), caller)
    _, guest = await guest_of(town)
    assert await town.refused(Get(class_name="Post", id="p1"), guest) is Code.OBJECT_NOT_FOUND
    await town.do(Get(class_name="Post", id="p1"), anns)


async def test_what_is_asked_about_users_is_no_part_of_a_transaction(town: Town) -> None:
    tom, _ = await town.sign_up("tom")
    batch = Batch(items=(SetStatus(id=tom, status=Status.DISABLED),), atomic=True)
    assert await town.refused(batch, MASTER) is Code.UNSUPPORTED
    items = (await town.do(Batch(items=batch.items), MASTER)).items or []
    assert isinstance(items[0], Result)
