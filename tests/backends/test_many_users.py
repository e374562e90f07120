"""Several users at once go by the rules for one: passwords are hashed, names are unique, and nobody changes another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Code
from gateway.model.account import USER
from gateway.model.operation import (
    CreateMany,
    DeleteMany,
    Find,
    Get,
    NewObject,
    Operation,
    Relate,
    Relating,
    Result,
    UpdateMany,
    Upsert,
)
from gateway.model.query import And, Condition, Op
from gateway.model.update import Change, Set
from gateway.model.values import ACL, Relation, ResultOf
from gateway.store.sqlite import SqliteStore
from tests.backends.test_accounts import ANYBODY, MASTER, Town

EVERYBODY = And(())


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    store = await SqliteStore.open(tmp_path / "town.db", secret=b"")
    town = Town(store)
    yield town
    await town.accounts.close()


def user(name: str, known: str | None = None, **more: Any) -> NewObject:
    fields = {"username": name, "password": f"{name}'s", **more}
    return NewObject({field: Set(value) for field, value in fields.items()}, known)


def many(*users: NewObject) -> CreateMany:
    return CreateMany(class_name=USER, objects=users)


async def names(town: Town) -> list[Any]:
    found = (await town.do(Find(class_name=USER, limit=1000), MASTER)).objects or []
    return [fields["username"] for fields in found]


async def test_those_made_can_log_in_and_own_themselves(town: Town) -> None:
    ids = (await town.do(many(user("ann", "a1"), user("bob")), MASTER)).ids or []
    assert ids[0] == "a1"
    for name, known in zip(("ann", "bob"), ids, strict=True):
        caller = await town.log_in(name, f"{name}'s")
        own = (await town.do(Get(class_name=USER, id=known), caller)).object or {}
        assert (own["username"], own["@owner"], "password" in own) == (name, known, False)


@pytest.mark.parametrize(
    "wrong",
    [user("ann"), user("ANN"), user("x", password=""), user("x", email="none"), user("x", "*"), NewObject({})],
    ids=["a name that is taken", "in other letters", "no password", "no address", "everybody's id", "nothing"],
)
async def test_all_are_made_or_none(town: Town, wrong: NewObject) -> None:
    await town.sign_up("ann")
    before = await town.kept()
    for caller in (ANYBODY, MASTER):
        await town.refused(many(user("bob"), user("carl"), wrong), caller)
        assert await town.kept() == before
    await town.sign_up("bob")  # the name is free again


async def test_too_many_are_refused(town: Town) -> None:
    await town.sign_up("tom")
    assert await town.refused(many(*(user(f"u{at}") for at in range(101))), MASTER) is Code.BAD_BATCH
    either = CreateMany(class_name=USER, objects=(user("ann"),), upsert=True)
    assert await town.refused(either, MASTER) is Code.UNSUPPORTED
    assert await names(town) == ["tom"]


async def test_a_user_changes_itself_and_no_other(town: Town) -> None:
    ann, as_ann = await town.sign_up("ann", n=1)
    bob, as_bob = await town.sign_up("bob", n=1)
    open_to_all = Set({"*": {"read": True, "write": True}})
    await town.do(UpdateMany(class_name=USER, changes={ACL: open_to_all}, ids=(bob,)), MASTER)
    changes: dict[str, Change] = {"n": Set(2), "password": Set("new")}
    for meant in ({"where": EVERYBODY}, {"ids": (ann, bob)}):
        assert await town.do(UpdateMany(class_name=USER, changes=changes, **meant), as_ann) == Result(total=1)
        as_ann = await town.log_in("ann", "new")
    assert await town.works(as_bob) == [True]
    await town.log_in("bob")
    assert await town.do(UpdateMany(class_name=USER, changes=changes, where=EVERYBODY)) == Result(total=0)
    assert await town.do(UpdateMany(class_name=USER, changes={"n": Set(3)}, where=EVERYBODY), MASTER) == Result(total=2)
    assert await town.do(DeleteMany(class_name=USER, ids=(ann, bob)), as_ann) == Result(total=1)
    assert await names(town) == ["bob"]


async def test_with_a_user_goes_what_makes_it_one(town: Town) -> None:
    empty = await town.kept()
    for name in ("ann", "bob", "carl"):
        await town.sign_up(name)
    gone = DeleteMany(class_name=USER, where=Condition("username", Op.NE, "bob"))
    assert await town.do(gone, MASTER) == Result(total=2)
    assert await town.do(DeleteMany(class_name=USER, where=EVERYBODY), MASTER) == Result(total=1)
    assert await town.kept() == empty
    await town.sign_up("ann")


async def test_what_is_hidden_cannot_be_asked_for(town: Town) -> None:
    await town.sign_up("ann", email="ann@example.com")
    _, as_bob = await town.sign_up("bob")
    asked = Condition("email", Op.EQ, "ann@example.com")
    for op in (
        UpdateMany(class_name=USER, changes={"n": Set(1)}, where=asked),
        DeleteMany(class_name=USER, where=asked),
    ):
        assert await town.refused(op, as_bob) is Code.FORBIDDEN


async def test_an_upsert_is_a_sign_up_or_an_update(town: Town) -> None:
    def saved(password: str, known: str | None = "u1") -> Upsert:
        changes: dict[str, Change] = {"username": Set("ann"), "password": Set(password)}
        return Upsert(class_name=USER, id=known, changes=changes)

    assert (await town.do(saved("one"))).created
    as_ann = await town.log_in("ann", "one")
    assert await town.refused(saved("two")) is Code.SESSION_MISSING
    assert (await town.do(saved("two"), as_ann)).created is False
    await town.log_in("ann", "two")
    assert await town.refused(saved("three", None)) is Code.USERNAME_TAKEN


async def test_a_relation_of_a_user_is_its_own(town: Town) -> None:
    ann, as_ann = await town.sign_up("ann")
    bob, as_bob = await town.sign_up("bob")

    def befriend(field: str = "friends", known: str = ann) -> Relate:
        return Relate(class_name=USER, id=known, field=field, how=Relating.ADD, ids=(bob,), target=USER)

    assert await town.refused(befriend(), as_bob) is Code.SESSION_MISSING
    assert await town.refused(befriend()) is Code.SESSION_MISSING
    assert await town.do(befriend(), as_ann) == Result(total=1)
    assert await town.do(befriend(known=bob), MASTER) == Result(total=1)
    assert ((await town.do(Get(class_name=USER, id=ann), as_ann)).object or {})["friends"] == Relation(USER)
    for field in ("username", "password", "email", "authData", "sessionToken", "emailVerified"):
        assert await town.refused(befriend(field), MASTER) is Code.BAD_FIELD_NAME


NOTHING: tuple[Operation, ...] = (
    UpdateMany(class_name=USER, changes={}),
    DeleteMany(class_name=USER),
)


@pytest.mark.parametrize("op", NOTHING, ids=lambda op: type(op).__name__)
async def test_which_users_are_meant_is_to_be_said(town: Town, op: Operation) -> None:
    await town.sign_up("ann")
    assert await town.refused(op, MASTER) is Code.BAD_QUERY
    waiting = DeleteMany(class_name=USER, ids=ResultOf("x"))
    assert await town.do(waiting, MASTER) == Result(total=0)
    assert await names(town) == ["ann"]


async def test_of_no_users_none_are_changed(town: Town) -> None:
    assert await town.do(DeleteMany(class_name=USER, where=EVERYBODY), MASTER) == Result(total=0)
