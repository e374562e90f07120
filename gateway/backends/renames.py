"""Classes and fields that clients know by other names than the backend has: `Renamed`, around a backend.

A table of names is one to one in both directions, for names that it does not have as well: where the client's `title`
is the backend's `headline`, the client's `headline` is the backend's `title`. So nothing can be reached by two names,
no two things come to have one, and what the backend has is never left out of an answer.

Names of system classes and system fields, keys inside JSON, ids, and what services hold are never touched. A path that
leads through pointers takes each step in the class that the one before leads to, which the columns tell. Where nobody
knows them, and classes differ in what they call that step, the operation is refused rather than guessed at.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, assert_never

from gateway.backends.base import Backend
from gateway.backends.columns import Columns, Detailed, Registry
from gateway.errors import Code, GatewayError
from gateway.model import social
from gateway.model.account import ROLE, SESSION, USER, class_of
from gateway.model.aggregate import Aggregate
from gateway.model.code import JOB_SCHEDULE, JOB_STATUS, RegisteredHook
from gateway.model.conversations import CONVERSATION_OPERATIONS
from gateway.model.exports import ExportData
from gateway.model.files import FILE, FILE_OPERATIONS
from gateway.model.groups import Group, Level, Step
from gateway.model.leaderboard import LEADERBOARD_OPERATIONS
from gateway.model.members import ACCOUNT_OF, LAST_LOG_IN, STATUS, LogInByToken
from gateway.model.messaging import MESSAGING_OPERATIONS, SendTemplate
from gateway.model.operation import (
    Batch,
    Caller,
    Deferred,
    Find,
    FindGroups,
    FindRelated,
    Get,
    NewObject,
    Operation,
    Relate,
    Result,
)
from gateway.model.permission import PermitAll
from gateway.model.push import AUDIENCE, INSTALLATION, PUSH_STATUS
from gateway.model.query import (
    Aggregated,
    And,
    Arithmetic,
    Call,
    Column,
    Comparison,
    Condition,
    Expression,
    Filter,
    Inverse,
    JsonPath,
    Literal,
    Not,
    Or,
    Output,
    RelatedTo,
    Sort,
    Subquery,
)
from gateway.model.schema import (
    ClassPermissions,
    ClassSchema,
    ClassSettings,
    Field,
    IndexOf,
    Kind,
    Protected,
    Rule,
    Type,
)
from gateway.model.services import SERVICE_OPERATIONS
from gateway.model.update import (
    Add,
    AddRelation,
    AddUnique,
    BitAnd,
    BitOr,
    BitXor,
    Change,
    Changes,
    Compute,
    EditJson,
    Increment,
    Remove,
    RemoveRelation,
    Set,
    SetOnInsert,
    Several,
    Unset,
)
from gateway.model.values import HIGHLIGHTS, Fields, Object, Pointer, Reference, Relation, ResultOf, Value

Table = Mapping[str, str]
Types = Mapping[str, Columns]

EVERY_CLASS: Final = "*"
NO_CLASS: Final = ""
"""In the place of a class: what stands there is JSON, or nothing at all, and no name in it is one of ours."""

KEPT: Final[Mapping[str, frozenset[str]]] = {
    USER: frozenset(
        {"username", "password", "email", "emailVerified", "mobilePhoneNumber", "mobilePhoneVerified", "authData"}
        | {"sessionToken", STATUS, LAST_LOG_IN, ACCOUNT_OF, "roles", "userRoles"}
    ),
    ROLE: frozenset({"name", "users", "roles"}),
    SESSION: frozenset({"user", "sessionToken", "createdWith", "restricted", "expiresAt", "installationId"}),
    INSTALLATION: frozenset(
        {"installationId", "deviceToken", "deviceType", "pushType", "channels", "badge", "timeZone", "valid"}
        | {"appIdentifier"}
    ),
    PUSH_STATUS: frozenset(
        {"pushTime", "source", "query", "payload", "status", "title", "numSent", "numFailed", "numGone", "pushHash"}
        | {"sentPerType", "failedPerType", "expiry", "expiration_interval", "devices", "prod", "note"}
    ),
    AUDIENCE: frozenset({"name", "query", "lastUsed", "timesUsed"}),
    FILE: frozenset({"key", "name", "mime_type", "size", "metaData", "tags", "url"}),
    social.FOLLOWEE: frozenset({"user", "followee", "friendStatus"}),
    social.FOLLOWER: frozenset({"user", "follower", "friendStatus"}),
    social.FRIENDSHIP_REQUEST: frozenset({"user", "friend", "status"}),
    social.BLOCKLIST: frozenset({"user", "blockedUser"}),
    social.STATUS: frozenset({"source", "inboxType", "messageId"}),
    JOB_STATUS: frozenset({"jobName", "source", "status", "message", "finishedAt"}),
    JOB_SCHEDULE: frozenset(
        {"jobName", "description", "params", "startAfter", "daysOfWeek", "timeOfDay", "repeatMinutes"}
    ),
}
"""Fields of system classes that the gateway, or what stands behind it, gives a meaning to."""

_NAMED: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,127}", re.ASCII)
_BETWEEN: Final = frozenset({Kind.POINTER, Kind.RELATION})
_PLAIN: Final = frozenset({type(None), bool, int, float, str, bytes})


# --- the tables ---


@dataclass(frozen=True, slots=True)
class Names:
    """Both sides of every name, from one of them. `fields` is by classes of that side; others have `everywhere`."""

    classes: Table
    fields: Mapping[str, Table]
    everywhere: Table
    moved: frozenset[str] = field(init=False)
    """Fields that some class knows by another name."""
    doubtful: frozenset[str] = field(init=False)
    """Those of which it depends on the class."""

    def __post_init__(self) -> None:
        tables = (*self.fields.values(), self.everywhere)
        moved = frozenset(name for table in tables for name in table)
        differ = (
            name for name in moved for table in tables if table.get(name, name) != self.everywhere.get(name, name)
        )
        object.__setattr__(self, "moved", moved)
        object.__setattr__(self, "doubtful", frozenset(differ))

    @classmethod
    def read(cls, classes: Table, fields: Mapping[str, Table]) -> Names:
        """As the configuration has them: the clients' names to the backend's; see `faults` for what it must not say."""
        everywhere = fields.get(EVERY_CLASS, {})
        own = {name: table for name, table in fields.items() if name != EVERY_CLASS}
        tables: dict[str, Table] = {name: one_to_one(_joined(name, everywhere, table)) for name, table in own.items()}
        for name in KEPT.keys() - tables.keys():
            tables[name] = one_to_one(_joined(name, everywhere, {}))
        return cls(one_to_one(classes), tables, one_to_one(everywhere))

    def turned(self) -> Names:
        """The same from the other side."""
        fields = {self.classes.get(name, name): _turned(table) for name, table in self.fields.items()}
        return Names(_turned(self.classes), fields, _turned(self.everywhere))

    def of(self, class_name: str) -> Table:
        return {} if class_name == NO_CLASS else self.fields.get(class_name, self.everywhere)

    def __bool__(self) -> bool:
        return bool(self.classes or self.moved)


def one_to_one(table: Table) -> Table:
    """With a name for what is called as the other end of a rename: what would otherwise have no name any more."""
    back = _turned(table)
    whole = dict(table)
    for name in table.values():
        if name not in table:
            first = name
            while first in back:
                first = back[first]
            whole[name] = first
    return whole


def _turned(table: Table) -> Table:
    return {there: here for here, there in table.items()}


def _joined(class_name: str, everywhere: Table, own: Table) -> Table:
    kept = KEPT.get(class_name, frozenset())
    general = {
        here: there for here, there in everywhere.items() if here not in own and here not in kept and there not in kept
    }
    return {**general, **own}


def faults(classes: Table, fields: Mapping[str, Table], system: Iterable[str] = ()) -> Iterator[str]:
    """What a configuration must not say, each with its key. `system` is what dialects call system fields."""
    for here, there in classes.items():
        for name in (here, there):
            if name[:1] in ("_", "@"):
                yield f"classes.{here}: {name} is a system class, and keeps its name"
            elif not _NAMED.fullmatch(name):
                yield f"classes.{here}: {name!r} is no name of a class"
    yield from (f"classes.{fault}" for fault in _not_one_to_one(classes))
    called = _turned(classes)
    everywhere = fields.get(EVERY_CLASS, {})
    for class_name, table in fields.items():
        if class_name in called and class_name not in classes:
            theirs = called[class_name]
            yield f"fields.{class_name}: is what the backend calls {theirs}; here are the names that clients know"
        elif class_name != EVERY_CLASS and class_name not in KEPT and not _NAMED.fullmatch(class_name):
            yield f"fields.{class_name}: is no name of a class"
        else:
            general = {} if class_name == EVERY_CLASS else everywhere
            kept = KEPT.get(class_name, frozenset()) | frozenset(system)
            yield from (f"fields.{class_name}.{fault}" for fault in _bad_fields(class_name, table, general, kept))


def _bad_fields(class_name: str, table: Table, everywhere: Table, kept: frozenset[str]) -> Iterator[str]:
    taken = _turned(_joined(class_name, everywhere, {}))
    for here, there in table.items():
        for name in (here, there):
            if name[:1] == "@" or name in kept:
                yield f"{here}: {name} is a system field, and keeps its name"
            elif not _NAMED.fullmatch(name):
                yield f"{here}: {name!r} is no name of a field"
        other = taken.get(there, here)
        if other != here and other not in table:
            yield f"{here}: the backend's {there} is {other} already, by fields.{EVERY_CLASS}"
    yield from _not_one_to_one(table)


def _not_one_to_one(table: Table) -> Iterator[str]:
    seen: dict[str, str] = {}
    for here, there in table.items():
        if here == there:
            yield f"{here}: has this name already"
        if (other := seen.setdefault(there, here)) != here:
            yield f"{here}: the backend's {there} is {other} already"


# --- what an operation names ---


@dataclass(frozen=True, slots=True)
class _About:
    """`own` is the class of an operation, `shown` that of the objects it asks for; None where nobody knows it."""

    own: str
    shown: str | None
    outputs: frozenset[str]


@dataclass(slots=True)
class Renaming:
    """From one side to the other, once. `types` are the columns, by the names of the side that it comes from.

    Raises GatewayError(UNSUPPORTED) where a name depends on a class that nobody knows.
    """

    names: Names
    types: Types | None = None
    whole: bool = True
    """Whether what is not among the columns is not there; otherwise nobody knows."""
    missed: set[str] = field(default_factory=set)
    """Classes of which a column was asked for that is not there."""
    touched: dict[str, str] = field(default_factory=dict)
    """New names of what was named, and their old ones."""
    items: dict[str, str | None] = field(default_factory=dict)
    """In a batch: the class of the objects that an item answers."""
    refused: dict[int, GatewayError] = field(default_factory=dict)
    """In a batch that is not atomic: the items that are left out, by their places."""

    # names

    def class_name(self, name: str) -> str:
        return self._noted(name, self.names.classes.get(name, name))

    def field(self, class_name: str | None, name: str) -> str:
        """A field of that class."""
        if name[:1] == "@":
            return name
        if class_name is None:
            if name in self.names.doubtful:
                message = f"which class {name!r} is a field of cannot be told, and it goes by several names"
                raise GatewayError(Code.UNSUPPORTED, message, field=name)
            table = self.names.everywhere
        else:
            table = self.names.of(class_name)
        return self._noted(name, table.get(name, name))

    def _noted(self, old: str, new: str) -> str:
        if new != old:
            self.touched[new] = old
        return new

    def head(self, class_name: str | None, path: str) -> str:
        """A path that stays inside one object."""
        name, dot, rest = path.partition(".")
        return self.field(class_name, name) + dot + rest

    def path(self, class_name: str | None, path: str) -> str:
        """A path that may lead through pointers and relations."""
        name, dot, rest = path.partition(".")
        if not dot or self.names.moved.isdisjoint(rest.split(".")):
            return self.head(class_name, path)
        return f"{self.field(class_name, name)}.{self.path(self.behind(class_name, name), rest)}"

    def behind(self, class_name: str | None, name: str) -> str | None:
        """The class of what stands in a field; None where nobody knows, and in lists, which may hold anything."""
        known = self._type(class_name, name)
        if known is None or known.kind is Kind.ARRAY:
            return None
        return known.target if known.kind in _BETWEEN else NO_CLASS

    def _type(self, class_name: str | None, name: str) -> Type | None:
        """None where nobody knows it; what is not there holds nothing."""
        if class_name is None or (self.types is None and class_name != NO_CLASS and name[:1] != "@"):
            return None
        found = (self.types or {}).get(class_name, {}).get(name)
        if found is None and class_name != NO_CLASS and name[:1] != "@":
            self.missed.add(class_name)
            if not self.whole:
                return None
        return found or Type(Kind.OBJECT)

    # values

    def value(self, value: Value) -> Value:
        if type(value) in _PLAIN:
            return value
        match value:
            case Pointer(class_name, known):
                return Pointer(self.class_name(class_name), known)
            case Relation(class_name):
                return Relation(self.class_name(class_name))
            case Reference(item, class_name):
                return Reference(item, self.class_name(class_name))
            case ResultOf(item, index, str() as name):
                return ResultOf(item, index, self.field(self.items.get(item), name))
            case Object(class_name, fields):
                return Object(self.class_name(class_name), self.fields(class_name, fields))
            case Subquery(class_name, where, key, limit, skip, order):
                return Subquery(
                    self.class_name(class_name),
                    self.where(class_name, where),
                    None if key is None else self.path(class_name, key),
                    limit,
                    skip,
                    tuple(self.sort(class_name, sort) for sort in order),
                )
            case list():
                return [self.value(part) for part in value]
            case dict() if type(value) is dict:
                return {name: self.value(part) for name, part in value.items()}
        return value

    def values(self, values: tuple[Value, ...]) -> tuple[Value, ...]:
        return tuple(map(self.value, values))

    def fields(self, class_name: str | None, fields: Fields) -> Fields:
        """An object of that class."""
        return {self.field(class_name, name): self.value(value) for name, value in fields.items()}

    def tree(self, class_name: str | None, tree: Fields) -> Fields:
        """An object, with bare ones in the places of pointers and relations."""
        return {self.field(class_name, name): self._branch(class_name, name, value) for name, value in tree.items()}

    def _branch(self, class_name: str | None, name: str, value: Value) -> Value:
        if isinstance(value, Object):
            return Object(self.class_name(value.class_name), self.tree(value.class_name, value.fields))
        if isinstance(value, list):
            return [self._branch(class_name, name, part) for part in value]
        if type(value) is not dict:
            return self.value(value)
        known = self._type(class_name, name)
        if known is not None and known.kind not in _BETWEEN:
            return self.value(value)
        return self.tree(known.target if known is not None else None, value)

    # changes

    def changes(self, class_name: str, changes: Changes) -> Changes:
        return {self.head(class_name, name): self.change(class_name, change) for name, change in changes.items()}

    def change(self, class_name: str, change: Change) -> Change:
        match change:
            case Set(value):
                return Set(self.value(value))
            case SetOnInsert(value):
                return SetOnInsert(self.value(value))
            case Add(values):
                return Add(self.values(values))
            case AddUnique(values):
                return AddUnique(self.values(values))
            case Remove(values):
                return Remove(self.values(values))
            case AddRelation(members):
                return AddRelation(self.values(members))
            case RemoveRelation(members):
                return RemoveRelation(self.values(members))
            case Compute(expression):
                return Compute(self.expression(class_name, expression))
            case EditJson(edit, paths):
                return EditJson(edit, tuple((path, self.value(value)) for path, value in paths))
            case Several(changes):
                return Several(tuple(self.change(class_name, part) for part in changes))
            case Unset() | Increment() | BitAnd() | BitOr() | BitXor():
                return change
            case _:
                assert_never(change)

    # queries

    def where(self, class_name: str | None, where: Filter | None) -> Filter | None:
        return None if where is None else self.filter(class_name, where)

    def filter(self, class_name: str | None, where: Filter, outputs: frozenset[str] = frozenset()) -> Filter:
        """With `outputs` it is asked of rows, which have values of these names besides fields."""
        match where:
            case Condition(name, op, value):
                return Condition(self._of_row(class_name, name, outputs), op, self.value(value))
            case And(parts):
                return And(tuple(self.filter(class_name, part, outputs) for part in parts))
            case Or(parts):
                return Or(tuple(self.filter(class_name, part, outputs) for part in parts))
            case Not(part):
                return Not(self.filter(class_name, part, outputs))
            case RelatedTo(Pointer(owners, known), name):
                return RelatedTo(Pointer(self.class_name(owners), known), self.field(owners, name))
            case Inverse(owners, name, inner):
                return Inverse(self.class_name(owners), self.field(owners, name), self.where(owners, inner))
            case Comparison(left, op, right):
                return Comparison(
                    self.expression(class_name, left, outputs), op, self.expression(class_name, right, outputs)
                )
            case _:
                assert_never(where)

    def _of_row(self, class_name: str | None, name: str, outputs: frozenset[str]) -> str:
        return self.head(class_name, name) if name in outputs else self.path(class_name, name)

    def expression(
        self, class_name: str | None, expression: Expression, outputs: frozenset[str] = frozenset()
    ) -> Expression:
        match expression:
            case Column(path):
                return Column(self._of_row(class_name, path, outputs))
            case JsonPath(path, steps):
                return JsonPath(self.path(class_name, path), steps)
            case Literal(value):
                return Literal(self.value(value))
            case Arithmetic(operator, left, right):
                return Arithmetic(
                    operator, self.expression(class_name, left, outputs), self.expression(class_name, right, outputs)
                )
            case Call(function, arguments):
                return Call(function, tuple(self.expression(class_name, part, outputs) for part in arguments))
            case Aggregated(aggregate, of):
                return Aggregated(aggregate, self.expression(class_name, of))
            case _:
                assert_never(expression)

    def sort(self, class_name: str | None, sort: Sort, outputs: frozenset[str] = frozenset()) -> Sort:
        if sort.value is not None:
            value = self.expression(class_name, sort.value)
            return Sort(self.head(class_name, sort.field), sort.descending, value)
        return Sort(self._of_row(class_name, sort.field, outputs), sort.descending, None, sort.missing_last)

    def output(self, class_name: str | None, output: Output) -> Output:
        # as a field, so that it is never called as one: a row has both
        return Output(self.head(class_name, output.name), self.expression(class_name, output.value))

    def step(self, class_name: str | None, step: Step) -> Step:
        return Step(self.path(class_name, step.field), self.value(step.value))

    # classes

    def type(self, known: Type) -> Type:
        return known if known.target is None else Type(known.kind, self.class_name(known.target))

    def columns(self, class_name: str, columns: Columns) -> Columns:
        return {self.field(class_name, name): self.type(known) for name, known in columns.items()}

    def definitions(self, class_name: str, fields: Mapping[str, Field | None]) -> dict[str, Field | None]:
        return {
            self.field(class_name, name): None
            if known is None
            else replace(known, type=self.type(known.type), default=self.value(known.default))
            for name, known in fields.items()
        }

    def index(self, class_name: str, index: IndexOf) -> IndexOf:
        return replace(index, fields=tuple((self.field(class_name, name), down) for name, down in index.fields))

    def schema(self, schema: ClassSchema) -> ClassSchema:
        name = schema.class_name
        defined = self.definitions(name, schema.fields)
        return ClassSchema(
            self.class_name(name),
            {field: known for field, known in defined.items() if known is not None},
            None if schema.permissions is None else self.permissions(name, schema.permissions),
            {index: self.index(name, known) for index, known in schema.indexes.items()},
        )

    def permissions(self, class_name: str, permissions: ClassPermissions) -> ClassPermissions:
        return replace(
            permissions,
            rules={action: self._rule(class_name, rule) for action, rule in permissions.rules.items()},
            read_fields=self._each(class_name, permissions.read_fields),
            write_fields=self._each(class_name, permissions.write_fields),
            protected=self._protected(class_name, permissions.protected),
        )

    def settings(self, class_name: str, settings: ClassSettings) -> ClassSettings:
        protected = settings.protected
        return replace(
            settings,
            rules={action: self._rule(class_name, rule) for action, rule in settings.rules.items()},
            protected=None if protected is None else self._protected(class_name, protected),
            read_only=frozenset(self._each(class_name, tuple(settings.read_only))),
        )

    def _rule(self, class_name: str, rule: Rule) -> Rule:
        return replace(rule, fields=self._each(class_name, rule.fields))

    def _protected(self, class_name: str, protected: Protected) -> Protected:
        def each(names: tuple[str, ...]) -> tuple[str, ...]:
            return self._each(class_name, names)

        return Protected(
            None if protected.everybody is None else each(protected.everybody),
            None if protected.authenticated is None else each(protected.authenticated),
            {who: each(names) for who, names in protected.users.items()},
            {who: each(names) for who, names in protected.roles.items()},
            {self.field(class_name, who): each(names) for who, names in protected.fields.items()},
        )

    def _each(self, class_name: str, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(self.field(class_name, name) for name in names)

    # operations

    def operation(self, op: Operation) -> Operation:
        if isinstance(op, Batch):
            return self._batch(op)
        if isinstance(op, Deferred):
            fields = {name: self.value(result) for name, result in op.fields.items()}
            return replace(op, item=self.operation(op.item), fields=fields)
        outputs = frozenset(output.name for output in getattr(op, "outputs", ()))
        about = _About(class_of(op), self.shown(op), outputs)
        changed = {
            name: rule(self, about, value)
            for name, rule in rules_of(type(op))
            if (value := getattr(op, name)) is not None
        }
        return replace(op, **changed) if changed else op

    def _batch(self, op: Batch) -> Batch:
        items: list[Operation] = []
        names: list[str | None] = []
        for at, item in enumerate(op.items):
            name = op.names[at] if op.names else None
            try:
                renamed = self.operation(item)
            except GatewayError as error:
                if op.atomic:
                    raise error.at(at) from error
                self.refused[at] = error
                continue
            items.append(renamed)
            names.append(name)
            if name is not None:
                self.items[name] = self.shown(item)
        return replace(op, items=tuple(items), names=tuple(names) if op.names else ())

    def shown(self, op: Operation) -> str | None:
        """The class of the objects that it asks for."""
        match op:
            case Deferred():
                return self.shown(op.item)
            case Relate(target=str() as target):
                return target
            case FindRelated() | Relate():
                return self.behind(op.class_name, op.field)
            case Find(redirect_key=str() as key):
                return self.behind(op.class_name, key)
        return class_of(op)

    # answers

    def answer(self, asked: Operation, told: Operation, result: Result, there: Renaming) -> Result:
        """What was answered to `told`, which `there` had made of what was asked."""
        if isinstance(asked, Batch) and isinstance(told, Batch):
            answers = result.items or []
            for at, (own, item, answer) in enumerate(zip(asked.items, told.items, answers, strict=True)):
                if isinstance(answer, Result):
                    answers[at] = self.answer(own, item, answer, there)
                else:
                    answers[at] = self.error(item, answer, there.touched)
            return result
        shown = result.class_name
        if shown is None and (asked_for := there.shown(asked)):
            shown = there.class_name(asked_for)
        elif shown is None and not class_of(asked):
            shown = USER  # log-ins and their like answer objects, and name no class
        rows = _rows(asked, told)
        if result.object is not None:
            result.object = self._row(shown, result.object, rows)
        same: dict[int, Fields] = {}
        if result.objects is not None:
            objects = result.objects
            result.objects = [self._row(shown, fields, rows) for fields in objects]
            same = {id(old): new for old, new in zip(objects, result.objects, strict=True)}
        if result.others is not None:
            result.others = [self._row(shown, fields, rows) for fields in result.others]
        if result.groups is not None:
            result.groups = self._level(shown, result.groups, rows, same)
        if result.params is not None:
            result.params = self.value(result.params)
        if result.class_name is not None:
            result.class_name = self.class_name(result.class_name)
        self._of_the_owner(result)
        return result

    def _of_the_owner(self, result: Result) -> None:
        """What tells of classes as such: their columns, and the triggers that they have."""
        if result.hook is not None:
            result.hook = self.hook(result.hook)
        if result.hooks is not None:
            result.hooks = list(map(self.hook, result.hooks))
        if result.schema is not None:
            result.schema = self.schema(result.schema)
        if result.schemas is not None:
            result.schemas = [self.schema(schema) for schema in result.schemas]

    def hook(self, hook: RegisteredHook) -> RegisteredHook:
        return replace(hook, class_name=self.class_name(hook.class_name))

    def _row(self, class_name: str | None, fields: Fields, rows: Table) -> Fields:
        row = {
            rows[name] if name in rows else self.field(class_name, name): self.value(value)
            for name, value in fields.items()
        }
        if type(found := row.get(HIGHLIGHTS)) is dict:
            row[HIGHLIGHTS] = {self.field(class_name, name): texts for name, texts in found.items()}
        return row

    def _level(self, class_name: str | None, level: Level, rows: Table, same: Mapping[int, Fields]) -> Level:
        """`same` are the objects that stand in the answer already."""
        items: list[Any] = []
        for item in level.items:
            if isinstance(item, Group):
                name = rows[item.field] if item.field in rows else self.path(class_name, item.field)
                inner = self._level(class_name, item.level, rows, same)
                items.append(Group(name, self.value(item.value), inner))
            else:
                items.append(same[id(item)] if id(item) in same else self._row(class_name, item, rows))
        return Level(items, level.more)

    def error(self, told: Operation, error: GatewayError, words: Table) -> GatewayError:
        """The same error, with the names of this side in its details and, in their places, in its message."""
        if isinstance(told, Batch):
            at = error.details.get("item", "")
            told = told.items[int(at)] if at.isdecimal() and int(at) < len(told.items) else told
        if isinstance(told, Deferred):
            told = told.item
        class_name = error.details.get("class_name", class_of(told))
        details, found = dict(error.details), dict(words)
        for detail, value in error.details.items():
            match detail if type(value) is str else None:  # a name that is none may be anything
                case "class_name" | "expected" | "found":
                    for name in _NAME.findall(value):
                        if name in self.names.classes and (detail == "class_name" or f"<{name}>" in value):
                            found[name] = self.class_name(name)
                    details[detail] = _reworded(
                        value, {name: found[name] for name in found if name in self.names.classes}
                    )
                case "field" | "name":
                    head = value.partition(".")[0]
                    if class_name and head not in found:
                        found[head] = self.field(class_name, head)
                    details[detail] = _reworded(value, found)
        if error.code is Code.TYPE_MISMATCH:  # a server of others tells types in its message alone
            types = (name for name in _IN_TYPE.findall(error.message) if name in self.names.classes)
            found |= {name: self.class_name(name) for name in types}
        return GatewayError(error.code, _reworded(error.message, found), said_by=error.said_by, **details)


_NAME: Final = re.compile(r"\w+", re.ASCII)
_IN_TYPE: Final = re.compile(r"(?<=<)\w+(?=>)", re.ASCII)
"""`Pointer<Post>`: of which class."""


def _reworded(text: str, words: Table) -> str:
    return _NAME.sub(lambda found: words.get(found[0], found[0]), text) if words else text


def _rows(asked: Operation, told: Operation) -> Table:
    """What a row calls its values there, and what was asked for."""
    if not isinstance(asked, Find | FindGroups | FindRelated | Get) or not isinstance(told, type(asked)):
        return {}
    groups: tuple[str, ...] = getattr(asked, "group_by", ())
    if not (asked.outputs or groups or getattr(asked, "distinct", False)):
        return {}
    return {
        **dict(zip(getattr(told, "group_by", ()), groups, strict=True)),
        **dict(zip(told.select or (), asked.select or (), strict=True)),
        **{there.name: here.name for there, here in zip(told.outputs, asked.outputs, strict=True)},
    }


# --- what each part of an operation is ---

_Rule = Callable[[Renaming, _About, Any], Any]


def _paths(to: Renaming, about: _About, paths: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(to.path(about.shown, path) for path in paths)


def _selected(to: Renaming, about: _About, paths: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(to.head(about.shown, path) if path in about.outputs else to.path(about.shown, path) for path in paths)


def _order(to: Renaming, about: _About, order: tuple[Sort, ...]) -> tuple[Sort, ...]:
    return tuple(to.sort(about.shown, sort, about.outputs) for sort in order)


def _new_objects(to: Renaming, about: _About, objects: tuple[NewObject, ...]) -> tuple[NewObject, ...]:
    return tuple(NewObject(to.changes(about.own, each.changes), each.id) for each in objects)


def _ids(to: Renaming, _about: _About, ids: Any) -> Any:
    """Texts, or what earlier items of a batch answer."""
    return to.values(ids) if isinstance(ids, tuple) else to.value(ids)


RULES: Final[Mapping[str, _Rule]] = {
    "class_name": lambda to, about, name: to.class_name(name),
    "target": lambda to, about, name: to.class_name(name),
    "changes": lambda to, about, changes: to.changes(about.own, changes),
    "objects": _new_objects,
    "recipients": lambda to, about, query: to.value(query),
    "tree": lambda to, about, tree: to.tree(about.own, tree),
    "ids": _ids,
    "where": lambda to, about, where: to.filter(about.shown, where),
    "text": lambda to, about, where: to.filter(about.shown, where),
    "text_fields": _paths,
    "highlights": _paths,
    "having": lambda to, about, where: to.filter(about.shown, where, about.outputs),
    "order": _order,
    "key": lambda to, about, sort: to.sort(about.shown, sort),
    "select": _selected,
    "exclude": _selected,
    "include": _paths,
    "group_by": _paths,
    "path": lambda to, about, path: tuple(to.step(about.shown, step) for step in path),
    "outputs": lambda to, about, outputs: tuple(to.output(about.shown, output) for output in outputs),
    "field": lambda to, about, name: to.field(about.own, name),
    "redirect_key": lambda to, about, name: to.field(about.own, name),
    "permissions": lambda to, about, permissions: to.permissions(about.own, permissions),
    "indexes": lambda to, about, indexes: {
        name: None if index is None else to.index(about.own, index) for name, index in indexes.items()
    },
    "fields": lambda to, about, fields: to.definitions(about.own, fields),
    "params": lambda to, about, params: {name: to.change(NO_CLASS, change) for name, change in params.items()},
}
"""What is a name, or has names in it, by what operations call it."""

OF_ONE: Final[Mapping[tuple[type[Operation], str], _Rule | None]] = {
    (LogInByToken, "fields"): lambda to, about, fields: {
        told: to.field(about.own, column) if type(column) is str else column for told, column in fields.items()
    },
    (ExportData, "classes"): lambda to, _about, classes: tuple(map(to.class_name, classes)),
    **{(kind, part.name): None for kind in CONVERSATION_OPERATIONS.values() for part in dataclasses.fields(kind)},
    (PermitAll, "permissions"): None,  # of users and roles
    # carried out around what is renamed, by the clients' names: `backends.aggregates`
    (Aggregate, "stages"): None,
    (Aggregate, "distinct"): None,
    **{(kind, part.name): None for kind in MESSAGING_OPERATIONS.values() for part in dataclasses.fields(kind)},
    (SendTemplate, "criteria"): lambda to, about, where: to.filter(USER, where),
    # their members are looked up from outside, by the clients' names: `backends.leaderboards`
    **{(kind, part.name): None for kind in LEADERBOARD_OPERATIONS.values() for part in dataclasses.fields(kind)},
    **{(kind, "key"): None for kind in SERVICE_OPERATIONS.values()},
    **{(kind, part.name): None for kind in FILE_OPERATIONS.values() for part in dataclasses.fields(kind)},
}
"""The same name for something else."""

# fmt: off
UNTOUCHED: Final = frozenset({
    "accept", "acl", "action", "append", "arguments", "arrived", "assigned", "at", "atomic", "audience_id",
    "before", "blocked", "both", "by", "called", "categories", "channels", "client_push", "code", "content", "copy",
    "count", "creates_classes", "cursor", "data", "depth", "dimensions", "direction", "directories", "directory",
    "distinct", "east", "email", "empty_ok", "entries", "exact", "expected", "expires", "expires_at", "expires_in",
    "fixed_schema", "form", "friend", "friends", "granted", "group_limit", "guest", "height", "how", "id",
    "identity", "ignore_hooks", "inbox_type", "item", "items", "keep_name", "latitude", "level", "levels", "like",
    "limit", "longest", "longitude", "master_only", "max_id", "medium", "members", "message_id", "metadata",
    "method", "mime_type", "missing_ok", "must_exist", "name", "named_by_email", "names", "new_password", "north",
    "nulls", "object_limit", "old_password", "one_name", "only_columns", "opens_session", "other", "overwrite",
    "owner", "password", "pattern", "phone", "platforms", "prefix", "production", "provider", "purpose",
    "push_time", "radius", "realtime", "recursive", "request_id", "returning", "revocable_sessions", "revokes_sessions",
    "right", "role", "scheduled", "seconds", "secret", "service", "session", "share_session", "signature", "since",
    "since_id", "single", "size", "skip", "sms_code", "source", "south", "status", "tags", "template", "threshold",
    "times", "to_all", "token", "triggers", "ttl", "ttl_minutes", "unique", "units", "until", "untyped", "updated",
    "upsert", "url", "user", "user_id", "username", "validate_token", "value", "variables", "west", "where_json",
    "width", "with_acl", "with_metadata", "with_objects", "with_roles", "with_status", "without_token",
})
# fmt: on
"""What has no name of a class or a field in it."""

ANSWERED: Final = frozenset(
    {"object", "objects", "others", "groups", "class_name", "params", "schema", "schemas", "items", "hook", "hooks"}
)
"""The parts of a result that have: `Renaming.answer`."""


_known_rules: dict[type[Operation], tuple[tuple[str, _Rule], ...]] = {}


def rules_of(kind: type[Operation]) -> tuple[tuple[str, _Rule], ...]:
    """The parts of an operation that are renamed.

    Raises GatewayError(UNSUPPORTED) for a part that has no rule: rather that than a name that slips through.
    """
    if kind not in _known_rules:
        found: list[tuple[str, _Rule]] = []
        for part in dataclasses.fields(kind):
            rule = OF_ONE.get((kind, part.name), RULES.get(part.name))
            if rule is not None:
                found.append((part.name, rule))
            elif (kind, part.name) not in OF_ONE and part.name not in UNTOUCHED:
                raise GatewayError(Code.UNSUPPORTED, f"{kind.__name__} is not to be had where names are changed")
        _known_rules[kind] = tuple(found)
    return _known_rules[kind]


# --- around a backend ---


class Renamed:
    """A backend as clients know it: they name its classes and fields by the names of `names`, and see no others."""

    def __init__(self, backend: Backend, names: Names, registry: Registry | None = None, *, whole: bool = True) -> None:
        """`registry` has the columns by the backend's own names, all of them if it is `whole`.

        Without it nobody knows where a pointer leads.
        """
        self._whole = whole
        self._backend = backend
        self._names = names
        self._back = names.turned()
        self._here = None if registry is None else RenamedRegistry(registry, self._back)

    async def identify(self, caller: Caller) -> Caller:
        return await self._backend.identify(caller)

    async def close(self) -> None:
        await self._backend.close()

    async def execute(self, op: Operation, caller: Caller) -> Result:
        to, told = await self._told(op)
        if to.refused:
            assert isinstance(op, Batch), "nothing else is done in part"
            return await self._some_of(op, to.refused, caller)
        back = Renaming(self._back)
        try:
            result = await self._backend.execute(told, caller)
        except GatewayError as error:
            raise back.error(told, error, to.touched) from error
        return back.answer(op, told, result, to)

    async def _some_of(self, op: Batch, refused: Mapping[int, GatewayError], caller: Caller) -> Result:
        """Every item is answered, in its own place."""
        kept = [at for at in range(len(op.items)) if at not in refused]
        names = tuple(op.names[at] for at in kept) if op.names else ()
        rest = replace(op, items=tuple(op.items[at] for at in kept), names=names)
        done = (await self.execute(rest, caller)).items if kept else []
        answers = iter(done or [])
        return Result(items=[refused[at] if at in refused else next(answers) for at in range(len(op.items))])

    async def _told(self, op: Operation) -> tuple[Renaming, Operation]:
        """The operation by the backend's names. What is not there may have been made meanwhile, and is looked up."""
        looked_up: set[str] = set()
        types = None if self._here is None else self._here.known() or {}
        while True:
            to = Renaming(self._names, types, self._whole)
            try:
                told = to.operation(op)
            except GatewayError:
                if to.missed <= looked_up:
                    raise
            else:
                if to.missed <= looked_up:
                    return to, told
            assert self._here is not None, "without a registry nothing is missed"
            looked_up |= to.missed  # each class once: some tell of one at a time, and a path leads through several
            types = await self._here.learned(looked_up)


class RenamedRegistry:
    """The columns of a backend, by the names that clients know. `back` is from the backend's to theirs."""

    def __init__(self, registry: Registry, back: Names) -> None:
        self._registry = registry
        self._back = back
        self._last: tuple[Types, Types] = ({}, {})

    def known(self) -> Types | None:
        known = self._registry.known()
        return None if known is None else self._renamed(known)

    async def learned(self, class_names: Iterable[str] = ()) -> Types:
        to = Renaming(self._back.turned())
        return self._renamed(await self._registry.learned([to.class_name(name) for name in class_names]))

    def outdated(self) -> None:
        self._registry.outdated()

    def details(self, class_name: str) -> Mapping[str, Field]:
        if not isinstance(self._registry, Detailed):
            return {}
        theirs = Renaming(self._back.turned()).class_name(class_name)
        fields = Renaming(self._back).definitions(theirs, self._registry.details(theirs))
        return {name: known for name, known in fields.items() if known is not None}

    def _renamed(self, types: Types) -> Types:
        if types is not self._last[0]:
            back = Renaming(self._back)
            classes = {back.class_name(name): back.columns(name, columns) for name, columns in types.items()}
            self._last = (types, classes)
        return self._last[1]
