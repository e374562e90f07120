"""config.yaml, read and checked whole before anything starts.

An error names the file and the dotted key and says what would be right; it never shows a value, which may be a key.
What needs the dialects to be known, such as which keys a client of theirs holds, is checked in `app`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import re2
import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from gateway.errors import SettingsError
from gateway.yaml_text import read_yaml

UNITS: Mapping[str, int] = {"B": 1, "kB": 1024, "MB": 1024**2, "GB": 1024**3}
SECONDS: Mapping[str, float] = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}

REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
RESERVED_MOUNT = "/_gateway"
LOOPBACK = ("localhost", "127.0.0.1", "::1")

MOUNT = re.compile(r"(/([A-Za-z0-9._~-]+|\{[a-z_]+\}))+|/")
DOMAIN = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"


def read_size(text: Any) -> Any:
    """`20MB` as bytes; a kB is 1024 bytes. A number is bytes already."""
    return _with_unit(text, UNITS, "a size such as 20MB") if isinstance(text, str) else text


def read_duration(text: Any) -> Any:
    """`10s` as seconds. A bare number is refused: nobody remembers of what."""
    if not isinstance(text, str):
        raise ValueError("must be a duration such as 10s")  # noqa: TRY004 (pydantic turns only a ValueError into its own)
    return float(_with_unit(text, SECONDS, "a duration such as 10s"))


def _with_unit(text: str, units: Mapping[str, float], wanted: str) -> Any:
    found = re.fullmatch(r"(\d{1,9}) ?([A-Za-z]+)", text)
    if not found or found[2] not in units:
        raise ValueError(f"must be {wanted}; the units are {', '.join(units)}")
    return int(found[1]) * units[found[2]]


def read_time_zone(text: Any) -> Any:
    if isinstance(text, str) and text not in available_timezones():
        raise ValueError("must be the name of a time zone, such as Europe/Berlin or UTC")
    return text


def read_mount(text: Any) -> Any:
    if isinstance(text, str) and not MOUNT.fullmatch(text):
        raise ValueError("must be a path such as /parse, without a slash at its end")
    if isinstance(text, str) and (text + "/").startswith(RESERVED_MOUNT + "/"):
        raise ValueError(f"must not be under {RESERVED_MOUNT}, which is the gateway's own")
    return text


def read_url(text: Any) -> Any:
    if isinstance(text, str):
        try:
            parts = urlsplit(text)
            right = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and not parts.fragment
        except ValueError:
            right = False
        if not right or not text.isprintable() or " " in text:
            raise ValueError("must be an address such as https://hooks.example.com/gateway")
    return text


def read_websocket(text: Any) -> Any:
    if isinstance(text, str):
        scheme, _, rest = text.partition("://")
        try:
            read_url({"ws": "http", "wss": "https"}[scheme] + "://" + rest)
        except (KeyError, ValueError):
            raise ValueError("must be an address such as wss://realtime.example.com") from None
    return text


def read_server(text: Any) -> Any:
    """Where a backend is: an address with its path, and nothing else that an address may have."""
    wrong = ValueError("must be an address such as https://api.example.com/parse")
    if not isinstance(text, str):
        return text
    try:
        read_url(text)
        parts = urlsplit(text)
    except ValueError:
        raise wrong from None
    if parts.query or "?" in text or "@" in parts.netloc:
        raise wrong
    return text


Size = Annotated[int, BeforeValidator(read_size), Field(ge=1024)]
Duration = Annotated[float, BeforeValidator(read_duration)]
FileHost = Annotated[str, Field(pattern=r"^(\*|(\*\.)?[A-Za-z0-9][A-Za-z0-9.-]*)(:[0-9]{1,5})?$")]
DeviceType = Annotated[str, Field(pattern=r"^(\*|[A-Za-z0-9_]{1,32})$")]
Timeout = Annotated[float, BeforeValidator(read_duration), Field(gt=0, le=300)]
Url = Annotated[str, BeforeValidator(read_url)]
WebsocketUrl = Annotated[str, BeforeValidator(read_websocket)]
ServerUrl = Annotated[str, BeforeValidator(read_server)]
Secret = Annotated[str, Field(min_length=16)]
Mount = Annotated[str, BeforeValidator(read_mount)]


def _check_pattern(text: str) -> str:
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(text, options)
    except re2.error:
        raise ValueError("is no regular expression, or none that RE2 knows") from None
    return text


Pattern = Annotated[str, AfterValidator(_check_pattern)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


WHO = re.compile(r"everybody|authenticated|(role|user):.+|field:[A-Za-z][A-Za-z0-9_]*", re.ASCII)
ACL_WHO = re.compile(r"everybody|owner|(role|user):.+")


def read_who(text: Any) -> Any:
    if isinstance(text, str) and not WHO.fullmatch(text):
        raise ValueError("must be everybody, authenticated, role:NAME, user:ID or field:NAME")
    return text


def read_acl_who(text: Any) -> Any:
    if isinstance(text, str) and not ACL_WHO.fullmatch(text):
        raise ValueError("must be everybody, owner, role:NAME or user:ID")
    return text


ActionName = Literal["find", "get", "count", "create", "update", "delete", "add_field"]
Who = Annotated[str, BeforeValidator(read_who)]
AclWho = Annotated[str, BeforeValidator(read_acl_who)]
ClassName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,128}$")]
FieldName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,128}$")]


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


class AccountSettings(Strict):
    """Somebody whose applications these are: all of them, or those that are named. The password is an argon2 hash."""

    password: Annotated[str, Field(pattern=r"^\$argon2(id|i|d)\$")]
    apps: tuple[Name, ...] | None = None


class AdminStoreSettings(Strict):
    """Where applications are kept that accounts make while the gateway runs, and what these are like."""

    url: str
    folder: Annotated[str, Field(min_length=1)] | None = None
    most: Annotated[int, Field(ge=1, le=10_000)] = 20
    like: Name | None = None


class ServerSettings(Strict):
    accounts: dict[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")], AccountSettings] = {}
    admin_store: AdminStoreSettings | None = None
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    workers: Annotated[int, Field(ge=1, le=256)] = 1
    max_body: Size = 20 * 1024**2
    shutdown_grace: Duration = 10.0
    log_requests: bool = False
    hide_reasons: bool = False
    public_url: Annotated[str, Field(pattern=r"^https?://[^/?#]+$")] | None = None
    mounts: dict[str, tuple[Mount, ...]] = {}
    secret: Secret | None = None
    admin_key: Secret | None = None
    token_keys: tuple[Annotated[str, Field(min_length=32)], ...] = ()


class ClientSettings(BaseModel):
    """The keys that clients of one dialect hold. Which there are besides `app_id`, the dialect says.

    Whoever asks one of the hosts in `domains` needs neither, in a dialect that knows such a thing.
    """

    model_config = ConfigDict(strict=True, extra="allow", frozen=True, hide_input_in_errors=True)
    __pydantic_extra__: dict[str, Annotated[str, Field(min_length=1)]] = Field(init=False)

    app_id: Annotated[str, Field(min_length=1)]
    domains: tuple[Annotated[str, Field(pattern=DOMAIN)], ...] = ()

    @property
    def keys(self) -> Mapping[str, str]:
        return self.__pydantic_extra__


Keys = dict[str, Annotated[str, Field(min_length=1)]]
"""What a receiver of webhooks is asked with, by the names that its form has for keys."""


class HookSettings(Strict):
    """A webhook that runs code of the app's own."""

    url: Url
    secret: Secret
    timeout: Timeout = 15.0
    max_answer: Size = 1024**2
    format: str | None = None
    """The dialect whose form of webhooks it speaks."""
    keys: Keys = {}


