"""Credentials become a Caller, and no backend is asked for what the caller may not do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from gateway.authorise import Client, Guarded, identify
from gateway.dialects.credentials import digest
from gateway.errors import Code, GatewayError
from gateway.mapping.schema import Proves
from gateway.model.operation import (
    Batch,
    Caller,
    CountInGroup,
    Create,
    CreateMany,
    Credentials,
    DeepSave,
    Deferred,
    Delete,
    DeleteMany,
    Find,
    FindGroups,
    FindRelated,
    Get,
    NewObject,
    Operation,
    Relate,
    Relating,
    Result,
    Scan,
    ServerTime,
    Signature,
    Update,
    UpdateMany,
    Upsert,
)
from gateway.model.query import And, Condition, Filter, Inverse, Not, Op, Or, Subquery
from gateway.model.values import Object, Pointer, ResultOf

KEYS = {"app_key": "key", "master_key": "master"}
MASTER_ONLY = {"master_key": "master"}
PROVES = Proves(client=("app_key", "other_key"), master=("master_key",))
CLIENT, MASTER = Caller("demo"), Caller("demo", master=True)


def signed(key: str, *, master: bool = False) -> Credentials:
    return Credentials("demo", signature=Signature(digest("1700000000000", key), "1700000000000", master))


def sent(**keys: str) -> Credentials:
    return Credentials("demo", keys)


# what the application has, whether its id alone is enough without keys, what was sent, who that is
CALLERS: tuple[tuple[str, Mapping[str, str], bool, Credentials, Caller | None], ...] = (
    ("no key", KEYS, False, sent(), None),
    ("no key, and keys are configured", KEYS, True, sent(), None),
    ("no key, none configured, open", MASTER_ONLY, True, sent(), CLIENT),
    ("no key, none configured, closed", MASTER_ONLY, False, sent(), None),
    ("the right key", KEYS, False, sent(app_key="key"), CLIENT),
    ("a wrong key", KEYS, False, sent(app_key="kex"), None),
    ("the right key under another name", KEYS, False, sent(other_key="key"), None),
    ("an unknown key, none configured, open", MASTER_ONLY, True, sent(app_key="x"), CLIENT),
    ("the master key", KEYS, False, sent(master_key="master"), MASTER),
    ("the master key, and a wrong client key", KEYS, False, sent(app_key="x", master_key="master"), MASTER),
    ("a wrong master key", KEYS, False, sent(master_key="x"), None),
    ("a wrong master key beside a good client key", KEYS, False, sent(app_key="key", master_key="x"), CLIENT),
    ("a wrong master key, none other configured, open", MASTER_ONLY, True, sent(master_key="x"), None),
    ("a wrong master key and a wrong client key, open", MASTER_ONLY, True, sent(app_key="x", master_key="x"), None),
    ("the client key as the master key", KEYS, False, sent(master_key="key"), None),
    ("the master key as the client key", KEYS, False, sent(app_key="master"), None),
    ("an empty key", KEYS, False, sent(app_key=""), None),
    ("a key that is no UTF-8", KEYS, False, sent(app_key="\udcff"), None),
    ("a key with an accent", {"app_key": "kéy"}, False, sent(app_key="kéy"), CLIENT),
    ("signed with the key", KEYS, False, signed("key"), CLIENT),
    ("signed with another key", KEYS, False, signed("kex"), None),
    ("signed with the master key, as the master", KEYS, False, signed("master", master=True), MASTER),
    ("signed with the master key, not as the master", KEYS, False, signed("master"), None),
    ("signed with the client key, as the master", KEYS, False, signed("key", master=True), None),
    ("signed with nothing, open", MASTER_ONLY, True, signed(""), None),
)


@pytest.mark.parametrize(
    ("keys", "open_without_keys", "credentials", "expected"), [pytest.param(*row[1:], id=row[0]) for row in CALLERS]
)
def test_credentials_become_a_caller(
    keys: Mapping[str, str], open_without_keys: bool, credentials: Credentials, expected: Caller | None
) -> None:
    client = Client("demo", keys, Guarded(Recording()))
    if expected is not None:
        assert identify(client, credentials, PROVES, open_without_keys=open_without_keys) == expected
        return
    with pytest.raises(GatewayError) as refused:
        identify(client, credentials, PROVES, open_without_keys=open_without_keys)
    assert (refused.value.code, refused.value.message) == (Code.UNAUTHORIZED, "unauthorized")


class Recording:
    """A backend that answers everything, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Operation] = []

    async def execute(self, op: Operation, caller: Caller) -> Result:
        self.asked.append(op)
        return Result(items=[Result(id=str(at)) for at in range(len(op.items))]) if isinstance(op, Batch) else Result()

    async def identify(self, caller: Caller) -> Caller:
        return caller

    async def close(self) -> None:
        pass


POST, USER = Get(class_name="Post", id="x"), Get(class_name="_Product", id="x")
SCAN = Scan(class_name="Post", limit=1)
OWN_ID, NO_ID = Create(class_name="Post", id="mine", changes={}), Create(class_name="Post", id="", changes={})


