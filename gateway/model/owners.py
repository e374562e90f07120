"""What is asked about applications as such, by the people whose they are: they come with an account, and no key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.model.operation import Operation


@dataclass(frozen=True, slots=True, repr=False)  # no repr: it holds keys
class App:
    """An application, as the clients of one dialect know it: its keys by the names that mappings give them."""

    name: str
    app_id: str
    keys: Mapping[str, str]
    creates_classes: bool
    client_push: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FindApps(Operation):
    """The applications of an account (`Result.apps`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GetApp(Operation):
    """One of them, by the id that clients send (`Result.app`). OBJECT_NOT_FOUND where it is none of the account's."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateApp(Operation):
    """Makes an application of the account's (`Result.app`), with an id and keys of its own; it is served at once.

    What is None is as it is by default: clients make classes, and push nothing. `revocable_sessions` and
    `revokes_sessions` (when a password becomes another) can be true only: UNSUPPORTED. FORBIDDEN where the account has
    as many as it may have, BAD_VALUE where the name cannot be one.
    """

    name: str
    creates_classes: bool | None = None
    client_push: bool | None = None
    revocable_sessions: bool | None = None
    revokes_sessions: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateApp(Operation):
    """Changes what is set for an application (`Result.app`); what is None stays as it is.

    OBJECT_NOT_FOUND where it is none of the account's, UNSUPPORTED where the configuration has it.
    """

    id: str
    name: str | None = None
    creates_classes: bool | None = None
    client_push: bool | None = None
    revocable_sessions: bool | None = None
    revokes_sessions: bool | None = None


OWNER_OPERATIONS: Final[Mapping[str, type[Operation]]] = {
    "find_apps": FindApps,
    "get_app": GetApp,
    "create_app": CreateApp,
    "update_app": UpdateApp,
}
