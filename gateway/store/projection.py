"""Which part of an object an answer shows (`select`, `exclude`), and objects in the place of pointers (`include`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from gateway.errors import Code, GatewayError
from gateway.model.values import ACL, SYSTEM_FIELDS, Fields, Object, Pointer, Value
from gateway.store.encoding import Kind
from gateway.store.schema import ClassSchema

DEEPEST_INCLUDE: Final = 10
MOST_PATHS: Final = 1000

ALL: Final = "*"

Tree = dict[str, "Tree"]
"""Dotted paths by their parts: `a.b` and `a.c` are `{"a": {"b": {}, "c": {}}}`."""

FetchObjects = Callable[[str, Iterable[str]], Mapping[str, Fields]]
"""The objects of a class that have one of these ids, each by its id; those that are missing are left out."""


def tree_of(paths: Sequence[str]) -> Tree:
    if len(paths) > MOST_PATHS:
        raise GatewayError(Code.BAD_QUERY, f"a query names at most {MOST_PATHS} fields")
    tree: Tree = {}
    for path in paths:
        branch = tree
        for part in path.split("."):
            branch = branch.setdefault(part, {})
    return tree


def included_by(names: tuple[str, ...] | None) -> tuple[str, ...]:
    """What a selection includes: `author.name` is a part of the author, if that is a pointer.

    Parse Server, "keys"; LeanCloud storage REST guide, "Query Constraints".
    """
    return tuple(dict.fromkeys(name.rpartition(".")[0] for name in names or () if "." in name))


def select(objects: list[Fields], names: tuple[str, ...]) -> list[Fields]:
    """Only these fields; system fields stay. A whole field wins over a path into it."""
    whole = {name for name in names if "." not in name}
    tree = tree_of([name for name in names if name.split(".", 1)[0] not in whole])
    tree.update((name, {}) for name in whole)
    return [_selected(fields, tree) for fields in objects]


def _selected(fields: dict[str, Value], tree: Tree) -> dict[str, Value]:
    return {
        name: _part(value, tree[name]) if name in tree else value
        for name, value in fields.items()
        if name in tree or name in SYSTEM_FIELDS
    }


def _part(value: Value, tree: Tree) -> Value:
    if not tree:
        return value
    match value:
        case Object(class_name, fields):
            return Object(class_name, _selected(fields, tree))
        case dict():
            return {name: _part(part, tree[name]) for name, part in value.items() if name in tree}
        case list():
            return [_part(part, tree) for part in value]
    return value


def exclude(objects: list[Fields], names: tuple[str, ...]) -> list[Fields]:
    tree = tree_of(names)
    return [_rest(fields, tree) for fields in objects]


def _rest(fields: dict[str, Value], tree: Tree) -> dict[str, Value]:
    return {
        name: _without(value, tree[name]) if name in tree else value
        for name, value in fields.items()
        if name not in tree or tree[name]
    }


def _without(value: Value, tree: Tree) -> Value:
    match value:
        case Object(class_name, fields):
            return Object(class_name, _rest(fields, tree))
        case dict():
            return _rest(value, tree)
        case list():
            return [_without(part, tree) for part in value]
    return value


def include(objects: list[Fields], paths: tuple[str, ...], of: ClassSchema, fetch: FetchObjects) -> None:
    """Puts objects in the place of pointers, one fetch for each class and level. One that is missing disappears."""
    if ALL in paths:
        columns = [c.name for c in of.columns.values() if c.type.kind in (Kind.POINTER, Kind.ARRAY)]
        paths = (*(path for path in paths if path != ALL), *columns)
    if any(path.count(".") >= DEEPEST_INCLUDE for path in paths):
        raise GatewayError(Code.BAD_QUERY, f"an include goes at most {DEEPEST_INCLUDE} levels deep")
    level: list[tuple[Fields, Tree]] = [(fields, tree_of(paths)) for fields in objects]
    while level:
        found: list[_Found] = []
        for fields, tree in level:
            for name, branch in tree.items():
                if name in fields and name != ACL:
                    _collect(fields, name, branch, found)
        level = _resolve(found, fetch)


class _Found:
    """A pointer that was met, and where: its holder, an object or a list, is to have the object there."""

    __slots__ = ("at", "branch", "holder", "pointer")

    def __init__(self, holder: Any, at: str | int, branch: Tree, pointer: Pointer) -> None:
        self.holder = holder
        self.at = at
        self.branch = branch
        self.pointer = pointer


def _collect(holder: Any, at: str | int, branch: Tree, found: list[_Found]) -> None:
    value = holder[at]
    kind = type(value)
    if kind is Pointer:
        found.append(_Found(holder, at, branch, value))
    elif kind is list:
        for position, part in enumerate(value):
            # not a list in a list: no vendor includes those, and `*` would go through all data
            if type(part) is Pointer or (type(part) is dict and branch):
                _collect(value, position, branch, found)
    elif kind is dict:
        for name, inner in branch.items():
            if name in value:
                _collect(value, name, inner, found)


_GONE: Final = object()


def _copy(value: Value) -> Value:
    """The same in containers of its own, since an include changes them in place."""
    if type(value) is dict:
        return {name: _copy(part) for name, part in value.items()}
    return [_copy(part) for part in value] if type(value) is list else value


def _resolve(found: list[_Found], fetch: FetchObjects) -> list[tuple[Fields, Tree]]:
    wanted: dict[str, set[str]] = {}
    for each in found:
        wanted.setdefault(each.pointer.class_name, set()).add(each.pointer.id)
    known = {class_name: fetch(class_name, ids) for class_name, ids in wanted.items()}
    below: list[tuple[Fields, Tree]] = []
    thinned: dict[int, list[Value]] = {}
    for each in found:
        fields = known[each.pointer.class_name].get(each.pointer.id)
        if fields is not None:
            # two places of one level may ask for different things below, so each has its own
            own = {name: _copy(value) if name in each.branch else value for name, value in fields.items()}
            each.holder[each.at] = Object(each.pointer.class_name, own)
            if each.branch:
                below.append((own, each.branch))
        elif isinstance(each.at, int):
            each.holder[each.at] = _GONE
            thinned[id(each.holder)] = each.holder
        else:
            each.holder.pop(each.at, None)
    for values in thinned.values():
        values[:] = [value for value in values if value is not _GONE]
    return below
