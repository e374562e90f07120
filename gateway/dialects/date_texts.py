"""Moments as people and programs write them: `23-Mar-2015`, `10/28/1988 00:00:00 GMT-0200`, `2015-03-23T10:00:00Z`.

Month and day names are English, whatever the machine's locale. A text without a zone is UTC, one without a time of day
the midnight that begins the day. Source of the forms: the Backendless guide, "Search with the Where Clause", which has
them as patterns of Java's SimpleDateFormat and does not pretend that the list is complete.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from gateway.model.values import Date

LONGEST = 64

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_NAMES = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_MONTH_OF = {name: number for names in (_MONTHS, _MONTH_NAMES) for number, name in enumerate(names, 1)}

_MONTH = r"(?P<name>[A-Za-z]{3,9})"
_DAY = r"(?P<day>[0-9]{1,2})"
_NUMBER = r"(?P<month>[0-9]{1,2})"
_YEAR = r"(?P<year>[0-9]{4})"
_WEEKDAY = (
    r"(?:mon|tue|wed|thu|fri|sat|sun|monday|tuesday|wednesday|thursday|friday|saturday|sunday)"  # nobody checks which
)
_CLOCK = r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
_ZONE = r"(?P<zone>[A-Za-z]{1,5}|(?:GMT|UTC)?[+-][0-9]{1,2}(?::?[0-9]{2})?)"
_TIME = rf"(?:[ ]{_CLOCK}(?:[ ]?{_ZONE})?)?"

_FORMS = [
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"{_YEAR}-{_NUMBER}-{_DAY}(?:[T ]{_CLOCK}(?:[ ]?{_ZONE})?)?",  # ISO 8601, and with a blank for the T
        rf"{_NUMBER}(?P<mark>[/.-]){_DAY}(?P=mark){_YEAR}{_TIME}",  # MM/dd/yyyy HH:mm:ss 'GMT'z, with . and - as well
        rf"{_DAY}(?P<mark>[/-]){_MONTH}(?P=mark){_YEAR}{_TIME}",  # dd-MMM-yyyy
        rf"{_WEEKDAY} {_MONTH} {_DAY} {_CLOCK} {_ZONE} {_YEAR}",  # EEE MMM dd HH:mm:ss zzz yyyy
        rf"(?:{_WEEKDAY}, )?{_DAY} {_MONTH} {_YEAR}{_TIME}",  # EEEEE, d MMMMM yyyy
        rf"{_YEAR}/{_NUMBER}/{_DAY}(?:[/ ]{_CLOCK}(?:[ ]?{_ZONE})?)?",  # yyyy/MM/d/HH:mm
    )
]
_MS = re.compile(r"-?[0-9]{1,15}")

# the names that RFC 5322, 4.3 gives an offset; another could be several zones
_ZONES = {
    "z": 0, "gmt": 0, "ut": 0, "utc": 0,
    "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
}  # fmt: skip
_OFFSET = re.compile(r"(?:gmt|utc)?([+-])([0-9]{1,2}):?([0-9]{2})?", re.IGNORECASE)


def read_date_text(text: str) -> Date | None:
    """The moment that a text says in one of the forms above, or as milliseconds since 1970; None if it says none."""
    text = text.strip()
    if len(text) > LONGEST or not text.isascii():
        return None
    try:
        if _MS.fullmatch(text):
            return Date.from_ms(int(text))
        for form in _FORMS:
            found = form.fullmatch(text)
            if found is not None:
                return _moment(found.groupdict())
    except ValueError:  # a thirteenth month, or a year out of range
        return None
    return None


def _moment(parts: dict[str, str | None]) -> Date | None:
    month = _MONTH_OF.get((parts.get("name") or "").lower()) or int(parts.get("month") or 0)
    zone = _zone(parts.get("zone"))
    if zone is None:
        return None
    fraction = (parts.get("fraction") or "").ljust(6, "0")[:6]
    moment = datetime(
        int(parts["year"] or 0),
        month,
        int(parts["day"] or 0),
        int(parts.get("hour") or 0),
        int(parts.get("minute") or 0),
        int(parts.get("second") or 0),
        int(fraction),
        tzinfo=zone,
    )
    return Date.from_datetime(moment)


def _zone(text: str | None) -> timezone | None:
    """None for a name that is no zone's, or more than a day away."""
    if text is None:
        return UTC
    if text.lower() in _ZONES:
        return timezone(timedelta(hours=_ZONES[text.lower()]))
    offset = _OFFSET.fullmatch(text)
    if offset is None:
        return None
    sign, hours, minutes = offset.groups()
    away = timedelta(hours=int(hours), minutes=int(minutes or 0))
    if away >= timedelta(days=1) or int(minutes or 0) > 59:
        return None
    return timezone(-away if sign == "-" else away)
