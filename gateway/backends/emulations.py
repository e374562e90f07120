"""What can be had by means of other operations, where a backend's dialect has no words for it: the table, and no code.

What can be had that way without losing a promise is done; what loses one, most often that nobody comes between, only
where the configuration says so (`emulate`), and is refused otherwise, with the reason. `refuse` switches one off. The
table EMULATIONS is all there is, and what a backend can do is told from it and from the mapping: see `abilities`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from gateway.backends.plain import AUTH_DATA, plain
from gateway.dialects.dialect import Dialect
from gateway.errors import GatewayError
from gateway.model.account import ROLE, SESSION, USER, ChangePassword, CurrentUser, SignUp
from gateway.model.aggregate import Aggregate
from gateway.model.catalogue import OPERATIONS
from gateway.model.conversations import CONVERSATION
from gateway.model.files import FILE, SaveFile
from gateway.model.members import CheckSession, ConvertGuest
from gateway.model.operation import (
    Batch,
    Create,
    CreateMany,
    Credentials,
    Delete,
    DeleteMany,
    Find,
    FindRelated,
    Get,
    NewObject,
    Operation,
    Relate,
    Relating,
    Returning,
    Scan,
    Update,
    UpdateMany,
    Upsert,
)
from gateway.model.push import AUDIENCE, INSTALLATION
from gateway.model.query import (
    ANY_TEXT,
    Column,
    Condition,
    Inverse,
    Near,
    Op,
    Output,
    Phrase,
    Regex,
    Subquery,
    Words,
)
from gateway.model.services import AddToCounter, CompareAndSetCounter
from gateway.model.update import AddUnique, BitAnd, Changes, Increment, Set, Several
from gateway.model.values import GeoPoint, Pointer, Reference, ResultOf

MOST_SORTED: Final = 1000
"""Objects that the gateway sorts itself, for one page of them."""
MOST_OWNERS: Final = 100
"""Objects that an inverted relation may lead to: their ids go in one query."""


class Way(StrEnum):
    NATIVE = "native"
    EMULATED = "emulated"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Ability:
    way: Way
    told: str = ""
    """How it is emulated, or why it is refused."""


def _always(_: Dialect) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Emulation:
    """`by_default` where no promise is lost. `sample` is what it stands for: the dialect has words for it or not.

    `of` are the operations that it is for, where it is for all of them, and `needs` are those that it is done by.
    """

    title: str
    told: str
    sample: Operation
    needs: tuple[str, ...]
    of: tuple[str, ...] = ()
    by_default: bool = True
    by: Operation | None = None
    """What the dialect must have words for ..."""
    instead: str | None = None
    """... or the emulation that does that."""
    compared: str | None = None
    """How it is done where a vendor compares before it writes, so that nobody comes between: there it is by default."""
    alike: Operation | None = None
    """What the sample stands for in the words of others."""
    heeded: Callable[[Dialect], bool] = _always
    """Whether a vendor does what its dialect has words for."""


_A: Final = Condition("a", Op.EQ, 1)
_KNOWN: Final[Mapping[str, Any]] = {"class_name": "Any", "id": "a"}
_SIGNS_UP: Final[Changes] = {"email": Set("a"), "password": Set("a")}
_TIMES: Final = (Increment(1), Increment(2))
_COMPARED: Final = "read and written back, and anew where it was changed meanwhile"
_CHOSEN: Final = "the gateway chooses the ids of what is made: the server has to take ids from clients"

EMULATIONS: Final[Mapping[str, Emulation]] = {
    "deletes": Emulation(
        "delete of several objects", "one by one", Delete(class_name="Any", ids=("a", "b")), ("delete",)
    ),
    "upsert": Emulation(
        "upsert",
        "an update, else a create with that id",
        Upsert(changes={"a": Set(1)}, **_KNOWN),
        ("update", "create"),
        of=("upsert",),
    ),
    "count": Emulation(
        "objects, and how many there are",
        "asked for one after the other",
        Find(class_name="Any", limit=1, count=True),
        ("find",),
    ),
    "scan": Emulation(
        "scan", "queries in the order of ids or times", Scan(class_name="Any", limit=1), ("find",), of=("scan",)
    ),
    "batch": Emulation("batch", "one after the other", Batch(items=(Get(**_KNOWN),)), (), of=("batch",)),
    "password": Emulation(
        "change of a password by the old one",
        "the old one is verified, then the new one is written",
        ChangePassword(id="a", old_password="a", new_password="b"),  # noqa: S106 - a sample
        ("get", "verify_password", "update"),
        of=("change_password",),
    ),
    "conditions": Emulation(
        "update or delete on a condition",
        "a query, then the write: another one may come between",
        Update(changes={"a": Set(1)}, where=_A, **_KNOWN),
        ("find", "update"),
        by_default=False,
        compared="a change of all that match, which is one at the most",
    ),
    "sign_up": Emulation(
        "sign-up without a session",
        "the session is ended at once",
        SignUp(changes=_SIGNS_UP, opens_session=False, named_by_email=True),
        ("sign_up", "log_out"),
    ),
    "sign_up_and_in": Emulation(
        "sign-up with a session",
        "a sign-up, then a log-in",
        SignUp(changes=_SIGNS_UP),
        ("sign_up", "log_in"),
    ),
    "aggregate": Emulation(
        "aggregate",
        "its objects are read, and go through the stages here",
        Aggregate(class_name="Any"),
        ("find",),
        of=("aggregate",),
    ),
    "check_session": Emulation(
        "check_session",
        "by asking whose it is",
        CheckSession(token="a"),  # noqa: S106 - a sample
        ("current_user",),
        of=("check_session",),
    ),
    "current_user": Emulation(  # see `whose`
        "current_user",
        "a session that was opened by the gateway tells whose it is, and is checked",
        CurrentUser(),
        ("check_session", "get"),
        of=("current_user",),
    ),
    "related": Emulation(
        "find_related",
        "a query by the relation, or of the object that a pointer leads to",
        FindRelated(field="a", limit=1, **_KNOWN),
        ("get", "find"),
        of=("find_related",),
    ),
    "relate": Emulation(
        "relate",
        "an update of the field; with `conditions` to be exactly these, or those that match",
        Relate(field="a", how=Relating.ADD, ids=("a",), **_KNOWN),
        ("get", "find", "update"),
        of=("relate",),
    ),
    "create_many": Emulation(
        "create_many",
        "a batch, all or nothing",
        CreateMany(class_name="Any", objects=(NewObject({"a": Set(1)}),)),
        ("create", "batch"),
        of=("create_many",),
        by=Batch(items=(Create(class_name="Any", changes={}),), atomic=True),
    ),
    "update_many": Emulation(
        "update_many",
        "one by one; those that match where each is written on that condition, or with `conditions`",
        UpdateMany(class_name="Any", changes={"a": Set(1)}, ids=("a",)),
        ("find", "update"),
        of=("update_many",),
    ),
    "delete_many": Emulation(
        "delete_many",
        "one by one; those that match where each is written on that condition, or with `conditions`",
        DeleteMany(class_name="Any", ids=("a",)),
        ("find", "delete"),
        of=("delete_many",),
    ),
    "guest": Emulation(
        "guests",
        "an anonymous user",
        SignUp(changes={}, guest=True),
        ("sign_up",),
        by=SignUp(changes={AUTH_DATA: Set({"anonymous": {"id": "a"}})}),
    ),
    "convert_guest": Emulation(
        "convert_guest",
        "an anonymous user gets a name and a password",
        ConvertGuest(id="a", changes=_SIGNS_UP),
        ("get", "update"),
        of=("convert_guest",),
        by=SignUp(changes={AUTH_DATA: Set({"anonymous": {"id": "a"}})}),
    ),
    "nearest": Emulation(
        "what is near, the nearest first",
        f"sorted by the gateway, up to {MOST_SORTED} objects",
        Find(class_name="Any", limit=1, where=Condition("a", Op.NEAR, Near(GeoPoint(0, 0)))),
        ("find",),
        heeded=lambda dialect: dialect.sorts_by_distance,
    ),
    "farther": Emulation(
        "what is near, but not nearer than so far",
        "what is near, and not in a circle",
        Find(class_name="Any", limit=1, where=Condition("a", Op.NEAR, Near(GeoPoint(0, 0), None, 0.1))),
        ("find",),
        heeded=lambda dialect: dialect.heeds_least_distance,
    ),
    "subqueries": Emulation(
        "queries inside queries, whatever they find",
        "what they find is counted first, and refused where it is more than the vendor reads",
        Find(class_name="Any", limit=1, where=Condition("a", Op.IN, Subquery("Any", _A))),
        ("find",),
        heeded=lambda dialect: dialect.subquery_most is None,
    ),
    "like": Emulation(
        "conditions with LIKE",
        "a regular expression",
        Find(class_name="Any", limit=1, where=Condition("a", Op.LIKE, "a%")),
        ("find",),
        by=Find(class_name="Any", limit=1, where=Condition("a", Op.REGEX, Regex("^a.*$", "is"))),
    ),
    "inverses": Emulation(
        "conditions on what an object stands in",
        f"a query for those first, of up to {MOST_OWNERS}",
        Find(class_name="Any", limit=1, where=Inverse("Other", "a", _A)),
        ("find",),
    ),
    "includes": Emulation(
        "members of relations, and several levels, beside what is found",
        "queries of their own",
        Find(class_name="Any", limit=1, include=("a",), members=1),
        ("find",),
    ),
    "excludes": Emulation(
        "fields that are left out",
        "told to the gateway, and left out there",
        Find(class_name="Any", limit=1, exclude=("a",)),
        ("find",),
    ),
    "outputs": Emulation(
        "values that are computed of one object",
        "computed by the gateway",
        Find(class_name="Any", limit=1, outputs=(Output("a", Column("b")),)),
        ("find",),
    ),
    "file_names": Emulation(  # see `remote_files`
        "files under names that nobody can guess",
        "the gateway makes the names",
        SaveFile(path="a", unique=True),
        ("save_file", "read_file"),
        by=SaveFile(path="a"),
    ),
    "bits": Emulation(
        "changes of bits",
        "read and written back: another write may come between",
        Update(changes={"a": BitAnd(1)}, **_KNOWN),
        ("get", "update"),
        by_default=False,
        compared=_COMPARED,
    ),
    "lists": Emulation(
        "changes of lists",
        "read and written back: another write may come between",
        Update(changes={"a": AddUnique((1,))}, **_KNOWN),
        ("get", "update"),
        by_default=False,
        compared=_COMPARED,
    ),
    "pointers": Emulation(  # see `pointers`
        "pointers and relations in a save",
        "relations of tables, in one transaction with the object; only what is there can be related",
        Update(changes={"a": Set(Pointer("Any", "b"))}, **_KNOWN),
        ("find", "relate", "batch"),
    ),
    "relations_apart": Emulation(
        "pointers and relations of new columns, and of users",
        "after the object, of which nothing is left where that fails: others may see it without them",
        Update(changes={"a": Set(Pointer("Any", "b"))}, **_KNOWN),
        ("find", "relate"),
        by_default=False,
    ),
    "transactions": Emulation(
        "all or nothing",
        "of what has its classes and columns already: where one would be made, nothing is done",
        Batch(items=(Create(class_name="Any", changes={}),), atomic=True),
        ("create", "batch"),
        by=Batch(items=(Create(class_name="Any", changes={}),), atomic=True, fixed_schema=True),
    ),
    "references": Emulation(
        "items of a transaction that refer to earlier ones",
        _CHOSEN,
        Batch(
            items=(
                Create(class_name="Any", changes={}),
                Create(class_name="Any", changes={"a": Set(Reference("b", "Any"))}),
            ),
            names=("b", None),
            atomic=True,
        ),
        ("create", "batch"),
        alike=Batch(
            items=(
                Create(class_name="Any", changes={}, returning=Returning.EVERYTHING),
                DeleteMany(class_name="Any", ids=(ResultOf("b"),)),
            ),
            names=("b", None),
            atomic=True,
            fixed_schema=True,
        ),
        by=Batch(items=(Create(class_name="Any", id="a", changes={}),), atomic=True),
    ),
    "bulk_upsert": Emulation(
        "many at once, some of which may be there",
        "looked for, then updated or created in one transaction, which fails where that was no longer so",
        CreateMany(class_name="Any", objects=(NewObject({"a": Set(1)}, "a"),), upsert=True),
        ("find", "create", "update", "batch"),
        by=Batch(items=(Create(class_name="Any", id="a", changes={}),), atomic=True),
    ),
    "counters": Emulation(
        "counters",
        "objects with an id that is made of the name: the server has to take ids from clients",
        AddToCounter(name="a"),
        ("get", "find", "create", "update"),
        of=("get_counter", "add_to_counter", "reset_counter", "list_counters"),
        by=Create(class_name="Any", id="a", changes={"a": Set(1)}),
    ),
    "compare_counter": Emulation(
        "compare_and_set_counter",
        "an update on a condition",
        CompareAndSetCounter(name="a", expected=1, updated=2),
        ("get", "create", "update"),
        of=("compare_and_set_counter",),
        by=Update(changes={"a": Set(1)}, where=_A, **_KNOWN),
        instead="conditions",
    ),
}


def _words(field: str) -> Condition:
    return Condition(field, Op.TEXT, Words(some=(Phrase("a"),)))


PLAIN: Final[Mapping[str, Operation]] = {
    "files at paths of the client's": SaveFile(path="a"),
    "several changes of one field": Update(changes={"a": Several(_TIMES)}, **_KNOWN),
    "searches of one text": Find(class_name="Any", limit=1, where=_words("a")),
    "searches of all texts, with what was found marked": Find(
        class_name="Any", limit=1, count=True, text=_words(ANY_TEXT), highlights=("*",)
    ),
}
"""What else differs, and has no emulation."""


FAMILIES: Final[Mapping[str, str]] = {
    USER: "users as objects",
    ROLE: "roles as objects",
    SESSION: "sessions as objects",
    INSTALLATION: "installations as objects",
    AUDIENCE: "push audiences as objects",
    FILE: "files as objects",
    CONVERSATION: "conversations as objects",
}
"""Classes with rules of their own, and what their rows are called: one may be refused where others are taken."""


ITSELF: Final[Mapping[str, str]] = {
    "server_time": "by the gateway's own clock",
    "app_info": "from the gateway's own configuration",
}
"""What the gateway answers whatever stands behind it."""


OF_THE_GATEWAY: Final[Mapping[str, Ability]] = {
    **dict.fromkeys(
        ("server_info", "health", "find_servers", "find_apps", "get_app"), Ability(Way.NATIVE, "by the gateway itself")
    ),
    **dict.fromkeys(("create_app", "update_app"), Ability(Way.NATIVE, "where server.admin_store is set")),
}
"""What no backend is asked for."""


WHY_NOT: Final[Mapping[str, str]] = {
    "deep_save": "what it takes away from relations is of one moment, which several requests are not",
    "find_groups": "groups are of one moment, which several queries are not",
    "count_in_group": "groups are of one moment, which several queries are not",
    **dict.fromkeys(
        ("new_upload", "put_upload", "end_upload", "begin_parts", "put_part", "end_parts"),
        "where a file will be is told before it is there, which holds in the gateway's own store alone",
    ),
}
"""Why what a dialect has no words for is not done by other means, where that may be asked."""


def allowed_by(dialect: Dialect, allowed: Iterable[str] = (), refused: Iterable[str] = ()) -> frozenset[str]:
    """Which of EMULATIONS are done where they are needed."""
    safe = frozenset(name for name, emulation in EMULATIONS.items() if emulation.by_default)
    if compares(dialect):
        safe |= frozenset(name for name, emulation in EMULATIONS.items() if emulation.compared is not None)
    return safe.union(allowed).difference(refused)


def compares(dialect: Dialect) -> bool:
    """Whether the vendor writes on a condition, in one request: to one object, or to all that match."""
    return says(dialect, EMULATIONS["conditions"].sample) or says(dialect, _ONE_OF_ALL)


_ONE_OF_ALL: Final = UpdateMany(class_name="Any", changes={"a": Set(1)}, where=_A)


def abilities(dialect: Dialect, allowed: Iterable[str] = (), refused: Iterable[str] = ()) -> dict[str, Ability]:
    """What a backend of this dialect can do: every operation by its name in mappings, and what some cannot all of."""
    refused = frozenset(refused)
    does = allowed_by(dialect, allowed, refused)
    found: dict[str, Ability] = {}
    for name in OPERATIONS:
        if name in OF_THE_GATEWAY:
            found[name] = OF_THE_GATEWAY[name]
        elif name in dialect.operations:
            found[name] = Ability(Way.NATIVE)
        else:
            found[name] = Ability(Way.REFUSED, WHY_NOT.get(name, f"{dialect.title} has no words for it"))
    for name, emulation in EMULATIONS.items():
        ability = _ability(dialect, name, emulation, does, refused)
        for row in emulation.of or (emulation.title,):
            native = row in dialect.operations
            found[row] = Ability(Way.NATIVE) if native else ability or found.get(row) or _no_words(dialect)
    for name, told in ITSELF.items():
        found[name] = Ability(Way.EMULATED, told)
    for title, sample in PLAIN.items():
        said = says(dialect, sample) or says(dialect, plain(sample))
        found[title] = Ability(Way.NATIVE) if said else _no_words(dialect)
    for class_name, title in FAMILIES.items():
        said = says(dialect, Find(class_name=class_name, limit=1))
        found[title] = Ability(Way.NATIVE) if said else Ability(Way.REFUSED, f"{dialect.title} has no such class")
    return found


def _ability(
    dialect: Dialect, name: str, emulation: Emulation, does: frozenset[str], refused: frozenset[str]
) -> Ability | None:
    """None where there is nothing that it could be done by."""
    said = says(dialect, emulation.sample) or (emulation.alike is not None and says(dialect, emulation.alike))
    if said and emulation.heeded(dialect):
        return Ability(Way.NATIVE)
    if not dialect.operations.issuperset(emulation.needs):
        return None
    told = emulation.compared if emulation.compared is not None and compares(dialect) else emulation.told
    if name in refused:
        return Ability(Way.REFUSED, "by the configuration")
    if emulation.by is not None and not says(dialect, emulation.by) and emulation.instead not in does:
        return None if emulation.instead is None else Ability(Way.REFUSED, _unless(emulation.instead))
    return Ability(Way.EMULATED, told) if name in does else Ability(Way.REFUSED, _unless(name))


def _unless(name: str) -> str:
    return f"unless `emulate` has {name}: {EMULATIONS[name].told}"


def _no_words(dialect: Dialect) -> Ability:
    return Ability(Way.REFUSED, f"{dialect.title} has no words for it")


def says(dialect: Dialect, sample: Operation) -> bool:
    """Whether the dialect has words for it."""
    try:
        dialect.write_request(sample, Credentials())
    except GatewayError:
        return False
    return True
