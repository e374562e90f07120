"""SQL texts read into the model, by recursive descent. Brackets hold conditions and values, so both are one grammar.

SQL knows true, false and unknown; the model's filters match or do not. They are the same at the leaves: a comparison
with a null is unknown, and its negation too, so neither matches. A NOT is therefore pushed down to the leaves, where
`not a > 5` is `a <= 5`, and what excludes nulls says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.dialects.geometry import read_wkt
from gateway.dialects.json_paths import as_field, read_json_path
from gateway.dialects.names import FieldNames
from gateway.dialects.sql_text import DEEPEST, RESERVED, Cursor, Kind, Token
from gateway.errors import GatewayError
from gateway.model.query import (
    EARTH_RADIUS_KM,
    Aggregate,
    Aggregated,
    And,
    Arithmetic,
    Call,
    Circle,
    Column,
    Comparison,
    Condition,
    Expression,
    Filter,
    Function,
    Inverse,
    JsonPath,
    Literal,
    Not,
    Op,
    Or,
    RelatedTo,
    Subquery,
    columns_of,
)
from gateway.model.values import ID, Geometry, GeoPoint, LineString, Polygon

EVERYTHING = And(())
NOTHING = Or(())

EARTH_RADIUS_M = EARTH_RADIUS_KM * 1000
# Backendless guide, "Searching by Distance": what a distance is compared with is in metres, or in one of these
METRES: Mapping[str, float] = {"mi": 1609.344, "km": 1000.0, "ft": 0.3048, "yd": 0.9144}

AGGREGATES: Mapping[str, Aggregate] = {
    "count": Aggregate.COUNT,
    "sum": Aggregate.SUM,
    "avg": Aggregate.AVERAGE,
    "min": Aggregate.MIN,
    "max": Aggregate.MAX,
}
_CONSTANTS = {"true": True, "false": False, "null": None}
COMPARISONS: Mapping[str, Op] = {
    "=": Op.EQ, "!=": Op.NE, "<>": Op.NE, "<": Op.LT, "<=": Op.LE, ">": Op.GT, ">=": Op.GE,
    "=>": Op.GE,  # the Backendless guide has it besides
}  # fmt: skip
COMPLEMENT: Mapping[Op, Op] = {
    Op.EQ: Op.NE, Op.NE: Op.EQ, Op.LT: Op.GE, Op.GE: Op.LT, Op.GT: Op.LE, Op.LE: Op.GT,
}  # fmt: skip
_MIRRORED: Mapping[Op, Op] = {
    Op.EQ: Op.EQ, Op.NE: Op.NE, Op.LT: Op.GT, Op.GT: Op.LT, Op.LE: Op.GE, Op.GE: Op.LE,
}  # fmt: skip
_DATE_WORDS: Mapping[tuple[str, ...], Op] = {
    ("before",): Op.LT,
    ("after",): Op.GT,
    ("at", "or", "before"): Op.LE,
    ("at", "or", "after"): Op.GE,
}
_UNSUPPORTED_WORDS = frozenset({"regexp", "rlike", "match", "sounds", "collate", "xor", "div", "mod"})
_CONDITIONS = (Condition, And, Or, Not, RelatedTo, Inverse, Comparison)


@dataclass(frozen=True, slots=True)
class Inverted:
    """`Table[column].of`: what stands in an object of another class that has the one at hand in that column."""

    class_name: str
    field: str
    of: Expression


@dataclass(frozen=True, slots=True)
class _Joined(Inverse):
    """An Inverse while its text is read. Conditions on one `Table[column]` in one AND are of the same object, as one
    join has it, so they have yet to be put together; and a join that finds nothing is a row of nulls.
    """


Operand = Expression | Inverted
Node = Filter | Operand


@dataclass(frozen=True, slots=True)
class Item:
    """One of several expressions with commas between them, and the word behind it. None stands for `*`."""

    value: Expression | None
    wire: str
    word: str | None


class SqlReader:
    """One text. `null_until` names system fields that are told as null while they equal another one."""

    def __init__(
        self,
        text: str,
        what: str,
        names: FieldNames,
        null_until: Mapping[str, str],
        *,
        aggregates: bool = False,
    ) -> None:
        self._text = text
        self._cursor = Cursor(text, what)
        self._names = names
        self._null_until = null_until
        self._aggregates = aggregates

    # --- what a whole text is ---

    def filter(self) -> Filter:
        node = self._truth(self._either(negated=False), negated=False)
        self._cursor.expect_end("'and', 'or' or the end")
        return _settled(node)

    def expression(self) -> Expression:
        found = self._expression()
        self._cursor.expect_end("an operator or the end")
        return found

    def items(self, words: tuple[str, ...] = (), *, named: bool = False) -> list[Item]:
        """`a, b desc, count(c) as d, *`: one of the words may stand behind an item; with `named` a name, or a `*`."""
        cursor = self._cursor
        found = []
        while True:
            start = cursor.token.start
            if named and cursor.at_sign("*"):
                cursor.next()
                found.append(Item(None, "*", None))
            else:
                value = self._expression()
                wire = self._text[start : cursor.token.start].strip()
                word = None
                if named and cursor.take_words("as"):
                    word = self._name("a name")
                elif any(cursor.at_words(each) for each in words):
                    word = cursor.next().wire.lower()
                found.append(Item(value, wire, word))
            if cursor.take_sign(",") is None:
                cursor.expect_end("a comma or the end")
                return found

    def _expression(self) -> Expression:
        start = self._cursor.token.start
        found = self._sum(negated=False)
        if isinstance(found, _CONDITIONS):
            raise self._cursor.wrong(start, "expected a value, found a condition")
        if isinstance(found, Inverted):
            raise self._cursor.unsupported(start, "an inverted relation is not supported here", found.class_name)
        return found

    # --- conditions ---

    def _either(self, *, negated: bool) -> Node:
        first = self._every(negated=negated)
        if not self._cursor.at_words("or"):
            return first
        parts = [self._truth(first, negated=negated)]
        while self._cursor.take_words("or"):
            parts.append(self._truth(self._every(negated=negated), negated=negated))
        return _all_of(parts) if negated else _any_of(parts)

    def _every(self, *, negated: bool) -> Node:
        first = self._not(negated=negated)
        if not self._cursor.at_words("and"):
            return first
        parts = [self._truth(first, negated=negated)]
        while self._cursor.take_words("and"):
            parts.append(self._truth(self._not(negated=negated), negated=negated))
        return _any_of(parts) if negated else _all_of(parts)

    def _not(self, *, negated: bool) -> Node:
        if not self._cursor.take_words("not"):
            return self._compared(negated=negated)
        with self._cursor.deeper():
            return self._truth(self._not(negated=not negated), negated=not negated)

    def _truth(self, node: Node, *, negated: bool) -> Filter:
        """A node that stands where a condition must."""
        if isinstance(node, _CONDITIONS):
            return node
        if isinstance(node, Literal) and (node.value is None or type(node.value) is bool):
            return EVERYTHING if node.value is (not negated) else NOTHING
        if isinstance(node, Call) and node.function is Function.WITHIN:
            return self._leaf(node, Op.EQ, Literal(value=True), self._cursor.token.start, negated=negated)
        raise self._cursor.expected("a comparison")

    def _compared(self, *, negated: bool) -> Node:
        cursor = self._cursor
        start = cursor.token.start
        left = self._sum(negated=negated)
        if isinstance(left, _CONDITIONS):
            return left
        sign = cursor.take_sign(*COMPARISONS)
        if sign is not None:
            return self._leaf(left, COMPARISONS[sign], self._operand(), start, negated=negated)
        if not cursor.token.word:
            return left
        for words, op in _DATE_WORDS.items():
            if cursor.take_words(*words):
                return self._leaf(left, op, self._operand(), start, negated=negated)
        if cursor.take_words("is"):
            negated ^= cursor.take_words("not")
            if not cursor.take_words("null"):
                raise cursor.expected("null")
            return self._each(left, start, lambda one: self._is_null(one, negated=negated))
        if any(cursor.at_words("not", word) for word in ("like", "in", "between")):
            cursor.next()
            negated = not negated
        if cursor.take_words("like"):
            return self._like(left, start, negated=negated)
        if cursor.take_words("between"):
            return self._between(left, start, negated=negated)
        if cursor.take_words("in"):
            return self._membership(left, start, negated=negated)
        if cursor.token.word in _UNSUPPORTED_WORDS:
            raise cursor.unsupported(
                cursor.token.start, f"{cursor.token.wire} is not supported here", cursor.token.word
            )
        return left

    def _operand(self) -> Operand:
        start = self._cursor.token.start
        found = self._sum(negated=False)
        if isinstance(found, _CONDITIONS):
            raise self._cursor.wrong(start, "expected a value, found a condition")
        return found

    def _each(self, operand: Operand, start: int, make: Callable[[Expression], Filter]) -> Filter:
        """A leaf about an operand. One about an inverted relation is about the other object, which is joined."""
        if isinstance(operand, Inverted):
            return _Joined(operand.class_name, operand.field, make(operand.of))
        if isinstance(operand, Literal):
            raise self._cursor.wrong(start, "expected a column here, found a value")
        return make(operand)

    def _leaf(self, left: Operand, op: Op, right: Operand, start: int, *, negated: bool) -> Filter:
        if negated:
            op = COMPLEMENT[op]
        if isinstance(left, Literal):
            if isinstance(right, Literal):
                return self._constant(left.value, op, right.value, start)
            left, op, right = right, _MIRRORED[op], left
        if isinstance(right, Literal) and right.value is None:
            # Flutter tests of Backendless: `objectId != null`. Anything else with a null is unknown
            if op not in (Op.EQ, Op.NE):
                return NOTHING
            return self._each(left, start, lambda one: self._is_null(one, negated=op is Op.NE))
        if isinstance(right, Inverted) or (isinstance(left, Inverted) and not isinstance(right, Literal)):
            raise self._cursor.unsupported(
                start, "an inverted relation is compared with a value only", "inverted relation"
            )
        return self._each(left, start, lambda one: self._relation(one, op, right))

    def _constant(self, left: Any, op: Op, right: Any, start: int) -> Filter:
        """`1=1`, which asks for everything, and the like."""
        if left is None or right is None:
            return NOTHING
        kinds = {float if type(value) is int else type(value) for value in (left, right)}
        if len(kinds) > 1:
            raise self._cursor.wrong(start, "these two values are of different kinds, and cannot be compared")
        holds = {
            Op.EQ: left == right,
            Op.NE: left != right,
            Op.LT: left < right,
            Op.LE: left <= right,
            Op.GT: left > right,
            Op.GE: left >= right,
        }
        return EVERYTHING if holds[op] else NOTHING

    def _relation(self, left: Expression, op: Op, right: Expression) -> Filter:
        """Two expressions, the right one a value if one of them is, and no null."""
        if left == right and op is Op.EQ:
            return self._is_null(left, negated=True)
        if not isinstance(right, Literal):
            return self._all_told(Comparison(left, op, right))
        match left:
            case Column(path):
                return self._condition(path, op, right.value)
            case Call(Function.DISTANCE, (Column(path), Literal(GeoPoint() as center))) if op in (Op.LT, Op.LE):
                radius = _radians(right.value)
                if radius is not None and op is Op.LT:
                    radius = math.nextafter(radius, 0.0) if radius > 0 else None
                if radius is not None:
                    return Condition(path, Op.WITHIN, Circle(center, radius))
            case Call(Function.WITHIN, arguments) if type(right.value) is bool and op in (Op.EQ, Op.NE):
                return self._spatial(left, arguments, wanted=right.value is (op is Op.EQ))
        return self._all_told(Comparison(left, op, right))

    def _all_told(self, comparison: Comparison) -> Filter:
        found: Filter = comparison
        for path in {*columns_of(comparison.left), *columns_of(comparison.right)}:
            found = self._told(path, found)
        return found

    def _condition(self, field: str, op: Op, value: Any) -> Filter:
        found = Condition(field, op, value)
        if op is Op.NE:
            return _all_of([found, self._is_null(Column(field), negated=True)])
        return self._told(field, found)

    def _told(self, field: str, condition: Filter) -> Filter:
        """A condition that no null may pass, on a field that has a value in the model where the wire has a null."""
        other = self._other(field)
        return condition if other is None else _all_of([condition, Comparison(Column(field), Op.NE, Column(other))])

    def _other(self, field: str) -> str | None:
        head, dot, last = field.rpartition(".")
        other = self._null_until.get(last)
        return None if other is None else head + dot + other

    def _is_null(self, value: Expression, *, negated: bool) -> Filter:
        if not isinstance(value, Column):
            # SQL: equal to itself is whatever is no null
            there = Comparison(value, Op.EQ, value)
            return there if negated else Not(there)
        other = self._other(value.path)
        if other is None:
            return Condition(value.path, Op.NE if negated else Op.EQ, None)
        told = Comparison(value, Op.NE if negated else Op.EQ, Column(other))
        if negated or "." not in value.path:
            return told
        return _any_of([told, Condition(other, Op.EQ, None)])  # the related object may be missing

    def _spatial(self, call: Call, arguments: tuple[Expression, ...], *, wanted: bool) -> Filter:
        match arguments:
            case (Column(path), Literal(Polygon() as area)):
                found: Filter = Condition(path, Op.WITHIN, area)
            case (Literal(GeoPoint() as point), Column(path)):
                found = Condition(path, Op.COVERS, point)
            case _:
                return Comparison(call, Op.EQ, Literal(wanted))
        return found if wanted else _all_of([Not(found), Condition(path, Op.NE, None)])

    def _like(self, left: Operand, start: int, *, negated: bool) -> Filter:
        token = self._cursor.token
        if token.kind is not Kind.TEXT:
            raise self._cursor.expected("a pattern in quotes")
        self._cursor.next()

        def make(value: Expression) -> Filter:
            if isinstance(value, Column):
                found: Filter = Condition(value.path, Op.LIKE, token.value)
            else:
                found = Comparison(value, Op.LIKE, Literal(token.value))
            if negated:
                return _all_of([Not(found), self._is_null(value, negated=True)])
            return self._told(value.path, found) if isinstance(value, Column) else found

        return self._each(left, start, make)

    def _between(self, left: Operand, start: int, *, negated: bool) -> Filter:
        low = self._operand()
        if not self._cursor.take_words("and"):
            raise self._cursor.expected("'and'")
        bounds = [
            self._leaf(left, Op.GE, low, start, negated=negated),
            self._leaf(left, Op.LE, self._operand(), start, negated=negated),
        ]
        return _any_of(bounds) if negated else _all_of(bounds)

    def _membership(self, left: Operand, start: int, *, negated: bool) -> Filter:
        self._cursor.expect_sign("(")
        token = self._cursor.token
        if token.kind is Kind.QUOTED or (token.word and token.word not in RESERVED):
            with self._cursor.deeper():
                query = self._subquery()
            self._cursor.expect_sign(")")
            return self._each(left, start, lambda one: self._in_subquery(one, query, start, negated=negated))
        values = [self._value()]
        while self._cursor.take_sign(","):
            values.append(self._value())
        self._cursor.expect_sign(")")
        return self._each(left, start, lambda one: self._in_list(one, values, negated=negated))

    def _value(self) -> Any:
        start = self._cursor.token.start
        found = self._unary(negated=False)
        if not isinstance(found, Literal):
            raise self._cursor.wrong(start, "expected a value: a list holds no columns and no conditions")
        return found.value

    def _in_list(self, value: Expression, values: list[Any], *, negated: bool) -> Filter:
        known = [one for one in values if one is not None]
        if negated and len(known) < len(values):
            return NOTHING  # SQL: whether a null is different from something is unknown
        if not isinstance(value, Column):
            each = [Comparison(value, Op.NE if negated else Op.EQ, Literal(one)) for one in known]
            return _all_of(each) if negated else _any_of(each)
        if not known:
            return NOTHING
        found = Condition(value.path, Op.NOT_IN if negated else Op.IN, known)
        if negated:
            return _all_of([found, self._is_null(value, negated=True)])
        return self._told(value.path, found)

    def _subquery(self) -> Subquery:
        """`Table[condition].column.column`, and without a condition `Table.column`. Source: Backendless guide."""
        class_name = self._class()
        where: Filter | None = None
        if self._cursor.take_sign("["):
            where = _settled(self._truth(self._either(negated=False), negated=False))
            self._cursor.expect_sign("]")
        self._cursor.expect_sign(".")
        return Subquery(class_name, where, self._path())

    def _in_subquery(self, value: Expression, query: Subquery, start: int, *, negated: bool) -> Filter:
        if not isinstance(value, Column):
            raise self._cursor.unsupported(start, "only a column can be in a subquery", "subquery")
        column, _, last = (query.key or "").rpartition(".")
        if value.path == ID and last == ID and column and "." not in column:
            # objects that stand in a column of those that the subquery finds, be it of one or of several
            found: Filter = Inverse(query.class_name, column, query.where)
            return Not(found) if negated else found
        if negated:
            return _all_of([Condition(value.path, Op.NOT_IN, query), self._is_null(value, negated=True)])
        return self._told(value.path, Condition(value.path, Op.IN, query))

    # --- expressions ---

    def _sum(self, *, negated: bool) -> Node:
        return self._arithmetic(("+", "-"), self._product, negated=negated)

    def _product(self, *, negated: bool) -> Node:
        return self._arithmetic(("*", "/"), self._unary, negated=negated)

    def _arithmetic(self, signs: tuple[str, ...], part: Callable[..., Node], *, negated: bool) -> Node:
        start = self._cursor.token.start
        left = part(negated=negated)
        count = 0
        while (sign := self._cursor.take_sign(*signs)) is not None:
            count += 1
            if count > DEEPEST:  # each is a level of the tree
                raise self._cursor.wrong(start, f"expected {DEEPEST} operators in a row at most")
            left = Arithmetic(sign, self._number(left, start), self._number(part(negated=False), start))
        return left

    def _number(self, node: Node, start: int) -> Expression:
        if isinstance(node, _CONDITIONS):
            raise self._cursor.wrong(start, "expected numbers and columns to reckon with, found a condition")
        if isinstance(node, Inverted):
            raise self._cursor.unsupported(start, "an inverted relation is compared with a value only", node.class_name)
        if isinstance(node, Literal) and type(node.value) not in (int, float):
            raise self._cursor.wrong(
                start, "expected numbers and columns to reckon with, found a value of another kind"
            )
        return node

    def _unary(self, *, negated: bool) -> Node:
        start = self._cursor.token.start
        if self._cursor.take_sign("+"):
            with self._cursor.deeper():
                return self._number(self._unary(negated=False), start)
        if self._cursor.take_sign("-"):
            with self._cursor.deeper():
                of = self._number(self._unary(negated=False), start)
            return Literal(-of.value) if isinstance(of, Literal) else Arithmetic("-", Literal(0), of)
        return self._primary(negated=negated)

    def _primary(self, *, negated: bool) -> Node:
        cursor = self._cursor
        token = cursor.token
        if cursor.take_sign("("):
            with cursor.deeper():
                node = self._either(negated=negated)
            cursor.expect_sign(")")
            return node
        if token.kind in (Kind.TEXT, Kind.NUMBER):
            cursor.next()
            return Literal(token.value)
        if token.word in _CONSTANTS:
            cursor.next()
            return Literal(_CONSTANTS[token.word])
        if token.word and cursor.following.wire == "(" and token.word not in RESERVED:
            return self._call()
        if token.kind is Kind.QUOTED or (token.word and token.word not in RESERVED):
            return self._column()
        raise cursor.expected("a column or a value")

    def _column(self) -> Operand:
        """`a.b`, `a->'$.b[0]'`, `Table[a].b`."""
        cursor = self._cursor
        if cursor.following.kind is Kind.SIGN and cursor.following.wire == "[":
            class_name = self._class()
            cursor.expect_sign("[")
            field = self._path()
            if "." in field or field[:1] == "@":
                raise cursor.unsupported(
                    cursor.token.start, "an inverted relation is of one column", "inverted relation"
                )
            cursor.expect_sign("]")
            cursor.expect_sign(".")
            return Inverted(class_name, field, self._place(self._path()))
        return self._place(self._path())

    def _place(self, path: str) -> Expression:
        """A column, or where an arrow follows what stands inside it."""
        cursor = self._cursor
        if cursor.take_sign("->") is None:
            return Column(path)
        token = cursor.token
        if token.kind is not Kind.TEXT:
            raise cursor.expected("a path in quotes, such as '$.a.b'")
        cursor.next()
        steps = read_json_path(str(token.value), token.start + 1)
        field = as_field(path, steps)
        return Column(field) if field is not None else JsonPath(path, steps)

    def _path(self) -> str:
        """`a.b.c` as a field. A system field may stand at its end; behind a dot it has the name of the model too."""
        start = self._cursor.token.start
        wire = [self._name("a column")]
        while self._cursor.take_sign("."):
            wire.append(self._name("a column"))
        try:
            parts = [self._names.read(part) for part in wire]
        except GatewayError as error:
            raise self._at(start, error) from None
        if any(part[:1] == "@" for part in parts[:-1]) or any("." in part for part in wire):
            raise self._cursor.wrong(start, f"there is nothing like {'.'.join(wire)!r}")
        return ".".join(parts)

    def _class(self) -> str:
        start = self._cursor.token.start
        name = self._name("a table")
        try:
            return self._names.read_class(name)
        except GatewayError as error:
            raise self._at(start, error) from None

    def _at(self, start: int, error: GatewayError) -> GatewayError:
        where = f"{self._cursor.what}, at position {start + 1}"
        return GatewayError(error.code, f"{where}: {error.message}", **error.details, position=str(start + 1))

    def _name(self, expected: str) -> str:
        token = self._cursor.token
        if token.kind is Kind.QUOTED or (token.word and token.word not in RESERVED):
            self._cursor.next()
            return str(token.value)
        raise self._cursor.expected(expected)

    # --- functions ---

    def _call(self) -> Expression:
        cursor = self._cursor
        token = cursor.next()
        name = token.wire.lower()
        cursor.expect_sign("(")
        if name in AGGREGATES:
            return self._aggregate(name, token)
        if name in METRES:
            (amount,) = self._arguments(token, 1)
            return Literal(self._amount(amount, token) * METRES[name])
        match name:
            case "getlat" | "getlon":
                (point,) = self._arguments(token, 1)
                function = Function.LATITUDE if name == "getlat" else Function.LONGITUDE
                return Call(function, (self._a_column(point, token),))
            case "time":
                (date,) = self._arguments(token, 1)
                return Call(Function.TIME, (self._a_column(date, token),))
            case "distance":
                return self._distance(token)
            case "within" | "contains" | "intersects":
                return self._area_call(name, token)
        raise cursor.unsupported(token.start, f"the function {token.wire} is not supported here", token.wire)

    def _arguments(self, token: Token, count: int) -> list[Expression]:
        with self._cursor.deeper():
            found = [self._expression()]
            while self._cursor.take_sign(","):
                found.append(self._expression())
        self._cursor.expect_sign(")")
        if len(found) != count:
            raise self._cursor.wrong(
                token.start, f"{token.wire} takes {count} argument{'s' * (count > 1)}, not {len(found)}"
            )
        return found

    def _aggregate(self, name: str, token: Token) -> Expression:
        cursor = self._cursor
        if not self._aggregates:
            raise cursor.wrong(token.start, f"{token.wire} has no meaning here: an aggregate is of many objects")
        if name == "count" and cursor.take_sign("*"):
            cursor.expect_sign(")")
            return Aggregated(Aggregate.COUNT, Column(ID))  # every object has an id
        if cursor.at_words("distinct"):
            raise cursor.unsupported(cursor.token.start, "DISTINCT in an aggregate is not supported here", "distinct")
        (of,) = self._arguments(token, 1)
        if isinstance(of, Literal | Aggregated):
            raise cursor.wrong(token.start, f"{token.wire} is of a column")
        return Aggregated(AGGREGATES[name], of)

    def _amount(self, value: Expression, token: Token) -> float:
        if isinstance(value, Literal) and type(value.value) in (int, float):
            return float(value.value)
        raise self._cursor.wrong(token.start, f"{token.wire} takes a number here")

    def _a_column(self, value: Expression, token: Token) -> Column:
        if isinstance(value, Column):
            return value
        raise self._cursor.wrong(token.start, f"{token.wire} takes a column")

    def _distance(self, token: Token) -> Expression:
        """`distance(lat, lon, col.latitude, col.longitude)`, in metres; either point may be the column's."""
        pairs = self._arguments(token, 4)
        one, other = (self._place_of(pair[0], pair[1], token) for pair in (pairs[:2], pairs[2:]))
        if isinstance(one, Literal):
            one, other = other, one
        if isinstance(one, Literal):
            raise self._cursor.wrong(token.start, f"{token.wire} takes the latitude and the longitude of a column")
        return Call(Function.DISTANCE, (one, other))

    def _place_of(self, latitude: Expression, longitude: Expression, token: Token) -> Expression:
        match latitude, longitude:
            case Column(lat), Column(lng):
                (field, _, first), (same, _, second) = lat.rpartition("."), lng.rpartition(".")
                if field and field == same and (first, second) == ("latitude", "longitude"):
                    return Column(field)
            case Call(Function.LATITUDE, (Column() as point,)), Call(Function.LONGITUDE, (Column() as also,)):
                if point == also:
                    return point
            case Literal(), Literal():
                place = GeoPoint(self._amount(latitude, token), self._amount(longitude, token))
                if not (-90 <= place.latitude <= 90 and -180 <= place.longitude <= 180):
                    raise self._cursor.wrong(token.start, f"{token.wire} takes latitudes to 90 and longitudes to 180")
                return Literal(place)
        raise self._cursor.wrong(
            token.start, f"{token.wire} takes two points, each two numbers or col.latitude, col.longitude"
        )

    def _area_call(self, name: str, token: Token) -> Expression:
        """Within(point, area), Contains(area, point), Intersects of a point and an area, as one: a point in an area."""
        arguments = [self._geometry(value, token) for value in self._arguments(token, 2)]
        if name == "contains":
            arguments.reverse()
        inner, outer = arguments
        if name == "intersects":
            if _literal_of(outer, GeoPoint):
                inner, outer = outer, inner
            if not _literal_of(inner, GeoPoint):
                raise self._cursor.unsupported(token.start, f"{token.wire} is supported with a POINT only", token.wire)
        if _literal_of(outer, GeoPoint, LineString) or _literal_of(inner, LineString, Polygon):
            raise self._cursor.unsupported(
                token.start, f"{token.wire} is supported for a point and a polygon around it only", token.wire
            )
        if isinstance(inner, Literal) and isinstance(outer, Literal):
            raise self._cursor.wrong(token.start, f"{token.wire} takes a column")
        return Call(Function.WITHIN, (inner, outer))

    def _geometry(self, value: Expression, token: Token) -> Expression:
        if isinstance(value, Column):
            return value
        if isinstance(value, Literal) and type(value.value) is str:
            try:
                found: Geometry = read_wkt(value.value)
            except GatewayError as error:
                raise self._at(token.start, error) from None
            return Literal(found)
        raise self._cursor.wrong(token.start, f"{token.wire} takes columns, and geometries such as 'POINT(lng lat)'")


