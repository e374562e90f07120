"""Moments as words, from a fixed now."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.dialects.relative_time import read_relative_time
from gateway.errors import Code, GatewayError

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

READ = [
    ("now", "2026-01-02T03:04:05.000Z"),
    ("1 day ago", "2026-01-01T03:04:05.000Z"),
    ("in 2 weeks 3 days", "2026-01-19T03:04:05.000Z"),
    ("1 hr 30 mins ago", "2026-01-02T01:34:05.000Z"),
    ("in 1 yr", "2027-01-02T03:04:05.000Z"),
    ("IN 10 Seconds", "2026-01-02T03:04:15.000Z"),
]
REFUSED: list[Any] = ["", "ago", "1 day", "in 1 day ago", "in one day", "1 fortnight ago", "in 999999 years", 5, None]


@pytest.mark.parametrize(("words", "moment"), READ)
def test_words_are_a_moment(words: str, moment: str) -> None:
    assert read_relative_time(words, NOW).iso == moment


@pytest.mark.parametrize("words", REFUSED)
def test_other_words_are_no_query(words: Any) -> None:
    with pytest.raises(GatewayError) as refused:
        read_relative_time(words, NOW)
    assert refused.value.code is Code.BAD_QUERY
