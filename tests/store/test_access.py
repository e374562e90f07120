"""Access control: the store agrees with the oracle on who finds what, and what is hidden is answered as if not there.

The second is tried by attacks. Each is carried out in two worlds, one with the hidden objects and one where they never
were; whoever may not see them must get the same answer in both, to the letter. The master's answers differ, or else the
attack asked for nothing.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import Code, GatewayError
from gateway.model.operation import (
    Batch,
    Caller,
    Create,
    Delete,
    Find,
    FindRelated,
    Get,
    Operation,
    Result,
    Returning,
    Scan,
    Update,
)
from gateway.model.query import (
    Aggregate,
    Aggregated,
    And,
    Arithmetic,
    Column,
    Comparison,
    Condition,
    Filter,
    Inverse,
    JsonPath,
    Literal,
    Not,
    Op,
    Or,
    Output,
    Regex,
    RelatedTo,
    Sort,
    Subquery,
    Wildcard,
)
from gateway.model.update import AddRelation, Change, Increment, RemoveRelation, Set, Several, Unset
from gateway.model.values import ACL, ID, Fields, Object, Pointer, Reference, Relation, Value
from gateway.store.sqlite import SqliteStore
from tests.oracle import Members, matches, seen
from tests.store.conftest import Shop
from tests.store.test_filter_sql import filters
from tests.store.world import COLUMNS, some_row

MASTER = Caller("test", master=True)
GATEWAY = Caller("test", trusted=True)
ANYBODY = Caller("test")
ANN = Caller("test", user_id="ann", roles=frozenset({"mods"}))
BOB = Caller("test", user_id="bob", roles=frozenset({"fans", "staff"}))
SLY = Caller("test", user_id="role:mods")  # an id of the client's own choice

CALLERS: dict[str, tuple[Caller, frozenset[str] | None]] = {
    "master": (MASTER, None),
    "gateway": (GATEWAY, None),
    "anybody": (ANYBODY, frozenset({"*"})),
    "ann": (ANN, frozenset({"*", "ann", "role:mods"})),
    "bob": (BOB, frozenset({"*", "bob", "role:fans", "role:staff"})),
    "sly": (SLY, frozenset({"*"})),
}
"""Each with the names that lists may have them under; None is one to whom no list applies."""

RESTRICTED = [caller for caller, names in CALLERS.values() if names is not None]

# one list, one caller

READ, WRITE = {"read": True}, {"write": True}

LISTS: dict[str, tuple[Value, set[str]]] = {
    "none": (None, {"anybody", "ann", "bob", "sly"}),
    "empty": ({}, set()),
    "everybody": ({"*": READ}, {"anybody", "ann", "bob", "sly"}),
    "a user": ({"ann": READ}, {"ann"}),
    "a role": ({"role:mods": READ}, {"ann"}),
    "one of several roles": ({"role:staff": READ, "role:other": READ}, {"bob"}),
    "to write only": ({"*": WRITE, "ann": READ}, {"ann"}),
    "taken from one whom another entry gives it": ({"ann": {"read": False}, "role:mods": READ}, {"ann"}),
    "the name of a role, without its prefix": ({"mods": READ}, set()),
    "a part of a name": ({"an": READ, "anna": READ, "role:mod": READ, "": READ}, set()),
    "a name in other letters": ({"ANN": READ, "Role:mods": READ, "role:Mods": READ}, set()),
    "a name that looks like a path": ({"$.ann": READ, '"ann"': READ, "[0]": READ}, set()),
    "no boolean": (
        {"*": {"read": 1}, "ann": {"read": "true"}, "role:mods": {"read": [True]}, "bob": {"read": None}},
        set(),
    ),
    "no object": ({"*": True, "ann": "read", "role:mods": ["read"], "bob": 5, "sly": None}, set()),
    "another right": ({"*": {"READ": True, "reads": True, "write": True}}, set()),
}


@pytest.mark.parametrize("case", LISTS)
async def test_who_may_read(shop: Shop, case: str) -> None:
    acl, readers = LISTS[case]
    await shop.create("Post", "p1", n=1, **{ACL: acl})
    for name, (caller, names) in CALLERS.items():
        own = shop.of(caller)
        expected = ["p1"] if name in readers or names is None else []
        assert await own.ids("Post") == expected, name
        if expected:
            assert await own.get("Post", "p1") == {"n": 1}
        else:
            assert (await own.refused(Get(class_name="Post", id="p1")))[0] is Code.OBJECT_NOT_FOUND


def as_writing(value: Value) -> Value:
    """The same list for the other right."""
    if isinstance(value, dict):
        other = {"read": "write", "write": "read", "READ": "WRITE", "reads": "writes"}
        return {other.get(key, key): as_writing(part) for key, part in value.items()}
    return value


@pytest.mark.parametrize("case", LISTS)
async def test_who_may_write(shop: Shop, case: str) -> None:
    acl, writers = as_writing(LISTS[case][0]), LISTS[case][1]
    for name, (caller, names) in CALLERS.items():
        own = shop.of(caller)
        for known in ("to update", "to delete"):
            await shop.of(GATEWAY).create("Post", f"{name} {known}", n=1, **{ACL: acl})
        update = Update(class_name="Post", id=f"{name} to update", changes={"n": Set(2)})
        delete = Delete(class_name="Post", ids=(f"{name} to delete",))
        if name in writers or names is None:
            await own.do(update)
            await own.do(delete)
        else:
            missing = (Code.OBJECT_NOT_FOUND, {"class_name": "Post"})
            assert await own.refused(update) == (missing[0], {**missing[1], "id": f"{name} to update"})
            assert await own.refused(delete) == (missing[0], {**missing[1], "id": f"{name} to delete"})


NAMES = ["ann", 'a"b', "a\\b", "a\nb", "é𝄞", "$.x", "a.b", "'", "1", "", "\x00", "*", "role", "null", "@x", "]"]


@pytest.mark.parametrize("name", NAMES)
async def test_any_text_can_be_a_name(shop: Shop, name: str) -> None:
    await shop.create("Post", "p1", **{ACL: {name: READ}})
    await shop.create("Post", "p2", **{ACL: {f"role:{name}": READ}})
    await shop.create("Post", "p3", **{ACL: {"": WRITE, f"{name}x": READ, f"x{name}": READ}})
    everybody = ["p1"] if name == "*" else []
    assert await shop.of(Caller("test", user_id=name)).ids("Post") == ["p1"]
    assert await shop.of(Caller("test", user_id="u", roles=frozenset({name}))).ids("Post") == [*everybody, "p2"]
    assert await shop.of(Caller("test", user_id="u")).ids("Post") == everybody


# generated lists and queries


def some_list(dice: random.Random) -> Value:
    roll = dice.random()
    if roll < 0.4:
        return None
    names = ["*", "ann", "bob", "role:mods", "role:staff", "role:none", "mods"]
    weights = [0.1, 0.3, 0.3, 0.3, 0.2, 0.1, 0.3]
    return {
        name: {"read": dice.random() < 0.8, "write": dice.random() < 0.5}
        for name, weight in zip(names, weights, strict=True)
        if dice.random() < weight
    }


class World:
    """A store and what is in it."""

    def __init__(self, store: SqliteStore, runner: asyncio.Runner, objects: dict[str, list[Fields]]) -> None:
        self.store = store
        self.runner = runner
        self.objects = objects

    def do(self, op: Operation, caller: Caller) -> Result:
        return self.runner.run(self.store.execute(op, caller))

    def scanned(self, class_name: str, where: Filter | None, caller: Caller) -> list[str]:
        cursor, found = None, []
        while True:
            page = self.do(Scan(class_name=class_name, limit=7, where=where, cursor=cursor), caller)
            found += [fields[ID] for fields in page.objects or []]
            cursor = page.cursor
            if cursor is None:
                return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    dice = random.Random(7)
    with asyncio.Runner() as runner:
        store = runner.run(SqliteStore.open(tmp_path_factory.mktemp("store") / "access.db", secret=b"secret"))
        objects: dict[str, list[Fields]] = {"Other": [], "Post": []}
        for class_name, prefix, size in (("Other", "o", 12), ("Post", "p", 60)):
            for number in range(size):
                row = {name: make(dice) for name, make in COLUMNS.items()} if number == 0 else some_row(dice)
                members = frozenset(f"o{n}" for n in range(12) if dice.random() < 0.3) | {"o0"}
                changes: dict[str, Change] = {name: Set(value) for name, value in row.items()}
                changes["likes"] = AddRelation(tuple(Pointer("Other", member) for member in sorted(members)))
                acl = some_list(dice)
                changes[ACL] = Set(acl)
                known = f"{prefix}{number}"
                runner.run(store.execute(Create(class_name=class_name, id=known, changes=changes), MASTER))
                objects[class_name].append(row | {ID: known, ACL: acl, "likes": Members("Other", members)})
        yield World(store, runner, objects)
        runner.run(store.close())


of_others = st.sampled_from(
    [
        None,
        Condition("likes", Op.EQ, Pointer("Other", "o0")),
        Condition("likes", Op.NOT_IN, [Pointer("Other", f"o{n}") for n in range(4)]),
        Condition("likes", Op.IN, Subquery("Other", Condition("b", Op.EQ, value=True))),
        Condition("likes", Op.NE, Pointer("Other", "o3")),
        Condition("likes", Op.IN, Subquery("Post", key="p")),
        Condition("p", Op.IN, Subquery("Other")),
        Condition("p", Op.NOT_IN, Subquery("Other", order=(Sort("n"),), limit=3, skip=1)),
        Condition("s", Op.IN, Subquery("Other", key="s")),
        *(RelatedTo(Pointer("Post", f"p{n}"), "likes") for n in range(6)),
        *(Not(RelatedTo(Pointer("Other", f"o{n}"), "likes")) for n in range(3)),
    ]
)
wheres: st.SearchStrategy[Filter | None] = st.one_of(
    of_others,
    filters,
    st.builds(And, st.lists(st.one_of(of_others.filter(bool), filters), max_size=3).map(tuple)),
)


def field_names(where: Any) -> Iterator[str]:
    """Of a filter, and of those in it."""
    match where:
        case And(parts) | Or(parts):
            for part in parts:
                yield from field_names(part)
        case Not(part):
            yield from field_names(part)
        case Condition(field, _, value):
            yield field
            if isinstance(value, Subquery):
                yield value.key or ""
                yield from (sort.field for sort in value.order)
                yield from field_names(value.where)
        case Inverse(_, _, condition):
            yield from field_names(condition)


@given(where=wheres, name=st.sampled_from(sorted(CALLERS)), class_name=st.sampled_from(["Post", "Other"]))
@settings(
    max_examples=1200,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
def test_a_caller_finds_what_the_oracle_finds(world: World, where: Filter | None, name: str, class_name: str) -> None:
    if any(field.startswith("@") and field != ID for field in field_names(where)):
        return  # the times of these objects are not kept here
    caller, names = CALLERS[name]
    there = seen(world.objects, names)
    expected = {fields[ID] for fields in there[class_name] if matches(where, class_name, fields, there)}
    found = world.do(Find(class_name=class_name, limit=1000, where=where, count=True, include=("p",)), caller)
    assert {fields[ID] for fields in found.objects or []} == expected
    assert found.total == len(expected)
    assert sorted(world.scanned(class_name, where, caller)) == sorted(expected)
    others = {fields[ID] for fields in there["Other"]}
    pointed = {fields[ID]: fields.get("p") for fields in world.objects[class_name]}
    for fields in found.objects or []:
        to = pointed[fields[ID]]
        shown = fields.get("p")
        assert (shown.fields[ID] if isinstance(shown, Object) else None) == (to.id if to and to.id in others else None)


@pytest.mark.parametrize("name", CALLERS)
def test_a_caller_gets_updates_and_includes_what_the_list_says(world: World, name: str) -> None:
    caller, names = CALLERS[name]
    readable = {fields[ID] for fields in seen(world.objects, names)["Post"]}
    for fields in world.objects["Post"]:
        known = fields[ID]
        entries = [fields[ACL][one] for one in names or () if one in (fields[ACL] or ())]
        writable = fields[ACL] is None or names is None or any(entry["write"] for entry in entries)
        try:
            got: Any = (world.do(Get(class_name="Post", id=known), caller).object or {})[ID]
        except GatewayError as refusal:
            got = refusal.code
        assert got == (known if known in readable else Code.OBJECT_NOT_FOUND)
        try:
            updated: Any = world.do(Update(class_name="Post", id=known, changes={}), caller).id
        except GatewayError as refusal:
            updated = refusal.code
        assert updated == (known if writable else Code.OBJECT_NOT_FOUND)


# attacks on hidden objects

S1 = Pointer("Secret", "s1")
S2 = Pointer("Secret", "s2")


def find(class_name: str, where: Filter | None = None, **more: Any) -> Find:
    return Find(class_name=class_name, limit=more.pop("limit", 50), where=where, **more)


def in_secret(where: Filter | None = None, **more: Any) -> Subquery:
    return Subquery("Secret", where, **more)


CODE = Condition("code", Op.EQ, 42)
COUNTED = Aggregated(Aggregate.COUNT, Column(ID))

ATTACKS: dict[str, Operation] = {
    "get it by its id": Get(class_name="Secret", id="s1"),
    "get a field of it": Get(class_name="Secret", id="s1", select=("code",)),
    "get it with what it points to": Get(class_name="Secret", id="s1", include=("friend",)),
    "change it": Update(class_name="Secret", id="s1", changes={"code": Set(1)}),
    "change nothing of it": Update(class_name="Secret", id="s1", changes={}, returning=Returning.EVERYTHING),
    "open it to all": Update(class_name="Secret", id="s1", changes={ACL: Unset()}),
    "guess a field by a conditional update": Update(class_name="Secret", id="s1", changes={}, where=CODE),
    "miss a field by a conditional update": Update(class_name="Secret", id="s1", changes={}, where=Not(CODE)),
    "delete it": Delete(class_name="Secret", ids=("s1",)),
    "delete it among others": Delete(class_name="Secret", ids=("s1", "gone")),
    "guess a field by a conditional delete": Delete(class_name="Secret", ids=("s1",), where=CODE),
    "miss a field by a conditional delete": Delete(class_name="Secret", ids=("s1",), where=Not(CODE)),
    "find all of the class": find("Secret"),
    "find it by its id": find("Secret", Condition(ID, Op.EQ, "s1")),
    "find it by a field": find("Secret", CODE),
    "find it by what it is not": find("Secret", Not(Condition("code", Op.EQ, 7))),
    "find it by either": find("Secret", Or((CODE, Condition("code", Op.EQ, 7)))),
    "find it by a pattern": find("Secret", Condition("word", Op.REGEX, Regex("^hid"))),
    "count it": find("Secret", limit=0, count=True),
    "count it by a field": find("Secret", CODE, limit=0, count=True),
    "see its place in an order": find("Secret", order=(Sort("code", descending=True),), limit=1),
    "see its place by skipping": find("Secret", order=(Sort("code"),), skip=1),
    "scan all of the class": Scan(class_name="Secret", limit=2),
    "scan by a field": Scan(class_name="Secret", limit=9, key=Sort("code")),
    "include it in the place of a pointer": Get(class_name="Post", id="p1", include=("by",)),
    "include it in a list": find("Post", include=("list",)),
    "include it below an object": find("Post", include=("o.deep",)),
    "include everything": find("Post", include=("*",)),
    "include it by way of another": find("Post", include=("other.friend",)),
    "select a field through a pointer": find("Post", select=("by.code",)),
    "select a field through a pointer of one": Get(class_name="Post", id="p1", select=("by.code", "list.code")),
    "ask who points to such as it": find("Post", Condition("by", Op.IN, in_secret(CODE))),
    "ask who does not point to such as it": find("Post", Condition("by", Op.NOT_IN, in_secret())),
    "ask who points to the first of an order": find(
        "Post", Condition("by", Op.IN, in_secret(order=(Sort("code", descending=True),), limit=1))
    ),
    "ask who points to all but the first": find(
        "Post", Condition("other", Op.IN, in_secret(order=(Sort("code", descending=True),), limit=1))
    ),
    "compare a field with its": find("Post", Condition("n", Op.IN, in_secret(key="code"))),
    "compare a field with what is below its": find("Post", Condition("word", Op.IN, in_secret(key="o.word"))),
    "compare a pointer with its": find("Post", Condition("user", Op.IN, in_secret(key="friend"))),
    "a subquery in a subquery": find(
        "Post", Condition("other", Op.IN, in_secret(Condition("friend", Op.IN, in_secret(CODE))))
    ),
    "the members of its relation": find("User", RelatedTo(S1, "fans")),
    "who is no member of its relation": find("User", Not(RelatedTo(S1, "fans"))),
    "it as a member of a relation": find("Secret", RelatedTo(Pointer("Post", "p1"), "likes")),
    "relations that it is in": find("Post", Condition("likes", Op.EQ, S1)),
    "relations that it is not in": find("Post", Condition("likes", Op.NE, S1)),
    "relations that it or another is in": find("Post", Condition("likes", Op.IN, [S1, Pointer("Secret", "s9")])),
    "relations that such as it are in": find("Post", Condition("likes", Op.IN, in_secret(CODE))),
    "relations that what is pointed to is in": find(
        "Post", Condition("likes", Op.IN, Subquery("Post", Condition("n", Op.EQ, 42), key="by"))
    ),
    "its own relations": find("Secret", Condition("fans", Op.EQ, Pointer("User", "u1"))),
    "redirected by a pointer": find("Post", redirect_key="by"),
    "redirected by a relation": find("Post", CODE, redirect_key="likes", count=True),
    "who is in its relation": find("User", Inverse("Secret", "fans", CODE)),
    "who is in the relation of no such": find("User", Not(Inverse("Secret", "fans"))),
    "what it points to": find("Secret", Inverse("Secret", "friend", CODE)),
    "what a pointer of it points to, in a subquery": find(
        "Secret", Condition(ID, Op.IN, in_secret(CODE, key="friend.@id"))
    ),
    "compare what stands behind a pointer": find("Post", Comparison(Column("by.code"), Op.GT, Literal(1))),
    "compare what stands in a relation": find("Post", Comparison(Column("likes.word"), Op.LIKE, Literal("HID%"))),
    "compare what stands in its JSON": find(
        "Post", Comparison(JsonPath("by.o", (Wildcard.ANY_KEY,)), Op.EQ, Literal("hidden"))
    ),
    "compare a field with one of its own": find(
        "Post", Comparison(Arithmetic("-", Column("n"), Column("by.code")), Op.EQ, Literal(0))
    ),
    "compute a value of it": find("Post", outputs=(Output("x", Column("by.code")),), exact=True),
    "compute a value of one that points to it": Get(
        class_name="Post", id="p1", outputs=(Output("x", Column("by.code")),)
    ),
    "compute a value of it alone": Get(class_name="Secret", id="s1", outputs=(Output("x", Column("code")),)),
    "compute a value of what is related": FindRelated(
        class_name="Post", id="p1", field="likes", limit=9, outputs=(Output("x", Column("code")),)
    ),
    "count what is related": FindRelated(
        class_name="Post", id="p1", field="likes", limit=9, outputs=(Output("x", COUNTED),)
    ),
    "compute a value of its JSON": find(
        "Post", outputs=(Output("x", JsonPath("by.o", ("word",))),), order=(Sort("x"),)
    ),
    "its place in an order of computed values": find(
        "Post", outputs=(Output("x", Column("by.code")),), order=(Sort("x", descending=True),), limit=1, select=("n",)
    ),
    "compute values of members": find("Post", outputs=(Output("x", Column("likes.code")),), count=True),
    "count by groups": find("Secret", group_by=("word",), outputs=(Output("c", COUNTED),), count=True),
    "count all": find("Secret", outputs=(Output("c", COUNTED),)),
    "count members": find("Post", group_by=(ID,), outputs=(Output("c", Aggregated(Aggregate.COUNT, Column("likes"))),)),
    "add up": find("Secret", outputs=(Output("c", Aggregated(Aggregate.SUM, Column("code"))),)),
    "the greatest, through a pointer": find(
        "Post", outputs=(Output("c", Aggregated(Aggregate.MAX, Column("by.code"))),)
    ),
    "group by what stands behind a pointer": find("Post", group_by=("by.word",), outputs=(Output("c", COUNTED),)),
    "ask groups for it": find(
        "Secret", group_by=("word",), having=Comparison(Aggregated(Aggregate.MAX, Column("code")), Op.EQ, Literal(42))
    ),
    "ask groups for what is in no such": find(
        "Post", group_by=("n",), having=Condition("n", Op.IN, in_secret(key="code"))
    ),
    "its values once": find("Secret", select=("word",), distinct=True, count=True),
    "its values once, through a pointer": find("Post", select=("by.word", "n"), distinct=True),
    "include it as a member": find("Post", include=("likes",), members=5),
    "include it as one of the newest members": find("Post", include=("likes",), members=2, nulls=True),
    "include everything so deep": Get(class_name="Post", id="p1", depth=3, members=10),
    "include everything but members so deep": Get(class_name="Post", id="p1", depth=2),
    "go to it by a pointer": FindRelated(class_name="Post", id="p1", field="by", limit=10),
    "go to it by a relation": FindRelated(class_name="Post", id="p1", field="likes", limit=10),
    "go to it by a relation, by a field": FindRelated(class_name="Post", id="p1", field="likes", limit=9, where=CODE),
    "go from it by a pointer": FindRelated(class_name="Secret", id="s1", field="friend", limit=10),
    "go from it by a relation": FindRelated(class_name="Secret", id="s1", field="fans", limit=10),
    "among the items of a batch": Batch(
        items=(
            Get(class_name="Secret", id="s1"),
            find("Secret", CODE, count=True),
            Update(class_name="Secret", id="s1", changes={"code": Increment(0)}),
            Delete(class_name="Secret", ids=("s1",)),
        )
    ),
    "an atomic batch that needs it": Batch(
        items=(Create(class_name="New", id="n1", changes={}), Update(class_name="Secret", id="s1", changes={})),
        atomic=True,
    ),
    "refer to it in a batch": Batch(
        items=(
            Get(class_name="Secret", id="s1"),
            Create(class_name="New", id="n1", changes={"to": Set(Reference("it", "Secret"))}),
        ),
        names=("it", None),
    ),
    "refer to what a search for it finds": Batch(
        items=(find("Secret", CODE), Create(class_name="New", id="n1", changes={"to": Set(Reference("it", "Secret"))})),
        names=("it", None),
    ),
}


async def fill(shop: Shop, hidden: Value) -> None:
    """What everybody may see, and a hidden object where there is to be one."""
    await shop.create("User", "u1")
    await shop.create("User", "u2")
    for known, code, word in (("s0", 7, "open"), ("s1", 42, "hidden"), ("s2", 9, "open")):
        changes: dict[str, Change] = {
            "code": Set(code),
            "word": Set(word),
            "o": Set({"word": word}),
            "friend": Set(S1 if known != "s1" else Pointer("Secret", "s2")),
            "fans": AddRelation((Pointer("User", "u1" if known == "s1" else "u2"),)),
            ACL: Set(hidden if known == "s1" else {"*": READ}),
        }
        if known != "s1" or hidden is not None:
            await shop.change("Secret", known, **changes)
    post = {"n": Set(42), "word": Set("hidden"), "by": Set(S1), "other": Set(S2), "user": Set(S2)}
    deep = {"list": Set([S1, S2]), "o": Set({"deep": S1})}
    likes = AddRelation((S1, S2) if hidden is not None else (S2,))
    await shop.change("Post", "p1", **post, **deep, likes=likes)
    await shop.change("Post", "p2", n=Set(7), by=Set(S2), likes=AddRelation((S2,)))
    await shop.create("New", "n0", to=S2)


@asynccontextmanager
async def world_of(path: Path) -> AsyncIterator[Shop]:
    store = await SqliteStore.open(path, secret=b"secret", now_ms=lambda: 1_700_000_000_000)
    try:
        yield Shop(store, GATEWAY)
    finally:
        await store.close()


async def outcome(shop: Shop, op: Operation) -> str:
    """All that the client can learn from an answer."""

    def told(answer: Result | GatewayError) -> str:
        if isinstance(answer, GatewayError):
            return repr((answer.code, answer.message, answer.details))
        return repr([told(item) for item in answer.items]) if answer.items is not None else repr(answer)

    try:
        return told(await shop.do(op))
    except GatewayError as refusal:
        return told(refusal)


HIDDEN: dict[str, Value] = {
    "nobody": {},
    "somebody else": {"ann ": {**READ, **WRITE}, "role:other": {**READ, **WRITE}, "mods": READ, "role": READ},
    "nonsense": {"*": {"read": "true", "write": 1}, "ann": ["read"], "bob": True, "role:mods": None},
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_what_is_hidden_is_answered_as_if_it_were_not_there(tmp_path: Path, attack: str) -> None:
    op = ATTACKS[attack]
    async with world_of(tmp_path / "without.db") as without:
        await fill(without, None)
        expected = {id(caller): await outcome(without.of(caller), op) for caller in RESTRICTED}
        to_the_master = await outcome(without.of(MASTER), op)
    for number, hidden in enumerate(HIDDEN.values()):
        async with world_of(tmp_path / f"{number}.db") as shop:
            await fill(shop, hidden)
            before = await shop.do(Get(class_name="Secret", id="s1"))
            for caller in RESTRICTED:
                assert await outcome(shop.of(caller), op) == expected[id(caller)], caller.user_id
            assert await shop.do(Get(class_name="Secret", id="s1")) == before
            assert await outcome(shop.of(MASTER), op) != to_the_master


async def test_what_was_deleted_among_others_is_only_what_may_be_written(shop: Shop) -> None:
    await shop.create("Post", "p1", **{ACL: {"*": READ}})
    await shop.create("Post", "p2", **{ACL: {"ann": WRITE}})
    await shop.create("Post", "p3")
    await shop.of(ANN).do(Delete(class_name="Post", ids=("p1", "p2", "p3")))
    assert await shop.of(MASTER).ids("Post") == ["p1"]


async def test_the_cursor_of_a_scan_opens_nothing_to_another_caller(shop: Shop) -> None:
    for n in range(6):
        await shop.create("Post", f"p{n}", n=n, **{ACL: {"ann": READ} if n % 2 else None})
    first = await shop.of(ANN).do(Scan(class_name="Post", limit=2))
    rest = await shop.do(Scan(class_name="Post", limit=9, cursor=first.cursor))
    assert [fields[ID] for fields in rest.objects or []] == ["p2", "p4"]


# who may write and not read

DROP: dict[str, Value] = {"n": 7, "word": "hidden", "o": {"a": 1}, ACL: {"*": WRITE}}


@pytest.mark.parametrize("returning", Returning)
async def test_a_blind_update_answers_nothing_of_the_object(shop: Shop, returning: Returning) -> None:
    await shop.change("Drop", "d1", **{name: Set(value) for name, value in DROP.items()}, r=AddRelation((S1,)))
    changes: dict[str, Change] = {"n": Increment(1), "o.b": Set(2), "new": Set(1)}
    answer = await shop.of(ANN).do(Update(class_name="Drop", id="d1", changes=changes, returning=returning))
    assert (answer.id, answer.created_at) == ("d1", None)
    assert answer.object == (None if returning is Returning.NOTHING else {})
    assert (await shop.of(MASTER).get("Drop", "d1"))["n"] == 8


@pytest.mark.parametrize("where", [Condition("n", Op.EQ, 7), Condition("n", Op.NE, 7), And(())], ids=str)
async def test_to_a_blind_writer_every_condition_fails(shop: Shop, where: Filter) -> None:
    await shop.create("Drop", "d1", **DROP)
    unmet = (Code.CONDITION_FAILED, {"class_name": "Drop", "id": "d1"})
    assert await shop.of(ANN).refused(Update(class_name="Drop", id="d1", changes={}, where=where)) == unmet
    assert await shop.of(ANN).refused(Delete(class_name="Drop", ids=("d1",), where=where)) == unmet
    await shop.of(ANN).do(Delete(class_name="Drop", ids=("d1",)))
    assert await shop.of(MASTER).ids("Drop") == []


async def test_a_condition_on_an_update_sees_other_classes_as_its_caller_does(shop: Shop) -> None:
    await shop.create("Secret", "s1", code=42, **{ACL: {"bob": READ}})
    await shop.create("Post", "p1", by=S1)
    update = Update(class_name="Post", id="p1", changes={}, where=Condition("by", Op.IN, Subquery("Secret", CODE)))
    assert (await shop.of(ANN).refused(update))[0] is Code.CONDITION_FAILED
    assert (await shop.of(BOB).do(update)).id == "p1"


async def test_a_caller_may_lock_itself_out_and_is_told_what_it_did(shop: Shop) -> None:
    await shop.of(ANN).create("Post", "p1", n=1, **{ACL: {"ann": {**READ, **WRITE}}})
    changes: dict[str, Change] = {"n": Increment(1), ACL: Set({})}
    assert await shop.of(ANN).update("Post", "p1", **changes) == {"n": 2}
    for op in (Get(class_name="Post", id="p1"), Update(class_name="Post", id="p1", changes={ACL: Unset()})):
        assert (await shop.of(ANN).refused(op))[0] is Code.OBJECT_NOT_FOUND
    made = await shop.of(ANN).do(Create(class_name="Post", id="p2", changes={"n": Increment(3), ACL: Set({})}))
    assert made.object == {"n": 3}
    assert await shop.of(ANN).ids("Post") == []
    assert (await shop.of(MASTER).do(Get(class_name="Post", id="p2"))).object == {
        ID: "p2",
        "@created_at": made.created_at,
        "@updated_at": made.updated_at,
        "@owner": "ann",
        ACL: {},
        "n": 3,
    }


async def test_a_writer_who_gives_itself_the_right_to_read_has_it(shop: Shop) -> None:
    await shop.create("Post", "p1", n=1, **{ACL: {"ann": WRITE}})
    changes: dict[str, Change] = {ACL: Set({"ann": READ}), "n": Increment(1)}
    assert await shop.of(ANN).update("Post", "p1", **changes) == {"n": 2}
    assert await shop.of(ANN).get("Post", "p1") == {"n": 2}


# classes that only the gateway has

KEY = Pointer("@key", "name:tom")
IN_KEYS = Subquery("@key", Condition("hash", Op.EQ, "x"))

PRIVATE: dict[str, Operation] = {
    "get": Get(class_name="@key", id="name:tom"),
    "get another": Get(class_name="@key", id="nobody"),
    "find": find("@key"),
    "find by the bare name": find("key"),
    "find by two signs": find("@@key"),
    "find by letters in another case": find("@KEY"),
    "count": find("@key", Condition("hash", Op.EQ, "x"), limit=0, count=True),
    "scan": Scan(class_name="@key", limit=9),
    "create": Create(class_name="@key", id="name:new", changes={"hash": Set("mine")}),
    "create where an id is taken": Create(class_name="@key", id="name:tom", changes={}),
    "create another such class": Create(class_name="@other", changes={}),
    "update": Update(class_name="@key", id="name:tom", changes={"hash": Set("mine")}),
    "update with a condition": Update(
        class_name="@key", id="name:tom", changes={}, where=Condition("hash", Op.EQ, "x")
    ),
    "delete": Delete(class_name="@key", ids=("name:tom",)),
    "include": Get(class_name="Post", id="p1", include=("key",)),
    "include in a list": Get(class_name="Post", id="p1", include=("list", "o.key")),
    "include everything": find("Post", include=("*",)),
    "include by way of another class": find("Post", include=("next.key",)),
    "select through a pointer": find("Post", select=("key.hash", "list.hash")),
    "a subquery": find("Post", Condition("key", Op.IN, IN_KEYS)),
    "a subquery turned around": find("Post", Condition("key", Op.NOT_IN, IN_KEYS)),
    "a subquery for a field": find("Post", Condition("word", Op.IN, Subquery("@key", key="hash"))),
    "a subquery for an id": find("Post", Condition("name", Op.IN, Subquery("@key", key=ID))),
    "the members of its relation": find("User", RelatedTo(KEY, "users")),
    "it as a member": find("@key", RelatedTo(Pointer("Post", "p1"), "keys")),
    "who has it as a member": find("Post", Condition("keys", Op.EQ, KEY)),
    "who does not": find("Post", Condition("keys", Op.NE, KEY)),
    "who has such as it as a member": find("Post", Condition("keys", Op.IN, IN_KEYS)),
    "redirected by a pointer": find("Post", redirect_key="key"),
    "redirected by a relation": find("Post", redirect_key="keys", count=True),
    "point to it": Update(class_name="Post", id="p1", changes={"mine": Set(KEY)}),
    "point to it by a field that does": Update(class_name="Post", id="p1", changes={"key": Set(KEY)}),
    "point to it inside an object": Update(class_name="Post", id="p1", changes={"o.mine": Set(KEY)}),
    "send it as an object": Update(class_name="Post", id="p1", changes={"mine": Set(Object("@key", {ID: "name:tom"}))}),
    "a relation to it": Update(class_name="Post", id="p1", changes={"mine": AddRelation((KEY,))}),
    "a relation to its class": Update(class_name="Post", id="p1", changes={"mine": Set(Relation("@key"))}),
    "one more in a relation to it": Update(class_name="Post", id="p1", changes={"keys": AddRelation((KEY,))}),
    "one less in a relation to it": Update(class_name="Post", id="p1", changes={"keys": RemoveRelation((KEY,))}),
    "several changes": Update(class_name="Post", id="p1", changes={"mine": Several((Set(1), Set(KEY)))}),
    "items of a batch": Batch(
        items=(Get(class_name="@key", id="name:tom"), Delete(class_name="@key", ids=("name:tom",)), find("@key"))
    ),
    "a reference in a batch": Batch(
        items=(
            Get(class_name="User", id="u1"),
            Create(class_name="New", id="n1", changes={"to": Set(Reference("it", "@key"))}),
            Create(class_name="New", id="n2", changes={"to": AddRelation((Reference("it", "@key"),))}),
        ),
        names=("it", None, None),
    ),
}

WRITES_ITS_NAME = {
    "find by the bare name",
    "find by two signs",
    "find by letters in another case",
    "create",
    "point to it",
    "point to it by a field that does",
    "point to it inside an object",
    "send it as an object",
    "a relation to it",
    "a relation to its class",
    "one more in a relation to it",
    "one less in a relation to it",
    "several changes",
    "a reference in a batch",
}
"""These only say the name, or one like it: the answer to the gateway is the same whether or not the class is there."""


async def fill_private(shop: Shop, *, there: bool) -> None:
    """Columns that lead to a private class, and the class itself where it is to be."""
    await shop.create("User", "u1")
    values: dict[str, Value] = {
        "word": "x",
        "name": "name:tom",
        "key": KEY,
        "list": [KEY, 1],
        "o": {"key": KEY},
        "next": Pointer("Post", "p1"),
    }
    await shop.change("Post", "p1", **{name: Set(v) for name, v in values.items()}, keys=AddRelation((KEY,)))
    if there:
        await shop.change("@key", "name:tom", hash=Set("x"), users=AddRelation((Pointer("User", "u1"),)))


@pytest.mark.parametrize("case", PRIVATE)
async def test_a_private_class_is_to_everybody_else_as_if_it_were_not_there(tmp_path: Path, case: str) -> None:
    op = PRIVATE[case]
    for number, caller in enumerate([MASTER, *RESTRICTED]):
        async with world_of(tmp_path / f"{number}a.db") as without, world_of(tmp_path / f"{number}b.db") as shop:
            await fill_private(without, there=False)
            await fill_private(shop, there=True)
            before = await shop.do(find("@key"))
            assert await outcome(shop.of(caller), op) == await outcome(without.of(caller), op)
            assert await shop.do(find("@key")) == before
            assert await shop.store.schema() == await without.store.schema()
    async with world_of(tmp_path / "a.db") as without, world_of(tmp_path / "b.db") as shop:
        await fill_private(without, there=False)
        await fill_private(shop, there=True)
        assert (await outcome(shop, op) == await outcome(without, op)) is (case in WRITES_ITS_NAME)


REFUSED_NAMES = [
    op
    for name, op in PRIVATE.items()
    if name.startswith(("get", "find", "count", "scan", "create", "update", "delete", "it as", "redirected"))
    and name != "find by the bare name"
]


@pytest.mark.parametrize("op", REFUSED_NAMES, ids=lambda op: type(op).__name__)
async def test_no_client_can_say_the_name_of_a_private_class(shop: Shop, op: Operation) -> None:
    await fill_private(shop.of(GATEWAY), there=True)
    for caller in (MASTER, *RESTRICTED):
        assert (await shop.of(caller).refused(op))[0] is Code.BAD_CLASS_NAME


LEADS_TO_IT: dict[str, Change] = {
    "a pointer": Set(KEY),
    "an object": Set(Object("@key", {ID: "name:tom"})),
    "a relation": Set(Relation("@key")),
    "a member": AddRelation((KEY,)),
    "a member less": RemoveRelation((KEY,)),
    "a reference": Set(Reference("it", "@key")),
    "after something else": Several((Unset(), Set(KEY))),
}


@pytest.mark.parametrize("change", LEADS_TO_IT)
async def test_no_client_can_make_a_column_lead_to_a_private_class(shop: Shop, change: str) -> None:
    await fill_private(shop.of(GATEWAY), there=True)
    for caller in (MASTER, *RESTRICTED):
        for field in ("mine", "key", "keys"):
            changes = {field: LEADS_TO_IT[change]}
            for op in (Update(class_name="Post", id="p1", changes=changes), Create(class_name="Post", changes=changes)):
                batch = Batch(items=(Get(class_name="User", id="u1"), op), names=("it", None), atomic=True)
                assert (await shop.of(caller).refused(batch))[0] is Code.BAD_CLASS_NAME


async def test_the_gateway_works_on_a_private_class_as_on_any(shop: Shop) -> None:
    own = shop.of(GATEWAY)
    await fill_private(own, there=True)
    assert await own.get("@key", "name:tom") == {"hash": "x", "users": Relation("User")}
    assert await own.ids("@key", Condition("hash", Op.EQ, "x")) == ["name:tom"]
    assert await own.ids("User", RelatedTo(KEY, "users")) == ["u1"]
    assert await own.ids("@key", RelatedTo(Pointer("Post", "p1"), "keys")) == ["name:tom"]
    assert await own.ids("Post", Condition("keys", Op.EQ, KEY)) == ["p1"]
    assert await own.ids("Post", Condition("key", Op.IN, IN_KEYS)) == ["p1"]
    included = (await own.do(Get(class_name="Post", id="p1", include=("key",)))).object or {}
    assert included["key"].fields["hash"] == "x"
    assert await own.update("@key", "name:tom", tries=Increment(1)) == {"tries": 1}
    await shop.store.declare_index("@key", ["hash"], unique=True)
    assert (await own.refused(Create(class_name="@key", id="name:b", changes={"hash": Set("x")})))[
        0
    ] is Code.DUPLICATE_VALUE
    await own.do(Delete(class_name="@key", ids=("name:tom",)))
    assert await own.ids("@key") == []
    for name in ("@", "@@x", "@a b", "@" + "x" * 129, "x@"):
        assert (await own.refused(Create(class_name=name, changes={})))[0] is Code.BAD_CLASS_NAME
    assert (await own.refused(find("@nothing")))[0] is Code.CLASS_NOT_FOUND


@pytest.mark.parametrize(
    "known", ["username:tom", "a'b\"c\\d", "é𝄞", " ", "a\nb", "%_*", "a\x00b", "x" * 1024, "é" * 512]
)
async def test_an_id_can_be_any_text_of_a_kilobyte(shop: Shop, known: str) -> None:
    own = shop.of(GATEWAY)
    await own.create("@key", known, n=1)
    await own.change("Post", "p1", key=Set(Pointer("@key", known)), keys=AddRelation((Pointer("@key", known),)))
    taken = (Code.DUPLICATE_VALUE, {"class_name": "@key", "field": ID, "id": known})
    assert await own.refused(Create(class_name="@key", id=known, changes={})) == taken
    assert await own.get("@key", known) == {"n": 1}
    assert await own.ids("@key", RelatedTo(Pointer("Post", "p1"), "keys")) == [known]
    assert await own.ids("Post", Condition("keys", Op.EQ, Pointer("@key", known))) == ["p1"]
    assert await own.ids("Post", Condition("key", Op.IN, Subquery("@key"))) == ["p1"]
    included = (await own.do(Get(class_name="Post", id="p1", include=("key",)))).object or {}
    assert included["key"].fields[ID] == known
    await own.do(Delete(class_name="@key", ids=(known,)))
    assert await own.ids("@key") == []


@pytest.mark.parametrize("known", ["x" * 1025, "é" * 513])
async def test_a_longer_id_is_refused(shop: Shop, known: str) -> None:
    assert (await shop.refused(Create(class_name="Post", id=known, changes={})))[0] is Code.BAD_VALUE


# names that can be had once


def claim(user: str, *names: str) -> Batch:
    made = (Create(class_name="_User", id=user, changes={"n": Set(1)}),)
    claimed = (Create(class_name="@identity", id=name, changes={"by": Set(Pointer("_User", user))}) for name in names)
    return Batch(items=(*made, *claimed), atomic=True)


async def test_a_batch_tells_which_name_is_taken_and_leaves_nothing(shop: Shop) -> None:
    own = shop.of(GATEWAY)
    await own.do(claim("u1", "username:tom", "email:tom@x.org"))
    for names, taken, item in (
        (("username:tom", "email:b"), "username:tom", "1"),
        (("username:b", "email:tom@x.org"), "email:tom@x.org", "2"),
    ):
        refused = (Code.DUPLICATE_VALUE, {"class_name": "@identity", "field": ID, "id": taken, "item": item})
        assert await own.refused(claim("u2", *names)) == refused
    refused = (Code.DUPLICATE_VALUE, {"class_name": "_User", "field": ID, "id": "u1", "item": "0"})
    assert await own.refused(claim("u1", "username:c")) == refused
    assert (await own.ids("_User"), await own.ids("@identity")) == (["u1"], ["username:tom", "email:tom@x.org"])


async def test_of_many_who_claim_a_name_at_once_one_gets_it(tmp_path: Path) -> None:
    stores = [await SqliteStore.open(tmp_path / "a.db", secret=b"") for _ in range(2)]
    for round_number in range(5):
        claims = (
            stores[n % 2].execute(
                claim(f"u{round_number}_{n}", f"email:{round_number}_{n}", f"username:{round_number}"), GATEWAY
            )
            for n in range(16)
        )
        answers = await asyncio.gather(*claims, return_exceptions=True)
        won = [n for n, answer in enumerate(answers) if isinstance(answer, Result)]
        lost = [answer for answer in answers if isinstance(answer, GatewayError)]
        assert (len(won), len(lost)) == (1, 15)
        told = {(refusal.code, refusal.details["class_name"], refusal.details["id"]) for refusal in lost}
        assert told == {(Code.DUPLICATE_VALUE, "@identity", f"username:{round_number}")}
        shop = Shop(stores[1], GATEWAY)
        assert len(await shop.ids("_User")) == round_number + 1
        assert len(await shop.ids("@identity")) == 2 * (round_number + 1)
        holder = (await shop.get("@identity", f"username:{round_number}"))["by"]
        assert holder == Pointer("_User", f"u{round_number}_{won[0]}")
    for store in stores:
        await store.close()
