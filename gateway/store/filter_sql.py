"""Filters as SQL. What the client chose is always a parameter, except the names of columns, which are identifiers.

A field reaches any number of values: none (missing), one, or one for each element of a list. Most operators ask whether
*some* value that the field reaches passes a test, so a test is a function from a `Spot` (SQL for the value at a place)
to a condition, and `_some` asks it everywhere. A column's type is known, so a test that cannot pass there is decided
here and now; below Object and Array columns anything may stand, and the SQL asks what it is.

Nulls: a condition may come out as null where a value is missing; that is not true, and `negated` makes it true.
"""

# ruff: noqa: S608 (SQL is put together here: of identifiers that were checked, numbers of our own, and parameters)

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import cos, radians
from types import MappingProxyType
from typing import Final

from gateway.errors import Code, GatewayError
from gateway.model.account import SESSION, USER
from gateway.model.operation import Caller
from gateway.model.query import (
    ANY_TEXT,
    And,
    Box,
    Circle,
    Comparison,
    Condition,
    Filter,
    Inverse,
    Near,
    Not,
    Op,
    Or,
    Regex,
    RelatedTo,
    Sort,
    Subquery,
    Words,
)
from gateway.model.schema import READING, Action, Kind, Type
from gateway.model.values import ACL, GeoPoint, Pointer, Polygon, Value
from gateway.store.access import EVERYBODY, Access, Right, grants_everybody_sql, grants_sql, names_of
from gateway.store.connection import SqlValue
from gateway.store.encoding import CODECS, pointer_to, type_of, write_column, write_json, write_nested, write_number
from gateway.store.expression_sql import Joins, comparison_sql
from gateway.store.functions import compile_pattern, like_pattern
from gateway.store.schema import SYSTEM_COLUMNS, SYSTEM_TYPES, ClassSchema, Column, Schema, check_field_name
from gateway.store.spot import (
    FALSE,
    MOST_PARTS,
    SCALARS,
    TRUE,
    Place,
    Rows,
    Spot,
    canonical_sql,
    coordinates,
    either,
    element_of,
    every,
    is_index,
    json_key,
    list_json,
    negated,
    object_json,
)
from gateway.store.text_index import TEXTS, TextIn, Unindexed
from gateway.store.words import searched

DEEPEST: Final = 30
"""Filters inside each other. SQLite reads expressions to a depth of 1000, and each of ours takes some of it."""

MOST_CONDITIONS: Final = 1000
OPEN: Final = frozenset({Kind.OBJECT, Kind.GEOMETRY})
"""Types of columns whose values tell themselves what they are: any JSON, and any geometry."""

MOST_NUMERIC_PARTS: Final = 4

MOST_PHRASES: Final = 200
"""That one condition looks for."""

COMPARISONS: Final = {Op.LT: "<", Op.LE: "<=", Op.GT: ">", Op.GE: ">="}

ORDERED: Final = frozenset({Kind.STRING, Kind.NUMBER, Kind.BOOLEAN, Kind.DATE})


@dataclass(frozen=True, slots=True)
class Chosen:
    """A column of values that a subquery gives."""

    value: str
    source: str
    condition: str

    def select(self, prefix: str = "") -> str:
        # the plus takes a column's affinity away: compared with one that has it, an index on an expression is not used
        value = f"'{prefix}' || ({self.value})" if prefix else f"+({self.value})"
        return f"SELECT {value} FROM {self.source} WHERE {self.condition}"


Test = Callable[[Spot], str]

NO_NAMES: Final[Mapping[str, str]] = MappingProxyType({})


