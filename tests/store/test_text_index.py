"""Searches of texts: what is found, that every write keeps the index right, and that nobody learns what is hidden."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Code, GatewayError
from gateway.model.definition import DeleteClass, PurgeClass, UpdateClass
from gateway.model.operation import (
    Batch,
    Caller,
    Create,
    CreateMany,
    Delete,
    DeleteMany,
    Find,
    NewObject,
    Operation,
    Result,
    Update,
    UpdateMany,
    Upsert,
)
from gateway.model.query import ANY_TEXT, And, Condition, Filter, Not, Op, Or, Phrase, Sort, Subquery, Words
from gateway.model.schema import Action, AppSettings, ClassSettings, Protected, Rule
from gateway.model.update import Add, Set, Unset
from gateway.model.values import ACL, HIGHLIGHTS, ID, SCORE, Date, Pointer
from gateway.store.schema import ClassSchema
from gateway.store.sqlite import SqliteStore
from gateway.store.text_index import PART, TextIn, worth
from tests.store.conftest import CALLER, Shop

OWNER = Caller("test", master=True)


def text(*some: str, field: str = ANY_TEXT, every: Sequence[str] = (), without: Sequence[str] = ()) -> Condition:
    """A star at the end of a word is its prefix."""

    def phrases(words: Sequence[str]) -> tuple[Phrase, ...]:
        return tuple(Phrase(word.removesuffix("*"), word.endswith("*")) for word in words)

    return Condition(field, Op.TEXT, Words(phrases(some), phrases(every), phrases(without)))


def search(where: Filter, class_name: str = "Post", **more: Any) -> Find:
    return Find(class_name=class_name, **{"limit": 1000, "text": where, "count": True, **more})


async def found(shop: Shop, where: Filter, **more: Any) -> set[str]:
    """The ids; a search and a query with the same condition find the same."""
    searched = (await shop.do(search(where, **more))).objects or []
    queried = (await shop.do(Find(class_name="Post", limit=1000, where=where, **more))).objects or []
    ids = {fields[ID] for fields in searched}
    assert ids == {fields[ID] for fields in queried}
    assert len(ids) == len(searched)
    return ids


@pytest.fixture
async def posts(shop: Shop) -> Shop:
    await shop.create("Post", "hello", title="Hello World", body="coffee cake", n=1)
    await shop.create("Post", "chinese", title="我要一杯咖啡", n=2)
    await shop.create("Post", "cafe", title="Café Crème", body="hello again", n=3)
    await shop.create(
        "Post",
        "tags",
        title="other",
        tags=["a coffee", {"note": "world hello", "on": Date("2026-01-01T00:00:00.000Z")}],
    )
    await shop.create("Post", "bare", n=4)
    return shop


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        (text("hello"), "hello cafe tags"),
        (text("HELLO"), "hello cafe tags"),
        (text("hello", field="title"), "hello"),
        (text("hello", field="tags"), "tags"),
        (text("hello", "咖啡"), "hello cafe tags chinese"),
        (text("咖啡"), "chinese"),
        (text("一杯"), "chinese"),
        (text("啡咖"), ""),
        (text("杯", "cake"), "chinese hello"),
        (text("cafe creme"), "cafe"),
        (text("creme cafe"), ""),
        (text("caf*"), "cafe"),
        (text("caf"), ""),
        (text("hello wor*"), "hello"),
        (text(every=("hello", "coffee")), "hello tags"),
        (text("cake", every=("hello",)), "hello cafe tags"),
        (text("hello", without=("cake",)), "cafe tags"),
        (text(every=("hello",), without=("again", "cake")), "tags"),
        (text("coffee world", field="tags"), ""),  # no phrase goes from one text into the next
        (text(without=("hello",)), ""),
        (text("!!!"), ""),
        (text(every=("!", "cake")), "hello"),
        (text("note"), ""),  # a key is no text
        (text("2026"), ""),  # and a date is none
        (text("hello", field="nowhere"), ""),
        (Not(text("hello")), "chinese bare"),
        (And((text("hello"), Condition("n", Op.GT, 1))), "cafe"),
        (Or((text("cake", field="body"), text("咖", field="title"))), "hello chinese"),
        (And(()), "hello chinese cafe tags bare"),
    ],
)
async def test_what_is_found(posts: Shop, where: Filter, ids: str) -> None:
    assert await found(posts, where) == set(ids.split())


async def test_some_fields_stand_for_all(posts: Shop) -> None:
    assert await found(posts, text("hello"), text_fields=("body", "tags")) == {"cafe", "tags"}
    assert await found(posts, text("hello", field="title"), text_fields=("body",)) == {"hello"}


@pytest.mark.parametrize(
    ("where", "code"),
    [
        (text("a", field="n"), Code.BAD_QUERY),
        (text("a", field=ID), Code.BAD_QUERY),
        (text("a", field="tags.note"), Code.BAD_QUERY),
        (text("a", field="a b"), Code.BAD_FIELD_NAME),
        (text(*["a"] * 201), Code.BAD_QUERY),
        (Condition("title", Op.TEXT, "a"), Code.BAD_QUERY),
        (Or(tuple(text("a") for _ in range(400))), Code.BAD_QUERY),
    ],
)
async def test_what_is_refused(posts: Shop, where: Filter, code: Code) -> None:
    assert (await posts.refused(search(where)))[0] is code
    assert (await posts.refused(Find(class_name="Post", limit=1, where=where)))[0] is code


@pytest.mark.parametrize(
    "word", ['"', '" OR words:*', "a NEAR b", "words : hello", "^hello", "{x}", "'; DROP TABLE", "*", "\x00", "\ud800"]
)
async def test_no_word_is_syntax(posts: Shop, word: str) -> None:
    everything = {"hello", "chinese", "cafe", "tags"}
    assert await found(posts, text(word)) != everything
    assert await found(posts, text(every=(word, "hello"), without=(word,))) <= everything


async def test_a_class_that_is_not_there(shop: Shop) -> None:
    assert (await shop.refused(search(text("a"))))[0] is Code.CLASS_NOT_FOUND


async def test_a_search_has_no_groups(posts: Shop) -> None:
    assert (await posts.refused(search(text("a"), group_by=("n",))))[0] is Code.BAD_QUERY
    where = And((text("hello"), Condition("n", Op.GT, 0)))
    rows = (await posts.do(Find(class_name="Post", limit=9, where=where, group_by=("n",)))).objects
    assert rows == [{"n": 1}, {"n": 3}]


# order, score and pages


async def ranked(shop: Shop, where: Filter, **more: Any) -> list[str]:
    return [fields[ID] for fields in (await shop.do(search(where, **more))).objects or []]


async def test_the_best_comes_first(shop: Shop) -> None:
    await shop.create("Post", "once", title="word and much else that is said about other things " * 3)
    await shop.create("Post", "both", title="word", body="word other")
    await shop.create("Post", "short", title="word")
    assert (await ranked(shop, text("word", "other")))[0] == "both"
    assert await ranked(shop, text("word"), order=(Sort(ID),)) == ["both", "once", "short"]
    assert (await ranked(shop, text("other", every=("word",))))[0] == "both"


async def test_a_score_is_told_where_it_is_asked_for(posts: Shop) -> None:
    order = (Sort(SCORE, descending=True),)
    rows = (
        await posts.do(
            Find(class_name="Post", limit=9, where=text("hello", field="title"), select=(SCORE,), order=order)
        )
    ).objects
    assert rows is not None
    (row,) = rows
    assert 0 < row[SCORE] < 1
    assert "title" not in row
    plain = (
        await posts.do(Find(class_name="Post", limit=9, select=(SCORE, "n"), where=Condition("n", Op.EQ, 1)))
    ).objects
    assert plain is not None
    assert plain[0][SCORE] == 0
    assert plain[0]["n"] == 1


async def test_what_is_missing_comes_first_or_last(posts: Shop) -> None:
    everything = text("hello", "other", "咖啡")
    assert (await ranked(posts, everything, order=(Sort("n", False, None, True),)))[-1] == "tags"
    assert (await ranked(posts, everything, order=(Sort("n", True, None, True),)))[-1] == "tags"
    assert (await ranked(posts, everything, order=(Sort("n", False, None, False),)))[0] == "tags"
    assert (await ranked(posts, everything, order=(Sort("n", True, None, False),)))[0] == "tags"
    assert (await posts.refused(search(everything, order=(Sort("tags", False, None, True),))))[0] is Code.BAD_QUERY


async def test_pages(shop: Shop) -> None:
    for number in range(25):
        await shop.create("Post", f"p{number:02}", title="word", n=number)
    seen: list[str] = []
    cursor = None
    while True:
        page = await shop.do(search(text("word"), limit=10, cursor=cursor, skip=3))
        seen += [fields[ID] for fields in page.objects or []]
        assert page.total == 25
        cursor = page.cursor
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 22
    first = await shop.do(search(text("word"), limit=10))
    for other in (text("other"), And((text("word"), Condition("n", Op.GT, 0)))):
        assert (await shop.refused(search(other, limit=10, cursor=first.cursor)))[0] is Code.BAD_CURSOR
    assert (await shop.refused(search(text("word"), cursor="x")))[0] is Code.BAD_CURSOR
    assert (await shop.refused(search(text("word"), order=(Sort("n"),), cursor=first.cursor)))[0] is Code.BAD_CURSOR
    assert (await shop.do(search(text("word"), limit=3, cursor=first.cursor))).cursor is not None
    assert (await shop.do(search(text("word"), limit=0))).total == 25


async def test_highlights(posts: Shop) -> None:
    rows = (await posts.do(search(text("hello"), highlights=("*",)))).objects or []
    told = {fields[ID]: fields[HIGHLIGHTS] for fields in rows}
    assert told == {
        "hello": {"title": ["<em>Hello</em> World"]},
        "cafe": {"body": ["<em>hello</em> again"]},
        "tags": {"tags": ["world <em>hello</em>"]},
    }
    rows = (await posts.do(search(text("hello", field="title"), highlights=("title", "body")))).objects or []
    assert [fields[HIGHLIGHTS] for fields in rows] == [{"title": ["<em>Hello</em> World"]}]
    rows = (await posts.do(search(text("hello"), highlights=("*",), text_fields=("body",)))).objects or []
    assert [fields[HIGHLIGHTS] for fields in rows] == [{"body": ["<em>hello</em> again"]}]
    rows = (await posts.do(search(text("hello")))).objects or []
    assert all(HIGHLIGHTS not in fields for fields in rows)


# every way of writing


async def test_what_is_written_afterwards_is_found(posts: Shop) -> None:
    assert await found(posts, text("new")) == set()
    await posts.create("Post", "x", title="new one", fresh="a column that came later")
    assert await found(posts, text("new")) == {"x"}
    assert await found(posts, text("later")) == {"x"}
    await posts.update("Post", "x", title=Set("old"))
    assert await found(posts, text("new")) == set()
    assert await found(posts, text("old")) == {"x"}
    await posts.update("Post", "x", tags=Add(("new tag",)))
    assert await found(posts, text("new")) == {"x"}
    await posts.update("Post", "x", title=Unset(), n=Set(5))
    assert await found(posts, text("old")) == set()
    await posts.do(Upsert(class_name="Post", id="y", changes={"title": Set("old")}))
    await posts.do(Upsert(class_name="Post", id="y", changes={"title": Set("older")}))
    assert await found(posts, text("old*")) == {"y"}
    await posts.do(
        CreateMany(
            class_name="Post",
            objects=(NewObject({"title": Set("many")}, "m1"), NewObject({"title": Set("many")}, "m2")),
        )
    )
    assert await found(posts, text("many")) == {"m1", "m2"}
    await posts.do(UpdateMany(class_name="Post", changes={"title": Set("few")}, where=text("many")))
    assert await found(posts, text("many")) == set()
    await posts.do(DeleteMany(class_name="Post", where=text("few")))
    assert await found(posts, text("few")) == set()
    await posts.do(Delete(class_name="Post", ids=("x", "y")))
    assert await found(posts, text("old*", "new", "later")) == set()
    await posts.do(Update(class_name="Post", id="hello", changes={"n": Set(9)}, where=text("cake")))
    assert (await posts.refused(Update(class_name="Post", id="hello", changes={"n": Set(9)}, where=text("tea"))))[
        0
    ] is Code.CONDITION_FAILED


async def test_what_is_undone_is_not_found(posts: Shop) -> None:
    assert await found(posts, text("never")) == set()
    made: tuple[Operation, ...] = (
        Create(class_name="Post", id="z", changes={"title": Set("never")}),
        Update(class_name="Post", id="hello", changes={"title": Set("never")}),
        Delete(class_name="Post", ids=("cafe",)),
        Update(class_name="Post", id="nowhere", changes={}),
    )
    with pytest.raises(GatewayError):
        await posts.do(Batch(items=made, atomic=True))
    assert await found(posts, text("never")) == set()
    assert await found(posts, text("hello")) == {"hello", "cafe", "tags"}
    await posts.do(Batch(items=made))  # each by itself
    assert await found(posts, text("never")) == {"z", "hello"}
    assert await found(posts, text("hello")) == {"tags"}


async def test_a_search_in_a_batch_makes_the_index(posts: Shop) -> None:
    items: tuple[Operation, ...] = (
        Create(class_name="Post", id="z", changes={"title": Set("brand new")}),
        search(text("brand")),
    )
    answers = (await posts.do(Batch(items=items))).items
    assert answers is not None
    assert isinstance(answers[1], Result)
    assert answers[1].total == 1
    assert len(await posts.ids("Post")) == 6  # done once


async def test_a_search_within_a_query(posts: Shop) -> None:
    await posts.create("Remark", "r", about=Pointer("Post", "hello"))
    await posts.create("Remark", "s", about=Pointer("Post", "cafe"))
    where = Condition("about", Op.IN, Subquery("Post", text("cake")))
    assert await posts.ids("Remark", where) == ["r"]


async def test_columns_and_classes_that_go(posts: Shop) -> None:
    master = posts.of(OWNER)
    assert await found(posts, text("cake")) == {"hello"}
    await master.do(UpdateClass(class_name="Post", fields={"body": None}))
    assert await found(posts, text("cake")) == set()
    await posts.update("Post", "hello", late=Set("cake"))  # whose number may be that of what went
    assert await found(posts, text("cake")) == {"hello"}
    assert await found(posts, text("coffee")) == {"tags"}
    await master.do(PurgeClass(class_name="Post"))
    assert await found(posts, text("cake")) == set()
    await master.do(DeleteClass(class_name="Post"))
    await posts.create("Other", "o", title="cake")  # whose number may be that of the class that went
    await posts.create("Post", "p", title="tea")
    assert await found(posts, text("cake")) == set()
    assert await found(posts, text("tea")) == {"p"}


WORDS = ["red", "Red", "green", "blau", "咖啡", "咖", "é", "e", "reds"]
texts = st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join)
ids = st.integers(0, 5).map(lambda number: f"p{number}")
writes = st.one_of(
    st.tuples(st.just("put"), ids, st.sampled_from(["a", "b"]), texts),
    st.tuples(st.just("put"), ids, st.just("list"), st.lists(texts, max_size=3)),
    st.tuples(st.just("unset"), ids, st.sampled_from(["a", "b", "list"])),
    st.tuples(st.just("delete"), ids),
    st.tuples(st.just("where"), st.sampled_from(WORDS), texts),
)
FOLDED = {"é": "e", "Red": "red"}


def plain_words(said: str) -> list[str]:
    return [FOLDED.get(word, word) for word in re.findall(r"[a-zé]+|[咖啡]", said, re.IGNORECASE)]


def has(held: Any, phrase: str) -> bool:
    wanted = plain_words(phrase)
    for said in held if isinstance(held, list) else [held]:
        words = plain_words(said)
        if any(words[at : at + len(wanted)] == wanted for at in range(len(words))):
            return True
    return False


@settings(max_examples=40, deadline=None)
@given(st.lists(writes, max_size=12), st.integers(0, 12))
def test_the_index_agrees_with_the_objects_after_any_writes(steps: list[Any], first_search: int) -> None:
    """Wherever among them the class is first searched."""

    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            store = await SqliteStore.open(Path(folder) / "a.db", secret=b"x")
            try:
                shop = Shop(store)
                await shop.create("Post", "p0", a="red green", b="x", list=["咖啡"])
                expected: dict[str, dict[str, Any]] = {"p0": {"a": "red green", "b": "x", "list": ["咖啡"]}}
                for at, step in enumerate(steps):
                    if at == first_search:
                        await found(shop, text("red"))
                    await carry_out(shop, step, expected)
                for word in WORDS:
                    assert await found(shop, text(word)) == {
                        known for known, fields in expected.items() if any(has(held, word) for held in fields.values())
                    }
                    assert await found(shop, text(word, field="a")) == {
                        known for known, fields in expected.items() if "a" in fields and has(fields["a"], word)
                    }
            finally:
                await store.close()

    asyncio.run(run())


async def carry_out(shop: Shop, step: Any, expected: dict[str, dict[str, Any]]) -> None:
    match step:
        case ("put", known, field, value):
            await shop.do(Upsert(class_name="Post", id=known, changes={field: Set(value)}))
            expected.setdefault(known, {})[field] = value
        case ("unset", known, field) if known in expected:
            await shop.do(Update(class_name="Post", id=known, changes={field: Unset()}))
            expected[known].pop(field, None)
        case ("delete", known) if known in expected:
            await shop.do(Delete(class_name="Post", ids=(known,)))
            del expected[known]
        case ("where", word, value):
            await shop.do(UpdateMany(class_name="Post", changes={"b": Set(value)}, where=text(word, field="a")))
            for fields in expected.values():
                if "a" in fields and has(fields["a"], word):
                    fields["b"] = value


# the making of an index


async def make_many(store: SqliteStore, count: int) -> None:
    for at in range(0, count, 1000):
        numbers = range(at, min(at + 1000, count))
        objects = tuple(NewObject({"title": Set("word")}, f"p{number}") for number in numbers)
        await store.execute(CreateMany(class_name="Post", objects=objects), CALLER)


async def test_a_large_class_is_indexed_in_parts_while_others_write(shop: Shop) -> None:
    count = 3 * PART + 7
    await make_many(shop.store, count)
    first = asyncio.create_task(shop.do(search(text("word"), limit=1)))
    writes = [shop.update("Post", f"p{number}", title=Set("changed")) for number in range(0, count, 50)]
    gone = [shop.do(Delete(class_name="Post", ids=(f"p{number}",))) for number in range(1, count, 50)]
    more = [shop.create("Post", f"q{number}", title="word") for number in range(5)]
    await asyncio.gather(first, *writes, *gone, *more)
    changed, removed = len(range(0, count, 50)), len(range(1, count, 50))
    assert (await shop.do(search(text("word"), limit=0))).total == count - changed - removed + 5
    assert (await shop.do(search(text("changed"), limit=0))).total == changed


async def test_an_index_that_takes_too_long_goes_on_with_the_next_search(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "a.db", secret=b"x")
    await make_many(store, 2 * PART + 1)
    await store.close()
    hasty = await SqliteStore.open(tmp_path / "a.db", secret=b"x", time_limit=-1.0)
    with pytest.raises(GatewayError) as late:
        await hasty.execute(search(text("word")), CALLER)
    assert late.value.code is Code.TIMEOUT
    await hasty.close()
    store = await SqliteStore.open(tmp_path / "a.db", secret=b"x")
    assert (await store.execute(search(text("word"), limit=0), CALLER)).total == 2 * PART + 1
    await store.close()


async def test_gateways_on_one_file_have_one_index(tmp_path: Path) -> None:
    one = await SqliteStore.open(tmp_path / "a.db", secret=b"x")
    other = await SqliteStore.open(tmp_path / "a.db", secret=b"x")
    try:
        await one.execute(Create(class_name="Post", id="p", changes={"title": Set("word")}), CALLER)
        answers = await asyncio.gather(*(store.execute(search(text("word")), CALLER) for store in (one, other) * 3))
        assert [answer.total for answer in answers] == [1] * 6
        await other.execute(Create(class_name="Post", id="q", changes={"title": Set("word")}), CALLER)
        assert (await one.execute(search(text("word")), CALLER)).total == 2
    finally:
        await one.close()
        await other.close()


def opened(folder: Path) -> apsw.Connection:
    """The store's file, beside the store."""
    (path,) = folder.rglob("*.db")
    return apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)


