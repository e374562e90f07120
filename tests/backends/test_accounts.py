"""Users, sessions and roles, on a real store and with a clock of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.backends.accounts import Accounts, Policy
from gateway.backends.ledger import CREDENTIAL, IDENTITY, TOKEN
from gateway.backends.seal import Seal
from gateway.errors import Code, GatewayError
from gateway.model.account import (
    IGNORE_SESSIONS,
    READ_SESSIONS,
    ChangePassword,
    CurrentSession,
    CurrentUser,
    LogIn,
    LogInAs,
    LogOut,
    RefreshSession,
    SignUp,
    VerifyPassword,
)
from gateway.model.definition import PurgeClass, UpdateClass
from gateway.model.operation import (
    Batch,
    Caller,
    Create,
    CreateMany,
    DeepSave,
    Deferred,
    Delete,
    DeleteMany,
    Find,
    Get,
    NewObject,
    Operation,
    Relate,
    Relating,
    Result,
    Update,
    UpdateMany,
    Upsert,
)
from gateway.model.query import Condition, Op
from gateway.model.schema import EVERYBODY, NOBODY, Action, ClassPermissions, Rule
from gateway.model.update import AddRelation, Change, Increment, Set, Unset
from gateway.model.values import ACL, ID, Pointer
from gateway.store import passwords
from gateway.store.sqlite import SqliteStore
from tests.outside import OutsideWorld
from tests.store.test_passwords import BCRYPT, LEANCLOUD

ANYBODY, MASTER, GATEWAY = Caller("demo"), Caller("demo", master=True), Caller("demo", trusted=True)
POLICY = Policy(
    trusted_providers=frozenset({"github", "weixinapp"}), session_lasts=3600, locked_for=900, failure_takes=0.001
)


class Town:
    """Accounts, with less to say in each test. `now` is what time it is there."""

    def __init__(self, store: SqliteStore, policy: Policy = POLICY, *, seal: Seal | None = None) -> None:
        self.now = 1_800_000_000.0
        self.store = store
        self.accounts = Accounts(store, policy, seal=seal, now=lambda: self.now)

    async def do(self, op: Operation, caller: Caller = ANYBODY) -> Result:
        """As the authoriser does: a session becomes its user first, where the operation is not about the session."""
        if caller.session is not None and type(op) not in READ_SESSIONS | IGNORE_SESSIONS:
            caller = await self.accounts.identify(caller)
        return await self.accounts.execute(op, caller)

    async def refused(self, op: Operation, caller: Caller = ANYBODY) -> Code:
        with pytest.raises(GatewayError) as refusal:
            await self.do(op, caller)
        return refusal.value.code

    async def sign_up(self, username: str, password: str = "secret", **more: Any) -> tuple[str, Caller]:
        fields = {"username": username, "password": password, **more}
        made = await self.do(SignUp(changes={name: Set(value) for name, value in fields.items()}))
        assert made.id is not None
        assert made.session is not None
        return made.id, Caller("demo", session=made.session)

    async def log_in(self, username: str, password: str = "secret", **more: Any) -> Caller:
        return Caller("demo", session=(await self.do(LogIn(username=username, password=password, **more))).session)

    async def works(self, *callers: Caller) -> list[bool]:
        """Whether the sessions of these are open."""
        told = []
        for caller in callers:
            try:
                told.append((await self.do(CurrentUser(), caller)).object is not None)
            except GatewayError as error:
                told.append(error.code is not Code.INVALID_SESSION)
        return told

    async def kept(self) -> dict[str, int]:
        """How many objects there are of each class that accounts are kept in."""
        counts = {}
        for name in ("_User", "_Session", "_Role", IDENTITY, CREDENTIAL, TOKEN):
            try:
                counts[name] = len((await self.store.execute(Find(class_name=name, limit=1000), GATEWAY)).objects or [])
            except GatewayError:
                counts[name] = 0  # nothing of this class was ever made
        return counts


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    store = await SqliteStore.open(tmp_path / "town.db", secret=b"secret")
    yield Town(store)
    await store.close()


def changed(id_: str, **changes: Change) -> Update:
    return Update(class_name="_User", id=id_, changes=changes)


def set_to(id_: str, **values: Any) -> Update:
    return changed(id_, **{name: Set(value) for name, value in values.items()})


# --- signing up, logging in, logging out ---


async def test_the_life_of_a_session(town: Town) -> None:
    tom, first = await town.sign_up("tom", email="tom@example.com")
    second = await town.log_in("tom")
    assert first.session != second.session
    me = await town.do(CurrentUser(), second)
    assert (me.object or {})["username"] == "tom"
    assert "password" not in (me.object or {})
    assert me.session == second.session
    session = (await town.do(CurrentSession(), second)).object or {}
    assert (session["user"], session["createdWith"]) == (
        Pointer("_User", tom),
        {"action": "login", "authProvider": "password"},
    )
    await town.do(LogOut(), second)
    assert await town.works(first, second) == [True, False]
    assert await town.refused(Get(class_name="_User", id=tom), second) is Code.INVALID_SESSION
    assert (await town.do(LogOut())) == Result()  # without a session there is nothing to do


LOG_INS: tuple[tuple[LogIn, bool], ...] = (
    (LogIn(username="Tom", password="secret"), True),
    (LogIn(email="tom@example.com", password="secret"), True),
    (LogIn(email="TOM@Example.com", password="secret"), True),
    (LogIn(username="tom@example.com", password="secret"), True),
    (LogIn(phone="+1555", password="secret"), True),
    (LogIn(username="Tom", email="tom@example.com", password="secret"), True),
    (LogIn(username="Tom", email="other@example.com", password="secret"), False),
    (LogIn(username="tom", password="secret"), False),  # unique without regard to case, but written as it was chosen
    (LogIn(username="Tom", password="Secret"), False),
    (LogIn(username="Tom", password=""), False),
    (LogIn(username="", password="secret"), False),
    (LogIn(username="nobody", password="secret"), False),
)


async def test_who_knows_the_password_comes_in(town: Town) -> None:
    tom, _ = await town.sign_up("Tom", email="Tom@example.com", mobilePhoneNumber="+1555")
    for op, right in LOG_INS:
        verify = VerifyPassword(username=op.username, email=op.email, password=op.password)
        if right:
            assert (await town.do(op)).id == tom
            if op.phone is None:
                assert ((await town.do(verify)).object or {})[ID] == tom
        else:
            assert await town.refused(op) is Code.BAD_CREDENTIALS
            await town.log_in("Tom")  # so that failures do not add up
    assert await town.refused(LogIn(password="secret")) is Code.USERNAME_MISSING
    assert await town.refused(LogIn(username="Tom")) is Code.PASSWORD_MISSING


async def test_a_log_in_as_another_is_the_masters(town: Town) -> None:
    tom, caller = await town.sign_up("tom")
    assert await town.refused(LogInAs(user_id=tom), caller) is Code.FORBIDDEN
    opened = await town.do(LogInAs(user_id=tom), MASTER)
    assert await town.works(Caller("demo", session=opened.session)) == [True]
    assert await town.refused(LogInAs(user_id="nobody"), MASTER) is Code.OBJECT_NOT_FOUND
    assert await town.refused(LogInAs(user_id=""), MASTER) is Code.BAD_AUTH_DATA


SIGN_UPS: dict[str, tuple[dict[str, Change], Code]] = {
    "no username": ({"password": Set("x")}, Code.USERNAME_MISSING),
    "no password": ({"username": Set("new")}, Code.PASSWORD_MISSING),
    "an empty password": ({"username": Set("new"), "password": Set("")}, Code.PASSWORD_MISSING),
    "an endless password": ({"username": Set("new"), "password": Set("x" * 1001)}, Code.PASSWORD_MISSING),
    "an empty username": ({"username": Set(""), "password": Set("x")}, Code.USERNAME_MISSING),
    "a number": ({"username": Set(1), "password": Set("x")}, Code.USERNAME_MISSING),
    "an operator": ({"username": Increment(1), "password": Set("x")}, Code.BAD_VALUE),
    "a name that is taken": ({"username": Set("tom"), "password": Set("x")}, Code.USERNAME_TAKEN),
    "the same in capitals": ({"username": Set("TOM"), "password": Set("x")}, Code.USERNAME_TAKEN),
    "no address": ({"username": Set("new"), "password": Set("x"), "email": Set("a")}, Code.BAD_EMAIL),
    "an address that is taken": (
        {"username": Set("new"), "password": Set("x"), "email": Set("TOM@example.com")},
        Code.EMAIL_TAKEN,
    ),
    "a number that is taken": (
        {"username": Set("new"), "password": Set("x"), "mobilePhoneNumber": Set("+1555")},
        Code.PHONE_TAKEN,
    ),
    "a token": ({"username": Set("new"), "password": Set("x"), "sessionToken": Set("r:x")}, Code.RESERVED_FIELD),
    "what is not verified": (
        {"username": Set("new"), "password": Set("x"), "emailVerified": Set(True)},
        Code.FORBIDDEN,
    ),
    "an unknown provider": ({"authData": Set({"facebook": {"id": "1"}})}, Code.UNSUPPORTED_PROVIDER),
    "a provider without an id": ({"authData": Set({"github": {"token": "1"}})}, Code.BAD_AUTH_DATA),
    "authData by its path": (
        {"username": Set("new"), "password": Set("x"), "authData.facebook": Set({"id": "1"})},
        Code.BAD_AUTH_DATA,
    ),
}


async def test_a_sign_up_that_is_refused_leaves_nothing(town: Town) -> None:
    await town.sign_up("tom", email="tom@example.com", mobilePhoneNumber="+1555")
    before = await town.kept()
    told = {name: await town.refused(SignUp(changes=changes)) for name, (changes, _) in SIGN_UPS.items()}
    assert told == {name: code for name, (_, code) in SIGN_UPS.items()}
    assert await town.kept() == before


async def test_one_of_two_sign_ups_at_once_wins_and_nothing_is_left_of_the_other(town: Town) -> None:
    async def attempt(at: int) -> Code | None:
        try:
            await town.sign_up("tom", f"secret{at}", email=f"{at}@example.com")
        except GatewayError as error:
            return error.code
        return None

    told = await asyncio.gather(attempt(0), attempt(1))
    assert sorted(told, key=str) == [None, Code.USERNAME_TAKEN]
    assert await town.kept() == {"_User": 1, "_Session": 1, "_Role": 0, IDENTITY: 2, CREDENTIAL: 1, TOKEN: 1}
    loser = 1 - told.index(None)
    await town.sign_up("other", email=f"{loser}@example.com")  # the loser's address is free


async def test_a_user_of_the_masters_making_has_no_session(town: Town) -> None:
    made = await town.do(SignUp(changes={"username": Set("tom"), "password": Set("secret")}), MASTER)
    assert (made.session, (await town.kept())["_Session"]) == (None, 0)


# --- changing what one is known by ---


async def test_a_change_of_a_name_frees_the_old_one(town: Town) -> None:
    tom, caller = await town.sign_up("tom", email="tom@example.com")
    ann, _ = await town.sign_up("ann")
    assert await town.refused(set_to(tom, username="ANN"), caller) is Code.USERNAME_TAKEN
    assert await town.refused(changed(tom, username=Unset()), caller) is Code.USERNAME_MISSING
    assert await town.refused(set_to(ann, username="x"), caller) is Code.SESSION_MISSING
    assert await town.refused(set_to(ann, username="x")) is Code.SESSION_MISSING
    await town.do(set_to(tom, username="TOM"), caller)  # its own name, in another case
    await town.do(set_to(tom, username="tim", email="tim@example.com"), caller)
    assert await town.refused(LogIn(username="tom", password="secret")) is Code.BAD_CREDENTIALS
    await town.sign_up("tom", email="tom@example.com")
    await town.do(changed(tom, email=Unset()), caller)
    await town.sign_up("other", email="tim@example.com")
    assert await town.works(caller, await town.log_in("tim")) == [True, True]


async def test_a_new_password_ends_all_sessions(town: Town) -> None:
    tom, first = await town.sign_up("tom")
    second, (_, other) = await town.log_in("tom"), await town.sign_up("ann")
    result = await town.do(set_to(tom, password="new"), first)
    third = Caller("demo", session=result.session)
    assert await town.works(first, second, third, other) == [False, False, True, True]
    assert await town.refused(LogIn(username="tom", password="secret")) is Code.BAD_CREDENTIALS
    assert await town.works(await town.log_in("tom", "new")) == [True]
    by_master = await town.do(set_to(tom, password="newer"), MASTER)
    assert (by_master.session, await town.works(third)) == (None, [False])


async def test_the_old_password_is_needed_to_change_it(town: Town) -> None:
    tom, first = await town.sign_up("tom")
    ann, _ = await town.sign_up("ann")
    asked = ChangePassword(id=tom, old_password="secret", new_password="new")
    assert await town.refused(replace(asked, old_password="wrong"), first) is Code.BAD_CREDENTIALS
    assert await town.refused(replace(asked, old_password=None), first) is Code.PASSWORD_MISSING
    assert await town.refused(replace(asked, new_password=""), first) is Code.PASSWORD_MISSING
    assert await town.refused(replace(asked, id=ann), first) is Code.SESSION_MISSING
    result = await town.do(asked, first)
    assert await town.works(first, Caller("demo", session=result.session), await town.log_in("tom", "new")) == [
        False,
        True,
        True,
    ]


# --- authData ---


def by(**auth: Any) -> SignUp:
    return SignUp(changes={"authData": Set(auth)})


async def test_a_provider_leads_to_the_same_user_again(town: Town) -> None:
    first, again = await town.do(by(github={"id": "1"})), await town.do(by(github={"id": "1", "name": "x"}))
    other = await town.do(by(github={"id": "2"}))
    assert (first.created, again.created, again.id == first.id, other.id == first.id) == (True, False, True, False)
    assert await town.refused(replace(by(github={"id": "3"}), must_exist=True)) is Code.USER_NOT_FOUND


async def test_providers_are_linked_and_unlinked(town: Town) -> None:
    tom, caller = await town.sign_up("tom")
    _, ann = await town.sign_up("ann")
    await town.do(set_to(tom, authData={"github": {"id": "1"}}), caller)
    assert (await town.do(by(github={"id": "1"}))).id == tom
    ann_id = ((await town.do(CurrentUser(), ann)).object or {})[ID]
    assert await town.refused(set_to(ann_id, authData=5), ann) is Code.UNSUPPORTED_PROVIDER
    assert await town.refused(set_to(ann_id, authData={"github": {"id": "1"}}), ann) is Code.ALREADY_LINKED
    await town.do(set_to(tom, authData={"github": None}), caller)
    assert (await town.do(by(github={"id": "1"}))).id != tom
    await town.do(Update(class_name="_User", id=tom, changes={"authData.github": Set({"id": "7"})}), caller)
    await town.do(Update(class_name="_User", id=tom, changes={"authData.github": Unset()}), caller)
    assert (await town.do(by(github={"id": "7"}))).created


async def test_an_anonymous_user_becomes_one_with_a_name(town: Town) -> None:
    made = await town.do(by(anonymous={"id": "a"}))
    caller, id_ = Caller("demo", session=made.session), made.id or ""
    await town.do(set_to(id_, username="tom", password="secret"), caller)
    me = (await town.do(CurrentUser(), caller)).object or {}  # a first password ends no session
    assert (me[ID], me["username"], me.get("authData")) == (id_, "tom", {})
    assert (await town.do(by(anonymous={"id": "a"}))).id != id_
    assert (await town.do(LogIn(username="tom", password="secret"))).id == id_


async def test_applications_of_one_platform_share_a_user_but_not_with_the_anonymous(town: Town) -> None:
    known = {"uid": "1", "unionid": "u", "platform": "weixin"}
    tom = (await town.do(by(weixinapp=known))).id
    assert (await town.do(by(weixinapp={**known, "uid": "2"}))).id == tom
    assert (await town.do(by(anonymous={"id": "a", "unionid": "u", "platform": "weixin"}))).id != tom


# --- sessions ---


async def test_all_log_ins_share_a_session_where_that_is_asked_for(town: Town) -> None:
    op = SignUp(changes={"username": Set("tom"), "password": Set("secret")}, share_session=True)
    made = await town.do(op)
    caller = Caller("demo", session=made.session)
    assert (await town.log_in("tom", share_session=True)).session == made.session
    assert (await town.log_in("tom")).session != made.session
    fresh = await town.do(RefreshSession(id=made.id or ""), caller)
    assert await town.works(caller, Caller("demo", session=fresh.session)) == [False, True]
    assert (await town.log_in("tom", share_session=True)).session == fresh.session
    _, ann = await town.sign_up("ann")
    assert await town.refused(RefreshSession(id=made.id or ""), ann) is Code.SESSION_MISSING


async def test_a_log_in_ends_the_other_session_of_its_installation(town: Town) -> None:
    _, first = await town.sign_up("tom")
    sessions = []
    for installation in ("a", "b", "a"):
        opened = await town.do(LogIn(username="tom", password="secret"), Caller("demo", installation_id=installation))
        sessions.append(Caller("demo", session=opened.session))
    assert await town.works(first, *sessions) == [True, False, True, True]


async def test_a_session_ends_by_itself(town: Town) -> None:
    _, caller = await town.sign_up("tom")
    town.now += 3599
    assert await town.works(caller) == [True]
    shared = await town.log_in("tom", share_session=True)
    town.now += 1
    assert await town.works(caller, shared) == [False, True]
    town.now += 3600
    assert (await town.log_in("tom", share_session=True)).session != shared.session


async def test_ones_own_sessions_are_found_made_changed_and_deleted(town: Town) -> None:
    tom, caller = await town.sign_up("tom")
    _, other = await town.sign_up("ann")
    made = await town.do(Create(class_name="_Session", changes={"note": Set("x"), "user": Set("ann")}), caller)
    session = made.object or {}
    assert (session["user"], session["restricted"], session["note"]) == (Pointer("_User", tom), True, "x")
    paired, id_ = Caller("demo", session=session["sessionToken"]), made.id or ""
    assert await town.works(paired) == [True]
    find = Find(class_name="_Session", limit=10)
    assert len((await town.do(find, caller)).objects or []) == 2
    assert len((await town.do(find, other)).objects or []) == 1
    assert len((await town.do(find, MASTER)).objects or []) == 3
    assert await town.refused(find) is Code.INVALID_SESSION
    note = Update(class_name="_Session", id=id_, changes={"note": Set("y")})
    await town.do(note, caller)
    assert await town.refused(note, other) is Code.OBJECT_NOT_FOUND
    token = Update(class_name="_Session", id=id_, changes={"sessionToken": Set("r:x")})
    assert await town.refused(token, caller) is Code.RESERVED_FIELD
    delete = Delete(class_name="_Session", ids=(id_,))
    assert await town.refused(delete, other) is Code.OBJECT_NOT_FOUND
    never = replace(delete, where=Condition("note", Op.EQ, "z"))
    assert await town.refused(never, caller) is Code.UNSUPPORTED
    assert await town.works(paired) == [True]
    await town.do(delete, caller)
    assert await town.works(paired, caller) == [False, True]


# --- locks ---


async def test_too_many_failures_lock_an_account_for_a_while(town: Town) -> None:
    tom, caller = await town.sign_up("tom")
    wrong, right = LogIn(username="tom", password="wrong"), LogIn(username="tom", password="secret")
    told = [await town.refused(wrong) for _ in range(7)]
    assert told == [Code.BAD_CREDENTIALS] * 6 + [Code.ACCOUNT_LOCKED]
    assert await town.refused(right) is Code.ACCOUNT_LOCKED
    asked = ChangePassword(id=tom, old_password="secret", new_password="new")
    assert await town.refused(asked, caller) is Code.ACCOUNT_LOCKED
    assert await town.works(caller) == [True]  # who is in stays in
    town.now += 899
    assert await town.refused(right) is Code.ACCOUNT_LOCKED
    town.now += 1
    assert await town.refused(wrong) is Code.BAD_CREDENTIALS  # the first of six again
    await town.do(right)
    assert [await town.refused(wrong) for _ in range(5)] == [Code.BAD_CREDENTIALS] * 5  # a log-in forgets them
    await town.do(right)


# --- users from elsewhere ---


@pytest.mark.parametrize("kept", [BCRYPT, LEANCLOUD])
async def test_a_password_from_elsewhere_verifies_and_is_kept_anew(kept: str, town: Town) -> None:
    tom, _ = await town.sign_up("tom")
    imported = Update(class_name=CREDENTIAL, id=tom, changes={"kept": Set(kept)})
    await town.store.execute(imported, GATEWAY)
    assert await town.refused(LogIn(username="tom", password="secret")) is Code.BAD_CREDENTIALS
    for _ in range(2):
        await town.log_in("tom", "password")
        credential = (await town.store.execute(Get(class_name=CREDENTIAL, id=tom), GATEWAY)).object or {}
        assert not passwords.outdated(credential["kept"])


# --- roles ---


def role(name: str, **changes: Change) -> Create:
    return Create(class_name="_Role", changes={"name": Set(name), ACL: Set({}), **changes})


async def test_a_role_has_a_name_of_its_own_for_good(town: Town) -> None:
    tom, caller = await town.sign_up("tom")
    own: dict[str, Change] = {ACL: Set({tom: {"read": True, "write": True}})}
    made = await town.do(role("Admins", users=AddRelation((Pointer("_User", tom),)), **own), caller)
    assert (await town.accounts.identify(caller)).roles == {"Admins", "@authenticated"}
    assert await town.refused(role("Admins"), caller) is Code.DUPLICATE_VALUE
    assert await town.refused(Create(class_name="_Role", changes={"name": Set("x")})) is Code.BAD_ROLE
    assert await town.refused(Create(class_name="_Role", changes={"name": Set("x"), ACL: Unset()})) is Code.BAD_ROLE
    assert await town.refused(role("")) is Code.BAD_ROLE
    rename = Update(class_name="_Role", id=made.id or "", changes={"name": Set("Others")})
    assert await town.refused(rename, caller) is Code.FORBIDDEN
    delete = Delete(class_name="_Role", ids=(made.id or "",))
    assert await town.refused(delete) is Code.OBJECT_NOT_FOUND
    assert await town.refused(role("Admins")) is Code.DUPLICATE_VALUE
    await town.do(delete, caller)
    assert (await town.accounts.identify(caller)).roles == {"@authenticated"}
    await town.do(role("Admins"), caller)


async def test_who_may_delete_one_role_does_not_free_the_name_of_another(town: Town) -> None:
    tom, caller = await town.sign_up("tom")
    mine = await town.do(role("Mine", **{ACL: Set({tom: {"read": True, "write": True}})}))
    other = await town.do(role("Others"))
    await town.do(Delete(class_name="_Role", ids=(mine.id or "", other.id or "")), caller)
    assert await town.refused(role("Others"), caller) is Code.DUPLICATE_VALUE
    await town.do(role("Mine"), caller)


# --- deleting, batches ---


async def test_a_user_that_is_deleted_leaves_nothing(town: Town) -> None:
    tom, caller = await town.sign_up("tom", email="tom@example.com", authData={"github": {"id": "1"}})
    _, other = await town.sign_up("ann")
    await town.log_in("tom")
    delete = Delete(class_name="_User", ids=(tom,))
    assert await town.refused(delete, other) is Code.SESSION_MISSING
    await town.do(delete, caller)
    assert await town.works(caller, other) == [False, True]
    assert await town.kept() == {"_User": 1, "_Session": 1, "_Role": 0, IDENTITY: 1, CREDENTIAL: 1, TOKEN: 1}
    await town.sign_up("tom", email="tom@example.com", authData={"github": {"id": "1"}})


async def test_users_in_a_batch_are_users(town: Town) -> None:
    tom, caller = await town.sign_up("tom")
    ann, _ = await town.sign_up("ann")
    items: tuple[Operation, ...] = (
        set_to(tom, nick="x"),
        set_to(ann, nick="x"),
        Get(class_name="_User", id=ann),
        SignUp(changes={"username": Set("TOM"), "password": Set("x")}),
        Create(class_name="Post", changes={"n": Set(1)}),
    )
    told = (await town.do(Batch(items=items), caller)).items or []
    codes = [item.code if isinstance(item, GatewayError) else None for item in told]
    assert codes == [None, Code.SESSION_MISSING, None, Code.USERNAME_TAKEN, None]
    assert await town.refused(Batch(items=items, atomic=True), caller) is Code.UNSUPPORTED


# --- services that are asked, not believed ---


@pytest.fixture
async def asking(tmp_path: Path, outside: OutsideWorld) -> AsyncIterator[Town]:
    """Where the outside is asked about `weixin` and `github`; the right token is `t-` and the id."""
    store = await SqliteStore.open(tmp_path / "asking.db", secret=b"secret")
    for provider, own in (("github", "1"), ("weixin", "a"), ("weixin", "b")):
        outside.tokens[provider, own] = f"t-{own}"
    async with outside.outside() as adapters:
        town = Town(store)
        town.accounts = Accounts(store, Policy(), outside=adapters, now=lambda: town.now)
        yield town
    await store.close()


def weixin(own: str, token: str | None = None, **more: str) -> dict[str, Any]:
    return {"openid": own, "access_token": token or f"t-{own}", **more}


async def test_a_verifier_is_asked_at_sign_up_log_in_and_link(asking: Town, outside: OutsideWorld) -> None:
    made = await asking.do(by(weixin=weixin("a")))
    known = await asking.do(by(weixin=weixin("a")))
    assert made.id == known.id is not None
    tom, caller = await asking.sign_up("tom")
    await asking.do(set_to(tom, authData={"weixin": weixin("b")}), caller)
    await asking.do(changed(tom, **{"authData.github": Set({"id": "1", "access_token": "t-1"})}), caller)
    asked = [(question["provider"], question["id"]) for question in outside.asked("auth.verify")]
    assert asked == [("weixin", "a"), ("weixin", "a"), ("weixin", "b"), ("github", "1")]


async def test_what_is_not_confirmed_writes_nothing(asking: Town, outside: OutsideWorld) -> None:
    tom, caller = await asking.sign_up("tom")
    await asking.do(by(weixin=weixin("a")))
    before = await asking.kept()
    outside.tokens.clear()
    assert await asking.refused(by(weixin=weixin("a"))) is Code.BAD_AUTH_DATA
    assert await asking.refused(by(weixin=weixin("new"))) is Code.BAD_AUTH_DATA
    create = Create(class_name="_User", changes={"authData": Set({"weixin": weixin("new")})})
    assert await asking.refused(create) is Code.BAD_AUTH_DATA
    assert await asking.refused(set_to(tom, authData={"weixin": weixin("b")}, nick="x"), caller) is Code.BAD_AUTH_DATA
    dotted = changed(tom, **{"authData.weixin": Set(weixin("b"))})
    assert await asking.refused(dotted, caller) is Code.BAD_AUTH_DATA
    told = (await asking.do(Batch(items=(by(weixin=weixin("new")), dotted)), caller)).items or []
    assert [isinstance(item, GatewayError) and item.code for item in told] == [Code.BAD_AUTH_DATA] * 2
    assert await asking.kept() == before
    assert "nick" not in ((await asking.do(Get(class_name="_User", id=tom), caller)).object or {})


async def test_a_provider_that_nobody_vouches_for_is_refused_and_nobody_is_asked(
    asking: Town, outside: OutsideWorld
) -> None:
    assert await asking.refused(by(facebook={"id": "1"})) is Code.UNSUPPORTED_PROVIDER
    assert await asking.refused(by(weixin=weixin("a"), facebook={"id": "1"})) is Code.UNSUPPORTED_PROVIDER
    assert await asking.refused(by(weixin={"access_token": "t-a"})) is Code.BAD_AUTH_DATA
    await asking.do(by(anonymous={"id": "5a2f5f2e"}))
    assert outside.questions == []


async def test_what_a_user_has_already_is_not_asked_about_again(asking: Town, outside: OutsideWorld) -> None:
    made = await asking.do(by(weixin=weixin("a")))
    assert made.id is not None
    caller = Caller("demo", session=made.session)
    outside.questions.clear()
    outside.tokens.clear()
    # the SDKs send all of it with a save, and with a link all of it and one more
    await asking.do(set_to(made.id, authData={"weixin": weixin("a")}, nick="x"), caller)
    outside.tokens["github", "1"] = "t"
    both = {"weixin": weixin("a"), "github": {"id": "1", "access_token": "t"}}
    await asking.do(set_to(made.id, authData=both), caller)
    assert [question["provider"] for question in outside.questions] == ["github"]
    # another token for the same id is another claim
    again = set_to(made.id, authData={"weixin": weixin("a", "forged")})
    assert await asking.refused(again, caller) is Code.BAD_AUTH_DATA
    # and what goes away needs nobody's word
    outside.questions.clear()
    await asking.do(set_to(made.id, authData={"weixin": None}), caller)
    await asking.do(changed(made.id, **{"authData.github": Unset()}), caller)
    assert outside.questions == []
    assert ((await asking.do(CurrentUser(), caller)).object or {})["authData"] == {}


async def test_union_ids_come_back_with_a_save(asking: Town, outside: OutsideWorld) -> None:
    outside.union_ids["weixin", "a"] = "u"
    made = await asking.do(by(weixin=weixin("a", unionid="u", platform="weixin")))
    assert made.id is not None
    caller = Caller("demo", session=made.session)
    stored = ((await asking.do(CurrentUser(), caller)).object or {})["authData"]
    assert set(stored) == {"weixin", "_weixin_unionid"}
    await asking.do(set_to(made.id, authData=stored, nick="x"), caller)
    stolen = by(weixin=weixin("b", unionid="u", platform="weixin"))
    assert await asking.refused(stolen) is Code.BAD_AUTH_DATA


async def test_who_may_not_change_a_user_makes_nobody_ask(asking: Town, outside: OutsideWorld) -> None:
    tom, _ = await asking.sign_up("tom")
    _, ann = await asking.sign_up("ann")
    assert await asking.refused(set_to(tom, authData={"weixin": weixin("a")}), ann) is Code.SESSION_MISSING
    assert outside.questions == []


async def test_a_token_is_shown_once_whoever_else_changes_the_user_meanwhile(
    asking: Town, outside: OutsideWorld
) -> None:
    tom, caller = await asking.sign_up("tom")
    link = set_to(tom, authData={"weixin": weixin("a")})
    await asyncio.gather(asking.do(link, caller), *(asking.do(set_to(tom, email=f"{n}@x"), caller) for n in range(5)))
    assert len(outside.asked("auth.verify")) == 1


RULED = {name: Condition("username", Op.EXISTS, value=True) for name in ("_Role", "_Session")}


@pytest.mark.parametrize("name", RULED)
async def test_many_roles_or_sessions_at_once_are_not_changed_past_their_rules(name: str, town: Town) -> None:
    tom, caller = await town.sign_up("tom")
    changes = {"password": Set("in the clear"), "username": Set("ann")}
    many: tuple[Operation, ...] = (
        CreateMany(class_name=name, objects=(NewObject(changes),)),
        UpdateMany(class_name=name, changes=changes, where=RULED[name]),
        DeleteMany(class_name=name, where=RULED[name]),
        Upsert(class_name=name, id=tom, changes=changes),
        Relate(class_name=name, id=tom, field="users", how=Relating.ADD, ids=(tom,)),
        DeepSave(class_name=name, tree={ID: tom, "password": "in the clear"}),
    )
    for op in many:
        for asked in (op, Batch(items=(op,), atomic=True)):
            assert await town.refused(asked, caller) is Code.UNSUPPORTED, asked
        deferred = Batch(items=(Deferred(item=op, fields={}),), names=("a",))
        assert await town.refused(deferred, caller) is Code.UNSUPPORTED
    assert await town.works(caller, await town.log_in("tom")) == [True, True]


async def rule(town: Town, class_name: str, **rules: Rule) -> None:
    """Permissions of a class; what is not said is everybody's."""
    permissions = ClassPermissions({action: rules.get(action.value, EVERYBODY) for action in Action})
    await town.do(UpdateClass(class_name=class_name, permissions=permissions), MASTER)


