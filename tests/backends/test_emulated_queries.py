"""Queries as several others, in front of what knows them and of what does not: both come to the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.dialects.dialect import Dialect
from gateway.errors import Code, GatewayError
from gateway.model.operation import Batch, Create, Find, Result, Scan
from gateway.model.query import Condition, Op, Sort, Subquery
from gateway.model.update import Changes, Set
from gateway.model.values import CREATED_AT, ID, Pointer
from tests.behind import CLIENT, MASTER, backend_of_others, behind, make, refusal, small

BACKS = ("parse", "leancloud")


@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("key", [Sort(ID), Sort(ID, descending=True), Sort(CREATED_AT)])
async def test_a_scan_comes_to_every_object_once(
    back: str, key: Sort, dialects: Mapping[str, Dialect], tmp_path: Path
) -> None:
    async with backend_of_others(tmp_path) as address, behind(dialects[back], address) as backend:
        for n in range(23):
            await make(backend, n=n)
        scan = Scan(class_name="Note", limit=10, key=key, where=Condition("n", Op.GE, 2))
        seen: list[int] = []
        cursor, pages = None, 0
        while pages == 0 or cursor is not None:
            page = await backend.execute(
                Scan(class_name="Note", limit=10, key=key, where=scan.where, cursor=cursor), MASTER
            )
            seen += [each["n"] for each in page.objects or []]
            cursor, pages = page.cursor, pages + 1
        assert (sorted(seen), pages) == (list(range(2, 23)), 3)


async def test_a_cursor_is_of_its_scan(dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with backend_of_others(tmp_path) as address, behind(dialects["parse"], address) as backend:
        for n in range(3):
            await make(backend, n=n)
        page = await backend.execute(Scan(class_name="Note", limit=1), MASTER)
        assert page.cursor is not None
        for cursor, class_name in ((page.cursor, "Other"), ("x" + page.cursor, "Note"), ("", "Note")):
            assert (
                await refusal(backend, Scan(class_name=class_name, limit=1, cursor=cursor), MASTER) is Code.BAD_CURSOR
            )
        assert await refusal(backend, Scan(class_name="Note", limit=1, key=Sort("n")), MASTER) is Code.UNSUPPORTED


@pytest.mark.parametrize("back", BACKS)
async def test_a_large_page_is_several(back: str, dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    dialect = small(dialects[back], page=4)
    async with backend_of_others(tmp_path) as address, behind(dialect, address) as backend:
        for n in range(11):
            await make(backend, n=n % 2, m=n)
        find = Find(class_name="Note", limit=10, skip=1, order=(Sort("n"),), count=True)
        result = await backend.execute(find, CLIENT)
        found = result.objects or []
        assert ([each["n"] for each in found], result.total) == ([0] * 5 + [1] * 5, 11)
        assert len({each["m"] for each in found}) == 10
        everything = await backend.execute(Find(class_name="Note", limit=100), CLIENT)
        assert sorted(each["m"] for each in everything.objects or []) == list(range(11))


async def test_a_limit_that_cannot_be_said_is_left_away_where_it_cuts_nothing_off(
    dialects: Mapping[str, Dialect], tmp_path: Path
) -> None:
    """Parse Server reads no limit of a query inside a query (RestQuery.js, replaceInQuery)."""
    async with backend_of_others(tmp_path) as address, behind(dialects["parse"], address) as backend:
        for n in range(4):
            target = await make(backend, n=n)
            fan: Changes = {"of": Set(Pointer("Note", target)), "n": Set(n)}
            await backend.execute(Create(class_name="Fan", changes=fan), CLIENT)

        def fans(limit: int) -> Find:
            inner = Subquery("Note", Condition("n", Op.LE, 1), limit=limit, order=(Sort("n"),))
            return Find(class_name="Fan", limit=10, where=Condition("of", Op.IN, inner), order=(Sort("n"),))

        for limit in (2, 1000):
            found = (await backend.execute(fans(limit), CLIENT)).objects or []
            assert [fields["n"] for fields in found] == [0, 1]
        with pytest.raises(GatewayError, match="finds 2 objects, and this backend reads no part of them"):
            await backend.execute(fans(1), CLIENT)


async def test_a_query_inside_a_query_is_not_cut_off(dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    """LeanCloud REST guide, "Relational Queries": what the inner query finds has a limit, which is 100 unless told."""
    file = dialects["leancloud"].file
    assert file.where is not None
    assert file.where.subquery_most == 1000
    where = file.where.model_copy(update={"subquery_most": 3})
    few = Dialect("leancloud", file.model_copy(update={"where": where}))
    async with backend_of_others(tmp_path) as address, behind(few, address) as backend:
        for n in range(4):
            target = await make(backend, n=n)
            await backend.execute(
                Create(class_name="Fan", changes={"of": Set(Pointer("Note", target)), "n": Set(n)}), CLIENT
            )

        async def found(inner: Condition, op: Op = Op.IN, **more: Any) -> list[Any]:
            of = Condition("of", op, Subquery("Note", inner, **more))
            result = await backend.execute(Find(class_name="Fan", limit=10, where=of, order=(Sort("n"),)), CLIENT)
            return [fields["n"] for fields in result.objects or []]

        assert await found(Condition("n", Op.LE, 2)) == [0, 1, 2]
        assert await found(Condition("n", Op.LE, 1), Op.NOT_IN) == [2, 3]
        assert await found(Condition("n", Op.GE, 0), limit=2, order=(Sort("n"),)) == [0, 1]
        with pytest.raises(GatewayError, match="finds 4 objects") as refused:
            await found(Condition("n", Op.GE, 0))
        assert refused.value.code is Code.UNSUPPORTED
        by_class = Condition("of", Op.IN, Subquery("Nobody", None))
        assert not (await backend.execute(Find(class_name="Fan", limit=10, where=by_class), CLIENT)).objects
        find = Find(
            class_name="Fan", limit=10, where=Condition("of", Op.IN, Subquery("Note", Condition("n", Op.LE, 2)))
        )
        (answer,) = (await backend.execute(Batch(items=(find,)), CLIENT)).items or []
        assert isinstance(answer, Result)
        assert len(answer.objects or []) == 3
        async with behind(few, address, refused=("subqueries",)) as other:
            assert await refusal(other, find) is Code.UNSUPPORTED
