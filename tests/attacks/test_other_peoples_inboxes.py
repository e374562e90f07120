"""Statuses, inboxes and friends of others: read, forged and changed by every way in that a client has."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.attacks.town import DIALECTS, MASTERS, SECRET, Answer, Person, Town, pointer, where

LC = "leancloud"


async def private_status(town: Town, sender: Person, reader: Person) -> str:
    body = {
        "query": {"className": "_User", "where": {"objectId": reader.id}},
        "data": {"message": SECRET},
        "inboxType": "private",
    }
    made = await town.ask(LC, "POST", "/statuses", body, who=sender)
    assert made.status == 201, made
    return str(made.body["objectId"])


def inbox(path: str, owner: Person, **more: Any) -> str:
    told = {"owner": json.dumps(pointer("_User", owner.id)), "inboxType": "private", **more}
    return f"/subscribe/statuses{path}?" + "&".join(f"{name}={quote(str(value))}" for name, value in told.items())


async def inbox_of(town: Town, owner: Person) -> Any:
    return (await town.ask(LC, "GET", inbox("", owner), who=owner)).body["results"]


def reads(status: str, note: str) -> list[tuple[str, str]]:
    return [
        *((dialect, f"/classes/_Status/{status}") for dialect in DIALECTS),
        *((dialect, where("/classes/_Status", {"message": SECRET})) for dialect in DIALECTS),
        *((dialect, where("/classes/_Status", {}, order="-createdAt", keys="message")) for dialect in DIALECTS),
        *((dialect, f"/classes/Note/{note}?include=status") for dialect in DIALECTS),
        *((dialect, where("/classes/Note", {}, include="status")) for dialect in DIALECTS),
        *((dialect, where("/classes/Note", {}, redirectClassNameForKey="status")) for dialect in DIALECTS),
        (LC, f"/statuses/{status}"),
        (LC, where("/statuses", {"objectId": status})),
        (LC, "/cloudQuery?cql=" + quote("select * from _Status")),
        (LC, "/scan/classes/_Status"),
    ]


@pytest.mark.parametrize("logged_in", [True, False])
async def test_a_private_status_is_read_by_no_way(town: Town, logged_in: bool) -> None:
    status = await private_status(town, town.victim, town.victim)
    link = {"status": pointer("_Status", status), "text": "mine"}
    note = (await town.ask("parse", "POST", "/classes/Note", link, who=town.attacker)).body["objectId"]
    who = town.attacker if logged_in else None
    for dialect, path in reads(status, note):
        for ask in (town.ask, town.ask_in_batch):
            answer: Answer = await ask(dialect, "GET", path, who=who)
            assert not town.leaks(answer), path


async def test_no_condition_tells_what_a_private_status_says(town: Town) -> None:
    status = await private_status(town, town.victim, town.victim)
    link = {"status": pointer("_Status", status)}
    await town.ask("parse", "POST", "/classes/Note", link, who=town.attacker)
    for guess in (SECRET, "another guess"):
        inside = {"className": "_Status", "where": {"message": guess}}
        for dialect in DIALECTS:
            for path in (
                where("/classes/_Status", {"message": guess}, count=1, limit=0),
                where("/classes/Note", {"status": {"$inQuery": inside}}, count=1, limit=0),
                where("/classes/Note", {"status.message": guess}, count=1, limit=0),
            ):
                assert (await town.ask(dialect, "GET", path, who=town.attacker)).body.get("count", 0) == 0


async def test_an_inbox_is_its_owners(town: Town) -> None:
    await private_status(town, town.attacker, town.victim)
    before = await inbox_of(town, town.victim)
    assert [status["message"] for status in before] == [SECRET]
    found = await town.ask(LC, "GET", inbox("", town.victim, include="source"), who=town.attacker)
    assert found.body == {"results": [], "end": False}
    counted = await town.ask(LC, "GET", inbox("/count", town.victim), who=town.attacker)
    assert counted.body == {"total": 0, "unread": 0}
    assert (await town.ask(LC, "GET", inbox("", town.victim))).status == 400
    for method, path in (
        ("DELETE", inbox("/inbox", town.victim, messageId=1)),
        ("POST", inbox("/resetUnreadCount", town.victim)),
    ):
        for who in (town.attacker, None):
            await town.ask(LC, method, path, who=who)
    assert await inbox_of(town, town.victim) == before
    unread = await town.ask(LC, "GET", inbox("/count", town.victim), who=town.victim)
    assert unread.body == {"total": 1, "unread": 1}


async def test_nobody_speaks_in_the_name_of_another(town: Town) -> None:
    query = {"className": "_User", "where": {"objectId": town.victim.id}}
    victim = pointer("_User", town.victim.id)
    for body in (
        {"query": query, "data": {"message": "x", "source": victim}},
        {"query": query, "data": {"message": "x"}, "source": victim},
        {"query": query, "data": {"message": "x", "source": {"__op": "Delete"}}, "source": victim},
        {"query": query, "data": {"message": "x", "source.objectId": "x"}, "source": victim},
        {"query": query, "data": {"message": "x", "ACL": {"*": {"read": True, "write": True}}}},
    ):
        for ask in (town.ask, town.ask_in_batch):
            answer = await ask(LC, "POST", "/statuses", body, who=town.attacker)
            assert "objectId" not in answer.text, body
    assert await inbox_of(town, town.victim) == []
    found = await town.as_master(LC, "GET", "/statuses")
    assert found["results"] == []


async def test_nobody_follows_or_befriends_in_the_name_of_another(town: Town) -> None:
    one, other = town.victim.id, town.attacker.id
    asked = {"user": pointer("_User", one), "friend": pointer("_User", other)}
    for ask in (town.ask, town.ask_in_batch):
        for who in (town.attacker, None):
            for method, path, body in (
                ("POST", f"/users/{one}/friendship/{other}", {}),
                ("DELETE", f"/users/{one}/friendship/{other}", None),
                ("PUT", f"/users/{one}/friendship/{other}", {"friendship": {"x": 1}}),
                ("POST", "/users/friendshipRequests", asked),
            ):
                answer = await ask(LC, method, path, body, who=who)
                assert answer.text != "{}", path
                assert "objectId" not in answer.text, path
    for class_name in ("_Followee", "_Follower", "_FriendshipRequest"):
        found = await town.send(LC, "GET", f"/classes/{class_name}", headers=MASTERS[LC])
        assert found.status == 404 or found.body["results"] == []


async def test_who_asks_does_not_answer(town: Town) -> None:
    body = {"user": pointer("_User", town.attacker.id), "friend": pointer("_User", town.victim.id)}
    made = await town.ask(LC, "POST", "/users/friendshipRequests", body, who=town.attacker)
    id_ = made.body["objectId"]
    for dialect in DIALECTS:
        for method, path, change in (
            ("PUT", f"/users/friendshipRequests/{id_}/accept", {}),
            ("PUT", f"/classes/_FriendshipRequest/{id_}", {"status": "accepted"}),
            ("POST", "/classes/_Followee", {"user": body["friend"], "followee": body["user"], "friendStatus": True}),
        ):
            assert (await town.ask(dialect, method, path, change, who=town.attacker)).status >= 400, path
    found = await town.as_master(LC, "GET", "/classes/_FriendshipRequest")
    assert [request["status"] for request in found["results"]] == ["pending"]
    friends = await town.ask(LC, "GET", "/users/self/friends", who=town.attacker)
    assert friends.body["results"] == []


async def test_whom_somebody_follows_and_blocks_strangers_do_not_see(town: Town) -> None:
    third = await town.sign_up("third")
    await town.ask(LC, "POST", f"/users/{town.victim.id}/friendship/{third.id}", {"note": SECRET}, who=town.victim)
    await town.ask(LC, "POST", f"/users/self/friendBlocklist/{third.id}", who=town.victim)
    for path in (
        f"/users/{town.victim.id}/followees",
        f"/users/{third.id}/followers",
        f"/users/{town.victim.id}/followersAndFollowees?count=1",
        f"/users/{town.victim.id}/friends",
        "/users/self/friendBlocklist",
        "/classes/_Followee",
        "/classes/_Follower",
        "/classes/_Blocklist",
    ):
        for who in (town.attacker, None):
            answer = await town.ask(LC, "GET", path, who=who)
            assert not town.leaks(answer), path
            assert third.id not in answer.text, path
