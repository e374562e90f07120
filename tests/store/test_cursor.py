"""Scans: every row once, page by page, and cursors that nobody can make but a gateway."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Code, GatewayError
from gateway.model.operation import Scan
from gateway.model.query import Condition, Op, Sort
from gateway.model.values import ID, Date, Fields, Pointer
from gateway.store.cursor import read_cursor
from gateway.store.sqlite import SqliteStore
from tests.store.conftest import Shop

SCAN = Scan(class_name="Post", limit=3)


async def pages(shop: Shop, scan: Scan) -> list[list[Fields]]:
    found = []
    while True:
        page = await shop.do(scan)
        found.append(page.objects or [])
        if page.cursor is None:
            return found
        scan = replace(scan, cursor=page.cursor)


async def filled(shop: Shop) -> Shop:
    dice = random.Random(5)
    for n in range(20):
        values: dict[str, Any] = {"n": dice.choice([None, 1, 1.5, 2, 2]), "s": dice.choice(["", "a", "é"])}
        values |= {"o": {"k": dice.choice([None, 1, "a", True, Date.now()])}, "p": Pointer("User", f"u{n % 3}")}
        for name in dice.sample(sorted(values), 2):
            del values[name]
        await shop.create("Post", f"{dice.randrange(10**6):06}", **values)
    await shop.create("Post", "last", b=True, t=["x"], g={})
    return shop


KEYS = ["@id", "@created_at", "n", "s", "o", "o.k", "p", "b", "t", "missing"]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("key", KEYS)
async def test_a_scan_visits_every_row_once(shop: Shop, key: str, *, descending: bool) -> None:
    await filled(shop)
    for limit in (1, 7, 100):
        scan = Scan(class_name="Post", limit=limit, key=Sort(key, descending))
        found = [fields[ID] for page in await pages(shop, scan) for fields in page]
        assert sorted(found) == sorted(await shop.ids("Post"))


async def test_a_scan_is_in_the_order_of_its_key(shop: Shop) -> None:
    await filled(shop)
    found = [fields for page in await pages(shop, replace(SCAN, key=Sort("n"))) for fields in page]
    keys = [(fields.get("n") is not None, fields.get("n") or 0, fields[ID]) for fields in found]
    assert keys == sorted(keys)


async def test_a_full_page_has_a_cursor_even_if_nothing_comes_behind_it(shop: Shop) -> None:
    for n in range(6):
        await shop.create("Post", f"p{n}", n=n)
    assert [len(page) for page in await pages(shop, SCAN)] == [3, 3, 0]
    assert [len(page) for page in await pages(shop, replace(SCAN, limit=4))] == [4, 2]
    some = replace(SCAN, where=Condition("n", Op.LT, 4), select=("n",))
    assert [[fields["n"] for fields in page] for page in await pages(shop, some)] == [[0, 1, 2], [3]]


async def test_a_page_of_nothing_is_refused(shop: Shop) -> None:
    await shop.create("Post")
    assert (await shop.refused(replace(SCAN, limit=0)))[0] is Code.BAD_QUERY


async def test_any_gateway_with_the_secret_continues_a_scan(shop: Shop, tmp_path: Path) -> None:
    await filled(shop)
    first = await shop.do(SCAN)
    scan = replace(SCAN, cursor=first.cursor)
    expected = await shop.do(scan)
    for secret, code in ((b"secret", None), (b"another", Code.BAD_CURSOR)):
        store = await SqliteStore.open(tmp_path / "shop.db", secret=secret)
        other = Shop(store)
        if code is None:
            assert (await other.do(scan)).objects == expected.objects
        else:
            assert (await other.refused(scan))[0] is code
        await store.close()


OTHERS: dict[str, Callable[[Scan], Scan]] = {
    "class": lambda scan: replace(scan, class_name="Other"),
    "where": lambda scan: replace(scan, where=Condition("n", Op.EQ, 1)),
    "key": lambda scan: replace(scan, key=Sort("n")),
    "direction": lambda scan: replace(scan, key=Sort("@id", descending=True)),
}


@pytest.mark.parametrize("what", OTHERS)
async def test_a_cursor_belongs_to_one_scan(shop: Shop, what: str) -> None:
    await filled(shop)
    await shop.create("Other")
    scan = replace(SCAN, cursor=(await shop.do(SCAN)).cursor)
    assert (await shop.refused(OTHERS[what](scan)))[0] is Code.BAD_CURSOR


async def test_a_cursor_that_was_changed_is_refused(shop: Shop) -> None:
    await filled(shop)
    cursor = (await shop.do(SCAN)).cursor or ""
    for at in range(len(cursor) - 1):  # the last character has bits that mean nothing
        damaged = cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :]
        assert (await shop.refused(replace(SCAN, cursor=damaged)))[0] is Code.BAD_CURSOR, damaged


@given(st.one_of(st.text(), st.text("ABCabc019-_=")))
@settings(derandomize=True, database=None)
def test_junk_is_no_cursor(junk: str) -> None:
    with pytest.raises(GatewayError) as refusal:
        read_cursor(b"secret", SCAN, junk, 0)
    assert refusal.value.code is Code.BAD_CURSOR


async def test_a_cursor_is_good_for_10_minutes(tmp_path: Path) -> None:
    now = [1_000_000]
    store = await SqliteStore.open(tmp_path / "a.db", secret=b"secret", now_ms=lambda: now[0])
    shop = await filled(Shop(store))
    scan = replace(SCAN, cursor=(await shop.do(SCAN)).cursor)
    for later, code in ((600_000, None), (600_001, Code.BAD_CURSOR), (-120_000, Code.BAD_CURSOR)):
        now[0] = 1_000_000 + later
        if code is None:
            await shop.do(scan)
        else:
            assert (await shop.refused(scan))[0] is code
    await store.close()
