"""An operation by means of others, where a backend's dialect has no words for it.

What can be had that way without losing a promise is done; what loses one, most often that nobody comes between, only
where the configuration says so (`emulate`), and is refused otherwise, with the reason. `refuse` switches one off. The
table EMULATIONS is all there is, and what a backend can do is told from it and from the mapping: see `abilities`.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, TypeGuard
from uuid import uuid4

from gateway.backends.columns import BETWEEN, Registry
from gateway.backends.completing import Completing
from gateway.backends.conditions import (
    NOTHING,
    Words,
    distance,
    inversions,
    nearest_first,
    settled,
    without_inversions,
    worded,
)
from gateway.backends.including import Including
from gateway.backends.plain import AUTH_DATA, known_by, plain
from gateway.backends.remote import READS, UnsaidError
from gateway.backends.tables import Tables
from gateway.dialects.dialect import Dialect
from gateway.errors import Code, GatewayError
from gateway.model.account import USER, ChangePassword, CurrentUser, LogIn, LogOut, SignUp, VerifyPassword
from gateway.model.aggregate import Aggregate
from gateway.model.catalogue import OPERATIONS
from gateway.model.members import STATUS, CheckSession, ConvertGuest, Status
from gateway.model.operation import (
    BY_ID,
    Batch,
    Caller,
    Create,
    CreateMany,
    Credentials,
    Deferred,
    Delete,
    DeleteMany,
    Find,
    FindRelated,
    Get,
    NewObject,
    Operation,
    Relate,
    Relating,
    Result,
    Returning,
    Scan,
    Update,
    UpdateMany,
    Upsert,
)
from gateway.model.query import (
    Aggregated,
    And,
    Column,
    Condition,
    Filter,
    Inverse,
    Near,
    Not,
    Op,
    Or,
    Output,
    Regex,
    RelatedTo,
    Sort,
)
from gateway.model.recovery import SendLink
from gateway.model.schema import Kind
from gateway.model.update import BitAnd, BitOr, BitXor, Change, Changes, Increment, Set, Several
from gateway.model.values import CREATED_AT, ID, OWNER, UPDATED_AT, Date, GeoPoint, Pointer, Reference, ResultOf
from gateway.store.cursor import Position, read_cursor, write_cursor

ALWAYS_THERE: Final = frozenset({ID, CREATED_AT, UPDATED_AT})
MOST_SORTED: Final = 1000
"""Objects that the gateway sorts itself, for one page of them."""
MOST_OWNERS: Final = 100
"""Objects that an inverted relation may lead to: their ids go in one query."""


class Way(StrEnum):
    NATIVE = "native"
    EMULATED = "emulated"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Ability:
    way: Way
    told: str = ""
    """How it is emulated, or why it is refused."""


def _always(_: Dialect) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Emulation:
    """`by_default` where no promise is lost. `sample` is what it stands for: the dialect has words for it or not.

    `of` is the operation that it is for, where it is for all of it, and `needs` are those that it is done by.
    """

    title: str
    told: str
    sample: Operation
    needs: tuple[str, ...]
    of: str | None = None
    by_default: bool = True
    by: Operation | None = None
    """What the dialect must have words for."""
    heeded: Callable[[Dialect], bool] = _always
    """Whether a vendor does what its dialect has words for."""


_A: Final = Condition("a", Op.EQ, 1)
_KNOWN: Final[Mapping[str, Any]] = {"class_name": "Any", "id": "a"}
_SIGNS_UP: Final[Changes] = {"email": Set("a"), "password": Set("a")}
_TIMES: Final = (Increment(1), Increment(2))

EMULATIONS: Final[Mapping[str, Emulation]] = {
    "deletes": Emulation(
        "delete of several objects", "one by one", Delete(class_name="Any", ids=("a", "b")), ("delete",)
    ),
    "upsert": Emulation(
        "upsert",
        "an update, else a create with that id",
        Upsert(changes={"a": Set(1)}, **_KNOWN),
        ("update", "create"),
        of="upsert",
    ),
    "count": Emulation(
        "objects, and how many there are",
        "asked for one after the other",
        Find(class_name="Any", limit=1, count=True),
        ("find",),
    ),
    "scan": Emulation(
        "scan", "queries in the order of ids or times", Scan(class_name="Any", limit=1), ("find",), of="scan"
    ),
    "batch": Emulation("batch", "one after the other", Batch(items=(Get(**_KNOWN),)), (), of="batch"),
    "password": Emulation(
        "change of a password by the old one",
        "the old one is verified, then the new one is written",
        ChangePassword(id="a", old_password="a", new_password="b"),  # noqa: S106 - a sample
        ("get", "verify_password", "update"),
        of="change_password",
    ),
    "conditions": Emulation(
        "update or delete on a condition",
        "a query, then the write: another one may come between",
        Update(changes={"a": Set(1)}, where=_A, **_KNOWN),
        ("find", "update"),
        by_default=False,
    ),
    "sign_up": Emulation(
        "sign-up without a session",
        "the session is ended at once",
        SignUp(changes=_SIGNS_UP, opens_session=False, named_by_email=True),
        ("sign_up", "log_out"),
    ),
    "sign_up_and_in": Emulation(
        "sign-up with a session",
        "a sign-up, then a log-in",
        SignUp(changes=_SIGNS_UP),
        ("sign_up", "log_in"),
    ),
    "aggregate": Emulation(
        "aggregate",
        "its objects are read, and go through the stages here",
        Aggregate(class_name="Any"),
        ("find",),
        of="aggregate",
    ),
    "check_session": Emulation(
        "check_session",
        "by asking whose it is",
        CheckSession(token="a"),  # noqa: S106 - a sample
        ("current_user",),
        of="check_session",
    ),
    "current_user": Emulation(  # see `whose`
        "current_user",
        "a session that was opened by the gateway tells whose it is, and is checked",
        CurrentUser(),
        ("check_session", "get"),
        of="current_user",
    ),
    "related": Emulation(
        "find_related",
        "a query by the relation, or of the object that a pointer leads to",
        FindRelated(field="a", limit=1, **_KNOWN),
        ("get", "find"),
        of="find_related",
    ),
    "relate": Emulation(
        "relate",
        "an update of the field; with `conditions` to be exactly these, or those that match",
        Relate(field="a", how=Relating.ADD, ids=("a",), **_KNOWN),
        ("get", "find", "update"),
        of="relate",
    ),
    "create_many": Emulation(
        "create_many",
        "a batch, all or nothing",
        CreateMany(class_name="Any", objects=(NewObject({"a": Set(1)}),)),
        ("create", "batch"),
        of="create_many",
        by=Batch(items=(Create(class_name="Any", changes={}),), atomic=True),
    ),
    "update_many": Emulation(
        "update_many",
        "one by one; with `conditions` those that match",
        UpdateMany(class_name="Any", changes={"a": Set(1)}, ids=("a",)),
        ("find", "update"),
        of="update_many",
    ),
    "delete_many": Emulation(
        "delete_many",
        "one by one; with `conditions` those that match",
        DeleteMany(class_name="Any", ids=("a",)),
        ("find", "delete"),
        of="delete_many",
    ),
    "guest": Emulation(
        "guests",
        "an anonymous user",
        SignUp(changes={}, guest=True),
        ("sign_up",),
        by=SignUp(changes={AUTH_DATA: Set({"anonymous": {"id": "a"}})}),
    ),
    "convert_guest": Emulation(
        "convert_guest",
        "an anonymous user gets a name and a password",
        ConvertGuest(id="a", changes=_SIGNS_UP),
        ("get", "update"),
        of="convert_guest",
        by=SignUp(changes={AUTH_DATA: Set({"anonymous": {"id": "a"}})}),
    ),
    "nearest": Emulation(
        "what is near, the nearest first",
        f"sorted by the gateway, up to {MOST_SORTED} objects",
        Find(class_name="Any", limit=1, where=Condition("a", Op.NEAR, Near(GeoPoint(0, 0)))),
        ("find",),
        heeded=lambda dialect: dialect.sorts_by_distance,
    ),
    "farther": Emulation(
        "what is near, but not nearer than so far",
        "what is near, and not in a circle",
        Find(class_name="Any", limit=1, where=Condition("a", Op.NEAR, Near(GeoPoint(0, 0), None, 0.1))),
        ("find",),
        heeded=lambda dialect: dialect.heeds_least_distance,
    ),
    "like": Emulation(
        "conditions with LIKE",
        "a regular expression",
        Find(class_name="Any", limit=1, where=Condition("a", Op.LIKE, "a%")),
        ("find",),
        by=Find(class_name="Any", limit=1, where=Condition("a", Op.REGEX, Regex("^a.*$", "is"))),
    ),
    "inverses": Emulation(
        "conditions on what an object stands in",
        f"a query for those first, of up to {MOST_OWNERS}",
        Find(class_name="Any", limit=1, where=Inverse("Other", "a", _A)),
        ("find",),
    ),
    "includes": Emulation(
        "members of relations, and several levels, beside what is found",
        "queries of their own",
        Find(class_name="Any", limit=1, include=("a",), members=1),
        ("find",),
    ),
    "outputs": Emulation(
        "values that are computed of one object",
        "computed by the gateway",
        Find(class_name="Any", limit=1, outputs=(Output("a", Column("b")),)),
        ("find",),
    ),
    "bits": Emulation(
        "changes of bits",
        "read and written back: another write may come between",
        Update(changes={"a": BitAnd(1)}, **_KNOWN),
        ("get", "update"),
        by_default=False,
    ),
}

PLAIN: Final[Mapping[str, Operation]] = {
    "all or nothing": Batch(items=(Get(**_KNOWN),), atomic=True),
    "several changes of one field": Update(changes={"a": Several(_TIMES)}, **_KNOWN),
}
"""What else differs, and has no emulation."""


ITSELF: Final[Mapping[str, str]] = {
    "server_time": "by the gateway's own clock",
    "app_info": "from the gateway's own configuration",
}
"""What the gateway answers whatever stands behind it."""


OF_THE_GATEWAY: Final[Mapping[str, Ability]] = {
    **dict.fromkeys(("server_info", "health", "find_apps", "get_app"), Ability(Way.NATIVE, "by the gateway itself")),
    **dict.fromkeys(("create_app", "update_app"), Ability(Way.REFUSED, "applications are the configuration's")),
}
"""What no backend is asked for."""


def abilities(dialect: Dialect, allowed: Iterable[str] = (), refused: Iterable[str] = ()) -> dict[str, Ability]:
    """What a backend of this dialect can do: every operation by its name in mappings, and what some cannot all of."""
    allowed, refused = frozenset(allowed), frozenset(refused)
    found: dict[str, Ability] = {}
    for name in OPERATIONS:
        if name in OF_THE_GATEWAY:
            found[name] = OF_THE_GATEWAY[name]
        elif name in dialect.operations:
            found[name] = Ability(Way.NATIVE)
        else:
            found[name] = Ability(Way.REFUSED, f"{dialect.title} has no words for it")
    for name, emulation in EMULATIONS.items():
        row = emulation.of or emulation.title
        if emulation.of in dialect.operations or (_says(dialect, emulation.sample) and emulation.heeded(dialect)):
            found[row] = Ability(Way.NATIVE)
        elif not dialect.operations.issuperset(emulation.needs) or not (
            emulation.by is None or _says(dialect, emulation.by)
        ):
            found.setdefault(row, Ability(Way.REFUSED, f"{dialect.title} has no words for it"))
        elif name in refused:
            found[row] = Ability(Way.REFUSED, "by the configuration")
        elif emulation.by_default or name in allowed:
            found[row] = Ability(Way.EMULATED, emulation.told)
        else:
            found[row] = Ability(Way.REFUSED, f"unless `emulate` has {name}: {emulation.told}")
    for name, told in ITSELF.items():
        found[name] = Ability(Way.EMULATED, told)
    for title, sample in PLAIN.items():
        said = _says(dialect, sample) or _says(dialect, plain(sample))
        found[title] = Ability(Way.NATIVE) if said else Ability(Way.REFUSED, f"{dialect.title} has no words for it")
    return found


def _says(dialect: Dialect, sample: Operation) -> bool:
    try:
        dialect.write_request(sample, Credentials())
    except GatewayError:
        return False
    return True


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
        now: Callable[[], float] = time.time,
    ) -> None:
        self._backend = backend
        self._limits = backend.remote.dialect.file.limits
        self._title = backend.remote.dialect.title
        self._registry = registry
        self._own_id = backend.remote.dialect.file.own_id
        self._secret = secret
        self._now = now
        by_default = {name for name, emulation in EMULATIONS.items() if emulation.by_default}
        self._does = (by_default | frozenset(allowed)) - frozenset(refused)
        self._words = Words(
            like=_says(backend.remote.dialect, EMULATIONS["like"].sample) or "like" not in self._does,
            least_distance=backend.remote.dialect.heeds_least_distance,
        )
        self._sorts_by_distance = backend.remote.dialect.sorts_by_distance
        self._has_owners = "owner" in backend.remote.dialect.file.fields
        self._including = None if registry is None else Including(self.execute, registry)
        tables = Tables(self.execute, registry, lambda: self._allow("conditions", None), batch=self._limits.batch)
        self._emulate: Mapping[type[Operation], tuple[str, Callable[[Any, Caller], Awaitable[Result]]]] = {
            Delete: ("deletes", self._delete),
            Upsert: ("upsert", self._upsert),
            Scan: ("scan", self._scan),
            ChangePassword: ("password", self._change_password),
            FindRelated: ("related", tables.find_related),
            Relate: ("relate", tables.relate),
            CreateMany: ("create_many", tables.create_many),
            UpdateMany: ("update_many", tables.update_many),
            DeleteMany: ("delete_many", tables.delete_many),
            CheckSession: ("check_session", self._check_session),
            ConvertGuest: ("convert_guest", self._convert_guest),
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
            return await self._batch(op, caller)
        await self._check_order(op)
        if isinstance(op, Find) and op.where == NOTHING and not _of_rows(op):
            return Result(objects=[], total=0 if op.count else None)
        if self._is_unsorted(op):
            self._allow("nearest", None)
            return await self._nearest(op, caller)
        try:
            if isinstance(op, Find) and op.limit > self._limits.page.largest:
                return await self._pages(op, caller)
            return await self._backend.execute(op, caller)
        except UnsaidError as unsaid:
            return await self._otherwise(op, caller, unsaid)

    def _plain(self, op: Operation) -> Operation:
        op = plain(op)
        where: Filter | None = getattr(op, "where", None)
        if where is not None:
            if not self._words.least_distance and "farther" not in self._does and _has_least_distance(where):
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
        if self._sorts_by_distance or not isinstance(op, Find) or op.order or not op.limit or _of_rows(op):
            return False
        return nearest_first(op.where) is not None

    async def _otherwise(self, op: Operation, caller: Caller, unsaid: UnsaidError) -> Result:
        if isinstance(op, Update | Delete) and op.where is not None and len(getattr(op, "ids", "1")) == 1:
            self._allow("conditions", unsaid)
            return await self._on_condition(op, caller)
        if isinstance(op, Update) and any(map(_has_bits, op.changes.values())):
            self._allow("bits", unsaid)
            return await self._change_bits(op, caller)
        if isinstance(op, SignUp):
            return await self._sign_up(op, caller, unsaid)
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
            return await self._inverted(op, caller)
        if isinstance(op, Find | Get) and self._including is not None:
            if op.outputs and not _aggregates(op):
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

    def _allow(self, name: str, unsaid: UnsaidError | None) -> None:
        if name not in self._does:
            emulation = EMULATIONS[name]
            reason = f"{emulation.title} could only be done by other means ({emulation.told})"
            raise GatewayError(Code.UNSUPPORTED, f"{reason}, which is not allowed here") from unsaid

    # --- several at once ---

    async def _batch(self, op: Batch, caller: Caller) -> Result:
        if not _refers(op):
            op = replace(op, names=())  # a name that nobody asks for
        if op.fixed_schema and self._registry is not None:
            op = replace(op, fixed_schema=False)  # `Typed` has made sure of it
        if not op.items:
            return Result(items=[])
        if op.atomic or op.names:
            return await self._transaction(op, caller)
        runs: list[tuple[bool, list[Operation]]] = []
        for item in op.items:
            plainer = self._in_batches(item, caller)
            if plainer is None:
                runs.append((False, [item]))
                continue
            joins = bool(runs) and runs[-1][0] and len(runs[-1][1]) < self._limits.batch
            if joins and _goes_with(runs[-1][1], plainer):
                runs[-1][1].append(plainer)
            else:
                runs.append((True, [plainer]))
        answers: list[Result | GatewayError] = []
        for native, run in runs:
            try:
                answers += await self._run(run, caller, native=native)
            except GatewayError as error:
                if not answers and (native or error.code is Code.INVALID_SESSION):
                    raise  # it is about all of them
                answers += [error] * len(run)
        return Result(items=answers)

    async def _transaction(self, op: Batch, caller: Caller) -> Result:
        """All or nothing. What makes many is as many that make one, where the vendor has no word for it in a batch."""
        whole = replace(op, items=tuple(map(self._plain, op.items)))
        native = self._says(whole, caller)
        parts = [(item,) if native else _singles(item) for item in whole.items]
        items = tuple(part for each in parts for part in each)
        if len(items) > self._limits.batch:
            raise GatewayError(Code.UNSUPPORTED, f"at most {self._limits.batch} operations can be one transaction")
        result = await self._backend.execute(whole if native else replace(whole, items=items), caller)
        if len(items) == len(whole.items):
            return result
        answers = iter(result.items or [])
        result.items = [
            _joined(item, [next(answers) for _ in each]) for item, each in zip(whole.items, parts, strict=True)
        ]
        return result

    def _in_batches(self, item: Operation, caller: Caller) -> Operation | None:
        """The item as it can stand in a batch of the backend's; None where it is to be done by itself."""
        try:
            plainer = self._plain(item)
            if self._is_unsorted(plainer) or (isinstance(plainer, Find) and plainer.where == NOTHING):
                return None
            self._backend.remote.write(Batch(items=(plainer,)), caller)
        except GatewayError:
            return None
        return plainer

    async def _run(self, items: list[Operation], caller: Caller, *, native: bool) -> list[Result | GatewayError]:
        if native:
            return (await self._backend.execute(Batch(items=tuple(items)), caller)).items or []
        return [await self.execute(item, caller) for item in items]

    async def _delete(self, op: Delete, caller: Caller) -> Result:
        """Each that is there; where one cannot be deleted, that is told, though others may be gone."""
        singles = tuple(replace(op, ids=(id_,), missing_ok=False) for id_ in dict.fromkeys(op.ids))
        answers = (await self._batch(Batch(items=singles), caller)).items or []
        errors = [answer for answer in answers if isinstance(answer, GatewayError)]
        missing = {Code.OBJECT_NOT_FOUND, Code.CLASS_NOT_FOUND, Code.CONDITION_FAILED}
        for error in errors:
            if error.code not in missing:
                raise error
        if errors and len(errors) == len(answers) and not op.missing_ok:
            raise errors[0]
        return Result()

    # --- queries ---

    async def _pages(self, op: Find, caller: Caller) -> Result:
        """A page that is larger than the backend's. What is written meanwhile may be there twice, or missed."""
        largest = self._limits.page.largest
        order = op.order
        if not _sorts_by_distance(op.where) or order:
            order = (*(order or (Sort(CREATED_AT),)), BY_ID)
        page = replace(op, order=order, limit=largest)
        result = await self._backend.execute(page, caller)
        found = result.objects or []
        while len(found) < op.limit and len(found) % largest == 0 and found:
            limit = min(largest, op.limit - len(found))
            more = await self._backend.execute(
                replace(page, limit=limit, skip=op.skip + len(found), count=False), caller
            )
            if not more.objects:
                break
            found += more.objects
        result.objects = found
        return result

    async def _nearest(self, op: Find, caller: Caller) -> Result:
        """The vendor tells what is near, and in no order."""
        near = nearest_first(op.where)
        assert near is not None
        field, point = near
        result = await self.execute(
            replace(
                op,
                limit=MOST_SORTED + 1,
                skip=0,
                count=False,
                order=(Sort(CREATED_AT),),
                select=None if op.select is None else tuple(dict.fromkeys((*op.select, field))),
                exclude=tuple(name for name in op.exclude if name != field),
            ),
            caller,
        )
        found = result.objects or []
        if len(found) > MOST_SORTED:
            told = f"more than {MOST_SORTED} objects are near, which this backend cannot sort: set a smaller distance"
            raise GatewayError(Code.UNSUPPORTED, f"{told}, or an order")
        found.sort(key=lambda fields: distance(point, fields.get(field)))
        result.total = len(found) if op.count else None
        result.objects = found[op.skip : op.skip + op.limit]
        if (op.select is not None and field not in op.select) or field in op.exclude:
            for fields in result.objects:
                fields.pop(field, None)
        return result

    async def _inverted(self, op: Find, caller: Caller) -> Result:
        """What stands in a field of some object, by that object."""
        assert op.where is not None
        found = [(each, await self._owned(each, caller)) for each in inversions(op.where)]
        return await self.execute(replace(op, where=without_inversions(op.where, found)), caller)

    async def _owned(self, inverse: Inverse, caller: Caller) -> Filter:
        columns = {} if self._registry is None else await self._registry.learned((inverse.class_name,))
        known = columns.get(inverse.class_name, {}).get(inverse.field)
        if known is None or known.kind not in BETWEEN:
            raise GatewayError(Code.UNSUPPORTED, "of what kind the inverted relation is cannot be told here")
        if known.kind is Kind.RELATION and isinstance(inverse.where, Condition):
            one = inverse.where
            if one.field == ID and one.op is Op.EQ and isinstance(one.value, str):
                return RelatedTo(Pointer(inverse.class_name, one.value), inverse.field)
        owners = await self.execute(
            Find(
                class_name=inverse.class_name,
                limit=MOST_OWNERS + 1,
                where=inverse.where,
                order=(BY_ID,),
                select=(ID, inverse.field) if known.kind is Kind.POINTER else (ID,),
            ),
            caller,
        )
        objects = owners.objects or []
        if len(objects) > MOST_OWNERS:
            raise GatewayError(Code.UNSUPPORTED, f"more than {MOST_OWNERS} objects are meant by an inverted relation")
        if known.kind is Kind.POINTER:
            pointers = (fields.get(inverse.field) for fields in objects)
            ids = dict.fromkeys(pointer.id for pointer in pointers if isinstance(pointer, Pointer))
            return Condition(ID, Op.IN, list(ids))
        return Or(tuple(RelatedTo(Pointer(inverse.class_name, str(each[ID])), inverse.field) for each in objects))

    async def _scan(self, op: Scan, caller: Caller) -> Result:
        if op.key.field not in ALWAYS_THERE:
            raise GatewayError(Code.UNSUPPORTED, "this backend is scanned by the id or the times of objects only")
        now = int(self._now() * 1000)
        where = op.where
        after = Op.LT if op.key.descending else Op.GT
        if op.cursor is not None:
            seen = read_cursor(self._secret, op, op.cursor, now)
            further: Filter = Condition(ID, after, seen.id)
            if op.key.field != ID:
                assert isinstance(seen.key, str)
                last = Date(seen.key)
                same = Condition(op.key.field, Op.EQ, last)
                further = Or((Condition(op.key.field, after, last), And((same, further))))
            where = further if where is None else And((where, further))
        order = (op.key,) if op.key.field == ID else (op.key, Sort(ID, op.key.descending))
        limit = min(op.limit, self._limits.page.largest - 1)
        result = await self.execute(
            Find(
                class_name=op.class_name,
                limit=limit + 1,  # one more tells whether there is another page
                where=where,
                order=order,
                select=op.select,
                exclude=op.exclude,
                with_acl=op.with_acl,
            ),
            caller,
        )
        found = result.objects or []
        cursor = None
        if len(found) > limit:
            found = found[:limit]
            last_one = found[-1]
            key = last_one[op.key.field]
            position = Position(key.iso if isinstance(key, Date) else key, last_one[ID])
            cursor = write_cursor(self._secret, op, position, now)
        return Result(objects=found, cursor=cursor)

    # --- writes ---

    async def _upsert(self, op: Upsert, caller: Caller) -> Result:
        words: dict[str, Any] = {"class_name": op.class_name, "changes": op.changes, "returning": op.returning}
        if op.id is None:
            return await self.execute(Create(**words), caller)
        try:
            return await self._updated(op.id, words, caller)
        except GatewayError as error:
            if error.code not in (Code.OBJECT_NOT_FOUND, Code.CLASS_NOT_FOUND):
                raise
        try:
            return await self.execute(Create(id=op.id, **words), caller)
        except GatewayError as taken:
            if taken.code is not Code.DUPLICATE_VALUE:
                raise
        return await self._updated(op.id, words, caller)  # somebody has made it meanwhile

    async def _updated(self, known: str, words: Mapping[str, Any], caller: Caller) -> Result:
        result = await self.execute(Update(id=known, **words), caller)
        result.created = False
        return result

    async def _on_condition(self, op: Update | Delete, caller: Caller) -> Result:
        known = op.id if isinstance(op, Update) else op.ids[0]
        assert op.where is not None
        where = And((Condition(ID, Op.EQ, known), op.where))
        found = await self.execute(Find(class_name=op.class_name, limit=1, where=where, select=(ID,)), caller)
        if not found.objects:
            if isinstance(op, Update):
                await self.execute(Get(class_name=op.class_name, id=known, select=(ID,)), caller)
            raise GatewayError(Code.CONDITION_FAILED, "the object does not match the condition", id=known)
        return await self.execute(replace(op, where=None), caller)

    async def _change_bits(self, op: Update, caller: Caller) -> Result:
        for field in op.changes:
            if "." in field and _has_bits(op.changes[field]):
                raise GatewayError(Code.UNSUPPORTED, "bits inside an object cannot be changed by this backend")
        seen = (await self.execute(Get(class_name=op.class_name, id=op.id), caller)).object or {}
        computed = {
            field: _with_bits(seen.get(field), change, field)
            for field, change in op.changes.items()
            if _has_bits(change)
        }
        changes = {**op.changes, **{field: Set(value) for field, value in computed.items()}}
        result = await self.execute(replace(op, changes=changes), caller)
        if op.returning is Returning.COMPUTED:
            result.object = {**(result.object or {}), **computed}
        return result

    async def _check_session(self, op: CheckSession, caller: Caller) -> Result:
        try:
            await self._backend.execute(CurrentUser(), replace(caller, master=False, session=op.token))
        except GatewayError as error:
            if error.code not in _NO_SESSION:
                raise
            return Result(value=False)
        return Result(value=True)

    async def _sign_up(self, op: SignUp, caller: Caller, unsaid: UnsaidError) -> Result:
        """By an address that stands for the name, with a session that is opened or ended besides, or both."""
        if op.guest and not self._says(op, caller):
            return await self._guest(op, caller, unsaid)
        named = op
        email = op.changes.get("email")
        if op.named_by_email and "username" not in op.changes and isinstance(email, Set):
            named = replace(op, changes={**op.changes, "username": email})
        for opens in (op.opens_session, not op.opens_session):
            for by_email in (op.named_by_email, not op.named_by_email):
                way = replace(named if not by_email else op, opens_session=opens, named_by_email=by_email)
                has_name = way.named_by_email or "username" in way.changes or not op.named_by_email
                if has_name and self._says(way, caller):
                    return await self._signed_up(op, way, caller, unsaid)
        raise unsaid

    async def _guest(self, op: SignUp, caller: Caller, unsaid: UnsaidError) -> Result:
        """Who comes in by an id that only its own session knows of: an anonymous user (Parse REST guide, the same)."""
        self._allow("guest", unsaid)
        anonymous = {**op.changes, AUTH_DATA: Set({"anonymous": {"id": str(uuid4())}})}
        result = await self.execute(replace(op, guest=False, changes=anonymous), caller)
        if op.with_status:
            result.object = {**(result.object or {}), STATUS: Status.GUEST.value}
        return result

    async def _convert_guest(self, op: ConvertGuest, caller: Caller) -> Result:
        if caller.session is None:
            raise GatewayError(Code.SESSION_MISSING, "this needs the session of the guest", id=op.id)
        found = (await self.execute(Get(class_name=USER, id=op.id), caller)).object or {}
        linked = found.get(AUTH_DATA)  # it is shown to the user alone
        if type(linked) is not dict or "anonymous" not in linked:
            raise GatewayError(Code.USER_NOT_FOUND, "there is no such guest", id=op.id)
        email = op.changes.get("email")
        if "password" not in op.changes:
            raise GatewayError(Code.PASSWORD_MISSING, "password is required")
        if not isinstance(email, Set) or type(email.value) is not str:
            raise GatewayError(Code.USERNAME_MISSING, "bad or missing email")
        changes = {"username": email, **op.changes, AUTH_DATA: Set({"anonymous": None})}
        words: dict[str, Any] = {"returning": op.returning, "nulls": op.nulls}
        result = await self.execute(Update(class_name=USER, id=op.id, changes=changes, **words), caller)
        result.id, result.session = op.id, None
        return result

    def _says(self, op: Operation, caller: Caller) -> bool:
        try:
            self._backend.remote.write(op, caller)
        except GatewayError:
            return False
        return True

    async def _signed_up(self, op: SignUp, way: SignUp, caller: Caller, unsaid: UnsaidError) -> Result:
        if way.opens_session == op.opens_session:
            return await self._backend.execute(way, caller)
        if not op.opens_session:
            self._allow("sign_up", unsaid)
            result = await self._backend.execute(way, caller)
            if result.session is not None:
                with suppress(GatewayError):  # the user is made, whatever becomes of a session that nobody knows
                    await self._backend.execute(LogOut(), replace(caller, session=result.session))
                result.session = None
            return result
        self._allow("sign_up_and_in", unsaid)
        name, password = (getattr(op.changes.get(field), "value", None) for field in ("username", "password"))
        if type(name) is not str or type(password) is not str:
            raise unsaid
        result = await self._backend.execute(way, caller)
        result.session = (await self._backend.execute(LogIn(username=name, password=password), caller)).session
        return result

    async def _change_password(self, op: ChangePassword, caller: Caller) -> Result:
        found = (await self.execute(Get(class_name=USER, id=op.id), caller)).object or {}
        username = found.get("username")
        if type(username) is not str or type(op.old_password) is not str or type(op.new_password) is not str:
            raise GatewayError(Code.BAD_CREDENTIALS, "The username and password mismatch.")
        await self.execute(VerifyPassword(username=username, password=op.old_password), caller)
        changes = {"password": Set(op.new_password)}
        update = Update(class_name=USER, id=op.id, changes=changes, returning=Returning.COMPUTED)
        return await self.execute(update, caller)


