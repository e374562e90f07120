"""Functions that the store adds to SQL."""

from __future__ import annotations

import time

import pytest

from gateway.errors import Code, GatewayError
from gateway.model.values import GeoPoint, Polygon
from gateway.store.encoding import Kind, write_column, write_json
from gateway.store.functions import compile_pattern, inside, matches, without_comments
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
    assert time.monotonic() - started < 5  # a backtracking engine would need years


RING = Polygon((GeoPoint(0, 0), GeoPoint(0, 4), GeoPoint(4, 4), GeoPoint(2, 2), GeoPoint(4, 0), GeoPoint(0, 0)))


def test_a_grid_of_points_in_a_polygon_that_is_not_convex() -> None:
    text = write_json(write_column(Kind.POLYGON, RING)).decode()
    for row in range(-2, 11):
        for column in range(-2, 11):
            point = GeoPoint(row / 2, column / 2)
            assert inside(text, point.latitude, point.longitude) is oracle_inside(point, RING), point
    assert inside(text, None, 1.0) is False
    assert inside(None, 1.0, 1.0) is False
