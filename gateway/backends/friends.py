"""Who follows whom, and who is whose friend: rows of classes that only the gateway writes.

A row has an id that its two users make, so that there is never a second one of a pair, whoever asks how often and at
whatever gateway. Both sides of a friendship are written in one transaction. Who may read a row its list says: as in
LeanCloud's friendship guide, "Permissions", the two users that it is about.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

import orjson

from gateway.backends.base import Backend
from gateway.backends.ledger import Ledger, refuse_private
from gateway.errors import Code, GatewayError
from gateway.model.account import USER
from gateway.model.operation import (
    Batch,
    Caller,
    Delete,
    Find,
    Operation,
    Result,
    Returning,
    Update,
    UpdateMany,
    Upsert,
)
from gateway.model.query import And, Condition, Filter, Op, Subquery
from gateway.model.social import (
    BLOCKLIST,
    FOLLOWEE,
    FOLLOWER,
    FRIENDSHIP_REQUEST,
    SELF,
    AnswerFriendship,
    BlockUser,
    DeleteFriendship,
    DeleteFriendshipRequest,
    FindBlocked,
    FindFollowersAndFollowees,
    FindFollows,
    Follow,
    RequestFriendship,
    Unfollow,
    UpdateFriendship,
)
from gateway.model.update import Change, Changes, Set
from gateway.model.values import ACL, ID, Fields, Pointer

PENDING: Final = "pending"
ACCEPTED: Final = "accepted"
DECLINED: Final = "declined"

FRIEND_STATUS: Final = "friendStatus"
OWN: Final[Mapping[str, tuple[str, ...]]] = {
    FOLLOWEE: ("user", "followee", FRIEND_STATUS),
    FOLLOWER: ("user", "follower", FRIEND_STATUS),
}
"""Fields that are not the users' to say."""
EXISTS: Final = "Friendship already exists."
"""LeanCloud's sentence, which the tests of its Java SDK look for."""


