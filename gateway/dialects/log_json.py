"""Entries of a log as a list of JSON objects; what their keys are, the mapping says (`log_entry:`)."""

from __future__ import annotations

import dataclasses
from typing import Any

from gateway.dialects.scalars import bad_value
from gateway.errors import Code, GatewayError, MappingError
from gateway.mapping.shape import ABSENT, Codec, Compiler, Shape
from gateway.model.services import LogEntry

SLOTS = frozenset(field.name for field in dataclasses.fields(LogEntry))


class LogJson:
    def __init__(self, template: dict[str, Any]) -> None:
        self._template = template
        self._shape: Shape | None = None

    def define(self, compiler: Compiler) -> None:
        """Raises MappingError."""
        shape = compiler.compile(self._template, "log_entry")
        if "message" not in shape.slots() or not shape.slots() <= SLOTS:
            raise MappingError(f"log_entry: must bind message, and besides only {', '.join(sorted(SLOTS))}")
        self._shape = shape

    def codecs(self) -> dict[str, Codec]:
        return {"log_entries": Codec(self.read, self.write)}

    def read(self, wire: Any) -> tuple[LogEntry, ...]:
        if type(wire) is not list:
            raise bad_value("a list of entries", wire)
        return tuple(map(self._read_one, wire))

    def _read_one(self, wire: Any) -> LogEntry:
        assert self._shape is not None
        found = self._shape.match(wire)
        if found is None or "message" not in found:
            raise GatewayError(Code.BAD_VALUE, "an entry of the log must be an object with a message")
        return LogEntry(**found)

    def write(self, entries: tuple[LogEntry, ...]) -> list[Any]:
        assert self._shape is not None
        filled = (self._shape.fill({slot: getattr(entry, slot) for slot in SLOTS}) for entry in entries)
        return [wire for wire in filled if wire is not ABSENT]
