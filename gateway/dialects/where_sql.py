"""Conditions, and what goes with them in a query, as texts in the manner of SQL: `age > 10 and name like 'B%'`.

    where, having     name = 'Joe' or address.city in ('Rome', 'Bari') and not created before 1427068800000
    projections       name, age as years, Count(objectId) as total, TIME(created), *
    orders, groups    created desc, name
    expressions       price * 2 - discount

The grammar is that of Backendless' guide, "Search with the Where Clause": the reader stands in `sql_reader`, the writer
in `sql_writer`. Values are what the text says; that a number is a date is known from the columns of a class, as is that
a dotted path leads through pointers. All messages have the position at which a text could not be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gateway.dialects.json_paths import as_field
from gateway.dialects.names import FieldNames
from gateway.dialects.scalars import shown
from gateway.dialects.sql_reader import AGGREGATES, Item, SqlReader
from gateway.dialects.sql_text import write_name, write_number
from gateway.dialects.sql_writer import SqlWriter, unsupported
from gateway.errors import Code, GatewayError
from gateway.model.query import (
    Aggregated,
    Arithmetic,
    Call,
    Column,
    Expression,
    Filter,
    Function,
    JsonPath,
    Literal,
    Output,
    Sort,
)
from gateway.model.update import Compute, Increment

_UNNAMED = {aggregate: name for name, aggregate in AGGREGATES.items()}
_TIME = "Time"
"""Backendless e2e suite: TIME(created) is the property `Time`, Count(objectId) is `count`."""


class WhereSql:
    """The texts of one dialect.

    `null_until` names system fields that the wire tells as null while they equal another one, as Backendless does with
    the time of an update: `{"@updated_at": "@created_at"}`.
    """

    def __init__(self, names: FieldNames, null_until: Mapping[str, str] | None = None) -> None:
        self._names = names
        self._null_until = null_until or {}

    def _reader(self, text: Any, what: str, *, aggregates: bool = False) -> SqlReader:
        if type(text) is not str:
            raise GatewayError(Code.BAD_QUERY, f"{what} must be a text, not {shown(text)}")
        return SqlReader(text, what, self._names, self._null_until, aggregates=aggregates)

    @property
    def _writer(self) -> SqlWriter:
        return SqlWriter(self._names, self._null_until)

    # --- conditions ---

    def read(self, wire: Any) -> Filter | None:
        """A filter, or None for an empty text. Raises GatewayError: BAD_QUERY, UNSUPPORTED, or of a name."""
        return self._filter(wire, "where", aggregates=False)

    def read_having(self, wire: Any) -> Filter | None:
        """The same of the rows of a query: by the names of their values, and by aggregates."""
        return self._filter(wire, "having", aggregates=True)

    def _filter(self, wire: Any, what: str, *, aggregates: bool) -> Filter | None:
        if wire is None or (type(wire) is str and not wire.strip()):
            return None
        return self._reader(wire, what, aggregates=aggregates).filter()

    def write(self, where: Filter) -> str:
        """Raises GatewayError(UNSUPPORTED), with the name of what cannot be said."""
        return self._writer.filter(where)

    # --- projections ---

    def read_props(self, wire: Any) -> dict[str, Any]:
        """`select`, which is None where all fields are asked for, and `outputs`; from a text, or a list of them."""
        select: list[str] = []
        outputs: dict[str, Output] = {}
        everything = False
        for item in self._items(wire, "props", named=True):
            if item.value is None:
                everything = True
            elif isinstance(item.value, Column) and item.word is None and "." not in item.value.path:
                select.append(item.value.path)
            else:
                name = item.word or self._default_name(item)
                output = Output(name, item.value)
                if outputs.setdefault(name, output) != output:
                    raise GatewayError(Code.BAD_QUERY, f"props: two values are called {name!r}: one needs `as`")
        if everything or not (select or outputs):
            return {"select": None, "outputs": tuple(outputs.values())}
        return {"select": tuple(dict.fromkeys(select)), "outputs": tuple(outputs.values())}

    def _default_name(self, item: Item) -> str:
        match item.value:
            case Column(path):
                head, _, last = path.rpartition(".")
                # as MySQL names a column: a related one by itself, anything else as it was written
                return item.wire if "->" in item.wire or not head else self._names.write(last)
            case JsonPath():
                return item.wire
            case Aggregated(aggregate, _):
                return _UNNAMED[aggregate]
            case Call(Function.TIME, _):
                return _TIME
            case _:
                raise GatewayError(Code.BAD_QUERY, f"props: {shown(item.wire)} needs a name, by `as`")

    def write_props(self, values: Mapping[str, Any]) -> str | None:
        """None where everything is asked for, and nothing besides. Raises GatewayError(UNSUPPORTED)."""
        select: tuple[str, ...] | None = values.get("select")
        outputs: tuple[Output, ...] = values.get("outputs") or ()
        if select is None and not outputs:
            return None
        parts = ["*"] if select is None else self._kept(select)
        if not parts and not outputs:
            raise unsupported("no fields at all cannot be asked for here", "select")
        for output in outputs:
            text = self._writer.expression(output.value)
            unnamed = self._default_name(Item(output.value, text, None)) if _has_own_name(output.value) else None
            parts.append(text if output.name == unnamed else f"{text} as {write_name(output.name)}")
        return ", ".join(parts)

    def _kept(self, fields: Iterable[str]) -> list[str]:
        for field in fields:
            if "." in field:
                # it would be answered under a name of its own, and not in its place
                raise unsupported(f"a part of a field cannot be asked for here: {field!r}", field)
        return [self._writer.column(field) for field in fields]

    def read_exclude(self, wire: Any) -> tuple[str, ...]:
        """Fields to leave out, system fields as well."""
        return self._fields(wire, "excludeProps")

    def read_group(self, wire: Any) -> tuple[str, ...]:
        return self._fields(wire, "groupBy")

    def write_fields(self, fields: Iterable[str]) -> str | None:
        """Fields with commas between them: for what the two above read. None for no field."""
        return ", ".join(map(self._writer.column, fields)) or None

    def _fields(self, wire: Any, what: str) -> tuple[str, ...]:
        return tuple(self._field(item, what) for item in self._items(wire, what))

    def _field(self, item: Item, what: str) -> str:
        match item.value:
            case Column(path):
                return path
            case JsonPath(field, steps):
                path_there = as_field(field, steps)
                if path_there is not None:
                    return path_there
        raise GatewayError(Code.UNSUPPORTED, f"{what}: {shown(item.wire)} is no column", name=what)

    # --- orders ---

    def read_sort(self, wire: Any) -> tuple[Sort, ...]:
        """`x desc, count(y)`: the most significant first."""
        found = []
        for item in self._items(wire, "sortBy", ("asc", "desc")):
            descending = item.word == "desc"
            if isinstance(item.value, Aggregated):
                found.append(Sort(_UNNAMED[item.value.aggregate], descending, item.value))
            else:
                found.append(Sort(self._field(item, "sortBy"), descending))
        return tuple(found)

    def write_sort(self, order: Iterable[Sort]) -> str | None:
        return ", ".join(self._write_sort(sort) + (" desc" if sort.descending else "") for sort in order) or None

    def _write_sort(self, sort: Sort) -> str:
        return self._writer.column(sort.field) if sort.value is None else self._writer.expression(sort.value)

    def _items(self, wire: Any, what: str, words: tuple[str, ...] = (), *, named: bool = False) -> Iterator[Item]:
        """What a text lists with commas, or a list of such texts: unit of work has these as lists."""
        for text in wire if isinstance(wire, list | tuple) else (wire,):
            if text is None or (type(text) is str and not text.strip()):
                continue
            yield from self._reader(text, what, aggregates=True).items(words, named=named)

    # --- expressions ---

    def read_computed(self, wire: Any, field: str) -> Increment | Compute:
        """What a field is set to: `age + 1` of the field `age` is an Increment. Of columns and numbers only."""
        found = self._reader(wire, "expression").expression()
        match found:
            case Arithmetic("+" | "-" as sign, Column(path), Literal(by)) if path == field:
                return Increment(by if sign == "+" else -by)
            case Arithmetic("+", Literal(by), Column(path)) if path == field:
                return Increment(by)
        for part in _parts(found):
            if isinstance(part, Call | Aggregated | JsonPath) or (
                isinstance(part, Literal) and type(part.value) not in (int, float)
            ):
                raise GatewayError(
                    Code.UNSUPPORTED, f"expression: only columns, numbers and + - * / are supported, not {shown(wire)}"
                )
        return Compute(found)

    def write_computed(self, change: Increment | Compute, field: str) -> str:
        match change:
            case Compute(expression):
                return self._writer.expression(expression)
            case Increment(by):
                sign = "-" if by < 0 else "+"
                return f"{self._writer.column(field)} {sign} {write_number(abs(by))}"
        raise unsupported(f"{type(change).__name__} is no expression")


def _has_own_name(value: Expression) -> bool:
    match value:
        case Column() | JsonPath() | Aggregated() | Call(Function.TIME, _):
            return True
        case _:
            return False


def _parts(expression: Expression) -> Iterator[Expression]:
    yield expression
    if isinstance(expression, Arithmetic):
        yield from _parts(expression.left)
        yield from _parts(expression.right)
