"""Messages: channels, subscriptions, schedules and devices, on a real store and with the real scheduler."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.base import Delivery, PushOutcome, PushTarget
from gateway.backends import accounts
from gateway.backends.embedded import Embedded
from gateway.backends.installations import Installations
from gateway.backends.ledger import Ledger
from gateway.backends.messaging import Messaging, MessagingRules, PushText
from gateway.backends.push import Pushes
from gateway.backends.scheduler import Scheduler
from gateway.backends.services import Services
from gateway.errors import Code, GatewayError
from gateway.model.messaging import (
    CancelMessage,
    DeleteChannel,
    FindPushTemplates,
    GetMessageStatus,
    GetRegistration,
    Policy,
    PollMessages,
    Publish,
    PushTemplate,
    RegisterDevice,
    Subscribe,
    UnregisterDevice,
)
from gateway.model.operation import Caller, Find, Operation
from gateway.model.query import Condition, Op
from gateway.model.values import Date

CLIENT = Caller(app="blog")
TEMPLATES = {
    "welcome": PushText("Hello {who}", title="To {who}", data={"k": 1}),
    "ios": PushText("Apples", devices=("ios",)),
    "news": PushText("News", channels=("news",)),
}


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_800_000_000.0

    def __call__(self) -> float:
        return self.seconds


class Sender:
    """Takes whatever it is told, or nothing."""

    def __init__(self) -> None:
        self.told: list[tuple[str | None, dict[str, Any]]] = []

    async def send(
        self,
        targets: Sequence[PushTarget],
        data: Mapping[str, Any],
        *,
        push_id: str,
        expires_at: Date | None,
        production: bool,
    ) -> Sequence[PushOutcome]:
        badges = [{} if target.badge is None else {"badge": target.badge} for target in targets]
        self.told += [(target.token, {**data, **badge}) for target, badge in zip(targets, badges, strict=True)]
        return [PushOutcome(Delivery.SENT)] * len(targets)


@dataclass
class Gateway:
    """One process of several on a store."""

    backend: Services
    scheduler: Scheduler
    sender: Sender

    async def do(self, op: Operation, caller: Caller = CLIENT) -> Any:
        return (await self.backend.execute(op, caller)).value

    async def do_what_is_due(self) -> None:
        for _ in range(10):
            await self.scheduler._look()
            if not self.scheduler._under_way:
                return
            await asyncio.gather(*self.scheduler._under_way)

    async def data(self, channel: str, subscription: str) -> list[Any]:
        return [message["data"] for message in await self.do(PollMessages(channel=channel, id=subscription))]


@dataclass
class World:
    store: Embedded
    now: Clock = field(default_factory=Clock)

    def gateway(self, *, client_push: bool = True, senders: bool = True, app: str = "blog") -> Gateway:
        scheduler, sender = Scheduler(Ledger(self.store), app=app, now=self.now), Sender()
        rules = MessagingRules(kept=60, client_push=client_push, templates=TEMPLATES)
        backend = Services(
            Installations(accounts.Accounts(self.store, accounts.Policy()), self.store),
            self.store,
            pushes=Pushes(self.store, scheduler, {"*": sender} if senders else {}, app=app, now=self.now),
            messages=lambda services: Messaging(
                services, Ledger(self.store), scheduler, rules, app=app, now=self.now
            ).operations(),
            now=self.now,
        )
        return Gateway(backend, scheduler, sender)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    store = await Embedded.open(f"sqlite:///{tmp_path}/here.db", secret=b"s" * 32, apps={})
    yield World(store)
    await store.close()


@pytest.fixture
def one(world: World) -> Gateway:
    return world.gateway()


def at(world: World, seconds: float) -> Date:
    return Date.from_ms(int((world.now() + seconds) * 1000))


async def refused(code: Code, work: Any) -> GatewayError:
    with pytest.raises(GatewayError) as raised:
        await work
    assert raised.value.code is code, raised.value
    return raised.value


# --- channels ---


async def test_who_has_subscribed_gets_each_message_once_and_in_order(one: Gateway) -> None:
    await one.do(Publish(channel="news", message="before"))
    mine, other = await one.do(Subscribe(channel="news")), await one.do(Subscribe(channel="news"))
    sent = [{"n": number} for number in range(5)]
    for message in sent:
        await one.do(Publish(channel="news", message=message))
    await one.do(Publish(channel="sports", message="elsewhere"))
    assert await one.data("news", mine) == sent
    assert await one.data("news", mine) == []
    assert await one.data("news", other) == sent


async def test_a_message_says_who_sent_it_and_when(world: World, one: Gateway) -> None:
    mine = await one.do(Subscribe(channel="news"))
    headers = {"a": 1, "b": True, "c": {"d": 1}, "e": None}
    told = await one.do(Publish(channel="news", message=[1], publisher="me", subtopic="x", headers=headers))
    [message] = await one.do(PollMessages(channel="news", id=mine))
    assert message == {
        "id": told["id"],
        "data": [1],
        "at": at(world, 0),
        "publisher": "me",
        "subtopic": "x",
        "headers": {"a": "1", "b": "true", "c": '{"d":1}'},
    }


async def test_a_subscription_asks_for_a_subtopic_and_for_headers(one: Gateway) -> None:
    by_topic = await one.do(Subscribe(channel="news", subtopic="x"))
    by_header = await one.do(Subscribe(channel="news", selector=Condition("city", Op.EQ, "Rome")))
    await one.do(Publish(channel="news", message=1, subtopic="x"))
    await one.do(Publish(channel="news", message=2, subtopic="y", headers={"city": "Rome"}))
    await one.do(Publish(channel="news", message=3))
    assert (await one.data("news", by_topic), await one.data("news", by_header)) == ([1], [2])


@pytest.mark.parametrize(
    ("asked", "told"), [("stocks.*", [2, 3]), ("stocks.nasdaq.*", [3]), ("stocks", [1]), ("*", [0, 1, 2, 3, 4])]
)
async def test_a_star_is_all_that_is_below_a_subtopic(one: Gateway, asked: str, told: list[int]) -> None:
    mine = await one.do(Subscribe(channel="news", subtopic=asked))
    for at, subtopic in enumerate([None, "stocks", "stocks.nyse", "stocks.nasdaq.msft", "stocksmen"]):
        await one.do(Publish(channel="news", message=at, subtopic=subtopic))
    assert await one.data("news", mine) == told


async def test_gateways_on_one_store_serve_one_subscription(world: World, one: Gateway) -> None:
    two = world.gateway()
    mine = await one.do(Subscribe(channel="news"))
    await asyncio.gather(*(own.do(Publish(channel="news", message=n)) for n, own in enumerate([one, two] * 20)))
    found = await asyncio.gather(*(own.data("news", mine) for own in [one, two] * 3))
    assert sorted(number for part in found for number in part) == list(range(40))


async def test_more_than_a_page_comes_bit_by_bit(one: Gateway) -> None:
    mine = await one.do(Subscribe(channel="news"))
    for number in range(130):
        await one.do(Publish(channel="news", message=number))
    assert await one.data("news", mine) + await one.data("news", mine) == list(range(130))


async def test_what_nobody_fetches_is_lost_and_forgotten(world: World, one: Gateway) -> None:
    mine = await one.do(Subscribe(channel="news"))
    await one.do(Publish(channel="news", message="old"))
    world.now.seconds += 61
    await one.do(Publish(channel="news", message="new"))
    assert await one.data("news", mine) == ["new"]
    world.now.seconds += 100
    await one.do(Publish(channel="news", message="newest"))
    world.now.seconds += 3700
    await one.do(Subscribe(channel="news"))
    await refused(Code.OBJECT_NOT_FOUND, one.do(PollMessages(channel="news", id=mine)))


async def test_a_channel_that_nobody_uses_is_forgotten(world: World, one: Gateway) -> None:
    mine = await one.do(Subscribe(channel="quiet"))
    for channel in ("quiet", "loud"):
        await one.do(Publish(channel=channel, message=1))
    assert await one.data("quiet", mine) == [1]
    for _ in range(50):
        world.now.seconds += 1800
        assert await one.data("quiet", mine) == []
    kept = await world.store.execute(Find(class_name="@channel", limit=9), Caller("blog", trusted=True))
    assert [row["@id"] for row in kept.objects or []] == ["blog/quiet"]
    for number in (2, 3):
        await one.do(Publish(channel="quiet", message=number))
    assert await one.data("quiet", mine) == [2, 3]


async def test_a_subscription_is_of_one_channel_and_one_app(world: World, one: Gateway) -> None:
    mine = await one.do(Subscribe(channel="news"))
    await refused(Code.OBJECT_NOT_FOUND, one.do(PollMessages(channel="sports", id=mine)))
    other = world.gateway(app="other")
    await refused(Code.OBJECT_NOT_FOUND, other.do(PollMessages(channel="news", id=mine)))
    await other.do(Publish(channel="news", message="theirs"))
    assert await one.data("news", mine) == []


async def test_a_channel_that_is_deleted_has_no_subscriptions_and_can_be_made_again(one: Gateway) -> None:
    mine = await one.do(Subscribe(channel="news"))
    await one.do(Publish(channel="news", message=1))
    await one.do(DeleteChannel(channel="news"))
    await one.do(DeleteChannel(channel="news"))
    await refused(Code.OBJECT_NOT_FOUND, one.do(PollMessages(channel="news", id=mine)))
    again = await one.do(Subscribe(channel="news"))
    await one.do(Publish(channel="news", message=2))
    assert await one.data("news", again) == [2]


@pytest.mark.parametrize("name", ["", "a/b", "a\nb", "x" * 251])
async def test_a_name_that_no_channel_can_have(name: str, one: Gateway) -> None:
    await refused(Code.BAD_VALUE, one.do(Publish(channel=name, message=1)))
    await refused(Code.BAD_VALUE, one.do(Subscribe(channel=name)))


async def test_a_message_is_there_and_is_not_too_large(one: Gateway) -> None:
    await refused(Code.MISSING_VALUE, one.do(Publish(channel="news", message=None)))
    await refused(Code.OBJECT_TOO_LARGE, one.do(Publish(channel="news", message="x" * 70_000)))
    await refused(
        Code.BAD_VALUE, one.do(Publish(channel="news", message=1, headers=dict.fromkeys(map(str, range(101)), 1)))
    )


# --- later, and again ---


async def test_what_became_of_a_message(one: Gateway, world: World) -> None:
    told = await one.do(Publish(channel="news", message=1))
    assert told == {"id": told["id"], "status": "scheduled", "error": None}  # as the vendor's suite has it
    assert (await one.do(GetMessageStatus(id=told["id"])))["status"] == "published"
    for own, id_ in ((world.gateway(app="other"), told["id"]), (one, "message:1")):
        assert await own.do(GetMessageStatus(id=id_)) == {"id": id_, "status": "unknown", "error": None}
    world.now.seconds += 86400 + 60
    await one.do(Publish(channel="news", message=1))
    assert (await one.do(GetMessageStatus(id=told["id"])))["status"] == "unknown"


async def test_a_message_for_later_survives_its_gateway(world: World, one: Gateway) -> None:
    mine = await one.do(Subscribe(channel="news"))
    told = await one.do(Publish(channel="news", message="later", at=at(world, 50), headers={"a": "b"}))
    two = world.gateway()
    await two.do_what_is_due()
    assert await two.data("news", mine) == []
    world.now.seconds += 51
    await two.do_what_is_due()
    [message] = await two.do(PollMessages(channel="news", id=mine))
    assert (message["id"], message["data"], message["headers"]) == (told["id"], "later", {"a": "b"})
    assert (await one.do(GetMessageStatus(id=told["id"])))["status"] == "published"


async def test_a_message_is_repeated_until_its_end(world: World, one: Gateway) -> None:
    mine = await one.do(Subscribe(channel="news"))
    told = await one.do(Publish(channel="news", message="again", every=10, until=at(world, 25)))
    found = []
    for _ in range(6):
        await one.do_what_is_due()
        found.append(len(await one.data("news", mine)))
        world.now.seconds += 10
    assert found == [1, 1, 1, 0, 0, 0]
    assert (await one.do(GetMessageStatus(id=told["id"])))["status"] == "published"


async def test_what_was_missed_is_not_made_up_for(world: World, one: Gateway) -> None:
    mine = await one.do(Subscribe(channel="news"))
    await one.do(Publish(channel="news", message="again", every=10))
    await one.do_what_is_due()
    world.now.seconds += 35
    await one.do_what_is_due()
    assert await one.data("news", mine) == ["again", "again"]
    world.now.seconds += 5
    await one.do_what_is_due()
    assert await one.data("news", mine) == ["again"]


async def test_a_message_is_taken_back_once(world: World, one: Gateway) -> None:
    mine = await one.do(Subscribe(channel="news"))
    told = await one.do(Publish(channel="news", message="never", at=at(world, 50)))
    await refused(Code.NOT_SCHEDULED, world.gateway(app="other").do(CancelMessage(id=told["id"])))
    assert (await one.do(CancelMessage(id=told["id"])))["status"] == "cancelled"
    await refused(Code.NOT_SCHEDULED, one.do(CancelMessage(id=told["id"])))
    world.now.seconds += 51
    await one.do_what_is_due()
    assert await one.data("news", mine) == []
    assert (await one.do(GetMessageStatus(id=told["id"])))["status"] == "cancelled"
    done = await one.do(Publish(channel="news", message="now"))
    await refused(Code.NOT_SCHEDULED, one.do(CancelMessage(id=done["id"])))


async def test_nothing_is_repeated_all_the_time(one: Gateway) -> None:
    for every in (0.5, -1):
        await refused(Code.BAD_VALUE, one.do(Publish(channel="news", message=1, every=every)))


# --- devices ---


def device(name: str = "D1", **more: Any) -> RegisterDevice:
    return RegisterDevice(**{"token": f"token-{name}", "device_id": name, "os": "android", **more})


async def test_a_device_is_registered_once_and_forgotten(one: Gateway, world: World) -> None:
    first = await one.do(device(os_version="9"))
    again = await one.do(device(token="another", channels=("news", "sports"), expires_at=at(world, 60)))
    assert first == again
    assert await one.do(GetRegistration(device_id="D1")) == {
        "id": first["id"],
        "token": "another",
        "device_id": "D1",
        "os": "android",
        "os_version": "9",
        "channels": ["news", "sports"],
        "expires_at": at(world, 60),
    }
    assert await one.do(UnregisterDevice(device_id="D1")) is True
    assert await one.do(UnregisterDevice(device_id="D1")) is False
    await refused(Code.OBJECT_NOT_FOUND, one.do(GetRegistration(device_id="D1")))


async def test_a_registration_ends_unless_it_is_renewed(one: Gateway, world: World) -> None:
    await one.do(device("a", expires_at=at(world, 60)))
    await one.do(device("b", expires_at=at(world, 60)))
    await one.do(device("b", expires_at=at(world, 120)))
    await one.do(device("c", expires_at=at(world, 60)))
    await one.do(device("c"))
    world.now.seconds += 61
    await refused(Code.OBJECT_NOT_FOUND, one.do(GetRegistration(device_id="a")))
    await one.do_what_is_due()
    assert await one.do(UnregisterDevice(device_id="a")) is False
    for name in ("b", "c"):
        assert await one.do(GetRegistration(device_id=name))
    world.now.seconds += 60
    await one.do_what_is_due()
    assert await one.do(UnregisterDevice(device_id="b")) is False
    assert await one.do(UnregisterDevice(device_id="c")) is True


async def registered(own: Gateway) -> None:
    await own.do(device("a", channels=("news",)))
    await own.do(device("b", os="ios", channels=("news",)))
    await own.do(device("c"))


SHOWN: dict[str, Any] = {
    "headers": {"ios-badge": "3", "k": "v"},
    "shown": {"ios": {"badge": "3", "subtitle": "S", "title": "T"}},
    "shown_by": ("ios-badge",),
}
WHO: list[tuple[str, dict[str, Any], list[str]]] = [
    ("who is registered with the channel", {"policy": Policy.DEVICES}, ["a", "b"]),
    ("some devices", {"device_ids": ("a", "c", "x")}, ["a", "c"]),
    ("a type of device", {"devices": ("ios",)}, ["b"]),
    ("whom headers speak of", SHOWN, ["a", "b"]),
    ("nobody", {}, []),
    ("nobody, whatever the headers say", {**SHOWN, "policy": Policy.CHANNEL}, []),
]


@pytest.mark.parametrize(("_", "words", "expected"), WHO, ids=[title for title, _, _ in WHO])
async def test_whom_a_message_is_told(_: str, words: dict[str, Any], expected: list[str], one: Gateway) -> None:
    await registered(one)
    mine = await one.do(Subscribe(channel="news"))
    await one.do(Publish(channel="news", message="hi", **words))
    await one.do_what_is_due()
    assert sorted(token or "" for token, _ in one.sender.told) == [f"token-{name}" for name in expected]
    assert await one.data("news", mine) == ([] if words.get("policy") is Policy.DEVICES else ["hi"])


async def test_what_devices_are_told(one: Gateway) -> None:
    await registered(one)
    await one.do(Publish(channel="news", message="hi", **SHOWN))
    await one.do_what_is_due()
    told = dict(one.sender.told)
    assert told["token-a"] == {"alert": "hi", "k": "v"}
    assert told["token-b"]["alert"] == {"title": "T", "subtitle": "S", "body": "hi"}
    assert (told["token-b"]["badge"], told["token-b"]["k"]) == (3, "v")
    error = one.do(Publish(channel="news", message="hi", shown={"ios": {"badge": "many"}}))
    await refused(Code.BAD_VALUE, error)


async def test_a_push_for_later_is_sent_once(world: World, one: Gateway) -> None:
    await registered(one)
    await one.do(Publish(channel="news", message="hi", policy=Policy.BOTH, at=at(world, 10)))
    two = world.gateway()
    world.now.seconds += 11
    await asyncio.gather(one.do_what_is_due(), two.do_what_is_due())
    assert len(one.sender.told + two.sender.told) == 2


async def test_clients_tell_devices_where_the_config_lets_them(world: World) -> None:
    closed = world.gateway(client_push=False)
    await registered(closed)
    mine = await closed.do(Subscribe(channel="news"))
    for words in (
        SHOWN,
        {"policy": Policy.BOTH},
        {"device_ids": ("a",)},
        {"at": at(world, 5), "policy": Policy.DEVICES},
    ):
        error = await refused(Code.FORBIDDEN, closed.do(Publish(channel="news", message="hi", **words)))
        assert "push.clients" in error.message
    await refused(Code.FORBIDDEN, closed.do(PushTemplate(name="welcome")))
    await closed.do_what_is_due()
    assert (await closed.data("news", mine), closed.sender.told) == ([], [])
    await closed.do(Publish(channel="news", message="hi", policy=Policy.BOTH), Caller(app="blog", master=True))
    await closed.do_what_is_due()
    assert len(closed.sender.told) == 2


async def test_nobody_is_told_that_a_push_was_sent_that_nobody_sends(world: World) -> None:
    alone = world.gateway(senders=False)
    mine = await alone.do(Subscribe(channel="news"))
    await refused(Code.NO_PUSH_SENDER, alone.do(Publish(channel="news", message="hi", policy=Policy.BOTH)))
    assert await alone.data("news", mine) == []
    told = await alone.do(Publish(channel="news", message="hi", policy=Policy.BOTH, at=at(world, 5)))
    world.now.seconds += 6
    await alone.do_what_is_due()
    assert await alone.data("news", mine) == ["hi"]
    status = await alone.do(GetMessageStatus(id=told["id"]))
    assert status["status"] == "failed"
    assert status["error"]


async def test_templates_of_pushes_come_from_the_config(one: Gateway) -> None:
    await registered(one)
    for name in ("welcome", "ios", "news"):
        await one.do(PushTemplate(name=name, values={"who": "{who}"}))
    await one.do_what_is_due()
    assert sorted((token or "", data["alert"]) for token, data in one.sender.told) == [
        ("token-a", "Hello {who}"),
        ("token-a", "News"),
        ("token-b", "Apples"),
        ("token-b", "Hello {who}"),
        ("token-b", "News"),
        ("token-c", "Hello {who}"),
    ]
    assert ("token-c", {"alert": "Hello {who}", "title": "To {who}", "k": 1}) in one.sender.told
    error = await refused(Code.NO_TEMPLATE, one.do(PushTemplate(name="x")))
    assert error.message == "Push template with name 'x' doesn't exist."
    assert [each["name"] for each in await one.do(FindPushTemplates(device="IOS"))] == ["welcome", "ios", "news"]
    assert [each["name"] for each in await one.do(FindPushTemplates(device="ANDROID"))] == ["welcome", "news"]
