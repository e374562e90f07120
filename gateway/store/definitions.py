"""Operations on classes as such: what they are, which fields and indexes they have, who may do what with them."""

# ruff: noqa: S608 (SQL is put together here: of identifiers that were checked, numbers of our own, and parameters)

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from gateway.errors import Code, GatewayError
from gateway.model import schema as model
from gateway.model.account import ROLE, SESSION, USER
from gateway.model.definition import CreateClass, DeleteClass, FindSchemas, GetSchema, PurgeClass, UpdateClass
from gateway.model.operation import Caller, Result
from gateway.model.push import INSTALLATION
from gateway.model.schema import OPEN, ClassPermissions, Field, IndexOf, Kind, Type
from gateway.store.connection import Taken
from gateway.store.encoding import Stored, column_reader, read_nested, type_of, write_column, write_json
from gateway.store.schema import (
    PRIVATE,
    SYSTEM_COLUMNS,
    ClassSchema,
    Index,
    add_column,
    add_index,
    check_class_name,
    drop_class,
    drop_column,
    drop_index,
    drop_text_index,
    set_options,
    set_permissions,
)
from gateway.store.session import Session

_TEXT, _FLAG, _OBJECT = Type(Kind.STRING), Type(Kind.BOOLEAN), Type(Kind.OBJECT)

BUILT_IN: Final[Mapping[str, Mapping[str, Type]]] = {
    USER: {"username": _TEXT, "password": _TEXT, "email": _TEXT, "emailVerified": _FLAG, "authData": _OBJECT},
    ROLE: {"name": _TEXT, "users": Type(Kind.RELATION, USER), "roles": Type(Kind.RELATION, ROLE)},
    SESSION: {
        "user": Type(Kind.POINTER, USER),
        "sessionToken": _TEXT,
        "createdWith": _OBJECT,
        "restricted": _FLAG,
        "expiresAt": Type(Kind.DATE),
        "installationId": _TEXT,
    },
    INSTALLATION: {
        **dict.fromkeys(("installationId", "deviceToken", "deviceType", "pushType", "GCMSenderId", "timeZone"), _TEXT),
        **dict.fromkeys(("localeIdentifier", "appVersion", "appName", "appIdentifier", "parseVersion"), _TEXT),
        "channels": Type(Kind.ARRAY),
        "badge": Type(Kind.NUMBER),
    },
}
"""Classes that are always there, with fields that they always have. A password has no column."""


# what there is


def get_schema(session: Session, op: GetSchema, _caller: Caller) -> Result:
    return Result(schema=_told(session, op.class_name))


def find_schemas(session: Session, _op: FindSchemas, _caller: Caller) -> Result:
    return Result(schemas=[_told(session, name) for name in dict.fromkeys((*BUILT_IN, *session.schema.public.classes))])


def _told(session: Session, class_name: str) -> model.ClassSchema:
    fields = {name: Field(kind) for name, kind in BUILT_IN.get(class_name, {}).items()}
    if class_name in BUILT_IN and class_name not in session.schema.classes:
        return model.ClassSchema(class_name, fields)
    of = session.schema.public.find(class_name)
    for column in of.columns.values():
        default = None
        if column.default is not None:
            reader = column_reader(column.type)
            copy = orjson.loads(write_json(column.default))  # reading may use containers up
            default = reader(copy) if reader is not None else read_nested(copy)
        fields[column.name] = Field(column.type, column.required, default)
    indexes = {
        _name_of(index): IndexOf(tuple((name, name in index.descending) for name in index.fields), index.unique)
        for index in of.indexes
    }
    return model.ClassSchema(class_name, fields, of.permissions or OPEN, indexes)


def _name_of(index: Index) -> str:
    """As MongoDB names one that was given no name."""
    return index.called or "_".join(f"{name}_{-1 if name in index.descending else 1}" for name in index.fields)


# changing it


def create_class(session: Session, op: CreateClass, _caller: Caller) -> Result:
    name = op.class_name
    if not name:
        raise GatewayError(Code.MISSING_ID, "POST /schemas needs a class name.")  # Parse Server's own sentence
    check_class_name(name)
    if name in BUILT_IN or name in session.schema.public.classes:
        raise GatewayError(Code.DUPLICATE_VALUE, f"Class {name} already exists.", class_name=name)
    session.guard()
    session.made_class(name, private=False)
    _change(session, name, op)
    return Result(schema=_told(session, name))


