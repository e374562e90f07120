"""What classes and columns there are, and of which types: learned on the first write, then enforced.

A `Schema` is immutable: a change makes a new one, so that a transaction that is rolled back has nothing to undo here,
and a reader in another thread never sees half a change. The same is kept in the file, in five catalogue tables; its
`version` grows with every change, which is how other processes notice.

SQLite compares the names of tables without regard to case and our classes are told apart by it, so a class's table is
named after its number.
"""

# ruff: noqa: S608 (SQL is put together here: of identifiers that were checked, numbers of our own, and parameters)

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Final

import orjson

from gateway.errors import Code, GatewayError
from gateway.model.account import USER
from gateway.model.operation import Caller
from gateway.model.push import INSTALLATION
from gateway.model.schema import AppSettings, ClassPermissions, Kind, Type
from gateway.model.values import CREATED_AT, ID, OWNER, UPDATED_AT, Relation, Value
from gateway.store.access import Access
from gateway.store.connection import Connection
from gateway.store.encoding import TAGGED, ReadColumn, Stored, column_reader, read_nested, write_json
from gateway.store.permissions import read_permissions, write_permissions

FORMAT: Final = 4
"""The layout of the file; a gateway refuses a file of a later one, and brings one of an earlier one up to date."""

NAME: Final = re.compile(r"[A-Za-z0-9_]{1,128}", re.ASCII)
"""What may be a class or a field: both become part of SQL, so nothing else passes, whatever a dialect let through."""

DESCENDING: Final = "-"
"""What a field of an index begins with, in the file, that descends there. No field's name does."""

PRIVATE: Final = "@"
"""What the name of a class begins with that is there for trusted callers only. No client can say such a name."""

# member has both ways: the members of an owner by the key, the owners of a member by the index
CREATE_CATALOGUE: Final = f"""
CREATE TABLE catalogue(format INTEGER NOT NULL, version INTEGER NOT NULL);
CREATE TABLE class(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, permissions TEXT);
CREATE TABLE field(
    id INTEGER PRIMARY KEY, class INTEGER NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL, target TEXT, options TEXT,
    UNIQUE(class, name)
);
CREATE TABLE declared_index(
    id INTEGER PRIMARY KEY, class INTEGER NOT NULL, fields TEXT NOT NULL, is_unique INTEGER NOT NULL, name TEXT,
    UNIQUE(class, fields)
);
CREATE TABLE member(
    field INTEGER NOT NULL, owner TEXT NOT NULL, member TEXT NOT NULL, PRIMARY KEY(field, owner, member)
) WITHOUT ROWID;
CREATE INDEX member_owners ON member(field, member, owner);
CREATE TABLE text_index(class INTEGER PRIMARY KEY, filled INTEGER NOT NULL, until INTEGER NOT NULL);
INSERT INTO catalogue(format, version) VALUES ({FORMAT}, 0);
"""


def _add_options(connection: Connection) -> None:
    connection.run(
        """
ALTER TABLE class ADD COLUMN permissions TEXT;
ALTER TABLE field ADD COLUMN options TEXT;
ALTER TABLE declared_index ADD COLUMN name TEXT;
"""
    )


def _add_owners(connection: Connection) -> None:
    """Who made the objects that are there is not known; but a user is its own."""
    for number, name in connection.rows("SELECT id, name FROM class"):
        connection.run(f"ALTER TABLE object_{number} ADD COLUMN owner TEXT")
        if name == USER:
            connection.run(f"UPDATE object_{number} SET owner = id")
        connection.run(_index_owners(f"object_{number}"))


def _add_text_index(connection: Connection) -> None:
    """Of each class that is searched: which of the objects that were there when it first was are in its index."""
    connection.run(
        "CREATE TABLE text_index(class INTEGER PRIMARY KEY, filled INTEGER NOT NULL, until INTEGER NOT NULL)"
    )


MIGRATIONS: Final[Mapping[int, Callable[[Connection], None]]] = {1: _add_options, 2: _add_owners, 3: _add_text_index}
"""What brings a file of a format to the next one."""

