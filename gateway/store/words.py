"""What a word is, where texts are searched: for the index, for the query and for marking what was found alike.

A word is a run of letters, digits and the marks on them. Scripts that are written without spaces between words
(Chinese, Japanese, Thai and their like) have no such runs, and to tell their words apart takes a dictionary; here each
of their characters is a word of its own, and a word of the query is a phrase of them. So every word of two characters
is found, wherever it stands, also one that no dictionary has; what is lost is that a word may be found across two
others.

Words are compared without case, without the accents of Latin, Greek and Cyrillic, and with compatible forms alike
(full width, ligatures). They are not stemmed: a text is in any language, and a client may ask for how a word begins.

Pure functions; SQLite's own tokenizers are not used, but for taking apart what is joined here by spaces.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import orjson

from gateway.model.query import And, Condition, Filter, Or, Phrase, Words
from gateway.store.encoding import is_tagged

LONGEST_WORD: Final = 100
"""Characters; what is longer is cut there, in texts and in queries: nobody types more, and data is no text."""

LONGEST_TEXT: Final = 200_000
"""Characters of one field of one object that are looked at: so a write takes no longer than some tenths of a second."""

BETWEEN: Final = "\ue000"
"""Between the texts of a list, so that no phrase begins in one and ends in the next. It is in no word."""

_UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Thai, Lao, Burmese, Khmer; kana; Han with its radicals and extensions."""

_MARKS: Final = "".join(
    mark for mark in map(chr, range(0x300, 0x10000)) if unicodedata.category(mark) in ("Mn", "Mc", "Me")
)
_WORD: Final = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}](?:[^\W_{_UNSPACED}]|[{_MARKS}])*")
_ASCII_WORD: Final = re.compile(r"[a-z0-9]+")
_ACCENTS: Final = re.compile("[\u0300-\u036f]")


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a text as it is compared, and where it stands."""

    word: str
    start: int
    end: int


@lru_cache(maxsize=8192)
def _folded(raw: str) -> tuple[str, ...]:
    """A word as it is written, as words that are compared: a compatible form may stand for several."""
    bare = _ACCENTS.sub("", unicodedata.normalize("NFKD", raw.casefold()))
    # again, as what a form stands for may have capitals
    whole = unicodedata.normalize("NFC", bare.casefold())
    return tuple(word[:LONGEST_WORD] for word in _WORD.findall(whole))


def words_of(text: str) -> list[str]:
    """The words of a text, in order."""
    text = text[:LONGEST_TEXT]
    if text.isascii():
        return [word[:LONGEST_WORD] for word in _ASCII_WORD.findall(text.lower())]
    return [word for raw in _WORD.findall(text) for word in _folded(raw)]


def tokens_of(text: str) -> list[Token]:
    """The same, each with its place."""
    return [
        Token(word, found.start(), found.end())
        for found in _WORD.finditer(text[:LONGEST_TEXT])
        for word in _folded(found[0])
    ]


MARKS: Final = ("<em>", "</em>")
"""Elasticsearch's, which has become LeanCloud's: guide of full-text search, `_highlight`."""


def texts_of(value: Any) -> Iterator[str]:
    """The texts in a value, or in what a column has stored: it, or those of a list or an object, keys aside."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if type(part) is str:
            yield part
        elif type(part) is list:
            waiting.extend(reversed(part))
        elif type(part) is dict and not is_tagged(part):
            waiting.extend(reversed(part.values()))


def indexed(stored: str | None) -> str:
    """What the index has of a column, by the JSON in it: its words with spaces between."""
    if stored is None:
        return ""
    left = LONGEST_TEXT
    parts = []
    for text in texts_of(orjson.loads(stored)):
        parts.append(" ".join(words_of(text[:left])))
        left -= len(text)
        if left <= 0:
            break
    return f" {BETWEEN} ".join(parts)


# what is looked for


def spoken(phrases: Iterable[Phrase]) -> list[tuple[list[str], bool]]:
    """The words of each phrase that has any, and whether the last one may go on."""
    found = ((words_of(phrase.words), phrase.prefix) for phrase in phrases)
    return [(words, prefix) for words, prefix in found if words]


def searched(where: Filter | None) -> Iterator[tuple[str, Words]]:
    """What a condition looks for, by field; what must not be there is left out, and so is anything in a Not."""
    match where:
        case And(parts) | Or(parts):
            for part in parts:
                yield from searched(part)
        case Condition(field, _, Words() as words):
            yield field, words


# what was found, marked

FRAGMENT: Final = 100
"""Characters around what was found, as Elasticsearch's highlighters show."""
MOST_FRAGMENTS: Final = 5
LONGEST_MARKED: Final = 20_000
"""Characters of a text that are looked at for them."""


def marked(text: str, wanted: Sequence[tuple[list[str], bool]]) -> list[str]:
    """Parts of a text, each with what was found in it between MARKS; nothing where nothing was.

    A text that is no longer than two fragments is one part. The text itself is told as it is: it is data, and no HTML.
    """
    text = text[:LONGEST_MARKED]
    found = _spans(tokens_of(text), wanted)
    if not found:
        return []
    parts: list[list[tuple[int, int]]] = []
    for span in found:
        if parts and (len(text) <= 2 * FRAGMENT or span[1] - parts[-1][0][0] <= FRAGMENT):
            parts[-1].append(span)
        elif len(parts) < MOST_FRAGMENTS:
            parts.append([span])
        else:
            break
    return [_written(text, spans) for spans in parts]


def _spans(tokens: Sequence[Token], wanted: Sequence[tuple[list[str], bool]]) -> list[tuple[int, int]]:
    """Where phrases stand, in order; what overlaps is one."""
    beginning: dict[str, list[tuple[list[str], bool]]] = {}
    going_on = tuple(words[0] for words, prefix in wanted if prefix and len(words) == 1)
    for words, prefix in wanted:
        beginning.setdefault(words[0], []).append((words, prefix))
    joined: list[tuple[int, int]] = []
    for at, token in enumerate(tokens):
        length = max(
            (
                len(words)
                for words, prefix in beginning.get(token.word, ())
                if _stands(tokens, at, words, prefix=prefix)
            ),
            default=0,
        )
        if not length and token.word.startswith(going_on):
            length = 1
        if not length:
            continue
        end = tokens[at + length - 1].end
        if joined and token.start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((token.start, end))
    return joined


def _stands(tokens: Sequence[Token], at: int, words: Sequence[str], *, prefix: bool) -> bool:
    if at + len(words) > len(tokens):
        return False
    last = len(words) - 1
    return all(
        tokens[at + step].word.startswith(word) if prefix and step == last else tokens[at + step].word == word
        for step, word in enumerate(words)
    )


def _written(text: str, spans: Sequence[tuple[int, int]]) -> str:
    start, end = 0, len(text)
    if end > 2 * FRAGMENT:
        room = max(0, FRAGMENT - (spans[-1][1] - spans[0][0])) // 2
        start, end = max(0, spans[0][0] - room), min(end, spans[-1][1] + room)
    parts = []
    for found_at, found_end in spans:
        parts += [text[start:found_at], MARKS[0], text[found_at:found_end], MARKS[1]]
        start = found_end
    return "".join([*parts, text[start:end]])
