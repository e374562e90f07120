"""The model's filters and expressions as SQL texts: what `sql_reader` reads, said so that it reads as the same.

In the model a filter matches or does not, and what it does not match its Not does; in SQL a null is neither. So where a
null matches it is said: `(a != 5 or a is null)`; unless something beside it excludes nulls already.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from gateway.dialects.geometry import write_wkt
from gateway.dialects.json_paths import write_json_path
from gateway.dialects.names import FieldNames
from gateway.dialects.sql_reader import AGGREGATES, COMPLEMENT, EARTH_RADIUS_M, passes_nulls
from gateway.dialects.sql_text import write_name, write_number, write_text
from gateway.errors import Code, GatewayError
from gateway.model.query import (
    Aggregated,
    And,
    Arithmetic,
    Box,
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
    Near,
    Not,
    Op,
    Or,
    Regex,
    RelatedTo,
    Subquery,
    Wildcard,
    columns_of,
)
from gateway.model.values import CREATED_AT, ID, Date, File, GeoPoint, LineString, Pointer, Polygon

_SIGNS: Mapping[Op, str] = {
    Op.EQ: "=", Op.NE: "!=", Op.LT: "<", Op.LE: "<=", Op.GT: ">", Op.GE: ">=",
}  # fmt: skip
_AGGREGATE_NAMES = {aggregate: name.capitalize() for name, aggregate in AGGREGATES.items()}
_NEVER_NULL = frozenset({ID, CREATED_AT})
_OPPOSITES: Mapping[Op, Op] = {Op.EQ: Op.NE, Op.NE: Op.EQ, Op.IN: Op.NOT_IN, Op.NOT_IN: Op.IN}
_JOINED_OPS = frozenset({Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE, Op.IN, Op.NOT_IN, Op.EXISTS, Op.LIKE})


def unsupported(message: str, name: str = "") -> GatewayError:
    return GatewayError(Code.UNSUPPORTED, message, name=name)


class _Said(NamedTuple):
    """A piece of text, and how tightly its parts hold together."""

    text: str
    binds: int

    def inside(self, binds: int) -> str:
        return self.text if self.binds >= binds else f"({self.text})"


_OR, _AND, _LEAF = 0, 1, 2
_SUM, _PRODUCT, _ATOM = 0, 1, 2
_EVERYTHING = _Said("1 = 1", _LEAF)
_NOTHING = _Said("1 = 0", _LEAF)


def _either(*parts: _Said) -> _Said:
    return parts[0] if len(parts) == 1 else _Said(" or ".join(part.inside(_OR) for part in parts), _OR)


def _both(*parts: _Said) -> _Said:
    return parts[0] if len(parts) == 1 else _Said(" and ".join(part.inside(_AND) for part in parts), _AND)


class SqlWriter:
    """Texts about the objects of one class. `prefix` stands before each column where they are another table's."""

    def __init__(self, names: FieldNames, null_until: Mapping[str, str], prefix: str = "") -> None:
        self._names = names
        self._null_until = null_until
        self._prefix = prefix
        self._joined: set[tuple[str, str]] = set()

    def filter(self, where: Filter) -> str:
        """Raises GatewayError(UNSUPPORTED), with the name of what cannot be said."""
        return self._say(pushed(where)).text

    def _say(self, where: Filter) -> _Said:
        match where:
            case And(parts):
                return self._all_of(list(_flat(parts)))
            case Or(parts):
                return _either(*map(self._say, parts)) if parts else _NOTHING
            case Not(part):
                return self._leaf(part, negated=True)
            case _:
                return self._leaf(where)

    def _all_of(self, parts: list[Filter]) -> _Said:
        """What is not null needs no word about nulls beside it; and that it is none is said by such a condition."""
        guards = {guarded for part in parts if (guarded := self._guarded(part)) is not None}
        told: set[Expression] = set()
        said: list[tuple[Filter, _Said]] = []
        for part in parts:
            inner, negated = (part.part, True) if isinstance(part, Not) else (part, False)
            about = self._about(inner, negated=negated)
            if about and self._guarded(part) is None and guards.issuperset(about):
                said.append((part, self._leaf(inner, negated=negated, nulls=False)))
                told.update(about)
            else:
                said.append((part, self._say(part)))
        kept = [each for part, each in said if self._guarded(part) not in told or self._guarded(part) is None]
        return _both(*kept) if kept else _EVERYTHING

    def _guarded(self, where: Filter) -> Expression | None:
        """What this condition only says of is that it is not null."""
        match where:
            case Condition(field, Op.NE, None) if self._other(field) is None:
                return Column(field)
            case Comparison(Column(field) as column, Op.NE, Column(other)) if self._other(field) == other:
                return column
            case Comparison(left, Op.EQ, right) if left == right and not isinstance(left, Literal):
                return left
            case _:
                return None

    def _about(self, where: Filter, *, negated: bool) -> set[Expression]:
        """What must not be null, for this condition to be said without a word about nulls."""
        if self._guarded(where) is not None:
            return set()  # it is the word about nulls
        match where:
            case Condition(field, op, value):
                if op is Op.EXISTS or value is None or (isinstance(value, list) and not _known(value)):
                    return set()  # said without the column, or of its nulls
                matches_null = negated or op is Op.NE or (op is Op.NOT_IN and not _has_null(value))
                return {Column(field)} if matches_null or self._other(field) is not None else set()
            case Comparison(left, op, right):
                if op is Op.EQ and self._is_late(left, right):
                    return set()
                both: set[Expression] = {side for side in (left, right) if not isinstance(side, Literal)}
                told: set[Expression] = {
                    Column(path) for side in (left, right) for path in columns_of(side) if self._other(path)
                }
                return both | told if negated else told
            case _:
                return set()

    def _other(self, field: str) -> str | None:
        head, dot, last = field.rpartition(".")
        other = self._null_until.get(last)
        return None if other is None else head + dot + other

    # --- leaves ---

    def _leaf(self, where: Filter, *, negated: bool = False, nulls: bool = True) -> _Said:
        """With `nulls` the text has to say what becomes of them; else they are excluded already."""
        match where:
            case Condition(field, op, value):
                other = self._other(field)
                if other is not None:
                    return self._told_late(field, other, where, negated=negated, nulls=nulls)
                said, matches_null = self._condition(field, op, value, negated=negated)
                if matches_null and nulls and field not in _NEVER_NULL:
                    return _either(said, self._null(self._subject(field, value)))
                return said
            case Comparison():
                return self._comparison(where, negated=negated, nulls=nulls)
            case Inverse(class_name, field, inner):
                return self._inverse(class_name, field, inner, negated=negated)
            case RelatedTo(owner, field):
                return self._inverse(owner.class_name, field, Condition(ID, Op.EQ, owner.id), negated=negated)
            case And() | Or() | Not():
                raise AssertionError("a Not was pushed to the leaves")

    def _told_late(self, field: str, other: str, where: Condition, *, negated: bool, nulls: bool) -> _Said:
        """A field that is never null, and on the wire is while it equals another: then the other one is asked."""
        related = "." in field  # then the object that has both may be missing
        if where.value is None or where.op is Op.EXISTS:
            if related:
                return self._condition(other, where.op, where.value, negated=negated)[0]
            return _EVERYTHING if passes_nulls(where) is negated else _NOTHING
        value = _known(where.value) if isinstance(where.value, list) and not related else where.value
        now, matches_null = self._condition(field, where.op, value, negated=negated)
        if not nulls or now in (_EVERYTHING, _NOTHING):
            return now
        until, _ = self._condition(other, where.op, value, negated=negated)
        late = _both(self._null(self.column(field)), until)
        if related and matches_null:
            return _either(now, late, self._null(self.column(other)))
        return _either(now, late)

    def _is_late(self, left: Expression, right: Expression) -> bool:
        """Whether two columns are equal while the wire has a null for one of them."""
        match left, right:
            case Column(one), Column(two):
                return two == self._other(one) or one == self._other(two)
            case _:
                return False

    def _null(self, column: str, *, negated: bool = False) -> _Said:
        return _Said(f"{column} is not null" if negated else f"{column} is null", _LEAF)

    def _subject(self, field: str, value: Any) -> str:
        """The column that a condition asks. A pointer is told by the id of what it points to."""
        of = value if isinstance(value, list) else [value]
        if any(isinstance(one, Pointer) for one in of) or (isinstance(value, Subquery) and value.key is None):
            if not all(isinstance(one, Pointer | None | Subquery) for one in of) or field[:1] == "@":
                raise unsupported(f"pointers and other values cannot be told together (on {field!r})", field)
            return self.column(f"{field}.{ID}")
        return self.column(field)

    def _condition(self, field: str, op: Op, value: Any, *, negated: bool) -> tuple[_Said, bool]:
        """A text that is true for no null, and whether a null matches."""
        column = self._subject(field, value)
        match op:
            case Op.EQ | Op.NE if value is None:
                return self._null(column, negated=op is Op.NE), False
            case Op.EXISTS:
                return self._null(column, negated=value is not negated), False
            case Op.EQ | Op.NE | Op.LT | Op.LE | Op.GT | Op.GE:
                sign = _SIGNS[COMPLEMENT[op] if negated else op]
                return _Said(f"{column} {sign} {self._value(value, field)}", _LEAF), negated or op is Op.NE
            case Op.LIKE | Op.REGEX:
                pattern = like_of(value, field) if isinstance(value, Regex) else value
                return _Said(f"{column} {'not like' if negated else 'like'} {write_text(pattern)}", _LEAF), negated
            case Op.IN | Op.NOT_IN:
                return self._membership(field, column, op, value)
            case Op.WITHIN | Op.NEAR | Op.COVERS:
                return self._place(field, value, negated=negated), negated
            case _:
                raise unsupported(f"there is no operator for {op.value!r} here (on {field!r})", op.value)

    def _membership(self, field: str, column: str, op: Op, value: Any) -> tuple[_Said, bool]:
        word = "in" if op is Op.IN else "not in"
        if isinstance(value, Subquery):
            return _Said(f"{column} {word} ({self._subquery(value)})", _LEAF), op is Op.NOT_IN
        known = ", ".join(self._value(one, field) for one in _known(value))
        is_null = self._null(column, negated=op is Op.NOT_IN)
        if not known:
            if _has_null(value):
                return is_null, False
            return (_NOTHING, False) if op is Op.IN else (_EVERYTHING, False)
        said = _Said(f"{column} {word} ({known})", _LEAF)
        if not _has_null(value):
            return said, op is Op.NOT_IN
        return (_either(said, is_null), False) if op is Op.IN else (said, False)

    def _subquery(self, query: Subquery) -> str:
        if query.limit is not None or query.skip or query.order:
            raise unsupported("a query inside a query has neither a page nor an order here", "subquery")
        return self._table(query.class_name, query.where) + "." + self._dotted(query.key or ID)

    def _table(self, class_name: str, where: Filter | None) -> str:
        table = write_name(self._names.write_class(class_name))
        if where is None:
            return table
        return f"{table}[{SqlWriter(self._names, self._null_until).filter(where)}]"

    def _inverse(self, class_name: str, field: str, where: Filter | None, *, negated: bool) -> _Said:
        """By a join with the other table, if it was not joined before; else by its objects' own query."""
        if self._prefix:
            raise unsupported("an inverted relation of an inverted relation cannot be told here", "inverted relation")
        column = self._dotted(field)
        join = (class_name, field)
        if not negated and join not in self._joined:
            inner = None if where is None else pushed(where)
            if inner is None or (_joinable(inner) and not passes_nulls(inner)):
                self._joined.add(join)
                prefix = f"{self._table(class_name, None)}[{column}]."
                other = SqlWriter(self._names, self._null_until, prefix)
                return other._say(inner if inner is not None else Condition(ID, Op.NE, None))
        word = "not in" if negated else "in"
        ids = f"{self._table(class_name, where)}.{column}.{self._dotted(ID)}"
        return _Said(f"{self.column(ID)} {word} ({ids})", _LEAF)

    def _comparison(self, where: Comparison, *, negated: bool, nulls: bool) -> _Said:
        left, op, right = where.left, where.op, where.right
        guarded = self._guarded(where)
        if guarded is not None:
            return self._null(self.expression(guarded), negated=not negated)
        late = [path for side in (left, right) for path in columns_of(side) if self._other(path) is not None]
        if late and op is Op.EQ and self._is_late(left, right):
            return self._null(self.column(late[0]), negated=negated)
        if late and nulls:
            raise unsupported(f"a comparison with {self.column(late[0])}, which may be null, cannot be told here")
        sides = [side for side in (left, right) if not isinstance(side, Literal)]
        if any(isinstance(side, Literal) and side.value is None for side in (left, right)):
            return _EVERYTHING if negated else _NOTHING
        if op is Op.LIKE:
            if not isinstance(right, Literal) or type(right.value) is not str:
                raise unsupported("a pattern that is no plain text cannot be told here", Op.LIKE.value)
            sign, other_side = ("not like" if negated else "like"), write_text(right.value)
        else:
            if negated and any(isinstance(side, JsonPath) and _has_wildcard(side) for side in sides):
                raise unsupported("that no value at a path with wildcards matches cannot be told here", "wildcard")
            sign, other_side = _SIGNS[COMPLEMENT[op] if negated else op], self.expression(right)
        said = _Said(f"{self.expression(left)} {sign} {other_side}", _LEAF)
        if negated and nulls:
            return _either(said, *(self._null(self._sum(side).inside(_ATOM)) for side in sides))
        return said

    # --- places ---

    def _place(self, field: str, value: Any, *, negated: bool) -> _Said:
        """A Near is told by its distances. That it sorts as well is not part of a condition here."""
        match value:
            case GeoPoint():
                return self._truth(f"Contains({self.column(field)}, {write_text(write_wkt(value))})", negated=negated)
            case Polygon():
                return self._truth(f"Within({self.column(field)}, {write_text(write_wkt(value))})", negated=negated)
            case Circle(center, radius):
                return self._distance(field, center, Op.LE, radius, negated=negated)
            case Near(point, farthest, nearest):
                bounds = [(Op.LE, farthest), (Op.GE, nearest)]
                said = [
                    self._distance(field, point, op, bound, negated=negated)
                    for op, bound in bounds
                    if bound is not None
                ]
                if not said:
                    return _NOTHING if negated else self._null(self.column(field), negated=True)
                return _either(*said) if negated else _both(*said)
            case Box(southwest, northeast):
                return self._box(field, southwest, northeast, negated=negated)
            case _:
                raise unsupported(f"a {type(value).__name__} cannot be told here (on {field!r})", field)

    @staticmethod
    def _truth(call: str, *, negated: bool) -> _Said:
        return _Said(f"{call} = {'false' if negated else 'true'}", _LEAF)

    def _distance(self, field: str, point: GeoPoint, op: Op, radians: float, *, negated: bool) -> _Said:
        call = self.expression(Call(Function.DISTANCE, (Literal(point), Column(field))))
        return _Said(f"{call} {_SIGNS[COMPLEMENT[op] if negated else op]} {write_number(_metres(radians))}", _LEAF)

    def _box(self, field: str, southwest: GeoPoint, northeast: GeoPoint, *, negated: bool) -> _Said:
        def bound(function: Function, op: Op, degrees: float) -> _Said:
            sign = _SIGNS[COMPLEMENT[op] if negated else op]
            return _Said(f"{self.expression(Call(function, (Column(field),)))} {sign} {write_number(degrees)}", _LEAF)

        all_of, any_of = (_either, _both) if negated else (_both, _either)
        latitudes = [
            bound(Function.LATITUDE, Op.GE, southwest.latitude),
            bound(Function.LATITUDE, Op.LE, northeast.latitude),
        ]
        longitudes = [
            bound(Function.LONGITUDE, Op.GE, southwest.longitude),
            bound(Function.LONGITUDE, Op.LE, northeast.longitude),
        ]
        if southwest.longitude > northeast.longitude:  # across the meridian of 180 degrees
            return all_of(*latitudes, any_of(*longitudes))
        return all_of(*latitudes, *longitudes)

    # --- expressions ---

    def expression(self, value: Expression) -> str:
        return self._sum(value).text

    def _sum(self, value: Expression) -> _Said:
        match value:
            case Column(path):
                return _Said(self.column(path), _ATOM)
            case JsonPath(field, steps):
                # a dotted path that has not become one of JSON's leads to another object
                return _Said(f"{self._prefix}{self._dotted(field)}->{write_text(write_json_path(steps))}", _ATOM)
            case Literal(of):
                return _Said(self._value(of, "a value"), _ATOM)
            case Arithmetic(operator, left, right):
                binds = _SUM if operator in ("+", "-") else _PRODUCT
                # of two operators that bind alike the left one is first, so a right one needs its brackets
                text = f"{self._sum(left).inside(binds)} {operator} {self._sum(right).inside(binds + 1)}"
                return _Said(text, binds)
            case Aggregated(aggregate, of):
                return _Said(f"{_AGGREGATE_NAMES[aggregate]}({self.expression(of)})", _ATOM)
            case Call(function, arguments):
                return _Said(self._call(function, arguments), _ATOM)

    def _call(self, function: Function, arguments: tuple[Expression, ...]) -> str:
        match function:
            case Function.TIME:
                return f"TIME({self._argument(arguments[0])})"
            case Function.LATITUDE:
                return f"GetLat({self._argument(arguments[0])})"
            case Function.LONGITUDE:
                return f"GetLon({self._argument(arguments[0])})"
            case Function.DISTANCE:
                return f"distance({', '.join(map(self._degrees, arguments))})"
            case Function.WITHIN:
                return f"Within({', '.join(map(self._geometry, arguments))})"

    def _degrees(self, point: Expression) -> str:
        match point:
            case Column(path):
                column = self._prefix + self._dotted(path)
                return f"{column}.latitude, {column}.longitude"
            case Literal(GeoPoint(latitude, longitude)):
                return f"{write_number(latitude)}, {write_number(longitude)}"
        raise unsupported("a distance is between points and columns here", "distance")

    def _argument(self, value: Expression) -> str:
        if isinstance(value, Column):
            return self._prefix + self._dotted(value.path)  # JSON holds neither dates nor points here
        raise unsupported("a function of anything but a column cannot be told here", "function")

    def _geometry(self, value: Expression) -> str:
        match value:
            case Column():
                return self._argument(value)
            case Literal(GeoPoint() | Polygon() as geometry):
                return write_text(write_wkt(geometry))
        raise unsupported("an area is a polygon or a column here", "within")

    def column(self, path: str) -> str:
        """A dotted path leads into JSON, unless a system field tells that it leads to another object.

        That a path goes through pointers is known from the columns of a class, so it has been resolved before.
        """
        head, dot, rest = path.partition(".")
        if not dot or "@" in rest:
            return self._prefix + self._dotted(path)
        # a number is taken for a place in a list
        steps = tuple(int(part) if re.fullmatch("[0-9]{1,9}", part) else part for part in rest.split("."))
        return f"{self._prefix}{self._dotted(head)}->{write_text(write_json_path(steps))}"

    def _dotted(self, path: str) -> str:
        return ".".join(write_name(self._names.write(part)) for part in path.split("."))

    @staticmethod
    def _value(value: Any, field: str) -> str:
        match value:
            case None:
                return "null"
            case bool():
                return "true" if value else "false"
            case int() | float():
                return write_number(value)
            case str():
                return write_text(value)
            case Date():
                return str(value.ms)
            case Pointer():
                return write_text(value.id)
            case File(url=str() as url):
                return write_text(url)
            case GeoPoint() | LineString() | Polygon():
                return write_text(write_wkt(value))
            case _:
                raise unsupported(f"a value such as {type(value).__name__} cannot be told here (on {field!r})", field)


