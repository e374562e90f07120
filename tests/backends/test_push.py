"""Whom a push reaches, when, and what becomes of it: on a real store, with senders that say what they are told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.base import Delivery, PushOutcome, PushTarget
from gateway.backends.accounts import Accounts, Policy
from gateway.backends.embedded import Embedded
from gateway.backends.installations import Installations
from gateway.backends.ledger import Ledger
from gateway.backends.push import PUSH, Pushes
from gateway.backends.scheduler import TASK, Scheduler
from gateway.errors import Code, GatewayError
from gateway.model.operation import Caller, Create, Delete, Find, Get, Update
from gateway.model.push import (
    AUDIENCE,
    INSTALLATION,
    PUSH_STATUS,
    CancelPush,
    DeletePush,
    FindPushes,
    GetPush,
    LocalTime,
    Push,
)
from gateway.model.query import Condition, Op, Subquery
from gateway.model.update import Set
from gateway.model.values import Date, Pointer

MASTER = Caller(app="blog", master=True)
NOON = int(datetime(2027, 1, 15, 12, tzinfo=UTC).timestamp())
SENT = PushOutcome(Delivery.SENT)


class Clock:
    def __init__(self) -> None:
        self.seconds = float(NOON)

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Sender:
    """Keeps what it was told to send, and answers by `says`: id of a device -> outcome."""

    batches: list[tuple[list[PushTarget], dict[str, Any]]] = field(default_factory=list)
    said: list[dict[str, Any]] = field(default_factory=list)
    says: dict[str, PushOutcome] = field(default_factory=dict)
    failing: int = 0
    hangs: bool = False
    hangs_after: int | None = None
    waiting: bool = False

    async def send(
        self,
        targets: Sequence[PushTarget],
        data: Mapping[str, Any],
        *,
        push_id: str,
        expires_at: Date | None,
        production: bool,
    ) -> Sequence[PushOutcome]:
        if self.hangs or self.hangs_after == len(self.batches):
            self.waiting = True
            await asyncio.Event().wait()
        if self.failing:
            self.failing -= 1
            raise GatewayError(Code.UNAVAILABLE, "nobody is there")
        self.batches.append((list(targets), dict(data)))
        self.said.append({"push_id": push_id, "expires_at": expires_at, "production": production})
        return [self.says.get(target.id, SENT) for target in targets]

    @property
    def reached(self) -> list[str]:
        return [str(target.token) for targets, _ in self.batches for target in targets]


@dataclass
class App:
    store: Embedded
    devices: Installations
    clock: Clock
    senders: dict[str, Any]
    scheduler: Scheduler
    pushes: Pushes

    async def register(self, token: str | None, kind: str = "ios", **fields: Any) -> str:
        named = {"deviceType": kind, "installationId": f"i-{token or fields.pop('own', '')}"}
        if token is not None:
            named["deviceToken"] = token
        changes = {name: Set(value) for name, value in {**named, **fields}.items()}
        made = await self.devices.execute(Create(class_name=INSTALLATION, changes=changes), MASTER)
        assert made.id is not None
        return made.id

    async def push(self, **parts: Any) -> str:
        parts.setdefault("data", {"alert": "hi"})
        made = await self.pushes.push(Push(**parts), MASTER)
        assert made.id is not None
        return made.id

    async def told(self, push_id: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self.pushes.get(GetPush(id=push_id), MASTER)).push
        return found

    async def status(self, push_id: str) -> dict[str, Any]:
        found = (await self.store.execute(Get(class_name=PUSH_STATUS, id=push_id), MASTER)).object or {}
        return {name: value for name, value in found.items() if name[0] != "@"}

    async def over(self, push_id: str) -> dict[str, Any]:
        """The record, when all of it has been sent."""
        async with asyncio.timeout(60):
            while (told := await self.told(push_id))["status"] not in ("succeeded", "failed"):
                await asyncio.sleep(0.005)
                self.scheduler.wake()
        return told

    async def idle(self) -> None:
        """Returns when nothing is due."""
        async with asyncio.timeout(60):
            while True:
                self.scheduler.wake()
                await asyncio.sleep(0.005)
                rows = await self.store.execute(Find(class_name=TASK, limit=9), Caller(app="", trusted=True))
                if all(row["at"] > self.clock() * 1000 and "mark" not in row for row in rows.objects or []):
                    return

    def again(self, *, most: int = 500) -> App:
        """Another gateway on the same store."""
        return made(self.store, self.clock, self.senders, most=most)


def made(store: Embedded, clock: Clock, senders: dict[str, Any], *, most: int = 500) -> App:
    scheduler = Scheduler(Ledger(store), app="blog", now=clock, poll=0.01, patience=0.05)
    pushes = Pushes(store, scheduler, senders, app="blog", now=clock, most=most)
    scheduler.start()
    return App(store, Installations(Accounts(store, Policy()), store), clock, senders, scheduler, pushes)


@pytest.fixture
def sender() -> Sender:
    return Sender()


@pytest.fixture
async def app(tmp_path: Path, sender: Sender) -> AsyncIterator[App]:
    store = await Embedded.open(f"sqlite:///{tmp_path}/x.db", secret=b"x" * 32)
    found = made(store, Clock(), {"*": sender}, most=3)
    yield found
    await found.scheduler.close()
    await store.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - what it waits for knows of no event
            await asyncio.sleep(0.005)


async def test_everybody_gets_it_a_few_at_a_time(app: App, sender: Sender) -> None:
    tokens = [f"t{number}" for number in range(8)]
    for token in tokens:
        await app.register(token)
    for token in ("a1", "a2"):
        await app.register(token, "android")
    await app.register("w1", "web")
    told = await app.over(await app.push(to_all=True))
    assert sorted(sender.reached) == sorted([*tokens, "a1", "a2", "w1"])
    assert max(len(targets) for targets, _ in sender.batches) == 3
    assert (told["targets"], told["sent"], told["failed"]) == (11, 11, 0)
    assert told["sent_per_type"] == {"ios": 8, "android": 2, "web": 1}
    with pytest.raises(GatewayError):  # nothing of it is left
        await app.store.execute(Get(class_name=PUSH, id=told["id"]), Caller(app="", trusted=True))


async def test_whom_it_reaches(app: App, sender: Sender) -> None:
    tom = await app.store.execute(
        Create(class_name="_User", changes={"name": Set("tom")}), Caller(app="", trusted=True)
    )
    await app.register("a", channels=["news", "sport"])
    await app.register("b", channels=["news"], owner=Pointer("_User", tom.id or ""))
    await app.register("c", valid=False, channels=["news"])
    await app.register(None, "android", own="d", channels=["news"])
    for parts, expected in (
        ({"channels": ("sport",)}, ["a"]),
        ({"channels": ("news", "other")}, ["a", "b"]),
        ({"where": Condition("channels", Op.EQ, "news"), "channels": ("sport",), "both": True}, ["a"]),
        ({"where": Condition("owner", Op.IN, Subquery("_User", Condition("name", Op.EQ, "tom")))}, ["b"]),
        ({"channels": ("news",), "without_token": True}, ["a", "b", "None"]),
        ({"channels": ("nobody",)}, []),
    ):
        sender.batches.clear()
        await app.over(await app.push(**parts))
        assert sorted(sender.reached) == sorted(expected), parts


async def test_the_record_is_parses(app: App) -> None:
    await app.register("a")
    push_id = await app.push(
        where=Condition("deviceType", Op.EQ, "ios"), where_json={"deviceType": "ios"}, data={"alert": "x", "badge": 1}
    )
    await app.over(push_id)
    assert await app.status(push_id) == {
        "pushTime": "2027-01-15T12:00:00.000Z",
        "source": "rest",
        "query": '{"deviceType":"ios"}',
        "payload": '{"alert":"x","badge":1}',
        "status": "succeeded",
        "numSent": 1,
        "pushHash": "9dd4e461268c8034f5c8564e155c67a6",  # recorded: of the alert "x"
        "sentPerType": {"ios": 1},
        "devices": 1,
    }
    channels = await app.push(channels=("a",), expires_in=10)
    assert (await app.status(channels))["query"] == '{"channels":{"$in":["a"]}}'  # recorded
    assert (await app.status(channels))["expiration_interval"] == 10


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({}, 'Sending a push requires either "channels" or a "where" query.'),
        (
            {"where_json": {}, "channels": ("a",)},
            "Channels and query can not be set at the same time.",
        ),
        (
            {"to_all": True, "expires_in": 1, "expires_at": Date("2030-01-01T00:00:00.000Z")},
            "Both expiration_time and expiration_interval cannot be set",
        ),
        ({"to_all": True, "expires_in": -1}, "-1 is not a valid interval; it is a number of seconds"),
        (
            {"to_all": True, "data": {"badge": "more"}},
            "Invalid value for badge, expected number or 'Increment'",
        ),
        (
            {"to_all": True, "data": {"ios": {"badge": []}}, "platforms": ("ios",)},
            "Invalid value for badge, expected number or 'Increment'",
        ),
        ({"to_all": True, "data": {"alert": "x" * 70_000}}, "what devices are told has at most 65536 bytes"),
    ],
)
async def test_what_makes_no_sense(app: App, parts: dict[str, Any], message: str) -> None:
    with pytest.raises(GatewayError) as told:
        await app.push(**parts)
    assert (told.value.code, told.value.message) == (Code.BAD_PUSH, message)


async def test_without_anybody_to_send_it_is_refused(app: App) -> None:
    app.senders.clear()
    with pytest.raises(GatewayError) as told:
        await app.push(to_all=True)
    assert told.value.code is Code.NO_PUSH_SENDER


async def test_each_type_has_its_sender_and_its_text(app: App, sender: Sender) -> None:
    apple = Sender()
    app.senders["ios"] = apple
    await app.register("a")
    await app.register("b", "android")
    await app.register("c", "web")
    data = {"alert": "all", "title": "t", "ios": {"alert": "apple"}, "web": {"alert": "browser"}, "mine": {"x": 1}}
    await app.over(await app.push(to_all=True, data=data, platforms=("ios", "android", "web")))
    rest = {"title": "t", "mine": {"x": 1}}
    assert [told for _, told in apple.batches] == [{"alert": "apple", **rest}]
    assert [(targets[0].token, told["alert"]) for targets, told in sender.batches] == [("b", "all"), ("c", "browser")]


async def test_a_type_that_nobody_sends_to_is_told(app: App, sender: Sender) -> None:
    app.senders.clear()
    app.senders["ios"] = sender
    await app.register("a")
    await app.register("b", "android")
    told = await app.over(await app.push(to_all=True))
    assert (told["sent"], told["failed"], told["failed_per_type"]) == (1, 1, {"android": 1})
    assert told["error"] == "nobody sends to android"


async def test_a_badge_is_one_more_on_each_device_of_apples(app: App, sender: Sender) -> None:
    ids = [await app.register(f"t{number}", badge=number) for number in range(4)]
    await app.register("a", "android", badge=7)
    await app.over(await app.push(to_all=True, data={"alert": "x", "badge": "Increment"}))
    shown = {target.token: target.badge for targets, _ in sender.batches for target in targets}
    assert shown == {"t0": 1, "t1": 2, "t2": 3, "t3": 4, "a": 7}
    assert all("badge" not in data for _, data in sender.batches)
    kept = [(await app.store.execute(Get(class_name=INSTALLATION, id=id_), MASTER)).object for id_ in ids]
    assert [(fields or {})["badge"] for fields in kept] == [1, 2, 3, 4]
    await app.over(await app.push(to_all=True, data={"badge": 9}))
    kept = [(await app.store.execute(Get(class_name=INSTALLATION, id=id_), MASTER)).object for id_ in ids]
    assert [(fields or {})["badge"] for fields in kept] == [9, 9, 9, 9]


async def test_dead_tokens_are_taken_away_unless_they_are_others_by_now(app: App, sender: Sender) -> None:
    first, second, third = [await app.register(name) for name in ("a", "b", "c")]
    sender.says = {
        first: PushOutcome(Delivery.GONE, "unregistered"),
        second: PushOutcome(Delivery.FAILED, "too large"),
    }
    told = await app.over(await app.push(to_all=True))
    assert (told["targets"], told["sent"], told["failed"], told["gone"]) == (3, 1, 2, 1)
    assert told["error"] in ("unregistered", "too large")
    found = await app.store.execute(Find(class_name=INSTALLATION, limit=9), MASTER)
    kept = {row["@id"]: row.get("deviceToken") for row in found.objects or []}
    assert kept == {first: None, second: "b", third: "c"}


async def test_a_push_for_later_is_sent_then(app: App, sender: Sender) -> None:
    await app.register("a")
    at = Date.from_ms((NOON + 3600) * 1000)
    push_id = await app.push(to_all=True, push_time=at)
    assert (await app.told(push_id))["status"] == "scheduled"
    listed = await app.pushes.find(FindPushes(limit=9, scheduled=True, count=True), MASTER)
    assert ([each["id"] for each in listed.pushes or []], listed.total) == ([push_id], 1)
    await app.idle()
    assert sender.batches == []
    app.clock.seconds += 3600
    await app.over(push_id)
    assert sender.reached == ["a"]
    assert (await app.pushes.find(FindPushes(limit=9, scheduled=True), MASTER)).pushes == []


async def test_a_push_can_be_taken_back_until_it_is_sent(app: App, sender: Sender) -> None:
    await app.register("a")
    later = Date.from_ms((NOON + 60) * 1000)
    cancelled, sent = await app.push(to_all=True, push_time=later), await app.push(to_all=True)
    await app.pushes.cancel(CancelPush(id=cancelled), MASTER)
    await app.over(sent)
    for op in (CancelPush(id=cancelled), CancelPush(id=sent), CancelPush(id="x")):
        with pytest.raises(GatewayError) as told:
            await app.pushes.cancel(op, MASTER)
        assert told.value.code is Code.OBJECT_NOT_FOUND
    app.clock.seconds += 60
    await app.idle()
    assert len(sender.batches) == 1
    await app.pushes.delete(DeletePush(id=sent), MASTER)
    with pytest.raises(GatewayError):
        await app.told(sent)


async def test_a_push_whose_record_is_deleted_goes_no_further(app: App, sender: Sender) -> None:
    for number in range(9):
        await app.register(f"t{number}")
    sender.failing = 100
    push_id = await app.push(to_all=True)
    await until(lambda: sender.failing < 100)
    await app.store.execute(Delete(class_name=PUSH_STATUS, ids=(push_id,)), MASTER)
    sender.failing = 0
    for _ in range(5):
        app.clock.seconds += 400
        await app.idle()
    assert len(sender.reached) <= 3, "the batch under way, and no other"


async def test_a_scheduled_push_whose_record_is_deleted_is_not_sent(app: App, sender: Sender) -> None:
    await app.register("a")
    push_id = await app.push(to_all=True, push_time=Date.from_ms((NOON + 60) * 1000))
    await app.store.execute(Delete(class_name=PUSH_STATUS, ids=(push_id,)), MASTER)
    app.clock.seconds += 60
    await app.idle()
    assert sender.batches == []
    found = await app.store.execute(Find(class_name=PUSH, limit=9), Caller(app="", trusted=True))
    assert found.objects == []


async def test_everybodys_own_time(app: App, sender: Sender) -> None:
    for name, zone in (("tokyo", "Asia/Tokyo"), ("paris", "Europe/Paris"), ("utc", None), ("odd", "Mars/Base")):
        await app.register(name, **({} if zone is None else {"timeZone": zone}))
    push_id = await app.push(to_all=True, push_time=LocalTime("2027-01-16T09:00:00.000"))
    reached: dict[str, float] = {}
    for _ in range(48):
        app.clock.seconds += 1800
        await app.idle()
        for name in sender.reached:
            reached.setdefault(name, (app.clock() - NOON) / 3600)
    app.clock.seconds += 86400
    await app.over(push_id)
    # noon in UTC is 15 hours before nine of everybody's next day in Tokyo's, 20 in Paris's, 21 in its own
    assert reached == {"tokyo": 12.0, "paris": 20.0, "utc": 21.0, "odd": 21.0}
    assert len(sender.reached) == 4
    assert (await app.told(push_id))["push_time"] == LocalTime("2027-01-16T09:00:00.000")


async def test_what_has_expired_is_not_sent(app: App, sender: Sender) -> None:
    await app.register("a")
    for parts in ({"expires_at": Date.from_ms((NOON - 1) * 1000)},):
        told = await app.over(await app.push(to_all=True, **parts))
        assert (told["sent"], told["error"]) == (0, "it had expired before all of it was sent")
    later = Date.from_ms((NOON + 100) * 1000)
    push_id = await app.push(to_all=True, push_time=later, expires_in=50)
    app.clock.seconds += 120
    await app.over(push_id)
    assert sender.said[0]["expires_at"] == Date.from_ms((NOON + 150) * 1000)
    too_late = await app.push(to_all=True, push_time=later, expires_in=10)
    assert (await app.over(too_late))["sent"] == 0


async def test_a_sender_that_is_down_is_asked_again(app: App, sender: Sender) -> None:
    await app.register("a")
    sender.failing = 2
    push_id = await app.push(to_all=True)
    for _ in range(3):
        await app.idle()
        app.clock.seconds += 10
    told = await app.over(push_id)
    assert (told["status"], told["sent"], sender.reached) == ("succeeded", 1, ["a"])


async def test_a_sender_that_stays_down_is_given_up(app: App, sender: Sender) -> None:
    await app.register("a")
    sender.failing = 1000
    push_id = await app.push(to_all=True)
    for _ in range(10):
        await app.idle()
        app.clock.seconds += 400
    told = await app.over(push_id)
    assert (told["status"], told["error"]) == ("failed", "nobody is there")


async def test_another_gateway_goes_on_where_one_has_died(app: App, sender: Sender) -> None:
    tokens = sorted(f"t{number}" for number in range(12))
    for token in tokens:
        await app.register(token, badge=0)
    sender.hangs_after = 2
    push_id = await app.push(to_all=True, data={"alert": "x", "badge": "Increment"})
    await until(lambda: sender.waiting)  # with the third batch, so that the first two are written down
    app.scheduler._loop.cancel()  # type: ignore[union-attr]
    for work in list(app.scheduler._under_way):
        work.cancel()
    await asyncio.gather(*app.scheduler._under_way, return_exceptions=True)
    sender.hangs_after = None
    app.clock.seconds += 60
    other = app.again(most=3)
    told = await other.over(push_id)
    await other.scheduler.close()
    assert sorted(sender.reached) == tokens, "nobody twice, and nobody was forgotten"
    assert told["sent"] == 12
    badges = [target.badge for targets, _ in sender.batches for target in targets]
    assert badges == [1] * 12, "a badge is raised once"


async def test_a_gateway_that_was_only_slow_does_not_stop_a_push(app: App, sender: Sender) -> None:
    """It comes back when another one has begun: both see that the push is not as they have left it."""
    tokens = sorted(f"t{number}" for number in range(9))
    for token in tokens:
        await app.register(token)
    sender.hangs = True
    push_id = await app.push(to_all=True)
    await until(lambda: sender.waiting)
    sender.hangs = False
    app.clock.seconds += 60  # the mark has run out
    other = app.again(most=2)
    async with asyncio.timeout(60):
        while (await other.told(push_id))["status"] not in ("succeeded", "failed"):
            await asyncio.sleep(0.005)
            if not other.scheduler._under_way:
                app.clock.seconds += 2
                other.scheduler.wake()
    app.scheduler._patience = 0.01
    told = await other.over(push_id)
    await other.scheduler.close()
    assert (told["status"], set(sender.reached)) == ("succeeded", set(tokens))


async def test_a_request_that_comes_again_is_the_same_push(app: App, sender: Sender) -> None:
    await app.register("a")
    first, second = [await app.push(to_all=True, request_id="r1") for _ in range(2)]
    assert first == second
    assert await app.push(to_all=True, request_id="r2") != first
    app.clock.seconds += 301
    assert await app.push(to_all=True, request_id="r1") != first


async def test_audiences_count_their_pushes(app: App) -> None:
    made = await app.devices.execute(Create(class_name=AUDIENCE, changes={"name": Set("A")}), MASTER)
    for _ in range(2):
        await app.push(to_all=True, audience_id=made.id)
    await app.push(to_all=True, audience_id="nobody")
    found = (await app.store.execute(Get(class_name=AUDIENCE, id=made.id or ""), MASTER)).object or {}
    assert (found["timesUsed"], found["lastUsed"]) == (2, Date.from_ms(NOON * 1000))


async def test_pushes_are_listed_the_newest_first(app: App) -> None:
    ids = []
    for _ in range(3):
        ids.append(await app.push(to_all=True))
        await asyncio.sleep(0.002)
    found = await app.pushes.find(FindPushes(limit=2, skip=1, count=True), MASTER)
    assert [each["id"] for each in found.pushes or []] == [ids[1], ids[0]]
    assert found.total == 3


async def test_a_device_that_changes_hands_meanwhile(app: App, sender: Sender) -> None:
    """What an installation tells of its own goes to the sender; dates and pointers do not."""
    known = await app.register("a", deviceProfile="beta", since=Date("2026-01-01T00:00:00.000Z"), deep={"x": [1]})
    await app.store.execute(
        Update(class_name=INSTALLATION, id=known, changes={"appIdentifier": Set("com.example")}), MASTER
    )
    await app.over(await app.push(to_all=True, production=False))
    ((target,), _) = sender.batches[0]
    assert (target.app_identifier, target.extras) == ("com.example", {"deviceProfile": "beta", "deep": {"x": [1]}})
    assert sender.said[0]["production"] is False
