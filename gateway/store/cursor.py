"""Where a scan goes on: a text that the client keeps, so that any gateway with the same secret can continue.

It is signed, not encrypted: the client can read the position, which it has seen, and cannot change it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

import orjson

from gateway.errors import Code, GatewayError
from gateway.model.operation import Scan
from gateway.store.connection import SqlValue

LIFETIME_MS: Final = 600_000
"""LeanCloud storage REST guide, "Traversing": a cursor is good for 10 minutes."""

SIGNATURE_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Position:
    """The last row that was told: the SQL value of the scan's key, and the id."""

    key: SqlValue
    id: str


def write_cursor(secret: bytes, scan: Scan, position: Position, now_ms: int) -> str:
    told = orjson.dumps([_digest(scan), position.key, position.id, now_ms])
    return base64.urlsafe_b64encode(_sign(secret, told) + told).decode().rstrip("=")


def read_cursor(secret: bytes, scan: Scan, cursor: str, now_ms: int) -> Position:
    """Raises GatewayError(BAD_CURSOR): not ours, of another query, or too old."""
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except (ValueError, binascii.Error):
        raw = b""
    signature, told = raw[:SIGNATURE_BYTES], raw[SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _sign(secret, told)):
        raise GatewayError(Code.BAD_CURSOR, "the cursor is not one that a scan returned")
    digest, key, known, made_ms = orjson.loads(told)
    if digest != _digest(scan):
        raise GatewayError(
            Code.BAD_CURSOR, "the cursor belongs to another scan: class, where and key must stay the same"
        )
    if not 0 <= now_ms - made_ms + LIFETIME_MS // 10 <= LIFETIME_MS + LIFETIME_MS // 10:
        raise GatewayError(Code.BAD_CURSOR, "the cursor has expired: it is good for 10 minutes")
    return Position(key, known)


def _digest(scan: Scan) -> str:
    """Of what must not change between two pages. The model is plain data, and its repr tells all of it."""
    return hashlib.sha256(repr((scan.class_name, scan.key, scan.where)).encode("utf-8", "replace")).hexdigest()[:32]


def _sign(secret: bytes, told: bytes) -> bytes:
    return hmac.digest(secret, b"scan cursor\0" + told, "sha256")
