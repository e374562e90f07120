"""What the store asks of a driver: SQL in, rows out. `sqlite.py` is the one file that knows one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from gateway.errors import GatewayError

SqlValue = str | int | float | bytes | None


class Connection(Protocol):
    """Raises GatewayError, Taken where a unique index refuses a row, TransactionLost, and nothing else."""

    def rows(self, sql: str, values: Sequence[SqlValue] = ()) -> list[tuple[Any, ...]]: ...

    def row(self, sql: str, values: Sequence[SqlValue] = ()) -> tuple[Any, ...] | None:
        """The first one."""

    def run(self, sql: str, values: Sequence[SqlValue] = ()) -> int:
        """How many rows it changed."""


class Taken(Exception):  # noqa: N818 (a state of affairs, told as DUPLICATE_VALUE by who knows the class)
    """A unique index has the value already. `index` is its name, or that of its column."""

    def __init__(self, index: str) -> None:
        super().__init__(index)
        self.index = index


class TransactionLost(Exception):  # noqa: N818 (as above)
    """SQL failed in a way that rolled the whole transaction back, as a full disk does. `error` says which."""

    def __init__(self, error: GatewayError) -> None:
        super().__init__(error.message)
        self.error = error