_NO_SESSION: Final = frozenset({Code.INVALID_SESSION, Code.OBJECT_NOT_FOUND, Code.USER_NOT_FOUND})


def _refers(op: Batch) -> bool:
    """Whether an item needs what an earlier one answers."""
    return any(
        isinstance(item, Deferred)
        or any(_is_reference(getattr(change, "value", None)) for change in getattr(item, "changes", {}).values())
        or any(isinstance(getattr(item, name, None), ResultOf) for name in ("ids", "id"))
        for item in op.items
    )


def _singles(item: Operation) -> tuple[Operation, ...]:
    if not isinstance(item, CreateMany) or item.upsert or item.class_name == USER:
        return (item,)
    return tuple(
        Create(class_name=item.class_name, changes=one.changes, id=one.id, returning=Returning.NOTHING)
        for one in item.objects
    )


def _joined(item: Operation, answers: list[Result | GatewayError]) -> Result | GatewayError:
    if not isinstance(item, CreateMany):
        return answers[0]
    ids = []
    for answer in answers:
        if isinstance(answer, GatewayError):
            return answer
        ids.append(answer.id or "")
    return Result(ids=ids)


def _is_reference(value: Any) -> bool:
    match value:
        case Reference() | ResultOf():
            return True
        case list():
            return any(map(_is_reference, value))
        case dict():
            return any(map(_is_reference, value.values()))
        case _:
            return False


