"""Registered webhooks as JSON objects; what their keys are, the mapping says (`registered_hooks:`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.dialects import lists
from gateway.errors import MappingError
from gateway.mapping.schema import MappingFile, RegisteredSection
from gateway.mapping.shape import Codec, Compiler, Shape
from gateway.model.code import RegisteredHook
from gateway.model.trigger import Moment

FUNCTION = frozenset({"name", "url", "warning"})
TRIGGER = FUNCTION | {"class_name"}


class RegisteredJson:
    def __init__(self, section: RegisteredSection, words: Mapping[str, Moment]) -> None:
        self._section = section
        self._triggers = lists.table("trigger", words, Moment)
        self._function: Shape | None = None
        self._trigger: Shape | None = None

    @classmethod
    def of(cls, file: MappingFile) -> RegisteredJson | None:
        """Those of a mapping, if it has any. Their triggers go by the words of `hooks:`."""
        if file.registered_hooks is None:
            return None
        triggers = {} if file.hooks is None else file.hooks.triggers
        return cls(file.registered_hooks, {row.word: moment for moment, row in triggers.items()})

    def define(self, compiler: Compiler) -> None:
        """Raises MappingError."""
        self._function = compiler.compile(self._section.function, "registered_hooks.function")
        self._trigger = compiler.compile(self._section.trigger, "registered_hooks.trigger")
        for key, shape, slots in (("function", self._function, FUNCTION), ("trigger", self._trigger, TRIGGER)):
            if shape.slots() != slots:
                raise MappingError(f"registered_hooks.{key}: must bind {', '.join(sorted(slots))}")
            try:
                getattr(self._section.warnings, key).format_map({"name": "", "class_name": ""})
            except (KeyError, ValueError):
                raise MappingError(
                    f"registered_hooks.warnings.{key}: can have {{name}} and {{class_name}} in it, and no other hole"
                ) from None

    def codecs(self) -> dict[str, Codec]:
        many = Codec(lambda wire: list(map(self.read, wire)), lambda hooks: list(map(self.write, hooks)))
        return {"trigger": self._triggers, "registered_hook": Codec(self.read, self.write), "registered_hooks": many}

    def read(self, wire: Any) -> RegisteredHook | None:
        """What another server tells: one without a name is none."""
        assert self._function is not None
        assert self._trigger is not None
        for shape in (self._trigger, self._function):
            found = shape.match(wire)
            if found is not None and found.keys() >= shape.slots() - {"url", "warning"}:
                hides = found.pop("warning", None) is not None
                return RegisteredHook(**found, hides=hides)
        return None

    def write(self, hook: RegisteredHook) -> Any:
        assert self._function is not None
        assert self._trigger is not None
        words = {"name": self.word(hook.name) if hook.class_name else hook.name, "class_name": hook.class_name}
        warnings = self._section.warnings
        sentence = warnings.trigger if hook.class_name else warnings.function
        warning = sentence.format_map(words) if hook.hides else None
        values = {"name": hook.name, "class_name": hook.class_name, "url": hook.url, "warning": warning}
        return (self._trigger if hook.class_name else self._function).fill(values)

    def word(self, moment: str) -> str:
        """What the vendor calls a trigger, for its sentences."""
        return self._triggers.write(moment) or moment
