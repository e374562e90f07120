"""Classes as JSON: `{"className": ..., "fields": {"score": {"type": "Number"}}}`, with permissions and indexes.

A mapping says how a class and a field are told (`schemas:`), which words types have, and which the permissions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from gateway.dialects.names import FieldNames
from gateway.dialects.scalars import SCALARS, shown
from gateway.errors import Code, GatewayError, MappingError
from gateway.mapping.schema import PermissionWords, SchemasSection
from gateway.mapping.shape import Codec, Compiler, Shape
from gateway.model.schema import (
    CREATOR,
    NOBODY,
    OPEN,
    Acl,
    Action,
    ClassPermissions,
    ClassSchema,
    Field,
    IndexOf,
    Kind,
    Protected,
    Rule,
    Type,
)

ELSEWHERE: Final = frozenset({Kind.LINE_STRING, Kind.GEOMETRY})
"""Types that not every vendor has. A class with such a column cannot be told where there is no word for it."""

DIRECTIONS: Final = {1: False, -1: True}
"""Of a field in an index, and whether it descends."""


class SchemasJson:
    """The codecs of a mapping's `schemas:` section. `actions` has the vendor's words for what permissions are of."""

    def __init__(self, section: SchemasSection, actions: Mapping[str, Action], names: FieldNames) -> None:
        self._section = section
        self._names = names
        self._types = {word: _kind(word, kind) for word, kind in section.types.items()}
        self._words = {kind: word for word, kind in reversed(self._types.items())}
        for kind in Kind:
            if kind not in self._words and kind not in ELSEWHERE:
                raise MappingError(f"schemas.types: no word means {kind}")
        self._permissions = PermissionsJson(section.permissions, actions, names) if section.permissions else None
        self._field: Shape | None = None
        self._told_field: Shape | None = None
        self._record: Shape | None = None

    def codecs(self) -> Iterator[tuple[str, Codec]]:
        """`changed_...` are those of requests, which may take something away and name nothing that is always there."""
        yield "column_type", Codec(self._read_type, self._write_type)
        yield "columns", Codec(self._read_columns, self._write_columns)
        yield (
            "changed_columns",
            Codec(self._read_changed_columns, lambda fields: self._write_changed_columns(fields) or None),
        )
        yield "indexes", Codec(self._read_indexes, self._write_indexes)
        yield (
            "changed_indexes",
            Codec(self._read_changed_indexes, lambda indexes: self._write_changed_indexes(indexes) or None),
        )
        yield "schema", Codec(self._read, self._write)
        yield "schemas", Codec(self._read_all, lambda schemas: [self._write(schema) for schema in schemas])
        yield "schemas_by_name", Codec(self._read_by_name, self._write_by_name)
        if self._permissions is not None:
            yield "class_permissions", Codec(self._permissions.read, self._permissions.write)

    def define(self, compiler: Compiler, of_backends: Compiler) -> None:
        self._field = compiler.compile(self._section.field, "schemas.field")
        self._told_field = of_backends.compile(self._section.field, "schemas.field")
        self._record = of_backends.compile(self._section.record, "schemas.record")

    # a class

    def _read(self, wire: Any, class_name: str = "") -> ClassSchema:
        assert self._record is not None
        bound = self._record.match(wire)
        if bound is None:
            raise GatewayError(Code.BAD_VALUE, f"this is no class: {shown(wire)}")
        permissions = OPEN if self._permissions is not None else None
        return ClassSchema(**{"class_name": class_name, "permissions": permissions, **bound})

    def _read_all(self, wire: Any) -> list[ClassSchema]:
        return [self._read(part) for part in SCALARS["list"].read(wire)]

    def _read_by_name(self, wire: Any) -> list[ClassSchema]:
        return [self._read(part, name) for name, part in _members(wire, "classes")]

    def _write(self, schema: ClassSchema) -> Any:
        assert self._record is not None
        parts = {"class_name": schema.class_name, "fields": schema.fields, "permissions": schema.permissions}
        return self._record.fill({**parts, "indexes": schema.indexes or None})

    def _write_by_name(self, schemas: list[ClassSchema]) -> dict[str, Any]:
        return {schema.class_name: self._write(schema) for schema in schemas}

    # its fields

    def _read_type(self, wire: Any) -> Kind:
        kind = self._types.get(wire) if type(wire) is str else None
        if kind is None:
            raise GatewayError(
                Code.BAD_VALUE, f"invalid field type: {wire if type(wire) is str else shown(wire)}"[:200]
            )
        return kind

    def _write_type(self, kind: Kind) -> str:
        word = self._words.get(kind)
        if word is None:
            raise GatewayError(Code.UNSUPPORTED, f"a column of the type {kind} cannot be told here")
        return word

    def _read_columns(self, wire: Any) -> dict[str, Field]:
        assert self._told_field is not None
        return {
            name: _field(name, part, self._told_field)
            for name, part in _members(wire, "fields")
            if name not in self._section.always
        }

    def _write_columns(self, fields: Mapping[str, Field]) -> dict[str, Any]:
        """The columns that there are words for: one without must not hide all classes from who lists them."""
        told = dict(self._section.always)
        for name, field in fields.items():
            with suppress(GatewayError):
                told.update(self._write_changed_columns({name: field}))
        return told

    def _read_changed_columns(self, wire: Any) -> dict[str, Field | None]:
        assert self._field is not None
        fields: dict[str, Field | None] = {}
        for name, part in _members(wire, "fields"):
            gone = self._is_removal(part)
            if name in self._names.system:
                how = "changed" if gone else "added"
                raise GatewayError(Code.RESERVED_FIELD, f"field {name} cannot be {how}", name=name)
            if "." in name:
                raise GatewayError(Code.BAD_FIELD_NAME, f"invalid field name: {name}", field=name)
            fields[self._names.read_new(name)] = None if gone else _field(name, part, self._field)
        return fields

    def _write_changed_columns(self, fields: Mapping[str, Field | None]) -> dict[str, Any]:
        assert self._field is not None
        told = {}
        for name, field in fields.items():
            if field is None:
                told[self._names.write(name)] = self._removal()
                continue
            parts = {"type": field.type.kind, "target": field.type.target, "required": field.required or None}
            try:
                told[self._names.write(name)] = self._field.fill({**parts, "default": field.default})
            except GatewayError as error:
                raise GatewayError(error.code, f"{name}: {error.message}", field=name) from None
        return told

    def _is_removal(self, wire: Any) -> bool:
        return self._section.removed is not None and wire == self._section.removed

    def _removal(self) -> Any:
        if self._section.removed is None:
            raise GatewayError(Code.UNSUPPORTED, "that something is to go cannot be told here")
        return self._section.removed

    # its indexes

    def _read_indexes(self, wire: Any) -> dict[str, IndexOf]:
        told = {name: part for name, part in _members(wire, "indexes") if name not in self._section.always_indexes}
        return {name: index for name, index in self._read_changed_indexes(told).items() if index is not None}

    def _write_indexes(self, indexes: Mapping[str, IndexOf]) -> dict[str, Any]:
        return {**self._section.always_indexes, **self._write_changed_indexes(indexes)}

    def _read_changed_indexes(self, wire: Any) -> dict[str, IndexOf | None]:
        indexes: dict[str, IndexOf | None] = {}
        for name, part in _members(wire, "indexes"):
            if self._is_removal(part):
                indexes[name] = None
                continue
            parts = []
            for field, direction in _members(part, f"fields of the index {name}"):
                if type(direction) is not int or direction not in DIRECTIONS:
                    raise GatewayError(
                        Code.UNSUPPORTED, f"an index goes up or down, 1 or -1; it cannot be {shown(direction)}"
                    )
                parts.append((self._names.read(field), DIRECTIONS[direction]))
            if not parts:
                raise GatewayError(Code.BAD_QUERY, f"the index {name} needs a field", name=name)
            indexes[name] = IndexOf(tuple(parts))
        return indexes

    def _write_changed_indexes(self, indexes: Mapping[str, IndexOf | None]) -> dict[str, Any]:
        return {
            name: self._removal()
            if index is None
            else {self._names.write(field): -1 if descends else 1 for field, descends in index.fields}
            for name, index in indexes.items()
        }


def _kind(word: str, kind: str) -> Kind:
    try:
        return Kind(kind)
    except ValueError:
        raise MappingError(f"schemas.types.{word}: expected one of {', '.join(Kind)}") from None


def _members(wire: Any, what: str) -> Iterator[tuple[str, Any]]:
    if type(wire) is not dict:
        raise GatewayError(Code.BAD_JSON, f"the {what} must be an object, not {shown(wire)}")
    yield from wire.items()


def _field(name: str, wire: Any, shape: Shape) -> Field:
    bound = shape.match(wire)
    if bound is None or "type" not in bound:
        raise GatewayError(Code.BAD_VALUE, f"the field {name} must be an object with a type, not {shown(wire)}")
    target = bound.get("target") if bound["type"] in (Kind.POINTER, Kind.RELATION) else None
    return Field(Type(bound["type"], target), bound.get("required") or False, bound.get("default"))


class PermissionsJson:
    """`{"find": {"*": true, "role:Mods": true}, "protectedFields": {"*": ["email"]}}`, in a vendor's words."""

    def __init__(self, words: PermissionWords, actions: Mapping[str, Action], names: FieldNames) -> None:
        self._words = words
        self._actions = actions
        self._names = names

    def read(self, wire: Any) -> ClassPermissions:
        """What is not said is for the master alone: the whole is replaced. Parse Server, recorded."""
        words = self._words
        rules = dict.fromkeys(Action, NOBODY)
        parts: dict[str, Any] = {}
        for key, value in _members(wire, "class level permissions"):
            if key in self._actions:
                rules[self._actions[key]] = self._read_rule(key, value)
            elif key == words.read_fields:
                parts["read_fields"] = self._read_fields(key, value)
            elif key == words.write_fields:
                parts["write_fields"] = self._read_fields(key, value)
            elif key == words.protected:
                parts["protected"] = self._read_protected(value)
            elif key == words.default_acl:
                parts["default_acl"] = self._read_acl(value)
            else:
                raise _bad(f"{key} is not a valid operation for class level permissions")
        return ClassPermissions(rules, **parts)

    def _read_rule(self, action: str, wire: Any) -> Rule:
        words = self._words
        users, roles = set(), set()
        everybody = authenticated = False
        fields: tuple[str, ...] = ()
        for who, granted in _members(wire, f"permissions of {action}"):
            if who == words.fields:
                fields = self._read_fields(f"{action}:{who}", granted)
                continue
            if granted is not True:
                told = str(granted).lower() if type(granted) is bool else shown(granted)
                raise _bad(f"'{told}' is not a valid value for class level permissions acl {action}:{who}")
            if who == words.everybody:
                everybody = True
            elif who == words.authenticated:
                authenticated = True
            elif who.startswith(words.role):
                roles.add(who.removeprefix(words.role))
            else:
                users.add(self._user_id(who))
        return Rule(everybody, authenticated, frozenset(users), frozenset(roles), fields)

    def _user_id(self, who: str) -> str:
        if not who or who.startswith("*"):
            raise _bad(f"'{who}' is not a valid key for class level permissions")
        return who

    def _read_fields(self, where: str, wire: Any) -> tuple[str, ...]:
        if type(wire) is not list or not all(type(name) is str for name in wire):
            raise _bad(f"{where} must be a list of the names of fields, not {shown(wire)}")
        return tuple(self._names.read(name) for name in wire)

    def _read_protected(self, wire: Any) -> Protected:
        words, users, roles, fields = self._words, {}, {}, {}
        everybody = authenticated = None
        for who, names in _members(wire, words.protected):
            hidden = self._read_fields(f"{words.protected}:{who}", names)
            if who == words.everybody:
                everybody = hidden
            elif who == words.protected_authenticated:
                authenticated = hidden
            elif who.startswith(words.role):
                roles[who.removeprefix(words.role)] = hidden
            elif who.startswith(words.protected_field):
                fields[self._names.read(who.removeprefix(words.protected_field))] = hidden
            else:
                users[self._user_id(who)] = hidden
        return Protected(everybody, authenticated, users, roles, fields)

    def _read_acl(self, wire: Any) -> Acl:
        acl: dict[str, dict[str, bool]] = SCALARS["acl"].read(wire)
        return {CREATOR if who == self._words.creator else who: rights for who, rights in acl.items()}

    def write(self, permissions: ClassPermissions) -> dict[str, Any]:
        words = self._words
        told: dict[str, Any] = {
            word: self._write_rule(permissions.rules.get(action, NOBODY)) for word, action in self._actions.items()
        }
        named = {words.read_fields: permissions.read_fields, words.write_fields: permissions.write_fields}
        told.update((word, [self._names.write(name) for name in fields]) for word, fields in named.items() if fields)
        told[words.protected] = self._write_protected(permissions.protected)
        if permissions.default_acl is not None:
            acl = permissions.default_acl
            told[words.default_acl] = {words.creator if who == CREATOR else who: dict(acl[who]) for who in acl}
        return told

    def _write_rule(self, rule: Rule) -> dict[str, Any]:
        """That somebody may not do a thing has no word here: such a rule is told with fewer rights, never with more."""
        words = self._words
        denies = bool(rule.denied_users or rule.denied_roles)
        told: dict[str, Any] = {words.everybody: True} if rule.everybody and not denies else {}
        if rule.authenticated and not denies:
            told[words.authenticated] = True
        told.update(dict.fromkeys(sorted(rule.users), True))
        told.update((words.role + role, True) for role in sorted(rule.roles))
        if rule.fields:
            told[words.fields] = [self._names.write(name) for name in rule.fields]
        return told

    def _write_protected(self, protected: Protected) -> dict[str, list[str]]:
        words = self._words
        groups: dict[str, tuple[str, ...]] = {}
        if protected.everybody is not None:
            groups[words.everybody] = protected.everybody
        if protected.authenticated is not None:
            groups[words.protected_authenticated] = protected.authenticated
        groups.update(protected.users)
        groups.update((words.role + role, fields) for role, fields in protected.roles.items())
        for name, fields in protected.fields.items():
            groups[words.protected_field + self._names.write(name)] = fields
        return {who: [self._names.write(name) for name in fields] for who, fields in groups.items()}


def _bad(message: str) -> GatewayError:
    return GatewayError(Code.BAD_REQUEST, message)