class FilterSql:
    """Writes one statement's conditions, for one caller; `values` are the parameters so far, `?1` first."""

    def __init__(self, schema: Schema, caller: Caller, *, text_fields: tuple[str, ...] | None = None) -> None:
        """`text_fields` are what ANY_TEXT stands for, where it is not every text."""
        self.values: list[SqlValue] = []
        self._text_fields = text_fields
        self._schema = schema.seen_by(caller)
        self._caller = caller
        self._access = {} if caller.unrestricted else self._schema.access_of(caller.app)
        self._names: str | None = None  # a parameter, once it is needed; none for a caller of no name
        self._aliases = 0
        self._conditions = 0

    def bind(self, value: SqlValue) -> str:
        self.values.append(value)
        return f"?{len(self.values)}"

    def bind_json(self, value: Value) -> str:
        return self.bind(write_json(value).decode())

    def class_named(self, name: str | None) -> ClassSchema | None:
        """What there is of that name for the caller to look into by a path. Sessions have rules of their own."""
        if name == SESSION and not self._caller.unrestricted:
            return None
        return self._schema.classes.get(name or "")

    def alias(self) -> str:
        self._aliases += 1
        return f"t{self._aliases}"

    def rows(self, of: ClassSchema, action: Action = Action.FIND) -> Rows:
        return Rows(of, self.alias(), action)

    def source(self, rows: Rows, where: Filter | None, depth: int = 0) -> str:
        """`table AS alias WHERE ...`: every query and include gets its rows by this, every subquery by `condition`."""
        return f"{rows.table} WHERE {self.condition(rows, where, depth)}"

    def condition(self, rows: Rows, where: Filter | None, depth: int = 0) -> str:
        return every((self.visible(rows), self.where(rows, where, depth)))

    def visible(self, rows: Rows) -> str:
        """Which rows the caller may read. Raises GatewayError(FORBIDDEN, LOGIN_REQUIRED) where their class refuses.

        Point reads (`ClassSchema.get`, and the one of an update) do not come by here: they have the row's list at hand.
        """
        return self.granted(rows, Right.READ)

    def granted(self, rows: Rows, right: Right) -> str:
        if self._caller.unrestricted:
            return TRUE
        access = self._access.get(rows.of.name)
        if access is None:
            return self._listed(rows, right)
        if right is not Right.READ and rows.action in READING:
            rows = replace(rows, action=Action.UPDATE)
        return every((self._listed(rows, right), self._permitted(rows, access)))

    def _permitted(self, rows: Rows, access: Access) -> str:
        """Which rows the permissions of their class let the caller have."""
        fields = access.check(rows.action, self._caller)
        return either(self._names_caller(rows, field) for field in fields) if fields else TRUE

    def _names_caller(self, rows: Rows, field: str) -> str:
        column, user_id = rows.of.columns.get(field), self._caller.user_id
        if column is None or user_id is None:
            return FALSE
        if column.type == Type(Kind.POINTER, USER):
            return f"{rows.column(field)} = {self.bind(user_id)}"
        if column.type.kind is not Kind.ARRAY:
            return FALSE
        element = self.alias()
        named = element_of(element)
        test = f"{named.tagged(Kind.POINTER)} = {self.bind(CODECS[Kind.POINTER].write(Pointer(USER, user_id)))}"
        return f"EXISTS (SELECT 1 FROM json_each({rows.alias}.doc, '$.{field}') AS {element} WHERE {test})"

    def readable(self, rows: Rows) -> str:
        """The same as `visible`, where objects of a class that refuses are as if they were not there."""
        try:
            return self.visible(rows)
        except GatewayError as error:
            if error.code in (Code.FORBIDDEN, Code.LOGIN_REQUIRED):
                return FALSE
            raise

    def refuse_hidden(self, rows_of: ClassSchema, field: str, doing: str = "query") -> None:
        access = self._access.get(rows_of.name)
        if access is not None:
            access.refuse_hidden(field, self._caller, doing)

    def refuse_computed(self, rows_of: ClassSchema, field: str) -> None:
        access = self._access.get(rows_of.name)
        if access is not None:
            access.refuse_computed(field, self._caller)

    def _listed(self, rows: Rows, right: Right) -> str:
        acl = f"{rows.alias}.acl"
        if self._names is None:
            names = names_of(self._caller)
            self._names = self.bind_json(names) if names != [EVERYBODY] else ""
        return grants_sql(acl, self._names, right) if self._names else grants_everybody_sql(acl, right)

    def where(self, rows: Rows, where: Filter | None, depth: int = 0) -> str:
        """Raises GatewayError(BAD_QUERY, BAD_FIELD_NAME)."""
        if depth > DEEPEST:
            raise GatewayError(Code.BAD_QUERY, f"a query has at most {DEEPEST} conditions inside each other")
        match where:
            case None:
                return TRUE
            case And(parts):
                return every([self.where(rows, part, depth + 1) for part in parts])
            case Or(parts):
                return either([self.where(rows, part, depth + 1) for part in parts])
            case Not(part):
                return negated(self.where(rows, part, depth + 1))
            case Condition(field, op, _):
                self.count(1)
                column = rows.of.columns.get(field) if rows.named is None else None
                if column is not None and column.type.kind is Kind.RELATION:
                    self.refuse_hidden(rows.of, field)
                    return self._relation(rows, column.id, column.type.target, where, depth)
                return WRITERS[op](self, rows, where, depth)
            case Comparison():
                self.count(1)
                return comparison_sql(self, rows, where)
            case RelatedTo() | Inverse() if rows.named is not None:
                raise GatewayError(Code.BAD_QUERY, "only objects stand in a relation; these are computed rows")
            case RelatedTo(owner, field):
                return self._related(rows, owner, field)
            case Inverse():
                self.count(1)
                return self._inverse(rows, where, depth)

    def count(self, conditions: int) -> None:
        self._conditions += conditions
        if self._conditions > MOST_CONDITIONS:
            raise GatewayError(Code.BAD_QUERY, f"a query has at most {MOST_CONDITIONS} conditions")

    # where a field leads

    def place(self, rows: Rows, field: str) -> Place | None:
        """None where no object of the class can have such a field."""
        if rows.named is not None:
            return rows.named.get(field)
        name, dot, rest = field.partition(".")
        if name in SYSTEM_COLUMNS and not dot:
            column = f"{rows.alias}.{SYSTEM_COLUMNS[name]}"
            return Place(Spot(SYSTEM_TYPES[name], column, "'text'", "NULL", "NULL"))
        if name == ACL:
            raise GatewayError(Code.BAD_QUERY, "Cannot query on ACL.", field=field)
        if not name.startswith("@"):
            check_field_name(name)
        self.refuse_hidden(rows.of, field)
        found = rows.of.columns.get(name)
        if found is None or found.type.kind is Kind.RELATION:
            return None
        doc, path = f"{rows.alias}.doc", f"$.{name}"
        if not dot:
            spot = Spot(
                found.type if found.type.kind not in OPEN else None,
                rows.column(name),
                f"json_type({doc}, '{path}')",
                f"{doc} -> '{path}'",
                doc,
                path,
            )
            return Place(spot, may_be_list=found.type.kind in (Kind.ARRAY, Kind.OBJECT))
        parts = rest.split(".")
        if len(parts) > MOST_PARTS:
            raise GatewayError(Code.BAD_QUERY, f"a path has at most {MOST_PARTS} parts", field=field)
        if found.type.kind is Kind.OBJECT:
            return Place(self._below(doc, path, parts), may_be_list=True)
        if found.type.kind is Kind.ARRAY:
            if is_index(parts[0]):
                return Place(self._below(doc, f"{path}[{int(parts[0])}]", parts[1:]), may_be_list=True)
            element = self.alias()
            each = f"json_each({doc}, '{path}') AS {element}"
            return Place(self._below(object_json(element), "$", parts), may_be_list=True, each=each)
        return None

    def _below(self, json: str, root: str, parts: Sequence[str]) -> Spot:
        """What stands below a place, on a path whose numbers are keys of objects or positions in lists."""
        if sum(map(is_index, parts)) > MOST_NUMERIC_PARTS:
            raise GatewayError(
                Code.BAD_QUERY, f"a path has at most {MOST_NUMERIC_PARTS} numbers", field=".".join(parts)
            )
        steps = [(json_key(part), f"[{int(part)}]") if is_index(part) else (json_key(part),) for part in parts]
        paths = [self.bind(root + "".join(way)) for way in itertools.product(*steps)]

        def first(sql: str) -> str:
            # at most one way leads somewhere: what a number is applied to is either an object or a list
            ways = [sql.format(json=json, path=path) for path in paths]
            return ways[0] if len(ways) == 1 else f"coalesce({', '.join(ways)})"

        value = first("({json} -> {path})")
        return Spot(None, first("({json} ->> {path})"), first("json_type({json}, {path})"), value, value)

    def _some(self, place: Place | None, test: Test) -> str:
        """Whether some value that a field reaches passes the test: of a list, the whole or an element."""
        if place is None:
            return FALSE
        spot = place.spot
        passes = test(spot)
        if place.may_be_list:
            element = self.alias()
            inner = test(element_of(element))
            if inner != FALSE:
                # json_each of a null is one row, a null: a list column that is null passes as its one element does
                source = f"{spot.base}, '{spot.path}'" if spot.type is not None else list_json(spot)
                passes = either((passes, f"EXISTS (SELECT 1 FROM json_each({source}) AS {element} WHERE {inner})"))
        if place.each is not None and passes != FALSE:
            passes = f"EXISTS (SELECT 1 FROM {place.each} WHERE {passes})"
        return passes

    def _absent(self, place: Place | None) -> str:
        """Whether a field reaches nothing at all, not even a null."""
        if place is None:
            return TRUE
        if place.each is not None:
            return f"NOT EXISTS (SELECT 1 FROM {place.each} WHERE {place.spot.word} IS NOT NULL)"
        return f"{place.spot.word} IS NULL"

    # equality

    def _equal(self, rows: Rows, field: str, values: Sequence[Value]) -> str:
        """Whether the field is, or has, one of the values; a null also matches a missing field."""
        place = self.place(rows, field)
        wanted = [(type_of(value), value) for value in values if value is not None]
        self.count(sum(1 for kind, _ in wanted if kind.kind not in SCALARS))
        found = self._some(place, lambda spot: self._is_one_of(spot, wanted))
        if len(wanted) == len(values):
            return found
        if place is not None and not place.may_be_list and place.spot.type is not None:
            return either((found, f"{place.spot.scalar} IS NULL"))  # missing or null: one look, and an index can help
        return either((found, self._absent(place), self._some(place, lambda spot: f"{spot.word} = 'null'")))

    def _is_one_of(self, spot: Spot, wanted: Sequence[tuple[Type, Value]]) -> str:
        tests: list[str] = []
        scalars: dict[Kind, list[SqlValue]] = {}
        for kind, value in wanted:
            if spot.type is not None and spot.type != kind:
                continue  # another type than the column's is no error, it is just not equal
            if kind.kind in SCALARS:
                scalars.setdefault(kind.kind, []).append(_comparable(spot, kind.kind, value))
            else:
                tests.append(self._is_the_same(spot, kind.kind, value))
        for scalar, operands in scalars.items():
            guard, operand = (TRUE, spot.scalar) if spot.type is not None else spot.operand(scalar)
            if len(operands) == 1:
                tests.append(every((guard, f"{operand} = {self.bind(operands[0])}")))
            else:
                chosen = f"SELECT value FROM json_each({self.bind_json(operands)})"
                tests.append(every((guard, f"{operand} IN ({chosen})")))
        return either(tests)

    def _is_the_same(self, spot: Spot, kind: Kind, value: Value) -> str:
        if spot.type is None:
            word = "array" if kind is Kind.ARRAY else "object"
            # CASE: what is neither list nor object may be no JSON at all, and AND promises no order
            return f"CASE {spot.word} WHEN '{word}' THEN same({spot.json}, {self.bind_json(write_nested(value))}) END"
        function = "same_file" if kind is Kind.FILE else "same"
        return f"{function}({spot.json}, {self.bind_json(write_column(kind, value))})"

    def eq(self, rows: Rows, condition: Condition, _: int) -> str:
        return self._equal(rows, condition.field, (condition.value,))

    def is_in(self, rows: Rows, condition: Condition, depth: int) -> str:
        if isinstance(condition.value, Subquery):
            return self._some(self.place(rows, condition.field), self._among(condition.value, depth))
        return self._equal(rows, condition.field, _list_of(condition))

    def has_all(self, rows: Rows, condition: Condition, _: int) -> str:
        wanted = _list_of(condition)
        if not wanted:
            return FALSE  # as MongoDB has it
        self.count(len(wanted))
        place = self.place(rows, condition.field)
        return every(
            [
                self._some(place, self._text_test(item))
                if isinstance(item, Regex)
                else self._equal(rows, condition.field, (item,))
                for item in wanted
            ]
        )

    # other comparisons

    def compare(self, rows: Rows, condition: Condition, _: int) -> str:
        symbol, value = COMPARISONS[condition.op], condition.value
        if value is None:
            return FALSE
        kind = type_of(value)
        if kind.kind not in ORDERED:
            raise GatewayError(
                Code.BAD_QUERY, f"{condition.op}: a {kind} has no order", field=condition.field, found=str(kind)
            )

        def test(spot: Spot) -> str:
            if spot.type is None:
                guard, operand = spot.operand(kind.kind)
                return every((guard, f"{operand} {symbol} {self.bind(_comparable(spot, kind.kind, value))}"))
            if spot.type != kind:
                return FALSE
            return f"{spot.scalar} {symbol} {self.bind(_comparable(spot, kind.kind, value))}"

        return self._some(self.place(rows, condition.field), test)

    def exists(self, rows: Rows, condition: Condition, _: int) -> str:
        absent = self._absent(self.place(rows, condition.field))
        return negated(absent) if condition.value else absent

    def size(self, rows: Rows, condition: Condition, _: int) -> str:
        length = condition.value
        if type(length) is not int:
            raise GatewayError(Code.BAD_QUERY, "a size is a whole number", field=condition.field)
        return self._some_list(
            rows,
            condition.field,
            lambda spot: f"json_array_length({list_json(spot)}) = {self.bind(write_number(length))}",
        )

    def contained_by(self, rows: Rows, condition: Condition, _: int) -> str:
        items = _list_of(condition)
        allowed = [(type_of(item), item) for item in items if item is not None]
        self.count(sum(1 for kind, _ in allowed if kind.kind not in SCALARS))

        def test(spot: Spot) -> str:
            element = self.alias()
            inner = element_of(element)
            parts = [self._is_one_of(inner, allowed)]
            if len(allowed) < len(items):
                parts.append(f"{inner.word} = 'null'")
            stranger = negated(either(parts))
            return f"NOT EXISTS (SELECT 1 FROM json_each({list_json(spot)}) AS {element} WHERE {stranger})"

        return self._some_list(rows, condition.field, test)

    def _some_list(self, rows: Rows, field: str, test: Test) -> str:
        """As `_some`, for lists as such; elements that are lists are not asked."""
        place = self.place(rows, field)
        if place is None or not place.may_be_list:
            return FALSE
        passes = every((f"{place.spot.word} = 'array'", test(place.spot)))
        return passes if place.each is None else f"EXISTS (SELECT 1 FROM {place.each} WHERE {passes})"

    def regex(self, rows: Rows, condition: Condition, _: int) -> str:
        return self._some(self.place(rows, condition.field), self._text_test(condition.value))

    def _text_test(self, regex: Value) -> Test:
        if not isinstance(regex, Regex):
            raise GatewayError(Code.BAD_QUERY, "a regular expression is a pattern with its options")
        compile_pattern(regex.pattern, regex.options)  # refused also where no row is there to try it on

        def test(spot: Spot) -> str:
            if spot.type is not None and spot.type.kind is not Kind.STRING:
                return FALSE
            text = spot.scalar if spot.type is not None else f"CASE {spot.word} WHEN 'text' THEN {spot.scalar} END"
            return f"matches({self.bind(regex.pattern)}, {self.bind(regex.options)}, {text})"

        return test

    def like(self, rows: Rows, condition: Condition, _: int) -> str:
        if not isinstance(condition.value, str):
            raise GatewayError(Code.BAD_QUERY, "the pattern of a LIKE is a text", field=condition.field)
        pattern = like_pattern(condition.value)

        def test(spot: Spot) -> str:
            if spot.type is None:
                plain = f"CASE WHEN {spot.word} IN ('text', 'integer', 'real') THEN {spot.scalar} END"
                text = f"coalesce({plain}, {spot.tagged(Kind.DATE)})"
            elif spot.type.kind in (Kind.STRING, Kind.NUMBER, Kind.DATE):
                text = spot.scalar
            else:
                return FALSE
            return f"is_like({self.bind(pattern)}, {text})"

        return self._some(self.place(rows, condition.field), test)

    # places on earth

    def near(self, rows: Rows, condition: Condition, _: int) -> str:
        near: Near = condition.value
        return self._some(self.place(rows, condition.field), lambda spot: self._in_reach(spot, near))

    def _in_reach(self, spot: Spot, near: Near) -> str:
        point = coordinates(spot)
        if point is None:
            return FALSE
        distance = self._distance(point, near.point)
        tests = [f"{point[0]} IS NOT NULL"]
        if near.max_distance is not None:
            tests.append(f"{distance} <= {self.bind(write_number(near.max_distance))}")
        if near.min_distance is not None:
            tests.append(f"{distance} >= {self.bind(write_number(near.min_distance))}")
        return every(tests)

    def nearness(self, rows: Rows, where: Filter | None) -> str | None:
        """The distance to sort by: of the first NEAR that every match must pass, to the nearest of several points."""
        match where:
            case And(parts):
                return next((found for part in parts if (found := self.nearness(rows, part)) is not None), None)
            case Condition(field, Op.NEAR, Near() as near):
                place = self.place(rows, field)
                if place is None:
                    return None
                distances: list[str] = []

                def collect(spot: Spot) -> str:
                    point = coordinates(spot)
                    if point is not None:
                        distances.append(self._distance(point, near.point))
                    return FALSE

                if place.each is None and not place.may_be_list:
                    collect(place.spot)
                    return distances[0] if distances else None
                return self._shortest(place, near.point)
            case _:
                return None

    def _shortest(self, place: Place, center: GeoPoint) -> str:
        element = self.alias()
        own = coordinates(place.spot)
        inner = element_of(element)
        of_elements = coordinates(inner)
        assert of_elements is not None
        ways = [
            f"(SELECT min({self._distance(of_elements, center)}) FROM json_each({list_json(place.spot)}) AS {element})"
        ]
        if own is not None:
            ways.append(self._distance(own, center))
        shortest = f"coalesce({', '.join(ways)})" if len(ways) > 1 else ways[0]
        return shortest if place.each is None else f"(SELECT min({shortest}) FROM {place.each})"

    def _distance(self, point: tuple[str, str], center: GeoPoint) -> str:
        """In radians, by the haversine formula on a sphere."""
        latitude, longitude = point
        here = write_number(float(center.latitude)), write_number(float(center.longitude))
        lat, lng = self.bind(radians(here[0])), self.bind(radians(here[1]))
        return (
            f"2 * asin(min(1, sqrt(pow(sin((radians({latitude}) - {lat}) / 2), 2)"
            f" + cos(radians({latitude})) * {self.bind(cos(radians(here[0])))}"
            f" * pow(sin((radians({longitude}) - {lng}) / 2), 2))))"
        )

    def within(self, rows: Rows, condition: Condition, _: int) -> str:
        area = condition.value

        def test(spot: Spot) -> str:
            point = coordinates(spot)
            if point is None:
                return FALSE
            latitude, longitude = point
            match area:
                case Circle(center, radius):
                    return f"{self._distance(point, center)} <= {self.bind(write_number(radius))}"
                case Polygon():
                    ring = self.bind_json(write_column(Kind.POLYGON, area))
                    return f"inside({ring}, {latitude}, {longitude})"
                case Box(southwest, northeast):
                    south, north = self.bind(float(southwest.latitude)), self.bind(float(northeast.latitude))
                    west, east = self.bind(float(southwest.longitude)), self.bind(float(northeast.longitude))
                    # a box whose west is east of its east goes across the antimeridian
                    word = "OR" if southwest.longitude > northeast.longitude else "AND"
                    return every(
                        (
                            f"{latitude} BETWEEN {south} AND {north}",
                            f"({longitude} >= {west} {word} {longitude} <= {east})",
                        )
                    )
                case _:
                    raise GatewayError(Code.BAD_QUERY, "an area is a box, a circle or a polygon")

        return self._some(self.place(rows, condition.field), test)

    def covers(self, rows: Rows, condition: Condition, _: int) -> str:
        point: GeoPoint = condition.value

        def test(spot: Spot) -> str:
            if spot.type is None:
                ring = spot.tagged(Kind.POLYGON, arrow="->")
            elif spot.type.kind is Kind.POLYGON:
                ring = spot.json
            else:
                return FALSE
            return f"inside({ring}, {self.bind(float(point.latitude))}, {self.bind(float(point.longitude))})"

        return self._some(self.place(rows, condition.field), test)

    # texts

    def text(self, rows: Rows, condition: Condition, _: int) -> str:
        words = _words_of(condition)
        found = self.text_in(rows, condition.field)
        if found is None:
            return FALSE
        self.count(len(words.every) + 2)
        some, every_one = found.match(words.some), [found.match((phrase,)) for phrase in words.every]
        # a phrase without a word in it says nothing
        wanted = [match for match in every_one if match is not None] or ([some] if some is not None else [])
        if not wanted:
            return FALSE
        without = found.match(words.without)
        parts = [f"{rows.alias}.seq IN ({found.select(self.bind(match))})" for match in wanted]
        if without is not None:
            parts.append(f"{rows.alias}.seq NOT IN ({found.select(self.bind(without))})")
        return every(parts)

    def text_in(self, rows: Rows, field: str) -> TextIn | None:
        """Where the texts of a field are found; None where no object has any that the caller may read.

        Raises Unindexed, and GatewayError(BAD_QUERY, BAD_FIELD_NAME, FORBIDDEN).
        """
        if rows.named is not None:
            raise GatewayError(Code.BAD_QUERY, "texts are searched of objects; these are computed rows", field=field)
        texts = [column for column in rows.of.columns.values() if column.type.kind in TEXTS]
        if field == ANY_TEXT and self._text_fields is None:
            access = self._access.get(rows.of.name)
            hidden = access.ever_hidden(self._caller) if access is not None else frozenset[str]()
            columns = [column for column in texts if column.name not in hidden]
        else:
            names = (field,) if field != ANY_TEXT else self._text_fields or ()
            columns = [column for name in names if (column := self._text_column(rows, name)) is not None]
        if not columns:
            return None
        if not rows.of.is_indexed:
            raise Unindexed(rows.of.name)
        return TextIn(rows.of, None if columns == texts else tuple(column.id for column in columns))

    def _text_column(self, rows: Rows, field: str) -> Column | None:
        if field in SYSTEM_COLUMNS or "." in field:
            raise GatewayError(Code.BAD_QUERY, f"words are looked for in whole columns, not in {field}", field=field)
        check_field_name(field)
        access = self._access.get(rows.of.name)
        if access is not None:
            access.refuse_computed(field, self._caller)
        column = rows.of.columns.get(field)
        if column is not None and column.type.kind not in TEXTS:
            message = f"words are looked for in texts, and {rows.of.name}.{field} is a {column.type}"
            raise GatewayError(Code.BAD_QUERY, message, field=field)
        return column

    def score(self, rows: Rows, where: Filter | None) -> tuple[str, str]:
        """How well a row matches the words of a condition: a value, and what to join for it. Raises as `text_in`."""
        joined: list[str] = []
        values: list[str] = []
        for field, words in searched(where):
            found = self.text_in(rows, field)
            match = found.match((*words.every, *words.some)) if found is not None else None
            if found is None or match is None:
                continue
            alias = self.alias()
            joined.append(f" LEFT JOIN ({found.ranked(self.bind(match))}) AS {alias} ON {alias}.hit = {rows.alias}.seq")
            values.append(f"coalesce({alias}.worth, 0)")
            self.count(1)
        return f"({' + '.join(values)})" if values else "0.0", "".join(joined)

    # other classes

    def _related(self, rows: Rows, owner: Pointer, field: str) -> str:
        owners = self._schema.classes.get(owner.class_name)
        column = owners.columns.get(field) if owners is not None else None
        if owners is None or column is None or column.type != Type(Kind.RELATION, rows.of.name):
            return FALSE
        self.refuse_hidden(owners, field)
        known = self.bind(owner.id)
        members = f"SELECT member FROM member WHERE field = {self.bind(column.id)} AND owner = {known}"
        holder = self.rows(owners, Action.GET)
        if (visible := self.readable(holder)) != TRUE:
            members += f" AND EXISTS (SELECT 1 FROM {holder.table} WHERE {holder.alias}.id = {known} AND {visible})"
        return f"{rows.alias}.id IN ({members})"

    def _inverse(self, rows: Rows, inverse: Inverse, depth: int) -> str:
        owners = self._schema.classes.get(inverse.class_name)
        column = owners.columns.get(inverse.field) if owners is not None else None
        if owners is None or column is None or column.type.target != rows.of.name:
            return FALSE
        self.refuse_hidden(owners, inverse.field)
        holder = self.rows(owners)
        condition = self.condition(holder, inverse.where, depth + 1)
        if column.type.kind is Kind.POINTER:
            held = holder.column(inverse.field)
            return f"{rows.alias}.id IN (SELECT +({held}) FROM {holder.table} WHERE {condition} AND {held} IS NOT NULL)"
        chosen = f"SELECT {holder.alias}.id FROM {holder.table} WHERE {condition}"
        members = f"SELECT member FROM member WHERE field = {self.bind(column.id)} AND owner IN ({chosen})"
        return f"{rows.alias}.id IN ({members})"

    def _relation(self, rows: Rows, field: int, target: str | None, condition: Condition, depth: int) -> str:
        """A condition on a relation: it has the members that are there, and every object has the field itself."""
        op, value = condition.op, condition.value
        if op is Op.EXISTS:
            return TRUE if value else FALSE
        if op in (Op.NE, Op.NOT_IN):
            positive = Condition(condition.field, Op.EQ if op is Op.NE else Op.IN, value)
            return negated(self._relation(rows, field, target, positive, depth))
        if op not in (Op.EQ, Op.IN):
            return FALSE
        of = self._schema.classes.get(target or "")
        if of is None:
            return FALSE
        members = self.rows(of, Action.GET)
        member = Spot(Type(Kind.POINTER, target), f"{members.alias}.id", "'text'", "NULL", "NULL")
        if isinstance(value, Subquery):
            test = self._among(value, depth)
        else:
            wanted = [
                (type_of(item), item) for item in (_list_of(condition) if op is Op.IN else (value,)) if item is not None
            ]
            test = partial(self._is_one_of, wanted=wanted)
        found = every((self.readable(members), test(member)))
        wanted_members = f"SELECT {members.alias}.id FROM {members.table} WHERE {found}"
        owners = f"SELECT owner FROM member WHERE field = {self.bind(field)} AND member IN ({wanted_members})"
        return f"{rows.alias}.id IN ({owners})"

    def _subquery(self, query: Subquery, depth: int) -> tuple[Rows, str] | None:
        """The rows of its class, and the condition that finds those it means; None where there is no such class."""
        found = self._schema.classes.get(query.class_name)
        if found is None:
            return None
        self.count(1)
        rows = self.rows(found)
        if query.limit is None:
            return rows, self.condition(rows, query.where, depth + 1)
        page = self.rows(found)
        source = self.source(page, query.where, depth + 1)
        order = self.order(page, query.order, query.where)
        chosen = f"SELECT {page.alias}.seq FROM {source} ORDER BY {order} {self.page(query.limit, query.skip)}"
        return rows, f"{rows.alias}.seq IN ({chosen})"

    def _among(self, query: Subquery, depth: int) -> Test:
        """Whether a value is one that the subquery gives."""
        inner = self._subquery(query, depth)
        if inner is None:
            return lambda _: FALSE
        found, condition = inner
        if query.key is None:
            chosen = {Type(Kind.POINTER, query.class_name): Chosen(f"{found.alias}.id", found.table, condition)}
            return lambda spot: self._is_in(spot, chosen, None)
        joins = Joins(self, found, self.refuse_hidden)
        led = joins.follow(query.key)
        key = self.place(*led) if led is not None else None
        if key is None:
            return lambda _: FALSE
        tables = [found.table, *(table for table, _ in joins.tables)]
        source = ", ".join(tables if key.each is None else [*tables, key.each])
        condition = every((condition, *(joined for _, joined in joins.tables)))
        return lambda spot: self._is_in(spot, *_values_of(key.spot, spot, source, condition))

    def _is_in(self, spot: Spot, chosen: Mapping[Type, Chosen], rest: Chosen | None) -> str:
        """Whether the value at a spot is among those chosen: scalars by type in their bare form, the rest as texts."""
        tests = []
        for kind, values in chosen.items():
            if spot.type is not None:
                if spot.type == kind:
                    tests.append(f"{spot.scalar} IN ({values.select()})")
                continue
            guard, operand = spot.operand(kind.kind)
            prefix = f"{kind.target}:" if kind.target is not None else ""  # below a column, a pointer tells its class
            tests.append(every((guard, f"{operand} IN ({values.select(prefix)})")))
        if rest is not None and (own := canonical_sql(spot)) is not None:
            tests.append(f"{own} IN ({rest.select()})")
        return either(tests)

    # order and page

    def order(
        self, rows: Rows, sorts: Sequence[Sort], where: Filter | None = None, named: Mapping[str, str] = NO_NAMES
    ) -> str:
        """The terms of an ORDER BY. Missing and null come first, ascending; ties, and no order, are by age.

        `named` is SQL for values that are computed, by names that go before those of fields.
        """
        terms = []
        descending = False
        for sort in sorts:
            if sort.value is not None:
                raise GatewayError(Code.BAD_QUERY, f"{sort.field} is of groups, and there are none to sort")
            sql = named.get(sort.field) or self.sort_key(rows, sort.field)
            if sql is not None:
                if sort.missing_last is not None:
                    self._check_single(rows, sort.field)
                descending = sort.descending
                last = "" if sort.missing_last is None else f" NULLS {'LAST' if sort.missing_last else 'FIRST'}"
                terms.append(f"{sql}{' DESC' if descending else ''}{last}")
        if not sorts and (distance := self.nearness(rows, where)) is not None:
            terms.append(distance)
        # the rowid is the last part of every index: in the direction of the last key, no sorting is left to do
        terms.append(f"{rows.alias}.seq DESC" if descending else f"{rows.alias}.seq")
        return ", ".join(terms)

    @staticmethod
    def _check_single(rows: Rows, field: str) -> None:
        column = rows.of.columns.get(field.partition(".")[0])
        if column is not None and column.type.kind in (Kind.ARRAY, Kind.OBJECT):
            message = f"objects are sorted by a field of one value, and {field} may have several"
            raise GatewayError(Code.BAD_QUERY, message, field=field)

    def sort_key(self, rows: Rows, field: str) -> str | None:
        self.refuse_hidden(rows.of, field, "sort by")
        place = None if field == ACL else self.place(rows, field)
        return None if place is None or place.each is not None else place.spot.scalar

    def page(self, limit: int, skip: int) -> str:
        if limit < 0 or skip < 0:
            raise GatewayError(Code.BAD_QUERY, "limit and skip cannot be negative")
        return f"LIMIT {self.bind(write_number(limit))} OFFSET {self.bind(write_number(skip))}"


