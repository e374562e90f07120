"""Sessions: sealed, restricted, paired and upgraded, on a real store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.authorise import Guarded
from gateway.backends.seal import PREFIX, Seal
from gateway.errors import Code, GatewayError
from gateway.model.account import (
    ChangePassword,
    CurrentSession,
    CurrentUser,
    PairSession,
    RefreshSession,
    UpgradeSession,
)
from gateway.model.operation import Batch, Caller, Create, Delete, Find, Get, Operation, Result, Update
from gateway.model.query import Condition, Not, Op, Subquery
from gateway.model.update import Set
from gateway.model.values import ACL, ID, Object, Pointer
from gateway.store.sqlite import SqliteStore
from tests.backends.test_accounts import GATEWAY, MASTER, Town, set_to

KEY = "a key that is not shorter than thirty-two"
SESSIONS = Find(class_name="_Session", limit=10)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(tmp_path / "town.db", secret=b"secret")
    yield store
    await store.close()


def tokens(found: Result) -> set[str | None]:
    return {session.get("sessionToken") for session in found.objects or []}


def bytes_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


async def restricted(town: Town, caller: Caller) -> Caller:
    made = (await town.do(Create(class_name="_Session", changes={}), caller)).object or {}
    assert made["restricted"] is True
    return Caller("demo", session=made["sessionToken"])


# --- sealed ---


async def test_no_token_and_no_password_stands_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "sealed.db"
    store = await SqliteStore.open(path, secret=b"secret")
    town = Town(store, seal=Seal([KEY]))
    _, caller = await town.sign_up("tom", "the password of tom")
    other = await town.log_in("tom", "the password of tom", share_session=True)
    paired = await restricted(town, caller)
    secrets = {caller.session, other.session, paired.session}
    assert tokens(await town.do(SESSIONS, caller)) == secrets
    assert (await town.log_in("tom", "the password of tom", share_session=True)).session == other.session
    before = bytes_in(tmp_path)  # the write-ahead log is there as well
    await store.close()
    for secret in (*secrets, "the password of tom", KEY):
        assert secret is not None
        for content in (before, bytes_in(tmp_path)):
            assert b"tom" in content
            assert secret.removeprefix("r:").encode() not in content


async def test_a_session_of_before_the_key_goes_on_and_ends(store: SqliteStore) -> None:
    before, after = Town(store), Town(store, seal=Seal([KEY]))
    _, old = await before.sign_up("tom")
    new = await after.log_in("tom")
    assert await after.works(old, new) == [True, True]
    assert tokens(await after.do(SESSIONS, old)) == {old.session, new.session}
    ended = (await after.do(CurrentSession(), old)).object or {}
    await after.do(Delete(class_name="_Session", ids=(ended[ID],)), new)
    assert await after.works(old, new) == [False, True]


async def test_without_its_key_a_session_goes_on_but_its_token_is_told_nowhere(store: SqliteStore) -> None:
    before, after = Town(store, seal=Seal([KEY])), Town(store)
    tom, caller = await before.sign_up("tom")
    shared = await before.log_in("tom", share_session=True)
    assert await after.works(caller, shared) == [True, True]
    found = (await after.do(SESSIONS, caller)).objects or []
    assert [(session["user"], "sessionToken" in session) for session in found] == [(Pointer("_User", tom), False)] * 2
    assert PREFIX not in str((await after.do(CurrentSession(), caller)).object)
    again = await after.log_in("tom", share_session=True)
    assert again.session not in (caller.session, shared.session)
    await after.do(set_to(tom, password="new"), caller)
    assert await after.works(caller, shared, again) == [False, False, False]
    assert (await after.kept())["@token"] == 1


async def test_what_is_kept_for_a_token_is_no_token(store: SqliteStore) -> None:
    town = Town(store, seal=Seal([KEY]))
    _, caller = await town.sign_up("tom")
    kept = (await store.execute(SESSIONS, GATEWAY)).objects or []
    assert await town.works(Caller("demo", session=kept[0]["sessionToken"])) == [False]
    assert await town.works(caller) == [True]


async def test_a_session_is_found_by_its_whole_token(store: SqliteStore) -> None:
    town = Town(store, seal=Seal([KEY]))
    _, caller = await town.sign_up("tom")
    _, other = await town.sign_up("ann")
    mine = Condition("sessionToken", Op.EQ, caller.session)
    assert tokens(await town.do(replace(SESSIONS, where=mine), caller)) == {caller.session}
    assert tokens(await town.do(replace(SESSIONS, where=Not(mine)), MASTER)) == {other.session}
    assert tokens(await town.do(replace(SESSIONS, where=mine), other)) == set()
    nobodys = Condition("sessionToken", Op.EQ, "r:nobody's")
    assert tokens(await town.do(replace(SESSIONS, where=nobodys), MASTER)) == set()


async def test_an_included_session_tells_its_token_as_it_is(store: SqliteStore) -> None:
    town = Town(store, seal=Seal([KEY]))
    _, caller = await town.sign_up("tom")
    session = ((await town.do(CurrentSession(), caller)).object or {})[ID]
    made = await town.do(Create(class_name="Post", changes={"by": Set(Pointer("_Session", session))}), caller)
    asked: tuple[Operation, ...] = (
        Get(class_name="Post", id=made.id or "", include=("by",)),
        Find(class_name="Post", limit=1, include=("by",)),
        Find(class_name="Post", limit=1, select=("by.sessionToken",)),
    )
    for op in asked:
        for result in (await town.do(op, caller), ((await town.do(Batch(items=(op,)), caller)).items or [])[0]):
            assert isinstance(result, Result)
            shown = (result.objects or [result.object or {}])[0]["by"]
            assert isinstance(shown, Object)
            assert shown.fields["sessionToken"] == caller.session


# --- restricted ---


def refused_of(tom: str, session: str) -> tuple[Operation, ...]:
    user, mine, role = Pointer("_User", tom), Condition("user", Op.EQ, Pointer("_User", tom)), {ACL: Set({})}
    return (
        set_to(tom, nick="x"),
        Delete(class_name="_User", ids=(tom,)),
        Create(class_name="_User", changes={"username": Set("new"), "password": Set("x")}),
        ChangePassword(id=tom, old_password="secret", new_password="new"),
        RefreshSession(id=tom),
        Create(class_name="_Session", changes={}),
        Update(class_name="_Session", id=session, changes={"note": Set("x")}),
        Delete(class_name="_Session", ids=(session,)),
        Create(class_name="_Role", changes={"name": Set("x"), **role}),
        Update(class_name="_Role", id="x", changes={"users": Set(user)}),
        Delete(class_name="_Role", ids=("x",)),
        Find(class_name="Post", limit=1, where=Condition("x", Op.IN, Subquery("_Session", mine, key="sessionToken"))),
    )


async def test_a_restricted_session_changes_no_user_session_or_role_alone_or_in_a_batch(store: SqliteStore) -> None:
    town = Town(store)
    tom, caller = await town.sign_up("tom")
    own = ((await town.do(CurrentSession(), caller)).object or {})[ID]
    guarded = Guarded(town.accounts)
    paired = await guarded.identify(Get(class_name="Post", id="x"), await restricted(town, caller))
    assert paired.restricted
    for op in refused_of(tom, own):
        with pytest.raises(GatewayError) as refusal:
            await guarded.execute(op, paired)
        assert refusal.value.code is Code.FORBIDDEN, op
        answers = (await guarded.execute(Batch(items=(op,)), paired)).items or []
        assert [type(answer) for answer in answers] == [GatewayError], op
        with pytest.raises(GatewayError):
            await guarded.execute(Batch(items=(op, Create(class_name="Post", changes={})), atomic=True), paired)
    allowed: tuple[Operation, ...] = (
        Create(class_name="Post", changes={"by": Set(Pointer("_User", tom))}),
        Get(class_name="_User", id=tom),
        Find(class_name="_User", limit=1),
        CurrentUser(),
    )
    for op in allowed:
        await guarded.execute(op, paired)
    assert await town.works(caller) == [True]


async def test_a_restricted_session_reads_restricted_sessions_only(store: SqliteStore) -> None:
    town = Town(store)
    _, caller = await town.sign_up("tom")
    paired, other = await restricted(town, caller), await restricted(town, caller)
    own = ((await town.do(CurrentSession(), caller)).object or {})[ID]
    assert len(tokens(await town.do(SESSIONS, caller))) == 3
    assert tokens(await town.do(SESSIONS, paired)) == {paired.session, other.session}
    count = replace(SESSIONS, limit=0, count=True, where=Condition("restricted", Op.EQ, value=False))
    assert (await town.do(count, paired)).total == 0
    assert await town.refused(Get(class_name="_Session", id=own), paired) is Code.OBJECT_NOT_FOUND
    made = await town.do(Create(class_name="Post", changes={"by": Set(Pointer("_Session", own))}), paired)
    shown = ((await town.do(Get(class_name="Post", id=made.id or "", include=("by",)), paired)).object or {})["by"]
    assert (shown.class_name, shown.fields) == ("_Session", {ID: own})


# --- paired with an installation ---


async def test_a_restricted_session_is_paired_with_an_installation_once(store: SqliteStore) -> None:
    town = Town(store)
    _, caller = await town.sign_up("tom")
    paired = replace(await restricted(town, caller), installation_id="lamp")
    assert "installationId" not in ((await town.do(CurrentSession(), paired)).object or {})
    for _ in range(2):
        assert (await town.do(PairSession(), paired)).updated_at is not None
    assert ((await town.do(CurrentSession(), paired)).object or {})["installationId"] == "lamp"
    refusals = {
        "another installation": (replace(paired, installation_id="door"), Code.FORBIDDEN),
        "none": (replace(paired, installation_id=None), Code.BAD_REQUEST),
        "no restricted session": (replace(caller, installation_id="lamp"), Code.FORBIDDEN),
        "no session": (Caller("demo", installation_id="lamp"), Code.INVALID_SESSION),
        "an unknown one": (Caller("demo", session="r:x", installation_id="lamp"), Code.INVALID_SESSION),
    }
    for reason, (who, code) in refusals.items():
        assert await town.refused(PairSession(), who) is code, reason


async def test_a_restricted_session_is_not_that_of_the_phone_that_made_it(store: SqliteStore) -> None:
    town = Town(store)
    _, caller = await town.sign_up("tom")
    paired = await restricted(town, replace(caller, installation_id="phone"))
    assert "installationId" not in ((await town.do(CurrentSession(), paired)).object or {})


# --- upgraded ---


async def test_a_token_of_ours_is_upgraded_to_itself(store: SqliteStore) -> None:
    town = Town(store)
    _, caller = await town.sign_up("tom")
    assert ((await town.do(UpgradeSession(), caller)).object or {})["sessionToken"] == caller.session
    assert await town.refused(UpgradeSession(), Caller("demo")) is Code.INVALID_SESSION
    assert await town.refused(UpgradeSession(), Caller("demo", session="old")) is Code.INVALID_SESSION


# --- how a session came ---


async def test_a_session_tells_how_it_came(store: SqliteStore) -> None:
    town = Town(store)
    tom, caller = await town.sign_up("tom")
    by_password = Caller("demo", session=(await town.do(set_to(tom, password="new"), caller)).session)
    again = await town.log_in("tom", "new")
    told = [(await town.do(CurrentSession(), who)).object or {} for who in (by_password, again)]
    assert [session.get("createdWith") for session in told] == [None, {"action": "login", "authProvider": "password"}]
    made = (await town.do(Create(class_name="_Session", changes={}), again)).object or {}
    assert made["createdWith"] == {"action": "create"}
