"""Stages of an aggregation as MongoDB's pipelines have them, and the rows that come out of them.

    [{"$match": {"city": "Rome"}}, {"$group": {"_id": "$year", "total": {"$sum": "$price"}}}, {"$sort": {"total": -1}}]

An object instead of the list has a stage under each of its keys. The sentences of refusals are Parse Server's,
AggregateRouter.js.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from gateway.dialects.names import FieldNames
from gateway.dialects.scalars import read_integer, shown
from gateway.dialects.values_json import ValuesJson
from gateway.errors import Code, GatewayError
from gateway.mapping.shape import Codec
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
from gateway.model.query import And, Sort
from gateway.model.values import ID
from gateway.wire import read_json

KEY: Final = "_id"
"""What the key of a group, and the id of an object, is called inside a pipeline."""

MOST_STAGES: Final = 100
DEEPEST: Final = 50
MOST_ROWS: Final = 2**31

OPERATORS: Final[Mapping[str, tuple[Operator, int, int | None]]] = {
    # how many arguments each takes, at least and at the most
    "$add": (Operator.ADD, 1, None),
    "$subtract": (Operator.SUBTRACT, 2, 2),
    "$multiply": (Operator.MULTIPLY, 1, None),
    "$divide": (Operator.DIVIDE, 2, 2),
    "$mod": (Operator.MOD, 2, 2),
    "$abs": (Operator.ABS, 1, 1),
    "$ceil": (Operator.CEIL, 1, 1),
    "$floor": (Operator.FLOOR, 1, 1),
    "$round": (Operator.ROUND, 1, 2),
    "$concat": (Operator.CONCAT, 1, None),
    "$toLower": (Operator.TO_LOWER, 1, 1),
    "$toUpper": (Operator.TO_UPPER, 1, 1),
    "$eq": (Operator.EQ, 2, 2),
    "$ne": (Operator.NE, 2, 2),
    "$lt": (Operator.LT, 2, 2),
    "$lte": (Operator.LE, 2, 2),
    "$gt": (Operator.GT, 2, 2),
    "$gte": (Operator.GE, 2, 2),
    "$and": (Operator.AND, 0, None),
    "$or": (Operator.OR, 0, None),
    "$not": (Operator.NOT, 1, 1),
    "$cond": (Operator.COND, 3, 3),
    "$ifNull": (Operator.IF_NULL, 2, None),
    "$size": (Operator.SIZE, 1, 1),
    "$year": (Operator.YEAR, 1, 1),
    "$month": (Operator.MONTH, 1, 1),
    "$dayOfMonth": (Operator.DAY_OF_MONTH, 1, 1),
    "$dayOfWeek": (Operator.DAY_OF_WEEK, 1, 1),
    "$dayOfYear": (Operator.DAY_OF_YEAR, 1, 1),
    "$hour": (Operator.HOUR, 1, 1),
    "$minute": (Operator.MINUTE, 1, 1),
    "$second": (Operator.SECOND, 1, 1),
    "$millisecond": (Operator.MILLISECOND, 1, 1),
}
_OF_TEXT: Final = frozenset({"$count", "$unwind"})
OPERATOR_NAMES: Final = {operator: name for name, (operator, _, _) in OPERATORS.items()}

GATHERS: Final[Mapping[str, Gather]] = {
    "$sum": Gather.SUM,
    "$avg": Gather.AVERAGE,
    "$min": Gather.MIN,
    "$max": Gather.MAX,
    "$first": Gather.FIRST,
    "$last": Gather.LAST,
    "$push": Gather.PUSH,
    "$addToSet": Gather.ADD_TO_SET,
    "$count": Gather.COUNT,
}
GATHER_NAMES: Final = {gather: name for name, gather in GATHERS.items()}


def wrong(message: str, **details: str) -> GatewayError:
    return GatewayError(Code.BAD_QUERY, message, **details)


def refuse(name: str, what: str) -> NoReturn:
    raise GatewayError(Code.UNSUPPORTED, f"the {what} {name} of an aggregation is not supported here", name=name)


class PipelineJson:
    """`where` reads and writes conditions, `values` what is written and `incoming` what is read besides."""

    def __init__(self, names: FieldNames, where: Codec, incoming: ValuesJson, values: ValuesJson) -> None:
        self._names = names
        self._where = where
        self._incoming = incoming
        self._values = values
        self._id = names.wire_names[ID][0] if ID in names.wire_names else KEY
        self._stages: Mapping[str, Callable[[Any], Stage]] = {
            "$match": self._read_match,
            "$group": self._read_group,
            "$project": self._read_project,
            "$addFields": lambda wire: AddFields(self._read_fields(wire, "$addFields")),
            "$set": lambda wire: AddFields(self._read_fields(wire, "$set")),
            "$sort": self._read_sort,
            "$limit": lambda wire: Limit(_rows(wire, "$limit", least=1)),
            "$skip": lambda wire: Skip(_rows(wire, "$skip", least=0)),
            "$unwind": self._read_unwind,
            "$count": lambda wire: CountRows(self._new_name(wire)),
        }

    def codecs(self) -> dict[str, Codec]:
        return {"stages": Codec(self.read, self.write), "rows": Codec(self.read_rows, self.write_rows)}

    # --- stages ---

    def read(self, wire: Any) -> tuple[Stage, ...]:
        """JSON as text (a URL) or as data (a body)."""
        wire = _json(wire, "pipeline")
        if type(wire) is dict:
            wire = [{name: stage} for name, stage in wire.items()]
        if type(wire) is not list:
            raise wrong(f"a pipeline is a list of stages, not {shown(wire)}")
        if len(wire) > MOST_STAGES:
            raise wrong(f"a pipeline has at most {MOST_STAGES} stages")
        return tuple(map(self._read_stage, wire))

    def _read_stage(self, wire: Any) -> Stage:
        if type(wire) is not dict or not wire:
            raise wrong(f"a stage is an object with one key, not {shown(wire)}")
        if len(wire) > 1:
            raise wrong(f"Pipeline stages should only have one key but found {', '.join(wire)}.")
        ((name, stage),) = wire.items()
        if not name.startswith("$"):
            raise wrong(f"Invalid aggregate stage '{name}'.", name=name)
        reader = self._stages.get(name)
        if reader is None:
            refuse(name, "stage")
        return reader(stage if name in _OF_TEXT else _json(stage, name))

    def _read_match(self, wire: Any) -> Match:
        where = self._where.read(self._with_own_ids(wire))
        return Match(And(()) if where is None else where)

    def _with_own_ids(self, wire: Any) -> Any:
        """`_id` by the name that conditions know."""
        if type(wire) is not dict:
            return wire
        return {
            self._id if name == KEY else name: [self._with_own_ids(part) for part in value]
            if name.startswith("$") and type(value) is list
            else value
            for name, value in wire.items()
        }

    def _read_group(self, wire: Any) -> Group:
        if type(wire) is not dict:
            raise wrong(f"$group is an object, not {shown(wire)}")
        if self._id != KEY and self._id in wire:
            raise wrong(f"Cannot use '{self._id}' in aggregation stage $group.")
        if KEY not in wire:
            raise wrong("Invalid parameter for query: group. Missing key _id")
        gathered = tuple(self._read_gathered(name, part) for name, part in wire.items() if name != KEY)
        return Group(self._expression(wire[KEY]), gathered)

    def _read_gathered(self, name: str, wire: Any) -> Gathered:
        if type(wire) is not dict or len(wire) != 1:
            raise wrong(f"the field {name!r} of $group is one of {', '.join(GATHERS)}", field=name)
        ((how, of),) = wire.items()
        if how not in GATHERS:
            refuse(how, "accumulator")
        return Gathered(self._new_name(name), GATHERS[how], self._expression(of))

    def _read_project(self, wire: Any) -> Project:
        if type(wire) is not dict or not wire:
            raise wrong(f"$project is an object with fields, not {shown(wire)}")
        fields: list[tuple[str, Computable]] = []
        excluded: list[str] = []
        without_id = False
        for name, part in _flat(wire):
            path = self._path(name)
            hides = part is False or (part == 0 and type(part) in (int, float))
            if hides and path == ID:
                without_id = True
            elif hides:
                excluded.append(path)
            elif part is True or type(part) in (int, float):
                fields.append((path, FieldPath(path)))
            else:
                fields.append((path, self._expression(part)))
        if excluded and fields:
            raise wrong("$project either shows fields or leaves some out, and not both")
        return Project(tuple(fields), tuple(excluded), without_id)

    def _read_fields(self, wire: Any, stage: str) -> tuple[tuple[str, Computable], ...]:
        if type(wire) is not dict or not wire:
            raise wrong(f"{stage} is an object with fields, not {shown(wire)}")
        return tuple((self._path(name), self._expression(part)) for name, part in wire.items())

    def _read_sort(self, wire: Any) -> Order:
        if type(wire) is not dict or not wire:
            raise wrong(f"$sort is an object with fields, not {shown(wire)}")
        for name, direction in wire.items():
            if direction not in (1, -1) or type(direction) is bool:
                raise wrong(f"$sort has 1 or -1 for each field, and not {shown(direction)}", field=name)
        return Order(tuple(Sort(self._path(name), direction == -1) for name, direction in wire.items()))

    def _read_unwind(self, wire: Any) -> Unwind:
        if type(wire) is str and wire.startswith("{"):
            wire = _json(wire, "$unwind")
        found = wire if type(wire) is dict else {"path": wire}
        if strange := found.keys() - {"path", "includeArrayIndex", "preserveNullAndEmptyArrays"}:
            raise wrong(f"$unwind has no {min(strange)}")
        path, index = found.get("path"), found.get("includeArrayIndex")
        if type(path) is not str or not path.startswith("$") or len(path) < 2:
            raise wrong(f"the path of $unwind is text such as $tags, not {shown(path)}")
        keep = found.get("preserveNullAndEmptyArrays", False)
        if type(keep) is not bool:
            raise wrong("preserveNullAndEmptyArrays is true or false")
        return Unwind(self._path(path[1:]), None if index is None else self._new_name(index), keep)

    # --- names ---

    def _path(self, wire: Any) -> str:
        if type(wire) is not str or not wire or "$" in wire or not all(wire.split(".")):
            raise wrong(f"{shown(wire)} names no field")
        head, dot, rest = wire.partition(".")
        if head == KEY or (dot and head == self._id):
            return ID + dot + rest
        return wire if head.startswith("_") and head not in ("_created_at", "_updated_at") else self._names.read(wire)

    def _new_name(self, wire: Any) -> str:
        if type(wire) is not str or not wire or "." in wire or wire.startswith(("$", "@")) or wire in (KEY, self._id):
            raise wrong(f"{shown(wire)} cannot name a field of a row")
        return wire

    # --- expressions ---

    def _expression(self, wire: Any, depth: int = 0) -> Computable:
        if depth > DEEPEST:
            raise wrong(f"expressions stand at most {DEEPEST} deep in each other")
        if type(wire) is str and wire.startswith("$"):
            if wire.startswith("$$"):
                refuse(wire, "variable")
            return FieldPath(self._path(wire[1:]))
        if type(wire) is list:
            refuse(shown(wire), "list as an expression")
        if type(wire) is not dict:
            return Constant(wire)
        operators = [name for name in wire if name.startswith("$")]
        if operators:
            if len(wire) > 1:
                raise wrong(f"an expression has one operator, and not {', '.join(wire)}")
            return self._operator(operators[0], wire[operators[0]], depth)
        value = self._incoming.read(dict(wire))
        if type(value) is not dict:
            return Constant(value)  # a date, say
        return Composed(tuple((self._new_name(name), self._expression(part, depth + 1)) for name, part in wire.items()))

    def _operator(self, name: str, wire: Any, depth: int) -> Computable:
        if name == "$literal":
            return Constant(self._incoming.read(wire))
        if name not in OPERATORS:
            refuse(name, "operator")
        operator, least, most = OPERATORS[name]
        if operator is Operator.COND and type(wire) is dict and wire.keys() == {"if", "then", "else"}:
            wire = [wire["if"], wire["then"], wire["else"]]
        arguments = wire if type(wire) is list else [wire]
        if len(arguments) < least or (most is not None and len(arguments) > most):
            raise wrong(
                f"{name} takes {least if least == most else f'{least} or more'} arguments, not {len(arguments)}"
            )
        return Computed(operator, tuple(self._expression(argument, depth + 1) for argument in arguments))

    # --- writing, for a backend ---

    def write(self, stages: tuple[Stage, ...]) -> list[Any] | None:
        return [self._write_stage(stage) for stage in stages] or None

    def _write_stage(self, stage: Stage) -> dict[str, Any]:
        match stage:
            case Match(where):
                return {"$match": {} if where == And(()) else self._where.write(where)}
            case Group(key, gathered):
                parts = {part.name: {GATHER_NAMES[part.how]: self._written_gather(part)} for part in gathered}
                return {"$group": {KEY: self._written(key), **parts}}
            case Project(fields, excluded, without_id):
                shown_fields = {
                    self._told(name): 1 if value == FieldPath(name) else self._written(value) for name, value in fields
                }
                hidden = {self._told(name): 0 for name in excluded} | ({KEY: 0} if without_id else {})
                return {"$project": shown_fields | hidden}
            case AddFields(fields):
                return {"$addFields": {self._told(name): self._written(value) for name, value in fields}}
            case Order(sorts):
                return {"$sort": {self._told(sort.field): -1 if sort.descending else 1 for sort in sorts}}
            case Limit(rows):
                return {"$limit": rows}
            case Skip(rows):
                return {"$skip": rows}
            case Unwind(path, index, keep):
                more = {} if index is None else {"includeArrayIndex": index}
                return {"$unwind": {"path": f"${self._told(path)}", "preserveNullAndEmptyArrays": keep, **more}}
            case CountRows(name):
                return {"$count": name}

    def _written_gather(self, part: Gathered) -> Any:
        return {} if part.how is Gather.COUNT else self._written(part.of)

    def _written(self, value: Computable) -> Any:
        match value:
            case FieldPath(path):
                return f"${self._told(path)}"
            case Constant(constant):
                wire = self._values.write(constant)
                return {"$literal": wire} if type(wire) in (str, list) else wire
            case Composed(parts):
                return {name: self._written(part) for name, part in parts}
            case Computed(operator, arguments):
                return {OPERATOR_NAMES[operator]: [self._written(argument) for argument in arguments]}

    def _told(self, path: str) -> str:
        head, dot, rest = path.partition(".")
        return (KEY if head == ID else self._names.write(head)) + dot + rest

    # --- rows ---

    def write_rows(self, rows: list[Any]) -> list[Any]:
        return [self._write_row(row) if type(row) is dict else self._values.write(row) for row in rows]

    def _write_row(self, row: dict[str, Any]) -> dict[str, Any]:
        wire: dict[str, Any] = {}
        for name, value in row.items():
            if name[:1] != "@":
                wire[name] = self._values.write(value)
            elif name in self._names.wire_names:
                told, codec = self._names.wire_names[name]
                wire[told] = self._values.write(value) if name == ID else codec.write(value)
        return wire

    def read_rows(self, wire: Any) -> list[Any]:
        if type(wire) is not list:
            raise GatewayError(Code.BAD_VALUE, f"expected a list, found {shown(wire)}")
        return [self._read_row(row) if type(row) is dict else row for row in wire]

    def _read_row(self, row: dict[str, Any]) -> Any:
        value = self._incoming.read(dict(row))
        if type(value) is not dict:
            return value  # of distinct ones, a date
        read: dict[str, Any] = {}
        for name, wire in row.items():
            field, codec = self._names.system.get(name, (name, None))
            read[field] = value[name] if codec is None or field == ID else codec.read(wire)
        return read


def _json(wire: Any, name: str) -> Any:
    if type(wire) is not str:
        return wire
    try:
        return read_json(wire)
    except GatewayError as error:
        raise wrong(f"Invalid JSON in {name}: {error.message}", name=name) from None


def _rows(wire: Any, stage: str, *, least: int) -> int:
    try:
        rows = read_integer(wire)
    except GatewayError:
        rows = -1
    if not least <= rows <= MOST_ROWS:
        raise wrong(f"{stage} is a whole number from {least}, not {shown(wire)}")
    return rows


def _flat(wire: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """`{"a": {"b": 1}}` as `a.b`."""
    found: list[tuple[str, Any]] = []
    for name, part in wire.items():
        nested = type(part) is dict and part and not any(key.startswith(("$", "__")) for key in part)
        found += _flat(part, f"{prefix}{name}.") if nested else [(prefix + name, part)]
    return found