TEXT_TRIGGERS: Final = ("added", "gone", "changed")
"""What their names end with, behind the name of an index of texts: `store.text_index` makes them."""

READ_VERSION: Final = "SELECT version FROM catalogue"

SYSTEM_COLUMNS: Final[Mapping[str, str]] = {
    ID: "id",
    CREATED_AT: "created_at",
    UPDATED_AT: "updated_at",
    OWNER: "owner",
}

SYSTEM_TYPES: Final[Mapping[str, Type]] = {
    ID: Type(Kind.STRING),
    CREATED_AT: Type(Kind.DATE),
    UPDATED_AT: Type(Kind.DATE),
    OWNER: Type(Kind.STRING),
}


@dataclass(frozen=True, slots=True)
class Column:
    """`default` is in its stored form."""

    id: int
    name: str
    type: Type
    required: bool = False
    default: Stored = None


@dataclass(frozen=True, slots=True)
class Index:
    """An index somebody asked for, besides those that every class has. `called` is its name in the schema API."""

    id: int
    fields: tuple[str, ...]
    unique: bool
    descending: frozenset[str] = frozenset()
    called: str | None = None

    @property
    def name(self) -> str:
        return f"index_{self.id}"


class ClassSchema:
    """One class: its columns, and what is made of them once: the SQL of its hot paths, the plan to read its rows."""

    __slots__ = (
        "columns",
        "defaults",
        "get",
        "id",
        "indexes",
        "insert",
        "is_indexed",
        "name",
        "nested",
        "permissions",
        "readers",
        "relations",
        "required",
        "select",
        "table",
        "text_table",
        "update",
    )

    def __init__(
        self,
        number: int,
        name: str,
        columns: Mapping[str, Column],
        indexes: tuple[Index, ...],
        permissions: ClassPermissions | None = None,
        *,
        is_indexed: bool = False,
    ) -> None:
        """`is_indexed` is whether its texts can be searched: `store.text_index`."""
        self.id = number
        self.name = name
        self.columns = columns
        self.indexes = indexes
        self.permissions = permissions
        in_documents = [column for column in columns.values() if column.type.kind is not Kind.RELATION]
        self.required = frozenset(column.name for column in in_documents if column.required)
        self.defaults = tuple((column.name, column.default) for column in in_documents if column.default is not None)
        self.table = f"object_{number}"
        self.text_table = f"text_{number}"
        self.is_indexed = is_indexed
        into = f"{self.table}(id, created_at, updated_at, acl, doc, owner)"
        self.insert = f"INSERT INTO {into} VALUES (?, ?, ?, ?, jsonb(?), ?)"
        self.update = f"UPDATE {self.table} SET updated_at = ?, acl = ?, doc = jsonb(?) WHERE seq = ?"
        self.select = "{0}.id, {0}.created_at, {0}.updated_at, {0}.acl, json({0}.doc), {0}.owner"
        # the version rides along: one statement sees one state of the file, so no transaction is needed around it
        self.get = f"SELECT {self.select.format(self.table)}, ({READ_VERSION}) FROM {self.table} WHERE id = ?"
        self.relations: tuple[tuple[str, Relation], ...] = tuple(
            (column.name, Relation(column.type.target or ""))
            for column in columns.values()
            if column.type.kind is Kind.RELATION
        )
        readers: list[tuple[str, ReadColumn]] = []
        nested: list[str] = []
        for column in columns.values():
            if column.type.kind in TAGGED:
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


NO_SETTINGS: Final = AppSettings()


