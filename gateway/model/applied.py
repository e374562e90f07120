"""What an object will be when changes are made to it, as far as that can be told without the store."""

from __future__ import annotations

import copy
from typing import Any

from gateway.model import update
from gateway.model.update import Change, Changes
from gateway.model.values import Fields, Relation


def applied(original: Fields | None, changes: Changes) -> Fields:
    """A new object. What only the store can compute (`Compute`, `EditJson`) is as it was."""
    fields: Fields = copy.deepcopy(original) if original is not None else {}
    for path, change in changes.items():
        holder, key = _place(fields, path)
        if holder is not None:
            _apply(holder, key, change, created=original is None)
    return fields


def _place(fields: Fields, path: str) -> tuple[dict[str, Any] | None, str]:
    """Where a path leads; None where something else than an object is in its way."""
    holder = fields
    *way, key = [path] if path[:1] == "@" else path.split(".")
    for step in way:
        inner = holder.setdefault(step, {})
        if type(inner) is not dict:
            return None, key
        holder = inner
    return holder, key


def _apply(holder: dict[str, Any], key: str, change: Change, *, created: bool) -> None:
    was = holder.get(key)
    match change:
        case update.SetOnInsert(value) if not created:
            pass
        case update.Set(value) | update.SetOnInsert(value):
            holder[key] = copy.deepcopy(value)
        case update.Unset():
            holder.pop(key, None)
        case update.Increment() | update.BitAnd() | update.BitOr() | update.BitXor():
            holder[key] = _number(was, change)
        case update.Add() | update.AddUnique() | update.Remove():
            holder[key] = _changed(list(was) if type(was) is list else [], change)
        case update.AddRelation(members) | update.RemoveRelation(members):
            if type(was) is not Relation and members:
                holder[key] = Relation(members[0].class_name)
        case update.Several(several):
            for part in several:
                _apply(holder, key, part, created=created)
        case update.Compute() | update.EditJson():
            pass


def _number(was: Any, change: update.Increment | update.BitAnd | update.BitOr | update.BitXor) -> int | float:
    if isinstance(change, update.Increment):
        return (was + change.by) if isinstance(was, int | float) else change.by
    bits = was if type(was) is int else 0
    match change:
        case update.BitAnd():
            return bits & change.bits
        case update.BitOr():
            return bits | change.bits
        case update.BitXor():
            return bits ^ change.bits


def _changed(held: list[Any], change: update.Add | update.AddUnique | update.Remove) -> list[Any]:
    if isinstance(change, update.Remove):
        return [value for value in held if value not in change.values]
    for value in change.values:
        if isinstance(change, update.Add) or value not in held:
            held.append(copy.deepcopy(value))
    return held
