"""Other names for classes and fields: nothing of the clients' reaches the backend, and nothing of its reaches them."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway.app import address_of, listen, make_app, plan, running
from gateway.backends.columns import Columns
from gateway.backends.renames import ANSWERED, OF_ONE, UNTOUCHED, Names, Renamed, Renaming, one_to_one, rules_of
from gateway.errors import Code, GatewayError, SettingsError
from gateway.model.account import SESSION, USER, LogIn, SignUp, class_of
from gateway.model.catalogue import OPERATIONS
from gateway.model.code import JOB_SCHEDULE, RegisteredHook
from gateway.model.groups import Group, Level, Step
from gateway.model.members import LogInByToken
from gateway.model.operation import (
    Batch,
    Caller,
    Create,
    Deferred,
    Find,
    FindGroups,
    FindRelated,
    Get,
    NewObject,
    Operation,
    Relate,
    Relating,
    Result,
    Update,
    UpdateMany,
)
from gateway.model.permission import Permission, PermitAll
from gateway.model.push import INSTALLATION
from gateway.model.query import (
    ANY_TEXT,
    Aggregate,
    Aggregated,
    And,
    Arithmetic,
    Call,
    Column,
    Comparison,
    Condition,
    Filter,
    Function,
    Inverse,
    JsonPath,
    Literal,
    Not,
    Op,
    Or,
    Output,
    RelatedTo,
    Sort,
    Subquery,
    Words,
)
from gateway.model.schema import (
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
from gateway.model.social import BLOCKLIST, FOLLOWEE, FOLLOWER, STATUS
from gateway.model.update import (
    Add,
    AddRelation,
    AddUnique,
    Compute,
    EditJson,
    Increment,
    JsonEdit,
    Remove,
    RemoveRelation,
    Set,
    SetOnInsert,
    Several,
    Unset,
)
from gateway.model.values import Object, Pointer, Reference, Relation, ResultOf
from tests.behind import backend_of_others
from tests.dialects.generated import BOUNDED, CHANGES, FIELDS, FILTERS

CLASSES = {"Post": "Article", "Remark": "Comment"}
FIELDS_OF = {
    "Post": {"title": "headline", "author": "writer", "remarks": "comments", "meta": "extra"},
    "Remark": {"body": "content", "about": "subject"},
    "_User": {"nick": "alias", "best": "favourite"},
    "*": {"mark": "flag"},
}
WORDS = {**CLASSES, **{here: there for table in FIELDS_OF.values() for here, there in table.items()}}
NAMES = Names.read(CLASSES, FIELDS_OF)
THEIRS: Mapping[str, Columns] = {
    "Article": {
        "headline": Type(Kind.STRING),
        "writer": Type(Kind.POINTER, USER),
        "comments": Type(Kind.RELATION, "Comment"),
        "extra": Type(Kind.OBJECT),
        "flag": Type(Kind.NUMBER),
        "list": Type(Kind.ARRAY),
    },
    "Comment": {
        "content": Type(Kind.STRING),
        "subject": Type(Kind.POINTER, "Article"),
        "flag": Type(Kind.NUMBER),
    },
    USER: {"alias": Type(Kind.STRING), "favourite": Type(Kind.POINTER, "Article"), "flag": Type(Kind.NUMBER)},
}
CLIENT = Caller(app="blog")


def as_told(told: object, words: Mapping[str, str] = WORDS) -> str:
    """The model is plain data: what it is called on the other side is a matter of its words."""
    # not the name of a part, such as `content=`
    return re.sub(r"\b\w+\b(?!=)", lambda found: words.get(found[0], found[0]), repr(told))


BACK_AGAIN = {there: here for here, there in WORDS.items()}


class Columned:
    """A registry that is told anew of the classes that it is asked for."""

    def __init__(self, old: Mapping[str, Columns] = THEIRS, new: Mapping[str, Columns] = THEIRS) -> None:
        self.old, self.new = old, new

    def known(self) -> Mapping[str, Columns]:
        return self.old

    async def learned(self, class_names: Iterable[str] = ()) -> Mapping[str, Columns]:
        self.old = {**self.old, **{name: self.new.get(name, {}) for name in class_names}}
        return self.old

    def outdated(self) -> None: ...


class Answering:
    """A backend that keeps what it was asked, and answers what it was told to."""

    def __init__(self, answer: Result | GatewayError | None = None) -> None:
        self.asked: list[Operation] = []
        self.answer = answer or Result()

    async def execute(self, op: Operation, caller: Caller) -> Result:
        self.asked.append(op)
        if isinstance(self.answer, GatewayError):
            raise self.answer
        return self.answer

    async def identify(self, caller: Caller) -> Caller:
        return caller

    async def close(self) -> None: ...


async def told(op: Operation, columns: Columned | None = None) -> Operation:
    """What the backend is asked in its place."""
    backend = Answering()
    if isinstance(op, Batch):
        backend.answer = Result(items=[Result() for _ in op.items])
    await Renamed(backend, NAMES, columns or Columned()).execute(op, CLIENT)
    return backend.asked[0]


async def answer(op: Operation, result: Result | GatewayError) -> Result:
    return await Renamed(Answering(result), NAMES, Columned()).execute(op, CLIENT)


async def refusal(op: Operation, result: Result | GatewayError | None = None, columns: Any = None) -> GatewayError:
    with pytest.raises(GatewayError) as refused:
        await Renamed(Answering(result), NAMES, columns).execute(op, CLIENT)
    return refused.value


# --- every operation there is ---

DEEP = {"deep": [Pointer("Post", "p1"), {"x": Relation("Remark")}, Object("Post", {"@id": "p2", "mark": 1})]}


def filters(title: str, pointer: str, path: str) -> Filter:
    """Every kind of condition; `path` leads from `pointer` into another class."""
    inside = Condition("body", Op.EQ, "x")
    parts: tuple[Filter, ...] = (
        Condition(title, Op.EQ, "x"),
        Condition(f"{title}.0", Op.EQ, "x"),
        Condition(f"{pointer}.{path}", Op.EXISTS, True),
        Condition("@id", Op.NE, "x"),
        Condition(pointer, Op.IN, [Pointer("Post", "p"), DEEP]),
        Condition("x", Op.IN, Subquery("Remark", inside, "about.author.nick", order=(Sort("about.title"),))),
        Or((Not(Condition("mark", Op.LT, 1)),)),
        RelatedTo(Pointer("Post", "p"), "remarks"),
        Inverse("Remark", "about", inside),
        Comparison(
            Arithmetic("+", Column(title), JsonPath(title, ("x", 1))),
            Op.LT,
            Call(Function.DISTANCE, (Column(f"{pointer}.{path}"), Literal(Pointer("Post", "p")))),
        ),
    )
    return And(parts)


SHAPES: Mapping[str, tuple[str, str, str]] = {
    # of each class: a field, a pointer, and a path from there
    "Post": ("title", "author", "best.title"),
    "Remark": ("body", "about", "author.nick"),
    USER: ("nick", "best", "author.nick"),
    SESSION: ("mark", "user", "nick"),
    JOB_SCHEDULE: ("mark", "y", "z"),
    **dict.fromkeys((FOLLOWEE, FOLLOWER, BLOCKLIST, STATUS), ("mark", "y", "z")),
    INSTALLATION: ("mark", "y", "z"),
    "": ("x", "y", "z"),
}


def parts_of(own: str, shown: str) -> dict[str, Any]:
    """A value with names in it for each part that has any, by what operations call the parts."""
    title, pointer, path = SHAPES[shown]
    mine, to, _ = SHAPES[own]
    where = filters(title, pointer, path)
    paths = (title, f"{pointer}.{path}", "mark", "@id")
    total = Aggregated(Aggregate.SUM, Column("mark"))
    rule = Rule(fields=(mine, to), users=frozenset({"u"}))
    guarded = Protected((mine,), (to, "mark"), {"u": (mine,)}, {"r": (to,)}, {to: ("mark",)})
    return {
        "class_name": own,
        "target": "Remark",
        "field": "remarks",
        "changes": {
            mine: Set(DEEP),
            "mark": Several((SetOnInsert(Pointer("Post", "p")), Unset(), Increment(1))),
            f"{to}.x.y": Add((Pointer("Post", "p"),)),
            "a": AddUnique((Relation("Post"),)),
            "b": Remove((Reference("i", "Post"),)),
            "c": AddRelation((Pointer("Remark", "r"),)),
            "d": RemoveRelation((Pointer("Remark", "r"),)),
            "e": Compute(Arithmetic("*", Column("mark"), Literal(2))),
            "f": EditJson(JsonEdit.SET, ((("x",), Pointer("Post", "p")),)),
        },
        "recipients": Subquery("Remark", Condition("body", Op.EQ, "x"), "about"),
        "objects": (NewObject({mine: Set(1), "mark": Set(Pointer("Post", "p"))}, "x"),),
        "tree": {
            "@id": "t",
            "title": "x",
            "author": {"nick": "x", "best": {"title": "y"}},
            "remarks": [{"body": "x", "about": Object("Post", {"title": "z"})}, {"@id": "r"}],
            "meta": {"x": Pointer("Post", "p")},
        },
        "ids": ("a", ResultOf("i", 0)),
        "classes": ("Post",),
        "where": where,
        "text": Or((Condition(title, Op.TEXT, Words()), Condition(ANY_TEXT, Op.TEXT, Words()))),
        "text_fields": (title, "mark"),
        "highlights": (title, "*"),
        "having": Comparison(Column("sum"), Op.LT, Aggregated(Aggregate.MAX, Column("mark"))),
        "order": (Sort(title), Sort(f"{pointer}.{path}", True), Sort("sum", True, total)),
        "key": Sort("mark"),
        "select": paths,
        "exclude": (title,),
        "include": (pointer, f"{pointer}.{path}", "*"),
        "group_by": (title, f"{pointer}.{path}"),
        "outputs": (Output("sum", total), Output("most", Column(title))),
        "redirect_key": None,
        "permissions": ClassPermissions({Action.FIND: rule}, (mine,), (to,), guarded),
        "indexes": {"i": IndexOf(((mine, False), ("mark", True))), "gone": None},
        "params": {"p": Set(DEEP), "q": Unset()},
        "fields": {mine: Field(Type(Kind.POINTER, "Post"), default=Pointer("Post", "p")), to: None},
        "path": (Step(title, Pointer("Post", "p")), Step("mark")),
    }


def sample(kind: type[Operation]) -> Operation:
    """One of these, with names wherever it can have some."""
    required = {part.name for part in dataclasses.fields(kind)}
    default = next((part.default for part in dataclasses.fields(kind) if part.name == "class_name"), "")
    own = default if default is not dataclasses.MISSING and default else "Post" if "class_name" in required else USER
    own = own if "class_name" in required or kind is SignUp else ""
    shown = "Remark" if kind in (FindRelated, Relate) else own
    parts = parts_of(own, shown)
    special: dict[str, Any] = {
        "items": (Get(class_name="Post", id="p", select=("title",)),),
        "permissions": (Permission("read"),) if kind is PermitAll else parts["permissions"],
        "fields": {"told": "nick"} if kind is LogInByToken else parts["fields"],
        "how": Relating.ADD,
    }
    values: dict[str, Any] = {}
    for part in dataclasses.fields(kind):
        if part.name in special:
            values[part.name] = special[part.name]
        elif part.name in parts and (kind, part.name) not in OF_ONE:
            values[part.name] = parts[part.name]
        elif part.default is dataclasses.MISSING and part.default_factory is dataclasses.MISSING:
            values[part.name] = "x"
        else:
            assert part.name in UNTOUCHED or (kind, part.name) in OF_ONE, f"{part.name} of {kind.__name__}"
    return kind(**values)


@pytest.mark.parametrize("name", OPERATIONS)
async def test_no_name_of_a_client_reaches_the_backend(name: str) -> None:
    op = sample(OPERATIONS[name])
    assert repr(await told(op)) == as_told(op)


@pytest.mark.parametrize("name", OPERATIONS)
async def test_no_name_of_the_backend_reaches_a_client(name: str) -> None:
    op = sample(OPERATIONS[name])
    if isinstance(op, Batch):
        op = Batch(items=(Get(class_name="Post", id="p"), Get(class_name="Remark", id="r"), LogIn(password="x")))
        errors = GatewayError(Code.TYPE_MISMATCH, "no", class_name="Comment", field="content.x")
        items: list[Result | GatewayError] = [answer_to("Post"), errors, answer_to(USER)]
        expected = as_told(items[::2], BACK_AGAIN)
        found = (await answer(op, Result(items=items))).items or []
        assert repr(found[::2]) == expected
        assert isinstance(found[1], GatewayError)
        assert found[1].details == {"class_name": "Remark", "field": "body.x"}
        return
    shown = "Remark" if isinstance(op, FindRelated | Relate) else class_of(op) or USER
    result = answer_to(shown)
    expected = as_told(result, BACK_AGAIN)
    assert repr(await answer(op, result)) == expected


def answer_to(shown: str) -> Result:
    """Everything that has names in it, by those of the backend."""
    title, pointer, _ = (WORDS.get(name, name) for name in SHAPES[shown])
    user = Object(USER, {"@id": "u", "alias": "x", "favourite": Object("Article", {"headline": "x", "flag": None})})
    deep = {"x": [Pointer("Article", "p"), Relation("Comment"), user], "y": {"z": Pointer("Comment", "c")}}
    fields = {"@id": "x", title: "x", pointer: user, "flag": 1, "deep": deep, "sum": 3}
    return Result(
        id="x",
        object=dict(fields),
        objects=[dict(fields), {"@id": "y"}],
        others=[dict(fields)],
        value="x",
        params={"p": deep},
        master_only={"p": True},
        schema=schema_of("Article"),
        schemas=[schema_of("Article"), schema_of(USER), ClassSchema("Other", {"flag": Field(Type(Kind.STRING))})],
        hook=RegisteredHook("hello", url="x"),
        hooks=[RegisteredHook("before_save", "Article", "x", hides=True)],
    )


def schema_of(name: str) -> ClassSchema:
    columns = {column: Field(known) for column, known in THEIRS[name].items()}
    first = next(iter(columns))
    rules = {Action.GET: Rule(fields=(first,))}
    protected = Protected(everybody=("flag", first), fields={first: ()})
    permissions = ClassPermissions(rules, ("flag",), (first,), protected)
    return ClassSchema(name, columns, permissions, {"i": IndexOf(((first, True),))})


def test_every_part_of_an_operation_and_of_an_answer_was_thought_of() -> None:
    @dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
    class Newest(Operation):
        other_class: str

    for kind in OPERATIONS.values():
        rules_of(kind)
    with pytest.raises(GatewayError) as refused:
        rules_of(Newest)
    assert refused.value.code is Code.UNSUPPORTED
    plain = {
        "id",
        "created_at",
        "updated_at",
        "total",
        "others_total",
        "ids",
        "cursor",
        "moment",
        "value",
        "app_id",
        "app_key",
    }
    plain |= {"session", "token", "url", "providers", "created", "master_only", "app", "apps", "file", "content"}
    plain |= {"skip", "next_page"}  # which the dialect of the client says
    plain |= {"push", "pushes"}  # of devices, whose columns are the gateway's own
    assert {part.name for part in dataclasses.fields(Result)} == ANSWERED | plain


# --- what a walk over the parts does not tell ---


async def test_a_query_that_is_redirected_is_one_of_the_other_class() -> None:
    op = Find(
        class_name="Post", limit=1, redirect_key="remarks", where=Condition("body", Op.EQ, 1), order=(Sort("body"),)
    )
    assert repr(await told(op)) == as_told(op)
    found = await answer(op, Result(objects=[{"content": "x", "flag": 1}], class_name="Comment"))
    assert (found.class_name, found.objects) == ("Remark", [{"body": "x", "mark": 1}])


async def test_what_is_marked_stands_under_the_names_that_clients_know() -> None:
    op = Find(class_name="Post", limit=1, text=Condition(ANY_TEXT, Op.TEXT, Words()), highlights=("*",))
    told_there = {"headline": "a", "@highlights": {"headline": ["<em>a</em>"]}}
    assert (await answer(op, Result(objects=[told_there]))).objects == [
        {"title": "a", "@highlights": {"title": ["<em>a</em>"]}}
    ]


async def test_rows_have_the_names_that_were_asked_for() -> None:
    op = Find(
        class_name="Post",
        limit=9,
        group_by=("title", "author.nick"),
        select=("title", "author.nick"),
        # called as the backend calls a field that is in the row as well
        outputs=(Output("headline", Aggregated(Aggregate.COUNT, Column("mark"))), Output("n", Column("title"))),
        having=Condition("headline", Op.GT, 1),
        order=(Sort("headline"), Sort("title")),
    )
    asked = await told(op)
    assert isinstance(asked, Find)
    assert asked.select == ("headline", "writer.alias")
    assert [output.name for output in asked.outputs] == ["title", "n"]
    assert asked.having == Condition("title", Op.GT, 1)
    assert asked.order == (Sort("title"), Sort("headline"))
    row = {"headline": "x", "writer.alias": "y", "title": 5, "n": 1}
    assert (await answer(op, Result(objects=[row]))).objects == [
        {"title": "x", "author.nick": "y", "headline": 5, "n": 1}
    ]


@pytest.mark.parametrize(
    "op",
    [
        Get(class_name="Post", id="p", select=("title",), outputs=(Output("headline", Column("author.nick")),)),
        FindRelated(
            class_name="Remark", id="r", field="about", limit=1, outputs=(Output("headline", Column("title")),)
        ),
    ],
)
async def test_values_of_one_object_have_the_names_that_were_asked_for(op: Operation) -> None:
    asked = await told(op)
    assert isinstance(asked, Get | FindRelated)
    row: dict[str, Any] = {asked.outputs[0].name: "computed"}
    if asked.select is not None:
        row["headline"] = "x"
    found = (await answer(op, Result(object=row))).object or {}
    assert found.pop("headline") == "computed"
    assert found == ({"title": "x"} if asked.select is not None else {})


async def test_groups_are_told_by_the_names_that_were_asked_for() -> None:
    op = FindGroups(
        class_name="Post", limit=9, group_limit=9, object_limit=9, levels=2, group_by=("title", "author.nick")
    )
    one = {"headline": "x"}
    inner = Group("writer.alias", None, Level([one], more=True))
    found = await answer(
        op, Result(objects=[one], groups=Level([Group("headline", Pointer("Article", "a"), Level([inner]))]))
    )
    own = {"title": "x"}
    expected = Group("author.nick", None, Level([own], more=True))
    assert found.groups == Level([Group("title", Pointer("Post", "a"), Level([expected]))])
    assert found.objects == [own]
    leaf = found.groups.items[0].level.items[0].level.items[0]
    assert leaf is found.objects[0]  # what is done to the objects of an answer is done to these


async def test_in_a_batch_what_an_item_answers_has_the_names_of_its_class() -> None:
    op = Batch(
        items=(
            Find(class_name="Remark", limit=1),
            FindRelated(class_name="Post", id="p", field="author", limit=1),
            Create(
                class_name="Post",
                changes={"title": Set(ResultOf("a", 0, "body")), "x": Set([ResultOf("b", 0, "nick")])},
            ),
            Deferred(item=Get(class_name="Post", id=""), fields={"id": ResultOf("a", 0, "about")}),
            UpdateMany(class_name="Post", changes={}, ids=ResultOf("a")),
        ),
        names=("a", "b", None, "title", None),
        atomic=True,
    )
    assert repr(await told(op)) == as_told(op).replace("'headline', None)", "'title', None)")


async def test_an_error_has_the_names_that_the_client_knows() -> None:
    op = Update(class_name="Post", id="p", changes={"title": Set(1), "author": Set(Pointer("Remark", "r"))})
    message = "schema mismatch for Article.writer; expected Pointer<_User> but got Pointer<Comment>"
    told = GatewayError(
        *(Code.TYPE_MISMATCH, message),
        class_name="Article",
        field="writer",
        expected="Pointer<_User>",
        found="Pointer<Comment>",
    )
    error = await refusal(op, told, Columned())
    assert error.message == "schema mismatch for Post.author; expected Pointer<_User> but got Pointer<Remark>"
    assert error.details == {
        "class_name": "Post",
        "field": "author",
        "expected": "Pointer<_User>",
        "found": "Pointer<Remark>",
    }
    # a server of others tells no details: what stands in a type is a class, and what the operation named is looked for
    wrong = Update(class_name="Post", id="p", changes={"author": Set("x")})
    error = await refusal(
        wrong,
        GatewayError(
            Code.TYPE_MISMATCH, "Article.writer; expected Pointer<Comment> but got String", class_name="Article"
        ),
        Columned(),
    )
    assert error.message == "Post.author; expected Pointer<Remark> but got String"
    said = GatewayError(Code.DUPLICATE_VALUE, "no second headline", said_by="somebody")
    error = await refusal(op, said, Columned())
    assert (error.message, error.said_by) == ("no second title", "somebody")
    error = await refusal(
        op, GatewayError(Code.BAD_QUERY, "'headline.x' of class Article; headlines are else"), Columned()
    )
    assert error.message == "'title.x' of class Post; headlines are else"
    error = await refusal(
        op, GatewayError(Code.NO_SUCH_COLUMN, "no headline there", field="flag.x", id="headline"), Columned()
    )
    assert (error.message, error.details) == ("no title there", {"field": "mark.x", "id": "headline"})
    batch = Batch(items=(op, Get(class_name="Remark", id="r")), atomic=True)
    error = await refusal(batch, GatewayError(Code.BAD_VALUE, "content", field="content", item="1"), Columned())
    assert (error.message, error.details) == ("body", {"field": "body", "item": "1"})


async def test_columns_that_were_made_meanwhile_are_looked_up() -> None:
    columns = Columned({}, THEIRS)
    op = Get(class_name="Post", id="p", include=("author.best.remarks.body",))
    asked = await told(op, columns)
    assert isinstance(asked, Get)
    assert asked.include == ("writer.favourite.comments.content",)


async def test_a_path_into_json_keeps_its_keys() -> None:
    where = Condition("meta.title", Op.EQ, 1)
    asked = await told(Find(class_name="Post", limit=1, where=where, select=("meta.author.nick",)))
    assert isinstance(asked, Find)
    assert (asked.where, asked.select) == (Condition("extra.title", Op.EQ, 1), ("extra.author.nick",))
    asked = await told(Create(class_name="Post", changes={"meta": Set({"title": 1}), "list": Set([{"author": 1}])}))
    assert isinstance(asked, Create)
    assert asked.changes == {"extra": Set({"title": 1}), "list": Set([{"author": 1}])}


async def test_what_depends_on_a_class_that_nobody_knows_is_refused() -> None:
    include = Get(class_name="Post", id="p", include=("author.best",))
    for op, columns in (
        (include, None),
        (Find(class_name="Post", limit=1, order=(Sort("list.title"),)), Columned()),  # a list may hold anything
        (FindRelated(class_name="Post", id="p", field="remarks", limit=1, where=Condition("body", Op.EQ, 1)), None),
    ):
        error = await refusal(op, columns=columns)
        assert error.code is Code.UNSUPPORTED
        assert error.details["field"] in ("best", "title", "body")
    # so is what a configuration knows a part of
    part: Mapping[str, Columns] = {"Article": {"flag": Type(Kind.NUMBER)}}
    with pytest.raises(GatewayError) as refused:
        await Renamed(Answering(), NAMES, Columned(part, part), whole=False).execute(include, CLIENT)
    assert refused.value.code is Code.UNSUPPORTED
    # what is called the same in every class depends on none
    backend = Answering()
    await Renamed(backend, NAMES).execute(Get(class_name="Post", id="p", include=("author.mark.x",)), CLIENT)
    assert backend.asked == [Get(class_name="Article", id="p", include=("writer.flag.x",))]


async def test_of_a_batch_only_the_item_is_refused() -> None:
    bad = Get(class_name="Post", id="p", include=("author.best",))
    good = Get(class_name="Post", id="p")
    backend = Answering(Result(items=[Result(object={"headline": "x"})]))
    result = await Renamed(backend, NAMES).execute(Batch(items=(bad, good, bad)), CLIENT)
    assert backend.asked == [Batch(items=(Get(class_name="Article", id="p"),))]
    assert result.items is not None
    codes = [item.code if isinstance(item, GatewayError) else item.object for item in result.items]
    assert codes == [Code.UNSUPPORTED, {"title": "x"}, Code.UNSUPPORTED]
    error = await refusal(Batch(items=(good, bad), atomic=True), columns=None)
    assert (error.code, error.details["item"]) == (Code.UNSUPPORTED, "1")
    result = await Renamed(Answering(), NAMES).execute(Batch(items=(bad,)), CLIENT)
    assert result.items is not None
    assert len(result.items) == 1


# --- one to one ---

WORD = st.sampled_from("abcdef")


@BOUNDED
@given(st.dictionaries(WORD, WORD))
def test_a_table_has_one_name_for_each_and_none_for_two(table: dict[str, str]) -> None:
    table = {here: there for there, here in {there: here for here, there in table.items()}.items()}
    whole = one_to_one(table)
    assert whole.items() >= table.items()
    assert sorted(whole) == sorted(set(whole.values()))


@BOUNDED
@given(FILTERS, CHANGES, FIELDS, st.dictionaries(WORD, WORD), st.booleans())
def test_what_was_renamed_there_and_back_is_what_it_was(
    where: Filter, changes: Any, fields: Any, table: dict[str, str], everywhere: bool
) -> None:
    table = {here: there for there, here in {there: here for here, there in table.items()}.items()}
    own = {} if everywhere else {"A": table}
    names = Names.read({"A": "B", "C": "D"}, {**own, "*": table} if everywhere else own)
    there, back = Renaming(names, {}), Renaming(names.turned(), {})
    op = UpdateMany(class_name="A", changes=changes, where=where)
    assert back.operation(there.operation(op)) == op
    assert back.fields("B", there.fields("A", fields)) == fields


# --- through HTTP, on the embedded store ---

RENAMES = {"classes": CLASSES, "fields": FIELDS_OF}
HEADERS: Mapping[str, Mapping[str, str]] = {
    "parse": {"X-Parse-Application-Id": "blog", "X-Parse-Master-Key": "blog-master"},
    "parse client": {"X-Parse-Application-Id": "blog", "X-Parse-REST-API-Key": "blog-rest"},
    "leancloud": {"X-LC-Id": "blog", "X-LC-Key": "blog-master,master"},
    "theirs": {"X-Parse-Application-Id": "theirs", "X-Parse-Master-Key": "their-master"},
    "backendless": {},
}
MOUNTS = {"leancloud": "/1.1", "backendless": "/blog/blog-api"}
Ask = Callable[..., Awaitable[Any]]


def config(folder: Path, **app: Any) -> dict[str, Any]:
    clients = {
        "parse": {"app_id": "blog", "rest_key": "blog-rest", "master_key": "blog-master"},
        "leancloud": {"app_id": "blog", "app_key": "blog-key", "master_key": "blog-master"},
        "backendless": {"app_id": "blog", "api_key": "blog-api"},
    }
    theirs = {"app_id": "theirs", "rest_key": "their-rest", "master_key": "their-master"}
    return {
        "apps": [
            {"name": "blog", "backend": "local", "clients": clients, "renames": RENAMES, **app},
            {"name": "theirs", "backend": "local", "clients": {"parse": theirs}},
        ],
        "backends": {"local": {"type": "embedded", "url": f"sqlite:///{folder}/blog.db"}},
    }


@asynccontextmanager
async def serving(folder: Path, config: Mapping[str, Any]) -> AsyncIterator[Ask]:
    """Asks as a client of that dialect; `theirs` is one of the backend's own, by its own names."""
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(dict(config)), encoding="utf-8")
    with listen("127.0.0.1", 0) as listening:
        async with running(make_app(plan(path, {})), listening, grace=5), aiohttp.ClientSession() as session:
            address = address_of(listening)

            async def ask(who: str, method: str, path: str, body: Any = None, **query: str) -> Any:
                url = address + MOUNTS.get(who, "/parse") + path
                async with session.request(method, url, json=body, params=query, headers=HEADERS[who]) as response:
                    return await response.json()

            yield ask


def columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in ("objectId", "createdAt", "updatedAt", "ACL")}


async def test_clients_of_both_dialects_never_see_a_name_of_the_backend(tmp_path: Path) -> None:
    async with serving(tmp_path, config(tmp_path)) as ask:
        user = await ask("parse", "POST", "/users", {"username": "tom", "password": "x", "nick": "T", "mark": 1})
        post = {
            "title": "a",
            "mark": 1,
            "meta": {"title": "kept"},
            "author": {"__type": "Pointer", "className": "_User", "objectId": user["objectId"]},
        }
        made = (await ask("parse", "POST", "/classes/Post", post))["objectId"]
        pointer = {"__type": "Pointer", "className": "Post", "objectId": made}
        remark = await ask("leancloud", "POST", "/classes/Remark", {"body": "r", "about": pointer})
        relation = {
            "__op": "AddRelation",
            "objects": [{**pointer, "className": "Remark", "objectId": remark["objectId"]}],
        }
        await ask(
            "leancloud",
            "PUT",
            f"/classes/Post/{made}",
            {"remarks": relation, "mark": {"__op": "Increment", "amount": 1}},
        )

        theirs = columns((await ask("theirs", "GET", "/classes/Article", include="writer"))["results"][0])
        assert set(theirs) == {"headline", "flag", "extra", "writer", "comments"}
        assert (theirs["flag"], theirs["extra"]) == (2, {"title": "kept"})
        assert (theirs["writer"]["alias"], theirs["writer"]["flag"]) == ("T", 1)
        assert theirs["comments"] == {"__type": "Relation", "className": "Comment"}

        for who in ("parse", "leancloud"):
            found = (
                await ask(
                    who,
                    "GET",
                    "/classes/Post",
                    include="author",
                    where='{"title": "a", "mark": {"$gt": 1}}',
                    order="-title",
                )
            )["results"]
            assert len(found) == 1
            assert set(columns(found[0])) == {"title", "mark", "meta", "author", "remarks"}
            assert found[0]["author"]["nick"] == "T"
            assert found[0]["remarks"] == {"__type": "Relation", "className": "Remark"}
            inside = '{"about": {"$inQuery": {"className": "Post", "where": {"title": "a"}}}}'
            found = (await ask(who, "GET", "/classes/Remark", where=inside, keys="body,about.title", include="about"))[
                "results"
            ]
            assert found[0]["about"]["title"] == "a"
            assert "mark" not in found[0]["about"]
            related = json.dumps({"$relatedTo": {"object": pointer, "key": "remarks"}})
            found = (await ask(who, "GET", "/classes/Remark", where=related))["results"]
            assert [each["body"] for each in found] == ["r"]
            schema = await ask(who, "GET", "/schemas/Post")
            told = schema.get("fields", schema)
            assert {"title", "author", "remarks", "meta", "mark"} <= set(told)
            assert not {"headline", "writer", "flag"} & set(told)
            assert (
                told["remarks"] == {"type": "Relation", "targetClass": "Remark"}
                or told["remarks"]["className"] == "Remark"
            )
            error = await ask(who, "PUT", f"/classes/Post/{made}", {"title": 1})
            assert "title" in error["error"]
            assert not re.search("headline|Article", error["error"])
            batch = [
                {"method": "PUT", "path": f"{MOUNTS.get(who, '/parse')}/classes/Post/{made}", "body": body}
                for body in ({"title": "a"}, {"title": 1})
            ]
            answers = await ask(who, "POST", "/batch", {"requests": batch})
            assert "success" in answers[0]
            assert not re.search("headline|Article", str(answers))
        names = {schema["className"] for schema in (await ask("parse", "GET", "/schemas"))["results"]}
        assert {"Post", "Remark", "_User"} <= names
        assert not {"Article", "Comment"} & names


