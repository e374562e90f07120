"""Batches and transactions of servers that have some of their own, with limits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.dialects.dialect import Dialect
from gateway.errors import Code, GatewayError
from gateway.model.operation import (
    Batch,
    Create,
    Get,
    Result,
    Update,
)
from gateway.model.query import Condition, Op
from gateway.model.update import BitOr, Increment, Set
from gateway.model.values import Pointer, Reference
from tests.behind import CLIENT, EVERY_ONE, backend_of_others, behind, make, refusal, small, values

BACKS = ("parse", "leancloud")


@pytest.mark.parametrize("back", BACKS)
async def test_a_batch_keeps_its_order_and_the_limits(
    back: str, dialects: Mapping[str, Dialect], tmp_path: Path
) -> None:
    dialect = small(dialects[back], batch=3)
    async with backend_of_others(tmp_path) as address, behind(dialect, address, allowed=EVERY_ONE) as backend:
        known = [await make(backend, n=0) for _ in range(4)]
        set_to = [Update(class_name="Note", id=known[0], changes={"n": Set(n)}) for n in range(5)]
        get = Get(class_name="Note", id=known[0])
        condition = Update(class_name="Note", id=known[1], changes={"n": Set(7)}, where=Condition("n", Op.EQ, 0))
        missing = Update(class_name="Note", id="nosuchid", changes={"n": Set(1)})
        more = [Update(class_name="Note", id=each, changes={"n": Increment(1)}) for each in known]
        items = (*set_to, get, missing, condition, condition, *more, get)
        answers = (await backend.execute(Batch(items=items), CLIENT)).items or []
        told = [(answer.object or {}).get("n") if isinstance(answer, Result) else answer.code for answer in answers]
        assert (told[5], told[-1]) == (4, 5)
        # LeanCloud's number for a missing object is that of anything
        assert told[6] in (Code.OBJECT_NOT_FOUND, Code.BAD_REQUEST)
        assert isinstance(answers[7], Result)
        assert told[8] is Code.CONDITION_FAILED
        assert await values(backend) == [1, 1, 5, 8]


async def test_a_transaction_is_one_or_is_refused(dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    parse = small(dialects["parse"], batch=3)
    async with backend_of_others(tmp_path) as address, behind(parse, address, allowed=EVERY_ONE) as backend:
        known = await make(backend, n=0)
        good = Update(class_name="Note", id=known, changes={"n": Set(1)})
        bad = Update(class_name="Note", id="nosuchid", changes={"n": Set(1)})
        with pytest.raises(GatewayError) as refused_as_one:
            await backend.execute(Batch(items=(good, bad), atomic=True), CLIENT)
        # who asks for a unit is told of an item of it, and such a server does not say of which
        assert (refused_as_one.value.code, refused_as_one.value.details["item"]) == (Code.OBJECT_NOT_FOUND, "0")
        with pytest.raises(GatewayError) as refused_as_one:
            await backend.execute(Batch(items=(Create(class_name="Note", changes={}), bad), atomic=True), CLIENT)
        assert refused_as_one.value.details["item"] == "1"
        assert await values(backend) == [0]
        # names that nobody refers to are no reason
        await backend.execute(Batch(items=(good, good), atomic=True, names=("a", "b")), CLIENT)
        assert await values(backend) == [1]
        child = Create(class_name="Note", changes={"n": Set(2), "to": Set(Reference("a", "Note"))})
        refused = (
            Batch(items=(Create(class_name="Note", changes={}), child), atomic=True, names=("a", "b")),
            Batch(items=(good,) * 4, atomic=True),
            Batch(items=(Update(class_name="Note", id=known, changes={"n": BitOr(1)}),), atomic=True),
        )
        for batch in refused:
            assert await refusal(backend, batch) is Code.UNSUPPORTED
        assert await values(backend) == [1]


async def test_what_is_made_can_be_referred_to_where_the_server_takes_ids(
    dialects: Mapping[str, Dialect], tmp_path: Path
) -> None:
    """As the Swift and Objective-C SDKs save a tree of objects: children first, each with a name."""
    child = Create(class_name="Note", changes={"n": Set(1)})
    parent = Create(class_name="Note", changes={"n": Set(2), "to": Set(Reference("c1", "Note"))})
    batch = Batch(items=(child, parent), atomic=True, names=("c1", "c2"))
    async with backend_of_others(tmp_path, custom_ids=True) as address:
        async with behind(dialects["parse"], address) as backend:
            first, second = (await backend.execute(batch, CLIENT)).items or []
            assert isinstance(first, Result)
            assert isinstance(second, Result)
            found = (await backend.execute(Get(class_name="Note", id=second.id or ""), CLIENT)).object or {}
            assert found["to"] == Pointer("Note", first.id or "")
            # and nothing, where one of them cannot be
            bad = Update(class_name="Note", id="nosuchid", changes={"to": Set(Reference("c1", "Note"))})
            failing = Batch(items=(child, parent, bad), atomic=True, names=("c1", "c2", "c3"))
            assert await refusal(backend, failing) is Code.OBJECT_NOT_FOUND
            assert await values(backend) == [1, 2]
        async with behind(dialects["parse"], address, refused=("references",)) as backend:
            assert await refusal(backend, batch) is Code.UNSUPPORTED


async def test_elsewhere_it_is_refused_with_the_reason(dialects: Mapping[str, Dialect], tmp_path: Path) -> None:
    child = Create(class_name="Note", changes={"n": Set(1)})
    parent = Create(class_name="Note", changes={"n": Set(2), "to": Set(Reference("c1", "Note"))})
    async with backend_of_others(tmp_path) as address, behind(dialects["parse"], address) as backend:
        with pytest.raises(GatewayError, match="unless the server takes ids from clients") as refused:
            await backend.execute(Batch(items=(child, parent), atomic=True, names=("c1", "c2")), CLIENT)
        assert refused.value.code is Code.UNSUPPORTED
        await make(backend, n=9)
        assert await values(backend) == [9]


async def test_a_transaction_that_makes_no_columns_is_of_what_is_there(
    dialects: Mapping[str, Dialect], tmp_path: Path
) -> None:
    async with backend_of_others(tmp_path) as address, behind(dialects["backendless"], address) as backend:
        known = await make(backend, n=1)
        make_one = Create(class_name="Note", changes={"n": Set(2)})
        good = Update(class_name="Note", id=known, changes={"n": Set(3)})
        await backend.execute(Batch(items=(make_one, good), atomic=True), CLIENT)
        assert await values(backend) == [2, 3]
        bad = Update(class_name="Note", id=known, changes={"unheard": Set(3)})
        with pytest.raises(GatewayError, match="unheard"):
            await backend.execute(Batch(items=(make_one, bad), atomic=True), CLIENT)
        missing = Update(class_name="Note", id="nosuchid", changes={"n": Set(3)})
        await refusal(backend, Batch(items=(make_one, missing), atomic=True))
        assert await values(backend) == [2, 3]
