"""A filter as JSON, to be kept until it is asked, and read back by whichever gateway asks it then.

Whatever is no plain JSON is an object of one key, the name of its class, and a list of its fields; a dict of the
client's own is such an object as well, so that no key in it is taken for one of ours. An older gateway may meet a
filter of a newer one: what it does not know is UNSUPPORTED.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from gateway.errors import Code, GatewayError
from gateway.model import query, values
from gateway.model.query import Filter

_CLASSES: Final[Mapping[str, Any]] = {
    kind.__name__: kind
    for module in (query, values)
    for kind in vars(module).values()
    if isinstance(kind, type) and kind.__module__ == module.__name__ and dataclasses.is_dataclass(kind)
}
_WORDS: Final[Mapping[str, Any]] = {
    kind.__name__: kind
    for kind in vars(query).values()
    if isinstance(kind, type) and issubclass(kind, StrEnum) and kind.__module__ == query.__name__
}


def kept(where: Filter | None) -> Any:
    """The filter as JSON."""
    return _kept(where)


def read_kept(wire: Any) -> Filter | None:
    """What `kept` made of it. Raises GatewayError(UNSUPPORTED)."""
    found: Filter | None = _read(wire)
    return found


def _kept(value: Any) -> Any:
    match value:
        case None | bool():
            return value
        case StrEnum():
            return {type(value).__name__: value.value}
        case int() | float() | str():
            return value
        case bytes():
            return {"bytes": base64.b64encode(value).decode()}
        case list():
            return [_kept(item) for item in value]
        case tuple():
            return {"tuple": [_kept(item) for item in value]}
        case dict():
            return {"dict": {name: _kept(item) for name, item in value.items()}}
    fields = [_kept(getattr(value, field.name)) for field in dataclasses.fields(value)]
    return {type(value).__name__: fields}


def _read(wire: Any) -> Any:
    if isinstance(wire, list):
        return [_read(item) for item in wire]
    if not isinstance(wire, dict):
        return wire
    ((name, content),) = wire.items()
    match name:
        case "bytes":
            return base64.b64decode(content)
        case "tuple":
            return tuple(_read(item) for item in content)
        case "dict":
            return {key: _read(item) for key, item in content.items()}
    if name in _WORDS:
        return _WORDS[name](content)
    parts = dataclasses.fields(_CLASSES[name]) if name in _CLASSES else ()
    # what an older gateway kept has no parts that came since: they have defaults, and stand last
    needed = sum(1 for part in parts if part.default is dataclasses.MISSING)
    if name not in _CLASSES or not needed <= len(content) <= len(parts):
        raise GatewayError(Code.UNSUPPORTED, f"this gateway does not know the condition {name}")
    return _CLASSES[name](*map(_read, content))
