"""Points that are kept by themselves, as JSON objects; what their keys are, the mapping says (`geo:`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from gateway.dialects.scalars import bad_value
from gateway.errors import MappingError
from gateway.mapping.schema import GeoSection
from gateway.mapping.shape import Codec, Compiler, Shape
from gateway.wire import read_json

SLOTS: Final[Mapping[str, frozenset[str]]] = {
    "point": frozenset({"id", "latitude", "longitude", "categories", "metadata", "distance"}),
    "related": frozenset({"point", "matches"}),
    "category": frozenset({"id", "name", "size"}),
}


class GeoJson:
    def __init__(self, section: GeoSection) -> None:
        self._section = section
        self._shapes: dict[str, Shape] = {}

    def define(self, compiler: Compiler) -> None:
        """Raises MappingError."""
        for name, slots in SLOTS.items():
            shape = compiler.compile(getattr(self._section, name), f"geo.{name}")
            if unknown := shape.slots() - slots:
                raise MappingError(f"geo.{name}: there is no ${', $'.join(sorted(unknown))}")
            self._shapes[name] = shape

    def codecs(self) -> dict[str, Codec]:
        point, related, category = self._list_of("point"), self._list_of("related"), self._list_of("category")
        return {
            "geo_point": Codec(lambda wire: self._read("point", wire), lambda told: self._shapes["point"].fill(told)),  # noqa: PLW0108 - defined later
            "geo_points": point,
            "related_geo_points": related,
            "geo_categories": category,
            "json_object": Codec(read_object, lambda value: value),
            "json_object_text": Codec(read_object, lambda value: orjson.dumps(value).decode()),
            "names": Codec(read_names, list),
        }

    def _list_of(self, name: str) -> Codec:
        return Codec(
            lambda wire: [self._read(name, one) for one in wire],
            lambda told: [self._shapes[name].fill(one) for one in told],
        )

    def _read(self, name: str, wire: Any) -> dict[str, Any]:
        found = self._shapes[name].match(wire)
        if found is None:
            raise bad_value(f"a {name}", wire)
        return {slot: found.get(slot) for slot in SLOTS[name]}


def read_object(wire: Any) -> dict[str, Any]:
    """A JSON object, or the text of one, as parameters of a URL are text."""
    value = read_json(wire) if type(wire) is str else wire
    if type(value) is not dict:
        raise bad_value("an object", wire)
    return value


def read_names(wire: Any) -> tuple[str, ...]:
    """One name, or a list of them."""
    names = [wire] if type(wire) is str else wire
    if type(names) is not list or not all(type(name) is str for name in names):
        raise bad_value("a list of names", wire)
    return tuple(names)