class Friends:
    """What each operation answers is said in `model.social`. `backend` is asked as the caller may ask."""

    def __init__(self, backend: Backend, ledger: Ledger) -> None:
        self._backend, self._ledger = backend, ledger

    # --- following ---

    async def follow(self, op: Follow, caller: Caller) -> Result:
        user = in_the_name_of(op.user, caller)
        await self._may_ask(user, op.other)
        await self._together(_both_sides(user, op.other, _said(op.changes)))
        return Result()

    async def update(self, op: UpdateFriendship, caller: Caller) -> Result:
        user, changes = in_the_name_of(op.user, caller), _said(op.changes)
        id_ = pair(user, op.other)
        if await self._ledger.fields(FOLLOWEE, id_) is None:
            raise _refused("there is no such friendship")
        other_side = And((Condition(ID, Op.EQ, id_),))
        done = await self._together(
            [
                Update(class_name=FOLLOWEE, id=id_, changes=changes, returning=Returning.NOTHING),
                UpdateMany(class_name=FOLLOWER, changes=changes, where=other_side),
            ]
            if changes
            else [Update(class_name=FOLLOWEE, id=id_, changes={}, returning=Returning.NOTHING)]
        )
        return Result(id=id_, updated_at=done[0].updated_at)

    async def unfollow(self, op: Unfollow, caller: Caller) -> Result:
        await self._end(in_the_name_of(op.user, caller), op.other)
        return Result()

    async def delete(self, op: DeleteFriendship, caller: Caller) -> Result:
        """The Java SDK deletes a friendship as the object that it is."""
        row = await self._ledger.fields(FOLLOWEE, op.id)
        user, other = (None, None) if row is None else (row.get("user"), row.get("followee"))
        if not isinstance(user, Pointer) or not isinstance(other, Pointer) or not _may_see(caller, user.id, other.id):
            raise GatewayError(Code.OBJECT_NOT_FOUND, "Object not found.", class_name=FOLLOWEE, id=op.id)
        await self._end(in_the_name_of(user.id, caller), other.id)
        return Result()

    async def _end(self, user: str, other: str) -> None:
        """Friends are both or none: for the other one it is a mere following from then on."""
        ids = (pair(user, other),)
        friend = And((Condition(ID, Op.EQ, pair(other, user)), Condition(FRIEND_STATUS, Op.EQ, True)))
        if await self._ledger.fields(FOLLOWEE, pair(other, user)) is not None:
            over = UpdateMany(class_name=FOLLOWEE, changes={FRIEND_STATUS: Set(False)}, where=friend)
            await self._ledger.execute(over)
        for class_name in (FOLLOWEE, FOLLOWER):
            await self._gone(class_name, ids)

    # --- who follows ---

    async def find(self, op: FindFollows, caller: Caller) -> Result:
        user = caller.user_id if op.user == SELF else op.user
        if op.friends:
            user = in_the_name_of(op.user, caller)
        if user is None:
            raise _no_session()
        parts: list[Filter] = [Condition("user", Op.EQ, Pointer(USER, user))]
        if op.friends:
            blocked = Subquery(BLOCKLIST, Condition("user", Op.EQ, Pointer(USER, user)), key="blockedUser")
            parts.append(Condition(FRIEND_STATUS, Op.EQ, True))
            if await self._has(BLOCKLIST):
                parts.append(Condition("followee", Op.NOT_IN, blocked))
        if op.where is not None:
            parts.append(op.where)
        return await self._find(_query(op, op.class_name, And(tuple(parts))), caller)

    async def find_both(self, op: FindFollowersAndFollowees, caller: Caller) -> Result:
        user = caller.user_id if op.user == SELF else op.user
        if user is None:
            raise _no_session()
        whose = Condition("user", Op.EQ, Pointer(USER, user))
        followers = await self._find(_without(_query(op, FOLLOWER, whose), "followee"), caller)
        followees = await self._find(_without(_query(op, FOLLOWEE, whose), "follower"), caller)
        return Result(
            objects=followers.objects,
            total=followers.total,
            others=followees.objects,
            others_total=followees.total,
        )

    async def _find(self, query: Find, caller: Caller) -> Result:
        try:
            return await self._backend.execute(query, caller)
        except GatewayError as error:
            if error.code is not Code.CLASS_NOT_FOUND:
                raise
            return Result(objects=[], total=0 if query.count else None)

    async def _has(self, class_name: str) -> bool:
        try:
            await self._ledger.execute(Find(class_name=class_name, limit=0))
        except GatewayError as error:
            if error.code is not Code.CLASS_NOT_FOUND:
                raise
            return False
        return True

    # --- asking to be friends ---

    async def request(self, op: RequestFriendship, caller: Caller) -> Result:
        user, friend = in_the_name_of(op.user, caller), op.friend
        said = _said(op.changes)
        await self._may_ask(user, friend)
        id_ = pair(user, friend)
        known = await self._ledger.fields(FOLLOWEE, id_)
        if known is not None and known.get(FRIEND_STATUS) is True:
            raise _refused(EXISTS)
        asked = await self._ledger.fields(FRIENDSHIP_REQUEST, id_)
        if asked is not None and asked.get("status") == DECLINED:
            # the guide leaves open what becomes of it; who said no is not asked again and again
            raise _refused("the request was declined; it can still be accepted")
        row: dict[str, Change] = {
            "user": Set(Pointer(USER, user)),
            "friend": Set(Pointer(USER, friend)),
            "status": Set(PENDING),
            ACL: Set(_shared(user, friend)),
        }
        items: list[Operation] = [
            Upsert(class_name=FRIENDSHIP_REQUEST, id=id_, changes=row, returning=Returning.NOTHING)
        ]
        if said:
            # friendship guide: what is said with a request stands in _Followee, with a friendStatus of false
            own = next(_both_sides(user, friend, {FRIEND_STATUS: Set(False), **said}))
            items.append(own)
        await self._together(items)
        made = await self._ledger.fields(FRIENDSHIP_REQUEST, id_) or {}
        return Result(id=id_, created_at=made.get("@created_at"))

    async def answer(self, op: AnswerFriendship, caller: Caller) -> Result:
        row, user, friend = await self._request(op.id, caller)
        in_the_name_of(friend, caller)
        if not op.accept and row.get("status") == ACCEPTED:
            raise _refused(EXISTS)
        answered: Changes = {"status": Set(ACCEPTED if op.accept else DECLINED)}
        items: list[Operation] = [
            Update(class_name=FRIENDSHIP_REQUEST, id=op.id, changes=answered, returning=Returning.NOTHING)
        ]
        if op.accept:
            said = _said(op.changes)
            items += _both_sides(user, friend, {FRIEND_STATUS: Set(True)})
            items += _both_sides(friend, user, {FRIEND_STATUS: Set(True), **said})
        done = await self._together(items)
        return Result(id=op.id, updated_at=done[0].updated_at)

    async def delete_request(self, op: DeleteFriendshipRequest, caller: Caller) -> Result:
        await self._request(op.id, caller)
        await self._gone(FRIENDSHIP_REQUEST, (op.id,))
        return Result()

    async def _request(self, id_: str, caller: Caller) -> tuple[Fields, str, str]:
        row = await self._ledger.fields(FRIENDSHIP_REQUEST, id_)
        user, friend = (None, None) if row is None else (row.get("user"), row.get("friend"))
        if (
            row is None
            or not isinstance(user, Pointer)
            or not isinstance(friend, Pointer)
            or not _may_see(caller, user.id, friend.id)
        ):
            raise GatewayError(Code.OBJECT_NOT_FOUND, "Object not found.", class_name=FRIENDSHIP_REQUEST, id=id_)
        return row, user.id, friend.id

    # --- blocking ---

    async def block(self, op: BlockUser, caller: Caller) -> Result:
        user = in_the_name_of(SELF, caller)
        if not op.blocked:
            await self._gone(BLOCKLIST, (pair(user, op.other),))
            return Result()
        await self._there(op.other)
        row: dict[str, Change] = {
            "user": Set(Pointer(USER, user)),
            "blockedUser": Set(Pointer(USER, op.other)),
            ACL: Set({user: {"read": True, "write": True}}),
        }
        await self._ledger.execute(
            Upsert(class_name=BLOCKLIST, id=pair(user, op.other), changes=row, returning=Returning.NOTHING)
        )
        return Result()

    async def blocked(self, op: FindBlocked, caller: Caller) -> Result:
        whose = Condition("user", Op.EQ, Pointer(USER, in_the_name_of(SELF, caller)))
        where = whose if op.where is None else And((whose, op.where))
        return await self._find(_query(op, BLOCKLIST, where), caller)

    async def _may_ask(self, user: str, other: str) -> None:
        if user == other:
            raise _refused("nobody can follow, or befriend, itself")
        await self._there(user)
        await self._there(other)
        if await self._ledger.fields(BLOCKLIST, pair(other, user)) is not None:
            raise _refused("the user does not wish it")

    async def _there(self, user: str) -> None:
        if await self._ledger.fields(USER, user) is None:
            raise GatewayError(Code.USER_NOT_FOUND, "Could not find user.", id=user)

    # --- writing ---

    async def _together(self, items: Iterator[Operation] | list[Operation]) -> list[Result]:
        batch = Batch(items=tuple(items), atomic=True)
        answers = (await self._ledger.execute(batch)).items or []
        return [answer for answer in answers if isinstance(answer, Result)]

    async def _gone(self, class_name: str, ids: tuple[str, ...]) -> None:
        try:
            await self._ledger.execute(Delete(class_name=class_name, ids=ids, missing_ok=True))
        except GatewayError as error:
            if error.code is not Code.CLASS_NOT_FOUND:
                raise