async def test_a_cursor_goes_on_where_it_was(tmp_path: Path) -> None:
    async with serving(tmp_path, config(tmp_path)) as ask:
        for n in range(5):
            await ask("leancloud", "POST", "/classes/Post", {"title": f"{n}", "mark": n})
        seen: list[Any] = []
        query = {"limit": "2", "where": '{"mark": {"$gt": 0}}', "scan_key": "mark"}
        page = await ask("leancloud", "GET", "/scan/classes/Post", **query)
        while True:
            seen += [each["title"] for each in page["results"]]
            if page.get("cursor") is None:
                break
            page = await ask("leancloud", "GET", "/scan/classes/Post", **query, cursor=page["cursor"])
        assert seen == ["1", "2", "3", "4"]


async def test_the_name_of_the_backend_is_another_thing(tmp_path: Path) -> None:
    async with serving(tmp_path, config(tmp_path)) as ask:
        await ask("theirs", "POST", "/classes/Article", {"headline": "real", "title": "other"})
        await ask("theirs", "POST", "/classes/Post", {"x": 1})
        for who in ("parse client", "leancloud"):
            found = (await ask(who, "GET", "/classes/Post"))["results"]
            assert [columns(each) for each in found] == [{"title": "real", "headline": "other"}]
            assert [columns(each) for each in (await ask(who, "GET", "/classes/Article"))["results"]] == [{"x": 1}]
            assert (await ask(who, "GET", "/classes/Post", where='{"headline": "real"}'))["results"] == []
            assert len((await ask(who, "GET", "/classes/Post", where='{"title": "real"}'))["results"]) == 1


