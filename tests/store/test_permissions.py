"""Permissions of classes: the store agrees with the oracle on who may do what, and what is hidden stays hidden."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import Code, GatewayError
from gateway.model.definition import CreateClass, GetSchema, UpdateClass
from gateway.model.operation import (
    Batch,
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
    Result,
    Returning,
    Update,
    UpdateMany,
    Upsert,
)
from gateway.model.query import (
    Aggregate,
    Aggregated,
    And,
    Column,
    Comparison,
    Condition,
    Inverse,
    Literal,
    Not,
    Op,
    Output,
    RelatedTo,
    Sort,
    Subquery,
)
from gateway.model.schema import (
    CREATOR,
    EVERYBODY,
    NOBODY,
    OPEN,
    Action,
    AppSettings,
    ClassPermissions,
    ClassSchema,
    ClassSettings,
    Field,
    IndexOf,
    Kind,
    Protected,
    Rule,
    Type,
)
from gateway.model.update import AddRelation, Increment, Set, SetOnInsert, Unset
from gateway.model.values import ACL, ID, Fields, Object, Pointer
from gateway.store.schema import set_permissions
from gateway.store.session import Session
from gateway.store.sqlite import SqliteStore
from tests.oracle import hidden, permitted
from tests.store.conftest import Shop

MASTER = Caller("test", master=True)
GATEWAY = Caller("test", trusted=True)
ANYBODY = Caller("test")
ANN = Caller("test", user_id="ann", roles=frozenset({"mods"}))
BOB = Caller("test", user_id="bob", roles=frozenset({"mods", "fans"}))
CALLERS = (ANYBODY, ANN, BOB)

USER_POINTER = Type(Kind.POINTER, "_User")
FIELDS = {
    "n": Field(Type(Kind.NUMBER)),
    "secret": Field(Type(Kind.STRING)),
    "owner": Field(USER_POINTER),
    "team": Field(Type(Kind.ARRAY)),
}


def to(user: str) -> Pointer:
    return Pointer("_User", user)


OBJECTS: dict[str, Fields] = {
    "p1": {"n": 1, "secret": "s1"},
    "p2": {"n": 2, "secret": "s2", "owner": to("ann")},
    "p3": {"n": 3, "secret": "s3", "owner": to("bob"), "team": [to("ann"), to("cid")]},
    "p4": {"n": 4, "secret": "s4", "team": [to("bob"), "ann", Pointer("Post", "ann"), None, {"a": 1}]},
}


def rules(**by_action: Rule) -> ClassPermissions:
    """What is not said is everybody's."""
    return ClassPermissions({action: by_action.get(action.value, EVERYBODY) for action in Action})


async def given_posts(store: SqliteStore, permissions: ClassPermissions | None) -> None:
    await store.execute(CreateClass(class_name="Post", fields=FIELDS, permissions=permissions), MASTER)
    for known, fields in OBJECTS.items():
        changes = {name: Set(value) for name, value in fields.items()}
        await store.execute(Create(class_name="Post", id=known, changes=changes), GATEWAY)


async def outcome(store: SqliteStore, op: Operation, caller: Caller) -> Result | Code:
    try:
        return await store.execute(op, caller)
    except GatewayError as error:
        return error.code


# against the oracle

NAMES = st.sampled_from(["ann", "bob", "cid"])
ROLES = st.sampled_from(["mods", "fans"])
POINTERS = st.sets(st.sampled_from(["owner", "team", "n", "missing"]), max_size=2).map(tuple)
RULES = st.builds(
    Rule,
    everybody=st.booleans(),
    authenticated=st.booleans(),
    users=st.frozensets(NAMES, max_size=1),
    roles=st.frozensets(ROLES, max_size=1),
    fields=POINTERS,
    denied_users=st.frozensets(NAMES, max_size=1),
    denied_roles=st.frozensets(ROLES, max_size=1),
)
GROUP = st.lists(st.sampled_from(["secret", "n", "owner"]), max_size=3, unique=True).map(tuple)
PROTECTED = st.builds(
    Protected,
    everybody=st.none() | GROUP,
    authenticated=st.none() | GROUP,
    users=st.dictionaries(NAMES, GROUP, max_size=1),
    roles=st.dictionaries(ROLES, GROUP, max_size=2),
    fields=st.dictionaries(st.sampled_from(["owner", "team"]), GROUP, max_size=2),
)
PERMISSIONS = st.builds(
    ClassPermissions,
    rules=st.fixed_dictionaries(dict.fromkeys(Action, RULES)),
    read_fields=POINTERS,
    write_fields=POINTERS,
    protected=PROTECTED,
)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def seen_by(objects: list[Fields]) -> dict[str, Fields]:
    return {fields[ID]: {name: value for name, value in fields.items() if name[0] != "@"} for fields in objects}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(permissions=PERMISSIONS)
