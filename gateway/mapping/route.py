"""Routes: a path is compiled once, to be matched and to be built, so what we serve is what we call."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, unquote

from gateway.errors import Code, GatewayError, MappingError
from gateway.mapping.schema import BatchSection, ErrorRow, StatementSection, UnitSection
from gateway.mapping.shape import Shape
from gateway.model.operation import Operation

BELOW = "**"
"""As the last segment of a path that is refused: it, and everything below it, whatever the method."""

_HOLE = re.compile(r"\{([a-z_]+)(\*?)\}")
REST = "{*}"


_Sent = tuple[Mapping[str, Any], Mapping[str, str], str]
"""Parameters, headers and the path of a request."""


class Fate(StrEnum):
    """What becomes of a parameter. Every one has a fate, and only one, so nothing is dropped in silence."""

    BIND = "bind"
    IGNORE = "ignore"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class PathTemplate:
    """`/classes/{class_name}/{id}`, on the path as it was sent: an id may hold an encoded slash.

    `{path*}`, which can only be the last, takes all that is left, slashes included.
    """

    template: str
    segments: tuple[str, ...]
    """Literal text, or `{name}` for a hole."""
    rest: bool = False

    @classmethod
    def compile(cls, template: str) -> PathTemplate:
        segments = tuple(template.strip("/").split("/"))
        for segment in segments:
            if "{" in segment and not _HOLE.fullmatch(segment):
                raise MappingError(f"a hole must be a whole segment of the path, not {segment!r}")
        if any(segment.endswith("*}") for segment in segments[:-1]):
            raise MappingError(f"a hole that takes the rest must be the last of {template!r}")
        rest = segments[-1].endswith("*}")
        bare = tuple(segment.replace("*}", "}") for segment in segments)
        names = [segment for segment in bare if segment.startswith("{")]
        if len(names) != len(set(names)):
            raise MappingError(f"a hole is there twice in {template!r}")
        return cls(template, bare, rest)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(segment[1:-1] for segment in self.segments if segment.startswith("{"))

    def build(self, texts: Mapping[str, str]) -> str:
        found = ""
        for at, segment in enumerate(self.segments):
            if not segment.startswith("{"):
                found += f"/{segment}"
                continue
            text = texts[segment[1:-1]]
            rest = self.rest and at == len(self.segments) - 1
            # URL libraries resolve these, encoded or not
            if any(part in (".", "..", "") for part in (text.split("/") if rest else (text,))):
                raise GatewayError(Code.BAD_REQUEST, f"{text!r} cannot stand in a path")
            found += f"/{quote(text, safe=',/' if rest else ',')}"
        return found

    def match(self, segments: Sequence[str]) -> dict[str, str] | None:
        """The text of each hole, where a path fits."""
        own = len(self.segments)
        if len(segments) != own and not (self.rest and len(segments) > own):
            return None
        fits = all(name[0] == "{" or name == text for name, text in zip(self.segments, segments, strict=False))
        return self.read(segments) if fits and all(segments) else None

    def read(self, segments: Sequence[str]) -> dict[str, str]:
        """The text of each hole of a path that fits."""
        if self.rest:
            last = len(self.segments) - 1
            segments = (*segments[:last], "/".join(segments[last:]))
        return {name[1:-1]: unquote(text) for name, text in zip(self.segments, segments, strict=True) if name[0] == "{"}


@dataclass(frozen=True, slots=True)
class ReplyShape:
    status: int
    headers: Mapping[str, str]
    body: Shape
    """Used to write; `read` is the same template, open to keys that a backend may add."""
    read: Shape
    slots: tuple[str, ...]
    content: bool = False
    """The body is the bytes of a file."""


@dataclass(frozen=True, slots=True)
class Only:
    """What a request must have beside its path: parameters and headers. A `*` at the end of a text is any ending.

    With `slash` the path has one at its end.
    """

    query: Mapping[str, str]
    headers: Mapping[str, str]
    slash: bool = False

    def fits(self, query: Mapping[str, Any], headers: Mapping[str, str], path: str) -> bool:
        return (
            all(_like(text, query.get(name)) for name, text in self.query.items())
            and all(_like(text, headers.get(name)) for name, text in self.headers.items())
            and (path.endswith("/") or not self.slash)
        )


def _like(wanted: str, sent: Any) -> bool:
    if type(sent) is not str:
        return False
    return sent.startswith(wanted[:-1]) if wanted.endswith("*") else sent == wanted


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """One way to ask for one operation. It stays with a request for its reply: two routes may answer differently."""

    operation: type[Operation]
    method: str
    path: PathTemplate
    holes: Mapping[str, Shape]
    query: Mapping[str, Shape]
    spellings: Mapping[str, str]
    fates: Mapping[str, Fate]
    body: Shape | None
    defaults: Mapping[str, Any]
    reply: ReplyShape
    reply_known: ReplyShape
    errors: Mapping[int, Code]
    tells: Mapping[Code, ErrorRow]
    empty_on: frozenset[Code]
    empty_item: tuple[Any] | None
    """In a batch such an answer is this, where the mapping says one."""
    open: bool = False
    owner: bool = False
    batch: BatchSection | None = None
    unit: Unit | None = None
    statement: Statement | None = None
    names_class: bool = False
    """The answer tells the class that was asked."""
    when: str | None = None
    query_in_body: bool = False
    query_joins_body: bool = False
    repeated: frozenset[str] = frozenset()
    gathered: frozenset[str] = frozenset()
    needs: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    """Slots that the operation cannot do without, and that a request may lack."""
    bound: frozenset[str] = frozenset()
    """All slots that a request can say."""
    headers: Mapping[str, Shape] = field(default_factory=dict)
    content: str | None = None
    keyless: str | None = None
    only: Only | None = None
    once: str | None = None
    refused: frozenset[str] = frozenset()
    """Keys that the body must not have."""
    named_twice: bool = False
    """The body can name the class as well, which must then be the one of the path."""

    def check_body(self, body: Any) -> None:
        """Raises GatewayError(UNSUPPORTED) where it has a key that is refused."""
        if self.refused and type(body) is dict:
            for name in sorted(self.refused & body.keys()):
                raise GatewayError(Code.UNSUPPORTED, f"the parameter {name} is not supported here", name=name)

    def sort_out(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters that the route binds, in their first spelling; another is an error, or ignored in writing."""
        kept: dict[str, Any] = {}
        for name, value in query.items():
            match self.fates.get(name):
                case Fate.BIND:
                    first = self.spellings.get(name, name)
                    if name in self.gathered and type(kept.setdefault(first, {})) is dict:
                        kept[first][name] = value
                        continue
                    several = type(value) is tuple and name not in self.repeated
                    # SDKs of Backendless before 5 say the units of a radius twice
                    if (several and len(set(value)) > 1) or first in kept:
                        raise GatewayError(Code.BAD_REQUEST, f"the parameter {name} is there more than once", name=name)
                    kept[first] = value[0] if several else list(value) if type(value) is tuple else value
                case Fate.IGNORE:
                    pass
                case Fate.REFUSE:
                    raise GatewayError(Code.UNSUPPORTED, f"the parameter {name} is not supported here", name=name)
                case None:
                    raise GatewayError(Code.UNKNOWN_PARAMETER, f"unknown parameter {name!r}", name=name)
        if len(twice := [name for name in self.apart if name in query]) > 1:
            raise GatewayError(Code.BAD_REQUEST, f"only one of {' and '.join(twice)} can be there", name=twice[0])
        return kept


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """Where a text says what is asked for; each kind of statement but a query is a route that no path leads to."""

    section: StatementSection
    kinds: Mapping[str, Route]


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """A batch whose items say by a word what they are. Each kind of item is a route that no path leads to."""

    section: UnitSection
    kinds: Mapping[str, Route]
    reference: Shape
    item: Shape
    failure: Shape
    answer: Shape


