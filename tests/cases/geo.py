"""Points, distances and areas, in every unit. In the model a distance is in radians."""

from __future__ import annotations

from gateway.model.query import (
    And,
    Box,
    Call,
    Circle,
    Column,
    Comparison,
    Condition,
    Function,
    Literal,
    Near,
    Op,
)
from gateway.model.values import GeoPoint, Polygon
from tests.cases import Case
from tests.cases.wires import finding

POINT, CORNER, THIRD = GeoPoint(39.0, 116.0), GeoPoint(40.0, 117.0), GeoPoint(40.0, 116.0)


def wire(point: GeoPoint) -> dict[str, object]:
    return {"__type": "GeoPoint", "latitude": point.latitude, "longitude": point.longitude}


P, C, T = wire(POINT), wire(CORNER), wire(THIRD)
HALF_MILE, HALF_MILE_PARSE = 0.5 / 3958.8, 0.5 / 3959
KILOMETERS = 500 / 6371

AWAY = "distance(39.0, 116.0, at.latitude, at.longitude)"
"""In metres, from POINT. That what is near comes first is not said by it."""


def farther(metres: float) -> Comparison:
    return Comparison(Call(Function.DISTANCE, (Column("at"), Literal(POINT))), Op.GE, Literal(metres))


def bound(function: Function, op: Op, degrees: float) -> Comparison:
    return Comparison(Call(function, (Column("at"),)), op, Literal(degrees))


BOX = And(
    (
        bound(Function.LATITUDE, Op.GE, 39),
        bound(Function.LATITUDE, Op.LE, 40),
        bound(Function.LONGITUDE, Op.GE, 116),
        bound(Function.LONGITUDE, Op.LE, 117),
    )
)

