"""What untyped operations mean, by the columns of their classes: `Typed`, around a backend.

On some wires a value does not tell of which kind it is. Here a number becomes the date that its column holds, a text
the geometry or the file, and a dotted path that leads through a pointer or a relation a query of its own: what one And
asks over one relation it asks of the same object, as one join has it. Columns and classes that are not there are
refused, before any rule for users and fields looks at the operation; a write may make them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol, TypeVar, runtime_checkable
from urllib.parse import unquote

from gateway.backends.base import Backend
from gateway.dialects.addresses import own
from gateway.dialects.date_texts import read_date_text
from gateway.dialects.geometry import read_wkt, write_geojson
from gateway.errors import Code, GatewayError
from gateway.model.account import USER, SignUp, class_of
from gateway.model.definition import Describe, GetSchema
from gateway.model.groups import Level, Step
from gateway.model.operation import (
    Batch,
    Caller,
    CountInGroup,
    Create,
    CreateMany,
    DeepSave,
    Deferred,
    Delete,
    DeleteMany,
    Find,
    FindGroups,
    FindRelated,
    Get,
    NewObject,
    Operation,
    Relate,
    Result,
    Update,
    UpdateMany,
    Upsert,
)
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
    Literal,
    Not,
    Op,
    Or,
    Sort,
    Subquery,
    columns_of,
)
from gateway.model.schema import ClassSchema, Field, Kind, Type
from gateway.model.update import Change, Changes, Compute, EditJson, Set
from gateway.model.values import (
    CREATED_AT,
    ID,
    OWNER,
    UPDATED_AT,
    Date,
    Fields,
    File,
    GeoPoint,
    Inline,
    LineString,
    Object,
    Pointer,
    Polygon,
    Relation,
    ResultOf,
)

Columns = Mapping[str, Type]
Shown = TypeVar("Shown", bound=Find | FindGroups | Get | FindRelated)

SYSTEM: Final[Columns] = {
    ID: Type(Kind.STRING),
    CREATED_AT: Type(Kind.DATE),
    UPDATED_AT: Type(Kind.DATE),
    OWNER: Type(Kind.STRING),
}
ALWAYS_THERE: Final[Mapping[str, Columns]] = {USER: {name: Type(Kind.STRING) for name in ("username", "email")}}
"""Classes that are there before they have an object, with the columns that they have then."""
NOT_COLUMNS: Final[Mapping[str, frozenset[str]]] = {USER: frozenset({"password", "authData"})}
"""What a write may name, and no query."""
MOST_STEPS: Final = 20
"""Of a path: each is a query inside another, or a level of JSON."""
BETWEEN: Final = frozenset({Kind.POINTER, Kind.RELATION})
GEOMETRIES: Final = frozenset({Kind.GEO_POINT, Kind.LINE_STRING, Kind.POLYGON, Kind.GEOMETRY})


class Registry(Protocol):
    """Which columns the classes of a backend have, by class and by name."""

    def known(self) -> Mapping[str, Columns] | None:
        """What is known at the moment, without asking anybody. It may be old; None where it is too old."""

    async def learned(self, class_names: Iterable[str] = ()) -> Mapping[str, Columns]:
        """What is so now, of these classes at least. Raises GatewayError."""

    def outdated(self) -> None:
        """A write has made a column."""


@runtime_checkable
class Detailed(Protocol):
    """A registry that was told more of columns than their types."""

    def details(self, class_name: str) -> Mapping[str, Field]:
        """As it was told last: which must have a value, and what they have by default."""


class Typed:
    """A backend that is asked typed operations only. With `dynamic` a write makes the columns that are missing.

    Without it, what has no column is left out of a write: the vendor that has this setting does so (Backendless e2e
    suite, "dynamic schema"). A backend that is `remote` describes a class to the gateway alone, as not every vendor
    tells clients, and what its answers leave out where there is no value (`nulls`) is put there.
    """

    def __init__(self, backend: Backend, registry: Registry, *, dynamic: bool = True, remote: bool = False) -> None:
        self._backend = backend
        self._registry = registry
        self._dynamic = dynamic
        self._remote = remote

    async def identify(self, caller: Caller) -> Caller:
        return await self._backend.identify(caller)

    async def close(self) -> None:
        await self._backend.close()

    async def execute(self, op: Operation, caller: Caller) -> Result:
        if isinstance(op, Describe):
            return await self._described(op, caller)
        if not op.untyped:
            return await self._backend.execute(op, caller)
        typed, schema = await self._typed(op)
        try:
            result = await self._backend.execute(typed, caller)
        except GatewayError as error:
            asks = isinstance(op, Find | FindGroups | CountInGroup) and op.class_name in ALWAYS_THERE
            if error.code is not Code.CLASS_NOT_FOUND or not asks:
                raise
            counts = isinstance(op, CountInGroup) or (isinstance(op, Find) and op.count)
            result = Result(objects=[], total=0 if counts else None)
            if isinstance(op, FindGroups):
                result.groups = Level([])
        finally:
            if schema.missed:
                self._registry.outdated()
        _tell(typed, result, schema)
        if self._remote:
            _fill_nulls(typed, result, schema.classes)
        return result

    async def _described(self, op: Describe, caller: Caller) -> Result:
        class_name = op.class_name
        try:
            if self._remote:
                found = Result(schema=await self._schema_of(class_name))
            else:
                found = await self._backend.execute(GetSchema(class_name=class_name), caller)
        except GatewayError as error:
            if error.code is not Code.CLASS_NOT_FOUND or class_name not in ALWAYS_THERE:
                raise
            found = Result(schema=ClassSchema(class_name))
        assert found.schema is not None
        always = {name: Field(known) for name, known in ALWAYS_THERE.get(class_name, {}).items()}
        return Result(schema=ClassSchema(class_name, {**always, **found.schema.fields}))

    async def _schema_of(self, class_name: str) -> ClassSchema:
        columns = (await self._registry.learned((class_name,))).get(class_name)
        if columns is None:
            raise GatewayError(Code.CLASS_NOT_FOUND, f"there is no class {class_name}", class_name=class_name)
        details = self._registry.details(class_name) if isinstance(self._registry, Detailed) else {}
        fields = {name: replace(details.get(name, Field(known)), type=known) for name, known in columns.items()}
        return ClassSchema(class_name, fields)

    async def _typed(self, op: Operation) -> tuple[Operation, Schema]:
        """What is unknown may have been made by somebody else meanwhile: then it is looked up once more.

        Where a registry learns of one class at a time, a path leads from what it knows to what it does not.
        """
        known = self._registry.known()
        schema = Schema(known or {}, dynamic=self._dynamic)
        schema.need(op)
        try:
            typed = schema.operation(op)
            if not schema.missed and (known is not None if not self._remote else not schema.lacking):
                return typed, schema
        except GatewayError:
            pass
        asked = set(schema.lacking)
        while True:
            schema = Schema(await self._registry.learned(asked), dynamic=self._dynamic)
            try:
                typed = schema.operation(op)
            except GatewayError:
                if schema.lacking <= asked:
                    raise
            else:
                if schema.lacking <= asked:
                    return typed, schema
            asked |= schema.lacking


@dataclass(slots=True)
class Schema:
    """The columns at one moment. `missed` is whether something was asked for that is not there."""

    classes: Mapping[str, Columns]
    dynamic: bool = True
    fixed: bool = False
    """Nothing is made, and nothing left out either: what is not there is an error."""
    missed: bool = False
    lacking: set[str] = dataclasses.field(default_factory=set)
    """The classes of which that was, and those that are not there."""

    # --- operations ---

    def need(self, op: Operation) -> None:
        """What is shown with every column has to be known."""
        if getattr(op, "nulls", False) and class_of(op) not in self.classes:
            self.lacking.add(class_of(op))

    def operation(self, op: Operation) -> Operation:
        """The operation with its values by their columns. Raises GatewayError."""
        op = self._on_its_path(op)
        match op:
            case Batch():
                return self._batch(op)
            case Deferred():
                return replace(op, item=self.operation(op.item))
            case Create() | Upsert():
                return replace(op, changes=self.changes(op.class_name, op.changes, self._made(op.class_name)))
            case SignUp():
                return replace(op, changes=self.changes(USER, op.changes, self._made(USER)))
            case CreateMany():
                columns = self._made(op.class_name)
                made = tuple(NewObject(self.changes(op.class_name, one.changes, columns), one.id) for one in op.objects)
                return replace(op, objects=made)
            case Update() | UpdateMany():
                columns = self.columns(op.class_name)
                return replace(
                    op,
                    changes=self.changes(op.class_name, op.changes, columns),
                    where=self.where(op.class_name, op.where),
                )
            case Delete() | DeleteMany() | CountInGroup():
                self.columns(op.class_name)
                return replace(op, where=self.where(op.class_name, op.where))
            case Find() | FindGroups():
                return self._find(op)
            case Get():
                self._check_shown(op.class_name, op)
                return self._without_members(op.class_name, self._with_outputs(op.class_name, op))
            case FindRelated():
                target = self.target(op.class_name, op.field)
                self._check_shown(target, op)
                self._check_order(target, op.order, [output.name for output in op.outputs])
                typed = replace(op, where=self.where(target, op.where))
                return self._without_members(target, self._with_outputs(target, typed))
            case Relate():
                return self._relate(op)
            case DeepSave():
                return replace(op, tree=self._tree(op.class_name, op.tree))
            case Describe():
                self.columns(op.class_name)
        return op

    def _batch(self, op: Batch) -> Batch:
        self.fixed = op.fixed_schema
        items = []
        for at, item in enumerate(op.items):
            try:
                items.append(self.operation(item))
            except GatewayError as error:
                error.details = {**error.details, "item": str(at)}
                raise
        return replace(op, items=tuple(items))

    def _on_its_path(self, op: Operation) -> Operation:
        """With the values of the groups that it goes through."""
        if not isinstance(op, FindGroups | CountInGroup):
            return op
        steps = []
        for step in op.path:
            known = self.type_of(op.class_name, step.field)
            value = step.value if known is None else self._literal(op.class_name, step.field, known, step.value)
            steps.append(Step(step.field, value))
        return replace(op, path=tuple(steps))

    def _find(self, op: Find | FindGroups) -> Find | FindGroups:
        class_name = op.class_name
        self._check_shown(class_name, op)
        for path in op.group_by:
            self.type_of(class_name, path)
        typed = self._with_outputs(class_name, op)
        self._check_order(class_name, op.order, [output.name for output in op.outputs])
        return self._without_members(class_name, replace(typed, where=self.where(class_name, op.where)))

    def _with_outputs(self, class_name: str, op: Shown) -> Shown:
        for output in op.outputs:
            for path in columns_of(output.value):
                self.type_of(class_name, path)
        outputs = tuple(replace(output, value=self._expression(class_name, output.value)) for output in op.outputs)
        return replace(op, outputs=outputs)

    def _without_members(self, class_name: str, op: Shown) -> Shown:
        """How many members are shown says nothing where no relation is: not every backend has the word."""
        every = op.depth > 0 or "*" in op.include
        if op.members is None or every or any(self._through_relation(class_name, path) for path in op.include):
            return op
        return replace(op, members=None, select=_with_heads(op.select, op.include))

    def _through_relation(self, class_name: str, path: str) -> bool:
        parts = path.split(".")
        types = (self.type_of(class_name, ".".join(parts[: at + 1])) for at in range(len(parts)))
        return any(known is not None and known.kind is Kind.RELATION for known in types)

    def _check_shown(self, class_name: str, op: Find | FindGroups | Get | FindRelated) -> None:
        self.columns(class_name)
        for path in (*(op.select or ()), *op.exclude):
            self.type_of(class_name, path)
        for path in op.include:
            if path != "*":
                self.target(class_name, path)

    def _check_order(self, class_name: str, order: Iterable[Sort], outputs: Iterable[str]) -> None:
        named = frozenset(outputs)
        for sort in order:
            for path in columns_of(sort.value) if sort.value is not None else (sort.field,):
                known = self.type_of(class_name, path) if path not in named else None
                if known is not None and known.kind is Kind.RELATION:
                    raise GatewayError(Code.BAD_QUERY, f"a relation, {path!r}, has no order", field=path)

    def _relate(self, op: Relate) -> Relate:
        known = self.columns(op.class_name).get(op.field)
        target = op.target
        if known is not None:
            target = self.target(op.class_name, op.field)
        elif target is None or self.fixed:
            raise self._no_column(op.class_name, op.field)
        assert target is not None
        self.columns(target)
        return replace(op, where=self.where(target, op.where))

    def _tree(self, class_name: str, tree: Fields) -> Fields:
        columns = self._made(class_name)
        typed: Fields = {}
        for name, value in tree.items():
            known = columns.get(name)
            if name == ID:
                typed[name] = value
            elif known is not None and known.kind in BETWEEN and known.target is not None:
                typed[name] = self._branch(class_name, name, known, value)
            else:
                change = self._set(class_name, name, known, value)
                if change is not None:
                    typed[name] = change.value
        return typed

    def _branch(self, class_name: str, name: str, known: Type, value: Any) -> Any:
        """What stands in the place of one object, or of several."""
        assert known.target is not None
        if known.kind is Kind.POINTER:
            if value is None or isinstance(value, Inline):
                return None if value is None else Object(known.target, self._tree(known.target, value.fields))
        elif value is None:
            return []
        elif isinstance(value, list) and all(isinstance(part, Inline) for part in value):
            return [Object(known.target, self._tree(known.target, part.fields)) for part in value]
        raise _mismatch(class_name, name, known, value)

    # --- columns ---

    def columns(self, class_name: str) -> Columns:
        """Raises GatewayError(CLASS_NOT_FOUND)."""
        found = self.classes.get(class_name)
        if found is not None:
            return found
        self.lacking.add(class_name)
        if class_name in ALWAYS_THERE:
            return ALWAYS_THERE[class_name]
        raise GatewayError(Code.CLASS_NOT_FOUND, f"there is no class {class_name}", class_name=class_name)

    def _made(self, class_name: str) -> Columns:
        """The same for a write that makes the class where there is none."""
        if class_name in self.classes or class_name in ALWAYS_THERE or self.fixed or not self.dynamic:
            return self.columns(class_name)
        self.missed = True
        self.lacking.add(class_name)
        return {}

    def type_of(self, class_name: str, path: str) -> Type | None:
        """The type of a field, or of what a path through pointers and relations leads to; None inside JSON.

        Raises GatewayError(NO_SUCH_COLUMN).
        """
        system = SYSTEM.get(path)
        if system is not None:
            return system
        _check_steps(path)
        head, _, rest = path.partition(".")
        columns = self.columns(class_name)
        known = columns.get(head) or ALWAYS_THERE.get(class_name, {}).get(head)
        if known is None:
            raise self._no_column(class_name, head)
        if not rest:
            return known
        if known.kind in BETWEEN and known.target is not None:
            return self.type_of(known.target, rest)
        if known.kind not in (Kind.OBJECT, Kind.ARRAY):
            raise self._no_column(class_name, path)
        return None

    def target(self, class_name: str, path: str) -> str:
        """The class that a column points to. Raises GatewayError(NO_SUCH_COLUMN)."""
        known = self.type_of(class_name, path)
        if known is None or known.kind not in BETWEEN or known.target is None:
            raise GatewayError(
                Code.NO_SUCH_COLUMN, f"{path!r} of {class_name} is no relation", class_name=class_name, field=path
            )
        return known.target

    def _no_column(self, class_name: str, field: str) -> GatewayError:
        self.lacking.add(class_name)
        return GatewayError(
            Code.NO_SUCH_COLUMN, f"there is no column {field!r} in {class_name}", class_name=class_name, field=field
        )

    # --- writes ---

    def changes(self, class_name: str, changes: Changes, columns: Columns) -> Changes:
        typed: dict[str, Change] = {}
        apart = NOT_COLUMNS.get(class_name, frozenset())
        for field, change in changes.items():
            known = columns.get(field) or SYSTEM.get(field)
            if field in apart or field[:1] == "@":
                typed[field] = change
            elif isinstance(change, Set):
                made = self._set(class_name, field, known, change.value)
                if made is not None:
                    typed[field] = made
            else:
                self._check_computed(class_name, field, known, change)
                typed[field] = change
        return typed

    def _set(self, class_name: str, field: str, known: Type | None, value: Any) -> Set | None:
        """None where there is nothing to be set."""
        if known is None:
            return self._set_new(class_name, field, value)
        if known.kind in BETWEEN and (value is None or isinstance(value, dict | list)):
            # the REST guide, "Relations": they have calls of their own, and a save leaves them as they are
            return None
        if value is not None and not isinstance(value, ResultOf):
            value = as_column(known, value, lambda: _mismatch(class_name, field, known, value))
        return Set(value, any_json=known.kind is Kind.OBJECT and value is not None and not isinstance(value, dict))

    def _set_new(self, class_name: str, field: str, value: Any) -> Set | None:
        self.missed = True
        self.lacking.add(class_name)
        if self.fixed:
            raise self._no_column(class_name, field)
        if value is None or not self.dynamic:
            return None  # null makes no column
        if isinstance(value, dict | list):
            # the vendor makes no columns of JSON, and what it does with relations here no document says
            raise self._no_column(class_name, field)
        return Set(value)

    def _check_computed(self, class_name: str, field: str, known: Type | None, change: Change) -> None:
        if known is None and (self.fixed or isinstance(change, Compute | EditJson)):
            raise self._no_column(class_name, field)
        if isinstance(change, Compute):
            for path in columns_of(change.expression):
                self.type_of(class_name, path)

    # --- queries ---

    def where(self, class_name: str, where: Filter | None) -> Filter | None:
        return None if where is None else self._filter(class_name, where)

    def _filter(self, class_name: str, where: Filter) -> Filter:
        match where:
            case And(parts):
                return self._every(class_name, parts)
            case Or(parts):
                return Or(tuple(self._filter(class_name, part) for part in parts))
            case Not(part):
                return Not(self._filter(class_name, part))
            case Condition(field, op, value):
                between = self._between(class_name, field)
                if between is not None:
                    return self._related(class_name, between[0], (replace(where, field=between[1]),))
                return Condition(field, op, self._operand(class_name, field, op, value))
            case Comparison(left, op, right):
                return Comparison(
                    self._expression(class_name, left, right), op, self._expression(class_name, right, left)
                )
            case Inverse(owners, field, inner):
                self.type_of(owners, field)
                return Inverse(owners, field, self.where(owners, inner))
            case _:
                return where

    def _between(self, class_name: str, field: str) -> tuple[str, str] | None:
        """The column that a path goes through first, and the rest of it; None where it stays in the object."""
        head, dot, rest = field.partition(".")
        if not dot:
            return None
        _check_steps(field)
        known = self.type_of(class_name, head)
        return (head, rest) if known is not None and known.kind in BETWEEN else None

    def _every(self, class_name: str, parts: tuple[Filter, ...]) -> Filter:
        """What goes through one column is asked of one object there."""
        kept: list[Filter | str] = []
        through: dict[str, list[Condition]] = {}
        for part in parts:
            between = self._between(class_name, part.field) if isinstance(part, Condition) else None
            if between is None:
                kept.append(self._filter(class_name, part))
                continue
            assert isinstance(part, Condition)
            head, rest = between
            if head not in through:
                kept.append(head)
            through.setdefault(head, []).append(replace(part, field=rest))
        found = tuple(
            self._related(class_name, part, tuple(through[part])) if isinstance(part, str) else part for part in kept
        )
        return found[0] if len(found) == 1 else And(found)

    def _related(self, class_name: str, head: str, conditions: tuple[Condition, ...]) -> Filter:
        target = self.target(class_name, head)
        inner = self._filter(target, conditions[0] if len(conditions) == 1 else And(conditions))
        found = Condition(head, Op.IN, Subquery(target, where=inner))
        if all(condition.op is Op.EQ and condition.value is None for condition in conditions):
            # to whom nothing is related, a join tells null for all that the other would have
            return Or((found, Not(Condition(head, Op.IN, Subquery(target)))))
        return found

    def _operand(self, class_name: str, field: str, op: Op, value: Any) -> Any:
        known = self.type_of(class_name, field)
        if isinstance(value, Subquery):
            self.columns(value.class_name)
            if value.key is not None:
                self.type_of(value.class_name, value.key)
            self._check_order(value.class_name, value.order, ())
            return replace(value, where=self.where(value.class_name, value.where))
        if known is None or op not in _COMPARING:
            return value
        if isinstance(value, list):
            return [self._literal(class_name, field, known, part) for part in value]
        return self._literal(class_name, field, known, value)

    def _literal(self, class_name: str, field: str, known: Type, value: Any) -> Any:
        """A value to compare with. What is of another kind than the column is left as it is, and matches nothing."""
        match known.kind, value:
            case Kind.DATE, int() | float() | str():
                return as_column(known, value, lambda: _mismatch(class_name, field, known, value))
            case (kind, str()) if kind in GEOMETRIES or kind is Kind.FILE:
                return as_column(known, value, lambda: _mismatch(class_name, field, known, value))
            case Kind.STRING, int() | float() if type(value) is not bool:
                return str(value)  # in SQL a number and its text are equal
            case Kind.BOOLEAN, 0 | 1 if type(value) is int:
                return bool(value)
            case Kind.POINTER, str() if known.target is not None:
                return Pointer(known.target, value)
        return value

    def _expression(self, class_name: str, expression: Expression, other: Expression | None = None) -> Expression:
        """Its literals are of the type of the column that they are compared to."""
        match expression:
            case Column(path):
                self.type_of(class_name, path)
            case Literal(value) if isinstance(other, Column):
                known = self.type_of(class_name, other.path)
                return expression if known is None else Literal(self._literal(class_name, other.path, known, value))
            case Arithmetic(operator, left, right):
                return Arithmetic(operator, self._expression(class_name, left), self._expression(class_name, right))
            case Call(function, arguments):
                return Call(function, tuple(self._expression(class_name, part) for part in arguments))
            case Aggregated(aggregate, of):
                return Aggregated(aggregate, self._expression(class_name, of))
        return expression


_COMPARING: Final = frozenset({Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE, Op.IN, Op.NOT_IN})


def _with_heads(select: tuple[str, ...] | None, include: tuple[str, ...]) -> tuple[str, ...] | None:
    """A selection with the columns that hold what is included."""
    if select is None:
        return None
    return tuple(dict.fromkeys((*select, *(path.partition(".")[0] for path in include))))


def _check_steps(path: str) -> None:
    if path.count(".") > MOST_STEPS:
        raise GatewayError(Code.BAD_QUERY, f"a path leads through {MOST_STEPS} columns at most", name=path[:60])


def _mismatch(class_name: str, field: str, known: Type, value: Any) -> GatewayError:
    found = type(value).__name__
    return GatewayError(
        Code.TYPE_MISMATCH,
        f"schema mismatch for {class_name}.{field}; expected {known} but got {found}",
        class_name=class_name,
        field=field,
        expected=str(known),
        found=found,
    )


def as_column(known: Type, value: Any, mismatch: Callable[[], GatewayError]) -> Any:
    """A bare value as one of the column's type. Raises GatewayError(TYPE_MISMATCH) where it says none."""
    kind = type(value)
    match known.kind:
        case Kind.DATE:
            found = _date(value)
            if found is None:
                raise mismatch()
            return found
        case Kind.FILE if kind is str:
            return own(File(name=unquote(value.rpartition("/")[2]) or value, url=value))
        case Kind.GEO_POINT | Kind.LINE_STRING | Kind.POLYGON | Kind.GEOMETRY if kind is str:
            try:
                return read_wkt(value)
            except GatewayError as error:
                raise mismatch() from error
        case Kind.OBJECT if kind in (GeoPoint, LineString, Polygon):
            return write_geojson(value)
        case Kind.OBJECT | Kind.ARRAY:
            return _json(value)
        case Kind.NUMBER if kind not in (int, float):
            raise mismatch()
        case Kind.BOOLEAN if kind is not bool:
            raise mismatch()
        case Kind.POINTER | Kind.RELATION | Kind.BYTES:
            raise mismatch()
    return value


