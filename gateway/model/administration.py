"""What the owner of an application keeps and looks at beside its objects: parameters, events, a log, what there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.model.operation import Operation
from gateway.model.update import Set, Unset
from gateway.model.values import Date

EVENT: Final = "_Event"
"""The class of what `TrackEvent` keeps. Only the master reads it, and nobody writes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GetConfig(Operation):
    """The application's parameters (`Result.params`), and which are the master's alone (`Result.master_only`).

    Others than the master are told neither of those.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateConfig(Operation):
    """Sets parameters, or takes them away; the rest stays as it is. One that `master_only` does not name is open."""

    params: Mapping[str, Set | Unset]
    master_only: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackEvent(Operation):
    """Something that happened in a client, which is counted by its name and its dimensions. Without `at` it was now."""

    name: str
    dimensions: Mapping[str, str] | None = None
    at: Date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLog(Operation):
    """Entries of the application's log (`Result.value`, of `LogEntry`), of `level` and of more severe ones.

    `direction` is `falling`, the newest first, or `rising`.
    """

    level: str = "info"
    limit: int = 10
    since: Date | None = None
    until: Date | None = None
    direction: str = "falling"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerInfo(Operation):
    """What can be asked for here: the names of operations (`Result.value`, a frozenset)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health(Operation):
    """Whether there is somebody: an answer says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindServers(Operation):
    """Where an application is served (`Result.url`, without a path): clients ask that know no more than its id.

    With `realtime` it is where its websockets go, which is elsewhere. Where they go nowhere this is UNSUPPORTED.
    """

    realtime: bool = False


ADMINISTRATION_OPERATIONS: Final[Mapping[str, type[Operation]]] = {
    "get_config": GetConfig,
    "update_config": UpdateConfig,
    "track_event": TrackEvent,
    "read_log": ReadLog,
    "server_info": ServerInfo,
    "health": Health,
    "find_servers": FindServers,
}
