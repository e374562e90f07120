"""What is said in conversations, for who asks for it later.

@said    `conversation`, `sender`, `text`, `to` (JSON, as text) and `at` (milliseconds)
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, Final

import orjson

from gateway.backends.base import Backend
from gateway.backends.ledger import Ledger
from gateway.errors import Code, GatewayError
from gateway.model.conversations import CONVERSATION, CountOnline, FindSaid, SayInConversation
from gateway.model.operation import Caller, Create, Find, Get, Result, Returning
from gateway.model.query import And, Condition, Filter, Op, Or, Sort
from gateway.model.update import Set
from gateway.model.values import Date, Fields

SAID: Final = "@said"

LONGEST: Final = 64 * 1024
"""Bytes of what is said at once."""


class Conversations:
    """What each operation answers is said in `model.conversations`. `backend` has the conversations themselves."""

    def __init__(self, backend: Backend, ledger: Ledger, now: Callable[[], float]) -> None:
        self._backend, self._ledger, self._now = backend, ledger, now

    async def say(self, op: SayInConversation, caller: Caller) -> Result:
        if len(op.text.encode(errors="surrogatepass")) > LONGEST:
            raise GatewayError(Code.BAD_VALUE, f"a message has {LONGEST} bytes at the most")
        found = (await self._backend.execute(Get(class_name=CONVERSATION, id=op.conversation), caller)).object or {}
        if op.broadcast and found.get("sys") is not True:
            raise GatewayError(Code.BAD_VALUE, "only a system conversation speaks to everybody")
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
        return Result(id=id_, created_at=at)

    async def find(self, op: FindSaid, _caller: Caller) -> Result:
        parts: list[Filter] = []
        if op.conversation is not None:
            parts.append(Condition("conversation", Op.EQ, op.conversation))
        if op.sender is not None:
            parts.append(Condition("sender", Op.EQ, op.sender))
        if op.before is not None:
            earlier: Filter = Condition("at", Op.LT, op.before.ms)
            if op.before_id is not None:
                then = (Condition("at", Op.EQ, op.before.ms), Condition("@id", Op.LT, op.before_id))
                earlier = Or((earlier, And(then)))
            parts.append(earlier)
        order = (Sort("at", True), Sort("@id", True))
        try:
            found = await self._ledger.execute(
                Find(class_name=SAID, limit=op.limit, where=And(tuple(parts)) if parts else None, order=order)
            )
        except GatewayError as error:
            if error.code is Code.CLASS_NOT_FOUND:  # nothing was ever said
                return Result(value=[])
            raise
        return Result(value=[_told(row) for row in found.objects or []])

    async def count(self, _op: CountOnline, _caller: Caller) -> Result:
        return Result(value=0)


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