class EngineSettings(Strict):
    """A server of code: one address for all functions and triggers of an app, which tells what it has."""

    url: Url
    format: str
    app_id: Annotated[str, Field(min_length=1)] | None = None
    timeout: Timeout = 15.0
    max_answer: Size = 1024**2
    list_lasts: Annotated[float, BeforeValidator(read_duration), Field(gt=0, le=3600)] = 5.0
    keys: Keys = {}


class RegisteredHookSettings(Strict):
    """How webhooks are asked that the app's owner registers by its API."""

    private: bool = False
    timeout: Timeout = 15.0
    max_answer: Size = 1024**2
    keys: Keys = {}


class JobSettings(HookSettings):
    """The same for code that runs for long, and that nobody waits for."""

    timeout: Annotated[float, BeforeValidator(read_duration), Field(gt=0, le=86400)] = 900.0


class ProviderSettings(Strict):
    """How what clients say of a user of another service is checked: not at all, or by asking a webhook."""

    trust: Literal[True] | None = None
    verify: Url | None = None
    secret: Secret | None = None
    timeout: Timeout = 10.0

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.trust is None) == (self.verify is None) or (self.verify is None) != (self.secret is None):
            raise ValueError("must have either trust, or verify and secret")
        return self


class LetterSettings(Strict):
    """What a mail with a link says, where it is not the gateway's own text."""

    subject: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    text: Annotated[str, Field(min_length=1, max_length=20_000)] | None = None
    html: Annotated[str, Field(min_length=1, max_length=100_000)] | None = None


