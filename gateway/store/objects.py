"""Operations on objects, carried out on one connection: what the writer, the readers and a batch have in common.

Everything here is synchronous and knows no threads. Who calls holds a transaction where more than one statement must
see the same state.
"""

# ruff: noqa: S608 (SQL is put together here: of identifiers that were checked, numbers of our own, and parameters)

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any, Final

import orjson

from gateway.errors import Code, GatewayError
from gateway.model.operation import (
    Batch,
    Caller,
    Create,
    Delete,
    Find,
    Get,
    Operation,
    Result,
    Returning,
    Scan,
    ServerTime,
    Update,
)
from gateway.model.query import Filter, Sort
from gateway.model.update import Add, AddRelation, AddUnique, Change, Remove, RemoveRelation, Set, SetOnInsert, Several
from gateway.model.values import ACL, CREATED_AT, ID, UPDATED_AT, Date, Fields, Pointer, Reference, Value
from gateway.store.access import Right, grants
from gateway.store.changes import Doc, Edit
from gateway.store.connection import Connection, Taken, TransactionLost
from gateway.store.cursor import Position, read_cursor, write_cursor
from gateway.store.encoding import Kind, Type, read_nested, write_json
from gateway.store.filter_sql import FilterSql, Rows
from gateway.store.projection import exclude, include, included_by, select
from gateway.store.schema import (
    ClassSchema,
    Column,
    Schema,
    add_class,
    add_column,
    add_index,
    check_class_name,
)

LARGEST_OBJECT: Final = 16 * 1024 * 1024
"""In bytes of JSON; MongoDB's limit, and so LeanCloud's and Parse's."""

LONGEST_ID: Final = 1024
"""In bytes. Nobody's ids are near it; it keeps indexes and cursors small."""

WRITES: Final = frozenset({Create, Update, Delete})

MOST_ITEMS: Final = 1000


def writes(op: Operation) -> bool:
    return type(op) in WRITES or (isinstance(op, Batch) and any(map(writes, op.items)))