Writer = Callable[[FilterSql, Rows, Condition, int], str]


def _complement(positive: Writer) -> Writer:
    return lambda sql, rows, condition, depth: negated(positive(sql, rows, condition, depth))


WRITERS: Final[Mapping[Op, Writer]] = {
    Op.EQ: FilterSql.eq,
    Op.NE: _complement(FilterSql.eq),
    Op.LT: FilterSql.compare,
    Op.LE: FilterSql.compare,
    Op.GT: FilterSql.compare,
    Op.GE: FilterSql.compare,
    Op.IN: FilterSql.is_in,
    Op.NOT_IN: _complement(FilterSql.is_in),
    Op.EXISTS: FilterSql.exists,
    Op.ALL: FilterSql.has_all,
    Op.SIZE: FilterSql.size,
    Op.CONTAINED_BY: FilterSql.contained_by,
    Op.REGEX: FilterSql.regex,
    Op.LIKE: FilterSql.like,
    Op.NEAR: FilterSql.near,
    Op.WITHIN: FilterSql.within,
    Op.COVERS: FilterSql.covers,
    Op.TEXT: FilterSql.text,
}


def _words_of(condition: Condition) -> Words:
    words = condition.value
    if not isinstance(words, Words):
        raise GatewayError(Code.BAD_QUERY, "a search needs words", field=condition.field)
    if words.accents_alike is False:
        message = "accents make no difference to a search here; a regular expression tells them apart"
        raise GatewayError(Code.UNSUPPORTED, message, field=condition.field)
    if len(words.some) + len(words.every) + len(words.without) > MOST_PHRASES:
        raise GatewayError(Code.BAD_QUERY, f"a search has at most {MOST_PHRASES} phrases", field=condition.field)
    return words