def of_indexes(folder: Path) -> list[str]:
    """What the file has of indexes of texts, their triggers and what FTS5 makes for itself."""
    sql = "SELECT name FROM sqlite_schema WHERE name GLOB 'text_[0-9]*'"
    return [name for (name,) in opened(folder).execute(sql)]


async def test_a_class_that_nobody_searches_has_no_index(posts: Shop, tmp_path: Path) -> None:
    await posts.ids("Post")
    assert of_indexes(tmp_path) == []
    await found(posts, text("hello"))
    assert len([name for name in of_indexes(tmp_path) if "_" not in name.removeprefix("text_")]) == 1


async def test_a_purge_does_not_take_the_index_apart_object_by_object(posts: Shop, tmp_path: Path) -> None:
    assert await found(posts, text("cake")) == {"hello"}
    await posts.of(OWNER).do(PurgeClass(class_name="Post"))
    assert of_indexes(tmp_path) == []
    await posts.create("Post", "p", title="cake")
    assert await found(posts, text("cake")) == {"p"}
    await posts.update("Post", "p", title=Set("tea"))
    assert await found(posts, text("cake")) == set()


# what is hidden


async def test_objects_that_the_caller_may_not_read(posts: Shop) -> None:
    await posts.change("Post", "mine", title=Set("secret word"), **{ACL: Set({"u1": {"read": True}})})
    owner = posts.of(Caller("test", user_id="u1"))
    assert await found(owner, text("secret")) == {"mine"}
    assert await found(posts, text("secret")) == set()
    assert (await posts.do(search(text("secret")))).total == 0
    assert await found(posts, Not(text("hello"))) == {"chinese", "bare"}
    assert (await posts.do(search(text("word", "hello"), limit=1))).total == 3


