"""Rows that a query computes: of groups, and each different row once.

What a row has must be the same for all objects of its group: what it is grouped by, an aggregate, or, where `@id` is
among the keys, anything of that one object. The rest is refused, as by MySQL (ONLY_FULL_GROUP_BY), for it would be the
value of just any object.

The names of values are a client's. In SQL they are numbered: `c0` is what a value is shown as, `k0` what tells it from
others, `o0` what it sorts by.
"""

# ruff: noqa: S608 (SQL is put together here: of identifiers that were checked, numbers of our own, and parameters)

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, Final

from gateway.errors import Code, GatewayError
from gateway.model.operation import Caller, Find
from gateway.model.query import (
    Aggregated,
    And,
    Arithmetic,
    Call,
    Column,
    Comparison,
    Expression,
    Filter,
    JsonPath,
    Not,
    Or,
    Sort,
)
from gateway.model.schema import Action, Kind
from gateway.model.values import ID, Fields
from gateway.store.connection import SqlValue
from gateway.store.expression_sql import Expressions, Operand
from gateway.store.filter_sql import FilterSql
from gateway.store.schema import ClassSchema, Schema

MOST_VALUES: Final = 200
"""In a row. SQLite has at most 2000 columns, and each of ours may be three."""


def computes_rows(op: Find) -> bool:
    """Whether the answer has rows and no objects; whole objects are different from each other anyway."""
    if op.group_by or (op.distinct and op.select is not None) or op.having is not None:
        return True
    return bool(op.outputs) and any(_has_aggregate(output.value) for output in op.outputs)


def _has_aggregate(expression: Expression) -> bool:
    return any(isinstance(part, Aggregated) for part in _parts(expression))


def _parts(expression: Expression) -> Iterator[Expression]:
    """The expression and what is in it, but not in an aggregate."""
    yield expression
    match expression:
        case Arithmetic(_, left, right):
            yield from _parts(left)
            yield from _parts(right)
        case Call(_, arguments):
            for argument in arguments:
                yield from _parts(argument)


