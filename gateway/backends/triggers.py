"""Code of an app's own that is asked before something is done, and told of it afterwards, whatever way it came in.

    before     an operation is prepared: each object that it would write is shown to its trigger, which may refuse it
               or change it. Where one refuses, or cannot be asked, nothing at all is written
    the write  once, as one operation; what triggers changed beside it goes into the same transaction
    after      whoever is to be told is told while the client waits. A note in the store is made first, and taken away
               when it was told: what could not be reached the scheduler tells later, so it is told at least once

A batch that is all or none asks all its triggers first, then writes, then tells. What the triggers see of an object is
how it stood before the batch. Code that writes by itself says which triggers are not to be asked (`ignore_hooks`): that
counts from the master, and from who has the app's key for its own code.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from itertools import chain
from typing import Any, Final

from gateway.adapters import base
from gateway.backends.base import Backend
from gateway.backends.functions import who_asks
from gateway.backends.hooks import RegisteredHooks
from gateway.backends.scheduler import Scheduler, Task
from gateway.errors import Code, GatewayError
from gateway.model.account import OWN_ID_KEYS, SESSION, USER, LogIn, LogInAs, LogOut, SignUp
from gateway.model.applied import applied
from gateway.model.members import ConvertGuest, LogInByToken
from gateway.model.operation import (
    Batch,
    Caller,
    Create,
    CreateMany,
    DeepSave,
    Deferred,
    Delete,
    DeleteMany,
    Find,
    Get,
    NewObject,
    Operation,
    Relate,
    Relating,
    Result,
    Returning,
    Update,
    UpdateMany,
    Upsert,
)
from gateway.model.query import Condition, Filter, Op
from gateway.model.recovery import VerifyEmail, VerifyPhone
from gateway.model.trigger import Altered, Moment, Occasion, Who
from gateway.model.update import AddRelation, Change, Changes, RemoveRelation, Set
from gateway.model.values import ACL, ID, UPDATED_AT, Fields, Object, Pointer, Reference, ResultOf

log = logging.getLogger(__name__)

MOST: Final = 1000
"""Objects of one operation whose triggers are asked."""
TASK: Final = "trigger"
"""The kind of task that tells a trigger what was done."""
TOLD_WITHIN: Final = 330.0
"""Seconds after which the scheduler tells a trigger: the gateway that was to has died, no webhook takes as long."""
TRIES: Final = 40
"""How often the scheduler tries, at most; with its pauses that is some three hours."""

Finish = Callable[[Result], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """An operation as its triggers want it: `beside` goes into the same transaction, `finish` tells of it."""

    op: Operation
    beside: tuple[Operation, ...] = ()
    finish: Sequence[Finish] = ()


@dataclass(frozen=True, slots=True)
class _Saved:
    """An object that a tree makes, where it has no id, or changes."""

    class_name: str
    id: str | None
    original: Fields | None
    changes: Changes


@dataclass(slots=True)
class Asking:
    """One client's request, while its triggers are asked. Its user is read once, and only where somebody is asked."""

    caller: Caller
    ignored: frozenset[str] = frozenset()
    known: Who | None = field(default=None, repr=False)


