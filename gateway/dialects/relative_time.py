"""Moments as words: `1 day ago`, `in 2 weeks 3 days`, `now`. Source: Parse Server, `$relativeTime`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.dialects.scalars import shown
from gateway.errors import Code, GatewayError
from gateway.model.values import Date

_SECONDS = {
    "yr": 365 * 86400,
    "wk": 7 * 86400,
    "d": 86400,
    "day": 86400,
    "hr": 3600,
    "min": 60,
    "sec": 1,
    "year": 365 * 86400,
    "week": 7 * 86400,
    "hour": 3600,
    "minute": 60,
    "second": 1,
}
_PART = r"[0-9]{1,6} (?:" + "|".join(sorted(_SECONDS, key=len, reverse=True)) + r")s?"
_WORDS = re.compile(rf"(?:(?P<ahead>in) )?(?P<parts>{_PART}(?: {_PART})*)(?: (?P<ago>ago))?", re.IGNORECASE)


def read_relative_time(wire: Any, now: datetime | None = None) -> Date:
    """Raises GatewayError(BAD_QUERY) for what is neither `now`, nor `in ...`, nor `... ago`."""
    now = now or datetime.now(UTC)
    text = " ".join(wire.split()) if type(wire) is str else ""
    if text.lower() == "now":
        return Date.from_datetime(now)
    found = _WORDS.fullmatch(text)
    if found is None or bool(found["ahead"]) is bool(found["ago"]):
        raise GatewayError(Code.BAD_QUERY, f"a relative time is 'in 2 weeks 3 days' or '1 day ago', not {shown(wire)}")
    words = found["parts"].lower().split()
    seconds = sum(int(n) * _SECONDS[unit.removesuffix("s")] for n, unit in zip(words[::2], words[1::2], strict=True))
    try:
        return Date.from_datetime(now + timedelta(seconds=seconds if found["ahead"] else -seconds))
    except (OverflowError, ValueError):
        raise GatewayError(Code.BAD_QUERY, f"the relative time {shown(wire)} is out of range") from None
