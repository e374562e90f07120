"""Operations by means of others, in front of what knows them and of what does not: both come to the same."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.backends.emulate import EMULATIONS, Ability, Emulating, Way, abilities
from gateway.dialects.dialect import Dialect
from gateway.errors import Code, GatewayError
from gateway.mapping.schema import MappingFile
from gateway.model.account import ChangePassword, CurrentUser, LogIn, SignUp
from gateway.model.operation import (
    Batch,
    Caller,
    Create,
    Delete,
    Find,
    Get,
    Operation,
    Result,
    Scan,
    Update,
    Upsert,
)
from gateway.model.query import Condition, Op, Sort
from gateway.model.update import Add, BitAnd, BitOr, BitXor, Change, Changes, Increment, Remove, Set, Several
from gateway.model.values import CREATED_AT, ID, Reference
from tests.behind import backend_of_others, behind

CLIENT = Caller(app="blog")
MASTER = Caller(app="blog", master=True)
BACKS = ("parse", "leancloud")
EVERY_ONE = tuple(EMULATIONS)


async def make(backend: Emulating, **fields: Any) -> str:
    made = await backend.execute(
        Create(class_name="Note", changes={name: Set(value) for name, value in fields.items()}), CLIENT
    )
    assert made.id is not None
    return made.id


async def values(backend: Emulating, field: str = "n") -> list[Any]:
    found = await backend.execute(Find(class_name="Note", limit=1000), CLIENT)
    return sorted(each.get(field) for each in found.objects or [])


async def refusal(backend: Emulating, op: Operation, caller: Caller = CLIENT) -> Code:
    with pytest.raises(GatewayError) as refused:
        await backend.execute(op, caller)
    return refused.value.code


def small(dialect: Dialect, *, page: int = 1000, batch: int = 1000) -> Dialect:
    """The same vendor, with less at once."""
    limits = dialect.file.limits
    limits = limits.model_copy(update={"batch": batch, "page": limits.page.model_copy(update={"largest": page})})
    file: MappingFile = dialect.file.model_copy(update={"limits": limits})
    return Dialect(dialect.name, file)


@pytest.mark.parametrize("back", BACKS)
async def test_several_are_deleted(back: str, dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with backend_of_others(tmp_path) as address, behind(dialects[back], address) as backend:
        first, second, third = [await make(backend, n=n) for n in (1, 2, 3)]
        await backend.execute(Delete(class_name="Note", ids=(first, "nosuchid", second, second)), CLIENT)
        assert await values(backend) == [3]
        none = Delete(class_name="Note", ids=("nosuchid", first))
        if back == "parse":
            assert await refusal(backend, none) is Code.OBJECT_NOT_FOUND
            await backend.execute(Delete(class_name="Note", ids=(first,), missing_ok=True), CLIENT)
            await backend.execute(Delete(class_name="Note", ids=(first, third), missing_ok=True), CLIENT)
            assert await values(backend) == []


@pytest.mark.parametrize("back", BACKS)
async def test_an_upsert_updates_or_creates(back: str, dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with (
        backend_of_others(tmp_path, custom_ids=True) as address,
        behind(dialects[back], address) as backend,
    ):
        upsert = Upsert(class_name="Note", id="mine", changes={"n": Increment(1)})
        first = await backend.execute(upsert, CLIENT)
        second = await backend.execute(upsert, CLIENT)
        assert (first.created, second.created, await values(backend)) == (True, False, [2])
        await backend.execute(Upsert(class_name="Note", changes={"n": Set(9)}), CLIENT)
        assert await values(backend) == [2, 9]
        # all at once: each counts, whoever was first
        other = Upsert(class_name="Note", id="other", changes={"n": Increment(1)})
        made = await asyncio.gather(*(backend.execute(other, CLIENT) for _ in range(10)))
        assert [result.created for result in made].count(True) == 1
        assert await values(backend) == [2, 9, 10]


@pytest.mark.parametrize("back", BACKS)
async def test_where_clients_cannot_choose_ids_an_upsert_makes_nothing(
    back: str, dialects: Mapping[str, Dialect], tmp_path: Path
) -> None:
    async with backend_of_others(tmp_path) as address, behind(dialects[back], address) as backend:
        await refusal(backend, Upsert(class_name="Note", id="mine", changes={"n": Set(1)}))
        await make(backend, n=5)
        assert await values(backend) == [5]


@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("key", [Sort(ID), Sort(ID, descending=True), Sort(CREATED_AT)])
async def test_a_scan_comes_to_every_object_once(
    back: str, key: Sort, dialects: Mapping[str, Dialect], tmp_path: Path
) -> None:
    async with backend_of_others(tmp_path) as address, behind(dialects[back], address) as backend:
        for n in range(23):
            await make(backend, n=n)
        scan = Scan(class_name="Note", limit=10, key=key, where=Condition("n", Op.GE, 2))
        seen: list[int] = []
        cursor, pages = None, 0
        while pages == 0 or cursor is not None:
            page = await backend.execute(
                Scan(class_name="Note", limit=10, key=key, where=scan.where, cursor=cursor), MASTER
            )
            seen += [each["n"] for each in page.objects or []]
            cursor, pages = page.cursor, pages + 1
        assert (sorted(seen), pages) == (list(range(2, 23)), 3)


async def test_a_cursor_is_of_its_scan(dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with backend_of_others(tmp_path) as address, behind(dialects["parse"], address) as backend:
        for n in range(3):
            await make(backend, n=n)
        page = await backend.execute(Scan(class_name="Note", limit=1), MASTER)
        assert page.cursor is not None
        for cursor, class_name in ((page.cursor, "Other"), ("x" + page.cursor, "Note"), ("", "Note")):
            assert (
                await refusal(backend, Scan(class_name=class_name, limit=1, cursor=cursor), MASTER) is Code.BAD_CURSOR
            )
        assert await refusal(backend, Scan(class_name="Note", limit=1, key=Sort("n")), MASTER) is Code.UNSUPPORTED


@pytest.mark.parametrize("back", BACKS)
async def test_a_large_page_is_several(back: str, dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    dialect = small(dialects[back], page=4)
    async with backend_of_others(tmp_path) as address, behind(dialect, address) as backend:
        for n in range(11):
            await make(backend, n=n % 2, m=n)
        find = Find(class_name="Note", limit=10, skip=1, order=(Sort("n"),), count=True)
        result = await backend.execute(find, CLIENT)
        found = result.objects or []
        assert ([each["n"] for each in found], result.total) == ([0] * 5 + [1] * 5, 11)
        assert len({each["m"] for each in found}) == 10
        everything = await backend.execute(Find(class_name="Note", limit=100), CLIENT)
        assert sorted(each["m"] for each in everything.objects or []) == list(range(11))


@pytest.mark.parametrize("back", BACKS)
async def test_a_batch_keeps_its_order_and_the_limits(
    back: str, dialects: Mapping[str, Dialect], tmp_path: Path
) -> None:
    dialect = small(dialects[back], batch=3)
    async with backend_of_others(tmp_path) as address, behind(dialect, address, allowed=EVERY_ONE) as backend:
        known = [await make(backend, n=0) for _ in range(4)]
        set_to = [Update(class_name="Note", id=known[0], changes={"n": Set(n)}) for n in range(5)]
        get = Get(class_name="Note", id=known[0])
        condition = Update(class_name="Note", id=known[1], changes={"n": Set(7)}, where=Condition("n", Op.EQ, 0))
        missing = Update(class_name="Note", id="nosuchid", changes={"n": Set(1)})
        more = [Update(class_name="Note", id=each, changes={"n": Increment(1)}) for each in known]
        items = (*set_to, get, missing, condition, condition, *more, get)
        answers = (await backend.execute(Batch(items=items), CLIENT)).items or []
        told = [(answer.object or {}).get("n") if isinstance(answer, Result) else answer.code for answer in answers]
        assert (told[5], told[-1]) == (4, 5)
        # LeanCloud's number for a missing object is that of anything
        assert told[6] in (Code.OBJECT_NOT_FOUND, Code.BAD_REQUEST)
        assert isinstance(answers[7], Result)
        assert told[8] is Code.CONDITION_FAILED
        assert await values(backend) == [1, 1, 5, 8]


async def test_a_transaction_is_one_or_is_refused(dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    parse = small(dialects["parse"], batch=3)
    async with backend_of_others(tmp_path) as address, behind(parse, address, allowed=EVERY_ONE) as backend:
        known = await make(backend, n=0)
        good = Update(class_name="Note", id=known, changes={"n": Set(1)})
        bad = Update(class_name="Note", id="nosuchid", changes={"n": Set(1)})
        assert await refusal(backend, Batch(items=(good, bad), atomic=True)) is Code.OBJECT_NOT_FOUND
        assert await values(backend) == [0]
        # names that nobody refers to are no reason
        await backend.execute(Batch(items=(good, good), atomic=True, names=("a", "b")), CLIENT)
        assert await values(backend) == [1]
        child = Create(class_name="Note", changes={"n": Set(2), "to": Set(Reference("a", "Note"))})
        refused = (
            Batch(items=(Create(class_name="Note", changes={}), child), atomic=True, names=("a", "b")),
            Batch(items=(good,) * 4, atomic=True),
            Batch(items=(Update(class_name="Note", id=known, changes={"n": BitOr(1)}),), atomic=True),
        )
        for batch in refused:
            assert await refusal(backend, batch) is Code.UNSUPPORTED
        assert await values(backend) == [1]


@pytest.mark.parametrize("back", BACKS)
async def test_writes_on_a_condition(back: str, dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with backend_of_others(tmp_path) as address, behind(dialects[back], address, allowed=EVERY_ONE) as backend:
        known = await make(backend, n=1)
        update = Update(class_name="Note", id=known, changes={"n": Set(2)}, where=Condition("n", Op.EQ, 1))
        await backend.execute(update, CLIENT)
        assert await refusal(backend, update) is Code.CONDITION_FAILED
        delete = Delete(class_name="Note", ids=(known,), where=Condition("n", Op.EQ, 1))
        assert await refusal(backend, delete) is Code.CONDITION_FAILED
        assert await values(backend) == [2]
        await backend.execute(Delete(class_name="Note", ids=(known,), where=Condition("n", Op.EQ, 2)), CLIENT)
        assert await values(backend) == []


@pytest.mark.parametrize("back", BACKS)
async def test_bits_are_changed(back: str, dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with backend_of_others(tmp_path) as address, behind(dialects[back], address, allowed=EVERY_ONE) as backend:
        known = await make(backend, n=12, text="a")
        bits = Several((BitAnd(8), BitOr(3), BitXor(1)))
        changes: Changes = {"n": bits, "m": Increment(1), "fresh": BitOr(4)}
        result = await backend.execute(Update(class_name="Note", id=known, changes=changes), CLIENT)
        assert result.object == {"n": 10, "m": 1, "fresh": 4}
        assert await values(backend) == [10]
        await refusal(backend, Update(class_name="Note", id=known, changes={"text": BitOr(1)}))


async def test_what_would_lose_a_promise_is_refused_unless_it_is_allowed(
    dialects: Mapping[str, Dialect], tmp_path: Path
) -> None:
    async with backend_of_others(tmp_path) as address, behind(dialects["parse"], address) as backend:
        known = await make(backend, n=1)

        def update(**changes: Change) -> Update:
            return Update(class_name="Note", id=known, changes=changes)

        for op in (
            replace(update(n=Set(2)), where=Condition("n", Op.EQ, 1)),
            Delete(class_name="Note", ids=(known,), where=Condition("n", Op.EQ, 1)),
            update(n=BitOr(2)),
            update(l=Several((Add((1,)), Remove((2,))))),
            replace(update(n=Set(2)), untyped=True),
        ):
            assert await refusal(backend, op) is Code.UNSUPPORTED
        assert await values(backend) == [1]


async def test_what_is_switched_off_is_refused(dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with (
        backend_of_others(tmp_path) as address,
        behind(dialects["parse"], address, refused=("deletes",)) as backend,
    ):
        known = await make(backend, n=1)
        assert await refusal(backend, Delete(class_name="Note", ids=(known, "x"))) is Code.UNSUPPORTED
        await backend.execute(Delete(class_name="Note", ids=(known,)), CLIENT)
        assert await values(backend) == []


async def test_a_password_is_changed_by_who_knows_the_old_one(dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with backend_of_others(tmp_path) as address, behind(dialects["parse"], address) as backend:
        made = await backend.execute(SignUp(changes={"username": Set("tom"), "password": Set("old")}), CLIENT)
        assert made.id is not None
        tom = Caller(app="blog", session=made.session)
        wrong = ChangePassword(id=made.id, old_password="wrong", new_password="new")
        assert await refusal(backend, wrong, tom) is Code.BAD_CREDENTIALS
        changed = await backend.execute(ChangePassword(id=made.id, old_password="old", new_password="new"), tom)
        assert changed.session not in (None, made.session)
        assert (await backend.execute(LogIn(username="tom", password="new"), CLIENT)).session is not None
        assert await refusal(backend, LogIn(username="tom", password="old")) is Code.BAD_CREDENTIALS


@pytest.mark.parametrize("back", BACKS)
async def test_the_session_of_a_parameter_counts(back: str, dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with backend_of_others(tmp_path) as address, behind(dialects[back], address) as backend:
        made = await backend.execute(SignUp(changes={"username": Set("tom"), "password": Set("a")}), CLIENT)
        found = await backend.execute(CurrentUser(session=made.session), CLIENT)
        assert (found.object or {})["username"] == "tom"


def test_what_a_backend_can_do_is_told_from_the_tables(dialects: Mapping[str, Dialect]) -> None:
    parse, leancloud = abilities(dialects["parse"]), abilities(dialects["leancloud"])
    assert parse["find"] == leancloud["find"] == Ability(Way.NATIVE)
    assert (parse["scan"].way, leancloud["scan"].way) == (Way.EMULATED, Way.NATIVE)
    assert (parse["delete of several objects"].way, leancloud["delete of several objects"].way) == (
        Way.EMULATED,
        Way.NATIVE,
    )
    assert (parse["changes of bits"].way, leancloud["changes of bits"].way) == (Way.REFUSED, Way.NATIVE)
    assert abilities(dialects["parse"], ["bits"], ["scan"])["changes of bits"].way is Way.EMULATED
    assert abilities(dialects["parse"], ["bits"], ["scan"])["scan"] == Ability(Way.REFUSED, "by the configuration")
    assert (parse["all or nothing"].way, leancloud["all or nothing"].way) == (Way.NATIVE, Way.REFUSED)
    assert parse["get_counter"].way is Way.REFUSED
