"""What the gateway itself keeps of users, beside the objects that clients see.

It stands in classes whose name begins with `@`, which exist for trusted callers alone:

    @identity    `username:tom`, `email:...`, `phone:...`, `auth:provider:...`, `role:...` -> whose it is
    @credential  a user's id -> its password, as it is kept, and how often a log-in has failed
    @token       the SHA-256 of a session's token -> the session and its user
    @account     a user's id -> a revision, which counts what changed how the user comes in, and an epoch, which counts
                 what ended its sessions: a token of another epoch is none any more, whoever made it meanwhile; and
                 the status of who is a guest, or disabled
    @link, @code, @sent    what was sent to users: see `recovery`

A name is taken when its identity is there: that an id is unique is the store's oldest promise, and one atomic batch
makes the user, its identities, its credential and its session, or nothing.

What is read before a batch may have changed when it is written: a password by a request that ran meanwhile, say. So a
batch holds the condition that the user's revision is still the one that was seen first, and otherwise all of it is
done anew.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

from gateway.errors import Code, GatewayError
from gateway.model.account import USER
from gateway.model.members import Status
from gateway.model.operation import Batch, Caller, Create, Delete, Get, Operation, Result, Returning, Update
from gateway.model.query import Condition, Op
from gateway.model.update import AddRelation, Change, Changes, Increment, RemoveRelation, Set, Several, Unset
from gateway.model.values import Fields, Pointer, Relation
from gateway.store.schema import PRIVATE

IDENTITY: Final = "@identity"
CREDENTIAL: Final = "@credential"
TOKEN: Final = "@token"  # noqa: S105 - the name of a class
ACCOUNT: Final = "@account"
LINK: Final = "@link"
CODE: Final = "@code"
SENT: Final = "@sent"

TAKEN: Final = {
    "username": (Code.USERNAME_TAKEN, "Account already exists for this username."),
    "email": (Code.EMAIL_TAKEN, "Account already exists for this email address."),
    "phone": (Code.PHONE_TAKEN, "Account already exists for this mobile phone number."),
    "auth": (Code.ALREADY_LINKED, "this auth is already used"),
    "role": (Code.DUPLICATE_VALUE, "a role with this name exists already"),
}

_GATEWAY: Final = Caller(app="", trusted=True)
_STALE: Final = frozenset({Code.CONDITION_FAILED, Code.OBJECT_NOT_FOUND, Code.CLASS_NOT_FOUND, Code.DUPLICATE_VALUE})


_GUARDS: Final = frozenset({ACCOUNT, CREDENTIAL, LINK, CODE})
"""Classes whose rows a batch has conditions on: where one does not hold, what was seen is no longer so."""


class ObjectStore(Protocol):
    async def execute(self, op: Operation, caller: Caller) -> Result: ...

    async def roles_of(self, user_id: str) -> frozenset[str]:
        """The names of the roles of a user, inherited ones included."""

    async def permit(self, op: Create | Update | Delete, caller: Caller) -> None:
        """Whether the class lets a caller have done what the gateway is to do in its place. Raises GatewayError."""

    async def close(self) -> None: ...


class StaleError(Exception):
    """The user was changed by somebody else since it was looked at."""


@dataclass(frozen=True, slots=True)
class Seen:
    """How a user's account was when it was looked at. Users from elsewhere have none until they first come in."""

    revision: int | None
    epoch: int = 0
    status: str | None = None
    """A `Status` other than ENABLED."""


