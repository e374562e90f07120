"""Permissions, changed a word at a time: who has what afterwards, in Python and in SQL, and by every way in."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Code
from gateway.model.operation import (
    Caller,
    Create,
    DeepSave,
    Delete,
    DeleteMany,
    Find,
    FindRelated,
    Get,
    Operation,
    Relate,
    Relating,
    Update,
    UpdateMany,
    Upsert,
)
from gateway.model.permission import Permission, Permit, PermitAll, PermitClass
from gateway.model.query import And
from gateway.model.schema import Action, Rule
from gateway.model.update import Set, Unset
from gateway.model.values import ACL, ID
from gateway.store.access import (
    Right,
    grants,
    grants_everybody_sql,
    grants_sql,
    names_of,
    says_more,
    told,
    with_denials,
)
from tests.store.conftest import Shop
from tests.store.test_access import ANN, ANYBODY, ATTACKS, BOB, MASTER, fill, outcome, world_of

CAROL = Caller("test", user_id="carol")

# what a list means

NAMES = ["*", "ann", "bob", "carol", "role:mods", "role:staff", "role:@authenticated", "not_read", "update"]
WORDS = ["read", "write", "update", "delete", "not_read", "not_update", "not_delete"]
ENTRIES = st.dictionaries(st.sampled_from(WORDS), st.booleans(), max_size=3)


def lists_of(entries: dict[str, Any]) -> dict[str, Any]:
    """Everybody is denied a right by not being given it: no list is made that says it otherwise."""
    everybody = entries.get("*")
    if isinstance(everybody, dict):
        entries["*"] = {word: given for word, given in everybody.items() if not word.startswith("not_")}
    return entries


LISTS = st.dictionaries(
    st.sampled_from(NAMES), st.one_of(ENTRIES, st.sampled_from([True, "read", None])), max_size=5
).map(lists_of)
CALLERS = [
    ANYBODY,
    ANN,
    BOB,
    CAROL,
    Caller("test", user_id="not_read", roles=frozenset({"@authenticated"})),
    Caller("test", user_id="ann", roles=frozenset({"mods", "staff", "@authenticated"})),
]


def meant(acl: dict[str, Any] | None, caller: Caller, right: str) -> bool:
    """As plainly as it can be said: the nearest who is named at all, and of these a denial."""
    if acl is None:
        return True
    own = [caller.user_id] if caller.user_id is not None else []
    for names in (own, ["role:" + role for role in caller.roles], ["*"]):
        entries = [acl[name] for name in names if isinstance(acl.get(name), dict)]
        if any(entry.get("not_" + right) is True for entry in entries):
            return False
        words = ["read"] if right == "read" else [right, "write"]
        if any(entry.get(word) is True for entry in entries for word in words):
            return True
    return False


MEMORY = sqlite3.connect(":memory:")


def asked(condition: str, *values: str | None) -> bool:
    (found,) = MEMORY.execute(f"SELECT {condition} FROM (SELECT ?1 AS acl)", values).fetchone()
    return bool(found)


@given(acl=st.none() | LISTS, caller=st.sampled_from(CALLERS), right=st.sampled_from(list(Right)))
@settings(max_examples=3000, derandomize=True, deadline=None, database=None)
def test_a_list_means_the_same_in_python_and_in_sql(acl: dict[str, Any] | None, caller: Caller, right: Right) -> None:
    expected = meant(acl, caller, right)
    stored = None if acl is None else orjson.dumps(acl).decode()
    assert grants(stored, caller, right) is expected
    names = orjson.dumps(names_of(caller)).decode()
    with_names = grants_sql("acl", "?2", right)
    assert asked(with_names, stored, names) is expected
    if names_of(caller) == ["*"]:
        assert asked(grants_everybody_sql("acl", right), stored) is expected


@given(acl=LISTS, caller=st.sampled_from(CALLERS))
@settings(max_examples=2000, derandomize=True, deadline=None, database=None)
def test_what_is_told_of_a_list_is_never_more_than_it_gives(acl: dict[str, Any], caller: Caller) -> None:
    listed = told(acl)
    stored = orjson.dumps(listed).decode()
    for right in Right:
        assert meant(acl, caller, right) or not grants(stored, caller, right)
    if not says_more(orjson.dumps(acl).decode()):
        assert all(grants(stored, caller, right) is meant(acl, caller, right) for right in Right)


@given(acl=LISTS, given_acl=st.none() | LISTS, caller=st.sampled_from(CALLERS), right=st.sampled_from(list(Right)))
@settings(max_examples=2000, derandomize=True, deadline=None, database=None)
def test_who_sets_a_list_takes_no_denial_back(
    acl: dict[str, Any], given_acl: dict[str, Any] | None, caller: Caller, right: Right
) -> None:
    own = acl.get(caller.user_id or "")
    merged = with_denials(given_acl, acl)
    if isinstance(own, dict) and own.get("not_" + right) is True:
        assert not meant(merged, caller, right)


# changing it


def permit(right: str, known: str = "p1", *, granted: bool = True, **whom: Any) -> Permit:
    return Permit(class_name="Post", id=known, right=right, granted=granted, **whom)


async def may(shop: Shop, caller: Caller, known: str = "p1") -> str:
    """What a caller can do with an object, in letters."""
    own = shop.of(caller)
    rights = "r" if known in await own.ids("Post") else ""
    changed = await own.do(UpdateMany(class_name="Post", changes={}, ids=(known,)))
    return rights + "u" if changed.total else rights


@pytest.fixture
async def post(shop: Shop) -> Shop:
    """With an object of Ann's, without a list."""
    await shop.of(ANN).create("Post", "p1", n=1)
    return shop


