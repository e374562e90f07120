"""What a filter and an update mean, as plainly as Python can say it. Every store must agree.

Objects are model values by field, as `Result.object` has them; a relation is the ids of its `Members`. Nothing here is
fast, and nothing here is shared with a store.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from gateway.model.operation import Find
from gateway.model.query import (
    EARTH_RADIUS_KM,
    Aggregate,
    Aggregated,
    And,
    Arithmetic,
    Box,
    Call,
    Circle,
    Column,
    Comparison,
    Condition,
    Expression,
    Filter,
    Function,
    Inverse,
    JsonPath,
    Literal,
    Near,
    Not,
    Op,
    Or,
    Regex,
    RelatedTo,
    Sort,
    Subquery,
    Wildcard,
    columns_of,
)
from gateway.model.schema import READING, Action, ClassPermissions, Rule
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


def names(fields: Mapping[str, Value], field: str, user: str | None) -> bool:
    """Whether a field is a pointer to the user, or a list with one in it."""
    value = fields.get(field)
    return user is not None and any(one == Pointer("_User", user) for one in with_elements([value]))


def permitted(
    permissions: ClassPermissions | None,
    action: Action,
    fields: Mapping[str, Value],
    user: str | None,
    roles: Collection[str] = (),
) -> bool:
    """Whether a class lets a caller do this with an object; of a create, with the object that it becomes."""
    if permissions is None:
        return True
    rule = permissions.rules.get(action, Rule())
    if user is not None:
        said = [user in rule.denied_users, user in rule.users, set(roles) & rule.denied_roles, set(roles) & rule.roles]
        first = next((at for at, found in enumerate(said) if found), None)
        if first is not None:
            return first in (1, 3)
    if rule.everybody:
        return True
    more = permissions.read_fields if action in READING else permissions.write_fields
    pointers = rule.fields if action is Action.CREATE else (*rule.fields, *more)
    if rule.authenticated and user is None:
        return False
    if not pointers:
        return rule.authenticated
    return any(names(fields, field, user) for field in pointers)


def hidden(permissions: ClassPermissions | None, fields: Mapping[str, Value], user: str | None, roles: Any) -> set[str]:
    """The fields of an object that are shown to the caller by no group that it is in."""
    if permissions is None:
        return set()
    protected = permissions.protected
    groups = [protected.everybody]
    if user is not None:
        groups += [protected.authenticated, protected.users.get(user)]
        groups += [protected.roles[role] for role in roles if role in protected.roles]
    groups += [group for field, group in protected.fields.items() if names(fields, field, user)]
    sets = [set(group) for group in groups if group is not None]
    return set.intersection(*sets) if sets else set()


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
        case Inverse(owners, field, condition):
            this = Pointer(class_name, fields[ID])
            return any(
                is_in(this, o.get(field)) and matches(condition, owners, o, objects) for o in objects.get(owners, ())
            )
        case Comparison(left, op, right):
            paths = [*columns_of(left), *columns_of(right)]
            return any(
                compares(one, op, other)
                for way in ways(paths, fields, objects)
                for one in values_of(left, way)
                for other in values_of(right, way)
            )
        case Condition(field, Op.NE, value):
            return not holds(reached(fields, field), Op.EQ, value, objects)
        case Condition(field, Op.NOT_IN, value):
            return not holds(reached(fields, field), Op.IN, value, objects)
        case Condition(field, op, value):
            return holds(reached(fields, field), op, value, objects)


def holds(found: list[Value], op: Op, value: Any, objects: Objects) -> bool:  # noqa: C901, PLR0912 (one case an operator)
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
        case Op.LIKE:
            return any(like(one, value) for one in one_of)
        case Op.NEAR:
            return any(isinstance(one, GeoPoint) and in_reach(one, value) for one in one_of)
        case Op.WITHIN:
            return any(isinstance(one, GeoPoint) and within(one, value) for one in one_of)
        case Op.COVERS:
            return any(isinstance(one, Polygon) and inside(value, one) for one in one_of)
        case Op.NE | Op.NOT_IN:
            raise AssertionError("said by their complements")
        case Op.TEXT:
            raise AssertionError("searches have an oracle beside their tests")


def wanted_values(value: Any, objects: Objects) -> list[Value]:
    """The list of an IN; of a subquery the pointers to what it finds, or what is in a field of that, but no nulls."""
    if not isinstance(value, Subquery):
        return list(value)
    found = [o for o in objects.get(value.class_name, ()) if matches(value.where, value.class_name, o, objects)]
    if value.limit is not None:
        found = in_order(found, value.order)[value.skip : value.skip + value.limit]
    if value.key is None:
        return [Pointer(value.class_name, o[ID]) for o in found]
    return [
        one
        for o in found
        for way in ways([value.key], o, objects)
        for one in led_to(value.key, way)
        if one is not None and not isinstance(one, Members)
    ]


def is_in(member: Pointer, value: Value) -> bool:
    """Whether a pointer stands in a pointer or a relation field."""
    if isinstance(value, Members):
        return member.class_name == value.class_name and member.id in value.ids
    return isinstance(value, Pointer) and value == member


def like(value: Value, pattern: str) -> bool:
    """As SQL has it, in any case; of a number and of a date their texts."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Date):
        return False
    if isinstance(value, float):
        value = int(value) if value.is_integer() and abs(value) < 1e16 else value
    text = value.iso if isinstance(value, Date) else str(value)
    return like_at(text.lower(), pattern.lower())


