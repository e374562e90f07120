"""What a query asks for. A field is a column, a dotted path into one (`meta.views`), or a system field (`@id`).

What each operator means, missing fields, nulls and lists included, is said in plain Python in `tests/oracle.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from gateway.model.values import GeoPoint, Pointer, Polygon, Value

EARTH_RADIUS_KM = 6371.0

ANY_TEXT = "@text"
"""In the place of a field: every text of an object that the caller may read."""


class Op(StrEnum):
    """How a condition compares. The comment is the type of its value."""

    EQ = "eq"  # Value; null matches a missing field, and a list field that contains the value
    NE = "ne"  # Value; everything that EQ does not match
    LT = "lt"  # Value of the column's own type; a missing field never matches
    LE = "le"
    GT = "gt"
    GE = "ge"
    IN = "in"  # list[Value], or a Subquery
    NOT_IN = "not_in"  # list[Value], or a Subquery
    EXISTS = "exists"  # bool
    ALL = "all"  # list[Value | Regex]; a list field that contains each
    SIZE = "size"  # int; a list field of this length
    CONTAINED_BY = "contained_by"  # list[Value]; a list field with nothing else in it
    REGEX = "regex"  # Regex; text, or a list with such a text in it
    LIKE = "like"  # str with `%` and `_`, which a `\\` takes literally; any case, and the text of a number as well
    NEAR = "near"  # Near; also sorts by distance where nothing else is asked
    WITHIN = "within"  # Box | Polygon | Circle; a point inside
    COVERS = "covers"  # GeoPoint; a polygon field around it
    TEXT = "text"  # Words; a text, or the texts in a list or an object; of ANY_TEXT whatever texts an object has


@dataclass(frozen=True, slots=True)
class Condition:
    field: str
    op: Op
    value: Value


@dataclass(frozen=True, slots=True)
class And:
    """All of them; none at all is everything."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them; none at all is nothing."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Everything that the part does not match."""

    part: Filter


@dataclass(frozen=True, slots=True)
class RelatedTo:
    """The members of a relation field of one object."""

    owner: Pointer
    field: str


@dataclass(frozen=True, slots=True)
class Inverse:
    """The objects that stand in the pointer or relation `field` of some object of that class that matches."""

    class_name: str
    field: str
    where: Filter | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a Condition cannot say: two expressions, by one of EQ, NE, LT, LE, GT, GE and LIKE.

    As in SQL it does not match, whatever the operator, where either side is missing or null.
    """

    left: Expression
    op: Op
    right: Expression


Filter = Condition | And | Or | Not | RelatedTo | Inverse | Comparison


@dataclass(frozen=True, slots=True)
class Column:
    """The value of a field, or of a dotted path into one; in a query through pointers and relations as well.

    Of several values, as a relation and a list have them, some one passes a comparison. As an output a relation has a
    row for each of its members, and a path through a list has no value.
    """

    path: str


@dataclass(frozen=True, slots=True)
class JsonPath:
    """What stands at a path inside a field: a step is a key, an index, or one of `ANY_KEY`, `ANY_INDEX`, `ANY_DEPTH`.

    With one of those a comparison asks whether some value there matches.
    """

    field: str
    steps: tuple[str | int | Wildcard, ...]


class Wildcard(StrEnum):
    ANY_KEY = "*"
    ANY_INDEX = "[*]"
    ANY_DEPTH = "**"


