"""Leaderboards on a store of objects: what `model.leaderboard` says, but for the statistics themselves (`standings`).

    @leaderboard          a name -> `own` (another one for each leaderboard that ever had the name), what it is like,
                          its `version`, when that began (`activated`) and ends (`expires`), `changed`; in milliseconds
    @leaderboard_archive  a version that is over: `of` (`own` of the leaderboard), `status`, `key` (of its file)

A version ends by one conditional write, whoever notices first that it is over: a gateway's scheduler, or a request that
comes before it. The same write asks for the file of what it had. So no statistic ever reaches a version that is over:
each is written together with the condition that the version is still the one it was compared with.

Members are shown as `people` shows them to the caller: ACLs, permissions and protected fields are its affair.
"""

from __future__ import annotations

import csv
import io
import math
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.backends.base import Backend
from gateway.backends.files import Files, Wanted
from gateway.backends.ledger import Ledger, ObjectStore, new_id
from gateway.backends.scheduler import Scheduler, Task
from gateway.backends.standings import Standing, Standings
from gateway.errors import Code, GatewayError
from gateway.model import leaderboard as model
from gateway.model.account import USER, CurrentUser
from gateway.model.files import FILE
from gateway.model.leaderboard import ENTITY, ArchiveStatus, Interval, MemberKind, Order, Strategy
from gateway.model.operation import Batch, Caller, Create, Delete, Find, Operation, Result, Returning, Update
from gateway.model.query import And, Condition, Filter, Op, Sort
from gateway.model.update import Change, Increment, Set
from gateway.model.values import ID, Date, Fields, File, Object, Pointer, Value

LEADERBOARD: Final = "@leaderboard"
ARCHIVE: Final = "@leaderboard_archive"

RESET: Final = "leaderboard_reset"
KEEP: Final = "leaderboard_archive"
FORGET: Final = "leaderboard_forget"
"""Kinds of tasks."""

KEPT_AFTER_RESET: Final = 7 * 86_400_000
"""Milliseconds that the version before can be asked for where the calendar ends none: the guide, "features"."""
MOST_MEMBERS: Final = 200
"""Members whose statistics are asked for at once: LeanCloud, leaderboard guide, "REST API"."""
MOST_IN_A_GROUP: Final = 1000
MOST_AT_ONCE: Final = 100
"""Leaderboards that one request names."""
MOST_TRIES: Final = 50
"""How often a statistic is written anew because somebody else was faster."""
LARGEST: Final = 2**53
"""Whole numbers beyond it are kept as every JavaScript client has them."""
LONGEST_ARCHIVE: Final = 2**40
PAGE: Final = 100

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,127}", re.ASCII)
_ENTITY: Final = re.compile(r"[A-Za-z0-9_]{1,128}", re.ASCII)
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)
_ADDRESSES: Final = frozenset({"email", "mobilePhoneNumber"})
"""Fields of users that nobody but the master is shown here: LeanCloud, leaderboard guide, "REST API"."""
_STALE: Final = frozenset({Code.CONDITION_FAILED, Code.OBJECT_NOT_FOUND, Code.CLASS_NOT_FOUND, Code.DUPLICATE_VALUE})
_GATEWAY: Final = Caller(app="", trusted=True)


@dataclass(frozen=True, slots=True)
class LeaderboardRules:
    """What an application says of its leaderboards: LeanCloud's console has the same three."""

    time_zone: str | None = None
    keep_previous: bool = False
    """Whether the version before can still be asked for."""
    master_only: bool = False
    """Whether users may not write even what is their own."""
    archives: int = 60
    """Files of one leaderboard; then the oldest goes. LeanCloud, leaderboard guide, "features"."""


