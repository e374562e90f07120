"""Conversations of a chat, as far as there are any without real time: objects of a class, and what was said in them.

Nobody is connected to the gateway, so what is sent is kept for who asks for it later, and arrives nowhere at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.model.operation import Operation
from gateway.model.values import Date

CONVERSATION: Final = "_Conversation"


@dataclass(frozen=True, slots=True, kw_only=True)
class SayInConversation(Operation):
    """Says something in the name of `sender`, to all in it, or to those named in `to`; answers `id`, `created_at`.

    What is `transient` is kept nowhere. OBJECT_NOT_FOUND where there is no such conversation.
    """

    conversation: str
    sender: str
    text: str
    to: tuple[str, ...] | None = None
    transient: bool = False
    broadcast: bool = False
    """To every client of the application, as only system conversations do; else BAD_VALUE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindSaid(Operation):
    """What was said, the newest first (`Result.value`, a list), where something is said of which.

    Each is a mapping: `id`, `conversation`, `sender`, `text`, `to` and `at` (a Date). `before` is a moment, and
    `before_id` the id of the last one seen that was said then.
    """

    limit: int
    conversation: str | None = None
    sender: str | None = None
    before: Date | None = None
    before_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CountOnline(Operation):
    """How many clients are connected in a conversation (`Result.value`): none, as there is nothing to connect to."""

    conversation: str


CONVERSATION_OPERATIONS: Final[Mapping[str, type[Operation]]] = {
    "say_in_conversation": SayInConversation,
    "find_said": FindSaid,
    "count_online": CountOnline,
}
