"""Leaderboards on a real file: orders and ranks, versions that the calendar ends, the files of those that are over."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.storage_disk import DiskStorage
from gateway.backends.accounts import Accounts, Policy
from gateway.backends.embedded import Embedded
from gateway.backends.file_rules import FileRules
from gateway.backends.files import Files
from gateway.backends.leaderboards import LeaderboardRules, Leaderboards, next_end
from gateway.backends.ledger import Ledger
from gateway.backends.scheduler import Scheduler
from gateway.backends.standings import STATISTIC
from gateway.errors import Code, GatewayError
from gateway.model.account import CurrentUser
from gateway.model.files import FILE, ReadFile
from gateway.model.leaderboard import (
    CreateLeaderboard,
    DeleteLeaderboard,
    DeleteStatistics,
    FindArchives,
    FindLeaderboards,
    FindRanks,
    FindStatistics,
    GetLeaderboard,
    GetStatistics,
    ResetLeaderboard,
    SaveStatistics,
    UpdateLeaderboard,
)
from gateway.model.operation import Caller, Create, Find, Operation, Result
from gateway.model.update import Set
from gateway.model.values import ACL, ID, Date, Object, Pointer

MASTER = Caller(app="blog", master=True)
TOM = Caller(app="blog", user_id="tom")
EVE = Caller(app="blog", user_id="eve")
NOBODY = Caller(app="blog")
GATEWAY = Caller(app="", trusted=True)
WEDNESDAY = datetime(2026, 1, 14, 12, tzinfo=UTC).timestamp()


class Game:
    def __init__(self, store: Embedded, folder: Path, **rules: Any) -> None:
        self.seconds = WEDNESDAY
        self.store = store
        self.scheduler = Scheduler(Ledger(store), app="blog", now=lambda: self.seconds, poll=0.01)
        self.boards = Leaderboards(store, self.scheduler, LeaderboardRules(**rules), now=lambda: self.seconds)
        people = Accounts(store, Policy())
        self.files = Files(people, store, DiskStorage(folder), FileRules())
        self.boards.people, self.boards.files = people, self.files

    async def ask(self, op: Operation, caller: Caller = MASTER) -> Any:
        return (await self.boards.operations[type(op)](op, caller)).value

    async def refusal(self, op: Operation, caller: Caller = MASTER) -> Code:
        with pytest.raises(GatewayError) as error:
            await self.ask(op, caller)
        return error.value.code

    async def make(self, name: str = "world", **of: Any) -> dict[str, Any]:
        made: dict[str, Any] = await self.ask(CreateLeaderboard(name=name, **of))
        return made

    async def score(self, member: str, value: float, name: str = "world", **more: Any) -> float:
        caller = more.pop("caller", MASTER)
        told = await self.ask(
            SaveStatistics(member=member, statistics=({"name": name, "value": value},), **more), caller
        )
        return told[0]["value"]  # type: ignore[no-any-return]

    async def order(self, name: str = "world", **asked: Any) -> list[tuple[int, str, float]]:
        told = await self.ask(FindRanks(name=name, **{"limit": 100, **asked}))
        return [(one["rank"], _id(one), one["value"]) for one in told]

    async def left(self, class_name: str) -> int:
        try:
            return len((await self.store.execute(Find(class_name=class_name, limit=1000), GATEWAY)).objects or [])
        except GatewayError:
            return 0

    async def content(self, archive: dict[str, Any]) -> str:
        found = (await self.files.execute(ReadFile(path=archive["file"].name), NOBODY)).content
        return b"".join([part async for part in found.read()]).decode()


def _id(told: dict[str, Any]) -> str:
    own = told.get("user") or told.get("object") or told["entity"]
    return own if isinstance(own, str) else own.id


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await condition():  # noqa: ASYNC110 - what it waits for knows of no event
            await asyncio.sleep(0.005)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Embedded]:
    opened = await Embedded.open(f"sqlite:///{tmp_path}/game.db", secret=b"x" * 32)
    yield opened
    await opened.close()


@pytest.fixture
async def game(store: Embedded, tmp_path: Path) -> AsyncIterator[Game]:
    game = Game(store, tmp_path / "files")
    yield game
    await game.scheduler.close()


async def test_a_leaderboard_is_what_was_asked_for_and_else_what_the_guide_says(game: Game) -> None:
    made = await game.make()
    assert (made["order"], made["strategy"], made["interval"], made["version"]) == ("descending", "better", "week", 0)
    assert made["member_type"] is None
    assert made["activated"] == Date.from_ms(int(WEDNESDAY * 1000))
    assert made["expires"] == Date("2026-01-19T00:00:00.000Z")
    weapons = await game.make("weapons", member_type="Weapon", direction="ascending", strategy="sum", interval="never")
    assert (weapons["member_type"], weapons["expires"]) == ("Weapon", None)
    assert await game.ask(GetLeaderboard(name="weapons"), NOBODY) == weapons
    assert [one["name"] for one in await game.ask(FindLeaderboards(limit=10))] == ["weapons", "world"]
    assert await game.refusal(CreateLeaderboard(name="world")) is Code.DUPLICATE_VALUE


@pytest.mark.parametrize(
    "bad",
    [
        {"name": ""},
        {"name": "1st"},
        {"name": "a-b"},
        {"name": "w" * 129},
        {"name": "a", "direction": "up"},
        {"name": "a", "strategy": "best"},
        {"name": "a", "interval": "year"},
        {"name": "a", "member_type": "_Session"},
        {"name": "a", "member_type": "@token"},
        {"name": "a", "time_zone": "Nowhere/Land"},
    ],
)
async def test_what_cannot_be_a_leaderboard_is_none(game: Game, bad: dict[str, Any]) -> None:
    assert await game.refusal(CreateLeaderboard(**bad)) is Code.BAD_LEADERBOARD


@pytest.mark.parametrize(
    ("order", "strategy", "given", "stays"),
    [
        ("descending", "better", [3, 5, 4], [3, 5, 5]),
        ("ascending", "better", [3, 5, 2.5], [3, 3, 2.5]),
        ("descending", "last", [3, 5, 4], [3, 5, 4]),
        ("ascending", "sum", [3, -5, 0.5], [3, -2, -1.5]),
    ],
)
async def test_which_statistic_stays(
    game: Game, order: str, strategy: str, given: list[float], stays: list[float]
) -> None:
    await game.make(direction=order, strategy=strategy)
    assert [await game.score("tom", value) for value in given] == stays
    assert await game.score("tom", 1, overwrite=True) == 1
    assert await game.order() == [(0, "tom", 1)]


async def test_ranks_are_those_of_a_sorted_list(game: Game) -> None:
    await game.make("up", direction="ascending", strategy="last")
    await game.make("down", direction="descending", strategy="last")
    dice = random.Random(7)
    values: dict[str, float] = {}
    for _ in range(60):
        member = f"m{dice.randrange(40):02d}"
        values[member] = dice.choice([dice.randrange(-5, 5), dice.random()])
        both = tuple({"name": name, "value": values[member]} for name in ("up", "down"))
        await game.ask(SaveStatistics(member=member, statistics=both))
    for name, sign in (("up", 1), ("down", -1)):
        expected = sorted(values.items(), key=lambda item, sign=sign: (sign * item[1], item[0]))  # type: ignore[misc]
        ranked = [(rank, member, value) for rank, (member, value) in enumerate(expected)]
        assert await game.order(name) == ranked
        assert await game.order(name, skip=7, limit=3) == ranked[7:10]
        for rank, member, _ in ranked:
            start = max(0, rank - 2)
            assert await game.order(name, member=member, limit=5) == ranked[start : start + 5]
        some = [member for member, _ in expected[::3]]
        assert await game.order(name, among=tuple(reversed(some))) == [
            (rank, member, values[member]) for rank, member in enumerate(some)
        ]
        middle = some[3]
        around = await game.order(name, among=tuple(some), member=middle, limit=3)
        assert [member for _, member, _ in around] == some[2:5]
    assert await game.order("up", member="nobody") == []
    counted = await game.boards.ranks(FindRanks(name="up", limit=0, count=True), NOBODY)
    assert (counted.value, counted.total) == ([], len(values))


async def test_many_at_once_lose_nothing(game: Game) -> None:
    await game.make(strategy="sum")
    await asyncio.gather(*(game.score(f"m{at % 3}", 1) for at in range(30)))
    assert sorted(await game.order()) == [(0, "m0", 10), (1, "m1", 10), (2, "m2", 10)]


async def test_several_statistics_are_all_saved_or_none(game: Game) -> None:
    await game.make("a")
    two = ({"name": "a", "value": 1}, {"name": "b", "value": 1})
    assert await game.refusal(SaveStatistics(member="tom", statistics=two)) is Code.NO_LEADERBOARD
    twice = ({"name": "a", "value": 1}, {"name": "a", "value": 2})
    assert await game.refusal(SaveStatistics(member="tom", statistics=twice)) is Code.BAD_VALUE
    assert await game.refusal(SaveStatistics(member="tom", statistics=())) is Code.BAD_VALUE
    for value in ("5", None, True, float("nan"), float("inf")):
        one = ({"name": "a", "value": value},)
        assert await game.refusal(SaveStatistics(member="tom", statistics=one)) is Code.BAD_VALUE
    assert await game.ask(GetStatistics(member="tom")) == []


async def test_who_may_write_what(game: Game) -> None:
    await game.make()
    await game.make("towns", member_type="_Entity")
    assert await game.score("tom", 5, caller=TOM) == 5
    own = SaveStatistics(statistics=({"name": "world", "value": 6},))
    assert (await game.ask(own, TOM))[0]["value"] == 6
    toms: dict[str, Any] = {"member": "tom", "statistics": ({"name": "world", "value": 9},)}
    assert await game.refusal(SaveStatistics(**toms), EVE) is Code.FORBIDDEN
    assert await game.refusal(SaveStatistics(**toms), NOBODY) is Code.SESSION_MISSING
    assert await game.refusal(own, NOBODY) is Code.SESSION_MISSING
    assert await game.refusal(SaveStatistics(**toms, overwrite=True), TOM) is Code.MASTER_REQUIRED
    assert await game.refusal(DeleteStatistics(member="tom", names=("world",)), EVE) is Code.FORBIDDEN
    paris = SaveStatistics(kind="entity", member="paris", statistics=({"name": "towns", "value": 1},))
    assert await game.refusal(paris, TOM) is Code.MASTER_REQUIRED
    await game.ask(paris)
    # a user whose id is that of an entity, or says it is of that kind, gets no further
    as_user = SaveStatistics(member="paris", statistics=({"name": "towns", "value": 2},))
    assert await game.refusal(as_user, Caller(app="blog", user_id="paris")) is Code.BAD_LEADERBOARD
    assert await game.order("towns") == [(0, "paris", 1)]
    await game.ask(DeleteStatistics(names=("world",)), TOM)
    assert await game.order() == []
    await game.ask(DeleteStatistics(names=("world",)), TOM)


class Elsewhere:
    """Users of a server of others, which alone knows whose session it is."""

    async def execute(self, op: Operation, caller: Caller) -> Result:
        assert isinstance(op, CurrentUser)
        if caller.session != "toms":
            raise GatewayError(Code.INVALID_SESSION, "invalid session")
        return Result(object={ID: "tom"})

    async def identify(self, caller: Caller) -> Caller:
        return caller

    async def close(self) -> None:
        pass


async def test_where_another_server_has_the_users_it_says_whose_session_it_is(game: Game) -> None:
    game.boards.people = Elsewhere()
    await game.make()
    toms, forged = Caller(app="blog", session="toms"), Caller(app="blog", session="forged")
    assert await game.score("tom", 5, caller=toms) == 5
    eves = SaveStatistics(member="eve", statistics=({"name": "world", "value": 9},))
    assert await game.refusal(eves, toms) is Code.FORBIDDEN
    assert await game.refusal(eves, forged) is Code.INVALID_SESSION
    assert await game.order() == [(0, "tom", 5)]


async def test_where_only_the_master_writes_users_do_not(store: Embedded, tmp_path: Path) -> None:
    game = Game(store, tmp_path / "files", master_only=True)
    await game.make()
    own = SaveStatistics(statistics=({"name": "world", "value": 6},))
    assert await game.refusal(own, TOM) is Code.MASTER_REQUIRED
    assert await game.score("tom", 6) == 6


async def test_statistics_of_one_and_of_several(game: Game) -> None:
    await game.make("first")
    game.seconds += 1
    await game.make("second")
    await game.make("towns", member_type="_Entity")
    for name, value in (("first", 1), ("second", 2)):
        await game.score("tom", value, name)
    await game.score("eve", 3, "first")
    pointer = Pointer("_User", "tom")
    first, second = (
        {"name": name, "value": value, "version": 0, "user": pointer} for name, value in (("first", 1), ("second", 2))
    )
    assert await game.ask(GetStatistics(member="tom"), NOBODY) == [second, first]
    assert await game.ask(GetStatistics(), TOM) == [second, first]
    assert await game.ask(GetStatistics(member="tom", names=("first",)), NOBODY) == [first]
    assert await game.ask(GetStatistics(kind="entity", member="tom"), NOBODY) == []
    assert await game.refusal(GetStatistics(member="tom", names=("none",)), NOBODY) is Code.NO_LEADERBOARD
    several = FindStatistics(name="first", members=("eve", "nobody", "tom"))
    assert [one["value"] for one in await game.ask(several, NOBODY)] == [3, 1]
    many = tuple(f"m{at}" for at in range(201))
    assert await game.refusal(FindStatistics(name="first", members=many), NOBODY) is Code.BAD_REQUEST
    assert await game.refusal(FindStatistics(name="towns", members=("a",)), NOBODY) is Code.BAD_LEADERBOARD


async def test_members_are_shown_as_the_caller_may_see_them(game: Game) -> None:
    await game.make("weapons", member_type="Weapon", interval="never")
    await game.make("towns", member_type="_Entity")
    for id_, name, acl in (("sword", "Excalibur", {"*": {"read": True}}), ("ring", "hidden", {"tom": {"read": True}})):
        fields = {"name": Set(name), "price": Set(1), ACL: Set(acl)}
        await game.store.execute(Create(class_name="Weapon", id=id_, changes=fields), MASTER)
        await game.score(id_, 5, "weapons", kind="object")
    shown = {}
    for who, caller in (("nobody", NOBODY), ("tom", TOM)):
        told = await game.ask(FindRanks(name="weapons", kind="object", limit=9, select=("name",)), caller)
        shown[who] = [one["object"] for one in told]
    assert shown["nobody"][0] == Pointer("Weapon", "ring")
    assert [one.fields["name"] for one in shown["tom"] if isinstance(one, Object)] == ["hidden", "Excalibur"]
    assert "price" not in shown["tom"][0].fields
    bare = await game.ask(FindRanks(name="weapons", limit=9), NOBODY)
    assert [one["object"] for one in bare] == [Pointer("Weapon", "ring"), Pointer("Weapon", "sword")]
    others = FindRanks(name="weapons", limit=9, statistics=("towns",))
    assert [one["statistics"] for one in await game.ask(others, NOBODY)] == [[], []]
    assert await game.refusal(FindRanks(name="weapons", limit=9, kind="user"), NOBODY) is Code.BAD_LEADERBOARD


@pytest.mark.parametrize(
    ("interval", "zone", "now", "end"),
    [
        ("day", "UTC", "2026-01-14T00:00:00Z", "2026-01-15T00:00:00.000Z"),
        ("day", "Asia/Shanghai", "2026-01-14T16:00:00Z", "2026-01-15T16:00:00.000Z"),
        ("week", "UTC", "2026-01-18T23:59:59Z", "2026-01-19T00:00:00.000Z"),
        ("week", "UTC", "2026-01-19T00:00:00Z", "2026-01-26T00:00:00.000Z"),
        # recorded: made on a Thursday, it ends on the Sunday at midnight in Peking
        ("week", "Asia/Shanghai", "2019-09-19T08:24:59Z", "2019-09-22T16:00:00.000Z"),
        ("month", "UTC", "2026-12-31T00:00:00Z", "2027-01-01T00:00:00.000Z"),
        ("month", "Europe/Berlin", "2026-03-02T00:00:00Z", "2026-03-31T22:00:00.000Z"),
    ],
)
def test_when_a_version_ends(interval: str, zone: str, now: str, end: str) -> None:
    found = next_end(interval, zone, Date.read(now).ms)
    assert found is not None
    assert Date.from_ms(found) == Date(end)


async def test_a_version_that_is_over_is_kept_as_a_file_and_the_next_one_is_empty(game: Game) -> None:
    await game.make(interval="day")
    for member, value in (("tom", 5), ("eve", 7.5)):
        await game.score(member, value)
    game.seconds += 86400
    # nobody has looked yet, and still: what comes after midnight is the next version's
    assert await game.score("tom", 1) == 1
    board = await game.ask(GetLeaderboard(name="world"), NOBODY)
    assert (board["version"], board["activated"].iso, board["expires"].iso) == (
        1,
        "2026-01-15T00:00:00.000Z",
        "2026-01-16T00:00:00.000Z",
    )
    [waiting] = await game.ask(FindArchives(name="world", limit=10))
    assert (waiting["version"], waiting["status"], waiting["file"]) == (0, "scheduled", None)
    game.scheduler.start()

    async def cleared() -> bool:
        return await game.left(STATISTIC) == 1

    await until(cleared)
    [archive] = await game.ask(FindArchives(name="world", limit=10))
    assert (archive["status"], archive["deactivated"]) == ("completed", board["activated"])
    assert await game.content(archive) == "rank,member,value\r\n0,eve,7.5\r\n1,tom,5\r\n"
    assert await game.order() == [(0, "tom", 1)]
    assert await game.refusal(FindRanks(name="world", limit=1, version=0), NOBODY) is Code.LEADERBOARD_CLOSED
    assert await game.refusal(FindRanks(name="world", limit=1, version=2), NOBODY) is Code.NO_ARCHIVE
    # clients see nothing of the file in the class of files
    assert (await game.files.execute(Find(class_name=FILE, limit=10), TOM)).objects == []


async def test_the_scheduler_ends_a_version_by_itself(game: Game) -> None:
    await game.make(interval="day")
    game.scheduler.start()
    game.seconds += 86400

    async def over() -> bool:
        return await game.left("@leaderboard_archive") == 1

    await until(over)


async def test_the_version_before_can_be_asked_for_where_it_is_kept(store: Embedded, tmp_path: Path) -> None:
    game = Game(store, tmp_path / "files", keep_previous=True)
    game.scheduler.start()
    await game.make(interval="never", strategy="last")
    for version in range(3):
        await game.score("tom", version)
        told = await game.ask(ResetLeaderboard(name="world"))
        assert (told["version"], told["expires"]) == (version + 1, None)

    async def kept() -> bool:
        return await game.left(STATISTIC) == 1

    await until(kept)
    assert await game.order(version=2) == [(0, "tom", 2)]
    assert await game.refusal(FindRanks(name="world", limit=1, version=1), NOBODY) is Code.LEADERBOARD_CLOSED
    game.seconds += 7 * 86400
    assert await game.refusal(FindRanks(name="world", limit=1, version=2), NOBODY) is Code.LEADERBOARD_CLOSED
    await game.scheduler.close()


async def test_files_of_versions_are_kept_up_to_a_number_and_go_with_the_leaderboard(
    store: Embedded, tmp_path: Path
) -> None:
    game = Game(store, tmp_path / "files", archives=2)
    game.scheduler.start()
    await game.make(interval="never")
    for _ in range(4):
        await game.score("tom", 1)
        await game.ask(ResetLeaderboard(name="world"))

    async def kept() -> bool:
        archives = await game.ask(FindArchives(name="world", limit=10))
        return [(one["version"], one["status"]) for one in archives] == [(3, "completed"), (2, "completed")]

    await until(kept)
    await game.score("tom", 1)
    await game.ask(DeleteLeaderboard(name="world"))
    assert await game.refusal(GetLeaderboard(name="world")) is Code.NO_LEADERBOARD
    assert await game.refusal(DeleteLeaderboard(name="world")) is Code.NO_LEADERBOARD
    again = await game.make(interval="never")
    assert again["version"] == 0
    assert await game.order() == []

    async def gone() -> bool:
        classes = (FILE, STATISTIC, "@leaderboard_archive", "@file", "@bytes")
        return [await game.left(name) for name in classes] == [0] * len(classes)

    await until(gone)
    await game.scheduler.close()


async def test_what_can_be_changed_of_a_leaderboard(game: Game) -> None:
    made = await game.make(interval="never")
    game.seconds += 5
    told = await game.ask(UpdateLeaderboard(name="world", interval="day"))
    assert told == {"id": made["id"], "interval": "day", "updated_at": Date.from_ms(int(game.seconds * 1000))}
    board = await game.ask(GetLeaderboard(name="world"))
    assert (board["expires"], board["updated_at"]) == (Date("2026-01-15T00:00:00.000Z"), told["updated_at"])
    assert (await game.ask(UpdateLeaderboard(name="world", strategy="sum")))["strategy"] == "sum"
    await game.score("tom", 1)
    assert (await game.ask(GetLeaderboard(name="world")))["updated_at"] == told["updated_at"]
    assert await game.refusal(UpdateLeaderboard(name="world", interval="year")) is Code.BAD_LEADERBOARD
    assert await game.refusal(UpdateLeaderboard(name="none", interval="day")) is Code.NO_LEADERBOARD
