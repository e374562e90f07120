"""Counters as objects, on servers that have none: what everybody counts is counted."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.backends.counters import LARGEST, PAGE
from gateway.backends.emulate import Emulating
from gateway.backends.emulated_counters import COUNTER_CLASS, MOST_PAGES, Counters
from gateway.dialects.dialect import Dialect
from gateway.errors import Code, GatewayError
from gateway.model.definition import CreateClass
from gateway.model.operation import Caller, Create, Delete, Find, Operation, Result, Update
from gateway.model.services import AddToCounter, CompareAndSetCounter, GetCounter, ListCounters, ResetCounter
from tests.behind import CLIENT, MASTER, backend_of_others, behind, refusal

BACKS = ("parse", "leancloud")


async def value(backend: Emulating, op: Operation) -> object:
    return (await backend.execute(op, CLIENT)).value


@pytest.mark.parametrize("back", BACKS)
async def test_it_counts(back: str, dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with (
        backend_of_others(tmp_path, custom_ids=True) as address,
        behind(dialects[back], address) as backend,
    ):
        assert await value(backend, GetCounter(name="visits")) == 0
        assert await value(backend, ListCounters()) == []
        assert await value(backend, AddToCounter(name="visits")) == 1
        assert await value(backend, AddToCounter(name="visits", by=5)) == 6
        assert await value(backend, AddToCounter(name="visits", by=-2, before=True)) == 6
        assert await value(backend, GetCounter(name="visits")) == 4
        assert await value(backend, AddToCounter(name="visi/t é", by=-3, before=True)) == 0
        assert await value(backend, GetCounter(name="visi/t é")) == -3
        await backend.execute(ResetCounter(name="visits"), CLIENT)
        assert await value(backend, GetCounter(name="visits")) == 0
        await backend.execute(ResetCounter(name="fresh"), CLIENT)
        assert await value(backend, ListCounters()) == ["fresh", "visi/t é", "visits"]
        assert await value(backend, ListCounters(pattern="visi*")) == ["visi/t é", "visits"]


@pytest.mark.parametrize("back", BACKS)
async def test_who_counts_first_loses_no_count(back: str, dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with (
        backend_of_others(tmp_path, custom_ids=True) as address,
        behind(dialects[back], address) as backend,
        behind(dialects[back], address) as other,
    ):
        adds = [value(one, AddToCounter(name="tickets")) for _ in range(10) for one in (backend, other)]
        assert sorted(map(int, map(str, await asyncio.gather(*adds)))) == list(range(1, 21))
        assert await value(other, GetCounter(name="tickets")) == 20


@pytest.mark.parametrize("back", BACKS)
async def test_a_server_that_takes_no_ids_could_lose_some(
    back: str, dialects: Mapping[str, Dialect], tmp_path: Path
) -> None:
    async with backend_of_others(tmp_path) as address, behind(dialects[back], address) as backend:
        for op in (AddToCounter(name="visits"), ResetCounter(name="visits")):
            with pytest.raises(GatewayError, match="takes no ids from clients") as refused:
                await backend.execute(op, CLIENT)
            assert refused.value.code is Code.UNSUPPORTED
        assert await value(backend, GetCounter(name="visits")) == 0
        assert await value(backend, ListCounters()) == []


async def test_a_pattern_is_looked_for_page_by_page_and_not_for_ever() -> None:
    asked: list[Operation] = []

    async def ask(op: Operation, _caller: Caller) -> Result:
        asked.append(op)
        first = (len(asked) - 1) * PAGE
        names = [f"n{number:06}" for number in range(first, min(first + PAGE, there))]
        return Result(objects=[{"@id": name, "name": name} for name in names])

    counters = Counters(ask, COUNTER_CLASS)
    there = 2 * PAGE + 1
    assert (await counters.names(ListCounters(pattern="*2000"), CLIENT)).value == ["n002000"]
    there = (MOST_PAGES + 1) * PAGE
    asked.clear()
    with pytest.raises(GatewayError, match="too many to look through"):
        await counters.names(ListCounters(pattern="visits"), CLIENT)
    assert len(asked) == MOST_PAGES


async def test_an_id_that_is_read_past_is_none() -> None:
    asked: list[Operation] = []

    async def ask(op: Operation, _caller: Caller) -> Result:
        asked.append(op)
        match op:
            case Update():
                raise GatewayError(Code.OBJECT_NOT_FOUND, "")
            case Create():
                return Result(id="of its own")
            case _:
                return Result()

    with pytest.raises(GatewayError, match="takes no ids from clients"):
        await Counters(ask, COUNTER_CLASS).add(AddToCounter(name="visits"), CLIENT)
    assert asked[-1] == Delete(class_name=COUNTER_CLASS, ids=("of its own",), missing_ok=True)


async def test_a_counter_is_compared_in_one_request(dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with (
        backend_of_others(tmp_path, custom_ids=True) as address,
        behind(dialects["leancloud"], address) as backend,
    ):
        assert await value(backend, CompareAndSetCounter(name="a", expected=1, updated=2)) is False
        sets = [value(backend, CompareAndSetCounter(name="a", expected=0, updated=n)) for n in range(1, 11)]
        assert (await asyncio.gather(*sets)).count(True) == 1
        now = await value(backend, GetCounter(name="a"))
        assert type(now) is int
        assert await value(backend, CompareAndSetCounter(name="a", expected=0, updated=99)) is False
        assert await value(backend, CompareAndSetCounter(name="a", expected=now, updated=99)) is True
        assert await value(backend, GetCounter(name="a")) == 99


async def test_or_it_is_refused_unless_it_is_allowed(dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    compare = CompareAndSetCounter(name="a", expected=0, updated=5)
    async with backend_of_others(tmp_path, custom_ids=True) as address:
        async with behind(dialects["parse"], address) as backend:
            with pytest.raises(GatewayError, match="another one may come between"):
                await backend.execute(compare, CLIENT)
            assert await value(backend, GetCounter(name="a")) == 0
        async with behind(dialects["parse"], address, allowed=("conditions",)) as backend:
            assert await value(backend, compare) is True
            assert await value(backend, compare) is False
            assert await value(backend, GetCounter(name="a")) == 5
        async with behind(dialects["parse"], address, refused=("counters",)) as backend:
            assert await refusal(backend, GetCounter(name="a")) is Code.UNSUPPORTED


async def test_clients_count_by_their_own_rights(dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with (
        backend_of_others(tmp_path, custom_ids=True, client_class_creation=False) as address,
        behind(dialects["parse"], address) as backend,
    ):
        assert await refusal(backend, AddToCounter(name="visits")) is Code.FORBIDDEN
        await backend.execute(CreateClass(class_name=COUNTER_CLASS, fields={}), MASTER)
        assert await value(backend, AddToCounter(name="visits")) == 1


async def test_a_number_that_is_none_for_others_is_refused(dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with (
        backend_of_others(tmp_path, custom_ids=True) as address,
        behind(dialects["parse"], address) as backend,
    ):
        assert await value(backend, AddToCounter(name="a", by=LARGEST)) == LARGEST
        assert await refusal(backend, AddToCounter(name="a")) is Code.BAD_VALUE
        assert await refusal(backend, AddToCounter(name="a", by=LARGEST + 1)) is Code.BAD_VALUE
        assert await value(backend, GetCounter(name="a")) == LARGEST
        assert await refusal(backend, GetCounter(name="")) is Code.BAD_VALUE
        found = (await backend.execute(Find(class_name=COUNTER_CLASS, limit=9), CLIENT)).objects or []
        assert [fields["name"] for fields in found] == ["a"]
