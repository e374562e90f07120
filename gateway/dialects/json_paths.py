"""Paths into JSON as text: `$.a.b[0]`, `$[1]`, `$."a key"`, and with wildcards `$.a.*`, `$.a[*]`, `$**.city`.

Source: MySQL 8, "Searching and Modifying JSON Values", whose paths Backendless passes on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from gateway.errors import Code, GatewayError
from gateway.model.query import Wildcard
from gateway.wire import read_json

Steps = tuple[str | int, ...]

MOST_STEPS = 100
"""As MySQL has it."""

_KEY = re.compile(r"""[^\s.\[\]*"'`\\]+""")
_QUOTED = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')
_INDEX = re.compile(r"\[\s*([0-9]{1,9})\s*\]")
_ANY_INDEX = re.compile(r"\[\s*\*\s*\]")
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def read_json_path(text: str, start: int = 0) -> tuple[str | int | Wildcard, ...]:
    """The steps of a path; `$` alone has none. `start` is where the text begins in a longer one, for messages.

    Raises GatewayError: BAD_QUERY with the position, UNSUPPORTED for `[last]` and ranges.
    """
    steps: list[str | int | Wildcard] = []
    if text[:1] != "$":
        raise _expected("a path that starts with $", text, 0, start)
    at = 1
    while at < len(text):
        if len(steps) == MOST_STEPS:
            raise GatewayError(Code.BAD_QUERY, f"a path has {MOST_STEPS} steps at most")
        step, at = _read_step(text, at, start)
        steps.append(step)
    if steps and steps[-1] is Wildcard.ANY_DEPTH:
        raise _expected("a step after **", text, at, start)
    return tuple(steps)


def _read_step(text: str, at: int, start: int) -> tuple[str | int | Wildcard, int]:
    """A step, and where the next one begins."""
    if text.startswith("**", at):
        return Wildcard.ANY_DEPTH, at + 2
    if text[at] == "[":
        index = _INDEX.match(text, at)
        if index is not None:
            return int(index[1]), index.end()
        anyone = _ANY_INDEX.match(text, at)
        if anyone is not None:
            return Wildcard.ANY_INDEX, anyone.end()
        if text.startswith("last", at + 1) or " to " in text[at : at + 40]:
            raise GatewayError(
                Code.UNSUPPORTED, f"at position {start + at + 1}: `last` and ranges are not supported in a path"
            )
        raise _expected("[number] or [*]", text, at, start)
    if text[at] != ".":
        raise _expected("a dot or a bracket", text, at, start)
    at += 1
    if text.startswith("*", at):
        return Wildcard.ANY_KEY, at + 1
    quoted = _QUOTED.match(text, at)
    if quoted is not None:
        try:
            key = read_json(quoted[0])
        except GatewayError:
            raise _expected("a key in quotes, as JSON has it", text, at, start) from None
        assert isinstance(key, str)
        return _not_wildcard(key), quoted.end()
    plain = _KEY.match(text, at)
    if plain is None:
        raise _expected("a key", text, at, start)
    return plain[0], plain.end()


def _not_wildcard(key: str) -> str:
    # a wildcard is told from a key by its class; that they are equal as texts would mislead whoever compares
    if key in tuple(Wildcard):
        raise GatewayError(Code.UNSUPPORTED, f"a key cannot be called {key} in a path")
    return key


def _expected(what: str, text: str, at: int, start: int) -> GatewayError:
    found = repr(text[at : at + 20]) if at < len(text) else "its end"
    return GatewayError(Code.BAD_QUERY, f"path, at position {start + at + 1}: expected {what}, found {found}")


def read_place(text: str) -> Steps:
    """The path of one place, such as an update of JSON names: without wildcards."""
    steps: list[str | int] = []
    for step in read_json_path(text):
        if isinstance(step, Wildcard):
            raise GatewayError(Code.BAD_QUERY, f"the path {text[:60]!r} must name one place, without wildcards")
        steps.append(step)
    return tuple(steps)


def write_json_path(steps: Iterable[str | int | Wildcard]) -> str:
    return "$" + "".join(map(_write_step, steps))


def _write_step(step: str | int | Wildcard) -> str:
    match step:
        case Wildcard.ANY_KEY:
            return ".*"
        case Wildcard.ANY_INDEX:
            return "[*]"
        case Wildcard.ANY_DEPTH:
            return "**"
        case int():
            return f"[{step}]"
        case _ if _PLAIN_KEY.fullmatch(step):
            return f".{step}"
        case _:
            # JSON's own quoting, of the two characters that need it and of control characters
            return '."' + "".join(map(_quoted_character, step)) + '"'


def _quoted_character(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if character >= " " else f"\\u{ord(character):04x}"


def as_field(column: str, steps: Sequence[str | int | Wildcard]) -> str | None:
    """A path of plain keys as a dotted field of the model; None where a dotted field would mean something else."""
    keys = [step for step in steps if type(step) is str and _PLAIN_KEY.fullmatch(step)]
    return ".".join([column, *keys]) if len(keys) == len(steps) else None
