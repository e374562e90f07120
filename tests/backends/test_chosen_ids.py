"""References within a batch, and ids that are chosen beforehand in their places."""

from __future__ import annotations

import re
from typing import Any

import pytest

from gateway.backends.chosen_ids import refers, with_chosen_ids
from gateway.errors import Code, GatewayError
from gateway.model.operation import (
    Batch,
    Create,
    CreateMany,
    Deferred,
    Delete,
    DeleteMany,
    Find,
    Get,
    NewObject,
    Operation,
    Update,
    Upsert,
)
from gateway.model.update import Add, AddRelation, Change, Increment, Set, Several
from gateway.model.values import Pointer, Reference, ResultOf

MADE = Create(class_name="Note", changes={"n": Set(1), "more": Increment(2)})
MANY = CreateMany(class_name="Note", objects=(NewObject({"n": Set(1)}), NewObject({"n": Set(2)}, "own")))


def update(change: Change, field: str = "to") -> Update:
    return Update(class_name="Note", id="there", changes={field: change})


def settled(*items: Operation, names: tuple[str | None, ...]) -> tuple[Any, ...]:
    batch = with_chosen_ids(Batch(items=items, atomic=True, names=names))
    assert (batch.atomic, batch.names, refers(batch)) == (True, (), False)
    return batch.items


def test_what_is_made_has_an_id_and_what_refers_to_it_has_that() -> None:
    made, set_, added, several, listed = settled(
        MADE,
        update(Set(Reference("a", "Note"))),
        update(AddRelation((Reference("a", "Note"), Pointer("Note", "x")))),
        update(Several((Increment(1), Set({"in": [ResultOf("a")]})))),
        update(Add((ResultOf("a"), 5))),
        names=("a", None, None, None, None),
    )
    assert re.fullmatch("[A-Za-z0-9]{10}", made.id)
    assert set_.changes == {"to": Set(Pointer("Note", made.id))}
    assert added.changes == {"to": AddRelation((Pointer("Note", made.id), Pointer("Note", "x")))}
    assert several.changes == {"to": Several((Increment(1), Set({"in": [made.id]})))}
    assert added.id == "there"
    assert listed.changes == {"to": Add((made.id, 5))}


def test_what_was_sent_for_it_is_known_as_well() -> None:
    _, of_field, of_id = settled(
        MADE, update(Set(ResultOf("a", field="n"))), update(Set(ResultOf("a", field="@id"))), names=("a", None, None)
    )
    assert of_field.changes == {"to": Set(1)}
    assert len(of_id.changes["to"].value) == 10


def test_of_many_there_is_each_and_there_are_all() -> None:
    many, one, every, gone = settled(
        MANY,
        update(Set(ResultOf("m", index=1))),
        update(Set(ResultOf("m"))),
        Deferred(item=Delete(class_name="Note", ids=()), fields={"ids": ResultOf("m", index=0)}),
        names=("m", None, None, None),
    )
    first = many.objects[0].id
    assert (one.changes["to"], every.changes["to"]) == (Set("own"), Set([first, "own"]))
    assert gone == Delete(class_name="Note", ids=(first,))


def test_an_id_that_waits_is_there() -> None:
    made, changed = settled(
        MADE,
        Deferred(item=Update(class_name="Note", id="", changes={"n": Set(2)}), fields={"id": ResultOf("a")}),
        names=("a", None),
    )
    assert changed == Update(class_name="Note", id=made.id, changes={"n": Set(2)})


def test_ids_are_another_ones_each_time() -> None:
    found = {settled(MADE, update(Set(ResultOf("a"))), names=("a", None))[0].id for _ in range(100)}
    assert len(found) == 100


@pytest.mark.parametrize(
    ("items", "code"),
    [
        ((MADE, update(Set(ResultOf("nobody")))), Code.BAD_BATCH),
        ((update(Set(ResultOf("b"))), MADE), Code.BAD_BATCH),  # which has not run yet
        ((MADE, update(Set(ResultOf("a", field="more")))), Code.UNSUPPORTED),  # which the server computes
        ((MADE, update(Set(ResultOf("a", index=0)))), Code.UNSUPPORTED),
        ((MANY, update(Set(ResultOf("a", index=2)))), Code.UNSUPPORTED),
        ((MANY, update(Set(Reference("a", "Note")))), Code.UNSUPPORTED),
        ((Find(class_name="Note", limit=1), update(Set(ResultOf("a", index=0)))), Code.UNSUPPORTED),
        ((Upsert(class_name="Note", id="x", changes={}), update(Set(ResultOf("a")))), Code.UNSUPPORTED),
        ((MADE, DeleteMany(class_name="Note", ids=ResultOf("a"))), Code.UNSUPPORTED),
    ],
    ids=str,
)
def test_what_nobody_knows_beforehand_is_refused(items: tuple[Operation, ...], code: Code) -> None:
    with pytest.raises(GatewayError) as refused:
        with_chosen_ids(Batch(items=items, atomic=True, names=("a", "b")))
    assert refused.value.code is code


def test_what_refers_to_nothing_is_as_it_was() -> None:
    plain = Batch(items=(MADE, MANY, Get(class_name="Note", id="x"), update(Set([1]))), names=("a", "b", "c", "d"))
    assert not refers(plain)
    assert refers(Batch(items=(CreateMany(class_name="Note", objects=(NewObject({"to": Set(ResultOf("a"))}),)),)))
