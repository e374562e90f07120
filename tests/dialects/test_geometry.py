"""Geometries as WKT and as GeoJSON, both ways."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dialects.geometry import (
    LONGEST_TEXT,
    is_geojson,
    read_geojson,
    read_wkt,
    write_geojson,
    write_wkt,
)
from gateway.errors import Code, GatewayError
from gateway.model.values import Geometry, GeoPoint, LineString, Polygon

TRIANGLE = Polygon((GeoPoint(0.0, 0.0), GeoPoint(0.0, 4.0), GeoPoint(4.0, 4.0), GeoPoint(0.0, 0.0)))
RING = [[0, 0], [4, 0], [4, 4], [0, 0]]
LINE = LineString((GeoPoint(0.0, 0.0), GeoPoint(2.0, 1.0)))
SQUARE = tuple(GeoPoint(*at) for at in [(0.0, 0.0), (0.0, 9.0), (9.0, 9.0), (9.0, 0.0), (0.0, 0.0)])
HOLES = tuple(
    tuple(GeoPoint(lat + by, lng + by) for lat, lng in [(0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.0, 0.0)])
    for by in (1.0, 5.0)
)
CHEESE = Polygon(SQUARE, HOLES)
CHEESE_WKT = (
    "POLYGON((0.0 0.0, 9.0 0.0, 9.0 9.0, 0.0 9.0, 0.0 0.0), (1.0 1.0, 2.0 1.0, 2.0 2.0, 1.0 1.0), "
    "(5.0 5.0, 6.0 5.0, 6.0 6.0, 5.0 5.0))"
)
CHEESE_RINGS = [
    [[0, 0], [9, 0], [9, 9], [0, 9], [0, 0]],
    [[1, 1], [2, 1], [2, 2], [1, 1]],
    [[5, 5], [6, 5], [6, 6], [5, 5]],
]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("POINT(84.5 86.5)", GeoPoint(86.5, 84.5)),
        ("point ( -1   2.5e0 )", GeoPoint(2.5, -1.0)),
        (" POINT (.5 -90)\n", GeoPoint(-90.0, 0.5)),
        ("POLYGON((0 0, 4 0, 4 4, 0 0))", TRIANGLE),
        ("Polygon ( ( 0 0,4 0,4 4,0 0 ) )", TRIANGLE),
        ("LINESTRING(0 0, 1 2)", LINE),
        ("lineString ( 0 0,1 2 )", LINE),
        (CHEESE_WKT, CHEESE),
        (CHEESE_WKT.replace("), (", " )\n,( "), CHEESE),
    ],
)
def test_wkt_is_read(text: str, value: Geometry) -> None:
    assert read_wkt(text) == value


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        (
            "MULTIPOINT(1 2)",
            Code.UNSUPPORTED,
            "a multipoint cannot be stored here: there are points, lines and polygons",
        ),
        ("LINESTRING(1 2)", Code.BAD_VALUE, "a line needs two points or more"),
        ("LINESTRING()", Code.BAD_VALUE, "expected a longitude and a latitude, found ''"),
        ("LINESTRING((1 2, 3 4))", Code.BAD_VALUE, "expected a longitude and a latitude, found '(1 2'"),
        ("LINESTRING(1 2, 3 91)", Code.BAD_VALUE, "is no place"),
        ("POLYGON((0 0, 4 0, 4 4, 0 0), (1 1, 2 1, 2 2))", Code.BAD_VALUE, "four points or more"),
        ("POLYGON((0 0, 4 0, 4 4, 0 0), ())", Code.BAD_VALUE, "expected a longitude and a latitude, found ''"),
        ("POLYGON((0 0, 4 0, 4 4, 0 0) (1 1, 2 1, 2 2, 1 1))", Code.BAD_VALUE, "expected a longitude"),
        ("POLYGON(((0 0, 4 0, 4 4, 0 0)))", Code.BAD_VALUE, "expected a longitude and a latitude, found '(0 0'"),
        ("POINT(1 91)", Code.BAD_VALUE, "longitude 1.0, latitude 91.0 is no place"),
        ("POINT(181 1)", Code.BAD_VALUE, "longitude 181.0, latitude 1.0 is no place"),
        ("POINT(1, 2)", Code.BAD_VALUE, "expected a longitude and a latitude, found '1, 2'"),
        ("POINT(1 2 3)", Code.BAD_VALUE, "expected a longitude and a latitude"),
        ("POINT(1 nan)", Code.BAD_VALUE, "expected a longitude and a latitude"),
        ("POINT(1 1e999)", Code.BAD_VALUE, "is no place"),
        ("POINT()", Code.BAD_VALUE, "expected a longitude and a latitude, found ''"),
        ("POINT EMPTY", Code.BAD_VALUE, "expected POINT(lng lat), LINESTRING(lng lat, ...) or POLYGON"),
        ("POLYGON(0 0, 4 0, 4 4, 0 0)", Code.BAD_VALUE, "expected POLYGON((lng lat, ...))"),
        ("POLYGON((0 0, 4 0, 4 4))", Code.BAD_VALUE, "four points or more, the first repeated as the last"),
        ("POLYGON((0 0, 4 0, 4 4, 1 1))", Code.BAD_VALUE, "four points or more, the first repeated as the last"),
        ("POLYGON((0 0, 0 0, 0 0, 0 0))", Code.BAD_VALUE, "three different points"),
        ("POLYGON((0 0, , 4 4, 0 0))", Code.BAD_VALUE, "found ''"),
        ("home", Code.BAD_VALUE, "or POLYGON((lng lat, ...)), found 'home'"),
        ("", Code.BAD_VALUE, "expected POINT(lng lat), LINESTRING(lng lat, ...) or POLYGON"),
        ("POINT(" + " " * LONGEST_TEXT, Code.BAD_VALUE, "too long"),
    ],
)
def test_wkt_that_is_none_is_refused(text: str, code: Code, message: str) -> None:
    with pytest.raises(GatewayError, match=re.escape(message)) as refused:
        read_wkt(text)
    assert refused.value.code is code


def test_wkt_has_no_exponents() -> None:
    assert write_wkt(GeoPoint(1e-7, -2.0)) == "POINT(-2.0 0.0000001)"
    assert write_wkt(TRIANGLE) == "POLYGON((0.0 0.0, 4.0 0.0, 4.0 4.0, 0.0 0.0))"
    assert write_wkt(LINE) == "LINESTRING(0.0 0.0, 1.0 2.0)"
    assert write_wkt(CHEESE) == CHEESE_WKT


@pytest.mark.parametrize(
    ("wire", "value"),
    [
        ({"type": "Point", "coordinates": [84.5, 86.5]}, GeoPoint(86.5, 84.5)),
        ({"type": "Point", "coordinates": [1, 2], "srsId": 4326, "tag": "x.Point"}, GeoPoint(2, 1)),
        ({"type": "Point", "coordinates": [1, 2], "srsId": None}, GeoPoint(2, 1)),
        ({"type": "Polygon", "coordinates": [RING]}, TRIANGLE),
        ({"type": "Polygon", "coordinates": CHEESE_RINGS}, CHEESE),
        ({"type": "LineString", "coordinates": [[0, 0], [1, 2]], "tag": "x.LineString"}, LINE),
    ],
)
def test_geojson_is_read(wire: dict[str, Any], value: Geometry) -> None:
    assert is_geojson(wire)
    assert read_geojson(wire, "tag") == value


@pytest.mark.parametrize(
    ("wire", "code", "message"),
    [
        ({"type": "MultiPoint", "coordinates": RING}, Code.UNSUPPORTED, "a MultiPoint cannot be stored here"),
        ({"type": "LineString", "coordinates": [[0, 0]]}, Code.BAD_VALUE, "a line needs two points or more"),
        ({"type": "LineString", "coordinates": [RING]}, Code.BAD_VALUE, "expected [longitude, latitude]"),
        ({"type": "LineString", "coordinates": "x"}, Code.BAD_VALUE, "a list of positions"),
        ({"type": "LineString", "coordinates": RING, "srsId": 0}, Code.UNSUPPORTED, "system 0 is not supported"),
        ({"type": "Polygon", "coordinates": [RING, RING[1:]]}, Code.BAD_VALUE, "four points or more"),
        ({"type": "Polygon", "coordinates": [RING, 5]}, Code.BAD_VALUE, "a list of rings"),
        ({"type": "Point", "coordinates": [1, 2], "srsId": 3857}, Code.UNSUPPORTED, "system 3857 is not supported"),
        ({"type": "Point", "coordinates": [1, 2], "name": "x"}, Code.BAD_VALUE, "a Point has no name"),
        ({"type": "Point", "coordinates": [1]}, Code.BAD_VALUE, "expected [longitude, latitude], found [1]"),
        ({"type": "Point", "coordinates": [1, 2, 3]}, Code.BAD_VALUE, "expected [longitude, latitude]"),
        ({"type": "Point", "coordinates": [True, 2]}, Code.BAD_VALUE, "expected [longitude, latitude]"),
        ({"type": "Point", "coordinates": [float("nan"), 2]}, Code.BAD_VALUE, "expected [longitude, latitude]"),
        ({"type": "Point", "coordinates": [10**400, 2]}, Code.BAD_VALUE, "is no place"),
        ({"type": "Point", "coordinates": None}, Code.BAD_VALUE, "expected [longitude, latitude], found None"),
        ({"type": "Point", "coordinates": [1, -91]}, Code.BAD_VALUE, "is no place"),
        ({"type": "Polygon", "coordinates": []}, Code.BAD_VALUE, "a list of rings"),
        ({"type": "Polygon", "coordinates": [[]]}, Code.BAD_VALUE, "four points or more"),
        ({"type": "Polygon", "coordinates": RING}, Code.BAD_VALUE, "expected [longitude, latitude], found 0"),
        (
            {"type": "point", "coordinates": [1, 2]},
            Code.BAD_VALUE,
            "expected a GeoJSON Point, LineString or Polygon, found 'point'",
        ),
        ({"type": 5, "coordinates": [1, 2]}, Code.BAD_VALUE, "LineString or Polygon, found 5"),
    ],
)
def test_geojson_that_is_none_is_refused(wire: dict[str, Any], code: Code, message: str) -> None:
    with pytest.raises(GatewayError, match=re.escape(message)) as refused:
        read_geojson(wire)
    assert refused.value.code is code


@pytest.mark.parametrize(
    "wire",
    [
        {},
        {"type": "Point"},
        {"coordinates": [1, 2]},
        {"type": "House", "coordinates": 1},
        {"type": 1, "coordinates": 1},
    ],
)
def test_other_objects_are_no_geojson(wire: dict[str, Any]) -> None:
    assert not is_geojson(wire)


def test_geojson_is_written_with_what_a_vendor_puts_beside() -> None:
    assert write_geojson(GeoPoint(2.0, 1.0), {"srsId": 4326}) == {
        "type": "Point",
        "coordinates": [1.0, 2.0],
        "srsId": 4326,
    }
    assert write_geojson(TRIANGLE) == {"type": "Polygon", "coordinates": [RING]}
    assert write_geojson(CHEESE) == {"type": "Polygon", "coordinates": CHEESE_RINGS}
    assert write_geojson(LINE) == {"type": "LineString", "coordinates": [[0, 0], [1, 2]]}


POINTS = st.builds(GeoPoint, st.floats(-90, 90), st.floats(-180, 180))
LINES = st.lists(POINTS, min_size=2, max_size=6).map(lambda points: LineString(tuple(points)))
RINGS = st.lists(POINTS, min_size=3, max_size=6, unique=True).map(lambda points: (*points, points[0]))
POLYGONS = st.builds(Polygon, RINGS, st.lists(RINGS, max_size=3).map(tuple))


@settings(max_examples=200, deadline=None)
@given(value=POINTS | LINES | POLYGONS)
def test_a_geometry_comes_back_as_it_was(value: Geometry) -> None:
    assert read_wkt(write_wkt(value)) == value
    assert read_geojson(write_geojson(value)) == value


@settings(max_examples=300, deadline=None)
@given(
    text=st.text(alphabet="POINTLYGON(), 0123456789.-+e\x00", max_size=40)
    | st.builds("{}{}".format, st.sampled_from(["POINT(", "LINESTRING(", "POLYGON(("]), st.text("(), 0123456789.-+e"))
)
def test_junk_is_refused_and_nothing_worse(text: str) -> None:
    try:
        value = read_wkt(text)
    except GatewayError as error:
        refused: Code | None = error.code
    else:
        refused = None
        assert read_wkt(write_wkt(value)) == value
    assert refused in (None, Code.BAD_VALUE, Code.UNSUPPORTED)
