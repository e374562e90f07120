"""Objects, and changes to them, as JSON objects whose keys are columns; system fields have names of their own there."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from gateway.dialects.names import FieldNames
from gateway.dialects.scalars import shown
from gateway.dialects.values_json import ValuesJson, refuse_nested_names
from gateway.errors import Code, GatewayError, MappingError
from gateway.mapping.shape import IDENTITY, Codec, Constant, Either, Record, Shape
from gateway.model import update
from gateway.model.update import Change, Changes, Set
from gateway.model.values import ACL, SCORE, SYSTEM_FIELDS, Fields, Pointer


class Plain(dict[str, Any]):
    """The fields of an object that are JSON as they stand, system fields aside: a writer need not look at them."""


class ObjectsJson:
    """`{"objectId": ..., "score": 1}` as fields, and back; in place, as values are."""

    def __init__(self, names: FieldNames, values: ValuesJson, not_columns: tuple[str, ...]) -> None:
        columns = [(wire, field, codec) for wire, (field, codec) in names.system.items()]
        self._system = [(wire, field, None if codec is IDENTITY else codec.read) for wire, field, codec in columns]
        self._wire = [(field, wire, None if codec is IDENTITY else codec.write) for wire, field, codec in columns]
        self._values = values
        self._not_columns = not_columns
        if names.score is not None:
            self._wire.append((SCORE, names.score.told, None))
        self._untold = [field for field in SYSTEM_FIELDS if field not in names.wire_names]

    def read(self, wire: Any) -> Fields:
        if type(wire) is not dict:
            raise GatewayError(Code.BAD_VALUE, f"expected an object, found {shown(wire)}", name="Object")
        for name in self._not_columns:
            if name in wire:
                del wire[name]
        found = {}
        for name, field, decode in self._system:
            if name in wire:
                value = wire.pop(name)
                found[field] = value if decode is None else decode(value)
        made = self._values.made
        self._values.read_items(wire)
        wire.update(found)
        return Plain(wire) if self._values.made == made else wire

    def read_all(self, wire: Any) -> list[Fields]:
        if type(wire) is not list:
            raise GatewayError(Code.BAD_VALUE, f"expected a list of objects, found {shown(wire)}", name="Array")
        return [self.read(item) for item in wire]

    def write(self, fields: Fields) -> dict[str, Any]:
        found = {}
        for field, name, encode in self._wire:
            if field in fields:
                value = fields.pop(field)
                found[name] = value if encode is None else encode(value)
        for field in self._untold:
            fields.pop(field, None)  # another dialect's: this one's clients have no name for it
        if type(fields) is not Plain:
            self._values.write_items(fields)
        fields.update(found)
        return fields

    def write_all(self, objects: list[Fields]) -> list[dict[str, Any]]:
        return [self.write(fields) for fields in objects]


CHANGE_CLASSES: Mapping[str, type[Change]] = {
    "set_on_insert": update.SetOnInsert,
    "unset": update.Unset,
    "increment": update.Increment,
    "bit_and": update.BitAnd,
    "bit_or": update.BitOr,
    "bit_xor": update.BitXor,
    "add": update.Add,
    "add_unique": update.AddUnique,
    "remove": update.Remove,
    "add_relation": update.AddRelation,
    "remove_relation": update.RemoveRelation,
    "several": update.Several,
    "compute": update.Compute,
    "edit_json": update.EditJson,
}


class ChangesJson:
    """`{"score": {"__op": "Increment", "amount": 1}}` as changes, and back, by a mapping's `updates:`."""

    def __init__(self, names: FieldNames, incoming: ValuesJson, outgoing: ValuesJson, tag: str) -> None:
        self._names = names
        self._incoming = incoming
        self._outgoing = outgoing
        self._tag = tag
        self._readers: dict[str, Callable[[dict[str, Any]], Change]] = {}
        self._writers: dict[type, Shape] = {}

    def define(self, kind: str, shape: Shape, where: str) -> None:
        cls = CHANGE_CLASSES.get(kind)
        if cls is None:
            raise MappingError(f"{where}: there is no change {kind!r}; there are {', '.join(CHANGE_CLASSES)}")
        expected = frozenset(field.name for field in dataclasses.fields(cls))
        for record in shape.shapes if isinstance(shape, Either) else (shape,):
            if not isinstance(record, Record) or not isinstance(record.parts.get(self._tag), Constant):
                raise MappingError(f"{where}: must be an object with the constant {self._tag!r}")
            if record.slots() != expected:
                raise MappingError(f"{where}: must bind {', '.join(sorted(expected)) or 'nothing'}")
            name = record.fill({})[self._tag]
            if name in self._readers:
                raise MappingError(f"{where}: {self._tag} {name!r} reads as two kinds of change")
            self._readers[name] = self._reader(name, cls, record, len(expected))
            self._writers.setdefault(cls, record)

    @staticmethod
    def _reader(name: str, cls: type[Change], record: Record, slots: int) -> Callable[[dict[str, Any]], Change]:
        def read(wire: dict[str, Any]) -> Change:
            bound = record.match(wire)
            if bound is None or len(bound) != slots:
                raise GatewayError(Code.BAD_VALUE, f"the operator {name} is not complete: {shown(wire)}", name=name)
            return cls(**bound)

        return read

    # --- reading ---

    def read(self, wire: Any) -> Changes:
        if type(wire) is not dict:
            raise GatewayError(Code.BAD_VALUE, f"expected an object, found {shown(wire)}", name="Object")
        changes: dict[str, Change] = {}
        for key, value in wire.items():
            system = self._names.system.get(key)
            if system is not None:
                field, codec = system
                if field != ACL:
                    raise GatewayError(Code.RESERVED_FIELD, f"{key} is set by the server", field=key)
                changes[field] = update.Unset() if value is None else self._read_acl(value, codec)
            else:
                changes[self._names.read_new(key)] = self.read_change(value)
        return changes

    def _read_acl(self, wire: Any, codec: Codec) -> Change:
        if type(wire) is dict and self._tag in wire:
            change = self.read_change(wire)
            if type(change) is not update.Unset:
                raise GatewayError(Code.BAD_ACL, f"an ACL can be set and deleted, not {shown(wire)}")
            return change
        return Set(codec.read(wire))

    def read_change(self, wire: Any) -> Change:
        if type(wire) is dict:
            if self._tag in wire:
                name = wire[self._tag]
                reader = self._readers.get(name) if type(name) is str else None
                if reader is None:
                    raise GatewayError(Code.BAD_VALUE, f"there is no operator {shown(name)}", name=str(name))
                return reader(wire)
            refuse_nested_names(wire)
        elif type(wire) is list:
            refuse_nested_names(wire)
        return Set(self._incoming.read(wire))

    def read_params(self, wire: Any) -> dict[str, Set | update.Unset]:
        """Values by names that are no columns, each to be set or taken away; any other operator is a value as it is.

        Parse Server, GlobalConfigRouter.js, as recorded.
        """
        if type(wire) is not dict:
            raise GatewayError(Code.BAD_VALUE, f"expected an object, found {shown(wire)}", name="Object")
        params: dict[str, Set | update.Unset] = {}
        for name, value in wire.items():
            change = self.read_change(dict(value)) if self._is_removal(value) else Set(self._incoming.read(value))
            assert isinstance(change, Set | update.Unset), "there is no other removal"
            params[name] = change
        return params

    def _is_removal(self, wire: Any) -> bool:
        shape = self._writers.get(update.Unset)
        return shape is not None and type(wire) is dict and wire == shape.fill({})

    def write_params(self, params: Mapping[str, Change]) -> dict[str, Any]:
        return {name: self.write_change(change) for name, change in params.items()}

    def read_several(self, wire: Any) -> tuple[Change, ...]:
        """A list of operators on one field."""
        if type(wire) is not list or not all(type(item) is dict and self._tag in item for item in wire):
            raise GatewayError(Code.BAD_VALUE, f"expected a list of operators, found {shown(wire)}", name="Batch")
        return tuple(self.read_change(item) for item in wire)

    def read_values(self, wire: Any) -> tuple[Any, ...]:
        if type(wire) is not list:
            raise GatewayError(Code.BAD_VALUE, f"expected a list, found {shown(wire)}", name="Array")
        refuse_nested_names(wire)
        self._incoming.read(wire)
        return tuple(wire)

    def read_members(self, wire: Any, limit: int) -> tuple[Pointer, ...]:
        members = self.read_values(wire)
        for member in members:
            if type(member) is not Pointer:
                raise GatewayError(Code.BAD_POINTER, f"a relation holds pointers only, not {shown(member)}")
        if len(members) > limit:
            raise GatewayError(
                Code.RELATION_TOO_LARGE, f"{len(members)} objects in one relation operator: {limit} at the most"
            )
        return members

    # --- writing ---

    def write(self, changes: Changes) -> dict[str, Any]:
        wire: dict[str, Any] = {}
        for field, change in changes.items():
            name = self._names.write(field)
            if field == ACL and type(change) is Set and change.value is not None:
                wire[name] = self._names.wire_names[ACL][1].write(change.value)
            else:
                wire[name] = self.write_change(change)
        return wire

    def write_change(self, change: Change) -> Any:
        if type(change) is Set:
            return self._outgoing.write(change.value)
        shape = self._writers.get(type(change))
        if shape is None:
            raise GatewayError(Code.UNSUPPORTED, f"there is no {type(change).__name__} here")
        return shape.fill({field.name: getattr(change, field.name) for field in dataclasses.fields(change)})
