"""A unit of work: operations that are told by a word, refer to what earlier ones answer, and all succeed or none does.

An item is `{kind, table, payload, name}` under the keys of the mapping. Its answer stands by its name; of a failure the
item that failed is shown as it was sent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.dialects.scalars import shown
from gateway.errors import Code, GatewayError
from gateway.mapping.route import Route, Unit
from gateway.mapping.schema import UnitSection
from gateway.model.operation import Deferred, DeleteMany, Operation, Relate, UpdateMany
from gateway.model.values import ResultOf

HOLD_REFERENCES: Final[Mapping[type[Operation], frozenset[str]]] = {
    UpdateMany: frozenset({"ids"}),
    DeleteMany: frozenset({"ids"}),
    Relate: frozenset({"ids"}),
}
"""Fields of operations that have a place for what an earlier item answers; any other is deferred."""


@dataclass(frozen=True, slots=True)
class Item:
    """One operation as it was sent; its payload with references in the place of what says them."""

    kind: str
    name: str
    route: Route
    class_name: str
    payload: Any


def read_item(wire: Any, unit: Unit, known: Collection[str]) -> Item:
    """`known` are the names of the operations before it. Raises GatewayError."""
    section = unit.section
    if type(wire) is not dict:
        raise GatewayError(Code.BAD_BATCH, f"an operation must be an object, not {shown(wire)}")
    keys = (section.kind, section.class_name, section.name)
    for key in keys:
        if type(wire.get(key)) is not str:
            raise GatewayError(Code.BAD_BATCH, f"{key} of an operation must be text, not {shown(wire.get(key))}")
    kind, class_name, name = (wire[key] for key in keys)
    if unknown := sorted(wire.keys() - {*keys, section.payload}):
        raise GatewayError(Code.BAD_BATCH, f"an operation has no {unknown[0]}")
    route = unit.kinds.get(kind)
    if route is None:
        known_kinds = ", ".join(unit.kinds)
        raise GatewayError(Code.BAD_BATCH, f"{section.kind}: expected one of {known_kinds}, not {shown(kind)}")
    if name in known:
        raise GatewayError(Code.BAD_BATCH, f"two operations have the {section.name} {shown(name)}")
    payload = _with_references(wire.get(section.payload), unit, known)
    return Item(kind, name, route, class_name, payload)


def _with_references(wire: Any, unit: Unit, known: Collection[str]) -> Any:
    if type(wire) is list:
        return [_with_references(part, unit, known) for part in wire]
    if type(wire) is not dict:
        return wire
    found = unit.reference.match(wire) if _refers(wire, unit.section) else None
    if found is None:
        return {key: _with_references(part, unit, known) for key, part in wire.items()}
    item, index, field = found.get("item"), found.get("index"), found.get("field")
    if type(item) is not str or item not in known:
        raise GatewayError(Code.BAD_BATCH, f"there is no operation {shown(item)} before this one")
    if index is not None and (type(index) is not int or index < 0):
        raise GatewayError(Code.BAD_BATCH, f"expected a whole number as an index, not {shown(index)}")
    return ResultOf(item, index, field)


def _refers(wire: Mapping[str, Any], section: UnitSection) -> bool:
    constants = {key: part for key, part in section.reference.items() if not isinstance(part, str)}
    return all(key in wire and wire[key] is part for key, part in constants.items())


def operation(route: Route, values: Mapping[str, Any]) -> Operation:
    """The operation of these values: it is deferred where it needs answers in places that have no room for them."""
    rooms = HOLD_REFERENCES.get(route.operation, frozenset())
    missing = {name: value for name, value in values.items() if type(value) is ResultOf and name not in rooms}
    if not missing:
        return route.operation(**values)
    empty = {name: () if name == "ids" else "" for name in missing}
    if odd := sorted(missing.keys() - {"id", "ids"}):
        raise GatewayError(Code.BAD_BATCH, f"a reference cannot stand for {odd[0]}")
    untyped = bool(values.get("untyped"))
    return Deferred(item=route.operation(**{**values, **empty}), fields=missing, untyped=untyped)


def parts(op: Operation) -> tuple[Operation, Mapping[str, Any]]:
    """An item, and what of it is a reference."""
    return (op.item, op.fields) if isinstance(op, Deferred) else (op, {})


def names_of(count: int, names: tuple[str | None, ...]) -> tuple[str, ...]:
    """A name for every item; one without gets one that none of them has."""
    taken = {name for name in names if name is not None}
    free: Iterator[str] = (name for name in map("operation{}".format, range(1, 2 * count + 1)) if name not in taken)
    given = names or (None,) * count
    return tuple(next(free) if name is None else name for name in given)
