"""What a client's dialect shows and the backend's does not say: taken from what was sent, or asked for once more.

Which fields of an answer those are, the dialect knows (`Dialect.answers`): Parse tells of a write the computed
fields only, LeanCloud nothing or everything, and each shows ACLs by a rule of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from gateway.backends.remote import Remote, UnsaidError
from gateway.errors import Code, GatewayError
from gateway.model.account import IGNORE_SESSIONS, USER, CurrentUser, LogIn, SignUp, class_of
from gateway.model.operation import Batch, Caller, Create, Deferred, Get, Operation, Result, Returning, Update, Upsert
from gateway.model.update import Set, SetOnInsert
from gateway.model.values import ACL, CREATED_AT, ID, SYSTEM_FIELDS, UPDATED_AT, Fields, Object, Relation

SYSTEM: Final = frozenset(SYSTEM_FIELDS)

Write = Create | Update | Upsert | SignUp


@dataclass(frozen=True, slots=True)
class _Wanting:
    """A write that is done, whose answer needs more than the backend told of it."""

    op: Write
    result: Result
    get: Get
    session: str | None


class Completing:
    """A remote backend whose answers have what was asked for. A write that is done is answered, whatever follows."""

    def __init__(self, remote: Remote) -> None:
        self.remote = remote
        self._answers = remote.dialect.answers

    async def execute(self, op: Operation, caller: Caller) -> Result:
        try:
            result = await self.remote.execute(op, caller)
        except GatewayError as error:
            if not await self._is_of_session(error, op, caller):
                raise
            raise GatewayError(Code.INVALID_SESSION, "Invalid session token") from error
        wanting = list(self._fit(op, result))
        if wanting:
            await self._ask(wanting, caller)
        if self._lacks_acl(op, result):
            await self._ask_acl(result, replace(caller, session=result.session or caller.session))
        return result

    async def identify(self, caller: Caller) -> Caller:
        return await self.remote.identify(caller)

    async def close(self) -> None:
        await self.remote.close()

    def _lacks_acl(self, op: Operation, result: Result) -> bool:
        """Whether somebody came in whose ACL is to be shown, and the vendor never shows it there."""
        comes_in = isinstance(op, LogIn | CurrentUser) or (isinstance(op, SignUp) and not result.created)
        return comes_in and self._answers(op).get("with_acl") is False

    async def _ask_acl(self, result: Result, caller: Caller) -> None:
        user = result.object or {}
        if ID not in user:
            return
        with suppress(GatewayError):  # who has come in has come in, whatever follows
            found = (await self.remote.execute(Get(class_name=USER, id=user[ID]), caller)).object or {}
            user.update((name, value) for name, value in found.items() if name == ACL)

    async def _is_of_session(self, error: GatewayError, op: Operation, caller: Caller) -> bool:
        """Whether the user that was not found is the one of the session: LeanCloud has one number, 211, for both."""
        if error.code is not Code.USER_NOT_FOUND or caller.session is None or type(op) in IGNORE_SESSIONS:
            return False
        try:
            await self.remote.execute(CurrentUser(), replace(caller, master=False))
        except GatewayError as told:
            return told.code is Code.INVALID_SESSION
        return False

    def _fit(self, op: Operation, result: Result, within: Batch | None = None) -> Iterator[_Wanting]:
        """Takes away what was not asked for; the writes of which more has to be asked."""
        if isinstance(op, Batch):
            for item, answer in zip(op.items, result.items or [], strict=True):
                if isinstance(answer, Result):
                    yield from self._fit(item, answer, op)
            return
        if isinstance(op, Deferred):
            op = op.item
        told = self._answers(op, within)
        if told.get("with_acl"):
            for fields in _objects(result):
                _drop_acls(fields)
        unwanted = set(getattr(op, "exclude", ())) & SYSTEM
        select = getattr(op, "select", None)
        if told.get("exact") is False and select is not None:
            unwanted |= SYSTEM - set(select)
        for fields in _objects(result) if unwanted else ():
            for name in unwanted:  # of those many vendors show some always
                fields.pop(name, None)
        if "returning" in told and isinstance(op, Write):
            yield from _fit_write(op, result, told["returning"])

    async def _ask(self, wanting: list[_Wanting], caller: Caller) -> None:
        found: list[Result | GatewayError] = []
        shared = [each for each in wanting if each.session is None]
        if len(shared) > 1:
            try:
                batch = Batch(items=tuple(each.get for each in shared))
                found = (await self.remote.execute(batch, caller)).items or []
                wanting = [each for each in wanting if each.session is not None]
            except UnsaidError:
                shared = []
            except GatewayError as error:
                found = [error] * len(shared)
                wanting = [each for each in wanting if each.session is not None]
            for each, answer in zip(shared, found, strict=True):
                _show(each, answer)
        for each in wanting:
            who = caller if each.session is None else replace(caller, session=each.session)
            try:
                _show(each, await self.remote.execute(each.get, who))
            except GatewayError as error:
                _show(each, error)


def _fit_write(op: Write, result: Result, told: Returning) -> Iterator[_Wanting]:
    _lift(result)
    if isinstance(op, SignUp) and not result.created:
        return  # a log-in, which is told of all of the user, whatever a sign-up would have told
    match op.returning:
        case Returning.NOTHING:
            result.object = None
        case Returning.COMPUTED if told is not Returning.NOTHING:
            result.object = _computed(op, result.object or {})
        case Returning.COMPUTED if all(isinstance(change, Set) for change in op.changes.values()):
            result.object = {}
        case _:
            known = result.id or getattr(op, "id", None)
            if not known:
                return
            get = Get(class_name=class_of(op), id=known, with_acl=getattr(op, "with_acl", True))
            yield _Wanting(op, result, get, result.session)


def _lift(result: Result) -> None:
    """Some tell the id and the times of what they made in the object alone, which is not always shown."""
    fields = result.object or {}
    result.id = result.id or fields.get(ID)
    result.created_at = result.created_at or fields.get(CREATED_AT)
    result.updated_at = result.updated_at or fields.get(UPDATED_AT)


def told_by(op: Write, found: Result | GatewayError) -> Result:
    """The answer to a write of one object that is done, by what the object was found to be afterwards, or was not."""
    known = getattr(op, "id", None)
    result = Result(id=known)
    get = Get(class_name=class_of(op), id=known or "", with_acl=getattr(op, "with_acl", True))
    if isinstance(found, Result):
        result.updated_at = (found.object or {}).get(UPDATED_AT)
    _show(_Wanting(op, result, get, None), found)
    if op.returning is Returning.NOTHING:
        result.object = None
    return result


def _show(wanting: _Wanting, answer: Result | GatewayError) -> None:
    """Where the object cannot be read, by its ACL or since the backend is gone, what was sent has to do."""
    op, result = wanting.op, wanting.result
    if isinstance(answer, GatewayError) or answer.object is None:
        result.object = {**_sent(op), **(result.object or {})}
        return
    found = answer.object
    if not wanting.get.with_acl:
        _drop_acls(found)
    match op.returning:
        case Returning.CHANGED:
            touched = {field.partition(".")[0] for field in op.changes}
            result.object = {
                name: value for name, value in found.items() if name in touched or isinstance(value, Relation)
            }
        case Returning.COMPUTED:
            result.object = _computed(op, found)
        case _:
            result.object = found


def _computed(op: Write, found: Fields) -> Fields:
    """Without what the client knows, as it has sent it."""
    computed = {field.partition(".")[0] for field, change in op.changes.items() if not isinstance(change, Set)}
    if isinstance(op, SignUp) and "username" not in op.changes:
        computed.add("username")  # one of the server's own: who comes in by a service has sent none
    return {name: value for name, value in found.items() if name in computed}


def _sent(op: Write) -> Fields:
    changes = op.changes.items()
    sent: dict[str, Any] = {field: each.value for field, each in changes if isinstance(each, Set) and "." not in field}
    if isinstance(op, Create | SignUp):
        sent |= {field: each.value for field, each in changes if isinstance(each, SetOnInsert) and "." not in field}
    if class_of(op) == USER:
        sent.pop("password", None)  # no answer has one
    return sent


def _objects(result: Result) -> Iterator[Fields]:
    if result.object is not None:
        yield result.object
    yield from result.objects or ()


def _drop_acls(fields: Fields) -> None:
    fields.pop(ACL, None)
    for value in fields.values():
        for inner in value if type(value) is list else (value,):
            if isinstance(inner, Object):
                _drop_acls(inner.fields)