class Clock:
    """Milliseconds since 1970, as the model's dates. Most are asked for within the millisecond of the one before."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self.now_ms = now_ms
        self._last = (-1, Date(""))

    def now(self) -> Date:
        ms = self.now_ms()
        if self._last[0] != ms:
            self._last = (ms, Date.from_ms(ms))
        return self._last[1]


class Session:
    """One connection, the schema as its transaction sees it, and what time it is."""

    def __init__(self, connection: Connection, schema: Schema, clock: Clock, secret: bytes) -> None:
        self.connection = connection
        self.schema = schema
        self.clock = clock
        self.secret = secret
        self.guarded = False

    def guard(self) -> None:
        """Called before the first of several statements of one job, so that whoever runs it can undo them together.

        A statement alone does all or nothing by itself, and most creates and updates are one: it is their last act.
        """
        if not self.guarded:
            self.guarded = True
            self.connection.run("SAVEPOINT job")

    def execute(self, op: Operation, caller: Caller) -> Result:
        """Raises GatewayError; what was written before it is to be rolled back."""
        execute = EXECUTE.get(type(op))
        if execute is None:
            raise GatewayError(Code.UNSUPPORTED, f"the embedded store has no {type(op).__name__.lower()}")
        return execute(self, op, caller)

    @contextmanager
    def savepoint(self, name: str) -> Iterator[None]:
        """What happens inside happens whole or not at all, the schema included."""
        schema = self.schema
        self.connection.run(f"SAVEPOINT {name}")
        try:
            yield
        except BaseException as error:
            self.schema = schema
            if not isinstance(error, TransactionLost):
                self.connection.run(f"ROLLBACK TO {name}")
                self.connection.run(f"RELEASE {name}")
            raise
        self.connection.run(f"RELEASE {name}")

    def declare_index(self, class_name: str, fields: Sequence[str], *, unique: bool) -> None:
        self.guard()
        owner = self.made_class(class_name, private=True)
        try:
            self.schema = add_index(self.connection, self.schema, owner, fields, unique=unique)
        except Taken as taken:
            raise GatewayError(
                Code.DUPLICATE_VALUE,
                f"{class_name}.{','.join(fields)} cannot become unique: objects with equal values are there",
                class_name=class_name,
                field=",".join(fields),
            ) from taken

    def made_class(self, name: str, *, private: bool) -> ClassSchema:
        """`private` is whether it may be a private one."""
        if name not in (self.schema if private else self.schema.public).classes:
            check_class_name(name, private=private)
            self.guard()
            self.schema = add_class(self.connection, self.schema, name)
        return self.schema.classes[name]


class ClassColumns:
    """The columns of a class under write: what a change needs is made, or found to be of another type."""

    def __init__(self, session: Session, class_name: str, *, private: bool) -> None:
        """`private` is whether a column may point to private classes."""
        self._session = session
        self._class_name = class_name
        self._private = private
        self._columns = session.schema.classes[class_name].columns

    def known(self, name: str) -> Column | None:
        return self._columns.get(name)

    def need(self, name: str, kind: Type) -> Column:
        session = self._session
        owner = session.schema.classes[self._class_name]
        if kind.target is not None:
            check_class_name(kind.target, private=self._private)
        column = owner.columns.get(name)
        if column is None:
            session.guard()
            session.schema = add_column(session.connection, session.schema, owner, name, kind)
            self._columns = session.schema.classes[self._class_name].columns
            return self._columns[name]
        if column.type is not kind and column.type != kind:
            raise self.mismatch(name, column.type, kind)
        return column

    def mismatch(self, name: str, expected: object, found: object) -> GatewayError:
        return GatewayError(
            Code.TYPE_MISMATCH,
            f"schema mismatch for {self._class_name}.{name}; expected {expected} but got {found}",
            class_name=self._class_name,
            field=name,
            expected=str(expected),
            found=str(found),
        )


# rows as objects


def read_object(of: ClassSchema, row: Sequence[Any], *, with_acl: bool = True) -> Fields:
    """Of a row of `ClassSchema.select`. Only what is not its own stored form is touched."""
    text = row[4]
    return _object(of, row[0], row[1], row[2], row[3] if with_acl else None, orjson.loads(text), nested='"@' in text)


def _object(
    of: ClassSchema, known: str, created_at: str, updated_at: str, acl: str | None, doc: Doc, *, nested: bool = True
) -> Fields:
    """`nested` is whether the document may have tags below its columns."""
    fields: Fields = {ID: known, CREATED_AT: Date(created_at), UPDATED_AT: Date(updated_at)}
    if acl is not None:
        fields[ACL] = orjson.loads(acl)
    for name, reader in of.readers:
        stored = doc.get(name)
        if stored is not None:
            doc[name] = reader(stored)
    if nested:
        for name in of.nested:
            stored = doc.get(name)
            if stored is not None:
                doc[name] = read_nested(stored)
    fields.update(doc)
    fields.update(of.relations)
    return fields


def missing(class_name: str, known: str) -> GatewayError:
    return GatewayError(
        Code.OBJECT_NOT_FOUND, f"there is no object {known!r} in {class_name}", class_name=class_name, id=known
    )


def unmet(class_name: str, known: str) -> GatewayError:
    return GatewayError(
        Code.CONDITION_FAILED,
        f"the object {known!r} of {class_name} does not match the condition",
        class_name=class_name,
        id=known,
    )


# writing


def new_id(now_ms: int) -> str:
    """24 hexadecimal digits as MongoDB's, so that ids sort by the second they were made in."""
    return f"{now_ms // 1000:08x}{secrets.token_hex(8)}"