class Triggers:
    """`registered` are those that the app's owner registers while it runs.

    Without a `scheduler` who could not be told is not told later. Where the users are not here (`users_here`), a
    trigger before a log-in is asked when the other server has opened the session, which ends where it refuses.
    """

    def __init__(
        self,
        backend: Backend,
        triggers: base.Triggers,
        *,
        registered: RegisteredHooks | None = None,
        scheduler: Scheduler | None = None,
        now: Callable[[], float],
        users_here: bool = True,
    ) -> None:
        self._backend = backend
        self._users_here = users_here
        self.knows: Callable[[SignUp], Awaitable[bool]] | None = None
        """Whether a sign-up will be a log-in; without it the backend is asked for its users."""
        self._triggers = triggers
        self._registered = registered
        self._scheduler = scheduler
        self._now = now
        if scheduler is not None:
            scheduler.handle(TASK, self._tell_later)
        self._prepare: Mapping[type[Operation], Callable[[Any, Asking], Awaitable[Prepared]]] = {
            Create: self._create,
            Update: self._update,
            Upsert: self._upsert,
            Delete: self._delete,
            CreateMany: self._create_many,
            UpdateMany: self._update_many,
            DeleteMany: self._delete_many,
            Relate: self._relate,
            DeepSave: self._deep_save,
            Deferred: self._deferred,
            SignUp: self._sign_up,
            ConvertGuest: self._convert_guest,
            LogIn: self._log_in,
            LogInAs: self._log_in,
            LogInByToken: self._log_in,
            LogOut: self._log_out,
            VerifyEmail: self._verify,
            VerifyPhone: self._verify,
            Find: self._query,
            Get: self._query,
        }

    async def identify(self, caller: Caller) -> Caller:
        return await self._backend.identify(caller)

    async def close(self) -> None:
        await self._backend.close()

    async def execute(self, op: Operation, caller: Caller) -> Result:
        prepare = self._prepare.get(type(op))
        if prepare is None and type(op) is not Batch:
            return await self._backend.execute(op, caller)
        if not self._triggers.any and not (self._registered is not None and await self._registered.any_triggers()):
            return await self._backend.execute(op, caller)
        if isinstance(op, Batch):
            return await self._batch(op, caller)
        prepared = await self._prepared(op, caller)
        return await self._done(prepared, caller)

    async def admit(self, user_id: str, caller: Caller) -> None:
        """Asked before a session is opened for a user who is there already. Raises GatewayError where it may not be."""
        await self._of_user(Moment.BEFORE_LOG_IN, user_id, caller)

    async def admit_reset(self, user_id: str, caller: Caller) -> None:
        """The same before a user is sent what resets a password."""
        await self._of_user(Moment.BEFORE_PASSWORD_RESET, user_id, caller)

    async def _of_user(self, moment: Moment, user_id: str, caller: Caller) -> None:
        if not self._triggers.any and not (self._registered is not None and await self._registered.any_triggers()):
            return
        trigger = await self._find(USER, moment)
        user = None if trigger is None else await self._there(USER, user_id, caller.app)
        if trigger is not None and user is not None:
            asking = Asking(replace(caller, user_id=None, session=None))
            await trigger.before(Occasion(moment, USER, user), await self._who(asking))

    # --- how an operation goes ---

    async def _prepared(self, op: Operation, caller: Caller) -> Prepared:
        ignored: Collection[str] = getattr(op, "ignore_hooks", ())
        allowed = caller.master or caller.own_code
        asking = Asking(caller, frozenset(ignored) if allowed else frozenset())
        prepare = self._prepare.get(type(op))
        return Prepared(op) if prepare is None else await prepare(op, asking)

    async def _done(self, prepared: Prepared, caller: Caller) -> Result:
        if prepared.beside:
            together = Batch(items=(prepared.op, *prepared.beside), atomic=True)
            result = (await self._backend.execute(together, caller)).items[0]  # type: ignore[index]
            assert isinstance(result, Result), "it is all or nothing"
        else:
            result = await self._backend.execute(prepared.op, caller)
        for finish in prepared.finish:
            await finish(result)
        return result

    async def _batch(self, op: Batch, caller: Caller) -> Result:
        if op.atomic or op.names:
            return await self._together(op, caller)
        answers: list[Result | GatewayError] = []
        for item in op.items:
            try:
                answers.append(await self._done(await self._prepared(item, caller), caller))
            except GatewayError as error:
                answers.append(error)
        return Result(items=answers)

    async def _together(self, op: Batch, caller: Caller) -> Result:
        """All triggers first. In a batch that is not all or none, an item that is refused is its own affair."""
        prepared: list[Prepared | GatewayError] = []
        for at, item in enumerate(op.items):
            try:
                prepared.append(await self._prepared(item, caller))
            except GatewayError as error:
                if op.atomic:
                    raise error.at(at) from None
                prepared.append(error)
        kept = [at for at, one in enumerate(prepared) if isinstance(one, Prepared)]
        ready = [one for one in prepared if isinstance(one, Prepared)]
        beside = [other for one in ready for other in one.beside]
        names = tuple(op.names[at] for at in kept) if op.names else ()
        told = replace(
            op,
            items=(*(one.op for one in ready), *beside),
            names=(*names, *(None for _ in beside)) if names else (),
        )
        results = iter((await self._backend.execute(told, caller)).items or [])
        answers: list[Result | GatewayError] = []
        for one in prepared:
            answer = one if isinstance(one, GatewayError) else next(results)
            if isinstance(one, Prepared) and isinstance(answer, Result):
                for finish in one.finish:
                    await finish(answer)
            answers.append(answer)
        return Result(items=answers)

    # --- one object is saved ---

    async def _create(self, op: Create, asking: Asking) -> Prepared:
        if op.class_name == USER:
            signing = SignUp(changes=op.changes, id=op.id, returning=op.returning)
            if await self._comes_in(signing, asking):
                return await self._sign_up(signing, asking)
        changes, finish = await self._saving(op.class_name, None, op.changes, op.returning, asking)
        return Prepared(replace(op, changes=changes), finish=finish)

    async def _update(self, op: Update, asking: Asking) -> Prepared:
        if not await self._any(op.class_name, _SAVES, created=False):
            return Prepared(op)
        original = await self._there(op.class_name, op.id, asking.caller.app)
        if original is None or not _may_write(original, asking.caller):
            return Prepared(op)  # what is wrong with it, the backend says
        changes, finish = await self._saving(op.class_name, original, op.changes, op.returning, asking)
        return Prepared(replace(op, changes=changes), finish=finish)

    async def _upsert(self, op: Upsert, asking: Asking) -> Prepared:
        original = None if op.id is None else await self._there(op.class_name, op.id, asking.caller.app)
        if original is not None and not _may_write(original, asking.caller):
            return Prepared(op)
        changes, finish = await self._saving(op.class_name, original, op.changes, op.returning, asking)
        return Prepared(replace(op, changes=changes), finish=finish)

    async def _saving(
        self, class_name: str, original: Fields | None, changes: Changes, returning: Returning, asking: Asking
    ) -> tuple[Changes, Sequence[Finish]]:
        """The changes that are to be made, and what is to be done when they are."""
        altered = await self._before_save(class_name, original, changes, asking)
        told = _with(changes, altered)

        async def show(result: Result) -> None:
            # what a trigger has set, its client does not know; who asks for nothing hears nothing of it either
            if altered and returning is not Returning.NOTHING:
                sets = {name: change.value for name, change in altered.items() if type(change) is Set}
                result.object = {**(result.object or {}), **copy.deepcopy(sets)}

        async def tell(result: Result) -> None:
            id_ = result.id or (result.object or {}).get(ID) or (original or {}).get(ID)
            if isinstance(id_, str):
                await self._after_save(class_name, id_, original, told, asking)

        return told, (show, tell)

    async def _before_save(self, class_name: str, original: Fields | None, changes: Changes, asking: Asking) -> Altered:
        trigger = await self._asked(class_name, Moment.BEFORE_SAVE, asking, created=original is None)
        if trigger is None:
            return {}
        if _awaits(changes):
            raise _not_known_yet(class_name)
        fields = applied(original, changes)
        occasion = Occasion(Moment.BEFORE_SAVE, class_name, fields, original, changes)
        return await trigger.before(occasion, await self._who(asking))

    async def _after_save(
        self, class_name: str, id_: str, original: Fields | None, changes: Changes, asking: Asking
    ) -> None:
        trigger = await self._asked(class_name, Moment.AFTER_SAVE, asking, created=original is None)
        if trigger is not None and (fields := await self._there(class_name, id_, asking.caller.app)) is not None:
            await self._tell(trigger, Occasion(Moment.AFTER_SAVE, class_name, fields, original, changes), asking)

    # --- objects are deleted ---

    async def _delete(self, op: Delete, asking: Asking) -> Prepared:
        return Prepared(op, finish=await self._deleting(op.class_name, op.ids, asking))

    async def _delete_many(self, op: DeleteMany, asking: Asking) -> Prepared:
        if not await self._any(op.class_name, _DELETES):
            return Prepared(op)
        ids = await self._ids(op, asking)
        return Prepared(replace(op, where=None, ids=ids), finish=await self._deleting(op.class_name, ids, asking))

    async def _deleting(self, class_name: str, ids: Sequence[str], asking: Asking) -> Sequence[Finish]:
        if not await self._any(class_name, _DELETES):
            return ()
        originals = [
            found
            for id_ in ids
            if (found := await self._there(class_name, id_, asking.caller.app)) is not None
            and _may_write(found, asking.caller)
        ]
        before = await self._asked(class_name, Moment.BEFORE_DELETE, asking)
        for original in originals:
            if before is not None:
                occasion = Occasion(Moment.BEFORE_DELETE, class_name, original)
                await before.before(occasion, await self._who(asking))

        async def tell(_result: Result) -> None:
            after = await self._asked(class_name, Moment.AFTER_DELETE, asking)
            for original in originals if after is not None else ():
                assert after is not None
                alone = len(ids) == 1
                if alone or await self._there(class_name, original[ID], asking.caller.app) is None:
                    await self._tell(after, Occasion(Moment.AFTER_DELETE, class_name, original), asking)

        return (tell,)

    # --- many objects ---

    async def _create_many(self, op: CreateMany, asking: Asking) -> Prepared:
        if not await self._any(op.class_name, _SAVES) and not await self._any(op.class_name, _SAVES, created=False):
            return Prepared(op)
        if len(op.objects) > MOST:
            raise _too_many(op.class_name)
        objects: list[NewObject] = []
        originals: list[Fields | None] = []
        for new in op.objects:
            known = op.upsert and new.id is not None
            original = await self._there(op.class_name, str(new.id), asking.caller.app) if known else None
            altered = await self._before_save(op.class_name, original, new.changes, asking)
            objects.append(NewObject(_with(new.changes, altered), new.id))
            originals.append(original)

        async def tell(result: Result) -> None:
            for id_, new, original in zip(result.ids or (), objects, originals, strict=True):
                await self._after_save(op.class_name, id_, original, new.changes, asking)

        return Prepared(replace(op, objects=tuple(objects)), finish=(tell,))

    async def _update_many(self, op: UpdateMany, asking: Asking) -> Prepared:
        if not await self._any(op.class_name, _SAVES, created=False):
            return Prepared(op)
        originals: list[Fields] = []
        beside: list[Operation] = []
        for id_ in await self._ids(op, asking):
            original = await self._there(op.class_name, id_, asking.caller.app)
            if original is None or not _may_write(original, asking.caller):
                continue
            altered = await self._before_save(op.class_name, original, op.changes, asking)
            if any(change is None for change in altered.values()):
                raise GatewayError(
                    Code.UNSUPPORTED, "a trigger cannot take a change away from one of many objects that get the same"
                )
            own = {name: change for name, change in altered.items() if change is not None}
            if own:
                beside.append(Update(class_name=op.class_name, id=id_, changes=own, returning=Returning.NOTHING))
            originals.append(original)

        async def tell(_result: Result) -> None:
            for original in originals:
                now = await self._there(op.class_name, original[ID], asking.caller.app)
                if now is not None and now.get(UPDATED_AT) != original.get(UPDATED_AT):
                    await self._after_save(op.class_name, original[ID], original, op.changes, asking)

        ids = tuple(str(original[ID]) for original in originals)
        return Prepared(replace(op, where=None, ids=ids), tuple(beside), (tell,))

    async def _ids(self, op: UpdateMany | DeleteMany, asking: Asking) -> tuple[str, ...]:
        """The objects that are meant, as far as the caller can see them."""
        if op.ids is not None:
            ids = op.ids if isinstance(op.ids, tuple) else None
            if ids is None or not all(type(id_) is str for id_ in ids):
                raise _not_known_yet(op.class_name)
            if len(ids) > MOST:
                raise _too_many(op.class_name)
            return tuple(str(id_) for id_ in ids)
        query = Find(class_name=op.class_name, where=op.where, limit=MOST + 1, select=(ID,))
        try:
            found = await self._backend.execute(query, asking.caller)
        except GatewayError as error:
            if error.code is Code.CLASS_NOT_FOUND:
                return ()
            raise
        if len(found.objects or ()) > MOST:
            raise _too_many(op.class_name)
        return tuple(fields[ID] for fields in found.objects or ())

    async def _relate(self, op: Relate, asking: Asking) -> Prepared:
        if not await self._any(op.class_name, _SAVES, created=False):
            return Prepared(op)
        original = await self._there(op.class_name, op.id, asking.caller.app)
        if original is None or not _may_write(original, asking.caller):
            return Prepared(op)
        changes = _related(op)
        altered = await self._before_save(op.class_name, original, changes, asking)
        own = {name: change for name, change in altered.items() if change is not None and name != op.field}

        async def tell(_result: Result) -> None:
            await self._after_save(op.class_name, op.id, original, changes, asking)

        beside = Update(class_name=op.class_name, id=op.id, changes=own, returning=Returning.NOTHING)
        return Prepared(op, (beside,) if own else (), (tell,))

    async def _deep_save(self, op: DeepSave, asking: Asking) -> Prepared:
        """Every object of the tree that is made or changed; what is only pointed to is not written."""
        top = Object(op.class_name, op.tree)
        objects = list(_objects_in(top))
        for class_name in {one.class_name for one in objects}:
            if await self._any(class_name, _SAVES) or await self._any(class_name, _SAVES, created=False):
                break
        else:
            return Prepared(op)
        if len(objects) > MOST:
            raise _too_many(op.class_name)
        tree, saved = await self._branch(top, asking)
        known = {one.fields.get(ID) for one in objects}

        async def tell(result: Result) -> None:
            for one in saved:
                if one.id is not None:
                    await self._after_save(one.class_name, one.id, one.original, one.changes, asking)
            made = [one.class_name for one in saved if one.id is None]
            answer = Object(op.class_name, result.object or {})
            told = (
                zip(made, result.ids, strict=True)
                if result.ids is not None
                else [(one.class_name, str(one.fields[ID])) for one in _objects_in(answer) if ID in one.fields]
            )
            for class_name, id_ in told:
                if id_ not in known:
                    await self._after_save(class_name, id_, None, {}, asking)

        return Prepared(replace(op, tree=tree.fields), finish=(tell,))

    async def _branch(self, branch: Object, asking: Asking) -> tuple[Object, list[_Saved]]:
        """A branch as its triggers want it, and what is saved of it, in the order of that: what is inside first."""
        class_name, id_ = branch.class_name, branch.fields.get(ID)
        if branch.fields.keys() == {ID}:
            return branch, []
        tree: Fields = {}
        saved: dict[str, list[_Saved]] = {}
        for name, value in branch.fields.items():
            tree[name], saved[name] = await self._inside(value, asking)
        original = None if type(id_) is not str else await self._there(class_name, id_, asking.caller.app)
        changes = _shown(tree)
        if original is None or _may_write(original, asking.caller):  # else the backend refuses the whole tree
            altered = await self._before_save(class_name, original, changes, asking)
            for name, change in altered.items():
                if type(change) is Set:
                    tree[name] = change.value
                elif change is None:
                    tree.pop(name, None)
                else:
                    raise GatewayError(Code.UNSUPPORTED, "a trigger can only set fields of a tree of objects")
                saved.pop(name, None)  # it wants something else in the place of these
        own = _Saved(class_name, id_ if type(id_) is str else None, original, changes)
        return Object(class_name, tree), [*chain.from_iterable(saved.values()), own]

    async def _inside(self, value: Any, asking: Asking) -> tuple[Any, list[_Saved]]:
        if type(value) is Object:
            return await self._branch(value, asking)
        if type(value) is not list:
            return value, []
        parts = [await self._inside(part, asking) for part in value]
        return [part for part, _ in parts], [one for _, saved in parts for one in saved]

    async def _deferred(self, op: Deferred, asking: Asking) -> Prepared:
        class_name = getattr(op.item, "class_name", "")
        match op.item:
            case Delete() | DeleteMany():
                moments = _DELETES
            case Find() | Get():
                moments = _QUERIES
            case _:
                moments = _SAVES
        for created in (True, False):
            if class_name and await self._any(class_name, moments, created=created):
                raise _not_known_yet(class_name)
        return Prepared(op)

    # --- users ---

    async def _sign_up(self, op: SignUp, asking: Asking) -> Prepared:
        if await self._comes_in(op, asking):
            # had the user just gone, nobody would have been asked about a new one
            certain = replace(op, must_exist=True) if self.knows is not None else op
            return await self._log_in(certain, asking)
        altered = await self._before_save(USER, None, op.changes, asking)
        told = _with(op.changes, altered)

        async def tell(result: Result) -> None:
            if result.object is None:
                return
            id_ = result.id or result.object.get(ID)
            if result.created and type(id_) is str:
                sets = {name: change.value for name, change in altered.items() if type(change) is Set}
                result.object.update(copy.deepcopy(sets))
                await self._after_save(USER, id_, None, told, asking)
            elif not result.created:
                await self._came_in(result, asking)

        return Prepared(replace(op, changes=told), finish=(tell,))

    async def _comes_in(self, op: SignUp, asking: Asking) -> bool:
        """Whether it will be a log-in, where that makes a difference for who is asked. Raises GatewayError."""
        linked, phone = op.changes.get("authData"), op.changes.get("mobilePhoneNumber")
        if linked is None and op.sms_code is None:
            return False
        if not await self._any(USER, _SAVES):
            return False
        if self.knows is not None:
            return await self.knows(op)
        known: list[Filter] = []
        if op.sms_code is not None and type(phone) is Set:
            known.append(Condition("mobilePhoneNumber", Op.EQ, phone.value))
        data = linked.value if type(linked) is Set and type(linked.value) is dict else {}
        for provider, own in data.items():
            key = next((key for key in OWN_ID_KEYS if type(own) is dict and type(own.get(key)) is str), None)
            if key is not None:
                known.append(Condition(f"authData.{provider}.{key}", Op.EQ, own[key]))
        for where in known:
            query = Find(class_name=USER, where=where, limit=1, select=(ID,))
            try:
                if (await self._backend.execute(query, Caller(asking.caller.app, trusted=True))).objects:
                    return True
            except GatewayError as error:
                if error.code is not Code.CLASS_NOT_FOUND:
                    raise
        return False

    async def _convert_guest(self, op: ConvertGuest, asking: Asking) -> Prepared:
        original = await self._there(USER, op.id, asking.caller.app)
        changes, finish = await self._saving(USER, original, op.changes, op.returning, asking)
        return Prepared(replace(op, changes=changes), finish=finish)

    async def _log_in(self, op: Operation, asking: Asking) -> Prepared:
        async def tell(result: Result) -> None:
            await self._came_in(result, asking)

        return Prepared(op, finish=(tell,))

    async def _came_in(self, result: Result, asking: Asking) -> None:
        if not self._users_here:
            await self._kept_in(result, asking)
        await self._told_of_user(Moment.AFTER_LOG_IN, result, asking)

    async def _kept_in(self, result: Result, asking: Asking) -> None:
        """Asks about a log-in on another server. Where it is refused, nobody is told the session, and it ends."""
        caller = replace(asking.caller, user_id=None, session=None)
        try:
            trigger = await self._find(USER, Moment.BEFORE_LOG_IN)
            if trigger is not None:
                occasion = Occasion(Moment.BEFORE_LOG_IN, USER, result.object or {})
                await trigger.before(occasion, await self._who(Asking(caller)))
        except GatewayError:
            if result.session is not None:
                try:
                    await self._backend.execute(LogOut(), replace(caller, master=False, session=result.session))
                except GatewayError as error:
                    log.warning("the session of a log-in that was refused did not end reason=%s", error.code)
            raise

    async def _told_of_user(self, moment: Moment, result: Result, asking: Asking) -> None:
        trigger = await self._asked(USER, moment, asking)
        id_ = result.id or (result.object or {}).get(ID)
        if trigger is not None and type(id_) is str:
            user = await self._there(USER, id_, asking.caller.app)
            if user is not None:
                await self._tell(trigger, Occasion(moment, USER, user), asking)

    async def _log_out(self, op: LogOut, asking: Asking) -> Prepared:
        trigger = await self._asked(SESSION, Moment.AFTER_LOG_OUT, asking)
        if trigger is None or asking.caller.session is None:
            return Prepared(op)
        try:
            asking.caller = await self._backend.identify(asking.caller)
        except GatewayError:
            return Prepared(op)
        user_id = asking.caller.user_id
        who = await self._who(asking)  # before the session ends

        async def tell(_result: Result) -> None:
            session: Fields = {} if user_id is None else {"user": Pointer(USER, user_id)}
            if trigger is not None:
                asking.known = who
                await self._tell(trigger, Occasion(Moment.AFTER_LOG_OUT, SESSION, session), asking)

        return Prepared(op, finish=(tell,))

    async def _verify(self, op: VerifyEmail | VerifyPhone, asking: Asking) -> Prepared:
        medium = "email" if isinstance(op, VerifyEmail) else "sms"

        async def tell(result: Result) -> None:
            trigger = await self._find(medium, Moment.ON_VERIFIED)
            id_ = result.id or (result.object or {}).get(ID)
            user = None
            if trigger is not None and type(id_) is str:
                user = await self._there(USER, id_, asking.caller.app)
            if trigger is not None and user is not None:
                await self._tell(trigger, Occasion(Moment.ON_VERIFIED, medium, user), asking)

        return Prepared(op, finish=(tell,))

    # --- queries ---

    async def _query(self, op: Find | Get, asking: Asking) -> Prepared:
        """What a trigger of queries may do is refuse one."""
        before = await self._asked(op.class_name, Moment.BEFORE_FIND, asking)
        if before is not None:
            await before.before(Occasion(Moment.BEFORE_FIND, op.class_name, {}), await self._who(asking))
        after = await self._asked(op.class_name, Moment.AFTER_FIND, asking)
        if after is None:
            return Prepared(op)

        async def ask(result: Result) -> None:
            found = result.objects if result.objects is not None else [result.object or {}]
            occasion = Occasion(Moment.AFTER_FIND, op.class_name, {}, objects=tuple(copy.deepcopy(found)))
            await after.before(occasion, await self._who(asking))

        return Prepared(op, finish=(ask,))

    # --- asking ---

    async def _find(self, class_name: str, moment: Moment, *, created: bool = True) -> base.Trigger | None:
        registered = None if self._registered is None else self._registered.trigger
        return await self._triggers.find(class_name, moment, created=created, registered=registered)

    async def _asked(
        self, class_name: str, moment: Moment, asking: Asking, *, created: bool = True
    ) -> base.Trigger | None:
        """The trigger, unless the caller's own code says that it is not to be asked."""
        trigger = await self._find(class_name, moment, created=created)
        if trigger is None or trigger.moment in asking.ignored:
            return None
        return trigger

    async def _any(self, class_name: str, moments: Collection[Moment], *, created: bool = True) -> bool:
        return any([await self._find(class_name, moment, created=created) is not None for moment in moments])

    async def _who(self, asking: Asking) -> Who:
        if asking.known is None:
            asking.known = await who_asks(self._backend, asking.caller)
        return asking.known

    async def _there(self, class_name: str, id_: str, app: str) -> Fields | None:
        """The whole object, as the gateway itself sees it."""
        try:
            return (await self._backend.execute(Get(class_name=class_name, id=id_), Caller(app, trusted=True))).object
        except GatewayError as error:
            if error.code in (Code.OBJECT_NOT_FOUND, Code.CLASS_NOT_FOUND):
                return None
            raise

    # --- telling ---

    async def _tell(self, trigger: base.Trigger, occasion: Occasion, asking: Asking) -> None:
        """The write is done, so whatever happens here is for the log."""
        try:
            told = trigger.told(occasion, await self._who(asking))
            note = await self._noted(trigger, occasion, told)
        except GatewayError as error:
            log.warning("a trigger cannot be told of what was done moment=%s reason=%s", occasion.moment, error.code)
            return
        done = await _was_told(trigger, occasion.class_name, told)
        if note is None or self._scheduler is None:
            return
        try:
            await (self._scheduler.cancel(note) if done else self._scheduler.move(note, self._now() + 1))
        except GatewayError as error:
            log.warning("a trigger will be told once more reason=%s", error.code)

    async def _noted(self, trigger: base.Trigger, occasion: Occasion, told: Any) -> str | None:
        if self._scheduler is None:
            return None
        payload = {
            "class": occasion.class_name,
            "moment": str(occasion.moment),
            "created": occasion.original is None,
            "told": told,
        }
        return await self._scheduler.add(TASK, self._now() + TOLD_WITHIN, payload)

    async def _tell_later(self, task: Task) -> float | None:
        payload = task.payload
        trigger = await self._find(payload["class"], Moment(payload["moment"]), created=payload["created"])
        if trigger is None:
            return None  # it was taken away meanwhile
        if await _was_told(trigger, payload["class"], payload["told"]):
            return None
        if task.tries + 1 >= TRIES:
            log.error("a trigger was never told class=%s moment=%s", payload["class"], payload["moment"])
            return None
        raise GatewayError(Code.UNAVAILABLE, "the trigger cannot be reached")


