"""What a mapping file may say, key by key. A file is checked whole; errors name the file and every key at fault."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gateway.errors import Code, MappingError
from gateway.model.schema import Action, Kind
from gateway.model.trigger import Moment
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
    bulk: int | None = Field(default=None, ge=1)
    """Objects of one operation for many, as an item of a batch."""
    relation_members: int = Field(ge=1)
    base64_file: int | None = Field(default=None, ge=1)
    """Letters of a file whose bytes come as base64."""


class Score(Strict):
    """What says how well an object matches a search: its name where it is asked for, and in an object."""

    asked: str
    told: str


class SearchSection(Strict):
    """What each object that a search finds has besides its fields."""

    highlights: str
    """The key of its texts with the words marked; null where they are not asked for."""
    untold: tuple[str, ...] = ()
    """Keys that are there, and null: of what the vendor knows from the settings of its own console."""


class Names(Strict):
    """Regular expressions that a whole name must match, and names that a client may not use for a field."""

    class_: Annotated[str, Field(alias="class")]
    field: str
    reserved: tuple[str, ...] = ()
    file: str | None = None
    """What the name of a new file must match, where there is such a rule; `file_name` is the codec."""
    longest_file: int | None = None
    """Characters of such a name, without what makes it another one than any there is."""
    aliases: dict[str, str] = {}
    """Other names that queries may have for a field of the wire."""
    classes: dict[str, str] = {}
    """Classes that have another name on the wire."""
    foreign: tuple[str, ...] = ()
    """Classes of others that this vendor's servers have not, and would take for an app's own: none is asked for one."""
    roles: dict[str, str] = {}
    """Roles that have another name on the wire; those of the model's own begin with `@` (`model.permission`)."""
    paths_between_objects: bool = False
    """A dotted path leads through pointers and relations only, so it may end in a system field."""
    score: Score | None = None


class Basic(Strict):
    """HTTP Basic authentication: what stands for the user and for the password."""

    user: Template
    password: Template


class Proves(Strict):
    """Which of the keys prove what. Any one that the configuration names will do."""

    client: tuple[str, ...]
    master: tuple[str, ...]
    code: tuple[str, ...] = ()
    """... that code of the app's own asks, which may say which triggers are not to be asked. Alone it proves nobody."""


class CredentialsSection(Strict):
    headers: dict[str, Template]
    basic: Basic | None = None
    path: dict[str, Template] = {}
    """What stands in the holes of a mount's path."""
    host: bool = False
    """The host that a client asks may be the domain of an application: it needs no id and no key then."""
    any: dict[str, tuple[str, ...]] = {}
    """A slot that holds whichever of these keys a client has: the wire does not say which one it is."""
    master_has_user: bool = False
    """Who proves to be the master, and has a session, acts for the session's user."""
    proves: Proves
    open_without_keys: bool = False
    """An application for which no client key is configured lets its id alone in."""


class Tunnel(Strict):
    """A real request inside the JSON body of a POST."""

    method: str
    unless: str
    """The other keys count only where this header is absent, as they could be fields of an object."""
    headers: dict[str, str]
    objects: dict[str, str] = {}
    """Keys that stand for headers as well, and whose values may be JSON there, and no text."""
    drop: tuple[str, ...] = ()


class WhereSection(Strict):
    operators: dict[str, str]
    logic: dict[str, str]
    refuse: tuple[str, ...] = ()
    """Operators that the vendor has and the gateway has not."""
    unheeded: tuple[str, ...] = ()
    """Operators of the clients that the vendor's servers read past: a backend is asked by other means."""
    list_is_and: bool = False
    subquery_binds: tuple[Literal["limit", "skip", "order"], ...] = ()
    subquery_ignores: tuple[str, ...] = ()
    subquery_most: int | None = Field(default=None, ge=1)
    """Objects that a query inside a query finds at the most, which is so few only by its `limit`."""
    miles: float
    """The earth's radius in the vendor's miles, and kilometres: it turns a distance into radians."""
    kilometers: float


class SqlSection(Strict):
    """Conditions as a text, in the grammar of `where_sql`."""


class Repeats(Strict):
    """How a client says an object that it has said before: by a name that the first has under one key."""

    name: str
    of: str


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


class KindRow(Strict):
    """One kind of item: what it means, its payload and its answer, as those of a route."""

    op: str
    body: Template
    defaults: dict[str, Any] = {}
    needs: tuple[str, ...] = ()
    reply: Template


