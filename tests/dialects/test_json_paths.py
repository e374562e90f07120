"""Paths into JSON as texts, both ways."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dialects.json_paths import MOST_STEPS, as_field, read_json_path, read_place, write_json_path
from gateway.errors import Code, GatewayError
from gateway.model.query import Wildcard

PATHS: list[tuple[str, tuple[str | int | Wildcard, ...]]] = [
    ("$", ()),
    ("$.a", ("a",)),
    ("$.a.b", ("a", "b")),
    ("$.a[0]", ("a", 0)),
    ("$[1]", (1,)),
    ("$[1][2].a", (1, 2, "a")),
    ('$."quoted key"', ("quoted key",)),
    ('$."a.b"[0]."c\\"d"', ("a.b", 0, 'c"d')),
    ('$."\\u0001"', ("\x01",)),
    ('$.""', ("",)),
    ("$.a.*", ("a", Wildcard.ANY_KEY)),
    ("$.a[*]", ("a", Wildcard.ANY_INDEX)),
    ("$**.city", (Wildcard.ANY_DEPTH, "city")),
    ("$**[0]", (Wildcard.ANY_DEPTH, 0)),
]


@pytest.mark.parametrize(("text", "steps"), PATHS)
def test_a_path_is_read_and_written(text: str, steps: tuple[str | int | Wildcard, ...]) -> None:
    found = read_json_path(text)
    assert found == steps
    assert list(map(type, found)) == list(map(type, steps))  # a wildcard equals the text it is written as
    assert write_json_path(steps) == text


@pytest.mark.parametrize(
    ("text", "steps"),
    [("$[ 1 ]", (1,)), ("$.naïve", ("naïve",)), ("$.a-b", ("a-b",)), ('$."a"', ("a",)), ("$.0", ("0",))],
)
def test_other_spellings(text: str, steps: tuple[str | int, ...]) -> None:
    assert read_json_path(text) == steps
    assert read_json_path(write_json_path(steps)) == steps


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "path, at position 1: expected a path that starts with $, found its end"),
        ("a.b", "path, at position 1: expected a path that starts with $, found 'a.b'"),
        ("$a", "path, at position 2: expected a dot or a bracket, found 'a'"),
        ("$.", "path, at position 3: expected a key, found its end"),
        ("$.a..b", "path, at position 5: expected a key, found '.b'"),
        ("$.a b", "path, at position 4: expected a dot or a bracket, found ' b'"),
        ("$[", "path, at position 2: expected [number] or [*], found '['"),
        ("$[-1]", "path, at position 2: expected [number] or [*], found '[-1]'"),
        ("$[9999999999]", "path, at position 2: expected [number] or [*], found '[9999999999]'"),
        ('$."a', "path, at position 3: expected a key, found '\"a'"),
        ('$."\\x"', "path, at position 3: expected a key in quotes, as JSON has it, found '\"\\\\x\"'"),
        ("$**", "path, at position 4: expected a step after **, found its end"),
        ("$.a**", "path, at position 6: expected a step after **, found its end"),
        ("$" + ".a" * (MOST_STEPS + 1), "a path has 100 steps at most"),
    ],
)
def test_a_path_that_is_none_is_refused(text: str, message: str) -> None:
    with pytest.raises(GatewayError, match=re.escape(message)) as refused:
        read_json_path(text)
    assert refused.value.code is Code.BAD_QUERY


@pytest.mark.parametrize("text", ["$[last]", "$.a[last-1]", "$[0 to 2]", '$."*"', '$."**"'])
def test_what_mysql_has_besides_is_unsupported(text: str) -> None:
    with pytest.raises(GatewayError) as refused:
        read_json_path(text)
    assert refused.value.code is Code.UNSUPPORTED


def test_a_place_has_no_wildcards() -> None:
    assert read_place('$.a[0]."b c"') == ("a", 0, "b c")
    for text in ("$.*", "$.a[*]", "$**.a"):
        with pytest.raises(GatewayError, match="must name one place"):
            read_place(text)


@pytest.mark.parametrize(
    ("steps", "field"),
    [
        ((), "col"),
        (("a", "b_1"), "col.a.b_1"),
        (("a", 0), None),
        (("0",), None),  # a dotted field would take it for an index as well
        (("a.b",), None),
        ((Wildcard.ANY_KEY,), None),
        (("",), None),
    ],
)
def test_plain_keys_are_a_dotted_field(steps: tuple[str | int | Wildcard, ...], field: str | None) -> None:
    assert as_field("col", steps) == field


KEYS = st.text(max_size=6).filter(lambda key: key not in ("*", "[*]", "**"))


@settings(max_examples=300, deadline=None)
@given(steps=st.lists(KEYS | st.integers(0, 999_999_999), max_size=8).map(tuple))
def test_a_path_comes_back_as_it_was(steps: tuple[str | int, ...]) -> None:
    assert read_place(write_json_path(steps)) == steps


@settings(max_examples=300, deadline=None)
@given(text=st.text(alphabet='$.[]*"\\ab01 u', max_size=12).map("$".__add__))
def test_junk_is_refused_and_nothing_worse(text: str) -> None:
    try:
        steps = read_json_path(text)
    except GatewayError as error:
        assert error.code in (Code.BAD_QUERY, Code.UNSUPPORTED)  # noqa: PT017
    else:
        assert read_json_path(write_json_path(steps)) == steps