@dataclass(frozen=True, slots=True)
class Literal:
    value: Value


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`operator` is one of `+ - * /`; null with anything is null, and so is a division by zero."""

    operator: str
    left: Expression
    right: Expression


class Function(StrEnum):
    """The comment is what it takes and gives."""

    TIME = "time"  # date -> text, such as 13:05:59
    LATITUDE = "latitude"  # GeoPoint -> degrees
    LONGITUDE = "longitude"
    DISTANCE = "distance"  # GeoPoint, GeoPoint -> metres along the surface
    WITHIN = "within"  # GeoPoint, Polygon -> bool


@dataclass(frozen=True, slots=True)
class Call:
    function: Function
    arguments: tuple[Expression, ...]


class Aggregate(StrEnum):
    """Over the objects of a group; a null is left out. COUNT counts what is not null."""

    COUNT = "count"
    SUM = "sum"
    AVERAGE = "average"
    MIN = "min"
    MAX = "max"


@dataclass(frozen=True, slots=True)
class Aggregated:
    aggregate: Aggregate
    of: Expression


Expression = Column | JsonPath | Literal | Arithmetic | Call | Aggregated
"""Aggregated stands in outputs, in `having` and in an order only."""


def classes_asked(where: Filter | None) -> Iterator[str]:
    """The classes that a condition asks, besides the one it stands in."""
    match where:
        case And(parts) | Or(parts):
            for part in parts:
                yield from classes_asked(part)
        case Not(part):
            yield from classes_asked(part)
        case Condition(_, _, Subquery(class_name=class_name, where=inner)) | Inverse(class_name, _, inner):
            yield class_name
            yield from classes_asked(inner)
        case _:
            pass


def columns_of(expression: Expression) -> Iterator[str]:
    """The fields that an expression looks at."""
    match expression:
        case Column(path):
            yield path
        case JsonPath(field, _):
            yield field
        case Arithmetic(_, left, right):
            yield from columns_of(left)
            yield from columns_of(right)
        case Call(_, arguments):
            for argument in arguments:
                yield from columns_of(argument)
        case Aggregated(_, of):
            yield from columns_of(of)
        case Literal():
            pass


@dataclass(frozen=True, slots=True)
class Output:
    """A value that is computed for each row of an answer, under a name of its own."""

    name: str
    value: Expression


@dataclass(frozen=True, slots=True)
class Subquery:
    """The value of IN or NOT_IN: the objects that a query finds, as pointers, or what stands in their field `key`.

    A key may be a path through pointers, and end in `@id`. As the value of a relation field: some member is among them.
    """

    class_name: str
    where: Filter | None = None
    key: str | None = None
    limit: int | None = None
    skip: int = 0
    order: tuple[Sort, ...] = ()


@dataclass(frozen=True, slots=True)
class Regex:
    """A pattern for RE2, `\\Q..\\E` included. `options` are letters of `imsx`, sorted."""

    pattern: str
    options: str = ""


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that stand one after the other; with `prefix` the last one may go on.

    What a word is, the store says. Case and accents make no difference.
    """

    words: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """What a text must have: all of `every`, or where that is empty one of `some`; and none of `without`.

    Beside `every`, `some` only makes a match a better one. With neither nothing matches. A vendor's server may look at
    the words in the manner of a `language`; whether it must take accents for alike is said where somebody minds.
    """

    some: tuple[Phrase, ...] = ()
    every: tuple[Phrase, ...] = ()
    without: tuple[Phrase, ...] = ()
    language: str | None = None
    accents_alike: bool | None = None


@dataclass(frozen=True, slots=True)
class Near:
    """Distances are along the surface, in radians; None is no limit."""

    point: GeoPoint
    max_distance: float | None = None
    min_distance: float | None = None


@dataclass(frozen=True, slots=True)
class Box:
    southwest: GeoPoint
    northeast: GeoPoint


@dataclass(frozen=True, slots=True)
class Circle:
    """`radius` is along the surface, in radians."""

    center: GeoPoint
    radius: float


Area = Box | Polygon | Circle


@dataclass(frozen=True, slots=True)
class Sort:
    """By a field, or by what is computed of each row: an output, by its name, or `value`, which `field` then names.

    The field may be `@score`: how well an object matches what texts are searched for. What has no value comes first,
    and where it is `descending` last, unless `missing_last` says.
    """

    field: str
    descending: bool = False
    value: Expression | None = None
    missing_last: bool | None = None
