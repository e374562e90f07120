"""Aggregations by means of what every backend has: its objects are read a page at a time, and go through the stages.

What the store does better is left to it: conditions in the first stages, a sort of objects of which few are wanted,
and groups of which plain sums are asked, by `Find`. Nothing is held but what the stages need (`pipeline_stages.Room`).
While pages are read others may write: an object is seen once at the most, and as it was when its page was read.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final

from gateway.backends.base import Backend
from gateway.backends.columns import Registry
from gateway.backends.pipeline_stages import MISSING, Pipeline, Room, Row, at_path, same_as, sort_key
from gateway.errors import Code, GatewayError
from gateway.model.aggregate import (
    AddFields,
    Aggregate,
    Constant,
    FieldPath,
    Gather,
    Gathered,
    Group,
    Limit,
    Match,
    Order,
    Project,
    Skip,
    Stage,
    Unwind,
    paths_in,
)
from gateway.model.operation import Caller, Find, Operation, Result, Scan
from gateway.model.query import Aggregate as Sum
from gateway.model.query import Aggregated, And, Column, Filter, Output, Sort
from gateway.model.schema import Kind
from gateway.model.values import CREATED_AT, ID, UPDATED_AT

PAGE: Final = 1000
TIME_LIMIT: Final = 60.0
"""Seconds for all of an aggregation."""
MOST_GROUPS: Final = 100_000
MOST_SORTED: Final = 10_000
"""Objects of one sort that is left to the store."""

SUMS: Final[Mapping[Gather, Sum]] = {
    Gather.SUM: Sum.SUM,
    Gather.AVERAGE: Sum.AVERAGE,
    Gather.MIN: Sum.MIN,
    Gather.MAX: Sum.MAX,
}
KEYS: Final = frozenset({Kind.STRING, Kind.NUMBER, Kind.BOOLEAN, Kind.DATE, Kind.POINTER})
"""Columns that have one value, by which a store tells groups apart as the stages do."""


class Aggregates:
    """A backend, and what it is to aggregate. `registry` has its columns, where its own groups are the same."""

    def __init__(
        self, backend: Backend, registry: Registry | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._backend = backend
        self._registry = registry
        self._clock = clock

    async def identify(self, caller: Caller) -> Caller:
        return await self._backend.identify(caller)

    async def close(self) -> None:
        await self._backend.close()

    async def execute(self, op: Operation, caller: Caller) -> Result:
        if not isinstance(op, Aggregate):
            return await self._backend.execute(op, caller)
        try:
            return Result(value=await (self._rows(op, caller) if op.distinct is None else self._distinct(op, caller)))
        except GatewayError as error:
            if error.code is Code.CLASS_NOT_FOUND:
                return Result(value=[])
            raise

    async def _rows(self, op: Aggregate, caller: Caller) -> list[Row]:
        where, stages = _matched(op)
        if stages and isinstance(stages[0], Group) and await self._sums_up(op.class_name, stages[0]):
            groups = await self._groups(op.class_name, where, stages[0], caller)
            return _through(Pipeline(stages[1:]), groups)
        pipeline = Pipeline(stages)
        if (sorted_first := _sorted(stages)) is not None:
            find = Find(class_name=op.class_name, where=where, order=stages[0].sorts, limit=sorted_first)  # type: ignore[union-attr]
            return _through(pipeline, (await self._backend.execute(find, caller)).objects or [])
        async for row in self._objects(op.class_name, where, _needed(stages), caller):
            if pipeline.full:
                break
            pipeline.take(row)
        return pipeline.end()

    async def _distinct(self, op: Aggregate, caller: Caller) -> list[Any]:
        assert op.distinct is not None
        where, stages = _matched(op)
        if stages:
            raise GatewayError(Code.BAD_QUERY, "distinct goes with a condition, and not with stages")
        room, found = Room(), dict[bytes, Any]()
        async for row in self._objects(op.class_name, where, (op.distinct.partition(".")[0],), caller):
            value = at_path(row, op.distinct)
            for item in value if type(value) is list else [value]:
                if item is not None and item is not MISSING and (known := same_as(item)) not in found:
                    room.take(item)
                    found[known] = item
        return sorted(found.values(), key=sort_key)

    async def _objects(
        self, class_name: str, where: Filter | None, select: tuple[str, ...] | None, caller: Caller
    ) -> AsyncIterator[Row]:
        until, cursor = self._clock() + TIME_LIMIT, None
        while True:
            scan = Scan(
                class_name=class_name,
                where=where,
                limit=PAGE,
                key=Sort(CREATED_AT),  # as they were made, which is what the first and the last of a group mean
                select=select,
                cursor=cursor,
                with_acl=select is None,
            )
            page = await self._backend.execute(scan, caller)
            for row in page.objects or []:
                yield row
            cursor = page.cursor
            if cursor is None:
                return
            if self._clock() > until:
                raise GatewayError(Code.TIMEOUT, "the aggregation took too long: match fewer objects")

    # --- groups by the store itself ---

    async def _sums_up(self, class_name: str, group: Group) -> bool:
        if self._registry is None:
            return False
        types = (await self._registry.learned((class_name,))).get(class_name, {})

        def kind_of(path: str) -> Kind | None:
            if path in (CREATED_AT, UPDATED_AT):
                return Kind.DATE
            return types[path].kind if path in types else None

        match group.key:
            case Constant(None):
                pass
            case FieldPath(path) if kind_of(path) in KEYS:
                pass
            case _:
                return False
        return all(_is_plain(part, kind_of) for part in group.gathered)

    async def _groups(self, class_name: str, where: Filter | None, group: Group, caller: Caller) -> list[Row]:
        key = group.key.path if isinstance(group.key, FieldPath) else None
        outputs = [Output(f"v{at}", _aggregated(part)) for at, part in enumerate(group.gathered)]
        find = Find(
            class_name=class_name,
            where=where,
            limit=MOST_GROUPS + 1,
            group_by=() if key is None else (key,),
            select=() if key is None else (key,),
            # of one group of everything a count tells whether there is anything at all
            outputs=(*outputs, Output("rows", Aggregated(Sum.COUNT, Column(ID)))),
        )
        rows = (await self._backend.execute(find, caller)).objects or []
        if len(rows) > MOST_GROUPS:
            raise GatewayError(Code.BAD_QUERY, f"these are more than {MOST_GROUPS} groups: match fewer objects")
        return [
            {
                ID: None if key is None else row.get(key),
                **{part.name: _summed(part, row.get(f"v{at}")) for at, part in enumerate(group.gathered)},
            }
            for row in rows
            if row["rows"]
        ]


def _matched(op: Aggregate) -> tuple[Filter | None, Sequence[Stage]]:
    """What the store can be asked, and the stages that are left."""
    parts = [] if op.where is None else [op.where]
    stages = list(op.stages)
    while stages and isinstance(stages[0], Match):
        first = stages.pop(0)
        assert isinstance(first, Match)
        parts.append(first.where)
    parts = [part for part in parts if part != And(())]
    return (None if not parts else parts[0] if len(parts) == 1 else And(tuple(parts))), stages


def _sorted(stages: Sequence[Stage]) -> int | None:
    """How many objects of a sort are wanted, where it is the store's and they are few."""
    if not stages or not isinstance(stages[0], Order):
        return None
    if any("." in sort.field for sort in stages[0].sorts):
        return None
    skipped = 0
    for stage in stages[1:]:
        if isinstance(stage, Skip):
            skipped += stage.rows
        elif isinstance(stage, Limit):
            return skipped + stage.rows if skipped + stage.rows <= MOST_SORTED else None
        else:
            break
    return None