def create(session: Session, op: Create, caller: Caller) -> Result:
    class_name = op.class_name
    session.made_class(class_name, private=caller.trusted)
    edit = Edit(ClassColumns(session, class_name, private=caller.trusted), {}, creating=True)
    edit.apply(op.changes)
    now = session.clock.now()
    known = new_id(session.clock.now_ms()) if op.id is None else op.id
    if not known:
        raise GatewayError(Code.MISSING_ID, "an id cannot be empty", class_name=class_name)
    if len(known.encode("utf-8", "replace")) > LONGEST_ID:
        raise GatewayError(Code.BAD_VALUE, f"an id has at most {LONGEST_ID} bytes", class_name=class_name)
    of = session.schema.classes[class_name]
    stored = _stored(edit)
    acl = _stored_acl(edit)
    result = Result(id=known, created_at=now, updated_at=now)
    result.object = _answer(edit, op.returning, of, (known, now.iso, now.iso, acl))
    if edit.members:
        _change_members(session, known, edit)
    try:
        session.connection.run(of.insert, (known, now.iso, now.iso, acl, stored))
    except Taken as taken:
        raise duplicate(of, taken, known) from taken
    return result


def update(session: Session, op: Update, caller: Caller) -> Result:
    """Who may write and not read an object learns nothing about it: every condition fails, no field is answered."""
    class_name, known = op.class_name, op.id
    of = session.schema.seen_by(caller).find(class_name)
    row = session.connection.row(
        f"SELECT seq, created_at, updated_at, acl, json(doc) FROM {of.table} WHERE id = ?",
        (known,),
    )
    if row is None or not grants(row[3], caller, Right.WRITE):
        raise missing(class_name, known)
    seq, created_at, updated_at, acl, text = row
    readable = grants(acl, caller, Right.READ)
    if op.where is not None:
        sql = FilterSql(session.schema, caller)
        rows = sql.rows(of)
        source = sql.source(rows, op.where)
        if session.connection.row(f"SELECT 1 FROM {source} AND {rows.alias}.seq = {sql.bind(seq)}", sql.values) is None:
            raise unmet(class_name, known)
    edit = Edit(ClassColumns(session, class_name, private=caller.trusted), orjson.loads(text))
    edit.acl = orjson.loads(acl) if acl is not None else None
    edit.apply(op.changes)
    of = session.schema.classes[class_name]
    now = session.clock.now()
    if now.iso < updated_at:  # the clock went back, or another machine's is ahead: an update is not undone by that
        now = Date(updated_at)
    stored, acl = _stored(edit), _stored_acl(edit)
    result = Result(id=known, updated_at=now)
    if readable or grants(acl, caller, Right.READ):
        result.created_at = Date(created_at)
        result.object = _answer(edit, op.returning, of, (known, created_at, now.iso, acl))
    elif op.returning is not Returning.NOTHING:
        result.object = {}
    if edit.members or edit.emptied:
        _change_members(session, known, edit)
    try:
        session.connection.run(of.update, (now.iso, acl, stored, seq))
    except Taken as taken:
        raise duplicate(of, taken, known) from taken
    return result


def _stored(edit: Edit) -> str:
    stored = write_json(edit.doc)
    if len(stored) > LARGEST_OBJECT:
        raise GatewayError(Code.OBJECT_TOO_LARGE, f"an object has at most {LARGEST_OBJECT} bytes of JSON")
    return stored.decode()


def _stored_acl(edit: Edit) -> str | None:
    return write_json(edit.acl).decode() if edit.acl is not None else None


def _answer(
    edit: Edit, returning: Returning, of: ClassSchema, system: tuple[str, str, str, str | None]
) -> Fields | None:
    if returning is Returning.NOTHING:
        return None
    if returning is Returning.EVERYTHING:
        return _object(of, *system, edit.doc)
    if returning is Returning.COMPUTED and not edit.computed:
        return {}
    return edit.answer(returning, of)


def _change_members(session: Session, owner: str, edit: Edit) -> None:
    session.guard()
    for column in edit.emptied:
        session.connection.run("DELETE FROM member WHERE field = ? AND owner = ?", (column.id, owner))
    for column, adding, ids in edit.members:
        chosen = write_json(ids).decode()
        if adding:
            session.connection.run(
                "INSERT OR IGNORE INTO member(field, owner, member) SELECT ?, ?, value FROM json_each(?)",
                (column.id, owner, chosen),
            )
        else:
            session.connection.run(
                "DELETE FROM member WHERE field = ? AND owner = ? AND member IN (SELECT value FROM json_each(?))",
                (column.id, owner, chosen),
            )


