"""What stages of an aggregation do to rows, one row at a time, in no more room than there is for all of them together.

The order of values of different kinds, what counts as true, and what an operator does with null are MongoDB's: its
manual, "Comparison/Sort Order" and "Aggregation Operators".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol, assert_never

from gateway.errors import Code, GatewayError
from gateway.model.aggregate import (
    AddFields,
    Composed,
    Computable,
    Computed,
    Constant,
    CountRows,
    FieldPath,
    Gather,
    Gathered,
    Group,
    Limit,
    Match,
    Operator,
    Order,
    Project,
    Skip,
    Stage,
    Unwind,
)
from gateway.model.query import And, Condition, Filter, Not, Op, Or, Regex
from gateway.model.values import EPOCH, ID, MILLISECOND, Date, Fields, Object, Pointer, Value
from gateway.store.encoding import LARGEST_INT, SMALLEST_INT, canonical, write_nested
from gateway.store.functions import compile_pattern
from gateway.store.projection import exclude, select

MOST_ROOM: Final = 1_000_000
"""Values that an aggregation holds at once, in groups, lists, a sort and its answer; a long text counts as several."""
LONGEST_TEXT: Final = 16 * 1024 * 1024
TEXT_OF_ONE: Final = 100

Row = Fields


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()


def wrong(message: str) -> GatewayError:
    return GatewayError(Code.BAD_QUERY, message)


class Room:
    """What is left of the room that an aggregation has."""

    def __init__(self, room: int = MOST_ROOM) -> None:
        self._left = room

    def take(self, value: Value) -> None:
        """Raises GatewayError(BAD_QUERY)."""
        self._left -= weight(value)
        if self._left < 0:
            raise wrong("this holds too much at once: match fewer objects, project fewer fields, or limit the rows")


def weight(value: Value) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(weight, value.values()))
    if isinstance(value, list | tuple):
        return 1 + sum(map(weight, value))
    return 1 + len(value) // TEXT_OF_ONE if isinstance(value, str | bytes) else 1


# --- values ---


def at_path(value: Value, path: str) -> Any:
    """What stands there, or MISSING."""
    name, dot, rest = path.partition(".")
    if isinstance(value, Object):
        value = value.fields
    if isinstance(value, list):
        found = (at_path(item, path) for item in value if isinstance(item, dict | Object))
        return [item for item in found if item is not MISSING]
    if not isinstance(value, dict) or name not in value:
        return MISSING
    return at_path(value[name], rest) if dot else value[name]


RANKS: Final[Mapping[type, int]] = {str: 2, dict: 3, list: 4, bytes: 5, Pointer: 6, bool: 8, Date: 9}


def sort_key(value: Any) -> tuple[Any, ...]:
    """By the kind of a value first. What is missing stands with null."""
    if value is None or value is MISSING:
        return (0,)
    if type(value) in (int, float):
        return (1, value)
    rank = RANKS.get(type(value), 7)
    match value:
        case Date(iso):
            return (rank, iso)
        case Pointer(class_name, known):
            return (rank, class_name, known)
        case dict():
            return (rank, *((name, sort_key(part)) for name, part in value.items()))
        case list():
            return (rank, *map(sort_key, value))
        case bool() | str() | bytes():
            return (rank, value)
    return (rank, repr(value))


def same_as(value: Any) -> bytes:
    """One text for all values that are equal."""
    return canonical(write_nested(None if value is MISSING else value))


def truth(value: Any) -> bool:
    return (
        value is not MISSING
        and value is not None
        and value is not False
        and not (type(value) in (int, float) and value == 0)
    )


def number(value: float) -> int | float:
    if type(value) is int and not SMALLEST_INT <= value <= LARGEST_INT:
        value = float(value) if abs(value) < 2**1023 else math.inf
    if not math.isfinite(value):
        raise wrong("a number became too large")
    return value


# --- expressions ---


def evaluate(expression: Computable, row: Row) -> Any:
    """Raises GatewayError(BAD_QUERY) where an operator cannot be used on what it finds."""
    match expression:
        case FieldPath(path):
            return at_path(row, path)
        case Constant(value):
            return value
        case Composed(parts):
            made = {name: evaluate(part, row) for name, part in parts}
            return {name: value for name, value in made.items() if value is not MISSING}
        case Computed(operator, arguments):
            return _computed(operator, arguments, row)
    assert_never(expression)


def _computed(operator: Operator, arguments: Sequence[Computable], row: Row) -> Any:
    if operator in CHOOSE:
        return CHOOSE[operator](arguments, row)
    values = [evaluate(argument, row) for argument in arguments]
    if operator in COMPARE:
        return COMPARE[operator](sort_key(values[0]), sort_key(values[1]))
    if operator in OF_ANYTHING:
        return OF_ANYTHING[operator](values[0])
    if any(value is None or value is MISSING for value in values):
        return None
    if operator is Operator.CONCAT:
        return _joined(values)
    if operator in OF_DATES:
        return OF_DATES[operator](_date(operator, values[0]))
    if operator in (Operator.ADD, Operator.SUBTRACT) and any(type(value) is Date for value in values):
        return _moved(operator, values)
    for value in values:
        if type(value) not in (int, float):
            raise wrong(f"{operator.value} takes numbers, and not {_kind(value)}")
    return OF_NUMBERS[operator](values)


def _first_known(arguments: Sequence[Computable], row: Row) -> Any:
    value: Any = None
    for argument in arguments:
        value = evaluate(argument, row)
        if value is not None and value is not MISSING:
            break
    return value


CHOOSE: Final[Mapping[Operator, Callable[[Sequence[Computable], Row], Any]]] = {
    Operator.COND: lambda parts, row: evaluate(parts[1] if truth(evaluate(parts[0], row)) else parts[2], row),
    Operator.IF_NULL: _first_known,
    Operator.AND: lambda parts, row: all(truth(evaluate(part, row)) for part in parts),
    Operator.OR: lambda parts, row: any(truth(evaluate(part, row)) for part in parts),
}
"""What does not look at all of its arguments."""


def _size(value: Any) -> int:
    if type(value) is not list:
        raise wrong(f"the size of a list can be told, and this is none: {_kind(value)}")
    return len(value)


def _cased(operator: Operator, value: Any) -> str:
    text = _text(operator, "" if value is None or value is MISSING else value)
    return text.lower() if operator is Operator.TO_LOWER else text.upper()


def _joined(values: list[Any]) -> str:
    texts = [_text(Operator.CONCAT, value) for value in values]
    if sum(map(len, texts)) > LONGEST_TEXT:
        raise wrong("a text became too long")
    return "".join(texts)


OF_ANYTHING: Final[Mapping[Operator, Callable[[Any], Any]]] = {
    Operator.NOT: lambda value: not truth(value),
    Operator.SIZE: _size,
    Operator.TO_LOWER: lambda value: _cased(Operator.TO_LOWER, value),
    Operator.TO_UPPER: lambda value: _cased(Operator.TO_UPPER, value),
}
"""What takes one value, and null as well."""

COMPARE: Final[Mapping[Operator, Callable[[Any, Any], bool]]] = {
    Operator.EQ: lambda left, right: left == right,
    Operator.NE: lambda left, right: left != right,
    Operator.LT: lambda left, right: left < right,
    Operator.LE: lambda left, right: left <= right,
    Operator.GT: lambda left, right: left > right,
    Operator.GE: lambda left, right: left >= right,
}

OF_DATES: Final[Mapping[Operator, Callable[[Any], int]]] = {
    Operator.YEAR: lambda moment: moment.year,
    Operator.MONTH: lambda moment: moment.month,
    Operator.DAY_OF_MONTH: lambda moment: moment.day,
    Operator.DAY_OF_WEEK: lambda moment: moment.isoweekday() % 7 + 1,
    Operator.DAY_OF_YEAR: lambda moment: moment.timetuple().tm_yday,
    Operator.HOUR: lambda moment: moment.hour,
    Operator.MINUTE: lambda moment: moment.minute,
    Operator.SECOND: lambda moment: moment.second,
    Operator.MILLISECOND: lambda moment: moment.microsecond // 1000,
}


def _product(values: list[Any]) -> int | float:
    product: int | float = 1
    for value in values:
        product = number(product * value)
    return product


def _quotient(values: list[Any]) -> int | float:
    if values[1] == 0:
        raise wrong("a division by zero")
    quotient = number(values[0] / values[1])
    return int(quotient) if float(quotient).is_integer() and abs(quotient) < 2**53 else quotient


def _rest(values: list[Any]) -> int | float:
    """It has the sign of what is divided."""
    if values[1] == 0:
        raise wrong("a division by zero")
    rest: int | float = abs(values[0]) % abs(values[1])
    return -rest if values[0] < 0 else rest


def _rounded(values: list[Any]) -> int | float:
    places = values[1] if len(values) > 1 else 0
    if type(places) is not int or not -20 <= places <= 100:
        raise wrong("round takes -20 to 100 decimals")
    return number(round(values[0], places))


OF_NUMBERS: Final[Mapping[Operator, Callable[[list[Any]], int | float]]] = {
    Operator.ADD: lambda values: number(sum(values)),
    Operator.SUBTRACT: lambda values: number(values[0] - values[1]),
    Operator.MULTIPLY: _product,
    Operator.DIVIDE: _quotient,
    Operator.MOD: _rest,
    Operator.ABS: lambda values: number(abs(values[0])),
    Operator.CEIL: lambda values: number(math.ceil(values[0])),
    Operator.FLOOR: lambda values: number(math.floor(values[0])),
    Operator.ROUND: _rounded,
}


def _moved(operator: Operator, values: list[Any]) -> Any:
    """Dates and milliseconds."""
    moments = [value for value in values if type(value) is Date]
    steps = [value for value in values if type(value) in (int, float)]
    try:
        if operator is Operator.SUBTRACT and len(moments) == 2:
            return values[0].ms - values[1].ms
        if (
            len(moments) == 1
            and len(steps) == len(values) - 1
            and (operator is Operator.ADD or type(values[0]) is Date)
        ):
            sign = 1 if operator is Operator.ADD else -1
            return Date.from_ms(moments[0].ms + sign * int(number(sum(steps))))
    except (ValueError, OverflowError):
        raise wrong("a date is out of range") from None
    raise wrong(f"{operator.value} takes one date and milliseconds")


def _date(operator: Operator, value: Any) -> Any:
    if type(value) is not Date:
        raise wrong(f"{operator.value} takes a date, and not {_kind(value)}")
    return EPOCH + value.ms * MILLISECOND


def _text(operator: Operator, value: Any) -> str:
    if type(value) is not str:
        raise wrong(f"{operator.value} takes text, and not {_kind(value)}")
    return value


def _kind(value: Any) -> str:
    return "nothing" if value is None or value is MISSING else f"a {type(value).__name__}"


# --- conditions ---

COMPARISONS: Final[Mapping[Op, Operator]] = {
    Op.LT: Operator.LT,
    Op.LE: Operator.LE,
    Op.GT: Operator.GT,
    Op.GE: Operator.GE,
}


def matcher(where: Filter) -> Callable[[Row], bool]:
    """Whether a row that a stage has made matches. Raises GatewayError(UNSUPPORTED) for what only a store can tell."""
    match where:
        case And(parts):
            every = [matcher(part) for part in parts]
            return lambda row: all(test(row) for test in every)
        case Or(parts):
            some = [matcher(part) for part in parts]
            return lambda row: any(test(row) for test in some)
        case Not(part):
            inner = matcher(part)
            return lambda row: not inner(row)
        case Condition(field, op, value):
            test = _tester(op, value)
            return lambda row: test(at_path(row, field))
    raise GatewayError(Code.UNSUPPORTED, "such a condition can stand in the first stages only, before rows are changed")


def _tester(op: Op, value: Value) -> Callable[[Any], bool]:
    match op:
        case Op.EQ:
            return _is_one_of([value])
        case Op.NE:
            equal = _is_one_of([value])
            return lambda found: not equal(found)
        case Op.IN | Op.NOT_IN if isinstance(value, list | tuple):
            among = _is_one_of(value)
            return among if op is Op.IN else lambda found: not among(found)
        case Op.EXISTS:
            return lambda found: (found is not MISSING and found is not None) is bool(value)
        case Op.LT | Op.LE | Op.GT | Op.GE:
            compare, bound = COMPARE[COMPARISONS[op]], sort_key(value)
            return _some(lambda item: sort_key(item)[0] == bound[0] != 0 and compare(sort_key(item), bound))
        case Op.REGEX if isinstance(value, Regex):
            search = compile_pattern(value.pattern, value.options).search
            return _some(lambda item: type(item) is str and search(item) is not None)
        case Op.SIZE:
            return lambda found: type(found) is list and len(found) == value
    raise GatewayError(Code.UNSUPPORTED, f"{op.value} can stand in the first stages only, before rows are changed")


def _some(test: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Of a list, whether some item passes."""
    return lambda found: any(map(test, found)) if type(found) is list else test(found)


