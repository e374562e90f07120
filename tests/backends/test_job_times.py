"""When a schedule is due: against a count of all minutes, and the forms in which the dashboard writes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backends.job_times import DAY, Times, read_times
from gateway.errors import Code, GatewayError
from gateway.model.values import Date

MONDAY = datetime(2026, 1, 5, tzinfo=UTC).timestamp()
SUNDAY = MONDAY - DAY


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def test_one_without_a_repetition_is_due_once() -> None:
    times = read_times({"startAfter": "2026-01-05T10:00:00.000Z"})
    assert times.latest(float("-inf"), at("2026-01-05T09:59:59"), 0) is None
    assert times.latest(float("-inf"), at("2026-01-05T10:00:00"), 0) == at("2026-01-05T10:00:00")
    assert times.latest(at("2026-01-05T10:00:00"), at("2026-02-05T10:00:00"), 0) is None
    assert Times().latest(float("-inf"), MONDAY + 5, MONDAY) == MONDAY, "without a start it is due when it is made"


def test_a_short_repetition_begins_anew_each_day() -> None:
    times = read_times({"repeatMinutes": 420, "timeOfDay": "08:30"})
    found = [times.latest(now - 3600, now, MONDAY) for now in (at(f"2026-01-06T{hour:02}:30:00") for hour in range(24))]
    due = [datetime.fromtimestamp(one, UTC).strftime("%d %H:%M") for one in found if one is not None]
    assert due == ["06 08:30", "06 15:30", "06 22:30"]


def test_only_the_last_of_what_was_missed_is_due() -> None:
    times = read_times({"repeatMinutes": 60, "timeOfDay": "00:00:00.000Z"})
    assert times.latest(MONDAY, MONDAY + 10 * 3600 + 5, MONDAY) == MONDAY + 10 * 3600


def test_it_is_due_on_the_days_that_were_chosen() -> None:
    sundays = read_times(
        {"repeatMinutes": 1440, "timeOfDay": "10:00", "daysOfWeek": ["1", "0", "0", "0", "0", "0", "0"]}
    )
    assert sundays.latest(0, SUNDAY + 11 * 3600, 0) == SUNDAY + 10 * 3600
    assert sundays.latest(SUNDAY + 10 * 3600, SUNDAY + 6 * DAY, 0) is None
    mondays = read_times({"repeatMinutes": 30, "timeOfDay": "10:00", "daysOfWeek": [0, 1, 0, 0, 0, 0, 0]})
    assert mondays.latest(0, MONDAY + DAY + 3600, 0) == MONDAY + DAY - 1800
    assert mondays.latest(MONDAY + DAY - 1800, MONDAY + 7 * DAY, 0) is None


@given(st.integers(1, 4000), st.integers(0, 1439), st.integers(0, 20_000), st.integers(0, 20_000), st.integers(1, 5000))
def test_it_agrees_with_a_count_of_all_minutes(repeat: int, of_day: int, start: int, after: int, more: int) -> None:
    """With whole minutes: minute by minute, each that is one of its times."""
    times = Times(MONDAY + start * 60, repeat * 60, of_day * 60)
    due = []
    first = start // 1440 * 1440 + of_day
    if first < start:
        first += 1440
    for minute in range(after + 1, after + more + 1):
        if repeat >= 1440:
            right = minute >= first and (minute - first) % repeat == 0
        else:
            right = minute >= start and minute % 1440 >= of_day and (minute % 1440 - of_day) % repeat == 0
        if right:
            due.append(minute)
    # what was missed for more than a week is not looked for
    found = times.latest(MONDAY + after * 60, MONDAY + (after + more) * 60, 0)
    assert found == (MONDAY + due[-1] * 60 if due else None)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, Times()),
        ({"startAfter": None, "repeatMinutes": 0, "timeOfDay": "", "daysOfWeek": []}, Times()),
        ({"startAfter": Date("2026-01-05T00:00:00.000Z")}, Times(MONDAY)),
        ({"startAfter": "2026-01-05T01:00:00+01:00"}, Times(MONDAY)),
        ({"timeOfDay": "9:05:07.123Z", "repeatMinutes": 5.0}, Times(None, 300, 9 * 3600 + 5 * 60 + 7)),
        ({"daysOfWeek": ["0"] * 7}, Times()),
        ({"daysOfWeek": [True, "1", 0, 0, 0, 0, 1]}, Times(days=frozenset({0, 1, 6}))),
    ],
)
def test_a_schedule_is_read_as_it_is_written(fields: dict[str, Any], expected: Times) -> None:
    assert read_times(fields) == expected


BAD: Mapping[str, tuple[Any, ...]] = {
    "startAfter": ("soon", 5, [], "2026-13-01T00:00:00Z"),
    "repeatMinutes": (-1, 1.5, "60", True, 10**9, [], float("inf"), float("nan")),
    "timeOfDay": ("25:00", "10", "10:60", 10, "10:00:00.1234", "ab:cd"),
    "daysOfWeek": ("1111111", [1, 1], [2] * 7, [None] * 7, [[]] * 7, {}, 5),
}


@pytest.mark.parametrize(
    ("field", "told"),
    [(field, told) for field, values in BAD.items() for told in values],
)
def test_what_is_no_time_is_refused(field: str, told: Any) -> None:
    with pytest.raises(GatewayError) as refused:
        read_times({field: told})
    assert (refused.value.code, refused.value.details) == (Code.BAD_VALUE, {"field": field})
