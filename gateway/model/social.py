"""Who follows whom, who is whose friend, and statuses with the inboxes they come into.

What is told of that is in objects of classes that the gateway writes, and clients read as their lists say:

    _Followee            user, followee, friendStatus, and what the user says of it    read by both
    _Follower            user, follower, and the same: the other side of each          read by both
    _FriendshipRequest   user, friend, status (`pending`, `accepted`, `declined`)      read by both
    _Blocklist           user, blockedUser                                             read by the user
    _Status              source, inboxType, and whatever was sent                      read by all or, where it is
                                                                                       private, by whom it is for

An inbox is a user's, by its type; a status in it has a message id, which grows.

Source of the names: LeanCloud's guides on friendship and on statuses, and its SDKs. The id of a user is a plain one,
and `SELF` is whoever asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.model.operation import Operation
from gateway.model.query import Filter, Sort, Subquery
from gateway.model.update import Changes

FOLLOWEE: Final = "_Followee"
FOLLOWER: Final = "_Follower"
FRIENDSHIP_REQUEST: Final = "_FriendshipRequest"
BLOCKLIST: Final = "_Blocklist"
STATUS: Final = "_Status"
SOCIAL_CLASSES: Final = frozenset({FOLLOWEE, FOLLOWER, FRIENDSHIP_REQUEST, BLOCKLIST, STATUS})

SELF: Final = "self"
DEFAULT_INBOX: Final = "default"
PRIVATE_INBOX: Final = "private"


# who follows whom


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow(Operation):
    """One user follows another; `changes` is what it says of that. Twice is the same as once.

    USER_NOT_FOUND, FORBIDDEN in another's name, FRIENDSHIP_REFUSED by who has blocked it.
    """

    user: str
    other: str
    changes: Changes = field(default_factory=dict)
    class_name: str = FOLLOWEE


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateFriendship(Operation):
    """Changes what a user says of one whom it follows. Answers `id` and `updated_at`.

    FRIENDSHIP_REFUSED where it does not follow it.
    """

    user: str
    other: str
    changes: Changes = field(default_factory=dict)
    class_name: str = FOLLOWEE


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfollow(Operation):
    """Ends that, and with it that they are friends. It need not have been so."""

    user: str
    other: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteFriendship(Operation):
    """The same, by the id of the object of `_Followee`. OBJECT_NOT_FOUND."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FindFollows(Operation):
    """Objects of `_Followee` or `_Follower` of a user, as Find tells them, as far as the caller may read them.

    With `friends` only those of friends, without whom it has blocked.
    """

    user: str
    limit: int
    class_name: str = FOLLOWEE
    friends: bool = False
    skip: int = 0
    where: Filter | None = None
    order: tuple[Sort, ...] = ()
    count: bool = False
    select: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    with_acl: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FindFollowersAndFollowees(Operation):
    """Both at once: of `_Follower` in `objects` and `total`, of `_Followee` in `others` and `others_total`."""

    user: str
    limit: int
    class_name: str = FOLLOWER
    skip: int = 0
    order: tuple[Sort, ...] = ()
    count: bool = False
    select: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    with_acl: bool = True


# friends, who both want it


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFriendship(Operation):
    """Asks a user to be friends; `changes` is what who asks says of it. Answers `id` and `created_at`.

    Who has asked already, and has had no answer, asks nothing new. FRIENDSHIP_REFUSED between friends, after a refusal,
    and by who has blocked who asks; else as in Follow.
    """

    friend: str
    user: str = SELF
    changes: Changes = field(default_factory=dict)
    class_name: str = FOLLOWEE


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFriendship(Operation):
    """What who was asked says to it; one that was declined can be accepted later. Answers `id` and `updated_at`.

    Accepted, both follow each other as friends. OBJECT_NOT_FOUND, FORBIDDEN for anybody else.
    """

    id: str
    accept: bool
    changes: Changes = field(default_factory=dict)
    class_name: str = FOLLOWEE


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteFriendshipRequest(Operation):
    """By either of the two. What became of it stays as it is, and who asked may ask anew. OBJECT_NOT_FOUND."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockUser(Operation):
    """Who is blocked cannot follow whoever asks for it, nor ask it to be friends; or with `blocked` False can again."""

    other: str
    blocked: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FindBlocked(Operation):
    """Objects of `_Blocklist` of whoever asks, as Find tells them."""

    limit: int
    class_name: str = BLOCKLIST
    skip: int = 0
    where: Filter | None = None
    order: tuple[Sort, ...] = ()
    count: bool = False
    select: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    with_acl: bool = True


# statuses


@dataclass(frozen=True, slots=True, kw_only=True)
class SendStatus(Operation):
    """Makes a status and puts it into the inboxes of users. Answers `id` and `created_at`.

    `recipients` is asked as the sender may ask: it finds users, or objects that have one in their field `key`. The
    sender is `source`, the user of the session if nobody else is said; FORBIDDEN in another's name. BAD_QUERY where
    there are more than `backends.statuses` says.
    """

    recipients: Subquery
    changes: Changes = field(default_factory=dict)
    inbox_type: str = DEFAULT_INBOX
    source: str | None = None
    class_name: str = STATUS


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteStatus(Operation):
    """By its source; no inbox has it any more. OBJECT_NOT_FOUND, FORBIDDEN."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FindInbox(Operation):
    """The statuses of an inbox, the newest first, each with its `messageId`; `value` is whether those are the last.

    `since_id` is below and `max_id` at the newest that is told; 0 is any. An `order` may be by messageId. Anybody's but
    the owner and the master an inbox looks empty to: recorded of LeanCloud.
    """

    limit: int
    owner: str = SELF
    inbox_type: str = DEFAULT_INBOX
    since_id: int = 0
    max_id: int = 0
    where: Filter | None = None
    order: tuple[Sort, ...] = ()
    select: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    with_acl: bool = True
    class_name: str = STATUS


@dataclass(frozen=True, slots=True, kw_only=True)
class CountInbox(Operation):
    """How many statuses there are in an inbox (`total`), and how many since they were last read (`unread`)."""

    owner: str = SELF
    inbox_type: str = DEFAULT_INBOX


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetUnread(Operation):
    """All that is in an inbox has been read."""

    owner: str = SELF
    inbox_type: str = DEFAULT_INBOX


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveFromInbox(Operation):
    """Takes one status out of one inbox. It need not be there."""

    message_id: int
    owner: str = SELF
    inbox_type: str = DEFAULT_INBOX


SOCIAL_OPERATIONS: Final[Mapping[str, type[Operation]]] = {
    "follow": Follow,
    "update_friendship": UpdateFriendship,
    "unfollow": Unfollow,
    "delete_friendship": DeleteFriendship,
    "find_follows": FindFollows,
    "find_followers_and_followees": FindFollowersAndFollowees,
    "request_friendship": RequestFriendship,
    "answer_friendship": AnswerFriendship,
    "delete_friendship_request": DeleteFriendshipRequest,
    "block_user": BlockUser,
    "find_blocked": FindBlocked,
    "send_status": SendStatus,
    "delete_status": DeleteStatus,
    "find_inbox": FindInbox,
    "count_inbox": CountInbox,
    "reset_unread": ResetUnread,
    "remove_from_inbox": RemoveFromInbox,
}