@dataclass(frozen=True, slots=True)
class Board:
    """A leaderboard as it was looked at. Moments are in milliseconds since 1970."""

    name: str
    own: str
    member_type: str
    type_told: bool
    order: str
    strategy: str
    interval: str
    zone: str
    version: int
    activated: int
    expires: int | None
    made: int
    changed: int

    @property
    def kind(self) -> MemberKind:
        return _kind(self.member_type)

    def at(self, version: int) -> str:
        """What statistics call one of its versions."""
        return f"{self.own}.{version}"

    @property
    def now(self) -> str:
        return self.at(self.version)

    def standing(self, member: str, value: float) -> Standing:
        key = -value if self.order == Order.DESCENDING else value
        return Standing(self.now, member, self.member_type, self.name, value, key)

    def after(self, before: Standing | None, member: str, value: float, *, overwrite: bool) -> Standing:
        """What a member has who gets one more."""
        new = self.standing(member, value)
        if before is None or overwrite or self.strategy == Strategy.LAST:
            return new
        if self.strategy == Strategy.SUM:
            return self.standing(member, _number(before.value + value))
        return new if new.key < before.key else before

    def told(self) -> dict[str, Any]:
        return {
            "id": self.own,
            "name": self.name,
            # recorded: who did not say it, is not told it
            "member_type": self.member_type if self.type_told else None,
            "order": self.order,
            "strategy": self.strategy,
            "interval": self.interval,
            "version": self.version,
            "activated": Date.from_ms(self.activated),
            "expires": None if self.expires is None else Date.from_ms(self.expires),
            "created_at": Date.from_ms(self.made),
            "updated_at": Date.from_ms(self.changed),
        }


