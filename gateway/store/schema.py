"""What classes and columns there are, and of which types: learned on the first write, then enforced.

A `Schema` is immutable: a change makes a new one, so that a transaction that is rolled back has nothing to undo here,
and a reader in another thread never sees half a change. The same is kept in the file, in four catalogue tables; its
`version` grows with every change, which is how other processes notice.

SQLite compares the names of tables without regard to case and our classes are told apart by it, so a class's table is
named after its number.
"""

# ruff: noqa: S608 (SQL is put together here: of identifiers that were checked, numbers of our own, and parameters)

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import orjson

from gateway.errors import Code, GatewayError
from gateway.model.operation import Caller
from gateway.model.values import CREATED_AT, ID, UPDATED_AT, Relation, Value
from gateway.store.connection import Connection
from gateway.store.encoding import Kind, ReadColumn, Stored, Type, column_reader, read_nested

FORMAT: Final = 1
"""The layout of the file; a gateway refuses a file of a later one."""

NAME: Final = re.compile(r"[A-Za-z0-9_]{1,128}", re.ASCII)
"""What may be a class or a field: both become part of SQL, so nothing else passes, whatever a dialect let through."""

PRIVATE: Final = "@"
"""What the name of a class begins with that is there for trusted callers only. No client can say such a name."""

# member has both ways: the members of an owner by the key, the owners of a member by the index
CREATE_CATALOGUE: Final = f"""
CREATE TABLE catalogue(format INTEGER NOT NULL, version INTEGER NOT NULL);
CREATE TABLE class(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE field(
    id INTEGER PRIMARY KEY, class INTEGER NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL, target TEXT,
    UNIQUE(class, name)
);
CREATE TABLE declared_index(
    id INTEGER PRIMARY KEY, class INTEGER NOT NULL, fields TEXT NOT NULL, is_unique INTEGER NOT NULL,
    UNIQUE(class, fields)
);
CREATE TABLE member(
    field INTEGER NOT NULL, owner TEXT NOT NULL, member TEXT NOT NULL, PRIMARY KEY(field, owner, member)
) WITHOUT ROWID;
CREATE INDEX member_owners ON member(field, member, owner);
INSERT INTO catalogue(format, version) VALUES ({FORMAT}, 0);
"""

READ_VERSION: Final = "SELECT version FROM catalogue"

SYSTEM_COLUMNS: Final[Mapping[str, str]] = {ID: "id", CREATED_AT: "created_at", UPDATED_AT: "updated_at"}

SYSTEM_TYPES: Final[Mapping[str, Type]] = {
    ID: Type(Kind.STRING),
    CREATED_AT: Type(Kind.DATE),
    UPDATED_AT: Type(Kind.DATE),
}


@dataclass(frozen=True, slots=True)
class Column:
    id: int
    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Index:
    """An index somebody asked for, besides those that every class has."""

    id: int
    fields: tuple[str, ...]
    unique: bool

    @property
    def name(self) -> str:
        return f"index_{self.id}"


