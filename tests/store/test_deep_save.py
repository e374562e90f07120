"""An object with what it points to and is related to, saved as one: the vendor's nine cases, and what those lack."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import Code
from gateway.model.operation import Caller, Create, CreateMany, DeepSave, Get, NewObject
from gateway.model.query import RelatedTo
from gateway.model.update import Set
from gateway.model.values import ACL, CREATED_AT, ID, UPDATED_AT, Fields, Object, Pointer, Relation
from gateway.store.deep_save import DEEPEST_TREE, MOST_OBJECTS
from tests.store.conftest import Shop

ANN, BOB, MASTER = (
    Caller("test", user_id="ann"),
    Caller("test", user_id="bob"),
    Caller("test", master=True),
)
OWN = {"ann": {"read": True, "write": True}}
BOB_AS_CHILD = {"name": "Bob", "age": 20}


@pytest.fixture
async def family(shop: Shop) -> Shop:
    """Columns as the vendor's suite has them, and one child."""
    links = {"friend": Set(Pointer("People", "1")), "family": Set(Relation("People"))}
    await shop.change("Person", "p0", name=Set("x"), age=Set(1), **links)
    bob = NewObject({name: Set(value) for name, value in BOB_AS_CHILD.items()}, "1")
    await shop.do(CreateMany(class_name="People", objects=(bob,)))
    return shop


async def save(shop: Shop, **tree: Any) -> Fields:
    known = {ID: tree.pop("id")} if "id" in tree else {}
    return (await shop.do(DeepSave(class_name="Person", tree={**known, **tree}))).object or {}


def plain(value: Any) -> Any:
    """Without what every object has, and objects as their fields."""
    match value:
        case Object(_, fields):
            return plain(fields)
        case dict():
            return {name: plain(part) for name, part in value.items() if not name.startswith("@")}
        case list():
            return [plain(part) for part in value]
    return value


async def test_an_object_that_is_there_is_linked_unchanged(family: Shop) -> None:
    before = (await family.do(Get(class_name="People", id="1"))).object
    saved = await save(family, name="Joe", age=30, friend={ID: "1"})
    assert plain(saved) == {"name": "Joe", "age": 30, "friend": BOB_AS_CHILD}
    assert saved["friend"] == Object("People", before or {})
    assert (await family.get("Person", saved[ID]))["friend"] == Pointer("People", "1")


async def test_a_pointer_gets_a_new_object(family: Shop) -> None:
    saved = await save(family, name="Joe", age=30, friend={ID: "1"})
    again = await save(family, id=saved[ID], age=25, friend={"name": "Suzi", "age": 20})
    assert again[ID] == saved[ID]
    assert plain(again) == {"name": "Joe", "age": 25, "friend": {"name": "Suzi", "age": 20}}
    assert again[CREATED_AT] < again[UPDATED_AT]
    assert await family.get("People", "1") == BOB_AS_CHILD


async def test_a_null_empties_a_pointer_and_its_object_stays(family: Shop) -> None:
    saved = await save(family, name="Joe", age=25, friend={ID: "1"})
    assert plain(await save(family, id=saved[ID], friend=None)) == {"name": "Joe", "age": 25}
    assert "friend" not in await family.get("Person", saved[ID])
    assert await family.get("People", "1") == BOB_AS_CHILD


async def test_a_relation_is_told_the_newest_first(family: Shop) -> None:
    saved = await save(family, name="Bob", age=None, family=[{"age": 15, ID: "1"}, {"name": "Jack", "age": 20}])
    jack, bob = {"name": "Jack", "age": 20}, {"name": "Bob", "age": 15}
    assert plain(saved) == {"name": "Bob", "age": None, "family": [jack, bob]}
    again = await save(family, id=saved[ID], age=50, family=[{ID: "1"}])
    assert plain(again) == {"name": "Bob", "age": 50, "family": [bob]}
    assert await family.ids("People", RelatedTo(Pointer("Person", saved[ID]), "family")) == ["1"]
    assert len(await family.ids("People")) == 2


