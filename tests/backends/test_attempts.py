"""Failures are counted by the name that was tried, whoever has it, and by all processes together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.backends.accounts import Policy
from gateway.backends.attempts import ATTEMPT
from gateway.errors import Code
from gateway.model.account import LogIn
from gateway.model.operation import Caller, Find, Update
from gateway.model.update import Set
from gateway.store.sqlite import SqliteStore
from tests.backends.test_accounts import GATEWAY, Town, set_to
from tests.store.test_passwords import BCRYPT, LEANCLOUD

FAILS, LOCKED = Code.BAD_CREDENTIALS, Code.ACCOUNT_LOCKED


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(tmp_path / "town.db", secret=b"secret")
    yield store
    await store.close()


def wrong(*, username: str | None = None, email: str | None = None, phone: str | None = None) -> LogIn:
    return LogIn(username=username, email=email, phone=phone, password="wrong")


async def kept(store: SqliteStore) -> int:
    return len((await store.execute(Find(class_name=ATTEMPT, limit=1000), GATEWAY)).objects or [])


async def test_a_name_that_nobody_has_locks_as_any_other(store: SqliteStore) -> None:
    town = Town(store)
    await town.sign_up("tom", email="tom@example.com", mobilePhoneNumber="+1555")
    tries = (
        {"username": "tom"},
        {"username": "nobody"},
        {"email": "tom@example.com"},
        {"email": "nobody@example.com"},
        {"phone": "+1555"},
        {"phone": "+1666"},
        {"username": "Ann", "email": "ann@example.com"},
    )
    for names in tries:
        assert [await town.refused(wrong(**names)) for _ in range(8)] == [FAILS] * 6 + [LOCKED] * 2, names


async def test_spellings_of_one_name_are_counted_together(store: SqliteStore) -> None:
    town = Town(store)
    for tried in (wrong(username="Tom@example.com"), wrong(email="tom@EXAMPLE.com")) * 3:
        assert await town.refused(tried) is FAILS
    assert await town.refused(wrong(username="TOM@example.com")) is LOCKED


async def test_all_processes_count_together(store: SqliteStore) -> None:
    here, there = Town(store), Town(store)
    told = [await town.refused(wrong(username="tom")) for town in (here, there) * 4]
    assert told == [FAILS] * 6 + [LOCKED] * 2


async def test_guesses_at_once_get_no_more_tries(store: SqliteStore) -> None:
    town = Town(store)
    await town.sign_up("tom")
    told = await asyncio.gather(*(town.refused(wrong(username="tom")) for _ in range(20)))
    assert 6 <= told.count(FAILS) <= 7  # two passwords are looked at at a time
    assert told.count(FAILS) + told.count(LOCKED) == 20


async def test_what_is_over_is_taken_away(store: SqliteStore) -> None:
    town = Town(store)
    for at in range(30):
        assert await town.refused(wrong(username=f"nobody{at}")) is FAILS
    assert await kept(store) == 30
    town.now += 900
    for at in range(15):
        assert await town.refused(wrong(username=f"other{at}")) is FAILS
    assert await kept(store) == 15
    names = str((await store.execute(Find(class_name=ATTEMPT, limit=1000), GATEWAY)).objects)
    assert "other" not in names  # of the names there is a digest only


async def test_a_new_password_unlocks(store: SqliteStore) -> None:
    town = Town(store)
    tom, caller = await town.sign_up("tom", email="tom@example.com")
    for _ in range(6):
        assert await town.refused(wrong(username="tom")) is FAILS
        assert await town.refused(wrong(email="tom@example.com")) is FAILS
    assert await town.refused(wrong(username="tom")) is LOCKED
    await town.do(set_to(tom, password="new"), caller)
    await town.log_in("tom", "new")
    assert (await town.do(LogIn(email="tom@example.com", password="new"))).id == tom


async def test_one_name_of_several_counts_alone_where_that_is_asked_for(store: SqliteStore) -> None:
    town = Town(store)
    tom, _ = await town.sign_up("tom", email="tom@example.com")
    for email in ("tom@example.com", "nobody@example.com"):
        assert (await town.do(LogIn(username="tom", email=email, password="secret", one_name=True))).id == tom
    nobody = LogIn(username="nobody", email="tom@example.com", password="secret", one_name=True)
    assert await town.refused(nobody) is FAILS
    assert (await town.do(LogIn(email="tom@example.com", phone="+1", password="secret", one_name=True))).id == tom
    assert await town.refused(LogIn(password="secret", one_name=True)) is Code.USERNAME_MISSING


async def test_a_password_that_was_changed_while_it_was_looked_at_is_not_undone(store: SqliteStore) -> None:
    """An outdated form is kept anew at a log-in; not over what somebody else has written meanwhile."""
    town = Town(store)
    tom, _ = await town.sign_up("tom")
    await store.execute(Update(class_name="@credential", id=tom, changes={"kept": Set(BCRYPT)}), GATEWAY)
    log_ins = [town.do(LogIn(username="tom", password="password")) for _ in range(4)]
    change = town.do(set_to(tom, password="new"), Caller("demo", master=True))
    await asyncio.gather(*log_ins, change, return_exceptions=True)
    assert (await town.do(LogIn(username="tom", password="new"))).id == tom
    assert await town.refused(LogIn(username="tom", password="password")) is FAILS


async def test_a_failure_takes_the_same_time_in_whatever_form_the_password_is_kept(store: SqliteStore) -> None:
    town = Town(store, Policy(failure_takes=1.0, failures_until_locked=100))
    for name, form in {"bcrypt": BCRYPT, "sha512": LEANCLOUD, "argon": None}.items():
        id_, _ = await town.sign_up(name)
        if form is not None:
            await store.execute(Update(class_name="@credential", id=id_, changes={"kept": Set(form)}), GATEWAY)

    async def takes(name: str) -> float:
        started = time.monotonic()
        assert await town.refused(wrong(username=name)) is FAILS
        return time.monotonic() - started

    names = ("bcrypt", "sha512", "argon", "nobody")
    # a machine that is busy makes one of them late, and hardly all
    rounds = [await asyncio.gather(*map(takes, names)) for _ in range(3)]
    for name, took in zip(names, zip(*rounds, strict=True), strict=True):
        assert 1.0 <= min(took) < 1.5, name