class ClassSchema:
    """One class: its columns, and what is made of them once: the SQL of its hot paths, the plan to read its rows."""

    __slots__ = (
        "columns",
        "get",
        "id",
        "indexes",
        "insert",
        "name",
        "nested",
        "readers",
        "relations",
        "select",
        "table",
        "update",
    )

    def __init__(self, number: int, name: str, columns: Mapping[str, Column], indexes: tuple[Index, ...]) -> None:
        self.id = number
        self.name = name
        self.columns = columns
        self.indexes = indexes
        self.table = f"object_{number}"
        self.insert = f"INSERT INTO {self.table}(id, created_at, updated_at, acl, doc) VALUES (?, ?, ?, ?, jsonb(?))"
        self.update = f"UPDATE {self.table} SET updated_at = ?, acl = ?, doc = jsonb(?) WHERE seq = ?"
        self.select = "{0}.id, {0}.created_at, {0}.updated_at, {0}.acl, json({0}.doc)"
        # the version rides along: one statement sees one state of the file, so no transaction is needed around it
        self.get = f"SELECT id, created_at, updated_at, acl, json(doc), ({READ_VERSION}) FROM {self.table} WHERE id = ?"
        self.relations: tuple[tuple[str, Relation], ...] = tuple(
            (column.name, Relation(column.type.target or ""))
            for column in columns.values()
            if column.type.kind is Kind.RELATION
        )
        readers: list[tuple[str, ReadColumn]] = []
        nested: list[str] = []
        for column in columns.values():
            if column.type.kind in (Kind.OBJECT, Kind.ARRAY):
                nested.append(column.name)
            elif (reader := column_reader(column.type)) is not None:
                readers.append((column.name, reader))
        self.readers = tuple(readers)
        self.nested = tuple(nested)

    def read(self, name: str, stored: Stored) -> Value:
        """The value of one column. Containers of `stored` are used, as `read_nested` says."""
        column = self.columns.get(name)
        if column is None or stored is None:
            return stored
        reader = column_reader(column.type)
        return reader(stored) if reader is not None else read_nested(stored)


@dataclass(frozen=True)
class Schema:
    """`whole` is whether it has the private classes as well, or knows of none."""

    version: int
    classes: Mapping[str, ClassSchema]
    whole: bool = True

    @cached_property
    def public(self) -> Schema:
        """What there is for everybody who is not trusted. No other place has to keep a private class from anybody."""
        classes = {name: found for name, found in self.classes.items() if not name.startswith(PRIVATE)}
        return Schema(self.version, classes, whole=False)

    def seen_by(self, caller: Caller) -> Schema:
        return self if caller.trusted else self.public

    @cached_property
    def relations_to(self) -> Mapping[str, tuple[int, ...]]:
        """The numbers of the relation columns, of all classes, that hold objects of a class."""
        found: dict[str, tuple[int, ...]] = {}
        for owner in self.classes.values():
            for column in owner.columns.values():
                if column.type.kind is Kind.RELATION and column.type.target is not None:
                    found[column.type.target] = (*found.get(column.type.target, ()), column.id)
        return found

    def find(self, class_name: str) -> ClassSchema:
        found = self.classes.get(class_name)
        if found is None:
            check_class_name(class_name, private=self.whole)
            raise GatewayError(
                Code.CLASS_NOT_FOUND,
                f"there is no class {class_name!r} yet; creating an object makes it",
                class_name=class_name,
            )
        return found

    def as_fields(self) -> dict[str, dict[str, str]]:
        """The types of all fields, in words: `{"Post": {"title": "String", "by": "Pointer<_User>"}}`."""
        return {
            found.name: {column.name: str(column.type) for column in found.columns.values()}
            for found in self.classes.values()
        }


EMPTY: Final = Schema(version=-1, classes={})
"""What is known before a file was read; no file has this version."""


def read_schema(connection: Connection) -> Schema:
    """The schema as the file has it. The caller holds a transaction, so that the four tables are of one moment."""
    version: int = (connection.row(READ_VERSION) or (0,))[0]
    columns: dict[int, dict[str, Column]] = {}
    for number, owner, name, kind, target in connection.rows(
        "SELECT id, class, name, type, target FROM field ORDER BY id"
    ):
        columns.setdefault(owner, {})[name] = Column(number, name, Type(Kind(kind), target))
    indexes: dict[int, list[Index]] = {}
    for number, owner, fields, unique in connection.rows("SELECT id, class, fields, is_unique FROM declared_index"):
        indexes.setdefault(owner, []).append(Index(number, tuple(orjson.loads(fields)), bool(unique)))
    return Schema(
        version,
        {
            name: ClassSchema(number, name, columns.get(number, {}), tuple(indexes.get(number, ())))
            for number, name in connection.rows("SELECT id, name FROM class ORDER BY id")
        },
    )


