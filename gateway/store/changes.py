"""What a write does to a stored document, before it is stored again.

Documents are changed in their stored form (`encoding`): only what a change touches is encoded, and nothing is decoded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import orjson

from gateway.errors import Code, GatewayError
from gateway.model.operation import Returning
from gateway.model.query import Expression
from gateway.model.schema import Kind, Type
from gateway.model.update import (
    Add,
    AddRelation,
    AddUnique,
    BitAnd,
    BitOr,
    BitXor,
    Change,
    Changes,
    Compute,
    EditJson,
    Increment,
    Remove,
    RemoveRelation,
    Set,
    SetOnInsert,
    Several,
    Unset,
)
from gateway.model.values import ACL, Fields, Pointer, Reference, Value
from gateway.store.access import with_denials
from gateway.store.arithmetic import computed
from gateway.store.encoding import (
    COLUMN_WRITERS,
    GEOMETRIES,
    KINDS,
    PLAIN_TYPES,
    Stored,
    is_tagged,
    kind_of_stored,
    read_nested,
    same,
    type_of,
    write_column,
    write_json,
    write_nested,
    write_number,
)
from gateway.store.json_edits import edited
from gateway.store.schema import ClassSchema, Column, check_field_name
from gateway.store.spot import MOST_PARTS, is_index

JSON_KINDS: Final = frozenset({Kind.STRING, Kind.NUMBER, Kind.BOOLEAN, Kind.OBJECT, Kind.ARRAY})

LONGEST_GAP: Final = 1000
"""How many nulls a change at a position far behind the end of a list may put before it."""

Doc = dict[str, Stored]


class Columns(Protocol):
    """The columns of the class, as the write makes them."""

    def known(self, name: str) -> Column | None: ...

    def need(self, name: str, kind: Type) -> Column:
        """Made where it is missing. Raises GatewayError(TYPE_MISMATCH) where it has another type."""

    def check_new(self, name: str) -> None:
        """Asked where a change names a column that is not there, and makes none. Raises GatewayError."""

    def no_such(self, name: str) -> GatewayError: ...

    def mismatch(self, name: str, expected: object, found: object) -> GatewayError: ...


@dataclass(slots=True)
class Edit:
    """A document under change, and what else the changes come to."""

    columns: Columns
    doc: Doc
    acl: dict[str, Any] | None = None
    creating: bool = False
    keeps_denials: bool = False
    before: str = "{}"  # the document as it was, to compute with
    computed: list[str] = field(default_factory=list)  # paths with a value that the client cannot know
    touched: list[str] = field(default_factory=list)  # columns
    members: list[tuple[Column, bool, list[str]]] = field(default_factory=list)  # to add, or else to remove
    emptied: list[Column] = field(default_factory=list)  # relations to clear, before members are added

    def apply(self, changes: Changes) -> None:
        """Raises GatewayError; the document is then worthless."""
        for name, change in changes.items():
            if type(change) is Set and self._set_known(name, change.value):
                continue
            self._apply_one(name, change)

    def _set_known(self, name: str, value: Value) -> bool:
        """Sets a column that is there and of the value's type, which is most of all writing."""
        column = self.columns.known(name)
        kind = KINDS.get(type(value))
        # of a pointer the class is to be compared as well, and a relation is not in the document
        if column is None or column.type.kind is not kind or column.type.target is not None:
            return False
        self.doc[name] = COLUMN_WRITERS[kind](value)
        self.touched.append(name)
        return True

    def _apply_one(self, name: str, change: Change) -> None:
        if isinstance(change, Several):
            for each in change.changes:
                self._apply_one(name, each)
        elif name.startswith("@"):
            self._apply_system(name, change)
        elif isinstance(change, SetOnInsert):
            if self.creating:
                self._apply_one(name, Set(change.value))
                self.computed.append(name)
        elif "." in name:
            self._apply_below(name, change)
        else:
            self._apply_column(name, change)
            self.touched.append(name)

    def _apply_system(self, name: str, change: Change) -> None:
        if name != ACL:
            raise GatewayError(Code.RESERVED_FIELD, f"{name.removeprefix('@')} is set by the server", field=name)
        match change:
            case Unset() | Set(None):
                self.acl = self._with_denials(None)
            case Set(dict() as value):
                self.acl = self._with_denials(value)
            case _:
                raise GatewayError(Code.BAD_ACL, "an access control list is an object, set as a whole", field=name)

    def _with_denials(self, acl: dict[str, Any] | None) -> dict[str, Any] | None:
        """Who sets a whole list has not seen who is denied what, and does not undo it unawares."""
        return with_denials(acl, self.acl or {}) if self.keeps_denials else acl

    def _apply_column(self, name: str, change: Change) -> None:
        doc = self.doc
        match change:
            case Set(value, any_json):
                self._set_column(name, value, any_json=any_json)
            case Unset():
                doc.pop(name, None)
                self._clear(name)
            case AddRelation(members) | RemoveRelation(members):
                self._relate(name, members, adding=isinstance(change, AddRelation))
            case Compute(expression):
                self._compute(name, expression)
            case EditJson():
                self._edit_json(name, change)
            case _:
                self.columns.need(name, PLAIN_TYPES[OPERATORS[type(change)].kind])
                doc[name] = self._operate(name, doc.get(name), change)
                self.computed.append(name)

    def _set_column(self, name: str, value: Value, *, any_json: bool = False) -> None:
        if value is None:  # makes no column, and fits every one
            if self.columns.known(name) is None:
                self.columns.check_new(name)
            elif self._clear(name):
                return
            self.doc[name] = None
            return
        kind = type_of(value)
        known = self.columns.known(name)
        if known is not None and _holds(known.type.kind, kind.kind, any_json=any_json):
            kind = known.type
        column = self.columns.need(name, kind)
        if column.type.kind is not Kind.RELATION:  # a relation that is sent back as it came is no change
            self.doc[name] = write_column(column.type.kind, value)

    def _compute(self, name: str, expression: Expression) -> None:
        value = computed(expression, self._number)
        known = self.columns.known(name)
        if value is not None:
            self.columns.need(name, PLAIN_TYPES[Kind.NUMBER])
        elif known is None:
            self.columns.check_new(name)
        elif known.type.kind is not Kind.NUMBER:
            raise self.columns.mismatch(name, known.type, Kind.NUMBER)
        self.doc[name] = value
        self.computed.append(name)

    def _number(self, path: str) -> int | float | None:
        """What an expression has for a column."""
        name, *parts = path.split(".")
        known = self.columns.known(name)
        if known is None:
            check_field_name(name)
            raise self.columns.no_such(name)
        found: Stored = orjson.loads(self.before).get(name)
        for part in parts:
            found = _look(found, self._step(found, part, path)) if found is not None else None
        kind = known.type if not parts else kind_of_stored(found) if found is not None else None
        if kind is not None and kind.kind is not Kind.NUMBER:
            raise self.columns.mismatch(path, kind, Kind.NUMBER)
        number: int | float | None = found
        return number

    def _edit_json(self, name: str, change: EditJson) -> None:
        known = self.columns.known(name)
        if known is None:
            check_field_name(name)
            raise self.columns.no_such(name)
        if known.type.kind not in (Kind.OBJECT, Kind.ARRAY):
            raise self.columns.mismatch(name, known.type, Kind.OBJECT)
        value = edited(self.doc.get(name), change, name)
        found = kind_of_stored(value) if value is not None else known.type
        if found.kind is not known.type.kind and not _holds(known.type.kind, found.kind, any_json=True):
            raise self.columns.mismatch(name, known.type, found)
        self.doc[name] = value
        self.computed.append(name)

    def _clear(self, name: str) -> bool:
        column = self.columns.known(name)
        if column is None or column.type.kind is not Kind.RELATION:
            return False
        self.members = [change for change in self.members if change[0].id != column.id]
        self.emptied.append(column)
        return True

    def _relate(self, name: str, members: tuple[Pointer | Reference, ...], *, adding: bool) -> None:
        if not members:
            known = self.columns.known(name)
            if known is None:
                self.columns.check_new(name)  # of which class is not said, so there is no column to make
            elif known.type.kind is not Kind.RELATION:
                raise self.columns.mismatch(name, known.type, Kind.RELATION)
            return
        ids = []
        column = None
        for member in members:
            if isinstance(member, Reference):
                type_of(member)  # raises: a batch puts pointers in their places before
            column = self.columns.need(name, Type(Kind.RELATION, member.class_name))
            ids.append(member.id if isinstance(member, Pointer) else "")
        assert column is not None
        self.members.append((column, adding, ids))

    def _apply_below(self, path: str, change: Change) -> None:
        """At a dotted path: objects on the way are made; a number is a position where there is a list."""
        name, *parts = path.split(".")
        if len(parts) > MOST_PARTS:
            raise GatewayError(Code.BAD_FIELD_NAME, f"a path has at most {MOST_PARTS} parts", field=path)
        if isinstance(change, AddRelation | RemoveRelation):
            raise GatewayError(Code.BAD_FIELD_NAME, f"a relation is a column, and {path!r} is none", field=path)
        if isinstance(change, Compute | EditJson):
            raise GatewayError(Code.BAD_FIELD_NAME, f"a column is computed, and {path!r} is none", field=path)
        known = self.columns.known(name)
        if known is None:
            self.columns.check_new(name)
            if isinstance(change, Unset):
                return
        if known is None or known.type.kind is not Kind.ARRAY or not is_index(parts[0]):
            self.columns.need(name, PLAIN_TYPES[Kind.OBJECT])
        holder: Stored = self.doc
        at: str | int = name
        for part in parts:
            inner = _look(holder, at)
            if inner is None:
                if isinstance(change, Unset):
                    return
                is_list = at == name and known is not None and known.type.kind is Kind.ARRAY
                inner = [] if is_list else {}
                _put(holder, at, inner, path)
            holder, at = inner, self._step(inner, part, path)
        self.touched.append(name)
        if isinstance(change, Unset):
            _take(holder, at)
        elif isinstance(change, Set):
            _put(holder, at, write_nested(change.value), path)
        else:
            _put(holder, at, self._operate(path, _look(holder, at), change), path)
            self.computed.append(path)

    def _step(self, holder: Stored, part: str, path: str) -> str | int:
        if type(holder) is list and is_index(part):
            return int(part)
        if type(holder) is dict and _is_container(holder):
            return "@" + part if part.startswith("@") else part
        raise self.columns.mismatch(path, kind_of_stored(holder), Kind.OBJECT)

    def _operate(self, path: str, old: Stored, change: Change) -> Stored:
        operator = OPERATORS[type(change)]
        if old is None:
            return operator.compute(operator.nothing(), change)
        found = kind_of_stored(old)
        if found.kind is not operator.kind:
            raise self.columns.mismatch(path, found, operator.kind)
        return operator.compute(old, change)

    def answer(self, returning: Returning, of: ClassSchema) -> Fields:
        """What COMPUTED or CHANGED ask for. Of a change inside an object only its path is told, as objects."""
        if returning is Returning.CHANGED:
            touched = dict.fromkeys(self.touched)  # each once: what was read is not to be read again
            changed = {name: of.read(name, self.doc[name]) for name in touched if name in self.doc}
            return changed | dict(of.relations)
        whole = dict.fromkeys(path for path in self.computed if "." not in path)
        shown = {name: of.read(name, self.doc[name]) for name in whole if name in self.doc}
        for path in self.computed:
            name, *parts = path.split(".")
            if name in whole:
                continue
            found: Stored = self.doc.get(name)
            for part in parts:
                found = _look(found, self._step(found, part, path)) if _is_container(found) else None
            into = shown.setdefault(name, {})
            for part in parts[:-1]:
                into = into.setdefault(part, {})
            # a copy is read: the path of another change may lead into it
            into[parts[-1]] = read_nested(orjson.loads(write_json(found)))
        return shown


