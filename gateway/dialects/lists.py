"""Parameters that are lists with commas: orders, selections of fields, paths to include; and the size of a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from gateway.dialects.names import FieldNames
from gateway.dialects.scalars import read_flag, read_integer, read_text, shown
from gateway.errors import Code, GatewayError
from gateway.mapping.schema import Beyond, PageLimits, TriggerRow
from gateway.mapping.shape import Codec
from gateway.model.query import Sort
from gateway.model.trigger import Moment
from gateway.model.values import SCORE


def split(wire: Any) -> list[str]:
    """`a, b` or, in a body, `["a", "b"]`. An empty text is an empty list."""
    if type(wire) is list and all(type(item) is str for item in wire):
        return [item.strip() for item in wire]
    if type(wire) is not str:
        raise GatewayError(Code.BAD_QUERY, f"expected names with commas between them, not {shown(wire)}")
    return [part.strip() for part in wire.split(",")] if wire.strip() else []


def _named(parts: list[str]) -> list[str]:
    if not all(parts):
        raise GatewayError(Code.BAD_QUERY, "a name is missing between two commas")
    return parts


def orders(names: FieldNames) -> Codec:
    """`-createdAt,name`: the most significant first, a leading `-` means descending.

    Source: Parse REST guide, "Queries", parameter `order`; LeanCloud storage REST guide, the same.
    """

    def read_one(part: str) -> Sort:
        field = names.read(part.removeprefix("-"))
        # Parse Server, RestQuery.js: what matches best comes first, with a minus and without
        return Sort(field, part[0] == "-" or field == SCORE)

    def read(wire: Any) -> tuple[Sort, ...]:
        return tuple(map(read_one, _named(split(wire))))

    def write_one(sort: Sort) -> str:
        if sort.missing_last not in (None, sort.descending) or (sort.field == SCORE and not sort.descending):
            raise GatewayError(Code.UNSUPPORTED, f"objects cannot be sorted like that by {sort.field} here")
        return ("-" if sort.descending and sort.field != SCORE else "") + names.write(sort.field)

    def write(order: tuple[Sort, ...]) -> str | None:
        return ",".join(map(write_one, order)) or None

    return Codec(read, write)


def moments(triggers: Mapping[Moment, TriggerRow]) -> Codec:
    """A list of the vendor's words for triggers; those that we have no trigger for say nothing."""
    known = {row.word: moment for moment, row in triggers.items()}

    def read(wire: Any) -> tuple[str, ...]:
        if type(wire) is not list or not all(type(word) is str for word in wire):
            raise GatewayError(Code.BAD_VALUE, f"expected a list of the names of hooks, not {shown(wire)}")
        return tuple(known[word] for word in wire if word in known)

    return Codec(read, lambda asked: [triggers[moment].word for moment in asked if moment in triggers])


def scan_key(names: FieldNames) -> Codec:
    """One sort, as `-score`."""
    order = orders(names)

    def read(wire: Any) -> Sort:
        keys: tuple[Sort, ...] = order.read(wire)
        if len(keys) != 1:
            raise GatewayError(Code.BAD_QUERY, f"expected the name of one field, not {shown(wire)}")
        return keys[0]

    return Codec(read, lambda key: order.write((key,)))


def fields(names: FieldNames) -> Codec:
    """`title,meta.views` as fields."""

    def read(wire: Any) -> tuple[str, ...]:
        return tuple(names.read(part) for part in _named(split(wire)))

    return Codec(read, lambda value: ",".join(map(names.write, value)))


def excluded(names: FieldNames) -> Codec:
    """The same, where no fields is the same as no parameter; a system field is always there, whatever is asked."""
    codec = fields(names)

    def read(wire: Any) -> tuple[str, ...]:
        return tuple(field for field in codec.read(wire) if field[0] != "@")

    return Codec(read, lambda value: codec.write(value) if value else None)


def signed_fields(names: FieldNames) -> Codec:
    """`title,-meta.views`: fields to keep, and with a minus fields to leave out.

    Source: LeanCloud storage REST guide, "Query Constraints", parameter `keys`.
    """

    def read(wire: Any) -> dict[str, Any]:
        parts = _named(split(wire))
        kept = tuple(names.read(part) for part in parts if part[0] != "-")
        left_out = tuple(names.read(part[1:]) for part in parts if part[0] == "-")
        return {"select": kept if kept or not left_out else None, "exclude": left_out}

    def write(values: Mapping[str, Any]) -> str | None:
        kept, left_out = values.get("select"), values.get("exclude") or ()
        if kept is None and not left_out:
            return None
        return ",".join([*map(names.write, kept or ()), *("-" + names.write(field) for field in left_out)])

    return Codec(read, write)