def _is_one_of(values: Iterable[Value]) -> Callable[[Any], bool]:
    wanted = {same_as(value) for value in values}

    def test(found: Any) -> bool:
        if same_as(found) in wanted:
            return True
        return type(found) is list and any(same_as(item) in wanted for item in found)

    return test


# --- stages ---


class Acting(Protocol):
    full: bool
    """Whether no further row would change what comes out."""

    def take(self, row: Row) -> Iterable[Row]:
        """What comes out at once."""

    def end(self) -> Iterable[Row]:
        """What comes out when there are no more."""


class _EachRow:
    """A stage that needs to know of one row at a time."""

    def __init__(self, act: Callable[[Row], Iterable[Row]]) -> None:
        self.full = False
        self._act = act

    def take(self, row: Row) -> Iterable[Row]:
        return self._act(row)

    def end(self) -> Iterable[Row]:
        return ()


class _Limited:
    def __init__(self, rows: int) -> None:
        self._left = rows
        self.full = rows == 0

    def take(self, row: Row) -> Iterable[Row]:
        if self.full:
            return ()
        self._left -= 1
        self.full = self._left == 0
        return (row,)

    def end(self) -> Iterable[Row]:
        return ()


class _Skipped:
    def __init__(self, rows: int) -> None:
        self.full = False
        self._left = rows

    def take(self, row: Row) -> Iterable[Row]:
        if self._left:
            self._left -= 1
            return ()
        return (row,)

    def end(self) -> Iterable[Row]:
        return ()


