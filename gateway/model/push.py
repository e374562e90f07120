"""Pushes: what devices are told, and which, and when.

A device is an object of the class `_Installation`. Its columns are those that all vendors know: `installationId`,
`deviceToken`, `deviceType` (`ios`, `android`, ...), `pushType`, `channels`, `badge`, `timeZone` (a name such as
`Europe/Paris`), `appIdentifier`, `valid` (False: it wants no pushes), and whatever else an app puts there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Final

from gateway.errors import Code, GatewayError
from gateway.model.operation import Operation
from gateway.model.query import And, Condition, Filter, Op
from gateway.model.values import Date

INSTALLATION: Final = "_Installation"
PUSH_STATUS: Final = "_PushStatus"
AUDIENCE: Final = "_Audience"

MOST_CHANNELS: Final = 1000


@dataclass(frozen=True, slots=True)
class LocalTime:
    """A moment without a zone, `2026-01-02T03:04:05.678`: each device has it when its own clock shows it."""

    iso: str


class PushStatus(StrEnum):
    """Where a push stands; the words are those of Parse Server's `_PushStatus`."""

    SCHEDULED = "scheduled"
    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"  # it was given up; some may have been sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Push(Operation):
    """Tells devices something: those that match `where`, those in one of `channels`, or both.

    `data` is JSON. Under each of the keys in `platforms` that it has is what devices of this type are told instead of,
    or besides, the rest. `badge` in it is a number, or "Increment" for one more than each device shows. `where_json`
    is the condition as the client wrote it, for the record.

    It is sent at `push_time`, or now. Devices do not get it after `expires_at`, or so many seconds after `push_time`.
    With `without_token` devices count that have an installation id only. `request_id` is one of the client's own: the
    same one within five minutes is the same push.

    Answers `id` (of its record) and `created_at`, before it is sent. BAD_PUSH where it makes no sense, NO_PUSH_SENDER
    where the application has nobody who would send it.
    """

    data: Mapping[str, Any] = field(default_factory=dict)
    where: Filter | None = None
    where_json: Any = None
    channels: tuple[str, ...] | None = None
    push_time: Date | LocalTime | None = None
    expires_at: Date | None = None
    expires_in: int | float | None = None
    production: bool = True
    platforms: tuple[str, ...] = ()
    without_token: bool = False
    to_all: bool = False
    """Neither `where` nor `channels` means everybody; else it is BAD_PUSH."""
    both: bool = False
    """`where` and `channels` may both be there; else it is BAD_PUSH."""
    audience_id: str | None = None
    request_id: str | None = None
    source: str = "rest"
    called: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PushRecord:
    """What became of a push. `targets` is how many devices there were for it so far; `gone` of them are no more.

    `sent_per_type` and `failed_per_type` count by type of device. `push_time` is when it was to be sent.
    """

    id: str
    created_at: Date
    updated_at: Date
    status: PushStatus
    push_time: Date | LocalTime
    data: Mapping[str, Any]
    where_json: Any = None
    targets: int = 0
    sent: int = 0
    failed: int = 0
    gone: int = 0
    sent_per_type: Mapping[str, int] = field(default_factory=dict)
    failed_per_type: Mapping[str, int] = field(default_factory=dict)
    production: bool = True
    expires_at: Date | None = None
    error: str | None = None
    """In a few words why devices did not get it, or why it was given up."""

    def parts(self) -> dict[str, Any]:
        """As a mapping, which is how results have it."""
        return {part.name: getattr(self, part.name) for part in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class GetPush(Operation):
    """What became of one push: `Result.push`, a mapping with the parts of a `PushRecord`.

    OBJECT_NOT_FOUND where there is no such push.
    """

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FindPushes(Operation):
    """What became of pushes, the newest first (`Result.pushes`, and `total` of a count)."""

    limit: int
    skip: int = 0
    scheduled: bool = False
    """Only those that are still to be sent, the next one first."""
    count: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelPush(Operation):
    """Takes back a push that is still to be sent. OBJECT_NOT_FOUND where there is none of that id."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletePush(Operation):
    """Forgets a push; what of it was not sent yet is not sent. OBJECT_NOT_FOUND where there is no such push."""

    id: str


def whom(op: Push) -> Filter | None:
    """The condition on installations that a push is for; None is everybody.

    Raises GatewayError(BAD_PUSH): Parse Server, PushRouter, in its own words.
    """
    asked = op.where is not None or op.where_json is not None  # an empty condition is one
    if asked and op.channels is not None and not op.both:
        raise GatewayError(Code.BAD_PUSH, "Channels and query can not be set at the same time.")
    if not asked and op.channels is None and not op.to_all:
        raise GatewayError(Code.BAD_PUSH, 'Sending a push requires either "channels" or a "where" query.')
    if op.channels is None:
        return op.where
    if len(op.channels) > MOST_CHANNELS:
        raise GatewayError(Code.BAD_PUSH, f"a push has at most {MOST_CHANNELS} channels")
    subscribed = Condition("channels", Op.IN, list(op.channels))
    return subscribed if op.where is None else And((op.where, subscribed))


PUSH_OPERATIONS: Final[Mapping[str, type[Operation]]] = {
    "push": Push,
    "get_push": GetPush,
    "find_pushes": FindPushes,
    "cancel_push": CancelPush,
    "delete_push": DeletePush,
}
