"""MongoDB Extended JSON, in the forms that its documentation has."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.dialects.mongo_json import read_mongo
from gateway.errors import Code, GatewayError
from gateway.model.values import Date

MOMENT = Date("2026-01-02T03:04:05.000Z")

VALUES: tuple[tuple[Any, Any], ...] = (
    ({"$date": "2026-01-02T03:04:05Z"}, MOMENT),
    ({"$date": {"$numberLong": "1767323045000"}}, MOMENT),
    ({"$date": 1767323045000}, MOMENT),
    ({"$oid": "6b010f86399aa1eb3a3ddd35"}, "6b010f86399aa1eb3a3ddd35"),
    ({"$numberInt": "1"}, 1),
    ({"$numberLong": "9007199254740993"}, 9007199254740993),
    ({"$numberDouble": "1.5"}, 1.5),
    ({"$binary": {"base64": "aGk=", "subType": "00"}}, b"hi"),
    ([{"$numberInt": "1"}, {"a": {"$date": 1767323045000}}], [1, {"a": MOMENT}]),
    ({"a": None, "b": {}}, {"a": None, "b": {}}),
    ("text", "text"),
)


@pytest.mark.parametrize(("wire", "value"), VALUES)
def test_a_value_is_read(wire: Any, value: Any) -> None:
    assert read_mongo(wire) == value


@pytest.mark.parametrize(
    "wire",
    [
        {"$date": "yesterday"},
        {"$date": {"$numberLong": "x"}},
        {"$oid": 1},
        {"$numberInt": "1.5"},
        {"$binary": {"base64": "!"}},
        {"$regex": "x"},
        {"a": [{"$undefined": True}]},
    ],
)
def test_what_is_none_is_told(wire: Any) -> None:
    with pytest.raises(GatewayError) as refusal:
        read_mongo(wire)
    assert refusal.value.code is Code.BAD_VALUE
