"""Users by means of other requests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gateway.dialects.dialect import Dialect
from gateway.errors import Code
from gateway.model.account import ChangePassword, LogIn, SignUp
from gateway.model.operation import (
    Caller,
)
from gateway.model.update import Set
from tests.behind import CLIENT, backend_of_others, behind, refusal


async def test_a_password_is_changed_by_who_knows_the_old_one(dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    async with backend_of_others(tmp_path) as address, behind(dialects["parse"], address) as backend:
        made = await backend.execute(SignUp(changes={"username": Set("tom"), "password": Set("old")}), CLIENT)
        assert made.id is not None
        tom = Caller(app="blog", session=made.session)
        wrong = ChangePassword(id=made.id, old_password="wrong", new_password="new")
        assert await refusal(backend, wrong, tom) is Code.BAD_CREDENTIALS
        changed = await backend.execute(ChangePassword(id=made.id, old_password="old", new_password="new"), tom)
        assert changed.session not in (None, made.session)
        assert (await backend.execute(LogIn(username="tom", password="new"), CLIENT)).session is not None
        assert await refusal(backend, LogIn(username="tom", password="old")) is Code.BAD_CREDENTIALS
