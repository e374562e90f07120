"""Classes as such: their fields and indexes, and who may do what with them.

Permissions are asked before an object's own access control list, and both must agree. The master is asked for neither.
The model is that of Parse Server's class-level permissions; other vendors' have less, or, with denials, a little more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from gateway.model.values import Value


class Kind(StrEnum):
    """The types of columns; the words are those of the vendors' messages. GEOMETRY holds points, lines and polygons."""

    STRING = "String"
    NUMBER = "Number"
    BOOLEAN = "Boolean"
    DATE = "Date"
    OBJECT = "Object"
    ARRAY = "Array"
    POINTER = "Pointer"
    RELATION = "Relation"
    FILE = "File"
    GEO_POINT = "GeoPoint"
    LINE_STRING = "LineString"
    POLYGON = "Polygon"
    GEOMETRY = "Geometry"
    BYTES = "Bytes"


@dataclass(frozen=True, slots=True)
class Type:
    """`target` is the class that a Pointer or Relation points to."""

    kind: Kind
    target: str | None = None

    def __str__(self) -> str:
        return f"{self.kind}<{self.target}>" if self.target is not None else self.kind.value


# who may do what


class Action(StrEnum):
    """What permissions are given for."""

    FIND = "find"
    GET = "get"
    COUNT = "count"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    ADD_FIELD = "add_field"


READING: Final = frozenset({Action.FIND, Action.GET, Action.COUNT})

CREATOR: Final = "@creator"
"""In a default access control list: whoever creates the object."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may do one thing; a rule that names nobody is for the master alone.

    `authenticated` is every user who is logged in. `fields` are pointers to users, or lists of them: whoever an object
    names there may do it with that object; where a rule has `authenticated` as well, both are needed. What is said of a
    user goes before what is said of its roles, and that before what is said of everybody; of roles a denial goes first.
    """

    everybody: bool = False
    authenticated: bool = False
    users: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    fields: tuple[str, ...] = ()
    denied_users: frozenset[str] = frozenset()
    denied_roles: frozenset[str] = frozenset()


EVERYBODY: Final = Rule(everybody=True)
NOBODY: Final = Rule()


@dataclass(frozen=True, slots=True)
class Protected:
    """Fields that no answer shows, for each group of callers; None where nothing is said of a group.

    Of all groups that a caller is in, only what is protected for every one of them is hidden: an empty list frees a
    group. `fields` are groups by object: those whom it names there. Parse Server, `protectedFields`.
    """

    everybody: tuple[str, ...] | None = None
    authenticated: tuple[str, ...] | None = None
    users: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


Acl = Mapping[str, Mapping[str, bool]]


@dataclass(frozen=True, slots=True)
class ClassPermissions:
    """An action without a rule is for the master alone.

    `read_fields` and `write_fields` are `Rule.fields` of all reading and all writing, creating aside. `default_acl` is
    what an object gets that is created without a list.
    """

    rules: Mapping[Action, Rule] = field(default_factory=dict)
    read_fields: tuple[str, ...] = ()
    write_fields: tuple[str, ...] = ()
    protected: Protected = Protected()
    default_acl: Acl | None = None


PUBLIC_ACL: Final[Acl] = {"*": {"read": True, "write": True}}

OPEN: Final = ClassPermissions(
    rules=dict.fromkeys(Action, EVERYBODY), protected=Protected(everybody=()), default_acl=PUBLIC_ACL
)
"""Of a class for which nobody has set any."""


@dataclass(frozen=True, slots=True)
class ClassSettings:
    """What the owner of an application says of a class, over what is stored with it; None says nothing.

    `rules` replace those of the actions they name, and `protected` what is stored, and what is hidden of users. Clients
    cannot write `read_only` fields.
    """

    rules: Mapping[Action, Rule] = field(default_factory=dict)
    protected: Protected | None = None
    default_acl: Acl | None = None
    read_only: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class AppSettings:
    """`creates_classes` is whether clients may create a class, by the first object in it."""

    classes: Mapping[str, ClassSettings] = field(default_factory=dict)
    creates_classes: bool = True


# what a class is


@dataclass(frozen=True, slots=True)
class Field:
    """A column. A `default` is for objects that are created without a value."""

    type: Type
    required: bool = False
    default: Value = None


@dataclass(frozen=True, slots=True)
class IndexOf:
    """An index over fields, each with whether it descends."""

    fields: tuple[tuple[str, bool], ...]
    unique: bool = False


@dataclass(frozen=True, slots=True)
class ClassSchema:
    """A class, as it is told: its own fields, without the system's. Permissions are None where they are not told."""

    class_name: str
    fields: Mapping[str, Field] = field(default_factory=dict)
    permissions: ClassPermissions | None = OPEN
    indexes: Mapping[str, IndexOf] = field(default_factory=dict)
