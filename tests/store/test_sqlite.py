"""The file and the threads around it: nothing acknowledged is lost, nobody waits who need not, failures are told."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import apsw
import pytest

from gateway.errors import Code, GatewayError, StartupError
from gateway.model.operation import Caller, Create, Delete, Find, Get, Result, Update
from gateway.model.query import And, Condition, Filter, Op, Phrase, Regex, Words
from gateway.model.update import Increment, Set
from gateway.model.values import OWNER, Date
from gateway.store.schema import EMPTY
from gateway.store.session import Clock
from gateway.store.sqlite import Reader, SqliteStore, pause_of, prepare_file
from tests.store.conftest import CALLER, Shop

ROOT = Path(__file__).parent.parent.parent

MOMENT = Date("2026-01-02T03:04:05.678Z")


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another process's write that takes its time: nobody else can write meanwhile."""
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@contextlib.asynccontextmanager
async def opened(path: Path, *, time_limit: float = 10.0) -> AsyncIterator[Shop]:
    store = await SqliteStore.open(path, secret=b"secret", time_limit=time_limit)
    try:
        yield Shop(store)
    finally:
        await store.close()


# writing


async def test_many_writers_lose_no_increment(shop: Shop) -> None:
    known = await shop.create("Counter", n=0, o={"n": 0})

    async def count() -> None:
        for _ in range(50):
            changes = {"n": Increment(1), "o.n": Increment(2)}
            await shop.do(Update(class_name="Counter", id=known, changes=changes))

    await asyncio.gather(*(count() for _ in range(32)))
    assert await shop.get("Counter", known) == {"n": 1600, "o": {"n": 3200}}


COUNTING = """
import asyncio, sys
from gateway.model.operation import Caller, Create, Update
from gateway.model.update import Increment, Set
from gateway.store.sqlite import SqliteStore

async def main():
    store = await SqliteStore.open(sys.argv[1], secret=b"secret")
    async def count():
        for number in range(25):
            changes = {"n": Increment(1), f"own_{sys.argv[2]}_{number % 5}": Set(1)}
            await store.execute(Update(class_name="Counter", id="c", changes=changes), Caller("test"))
            await store.execute(Create(class_name=f"Class{number % 5}", changes={"n": Set(1)}), Caller("test"))
    await asyncio.gather(*(count() for _ in range(8)))
    await store.close()

asyncio.run(main())
"""


def python(script: str, *arguments: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True
    )


async def test_processes_that_share_a_file_lose_no_increment_and_agree_on_the_schema(tmp_path: Path) -> None:
    path = tmp_path / "shared.db"
    async with opened(path) as shop:
        await shop.create("Counter", "c", n=0)
        processes = [python(COUNTING, path, name) for name in "ab"]
        for process in processes:
            await asyncio.to_thread(process.communicate)
        assert [process.returncode for process in processes] == [0, 0]
        fields = await shop.get("Counter", "c")
        assert fields["n"] == 2 * 8 * 25
        assert len(fields) == 1 + 2 * 5
        for number in range(5):
            assert len(await shop.ids(f"Class{number}")) == 2 * 8 * 5


async def test_what_waits_together_is_committed_together(shop: Shop, tmp_path: Path) -> None:
    await shop.create("Post")
    before = shop.store._writer.commits
    with locked(tmp_path / "shop.db"):
        creates = [asyncio.create_task(shop.create("Post", n=n)) for n in range(100)]
        await asyncio.sleep(0)  # each has then put its job
    await asyncio.gather(*creates)
    assert shop.store._writer.commits - before <= 2


async def test_a_job_that_fails_takes_no_other_with_it(shop: Shop, tmp_path: Path) -> None:
    await shop.create("Post", "taken", n=1)
    ops = [
        Create(class_name="Post", id="p1", changes={"n": Set(1), "fresh": Set(1)}),
        Create(class_name="Post", id="taken", changes={"new1": Set(1)}),
        Create(class_name="Post", id="p2", changes={"new2": Set(1), "n": Set("text")}),
        Update(class_name="Post", id="p1", changes={"fresh": Increment(1)}),
        Delete(class_name="Post", ids=("gone",)),
        Create(class_name="Post", id="p3", changes={"n": Set(3)}),
    ]
    with locked(tmp_path / "shop.db"):
        tasks = [asyncio.create_task(shop.do(op)) for op in ops]
        await asyncio.sleep(0)
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    codes = [answer.code if isinstance(answer, GatewayError) else None for answer in answers]
    assert codes == [None, Code.DUPLICATE_VALUE, Code.TYPE_MISMATCH, None, Code.OBJECT_NOT_FOUND, None]
    assert await shop.ids("Post") == ["taken", "p1", "p3"]
    assert await shop.store.schema() == {"Post": {"n": "Number", "fresh": "Number"}}


