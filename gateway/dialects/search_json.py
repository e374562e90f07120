"""What a search tells of each object besides its fields, and how its order may be said as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.dialects import lists
from gateway.dialects.names import FieldNames
from gateway.dialects.query_string import query_text
from gateway.dialects.scalars import shown
from gateway.errors import Code, GatewayError
from gateway.mapping.schema import SearchSection
from gateway.mapping.shape import ABSENT, Codec
from gateway.model.query import Sort
from gateway.model.values import HIGHLIGHTS, Fields
from gateway.wire import read_json

ALL: Final = "*"
_DESCENDING: Final = {"asc": False, "desc": True}
_MISSING: Final = {"_last": True, "_first": False}
_MODES: Final = frozenset({"avg", "min", "max"})


def search_codecs(section: SearchSection, names: FieldNames, objects: Codec) -> dict[str, Codec]:
    """`found` are objects with what is told besides; the others are parameters of a search."""
    fields = lists.fields(names)

    def read_highlights(wire: Any) -> tuple[str, ...]:
        return tuple(part if part == ALL else names.read(part) for part in lists.split(wire) if part)

    def write_highlights(told: tuple[str, ...]) -> str:
        return ",".join(part if part == ALL else names.write(part) for part in told)

    def write(found: list[Fields]) -> list[dict[str, Any]]:
        marked = [fields.pop(HIGHLIGHTS, None) for fields in found]
        for row, texts in zip(objects.write(found), marked, strict=True):
            row[section.highlights] = None if texts is None else {names.write(key): texts[key] for key in texts}
            row.update(dict.fromkeys(section.untold))
        told: list[dict[str, Any]] = found
        return told

    def read(wire: Any) -> list[Fields]:
        rows = wire if type(wire) is list else []
        marked = [row.pop(section.highlights, None) if type(row) is dict else None for row in rows]
        for row in rows:
            for name in section.untold if type(row) is dict else ():
                row.pop(name, None)
        found: list[Fields] = objects.read(wire)
        for fields, texts in zip(found, marked, strict=True):
            if type(texts) is dict:
                fields[HIGHLIGHTS] = {names.read(key): texts[key] for key in texts}
        return found

    return {
        "found": Codec(read, write),
        "query_text": query_text(names),
        "search_sort": Codec(lambda wire: {"order": _read_sorts(wire, names)}, lambda _values: ABSENT),
        "fields_or_all": Codec(read_highlights, write_highlights),
        "text_fields": Codec(lambda wire: fields.read(wire) or None, fields.write),
    }


def _read_sorts(wire: Any, names: FieldNames) -> tuple[Sort, ...]:
    """`[{"score": {"order": "desc", "mode": "avg", "missing": "_last"}}]`: LeanCloud's guide, "Sorting"."""
    sorts = read_json(wire) if type(wire) is str else wire
    if type(sorts) is dict:
        sorts = [sorts]
    if type(sorts) is not list or not all(type(sort) is dict and len(sort) == 1 for sort in sorts):
        raise GatewayError(Code.BAD_QUERY, f"expected a list of orders, each of one field, found {shown(wire)}")
    return tuple(_read_sort(name, options, names) for sort in sorts for name, options in sort.items())


def _read_sort(name: str, options: Any, names: FieldNames) -> Sort:
    if name == "_geo_distance":
        raise GatewayError(Code.UNSUPPORTED, "a search is not sorted by distance here", name=name)
    given: Mapping[str, Any] = options if type(options) is dict else {"order": options}
    if unknown := given.keys() - {"order", "mode", "missing"}:
        raise GatewayError(Code.BAD_QUERY, f"an order has no {', '.join(sorted(map(str, unknown)))}", name=name)
    descending, missing = given.get("order", "asc"), given.get("missing", "_last")
    if type(descending) is not str or descending not in _DESCENDING:
        raise GatewayError(Code.BAD_QUERY, f"an order is asc or desc, not {shown(descending)}", name=name)
    if type(missing) is not str or missing not in _MISSING:
        raise GatewayError(Code.UNSUPPORTED, f"what is missing is _last or _first, not {shown(missing)}", name=name)
    mode = given.get("mode", "avg")
    if type(mode) is not str or mode not in _MODES:
        raise GatewayError(Code.UNSUPPORTED, f"fields of several values are not sorted by {shown(mode)}", name=name)
    return Sort(names.read(name), _DESCENDING[descending], None, _MISSING[missing])
