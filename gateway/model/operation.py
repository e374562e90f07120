"""What a client can ask for, and what a backend answers.

The field names are the slot names of the mappings. A field without a default is required, and that is the only place
where that is said: the start-up check of a mapping (`mapping.compile`) finds a route that does not bind one, so these
are plain dataclasses, and making one costs the hot path no validation. What a codec read has the type it must have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from gateway.errors import GatewayError
from gateway.model.groups import Level, Step
from gateway.model.query import Filter, Output, Sort
from gateway.model.schema import ClassSchema
from gateway.model.update import Changes
from gateway.model.values import Date, Fields, File, ResultOf

BY_ID = Sort("@id")


class Returning(StrEnum):
    """Which fields a write answers, besides the id and its times."""

    NOTHING = "nothing"
    COMPUTED = "computed"  # those whose new value the client cannot know: results of operators, what a trigger set
    CHANGED = "changed"  # all that the write touched, and the relation fields of the class
    EVERYTHING = "everything"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing a client asks for.

    `untyped` says that its values do not tell of which kind they are: a number may be a date, a text the address of a
    file. The columns of the class know (`backends.columns`).
    """

    untyped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Create(Operation):
    """Makes one object. With an `id` of the client's own it fails where the id is taken (DUPLICATE_VALUE).

    `times` are when an object from elsewhere was made and last changed; only the gateway itself can say them.
    `ignore_hooks`, here and elsewhere, are triggers (`model.trigger.Moment`) that are not to be asked; only the app's
    own code and the master can say so.
    """

    class_name: str
    changes: Changes
    id: str | None = None
    returning: Returning = Returning.COMPUTED
    nulls: bool = False
    times: tuple[Date, Date] | None = None
    ignore_hooks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Get(Operation):
    """One object. A missing one is OBJECT_NOT_FOUND, a missing class CLASS_NOT_FOUND.

    `select` keeps only these fields (and the system fields); a path into a pointer includes its object, with that field
    alone. `exclude` takes fields away, `include` puts objects in
    the place of pointers: paths such as `post.author`, or `*` for every pointer and list of the class.

    `members` is how many objects of a relation an include shows, the newest first, in a list in the place of the
    relation; None leaves relations as they are. With it, what is included is shown beside a selection, and where
    nothing is, as None or an empty list. `depth` includes everything, so many levels deep. With `nulls` a column
    without a value is there, as None, but for pointers, of which an include tells; with `exact` a selection keeps no
    system field that it does not name. `outputs` are computed values besides: no aggregates, and none of several
    members (BAD_QUERY).
    """

    class_name: str
    id: str
    select: tuple[str, ...] | None = None
    outputs: tuple[Output, ...] = ()
    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    with_acl: bool = True
    members: int | None = None
    depth: int = 0
    nulls: bool = False
    exact: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Update(Operation):
    """Changes one object; with `where` only if it matches (else CONDITION_FAILED)."""

    class_name: str
    id: str
    changes: Changes
    where: Filter | None = None
    returning: Returning = Returning.COMPUTED
    nulls: bool = False
    ignore_hooks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete(Operation):
    """Deletes these objects of one class: each that is there. If none is, OBJECT_NOT_FOUND.

    With `where` only those that match; if none does, CONDITION_FAILED. With `missing_ok` what is not there is gone
    already, and no error.
    """

    class_name: str
    ids: tuple[str, ...]
    where: Filter | None = None
    missing_ok: bool = False
    ignore_hooks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Find(Operation):
    """Objects of one class. `limit` and `skip` count objects; `order` has the most significant first.

    `count` asks for the number of all matches besides. `redirect_key` names a relation or pointer field: the query
    then runs on that field's class, and the result tells its name. A missing class is CLASS_NOT_FOUND.

    `outputs` are computed values, besides what `select` keeps. With an aggregate in them, with `group_by` or with
    `distinct` the answer has rows and no objects: of each group, or of each different row, the selected fields and the
    outputs and nothing else, as None where there is no value. A selected field is one of the keys of the group, unless
    `@id` is. `having` is asked of the rows, by the names of their values, and they are sorted by these. `count` counts
    rows. A pointer stands in a row as such, whatever is included; a relation has a row for each of its members.

    With `text` it is a search: objects match that condition as well, the best first where no order is asked for, and
    `count` needs no right of its own. `text_fields` are what `@text` stands for in it. `highlights` are fields, or `*`,
    whose texts are told with the words marked (`@highlights` of each object). The result's `cursor`, if there is more,
    asks for the next page of the same search, and `skip` says nothing then. `@score` may be selected, and sorted by,
    wherever words are looked for.
    """

    class_name: str
    limit: int
    skip: int = 0
    where: Filter | None = None
    text: Filter | None = None
    text_fields: tuple[str, ...] | None = None
    highlights: tuple[str, ...] | None = None
    cursor: str | None = None
    order: tuple[Sort, ...] = ()
    count: bool = False
    select: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    with_acl: bool = True
    redirect_key: str | None = None
    outputs: tuple[Output, ...] = ()
    group_by: tuple[str, ...] = ()
    having: Filter | None = None
    distinct: bool = False
    members: int | None = None
    depth: int = 0
    nulls: bool = False
    exact: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FindRelated(Operation):
    """What stands in a pointer or relation field of one object, as Find would tell it.

    Of a pointer the answer is its object (`Result.object`; None where it is empty), of a relation a page of objects.
    """

    class_name: str
    id: str
    field: str
    limit: int
    skip: int = 0
    where: Filter | None = None
    order: tuple[Sort, ...] = ()
    select: tuple[str, ...] | None = None
    outputs: tuple[Output, ...] = ()
    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    with_acl: bool = True
    members: int | None = None
    depth: int = 0
    nulls: bool = False
    exact: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FindGroups(Operation):
    """Objects of one class, in groups by the first field of `group_by`, in each of them by the next, and so on.

    The answer begins in the group that `path` leads to: with the groups there by the fields that are left, or, where
    none is left, with its objects. `limit` and `skip` are of that first level, `group_limit` of each page of groups
    further in, `object_limit` of each page of objects. `levels` is how many levels are opened: with 0 only the first is
    told. An order by a field of `group_by` is that of its groups, which are else in the order of their values; any
    other is that of the objects in a group. The rest shows objects as `Find` does. A field that has several values, or
    one that is no text, number, boolean, date or pointer, makes no groups (BAD_QUERY).
    """

    class_name: str
    limit: int
    group_limit: int
    object_limit: int
    levels: int
    group_by: tuple[str, ...] = ()
    path: tuple[Step, ...] = ()
    skip: int = 0
    where: Filter | None = None
    order: tuple[Sort, ...] = ()
    select: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    with_acl: bool = True
    outputs: tuple[Output, ...] = ()
    distinct: bool = False
    members: int | None = None
    depth: int = 0
    nulls: bool = False
    exact: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CountInGroup(Operation):
    """How many objects are in the group that `path` leads to, in whatever groups inside it."""

    class_name: str
    path: tuple[Step, ...]
    where: Filter | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upsert(Operation):
    """Updates the object of that id, or creates it (`created` tells). Without an id it is a create."""

    class_name: str
    changes: Changes
    id: str | None = None
    returning: Returning = Returning.COMPUTED
    nulls: bool = False