async def _was_told(trigger: base.Trigger, class_name: str, told: Any) -> bool:
    try:
        await trigger.after(class_name, told)
    except GatewayError as error:
        if error.code in (Code.UNAVAILABLE, Code.TIMEOUT):
            return False
        log.warning("a trigger failed after what it was told of class=%s moment=%s", class_name, trigger.moment)
    return True


_SAVES: Final = (Moment.BEFORE_SAVE, Moment.AFTER_SAVE)
_DELETES: Final = (Moment.BEFORE_DELETE, Moment.AFTER_DELETE)
_QUERIES: Final = (Moment.BEFORE_FIND, Moment.AFTER_FIND)


def _with(changes: Changes, altered: Altered) -> Changes:
    if not altered:
        return changes
    kept = {
        path: change
        for path, change in changes.items()
        if path not in altered and path.partition(".")[0] not in altered
    }
    return {**kept, **{name: change for name, change in altered.items() if change is not None}}


def _may_write(fields: Fields, caller: Caller) -> bool:
    """Whether the object's ACL lets the caller write. Triggers are not asked about what the store will refuse."""
    acl = fields.get(ACL)
    if caller.unrestricted or acl is None:
        return True
    mine = {"*", *(f"role:{role}" for role in caller.roles)} | ({caller.user_id} if caller.user_id else set())
    return any(acl.get(name, {}).get("write") is True for name in mine)


