"""Devices that an app is installed on: objects of `_Installation`, of which there is one for each device.

A device is known by its `installationId`, which the app has made up, and by its `deviceToken`, which the service that
delivers to it has given out. Who registers one that is known changes its object instead of making another; and a token
that moves to another device takes the object of the first one with it. Parse Server, RestWrite `handleInstallation`.

What is looked up before a write may be otherwise when it is written: two gateways may register one token at the same
time. So each batch raises the revision of its names, in a class that no client sees, and does so only where that is
still the one that was seen; otherwise all is done anew.

    @device    one of many places that the names of devices fall into, by their hash -> `revision`
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import orjson

from gateway.backends.base import Backend
from gateway.backends.ledger import Ledger, ObjectStore, new_id, refuse_private, value_of
from gateway.errors import Code, GatewayError
from gateway.model.definition import UpdateClass
from gateway.model.operation import (
    Batch,
    Caller,
    Create,
    CreateMany,
    DeepSave,
    Deferred,
    Delete,
    Find,
    Operation,
    Relate,
    Result,
    Returning,
    Update,
    UpdateMany,
    Upsert,
)
from gateway.model.push import AUDIENCE, INSTALLATION
from gateway.model.query import Condition, Op
from gateway.model.schema import IndexOf
from gateway.model.update import Change, Changes, Increment, Set
from gateway.model.values import ACL, ID, Fields, Object, Value
from gateway.store.access import Right, grants

DEVICE: Final = "@device"

PLACES: Final = 4096
"""Names that fall into one place wait for each other; there are few enough of these to be kept for good."""
MOST_TRIES: Final = 50
MOST_ALIKE: Final = 1000
"""Objects with one token that are looked at; only what was not written by these rules has more than a few."""

IOS_TOKEN: Final = 64
"""Characters of a token of APNs, which is hexadecimal: Parse Server writes it in lower case."""

TEXTS: Final = frozenset(
    {"installationId", "deviceToken", "deviceType", "pushType", "timeZone", "localeIdentifier", "appIdentifier"}
    | {"appName", "appVersion", "parseVersion", "GCMSenderId"}
)
NAMES: Final = ("installationId", "deviceToken", "deviceType")
"""What a device is known by, and what it is: a change of any other field is one like any other."""
WRITING: Final = Upsert | CreateMany | UpdateMany | Relate | DeepSave


class _StaleError(Exception):
    """A device was registered by somebody else since it was looked for."""


class Installations:
    """A backend, with the rules for the class of installations. All other operations go on to it."""

    def __init__(self, backend: Backend, store: ObjectStore) -> None:
        self._backend, self._store = backend, store
        self._ledger = Ledger(store)
        self._indexed: set[str] = set()

    async def execute(self, op: Operation, caller: Caller) -> Result:
        match op:
            case Create() | Update() if op.class_name == INSTALLATION:
                return await self._until_fresh(op, caller)
            case Create() | Update() if op.class_name == AUDIENCE:
                return await self._backend.execute(replace(op, changes=_audience(op.changes)), caller)
            case Batch():
                return await self._batch(op, caller)
            case _:
                refuse_many(op)
                return await self._backend.execute(op, caller)

    async def identify(self, caller: Caller) -> Caller:
        return await self._backend.identify(caller)

    async def close(self) -> None:
        await self._backend.close()

    async def _batch(self, op: Batch, caller: Caller) -> Result:
        for at, item in enumerate(op.items):
            try:
                refuse_many(item)
            except GatewayError as error:
                raise error.at(at) from None
        items = tuple(
            replace(item, changes=_audience(item.changes))
            if isinstance(item, Create | Update) and item.class_name == AUDIENCE
            else item
            for item in op.items
        )
        op = replace(op, items=items)
        registers = [isinstance(item, Create | Update) and item.class_name == INSTALLATION for item in op.items]
        if not any(registers):
            return await self._backend.execute(op, caller)
        if op.atomic or any(op.names):
            raise GatewayError(Code.UNSUPPORTED, "installations cannot be part of a transaction").at(
                registers.index(True)
            )
        answers: list[Result | GatewayError] = []
        for item in op.items:
            try:
                answers.append(await self.execute(item, caller))
            except GatewayError as error:
                answers.append(error)
        return Result(items=answers)

    async def _until_fresh(self, op: Create | Update, caller: Caller) -> Result:
        wanted = dict(_checked(op.changes))
        refuse_private(wanted)
        for tries in range(MOST_TRIES):
            try:
                if isinstance(op, Create):
                    return await self._register(op, wanted, caller)
                return await self._change(op, wanted, caller)
            except _StaleError:
                # a random pause, so that those who met once do not meet again
                await asyncio.sleep(secrets.randbelow(1 + 5 * tries) / 1000)
        raise GatewayError(Code.UNAVAILABLE, "the installation is being changed by too many requests at once")

    async def _register(self, op: Create, wanted: dict[str, Change], caller: Caller) -> Result:
        token, chosen = _text(wanted, "deviceToken"), _text(wanted, "installationId")
        own = chosen or (None if caller.master or caller.installation_id is None else caller.installation_id.lower())
        if token is None and own is None:
            raise GatewayError(
                Code.INSTALLATION_INCOMPLETE,
                "at least one ID field (deviceToken, installationId) must be specified in this operation",
            )
        guards = await self._guards(_names(own, token))
        known = await self._alike(own, token)
        same = next((row for row in known if own is not None and row.get("installationId") == own), None)
        holders = [row for row in known if token is not None and row.get("deviceToken") == token]
        if same is None and _text(wanted, "deviceType") is None:
            raise GatewayError(Code.INSTALLATION_INCOMPLETE, "deviceType must be specified in this operation")
        if own is not None:
            wanted = {**wanted, "installationId": Set(own)}
        found, gone = same, self._displaced(holders, same, wanted, own)
        if len(holders) == 1:
            only = holders[0]
            if same is not None and "installationId" not in only:
                # what had a token alone is the same device, and the older of both objects
                found, gone = only, [same]
            elif same is None and ("installationId" not in only or own is None):
                found, gone = only, []
        if found is None and holders and chosen is None:
            raise GatewayError(
                Code.INSTALLATION_AMBIGUOUS,
                "Must specify installationId when deviceToken matches multiple Installation objects",
            )
        if found is None:
            made: Create | Update = replace(op, changes=wanted, id=op.id or new_id())
        else:
            made = Update(
                class_name=INSTALLATION,
                id=found[ID],
                changes=wanted,
                returning=op.returning,
                nulls=op.nulls,
            )
        result = await self._written(made, found, gone, guards, caller)
        await self._index(wanted)
        result.created = found is None
        if found is not None:
            result.created_at = found["@created_at"]
        return result

    async def _change(self, op: Update, wanted: dict[str, Change], caller: Caller) -> Result:
        if not any(name in wanted for name in NAMES):
            return await self._backend.execute(op, caller)
        row = await self._ledger.fields(INSTALLATION, op.id)
        if row is None:
            raise _missing(op.id)
        token, own, kind = (_text(wanted, name) for name in ("deviceToken", "installationId", "deviceType"))
        had = {name: row.get(name) for name in NAMES}
        if own is not None and had["installationId"] is not None and own != had["installationId"]:
            raise _fixed("installationId")
        anonymous = own is None and had["installationId"] is None
        if token is not None and had["deviceToken"] is not None and token != had["deviceToken"] and anonymous:
            raise _fixed("deviceToken")
        if kind is not None and had["deviceType"] is not None and kind != had["deviceType"]:
            raise _fixed("deviceType")
        guards = await self._guards(_names(own, token))
        # after the guards were seen: what it was decided on must not be older than they are
        if await self._ledger.fields(INSTALLATION, op.id) != row:
            raise _StaleError
        others = [other for other in await self._alike(own, token) if other[ID] != op.id]
        gone = self._displaced(others, row, wanted, own)
        gone += [other for other in others if own is not None and other.get("installationId") == own]
        return await self._written(replace(op, changes=wanted), row, gone, guards, caller)

    @staticmethod
    def _displaced(
        holders: Iterable[Fields], same: Fields | None, wanted: Mapping[str, Change], own: str | None
    ) -> list[Fields]:
        """Objects that lose their token to this one, and are no more. Another app on the same device keeps its own."""
        app = _text(wanted, "appIdentifier")
        return [
            row
            for row in holders
            if (same is None or row[ID] != same[ID])
            and (own is None or row.get("installationId") != own)
            and (app is None or row.get("appIdentifier") in (None, app))
        ]

    async def _alike(self, own: str | None, token: str | None) -> list[Fields]:
        """Objects with the id or the token. One question each: an index helps with one at a time."""
        found: dict[str, Fields] = {}
        for name, value in (("installationId", own), ("deviceToken", token)):
            if value is None:
                continue
            asked = Find(class_name=INSTALLATION, limit=MOST_ALIKE, where=Condition(name, Op.EQ, value))
            try:
                rows = (await self._ledger.execute(asked)).objects or []
            except GatewayError as error:
                if error.code is not Code.CLASS_NOT_FOUND:
                    raise
                return []
            found |= {row[ID]: row for row in rows}
        return list(found.values())

    async def _index(self, wanted: Mapping[str, Change]) -> None:
        """Sees to it that devices are found by their names without looking at all of them."""
        for name in sorted({"installationId", "deviceToken"} & wanted.keys() - self._indexed):
            index = {f"{name}_1": IndexOf(((name, False),))}
            try:
                await self._ledger.execute(UpdateClass(class_name=INSTALLATION, indexes=index))
            except GatewayError as error:
                if error.code is not Code.BAD_QUERY:  # which is how one is told that is there already
                    raise
            self._indexed.add(name)

    async def _guards(self, names: Iterable[str]) -> list[Operation]:
        """What holds a batch to what is seen from now on."""
        guards: list[Operation] = []
        for place in sorted(
            {str(int.from_bytes(hashlib.sha256(name.encode()).digest()[:2]) % PLACES) for name in names}
        ):
            seen = await self._ledger.fields(DEVICE, place)
            first: Changes = {"revision": Set(1)}
            guards.append(
                Create(class_name=DEVICE, id=place, changes=first, returning=Returning.NOTHING)
                if seen is None
                else Update(
                    class_name=DEVICE,
                    id=place,
                    changes={"revision": Increment(1)},
                    where=Condition("revision", Op.EQ, seen["revision"]),
                    returning=Returning.NOTHING,
                )
            )
        return guards

    async def _written(
        self, op: Create | Update, before: Fields | None, gone: list[Fields], guards: list[Operation], caller: Caller
    ) -> Result:
        """The object, in place of all that are gone: as the client's own, as far as it may have that done."""
        await self._store.permit(op, caller)
        if before is not None and not grants(_stored(before.get(ACL)), caller, Right.UPDATE):
            raise _missing(before[ID])
        items = list(guards)
        if gone:
            items.append(Delete(class_name=INSTALLATION, ids=tuple(row[ID] for row in gone), missing_ok=True))
        items.append(op)
        try:
            result = await self._store.execute(
                Batch(items=tuple(items), atomic=True), replace(caller, trusted=True, restricted=False)
            )
        except GatewayError as error:
            lost = (Code.CONDITION_FAILED, Code.DUPLICATE_VALUE, Code.OBJECT_NOT_FOUND, Code.CLASS_NOT_FOUND)
            deleted = before is not None and error.code is Code.OBJECT_NOT_FOUND
            if deleted or (error.details.get("class_name") == DEVICE and error.code in lost):
                raise _StaleError from None
            raise GatewayError(error.code, error.message, **_without_item(error.details)) from None
        answer = (result.items or [])[-1]
        assert isinstance(answer, Result)
        return answer