def _literal_of(value: Expression, *kinds: type) -> bool:
    return isinstance(value, Literal) and isinstance(value.value, kinds)


def _radians(metres: Any) -> float | None:
    return metres / EARTH_RADIUS_M if type(metres) in (int, float) and metres >= 0 else None


# --- filters put together ---


def _all_of(parts: Iterable[Filter]) -> Filter:
    return _together(parts, And)


def _any_of(parts: Iterable[Filter]) -> Filter:
    return _together(parts, Or)


def _together(parts: Iterable[Filter], kind: type[And | Or]) -> Filter:
    """One And or Or, flat; what it says of one `Table[column]` it says of one object of it, at the first's place."""
    kept: list[Filter] = []
    joined: dict[tuple[str, str], tuple[int, list[Filter]]] = {}
    about_nulls, said = (Op.NE if kind is And else Op.EQ), set[str]()
    for part in _flat(parts, kind):
        if isinstance(part, _Joined):
            key = (part.class_name, part.field)
            if key not in joined:
                joined[key] = (len(kept), [])
                kept.append(part)
            assert part.where is not None
            joined[key][1].append(part.where)
            continue
        if isinstance(part, Condition) and part.op is about_nulls and part.value is None:
            if part.field in said:
                continue
            said.add(part.field)
        kept.append(part)
    for (class_name, field), (at, wheres) in joined.items():
        kept[at] = _Joined(class_name, field, _together(wheres, kind))
    return kept[0] if len(kept) == 1 else kind(tuple(kept))


