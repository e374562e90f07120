"""Where a scan or a search goes on: a text that the client keeps. Any gateway with the same secret can continue.

It is signed, not encrypted: the client can read the position, which it has seen, and cannot change it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import Any, Final

import orjson

from gateway.errors import Code, GatewayError
from gateway.model.operation import Find, Scan
from gateway.store.connection import SqlValue

LIFETIME_MS: Final = 600_000
"""LeanCloud storage REST guide, "Traversing": a cursor is good for 10 minutes."""

SIGNATURE_BYTES: Final = 32

SCAN: Final = "scan"
SEARCH: Final = "search"


@dataclass(frozen=True, slots=True)
class Position:
    """The last row that was told: the SQL value of the scan's key, and the id."""

    key: SqlValue
    id: str


def write_cursor(secret: bytes, scan: Scan, position: Position, now_ms: int) -> str:
    return _written(secret, SCAN, [_of_scan(scan), position.key, position.id, now_ms])


def read_cursor(secret: bytes, scan: Scan, cursor: str, now_ms: int) -> Position:
    """Raises GatewayError(BAD_CURSOR): not ours, of another query, or too old."""
    digest, key, known, made_ms = _read(secret, SCAN, cursor)
    if digest != _of_scan(scan):
        raise GatewayError(
            Code.BAD_CURSOR, "the cursor belongs to another scan: class, where and key must stay the same"
        )
    _check_age(made_ms, now_ms)
    return Position(key, known)


def write_place(secret: bytes, search: Find, skip: int, now_ms: int) -> str:
    """Where a search goes on: after so many objects."""
    return _written(secret, SEARCH, [_of_search(search), skip, now_ms])


def read_place(secret: bytes, search: Find, cursor: str, now_ms: int) -> int:
    """Raises GatewayError(BAD_CURSOR) as `read_cursor`."""
    digest, skip, made_ms = _read(secret, SEARCH, cursor)
    if digest != _of_search(search):
        raise GatewayError(
            Code.BAD_CURSOR, "the cursor belongs to another search: class, text, fields and order must stay the same"
        )
    _check_age(made_ms, now_ms)
    return int(skip)


def _of_scan(scan: Scan) -> str:
    """What must not change between two pages. The model is plain data, and its repr tells all of it."""
    return _digest((scan.class_name, scan.key, scan.where))


def _of_search(search: Find) -> str:
    return _digest((search.class_name, search.where, search.text, search.text_fields, search.order))


def _digest(parts: tuple[object, ...]) -> str:
    return hashlib.sha256(repr(parts).encode("utf-8", "replace")).hexdigest()[:32]


def _written(secret: bytes, what: str, parts: list[Any]) -> str:
    told = orjson.dumps(parts)
    return base64.urlsafe_b64encode(_sign(secret, what, told) + told).decode().rstrip("=")


def _read(secret: bytes, what: str, cursor: str) -> list[Any]:
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except (ValueError, binascii.Error):
        raw = b""
    signature, told = raw[:SIGNATURE_BYTES], raw[SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _sign(secret, what, told)):
        raise GatewayError(Code.BAD_CURSOR, f"the cursor is not one that a {what} returned")
    parts: list[Any] = orjson.loads(told)
    return parts


def _check_age(made_ms: int, now_ms: int) -> None:
    if not 0 <= now_ms - made_ms + LIFETIME_MS // 10 <= LIFETIME_MS + LIFETIME_MS // 10:
        raise GatewayError(Code.BAD_CURSOR, "the cursor has expired: it is good for 10 minutes")


def _sign(secret: bytes, what: str, told: bytes) -> bytes:
    return hmac.digest(secret, what.encode() + b" cursor\0" + told, "sha256")
