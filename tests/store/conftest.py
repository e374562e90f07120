"""A store in a file that lasts one test, and words to speak to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.errors import Code, GatewayError
from gateway.model.operation import Caller, Create, Find, Get, Operation, Result, Update
from gateway.model.query import Filter
from gateway.model.update import Change, Set
from gateway.model.values import ID, Fields, Value
from gateway.store.sqlite import SqliteStore
from tests.store.world import World, made_world

CALLER = Caller("test")


class Shop:
    """A store, with less to say in each test."""

    def __init__(self, store: SqliteStore, caller: Caller = CALLER) -> None:
        self.store = store
        self.caller = caller

    def of(self, caller: Caller) -> Shop:
        """The same store, for another caller."""
        return Shop(self.store, caller)

    async def do(self, op: Operation) -> Result:
        return await self.store.execute(op, self.caller)

    async def refused(self, op: Operation) -> tuple[Code, dict[str, str]]:
        with pytest.raises(GatewayError) as refusal:
            await self.do(op)
        return refusal.value.code, dict(refusal.value.details)

    async def create(self, class_name: str, known: str | None = None, **values: Value) -> str:
        return await self.change(class_name, known, **{name: Set(value) for name, value in values.items()})

    async def change(self, class_name: str, known: str | None = None, **changes: Change) -> str:
        made = await self.do(Create(class_name=class_name, id=known, changes=changes))
        assert made.id is not None
        return made.id

    async def update(self, class_name: str, known: str, **changes: Change) -> Fields | None:
        return (await self.do(Update(class_name=class_name, id=known, changes=changes))).object

    async def get(self, class_name: str, known: str) -> Fields:
        """Without system fields."""
        fields = (await self.do(Get(class_name=class_name, id=known))).object
        assert fields is not None
        return {name: value for name, value in fields.items() if not name.startswith("@")}

    async def ids(self, class_name: str, where: Filter | None = None) -> list[str]:
        found = (await self.do(Find(class_name=class_name, limit=1000, where=where))).objects
        assert found is not None
        return [fields[ID] for fields in found]


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    store = await SqliteStore.open(tmp_path / "shop.db", secret=b"secret")
    yield Shop(store)
    await store.close()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """For tests that only read."""
    with made_world(tmp_path_factory.mktemp("store") / "world.db") as world:
        yield world