def duplicate(of: ClassSchema, taken: Taken, known: str) -> GatewayError:
    for index in of.indexes:
        if index.name == taken.index or index.fields == (taken.index,):
            field = ",".join(index.fields)
            return GatewayError(
                Code.DUPLICATE_VALUE,
                f"an object of {of.name} has the same value of {field} already",
                class_name=of.name,
                field=field,
                id=known,
            )
    return GatewayError(
        Code.DUPLICATE_VALUE, f"the id {known!r} is taken in {of.name}", class_name=of.name, field=ID, id=known
    )


def delete(session: Session, op: Delete, caller: Caller) -> Result:
    """A condition is asked of objects that the caller may read, so to who may only write one it fails."""
    of = session.schema.seen_by(caller).find(op.class_name)
    session.guard()
    sql, chosen = _to_delete(session, of, op.ids, caller, op.where)
    gone = [known for (known,) in session.connection.rows(f"DELETE FROM {chosen} RETURNING id", sql.values)]
    if not gone and not op.missing_ok:
        first = op.ids[0] if op.ids else ""
        sql, chosen = _to_delete(session, of, op.ids, caller, None)
        there = op.where is not None and session.connection.row(f"SELECT 1 FROM {chosen}", sql.values)
        raise unmet(op.class_name, first) if there else missing(op.class_name, first)
    _forget_members(session, of, gone)
    return Result()


def _to_delete(
    session: Session, of: ClassSchema, ids: Sequence[str], caller: Caller, where: Filter | None
) -> tuple[FilterSql, str]:
    sql = FilterSql(session.schema, caller)
    rows = sql.rows(of)
    source = f"{rows.table} WHERE {sql.granted(rows, Right.WRITE)}"
    if where is not None:
        source += f" AND {sql.condition(rows, where)}"
    wanted = sql.bind(write_json(ids).decode())
    return sql, f"{source} AND {rows.alias}.id IN (SELECT value FROM json_each({wanted}))"


def _forget_members(session: Session, of: ClassSchema, gone: list[str]) -> None:
    """Of relations that the objects had, and that had them: an object of the same id later is another object."""
    ids = write_json(gone).decode()
    own = tuple(column.id for column in of.columns.values() if column.type.kind is Kind.RELATION)
    for side, columns in (("owner", own), ("member", session.schema.relations_to.get(of.name, ()))):
        for field in columns:
            session.connection.run(
                f"DELETE FROM member WHERE field = ? AND {side} IN (SELECT value FROM json_each(?))",
                (field, ids),
            )


# reading


def get(session: Session, op: Get, caller: Caller) -> Result:
    of = session.schema.seen_by(caller).find(op.class_name)
    row = session.connection.row(of.get, (op.id,))
    if row is None:
        raise missing(op.class_name, op.id)
    return shown_object(session, of, row, op, caller)


def shown_object(session: Session, of: ClassSchema, row: Sequence[Any], op: Get, caller: Caller) -> Result:
    """Of a row of `ClassSchema.get`. Raises GatewayError(OBJECT_NOT_FOUND) where the caller may not read it."""
    if not grants(row[3], caller, Right.READ):
        raise missing(op.class_name, op.id)
    fields = read_object(of, row, with_acl=op.with_acl)
    if op.include or op.exclude or op.select is not None:
        (fields,) = _shown(session, of, [fields], op, caller)
    return Result(object=fields)


def _shown(
    session: Session, of: ClassSchema, objects: list[Fields], op: Get | Find | Scan, caller: Caller
) -> list[Fields]:
    if not isinstance(op, Scan) and (paths := op.include + included_by(op.select)):
        include(objects, paths, of, lambda name, ids: _by_id(session, name, ids, caller, with_acl=op.with_acl))
    if op.select is not None:
        objects = select(objects, op.select)
    return exclude(objects, op.exclude) if op.exclude else objects


