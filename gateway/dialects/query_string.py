"""The language of a search box: `"lady gaga" +title:(coffee OR tea) -decaf caf*`.

It is a part of Elasticsearch's query strings (reference of version 7.4, "Query string query"), which LeanCloud's guide
of full-text search refers to, and which are Lucene's:

- words, of which one must be there, and a better match has more; `"a phrase"` in quotes; `begin*`; `*` is everything;
- `AND`, `OR`, `NOT` in capitals, or `&&`, `||`, `!`; `+` before what must be there, `-` before what must not;
- `field:word`, `field:"a phrase"`, `field:(some words)`, and round brackets around anything;
- `_exists_:field` and `_missing_:field`;
- a backslash takes what comes next as it is.

As there, `AND` and `OR` have no precedence: `a OR b AND c` needs b and c. What else there is of the language is
refused, as words would mean something else: other wildcards, `/regular expressions/`, `fuzzy~`, ranges, comparisons,
`boosts^2`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

from gateway.dialects.names import FieldNames
from gateway.dialects.scalars import shown
from gateway.errors import Code, GatewayError
from gateway.mapping.shape import Codec
from gateway.model.query import ANY_TEXT, And, Condition, Filter, Not, Op, Or, Phrase, Words
from gateway.model.values import ID

LONGEST: Final = 4096
"""Characters of a query."""
DEEPEST: Final = 20
"""Brackets inside each other."""
MOST_CLAUSES: Final = 200

EVERYTHING: Final = And(())

_SPACE: Final = re.compile(r"[\s=]*")  # `=` is reserved there, and says nothing
_WORD: Final = re.compile(r'(?:\\.|[^\s\\=():"*?~^\[\]{}<>])+', re.DOTALL)
_QUOTED: Final = re.compile(r'"((?:\\.|[^"\\])*)"', re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_SPECIAL: Final = re.compile(r'([+\-!(){}\[\]^"~*?:\\/=<>]|&&|\|\||\b(?:AND|OR|NOT)\b)')
_FIELDS: Final = {"_exists_": True, "_missing_": False}


class _Flag(Enum):
    """How a clause stands in its query."""

    SHOULD = auto()
    MUST = auto()
    MUST_NOT = auto()


@dataclass(slots=True)
class _Clause:
    flag: _Flag
    part: Filter
    leaf: tuple[str, Phrase] | None = None
    """The field and the words, where it is no more than that."""


class _Reader:
    def __init__(self, text: str, names: FieldNames) -> None:
        self._text = text
        self._names = names
        self._at = 0
        self._clauses = 0

    def read(self) -> Filter:
        found = self._query(ANY_TEXT, 0)
        if self._at < len(self._text):
            raise self._bad("a bracket is closed that was not opened")
        return found

    def _bad(self, reason: str) -> GatewayError:
        return GatewayError(Code.BAD_QUERY, f"the query cannot be read at character {self._at + 1}: {reason}")

    def _unknown(self, what: str) -> GatewayError:
        message = f"{what} (character {self._at + 1}) cannot be searched for here; a backslash takes it as it is"
        return GatewayError(Code.UNSUPPORTED, message, name=what)

    def _skip(self) -> None:
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found is not None else self._at

    def _take(self, *tokens: str) -> str | None:
        token = next((token for token in tokens if self._text.startswith(token, self._at)), None)
        if token is not None:
            self._at += len(token)
        return token

    def _keyword(self) -> str | None:
        """AND, OR or NOT, by whatever name, if that is what comes."""
        for word, ways in (("AND", ("&&",)), ("OR", ("||",)), ("NOT", ())):
            if self._take(*ways) is not None:
                return word
            after = self._text[self._at + len(word) : self._at + len(word) + 1]
            if self._text.startswith(word, self._at) and (not after or after.isspace() or after in '("'):
                self._at += len(word)
                return word
        return None

    def _query(self, field: str, depth: int) -> Filter:
        if depth > DEEPEST:
            raise self._bad(f"there are at most {DEEPEST} brackets inside each other")
        clauses: list[_Clause] = []
        joined: str | None = None  # the AND or OR that waits for what comes behind it
        while True:
            self._skip()
            if self._at >= len(self._text) or self._text[self._at] == ")":
                break
            word = self._keyword()
            if word in ("AND", "OR"):
                if not clauses or joined is not None:
                    raise self._bad(f"{word} stands between two things")
                joined = word
                if word == "AND" and clauses[-1].flag is _Flag.SHOULD:
                    clauses[-1].flag = _Flag.MUST
                continue
            flag = _Flag.MUST if joined == "AND" else _Flag.SHOULD
            if word == "NOT":
                flag = _Flag.MUST_NOT
                self._skip()
            else:
                sign = self._take("+", "-", "!")
                if sign is not None:
                    flag = _Flag.MUST if sign == "+" else _Flag.MUST_NOT
            clause = self._clause(field, depth)
            joined = None
            if clause is not None:
                clause.flag = flag
                clauses.append(clause)
        if joined is not None:
            raise self._bad(f"{joined} stands between two things")
        return _together(clauses)

    def _clause(self, field: str, depth: int) -> _Clause | None:
        """One thing to look for; None where there is no word in it."""
        self._clauses += 1
        if self._clauses > MOST_CLAUSES:
            raise self._bad(f"there are at most {MOST_CLAUSES} words")
        if (quoted := _QUOTED.match(self._text, self._at)) is not None:
            self._at = quoted.end()
            self._check_after()
            return _leaf(field, Phrase(_plain(quoted[1])))
        if self._take("(") is not None:
            part = self._query(field, depth + 1)
            if self._take(")") is None:
                raise self._bad("a bracket is not closed")
            self._check_after()
            return _Clause(_Flag.SHOULD, part)
        if self._take("*:*") is not None or self._is_lone("*"):
            return _Clause(_Flag.SHOULD, EVERYTHING if field == ANY_TEXT else Condition(field, Op.EXISTS, value=True))
        if self._text.startswith("/", self._at):
            raise self._unknown("a regular expression")
        word = _WORD.match(self._text, self._at)
        if word is None:
            self._check_after()
            raise self._bad(f"{shown(self._text[self._at : self._at + 1])} is not expected")
        self._at = word.end()
        if self._take(":") is not None:
            return self._of_field(_plain(word[0]), depth)
        prefix = self._take("*") is not None
        self._check_after()
        if prefix and self._text.startswith(":", self._at):
            raise self._unknown("a wildcard in the name of a field")
        if prefix and _WORD.match(self._text, self._at) is not None:
            raise self._unknown("a wildcard inside a word")
        return _leaf(field, Phrase(_plain(word[0]), prefix))

    def _is_lone(self, token: str) -> bool:
        after = self._text[self._at + 1 : self._at + 2]
        if not self._text.startswith(token, self._at) or (after and not after.isspace() and after != ")"):
            return False
        self._at += 1
        return True

    def _of_field(self, name: str, depth: int) -> _Clause | None:
        self._skip()
        if name in _FIELDS:
            found = _WORD.match(self._text, self._at)
            if found is None:
                raise self._bad(f"{name} needs the name of a field")
            self._at = found.end()
            field = self._names.read(_plain(found[0]))
            return _Clause(_Flag.SHOULD, Condition(field, Op.EXISTS, _FIELDS[name]))
        field = self._names.read(name)
        if self._at >= len(self._text):
            raise self._bad(f"nothing is looked for in {name}")
        return self._clause(field, depth)

    def _check_after(self) -> None:
        """What may not follow, or begin, a word."""
        follows = self._text[self._at : self._at + 1]
        if follows in ("?", "*"):
            raise self._unknown("a wildcard inside a word")
        if follows and follows in "~^[]{}<>":
            told = {"~": "what is like a word", "^": "a weight"}.get(follows, "a range")
            raise self._unknown(told)


def _leaf(field: str, phrase: Phrase) -> _Clause:
    if field == ID:  # the guide: it is a text like others; no words are made of it
        return _Clause(_Flag.SHOULD, Condition(ID, Op.EQ, phrase.words))
    return _Clause(_Flag.SHOULD, Condition(field, Op.TEXT, Words(some=(phrase,))), (field, phrase))


def _together(clauses: list[_Clause]) -> Filter:
    """What matches a list of clauses, as Lucene's BooleanQuery has it; one that only excludes matches all the rest."""
    leaves = [clause.leaf for clause in clauses if clause.leaf is not None]
    flags = {flag: [clause for clause in clauses if clause.flag is flag] for flag in _Flag}
    positive = flags[_Flag.MUST] or flags[_Flag.SHOULD]
    if len(leaves) == len(clauses) and len({field for field, _ in leaves}) == 1 and positive:
        some, every, without = (
            tuple(clause.leaf[1] for clause in flags[flag] if clause.leaf is not None)
            for flag in (_Flag.SHOULD, _Flag.MUST, _Flag.MUST_NOT)
        )
        return Condition(leaves[0][0], Op.TEXT, Words(some, every, without))
    parts = [clause.part for clause in flags[_Flag.MUST]]
    some_of = tuple(clause.part for clause in flags[_Flag.SHOULD])
    if some_of and parts:
        parts.append(Or((*some_of, EVERYTHING)))  # it makes a match a better one
    elif some_of:
        parts.append(some_of[0] if len(some_of) == 1 else Or(some_of))
    parts += [Not(clause.part) for clause in flags[_Flag.MUST_NOT]]
    return parts[0] if len(parts) == 1 else And(tuple(parts)) if parts else Or(())


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda found: "".join(f"\\{letter}" for letter in found[0]), text)


