"""What a query asks for. A field is a column, a dotted path into one (`meta.views`), or a system field (`@id`).

What each operator means, missing fields, nulls and lists included, is said in plain Python in `tests/oracle.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.model.values import GeoPoint, Pointer, Polygon, Value

EARTH_RADIUS_KM = 6371.0


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
    NEAR = "near"  # Near; also sorts by distance where nothing else is asked
    WITHIN = "within"  # Box | Polygon | Circle; a point inside
    COVERS = "covers"  # GeoPoint; a polygon field around it


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


Filter = Condition | And | Or | Not | RelatedTo


@dataclass(frozen=True, slots=True)
class Subquery:
    """The value of IN or NOT_IN: the objects that a query finds, as pointers, or what stands in their field `key`."""

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
    field: str
    descending: bool = False