CASES: tuple[Case, ...] = (
    finding(
        "near",
        Condition("at", Op.NEAR, Near(POINT)),
        {"at": {"$nearSphere": P}},
        {"at": {"$nearSphere": [116, 39]}},
        sql="at is not null",
        reads=Condition("at", Op.NE, None),
    ),
    finding(
        "near, at most so many radians",
        Condition("at", Op.NEAR, Near(POINT, 0.5)),
        {"at": {"$nearSphere": P, "$maxDistance": 0.5}},
        {"at": {"$nearSphere": P, "$maxDistanceInRadians": 0.5}},
        {"at": {"$maxDistance": 0.5, "$nearSphere": P}},
        sql=f"{AWAY} <= 3185500.0",
        reads=Condition("at", Op.WITHIN, Circle(POINT, 0.5)),
    ),
    finding(
        "near, at most so many kilometres",
        Condition("at", Op.NEAR, Near(POINT, KILOMETERS)),
        {"at": {"$nearSphere": P, "$maxDistance": KILOMETERS}},
        {"at": {"$nearSphere": P, "$maxDistanceInKilometers": 500}},
        sql=f"{AWAY} <= 500000.0",
        sql_also=(f"{AWAY} <= km(500)",),
        reads=Condition("at", Op.WITHIN, Circle(POINT, KILOMETERS)),
    ),
    finding(
        "near, at most so many miles of LeanCloud's",
        Condition("at", Op.NEAR, Near(POINT, HALF_MILE)),
        {"at": {"$nearSphere": P, "$maxDistance": HALF_MILE}},
        leancloud_also=({"at": {"$nearSphere": P, "$maxDistanceInMiles": 0.5}},),
        sql=f"{AWAY} <= 804.6630292007679",
        reads=Condition("at", Op.WITHIN, Circle(POINT, HALF_MILE)),
    ),
    finding(
        "near, at most so many miles of Parse Server's",
        Condition("at", Op.NEAR, Near(POINT, HALF_MILE_PARSE)),
        {"at": {"$nearSphere": P, "$maxDistance": HALF_MILE_PARSE}},
        parse_also=({"at": {"$nearSphere": P, "$maxDistanceInMiles": 0.5}},),
        sql=f"{AWAY} <= 804.6223793887347",
        reads=Condition("at", Op.WITHIN, Circle(POINT, HALF_MILE_PARSE)),
    ),
    finding(
        "near, but not too near",
        Condition("at", Op.NEAR, Near(POINT, None, 0.25)),
        {"at": {"$nearSphere": P, "$minDistance": 0.25}},
        leancloud_also=({"at": {"$nearSphere": P, "$minDistanceInRadians": 0.25}},),
        sql=f"{AWAY} >= 1592750.0",
        reads=farther(1592750.0),
    ),
    finding(
        "near, between two distances",
        Condition("at", Op.NEAR, Near(POINT, KILOMETERS, HALF_MILE)),
        {"at": {"$nearSphere": P, "$maxDistance": KILOMETERS, "$minDistance": HALF_MILE}},
        leancloud_also=(
            {"at": {"$nearSphere": P, "$maxDistanceInKilometers": 500, "$minDistanceInMiles": 0.5}},
            {"at": {"$nearSphere": P, "$maxDistanceInKilometers": 500, "$minDistanceInKilometers": HALF_MILE * 6371}},
        ),
        sql=f"{AWAY} <= 500000.0 and {AWAY} >= 804.6630292007679",
        reads=And((Condition("at", Op.WITHIN, Circle(POINT, KILOMETERS)), farther(804.6630292007679))),
    ),
    finding(
        "near, with a condition",
        And((Condition("at", Op.NEAR, Near(POINT, 0)), Condition("n", Op.EQ, 1))),
        {"at": {"$nearSphere": P, "$maxDistance": 0}, "n": 1},
        sql=f"{AWAY} <= 0.0 and n = 1",
        reads=And((Condition("at", Op.WITHIN, Circle(POINT, 0)), Condition("n", Op.EQ, 1))),
    ),
    finding(
        "within a box",
        Condition("at", Op.WITHIN, Box(POINT, CORNER)),
        {"at": {"$within": {"$box": [P, C]}}},
        {"at": {"$within": {"$box": [[116, 39], [117, 40]]}}},
        {"at": {"$within": {"$box": [[116, 40], [117, 39]]}}},  # the REST guide's example has its corners so
        sql="GetLat(at) >= 39.0 and GetLat(at) <= 40.0 and GetLon(at) >= 116.0 and GetLon(at) <= 117.0",
        reads=BOX,
    ),
    finding(
        "within a circle",
        Condition("at", Op.WITHIN, Circle(POINT, 0.01)),
        {"at": {"$geoWithin": {"$centerSphere": [P, 0.01]}}},
        {"at": {"$geoWithin": {"$centerSphere": [[116, 39], 0.01]}}},
        sql=f"{AWAY} <= 63710.0",
    ),
    finding(
        "within a polygon",
        Condition("at", Op.WITHIN, Polygon((POINT, CORNER, THIRD, POINT))),
        {"at": {"$geoWithin": {"$polygon": [P, C, T]}}},
        {"at": {"$geoWithin": {"$polygon": [P, C, T, P]}}},
        {"at": {"$geoWithin": {"$polygon": [[116, 39], [117, 40], [116, 40]]}}},
        {"at": {"$geoWithin": {"$polygon": {"__type": "Polygon", "coordinates": [[39, 116], [40, 117], [40, 116]]}}}},
        sql="Within(at, 'POLYGON((116.0 39.0, 117.0 40.0, 116.0 40.0, 116.0 39.0))') = true",
        sql_also=("Within(at, 'POLYGON((116 39, 117 40, 116 40, 116 39))')",),
    ),
    finding(
        "a polygon around a point",
        Condition("area", Op.COVERS, POINT),
        {"area": {"$geoIntersects": {"$point": P}}},
        {"area": {"$geoIntersects": {"$point": [116, 39]}}},
        sql="Contains(area, 'POINT(116.0 39.0)') = true",
    ),
)