def _date(value: Any) -> Date | None:
    """The forms of a date: milliseconds since 1970, or a text of `date_texts`."""
    if type(value) is str:
        return read_date_text(value)
    if type(value) is Date:
        return value
    if type(value) is int or (type(value) is float and value.is_integer()):
        try:
            return Date.from_ms(int(value))
        except ValueError:
            return None
    return None


def _json(value: Any) -> Any:
    return dict(value) if isinstance(value, Inline) else value


# --- answers ---


def _tell(op: Operation, result: Result, schema: Schema) -> None:
    """Takes out of an answer what was not asked for: a relation is shown by its objects, or not at all."""
    match op:
        case Batch():
            for item, answer in zip(op.items, result.items or [], strict=True):
                if isinstance(answer, Result):
                    _tell(item.item if isinstance(item, Deferred) else item, answer, schema)
            return
        case Delete():
            result.moment = result.moment or Date.now()
            return
        case FindRelated():
            if result.class_name is None:
                result.class_name = schema.target(op.class_name, op.field)
            class_name = result.class_name
        case _:
            class_name = USER if isinstance(op, SignUp) else getattr(op, "class_name", "")
    objects = list(result.objects or [])
    if result.object is not None:
        objects.append(result.object)
    include: tuple[str, ...] = getattr(op, "include", ())
    depth: int = getattr(op, "depth", 0)
    for fields in objects:
        _tell_relations(fields, class_name, include, depth, schema, saved=isinstance(op, DeepSave))


