"""What a mapping file may say, key by key. A file is checked whole; errors name the file and every key at fault."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.errors import Code, MappingError
from gateway.yaml_text import read_yaml

Template = Any
"""`$slot|codec`, a constant, an object of templates, or a list of alternatives; see `mapping.shape`."""


class Strict(BaseModel):
    """The base of all that is read from a mapping."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Beyond(StrEnum):
    """What a page size out of range means."""

    DEFAULT = "default"
    CAP = "cap"
    REFUSE = "refuse"


class PageLimits(Strict):
    default: int = Field(ge=1)
    largest: int = Field(ge=1)
    too_large: Beyond
    negative: Beyond


class Limits(Strict):
    page: PageLimits
    batch: int = Field(ge=1)
    relation_members: int = Field(ge=1)


class Names(Strict):
    """Regular expressions that a whole name must match, and names that a client may not use for a field."""

    class_: Annotated[str, Field(alias="class")]
    field: str
    reserved: tuple[str, ...] = ()
    aliases: dict[str, str] = {}
    """Other names that queries may have for a field of the wire."""


class Basic(Strict):
    """HTTP Basic authentication: what stands for the user and for the password."""

    user: Template
    password: Template


class Proves(Strict):
    """Which of the keys prove what. Any one that the configuration names will do."""

    client: tuple[str, ...]
    master: tuple[str, ...]


class CredentialsSection(Strict):
    headers: dict[str, Template]
    basic: Basic | None = None
    proves: Proves
    open_without_keys: bool = False
    """An application for which no client key is configured lets its id alone in."""


class Tunnel(Strict):
    """A real request inside the JSON body of a POST."""

    method: str
    unless: str
    """The other keys count only where this header is absent, as they could be fields of an object."""
    headers: dict[str, str]
    drop: tuple[str, ...] = ()


class WhereSection(Strict):
    operators: dict[str, str]
    logic: dict[str, str]
    refuse: tuple[str, ...] = ()
    """Operators that the vendor has and the gateway has not."""
    list_is_and: bool = False
    subquery_binds: tuple[Literal["limit", "skip", "order"], ...] = ()
    subquery_ignores: tuple[str, ...] = ()
    miles: float
    """The earth's radius in the vendor's miles, and kilometres: it turns a distance into radians."""
    kilometers: float


class Reply(Strict):
    status: int = 200
    headers: dict[str, str] = {}
    body: Template


class BatchSection(Strict):
    """The keys of a request inside a batch, and of its answer."""

    method: str
    path: str
    body: str
    query: str | None = None
    success: str
    error: str
    name: str | None = None
    """A key of the body that names what the request makes, for requests that refer to it."""
    children: ChildrenSection | None = None
    create_flag: str | None = None
    """A key that, where it is true, makes a request one that creates, whatever its method says."""
    by_name: bool = False
    """The answer is an object, from the name of a request to the body of its answer."""


class ChildrenSection(Strict):
    """A key of the body with a list of what other requests of the batch make, and the fields to put them in."""

    key: str
    class_name: str
    name: str
    field: str


class RouteSection(Strict):
    op: str
    http: str = Field(pattern=r"^(GET|POST|PUT|DELETE) /\S*$")
    path: dict[str, Template] = {}
    """Holes of the path that are encoded; one not named here is text."""
    query: dict[str, Template] = {}
    also: dict[str, str] = {}
    """Other spellings of a parameter, read but never written."""
    body: Template = None
    defaults: dict[str, Any] = {}
    ignore: tuple[str, ...] = ()
    refuse: tuple[str, ...] = ()
    open: bool = False
    """Anybody may ask, without keys: only for what the gateway itself can answer."""
    batch: BatchSection | None = None
    reply: Template
    reply_known: Template = None
    """The reply where what was asked to be made was there already."""
    master_unless: str | None = None
    """Only the master may ask this, unless the application has this setting."""
    errors: dict[int, Code] = {}
    """Numbers of errors that mean something of their own at this place, when a backend tells them."""
    tells: dict[Code, ErrorRow] = {}
    """Errors that this route tells in a way of its own."""
    empty_on: tuple[Code, ...] = ()
    """Errors that this route tells as an empty answer."""
    empty_item: Any = None
    """What such an answer is inside a batch, where that is said and not the same."""


class ErrorRow(Strict):
    """How the vendor tells one code."""

    code: int | None = None
    status: int
    read: bool = True
    """False where the vendor uses the number for something else as well."""
    also_read: tuple[int, ...] = ()
    text: str | None = None
    """The vendor's own sentence; `{class_name}` and the like are details of the error."""
    body: Template = None
    """Where the answer is not of the usual shape."""


class ErrorsSection(Strict):
    shape: dict[str, Template]
    rows: dict[Code, ErrorRow]
    by_status: dict[int, Code] = {}
    """What an answer without a known number means."""


class Cors(Strict):
    preflight_status: int
    headers: dict[str, str]
    preflight_headers: dict[str, str] = {}


class MappingFile(Strict):
    title: str
    mounts: tuple[str, ...]
    case_sensitive_paths: bool = True
    credentials: CredentialsSection
    tunnel: Tunnel | None = None
    names: Names
    limits: Limits
    fields: dict[str, str]
    """System field -> its name on the wire, and its codec."""
    public_acl_shown: bool = False
    """An object without an ACL shows one that lets everybody in, where an ACL is asked for."""
    not_columns: tuple[str, ...] = ()
    """Keys of an object in an answer that are no columns."""
    shown: dict[str, dict[str, Any]] = {}
    """Class -> fields that its objects show where they have none."""
    values: dict[str, Template]
    value_tag: str
    updates: dict[str, Template]
    update_tag: str
    where: WhereSection
    tables: dict[str, dict[str, str | tuple[str, ...]]] = {}
    """Two-way tables, usable as codecs: wire text -> value; of several the first is read, and all are written."""
    routes: tuple[RouteSection, ...]
    errors: ErrorsSection
    cors: Cors


def read_mapping(path: Path) -> MappingFile:
    """The file, checked against the schema. Raises MappingError."""
    try:
        raw = read_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise MappingError(f"{path}: cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise MappingError(f"{path}: is not YAML: {error}") from error
    if not isinstance(raw, dict):
        raise MappingError(f"{path}: must be a mapping of keys")
    try:
        # as JSON: strict still refuses "100" for 100, but takes a list for a tuple and a word for an enum
        return MappingFile.model_validate_json(json.dumps(raw))
    except ValidationError as invalid:
        raise MappingError("\n".join(f"{path}: {line}" for line in faults(invalid))) from None


def faults(invalid: ValidationError) -> list[str]:
    """`key: reason`, one a fault."""
    return [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in invalid.errors()]
