"""The people whose applications these are, and what they may ask: accounts and applications are the configuration's.

An account that there is none of takes as long to refuse as a wrong password. Failures are counted in each process, by
the account that was tried; those of accounts that there are none of count together.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.errors import Code, GatewayError
from gateway.model.operation import Operation, Result
from gateway.model.owners import App, FindApps, GetApp
from gateway.store.passwords import NOBODY, verifies

MOST_FAILURES: Final = 10
LOCKED_FOR: Final = 15 * 60.0
LONGEST_PASSWORD: Final = 1000
AT_ONCE: Final = 2
"""Passwords that are compared at the same time; each takes tens of milliseconds, and 19 MiB."""


@dataclass(frozen=True, slots=True, repr=False)  # no repr: it holds a password, as it is kept
class Account:
    """`apps` are the names of its applications; None is all of them."""

    password: str
    apps: frozenset[str] | None = None


class Owners:
    """The accounts there are, and the applications that clients of one dialect have."""

    def __init__(
        self, accounts: Mapping[str, Account], apps: Sequence[App] = (), now: Callable[[], float] = time.monotonic
    ) -> None:
        self._accounts = {email.casefold(): account for email, account in accounts.items()}
        self._apps = apps
        self._now = now
        self._failures: dict[str, tuple[int, float]] = {}  # how many, and since when
        self._comparing = asyncio.Semaphore(AT_ONCE)

    async def execute(self, op: Operation, email: str, password: str) -> Result:
        """Raises GatewayError: UNAUTHORIZED, RATE_LIMITED, OBJECT_NOT_FOUND, UNSUPPORTED."""
        account = await self._identify(email.casefold(), password)
        apps = [app for app in self._apps if account.apps is None or app.name in account.apps]
        match op:
            case FindApps():
                return Result(apps=apps)
            case GetApp(id=known):
                found = next((app for app in apps if app.app_id == known), None)
                if found is None:
                    raise GatewayError(Code.OBJECT_NOT_FOUND, "there is no such application", id=known)
                return Result(app=found)
        raise GatewayError(Code.UNSUPPORTED, "applications are made and changed in the gateway's configuration")

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
