"""What is said in conversations, and how it is found again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.backends.accounts import Accounts, Policy
from gateway.backends.conversations import LONGEST, Conversations
from gateway.backends.embedded import Embedded
from gateway.backends.ledger import Ledger
from gateway.errors import Code, GatewayError
from gateway.model.conversations import CONVERSATION, CountOnline, FindSaid, SayInConversation
from gateway.model.operation import Caller, Create, Result
from gateway.model.update import Set
from gateway.model.values import Date

MASTER = Caller(app="blog", master=True)


@dataclass
class World:
    conversations: Conversations
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
    for id_, changes in {"c1": {"name": Set("x")}, "c2": {"sys": Set(True)}}.items():
        await store.execute(Create(class_name=CONVERSATION, id=id_, changes=changes), MASTER)
    made = World(Conversations(Accounts(store, Policy()), Ledger(store), lambda: made.seconds))
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
        place = {"before": page[0]["at"], "before_id": page[0]["id"]}
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
