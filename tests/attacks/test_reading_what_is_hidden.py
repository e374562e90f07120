"""Fields of others, private classes and objects that an ACL hides: asked for by every way that a query has.

Two things are never told: the value itself, and whether a guess at it was right.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.attacks.town import DIALECTS, EMAIL, KEYS, MASTERS, PHONE, PROVIDER_ID, SECRET, Town, pointer, where

Guess = Callable[[Town, str], str]
"""A path with a guess in it: the same answer must come for a right one as for a wrong one."""


def about_users(condition: Callable[[str], Any], **parameters: Any) -> Guess:
    return lambda town, guess: where("/classes/_User", condition(guess), **parameters)


def about_notes(condition: Callable[[str], Any], **parameters: Any) -> Guess:
    return lambda town, guess: where("/classes/Note", condition(guess), **parameters)


def inside(class_name: str, condition: Any) -> Any:
    return {"$inQuery": {"className": class_name, "where": condition}}


def starts(guess: str) -> Any:
    return {"$regex": "^" + guess.replace("+", r"\+")}


def term(guess: str) -> Any:
    return {"$text": {"$search": {"$term": guess}}}


def searched(class_name: str, query: str, **parameters: str) -> Guess:
    """`query` has a place for the guess."""
    more = "".join(f"&{name}={quote(value)}" for name, value in parameters.items())
    return lambda town, guess: f"/search/select?clazz={class_name}&q={quote(query.format(guess))}{more}"


GUESSES: dict[str, tuple[str, Guess]] = {
    "the address, by its words": (EMAIL, about_users(lambda guess: {"email": term(guess)})),
    "the address, by its words, the best first": (EMAIL, about_users(lambda g: {"email": term(g)}, order="$score")),
    "the address, by its words, in $or": (EMAIL, about_users(lambda g: {"$or": [{"email": term(g)}, {"n": 5}]})),
    "what another service knows, by its words": (PROVIDER_ID, about_users(lambda g: {"authData": term(g)})),
    "the address, searched": (EMAIL, searched("_User", '"{}"')),
    "the address, searched in its field": (EMAIL, searched("_User", 'email:"{}"')),
    "the address, searched in some fields": (EMAIL, searched("_User", '"{}"', fields="email,username")),
    "the address, marked": (EMAIL, searched("_User", '"{}" victim', highlights="*")),
    "the address, not to be there": (EMAIL, searched("_User", 'victim -"{}"')),
    "what another service knows, searched": (PROVIDER_ID, searched("_User", '"{}"')),
    "the number, searched": (PHONE, searched("_User", '"{}"')),
    "the text, searched": (SECRET, searched("Letter", '"{}"', highlights="*")),
    "the text, by its words": (SECRET, lambda town, guess: where("/classes/Letter", {"text": term(guess)}, count=1)),
    "the text, by its words in a subquery": (
        SECRET,
        about_notes(lambda g: {"letter": inside("Letter", {"text": term(g)})}),
    ),
    "the token, searched": ("VICTIM'S TOKEN", searched("_Session", '"{}"')),
    "the token, by its words": (
        "VICTIM'S TOKEN",
        lambda town, guess: where("/classes/_Session", {"sessionToken": term(guess)}),
    ),
    "the token, in a private class": ("VICTIM'S TOKEN", searched("%40token", '"{}"')),
    "the address": (EMAIL, about_users(lambda guess: {"email": guess})),
    "the address, counted": (EMAIL, about_users(lambda guess: {"email": guess}, count=1, limit=0)),
    "the address, by a pattern": (EMAIL[:3], about_users(lambda guess: {"email": starts(guess)})),
    "the address, in $or": (EMAIL, about_users(lambda guess: {"$or": [{"email": guess}, {"n": 5}]})),
    "the address, in $and": (EMAIL, about_users(lambda guess: {"$and": [{"email": guess}, {"n": 5}]})),
    "the address, by order": (EMAIL, about_users(lambda guess: {"email": {"$lt": guess}}, order="email")),
    "the address, in $in": (EMAIL, about_users(lambda guess: {"email": {"$in": [guess]}})),
    "the number": (PHONE, about_users(lambda guess: {"mobilePhoneNumber": guess})),
    "what another service knows": (PROVIDER_ID, about_users(lambda guess: {"authData.github.id": guess})),
    "what another service knows, deeper": (PROVIDER_ID, about_users(lambda g: {"authData.github": {"id": g}})),
    "the address, of a pointer": (EMAIL, about_notes(lambda guess: {"to.email": guess})),
    "the address, of an included pointer": (EMAIL, about_notes(lambda g: {"to.email": g}, include="to")),
    "the address, in a subquery": (EMAIL, about_notes(lambda guess: {"to": inside("_User", {"email": guess})})),
    "the address, in a subquery below": (
        EMAIL,
        about_notes(lambda guess: {"to": inside("_User", {"objectId": {"$exists": True}, "$or": [{"email": guess}]})}),
    ),
    "the address, by $select of the name": (
        EMAIL[:3],
        about_notes(
            lambda guess: {
                "name": {
                    "$select": {"query": {"className": "_User", "where": {"email": starts(guess)}}, "key": "username"}
                }
            }
        ),
    ),
    "the address, through the field's own class": (
        EMAIL,
        about_notes(lambda guess: {"email": guess}, redirectClassNameForKey="to"),
    ),
    "the address, of one's own sessions": (
        EMAIL[:3],
        lambda town, guess: where(
            "/classes/_Session",
            {
                "note": {
                    "$select": {"query": {"className": "_User", "where": {"email": starts(guess)}}, "key": "username"}
                }
            },
        ),
    ),
    "the address, of a role's members": (
        EMAIL,
        lambda town, guess: where("/roles", {"users": inside("_User", {"email": guess})}),
    ),
    "the text": (SECRET, lambda town, guess: where("/classes/Letter", {"text": guess})),
    "the text, counted": (SECRET, lambda town, guess: where("/classes/Letter", {"text": guess}, count=1)),
    "the text, in a subquery": (SECRET, about_notes(lambda guess: {"letter": inside("Letter", {"text": guess})})),
    "the text, of a pointer": (SECRET, about_notes(lambda guess: {"letter.text": guess})),
    "the text, outside of a subquery": (
        SECRET,
        about_notes(lambda guess: {"letter": {"$notInQuery": {"className": "Letter", "where": {"text": guess}}}}),
    ),
    "the text, by $select": (
        SECRET,
        about_notes(
            lambda guess: {"n": {"$select": {"query": {"className": "Letter", "where": {"text": guess}}, "key": "n"}}}
        ),
    ),
    "the token": ("VICTIM'S TOKEN", lambda town, guess: where("/classes/_Session", {"sessionToken": guess})),
    "the token, in a subquery": (
        "VICTIM'S TOKEN",
        about_notes(lambda guess: {"session": inside("_Session", {"sessionToken": guess})}),
    ),
    "the token, counted": (
        "VICTIM'S TOKEN",
        lambda town, guess: where("/classes/_Session", {"sessionToken": guess}, count=1, limit=0),
    ),
}


async def prepare(town: Town) -> None:
    """The attacker's own object, which points at everything."""
    sessions = (await town.as_master("parse", "GET", "/sessions"))["results"]
    of_victim = next(session for session in sessions if session["user"]["objectId"] == town.victim.id)
    own = next(session for session in sessions if session["user"]["objectId"] == town.attacker.id)
    note = {
        "to": pointer("_User", town.victim.id),
        "letter": pointer("Letter", town.letter),
        "session": pointer("_Session", of_victim["objectId"]),
        "list": [pointer("_User", town.victim.id), pointer("Letter", town.letter)],
        "name": "victim",
        "n": 1,
    }
    made = await town.ask("parse", "POST", "/classes/Note", note, who=town.attacker)
    assert made.status == 201, made
    marks = {"note": "victim", "to": pointer("_User", town.victim.id), "letter": pointer("Letter", town.letter)}
    marked = await town.ask("parse", "PUT", f"/sessions/{own['objectId']}", marks, who=town.attacker)
    assert marked.status == 200, marked


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_right_guess_is_answered_like_a_wrong_one(dialect: str, town: Town) -> None:
    await prepare(town)
    told = []
    for name, (right, path) in GUESSES.items():
        guesses = (town.victim.token if right == "VICTIM'S TOKEN" else right, "zzzz")
        for who, ask in ((who, ask) for who in (town.attacker, None) for ask in (town.ask, town.ask_in_batch)):
            answers = [await ask(dialect, "GET", path(town, guess), who=who) for guess in guesses]
            faults = {answer.status for answer in answers if answer.status >= 500}
            same = [answer.text.replace(guesses[0], "").replace("zzzz", "") for answer in answers]
            if faults or same[0] != same[1]:
                told.append((name, who is not None, *answers))
    assert told == []


