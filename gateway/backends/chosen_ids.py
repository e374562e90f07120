"""A batch whose items refer to what others make, as one that refers to nothing: the ids are chosen beforehand."""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from gateway.errors import Code, GatewayError
from gateway.model.operation import Batch, Create, CreateMany, Deferred, NewObject, Operation, Update, Upsert
from gateway.model.update import (
    Add,
    AddRelation,
    AddUnique,
    Change,
    Changes,
    EditJson,
    Remove,
    RemoveRelation,
    Set,
    SetOnInsert,
    Several,
)
from gateway.model.values import ID, Object, Pointer, Reference, ResultOf

IDS_REFUSED: Final = frozenset({Code.BAD_FIELD_NAME, Code.RESERVED_FIELD})
"""What a vendor says to an id of a client's, where it takes none: Parse Server without `allowCustomObjectId`."""
_LETTERS: Final = string.ascii_letters + string.digits
_LENGTH: Final = 10
"""As ids of Parse Server's own, of which nobody has met two that are the same."""


@dataclass(slots=True)
class _Written:
    """What is known of an item before it is done."""

    ids: list[str]
    several: bool = False
    fields: dict[str, Any] = field(default_factory=dict)


def refers(op: Batch) -> bool:
    """Whether an item needs what an earlier one answers."""
    return any(map(_item_refers, op.items))


def _item_refers(item: Operation) -> bool:
    if isinstance(item, Deferred) or _refers(getattr(item, "ids", None)) or _refers(getattr(item, "tree", None)):
        return True
    several = [one.changes for one in item.objects] if isinstance(item, CreateMany) else [getattr(item, "changes", {})]
    return any(_change_refers(change) for changes in several for change in changes.values())


def _change_refers(change: Change) -> bool:
    match change:
        case Set(value) | SetOnInsert(value):
            return _refers(value)
        case Add(values) | AddUnique(values) | Remove(values):
            return _refers(values)
        case AddRelation(members) | RemoveRelation(members):
            return _refers(members)
        case EditJson(_, paths):
            return _refers([value for _, value in paths])
        case Several(changes):
            return any(map(_change_refers, changes))
        case _:
            return False


def _refers(value: Any) -> bool:
    match value:
        case Reference() | ResultOf():
            return True
        case list() | tuple():
            return any(map(_refers, value))
        case dict():
            return any(map(_refers, value.values()))
        case Object(_, fields):
            return _refers(fields)
        case _:
            return False


def with_chosen_ids(op: Batch) -> Batch:
    """The same, with the ids of what it makes in the places of what refers to them.

    Raises GatewayError(UNSUPPORTED) where something else is referred to than what is made, or what was sent for it.
    """
    known: dict[str, _Written] = {}
    items: list[Operation] = []
    for name, item in zip(op.names or (None,) * len(op.items), op.items, strict=True):
        settled = _with_id(_settled(item, known))
        if name is not None:
            known[name] = _written(settled)
        items.append(settled)
    return replace(op, items=tuple(items), names=())


def _with_id(item: Operation) -> Operation:
    match item:
        case Create(id=None):
            return replace(item, id=_new_id())
        case CreateMany(upsert=False):
            return replace(item, objects=tuple(replace(one, id=one.id or _new_id()) for one in item.objects))
        case _:
            return item


def _written(item: Operation) -> _Written:
    match item:
        case CreateMany():
            return _Written([one.id or "" for one in item.objects], several=True)
        case Create():
            sent = {name: change.value for name, change in item.changes.items() if isinstance(change, Set)}
            return _Written([item.id or ""], fields=sent)
        case _:
            known = getattr(item, "id", None)
            return _Written([known] if isinstance(known, str) and not isinstance(item, Upsert) else [])


def _settled(item: Operation, known: Mapping[str, _Written]) -> Operation:
    match item:
        case Deferred(item=inner, fields=fields):
            found = {name: _result(each, known) for name, each in fields.items()}
            one: dict[str, Any] = {
                name: tuple(_listed(each)) if name == "ids" else each for name, each in found.items()
            }
            return replace(_settled(inner, known), **one)
        case Create() | Update() | Upsert():
            return replace(item, changes=_changes(item.changes, known))
        case CreateMany():
            objects = tuple(NewObject(_changes(each.changes, known), each.id) for each in item.objects)
            return replace(item, objects=objects)
        case _ if _item_refers(item):
            raise GatewayError(Code.UNSUPPORTED, "this cannot be about what an earlier operation answers")
        case _:
            return item


def _changes(changes: Changes, known: Mapping[str, _Written]) -> Changes:
    return {name: _change(change, known) if _change_refers(change) else change for name, change in changes.items()}


def _change(change: Change, known: Mapping[str, _Written]) -> Change:
    match change:
        case Set(value):
            return replace(change, value=_value(value, known))
        case Several(changes):
            return Several(tuple(_change(each, known) if _change_refers(each) else each for each in changes))
        case Add(values) | AddUnique(values) | Remove(values):
            return type(change)(tuple(_value(each, known) for each in values))
        case AddRelation(members) | RemoveRelation(members):
            return type(change)(tuple(_value(each, known) for each in members))
        case _:
            raise GatewayError(Code.UNSUPPORTED, "this change cannot have what an earlier operation answers")


def _value(value: Any, known: Mapping[str, _Written]) -> Any:
    match value:
        case Reference(name, class_name):
            ids = _known(name, known).ids
            if len(ids) != 1:
                raise _untold(name)
            return Pointer(class_name, ids[0])
        case ResultOf():
            return _result(value, known)
        case list() | tuple():
            return [_value(each, known) for each in value]
        case dict():
            return {name: _value(each, known) for name, each in value.items()}
        case Object(class_name, fields):
            return Object(class_name, _value(fields, known))
        case _:
            return value


def _result(result: ResultOf, known: Mapping[str, _Written]) -> Any:
    found = _known(result.item, known)
    if found.several and result.field in (None, ID):
        if result.index is None:
            return list(found.ids)
        if 0 <= result.index < len(found.ids):
            return found.ids[result.index]
    elif not found.several and result.index is None:
        if result.field in (None, ID) and found.ids:
            return found.ids[0]
        if result.field in found.fields:
            return found.fields[result.field]
    raise _untold(result.item)


def _known(name: str, known: Mapping[str, _Written]) -> _Written:
    if name not in known:
        raise GatewayError(Code.BAD_BATCH, f"no item {name!r} comes before this one", name=name)
    return known[name]


def _listed(ids: Any) -> list[Any]:
    return ids if isinstance(ids, list) else [ids]


def _untold(name: str) -> GatewayError:
    told = f"what the operation {name!r} answers is not known before it is done, and cannot be used in its transaction"
    return GatewayError(Code.UNSUPPORTED, told)


def _new_id() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
