"""Conditions as JSON: `{"score": {"$gt": 1, "$lt": 9}, "$or": [{...}, {...}]}`.

MongoDB's query language as Parse took it over and LeanCloud after it. Which operators there are, and their names, is
the mapping's (`where:`); what they take is the same for all who speak it, and stands here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.dialects.names import FieldNames
from gateway.dialects.relative_time import read_relative_time
from gateway.dialects.scalars import shown
from gateway.dialects.values_json import ValuesJson, close_ring
from gateway.errors import Code, GatewayError, MappingError
from gateway.mapping.schema import WhereSection
from gateway.mapping.shape import Codec
from gateway.model.query import (
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
    Phrase,
    Regex,
    RelatedTo,
    Subquery,
    Words,
)
from gateway.model.values import GeoPoint, Pointer, Polygon
from gateway.wire import read_json

LOGIC = frozenset({"and", "or", "nor", "related_to"})
OPERATORS = frozenset(
    {
        "eq", "ne", "lt", "le", "gt", "ge", "in", "not_in", "exists", "all", "size", "contained_by",
        "regex", "regex_options",
        "in_query", "not_in_query", "select", "dont_select",
        "near", "max_radians", "max_miles", "max_kilometers", "max_distance",
        "min_radians", "min_miles", "min_kilometers", "min_distance",
        "within", "geo_within", "geo_intersects", "relative_time", "text",
    }
)  # fmt: skip

_PLAIN: Mapping[str, Op] = {
    "eq": Op.EQ, "ne": Op.NE, "lt": Op.LT, "le": Op.LE, "gt": Op.GT, "ge": Op.GE,
}  # fmt: skip
_ORDERING = frozenset({"lt", "le", "gt", "ge"})
_LISTS: Mapping[str, Op] = {"in": Op.IN, "not_in": Op.NOT_IN, "all": Op.ALL, "contained_by": Op.CONTAINED_BY}
_OPTIONS = frozenset("imsxu")


def bad_query(message: str, field: str = "") -> GatewayError:
    return GatewayError(Code.BAD_QUERY, message, field=field)


@dataclass(frozen=True, slots=True)
class _Nested:
    """What a reader of one operator may look at besides its own value."""

    field: str
    siblings: Mapping[str, Any]


def _flattened(parts: tuple[Filter, ...]) -> Iterator[Filter]:
    """The parts of an And, and of those inside it: `all of (a, all of (b, c))` is all of a, b and c."""
    for part in parts:
        if isinstance(part, And):
            yield from _flattened(part.parts)
        else:
            yield part


LONGEST_TERM = 4096
"""Characters."""

_TERM = re.compile(r'(-?)(?:"([^"]*)"|([^\s"]+))')


def read_term(text: str, language: str | None = None, *, accents_alike: bool | None = None) -> Words:
    """`coffee "ice cream" -milk`: some of the words, all of what is in quotes, nothing of what has a minus.

    Source: MongoDB manual, "$text", "$search Field".
    """
    if len(text) > LONGEST_TERM:
        raise bad_query(f"a search has at most {LONGEST_TERM} characters")
    found: dict[str, list[Phrase]] = {"some": [], "every": [], "without": []}
    for minus, quoted, word in _TERM.findall(text):
        kind = "without" if minus else "every" if quoted else "some"
        found[kind].append(Phrase(quoted or word))
    parts = {name: tuple(phrases) for name, phrases in found.items()}
    return Words(**parts, language=language, accents_alike=accents_alike)


def write_term(words: Words) -> dict[str, Any]:
    """Raises GatewayError(UNSUPPORTED)."""
    if any(phrase.prefix for phrase in (*words.some, *words.every, *words.without)):
        raise GatewayError(Code.UNSUPPORTED, "the beginning of a word cannot be searched for here")
    some, every = words.some, words.every
    if len(some) == 1 and not every and not _is_word(some[0]):
        some, every = (), some  # the one phrase must be there
    if not all(map(_is_word, some)) or any('"' in phrase.words for phrase in (*every, *words.without)):
        raise GatewayError(Code.UNSUPPORTED, "one of several phrases cannot be searched for here")
    parts = [phrase.words for phrase in some]
    parts += [f'"{phrase.words}"' for phrase in every]
    parts += [f"-{phrase.words}" if _is_word(phrase) else f'-"{phrase.words}"' for phrase in words.without]
    term: dict[str, Any] = {"$term": " ".join(parts)}
    if words.language is not None:
        term["$language"] = words.language
    if words.accents_alike is not None:
        term["$diacriticSensitive"] = not words.accents_alike
    return term


def _is_word(phrase: Phrase) -> bool:
    found = _TERM.fullmatch(phrase.words)
    return found is not None and not found[1] and found[3] is not None


class WhereJson:
    """Filters of one dialect: its operators by name, over the values and the fields that it has."""

    def __init__(
        self,
        section: WhereSection,
        names: FieldNames,
        incoming: ValuesJson,
        outgoing: ValuesJson,
        order: Codec,
    ) -> None:
        for known, given, where in ((OPERATORS, section.operators, "operators"), (LOGIC, section.logic, "logic")):
            if unknown := given.keys() - known:
                raise MappingError(f"where.{where}: there is no {', '.join(sorted(unknown))}")
            if len(set(given.values())) != len(given):
                raise MappingError(f"where.{where}: two operators have one name")
        self._section = section
        self._names = names
        self._incoming = incoming
        self._outgoing = outgoing
        self._order = order
        # a relative time stands in the place of a value, and not of an operator
        self._by_wire = {wire: name for name, wire in section.operators.items() if name != "relative_time"}
        self._logic = {wire: name for name, wire in section.logic.items()}
        self._wire: Mapping[str, str] = {**section.operators, **section.logic}
        self._subquery_keys = frozenset({*section.subquery_binds, *section.subquery_ignores})
        # these only refine another operator of the same condition
        self._refining = {"regex_options"} | {name for name in OPERATORS if name.startswith(("max_", "min_"))}
        self._readers: Mapping[str, Callable[[Any, _Nested], Condition]] = {
            "exists": self._read_exists,
            "size": self._read_size,
            "regex": self._read_regex,
            "in_query": self._read_in_query,
            "not_in_query": self._read_in_query,
            "select": self._read_select,
            "dont_select": self._read_select,
            "near": self._read_near,
            "within": self._read_within,
            "geo_within": self._read_geo_within,
            "geo_intersects": self._read_geo_intersects,
            "text": self._read_text,
        }

    # --- reading ---

    def read(self, wire: Any) -> Filter | None:
        """A filter, or None for `{}`. JSON as text (a URL) or as data (a body). Raises GatewayError."""
        if isinstance(wire, str):
            if not wire:
                return None
            try:
                wire = read_json(wire)
            except GatewayError:
                # Parse Server's own sentences, here and below: SDKs show them, and people search for them
                raise GatewayError(Code.BAD_JSON, "where parameter is not valid JSON") from None
        parts = self._parts(wire)
        if not parts:
            return None
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _parts(self, wire: Any) -> list[Filter]:
        # LeanCloud storage REST guide, "Compound Queries": a list of conditions is all of them
        if type(wire) is list and self._section.list_is_and:
            return [part for item in wire for part in self._parts(item)]
        if type(wire) is not dict:
            raise bad_query(f"where must be a JSON object, not {shown(wire)}")
        parts: list[Filter] = []
        for key, value in wire.items():
            if key[:1] == "$":
                parts.extend(self._read_logic(key, value))
            else:
                parts.extend(self._read_field(key, value))
        return parts

    def _all_of(self, wire: Any) -> Filter:
        parts = self._parts(wire)
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _read_logic(self, key: str, value: Any) -> list[Filter]:
        name = self._logic.get(key)
        if name is None:
            raise self._unknown(key, "at this place")
        if name == "related_to":
            return [self._read_related(value)]
        if type(value) is not list:
            raise bad_query(f"{key} must be an array", key)
        if not value and name == "nor":
            raise bad_query(f"Bad {key} format - use an array of at least 1 value.", key)
        if name == "and":
            return [part for item in value for part in self._parts(item)]
        either = Or(tuple(self._all_of(item) for item in value))
        return [either if name == "or" else Not(either)]

    def _unknown(self, operator: str, place: str) -> GatewayError:
        if operator in self._section.refuse:
            return GatewayError(Code.UNSUPPORTED, f"the operator {operator} is not supported here", name=operator)
        return bad_query(f"there is no operator {operator} ({place})", operator)

    def _read_related(self, value: Any) -> Filter:
        if type(value) is not dict or value.keys() != {"object", "key"} or type(value["key"]) is not str:
            raise bad_query("$relatedTo must have an object and a key", "$relatedTo")
        owner = self._incoming.read(value["object"])
        if type(owner) is not Pointer:
            raise bad_query("the object of $relatedTo must be a pointer", "$relatedTo")
        return RelatedTo(owner, self._names.read(value["key"]))

    def _read_field(self, key: str, value: Any) -> list[Filter]:
        try:
            field = self._names.read(key)
        except GatewayError as error:  # some vendors have another sentence for it than where a field is written
            raise GatewayError(error.code, error.message, **{**error.details, "expected": "condition"}) from None
        if type(value) is not dict or self._incoming.tag in value:
            return [Condition(field, Op.EQ, self._incoming.read(value))]
        operators = [name for name in value if name[:1] == "$"]
        if not operators:
            return [Condition(field, Op.EQ, self._incoming.read(value))]
        if len(operators) != len(value):
            raise bad_query(f"the condition on {key!r} mixes operators and plain keys", key)
        nested = _Nested(field, value)
        conditions: list[Filter] = []
        refining = 0
        for wire_name, operand in value.items():
            name = self._by_wire.get(wire_name)
            if name is None:
                raise self._unknown(wire_name, f"on {key!r}")
            if name in self._refining:
                refining += 1
            else:
                conditions.append(self._read_operator(name, operand, nested))
        if refining and not any(c.op in (Op.REGEX, Op.NEAR) for c in conditions if isinstance(c, Condition)):
            raise bad_query(f"the condition on {key!r} has options of an operator that is not there", key)
        return conditions

    def _read_operator(self, name: str, operand: Any, nested: _Nested) -> Condition:
        if name in _PLAIN:
            relative = self._wire.get("relative_time")
            if type(operand) is dict and operand.keys() == {relative} and name in _ORDERING:
                return Condition(nested.field, _PLAIN[name], read_relative_time(operand[relative]))
            return Condition(nested.field, _PLAIN[name], self._operand(operand, nested.field))
        if name in _LISTS:
            return Condition(nested.field, _LISTS[name], self._read_list(name, operand, nested.field))
        condition = self._readers[name](operand, nested)
        if name in ("not_in_query", "dont_select"):
            return Condition(condition.field, Op.NOT_IN, condition.value)
        return condition

    def _operand(self, wire: Any, field: str) -> Any:
        """A value to compare with. What looks like an operator is none there, and must not pass as data."""
        for part in wire if type(wire) is list else (wire,):
            if type(part) is dict:
                for key in part:
                    if key[:1] == "$":
                        raise self._unknown(key, f"in a value to compare {field!r} with")
        return self._incoming.read(wire)

    def _read_list(self, name: str, operand: Any, field: str) -> list[Any]:
        if type(operand) is not list:
            # Parse Server answers 107 here, not 102
            raise GatewayError(Code.BAD_JSON, f"bad {self._wire[name]} value", field=field)
        regex = self._wire.get("regex")
        if name == "all" and regex and any(type(item) is dict and regex in item for item in operand):
            return [self._regex(item, field) for item in operand]
        read: list[Any] = self._operand(operand, field)
        return read

    @staticmethod
    def _read_exists(operand: Any, nested: _Nested) -> Condition:
        # Parse Server and MongoDB take any value for true or false here, and SDKs rely on booleans only
        if operand not in (True, False):
            raise bad_query(f"$exists must be true or false (on {nested.field!r})", nested.field)
        return Condition(nested.field, Op.EXISTS, bool(operand))

    @staticmethod
    def _read_size(operand: Any, nested: _Nested) -> Condition:
        if type(operand) is not int or operand < 0:
            raise bad_query(f"$size must be a whole number (on {nested.field!r})", nested.field)
        return Condition(nested.field, Op.SIZE, operand)

    def _read_regex(self, operand: Any, nested: _Nested) -> Condition:
        options = nested.siblings.get(self._wire.get("regex_options", ""), "")
        return Condition(nested.field, Op.REGEX, self._pattern(operand, options, nested.field))

    def _regex(self, wire: Any, field: str) -> Regex:
        if type(wire) is not dict or not wire.keys() <= {self._wire["regex"], self._wire.get("regex_options")}:
            raise bad_query(f"all items of a list of patterns must be patterns (on {field!r})", field)
        return self._pattern(wire.get(self._wire["regex"]), wire.get(self._wire.get("regex_options", ""), ""), field)

    @staticmethod
    def _pattern(pattern: Any, options: Any, field: str) -> Regex:
        if type(pattern) is not str:
            raise bad_query(f"a pattern must be text (on {field!r})", field)
        if type(options) is not str or not _OPTIONS.issuperset(options):
            raise bad_query(
                f"Bad $options value for query: {options if type(options) is str else shown(options)}", field
            )
        return Regex(pattern, "".join(sorted(set(options) - {"u"})))  # RE2 reads Unicode anyway

    def _read_subquery(self, wire: Any, operator: str, key: str | None) -> Subquery:
        if type(wire) is not dict or type(wire.get("className")) is not str:
            raise bad_query(f"improper usage of {operator}: it needs a className and a where", operator)
        if unknown := wire.keys() - {"className", "where"} - self._subquery_keys:
            raise bad_query(f"improper usage of {operator}: unknown {', '.join(sorted(unknown))}", operator)
        bound: dict[str, Any] = {name: wire[name] for name in self._section.subquery_binds if name in wire}
        for name in ("limit", "skip"):
            if name in bound and (type(bound[name]) is not int or bound[name] < 0):
                raise bad_query(f"improper usage of {operator}: bad {name}", operator)
        if "order" in bound:
            bound["order"] = self._order.read(bound["order"])
        where = self.read(wire.get("where", {}))
        return Subquery(self._names.read_class(wire["className"]), where, key, **bound)

    def _read_in_query(self, operand: Any, nested: _Nested) -> Condition:
        # Parse Server asks for the where here, and not inside $select, where old SDKs leave it out
        if type(operand) is dict and "where" not in operand:
            raise bad_query(f"improper usage of {self._wire['in_query']}")
        return Condition(nested.field, Op.IN, self._read_subquery(operand, self._wire["in_query"], None))

    def _read_select(self, operand: Any, nested: _Nested) -> Condition:
        operator = self._wire["select"]
        if type(operand) is not dict or operand.keys() != {"query", "key"} or type(operand["key"]) is not str:
            raise bad_query(f"improper usage of {operator}: it has exactly a query and a key", operator)
        key = self._names.read(operand["key"])
        return Condition(nested.field, Op.IN, self._read_subquery(operand["query"], operator, key))

    def _read_near(self, operand: Any, nested: _Nested) -> Condition:
        return Condition(
            nested.field,
            Op.NEAR,
            Near(self._point(operand, nested.field), self._distance("max", nested), self._distance("min", nested)),
        )

    def _distance(self, bound: str, nested: _Nested) -> float | None:
        """In radians. Parse REST guide, "Geo Queries": miles and kilometres are distances on a sphere."""
        found: float | None = None
        for unit, radius in (
            ("distance", 1.0),
            ("radians", 1.0),
            ("miles", self._section.miles),
            ("kilometers", self._section.kilometers),
        ):
            wire = self._wire.get(f"{bound}_{unit}")
            if wire is None or wire not in nested.siblings:
                continue
            value = nested.siblings[wire]
            if found is not None or type(value) not in (int, float) or value < 0:
                raise bad_query(f"{wire} must be one number, not negative (on {nested.field!r})", nested.field)
            found = value / radius if radius != 1.0 else value
        return found

    def _point(self, wire: Any, field: str) -> GeoPoint:
        """A GeoPoint, or `[longitude, latitude]` as MongoDB has it."""
        if type(wire) is list and len(wire) == 2 and all(type(part) in (int, float) for part in wire):
            return GeoPoint(wire[1], wire[0])
        point = self._incoming.read(wire) if type(wire) is dict else wire
        if type(point) is not GeoPoint:
            raise bad_query(f"expected a GeoPoint (on {field!r})", field)
        return point

    def _read_within(self, operand: Any, nested: _Nested) -> Condition:
        if type(operand) is not dict or operand.keys() != {"$box"} or type(operand["$box"]) is not list:
            raise bad_query(f"$within must have a $box (on {nested.field!r})", nested.field)
        return Condition(nested.field, Op.WITHIN, self._box(operand["$box"], nested.field))

    def _box(self, corners: list[Any], field: str) -> Box:
        if len(corners) != 2:
            raise bad_query(f"$box must hold two points, southwest and northeast (on {field!r})", field)
        one, other = self._point(corners[0], field), self._point(corners[1], field)
        # the REST guide's own example has the northern corner first; Parse Server on PostgreSQL takes any two
        south, north = sorted((one.latitude, other.latitude))
        return Box(GeoPoint(south, one.longitude), GeoPoint(north, other.longitude))

    def _read_geo_within(self, operand: Any, nested: _Nested) -> Condition:
        field = nested.field
        if type(operand) is dict and operand.keys() == {"$polygon"}:
            return Condition(field, Op.WITHIN, self._polygon(operand["$polygon"], field))
        if type(operand) is dict and operand.keys() == {"$centerSphere"}:
            circle = operand["$centerSphere"]
            if type(circle) is list and len(circle) == 2 and type(circle[1]) in (int, float) and circle[1] >= 0:
                return Condition(field, Op.WITHIN, Circle(self._point(circle[0], field), circle[1]))
        raise bad_query(f"$geoWithin must have a $polygon or a $centerSphere (on {field!r})", field)

    def _polygon(self, wire: Any, field: str) -> Polygon:
        if type(wire) is dict:
            polygon = self._incoming.read(wire)
            if type(polygon) is Polygon:
                return polygon
        if type(wire) is not list or len(wire) < 3:
            raise bad_query(f"$polygon must hold three points or more (on {field!r})", field)
        return Polygon(close_ring([self._point(point, field) for point in wire]))

    def _read_geo_intersects(self, operand: Any, nested: _Nested) -> Condition:
        if type(operand) is not dict or operand.keys() != {"$point"}:
            raise bad_query(f"$geoIntersects must have a $point (on {nested.field!r})", nested.field)
        return Condition(nested.field, Op.COVERS, self._point(operand["$point"], nested.field))

    def _read_text(self, operand: Any, nested: _Nested) -> Condition:
        name = self._wire["text"]
        search = operand.get("$search") if type(operand) is dict and operand.keys() == {"$search"} else None
        if type(search) is not dict:
            raise self._bad_text(name, "$search, should be object", nested)
        if unknown := search.keys() - {"$term", "$language", "$caseSensitive", "$diacriticSensitive"}:
            raise self._bad_text(name, f"unknown {', '.join(sorted(unknown))}", nested)
        for key, kind in (("$term", str), ("$language", str), ("$caseSensitive", bool), ("$diacriticSensitive", bool)):
            if (key in search or key == "$term") and type(search.get(key)) is not kind:
                raise self._bad_text(name, f"{key}, should be {'boolean' if kind is bool else 'string'}", nested)
        if not search["$term"]:
            raise self._bad_text(name, "$term, should be string", nested)
        if search.get("$caseSensitive"):
            # Parse Server on PostgreSQL, in its own words
            reason = "$caseSensitive not supported, please use $regex or create a separate lower case column."
            raise self._bad_text(name, reason, nested)
        sensitive = search.get("$diacriticSensitive")
        alike = None if sensitive is None else not sensitive
        words = read_term(search["$term"], search.get("$language"), accents_alike=alike)
        return Condition(nested.field, Op.TEXT, words)

    @staticmethod
    def _bad_text(name: str, reason: str, nested: _Nested) -> GatewayError:
        # Parse Server answers 107 here, in this form
        return GatewayError(Code.BAD_JSON, f"bad {name}: {reason}", field=nested.field)

    # --- writing ---

    def write(self, where: Filter) -> dict[str, Any]:
        """Raises GatewayError(UNSUPPORTED) for an operator that the mapping does not name."""
        match where:
            case Condition():
                return {self._names.write(where.field): self._write_condition(where)}
            case And(parts):
                return self._write_and(parts)
            case Or(parts):
                return {self._operator("or"): [self.write(part) for part in parts]}
            case Not(Or(parts)):
                return {self._operator("nor"): [self.write(part) for part in parts]}
            case Not(part):
                return {self._operator("nor"): [self.write(part)]}
            case RelatedTo(owner, field):
                value = {"object": self._outgoing.write(owner), "key": self._names.write(field)}
                return {self._operator("related_to"): value}
            case Inverse() | Comparison():
                raise GatewayError(Code.UNSUPPORTED, f"a {type(where).__name__} cannot be told here")

    def _operator(self, name: str) -> str:
        wire = self._wire.get(name)
        if wire is None:
            raise GatewayError(Code.UNSUPPORTED, f"there is no operator for {name!r} here")
        return wire

    def _write_and(self, parts: tuple[Filter, ...]) -> dict[str, Any]:
        """Conditions share an object while their keys differ; what does not fit stands in a list beside them."""
        merged: dict[str, Any] = {}
        others: list[dict[str, Any]] = []
        for part in _flattened(parts):
            for key, value in self.write(part).items():
                if key not in merged:
                    merged[key] = value
                elif self._joins(merged[key], value):
                    merged[key] = {**merged[key], **value}
                else:
                    others.append({key: value})
        if others:
            merged[self._operator("and")] = others
        return merged

    @staticmethod
    def _joins(there: Any, value: Any) -> bool:
        return (
            type(there) is dict
            and type(value) is dict
            and all(key[:1] == "$" for key in (*there, *value))
            and not there.keys() & value.keys()
            # Parse Server on PostgreSQL reads past what stands beside `"$ne": null`
            and None not in (*there.values(), *value.values())
            and bool(there)
            and bool(value)
        )

    def _write_condition(self, condition: Condition) -> Any:
        value = condition.value
        match condition.op:
            case Op.EQ:
                return self._write_value(value)
            case Op.IN | Op.NOT_IN if isinstance(value, Subquery):
                return self._write_subquery(value, negated=condition.op is Op.NOT_IN)
            case Op.REGEX:
                return self._write_regex(value)
            case Op.ALL:
                items = [self._write_regex(v) if isinstance(v, Regex) else self._write_value(v) for v in value]
                return {self._operator("all"): items}
            case Op.NEAR:
                return self._write_near(value)
            case Op.WITHIN:
                return self._write_within(value)
            case Op.TEXT:
                return {self._operator("text"): {"$search": write_term(value)}}
            case Op.COVERS:
                return {self._operator("geo_intersects"): {"$point": self._outgoing.write(value)}}
            case _:
                return {self._operator(condition.op.value): self._write_value(value)}

    def _write_value(self, value: Any) -> Any:
        for part in value if type(value) is list else (value,):
            if type(part) is dict and any(key[:1] == "$" for key in part):
                raise GatewayError(
                    Code.UNSUPPORTED, "an object with a key that starts with $ would be an operator here"
                )
        return self._outgoing.write(value)

    def _write_regex(self, regex: Regex) -> dict[str, Any]:
        wire: dict[str, Any] = {self._operator("regex"): regex.pattern}
        if regex.options:
            wire[self._operator("regex_options")] = regex.options
        return wire

    def _write_subquery(self, query: Subquery, *, negated: bool) -> dict[str, Any]:
        wire: dict[str, Any] = {"className": query.class_name, "where": self.write(query.where) if query.where else {}}
        limits = {"limit": query.limit, "skip": query.skip or None, "order": self._order.write(query.order)}
        for name, value in limits.items():
            if value is not None:
                if name not in self._section.subquery_binds:
                    raise GatewayError(Code.UNSUPPORTED, f"a query inside a query has no {name} here")
                wire[name] = value
        if query.key is None:
            return {self._operator("not_in_query" if negated else "in_query"): wire}
        name = self._operator("dont_select" if negated else "select")
        return {name: {"query": wire, "key": self._names.write(query.key)}}

    def _write_near(self, near: Near) -> dict[str, Any]:
        wire: dict[str, Any] = {self._operator("near"): self._outgoing.write(near.point)}
        for bound, value in (("max_distance", near.max_distance), ("min_distance", near.min_distance)):
            if value is not None:
                wire[self._operator(bound)] = value
        return wire

    def _write_within(self, area: Box | Circle | Polygon) -> dict[str, Any]:
        match area:
            case Box(southwest, northeast):
                corners = [self._outgoing.write(southwest), self._outgoing.write(northeast)]
                return {self._operator("within"): {"$box": corners}}
            case Circle(center, radius):
                sphere = [self._outgoing.write(center), radius]
                return {self._operator("geo_within"): {"$centerSphere": sphere}}
            case Polygon(points, holes):
                if holes:
                    message = "a Polygon with holes cannot be asked for here"
                    raise GatewayError(Code.UNSUPPORTED, message, name="Polygon")
                ring = [self._outgoing.write(point) for point in points[:-1]]
                return {self._operator("geo_within"): {"$polygon": ring}}