async def test_a_score_does_not_tell_what_others_wrote(posts: Shop) -> None:
    query = Find(class_name="Post", limit=9, where=text("hello"), select=(SCORE,), order=(Sort(ID),))
    before = [fields[SCORE] for fields in (await posts.do(query)).objects or []]
    for number in range(5):
        hidden = {"title": Set("hello " * number), ACL: Set({})}
        await posts.do(Create(class_name="Post", changes=hidden))
    assert [fields[SCORE] for fields in (await posts.do(query)).objects or []] == before


async def test_fields_that_the_caller_may_not_read(tmp_path: Path) -> None:
    settings = ClassSettings(protected=Protected(everybody=("secret",), fields={"author": ("salary",)}))
    store = await SqliteStore.open(
        tmp_path / "a.db", secret=b"x", apps={"test": AppSettings(classes={"Post": settings})}
    )
    shop = Shop(store)
    try:
        await shop.create("Post", "p", title="open", secret="word", salary="word", author=Pointer("_User", "u1"))
        assert await found(shop, text("word")) == set()
        assert await found(shop, text("open")) == {"p"}
        for field in ("secret", "salary"):
            assert (await shop.refused(search(text("word", field=field))))[0] is Code.FORBIDDEN
            assert (await shop.refused(search(text("word"), text_fields=(field,))))[0] is Code.FORBIDDEN
            assert (await shop.refused(search(text("word", field=field), limit=0)))[0] is Code.FORBIDDEN
        rows = (await shop.do(search(text("open", "word"), highlights=("*",)))).objects or []
        # of this object the salary is shown, though nobody can look for it
        assert [fields[HIGHLIGHTS] for fields in rows] == [{"title": ["<em>open</em>"], "salary": ["<em>word</em>"]}]
        assert await found(shop.of(OWNER), text("word")) == {"p"}
        assert await found(shop, Not(text("word"))) == {"p"}
    finally:
        await store.close()