# --- filters as they are said ---


def pushed(where: Filter) -> Filter:
    """The same filter, with a Not before leaves only that have no opposite."""
    match where:
        case And(parts):
            return And(tuple(map(pushed, parts)))
        case Or(parts):
            return Or(tuple(map(pushed, parts)))
        case Not(part):
            return _opposite(part)
        case _:
            return where


def _opposite(where: Filter) -> Filter:
    match where:
        case And(parts):
            return Or(tuple(map(_opposite, parts)))
        case Or(parts):
            return And(tuple(map(_opposite, parts)))
        case Not(part):
            return pushed(part)
        case Condition(field, op, value) if op in _OPPOSITES:
            return Condition(field, _OPPOSITES[op], value)
        case Condition(field, Op.EXISTS, value):
            return Condition(field, Op.EXISTS, not value)
        case _:
            return Not(where)


def _flat(parts: Iterable[Filter]) -> Iterator[Filter]:
    for part in parts:
        if isinstance(part, And):
            yield from _flat(part.parts)
        else:
            yield part


def _joinable(where: Filter) -> bool:
    """Whether each leaf asks one column of the joined table."""
    match where:
        case And(parts) | Or(parts):
            return bool(parts) and all(map(_joinable, parts))
        case Not(part):
            return _joinable(part)
        case Condition(_, op, value):
            return op in _JOINED_OPS and not isinstance(value, Subquery)
        case _:
            return False