def pair(user: str, other: str) -> str:
    """The id of the row of these two, in this order: 24 hexadecimal digits, as other ids of this store's clients."""
    return hashlib.sha256(orjson.dumps([user, other])).hexdigest()[:24]


def in_the_name_of(user: str, caller: Caller) -> str:
    """The id of a user for whom the caller may act: itself, or anybody for the master. Raises GatewayError."""
    if user == SELF:
        if caller.user_id is None:
            raise _no_session()
        return caller.user_id
    if caller.master or user == caller.user_id:
        return user
    if caller.user_id is None:
        raise _no_session()
    raise GatewayError(Code.FORBIDDEN, "nobody can do that in another's name", action="act for another user")


def _no_session() -> GatewayError:
    return GatewayError(Code.SESSION_MISSING, "a user has to be logged in")


def _refused(message: str) -> GatewayError:
    return GatewayError(Code.FRIENDSHIP_REFUSED, message)


def _may_see(caller: Caller, *users: str) -> bool:
    return caller.master or caller.user_id in users


def _shared(user: str, other: str) -> dict[str, dict[str, bool]]:
    """Friendship guide: the user, and who is followed."""
    return {name: {"read": True, "write": True} for name in (user, other)}


def _said(changes: Changes) -> Changes:
    """What a user says of another. Raises GatewayError for what is not the user's to say."""
    for name in changes:
        head = name.partition(".")[0]
        if head[:1] == "@" or any(head in own for own in OWN.values()):
            raise GatewayError(Code.RESERVED_FIELD, f"{head} is set by the server", field=head)
    refuse_private(changes)
    return changes


def _both_sides(user: str, other: str, changes: Changes) -> Iterator[Operation]:
    """That one follows the other: first what it is told of itself, then what the other is told."""
    id_ = pair(user, other)
    lists: Changes = {ACL: Set(_shared(user, other))}
    for class_name, whose, what, whom in (
        (FOLLOWEE, user, "followee", other),
        (FOLLOWER, other, "follower", user),
    ):
        row: dict[str, Change] = {"user": Set(Pointer(USER, whose)), what: Set(Pointer(USER, whom)), **lists, **changes}
        yield Upsert(class_name=class_name, id=id_, changes=row, returning=Returning.NOTHING)


def _query(op: FindFollows | FindFollowersAndFollowees | FindBlocked, class_name: str, where: Filter) -> Find:
    return Find(
        class_name=class_name,
        where=where,
        limit=op.limit,
        skip=op.skip,
        order=op.order,
        count=op.count,
        select=op.select,
        exclude=op.exclude,
        include=op.include,
        with_acl=op.with_acl,
    )


def _without(query: Find, field: str) -> Find:
    """What is asked of both classes at once names fields of the other one too (JavaScript SDK, user.js)."""

    def own(paths: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(path for path in paths if path.partition(".")[0] != field)

    return replace(query, select=None if query.select is None else own(query.select), include=own(query.include))