class UnitSection(Strict):
    """A batch whose items say by a word what they are, and not by a method and a path; all succeed or none.

    The first four are keys of an item. `reference` has `$item`, `$index` and `$field` of what an earlier item answers.
    """

    kind: str
    class_name: str
    payload: str
    name: str
    reference: dict[str, Template]
    item: dict[str, Template]
    """The answer of an item, with its `$kind` and `$result`; these stand by name in the `$results` of the answer."""
    failure: dict[str, Template]
    """The `$message` of the first error, and the `$operation` that failed, as it was sent."""
    answer: dict[str, Template]
    """`$success`, and either `$results` or `$failure`."""
    kinds: dict[str, KindRow]


class StatementRow(Strict):
    """One kind of statement: what it means, and its answer."""

    op: str
    defaults: dict[str, Any] = {}
    reply: Template


class StatementSection(Strict):
    """What is asked for stands in a text, in the grammar of `cql_reader`. A query is what the route itself asks for."""

    text: str
    """The parameter with the text."""
    values: str
    """The parameter with a list of values for its places, as JSON."""
    kinds: dict[Literal["insert", "update", "delete"], StatementRow] = {}
    """What other statements mean; no path leads to them, and what they need the statement says."""


class ChildrenSection(Strict):
    """A key of the body with a list of what other requests of the batch make, and the fields to put them in."""

    key: str
    class_name: str
    name: str
    field: str


class OnlySection(Strict):
    """A `*` at the end of a text is any ending; names of headers are lower case."""

    query: dict[str, str] = {}
    headers: dict[str, str] = {}
    slash: bool = False
    """The path has a slash at its end."""


class RouteSection(Strict):
    op: str
    http: str = Field(pattern=r"^(GET|POST|PUT|PATCH|DELETE) /\S*$")
    when: str | None = None
    """Only where the body has this key: of two routes with one path, the one without takes the rest."""
    path: dict[str, Template] = {}
    """Holes of the path that are encoded; one not named here is text."""
    query: dict[str, Template] = {}
    also: dict[str, str] = {}
    """Other spellings of a parameter, read but never written."""
    gathered: tuple[str, ...] = ()
    """Of the other spellings those that are each a key of an object, which is the parameter."""
    query_in_body: bool = False
    """The parameters stand in the body; they are read from the URL as well."""
    query_joins_body: bool = False
    """Parameters are as keys of the body, whatever they are called."""
    repeated: tuple[str, ...] = ()
    """Parameters that may be there more than once; together they are a list."""
    apart: tuple[str, ...] = ()
    """Parameters that say the same, of which a request has one at the most."""
    given: dict[str, Any] = {}
    """Parameters that are as if sent, where they are not."""
    needs: tuple[str, ...] = ()
    """Slots of which a request must bind one."""
    body: Template = None
    headers: dict[str, Template] = {}
    """Headers that say something of the operation; their names are lower case."""
    content: Literal["body", "part"] | None = None
    """Bytes, which are bound to `$content` and not read before the operation asks for them: all of the body, or a part
    of a form. `body` is then for the fields that come before that part."""
    only: OnlySection = OnlySection()
    """Of several routes with one path this one is for requests that have these parameters and headers."""
    keyless: str | None = None
    """A hole of the path, or a parameter, that names the application: whoever knows the address needs no key."""
    defaults: dict[str, Any] = {}
    ignore: tuple[str, ...] = ()
    refuse: tuple[str, ...] = ()
    """Parameters, and keys of the body."""
    behind: bool = False
    """A server of this vendor is asked so; what clients ask there is another operation's, or more than one's."""
    once: str | None = None
    """The header with the id of a request, which an application may want done once only; its name is lower case."""
    open: bool = False
    """Anybody may ask, without keys: only for what the gateway itself can answer."""
    owner: bool = False
    """Whoever asks comes with an account (`accounts:`), and without an application."""
    batch: BatchSection | None = None
    unit: UnitSection | None = None
    statement: StatementSection | None = None
    reply: Template
    reply_known: Template = None
    """The reply where what was asked to be made was there already."""
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
    hidden: str | None = None
    """The sentence in its place where clients are not to be told why."""
    text_expecting: dict[str, str] = {}
    """Sentences of its own for a column of some type (the detail `expected`)."""
    body: Template = None
    """Where the answer is not of the usual shape."""
    plain: bool = False
    """That body is text, and not JSON."""
    own_code: bool = False
    """An error that has a number of its own (the detail `number`) is told with that."""


