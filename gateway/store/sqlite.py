"""The store on SQLite: one file, threads around it, and the driver.

Writes have one thread. It takes all that is waiting, carries each job out in a savepoint of its own and commits them
together: a commit waits for the disk, and thirty-two jobs wait no longer than one. Only then is anybody answered.
Several processes may share the file; they wait for each other at BEGIN IMMEDIATE, so what a job reads cannot change
before it writes.

Reads never wait for writes (WAL). Most take microseconds, less than handing them to a thread, so they run at once on
the event loop's thread, under a budget of time; one that exceeds it is stopped, and runs again on another thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import queue
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

import apsw
import orjson

from gateway.errors import Code, GatewayError, StartupError
from gateway.model.operation import Caller, Create, Delete, Find, Get, Operation, Result, Update
from gateway.model.schema import AppSettings
from gateway.store.connection import SqlValue, Taken, TransactionLost
from gateway.store.functions import FUNCTIONS
from gateway.store.many import PARTS, Part
from gateway.store.objects import permit
from gateway.store.operations import execute, writes
from gateway.store.reading import shown_object
from gateway.store.roles import roles_query
from gateway.store.schema import CREATE_CATALOGUE, EMPTY, FORMAT, MIGRATIONS, READ_VERSION, Schema, read_schema
from gateway.store.session import Clock, Session
from gateway.store.text_index import Unindexed, worth

log = logging.getLogger(__name__)

T = TypeVar("T")

APPLICATION_ID: Final = 0x42614153
"""Tells our files from other programs' (https://sqlite.org/pragma.html#pragma_application_id)."""

BUDGET: Final = 0.002
"""Seconds that a read may keep the event loop from other requests."""

TIME_LIMIT: Final = 10.0
"""Seconds for one operation. LeanCloud, "Limits": a query is stopped after 10 seconds."""

PATIENCE: Final = 60.0
"""Seconds to wait for another process's write. Theirs are bounded as ours are, so this is not reached."""

LARGEST_GROUP: Final = 512

STEPS: Final = 1000
"""Steps of SQLite's machine between two looks at the clock: some tens of microseconds."""

ERRORS: Final[tuple[tuple[type[apsw.Error], Code, str], ...]] = (
    (apsw.InterruptError, Code.TIMEOUT, "the operation took too long"),
    (apsw.BusyError, Code.UNAVAILABLE, "the store is busy"),
    (apsw.LockedError, Code.UNAVAILABLE, "the store is busy"),
    (apsw.FullError, Code.UNAVAILABLE, "the store's disk is full"),
    (apsw.IOError, Code.UNAVAILABLE, "the store's file cannot be read or written"),
    (apsw.ReadOnlyError, Code.UNAVAILABLE, "the store's file cannot be written"),
    (apsw.CantOpenError, Code.UNAVAILABLE, "the store's file cannot be opened"),
    (apsw.NoMemError, Code.UNAVAILABLE, "the store is out of memory"),
    (apsw.TooBigError, Code.OBJECT_TOO_LARGE, "a value is too large to be stored"),
    (apsw.CorruptError, Code.INTERNAL, "the store's file is damaged"),
    (apsw.NotADBError, Code.INTERNAL, "the store's file is damaged"),
)

UNIQUE_FAILED: Final = re.compile(r"UNIQUE constraint failed: (?:index '(?P<index>\w+)'|\w+\.(?P<column>\w+))")


