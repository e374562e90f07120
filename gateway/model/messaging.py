"""Messages: published to channels, told to devices, and sent as emails.

A message is published to a channel, where who has subscribed to it fetches it, or told to devices that are registered
with the channel, or both. A registration of a device is an object of `_Installation`, see `model.push`.

What became of a message is a `Result.value` of `id`, `status` (a `MessageStatus`) and `error`, which is None but for
what failed; the other operations say what they answer. No answer is a class or a column of an application.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from gateway.model.operation import Operation
from gateway.model.query import Filter
from gateway.model.values import Date

DEFAULT_CHANNEL: Final = "default"
ANY_DEVICE: Final = "*"
"""In the place of a type of device: all of them."""


class MessageStatus(StrEnum):
    SCHEDULED = "scheduled"
    PUBLISHED = "published"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class Policy(StrEnum):
    """Where a message goes."""

    CHANNEL = "channel"
    DEVICES = "devices"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterDevice(Operation):
    """Registers a device with channels, of `DEFAULT_CHANNEL` where none is named, until `expires_at`.

    `os` is the type of the device, in lower case. Answers `id`, of the registration (`Result.value`).
    """

    token: str
    device_id: str
    os: str
    os_version: str | None = None
    channels: tuple[str, ...] = ()
    expires_at: Date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetRegistration(Operation):
    """A registration, by the device's own id: `id` and the fields of `RegisterDevice`. None: OBJECT_NOT_FOUND."""

    device_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnregisterDevice(Operation):
    """Forgets a registration. Answers whether there was one."""

    device_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish(Operation):
    """Publishes a message, any JSON, at once or at `at`; then again every so many seconds until `until`, or for good.

    `headers` are texts by name. Those that a vendor has for pushes (`shown_by`) say what devices show: type of device,
    or `*` for all of them -> the words of a push (`shown`). `device_ids` are some devices
    and `devices` types of them; without both, those that are registered with the channel. Where no `policy` is given it
    goes to the channel, and to devices as well if one of the other words asks for it.
    """

    channel: str
    message: Any
    publisher: str | None = None
    headers: Mapping[str, Any] | None = None
    shown: Mapping[str, Mapping[str, str]] | None = None
    shown_by: tuple[str, ...] = ()
    subtopic: str | None = None
    policy: Policy | None = None
    device_ids: tuple[str, ...] | None = None
    devices: tuple[str, ...] | None = None
    at: Date | None = None
    every: int | float | None = None
    until: Date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetMessageStatus(Operation):
    """What became of a message; of one that is not there, or was done with a day ago, that is UNKNOWN."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelMessage(Operation):
    """Takes back a message that is still to be published, or published again. NOT_SCHEDULED where there is none."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteChannel(Operation):
    """Forgets a channel, what was published to it and who has subscribed. There need not be one."""

    channel: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GetChannel(Operation):
    """What a client may know of a channel before it subscribes: there need not be one yet."""

    channel: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe(Operation):
    """Subscribes to what is published to a channel from now on. Answers the id of the subscription.

    Only to messages of that `subtopic`, or below it where it ends with `.*`, and to those whose headers match the
    `selector`: in it a field is a header.
    """

    channel: str
    subscriber: str | None = None
    subtopic: str | None = None
    selector: Filter | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PollMessages(Operation):
    """The messages of a subscription that were not fetched yet, the oldest first; one that nobody fetches is lost.

    A message is `id`, `data`, `at`, `publisher`, `headers` and `subtopic`. A missing subscription is OBJECT_NOT_FOUND.
    """

    channel: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PushTemplate(Operation):
    """Tells devices what the config has under this name. NO_TEMPLATE where it has nothing."""

    name: str
    values: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindPushTemplates(Operation):
    """The templates for a type of device: a list of `name`, `title` and `message`."""

    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SendEmail(Operation):
    """Sends an email to all of these addresses. `attachments` are paths of files.

    NOT_CONFIGURED where the application has no mail server, FORBIDDEN where the caller may send none, RATE_LIMITED
    where too many were sent of late, and BAD_EMAIL.
    """

    subject: str
    to: tuple[str, ...]
    text: str | None = None
    html: str | None = None
    attachments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SendTemplate(Operation):
    """Sends the email that the config has under this name, with values for its places. NO_TEMPLATE where it has none.

    With `criteria` it goes to the users that match instead of to `to`. `unique` sends each recipient a mail of its own,
    as it is always done for users: nobody learns of the others' addresses. Else as `SendEmail`.
    """

    name: str
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    criteria: Filter | None = None
    unique: bool = False
    values: Mapping[str, Any] | None = None
    attachments: tuple[str, ...] = ()


MESSAGING_OPERATIONS: Final[Mapping[str, type[Operation]]] = {
    "register_device": RegisterDevice,
    "get_registration": GetRegistration,
    "unregister_device": UnregisterDevice,
    "publish": Publish,
    "get_message_status": GetMessageStatus,
    "cancel_message": CancelMessage,
    "delete_channel": DeleteChannel,
    "get_channel": GetChannel,
    "subscribe": Subscribe,
    "poll_messages": PollMessages,
    "push_template": PushTemplate,
    "find_push_templates": FindPushTemplates,
    "send_email": SendEmail,
    "send_template": SendTemplate,
}