class UserSettings(Strict):
    auth_providers: dict[str, ProviderSettings] = {}
    private: bool = False
    client_queries: bool = False
    registration: bool = True
    multiple_logins: bool = True
    max_concurrent_logins: Annotated[int, Field(ge=1)] | None = None
    second_login: Literal["ends_first", "refused"] = "ends_first"
    session_length: Duration = 365 * 86400.0
    session_idle: Duration | None = None
    failures_until_locked: Annotated[int, Field(ge=1)] = 6
    locked_for: Duration = 15 * 60.0
    verify_email: bool = False
    verify_phone: bool = False
    prevent_log_in_unverified: bool = False
    reset_link_lasts: Duration = 3600.0
    verify_link_lasts: Duration = 7 * 86400.0
    code_lasts: Duration = 600.0
    code_tries: Annotated[int, Field(ge=1, le=100)] = 5
    messages_apart: Duration = 60.0
    messages_a_day: Annotated[int, Field(ge=1)] = 10
    captcha_for_codes: bool = False
    codes_without_number: bool = False
    mails: dict[Literal["reset_password", "verify_email"], LetterSettings] = {}

    @model_validator(mode="after")
    def _log_ins(self) -> Self:
        if not self.multiple_logins and self.max_concurrent_logins is not None:
            raise ValueError("max_concurrent_logins says nothing where multiple_logins is false")
        if self.multiple_logins and self.second_login == "refused":
            raise ValueError("second_login says nothing where multiple_logins is true")
        return self


class ClassSettings(Strict):
    """What the owner of an app says of a class, over what is stored with it."""

    permissions: dict[ActionName, tuple[Who, ...]] = {}
    default_acl: dict[AclWho, tuple[Literal["read", "write"], ...]] | None = None
    protected_fields: dict[Who, tuple[FieldName, ...]] | None = None
    read_only: tuple[FieldName, ...] = ()


class AnalyticsSettings(Strict):
    """How long what clients report of themselves is kept, and how many of it."""

    keep: Duration = 90 * 86400.0
    most: Annotated[int, Field(ge=1, le=10_000_000)] = 100_000


class ConversationSettings(Strict):
    """How long what was said in conversations is kept, and how much of it."""

    # LeanCloud's guide to instant messaging, "Overview": six months
    keep: Duration = 180 * 86400.0
    most: Annotated[int, Field(ge=1, le=10_000_000)] = 100_000


class IdempotencySettings(Strict):
    """Which requests with an id of their client's are done once within `ttl`: those whose path one of `paths` fits."""

    paths: tuple[Pattern, ...] = ()
    ttl: Duration = 300.0


class RenameSettings(Strict):
    """What clients know by another name than the backend: their names to its. The class `*` is every class."""

    classes: dict[str, str] = {}
    fields: dict[str, dict[str, str]] = {}


