"""What others keep to themselves, asked for as groups, as a way to a group, and as the number of what is in one.

The operations are asked for as dialects ask, behind the one authoriser. A right guess must be answered as a wrong one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from gateway.authorise import Guarded
from gateway.backends.accounts import Accounts, Policy
from gateway.backends.ledger import CREDENTIAL, TOKEN
from gateway.errors import GatewayError
from gateway.model.account import SignUp
from gateway.model.groups import Step
from gateway.model.operation import Batch, Caller, CountInGroup, Create, Find, FindGroups, Operation, Result
from gateway.model.query import Column, Comparison, Condition, Literal, Op, Output, Sort
from gateway.model.update import Set
from gateway.model.values import ACL, ID, Pointer
from gateway.store.sqlite import SqliteStore

SECRET, EMAIL = "what nobody may know", "victim@example.com"


@dataclass
class Archive:
    """The victim's letter and address, and notes of the attacker's that point to both."""

    guarded: Guarded
    victim: str
    victim_as: Caller
    attacker_as: Caller

    async def ask(self, op: Operation, who: Caller) -> Result | GatewayError:
        try:
            return await self.guarded.execute(op, await self.guarded.identify(op, who))
        except GatewayError as error:
            return error


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[Archive]:
    store = await SqliteStore.open(tmp_path / "archive.db", secret=b"")
    accounts = Accounts(store, Policy(failure_takes=0.001))
    people = []
    for name in ("victim", "mallory"):
        fields = {"username": name, "password": f"{name}'s", "email": f"{name}@example.com"}
        changes = {key: Set(value) for key, value in fields.items()}
        made = await accounts.execute(SignUp(changes=changes), Caller("demo"))
        assert made.id is not None
        people.append((made.id, Caller("demo", session=made.session)))
    (victim, victim_as), (_, attacker_as) = people
    archive = Archive(Guarded(accounts, custom_ids=True), victim, victim_as, attacker_as)
    own = Set({victim: {"read": True, "write": True}})
    letter = Create(class_name="Letter", id="l1", changes={"text": Set(SECRET), ACL: own})
    assert isinstance(await archive.ask(letter, victim_as), Result)
    note = {"to": Set(Pointer("_User", victim)), "letter": Set(Pointer("Letter", "l1")), "text": Set("x")}
    assert isinstance(await archive.ask(Create(class_name="Note", id="n1", changes=note), attacker_as), Result)
    yield archive
    await store.close()


def groups(class_name: str, **more: Any) -> FindGroups:
    sizes = {"limit": 100, "group_limit": 100, "object_limit": 100, "levels": 3}
    return FindGroups(class_name=class_name, **(sizes | more))


HIDDEN = (("Letter", "text"), ("Note", "letter.text"), ("_User", "email"), ("Note", "to.email"))


def attacks(guess: str) -> Iterator[Operation]:
    for class_name, field in HIDDEN:
        for by in ((field,), (ID, field), (field, ID)):
            for levels in range(3):
                yield groups(class_name, group_by=by, levels=levels)
        for path in ((Step(field, guess),), (Step(field, guess), Step(ID, "l1"))):
            yield groups(class_name, path=path)
            yield groups(class_name, group_by=(field, ID), path=path, levels=0)
            yield CountInGroup(class_name=class_name, path=path)
        yield groups(class_name, group_by=(ID,), where=Condition(field, Op.EQ, guess))
        yield CountInGroup(class_name=class_name, path=(), where=Condition(field, Op.EQ, guess))
        yield groups(class_name, order=(Sort(field),))
        yield groups(class_name, outputs=(Output("told", Column(field)),))
    for class_name in ("_Session", CREDENTIAL, TOKEN):
        for field in ("sessionToken", "user", ID):
            yield groups(class_name, group_by=(field,), levels=1)
            yield groups(class_name, path=(Step(field, guess),))
            yield CountInGroup(class_name=class_name, path=(Step(field, guess),))


async def test_groups_tell_nothing_of_what_is_hidden(archive: Archive) -> None:
    told = []
    for right, wrong in ((SECRET, "another text"), (EMAIL, "nobody@example.com")):
        for op, other in zip(attacks(right), attacks(wrong), strict=True):
            for who in (archive.attacker_as, Caller("demo")):
                answers = [str(await archive.ask(asked, who)) for asked in (op, other)]
                assert answers[0] == answers[1], op
                assert SECRET not in answers[0]
                assert EMAIL not in answers[0]
                batch = str(await archive.ask(Batch(items=(op,)), who))
                assert SECRET not in batch
                assert EMAIL not in batch
                told += answers
    assert len(told) > 300


def into_a_session(guess: str) -> Iterator[Operation]:
    token = Column("session.sessionToken")
    yield groups("Note", group_by=(token.path,))
    yield groups("Note", outputs=(Output("told", token),))
    yield groups("Note", path=(Step(token.path, guess),))
    yield CountInGroup(class_name="Note", path=(Step(token.path, guess),))
    yield CountInGroup(class_name="Note", path=(), where=Comparison(token, Op.EQ, Literal(guess)))
    yield Find(class_name="Note", limit=9, outputs=(Output("told", token),))
    yield Find(class_name="Note", limit=9, group_by=(token.path,))
    yield Find(class_name="Note", limit=9, where=Comparison(token, Op.EQ, Literal(guess)))


async def test_no_path_leads_into_a_session(archive: Archive) -> None:
    """Not even into one's own: who comes by a restricted one must not learn the token of another."""
    who, token = archive.attacker_as, archive.attacker_as.session
    assert token is not None
    mine = await archive.ask(Find(class_name="_Session", limit=9), who)
    assert isinstance(mine, Result)
    (session,) = mine.objects or []
    changes = {"session": Set(Pointer("_Session", session[ID]))}
    assert isinstance(await archive.ask(Create(class_name="Note", id="n2", changes=changes), who), Result)
    for op, other in zip(into_a_session(token), into_a_session("r:0"), strict=True):
        answers = [str(await archive.ask(asked, who)) for asked in (op, other)]
        assert answers[0] == answers[1], op
        assert token not in answers[0]


async def test_who_may_read_it_is_told(archive: Archive) -> None:
    """The attacks are ones that would tell."""
    found = await archive.ask(groups("Letter", group_by=("text",)), archive.victim_as)
    assert isinstance(found, Result)
    assert SECRET in str(found.groups)
    count = CountInGroup(class_name="Letter", path=(Step("text", SECRET),))
    for op in (count, replace(count, class_name="Note", path=(Step("letter.text", SECRET),))):
        counted = await archive.ask(op, archive.victim_as)
        assert isinstance(counted, Result)
        assert counted.total == 1
