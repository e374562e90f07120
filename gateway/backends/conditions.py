"""Conditions in words that a backend has, and heeds: what means the same. Nothing is asked.

`plain` does this for writes. What a vendor cannot say is told by its mapping, and what it reads past by `unheeded`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from gateway.model.query import And, Circle, Condition, Filter, Inverse, Near, Not, Op, Or, Regex, Subquery
from gateway.model.values import GeoPoint, Value

NOTHING: Final = Or(())
EVERYTHING: Final = And(())


@dataclass(frozen=True, slots=True)
class Words:
    """What a backend has: `like`, and whether it heeds how far what is near must be at least."""

    like: bool = True
    least_distance: bool = True


def settled(where: Filter | None) -> Filter | None:
    """The same, without parts that match everything or nothing; NOTHING where it can match nothing.

    Servers differ about an empty list: Parse Server on PostgreSQL finds objects without the field by `$in: []`, and
    fails at `$or: []`.
    """
    found = EVERYTHING if where is None else _settled(where)
    return None if found == EVERYTHING else found


def _settled(where: Filter) -> Filter:
    match where:
        case And(parts):
            kept = tuple(part for part in map(_settled, parts) if part != EVERYTHING)
            if NOTHING in kept:
                return NOTHING
            return kept[0] if len(kept) == 1 else And(kept)
        case Or(parts):
            kept = tuple(part for part in map(_settled, parts) if part != NOTHING)
            if EVERYTHING in kept:
                return EVERYTHING
            return kept[0] if len(kept) == 1 else Or(kept)
        case Not(part):
            inner = _settled(part)
            if inner == EVERYTHING:
                return NOTHING
            return EVERYTHING if inner == NOTHING else Not(inner)
        case Condition(_, Op.IN, []):
            return NOTHING
        case Condition(_, Op.NOT_IN, []):
            return EVERYTHING
        case Condition(_, _, Subquery() as query):
            return replace(where, value=replace(query, where=settled(query.where)))
        case _:
            return where


def worded(where: Filter, words: Words, not_texts: Collection[str] = ()) -> Filter:
    """The same in the backend's words, as far as there are any. `not_texts` are columns that hold no texts."""
    match where:
        case And(parts):
            return And(tuple(worded(part, words, not_texts) for part in parts))
        case Or(parts):
            return Or(tuple(worded(part, words, not_texts) for part in parts))
        case Not(Condition(_, Op.IN, Subquery()) as part):
            # of a relation Parse Server takes $notInQuery, and not a $nor around $inQuery
            return worded(replace(part, op=Op.NOT_IN), words, not_texts)
        case Not(part):
            return Not(worded(part, words, not_texts))
        case Condition(field, Op.LIKE, str() as pattern) if not words.like and field not in not_texts:
            return Condition(field, Op.REGEX, regex_of(pattern))
        case Condition(field, Op.NEAR, Near(point, farthest, nearest)) if nearest and not words.least_distance:
            # what is exactly so far away is left in
            inside = Condition(field, Op.WITHIN, Circle(point, math.nextafter(nearest, 0.0)))
            return And((Condition(field, Op.NEAR, Near(point, farthest)), Not(inside)))
        case Condition(_, _, Subquery(where=inner) as query) if inner is not None:
            return replace(where, value=replace(query, where=worded(inner, words)))
        case Inverse(class_name, field, inner) if inner is not None:
            return Inverse(class_name, field, worded(inner, words))
        case _:
            return where


_PIECE: Final = re.compile(r"\\(?P<taken>.)|(?P<any>%)|(?P<one>_)|(?P<plain>[^\\%_]|\\)", re.DOTALL)


def regex_of(pattern: str) -> Regex:
    """What a pattern of LIKE matches, from end to end, in any case of letters, over the ends of lines."""
    parts = []
    for piece in _PIECE.finditer(pattern):
        match piece.lastgroup:
            case "any":
                parts.append(".*")
            case "one":
                parts.append(".")
            case _:
                text = piece[piece.lastgroup or 0]
                parts.append("\\" + text if text in _SPECIAL else text)
    return Regex(f"^{''.join(parts)}$", "is")


_SPECIAL: Final = frozenset("\\^$.|?*+()[]{}")


def nearest_first(where: Filter | None) -> tuple[str, GeoPoint] | None:
    """The field and the point of what sorts by distance."""
    match where:
        case Condition(field, Op.NEAR, Near(point)):
            return field, point
        case And(parts):
            return next((found for part in parts if (found := nearest_first(part)) is not None), None)
        case _:
            return None


def distance(one: GeoPoint, other: Value) -> float:
    """Radians along the surface; what is no point is farther away than anything."""
    if not isinstance(other, GeoPoint):
        return math.inf
    north, south = math.radians(one.latitude), math.radians(other.latitude)
    half = math.radians(other.longitude - one.longitude) / 2
    chord = math.sin((south - north) / 2) ** 2 + math.cos(north) * math.cos(south) * math.sin(half) ** 2
    return 2 * math.asin(math.sqrt(min(1.0, chord)))


def subqueries(where: Filter | None) -> Iterator[Subquery]:
    """The queries within a condition, as they stand in it; not those that are inside of them."""
    match where:
        case And(parts) | Or(parts):
            for part in parts:
                yield from subqueries(part)
        case Not(part):
            yield from subqueries(part)
        case Condition(_, _, Subquery() as query):
            yield query
        case _:
            pass


def with_limits(where: Filter, limits: Mapping[int, int | None]) -> Filter:
    """Each query within it finds so many at the most, or all, by `id` of what `subqueries` has told."""
    match where:
        case And(parts):
            return And(tuple(with_limits(part, limits) for part in parts))
        case Or(parts):
            return Or(tuple(with_limits(part, limits) for part in parts))
        case Not(part):
            return Not(with_limits(part, limits))
        case Condition(_, _, Subquery() as query) if id(query) in limits:
            limit = limits[id(query)]
            return replace(where, value=replace(query, limit=limit, order=() if limit is None else query.order))
        case _:
            return where


def inversions(where: Filter | None) -> Iterator[Inverse]:
    """The inverted relations of a condition, as they stand in it."""
    match where:
        case And(parts) | Or(parts):
            for part in parts:
                yield from inversions(part)
        case Not(part):
            yield from inversions(part)
        case Inverse():
            yield where
        case _:
            pass


def without_inversions(where: Filter, found: Sequence[tuple[Inverse, Filter]]) -> Filter:
    match where:
        case And(parts):
            return And(tuple(without_inversions(part, found) for part in parts))
        case Or(parts):
            return Or(tuple(without_inversions(part, found) for part in parts))
        case Not(part):
            return Not(without_inversions(part, found))
        case Inverse():
            return next(there for known, there in found if known is where)
        case _:
            return where
