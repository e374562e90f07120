"""The store agrees with the oracle on what filters find, in what order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.model.operation import Caller, Create, Find
from gateway.model.query import (
    And,
    Box,
    Circle,
    Condition,
    Filter,
    Near,
    Not,
    Op,
    Or,
    Regex,
    RelatedTo,
    Sort,
    Subquery,
)
from gateway.model.update import AddRelation, Change, Set
from gateway.model.values import CREATED_AT, ID, UPDATED_AT, Date, Fields, File, GeoPoint, Pointer, Polygon, Value
from gateway.store.sqlite import SqliteStore
from tests.oracle import Members, in_order, matches

CALLER = Caller("test")

# few values of each type, so that filters hit; among them those that are easily confused
TEXTS = [
    "",
    "a",
    "A",
    "ab",
    "b",
    "é",
    "1",
    "null",
    "true",
    '{"@date":1}',
    "@x",
    "a.b",
    "2026-01-01T00:00:00.000Z",
    "a\nb",
    "𝄞",
    "\uffff",
]
NUMBERS = [0, 1, -1, 2, 1.0, 1.5, 3, 10**12, 2**53, 1e300, -0.0]
DATES = [Date("2026-01-01T00:00:00.000Z"), Date("2026-01-01T00:00:00.001Z"), Date("1999-12-31T23:59:59.999Z")]
POINTERS = [Pointer("Other", f"o{n}") for n in range(4)] + [Pointer("Post", "p1"), Pointer("Other", "gone")]
POINTS = [
    GeoPoint(0.0, 0.0),
    GeoPoint(10.0, 10.0),
    GeoPoint(-20.5, 179.0),
    GeoPoint(-20.5, -179.0),
    GeoPoint(90.0, 0.0),
    GeoPoint(48.8, 2.3),
    GeoPoint(5.0, 10.0),
]
RINGS = [
    Polygon((GeoPoint(0, 0), GeoPoint(0, 10), GeoPoint(10, 10), GeoPoint(10, 0), GeoPoint(0, 0))),
    Polygon((GeoPoint(-30, 0), GeoPoint(50, 50), GeoPoint(50, -50), GeoPoint(-30, 0))),
]
FILES = [
    File(name="a.txt"),
    File(name="a.txt", id="f1"),
    File(id="f1", url="http://x/1"),
    File(url="http://x/1"),
    File(name="b", url="u"),
]
BYTES = [b"", b"abc", b"\xff\x00"]
SCALARS: list[Value] = [*TEXTS, *NUMBERS, True, False, *DATES, *POINTERS, *POINTS, *RINGS, *FILES[:2], *BYTES]
KEYS = ["k", "s", "0", "@k", 'q"t', "a b", "", "@@", "1"]


def some_value(dice: random.Random, depth: int = 0) -> Value:
    roll = dice.random()
    if depth < 3 and roll < 0.15:
        return [some_value(dice, depth + 1) for _ in range(dice.randrange(4))]
    if depth < 3 and roll < 0.35:
        return some_object(dice, depth + 1)
    return None if roll < 0.42 else dice.choice(SCALARS)


def some_object(dice: random.Random, depth: int = 0) -> dict[str, Value]:
    return {dice.choice(KEYS): some_value(dice, depth) for _ in range(dice.randrange(4))}


def some_list(dice: random.Random) -> list[Value]:
    if dice.random() < 0.4:
        return [dice.choice([*TEXTS[:5], *NUMBERS[:3]]) for _ in range(dice.randrange(4))]
    return [some_value(dice, 1) for _ in range(dice.randrange(4))]


COLUMNS: dict[str, Callable[[random.Random], Value]] = {
    "s": lambda dice: dice.choice(TEXTS),
    "n": lambda dice: dice.choice(NUMBERS),
    "b": lambda dice: dice.choice([True, False]),
    "d": lambda dice: dice.choice(DATES),
    "p": lambda dice: dice.choice([pointer for pointer in POINTERS if pointer.class_name == "Other"]),
    "tags": some_list,
    "o": some_object,
    "loc": lambda dice: dice.choice(POINTS),
    "area": lambda dice: dice.choice(RINGS),
    "f": lambda dice: dice.choice(FILES),
    "bin": lambda dice: dice.choice(BYTES),
}

FIELDS = [
    *COLUMNS,
    *(f"o.{key}" for key in KEYS),
    *(f"o.k.{key}" for key in ("k", "0", "s", "1")),
    *(f"tags.{key}" for key in ("k", "0", "s", "1", "0.k", "k.0", "@k", "0.0", "k.s")),
    "likes",
    "missing",
    "missing.x",
    "s.x",
    "p.x",
    "@id",
    "@created_at",
    "@owner",
]


def some_row(dice: random.Random) -> dict[str, Value]:
    row: dict[str, Value] = {}
    for name, make in COLUMNS.items():
        roll = dice.random()
        if roll < 0.6:
            row[name] = make(dice)
        elif roll < 0.75:
            row[name] = None
    return row


class World:
    """A store and what is in it."""

    def __init__(self, store: SqliteStore, runner: asyncio.Runner, objects: dict[str, list[Fields]]) -> None:
        self.store = store
        self.runner = runner
        self.objects = objects

    def find(self, op: Find) -> list[Fields]:
        found = self.runner.run(self.store.execute(op, CALLER)).objects
        assert found is not None
        return found

    def found_ids(self, where: Filter | None, class_name: str) -> list[str]:
        return [fields[ID] for fields in self.find(Find(class_name=class_name, limit=1000, where=where))]

    def expected(self, where: Filter | None, class_name: str = "Post") -> list[Fields]:
        return [o for o in self.objects[class_name] if matches(where, class_name, o, self.objects)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    dice = random.Random(20)
    path = tmp_path_factory.mktemp("store") / "filters.db"
    with asyncio.Runner() as runner:
        store = runner.run(SqliteStore.open(path, secret=b"secret"))
        objects: dict[str, list[Fields]] = {"Other": [], "Post": []}
        # the first object of each class has every column, so that the schema is known from there on
        for class_name, prefix, size in (("Other", "o", 12), ("Post", "p", 90)):
            for number in range(size):
                row = {name: make(dice) for name, make in COLUMNS.items()} if number == 0 else some_row(dice)
                members = frozenset(f"o{n}" for n in range(12) if dice.random() < 0.2)
                likes = AddRelation(tuple(Pointer("Other", member) for member in sorted(members)))
                changes: dict[str, Change] = {name: Set(value) for name, value in row.items()}
                if members:
                    changes["likes"] = likes
                known = f"{prefix}{number}"
                made = runner.run(store.execute(Create(class_name=class_name, id=known, changes=changes), CALLER))
                row["likes"] = Members("Other", members)
                objects[class_name].append(row | {ID: known, CREATED_AT: made.created_at, UPDATED_AT: made.updated_at})
        yield World(store, runner, objects)
        runner.run(store.close())


def test_objects_come_back_as_they_were_written(world: World) -> None:
    for class_name, objects in world.objects.items():
        for kept, found in zip(objects, world.find(Find(class_name=class_name, limit=1000)), strict=True):
            found.pop("likes", None)
            assert repr(sorted(found.items())) == repr(sorted((k, v) for k, v in kept.items() if k != "likes"))


# generated filters

values = st.one_of(
    st.none(),
    st.sampled_from(SCALARS),
    st.lists(st.sampled_from([*TEXTS[:5], *NUMBERS[:4], None, *POINTERS[:2]]), max_size=3),
    st.integers(0, 10**6).map(lambda seed: some_value(random.Random(seed))),
    st.integers(0, 10**6).map(lambda seed: some_object(random.Random(seed))),
)
ordered = st.sampled_from([*TEXTS, *NUMBERS, *DATES, True, False, None])
regexes = st.builds(
    Regex,
    st.sampled_from(["a", "^a", "b$", "^$", ".", "A", "[0-9]", "^a.b$", "é|b"]),
    st.sampled_from(["", "i", "m", "s", "im"]),
)
points = st.sampled_from(POINTS)
radii = st.sampled_from([0.0, 0.01, 0.2, 0.7, 2.0, 3.2])
areas = st.one_of(
    st.builds(Circle, points, radii),
    st.sampled_from(RINGS),
    st.sampled_from(
        [
            Box(GeoPoint(0.0, 0.0), GeoPoint(10.0, 10.0)),
            Box(GeoPoint(-90.0, 170.0), GeoPoint(0.0, -170.0)),
            Box(GeoPoint(-90.0, -180.0), GeoPoint(90.0, 180.0)),
        ]
    ),
)
fields = st.sampled_from(FIELDS)


def conditions(filters: st.SearchStrategy[Filter] | None) -> st.SearchStrategy[Condition]:
    lists = st.lists(values, max_size=4)
    strategies = [
        st.builds(Condition, fields, st.sampled_from([Op.EQ, Op.NE]), values),
        st.builds(Condition, fields, st.sampled_from([Op.LT, Op.LE, Op.GT, Op.GE]), ordered),
        st.builds(Condition, fields, st.sampled_from([Op.IN, Op.NOT_IN]), lists),
        st.builds(Condition, fields, st.just(Op.EXISTS), st.booleans()),
        st.builds(Condition, fields, st.just(Op.ALL), st.lists(st.one_of(values, regexes), max_size=3)),
        st.builds(Condition, fields, st.just(Op.SIZE), st.integers(0, 3)),
        st.builds(Condition, fields, st.just(Op.CONTAINED_BY), st.lists(values, max_size=8)),
        st.builds(Condition, fields, st.just(Op.REGEX), regexes),
        st.builds(
            Condition,
            st.sampled_from(["loc", "o.k", "tags", "tags.k", "o.s", "s", "missing"]),
            st.just(Op.NEAR),
            st.builds(Near, points, st.one_of(st.none(), radii), st.one_of(st.none(), radii)),
        ),
        st.builds(Condition, st.sampled_from(["loc", "o.k", "tags", "tags.k", "s"]), st.just(Op.WITHIN), areas),
        st.builds(Condition, st.sampled_from(["area", "o.k", "tags", "tags.k", "s"]), st.just(Op.COVERS), points),
    ]
    inner: st.SearchStrategy[Filter | None] = st.none() if filters is None else st.one_of(st.none(), filters)
    strategies.append(
        st.builds(
            Condition,
            fields,
            st.sampled_from([Op.IN, Op.NOT_IN]),
            st.builds(
                Subquery,
                st.sampled_from(["Other", "Other", "Post", "Nowhere"]),
                inner,
                st.sampled_from(
                    [None, "s", "n", "b", "d", "p", "o.k", "o.s", "tags", "tags.k", "o", "loc", "@id", "bin", "likes"]
                ),
                st.sampled_from([None, None, 0, 1, 5]),
                st.integers(0, 2),
                st.sampled_from(
                    [(), (Sort("n"),), (Sort("s", descending=True),), (Sort("b"), Sort("d", descending=True))]
                ),
            ),
        )
    )
    return st.one_of(strategies)


def nested(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    parts = st.lists(inner, max_size=3).map(tuple)
    return st.one_of(st.builds(And, parts), st.builds(Or, parts), st.builds(Not, inner), conditions(inner))


related = st.builds(
    RelatedTo,
    st.builds(
        Pointer, st.sampled_from(["Post", "Other", "Nowhere"]), st.sampled_from(["p1", "p2", "o3", "o4", "gone"])
    ),
    st.sampled_from(["likes", "likes", "s", "missing"]),
)
filters: st.SearchStrategy[Filter] = st.recursive(st.one_of(conditions(None), related), nested, max_leaves=5)


@given(where=filters)
@settings(
    max_examples=2500,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_the_store_finds_what_the_oracle_finds(world: World, where: Filter) -> None:
    for class_name in ("Post", "Other"):
        found = set(world.found_ids(where, class_name))
        assert found == {o[ID] for o in world.expected(where, class_name)}, class_name


sorts = st.builds(
    Sort,
    st.sampled_from(["s", "n", "b", "d", "missing", "@id", "@created_at", "likes", "tags.k"]),
    st.booleans(),
)
wheres: st.SearchStrategy[Filter | None] = st.sampled_from(
    [None, Condition("b", Op.NE, True), Condition("likes", Op.EQ, POINTERS[0]), Condition("p", Op.IN, POINTERS)]
)


@given(where=wheres, order=st.lists(sorts, max_size=3).map(tuple), skip=st.sampled_from([0, 0, 3]))
@settings(max_examples=150, derandomize=True, deadline=None, database=None)
def test_the_store_orders_as_the_oracle_does(
    world: World, where: Filter | None, order: tuple[Sort, ...], skip: int
) -> None:
    known = tuple(sort for sort in order if sort.field not in ("missing", "likes", "tags.k"))
    expected = [o[ID] for o in in_order(world.expected(where), known)]
    found = world.find(Find(class_name="Post", limit=50, skip=skip, where=where, order=order))
    assert [o[ID] for o in found] == expected[skip : skip + 50]
