"""Model data for property tests: values, changes and filters that every JSON dialect can say.

What one cannot say is left out with its reason, so that the law "it reads what it wrote" has no exceptions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from gateway.errors import Code, GatewayError
from gateway.model import query as q
from gateway.model import update as u
from gateway.model.values import Date, File, GeoPoint, Pointer, Polygon, Relation

BOUNDED = settings(derandomize=True, deadline=None, max_examples=100)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)  # orjson makes no lone surrogates
NAMES = st.from_regex(r"[a-z][A-Za-z0-9_]{0,5}", fullmatch=True).filter(lambda name: name not in ("length", "id"))
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(".".join)
KEYS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="$."), max_size=5).filter(
    lambda key: key not in ("__type", "__op")  # tags, and an object with one of them is no plain object
)
IDS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=10)
CLASSES = st.from_regex(r"[A-Z][A-Za-z0-9]{0,8}", fullmatch=True)
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
DATES = st.datetimes().map(Date.from_datetime)
POINTERS = st.builds(Pointer, CLASSES, IDS)
GEO_POINTS = st.builds(GeoPoint, st.floats(-90, 90), st.floats(-180, 180))
POLYGONS = (
    st.lists(GEO_POINTS, min_size=3, max_size=5, unique=True).map(lambda ring: Polygon((*ring, ring[0])))
)  # fmt: skip
FILES = st.builds(File, name=TEXT, url=TEXT)  # what all dialects tell of one
TAGGED = (
    DATES | POINTERS | GEO_POINTS | POLYGONS | FILES | st.binary(max_size=8) | st.builds(Relation, CLASSES)
)  # fmt: skip
PLAIN = st.none() | st.booleans() | NUMBERS | TEXT
VALUES = st.recursive(
    PLAIN | TAGGED,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.dictionaries(NAMES, VALUES, max_size=5)

TUPLES = st.lists(VALUES, max_size=3).map(tuple)
MEMBERS = st.lists(POINTERS, max_size=3).map(tuple)
CHANGE = (
    st.builds(u.Set, VALUES)
    | st.just(u.Unset())
    | st.builds(u.Increment, NUMBERS)
    | st.builds(u.Add, TUPLES)
    | st.builds(u.AddUnique, TUPLES)
    | st.builds(u.Remove, TUPLES)
    | st.builds(u.AddRelation, MEMBERS)
    | st.builds(u.RemoveRelation, MEMBERS)
    | st.builds(u.Several, st.tuples(st.builds(u.AddRelation, MEMBERS), st.builds(u.RemoveRelation, MEMBERS)))
    | st.builds(u.SetOnInsert, VALUES.filter(lambda value: value is not None))  # null is no value there
)
CHANGES = st.dictionaries(PATHS, CHANGE, max_size=4)

DISTANCES = st.none() | st.floats(0, math.pi)
REGEXES = st.builds(q.Regex, TEXT, st.sets(st.sampled_from("imsx")).map(lambda options: "".join(sorted(options))))
COMPARED = st.sampled_from((q.Op.EQ, q.Op.NE, q.Op.LT, q.Op.LE, q.Op.GT, q.Op.GE))
LISTED = st.sampled_from((q.Op.IN, q.Op.NOT_IN, q.Op.ALL, q.Op.CONTAINED_BY))
FIELD = PATHS | st.sampled_from(("@id", "@created_at", "@updated_at"))
BOXES = st.tuples(GEO_POINTS, GEO_POINTS).map(
    lambda corners: q.Box(
        GeoPoint(min(corner.latitude for corner in corners), corners[0].longitude),
        GeoPoint(max(corner.latitude for corner in corners), corners[1].longitude),
    )
)
AREAS = BOXES | st.builds(q.Circle, GEO_POINTS, st.floats(0, 3)) | POLYGONS


def _conditions(filters: st.SearchStrategy[q.Filter]) -> st.SearchStrategy[q.Filter]:
    subqueries = st.builds(q.Subquery, CLASSES, st.none() | filters, st.none() | PATHS)
    return (
        st.builds(q.Condition, FIELD, COMPARED, VALUES)
        | st.builds(q.Condition, FIELD, LISTED, st.lists(VALUES, max_size=3))
        | st.builds(q.Condition, FIELD, st.sampled_from((q.Op.IN, q.Op.NOT_IN)), subqueries)
        | st.builds(q.Condition, FIELD, st.just(q.Op.EXISTS), st.booleans())
        | st.builds(q.Condition, FIELD, st.just(q.Op.SIZE), st.integers(0, 9))
        | st.builds(q.Condition, FIELD, st.just(q.Op.REGEX), REGEXES)
        | st.builds(q.Condition, FIELD, st.just(q.Op.ALL), st.lists(REGEXES, min_size=1, max_size=2))
        | st.builds(q.Condition, FIELD, st.just(q.Op.NEAR), st.builds(q.Near, GEO_POINTS, DISTANCES, DISTANCES))
        | st.builds(q.Condition, FIELD, st.just(q.Op.WITHIN), AREAS)
        | st.builds(q.Condition, FIELD, st.just(q.Op.COVERS), GEO_POINTS)
        | st.builds(q.RelatedTo, POINTERS, NAMES)
    )


SIMPLE: st.SearchStrategy[q.Filter] = st.builds(q.Condition, FIELD, COMPARED, PLAIN)
FILTERS: st.SearchStrategy[q.Filter] = st.recursive(
    _conditions(SIMPLE),
    lambda inner: (
        st.builds(q.And, st.lists(inner, max_size=3).map(tuple))
        | st.builds(q.Or, st.lists(inner, max_size=3).map(tuple))
        | st.builds(q.Not, inner)
        | _conditions(inner)
    ),
    max_leaves=6,
)


def refusal(attempt: Callable[..., object], *args: Any) -> Code | None:
    """The code that an attempt is refused with; any other exception is raised."""
    try:
        attempt(*args)
    except GatewayError as error:
        return error.code
    return None


def normal(where: q.Filter | None) -> Any:
    """A filter in the one form of all that mean the same to the readers: all-of is flat, and in any order."""
    match where:
        case None:
            return ("and", [])
        case q.And(parts):
            flat: list[Any] = []
            for part in map(normal, parts):
                flat.extend(part[1] if part[0] == "and" else [part])
            return flat[0] if len(flat) == 1 else ("and", sorted(flat, key=repr))
        case q.Or(parts):
            return ("or", [normal(part) for part in parts])
        case q.Not(q.Or(parts)):
            return ("nor", [normal(part) for part in parts])
        case q.Not(part):
            return ("nor", [normal(part)])
        case q.Condition(field, op, q.Subquery() as inner):
            return (field, op, inner.class_name, normal(inner.where), inner.key)
        case _:
            return ("is", repr(where))


JUNK = st.recursive(
    PLAIN | st.sampled_from(("Pointer", "Date", "Increment", "-", "a.b", "$gt", "\ud7ff", "2026-01-02T03:04:05.678Z")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                (
                    "__type", "__op", "className", "objectId", "iso", "latitude", "longitude", "coordinates", "url",
                    "base64", "name", "objects", "amount", "ops", "value", "object", "key", "query", "where", "limit",
                    "$gt", "$in", "$all", "$or", "$and", "$nor", "$regex", "$options", "$inQuery", "$select", "order",
                    "$nearSphere", "$maxDistance", "$within", "$box", "$geoWithin", "$polygon", "$centerSphere",
                    "$geoIntersects", "$point",
                    "$relatedTo", "$exists", "$size", "$eq", "a", "a.b", "ACL", "*", "read", "method", "path", "body",
                    "params", "requests", "transaction", "__internalId", "__children", "cid", "new", "_method", "keys",
                    "include", "count", "skip", "_ApplicationId", "id", "metaData", "excludeKeys", "includeAll",
                    "redirectClassNameForKey", "returnACL", "fetchWhenSave", "scan_key", "cursor", "createdAt",
                )
            ) | KEYS,
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)  # fmt: skip