async def test_rules_are_for_classes_and_fields_as_clients_know_them(tmp_path: Path) -> None:
    rules = {
        "Post": {
            "permissions": {"update": ["field:author"], "delete": []},
            "protected_fields": {"everybody": ["mark"]},
            "read_only": ["meta"],
        },
        "Article": {"permissions": {"find": []}},
    }
    async with serving(tmp_path, config(tmp_path, classes=rules)) as ask:
        made = await ask("parse", "POST", "/classes/Post", {"title": "a", "mark": 1, "meta": {"x": 1}})
        assert columns((await ask("parse client", "GET", "/classes/Post"))["results"][0]) == {
            "title": "a",
            "meta": {"x": 1},
        }
        one = f"/classes/Post/{made['objectId']}"
        assert (await ask("parse client", "DELETE", one))["code"] == 119
        assert "error" in await ask("parse client", "PUT", one, {"title": "b"})
        refused = await ask("parse client", "POST", "/classes/Post", {"meta": {"y": 1}})
        assert "meta" in refused["error"]
        assert "extra" not in refused["error"]
        assert "mark" in (await ask("parse client", "GET", "/classes/Post", where='{"mark": 1}'))["error"]


async def test_values_without_types_are_read_by_columns_that_clients_know(tmp_path: Path) -> None:
    async with serving(tmp_path, config(tmp_path)) as ask:
        when = {"__type": "Date", "iso": "2026-01-02T03:04:05.678Z"}
        user = await ask("parse", "POST", "/users", {"username": "tom", "password": "x", "nick": "T"})
        author = {"__type": "Pointer", "className": "_User", "objectId": user["objectId"]}
        made = await ask("parse", "POST", "/classes/Post", {"title": "a", "mark": when, "author": author})
        found = await ask(
            "backendless", "GET", "/data/Post", where="author.nick = 'T' and mark > 1000", props="title,mark"
        )
        assert [(each["title"], each["mark"]) for each in found] == [("a", 1767323045678)]
        related = await ask("backendless", "GET", f"/data/Post/{made['objectId']}/author")
        assert related["nick"] == "T"
        assert "alias" not in related
        counted = await ask(
            "backendless", "GET", "/data/Post", props="Count(objectId) as headline,title", groupBy="title"
        )
        assert [(each["title"], each["headline"]) for each in counted] == [("a", 1)]
        error = await ask("backendless", "GET", "/data/Post", where="writer = 1")
        assert "writer" in error["message"]
        assert "Article" not in error["message"]
        described = await ask("backendless", "GET", "/data/Post/properties")
        assert {"title", "author", "mark"} <= {each["name"] for each in described}