def _written(where: Filter, names: FieldNames) -> str:
    """Raises GatewayError(UNSUPPORTED)."""
    match where:
        case And(()):
            return "*"
        case And(parts):
            # what only excludes finds nothing, where it stands in brackets
            only = "* AND " if all(isinstance(part, Not) for part in parts) else ""
            return f"({only}{' AND '.join(_joined(part, names) for part in parts)})"
        case Or((first, *more)):
            return f"({' OR '.join(_written(part, names) for part in (first, *more))})"
        case Not():
            return f"(* AND {_joined(where, names)})"
        case Condition(field, Op.EXISTS, bool() as there):
            return f"{'_exists_' if there else '_missing_'}:{_escaped(names.write(field))}"
        case Condition("@id", Op.EQ, str() as known):
            return f"{_escaped(names.write(ID))}:{_quoted(known)}"
        case Condition(field, Op.TEXT, Words() as words):
            signs = (("", words.some), ("+", words.every), ("-", words.without))
            said = " ".join(f"{sign}{_phrase(phrase)}" for sign, phrases in signs for phrase in phrases)
            if words.some or words.every:
                return f"({said})" if field == ANY_TEXT else f"{_escaped(names.write(field))}:({said})"
    raise GatewayError(Code.UNSUPPORTED, f"a {type(where).__name__} of that kind cannot be searched for here")


def _joined(part: Filter, names: FieldNames) -> str:
    return f"NOT {_written(part.part, names)}" if isinstance(part, Not) else _written(part, names)


def _phrase(phrase: Phrase) -> str:
    if not phrase.prefix:
        return _quoted(phrase.words)
    if not phrase.words or any(letter.isspace() for letter in phrase.words):
        raise GatewayError(Code.UNSUPPORTED, "a phrase whose last word may go on cannot be searched for here")
    return f"{_escaped(phrase.words)}*"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def query_text(names: FieldNames) -> Codec:
    def read(wire: Any) -> Filter:
        if type(wire) is not str or not wire.strip():
            raise GatewayError(Code.BAD_QUERY, f"expected a text to search for, found {shown(wire)}")
        if len(wire) > LONGEST:
            raise GatewayError(Code.BAD_QUERY, f"a query has at most {LONGEST} characters")
        return _Reader(wire, names).read()

    write: Callable[[Filter], str] = lambda where: _written(where, names)  # noqa: E731
    return Codec(read, write)
