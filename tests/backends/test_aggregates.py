"""Aggregations of a real store's objects: by the store's own groups where they are the same, else page by page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.backends import aggregates
from gateway.backends.aggregates import Aggregates
from gateway.backends.base import Backend
from gateway.backends.embedded import Embedded
from gateway.errors import Code, GatewayError
from gateway.model.aggregate import (
    Aggregate,
    Constant,
    CountRows,
    FieldPath,
    Gather,
    Gathered,
    Group,
    Limit,
    Match,
    Order,
    Project,
    Skip,
    Stage,
    Unwind,
)
from gateway.model.operation import Caller, Create, CreateMany, Find, NewObject, Operation, Result, Scan
from gateway.model.query import Condition, Op, Sort
from gateway.model.update import Change, Set
from gateway.model.values import Date, Pointer

MASTER = Caller(app="blog", master=True)
OBJECTS = 2500


class Store(Embedded):
    """A store as a backend, without users."""

    async def identify(self, caller: Caller) -> Caller:
        return caller


class Watched:
    """A backend, and what it was asked."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.asked: list[Operation] = []

    async def execute(self, op: Operation, caller: Caller) -> Result:
        self.asked.append(op)
        return await self.backend.execute(op, caller)

    async def identify(self, caller: Caller) -> Caller:
        return caller

    async def close(self) -> None:
        await self.backend.close()


def fields(n: int) -> dict[str, Change]:
    values: dict[str, Any] = {
        "n": n,
        "half": n / 2,
        "kind": f"k{n % 3}",
        "even": n % 2 == 0,
        "of": Pointer("Author", f"a{n % 2}"),
        "on": Date.from_ms(n * 86_400_000),
        "tags": ["all", f"t{n % 2}"],
    }
    if n % 5 == 0:
        del values["kind"], values["half"]
    return {name: Set(value) for name, value in values.items()}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("aggregates") / "blog.db"

    async def fill() -> None:
        embedded = await Embedded.open(f"sqlite:///{path}", secret=b"x" * 32)
        for first in range(0, OBJECTS, 500):
            objects = tuple(NewObject(fields(n)) for n in range(first, first + 500))
            await embedded.execute(CreateMany(class_name="Post", objects=objects), MASTER)
        await embedded.close()

    asyncio.run(fill())
    return f"sqlite:///{path}"


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    embedded = Store((await Embedded.open(url, secret=b"x" * 32)).store)
    yield embedded
    await embedded.close()


async def rows(backend: Backend, *stages: Stage, **more: Any) -> list[Any]:
    found: list[Any] = (await backend.execute(Aggregate(class_name="Post", stages=stages, **more), MASTER)).value
    return found


