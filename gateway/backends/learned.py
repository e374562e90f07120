"""The columns of a server of others: asked of it by the gateway itself and kept for a while, or set by the config."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final, Protocol

from gateway.backends.columns import BETWEEN, NOT_COLUMNS, Columns
from gateway.dialects.dialect import Dialect
from gateway.errors import Code, GatewayError
from gateway.model.definition import Describe, FindSchemas
from gateway.model.operation import Caller, Operation, Result
from gateway.model.schema import ClassSchema, Field, Kind, Type

log = logging.getLogger(__name__)

LASTS: Final = 60.0
MOST_CLASSES: Final = 1000
"""Of those that are asked for one by one: what is above it is forgotten, and asked for again."""

KINDS: Final[Mapping[str, Kind]] = {kind.name.lower(): kind for kind in Kind}
"""What a configuration calls them."""


class Server(Protocol):
    """What is asked: `Remote`."""

    dialect: Dialect

    @property
    def has_master(self) -> bool: ...

    async def execute(self, op: Operation, caller: Caller) -> Result: ...


def read_column(text: str) -> Type:
    """`date`, `geo_point`, `pointer:_User`. Raises ValueError."""
    word, _, target = text.partition(":")
    kind = KINDS.get(word)
    if kind is None:
        raise ValueError(f"{word} is no type of a column; there are: {', '.join(KINDS)}")
    if (kind in BETWEEN) != bool(target):
        raise ValueError(f"{word} is written {word}:CLASS" if kind in BETWEEN else f"{word} is of no class")
    return Type(kind, target or None)


def read_columns(given: Mapping[str, Mapping[str, str]]) -> Mapping[str, Columns]:
    """Raises ValueError."""
    return {of: {name: read_column(text) for name, text in columns.items()} for of, columns in given.items()}


def can_tell(dialect: Dialect, *, has_master: bool) -> bool:
    """Whether a server of this dialect tells its columns to who has these keys."""
    return "describe" in dialect.operations or ("find_schemas" in dialect.operations and has_master)


class Learned:
    """A registry of columns (`columns.Registry`) that asks `server`, once for all who want to know at the same time.

    `given` goes before what the server tells. What was learned is known for `lasts` seconds.
    """

    def __init__(
        self,
        server: Server,
        app: str,
        *,
        given: Mapping[str, Columns] = MappingProxyType({}),
        lasts: float = LASTS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        self._given = given
        self._lasts = lasts
        self._now = now
        self._asker = Caller(app=app, master=server.has_master)
        self._all_at_once = "find_schemas" in server.dialect.operations and server.has_master
        self._can_tell = can_tell(server.dialect, has_master=server.has_master)
        self._classes: Mapping[str, Columns] = given
        self._details: dict[str, Mapping[str, Field]] = {}
        self._until = 0.0
        self._changes = 0
        self._asking = asyncio.Lock()
        self._begun = 0
        self._ended: tuple[int, GatewayError | None] = (0, None)

    def known(self) -> Mapping[str, Columns] | None:
        if not self._can_tell:
            return self._given
        return self._classes if self._now() < self._until else None

    def details(self, class_name: str) -> Mapping[str, Field]:
        return self._details.get(class_name, {})

    def outdated(self) -> None:
        self._until = 0.0
        self._changes += 1

    async def learned(self, class_names: Iterable[str] = ()) -> Mapping[str, Columns]:
        """What is so now. Where the server tells of one class at a time, of these at least.

        Raises GatewayError(UNAVAILABLE): without columns nobody can say what was meant.
        """
        if not self._can_tell:
            return self._given
        came = self._begun
        async with self._asking:
            number, failed = self._ended
            if not self._all_at_once or number <= came:  # else somebody asked who came later, and that does for all
                self._begun = number = self._begun + 1
                failed = await self._ask(frozenset(class_names))
                self._ended = (number, failed)
            if failed is not None:
                raise GatewayError(failed.code, failed.message)
            return self._classes

    async def _ask(self, class_names: frozenset[str]) -> GatewayError | None:
        """An error is answered, for all who wait for the same."""
        begun, changes, until = self._now(), self._changes, self._until
        try:
            if self._all_at_once:
                found = (await self._server.execute(FindSchemas(), self._asker)).schemas or []
                told = {schema.class_name: _columns(schema) for schema in found}
                self._details = {schema.class_name: schema.fields for schema in found}
                until = begun + self._lasts
            else:
                kept = dict(self._classes)
                if begun >= until or len(kept) + len(class_names) > MOST_CLASSES:
                    kept, until = {}, begun + self._lasts
                    self._details = {}
                told = await self._one_by_one(class_names, kept)
        except GatewayError as error:
            log.warning("the columns of a backend cannot be learned reason=%s", error.code.value)
            code = error.code if error.code is Code.TIMEOUT else Code.UNAVAILABLE
            return GatewayError(code, "which columns there are cannot be learned from what stands behind the gateway")
        self._until = until if changes == self._changes else 0.0  # what was told may be older than a write meanwhile
        self._classes = {**told, **{of: {**told.get(of, {}), **columns} for of, columns in self._given.items()}}
        return None

    async def _one_by_one(self, class_names: frozenset[str], told: dict[str, Columns]) -> dict[str, Columns]:
        for class_name in sorted(class_names):
            told.pop(class_name, None)
            try:
                found = await self._server.execute(Describe(class_name=class_name), self._asker)
            except GatewayError as error:
                # a class of a kind that the server does not have at all: who asks it for one is told so
                if error.code not in (Code.CLASS_NOT_FOUND, Code.BAD_CLASS_NAME, Code.UNSUPPORTED):
                    raise
            else:
                schema = found.schema or ClassSchema(class_name)
                told[class_name] = _columns(schema, class_name)
                self._details[class_name] = schema.fields
        return told


def _columns(schema: ClassSchema, class_name: str | None = None) -> Columns:
    hidden = NOT_COLUMNS.get(class_name or schema.class_name, frozenset())
    return {name: field.type for name, field in schema.fields.items() if name not in hidden}
