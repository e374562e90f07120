"""Every error the gateway raises on purpose.

GatewayError        answers one request: a canonical code, which each dialect tells in its own way
StartupError        stops the process before it serves anything
  MappingError      mappings/*.yaml says something that cannot work
  SettingsError     config.yaml does

This module imports nothing of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Code(StrEnum):
    """What went wrong, in no dialect's words. A code exists where some client would behave differently."""

    # the request as such
    BAD_REQUEST = "bad_request"  # none of the more exact codes fits
    BAD_JSON = "bad_json"  # a body, or a parameter that must be JSON, is not
    BAD_BATCH = "bad_batch"  # the list of requests, or one of its paths, cannot be read
    UNKNOWN_ROUTE = "unknown_route"
    UNKNOWN_PARAMETER = "unknown_parameter"
    TOO_LARGE = "too_large"  # a body over the limit
    UNSUPPORTED = "unsupported"  # understood, and not to be had here
    DUPLICATE_REQUEST = "duplicate_request"  # its id is that of one that came a short while ago

    # who asks
    UNAUTHORIZED = "unauthorized"  # the application or its key is missing or wrong
    MASTER_REQUIRED = "master_required"
    LOGIN_REQUIRED = "login_required"  # a class is for users who are logged in
    FORBIDDEN = "forbidden"  # known who, and not allowed

    # names and values
    BAD_CLASS_NAME = "bad_class_name"
    BAD_FIELD_NAME = "bad_field_name"
    NO_SUCH_COLUMN = "no_such_column"  # where none is made
    RESERVED_FIELD = "reserved_field"  # a system field that a client cannot set
    BAD_NESTED_KEY = "bad_nested_key"  # a key inside an object value
    BAD_VALUE = "bad_value"  # a tagged value or an update operator that cannot be read
    BAD_POINTER = "bad_pointer"
    BAD_ACL = "bad_acl"
    TYPE_MISMATCH = "type_mismatch"  # with the class's schema
    OBJECT_TOO_LARGE = "object_too_large"
    RELATION_TOO_LARGE = "relation_too_large"
    DUPLICATE_VALUE = "duplicate_value"  # of an id or a unique field
    MISSING_ID = "missing_id"
    MISSING_VALUE = "missing_value"  # of a field that must have one
    BAD_SCHEMA = "bad_schema"  # a change of a class that does not go with what is there

    # queries
    BAD_QUERY = "bad_query"
    BAD_PAGE = "bad_page"  # more objects at once than there may be, or less than none
    BAD_CURSOR = "bad_cursor"

    # what is not there, or not as the request wants it
    OBJECT_NOT_FOUND = "object_not_found"
    CLASS_NOT_FOUND = "class_not_found"
    CONDITION_FAILED = "condition_failed"  # a conditional update or delete found nothing to do

    # files
    FILE_NOT_FOUND = "file_not_found"  # or a directory
    FILE_EXISTS = "file_exists"  # at a path that was to be a new one's
    BAD_FILE_NAME = "bad_file_name"
    FILE_REFUSED = "file_refused"  # the application keeps no such file, or not from everybody

    # users and sessions
    USERNAME_MISSING = "username_missing"
    PASSWORD_MISSING = "password_missing"  # noqa: S105 - the name of an error
    BAD_EMAIL = "bad_email"
    USERNAME_TAKEN = "username_taken"
    EMAIL_TAKEN = "email_taken"
    PHONE_TAKEN = "phone_taken"
    BAD_CREDENTIALS = "bad_credentials"  # of a log-in; whether there is such a user is not told
    ACCOUNT_LOCKED = "account_locked"
    ACCOUNT_DISABLED = "account_disabled"
    TOO_MANY_LOG_INS = "too_many_log_ins"  # of one user, at the same time
    LOGGED_IN_ELSEWHERE = "logged_in_elsewhere"  # where there can be one log-in only
    REGISTRATION_CLOSED = "registration_closed"
    USER_NOT_FOUND = "user_not_found"  # where it may be told
    INVALID_SESSION = "invalid_session"
    SESSION_MISSING = "session_missing"  # this user's own session, or the master key, is needed
    ALREADY_LINKED = "already_linked"
    BAD_AUTH_DATA = "bad_auth_data"
    UNSUPPORTED_PROVIDER = "unsupported_provider"
    BAD_ROLE = "bad_role"
    SYSTEM_ROLE = "system_role"  # nobody's to give or to take

    # what reaches users by mail or by text message
    EMAIL_MISSING = "email_missing"
    EMAIL_NOT_FOUND = "email_not_found"  # nobody has this address, where it may be told
    EMAIL_NOT_VERIFIED = "email_not_verified"
    BAD_LINK = "bad_link"  # unknown, used or expired: the detail `name` says which
    PHONE_MISSING = "phone_missing"
    BAD_PHONE = "bad_phone"
    PHONE_NOT_FOUND = "phone_not_found"
    PHONE_NOT_VERIFIED = "phone_not_verified"
    BAD_SMS_CODE = "bad_sms_code"
    SENT_TOO_OFTEN = "sent_too_often"  # text messages to one number
    SMS_NOT_SENT = "sms_not_sent"  # the carrier, or who words it, refused
    NOT_CONFIGURED = "not_configured"  # the application has no sender of such a thing

    # devices and what they are told
    INSTALLATION_INCOMPLETE = "installation_incomplete"  # what a new one must have is missing
    INSTALLATION_FIXED = "installation_fixed"  # a field that says which device it is cannot become another
    INSTALLATION_AMBIGUOUS = "installation_ambiguous"  # several devices have the token
    BAD_PUSH = "bad_push"
    NO_PUSH_SENDER = "no_push_sender"  # the application has nobody who delivers to devices

    # messages
    NOT_SCHEDULED = "not_scheduled"  # there is no such message that is still to be published
    NO_TEMPLATE = "no_template"  # of a push or an email

    # leaderboards
    NO_LEADERBOARD = "no_leaderboard"
    LEADERBOARD_CLOSED = "leaderboard_closed"  # this version of it is over, and not kept
    NO_ARCHIVE = "no_archive"  # there was no such version yet
    BAD_LEADERBOARD = "bad_leaderboard"  # it cannot be such a one, or is of another kind

    # friends
    FRIENDSHIP_REFUSED = "friendship_refused"  # it exists, does not exist, or is not wished

    # code of the app's own
    NO_FUNCTION = "no_function"
    NO_EVENT_HANDLER = "no_event_handler"
    FUNCTION_FAILED = "function_failed"  # in its own words
    HOOK_REFUSED = "hook_refused"  # code that is asked before something is done did not let it pass
    NO_JOB = "no_job"
    NO_HOOK = "no_hook"  # no webhook is registered for this
    HOOK_EXISTS = "hook_exists"
    BAD_HOOK = "bad_hook"  # what was to be registered cannot be a webhook

    # ourselves and what is behind us
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"
    RATE_LIMITED = "rate_limited"


class GatewayError(Exception):
    """Answers one request. `message` is for the client's developer: what was wrong, where, what would be right.

    `details` names what the message speaks of (`class_name`, `id`, `field`, `expected`, `found`, `name`), so that a
    dialect can put it in its vendor's own sentence. Where a vendor has said it already, `said_by` is the dialect: its
    number may mean more than one thing, which the sentence tells apart.
    """

    def __init__(self, code: Code, message: str, *, said_by: str | None = None, **details: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.said_by = said_by
        self.details: Mapping[str, str] = details

    def at(self, item: int) -> GatewayError:
        """The same, of one item of a batch that is all or none: its place is in the details (`item`)."""
        return GatewayError(self.code, self.message, said_by=self.said_by, **{**self.details, "item": str(item)})

    def __repr__(self) -> str:
        return f"GatewayError({self.code}, {self.message!r})"


class StartupError(Exception):
    """Stops the process before it serves anything. The text names the file, the key and the reason."""


class MappingError(StartupError):
    """A mapping says something that cannot work."""


class SettingsError(StartupError):
    """The configuration says something that cannot work."""
