"""Moments as texts, each form with its variants, and what is none."""

from __future__ import annotations

import locale
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dialects.date_texts import read_date_text
from gateway.model.values import Date

READ = [
    # the patterns of the Backendless guide
    ("Wed Mar 25 10:11:12 GMT 2015", "2015-03-25T10:11:12.000Z"),
    ("Wed Mar 25 10:11:12 EST 2015", "2015-03-25T15:11:12.000Z"),
    ("Wed Mar 5 10:11:12 GMT+02:00 2015", "2015-03-05T08:11:12.000Z"),
    ("2015-03-23T10:11:12.345Z", "2015-03-23T10:11:12.345Z"),
    ("10/28/1988 00:00:00 GMT-0200", "1988-10-28T02:00:00.000Z"),
    ("10/28/1988 00:00:00 GMT", "1988-10-28T00:00:00.000Z"),
    ("10.28.1988 10:11:12 GMT+0530", "1988-10-28T04:41:12.000Z"),
    ("10-28-1988 10:11:12 UTC", "1988-10-28T10:11:12.000Z"),
    ("12/31/2015 10:11", "2015-12-31T10:11:00.000Z"),
    ("03/23/2015", "2015-03-23T00:00:00.000Z"),
    ("3/5/2015", "2015-03-05T00:00:00.000Z"),
    ("23/Mar/2015", "2015-03-23T00:00:00.000Z"),
    ("23-Mar-2015", "2015-03-23T00:00:00.000Z"),
    ("23-MARCH-2015 10:11", "2015-03-23T10:11:00.000Z"),
    ("Sunday, 29 March 2015", "2015-03-29T00:00:00.000Z"),
    ("sun, 1 may 2015", "2015-05-01T00:00:00.000Z"),
    ("29 March 2015", "2015-03-29T00:00:00.000Z"),
    ("2015/03/9/10:11", "2015-03-09T10:11:00.000Z"),
    ("2015/03/09/10:11:12 PST", "2015-03-09T18:11:12.000Z"),
    ("2015/3/9", "2015-03-09T00:00:00.000Z"),
    # ISO 8601
    ("2015-03-23", "2015-03-23T00:00:00.000Z"),
    ("2015-03-23T10:11", "2015-03-23T10:11:00.000Z"),
    ("2015-03-23T10:11:12", "2015-03-23T10:11:12.000Z"),
    ("2015-03-23 10:11:12", "2015-03-23T10:11:12.000Z"),
    ("2015-03-23T10:11:12Z", "2015-03-23T10:11:12.000Z"),
    ("2015-03-23T10:11:12.3456789+02:00", "2015-03-23T08:11:12.345Z"),
    ("2015-03-23T10:11:12.5-0330", "2015-03-23T13:41:12.500Z"),
    ("2015-03-23T10:11:12,5+02", "2015-03-23T08:11:12.500Z"),
    # milliseconds
    ("1427068800000", "2015-03-23T00:00:00.000Z"),
    ("0", "1970-01-01T00:00:00.000Z"),
    ("-1", "1969-12-31T23:59:59.999Z"),
    ("  03/23/2015 ", "2015-03-23T00:00:00.000Z"),
]
NONE = [
    "",
    " ",
    "x",
    "today",
    "2015-03",
    "23/03/2015",
    "13/01/2015",
    "02/30/2015",
    "2015-02-29",
    "03/23/15",
    "03/23-2015",
    "23-Foo-2015",
    "23-Mar",
    "Funday, 29 March 2015",
    "Wed Mar 25 2015",
    "03/23/2015 25:00",
    "03/23/2015 10:60",
    "03/23/2015 10",
    "03/23/2015 10:11:61",
    "03/23/2015 10:11:12 XYZ",
    "03/23/2015 10:11:12 GMT+25",
    "03/23/2015 10:11 +0199",
    "0000-01-01",
    "0001-01-01 00:00:00 +0100",
    "9999-12-31T23:59:59-0100",
    "9" * 15,
    "9" * 20,
    "٣-Mar-2015",
    "23-M\u0430r-2015",
    "1" * 100_000,
    "2015-03-23T10:11:12" + "0" * 50_000,
    "03/23/2015; drop",
]


@pytest.mark.parametrize(("text", "moment"), READ)
def test_a_text_is_a_moment(text: str, moment: str) -> None:
    assert read_date_text(text) == Date(moment)


@pytest.mark.parametrize("text", NONE, ids=lambda text: repr(text[:30]))
def test_another_text_is_none(text: str) -> None:
    assert read_date_text(text) is None


def test_four_digits_are_milliseconds_and_no_year() -> None:
    assert read_date_text("2015") == Date("1970-01-01T00:00:02.015Z")


FORMS = [
    "%Y-%m-%dT%H:%M:%S.000Z",
    "%m/%d/%Y %H:%M:%S GMT+0000",
    "%d-%b-%Y %H:%M:%S",
    "%A, %d %B %Y %H:%M:%S",
    "%a %b %d %H:%M:%S UTC %Y",
    "%Y/%m/%d/%H:%M:%S",
]


@settings(max_examples=100, deadline=None)
@given(moment=st.datetimes(min_value=datetime(1000, 1, 1), max_value=datetime(9999, 12, 30)))  # noqa: DTZ001 (in UTC)
def test_every_moment_is_read_in_every_form(moment: datetime) -> None:
    assert locale.setlocale(locale.LC_TIME) in ("C", "C.UTF-8", "POSIX")  # strftime then writes English names
    whole = moment.replace(microsecond=0, tzinfo=UTC)
    for form in FORMS:
        assert read_date_text(whole.strftime(form)) == Date.from_datetime(whole)


@settings(max_examples=300, deadline=None)
@given(text=st.text(alphabet="0123456789-/.: TZGMTMarSun,+", max_size=40))
def test_junk_is_no_moment_and_nothing_worse(text: str) -> None:
    found = read_date_text(text)
    assert found is None or Date.read(found.iso) == found