class SqliteConnection:
    """A connection to the file. `deadline` is when what it does is stopped, by the clock `time.monotonic`."""

    def __init__(self, path: Path, *, patience: float) -> None:
        """Makes the file where there is none. Raises apsw.Error."""
        self.deadline = math.inf
        self._patience = patience
        self._waiting_since = 0.0
        self._in_transaction = False
        self._database = apsw.Connection(str(path), statementcachesize=512)
        self._execute = self._database.execute
        # or else each new value of a LIMIT has the statement compiled again (https://sqlite.org/queryplanner-ng.html#qpsg)
        self._database.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
        self._database.set_busy_handler(self._wait)
        self._database.set_progress_handler(self._is_late, STEPS)
        for name, (function, arguments) in FUNCTIONS.items():
            self._database.create_scalar_function(name, function, arguments, deterministic=True)

    def learn_to_rank(self) -> None:
        """SQLite looks at the file for this, so it must be one of ours; a lock is waited for. Raises apsw.Error."""
        patience, self._patience = self._patience, PATIENCE
        try:
            self._database.register_fts5_function("worth", worth)
        finally:
            self._patience = patience

    def close(self) -> None:
        self._database.close()

    def pragma(self, name: str, value: SqlValue = None) -> Any:
        return self._database.pragma(name) if value is None else self._database.pragma(name, value)

    @property
    def in_transaction(self) -> bool:
        return self._database.in_transaction

    def rows(self, sql: str, values: Sequence[SqlValue] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._execute(sql, values).fetchall()
        except (apsw.Error, ValueError, OverflowError) as error:
            raise self._told(error) from error

    def row(self, sql: str, values: Sequence[SqlValue] = ()) -> tuple[Any, ...] | None:
        try:
            rows = self._execute(sql, values).fetchall()
        except (apsw.Error, ValueError, OverflowError) as error:
            raise self._told(error) from error
        return rows[0] if rows else None

    def run(self, sql: str, values: Sequence[SqlValue] = ()) -> int:
        try:
            self._execute(sql, values)
        except (apsw.Error, ValueError, OverflowError) as error:
            raise self._told(error) from error
        return self._database.changes()

    def begin(self, mode: str) -> None:
        self.run(f"BEGIN {mode}")
        self._in_transaction = True

    def commit(self) -> None:
        self.deadline = math.inf
        self._in_transaction = False  # a commit that fails is told as it is, whatever became of the transaction
        self.run("COMMIT")

    def rollback(self) -> None:
        self.deadline = math.inf
        self._in_transaction = False
        if self._database.in_transaction:
            self.run("ROLLBACK")

    def _told(self, error: Exception) -> Exception:
        """An error of the driver as one of ours."""
        if isinstance(error, apsw.ConstraintError) and (found := UNIQUE_FAILED.search(str(error))) is not None:
            return Taken(found["index"] or f"@{found['column']}")
        told = _translated(error)
        # a lock that this connection does not wait for is left to one that does
        if told.code is Code.INTERNAL or (told.code is Code.UNAVAILABLE and self._patience > 0):
            log.error("the store failed code=%s reason=%s: %s", told.code, type(error).__name__, error)
        if self._in_transaction and not self._database.in_transaction:
            self._in_transaction = False
            return TransactionLost(told)
        return told

    def _is_late(self) -> bool:
        return time.monotonic() > self.deadline

    def _wait(self, tries: int) -> bool:
        """Whether to try again for a lock of another process; SQLite's own handler sleeps up to 100 ms, and starves."""
        now = time.monotonic()
        if tries == 0:
            self._waiting_since = now
        if now - self._waiting_since >= self._patience:
            return False
        time.sleep(pause_of(tries))
        return True


def pause_of(tries: int) -> float:
    """Seconds until a lock is tried for again; whoever has it for long is asked some thousand times."""
    return 0.0005 * (1 << min(tries, 4))


def _translated(error: Exception) -> GatewayError:
    if not isinstance(error, apsw.Error):  # half a surrogate pair, or a number that SQLite has no room for
        return GatewayError(Code.BAD_VALUE, f"a value cannot be stored or compared: {error}")
    if isinstance(error, apsw.SQLError) and str(error).startswith("no such table"):
        return GatewayError(Code.CLASS_NOT_FOUND, "the class is not there any more")
    known = ((code, message) for kind, code, message in ERRORS if isinstance(error, kind))
    code, message = next(known, (Code.INTERNAL, "the store failed"))
    return GatewayError(code, message)


def open_connection(path: Path, *, patience: float = PATIENCE) -> SqliteConnection:
    connection = SqliteConnection(path, patience=patience)
    connection.pragma("cache_size", -16_000)  # KiB
    connection.pragma("temp_store", "memory")
    return connection


def prepare_file(path: Path) -> SqliteConnection:
    """The writer's connection, to a file that is ours: a new one gets its catalogue. Raises StartupError."""
    try:
        connection = open_connection(path)
    except apsw.Error as error:
        raise StartupError(f"{path}: cannot be opened: {error}") from error
    try:
        _check_file(connection, path)
        journal = _enter_wal(connection)
        connection.pragma("synchronous", "full")  # with WAL, NORMAL would lose acknowledged writes when power fails
        connection.pragma("wal_autocheckpoint", 4000)
        connection.pragma("journal_size_limit", 64 * 1024 * 1024)
        connection.learn_to_rank()
    except BaseException as error:
        connection.close()
        match error:
            case GatewayError():
                raise StartupError(f"{path}: {error.message} ({error.__cause__})") from error
            case apsw.Error():
                raise StartupError(f"{path}: {error}") from error
        raise
    if journal != "wal":
        connection.close()
        raise StartupError(f"{path}: the file system does not support SQLite's write-ahead log")
    return connection


def _enter_wal(connection: SqliteConnection) -> Any:
    """SQLite does not wait for a lock here, and another gateway may be opening the same new file."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return connection.pragma("journal_mode", "wal")
        except apsw.BusyError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)


def _check_file(connection: SqliteConnection, path: Path) -> None:
    connection.begin("IMMEDIATE")
    try:
        owner = connection.pragma("application_id")
        tables = connection.row("SELECT count(*) FROM sqlite_schema")
        if owner == 0 and tables == (0,):
            connection.pragma("application_id", APPLICATION_ID)
            connection.run(CREATE_CATALOGUE)
        elif owner != APPLICATION_ID:
            raise StartupError(f"{path}: this is an SQLite file of another program, not a store of this gateway")
        kept = connection.row("SELECT format FROM catalogue")
        if kept is None or kept[0] > FORMAT:
            found = kept[0] if kept is not None else "unknown"
            raise StartupError(
                f"{path}: the file has format {found}, and this gateway reads up to {FORMAT}; use a newer one"
            )
        for older in range(kept[0], FORMAT):
            MIGRATIONS[older](connection)
            connection.run("UPDATE catalogue SET format = ?, version = version + 1", (older + 1,))
        connection.commit()
    finally:
        connection.rollback()


class Reader:
    """A connection that only reads, and the schema it knows."""

    def __init__(self, path: Path, clock: Clock, secret: bytes, schema: Schema, *, patience: float = PATIENCE) -> None:
        self._connection = open_connection(path, patience=patience)
        self._connection.learn_to_rank()
        self._connection.pragma("query_only", 1)
        self._session = Session(self._connection, schema, clock, secret)

    def close(self) -> None:
        self._connection.close()

    def execute(self, op: Operation, caller: Caller, deadline: float) -> Result:
        connection, session = self._connection, self._session
        connection.deadline = deadline
        if type(op) is Get and not (op.include or op.depth or op.outputs):
            of = session.schema.seen_by(caller).classes.get(op.class_name)
            row = self._probe(of.get, (op.id,)) if of is not None else None
            if of is not None and row is not None and row[-1] == session.schema.version:
                return shown_object(session, of, row, op, caller)
        return self.read(lambda: execute(session, op, caller))

    def _probe(self, sql: str, values: Sequence[SqlValue]) -> tuple[Any, ...] | None:
        """A row by the schema that is known; None also where that has a class that was forgotten meanwhile."""
        try:
            return self._connection.row(sql, values)
        except GatewayError as error:
            if error.code is not Code.CLASS_NOT_FOUND:
                raise
            return None

    def roles_of(self, user_id: str, deadline: float) -> frozenset[str]:
        """One statement, as a point read, unless the schema has changed."""
        self._connection.deadline = deadline
        found = self._roles_of(user_id)
        if found is None:
            found = self.read(lambda: self._roles_of(user_id))
        assert found is not None, "what is read in a transaction is of one moment"
        return found

    def _roles_of(self, user_id: str) -> frozenset[str] | None:
        """None where the schema that is known is not the file's."""
        query = roles_query(self._session.schema, user_id)
        row = self._probe(*query) if query is not None else self._connection.row(READ_VERSION)
        if row is None or row[0] != self._session.schema.version:
            return None
        return frozenset(orjson.loads(row[1])) if query is not None and row[1] is not None else frozenset()

    def permit(self, op: Create | Update | Delete, caller: Caller, deadline: float) -> None:
        self._connection.deadline = deadline
        self.read(lambda: permit(self._session, op, caller))

    def schema(self, deadline: float) -> Schema:
        self._connection.deadline = deadline  # that of what was read before may be over
        return self.read(lambda: self._session.schema)

    @property
    def known_schema(self) -> Schema:
        """The schema of the last thing that was read."""
        return self._session.schema

    def read(self, act: Callable[[], T]) -> T:
        """In one state of the file, with the schema that belongs to it."""
        try:
            # inside, as BEGIN itself may be stopped by its deadline when it has begun
            self._connection.begin("DEFERRED")
            refresh(self._session)
            return act()
        finally:
            self._connection.rollback()


def refresh(session: Session) -> None:
    """Reads the schema where another process, or another thread, changed it."""
    row = session.connection.row(READ_VERSION)
    if row is None or row[0] != session.schema.version:
        session.schema = read_schema(session.connection, session.schema.apps)


@dataclass(slots=True)
class Job:
    """Something to be written, and who waits for it."""

    act: Callable[[Session], Any]
    future: asyncio.Future[Any]
    outcome: Any = None


class Writer:
    """The thread that writes. Jobs are answered when they are durable."""

    def __init__(self, connection: SqliteConnection, session: Session, time_limit: float) -> None:
        self._connection = connection
        self._session = session
        self._time_limit = time_limit
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()
        self.commits = 0

    def put(self, job: Job) -> None:
        self._jobs.put(job)

    def close(self) -> None:
        """Carries out what is waiting, then lets go of the file."""
        self._jobs.put(None)
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while (taken := self._jobs.get()) is not None:
            group = [taken]
            with contextlib.suppress(queue.Empty):
                while len(group) < LARGEST_GROUP:
                    taken = self._jobs.get_nowait()
                    if taken is None:
                        self._jobs.put(None)  # the end, which nothing comes behind: it is met again after this group
                        break
                    group.append(taken)
            self._commit(group)

    def _commit(self, group: list[Job]) -> None:
        waiting = group
        while waiting:
            lost = self._attempt(waiting)
            # one that took the transaction with it is answered alone; the others were undone, and run again
            waiting = [job for job in waiting if job is not lost] if lost is not None else []
        with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits
            group[0].future.get_loop().call_soon_threadsafe(_answer, group)

    def _attempt(self, group: list[Job]) -> Job | None:
        """Carries out a group in one transaction. Returns the job that ended it early, if one did."""
        connection, session = self._connection, self._session
        known = session.schema
        try:
            connection.begin("IMMEDIATE")
            refresh(session)
            for job in group:
                try:
                    self._carry_out(job)
                except TransactionLost as lost:
                    job.outcome = lost.error
                    session.schema = known
                    return job
            connection.commit()
            self.commits += 1
        except Exception as error:  # noqa: BLE001 (whatever it was, everybody who waits must hear of it)
            session.schema = known
            refusal = _refused(error)
            for job in group:  # each its own: one exception raised in many tasks would collect all their tracebacks
                job.outcome = GatewayError(refusal.code, refusal.message, **refusal.details)
        finally:
            with contextlib.suppress(GatewayError):
                connection.rollback()
        return None

    def _carry_out(self, job: Job) -> None:
        connection, session = self._connection, self._session
        schema = session.schema
        connection.deadline = time.monotonic() + self._time_limit
        session.guarded = False
        try:
            job.outcome = job.act(session)
        except TransactionLost:
            raise
        except Exception as error:  # noqa: BLE001 (as above)
            job.outcome = error if isinstance(error, Unindexed) else _refused(error)
            session.schema = schema
            if session.guarded:
                connection.deadline = math.inf
                connection.run("ROLLBACK TO job")
        if session.guarded:
            connection.run("RELEASE job")


def _refused(error: Exception) -> GatewayError:
    match error:
        case GatewayError():
            return error
        case TransactionLost():
            return error.error
    log.error("the store failed unexpectedly", exc_info=error)
    refusal = GatewayError(Code.INTERNAL, "internal error")
    refusal.__cause__ = error
    return refusal


def _answer(group: list[Job]) -> None:
    for job in group:
        if job.future.done():
            continue  # who asked was cancelled; the write is done all the same
        if isinstance(job.outcome, GatewayError | Unindexed):
            job.future.set_exception(job.outcome)
        else:
            job.future.set_result(job.outcome)


def _part(part: Part, op: Operation, caller: Caller, after: int, session: Session) -> tuple[int, int | None]:
    return part(session, op, caller, after)


class SqliteStore:
    """The objects of one application, in one file."""

    def __init__(self, writer: Writer, here: Reader, readers: Sequence[Reader], time_limit: float) -> None:
        """`open` makes one."""
        self._writer = writer
        self._here = here
        self._time_limit = time_limit
        self._readers: queue.SimpleQueue[Reader] = queue.SimpleQueue()
        for reader in readers:
            self._readers.put(reader)
        self._pool = ThreadPoolExecutor(len(readers), thread_name_prefix="store-reader")
        self._closed = False

    @classmethod
    async def open(
        cls,
        path: Path | str,
        *,
        secret: bytes,
        readers: int = 2,
        time_limit: float = TIME_LIMIT,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        apps: Mapping[str, AppSettings] = MappingProxyType({}),
    ) -> SqliteStore:
        """`secret` signs cursors: gateways that share it continue each other's scans. Raises StartupError.

        `apps` are permissions besides those in the file, of applications by their names (`Caller.app`).
        """
        clock, schema = Clock(now_ms), replace(EMPTY, apps=apps)
        return await asyncio.to_thread(cls._open, Path(path), secret, max(1, readers), time_limit, clock, schema)

    @classmethod
    def _open(
        cls, path: Path, secret: bytes, readers: int, time_limit: float, clock: Clock, schema: Schema
    ) -> SqliteStore:
        connection = prepare_file(path)
        try:
            here = Reader(path, clock, secret, schema, patience=0)  # never sleeps: it is on the event loop's thread
            others = [Reader(path, clock, secret, schema) for _ in range(readers)]
        except apsw.Error as error:
            connection.close()
            raise StartupError(f"{path}: {error}") from error
        return cls(Writer(connection, Session(connection, schema, clock, secret), time_limit), here, others, time_limit)

    async def execute(self, op: Operation, caller: Caller) -> Result:
        """Raises GatewayError and nothing else. What the caller may not see is answered as if it were not there."""
        until = time.monotonic() + self._time_limit
        while True:
            try:
                return await self._execute(op, caller)
            except Unindexed as unindexed:
                await self._index(unindexed.class_name, until)

    async def _execute(self, op: Operation, caller: Caller) -> Result:
        """Raises Unindexed where texts are searched that have no index yet; nothing was done then."""
        if (part := PARTS.get(type(op))) is not None:
            return Result(total=await self._write_parts(part, op, caller))
        if writes(op):
            result: Result = await self._write(lambda session: execute(session, op, caller))
            return result
        # to weigh and to mark what is found takes Python, and longer than a read may keep the event loop
        searches = type(op) is Find and op.text is not None
        return await self._read(lambda reader, deadline: reader.execute(op, caller, deadline), elsewhere=searches)

    async def _index(self, class_name: str, until: float) -> None:
        """Makes the index of a class, a part at a time; what is not done by then goes on with the next search."""
        while not await self._write(lambda session: session.index_texts(class_name)):
            if time.monotonic() > until:
                message = f"the texts of {class_name} are being indexed for their first search; it takes a while"
                raise GatewayError(Code.TIMEOUT, message, class_name=class_name)

    async def roles_of(self, user_id: str) -> frozenset[str]:
        """The names of the roles that a user is in, directly or by inheritance. Raises GatewayError."""
        return await self._read(lambda reader, deadline: reader.roles_of(user_id, deadline))

    async def permit(self, op: Create | Update | Delete, caller: Caller) -> None:
        """Whether a caller may have done what the gateway itself is about to do in its place.

        Raises GatewayError(FORBIDDEN, LOGIN_REQUIRED, OBJECT_NOT_FOUND). Lists of single objects are not asked.
        """
        await self._read(lambda reader, deadline: reader.permit(op, caller, deadline))

    async def schema(self) -> dict[str, dict[str, str]]:
        """Every class that is not private, with the types of its fields, in words."""
        return await self._read(lambda reader, deadline: reader.schema(deadline).public.as_fields())

    @property
    def known_schema(self) -> Schema:
        """The schema as it was when this process last looked, private classes aside. It costs nothing to ask."""
        return self._here.known_schema.public

    async def latest_schema(self) -> Schema:
        """The schema as it is, private classes aside. Raises GatewayError."""
        return await self._read(lambda reader, deadline: reader.schema(deadline).public)

    async def declare_index(self, class_name: str, fields: Sequence[str], *, unique: bool = False) -> None:
        """Kept in the file. The class is made where it is missing, columns when they are first written.

        Raises GatewayError(DUPLICATE_VALUE) where objects have equal values already.
        """
        await self._write(lambda session: session.declare_index(class_name, fields, unique=unique))

    async def close(self) -> None:
        """Writes that were asked for are finished first. Closing twice is once."""
        if not self._closed:
            self._closed = True
            await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._pool.shutdown(wait=True)
        self._here.close()
        while True:
            try:
                self._readers.get_nowait().close()
            except queue.Empty:
                break
        self._writer.close()  # last, so that its connection moves the log into the file

    async def _write_parts(self, part: Part, op: Operation, caller: Caller) -> int:
        """Many objects hold nobody up: each part is a job of its own, and waits its turn."""
        total = 0
        after: int | None = 0
        while after is not None:
            count, after = await self._write(partial(_part, part, op, caller, after))
            total += count
        return total

    async def _write(self, act: Callable[[Session], Any]) -> Any:
        self._check_open()
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._writer.put(Job(act, future))
        return await future

    async def _read(self, act: Callable[[Reader, float], T], *, elsewhere: bool = False) -> T:
        self._check_open()
        started = time.monotonic()
        if not elsewhere:
            try:
                return act(self._here, started + BUDGET)
            except GatewayError as error:
                # over the budget, or in need of a lock that this thread must not wait for
                if error.code not in (Code.TIMEOUT, Code.UNAVAILABLE):
                    raise
            except Unindexed:
                raise
            except Exception as error:
                raise _refused(error) from error
        deadline = started + self._time_limit
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._read_elsewhere, act, deadline)

    def _read_elsewhere(self, act: Callable[[Reader, float], T], deadline: float) -> T:
        reader = self._readers.get()
        try:
            return act(reader, deadline)
        except Unindexed:
            raise
        except Exception as error:
            raise _refused(error) from error
        finally:
            self._readers.put(reader)

    def _check_open(self) -> None:
        if self._closed:
            raise GatewayError(Code.UNAVAILABLE, "the store is closed")