class _Counted:
    def __init__(self, name: str) -> None:
        self.full = False
        self._name = name
        self._rows = 0

    def take(self, row: Row) -> Iterable[Row]:
        self._rows += 1
        return ()

    def end(self) -> Iterable[Row]:
        return ({self._name: self._rows},) if self._rows else ()


class _Ordered:
    def __init__(self, stage: Order, room: Room) -> None:
        self.full = False
        self._sorts = stage.sorts
        self._room = room
        self._rows: list[Row] = []

    def take(self, row: Row) -> Iterable[Row]:
        self._room.take(row)
        self._rows.append(row)
        return ()

    def end(self) -> Iterable[Row]:
        for sort in reversed(self._sorts):
            self._rows.sort(key=lambda row, path=sort.field: sort_key(at_path(row, path)), reverse=sort.descending)  # type: ignore[misc]
        return self._rows


class _Grouped:
    def __init__(self, stage: Group, room: Room) -> None:
        self.full = False
        self._stage = stage
        self._room = room
        self._groups: dict[bytes, tuple[Any, list[_Sum]]] = {}

    def take(self, row: Row) -> Iterable[Row]:
        key = evaluate(self._stage.key, row)
        known = same_as(key)
        group = self._groups.get(known)
        if group is None:
            key = None if key is MISSING else key
            self._room.take([key, *self._stage.gathered])
            group = self._groups[known] = (key, [_Sum(part, self._room) for part in self._stage.gathered])
        for part in group[1]:
            part.take(row)
        return ()

    def end(self) -> Iterator[Row]:
        for key, parts in self._groups.values():
            yield {ID: key, **{part.name: part.value() for part in parts}}


