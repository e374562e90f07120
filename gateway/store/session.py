"""What one job works with: a connection, the schema as its transaction sees it, and what time it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from gateway.errors import Code, GatewayError
from gateway.model.account import ROLE
from gateway.model.values import Date
from gateway.store.connection import Connection, Taken, TransactionLost
from gateway.store.roles import RELATIONS
from gateway.store.schema import ClassSchema, Schema, add_class, add_column, add_index, check_class_name
from gateway.store.text_index import extend


class Clock:
    """Milliseconds since 1970, as the model's dates. Most are asked for within the millisecond of the one before."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self.now_ms = now_ms
        self._last = (-1, Date(""))

    def now(self) -> Date:
        ms = self.now_ms()
        if self._last[0] != ms:
            self._last = (ms, Date.from_ms(ms))
        return self._last[1]


class Session:
    """One connection, the schema as its transaction sees it, and what time it is."""

    def __init__(self, connection: Connection, schema: Schema, clock: Clock, secret: bytes) -> None:
        self.connection = connection
        self.schema = schema
        self.clock = clock
        self.secret = secret
        self.guarded = False
        self.has_fixed_schema = False

    def guard(self) -> None:
        """Called before the first of several statements of one job, so that whoever runs it can undo them together.

        A statement alone does all or nothing by itself, and most creates and updates are one: it is their last act.
        """
        if not self.guarded:
            self.guarded = True
            self.connection.run("SAVEPOINT job")

    @contextmanager
    def savepoint(self, name: str) -> Iterator[None]:
        """What happens inside happens whole or not at all, the schema included."""
        schema = self.schema
        self.connection.run(f"SAVEPOINT {name}")
        try:
            yield
        except BaseException as error:
            self.schema = schema
            if not isinstance(error, TransactionLost):
                self.connection.run(f"ROLLBACK TO {name}")
                self.connection.run(f"RELEASE {name}")
            raise
        self.connection.run(f"RELEASE {name}")

    @contextmanager
    def fixed(self, fixed: bool) -> Iterator[None]:
        """With `fixed` no class and no column is made inside."""
        before, self.has_fixed_schema = self.has_fixed_schema, fixed
        try:
            yield
        finally:
            self.has_fixed_schema = before

    def declare_index(self, class_name: str, fields: Sequence[str], *, unique: bool) -> None:
        self.guard()
        owner = self.made_class(class_name, private=True)
        try:
            self.schema = add_index(self.connection, self.schema, owner, fields, unique=unique)
        except Taken as taken:
            raise GatewayError(
                Code.DUPLICATE_VALUE,
                f"{class_name}.{','.join(fields)} cannot become unique: objects with equal values are there",
                class_name=class_name,
                field=",".join(fields),
            ) from taken

    def index_texts(self, class_name: str) -> bool:
        """A part of what makes the texts of a class searchable; whether that was the last."""
        self.guard()
        self.schema, complete = extend(self.connection, self.schema, class_name)
        return complete

    def made_class(self, name: str, *, private: bool) -> ClassSchema:
        """`private` is whether it may be a private one."""
        if name not in (self.schema if private else self.schema.public).classes:
            check_class_name(name, private=private)
            if self.has_fixed_schema:
                raise GatewayError(Code.CLASS_NOT_FOUND, f"there is no class {name!r}", class_name=name)
            self.guard()
            self.schema = add_class(self.connection, self.schema, name)
            # recorded of Parse Server: a role shows its relations from the start, though nobody is in them
            for field, kind in RELATIONS.items() if name == ROLE else ():
                self.schema = add_column(self.connection, self.schema, self.schema.classes[name], field, kind)
        return self.schema.classes[name]