def _by_id(
    session: Session, class_name: str, ids: Iterable[str], caller: Caller, *, with_acl: bool
) -> dict[str, Fields]:
    of = session.schema.seen_by(caller).classes.get(class_name)
    if of is None:
        return {}
    sql = FilterSql(session.schema, caller)
    rows = sql.rows(of)
    source = sql.source(rows, None)
    wanted = sql.bind(write_json(list(ids)).decode())
    text = f"SELECT {of.select.format(rows.alias)} FROM {source}"
    text += f" AND {rows.alias}.id IN (SELECT value FROM json_each({wanted}))"
    return {row[0]: read_object(of, row, with_acl=with_acl) for row in session.connection.rows(text, sql.values)}


def find(session: Session, op: Find, caller: Caller) -> Result:
    of = session.schema.seen_by(caller).find(op.class_name)
    result = Result()
    if op.redirect_key is not None:
        of = _redirected(session.schema.seen_by(caller), of, op.redirect_key)
        result.class_name = of.name
    result.objects = []
    if op.limit != 0:
        sql = FilterSql(session.schema, caller)
        rows = sql.rows(of)
        source = sql.source(rows, op.where)
        order = sql.order(rows, op.order, op.where)
        page = f"FROM {source} ORDER BY {order} {sql.page(op.limit, op.skip)}"
        text = f"SELECT {of.select.format(rows.alias)} {page}"
        if order != f"{rows.alias}.seq":
            # where it sorts, SQLite would write the JSON of every match before it knows which are on the page;
            # a CROSS JOIN keeps the order of its left side: https://sqlite.org/optoverview.html#crossjoin
            shown = sql.rows(of)
            chosen = f"SELECT {rows.alias}.seq AS chosen {page}"
            text = f"SELECT {of.select.format(shown.alias)} FROM ({chosen}) CROSS JOIN {shown.table}"
            text += f" ON {shown.alias}.seq = chosen"
        objects = [read_object(of, row, with_acl=op.with_acl) for row in session.connection.rows(text, sql.values)]
        result.objects = _shown(session, of, objects, op, caller)
    if op.count:
        result.total = _count(session, of, op.where, caller)
    return result


def _count(session: Session, of: ClassSchema, where: Filter | None, caller: Caller) -> int:
    sql = FilterSql(session.schema, caller)
    source = sql.source(sql.rows(of), where)
    # a parameter that is always used comes last: SQLite takes no more of them than the highest number in the text
    row = session.connection.row(f"SELECT count(*) FROM {source} LIMIT {sql.bind(1)}", sql.values)
    assert row is not None
    total: int = row[0]
    return total


def _redirected(schema: Schema, of: ClassSchema, key: str) -> ClassSchema:
    column = of.columns.get(key)
    if column is None or column.type.target is None:
        raise GatewayError(
            Code.BAD_QUERY, f"{of.name}.{key} is no relation or pointer to query the class of", field=key
        )
    return schema.find(column.type.target)


def scan(session: Session, op: Scan, caller: Caller) -> Result:
    of = session.schema.seen_by(caller).find(op.class_name)
    if op.limit < 1:
        raise GatewayError(Code.BAD_QUERY, "a page of a scan has at least one object")
    now_ms = session.clock.now_ms()
    sql = FilterSql(session.schema, caller)
    rows = sql.rows(of)
    source = sql.source(rows, op.where)
    key = sql.sort_key(rows, op.key.field) or "NULL"
    if op.cursor is not None:
        source += f" AND {_behind(sql, rows, key, op.key, read_cursor(session.secret, op, op.cursor, now_ms))}"
    order = f"{key} DESC" if op.key.descending else key
    text = f"SELECT {of.select.format(rows.alias)}, {key} FROM {source} ORDER BY {order}, {rows.alias}.id {sql.page(op.limit, 0)}"  # noqa: E501
    found = session.connection.rows(text, sql.values)
    objects = [read_object(of, row, with_acl=op.with_acl) for row in found]
    result = Result(objects=_shown(session, of, objects, op, caller))
    if len(found) == op.limit:
        result.cursor = write_cursor(session.secret, op, Position(found[-1][5], found[-1][0]), now_ms)
    return result