def _needed(stages: Sequence[Stage]) -> tuple[str, ...] | None:
    """The columns that the stages look at, where what comes out has no others."""
    paths: list[str] = []
    for stage in stages:
        match stage:
            case Group(key, gathered):
                values = [key, *(part.of for part in gathered)]
            case Project(fields, ()) if fields:
                values = [value for _, value in fields]
            case Order(sorts):
                paths += [sort.field for sort in sorts]
                continue
            case Unwind(path):
                paths.append(path)
                continue
            case AddFields(fields):
                paths += [path for _, value in fields for path in paths_in(value)]
                continue
            case Limit() | Skip():
                continue
            case _:
                return None
        paths += [path for value in values for path in paths_in(value)]
        # what is not among the columns comes from a stage before
        return tuple(dict.fromkeys(path.partition(".")[0] for path in paths))
    return None


def _through(pipeline: Pipeline, rows: Sequence[Row]) -> list[Row]:
    for row in rows:
        if pipeline.full:
            break
        pipeline.take(row)
    return pipeline.end()


def _is_plain(part: Gathered, kind_of: Callable[[str], Kind | None]) -> bool:
    match part.how, part.of:
        case Gather.COUNT, _:
            return True
        case Gather.SUM, Constant(value):
            return type(value) is int
        case ((Gather.SUM | Gather.AVERAGE), FieldPath(path)):
            return kind_of(path) is Kind.NUMBER
        case ((Gather.MIN | Gather.MAX), FieldPath(path)):
            return kind_of(path) in (Kind.NUMBER, Kind.STRING, Kind.DATE)
    return False


def _aggregated(part: Gathered) -> Aggregated:
    if isinstance(part.of, FieldPath) and part.how in SUMS:
        return Aggregated(SUMS[part.how], Column(part.of.path))
    return Aggregated(Sum.COUNT, Column(ID))


def _summed(part: Gathered, value: Any) -> Any:
    if part.how is Gather.SUM and isinstance(part.of, Constant):
        return value * part.of.value
    return 0 if part.how is Gather.SUM and value is None else value