@dataclass(frozen=True)
class Schema:
    """`whole` is whether it has the private classes as well, or knows of none.

    `apps` are settings of applications, by their names: permissions that no file has.
    """

    version: int
    classes: Mapping[str, ClassSchema]
    whole: bool = True
    apps: Mapping[str, AppSettings] = field(default_factory=dict)

    @cached_property
    def public(self) -> Schema:
        """What there is for everybody who is not trusted. No other place has to keep a private class from anybody."""
        classes = {name: found for name, found in self.classes.items() if not name.startswith(PRIVATE)}
        return Schema(self.version, classes, whole=False, apps=self.apps)

    @cached_property
    def _access(self) -> dict[str, Mapping[str, Access]]:
        return {}

    def access_of(self, app: str) -> Mapping[str, Access]:
        """What permissions come to for an application, of each class that has any."""
        known = self._access.get(app)
        if known is None:
            settings = self.apps.get(app, NO_SETTINGS).classes
            permitted = (name for name, found in self.classes.items() if found.permissions is not None)
            names = (USER, INSTALLATION, *settings, *permitted)
            known = self._access[app] = {
                name: Access(name, found.permissions if (found := self.classes.get(name)) else None, settings.get(name))
                for name in names
            }
        return known

    def access(self, class_name: str, caller: Caller) -> Access | None:
        """What a caller has to be held to; None for most classes, and for whom no permissions concern."""
        return None if caller.master or caller.trusted else self.access_of(caller.app).get(class_name)

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

    def find_for(self, caller: Caller, class_name: str) -> ClassSchema:
        """As `find`, of what there is for this caller."""
        seen = self.seen_by(caller)
        if class_name not in seen.classes:
            self.refuse_new(class_name, caller)
        return seen.find(class_name)

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

    def refuse_new(self, class_name: str, caller: Caller) -> None:
        """Raises GatewayError(FORBIDDEN) where clients can neither make a class nor learn that there is none."""
        if not caller.unrestricted and not self.apps.get(caller.app, NO_SETTINGS).creates_classes:
            # Parse Server, `allowClientClassCreation`, in its own words: reading is refused as well
            message = f"This user is not allowed to access non-existent class: {class_name}"
            raise GatewayError(Code.FORBIDDEN, message, class_name=class_name)

    def as_fields(self) -> dict[str, dict[str, str]]:
        """The types of all fields, in words: `{"Post": {"title": "String", "by": "Pointer<_User>"}}`."""
        return {
            found.name: {column.name: str(column.type) for column in found.columns.values()}
            for found in self.classes.values()
        }


EMPTY: Final = Schema(version=-1, classes={})
"""What is known before a file was read; no file has this version."""


def read_schema(connection: Connection, apps: Mapping[str, AppSettings] = MappingProxyType({})) -> Schema:
    """The schema as the file has it. The caller holds a transaction, so that the five tables are of one moment."""
    version: int = (connection.row(READ_VERSION) or (0,))[0]
    columns: dict[int, dict[str, Column]] = {}
    for number, owner, name, kind, target, options in connection.rows(
        "SELECT id, class, name, type, target, options FROM field ORDER BY id"
    ):
        given = orjson.loads(options) if options is not None else {}
        column = Column(number, name, Type(Kind(kind), target), given.get("required", False), given.get("default"))
        columns.setdefault(owner, {})[name] = column
    indexes: dict[int, list[Index]] = {}
    for number, owner, fields, unique, called in connection.rows(
        "SELECT id, class, fields, is_unique, name FROM declared_index ORDER BY id"
    ):
        names = [name.removeprefix(DESCENDING) for name in orjson.loads(fields)]
        falling = frozenset(name[1:] for name in orjson.loads(fields) if name.startswith(DESCENDING))
        indexes.setdefault(owner, []).append(Index(number, tuple(names), bool(unique), falling, called))
    complete = {number for (number,) in connection.rows("SELECT class FROM text_index WHERE filled = until")}
    return Schema(
        version,
        {
            name: ClassSchema(
                number,
                name,
                columns.get(number, {}),
                tuple(indexes.get(number, ())),
                read_permissions(permissions) if permissions is not None else None,
                is_indexed=number in complete,
            )
            for number, name, permissions in connection.rows("SELECT id, name, permissions FROM class ORDER BY id")
        },
        apps=apps,
    )


