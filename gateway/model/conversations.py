"""Conversations of a chat, as far as there are any without real time: objects of a class, and what was said in them.

Nobody is connected to the gateway, so what is sent is kept for who asks for it later, and arrives nowhere at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.model.operation import Operation
from gateway.model.values import Date

CONVERSATION: Final = "_Conversation"
MEMBER_INFO: Final = "_ConversationMemberInfo"
"""What each is in a conversation. LeanCloud shows it to who is logged in to real time, which nobody is here."""
SYSTEM_MESSAGE: Final = "_SysMessage"


@dataclass(frozen=True, slots=True, kw_only=True)
class SayInConversation(Operation):
    """Says something in the name of `sender`, to all in it, or to those named in `to`; answers `id`, `created_at`.

    What is `transient` is kept nowhere. OBJECT_NOT_FOUND where there is no such conversation.

    `push` is what devices of those are told who are not connected, which is everybody: a device is that of whoever its
    `channels` name. Those whom the conversation has as muted (`mu`) are not told. With `push_production` and
    `push_platforms` it is as in `model.push.Push`.
    """

    conversation: str
    sender: str
    text: str
    to: tuple[str, ...] | None = None
    transient: bool = False
    broadcast: bool = False
    """To every client of the application, as only system conversations do; else BAD_VALUE."""
    push: Mapping[str, Any] | None = None
    push_platforms: tuple[str, ...] = ()
    push_production: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FindSaid(Operation):
    """What was said, the newest first (`Result.value`, a list), where something is said of which.

    Each is a mapping: `id`, `conversation`, `sender`, `text`, `to` and `at` (a Date). `start` is a moment, and
    `start_id` the id of what was said then; what came before it is found, until `stop` and `stop_id`. With `rising`
    it is what came after, the oldest first. Those two themselves are found `with_start` and `with_stop`.
    """

    limit: int
    conversation: str | None = None
    sender: str | None = None
    start: Date | None = None
    start_id: str | None = None
    stop: Date | None = None
    stop_id: str | None = None
    with_start: bool = False
    with_stop: bool = False
    rising: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CountOnline(Operation):
    """How many clients are connected in a conversation (`Result.value`): none, as there is nothing to connect to.

    A missing conversation is OBJECT_NOT_FOUND.
    """

    conversation: str


CONVERSATION_OPERATIONS: Final[Mapping[str, type[Operation]]] = {
    "say_in_conversation": SayInConversation,
    "find_said": FindSaid,
    "count_online": CountOnline,
}