class _Sum:
    """What becomes of one value of a group."""

    def __init__(self, gathered: Gathered, room: Room) -> None:
        self.name = gathered.name
        self._how = gathered.how
        self._of = gathered.of
        self._room = room
        self._rows = 0
        self._numbers = 0
        self._sum: int | float = 0
        self._kept: Any = None
        self._items: list[Any] = []
        self._seen: set[bytes] = set()

    def take(self, row: Row) -> None:
        self._rows += 1
        how = self._how
        if how is Gather.COUNT or (how is Gather.FIRST and self._rows > 1):
            return
        found = evaluate(self._of, row)
        value: Any = None if found is MISSING else found
        match how:
            case Gather.SUM | Gather.AVERAGE:
                if type(value) in (int, float):
                    self._numbers += 1
                    self._sum = number(self._sum + value)
            case Gather.MIN | Gather.MAX:
                if value is not None and (self._kept is None or self._is_beyond(value)):
                    self._kept = value
            case Gather.FIRST | Gather.LAST:
                self._kept = value
            case Gather.PUSH:
                if found is not MISSING:
                    self._keep(value)
            case Gather.ADD_TO_SET:
                if found is not MISSING and (known := same_as(value)) not in self._seen:
                    self._seen.add(known)
                    self._keep(value)

    def _is_beyond(self, value: Any) -> bool:
        one, other = sort_key(value), sort_key(self._kept)
        return one < other if self._how is Gather.MIN else one > other

    def _keep(self, value: Any) -> None:
        self._room.take(value)
        self._items.append(value)

    def value(self) -> Any:
        match self._how:
            case Gather.SUM:
                return self._sum
            case Gather.AVERAGE:
                return number(self._sum / self._numbers) if self._numbers else None
            case Gather.COUNT:
                return self._rows
            case Gather.PUSH | Gather.ADD_TO_SET:
                return self._items
        return self._kept