class ErrorsSection(Strict):
    shape: dict[str, Template]
    rows: dict[Code, ErrorRow]
    by_status: dict[int, Code] = {}
    """What an answer without a known number means."""


class PermissionWords(Strict):
    """What the parts of a class's permissions are called."""

    everybody: str
    authenticated: str
    role: str
    """What the name of a role begins with."""
    fields: str
    read_fields: str
    write_fields: str
    protected: str
    protected_authenticated: str
    protected_field: str
    """What the name of a field begins with: the group of those whom it names."""
    default_acl: str
    creator: str


class SchemasSection(Strict):
    """How a class is told."""

    record: Template
    field: Template
    removed: Template = None
    """What stands for a field, or an index, that is to go."""
    types: dict[str, str]
    """Word -> type of a column. Of several words for one type all are read, and the first is written."""
    always: dict[str, Template] = {}
    """Fields that every class shows."""
    always_indexes: dict[str, Template] = {}
    permissions: PermissionWords | None = None


class GroupsSection(Strict):
    """How groups of groups are told: a `step` of a path to one, the first `level`, and each `group` in one."""

    step: dict[str, Template]
    level: dict[str, Template]
    group: dict[str, Template]


class GeoSection(Strict):
    """How a point that is kept by itself is told, one that is like what was searched for, and a category of them."""

    point: dict[str, Template]
    related: dict[str, Template]
    category: dict[str, Template]


class AccountsSection(Strict):
    """The headers that say whose applications are asked for, and how one of them is told."""

    email: str
    password: str
    app: Template


class ColumnsSection(Strict):
    """How a column is told, and how a client says one that is to be made. `types` are words, by the types they mean."""

    told: dict[str, Template]
    made: dict[str, Template]
    types: dict[str, Kind | tuple[Kind, ...]]


class PermissionsSection(Strict):
    """How a permission is told in a list of them."""

    granted: dict[str, Template]
    denied: dict[str, Template]


class Exported(StrEnum):
    """What a key of an exported user, or session, holds. All other keys are the user's own fields."""

    ID = "id"
    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    ACL = "acl"
    READERS = "readers"
    WRITERS = "writers"
    HASH = "hash"
    SALT = "salt"
    SESSION = "session"  # a token
    SHARED_SESSION = "shared_session"  # one that all log-ins of the user share
    OWNER = "owner"  # of a session: an object that has one is a session
    EXPIRES = "expires"
    BCRYPT = "bcrypt"  # a hash that says by itself what it is, and what it was salted with
    ARGON2 = "argon2"  # the same, and the form in which the gateway keeps passwords


class Prefixed(StrEnum):
    """What a key that begins so holds."""

    POINTER = "pointer"  # `Class$id`
    AUTH_DATA = "auth_data"  # of the provider whose name follows


class PasswordForm(StrEnum):
    BCRYPT = "bcrypt"
    SHA512_513 = "sha512_513"  # SHA-512 of salt and password, then 512 times of that, in base64


class ArchiveSection(Strict):
    """How all of an application is written: names of files, and what they begin with; `{class_name}` stands in each.

    The members of a relation are a class of their own, called `members` (with `{field}` in it as well), whose lines
    have the ids of both under the keys `owner` and `member`.
    """

    objects: str
    columns: str
    head: str
    members: str
    owner: str
    member: str


class ExportSection(Strict):
    """How the vendor writes users to a file: a JSON object a line."""

    comment: str = "#"
    """What a line begins with that is none."""
    mongo: bool = False
    """Values are MongoDB Extended JSON."""
    password: PasswordForm
    fields: dict[str, Exported]
    prefixes: dict[str, Prefixed] = {}
    ignored: tuple[str, ...] = ()
    archive: ArchiveSection | None = None


class PushHeadersSection(Strict):
    """How a push is said by the headers of a message: header -> the word of a push, for all devices and for a type."""

    everywhere: dict[str, str]
    devices: dict[str, dict[str, str]]
    bits: tuple[str, ...]
    """Types of devices, in the order of their bits in a sum."""
    names: tuple[str, str]
    """What the vendor's names for such a sum begin with, and what is between the types in them."""


