"""What an app's own code is asked before and after something happens: a trigger of a class, at one moment.

    before_*      may refuse, and a `before_save` or `before_update` may change what is written
    after_*       is told, and nobody waits for what it says

A `before_save` is asked of what is made; whether it is asked of what is changed as well, or a `before_update` is
instead, the form of the webhook says (`dialects.hooks_json`). The same holds for `after_save`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from gateway.model.update import Change, Changes
from gateway.model.values import Fields


class Moment(StrEnum):
    BEFORE_SAVE = "before_save"
    AFTER_SAVE = "after_save"
    BEFORE_UPDATE = "before_update"
    AFTER_UPDATE = "after_update"
    BEFORE_DELETE = "before_delete"
    AFTER_DELETE = "after_delete"
    BEFORE_FIND = "before_find"
    AFTER_FIND = "after_find"
    BEFORE_LOG_IN = "before_log_in"
    AFTER_LOG_IN = "after_log_in"
    AFTER_LOG_OUT = "after_log_out"
    BEFORE_PASSWORD_RESET = "before_password_reset"  # noqa: S105 - a moment
    ON_VERIFIED = "on_verified"  # its class is what was verified: `email` or `sms`


UPDATES: Final[Mapping[Moment, Moment]] = {
    Moment.BEFORE_SAVE: Moment.BEFORE_UPDATE,
    Moment.AFTER_SAVE: Moment.AFTER_UPDATE,
}
"""What a trigger of saving is called where only changes of what is there are meant."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a trigger is asked about.

    `fields` is the object with what is to be changed, as far as that can be told; `original` is the object as it
    stands, None where it is new. `changes` are what the client asks for, and nothing where it asks for no write.
    """

    moment: Moment
    class_name: str
    fields: Fields
    original: Fields | None = None
    changes: Changes = field(default_factory=dict)
    objects: tuple[Fields, ...] | None = None
    """What a query has found."""


@dataclass(frozen=True, slots=True, repr=False)  # no repr: it holds a session's token
class Who:
    """On whose behalf code is asked. `user` is the whole object, `context` what the client has to say to the code."""

    app: str
    master: bool = False
    user: Fields | None = None
    session: str | None = None
    installation_id: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)


class Undefined:
    """What a function answers that returns nothing, which some wires tell from null."""

    def __repr__(self) -> str:
        return "UNDEFINED"

    def __deepcopy__(self, memo: Any) -> Undefined:
        return self


UNDEFINED: Final = Undefined()


Altered = Mapping[str, Change | None]
"""What a trigger wants otherwise: field -> the change to make instead of the client's, None for no change at all."""