def _has_null(value: Any) -> bool:
    return isinstance(value, list) and None in value


def _known(values: list[Any]) -> list[Any]:
    return [value for value in values if value is not None]


def _has_wildcard(path: JsonPath) -> bool:
    return any(isinstance(step, Wildcard) for step in path.steps)


def _metres(radians: float) -> float:
    """Metres that read as exactly these radians, where there are any."""
    metres = radians * EARTH_RADIUS_M
    near = (round(metres, 3), metres, math.nextafter(metres, math.inf), math.nextafter(metres, 0.0))
    return next((one for one in near if one / EARTH_RADIUS_M == radians), metres)


# --- regular expressions ---

_PIECE = re.compile(
    r"""
      \\Q(?P<quoted>.*?)(?:\\E|\Z)
    | \\(?P<escaped>[^\w\s])
    | (?P<anything>\.\*)
    | (?P<one>\.)
    | (?P<plain>[^\\^$.|?*+()\[\]{}])(?![*+?{])
    """,
    re.VERBOSE | re.DOTALL,
)


def like_of(regex: Regex, field: str) -> str:
    """A pattern of LIKE with the same meaning: of a beginning, an end, or a text in the middle, in any case of letters.

    Raises GatewayError(UNSUPPORTED) where there is none.
    """
    refused = unsupported(f"this regular expression cannot be told here (on {field!r})", Op.REGEX.value)
    if set(regex.options) - {"i", "s"}:
        raise refused
    body, at, like = regex.pattern, 0, ""
    from_start = body.startswith("^")
    if from_start:
        at = 1
    until_end = False
    while at < len(body):
        if body[at] == "$" and at == len(body) - 1:
            until_end = True
            break
        piece = _PIECE.match(body, at)
        if piece is None:
            raise refused
        kind = piece.lastgroup
        if kind in ("anything", "one"):
            if "s" not in regex.options or body[piece.end() : piece.end() + 1] in ("?", "*", "+", "{"):
                raise refused  # a dot is no line break, unless told
            like += "%" if kind == "anything" else "_"
        else:
            text = piece[kind or 0]
            if kind != "plain" and body[piece.end() : piece.end() + 1] in ("*", "+", "?", "{"):
                raise refused
            if "i" not in regex.options and text.lower() != text.upper():
                raise unsupported(
                    f"LIKE takes letters in any case here, and this does not (on {field!r})", Op.REGEX.value
                )
            like += re.sub(r"([\\%_])", r"\\\1", text)
        at = piece.end()
    return ("" if from_start else "%") + like + ("" if until_end else "%")
