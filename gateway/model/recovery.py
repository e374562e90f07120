"""Proofs that reach a user from the outside: links by mail, codes by text message, and captchas before them.

A link is for an address, a code for a phone number; each is for one purpose, works once, and not for long. Who asks for
a new one makes the older one useless. Parameters are as the client sent them: what is not text is refused, not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from gateway.model.operation import Operation


class Purpose(StrEnum):
    """What a link or a code is for; it proves nothing else."""

    RESET_PASSWORD = "reset_password"  # noqa: S105 - the name of a purpose
    VERIFY_EMAIL = "verify_email"
    VERIFY_PHONE = "verify_phone"
    LOG_IN = "log_in"
    CHANGE_PHONE = "change_phone"  # to this number, by the caller
    CONFIRM = "confirm"  # whatever the client has in mind; also who signs up or logs in by a number


class Medium(StrEnum):
    SMS = "sms"
    VOICE = "voice"


@dataclass(frozen=True, slots=True, kw_only=True)
class SendLink(Operation):
    """Sends a mail with a link, to RESET_PASSWORD or to VERIFY_EMAIL.

    Answered before the mail is sent, so that the time does not tell whether there is such a user. An `identity` in the
    place of the address may be a username as well.
    EMAIL_MISSING, BAD_EMAIL, EMAIL_NOT_FOUND, RATE_LIMITED, NOT_CONFIGURED.
    """

    purpose: Purpose
    email: Any = None
    identity: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SendCode(Operation):
    """Sends a code of six digits to a phone.

    `template`, `signature` and `variables` are for the receiver that words the message; `ttl_minutes` is how long the
    code holds. `validate_token` proves that a captcha was solved. PHONE_MISSING, BAD_PHONE, PHONE_NOT_FOUND,
    PHONE_NOT_VERIFIED, PHONE_TAKEN, SENT_TOO_OFTEN, SMS_NOT_SENT, NOT_CONFIGURED.
    """

    purpose: Purpose
    phone: Any = None
    template: str | None = None
    signature: str | None = None
    variables: Mapping[str, str] | None = None
    ttl_minutes: int | None = None
    medium: str = Medium.SMS
    validate_token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckCode(Operation):
    """Whether a code to CONFIRM is right, which uses it up; else BAD_SMS_CODE."""

    code: Any = None
    phone: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyPhone(Operation):
    """By a code; without a number the caller's own is meant."""

    code: Any = None
    phone: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePhone(Operation):
    """The caller's number becomes this one, which the code was sent to."""

    code: Any = None
    phone: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyEmail(Operation):
    """By the token of a link; else BAD_LINK."""

    token: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetPassword(Operation):
    """By the token of a link (BAD_LINK), or by a code and the number it was sent to. Every session of the user ends."""

    new_password: Any = None
    token: Any = None
    code: Any = None
    phone: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCaptcha(Operation):
    """A picture with letters to be read: `width` and `height` in pixels, `size` in letters, `ttl` in seconds.

    Answers `token` and `url`. How many letters, and for how long, is for the master to say.
    """

    width: int | None = None
    height: int | None = None
    size: int | None = None
    ttl: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckCaptcha(Operation):
    """The letters that a user has read; answers the `token` that proves it, else BAD_REQUEST."""

    token: Any = None
    code: Any = None


RECOVERY_OPERATIONS: Final[Mapping[str, type[Operation]]] = {
    "send_link": SendLink,
    "send_code": SendCode,
    "check_code": CheckCode,
    "verify_phone": VerifyPhone,
    "change_phone": ChangePhone,
    "verify_email": VerifyEmail,
    "reset_password": ResetPassword,
    "new_captcha": NewCaptcha,
    "check_captcha": CheckCaptcha,
}

ASK_FOR_SESSIONS_THEMSELVES: Final = frozenset(RECOVERY_OPERATIONS.values())
"""Most are asked by who cannot log in, with the token of a session that may be long gone: it is looked at only by
those that are about the caller."""