class HookCall(Strict):
    """One kind of question to a webhook. Every template binds some of `dialects.hooks_json.SLOTS`."""

    path: str = ""
    """What comes after the webhook's address; `{name}`, `{class_name}` and `{word}` stand in it."""
    headers: dict[str, Template] = {}
    body: Template
    value: str | None = None
    """The key of the answer that has what the code returned; null where the answer itself is that."""


class TriggerRow(Strict):
    """A trigger, by the vendor's word for it, and the question, where it is not the usual one."""

    word: str
    ask: HookCall | None = None


class FailureSection(Strict):
    shapes: tuple[Template, ...]
    """Bodies that tell a failure, by `$message` and `$code`; the first one that fits."""
    any_status: bool = False
    """Such a body is a failure whatever its status is; otherwise where that is 400 or more."""
    no_code: int | None = None
    """A number that says that there is none."""
    statuses: tuple[int, ...] = ()
    """Those of 500 and more whose bodies tell a failure as well; of any other nothing is read."""


class LearnedSection(Strict):
    """How a server of code tells what it has: a list of names. What begins with a prefix is a trigger of a class."""

    path: str
    headers: dict[str, Template] = {}
    value: str
    triggers: dict[str, Moment]
    ping: str | None = None
    """A path that tells what it is: an object of short texts, for the log."""


class HooksSection(Strict):
    """How code of the app's own, which runs elsewhere, is asked, and how it answers."""

    default: bool = False
    """What a webhook of the configuration speaks where it does not say."""
    headers: dict[str, Template] = {}
    function: HookCall
    with_objects: HookCall | None = None
    """The same for a call whose arguments and answer have whole objects; null where that is no difference."""
    event: HookCall | None = None
    job: HookCall | None = None
    trigger: HookCall
    triggers: dict[Moment, TriggerRow]
    operators: bool = False
    """What is about to be saved shows operators as such; otherwise it is as it will be then."""
    saves_are_creates: bool = False
    """The triggers of saving are asked of new objects alone, and others of changes."""
    updated_keys: str | None = None
    """A key of the object that has the names of what is changed."""
    session_key: str | None = None
    """A key of the user that has the token of its session."""
    class_key: str | None = None
    """A key of an object with the name of its class."""
    private: dict[str, tuple[str, ...]] = {}
    """Class -> columns that no trigger is shown."""
    failure: FailureSection
    learned: LearnedSection | None = None


class Cors(Strict):
    preflight_status: int
    headers: dict[str, str]
    preflight_headers: dict[str, str] = {}


class HookWarnings(Strict):
    """The vendor's sentences where the configuration has code of that name too, by `{name}` and `{class_name}`."""

    function: str
    trigger: str


class RegisteredSection(Strict):
    """How a registered webhook is told, of a function and of a trigger, by `$name`, `$class_name` and `$url`.

    The words of triggers are those of `hooks`; they are a codec, `trigger`.
    """

    function: Template
    trigger: Template
    warnings: HookWarnings


class Edition(Strict):
    """A server of this vendor as it was at another time, where it stands behind: what it has not, and has otherwise.

    What is named here must be in the mapping. See `mapping.editions`.
    """

    operations: tuple[str, ...] = ()
    """Operations that it does not have."""
    routes: tuple[str, ...] = ()
    """Routes that it does not have, as their `http`."""
    parameters: tuple[str, ...] = ()
    """Parameters of queries that it does not have."""
    keys: dict[str, tuple[str, ...]] = {}
    """Keys of the bodies of routes that it does not have, by their `http`."""
    codecs: dict[str, str] = {}
    """Codecs of parameters that others stand in the place of."""
    operators: tuple[str, ...] = ()
    """Of conditions those that it does not have, by the names that they have here; those of logic as well."""
    largest_page: int = Field(ge=1)
    batch: int = Field(ge=1)
    subquery_most: int | None = Field(default=None, ge=1)
    headers: dict[str, str] = {}
    """Headers that each request has besides."""