class FetchSettings(Strict):
    """Where files may be fetched from that a client gives the address of: see `adapters.fetch`."""

    hosts: tuple[FileHost, ...] = ()
    private: bool = False
    max_size: Size = 20 * 1024**2
    timeout: Duration = 30.0


class EmailTemplateSettings(Strict):
    """What an email of this name says, with `{places}` for what a client gives."""

    subject: Annotated[str, Field(min_length=1, max_length=300)]
    text: Annotated[str, Field(min_length=1, max_length=20_000)] | None = None
    html: Annotated[str, Field(min_length=1, max_length=100_000)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.text is None and self.html is None:
            raise ValueError("must have text or html, or both")
        return self


class PushTemplateSettings(Strict):
    """What devices are told under this name, with `{places}` as well. Without channels and devices it is for all."""

    message: Annotated[str, Field(min_length=1, max_length=2000)]
    title: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    channels: tuple[Annotated[str, Field(min_length=1, max_length=250)], ...] = ()
    devices: tuple[DeviceType, ...] = ()
    data: dict[str, Any] = {}


class MessagingSettings(Strict):
    """Messages in channels, and emails that clients ask for."""

    kept: Annotated[float, BeforeValidator(read_duration), Field(ge=1, le=86400)] = 60.0
    emails_by: Literal["clients", "users", "master"] = "clients"
    emails_an_hour: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    email_templates: dict[str, EmailTemplateSettings] = {}
    push_templates: dict[str, PushTemplateSettings] = {}


class PushSettings(Strict):
    """Who delivers to devices, by their type: the names of adapters. `*` has all types that are not named."""

    to: dict[DeviceType, str] = {}
    clients: bool = False


class LeaderboardSettings(Strict):
    """Where a leaderboard's day ends, whether its version before can be asked for, and who writes statistics.

    The time zone of None is up to the dialect that a leaderboard is made by.
    """

    time_zone: Annotated[str | None, BeforeValidator(read_time_zone)] = None
    keep_previous: bool = False
    master_only: bool = False


class FileSettings(Strict):
    """An app's files: where their bytes are, who may upload what, and whether addresses hold for a while only.

    What is None is up to the dialect that a file is uploaded by.
    """

    storage: str | None = None
    public: bool = True
    url_lasts: Annotated[float, BeforeValidator(read_duration), Field(ge=60)] = 3600.0
    max_size: Size = 20 * 1024**2
    uploads_by: Literal["everybody", "users", "registered", "master"] | None = None
    blocked_extensions: tuple[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.+-]*$")], ...] | None = None


class AppSettings(Strict):
    name: Name
    backend: str
    services_store: str | None = None
    custom_ids: bool = False
    client_class_creation: bool = True
    dynamic_schema: bool = True
    classes: dict[ClassName, ClassSettings] = {}
    pass_through: bool = False
    renames: RenameSettings = RenameSettings()
    analytics: AnalyticsSettings = AnalyticsSettings()
    conversations: ConversationSettings = ConversationSettings()
    realtime: WebsocketUrl | None = None
    idempotency: IdempotencySettings = IdempotencySettings()
    users: UserSettings = UserSettings()
    mail: str | None = None
    sms: str | None = None
    captcha: str | None = None
    functions: dict[str, HookSettings] = {}
    events: dict[str, HookSettings] = {}
    jobs: dict[str, JobSettings] = {}
    triggers: dict[ClassName, dict[str, HookSettings]] = {}
    engine: EngineSettings | None = None
    registered_hooks: RegisteredHookSettings = RegisteredHookSettings()
    files: FileSettings = FileSettings()
    fetch: FetchSettings = FetchSettings()
    push: PushSettings = PushSettings()
    messaging: MessagingSettings = MessagingSettings()
    leaderboards: LeaderboardSettings = LeaderboardSettings()
    clients: Annotated[dict[str, ClientSettings], Field(min_length=1)]


class EmbeddedSettings(Strict):
    type: Literal["embedded"]
    url: str


class RemoteSettings(BaseModel):
    """A server of somebody else's. `type` is the dialect that it speaks, which says what keys there are as well."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True, hide_input_in_errors=True)
    __pydantic_extra__: dict[str, Annotated[str, Field(min_length=1)]] = Field(init=False)

    type: str
    url: ServerUrl
    app_id: Annotated[str, Field(min_length=1)]
    timeout: Timeout = 20.0
    connect_timeout: Timeout = 3.0
    connections: Annotated[int, Field(ge=1, le=10_000)] = 100
    max_answer: Size = 32 * 1024**2
    retries: Annotated[int, Field(ge=0, le=10)] = 2
    failures_until_open: Annotated[int, Field(ge=1)] = 10
    open_for: Timeout = 2.0
    emulate: tuple[str, ...] = ()
    refuse: tuple[str, ...] = ()
    edition: str | None = None
    counter_class: ClassName = "GatewayCounter"
    columns: dict[ClassName, dict[FieldName, str]] = {}
    columns_kept: Duration = 60.0

    @property
    def keys(self) -> Mapping[str, str]:
        return self.__pydantic_extra__


def _kind_of_backend(told: Any) -> str | None:
    """Where the type is misspelt, the address says what was meant."""
    if not isinstance(told, dict):
        return getattr(told, "type", None)
    kind, url = told.get("type"), told.get("url")
    if not isinstance(kind, str):
        return None
    return "embedded" if kind == "embedded" or (isinstance(url, str) and url.startswith("sqlite:")) else "remote"


BackendSettings = Annotated[
    Annotated[EmbeddedSettings, Tag("embedded")] | Annotated[RemoteSettings, Tag("remote")],
    Discriminator(_kind_of_backend),
]


class SmtpSettings(Strict):
    type: Literal["smtp"]
    host: Annotated[str, Field(min_length=1)]
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password: str | None = None
    sender: Annotated[str, Field(alias="from")]
    timeout: Timeout = 20.0


class WebhookSettings(Strict):
    type: Literal["webhook"]
    url: Url
    secret: Secret
    timeout: Timeout = 10.0


class ApnsSettings(Strict):
    """Apple's push service, with a key of the team's: `key` is what the .p8 file has in it, or `key_file` names it."""

    type: Literal["apns"]
    key: str | None = None
    key_file: str | None = None
    key_id: Annotated[str, Field(min_length=1)]
    team_id: Annotated[str, Field(min_length=1)]
    topic: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,255}$")] | None = None
    timeout: Timeout = 10.0

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        return _with_one(self, "key", "key_file")


class FcmSettings(Strict):
    """Google's push service: `account` is the JSON of a service account, or `account_file` names the file with it."""

    type: Literal["fcm"]
    account: str | None = None
    account_file: str | None = None
    data_key: Annotated[str, Field(min_length=1)] | None = "data"
    notification: bool = False
    timeout: Timeout = 10.0

    @model_validator(mode="after")
    def _one_account(self) -> Self:
        return _with_one(self, "account", "account_file")


class WebPushSettings(Strict):
    """Browsers. `key` is the private VAPID key, `subject` whom a push service may write to."""

    type: Literal["webpush"]
    key: Annotated[str, Field(min_length=1)]
    subject: Annotated[str, Field(pattern=r"^(mailto:[^@ ]+@[^@ ]+|https://[^ ]+)$")]
    private_endpoints: bool = False
    timeout: Timeout = 10.0


class DiskSettings(Strict):
    """Files in a folder."""

    type: Literal["disk"]
    folder: Annotated[str, Field(min_length=1)]


class S3Settings(Strict):
    """Files in a bucket of a service that speaks Amazon's S3. Without `url` it is Amazon's own."""

    type: Literal["s3"]
    bucket: Annotated[str, Field(min_length=3)]
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._/-]*$")] = ""
    url: ServerUrl | None = None
    region: str = "us-east-1"
    access_key: Annotated[str, Field(min_length=1)]
    secret_key: Annotated[str, Field(min_length=1)]
    timeout: Timeout = 30.0