@pytest.mark.parametrize("nothing", [[], None])
async def test_an_empty_list_empties_a_relation(family: Shop, nothing: Any) -> None:
    saved = await save(family, name="Bob", family=[{ID: "1"}])
    assert plain(await save(family, id=saved[ID], age=None, family=nothing)) == {"name": "Bob", "age": None}
    assert await family.ids("People", RelatedTo(Pointer("Person", saved[ID]), "family")) == []


async def test_both_at_once(family: Shop) -> None:
    both = {"friend": {"name": "Brother"}, "family": [{ID: "1", "name": "Anna"}, {"name": "Dad", "age": 20}]}
    saved = await save(family, name="Liza", age=10, **both)
    assert plain(saved) == {
        "name": "Liza",
        "age": 10,
        "friend": {"name": "Brother", "age": None},
        "family": [{"name": "Dad", "age": 20}, {"name": "Anna", "age": 20}],
    }
    again = await save(family, id=saved[ID], friend={"name": "Lolla", "age": None}, family=[])
    assert plain(again) == {"name": "Liza", "age": 10, "friend": {"name": "Lolla", "age": None}}


async def test_what_is_not_named_is_not_touched_and_not_told(family: Shop) -> None:
    saved = await save(family, name="Joe", friend={ID: "1"}, family=[{ID: "1"}])
    assert plain(await save(family, id=saved[ID], age=5)) == {"name": "Joe", "age": 5}
    assert (await family.get("Person", saved[ID]))["friend"] == Pointer("People", "1")
    assert await family.ids("People", RelatedTo(Pointer("Person", saved[ID]), "family")) == ["1"]


async def test_ids_of_the_clients_own_are_kept(family: Shop) -> None:
    saved = await save(family, id="mine", name="Joe", friend={ID: "2", "name": "Two"})
    assert (saved[ID], saved["friend"].fields[ID]) == ("mine", "2")


async def test_one_object_in_two_places_is_one(family: Shop) -> None:
    saved = await save(family, friend={ID: "1", "age": 1}, family=[{ID: "1", "age": 2}, {ID: "1"}])
    assert plain(saved) == {
        "name": None,
        "age": None,
        "friend": {"name": "Bob", "age": 2},
        "family": [{"name": "Bob", "age": 2}],
    }


async def test_a_tree_goes_on_below_and_makes_what_is_missing(shop: Shop) -> None:
    inner = Object("Street", {"name": "Main", "houses": [Object("House", {"n": 1}), Object("House", {"n": 2})]})
    saved = await save(shop, name="Joe", address=Object("Address", {"city": "X", "street": inner}), tags=["a"])
    assert plain(saved) == {
        "name": "Joe",
        "tags": ["a"],
        "address": {"city": "X", "street": {"name": "Main", "houses": [{"n": 2}, {"n": 1}]}},
    }
    assert await shop.store.schema() == {
        "House": {"n": "Number"},
        "Street": {"name": "String", "houses": "Relation<House>"},
        "Address": {"city": "String", "street": "Pointer<Street>"},
        "Person": {"name": "String", "address": "Pointer<Address>", "tags": "Array"},
    }


def nested(depth: int) -> Fields:
    return {"mate": Object("Person", nested(depth - 1))} if depth else {}


