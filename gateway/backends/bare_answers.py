"""What answers mean whose values do not tell of which kind they are: `Understood`, around a backend that answers so.

A number becomes the date that its column holds, a text the address of a file. What a column does not explain is left as
it came: an answer is not refused for a value that its backend should not have told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Final

from gateway.backends.base import Backend
from gateway.backends.columns import GEOMETRIES, SYSTEM, Columns, Registry, as_column
from gateway.dialects.geometry import write_geojson
from gateway.errors import Code, GatewayError
from gateway.model.account import class_of
from gateway.model.groups import Group, Level
from gateway.model.operation import Batch, Caller, Deferred, FindRelated, Operation, Result
from gateway.model.schema import Kind, Type
from gateway.model.values import Date, Fields, File, GeoPoint, LineString, Object, Polygon, Value

_MORE_THAN_IT_SAYS = frozenset({Kind.DATE, Kind.FILE}) | GEOMETRIES


class Understood:
    """A backend whose answers are by the columns of its classes, as far as they are known.

    Within `named` the texts in columns of files are the backend's addresses of them.
    """

    def __init__(
        self, backend: Backend, registry: Registry, named: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> None:
        self._backend = backend
        self._registry = registry
        self._named = named

    async def identify(self, caller: Caller) -> Caller:
        return await self._backend.identify(caller)

    async def close(self) -> None:
        await self._backend.close()

    async def execute(self, op: Operation, caller: Caller) -> Result:
        classes = self._registry.known()
        wanted = _classes_of(op)
        if classes is None or not wanted <= classes.keys():
            classes = await self._registry.learned(wanted)  # before it is done: a write that is done is answered
        check_told(op, classes)
        result = await self._backend.execute(op, caller)
        with self._named():
            understand(op, result, classes)
        return result


def _classes_of(op: Operation) -> set[str]:
    if isinstance(op, Batch):
        return set[str]().union(*map(_classes_of, op.items))
    inner = op.item if isinstance(op, Deferred) else op
    return {class_of(inner)} - {""}


def check_told(op: Operation, classes: Mapping[str, Columns]) -> None:
    """Refuses what would be stored as something else: only a column of its own kind tells such a backend what it is.

    Raises GatewayError(UNSUPPORTED).
    """
    if isinstance(op, Batch):
        for item in op.items:
            check_told(item, classes)
        return
    inner = op.item if isinstance(op, Deferred) else op
    class_name = class_of(inner)
    columns = classes.get(class_name, {})
    written = [getattr(inner, "changes", {}), *(one.changes for one in getattr(inner, "objects", ()))]
    for field, change in ((field, change) for changes in written for field, change in changes.items()):
        known = columns.get(field) or SYSTEM.get(field)
        kinds = _HELD_BY.get(type(getattr(change, "value", None)))
        if kinds is not None and (known is None or known.kind not in kinds):
            raise GatewayError(
                Code.UNSUPPORTED,
                f"{field} of {class_name} is no column of that kind in this backend, which has to be made there first",
                class_name=class_name,
                field=field,
            )


_HELD_BY: Final[Mapping[type, frozenset[Kind]]] = {
    Date: frozenset({Kind.DATE}),
    File: frozenset({Kind.FILE}),
}


def understand(op: Operation, result: Result, classes: Mapping[str, Columns]) -> None:
    """Puts what the values of an answer mean in their places."""
    if isinstance(op, Batch):
        for item, answer in zip(op.items, result.items or [], strict=True):
            if isinstance(answer, Result):
                understand(item.item if isinstance(item, Deferred) else item, answer, classes)
        return
    class_name = result.class_name or class_of(op)
    if isinstance(op, FindRelated) and result.class_name is None:
        column = classes.get(op.class_name, {}).get(op.field)
        class_name = "" if column is None else column.target or ""
    # what is computed for an answer is of no column, whatever it is called
    computed = {output.name for output in getattr(op, "outputs", ())}
    for fields in (*(result.objects or ()), *((result.object,) if result.object is not None else ())):
        _understand(fields, class_name, classes, computed)
    if result.groups is not None:
        _understand_groups(result.groups, classes.get(class_name, {}))


def _understand_groups(level: Level, columns: Columns) -> None:
    for group in level.items:
        if isinstance(group, Group):
            known = columns.get(group.field) or SYSTEM.get(group.field)
            if known is not None and known.kind in _MORE_THAN_IT_SAYS and group.value is not None:
                group.value = _meant(known, group.value)
            _understand_groups(group.level, columns)


def _understand(fields: Fields, class_name: str, classes: Mapping[str, Columns], computed: set[str]) -> None:
    columns = classes.get(class_name, {})
    for name, value in fields.items():
        for part in _objects(value):
            _understand(part.fields, part.class_name, classes, set())
        known = columns.get(name)
        if known is None or value is None or name in computed:
            continue
        if known.kind in _MORE_THAN_IT_SAYS:
            fields[name] = _meant(known, value)
        elif known.kind in (Kind.OBJECT, Kind.ARRAY):
            fields[name] = _as_json(value)


def _objects(value: Value) -> Iterator[Object]:
    for part in value if type(value) is list else (value,):
        if isinstance(part, Object):
            yield part


def _as_json(value: Value) -> Value:
    """What tells of itself that it is a geometry is JSON like any other there."""
    if isinstance(value, GeoPoint | LineString | Polygon):
        return write_geojson(value)
    return [_as_json(part) for part in value] if type(value) is list else value


def _meant(known: Type, value: Value) -> Value:
    try:
        return as_column(known, value, lambda: GatewayError(Code.TYPE_MISMATCH, "not of its column's type"))
    except GatewayError:
        return value