def includes(names: FieldNames, *, every: bool) -> Codec:
    """`post.author,item`; with `every` also `*`, all pointers there are."""

    def read(wire: Any) -> tuple[str, ...]:
        # an empty name is read past: SDKs join lists that may be empty
        return tuple(part if every and part == "*" else names.read(part) for part in split(wire) if part)

    def write(paths: tuple[str, ...]) -> str | None:
        if not every and "*" in paths:
            raise GatewayError(Code.UNSUPPORTED, "objects can be included one by one only here")
        return ",".join(path if path == "*" else names.write(path) for path in paths) or None

    return Codec(read, write)


def include_all() -> Codec:
    """A flag that means `*`, which is how it is written."""

    def read(wire: Any) -> dict[str, Any]:
        return {"include": ("*",)} if read_flag(wire) else {}

    return Codec(read, lambda values: None)


def page_size(limits: PageLimits) -> Codec:
    """How many objects to answer. What is out of range means, the mapping says: the vendors differ."""

    def beyond(rule: Beyond, asked: int, bound: int) -> int:
        match rule:
            case Beyond.DEFAULT:
                return limits.default
            case Beyond.CAP:
                return bound
            case Beyond.REFUSE:
                raise GatewayError(Code.BAD_PAGE, f"the limit {asked} is not between 0 and {limits.largest}")

    def read(wire: Any) -> int:
        asked = _whole(wire, "limit")
        if asked < 0:
            return beyond(limits.negative, asked, 0)
        return asked if asked <= limits.largest else beyond(limits.too_large, asked, limits.largest)

    return Codec(read, lambda value: value)


def _whole(wire: Any, name: str) -> int:
    try:
        return read_integer(wire)
    except GatewayError:
        raise GatewayError(Code.BAD_QUERY, f"{name} must be a whole number, not {shown(wire)}", name=name) from None


def skip() -> Codec:
    def read(wire: Any) -> int:
        asked = _whole(wire, "skip")
        if asked < 0:
            raise GatewayError(Code.BAD_QUERY, f"skip must not be negative: {asked}", name="skip")
        return asked

    return Codec(read, lambda value: value or None)


DEEPEST: Final = 10


def depth() -> Codec:
    """How many levels of everything to include."""

    def read(wire: Any) -> int:
        asked = _whole(wire, "depth")
        if not 0 <= asked <= DEEPEST:
            raise GatewayError(Code.BAD_QUERY, f"a depth is between 0 and {DEEPEST}, not {asked}", name="depth")
        return asked

    return Codec(read, lambda value: value or None)


def levels() -> Codec:
    """How many levels of groups are opened: with 0 only the first is told, which is to be said."""
    return Codec(depth().read, lambda value: value)


def relation_column(names: FieldNames) -> Codec:
    """`friends`, or `friends:Person:n` for a relation that is made where there is none, and `:1` for a pointer."""

    def read(wire: Any) -> dict[str, Any]:
        name, *more = read_text(wire).split(":")
        field = names.read(name)
        if not more:
            return {"field": field}
        if len(more) != 2 or more[1] not in ("1", "n"):
            raise GatewayError(Code.BAD_QUERY, f"expected a column, or column:Table:1 or :n, found {shown(wire)}")
        return {"field": field, "target": names.read_class(more[0]), "single": more[1] == "1"}

    def write(values: Mapping[str, Any]) -> str:
        name, target = names.write(values["field"]), values.get("target")
        if target is None:
            return name
        return f"{name}:{names.write_class(target)}:{'1' if values.get('single') else 'n'}"

    return Codec(read, write)


def table(name: str, rows: Mapping[str, str | tuple[str, ...]], member: Callable[[str], Any]) -> Codec:
    """A two-way table of a mapping; a flag or a number is looked up by its text.

    A row of several values is read as the first, and written for each: the nearest that the vendor has.
    """
    members = {
        wire: [member(v) for v in ((values,) if isinstance(values, str) else values)] for wire, values in rows.items()
    }
    read_rows = {wire: values[0] for wire, values in members.items()}
    write_rows: dict[Any, str] = {}
    for wire, values in members.items():
        for value in values:
            write_rows.setdefault(value, wire)

    def read(wire: Any) -> Any:
        key = str(wire).lower() if type(wire) is bool else str(wire)
        if key not in read_rows:
            raise GatewayError(
                Code.BAD_REQUEST, f"expected one of {', '.join(read_rows)}, not {shown(wire)}", name=name
            )
        return read_rows[key]

    return Codec(read, write_rows.get)