REFUSED: dict[str, tuple[dict[str, Any], Code]] = {
    "a child that is not there": ({"friend": {ID: "gone"}}, Code.OBJECT_NOT_FOUND),
    "a member that is not there": ({"family": [{"name": "new"}, {ID: "gone"}]}, Code.OBJECT_NOT_FOUND),
    "an object alone that is not there": ({"id": "gone"}, Code.OBJECT_NOT_FOUND),
    "a text for a pointer": ({"friend": "1"}, Code.TYPE_MISMATCH),
    "a list for a pointer": ({"friend": [{ID: "1"}]}, Code.TYPE_MISMATCH),
    "a text for a relation": ({"family": "1"}, Code.TYPE_MISMATCH),
    "an object for a relation": ({"family": {ID: "1"}}, Code.TYPE_MISMATCH),
    "texts for members": ({"family": ["1"]}, Code.TYPE_MISMATCH),
    "another class in a pointer": ({"friend": Object("Person", {"name": "x"})}, Code.TYPE_MISMATCH),
    "another class in a relation": ({"family": [Pointer("Person", "p0")]}, Code.TYPE_MISMATCH),
    "another type": ({"name": "x", "friend": {"age": "text"}}, Code.TYPE_MISMATCH),
    "an id that is none": ({"id": 5, "name": "x"}, Code.BAD_VALUE),
    "an empty id": ({"id": "", "name": "x"}, Code.MISSING_ID),
    "a time": ({CREATED_AT: 5}, Code.RESERVED_FIELD),
    "too deep": (nested(DEEPEST_TREE + 1), Code.BAD_VALUE),
    "too many": ({"family": [{"name": "x"}] * MOST_OBJECTS}, Code.BAD_VALUE),
    "a user in it": ({"by": Object("_User", {"username": "x"})}, Code.UNSUPPORTED),
    "a session in it": ({"by": Object("_Session", {ID: "x"})}, Code.UNSUPPORTED),
    "an installation in it": ({"by": Object("_Installation", {"n": 1})}, Code.UNSUPPORTED),
    "a private class in it": ({"by": Object("@token", {"n": 1})}, Code.BAD_CLASS_NAME),
    "a private class pointed to": ({"by": Object("@token", {ID: "x"})}, Code.BAD_CLASS_NAME),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_refused_leaves_nothing(family: Shop, name: str) -> None:
    tree, code = REFUSED[name]
    before = (await family.store.schema(), await family.ids("People"), await family.ids("Person"))
    known = {ID: tree["id"]} if "id" in tree else {}
    rest = {field: value for field, value in tree.items() if field != "id"}
    assert (await family.refused(DeepSave(class_name="Person", tree={**known, **rest})))[0] is code
    assert (await family.store.schema(), await family.ids("People"), await family.ids("Person")) == before


async def test_as_deep_and_as_many_as_may_be(shop: Shop) -> None:
    deep = await save(shop, **nested(DEEPEST_TREE))
    for _ in range(DEEPEST_TREE):
        deep = deep["mate"].fields
    assert "mate" not in deep
    many = await save(shop, children=[Object("Child", {"n": at}) for at in range(MOST_OBJECTS - 1)])
    assert [child.fields["n"] for child in many["children"]] == list(reversed(range(MOST_OBJECTS - 1)))


# who may


async def test_lists_of_rights_are_asked_at_every_level(family: Shop) -> None:
    for class_name, known in (("People", "own"), ("Person", "hers")):
        own = {"age": Set(1), ACL: Set(OWN)}
        await family.of(MASTER).do(Create(class_name=class_name, id=known, changes=own))
    await family.of(MASTER).do(
        Create(class_name="People", id="read", changes={"age": Set(1), ACL: Set({"*": {"read": True}})})
    )
    trees: tuple[tuple[Fields, Code], ...] = (
        ({ID: "hers", "age": 2}, Code.DUPLICATE_VALUE),
        ({ID: "hers"}, Code.OBJECT_NOT_FOUND),
        ({"friend": {ID: "own"}}, Code.OBJECT_NOT_FOUND),
        ({"friend": {ID: "own", "age": 2}}, Code.DUPLICATE_VALUE),
        ({"family": [{ID: "own"}]}, Code.OBJECT_NOT_FOUND),
        ({"family": [{ID: "read", "age": 2}]}, Code.DUPLICATE_VALUE),
    )
    for tree, code in trees:
        assert (await family.of(BOB).refused(DeepSave(class_name="Person", tree=tree)))[0] is code
    assert plain(await save(family.of(BOB), family=[{ID: "read"}]))["family"] == [{"name": None, "age": 1}]
    assert plain(await save(family.of(ANN), id="hers", age=2, family=[{ID: "own", "age": 3}]))["age"] == 2
    assert (await family.of(ANN).get("People", "own"))["age"] == 3


async def test_who_may_write_and_not_read_is_told_the_id_alone(family: Shop) -> None:
    await family.of(MASTER).do(
        Create(class_name="Person", id="p9", changes={"age": Set(1), ACL: Set({"*": {"write": True}})})
    )
    assert await save(family.of(BOB), id="p9", name="x") == {ID: "p9"}