class Leaderboards:
    """`people` and `files` are set once they are there: who knows users and objects, and where files are kept."""

    def __init__(
        self,
        store: ObjectStore,
        scheduler: Scheduler,
        rules: LeaderboardRules = LeaderboardRules(),
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._ledger = Ledger(store)
        self._standings = Standings(self._ledger)
        self._scheduler = scheduler
        self._rules = rules
        self._now = now
        self.people: Backend | None = None
        self.files: Files | None = None
        scheduler.handle(RESET, self._end)
        scheduler.handle(KEEP, self._keep)
        scheduler.handle(FORGET, self._forget)

    @property
    def operations(self) -> Mapping[type[Operation], Callable[[Any, Caller], Awaitable[Result]]]:
        return {
            model.CreateLeaderboard: self.create,
            model.GetLeaderboard: self.get,
            model.FindLeaderboards: self.find,
            model.UpdateLeaderboard: self.update,
            model.ResetLeaderboard: self.reset,
            model.DeleteLeaderboard: self.delete,
            model.FindArchives: self.archives,
            model.SaveStatistics: self.save,
            model.GetStatistics: self.statistics,
            model.DeleteStatistics: self.remove,
            model.FindStatistics: self.statistics_of,
            model.FindRanks: self.ranks,
        }

    # --- leaderboards ---

    async def create(self, op: model.CreateLeaderboard, _caller: Caller) -> Result:
        member_type = op.member_type or USER
        if not _NAME.fullmatch(op.name):
            raise _bad("the name of a leaderboard has letters, digits and underscores, a letter first, at most 128")
        if member_type not in (USER, ENTITY) and not _NAME.fullmatch(member_type):
            raise _bad(f"members are users, entities or objects of a class, and not {member_type}")
        zone = self._rules.time_zone or op.time_zone
        now = self._ms()
        changes: dict[str, Change] = {
            "own": Set(new_id()),
            "member_type": Set(member_type),
            "type_told": Set(op.member_type is not None),
            "order": Set(_one_of(Order, op.direction)),
            "strategy": Set(_one_of(Strategy, op.strategy)),
            "interval": Set(_one_of(Interval, op.interval)),
            "zone": Set(zone),
            "version": Set(0),
            "activated": Set(now),
            "expires": Set(next_end(op.interval, zone, now)),
            "made": Set(now),
            "changed": Set(now),
        }
        await self._standings.ready()
        try:
            await self._ledger.execute(
                Create(class_name=LEADERBOARD, id=op.name, changes=changes, returning=Returning.NOTHING)
            )
        except GatewayError as error:
            if error.code is not Code.DUPLICATE_VALUE:
                raise
            raise GatewayError(Code.DUPLICATE_VALUE, f"there is a leaderboard {op.name} already") from None
        board = await self._board(op.name)
        await self._expect_end(board)
        return Result(value=board.told())

    async def get(self, op: model.GetLeaderboard, _caller: Caller) -> Result:
        return Result(value=(await self._board(op.name)).told())

    async def find(self, op: model.FindLeaderboards, _caller: Caller) -> Result:
        order = (Sort("made", descending=True), Sort(ID))
        rows = await self._rows(Find(class_name=LEADERBOARD, limit=op.limit, skip=op.skip, order=order))
        return Result(value=[(await self._board(row[ID])).told() for row in rows])

    async def update(self, op: model.UpdateLeaderboard, _caller: Caller) -> Result:
        board = await self._board(op.name)
        now = self._ms()
        changes: dict[str, Change] = {"changed": Set(now)}
        told: dict[str, Any] = {"id": board.own, "updated_at": Date.from_ms(now)}
        if op.strategy is not None:
            changes["strategy"] = Set(_one_of(Strategy, op.strategy))
            told["strategy"] = op.strategy
        if op.interval is not None:
            changes["interval"] = Set(_one_of(Interval, op.interval))
            changes["expires"] = Set(next_end(op.interval, board.zone, now))
            told["interval"] = op.interval
        await self._ledger.execute(
            Update(class_name=LEADERBOARD, id=board.name, changes=changes, returning=Returning.NOTHING)
        )
        await self._expect_end(await self._board(op.name))
        return Result(value=told)

    async def reset(self, op: model.ResetLeaderboard, _caller: Caller) -> Result:
        while not await self._begin_next(board := await self._board(op.name), self._ms()):
            pass  # somebody else has ended that version: ours is the one after it
        told = (await self._board(board.name)).told()
        return Result(value={name: told[name] for name in ("id", "version", "activated", "expires", "updated_at")})

    async def delete(self, op: model.DeleteLeaderboard, _caller: Caller) -> Result:
        board = await self._board(op.name)
        same = Condition("own", Op.EQ, board.own)
        payload = {"own": board.own, "version": board.version}
        items = (
            Delete(class_name=LEADERBOARD, ids=(board.name,), where=same),
            self._scheduler.making(FORGET, self._now(), payload, id_=f"{FORGET}.{board.own}"),
        )
        try:
            await self._together(items)
        except GatewayError as error:
            if error.code in _STALE:
                raise _missing(op.name) from None
            raise
        self._scheduler.wake()
        return Result()

    async def archives(self, op: model.FindArchives, _caller: Caller) -> Result:
        board = await self._board(op.name)
        rows = await self._archives(board.own, limit=op.limit, skip=op.skip)
        return Result(value=[_told_archive(board.name, row) for row in rows])

    # --- statistics ---

    async def save(self, op: model.SaveStatistics, caller: Caller) -> Result:
        member = await self._may_write(op.kind, op.member, caller, overwrite=op.overwrite)
        given = {str(one["name"]): _number(one["value"]) for one in op.statistics}
        if not 0 < len(given) == len(op.statistics) <= MOST_AT_ONCE:
            raise GatewayError(Code.BAD_VALUE, f"expected 1 to {MOST_AT_ONCE} statistics, each of another leaderboard")
        for _ in range(MOST_TRIES):
            boards = await self._boards(given, op.kind)
            known = {one.name: one for one in await self._standings.of([board.now for board in boards], [member])}
            items: list[Operation] = []
            answer = []
            for board in boards:
                before = known.get(board.name)
                after = board.after(before, member, given[board.name], overwrite=op.overwrite)
                if before is None or after.value != before.value:
                    # the version that it was compared with is still the one that it gets into
                    items += [self._unchanged(board), self._standings.writing(after, before)]
                answer.append({"name": board.name, "version": board.version, "value": after.value})
            try:
                await self._together(items)
            except GatewayError as error:
                if error.code not in _STALE:
                    raise
            else:
                return Result(value=answer)
        raise GatewayError(Code.UNAVAILABLE, "this statistic is written too often at the same time")

    async def statistics(self, op: model.GetStatistics, caller: Caller) -> Result:
        member = await self._own(op.member, caller)
        if op.names is not None:
            boards = await self._boards(op.names, None)
            found = await self._standings.of([board.now for board in boards], [member])
        else:
            found = await self._standings.of_member(member)
            names = sorted({one.name for one in found})
            # recorded: the leaderboard that was made last comes first
            boards = sorted(await self._those_of(names), key=lambda board: (-board.made, board.name))
        standing = {one.board: one for one in found if _kind(one.type) == op.kind}
        told = [
            _told(standing[board.now], board.version, _whose(board, member))
            for board in boards
            if board.now in standing
        ]
        return Result(value=told)

    async def remove(self, op: model.DeleteStatistics, caller: Caller) -> Result:
        member = await self._may_write(op.kind, op.member, caller, overwrite=False)
        boards = await self._boards(op.names, op.kind)
        await self._standings.remove([board.now for board in boards], member)
        return Result()

    async def statistics_of(self, op: model.FindStatistics, caller: Caller) -> Result:
        [board] = await self._boards((op.name,), op.kind)
        members = _members(op.members, MOST_MEMBERS)
        found = {one.member: one for one in await self._standings.of([board.now], members)}
        there = [member for member in members if member in found]
        shown = await self._shown(board, there, op.select, op.include, caller)
        return Result(value=[_told(found[member], board.version, shown[member]) for member in there])

    # --- ranks ---

    async def ranks(self, op: model.FindRanks, caller: Caller) -> Result:
        [board] = await self._boards((op.name,), op.kind)
        others = await self._boards(op.statistics, None)
        version = await self._readable(board, op.version, caller)
        around = await self._own(None, caller) if op.own else op.member
        at = board.at(version)
        if op.among is not None:
            group = sorted(
                await self._standings.of([at], _members(op.among, MOST_IN_A_GROUP)), key=lambda one: one.place
            )
            places = {one.member: place for place, one in enumerate(group)}
            start = _start(op, None if around is None else places.get(around))
            page = [] if start is None else group[start : start + op.limit]
            total = len(group)
        else:
            own = None if around is None else next(iter(await self._standings.of([at], [around])), None)
            start = _start(op, None if own is None else await self._standings.rank(own))
            page = [] if start is None else await self._standings.page(at, skip=start, limit=op.limit)
            total = await self._standings.count(at) if op.count else 0
        members = [one.member for one in page]
        shown = await self._shown(board, members, op.select, op.include, caller)
        more = await self._more(others, members)
        told = [
            {
                "name": board.name,
                "value": one.value,
                "rank": rank,
                "statistics": more[one.member] if others else None,
                **shown[one.member],
            }
            for rank, one in enumerate(page, start or 0)
        ]
        return Result(value=told, total=total if op.count else None)

    async def _more(self, boards: Sequence[Board], members: Sequence[str]) -> Mapping[str, list[dict[str, Any]]]:
        """What members have in other leaderboards."""
        found = {(one.board, one.member): one for one in await self._standings.of([b.now for b in boards], members)}
        return {
            member: [
                {"name": board.name, "value": found[board.now, member].value, "version": board.version}
                for board in boards
                if (board.now, member) in found
            ]
            for member in members
        }

    async def _shown(
        self,
        board: Board,
        members: Sequence[str],
        select: tuple[str, ...] | None,
        include: tuple[str, ...],
        caller: Caller,
    ) -> Mapping[str, Mapping[str, Value]]:
        """Each member as the caller may see it: whom it may not see is told as a pointer, which the id is anyway."""
        shown = {member: _whose(board, member) for member in members}
        if board.kind is MemberKind.ENTITY or not members or (select is None and not include):
            return shown
        assert self.people is not None, "it is set before anybody asks"
        # what is to be included is to be shown: C#'s SDK says only that (LCLeaderboard.cs, _GetResults)
        fields = tuple(dict.fromkeys((*(select or ()), *include)))
        if not caller.unrestricted:
            fields = tuple(path for path in fields if _ADDRESSES.isdisjoint(path.split(".")))
            include = tuple(path for path in include if _ADDRESSES.isdisjoint(path.split(".")))
        query = Find(
            class_name=board.member_type,
            where=Condition(ID, Op.IN, list(members)),
            limit=len(members),
            select=fields,
            include=include,
        )
        try:
            found = (await self.people.execute(query, caller)).objects or []
        except GatewayError as error:
            if error.code not in (Code.CLASS_NOT_FOUND, Code.FORBIDDEN, Code.LOGIN_REQUIRED):
                raise
            return shown
        for row in found:
            member = Object(board.member_type, row)
            if not caller.unrestricted:
                _hide_addresses(member)
            shown[row[ID]] = {str(board.kind): member}
        return shown

    async def _readable(self, board: Board, version: int | None, caller: Caller) -> int:
        """The version that is asked for. Raises GatewayError where it is none, or is not kept."""
        if version is None or version == board.version:
            return board.version
        if not 0 <= version < board.version:
            raise GatewayError(Code.NO_ARCHIVE, f"{board.name} had no version {version} yet", name=board.name)
        if self._rules.keep_previous and version == board.version - 1:
            row = await self._ledger.fields(ARCHIVE, board.at(version))
            ended = board.activated if row is None else row["deactivated"]
            if board.interval != Interval.NEVER or self._ms() - ended < KEPT_AFTER_RESET:
                return version
        if caller.unrestricted:
            row = await self._ledger.fields(ARCHIVE, board.at(version))
            if row is not None and row["status"] != ArchiveStatus.COMPLETED:
                return version  # it is nowhere else
        raise GatewayError(Code.LEADERBOARD_CLOSED, f"version {version} of {board.name} is over", name=board.name)

    async def _may_write(self, kind: str, member: str | None, caller: Caller, *, overwrite: bool) -> str:
        """Whose statistics are to be written. LeanCloud: users write their own, and the master all."""
        if not caller.unrestricted:
            if kind != MemberKind.USER or overwrite or self._rules.master_only:
                raise GatewayError(Code.MASTER_REQUIRED, "only the master may write this")
            own = await self._own(None, caller)
            if member not in (None, own):
                raise GatewayError(Code.FORBIDDEN, "users may write their own statistics alone", action="update")
            member = own
        found = await self._own(member, caller)
        fits = _ENTITY if kind == MemberKind.ENTITY else _ID
        if not fits.fullmatch(found):
            raise GatewayError(
                Code.BAD_VALUE, f"{kind} members are known by at most 128 letters, digits and underscores"
            )
        return found

    async def _own(self, member: str | None, caller: Caller) -> str:
        """Who is meant: the user of the session where nobody is named."""
        if member is not None:
            return member
        if caller.user_id is not None:
            return caller.user_id
        if caller.session is None or caller.unrestricted or self.people is None:
            raise GatewayError(Code.SESSION_MISSING, "users write and see what is their own with a session")
        # the users are a server's of others: it knows whose session it is
        user = (await self.people.execute(CurrentUser(), caller)).object or {}
        return str(user[ID])

    # --- versions ---

    async def _board(self, name: str) -> Board:
        """It as it is now: where a version is over, the next one has begun by then."""
        while True:
            row = await self._ledger.fields(LEADERBOARD, name) if _NAME.fullmatch(name) else None
            if row is None:
                raise _missing(name)
            board = _read(row)
            if board.expires is None or board.expires > self._ms():
                return board
            await self._begin_next(board, board.expires)

    async def _boards(self, names: Iterable[str], kind: str | None) -> list[Board]:
        wanted = list(dict.fromkeys(names))
        if len(wanted) > MOST_AT_ONCE:
            raise GatewayError(Code.BAD_REQUEST, f"at most {MOST_AT_ONCE} leaderboards can be named at once")
        boards = [await self._board(name) for name in wanted]
        for board in boards:
            if kind is not None and board.kind != kind:
                raise _bad(f"{board.name} is not of {kind} members")
        return boards

    async def _those_of(self, names: Iterable[str]) -> list[Board]:
        """Those that are still there."""
        found = []
        for name in names:
            try:
                found.append(await self._board(name))
            except GatewayError as error:
                if error.code is not Code.NO_LEADERBOARD:
                    raise
        return found

    async def _begin_next(self, board: Board, at: int) -> bool:
        """Ends the version as it was at a time. False where somebody else has."""
        now = self._ms()
        changes: dict[str, Change] = {
            "version": Increment(1),
            "activated": Set(at),
            "expires": Set(next_end(board.interval, board.zone, now)),
            "changed": Set(now),
        }
        archive: dict[str, Change] = {
            "of": Set(board.own),
            "version": Set(board.version),
            "status": Set(ArchiveStatus.SCHEDULED.value),
            "key": Set(f"{secrets.token_hex(16)}.csv"),  # nobody can guess where it will be
            "activated": Set(board.activated),
            "deactivated": Set(at),
            "made": Set(now),
            "changed": Set(now),
        }
        over = board.now
        items = (
            Update(
                class_name=LEADERBOARD,
                id=board.name,
                changes=changes,
                where=self._is(board),
                returning=Returning.NOTHING,
            ),
            Create(class_name=ARCHIVE, id=over, changes=archive, returning=Returning.NOTHING),
            self._scheduler.making(KEEP, self._now(), {"archive": over}, id_=f"{KEEP}.{over}"),
        )
        try:
            await self._together(items)
        except GatewayError as error:
            if error.code in _STALE:
                return False
            raise
        self._scheduler.wake()
        await self._expect_end(await self._board(board.name))
        return True

    async def _expect_end(self, board: Board) -> None:
        if board.expires is not None:
            # one task for each moment: a leaderboard that was given another one finds nothing to do then
            id_ = f"{RESET}.{board.own}.{board.expires}"
            await self._scheduler.add(RESET, board.expires / 1000, {"name": board.name}, id_=id_)

    async def _end(self, task: Task) -> None:
        await self._those_of([task.payload["name"]])

    async def _keep(self, task: Task) -> None:
        """Writes what a version had into a file, and lets go of what need not be there any more."""
        id_ = str(task.payload["archive"])
        row = await self._ledger.fields(ARCHIVE, id_)
        if row is None:
            return
        if row["status"] != ArchiveStatus.COMPLETED:
            if self.files is None:
                await self._mark(id_, ArchiveStatus.FAILED)  # nothing is lost: the master can still ask for it
                return
            await self._mark(id_, ArchiveStatus.IN_PROGRESS)
            # clients see it nowhere: the address is told to the master alone
            wanted = Wanted(path=row["key"], name=row["key"], mime_type="text/csv", acl={}, overwrite=True)
            await self.files.keep(wanted, _Table(self._standings.all(id_)), longest=LONGEST_ARCHIVE)
            if not await self._mark(id_, ArchiveStatus.COMPLETED):
                await self._drop_file(row["key"])
                return
        own, version = row["of"], row["version"]
        await self._standings.clear(f"{own}.{version - 1}" if self._rules.keep_previous else id_)
        for old in await self._archives(own, limit=PAGE, skip=self._rules.archives):
            await self._drop(old)

    async def _forget(self, task: Task) -> None:
        own = task.payload["own"]
        while rows := await self._archives(own, limit=PAGE):
            for row in rows:
                await self._drop(row)
        await self._standings.clear(f"{own}.{task.payload['version']}")

    async def _drop(self, archive: Fields) -> None:
        await self._drop_file(archive["key"])
        await self._standings.clear(archive[ID])
        await self._ledger.execute(Delete(class_name=ARCHIVE, ids=(archive[ID],), missing_ok=True))
        await self._drop_file(archive["key"])  # it may have been finished meanwhile

    async def _drop_file(self, key: str) -> None:
        for row in await self._rows(Find(class_name=FILE, where=Condition("key", Op.EQ, key), limit=1)):
            try:
                if self.files is not None:
                    await self.files.drop(row, _GATEWAY)
            except GatewayError as error:
                if error.code not in (Code.FILE_NOT_FOUND, Code.OBJECT_NOT_FOUND):
                    raise  # else another gateway was faster

    async def _mark(self, id_: str, status: ArchiveStatus) -> bool:
        changes = {"status": Set(status.value), "changed": Set(self._ms())}
        try:
            await self._ledger.execute(Update(class_name=ARCHIVE, id=id_, changes=changes, returning=Returning.NOTHING))
        except GatewayError as error:
            if error.code is Code.OBJECT_NOT_FOUND:
                return False
            raise
        return True

    async def _archives(self, own: str, *, limit: int, skip: int = 0) -> list[Fields]:
        """The latest first."""
        order = (Sort("version", descending=True),)
        where = Condition("of", Op.EQ, own)
        return await self._rows(Find(class_name=ARCHIVE, where=where, limit=limit, skip=skip, order=order))

    # --- the store ---

    def _is(self, board: Board) -> Filter:
        return And((Condition("own", Op.EQ, board.own), Condition("version", Op.EQ, board.version)))

    def _unchanged(self, board: Board) -> Operation:
        return Update(
            class_name=LEADERBOARD, id=board.name, changes={}, where=self._is(board), returning=Returning.NOTHING
        )

    async def _together(self, items: Sequence[Operation]) -> None:
        if items:
            await self._ledger.execute(Batch(items=tuple(items), atomic=True))

    async def _rows(self, find: Find) -> list[Fields]:
        try:
            return (await self._ledger.execute(find)).objects or []
        except GatewayError as error:
            if error.code is Code.CLASS_NOT_FOUND:
                return []
            raise

    def _ms(self) -> int:
        return int(self._now() * 1000)


class _Table:
    """A version as a file. Which columns LeanCloud's has, no document tells."""

    size: int | None = None
    mime_type: str | None = "text/csv"

    def __init__(self, pages: AsyncIterator[list[Standing]]) -> None:
        self._pages = pages

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"rank,member,value\r\n"
        rank = 0
        async for page in self._pages:
            text = io.StringIO()
            csv.writer(text).writerows((at, one.member, one.value) for at, one in enumerate(page, rank))
            rank += len(page)
            yield text.getvalue().encode()


def next_end(interval: str, zone: str, now: int) -> int | None:
    """When a version ends that begins now: the next midnight of its kind there. In milliseconds since 1970."""
    try:
        where = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise _bad(f"there is no time zone {zone}") from None
    today = datetime.fromtimestamp(now / 1000, where).date()
    match interval:
        case Interval.DAY:
            end = today + timedelta(days=1)
        case Interval.WEEK:
            end = today + timedelta(days=7 - today.weekday())
        case Interval.MONTH:
            end = date(today.year + today.month // 12, today.month % 12 + 1, 1)
        case _:
            return None
    return int(datetime.combine(end, time_of_day(), where).timestamp() * 1000)


def _start(op: model.FindRanks, place: int | None) -> int | None:
    """Where a page begins; None where it is asked for around somebody who is not there."""
    if op.member is None and not op.own:
        return op.skip
    return None if place is None else max(0, place - op.limit // 2) + op.skip


def _read(row: Fields) -> Board:
    return Board(
        name=row[ID],
        own=row["own"],
        member_type=row["member_type"],
        type_told=row["type_told"],
        order=row["order"],
        strategy=row["strategy"],
        interval=row["interval"],
        zone=row["zone"],
        version=row["version"],
        activated=row["activated"],
        expires=row.get("expires"),
        made=row["made"],
        changed=row["changed"],
    )


def _kind(member_type: str) -> MemberKind:
    return {USER: MemberKind.USER, ENTITY: MemberKind.ENTITY}.get(member_type, MemberKind.OBJECT)


def _whose(board: Board, member: str) -> dict[str, Value]:
    own = member if board.kind is MemberKind.ENTITY else Pointer(board.member_type, member)
    return {str(board.kind): own}


def _told(standing: Standing, version: int, whose: Mapping[str, Value]) -> dict[str, Any]:
    return {"name": standing.name, "value": standing.value, "version": version, **whose}


def _told_archive(name: str, row: Fields) -> dict[str, Any]:
    done = row["status"] == ArchiveStatus.COMPLETED
    return {
        "id": row[ID].replace(".", ""),
        "name": name,
        "version": row["version"],
        "status": row["status"],
        "file": File(name=row["key"]) if done else None,
        "activated": Date.from_ms(row["activated"]),
        "deactivated": Date.from_ms(row["deactivated"]),
        "created_at": Date.from_ms(row["made"]),
        "updated_at": Date.from_ms(row["changed"]),
    }


def _members(members: Sequence[str], most: int) -> list[str]:
    if not 0 < len(members) <= most:
        raise GatewayError(Code.BAD_REQUEST, f"expected 1 to {most} members")
    return list(dict.fromkeys(members))


def _hide_addresses(value: Value) -> None:
    """Takes the addresses of users out of what is shown, however deep they are."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case Object(class_name, fields):
                for name in _ADDRESSES & fields.keys() if class_name == USER else ():
                    del fields[name]
                waiting += fields.values()
            case dict() as inner:
                waiting += inner.values()
            case list() as inner:
                waiting += inner
            case _:
                pass


def _number(value: Any) -> int | float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise GatewayError(Code.BAD_VALUE, "a statistic is a number")
    number: int | float = value
    return float(number) if type(number) is int and abs(number) > LARGEST else number


def _one_of(words: type[Order | Strategy | Interval], given: str) -> str:
    if given not in list(words):
        raise _bad(f"expected one of {', '.join(words)}, and not {given!r}")
    return str(given)


def _bad(message: str) -> GatewayError:
    return GatewayError(Code.BAD_LEADERBOARD, message)


def _missing(name: str) -> GatewayError:
    return GatewayError(Code.NO_LEADERBOARD, f"there is no leaderboard {name!r}", name=name)
