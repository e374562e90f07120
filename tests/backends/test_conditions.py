"""Conditions said in other words mean the same: held against what each of them means, in plain Python."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backends.conditions import NOTHING, Words, distance, nearest_first, regex_of, settled, worded
from gateway.model.query import And, Circle, Condition, Filter, Inverse, Near, Not, Op, Or, Regex, Subquery
from gateway.model.values import GeoPoint

A, B = Condition("a", Op.EQ, 1), Condition("b", Op.EQ, 2)
EVERYTHING = And(())
HERE = GeoPoint(52.5, 13.4)
NOT_LIKE = Words(like=False)


def means(where: Filter | None, a: bool, b: bool) -> bool:
    match where:
        case None:
            return True
        case And(parts):
            return all(means(part, a, b) for part in parts)
        case Or(parts):
            return any(means(part, a, b) for part in parts)
        case Not(part):
            return not means(part, a, b)
        case Condition(field, op, value):
            if value == []:
                return op is Op.NOT_IN
            return a if field == "a" else b
        case _:
            raise AssertionError(where)


LEAVES = st.sampled_from([A, B, EVERYTHING, NOTHING, Condition("a", Op.IN, []), Condition("b", Op.NOT_IN, [])])
FILTERS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: And(tuple(parts))),
        st.lists(inner, max_size=3).map(lambda parts: Or(tuple(parts))),
        inner.map(Not),
    ),
    max_leaves=8,
)


@given(FILTERS)
def test_what_is_settled_means_the_same(where: Filter) -> None:
    found = settled(where)
    for a, b in product((False, True), repeat=2):
        assert means(found, a, b) == means(where, a, b)
    if found not in (None, NOTHING):
        assert repr(EVERYTHING) not in repr(found)
        assert repr(NOTHING) not in repr(found)


def test_what_settles_is_found_inside_of_queries() -> None:
    inner = Condition("a", Op.IN, Subquery("Other", where=And((A, EVERYTHING))))
    assert settled(inner) == Condition("a", Op.IN, Subquery("Other", where=A))


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("A%", "anna", True),
        ("a%", "banana", False),
        ("%an%", "b\nAN\nc", True),
        ("b_b", "Bob", True),
        ("b_b", "Boob", False),
        ("b.b", "bob", False),
        ("100\\%", "100%", True),
        ("100\\%", "1000", False),
        ("a\\", "a\\", True),
        ("(a|b)*", "(A|B)*", True),
        ("", "", True),
        ("", "a", False),
    ],
)
def test_a_pattern_as_a_regular_expression(pattern: str, text: str, matches: bool) -> None:
    found = regex_of(pattern)
    assert found.options == "is"
    assert (re.fullmatch(found.pattern, text, re.IGNORECASE | re.DOTALL) is not None) == matches


def test_like_is_a_regular_expression_where_there_is_no_other_word() -> None:
    like = Condition("a", Op.LIKE, "x%")
    regex = Condition("a", Op.REGEX, Regex("^x.*$", "is"))
    assert worded(like, Words()) == like
    assert worded(like, NOT_LIKE, {"a"}) == like  # the text of a number is no text there
    for around, inner in (
        (Not(like), Not(regex)),
        (And((like, B)), And((regex, B))),
        (Or((like, B)), Or((regex, B))),
        (Condition("p", Op.IN, Subquery("Other", where=like)), Condition("p", Op.IN, Subquery("Other", where=regex))),
        (Inverse("Other", "p", like), Inverse("Other", "p", regex)),
    ):
        assert worded(around, NOT_LIKE) == inner


def test_not_among_the_results_of_a_query_is_an_operator() -> None:
    query = Subquery("Other", where=A)
    assert worded(Not(Condition("p", Op.IN, query)), Words()) == Condition("p", Op.NOT_IN, query)
    assert worded(Not(Condition("p", Op.IN, [1])), Words()) == Not(Condition("p", Op.IN, [1]))


def test_what_is_near_but_not_too_near_is_in_no_circle() -> None:
    between = Condition("at", Op.NEAR, Near(HERE, 0.3, 0.1))
    assert worded(between, Words()) == between
    match worded(between, Words(least_distance=False)):
        case And((Condition("at", Op.NEAR, Near() as near), Not(Condition("at", Op.WITHIN, Circle(center, radius))))):
            assert (near, center) == (Near(HERE, 0.3), HERE)
            assert 0.0999 < radius < 0.1  # what is exactly so far away is left in
        case other:
            pytest.fail(repr(other))


def test_distances_are_along_the_surface() -> None:
    assert distance(HERE, HERE) == 0
    assert distance(GeoPoint(0, 0), GeoPoint(0, 180)) == pytest.approx(3.14159265)
    assert distance(GeoPoint(0, 179), GeoPoint(0, -179)) == pytest.approx(0.0349066)
    hamburg = GeoPoint(53.55, 9.99)
    assert distance(HERE, hamburg) * 6371 == pytest.approx(255, abs=5)
    assert distance(HERE, hamburg) < distance(HERE, None)


def test_what_sorts_by_distance() -> None:
    near = Condition("at", Op.NEAR, Near(HERE))
    assert nearest_first(near) == ("at", HERE)
    assert nearest_first(And((A, near))) == ("at", HERE)
    assert nearest_first(Not(near)) is None
    assert nearest_first(A) is None
    assert nearest_first(None) is None
