"""Permissions that are changed several at once: a list of JSON objects; what their keys are, the mapping says.

`permissions:` has two templates, of what is granted and of what is denied.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from gateway.dialects.scalars import bad_value, shown
from gateway.errors import Code, GatewayError, MappingError
from gateway.mapping.schema import PermissionsSection
from gateway.mapping.shape import Codec, Compiler, Shape
from gateway.model.permission import Permission

SLOTS = frozenset({"right", "user", "role"})
MOST = 1000


class PermissionsJson:
    def __init__(self, section: PermissionsSection) -> None:
        self._section = section
        self._shapes: dict[bool, Shape] = {}

    def define(self, compiler: Compiler) -> None:
        """Raises MappingError."""
        for granted, template in ((True, self._section.granted), (False, self._section.denied)):
            where = f"permissions.{'granted' if granted else 'denied'}"
            shape = compiler.compile(template, where)
            if shape.slots() != SLOTS:
                raise MappingError(f"{where}: must bind {', '.join(sorted(SLOTS))}")
            self._shapes[granted] = shape

    def codecs(self) -> dict[str, Codec]:
        return {"permissions": Codec(self.read, self.write)}

    def read(self, wire: Any) -> tuple[Permission, ...]:
        if type(wire) is not list or len(wire) > MOST:
            raise bad_value(f"a list of {MOST} permissions at the most", wire)
        return tuple(map(self._read_one, wire))

    def _read_one(self, wire: Any) -> Permission:
        for granted, shape in self._shapes.items():
            found = shape.match(wire) if type(wire) is dict else None
            if found is not None and "right" in found:
                return Permission(granted=granted, **found)
        raise GatewayError(Code.BAD_VALUE, f"this is no permission: {shown(wire)}")

    def write(self, permissions: tuple[Permission, ...]) -> list[Any]:
        return [self._shapes[one.granted].fill(dataclasses.asdict(one)) for one in permissions]