def refuse_many(op: Operation) -> None:
    """Raises GatewayError where installations would be written past their rules."""
    asked = op.item if isinstance(op, Deferred) else op
    named = getattr(asked, "class_name", "") == INSTALLATION
    if isinstance(op, Deferred) and named and isinstance(asked, Create | Update | WRITING):
        raise GatewayError(Code.UNSUPPORTED, "installations cannot be part of a transaction")
    if isinstance(asked, WRITING) and (named or (isinstance(asked, DeepSave) and INSTALLATION in _classes(asked.tree))):
        raise GatewayError(Code.UNSUPPORTED, "installations are registered and changed one by one")


def _classes(value: Value) -> Iterator[str]:
    """The classes of the objects in a tree."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case dict() as part:
                waiting += part.values()
            case list() as part:
                waiting += part
            case Object(class_name, fields):
                yield class_name
                waiting.append(fields)


def _audience(changes: Changes) -> Changes:
    """The condition of an audience is sent as a text and answered as JSON: Parse Server, AudiencesRouter."""
    match changes.get("query"):
        case Set(str(text)):
            try:
                found = orjson.loads(text)
            except orjson.JSONDecodeError:
                return changes
            if type(found) is dict:
                return {**changes, "query": Set(found)}
    return changes


def _checked(changes: Changes) -> Iterator[tuple[str, Change]]:
    """The changes, with names as they are kept. Raises GatewayError(TYPE_MISMATCH)."""
    for name, change in changes.items():
        value = change.value if isinstance(change, Set) else None
        if name in TEXTS and value is not None and type(value) is not str:
            raise _mismatch(name, "String", value)
        if name == "channels" and value is not None and type(value) is not list:
            raise _mismatch(name, "Array", value)
        if name == "badge" and value is not None and type(value) not in (int, float):
            raise _mismatch(name, "Number", value)
        if name in NAMES and not isinstance(change, Set):
            value_of(change)  # an operator has no place here
        if name == "deviceToken" and type(value) is str and len(value) == IOS_TOKEN:
            yield name, Set(value.lower())
        else:
            yield name, change


def _mismatch(field: str, expected: str, value: Value) -> GatewayError:
    found = {bool: "Boolean", int: "Number", float: "Number", str: "String", list: "Array"}.get(type(value), "Object")
    return GatewayError(
        Code.TYPE_MISMATCH,
        f"the field {field} of {INSTALLATION} is of type {expected}, not {found}",
        class_name=INSTALLATION,
        field=field,
        expected=expected,
        found=found,
    )


def _text(wanted: Mapping[str, Change], name: str) -> str | None:
    """What a field is set to. Parse Server: an empty text is none."""
    change = wanted.get(name)
    value: Any = change.value if isinstance(change, Set) else None
    return value or None


def _names(own: str | None, token: str | None) -> list[str]:
    return [f"{kind}:{name}" for kind, name in (("installation", own), ("token", token)) if name is not None]


def _fixed(field: str) -> GatewayError:
    return GatewayError(Code.INSTALLATION_FIXED, f"{field} may not be changed in this operation", field=field)


def _missing(id_: str) -> GatewayError:
    return GatewayError(Code.OBJECT_NOT_FOUND, "Object not found.", class_name=INSTALLATION, id=id_)


def _stored(acl: Any) -> str | None:
    return None if acl is None else orjson.dumps(acl).decode()


def _without_item(details: Mapping[str, str]) -> dict[str, str]:
    """What an error says but for its place in a batch that the client knows nothing of."""
    return {name: text for name, text in details.items() if name != "item"}
