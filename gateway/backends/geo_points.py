"""Points and their categories, on a store of objects: each is one of a class that no client sees."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.backends.ledger import Ledger, new_id
from gateway.errors import Code, GatewayError
from gateway.model.geo import (
    DEFAULT_CATEGORY,
    METERS_OF,
    AddGeoCategory,
    CountGeoPoints,
    DeleteGeoCategory,
    DeleteGeoPoint,
    FindGeoCategories,
    FindGeoPoints,
    FindRelatedGeoPoints,
    GeoSearch,
    GetGeoMetadata,
    SaveGeoPoint,
)
from gateway.model.operation import Caller, Create, Delete, Find, Result, Scan, Update
from gateway.model.query import EARTH_RADIUS_KM, And, Box, Circle, Condition, Filter, Near, Op, Or
from gateway.model.update import Change, Set
from gateway.model.values import ID, Fields, GeoPoint

POINT: Final = "@geo_point"
CATEGORY: Final = "@geo_category"

EARTH_RADIUS: Final = EARTH_RADIUS_KM * 1000.0
LONGEST_NAME: Final = 100
MOST_CATEGORIES: Final = 50
"""Of one point."""
MOST_KEPT: Final = 500
"""Categories of an application."""
MOST_COMPARED: Final = 10_000
"""Points whose metadata are compared with what is searched for, at the most."""
PAGE: Final = 500


class GeoPoints:
    """What each operation answers is said in `model.geo`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def save(self, op: SaveGeoPoint, _caller: Caller) -> Result:
        categories = None if op.categories is None else _names(op.categories)
        changes: dict[str, Change] = {}
        if op.id is None:
            categories = categories or [DEFAULT_CATEGORY]
            changes["at"] = Set(_point(op.latitude, op.longitude))
            changes["metadata"] = Set(dict(op.metadata or {}))
        else:
            kept = await self._get(op.id)
            if op.latitude is not None or op.longitude is not None:
                at = kept["at"]
                latitude = at.latitude if op.latitude is None else op.latitude
                longitude = at.longitude if op.longitude is None else op.longitude
                changes["at"] = Set(_point(latitude, longitude))
            if op.metadata is not None:
                changes["metadata"] = Set(dict(op.metadata))
        if categories is not None:
            changes["categories"] = Set(categories)
            for name in categories:
                await self._add(name)
        id_ = op.id
        if id_ is None:
            id_ = new_id()
            await self._ledger.execute(Create(class_name=POINT, id=id_, changes=changes))
        else:
            await self._ledger.execute(Update(class_name=POINT, id=id_, changes=changes))
        return Result(value=_told(await self._get(id_), with_metadata=True))

    async def find(self, op: FindGeoPoints, _caller: Caller) -> Result:
        found = await self._find(op, limit=op.limit, skip=op.skip)
        points = [_told(fields, with_metadata=op.with_metadata, search=op) for fields in found]
        return Result(value=points, total=await self._count(_where(op, sorted_=False)) if op.count else None)

    async def find_related(self, op: FindRelatedGeoPoints, _caller: Caller) -> Result:
        """By the metadata that a point shares with what is searched for. How the vendor weighs them is not told."""
        if not op.like:
            raise GatewayError(Code.BAD_QUERY, "there is nothing to compare metadata with")
        found: list[tuple[float, Fields]] = []
        compared = 0
        while True:
            page = await self._find(op, limit=PAGE, skip=compared)
            compared += len(page)
            if compared > MOST_COMPARED:
                raise GatewayError(
                    Code.BAD_QUERY,
                    f"there are more than {MOST_COMPARED} points to compare: search a smaller area, or categories",
                )
            for fields in page:
                metadata = fields.get("metadata") or {}
                same = sum(metadata.get(name) == value for name, value in op.like.items())
                if (matches := 100.0 * same / len(op.like)) >= op.threshold:
                    found.append((matches, fields))
            if len(page) < PAGE:
                break
        found.sort(key=lambda one: -one[0])
        return Result(
            value=[
                {"point": _told(fields, with_metadata=op.with_metadata, search=op), "matches": matches}
                for matches, fields in found[op.skip : op.skip + op.limit]
            ]
        )

    async def count(self, op: CountGeoPoints, _caller: Caller) -> Result:
        return Result(value=await self._count(_where(op, sorted_=False)))

    async def metadata(self, op: GetGeoMetadata, _caller: Caller) -> Result:
        return Result(value=(await self._get(op.id)).get("metadata") or {})

    async def delete(self, op: DeleteGeoPoint, _caller: Caller) -> Result:
        return Result(value=await self._deleted(POINT, op.id))

    async def categories(self, _op: FindGeoCategories, _caller: Caller) -> Result:
        names = {DEFAULT_CATEGORY}
        cursor: str | None = None
        while True:
            try:
                page = await self._ledger.execute(Scan(class_name=CATEGORY, limit=PAGE, select=(), cursor=cursor))
            except GatewayError as error:
                if error.code is not Code.CLASS_NOT_FOUND:
                    raise
                break
            names.update(fields[ID] for fields in page.objects or [])
            if (cursor := page.cursor) is None:
                break
        sizes = {name: await self._count(_in_categories((name,))) for name in sorted(names)}
        return Result(value=[{"id": name, "name": name, "size": size} for name, size in sizes.items()])

    async def add_category(self, op: AddGeoCategory, _caller: Caller) -> Result:
        [name] = _names((op.name,))
        return Result(value=await self._add(name))

    async def delete_category(self, op: DeleteGeoCategory, _caller: Caller) -> Result:
        [name] = _names((op.name,))
        if name == DEFAULT_CATEGORY or await self._count(_in_categories((name,))):
            # the vendor's console lets nobody delete either
            raise GatewayError(Code.BAD_REQUEST, f"the category {name} has points, or is the default one")
        return Result(value=await self._deleted(CATEGORY, name))

    async def _add(self, name: str) -> bool:
        """Whether it was not there."""
        if name == DEFAULT_CATEGORY or await self._ledger.fields(CATEGORY, name) is not None:
            return False
        if await self._count(None, CATEGORY) >= MOST_KEPT:
            raise GatewayError(Code.BAD_VALUE, f"there are {MOST_KEPT} categories already, and no more can be made")
        try:
            await self._ledger.execute(Create(class_name=CATEGORY, id=name, changes={"name": Set(name)}))
        except GatewayError as error:
            if error.code is not Code.DUPLICATE_VALUE:
                raise
            return False
        return True

    async def _get(self, id_: str) -> Fields:
        fields = await self._ledger.fields(POINT, id_)
        if fields is None:
            raise GatewayError(Code.OBJECT_NOT_FOUND, f"there is no geo point {id_!r}", id=id_)
        return fields

    async def _deleted(self, class_name: str, id_: str) -> bool:
        try:
            await self._ledger.execute(Delete(class_name=class_name, ids=(id_,)))
        except GatewayError as error:
            if error.code in (Code.OBJECT_NOT_FOUND, Code.CLASS_NOT_FOUND):
                return False
            raise
        return True

    async def _find(self, op: GeoSearch, *, limit: int, skip: int) -> list[Fields]:
        find = Find(class_name=POINT, where=_where(op, sorted_=True), limit=limit, skip=skip)
        try:
            return (await self._ledger.execute(find)).objects or []
        except GatewayError as error:
            if error.code is Code.CLASS_NOT_FOUND:
                return []
            raise

    async def _count(self, where: Filter | None, class_name: str = POINT) -> int:
        try:
            found = await self._ledger.execute(Find(class_name=class_name, where=where, limit=0, count=True))
        except GatewayError as error:
            if error.code is Code.CLASS_NOT_FOUND:
                return 0
            raise
        return found.total or 0


