"""Who may do what, changed a word at a time: of one object, or of a class.

What is said of a user goes before what is said of its roles, and that before what is said of everybody; of roles a
denial goes first. Roles that are nobody's to give have names that begin with `@`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.model.operation import Operation

ANYBODY: Final = "*"
"""As a user, or as a role: everybody."""

SYSTEM_ROLE: Final = "@"
"""What the names of roles begin with that callers are in by what they are."""
AUTHENTICATED: Final = "@authenticated"
GUEST: Final = "@guest"
ANONYMOUS: Final = "@anonymous"
"""Who has no session."""
SYSTEM_ROLES: Final = frozenset({AUTHENTICATED, GUEST, ANONYMOUS})


@dataclass(frozen=True, slots=True)
class Permission:
    """`right` is read, update or delete. It is given to, or with `granted` False taken from, a user or else a role."""

    right: str
    granted: bool = True
    user: Any = None
    role: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit(Operation):
    """Changes who may do something with one object: by its owner, as far as it may change it, or by the master.

    OBJECT_NOT_FOUND, FORBIDDEN, BAD_ROLE where there is no such role.
    """

    class_name: str
    id: str
    right: str
    granted: bool = True
    user: Any = None
    role: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PermitAll(Operation):
    """The same, several at once; all or nothing."""

    class_name: str
    id: str
    permissions: tuple[Permission, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PermitClass(Operation):
    """Changes who may do something with the objects of a class: by the master. `action` is one of `schema.Action`.

    Finding is getting and counting as well.
    """

    class_name: str
    action: str
    granted: bool = True
    user: Any = None
    role: Any = None


PERMISSION_OPERATIONS: Final[Mapping[str, type[Operation]]] = {
    "permit": Permit,
    "permit_all": PermitAll,
    "permit_class": PermitClass,
}
