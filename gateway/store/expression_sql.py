"""Expressions as SQL: columns of this and of other classes, what stands inside JSON, arithmetic, functions, aggregates.

As in SQL, what has no value makes everything without a value that is computed of it. Values of different kinds do not
compare, so an expression is asked for its value as one of a kind, which is null where it is of another.
"""

# ruff: noqa: S608 (SQL is put together here: of identifiers that were checked, numbers of our own, and parameters)

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from math import isfinite
from typing import Any, Final, Protocol

import orjson

from gateway.errors import Code, GatewayError
from gateway.model.query import (
    EARTH_RADIUS_KM,
    Aggregate,
    Aggregated,
    Arithmetic,
    Call,
    Column,
    Comparison,
    Expression,
    Function,
    JsonPath,
    Literal,
    Op,
    Wildcard,
)
from gateway.model.schema import Action, Kind, Type
from gateway.model.values import Date, GeoPoint, Pointer, Polygon, Value
from gateway.store.connection import SqlValue
from gateway.store.encoding import (
    CODECS,
    LARGEST_INT,
    SMALLEST_INT,
    column_reader,
    read_nested,
    type_of,
    write_column,
    write_number,
)
from gateway.store.functions import like_pattern
from gateway.store.schema import ClassSchema
from gateway.store.schema import Column as StoredColumn
from gateway.store.spot import (
    FALSE,
    MOST_PARTS,
    SCALARS,
    TRUE,
    Place,
    Rows,
    Spot,
    coordinates,
    either,
    element_of,
    every,
    json_key,
)

DEEPEST_EXPRESSION: Final = 50

MOST_JOINS: Final = 20
"""Other tables that the paths of one query, or of one comparison, lead to. SQLite joins 64."""

MOST_WILDCARDS: Final = 4

SYMBOLS: Final = {Op.EQ: "=", Op.NE: "<>", Op.LT: "<", Op.LE: "<=", Op.GT: ">", Op.GE: ">="}

ORDERED: Final = (Kind.STRING, Kind.NUMBER, Kind.BOOLEAN, Kind.DATE)

OPERATORS: Final = frozenset("+-*/")

METRES: Final = EARTH_RADIUS_KM * 1000


class Statement(Protocol):
    """What an expression needs of the statement that it becomes part of."""

    def bind(self, value: SqlValue) -> str: ...

    def bind_json(self, value: Value) -> str: ...

    def alias(self) -> str: ...

    def rows(self, of: ClassSchema, action: Action) -> Rows: ...

    def class_named(self, name: str | None) -> ClassSchema | None: ...

    def place(self, rows: Rows, field: str) -> Place | None: ...

    def readable(self, rows: Rows) -> str: ...

    def refuse_hidden(self, rows_of: ClassSchema, field: str) -> None: ...

    def refuse_computed(self, rows_of: ClassSchema, field: str) -> None: ...

    def count(self, conditions: int) -> None: ...


