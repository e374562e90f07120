"""Pointers and relations before a vendor that has relations of tables: none is left out, or written by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.backends.emulate import Emulating
from gateway.backends.emulations import abilities
from gateway.dialects.dialect import Dialect
from gateway.errors import Code
from gateway.model.account import USER, LogIn, SignUp
from gateway.model.operation import Batch, Caller, Create, Find, Get, Operation, Result, Returning, Update, UpdateMany
from gateway.model.query import And, Condition, Op, RelatedTo
from gateway.model.update import AddRelation, AddUnique, Change, Increment, RemoveRelation, Set, Several, Unset
from gateway.model.values import CREATED_AT, ID, OWNER, UPDATED_AT, Fields, Object, Pointer, Relation
from tests.behind import CLIENT, backend_of_others, behind, refusal

SYSTEM = {ID, CREATED_AT, UPDATED_AT, OWNER}
APART = ("relations_apart",)


@asynccontextmanager
async def tables(
    dialects: Mapping[str, Dialect], folder: Path, **settings: Any
) -> AsyncIterator[tuple[Emulating, dict[str, Pointer]]]:
    """A vendor with people, of whom Ann has a boss, and a post of hers: all columns are there. And who they are."""
    dialect = dialects["backendless"]
    async with backend_of_others(folder) as address:
        async with behind(dialect, address, allowed=APART, with_columns=True) as first:
            bob = Pointer("Person", await made(first, "Person", name=Set("bob")))
            ann = Pointer("Person", await made(first, "Person", name=Set("ann"), boss=Set(bob)))
            post = await made(first, "Post", n=Set(1), author=Set(ann), fans=AddRelation((bob,)), lead=Set(ann))
        async with behind(dialect, address, with_columns=True, **settings) as backend:
            yield backend, {"ann": ann, "bob": bob, "post": Pointer("Post", post)}


async def made(backend: Emulating, class_name: str, **changes: Change) -> str:
    result = await backend.execute(Create(class_name=class_name, changes=changes), CLIENT)
    return result.id or ""


async def shown(backend: Emulating, of: Pointer, **more: Any) -> Fields:
    return (await backend.execute(Get(class_name=of.class_name, id=of.id, **more), CLIENT)).object or {}


async def fans(backend: Emulating, post: Pointer) -> set[Any]:
    find = Find(class_name="Person", limit=100, where=RelatedTo(post, "fans"))
    return {each["name"] for each in (await backend.execute(find, CLIENT)).objects or []}


async def test_every_answer_has_what_its_objects_point_to(dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with tables(dialects, tmp_path) as (backend, at):
        whole = await shown(backend, at["post"])
        expected = {"n": 1, "author": at["ann"], "lead": at["ann"], "fans": Relation("Person")}
        assert {name: whole.get(name) for name in expected} == expected
        find = Find(class_name="Post", limit=10, where=Condition("author", Op.EQ, at["ann"]))
        (found,) = (await backend.execute(find, CLIENT)).objects or []
        assert found == whole
        assert "boss" not in await shown(backend, at["bob"])
        assert set(await shown(backend, at["post"], select=("n", "unheard"))) | {OWNER} == {*SYSTEM, "n"}
        # what is included has its own, one level further
        author = (await shown(backend, at["post"], include=("author", "fans", "n", "nosuch")))["author"]
        assert isinstance(author, Object)
        assert (author.fields["name"], author.fields["boss"]) == ("ann", at["bob"])
        deep = (await shown(backend, at["post"], include=("author.boss",)))["author"]
        assert isinstance(deep, Object)
        boss = deep.fields["boss"]
        assert isinstance(boss, Object)
        assert boss.fields["name"] == "bob"
        every = await shown(backend, at["post"], include=("*",))
        assert (type(every["author"]), type(every["lead"]), every["fans"]) == (Object, Object, Relation("Person"))


async def test_the_class_of_a_relation_need_not_be_known(dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with tables(dialects, tmp_path) as (backend, at):
        find = Find(class_name="Post", limit=10, redirect_key="fans", where=RelatedTo(at["post"], "fans"))
        result = await backend.execute(find, CLIENT)
        assert (result.class_name, [each["name"] for each in result.objects or []]) == ("Person", ["bob"])


async def test_a_column_without_a_value_is_not_there(dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    """Each object of a table tells all columns of it, as null: clients whose objects have fields know of none."""
    async with tables(dialects, tmp_path) as (backend, at):
        empty = Pointer("Post", await made(backend, "Post", lead=Set(at["ann"])))
        assert set(await shown(backend, empty)) == {*SYSTEM, "lead", "fans"}
        unset = Update(class_name="Post", id=at["post"].id, changes={"n": Unset()}, returning=Returning.CHANGED)
        assert "n" not in ((await backend.execute(unset, CLIENT)).object or {})
        included = (await shown(backend, empty, include=("lead",)))["lead"]
        assert isinstance(included, Object)
        assert {name for name in included.fields if name[:1] != "@"} == {"name", "boss"}
        bob = included.fields["boss"]
        assert bob == at["bob"]
        assert set(await shown(backend, at["bob"])) == {*SYSTEM, "name"}


async def test_a_selection_is_heeded(dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with tables(dialects, tmp_path) as (backend, at):

        async def own(**more: Any) -> set[str]:
            return {name for name in await shown(backend, at["post"], **more) if name[:1] != "@"}

        assert await own(select=("n",)) == {"n"}
        assert await own(select=("author",)) == {"author"}
        assert await own(select=("n", "fans")) == {"n", "fans"}
        assert await own(exclude=("author", "n")) == {"lead", "fans"}
        author = (await shown(backend, at["post"], select=("author.name",)))["author"]
        assert isinstance(author, Object)
        assert {name for name in author.fields if name[:1] != "@"} == {"name"}


async def test_a_save_with_pointers_is_one(dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with tables(dialects, tmp_path) as (backend, at):
        new = Pointer(
            "Post", await made(backend, "Post", n=Set(2), author=Set(at["bob"]), fans=AddRelation((at["ann"],)))
        )
        assert (await shown(backend, new))["author"] == at["bob"]
        assert await fans(backend, new) == {"ann"}
        changes: dict[str, Change] = {
            "n": Increment(1),
            "author": Set(at["ann"]),
            "fans": AddRelation((at["bob"],)),
            "lead": Unset(),
        }
        result = await backend.execute(
            Update(class_name="Post", id=new.id, changes=changes, returning=Returning.CHANGED), CLIENT
        )
        assert result.updated_at is not None
        assert result.object == {"n": 3, "author": at["ann"], "fans": Relation("Person")}
        assert await fans(backend, new) == {"ann", "bob"}
        # nothing of it is done where one of them cannot be
        lost = Pointer("Person", "nosuchid")
        before = await shown(backend, new)
        several: tuple[dict[str, Change], ...] = (
            {"author": Set(lost)},
            {"fans": AddRelation((at["ann"], lost))},
        )
        for bad in several:
            assert await refusal(backend, Update(class_name="Post", id=new.id, changes={"n": Set(9), **bad})) is (
                Code.BAD_POINTER
            )
        assert await shown(backend, new) == before
        gone = Update(class_name="Post", id="nosuchid", changes={"n": Set(9), "author": Set(at["ann"])})
        assert await refusal(backend, gone) is Code.OBJECT_NOT_FOUND


async def test_a_relation_is_changed_by_calls_of_its_own(dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with tables(dialects, tmp_path) as (backend, at):
        people = [Pointer("Person", await made(backend, "Person", name=Set(str(n)))) for n in range(10)]
        adds = (Update(class_name="Post", id=at["post"].id, changes={"fans": AddRelation((p,))}) for p in people)
        answers = await asyncio.gather(*(backend.execute(add, CLIENT) for add in adds))
        assert all(answer.updated_at is not None for answer in answers)
        assert await fans(backend, at["post"]) == {"bob", *map(str, range(10))}
        both = Several((RemoveRelation((at["bob"], *people[:9])), AddRelation((at["ann"],))))
        await backend.execute(Update(class_name="Post", id=at["post"].id, changes={"fans": both}), CLIENT)
        assert await fans(backend, at["post"]) == {"ann", "9"}
        none = Update(class_name="Post", id=at["post"].id, changes={"author": Unset()})
        await backend.execute(none, CLIENT)
        assert "author" not in await shown(backend, at["post"])


async def test_a_transaction_has_them_as_well(dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with tables(dialects, tmp_path) as (backend, at):
        new = Create(class_name="Post", changes={"n": Set(5), "author": Set(at["bob"])})
        change = Update(class_name="Post", id=at["post"].id, changes={"lead": Set(at["bob"])})
        count = Update(class_name="Post", id=at["post"].id, changes={"n": Increment(1)})
        answers = (await backend.execute(Batch(items=(new, change, count), atomic=True), CLIENT)).items or []
        assert len(answers) == 3
        assert isinstance(answers[0], Result)
        assert (await shown(backend, Pointer("Post", answers[0].id or "")))["author"] == at["bob"]
        post = await shown(backend, at["post"])
        assert (post["lead"], post["n"]) == (at["bob"], 2)
        bad = Update(class_name="Post", id="nosuchid", changes={"n": Set(1)})
        back = Update(class_name="Post", id=at["post"].id, changes={"lead": Set(at["ann"])})
        await refusal(backend, Batch(items=(back, bad), atomic=True))
        assert (await shown(backend, at["post"]))["lead"] == at["bob"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"author": Set("a text")}, Code.TYPE_MISMATCH),
        ({"author": AddRelation((Pointer("Person", "a"),))}, Code.TYPE_MISMATCH),
        ({"author": Set(Pointer("Post", "a"))}, Code.TYPE_MISMATCH),
        ({"author": Increment(1)}, Code.TYPE_MISMATCH),
        ({"fans": Set(Pointer("Person", "a"))}, Code.TYPE_MISMATCH),
        ({"fans": Set([])}, Code.TYPE_MISMATCH),
        ({"fans": AddRelation((Pointer("Person", "a"), Pointer("Post", "a")))}, Code.TYPE_MISMATCH),
        ({"n": Set(Pointer("Person", "a"))}, Code.TYPE_MISMATCH),
        ({"editors": Set([Pointer("Person", "a")])}, Code.UNSUPPORTED),
        ({"fans": AddUnique((Pointer("Person", "a"),))}, Code.TYPE_MISMATCH),
    ],
)
async def test_what_a_column_does_not_hold_is_refused(
    changes: dict[str, Change], code: Code, dialects: Mapping[str, Dialect], tmp_path: Path
) -> None:
    async with tables(dialects, tmp_path) as (backend, at):
        before = await shown(backend, at["post"])
        assert await refusal(backend, Update(class_name="Post", id=at["post"].id, changes=changes)) is code
        assert await shown(backend, at["post"]) == before


async def test_a_new_column_is_made_where_that_is_allowed_alone(
    dialects: Mapping[str, Dialect], tmp_path: Path
) -> None:
    save: dict[str, Change]
    async with tables(dialects, tmp_path) as (backend, at):
        save = {"n": Set(7), "second": Set(at["bob"])}
        ops: tuple[Operation, ...] = (
            Create(class_name="Post", changes=save),
            Update(class_name="Post", id=at["post"].id, changes=save),
            Update(class_name="Post", id=at["post"].id, changes=save, where=Condition("n", Op.EQ, 1)),
            Batch(items=(Create(class_name="Post", changes=save),), atomic=True),
        )
        for op in ops:
            assert await refusal(backend, op) is Code.UNSUPPORTED
        # by itself it is one request, which makes the column
        alone = Update(class_name="Post", id=at["post"].id, changes={"third": Set(at["bob"])})
        await backend.execute(alone, CLIENT)
        assert (await shown(backend, at["post"]))["third"] == at["bob"]


def as_in_sql(backend: Emulating, others: Change | None = None) -> list[str]:
    """The vendor, where nothing and a number are nothing: what it is asked. `others` change it once, meanwhile."""
    heard: list[str] = []
    remote = backend._backend.remote
    native = remote.execute
    waiting = [] if others is None else [others]

    async def execute(op: Operation, caller: Caller) -> Result:
        heard.append(type(op).__name__)
        if isinstance(op, UpdateMany) and waiting:
            changes = dict.fromkeys(op.changes, waiting[0])
            await native(replace(op, changes=changes), caller)
            waiting.clear()
        result = await native(op, caller)
        if not isinstance(op, Update) or "n" not in op.changes or not isinstance(op.changes["n"], Increment):
            return result
        assert result.object is not None
        if result.object["n"] == op.changes["n"].by and op.id not in there:  # which our stand-in counts from 0
            there.add(op.id)
            await native(Update(class_name=op.class_name, id=op.id, changes={"n": Unset()}), caller)
            result.object["n"] = None
        return result

    there = set[str]()
    remote.execute = execute  # type: ignore[method-assign]
    return heard


@pytest.mark.parametrize(("others", "expected"), [(None, 3), (Set(10), 13)])
@pytest.mark.parametrize("returning", Returning)
async def test_a_count_begins_with_nothing(
    others: Change | None, expected: int, returning: Returning, dialects: Mapping[str, Dialect], tmp_path: Path
) -> None:
    """Of two who count first, neither is lost."""
    async with tables(dialects, tmp_path) as (backend, at):
        empty = Pointer("Post", await made(backend, "Post", lead=Set(at["ann"])))
        heard = as_in_sql(backend, others)
        changes: dict[str, Change] = {"n": Increment(3)}
        count = Update(class_name="Post", id=empty.id, changes=changes, returning=returning)
        result = await backend.execute(count, CLIENT)
        shown_of_it = {} if returning is Returning.NOTHING else {"n": expected}
        assert {name: value for name, value in (result.object or {}).items() if name == "n"} == shown_of_it
        assert heard[:2] == ["Update", "UpdateMany"]
        heard.clear()
        await backend.execute(replace(count, returning=Returning.COMPUTED), CLIENT)
        assert ((await shown(backend, empty))["n"], heard[0]) == (expected + 3, "Update")
        new = Create(class_name="Post", changes={"n": Increment(2)})
        result = await backend.execute(new, CLIENT)
        assert result.object == {"n": 2}
        assert (await shown(backend, Pointer("Post", result.id or "")))["n"] == 2


async def test_a_transaction_and_a_condition_count_from_nothing_as_well(
    dialects: Mapping[str, Dialect], tmp_path: Path
) -> None:
    async with tables(dialects, tmp_path) as (backend, at):
        empty = await made(backend, "Post", lead=Set(at["bob"]))
        heard: list[Operation] = []
        remote = backend._backend.remote
        native = remote.execute

        async def execute(op: Operation, caller: Caller) -> Result:
            heard.append(op)
            return await native(op, caller)

        remote.execute = execute  # type: ignore[method-assign]
        where = Condition("lead", Op.EQ, at["bob"])
        count = Update(class_name="Post", id=empty, changes={"n": Increment(5)}, where=where)
        for expected in (5, 10):
            await backend.execute(count, CLIENT)
            assert (await shown(backend, Pointer("Post", empty)))["n"] == expected
        # those that have a number, and those that have none: at once, and none of them twice
        unit = next(op for op in heard if isinstance(op, Batch))
        assert [item.changes["n"] for item in unit.items if isinstance(item, UpdateMany)] == [Increment(5), Set(5)]
        heard.clear()
        await backend.execute(Batch(items=(replace(count, where=None),), atomic=True), CLIENT)
        (unit,) = (op for op in heard if isinstance(op, Batch))
        zero, _ = unit.items
        assert isinstance(zero, UpdateMany)
        assert zero.where == And((Condition(ID, Op.EQ, empty), Condition("n", Op.EQ, None)))
        assert (await shown(backend, Pointer("Post", empty)))["n"] == 15


async def test_without_the_pointers_a_save_is_refused_and_nothing_is_hidden(
    dialects: Mapping[str, Dialect], tmp_path: Path
) -> None:
    async with tables(dialects, tmp_path, refused=("pointers",)) as (backend, at):
        change = Update(class_name="Post", id=at["post"].id, changes={"author": Set(at["bob"])})
        assert await refusal(backend, change) is Code.UNSUPPORTED
        assert (await shown(backend, at["post"]))["author"] == at["ann"]


async def test_who_logs_in_is_told_of_them(dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with tables(dialects, tmp_path, allowed=APART) as (backend, at):
        changes = {"email": Set("ann@example.com"), "password": Set("pw")}
        sign_up = SignUp(changes=changes, named_by_email=True, opens_session=False)
        result = await backend.execute(sign_up, CLIENT)
        update = Update(class_name=USER, id=result.id or "", changes={"friend": Set(at["bob"]), "n": Set(1)})
        log_in = LogIn(username="ann@example.com", password="pw")
        session = (await backend.execute(log_in, CLIENT)).session
        await backend.execute(update, Caller(app="blog", session=session))
        found = (await backend.execute(log_in, CLIENT)).object or {}
        assert (found["friend"], found["n"]) == (at["bob"], 1)
        as_in_sql(backend)
        log_in = LogIn(username="bob@example.com", password="pw")
        changes = {"email": Set("bob@example.com"), "password": Set("pw")}
        other = (await backend.execute(SignUp(changes=changes, named_by_email=True, opens_session=False), CLIENT)).id
        as_bob = Caller(app="blog", session=(await backend.execute(log_in, CLIENT)).session)
        for expected in (2, 4):  # users are in no transaction, and count all the same
            count = Update(class_name=USER, id=other or "", changes={"n": Increment(2)})
            assert (await backend.execute(count, as_bob)).object == {"n": expected}


async def test_a_column_that_is_no_more_is_forgotten(dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with tables(dialects, tmp_path) as (backend, at):
        await shown(backend, at["post"])
        registry = backend._registry
        assert registry is not None
        known = await registry.learned(("Post",))
        known["Post"]["ghost"] = known["Post"]["author"]  # type: ignore[index]
        whole = await shown(backend, at["post"])
        assert (whole["author"], "ghost" in whole) == (at["ann"], False)


def test_the_table_of_abilities_tells_of_them(dialects: Mapping[str, Dialect]) -> None:
    title = "pointers and relations in a save"
    apart = "pointers and relations of new columns, and of users"
    found = {name: abilities(dialect) for name, dialect in dialects.items()}
    assert {name: each[title].way.value for name, each in found.items()} == {
        "parse": "native",
        "leancloud": "native",
        "backendless": "emulated",
    }
    assert found["backendless"][apart].way.value == "refused"
    assert abilities(dialects["backendless"], APART)[apart].way.value == "emulated"
