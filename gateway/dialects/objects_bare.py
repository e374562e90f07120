"""Objects and values as bare JSON: a date is a number, the address of a file a text, and the columns know what is what.

Only what tells of itself is read here as more than JSON: geometries, as GeoJSON, and the operators of `updates:`. The
rest is left as it is, and the operation says that it is `untyped`. Written is each value by its class, so the templates
of `values:` have no tag; `$value` in one is the value itself.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.dialects.addresses import url_of
from gateway.dialects.geometry import is_geojson, read_geojson, write_geojson
from gateway.dialects.json_functions import JSON_ARGUMENTS, JSON_FUNCTION
from gateway.dialects.names import FieldNames
from gateway.dialects.objects_json import CHANGE_CLASSES
from gateway.dialects.scalars import shown
from gateway.dialects.values_json import VALUE_CLASSES
from gateway.dialects.where_sql import WhereSql
from gateway.errors import Code, GatewayError, MappingError
from gateway.mapping.schema import MappingFile, Repeats
from gateway.mapping.shape import ABSENT, Codec, Compiler, Constant, Either, Record, Shape
from gateway.model.operation import NewObject
from gateway.model.update import Change, Changes, Compute, Increment, Set
from gateway.model.values import (
    CREATED_AT,
    ID,
    SYSTEM_FIELDS,
    UPDATED_AT,
    Fields,
    File,
    Inline,
    Object,
    Pointer,
    Reference,
    Relation,
    ResultOf,
)
from gateway.wire import MAX_DEPTH

_PLAIN: Final = frozenset({str, int, float, bool, type(None)})
_UNASKED: Final = frozenset({Pointer, Relation})
"""What stands in the place of objects that were not asked for."""

MOST_REPEATED: Final = 10_000
"""Values that the repetitions of a body may come to when they are written out."""


class BareJson:
    """The encoding of a mapping whose values have no tag: its codecs, made of `values:` and `updates:`."""

    def __init__(self, file: MappingFile, names: FieldNames) -> None:
        self._file = file
        self._values = BareValues(file.class_tag)
        self._objects = BareObjects(names, self._values, file.class_tag, updated_when_changed=file.updated_when_changed)
        self._where = WhereSql(names, {UPDATED_AT: CREATED_AT} if file.updated_when_changed else None)
        self._changes = BareChanges(names, self._values, self._where, file.update_tag, file.ignored_keys)

    def codecs(self) -> dict[str, Codec]:
        objects, changes, where = self._objects, self._changes, self._where
        return {
            "where": Codec(where.read, where.write),
            "having": Codec(where.read_having, where.write),
            "props": Codec(where.read_props, where.write_props),
            "excluded_columns": Codec(where.read_exclude, where.write_fields),
            "group_columns": Codec(where.read_group, where.write_fields),
            "sort": Codec(where.read_sort, where.write_sort),
            "value": Codec(self._values.read, self._values.write),
            "object": Codec(objects.read, objects.write),
            "objects": Codec(objects.read_all, objects.write_all),
            "first_object": Codec(lambda wire: objects.read_all([wire]), objects.write_first),
            "related": Codec(objects.read_related, objects.write_related),
            "changes": Codec(changes.read, changes.write),
            "new_objects": Codec(changes.read_new, changes.write_new),
            "tree": Codec(changes.read_tree, changes.write_tree),
            "object_id": Codec(read_id, self._values.write),
            "object_ids": Codec(read_ids, self._write_ids),
            "id_of_one": Codec(read_one_id, self._write_one_id),
            "geojson": Codec(read_geojson, write_geojson),
            "json_function": JSON_FUNCTION,
            "json_arguments": JSON_ARGUMENTS,
        }

    def _write_ids(self, ids: Any) -> Any:
        return self._values.write(ids if type(ids) is ResultOf else list(ids))

    def _write_one_id(self, ids: Any) -> Any:
        if type(ids) is ResultOf:
            return self._values.write(ids)
        return ids[0] if len(ids) == 1 else None

    def define(self, compiler: Compiler) -> None:
        of_backends = dataclasses.replace(compiler, open=True)
        for kind, template in self._file.values.items():
            where = f"values.{kind}"
            self._values.define(kind, of_backends.compile(template, where), where)
        for kind, template in self._file.updates.items():
            where = f"updates.{kind}"
            self._changes.define(kind, compiler.compile(template, where), where)

    def refer_by(self, reference: Shape) -> None:
        """How a value says that it is what an earlier item of a batch answers."""
        self._values.refer_by(reference)


class BareValues:
    """Reads and writes values. The compiled templates come in through `define`; what is read is made in place."""

    def __init__(self, class_tag: str | None) -> None:
        self._class_tag = class_tag
        self._shapes: dict[type, tuple[Shape, tuple[str, ...]]] = {}
        self._reference: Shape | None = None

    def define(self, kind: str, shape: Shape, where: str) -> None:
        cls = VALUE_CLASSES.get(kind)
        if cls is None:
            raise MappingError(f"{where}: there is no kind of value {kind!r}; there are {', '.join(VALUE_CLASSES)}")
        slots = shape.slots()
        known = {"value"} | {field.name for field in dataclasses.fields(cls) if dataclasses.is_dataclass(cls)}
        if wrong := sorted(slots - known):
            raise MappingError(f"{where}: a {kind} has no {', '.join(wrong)}")
        if not slots:
            raise MappingError(f"{where}: binds nothing")
        self._shapes[cls] = (shape, tuple(slots))

    def refer_by(self, reference: Shape) -> None:
        """How a value says that it is what an earlier item of a batch answers."""
        self._reference = reference

    def read(self, wire: Any) -> Any:
        """The value of a column. Raises GatewayError."""
        if type(wire) is dict and is_geojson(wire):
            return read_geojson(wire, self._class_tag)
        return wire

    def write(self, value: Any) -> Any:
        """Raises GatewayError(UNSUPPORTED) for a kind without a template."""
        kind = type(value)
        if kind in _PLAIN:
            return value
        if kind is list:
            return [self.write(part) for part in value]
        if kind is dict or kind is Inline:
            return {key: self.write(part) for key, part in value.items()}
        if kind is ResultOf:
            return self._refer(value.item, value.index, value.field)
        if kind is Reference:
            return self._refer(value.item, None, ID)
        if kind not in self._shapes:
            raise GatewayError(Code.UNSUPPORTED, f"a value of the kind {kind.__name__} cannot be told here")
        shape, slots = self._shapes[kind]
        if kind is File:
            value = dataclasses.replace(value, url=url_of(value))
        wire = shape.fill({name: value if name == "value" else getattr(value, name) for name in slots})
        if wire is ABSENT:
            raise GatewayError(Code.UNSUPPORTED, f"this {kind.__name__} cannot be told here")
        return wire

    def _refer(self, item: str, index: int | None, field: str | None) -> Any:
        if self._reference is None:
            raise GatewayError(Code.UNSUPPORTED, "an item of a batch cannot refer to another here")
        return self._reference.fill({"item": item, "index": index, "field": field})


class BareObjects:
    """Objects as JSON objects whose keys are columns.

    Another object, or several, in the place of a pointer or a relation is there because it was asked for; a pointer
    and a relation as such are left out.
    """

    def __init__(
        self, names: FieldNames, values: BareValues, class_tag: str | None, *, updated_when_changed: bool
    ) -> None:
        self._names = names
        self._values = values
        self._class_tag = class_tag
        self._updated_when_changed = updated_when_changed
        self._untold = [field for field in SYSTEM_FIELDS if field not in names.wire_names]
        self._times = tuple(names.wire_names.get(field, ("",))[0] for field in (CREATED_AT, UPDATED_AT))

    def read(self, wire: Any) -> Fields:
        """An object of a backend's answer. Its values are as bare as they came."""
        if type(wire) is not dict:
            raise GatewayError(Code.BAD_VALUE, f"expected an object, found {shown(wire)}", name="Object")
        made, changed = self._times
        if self._updated_when_changed and made in wire and changed in wire and wire[changed] is None:
            wire[changed] = wire[made]
        fields: Fields = {}
        for key, value in wire.items():
            if key == self._class_tag:
                continue
            system = self._names.system.get(key)
            if system is None:
                fields[key] = self._read_value(value)
            else:
                field, codec = system
                fields[field] = None if value is None else codec.read(value)
        return fields

    def read_all(self, wire: Any) -> list[Fields]:
        if type(wire) is not list:
            raise GatewayError(Code.BAD_VALUE, f"expected a list of objects, found {shown(wire)}", name="Array")
        return [self.read(item) for item in wire]

    def _read_value(self, wire: Any) -> Any:
        if type(wire) is list:
            return [self._read_value(part) for part in wire]
        if type(wire) is dict and not is_geojson(wire) and type(wire.get(self._class_tag)) is str:
            return Object(self._names.read_class(wire[self._class_tag]), self.read(wire))
        return self._values.read(wire)

    def write(self, fields: Fields) -> dict[str, Any]:
        wire: dict[str, Any] = {}
        for field, value in fields.items():
            kind = type(value)
            if kind in _UNASKED:
                continue
            if field[:1] == "@":
                if field in self._untold:
                    continue  # another dialect's: this one's clients have no name for it
                name, codec = self._names.wire_names[field]
                unchanged = field == UPDATED_AT and self._updated_when_changed and value == fields.get(CREATED_AT)
                wire[name] = None if value is None or unchanged else codec.write(value)
            elif kind in _PLAIN:
                wire[field] = value
            else:
                try:
                    wire[field] = self._values.write(value)
                except GatewayError as error:
                    raise GatewayError(error.code, f"{field}: {error.message}", field=field) from None
        return wire

    def write_all(self, objects: list[Fields]) -> list[dict[str, Any]]:
        return [self.write(fields) for fields in objects]

    def write_first(self, objects: list[Fields]) -> dict[str, Any]:
        """Raises GatewayError(OBJECT_NOT_FOUND) where there is none."""
        if not objects:
            raise GatewayError(Code.OBJECT_NOT_FOUND, "there is no object")
        return self.write(objects[0])

    def read_related(self, wire: Any) -> dict[str, Any]:
        """What stands in a relation, a list, or behind a pointer, one object."""
        return {"objects": self.read_all(wire)} if type(wire) is list else {"object": self.read(wire)}

    def write_related(self, values: Mapping[str, Any]) -> Any:
        if values.get("objects") is not None:
            return self.write_all(values["objects"])
        return self.write(values["object"]) if values.get("object") is not None else ABSENT