def _where(op: GeoSearch, *, sorted_: bool) -> Filter | None:
    return And(tuple(_conditions(op, sorted_=sorted_)))


def _conditions(op: GeoSearch, *, sorted_: bool) -> Iterator[Filter]:
    corners = (op.north, op.west, op.south, op.east)
    around = op.latitude is not None or op.longitude is not None
    if op.radius is not None and not around:
        raise GatewayError(Code.BAD_QUERY, "a radius needs the latitude and the longitude of its center")
    if around and any(corner is not None for corner in corners):
        raise GatewayError(Code.BAD_QUERY, "points are searched for around a place or in a rectangle, not in both")
    if around:
        center = _point(op.latitude, op.longitude)
        radius = None if op.radius is None else _radians(op.radius, op.units)
        if sorted_:
            yield Condition("at", Op.NEAR, Near(center, radius))
        elif radius is not None:
            yield Condition("at", Op.WITHIN, Circle(center, radius))
    elif any(corner is not None for corner in corners):
        yield Condition("at", Op.WITHIN, Box(_point(op.south, op.west), _point(op.north, op.east)))
    if op.categories:
        yield _in_categories(op.categories)
    for name, value in (op.metadata or {}).items():
        yield Condition(f"metadata.{name}", Op.EQ, value)


def _in_categories(names: tuple[str, ...]) -> Filter:
    return Or(tuple(Condition("categories", Op.EQ, name) for name in _names(names)))


def _told(fields: Fields, *, with_metadata: bool, search: GeoSearch | None = None) -> Mapping[str, Any]:
    at = fields["at"]
    told = {
        "id": fields[ID],
        "latitude": at.latitude,
        "longitude": at.longitude,
        "categories": fields["categories"],
        "metadata": (fields.get("metadata") or {}) if with_metadata else None,
        "distance": None,
    }
    if search is not None and search.latitude is not None and search.longitude is not None:
        there = GeoPoint(search.latitude, search.longitude)
        told["distance"] = _meters(at, there) / METERS_OF[search.units]
    return told


def _meters(one: GeoPoint, other: GeoPoint) -> float:
    """Along the surface, by the haversine formula."""
    north, south = math.radians(one.latitude), math.radians(other.latitude)
    across = math.sin(math.radians(other.longitude - one.longitude) / 2) ** 2
    along = math.sin((south - north) / 2) ** 2
    return 2 * EARTH_RADIUS * math.asin(min(1.0, math.sqrt(along + math.cos(north) * math.cos(south) * across)))


def _radians(length: float, units: str) -> float:
    if not length >= 0:
        raise GatewayError(Code.BAD_QUERY, "a radius is 0 or more")
    return min(length * METERS_OF[units] / EARTH_RADIUS, math.pi)


def _point(latitude: float | None, longitude: float | None) -> GeoPoint:
    if latitude is None or longitude is None or not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise GatewayError(Code.BAD_VALUE, "a point has a latitude of -90 to 90 and a longitude of -180 to 180 degrees")
    return GeoPoint(float(latitude), float(longitude))


def _names(names: tuple[str, ...]) -> list[str]:
    if len(names) > MOST_CATEGORIES or not all(type(name) is str and 0 < len(name) <= LONGEST_NAME for name in names):
        raise GatewayError(
            Code.BAD_VALUE, f"expected {MOST_CATEGORIES} categories at the most, each of 1 to {LONGEST_NAME} characters"
        )
    return list(dict.fromkeys(names))