def _goes_with(run: list[Operation], item: Operation) -> bool:
    """Whether it does not matter which of them comes first: some servers do all of a batch at the same time."""
    if (type(item) in READS) is not (type(run[0]) in READS):
        return False
    touched = _touched(item)
    return not touched or all(touched.isdisjoint(_touched(other)) for other in run)


def _touched(op: Operation) -> frozenset[tuple[str, str]]:
    if type(op) in READS:
        return frozenset()
    class_name, known = getattr(op, "class_name", ""), getattr(op, "id", None)
    ids = getattr(op, "ids", ()) if known is None else (known,)
    return frozenset((class_name, each) for each in ids if isinstance(each, str))


def _sorts_by_distance(where: Filter | None) -> bool:
    match where:
        case Condition(_, Op.NEAR, _):
            return True
        case And(parts) | Or(parts):
            return any(map(_sorts_by_distance, parts))
        case Not(part):
            return _sorts_by_distance(part)
        case _:
            return False


def _of_rows(op: Find) -> bool:
    """Whether the answer has rows, and no objects."""
    return bool(op.group_by or op.distinct) or _aggregates(op)


def _aggregates(op: Find | Get) -> bool:
    return any(isinstance(output.value, Aggregated) for output in op.outputs)


def _has_least_distance(where: Filter) -> bool:
    match where:
        case Condition(_, Op.NEAR, Near(min_distance=nearest)):
            return bool(nearest)
        case And(parts) | Or(parts):
            return any(map(_has_least_distance, parts))
        case Not(part):
            return _has_least_distance(part)
        case _:
            return False


def _has_bits(change: Change) -> bool:
    return isinstance(change, BitAnd | BitOr | BitXor) or (
        isinstance(change, Several) and any(map(_has_bits, change.changes))
    )


def _with_bits(found: Any, change: Change, field: str) -> Any:
    if isinstance(change, Several):
        for part in change.changes:
            found = _with_bits(found, part, field)
        return found
    found = 0 if found is None else found
    if type(found) is float and found.is_integer():
        found = int(found)
    if type(found) is not int:
        raise GatewayError(Code.TYPE_MISMATCH, f"{field} is not a whole number", field=field)
    match change:
        case BitAnd(bits):
            return found & bits
        case BitOr(bits):
            return found | bits
        case BitXor(bits):
            return found ^ bits
        case Increment(by):
            return found + by
        case Set(value):
            return value
        case _:
            raise GatewayError(Code.UNSUPPORTED, f"these changes of {field} cannot be made together by this backend")
