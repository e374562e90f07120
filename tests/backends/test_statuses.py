"""Statuses: who gets one, who sees it, and what an inbox tells, on a real store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.backends import statuses
from gateway.errors import Code
from gateway.model.account import SESSION, USER
from gateway.model.operation import Batch, Caller, Create, CreateMany, Delete, Find, Get, NewObject, Result
from gateway.model.push import INSTALLATION
from gateway.model.query import And, Condition, Op, Sort, Subquery
from gateway.model.social import (
    FOLLOWER,
    STATUS,
    CountInbox,
    DeleteStatus,
    FindInbox,
    Follow,
    RemoveFromInbox,
    ResetUnread,
    SendStatus,
)
from gateway.model.update import Set
from gateway.model.values import ACL, ID, Pointer
from tests.backends.social import MASTER, NOBODY, Circle, circle, who


@pytest.fixture
async def users(tmp_path: Path) -> AsyncIterator[Circle]:
    async with circle(tmp_path, "ann", "ben", "cem") as found:
        yield found


def to(*ids: str) -> Subquery:
    return Subquery(USER, Condition(ID, Op.IN, list(ids)))


def followers_of(user: str) -> Subquery:
    return Subquery(FOLLOWER, Condition("user", Op.EQ, Pointer(USER, user)), key="follower")


async def send(users: Circle, sender: str, recipients: Subquery, message: str = "hello", **more: Any) -> str:
    made = await users.do(SendStatus(recipients=recipients, changes={"message": Set(message)}, **more), sender)
    assert made.id is not None
    assert made.created_at is not None
    return made.id


async def inbox(users: Circle, reader: str, **more: Any) -> list[str]:
    found = await users.do(FindInbox(limit=more.pop("limit", 100), **more), reader)
    return [row["message"] for row in found.objects or []]


async def count(users: Circle, reader: str, **more: Any) -> tuple[int, int]:
    told = (await users.do(CountInbox(**more), reader)).value
    return told["total"], told["unread"]


# --- who gets it ---


async def test_followers_get_what_is_sent_to_them(users: Circle) -> None:
    await users.do(Follow(user="ben", other="ann"), "ben")
    id_ = await send(users, "ann", followers_of("ann"))
    found = (await users.do(FindInbox(limit=10, include=("source",)), "ben")).objects or []
    assert [(row[ID], row["message"], row["messageId"], row["inboxType"]) for row in found] == [
        (id_, "hello", 1, "default")
    ]
    assert found[0]["source"].fields["username"] == "ann"
    assert await inbox(users, "cem") == []
    assert await inbox(users, "ann") == []


async def test_a_class_of_the_apps_own_says_where_its_users_are(users: Circle) -> None:
    objects = tuple(NewObject({"member": Set(Pointer(USER, name)), "n": Set(1)}) for name in ("ben", "ben", "cem"))
    await users.do(CreateMany(class_name="Seat", objects=objects), "ann")
    await send(users, "ann", Subquery("Seat", Condition("n", Op.EQ, 1), key="member"))
    assert [await inbox(users, name) for name in ("ben", "cem")] == [["hello"], ["hello"]]
    assert await users.refused(SendStatus(recipients=Subquery("Seat")), "ann") is Code.BAD_QUERY
    await send(users, "ann", Subquery("Nothing", key="member"))  # nobody is there


async def test_a_user_on_several_pages_gets_it_once(users: Circle) -> None:
    objects = tuple(NewObject({"member": Set(Pointer(USER, "ben"))}) for _ in range(2 * statuses.TOGETHER + 1))
    await users.do(CreateMany(class_name="Seat", objects=objects), "ann")
    await send(users, "ann", Subquery("Seat", key="member"))
    assert await inbox(users, "ben") == ["hello"]


async def test_a_limit_chooses_by_order(users: Circle) -> None:
    await send(users, "ann", Subquery(USER, limit=1, skip=1, order=(Sort("username", True),)))
    assert [await inbox(users, name) for name in ("ann", "ben", "cem")] == [[], ["hello"], []]


async def test_the_query_is_asked_as_the_sender_may_ask(users: Circle) -> None:
    seat = {"member": Set(Pointer(USER, "ben")), ACL: Set({"cem": {"read": True}})}
    await users.do(Create(class_name="Seat", changes=seat), MASTER)
    await send(users, "ann", Subquery("Seat", key="member"))
    assert await inbox(users, "ben") == []
    await send(users, "cem", Subquery("Seat", key="member"))
    assert await inbox(users, "ben") == ["hello"]


@pytest.mark.parametrize("class_name", [SESSION, "_Role", STATUS, "_File"])
async def test_what_tells_nobody(users: Circle, class_name: str) -> None:
    op = SendStatus(recipients=Subquery(class_name, key="user"))
    assert await users.refused(op, "ann") is Code.UNSUPPORTED


async def test_what_is_the_masters_to_look_for(users: Circle) -> None:
    assert await users.refused(SendStatus(recipients=Subquery(INSTALLATION, key="user")), "ann") is Code.FORBIDDEN
    hidden = Subquery("@token", key="user")
    assert await users.refused(SendStatus(recipients=hidden), "ann") is Code.UNSUPPORTED
    inside = Subquery(USER, Condition("x", Op.IN, Subquery("@token", key="user")))
    assert await users.refused(SendStatus(recipients=inside), "ann") is Code.UNSUPPORTED
    of_sessions = Subquery(USER, Condition("x", Op.IN, Subquery(SESSION, key="user")))
    restricted = Caller(app="blog", user_id="ann", session="s", restricted=True)
    assert await users.refused(SendStatus(recipients=of_sessions), restricted) is Code.FORBIDDEN


# --- who says so ---


async def test_nobody_is_made_the_source_of_what_another_sends(users: Circle) -> None:
    forged = {"source": Set(Pointer(USER, "ben"))}
    for op in (
        SendStatus(recipients=to("cem"), changes=forged),
        SendStatus(recipients=to("cem"), source="ben"),
        SendStatus(recipients=to("cem"), changes={"source": Set(Pointer(USER, "ann"))}, source="ben"),
        SendStatus(recipients=to("cem"), changes={"source": Set("ben")}),
        SendStatus(recipients=to("cem"), changes={ACL: Set({"*": {"write": True}})}),
    ):
        code = await users.refused(op, "ann")
        assert code in (Code.FORBIDDEN, Code.BAD_REQUEST, Code.BAD_VALUE, Code.RESERVED_FIELD)
    assert await users.refused(SendStatus(recipients=to("cem"), source="ben"), NOBODY) is Code.SESSION_MISSING
    assert await users.refused(SendStatus(recipients=to("cem")), MASTER) is Code.SESSION_MISSING
    assert await inbox(users, "cem") == []
    await users.do(SendStatus(recipients=to("cem"), source="ben"), MASTER)
    assert [row["source"] for row in await users.rows(STATUS)] == [Pointer(USER, "ben")]


async def test_a_private_status_is_read_by_its_two_alone(users: Circle) -> None:
    id_ = await send(users, "ann", to("ben"), inbox_type="private")
    assert await inbox(users, "ben", inbox_type="private") == ["hello"]
    assert await inbox(users, "ben") == []
    for reader in ("ann", "ben"):
        assert (await users.do(Get(class_name=STATUS, id=id_), reader)).object is not None
    for stranger in (who("cem"), NOBODY):
        assert await users.refused(Get(class_name=STATUS, id=id_), stranger) is Code.OBJECT_NOT_FOUND
        assert await users.rows(STATUS, stranger) == []
        own = Condition("message", Op.EQ, "hello")
        assert (await users.do(Find(class_name=STATUS, limit=0, count=True, where=own), stranger)).total == 0


async def test_a_public_status_is_read_by_all_and_changed_by_nobody(users: Circle) -> None:
    id_ = await send(users, "ann", to("ben"))
    assert len(await users.rows(STATUS, NOBODY)) == 1
    assert await users.refused(Delete(class_name=STATUS, ids=(id_,)), "ann") is Code.FORBIDDEN


async def test_a_private_status_has_few_recipients(users: Circle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statuses, "MOST_PRIVATE", 2)
    op = SendStatus(recipients=Subquery(USER), inbox_type="private")
    assert await users.refused(op, "ann") is Code.BAD_QUERY
    monkeypatch.setattr(statuses, "MOST_RECIPIENTS", 2)
    assert await users.refused(SendStatus(recipients=Subquery(USER)), "ann") is Code.BAD_QUERY
    limited = SendStatus(recipients=Subquery(USER, limit=3))
    assert await users.refused(limited, "ann") is Code.BAD_QUERY
    assert await users.refused(Find(class_name=STATUS, limit=1)) is Code.CLASS_NOT_FOUND, "one was made all the same"


# --- inboxes ---


async def test_pages_by_message_ids(users: Circle) -> None:
    for n in range(1, 6):
        await send(users, "ann", to("ben"), str(n))
    assert await inbox(users, "ben") == ["5", "4", "3", "2", "1"]
    assert await inbox(users, "ben", limit=2) == ["5", "4"]
    assert await inbox(users, "ben", max_id=3) == ["3", "2", "1"]  # inclusive: Java SDK
    assert await inbox(users, "ben", since_id=3) == ["5", "4"]
    assert await inbox(users, "ben", since_id=1, max_id=3) == ["3", "2"]
    assert await inbox(users, "ben", limit=2, order=(Sort("messageId"),)) == ["1", "2"]
    assert await inbox(users, "ben", limit=2, order=(Sort("message"),), since_id=2) == ["3", "4"]
    assert await inbox(users, "ben", limit=1, where=Condition("message", Op.LT, "3")) == ["2"]
    assert await inbox(users, "ben", limit=0) == []


async def test_the_end_is_told(users: Circle) -> None:
    async def ends(**more: Any) -> Any:
        return (await users.do(FindInbox(**more), "ben")).value

    assert await ends(limit=10) is False  # recorded
    for n in range(3):
        await send(users, "ann", to("ben"), str(n))
    assert [await ends(limit=limit) for limit in (2, 3, 10)] == [False, True, True]
    assert await ends(limit=2, max_id=2) is True


async def test_the_newest_are_kept(users: Circle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statuses, "KEPT", 5)
    for n in range(1, 13):
        await send(users, "ann", to("ben"), str(n))
    assert await inbox(users, "ben") == ["12", "11", "10", "9", "8"]
    assert await count(users, "ben") == (5, 5)
    found = await users.store.execute(Find(class_name=statuses.ITEM, limit=100), Caller(app="", trusted=True))
    assert len(found.objects or []) == 5


async def test_counting_what_is_unread(users: Circle) -> None:
    assert await count(users, "ben") == (0, 0)
    await users.do(ResetUnread(), "ben")
    for n in range(3):
        await send(users, "ann", to("ben"), str(n))
    assert await count(users, "ben") == (3, 3)
    await users.do(ResetUnread(), "ben")
    assert await count(users, "ben") == (3, 0)
    await send(users, "ann", to("ben"))
    assert await count(users, "ben") == (4, 1)
    assert await count(users, "ben", inbox_type="other") == (0, 0)


async def test_what_is_deleted_is_in_no_inbox(users: Circle) -> None:
    id_ = await send(users, "ann", to("ben", "cem"), "first")
    await send(users, "ann", to("ben", "cem"), "second")
    for other in ("ben", "cem"):
        assert await users.refused(DeleteStatus(id=id_), other) is Code.FORBIDDEN
    assert await users.refused(DeleteStatus(id=id_), NOBODY) is Code.SESSION_MISSING
    await users.do(DeleteStatus(id=id_), "ann")
    assert await users.refused(DeleteStatus(id=id_), "ann") is Code.OBJECT_NOT_FOUND
    assert [await inbox(users, name, limit=1) for name in ("ben", "cem")] == [["second"], ["second"]]
    assert await count(users, "ben") == (1, 1)


async def test_an_owner_takes_one_out_of_its_inbox(users: Circle) -> None:
    for n in range(1, 4):
        await send(users, "ann", to("ben", "cem"), str(n))
    await users.do(RemoveFromInbox(message_id=2), "ben")
    await users.do(RemoveFromInbox(message_id=2 + statuses.KEPT), "ben")  # the same place, and another message
    await users.do(RemoveFromInbox(message_id=1, inbox_type="other"), "ben")
    assert await inbox(users, "ben") == ["3", "1"]
    assert await inbox(users, "cem") == ["3", "2", "1"]


async def test_anothers_inbox_looks_empty_and_stays_as_it_is(users: Circle) -> None:
    await send(users, "ann", to("ben"))
    assert await inbox(users, "cem", owner="ben") == []
    assert await count(users, "cem", owner="ben") == (0, 0)
    await users.do(ResetUnread(owner="ben"), "cem")
    await users.do(RemoveFromInbox(owner="ben", message_id=1), "cem")
    assert await count(users, "ben") == (1, 1)
    for op in (FindInbox(owner="ben", limit=1), CountInbox(owner="ben"), ResetUnread(owner="ben"), CountInbox()):
        assert await users.refused(op, NOBODY) is Code.SESSION_MISSING
    assert (await users.do(CountInbox(owner="ben"), MASTER)).value == {"total": 1, "unread": 1}


async def test_the_type_of_an_inbox_is_a_name(users: Circle) -> None:
    for type_ in ("", "x" * 101):
        assert await users.refused(CountInbox(inbox_type=type_), "ann") is Code.BAD_VALUE
        assert await users.refused(SendStatus(recipients=to("ben"), inbox_type=type_), "ann") is Code.BAD_VALUE


async def test_an_inbox_in_a_batch(users: Circle) -> None:
    await send(users, "ann", to("ben"))
    items = (FindInbox(limit=10), CountInbox(), Find(class_name=STATUS, limit=1))
    answers = (await users.do(Batch(items=items), "ben")).items or []
    assert all(isinstance(answer, Result) for answer in answers)


# --- many ---


async def test_many_senders_at_once_lose_nothing(users: Circle) -> None:
    await asyncio.gather(*(send(users, name, to("ben"), f"{name} {n}") for n in range(10) for name in ("ann", "cem")))
    found = (await users.do(FindInbox(limit=100), "ben")).objects or []
    assert [row["messageId"] for row in found] == list(range(20, 0, -1))
    assert len({row["message"] for row in found}) == 20


async def test_a_thousand_recipients_do_not_hold_up_the_others(users: Circle) -> None:
    trusted = Caller(app="blog", trusted=True)
    made = tuple(NewObject({"username": Set(f"u{n}"), "fan": Set(True)}, f"u{n}") for n in range(1000))
    await users.store.execute(CreateMany(class_name=USER, objects=made), trusted)
    sending = asyncio.create_task(send(users, "ann", Subquery(USER, And((Condition("fan", Op.EQ, True),)))))
    others = 0
    while not sending.done():
        await users.do(Create(class_name="Note", changes={"n": Set(1)}), "ben")
        others += 1
        await asyncio.sleep(0)
    await sending
    assert others > 3, "they had to wait until all had it"
    for name in ("u0", "u500", "u999"):
        assert await inbox(users, name) == ["hello"]