async def test_a_server_of_others_keeps_its_names(tmp_path: Path) -> None:
    async with backend_of_others(tmp_path) as address:
        there = {"type": "parse", "url": f"{address}/parse", "app_id": "their-app", "rest_key": "their-rest"}
        own = config(tmp_path)
        own["apps"] = own["apps"][:1]
        own["apps"][0]["clients"].pop("backendless")
        own["backends"]["local"] = {**there, "master_key": "their-master"}
        async with serving(tmp_path, own) as ask, aiohttp.ClientSession() as session:
            for who in ("parse client", "leancloud"):
                made = (await ask(who, "POST", "/classes/Post", {"title": "a", "mark": 1}))["objectId"]
                headers = {"X-Parse-Application-Id": "their-app", "X-Parse-REST-API-Key": "their-rest"}
                async with session.get(f"{address}/parse/classes/Article/{made}", headers=headers) as response:
                    assert columns(await response.json()) == {"headline": "a", "flag": 1}
                assert columns(await ask(who, "GET", f"/classes/Post/{made}")) == {"title": "a", "mark": 1}
                error = await ask(who, "PUT", f"/classes/Post/{made}", {"title": 1})
                assert "title" in error["error"]
                user = await ask(who, "POST", "/users", {"username": who, "password": "x", "nick": "T"})
                author = {"__type": "Pointer", "className": "_User", "objectId": user["objectId"]}
                await ask(who, "PUT", f"/classes/Post/{made}", {"author": author})
                # where a pointer leads, the server tells
                found = (await ask(who, "GET", "/classes/Post", include="author", keys="title,author.nick"))["results"]
                assert found[-1]["author"]["nick"] == "T"
                assert not re.search("headline|Article", error["error"])


