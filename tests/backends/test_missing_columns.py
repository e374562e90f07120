"""Conditions on columns that nobody has made yet mean what they mean where a field is missing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.backends.conditions import NOTHING
from gateway.backends.missing_columns import without_missing
from gateway.dialects.dialect import Dialect
from gateway.model.operation import Find
from gateway.model.query import And, Condition, Filter, Not, Op, Or, Regex, RelatedTo, Sort, Subquery
from gateway.model.schema import Kind, Type
from gateway.model.values import ID, Pointer
from tests.behind import CLIENT, backend_of_others, behind, make
from tests.oracle import matches

CLASSES = {"Note": {"n": Type(Kind.NUMBER)}, "Other": {"m": Type(Kind.NUMBER)}}
OBJECT = {ID: "a", "n": 1}
PARTS: tuple[Filter, ...] = (
    *(Condition("new", op, value) for op in (Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE) for value in (1, "a", None)),
    *(Condition("new", op, value) for op in (Op.IN, Op.NOT_IN) for value in ([1], [None, 1], [])),
    Condition("new", Op.EXISTS, True),
    Condition("new", Op.EXISTS, False),
    Condition("new", Op.ALL, [1]),
    Condition("new", Op.SIZE, 1),
    Condition("new", Op.REGEX, Regex("a")),
    Condition("new", Op.LIKE, "%"),
    Condition("new.in.it", Op.NE, 1),
)


@pytest.mark.parametrize("part", PARTS, ids=repr)
def test_they_match_what_lacks_the_field(part: Filter) -> None:
    for where in (part, Not(part), And((part, Condition("n", Op.EQ, 1))), Or((part, Condition("n", Op.EQ, 2)))):
        found = without_missing(Find(class_name="Note", limit=1, where=where), CLASSES).where
        assert "new" not in repr(found)
        assert (found is None or matches(found, "Note", OBJECT, {})) is matches(where, "Note", OBJECT, {}), where


def test_what_is_inside_a_query_is_looked_at_as_well() -> None:
    inner = Subquery("Other", And((Condition("gone", Op.NE, 1), Condition("m", Op.EQ, 1))))
    find = Find(class_name="Note", limit=1, where=Condition("n", Op.IN, inner))
    told = without_missing(find, CLASSES).where
    assert isinstance(told, Condition)
    assert "gone" not in repr(told)
    members = Find(class_name="Other", limit=1, where=RelatedTo(Pointer("Note", "a"), "members"))
    assert without_missing(members, CLASSES).where == NOTHING
    unknown = Find(class_name="Unheard", limit=1, where=Condition("a", Op.EQ, 1))
    assert without_missing(unknown, CLASSES) == unknown


def test_nobody_sorts_by_them_or_asks_to_see_them() -> None:
    find = Find(class_name="Note", limit=1, order=(Sort("new"), Sort("n")), select=("new",), exclude=("new", "n"))
    told = without_missing(find, CLASSES)
    assert (told.order, told.select, told.exclude) == ((Sort("n"),), (ID,), ("n",))


async def test_a_vendor_that_knows_no_such_column_is_not_asked(dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with (
        backend_of_others(tmp_path) as address,
        behind(dialects["backendless"], address, with_columns=True) as backend,
    ):
        await make(backend, n=1)

        async def found(where: Filter, **more: Any) -> tuple[int, int | None]:
            find = Find(class_name="Note", limit=10, where=where, count=True, **more)
            result = await backend.execute(find, CLIENT)
            return len(result.objects or []), result.total

        assert await found(Condition("new", Op.EQ, 1)) == (0, 0)
        assert await found(Condition("new", Op.EXISTS, False), order=(Sort("other"),)) == (1, 1)
        await make(backend, n=2, new=1)
        assert await found(Condition("new", Op.EQ, 1)) == (1, 1)
