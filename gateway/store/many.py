"""Writes of many objects: all that match, a part of them at a time, or a list."""

# ruff: noqa: S608 (SQL is put together here: of identifiers that were checked, numbers of our own, and parameters)

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from gateway.errors import Code, GatewayError
from gateway.model.operation import (
    Caller,
    Create,
    CreateMany,
    DeleteMany,
    Ids,
    Operation,
    Result,
    Returning,
    Update,
    UpdateMany,
    Upsert,
)
from gateway.model.query import Filter
from gateway.model.schema import Action
from gateway.store.access import Right
from gateway.store.encoding import write_json
from gateway.store.filter_sql import FilterSql
from gateway.store.objects import REWRITTEN, create, forget_members, rewrite, upsert
from gateway.store.schema import ClassSchema
from gateway.store.session import Session

MOST_OBJECTS: Final = 1000
"""That one operation makes."""

ROWS_AT_ONCE: Final = 1000
"""That one job of the writer changes or deletes, before it looks after others that wait: some tens of milliseconds."""


def create_many(session: Session, op: CreateMany, caller: Caller) -> Result:
    if len(op.objects) > MOST_OBJECTS:
        raise GatewayError(Code.BAD_BATCH, f"at most {MOST_OBJECTS} objects are made at once")
    session.guard()
    ids: list[str] = []
    for new in op.objects:
        words: dict[str, Any] = {"class_name": op.class_name, "changes": new.changes, "id": new.id}
        if op.upsert:
            made = upsert(session, Upsert(**words, returning=Returning.NOTHING), caller)
        else:
            made = create(session, Create(**words, returning=Returning.NOTHING), caller)
        assert made.id is not None
        ids.append(made.id)
    return Result(ids=ids)


Part = Callable[[Session, Any, Caller, int], tuple[int, int | None]]
"""Does the next rows behind a number: how many it changed, and the number to go on from; None where none is left."""


def update_part(session: Session, op: UpdateMany, caller: Caller, after: int) -> tuple[int, int | None]:
    session.guard()
    access = session.schema.access(op.class_name, caller)
    if access is not None:
        access.check(Action.UPDATE, caller)
        access.refuse_read_only(op.changes)
    of = session.schema.find_for(caller, op.class_name)
    sql, chosen = _chosen(session, of, op.where, op.ids, caller, after, Action.UPDATE)
    found = [seq for (seq,) in session.connection.rows(chosen, sql.values)]
    # one by one: a thousand documents at once could be more than there is memory
    read = f"SELECT {REWRITTEN.format(of.table)} FROM {of.table} WHERE seq = ?"
    for seq in found:
        row = session.connection.row(read, (seq,))
        assert row is not None
        one = Update(class_name=op.class_name, id=row[1], changes=op.changes, returning=Returning.NOTHING)
        rewrite(session, one, row, caller, access, ())
    return len(found), found[-1] if len(found) == ROWS_AT_ONCE else None


def delete_part(session: Session, op: DeleteMany, caller: Caller, after: int) -> tuple[int, int | None]:
    session.guard()
    of = session.schema.find_for(caller, op.class_name)
    sql, chosen = _chosen(session, of, op.where, op.ids, caller, after, Action.DELETE)
    gone = session.connection.rows(f"DELETE FROM {of.table} WHERE seq IN ({chosen}) RETURNING id, seq", sql.values)
    forget_members(session, of, [known for known, _ in gone])
    return len(gone), max(seq for _, seq in gone) if len(gone) == ROWS_AT_ONCE else None


def _chosen(
    session: Session, of: ClassSchema, where: Filter | None, ids: Ids | None, caller: Caller, after: int, action: Action
) -> tuple[FilterSql, str]:
    """The numbers of the next rows that are meant, and that the caller may write."""
    sql = FilterSql(session.schema, caller)
    rows = sql.rows(of, action)
    right = Right.DELETE if action is Action.DELETE else Right.UPDATE
    source = f"{rows.table} WHERE {sql.granted(rows, right)}"
    if where is not None:
        # a condition is asked of objects that the caller may read, or it would tell of the others
        source += f" AND {sql.condition(replace(rows, action=Action.FIND), where)}"
    if ids is not None:
        source += f" AND {rows.alias}.id IN (SELECT value FROM json_each({sql.bind(listed(ids))}))"
    elif where is None:
        raise GatewayError(Code.BAD_QUERY, "which objects are meant is to be said, by a condition or by their ids")
    source += f" AND {rows.alias}.seq > {sql.bind(after)}"
    return sql, f"SELECT {rows.alias}.seq FROM {source} ORDER BY {rows.alias}.seq LIMIT {sql.bind(ROWS_AT_ONCE)}"


def listed(ids: Ids) -> str:
    """Ids as a list of JSON."""
    if not isinstance(ids, tuple) or not all(isinstance(known, str) for known in ids):
        raise GatewayError(Code.BAD_BATCH, "no earlier item of a batch answers these ids")
    return write_json(ids).decode()


PARTS: Final[Mapping[type[Operation], Part]] = {UpdateMany: update_part, DeleteMany: delete_part}
"""What is done a part at a time where it stands alone: each is durable, and others write in between."""


def whole(part: Part) -> Callable[[Session, Any, Caller], Result]:
    """All of it in one transaction, as an item of a batch."""

    def act(session: Session, op: Any, caller: Caller) -> Result:
        total, after = 0, 0
        at: int | None = 0
        while at is not None:
            after = at
            count, at = part(session, op, caller, after)
            total += count
        return Result(total=total)

    return act
