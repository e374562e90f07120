"""Every scalar codec reads what it writes, and refuses everything else with a GatewayError."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.scalars import SCALARS, shown
from gateway.errors import Code, GatewayError
from gateway.model.values import Date
from tests.dialects.generated import BOUNDED, DATES, IDS, JUNK, NUMBERS, TEXT, refusal

RIGHTS = st.fixed_dictionaries({}, optional={"read": st.just(True), "write": st.just(True)}).filter(bool)
IDS_WITHOUT_COMMAS = st.lists(IDS, min_size=1, max_size=3).map(tuple)

SAMPLES: Mapping[str, st.SearchStrategy[Any]] = {
    "text": TEXT,
    "number": NUMBERS,
    "negated": NUMBERS,
    "bits": st.integers(-(2**53), 2**53),
    "int": st.integers(-(10**17), 10**17),
    "flag": st.just(True),  # false is told by saying nothing
    "flag_json": st.just(True),
    "flag01": st.just(True),
    "bool": st.booleans(),
    "yes_no": st.booleans(),
    "host": st.sampled_from(["https://api.example.com", "https://127.0.0.1:8080"]),
    "iso_ms": DATES,
    "from_day": DATES,
    "to_day": DATES,
    "epoch_ms": DATES,
    "epoch_ms_text": DATES,
    "any_text": TEXT,
    "number_text": NUMBERS,
    "epoch_any": st.integers(10**11, 10**13).map(Date.from_ms),
    "upper": st.text("abcxyz019_-", max_size=8),
    "names": st.lists(TEXT, max_size=3).map(tuple),
    "iso_text": DATES.map(lambda date: date.iso),
    "base64": st.binary(max_size=20),
    "acl": st.dictionaries(TEXT.filter(lambda who: who[:1] != "*" or who == "*"), RIGHTS, max_size=3),
    "texts": st.dictionaries(TEXT, TEXT, min_size=1, max_size=3),
    "flags": st.dictionaries(TEXT, st.booleans(), min_size=1, max_size=3),
    "names_csv": IDS_WITHOUT_COMMAS,
    "list": st.lists(TEXT, max_size=3),
    "one_id": IDS.map(lambda id_: (id_,)),
    "ids": IDS_WITHOUT_COMMAS,
}


@pytest.mark.parametrize("name", SCALARS)
@given(data=st.data())
@BOUNDED
def test_a_codec_reads_what_it_writes(name: str, data: st.DataObject) -> None:
    value = data.draw(SAMPLES[name])  # a codec without samples fails here
    assert SCALARS[name].read(SCALARS[name].write(value)) == value


@pytest.mark.parametrize("name", [name for name in SCALARS if name != "one_id"])  # its text comes out of a path
@given(junk=JUNK)
@BOUNDED
def test_a_codec_given_junk_reads_it_or_raises_a_gateway_error(name: str, junk: Any) -> None:
    assert refusal(SCALARS[name].read, junk) in (None, Code.BAD_VALUE, Code.BAD_ACL, Code.MISSING_ID)


REFUSED: tuple[tuple[str, Any], ...] = (
    ("number", True),
    ("number", float("nan")),
    ("number", "1"),
    ("bits", 1.0),
    ("bits", True),
    ("int", "1.5"),
    ("names", [1]),
    ("names", None),
    ("upper", 5),
    ("epoch_any", "1700000000"),
    ("epoch_any", 10**17),
    ("texts", ["a"]),
    ("texts", {"a": None}),
    ("texts", {"a": {"b": 1}}),
    ("texts", {"a": "x" * 1001}),
    ("texts", {str(n): "x" for n in range(51)}),
    ("int", "9" * 30),
    ("int", True),
    ("flag", "yes"),
    ("flag", None),
    ("iso_ms", "yesterday"),
    ("iso_ms", "2026-13-01T00:00:00.000Z"),
    ("iso_ms", 1),
    ("iso_ms", "0001-01-01T00:00:00+23:59"),
    ("base64", "é"),
    ("base64", "a"),
    ("acl", {"*": {"reed": True}}),
    ("acl", {"*": {"read": 1}}),
    ("acl", {"*unresolved": {"read": True}}),
    ("acl", []),
    ("list", {}),
    ("ids", ","),
)


@pytest.mark.parametrize(("name", "wire"), REFUSED)
def test_what_is_of_another_kind_is_refused(name: str, wire: Any) -> None:
    with pytest.raises(GatewayError):
        SCALARS[name].read(wire)


def test_a_date_is_held_in_one_form_however_it_was_written() -> None:
    read = SCALARS["iso_ms"].read
    spellings = ("2026-01-02T03:04:05.678Z", "2026-01-02T04:04:05.678+01:00", "20260102T030405.678Z")
    assert {read(text) for text in spellings} == {Date("2026-01-02T03:04:05.678Z")}
    assert read("2026-W01-5T03:04:05.678Z") == Date("2026-01-02T03:04:05.678Z")


def test_two_ids_are_not_made_of_one_with_a_comma() -> None:
    assert SCALARS["ids"].write(("a,b",)) is None


def test_a_long_value_is_shown_short() -> None:
    assert len(shown("x" * 1000)) == 60


def test_a_moment_is_told_in_seconds_or_in_milliseconds() -> None:
    at = Date.from_ms(1_700_000_000_500)
    for wire in (1_700_000_000.5, 1_700_000_000_500):
        assert SCALARS["epoch_any"].read(wire) == at
    assert SCALARS["epoch_any"].read(0) is None
