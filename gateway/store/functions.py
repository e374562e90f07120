"""What SQL cannot say for itself: functions that a connection offers to the filters (`filter_sql`).

They get what SQLite hands them, so a null is None; a null is never a match.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from string import punctuation
from typing import Any, Final

import orjson
import re2

from gateway.errors import Code, GatewayError
from gateway.model.query import Wildcard
from gateway.store.encoding import Stored, canonical, is_tagged, rings, same, same_file
from gateway.store.words import indexed

LONGEST_PATTERN: Final = 10_000

LONGEST_LIKE: Final = 4_000
"""Its characters are two at most of a pattern for RE2."""

ANY_TEXT: Final = ".*"

MOST_FOUND: Final = 10_000
"""Values at a path with wildcards, in one object."""


def matches(pattern: str, options: str, text: str | None) -> bool:
    return text is not None and compile_pattern(pattern, options).search(text) is not None


def is_like(pattern: str, value: str | float | None) -> bool:
    """`pattern` is one for RE2 (`like_pattern`). A number is its text, without a fraction where it is whole."""
    if value is None:
        return False
    text = value if isinstance(value, str) else number_text(value)
    return compile_pattern(pattern, "is").search(text) is not None


def number_text(value: float) -> str:
    return str(int(value)) if isinstance(value, int) or (value.is_integer() and abs(value) < 1e16) else repr(value)


@lru_cache(maxsize=512)
def like_pattern(pattern: str) -> str:
    r"""What SQL calls a pattern, for RE2, which knows the cases of all letters; SQLite's own LIKE those of ASCII only.

    `%` is any text and `_` one character, and a `\` takes the next one literally. Raises GatewayError(BAD_QUERY).
    """
    if len(pattern) > LONGEST_LIKE:
        raise GatewayError(Code.BAD_QUERY, f"the pattern of a LIKE has at most {LONGEST_LIKE} characters")
    parts: list[str] = []
    letters = iter(pattern)
    for letter in letters:
        if letter == "%":
            parts += [] if parts[-1:] == [ANY_TEXT] else [ANY_TEXT]
        elif letter == "_":
            parts.append(".")
        else:
            literal = next(letters, letter) if letter == "\\" else letter
            parts.append(f"\\{literal}" if literal in punctuation else literal)
    text = rf"\A{''.join(parts)}\z"
    # what begins or ends with any text is looked for anywhere: then nothing is read that need not be
    text = text.removeprefix(rf"\A{ANY_TEXT}").removesuffix(rf"{ANY_TEXT}\z")
    compile_pattern(text, "is")  # refused also where no row is there to try it on
    return text


@lru_cache(maxsize=512)
def compile_pattern(pattern: str, options: str) -> Any:
    """RE2 takes linear time, whatever the pattern. Raises GatewayError(BAD_QUERY) for what it cannot express."""
    if len(pattern) > LONGEST_PATTERN:
        raise GatewayError(Code.BAD_QUERY, f"a regular expression has at most {LONGEST_PATTERN} characters")
    if not set(options) <= set("imsx"):
        raise GatewayError(Code.BAD_QUERY, f"the options {options!r} of a regular expression: i, m, s and x are known")
    if "x" in options:
        pattern = without_comments(pattern)
    flags = options.replace("x", "")
    settings = re2.Options()
    settings.log_errors = False
    try:
        return re2.compile(f"(?{flags}){pattern}" if flags else pattern, settings)
    except (re2.error, UnicodeEncodeError) as error:
        raise GatewayError(
            Code.BAD_QUERY, f"the regular expression {pattern!r} cannot be used: {_reason(error)}"
        ) from None


def _reason(error: Exception) -> str:
    reason = error.args[0] if error.args else "unknown"
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)


def without_comments(pattern: str) -> str:
    r"""The pattern for RE2, which lacks option x: blanks and comments go, unless escaped, in `[]` or in `\Q..\E`."""
    kept: list[str] = []
    at, in_class = 0, False
    while at < len(pattern):
        char = pattern[at]
        if pattern.startswith(r"\Q", at):
            end = pattern.find(r"\E", at)
            piece = pattern[at:] if end < 0 else pattern[at : end + 2]
        elif char == "\\":
            piece = pattern[at : at + 2]
        elif in_class:
            in_class = char != "]"
            piece = char
        elif char == "[":
            in_class = True
            # a `]` that comes first, also behind `^`, stands for itself
            size = 2 if pattern.startswith("[^", at) else 1
            piece = pattern[at : at + size + pattern.startswith("]", at + size)]
        elif char == "#":
            end = pattern.find("\n", at)
            at = len(pattern) if end < 0 else end + 1
            continue
        else:
            piece = char
        at += len(piece)
        if in_class or not piece.isspace():
            kept.append(piece)
    return "".join(kept)


@lru_cache(maxsize=256)
def _parsed(text: str) -> Stored:
    return orjson.loads(text)


def same_json(stored: str | None, wanted: str) -> bool:
    return stored is not None and same(orjson.loads(stored), _parsed(wanted))


def same_file_json(stored: str | None, wanted: str) -> bool:
    found = orjson.loads(stored) if stored is not None else None
    return found is not None and same_file(found, _parsed(wanted))


def canonical_json(tag: str, stored: str | None) -> bytes | None:
    """One text for equal values. `tag` is that of the type for a bare one, and empty where the value has its own."""
    if stored is None:
        return None
    value = orjson.loads(stored)
    if value is None:
        return None
    return canonical({tag: value} if tag else value)


def found_at(stored: str | None, steps: str) -> str | None:
    """All that stands at a path with wildcards inside a value, as a JSON list, in order; both come as JSON.

    A step is a key, an index, or a list of one wildcard. What has a tag is one value: no step goes into it.
    """
    value = orjson.loads(stored) if stored is not None else None
    if value is None:
        return None
    found: list[Stored] = [value]
    for step in _parsed(steps):
        found = [inner for value in found for inner in _at(value, step)]
        if len(found) > MOST_FOUND:
            raise GatewayError(Code.BAD_QUERY, f"a path with wildcards finds at most {MOST_FOUND} values in an object")
    return orjson.dumps(found).decode()


def _at(value: Stored, step: str | int | list[str]) -> Iterable[Stored]:
    kind = type(value)
    if kind is dict and not is_tagged(value):
        if type(step) is str:
            key = "@" + step if step.startswith("@") else step
            return (value[key],) if key in value else ()
        if step == [Wildcard.ANY_KEY]:
            return tuple(value.values())
    elif kind is list:
        if type(step) is int:
            return (value[step],) if 0 <= step < len(value) else ()
        if step == [Wildcard.ANY_INDEX]:
            return tuple(value)
    return _below(value) if step == [Wildcard.ANY_DEPTH] else ()


def _below(value: Stored) -> Iterator[Stored]:
    """A value, and all that it has inside of it."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        yield value
        if type(value) is list:
            waiting.extend(reversed(value))
        elif type(value) is dict and not is_tagged(value):
            waiting.extend(reversed(value.values()))


def inside(polygon: str | None, latitude: float | None, longitude: float | None) -> bool:
    """Whether a stored polygon has the point inside or on its edge, on the plane of degrees.

    The edge of a hole is the polygon's.
    """
    if polygon is None or latitude is None or longitude is None:
        return False
    stored = _parsed(polygon)
    if stored is None:
        return False
    outer, *holes = rings(stored)
    if not _encloses(outer, latitude, longitude, edge=True):
        return False
    return not any(_encloses(hole, latitude, longitude, edge=False) for hole in holes)


def _encloses(ring: list[list[float]], latitude: float, longitude: float, *, edge: bool) -> bool:
    """`edge` is the answer for a point on it; the ring is one of `[latitude, longitude]` pairs."""
    odd = False
    for (lat1, lng1), (lat2, lng2) in zip(ring, [*ring[1:], ring[0]], strict=True):
        cross = (lng2 - lng1) * (latitude - lat1) - (lat2 - lat1) * (longitude - lng1)
        if (
            cross == 0
            and min(lat1, lat2) <= latitude <= max(lat1, lat2)
            and min(lng1, lng2) <= longitude <= max(lng1, lng2)
        ):
            return edge
        # a ray to the east meets the edge: upwards with the point to its left, or downwards with it to its right
        if (lat1 > latitude) != (lat2 > latitude) and (cross < 0) == (lat2 > lat1):
            odd = not odd
    return odd


FUNCTIONS: Final[Mapping[str, tuple[Callable[..., Any], int]]] = {
    "matches": (matches, 3),
    "same": (same_json, 2),
    "same_file": (same_file_json, 2),
    "canonical": (canonical_json, 2),
    "inside": (inside, 3),
    "is_like": (is_like, 2),
    "found_at": (found_at, 2),
    "indexed": (indexed, 1),
}
"""Each with the number of its arguments; all are deterministic."""
