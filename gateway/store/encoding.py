"""How values are stored as JSON.

A column has one type, so its value is stored bare: a date as its text, a pointer as the id alone. That is what indexes
and comparisons work on. Inside Object and Array columns anything may stand, and in a Geometry column three types, so
there a value that JSON lacks carries a tag: an object of one key, such as `{"@date": "2026-01-02T03:04:05.678Z"}`. A
client's own key that begins with `@` gets another `@` in front, so it is never taken for a tag.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

import orjson

from gateway.errors import Code, GatewayError
from gateway.model.schema import Kind, Type
from gateway.model.values import (
    ID,
    Date,
    File,
    GeoPoint,
    LineString,
    Object,
    Pointer,
    Polygon,
    Reference,
    Relation,
    ResultOf,
    Value,
)

Stored = Any
"""JSON as the file has it: bare values of columns, tagged ones below."""

ReadColumn = Callable[[Stored], Value]


@dataclass(frozen=True, slots=True)
class Codec:
    """One encoding, both directions, and the tag it has among values of other types."""

    tag: str
    read: Callable[[Any], Value]
    write: Callable[[Any], Stored]


SMALLEST_INT: Final = -(2**63)
LARGEST_INT: Final = 2**63 - 1


def write_number(value: float) -> int | float:
    """Numbers are doubles for every vendor, so a whole number that SQLite cannot hold as one becomes a double."""
    if type(value) is int and SMALLEST_INT <= value <= LARGEST_INT:
        return value
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if not isfinite(number):
        raise GatewayError(Code.BAD_VALUE, "a number must be finite, and fit in 64 bits")
    return number


def _write_pointer(pointer: Pointer) -> str:
    if not pointer.class_name or ":" in pointer.class_name:  # what the text is split at when read
        raise GatewayError(Code.BAD_POINTER, f"{pointer.class_name!r} cannot be the class of a pointer")
    return f"{pointer.class_name}:{pointer.id}"


def _write_point(point: GeoPoint) -> list[float]:
    return [write_number(point.latitude), write_number(point.longitude)]


def _read_points(pairs: list[list[float]]) -> tuple[GeoPoint, ...]:
    return tuple(GeoPoint(*pair) for pair in pairs)


def rings(stored: Stored) -> list[list[list[float]]]:
    """Those of a stored polygon, the outer one first. One without holes is kept as its one ring."""
    return stored if stored and type(stored[0][0]) is list else [stored]


def _read_polygon(stored: Stored) -> Polygon:
    outer, *holes = map(_read_points, rings(stored))
    return Polygon(outer, tuple(holes))


def _write_polygon(polygon: Polygon) -> Stored:
    if not polygon.holes:
        return list(map(_write_point, polygon.points))
    return [list(map(_write_point, ring)) for ring in (polygon.points, *polygon.holes)]


def _write_file(file: File) -> dict[str, Stored]:
    parts = {"name": file.name, "url": file.url, "id": file.id, "mime_type": file.mime_type, "called": file.called}
    stored: dict[str, Stored] = {key: part for key, part in parts.items() if part is not None}
    if file.metadata is not None:
        stored["metadata"] = write_nested(file.metadata)
    return stored


def _read_file(stored: dict[str, Stored]) -> File:
    return File(
        name=stored.get("name"),
        url=stored.get("url"),
        id=stored.get("id"),
        mime_type=stored.get("mime_type"),
        metadata=read_nested(stored.get("metadata")),
        called=stored.get("called"),
    )


CODECS: Final = {
    Kind.DATE: Codec("@date", Date, lambda date: date.iso),
    Kind.POINTER: Codec("@pointer", lambda text: Pointer(*text.split(":", 1)), _write_pointer),
    Kind.BYTES: Codec("@bytes", base64.b64decode, lambda value: base64.b64encode(value).decode()),
    Kind.GEO_POINT: Codec("@geo", lambda pair: GeoPoint(*pair), _write_point),
    Kind.LINE_STRING: Codec(
        "@line",
        lambda pairs: LineString(_read_points(pairs)),
        lambda line: list(map(_write_point, line.points)),
    ),
    Kind.POLYGON: Codec("@polygon", _read_polygon, _write_polygon),
    Kind.FILE: Codec("@file", _read_file, _write_file),
    # only ever inside another value: the members of a Relation column stand in a table of their own
    Kind.RELATION: Codec("@relation", Relation, lambda relation: relation.class_name),
}

TAGS: Final = {codec.tag: codec.read for codec in CODECS.values()}

KINDS: Final[dict[type, Kind]] = {
    str: Kind.STRING,
    int: Kind.NUMBER,
    float: Kind.NUMBER,
    bool: Kind.BOOLEAN,
    Date: Kind.DATE,
    dict: Kind.OBJECT,
    list: Kind.ARRAY,
    tuple: Kind.ARRAY,
    Pointer: Kind.POINTER,
    Object: Kind.POINTER,
    Relation: Kind.RELATION,
    File: Kind.FILE,
    GeoPoint: Kind.GEO_POINT,
    LineString: Kind.LINE_STRING,
    Polygon: Kind.POLYGON,
    bytes: Kind.BYTES,
}

GEOMETRIES: Final = frozenset({Kind.GEO_POINT, Kind.LINE_STRING, Kind.POLYGON})

TAGGED: Final = frozenset({Kind.OBJECT, Kind.ARRAY, Kind.GEOMETRY})
"""Columns in which values of several kinds may stand, so that what JSON lacks carries its tag."""

PLAIN_TYPES: Final[dict[Kind, Type]] = {kind: Type(kind) for kind in Kind if kind not in (Kind.POINTER, Kind.RELATION)}


def type_of(value: Value) -> Type:
    """The type of the column that such a value makes. Raises GatewayError(BAD_VALUE) for what no column can hold."""
    kind = KINDS.get(type(value))
    if kind is None:
        if isinstance(value, Reference | ResultOf):
            raise GatewayError(Code.BAD_BATCH, f"there is no item {value.item!r} before this one", name=value.item)
        raise GatewayError(Code.BAD_VALUE, f"a {type(value).__name__} cannot be stored")
    return PLAIN_TYPES[kind] if kind in PLAIN_TYPES else Type(kind, value.class_name)


def pointer_to(value: Pointer | Object) -> Pointer:
    """An object that a client sends back where it got it by an include stands for its pointer."""
    if isinstance(value, Pointer):
        return value
    known = value.fields.get(ID)
    if not isinstance(known, str):
        raise GatewayError(Code.BAD_POINTER, f"an object of {value.class_name} has no id to point to")
    return Pointer(value.class_name, known)


def write_column(kind: Kind, value: Value) -> Stored:
    """The bare form, for a value of a column of that kind."""
    return COLUMN_WRITERS[kind](value)


def column_reader(column: Type) -> ReadColumn | None:
    """What makes a value of the bare form; None where it is the value already. Of TAGGED: `read_nested`."""
    if column.kind is Kind.POINTER:
        target = column.target or ""
        return lambda known: Pointer(target, known)
    codec = CODECS.get(column.kind)
    return codec.read if codec is not None else None


def write_nested(value: Value) -> Stored:
    """The tagged form. Containers are made anew, so nothing of the caller's is stored by reference."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is int or kind is float:
        return write_number(value)
    if kind is dict:
        try:
            return {("@" + key if key.startswith("@") else key): write_nested(part) for key, part in value.items()}
        except AttributeError:
            raise GatewayError(Code.BAD_NESTED_KEY, "the keys of an object must be text") from None
    if kind is list or kind is tuple:
        return [write_nested(part) for part in value]
    if kind is Object:
        value = pointer_to(value)
    codec = CODECS[type_of(value).kind]
    return {codec.tag: codec.write(value)}