def add_class(connection: Connection, schema: Schema, name: str) -> Schema:
    """The caller has made sure that nobody makes a private class who must not."""
    check_class_name(name, private=True)
    row = connection.row("INSERT INTO class(name) VALUES (?) RETURNING id", (name,))
    assert row is not None
    made = ClassSchema(row[0], name, {}, ())
    connection.run(
        f"CREATE TABLE {made.table}(seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, created_at TEXT NOT NULL,"
        " updated_at TEXT NOT NULL, acl TEXT, owner TEXT, doc BLOB NOT NULL)"
    )
    # that of ACLs finds no object, but whoever may see all of them has them counted without a look at the documents
    for column in ("created_at", "updated_at", "acl"):
        connection.run(f"CREATE INDEX {made.table}_{column} ON {made.table}({column})")
    connection.run(_index_owners(made.table))
    return _changed(connection, schema, made)


def add_column(
    connection: Connection,
    schema: Schema,
    owner: ClassSchema,
    name: str,
    kind: Type,
    *,
    required: bool = False,
    default: Stored = None,
) -> Schema:
    check_field_name(name)
    if kind.target is not None:
        check_class_name(kind.target, private=True)
    row = connection.row(
        "INSERT INTO field(class, name, type, target, options) VALUES (?, ?, ?, ?, ?) RETURNING id",
        (owner.id, name, kind.kind.value, kind.target, _options(required, default)),
    )
    assert row is not None
    column = Column(row[0], name, kind, required, default)
    if kind.kind is Kind.POINTER:
        connection.run(f"CREATE INDEX {owner.table}_pointer_{column.id} ON {owner.table}({column_sql(name)})")
    return _changed(connection, schema, _with(owner, columns={**owner.columns, name: column}))


def set_options(
    connection: Connection, schema: Schema, owner: ClassSchema, name: str, *, required: bool, default: Stored
) -> Schema:
    column = replace(owner.columns[name], required=required, default=default)
    connection.run("UPDATE field SET options = ? WHERE id = ?", (_options(required, default), column.id))
    return _changed(connection, schema, _with(owner, columns={**owner.columns, name: column}))


def _options(required: bool, default: Stored) -> str | None:
    options = {name: value for name, value in (("required", required), ("default", default)) if value}
    if default is not None:
        options["default"] = default  # 0 and false are values
    return write_json(options).decode() if options else None


def drop_column(connection: Connection, schema: Schema, owner: ClassSchema, name: str) -> Schema:
    """With what stands in it, and the indexes that it is part of."""
    column = owner.columns[name]
    for index in owner.indexes:
        if name in index.fields:
            schema = drop_index(connection, schema, schema.classes[owner.name], index)
    if column.type.kind is Kind.RELATION:
        connection.run("DELETE FROM member WHERE field = ?", (column.id,))
    else:
        if column.type.kind is Kind.POINTER:
            connection.run(f"DROP INDEX IF EXISTS {owner.table}_pointer_{column.id}")
        connection.run(
            f"UPDATE {owner.table} SET doc = jsonb_remove(doc, '$.{name}') WHERE json_type(doc, '$.{name}') IS NOT NULL"
        )
    connection.run("DELETE FROM field WHERE id = ?", (column.id,))
    owner = schema.classes[owner.name]
    left = {kept: found for kept, found in owner.columns.items() if kept != name}
    return _changed(connection, schema, _with(owner, columns=left))


def drop_class(connection: Connection, schema: Schema, owner: ClassSchema) -> Schema:
    """The caller has made sure that it has no objects."""
    for column in owner.columns.values():
        if column.type.kind is Kind.RELATION:
            connection.run("DELETE FROM member WHERE field = ?", (column.id,))
    schema = drop_text_index(connection, schema, owner)
    connection.run(f"DROP TABLE {owner.table}")
    connection.run("DELETE FROM field WHERE class = ?", (owner.id,))
    connection.run("DELETE FROM declared_index WHERE class = ?", (owner.id,))
    connection.run("DELETE FROM class WHERE id = ?", (owner.id,))
    left = {name: found for name, found in schema.classes.items() if name != owner.name}
    return _next(connection, schema, left)


