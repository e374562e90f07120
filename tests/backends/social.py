"""Users who know each other, on a real store, asked as the gateway asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.authorise import Guarded
from gateway.backends.accounts import Accounts, Policy
from gateway.backends.embedded import Embedded
from gateway.backends.services import Services
from gateway.errors import Code, GatewayError
from gateway.model.account import USER
from gateway.model.operation import Caller, Create, Find, Operation, Result
from gateway.model.query import Filter
from gateway.model.update import Set

MASTER, NOBODY = Caller(app="blog", master=True), Caller(app="blog")


def who(user_id: str) -> Caller:
    return Caller(app="blog", user_id=user_id, session=f"session of {user_id}")


@dataclass
class Circle:
    backend: Guarded
    store: Embedded

    async def do(self, op: Operation, caller: str | Caller = MASTER) -> Result:
        return await self.backend.execute(op, who(caller) if isinstance(caller, str) else caller)

    async def refused(self, op: Operation, caller: str | Caller = MASTER) -> Code:
        with pytest.raises(GatewayError) as told:
            await self.do(op, caller)
        return told.value.code

    async def rows(
        self, class_name: str, caller: str | Caller = MASTER, where: Filter | None = None
    ) -> list[dict[str, Any]]:
        found = await self.do(Find(class_name=class_name, limit=1000, where=where), caller)
        return [{k: v for k, v in row.items() if k[0] != "@"} for row in found.objects or []]

    async def add(self, *users: str) -> None:
        for user in users:
            await self.store.execute(
                Create(class_name=USER, id=user, changes={"username": Set(user)}), Caller(app="blog", trusted=True)
            )


@asynccontextmanager
async def circle(folder: Path, *users: str) -> AsyncIterator[Circle]:
    store = await Embedded.open(f"sqlite:///{folder}/social.db", secret=b"x" * 32)
    backend = Services(Accounts(store, Policy()), store, users_here=True)
    try:
        found = Circle(Guarded(backend), store)
        await found.add(*users)
        yield found
    finally:
        await backend.close()
