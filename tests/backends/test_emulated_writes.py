"""Writes by means of others, in front of what knows them and of what does not: both come to the same."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.backends.emulated_writes import Writes
from gateway.dialects.dialect import Dialect
from gateway.errors import Code, GatewayError
from gateway.model.operation import (
    Caller,
    Delete,
    Get,
    Operation,
    Result,
    Returning,
    Update,
    Upsert,
)
from gateway.model.query import Condition, Op
from gateway.model.update import Add, AddUnique, BitAnd, BitOr, BitXor, Changes, Increment, Remove, Set, Several
from gateway.model.values import ACL, UPDATED_AT, Date, Pointer
from tests.behind import CLIENT, EVERY_ONE, backend_of_others, behind, make, refusal, values

BACKS = ("parse", "leancloud")


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


async def test_where_a_vendor_compares_nobody_comes_between(dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with backend_of_others(tmp_path) as address, behind(dialects["backendless"], address) as backend:
        known = await make(backend, n=0)
        at_zero = Condition("n", Op.EQ, 0)
        updates = [Update(class_name="Note", id=known, changes={"n": Set(n)}, where=at_zero) for n in range(1, 6)]
        told = await asyncio.gather(*(backend.execute(op, CLIENT) for op in updates), return_exceptions=True)
        assert [type(each) for each in told].count(Result) == 1
        assert {each.code for each in told if isinstance(each, GatewayError)} == {Code.CONDITION_FAILED}
        (now,) = await values(backend)
        everything = replace(updates[0], where=Condition("n", Op.EQ, now), returning=Returning.EVERYTHING)
        result = await backend.execute(everything, CLIENT)
        assert ((result.object or {})["n"], result.id) == (1, known)
        assert (result.updated_at, (result.object or {})[UPDATED_AT]) == (result.updated_at,) * 2
        assert await refusal(backend, replace(updates[0], id="nosuchid")) is Code.OBJECT_NOT_FOUND
        delete = Delete(class_name="Note", ids=(known,), where=at_zero)
        assert await refusal(backend, delete) is Code.CONDITION_FAILED
        await backend.execute(replace(delete, where=Condition("n", Op.EQ, 1)), CLIENT)
        assert await values(backend) == []


async def test_bits_and_lists_are_computed_of_what_nobody_has_changed_meanwhile(
    dialects: Mapping[str, Dialect], tmp_path: Path
) -> None:
    async with (
        backend_of_others(tmp_path) as address,
        behind(dialects["backendless"], address) as backend,
        behind(dialects["parse"], address) as owner,  # who makes a column of lists
    ):
        known = await make(owner, n=1, tags=[])
        several: list[Changes] = [{"n": BitOr(2**bit), "tags": AddUnique((bit % 4, "x"))} for bit in range(8)]
        updates = [Update(class_name="Note", id=known, changes=changes) for changes in several]
        for result in await asyncio.gather(*(backend.execute(op, CLIENT) for op in updates)):
            assert set(result.object or {}) == {"n", "tags"}
        fields = (await backend.execute(Get(class_name="Note", id=known), CLIENT)).object or {}
        assert (fields["n"], sorted(map(str, fields["tags"]))) == (255, ["0", "1", "2", "3", "x"])
        changes: Changes = {"tags": Several((Remove(("x", 0)), Add((7, 7)))), "n": Increment(1)}
        await backend.execute(Update(class_name="Note", id=known, changes=changes), CLIENT)
        fields = (await backend.execute(Get(class_name="Note", id=known), CLIENT)).object or {}
        assert (fields["n"], sorted(fields["tags"])) == (256, [1, 2, 3, 7, 7])
        assert (
            await refusal(backend, Update(class_name="Note", id=known, changes={"n": Add((1,))})) is Code.TYPE_MISMATCH
        )
        assert (
            await refusal(backend, Update(class_name="Note", id="none", changes={"n": BitOr(1)}))
            is Code.OBJECT_NOT_FOUND
        )


async def test_what_is_never_left_alone_is_given_up() -> None:
    times = (Date(f"2020-01-01T00:00:{second:02}.000Z") for second in itertools.count())

    async def ask(op: Operation, _caller: Caller) -> Result:
        assert isinstance(op, Get)
        return Result(object={"n": 1, UPDATED_AT: next(times)})

    writes = Writes(ask, lambda _op, _caller: False, compares=True)
    with pytest.raises(GatewayError) as given_up:
        await writes.computed(Update(class_name="Note", id="a", changes={"n": BitOr(1)}), CLIENT)
    assert given_up.value.code is Code.UNAVAILABLE


@pytest.mark.parametrize(
    "changes",
    [{"to": Set(Pointer("Note", "any"))}, {ACL: Set({"*": {"read": True}})}, {"n": Add((1,))}],
    ids=["a pointer", "an ACL", "a list"],
)
async def test_what_cannot_be_written_on_a_condition_is_refused_at_once(
    changes: Changes, dialects: Mapping[str, Dialect], tmp_path: Path
) -> None:
    async with backend_of_others(tmp_path) as address, behind(dialects["backendless"], address) as backend:
        known = await make(backend, n=1)
        update = Update(class_name="Note", id=known, changes=changes, where=Condition("n", Op.EQ, 1))
        assert await refusal(backend, update) is Code.UNSUPPORTED
        assert await values(backend) == [1]