def like_at(text: str, pattern: str) -> bool:
    match pattern[:1]:
        case "":
            return text == ""
        case "%":
            return any(like_at(text[at:], pattern[1:]) for at in range(len(text) + 1))
        case "_":
            return text != "" and like_at(text[1:], pattern[1:])
        case "\\" if len(pattern) > 1:
            pattern = pattern[1:]
    return text[:1] == pattern[:1] and like_at(text[1:], pattern[1:])


# expressions

Way = Mapping[str, Mapping[str, Value]]
"""Objects that the paths of an expression go through, by the part of the path that leads to them; its own is at ``."""


def ways(
    paths: Iterable[str], fields: Mapping[str, Value], objects: Objects, *, outer: bool = False
) -> list[dict[str, Mapping[str, Value]]]:
    """All combinations of the objects that paths lead to: of a relation there are several, one after the other.

    Where a path leads to none there is no way, unless it is `outer`: then it goes on with nothing there.
    """
    found: list[dict[str, Mapping[str, Value]]] = [{"": fields}]
    for path in paths:
        before = ""
        parts = path.split(".")
        for at, part in enumerate(parts):
            after = f"{before}{part}."
            last = at == len(parts) - 1
            known = [way for way in found if after in way]
            if len(known) == len(found) > 0:
                before = after
                continue
            holders = [way.get(before, {}).get(part) for way in found]
            if not any(isinstance(value, Members) or (isinstance(value, Pointer) and not last) for value in holders):
                break
            found = [
                {**way, after: target}
                for way, value in zip(found, holders, strict=True)
                for target in targets(value, objects) or ([{}] if outer else [])
            ]
            before = after
    return found


def targets(value: Value, objects: Objects) -> list[Mapping[str, Value]]:
    if isinstance(value, Pointer):
        return [o for o in objects.get(value.class_name, ()) if o[ID] == value.id]
    if isinstance(value, Members):
        return [o for o in objects.get(value.class_name, ()) if o[ID] in value.ids]
    return []


def led_to(path: str, way: Way) -> list[Value]:
    """What stands at a path: in the object that it leads to as far as it does."""
    parts = path.split(".")
    for size in range(len(parts) - 1, -1, -1):
        before = "".join(f"{part}." for part in parts[:size])
        if before in way:
            return reached(way[before], ".".join(parts[size:]))
    return []


def values_of(expression: Expression, way: Way) -> list[Value]:
    """Every value that an expression has: of most there is one, or none."""
    match expression:
        case Literal(value):
            return [value]
        case Column(path):
            found = led_to(path, way)
            if found and isinstance(found[0], Members):  # a relation as such is a member of it
                member = way[path + "."]
                return [Pointer(found[0].class_name, member[ID])] if ID in member else []
            return found
        case JsonPath(field, steps):
            return stepped([value for value in led_to(field, way) if isinstance(value, dict | list)], steps)
        case Arithmetic(operator, left, right):
            sides = (values_of(left, way), values_of(right, way))
            return [calculated(operator, one, other) for one in sides[0] for other in sides[1]]
        case Call(function, arguments):
            each: list[list[Value]] = [[]]
            for argument in arguments:
                each = [[*before, value] for before in each for value in values_of(argument, way)]
            return [called(function, one) for one in each]
        case Aggregated():
            raise AssertionError("said of a group")


def stepped(found: list[Value], steps: Sequence[str | int | Wildcard]) -> list[Value]:
    for step in steps:
        found = [inner for value in found for inner in at_step(value, step)]
    return found


def at_step(value: Value, step: str | int | Wildcard) -> list[Value]:
    if step is Wildcard.ANY_DEPTH:
        inside_of = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
        return [value, *(found for inner in inside_of for found in at_step(inner, step))]
    if step is Wildcard.ANY_KEY:
        return list(value.values()) if isinstance(value, dict) else []
    if step is Wildcard.ANY_INDEX:
        return value if isinstance(value, list) else []
    if isinstance(step, int):
        return [value[step]] if isinstance(value, list) and step < len(value) else []
    return [value[step]] if isinstance(value, dict) and step in value else []


def is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def calculated(operator: str, one: Value, other: Value) -> Value:
    if not is_number(one) or not is_number(other):
        return None
    result: Value
    if operator == "/":
        result = float(one) / float(other) if other != 0 else None
    else:
        result = one + other if operator == "+" else one - other if operator == "-" else one * other
    if isinstance(result, int) and not -(2**63) <= result < 2**63:
        result = float(result)
    return None if result is None or math.isnan(result) else result


