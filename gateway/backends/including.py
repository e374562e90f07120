"""What an answer shows beside the objects that it is about, by queries of their own: `Including`.

Members of relations, everything so many levels deep, and values that are computed of one object. Between the queries
another client may write, as it may between the pages of a long answer. How much there may be is limited: more is
refused, and never left out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from gateway.backends.columns import BETWEEN, Columns, Registry
from gateway.errors import Code, GatewayError
from gateway.model.operation import BY_ID, Batch, Caller, Find, Get, Operation, Result
from gateway.model.query import (
    Arithmetic,
    Column,
    Condition,
    Expression,
    JsonPath,
    Literal,
    Op,
    RelatedTo,
    Sort,
    Wildcard,
    columns_of,
)
from gateway.model.schema import Kind
from gateway.model.values import CREATED_AT, ID, Fields, Object, Pointer, Value

Ask = Callable[[Operation, Caller], Awaitable[Result]]
Shown = TypeVar("Shown", Find, Get)

MOST_QUERIES: Final = 300
"""For one answer: as many as a page of a hundred objects needs that shows three relations."""
MOST_LEVELS: Final = 5
AT_ONCE: Final = 100
"""Ids in one query: they may go in a URL."""


@dataclass(slots=True)
class _Budget:
    """What an answer may still cost. `keeps_unseen` is whether a pointer stays where its object cannot be seen.

    Of Parse Server it disappears, out of lists as well; of tables a relation is told by its id.
    """

    keeps_unseen: bool
    left: int = MOST_QUERIES

    def spend(self, queries: int) -> None:
        self.left -= queries
        if self.left < 0:
            raise GatewayError(
                Code.UNSUPPORTED, "this shows more related objects than can be had of this backend: ask for fewer"
            )


class Including:
    """`ask` is a backend that has words for queries, but not for what they are to show."""

    def __init__(self, ask: Ask, registry: Registry) -> None:
        self._ask = ask
        self._registry = registry

    async def execute(self, op: Find | Get, caller: Caller) -> Result:
        """Raises GatewayError(UNSUPPORTED) for what is not of one object, or is too much."""
        check_computed(op)
        if op.depth > MOST_LEVELS:
            raise GatewayError(Code.UNSUPPORTED, f"objects are shown {MOST_LEVELS} levels deep at the most here")
        heads = await self._heads(op.class_name, op.include, op.depth)
        if op.select is not None and "*" in op.include:  # everything is what is selected
            heads &= {path.partition(".")[0] for path in (*op.select, *op.include)}
        paths = [path for output in op.outputs for path in columns_of(output.value)]
        columns = await self._columns(op.class_name)
        followed = [path for path in paths if "." in path and _kind(columns, path.partition(".")[0]) is Kind.POINTER]
        if any(_kind(columns, path.partition(".")[0]) is Kind.RELATION for path in paths):
            raise GatewayError(Code.UNSUPPORTED, "what is computed of the members of a relation cannot be had here")
        select = op.select
        if select is not None:
            select = tuple(dict.fromkeys((*select, ID, *heads, *(path.partition(".")[0] for path in paths))))
        result = await self._ask(
            replace(op, select=select, include=(), members=None, depth=0, outputs=(), exclude=()), caller
        )
        objects: list[Fields] = list(result.objects or ())
        if result.object is not None:
            objects.append(result.object)
        budget = _Budget(keeps_unseen="*" not in op.include)
        include = (*op.include, *(path.rpartition(".")[0] for path in followed))
        await self._include(op.class_name, objects, include, op.depth, op.members, caller, budget)
        for fields in objects:
            computed = {output.name: _computed(fields, output.value) for output in op.outputs}
            if op.select is not None:
                kept = {*op.select, *heads}
                for name in [name for name in fields if name not in kept and (op.exact or name[0] != "@")]:
                    del fields[name]
            for name in op.exclude:
                fields.pop(name, None)
            for head in {path.partition(".")[0] for path in followed} - heads:
                fields.pop(head, None)
            fields.update(computed)
        return result

    async def _heads(self, class_name: str, include: Iterable[str], depth: int) -> set[str]:
        """The columns that are shown by their objects. Of Parse Server `*` has those of lists as well."""
        heads = {path.partition(".")[0] for path in include} - {"*"}
        kinds = (BETWEEN if depth > 0 or "*" in include else set()) | ({Kind.ARRAY} if "*" in include else set())
        if kinds:
            heads |= {name for name, known in (await self._columns(class_name)).items() if known.kind in kinds}
        return heads

    async def _include(
        self,
        class_name: str,
        objects: Sequence[Fields],
        include: Iterable[str],
        depth: int,
        members: int | None,
        caller: Caller,
        budget: _Budget,
    ) -> None:
        include = tuple(include)
        if not objects:
            return
        columns = await self._columns(class_name)
        for head in sorted(await self._heads(class_name, include, depth)):
            known = columns.get(head)
            if known is None:
                continue
            if known.kind in (Kind.POINTER, Kind.ARRAY):
                await self._point(head, objects, caller, budget)
            elif known.kind is Kind.RELATION and known.target is not None and members is not None:
                await self._relate(class_name, head, known.target, objects, members, caller, budget)
            below: dict[str, list[Fields]] = {}
            for part in (part for fields in objects for part in _objects(fields.get(head))):
                below.setdefault(part.class_name, []).append(part.fields)
            rest = [path.partition(".")[2] for path in include if path.startswith(f"{head}.")]
            for target, inner in below.items():
                await self._include(target, inner, rest, depth - 1, members, caller, budget)

    async def _point(self, head: str, objects: Sequence[Fields], caller: Caller, budget: _Budget) -> None:
        wanted: dict[str, dict[str, None]] = {}
        for pointer in (part for fields in objects for part in _pointers(fields.get(head))):
            wanted.setdefault(pointer.class_name, {})[pointer.id] = None
        found: dict[Pointer, Fields] = {}
        for target, named in wanted.items():
            ids = list(named)
            for at in range(0, len(ids), AT_ONCE):
                some = ids[at : at + AT_ONCE]
                budget.spend(1)
                find = Find(class_name=target, limit=len(some), where=Condition(ID, Op.IN, list(some)))
                found |= {Pointer(target, str(each[ID])): each for each in (await self._found(find, caller))}

        def shown(value: Value) -> list[Value]:
            if isinstance(value, Pointer) and value in found:
                return [Object(value.class_name, dict(found[value]))]
            return [] if isinstance(value, Pointer) and not budget.keeps_unseen else [value]

        for fields in objects:
            match fields.get(head):
                case list(parts):
                    fields[head] = [each for part in parts for each in shown(part)]
                case Pointer() as pointer:
                    del fields[head]
                    fields.update((head, each) for each in shown(pointer))

    async def _relate(
        self,
        class_name: str,
        head: str,
        target: str,
        objects: Sequence[Fields],
        members: int,
        caller: Caller,
        budget: _Budget,
    ) -> None:
        budget.spend(len(objects))
        newest = (Sort(CREATED_AT, descending=True), BY_ID)
        finds = tuple(
            Find(
                class_name=target,
                limit=members,
                where=RelatedTo(Pointer(class_name, str(fields[ID])), head),
                order=newest,
            )
            for fields in objects
        )
        answers = (await self._ask(Batch(items=finds), caller)).items or []
        for fields, answer in zip(objects, answers, strict=True):
            if not isinstance(answer, GatewayError):
                fields[head] = [Object(target, each) for each in answer.objects or []]
            elif answer.code is Code.CLASS_NOT_FOUND:
                fields[head] = []
            else:
                raise answer

    async def _found(self, find: Find, caller: Caller) -> list[Fields]:
        try:
            return (await self._ask(find, caller)).objects or []
        except GatewayError as error:
            if error.code is not Code.CLASS_NOT_FOUND:
                raise
            return []

    async def _columns(self, class_name: str) -> Columns:
        columns = (self._registry.known() or {}).get(class_name)
        if columns is None:
            columns = (await self._registry.learned((class_name,))).get(class_name)
        return columns or {}


def check_computed(op: Find | Get) -> None:
    """Raises GatewayError(UNSUPPORTED) unless every value is computed of one object, as it stands in an answer."""
    if isinstance(op, Find):
        named = {output.name for output in op.outputs}
        if op.group_by or op.distinct or op.having is not None:
            raise GatewayError(Code.UNSUPPORTED, "groups, and rows that differ, cannot be had of this backend")
        if any(sort.value is not None or sort.field in named for sort in op.order):
            raise GatewayError(Code.UNSUPPORTED, "this backend cannot sort by what is computed")
    for output in op.outputs:
        if not _of_one(output.value):
            raise GatewayError(Code.UNSUPPORTED, f"{output.name} cannot be computed for this backend", name=output.name)


def _of_one(value: Expression) -> bool:
    match value:
        case Column() | Literal():
            return True
        case JsonPath(_, steps):
            return not any(isinstance(step, Wildcard) for step in steps)
        case Arithmetic(_, left, right):
            return _of_one(left) and _of_one(right)
        case _:
            return False


def _computed(fields: Fields, value: Expression) -> Value:
    match value:
        case Literal(of):
            return of
        case Column(path):
            return _at(fields, path.split("."))
        case JsonPath(field, steps):
            return _at(fields, (field, *steps))
        case Arithmetic(operator, left, right):
            return _arithmetic(operator, _computed(fields, left), _computed(fields, right))
        case _:
            raise AssertionError("what is of one object was made sure of")


def _at(there: Any, steps: Iterable[str | int | Wildcard]) -> Value:
    for step in steps:
        match there, step:
            case Object(fields=fields), str():
                there = fields.get(step)
            case dict(), str():
                there = there.get(step)
            case list(), int() if 0 <= step < len(there):
                there = there[step]
            case _:
                return None
    return None if isinstance(there, Object) else there


def _arithmetic(operator: str, left: Value, right: Value) -> Value:
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        return None
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case _:
            return None if right == 0 else left / right


def _kind(columns: Columns, name: str) -> Kind | None:
    known = columns.get(name)
    return None if known is None else known.kind


def _objects(value: Value) -> Iterator[Object]:
    return (part for part in (value if isinstance(value, list) else (value,)) if isinstance(part, Object))


def _pointers(value: Value) -> Iterator[Pointer]:
    return (part for part in (value if isinstance(value, list) else (value,)) if isinstance(part, Pointer))