Ids = tuple[str | ResultOf, ...] | ResultOf
"""Ids of objects; in a batch some, or all of them, are what an earlier item answers."""


@dataclass(frozen=True, slots=True)
class NewObject:
    """One of several to be made."""

    changes: Changes
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateMany(Operation):
    """Makes objects, all or none; with `upsert` one whose id is there is updated. Answers the ids, in order.

    Of users, with `named_by_email` an email address will do for a name.
    """

    class_name: str
    objects: tuple[NewObject, ...]
    upsert: bool = False
    named_by_email: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateMany(Operation):
    """Changes every object that matches, or these. Answers how many (`total`).

    Alone it may be done a part at a time: what an error ends has been done up to there. In an atomic batch it has not.
    """

    class_name: str
    changes: Changes
    where: Filter | None = None
    ids: Ids | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteMany(Operation):
    """Deletes every object that matches, or these. Answers how many (`total`). It may be in parts, as UpdateMany is."""

    class_name: str
    where: Filter | None = None
    ids: Ids | None = None


class Relating(StrEnum):
    ADD = "add"
    SET = "set"  # these, and no others
    REMOVE = "remove"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relate(Operation):
    """Changes what stands in a relation field, or in a pointer field, which holds one: these ids, or all that match.

    Where there is no such column yet, `target` and `single` say what it becomes; without them it is NO_SUCH_COLUMN.
    An id of nothing is passed over. Answers how many were added, set or removed (`total`).
    """

    class_name: str
    id: str
    field: str
    how: Relating
    ids: Ids | None = None
    where: Filter | None = None
    target: str | None = None
    single: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeepSave(Operation):
    """Saves an object and, in the places of its pointers and relations, the objects there; all or nothing.

    `tree` has columns and `@id`; in a pointer column an object or None, in a relation column a list of objects. An
    object with an id is updated where it has more than that, else made; what is related is then exactly what is listed.
    Answers the tree as it stands afterwards (`object`), and, where the backend tells them, the `ids` of those objects
    in it that had none: in order, those inside others first.
    """

    class_name: str
    tree: Fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan(Operation):
    """All objects of one class, a page at a time, sorted by one field; the result's cursor asks for the next page."""

    class_name: str
    limit: int
    key: Sort = BY_ID
    where: Filter | None = None
    select: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    with_acl: bool = False
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTime(Operation):
    """What time it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppInfo(Operation):
    """What a client may know of the application that it talks to: `app_id`, and a key that clients hold (`app_key`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferred(Operation):
    """An item of a batch that needs, for fields that cannot hold one, what earlier items answer.

    In `item` these fields are empty. What holds values, and `Ids`, has its `ResultOf` in place.
    """

    item: Operation
    fields: Mapping[str, ResultOf]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch(Operation):
    """Several operations, in order, each with an answer of its own; with `atomic` all or none.

    `names` gives items a name for a `Reference` or a `ResultOf` in a later item; it is empty, or as long as `items`.
    With `fixed_schema` no class and no column is made (NO_SUCH_COLUMN, CLASS_NOT_FOUND). The error of an atomic one has
    the place of the item that failed in its details (`item`).
    """

    items: tuple[Operation, ...]
    atomic: bool = False
    names: tuple[str | None, ...] = ()
    fixed_schema: bool = False


OBJECT_OPERATIONS: Mapping[str, type[Operation]] = {
    "create": Create,
    "get": Get,
    "update": Update,
    "delete": Delete,
    "find": Find,
    "find_related": FindRelated,
    "find_groups": FindGroups,
    "count_in_group": CountInGroup,
    "scan": Scan,
    "upsert": Upsert,
    "create_many": CreateMany,
    "update_many": UpdateMany,
    "delete_many": DeleteMany,
    "relate": Relate,
    "deep_save": DeepSave,
    "server_time": ServerTime,
    "app_info": AppInfo,
    "batch": Batch,
}
"""What a mapping calls them."""

ANSWER_FIELDS = frozenset(
    {"returning", "with_acl", "share_session", "one_name", "nulls", "exact", "untyped", "with_status", "with_roles"}
    | {"ignore_hooks", "with_objects"}
    | {"both", "to_all", "without_token", "where_json"}
)
"""Fields that only say what the answer shows, or how a push may be worded: a dialect without a word for one can still
ask for the operation."""


@dataclass(slots=True)
class Result:
    """What a backend answers; each operation fills some of it, and a reply template names the parts it shows.

    create, update: `id`, `created_at`, `updated_at`, `object` (the fields that `returning` asks for);
    get: `object`; find, scan: `objects`, `total` (of a count), `class_name` (of a redirect), `cursor` (of a scan and of
    a search, None after the last page); in groups: `groups`, and in `objects` all that stand there; several at once:
    `ids` or `total`;
    of a page: `skip`, and the path with the parameters of the `next_page`, as the dialect knows them;
    of two classes at once: the second's in `others` and `others_total`;
    of classes: `schema` or `schemas`; server time: `moment`;
    of applications: `app` or `apps` (`model.owners.App`);
    of an application: its `params`, and which are the master's alone (`master_only`);
    of a file: `file`, or `content` (a `model.files.StoredContent`) of its bytes;
    of pushes (`model.push.PushRecord`): `push` or `pushes`;
    of registered webhooks (`model.code.RegisteredHook`): `hook` or `hooks`;
    batch: `items`, one result or error an item.
    """

    id: str | None = None
    created_at: Date | None = None
    updated_at: Date | None = None
    object: Fields | None = None
    objects: list[Fields] | None = None
    total: int | None = None
    skip: int | None = None
    next_page: str | None = None
    others: list[Fields] | None = None
    others_total: int | None = None
    ids: list[str] | None = None
    class_name: str | None = None
    cursor: str | None = None
    params: Fields | None = None
    app: Any = None
    apps: list[Any] | None = None
    master_only: dict[str, bool] | None = None
    moment: Date | None = None
    value: Any = None
    app_id: str | None = None
    app_key: str | None = None
    session: str | None = None
    token: str | None = None
    url: str | None = None
    providers: Fields | None = None
    schema: ClassSchema | None = None
    schemas: list[ClassSchema] | None = None
    groups: Level | None = None
    file: File | None = None
    content: Any = None
    push: Any = None
    pushes: list[Any] | None = None
    hook: Any = None
    hooks: list[Any] | None = None
    created: bool = True
    items: list[Result | GatewayError] | None = None


@dataclass(frozen=True, slots=True)
class Signature:
    """Proof of a key that is not sent: the digest of `salt` and key; `master` says of which key."""

    digest: str
    salt: str
    master: bool = False


@dataclass(frozen=True, slots=True, repr=False)  # no repr: a key in a log is a key lost
class Credentials:
    """What the client sent about itself. `keys` has what it sent as keys, by the names the mapping gives them.

    `domain` is the host that it asked, where a host may stand for an application. `context` is what it has to say to
    code of the app's own, and to nobody else.
    """

    app_id: str | None = None
    keys: dict[str, str] = field(default_factory=dict)
    signature: Signature | None = None
    session: str | None = None
    installation_id: str | None = None
    domain: str | None = None
    context: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, repr=False)  # no repr: it holds a session's token
class Caller:
    """Who that turned out to be, for one application.

    `roles` are the names of the user's roles, with those that they are part of. `trusted` is the gateway itself, at
    work on what no client may see; nothing that a client sends makes a caller trusted. `restricted` is who comes by a
    session that must not change users, sessions and roles. `on_behalf` is a master who acts for the user of a session.
    `own_code` is code of the app's own, by a key that only it has; it may do no more than its other keys say. `context`
    is for code of the app's own.
    """

    app: str
    master: bool = False
    user_id: str | None = None
    roles: frozenset[str] = frozenset()
    session: str | None = None
    installation_id: str | None = None
    trusted: bool = False
    restricted: bool = False
    on_behalf: bool = False
    own_code: bool = False
    context: Mapping[str, Any] | None = field(default=None, hash=False)

    @property
    def unrestricted(self) -> bool:
        """Whether ACLs do not concern this caller."""
        return self.master or self.trusted
