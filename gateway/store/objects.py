"""Operations on objects, carried out on one connection: what the writer, the readers and a batch have in common.

Everything here is synchronous and knows no threads. Who calls holds a transaction where more than one statement must
see the same state.
"""

# ruff: noqa: S608 (SQL is put together here: of identifiers that were checked, numbers of our own, and parameters)

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

import orjson

from gateway.errors import Code, GatewayError
from gateway.model.account import USER
from gateway.model.operation import (
    Caller,
    Create,
    Delete,
    Result,
    Returning,
    ServerTime,
    Update,
    Upsert,
)
from gateway.model.query import Filter
from gateway.model.schema import Action, Kind, Type
from gateway.model.update import (
    Set,
    Unset,
)
from gateway.model.values import ACL, ID, Date, Fields
from gateway.store.access import Access, Right, filled, grants, names_user_in, says_more
from gateway.store.changes import Doc, Edit
from gateway.store.connection import Taken
from gateway.store.definitions import BUILT_IN
from gateway.store.encoding import write_json
from gateway.store.filter_sql import FilterSql
from gateway.store.reading import fill_nulls, missing, object_of, read_object
from gateway.store.schema import ClassSchema, Column, add_column, check_class_name, check_field_name
from gateway.store.session import Session

LARGEST_OBJECT: Final = 16 * 1024 * 1024
"""In bytes of JSON; MongoDB's limit, and so LeanCloud's and Parse's."""

REWRITTEN: Final = "{0}.seq, {0}.id, {0}.created_at, {0}.updated_at, {0}.acl, json({0}.doc), {0}.owner"

LONGEST_ID: Final = 1024
"""In bytes. Nobody's ids are near it; it keeps indexes and cursors small."""

PHONE_FIELDS: Final = ("mobilePhoneNumber", "mobilePhoneVerified")
"""That users of some vendors have from the beginning, so that a new one adds no field."""