class Ledger:
    """The store, as the gateway itself reads and writes it."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def execute(self, op: Operation) -> Result:
        return await self._store.execute(op, _GATEWAY)

    async def together(self, items: Iterable[Operation]) -> list[Result]:
        """All or nothing. Raises the error of the vendor's where a name is taken, StaleError where a user changed."""
        batch = Batch(items=tuple(items), atomic=True)
        if not batch.items:
            return []
        try:
            result = await self.execute(batch)
        except GatewayError as error:
            if error.details.get("class_name") in _GUARDS and error.code in _STALE:
                raise StaleError from None
            if error.code is Code.DUPLICATE_VALUE and error.details.get("class_name") == IDENTITY:
                raise taken(error.details.get("id", "")) from None
            raise
        return [item for item in result.items or [] if isinstance(item, Result)]

    async def fields(self, class_name: str, id_: str, *, nulls: bool = False) -> Fields | None:
        try:
            return (await self.execute(Get(class_name=class_name, id=id_, nulls=nulls))).object
        except GatewayError as error:
            if error.code in (Code.OBJECT_NOT_FOUND, Code.CLASS_NOT_FOUND):
                return None
            raise

    async def user(self, user_id: str, *, nulls: bool = False) -> Fields:
        user = await self.fields(USER, user_id, nulls=nulls)
        if user is None:
            raise GatewayError(Code.OBJECT_NOT_FOUND, "Object not found.", class_name=USER, id=user_id)
        return user

    async def owner(self, name: str) -> str | None:
        """Whose an identity is."""
        identity = await self.fields(IDENTITY, name)
        return None if identity is None else str(identity["owner"])

    async def seen(self, user_id: str) -> Seen:
        account = await self.fields(ACCOUNT, user_id)
        return Seen(None) if account is None else Seen(account["revision"], account["epoch"], account.get("status"))

    async def credential(self, user_id: str) -> Fields | None:
        return await self.fields(CREDENTIAL, user_id)


def name_of(kind: str, name: str) -> str:
    """The identity that a name is. Usernames and addresses are unique without regard to case, as in Parse Server."""
    return f"{kind}:{name.casefold() if kind in ('username', 'email') else name}"


def taken(name: str) -> GatewayError:
    """What is told where somebody has an identity already."""
    return GatewayError(*TAKEN.get(name.partition(":")[0], TAKEN["auth"]))


def identity(name: str, owner: str) -> Operation:
    return Create(class_name=IDENTITY, id=name, changes={"owner": Set(owner)}, returning=Returning.NOTHING)


def credential(user_id: str, kept: str) -> Operation:
    return Create(class_name=CREDENTIAL, id=user_id, changes={"kept": Set(kept)}, returning=Returning.NOTHING)


def unchanged(user_id: str, seen: Seen) -> Operation:
    """The condition that a user's account is still as it was seen."""
    if seen.revision is None:
        return changed(user_id, seen)
    return Update(class_name=ACCOUNT, id=user_id, changes={}, where=Condition("revision", Op.EQ, seen.revision))


def changed(user_id: str, seen: Seen, *, revoke: bool = False, status: str | None = None) -> Operation:
    """The same, and it is another one from then on; with `revoke` without the sessions that it had.

    A `status` is a `Status` that the user has from then on.
    """
    more: Changes = {} if status is None else {"status": Unset() if status == Status.ENABLED else Set(str(status))}
    if seen.revision is None:
        first: Changes = {"revision": Set(1), "epoch": Set(int(revoke)), **more}
        return Create(class_name=ACCOUNT, id=user_id, changes=first, returning=Returning.NOTHING)
    again: Changes = {"revision": Increment(1), "epoch": Increment(int(revoke)), **more}
    return Update(class_name=ACCOUNT, id=user_id, changes=again, where=Condition("revision", Op.EQ, seen.revision))


def new_id() -> str:
    return f"{int(time.time()):08x}{secrets.token_hex(8)}"


def value_of(change: Change) -> Any:
    """The plain value that a change sets. An operator has no place where this is asked for."""
    if isinstance(change, Set):
        return change.value
    if isinstance(change, Unset):
        return None
    raise GatewayError(Code.BAD_VALUE, f"{type(change).__name__} cannot be used on this field")


def refuse_private(changes: Changes) -> None:
    """What the gateway itself writes for a client must not name a class that the client could not."""
    for change in changes.values():
        for name in _classes_in(change):
            if name.startswith(PRIVATE):
                raise GatewayError(Code.BAD_CLASS_NAME, f"{name!r} cannot name a class", class_name=name)


def _classes_in(change: Change) -> Iterator[str]:
    match change:
        case Several(changes):
            for part in changes:
                yield from _classes_in(part)
        case AddRelation(members) | RemoveRelation(members):
            yield from (member.class_name for member in members)
        case Set(Pointer(class_name, _) | Relation(class_name)):
            yield class_name
        case _:
            pass