class BareChanges:
    """`{"age": 7, "visits": {"___class": "Expression", "value": "visits + 1"}}` as changes, by a mapping's `updates:`.

    What the server sets itself may be sent along, as clients save what they have found, and says nothing.
    """

    def __init__(
        self,
        names: FieldNames,
        values: BareValues,
        where: WhereSql,
        tags: str | tuple[str, ...],
        ignored: tuple[str, ...],
    ) -> None:
        self._names = names
        self._where = where
        self._values = values
        self._tags = (tags,) if isinstance(tags, str) else tags
        self._ignored = frozenset(ignored)
        self._readers: list[tuple[str, Any, type[Change], Shape]] = []
        self._writers: dict[type, Shape] = {}

    def define(self, kind: str, shape: Shape, where: str) -> None:
        cls = CHANGE_CLASSES.get(kind)
        if cls is None:
            raise MappingError(f"{where}: there is no change {kind!r}; there are {', '.join(CHANGE_CLASSES)}")
        expected = frozenset(field.name for field in dataclasses.fields(cls))
        for part in shape.shapes if isinstance(shape, Either) else (shape,):
            if part.slots() != expected:
                raise MappingError(f"{where}: must bind {', '.join(sorted(expected)) or 'nothing'}")
            if isinstance(part, Record):
                tag = next((tag for tag in self._tags if tag in part.parts), None)
                if tag is None:
                    raise MappingError(f"{where}: must be an object with one of {', '.join(self._tags)}")
                told = part.parts[tag]
                self._readers.append((tag, told.wire if isinstance(told, Constant) else ABSENT, cls, part))
            self._writers.setdefault(cls, part)

    # --- reading ---

    def read(self, wire: Any) -> Changes:
        return dict(self._read(wire))

    def _read(self, wire: Any) -> Iterator[tuple[str, Change]]:
        if type(wire) is not dict:
            raise GatewayError(Code.BAD_VALUE, f"expected an object, found {shown(wire)}", name="Object")
        for key, value in wire.items():
            if key in self._ignored:
                continue
            system = self._names.system.get(key)
            if system is None:
                field = self._read_column(key)
                yield field, self.read_change(field, value)
            elif system[0] == ID:
                raise GatewayError(Code.RESERVED_FIELD, f"{key} cannot be changed", field=key)

    def _read_column(self, key: str) -> str:
        field = self._names.read_new(key)
        if "." in field:
            raise GatewayError(Code.BAD_FIELD_NAME, f"a path cannot be written: {key!r}", field=key)
        return field

    def read_change(self, field: str, wire: Any) -> Change:
        if type(wire) is dict:
            for tag, told, cls, record in self._readers:
                if tag in wire and told in (ABSENT, wire[tag]):
                    bound = record.match(wire)
                    if bound is None or bound.keys() != record.slots():
                        raise GatewayError(Code.BAD_VALUE, f"this is not complete: {shown(wire)}", field=field)
                    if cls is Compute:
                        return self._where.read_computed(bound["expression"], field)
                    return cls(**bound)
        return Set(self._values.read(wire))

    def read_new(self, wire: Any) -> tuple[NewObject, ...]:
        """A list of objects to be made."""
        if type(wire) is not list:
            raise GatewayError(Code.BAD_VALUE, f"expected a list of objects, found {shown(wire)}", name="Array")
        made = []
        for item in wire:
            known = item.pop(self._id, None) if type(item) is dict else None
            made.append(NewObject(self.read(item), known if known is None else read_id(known)))
        return tuple(made)

    @property
    def _id(self) -> str:
        return self._names.wire_names[ID][0]

    def read_tree(self, wire: Any) -> Fields:
        """An object with others inside it. What is one, and what is JSON, the columns know: `Inline`."""
        if type(wire) is not dict:
            raise GatewayError(Code.BAD_VALUE, f"expected an object, found {shown(wire)}", name="Object")
        fields: Fields = {}
        for key, value in wire.items():
            system = self._names.system.get(key)
            if system is not None:
                if system[0] == ID and value is not None:
                    fields[ID] = read_id(value)
            elif key not in self._ignored:
                fields[self._read_column(key)] = self._read_branch(value)
        return fields

    def _read_branch(self, wire: Any) -> Any:
        if type(wire) is list:
            return [self._read_branch(part) for part in wire]
        if type(wire) is not dict or is_geojson(wire):
            return self._values.read(wire)
        return Inline(wire, self.read_tree(wire)) if all(map(self._may_name, wire)) else wire

    def _may_name(self, key: str) -> bool:
        try:
            self._read_column(key)
        except GatewayError:
            return key in self._ignored
        return True

    # --- writing ---

    def write(self, changes: Changes) -> dict[str, Any]:
        return {self._names.write(field): self.write_change(field, change) for field, change in changes.items()}

    def write_change(self, field: str, change: Change) -> Any:
        if "." in field:
            raise GatewayError(
                Code.UNSUPPORTED, f"a part of a value cannot be written here (on {field!r})", field=field
            )
        if isinstance(change, Set):
            return self._values.write(change.value)
        if isinstance(change, Increment | Compute) and Compute in self._writers:
            return self._writers[Compute].fill({"expression": self._where.write_computed(change, field)})
        shape = self._writers.get(type(change))
        if shape is None:
            raise GatewayError(Code.UNSUPPORTED, f"there is no {type(change).__name__} here", field=field)
        return shape.fill({part.name: getattr(change, part.name) for part in dataclasses.fields(change)})

    def write_new(self, objects: tuple[NewObject, ...]) -> list[dict[str, Any]]:
        return [{**({} if made.id is None else {self._id: made.id}), **self.write(made.changes)} for made in objects]

    def write_tree(self, tree: Fields) -> dict[str, Any]:
        return {self._names.write(field): self._write_branch(value) for field, value in tree.items()}

    def _write_branch(self, value: Any) -> Any:
        if type(value) is list:
            return [self._write_branch(part) for part in value]
        if type(value) is Inline or type(value) is Object:
            return self.write_tree(value.fields)
        return self.write_tree(value) if type(value) is dict and ID in value else self._values.write(value)