def _related(op: Relate) -> Changes:
    if op.target is None or not isinstance(op.ids, tuple) or not all(type(id_) is str for id_ in op.ids):
        return {}
    members = tuple(Pointer(op.target, str(id_)) for id_ in op.ids)
    if op.single:
        return {op.field: Set(members[0] if members and op.how is not Relating.REMOVE else None)}
    return {op.field: RemoveRelation(members) if op.how is Relating.REMOVE else AddRelation(members)}


def _objects_in(tree: Object) -> Iterator[Object]:
    """The objects of a tree, itself first."""
    waiting: list[Any] = [tree]
    while waiting:
        part = waiting.pop()
        if type(part) is Object:
            yield part
            waiting += part.fields.values()
        elif type(part) is list:
            waiting += part


def _shown(tree: Fields) -> Changes:
    """What a trigger is shown of an object in a tree: nothing of what has no id yet, nor of relations."""
    shown: dict[str, Change] = {}
    for name, value in tree.items():
        if type(value) is Object:
            id_ = value.fields.get(ID)
            if type(id_) is str:
                shown[name] = Set(Pointer(value.class_name, id_))
        elif name[:1] != "@" and not (type(value) is list and any(type(part) is Object for part in value)):
            shown[name] = Set(value)
    return shown


def _too_many(class_name: str) -> GatewayError:
    return GatewayError(
        Code.BAD_REQUEST, f"{class_name} has triggers, which are asked about {MOST} objects at once at the most"
    )


def _not_known_yet(class_name: str) -> GatewayError:
    return GatewayError(
        Code.UNSUPPORTED,
        f"{class_name} has a trigger, which cannot be asked about what an earlier item has yet to answer",
        class_name=class_name,
    )


def _awaits(value: Any) -> bool:
    """Whether an earlier item's answer is in it."""
    if is_dataclass(value) and not isinstance(value, type):
        awaits = isinstance(value, Reference | ResultOf)
        return awaits or any(_awaits(getattr(value, part.name)) for part in fields(value))
    if isinstance(value, Mapping):
        return any(map(_awaits, value.values()))
    return isinstance(value, list | tuple) and any(map(_awaits, value))
