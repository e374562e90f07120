"""Whether somebody has an account: not by what a log-in answers, and not by how much work it does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.store import passwords
from tests.attacks.town import DIALECTS, EMAIL, PHONE, Town

KNOWN_AND_NOT: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
    ({"username": "victim"}, {"username": "nobody"}),
    ({"username": "VICTIM"}, {"username": "nobody"}),
    ({"username": EMAIL}, {"username": "nobody@example.com"}),
    ({"email": EMAIL}, {"email": "nobody@example.com"}),
    ({"username": "victim", "email": EMAIL}, {"username": "nobody", "email": EMAIL}),
    ({"username": "victim", "email": EMAIL}, {"username": "nobody", "email": "nobody@example.com"}),
)
OF_LEANCLOUD = (({"mobilePhoneNumber": PHONE}, {"mobilePhoneNumber": "+15550999"}),)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("at", range(len(KNOWN_AND_NOT)))
async def test_a_log_in_tells_the_same_of_known_and_unknown(at: int, dialect: str, town: Town) -> None:
    known, unknown = KNOWN_AND_NOT[at]
    for wrong in ("wrong", "", " ", 0, False, {"$ne": 1}):
        told = [await town.ask(dialect, "POST", "/login", {**names, "password": wrong}) for names in (known, unknown)]
        assert told[0] == told[1], wrong
        assert 400 <= told[0].status < 500


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_lock_tells_the_same_of_known_and_unknown(dialect: str, town: Town) -> None:
    async def tries(name: str) -> list[Any]:
        body = {"username": name, "password": "wrong"}
        return [await town.ask(dialect, "POST", "/login", body) for _ in range(8)]

    known, unknown = await asyncio.gather(tries("victim"), tries("nobody"))
    assert known == unknown
    assert known[0] != known[7]  # it has come to a lock


async def test_the_number_is_not_told_either(town: Town) -> None:
    known, unknown = OF_LEANCLOUD[0]
    told = [await town.ask("leancloud", "POST", "/login", {**names, "password": "x"}) for names in (known, unknown)]
    assert told[0] == told[1]


async def test_an_unknown_user_costs_the_same_work(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[str] = []
    verifies = passwords.verifies

    def counting(password: str, kept: str) -> bool:
        counted.append(kept[:10])
        return verifies(password, kept)

    monkeypatch.setattr(passwords, "verifies", counting)  # the one place where time goes
    for username in ("victim", "nobody", "Nobody@example.com", "x" * 500):
        counted.clear()
        await town.ask("parse", "POST", "/login", {"username": username, "password": "wrong"})
        assert counted == ["$argon2id$"], username


async def test_asking_for_another_user_tells_no_more_than_asking_for_none(town: Town) -> None:
    for method, path in (("PUT", "/users/{}"), ("DELETE", "/users/{}")):
        told = [
            await town.ask("parse", method, path.format(id_), {} if method == "PUT" else None, who=town.attacker)
            for id_ in (town.victim.id, "nobody")
        ]
        assert told[0].status == told[1].status
        assert told[0].body["code"] == told[1].body["code"]
