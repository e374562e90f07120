"""The people whose applications these are, and what they may ask. Accounts are the configuration's, and applications
are, unless there is a store for those that accounts make.

An account that there is none of takes as long to refuse as a wrong password. Failures are counted in each process, by
the account that was tried; those of accounts that there are none of count together.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.backends.made_apps import MadeApp, MadeApps
from gateway.errors import Code, GatewayError
from gateway.model.operation import Operation, Result
from gateway.model.owners import App, CreateApp, FindApps, GetApp, UpdateApp
from gateway.store.passwords import NOBODY, verifies

MOST_FAILURES: Final = 10
LOCKED_FOR: Final = 15 * 60.0
LONGEST_PASSWORD: Final = 1000
AT_ONCE: Final = 2
"""Passwords that are compared at the same time; each takes tens of milliseconds, and 19 MiB."""


@dataclass(frozen=True, slots=True, repr=False)  # no repr: it holds a password, as it is kept
class Account:
    """`apps` are the names of its applications, besides those it has made; None is all there are."""

    password: str
    apps: frozenset[str] | None = None


class Owners:
    """The accounts there are, and the applications that clients of one dialect have: `made` has those of accounts."""

    def __init__(
        self,
        accounts: Mapping[str, Account],
        apps: Sequence[App] = (),
        now: Callable[[], float] = time.monotonic,
        *,
        made: MadeApps | None = None,
        dialect: str = "",
    ) -> None:
        self._accounts = {email.casefold(): account for email, account in accounts.items()}
        self._apps = apps
        self._now = now
        self._made, self._dialect = made, dialect
        self._failures: dict[str, tuple[int, float]] = {}  # how many, and since when
        self._comparing = asyncio.Semaphore(AT_ONCE)

    async def execute(self, op: Operation, email: str, password: str) -> Result:
        """Raises GatewayError: UNAUTHORIZED, RATE_LIMITED, OBJECT_NOT_FOUND, UNSUPPORTED and what `made` raises."""
        email = email.casefold()
        account = await self._identify(email, password)
        if isinstance(op, CreateApp):
            return Result(app=await self._store().create(self._dialect, email, op))
        own = {app.app_id: app for app in self._apps if account.apps is None or app.name in account.apps}
        made = {each.app.app_id: each for each in await self._made_by(email, account)}
        if isinstance(op, FindApps):
            return Result(apps=[*own.values(), *(each.app for each in made.values())])
        assert isinstance(op, GetApp | UpdateApp), "there are no others"
        if op.id not in own and op.id not in made:
            raise GatewayError(Code.OBJECT_NOT_FOUND, "there is no such application", id=op.id)
        if isinstance(op, GetApp):
            return Result(app=own[op.id] if op.id in own else made[op.id].app)
        store = self._store()
        if op.id in own:
            raise GatewayError(Code.UNSUPPORTED, "this application is changed in the gateway's configuration")
        return Result(app=await store.update(made[op.id], op))

    async def look_for(self, app_id: str) -> None:
        """An application that another gateway has made just now is served here, too. Raises GatewayError."""
        if self._made is not None:
            await self._made.look_for(self._dialect, app_id)

    def _store(self) -> MadeApps:
        if self._made is None:
            raise GatewayError(Code.UNSUPPORTED, "applications are made and changed in the gateway's configuration")
        return self._made

    async def _made_by(self, email: str, account: Account) -> list[MadeApp]:
        """Those that an account may ask for."""
        every = [] if self._made is None else await self._made.of(self._dialect)
        return [each for each in every if account.apps is None or each.owner == email or each.name in account.apps]

    async def _identify(self, email: str, password: str) -> Account:
        account = self._accounts.get(email)
        counted = email if account is not None else ""
        count, since = self._failures.get(counted, (0, self._now()))
        if self._now() >= since + LOCKED_FOR:
            count, since = 0, self._now()
        if count >= MOST_FAILURES:
            raise GatewayError(Code.RATE_LIMITED, "too many failed log-ins; try again later")
        # counted beforehand, as others may be tried at the same time
        self._failures[counted] = (count + 1, since)
        kept = NOBODY if account is None else account.password
        async with self._comparing:
            right = await asyncio.to_thread(verifies, password[:LONGEST_PASSWORD], kept)
        if account is None or not right or len(password) > LONGEST_PASSWORD:
            raise GatewayError(Code.UNAUTHORIZED, "unauthorized")
        self._failures.pop(counted, None)
        return account