async def test_the_first_word_of_an_object_that_was_everybodys_takes_nothing_else(post: Shop) -> None:
    ann = post.of(ANN)
    await ann.do(permit("read", granted=False, user="bob"))
    assert [await may(post, caller) for caller in (ANN, BOB, CAROL, ANYBODY)] == ["ru", "u", "ru", "ru"]
    await ann.do(permit("read", granted=False, user="*"))
    assert [await may(post, caller) for caller in (ANN, BOB, CAROL, ANYBODY)] == ["ru", "u", "u", "u"]
    await ann.do(permit("read", user="bob"))
    assert [await may(post, caller) for caller in (ANN, BOB, CAROL)] == ["ru", "ru", "u"]


async def test_updating_and_deleting_are_two_rights(post: Shop) -> None:
    await post.of(ANN).do(permit("delete", granted=False, user="*"))
    delete = Delete(class_name="Post", ids=("p1",))
    assert (await post.of(BOB).refused(delete))[0] is Code.OBJECT_NOT_FOUND
    assert (await post.of(BOB).do(DeleteMany(class_name="Post", where=And(())))).total == 0
    assert await may(post, BOB) == "ru"
    await post.of(ANN).do(permit("delete", user="bob"))
    await post.of(ANN).do(permit("update", granted=False, user="bob"))
    assert await may(post, BOB) == "r"
    await post.of(BOB).do(delete)


async def test_who_is_not_logged_in(post: Shop) -> None:
    somebody = Caller("test", user_id="dan", roles=frozenset({"@authenticated"}))
    await post.of(ANN).do(permit("read", granted=False, role="@anonymous"))
    assert [await may(post, caller) for caller in (somebody, ANYBODY)] == ["ru", "u"]
    await post.of(ANN).do(permit("read", granted=False, role="@authenticated"))
    assert [await may(post, caller) for caller in (somebody, ANYBODY, ANN)] == ["u", "u", "ru"]
    await post.of(ANN).do(permit("read", role="@anonymous"))
    assert [await may(post, caller) for caller in (somebody, ANYBODY)] == ["u", "ru"]


