"""Every operation that the store knows, and what carries it out; and a batch of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any, Final

from gateway.errors import Code, GatewayError
from gateway.model.operation import (
    Batch,
    Caller,
    CountInGroup,
    Create,
    CreateMany,
    DeepSave,
    Deferred,
    Delete,
    DeleteMany,
    Find,
    FindGroups,
    FindRelated,
    Get,
    Operation,
    Relate,
    Result,
    Scan,
    ServerTime,
    Update,
    UpdateMany,
    Upsert,
)
from gateway.model.permission import Permit, PermitAll, PermitClass
from gateway.store.deep_save import deep_save
from gateway.store.definitions import DEFINE, DEFINING
from gateway.store.groups import count_in_group, find_groups
from gateway.store.many import create_many, delete_part, update_part, whole
from gateway.store.objects import create, delete, server_time, update, upsert
from gateway.store.permit import permit, permit_all, permit_class
from gateway.store.reading import find, find_related, get, scan
from gateway.store.references import Answers
from gateway.store.relate import relate
from gateway.store.session import Session

Act = Callable[[Session, Any, Caller], Result]

WRITE: Final[Mapping[type[Operation], Act]] = {
    Create: create,
    Update: update,
    Delete: delete,
    Upsert: upsert,
    CreateMany: create_many,
    UpdateMany: whole(update_part),
    DeleteMany: whole(delete_part),
    Relate: relate,
    DeepSave: deep_save,
    Permit: permit,
    PermitAll: permit_all,
    PermitClass: permit_class,
}

READ: Final[Mapping[type[Operation], Act]] = {
    Get: get,
    Find: find,
    FindRelated: find_related,
    FindGroups: find_groups,
    CountInGroup: count_in_group,
    Scan: scan,
    ServerTime: server_time,
}

WRITES: Final = frozenset(WRITE) | DEFINING

MOST_ITEMS: Final = 1000

MOST_MADE: Final = 10_000
"""Objects that the items of one batch make: the writer has others to look after as well."""


def writes(op: Operation) -> bool:
    if isinstance(op, Deferred):
        op = op.item
    return type(op) in WRITES or (isinstance(op, Batch) and any(map(writes, op.items)))


def execute(session: Session, op: Operation, caller: Caller) -> Result:
    """Raises GatewayError; what was written before it is to be rolled back."""
    act = EXECUTE.get(type(op))
    if act is None:
        raise GatewayError(Code.UNSUPPORTED, f"the embedded store has no {type(op).__name__.lower()}")
    return act(session, op, caller)


def batch(session: Session, op: Batch, caller: Caller) -> Result:
    if len(op.items) > MOST_ITEMS:
        raise GatewayError(Code.BAD_BATCH, f"a batch has at most {MOST_ITEMS} items")
    if op.names and len(op.names) != len(op.items):
        raise GatewayError(Code.BAD_BATCH, "a batch names all of its items, or none")
    if any(isinstance(item.item if isinstance(item, Deferred) else item, Batch | Deferred) for item in op.items):
        raise GatewayError(Code.BAD_BATCH, "a batch cannot be an item of a batch")
    if sum(len(item.objects) if isinstance(item, CreateMany) else 1 for item in op.items) > MOST_MADE:
        raise GatewayError(Code.BAD_BATCH, f"a batch makes at most {MOST_MADE} objects")
    if writes(op):
        session.guard()
    with session.fixed(op.fixed_schema):
        return Result(items=_answers(session, op, caller))


def _answers(session: Session, op: Batch, caller: Caller) -> list[Result | GatewayError]:
    known = Answers(session)
    answers: list[Result | GatewayError] = []
    for at, item in enumerate(op.items):
        try:
            # of an atomic one everything is undone together
            with session.savepoint("item") if writes(item) and not op.atomic else nullcontext():
                answer = execute(
                    session, known.resolved(item) if op.names or isinstance(item, Deferred) else item, caller
                )
        except GatewayError as error:
            if op.atomic:
                raise error.at(at) from error
            # time is the whole batch's: a read that was stopped here runs again, where it has more of it
            if error.code is Code.TIMEOUT:
                raise
            answers.append(error)
            continue
        answers.append(answer)
        if op.names and (name := op.names[at]) is not None:
            known.add(name, item.item if isinstance(item, Deferred) else item, answer)
    return answers


EXECUTE: Final[Mapping[type[Operation], Act]] = {**WRITE, **READ, Batch: batch, **DEFINE}
