"""What is asked about classes as such, by the master alone: Parse's schema API, and as much of it as others have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.model.operation import Operation
from gateway.model.schema import ClassPermissions, Field, IndexOf


@dataclass(frozen=True, slots=True, kw_only=True)
class GetSchema(Operation):
    """One class (`Result.schema`). CLASS_NOT_FOUND where there is none."""

    class_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Describe(Operation):
    """The columns of one class (`Result.schema`), for every client: its permissions are not told."""

    class_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FindSchemas(Operation):
    """All classes (`Result.schemas`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateClass(Operation):
    """Makes a class without objects, and answers it. DUPLICATE_VALUE where it is there."""

    class_name: str = ""
    fields: Mapping[str, Field | None] = field(default_factory=dict)
    permissions: ClassPermissions | None = None
    indexes: Mapping[str, IndexOf | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateClass(Operation):
    """Adds fields and indexes to a class, or with None takes them away, and sets its permissions; answers the class.

    A field that is there can be given again with the same type: its options are then replaced. BAD_SCHEMA where a
    field has another type, or one that is to go is not there.
    """

    class_name: str
    fields: Mapping[str, Field | None] = field(default_factory=dict)
    permissions: ClassPermissions | None = None
    indexes: Mapping[str, IndexOf | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteClass(Operation):
    """Forgets a class that has no objects (else BAD_SCHEMA). One that is not there is gone already."""

    class_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeClass(Operation):
    """Deletes every object of a class, and keeps the class. One that is not there has none."""

    class_name: str


SCHEMA_OPERATIONS: Final[Mapping[str, type[Operation]]] = {
    "get_schema": GetSchema,
    "describe": Describe,
    "find_schemas": FindSchemas,
    "create_class": CreateClass,
    "update_class": UpdateClass,
    "delete_class": DeleteClass,
    "purge_class": PurgeClass,
}
