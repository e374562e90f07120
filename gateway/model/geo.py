"""Points on the earth that are kept by themselves, and not as values of objects: each in categories, with metadata.

A point is told as `id`, `latitude`, `longitude`, `categories` (a list of names), `metadata` (an object) and, where it
was searched for around another one, `distance`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from gateway.model.operation import Operation


class Length(StrEnum):
    """What distances are told in."""

    METERS = "meters"
    KILOMETERS = "kilometers"
    MILES = "miles"
    YARDS = "yards"
    FEET = "feet"


METERS_OF: Final[Mapping[str, float]] = {
    Length.METERS: 1.0,
    Length.KILOMETERS: 1000.0,
    Length.MILES: 1609.344,
    Length.YARDS: 0.9144,
    Length.FEET: 0.3048,
}

DEFAULT_CATEGORY: Final = "Default"


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveGeoPoint(Operation):
    """Makes a point, or with an `id` changes one: what is None stays as it is. Answers the point (`Result.value`).

    Categories that are new are made. A new point needs both coordinates, and is else in the category Default.
    """

    id: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    categories: tuple[str, ...] | None = None
    metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GeoSearch(Operation):
    """Which points: within `radius` of a place, or in a rectangle, or all; in any of `categories`, if there are some.

    `metadata` has what a point must have in its own, each key with this value. Distances are in `units`.
    """

    categories: tuple[str, ...] = ()
    metadata: Mapping[str, Any] | None = None
    latitude: float | None = None
    longitude: float | None = None
    radius: float | None = None
    units: str = Length.METERS
    north: float | None = None
    west: float | None = None
    south: float | None = None
    east: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindGeoPoints(GeoSearch):
    """Points (`Result.value`), the nearest first where it is searched around a place; with `count`, how many in all."""

    limit: int
    skip: int = 0
    with_metadata: bool = False
    count: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FindRelatedGeoPoints(GeoSearch):
    """Points by how much of `like` is in their metadata: each as `point`, with `matches` in percent, the best first.

    Those with less than `threshold` percent are left out.
    """

    like: Mapping[str, Any]
    threshold: float
    limit: int
    skip: int = 0
    with_metadata: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CountGeoPoints(GeoSearch):
    """How many points there are (`Result.value`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GetGeoMetadata(Operation):
    """The metadata of a point (`Result.value`)."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteGeoPoint(Operation):
    """Deletes a point. Answers whether it was there (`Result.value`)."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FindGeoCategories(Operation):
    """Every category (`Result.value`), by name: `id`, `name`, and `size`, the number of its points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddGeoCategory(Operation):
    """Makes a category. Answers whether it is new (`Result.value`)."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteGeoCategory(Operation):
    """Deletes a category without points. Answers whether it was there (`Result.value`)."""

    name: str


GEO_OPERATIONS: Mapping[str, type[Operation]] = {
    "save_geo_point": SaveGeoPoint,
    "find_geo_points": FindGeoPoints,
    "find_related_geo_points": FindRelatedGeoPoints,
    "count_geo_points": CountGeoPoints,
    "get_geo_metadata": GetGeoMetadata,
    "delete_geo_point": DeleteGeoPoint,
    "find_geo_categories": FindGeoCategories,
    "add_geo_category": AddGeoCategory,
    "delete_geo_category": DeleteGeoCategory,
}
