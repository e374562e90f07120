"""What is said in conversations, for who asks for it later.

@said    `conversation`, `sender`, `text`, `to` (JSON, as text) and `at` (milliseconds)
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from gateway.backends.base import Backend
from gateway.backends.ledger import Ledger
from gateway.backends.trimmed import Trimmed
from gateway.errors import Code, GatewayError
from gateway.model.conversations import CONVERSATION, CountOnline, FindSaid, SayInConversation
from gateway.model.operation import Caller, Create, Find, Get, Result, Returning
from gateway.model.push import Push
from gateway.model.query import And, Condition, Filter, Op, Or, Sort
from gateway.model.update import Set
from gateway.model.values import Date, Fields

SAID: Final = "@said"

LONGEST: Final = 64 * 1024
"""Bytes of what is said at once."""


class Conversations:
    """What each operation answers is said in `model.conversations`.

    `backend` has the conversations themselves, and does pushes. What was said is kept for `lasts` seconds, and at most
    `most` of it; the oldest goes first.
    """

    def __init__(self, backend: Backend, ledger: Ledger, now: Callable[[], float], *, lasts: float, most: int) -> None:
        self._backend, self._ledger, self._now = backend, ledger, now
        self._trimmed = Trimmed(ledger, SAID, now, lasts=lasts, most=most)

    async def say(self, op: SayInConversation, caller: Caller) -> Result:
        if len(op.text.encode(errors="surrogatepass")) > LONGEST:
            raise GatewayError(Code.BAD_VALUE, f"a message has {LONGEST} bytes at the most")
        found = (await self._backend.execute(Get(class_name=CONVERSATION, id=op.conversation), caller)).object or {}
        if op.broadcast and found.get("sys") is not True:
            raise GatewayError(Code.BAD_VALUE, "only a system conversation speaks to everybody")
        if op.push is not None and not op.transient:
            # before anything is kept, as there may be nobody who delivers
            await self._push(op, op.push, found, caller)
        id_, at = secrets.token_urlsafe(16), Date.from_ms(int(self._now() * 1000))
        if not op.transient:
            said: dict[str, Any] = {
                "conversation": op.conversation,
                "sender": op.sender,
                "text": op.text,
                "at": at.ms,
            }
            if op.to is not None:
                said["to"] = orjson.dumps(op.to).decode()
            changes = {name: Set(value) for name, value in said.items()}
            await self._ledger.execute(Create(class_name=SAID, id=id_, changes=changes, returning=Returning.NOTHING))
            await self._trimmed.added(1)
        return Result(id=id_, created_at=at)

    async def _push(self, op: SayInConversation, data: Mapping[str, Any], conversation: Fields, caller: Caller) -> None:
        told = op.to if op.to is not None else tuple(name for name in _names(conversation, "m") if name != op.sender)
        muted = _names(conversation, "mu")
        channels = None if op.broadcast else tuple(name for name in told if name not in muted)
        if channels == ():
            return
        push = Push(
            data=data,
            platforms=op.push_platforms,
            production=op.push_production,
            channels=channels,
            to_all=op.broadcast,
            without_token=True,
        )
        await self._backend.execute(push, caller)

    async def find(self, op: FindSaid, _caller: Caller) -> Result:
        parts: list[Filter] = []
        if op.conversation is not None:
            parts.append(Condition("conversation", Op.EQ, op.conversation))
        if op.sender is not None:
            parts.append(Condition("sender", Op.EQ, op.sender))
        if op.start is not None:
            parts.append(_beyond(op.start, op.start_id, later=op.rising, itself=op.with_start))
        if op.stop is not None:
            parts.append(_beyond(op.stop, op.stop_id, later=not op.rising, itself=op.with_stop))
        order = (Sort("at", not op.rising), Sort("@id", not op.rising))
        try:
            found = await self._ledger.execute(
                Find(class_name=SAID, limit=op.limit, where=And(tuple(parts)) if parts else None, order=order)
            )
        except GatewayError as error:
            if error.code is Code.CLASS_NOT_FOUND:  # nothing was ever said
                return Result(value=[])
            raise
        return Result(value=[_told(row) for row in found.objects or []])

    async def count(self, op: CountOnline, caller: Caller) -> Result:
        await self._backend.execute(Get(class_name=CONVERSATION, id=op.conversation, select=("@id",)), caller)
        return Result(value=0)


def _beyond(at: Date, id_: str | None, *, later: bool, itself: bool) -> Filter:
    """What was said earlier than that, or `later`. Without an id, nothing of that moment is, or all of it."""
    beyond, or_then = (Op.GT, Op.GE) if later else (Op.LT, Op.LE)
    if id_ is None:
        return Condition("at", or_then if itself else beyond, at.ms)
    then = And((Condition("at", Op.EQ, at.ms), Condition("@id", or_then if itself else beyond, id_)))
    return Or((Condition("at", beyond, at.ms), then))


def _names(conversation: Fields, column: str) -> tuple[str, ...]:
    """The client ids in a list of a conversation, whoever wrote it."""
    found = conversation.get(column)
    return tuple(name for name in found if type(name) is str) if type(found) is list else ()


def _told(row: Fields) -> dict[str, Any]:
    to = None if row.get("to") is None else orjson.loads(row["to"])
    return {
        "id": row["@id"],
        "conversation": row["conversation"],
        "sender": row["sender"],
        "text": row["text"],
        "to": to,
        "at": Date.from_ms(row["at"]),
    }
