"""Which part of an object an answer shows (`select`, `exclude`), and objects in the place of pointers (`include`).

Includes of tables (`members`) also put lists of objects in the place of relations, and tell what is empty.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from gateway.errors import Code, GatewayError
from gateway.model.schema import Kind
from gateway.model.values import ACL, ID, SYSTEM_FIELDS, Fields, Object, Pointer, Value
from gateway.store.schema import ClassSchema, Column

DEEPEST_INCLUDE: Final = 10
MOST_PATHS: Final = 1000

ALL: Final = "*"

Tree = dict[str, "Tree"]
"""Dotted paths by their parts: `a.b` and `a.c` are `{"a": {"b": {}, "c": {}}}`."""

DEEPEST_DEPTH: Final = 5
MOST_INCLUDED: Final = 20_000
"""Objects that are included with `members` or by `depth`, where each level multiplies the one above."""


class Source(Protocol):
    """Where objects come from that are included: what there is for the caller."""

    def class_named(self, name: str) -> ClassSchema | None: ...

    def hidden(self, class_name: str) -> Collection[str]:
        """Fields that objects of a class do not have for the caller."""

    def by_id(self, class_name: str, ids: Iterable[str]) -> Mapping[str, Fields]:
        """The objects of a class that have one of these ids, each by its id; those that are missing are left out."""

    def members(self, column: Column, owners: Collection[str], each: int, most: int) -> list[tuple[str, Fields]]:
        """Members of a relation, with whose they are, the newest first: so many for `each`, `most` in all."""


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


def select(objects: list[Fields], names: tuple[str, ...], *, exact: bool = False) -> list[Fields]:
    """Only these fields; system fields stay, unless it is `exact`. A whole field wins over a path into it."""
    whole = {name for name in names if "." not in name}
    tree = tree_of([name for name in names if name.split(".", 1)[0] not in whole])
    tree.update((name, {}) for name in whole)
    kept = () if exact else SYSTEM_FIELDS
    return [_selected(fields, tree, kept) for fields in objects]


def _selected(fields: dict[str, Value], tree: Tree, kept: tuple[str, ...]) -> dict[str, Value]:
    return {
        name: _part(value, tree[name], kept) if name in tree else value
        for name, value in fields.items()
        if name in tree or name in kept
    }


def _part(value: Value, tree: Tree, kept: tuple[str, ...]) -> Value:
    if not tree:
        return value
    match value:
        case Object(class_name, fields):
            return Object(class_name, _selected(fields, tree, kept))
        case dict():
            return {name: _part(part, tree[name], kept) for name, part in value.items() if name in tree}
        case list():
            return [_part(part, tree, kept) for part in value]
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


def include(
    objects: list[Fields],
    paths: tuple[str, ...],
    of: ClassSchema,
    source: Source,
    *,
    members: int | None = None,
    depth: int = 0,
) -> None:
    """Puts objects in the place of pointers, one fetch for each class and level. One that is missing disappears.

    With `members` also lists of so many objects in the place of relations, one fetch for each relation and level; what
    is missing is None then. `depth` includes every pointer and relation, so many levels deep.
    """
    if ALL in paths:
        kinds = (Kind.POINTER, Kind.ARRAY) if members is None else (Kind.POINTER, Kind.ARRAY, Kind.RELATION)
        columns = [c.name for c in of.columns.values() if c.type.kind in kinds]
        paths = (*(path for path in paths if path != ALL), *columns)
    if any(path.count(".") >= DEEPEST_INCLUDE for path in paths):
        raise GatewayError(Code.BAD_QUERY, f"an include goes at most {DEEPEST_INCLUDE} levels deep")
    if not 0 <= depth <= DEEPEST_DEPTH:
        raise GatewayError(Code.BAD_QUERY, f"everything is included at most {DEEPEST_DEPTH} levels deep")
    if members is not None and members < 0:
        raise GatewayError(Code.BAD_QUERY, "an include cannot show a negative number of members")
    tree = tree_of(paths)
    _Include(source, members, bounded=members is not None or depth > 0).run(
        [_Holder(fields, of, tree, depth) for fields in objects]
    )


@dataclass(slots=True)
class _Holder:
    """An object of a level, and what is to be included in it."""

    fields: Fields
    of: ClassSchema | None
    tree: Tree
    depth: int

    def wanted(self) -> Mapping[str, Tree]:
        if self.depth == 0 or self.of is None:
            return self.tree
        every = {c.name: Tree() for c in self.of.columns.values() if c.type.target is not None}
        return {**every, **self.tree}


class _Include:
    def __init__(self, source: Source, members: int | None, *, bounded: bool) -> None:
        self._source = source
        self._members = members
        self._bounded = bounded
        self._left = MOST_INCLUDED

    def run(self, level: list[_Holder]) -> None:
        while level:
            found: list[_Found] = []
            related: dict[int, list[_Related]] = {}
            for holder in level:
                fields = holder.fields
                below = holder.depth - 1 if holder.depth else 0
                for name, branch in holder.wanted().items():
                    value = fields.get(name)
                    if type(value) is Pointer:  # which most are
                        found.append(_Found(fields, name, branch, below, value))
                        continue
                    column = holder.of.columns.get(name) if holder.of is not None else None
                    if column is not None and column.type.kind is Kind.RELATION:
                        if self._members is not None and name in fields:  # it is not in there where it is hidden
                            related.setdefault(column.id, []).append(_Related(holder, column, branch))
                    elif value is not None and name != ACL:
                        _collect(fields, name, branch, below, found)
                    elif column is not None and self._tells_of(holder, column):
                        fields[name] = None
            level = self._resolved(found)
            for each in related.values():
                level += self._with_members(each)

    def _tells_of(self, holder: _Holder, column: Column) -> bool:
        """Whether a pointer that is not there is told as an empty one."""
        if self._members is None or column.type.kind is not Kind.POINTER:
            return False
        return holder.of is not None and column.name not in self._source.hidden(holder.of.name)

    def _spend(self, objects: int) -> None:
        self._left -= objects
        if self._bounded and self._left < 0:
            raise GatewayError(Code.BAD_QUERY, f"a query includes at most {MOST_INCLUDED} objects")

    def _with_members(self, related: list[_Related]) -> list[_Holder]:
        column = related[0].column
        owners = {each.holder.fields[ID] for each in related}
        most = self._left + 1
        of = self._source.class_named(column.type.target or "")
        members: dict[str, list[Fields]] = {}
        for owner, fields in self._source.members(column, owners, self._members or 0, most):
            members.setdefault(owner, []).append(fields)
        below: list[_Holder] = []
        for each in related:
            holder = each.holder
            shown = []
            for fields in members.get(holder.fields[ID], ()):
                own = _own(fields, each.branch)
                shown.append(Object(column.type.target or "", own))
                if each.branch or holder.depth > 1:
                    below.append(_Holder(own, of, each.branch, max(holder.depth - 1, 0)))
            self._spend(len(shown))
            holder.fields[column.name] = shown
        return below

    def _resolved(self, found: list[_Found]) -> list[_Holder]:
        self._spend(len(found))
        wanted: dict[str, set[str]] = {}
        for each in found:
            wanted.setdefault(each.pointer.class_name, set()).add(each.pointer.id)
        known = {class_name: self._source.by_id(class_name, ids) for class_name, ids in wanted.items()}
        below: list[_Holder] = []
        thinned: dict[int, list[Value]] = {}
        for each in found:
            class_name = each.pointer.class_name
            fields = known[class_name].get(each.pointer.id)
            if fields is not None:
                own = _own(fields, each.branch)
                each.holder[each.at] = Object(class_name, own)
                if each.branch or each.depth > 0:
                    below.append(_Holder(own, self._source.class_named(class_name), each.branch, each.depth))
            elif isinstance(each.at, int):
                each.holder[each.at] = _GONE
                thinned[id(each.holder)] = each.holder
            elif self._members is not None:
                each.holder[each.at] = None
            else:
                each.holder.pop(each.at, None)
        for values in thinned.values():
            values[:] = [value for value in values if value is not _GONE]
        return below


@dataclass(slots=True)
class _Related:
    """A relation that was met, and whose it is."""

    holder: _Holder
    column: Column
    branch: Tree


class _Found:
    """A pointer that was met, and where: its holder, an object or a list, is to have the object there."""

    __slots__ = ("at", "branch", "depth", "holder", "pointer")

    def __init__(self, holder: Any, at: str | int, branch: Tree, depth: int, pointer: Pointer) -> None:
        self.holder = holder
        self.at = at
        self.branch = branch
        self.depth = depth
        self.pointer = pointer


def _collect(holder: Any, at: str | int, branch: Tree, depth: int, found: list[_Found]) -> None:
    value = holder[at]
    kind = type(value)
    if kind is Pointer:
        found.append(_Found(holder, at, branch, depth, value))
    elif kind is list:
        for position, part in enumerate(value):
            # not a list in a list: no vendor includes those, and `*` would go through all data
            if type(part) is Pointer or (type(part) is dict and branch):
                _collect(value, position, branch, depth, found)
    elif kind is dict:
        for name, inner in branch.items():
            if name in value:
                _collect(value, name, inner, depth, found)


_GONE: Final = object()


def _copy(value: Value) -> Value:
    """The same in containers of its own, since an include changes them in place."""
    if type(value) is dict:
        return {name: _copy(part) for name, part in value.items()}
    return [_copy(part) for part in value] if type(value) is list else value


def _own(fields: Fields, branch: Tree) -> Fields:
    """Two places of one level may ask for different things below, so each has its own."""
    if not branch:
        return fields.copy()
    return {name: _copy(value) if name in branch else value for name, value in fields.items()}
