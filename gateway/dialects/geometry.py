"""Geometries as text and as JSON: WKT `POINT(lng lat)`, GeoJSON `{"type": "Point", "coordinates": [lng, lat]}`.

Both put the longitude first. The model has points, lines and polygons; what else there is in these languages is refused
by its name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from gateway.dialects.scalars import shown
from gateway.dialects.values_json import close_ring
from gateway.errors import Code, GatewayError
from gateway.model.values import Geometry, GeoPoint, LineString, Polygon

WGS84 = 4326
"""The spatial reference system of the model, and the one that is meant where none is named."""

KINDS: Mapping[type, str] = {GeoPoint: "Point", LineString: "LineString", Polygon: "Polygon"}
UNHELD = frozenset(
    {
        "multipoint",
        "multilinestring",
        "multipolygon",
        "geometrycollection",
        "feature",
        "featurecollection",
    }
)
"""Kinds that WKT or GeoJSON has and the model has not, in small letters."""

LONGEST_TEXT = 1_000_000
"""Characters of a WKT text. A point of a ring is some forty of them."""

_NAMES = frozenset(name.lower() for name in KINDS.values())
_SHAPE = re.compile(r"\s*([A-Za-z]+)\s*\((.*)\)\s*", re.DOTALL)
_BETWEEN_RINGS = re.compile(r"\)\s*,\s*\(")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def _bad(message: str, kind: str) -> GatewayError:
    return GatewayError(Code.BAD_VALUE, message, name=kind)


def _unheld(kind: str) -> GatewayError:
    return GatewayError(
        Code.UNSUPPORTED, f"a {kind} cannot be stored here: there are points, lines and polygons", name=kind
    )


def _point(longitude: float, latitude: float, kind: str) -> GeoPoint:
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        place = f"longitude {shown(longitude)}, latitude {shown(latitude)}"
        raise _bad(f"{place} is no place: expected -180 to 180 and -90 to 90", kind)
    return GeoPoint(latitude, longitude)


def _line(points: list[GeoPoint]) -> LineString:
    if len(points) < 2:  # RFC 7946, 3.1.4, and WKT
        raise _bad("a line needs two points or more", "LineString")
    return LineString(tuple(points))


def _ring(points: list[GeoPoint]) -> tuple[GeoPoint, ...]:
    if len(points) < 4 or points[0] != points[-1]:
        # RFC 7946, 3.1.6: a ring has four positions or more, and the first is the last; WKT has it so as well
        raise _bad("a polygon needs four points or more, the first repeated as the last", "Polygon")
    return close_ring(points)


# --- WKT ---


def read_wkt(text: str) -> Geometry:
    """`POINT(lng lat)`, `LINESTRING(lng lat, ...)` or `POLYGON((lng lat, ...), ...)`, in any case.

    Raises GatewayError: UNSUPPORTED for another kind of geometry, BAD_VALUE for what is no WKT.
    """
    if len(text) > LONGEST_TEXT:
        raise _bad("a geometry as text is too long", "Geometry")
    shape = _SHAPE.fullmatch(text)
    kind = shape[1].lower() if shape else ""
    if shape is None or kind not in _NAMES:
        if kind in UNHELD:
            raise _unheld(kind)
        known = "POINT(lng lat), LINESTRING(lng lat, ...) or POLYGON((lng lat, ...))"
        raise _bad(f"expected {known}, found {shown(text)}", "Geometry")
    if kind == "point":
        return _wkt_position(shape[2], "Point")
    if kind == "linestring":
        return _line(_wkt_positions(shape[2], "LineString"))
    body = shape[2].strip()
    if body[:1] != "(" or body[-1:] != ")" or len(body) < 2:
        raise _bad(f"expected POLYGON((lng lat, ...)), found {shown(text)}", "Polygon")
    outer, *holes = (_ring(_wkt_positions(ring, "Polygon")) for ring in _BETWEEN_RINGS.split(body[1:-1]))
    return Polygon(outer, tuple(holes))


def _wkt_positions(text: str, kind: str) -> list[GeoPoint]:
    return [_wkt_position(position, kind) for position in text.split(",")]


def _wkt_position(text: str, kind: str) -> GeoPoint:
    numbers = text.split()
    if len(numbers) != 2 or not all(map(_NUMBER.fullmatch, numbers)):
        raise _bad(f"expected a longitude and a latitude, found {shown(text.strip())}", kind)
    return _point(float(numbers[0]), float(numbers[1]), kind)


def write_wkt(value: Geometry) -> str:
    if isinstance(value, GeoPoint):
        return f"POINT({_wkt_numbers(value)})"
    if isinstance(value, LineString):
        return f"LINESTRING{_wkt_list(value.points)}"
    return f"POLYGON({', '.join(map(_wkt_list, (value.points, *value.holes)))})"


def _wkt_list(points: Iterable[GeoPoint]) -> str:
    return f"({', '.join(map(_wkt_numbers, points))})"


def _wkt_numbers(point: GeoPoint) -> str:
    # not every reader of WKT knows exponents, which Python's shortest form of a small number has
    return f"{Decimal(repr(point.longitude)):f} {Decimal(repr(point.latitude)):f}"


# --- GeoJSON ---


def is_geojson(wire: Mapping[str, Any]) -> bool:
    """Whether an object means to be a geometry: it has a `type` that is one, and coordinates."""
    kind = wire.get("type")
    return "coordinates" in wire and type(kind) is str and kind.lower() in _NAMES | UNHELD


def read_geojson(wire: Mapping[str, Any], tag: str | None = None) -> Geometry:
    """A Point, LineString or Polygon of RFC 7946; `srsId`, and the key `tag` with a class's name, may stand beside.

    Raises GatewayError: UNSUPPORTED for another kind or another reference system, else BAD_VALUE.
    """
    kind = wire.get("type")
    if type(kind) is not str or kind not in KINDS.values():
        if type(kind) is str and kind.lower() in UNHELD:
            raise _unheld(kind)
        raise _bad(f"expected a GeoJSON Point, LineString or Polygon, found {shown(kind)}", "Geometry")
    if unknown := wire.keys() - {"type", "coordinates", "srsId", "bbox", tag}:
        raise _bad(f"a {kind} has no {', '.join(sorted(map(str, unknown)))}", kind)
    reference = wire.get("srsId")
    if reference is not None and reference != WGS84:
        raise GatewayError(
            Code.UNSUPPORTED,
            f"the spatial reference system {shown(reference)} is not supported: only {WGS84}",
            name=kind,
        )
    coordinates = wire.get("coordinates")
    if kind == "Point":
        return _position(coordinates, kind)
    if kind == "LineString":
        return _line(_positions(coordinates, kind, "a LineString has a list of positions as its coordinates"))
    needed = "a Polygon has a list of rings as its coordinates"
    if type(coordinates) is not list or not coordinates:
        raise _bad(needed, kind)
    outer, *holes = (_ring(_positions(ring, kind, needed)) for ring in coordinates)
    return Polygon(outer, tuple(holes))


def _positions(wire: Any, kind: str, needed: str) -> list[GeoPoint]:
    if type(wire) is not list:
        raise _bad(needed, kind)
    return [_position(position, kind) for position in wire]


def _position(wire: Any, kind: str) -> GeoPoint:
    if type(wire) is not list or len(wire) != 2 or not all(map(_is_degree, wire)):
        raise _bad(f"expected [longitude, latitude], found {shown(wire)}", kind)
    return _point(wire[0], wire[1], kind)


def _is_degree(wire: Any) -> bool:
    return type(wire) is int or (type(wire) is float and math.isfinite(wire))


def write_geojson(value: Geometry, beside: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """`beside` are keys that a vendor puts next to the two of GeoJSON, such as the id of the reference system."""
    coordinates: Sequence[Any]
    match value:
        case GeoPoint():
            coordinates = _pair(value)
        case LineString(points):
            coordinates = list(map(_pair, points))
        case Polygon(points, holes):
            coordinates = [list(map(_pair, ring)) for ring in (points, *holes)]
    return {"type": KINDS[type(value)], "coordinates": coordinates, **(beside or {})}


def _pair(point: GeoPoint) -> list[float]:
    return [point.longitude, point.latitude]
