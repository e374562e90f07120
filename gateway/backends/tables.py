"""What clients of tables ask for, by operations on single objects: what is related to one, and many at once.

Ids are looked up before they are written, as what is not there is to be passed over and not counted. Where that look-up
decides what is written, another client may come between: `allow` says whether the configuration takes that.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from gateway.backends.chosen_ids import IDS_REFUSED
from gateway.backends.columns import BETWEEN, Registry
from gateway.errors import Code, GatewayError
from gateway.model.account import USER
from gateway.model.operation import (
    BY_ID,
    Batch,
    Caller,
    Create,
    CreateMany,
    Delete,
    DeleteMany,
    Find,
    FindRelated,
    Get,
    Ids,
    NewObject,
    Operation,
    Relate,
    Relating,
    Result,
    Returning,
    Update,
    UpdateMany,
)
from gateway.model.query import And, Condition, Filter, Op, RelatedTo
from gateway.model.schema import Kind, Type
from gateway.model.update import AddRelation, Change, RemoveRelation, Set, Several, Unset
from gateway.model.values import ID, Pointer, ResultOf

Ask = Callable[[Operation, Caller], Awaitable[Result]]

MOST: Final = 10_000
"""Objects that one operation may be about. They are looked up before the first is written."""
MOST_ATTEMPTS: Final = 3
"""How often what others have made or deleted meanwhile is looked up anew."""
AT_ONCE: Final = 100
"""Ids in one query: they may go in a URL."""
GONE: Final = frozenset({Code.OBJECT_NOT_FOUND, Code.CLASS_NOT_FOUND})


class Tables:
    """`allow` raises GatewayError where an emulation is not to be used, `conditions` where others may come between.

    `compares` says that an object is written on a condition in one request, `batch` how many there can be in a batch.
    """

    def __init__(
        self,
        ask: Ask,
        registry: Registry | None,
        allow: Callable[[str], None],
        *,
        batch: int,
        compares: bool = False,
    ) -> None:
        self._ask = ask
        self._compares = compares
        self._registry = registry
        self._allow = allow
        self._batch = batch

    # --- relations ---

    async def find_related(self, op: FindRelated, caller: Caller) -> Result:
        known = await self._column(op.class_name, op.field)
        shown = {name: getattr(op, name) for name in _SHOWN}
        assert known.target is not None
        if known.kind is Kind.POINTER:
            owner = await self._ask(Get(class_name=op.class_name, id=op.id, select=(op.field,)), caller)
            pointer = (owner.object or {}).get(op.field)
            if not isinstance(pointer, Pointer):
                return Result(object=None, class_name=known.target)
            where = _both(Condition(ID, Op.EQ, pointer.id), op.where)
            found = await self._ask(Find(class_name=known.target, limit=1, where=where, **shown), caller)
            return Result(object=next(iter(found.objects or ()), None), class_name=known.target)
        await self._there(op.class_name, op.id, caller)
        where = _both(RelatedTo(Pointer(op.class_name, op.id), op.field), op.where)
        result = await self._ask(
            Find(class_name=known.target, limit=op.limit, skip=op.skip, order=op.order, where=where, **shown), caller
        )
        result.class_name = known.target
        return result

    async def relate(self, op: Relate, caller: Caller) -> Result:
        known = await self._column(op.class_name, op.field, op)
        assert known.target is not None
        # only of these does what was there before decide what is written
        looks = Relating.REMOVE if known.kind is Kind.POINTER else Relating.SET
        if op.where is not None or op.how is looks:
            self._allow("conditions")
        await self._there(op.class_name, op.id, caller)
        chosen = await self._chosen(known.target, op.ids, op.where, caller)
        if known.kind is Kind.POINTER:
            total, change = await self._pointing(op, known.target, chosen, caller)
        else:
            total, change = await self._changed_members(op, known.target, chosen, caller)
        if change is not None:
            changes = {op.field: change}
            write = Update(class_name=op.class_name, id=op.id, changes=changes, returning=Returning.NOTHING)
            await self._ask(write, caller)
        return Result(total=total)

    async def _pointing(
        self, op: Relate, target: str, chosen: tuple[str, ...], caller: Caller
    ) -> tuple[int, Change | None]:
        if op.how is Relating.REMOVE:
            owner = await self._ask(Get(class_name=op.class_name, id=op.id, select=(op.field,)), caller)
            pointer = (owner.object or {}).get(op.field)
            return (1, Unset()) if isinstance(pointer, Pointer) and pointer.id in chosen else (0, None)
        if len(chosen) > 1:
            raise GatewayError(
                Code.BAD_VALUE,
                f"{op.field} holds one object, and several are meant",
                class_name=op.class_name,
                field=op.field,
            )
        if chosen:
            return 1, Set(Pointer(target, chosen[0]))
        return 0, Unset() if op.how is Relating.SET else None

    async def _changed_members(
        self, op: Relate, target: str, chosen: tuple[str, ...], caller: Caller
    ) -> tuple[int, Change | None]:
        related = RelatedTo(Pointer(op.class_name, op.id), op.field)
        if op.how is Relating.SET:
            before = frozenset(await self._found(target, related, caller))
        else:
            before = frozenset(await self._chosen(target, chosen, related, caller)) if chosen else frozenset()
        new = tuple(Pointer(target, known) for known in chosen if known not in before)
        if op.how is Relating.REMOVE:
            gone = tuple(Pointer(target, known) for known in chosen if known in before)
            return len(gone), RemoveRelation(gone) if gone else None
        if op.how is Relating.ADD:
            return len(new), AddRelation(new) if new else None
        gone = tuple(Pointer(target, known) for known in sorted(before - frozenset(chosen)))
        changes = (*((RemoveRelation(gone),) if gone else ()), *((AddRelation(new),) if new else ()))
        return len(chosen), Several(changes) if len(changes) > 1 else next(iter(changes), None)

    async def _column(self, class_name: str, field: str, op: Relate | None = None) -> Type:
        known = None
        if self._registry is not None:
            columns = (self._registry.known() or {}).get(class_name, {})
            known = columns.get(field) or (await self._registry.learned((class_name,))).get(class_name, {}).get(field)
        if known is None and op is not None and op.target is not None:
            return Type(Kind.POINTER if op.single else Kind.RELATION, op.target)
        if known is None or known.kind not in BETWEEN:
            told = f"there is no column of related objects {field!r} in {class_name}"
            raise GatewayError(Code.NO_SUCH_COLUMN, told, class_name=class_name, field=field)
        return known

    async def _there(self, class_name: str, known: str, caller: Caller) -> None:
        await self._ask(Get(class_name=class_name, id=known, select=(ID,)), caller)

    # --- many at once ---

    async def create_many(self, op: CreateMany, caller: Caller) -> Result:
        """All or none: more than one transaction takes cannot be had so."""
        if op.class_name == USER:
            raise GatewayError(Code.UNSUPPORTED, "users are not made many at once here")
        if len(op.objects) > self._batch:
            raise GatewayError(Code.UNSUPPORTED, f"at most {self._batch} objects can be made at once")
        if op.upsert and any(one.id is not None for one in op.objects):
            self._allow("bulk_upsert")
            return await self._upsert_many(op, caller)
        return Result(ids=await self._all_or_none([_created(op, one) for one in op.objects], caller))

    async def _upsert_many(self, op: CreateMany, caller: Caller) -> Result:
        """What is there is looked up; where that is no longer so when it is written, nothing is, and it begins anew."""
        named = [one.id for one in op.objects if one.id is not None]
        if len(set(named)) < len(named):
            raise GatewayError(Code.UNSUPPORTED, "one object cannot be there twice")
        for attempt in range(MOST_ATTEMPTS):
            there = frozenset(await self._chosen(op.class_name, tuple(named), None, caller))
            writes = [_changed(op, one) if one.id in there else _created(op, one) for one in op.objects]
            try:
                return Result(ids=await self._all_or_none(writes, caller))
            except GatewayError as error:
                if error.code in IDS_REFUSED:
                    told = "what is made with ids of the client's own needs a server that takes them"
                    raise GatewayError(Code.UNSUPPORTED, told) from error
                if error.code not in GONE | {Code.DUPLICATE_VALUE} or attempt == MOST_ATTEMPTS - 1:
                    raise
        raise AssertionError("the last attempt returns or raises")

    async def _all_or_none(self, writes: Sequence[Create | Update], caller: Caller) -> list[str]:
        if not writes:
            return []
        ids = []
        answers = (await self._ask(Batch(items=tuple(writes), atomic=True), caller)).items or []
        for write, answer in zip(writes, answers, strict=True):
            if isinstance(answer, GatewayError):
                raise answer
            ids.append(answer.id or write.id or "")
        return ids

    async def update_many(self, op: UpdateMany, caller: Caller) -> Result:
        words: dict[str, Any] = {"class_name": op.class_name, "changes": op.changes, "returning": Returning.NOTHING}
        return await self._each(op, lambda known, where: Update(id=known, where=where, **words), caller)

    async def delete_many(self, op: DeleteMany, caller: Caller) -> Result:
        class_name = op.class_name
        return await self._each(
            op, lambda known, where: Delete(class_name=class_name, ids=(known,), where=where), caller
        )

    async def _each(
        self, op: UpdateMany | DeleteMany, write: Callable[[str, Filter | None], Operation], caller: Caller
    ) -> Result:
        if op.where is not None and not self._compares:
            self._allow("conditions")
        chosen = await self._chosen(op.class_name, op.ids, op.where, caller)
        total = 0
        for at in range(0, len(chosen), self._batch):
            items = tuple(write(known, op.where if self._compares else None) for known in chosen[at : at + self._batch])
            for answer in (await self._ask(Batch(items=items), caller)).items or []:
                if not isinstance(answer, GatewayError):
                    total += 1
                elif answer.code not in GONE | {Code.CONDITION_FAILED}:
                    raise answer
        return Result(total=total)

    # --- which objects are meant ---

    async def _chosen(self, class_name: str, ids: Ids | None, where: Filter | None, caller: Caller) -> tuple[str, ...]:
        """Those that are there for the caller."""
        if ids is None:
            if where is None:
                raise GatewayError(Code.BAD_QUERY, "which objects are meant is to be said, by a condition or by ids")
            return await self._found(class_name, where, caller)
        named = _listed(ids)
        found: set[str] = set()
        for at in range(0, len(named), AT_ONCE):
            some = named[at : at + AT_ONCE]
            found |= set(await self._found(class_name, _both(Condition(ID, Op.IN, list(some)), where), caller))
        return tuple(known for known in named if known in found)

    async def _found(self, class_name: str, where: Filter, caller: Caller) -> tuple[str, ...]:
        find = Find(class_name=class_name, limit=MOST + 1, where=where, order=(BY_ID,), select=(ID,))
        found = (await self._ask(find, caller)).objects or []
        if len(found) > MOST:
            raise _too_many()
        return tuple(fields[ID] for fields in found)


def _created(op: CreateMany, one: NewObject) -> Create:
    return Create(class_name=op.class_name, changes=one.changes, id=one.id, returning=Returning.NOTHING)


def _changed(op: CreateMany, one: NewObject) -> Update:
    assert one.id is not None
    return Update(class_name=op.class_name, changes=one.changes, id=one.id, returning=Returning.NOTHING)


_SHOWN: Final = ("select", "outputs", "exclude", "include", "with_acl", "members", "depth", "nulls", "exact")


def _both(one: Filter, other: Filter | None) -> Filter:
    return one if other is None else And((one, other))


def _listed(ids: Ids) -> tuple[str, ...]:
    if isinstance(ids, ResultOf):
        raise _of_a_batch()
    named: list[str] = []
    for known in ids:
        if isinstance(known, ResultOf):
            raise _of_a_batch()
        named.append(known)
    if len(named) > MOST:
        raise _too_many()
    return tuple(dict.fromkeys(named))


def _of_a_batch() -> GatewayError:
    return GatewayError(Code.UNSUPPORTED, "what another operation answers cannot be used here")


def _too_many() -> GatewayError:
    return GatewayError(Code.UNSUPPORTED, f"at most {MOST} objects can be meant at once by this backend")