class Joins:
    """The rows of other classes that paths lead to, through pointers and relations; each way is gone once.

    What the caller may not read is not there, and `refuse` is asked of each field on the way. `tables` are further
    parts of a FROM, each with its condition.
    """

    def __init__(self, sql: Statement, rows: Rows, refuse: Callable[[ClassSchema, str], None]) -> None:
        self.tables: list[tuple[str, str]] = []
        self.members: list[Rows] = []
        """Of these there may be several for one of the rows."""
        self._sql = sql
        self._rows = rows
        self._refuse = refuse
        self._ways: dict[str, Rows | None] = {}

    def follow(self, path: str) -> tuple[Rows, str] | None:
        """The rows in which a path ends, and what is left of it there; None where it leads to no class that is."""
        rows, way = self._rows, ""
        if rows.named is not None:
            return rows, path
        while True:
            name, dot, rest = path.partition(".")
            column = rows.of.columns.get(name)
            if not dot or column is None or column.type.target is None:
                return rows, path
            way += name + dot
            there = self.enter(rows, column, way)
            if there is None:
                return None
            rows, path = there, rest

    def enter(self, rows: Rows, column: StoredColumn, way: str) -> Rows | None:
        """The objects in a pointer or relation column."""
        if way not in self._ways:
            self._refuse(rows.of, column.name)
            self._ways[way] = self._entered(rows, column)
        return self._ways[way]

    def _entered(self, rows: Rows, column: StoredColumn) -> Rows | None:
        sql = self._sql
        of = sql.class_named(column.type.target)
        if of is None:
            return None
        sql.count(1)
        if len(self.tables) >= MOST_JOINS:
            raise GatewayError(Code.BAD_QUERY, f"the paths of a query lead to at most {MOST_JOINS} other classes")
        there = sql.rows(of, Action.GET)
        readable = sql.readable(there)
        if column.type.kind is Kind.POINTER:
            self.tables.append((there.table, every((f"{there.alias}.id = {rows.column(column.name)}", readable))))
            return there
        member, seen = sql.alias(), sql.rows(of, Action.GET)
        held = f"{member}.field = {sql.bind(column.id)} AND {member}.owner = {rows.alias}.id"
        # in an outer join a member that cannot be seen must not leave a row behind
        found = every((f"{seen.alias}.id = {member}.member", sql.readable(seen)))
        held += f" AND EXISTS (SELECT 1 FROM {seen.table} WHERE {found})"
        self.members.append(there)
        self.tables += [(f"member AS {member}", held), (there.table, f"{there.alias}.id = {member}.member")]
        return there

    def some(self, test: str) -> str:
        """Whether a test passes with some of the rows."""
        if not self.tables or test == FALSE:
            return test
        condition = every((*(condition for _, condition in self.tables), test))
        return f"EXISTS (SELECT 1 FROM {', '.join(table for table, _ in self.tables)} WHERE {condition})"

    @property
    def outer(self) -> str:
        """Behind the table of the rows: what leads nowhere leaves them their one row."""
        return "".join(f" LEFT JOIN {table} ON {condition}" for table, condition in self.tables)


def same_value(stored: Any) -> Value:
    return stored


def read_number(stored: float | None) -> Value:
    """What was computed: a whole number as one, and nothing where it left the range of numbers."""
    if stored is None or not isfinite(stored):
        return None
    return int(stored) if stored == int(stored) and SMALLEST_INT <= stored <= LARGEST_INT else stored


def read_json(stored: str | None) -> Value:
    return read_nested(orjson.loads(stored)) if stored is not None else None


@dataclass(frozen=True, slots=True)
class Operand:
    """An expression in SQL."""

    kinds: Mapping[Kind, str]
    """The value as one of a kind, null where it is none; of pointers with their class."""
    type: Type | None = None
    """None: anything, and `shown` is tagged JSON."""
    shown: str = "NULL"
    """The stored form, as one SQL value that `read` makes a model's value of."""
    read: Callable[[Any], Value] = same_value
    key: str = "NULL"
    """One SQL value that equal values have in common; null for null."""
    order: str = "NULL"
    point: tuple[str, str] | None = None
    ring: str | None = None

    def of(self, kind: Kind) -> str | None:
        return self.kinds.get(kind)

    def named(self, name: str) -> Place:
        """The place where `shown` stands, in rows that have it under this name."""
        if self.type is None:
            word = f"nullif(json_type({name}), 'null')"
            return Place(Spot(None, f"({name} ->> '$')", word, name, name), may_be_list=True)
        if self.type.kind not in SCALARS:
            return Place(Spot(self.type, name, f"nullif(json_type({name}), 'null')", name, name))
        return Place(Spot(self.type, name, f"nullif(typeof({name}), 'null')", "NULL", "NULL"))


NOTHING: Final = Operand({})


def computed(kind: Kind, sql: str) -> Operand:
    """A value that is no field's."""
    read = READERS.get(kind, same_value)
    return Operand({kind: sql}, Type(kind), sql, read, sql, sql)


READERS: Final[Mapping[Kind, Callable[[Any], Value]]] = {
    Kind.NUMBER: read_number,
    Kind.BOOLEAN: lambda stored: None if stored is None else bool(stored),
    Kind.DATE: lambda stored: None if stored is None else Date(stored),
}


def _read_bytes(stored: str | None) -> Value:
    return None if stored is None else CODECS[Kind.BYTES].read(stored)


