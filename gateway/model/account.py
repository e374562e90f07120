"""Users, and the sessions that prove who they are.

A user is an object of the class USER: who asks for it by Get, Find, Update or Delete gets it by the rules for users.
What is not an object, such as a log-in, is an operation of its own here. Passwords are in the clear on the way in only;
no operation and no result has one on the way out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.model.operation import Operation, Returning
from gateway.model.push import INSTALLATION, Push
from gateway.model.update import Changes
from gateway.model.values import Date

USER: Final = "_User"
ROLE: Final = "_Role"
SESSION: Final = "_Session"

OWN_ID_KEYS: Final = ("id", "uid", "openid")
"""Where a provider's data has the user's id there: Parse's `id`, LeanCloud's `uid`, and `openid` of WeChat and QQ."""
LONGEST_NAME: Final = 500


def own_id(data: Mapping[str, Any]) -> str | None:
    """By which id of a provider's data a user is known: the first that is there, or None where that is none."""
    for key in OWN_ID_KEYS:
        if key in data:
            own = data[key]
            return own if type(own) is str and 0 < len(own) <= LONGEST_NAME else None
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUp(Operation):
    """Makes a user, and opens a session for it. `changes` hold username and password, or `authData` of a provider.

    Without `opens_session` it only makes a user; a `guest` needs neither name nor password. With `named_by_email` an
    email address will do for a name. With `with_status` the user tells, in columns, whether it is enabled, and when it
    last came in.

    With authData of a user that is known it is a log-in (`Result.created` is False); with `must_exist` an unknown one
    is USER_NOT_FOUND. So it is with an `sms_code` to CONFIRM that was sent to the mobile phone number in `changes`.
    With `share_session` all log-ins of a user get one session, until its tokens are changed.
    """

    changes: Changes
    sms_code: str | None = None
    id: str | None = None
    must_exist: bool = False
    returning: Returning = Returning.COMPUTED
    with_acl: bool = True
    share_session: bool = False
    nulls: bool = False
    opens_session: bool = True
    guest: bool = False
    named_by_email: bool = False
    with_status: bool = False
    ignore_hooks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogIn(Operation):
    """Opens a session for who knows the password. Any of the names will do.

    Those that are given must all agree; with `one_name` the first of username, email and phone counts alone. In the
    place of the password there may be an `sms_code` to LOG_IN, that was sent to the phone.
    """

    password: str | None = None
    sms_code: str | None = None
    username: str | None = None
    email: str | None = None
    phone: str | None = None
    one_name: bool = False
    with_acl: bool = True
    share_session: bool = False
    nulls: bool = False
    with_status: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyPassword(Operation):
    """The same without a session."""

    password: str | None = None
    username: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogInAs(Operation):
    """Opens a session for a user, for the master."""

    user_id: str | None = None
    nulls: bool = False
    with_status: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOut(Operation):
    """Ends the caller's session; without one there is nothing to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentUser(Operation):
    """Whose session it is. `session` is a token in a parameter, which goes before the one of the credentials."""

    session: str | None = None
    include: tuple[str, ...] = ()
    with_acl: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentSession(Operation):
    """The caller's session, as an object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSession(Operation):
    """The caller's session, a restricted one, becomes that of the caller's installation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeSession(Operation):
    """The caller's session, as an object; where its token is not one of ours there is a new session in its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePassword(Operation):
    """By who knows the old one. Every session of the user ends, and a new one is opened."""

    id: str
    old_password: str | None = None
    new_password: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshSession(Operation):
    """Every session of the user ends, and a new one is opened."""

    id: str


@dataclass(
    frozen=True, slots=True, kw_only=True, repr=False
)  # no repr: it holds a password, as it is kept, and a token
class ExportedUser:
    """A user as it was elsewhere. `kept` is its password as `store.passwords` knows it; `token` opens a session of its.

    No client can say this: it is read from a file, by who runs the gateway.
    """

    id: str
    changes: Changes
    kept: str | None
    token: str | None
    shared: bool
    created_at: Date
    updated_at: Date


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ExportedSession:
    """A session as it was elsewhere; without `expires` it lasts as long as a new one."""

    user_id: str
    token: str
    expires: Date | None
    created_with: dict[str, Any] | None
    installation_id: str | None
    restricted: bool


IGNORE_SESSIONS: Final = frozenset({SignUp, LogIn, VerifyPassword})
"""What is asked by who has no session yet: SDKs send along the token of a session that may be long gone."""

READ_SESSIONS: Final = frozenset({LogOut, CurrentUser, CurrentSession, PairSession, UpgradeSession})
"""What is asked of the session itself, and so has its own answer for one that is not known."""


def class_of(op: Operation) -> str:
    """The class of the object that an operation is about, or nothing."""
    class_name: str = getattr(op, "class_name", _CLASSES.get(type(op), ""))
    return class_name


def own_class(operation: type[Operation]) -> str:
    """The class that all operations of one type are about, or nothing."""
    return _CLASSES.get(operation, "")


_CLASSES: Mapping[type[Operation], str] = {
    **dict.fromkeys((SignUp, LogIn, VerifyPassword, LogInAs, CurrentUser), USER),
    **dict.fromkeys((CurrentSession, PairSession, UpgradeSession), SESSION),
    Push: INSTALLATION,
}

ACCOUNT_OPERATIONS: Mapping[str, type[Operation]] = {
    "sign_up": SignUp,
    "log_in": LogIn,
    "verify_password": VerifyPassword,
    "log_in_as": LogInAs,
    "log_out": LogOut,
    "current_user": CurrentUser,
    "current_session": CurrentSession,
    "pair_session": PairSession,
    "upgrade_session": UpgradeSession,
    "change_password": ChangePassword,
    "refresh_session": RefreshSession,
}
