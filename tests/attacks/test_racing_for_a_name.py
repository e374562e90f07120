"""Two requests at once, for one thing that there is once."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from tests.attacks.town import DIALECTS, Answer, Town


def told(answers: list[Answer]) -> Counter[bool]:
    assert all(answer.status < 500 for answer in answers), answers
    return Counter(answer.status < 300 for answer in answers)


@pytest.mark.parametrize("field", ["username", "email"])
async def test_one_of_many_gets_a_name(field: str, town: Town) -> None:
    def wanted(at: int) -> dict[str, Any]:
        return {
            "username": f"user{at}",
            "password": f"p{at}",
            field: "Wanted@example.com" if at % 2 else "wanted@example.com",
        }

    answers = await asyncio.gather(*(town.ask(DIALECTS[at % 2], "POST", "/users", wanted(at)) for at in range(8)))
    assert told(answers) == {True: 1, False: 7}
    users = (await town.as_master("parse", "GET", "/users"))["results"]
    sessions = (await town.as_master("parse", "GET", "/sessions"))["results"]
    assert sorted(user["objectId"] for user in users) == sorted({each["user"]["objectId"] for each in sessions})
    assert len(users) == 3


async def test_one_of_many_takes_a_name_over(town: Town) -> None:
    people = [await town.sign_up(f"user{at}") for at in range(4)]
    answers = await asyncio.gather(
        *(town.ask("parse", "PUT", f"/users/{who.id}", {"username": "wanted"}, who=who) for who in people)
    )
    assert told(answers) == {True: 1, False: 3}
    # who lost can still log in, and the winner's old name is free
    names = [user["username"] for user in (await town.as_master("parse", "GET", "/users"))["results"]]
    assert sorted(names) == sorted({*names})
    lost = next(who for who, answer in zip(people, answers, strict=True) if answer.status >= 300)
    back = await town.ask("parse", "POST", "/login", {"username": lost.name, "password": f"{lost.name}'s password"})
    assert back.body["objectId"] == lost.id


async def test_one_of_many_links_an_account_of_elsewhere(town: Town) -> None:
    people = [await town.sign_up(f"user{at}") for at in range(4)]
    linked = {"authData": {"github": {"id": "wanted"}}}
    answers = await asyncio.gather(*(town.ask("parse", "PUT", f"/users/{who.id}", linked, who=who) for who in people))
    assert told(answers) == {True: 1, False: 3}


async def test_who_comes_from_elsewhere_many_times_at_once_is_one_user(town: Town) -> None:
    body = {"authData": {"github": {"id": "new"}}}
    answers = await asyncio.gather(*(town.ask("parse", "POST", "/users", body) for _ in range(6)))
    assert all(answer.status < 500 for answer in answers)
    assert len({answer.body["objectId"] for answer in answers if answer.status < 300}) == 1


async def test_one_of_many_makes_a_role(town: Town) -> None:
    role = {"name": "Wanted", "ACL": {"*": {"read": True}}}
    answers = await asyncio.gather(*(town.ask(DIALECTS[at % 2], "POST", "/roles", role) for at in range(8)))
    assert told(answers) == {True: 1, False: 7}


async def test_guesses_at_once_are_no_way_around_the_lock(town: Town) -> None:
    guesses = [*(f"guess {at}" for at in range(20)), "victim's password"]
    answers = await asyncio.gather(
        *(town.ask("parse", "POST", "/login", {"username": "victim", "password": guess}) for guess in guesses)
    )
    assert answers[-1].status >= 400
    wrong = [answer for answer in answers if "Invalid username/password" in answer.text]
    assert len(wrong) <= 6 + 2  # two are checked at a time
