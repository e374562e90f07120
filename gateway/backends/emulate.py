"""An operation by means of others, where a backend's dialect has no words for it: `Emulating`.

Which there are, and what a backend can do, is told by the table in `emulations`. How each is done stands by its
subject: queries, writes, batches, users and counters in the modules `emulated_*`, conditions in `conditions`, includes
in `including`, and what clients of tables ask for in `tables`.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeGuard

from gateway.backends.columns import BETWEEN, Registry
from gateway.backends.completing import Completing
from gateway.backends.conditions import NOTHING, Words, inversions, nearest_first, settled, worded
from gateway.backends.emulated_batches import Batches
from gateway.backends.emulated_counters import COUNTER_CLASS, Counters
from gateway.backends.emulated_queries import Queries, aggregates, has_least_distance, of_rows
from gateway.backends.emulated_users import Users
from gateway.backends.emulated_writes import Writes, has_bits, has_list
from gateway.backends.emulations import EMULATIONS, allowed_by, compares, says
from gateway.backends.including import Including
from gateway.backends.plain import known_by, plain
from gateway.backends.remote import UnsaidError
from gateway.backends.tables import Tables
from gateway.errors import Code, GatewayError
from gateway.model.account import ChangePassword, CurrentUser, SignUp
from gateway.model.members import CheckSession, ConvertGuest
from gateway.model.operation import (
    Batch,
    Caller,
    CreateMany,
    Delete,
    DeleteMany,
    Find,
    FindRelated,
    Get,
    Operation,
    Relate,
    Result,
    Scan,
    Update,
    UpdateMany,
    Upsert,
)
from gateway.model.query import Filter
from gateway.model.recovery import SendLink
from gateway.model.schema import Kind
from gateway.model.services import AddToCounter, CompareAndSetCounter, GetCounter, ListCounters, ResetCounter
from gateway.model.values import CREATED_AT, ID, OWNER, UPDATED_AT


class Emulating:
    """A remote backend that does what its dialect cannot say by what it can. `secret` signs the cursors of scans.

    A `registry` has its columns; with one `Typed` stands around it, and what was untyped has its types.
    """

    def __init__(
        self,
        backend: Completing,
        *,
        secret: bytes,
        allowed: Iterable[str] = (),
        refused: Iterable[str] = (),
        registry: Registry | None = None,
        counter_class: str = COUNTER_CLASS,
        now: Callable[[], float] = time.time,
    ) -> None:
        dialect = backend.remote.dialect
        self._backend = backend
        self._largest = dialect.file.limits.page.largest
        self._title = dialect.title
        self._registry = registry
        self._own_id = dialect.file.own_id
        allowed = frozenset(allowed)
        self._does = allowed_by(dialect, allowed, refused)
        self._words = Words(
            like=says(dialect, EMULATIONS["like"].sample) or "like" not in self._does,
            least_distance=dialect.heeds_least_distance,
        )
        self._sorts_by_distance = dialect.sorts_by_distance
        self._has_owners = "owner" in dialect.file.fields
        self._including = None if registry is None else Including(self.execute, registry)
        most = dialect.file.limits.batch
        self._batches = Batches(self.execute, backend, self._plain, self._is_alone, self._allow, most=most)
        self._queries = queries = Queries(
            self.execute,
            backend.execute,
            registry,
            page=self._largest,
            subquery_most=dialect.subquery_most,
            limits_subqueries=dialect.limits_subqueries,
            secret=secret,
            now=now,
        )
        self._writes = writes = Writes(self.execute, self._says, compares=compares(dialect))
        self._users = users = Users(self.execute, backend.execute, self._says, self._allow)
        # what is related is written on no condition, whatever single objects are
        taken = self._does if "conditions" in allowed else self._does - {"conditions"}
        tables = Tables(
            self.execute,
            registry,
            lambda name: _allow(name, taken, None),
            batch=most,
            compares=compares(dialect),
        )
        counters = Counters(self.execute, counter_class)
        self._emulate: Mapping[type[Operation], tuple[str, Callable[[Any, Caller], Awaitable[Result]]]] = {
            Delete: ("deletes", writes.delete),
            Upsert: ("upsert", writes.upsert),
            Scan: ("scan", queries.scan),
            ChangePassword: ("password", users.change_password),
            FindRelated: ("related", tables.find_related),
            Relate: ("relate", tables.relate),
            CreateMany: ("create_many", tables.create_many),
            UpdateMany: ("update_many", tables.update_many),
            DeleteMany: ("delete_many", tables.delete_many),
            CheckSession: ("check_session", users.check_session),
            ConvertGuest: ("convert_guest", users.convert_guest),
            GetCounter: ("counters", counters.get),
            AddToCounter: ("counters", counters.add),
            ResetCounter: ("counters", counters.reset),
            ListCounters: ("counters", counters.names),
            CompareAndSetCounter: ("compare_counter", counters.compare_and_set),
        }

    async def identify(self, caller: Caller) -> Caller:
        return await self._backend.identify(caller)

    async def close(self) -> None:
        await self._backend.close()

    async def execute(self, op: Operation, caller: Caller) -> Result:
        if op.untyped and self._registry is None:
            raise GatewayError(Code.UNSUPPORTED, f"what {self._title} stores cannot be told from values without types")
        op = self._plain(op)
        if isinstance(op, CurrentUser) and op.session is not None:
            op, caller = replace(op, session=None), replace(caller, session=op.session)
        if isinstance(op, Batch):
            if op.fixed_schema and self._registry is not None:
                op = replace(op, fixed_schema=False)  # `Typed` has made sure of it
            return await self._batches.execute(op, caller)
        await self._check_order(op)
        op = await self._queries.counted(op, caller, self._allow)
        if isinstance(op, Find) and op.where == NOTHING and not of_rows(op):
            return Result(objects=[], total=0 if op.count else None)
        if self._is_unsorted(op):
            self._allow("nearest", None)
            return await self._queries.nearest(op, caller)
        try:
            if isinstance(op, Find) and op.limit > self._largest:
                return await self._queries.pages(op, caller)
            return await self._backend.execute(op, caller)
        except UnsaidError as unsaid:
            return await self._otherwise(op, caller, unsaid)

    def _plain(self, op: Operation) -> Operation:
        op = plain(op)
        where: Filter | None = getattr(op, "where", None)
        if where is not None:
            if not self._words.least_distance and "farther" not in self._does and has_least_distance(where):
                raise GatewayError(Code.UNSUPPORTED, f"{self._title} reads past how far what is near must be at least")
            where = worded(where, self._words, self._not_texts(getattr(op, "class_name", "")))
            op = replace(op, where=settled(where) if isinstance(op, Find | Scan) else where)  # type: ignore[call-arg]
        if not self._has_owners and isinstance(op, Find | Get | FindRelated):
            select = None if op.select is None else tuple(name for name in op.select if name != OWNER)
            if select != op.select or OWNER in op.exclude:
                exclude = tuple(name for name in op.exclude if name != OWNER)
                op = replace(op, select=(ID,) if select == () else select, exclude=exclude)
        return op if self._own_id is None else known_by(op, self._own_id)

    async def _check_order(self, op: Operation) -> None:
        """Parse Server sorts by a path inside an object, and takes one through a pointer for such a path."""
        paths = [sort.field for sort in getattr(op, "order", ()) if "." in sort.field]
        if not paths or self._registry is None or not self._sorts_by_distance:
            return
        class_name = getattr(op, "class_name", "")
        known = self._registry.known() or await self._registry.learned((class_name,))
        for path in paths:
            column = known.get(class_name, {}).get(path.partition(".")[0])
            if column is not None and column.kind in BETWEEN:
                raise GatewayError(Code.UNSUPPORTED, f"{self._title} does not sort by what is related: {path}")

    def _not_texts(self, class_name: str) -> frozenset[str]:
        """Columns that a regular expression would find nothing in, and LIKE the text of their values."""
        known = (self._registry.known() or {}).get(class_name, {}) if self._registry is not None else {}
        found = (name for name, column in known.items() if column.kind is not Kind.STRING)
        return frozenset({CREATED_AT, UPDATED_AT, *found})

    def _is_unsorted(self, op: Operation) -> TypeGuard[Find]:
        """Whether it asks for an order that the backend does not have."""
        if self._sorts_by_distance or not isinstance(op, Find) or op.order or not op.limit or of_rows(op):
            return False
        return nearest_first(op.where) is not None

    async def _otherwise(self, op: Operation, caller: Caller, unsaid: UnsaidError) -> Result:
        if isinstance(op, Update | Delete) and op.where is not None and len(getattr(op, "ids", "1")) == 1:
            self._allow("conditions", unsaid)
            return await self._writes.on_condition(op, caller)
        if isinstance(op, Update):
            for name, has in (("bits", has_bits), ("lists", has_list)):
                if any(map(has, op.changes.values())):
                    self._allow(name, unsaid)
                    return await self._writes.computed(op, caller)
        if isinstance(op, SignUp):
            return await self._users.sign_up(op, caller, unsaid)
        if isinstance(op, SendLink) and (op.email is None) is not (op.identity is None):
            # some find a user by the address alone, and some by whatever it is known by, which the address is
            return await self._backend.execute(replace(op, email=op.identity, identity=op.email), caller)
        if isinstance(op, Find) and op.count and op.limit:
            self._allow("count", unsaid)
            result = await self.execute(replace(op, count=False), caller)
            alone = Find(class_name=op.class_name, where=op.where, limit=0, count=True, untyped=op.untyped)
            result.total = (await self.execute(alone, caller)).total
            return result
        if isinstance(op, Find) and any(inversions(op.where)):
            self._allow("inverses", unsaid)
            return await self._queries.inverted(op, caller)
        if isinstance(op, Find | Get) and op.exclude and not any("." in name for name in op.exclude):
            self._allow("excludes", unsaid)
            return await self._queries.excluding(op, caller)
        if isinstance(op, Find | Get) and self._including is not None:
            if op.outputs and not aggregates(op):
                self._allow("outputs", unsaid)
                return await self._including.execute(op, caller)
            if not op.outputs and (op.members is not None or op.depth or "*" in op.include):
                self._allow("includes", unsaid)
                return await self._including.execute(op, caller)
        name, emulate = self._emulate.get(type(op), ("", None))
        if emulate is None or (isinstance(op, Delete) and len(op.ids) < 2 and not op.missing_ok):
            raise unsaid
        self._allow(name, unsaid)
        return await emulate(op, caller)

    def _is_alone(self, op: Operation) -> bool:
        """Whether it is for no batch: it takes more than one request, or none."""
        return (
            self._is_unsorted(op)
            or self._queries.is_to_be_counted(op)
            or (isinstance(op, Find) and op.where == NOTHING)
        )

    def _says(self, op: Operation, caller: Caller) -> bool:
        try:
            self._backend.remote.write(op, caller)
        except GatewayError:
            return False
        return True

    def _allow(self, name: str, unsaid: UnsaidError | None) -> None:
        _allow(name, self._does, unsaid)


def _allow(name: str, taken: frozenset[str], unsaid: UnsaidError | None) -> None:
    if name not in taken:
        emulation = EMULATIONS[name]
        reason = f"{emulation.title} could only be done by other means ({emulation.told})"
        raise GatewayError(Code.UNSUPPORTED, f"{reason}, which is not allowed here") from unsaid