class ClassColumns:
    """The columns of a class under write: what a change needs is made, or found to be of another type."""

    def __init__(
        self, session: Session, class_name: str, *, private: bool, may_add: Callable[[], None] | None = None
    ) -> None:
        """`private` is whether a column may point to private classes. `may_add` raises where none may be made."""
        self._session = session
        self._class_name = class_name
        self._private = private
        self._may_add = may_add
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
            self.check_new(name)
            if self._may_add is not None:
                self._may_add()
            session.guard()
            session.schema = add_column(session.connection, session.schema, owner, name, kind)
            self._columns = session.schema.classes[self._class_name].columns
            return self._columns[name]
        if column.type is not kind and column.type != kind:
            raise self.mismatch(name, column.type, kind)
        return column

    def check_new(self, name: str) -> None:
        check_field_name(name)
        if self._session.has_fixed_schema:
            raise self.no_such(name)

    def no_such(self, name: str) -> GatewayError:
        return GatewayError(
            Code.NO_SUCH_COLUMN,
            f"there is no column {name!r} in {self._class_name}",
            class_name=self._class_name,
            field=name,
        )

    def mismatch(self, name: str, expected: object, found: object) -> GatewayError:
        return GatewayError(
            Code.TYPE_MISMATCH,
            f"schema mismatch for {self._class_name}.{name}; expected {expected} but got {found}",
            class_name=self._class_name,
            field=name,
            expected=str(expected),
            found=str(found),
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
    access = session.schema.access(class_name, caller)
    named: tuple[str, ...] = ()
    may_add: Callable[[], None] | None = None
    if access is not None:
        named = access.check(Action.CREATE, caller)
        access.refuse_read_only(op.changes)
        may_add = partial(_check, access, Action.ADD_FIELD, caller, creating=True)
    if class_name not in session.schema.classes:
        session.schema.refuse_new(class_name, caller)
    of = session.made_class(class_name, private=caller.trusted)
    edit = Edit(ClassColumns(session, class_name, private=caller.trusted, may_add=may_add), {}, creating=True)
    edit.apply(op.changes)
    if of.defaults or of.required:
        _complete(of, edit)
        _refuse_empty(of, edit, of.required)
    given_acl = _default_acl(session, class_name, edit, op, caller)
    now = session.clock.now()
    known = new_id(session.clock.now_ms()) if op.id is None else op.id
    if not known:
        raise GatewayError(Code.MISSING_ID, "an id cannot be empty", class_name=class_name)
    if len(known.encode("utf-8", "replace")) > LONGEST_ID:
        raise GatewayError(Code.BAD_VALUE, f"an id has at most {LONGEST_ID} bytes", class_name=class_name)
    of = session.schema.classes[class_name]
    stored = _stored(edit)
    acl = _stored_acl(edit)
    made_at, changed_at = op.times if op.times is not None and caller.trusted else (now, now)
    result = Result(id=known, created_at=made_at, updated_at=changed_at)
    owner = known if class_name == USER else caller.user_id  # a user is its own
    result.object = _answer(edit, op, of, (known, made_at.iso, changed_at.iso, acl), owner)
    if given_acl is not None and op.returning is Returning.COMPUTED:
        result.object = {**(result.object or {}), ACL: given_acl}
    if access is not None and (named or access.hides):
        whole = object_of(of, known, made_at.iso, changed_at.iso, acl, orjson.loads(stored), owner)
        if not names_user_in(whole, named, caller):
            raise access.refusal(Action.CREATE)
        if result.object:
            access.hide_in(result.object, whole, caller)
    if edit.members:
        _change_members(session, known, edit)
    try:
        session.connection.run(of.insert, (known, made_at.iso, changed_at.iso, acl, stored, owner))
    except Taken as taken:
        raise duplicate(of, taken, known) from taken
    return result


def update(session: Session, op: Update, caller: Caller) -> Result:
    """Who may write and not read an object learns nothing about it: every condition fails, no field is answered."""
    class_name, known = op.class_name, op.id
    access = session.schema.access(class_name, caller)
    named: tuple[str, ...] = ()
    if access is not None:
        named = access.check(Action.UPDATE, caller)
        access.refuse_read_only(op.changes)
    of = session.schema.find_for(caller, class_name)
    row = session.connection.row(f"SELECT {REWRITTEN.format(of.table)} FROM {of.table} WHERE id = ?", (known,))
    if row is None or not grants(row[4], caller, Right.UPDATE):
        raise missing(class_name, known)
    return rewrite(session, op, row, caller, access, named)


def rewrite(
    session: Session, op: Update, row: Sequence[Any], caller: Caller, access: Access | None, named: tuple[str, ...]
) -> Result:
    """Changes the object of a row of `REWRITTEN`, which the caller may write as far as its list says."""
    class_name, known = op.class_name, op.id
    of = session.schema.classes[class_name]
    seq, _, created_at, updated_at, acl, text, owner = row
    readable = grants(acl, caller, Right.READ)
    may_get = True
    may_add: Callable[[], None] | None = None
    if access is not None:
        before = object_of(of, known, created_at, updated_at, acl, orjson.loads(text), owner)
        if not names_user_in(before, named, caller):
            raise missing(class_name, known)
        may_get = _permits(access, Action.GET, before, caller)
        may_add = partial(_check, access, Action.ADD_FIELD, caller, before)
    if op.where is not None:
        sql = FilterSql(session.schema, caller)
        rows = sql.rows(of, Action.GET)
        source = sql.source(rows, op.where)
        if session.connection.row(f"SELECT 1 FROM {source} AND {rows.alias}.seq = {sql.bind(seq)}", sql.values) is None:
            raise unmet(class_name, known)
    columns = ClassColumns(session, class_name, private=caller.trusted, may_add=may_add)
    edit = Edit(columns, orjson.loads(text), before=text)
    edit.acl = orjson.loads(acl) if acl is not None else None
    edit.keeps_denials = acl is not None and says_more(acl)
    edit.apply(op.changes)
    if of.required:
        _refuse_empty(of, edit, of.required.intersection(name.partition(".")[0] for name in op.changes))
    of = session.schema.classes[class_name]
    now = session.clock.now()
    if now.iso <= updated_at:
        # the clock went back, or another machine's is ahead, or both were within a millisecond: an update is later all
        # the same, so that what was never updated is told from what was
        now = Date.from_ms(Date(updated_at).ms + 1)
    stored, acl = _stored(edit), _stored_acl(edit)
    result = Result(id=known, updated_at=now)
    if may_get and (readable or grants(acl, caller, Right.READ)):
        result.created_at = Date(created_at)
        result.object = _answer(edit, op, of, (known, created_at, now.iso, acl), owner)
        if access is not None and access.hides and result.object:
            whole = object_of(of, known, created_at, now.iso, acl, orjson.loads(stored), owner)
            access.hide_in(result.object, whole, caller)
    elif op.returning is not Returning.NOTHING:
        result.object = {}
    if edit.members or edit.emptied:
        _change_members(session, known, edit)
    try:
        session.connection.run(of.update, (now.iso, acl, stored, seq))
    except Taken as taken:
        raise duplicate(of, taken, known) from taken
    return result


def held(session: Session, class_name: str, known: str, field: str, caller: Caller) -> tuple[Doc, ClassColumns]:
    """The document of an object that the caller may read, and whose field it may write, and the columns of its class.

    Raises GatewayError as an update does, and OBJECT_NOT_FOUND for who may write it and not read it.
    """
    access = session.schema.access(class_name, caller)
    named: tuple[str, ...] = ()
    may_add: Callable[[], None] | None = None
    if access is not None:
        named = access.check(Action.UPDATE, caller)
        access.refuse_read_only({field: Unset()})
    of = session.schema.find_for(caller, class_name)
    row = session.connection.row(f"SELECT {REWRITTEN.format(of.table)} FROM {of.table} WHERE id = ?", (known,))
    if row is None or not (grants(row[4], caller, Right.UPDATE) and grants(row[4], caller, Right.READ)):
        raise missing(class_name, known)
    if access is not None:
        _, _, created_at, updated_at, acl, text, owner = row
        whole = object_of(of, known, created_at, updated_at, acl, orjson.loads(text), owner)
        if not (names_user_in(whole, named, caller) and _permits(access, Action.GET, whole, caller)):
            raise missing(class_name, known)
        may_add = partial(_check, access, Action.ADD_FIELD, caller, whole)
    doc: Doc = orjson.loads(row[5])
    return doc, ClassColumns(session, class_name, private=caller.trusted, may_add=may_add)


def upsert(session: Session, op: Upsert, caller: Caller) -> Result:
    """An object that is there, and that the caller may not write, is an id that is taken."""
    words: dict[str, Any] = {
        "class_name": op.class_name,
        "changes": op.changes,
        "returning": op.returning,
        "nulls": op.nulls,
    }
    of = session.schema.seen_by(caller).classes.get(op.class_name)
    row = None
    if of is not None and op.id is not None:
        row = session.connection.row(f"SELECT acl FROM {of.table} WHERE id = ?", (op.id,))
    if of is None or op.id is None or row is None:
        return create(session, Create(**words, id=op.id), caller)
    if not grants(row[0], caller, Right.UPDATE):
        raise duplicate(of, Taken(ID), op.id)
    result = update(session, Update(**words, id=op.id), caller)
    result.created = False
    return result


def _check(
    access: Access, action: Action, caller: Caller, whole: Fields | None = None, *, creating: bool = False
) -> None:
    """Raises GatewayError where a class does not permit something with this object."""
    if not names_user_in(whole or {}, access.check(action, caller, creating=creating), caller):
        raise access.refusal(action)


def _permits(access: Access, action: Action, whole: Fields, caller: Caller) -> bool:
    try:
        _check(access, action, caller, whole)
    except GatewayError:
        return False
    return True


def permit(session: Session, op: Create | Update | Delete, caller: Caller) -> None:
    """Whether a caller may have done what the gateway is to do in its place, with a class that it has rules for."""
    access = session.schema.access(op.class_name, caller)
    if access is None:
        return
    action = {Create: Action.CREATE, Update: Action.UPDATE, Delete: Action.DELETE}[type(op)]
    named = access.check(action, caller)
    of = session.schema.public.classes.get(op.class_name)
    ids = op.ids if isinstance(op, Delete) else () if isinstance(op, Create) else (op.id,)
    wholes = []
    for known in ids:
        row = session.connection.row(of.get, (known,)) if of is not None else None
        whole = read_object(of, row) if of is not None and row is not None else {}
        if not names_user_in(whole, named, caller):
            raise missing(op.class_name, known)
        wholes.append(whole)
    if isinstance(op, Delete):
        return
    access.refuse_read_only(op.changes)
    if isinstance(op, Create) and named:
        told = {name: change.value for name, change in op.changes.items() if isinstance(change, Set)}
        if not names_user_in(told, named, caller):
            raise access.refusal(action)
    built_in = {*BUILT_IN.get(op.class_name, {}), *PHONE_FIELDS}
    for path, change in op.changes.items():
        name = path.partition(".")[0]
        makes_none = isinstance(change, Unset) or (isinstance(change, Set) and change.value is None)
        if not (makes_none or name.startswith("@") or name in built_in or (of is not None and name in of.columns)):
            _check(access, Action.ADD_FIELD, caller, *wholes, creating=isinstance(op, Create))


def _complete(of: ClassSchema, edit: Edit) -> None:
    """Parse Server: what was not sent, or is taken away at once, has the column's default; a null stays one."""
    for name, default in of.defaults:
        if name not in edit.doc:
            edit.doc[name] = orjson.loads(write_json(default))  # its own: an object's lists and objects are changed
            edit.touched.append(name)
            edit.computed.append(name)


def _refuse_empty(of: ClassSchema, edit: Edit, names: Iterable[str]) -> None:
    for name in names:
        if edit.doc.get(name) in (None, ""):  # Parse Server, `setRequiredFieldsIfNeeded`: an empty text is none
            raise GatewayError(Code.MISSING_VALUE, f"{name} is required", class_name=of.name, field=name)


def _default_acl(session: Session, class_name: str, edit: Edit, op: Create, caller: Caller) -> dict[str, Any] | None:
    """The list of an object that is created without one, where its class has one for that; the master's as well."""
    if caller.trusted or ACL in op.changes:
        return None
    access = session.schema.access_of(caller.app).get(class_name)
    if access is None or access.default_acl is None:
        return None
    edit.acl = filled(access.default_acl, caller)
    return edit.acl


def _stored(edit: Edit) -> str:
    stored = write_json(edit.doc)
    if len(stored) > LARGEST_OBJECT:
        raise GatewayError(Code.OBJECT_TOO_LARGE, f"an object has at most {LARGEST_OBJECT} bytes of JSON")
    return stored.decode()


def _stored_acl(edit: Edit) -> str | None:
    return write_json(edit.acl).decode() if edit.acl is not None else None


def _answer(
    edit: Edit, op: Create | Update, of: ClassSchema, system: tuple[str, str, str, str | None], owner: str | None
) -> Fields | None:
    returning = op.returning
    if returning is Returning.NOTHING:
        return None
    if returning is Returning.EVERYTHING:
        fields = object_of(of, *system, edit.doc, owner)
        if op.nulls:
            fill_nulls(of, (fields,))
        return fields
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
    of = session.schema.find_for(caller, op.class_name)
    session.guard()
    sql, chosen = _to_delete(session, of, op.ids, caller, op.where)
    gone = [known for (known,) in session.connection.rows(f"DELETE FROM {chosen} RETURNING id", sql.values)]
    if not gone and not op.missing_ok:
        first = op.ids[0] if op.ids else ""
        sql, chosen = _to_delete(session, of, op.ids, caller, None)
        there = op.where is not None and session.connection.row(f"SELECT 1 FROM {chosen}", sql.values)
        raise unmet(op.class_name, first) if there else missing(op.class_name, first)
    forget_members(session, of, gone)
    return Result()


def _to_delete(
    session: Session, of: ClassSchema, ids: Sequence[str], caller: Caller, where: Filter | None
) -> tuple[FilterSql, str]:
    sql = FilterSql(session.schema, caller)
    rows = sql.rows(of, Action.DELETE)
    source = f"{rows.table} WHERE {sql.granted(rows, Right.DELETE)}"
    if where is not None:
        source += f" AND {sql.condition(replace(rows, action=Action.GET), where)}"
    wanted = sql.bind(write_json(ids).decode())
    return sql, f"{source} AND {rows.alias}.id IN (SELECT value FROM json_each({wanted}))"


def forget_members(session: Session, of: ClassSchema, gone: list[str]) -> None:
    """Of relations that the objects had, and that had them: an object of the same id later is another object."""
    ids = write_json(gone).decode()
    own = tuple(column.id for column in of.columns.values() if column.type.kind is Kind.RELATION)
    for side, columns in (("owner", own), ("member", session.schema.relations_to.get(of.name, ()))):
        for field in columns:
            session.connection.run(
                f"DELETE FROM member WHERE field = ? AND {side} IN (SELECT value FROM json_each(?))",
                (field, ids),
            )


def server_time(session: Session, _op: ServerTime, _caller: Caller) -> Result:
    return Result(moment=session.clock.now())
