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
from typing import Any, Final

from gateway.backends.columns import Registry
from gateway.backends.completing import Completing
from gateway.backends.plain import known_by, plain
from gateway.backends.remote import READS, UnsaidError
from gateway.backends.tables import Tables
from gateway.dialects.dialect import Dialect
from gateway.errors import Code, GatewayError
from gateway.model.account import USER, ChangePassword, CurrentUser, LogIn, LogOut, SignUp, VerifyPassword
from gateway.model.catalogue import OPERATIONS
from gateway.model.members import CheckSession
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
from gateway.model.query import And, Condition, Filter, Not, Op, Or, Sort
from gateway.model.update import BitAnd, BitOr, BitXor, Change, Changes, Increment, Set, Several
from gateway.model.values import CREATED_AT, ID, UPDATED_AT, Date, Reference, ResultOf
from gateway.store.cursor import Position, read_cursor, write_cursor

ALWAYS_THERE: Final = frozenset({ID, CREATED_AT, UPDATED_AT})


class Way(StrEnum):
    NATIVE = "native"
    EMULATED = "emulated"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Ability:
    way: Way
    told: str = ""
    """How it is emulated, or why it is refused."""


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
    "check_session": Emulation(
        "check_session",
        "by asking whose it is",
        CheckSession(token="a"),  # noqa: S106 - a sample
        ("current_user",),
        of="check_session",
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


def abilities(dialect: Dialect, allowed: Iterable[str] = (), refused: Iterable[str] = ()) -> dict[str, Ability]:
    """What a backend of this dialect can do: every operation by its name in mappings, and what some cannot all of."""
    allowed, refused = frozenset(allowed), frozenset(refused)
    found: dict[str, Ability] = {}
    for name in OPERATIONS:
        if name in dialect.operations:
            found[name] = Ability(Way.NATIVE)
        else:
            found[name] = Ability(Way.REFUSED, f"{dialect.title} has no words for it")
    for name, emulation in EMULATIONS.items():
        row = emulation.of or emulation.title
        if emulation.of in dialect.operations or _says(dialect, emulation.sample):
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
        if isinstance(op, Find) and op.limit > self._limits.page.largest:
            return await self._pages(op, caller)
        try:
            return await self._backend.execute(op, caller)
        except UnsaidError as unsaid:
            return await self._otherwise(op, caller, unsaid)

    def _plain(self, op: Operation) -> Operation:
        op = plain(op)
        return op if self._own_id is None else known_by(op, self._own_id)

    async def _otherwise(self, op: Operation, caller: Caller, unsaid: UnsaidError) -> Result:
        if isinstance(op, Update | Delete) and op.where is not None and len(getattr(op, "ids", "1")) == 1:
            self._allow("conditions", unsaid)
            return await self._on_condition(op, caller)
        if isinstance(op, Update) and any(map(_has_bits, op.changes.values())):
            self._allow("bits", unsaid)
            return await self._change_bits(op, caller)
        if isinstance(op, SignUp):
            return await self._sign_up(op, caller, unsaid)
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
        if op.atomic or op.names:
            if len(op.items) > self._limits.batch:
                raise GatewayError(Code.UNSUPPORTED, f"at most {self._limits.batch} operations can be one transaction")
            return await self._backend.execute(replace(op, items=tuple(map(self._plain, op.items))), caller)
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

    def _in_batches(self, item: Operation, caller: Caller) -> Operation | None:
        """The item as it can stand in a batch of the backend's; None where it is to be done by itself."""
        try:
            plainer = self._plain(item)
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
        named = op
        email = op.changes.get("email")
        if op.named_by_email and "username" not in op.changes and isinstance(email, Set):
            named = replace(op, changes={**op.changes, "username": email})
        for opens in (op.opens_session, not op.opens_session):
            for by_email in (op.named_by_email, not op.named_by_email):
                way = replace(named if not by_email else op, opens_session=opens, named_by_email=by_email)
                if (way.named_by_email or named is not op or not op.named_by_email) and self._says(way, caller):
                    return await self._signed_up(op, way, caller, unsaid)
        raise unsaid

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