async def test_addresses_of_users_are_not_searched(shop: Shop) -> None:
    await shop.of(OWNER).create("_User", "u1", username="ann", email="ann@example.com", bio="likes tea")
    assert (await shop.do(search(text("tea", "ann"), "_User"))).total == 1
    assert (await shop.do(search(text("example"), "_User"))).total == 0
    assert (await shop.of(OWNER).do(search(text("example"), "_User"))).total == 1


async def test_a_class_that_refuses_queries_refuses_searches(tmp_path: Path) -> None:
    rules = {"Post": ClassSettings(rules={Action.FIND: Rule()}), "Item": ClassSettings(rules={Action.COUNT: Rule()})}
    store = await SqliteStore.open(tmp_path / "a.db", secret=b"x", apps={"test": AppSettings(classes=rules)})
    shop = Shop(store)
    try:
        for name in ("Post", "Item"):
            await shop.of(OWNER).create(name, "p", title="word")
        assert (await shop.refused(search(text("word"))))[0] is Code.FORBIDDEN
        order = (Sort(SCORE, descending=True),)
        assert (await shop.refused(Find(class_name="Post", limit=1, where=text("word"), order=order)))[
            0
        ] is Code.FORBIDDEN
        assert (await shop.do(search(text("word"), "Item"))).total == 1  # hits are part of a search
    finally:
        await store.close()


async def test_what_many_match_is_sorted_by_an_index(posts: Shop, tmp_path: Path) -> None:
    await found(posts, text("hello"))
    database = opened(tmp_path)
    database.register_fts5_function("worth", worth)
    (number,) = next(database.execute("SELECT id FROM class WHERE name = 'Post'"))
    ranked_rows = TextIn(ClassSchema(number, "Post", {}, ()), None).ranked("'hello'")
    sql = f"SELECT * FROM object_{number} AS t LEFT JOIN ({ranked_rows}) AS r ON r.hit = t.seq"
    plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {sql}")]
    assert any("INDEX (hit=?)" in step for step in plan), plan
