"""What a client can ask for, and what a backend answers.

The field names are the slot names of the mappings. A field without a default is required, and that is the only place
where that is said: the start-up check of a mapping (`mapping.compile`) finds a route that does not bind one, so these
are plain dataclasses, and making one costs the hot path no validation. What a codec read has the type it must have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.errors import GatewayError
from gateway.model.query import Filter, Sort
from gateway.model.update import Changes
from gateway.model.values import Date, Fields

BY_ID = Sort("@id")


class Returning(StrEnum):
    """Which fields a write answers, besides the id and its times."""

    NOTHING = "nothing"
    COMPUTED = "computed"  # those whose new value the client cannot know: results of operators, defaults
    CHANGED = "changed"  # all that the write touched, and the relation fields of the class
    EVERYTHING = "everything"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing a client asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Create(Operation):
    """Makes one object. With an `id` of the client's own it fails where the id is taken (DUPLICATE_VALUE)."""

    class_name: str
    changes: Changes
    id: str | None = None
    returning: Returning = Returning.COMPUTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Get(Operation):
    """One object. A missing one is OBJECT_NOT_FOUND, a missing class CLASS_NOT_FOUND.

    `select` keeps only these fields (and the system fields); a path into a pointer includes its object, with that field
    alone. `exclude` takes fields away, `include` puts objects in
    the place of pointers: paths such as `post.author`, or `*` for every pointer and list of the class.
    """

    class_name: str
    id: str
    select: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    with_acl: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Update(Operation):
    """Changes one object; with `where` only if it matches (else CONDITION_FAILED)."""

    class_name: str
    id: str
    changes: Changes
    where: Filter | None = None
    returning: Returning = Returning.COMPUTED


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Find(Operation):
    """Objects of one class. `limit` and `skip` count objects; `order` has the most significant first.

    `count` asks for the number of all matches besides. `redirect_key` names a relation or pointer field: the query
    then runs on that field's class, and the result tells its name. A missing class is CLASS_NOT_FOUND.
    """

    class_name: str
    limit: int
    skip: int = 0
    where: Filter | None = None
    order: tuple[Sort, ...] = ()
    count: bool = False
    select: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    with_acl: bool = True
    redirect_key: str | None = None


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
class Batch(Operation):
    """Several operations, in order, each with an answer of its own; with `atomic` all or none.

    `names` gives items a name for a `Reference` in a later item; it is empty, or as long as `items`.
    """

    items: tuple[Operation, ...]
    atomic: bool = False
    names: tuple[str | None, ...] = ()


OBJECT_OPERATIONS: Mapping[str, type[Operation]] = {
    "create": Create,
    "get": Get,
    "update": Update,
    "delete": Delete,
    "find": Find,
    "scan": Scan,
    "server_time": ServerTime,
    "batch": Batch,
}
"""What a mapping calls them."""

ANSWER_FIELDS = frozenset({"returning", "with_acl", "share_session"})
"""Fields that only say what the answer shows: a dialect without a word for one can still ask for the operation."""


@dataclass(slots=True)
class Result:
    """What a backend answers; each operation fills some of it, and a reply template names the parts it shows.

    create, update: `id`, `created_at`, `updated_at`, `object` (the fields that `returning` asks for);
    get: `object`; find, scan: `objects`, `total` (of a count), `class_name` (of a redirect), `cursor` (of a scan, None
    after the last page); server time: `moment`; batch: `items`, one result or error an item.
    """

    id: str | None = None
    created_at: Date | None = None
    updated_at: Date | None = None
    object: Fields | None = None
    objects: list[Fields] | None = None
    total: int | None = None
    class_name: str | None = None
    cursor: str | None = None
    moment: Date | None = None
    session: str | None = None
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
    """What the client sent about itself. `keys` has what it sent as keys, by the names the mapping gives them."""

    app_id: str | None = None
    keys: dict[str, str] = field(default_factory=dict)
    signature: Signature | None = None
    session: str | None = None
    installation_id: str | None = None


@dataclass(frozen=True, slots=True, repr=False)  # no repr: it holds a session's token
class Caller:
    """Who that turned out to be, for one application.

    `roles` are the names of the user's roles, with those that they are part of. `trusted` is the gateway itself, at
    work on what no client may see; nothing that a client sends makes a caller trusted.
    """

    app: str
    master: bool = False
    user_id: str | None = None
    roles: frozenset[str] = frozenset()
    session: str | None = None
    installation_id: str | None = None
    trusted: bool = False

    @property
    def unrestricted(self) -> bool:
        """Whether ACLs do not concern this caller."""
        return self.master or self.trusted
