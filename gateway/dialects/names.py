"""The names of classes and fields: which are allowed, and what a system field is called on the wire."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gateway.dialects.scalars import shown
from gateway.errors import Code, GatewayError, MappingError
from gateway.mapping.schema import Names
from gateway.mapping.shape import IDENTITY, Codec
from gateway.model.values import SCORE, SYSTEM_FIELDS

_SYSTEM_NAME = re.compile(rf"(?<![\w.])(?:{'|'.join(SYSTEM_FIELDS)})\b")


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
        self._class_names = names.classes
        self._classes = {wire: name for name, wire in names.classes.items()}
        self._role_names = names.roles
        self._roles = {wire: name for name, wire in names.roles.items()}
        self._between_objects = names.paths_between_objects
        self.score = names.score
        if len(self._roles) != len(names.roles):
            raise MappingError("names.roles: two roles have one name")
        if len(self._classes) != len(names.classes):
            raise MappingError("names.classes: two classes have one name")
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
        if type(name) is not str:  # in a body it may be anything
            raise GatewayError(Code.BAD_CLASS_NAME, f"invalid class name: {shown(name)}", class_name=shown(name))
        if not self._class(name):
            raise GatewayError(Code.BAD_CLASS_NAME, f"invalid class name: {name!r}", class_name=name)
        return self._classes.get(name, name)

    def write_class(self, name: str) -> str:
        """Raises GatewayError(UNSUPPORTED) for a name that would be none, or another class's, here."""
        wire = self._class_names.get(name, name)
        if not self._class(wire) or (name in self._classes and wire == name):
            raise GatewayError(Code.UNSUPPORTED, f"a class cannot be called {name} here", class_name=name)
        return wire

    def read_role(self, name: str) -> str:
        """Raises GatewayError(BAD_VALUE)."""
        if type(name) is not str:  # in a body it may be anything
            raise GatewayError(Code.BAD_VALUE, "the name of a role is text", name="role")
        return self._roles.get(name, name)

    def read_roles(self, names: Any) -> list[str]:
        if type(names) is not list:
            raise GatewayError(Code.BAD_VALUE, "expected a list of the names of roles", name="role")
        return list(map(self.read_role, names))

    def write_role(self, name: str) -> str:
        return self._role_names.get(name, name)

    def read(self, wire: str) -> str:
        """The field that a query or a selection names. Raises GatewayError(BAD_FIELD_NAME)."""
        system = self.system.get(self._aliases.get(wire, wire))
        if system is not None:
            return system[0]
        if self.score is not None and wire == self.score.asked:
            return SCORE
        head, dot, rest = wire.partition(".")
        # a path leads into a column, not into a system field; `$` would be an operator of the backend's
        if not self._field(head) or head in self.system or (dot and ("$" in rest or not all(rest.split(".")))):
            raise GatewayError(Code.BAD_FIELD_NAME, f"invalid field name: {wire!r}", field=wire)
        if dot and self._between_objects:
            path, _, last = wire.rpartition(".")
            known = self.system.get(last)
            return wire if known is None else f"{path}.{known[0]}"
        return wire

    def read_new(self, wire: str) -> str:
        """The field that a write names: a reserved name is refused as well."""
        if wire in self._reserved or wire in self._aliases:
            raise GatewayError(Code.BAD_FIELD_NAME, f"the field name {wire!r} is reserved", field=wire)
        return self.read(wire)

    def check_column(self, field: str) -> None:
        """Raises GatewayError(UNSUPPORTED) where no column can have this name here.

        Another dialect may have let it in, and as a key of a body it could be something else to this vendor: an
        override of the method, or a key.
        """
        head = field.partition(".")[0]
        if head[:1] != "@" and not self._field(head):
            raise GatewayError(Code.UNSUPPORTED, f"a column cannot be called {head} here", field=head)

    def tell(self, text: str) -> str:
        """A text for the client, with system fields as it knows them."""
        return _SYSTEM_NAME.sub(lambda found: self.wire_names.get(found[0], (found[0][1:],))[0], text)

    def write(self, field: str) -> str:
        """Raises GatewayError(UNSUPPORTED) for a name that would mean something else here."""
        if field == SCORE and self.score is not None:
            return self.score.asked
        if field[:1] == "@":
            known = self.wire_names.get(field)
            if known is None:
                raise GatewayError(Code.UNSUPPORTED, f"the system field {field} cannot be told here", field=field)
            return known[0]
        head = field.partition(".")[0]
        if head in self.system:
            raise GatewayError(Code.UNSUPPORTED, f"a column cannot be called {head} here", field=head)
        path, dot, last = field.rpartition(".")
        if dot and last[0] == "@":
            return f"{path}.{self.write(last)}"
        return field
