"""Objects in groups of groups, against the same in plain Python; and whose values and objects they never tell."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gateway.store.groups
from gateway.errors import Code
from gateway.model.groups import Group, Level, Step
from gateway.model.operation import Caller, CountInGroup, Create, FindGroups, Operation
from gateway.model.query import (
    Aggregate,
    Aggregated,
    Arithmetic,
    Column,
    Condition,
    Filter,
    Literal,
    Op,
    Output,
    Sort,
    Subquery,
)
from gateway.model.schema import Action, AppSettings, ClassSettings, Protected, Rule
from gateway.model.update import AddRelation, Set
from gateway.model.values import ACL, CREATED_AT, ID, Date, Fields, File, GeoPoint, Object, Pointer, Value
from gateway.store.sqlite import SqliteStore
from tests.store.conftest import CALLER, Shop

ANN, BOB = Caller("test", user_id="ann"), Caller("test", user_id="bob")

Tree = tuple[bool, list[Any]]
"""Whether there is more, and the items: ids, or groups as field, value and tree."""


def tree(level: Level | None) -> Tree:
    assert level is not None
    return level.more, [
        (item.field, item.value, tree(item.level)) if isinstance(item, Group) else item[ID] for item in level.items
    ]


def groups(class_name: str = "Item", **more: Any) -> FindGroups:
    sizes = {"limit": 100, "group_limit": 100, "object_limit": 100, "levels": 3}
    return FindGroups(class_name=class_name, **(sizes | more))


# --- against plain Python ---

FIELDS: dict[str, Sequence[Value]] = {
    "text": ("", "a", "A", "b", "é", "1", None),
    "number": (0, 1, 1.5, -2, None),
    "flag": (True, False, None),
    "day": (Date("2026-01-01T00:00:00.000Z"), Date("1999-12-31T23:59:59.999Z"), None),
    "by": (Pointer("Person", "p1"), Pointer("Person", "gone"), None),
}
SORTED = (*FIELDS, "size", CREATED_AT)


@dataclass
class Box:
    """A store, and what of it the caller may see, the oldest first."""

    store: SqliteStore
    runner: asyncio.Runner
    seen: list[Fields]

    def do(self, op: Operation) -> Any:
        return self.runner.run(self.store.execute(op, ANN))


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    dice = random.Random(5)
    seen: list[Fields] = []
    times = iter(range(1_700_000_000_000, 1_800_000_000_000, 7))
    with asyncio.Runner() as runner:
        path = tmp_path_factory.mktemp("groups") / "box.db"
        store = runner.run(SqliteStore.open(path, secret=b"secret", now_ms=lambda: next(times)))
        for number in range(120):
            row: Fields = {name: dice.choice(values) for name, values in FIELDS.items()} | {"size": dice.randrange(6)}
            if number == 0:
                row = {name: values[0] for name, values in FIELDS.items()} | {"size": 0}
            kept = {name: value for name, value in row.items() if value is not None or dice.random() < 0.5}
            acl = dice.choice((None, {"ann": {"read": True}}, {"bob": {"read": True}}, {}))
            changes = {name: Set(value) for name, value in kept.items()}
            if acl is not None:
                changes[ACL] = Set(acl)
            made = runner.run(store.execute(Create(class_name="Item", id=f"i{number}", changes=changes), CALLER))
            if acl is None or "ann" in acl:
                seen.append(row | {ID: f"i{number}", CREATED_AT: made.created_at})
        yield Box(store, runner, seen)
        runner.run(store.close())


def placed(value: Any) -> Any:
    """A value as it sorts among others of its field: none comes first."""
    return (
        value is not None,
        value.id if isinstance(value, Pointer) else str(value) if isinstance(value, Date) else value,
    )


def sizes_above(objects: Sequence[Fields], where: Filter | None) -> list[Fields]:
    if where is None:
        return list(objects)
    assert isinstance(where, Condition)
    return [fields for fields in objects if fields["size"] > where.value]


def inside(objects: Sequence[Fields], path: Sequence[Step]) -> list[Fields]:
    return [fields for fields in objects if all(fields[step.field] == step.value for step in path)]


def expected(op: FindGroups, objects: Sequence[Fields]) -> Tree:
    objects = inside(sizes_above(objects, op.where), op.path)
    fields = [name for name in dict.fromkeys(op.group_by) if name not in {step.field for step in op.path}]
    sorts = [sort for sort in op.order if sort.field not in fields]
    ordered = sorted(objects, key=objects.index, reverse=bool(sorts) and sorts[-1].descending)
    for sort in reversed(sorts):
        ordered.sort(key=lambda one: placed(one[sort.field]), reverse=sort.descending)
    falling = {sort.field for sort in op.order if sort.descending}

    def level(objects: list[Fields], fields: Sequence[str], opened: int, limit: int, skip: int = 0) -> Tree:
        if not fields:
            ids = [one[ID] for one in objects]
            return len(ids) > skip + limit, ids[skip : skip + limit]
        name, *rest = fields
        values = sorted({placed(one[name]): one[name] for one in objects}.items(), reverse=name in falling)
        items: list[Any] = []
        for _, value in values[skip : skip + limit]:
            members = [one for one in objects if one[name] == value]
            size = op.group_limit if rest else op.object_limit
            items.append((name, value, level(members, rest, opened - 1, size) if opened else (True, [])))
        return len(values) > skip + limit, items

    return level(ordered, fields, op.levels, op.limit, op.skip)


STEPS = st.sampled_from([Step(name, value) for name, values in FIELDS.items() for value in values])
CONDITIONS = st.none() | st.integers(-1, 6).map(lambda size: Condition("size", Op.GT, size))
QUERIES = st.builds(
    FindGroups,
    class_name=st.just("Item"),
    group_by=st.lists(st.sampled_from(sorted(FIELDS)), max_size=4).map(tuple),
    path=st.lists(STEPS, max_size=2, unique_by=lambda step: step.field).map(tuple),
    levels=st.integers(0, 4),
    limit=st.integers(0, 5) | st.just(100),
    group_limit=st.integers(0, 3) | st.just(100),
    object_limit=st.integers(0, 3) | st.just(100),
    skip=st.integers(0, 4) | st.just(10**20),
    where=CONDITIONS,
    order=st.lists(
        st.builds(Sort, st.sampled_from(SORTED), st.booleans()), max_size=3, unique_by=lambda s: s.field
    ).map(tuple),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(QUERIES)
def test_groups_are_those_of_plain_python(box: Box, op: FindGroups) -> None:
    result = box.do(op)
    assert tree(result.groups) == expected(op, box.seen)
    assert [one[ID] for one in result.objects] == ids_in(tree(result.groups))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, max_size=3).map(tuple), CONDITIONS)
def test_as_many_are_in_a_group_as_in_plain_python(box: Box, path: tuple[Step, ...], where: Filter | None) -> None:
    found = box.do(CountInGroup(class_name="Item", path=path, where=where)).total
    assert found == len(inside(sizes_above(box.seen, where), path))


def ids_in(found: Tree) -> list[str]:
    return [known for item in found[1] for known in ([item] if isinstance(item, str) else ids_in(item[2]))]


def test_every_page_leads_to_the_next(box: Box) -> None:
    """As a client does it: the path of a group, and an offset in it."""
    fields = ("text", "flag", "number")

    def walked(path: tuple[Step, ...], depth: int) -> list[str]:
        ids: list[str] = []
        skip, more = 0, True
        while more:
            op = groups(group_by=fields, path=path, levels=depth, limit=2, skip=skip)
            result = box.do(op).groups
            more, skip = result.more, skip + 2
            for item in result.items:
                step = (*path, Step(item.field, item.value)) if isinstance(item, Group) else ()
                ids += walked(step, 0) if isinstance(item, Group) else [item[ID]]
        return ids

    assert sorted(walked((), 0)) == sorted(one[ID] for one in box.seen)


# --- what is shown ---


@pytest.fixture
async def kitchen(shop: Shop) -> Shop:
    await shop.change("Person", "p1", name=Set("ann"), age=Set(30))
    await shop.change("Person", "p2", name=Set("bob"), age=Set(20))
    for known, kind, price, by in (
        ("a", "cup", 3, "p1"),
        ("b", "cup", 1, "p2"),
        ("c", "pan", 9, "p2"),
        ("d", "cup", 3, None),
    ):
        maker = {} if by is None else {"by": Set(Pointer("Person", by))}
        await shop.change("Item", known, kind=Set(kind), price=Set(price), meta=Set({"x": known}), **maker)
    liked = AddRelation((Pointer("Person", "p1"), Pointer("Person", "p2")))
    await shop.change("Item", "e", kind=Set("pan"), fans=liked, photo=Set(File(name="x")), place=Set(GeoPoint(1, 2)))
    return shop


async def test_an_answer_has_its_objects_once(kitchen: Shop) -> None:
    result = await kitchen.do(groups(group_by=("kind",)))
    assert tree(result.groups) == (
        False,
        [("kind", "cup", (False, ["a", "b", "d"])), ("kind", "pan", (False, ["c", "e"]))],
    )
    assert result.groups is not None
    assert result.objects is not None
    shown = [one for group in result.groups.items for one in group.level.items]
    assert all(one is other for one, other in zip(shown, result.objects, strict=True))
    assert result.objects[0]["meta"] == {"x": "a"}


async def test_a_group_that_is_not_opened_has_more(kitchen: Shop) -> None:
    found = tree((await kitchen.do(groups(group_by=("kind", "price"), levels=0))).groups)
    assert found == (False, [("kind", "cup", (True, [])), ("kind", "pan", (True, []))])
    found = tree((await kitchen.do(groups(group_by=("kind", "price"), levels=1, group_limit=1))).groups)
    assert found == (
        False,
        [("kind", "cup", (True, [("price", 1, (True, []))])), ("kind", "pan", (True, [("price", None, (True, []))]))],
    )


async def test_nothing_is_found_where_a_path_leads_nowhere(kitchen: Shop) -> None:
    for step in (Step("kind", "jar"), Step("kind", 3), Step("price", "3"), Step("price", True), Step("nothing", 1)):
        result = await kitchen.do(groups(group_by=("kind", "price"), path=(step,)))
        assert (result.objects, tree(result.groups)) == ([], (False, []))
        assert (await kitchen.do(CountInGroup(class_name="Item", path=(step,)))).total == 0


async def test_a_path_may_name_a_field_that_makes_no_groups(kitchen: Shop) -> None:
    found = tree((await kitchen.do(groups(group_by=("kind",), path=(Step("price", 3),)))).groups)
    assert found == (False, [("kind", "cup", (False, ["a", "d"]))])


async def test_groups_are_made_by_what_a_pointer_leads_to(kitchen: Shop) -> None:
    op = groups(group_by=("by.name",), order=(Sort("by.name", descending=True), Sort("by.age")))
    assert tree((await kitchen.do(op)).groups) == (
        False,
        [
            ("by.name", "bob", (False, ["b", "c"])),
            ("by.name", "ann", (False, ["a"])),
            ("by.name", None, (False, ["d", "e"])),
        ],
    )
    inner = replace(op, group_by=("by.name", "kind"), path=(Step("by.name", "bob"),))
    found = tree((await kitchen.do(inner)).groups)
    assert found == (False, [("kind", "cup", (False, ["b"])), ("kind", "pan", (False, ["c"]))])
    counted = CountInGroup(class_name="Item", path=(Step("by.name"),))
    assert (await kitchen.do(counted)).total == 2


async def test_the_objects_are_sorted_by_what_they_show(kitchen: Shop) -> None:
    double = Output("double", Arithmetic("*", Column("price"), Literal(2)))
    order = (Sort("double", descending=True), Sort("by.age"))
    result = await kitchen.do(groups(group_by=("kind",), outputs=(double,), order=order, select=("kind",), exact=True))
    assert result.objects == [
        {"kind": "cup", "double": 6},
        {"kind": "cup", "double": 6},
        {"kind": "cup", "double": 2},
        {"kind": "pan", "double": 18},
        {"kind": "pan", "double": None},
    ]


async def test_objects_are_shown_as_a_query_shows_them(kitchen: Shop) -> None:
    path = (Step("kind", "cup"),)
    more: dict[str, Any] = {"path": path, "limit": 1, "exact": True, "nulls": True, "members": 5}
    (found,) = (await kitchen.do(groups(select=("price", "by"), include=("by",), **more))).objects or []
    assert found.keys() == {"price", "by"}
    assert isinstance(found["by"], Object)
    (found,) = (await kitchen.do(groups(select=("price", ID), **more))).objects or []
    assert found == {"price": 3, ID: "a"}
    (found,) = (await kitchen.do(groups(select=("price",), **(more | {"exact": False})))).objects or []
    assert found.keys() >= {"price", ID, CREATED_AT}
    (found,) = (await kitchen.do(groups(exclude=("meta",), include=("fans",), **more))).objects or []
    assert (found["fans"], found["photo"], "meta" in found) == ([], None, False)


async def test_the_groups_of_an_empty_class(kitchen: Shop) -> None:
    await kitchen.create("Item", "last")
    never = Condition("kind", Op.EQ, "never")
    for op in (groups(group_by=("kind",), where=never), groups(where=never)):
        result = await kitchen.do(op)
        assert (tree(result.groups), result.objects) == ((False, []), [])
    assert await kitchen.refused(groups("Nowhere")) == (Code.CLASS_NOT_FOUND, {"class_name": "Nowhere"})


# --- what is refused ---

TOTAL = Aggregated(Aggregate.COUNT, Column(ID))
REFUSED: dict[str, tuple[Operation, Code]] = {
    "a relation": (groups(group_by=("fans",)), Code.BAD_QUERY),
    "through a relation": (groups(group_by=("fans.name",)), Code.BAD_QUERY),
    "a path through a relation": (groups(path=(Step("fans.name", "ann"),)), Code.BAD_QUERY),
    "a count through a relation": (CountInGroup(class_name="Item", path=(Step("fans", None),)), Code.BAD_QUERY),
    "JSON": (groups(group_by=("meta",)), Code.BAD_QUERY),
    "inside JSON": (groups(group_by=("meta.x",)), Code.BAD_QUERY),
    "a file": (groups(group_by=("photo",)), Code.BAD_QUERY),
    "a place": (groups(group_by=("place",)), Code.BAD_QUERY),
    "a place that is too deep to be seen": (groups(group_by=("kind", "price", "place"), levels=0), Code.BAD_QUERY),
    "a list of who may do what": (groups(group_by=(ACL,)), Code.BAD_QUERY),
    "no field": (groups(group_by=("a b",)), Code.BAD_FIELD_NAME),
    "an order by an aggregate": (groups(order=(Sort("count", value=TOTAL),)), Code.BAD_QUERY),
    "an aggregate": (groups(outputs=(Output("count", TOTAL),)), Code.BAD_QUERY),
    "an order through a relation": (groups(order=(Sort("fans.name"),)), Code.BAD_QUERY),
    "a value of several": (groups(outputs=(Output("fan", Column("fans.name")),)), Code.BAD_QUERY),
    "different rows": (groups(select=("kind",), distinct=True), Code.UNSUPPORTED),
    "too many levels": (groups(group_by=("kind",) * 11), Code.BAD_QUERY),
    "too long a path": (groups(path=(Step("kind", "cup"),) * 11), Code.BAD_QUERY),
    "a negative limit": (groups(group_limit=-1), Code.BAD_QUERY),
    "a negative number of levels": (groups(levels=-1), Code.BAD_QUERY),
    "a negative skip": (groups(skip=-1), Code.BAD_QUERY),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_makes_no_groups_is_refused(kitchen: Shop, case: str) -> None:
    op, code = REFUSED[case]
    assert (await kitchen.refused(op))[0] is code


async def test_whole_objects_are_different_anyway(kitchen: Shop) -> None:
    plain, different = groups(group_by=("kind",)), groups(group_by=("kind",), distinct=True)
    assert tree((await kitchen.do(plain)).groups) == tree((await kitchen.do(different)).groups)


async def test_a_count_goes_no_deeper_than_groups(kitchen: Shop) -> None:
    op = CountInGroup(class_name="Item", path=(Step("kind", "cup"),) * 11)
    assert (await kitchen.refused(op))[0] is Code.BAD_QUERY


async def test_an_answer_has_an_end(kitchen: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway.store.groups, "MOST_PLACES", 4)
    assert (await kitchen.refused(groups(group_by=("kind",))))[0] is Code.BAD_PAGE
    assert tree((await kitchen.do(groups(group_by=("kind",), object_limit=1))).groups) == (
        False,
        [("kind", "cup", (True, ["a"])), ("kind", "pan", (True, ["c"]))],
    )


# --- what nobody is told ---


@pytest.fixture
async def agency(tmp_path: Path) -> AsyncIterator[Shop]:
    protected = Protected(everybody=("code", "boss"), fields={"user": ("of_some",)})
    people = ClassSettings(rules={Action.FIND: Rule(authenticated=True), Action.COUNT: Rule()})
    notes = {"Agent": ClassSettings(protected=protected), "Closed": people}
    store = await SqliteStore.open(tmp_path / "agency.db", secret=b"secret", apps={"test": AppSettings(classes=notes)})
    shop = Shop(store)
    master = shop.of(Caller("test", master=True))
    await master.create("Agent", "a1", code=42, boss=Pointer("Agent", "a1"), of_some=1, name="n")
    await master.create("Agent", "a2", code=7, boss=Pointer("Agent", "a1"), of_some=2, name="n", friend=None)
    await master.create("Closed", "c1", name="n")
    await master.change("Note", "n1", by=Set(Pointer("Agent", "a1")), text=Set("hello"))
    yield shop
    await store.close()


HIDDEN: dict[str, Operation] = {
    "a group": groups("Agent", group_by=("code",)),
    "a group further in": groups("Agent", group_by=("name", "code")),
    "a group that is not opened": groups("Agent", group_by=("name", "of_some", "code"), levels=0),
    "a pointer": groups("Agent", group_by=("boss",)),
    "behind a hidden pointer": groups("Agent", group_by=("boss.name",)),
    "behind a pointer": groups("Note", group_by=("by.code",)),
    "of some objects": groups("Agent", group_by=("of_some",)),
    "a path": groups("Agent", path=(Step("code", 42),)),
    "a path to nothing": groups("Agent", path=(Step("code", None),)),
    "a path behind a pointer": groups("Note", path=(Step("by.code", 42),)),
    "a path of the wrong kind": groups("Agent", path=(Step("code", "x"),)),
    "a count": CountInGroup(class_name="Agent", path=(Step("code", 42),)),
    "a count behind a pointer": CountInGroup(class_name="Note", path=(Step("by.of_some", 1),)),
    "a condition": groups("Agent", where=Condition("code", Op.EQ, 42)),
    "a counted condition": CountInGroup(class_name="Agent", path=(), where=Condition("code", Op.EQ, 42)),
    "a subquery": groups("Note", where=Condition("by", Op.IN, Subquery("Agent", Condition("code", Op.EQ, 42)))),
    "an order": groups("Agent", order=(Sort("code"),)),
    "an order behind a pointer": groups("Note", order=(Sort("by.code"),)),
    "a computed value": groups("Agent", outputs=(Output("c", Column("code")),)),
    "a computed value where nothing is on the page": groups("Agent", limit=0, outputs=(Output("c", Column("code")),)),
}


@pytest.mark.parametrize("case", HIDDEN)
async def test_no_group_tells_a_hidden_field(agency: Shop, case: str) -> None:
    assert (await agency.refused(HIDDEN[case]))[0] is Code.FORBIDDEN
    await agency.of(Caller("test", master=True)).do(HIDDEN[case])


async def test_objects_in_groups_hide_what_objects_hide(agency: Shop) -> None:
    result = await agency.do(groups("Agent", group_by=("name",), nulls=True))
    assert [one[ID] for one in result.objects or []] == ["a1", "a2"]
    assert all({"code", "boss"}.isdisjoint(one) for one in result.objects or [])


async def test_a_class_that_refuses_a_query_refuses_groups(agency: Shop) -> None:
    assert (await agency.refused(groups("Closed", group_by=("name",))))[0] is Code.LOGIN_REQUIRED
    known = agency.of(ANN)
    assert len((await known.do(groups("Closed", group_by=("name",)))).objects or []) == 1
    assert (await known.refused(CountInGroup(class_name="Closed", path=())))[0] is Code.FORBIDDEN


async def test_what_a_caller_may_not_read_makes_no_group(shop: Shop) -> None:
    await shop.create("Note", "open", text="open")
    await shop.create("Note", "hers", text="hers", **{ACL: {"ann": {"read": True}}})
    await shop.create("Person", "hidden", name="secret", **{ACL: {"ann": {"read": True}}})
    await shop.create("Note", "by", text="open", by=Pointer("Person", "hidden"))
    for caller, texts, name in ((ANN, ["hers", "open"], "secret"), (BOB, ["open"], None), (CALLER, ["open"], None)):
        asks = shop.of(caller)
        found = await asks.do(groups("Note", group_by=("text",), levels=0))
        assert found.groups is not None
        assert [group.value for group in found.groups.items] == texts
        total = (await asks.do(CountInGroup(class_name="Note", path=(Step("text", "hers"),)))).total
        assert total == texts.count("hers")
        found = await asks.do(groups("Note", group_by=("by.name",), where=Condition(ID, Op.EQ, "by")))
        assert found.groups is not None
        assert [group.value for group in found.groups.items] == [name]
        path = (Step("by.name", "secret"),)
        assert (await asks.do(CountInGroup(class_name="Note", path=path))).total == (1 if name else 0)
