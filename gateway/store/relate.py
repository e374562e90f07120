"""What stands in a relation, or in a pointer, changed by ids or by a condition on what is to stand there."""

# ruff: noqa: S608 (SQL is put together here: of identifiers that were checked, numbers of our own, and parameters)

from __future__ import annotations

from gateway.errors import Code, GatewayError
from gateway.model.account import SESSION
from gateway.model.operation import Caller, Relate, Relating, Result, Returning, Update
from gateway.model.schema import Action, Kind, Type
from gateway.model.update import Change, Set, Unset
from gateway.model.values import Pointer
from gateway.store.filter_sql import FilterSql
from gateway.store.many import listed
from gateway.store.objects import ClassColumns, held, update
from gateway.store.schema import Column
from gateway.store.session import Session
from gateway.store.spot import FALSE


def relate(session: Session, op: Relate, caller: Caller) -> Result:
    """What the caller cannot read it cannot add, nor take away by name; an id of nothing is passed over, uncounted."""
    session.guard()
    doc, columns = held(session, op.class_name, op.id, op.field, caller)
    column = _column(columns, op)
    chosen = _chosen(session, op, column.type.target or "", caller)
    if column.type.kind is Kind.POINTER:
        total = _point(session, op, column, doc.get(column.name), chosen, caller)
    else:
        total = _change_members(session, op, column, chosen)
        if total or op.how is Relating.SET:
            _write(session, op, None, caller)
    return Result(total=total)


def _column(columns: ClassColumns, op: Relate) -> Column:
    column = columns.known(op.field)
    if op.target is not None:
        return columns.need(op.field, Type(Kind.POINTER if op.single else Kind.RELATION, op.target))
    if column is None:
        columns.check_new(op.field)
        raise columns.no_such(op.field)
    if column.type.kind not in (Kind.POINTER, Kind.RELATION):
        raise columns.mismatch(op.field, column.type, Kind.RELATION)
    return column


Chosen = tuple[FilterSql, str]
"""A query for the ids of objects, and what it was written with."""


def _chosen(session: Session, op: Relate, target: str, caller: Caller) -> Chosen:
    """Of the objects that are meant, those that are there for the caller."""
    sql = FilterSql(session.schema, caller)
    if op.ids is None and op.where is None:
        raise GatewayError(Code.BAD_QUERY, "which objects are meant is to be said, by a condition or by their ids")
    if op.where is not None and target == SESSION and not caller.trusted:
        raise GatewayError(Code.UNSUPPORTED, "sessions are not asked for by a condition here")
    of = session.schema.seen_by(caller).classes.get(target)
    if of is None:
        return sql, f"SELECT NULL AS id WHERE {FALSE}"
    rows = sql.rows(of, Action.FIND if op.where is not None else Action.GET)
    source = sql.source(rows, op.where)
    if op.ids is not None:
        source += f" AND {rows.alias}.id IN (SELECT value FROM json_each({sql.bind(listed(op.ids))}))"
    return sql, f"SELECT {rows.alias}.id AS id FROM {source}"


def _change_members(session: Session, op: Relate, column: Column, chosen: Chosen) -> int:
    run, (sql, ids) = session.connection.run, chosen
    if op.how is Relating.SET:
        run("DELETE FROM member WHERE field = ? AND owner = ?", (column.id, op.id))
    place = f"{sql.bind(column.id)}, {sql.bind(op.id)}"
    if op.how is Relating.REMOVE:
        return run(f"DELETE FROM member WHERE (field, owner) = ({place}) AND member IN ({ids})", sql.values)
    return run(f"INSERT OR IGNORE INTO member(field, owner, member) SELECT {place}, id FROM ({ids})", sql.values)


def _point(session: Session, op: Relate, column: Column, before: str | None, chosen: Chosen, caller: Caller) -> int:
    sql, ids = chosen
    if op.how is Relating.REMOVE:
        there = session.connection.row(f"SELECT 1 FROM ({ids}) WHERE id = {sql.bind(before)}", sql.values)
        if there is None:
            return 0
        _write(session, op, Unset(), caller)
        return 1
    found = session.connection.rows(f"SELECT id FROM ({ids}) LIMIT {sql.bind(2)}", sql.values)
    if len(found) > 1:
        raise GatewayError(
            Code.BAD_VALUE,
            f"{op.field} holds one object, and several are meant",
            class_name=op.class_name,
            field=op.field,
        )
    if found:
        _write(session, op, Set(Pointer(column.type.target or "", found[0][0])), caller)
    elif op.how is Relating.SET:
        _write(session, op, Unset(), caller)
    return len(found)


def _write(session: Session, op: Relate, change: Change | None, caller: Caller) -> None:
    """Also of a relation, whose members stand elsewhere: the object is another one since."""
    changes = {op.field: change} if change is not None else {}
    update(session, Update(class_name=op.class_name, id=op.id, changes=changes, returning=Returning.NOTHING), caller)