def many(class_name: str, known: str | None) -> CreateMany:
    return CreateMany(class_name=class_name, objects=(NewObject({}), NewObject({}, known)))


FROM_X = {"id": ResultOf("x")}
CHOOSING: Mapping[str, Operation] = {
    "to save": Upsert(class_name="Post", id="mine", changes={}),
    "of many": many("Post", "mine"),
    "of a tree": DeepSave(class_name="Post", tree={"@id": "mine", "n": 1}),
    "below": DeepSave(class_name="Post", tree={"by": [{"a": Object("Person", {"@id": "mine", "n": 1})}]}),
    "of an earlier item": Deferred(item=Upsert(class_name="Post", changes={}), fields=FROM_X),
    "of an earlier item, to make": Deferred(item=Create(class_name="Post", changes={}), fields=FROM_X),
}
"""An id of the client's own, for what may be new."""

NAMING: Mapping[str, Operation] = {
    "linked": DeepSave(class_name="Post", tree={"by": {"@id": "there"}, "in": [Object("Tag", {"@id": "there"})]}),
    "changed": UpdateMany(class_name="Post", changes={}, ids=("there",)),
    "deleted": DeleteMany(class_name="Post", ids=("there",)),
    "related": Relate(class_name="Post", id="there", field="r", how=Relating.ADD, ids=("there",), target="Tag"),
    "of an earlier item": Deferred(item=Get(class_name="Post", id=""), fields=FROM_X),
}


def grouped(name: str, where: Filter | None = None) -> FindGroups:
    return FindGroups(class_name=name, limit=1, group_limit=1, object_limit=1, levels=1, where=where)


def private(name: str) -> Iterator[tuple[str, Operation]]:
    inside: tuple[Filter, ...] = (Condition("by", Op.IN, Subquery(name)), Inverse(name, "posts"))
    deep = Subquery("Post", Not(Or((inside[0],))))
    yield "saved", Upsert(class_name=name, changes={})
    yield "made", many(name, None)
    yield "changed", UpdateMany(class_name=name, changes={}, where=And(()))
    yield "deleted", DeleteMany(class_name=name, ids=("x",))
    yield "related", Relate(class_name=name, id="x", field="r", how=Relating.ADD, ids=("y",))
    yield "related to", Relate(class_name="Post", id="x", field="r", how=Relating.ADD, ids=("y",), target=name)
    yield "a tree", DeepSave(class_name=name, tree={})
    yield "in a tree", DeepSave(class_name="Post", tree={"a": [Object("Tag", {"b": Object(name, {})})]})
    yield "pointed to in a tree", DeepSave(class_name="Post", tree={"a": {"b": Pointer(name, "x")}})
    yield "looked into", FindRelated(class_name=name, id="x", field="r", limit=1)
    yield "grouped", grouped(name)
    yield "counted", CountInGroup(class_name=name, path=())
    yield "deferred", Deferred(item=Get(class_name=name, id=""), fields=FROM_X)
    yield "asked below", Find(class_name="Post", limit=1, where=Condition("by", Op.IN, deep))
    for where in inside:
        kind = type(where).__name__
        yield f"asked by {kind}", Find(class_name="Post", limit=1, where=And((where,)))
        yield f"grouped by {kind}", grouped("Post", where)
        yield f"counted by {kind}", CountInGroup(class_name="Post", path=(), where=where)
        yield f"changed by {kind}", UpdateMany(class_name="Post", changes={}, where=Or((where,)))
        yield f"deleted by {kind}", DeleteMany(class_name="Post", where=Not(where))
        yield f"related by {kind}", Relate(class_name="Post", id="x", field="r", how=Relating.SET, where=where)


PRIVATE = [(f"{name}, {how}", op) for name in ("_Product", "@token") for how, op in private(name)]

REFUSALS: tuple[tuple[str, Operation, Caller, bool, Code | None], ...] = (
    ("an object", POST, CLIENT, False, None),
    ("the server's time", ServerTime(), CLIENT, False, None),
    ("a class of the system's", USER, CLIENT, False, Code.UNSUPPORTED),
    ("a class of the system's, the master", USER, MASTER, False, Code.UNSUPPORTED),
    ("a scan", SCAN, CLIENT, False, Code.MASTER_REQUIRED),
    ("a scan, the master", SCAN, MASTER, False, None),
    ("an id of the client's own", OWN_ID, CLIENT, False, Code.RESERVED_FIELD),
    ("an id of the client's own, where that is allowed", OWN_ID, CLIENT, True, None),
    ("an id of nothing, where one is allowed", NO_ID, CLIENT, True, Code.MISSING_ID),
    *((f"an own id, {name}", op, CLIENT, False, Code.RESERVED_FIELD) for name, op in CHOOSING.items()),
    *((f"an own id, {name}, where that is allowed", op, CLIENT, True, None) for name, op in CHOOSING.items()),
    *((f"an id that is there, {name}", op, CLIENT, False, None) for name, op in NAMING.items()),
    ("the id of everybody, for a user", Upsert(class_name="_User", id="*", changes={}), CLIENT, True, Code.FORBIDDEN),
    ("the id of a role, for a user", many("_User", "role:x"), CLIENT, True, Code.FORBIDDEN),
    *((f"a class of the system's, {name}", op, MASTER, True, Code.UNSUPPORTED) for name, op in PRIVATE),
)