@dataclass(frozen=True, slots=True)
class Operator:
    """`compute` makes the new stored value of the old one, and what it starts from where there is none."""

    kind: Kind
    nothing: Callable[[], Stored]
    compute: Callable[[Any, Any], Stored]


def _whole(number: float) -> int:
    if number != int(number):
        raise GatewayError(Code.BAD_VALUE, f"bits are asked of a whole number, and this is {number}")
    return int(number)


def _increment(old: float, change: Increment) -> Stored:
    return write_number(old + write_number(change.by))


def _add(old: list[Stored], change: Add) -> Stored:
    return old + [write_nested(value) for value in change.values]


def _add_unique(old: list[Stored], change: AddUnique) -> Stored:
    kept = list(old)
    for value in map(write_nested, change.values):
        if not any(same(value, known) for known in kept):
            kept.append(value)
    return kept


def _remove(old: list[Stored], change: Remove) -> Stored:
    gone = [write_nested(value) for value in change.values]
    return [known for known in old if not any(same(known, value) for value in gone)]


OPERATORS: Final[dict[type, Operator]] = {
    Increment: Operator(Kind.NUMBER, int, _increment),
    BitAnd: Operator(Kind.NUMBER, int, lambda old, change: write_number(_whole(old) & change.bits)),
    BitOr: Operator(Kind.NUMBER, int, lambda old, change: write_number(_whole(old) | change.bits)),
    BitXor: Operator(Kind.NUMBER, int, lambda old, change: write_number(_whole(old) ^ change.bits)),
    Add: Operator(Kind.ARRAY, list, _add),
    AddUnique: Operator(Kind.ARRAY, list, _add_unique),
    Remove: Operator(Kind.ARRAY, list, _remove),
}


def _holds(column: Kind, kind: Kind, *, any_json: bool) -> bool:
    """Whether a column may have a value of another kind than its own."""
    if column is Kind.GEOMETRY:
        return kind in GEOMETRIES
    return any_json and column is Kind.OBJECT and kind in JSON_KINDS


def _is_container(stored: Stored) -> bool:
    return type(stored) is list or (type(stored) is dict and not is_tagged(stored))


def _look(holder: Stored, at: str | int) -> Stored:
    if isinstance(at, str):
        return holder.get(at)
    return holder[at] if at < len(holder) else None


def _put(holder: Stored, at: str | int, value: Stored, path: str) -> None:
    if isinstance(at, int):
        if at > len(holder) + LONGEST_GAP:
            raise GatewayError(Code.BAD_VALUE, f"{path!r} is far behind the end of the list", field=path)
        holder.extend([None] * (at + 1 - len(holder)))
    holder[at] = value


def _take(holder: Stored, at: str | int) -> None:
    if isinstance(at, str):
        holder.pop(at, None)
    elif at < len(holder):
        holder[at] = None  # as MongoDB: the elements behind it keep their positions
