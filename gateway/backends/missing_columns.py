"""Queries about columns that nobody has made yet, for a vendor that knows no others: what they mean without them.

Where objects have the fields that they were given, a condition on one that none has is no mistake: it matches what it
matches where a field is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from gateway.backends.columns import ALWAYS_THERE, NOT_COLUMNS, Columns
from gateway.backends.conditions import EVERYTHING, NOTHING, settled, subqueries
from gateway.model.operation import Find
from gateway.model.query import And, Condition, Filter, Not, Op, Or, RelatedTo, Subquery
from gateway.model.values import ID

Classes = Mapping[str, Columns]


def classes_of(op: Find) -> Iterator[str]:
    """Whose columns have to be known."""
    yield op.class_name
    yield from _classes_of(op.where)


def _classes_of(where: Filter | None) -> Iterator[str]:
    for query in subqueries(where):
        yield query.class_name
        yield from _classes_of(query.where)


def without_missing(op: Find, classes: Classes) -> Find:
    """The same query; its condition is NOTHING where nothing can match."""
    columns = classes.get(op.class_name)
    if columns is None:  # the vendor says so itself
        return op
    where = None if op.where is None else _filter(op.where, op.class_name, classes)
    where = op.where if where == op.where else settled(where)
    select = op.select
    if select is not None:
        select = tuple(path for path in select if is_there(path, op.class_name, columns)) or (ID,)
    return replace(
        op,
        where=where,
        order=tuple(
            sort for sort in op.order if sort.value is not None or is_there(sort.field, op.class_name, columns)
        ),
        select=select,
        exclude=tuple(path for path in op.exclude if is_there(path, op.class_name, columns)),
    )


def is_there(path: str, class_name: str, columns: Columns) -> bool:
    """Whether there is such a column, or such a field of every object."""
    head = path.partition(".")[0]
    known = head[:1] == "@" or head in columns or head in ALWAYS_THERE.get(class_name, {})
    return known or head in NOT_COLUMNS.get(class_name, ())


def _filter(where: Filter, class_name: str, classes: Classes) -> Filter:
    columns = classes.get(class_name)
    if columns is None:
        return where
    match where:
        case And(parts):
            return And(tuple(_filter(part, class_name, classes) for part in parts))
        case Or(parts):
            return Or(tuple(_filter(part, class_name, classes) for part in parts))
        case Not(part):
            return Not(_filter(part, class_name, classes))
        case Condition(field, op, value) if not is_there(field, class_name, columns):
            return EVERYTHING if _matches_missing(op, value) else NOTHING
        case Condition(_, _, Subquery(of, inner) as query) if inner is not None:
            return replace(where, value=replace(query, where=_filter(inner, of, classes)))
        case RelatedTo(owner, field) if owner.class_name in classes and field not in classes[owner.class_name]:
            return NOTHING
        case _:
            return where


def _matches_missing(op: Op, value: object) -> bool:
    match op, value:
        case Op.EQ, found:
            return found is None
        case Op.NE, found:
            return found is not None
        case Op.IN, list(values):
            return None in values
        case Op.NOT_IN, list(values):
            return None not in values
        case Op.NOT_IN, _:
            return True
        case Op.EXISTS, found:
            return found is False
        case _:
            return False