def read_id(wire: Any) -> Any:
    """The id of an object, which a client may send as a number; in a batch, what an earlier item answers."""
    if type(wire) is int:
        return str(wire)
    if type(wire) is str or type(wire) is ResultOf:
        return wire
    raise GatewayError(Code.BAD_VALUE, f"expected the id of an object, found {shown(wire)}", name="objectId")


# --- what is said once and meant often ---


def read_ids(wire: Any) -> Any:
    """A list of ids, or what an earlier item of a batch answers."""
    if type(wire) is ResultOf:
        return wire
    if type(wire) is not list:
        raise GatewayError(Code.BAD_VALUE, f"expected a list of ids, found {shown(wire)}")
    return tuple(map(read_id, wire))


def read_one_id(wire: Any) -> Any:
    known = read_id(wire)
    return known if type(known) is ResultOf else (known,)


def write_out_repeats(wire: Any, keys: Repeats) -> Any:
    """A body in which an object with a name stands wherever others only said that name, without these keys.

    Raises GatewayError(BAD_VALUE) for an object inside itself, TOO_LARGE where too much comes of it.
    """
    if not _repeats(wire, keys):
        return wire
    named: dict[str, dict[str, Any]] = {}
    _collect(wire, keys.name, named)
    left = MOST_REPEATED

    def written(wire: Any, depth: int, inside: tuple[str, ...], repeated: bool) -> Any:
        nonlocal left
        left -= repeated
        if left < 0 or depth > MAX_DEPTH:
            raise GatewayError(Code.TOO_LARGE, "the body repeats too much")
        if type(wire) is list:
            return [written(part, depth + 1, inside, repeated) for part in wire]
        if type(wire) is not dict:
            return wire
        again = wire.get(keys.of)
        if again is not None:
            if type(again) is not str or again not in named:
                raise GatewayError(Code.BAD_VALUE, f"there is no object {shown(again)} to repeat", name=keys.of)
            wire, repeated = named[again], True
        name = wire.get(keys.name)
        if type(name) is str:
            if name in inside:
                raise GatewayError(Code.BAD_VALUE, "an object cannot stand inside itself", name=keys.of)
            inside = (*inside, name)
        return {key: written(part, depth + 1, inside, repeated) for key, part in wire.items() if key != keys.name}

    return written(wire, 0, (), repeated=False)


def _repeats(wire: Any, keys: Repeats) -> bool:
    if type(wire) is dict:
        return keys.name in wire or keys.of in wire or any(_repeats(part, keys) for part in wire.values())
    return type(wire) is list and any(_repeats(part, keys) for part in wire)


def _collect(wire: Any, key: str, named: dict[str, dict[str, Any]]) -> None:
    if type(wire) is dict:
        name = wire.get(key)
        if type(name) is str:
            named[name] = wire
        for part in wire.values():
            _collect(part, key, named)
    elif type(wire) is list:
        for part in wire:
            _collect(part, key, named)
