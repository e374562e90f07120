"""The template language: one template both writes and reads a piece of a wire.

    $name            a slot: bound to a value when reading, replaced by it when writing
    $name|codec      the same, encoded
    $name?           the same, but null where it has no value
    $?               null, always; whatever stands there is read past
    <$name|codec     another spelling of a slot: read, never written
    text$name        a slot with constant text before or after it
    $|codec          a codec that binds several slots at once
    {key: template}  an object; `+: $name|codec` takes the keys that are not named, `key: ~` is read past, `+: ~` too
    {=: anything}    a constant, which may be a list
    {key?: template} the same, but a key that may be absent when reading, whatever its template says
    [a, b]           alternatives: the first that fits
    anything else    a constant: written as it is, required when reading

`fill` writes and `match` reads. A slot without a value (None) is left out, and a key that is absent binds nothing:
whether a slot must be bound is said by the operation, and checked when a mapping is compiled.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from gateway.errors import Code, GatewayError, MappingError


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()
"""Nothing at all on the wire, which is not the same as null."""

Bindings = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Codec:
    """One encoding, both directions. `read` raises GatewayError on anything that it cannot read."""

    read: Callable[[Any], Any]
    write: Callable[[Any], Any]


IDENTITY: Final = Codec(lambda wire: wire, lambda value: value)


class Shape(Protocol):
    """A compiled template."""

    def fill(self, values: Mapping[str, Any]) -> Any:
        """The wire for these values, or ABSENT."""

    def match(self, wire: Any) -> Bindings | None:
        """The bindings of a wire (or of ABSENT), or None where it does not fit."""

    def slots(self) -> frozenset[str]: ...


@dataclass(frozen=True, slots=True)
class Constant:
    wire: Any

    def fill(self, values: Mapping[str, Any]) -> Any:
        return self.wire

    def match(self, wire: Any) -> Bindings | None:
        # in Python 1 and True are equal, in JSON they are not
        return {} if wire == self.wire and type(wire) is type(self.wire) else None

    def slots(self) -> frozenset[str]:
        return frozenset()


@dataclass(frozen=True, slots=True)
class Passed:
    """A key that is read past and never written, or always written as the same."""

    wire: Any = ABSENT

    def fill(self, values: Mapping[str, Any]) -> Any:
        return self.wire

    def match(self, wire: Any) -> Bindings | None:
        return {}

    def slots(self) -> frozenset[str]:
        return frozenset()


@dataclass(frozen=True, slots=True)
class Maybe:
    """A key that need not be there when reading."""

    shape: Shape

    def fill(self, values: Mapping[str, Any]) -> Any:
        wire = self.shape.fill(values)
        return ABSENT if wire == {} else wire

    def match(self, wire: Any) -> Bindings | None:
        return {} if wire is ABSENT or wire is None else self.shape.match(wire)

    def slots(self) -> frozenset[str]:
        return self.shape.slots()


@dataclass(frozen=True, slots=True)
class Slot:
    name: str
    codec: Codec = IDENTITY
    nothing: Any = ABSENT
    """What is written where there is no value."""

    def fill(self, values: Mapping[str, Any]) -> Any:
        value = values.get(self.name)
        wire = None if value is None else self.codec.write(value)
        return self.nothing if wire is None else wire

    def match(self, wire: Any) -> Bindings | None:
        return {} if wire is ABSENT or wire is None else {self.name: self.codec.read(wire)}

    def slots(self) -> frozenset[str]:
        return frozenset((self.name,))


@dataclass(frozen=True, slots=True)
class ReadOnly:
    """Another spelling of a slot: read, never written."""

    slot: Slot

    def fill(self, values: Mapping[str, Any]) -> Any:
        return ABSENT

    def match(self, wire: Any) -> Bindings | None:
        return self.slot.match(wire)

    def slots(self) -> frozenset[str]:
        return self.slot.slots()


@dataclass(frozen=True, slots=True)
class Spliced:
    """A codec that reads to, and writes from, several slots."""

    codec: Codec
    names: frozenset[str]
    nothing: Any = ABSENT

    def fill(self, values: Mapping[str, Any]) -> Any:
        wire = self.codec.write(values)
        return self.nothing if wire is None or wire is ABSENT else wire

    def match(self, wire: Any) -> Bindings | None:
        return {} if wire is ABSENT or wire is None else dict(self.codec.read(wire))

    def slots(self) -> frozenset[str]:
        return self.names


@dataclass(frozen=True, slots=True)
class Affixed:
    """A slot in the middle of constant text, such as `$master_key,master`."""

    before: str
    name: str
    after: str

    def fill(self, values: Mapping[str, Any]) -> Any:
        value = values.get(self.name)
        return ABSENT if value is None else f"{self.before}{value}{self.after}"

    def match(self, wire: Any) -> Bindings | None:
        if not isinstance(wire, str) or len(wire) <= len(self.before) + len(self.after):
            return None
        if not wire.startswith(self.before) or not wire.endswith(self.after):
            return None
        return {self.name: wire[len(self.before) : len(wire) - len(self.after)]}

    def slots(self) -> frozenset[str]:
        return frozenset((self.name,))


@dataclass(frozen=True, slots=True)
class Record:
    """A JSON object. `open` lets unnamed keys pass when reading (an answer of a backend); else they are an error."""

    parts: Mapping[str, Shape]
    rest: Slot | None = None
    open: bool = False

    def fill(self, values: Mapping[str, Any]) -> Any:
        wire: dict[str, Any] = {}
        for key, part in self.parts.items():
            filled = part.fill(values)
            if filled is not ABSENT:
                wire[key] = filled
        if self.rest is not None:
            spread = self.rest.fill(values)
            if spread is not ABSENT:
                wire.update(spread)
        return wire

    def match(self, wire: Any) -> Bindings | None:
        if not isinstance(wire, dict):
            return None
        bound: Bindings = {}
        for key, part in self.parts.items():
            found = part.match(wire.get(key, ABSENT))
            if found is None:
                return None
            bound.update(found)
        if self.rest is not None:
            rest = {key: value for key, value in wire.items() if key not in self.parts}
            if rest or not self.open:  # an answer with nothing else in it does not say that there is nothing
                bound.update(self.rest.match(rest) or {})
        elif not self.open:
            for key in wire:
                if key not in self.parts:
                    raise GatewayError(Code.BAD_REQUEST, f"unknown key {key!r} in the body", name=key)
        return bound

    def slots(self) -> frozenset[str]:
        names = frozenset[str]().union(*(part.slots() for part in self.parts.values()))
        return names if self.rest is None else names | self.rest.slots()


@dataclass(frozen=True, slots=True)
class Either:
    """Alternatives: the first whose slots all have a value is written, the first that fits is read."""

    shapes: tuple[Shape, ...]

    def fill(self, values: Mapping[str, Any]) -> Any:
        for shape in self.shapes:
            if all(values.get(name) is not None for name in shape.slots()):
                return shape.fill(values)
        return ABSENT

    def match(self, wire: Any) -> Bindings | None:
        for shape in self.shapes:
            found = shape.match(wire)
            if found is not None:
                return found
        return None

    def slots(self) -> frozenset[str]:
        return frozenset[str]().union(*(shape.slots() for shape in self.shapes))


_SLOT = re.compile(r"(?P<read_only><)?\$(?P<name>[a-z][a-z0-9_]*)?(?:\|(?P<codec>[a-z0-9_]+))?(?P<null>\?)?")
_AFFIXED = re.compile(r"(?P<before>[^$]*)\$(?P<name>[a-z][a-z0-9_]*)(?P<after>[^$|?]*)")


@dataclass(frozen=True, slots=True)
class Compiler:
    """Makes shapes of templates. `where` in the errors is the key of the mapping that the template stands at."""

    codecs: Mapping[str, Codec]
    splices: Mapping[str, frozenset[str]]
    """Codecs that bind several slots, with their names."""
    open: bool = False

    def compile(self, template: Any, where: str) -> Shape:
        if isinstance(template, str) and "$" in template:
            return self._text(template, where)
        if isinstance(template, list):
            if not template:
                raise MappingError(f"{where}: no alternative is left to choose from")
            return Either(tuple(self.compile(part, f"{where}.{i}") for i, part in enumerate(template)))
        if isinstance(template, dict) and template.keys() == {"="}:
            return Constant(template["="])
        if isinstance(template, dict):
            rest = template.get("+")
            parts: dict[str, Shape] = {}
            for key, part in template.items():
                if key != "+":
                    name = key.removesuffix("?")
                    shape = Passed() if part is None else self.compile(part, f"{where}.{name}")
                    parts[name] = shape if name == key else Maybe(shape)
            read_past = "+" in template and rest is None
            return Record(parts, self._rest(rest, where) if rest is not None else None, self.open or read_past)
        return Constant(template)

    def _rest(self, template: Any, where: str) -> Slot:
        shape = self.compile(template, f"{where}.+")
        if not isinstance(shape, Slot):
            raise MappingError(f"{where}.+: must be a slot, such as $object|object")
        return shape

    def _text(self, template: str, where: str) -> Shape:
        if template == "$?":
            return Passed(None)
        plain = _SLOT.fullmatch(template)
        if plain is None:
            affixed = _AFFIXED.fullmatch(template)
            if affixed is None:
                raise MappingError(f"{where}: {template!r} is not a slot: expected $name or $name|codec")
            return Affixed(affixed["before"], affixed["name"], affixed["after"])
        name, codec = plain["name"], plain["codec"]
        if codec is not None and codec not in self.codecs:
            raise MappingError(f"{where}: there is no codec {codec!r}; there are {', '.join(sorted(self.codecs))}")
        if name is None:
            if codec not in self.splices:
                raise MappingError(f"{where}: {template!r} names no slot, and its codec does not bind several")
            return Spliced(self.codecs[codec], self.splices[codec], None if plain["null"] else ABSENT)
        if codec in self.splices:
            raise MappingError(f"{where}: {codec} binds several slots of its own: write $|{codec}")
        slot = Slot(name, self.codecs[codec] if codec else IDENTITY, None if plain["null"] else ABSENT)
        return ReadOnly(slot) if plain["read_only"] else slot