async def test_what_the_gateway_does_for_a_caller_is_asked_of_the_class(town: Town) -> None:
    tom, caller = await town.sign_up("tom")
    role = {"name": Set("mods"), ACL: Set({})}
    session = (await town.do(CurrentSession(), caller)).object or {}
    asked: dict[str, Operation] = {
        "create _User": SignUp(changes={"username": Set("ann"), "password": Set("x")}),
        "update _User": set_to(tom, nick="t"),
        "delete _User": Delete(class_name="_User", ids=(tom,)),
        "create _Role": Create(class_name="_Role", changes=role),
        "create _Session": Create(class_name="_Session", changes={}),
        "delete _Session": Delete(class_name="_Session", ids=(session[ID],)),
    }
    before = await town.kept()
    for name, op in asked.items():
        action, class_name = name.split()
        await rule(town, class_name, **{action: NOBODY})
        assert await town.refused(op, caller) is Code.FORBIDDEN, name
        await rule(town, class_name)
    assert await town.kept() == before
    await rule(town, "_User", create=NOBODY, update=NOBODY, delete=NOBODY)
    ann = (await town.do(asked["create _User"], MASTER)).id or ""
    await town.do(set_to(ann, nick="a"), MASTER)
    # who is there already logs in, by whatever way, and a new password is an update like any other
    other = await town.log_in("tom")
    assert await town.refused(set_to(tom, password="new"), caller) is Code.FORBIDDEN
    assert await town.works(caller, other) == [True, True]