def _tell_relations(
    fields: Fields, class_name: str, include: tuple[str, ...], depth: int, schema: Schema, *, saved: bool
) -> None:
    every = depth > 0 or "*" in include
    asked: dict[str, list[str]] = {}
    for path in include:
        head, _, rest = path.partition(".")
        asked.setdefault(head, []).extend([rest] if rest else [])
    for name, known in (schema.classes.get(class_name) or {}).items():
        if known.kind is Kind.POINTER and name in asked:
            fields.setdefault(name, None)
        if known.kind not in BETWEEN or name not in fields:
            continue
        value = fields[name]
        if saved:
            if value in (None, []) or isinstance(value, Pointer | Relation):
                # the vendor's suite: a relation that ended up empty is absent
                del fields[name]
                continue
        elif not every and name not in asked:
            del fields[name]
            continue
        elif isinstance(value, Pointer):
            fields[name] = None  # to an object that is no more, or that the caller may not see
        elif isinstance(value, Relation) or (value is None and known.kind is Kind.RELATION):
            fields[name] = []
        for part in value if isinstance(value, list) else (value,):
            if isinstance(part, Object):
                paths = tuple(asked.get(name, ()))
                _tell_relations(part.fields, part.class_name, paths, depth - 1, schema, saved=saved)


def _fill_nulls(op: Operation, result: Result, classes: Mapping[str, Columns]) -> None:
    """Every column that was asked for is in every object, but for pointers and relations: an include tells of those."""
    if isinstance(op, Batch):
        for item, answer in zip(op.items, result.items or [], strict=True):
            if isinstance(answer, Result):
                _fill_nulls(item.item if isinstance(item, Deferred) else item, answer, classes)
        return
    if not getattr(op, "nulls", False) or (isinstance(op, Find) and (op.group_by or op.distinct)):
        return
    select: tuple[str, ...] | None = getattr(op, "select", None)
    excluded = frozenset(getattr(op, "exclude", ()))
    for fields in (*(result.objects or ()), *((result.object,) if result.object is not None else ())):
        _fill(
            fields,
            result.class_name or class_of(op),
            classes,
            lambda name: name not in excluded and (select is None or name in select),
            result.id,
        )


def _fill(
    fields: Fields,
    class_name: str,
    classes: Mapping[str, Columns],
    shown: Callable[[str], bool],
    known_as: str | None = None,
) -> None:
    if shown(OWNER):  # who that is, most servers do not tell; but of a user
        fields.setdefault(OWNER, fields.get(ID, known_as) if class_name == USER else None)
    for value in list(fields.values()):
        for part in value if isinstance(value, list) else (value,):
            if isinstance(part, Object):
                _fill(part.fields, part.class_name, classes, lambda _: True)
    for name, known in classes.get(class_name, {}).items():
        if known.kind not in BETWEEN and shown(name):
            fields.setdefault(name, None)