def _read_typed(column: Type, stored: str | None) -> Value:
    value = orjson.loads(stored) if stored is not None else None
    reader = column_reader(column)
    return value if value is None or reader is None else reader(value)


def operand_of(spot: Spot) -> Operand:
    """What stands at a place that is one value."""
    if spot.type is None:
        kinds = {}
        for kind in (*ORDERED, Kind.POINTER):
            guard, value = spot.operand(kind)
            kinds[kind] = value if guard == TRUE else f"CASE WHEN {guard} THEN {value} END"
        ring = spot.tagged(Kind.POLYGON, arrow="->")
        key = f"canonical('', {spot.json})"
        return Operand(kinds, None, spot.json, read_json, key, spot.scalar, coordinates(spot), ring)
    kind, scalar = spot.type.kind, spot.scalar
    if kind in (Kind.STRING, Kind.NUMBER):
        return Operand({kind: scalar}, spot.type, scalar, same_value, scalar, scalar)
    if kind in READERS:
        return Operand({kind: scalar}, spot.type, scalar, READERS[kind], scalar, scalar)
    if kind is Kind.POINTER:
        return _pointer(spot.type.target or "", scalar)
    if kind is Kind.BYTES:
        return Operand({}, spot.type, scalar, _read_bytes, scalar, scalar)
    if kind in (Kind.OBJECT, Kind.ARRAY):
        return Operand({}, None, spot.json, read_json, f"canonical('', {spot.json})", scalar)
    key = f"canonical('{CODECS[kind].tag}', {spot.json})"
    edge = f"nullif({spot.json}, 'null')" if kind is Kind.POLYGON else None
    return Operand({}, spot.type, spot.json, partial(_read_typed, spot.type), key, scalar, coordinates(spot), edge)


def _pointer(target: str, known: str) -> Operand:
    def read(stored: str | None) -> Value:
        return None if stored is None else Pointer(target, stored)

    column = Type(Kind.POINTER, target)
    return Operand({Kind.POINTER: f"('{target}:' || ({known}))"}, column, known, read, known, known)


