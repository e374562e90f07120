"""An object, saved with what stands in its pointers and relations, and told as it stands then."""

# ruff: noqa: S608 (SQL is put together here: of identifiers that were checked, numbers of our own, and parameters)

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from gateway.errors import Code, GatewayError
from gateway.model.account import ROLE, USER
from gateway.model.operation import Caller, DeepSave, Get, Result, Returning, Upsert
from gateway.model.schema import Kind
from gateway.model.update import AddRelation, Change, Set, Several, Unset
from gateway.model.values import ID, Fields, Object, Pointer, Relation, Value
from gateway.store.encoding import write_json
from gateway.store.objects import upsert
from gateway.store.reading import get
from gateway.store.session import Session

DEEPEST_TREE: Final = 10
MOST_OBJECTS: Final = 1000


@dataclass(slots=True)
class Saved:
    """An object of the tree, and what was saved with it: by field, one or several."""

    class_name: str
    id: str
    pointers: dict[str, Saved] = field(default_factory=dict)
    relations: dict[str, list[Saved]] = field(default_factory=dict)


def deep_save(session: Session, op: DeepSave, caller: Caller) -> Result:
    session.guard()
    saving = _Saving(session, caller)
    saved = saving.save(op.class_name, op.tree, 0)
    return Result(id=saved.id, object=_told(session, saved, caller), ids=saving.made)


class _Saving:
    def __init__(self, session: Session, caller: Caller) -> None:
        self._session = session
        self._caller = caller
        self._objects = 0
        self.made: list[str] = []
        """The ids of what had none."""

    def save(self, class_name: str, tree: Fields, depth: int) -> Saved:
        """What is related comes first: an object points to what is there."""
        self._objects += 1
        if depth > DEEPEST_TREE or self._objects > MOST_OBJECTS:
            raise GatewayError(
                Code.BAD_VALUE, f"a tree has at most {MOST_OBJECTS} objects, {DEEPEST_TREE} inside each other"
            )
        known = tree.get(ID)
        if known is not None and type(known) is not str:
            raise GatewayError(Code.BAD_VALUE, "an id is a text", class_name=class_name, field=ID)
        saved = Saved(class_name, known or "")
        changes: dict[str, Change] = {
            name: self._change(saved, name, value, depth) for name, value in tree.items() if name != ID
        }
        if class_name.startswith("_") and not self._caller.trusted and (changes or class_name not in (USER, ROLE)):
            raise GatewayError(
                Code.UNSUPPORTED, f"an object of {class_name} is saved by itself, not in a tree", class_name=class_name
            )
        if known is not None and not changes:
            # nothing to write: it must be there, for this caller, to be pointed to
            get(self._session, Get(class_name=class_name, id=known), self._caller)
            return saved
        made = upsert(
            self._session,
            Upsert(class_name=class_name, id=known, changes=changes, returning=Returning.NOTHING),
            self._caller,
        )
        assert made.id is not None
        saved.id = made.id
        if known is None:
            self.made.append(made.id)
        return saved

    def _change(self, saved: Saved, name: str, value: Value, depth: int) -> Change:
        of = self._session.schema.seen_by(self._caller).classes.get(saved.class_name)
        column = of.columns.get(name) if of is not None else None
        kind = column.type.kind if column is not None else None
        target = (column.type.target if column is not None else None) or ""
        if isinstance(value, list) and (kind is Kind.RELATION or (column is None and _are_objects(value))):
            target = target or value[0].class_name
            children = [self._child(target, name, child, depth) for child in value]
            saved.relations[name] = list({child.id: child for child in children}.values())
            members = tuple(Pointer(target, child.id) for child in saved.relations[name])
            # exactly these, whatever stood there; and a column for them, also where there are none
            return Several((Set(Relation(target)), Unset(), AddRelation(members)))
        if kind is Kind.RELATION and value is None:
            return Unset()
        if isinstance(value, Object) or (kind is Kind.POINTER and isinstance(value, dict | Pointer)):
            target = target or (value.class_name if isinstance(value, Object) else "")
            child = self._child(target, name, value, depth)
            saved.pointers[name] = child
            return Set(Pointer(child.class_name, child.id))
        return Unset() if kind is Kind.POINTER and value is None else Set(value, any_json=True)

    def _child(self, target: str, name: str, value: Value, depth: int) -> Saved:
        match value:
            case Object(class_name, fields) if class_name == target:
                return self.save(target, fields, depth + 1)
            case Pointer(class_name, known) if class_name == target:
                return self.save(target, {ID: known}, depth + 1)
            case dict():
                return self.save(target, value, depth + 1)
        raise GatewayError(
            Code.TYPE_MISMATCH,
            f"{name} holds objects of {target}",
            field=name,
            expected=target,
            found=str(type(value).__name__),
        )


def _are_objects(values: list[Value]) -> bool:
    return bool(values) and all(isinstance(value, Object) for value in values)


def _told(session: Session, saved: Saved, caller: Caller) -> Fields:
    """Its columns, nulls as well, and of what is related what was saved with it, the newest first."""
    try:
        found = get(session, Get(class_name=saved.class_name, id=saved.id, nulls=True), caller).object or {}
    except GatewayError as error:
        if error.code not in (Code.OBJECT_NOT_FOUND, Code.FORBIDDEN, Code.LOGIN_REQUIRED):
            raise
        return {ID: saved.id}  # who may write it, and not read it
    of = session.schema.classes[saved.class_name]
    links = {column.name for column in of.columns.values() if column.type.kind in (Kind.POINTER, Kind.RELATION)}
    told = {name: value for name, value in found.items() if name not in links}
    for name, child in saved.pointers.items():
        if name in found:
            told[name] = Object(child.class_name, _told(session, child, caller))
    for name, children in saved.relations.items():
        if children and name in found:
            told[name] = [
                Object(child.class_name, _told(session, child, caller)) for child in _newest_first(session, children)
            ]
    return told


def _newest_first(session: Session, children: list[Saved]) -> list[Saved]:
    of, by_id = session.schema.classes[children[0].class_name], {child.id: child for child in children}
    ordered = session.connection.rows(
        f"SELECT id FROM {of.table} WHERE id IN (SELECT value FROM json_each(?)) ORDER BY created_at DESC, seq DESC",
        (write_json(list(by_id)).decode(),),
    )
    return [by_id[known] for (known,) in ordered]
