"""Pushes: kept, sent when they are due by whichever gateway is there then, a batch of devices at a time.

How far a push has come is written down after each batch, together with what became of it, so a gateway that takes over
goes on behind the last one. What a gateway was sending when it died is sent again, with the same `push_id`.

    _PushStatus    what the master sees of a push: Parse Server's columns, and `devices`, `numGone`, `prod`, `note`
    @push          a push that is not over: its `plan`, and its place in it: `stage`, `kind`, `cursor`, the last
                   device that was done; `counted` is the last one whose badge was raised
    @push_request  a client's own name for a push -> which it was, and when

A push at everybody's own time has a stage for each difference from UTC that some zone has; every stage goes through the
types of devices one by one, as one type has one sender and one text.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import orjson

from gateway.adapters.base import MOST_TARGETS, Delivery, PushOutcome, PushSender, PushTarget
from gateway.backends.kept_filter import kept, read_kept
from gateway.backends.ledger import Ledger, ObjectStore, new_id
from gateway.backends.scheduler import TASK, Scheduler, Task
from gateway.errors import Code, GatewayError
from gateway.model.operation import (
    Batch,
    Caller,
    Create,
    Delete,
    DeleteMany,
    Find,
    Operation,
    Result,
    Returning,
    Update,
    UpdateMany,
)
from gateway.model.push import (
    AUDIENCE,
    INSTALLATION,
    PUSH_STATUS,
    CancelPush,
    DeletePush,
    FindPushes,
    GetPush,
    LocalTime,
    Push,
    PushRecord,
    PushStatus,
    whom,
)
from gateway.model.query import And, Condition, Filter, Not, Op, Or, Sort
from gateway.model.update import Change, Changes, Increment, Set, Unset
from gateway.model.values import ACL, ID, Date, Fields

log = logging.getLogger(__name__)

PUSH: Final = "@push"
REQUEST: Final = "@push_request"
KIND: Final = "push"
"""Of a task: a push that is due."""

SAME_FOR: Final = 300.0
"""Seconds. LeanCloud, push REST guide, `req_id`: within five minutes it is the same push."""
MOST_TRIES: Final = 8
"""How often a batch is tried that nobody takes; the pauses between add up to some minutes."""
AT_A_TIME: Final = 20
"""Batches until another task may have its turn."""
LARGEST: Final = 64 * 1024
"""Bytes of what devices are told, as JSON: no service takes more than some KiB."""
LONGEST_NOTE: Final = 300
FARTHEST: Final = 10 * 365 * 86400.0

EVERY_TYPE: Final = "*"
INCREMENT: Final = "increment"
BADGED: Final = "ios"
"""Devices of this type show a number of their own, that of their installation."""
KNOWN_TYPES: Final = ("ios", "android")

_PLAIN: Final = frozenset({bool, int, float, str, list, dict})
_OWN: Final = frozenset(
    {"deviceToken", "deviceType", "installationId", "pushType", "appIdentifier", "timeZone", "badge"}
)


@dataclass(frozen=True, slots=True)
class _Stage:
    """When it is sent (milliseconds), and to devices in which zones: None is all."""

    at: int
    zones: Filter | None


@dataclass(frozen=True, slots=True)
class _Plan:
    """A push, as it is kept until it is over. `types` are those of devices, each with its turn; None is all others."""

    where: Filter | None
    data: Mapping[str, Any]
    platforms: Sequence[str]
    types: Sequence[str | None]
    stages: Sequence[_Stage]
    expires_at: int | None
    expires_in: float | None
    production: bool
    without_token: bool

    def data_for(self, kind: str | None) -> Mapping[str, Any]:
        own = None if kind is None or kind not in self.platforms else self.data.get(kind)
        general = {name: value for name, value in self.data.items() if name not in self.platforms}
        return {**general, **own} if isinstance(own, dict) else general

    def expires(self, stage: _Stage) -> int | None:
        if self.expires_in is not None:
            return stage.at + int(self.expires_in * 1000)
        return self.expires_at


@dataclass(slots=True)
class _Place:
    """How far a push has come."""

    stage: int
    kind: int
    cursor: str
    counted: str | None


class Pushes:
    """What each operation answers is said in `model.push`. `senders` is by type of device, `*` for all others."""

    def __init__(
        self,
        store: ObjectStore,
        scheduler: Scheduler,
        senders: Mapping[str, PushSender],
        *,
        app: str,
        now: Callable[[], float] = time.time,
        most: int = MOST_TARGETS,
    ) -> None:
        self._store, self._ledger, self._scheduler = store, Ledger(store), scheduler
        self._senders, self._now, self._most = senders, now, most
        self._owner = Caller(app=app, master=True)
        scheduler.handle(KIND, self.send)

    @property
    def sends(self) -> bool:
        """Whether anybody delivers to devices."""
        return bool(self._senders)

    @property
    def operations(self) -> Mapping[type[Operation], Callable[[Any, Caller], Awaitable[Result]]]:
        return {
            Push: self.push,
            GetPush: self.get,
            FindPushes: self.find,
            CancelPush: self.cancel,
            DeletePush: self.delete,
        }

    # --- what clients ask for ---

    async def push(self, op: Push, _caller: Caller) -> Result:
        where = whom(op)
        if not self._senders:
            raise GatewayError(Code.NO_PUSH_SENDER, "the application has nobody who delivers to devices")
        _check(op)
        if op.request_id is not None and (before := await self._same(op.request_id)) is not None:
            return before
        now = self._now()
        plan = {
            "where": kept(where),
            "data": dict(op.data),
            "platforms": list(op.platforms),
            "types": self._types(op),
            "at": _moment(op.push_time, now),
            "expires_at": None if op.expires_at is None else op.expires_at.ms,
            "expires_in": op.expires_in,
            "production": op.production,
            "without_token": op.without_token,
        }
        first = _stages(plan["at"])[0].at / 1000
        push_id = new_id()
        items: list[Operation] = [
            self._record(op, push_id, later=first > now),
            Create(
                class_name=PUSH,
                id=push_id,
                changes={"plan": Set(orjson.dumps(plan).decode()), **_at(_Place(0, 0, "", None))},
                returning=Returning.NOTHING,
            ),
            self._scheduler.making(KIND, first, {"push": push_id}, id_=push_id),
        ]
        made = (await self._together(items))[0]
        if op.request_id is not None:
            await self._name(op.request_id, push_id, made.created_at)
        if op.audience_id is not None:
            await self._used(op.audience_id)
        self._scheduler.wake()
        return Result(id=push_id, created_at=made.created_at)

    async def get(self, op: GetPush, _caller: Caller) -> Result:
        row = await self._ledger.fields(PUSH_STATUS, op.id)
        if row is None:
            raise _missing(op.id)
        return Result(push=_told(row).parts())

    async def find(self, op: FindPushes, _caller: Caller) -> Result:
        scheduled = Condition("status", Op.EQ, PushStatus.SCHEDULED.value)
        order = Sort("pushTime") if op.scheduled else Sort("@created_at", descending=True)
        page = Find(
            class_name=PUSH_STATUS,
            limit=op.limit,
            skip=op.skip,
            where=scheduled if op.scheduled else None,
            order=(order, Sort(ID)),
            count=op.count,
        )
        try:
            found = await self._ledger.execute(page)
        except GatewayError as error:
            if error.code is not Code.CLASS_NOT_FOUND:
                raise
            return Result(pushes=[], total=0 if op.count else None)
        return Result(pushes=[_told(row).parts() for row in found.objects or []], total=found.total)

    async def cancel(self, op: CancelPush, _caller: Caller) -> Result:
        await self._forget(op.id, Condition("status", Op.EQ, PushStatus.SCHEDULED.value))
        return Result()

    async def delete(self, op: DeletePush, _caller: Caller) -> Result:
        await self._forget(op.id, None)
        return Result()

    async def _forget(self, push_id: str, where: Filter | None) -> None:
        items = [
            Delete(class_name=PUSH_STATUS, ids=(push_id,), where=where),
            Delete(class_name=PUSH, ids=(push_id,), missing_ok=True),
            Delete(class_name=TASK, ids=(push_id,), missing_ok=True),
        ]
        try:
            await self._together(items)
        except GatewayError as error:
            if error.code in (Code.OBJECT_NOT_FOUND, Code.CLASS_NOT_FOUND, Code.CONDITION_FAILED):
                raise _missing(push_id) from None
            raise

    async def _same(self, name: str) -> Result | None:
        """The push that a client has called so a short while ago."""
        row = await self._ledger.fields(REQUEST, _request(name))
        if row is None or row["at"] + SAME_FOR * 1000 <= self._now() * 1000:
            return None
        return Result(id=row["push"], created_at=row["made"])

    async def _name(self, name: str, push_id: str, made: Date | None) -> None:
        changes: Changes = {"push": Set(push_id), "at": Set(int(self._now() * 1000)), "made": Set(made)}
        known = _request(name)
        try:
            await self._ledger.execute(
                Create(class_name=REQUEST, id=known, changes=changes, returning=Returning.NOTHING)
            )
        except GatewayError as error:
            if error.code is not Code.DUPLICATE_VALUE:
                raise
            await self._ledger.execute(Update(class_name=REQUEST, id=known, changes=changes))
        past = Condition("at", Op.LT, int((self._now() - SAME_FOR) * 1000))
        await self._ledger.execute(DeleteMany(class_name=REQUEST, where=past))

    async def _used(self, audience_id: str) -> None:
        """Parse Server counts the pushes to an audience."""
        used: Changes = {"timesUsed": Increment(1), "lastUsed": Set(Date.from_ms(int(self._now() * 1000)))}
        try:
            await self._ledger.execute(Update(class_name=AUDIENCE, id=audience_id, changes=used))
        except GatewayError as error:
            if error.code not in (Code.OBJECT_NOT_FOUND, Code.CLASS_NOT_FOUND):
                raise

    def _types(self, op: Push) -> list[str | None]:
        named = {*self._senders, *KNOWN_TYPES, *(name for name in op.platforms if name in op.data)}
        return [*sorted(named - {EVERY_TYPE}), None]

    def _record(self, op: Push, push_id: str, *, later: bool) -> Create:
        """Parse Server, StatusHandler: its columns, and what these are as text."""
        at = op.push_time
        alert = op.data.get("alert")
        told = alert if isinstance(alert, str) else "" if alert is None else _json(alert)
        asked = op.where_json if op.channels is None else {"channels": {"$in": list(op.channels)}}
        if op.channels is not None and op.where_json is not None:
            asked = {**op.where_json, "channels": {"$in": list(op.channels)}}
        changes: dict[str, Change] = {
            "pushTime": Set(at.iso if at is not None else Date.from_ms(int(self._now() * 1000)).iso),
            "source": Set(op.source),
            "query": Set(_json({} if asked is None else asked)),
            "payload": Set(_json(op.data)),
            "status": Set((PushStatus.SCHEDULED if later else PushStatus.PENDING).value),
            "numSent": Set(0),
            "pushHash": Set(hashlib.md5(told.encode(), usedforsecurity=False).hexdigest()),
            ACL: Set({}),
        }
        more: Mapping[str, Any] = {
            "title": op.called,
            "expiry": None if op.expires_at is None else op.expires_at.ms,
            "expiration_interval": op.expires_in,
            "prod": None if op.production else False,
        }
        changes |= {name: Set(value) for name, value in more.items() if value is not None}
        return Create(class_name=PUSH_STATUS, id=push_id, changes=changes, returning=Returning.NOTHING)

    # --- sending ---

    async def send(self, task: Task) -> float | None:
        """A push that is due, from where it has come to. It may have been deleted."""
        push_id = str(task.payload["push"])
        row = await self._ledger.fields(PUSH, push_id)
        if row is None or await self._ledger.fields(PUSH_STATUS, push_id) is None:
            return await self._lost(push_id)
        plan, place = _plan(orjson.loads(row["plan"])), _place(row)
        for _ in range(AT_A_TIME):
            if self._scheduler.leaving:
                break
            if place.stage >= len(plan.stages):
                await self._over(push_id, PushStatus.SUCCEEDED)
                return None
            stage = plan.stages[place.stage]
            if stage.at > self._now() * 1000:
                return stage.at / 1000
            expires = plan.expires(stage)
            if expires is not None and expires <= self._now() * 1000:
                note = "it had expired before all of it was sent"
                after: _Place | None = await self._step(
                    push_id, place, _Place(place.stage + 1, 0, "", None), {"note": Set(note)}
                )
            else:
                try:
                    after = await self._batch(push_id, plan, place)
                except GatewayError as error:
                    if error.code not in (Code.UNAVAILABLE, Code.TIMEOUT) or task.tries + 1 < MOST_TRIES:
                        raise
                    log.warning("a push was given up push=%s reason=%s", push_id, error.code)
                    await self._over(push_id, PushStatus.FAILED, error.message)
                    return None
            if after is None:
                return await self._lost(push_id)
            place = after
        return self._now()

    async def _lost(self, push_id: str) -> float | None:
        """When to look again for a push that was not as it was seen: another gateway is at it, or it is no more."""
        if await self._ledger.fields(PUSH, push_id) is None:
            return None
        if await self._ledger.fields(PUSH_STATUS, push_id) is not None:
            return self._now() + 1.0
        await self._ledger.execute(Delete(class_name=PUSH, ids=(push_id,), missing_ok=True))
        return None

    async def _batch(self, push_id: str, plan: _Plan, place: _Place) -> _Place | None:
        """The next devices of one type. Answers the place behind them, or None as `_step` does."""
        stage, kind = plan.stages[place.stage], plan.types[place.kind]
        data = dict(plan.data_for(kind))
        badge = data.get("badge")
        rows = await self._devices(plan, place)
        behind = _Place(place.stage, place.kind, rows[-1][ID] if rows else "", None)
        if place.counted is not None:
            behind = replace(behind, cursor=place.counted)
        elif len(rows) < self._most:
            last = place.kind + 1 >= len(plan.types)
            behind = _Place(place.stage + last, 0 if last else place.kind + 1, "", None)
        if not rows:
            return await self._step(push_id, place, behind, {})
        if _raises(badge) and kind == BADGED and place.counted is None:
            marked = replace(place, counted=rows[-1][ID])
            if await self._step(push_id, place, marked, {}, [_badges(rows, Increment(1))]) is None:
                return None
            return marked  # the same devices again, with the numbers that they have now
        sender = self._senders.get(kind or EVERY_TYPE) or self._senders.get(EVERY_TYPE)
        if sender is None:
            outcomes: Sequence[PushOutcome] = [
                PushOutcome(Delivery.FAILED, f"nobody sends to {kind or 'others'}")
            ] * len(rows)
        else:
            data.pop("badge", None)
            expires = plan.expires(stage)
            outcomes = await sender.send(
                [_target(row, badge) for row in rows],
                data,
                push_id=push_id,
                expires_at=None if expires is None else Date.from_ms(expires),
                production=plan.production,
            )
        more: list[Operation] = []
        if kind == BADGED and type(badge) in (int, float):
            more.append(_badges(rows, Set(badge)))
        return await self._step(
            push_id, place, behind, _counts(rows, outcomes), [*more, *_without_tokens(rows, outcomes)]
        )

    async def _devices(self, plan: _Plan, place: _Place) -> list[Fields]:
        """The next of them, by their ids: a device that comes while a push is under way may or may not get it."""
        kind = plan.types[place.kind]
        named = [name for name in plan.types if name is not None]
        token: Filter = Condition("deviceToken", Op.EXISTS, True)
        if plan.without_token:
            token = Or((token, Condition("installationId", Op.EXISTS, True)))
        zones = plan.stages[place.stage].zones
        parts: list[Filter] = [
            token,
            Condition("valid", Op.NE, False),
            Condition("deviceType", Op.EQ, kind) if kind is not None else Condition("deviceType", Op.NOT_IN, named),
            Condition(ID, Op.GT, place.cursor),
        ]
        parts += [part for part in (plan.where, zones) if part is not None]
        if place.counted is not None:
            parts.append(Condition(ID, Op.LE, place.counted))
        page = Find(class_name=INSTALLATION, limit=self._most, where=And(tuple(parts)), order=(Sort(ID),))
        try:
            found = await self._store.execute(page, self._owner)
        except GatewayError as error:
            if error.code is Code.CLASS_NOT_FOUND:
                return []
            raise
        return found.objects or []

    async def _step(
        self, push_id: str, before: _Place, after: _Place, told: Changes, more: Sequence[Operation] = ()
    ) -> _Place | None:
        """Writes down how far it has come, with all that belongs to it. None where it is not as it was seen.

        So it is where another gateway has gone on with it meanwhile: one that was thought to be dead, say.
        """
        still = And(
            (
                Condition("stage", Op.EQ, before.stage),
                Condition("kind", Op.EQ, before.kind),
                Condition("cursor", Op.EQ, before.cursor),
                Condition("counted", Op.EQ, before.counted),
            )
        )
        items: list[Operation] = [
            Update(class_name=PUSH, id=push_id, changes=_at(after), where=still, returning=Returning.NOTHING),
            Update(
                class_name=PUSH_STATUS,
                id=push_id,
                changes={"status": Set(PushStatus.RUNNING.value), **told},
                returning=Returning.NOTHING,
            ),
            *more,
        ]
        try:
            await self._together(items)
        except GatewayError as error:
            gone = error.code in (Code.OBJECT_NOT_FOUND, Code.CLASS_NOT_FOUND, Code.CONDITION_FAILED)
            if gone and error.details.get("class_name") in (PUSH, PUSH_STATUS):
                return None
            raise
        return after

    async def _over(self, push_id: str, status: PushStatus, note: str | None = None) -> None:
        changes: dict[str, Change] = {"status": Set(status.value)}
        if note is not None:
            changes["note"] = Set(note[:LONGEST_NOTE])
        items = [
            Delete(class_name=PUSH, ids=(push_id,), missing_ok=True),
            Update(class_name=PUSH_STATUS, id=push_id, changes=changes, returning=Returning.NOTHING),
        ]
        try:
            await self._together(items)
        except GatewayError as error:
            if error.code not in (Code.OBJECT_NOT_FOUND, Code.CLASS_NOT_FOUND):
                raise

    async def _together(self, items: Sequence[Operation]) -> list[Result]:
        result = await self._ledger.execute(Batch(items=tuple(items), atomic=True))
        return [item for item in result.items or [] if isinstance(item, Result)]


# --- what a push says ---


def _check(op: Push) -> None:
    if op.expires_at is not None and op.expires_in is not None:
        raise GatewayError(Code.BAD_PUSH, "Both expiration_time and expiration_interval cannot be set")
    if op.expires_in is not None and not 0 < op.expires_in <= FARTHEST:
        raise GatewayError(Code.BAD_PUSH, f"{op.expires_in} is not a valid interval; it is a number of seconds")
    for of in (op.data, *(op.data.get(name) for name in op.platforms)):
        badge = of.get("badge") if isinstance(of, Mapping) else None
        if badge is not None and type(badge) not in (int, float) and not _raises(badge):
            raise GatewayError(Code.BAD_PUSH, "Invalid value for badge, expected number or 'Increment'")
    if len(_json(op.data)) > LARGEST:
        raise GatewayError(Code.BAD_PUSH, f"what devices are told has at most {LARGEST} bytes")


def _raises(badge: Any) -> bool:
    return isinstance(badge, str) and badge.lower() == INCREMENT


def _moment(at: Date | LocalTime | None, now: float) -> int | str:
    """When a push is sent: milliseconds, or a time without a zone."""
    match at:
        case None:
            return int(now * 1000)
        case Date():
            return at.ms
        case LocalTime(iso):
            return iso


@functools.lru_cache(maxsize=64)
def _stages(at: int | str) -> tuple[_Stage, ...]:
    """One for a moment; for a time without a zone one for each moment that it is somewhere, the first in the east.

    A device that does not say where it is, or not in the words of the IANA's database, has UTC.
    """
    if isinstance(at, int):
        return (_Stage(at, None),)
    local = datetime.fromisoformat(at)
    moments: dict[int, list[str]] = {}
    for name in sorted(available_timezones()):
        try:
            moment = local.replace(tzinfo=ZoneInfo(name)).astimezone(UTC)
        except (ZoneInfoNotFoundError, OverflowError, ValueError, OSError):
            continue
        moments.setdefault(int(moment.timestamp() * 1000), []).append(name)
    known = sorted(name for names in moments.values() for name in names)
    here = int(local.replace(tzinfo=UTC).timestamp() * 1000)
    elsewhere = Not(Condition("timeZone", Op.IN, known))
    stages = [
        _Stage(moment, Condition("timeZone", Op.IN, names)) for moment, names in moments.items() if moment != here
    ]
    stages.append(_Stage(here, Or((Condition("timeZone", Op.IN, moments.get(here, [])), elsewhere))))
    return tuple(sorted(stages, key=lambda stage: stage.at))


def _plan(wire: Mapping[str, Any]) -> _Plan:
    return _Plan(
        where=read_kept(wire["where"]),
        data=wire["data"],
        platforms=wire["platforms"],
        types=wire["types"],
        stages=_stages(wire["at"]),
        expires_at=wire["expires_at"],
        expires_in=wire["expires_in"],
        production=wire["production"],
        without_token=wire["without_token"],
    )


def _at(place: _Place) -> dict[str, Change]:
    counted: Change = Unset() if place.counted is None else Set(place.counted)
    return {
        "stage": Set(place.stage),
        "kind": Set(place.kind),
        "cursor": Set(place.cursor),
        "counted": counted,
    }


def _place(row: Fields) -> _Place:
    return _Place(row["stage"], row["kind"], row["cursor"], row.get("counted"))


# --- what becomes of it ---


def _target(row: Fields, badge: Any) -> PushTarget:
    number = row.get("badge") if _raises(badge) else badge
    return PushTarget(
        id=row[ID],
        token=row.get("deviceToken"),
        device_type=row.get("deviceType") or "",
        installation_id=row.get("installationId"),
        push_type=row.get("pushType"),
        app_identifier=row.get("appIdentifier"),
        time_zone=row.get("timeZone"),
        badge=int(number) if isinstance(number, int | float) else None,
        extras={
            name: value
            for name, value in row.items()
            if name not in _OWN and not name.startswith("@") and type(value) in _PLAIN and _is_json(value)
        },
    )


def _is_json(value: Any) -> bool:
    """Whether there is nothing in it that has a type of its own."""
    match value:
        case list():
            return all(map(_is_json, value))
        case dict():
            return all(map(_is_json, value.values()))
        case _:
            return value is None or type(value) in _PLAIN


def _counts(rows: Sequence[Fields], outcomes: Sequence[PushOutcome]) -> dict[str, Change]:
    counted: dict[str, int] = {"devices": len(rows)}
    note = None
    for row, outcome in zip(rows, _each(rows, outcomes), strict=True):
        kind = str(row.get("deviceType") or "other")
        kind = kind if kind.isascii() and kind.isidentifier() else "other"
        sent = outcome.delivery is Delivery.SENT
        names = ["numSent", f"sentPerType.{kind}"] if sent else ["numFailed", f"failedPerType.{kind}"]
        names += ["numGone"] if outcome.delivery is Delivery.GONE else []
        for name in names:
            counted[name] = counted.get(name, 0) + 1
        note = note or (outcome.reason[:LONGEST_NOTE] if not sent else None)
    changes: dict[str, Change] = {name: Increment(number) for name, number in counted.items()}
    return changes if note is None else {**changes, "note": Set(note)}


def _each(rows: Sequence[Fields], outcomes: Sequence[PushOutcome]) -> Sequence[PushOutcome]:
    """One for each device, whatever a sender has answered."""
    missing = [PushOutcome(Delivery.FAILED, "nothing is known of it")] * max(0, len(rows) - len(outcomes))
    return [*outcomes[: len(rows)], *missing]


def _badges(rows: Sequence[Fields], change: Change) -> Operation:
    return UpdateMany(
        class_name=INSTALLATION, changes={"badge": change}, where=Condition(ID, Op.IN, [row[ID] for row in rows])
    )


def _without_tokens(rows: Sequence[Fields], outcomes: Sequence[PushOutcome]) -> list[Operation]:
    """Takes dead tokens from their installations, unless these have others by now."""
    dead = [
        row
        for row, outcome in zip(rows, _each(rows, outcomes), strict=True)
        if outcome.delivery is Delivery.GONE and row.get("deviceToken") is not None
    ]
    if not dead:
        return []
    still = And(
        (
            Condition(ID, Op.IN, [row[ID] for row in dead]),
            Condition("deviceToken", Op.IN, [row["deviceToken"] for row in dead]),
        )
    )
    return [UpdateMany(class_name=INSTALLATION, changes={"deviceToken": Unset()}, where=still)]


def _told(row: Fields) -> PushRecord:
    at = row["pushTime"]
    expiry = row.get("expiry")
    return PushRecord(
        id=row[ID],
        created_at=row["@created_at"],
        updated_at=row["@updated_at"],
        status=PushStatus(row["status"]),
        push_time=Date(at) if at.endswith("Z") else LocalTime(at),
        data=orjson.loads(row["payload"]),
        where_json=orjson.loads(row["query"]),
        targets=row.get("devices", 0),
        sent=row.get("numSent", 0),
        failed=row.get("numFailed", 0),
        gone=row.get("numGone", 0),
        sent_per_type=row.get("sentPerType", {}),
        failed_per_type=row.get("failedPerType", {}),
        production=row.get("prod", True),
        expires_at=None if expiry is None else Date.from_ms(int(expiry)),
        error=row.get("note"),
    )


def _missing(push_id: str) -> GatewayError:
    return GatewayError(Code.OBJECT_NOT_FOUND, "there is no such push", class_name=PUSH_STATUS, id=push_id)


def _request(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