async def test_a_job_that_ends_the_transaction_takes_no_other_with_it(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path, time_limit=1.0) as shop:
        await filled(path, shop)
        with locked(path):
            # a DELETE that is interrupted rolls everything back: https://sqlite.org/c3ref/interrupt.html
            ops = [
                Create(class_name="Post", id="p1", changes={"only": Set(1)}),
                Delete(class_name="Post", ids=tuple(f"{n:06}" for n in range(20_000)), where=SLOW),
                Create(class_name="Post", id="p2", changes={"only": Set(1)}),
            ]
            tasks = [asyncio.create_task(shop.do(op)) for op in ops]
            await asyncio.sleep(0)
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        codes = [answer.code if isinstance(answer, GatewayError) else None for answer in answers]
        assert codes == [None, Code.TIMEOUT, None]
        assert await shop.ids("Post", Condition("only", Op.EQ, 1)) == ["p1", "p2"]


async def test_who_asked_may_be_cancelled(shop: Shop, tmp_path: Path) -> None:
    await shop.create("Post")
    with locked(tmp_path / "shop.db"):
        task = asyncio.create_task(shop.create("Post", "p1"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await shop.create("Post", "p2")
    assert (await shop.ids("Post"))[1:] == ["p1", "p2"]


async def test_a_lock_that_is_never_released_is_told_as_unavailable(shop: Shop, tmp_path: Path) -> None:
    known = await shop.create("Post", n=1)
    shop.store._writer._connection._patience = 0.05
    with locked(tmp_path / "shop.db"):
        assert (await shop.refused(Create(class_name="New", changes={})))[0] is Code.UNAVAILABLE
    await shop.update("Post", known, n=Increment(1))
    assert await shop.store.schema() == {"Post": {"n": "Number"}}


async def test_a_schema_is_seen_by_every_process_at_once(tmp_path: Path) -> None:
    path = tmp_path / "shared.db"
    async with opened(path) as one, opened(path) as other:
        await one.create("Post", "p1", n=1)
        assert await other.get("Post", "p1") == {"n": 1}
        await other.create("Post", "p2", when=MOMENT)
        assert await one.get("Post", "p2") == {"when": MOMENT}
        assert await one.ids("Post", Condition("when", Op.EQ, MOMENT)) == ["p2"]
        assert (await one.refused(Create(class_name="Post", changes={"when": Set(1)})))[0] is Code.TYPE_MISMATCH


async def test_close_finishes_what_was_asked_for_and_refuses_the_rest(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "a.db", secret=b"")
    shop = Shop(store)
    creates = [asyncio.create_task(shop.create("Post", f"p{n:03}")) for n in range(200)]
    await asyncio.sleep(0)
    await store.close()
    await store.close()
    assert await asyncio.gather(*creates) == [f"p{n:03}" for n in range(200)]
    for op in (Create(class_name="Post", changes={}), Find(class_name="Post", limit=1)):
        assert (await shop.refused(op))[0] is Code.UNAVAILABLE
    assert not (tmp_path / "a.db-wal").exists()
    async with opened(tmp_path / "a.db") as again:
        assert len(await again.ids("Post")) == 200


# reading

# 100 patterns on every row: far over any budget
SLOW: Filter = And(tuple(Condition("s", Op.REGEX, Regex(f"[a-z]*x{n % 7}?")) for n in range(100)))


async def filled(path: Path, shop: Shop) -> None:
    """20,000 rows, put there behind the store's back."""
    await shop.create("Post", "first", s="x", n=1)
    other = apsw.Connection(str(path))
    other.execute(
        "WITH RECURSIVE each(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM each WHERE n < 19999)"
        " INSERT INTO object_1(id, created_at, updated_at, doc)"
        """ SELECT printf('%06d', n), '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', jsonb('{"s":"abcx"}')"""
        " FROM each"
    )
    other.close()


async def test_readers_do_not_wait_for_a_long_write(shop: Shop, tmp_path: Path) -> None:
    known = await shop.create("Post", n=1)
    with locked(tmp_path / "shop.db"):
        write = asyncio.create_task(shop.update("Post", known, n=Increment(1)))
        await asyncio.sleep(0)
        assert await shop.get("Post", known) == {"n": 1}
        assert await shop.ids("Post") == [known]
        assert not write.done()
    await write
    assert await shop.get("Post", known) == {"n": 2}


def test_a_lock_is_tried_for_often_and_for_as_long_as_it_takes() -> None:
    """Ten seconds are a thousand tries, and 2 ** 1100 is too large to be a number of seconds."""
    assert [pause_of(tries) for tries in (0, 1, 2)] == [0.0005, 0.001, 0.002]
    assert pause_of(1_000_000) == pause_of(10) < 0.01


async def test_a_slow_query_leaves_the_loop_to_others_and_ends_in_time(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path, time_limit=0.5) as shop:
        await filled(path, shop)
        slow = asyncio.create_task(shop.refused(Find(class_name="Post", limit=1, skip=10**6, where=SLOW)))
        others = 0
        while not slow.done():
            assert await shop.get("Post", "first") == {"s": "x", "n": 1}
            others += 1
            await asyncio.sleep(0)
        assert (await slow)[0] is Code.TIMEOUT
        assert others > 10


async def test_a_query_over_the_budget_is_answered_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as shop:
        await filled(path, shop)
        where = Condition("s", Op.REGEX, Regex("b.*x$"))
        found = await shop.do(Find(class_name="Post", limit=3, where=where, count=True))
        assert (len(found.objects or []), found.total) == (3, 20_000)


async def test_threads_are_gone_after_close(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    async with opened(tmp_path / "a.db") as shop:
        await filled(tmp_path / "a.db", shop)
        await shop.do(Find(class_name="Post", limit=0, where=Condition("s", Op.REGEX, Regex("x")), count=True))
        assert {thread.name for thread in set(threading.enumerate()) - before} >= {"store-writer"}
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("store")]


# when things break

WRITING = """
import asyncio, sys
from gateway.model.operation import Batch, Caller, Create
from gateway.model.update import AddRelation, Set
from gateway.model.values import Pointer
from gateway.store.sqlite import SqliteStore

async def main():
    store = await SqliteStore.open(sys.argv[1], secret=b"secret")
    async def write(worker):
        for number in range(10**6):
            changes = {"n": Set(number), f"column_{number}": Set("x"), "r": AddRelation((Pointer("User", "u"),))}
            made = await store.execute(Create(class_name=f"Post{worker}", changes=changes), Caller("test"))
            print(f"Post{worker}", made.id, flush=True)
    await asyncio.gather(*(write(worker) for worker in range(16)))

asyncio.run(main())
"""


async def test_a_process_that_is_killed_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "killed.db"
    told: list[tuple[str, str]] = []
    for round_number in range(1, 4):
        process = python(WRITING, path)
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(150 * round_number)]
        process.kill()
        rest, _ = process.communicate()
        lines += [line for line in rest.splitlines(keepends=True) if line.endswith("\n")]
        told += [(name, known) for name, known in (line.split() for line in lines)]
        async with opened(path) as shop:
            by_class = {name: set(await shop.ids(name)) for name in {name for name, _ in told}}
            assert [known for name, known in told if known not in by_class[name]] == []
            await shop.create("Post0", n=1)
    check = apsw.Connection(str(path))
    assert check.execute("PRAGMA integrity_check").get == "ok"
    check.close()
    assert len(told) >= 900


FULL = """
import asyncio, resource, sys
from gateway.errors import GatewayError
from gateway.model.operation import Caller, Create, Find
from gateway.model.update import Set
from gateway.store.sqlite import SqliteStore

async def main():
    store = await SqliteStore.open(sys.argv[1], secret=b"secret")
    async def create(known):
        changes = {"s": Set("x" * 50000)}
        return await store.execute(Create(class_name="Post", id=known, changes=changes), Caller("test"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
    outcomes = []
    for group in range(20):
        creates = (create(f"p{group}_{n}") for n in range(4))
        outcomes += await asyncio.gather(*creates, return_exceptions=True)
    print(sorted({str(outcome.code) for outcome in outcomes if isinstance(outcome, GatewayError)}))
    print(sorted({type(outcome).__name__ for outcome in outcomes}))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    made = {outcome.id for outcome in outcomes if not isinstance(outcome, GatewayError)}
    await create("after")
    found = await store.execute(Find(class_name="Post", limit=1000, select=()), Caller("test"))
    print({fields["@id"] for fields in found.objects} == made | {"after"})
    await store.close()

asyncio.run(main())
"""


async def test_a_full_disk_is_told_and_got_over(tmp_path: Path) -> None:
    process = python(FULL, tmp_path / "full.db")
    lines = (await asyncio.to_thread(process.communicate))[0].splitlines()
    assert (lines, process.returncode) == (["['unavailable']", "['GatewayError', 'Result']", "True"], 0)


def not_sqlite(path: Path) -> None:
    path.write_bytes(b"this is no database, whatever else it may be" * 100)


def of_another_program(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE note(text)")


def of_another_program_and_empty(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA application_id = 1")


def a_folder(path: Path) -> None:
    path.mkdir()


async def of_a_later_format(path: Path) -> None:
    async with opened(path) as shop:
        await shop.create("Post")
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE catalogue SET format = 99")


UNUSABLE = [
    (not_sqlite, "file is not a database"),
    (of_another_program, "of another program"),
    (of_another_program_and_empty, "of another program"),
    (a_folder, "unable to open"),
    (of_a_later_format, "has format 99, and this gateway reads up to 4; use a newer one"),
]


@pytest.mark.parametrize(("damage", "reason"), UNUSABLE, ids=lambda part: getattr(part, "__name__", ""))
async def test_a_file_that_cannot_be_used_stops_the_start(tmp_path: Path, damage: object, reason: str) -> None:
    path = tmp_path / "store.db"
    made = damage(path) if callable(damage) else None
    if asyncio.iscoroutine(made):
        await made
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(StartupError) as refusal:
        await SqliteStore.open(path, secret=b"")
    assert str(path) in str(refusal.value)
    assert reason in str(refusal.value)
    assert (path.read_bytes() if path.is_file() else b"") == before


async def test_a_file_in_a_folder_that_is_missing_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="unable to open"):
        await SqliteStore.open(tmp_path / "nowhere" / "a.db", secret=b"")


def as_it_was_before_owners(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        for (number,) in database.execute("SELECT id FROM class").fetchall():
            database.execute(f"DROP INDEX object_{number}_owner")
            database.execute(f"ALTER TABLE object_{number} DROP COLUMN owner")
        database.execute("DROP TABLE text_index")
        database.execute("UPDATE catalogue SET format = 2")


async def test_a_file_from_before_there_were_owners_gets_them(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as shop:
        for class_name, known in (("Post", "p1"), ("Other", "o1")):
            await shop.create(class_name, known, n=1)
        await Shop(shop.store, Caller("test", trusted=True)).create("_User", "u1", n=1)
    as_it_was_before_owners(path)
    async with opened(path) as shop:
        owners = [
            ((await shop.do(Get(class_name=class_name, id=known))).object or {})[OWNER]
            for class_name, known in (("Post", "p1"), ("Other", "o1"), ("_User", "u1"))
        ]
        assert owners == [None, None, "u1"]  # a user is its own
        await Shop(shop.store, Caller("test", user_id="u1")).create("Post", "p2", n=1)
        assert await shop.ids("Post", Condition(OWNER, Op.EQ, "u1")) == ["p2"]
        await shop.create("Post", "p3", title="a word")
        searched = Condition("title", Op.TEXT, Words(some=(Phrase("word"),)))
        assert await shop.ids("Post", searched) == ["p3"]
    async with opened(path) as shop:  # once is enough
        assert await shop.ids("Post") == ["p1", "p2", "p3"]


async def test_one_file_can_be_opened_by_many_at_once(tmp_path: Path) -> None:
    stores = await asyncio.gather(*(SqliteStore.open(tmp_path / "a.db", secret=b"") for _ in range(8)))
    made = await asyncio.gather(
        *(store.execute(Create(class_name="Post", changes={"n": Set(1)}), CALLER) for store in stores)
    )
    assert all(isinstance(answer, Result) for answer in made)
    for store in stores:
        assert len(await Shop(store).ids("Post")) == 8
        await store.close()


def test_a_loop_that_ends_early_leaves_no_broken_thread(tmp_path: Path) -> None:
    """A gateway that is stopped the hard way: the loop is closed, a write is under way, and nobody hears of it."""

    async def ask() -> SqliteStore:
        store = await SqliteStore.open(tmp_path / "a.db", secret=b"")
        await Shop(store).create("Post", "p1")
        with locked(tmp_path / "a.db"):
            task = asyncio.create_task(Shop(store).create("Post", "p2"))
            await asyncio.sleep(0)
            task.cancel()
        return store

    store = asyncio.run(ask())
    while store._writer.commits < 2:
        time.sleep(0.001)
    asyncio.run(store.close())


def test_a_read_that_is_stopped_as_it_begins_leaves_the_connection_free(tmp_path: Path) -> None:
    """SQLite looks at the clock when BEGIN is done, too: it is stopped then with its transaction open."""
    path = tmp_path / "store.db"
    prepare_file(path).close()
    reader = Reader(path, Clock(lambda: 0), b"secret", EMPTY)
    find = Find(class_name="Missing", limit=1)
    for _ in range(2000):
        with contextlib.suppress(GatewayError):
            reader.execute(find, Caller("app"), 0.0)
    with pytest.raises(GatewayError) as missing:
        reader.execute(find, Caller("app"), math.inf)
    assert missing.value.code is Code.CLASS_NOT_FOUND
    reader.close()


def test_the_schema_is_told_whatever_time_was_given_to_what_was_read_before(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    prepare_file(path).close()
    reader = Reader(path, Clock(lambda: 0), b"secret", EMPTY)
    for _ in range(2000):
        with contextlib.suppress(GatewayError):
            reader.roles_of("nobody", 0.0)
        assert reader.schema(math.inf).classes == {}
    reader.close()
