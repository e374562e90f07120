"""What a word is, and how what was found is marked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.query import ANY_TEXT, And, Condition, Not, Op, Or, Phrase, Words
from gateway.store.words import (
    BETWEEN,
    LONGEST_TEXT,
    LONGEST_WORD,
    MARKS,
    MOST_FRAGMENTS,
    indexed,
    marked,
    searched,
    spoken,
    texts_of,
    tokens_of,
    words_of,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("Hello, World! 3.14", ["hello", "world", "3", "14"]),
        ("foo_bar don't", ["foo", "bar", "don", "t"]),
        ("Café CRÈME naïve", ["cafe", "creme", "naive"]),
        ("Cafe\u0301", ["cafe"]),  # the accent as a character of its own
        ("Straße \ufb01ne \uff21\uff22\uff23 \uff11\uff12", ["strasse", "fine", "abc", "12"]),
        ("İstanbul Ёлка Άθήνα", ["istanbul", "елка", "αθηνα"]),
        ("我要一杯Coffee。", ["我", "要", "一", "杯", "coffee"]),
        ("コーヒー が", ["コ", "ー", "ヒ", "ー", "が"]),
        ("ｺｰﾋｰ", ["コ", "ー", "ヒ", "ー"]),  # half width, as full
        ("𠮷野家", ["𠮷", "野", "家"]),  # beyond the first plane
        ("한국어 말", ["한국어", "말"]),
        ("हिन्दी", ["हिन्दी"]),  # its vowels are marks
        ("½", ["1", "2"]),
        ("🎉 a🎉b", ["a", "b"]),
        (BETWEEN, []),
        ('"a" AND -b* (c)', ["a", "and", "b", "c"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words
    assert [token.word for token in tokens_of(text)] == words


@given(st.text())
def test_words_have_nothing_in_them_that_the_index_takes_for_more(text: str) -> None:
    for word in words_of(text):
        assert 0 < len(word) <= LONGEST_WORD
        assert not any(letter.isspace() or (letter.isascii() and not letter.isalnum()) for letter in word)
        assert BETWEEN not in word
    assert words_of(" ".join(words_of(text))) == words_of(text)
    assert [token.word for token in tokens_of(text)] == words_of(text)


@given(st.text())
def test_a_token_stands_where_it_says(text: str) -> None:
    for token in tokens_of(text):
        assert token.word in words_of(text[token.start : token.end])


def test_what_is_too_long_is_cut_alike_in_texts_and_queries() -> None:
    assert words_of("x" * 500) == ["x" * LONGEST_WORD] == words_of("X" * LONGEST_WORD + "Y")
    assert len(words_of("a " * LONGEST_TEXT)) == LONGEST_TEXT // 2


def test_the_texts_of_a_value() -> None:
    stored = [
        "a",
        1,
        None,
        True,
        ["b", {"k": "c", "d": {"@date": "2026-01-01T00:00:00.000Z"}}],
        {"@file": {"name": "x"}},
    ]
    assert list(texts_of(stored)) == ["a", "b", "c"]
    assert list(texts_of("a")) == ["a"]
    assert list(texts_of(5)) == []


def test_no_phrase_goes_from_one_text_of_a_list_into_the_next() -> None:
    assert indexed('["a b","c"]') == f"a b {BETWEEN} c"
    assert indexed('"A b"') == "a b"
    assert indexed(None) == ""
    assert indexed("[]") == ""


def test_a_list_has_no_more_room_than_one_text() -> None:
    half = "a " * (LONGEST_TEXT // 4)
    stored = f'["{half}","{half}","b"]'
    assert "b" not in indexed(stored).split()
    assert indexed(stored).split().count("a") == LONGEST_TEXT // 2


def test_what_a_condition_looks_for() -> None:
    one, other = Words(some=(Phrase("a"),)), Words(every=(Phrase("b"),))
    where = And((Condition("t", Op.TEXT, one), Or((Condition(ANY_TEXT, Op.TEXT, other), Condition("n", Op.EQ, 1)))))
    assert list(searched(where)) == [("t", one), (ANY_TEXT, other)]
    assert list(searched(Not(where))) == []
    assert list(searched(None)) == []


@pytest.mark.parametrize(
    ("text", "phrases", "parts"),
    [
        ("Hello World", (Phrase("hello"),), ["<em>Hello</em> World"]),
        ("a lady gaga b lady", (Phrase("Lady GAGA"),), ["a <em>lady gaga</em> b lady"]),
        ("我要一杯咖啡", (Phrase("咖啡"),), ["我要一杯<em>咖啡</em>"]),
        ("CAFÉ", (Phrase("caf", prefix=True),), ["<em>CAFÉ</em>"]),
        ("big cafes", (Phrase("big caf", prefix=True),), ["<em>big cafes</em>"]),
        ("aa", (Phrase("a", prefix=True), Phrase("aa")), ["<em>aa</em>"]),
        ("天天天", (Phrase("天天"),), ["<em>天天天</em>"]),  # what overlaps is one
        ("<b>bold</b>", (Phrase("bold"),), ["<b><em>bold</em></b>"]),  # data, and no HTML
        ("nothing", (Phrase("hello"), Phrase("!")), []),
        ("", (Phrase("a"),), []),
    ],
)
def test_what_was_found_is_marked(text: str, phrases: tuple[Phrase, ...], parts: list[str]) -> None:
    assert marked(text, spoken(phrases)) == parts


def test_of_a_long_text_some_parts_are_told() -> None:
    text = ("x " * 300 + "word ") * 20
    parts = marked(text, spoken((Phrase("word"),)))
    assert len(parts) == MOST_FRAGMENTS
    assert all("<em>word</em>" in part and len(part) < 150 for part in parts)


@given(st.text(alphabet="ab 咖é", max_size=500), st.text(alphabet="ab咖", min_size=1, max_size=3))
def test_marks_change_nothing_else(text: str, word: str) -> None:
    for part in marked(text, spoken((Phrase(word),))):
        assert part.replace(MARKS[0], "").replace(MARKS[1], "") in text
        assert part.count(MARKS[0]) == part.count(MARKS[1]) > 0