def add_class(connection: Connection, schema: Schema, name: str) -> Schema:
    """The caller has made sure that nobody makes a private class who must not."""
    check_class_name(name, private=True)
    row = connection.row("INSERT INTO class(name) VALUES (?) RETURNING id", (name,))
    assert row is not None
    made = ClassSchema(row[0], name, {}, ())
    connection.run(
        f"CREATE TABLE {made.table}(seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, created_at TEXT NOT NULL,"
        " updated_at TEXT NOT NULL, acl TEXT, doc BLOB NOT NULL)"
    )
    # that of ACLs finds no object, but whoever may see all of them has them counted without a look at the documents
    for column in ("created_at", "updated_at", "acl"):
        connection.run(f"CREATE INDEX {made.table}_{column} ON {made.table}({column})")
    return _changed(connection, schema, made)


def add_column(connection: Connection, schema: Schema, owner: ClassSchema, name: str, kind: Type) -> Schema:
    check_field_name(name)
    if kind.target is not None:
        check_class_name(kind.target, private=True)
    row = connection.row(
        "INSERT INTO field(class, name, type, target) VALUES (?, ?, ?, ?) RETURNING id",
        (owner.id, name, kind.kind.value, kind.target),
    )
    assert row is not None
    column = Column(row[0], name, kind)
    if kind.kind is Kind.POINTER:
        connection.run(f"CREATE INDEX {owner.table}_pointer_{column.id} ON {owner.table}({column_sql(name)})")
    return _changed(
        connection, schema, ClassSchema(owner.id, owner.name, {**owner.columns, name: column}, owner.indexes)
    )


def add_index(
    connection: Connection, schema: Schema, owner: ClassSchema, fields: Sequence[str], *, unique: bool
) -> Schema:
    """Does nothing where the same is declared already; one that becomes unique, or stops to be, is made anew."""
    if not fields:
        raise GatewayError(Code.BAD_QUERY, "an index needs a field")
    parts = []
    for field in fields:
        if field not in SYSTEM_COLUMNS:
            check_field_name(field)
        parts.append(SYSTEM_COLUMNS.get(field) or column_sql(field))
    kept = list(owner.indexes)
    for index in owner.indexes:
        if index.fields == tuple(fields):
            if index.unique == unique:
                return schema
            connection.run(f"DROP INDEX {index.name}")
            connection.run("DELETE FROM declared_index WHERE id = ?", (index.id,))
            kept.remove(index)
    row = connection.row(
        "INSERT INTO declared_index(class, fields, is_unique) VALUES (?, ?, ?) RETURNING id",
        (owner.id, orjson.dumps(fields).decode(), int(unique)),
    )
    assert row is not None
    made = Index(row[0], tuple(fields), unique)
    connection.run(f"CREATE {'UNIQUE ' if unique else ''}INDEX {made.name} ON {owner.table}({', '.join(parts)})")
    return _changed(connection, schema, ClassSchema(owner.id, owner.name, owner.columns, (*kept, made)))


def _changed(connection: Connection, schema: Schema, new: ClassSchema) -> Schema:
    connection.run("UPDATE catalogue SET version = ?", (schema.version + 1,))
    return Schema(schema.version + 1, {**schema.classes, new.name: new})


def column_sql(name: str) -> str:
    """The bare value of a column. An index is used where query and index spell it alike, so it is spelled here only."""
    return f"doc ->> '$.{name}'"


def check_class_name(name: str, *, private: bool = False) -> None:
    if not NAME.fullmatch(name.removeprefix(PRIVATE) if private else name):
        raise GatewayError(
            Code.BAD_CLASS_NAME,
            f"{name!r} cannot name a class: letters, digits and underscores can, 128 at most",
            class_name=name,
        )


def check_field_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise GatewayError(
            Code.BAD_FIELD_NAME,
            f"{name!r} cannot name a field: letters, digits and underscores can, 128 at most",
            field=name,
        )