async def test_users_add_no_field_that_they_may_not_add(town: Town) -> None:
    await rule(town, "_User", add_field=NOBODY)
    # what every user has is no new field
    tom, caller = await town.sign_up("tom", email="t@x", mobilePhoneNumber="+1")
    assert await town.refused(set_to(tom, nick="t"), caller) is Code.FORBIDDEN
    fresh = {"username": Set("ann"), "password": Set("x"), "nick": Set("a")}
    assert await town.refused(SignUp(changes=fresh), ANYBODY) is Code.FORBIDDEN
    await town.do(set_to(tom, nick="t"), MASTER)
    await town.do(set_to(tom, nick="u"), caller)


async def test_only_whom_a_user_names_changes_it(town: Town) -> None:
    tom, caller = await town.sign_up("tom")
    await town.do(set_to(tom, owner=Pointer("_User", "somebody")), MASTER)
    await rule(town, "_User", update=Rule(fields=("owner",)))
    assert await town.refused(set_to(tom, nick="t"), caller) is Code.OBJECT_NOT_FOUND
    await town.do(set_to(tom, owner=Pointer("_User", tom)), MASTER)
    await town.do(set_to(tom, nick="t"), caller)


async def test_with_users_that_are_purged_goes_what_made_them_users(town: Town) -> None:
    for name in ("tom", "ann"):
        _, caller = await town.sign_up(name, email=f"{name}@x", authData={"github": {"id": name}})
        await town.do(Create(class_name="_Role", changes={"name": Set(name), ACL: Set({})}), caller)
    await town.do(PurgeClass(class_name="_Role"), MASTER)
    await town.do(PurgeClass(class_name="_User"), MASTER)
    assert set((await town.kept()).values()) == {0}
    _, caller = await town.sign_up("tom", email="tom@x", authData={"github": {"id": "tom"}})
    await town.do(PurgeClass(class_name="_Session"), MASTER)
    assert await town.works(caller, await town.log_in("tom")) == [False, True]
