"""Functions that the store adds to SQL."""

from __future__ import annotations

import time

import pytest

from gateway.errors import Code, GatewayError
from gateway.model.schema import Kind
from gateway.model.values import GeoPoint, Polygon
from gateway.store.encoding import write_column, write_json
from gateway.store.functions import (
    MOST_FOUND,
    compile_pattern,
    found_at,
    inside,
    is_like,
    like_pattern,
    matches,
    without_comments,
)
from tests.oracle import inside as oracle_inside

WITHOUT_COMMENTS = [
    ("a b", "ab"),
    ("a\\ b", "a\\ b"),
    ("a[ b]c d", "a[ b]cd"),
    ("[]# ]x y", "[]# ]xy"),
    ("[^] ]x y", "[^] ]xy"),
    ("a # all of it\nb", "ab"),
    ("a \\# b", "a\\#b"),
    ("a # to the end", "a"),
    ("\\Qa b#\\E c", "\\Qa b#\\Ec"),
    ("\\Qa b", "\\Qa b"),
    ("a\\", "a\\"),
]


@pytest.mark.parametrize(("pattern", "expected"), WITHOUT_COMMENTS)
def test_option_x_without_re2s_help(pattern: str, expected: str) -> None:
    assert without_comments(pattern) == expected


MATCHES = [
    ("^a", "", "abc", True),
    ("^b", "", "a\nb", False),
    ("^b", "m", "a\nb", True),
    ("a.b", "", "a\nb", False),
    ("a.b", "s", "a\nb", True),
    ("ABC", "i", "xabcx", True),
    ("É", "i", "é", True),
    ("a b", "x", "ab", True),
    ("a b", "imsx", "AB", True),
    (r"\Qa.b\E", "", "a.b", True),
    (r"\Qa.b\E", "", "axb", False),
    (r"^\Qa.b\E\Q*\E$", "", "a.b*", True),
    ("", "", "", True),
    ("a", "", None, False),
]


@pytest.mark.parametrize(("pattern", "options", "text", "expected"), MATCHES)
def test_regular_expressions(pattern: str, options: str, text: str | None, *, expected: bool) -> None:
    assert matches(pattern, options, text) is expected


REFUSED = ["(", "(?=a)", "(?<!a)b", r"(a)\1", "a{1001}", "[b-a]", "x" * 10_001, "(((a{100}){100}){100}){100}", "\ud800"]


@pytest.mark.parametrize("pattern", REFUSED, ids=lambda pattern: ascii(pattern)[:20])
def test_what_re2_cannot_express_is_a_bad_query(pattern: str) -> None:
    with pytest.raises(GatewayError) as refusal:
        compile_pattern(pattern, "")
    assert refusal.value.code is Code.BAD_QUERY


BOMBS = [("(a+)+$", "a" * 50_000 + "b"), ("(a|a)*c", "a" * 50_000), ("(.*)*(.*)*x", "y" * 50_000)]


@pytest.mark.parametrize(("pattern", "text"), BOMBS)
def test_bombs_do_not_go_off(pattern: str, text: str) -> None:
    started = time.monotonic()
    assert matches(pattern, "", text) is False
    assert time.monotonic() - started < 30  # a backtracking engine would need years


LIKES = [
    ("", "", True),
    ("", "a", False),
    ("%", "", True),
    ("%%", "a\nb", True),
    ("a%", "ABC", True),
    ("%c", "abC", True),
    ("%b%", "aBc", True),
    ("a%c", "a.b\nc", True),
    ("a%c", "a.b\ncd", False),
    ("a_c", "a\nc", True),
    ("a_c", "ac", False),
    ("_", "𝄞", True),
    ("É%", "été", True),
    ("ΣΑΣ", "σας", True),
    ("a\\%", "a%", True),
    ("a\\%", "ab", False),
    ("\\_\\\\", "_\\", True),
    ("\\", "\\", True),
    ("a.*", "abc", False),
    ("[ab]", "a", False),
    ("(?i)\\Q^$", "(?i)Q^$", True),
    ("\\A%", "a", True),
    ("1%", 12, True),
    ("12", 12.0, True),
    ("1_5", 1.5, True),
    ("%", None, False),
]


