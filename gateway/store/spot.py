"""A place in a row of a statement, as SQL: what stands there, of which type; and how conditions are put together."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.model.schema import Action, Kind, Type
from gateway.store.encoding import CODECS, write_json
from gateway.store.schema import ClassSchema, column_sql

MOST_PARTS: Final = 100

TRUE: Final = "1"
FALSE: Final = "0"

WORDS: Final = {
    Kind.STRING: "{word} = 'text'",
    Kind.NUMBER: "{word} IN ('integer', 'real')",
    Kind.BOOLEAN: "{word} IN ('true', 'false')",
}
"""How a value is told that has no tag, by SQLite's word for the type of JSON."""

SCALARS: Final = (*WORDS, Kind.DATE, Kind.POINTER, Kind.BYTES)
"""Whose stored form is one SQL value, to be compared as it is."""


def every(parts: Iterable[str]) -> str:
    return _joined([part for part in parts if part != TRUE], "AND", nothing=TRUE, settled=FALSE)


def either(parts: Iterable[str]) -> str:
    return _joined([part for part in parts if part != FALSE], "OR", nothing=FALSE, settled=TRUE)


def _joined(parts: Sequence[str], word: str, *, nothing: str, settled: str) -> str:
    if not parts:
        return nothing
    if settled in parts:
        return settled
    while len(parts) > 1:  # as a balanced tree: a chain of a thousand would be too deep for SQLite
        pairs = itertools.zip_longest(parts[::2], parts[1::2])
        parts = [f"({one} {word} {other})" if other is not None else one for one, other in pairs]
    return parts[0]


def negated(sql: str) -> str:
    if sql in (TRUE, FALSE):
        return FALSE if sql == TRUE else TRUE
    return f"({sql}) IS NOT TRUE"  # NOT would leave a null a null, and its row would be missing


def is_index(part: str) -> bool:
    """Whether a part of a path may be a position in a list. Ten digits and more are a key: no list is that long."""
    return part.isascii() and part.isdigit() and len(part) < 10


def json_key(part: str) -> str:
    """A key as a step of a JSON path; a client's `@` is doubled, as it was when stored."""
    return "." + write_json("@" + part if part.startswith("@") else part).decode()


@dataclass(frozen=True, slots=True)
class Spot:
    """SQL for what stands at one place of a row."""

    type: Type | None  # None: anything, tagged
    scalar: str  # as an SQL value
    word: str  # SQLite's word for its type; null where there is nothing
    json: str  # as JSON; may be no JSON where it is neither a list nor an object
    base: str  # JSON with the place in it, or null
    path: str = "$"  # the place in `base`

    def tagged(self, kind: Kind, suffix: str = "", arrow: str = "->>") -> str:
        """The payload of a tag, or what stands in it; null where the value has another tag, or none."""
        return f"""{self.base} {arrow} '{self.path}."{CODECS[kind].tag}"{suffix}'"""

    def operand(self, kind: Kind) -> tuple[str, str]:
        """When the value is of this kind, and what it is then: the bare value, of pointers with their class."""
        if kind in WORDS:
            return WORDS[kind].format(word=self.word), self.scalar
        return TRUE, self.tagged(kind)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a field leads in a row. Where it goes through a list, `each` is a FROM with a row for each element."""

    spot: Spot
    may_be_list: bool = False
    each: str | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one class, under a name of their own in a statement."""

    of: ClassSchema
    alias: str
    action: Action = Action.FIND
    """What the rows are for: it must be permitted."""
    named: Mapping[str, Place] | None = None
    """Of rows that a query computes: what their values are called. They have no other fields."""

    @property
    def table(self) -> str:
        return f"{self.of.table} AS {self.alias}"

    def column(self, name: str) -> str:
        return f"{self.alias}.{column_sql(name)}"


def object_json(element: str) -> str:
    """A row of json_each as JSON, or null: what is neither list nor object may be no JSON at all."""
    return f"(CASE WHEN {element}.type IN ('object', 'array') THEN {element}.value END)"


def element_of(element: str) -> Spot:
    """What a row of json_each has."""
    return Spot(None, f"{element}.value", f"{element}.type", f"{element}.value", object_json(element))


def list_json(spot: Spot) -> str:
    return f"CASE {spot.word} WHEN 'array' THEN {spot.json} END"


def coordinates(spot: Spot) -> tuple[str, str] | None:
    if spot.type is None:
        return spot.tagged(Kind.GEO_POINT, "[0]"), spot.tagged(Kind.GEO_POINT, "[1]")
    if spot.type.kind is not Kind.GEO_POINT:
        return None
    return f"{spot.base} ->> '{spot.path}[0]'", f"{spot.base} ->> '{spot.path}[1]'"


def canonical_sql(spot: Spot) -> str | None:
    """A text that equal lists, objects, points and files have in common; None where only scalars can stand."""
    if spot.type is None:
        return f"CASE WHEN {spot.word} IN ('object', 'array') THEN canonical('', {spot.json}) END"
    if spot.type.kind in SCALARS:
        return None
    tag = CODECS[spot.type.kind].tag if spot.type.kind in CODECS else ""
    return f"canonical('{tag}', {spot.json})"