# --- settings ---

REFUSED: Mapping[str, tuple[dict[str, Any], str]] = {
    "a system class": ({"classes": {"_User": "People"}}, "classes._User: _User is a system class, and keeps its name"),
    "onto a system class": (
        {"classes": {"Person": "_User"}},
        "classes.Person: _User is a system class, and keeps its name",
    ),
    "no class": ({"classes": {"Post": "a b"}}, "classes.Post: 'a b' is no name of a class"),
    "two classes": ({"classes": {"A": "C", "B": "C"}}, "classes.B: the backend's C is A already"),
    "itself": ({"classes": {"A": "A"}}, "classes.A: has this name already"),
    "a system field": (
        {"fields": {"Post": {"@id": "key"}}},
        "fields.Post.@id: @id is a system field, and keeps its name",
    ),
    "what a dialect calls a system field": (
        {"fields": {"Post": {"made": "createdAt"}}},
        "fields.Post.made: createdAt is a system field, and keeps its name",
    ),
    "a field of users": (
        {"fields": {"_User": {"login": "username"}}},
        "fields._User.login: username is a system field, and keeps its name",
    ),
    "a path": ({"fields": {"Post": {"a.b": "c"}}}, "fields.Post.a.b: 'a.b' is no name of a field"),
    "two fields": ({"fields": {"*": {"a": "c", "b": "c"}}}, "fields.*.b: the backend's c is a already"),
    "one that hides another": (
        {"fields": {"*": {"a": "c"}, "Post": {"b": "c"}}},
        "fields.Post.b: the backend's c is a already, by fields.*",
    ),
    "the backend's class": (
        {"classes": {"Post": "Article"}, "fields": {"Article": {"a": "b"}}},
        "fields.Article: is what the backend calls Post; here are the names that clients know",
    ),
    "a class that is none": ({"fields": {"a-b": {"a": "b"}}}, "fields.a-b: is no name of a class"),
    "another form": ({"classes": ["Post"]}, "classes: should be an object"),
    "another key": ({"tables": {}}, "tables: is not a setting"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_renames_that_cannot_be_are_told_by_key(case: str, tmp_path: Path) -> None:
    renames, message = REFUSED[case]
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config(tmp_path, renames=renames)), encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        plan(path, {})
    assert str(refused.value) == f"{path}: apps.0.renames.{message}"


def test_names_may_change_places(tmp_path: Path) -> None:
    renames: dict[str, Any] = {"classes": {"A": "B", "B": "A"}, "fields": {"A": {"x": "y", "y": "z"}, "*": {"x": "u"}}}
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config(tmp_path, renames=renames)), encoding="utf-8")
    plan(path, {})
    names = Names.read(renames["classes"], renames["fields"])
    assert (names.of("A"), names.of("B")) == ({"x": "y", "y": "z", "z": "x"}, {"x": "u", "u": "x"})
    assert bool(names)
    assert not Names.read({}, {})


async def test_who_renames_nothing_has_nothing_in_between(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for part in ("Renamed", "RenamedRegistry"):
        monkeypatch.delattr(f"gateway.app.{part}")
    async with serving(tmp_path, config(tmp_path, renames={"fields": {"Post": {}}})) as ask:
        assert "objectId" in await ask("parse", "POST", "/classes/Post", {"title": "a"})
