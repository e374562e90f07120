"""Following, friends, requests and blocks: rows that come in pairs, are there once, and are nobody else's to write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.authorise import Guarded
from gateway.backends.accounts import Accounts, Policy
from gateway.backends.friends import pair
from gateway.backends.services import Services
from gateway.errors import Code, GatewayError
from gateway.model.account import USER
from gateway.model.operation import (
    Batch,
    Create,
    CreateMany,
    DeepSave,
    Delete,
    DeleteMany,
    Find,
    Get,
    NewObject,
    Operation,
    Relate,
    Relating,
    Update,
    UpdateMany,
    Upsert,
)
from gateway.model.permission import Permission, Permit, PermitAll
from gateway.model.query import Condition, Op, Sort
from gateway.model.social import (
    BLOCKLIST,
    FOLLOWEE,
    FOLLOWER,
    FRIENDSHIP_REQUEST,
    SOCIAL_CLASSES,
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
from gateway.model.update import Set
from gateway.model.values import ACL, Object, Pointer
from tests.backends.social import MASTER, NOBODY, Circle, circle, who


@pytest.fixture
async def friends(tmp_path: Path) -> AsyncIterator[Circle]:
    async with circle(tmp_path, "ann", "ben", "cem") as found:
        yield found


def user(id_: str) -> Pointer:
    return Pointer(USER, id_)


async def befriend(friends: Circle, one: str, other: str) -> str:
    asked = await friends.do(RequestFriendship(friend=other), one)
    assert asked.id is not None
    await friends.do(AnswerFriendship(id=asked.id, accept=True), other)
    return asked.id


# --- following ---


async def test_following_is_told_on_both_sides(friends: Circle) -> None:
    await friends.do(Follow(user="ann", other="ben", changes={"group": Set("work")}), "ann")
    assert await friends.rows(FOLLOWEE) == [{"user": user("ann"), "followee": user("ben"), "group": "work"}]
    assert await friends.rows(FOLLOWER) == [{"user": user("ben"), "follower": user("ann"), "group": "work"}]


async def test_the_two_see_it_and_nobody_else(friends: Circle) -> None:
    await friends.do(Follow(user="ann", other="ben"), "ann")
    for class_name in (FOLLOWEE, FOLLOWER):
        seen = {name: len(await friends.rows(class_name, name)) for name in ("ann", "ben", "cem")}
        assert seen == {"ann": 1, "ben": 1, "cem": 0}
        assert await friends.rows(class_name, NOBODY) == []


async def test_twice_is_once(friends: Circle) -> None:
    await friends.do(Follow(user="ann", other="ben", changes={"group": Set("work")}), "ann")
    await friends.do(Follow(user="ann", other="ben", changes={"group": Set("home")}), "ann")
    assert [row["group"] for row in await friends.rows(FOLLOWEE)] == ["home"]
    assert len(await friends.rows(FOLLOWER)) == 1


async def test_at_the_same_time_it_is_once_as_well(friends: Circle) -> None:
    await asyncio.gather(*(friends.do(Follow(user="ann", other="ben"), "ann") for _ in range(20)))
    assert [len(await friends.rows(name)) for name in (FOLLOWEE, FOLLOWER)] == [1, 1]


async def test_unfollowing(friends: Circle) -> None:
    await friends.do(Unfollow(user="ann", other="ben"), "ann")  # there is nothing yet
    await friends.do(Follow(user="ann", other="ben"), "ann")
    await friends.do(Follow(user="ben", other="ann"), "ben")
    await friends.do(Unfollow(user="self", other="ben"), "ann")
    assert await friends.rows(FOLLOWEE) == [{"user": user("ben"), "followee": user("ann")}]
    assert await friends.rows(FOLLOWER) == [{"user": user("ann"), "follower": user("ben")}]


@pytest.mark.parametrize(
    "op",
    [
        Follow(user="ann", other="ben"),
        Unfollow(user="ann", other="ben"),
        UpdateFriendship(user="ann", other="ben"),
        RequestFriendship(user="ann", friend="ben"),
        FindFollows(user="ann", friends=True, limit=10),
    ],
)
async def test_nobody_acts_in_the_name_of_another(friends: Circle, op: Operation) -> None:
    await friends.do(Follow(user="ann", other="ben"), "ann")
    before = [await friends.rows(name) for name in (FOLLOWEE, FOLLOWER)]
    assert await friends.refused(op, "cem") is Code.FORBIDDEN
    assert await friends.refused(op, "ben") is Code.FORBIDDEN
    assert await friends.refused(op, NOBODY) is Code.SESSION_MISSING
    assert [await friends.rows(name) for name in (FOLLOWEE, FOLLOWER)] == before


async def test_the_master_may(friends: Circle) -> None:
    await friends.do(Follow(user="ann", other="ben"), MASTER)
    assert len(await friends.rows(FOLLOWEE, "ann")) == 1
    assert await friends.refused(Follow(user="self", other="ben"), MASTER) is Code.SESSION_MISSING


@pytest.mark.parametrize("name", ["user", "followee", "friendStatus", ACL, "user.x"])
async def test_what_the_gateway_says_of_it_is_not_for_the_user_to_say(friends: Circle, name: str) -> None:
    op = Follow(user="ann", other="ben", changes={name: Set(user("cem"))})
    assert await friends.refused(op, "ann") is Code.RESERVED_FIELD


async def test_whom_one_cannot_follow(friends: Circle) -> None:
    assert await friends.refused(Follow(user="ann", other="ann"), "ann") is Code.FRIENDSHIP_REFUSED
    assert await friends.refused(Follow(user="ann", other="nobody"), "ann") is Code.USER_NOT_FOUND
    private = Follow(user="ann", other="ben", changes={"x": Set(Pointer("@token", "t"))})
    assert await friends.refused(private, "ann") is Code.BAD_CLASS_NAME


async def test_changing_what_one_says_of_another(friends: Circle) -> None:
    op = UpdateFriendship(user="self", other="ben", changes={"remark": Set("x")})
    assert await friends.refused(op, "ann") is Code.FRIENDSHIP_REFUSED
    await friends.do(Follow(user="ann", other="ben"), "ann")
    told = await friends.do(op, "ann")
    assert told.id == pair("ann", "ben")
    assert told.updated_at is not None
    assert [row["remark"] for name in (FOLLOWEE, FOLLOWER) for row in await friends.rows(name)] == ["x", "x"]
    status = UpdateFriendship(user="ann", other="ben", changes={"friendStatus": Set(True)})
    assert await friends.refused(status, "ann") is Code.RESERVED_FIELD


async def test_a_friendship_is_deleted_as_an_object_by_who_follows(friends: Circle) -> None:
    await friends.do(Follow(user="ann", other="ben"), "ann")
    id_ = pair("ann", "ben")
    assert await friends.refused(DeleteFriendship(id=id_), "ben") is Code.FORBIDDEN
    assert await friends.refused(DeleteFriendship(id=id_), "cem") is Code.OBJECT_NOT_FOUND
    await friends.do(DeleteFriendship(id=id_), "ann")
    assert [await friends.rows(name) for name in (FOLLOWEE, FOLLOWER)] == [[], []]


async def test_finding_followers_and_followees(friends: Circle) -> None:
    await friends.do(Follow(user="ann", other="ben", changes={"n": Set(1)}), "ann")
    await friends.do(Follow(user="ann", other="cem", changes={"n": Set(2)}), "ann")
    await friends.do(Follow(user="cem", other="ann", changes={"n": Set(3)}), "cem")
    op = FindFollows(user="ann", limit=10, order=(Sort("n", True),), include=("followee",), count=True)
    found = await friends.do(op, "ann")
    assert [row["followee"].fields["username"] for row in found.objects or []] == ["cem", "ben"]
    assert found.total == 2
    followers = await friends.do(FindFollows(user="self", class_name=FOLLOWER, limit=10), "ann")
    assert [row["follower"] for row in followers.objects or []] == [user("cem")]
    # who looks at another sees what concerns itself
    assert (await friends.do(op, "ben")).total == 1
    some = FindFollows(user="ann", limit=1, where=Condition("n", Op.GT, 1), count=True)
    assert (await friends.do(some, "ann")).total == 1


async def test_both_at_once(friends: Circle) -> None:
    asked = ("follower", "followee")
    op = FindFollowersAndFollowees(user="ann", limit=10, select=asked, include=asked, count=True)
    nothing = await friends.do(op, "ann")
    assert (nothing.objects, nothing.total, nothing.others, nothing.others_total) == ([], 0, [], 0)
    await friends.do(Follow(user="ann", other="ben"), "ann")
    found = await friends.do(op, "ann")
    assert (found.objects, found.total, found.others_total) == ([], 0, 1)
    assert [row["followee"].fields["username"] for row in found.others or []] == ["ben"]


# --- friends ---


async def test_who_is_accepted_is_a_friend_both_ways(friends: Circle) -> None:
    asked = await friends.do(RequestFriendship(friend="ben", changes={"group": Set("sport")}), "ann")
    assert asked.id is not None
    assert asked.created_at is not None
    assert await friends.rows(FRIENDSHIP_REQUEST, "ben") == [
        {"user": user("ann"), "friend": user("ben"), "status": "pending"}
    ]
    assert await friends.rows(FRIENDSHIP_REQUEST, "cem") == []
    assert await friends.rows(FOLLOWEE) == [
        {"user": user("ann"), "followee": user("ben"), "group": "sport", "friendStatus": False}
    ]
    answered = await friends.do(AnswerFriendship(id=asked.id, accept=True, changes={"group": Set("work")}), "ben")
    assert answered.updated_at is not None
    assert [row["status"] for row in await friends.rows(FRIENDSHIP_REQUEST)] == ["accepted"]
    for own, other, group in (("ann", "ben", "sport"), ("ben", "ann", "work")):
        found = await friends.do(FindFollows(user="self", friends=True, limit=10), own)
        rows = [(row["followee"], row["friendStatus"], row["group"]) for row in found.objects or []]
        assert rows == [(user(other), True, group)]
    assert await friends.refused(RequestFriendship(friend="ben"), "ann") is Code.FRIENDSHIP_REFUSED


async def test_only_who_was_asked_answers(friends: Circle) -> None:
    id_ = (await friends.do(RequestFriendship(friend="ben"), "ann")).id
    assert id_ is not None
    for accept in (True, False):
        assert await friends.refused(AnswerFriendship(id=id_, accept=accept), "ann") is Code.FORBIDDEN
        assert await friends.refused(AnswerFriendship(id=id_, accept=accept), "cem") is Code.OBJECT_NOT_FOUND
        assert await friends.refused(AnswerFriendship(id="nothing", accept=accept), "ben") is Code.OBJECT_NOT_FOUND
    assert [row["status"] for row in await friends.rows(FRIENDSHIP_REQUEST)] == ["pending"]
    assert await friends.refused(DeleteFriendshipRequest(id=id_), "cem") is Code.OBJECT_NOT_FOUND


async def test_asking_twice_is_asking_once(friends: Circle) -> None:
    first = await friends.do(RequestFriendship(friend="ben"), "ann")
    again = await friends.do(RequestFriendship(friend="ben"), "ann")
    assert (first.id, first.created_at) == (again.id, again.created_at)
    assert len(await friends.rows(FRIENDSHIP_REQUEST)) == 1


async def test_who_was_declined_cannot_ask_again_but_be_accepted(friends: Circle) -> None:
    id_ = (await friends.do(RequestFriendship(friend="ben"), "ann")).id
    assert id_ is not None
    await friends.do(AnswerFriendship(id=id_, accept=False), "ben")
    assert await friends.refused(RequestFriendship(friend="ben"), "ann") is Code.FRIENDSHIP_REFUSED
    await friends.do(AnswerFriendship(id=id_, accept=True), "ben")  # the Java SDK's tests do so
    assert await friends.refused(AnswerFriendship(id=id_, accept=False), "ben") is Code.FRIENDSHIP_REFUSED
    found = await friends.do(FindFollows(user="self", friends=True, limit=10), "ann")
    assert len(found.objects or []) == 1


async def test_a_request_is_deleted_by_either(friends: Circle) -> None:
    for deletes in ("ann", "ben"):
        id_ = (await friends.do(RequestFriendship(friend="ben"), "ann")).id
        assert id_ is not None
        await friends.do(DeleteFriendshipRequest(id=id_), deletes)
        assert await friends.rows(FRIENDSHIP_REQUEST) == []


async def test_who_leaves_leaves_no_friend_behind(friends: Circle) -> None:
    await befriend(friends, "ann", "ben")
    await friends.do(Unfollow(user="ann", other="ben"), "ann")
    assert await friends.rows(FOLLOWEE) == [{"user": user("ben"), "followee": user("ann"), "friendStatus": False}]
    again = await friends.do(RequestFriendship(friend="ben"), "ann")
    assert [row["status"] for row in await friends.rows(FRIENDSHIP_REQUEST)] == ["pending"]
    assert again.id is not None


# --- blocks ---


async def test_who_is_blocked_cannot_follow_nor_ask(friends: Circle) -> None:
    await friends.do(BlockUser(other="ann"), "ben")
    await friends.do(BlockUser(other="ann"), "ben")
    assert await friends.refused(Follow(user="ann", other="ben"), "ann") is Code.FRIENDSHIP_REFUSED
    assert await friends.refused(RequestFriendship(friend="ben"), "ann") is Code.FRIENDSHIP_REFUSED
    assert await friends.rows(BLOCKLIST, "ben") == [{"user": user("ben"), "blockedUser": user("ann")}]
    assert await friends.rows(BLOCKLIST, "ann") == []
    assert (await friends.do(FindBlocked(limit=10, count=True), "ben")).total == 1
    assert (await friends.do(FindBlocked(limit=10, count=True), "ann")).total == 0
    await friends.do(BlockUser(other="ann", blocked=False), "ben")
    await friends.do(BlockUser(other="ann", blocked=False), "ben")
    await friends.do(Follow(user="ann", other="ben"), "ann")


async def test_blocking_needs_a_user_on_both_sides(friends: Circle) -> None:
    assert await friends.refused(BlockUser(other="ann"), NOBODY) is Code.SESSION_MISSING
    assert await friends.refused(FindBlocked(limit=10), NOBODY) is Code.SESSION_MISSING
    assert await friends.refused(BlockUser(other="nobody"), "ann") is Code.USER_NOT_FOUND


async def test_friends_are_told_without_who_is_blocked(friends: Circle) -> None:
    await befriend(friends, "ann", "ben")
    await befriend(friends, "cem", "ann")
    await friends.do(BlockUser(other="ben"), "ann")
    found = await friends.do(FindFollows(user="self", friends=True, limit=10), "ann")
    assert [row["followee"] for row in found.objects or []] == [user("cem")]


# --- whatever way a client tries to write them ---


def writes(class_name: str) -> list[Operation]:
    id_, forged = pair("ann", "ben"), {"user": Set(user("ben")), ACL: Set({"*": {"read": True}})}
    tree = {"friend": Object(class_name, {"@id": id_, "user": user("cem")})}
    return [
        Create(class_name=class_name, changes=forged),
        Update(class_name=class_name, id=id_, changes=forged),
        Upsert(class_name=class_name, id=id_, changes=forged),
        Delete(class_name=class_name, ids=(id_,)),
        CreateMany(class_name=class_name, objects=(NewObject(forged),)),
        UpdateMany(class_name=class_name, changes=forged),
        DeleteMany(class_name=class_name),
        Relate(class_name=class_name, id=id_, field="user", how=Relating.SET, ids=("cem",)),
        Relate(class_name="Note", id="n", field="rows", how=Relating.ADD, ids=(id_,), target=class_name),
        DeepSave(class_name=class_name, tree={"@id": id_, "user": user("cem")}),
        DeepSave(class_name="Note", tree=tree),
        Permit(class_name=class_name, id=id_, right="read", user="*"),
        PermitAll(class_name=class_name, id=id_, permissions=(Permission("read", user="*"),)),
    ]


@pytest.mark.parametrize("class_name", sorted(SOCIAL_CLASSES))
async def test_no_client_writes_them(friends: Circle, class_name: str) -> None:
    await befriend(friends, "ann", "ben")
    before = [await friends.rows(name) for name in sorted(SOCIAL_CLASSES) if name not in (BLOCKLIST, "_Status")]
    for op in writes(class_name):
        assert await friends.refused(op, "ann") is Code.FORBIDDEN, op
        assert await friends.refused(Batch(items=(op,), atomic=True), "ann") is Code.FORBIDDEN, op
    assert [await friends.rows(name) for name in sorted(SOCIAL_CLASSES) if name not in (BLOCKLIST, "_Status")] == before


async def test_where_the_users_are_elsewhere_so_are_their_friends(friends: Circle) -> None:
    elsewhere = Guarded(Services(Accounts(friends.store, Policy()), friends.store))
    for op in (Follow(user="ann", other="ben"), FindFollows(user="ann", limit=1)):
        with pytest.raises(GatewayError) as refused:
            await elsewhere.execute(op, who("ann"))
        assert refused.value.code is Code.UNSUPPORTED


async def test_in_a_batch_each_is_done_by_itself(friends: Circle) -> None:
    items = (
        Follow(user="ann", other="ben"),
        Follow(user="cem", other="ben"),
        Find(class_name=FOLLOWEE, limit=10),
        Get(class_name=FOLLOWEE, id=pair("ann", "ben")),
    )
    answers = (await friends.do(Batch(items=items), "ann")).items or []
    assert [getattr(answer, "code", None) for answer in answers] == [None, Code.FORBIDDEN, None, None]
    assert len(await friends.rows(FOLLOWEE)) == 1
    assert await friends.refused(Batch(items=items[:1], atomic=True), "ann") is Code.UNSUPPORTED