class Router:
    """Finds the route of a request segment by segment: a literal goes before a hole, where it has the method."""

    def __init__(self, *, case_sensitive: bool) -> None:
        self._root: dict[str, Any] = {}
        self._fold = (lambda text: text) if case_sensitive else str.lower

    def add(self, route: Route, where: str) -> None:
        node = self._root
        for at, segment in enumerate(route.path.segments):
            rest = route.path.rest and at == len(route.path.segments) - 1
            step = REST if rest else "{}" if segment.startswith("{") else self._fold(segment)
            node = node.setdefault(step, {})
        there: list[Route] = node.setdefault("", {}).setdefault(route.method, [])
        if any((other.when, other.content, other.only) == (route.when, route.content, route.only) for other in there):
            raise MappingError(f"{where}: {route.method} {route.path.template} is served by another route already")
        there.append(route)
        there.sort(key=lambda one: (one.only is None, one.when is None))

    def refuse(self, http: str, reason: str, where: str) -> None:
        """`METHOD /path` is the vendor's, and is answered with UNSUPPORTED."""
        method, _, path = http.partition(" ")
        node = self._root
        *above, last = segments = PathTemplate.compile(path).segments
        for segment in above if last == BELOW else segments:
            node = node.setdefault("{}" if segment.startswith("{") else self._fold(segment), {})
        if last == BELOW:
            node[BELOW] = reason
            return
        if method in node.setdefault("", {}):
            raise MappingError(f"{where}: {http} is served by a route")
        node[""][method] = reason

    def find(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content: bool = False,
        query: Mapping[str, Any] = MappingProxyType({}),
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> tuple[Route, dict[str, str]]:
        """The route, and the text of each hole. `content` is whether the body is bytes that were not read.

        Raises GatewayError(UNKNOWN_ROUTE).
        """
        segments = path.strip("/").split("/")
        routes = self._walk(self._root, segments, 0, method, (query, headers, path))
        if isinstance(routes, str):
            raise GatewayError(Code.UNSUPPORTED, routes, name=f"{method} {path}")
        has = body if type(body) is dict else {}
        route = next(
            (
                one
                for one in routes or ()
                if (one.when is None or has.get(one.when) is not None) and (one.content is not None) is content
            ),
            None,
        )
        if route is None:
            raise GatewayError(Code.UNKNOWN_ROUTE, f"there is no {method} {path}", name=f"{method} {path}")
        return route, route.path.read(segments)

    def has(self, method: str, path: str) -> bool:
        """Whether there are routes for it."""
        return bool(self.routes(method, path))

    def knows(self, path: str) -> bool:
        """Whether there is anything, served or refused, at a path without holes."""
        node = self._root
        for segment in path.strip("/").split("/"):
            node = node.get(self._fold(segment), {})
        return "" in node

    def routes(self, method: str, path: str) -> Sequence[Route]:
        """Those of a path; which of them it is, the body says."""
        found = self._walk(self._root, path.strip("/").split("/"), 0, method, None)
        return found if isinstance(found, list) else ()

    def _walk(
        self, node: dict[str, Any], segments: list[str], at: int, method: str, sent: _Sent | None
    ) -> list[Route] | str | None:
        """Without what was `sent` beside it, all routes of the path."""
        if at == len(segments):
            return _fitting(node.get("", {}).get(method), sent) or node.get(BELOW)
        segment = segments[at]
        if not segment:
            return None
        literal = node.get(self._fold(segment))
        if literal is not None:
            found = self._walk(literal, segments, at + 1, method, sent)
            if found is not None:
                return found
        hole = node.get("{}")
        found = None if hole is None else self._walk(hole, segments, at + 1, method, sent)
        if found is None and REST in node:
            found = _fitting(node[REST][""].get(method), sent)
        return node.get(BELOW) if found is None else found


def _fitting(found: list[Route] | str | None, sent: _Sent | None) -> list[Route] | str | None:
    if not isinstance(found, list) or sent is None or found[0].only is None:
        return found
    return [route for route in found if route.only is None or route.only.fits(*sent)] or None
