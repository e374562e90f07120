"""What SQL cannot say for itself: functions that a connection offers to the filters (`filter_sql`).

They get what SQLite hands them, so a null is None; a null is never a match.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

import orjson
import re2

from gateway.errors import Code, GatewayError
from gateway.store.encoding import Stored, canonical, same, same_file

LONGEST_PATTERN: Final = 10_000


def matches(pattern: str, options: str, text: str | None) -> bool:
    return text is not None and compile_pattern(pattern, options).search(text) is not None


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


def inside(polygon: str | None, latitude: float | None, longitude: float | None) -> bool:
    """Whether a closed ring of `[latitude, longitude]` pairs has the point inside or on it, on the plane of degrees."""
    if polygon is None or latitude is None or longitude is None:
        return False
    ring = _parsed(polygon)
    if ring is None:
        return False
    odd = False
    for (lat1, lng1), (lat2, lng2) in zip(ring, [*ring[1:], ring[0]], strict=True):
        cross = (lng2 - lng1) * (latitude - lat1) - (lat2 - lat1) * (longitude - lng1)
        if (
            cross == 0
            and min(lat1, lat2) <= latitude <= max(lat1, lat2)
            and min(lng1, lng2) <= longitude <= max(lng1, lng2)
        ):
            return True
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
}
"""Each with the number of its arguments; all are deterministic."""