@pytest.mark.parametrize(("pattern", "value", "expected"), LIKES)
def test_patterns_of_sql(pattern: str, value: str | float | None, *, expected: bool) -> None:
    assert is_like(like_pattern(pattern), value) is expected


def test_patterns_of_sql_take_linear_time() -> None:
    started = time.monotonic()
    assert not is_like(like_pattern("%a" * 1000 + "b"), "a" * 100_000)
    assert time.monotonic() - started < 30


FOUND = [
    ("null", "[]", None),
    ("[1]", "[0]", "[1]"),
    ('{"a":[{"b":1},{"b":2}]}', '["a",["[*]"],"b"]', "[1,2]"),
    ('{"a":{"x":1,"y":null}}', '["a",["*"]]', "[1,null]"),
    ('{"a":{"b":1},"b":2}', '[["**"],"b"]', "[2,1]"),
    ('{"@@date":{"x":1}}', '["@date","x"]', "[1]"),
    ('{"d":{"@date":"2026"}}', '["d",["*"]]', "[]"),
    ('{"d":{"@date":"2026"}}', '[["**"]]', '[{"d":{"@date":"2026"}},{"@date":"2026"}]'),
    ('{"0":1}', "[0]", "[]"),
    ("[1]", '["0"]', "[]"),
    ("[1]", "[-1]", "[]"),
]


@pytest.mark.parametrize(("stored", "steps", "expected"), FOUND)
def test_what_stands_at_a_path_with_wildcards(stored: str, steps: str, expected: str | None) -> None:
    assert found_at(stored, steps) == expected


def test_a_path_with_wildcards_finds_only_so_much() -> None:
    nested = "[" * 200 + "1" + "]" * 200
    assert found_at(None, '[["**"]]') is None
    with pytest.raises(GatewayError) as refusal:
        found_at(nested, '[["**"],["**"]]')
    assert refusal.value.code is Code.BAD_QUERY
    assert MOST_FOUND < 200 * 200 / 2


RING = Polygon((GeoPoint(0, 0), GeoPoint(0, 4), GeoPoint(4, 4), GeoPoint(2, 2), GeoPoint(4, 0), GeoPoint(0, 0)))


HOLES = (
    (GeoPoint(1, 1), GeoPoint(1, 2), GeoPoint(2, 1), GeoPoint(1, 1)),
    (GeoPoint(0.5, 0.5), GeoPoint(0.5, 3), GeoPoint(1, 3), GeoPoint(0.5, 0.5)),
)


@pytest.mark.parametrize("polygon", [RING, Polygon(RING.points, HOLES)])
def test_a_grid_of_points_in_a_polygon_that_is_not_convex(polygon: Polygon) -> None:
    text = write_json(write_column(Kind.POLYGON, polygon)).decode()
    for row in range(-2, 11):
        for column in range(-2, 11):
            point = GeoPoint(row / 2, column / 2)
            assert inside(text, point.latitude, point.longitude) is oracle_inside(point, polygon), point
    assert inside(text, None, 1.0) is False
    assert inside(None, 1.0, 1.0) is False


def test_the_edge_of_a_hole_is_the_polygon_s_and_the_hole_is_not() -> None:
    text = write_json(write_column(Kind.POLYGON, Polygon(RING.points, HOLES[:1]))).decode()
    assert [inside(text, 1.0, along) for along in (0.5, 1.0, 1.5, 2.0)] == [True, True, True, True]
    assert [inside(text, 1.25, along) for along in (0.75, 1.25, 1.75, 2.0)] == [True, False, True, True]
