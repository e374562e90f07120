"""What a push says, and how often a service is asked."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.adapters.base import Delivery, PushOutcome, PushTarget
from gateway.adapters.notices import (
    SENT,
    Notice,
    NotReachedError,
    Tried,
    apple_payload,
    failed,
    once_more,
    plain_name,
    read_notice,
    to_each,
    wait_of,
)
from gateway.errors import Code, GatewayError

PHONE = PushTarget(id="i1", token="abc", device_type="ios", badge=3)

SAID: list[tuple[dict[str, Any], Notice]] = [
    ({"alert": "Hi"}, Notice(alert="Hi", body="Hi")),
    (
        {"alert": "Hi", "title": "T"},
        Notice(alert={"title": "T", "body": "Hi"}, title="T", body="Hi"),
    ),
    (
        {"alert": {"title": "T", "body": "B", "loc-key": "K"}},
        Notice(alert={"title": "T", "body": "B", "loc-key": "K"}, title="T", body="B"),
    ),
    ({"title": "T"}, Notice(alert={"title": "T"}, title="T")),
    ({"alert": 5, "title": [1], "category": {}}, Notice()),
    (
        {"content-available": 1, "mutable-content": "1", "collapse_id": "c", "badge": "Increment", "uri": "app://x"},
        Notice(silent=True, mutable=True, collapse="c", own={"uri": "app://x"}),
    ),
    ({"content_available": 0, "threadId": "t", "priority": 5}, Notice(thread="t", priority=5)),
]


@pytest.mark.parametrize(("data", "notice"), SAID, ids=str)
def test_what_a_push_says(data: dict[str, Any], notice: Notice) -> None:
    assert read_notice(data) == notice


def test_what_nobody_sees_can_wait() -> None:
    assert read_notice({"alert": "Hi", "content-available": 1}).urgent
    assert not read_notice({"content-available": 1, "x": 1}).urgent
    assert not read_notice({"alert": "Hi", "priority": 5}).urgent


def test_apples_payload_has_the_apps_own_beside_it_and_no_other_aps() -> None:
    notice = read_notice(
        {"alert": "Hi", "sound": "x.caf", "category": "C", "thread-id": "t", "aps": {"a": 1}, "k": [1]}
    )
    assert apple_payload(notice, PHONE) == {
        "k": [1],
        "aps": {"alert": "Hi", "badge": 3, "sound": "x.caf", "category": "C", "thread-id": "t"},
    }


async def test_every_device_has_its_own_answer_and_only_so_many_are_told_at_a_time() -> None:
    under_way, most = 0, 0

    async def send(target: PushTarget) -> PushOutcome:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        if target.id == "3":
            raise NotReachedError
        return failed(target.id)

    targets = [PushTarget(id=str(number), token="t", device_type="ios") for number in range(20)]
    outcomes = await to_each(targets, send, asyncio.Semaphore(4), service="it")
    assert [outcome.reason for outcome in outcomes[:5]] == ["0", "1", "2", "it cannot be reached", "4"]
    assert {outcome.delivery for outcome in outcomes} == {Delivery.FAILED}
    assert most == 4


async def test_where_none_was_reached_the_whole_batch_can_be_sent_again() -> None:
    async def send(_: PushTarget) -> PushOutcome:
        raise NotReachedError

    with pytest.raises(GatewayError) as raised:
        await to_each([PHONE, PHONE], send, asyncio.Semaphore(4), service="it")
    assert raised.value.code is Code.UNAVAILABLE
    assert await to_each([], send, asyncio.Semaphore(4), service="it") == []


async def test_a_service_is_asked_twice_at_the_most() -> None:
    asked = 0

    async def ask() -> Tried:
        nonlocal asked
        asked += 1
        return failed("busy"), 0.0

    assert (await once_more(ask)).reason == "busy"
    assert asked == 2

    async def at_once() -> Tried:
        return SENT, None

    assert await once_more(at_once) == SENT


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("3", 3.0),
        ("-3", 0.0),
        ("21", None),
        ("nan", None),
        ("inf", None),
        ("tomorrow", None),
        ("Thu, 01 Jan 1970 00:16:45 GMT", 5.0),
        ("Thu, 01 Jan 1970 00:16:00 GMT", 0.0),
        ("Thu, 01 Jan 1970 01:00:00 GMT", None),
    ],
)
def test_how_long_a_service_wants_to_be_left_alone(text: str | None, seconds: float | None) -> None:
    assert wait_of(text, 1000.0) == seconds


def test_a_name_in_a_header_is_plain_and_always_the_same() -> None:
    assert plain_name("game-1", 32) == "game-1"
    for odd in ("a\r\nb", "ä", "x" * 33, "\ud800"):
        assert plain_name(odd, 32) == plain_name(odd, 32)
        assert plain_name(odd, 32).isalnum()
        assert len(plain_name(odd, 32)) == 32


def test_a_reason_is_short_and_plain() -> None:
    assert failed("a\nb\x1b[31m" + "c" * 200).reason == ("ab31m" + "c" * 200)[:100]