def called(function: Function, arguments: Sequence[Value]) -> Value:
    first = arguments[0]
    match function:
        case Function.TIME:
            return first.iso[11:19] if isinstance(first, Date) else None
        case Function.LATITUDE:
            return first.latitude if isinstance(first, GeoPoint) else None
        case Function.LONGITUDE:
            return first.longitude if isinstance(first, GeoPoint) else None
        case Function.DISTANCE:
            other = arguments[1]
            if isinstance(first, GeoPoint) and isinstance(other, GeoPoint):
                return distance(first, other) * EARTH_RADIUS_KM * 1000
            return None
        case Function.WITHIN:
            area = arguments[1]
            return inside(first, area) if isinstance(first, GeoPoint) and isinstance(area, Polygon) else None


def compares(one: Value, op: Op, other: Value) -> bool:
    if op is Op.LIKE:
        return like(one, other)
    if isinstance(one, Pointer) and isinstance(other, Pointer):
        return (op is Op.EQ and one == other) or (op is Op.NE and one != other)
    if less(one, other) is None:
        return False
    below_it, above_it = bool(less(one, other)), bool(less(other, one))
    match op:
        case Op.EQ:
            return not below_it and not above_it
        case Op.NE:
            return below_it or above_it
        case Op.LT:
            return below_it
        case Op.LE:
            return not above_it
        case Op.GT:
            return above_it
    return not below_it


# rows that a query computes


def computed_rows(find: Find, objects: Objects) -> list[dict[str, Value]]:
    """The rows of groups, or each different row once, in order; all of them, with the names that the answer has."""
    outputs = {output.name: output.value for output in find.outputs}
    selected = find.select if find.select is not None else find.group_by
    shown = {name: outputs.get(name, Column(name)) for name in (*selected, *outputs)}
    grouped = {name: outputs.get(name, Column(name)) for name in find.group_by}
    aggregated = bool(find.group_by) or any(isinstance(value, Aggregated) for value in outputs.values())
    paths = [path for value in (*grouped.values(), *shown.values()) for path in columns_of(value)]
    found = [
        way
        for o in objects[find.class_name]
        if matches(find.where, find.class_name, o, objects)
        for way in ways(paths, o, objects, outer=True)
    ]
    groups: list[tuple[list[Value], list[Way]]] = []
    for way in found:
        key = [one_value(value, way) for value in grouped.values()]
        same = next((ways_of for known, ways_of in groups if equal(known, key)), None) if aggregated else None
        if same is not None:
            same.append(way)
        else:
            groups.append((key, [way]))
    if aggregated and not grouped and not groups:
        groups.append(([], []))
    rows: list[dict[str, Value]] = []
    for key, members in groups:
        row = dict(zip(grouped, key, strict=True))
        row |= {name: of_group(value, members) for name, value in shown.items()}
        told = {name: value for name, value in row.items() if value is not None}  # a null of a row is nothing
        if matches(find.having, "", told, objects):
            row = row if not find.distinct else {name: row[name] for name in shown}
            if not find.distinct or not any(equal(row, known) for known in rows):
                rows.append(row)
    return [{name: row[name] for name in shown} for row in in_order(rows, find.order)]


def one_value(expression: Expression, way: Way) -> Value:
    """As one value of a row: a path through a list has none, and one with wildcards has the list of all."""
    found = values_of(expression, way)
    if isinstance(expression, JsonPath) and any(isinstance(step, Wildcard) for step in expression.steps):
        return found or None
    return found[0] if found else None


def of_group(expression: Expression, members: Sequence[Way]) -> Value:
    if not isinstance(expression, Aggregated):
        return one_value(expression, members[0])
    values = [value for way in members if (value := one_value(expression.of, way)) is not None]
    numbers = [value for value in values if is_number(value)]
    match expression.aggregate:
        case Aggregate.COUNT:
            return len(values)
        case Aggregate.SUM:
            return math.fsum(numbers) if numbers else None
        case Aggregate.AVERAGE:
            return math.fsum(numbers) / len(numbers) if numbers else None
        case Aggregate.MIN:
            return min(values, key=lambda value: sort_key([value])) if values else None
        case Aggregate.MAX:
            return max(values, key=lambda value: sort_key([value])) if values else None


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
    """In the ring or on its edge, and in none of the holes; the edge of a hole is not in it."""
    return around(point, polygon.points) is not False and not any(around(point, hole) for hole in polygon.holes)


def around(point: GeoPoint, ring: Sequence[GeoPoint]) -> bool | None:
    """Whether its edges wind around the point, on the plane of degrees; None where it is on one."""
    x, y = point.longitude, point.latitude
    winding = 0
    for start, end in pairwise(ring):
        x1, y1, x2, y2 = start.longitude, start.latitude, end.longitude, end.latitude
        side = (x2 - x1) * (y - y1) - (x - x1) * (y2 - y1)
        if side == 0 and min(x1, x2) <= x <= max(x1, x2) and min(y1, y2) <= y <= max(y1, y2):
            return None
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