class Expressions:
    """The expressions over one class's rows that are computed together.

    Where they are `single`, as in a list of results, each is one value of a row, and a relation has a row for each of
    its members. Else, as in a condition, a path may reach several values (`joins.some`): the elements of a list that it
    goes through, the members of a relation, what a wildcard finds.
    """

    def __init__(self, sql: Statement, rows: Rows, *, single: bool) -> None:
        self.joins = Joins(sql, rows, sql.refuse_computed if single else sql.refuse_hidden)
        self._sql = sql
        self._rows = rows
        self._single = single

    def operand(self, expression: Expression, depth: int = 0, *, aggregates: bool = False) -> Operand:
        """`aggregates` is whether there may be some. Raises GatewayError(BAD_QUERY, BAD_FIELD_NAME)."""
        if depth > DEEPEST_EXPRESSION:
            raise GatewayError(
                Code.BAD_QUERY, f"an expression has at most {DEEPEST_EXPRESSION} parts inside each other"
            )
        self._sql.count(1)
        match expression:
            case Column(path):
                return self._column(path)
            case JsonPath():
                return self._json_path(expression)
            case Literal(value):
                return self._literal(value)
            case Arithmetic(operator, left, right):
                if operator not in OPERATORS:
                    raise GatewayError(Code.BAD_QUERY, f"{operator!r} is none of + - * /")
                sides = [self.operand(side, depth + 1, aggregates=aggregates) for side in (left, right)]
                one, other = (side.of(Kind.NUMBER) for side in sides)
                if one is None or other is None:
                    return NOTHING
                if operator == "/":  # a quotient of whole numbers is no whole number, but SQLite's is
                    one = f"{one} * 1.0"
                return computed(Kind.NUMBER, f"({one} {operator} {other})")
            case Call(function, arguments):
                operands = [self.operand(argument, depth + 1, aggregates=aggregates) for argument in arguments]
                return self._called(function, operands)
            case Aggregated(aggregate, of):
                if not aggregates:
                    raise GatewayError(Code.BAD_QUERY, f"{aggregate} is of groups, and has no place here")
                return _aggregated(aggregate, self.operand(of, depth + 1))

    def _follow(self, path: str) -> tuple[Rows, str] | None:
        led = self.joins.follow(path)
        if led is not None and self._single and led[0].named is None:
            self._sql.refuse_computed(led[0].of, led[1])
        return led

    def _column(self, path: str) -> Operand:
        led = self._follow(path)
        if led is None:
            return NOTHING
        rows, rest = led
        column = rows.of.columns.get(rest) if rows.named is None else None
        if column is not None and column.type.kind is Kind.RELATION:
            members = self.joins.enter(rows, column, path + ".")
            return _pointer(members.of.name, f"{members.alias}.id") if members is not None else NOTHING
        place = self._sql.place(rows, rest)
        if place is None:
            return NOTHING
        if place.each is not None:
            if self._single:
                return NOTHING
            self.joins.tables.append((place.each, TRUE))
        return operand_of(place.spot)

    def _json_path(self, path: JsonPath) -> Operand:
        if len(path.steps) > MOST_PARTS:
            raise GatewayError(Code.BAD_QUERY, f"a path has at most {MOST_PARTS} parts", field=path.field)
        led = self._follow(path.field)
        place = self._sql.place(*led) if led is not None else None
        if place is None or place.each is not None:
            return NOTHING
        spot = place.spot
        if spot.type is not None and spot.type.kind not in (Kind.OBJECT, Kind.ARRAY):
            return NOTHING
        if any(isinstance(step, Wildcard) for step in path.steps):
            return self._wild(path, spot)
        if any(type(step) is int and step < 0 for step in path.steps):
            return NOTHING
        way = "".join(f"[{step}]" if isinstance(step, int) else json_key(step) for step in path.steps)
        at = self._sql.bind(spot.path + way)
        found = f"({spot.base} -> {at})"
        return operand_of(Spot(None, f"({spot.base} ->> {at})", f"json_type({spot.base}, {at})", found, found))

    def _wild(self, path: JsonPath, spot: Spot) -> Operand:
        if sum(isinstance(step, Wildcard) for step in path.steps) > MOST_WILDCARDS:
            raise GatewayError(Code.BAD_QUERY, f"a path has at most {MOST_WILDCARDS} wildcards", field=path.field)
        steps = [[step.value] if isinstance(step, Wildcard) else step for step in path.steps]
        found = f"found_at({spot.json}, {self._sql.bind_json(steps)})"
        if self._single:
            # as MySQL's JSON_EXTRACT: a list of all, or nothing where there is none
            found = f"nullif({found}, '[]')"
            return Operand({}, None, found, read_json, f"canonical('', {found})", found)
        element = self._sql.alias()
        self.joins.tables.append((f"json_each({found}) AS {element}", TRUE))
        return operand_of(element_of(element))

    def _literal(self, value: Value) -> Operand:
        if value is None:
            return NOTHING
        kind = type_of(value).kind
        bind = self._sql.bind
        match value:
            case bool():
                return computed(kind, bind(int(value)))
            case str() | int() | float() | Date():
                return computed(kind, bind(write_column(kind, value)))
            case Pointer(class_name, known):
                bound = bind(CODECS[Kind.POINTER].write(value))
                return Operand({kind: bound}, Type(kind, class_name), bind(known), lambda _: value, bound, bound)
            case GeoPoint(latitude, longitude):
                point = bind(float(write_number(latitude))), bind(float(write_number(longitude)))
                return Operand({}, Type(kind), self._sql.bind_json([]), lambda _: value, point=point)
            case Polygon():
                ring = self._sql.bind_json(write_column(kind, value))
                return Operand({}, Type(kind), ring, lambda _: value, ring, ring, ring=ring)
        return NOTHING

    def _called(self, function: Function, operands: list[Operand]) -> Operand:
        if len(operands) != ARGUMENTS[function]:
            raise GatewayError(Code.BAD_QUERY, f"{function} takes {ARGUMENTS[function]} arguments, not {len(operands)}")
        first = operands[0]
        if function is Function.TIME:
            date = first.of(Kind.DATE)
            return computed(Kind.STRING, f"substr({date}, 12, 8)") if date is not None else NOTHING
        if first.point is None:
            return NOTHING
        latitude, longitude = first.point
        match function:
            case Function.LATITUDE:
                return computed(Kind.NUMBER, latitude)
            case Function.LONGITUDE:
                return computed(Kind.NUMBER, longitude)
            case Function.DISTANCE:
                other = operands[1].point
                return computed(Kind.NUMBER, _metres(first.point, other)) if other is not None else NOTHING
            case Function.WITHIN:
                ring = operands[1].ring
                if ring is None:
                    return NOTHING
                known = f"{latitude} IS NOT NULL AND {ring} IS NOT NULL"
                return computed(Kind.BOOLEAN, f"CASE WHEN {known} THEN inside({ring}, {latitude}, {longitude}) END")


