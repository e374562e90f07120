"""Statements in CQL: `select name, count(*) from Score where n > ? and at near [116.4, 39.9] max 1 km limit 10`.

LeanCloud's Cloud Query Language is SQL in its manner and JSON in its meaning: each condition is one of the operators
that a `where` has, and a value may be JSON. A `?` is the next of the values that come beside the text: it is a value
and nothing else, whatever is in it. What a statement says comes out as the parts of an operation.

Sources: LeanCloud's CQL guide; its storage guides for `insert`, `update` and `delete`, which know objects by their id;
recorded answers for what an error looks like. The guide has `order by` at the end, its own samples before `limit`.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.dialects.names import FieldNames
from gateway.dialects.scalars import read_bytes, read_date, shown
from gateway.dialects.sql_text import LONGEST_TEXT, Cursor, Kind, Token
from gateway.dialects.values_json import ValuesJson, refuse_nested_names
from gateway.errors import Code, GatewayError
from gateway.mapping.shape import Codec
from gateway.model.query import (
    And,
    Box,
    Condition,
    Filter,
    Near,
    Not,
    Op,
    Or,
    Regex,
    RelatedTo,
    Sort,
    Subquery,
)
from gateway.model.update import Set, Unset
from gateway.model.values import ACL, ID, Date, File, GeoPoint, Pointer

MOST_VALUES: Final = 1000

_TOKEN: Final = re.compile(
    r"""
      (?P<blank>\s+)
    | (?P<name>[^\W\d]\w*(?:\.\w+)*)
    | (?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    | (?P<text>'[^']*(?:''[^']*)*'|"[^"]*(?:""[^"]*)*")
    | (?P<sign><=|>=|<>|!=|[-=<>()\[\]{},:+*?])
    """,
    re.VERBOSE,
)
_WHOLE: Final = re.compile(r"[0-9]{1,18}")
_SIGNS: Final[Mapping[str, Op]] = {
    "=": Op.EQ, "!=": Op.NE, "<>": Op.NE, "<": Op.LT, "<=": Op.LE, ">": Op.GT, ">=": Op.GE,
}  # fmt: skip
_CONSTANTS: Final[Mapping[str, Any]] = {"true": True, "false": False, "null": None}
_FROM: Final = 'from\n#"\\s+"\n,'
"""What is expected after a list of fields, as it was recorded."""
_EXCERPT: Final = 200
"""Characters of a line that an error repeats."""


@dataclass(frozen=True, slots=True)
class Statement:
    """`kind` is one of select, insert, update and delete; `parts` are fields of the operation that it asks for."""

    kind: str
    parts: Mapping[str, Any]


class CqlReader:
    """Statements over the names and the values of one dialect.

    `units` are how long a radian is in each of them, and `operator` is the key that makes an object a change.
    """

    def __init__(
        self,
        names: FieldNames,
        values: ValuesJson,
        limit: Codec,
        skip: Codec,
        units: Mapping[str, float],
        operator: str,
    ) -> None:
        self.names, self.values, self.limit, self.skip = names, values, limit, skip
        self.units, self.operator = units, operator

    def read(self, text: str, given: Sequence[Any] = ()) -> Statement:
        """Raises GatewayError: BAD_QUERY with the place of what is wrong, and what names and values raise."""
        if len(given) > MOST_VALUES:
            raise GatewayError(Code.BAD_QUERY, f"{len(given)} values: there can be {MOST_VALUES} at the most")
        return _Reading(self, text, given).statement()


class _Cursor(Cursor):
    """What it misses it tells as the vendor does: by line and column, under the line itself."""

    def __init__(self, text: str) -> None:
        self._text = text
        super().__init__(text, "cql", _tokens)

    def expected(self, what: str) -> GatewayError:
        return _syntax_error(self._text, self.token.start, f"Expected one of:\n{what}\n\n")

    def wrong(self, start: int, message: str) -> GatewayError:
        return _syntax_error(self._text, start, message)


def _syntax_error(text: str, start: int, message: str) -> GatewayError:
    before = text[:start]
    line, column = before.count("\n") + 1, start - (before.rfind("\n") + 1)
    whole = text.split("\n")[line - 1]
    cut = max(0, column - _EXCERPT // 2)
    excerpt = whole[cut : cut + _EXCERPT]
    place = f"Parse error at line {line}, column {column + 1}:\n{excerpt}\n{' ' * (column - cut)}^\n"
    return GatewayError(Code.BAD_QUERY, place + message, position=str(start + 1))


def _tokens(text: str, _what: str) -> list[Token]:
    if len(text) > LONGEST_TEXT:
        raise GatewayError(Code.BAD_QUERY, f"a statement is longer than {LONGEST_TEXT} characters")
    found: list[Token] = []
    at = 0
    while at < len(text):
        piece = _TOKEN.match(text, at)
        if piece is None:
            quote = text[at] in "'\""
            raise _syntax_error(text, at, "the quote is never closed" if quote else f"{text[at]!r} has no meaning here")
        wire, start = piece[0], at
        at = piece.end()
        match piece.lastgroup:
            case "name":
                found.append(Token(Kind.NAME, wire, wire, start, wire.lower()))
            case "text":
                found.append(Token(Kind.TEXT, wire, wire[1:-1].replace(wire[0] * 2, wire[0]), start))
            case "number":
                number = int(wire) if _WHOLE.fullmatch(wire) else float(wire)
                if not math.isfinite(number) or text[at : at + 1].isalnum() or text[at : at + 1] == "_":
                    raise _syntax_error(text, start, "expected a number: a text needs quotes")
                found.append(Token(Kind.NUMBER, wire, number, start))
            case "sign":
                found.append(Token(Kind.SIGN, wire, wire, start))
    found.append(Token(Kind.END, "", "", len(text)))
    return found


class _Reading:
    """One statement."""

    def __init__(self, reader: CqlReader, text: str, given: Sequence[Any]) -> None:
        self._names, self._values = reader.names, reader.values
        self._limit, self._skip = reader.limit, reader.skip
        self._units, self._operator = reader.units, reader.operator
        self._cursor = _Cursor(text)
        self._given = given
        self._used = 0
        self._functions: Mapping[str, tuple[int, Callable[..., Any]]] = {
            "date": (1, _date),
            "pointer": (2, self._pointer),
            "geopoint": (2, _geo_point),
            "file": (1, lambda id_: File(id=_text(id_))),
            "base64": (1, read_bytes),
            "current_timestamp": (0, Date.now),
        }

    def statement(self) -> Statement:
        read: Mapping[str, Callable[[], dict[str, Any]]] = {
            "select": self._select,
            "insert": self._insert,
            "update": self._update,
            "delete": self._delete,
        }
        kind = self._cursor.token.word
        if kind not in read:
            raise self._cursor.expected("\n".join(read))
        start = self._cursor.next().start
        parts = read[kind]()
        self._cursor.expect_end("the end of the statement")
        if self._used < len(self._given):
            raise self._cursor.wrong(start, f"{len(self._given)} values are given, and {self._used} places are for one")
        return Statement(kind, parts)

    # --- select ---

    def _select(self) -> dict[str, Any]:
        select, include, everything, count = self._items()
        self._word("from", _FROM)
        parts: dict[str, Any] = {"class_name": self._class()} | self._rest()
        if count:
            parts["count"] = True
            if not everything and not select and not include:
                parts.setdefault("limit", 0)  # the guide, "count": the number alone
        if include:
            parts["include"] = tuple(include)
        if select and not everything:
            parts["select"] = tuple(select)
        return parts

    def _items(self) -> tuple[list[str], list[str], bool, bool]:
        """Fields to keep, paths to include, whether all is asked for, and whether the number is."""
        cursor = self._cursor
        select: list[str] = []
        include: list[str] = []
        everything = count = False
        while True:
            if cursor.take_sign("*"):
                everything = True
            elif cursor.at_words("count") and cursor.following.wire == "(":
                cursor.next()
                cursor.expect_sign("(")
                if not cursor.take_sign("*") and self._field() != ID:
                    raise cursor.expected("*\nobjectId")
                cursor.expect_sign(")")
                count = True
            elif cursor.at_words("include") and cursor.following.kind is Kind.NAME and cursor.following.word != "from":
                cursor.next()
                include.append(self._field())
            else:
                select.append(self._field())
            if not cursor.take_sign(","):
                return select, include, everything, count

    def _rest(self) -> dict[str, Any]:
        """What follows the class of a query."""
        cursor = self._cursor
        parts: dict[str, Any] = {}
        if cursor.take_words("where"):
            parts["where"] = self._any_of()
        while True:
            if cursor.at_words("limit") and "limit" not in parts:
                cursor.next()
                parts |= self._page()
            elif cursor.at_words("order", "by") and "order" not in parts:
                cursor.next()
                cursor.next()
                parts["order"] = self._order()
            else:
                return parts

    def _page(self) -> dict[str, Any]:
        """`10`, or `100, 10`: what is skipped comes first."""
        first = self._number()
        if not self._cursor.take_sign(","):
            return {"limit": self._limit.read(first)}
        return {"skip": self._skip.read(first), "limit": self._limit.read(self._number())}

    def _order(self) -> tuple[Sort, ...]:
        """The guide: a sign decides, and fields without one go by the `asc` or `desc` at the end."""
        cursor = self._cursor
        found: list[tuple[str, bool | None]] = []
        last = False
        while True:
            sign = cursor.take_sign("+", "-")
            field = self._field()
            own = None if sign is None else sign == "-"
            if cursor.at_words("asc") or cursor.at_words("desc"):
                last = cursor.next().word == "desc"
                if cursor.at_sign(",") and own is None:
                    own = last  # as in SQL, of this one field
                    last = False
            found.append((field, own))
            if not cursor.take_sign(","):
                return tuple(Sort(field, last if own is None else own) for field, own in found)

    # --- conditions ---

    def _any_of(self) -> Filter:
        parts = [self._all_of()]
        while self._cursor.take_words("or"):
            parts.append(self._all_of())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _all_of(self) -> Filter:
        parts = [self._condition()]
        while self._cursor.take_words("and"):
            parts.append(self._condition())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _condition(self) -> Filter:
        cursor = self._cursor
        if cursor.at_sign("("):
            with cursor.deeper():
                cursor.next()
                inside = self._any_of()
                cursor.expect_sign(")")
            return inside
        if cursor.at_words("related") and cursor.following.kind is Kind.NAME:
            return self._related()
        if cursor.at_words("size") and cursor.following.wire == "(":
            return self._size()
        field = self._field()
        if (sign := cursor.take_sign(*_SIGNS)) is not None:
            return self._compared(field, _SIGNS[sign])
        refused = cursor.take_words("not")
        word = cursor.token.word
        if word == "in":
            cursor.next()
            return Condition(field, Op.NOT_IN if refused else Op.IN, self._members())
        if word in ("like", "regexp"):
            cursor.next()
            pattern = self._text()
            matched = Condition(field, Op.REGEX, like(pattern) if word == "like" else Regex(pattern))
            return Not(matched) if refused else matched
        if refused:
            raise cursor.expected("in\nlike\nregexp")
        match word:
            case "is":
                cursor.next()
                return self._is(field)
            case "all":
                cursor.next()
                return Condition(field, Op.ALL, self._list("(", ")"))
            case "near":
                cursor.next()
                return self._near(field)
            case "within":
                cursor.next()
                southwest = self._point()
                self._word("and")
                return Condition(field, Op.WITHIN, Box(southwest, self._point()))
        raise cursor.expected("\n".join((*_SIGNS, "not", "in", "like", "regexp", "is", "all", "near", "within")))

    def _compared(self, field: str, op: Op) -> Filter:
        if not self._at_query():
            return Condition(field, op, self._operand())
        if op not in (Op.EQ, Op.NE):
            raise self._cursor.expected("a value")
        return Condition(field, Op.IN if op is Op.EQ else Op.NOT_IN, self._query())

    def _members(self) -> Any:
        if self._at_query():
            return self._query()
        start = self._cursor.token.start
        if not self._cursor.at_sign("?"):
            return self._list("(", ")")
        found = self._operand()
        if type(found) is not list:
            raise self._cursor.wrong(start, f"expected a list, and {shown(found)} is given")
        return found

    def _is(self, field: str) -> Filter:
        refused = self._cursor.take_words("not")
        if self._cursor.take_words("exists"):
            return Condition(field, Op.EXISTS, not refused)
        if self._cursor.take_words("null"):
            return Condition(field, Op.NE if refused else Op.EQ, None)
        raise self._cursor.expected("exists\nnull" if refused else "not\nexists\nnull")

    def _size(self) -> Filter:
        cursor = self._cursor
        cursor.next()
        cursor.expect_sign("(")
        field = self._field()
        cursor.expect_sign(")")
        cursor.expect_sign("=")  # the guide: and no other comparison
        start = cursor.token.start
        size = self._number()
        if type(size) is not int or size < 0:
            raise cursor.wrong(start, "a size is a whole number")
        return Condition(field, Op.SIZE, size)

    def _related(self) -> Filter:
        self._cursor.next()
        field = self._field()
        self._word("to")
        start = self._cursor.token.start
        owner = self._operand()
        if type(owner) is not Pointer:
            raise self._cursor.wrong(start, "expected a pointer")
        return RelatedTo(owner, field)

    def _near(self, field: str) -> Filter:
        point = self._point()
        least = self._distance() if self._cursor.take_words("min") else None
        most = self._distance() if self._cursor.take_words("max") else None
        return Condition(field, Op.NEAR, Near(point, most, least))

    def _distance(self) -> float:
        """In radians, which a number without a unit is."""
        start = self._cursor.token.start
        number = self._number()
        if number < 0:
            raise self._cursor.wrong(start, "a distance is not negative")
        word = self._cursor.token.word
        if word not in self._units:
            return number
        self._cursor.next()
        return number / self._units[word]

    def _point(self) -> GeoPoint:
        """`[longitude, latitude]`, or a value that is a point."""
        cursor = self._cursor
        start = cursor.token.start
        found = self._operand()
        if type(found) is list and len(found) == 2:
            try:
                found = _geo_point(*found)
            except GatewayError as error:
                raise cursor.wrong(start, error.message) from error
        if type(found) is not GeoPoint:
            raise cursor.wrong(start, "expected a point, such as [116.4, 39.9]")
        return found

    def _at_query(self) -> bool:
        return self._cursor.at_sign("(") and self._cursor.following.word == "select"

    def _query(self) -> Subquery:
        cursor = self._cursor
        with cursor.deeper():
            cursor.expect_sign("(")
            start = cursor.next().start
            select, include, everything, count = self._items()
            if include or count or len(select) + everything != 1:
                raise cursor.wrong(start, "a query in another one selects one field, or * for the objects")
            self._word("from", _FROM)
            class_name, rest = self._class(), self._rest()
            cursor.expect_sign(")")
        return Subquery(class_name, key=select[0] if select else None, **rest)

    # --- insert, update, delete ---

    def _insert(self) -> dict[str, Any]:
        cursor = self._cursor
        self._word("into")
        class_name = self._class()
        cursor.expect_sign("(")
        columns = [self._column()]
        while cursor.take_sign(","):
            columns.append(self._column())
        cursor.expect_sign(")")
        start = cursor.token.start
        self._word("values")
        cursor.expect_sign("(")
        values = [self._value()]
        while cursor.take_sign(","):
            values.append(self._value())
        cursor.expect_sign(")")
        if len(values) != len(columns):
            raise cursor.wrong(start, f"{len(columns)} fields have {len(values)} values")
        return {"class_name": class_name, "changes": dict(map(self._change, columns, values))}

    def _update(self) -> dict[str, Any]:
        class_name = self._class()
        self._word("set")
        changes = dict([self._assignment()])
        while self._cursor.take_sign(","):
            changes |= dict([self._assignment()])
        id_, where = self._one_object()
        return {"class_name": class_name, "id": id_, "changes": changes, "where": where}

    def _delete(self) -> dict[str, Any]:
        self._word("from")
        class_name = self._class()
        id_, where = self._one_object()
        return {"class_name": class_name, "ids": (id_,), "where": where}

    def _assignment(self) -> tuple[str, Any]:
        column = self._column()
        self._cursor.expect_sign("=")
        return self._change(column, self._value())

    def _column(self) -> str:
        return str(self._named().value)

    def _change(self, column: str, value: Any) -> tuple[str, Any]:
        """A value is set as it is: what looks like an operator is none, and must not pass as one."""
        if type(value) is dict and self._operator in value:
            raise GatewayError(Code.BAD_VALUE, f"a value of a statement has no {self._operator}", field=column)
        refuse_nested_names(value)
        system = self._names.system.get(column)
        if system is None:
            return self._names.read_new(column), Unset() if value is None else Set(value)
        field, codec = system
        if field != ACL:
            raise GatewayError(Code.RESERVED_FIELD, f"{column} is set by the server", field=column)
        return field, Set(codec.read(value))

    def _one_object(self) -> tuple[str, Filter | None]:
        """The id that the condition says, and what else it says."""
        cursor = self._cursor
        start = cursor.token.start
        self._word("where")
        where = self._any_of()
        parts = where.parts if isinstance(where, And) else (where,)
        ids = [part for part in parts if isinstance(part, Condition) and (part.field, part.op) == (ID, Op.EQ)]
        if len(ids) != 1 or type(ids[0].value) is not str:
            raise cursor.wrong(start, "one object is changed or deleted at a time: where objectId = '...'")
        rest = tuple(part for part in parts if part is not ids[0])
        return ids[0].value, And(rest) if len(rest) > 1 else rest[0] if rest else None

    # --- names and values ---

    def _word(self, word: str, otherwise: str = "") -> None:
        if not self._cursor.take_words(word):
            raise self._cursor.expected(otherwise or word)

    def _named(self) -> Token:
        if self._cursor.token.kind is not Kind.NAME:
            raise self._cursor.expected("a name")
        return self._cursor.next()

    def _class(self) -> str:
        return self._names.read_class(str(self._named().value))

    def _field(self) -> str:
        return self._names.read(str(self._named().value))

    def _number(self) -> int | float:
        start = self._cursor.token.start
        found = self._operand()
        if type(found) is int or type(found) is float:
            return found
        raise self._cursor.wrong(start, "expected a number")

    def _text(self) -> str:
        start = self._cursor.token.start
        found = self._operand()
        if type(found) is not str:
            raise self._cursor.wrong(start, "expected a text")
        return found

    def _operand(self) -> Any:
        """A value to compare with. What looks like an operator of a `where` is none, and must not pass as one."""
        start = self._cursor.token.start
        found = self._value()
        for part in found if type(found) is list else (found,):
            if type(part) is dict and any(key[:1] == "$" for key in part):
                raise self._cursor.wrong(start, "a value to compare with has no key that begins with $")
        return found

    def _value(self) -> Any:
        cursor = self._cursor
        token = cursor.token
        if cursor.take_sign("?"):
            return self._next_given(token)
        if cursor.take_sign("+", "-"):
            if cursor.token.kind is not Kind.NUMBER:
                raise cursor.expected("a number")
            number = cursor.next().value
            assert not isinstance(number, str)
            return -number if token.wire == "-" else number
        if token.kind in (Kind.TEXT, Kind.NUMBER):
            return cursor.next().value
        if cursor.at_sign("["):
            return self._list("[", "]")
        if cursor.at_sign("{"):
            return self._values.read(self._object())
        if token.word in _CONSTANTS:
            cursor.next()
            return _CONSTANTS[token.word]
        if token.word in self._functions and cursor.following.wire == "(":
            return self._called()
        raise cursor.expected("\n".join(("?", "a text", "a number", *_CONSTANTS, "[", "{", *self._functions)))

    def _next_given(self, token: Token) -> Any:
        if self._used == len(self._given):
            raise self._cursor.wrong(token.start, "there is no value for this place")
        self._used += 1
        return self._values.read(copy.deepcopy(self._given[self._used - 1]))

    def _list(self, opening: str, closing: str) -> list[Any]:
        cursor = self._cursor
        found: list[Any] = []
        with cursor.deeper():
            cursor.expect_sign(opening)
            while not cursor.take_sign(closing):
                if found:
                    cursor.expect_sign(",")
                found.append(self._operand())
        return found

    def _object(self) -> dict[str, Any]:
        """JSON, whose keys need no quotes; its values are read with all of it, as they may be what the tag says."""
        cursor = self._cursor
        found: dict[str, Any] = {}
        with cursor.deeper():
            cursor.expect_sign("{")
            while not cursor.take_sign("}"):
                if found:
                    cursor.expect_sign(",")
                if cursor.token.kind not in (Kind.NAME, Kind.TEXT):
                    raise cursor.expected("a key")
                key = str(cursor.next().value)
                cursor.expect_sign(":")
                found[key] = self._object() if cursor.at_sign("{") else self._value()
        return found

    def _called(self) -> Any:
        cursor = self._cursor
        name = cursor.next()
        number, function = self._functions[name.word]
        arguments: list[Any] = []
        with cursor.deeper():
            cursor.expect_sign("(")
            while not cursor.take_sign(")"):
                if arguments:
                    cursor.expect_sign(",")
                arguments.append(self._value())
        if len(arguments) != number:
            raise cursor.wrong(name.start, f"{name.wire} takes {number} values, not {len(arguments)}")
        try:
            return function(*arguments)
        except GatewayError as error:
            raise cursor.wrong(name.start, error.message) from error

    def _pointer(self, class_name: Any, id_: Any) -> Pointer:
        return Pointer(self._names.read_class(class_name), _text(id_))


def like(pattern: str) -> Regex:
    """The guide: LIKE becomes a regular expression, in which `%` is any text; so it minds the case."""
    return Regex("^" + ".*".join(map(re.escape, pattern.split("%"))) + "$", "s")


def _date(text: Any) -> Date:
    return text if isinstance(text, Date) else read_date(text)


def _text(value: Any) -> str:
    if type(value) is not str:
        raise GatewayError(Code.BAD_VALUE, f"expected a text, found {shown(value)}")
    return value


def _geo_point(longitude: Any, latitude: Any) -> GeoPoint:
    """The guide: the longitude comes first."""
    numbers = type(longitude) in (int, float) and type(latitude) in (int, float)
    if not numbers or not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
        raise GatewayError(Code.BAD_VALUE, "a point has a longitude of -180 to 180 and a latitude of -90 to 90")
    return GeoPoint(latitude, longitude)
