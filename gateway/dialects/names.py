"""The names of classes and fields: which are allowed, and what a system field is called on the wire."""

from __future__ import annotations

import re
from collections.abc import Mapping

from gateway.errors import Code, GatewayError, MappingError
from gateway.mapping.schema import Names
from gateway.mapping.shape import IDENTITY, Codec
from gateway.model.values import SYSTEM_FIELDS


class FieldNames:
    """Both directions of a field's name; a dotted path keeps what is behind its first dot."""

    def __init__(self, names: Names, fields: Mapping[str, str], codecs: Mapping[str, Codec]) -> None:
        try:
            self._class = re.compile(names.class_).fullmatch
            self._field = re.compile(names.field).fullmatch
        except re.error as error:
            raise MappingError(f"names: is no regular expression: {error}") from error
        self._reserved = frozenset(names.reserved)
        self._aliases = names.aliases
        self.system: dict[str, tuple[str, Codec]] = {}
        """Wire name -> system field and codec."""
        self.wire_names: dict[str, tuple[str, Codec]] = {}
        """System field -> wire name and codec."""
        for short, wire in fields.items():
            name, _, codec = wire.partition("|")
            field = f"@{short}"
            if field not in SYSTEM_FIELDS:
                raise MappingError(f"fields.{short}: is no system field; there are {', '.join(SYSTEM_FIELDS)}")
            if codec and codec not in codecs:
                raise MappingError(f"fields.{short}: there is no codec {codec!r}")
            if name in self.system:
                raise MappingError(f"fields.{short}: {name} is the name of {self.system[name][0]} already")
            self.system[name] = (field, codecs[codec] if codec else IDENTITY)
            self.wire_names[field] = (name, self.system[name][1])

    def read_class(self, name: str) -> str:
        """Raises GatewayError(BAD_CLASS_NAME)."""
        if not self._class(name):
            raise GatewayError(Code.BAD_CLASS_NAME, f"invalid class name: {name!r}", class_name=name)
        return name

    def read(self, wire: str) -> str:
        """The field that a query or a selection names. Raises GatewayError(BAD_FIELD_NAME)."""
        system = self.system.get(self._aliases.get(wire, wire))
        if system is not None:
            return system[0]
        head, dot, rest = wire.partition(".")
        # a path leads into a column, not into a system field; `$` would be an operator of the backend's
        if not self._field(head) or head in self.system or (dot and ("$" in rest or not all(rest.split(".")))):
            raise GatewayError(Code.BAD_FIELD_NAME, f"invalid field name: {wire!r}", field=wire)
        return wire

    def read_new(self, wire: str) -> str:
        """The field that a write names: a reserved name is refused as well."""
        if wire in self._reserved or wire in self._aliases:
            raise GatewayError(Code.BAD_FIELD_NAME, f"the field name {wire!r} is reserved", field=wire)
        return self.read(wire)

    def write(self, field: str) -> str:
        """Raises GatewayError(UNSUPPORTED) for a name that would mean something else here."""
        if field[:1] == "@":
            known = self.wire_names.get(field)
            if known is None:
                raise GatewayError(Code.UNSUPPORTED, f"the system field {field} cannot be told here", field=field)
            return known[0]
        head = field.partition(".")[0]
        if head in self.system:
            raise GatewayError(Code.UNSUPPORTED, f"a column cannot be called {head} here", field=head)
        return field
