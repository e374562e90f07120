"""Points that are kept by themselves, and their categories."""

from __future__ import annotations

from typing import Any

from gateway.errors import Code
from gateway.model.geo import (
    AddGeoCategory,
    CountGeoPoints,
    DeleteGeoCategory,
    DeleteGeoPoint,
    FindGeoCategories,
    FindGeoPoints,
    FindRelatedGeoPoints,
    GetGeoMetadata,
    SaveGeoPoint,
)
from gateway.model.operation import Operation, Result
from gateway.wire import HttpRequest, HttpResponse
from tests.cases import Case, Failure, Wire, without

POINT: dict[str, Any] = {
    "id": "p1",
    "latitude": 48.2,
    "longitude": 16.4,
    "categories": ["city"],
    "metadata": {"n": 1},
    "distance": None,
}
WIRE_POINT = {
    "___class": "GeoPoint",
    "objectId": "p1",
    "latitude": 48.2,
    "longitude": 16.4,
    "categories": ["city"],
    "metadata": {"n": 1},
}
FAR = {**POINT, "metadata": None, "distance": 12.5}
WIRE_FAR = {**{key: value for key, value in WIRE_POINT.items() if key != "metadata"}, "distance": 12.5}


def case(title: str, op: Operation, request: HttpRequest, value: Any, wire: Any, *also: HttpRequest) -> Case:
    return Case(f"geo: {title}", op, Result(value=value), {"backendless": Wire(request, HttpResponse(200, wire), also)})


SAVE = SaveGeoPoint(latitude=48.2, longitude=16.4, categories=("city",), metadata={"n": 1})
SAVED = {"___class": "GeoPoint", "latitude": 48.2, "longitude": 16.4, "categories": ["city"], "metadata": {"n": 1}}
AROUND = {"categories": "city,town", "lat": "48.2", "lon": "16.4", "r": "5.5", "units": "KILOMETERS"}

CASES = without(
    "parse",
    *without(
        "leancloud",
        case(
            "save a point",
            SAVE,
            HttpRequest("POST", "/geo/points", body=SAVED),
            POINT,
            {"geopoint": WIRE_POINT},
            HttpRequest("PUT", "/geo/points", body=SAVED),
            HttpRequest(
                "POST", "/geo/points", body={**SAVED, "___class": None, "objectId": None, "categories": "city"}
            ),
        ),
        case(
            "around a place",
            FindGeoPoints(
                limit=20,
                skip=40,
                categories=("city", "town"),
                latitude=48.2,
                longitude=16.4,
                radius=5.5,
                units="kilometers",
                with_metadata=True,
            ),
            HttpRequest("GET", "/geo/points", {**AROUND, "includemetadata": "true", "pagesize": "20", "offset": "40"}),
            [POINT],
            [WIRE_POINT],
        ),
        case(
            "in a rectangle",
            FindGeoPoints(limit=100, north=49, west=14, south=48, east=17, metadata={"n": 1}),
            HttpRequest(
                "GET",
                "/geo/rect",
                {"nwlat": "49", "nwlon": "14", "selat": "48", "selon": "17", "metadata": '{"n":1}'},
            ),
            [FAR],
            [WIRE_FAR],
        ),
        case(
            "those that are alike",
            FindRelatedGeoPoints(limit=100, like={"n": 1}, threshold=50, categories=("city",)),
            HttpRequest(
                "GET",
                "/geo/relative/points",
                {"categories": "city", "relativeFindMetadata": '{"n":1}', "relativeFindPercentThreshold": "50"},
            ),
            [{"point": POINT, "matches": 100}],
            [{"geoPoint": WIRE_POINT, "matches": 100}],
        ),
        case(
            "how many", CountGeoPoints(categories=("a",)), HttpRequest("GET", "/geo/count", {"categories": "a"}), 3, 3
        ),
        case("metadata", GetGeoMetadata(id="p1"), HttpRequest("GET", "/geo/points/p1/metadata"), {"n": 1}, {"n": 1}),
        Case(
            "geo: metadata of no point",
            GetGeoMetadata(id="p1"),
            Failure(Code.OBJECT_NOT_FOUND, "there is no geo point 'p1'", (("id", "p1"),)),
            {
                "backendless": Wire(
                    HttpRequest("GET", "/geo/points/p1/metadata"),
                    HttpResponse(404, {"code": 1000, "message": "Entity with ID p1 not found"}),
                )
            },
        ),
        case("delete", DeleteGeoPoint(id="p1"), HttpRequest("DELETE", "/geo/points/p1"), True, {"result": True}),
        case(
            "categories",
            FindGeoCategories(),
            HttpRequest("GET", "/geo/categories"),
            [{"id": "c", "name": "c", "size": 4}],
            [{"objectId": "c", "name": "c", "size": 4}],
        ),
        case("a category", AddGeoCategory(name="c"), HttpRequest("PUT", "/geo/categories/c"), True, {"result": True}),
        case(
            "no category",
            DeleteGeoCategory(name="c"),
            HttpRequest("DELETE", "/geo/categories/c"),
            False,
            {"result": False},
        ),
    ),
)
