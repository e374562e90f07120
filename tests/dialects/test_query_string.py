"""The language of a search box. What it means is in tests/cases/searches.py; here is what it refuses."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.dialect import Dialect
from gateway.dialects.names import FieldNames
from gateway.dialects.query_string import DEEPEST, LONGEST, MOST_CLAUSES, query_text
from gateway.dialects.scalars import SCALARS
from gateway.errors import Code, GatewayError
from gateway.mapping.schema import Names
from gateway.mapping.shape import Codec
from gateway.model.query import ANY_TEXT, And, Condition, Filter, Not, Op, Or, Phrase, Words

NAMES = Names.model_validate({"class": r"\w+", "field": r"[A-Za-z]\w*"})
CODEC: Codec = query_text(FieldNames(NAMES, {"id": "objectId", "created_at": "createdAt"}, SCALARS))


def refusal(q: object) -> GatewayError:
    with pytest.raises(GatewayError) as refused:
        CODEC.read(q)
    return refused.value


@pytest.mark.parametrize(
    "q",
    [
        "qu?ck",
        "what?",
        "a*b",
        "*a",
        "?",
        "quikc~",
        '"fox quick"~5',
        "a^2",
        "count:[1 TO 5]",
        "age:>10",
        "age:<=1",
        "{a",
        "/joh?n/",
        "n:/x/",
    ],
)
def test_what_else_there_is_of_the_language_is_refused(q: str) -> None:
    error = refusal(q)
    assert error.code is Code.UNSUPPORTED
    assert "character" in error.message


@pytest.mark.parametrize(
    ("q", "code", "reason"),
    [
        ("", Code.BAD_QUERY, "expected a text to search for"),
        ("  ", Code.BAD_QUERY, "expected a text to search for"),
        (5, Code.BAD_QUERY, "expected a text to search for"),
        ("x" * (LONGEST + 1), Code.BAD_QUERY, "at most 4096 characters"),
        ("a " * (MOST_CLAUSES + 1), Code.BAD_QUERY, "at most 200 words"),
        ("(" * (DEEPEST + 1) + "a" + ")" * (DEEPEST + 1), Code.BAD_QUERY, "at most 20 brackets"),
        ("(a", Code.BAD_QUERY, "character 3: a bracket is not closed"),
        ("a)", Code.BAD_QUERY, "character 2: a bracket is closed that was not opened"),
        ('"a', Code.BAD_QUERY, "character 1: '\"' is not expected"),
        ("AND a", Code.BAD_QUERY, "AND stands between two things"),
        ("a OR", Code.BAD_QUERY, "OR stands between two things"),
        ("a AND OR b", Code.BAD_QUERY, "OR stands between two things"),
        ("title:", Code.BAD_QUERY, "nothing is looked for in title"),
        ("_exists_:", Code.BAD_QUERY, "_exists_ needs the name of a field"),
        ("- a", Code.BAD_QUERY, "character 2"),
        ("a b:c d$e:f", Code.BAD_FIELD_NAME, "invalid field name"),
        ("book.*:clojure", Code.UNSUPPORTED, "a wildcard in the name of a field"),
        ("$where:x", Code.BAD_FIELD_NAME, "invalid field name"),
    ],
)
def test_what_cannot_be_read(q: object, code: Code, reason: str) -> None:
    error = refusal(q)
    assert error.code is code
    assert reason in error.message


def test_a_backslash_takes_what_comes_next_as_it_is() -> None:
    phrases = (Phrase("a:b"), Phrase("C++"), Phrase("(x)"), Phrase("what?"), Phrase("AND"), Phrase("a\\b"))
    found = CODEC.read(r"a\:b C++ \(x\) what\? \AND a\\b")
    assert found == Condition(ANY_TEXT, Op.TEXT, Words(some=phrases))


def test_words_in_small_letters_are_words() -> None:
    assert CODEC.read("rock and roll") == CODEC.read('"rock" "and" "roll"')
    assert CODEC.read("ANDROID ORANGE NOTE") == CODEC.read('"ANDROID" "ORANGE" "NOTE"')


def test_nothing_in_brackets_finds_nothing() -> None:
    assert CODEC.read("()") == Or(())


@given(st.text(alphabet=st.sampled_from('ab咖 "()+-!*?:\\/&|ANDORT~^[]'), max_size=40))
def test_whatever_is_typed_is_read_or_refused(q: str) -> None:
    try:
        found = CODEC.read(q)
    except GatewayError as error:
        found = error.code
    assert not isinstance(found, Code) or found in (Code.BAD_QUERY, Code.UNSUPPORTED, Code.BAD_FIELD_NAME)


FIELDS = st.sampled_from([ANY_TEXT, "title", "AND", "a_b"])
PHRASES = st.builds(Phrase, st.text(st.characters(codec="utf-8"), min_size=1, max_size=9)) | st.builds(
    Phrase, st.text('abAND:"\\(é咖?*-+~', min_size=1, max_size=6), st.just(True)
)
LEAVES = st.builds(
    Condition,
    FIELDS,
    st.just(Op.TEXT),
    st.builds(
        Words,
        some=st.lists(PHRASES, min_size=1, max_size=3).map(tuple),
        every=st.lists(PHRASES, max_size=2).map(tuple),
        without=st.lists(PHRASES, max_size=2).map(tuple),
    ),
) | st.builds(Condition, st.sampled_from(["title", "tags"]), st.just(Op.EXISTS), st.booleans())
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: Or(tuple(parts))),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: And(tuple(parts))),
        inner.map(lambda part: And((And(()), Not(part)))),
    ),
    max_leaves=6,
)


def meaning(where: Filter) -> object:
    """The same for filters that mean the same: conditions of one field may be joined in one."""
    match where:
        case And((part,)) | Or((part,)):
            return meaning(part)
        case And(parts):
            return ("and", *map(meaning, parts))
        case Or(parts):
            return ("or", *map(meaning, parts))
        case Not(part):
            return ("not", meaning(part))
    return repr(where)


@given(TREES)
def test_what_is_written_reads_as_the_same(where: Filter) -> None:
    assert meaning(CODEC.read(CODEC.write(where))) == meaning(where)


def test_what_cannot_be_written() -> None:
    for where in (
        Condition("n", Op.EQ, 1),
        Condition("title", Op.TEXT, Words(without=(Phrase("a"),))),
        Condition("title", Op.TEXT, Words(some=(Phrase("a b", prefix=True),))),
        Or(()),
    ):
        with pytest.raises(GatewayError) as refused:
            CODEC.write(where)
        assert refused.value.code is Code.UNSUPPORTED


def test_only_one_dialect_has_such_a_box(dialects: Mapping[str, Dialect]) -> None:
    assert [name for name, dialect in dialects.items() if dialect.file.search is not None] == ["leancloud"]