READS = (
    "/users/{victim}",
    "/users/{victim}?include=*",
    "/users/{victim}?keys=email",
    "/users/{victim}?keys=email,authData,mobilePhoneNumber,sessionToken,password,_hashed_password",
    "/classes/_User/{victim}",
    "/classes/_User/{victim}?keys=authData.github",
    "/classes/_User",
    "/classes/_User?order=email",
    "/classes/_User?order=-authData.github.id",
    "/classes/_User?keys=email&limit=5",
    "/classes/Note?include=to",
    "/classes/Note?include=to,letter,session,list",
    "/classes/Note?include=*",
    "/classes/Note?keys=to.email",
    "/classes/Note?keys=to.authData,letter.text,session.sessionToken&include=to,letter,session",
    "/classes/Note?redirectClassNameForKey=to",
    "/classes/Note?redirectClassNameForKey=session",
    "/classes/Note?redirectClassNameForKey=letter",
    "/classes/Note?order=to.email",
    "/classes/Letter",
    "/classes/Letter?count=1",
    "/classes/Letter/{letter}",
    "/sessions",
    "/sessions?include=user,to,letter",
    "/classes/_Session?include=to,letter,user",
    "/sessions/me?include=to",
    "/roles?include=*",
    "/classes/_Role",
    "/search/select?clazz=_User&q=*&highlights=*",
    "/search/select?clazz=Letter&q=*&highlights=*",
    "/search/select?clazz=_Session&q=*&highlights=*",
    "/search/select?clazz=Note&q=*&include=to,letter,session",
    "/search/select?clazz=%40credential&q=*",
    "/scan/classes/_User",
    "/scan/classes/Letter",
    "/scan/classes/_Session",
    "/classes/@credential",
    "/classes/%40credential",
    "/classes/@token",
    "/classes/@identity/username:victim",
    "/classes/%40credential/{victim}",
    "/classes/_Password",
    "/classes/_User?where=" + quote(json.dumps({"$relatedTo": {"object": pointer("@token", "x"), "key": "user"}})),
)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_no_answer_holds_a_secret(dialect: str, town: Town) -> None:
    await prepare(town)
    told = []
    for read in READS:
        path = read.format(victim=town.victim.id, letter=town.letter) if "where=" not in read else read
        for who, ask in ((who, ask) for who in (town.attacker, None) for ask in (town.ask, town.ask_in_batch)):
            answer = await ask(dialect, "GET", path, who=who)
            if town.leaks(answer) or answer.status >= 500:
                told += [(path, who is not None, answer)]
    assert told == []


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_guesses_are_not_compared_with_what_is_hidden(dialect: str, town: Town) -> None:
    for guess in (EMAIL, PHONE, PROVIDER_ID, "zzzz"):
        await town.ask("parse", "POST", "/classes/Guess", {"guess": guess}, who=town.attacker)
    for key in ("email", "mobilePhoneNumber", "authData", "authData.github.id", "owner.email"):
        for operator, right in (("$select", 0), ("$dontSelect", 4)):
            query = {"guess": {operator: {"query": {"className": "_User", "where": {}}, "key": key}}}
            answer = await town.ask(dialect, "GET", where("/classes/Guess", query), who=town.attacker)
            assert answer.status >= 400 or len(answer.body["results"]) == right, (key, operator, answer)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("class_name", ["@credential", "@x"])
