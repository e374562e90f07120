"""Groups of groups as JSON objects inside each other, and the path to one; what their keys are, `groups:` says."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from gateway.dialects.scalars import bad_value, shown
from gateway.errors import Code, GatewayError, MappingError
from gateway.mapping.schema import GroupsSection
from gateway.mapping.shape import ABSENT, Codec, Compiler, Shape
from gateway.model.groups import Group, Level, Step
from gateway.model.values import Fields

LEVEL = frozenset({"items", "more"})
STEP = frozenset({"field", "value"})


class GroupsJson:
    """`objects` is how one object is told: they stand in the innermost groups, with their class at `tag`."""

    def __init__(self, section: GroupsSection, objects: Codec, tag: str) -> None:
        self._section = section
        self._objects = objects
        self._tag = tag
        self._shapes: dict[str, Shape] = {}

    def define(self, compiler: Compiler) -> None:
        """Raises MappingError."""
        of_backends = dataclasses.replace(compiler, open=True)
        for name, expected, by in (
            ("step", STEP, compiler),
            ("level", LEVEL, of_backends),
            ("group", LEVEL | STEP, of_backends),
        ):
            where = f"groups.{name}"
            shape = by.compile(getattr(self._section, name), where)
            if shape.slots() != expected:
                raise MappingError(f"{where}: must bind {', '.join(sorted(expected))}")
            self._shapes[name] = shape

    def codecs(self) -> dict[str, Codec]:
        return {"group_path": Codec(self.read_path, self.write_path), "groups": Codec(self.read, self.write)}

    # --- the path to a group ---

    def read_path(self, wire: Any) -> tuple[Step, ...]:
        if type(wire) is dict:
            wire = [wire]
        if type(wire) is not list:
            raise bad_value("a list of groups, each in the one before", wire)
        return tuple(map(self._read_step, wire))

    def _read_step(self, wire: Any) -> Step:
        found = self._shapes["step"].match(wire)
        if found is None or "field" not in found:
            raise GatewayError(Code.BAD_QUERY, f"this leads to no group: {shown(wire)}")
        if type(found.get("value")) in (dict, list):
            raise GatewayError(Code.BAD_QUERY, "a group has one value", field=found["field"])
        return Step(**found)

    def write_path(self, path: tuple[Step, ...]) -> list[Any] | None:
        step = self._shapes["step"]
        return [step.fill({"field": one.field, "value": one.value}) for one in path] or None

    # --- groups ---

    def write(self, values: Mapping[str, Any]) -> Any:
        level = values.get("groups")
        return ABSENT if level is None else self._filled("level", level)

    def _filled(self, shape: str, level: Level, **more: Any) -> Any:
        return self._shapes[shape].fill({**more, "more": level.more, "items": list(map(self._write_item, level.items))})

    def _write_item(self, item: Group | Fields) -> Any:
        if isinstance(item, Group):
            return self._filled("group", item.level, field=item.field, value=item.value)
        return self._objects.write(item)

    def read(self, wire: Any) -> dict[str, Any]:
        """What a backend answers."""
        objects: list[Fields] = []
        return {"groups": self._read_level(self._shapes["level"].match(wire), objects), "objects": objects}

    def _read_level(self, found: Mapping[str, Any] | None, objects: list[Fields]) -> Level:
        items = (found or {}).get("items")
        if found is None or type(items) is not list:
            raise GatewayError(Code.BAD_VALUE, "expected groups")
        return Level([self._read_item(item, objects) for item in items], found.get("more") is True)

    def _read_item(self, wire: Any, objects: list[Fields]) -> Group | Fields:
        if type(wire) is dict and self._tag in wire:
            fields: Fields = self._objects.read(wire)
            objects.append(fields)
            return fields
        found = self._shapes["group"].match(wire)
        if found is None or "field" not in found:
            raise GatewayError(Code.BAD_VALUE, "expected a group")
        return Group(found["field"], found.get("value"), self._read_level(found, objects))
