"""Classes as such: made, changed, told and forgotten, with what is in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import Code
from gateway.model.definition import CreateClass, DeleteClass, FindSchemas, GetSchema, PurgeClass, UpdateClass
from gateway.model.operation import Batch, Caller, Create, Find, Get, Operation
from gateway.model.query import Condition, Op, RelatedTo, Sort
from gateway.model.schema import (
    OPEN,
    Action,
    ClassPermissions,
    ClassSchema,
    Field,
    IndexOf,
    Kind,
    Protected,
    Rule,
    Type,
)
from gateway.model.update import AddRelation, Set
from gateway.model.values import Date, GeoPoint, Pointer, Relation
from gateway.store.sqlite import SqliteStore
from tests.store.conftest import Shop

TEXT, NUMBER, LIST = Field(Type(Kind.STRING)), Field(Type(Kind.NUMBER)), Field(Type(Kind.ARRAY))
AUTHOR, FRIENDS = Field(Type(Kind.POINTER, "_User")), Field(Type(Kind.RELATION, "Post"))


@pytest.fixture
def master(shop: Shop) -> Shop:
    return shop.of(Caller("test", master=True))


async def schema_of(shop: Shop, class_name: str = "Post") -> ClassSchema | None:
    return (await shop.do(GetSchema(class_name=class_name))).schema


async def test_a_class_is_told_as_it_was_made(master: Shop) -> None:
    fields = {
        "title": Field(Type(Kind.STRING), required=True, default="none"),
        "n": Field(Type(Kind.NUMBER), default=0),
        "on": Field(Type(Kind.BOOLEAN), default=False),
        "at": Field(Type(Kind.DATE), default=Date("2026-01-02T03:04:05.678Z")),
        "where": Field(Type(Kind.GEO_POINT), default=GeoPoint(1, 2)),
        "by": Field(Type(Kind.POINTER, "_User"), default=Pointer("_User", "u1")),
        "tags": Field(Type(Kind.ARRAY), default=["a", Pointer("Tag", "t"), {"@x": [1]}]),
        "meta": Field(Type(Kind.OBJECT), default={"a": {"b": Date("2026-01-02T03:04:05.678Z")}}),
        "friends": FRIENDS,
    }
    made = await master.do(CreateClass(class_name="Post", fields=fields))
    assert made.schema == ClassSchema("Post", fields) == await schema_of(master)
    await master.create("Post", "p1")
    assert await master.get("Post", "p1") == {
        **{name: field.default for name, field in fields.items() if field.default is not None},
        "friends": Relation("Post"),
    }


async def test_all_classes_are_told_and_no_private_one(master: Shop) -> None:
    await master.of(Caller("test", trusted=True)).create("@kept", n=1)
    await master.create("Post", n=1)
    told = (await master.do(FindSchemas())).schemas or []
    assert [schema.class_name for schema in told] == ["_User", "_Role", "_Session", "_Installation", "Post"]
    assert told[-1] == ClassSchema("Post", {"n": NUMBER})
    assert list(told[0].fields) == ["username", "password", "email", "emailVerified", "authData"]


async def test_the_gateway_alone_gives_a_private_class_its_indexes(master: Shop) -> None:
    gateway = master.of(Caller("test", trusted=True))
    indexed = UpdateClass(class_name="@kept", fields={"n": NUMBER}, indexes={"by_n": IndexOf((("n", False),))})
    assert (await master.refused(indexed))[0] is Code.BAD_CLASS_NAME
    assert (await gateway.do(indexed)).schema is None
    assert (await gateway.refused(indexed))[0] is Code.BAD_QUERY  # it is there
    assert (await master.refused(indexed))[0] is Code.BAD_CLASS_NAME


async def test_fields_and_indexes_come_and_go(master: Shop) -> None:
    await master.do(CreateClass(class_name="Post", fields={"title": TEXT, "n": NUMBER, "by": AUTHOR}))
    await master.create("Post", "p1", title="a", n=1, by=Pointer("_User", "u"))
    both = IndexOf((("n", True), ("title", False)))
    await master.do(UpdateClass(class_name="Post", fields={"tags": LIST}, indexes={"both": both}))
    assert await schema_of(master) == ClassSchema(
        "Post", {"title": TEXT, "n": NUMBER, "by": AUTHOR, "tags": LIST}, OPEN, {"both": both}
    )
    # the index goes with a field of its own, and the data with the field
    await master.do(UpdateClass(class_name="Post", fields={"n": None, "by": None}))
    assert await schema_of(master) == ClassSchema("Post", {"title": TEXT, "tags": LIST})
    assert await master.get("Post", "p1") == {"title": "a"}
    # so a field of the same name can be of another type
    await master.do(UpdateClass(class_name="Post", fields={"n": TEXT, "by": AUTHOR}))
    await master.update("Post", "p1", n=Set("text"), by=Set(Pointer("_User", "v")))
    assert await master.ids("Post", Condition("by", Op.EQ, Pointer("_User", "v"))) == ["p1"]


async def test_options_are_replaced(master: Shop) -> None:
    await master.do(CreateClass(class_name="Post", fields={"n": Field(NUMBER.type, required=True, default=7)}))
    await master.do(UpdateClass(class_name="Post", fields={"n": NUMBER}))
    assert await schema_of(master) == ClassSchema("Post", {"n": NUMBER})
    await master.create("Post", "p1")
    assert await master.get("Post", "p1") == {}


async def test_an_index_can_be_unique(master: Shop) -> None:
    await master.create("Post", slug="a", lang="en")
    unique = IndexOf((("slug", False), ("lang", False)), unique=True)
    await master.do(UpdateClass(class_name="Post", indexes={"one": unique}))
    await master.create("Post", slug="a", lang="zh")
    again = Create(class_name="Post", changes={"slug": Set("a"), "lang": Set("en")})
    assert (await master.refused(again))[0] is Code.DUPLICATE_VALUE
    await master.do(UpdateClass(class_name="Post", indexes={"one": None}))
    await master.do(again)
    refused = await master.refused(UpdateClass(class_name="Post", indexes={"one": unique}))
    assert refused == (Code.DUPLICATE_VALUE, {"class_name": "Post", "field": "slug,lang"})
    assert (await schema_of(master)) == ClassSchema("Post", {"slug": TEXT, "lang": TEXT})


async def test_an_index_that_descends_serves_an_order(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "a.db", secret=b"")
    master = Shop(store, Caller("test", master=True))
    await master.do(CreateClass(class_name="Post", fields={"n": NUMBER}))
    await master.do(UpdateClass(class_name="Post", indexes={"down": IndexOf((("n", True), ("@created_at", False)))}))
    for n in (2, None, 3, 1):
        await master.create("Post", f"p{n}", n=n)
    found = await master.do(Find(class_name="Post", limit=9, order=(Sort("n", descending=True),)))
    assert [fields["n"] for fields in found.objects or []] == [3, 2, 1, None]
    await store.close()
    store = await SqliteStore.open(tmp_path / "a.db", secret=b"")
    told = await schema_of(Shop(store, master.caller))
    assert told is not None
    assert told.indexes == {"down": IndexOf((("n", True), ("@created_at", False)))}
    await store.close()


async def test_a_class_is_forgotten_with_all_that_it_had(master: Shop) -> None:
    await master.do(CreateClass(class_name="Post", fields={"friends": FRIENDS}, permissions=ClassPermissions()))
    await master.change("Post", "p1", friends=AddRelation((Pointer("Post", "p2"),)))
    assert await master.refused(DeleteClass(class_name="Post")) == (Code.BAD_SCHEMA, {"class_name": "Post"})
    await master.do(PurgeClass(class_name="Post"))
    assert await master.ids("Post") == []
    assert await schema_of(master) == ClassSchema("Post", {"friends": FRIENDS}, ClassPermissions())
    await master.do(DeleteClass(class_name="Post"))
    assert (await master.refused(GetSchema(class_name="Post")))[0] is Code.CLASS_NOT_FOUND
    # one of the same name is another one
    await master.do(CreateClass(class_name="Post", fields={"friends": FRIENDS}))
    await master.create("Post", "p1")
    await master.create("Post", "p2")
    assert await master.ids("Post", RelatedTo(Pointer("Post", "p1"), "friends")) == []
    assert await schema_of(master) == ClassSchema("Post", {"friends": FRIENDS})


async def test_purged_objects_are_members_of_nothing(master: Shop) -> None:
    await master.create("Post", "p1")
    await master.change("Note", "n1", posts=AddRelation((Pointer("Post", "p1"),)))
    await master.do(PurgeClass(class_name="Post"))
    await master.create("Post", "p1")
    assert await master.ids("Post", RelatedTo(Pointer("Note", "n1"), "posts")) == []


async def test_what_is_not_there_is_gone_already(master: Shop) -> None:
    for op in (DeleteClass(class_name="Post"), PurgeClass(class_name="Post")):
        await master.do(op)
    assert "Post" not in await master.store.schema()


WRONG: dict[str, tuple[Operation, Code]] = {
    "no name": (CreateClass(), Code.MISSING_ID),
    "a name that is none": (CreateClass(class_name="a b"), Code.BAD_CLASS_NAME),
    "a class that is there": (CreateClass(class_name="Post"), Code.DUPLICATE_VALUE),
    "a class that is always there": (CreateClass(class_name="_User"), Code.DUPLICATE_VALUE),
    "a class that is not there": (UpdateClass(class_name="None"), Code.CLASS_NOT_FOUND),
    "a field's name that is none": (CreateClass(class_name="New", fields={"a'b": TEXT}), Code.BAD_FIELD_NAME),
    "a pointer to nothing": (CreateClass(class_name="New", fields={"p": Field(Type(Kind.POINTER))}), Code.MISSING_ID),
    "a relation of nothing": (CreateClass(class_name="New", fields={"p": Field(Type(Kind.RELATION))}), Code.MISSING_ID),
    "a pointer to no class": (
        CreateClass(class_name="New", fields={"p": Field(Type(Kind.POINTER, "@kept"))}),
        Code.BAD_CLASS_NAME,
    ),
    "a default of another type": (
        CreateClass(class_name="New", fields={"n": Field(NUMBER.type, default="x")}),
        Code.TYPE_MISMATCH,
    ),
    "a field of another type": (UpdateClass(class_name="Post", fields={"n": TEXT}), Code.BAD_SCHEMA),
    "a field of another type, always there": (UpdateClass(class_name="_User", fields={"email": LIST}), Code.BAD_SCHEMA),
    "a field that is not there to go": (UpdateClass(class_name="Post", fields={"m": None}), Code.BAD_SCHEMA),
    "a field that cannot go": (UpdateClass(class_name="_User", fields={"username": None}), Code.RESERVED_FIELD),
    "an index of nothing": (UpdateClass(class_name="Post", indexes={"i": IndexOf((("m", False),))}), Code.BAD_QUERY),
    "an index twice": (UpdateClass(class_name="Post", indexes={"by_n": IndexOf((("n", False),))}), Code.BAD_QUERY),
    "an index by another name": (
        UpdateClass(class_name="Post", indexes={"i": IndexOf((("n", False),))}),
        Code.BAD_QUERY,
    ),
    "an index that is not there to go": (UpdateClass(class_name="Post", indexes={"i": None}), Code.BAD_QUERY),
    "a protected field that is not there": (
        UpdateClass(class_name="Post", permissions=ClassPermissions(protected=Protected(users={"u": ("m",)}))),
        Code.BAD_REQUEST,
    ),
    "a protected system field": (
        UpdateClass(class_name="Post", permissions=ClassPermissions(protected=Protected(everybody=("@id",)))),
        Code.BAD_REQUEST,
    ),
    "a field that points to nobody": (
        UpdateClass(class_name="Post", permissions=ClassPermissions({Action.GET: Rule(fields=("n",))})),
        Code.BAD_REQUEST,
    ),
    "a field that is not there, to point": (
        UpdateClass(class_name="Post", permissions=ClassPermissions(read_fields=("by",))),
        Code.BAD_REQUEST,
    ),
}


@pytest.mark.parametrize("name", WRONG)
async def test_what_cannot_be_changes_nothing(master: Shop, name: str) -> None:
    await master.do(CreateClass(class_name="Post", fields={"n": NUMBER}, indexes={"by_n": IndexOf((("n", False),))}))
    before = (await master.do(FindSchemas())).schemas
    op, code = WRONG[name]
    assert (await master.refused(op))[0] is code
    several = await master.do(Batch(items=(op, CreateClass(class_name="Other"))))
    assert getattr((several.items or [])[0], "code", None) is code
    await master.do(DeleteClass(class_name="Other"))
    assert (await master.do(FindSchemas())).schemas == before


async def test_a_class_that_was_forgotten_elsewhere_is_not_asked_any_more(tmp_path: Path) -> None:
    stores = [await SqliteStore.open(tmp_path / "a.db", secret=b"") for _ in range(2)]
    first, second = (Shop(store, Caller("test", master=True)) for store in stores)
    try:
        for name in ("Post", "_Role"):
            await first.create(name, "p1", n=1)
            assert (await second.get(name, "p1"))["n"] == 1
            await first.do(PurgeClass(class_name=name))
            await first.do(DeleteClass(class_name=name))
        for shop in (second, first):
            assert (await shop.refused(Get(class_name="Post", id="p1")))[0] is Code.CLASS_NOT_FOUND
            assert (await shop.refused(Find(class_name="Post", limit=1)))[0] is Code.CLASS_NOT_FOUND
            assert await shop.store.roles_of("u") == frozenset()
        # the table of another class may have the same number then
        await first.create("Note", "p1", text="a")
        assert (await second.refused(Get(class_name="Post", id="p1")))[0] is Code.CLASS_NOT_FOUND
        assert await second.get("Note", "p1") == {"text": "a"}
    finally:
        for store in stores:
            await store.close()


async def test_roles_are_none_when_their_class_is_forgotten(tmp_path: Path) -> None:
    stores = [await SqliteStore.open(tmp_path / "a.db", secret=b"") for _ in range(2)]
    master = Shop(stores[0], Caller("test", master=True))
    try:
        members = AddRelation((Pointer("_User", "u"),))
        above = AddRelation((Pointer("_Role", "none"),))
        await master.change("_Role", "r1", name=Set("mods"), users=members, roles=above)
        assert [await store.roles_of("u") for store in stores] == [{"mods"}] * 2
        await master.do(PurgeClass(class_name="_Role"))
        await master.do(DeleteClass(class_name="_Role"))
        assert [await store.roles_of("u") for store in stores] == [set()] * 2
    finally:
        for store in stores:
            await store.close()