def update_class(session: Session, op: UpdateClass, caller: Caller) -> Result:
    """The gateway itself makes a private class by it, to have indexes from the first object on."""
    name = op.class_name
    private = caller.trusted and name.startswith(PRIVATE)
    if name not in BUILT_IN and not private:
        session.schema.public.find(name)
    session.guard()
    session.made_class(name, private=private)
    _change(session, name, op)
    return Result() if private else Result(schema=_told(session, name))


def _change(session: Session, class_name: str, op: CreateClass | UpdateClass) -> None:
    for name, index in op.indexes.items():
        if index is None:
            _drop_index(session, class_name, name)
    for name, given in op.fields.items():
        if given is None:
            _drop_field(session, class_name, name)
    for name, given in op.fields.items():
        if given is not None:
            _set_field(session, class_name, name, given)
    if op.permissions is not None:
        of = session.schema.classes[class_name]
        _check_permissions(of, op.permissions)
        session.schema = set_permissions(session.connection, session.schema, of, op.permissions)
    for name, index in op.indexes.items():
        if index is not None:
            _add_index(session, class_name, name, index)


def _drop_field(session: Session, class_name: str, name: str) -> None:
    of = session.schema.classes[class_name]
    if name in BUILT_IN.get(class_name, {}):
        raise GatewayError(Code.RESERVED_FIELD, f"field {name} cannot be changed", field=name)
    if name not in of.columns:
        raise GatewayError(Code.BAD_SCHEMA, f"Field {name} does not exist, cannot delete.", field=name)
    session.schema = drop_column(session.connection, session.schema, of, name)


def _set_field(session: Session, class_name: str, name: str, given: Field) -> None:
    of, kind = session.schema.classes[class_name], given.type
    if kind.kind in (Kind.POINTER, Kind.RELATION):
        if not kind.target:
            raise GatewayError(Code.MISSING_ID, f"type {kind.kind} needs a class name", field=name)
        check_class_name(kind.target)
    default = _stored_default(class_name, name, given)
    column = of.columns.get(name)
    known = column.type if column is not None else BUILT_IN.get(class_name, {}).get(name)
    if known is not None and known != kind:
        raise GatewayError(Code.BAD_SCHEMA, f"Field {name} exists, cannot update.", field=name)
    if column is not None:
        if (column.required, column.default) != (given.required, default):
            session.schema = set_options(
                session.connection, session.schema, of, name, required=given.required, default=default
            )
    elif (class_name, name) != (USER, "password"):
        session.schema = add_column(
            session.connection, session.schema, of, name, kind, required=given.required, default=default
        )


def _stored_default(class_name: str, name: str, given: Field) -> Stored:
    if given.default is None:
        return None
    found = type_of(given.default)
    if found != given.type or found.kind is Kind.RELATION:
        raise GatewayError(
            Code.TYPE_MISMATCH,
            f"schema mismatch for {class_name}.{name} default value; expected {given.type} but got {found}",
            class_name=class_name,
            field=f"{name} default value",
            expected=str(given.type),
            found=str(found),
        )
    return write_column(given.type.kind, given.default)


def _check_permissions(of: ClassSchema, permissions: ClassPermissions) -> None:
    """Every field that permissions name must be there, so that a slip of the pen protects nothing by mistake."""
    known = of.columns.keys() | BUILT_IN.get(of.name, {}).keys()
    for group, fields in _protected_groups(permissions):
        for name in fields:
            if name.startswith("@"):
                message = f"Default field '{name.removeprefix('@')}' can not be protected"
                raise GatewayError(Code.BAD_REQUEST, message, field=name)
            if name not in known:
                raise GatewayError(
                    Code.BAD_REQUEST, f"Field '{name}' in protectedFields:{group} does not exist", field=name
                )
    for name in dict.fromkeys(_pointer_fields(permissions)):
        column = of.columns.get(name)
        kind = column.type if column is not None else BUILT_IN.get(of.name, {}).get(name)
        if kind is None or (kind != Type(Kind.POINTER, USER) and kind.kind is not Kind.ARRAY):
            raise GatewayError(
                Code.BAD_REQUEST,
                f"'{name}' is not a valid column for class level pointer permissions: "
                "a pointer to a user is one, and a list",
                field=name,
            )


