"""What is shown beside objects, by queries of their own, of a real server of somebody else's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.backends.emulate import Emulating
from gateway.backends.including import MOST_LEVELS, MOST_QUERIES
from gateway.dialects.dialect import Dialect
from gateway.errors import Code, GatewayError
from gateway.model.operation import Caller, Create, Find, Get, Update
from gateway.model.query import (
    Aggregate,
    Aggregated,
    Arithmetic,
    Column,
    Condition,
    Inverse,
    JsonPath,
    Literal,
    Op,
    Output,
    Sort,
    Wildcard,
)
from gateway.model.update import AddRelation, Set
from gateway.model.values import ID, Object, Pointer, Value
from tests.behind import backend_of_others, behind

CLIENT = Caller(app="blog")
BACKS = ("parse", "leancloud")


@asynccontextmanager
async def town(dialect: Dialect, folder: Path) -> AsyncIterator[tuple[Emulating, dict[str, str]]]:
    """A street with two houses, of which one has an owner, who lives in it."""
    async with backend_of_others(folder) as address, behind(dialect, address, with_columns=True) as backend:

        async def make(class_name: str, **fields: Value) -> str:
            changes = {name: Set(value) for name, value in fields.items()}
            return (await backend.execute(Create(class_name=class_name, changes=changes), CLIENT)).id or ""

        ids = {"ann": await make("Person", name="Ann", age=40, js={"deep": [1, {"x": 2}]})}
        ids["hut"] = await make("House", name="hut", n=1)
        ids["castle"] = await make("House", name="castle", n=2, owner=Pointer("Person", ids["ann"]))
        ids["street"] = await make("Street", name="Main")
        ids["empty"] = await make("Street", name="Empty")
        houses = AddRelation(tuple(Pointer("House", ids[name]) for name in ("hut", "castle")))
        people = AddRelation((Pointer("Person", ids["ann"]),))
        await backend.execute(Update(class_name="Street", id=ids["street"], changes={"houses": houses}), CLIENT)
        await backend.execute(Update(class_name="House", id=ids["castle"], changes={"people": people}), CLIENT)
        yield backend, ids


def names(value: Any) -> list[str]:
    assert isinstance(value, list)
    return sorted(each.fields["name"] for each in value)


async def refusal(backend: Emulating, op: Find | Get) -> Code:
    with pytest.raises(GatewayError) as refused:
        await backend.execute(op, CLIENT)
    return refused.value.code


@pytest.mark.parametrize("back", BACKS)
async def test_members_are_shown(back: str, dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with town(dialects[back], tmp_path) as (backend, ids):
        find = Find(class_name="Street", limit=10, include=("houses.owner",), members=10, order=(Sort("name"),))
        empty, main = (await backend.execute(find, CLIENT)).objects or []
        assert empty["houses"] == []
        assert names(main["houses"]) == ["castle", "hut"]
        castle = next(each for each in main["houses"] if each.fields["name"] == "castle")
        assert isinstance(castle, Object)
        owner = castle.fields["owner"]
        assert isinstance(owner, Object)
        assert (owner.class_name, owner.fields["name"]) == ("Person", "Ann")
        get = Get(class_name="Street", id=ids["street"], select=("name",), include=("houses",), members=1, exact=True)
        (told,) = [(await backend.execute(get, CLIENT)).object or {}]
        assert set(told) == {"name", "houses"}
        assert len(told["houses"]) == 1


async def test_levels_are_shown(dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with town(dialects["parse"], tmp_path) as (backend, ids):
        for depth, people in ((1, False), (2, True)):
            get = Get(class_name="Street", id=ids["street"], depth=depth, members=10)
            houses: Any = ((await backend.execute(get, CLIENT)).object or {})["houses"]
            castle = next(each for each in houses if each.fields["name"] == "castle")
            assert isinstance(castle.fields["owner"], Object) is people
            assert isinstance(castle.fields["people"], list) is people
        deep = Get(class_name="Street", id=ids["street"], depth=MOST_LEVELS + 1, members=1)
        assert await refusal(backend, deep) is Code.UNSUPPORTED


async def test_everything_is_what_lists_hold_as_well(dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    """Parse Server, includeAll: each column of pointers, and each of lists."""
    async with town(dialects["leancloud"], tmp_path) as (backend, ids):
        held = [Pointer("House", ids["hut"]), 5, Pointer("Person", ids["ann"]), Pointer("House", "nobody")]
        changes = {"held": Set(held), "first": Set(Pointer("House", ids["castle"]))}
        made = (await backend.execute(Create(class_name="Tour", changes=changes), CLIENT)).id or ""
        for include in (("*",), ("*", "first.owner"), ("*", "held.owner")):
            found = (await backend.execute(Get(class_name="Tour", id=made, include=include), CLIENT)).object or {}
            shown = found["held"]
            assert (shown[0].fields["name"], shown[1], shown[2].fields["name"]) == ("hut", 5, "Ann")
            assert len(shown) == 3  # a pointer to what is not there disappears
            assert found["first"].fields["name"] == "castle"
            owner = found["first"].fields["owner"]
            assert isinstance(owner, Object) is ("first.owner" in include)
        # of what is selected, that is
        some = Get(class_name="Tour", id=made, include=("*",), select=("held",), exact=True)
        found = (await backend.execute(some, CLIENT)).object or {}
        assert (set(found), found["held"][2].fields["name"]) == ({"held"}, "Ann")
        # what a list holds leads on
        await backend.execute(
            Update(class_name="Tour", id=made, changes={"held": Set([Pointer("House", ids["castle"])])}), CLIENT
        )
        deep = (
            await backend.execute(Get(class_name="Tour", id=made, include=("*", "held.owner")), CLIENT)
        ).object or {}
        assert deep["held"][0].fields["owner"].fields["name"] == "Ann"
        # a query that names what it shows is the backend's own
        named = (await backend.execute(Get(class_name="Tour", id=made, include=("held",)), CLIENT)).object or {}
        assert named["held"][0].fields["name"] == "castle"


async def test_values_are_computed_of_one_object(dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with town(dialects["parse"], tmp_path) as (backend, ids):
        outputs = (
            Output("title", Column("name")),
            Output("of", Column("owner.name")),
            Output("twice", Arithmetic("*", Column("n"), Literal(2))),
            Output("nothing", Arithmetic("/", Column("n"), Literal(0))),
            Output("none", Arithmetic("+", Column("missing"), Literal(1))),
        )
        find = Find(class_name="House", limit=10, select=("n",), exact=True, outputs=outputs, order=(Sort("n"),))
        hut, castle = (await backend.execute(find, CLIENT)).objects or []
        assert hut == {"n": 1, "title": "hut", "of": None, "twice": 2, "nothing": None, "none": None}
        assert castle == {"n": 2, "title": "castle", "of": "Ann", "twice": 4, "nothing": None, "none": None}
        inside = (Output("x", JsonPath("js", ("deep", 1, "x"))), Output("y", JsonPath("js", ("deep", 7))))
        found = await backend.execute(Get(class_name="Person", id=ids["ann"], outputs=inside), CLIENT)
        told = found.object or {}
        assert (told["x"], told["y"], told["age"]) == (2, None, 40)
        refused = (
            Output("a", JsonPath("js", (Wildcard.ANY_KEY,))),
            Output("a", Column("people.name")),
            Output("a", Aggregated(Aggregate.SUM, Column("n"))),
        )
        for output in refused:
            assert await refusal(backend, Find(class_name="House", limit=1, outputs=(output,))) is Code.UNSUPPORTED
        by_it = Find(class_name="House", limit=1, outputs=outputs, order=(Sort("twice"),))
        assert await refusal(backend, by_it) is Code.UNSUPPORTED


async def test_too_much_is_refused_and_nothing_left_out(dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with town(dialects["parse"], tmp_path) as (backend, _):
        for n in range(MOST_QUERIES // 100):
            made = [Create(class_name="Street", changes={"n": Set(n)}) for _ in range(100)]
            for create in made:
                await backend.execute(create, CLIENT)
        every = Find(class_name="Street", limit=1000, include=("houses",), members=1)
        assert await refusal(backend, every) is Code.UNSUPPORTED


async def test_what_an_object_stands_in(dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with town(dialects["parse"], tmp_path) as (backend, ids):

        async def found(class_name: str, where: Inverse) -> list[Value]:
            find = Find(class_name=class_name, limit=10, where=where)
            return sorted(str(each["name"]) for each in (await backend.execute(find, CLIENT)).objects or [])

        of_one = Condition(ID, Op.EQ, ids["street"])
        assert await found("House", Inverse("Street", "houses", of_one)) == ["castle", "hut"]
        by_name = Condition("name", Op.EQ, "Main")
        assert await found("House", Inverse("Street", "houses", by_name)) == ["castle", "hut"]
        assert await found("House", Inverse("Street", "houses", Condition("name", Op.EQ, "Empty"))) == []
        assert await found("Person", Inverse("House", "owner", Condition("n", Op.EQ, 2))) == ["Ann"]
        assert await found("Person", Inverse("House", "owner", Condition("n", Op.EQ, 1))) == []
        unknown = Find(class_name="House", limit=1, where=Inverse("Street", "nothing", by_name))
        assert await refusal(backend, unknown) is Code.UNSUPPORTED
