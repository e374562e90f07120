"""Statistics that are somebody else's, and what leaderboards tell of who is in them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.attacks.town import EMAIL, PHONE, Town


@pytest.fixture
async def board(town: Town) -> Town:
    for name, member_type in (("world", "_User"), ("letters", "Letter"), ("places", "_Entity")):
        made = {"statisticName": name, "memberType": member_type, "versionChangeInterval": "never"}
        await town.as_master("leancloud", "POST", "/leaderboard/leaderboards", made)
    ids = {"users": town.victim.id, "objects": town.letter, "entities": "rome"}
    for (kind, id_), name in zip(ids.items(), ("world", "letters", "places"), strict=True):
        path = f"/leaderboard/{kind}/{id_}/statistics"
        await town.as_master("leancloud", "POST", path, [{"statisticName": name, "statisticValue": 5}])
    return town


async def standings(town: Town) -> str:
    """All of it, as the master sees it."""
    paths = (*(f"/{path}/ranks" for path in ("user/world", "object/letters", "entity/places")), "")
    told = [await town.as_master("leancloud", "GET", f"/leaderboard/leaderboards{path}") for path in paths]
    return json.dumps(told)


def score(value: float, name: str = "world") -> list[dict[str, Any]]:
    return [{"statisticName": name, "statisticValue": value}]


async def test_nobody_writes_what_is_somebody_elses(board: Town) -> None:
    town, before = board, await standings(board)
    victim, letter = town.victim.id, town.letter
    sent: list[tuple[str, str, Any]] = [
        ("POST", f"/leaderboard/users/{victim}/statistics", score(0)),
        ("POST", f"/leaderboard/users/{victim}/statistics?overwrite=1", score(0)),
        ("POST", f"/leaderboard/users/{victim}%2F/statistics", score(9)),
        ("POST", "/leaderboard/users/self/statistics?overwrite=1", score(9)),
        ("POST", f"/leaderboard/objects/{victim}/statistics", score(9)),
        ("POST", f"/leaderboard/entities/{victim}/statistics", score(9)),
        ("POST", f"/leaderboard/objects/{letter}/statistics", score(9, "letters")),
        ("POST", f"/leaderboard/users/{letter}/statistics", score(9, "letters")),
        ("POST", "/leaderboard/entities/rome/statistics", score(9, "places")),
        ("POST", "/leaderboard/users/self/statistics", score(9, "letters")),
        ("POST", "/leaderboard/users/self/statistics", score(9, "places")),
        ("POST", "/leaderboard/users/self/statistics", [{**score(9)[0], "user": victim, "member": victim}, *score(9)]),
        ("DELETE", f"/leaderboard/users/{victim}/statistics?statistics=world", None),
        ("DELETE", f"/leaderboard/objects/{letter}/statistics?statistics=letters", None),
        ("DELETE", "/leaderboard/entities/rome/statistics?statistics=places", None),
        ("POST", "/leaderboard/leaderboards", {"statisticName": "mine", "order": "ascending"}),
        ("PUT", "/leaderboard/leaderboards/world", {"updateStrategy": "last"}),
        ("PUT", "/leaderboard/leaderboards/world/incrementVersion", None),
        ("DELETE", "/leaderboard/leaderboards/world", None),
        ("GET", "/leaderboard/leaderboards/world/archives", None),
        ("GET", "/leaderboard/leaderboards", None),
        ("POST", "/classes/@statistic", {"board": "x", "member": town.attacker.id, "key": -9, "value": 9}),
        ("GET", "/classes/@statistic", None),
        ("DELETE", "/classes/@leaderboard/world", None),
        ("GET", "/classes/@leaderboard", None),
    ]
    passed = []
    for who in (None, town.attacker):
        for method, path, body in sent:
            answer = await town.ask("leancloud", method, path, body, who=who)
            if not 400 <= answer.status < 500:
                passed.append((method, path, answer))
            if not isinstance(body, list):
                item = json.loads((await town.ask_in_batch("leancloud", method, path, body, who=who)).text)
                if not isinstance(item, dict) and "error" not in item[0]:
                    passed.append((method, path, item))
    assert passed == []
    assert await standings(town) == before


async def test_a_session_of_the_attacker_writes_for_the_attacker_alone(board: Town) -> None:
    town = board
    answer = await town.ask("leancloud", "POST", "/leaderboard/users/self/statistics", score(9), who=town.attacker)
    assert answer.status == 200
    ranks = json.loads(await standings(town))[0]["results"]
    assert [(one["user"]["objectId"], one["statisticValue"]) for one in ranks] == [
        (town.attacker.id, 9),
        (town.victim.id, 5),
    ]


KEYS = (
    "username,email,mobilePhoneNumber,authData,password,sessionToken,salt",
    "authData.github,authData.github.id,email.x",
    "*",
    "-email",
    "ACL",
    "_hashed_password,@owner,owner",
)


@pytest.mark.parametrize("keys", KEYS)
@pytest.mark.parametrize("spelling", ["selectKeys", "selectUserKeys", "selectMemberKeys", "includeUser", "includeKeys"])
async def test_what_is_hidden_of_users_and_objects_is_hidden_there(board: Town, spelling: str, keys: str) -> None:
    town = board
    paths = (
        f"/leaderboard/leaderboards/world/ranks?{spelling}={keys}",
        f"/leaderboard/leaderboards/user/world/ranks/{town.victim.id}?{spelling}={keys}",
        f"/leaderboard/leaderboards/object/letters/ranks?{spelling}={keys}",
        f"/leaderboard/leaderboards/object/letters/ranks?{spelling}=text,body,title,to,secret,from.email",
    )
    asked: list[tuple[str, str, Any]] = [("GET", path, None) for path in paths]
    asked.append(("POST", f"/leaderboard/users/statistics/world?{spelling}={keys}", [town.victim.id]))
    asked.append(("POST", f"/leaderboard/objects/statistics/letters?{spelling}=text,{keys}", [town.letter]))
    asked.append(("POST", f"/leaderboard/leaderboards/user/world/group/ranks?{spelling}={keys}", [town.victim.id]))
    told = []
    for who in (None, town.attacker):
        for method, path, body in asked:
            answer = await town.ask("leancloud", method, path, body, who=who)
            hidden = {*town.secrets, EMAIL, PHONE, "argon2"}
            if answer.status >= 500 or any(secret in answer.text for secret in hidden):
                told.append((path, answer))
    assert told == []
