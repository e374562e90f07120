"""What a filter and an update mean, as plainly as Python can say it. Every store must agree.

Objects are model values by field, as `Result.object` has them; a relation is the ids of its `Members`. Nothing here is
fast, and nothing here is shared with a store.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.model.query import (
    And,
    Box,
    Circle,
    Condition,
    Filter,
    Near,
    Not,
    Op,
    Or,
    Regex,
    RelatedTo,
    Sort,
    Subquery,
)
from gateway.model.update import (
    Add,
    AddRelation,
    AddUnique,
    BitAnd,
    BitOr,
    BitXor,
    Change,
    Changes,
    Increment,
    Remove,
    RemoveRelation,
    Set,
    SetOnInsert,
    Several,
    Unset,
)
from gateway.model.values import ACL, ID, Date, File, GeoPoint, Pointer, Polygon, Value


@dataclass(frozen=True)
class Members:
    """A relation field, with what it holds."""

    class_name: str
    ids: frozenset[str]


Objects = Mapping[str, Sequence[Mapping[str, Value]]]
"""All objects by their class, in the order in which they were made."""


# who sees what


def visible(fields: Mapping[str, Value], names: Collection[str] | None) -> bool:
    """Whether a caller who goes by these names may read an object; None is one to whom no list applies."""
    acl = fields.get(ACL)
    if names is None or acl is None:
        return True
    entries = [acl[name] for name in names if name in acl]
    return any(isinstance(entry, dict) and entry.get("read") is True for entry in entries)


def seen(objects: Objects, names: Collection[str] | None) -> Objects:
    """All that there is for a caller. A query then means what it means: what is hidden is not there."""
    return {name: [fields for fields in each if visible(fields, names)] for name, each in objects.items()}


# values


def equal(one: Value, other: Value) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one == other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(equal(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, File) and isinstance(other, File):
        for a, b in ((one.id, other.id), (one.name, other.name), (one.url, other.url)):
            if a is not None and b is not None:
                return a == b
        return False
    return type(one) is type(other) and bool(one == other)


def less(one: Value, other: Value) -> bool | None:
    """None where the two have no order."""
    if isinstance(one, bool) and isinstance(other, bool):
        return one < other
    if isinstance(one, bool) or isinstance(other, bool):
        return None
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one < other
    if isinstance(one, str) and isinstance(other, str):
        return one.encode() < other.encode()
    if isinstance(one, Date) and isinstance(other, Date):
        return one.ms < other.ms
    return None


# fields


def reached(fields: Mapping[str, Value], path: str) -> list[Value]:
    """What stands at a path: nothing, one value, or one for each element of a list that the path goes through."""
    name, *parts = path.split(".")
    if name not in fields:
        return []
    value = fields[name]
    if not parts or isinstance(value, dict):
        return below(value, parts)
    if isinstance(value, list):
        if parts[0].isdigit():
            return below(value, parts)
        return [found for element in value for found in below(element, parts)]
    return []


def below(value: Value, parts: Sequence[str]) -> list[Value]:
    for part in parts:
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return []
    return [value]


def with_elements(values: Iterable[Value]) -> list[Value]:
    """Of a list, itself and what is in it."""
    return [one for value in values for one in ([value, *value] if isinstance(value, list) else [value])]


# filters


def matches(where: Filter | None, class_name: str, fields: Mapping[str, Value], objects: Objects) -> bool:
    match where:
        case None:
            return True
        case And(parts):
            return all(matches(part, class_name, fields, objects) for part in parts)
        case Or(parts):
            return any(matches(part, class_name, fields, objects) for part in parts)
        case Not(part):
            return not matches(part, class_name, fields, objects)
        case RelatedTo(owner, field):
            members = next((o.get(field) for o in objects.get(owner.class_name, ()) if o[ID] == owner.id), None)
            return isinstance(members, Members) and members.class_name == class_name and fields[ID] in members.ids
        case Condition(field, Op.NE, value):
            return not holds(reached(fields, field), Op.EQ, value, objects)
        case Condition(field, Op.NOT_IN, value):
            return not holds(reached(fields, field), Op.IN, value, objects)
        case Condition(field, op, value):
            return holds(reached(fields, field), op, value, objects)


def holds(found: list[Value], op: Op, value: Any, objects: Objects) -> bool:  # noqa: C901 (one case an operator)
    one_of = with_elements(found)
    lists = [one for one in found if isinstance(one, list)]
    match op:
        case Op.EQ:
            if found and isinstance(found[0], Members):
                return (
                    isinstance(value, Pointer)
                    and value.class_name == found[0].class_name
                    and value.id in found[0].ids
                    and any(member[ID] == value.id for member in objects.get(value.class_name, ()))
                )
            return any(equal(one, value) for one in one_of) or (value is None and not found)
        case Op.IN:
            return any(holds(found, Op.EQ, wanted, objects) for wanted in wanted_values(value, objects))
        case Op.LT:
            return any(less(one, value) is True for one in one_of)
        case Op.GT:
            return any(less(value, one) is True for one in one_of)
        case Op.LE:
            return any(less(value, one) is False for one in one_of)
        case Op.GE:
            return any(less(one, value) is False for one in one_of)
        case Op.EXISTS:
            return bool(found) is value
        case Op.ALL:
            return bool(value) and all(
                holds(found, Op.REGEX if isinstance(wanted, Regex) else Op.EQ, wanted, objects) for wanted in value
            )
        case Op.SIZE:
            return any(len(one) == value for one in lists)
        case Op.CONTAINED_BY:
            return any(all(any(equal(item, allowed) for allowed in value) for item in one) for one in lists)
        case Op.REGEX:
            flags = sum(getattr(re, letter.upper()) for letter in value.options)
            return any(isinstance(one, str) and re.search(value.pattern, one, flags) is not None for one in one_of)
        case Op.NEAR:
            return any(isinstance(one, GeoPoint) and in_reach(one, value) for one in one_of)
        case Op.WITHIN:
            return any(isinstance(one, GeoPoint) and within(one, value) for one in one_of)
        case Op.COVERS:
            return any(isinstance(one, Polygon) and inside(value, one) for one in one_of)
        case Op.NE | Op.NOT_IN:
            raise AssertionError("said by their complements")


def wanted_values(value: Any, objects: Objects) -> list[Value]:
    """The list of an IN; of a subquery the pointers to what it finds, or what is in a field of that, but no nulls."""
    if not isinstance(value, Subquery):
        return list(value)
    found = [o for o in objects.get(value.class_name, ()) if matches(value.where, value.class_name, o, objects)]
    if value.limit is not None:
        found = in_order(found, value.order)[value.skip : value.skip + value.limit]
    if value.key is None:
        return [Pointer(value.class_name, o[ID]) for o in found]
    key = value.key
    return [one for o in found for one in reached(o, key) if one is not None and not isinstance(one, Members)]


def in_order(found: Sequence[Mapping[str, Value]], order: Sequence[Sort]) -> list[Mapping[str, Value]]:
    """Missing and null first, ascending; ties by age, in the direction of the last key."""
    ordered = list(found)
    if order and order[-1].descending:
        ordered.reverse()
    for sort in reversed(order):
        ordered.sort(key=lambda fields: sort_key(reached(fields, sort.field)), reverse=sort.descending)
        # a reversed sort of Python keeps ties in their order
    return ordered


def sort_key(found: list[Value]) -> tuple[int, Any]:
    """Nothing, then numbers and booleans, then text and dates; of other values the stores promise no order."""
    value = found[0] if found else None
    if value is None:
        return (0, 0)
    if isinstance(value, int | float):
        return (1, value)
    return (2, value.iso.encode() if isinstance(value, Date) else str(value).encode())


# places


def distance(one: GeoPoint, other: GeoPoint) -> float:
    """In radians, on a sphere."""
    lat1, lat2 = math.radians(one.latitude), math.radians(other.latitude)
    lng1, lng2 = math.radians(one.longitude), math.radians(other.longitude)
    half = math.sin((lat1 - lat2) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lng1 - lng2) / 2) ** 2
    return 2 * math.asin(min(1.0, math.sqrt(half)))


def in_reach(point: GeoPoint, near: Near) -> bool:
    far = distance(point, near.point)
    return (near.max_distance is None or far <= near.max_distance) and (
        near.min_distance is None or far >= near.min_distance
    )


def within(point: GeoPoint, area: Box | Circle | Polygon) -> bool:
    match area:
        case Circle(center, radius):
            return distance(point, center) <= radius
        case Polygon():
            return inside(point, area)
        case Box(southwest, northeast):
            if not southwest.latitude <= point.latitude <= northeast.latitude:
                return False
            if southwest.longitude <= northeast.longitude:
                return southwest.longitude <= point.longitude <= northeast.longitude
            return point.longitude >= southwest.longitude or point.longitude <= northeast.longitude


def inside(point: GeoPoint, polygon: Polygon) -> bool:
    """Inside or on the edge, on the plane of degrees: the edges wind around the point."""
    x, y = point.longitude, point.latitude
    winding = 0
    for start, end in zip(polygon.points, polygon.points[1:], strict=False):
        x1, y1, x2, y2 = start.longitude, start.latitude, end.longitude, end.latitude
        side = (x2 - x1) * (y - y1) - (x - x1) * (y2 - y1)
        if side == 0 and min(x1, x2) <= x <= max(x1, x2) and min(y1, y2) <= y <= max(y1, y2):
            return True
        if y1 <= y < y2 and side > 0:
            winding += 1
        if y2 <= y < y1 and side < 0:
            winding -= 1
    return winding % 2 != 0


# updates


def changed(
    fields: Mapping[str, Value], changes: Changes, *, creating: bool = False, lists: Collection[str] = ()
) -> dict[str, Value]:
    """The object after the changes; it was not there before a create. `lists` are the columns that hold lists."""
    after = dict(fields)
    for path, change in changes.items():
        name, *parts = path.split(".")
        if parts and name in lists and after.get(name) is None and change_at([], parts, change, creating=creating):
            after[name] = []  # a number is then a position
        after = change_at(after, [name, *parts], change, creating=creating)
    return after


def change_at(holder: Any, parts: Sequence[str], change: Change, *, creating: bool) -> Any:
    """The object or list, with what stands at the path changed; objects that are missing on the way are made."""
    if isinstance(change, Several):
        for each in change.changes:
            holder = change_at(holder, parts, each, creating=creating)
        return holder
    if isinstance(change, SetOnInsert):
        return change_at(holder, parts, Set(change.value), creating=creating) if creating else holder
    part, rest = parts[0], parts[1:]
    copy: Any = list(holder) if isinstance(holder, list) else dict(holder or {})
    at: Any = int(part) if isinstance(copy, list) else part
    there = at < len(copy) if isinstance(copy, list) else at in copy
    if rest:
        inner = copy[at] if there else None
        if inner is None and isinstance(change, Unset):
            return holder
        value = change_at({} if inner is None else inner, rest, change, creating=creating)
    elif isinstance(change, Unset):
        if not there:
            return copy
        if isinstance(copy, list):
            copy[at] = None
        else:
            del copy[at]
        return copy
    else:
        value = result_of(copy[at] if there else None, change)
    if isinstance(copy, list):
        copy.extend([None] * (at + 1 - len(copy)))
    copy[at] = value
    return copy


def result_of(old: Value, change: Change) -> Value:
    match change:
        case Set(value):
            return value
        case Increment(by):
            return (old or 0) + by
        case BitAnd(bits):
            return int(old or 0) & bits
        case BitOr(bits):
            return int(old or 0) | bits
        case BitXor(bits):
            return int(old or 0) ^ bits
        case Add(values):
            return [*(old or []), *values]
        case AddUnique(values):
            kept = list(old or [])
            for value in values:
                if not any(equal(value, known) for known in kept):
                    kept.append(value)
            return kept
        case Remove(values):
            return [known for known in old or [] if not any(equal(known, value) for value in values)]
        case AddRelation(members):
            assert all(isinstance(member, Pointer) for member in members)
            ids = frozenset(member.id for member in members if isinstance(member, Pointer))
            return Members(members[0].class_name, (old.ids if isinstance(old, Members) else frozenset()) | ids)
        case RemoveRelation(members):
            ids = frozenset(member.id for member in members if isinstance(member, Pointer))
            return Members(members[0].class_name, (old.ids if isinstance(old, Members) else frozenset()) - ids)
        case _:
            raise AssertionError(f"{change} has no result of its own")