Chosen = TypeVar("Chosen", bound=Strict)


def _with_one(settings: Chosen, one: str, other: str) -> Chosen:
    if (getattr(settings, one) is None) == (getattr(settings, other) is None):
        raise ValueError(f"must have either {one} or {other}")
    return settings


AdapterSettings = Annotated[
    SmtpSettings | WebhookSettings | ApnsSettings | FcmSettings | WebPushSettings | DiskSettings | S3Settings,
    Field(discriminator="type"),
]

ADAPTER_TYPES: Mapping[str, str] = {"mail": "smtp", "sms": "webhook", "captcha": "webhook"}
"""What an app can have of the outside world, and which type of adapter does it."""

STORAGE_TYPES: frozenset[str] = frozenset({"disk", "s3"})
"""Types of adapters that keep files."""

PUSH_TYPES: frozenset[str] = frozenset({"webhook", "apns", "fcm", "webpush"})
"""Types of adapters that can deliver to devices."""


class Settings(Strict):
    server: ServerSettings = ServerSettings()
    apps: Annotated[tuple[AppSettings, ...], Field(min_length=1)]
    backends: Annotated[dict[str, BackendSettings], Field(min_length=1)]
    adapters: dict[str, AdapterSettings] = {}


def load_settings(path: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings in this file. Raises SettingsError with a line for each fault."""
    document = _load_yaml(path)
    faults: list[str] = []
    expanded = _expand(document, (), environment, faults)
    if not faults:
        try:
            # as JSON: strict still refuses "8080" for 8080, but takes a list for a tuple and a word for a literal
            settings = Settings.model_validate_json(json.dumps(expanded, default=str))
        except ValidationError as invalid:
            faults = [f"{_dotted(_place(error))}{_sentence(error)}" for error in _own(invalid.errors())]
        else:
            faults = list(_contradictions(settings))
    if faults:
        # without a cause: its details hold values, and a value may be a key
        raise SettingsError("\n".join(f"{path}: {fault}" for fault in faults))
    return settings


def _load_yaml(path: Path) -> Any:
    try:
        return read_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path}: no such file; config.example.yaml is one to start from") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None
    except yaml.MarkedYAMLError as error:
        # the problem and its place, not the excerpt: that may hold a key
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise SettingsError(f"{path}: {place}{error.problem}") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{path}: not YAML: {type(error).__name__}") from None


def _expand(document: Any, place: tuple[str | int, ...], environment: Mapping[str, str], faults: list[str]) -> Any:
    """The document with each `${NAME}` in its strings replaced; a missing variable is one more fault."""
    if isinstance(document, dict):
        return {key: _expand(value, (*place, key), environment, faults) for key, value in document.items()}
    if isinstance(document, list):
        return [_expand(value, (*place, index), environment, faults) for index, value in enumerate(document)]
    if not isinstance(document, str) or "${" not in document:
        return document
    missing = [name for name in REFERENCE.findall(document) if name not in environment]
    faults += [f"{_dotted(place)}the environment variable {name} is not set" for name in missing]
    if REFERENCE.sub("", document).count("${"):
        faults.append(f"{_dotted(place)}a reference to the environment is written ${{NAME}}")
    return REFERENCE.sub(lambda reference: environment.get(reference[1], ""), document)


def _dotted(place: tuple[str | int, ...]) -> str:
    return f"{'.'.join(map(str, place))}: " if place else ""


def _own(errors: list[ErrorDetails]) -> Iterator[ErrorDetails]:
    """Without lists that are too short only since an error of theirs was left out of them."""
    for error in errors:
        depth = len(error["loc"])
        if error["type"] != "too_short" or all(
            other["loc"][:depth] != error["loc"] for other in errors if other is not error
        ):
            yield error


def _place(error: ErrorDetails) -> tuple[str | int, ...]:
    """Where an error is in the file. Of what has a type, pydantic puts that between its name and its key."""
    place = error["loc"]
    if error["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return (*place, "type")
    return (*place[:2], *place[3:]) if place[0:1] in (("adapters",), ("backends",)) else place


def _sentence(error: ErrorDetails) -> str:
    match error["type"]:
        case "union_tag_invalid":
            return f"must be one of {error['ctx']['expected_tags']}"
        case "union_tag_not_found":
            return "is required"
        case "missing":
            return "is required"
        case "extra_forbidden":
            return "is not a setting"
        case "literal_error":
            return f"must be {error['ctx']['expected']}"
        case "string_pattern_mismatch":
            return f"must match {error['ctx']['pattern']}"
        case "too_short":
            return "must not be empty"
        case "value_error":
            return str(error["ctx"]["error"])
        case _:
            return error["msg"].removeprefix("Input ").removeprefix("String ")


def _contradictions(settings: Settings) -> Iterator[str]:
    """What each key alone cannot tell."""
    names: dict[str, int] = {}
    ids: dict[tuple[str, str], str] = {}
    for index, app in enumerate(settings.apps):
        if (first := names.setdefault(app.name, index)) != index:
            yield f"apps.{index}.name: apps.{first} has the same name"
        if app.backend not in settings.backends:
            yield f"apps.{index}.backend: is none of the backends; there are: {', '.join(settings.backends)}"
        for dialect, client in app.clients.items():
            key = f"apps.{index}.clients.{dialect}.app_id"
            if (other := ids.setdefault((dialect, client.app_id), key)) != key:
                yield f"{key}: is the same as {other}"
    yield from _contradictions_of_adapters(settings)
    yield from _contradictions_of_backends(settings)
    yield from _what_users_need(settings)
    yield from _contradictions_of_admin_store(settings)
    hosts: dict[tuple[str, str], str] = {}
    for index, app in enumerate(settings.apps):
        for dialect, client in app.clients.items():
            for at, domain in enumerate(client.domains):
                key = f"apps.{index}.clients.{dialect}.domains.{at}"
                if (other := hosts.setdefault((dialect, domain), key)) != key:
                    yield f"{key}: is the same as {other}"
    places: dict[str, str] = {}
    for dialect, mounts in settings.server.mounts.items():
        for index, mount in enumerate(mounts):
            key = f"server.mounts.{dialect}.{index}"
            if (other := places.setdefault(mount, key)) != key:
                yield f"{key}: is the same as {other}"


THEIRS: tuple[str, ...] = ("classes", "client_class_creation", "dynamic_schema", "mail", "sms", "captcha")
"""What is a remote backend's own affair. Emails that clients ask for are the gateway's where `services_store` is."""


def _contradictions_of_backends(settings: Settings) -> Iterator[str]:
    embedded = [name for name, backend in settings.backends.items() if isinstance(backend, EmbeddedSettings)]
    for index, app in enumerate(settings.apps):
        yield from (f"apps.{index}.pass_through: {fault}" for fault in _in_the_way(settings, app))
        if not isinstance(settings.backends.get(app.backend), RemoteSettings):
            if app.services_store is not None:
                yield f"apps.{index}.services_store: is for an app with a remote backend; this one's keeps them itself"
            continue
        if app.idempotency.paths and app.services_store is None:
            yield f"apps.{index}.idempotency: needs services_store, where the ids of requests are kept"
        if app.services_store is not None and app.services_store not in embedded:
            there_are = f"there are: {', '.join(embedded)}" if embedded else "there are none"
            yield f"apps.{index}.services_store: is none of the backends of type embedded; {there_are}"
        for key in THEIRS:
            if key == "mail" and app.services_store is not None:
                continue
            if key in app.model_fields_set and getattr(app, key) != AppSettings.model_fields[key].get_default(
                call_default_factory=True
            ):
                yield f"apps.{index}.{key}: is up to {app.backend}, which is no store of the gateway's own"
        for key in sorted(app.users.model_fields_set - {"client_queries"}):
            if getattr(app.users, key) != UserSettings.model_fields[key].get_default(call_default_factory=True):
                yield f"apps.{index}.users.{key}: is up to {app.backend}, which is no store of the gateway's own"


def _in_the_way(settings: Settings, app: AppSettings) -> Iterator[str]:
    """What keeps requests from going on as they came."""
    backend = settings.backends.get(app.backend)
    if not app.pass_through or backend is None:
        return
    if not isinstance(backend, RemoteSettings):
        yield f"{app.backend} is a store of the gateway's own, which is told of operations, not of requests"
        return
    for dialect in app.clients:
        if dialect != backend.type:
            yield f"{app.backend} speaks {backend.type}, and clients here {dialect}"
    if app.renames.classes or app.renames.fields:
        yield "cannot be where names are changed (renames)"
    for key in ("services_store", "functions", "events", "jobs"):
        if getattr(app, key):
            yield f"cannot be where the gateway itself has an answer ({key})"
    if app.idempotency.paths:
        yield "cannot be where the gateway itself has an answer (idempotency)"


def _what_users_need(settings: Settings) -> Iterator[str]:
    for index, app in enumerate(settings.apps):
        key, users = f"apps.{index}", app.users
        mails = isinstance(settings.adapters.get(app.mail or ""), SmtpSettings)
        if mails and settings.server.public_url is None:
            yield f"{key}.mail: needs server.public_url, as its mails have links in them"
        for name, needed in (("verify_email", "mail"), ("verify_phone", "sms"), ("captcha_for_codes", "captcha")):
            if getattr(users, name) and getattr(app, needed) is None:
                yield f"{key}.users.{name}: needs {key}.{needed}"
        if users.prevent_log_in_unverified and not (users.verify_email or users.verify_phone):
            yield f"{key}.users.prevent_log_in_unverified: needs verify_email or verify_phone"


def _contradictions_of_admin_store(settings: Settings) -> Iterator[str]:
    given = settings.server.admin_store
    if given is None:
        return
    if not settings.server.accounts:
        yield "server.admin_store: needs server.accounts, or nobody could make an application"
    embedded = {name: backend for name, backend in settings.backends.items() if isinstance(backend, EmbeddedSettings)}
    for name, backend in embedded.items():
        if backend.url == given.url:
            yield f"server.admin_store.url: is that of backends.{name}; it must be a file of its own"
    alike = [app.name for app in settings.apps if app.backend in embedded]
    if given.like is not None and given.like not in alike:
        there_are = f"there are: {', '.join(alike)}" if alike else "there are none"
        yield f"server.admin_store.like: is none of the apps on a backend of type embedded; {there_are}"


def _contradictions_of_adapters(settings: Settings) -> Iterator[str]:
    for index, app in enumerate(settings.apps):
        for kind, type_ in ADAPTER_TYPES.items():
            there_are = [name for name, adapter in settings.adapters.items() if adapter.type == type_]
            if (chosen := getattr(app, kind)) is not None and chosen not in there_are:
                told = f"there are: {', '.join(there_are)}" if there_are else "there are none"
                yield f"apps.{index}.{kind}: is none of the adapters of type {type_}; {told}"
        if app.files.storage is not None and app.files.storage not in (
            there_are := [name for name, adapter in settings.adapters.items() if adapter.type in STORAGE_TYPES]
        ):
            told = f"there are: {', '.join(there_are)}" if there_are else "there are none"
            yield f"apps.{index}.files.storage: is none of the adapters that keep files; {told}"
        for kind, chosen in app.push.to.items():
            if getattr(settings.adapters.get(chosen), "type", None) not in PUSH_TYPES:
                there_are = [name for name, adapter in settings.adapters.items() if adapter.type in PUSH_TYPES]
                told = f"there are: {', '.join(there_are)}" if there_are else "there are none"
                yield f"apps.{index}.push.to.{kind}: is none of the adapters that deliver to devices; {told}"
    for name, adapter in settings.adapters.items():
        if isinstance(adapter, SmtpSettings):
            if (adapter.username is None) != (adapter.password is None):
                yield f"adapters.{name}: must have both username and password, or neither"
            elif adapter.username is not None and adapter.security == "none" and adapter.host not in LOOPBACK:
                yield f"adapters.{name}.security: must not be none, or the password would travel in the clear"