def set_permissions(
    connection: Connection, schema: Schema, owner: ClassSchema, permissions: ClassPermissions
) -> Schema:
    connection.run("UPDATE class SET permissions = ? WHERE id = ?", (write_permissions(permissions), owner.id))
    made = ClassSchema(owner.id, owner.name, owner.columns, owner.indexes, permissions, is_indexed=owner.is_indexed)
    return _changed(connection, schema, made)


def set_text_index(connection: Connection, schema: Schema, owner: ClassSchema, *, is_indexed: bool = True) -> Schema:
    """Whether the index of its texts is complete."""
    made = ClassSchema(owner.id, owner.name, owner.columns, owner.indexes, owner.permissions, is_indexed=is_indexed)
    return _changed(connection, schema, made)


def drop_text_index(connection: Connection, schema: Schema, owner: ClassSchema) -> Schema:
    """With what keeps it right, where there is any of it; the next search makes another."""
    if not connection.run("DELETE FROM text_index WHERE class = ?", (owner.id,)):
        return schema
    for moment in TEXT_TRIGGERS:
        connection.run(f"DROP TRIGGER {owner.text_table}_{moment}")
    connection.run(f"DROP TABLE {owner.text_table}")
    return set_text_index(connection, schema, owner, is_indexed=False)


def add_index(
    connection: Connection,
    schema: Schema,
    owner: ClassSchema,
    fields: Sequence[str],
    *,
    unique: bool,
    descending: frozenset[str] = frozenset(),
    called: str | None = None,
) -> Schema:
    """Does nothing where the same is declared already; one that becomes unique, or stops to be, is made anew."""
    if not fields:
        raise GatewayError(Code.BAD_QUERY, "an index needs a field")
    parts = []
    for name in fields:
        if name not in SYSTEM_COLUMNS:
            check_field_name(name)
        column = SYSTEM_COLUMNS.get(name) or column_sql(name)
        parts.append(f"{column} DESC" if name in descending else column)
    for index in owner.indexes:
        if index.fields == tuple(fields) and index.descending == descending:
            if index.unique == unique and index.called == called:
                return schema
            called = called or index.called
            schema = drop_index(connection, schema, owner, index)
            owner = schema.classes[owner.name]
    named = [f"{DESCENDING}{name}" if name in descending else name for name in fields]
    row = connection.row(
        "INSERT INTO declared_index(class, fields, is_unique, name) VALUES (?, ?, ?, ?) RETURNING id",
        (owner.id, orjson.dumps(named).decode(), int(unique), called),
    )
    assert row is not None
    made = Index(row[0], tuple(fields), unique, descending, called)
    connection.run(f"CREATE {'UNIQUE ' if unique else ''}INDEX {made.name} ON {owner.table}({', '.join(parts)})")
    return _changed(connection, schema, _with(owner, indexes=(*owner.indexes, made)))


def drop_index(connection: Connection, schema: Schema, owner: ClassSchema, index: Index) -> Schema:
    connection.run(f"DROP INDEX {index.name}")
    connection.run("DELETE FROM declared_index WHERE id = ?", (index.id,))
    return _changed(
        connection, schema, _with(owner, indexes=tuple(kept for kept in owner.indexes if kept.id != index.id))
    )


def _with(
    owner: ClassSchema, *, columns: Mapping[str, Column] | None = None, indexes: tuple[Index, ...] | None = None
) -> ClassSchema:
    return ClassSchema(
        owner.id,
        owner.name,
        owner.columns if columns is None else columns,
        owner.indexes if indexes is None else indexes,
        owner.permissions,
        is_indexed=owner.is_indexed,
    )


def _changed(connection: Connection, schema: Schema, new: ClassSchema) -> Schema:
    return _next(connection, schema, {**schema.classes, new.name: new})


def _next(connection: Connection, schema: Schema, classes: Mapping[str, ClassSchema]) -> Schema:
    connection.run("UPDATE catalogue SET version = ?", (schema.version + 1,))
    return Schema(schema.version + 1, classes, apps=schema.apps)


def _index_owners(table: str) -> str:
    """Nothing of it is to be written for an object that nobody owns."""
    return f"CREATE INDEX {table}_owner ON {table}(owner) WHERE owner IS NOT NULL"


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