class MappingFile(Strict):
    title: str
    mounts: tuple[str, ...]
    shared_mounts: tuple[str, ...] = ()
    """Served to requests that have a header of `credentials`, whichever dialect else is there."""
    case_sensitive_paths: bool = True
    plain_bodies: bool = False
    """A body of the type text/plain is text; elsewhere it is JSON, whatever its type says."""
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
    own_id: str | None = None
    """In `authData` the key of the user's id at the other service, which this vendor looks for."""
    redirect_tag: str | None = None
    """Such a key, where each object that a redirected query finds tells its class by it."""
    several_of: tuple[Literal["add_relation", "remove_relation"], ...] = ()
    """The changes that `several` may hold where this vendor stands behind; none named is all."""
    shown: dict[str, dict[str, Any]] = {}
    """Class -> fields that its objects show where they have none."""
    set_by_server: dict[str, tuple[str, ...]] = {}
    """Class -> columns that clients send along as they have found them, and that say nothing then."""
    push_platforms: tuple[str, ...] = ()
    """Keys in the data of a push that hold what devices of one type are told."""
    lower_case: dict[str, tuple[str, ...]] = {}
    """Class -> columns whose texts are written in lower case."""
    class_tag: str | None = None
    """A key of every object in an answer, with the name of its class."""
    ignored_keys: tuple[str, ...] = ()
    """Keys of an object that a client may send, and that say nothing."""
    repeats: Repeats | None = None
    updated_when_changed: bool = False
    """An object that was never changed has null for the time of its last change."""
    untyped: bool = False
    """Values do not tell of which kind they are: the columns do."""
    values: dict[str, Template]
    value_tag: str | None
    """The key that tells the kind of a value; null where values are bare."""
    updates: dict[str, Template]
    update_tag: str | tuple[str, ...]
    columns: ColumnsSection | None = None
    where: WhereSection | None = None
    where_sql: SqlSection | None = None
    """One of the two: conditions as JSON, or as a text in the manner of SQL."""
    master_queries: dict[str, str] = {}
    """Class -> the setting of an application that lets clients query it; otherwise only the master does."""
    custom_ids: bool = False
    """Clients may choose the ids of objects, whatever an application's settings say."""
    tables: dict[str, dict[str, str | tuple[str, ...]]] = {}
    """Two-way tables, usable as codecs: wire text -> value; of several the first is read, and all are written."""
    routes: tuple[RouteSection, ...]
    beside: tuple[str, ...] = ()
    """Paths, of routes and of what is refused, that are served beside the mounts as well; the latter without a key."""
    refused: dict[str, str] = {}
    """Routes that the vendor has and the gateway has not, each with the reason; `ANY /hive/**` is all below a path."""
    refused_openly: tuple[str, ...] = ()
    """Those of them that are so without a key as well: people come to them by a link."""
    errors: ErrorsSection
    actions: dict[str, Action] = {}
    """Word -> what permissions are given for, in the schema of a class and in the sentence of a refusal."""
    schemas: SchemasSection | None = None
    export: ExportSection | None = None
    permissions: PermissionsSection | None = None
    groups: GroupsSection | None = None
    search: SearchSection | None = None
    hooks: HooksSection | None = None
    geo: GeoSection | None = None
    push_headers: PushHeadersSection | None = None
    records: dict[str, dict[str, Template]] = {}
    """Things of a few parts, usable as codecs: name -> what one is, by the names of its parts."""
    accounts: AccountsSection | None = None
    features: dict[str, Any] | None = None
    """What a server of this vendor tells that it can do: see `dialects.features_json`."""
    log_entry: dict[str, Template] | None = None
    """What an entry of a client's log is, by the slots of `model.services.LogEntry`."""
    registered_hooks: RegisteredSection | None = None
    saved_file: Template = None
    """What is told of a file that was saved, by the slots of `model.values.File`: the codec `saved_file`."""
    file_url: str | None = None
    """Where the bytes of a file are, below the mount: a path with a hole for `path` and, where needed, for `app_id`."""
    never_asked: tuple[str, ...] = ()
    """Operations that are served, and that no server of this vendor is asked for: it has other ways to do them."""
    upload_url: str | None = None
    """Where the bytes of a file that was announced are brought, below the mount, by `app_id` and `token`."""
    file_signature: dict[Literal["signature", "expires"], str] = {"signature": "signature", "expires": "expires"}
    """The parameters of an address that is signed."""
    cors: Cors
    editions: dict[str, Edition] = {}
    """Other servers of this vendor, by the names that a configuration has for them."""
    sent_headers: dict[str, str] = {}
    """Headers of each request to a server of this vendor; an edition has them."""

    @model_validator(mode="after")
    def _one_manner(self) -> MappingFile:
        if (self.value_tag is None) != (self.where is None) or (self.where is None) != (self.where_sql is not None):
            raise ValueError("values with a tag go with where, and values without one with where_sql")
        if self.value_tag is not None and not isinstance(self.update_tag, str):
            raise ValueError("values with a tag have one update_tag")
        return self


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