async def test_only_the_owner_and_the_master_say_who_may(post: Shop) -> None:
    for caller in (BOB, ANYBODY):
        assert (await post.of(caller).refused(permit("read", user="*")))[0] is Code.FORBIDDEN
    await post.create("Post", "nobodys")
    assert (await post.of(ANYBODY).refused(permit("read", "nobodys", user="*")))[0] is Code.FORBIDDEN
    await post.of(MASTER).do(permit("update", granted=False, user="ann"))
    # the master took it from her, and she does not give it back to herself
    assert (await post.of(ANN).refused(permit("update", user="ann")))[0] is Code.FORBIDDEN
    await post.of(MASTER).do(permit("read", granted=False, user="ann"))
    assert (await post.of(ANN).refused(permit("read", user="ann")))[0] is Code.OBJECT_NOT_FOUND
    assert (await post.of(ANN).refused(permit("read", "none", user="ann")))[0] is Code.OBJECT_NOT_FOUND


@pytest.mark.parametrize(
    "whom", [{}, {"user": ""}, {"user": 5}, {"user": {"$ne": 1}}, {"user": "role:mods"}, {"role": ""}]
)
async def test_somebody_has_to_be_named(post: Shop, whom: dict[str, Any]) -> None:
    assert (await post.of(ANN).refused(permit("read", **whom)))[0] is Code.BAD_REQUEST


async def test_several_at_once_are_all_or_none(post: Shop) -> None:
    words = (Permission("read", granted=False, user="bob"), Permission("read", granted=False, user=5))
    refused = await post.of(ANN).refused(PermitAll(class_name="Post", id="p1", permissions=words))
    assert refused[0] is Code.BAD_REQUEST
    assert await may(post, BOB) == "ru"


async def test_a_list_that_says_more_is_told_as_less_and_cannot_be_opened_unawares(post: Shop) -> None:
    await post.of(ANN).do(permit("read", granted=False, user="bob"))
    shown = (await post.of(MASTER).do(Get(class_name="Post", id="p1"))).object or {}
    assert shown[ACL] == {"*": {"write": True}, "ann": {"read": True, "write": True}}
    for change in (Set(shown[ACL]), Unset(), Set({"*": {"read": True}, "bob": {"read": True}})):
        await post.of(MASTER).do(Update(class_name="Post", id="p1", changes={ACL: change}))
        assert "r" not in await may(post, BOB)
    await post.of(MASTER).do(permit("read", user="bob"))
    assert "r" in await may(post, BOB)


# by every way in

DENIED = {
    "*": {"read": True, "write": True},
    "ann": {"not_read": True, "not_update": True, "not_delete": True},
    "role:staff": {"not_read": True, "not_update": True, "not_delete": True},
    "role:fans": {"read": True, "write": True},
}