def acting(stage: Stage, room: Room) -> Acting:
    match stage:
        case Match(where):
            test = matcher(where)
            return _EachRow(lambda row: (row,) if test(row) else ())
        case Group():
            return _Grouped(stage, room)
        case Project():
            return _EachRow(_projector(stage))
        case AddFields(fields):
            return _EachRow(lambda row: (_with(row, fields),))
        case Order():
            return _Ordered(stage, room)
        case Limit(rows):
            return _Limited(rows)
        case Skip(rows):
            return _Skipped(rows)
        case Unwind():
            return _EachRow(lambda row: _unwound(stage, row))
        case CountRows(name):
            return _Counted(name)
    assert_never(stage)


def _projector(stage: Project) -> Callable[[Row], Iterable[Row]]:
    hidden = (*stage.exclude, *((ID,) if stage.without_id else ()))
    if not stage.fields:
        return lambda row: exclude([row], hidden)
    shown = tuple(name for name, value in stage.fields if value == FieldPath(name))
    shown = shown if stage.without_id or ID in shown else (ID, *shown)
    computed = tuple((name, value) for name, value in stage.fields if value != FieldPath(name))

    def act(row: Row) -> Iterable[Row]:
        made = select([row], shown, exact=True)[0]
        for name, value in computed:
            found = evaluate(value, row)
            if found is not MISSING:
                _put(made, name, found)
        return (made,)

    return act


def _with(row: Row, fields: Iterable[tuple[str, Computable]]) -> Row:
    made = dict(row)
    for name, value in fields:
        found = evaluate(value, row)
        if found is not MISSING:
            _put(made, name, found)
    return made


def _put(row: Row, path: str, value: Any) -> None:
    """At a dotted path; objects on the way are copied, as other rows may have the same."""
    name, dot, rest = path.partition(".")
    if not dot:
        row[name] = value
        return
    inner = row.get(name)
    row[name] = dict(inner) if isinstance(inner, dict) else {}
    _put(row[name], rest, value)


def _unwound(stage: Unwind, row: Row) -> Iterator[Row]:
    value = at_path(row, stage.path)
    items: list[tuple[int | None, Any]]
    if type(value) is list:
        items = list(enumerate(value))
    else:
        items = [] if value is None or value is MISSING else [(None, value)]
    if not items and stage.keep_empty:
        items = [(None, MISSING)]
    for at, item in items:
        made = dict(row)
        if item is MISSING:
            made = exclude([made], (stage.path,))[0] if type(value) is list else made
        else:
            _put(made, stage.path, item)
        if stage.index is not None:
            made[stage.index] = at
        yield made


class Pipeline:
    """Stages behind each other: rows go in, and what comes out of the last one is in `rows`."""

    def __init__(self, stages: Iterable[Stage], room: Room | None = None) -> None:
        self._room = room or Room()
        self._stages = [acting(stage, self._room) for stage in stages]
        self.rows: list[Row] = []

    @property
    def full(self) -> bool:
        return any(stage.full for stage in self._stages)

    def take(self, row: Row) -> None:
        self._feed(0, row)

    def end(self) -> list[Row]:
        for at, stage in enumerate(self._stages):
            for row in stage.end():
                self._feed(at + 1, row)
        return self.rows

    def _feed(self, at: int, row: Row) -> None:
        if at == len(self._stages):
            self._room.take(row)
            self.rows.append(row)
            return
        for made in self._stages[at].take(row):
            self._feed(at + 1, made)
