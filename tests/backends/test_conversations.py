"""What is said in conversations, and how it is found again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gateway.backends import trimmed
from gateway.backends.accounts import Accounts, Policy
from gateway.backends.conversations import LONGEST, Conversations
from gateway.backends.embedded import Embedded
from gateway.backends.ledger import Ledger
from gateway.errors import Code, GatewayError
from gateway.model.conversations import CONVERSATION, CountOnline, FindSaid, SayInConversation
from gateway.model.operation import Caller, Create, Operation, Result
from gateway.model.push import Push
from gateway.model.update import Change, Set
from gateway.model.values import Date

MASTER = Caller(app="blog", master=True)
MOST = 10


@dataclass
class Pushing:
    """The backend, with somebody, or nobody, who delivers to devices."""

    backend: Accounts
    sends: bool = True
    pushes: list[Push] = field(default_factory=list)

    async def execute(self, op: Operation, caller: Caller) -> Result:
        if not isinstance(op, Push):
            return await self.backend.execute(op, caller)
        if not self.sends:
            raise GatewayError(Code.NO_PUSH_SENDER, "nobody delivers")
        self.pushes.append(op)
        return Result(id="p")

    async def identify(self, caller: Caller) -> Caller:
        return caller

    async def close(self) -> None:
        pass


@dataclass
class World:
    conversations: Conversations
    backend: Pushing
    seconds: float = 1_800_000_000.0

    async def say(self, text: str, **more: Any) -> Result:
        self.seconds += more.pop("later", 1)
        asked = {"conversation": "c1", "sender": "tom", **more}
        return await self.conversations.say(SayInConversation(text=text, **asked), MASTER)

    async def found(self, **asked: Any) -> list[str]:
        value = (await self.conversations.find(FindSaid(**{"limit": 100, **asked}), MASTER)).value
        return [said["text"] for said in value]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    store = await Embedded.open(f"sqlite:///{tmp_path}/data.db", secret=b"s")
    rooms: dict[str, dict[str, Any]] = {
        "c1": {"name": "x", "m": ["tom", "ann", "ida", "bob", 7], "mu": ["bob"]},
        "c2": {"sys": True},
    }
    for id_, fields in rooms.items():
        changes: dict[str, Change] = {name: Set(value) for name, value in fields.items()}
        await store.execute(Create(class_name=CONVERSATION, id=id_, changes=changes), MASTER)
    backend = Pushing(Accounts(store, Policy()))
    talk = Conversations(backend, Ledger(store), lambda: made.seconds, lasts=180 * 86400.0, most=MOST)
    made = World(talk, backend)
    yield made
    await store.close()


async def test_what_was_said_comes_the_newest_first(world: World) -> None:
    assert await world.found() == []
    first = await world.say("one", to=("ann", "ida"))
    await world.say("two", sender="ann")
    await world.say("elsewhere", conversation="c2")
    assert await world.found(conversation="c1") == ["two", "one"]
    assert await world.found(conversation="c1", sender="tom") == ["one"]
    assert await world.found(limit=1) == ["elsewhere"]
    told = (await world.conversations.find(FindSaid(limit=1, sender="tom", conversation="c1"), MASTER)).value
    at = Date.from_ms(1_800_000_001_000)
    whole = {"id": first.id, "conversation": "c1", "sender": "tom", "text": "one", "to": ["ann", "ida"], "at": at}
    assert told == [whole]
    assert first.created_at == at


async def test_pages_go_on_behind_the_last_one_seen(world: World) -> None:
    for text in ("a", "b", "c"):
        await world.say(text, later=0)  # all at one moment
    await world.say("d")
    seen: list[str] = []
    place: dict[str, Any] = {}
    while page := (await world.conversations.find(FindSaid(limit=1, **place), MASTER)).value:
        seen.append(page[0]["text"])
        place = {"start": page[0]["at"], "start_id": page[0]["id"]}
    assert seen[0] == "d"
    assert sorted(seen) == ["a", "b", "c", "d"]


async def test_what_is_transient_is_not_kept(world: World) -> None:
    assert (await world.say("typing", transient=True)).id
    assert await world.found() == []


REFUSED: dict[Code, dict[str, Any]] = {
    Code.OBJECT_NOT_FOUND: {"text": "x", "conversation": "nothing"},
    Code.BAD_VALUE: {"text": "x" * (LONGEST + 1)},
}


@pytest.mark.parametrize("code", REFUSED)
async def test_what_cannot_be_said(world: World, code: Code) -> None:
    with pytest.raises(GatewayError) as refused:
        await world.say(**REFUSED[code])
    assert refused.value.code is code
    assert await world.found() == []


async def test_only_a_system_conversation_speaks_broadcast(world: World) -> None:
    assert (await world.say("news", conversation="c2", broadcast=True)).id
    with pytest.raises(GatewayError) as refused:
        await world.say("news", broadcast=True)
    assert refused.value.code is Code.BAD_VALUE


async def test_nobody_is_connected(world: World) -> None:
    assert (await world.conversations.count(CountOnline(conversation="c1"), MASTER)).value == 0
    with pytest.raises(GatewayError) as raised:
        await world.conversations.count(CountOnline(conversation="nowhere"), MASTER)
    assert raised.value.code is Code.OBJECT_NOT_FOUND


# LeanCloud's real-time REST guide, "Query the History": which of three messages are found
BETWEEN: tuple[tuple[int, int, dict[str, bool], list[str]], ...] = (
    (3, 1, {}, ["2"]),
    (3, 1, {"with_start": True}, ["3", "2"]),
    (3, 1, {"with_stop": True}, ["2", "1"]),
    (1, 3, {"rising": True}, ["2"]),
    (1, 3, {"rising": True, "with_start": True}, ["1", "2"]),
    (1, 3, {"rising": True, "with_stop": True}, ["2", "3"]),
)


@pytest.mark.parametrize("by_id", [True, False])
@pytest.mark.parametrize(("start", "stop", "more", "found"), BETWEEN)
async def test_what_was_said_between_two_messages(
    world: World, start: int, stop: int, more: dict[str, bool], found: list[str], by_id: bool
) -> None:
    told = {number: await world.say(str(number)) for number in (1, 2, 3)}
    place: dict[str, Any] = {"start": told[start].created_at, "stop": told[stop].created_at}
    if by_id:
        place |= {"start_id": told[start].id, "stop_id": told[stop].id}
    assert await world.found(**place, **more) == found


TOLD: dict[str, tuple[dict[str, Any], tuple[str, ...] | None]] = {
    "all in it but the sender and who is muted": ({}, ("ann", "ida")),
    "those that are named, in a conversation or not": ({"to": ("ann", "eve")}, ("ann", "eve")),
    "everybody": ({"conversation": "c2", "broadcast": True}, None),
}


@pytest.mark.parametrize("who", TOLD)
async def test_devices_of_those_who_are_not_there_are_told(world: World, who: str) -> None:
    more, channels = TOLD[who]
    push = {"alert": "Hi", "ios": {"badge": 1}}
    await world.say("Hello", push=push, push_platforms=("ios",), push_production=False, **more)
    (pushed,) = world.backend.pushes
    assert (pushed.data, pushed.platforms, pushed.production) == (push, ("ios",), False)
    assert (pushed.channels, pushed.to_all) == (channels, channels is None)


@pytest.mark.parametrize("more", [{"transient": True}, {"to": ("bob",)}, {"conversation": "c2"}])
async def test_sometimes_no_device_is_to_be_told(world: World, more: dict[str, Any]) -> None:
    await world.say("Hello", push={"alert": "Hi"}, **more)
    assert world.backend.pushes == []


async def test_where_nobody_delivers_nothing_is_said_either(world: World) -> None:
    world.backend.sends = False
    with pytest.raises(GatewayError) as refused:
        await world.say("Hello", push={"alert": "Hi"})
    assert refused.value.code is Code.NO_PUSH_SENDER
    assert await world.found() == []
    await world.say("Hello")
    assert await world.found() == ["Hello"]


async def test_the_oldest_goes_first(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trimmed, "EVERY", 5)
    for number in range(3 * MOST):
        await world.say(str(number))
    found = await world.found(limit=1000)
    assert MOST <= len(found) < MOST + 5
    assert found == [str(3 * MOST - 1 - place) for place in range(len(found))]
