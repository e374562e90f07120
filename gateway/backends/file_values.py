"""Values that name a file, wherever they stand in what is asked."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.model.operation import DeepSave, Deferred, Operation
from gateway.model.query import And, Condition, Filter, Not, Or
from gateway.model.update import Add, AddUnique, Change, Remove, Set
from gateway.model.values import File, Object, Value


def files_in(op: Operation) -> Iterator[File]:
    """Each file that an operation names in a value, at most as deep as values are."""
    yield from files_written(op)
    where = getattr(op, "where", None)
    if where is not None:
        yield from _asked(where)


def files_written(op: Operation) -> Iterator[File]:
    """Those that are written, and not asked for."""
    if isinstance(op, Deferred):
        op = op.item
    if isinstance(op, DeepSave):
        yield from _inside(op.tree)
    changes = getattr(op, "changes", None)
    if changes:
        for change in changes.values():
            yield from _of(change)
    for new in getattr(op, "objects", ()):
        for change in new.changes.values():
            yield from _of(change)


def _of(change: Change) -> Iterator[File]:
    match change:
        case Set(value):
            yield from _inside(value)
        case Add(values) | AddUnique(values) | Remove(values):
            yield from _inside(values)


def _inside(value: Value) -> Iterator[File]:
    if type(value) is File:
        yield value
    elif type(value) is dict:
        for part in value.values():
            yield from _inside(part)
    elif type(value) is list or type(value) is tuple:
        for part in value:
            yield from _inside(part)
    elif type(value) is Object:
        yield from _inside(value.fields)


def _asked(where: Filter) -> Iterator[File]:
    match where:
        case Condition(_, _, value):
            yield from _inside(value)
        case And(parts) | Or(parts):
            for part in parts:
                yield from _asked(part)
        case Not(part):
            yield from _asked(part)
