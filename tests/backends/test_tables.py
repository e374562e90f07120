"""What clients of tables ask for, of servers that know single objects: the store's own words come to the same."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.backends.emulate import Emulating
from gateway.backends.tables import Tables
from gateway.dialects.dialect import Dialect
from gateway.errors import Code, GatewayError
from gateway.model.operation import (
    Caller,
    Create,
    CreateMany,
    Delete,
    DeleteMany,
    Find,
    FindRelated,
    Get,
    NewObject,
    Operation,
    Relate,
    Relating,
    Result,
    UpdateMany,
)
from gateway.model.query import Condition, Op, Sort
from gateway.model.update import Increment, Set
from gateway.model.values import ID, Pointer, ResultOf
from tests.behind import backend_of_others, behind

CLIENT = Caller(app="blog")
BACKS = ("parse", "leancloud")
NOBODY = "0123456789abcdef01234567"


async def make(backend: Emulating, n: int, class_name: str = "Person") -> str:
    made = await backend.execute(Create(class_name=class_name, changes={"n": Set(n)}), CLIENT)
    assert made.id is not None
    return made.id


async def refusal(backend: Emulating, op: Operation) -> Code:
    with pytest.raises(GatewayError) as refused:
        await backend.execute(op, CLIENT)
    return refused.value.code


def relate(known: str, how: Relating, *ids: str, field: str = "all", **more: Any) -> Relate:
    words: dict[str, Any] = {"ids": ids, **more}
    return Relate(class_name="Team", id=known, field=field, how=how, target="Person", **words)


async def related(backend: Emulating, known: str, **more: Any) -> list[Any]:
    words: dict[str, Any] = {"limit": 10, "order": (Sort("n"),), **more}
    result = await backend.execute(FindRelated(class_name="Team", id=known, field="all", **words), CLIENT)
    assert result.class_name == "Person"
    return [fields["n"] for fields in result.objects or []]


@pytest.mark.parametrize("back", BACKS)
async def test_relations(back: str, dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with (
        backend_of_others(tmp_path) as address,
        behind(dialects[back], address, allowed=("conditions",), with_columns=True) as backend,
    ):
        team = await make(backend, 0, "Team")
        a, b, c = [await make(backend, n) for n in (1, 2, 3)]

        async def total(op: Relate) -> int | None:
            return (await backend.execute(op, CLIENT)).total

        assert await total(relate(team, Relating.ADD, a, b, a, NOBODY)) == 2
        assert await total(relate(team, Relating.ADD, b, c)) == 1
        assert await related(backend, team) == [1, 2, 3]
        assert await related(backend, team, where=Condition("n", Op.GE, 2), limit=1, skip=1) == [3]
        assert await total(relate(team, Relating.REMOVE, a, NOBODY)) == 1
        assert await total(relate(team, Relating.REMOVE, a)) == 0
        assert await total(relate(team, Relating.SET, a, b)) == 2
        assert await related(backend, team) == [1, 2]
        by = Relate(
            class_name="Team", id=team, field="all", how=Relating.SET, where=Condition("n", Op.EQ, 3), target="Person"
        )
        assert await total(by) == 1
        assert await related(backend, team) == [3]
        assert await refusal(backend, relate(NOBODY, Relating.ADD, a)) is Code.OBJECT_NOT_FOUND
        missing = FindRelated(class_name="Team", id=team, field="none", limit=1)
        assert await refusal(backend, missing) is Code.NO_SUCH_COLUMN


@pytest.mark.parametrize("back", BACKS)
async def test_pointers(back: str, dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with (
        backend_of_others(tmp_path) as address,
        behind(dialects[back], address, allowed=("conditions",), with_columns=True) as backend,
    ):
        team = await make(backend, 0, "Team")
        a, b = [await make(backend, n) for n in (1, 2)]

        async def total(how: Relating, *ids: str) -> int | None:
            return (await backend.execute(relate(team, how, *ids, field="first", single=True), CLIENT)).total

        async def shown(**more: Any) -> Any:
            op = FindRelated(class_name="Team", id=team, field="first", limit=10, **more)
            found = (await backend.execute(op, CLIENT)).object
            return None if found is None else found["n"]

        assert await total(Relating.ADD, a) == 1
        assert await shown() == 1
        assert await shown(where=Condition("n", Op.EQ, 2)) is None
        assert await total(Relating.SET, b) == 1
        assert await shown() == 2
        several = relate(team, Relating.SET, a, b, field="first", single=True)
        assert await refusal(backend, several) is Code.BAD_VALUE
        assert await total(Relating.REMOVE, a) == 0
        assert await shown() == 2
        assert await total(Relating.REMOVE, b) == 1
        assert await shown() is None
        assert await total(Relating.SET, a) == 1
        assert await total(Relating.SET) == 0
        found = (await backend.execute(Get(class_name="Team", id=team), CLIENT)).object or {}
        assert not isinstance(found.get("first"), Pointer)


async def test_many_are_made_all_or_none(dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with (
        backend_of_others(tmp_path) as address,
        behind(dialects["parse"], address, with_columns=True) as backend,
    ):
        objects = tuple(NewObject({"n": Set(n)}) for n in (1, 2))
        made = await backend.execute(CreateMany(class_name="Note", objects=objects), CLIENT)
        assert len(set(made.ids or [])) == 2
        wrong = (NewObject({"n": Set(3)}), NewObject({"n": Set("text")}))
        assert await refusal(backend, CreateMany(class_name="Note", objects=wrong)) is Code.TYPE_MISMATCH
        found = await backend.execute(Find(class_name="Note", limit=10, order=(Sort("n"),)), CLIENT)
        assert [(fields["n"], fields[ID] in (made.ids or [])) for fields in found.objects or []] == [
            (1, True),
            (2, True),
        ]
        assert await refusal(backend, CreateMany(class_name="_User", objects=objects)) is Code.UNSUPPORTED
        mine = CreateMany(class_name="Note", objects=(NewObject({"n": Set(5)}, "mine"),), upsert=True)
        assert await refusal(backend, mine) is Code.UNSUPPORTED  # this server takes no ids
        assert len((await backend.execute(Find(class_name="Note", limit=10), CLIENT)).objects or []) == 2
    assert (
        await Tables(_never, None, lambda _name: None, batch=1).create_many(
            CreateMany(class_name="Note", objects=()), CLIENT
        )
    ).ids == []


async def test_what_may_be_there_is_made_or_changed_all_or_none(
    dialects: Mapping[str, Dialect], tmp_path: Path
) -> None:
    def some(**numbers: int) -> CreateMany:
        objects = tuple(NewObject({"n": Set(n)}, name) for name, n in numbers.items())
        return CreateMany(class_name="Note", objects=objects, upsert=True)

    async def there(backend: Emulating) -> dict[str, int]:
        found = (await backend.execute(Find(class_name="Note", limit=10, order=(Sort(ID),)), CLIENT)).objects or []
        return {fields[ID]: fields["n"] for fields in found}

    async with backend_of_others(tmp_path, custom_ids=True) as address:
        async with behind(dialects["parse"], address, with_columns=True) as backend:
            assert (await backend.execute(some(a=1, b=2), CLIENT)).ids == ["a", "b"]
            assert (await backend.execute(some(c=3, b=4), CLIENT)).ids == ["c", "b"]
            assert await there(backend) == {"a": 1, "b": 4, "c": 3}
            new = CreateMany(class_name="Note", objects=(NewObject({"n": Set(9)}),), upsert=True)
            (known,) = (await backend.execute(new, CLIENT)).ids or []
            assert (await there(backend)).pop(known) == 9
            wrong = replace(some(d=1), objects=(*some(d=1).objects, NewObject({"n": Set("text")}, "a")))
            assert await refusal(backend, wrong) is Code.TYPE_MISMATCH
            twice = replace(some(d=1), objects=some(d=1).objects * 2)
            assert await refusal(backend, twice) is Code.UNSUPPORTED
            assert "d" not in await there(backend)
            # at the same time: who comes second sees it, and looks again
            several = await asyncio.gather(*(backend.execute(some(e=n, f=n), CLIENT) for n in range(3)))
            assert [result.ids for result in several] == [["e", "f"]] * 3
            now = await there(backend)
            assert now["e"] == now["f"]
        async with behind(dialects["parse"], address, refused=("bulk_upsert",)) as backend:
            assert await refusal(backend, some(a=1)) is Code.UNSUPPORTED


async def test_many_that_match_are_each_written_on_that_condition(
    dialects: Mapping[str, Dialect], tmp_path: Path
) -> None:
    async with (
        backend_of_others(tmp_path) as address,
        behind(dialects["leancloud"], address, with_columns=True) as backend,
    ):
        for n in range(4):
            await make(backend, n, "Note")
        # each of these is of one moment: nobody's increment is counted for an object that no longer matches
        at_most = Condition("n", Op.LE, 2)
        update = UpdateMany(class_name="Note", changes={"n": Increment(10)}, where=at_most)
        totals = await asyncio.gather(*(backend.execute(update, CLIENT) for _ in range(3)))
        assert sum(result.total or 0 for result in totals) == 3
        found = (await backend.execute(Find(class_name="Note", limit=10, order=(Sort("n"),)), CLIENT)).objects or []
        assert [fields["n"] for fields in found] == [3, 10, 11, 12]
        delete = DeleteMany(class_name="Note", where=Condition("n", Op.GE, 11))
        assert (await backend.execute(delete, CLIENT)).total == 2


async def _never(op: Operation, caller: Caller) -> Result:
    raise AssertionError("nothing is to be asked")


async def test_a_dialect_without_transactions_makes_no_many(dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with (
        backend_of_others(tmp_path) as address,
        behind(dialects["leancloud"], address, with_columns=True) as backend,
    ):
        many = CreateMany(class_name="Note", objects=(NewObject({"n": Set(1)}),))
        assert await refusal(backend, many) is Code.UNSUPPORTED


@pytest.mark.parametrize("back", BACKS)
async def test_many_are_changed_and_deleted(back: str, dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with (
        backend_of_others(tmp_path) as address,
        behind(dialects[back], address, allowed=("conditions",), with_columns=True) as backend,
    ):
        ids = [await make(backend, n, "Note") for n in range(5)]

        async def total(op: Operation) -> int | None:
            return (await backend.execute(op, CLIENT)).total

        up = {"n": Increment(10)}
        where = Condition("n", Op.GE, 3)
        assert await total(UpdateMany(class_name="Note", changes=up, where=where)) == 2
        assert await total(UpdateMany(class_name="Note", changes=up, ids=(ids[0], NOBODY))) == 1
        found = await backend.execute(Find(class_name="Note", limit=10, order=(Sort("n"),)), CLIENT)
        assert [fields["n"] for fields in found.objects or []] == [1, 2, 10, 13, 14]
        await backend.execute(Delete(class_name="Note", ids=(ids[1],)), CLIENT)
        assert await total(DeleteMany(class_name="Note", ids=(ids[1], ids[2]))) == 1
        assert await total(DeleteMany(class_name="Note", where=where)) == 3


async def test_what_is_looked_up_first_is_refused_unless_it_is_allowed(
    dialects: Mapping[str, Dialect], tmp_path: Path
) -> None:
    async with (
        backend_of_others(tmp_path) as address,
        behind(dialects["parse"], address, with_columns=True) as backend,
    ):
        team, one = await make(backend, 0, "Team"), await make(backend, 1)
        where = Condition("n", Op.EQ, 1)
        for op in (
            relate(team, Relating.SET, one),
            Relate(class_name="Team", id=team, field="all", how=Relating.ADD, where=where, target="Person"),
            relate(team, Relating.REMOVE, one, field="first", single=True),
            UpdateMany(class_name="Person", changes={"n": Set(2)}, where=where),
            DeleteMany(class_name="Person", where=where),
            DeleteMany(class_name="Person", ids=ResultOf("a")),
        ):
            assert await refusal(backend, op) is Code.UNSUPPORTED
        assert (await backend.execute(relate(team, Relating.ADD, one), CLIENT)).total == 1
