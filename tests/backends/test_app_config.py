"""Parameters of an application, in a real store: SDKs ask for them in tests/sdk/parse/config.test.mjs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.backends.app_config import MOST_PARAMS, AppConfig
from gateway.backends.embedded import Embedded
from gateway.backends.ledger import Ledger
from gateway.errors import Code, GatewayError
from gateway.model.administration import GetConfig, UpdateConfig
from gateway.model.operation import Caller
from gateway.model.update import Set, Unset
from gateway.model.values import Date

CLIENT = Caller(app="blog")
MASTER = Caller(app="blog", master=True)


@pytest.fixture
async def config(tmp_path: Path) -> AsyncIterator[AppConfig]:
    store = await Embedded.open(f"sqlite:///{tmp_path / 'blog.db'}", secret=b"x" * 32)
    yield AppConfig(Ledger(store))
    await store.close()


async def test_parameters_are_merged_and_taken_away(config: AppConfig) -> None:
    assert (await config.get(GetConfig(), CLIENT)).params == {}
    await config.update(UpdateConfig(params={"a": Set(1), "b": Set("x")}, master_only={"b": True}), MASTER)
    await config.update(UpdateConfig(params={"a": Unset(), "c": Set(Date("2024-01-02T03:04:05.678Z"))}), MASTER)
    seen = await config.get(GetConfig(), MASTER)
    assert seen.params == {"b": "x", "c": Date("2024-01-02T03:04:05.678Z")}
    assert seen.master_only == {"a": False, "b": True, "c": False}
    told = await config.get(GetConfig(), CLIENT)
    assert (told.params, told.master_only) == (
        {"c": Date("2024-01-02T03:04:05.678Z")},
        {"a": False, "c": False},
    )


async def test_a_flag_alone_guards_what_is_there(config: AppConfig) -> None:
    await config.update(UpdateConfig(params={"a": Set(1)}), MASTER)
    await config.update(UpdateConfig(params={}, master_only={"a": True, "none": True}), MASTER)
    assert (await config.get(GetConfig(), CLIENT)).params == {}
    assert (await config.get(GetConfig(), MASTER)).master_only == {"a": True}


async def test_a_parameter_can_become_of_another_kind(config: AppConfig) -> None:
    for value in (1, "x", [1, {"a": None}], {"@id": 1}, None, True):
        await config.update(UpdateConfig(params={"a": Set(value)}), MASTER)
        assert (await config.get(GetConfig(), CLIENT)).params == {"a": value}


async def test_changes_at_the_same_time_lose_nothing(config: AppConfig) -> None:
    await asyncio.gather(*(config.update(UpdateConfig(params={f"p{n}": Set(n)}), MASTER) for n in range(20)))
    assert (await config.get(GetConfig(), MASTER)).params == {f"p{n}": n for n in range(20)}


@pytest.mark.parametrize("name", ["", "a.b", "$a", "1a", "a b", "@id", "é", "x" * 129, "__type"])
async def test_names_that_are_none(config: AppConfig, name: str) -> None:
    for op in (UpdateConfig(params={name: Set(1), "a": Set(1)}), UpdateConfig(params={}, master_only={name: True})):
        with pytest.raises(GatewayError) as refused:
            await config.update(op, MASTER)
        assert refused.value.code is Code.BAD_FIELD_NAME
    assert (await config.get(GetConfig(), MASTER)).params == {}, "some of it was done all the same"


async def test_there_are_so_many_and_no_more(config: AppConfig) -> None:
    half = MOST_PARAMS // 2
    for first in (0, half):
        await config.update(UpdateConfig(params={f"p{n}": Set(n) for n in range(first, first + half)}), MASTER)
    with pytest.raises(GatewayError, match=str(MOST_PARAMS)) as refused:
        await config.update(UpdateConfig(params={"one_more": Set(1)}), MASTER)
    assert refused.value.code is Code.BAD_REQUEST
    await config.update(UpdateConfig(params={"p0": Set("changed")}), MASTER)
    assert len((await config.get(GetConfig(), MASTER)).params or {}) == MOST_PARAMS
