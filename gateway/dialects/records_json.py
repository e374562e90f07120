"""Things of a few parts, and lists of them; what their keys are, the mapping says (`records:`).

A record is a mapping of parts in the model; a part that is not told is None.
`records: {message: {messageId: $id, data: $data}}` makes two codecs:
`message` of one, and `message_list` of several.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gateway.dialects.scalars import bad_value
from gateway.mapping.shape import ABSENT, Codec, Compiler, Shape


class RecordsJson:
    def __init__(self, templates: Mapping[str, Any]) -> None:
        self._templates = templates
        self._shapes: dict[str, Shape] = {}

    def define(self, compiler: Compiler) -> None:
        """Raises MappingError."""
        for name, template in self._templates.items():
            self._shapes[name] = compiler.compile(template, f"records.{name}")

    def codecs(self) -> dict[str, Codec]:
        one = {name: Codec(self._reader(name), self._writer(name)) for name in self._templates}
        return one | {f"{name}_list": _list_of(codec) for name, codec in one.items()}

    def _reader(self, name: str) -> Callable[[Any], dict[str, Any]]:
        def read(wire: Any) -> dict[str, Any]:
            shape = self._shapes[name]
            found = shape.match(wire)
            if found is None:
                raise bad_value(f"a {name}", wire)
            return dict.fromkeys(shape.slots()) | found

        return read

    def _writer(self, name: str) -> Callable[[Any], Any]:
        def write(parts: Any) -> Any:
            wire = self._shapes[name].fill(parts)
            return {} if wire is ABSENT else wire

        return write


def _list_of(codec: Codec) -> Codec:
    def read(wire: Any) -> list[Any]:
        if type(wire) is not list:
            raise bad_value("a list", wire)
        return [codec.read(each) for each in wire]

    return Codec(read, lambda several: [codec.write(each) for each in several])
