"""What is done by means of others at all, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.dialects.dialect import Dialect
from gateway.errors import Code
from gateway.model.account import CurrentUser, SignUp
from gateway.model.operation import (
    Delete,
    Update,
)
from gateway.model.query import Condition, Op
from gateway.model.update import Add, BitOr, Change, Remove, Set, Several
from tests.behind import CLIENT, backend_of_others, behind, make, refusal, values

BACKS = ("parse", "leancloud")


async def test_what_would_lose_a_promise_is_refused_unless_it_is_allowed(
    dialects: Mapping[str, Dialect], tmp_path: Path
) -> None:
    async with backend_of_others(tmp_path) as address, behind(dialects["parse"], address) as backend:
        known = await make(backend, n=1)

        def update(**changes: Change) -> Update:
            return Update(class_name="Note", id=known, changes=changes)

        for op in (
            replace(update(n=Set(2)), where=Condition("n", Op.EQ, 1)),
            Delete(class_name="Note", ids=(known,), where=Condition("n", Op.EQ, 1)),
            update(n=BitOr(2)),
            update(l=Several((Add((1,)), Remove((2,))))),
            replace(update(n=Set(2)), untyped=True),
        ):
            assert await refusal(backend, op) is Code.UNSUPPORTED
        assert await values(backend) == [1]


async def test_what_is_switched_off_is_refused(dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with (
        backend_of_others(tmp_path) as address,
        behind(dialects["parse"], address, refused=("deletes",)) as backend,
    ):
        known = await make(backend, n=1)
        assert await refusal(backend, Delete(class_name="Note", ids=(known, "x"))) is Code.UNSUPPORTED
        await backend.execute(Delete(class_name="Note", ids=(known,)), CLIENT)
        assert await values(backend) == []


@pytest.mark.parametrize("back", BACKS)
async def test_the_session_of_a_parameter_counts(back: str, dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with backend_of_others(tmp_path) as address, behind(dialects[back], address) as backend:
        made = await backend.execute(SignUp(changes={"username": Set("tom"), "password": Set("a")}), CLIENT)
        found = await backend.execute(CurrentUser(session=made.session), CLIENT)
        assert (found.object or {})["username"] == "tom"
