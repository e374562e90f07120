"""Changing what is somebody else's by operations on many objects, on relations, on trees, and by results of others.

The operations are asked for as dialects ask, behind the one authoriser: no dialect has words for all of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.authorise import Guarded
from gateway.backends.accounts import Accounts, Policy
from gateway.backends.ledger import CREDENTIAL, IDENTITY, TOKEN
from gateway.errors import GatewayError
from gateway.model.account import SignUp
from gateway.model.operation import (
    Batch,
    Caller,
    Create,
    CreateMany,
    DeepSave,
    Deferred,
    Delete,
    DeleteMany,
    Find,
    Get,
    NewObject,
    Operation,
    Relate,
    Relating,
    Result,
    Returning,
    Update,
    UpdateMany,
    Upsert,
)
from gateway.model.query import And, Column, Condition, Filter, Inverse, Op, RelatedTo, Subquery
from gateway.model.update import AddRelation, Change, Compute, Set, Unset
from gateway.model.values import ACL, ID, Object, Pointer, ResultOf
from gateway.store.sqlite import SqliteStore

SECRET = "what nobody may know"
OPEN: dict[str, Change] = {"n": Set(99), ACL: Set({"*": {"read": True, "write": True}})}
EVERYTHING = And(())
KEPT = ("_User", "_Role", "_Session", "Letter", "Tag", IDENTITY, CREDENTIAL, TOKEN)
GATEWAY = Caller("demo", trusted=True)


@dataclass
class Street:
    """The victim's letter, tag and role, and the attacker's note."""

    store: SqliteStore
    guarded: Guarded
    victim: str
    victim_as: Caller
    attacker: str
    attacker_as: Caller

    async def everything(self) -> list[object]:
        found = [(await self.store.execute(Find(class_name=name, limit=1000), GATEWAY)).objects or [] for name in KEPT]
        for name, owner in (("tags", Pointer("Letter", "l1")), ("users", Pointer("_Role", "r1"))):
            of = "Tag" if name == "tags" else "_User"
            members = Find(class_name=of, limit=9, where=RelatedTo(owner, name), select=())
            found.append((await self.store.execute(members, GATEWAY)).objects or [])
        return list(found)

    async def ask(self, op: Operation, who: Caller) -> Result | GatewayError:
        try:
            return await self.guarded.execute(op, await self.guarded.identify(op, who))
        except GatewayError as error:
            return error


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    store = await SqliteStore.open(tmp_path / "street.db", secret=b"")
    accounts = Accounts(store, Policy(failure_takes=0.001))
    people = []
    for name in ("victim", "mallory"):
        fields = {"username": name, "password": f"{name}'s", "email": f"{name}@example.com"}
        made = await accounts.execute(
            SignUp(changes={key: Set(value) for key, value in fields.items()}), Caller("demo")
        )
        assert made.id is not None
        people.append((made.id, Caller("demo", session=made.session)))
    (victim, victim_as), (attacker, attacker_as) = people
    street = Street(store, Guarded(accounts, custom_ids=True), victim, victim_as, attacker, attacker_as)
    own = Set({victim: {"read": True, "write": True}})
    members = AddRelation((Pointer("_User", victim),))
    tagged = AddRelation((Pointer("Tag", "t1"),))
    for op in (
        Create(class_name="Tag", id="t1", changes={"n": Set(1), ACL: own}),
        Create(class_name="Letter", id="l1", changes={"text": Set(SECRET), "n": Set(1), "tags": tagged, ACL: own}),
        Create(class_name="_Role", id="r1", changes={"name": Set("Keepers"), "users": members, ACL: own}),
    ):
        assert isinstance(await street.ask(op, victim_as), Result)
    note: dict[str, Change] = {"n": Set(1), "text": Set("x"), "letters": AddRelation((Pointer("Letter", "none"),))}
    assert isinstance(await street.ask(Create(class_name="Note", id="n1", changes=note), attacker_as), Result)
    yield street
    await store.close()


def meant(known: str) -> Iterator[dict[str, object]]:
    yield {"ids": (known,)}
    yield {"where": EVERYTHING}
    yield {"where": Condition(ID, Op.EQ, known)}
    yield {"where": Condition("text", Op.EQ, SECRET)}


def attacks(street: Street) -> Iterator[Operation]:
    targets = (("Letter", "l1"), ("Tag", "t1"), ("_User", street.victim), ("_Role", "r1"), ("_Session", "x"))
    for class_name, known in (*targets, (CREDENTIAL, street.victim), (TOKEN, "x")):
        bare = class_name.strip("@_")
        changes = {"password": Set("mine"), "kept": Set("mine")} if class_name in ("_User", CREDENTIAL) else OPEN
        for words in meant(known):
            yield UpdateMany(class_name=class_name, changes=changes, **words)  # type: ignore[arg-type]
            yield DeleteMany(class_name=class_name, **words)  # type: ignore[arg-type]
        yield UpdateMany(class_name=class_name, changes={ACL: Unset()}, ids=(known,))
        yield UpdateMany(class_name=class_name, changes={"n": Compute(Column("n"))}, ids=(known,))
        for returning in Returning:
            yield Upsert(class_name=class_name, id=known, changes=changes, returning=returning, nulls=True)
        for upsert in (False, True):
            yield CreateMany(class_name=class_name, objects=(NewObject(changes, known),), upsert=upsert)
        yield DeepSave(class_name=class_name, tree={ID: known})
        yield DeepSave(class_name=class_name, tree={ID: known, "n": 99, ACL: {"*": {"read": True, "write": True}}})
        for inside in ({ID: known}, {ID: known, "n": 99}, {ID: known, "password": "mine"}):
            yield DeepSave(class_name="Note", tree={ID: "n1", f"to_{bare}": Object(class_name, inside)})
            yield DeepSave(class_name="Note", tree={ID: "n1", f"all_{bare}": [Object(class_name, inside)]})
        for how in Relating:
            for field in ("tags", "users", "letters", "roles"):
                yield Relate(class_name=class_name, id=known, field=field, how=how, ids=(street.attacker, "n1", "t1"))
                yield Relate(class_name=class_name, id=known, field=field, how=how, where=EVERYTHING)
            yield Relate(class_name=class_name, id=known, field="new", how=how, ids=("n1",), target="Note")
            if class_name != "_User":  # whom everybody may see, and so name
                made: dict[str, Any] = {"field": f"all_{bare}", "target": class_name}
                yield Relate(class_name="Note", id="n1", how=how, ids=(known,), **made)
        copied = Create(class_name="Note", changes={"text": Set(ResultOf("x", field="text"))})
        yield Batch(items=(Get(class_name=class_name, id=known), copied), names=("x", None))
        named = Create(class_name="Note", changes={"text": Set(known)}, returning=Returning.EVERYTHING)
        for item in (Update(class_name=class_name, id="", changes=OPEN), Get(class_name=class_name, id="")):
            waiting = Deferred(item=item, fields={"id": ResultOf("x", field="text")})
            yield Batch(items=(named, waiting), names=("x", None))
        gone = Deferred(item=Delete(class_name=class_name, ids=()), fields={"ids": ResultOf("x", field="text")})
        yield Batch(items=(named, gone), names=("x", None), atomic=True)
        yield Batch(
            items=(named, DeleteMany(class_name=class_name, ids=ResultOf("x", field="text"))), names=("x", None)
        )
    yield CreateMany(class_name="_User", objects=(NewObject({"username": Set("victim"), "password": Set("x")}),))
    for where in conditions():
        yield UpdateMany(class_name="Note", changes={"n": Set(2)}, where=where)
        yield Relate(class_name="Note", id="n1", field="letters", how=Relating.ADD, where=where)


def conditions() -> Iterator[Filter]:
    """What would be true of some object if these looked where the attacker cannot."""
    for class_name, field in (("Letter", "tags"), (CREDENTIAL, "kept"), (TOKEN, "user"), ("_Role", "users")):
        yield Inverse(class_name, field)
        yield Condition(ID, Op.IN, Subquery(class_name, key=ID))
        yield Condition("text", Op.IN, Subquery(class_name, key="text"))
    yield RelatedTo(Pointer("Letter", "l1"), "tags")
    yield Condition("text", Op.EQ, SECRET)


async def test_nothing_of_the_victims_is_changed_or_told(street: Street) -> None:
    before, told = await street.everything(), []
    for who in (street.attacker_as, Caller("demo")):
        for op in attacks(street):
            # what the attacker may do with itself is no attack
            if isinstance(op, UpdateMany | DeleteMany) and op.class_name == "_User" and op.ids is None:
                continue
            ways = (op,) if isinstance(op, Batch) else (op, Batch(items=(op,)), Batch(items=(op,), atomic=True))
            for asked in ways:
                answer = await street.ask(asked, who)
                items = answer.items or [answer] if isinstance(answer, Result) else []
                if SECRET in repr(answer) or any(isinstance(item, Result) and item.total for item in items):
                    told.append((asked, answer))
    assert told == []
    assert await street.everything() == before


async def test_of_users_the_attacker_has_itself_alone(street: Street) -> None:
    every = UpdateMany(class_name="_User", changes={"n": Set(2)}, where=EVERYTHING)
    assert await street.ask(every, street.attacker_as) == Result(total=1)
    assert await street.ask(DeleteMany(class_name="_User", where=EVERYTHING), street.attacker_as) == Result(total=1)
    left = (await street.store.execute(Find(class_name="_User", limit=9), GATEWAY)).objects or []
    assert [(user[ID], "n" in user) for user in left] == [(street.victim, False)]


async def test_the_victim_can_do_all_that(street: Street) -> None:
    """So that the attacks are refused for whose the letter is, and not because they are badly said."""
    for op in (
        UpdateMany(class_name="Letter", changes={"n": Set(2)}, where=Condition("text", Op.EQ, SECRET)),
        Relate(class_name="Letter", id="l1", field="tags", how=Relating.SET, ids=("t1",)),
        Relate(class_name="Note", id="n1", field="letters", how=Relating.ADD, ids=("l1",)),
        DeepSave(class_name="Letter", tree={ID: "l1", "tags": [{ID: "t1", "n": 2}]}),
        Upsert(class_name="Letter", id="l1", changes={"n": Set(3)}),
        DeleteMany(class_name="Letter", ids=("l1",)),
    ):
        answer = await street.ask(op, street.victim_as)
        assert isinstance(answer, Result), op
