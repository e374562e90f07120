"""Leaderboards: members in the order of a number that each has, its statistic.

A member is a user, an object of a class, or an entity, which is a name and nothing more. A leaderboard has versions:
each begins empty and ends when the leaderboard is reset, by somebody or by the calendar; what it had is then kept as a
file. Sources: LeanCloud, guide to leaderboards, "features" and "REST API", and the calls of its SDKs.

What is told is `Result.value`, by parts:

    a leaderboard   `id`, `name`, `member_type`, `order`, `strategy`, `interval`, `version`, `activated`, `expires`
                    (None: never), `created_at`, `updated_at`; of a change only `id`, `updated_at` and what it concerns
    an archive      `id`, `name`, `version`, `status`, `file` (a `File`), `activated`, `deactivated`, `created_at`,
                    `updated_at`
    a statistic     `name`, `value`, `version`, and whose: `user`, `object` or `entity`
    a ranking       the same and `rank`, from 0; `statistics`, where others were asked for
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from gateway.model.operation import Operation

ENTITY: Final = "_Entity"
"""The member type of leaderboards whose members are names."""


class Order(StrEnum):
    ASCENDING = "ascending"
    DESCENDING = "descending"


class Strategy(StrEnum):
    """Which statistic stays where a member has one already."""

    BETTER = "better"
    LAST = "last"
    SUM = "sum"


class Interval(StrEnum):
    """When a version ends: each midnight, that before Monday, that before the 1st, or not by itself."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    NEVER = "never"


class MemberKind(StrEnum):
    USER = "user"
    OBJECT = "object"
    ENTITY = "entity"


class ArchiveStatus(StrEnum):
    SCHEDULED = "scheduled"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateLeaderboard(Operation):
    """Makes a leaderboard. DUPLICATE_VALUE where the name is taken.

    `member_type` is a class, or `ENTITY`; None is users. `time_zone` is where it is midnight when a version ends, if
    the application does not say where.
    """

    name: str
    member_type: str | None = None
    direction: str = Order.DESCENDING
    strategy: str = Strategy.BETTER
    interval: str = Interval.WEEK
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class GetLeaderboard(Operation):
    """One leaderboard. NO_LEADERBOARD where there is none of that name, here and elsewhere."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FindLeaderboards(Operation):
    """All leaderboards, the newest first."""

    limit: int
    skip: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateLeaderboard(Operation):
    """Changes what can be changed of a leaderboard. Another interval counts from now on."""

    name: str
    strategy: str | None = None
    interval: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetLeaderboard(Operation):
    """Ends the version, whatever the calendar says, and begins the next one."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteLeaderboard(Operation):
    """Deletes a leaderboard with all that it has, files of past versions included."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FindArchives(Operation):
    """What is kept of past versions, the latest first."""

    name: str
    limit: int
    skip: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveStatistics(Operation):
    """Gives a member statistics (each a `name` and a `value`), all or none. Answers those that it has then.

    Without a `member` it is the user whose session it is. Users may write what is their own, and the master everything;
    with `overwrite`, which is the master's, the last statistic stays whatever the strategy is.
    """

    kind: str = MemberKind.USER
    member: str | None = None
    statistics: tuple[Mapping[str, Any], ...]
    overwrite: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GetStatistics(Operation):
    """What a member has in these leaderboards, or in all."""

    kind: str = MemberKind.USER
    member: str | None = None
    names: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteStatistics(Operation):
    """Takes a member out of the present versions of these leaderboards; it need not be in them."""

    kind: str = MemberKind.USER
    member: str | None = None
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FindStatistics(Operation):
    """What these members have in one leaderboard, in their order; who has nothing is left out.

    `select` and `include` are as in `FindRanks`.
    """

    kind: str = MemberKind.USER
    name: str
    members: tuple[str, ...]
    select: tuple[str, ...] | None = None
    include: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FindRanks(Operation):
    """A page of a leaderboard; with `member`, or the user's `own`, one with it in the middle.

    `among` are members who are ranked as if there were no others. `select` are fields of users and objects to be shown,
    of which a caller sees what it may see of them anywhere; `include` are pointers among them. `statistics` are other
    leaderboards, in which members may have some as well. With `count` it is told how many members there are (`total`).
    A `version` that is over is to be had for as long as it is kept, else it is LEADERBOARD_CLOSED.
    """

    name: str
    kind: str | None = None
    limit: int
    skip: int = 0
    member: str | None = None
    own: bool = False
    among: tuple[str, ...] | None = None
    count: bool = False
    select: tuple[str, ...] | None = None
    include: tuple[str, ...] = ()
    statistics: tuple[str, ...] = ()
    version: int | None = None


LEADERBOARD_OPERATIONS: Final[Mapping[str, type[Operation]]] = {
    "create_leaderboard": CreateLeaderboard,
    "get_leaderboard": GetLeaderboard,
    "find_leaderboards": FindLeaderboards,
    "update_leaderboard": UpdateLeaderboard,
    "reset_leaderboard": ResetLeaderboard,
    "delete_leaderboard": DeleteLeaderboard,
    "find_archives": FindArchives,
    "save_statistics": SaveStatistics,
    "get_statistics": GetStatistics,
    "delete_statistics": DeleteStatistics,
    "find_statistics": FindStatistics,
    "find_ranks": FindRanks,
}