def read_nested(stored: Stored) -> Value:
    """The value of a tagged form, in place: containers of `stored` are used, and it is not to be read again."""
    if type(stored) is list:
        for position, part in enumerate(stored):
            if type(part) is dict or type(part) is list:
                stored[position] = read_nested(part)
        return stored
    if type(stored) is not dict:
        return stored
    escaped = False
    for key, part in stored.items():
        if key.startswith("@"):
            if not key.startswith("@@"):
                return TAGS[key](part)
            escaped = True
        if type(part) is dict or type(part) is list:
            stored[key] = read_nested(part)
    if escaped:
        return {key.removeprefix("@"): part for key, part in stored.items()}
    return stored


COLUMN_WRITERS: Final[dict[Kind, Callable[[Any], Stored]]] = {
    **{kind: codec.write for kind, codec in CODECS.items()},
    Kind.STRING: lambda text: text,
    Kind.BOOLEAN: lambda truth: truth,
    Kind.NUMBER: write_number,
    Kind.POINTER: lambda pointer: pointer_to(pointer).id,
    Kind.OBJECT: write_nested,
    Kind.ARRAY: write_nested,
    Kind.GEOMETRY: write_nested,
}


def kind_of_stored(stored: Stored) -> Type:
    """The type of what stands at a path inside an Object or Array, for a message."""
    if type(stored) is dict and len(stored) == 1:
        (tag,) = stored
        for kind, codec in CODECS.items():
            if codec.tag == tag:
                return Type(kind, stored[tag].split(":", 1)[0]) if kind is Kind.POINTER else Type(kind)
    return Type(KINDS[type(stored)])


def is_tagged(stored: dict[str, Stored]) -> bool:
    return len(stored) == 1 and next(iter(stored)) in TAGS


def write_json(stored: Stored) -> bytes:
    try:
        return orjson.dumps(stored)
    except (orjson.JSONEncodeError, RecursionError) as error:  # half a surrogate pair, or nesting without end
        raise GatewayError(Code.BAD_VALUE, f"a value cannot be stored: {error}") from None


def same(one: Stored, other: Stored) -> bool:
    """Whether two stored values are equal: numbers by value, true is not 1, objects in any order of their keys."""
    kind = type(one)
    if kind is bool or type(other) is bool:
        return one is other
    if kind is dict and type(other) is dict:
        if one.keys() != other.keys():
            return False
        if "@file" in one and len(one) == 1:
            return same_file(one["@file"], other["@file"])
        return all(same(part, other[key]) for key, part in one.items())
    if kind is list and type(other) is list:
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def same_file(one: dict[str, Stored], other: dict[str, Stored]) -> bool:
    """By the first of id, name and url that both have. LeanCloud knows files by id, Parse by name."""
    for key in ("id", "name", "url"):
        if one.get(key) is not None and other.get(key) is not None:
            return bool(one[key] == other[key])
    return False


def canonical(stored: Stored) -> bytes:
    """One text for all values that are equal by `same`, to look a value up among many."""
    return orjson.dumps(_normal(stored), option=orjson.OPT_SORT_KEYS)


def _normal(stored: Stored) -> Stored:
    if type(stored) is float and stored.is_integer() and SMALLEST_INT <= stored <= LARGEST_INT:
        return int(stored)
    if type(stored) is list:
        return [_normal(part) for part in stored]
    if type(stored) is dict:
        if "@file" in stored and len(stored) == 1:
            file = stored["@file"]
            return {"@file": file.get("id") or file.get("name") or file.get("url")}
        return {key: _normal(part) for key, part in stored.items()}
    return stored