def test_store_and_oracle_agree(
    permissions: ClassPermissions, runner: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async def compare() -> None:
        apps = {"test": AppSettings({"Post": ClassSettings(permissions.rules, permissions.protected)})}
        stored = await SqliteStore.open(tmp_path_factory.mktemp("s") / "a.db", secret=b"")
        configured = await SqliteStore.open(tmp_path_factory.mktemp("s") / "b.db", secret=b"", apps=apps)
        try:
            await given_posts(stored, None)
            # not by the schema API, which knows no denials and checks the names of fields
            await stored._write(lambda session: set_in(session, permissions))
            await agrees(stored, permissions)
            await given_posts(configured, None)
            await agrees(configured, ClassPermissions(permissions.rules, protected=permissions.protected))
        finally:
            await stored.close()
            await configured.close()

    runner.run(compare())


def as_found(answer: Result | Code) -> dict[str, Fields]:
    if not isinstance(answer, Result):
        return {}
    return seen_by(answer.objects if answer.objects is not None else [answer.object or {}])


def set_in(session: Session, permissions: ClassPermissions) -> None:
    session.guard()
    session.schema = set_permissions(session.connection, session.schema, session.schema.classes["Post"], permissions)


async def agrees(store: SqliteStore, permissions: ClassPermissions) -> None:
    for caller in CALLERS:
        user, roles = caller.user_id, caller.roles

        def may(action: Action) -> dict[str, Fields]:
            return {
                known: {
                    name: value
                    for name, value in fields.items()
                    if name not in hidden(permissions, fields, user, roles)  # noqa: B023 (called in this round only)
                }
                for known, fields in OBJECTS.items()
                if permitted(permissions, action, fields, user, roles)  # noqa: B023
            }

        found = await outcome(store, Find(class_name="Post", limit=10), caller)
        assert (seen_by(found.objects or []) if isinstance(found, Result) else {}) == may(Action.FIND)
        counted = await outcome(store, Find(class_name="Post", limit=0, count=True), caller)
        assert (counted.total if isinstance(counted, Result) else 0) == len(may(Action.COUNT))
        got: dict[str, Fields] = {}
        for known in OBJECTS:
            one = await outcome(store, Get(class_name="Post", id=known), caller)
            if isinstance(one, Result):
                got.update(seen_by([one.object or {}]))
            where = Condition(ID, Op.EQ, known)
            asked = await outcome(store, Find(class_name="Post", limit=1, where=where), caller)
            assert (
                seen_by(asked.objects or []) == (seen_by([one.object or {}]) if isinstance(one, Result) else {})
                if isinstance(asked, Result)
                else not isinstance(one, Result)
            )
        assert got == may(Action.GET)
        updated = [
            known
            for known in OBJECTS
            if isinstance(await outcome(store, Update(class_name="Post", id=known, changes={}), caller), Result)
        ]
        assert updated == list(may(Action.UPDATE))
        deleting = [Delete(class_name="Post", ids=(known,)) for known in OBJECTS]
        assert await undone(store, deleting, caller) == [known in may(Action.DELETE) for known in OBJECTS]


async def undone(store: SqliteStore, ops: list[Delete], caller: Caller) -> list[bool]:
    """Whether each is allowed, and all as it was afterwards."""
    done = []
    for op in ops:
        done.append(isinstance(await outcome(store, op, caller), Result))
        if done[-1]:
            changes = {name: Set(value) for name, value in OBJECTS[op.ids[0]].items()}
            await store.execute(Create(class_name="Post", id=op.ids[0], changes=changes), GATEWAY)
    return done


# the refusals

REFUSALS: dict[str, Operation] = {
    "find": Find(class_name="Post", limit=5),
    "get": Get(class_name="Post", id="p1"),
    "get of what is not there": Get(class_name="Post", id="none"),
    "get as a query": Find(class_name="Post", limit=1, where=Condition(ID, Op.EQ, "p1")),
    "count": Find(class_name="Post", limit=0, count=True),
    "create": Create(class_name="Post", changes={"n": Set(1)}),
    "update": Update(class_name="Post", id="p1", changes={"n": Set(1)}),
    "delete": Delete(class_name="Post", ids=("p1",)),
    "add_field": Create(class_name="Post", changes={"new": Set(1)}),
    "add_field of an update": Update(class_name="Post", id="p1", changes={"new": Set(1)}),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_what_a_class_refuses_is_said(shop: Shop, name: str) -> None:
    action = name.split(maxsplit=1)[0]
    await given_posts(shop.store, rules(**{action: NOBODY}))
    told = {"action": action, "class_name": "Post"}
    for caller in CALLERS:
        assert await shop.of(caller).refused(REFUSALS[name]) == (Code.FORBIDDEN, told)
    before = (await shop.of(MASTER).do(Find(class_name="Post", limit=10))).objects
    assert before is not None
    assert len(before) == len(OBJECTS)
    assert before[0]["n"] == 1
    await shop.of(MASTER).do(UpdateClass(class_name="Post", permissions=rules(**{action: Rule(authenticated=True)})))
    assert await shop.of(ANYBODY).refused(REFUSALS[name]) == (Code.LOGIN_REQUIRED, told)


async def test_neither_master_nor_gateway_is_asked(shop: Shop) -> None:
    await given_posts(shop.store, ClassPermissions())
    for caller in (MASTER, GATEWAY):
        for name, op in REFUSALS.items():
            if name != "get of what is not there":
                await shop.of(caller).do(op)
                if name == "delete":
                    await shop.of(GATEWAY).create("Post", "p1", n=1)


# by every way that a query has

WAYS: dict[str, Operation] = {
    "include": Find(class_name="Note", limit=5, include=("post",)),
    "include by a path": Find(class_name="Note", limit=5, select=("post.n",)),
    "include in a get": Get(class_name="Note", id="n1", include=("*",)),
    "subquery": Find(class_name="Note", limit=5, where=Condition("post", Op.IN, Subquery("Post"))),
    "subquery, counted": Find(class_name="Note", limit=0, count=True, where=Condition("post", Op.IN, Subquery("Post"))),
    "denied subquery": Find(class_name="Note", limit=5, where=Condition("post", Op.NOT_IN, Subquery("Post"))),
    "subquery by key": Find(class_name="Note", limit=5, where=Condition("n", Op.IN, Subquery("Post", key="n"))),
    "subquery, a page": Find(
        class_name="Note", limit=5, where=Condition("n", Op.IN, Subquery("Post", key="n", limit=1))
    ),
    "subquery in a subquery": Find(
        class_name="Note",
        limit=5,
        where=Condition("other", Op.IN, Subquery("Note", Condition("post", Op.IN, Subquery("Post")))),
    ),
    "redirect": Find(class_name="Note", limit=5, redirect_key="post"),
    "condition of an update": Update(
        class_name="Note", id="n1", changes={}, where=Condition("post", Op.IN, Subquery("Post"))
    ),
    "condition of a deletion": Delete(class_name="Note", ids=("n1",), where=Condition("post", Op.IN, Subquery("Post"))),
    "item of a batch": Batch(items=(Find(class_name="Post", limit=5),), atomic=True),
    "rows": Find(class_name="Post", limit=5, select=("n",), distinct=True),
    "condition of many": UpdateMany(class_name="Post", changes={}, where=Condition("n", Op.EQ, 1)),
    "condition of many to delete": DeleteMany(class_name="Post", where=Condition("n", Op.EQ, 99)),
    "condition of members": Relate(
        class_name="Note", id="n2", field="posts", how=Relating.ADD, where=Condition("n", Op.EQ, 1)
    ),
    "members": Relate(class_name="Note", id="n2", field="posts", how=Relating.ADD, ids=("p1",)),
    "related": FindRelated(class_name="Note", id="n2", field="posts", limit=5),
    "pointed to": FindRelated(class_name="Note", id="n1", field="post", limit=5),
    "what points": Find(class_name="_User", limit=5, where=Inverse("Post", "owner")),
}


async def given_notes(shop: Shop) -> None:
    await shop.of(GATEWAY).create("Note", "n1", post=Pointer("Post", "p2"), n=2, other=Pointer("Note", "n1"))
    members = AddRelation((Pointer("Post", "p2"), Pointer("Post", "p3")))
    await shop.of(GATEWAY).create("_User", "ann")
    await shop.of(GATEWAY).change("Note", "n2", posts=members, n=Set(9))


@pytest.mark.parametrize("name", WAYS)
async def test_no_way_leads_around_a_class(shop: Shop, name: str) -> None:
    await given_posts(shop.store, rules(find=NOBODY, get=NOBODY))
    await given_notes(shop)
    assert (await shop.of(ANN).refused(WAYS[name]))[0] is Code.FORBIDDEN
    await shop.of(MASTER).do(WAYS[name])


async def test_behind_a_pointer_there_is_nothing_of_a_closed_class(shop: Shop) -> None:
    await given_posts(shop.store, rules(get=NOBODY))
    await given_notes(shop)
    where = Comparison(Column("post.n"), Op.EQ, Literal(2))
    told = Find(class_name="Note", limit=5, select=("other",), outputs=(Output("x", Column("post.n")),))
    for caller, found, value in ((ANN, [], None), (MASTER, ["n1"], 2)):
        assert await shop.of(caller).ids("Note", where) == found
        first = ((await shop.of(caller).do(told)).objects or [{}])[0]
        assert first.get("x") == value


async def test_objects_that_are_not_for_the_caller_are_not_there(shop: Shop) -> None:
    mine = Rule(fields=("owner", "team"))
    await given_posts(shop.store, rules(find=mine, get=mine, count=mine))
    await given_notes(shop)
    ann, bob, anybody = shop.of(ANN), shop.of(BOB), shop.of(ANYBODY)
    assert await ann.ids("Post") == ["p2", "p3"]
    assert await bob.ids("Post") == ["p3", "p4"]
    assert await anybody.ids("Post") == []
    negated = Not(Condition("n", Op.EQ, 99))
    assert await ann.ids("Post", negated) == ["p2", "p3"]
    for caller, notes in ((ann, ["n1"]), (bob, []), (anybody, [])):
        assert await caller.ids("Note", Condition("post", Op.IN, Subquery("Post"))) == notes
        included = (await caller.do(Get(class_name="Note", id="n1", include=("post",)))).object or {}
        assert isinstance(included.get("post"), Object) is bool(notes)
        assert ("post" in included) is bool(notes)
    related = RelatedTo(Pointer("Note", "n2"), "posts")
    assert await ann.ids("Post", related) == ["p2", "p3"]
    assert await bob.ids("Post", related) == ["p3"]
    of_p2 = Condition("posts", Op.EQ, Pointer("Post", "p2"))
    assert [await caller.ids("Note", of_p2) for caller in (ann, bob)] == [["n2"], []]


async def test_the_members_of_what_one_may_not_get_are_not_told(shop: Shop) -> None:
    await given_posts(shop.store, None)
    await given_notes(shop)
    related = RelatedTo(Pointer("Note", "n2"), "posts")
    assert await shop.of(ANN).ids("Post", related) == ["p2", "p3"]
    await shop.of(MASTER).do(UpdateClass(class_name="Note", permissions=rules(get=NOBODY)))
    assert await shop.of(ANN).ids("Post", related) == []


async def test_who_may_change_and_not_get_learns_nothing(shop: Shop) -> None:
    await given_posts(shop.store, rules(get=Rule(fields=("owner",)), find=NOBODY))
    ann = shop.of(ANN)
    more = {"n": Increment(1)}
    told = await ann.do(Update(class_name="Post", id="p1", changes=more, returning=Returning.EVERYTHING))
    assert (told.object, told.created_at) == ({}, None)
    own = await ann.do(Update(class_name="Post", id="p2", changes=more, returning=Returning.EVERYTHING))
    assert (own.object or {})["n"] == 3
    for op in (
        Update(class_name="Post", id="p1", changes={}, where=Condition("secret", Op.EQ, "s1")),
        Delete(class_name="Post", ids=("p1",), where=Condition("secret", Op.EQ, "s1")),
    ):
        assert (await ann.refused(op))[0] is Code.CONDITION_FAILED


async def test_a_new_object_names_its_creator_where_it_must(shop: Shop) -> None:
    await given_posts(shop.store, rules(create=Rule(fields=("owner",))))
    ann = shop.of(ANN)
    await ann.create("Post", n=1, owner=to("ann"))
    for changes in ({}, {"owner": Set(to("bob"))}, {"owner": Set(None)}):
        refusal = await ann.refused(Create(class_name="Post", changes=changes))
        assert refusal == (Code.FORBIDDEN, {"action": "create", "class_name": "Post"})
    assert len(await shop.of(MASTER).ids("Post")) == len(OBJECTS) + 1


async def test_who_may_write_cannot_give_itself_the_right_first(shop: Shop) -> None:
    await given_posts(shop.store, rules(update=Rule(fields=("owner",)), add_field=Rule(fields=("owner",))))
    ann = shop.of(ANN)
    taking = Update(class_name="Post", id="p1", changes={"owner": Set(to("ann"))})
    assert (await ann.refused(taking))[0] is Code.OBJECT_NOT_FOUND
    await ann.update("Post", "p2", new=Set(1))
    assert (await ann.refused(Create(class_name="Post", changes={"newer": Set(1), "owner": Set(to("ann"))})))[0] is (
        Code.FORBIDDEN
    )


# fields that are hidden

HIDING: dict[str, Operation] = {
    "condition": Find(class_name="Post", limit=5, where=Condition("secret", Op.EQ, "s1")),
    "condition on whether there is one": Find(
        class_name="Post", limit=5, where=Condition("secret", Op.EXISTS, value=True)
    ),
    "condition below": Find(class_name="Post", limit=5, where=Condition("secret.a", Op.EQ, "s1")),
    "negated condition": Find(class_name="Post", limit=5, where=Not(And((Condition("secret", Op.EQ, "s1"),)))),
    "count": Find(class_name="Post", limit=0, count=True, where=Condition("secret", Op.EQ, "s1")),
    "order": Find(class_name="Post", limit=5, order=(Sort("n"), Sort("secret", descending=True))),
    "subquery": Find(
        class_name="Note", limit=5, where=Condition("post", Op.IN, Subquery("Post", Condition("secret", Op.EQ, "s1")))
    ),
    "key of a subquery": Find(
        class_name="Note", limit=5, where=Condition("text", Op.IN, Subquery("Post", key="secret"))
    ),
    "order of a subquery": Find(
        class_name="Note",
        limit=5,
        where=Condition("n", Op.IN, Subquery("Post", key="n", order=(Sort("secret"),), limit=1)),
    ),
    "redirect": Find(class_name="Note", limit=5, redirect_key="post", where=Condition("secret", Op.EQ, "s1")),
    "condition of an update": Update(class_name="Post", id="p1", changes={}, where=Condition("secret", Op.EQ, "s1")),
    "condition of a deletion": Delete(class_name="Post", ids=("p1",), where=Condition("secret", Op.EQ, "s1")),
    "calculation": Find(class_name="Post", limit=5, where=Comparison(Column("secret"), Op.EQ, Literal("s1"))),
    "calculation behind a pointer": Find(
        class_name="Note", limit=5, where=Comparison(Column("post.secret"), Op.EQ, Literal("s1"))
    ),
    "condition of what points": Find(
        class_name="_User", limit=5, where=Inverse("Post", "owner", Condition("secret", Op.EQ, "s1"))
    ),
    "output": Find(class_name="Post", limit=5, outputs=(Output("x", Column("secret")),)),
    "output of one object": Get(class_name="Post", id="p1", outputs=(Output("x", Column("secret")),)),
    "output of what is related": FindRelated(
        class_name="Note", id="n2", field="posts", limit=5, outputs=(Output("x", Column("secret")),)
    ),
    "output behind a pointer": Find(class_name="Note", limit=5, outputs=(Output("x", Column("post.secret")),)),
    "aggregate": Find(class_name="Post", limit=5, outputs=(Output("x", Aggregated(Aggregate.MAX, Column("secret"))),)),
    "group": Find(class_name="Post", limit=5, group_by=("secret",)),
    "row": Find(class_name="Post", limit=5, select=("secret",), distinct=True),
    "condition of many": UpdateMany(class_name="Post", changes={}, where=Condition("secret", Op.EQ, "s1")),
    "condition of many to delete": DeleteMany(class_name="Post", where=Condition("secret", Op.EQ, "none")),
    "condition of what is related": FindRelated(
        class_name="Note", id="n2", field="posts", limit=5, where=Condition("secret", Op.EQ, "s1")
    ),
    "condition of what is to be related": Relate(
        class_name="Note", id="n2", field="posts", how=Relating.ADD, where=Condition("secret", Op.EQ, "s1")
    ),
}


@pytest.mark.parametrize("name", HIDING)
async def test_a_hidden_field_cannot_be_asked_for(shop: Shop, name: str) -> None:
    protected = Protected(everybody=("secret",), roles={"fans": ()})
    await given_posts(shop.store, ClassPermissions(OPEN.rules, protected=protected))
    await given_notes(shop)
    for caller in (ANYBODY, ANN):
        code, details = await shop.of(caller).refused(HIDING[name])
        assert (code, details["class_name"]) == (Code.FORBIDDEN, "Post")
    if not isinstance(HIDING[name], Update | Delete | UpdateMany | DeleteMany | Relate):
        await shop.of(BOB).do(HIDING[name])
    await shop.of(MASTER).do(HIDING[name])


SHOWING: dict[str, Operation] = {
    "get": Get(class_name="Post", id="p1"),
    "find": Find(class_name="Post", limit=5),
    "find by another field": Find(class_name="Post", limit=5, where=Condition("n", Op.GT, 0)),
    "selected": Find(class_name="Post", limit=5, select=("secret",)),
    "selected below": Find(class_name="Note", limit=5, select=("post.secret",)),
    "included": Find(class_name="Note", limit=5, include=("post",)),
    "redirected": Find(class_name="Note", limit=5, redirect_key="post"),
    "created": Create(class_name="Post", changes={"secret": Set("s")}, returning=Returning.EVERYTHING),
    "updated": Update(class_name="Post", id="p1", changes={"n": Set(5)}, returning=Returning.EVERYTHING),
    "changed": Update(class_name="Post", id="p1", changes={"secret": Set("s")}, returning=Returning.CHANGED),
    "set on insert": Create(class_name="Post", changes={"secret": SetOnInsert("s")}),
    "in a batch": Batch(items=(Get(class_name="Post", id="p1"), Find(class_name="Post", limit=5))),
    "related": FindRelated(class_name="Note", id="n2", field="posts", limit=5),
    "pointed to": FindRelated(class_name="Note", id="n1", field="post", limit=5),
    "members": Get(class_name="Note", id="n2", include=("posts",), members=5),
    "everything": Get(class_name="Note", id="n1", depth=2),
    "saved with others": DeepSave(class_name="Note", tree={ID: "n1", "post": {ID: "p2", "n": 8}}),
    "made or changed": Upsert(class_name="Post", id="p1", changes={"n": Set(5)}, returning=Returning.EVERYTHING),
}


@pytest.mark.parametrize("name", SHOWING)
async def test_a_hidden_field_is_not_shown(shop: Shop, name: str) -> None:
    await given_posts(shop.store, ClassPermissions(OPEN.rules, protected=Protected(everybody=("secret",))))
    await given_notes(shop)
    # a dialect that shows columns without a value shows this one as such
    assert "secret" not in repr(await shop.of(ANN).do(SHOWING[name])).replace("'secret': None", "")
    assert "secret" in repr(await shop.of(MASTER).do(SHOWING[name]))


async def test_users_see_their_own_and_nothing_frees_what_lets_one_in(shop: Shop) -> None:
    master = shop.of(MASTER)
    await master.create("_User", "ann", email="a@x", authData={"github": {"id": "1"}}, nick="a")
    await master.create("_User", "bob", email="b@x", authData={}, nick="b")
    assert await shop.of(ANN).get("_User", "ann") == {"email": "a@x", "authData": {"github": {"id": "1"}}, "nick": "a"}
    assert await shop.of(ANN).get("_User", "bob") == {"nick": "b"}
    freed = Protected(everybody=("nick",), roles={"mods": ()})
    await master.do(UpdateClass(class_name="_User", permissions=ClassPermissions(OPEN.rules, protected=freed)))
    assert await shop.of(ANYBODY).get("_User", "bob") == {}
    assert await shop.of(ANN).get("_User", "bob") == {"email": "b@x", "nick": "b"}
    for field in ("authData.github.id", "authData"):
        asked = Find(class_name="_User", limit=5, where=Condition(field, Op.EQ, "1"))
        assert (await shop.of(ANN).refused(asked))[0] is Code.FORBIDDEN


# what new objects get


async def test_defaults_and_required_fields(shop: Shop) -> None:
    fields = {
        "title": Field(Type(Kind.STRING), required=True),
        "n": Field(Type(Kind.NUMBER), default=0),
        "tags": Field(Type(Kind.ARRAY), required=True, default=["new"]),
    }
    await shop.of(MASTER).do(CreateClass(class_name="Post", fields=fields))
    for changes in ({}, {"title": Set("")}, {"title": Set(None)}, {"title": Unset()}):
        assert await shop.refused(Create(class_name="Post", changes=changes)) == (
            Code.MISSING_VALUE,
            {"class_name": "Post", "field": "title"},
        )
    made = await shop.do(Create(class_name="Post", changes={"title": Set("a")}))
    assert made.object == {"n": 0, "tags": ["new"]}
    known = made.id or ""
    assert await shop.get("Post", known) == {"title": "a", "n": 0, "tags": ["new"]}
    kept = await shop.create("Post", title="b", n=None, tags=["x"])
    assert await shop.get("Post", kept) == {"title": "b", "n": None, "tags": ["x"]}
    await shop.update("Post", known, n=Unset())
    assert await shop.get("Post", known) == {"title": "a", "tags": ["new"]}
    for caller in (CALLERS[0], MASTER):
        op = Update(class_name="Post", id=known, changes={"title": Unset()})
        assert (await shop.of(caller).refused(op))[0] is Code.MISSING_VALUE
    other = await shop.do(Create(class_name="Post", changes={"title": Set("c")}))
    assert other.object == {"n": 0, "tags": ["new"]}


async def test_a_default_list(shop: Shop) -> None:
    acl = {"*": {"read": True}, CREATOR: {"read": True, "write": True}}
    await given_posts(shop.store, ClassPermissions(OPEN.rules, default_acl=acl))
    own = {"*": {"read": True}, "ann": {"read": True, "write": True}}
    made = await shop.of(ANN).do(Create(class_name="Post", changes={"n": Set(1)}))
    assert made.object == {ACL: own}
    anonymous = await shop.of(ANYBODY).do(Create(class_name="Post", changes={}))
    assert anonymous.object == {ACL: {"*": {"read": True}}}
    by_master = await shop.of(MASTER).do(Create(class_name="Post", changes={}, returning=Returning.EVERYTHING))
    assert (by_master.object or {})[ACL] == {"*": {"read": True}}
    chosen = await shop.of(ANN).do(Create(class_name="Post", changes={ACL: Set({"bob": {"read": True}})}))
    assert ACL not in (chosen.object or {})


# what applications say


@pytest.fixture
async def ruled(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    apps = {
        "strict": AppSettings(
            {
                "Post": ClassSettings(
                    {Action.FIND: Rule(authenticated=True), Action.CREATE: NOBODY},
                    Protected(everybody=("secret",)),
                    {CREATOR: {"read": True}},
                    frozenset({"n"}),
                ),
                "_User": ClassSettings(protected=Protected()),
            },
            creates_classes=False,
        )
    }
    store = await SqliteStore.open(tmp_path / "ruled.db", secret=b"", apps=apps)
    yield store
    await store.close()


async def test_settings_go_over_what_is_stored_and_concern_their_application_only(ruled: SqliteStore) -> None:
    await given_posts(ruled, rules(find=NOBODY, delete=NOBODY))
    strict, other = Shop(ruled, Caller("strict", user_id="ann")), Shop(ruled, ANN)
    assert await strict.ids("Post") == list(OBJECTS)
    assert await strict.get("Post", "p1") == {"n": 1}
    assert (await other.refused(Find(class_name="Post", limit=1)))[0] is Code.FORBIDDEN
    assert await other.get("Post", "p1") == {"n": 1, "secret": "s1"}
    assert (await strict.refused(Create(class_name="Post", changes={})))[0] is Code.FORBIDDEN
    await other.create("Post", "p9", n=1)
    for shop in (strict, other):
        assert (await shop.refused(Delete(class_name="Post", ids=("p1",))))[0] is Code.FORBIDDEN
    write = Update(class_name="Post", id="p1", changes={"n": Increment(1)})
    assert await strict.refused(write) == (Code.FORBIDDEN, {"field": "n"})
    below = Update(class_name="Post", id="p1", changes={"n.a": Set(1)})
    assert await strict.refused(below) == (Code.FORBIDDEN, {"field": "n.a"})
    await other.do(write)
    await other.create("_User", "tom", email="t@x", authData={})
    assert (await strict.get("_User", "tom"), await other.get("_User", "tom")) == ({"email": "t@x"}, {})


async def test_clients_may_be_kept_from_making_classes(ruled: SqliteStore) -> None:
    client, master = Shop(ruled, Caller("strict")), Shop(ruled, Caller("strict", master=True))
    for op in (
        Create(class_name="New", changes={"n": Set(1)}),
        Find(class_name="New", limit=1),
        Get(class_name="New", id="x"),
        Update(class_name="New", id="x", changes={}),
        Delete(class_name="New", ids=("x",)),
    ):
        assert await client.refused(op) == (Code.FORBIDDEN, {"class_name": "New"})
    await master.create("New", n=1)
    assert len(await client.ids("New")) == 1


async def test_private_classes_are_out_of_reach_of_settings_and_schemas(shop: Shop) -> None:
    await shop.of(GATEWAY).create("@kept", "x", n=1)
    assert (await shop.of(MASTER).refused(GetSchema(class_name="@kept")))[0] is Code.BAD_CLASS_NAME
    assert (await shop.of(MASTER).refused(CreateClass(class_name="@new")))[0] is Code.BAD_CLASS_NAME


# what is kept


async def test_permissions_are_kept_and_other_processes_see_them(tmp_path: Path) -> None:
    first = await SqliteStore.open(tmp_path / "a.db", secret=b"")
    second = await SqliteStore.open(tmp_path / "a.db", secret=b"")
    permissions = ClassPermissions(
        rules(find=Rule(False, True, frozenset({"ann"}), frozenset({"mods"}), ("owner",), frozenset({"x"}))).rules,
        ("owner",),
        ("team",),
        Protected(("secret",), (), {"ann": ("n",)}, {"mods": ()}, {"owner": ("n",)}),
        {CREATOR: {"read": True}},
    )
    try:
        await given_posts(first, None)
        assert len(await Shop(second, ANYBODY).ids("Post")) == len(OBJECTS)
        assert await Shop(second, ANYBODY).get("Post", "p1") == OBJECTS["p1"]
        await first.execute(UpdateClass(class_name="Post", permissions=permissions), MASTER)
        assert (await Shop(second, ANYBODY).refused(Find(class_name="Post", limit=1)))[0] is Code.LOGIN_REQUIRED
        assert await Shop(second, ANYBODY).get("Post", "p1") == {"n": 1}
        told = (await second.execute(GetSchema(class_name="Post"), MASTER)).schema
        assert told == ClassSchema("Post", FIELDS, permissions)
    finally:
        await first.close()
        await second.close()


OLD = """
CREATE TABLE catalogue(format INTEGER NOT NULL, version INTEGER NOT NULL);
CREATE TABLE class(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE field(
    id INTEGER PRIMARY KEY, class INTEGER NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL, target TEXT,
    UNIQUE(class, name)
);
CREATE TABLE declared_index(
    id INTEGER PRIMARY KEY, class INTEGER NOT NULL, fields TEXT NOT NULL, is_unique INTEGER NOT NULL,
    UNIQUE(class, fields)
);
CREATE TABLE member(
    field INTEGER NOT NULL, owner TEXT NOT NULL, member TEXT NOT NULL, PRIMARY KEY(field, owner, member)
) WITHOUT ROWID;
CREATE INDEX member_owners ON member(field, member, owner);
INSERT INTO catalogue(format, version) VALUES (1, 3);
INSERT INTO class(id, name) VALUES (1, 'Post');
INSERT INTO field(class, name, type) VALUES (1, 'slug', 'String');
INSERT INTO declared_index(id, class, fields, is_unique) VALUES (1, 1, '["slug"]', 1);
CREATE TABLE object_1(seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL, acl TEXT, doc BLOB NOT NULL);
CREATE UNIQUE INDEX index_1 ON object_1(doc ->> '$.slug');
INSERT INTO object_1(id, created_at, updated_at, doc)
    VALUES ('p1', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', jsonb('{"slug":"a"}'));
PRAGMA application_id = 0x42614153;
"""


async def test_a_file_of_the_first_format_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    connection = apsw.Connection(str(path))
    connection.execute(OLD)
    connection.close()
    stores = [await SqliteStore.open(path, secret=b"") for _ in range(2)]
    try:
        for store in stores:
            shop = Shop(store, MASTER)
            assert await shop.get("Post", "p1") == {"slug": "a"}
            assert (await shop.refused(Create(class_name="Post", changes={"slug": Set("a")})))[
                0
            ] is Code.DUPLICATE_VALUE
            told = (await shop.do(GetSchema(class_name="Post"))).schema
            slug = {"slug": Field(Type(Kind.STRING))}
            assert told == ClassSchema("Post", slug, OPEN, {"slug_1": IndexOf((("slug", False),), unique=True)})
        await Shop(stores[0], MASTER).do(UpdateClass(class_name="Post", permissions=rules(get=NOBODY)))
        assert (await Shop(stores[1]).refused(Get(class_name="Post", id="p1")))[0] is Code.FORBIDDEN
    finally:
        for store in stores:
            await store.close()