def _list_of(condition: Condition) -> Sequence[Value]:
    value = condition.value
    if not isinstance(value, list | tuple):
        raise GatewayError(Code.BAD_QUERY, f"{condition.op} needs a list", field=condition.field)
    return value


def _comparable(spot: Spot, kind: Kind, value: Value) -> SqlValue:
    """A scalar as the SQL value that stands at such a spot for it."""
    if kind is Kind.POINTER and spot.type is None:
        pointer: str = CODECS[kind].write(pointer_to(value))
        return pointer
    if kind is Kind.BOOLEAN:
        return int(value)
    bare: SqlValue = write_column(kind, value)
    return bare


def _values_of(key: Spot, outer: Spot, source: str, condition: str) -> tuple[dict[Type, Chosen], Chosen | None]:
    """What stands at `key` of the rows that a condition finds, as far as `outer` can be compared with it."""

    def choose(value: str, *tests: str) -> Chosen:
        return Chosen(value, source, every((condition, *tests, f"{value} IS NOT NULL")))

    rest = canonical_sql(key)
    others = choose(rest) if rest is not None else None
    if key.type is not None:
        return ({key.type: choose(key.scalar)} if key.type.kind in SCALARS else {}), others
    chosen: dict[Type, Chosen] = {}
    for kind in SCALARS:
        guard, operand = key.operand(kind)
        if kind is not Kind.POINTER or outer.type is None:
            chosen[Type(kind)] = choose(operand, guard)
        elif outer.type.kind is kind:
            prefix = f"{outer.type.target}:"
            bare = f"substr({operand}, {len(prefix) + 1})"
            chosen[outer.type] = choose(bare, f"substr({operand}, 1, {len(prefix)}) = '{prefix}'")
    return chosen, others
