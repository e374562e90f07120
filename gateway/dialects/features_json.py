"""What a server can do, as an object of flags: `features:` has the name of the operation that each flag stands for."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from gateway.errors import MappingError
from gateway.mapping.shape import Codec
from gateway.model.catalogue import OPERATIONS


class FeaturesJson:
    """A leaf of the template is the name of an operation, or several with commas between them, or a flag as it is."""

    def __init__(self, template: dict[str, Any]) -> None:
        """Raises MappingError."""
        self._template = template
        self._check(template, "features")

    def _check(self, template: Any, where: str) -> None:
        if isinstance(template, dict):
            for name, part in template.items():
                self._check(part, f"{where}.{name}")
        elif type(template) is not bool:
            for name in _names(template):
                if name not in OPERATIONS:
                    raise MappingError(f"{where}: there is no operation {name!r}; there are {', '.join(OPERATIONS)}")

    def codecs(self) -> dict[str, Codec]:
        return {"features": Codec(self.read, self.write)}

    def write(self, able: Collection[str]) -> Any:
        return self._written(self._template, able)

    def _written(self, template: Any, able: Collection[str]) -> Any:
        if isinstance(template, dict):
            return {name: self._written(part, able) for name, part in template.items()}
        return template if type(template) is bool else all(name in able for name in _names(template))

    def read(self, wire: Any) -> frozenset[str]:
        return frozenset(self._read(self._template, wire))

    def _read(self, template: Any, wire: Any) -> set[str]:
        if isinstance(template, dict):
            parts = wire if type(wire) is dict else {}
            return set[str]().union(*(self._read(part, parts.get(name)) for name, part in template.items()))
        return set(_names(template)) if wire is True and type(template) is not bool else set()


def _names(leaf: Any) -> list[str]:
    return [name.strip() for name in str(leaf).split(",")]
