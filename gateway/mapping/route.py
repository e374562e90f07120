"""Routes: a path is compiled once, to be matched and to be built, so what we serve is what we call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import quote, unquote

from gateway.errors import Code, GatewayError, MappingError
from gateway.mapping.schema import BatchSection, ErrorRow, UnitSection
from gateway.mapping.shape import Shape
from gateway.model.operation import Operation

BELOW = "**"
"""As the last segment of a path that is refused: it, and everything below it, whatever the method."""

_HOLE = re.compile(r"\{([a-z_]+)\}")


class Fate(StrEnum):
    """What becomes of a parameter. Every one has a fate, and only one, so nothing is dropped in silence."""

    BIND = "bind"
    IGNORE = "ignore"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class PathTemplate:
    """`/classes/{class_name}/{id}`, on the path as it was sent: an id may hold an encoded slash."""

    template: str
    segments: tuple[str, ...]
    """Literal text, or `{name}` for a hole."""

    @classmethod
    def compile(cls, template: str) -> PathTemplate:
        segments = tuple(template.strip("/").split("/"))
        for segment in segments:
            if "{" in segment and not _HOLE.fullmatch(segment):
                raise MappingError(f"a hole must be a whole segment of the path, not {segment!r}")
        names = [segment for segment in segments if segment.startswith("{")]
        if len(names) != len(set(names)):
            raise MappingError(f"a hole is there twice in {template!r}")
        return cls(template, segments)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(segment[1:-1] for segment in self.segments if segment.startswith("{"))

    def build(self, texts: Mapping[str, str]) -> str:
        for name in self.names:
            if texts[name] in (".", "..", ""):  # URL libraries resolve these, encoded or not
                raise GatewayError(Code.BAD_REQUEST, f"{texts[name]!r} cannot stand in a path")
        return self.template.format_map({name: quote(texts[name], safe=",") for name in self.names})


@dataclass(frozen=True, slots=True)
class ReplyShape:
    status: int
    headers: Mapping[str, str]
    body: Shape
    """Used to write; `read` is the same template, open to keys that a backend may add."""
    read: Shape
    slots: tuple[str, ...]


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
    batch: BatchSection | None = None
    unit: Unit | None = None
    when: str | None = None
    query_in_body: bool = False
    repeated: frozenset[str] = frozenset()
    needs: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    """Slots that the operation cannot do without, and that a request may lack."""
    bound: frozenset[str] = frozenset()
    """All slots that a request can say."""
    named_twice: bool = False
    """The body can name the class as well, which must then be the one of the path."""

    def sort_out(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters that the route binds, in their first spelling; another is an error, or ignored in writing."""
        kept: dict[str, Any] = {}
        for name, value in query.items():
            match self.fates.get(name):
                case Fate.BIND:
                    first = self.spellings.get(name, name)
                    if (type(value) is tuple and name not in self.repeated) or first in kept:
                        raise GatewayError(Code.BAD_REQUEST, f"the parameter {name} is there more than once", name=name)
                    kept[first] = list(value) if type(value) is tuple else value
                case Fate.IGNORE:
                    pass
                case Fate.REFUSE:
                    raise GatewayError(Code.UNSUPPORTED, f"the parameter {name} is not supported here", name=name)
                case None:
                    raise GatewayError(Code.UNKNOWN_PARAMETER, f"unknown parameter {name!r}", name=name)
        return kept


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
        for segment in route.path.segments:
            node = node.setdefault("{}" if segment.startswith("{") else self._fold(segment), {})
        there: list[Route] = node.setdefault("", {}).setdefault(route.method, [])
        if any(other.when == route.when for other in there):
            raise MappingError(f"{where}: {route.method} {route.path.template} is served by another route already")
        there.append(route)
        there.sort(key=lambda one: one.when is None)

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

    def find(self, method: str, path: str, body: Any = None) -> tuple[Route, dict[str, str]]:
        """The route, and the text of each hole. Raises GatewayError(UNKNOWN_ROUTE)."""
        segments = path.strip("/").split("/")
        routes = self._walk(self._root, segments, 0, method)
        if isinstance(routes, str):
            raise GatewayError(Code.UNSUPPORTED, routes, name=f"{method} {path}")
        has = body if type(body) is dict else {}
        route = next((one for one in routes or () if one.when is None or has.get(one.when) is not None), None)
        if route is None:
            raise GatewayError(Code.UNKNOWN_ROUTE, f"there is no {method} {path}", name=f"{method} {path}")
        holes = {
            name[1:-1]: unquote(text)
            for name, text in zip(route.path.segments, segments, strict=True)
            if name[0] == "{"
        }
        return route, holes

    def has(self, method: str, path: str) -> bool:
        """Whether there are routes for it."""
        return isinstance(self._walk(self._root, path.strip("/").split("/"), 0, method), list)

    def _walk(self, node: dict[str, Any], segments: list[str], at: int, method: str) -> list[Route] | str | None:
        if at == len(segments):
            methods: dict[str, list[Route] | str] = node.get("", {})
            return methods.get(method) or node.get(BELOW)
        segment = segments[at]
        if not segment:
            return None
        literal = node.get(self._fold(segment))
        if literal is not None:
            found = self._walk(literal, segments, at + 1, method)
            if found is not None:
                return found
        hole = node.get("{}")
        found = None if hole is None else self._walk(hole, segments, at + 1, method)
        return node.get(BELOW) if found is None else found