def by_id(found: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(found, key=lambda row: repr(row["@id"]))


SUMS = (
    Gathered("rows", Gather.SUM, Constant(1)),
    Gathered("tens", Gather.SUM, Constant(10)),
    Gathered("count", Gather.COUNT, Constant(None)),
    Gathered("total", Gather.SUM, FieldPath("n")),
    Gathered("halves", Gather.SUM, FieldPath("half")),
    Gathered("mean", Gather.AVERAGE, FieldPath("half")),
    Gathered("least", Gather.MIN, FieldPath("n")),
    Gathered("most", Gather.MAX, FieldPath("kind")),
    Gathered("first", Gather.MIN, FieldPath("on")),
)


@pytest.mark.parametrize("key", ["kind", "even", "of", "n", "on", None])
@pytest.mark.parametrize("where", [None, Condition("n", Op.LT, 40), Condition("n", Op.LT, 0)], ids=str)
async def test_the_groups_of_the_store_are_those_of_the_stages(store: Store, key: str | None, where: Any) -> None:
    group = Group(Constant(None) if key is None else FieldPath(key), SUMS)
    watched = Watched(store)
    there = await rows(Aggregates(watched, store), group, where=where)
    assert [type(op) for op in watched.asked] == [Find], "it was not left to the store"
    here = await rows(Aggregates(store), group, where=where)
    assert by_id(there) == by_id(here)


@pytest.mark.parametrize(
    "group",
    [
        Group(FieldPath("tags"), SUMS),
        Group(FieldPath("none"), SUMS),
        Group(FieldPath("of.name"), SUMS),
        Group(FieldPath("kind"), (Gathered("all", Gather.PUSH, FieldPath("n")),)),
        Group(FieldPath("kind"), (Gathered("sum", Gather.SUM, FieldPath("kind")),)),
    ],
    ids=["a list", "no column", "a path", "a list of values", "a sum of text"],
)
async def test_what_a_store_would_do_otherwise_is_not_left_to_it(store: Store, group: Group) -> None:
    watched = Watched(store)
    await rows(Aggregates(watched, store), group)
    assert {type(op) for op in watched.asked} == {Scan}


async def test_objects_of_many_pages_are_each_seen_once(store: Store) -> None:
    watched = Watched(store)
    found = await rows(Aggregates(watched), Group(Constant(None), (Gathered("all", Gather.PUSH, FieldPath("n")),)))
    assert sorted(found[0]["all"]) == list(range(OBJECTS))
    assert len(watched.asked) == OBJECTS // aggregates.PAGE + 1


async def test_only_what_the_stages_look_at_is_read(store: Store) -> None:
    watched = Watched(store)
    await rows(Aggregates(watched), Unwind("tags"), Group(FieldPath("tags"), SUMS[:1]))
    assert {op.select for op in watched.asked if isinstance(op, Scan)} == {("tags",)}
    await rows(Aggregates(watched), Limit(1))
    assert isinstance(watched.asked[-1], Scan)
    assert watched.asked[-1].select is None


async def test_no_more_is_read_than_a_limit_needs(store: Store) -> None:
    watched = Watched(store)
    assert len(await rows(Aggregates(watched), Match(Condition("even", Op.EQ, True)), Limit(3))) == 3
    assert len(watched.asked) == 1


async def test_few_objects_of_a_sort_are_asked_of_the_store(store: Store) -> None:
    watched = Watched(store)
    stages = (Order((Sort("n", True),)), Skip(1), Limit(2), Project((("n", FieldPath("n")),), without_id=True))
    assert await rows(Aggregates(watched), *stages) == [{"n": OBJECTS - 2}, {"n": OBJECTS - 3}]
    assert [type(op) for op in watched.asked] == [Find]
    assert (await rows(Aggregates(watched), Order((Sort("n"),)), CountRows("all"))) == [{"all": OBJECTS}]


async def test_conditions_and_the_first_stages_are_one_query(store: Store) -> None:
    found = await rows(
        Aggregates(store),
        Match(Condition("n", Op.LT, 100)),
        Match(Condition("even", Op.EQ, True)),
        CountRows("n"),
        where=Condition("n", Op.GE, 50),
    )
    assert found == [{"n": 25}]


async def test_different_values(store: Store) -> None:
    backend = Aggregates(store)
    assert await rows(backend, distinct="kind") == ["k0", "k1", "k2"]
    assert await rows(backend, distinct="tags") == ["all", "t0", "t1"]
    assert await rows(backend, distinct="n", where=Condition("n", Op.LT, 3)) == [0, 1, 2]
    assert await rows(backend, distinct="of") == [Pointer("Author", "a0"), Pointer("Author", "a1")]
    with pytest.raises(GatewayError, match="distinct") as refused:
        await rows(backend, Limit(1), distinct="n")
    assert refused.value.code is Code.BAD_QUERY


async def test_a_class_that_is_not_there_has_no_objects(store: Store) -> None:
    for backend in (Aggregates(store), Aggregates(store, store)):
        for more in ({"stages": (Group(Constant(None), SUMS),)}, {"distinct": "n"}, {}):
            op = Aggregate(class_name="Nothing", **more)
            assert (await backend.execute(op, MASTER)).value == []


async def test_time_is_bounded(store: Store) -> None:
    seconds = iter(range(0, 10_000, 100))
    with pytest.raises(GatewayError) as refused:
        await rows(Aggregates(store, clock=lambda: float(next(seconds))), CountRows("n"))
    assert refused.value.code is Code.TIMEOUT


async def test_other_operations_go_on(store: Store) -> None:
    made = await Aggregates(store).execute(Create(class_name="Other", changes={"n": Set(1)}), MASTER)
    assert made.id is not None