MORE: dict[str, Operation] = {
    "by a relation": FindRelated(class_name="Post", id="p1", field="likes", limit=10),
    "through a pointer": FindRelated(class_name="Post", id="p1", field="by", limit=10),
    "as one of many to change": UpdateMany(class_name="Secret", changes={"code": Set(1)}, ids=("s1",)),
    "as one that a condition finds": UpdateMany(class_name="Secret", changes={"code": Set(9)}, where=And(())),
    "as one of many to delete": DeleteMany(class_name="Secret", ids=("s1",)),
    "to be deleted by a condition": DeleteMany(class_name="Secret", where=And(())),
    "related to another": Relate(class_name="Post", id="p2", field="likes", how=Relating.ADD, ids=("s1",)),
    "related by a condition": Relate(class_name="Post", id="p2", field="likes", how=Relating.SET, where=And(())),
    "in a tree": DeepSave(class_name="Post", tree={ID: "p2", "likes": [{ID: "s1"}]}),
    "changed in a tree": DeepSave(class_name="Post", tree={ID: "p2", "likes": [{ID: "s1", "code": 1}]}),
    "its permissions": Permit(class_name="Secret", id="s1", right="read", user="ann"),
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_who_is_denied_an_object_is_answered_as_if_it_were_not_there(tmp_path: Path, attack: str) -> None:
    op = ATTACKS[attack]
    async with world_of(tmp_path / "without.db") as without:
        await fill(without, None)
        expected = {caller.user_id: await outcome(without.of(caller), op) for caller in (ANN, BOB)}
    async with world_of(tmp_path / "with.db") as shop:
        await fill(shop, DENIED)
        before = await shop.do(Get(class_name="Secret", id="s1"))
        for caller in (ANN, BOB):
            assert await outcome(shop.of(caller), op) == expected[caller.user_id], caller.user_id
        assert await shop.do(Get(class_name="Secret", id="s1")) == before


@pytest.mark.parametrize("attack", MORE)
async def test_what_is_denied_is_neither_told_nor_touched(tmp_path: Path, attack: str) -> None:
    async with world_of(tmp_path / "with.db") as shop:
        await fill(shop, DENIED)
        before = await shop.do(Get(class_name="Secret", id="s1"))
        for caller in (ANN, BOB):
            told_to = await outcome(shop.of(caller), MORE[attack])
            assert "hidden" not in told_to
            assert "42" not in told_to
        assert await shop.do(Get(class_name="Secret", id="s1")) == before
        members = FindRelated(class_name="Post", id="p2", field="likes", limit=10)
        assert "s1" not in [fields[ID] for fields in (await shop.do(members)).objects or []]


async def test_an_id_of_what_is_denied_is_taken(tmp_path: Path) -> None:
    async with world_of(tmp_path / "with.db") as shop:
        await fill(shop, DENIED)
        upsert = Upsert(class_name="Secret", id="s1", changes={"code": Set(1)})
        assert (await shop.of(ANN).refused(upsert))[0] is Code.DUPLICATE_VALUE


# of a class


def of_class(action: str, *, granted: bool = True, **whom: Any) -> PermitClass:
    return PermitClass(class_name="Post", action=action, granted=granted, **whom)


async def rule_of(shop: Shop, action: Action) -> Rule:
    return (await shop.store.latest_schema()).classes["Post"].permissions.rules[action]  # type: ignore[union-attr]


async def test_finding_is_getting_and_counting(post: Shop) -> None:
    await post.of(MASTER).do(of_class("find", granted=False, user="bob"))
    for op in (
        Get(class_name="Post", id="p1"),
        Find(class_name="Post", limit=1),
        Find(class_name="Post", limit=0, count=True),
    ):
        assert (await post.of(BOB).refused(op))[0] is Code.FORBIDDEN
        await post.of(ANN).do(op)


async def test_a_user_goes_before_its_roles_and_they_before_everybody(post: Shop) -> None:
    find, master = Find(class_name="Post", limit=1), post.of(MASTER)
    await master.do(of_class("find", granted=False, user="*"))
    assert (await post.of(ANN).refused(find))[0] is Code.FORBIDDEN
    await master.do(of_class("find", role="mods"))
    await post.of(ANN).do(find)
    await master.do(of_class("find", granted=False, user="ann"))
    assert (await post.of(ANN).refused(find))[0] is Code.FORBIDDEN
    await master.do(of_class("find", user="ann"))
    await post.of(ANN).do(find)
    assert await rule_of(post, Action.FIND) == Rule(users=frozenset({"ann"}), roles=frozenset({"mods"}))


async def test_who_is_logged_in_has_a_word_that_other_dialects_know(post: Shop) -> None:
    master = post.of(MASTER)
    await master.do(of_class("create", granted=False, role="@anonymous"))
    assert await rule_of(post, Action.CREATE) == Rule(authenticated=True)
    create = Create(class_name="Post", changes={})
    assert (await post.refused(create))[0] is Code.LOGIN_REQUIRED
    await post.of(BOB).do(create)
    await master.do(of_class("create", granted=False, role="@authenticated"))
    somebody = Caller("test", user_id="bob", roles=frozenset({"@authenticated"}))
    assert (await post.of(somebody).refused(create))[0] is Code.FORBIDDEN
    await master.do(of_class("create", role="@authenticated"))
    await post.of(somebody).do(create)


async def test_a_class_that_is_not_there_has_no_permissions(shop: Shop) -> None:
    assert (await shop.of(MASTER).refused(of_class("find", user="*")))[0] is Code.CLASS_NOT_FOUND
