"""What is asked about users beyond log-ins and their own fields: guests, who is enabled, who is in which role.

Much of it is asked by code of the app's own, which is the master.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from gateway.model.account import USER
from gateway.model.operation import Find, Operation, Returning
from gateway.model.update import Changes


class Status(StrEnum):
    """Whether a user may come in, and how it did. A disabled one has no session, and opens none."""

    ENABLED = "ENABLED"
    DISABLED = "DISABLED"
    GUEST = "GUEST"  # without a name and a password: when its session ends nobody comes back to it


STATUS: Final = "userStatus"
LAST_LOG_IN: Final = "lastLogin"
ACCOUNT_OF: Final = "socialAccount"
"""Columns of users that tell of it, where a dialect has them. What holds is in the ledger, and not here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertGuest(Operation):
    """A guest, with the guest's own session, becomes a user with a name and a password, and opens no session."""

    id: str
    changes: Changes
    class_name: str = USER
    returning: Returning = Returning.EVERYTHING
    nulls: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSession(Operation):
    """Whether a token opens anything (`Result.value`); never an error."""

    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogInByToken(Operation):
    """Opens a session for whom a service knows by a token, who is a new user where it is not known here.

    `fields` says which column of a new user gets what the service tells. That a `guest` becomes this user is refused.
    """

    provider: str
    guest: Any = None
    token: Any = None
    secret: Any = None
    fields: Mapping[str, str] = field(default_factory=dict)
    class_name: str = USER
    nulls: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPassword(Operation):
    """Whether this is the password of the caller's user (`Result.value`); for the master."""

    password: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetStatus(Operation):
    """Lets a user come in, or no longer; for the master. Whoever is disabled has no session from then on."""

    id: str
    status: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindRoles(Operation):
    """The names of the roles of a user (`Result.value`), of the caller's where none is named."""

    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignRole(Operation):
    """Puts a user, by its name, address or id, into a role, or out of it; for the master. BAD_ROLE, SYSTEM_ROLE."""

    user: Any = None
    role: Any = None
    assigned: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FindMembers(Find):
    """The users who are in a role themselves, as Find tells them; `with_roles` tells the names of all roles of each."""

    class_name: str = USER
    role: str
    with_roles: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeLink(Operation):
    """A link that verifies a user's address (`Result.url`), by its name or address; for the master."""

    identity: str


MEMBER_OPERATIONS: Final[Mapping[str, type[Operation]]] = {
    "convert_guest": ConvertGuest,
    "check_session": CheckSession,
    "log_in_by_token": LogInByToken,
    "check_password": CheckPassword,
    "set_status": SetStatus,
    "find_roles": FindRoles,
    "assign_role": AssignRole,
    "find_members": FindMembers,
    "make_link": MakeLink,
}

FOR_THE_MASTER: Final = frozenset({CheckPassword, SetStatus, AssignRole, MakeLink})