async def test_a_private_class_cannot_be_named(class_name: str, dialect: str, town: Town) -> None:
    reference, name = pointer(class_name, town.victim.id), quote(class_name)
    sent: list[tuple[str, str, Any]] = [
        ("POST", f"/classes/{name}", {"kept": "x"}),
        ("PUT", f"/classes/{name}/{town.victim.id}", {"kept": "x"}),
        ("DELETE", f"/classes/{name}/{town.victim.id}", None),
        ("GET", f"/classes/{name}/{town.victim.id}", None),
        ("GET", f"/classes/{name}", None),
        ("GET", f"/scan/classes/{name}", None),
        ("POST", "/classes/Note", {"p": reference}),
        ("POST", "/classes/Note", {"r": {"__op": "AddRelation", "objects": [reference]}}),
        ("POST", "/roles", {"name": "r", "ACL": {}, "users": {"__op": "AddRelation", "objects": [reference]}}),
        ("PUT", f"/users/{town.attacker.id}", {"p": reference}),
        ("POST", "/classes/Note", {"r": {"__type": "Relation", "className": class_name}}),
        ("GET", where("/classes/Letter", {"$relatedTo": {"object": reference, "key": "owner"}}), None),
        ("GET", where("/classes/Letter", {"by": {"$inQuery": {"className": class_name, "where": {}}}}), None),
        ("GET", where("/classes/Letter", {"by": {"$notInQuery": {"className": class_name, "where": {}}}}), None),
        ("GET", where("/classes/Letter", {"by": reference}), None),
    ]
    before = await town.everything()
    told = []
    for method, path, body in sent:
        answer = await town.ask(dialect, method, path, body, who=town.attacker)
        found = answer.body.get("results") or answer.body.get("objectId") if answer.status < 400 else None
        if found or answer.status >= 500 or town.leaks(answer):
            told.append((method, path, body, answer))
    assert told == []
    assert await town.everything() == before