def _flat(parts: Iterable[Filter], kind: type[And | Or]) -> Iterable[Filter]:
    for part in parts:
        if isinstance(part, kind):
            yield from part.parts  # flat itself, as it was put together in the same way
        else:
            yield part


def _settled(where: Filter) -> Filter:
    """The joins as the model has them: a left join without a partner is a row of nulls, which a condition may want."""
    match where:
        case And(parts):
            return _all_of(map(_settled, parts))
        case Or(parts):
            return _any_of(map(_settled, parts))
        case _Joined(class_name, field, inner):
            assert inner is not None
            if not passes_nulls(inner):
                return Inverse(class_name, field, _without_existence(inner))
            nobody = Not(Inverse(class_name, field))
            if inner == Condition(ID, Op.EQ, None):
                return nobody
            return Or((nobody, Inverse(class_name, field, inner)))
        case _:
            return where


def passes_nulls(where: Filter) -> bool:
    """Whether an object without any value would match."""
    match where:
        case And(parts):
            return all(map(passes_nulls, parts))
        case Or(parts):
            return any(map(passes_nulls, parts))
        case Not(Inverse() | RelatedTo()):
            return False  # about its id, which is null as well
        case Not(part):
            return not passes_nulls(part)
        case Condition(_, op, value):
            match op:
                case Op.EQ:
                    return value is None
                case Op.NE:
                    return value is not None
                case Op.IN:
                    return isinstance(value, list) and None in value
                case Op.NOT_IN:
                    return not isinstance(value, list) or None not in value
                case Op.EXISTS:
                    return value is False
                case _:
                    return False
        case _:
            return False


def _without_existence(where: Filter) -> Filter | None:
    """A condition on an object that is there need not say that it is."""
    there = Condition(ID, Op.NE, None)
    if where == there:
        return None
    if isinstance(where, And) and there in where.parts:
        return _all_of(part for part in where.parts if part != there)
    return where