@pytest.mark.parametrize(
    ("op", "caller", "custom_ids", "code"), [pytest.param(*row[1:], id=row[0]) for row in REFUSALS]
)
async def test_the_backend_is_asked_for_what_is_allowed(
    op: Operation, caller: Caller, custom_ids: bool, code: Code | None
) -> None:
    for batch in (False, True):  # an operation alone, and the same in a batch that is all or none
        backend = Recording()
        asked: Operation = Batch(items=(op,), atomic=True) if batch else op
        try:
            await Guarded(backend, custom_ids=custom_ids).execute(asked, caller)
            found = None
        except GatewayError as error:
            found = error.code
        assert (found, backend.asked) == (code, [asked] if code is None else [])


async def test_each_item_of_a_batch_is_answered_in_its_own_place() -> None:
    backend = Recording()
    op = Batch(items=(USER, POST, SCAN, POST), names=("a", "b", None, "c"))
    result = await Guarded(backend).execute(op, CLIENT)
    assert backend.asked == [Batch(items=(POST, POST), names=("b", "c"))]
    told = [item.code if isinstance(item, GatewayError) else item.id for item in result.items or []]
    assert told == [Code.UNSUPPORTED, "0", Code.MASTER_REQUIRED, "1"]


async def test_a_batch_of_refusals_asks_nothing() -> None:
    backend = Recording()
    result = await Guarded(backend).execute(Batch(items=(USER, SCAN)), CLIENT)
    told = [item.code for item in result.items or [] if isinstance(item, GatewayError)]
    assert (told, backend.asked) == ([Code.UNSUPPORTED, Code.MASTER_REQUIRED], [])


async def test_one_refusal_refuses_an_atomic_batch() -> None:
    backend = Recording()
    with pytest.raises(GatewayError) as refused:
        await Guarded(backend).execute(Batch(items=(POST, USER), atomic=True), MASTER)
    assert (refused.value.code, refused.value.details["item"], backend.asked) == (Code.UNSUPPORTED, "1", [])


class Redirecting(Recording):
    """A backend with a class of posts, whose field `author` holds users."""

    async def execute(self, op: Operation, caller: Caller) -> Result:
        await super().execute(op, caller)
        return Result(class_name="_User" if getattr(op, "redirect_key", None) == "author" else None)


USERS_OF = Subquery("_User", Condition("name", Op.EQ, "x"))
BY_USER, DEEP = Condition("by", Op.IN, USERS_OF), Subquery("Team", Not(Or((Condition("by", Op.NOT_IN, USERS_OF),))))

QUERIES: tuple[tuple[str, Operation, bool], ...] = (
    ("users", Find(class_name="_User", limit=1), False),
    ("posts", Find(class_name="Post", limit=1), True),
    ("a user", Get(class_name="_User", id="x"), True),
    ("posts, and their users", Find(class_name="Post", limit=1, include=("author",)), True),
    ("a query in a query", Find(class_name="Post", limit=1, where=BY_USER), False),
    ("a query in a query in a query", Find(class_name="Post", limit=1, where=Condition("t", Op.IN, DEEP)), False),
    ("what stands in another class", Find(class_name="Post", limit=1, where=Inverse("_User", "likes")), False),
    ("a condition of a change", Update(class_name="Post", id="x", changes={}, where=And((BY_USER,))), False),
    ("a condition of a deletion", Delete(class_name="Post", ids=("x",), where=BY_USER), False),
    ("a redirect to users", Find(class_name="Post", limit=1, redirect_key="author"), False),
    ("a redirect elsewhere", Find(class_name="Post", limit=1, redirect_key="team"), True),
    ("deferred", Deferred(item=Find(class_name="_User", limit=1), fields={}), False),
    ("users in groups", grouped("_User"), False),
    ("posts in groups", grouped("Post"), True),
    ("users in a group", CountInGroup(class_name="_User", path=()), False),
    ("a query in a query for groups", grouped("Post", BY_USER), False),
    ("a query in a query for a count", CountInGroup(class_name="Post", path=(), where=BY_USER), False),
)


@pytest.mark.parametrize(("op", "allowed"), [pytest.param(*row[1:], id=row[0]) for row in QUERIES])
async def test_what_only_the_master_may_query_is_not_to_be_had_by_a_way_round(op: Operation, allowed: bool) -> None:
    closed = {"_User": "users.client_queries"}
    for asked in (op, Batch(items=(op,), atomic=True)):
        backend = Redirecting()
        await Guarded(backend, master_queries=closed).execute(asked, MASTER)
        try:
            await Guarded(backend, master_queries=closed).execute(asked, CLIENT)
        except GatewayError as error:
            refusal = error
            assert refusal.code is Code.FORBIDDEN
            assert refusal.message == "only the master may query _User; the setting users.client_queries opens it"
            assert not allowed
        else:
            assert allowed
