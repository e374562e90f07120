"""What no client of the geo service can show in a few requests; tests/sdk/backendless/geo.test.mjs has the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.backends import geo_points
from gateway.backends.embedded import Embedded
from gateway.backends.geo_points import GeoPoints
from gateway.backends.ledger import Ledger
from gateway.errors import Code, GatewayError
from gateway.model.geo import (
    AddGeoCategory,
    CountGeoPoints,
    FindGeoCategories,
    FindRelatedGeoPoints,
    SaveGeoPoint,
)
from gateway.model.operation import Caller

CLIENT = Caller(app="blog")


async def test_more_points_than_are_compared_are_told_and_not_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(geo_points, "MOST_COMPARED", 4)
    monkeypatch.setattr(geo_points, "PAGE", 2)
    store = await Embedded.open(f"sqlite:///{tmp_path}/geo.db", secret=b"s" * 32)
    points = GeoPoints(Ledger(store))
    alike = FindRelatedGeoPoints(limit=10, like={"kind": "cafe"}, threshold=100)
    try:
        for _ in range(4):
            await points.save(SaveGeoPoint(latitude=1.0, longitude=2.0, metadata={"kind": "cafe"}), CLIENT)
        assert len((await points.find_related(alike, CLIENT)).value) == 4
        await points.save(SaveGeoPoint(latitude=1.0, longitude=2.0), CLIENT)
        with pytest.raises(GatewayError) as refused:
            await points.find_related(alike, CLIENT)
        assert refused.value.code is Code.BAD_QUERY
    finally:
        await store.close()


async def test_there_are_so_many_categories_at_the_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geo_points, "MOST_KEPT", 2)
    store = await Embedded.open(f"sqlite:///{tmp_path}/geo.db", secret=b"s" * 32)
    points = GeoPoints(Ledger(store))
    try:
        await points.save(SaveGeoPoint(latitude=1.0, longitude=2.0, categories=("a", "b", "Default")), CLIENT)
        assert (await points.add_category(AddGeoCategory(name="a"), CLIENT)).value is False
        with pytest.raises(GatewayError) as refused:
            await points.add_category(AddGeoCategory(name="c"), CLIENT)
        assert (refused.value.code, str(refused.value)) == (
            Code.BAD_VALUE,
            "there are 2 categories already, and no more can be made",
        )
        with pytest.raises(GatewayError):
            await points.save(SaveGeoPoint(latitude=1.0, longitude=2.0, categories=("a", "c")), CLIENT)
        assert [one["name"] for one in (await points.categories(FindGeoCategories(), CLIENT)).value] == [
            "Default",
            "a",
            "b",
        ]
        assert (await points.count(CountGeoPoints(), CLIENT)).value == 1
    finally:
        await store.close()
