"""Objects of a class, or what is made of them, stage by stage: what MongoDB calls an aggregation pipeline.

A stage takes rows and gives rows, in order; the first one takes the objects of the class. A row is a mapping from names
to values; the system fields of an object stand under their `@` names, and so does the key of a group (`@id`). What is
not there is told from null: it is no value, and a stage leaves it out of its rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.model.operation import Operation
from gateway.model.query import Filter, Sort
from gateway.model.values import Value

# what is computed of a row


class Operator(StrEnum):
    """What an expression computes. The comment is what it takes; null, or nothing, gives null unless it is said."""

    ADD = "add"  # numbers, or one date and milliseconds
    SUBTRACT = "subtract"  # two numbers, a date and milliseconds, or two dates: milliseconds
    MULTIPLY = "multiply"
    DIVIDE = "divide"  # two numbers; by zero it is an error
    MOD = "mod"
    ABS = "abs"
    CEIL = "ceil"
    FLOOR = "floor"
    ROUND = "round"  # a number, and to how many decimals
    CONCAT = "concat"  # texts
    TO_LOWER = "to_lower"  # null is an empty text
    TO_UPPER = "to_upper"
    EQ = "eq"  # two of anything; so are the other comparisons, by the order of kinds and then of values
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"
    AND = "and"  # anything: false, null and 0 are not true
    OR = "or"
    NOT = "not"
    COND = "cond"  # a condition, and what it is if so, and if not
    IF_NULL = "if_null"  # the first that is not null
    SIZE = "size"  # a list; anything else is an error
    YEAR = "year"  # a date, in UTC; so are the others
    MONTH = "month"
    DAY_OF_MONTH = "day_of_month"
    DAY_OF_WEEK = "day_of_week"  # 1 is Sunday
    DAY_OF_YEAR = "day_of_year"
    HOUR = "hour"
    MINUTE = "minute"
    SECOND = "second"
    MILLISECOND = "millisecond"


@dataclass(frozen=True, slots=True)
class FieldPath:
    """What stands at a dotted path; of a list, what stands there in each of its rows."""

    path: str


@dataclass(frozen=True, slots=True)
class Constant:
    value: Value


@dataclass(frozen=True, slots=True)
class Computed:
    operator: Operator
    arguments: tuple[Computable, ...]


@dataclass(frozen=True, slots=True)
class Composed:
    """A row inside a row."""

    parts: tuple[tuple[str, Computable], ...]


Computable = FieldPath | Constant | Computed | Composed


class Gather(StrEnum):
    """What becomes of the values of a group. SUM and AVERAGE are of its numbers."""

    SUM = "sum"
    AVERAGE = "average"  # null where there are none
    MIN = "min"
    MAX = "max"
    FIRST = "first"
    LAST = "last"
    PUSH = "push"
    ADD_TO_SET = "add_to_set"
    COUNT = "count"


@dataclass(frozen=True, slots=True)
class Gathered:
    name: str
    how: Gather
    of: Computable


# stages


@dataclass(frozen=True, slots=True)
class Match:
    where: Filter


@dataclass(frozen=True, slots=True)
class Group:
    """A row for each different value of `key`, which stands under `@id`."""

    key: Computable
    gathered: tuple[Gathered, ...] = ()


@dataclass(frozen=True, slots=True)
class Project:
    """Rows of these values only; with `exclude` of all but these. The id of an object stays unless it is excluded."""

    fields: tuple[tuple[str, Computable], ...] = ()
    exclude: tuple[str, ...] = ()
    without_id: bool = False


@dataclass(frozen=True, slots=True)
class AddFields:
    """The same rows with more values, or others."""

    fields: tuple[tuple[str, Computable], ...]


@dataclass(frozen=True, slots=True)
class Order:
    sorts: tuple[Sort, ...]


@dataclass(frozen=True, slots=True)
class Limit:
    rows: int


@dataclass(frozen=True, slots=True)
class Skip:
    rows: int


@dataclass(frozen=True, slots=True)
class Unwind:
    """A row for each item of a list. One without a list, or with an empty one, goes unless `keep_empty`."""

    path: str
    index: str | None = None
    """The name under which the place of the item stands."""
    keep_empty: bool = False


@dataclass(frozen=True, slots=True)
class CountRows:
    """One row with their number; none where there are none."""

    name: str


Stage = Match | Group | Project | AddFields | Order | Limit | Skip | Unwind | CountRows


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate(Operation):
    """What comes out of the last stage (`Result.value`, a list of rows), of the objects that match `where`.

    With `distinct` the different values of a field instead, sorted, those of a list one by one, and no nulls. A class
    that is not there has no objects. BAD_QUERY where a stage cannot be carried out, or would need too much room.
    """

    class_name: str
    stages: tuple[Stage, ...] = ()
    where: Filter | None = None
    distinct: str | None = None


AGGREGATE_OPERATIONS: Final[Mapping[str, type[Operation]]] = {"aggregate": Aggregate}


def paths_in(value: Computable) -> Iterator[str]:
    """The paths that an expression looks at."""
    match value:
        case FieldPath(path):
            yield path
        case Computed(_, arguments):
            for argument in arguments:
                yield from paths_in(argument)
        case Composed(parts):
            for _, part in parts:
                yield from paths_in(part)
        case Constant():
            pass
