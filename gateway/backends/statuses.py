"""Statuses, and the inboxes that they come into.

    @inbox        owner and type -> `last`, the message id of the newest; `read`, that of the newest when the owner last
                  said that all was read; `status`, the newest
    @inbox_item   one place of an inbox, of which it has so many as it keeps -> `message`, `status`

The place of a message is its id modulo their number, so the newest take the places of the oldest, and an inbox is read
by the ids of its places. Message ids count up in each inbox; whoever puts something in raises `last` only where it is
still what was seen, so that no message comes to stand behind one that was read.

What is sent to many goes out in many transactions, each with a few of the inboxes; where the gateway ends in the midst
of it, some have it and the others do not.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from gateway.backends.base import Backend
from gateway.backends.friends import in_the_name_of
from gateway.backends.ledger import Ledger, new_id, refuse_private
from gateway.errors import Code, GatewayError
from gateway.model.account import USER
from gateway.model.operation import Batch, Caller, Create, Delete, Find, Operation, Result, Returning, Update, Upsert
from gateway.model.query import And, Condition, Filter, Op, Sort, Subquery
from gateway.model.social import (
    FOLLOWEE,
    FOLLOWER,
    PRIVATE_INBOX,
    SELF,
    STATUS,
    CountInbox,
    DeleteStatus,
    FindInbox,
    RemoveFromInbox,
    ResetUnread,
    SendStatus,
)
from gateway.model.update import Change, Set
from gateway.model.values import ACL, ID, Fields, Pointer

INBOX: Final = "@inbox"
ITEM: Final = "@inbox_item"

KEPT: Final = 500
"""Statuses of an inbox."""
MOST_RECIPIENTS: Final = 20_000
MOST_PRIVATE: Final = 100
"""Recipients of a private status, whose list names each of them."""
TOGETHER: Final = 100
"""Inboxes that one transaction puts something into."""
MOST_TRIES: Final = 50
LONGEST_TYPE: Final = 100
MESSAGE_ID: Final = "messageId"
INBOX_TYPE: Final = "inboxType"
SOURCE: Final = "source"

OF_THEIR_USERS: Final[Mapping[str, str]] = {FOLLOWER: "follower", FOLLOWEE: "followee"}
"""Classes that are asked for recipients, and the field where these stand. In any other it has to be said."""


class _StaleError(Exception):
    """Somebody else put something into one of the inboxes."""


@dataclass(frozen=True, slots=True)
class _Message:
    id: int
    status: str


class Statuses:
    """What each operation answers is said in `model.social`. `backend` is asked as the caller may ask."""

    def __init__(self, backend: Backend, ledger: Ledger) -> None:
        self._backend, self._ledger = backend, ledger

    # --- sending ---

    async def send(self, op: SendStatus, caller: Caller) -> Result:
        source, query = self._source(op, caller), _aimed(op.recipients)
        type_ = _type(op.inbox_type)
        if any(name[:1] == "@" for name in op.changes):
            raise GatewayError(Code.RESERVED_FIELD, "the ACL of a status is set by the server", field="ACL")
        refuse_private(op.changes)
        private = type_ == PRIVATE_INBOX
        await self._bounded(query, caller, MOST_PRIVATE if private else MOST_RECIPIENTS)
        acl: dict[str, dict[str, bool]] = {"*": {"read": True}}
        if private:
            readers = [user async for page in self._recipients(query, caller) for user in page]
            acl = {name: {"read": True} for name in readers}
        acl[source] = {"read": True, "write": True}
        status = new_id()
        changes: dict[str, Change] = {
            **op.changes,
            SOURCE: Set(Pointer(USER, source)),
            INBOX_TYPE: Set(type_),
            ACL: Set(acl),
        }
        made = await self._ledger.execute(
            Create(class_name=STATUS, id=status, changes=changes, returning=Returning.NOTHING)
        )
        async for users in self._recipients(query, caller):
            await self._put(status, type_, users)
        return Result(id=status, created_at=made.created_at)

    @staticmethod
    def _source(op: SendStatus, caller: Caller) -> str:
        """SDKs say it beside the data or in it. Nobody is told that another has said what it has not."""
        told = [] if op.source is None else [op.source]
        if SOURCE in op.changes:
            change = op.changes[SOURCE]
            value = change.value if isinstance(change, Set) else None
            if not isinstance(value, Pointer) or value.class_name != USER:
                raise GatewayError(Code.BAD_VALUE, "the source of a status is a user", field=SOURCE)
            told.append(value.id)
        if len(set(told)) > 1:
            raise GatewayError(Code.BAD_REQUEST, "a status has one source")
        return in_the_name_of(told[0] if told else SELF, caller)

    async def _bounded(self, query: Subquery, caller: Caller, most: int) -> None:
        if query.limit is not None and query.limit <= most:
            return
        counted = Find(class_name=query.class_name, where=query.where, limit=0, count=True)
        if ((await self._found(counted, caller)).total or 0) > most:
            raise GatewayError(Code.BAD_QUERY, f"a status has at most {most} recipients")

    async def _recipients(self, query: Subquery, caller: Caller) -> AsyncIterator[list[str]]:
        """Ids of users, a page at a time and each once in a page, as the sender finds them."""
        if query.limit is not None:
            some = await self._found(
                Find(
                    class_name=query.class_name,
                    where=query.where,
                    limit=query.limit,
                    skip=query.skip,
                    order=query.order,
                    select=None if query.key is None else (query.key,),
                ),
                caller,
            )
            users = list(_users(some.objects or [], query.key))
            for at in range(0, len(users), TOGETHER):
                yield users[at : at + TOGETHER]
            return
        last: str | None = None
        while True:
            parts: list[Filter] = [] if query.where is None else [query.where]
            if last is not None:
                parts.append(Condition(ID, Op.GT, last))
            page = await self._found(
                Find(
                    class_name=query.class_name,
                    where=And(tuple(parts)),
                    limit=TOGETHER,
                    order=(Sort(ID),),
                    select=(ID,) if query.key is None else (query.key,),
                ),
                caller,
            )
            rows = page.objects or []
            if users := list(_users(rows, query.key)):
                yield users
            if len(rows) < TOGETHER:
                return
            last = rows[-1][ID]

    async def _found(self, query: Find, caller: Caller) -> Result:
        try:
            return await self._backend.execute(query, caller)
        except GatewayError as error:
            if error.code is not Code.CLASS_NOT_FOUND:
                raise
            return Result(objects=[], total=0)

    async def _put(self, status: str, type_: str, users: Sequence[str]) -> None:
        keys = [_key(user, type_) for user in users]
        for tries in range(MOST_TRIES):
            try:
                await self._put_once(status, keys)
            except _StaleError:
                # a random pause, so that those who met once do not meet again
                await asyncio.sleep(secrets.randbelow(1 + 5 * tries) / 1000)
            else:
                return
        raise GatewayError(Code.UNAVAILABLE, "the inboxes are being written by too many requests at once")

    async def _put_once(self, status: str, keys: Sequence[str]) -> None:
        known = {row[ID]: row for row in await self._rows(INBOX, keys)}
        items: list[Operation] = []
        for key in keys:
            row = known.get(key)
            last = 0 if row is None else row["last"]
            if row is not None and row.get("status") == status:
                continue  # an earlier page had the same user
            newest: dict[str, Change] = {"last": Set(last + 1), "status": Set(status)}
            if row is None:
                first = {**newest, "read": Set(0)}
                items.append(Create(class_name=INBOX, id=key, changes=first, returning=Returning.NOTHING))
            else:
                seen = Condition("last", Op.EQ, last)
                items.append(Update(class_name=INBOX, id=key, changes=newest, where=seen, returning=Returning.NOTHING))
            message: dict[str, Change] = {"message": Set(last + 1), "status": Set(status)}
            items.append(
                Upsert(class_name=ITEM, id=_place(key, last + 1), changes=message, returning=Returning.NOTHING)
            )
        if not items:
            return
        try:
            await self._ledger.execute(Batch(items=tuple(items), atomic=True))
        except GatewayError as error:
            if error.code in (Code.CONDITION_FAILED, Code.DUPLICATE_VALUE):
                raise _StaleError from None
            raise

    async def delete(self, op: DeleteStatus, caller: Caller) -> Result:
        found = await self._found(Find(class_name=STATUS, where=Condition(ID, Op.EQ, op.id), limit=1), caller)
        status = next(iter(found.objects or []), None)
        source = None if status is None else status.get(SOURCE)
        if status is None or not (caller.master or isinstance(source, Pointer)):
            raise GatewayError(Code.OBJECT_NOT_FOUND, "Object not found.", class_name=STATUS, id=op.id)
        if isinstance(source, Pointer):
            in_the_name_of(source.id, caller)
        await self._ledger.execute(Delete(class_name=STATUS, ids=(op.id,), missing_ok=True))
        return Result()

    # --- inboxes ---

    async def find(self, op: FindInbox, caller: Caller) -> Result:
        key = _own(op, caller)
        messages = [] if key is None else await self._messages(key, op.since_id, op.max_id)
        by_message = not op.order or op.order[0].field == MESSAGE_ID
        if op.order and by_message and not op.order[0].descending:
            messages.reverse()
        by_status = {message.status: message for message in messages}
        found: list[Fields] = []
        passed = 0
        if by_message:
            size = max(op.limit, 1)
            while len(found) < op.limit and passed < len(messages):
                part = messages[passed : passed + size]
                rows = {row[ID]: row for row in await self._shown(op, part, (), len(part), caller)}
                for message in part:
                    if len(found) == op.limit:
                        break
                    passed += 1
                    if message.status in rows:
                        found.append(rows[message.status])
        elif messages and op.limit:
            found = await self._shown(op, messages, op.order, op.limit, caller)
            passed = len(messages)
        for fields in found:
            fields[MESSAGE_ID] = by_status[fields[ID]].id
        # recorded: of an inbox with nothing in it `end` is false
        return Result(objects=found, value=bool(messages) and passed == len(messages))

    async def _shown(
        self, op: FindInbox, messages: Sequence[_Message], order: tuple[Sort, ...], limit: int, caller: Caller
    ) -> list[Fields]:
        among: Filter = Condition(ID, Op.IN, [message.status for message in messages])
        query = Find(
            class_name=STATUS,
            where=among if op.where is None else And((among, op.where)),
            limit=limit,
            order=order,
            select=op.select,
            exclude=op.exclude,
            include=op.include,
            with_acl=op.with_acl,
        )
        return (await self._found(query, caller)).objects or []

    async def count(self, op: CountInbox, caller: Caller) -> Result:
        key = _own(op, caller)
        messages = [] if key is None else await self._messages(key)
        row = None if key is None else await self._ledger.fields(INBOX, key)
        read = 0 if row is None else row["read"]
        query = Find(
            class_name=STATUS,
            where=Condition(ID, Op.IN, [message.status for message in messages]),
            limit=KEPT,
            select=(ID,),
        )
        there = {fields[ID] for fields in (await self._found(query, caller)).objects or []} if messages else set()
        live = [message for message in messages if message.status in there]
        return Result(value={"total": len(live), "unread": sum(message.id > read for message in live)})

    async def reset(self, op: ResetUnread, caller: Caller) -> Result:
        key = _own(op, caller)
        row = None if key is None else await self._ledger.fields(INBOX, key)
        if key is not None and row is not None:
            read: dict[str, Change] = {"read": Set(row["last"])}
            await self._ledger.execute(Update(class_name=INBOX, id=key, changes=read, returning=Returning.NOTHING))
        return Result()

    async def remove(self, op: RemoveFromInbox, caller: Caller) -> Result:
        key = _own(op, caller)
        if key is not None:
            this = Condition("message", Op.EQ, op.message_id)
            place = Delete(class_name=ITEM, ids=(_place(key, op.message_id),), where=this)
            try:
                await self._ledger.execute(place)
            except GatewayError as error:
                if error.code not in (Code.CONDITION_FAILED, Code.OBJECT_NOT_FOUND, Code.CLASS_NOT_FOUND):
                    raise
        return Result()

    async def _messages(self, key: str, since: int = 0, most: int = 0) -> list[_Message]:
        """The newest first. Places are read by their ids: there are never more of them than an inbox keeps."""
        row = await self._ledger.fields(INBOX, key)
        if row is None:
            return []
        newest = min(row["last"], most) if most > 0 else row["last"]
        oldest = max(row["last"] - KEPT, since, 0) + 1
        wanted = range(oldest, newest + 1)
        rows = await self._rows(ITEM, [_place(key, message) for message in wanted])
        found = [_Message(row["message"], row["status"]) for row in rows if row["message"] in wanted]
        return sorted(found, key=lambda message: message.id, reverse=True)

    async def _rows(self, class_name: str, ids: Sequence[str]) -> list[Fields]:
        if not ids:
            return []
        try:
            query = Find(class_name=class_name, where=Condition(ID, Op.IN, list(ids)), limit=len(ids))
            return (await self._ledger.execute(query)).objects or []
        except GatewayError as error:
            if error.code is not Code.CLASS_NOT_FOUND:
                raise
            return []


def _aimed(query: Subquery) -> Subquery:
    """With the field where the recipients stand. Raises GatewayError."""
    if query.class_name == USER:
        return Subquery(USER, query.where, None, query.limit, query.skip, query.order)
    own = OF_THEIR_USERS.get(query.class_name)
    if own is None and query.class_name.startswith("_"):
        raise GatewayError(Code.UNSUPPORTED, f"{query.class_name} tells nobody a status can be sent to")
    key = own if query.key is None else query.key
    if key is None:
        raise GatewayError(
            Code.BAD_QUERY, f"the query for recipients must say by keys where {query.class_name} has them"
        )
    return Subquery(query.class_name, query.where, key, query.limit, query.skip, query.order)


def _users(rows: Sequence[Fields], key: str | None) -> Iterator[str]:
    seen: set[str] = set()
    for row in rows:
        value = Pointer(USER, row[ID]) if key is None else row.get(key)
        if isinstance(value, Pointer) and value.class_name == USER and value.id not in seen:
            seen.add(value.id)
            yield value.id


def _type(text: str) -> str:
    if not 0 < len(text) <= LONGEST_TYPE:
        raise GatewayError(Code.BAD_VALUE, f"the type of an inbox has 1 to {LONGEST_TYPE} characters", field=INBOX_TYPE)
    return text


def _own(op: FindInbox | CountInbox | ResetUnread | RemoveFromInbox, caller: Caller) -> str | None:
    """The inbox, where it is the caller's; None where it is another's, which looks empty, as recorded."""
    type_ = _type(op.inbox_type)
    if op.owner != SELF and caller.user_id is not None and not caller.master and op.owner != caller.user_id:
        return None
    return _key(in_the_name_of(op.owner, caller), type_)


def _key(owner: str, type_: str) -> str:
    """No id of a user and no type can be put together so that they are another's."""
    return hashlib.sha256(orjson.dumps([owner, type_])).hexdigest()[:40]


def _place(key: str, message: int) -> str:
    return f"{key}/{message % KEPT}"
