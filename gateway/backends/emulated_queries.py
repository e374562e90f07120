"""Queries in other words, or as several: what is told a page at a time, sorted here, or asked for once more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from gateway.backends.columns import BETWEEN, Registry
from gateway.backends.conditions import distance, inversions, nearest_first, subqueries, with_limits, without_inversions
from gateway.backends.emulations import MOST_OWNERS, MOST_SORTED
from gateway.backends.remote import UnsaidError
from gateway.errors import Code, GatewayError
from gateway.model.operation import BY_ID, Caller, Find, Get, Operation, Result, Scan
from gateway.model.query import (
    Aggregated,
    And,
    Condition,
    Filter,
    Inverse,
    Near,
    Not,
    Op,
    Or,
    RelatedTo,
    Sort,
    Subquery,
)
from gateway.model.schema import Kind
from gateway.model.values import CREATED_AT, ID, UPDATED_AT, Date, Pointer
from gateway.store.cursor import Position, read_cursor, write_cursor

Ask = Callable[[Operation, Caller], Awaitable[Result]]

ALWAYS_THERE: Final = frozenset({ID, CREATED_AT, UPDATED_AT})


class Queries:
    """`ask` may do it by other means as well, `native` asks the vendor itself. `page` is its largest, `secret` signs
    the cursors of scans, and `now` tells when they were made, in seconds. `subquery_most` is what a query inside a
    query finds at the most, if there is such a limit; `limits_subqueries` tells whether one can be said.
    """

    def __init__(
        self,
        ask: Ask,
        native: Ask,
        registry: Registry | None,
        *,
        page: int,
        subquery_most: int | None,
        limits_subqueries: bool,
        secret: bytes,
        now: Callable[[], float],
    ) -> None:
        self._ask = ask
        self._native = native
        self._registry = registry
        self._largest = page
        self._subquery_most = subquery_most
        self._limits_subqueries = limits_subqueries
        self._secret = secret
        self._now = now

    async def pages(self, op: Find, caller: Caller) -> Result:
        """A page that is larger than the backend's. What is written meanwhile may be there twice, or missed."""
        largest = self._largest
        order = op.order
        if not _sorts_by_distance(op.where) or order:
            order = (*(order or (Sort(CREATED_AT),)), BY_ID)
        page = replace(op, order=order, limit=largest)
        result = await self._native(page, caller)
        found = result.objects or []
        while len(found) < op.limit and len(found) % largest == 0 and found:
            limit = min(largest, op.limit - len(found))
            more = await self._native(replace(page, limit=limit, skip=op.skip + len(found), count=False), caller)
            if not more.objects:
                break
            found += more.objects
        result.objects = found
        return result

    def is_to_be_counted(self, op: Operation) -> bool:
        return any(map(self._may_find_more, subqueries(getattr(op, "where", None))))

    def _may_find_more(self, query: Subquery) -> bool:
        """Than the vendor reads, or than was asked for, where that cannot be said."""
        most = self._subquery_most
        if most is not None:
            return query.limit is None or query.limit > most
        return query.limit is not None and not self._limits_subqueries

    async def counted(
        self, op: Operation, caller: Caller, allow: Callable[[str, UnsaidError | None], None]
    ) -> Operation:
        """With the limit that a query inside it needs, where the vendor's own would cut off what it finds; without one,
        where the vendor has no words for it, and all is found by it.

        What is found meanwhile besides may be there or not. Raises GatewayError(UNSUPPORTED) where it is too much.
        """
        where: Filter | None = getattr(op, "where", None)
        if where is None or not self.is_to_be_counted(op):
            return op
        most = self._subquery_most
        if most is not None:
            allow("subqueries", None)
        limits: dict[int, int | None] = {}
        for query in filter(self._may_find_more, subqueries(where)):
            total = await self._total(query, caller) - query.skip
            reads = f"reads {most} of them at the most"
            if most is None:
                reads, fits = "reads no part of them", total <= (query.limit or 0)
            else:
                fits = min(total, query.limit or total) <= most
            if not fits:
                told = f"a query inside a query finds {total} objects, and this backend {reads}"
                raise GatewayError(Code.UNSUPPORTED, told)
            limits[id(query)] = most
        return replace(op, where=with_limits(where, limits))  # type: ignore[call-arg]

    async def _total(self, query: Subquery, caller: Caller) -> int:
        count = Find(class_name=query.class_name, where=query.where, limit=0, count=True)
        try:
            return (await self._ask(count, caller)).total or 0
        except GatewayError as error:
            if error.code is not Code.CLASS_NOT_FOUND:
                raise
            return 0

    async def excluding(self, op: Find | Get, caller: Caller) -> Result:
        """The vendor tells all fields, or those that are chosen."""
        result = await self._ask(replace(op, exclude=()), caller)
        for fields in (*(result.objects or ()), *(() if result.object is None else (result.object,))):
            for name in op.exclude:
                fields.pop(name, None)
        return result

    async def nearest(self, op: Find, caller: Caller) -> Result:
        """The vendor tells what is near, and in no order."""
        near = nearest_first(op.where)
        assert near is not None
        field, point = near
        result = await self._ask(
            replace(
                op,
                limit=MOST_SORTED + 1,
                skip=0,
                count=False,
                order=(Sort(CREATED_AT),),
                select=None if op.select is None else tuple(dict.fromkeys((*op.select, field))),
                exclude=tuple(name for name in op.exclude if name != field),
            ),
            caller,
        )
        found = result.objects or []
        if len(found) > MOST_SORTED:
            told = f"more than {MOST_SORTED} objects are near, which this backend cannot sort: set a smaller distance"
            raise GatewayError(Code.UNSUPPORTED, f"{told}, or an order")
        found.sort(key=lambda fields: distance(point, fields.get(field)))
        result.total = len(found) if op.count else None
        result.objects = found[op.skip : op.skip + op.limit]
        if (op.select is not None and field not in op.select) or field in op.exclude:
            for fields in result.objects:
                fields.pop(field, None)
        return result

    async def inverted(self, op: Find, caller: Caller) -> Result:
        """What stands in a field of some object, by that object."""
        assert op.where is not None
        found = [(each, await self._owned(each, caller)) for each in inversions(op.where)]
        return await self._ask(replace(op, where=without_inversions(op.where, found)), caller)

    async def _owned(self, inverse: Inverse, caller: Caller) -> Filter:
        columns = {} if self._registry is None else await self._registry.learned((inverse.class_name,))
        known = columns.get(inverse.class_name, {}).get(inverse.field)
        if known is None or known.kind not in BETWEEN:
            raise GatewayError(Code.UNSUPPORTED, "of what kind the inverted relation is cannot be told here")
        if known.kind is Kind.RELATION and isinstance(inverse.where, Condition):
            one = inverse.where
            if one.field == ID and one.op is Op.EQ and isinstance(one.value, str):
                return RelatedTo(Pointer(inverse.class_name, one.value), inverse.field)
        owners = await self._ask(
            Find(
                class_name=inverse.class_name,
                limit=MOST_OWNERS + 1,
                where=inverse.where,
                order=(BY_ID,),
                select=(ID, inverse.field) if known.kind is Kind.POINTER else (ID,),
            ),
            caller,
        )
        objects = owners.objects or []
        if len(objects) > MOST_OWNERS:
            raise GatewayError(Code.UNSUPPORTED, f"more than {MOST_OWNERS} objects are meant by an inverted relation")
        if known.kind is Kind.POINTER:
            pointers = (fields.get(inverse.field) for fields in objects)
            ids = dict.fromkeys(pointer.id for pointer in pointers if isinstance(pointer, Pointer))
            return Condition(ID, Op.IN, list(ids))
        return Or(tuple(RelatedTo(Pointer(inverse.class_name, str(each[ID])), inverse.field) for each in objects))

    async def scan(self, op: Scan, caller: Caller) -> Result:
        if op.key.field not in ALWAYS_THERE:
            raise GatewayError(Code.UNSUPPORTED, "this backend is scanned by the id or the times of objects only")
        now = int(self._now() * 1000)
        where = op.where
        after = Op.LT if op.key.descending else Op.GT
        if op.cursor is not None:
            seen = read_cursor(self._secret, op, op.cursor, now)
            further: Filter = Condition(ID, after, seen.id)
            if op.key.field != ID:
                assert isinstance(seen.key, str)
                last = Date(seen.key)
                same = Condition(op.key.field, Op.EQ, last)
                further = Or((Condition(op.key.field, after, last), And((same, further))))
            where = further if where is None else And((where, further))
        order = (op.key,) if op.key.field == ID else (op.key, Sort(ID, op.key.descending))
        limit = min(op.limit, self._largest - 1)
        result = await self._ask(
            Find(
                class_name=op.class_name,
                limit=limit + 1,  # one more tells whether there is another page
                where=where,
                order=order,
                select=op.select,
                exclude=op.exclude,
                with_acl=op.with_acl,
            ),
            caller,
        )
        found = result.objects or []
        cursor = None
        if len(found) > limit:
            found = found[:limit]
            last_one = found[-1]
            key = last_one[op.key.field]
            position = Position(key.iso if isinstance(key, Date) else key, last_one[ID])
            cursor = write_cursor(self._secret, op, position, now)
        return Result(objects=found, cursor=cursor)


def _sorts_by_distance(where: Filter | None) -> bool:
    match where:
        case Condition(_, Op.NEAR, _):
            return True
        case And(parts) | Or(parts):
            return any(map(_sorts_by_distance, parts))
        case Not(part):
            return _sorts_by_distance(part)
        case _:
            return False


def of_rows(op: Find) -> bool:
    """Whether the answer has rows, and no objects."""
    return bool(op.group_by or op.distinct) or aggregates(op)


def aggregates(op: Find | Get) -> bool:
    return any(isinstance(output.value, Aggregated) for output in op.outputs)


def has_least_distance(where: Filter) -> bool:
    match where:
        case Condition(_, Op.NEAR, Near(min_distance=nearest)):
            return bool(nearest)
        case And(parts) | Or(parts):
            return any(map(has_least_distance, parts))
        case Not(part):
            return has_least_distance(part)
        case _:
            return False
