"""The columns of a table as a list: `[{"name": "price", "type": "INT", "required": false, "relatedTable": null, ...}]`.

A mapping says by `columns:` how one is told, system columns as well, how one is made, and which words types have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gateway.dialects.names import FieldNames
from gateway.dialects.scalars import shown
from gateway.errors import Code, GatewayError, MappingError
from gateway.mapping.schema import ColumnsSection
from gateway.mapping.shape import Codec, Compiler, Shape
from gateway.model.schema import ClassSchema, Field, Kind, Type
from gateway.model.values import CREATED_AT, ID, SYSTEM_FIELDS, UPDATED_AT

SYSTEM_KINDS: Mapping[str, Kind] = {ID: Kind.STRING, CREATED_AT: Kind.DATE, UPDATED_AT: Kind.DATE}
"""Those of system fields that are not named here are texts."""
SLOTS = frozenset({"name", "type", "required", "default", "target", "key"})


class ColumnsJson:
    """The templates bind SLOTS: the type's word comes out of `types`, `key` is whether it is the id."""

    def __init__(self, section: ColumnsSection, names: FieldNames) -> None:
        self._section = section
        self._names = names
        self._kinds: dict[str, Kind] = {}
        self._words: dict[Kind, str] = {}
        for word, kinds in section.types.items():
            for kind in (kinds,) if isinstance(kinds, Kind) else kinds:
                self._kinds.setdefault(word, kind)
                self._words.setdefault(kind, word)

    def codecs(self) -> dict[str, Codec]:
        return {"columns": Codec(self.read, self.write), "new_columns": Codec(self.read_new, self.write_new)}

    def define(self, compiler: Compiler) -> None:
        self._told = _checked(compiler.compile(self._section.told, "columns.told"), "columns.told")
        self._made = _checked(compiler.compile(self._section.made, "columns.made"), "columns.made")

    def write(self, schema: ClassSchema) -> list[Any]:
        system = {field: Field(Type(SYSTEM_KINDS.get(field, Kind.STRING))) for field in SYSTEM_FIELDS}
        fields = {name: field for name, field in system.items() if name in self._names.wire_names}
        return [self._write(self._told, name, field) for name, field in {**fields, **schema.fields}.items()]

    def _write(self, shape: Shape, name: str, field: Field) -> Any:
        word = self._words.get(field.type.kind)
        if word is None:
            raise GatewayError(Code.UNSUPPORTED, f"a column of the type {field.type} cannot be told here", field=name)
        target = field.type.target
        told = {
            "name": self._names.write(name),
            "type": word,
            "required": field.required,
            "default": field.default,
            "target": None if target is None else self._names.write_class(target),
            "key": name == ID,
        }
        return shape.fill(told)

    def read(self, wire: Any) -> ClassSchema:
        """What a backend tells; the class is the one that was asked for.

        A column that no client could name is left out: for it alone the others are not hidden.
        """
        fields: dict[str, Field] = {}
        for column in _listed(wire):
            try:
                name, field = self._read(self._told, column, self._names.read)
            except GatewayError as error:
                if error.code is not Code.BAD_FIELD_NAME:
                    raise
                continue
            if name[0] != "@":
                fields[name] = field
        return ClassSchema("", fields)

    def read_new(self, wire: Any) -> dict[str, Field]:
        """The columns of a table to be made."""
        return dict(self._read(self._made, column, self._names.read_new) for column in _listed(wire))

    def write_new(self, fields: Mapping[str, Field | None]) -> list[Any]:
        return [self._write(self._made, name, field) for name, field in fields.items() if field is not None]

    @staticmethod
    def _bound(shape: Shape, wire: Any) -> Mapping[str, Any]:
        told = shape.match(wire) if type(wire) is dict else None
        if told is None or type(told.get("name")) is not str:
            raise GatewayError(Code.BAD_SCHEMA, f"this is no column: {shown(wire)}")
        return told

    def _read(self, shape: Shape, wire: Any, read_name: Callable[[str], str]) -> tuple[str, Field]:
        told = self._bound(shape, wire)
        kind = self._kinds.get(told.get("type", ""))
        if kind is None:
            known = ", ".join(self._kinds)
            raise GatewayError(Code.BAD_SCHEMA, f"expected one of {known} as a type, not {shown(told.get('type'))}")
        target = told.get("target")
        if (kind in (Kind.POINTER, Kind.RELATION)) != (type(target) is str):
            raise GatewayError(Code.BAD_SCHEMA, f"a relation has a table, and no other column: {shown(wire)}")
        known_type = Type(kind, None if target is None else self._names.read_class(target))
        return read_name(told["name"]), Field(known_type, bool(told.get("required")), told.get("default"))


def _listed(wire: Any) -> list[Any]:
    if type(wire) is not list:
        raise GatewayError(Code.BAD_SCHEMA, f"expected a list of columns, not {shown(wire)}")
    return wire


def _checked(shape: Shape, where: str) -> Shape:
    for slot in sorted(shape.slots() - SLOTS):
        raise MappingError(f"{where}: a column has no {slot}; it has {', '.join(sorted(SLOTS))}")
    return shape