class ComputedRows:
    """The statements of one such query. Raises GatewayError(BAD_QUERY, BAD_FIELD_NAME)."""

    def __init__(self, schema: Schema, caller: Caller, of: ClassSchema, op: Find, action: Action) -> None:
        self._op = op
        self._schema = schema.seen_by(caller)
        self._sql = FilterSql(schema, caller)
        self._rows = self._sql.rows(of, action)
        self._expressions = Expressions(self._sql, self._rows, single=True)
        self._computed = {output.name: output.value for output in op.outputs}
        selected = op.select if op.select is not None else op.group_by
        self._shown = [name for name in dict.fromkeys((*selected, *self._computed)) if name not in op.exclude]
        self._having = self._named(op.having) if op.having is not None else None
        self._sorts = [(self._name_of(sort), sort.descending) for sort in op.order]
        self._grouped = bool(op.group_by) or any(map(_has_aggregate, self._computed.values()))
        if op.having is not None and not self._grouped and not (op.distinct and op.select is not None):
            raise GatewayError(Code.BAD_QUERY, "having is asked of groups, and there are none")
        self._values: dict[str, Operand] = {}
        self._sorted: set[str] = set()
        self._keys = [self._value(name).key for name in op.group_by]
        for name in (*self._shown, *self._computed):
            self._value(name)
        self._order = self._ordered()

    def page(self) -> tuple[str, Sequence[SqlValue]]:
        """A statement that gives the shown values, in their order, of the rows of the page."""
        # the inner query comes first: what is asked of its rows needs to know their values
        source = self._source()
        known = list(self._values)
        columns = ", ".join(f"g.c{known.index(name)}" for name in self._shown) or "NULL"
        text = f"SELECT {columns} FROM {source} ORDER BY {self._order} {self._sql.page(self._op.limit, self._op.skip)}"
        return text, self._sql.values

    def count(self) -> tuple[str, Sequence[SqlValue]]:
        return f"SELECT count(*) FROM (SELECT 1 FROM {self._source()}) LIMIT {self._sql.bind(1)}", self._sql.values

    def read(self, row: Sequence[Any]) -> Fields:
        return {name: self._values[name].read(stored) for name, stored in zip(self._shown, row, strict=False)}

    def _source(self) -> str:
        op, sql, rows = self._op, self._sql, self._rows
        columns = []
        for at, (name, value) in enumerate(self._values.items()):
            columns.append(f"{value.shown} AS c{at}")
            if op.distinct or name in op.group_by:
                columns.append(f"{value.key} AS k{at}")
            if name in self._sorted:
                columns.append(f"{value.order} AS o{at}")
        columns.append(f"min({rows.alias}.seq) AS age" if self._grouped else f"{rows.alias}.seq AS age")
        condition = sql.condition(rows, op.where)
        inner = f"SELECT {', '.join(columns)} FROM {rows.table}{self._expressions.joins.outer} WHERE {condition}"
        if self._keys:
            inner += f" GROUP BY {', '.join(self._keys)}"
        source = f"({inner}) AS g"
        if self._having is not None:
            named = {name: value.named(f"g.c{at}") for at, (name, value) in enumerate(self._values.items())}
            source += f" WHERE {sql.where(replace(rows, alias='g', named=named), self._having)}"
        if op.distinct:
            known = list(self._values)
            source += f" GROUP BY {', '.join(f'g.k{known.index(name)}' for name in self._shown) or 'NULL'}"
        return source

    # what a row has

    def _value(self, name: str) -> Operand:
        if name not in self._values:
            if len(self._values) >= MOST_VALUES:
                raise GatewayError(Code.BAD_QUERY, f"a row has at most {MOST_VALUES} values")
            expression = self._computed.get(name, Column(name))
            if self._grouped:
                self._check_grouped(name, expression)
            self._values[name] = self._expressions.operand(expression, aggregates=name not in self._op.group_by)
        return self._values[name]

    def _check_grouped(self, name: str, expression: Expression) -> None:
        group_by = self._op.group_by
        if name in group_by:
            return
        for part in _parts(expression):
            if isinstance(part, Column | JsonPath):
                path = part.path if isinstance(part, Column) else part.field
                if path not in group_by and (ID not in group_by or self._is_of_members(path)):
                    message = f"{name!r} has no one value in a group: group by it, or aggregate it"
                    raise GatewayError(Code.BAD_QUERY, message, field=name)

    def _is_of_members(self, path: str) -> bool:
        """Whether a path goes through a relation, so that one object has many values of it."""
        of: ClassSchema | None = self._rows.of
        for name in path.split("."):
            column = of.columns.get(name) if of is not None else None
            if column is None:
                return False
            if column.type.kind is Kind.RELATION:
                return True
            of = self._schema.classes.get(column.type.target or "")
        return False

    def _ordered(self) -> str:
        op, terms, direction = self._op, [], ""
        for name, descending in self._sorts:
            if name not in (self._shown if op.distinct else self._values):
                if op.distinct or not self._grouped:
                    raise GatewayError(Code.BAD_QUERY, f"different rows cannot be sorted by {name!r}", field=name)
                self._value(name)
            self._sorted.add(name)
            direction = " DESC" if descending else ""
            terms.append(f"g.o{list(self._values).index(name)}{direction}")
        terms.append(("min(g.age)" if op.distinct else "g.age") + direction)
        if self._expressions.joins.members:
            # rows of one object, and groups that begin with it, are of one age
            known = list(self._values)
            terms += [f"g.k{known.index(name)}" for name in (self._shown if op.distinct else op.group_by)]
        return ", ".join(terms)

    def _name_of(self, sort: Sort) -> str:
        """That of an output, where there is one of the value."""
        if sort.value is None:
            return sort.field
        for output in self._op.outputs:
            if output.value == sort.value:
                return output.name
        return self._computed_as(sort.value)

    # what is asked of the rows

    def _named(self, where: Filter) -> Filter:
        """The condition with names in the place of its aggregates, which become values of the rows."""
        match where:
            case And(parts):
                return And(tuple(map(self._named, parts)))
            case Or(parts):
                return Or(tuple(map(self._named, parts)))
            case Not(part):
                return Not(self._named(part))
            case Comparison(left, op, right):
                return Comparison(self._without_aggregates(left), op, self._without_aggregates(right))
        return where

    def _without_aggregates(self, expression: Expression) -> Expression:
        match expression:
            case Aggregated():
                return Column(self._computed_as(expression))
            case Arithmetic(operator, left, right):
                return Arithmetic(operator, self._without_aggregates(left), self._without_aggregates(right))
            case Call(function, arguments):
                return Call(function, tuple(map(self._without_aggregates, arguments)))
        return expression

    def _computed_as(self, expression: Expression) -> str:
        """The name of a value that rows have, and that is not shown."""
        name = next(name for at in count() if (name := f"@value {at}") not in self._computed)
        self._computed[name] = expression
        return name
