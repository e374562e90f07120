"""Which roles a user is in: by membership, by inheritance, in circles, and where nobody ever made one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.backends.embedded import Embedded
from gateway.errors import Code
from gateway.model.operation import Caller, Create, Delete
from gateway.model.update import AddRelation, Change, RemoveRelation, Set, Unset
from gateway.model.values import Pointer
from gateway.store.roles import MOST_ROLES
from gateway.store.sqlite import SqliteStore
from tests.store.conftest import Shop

Roles = Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]
"""Each role with its users, and with the roles whose users have its rights too."""

WORLDS: dict[str, tuple[Roles, set[str]]] = {
    "in none": ({"a": (("bob",), ())}, set()),
    "in one": ({"a": (("ann", "bob"), ())}, {"a"}),
    "in several": ({"a": (("ann",), ()), "b": (("ann",), ()), "c": ((), ())}, {"a", "b"}),
    "a parent's rights come down to the child's users": (
        {"parent": ((), ("child",)), "child": (("ann",), ())},
        {"child", "parent"},
    ),
    "a child's rights do not go up": ({"parent": (("ann",), ("child",)), "child": ((), ())}, {"parent"}),
    "over several levels": (
        {"a": ((), ("b",)), "b": ((), ("c",)), "c": ((), ("d",)), "d": (("ann",), ()), "e": ((), ("x",))},
        {"a", "b", "c", "d"},
    ),
    "by two ways": (
        {"top": ((), ("l", "r")), "l": ((), ("low",)), "r": ((), ("low",)), "low": (("ann",), ())},
        {"top", "l", "r", "low"},
    ),
    "in a circle": ({"a": ((), ("b",)), "b": ((), ("c",)), "c": (("ann",), ("a",))}, {"a", "b", "c"}),
    "its own parent": ({"a": (("ann",), ("a",))}, {"a"}),
    "two circles": ({"a": ((), ("b",)), "b": (("ann",), ("a", "c")), "c": ((), ("b",))}, {"a", "b", "c"}),
    "200 levels": (
        {f"r{n}": ((), (f"r{n + 1}",)) for n in range(200)} | {"r200": (("ann",), ())},
        {f"r{n}" for n in range(201)},
    ),
    "a circle beside a long way": (
        {f"r{n}": ((), (f"r{n + 1}",)) for n in range(600)}
        | {"r600": (("ann",), ()), "x": (("ann",), ("y",)), "y": ((), ("x",))},
        {f"r{n}" for n in range(601)} | {"x", "y"},
    ),
    "of an odd name": ({"a b'\"\\é": (("ann",), ())}, {"a b'\"\\é"}),
}


async def make(shop: Shop, roles: Roles) -> None:
    for name, (users, children) in roles.items():
        changes: dict[str, Change] = {"name": Set(name)}
        if users:
            changes["users"] = AddRelation(tuple(Pointer("_User", user) for user in users))
        if children:
            changes["roles"] = AddRelation(tuple(Pointer("_Role", f"id of {child}") for child in children))
        await shop.change("_Role", f"id of {name}", **changes)


@pytest.mark.parametrize("case", WORLDS)
async def test_the_roles_of_a_user(shop: Shop, case: str) -> None:
    roles, expected = WORLDS[case]
    await make(shop, roles)
    assert await shop.store.roles_of("ann") == expected
    assert await shop.store.roles_of("nobody") == frozenset()


async def test_roles_follow_every_change_at_once(shop: Shop) -> None:
    ann = Pointer("_User", "ann")
    assert await shop.store.roles_of("ann") == frozenset()
    await make(shop, {"parent": ((), ("child",)), "child": (("ann",), ())})
    assert await shop.store.roles_of("ann") == {"parent", "child"}
    await shop.update("_Role", "id of child", users=RemoveRelation((ann,)))
    assert await shop.store.roles_of("ann") == frozenset()
    await shop.update("_Role", "id of child", users=AddRelation((ann,)))
    await shop.update("_Role", "id of child", name=Set("renamed"))
    assert await shop.store.roles_of("ann") == {"parent", "renamed"}
    await shop.do(Delete(class_name="_Role", ids=("id of parent",)))
    assert await shop.store.roles_of("ann") == {"renamed"}
    await shop.update("_Role", "id of child", name=Unset())
    assert await shop.store.roles_of("ann") == frozenset()
    await make(shop, {"parent": ((), ("child",))})
    assert await shop.store.roles_of("ann") == {"parent"}


async def test_a_role_that_its_user_cannot_read_counts_all_the_same(shop: Shop) -> None:
    await make(shop, {"a": (("ann",), ())})
    await shop.update("_Role", "id of a", **{"@acl": Set({})})
    assert await shop.store.roles_of("ann") == {"a"}


async def test_a_deleted_user_takes_its_roles_with_it(shop: Shop) -> None:
    await shop.create("_User", "ann")
    await make(shop, {"a": (("ann",), ())})
    await shop.do(Delete(class_name="_User", ids=("ann",)))
    await shop.create("_User", "ann")
    assert await shop.store.roles_of("ann") == frozenset()


ODD: dict[str, dict[str, Change]] = {
    "no columns": {},
    "no names": {"users": AddRelation((Pointer("_User", "ann"),))},
    "no users": {"name": Set("a")},
    "a name that is no text": {"name": Set(5), "users": AddRelation((Pointer("_User", "ann"),))},
}


@pytest.mark.parametrize("case", ODD)
async def test_what_is_no_role_gives_none(shop: Shop, case: str) -> None:
    await shop.change("_Role", "r1", **ODD[case])
    assert await shop.store.roles_of("ann") == frozenset()


MEMBERS_OF_ANOTHER_KIND: tuple[dict[str, Change], ...] = (
    {"users": Set([Pointer("_User", "ann")])},
    {"users": AddRelation((Pointer("Person", "ann"),))},
    {"roles": AddRelation((Pointer("Other", "r1"),))},
)


@pytest.mark.parametrize("members", MEMBERS_OF_ANOTHER_KIND, ids=range(len(MEMBERS_OF_ANOTHER_KIND)))
async def test_members_are_users_and_roles_from_the_first_role_on(shop: Shop, members: dict[str, Change]) -> None:
    code, _ = await shop.refused(Create(class_name="_Role", changes={"name": Set("a"), **members}))
    assert code is Code.TYPE_MISMATCH
    assert await shop.store.roles_of("ann") == frozenset()


async def test_the_walk_is_bounded(shop: Shop) -> None:
    await make(shop, {f"r{n}": (("ann",), ()) for n in range(MOST_ROLES + 5)})
    assert len(await shop.store.roles_of("ann")) == MOST_ROLES


async def test_other_processes_are_heard_of(tmp_path: Path) -> None:
    one, other = [await SqliteStore.open(tmp_path / "a.db", secret=b"") for _ in range(2)]
    assert await other.roles_of("ann") == frozenset()
    await make(Shop(one), {"a": (("ann",), ())})
    assert await other.roles_of("ann") == {"a"}
    for store in (one, other):
        await store.close()


async def test_the_backend_tells_them(tmp_path: Path) -> None:
    backend = await Embedded.open(f"sqlite:///{tmp_path}/a.db", secret=b"secret")
    changes: dict[str, Change] = {"name": Set("a"), "users": AddRelation((Pointer("_User", "ann"),))}
    await backend.execute(Create(class_name="_Role", changes=changes), Caller("test"))
    assert await backend.roles_of("ann") == {"a"}
    await backend.close()
