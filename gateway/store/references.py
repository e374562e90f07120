"""What an item of a batch says of earlier ones: references become pointers, ids and values, once those have run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from gateway.errors import Code, GatewayError
from gateway.model.operation import (
    Create,
    CreateMany,
    DeepSave,
    Deferred,
    DeleteMany,
    Ids,
    NewObject,
    Operation,
    Relate,
    Result,
    Update,
    UpdateMany,
    Upsert,
)
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
from gateway.model.values import CREATED_AT, ID, UPDATED_AT, Fields, Object, Pointer, Reference, ResultOf, Value
from gateway.store.session import Session

DEFERRED: Final = frozenset({"id", "ids"})
"""Fields that may wait for an earlier item. A class, say, is known before anything runs: somebody has to permit it."""

T = TypeVar("T")


class Answers:
    """What the named items of a batch have answered so far."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[str, tuple[Operation, Result]] = {}

    def add(self, name: str, item: Operation, answer: Result) -> None:
        self._known[name] = (item, answer)

    def resolved(self, item: Operation) -> Operation:
        """The item as it can be carried out. Raises GatewayError(BAD_BATCH) where it needs what nobody has answered."""
        match item:
            case Deferred(item=inner, fields=fields):
                if strange := fields.keys() - DEFERRED:
                    raise GatewayError(Code.BAD_BATCH, f"{min(strange)} cannot be what another item answers")
                found: dict[str, Any] = {
                    name: self._id(ref) if name == "id" else self._ids(ref) for name, ref in fields.items()
                }
                return replace(self.resolved(inner), **found)
            case Create() | Update() | Upsert():
                return replace(item, changes=self._changes(item.changes))
            case CreateMany(objects=objects):
                return replace(item, objects=tuple(NewObject(self._changes(new.changes), new.id) for new in objects))
            case UpdateMany():
                return replace(item, changes=self._changes(item.changes), ids=self._ids(item.ids))
            case DeleteMany() | Relate():
                return replace(item, ids=self._ids(item.ids))
            case DeepSave():
                return replace(item, tree=self._value(item.tree))
        return item

    def _changes(self, changes: Changes) -> Changes:
        return {name: self._change(change) for name, change in changes.items()}

    def _change(self, change: Change) -> Change:
        match change:
            case Set(value, any_json):
                return Set(self._value(value), any_json)
            case SetOnInsert(value):
                return SetOnInsert(self._value(value))
            case Add(values) | AddUnique(values) | Remove(values):
                return type(change)(tuple(map(self._value, values)))
            case AddRelation(members) | RemoveRelation(members):
                return type(change)(tuple(map(self._value, members)))
            case EditJson(edit, paths):
                return EditJson(edit, tuple((path, self._value(value)) for path, value in paths))
            case Several(changes):
                return Several(tuple(map(self._change, changes)))
        return change

    def _value(self, value: Value) -> Value:
        match value:
            case Reference(item, class_name):
                found = self._known.get(item)
                known = _pointed(*found) if found is not None else None
                if known is None:
                    raise GatewayError(
                        Code.BAD_BATCH, f"no item {item!r} that made an object comes before this one", name=item
                    )
                return Pointer(class_name, known)
            case ResultOf():
                return self._result(value)
            case list() | tuple():
                return [self._value(part) for part in value]
            case dict():
                return {name: self._value(part) for name, part in value.items()}
            case Object(class_name, fields):
                return Object(class_name, self._value(fields))
        return value

    def _ids(self, ids: Ids | None) -> tuple[str, ...] | None:
        if ids is None:
            return None
        found: list[str] = []
        for each in ids if isinstance(ids, tuple) else (ids,):
            answered = self._result(each) if isinstance(each, ResultOf) else each
            for one in answered if isinstance(answered, list) else (answered,):
                if type(one) is not str:
                    raise GatewayError(Code.BAD_BATCH, f"expected ids, found {type(one).__name__}")
                found.append(one)
        return tuple(found)

    def _id(self, ref: ResultOf) -> str:
        found = self._result(ref)
        if type(found) is not str:
            raise GatewayError(Code.BAD_BATCH, f"the result of {ref.item!r} is no id of one object", name=ref.item)
        return found

    def _result(self, ref: ResultOf) -> Value:
        known = self._known.get(ref.item)
        if known is None:
            raise GatewayError(Code.BAD_BATCH, f"no item {ref.item!r} comes before this one", name=ref.item)
        item, answer = known
        if answer.ids is not None and answer.id is None and ref.field in (None, ID):
            return _at(answer.ids, ref) if ref.index is not None else list(answer.ids)
        if answer.objects is not None:
            if ref.index is not None:
                return self._field(item, answer, _at(answer.objects, ref), ref)
            if ref.field is None:
                return [self._field(item, answer, fields, ref) for fields in answer.objects]
        elif ref.index is None and answer.total is None:
            system = {ID: answer.id, CREATED_AT: answer.created_at, UPDATED_AT: answer.updated_at}
            if (found := system.get(ref.field or ID)) is not None:
                return found
            return self._field(item, answer, answer.object or {}, ref)
        raise _nothing(ref)

    def _field(self, item: Operation, answer: Result, fields: Fields, ref: ResultOf) -> Value:
        name = ref.field or ID
        if name in fields:
            return fields[name]
        class_name = str(answer.class_name or getattr(item, "class_name", ""))
        of = self._session.schema.classes.get(class_name)
        if of is None or name not in of.columns or ID not in fields:
            raise _nothing(ref)
        return None  # a column without a value


def _at(found: Sequence[T], ref: ResultOf) -> T:
    if ref.index is None or not 0 <= ref.index < len(found):
        raise GatewayError(
            Code.BAD_BATCH,
            f"the result of {ref.item!r} has {len(found)} objects, and none at {ref.index}",
            name=ref.item,
        )
    return found[ref.index]


def _nothing(ref: ResultOf) -> GatewayError:
    parts = [f"an object at {ref.index}"] if ref.index is not None else []
    parts += [f"a field {ref.field!r}"] if ref.field is not None else []
    return GatewayError(
        Code.BAD_BATCH, f"the result of {ref.item!r} has no {' with '.join(parts) or 'id'}", name=ref.item
    )


def _pointed(item: Operation, answer: Result) -> str | None:
    """The id of the one object that an item is about."""
    if answer.id is not None:
        return answer.id
    fields = answer.object or (answer.objects[0] if answer.objects else {})
    found: Any = fields.get(ID)
    return found if found is not None else getattr(item, "id", None)
