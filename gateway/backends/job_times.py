"""When a job with a schedule is to run.

A schedule is what the vendor's dashboard writes: `startAfter` (a date), `repeatMinutes`, `timeOfDay` (`HH:MM`, seconds
and a Z may follow) and `daysOfWeek` (seven flags, Sunday first). Without `repeatMinutes` it runs once. With less than a
day it begins anew each day at `timeOfDay`; all times are UTC. Source: parse-dashboard's form of a job, and npm
parse-server-scheduler, which runs what it writes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.errors import Code, GatewayError
from gateway.model.values import Date

DAY: Final = 86_400
MOST_MINUTES: Final = 366 * 24 * 60
THURSDAY: Final = 4
"""The weekday of 1970-01-01, where Sunday is 0."""

_TIME: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.\d{1,3})?)?Z?", re.ASCII)
_EVERY_DAY: Final = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class Times:
    """`start` and the times that methods take and answer are seconds since 1970; `at` are seconds of a day."""

    start: float | None = None
    repeat: int | None = None
    """Seconds."""
    at: int | None = None
    days: frozenset[int] = _EVERY_DAY

    def latest(self, after: float, now: float, made: float) -> float | None:
        """The last time later than `after` and not later than `now`; `made` is when the schedule was written."""
        start = made if self.start is None else self.start
        if self.repeat is None:
            return start if after < start <= now else None
        at = int(start) % DAY if self.at is None else self.at
        found = self._of_days(start, at, now) if self.repeat >= DAY else self._within_a_day(start, at, now)
        return found if found is not None and found > after else None

    def _within_a_day(self, start: float, at: int, now: float) -> float | None:
        assert self.repeat is not None
        today = int(now // DAY)
        for day in range(today, today - 8, -1):
            end = min(now, (day + 1) * DAY - 1)
            first = day * DAY + at
            if (day + THURSDAY) % 7 in self.days and first <= end:
                found = first + (end - first) // self.repeat * self.repeat
                return found if found >= start else None
        return None

    def _of_days(self, start: float, at: int, now: float) -> float | None:
        assert self.repeat is not None
        first = start // DAY * DAY + at
        if first < start:
            first += DAY
        rounds = (now - first) // self.repeat
        for back in range(7):
            found = first + (rounds - back) * self.repeat
            if found < first:
                return None
            if (int(found // DAY) + THURSDAY) % 7 in self.days:
                return found
        return None


def read_times(fields: Mapping[str, Any]) -> Times:
    """Raises GatewayError(BAD_VALUE)."""
    return Times(
        _start(fields.get("startAfter")),
        _repeat(fields.get("repeatMinutes")),
        _at(fields.get("timeOfDay")),
        _days(fields.get("daysOfWeek")),
    )


def _start(told: Any) -> float | None:
    if told is None or told == "":
        return None
    if isinstance(told, Date):
        return told.ms / 1000
    try:
        return Date.read(told).ms / 1000
    except (TypeError, ValueError):
        raise _bad("startAfter", "a date in ISO 8601") from None


def _repeat(told: Any) -> int | None:
    if told is None or told in (0, ""):
        return None
    if type(told) not in (int, float) or not 0 < told <= MOST_MINUTES or told != int(told):
        raise _bad("repeatMinutes", f"a whole number of minutes, at most {MOST_MINUTES}")
    return int(told) * 60


def _at(told: Any) -> int | None:
    if told is None or told == "":
        return None
    found = _TIME.fullmatch(told) if type(told) is str else None
    if found is None:
        raise _bad("timeOfDay", "a time such as 13:30")
    return int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3] or 0)


def _days(told: Any) -> frozenset[int]:
    if told is None or told == []:
        return _EVERY_DAY
    flags = {True: True, False: False, "1": True, "0": False}
    known = (type(day) in (bool, int, str) and day in flags for day in told) if type(told) is list else ()
    if type(told) is not list or len(told) != 7 or not all(known):
        raise _bad("daysOfWeek", "seven flags, Sunday first")
    chosen = frozenset(number for number, day in enumerate(told) if flags[day])
    return chosen or _EVERY_DAY


def _bad(field: str, expected: str) -> GatewayError:
    return GatewayError(Code.BAD_VALUE, f"{field} of a schedule must be {expected}", field=field)
