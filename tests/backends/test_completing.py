"""What a write answers is what was asked for, whichever dialect stands behind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.backends.completing import Completing
from gateway.backends.remote import Address, Patience, Remote
from gateway.dialects.dialect import Dialect
from gateway.errors import Code, GatewayError
from gateway.model.account import CurrentUser, LogIn, SignUp
from gateway.model.operation import (
    Batch,
    Caller,
    Create,
    Delete,
    DeleteMany,
    Find,
    Get,
    Operation,
    Result,
    Returning,
    Update,
    UpdateMany,
)
from gateway.model.update import AddRelation, Changes, Increment, Set
from gateway.model.values import ACL, CREATED_AT, ID, UPDATED_AT, Object, Pointer, Relation
from tests.behind import KEYS, backend_of_others

CLIENT = Caller(app="blog")
CHANGES: Changes = {"title": Set("a"), "views": Increment(2), "likes": AddRelation((Pointer("Fan", "f1"),))}
SYSTEM = {ID, CREATED_AT, UPDATED_AT}
BACKS = ("parse", "leancloud")


class Counted(Remote):
    """`asked` has the operations that went over the network."""

    asked: list[Operation]

    async def execute(self, op: Operation, caller: Caller) -> Result:
        self.asked.append(op)
        return await super().execute(op, caller)


@asynccontextmanager
async def completing(dialect: Dialect, folder: Path) -> AsyncIterator[tuple[Completing, Counted]]:
    async with backend_of_others(folder) as address:
        there = Address(name="theirs", url=address + dialect.mounts[0], app_id="their-app", keys=KEYS[dialect.name])
        remote = Counted(there, dialect, Patience(retries=0))
        remote.asked = []
        try:
            yield Completing(remote), remote
        finally:
            await remote.close()


def own(fields: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (fields or {}).items() if name not in SYSTEM}


EVERYTHING = {"title": "a", "views": 2, "likes": Relation("Fan")}
CREATED: Mapping[Returning, dict[str, Any]] = {
    Returning.NOTHING: {},
    Returning.COMPUTED: {"views": 2},
    Returning.CHANGED: EVERYTHING,
    Returning.EVERYTHING: EVERYTHING,
}
UPDATED: Mapping[Returning, dict[str, Any]] = {
    Returning.NOTHING: {},
    Returning.COMPUTED: {"views": 5},
    Returning.CHANGED: {"views": 5, "note": "b", "likes": Relation("Fan")},
    Returning.EVERYTHING: {**EVERYTHING, "views": 5, "note": "b"},
}


@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("returning", Returning)
async def test_a_write_answers_what_is_asked_for(
    back: str, returning: Returning, dialects: Mapping[str, Dialect], tmp_path: Path
) -> None:
    async with completing(dialects[back], tmp_path) as (backend, remote):
        made = await backend.execute(Create(class_name="Note", changes=CHANGES, returning=returning), CLIENT)
        assert made.id is not None
        assert made.created_at is not None
        shown = {
            name: value for name, value in own(made.object).items() if name != "likes" or "likes" in CREATED[returning]
        }
        assert shown == CREATED[returning]
        changes: Changes = {"views": Increment(3), "note": Set("b")}
        update = Update(class_name="Note", id=made.id, changes=changes, returning=returning)
        changed = await backend.execute(update, CLIENT)
        assert changed.updated_at is not None
        assert own(changed.object) == UPDATED[returning]
        if back == "parse":  # which tells what is computed, and nothing else
            extra = returning in (Returning.CHANGED, Returning.EVERYTHING)
            assert [type(op) for op in remote.asked] == ([Create, Get, Update, Get] if extra else [Create, Update])


@pytest.mark.parametrize("back", BACKS)
async def test_a_batch_asks_once_for_all_that_is_wanting(
    back: str, dialects: Mapping[str, Dialect], tmp_path: Path
) -> None:
    async with completing(dialects[back], tmp_path) as (backend, remote):
        item = Create(class_name="Note", changes=CHANGES, returning=Returning.EVERYTHING)
        items = (item, replace(item, returning=Returning.NOTHING), item)
        answers = (await backend.execute(Batch(items=items), CLIENT)).items or []
        shown = [own(answer.object) for answer in answers if isinstance(answer, Result)]
        assert shown == [EVERYTHING, {}, EVERYTHING]
        assert len(remote.asked) <= 2


async def test_a_write_that_cannot_be_read_afterwards_is_done_all_the_same(
    dialects: Mapping[str, Dialect], tmp_path: Path
) -> None:
    async with completing(dialects["parse"], tmp_path) as (backend, _):
        hidden = {"title": Set("a"), ACL: Set({"nobody": {"read": True}})}
        made = await backend.execute(Create(class_name="Note", changes=hidden, returning=Returning.EVERYTHING), CLIENT)
        assert own(made.object) == {"title": "a", ACL: {"nobody": {"read": True}}}
        assert made.id is not None
        with pytest.raises(GatewayError):
            await backend.execute(Get(class_name="Note", id=made.id), CLIENT)


async def test_a_sign_up_answers_the_user_and_never_the_password(
    dialects: Mapping[str, Dialect], tmp_path: Path
) -> None:
    async with completing(dialects["parse"], tmp_path) as (backend, _):
        changes = {"username": Set("tom"), "password": Set("secret"), "email": Set("tom@example.com")}
        made = await backend.execute(SignUp(changes=changes, returning=Returning.EVERYTHING, with_acl=False), CLIENT)
        assert made.session is not None
        assert made.object is not None
        # the address only the user itself can read: it was asked with the new session
        assert {name: made.object[name] for name in ("username", "email")} == {
            "username": "tom",
            "email": "tom@example.com",
        }
        assert not {"password", ACL} & set(made.object)
        known = await backend.execute(LogIn(username="tom", password="secret", with_acl=False), CLIENT)
        assert ACL not in (known.object or {ACL: None})


@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("returning", [Returning.COMPUTED, Returning.EVERYTHING])
async def test_who_comes_in_by_a_service_once_more_is_told_whole(
    back: str, returning: Returning, dialects: Mapping[str, Dialect], tmp_path: Path
) -> None:
    """Parse REST guide, "Signing Up and Logging In": the second answer is that of a log-in."""
    changes = {"authData": Set({"anonymous": {"id": "a-1"}}), "nick": Set("tom")}
    async with completing(dialects[back], tmp_path) as (backend, remote):
        first = await backend.execute(SignUp(changes=changes, returning=returning, with_acl=False), CLIENT)
        known, made = first.id or (first.object or {})[ID], own(first.object)
        assert (first.created, set(made) >= {"username"}) == (True, True)
        assert ("nick" in made) is (returning is Returning.EVERYTHING)
        remote.asked.clear()
        again = await backend.execute(SignUp(changes=changes, returning=returning, with_acl=False), CLIENT)
        shown = again.object or {}
        assert (again.created, shown[ID], again.session is None) == (False, known, False)
        assert (shown["username"], shown["nick"]) == (made["username"], "tom")
        assert len(remote.asked) == 1


@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("with_acl", [True, False])
async def test_who_comes_in_is_told_its_acl_where_its_dialect_shows_it(
    back: str, with_acl: bool, dialects: Mapping[str, Dialect], tmp_path: Path
) -> None:
    changes = {"username": Set("tom"), "password": Set("secret")}
    async with completing(dialects[back], tmp_path) as (backend, remote):
        made = await backend.execute(SignUp(changes=changes), CLIENT)
        remote.asked.clear()
        for op in (LogIn(username="tom", password="secret", with_acl=with_acl), CurrentUser(with_acl=with_acl)):
            told = (await backend.execute(op, replace(CLIENT, session=made.session))).object or {}
            assert (ACL in told, told["username"]) == (with_acl, "tom")
        if not with_acl:
            assert len(remote.asked) == 2


USERS_OF_NOBODY = Get(class_name="_User", id="0123456789abcdef01234567")


@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize(
    "op",
    [
        Create(class_name="Note", changes={"n": Set(1)}),
        Get(class_name="Note", id="x1"),
        Find(class_name="Note", limit=1),
        Update(class_name="Note", id="x1", changes={"n": Set(1)}),
        Delete(class_name="Note", ids=("x1",)),
        Batch(items=(Create(class_name="Note", changes={"n": Set(1)}),)),
        USERS_OF_NOBODY,
    ],
    ids=lambda op: f"{type(op).__name__}{getattr(op, 'class_name', '')}",
)
async def test_a_session_that_is_none_is_told_as_one(
    back: str, op: Operation, dialects: Mapping[str, Dialect], tmp_path: Path
) -> None:
    """LeanCloud tells it by the number of a user that is not there: SDKs would never ask for a new log-in."""
    async with completing(dialects[back], tmp_path) as (backend, _):
        with pytest.raises(GatewayError) as refused:
            await backend.execute(op, replace(CLIENT, session="nobodys0session0at0all000"))
        assert refused.value.code is Code.INVALID_SESSION


@pytest.mark.parametrize("back", BACKS)
async def test_a_user_that_is_not_there_is_no_matter_of_the_session(
    back: str, dialects: Mapping[str, Dialect], tmp_path: Path
) -> None:
    async with completing(dialects[back], tmp_path) as (backend, remote):
        changes = {"username": Set("tom"), "password": Set("secret")}
        made = await backend.execute(SignUp(changes=changes), CLIENT)
        for caller in (CLIENT, replace(CLIENT, session=made.session)):
            remote.asked.clear()
            with pytest.raises(GatewayError) as refused:
                await backend.execute(USERS_OF_NOBODY, caller)
            assert refused.value.code in (Code.USER_NOT_FOUND, Code.OBJECT_NOT_FOUND)
            assert len(remote.asked) <= (1 if caller.session is None else 2)


@pytest.mark.parametrize("back", BACKS)
async def test_acls_are_shown_where_they_are_asked_for(
    back: str, dialects: Mapping[str, Dialect], tmp_path: Path
) -> None:
    acl = {"*": {"read": True}}
    async with completing(dialects[back], tmp_path) as (backend, _):
        inner = await backend.execute(Create(class_name="Inner", changes={ACL: Set(acl)}), CLIENT)
        assert inner.id is not None
        pointer = {ACL: Set(acl), "inner": Set(Pointer("Inner", inner.id))}
        made = await backend.execute(Create(class_name="Outer", changes=pointer), CLIENT)
        assert made.id is not None
        for with_acl in (True, False):
            get = Get(class_name="Outer", id=made.id, include=("inner",), with_acl=with_acl)
            found = (await backend.execute(get, CLIENT)).object or {}
            assert (ACL in found, isinstance(found["inner"], Object)) == (with_acl, True)
            if not with_acl:
                assert ACL not in found["inner"].fields
            listed = await backend.execute(Find(class_name="Outer", limit=5, with_acl=with_acl), CLIENT)
            assert [ACL in each for each in listed.objects or []] == [with_acl]


@pytest.mark.parametrize("back", BACKS)
async def test_a_system_field_that_is_excluded_is_not_there(
    back: str, dialects: Mapping[str, Dialect], tmp_path: Path
) -> None:
    async with completing(dialects[back], tmp_path) as (backend, _):
        await backend.execute(Create(class_name="Note", changes={"a": Set(1), "b": Set(2)}), CLIENT)
        find = Find(class_name="Note", limit=5, exclude=(CREATED_AT, "b"))
        (found,) = (await backend.execute(find, CLIENT)).objects or []
        assert set(found) - {ACL} == {ID, UPDATED_AT, "a"}


async def test_what_only_a_unit_has_words_for_is_answered(dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    """A change of many by their ids: elsewhere the vendor takes a condition alone. It is done, and so it is told."""
    async with completing(dialects["backendless"], tmp_path) as (backend, _):
        made = [await backend.execute(Create(class_name="Note", changes={"n": Set(n)}), CLIENT) for n in (1, 2, 3)]
        ids = tuple(each.id or "" for each in made)
        many = UpdateMany(class_name="Note", changes={"n": Set(7)}, ids=ids[:2])
        gone = DeleteMany(class_name="Note", ids=ids[2:])
        answers = (await backend.execute(Batch(items=(many, gone), atomic=True, fixed_schema=True), CLIENT)).items or []
        assert [answer.total for answer in answers if isinstance(answer, Result)] == [2, 1]
        found = (await backend.execute(Find(class_name="Note", limit=9), CLIENT)).objects or []
        assert [each["n"] for each in found] == [7, 7]
