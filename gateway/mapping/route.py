"""Routes: a path is compiled once, to be matched and to be built, so what we serve is what we call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import quote, unquote

from gateway.errors import Code, GatewayError, MappingError
from gateway.mapping.schema import BatchSection, ErrorRow
from gateway.mapping.shape import Record, Shape
from gateway.model.operation import Operation

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
    body: Record | None
    defaults: Mapping[str, Any]
    reply: ReplyShape
    reply_known: ReplyShape
    master_unless: str | None
    errors: Mapping[int, Code]
    tells: Mapping[Code, ErrorRow]
    empty_on: frozenset[Code]
    empty_item: tuple[Any] | None
    """In a batch such an answer is this, where the mapping says one."""
    open: bool = False
    batch: BatchSection | None = None
    bound: frozenset[str] = frozenset()
    """All slots that a request can say."""

    def sort_out(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters that the route binds, in their first spelling; another is an error, or ignored in writing."""
        kept: dict[str, Any] = {}
        for name, value in query.items():
            match self.fates.get(name):
                case Fate.BIND:
                    if type(value) is tuple:
                        raise GatewayError(Code.BAD_REQUEST, f"the parameter {name} is there more than once", name=name)
                    kept[self.spellings.get(name, name)] = value
                case Fate.IGNORE:
                    pass
                case Fate.REFUSE:
                    raise GatewayError(Code.UNSUPPORTED, f"the parameter {name} is not supported here", name=name)
                case None:
                    raise GatewayError(Code.UNKNOWN_PARAMETER, f"unknown parameter {name!r}", name=name)
        return kept


class Router:
    """Finds the route of a request segment by segment: a literal goes before a hole, where it has the method."""

    def __init__(self, *, case_sensitive: bool) -> None:
        self._root: dict[str, Any] = {}
        self._fold = (lambda text: text) if case_sensitive else str.lower

    def add(self, route: Route, where: str) -> None:
        node = self._root
        for segment in route.path.segments:
            node = node.setdefault("{}" if segment.startswith("{") else self._fold(segment), {})
        methods = node.setdefault("", {})
        if route.method in methods:
            raise MappingError(f"{where}: {route.method} {route.path.template} is served by another route already")
        methods[route.method] = route

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The route, and the text of each hole. Raises GatewayError(UNKNOWN_ROUTE)."""
        segments = path.strip("/").split("/")
        route = self._walk(self._root, segments, 0, method)
        if route is None:
            raise GatewayError(Code.UNKNOWN_ROUTE, f"there is no {method} {path}", name=f"{method} {path}")
        holes = {
            name[1:-1]: unquote(text)
            for name, text in zip(route.path.segments, segments, strict=True)
            if name[0] == "{"
        }
        return route, holes

    def _walk(self, node: dict[str, Any], segments: list[str], at: int, method: str) -> Route | None:
        if at == len(segments):
            methods: dict[str, Route] = node.get("", {})
            return methods.get(method)
        segment = segments[at]
        if not segment:
            return None
        literal = node.get(self._fold(segment))
        if literal is not None:
            found = self._walk(literal, segments, at + 1, method)
            if found is not None:
                return found
        hole = node.get("{}")
        return None if hole is None else self._walk(hole, segments, at + 1, method)