def _protected_groups(permissions: ClassPermissions) -> Iterator[tuple[str, tuple[str, ...]]]:
    protected = permissions.protected
    yield "*", protected.everybody or ()
    yield "authenticated", protected.authenticated or ()
    for groups in (protected.users, protected.roles, protected.fields):
        yield from groups.items()


def _pointer_fields(permissions: ClassPermissions) -> Iterator[str]:
    for rule in permissions.rules.values():
        yield from rule.fields
    yield from permissions.read_fields
    yield from permissions.write_fields
    yield from permissions.protected.fields


def _add_index(session: Session, class_name: str, name: str, index: IndexOf) -> None:
    of = session.schema.classes[class_name]
    if any(_name_of(known) == name for known in of.indexes):
        raise GatewayError(Code.BAD_QUERY, f"Index {name} exists, cannot update.", name=name)
    names = tuple(field for field, _ in index.fields)
    for field in names:
        column = of.columns.get(field)
        if field not in SYSTEM_COLUMNS and (column is None or column.type.kind is Kind.RELATION):
            raise GatewayError(Code.BAD_QUERY, f"Field {field} does not exist, cannot add index.", field=field)
    descending = frozenset(field for field, descends in index.fields if descends)
    if any(known.fields == names and known.descending == descending and known.called for known in of.indexes):
        raise GatewayError(Code.BAD_QUERY, f"an index of {', '.join(names)} is there already", name=name)
    try:
        session.schema = add_index(
            session.connection,
            session.schema,
            of,
            names,
            unique=index.unique,
            descending=descending,
            called=name,
        )
    except Taken as taken:
        raise GatewayError(
            Code.DUPLICATE_VALUE,
            f"{class_name}.{','.join(names)} cannot become unique: objects with equal values are there",
            class_name=class_name,
            field=",".join(names),
        ) from taken


def _drop_index(session: Session, class_name: str, name: str) -> None:
    of = session.schema.classes[class_name]
    index = next((known for known in of.indexes if _name_of(known) == name), None)
    if index is None:
        raise GatewayError(Code.BAD_QUERY, f"Index {name} does not exist, cannot delete.", name=name)
    session.schema = drop_index(session.connection, session.schema, of, index)


def delete_class(session: Session, op: DeleteClass, _caller: Caller) -> Result:
    of = session.schema.public.classes.get(op.class_name)
    if of is None:
        return Result()
    (count,) = session.connection.row(f"SELECT count(*) FROM {of.table}") or (0,)
    if count:
        raise GatewayError(
            Code.BAD_SCHEMA,
            f"Class {of.name} is not empty, contains {count} objects, cannot drop schema.",
            class_name=of.name,
        )
    session.guard()
    session.schema = drop_class(session.connection, session.schema, of)
    return Result()


def purge_class(session: Session, op: PurgeClass, _caller: Caller) -> Result:
    of = session.schema.public.classes.get(op.class_name)
    if of is None:
        return Result()
    session.guard()
    for column in of.columns.values():
        if column.type.kind is Kind.RELATION:
            session.connection.run("DELETE FROM member WHERE field = ?", (column.id,))
    for field in session.schema.relations_to.get(of.name, ()):
        session.connection.run(
            f"DELETE FROM member WHERE field = ? AND member IN (SELECT id FROM {of.table})", (field,)
        )
    # its triggers would take it apart object by object, and many objects would take longer than a write may
    session.schema = drop_text_index(session.connection, session.schema, of)
    session.connection.run(f"DELETE FROM {of.table}")
    return Result()


DEFINE: Final[Mapping[type, Any]] = {
    GetSchema: get_schema,
    FindSchemas: find_schemas,
    CreateClass: create_class,
    UpdateClass: update_class,
    DeleteClass: delete_class,
    PurgeClass: purge_class,
}

DEFINING: Final = frozenset({CreateClass, UpdateClass, DeleteClass, PurgeClass})
"""Those that write."""
