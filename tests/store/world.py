"""A store with a hundred objects of two classes, and the same objects in plain Python."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.model.operation import Caller, Create, Find, Operation, Result
from gateway.model.query import Filter
from gateway.model.update import AddRelation, Change, Set
from gateway.model.values import (
    CREATED_AT,
    ID,
    OWNER,
    UPDATED_AT,
    Date,
    Fields,
    File,
    GeoPoint,
    LineString,
    Pointer,
    Polygon,
    Value,
)
from gateway.store.sqlite import SqliteStore
from tests.oracle import Members, matches

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
    Polygon(
        (GeoPoint(-90, -90), GeoPoint(-90, 90), GeoPoint(90, 90), GeoPoint(90, -90), GeoPoint(-90, -90)),
        (
            (GeoPoint(40, 0), GeoPoint(60, 0), GeoPoint(60, 9), GeoPoint(40, 0)),
            (GeoPoint(0, 0), GeoPoint(20, 0), GeoPoint(20, 20), GeoPoint(0, 20), GeoPoint(0, 0)),
        ),
    ),
]
LINE = LineString((GeoPoint(0, 0), GeoPoint(10, 10)))
FILES = [
    File(name="a.txt"),
    File(name="a.txt", id="f1"),
    File(id="f1", url="http://x/1"),
    File(url="http://x/1"),
    File(name="b", url="u"),
]
BYTES = [b"", b"abc", b"\xff\x00"]
SCALARS: list[Value] = [*TEXTS, *NUMBERS, True, False, *DATES, *POINTERS, *POINTS, *RINGS, LINE, *FILES[:2], *BYTES]
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

    def run(self, op: Operation) -> Result:
        return self.runner.run(self.store.execute(op, CALLER))

    def find(self, op: Find) -> list[Fields]:
        found = self.run(op).objects
        assert found is not None
        return found

    def found_ids(self, where: Filter | None, class_name: str) -> list[str]:
        return [fields[ID] for fields in self.find(Find(class_name=class_name, limit=1000, where=where))]

    def expected(self, where: Filter | None, class_name: str = "Post") -> list[Fields]:
        return [o for o in self.objects[class_name] if matches(where, class_name, o, self.objects)]


@contextmanager
def made_world(path: Path) -> Iterator[World]:
    dice = random.Random(20)
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
                objects[class_name].append(
                    row | {ID: known, CREATED_AT: made.created_at, UPDATED_AT: made.updated_at, OWNER: None}
                )
        yield World(store, runner, objects)
        runner.run(store.close())
