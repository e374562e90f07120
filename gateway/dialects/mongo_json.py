"""MongoDB Extended JSON, as `mongoexport` writes it: the values that JSON has no words for are objects with a `$` key.

Both of its forms, and that of old: `{"$date": "2026-01-02T03:04:05Z"}`, `{"$date": {"$numberLong": "1767323045000"}}`.
Source: MongoDB Extended JSON (v2), "Type Representations".
"""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from gateway.dialects.scalars import shown
from gateway.errors import Code, GatewayError
from gateway.model.values import Date


def read_mongo(wire: Any) -> Any:
    """A value with these objects read; others are as they stand. Raises GatewayError(BAD_VALUE)."""
    if type(wire) is list:
        return [read_mongo(item) for item in wire]
    if type(wire) is not dict:
        return wire
    kind = next(iter(wire), "")
    if not kind.startswith("$"):
        return {key: read_mongo(value) for key, value in wire.items()}
    try:
        return _read_tagged(kind, wire[kind])
    except (TypeError, ValueError, KeyError):
        raise GatewayError(Code.BAD_VALUE, f"this is not a valid {kind}: {shown(wire)}", name=kind) from None


def _read_tagged(kind: str, value: Any) -> Any:
    match kind, value:
        case "$date", str():
            return Date.read(value)
        case "$date", int():
            return Date.from_ms(value)
        case "$date", {"$numberLong": str(ms)}:
            return Date.from_ms(int(ms))
        case "$oid", str():
            return value
        case (("$numberInt" | "$numberLong"), str()):
            return int(value)
        case (("$numberDouble" | "$numberDecimal"), str()):
            return float(value)
        case "$binary", {"base64": str(text)}:
            return b64decode(text, validate=True)
    raise ValueError(kind)