ARGUMENTS: Final[Mapping[Function, int]] = {
    Function.TIME: 1,
    Function.LATITUDE: 1,
    Function.LONGITUDE: 1,
    Function.DISTANCE: 2,
    Function.WITHIN: 2,
}


def _metres(one: tuple[str, str], other: tuple[str, str]) -> str:
    """By the haversine formula, on a sphere."""
    (lat1, lng1), (lat2, lng2) = one, other
    return (
        f"{2 * METRES} * asin(min(1, sqrt(pow(sin((radians({lat1}) - radians({lat2})) / 2), 2)"
        f" + cos(radians({lat1})) * cos(radians({lat2})) * pow(sin((radians({lng1}) - radians({lng2})) / 2), 2))))"
    )


def _aggregated(aggregate: Aggregate, of: Operand) -> Operand:
    """Of JSON, where values of all kinds may stand, numbers are added, and numbers and texts have a least one."""
    if aggregate is Aggregate.COUNT:
        return computed(Kind.NUMBER, f"count({of.key})")
    if aggregate in (Aggregate.SUM, Aggregate.AVERAGE):
        number = of.of(Kind.NUMBER)
        if number is None:
            return computed(Kind.NUMBER, "NULL")
        # the sum() of whole numbers fails where it overflows; total() is a double, and 0 of nothing
        added = f"CASE WHEN count({number}) THEN total({number}) END"
        return computed(Kind.NUMBER, added if aggregate is Aggregate.SUM else f"avg({number})")
    word = "min" if aggregate is Aggregate.MIN else "max"
    if of.type is not None and of.type.kind in ORDERED:
        return computed(of.type.kind, f"{word}({of.kinds[of.type.kind]})")
    number, text = of.of(Kind.NUMBER), of.of(Kind.STRING)
    if number is None or text is None:
        return NOTHING
    # as they sort: every number comes before every text
    found = f"{word}(coalesce({number}, {text}))"
    return Operand({}, None, f"CASE WHEN {found} IS NOT NULL THEN json_quote({found}) END", read_json, found, found)


def comparison_sql(sql: Statement, rows: Rows, where: Comparison) -> str:
    expressions = Expressions(sql, rows, single=rows.named is not None)
    left = expressions.operand(where.left)
    if where.op is Op.LIKE:
        return expressions.joins.some(_like(sql, left, where.right))
    symbol = SYMBOLS.get(where.op)
    if symbol is None:
        raise GatewayError(Code.BAD_QUERY, f"{where.op} does not compare two expressions")
    right = expressions.operand(where.right)
    tests = []
    for kind in (*ORDERED, Kind.POINTER) if where.op in (Op.EQ, Op.NE) else ORDERED:
        one, other = left.of(kind), right.of(kind)
        if one is not None and other is not None:
            tests.append(f"{one} {symbol} {other}")
    return expressions.joins.some(either(tests))


def _like(sql: Statement, left: Operand, right: Expression) -> str:
    if not isinstance(right, Literal) or not isinstance(right.value, str):
        # RE2 is to see a pattern before any row is there to try it on
        raise GatewayError(Code.BAD_QUERY, "the pattern of a LIKE is a text")
    texts = [text for kind in (Kind.STRING, Kind.NUMBER, Kind.DATE) if (text := left.of(kind)) is not None]
    if not texts:
        return FALSE
    text = f"coalesce({', '.join(texts)})" if len(texts) > 1 else texts[0]
    return f"is_like({sql.bind(like_pattern(right.value))}, {text})"
