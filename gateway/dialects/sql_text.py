"""SQL as tokens: names, texts, numbers and signs, each with its place; and how a text, a number, a name are written.

A text stands in single quotes, in which a quote is written twice; a backslash is itself. A name with other characters
stands in backticks. There are no comments.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from gateway.errors import Code, GatewayError

LONGEST_TEXT = 100_000
"""Characters of one text. An SDK's own list of ids for a bulk delete can be long."""

DEEPEST = 50
"""Levels of brackets and of NOT, and operators in one piece of arithmetic."""


class Kind(StrEnum):
    """What a token is; the value says it in messages."""

    NAME = "a name"
    QUOTED = "a name in backticks"
    TEXT = "a text"
    NUMBER = "a number"
    SIGN = "a sign"
    END = "the end"


@dataclass(frozen=True, slots=True)
class Token:
    """`value` is what it means: a name or text without its quotes, a number. `word` is a bare name in small letters."""

    kind: Kind
    wire: str
    value: str | int | float
    start: int
    word: str = ""


_TOKEN = re.compile(
    r"""
      (?P<blank>\s+)
    | (?P<name>[^\W\d]\w*)
    | (?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    | (?P<text>'[^']*(?:''[^']*)*')
    | (?P<quoted>`[^`]+`)
    | (?P<comment>--|/\*|\#)
    | (?P<sign>->|<=|>=|=>|<>|!=|[-=<>()\[\],.+*/])
    """,
    re.VERBOSE,
)
_WHOLE = re.compile(r"[0-9]{1,18}")


def bad_query(what: str, start: int, message: str) -> GatewayError:
    """Positions count characters, and the first is 1."""
    return GatewayError(Code.BAD_QUERY, f"{what}, at position {start + 1}: {message}", position=str(start + 1))


def tokens(text: str, what: str) -> list[Token]:
    """All tokens, with one for the end. `what` is the name of the text in messages. Raises GatewayError(BAD_QUERY)."""
    if len(text) > LONGEST_TEXT:
        raise GatewayError(Code.BAD_QUERY, f"{what} is longer than {LONGEST_TEXT} characters")
    found: list[Token] = []
    at = 0
    while at < len(text):
        piece = _TOKEN.match(text, at)
        if piece is None or piece.lastgroup == "comment":
            raise bad_query(what, at, _why_not(text, at))
        if piece.lastgroup != "blank":
            found.append(_token(piece, what))
        at = piece.end()
    found.append(Token(Kind.END, "", "", len(text)))
    return found


def _token(piece: re.Match[str], what: str) -> Token:
    wire, start = piece[0], piece.start()
    match piece.lastgroup:
        case "name":
            return Token(Kind.NAME, wire, wire, start, wire.lower())
        case "text":
            return Token(Kind.TEXT, wire, wire[1:-1].replace("''", "'"), start)
        case "quoted":
            return Token(Kind.QUOTED, wire, wire[1:-1], start)
        case "number":
            after = piece.string[piece.end() : piece.end() + 1]
            if after.isalnum() or after == "_":
                raise bad_query(what, start, f"expected a number, found {_short(wire + after)}: a text needs quotes")
            number = int(wire) if _WHOLE.fullmatch(wire) else float(wire)
            if not math.isfinite(number):
                raise bad_query(what, start, "the number is too large")
            return Token(Kind.NUMBER, wire, number, start)
        case _:
            return Token(Kind.SIGN, wire, wire, start)


def _why_not(text: str, at: int) -> str:
    match text[at]:
        case "'":
            return "the quote is never closed (inside a text, a quote is written twice)"
        case "`":
            return "the backtick is never closed, or there is no name in it"
        case '"':
            return "a text stands in single quotes"
        case ";":
            return "there is one expression, and no semicolon"
    if text.startswith(("--", "/*", "#"), at):
        return "comments are not allowed"
    return f"the character {text[at]!r} has no meaning here"


def _short(wire: str) -> str:
    return repr(wire if len(wire) <= 30 else wire[:27] + "...")


class Cursor:
    """The tokens of one text, read from the left. What it misses it tells with the position."""

    def __init__(self, text: str, what: str, read: Callable[[str, str], list[Token]] = tokens) -> None:
        """`read` finds the tokens, for a grammar with others."""
        self.what = what
        self._tokens = read(text, what)
        self._at = 0
        self._depth = 0

    @property
    def token(self) -> Token:
        return self._tokens[self._at]

    @property
    def following(self) -> Token:
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)]

    def next(self) -> Token:
        token = self.token
        if token.kind is not Kind.END:
            self._at += 1
        return token

    def at_sign(self, sign: str) -> bool:
        return self.token.kind is Kind.SIGN and self.token.wire == sign

    def take_sign(self, *signs: str) -> str | None:
        if self.token.kind is Kind.SIGN and self.token.wire in signs:
            return self.next().wire
        return None

    def at_words(self, *words: str) -> bool:
        """Whether these words stand here, in any case; a name in backticks is no word."""
        # the last token is the end, and no word
        return all(self._tokens[at].word == word for at, word in enumerate(words, self._at))

    def take_words(self, *words: str) -> bool:
        if not self.at_words(*words):
            return False
        self._at += len(words)
        return True

    def expect_sign(self, sign: str) -> None:
        if self.take_sign(sign) is None:
            raise self.expected(f"{sign!r}")

    def expect_end(self, otherwise: str = "the end") -> None:
        if self.token.kind is not Kind.END:
            raise self.expected(otherwise)

    def expected(self, what: str) -> GatewayError:
        token = self.token
        found = "the end" if token.kind is Kind.END else _short(token.wire)
        return bad_query(self.what, token.start, f"expected {what}, found {found}")

    def wrong(self, start: int, message: str) -> GatewayError:
        return bad_query(self.what, start, message)

    def unsupported(self, start: int, message: str, name: str = "") -> GatewayError:
        text = f"{self.what}, at position {start + 1}: {message}"
        return GatewayError(Code.UNSUPPORTED, text, position=str(start + 1), name=name)

    @contextmanager
    def deeper(self) -> Iterator[None]:
        if self._depth == DEEPEST:
            raise self.wrong(self.token.start, f"expected {DEEPEST} levels of brackets at most")
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1


# --- writing ---

RESERVED = frozenset({"and", "or", "not", "in", "like", "is", "null", "true", "false", "as", "asc", "desc"})
"""Names that need backticks to be names."""

_NAME = re.compile(r"[^\W\d]\w*")


def write_name(name: str) -> str:
    """Raises GatewayError(UNSUPPORTED) for a name that cannot be told here: it would be more than a name."""
    if _NAME.fullmatch(name) and name.lower() not in RESERVED:
        return name
    if not name or "`" in name or any(character < " " for character in name):
        raise GatewayError(Code.UNSUPPORTED, f"the name {_short(name)} cannot be told here", field=name)
    return f"`{name}`"


def write_text(text: str) -> str:
    """A text between quotes. Raises GatewayError(UNSUPPORTED) where a reader could take it for more than a text.

    A database that takes `\\'` for a quote inside the text, as MySQL does by default, would end it elsewhere than one
    that does not, and go on with what the client sent. The grammar does not say which way its reader goes.
    """
    if "\\'" in text or text.endswith("\\"):
        raise GatewayError(
            Code.UNSUPPORTED, "a text with a backslash before a quote, or at its end, cannot be told here"
        )
    return "'" + text.replace("'", "''") + "'"


def write_number(number: float) -> str:
    if not math.isfinite(number):
        raise GatewayError(Code.UNSUPPORTED, f"the number {number} cannot be told here")
    return repr(number)
