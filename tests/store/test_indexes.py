"""Which queries an index answers, and unique fields."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Code, GatewayError
from gateway.model.operation import Create, Find, Get, Operation, Scan, Update
from gateway.model.query import And, Condition, Op, Or, RelatedTo, Sort, Subquery
from gateway.model.update import AddRelation, Change, Set
from gateway.model.values import CREATED_AT, ID, UPDATED_AT, Date, Pointer
from gateway.store.connection import SqlValue
from gateway.store.sqlite import SqliteConnection, SqliteStore
from tests.store.conftest import Shop


class Explaining:
    """A connection that also keeps how SQLite goes about each query."""

    def __init__(self, connection: SqliteConnection) -> None:
        self.plans: list[str] = []
        self._connection = connection

    def _explain(self, sql: str, values: Sequence[SqlValue]) -> None:
        plan = self._connection.rows(f"EXPLAIN QUERY PLAN {sql}", values)
        self.plans.append("; ".join(step[3] for step in plan))

    def rows(self, sql: str, values: Sequence[SqlValue] = ()) -> list[tuple[Any, ...]]:
        self._explain(sql, values)
        return self._connection.rows(sql, values)

    def row(self, sql: str, values: Sequence[SqlValue] = ()) -> tuple[Any, ...] | None:
        self._explain(sql, values)
        return self._connection.row(sql, values)

    def run(self, sql: str, values: Sequence[SqlValue] = ()) -> int:
        return self._connection.run(sql, values)


USER = Pointer("User", "u1")
NOW = Date("2026-01-01T00:00:00.000Z")


def newest(*, where: Any = None, key: str = CREATED_AT, descending: bool = True) -> Find:
    return Find(class_name="Post", limit=10, where=where, order=(Sort(key, descending),))


# the last step of the plan that matters; none of them sorts, and none reads a whole table
PLANS: dict[str, tuple[Operation, str]] = {
    "by id": (Get(class_name="Post", id="p1"), "SEARCH object_1 USING INDEX sqlite_autoindex_object_1_1 (id=?)"),
    "newest first": (newest(), "SCAN t1 USING INDEX object_1_created_at"),
    "oldest first": (newest(descending=False), "SCAN t1 USING INDEX object_1_created_at"),
    "changed since": (
        newest(where=Condition(UPDATED_AT, Op.GT, NOW), key=UPDATED_AT),
        "SEARCH t1 USING INDEX object_1_updated_at (updated_at>?)",
    ),
    "of an author": (
        Find(class_name="Post", limit=10, where=Condition("by", Op.EQ, USER)),
        "SEARCH t1 USING INDEX object_1_pointer_1 (<expr>=?)",
    ),
    "of some authors": (
        Find(
            class_name="Post", limit=10, where=Condition("by", Op.IN, [USER, Pointer("User", "u2")]), order=(Sort(ID),)
        ),
        "SEARCH t1 USING INDEX object_1_pointer_1 (<expr>=?)",
    ),
    "by a declared field": (
        newest(where=Condition("slug", Op.EQ, "x"), key="slug"),
        "SEARCH t1 USING INDEX index_1 (<expr>=?)",
    ),
    "a range of a declared field, sorted": (
        newest(where=Condition("slug", Op.GE, "x"), key="slug"),
        "SEARCH t1 USING INDEX index_1 (<expr>>?)",
    ),
    "by two declared fields": (
        newest(where=And((Condition("kind", Op.EQ, "x"), Condition("n", Op.GT, 5))), key="n"),
        "SEARCH t1 USING INDEX index_2 (<expr>=? AND <expr>>?)",
    ),
    "either of two indexes": (
        Find(class_name="Post", limit=9, where=Or((Condition("slug", Op.EQ, "x"), Condition("by", Op.EQ, USER)))),
        "MULTI-INDEX OR",
    ),
    "members of a relation": (
        Find(class_name="User", limit=9, where=RelatedTo(Pointer("Post", "p1"), "likes")),
        "SEARCH member USING PRIMARY KEY (field=? AND owner=?)",
    ),
    "owners of a member": (
        Find(class_name="Post", limit=9, where=Condition("likes", Op.EQ, USER)),
        "SEARCH member USING INDEX member_owners (field=? AND member=?)",
    ),
    "by a subquery": (
        Find(class_name="Post", limit=9, where=Condition("by", Op.IN, Subquery("User", Condition(ID, Op.EQ, "u1")))),
        "SEARCH t1 USING INDEX object_1_pointer_1 (<expr>=?)",
    ),
    "by a field of a subquery": (
        Find(class_name="Post", limit=9, where=Condition("slug", Op.IN, Subquery("User", key=ID))),
        "SEARCH t1 USING INDEX index_1 (<expr>=?)",
    ),
    "a scan": (Scan(class_name="Post", limit=9), "SCAN t1 USING INDEX sqlite_autoindex_object_1_1"),
}

# several places of an index are read, so the few that are found are sorted
SORTED_AFTERWARDS = {
    "of some authors",
    "either of two indexes",
    "members of a relation",
    "owners of a member",
    "by a subquery",
    "by a field of a subquery",
}


@pytest.mark.parametrize("case", PLANS)
async def test_queries_use_indexes(shop: Shop, case: str) -> None:
    await shop.store.declare_index("Post", ["slug"], unique=True)
    await shop.store.declare_index("Post", ["kind", "n"])
    await shop.create("User", "u1")
    changes: dict[str, Change] = {
        "by": Set(USER),
        "slug": Set("x"),
        "kind": Set("x"),
        "n": Set(1),
        "likes": AddRelation((USER,)),
    }
    await shop.do(Create(class_name="Post", id="p1", changes=changes))
    op, expected = PLANS[case]
    await shop.do(op)
    reader = shop.store._here
    explaining = Explaining(reader._connection)
    reader._session.connection = explaining
    await shop.do(op)
    reader._session.connection = reader._connection
    if isinstance(op, Get):  # a point read asks the connection itself
        plan = reader._connection.rows(f"EXPLAIN QUERY PLAN {reader._session.schema.classes['Post'].get}", ("p1",))[0][
            3
        ]
    else:
        plan = explaining.plans[-1]
    assert expected in plan.replace("COVERING ", "")
    assert "TEMP B-TREE" not in plan or case in SORTED_AFTERWARDS


async def test_a_page_follows_its_cursor_by_the_index(shop: Shop) -> None:
    for n in range(4):
        await shop.create("Post", f"p{n}")
    first = await shop.do(Scan(class_name="Post", limit=2))
    reader = shop.store._here
    explaining = Explaining(reader._connection)
    reader._session.connection = explaining
    await shop.do(Scan(class_name="Post", limit=2, cursor=first.cursor))
    assert "SEARCH t1 USING INDEX sqlite_autoindex_object_1_1 (id>?)" in explaining.plans[-1]


async def test_a_unique_field_refuses_a_second_of_the_same_value(shop: Shop) -> None:
    await shop.store.declare_index("Post", ["slug"], unique=True)
    await shop.store.declare_index("Post", ["a", "b"], unique=True)
    await shop.create("Post", "p1", slug="x", a=1, b=1)
    await shop.create("Post", "p2", slug="y", a=1, b=2)
    for known in ("none", "null"):
        await shop.create("Post", known, **({} if known == "none" else {"slug": None}))
    taken = (Code.DUPLICATE_VALUE, {"class_name": "Post", "field": "slug", "id": "p2"})
    assert await shop.refused(Create(class_name="Post", id="p2", changes={"slug": Set("x")})) == taken
    assert await shop.refused(Update(class_name="Post", id="p2", changes={"slug": Set("x")})) == taken
    both = (Code.DUPLICATE_VALUE, {"class_name": "Post", "field": "a,b", "id": "p3"})
    assert await shop.refused(Create(class_name="Post", id="p3", changes={"a": Set(1), "b": Set(2)})) == both
    assert await shop.get("Post", "p2") == {"slug": "y", "a": 1, "b": 2}
    await shop.update("Post", "p1", slug=Set("z"))
    await shop.update("Post", "p2", slug=Set("x"))


async def test_declared_indexes_are_kept_in_the_file(tmp_path: Path) -> None:
    for _ in range(2):
        store = await SqliteStore.open(tmp_path / "a.db", secret=b"")
        await store.declare_index("Post", ["slug"], unique=True)
        await store.close()
    store = await SqliteStore.open(tmp_path / "a.db", secret=b"")
    shop = Shop(store)
    await shop.create("Post", slug="x")
    assert (await shop.refused(Create(class_name="Post", changes={"slug": Set("x")})))[0] is Code.DUPLICATE_VALUE
    await store.declare_index("Post", ["slug"], unique=False)
    await shop.create("Post", slug="x")
    await store.close()


async def test_a_field_with_equal_values_cannot_become_unique(shop: Shop) -> None:
    await shop.create("Post", slug="x")
    await shop.create("Post", slug="x")
    with pytest.raises(GatewayError) as refusal:
        await shop.store.declare_index("Post", ["slug"], unique=True)
    assert (refusal.value.code, dict(refusal.value.details)) == (
        Code.DUPLICATE_VALUE,
        {"class_name": "Post", "field": "slug"},
    )
    await shop.create("Post", slug="x")


@pytest.mark.parametrize("fields", [[], ["a.b"], ["a'b"], ["@acl"]])
async def test_what_no_index_can_be_made_of(shop: Shop, fields: list[str]) -> None:
    with pytest.raises(GatewayError) as refusal:
        await shop.store.declare_index("Post", fields)
    assert refusal.value.code in (Code.BAD_QUERY, Code.BAD_FIELD_NAME)
    assert await shop.store.schema() == {}
