"""Changes inside a JSON value, by paths, as the JSON functions of MySQL 8 do them.

Source: MySQL 8.0 Reference Manual, "Functions That Modify JSON Values"; and "JSON Path Syntax" for what an index means
where no list stands: there the value is treated as the one element of a list.

Values are in their stored form (`encoding`): a date, say, is a scalar here, although it is kept as an object.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from gateway.errors import Code, GatewayError
from gateway.model.update import EditJson, JsonEdit
from gateway.store.encoding import Stored, is_tagged, write_nested

MOST_PATHS: Final = 250
MOST_STEPS: Final = 100

Step = str | int


class _Root:
    """The whole value, as a holder of itself: so its place is one as any other."""

    __slots__ = ("value",)

    def __init__(self, value: Stored) -> None:
        self.value = value


Place = tuple[Stored, Step]
"""What holds a value, and under which key or index; a `_Root` holds the whole."""


def edited(stored: Stored, change: EditJson, field: str) -> Stored:
    """The value after the edits, one after the other; containers of `stored` are used.

    A null stays one, whatever is done to it. Raises GatewayError(BAD_VALUE) for a path that the edit cannot take.
    """
    if len(change.paths) > MOST_PATHS:
        raise _refused(field, f"at most {MOST_PATHS} places are changed at once")
    for steps, _ in change.paths:
        _check(change.edit, steps, field)
    if stored is None:
        return None
    root = _Root(stored)
    for steps, value in change.paths:
        EDITS[change.edit](root, steps, None if change.edit is JsonEdit.REMOVE else write_nested(value))
    return root.value


def _check(edit: JsonEdit, steps: Sequence[Step], field: str) -> None:
    if len(steps) > MOST_STEPS:
        raise _refused(field, f"a path has at most {MOST_STEPS} steps")
    if any(type(step) is not str and (type(step) is not int or step < 0) for step in steps):
        raise _refused(field, "a path consists of keys and indexes")
    if edit is JsonEdit.REMOVE and not steps:
        raise _refused(field, "the whole value cannot be removed by a path")
    if edit is JsonEdit.ARRAY_INSERT and not (steps and type(steps[-1]) is int):
        raise _refused(field, "the path of an insertion into a list ends in an index")


def _refused(field: str, reason: str) -> GatewayError:
    return GatewayError(Code.BAD_VALUE, f"{field}: {reason}", field=field)


def _place(root: _Root, steps: Sequence[Step]) -> Place | None:
    """Where a path leads; None where nothing is there."""
    holder: Stored = root
    at: Step = ""
    for step in steps:
        value = _look(holder, at)
        if type(value) is list:
            if not isinstance(step, int) or step >= len(value):
                return None
            holder, at = value, step
        elif step == 0:
            continue  # what is no list is the one element of itself
        elif isinstance(step, str) and _is_object(value) and _key(step) in value:
            holder, at = value, _key(step)
        else:
            return None
    return holder, at


def _look(holder: Stored, at: Step) -> Stored:
    return holder.value if type(holder) is _Root else holder[at]


def _put(place: Place, value: Stored) -> None:
    holder, at = place
    if type(holder) is _Root:
        holder.value = value
    else:
        holder[at] = value


def _is_object(value: Stored) -> bool:
    return type(value) is dict and not is_tagged(value)


def _key(step: str) -> str:
    return "@" + step if step.startswith("@") else step  # as it was written: `encoding.write_nested`


def _set(root: _Root, steps: Sequence[Step], value: Stored) -> None:
    if not _replace(root, steps, value):
        _insert(root, steps, value)


def _replace(root: _Root, steps: Sequence[Step], value: Stored) -> bool:
    place = _place(root, steps)
    if place is not None:
        _put(place, value)
    return place is not None


def _insert(root: _Root, steps: Sequence[Step], value: Stored) -> None:
    if _place(root, steps) is not None or (parent := _place(root, steps[:-1])) is None:
        return
    within, last = _look(*parent), steps[-1]
    if isinstance(last, int):
        _append(parent, value)  # an index past the end is the next one
    elif _is_object(within):
        within[_key(last)] = value


def _remove(root: _Root, steps: Sequence[Step], _: Stored) -> None:
    parent = _place(root, steps[:-1])
    if parent is None:
        return
    within, last = _look(*parent), steps[-1]
    if type(within) is list and isinstance(last, int):
        del within[last : last + 1]
    elif isinstance(last, str) and _is_object(within):
        within.pop(_key(last), None)


def _append(place: Place, value: Stored) -> None:
    there = _look(*place)
    if type(there) is list:
        there.append(value)
    else:
        _put(place, [there, value])


def _array_append(root: _Root, steps: Sequence[Step], value: Stored) -> None:
    place = _place(root, steps)
    if place is not None:
        _append(place, value)


def _array_insert(root: _Root, steps: Sequence[Step], value: Stored) -> None:
    parent = _place(root, steps[:-1])
    within = _look(*parent) if parent is not None else None
    if type(within) is list:
        within.insert(int(steps[-1]), value)


EDITS: Final[Mapping[JsonEdit, Callable[[_Root, Sequence[Step], Stored], object]]] = {
    JsonEdit.SET: _set,
    JsonEdit.INSERT: _insert,
    JsonEdit.REPLACE: _replace,
    JsonEdit.REMOVE: _remove,
    JsonEdit.ARRAY_APPEND: _array_append,
    JsonEdit.ARRAY_INSERT: _array_insert,
}
