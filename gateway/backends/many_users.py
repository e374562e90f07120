"""Several users at once: each by the rules for one, as no store knows them. All of it is bounded, and not one act.

What is made is undone where a later one fails; what is changed or deleted is counted, and stays so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from gateway.errors import Code, GatewayError
from gateway.model.account import USER, SignUp
from gateway.model.operation import (
    Caller,
    Create,
    CreateMany,
    Delete,
    DeleteMany,
    Find,
    NewObject,
    Operation,
    Relate,
    Result,
    Returning,
    Update,
    UpdateMany,
    Upsert,
)
from gateway.model.query import And, Condition, Filter, Op
from gateway.model.values import ID

MOST_USERS: Final = 100
"""At once. Each has a password that takes a core for tens of milliseconds."""

_GATEWAY: Final = Caller(app="", trusted=True)

Execute = Callable[[Operation, Caller], Awaitable[Result]]


class ManyUsers:
    """`execute` does one thing to one user, by its rules; `store` knows none of them."""

    def __init__(self, execute: Execute, store: Execute, own_fields: frozenset[str]) -> None:
        """`own_fields` are those that a user is known by, and the like: no relation can stand there."""
        self._one = execute
        self._store = store
        self._own_fields = own_fields
        self.by_class: Mapping[type[Operation], Callable[[Any, Caller], Awaitable[Result]]] = {
            Upsert: self._upsert,
            CreateMany: self._create,
            UpdateMany: self._update,
            DeleteMany: self._delete,
            Relate: self._relate,
        }

    async def _upsert(self, op: Upsert, caller: Caller) -> Result:
        words: dict[str, Any] = {"changes": op.changes, "returning": op.returning, "nulls": op.nulls}
        if op.id is not None and await self._ids(Condition(ID, Op.EQ, op.id), _GATEWAY):
            result = await self._one(Update(class_name=USER, id=op.id, **words), caller)
            result.created = False
            return result
        return await self._one(Create(class_name=USER, id=op.id, **words), caller)

    async def _create(self, op: CreateMany, caller: Caller) -> Result:
        if op.upsert:
            raise GatewayError(Code.UNSUPPORTED, "several users are made, or updated, but not as the case may be")
        if len(op.objects) > MOST_USERS:
            raise _too_many()
        made: list[str] = []
        try:
            for new in op.objects:
                made.append(await self._made(op, new, caller))  # noqa: PERF401 (those that were made are undone)
        except GatewayError:
            for known in made:
                await self._one(Delete(class_name=USER, ids=(known,)), _GATEWAY)
            raise
        return Result(ids=made)

    async def _made(self, op: CreateMany, new: NewObject, caller: Caller) -> str:
        one = SignUp(
            id=new.id,
            changes=new.changes,
            returning=Returning.NOTHING,
            opens_session=False,
            named_by_email=op.named_by_email,
        )
        result = await self._one(one, caller)
        if not result.created or result.id is None:
            # a service knows the user already, and so it was a log-in
            raise GatewayError(Code.ALREADY_LINKED, "one of these users is there already")
        return result.id

    async def _update(self, op: UpdateMany, caller: Caller) -> Result:
        return await self._each(
            op, caller, lambda known: Update(class_name=USER, id=known, changes=op.changes, returning=Returning.NOTHING)
        )

    async def _delete(self, op: DeleteMany, caller: Caller) -> Result:
        return await self._each(op, caller, lambda known: Delete(class_name=USER, ids=(known,)))

    async def _each(self, op: UpdateMany | DeleteMany, caller: Caller, of: Callable[[str], Operation]) -> Result:
        parts: list[Filter] = [op.where] if op.where is not None else []
        if op.ids is not None:
            parts.append(Condition(ID, Op.IN, list(op.ids) if isinstance(op.ids, tuple) else []))
        if not parts:
            raise GatewayError(Code.BAD_QUERY, "which users are meant is to be said, by a condition or by their ids")
        if not caller.unrestricted:  # a user may change itself only, whatever its list says
            parts.append(Condition(ID, Op.EQ, caller.user_id))
        total = 0
        for known in await self._ids(And(tuple(parts)), caller):
            try:
                await self._one(of(known), caller)
            except GatewayError as error:
                if error.code is not Code.OBJECT_NOT_FOUND:  # gone meanwhile
                    raise
            else:
                total += 1
        return Result(total=total)

    async def _ids(self, where: Filter, caller: Caller) -> list[str]:
        find = Find(class_name=USER, where=where, limit=MOST_USERS + 1, select=())
        try:
            found = (await self._store(find, caller)).objects or []
        except GatewayError as error:
            if error.code is Code.CLASS_NOT_FOUND:
                return []  # there is no user yet
            raise
        if len(found) > MOST_USERS:
            raise _too_many()
        return [fields[ID] for fields in found]

    async def _relate(self, op: Relate, caller: Caller) -> Result:
        if not caller.unrestricted and caller.user_id != op.id:
            raise GatewayError(Code.SESSION_MISSING, f"Cannot modify user {op.id}.", id=op.id)
        if op.field in self._own_fields:
            raise GatewayError(Code.BAD_FIELD_NAME, f"{op.field} of a user holds no objects", field=op.field)
        return await self._store(op, caller)


def _too_many() -> GatewayError:
    return GatewayError(Code.BAD_BATCH, f"at most {MOST_USERS} users are made, changed or deleted at once")