def _behind(sql: FilterSql, rows: Rows, key: str, sort: Sort, last: Position) -> str:
    """Strictly after a row, by key and then by id; nulls come first, descending last."""
    later = f"{rows.alias}.id > {sql.bind(last.id)}"
    if last.key is None:
        return f"({key} IS NULL AND {later})" if sort.descending else f"({key} IS NOT NULL OR {later})"
    at = sql.bind(last.key)
    if not sort.descending:
        return f"({key} >= {at} AND ({key} > {at} OR {later}))"
    return f"({key} IS NULL OR ({key} <= {at} AND ({key} < {at} OR {later})))"


def server_time(session: Session, _op: ServerTime, _caller: Caller) -> Result:
    return Result(moment=session.clock.now())


# several


def batch(session: Session, op: Batch, caller: Caller) -> Result:
    if len(op.items) > MOST_ITEMS:
        raise GatewayError(Code.BAD_BATCH, f"a batch has at most {MOST_ITEMS} items")
    if op.names and len(op.names) != len(op.items):
        raise GatewayError(Code.BAD_BATCH, "a batch names all of its items, or none")
    if any(isinstance(item, Batch) for item in op.items):
        raise GatewayError(Code.BAD_BATCH, "a batch cannot be an item of a batch")
    if writes(op):
        session.guard()
    known: dict[str, str] = {}
    answers: list[Result | GatewayError] = []
    for at, item in enumerate(op.items):
        try:
            with session.savepoint("item") if type(item) in WRITES else nullcontext():
                answer = session.execute(_with_pointers(item, known) if op.names else item, caller)
        except GatewayError as error:
            # time is the whole batch's: a read that was stopped here runs again, where it has more of it
            if op.atomic or error.code is Code.TIMEOUT:
                raise
            answers.append(error)
            continue
        answers.append(answer)
        name = op.names[at] if op.names else None
        found = _id_of(item, answer)
        if name is not None and found is not None:
            known[name] = found
    return Result(items=answers)


def _id_of(item: Operation, answer: Result) -> str | None:
    if answer.id is not None:
        return answer.id
    fields = answer.object or (answer.objects[0] if answer.objects else {})
    found = fields.get(ID)
    return found if found is not None else getattr(item, "id", None)


def _with_pointers(item: Operation, known: Mapping[str, str]) -> Operation:
    """The item with pointers in the place of references. One to an item that has not run, or failed, is BAD_BATCH."""
    if not isinstance(item, Create | Update):
        return item
    return replace(item, changes={name: _resolved(change, known) for name, change in item.changes.items()})


def _resolved(change: Change, known: Mapping[str, str]) -> Change:
    match change:
        case Set(value) | SetOnInsert(value):
            return type(change)(_pointed(value, known))
        case Add(values) | AddUnique(values) | Remove(values):
            return type(change)(tuple(_pointed(value, known) for value in values))
        case AddRelation(members) | RemoveRelation(members):
            return type(change)(tuple(_pointed(member, known) for member in members))
        case Several(changes):
            return Several(tuple(_resolved(each, known) for each in changes))
    return change


def _pointed(value: Value, known: Mapping[str, str]) -> Value:
    match value:
        case Reference(item, class_name):
            found = known.get(item)
            if found is None:
                raise GatewayError(
                    Code.BAD_BATCH, f"no item {item!r} that made an object comes before this one", name=item
                )
            return Pointer(class_name, found)
        case list() | tuple():
            return [_pointed(part, known) for part in value]
        case dict():
            return {name: _pointed(part, known) for name, part in value.items()}
    return value


EXECUTE: Final[Mapping[type[Operation], Callable[[Session, Any, Caller], Result]]] = {
    Create: create,
    Get: get,
    Update: update,
    Delete: delete,
    Find: find,
    Scan: scan,
    ServerTime: server_time,
    Batch: batch,
}