async def test_the_owner_itself_sees_all_of_it(town: Town) -> None:
    own = await town.ask("parse", "GET", f"/users/{town.victim.id}", who=town.victim)
    assert (own.body["email"], own.body["authData"]) == (EMAIL, {"github": {"id": PROVIDER_ID}})
    letter = await town.ask("leancloud", "GET", f"/classes/Letter/{town.letter}", who=town.victim)
    assert letter.body["text"] == SECRET


async def test_a_redirect_tells_of_users_what_a_query_of_users_does(town: Town) -> None:
    """And of other classes whatever their fields are called."""
    users = {"__op": "AddRelation", "objects": [pointer("_User", town.victim.id)]}
    note = {"email": EMAIL, "n": 1}
    made = await town.as_master("parse", "POST", "/classes/Note", note)
    hub = {"people": users, "note": pointer("Note", made["objectId"])}
    await town.as_master("parse", "POST", "/classes/Hub", hub)
    for dialect in DIALECTS:
        for condition in ({"email": EMAIL}, {"$or": [{"n": 1}, {"email": {"$regex": "^v"}}]}):
            for key, found in (("people", None), ("note", 1)):
                path = where("/classes/Hub", condition, redirectClassNameForKey=key)
                for ask in (town.ask, town.ask_in_batch):
                    answer = await ask(dialect, "GET", path, who=town.attacker)
                    if found is None:
                        assert town.victim.id not in answer.text, answer
                        assert "119" in answer.text or "403" in answer.text, answer
                    else:
                        assert made["objectId"] in answer.text, answer


@pytest.mark.parametrize("name", ["_Join:users:_Role", "_Join%3Ausers%3A_Role", "@identity", "%40token", "@attempt"])
async def test_a_class_that_nobody_can_name_is_unknown(name: str, town: Town) -> None:
    for dialect in DIALECTS:
        for method, path, body in (
            ("GET", f"/classes/{name}", None),
            ("POST", f"/classes/{name}", {"x": 1}),
            ("GET", f"/classes/{name}/x", None),
            ("PUT", f"/classes/{name}/x", {"x": 1}),
            ("DELETE", f"/classes/{name}/x", None),
        ):
            for headers in (KEYS[dialect], MASTERS[dialect]):
                answer = await town.send(dialect, method, path, body, headers=headers)
                if method == "GET" and dialect == "parse" and answer.status == 200:
                    assert answer.body == {"results": []}  # what cannot exist is an empty class
                    continue
                assert 400 <= answer.status < 500, answer
                assert not any(inner in answer.text for inner in ("@acl", "@owner", "object_", "credential")), answer


async def test_an_error_has_no_name_of_ours_in_it(town: Town) -> None:
    found = (await town.ask("parse", "GET", "/sessions", who=town.attacker)).body["results"]
    for change in (
        {"ACL": {"*": {"read": True}}},
        {"ACL": None},
        {"user": None},
        {"sessionToken": "x"},
        {"objectId": 1},
    ):
        answer = await town.ask("parse", "PUT", f"/sessions/{found[0]['objectId']}", change, who=town.attacker)
        assert "@" not in answer.text, answer
