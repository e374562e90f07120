"""What a write does to one field. `Changes` maps a field, or a dotted path into one, to a change.

On a missing field a change starts from nothing: 0 for numbers and bits, an empty list, an empty relation. In a create
every field is missing. Relation changes are sets of ids, and repeat without harm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gateway.model.query import Expression
from gateway.model.values import Pointer, Reference, Value


@dataclass(frozen=True, slots=True)
class Set:
    """With `any_json` whatever JSON has may stand in an Object column: some wires have one kind of column for all."""

    value: Value
    any_json: bool = False


@dataclass(frozen=True, slots=True)
class SetOnInsert:
    """A Set in a create, nothing in an update."""

    value: Value


@dataclass(frozen=True, slots=True)
class Unset:
    pass


@dataclass(frozen=True, slots=True)
class Increment:
    by: int | float


@dataclass(frozen=True, slots=True)
class BitAnd:
    bits: int


@dataclass(frozen=True, slots=True)
class BitOr:
    bits: int


@dataclass(frozen=True, slots=True)
class BitXor:
    bits: int


@dataclass(frozen=True, slots=True)
class Add:
    """Appended to the list, in order."""

    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class AddUnique:
    """Appended to the list, each unless an equal one is there."""

    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Remove:
    """Every occurrence of each is taken out of the list."""

    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class AddRelation:
    members: tuple[Pointer | Reference, ...]


@dataclass(frozen=True, slots=True)
class RemoveRelation:
    members: tuple[Pointer | Reference, ...]


@dataclass(frozen=True, slots=True)
class Compute:
    """Set to the value of an expression over the object as it was before this write: columns, numbers and `+ - * /`."""

    expression: Expression


class JsonEdit(StrEnum):
    """How EditJson changes the value at a path. Source of the meanings: the JSON functions of MySQL 8."""

    SET = "set"  # made or replaced; an index past the end appends
    INSERT = "insert"  # made only where nothing is
    REPLACE = "replace"  # replaced only where something is
    REMOVE = "remove"
    ARRAY_APPEND = "array_append"  # appended to the list at the path; what is no list becomes one
    ARRAY_INSERT = "array_insert"  # put before the index at the end of the path


@dataclass(frozen=True, slots=True)
class EditJson:
    """Changes inside one field, in order: each a path of keys and indexes with its value (None for REMOVE)."""

    edit: JsonEdit
    paths: tuple[tuple[tuple[str | int, ...], Value], ...]


@dataclass(frozen=True, slots=True)
class Several:
    """Changes of the same field, one after the other."""

    changes: tuple[Change, ...]


Change = (
    Set
    | SetOnInsert
    | Unset
    | Increment
    | BitAnd
    | BitOr
    | BitXor
    | Add
    | AddUnique
    | Remove
    | AddRelation
    | RemoveRelation
    | Compute
    | EditJson
    | Several
)

Changes = Mapping[str, Change]
