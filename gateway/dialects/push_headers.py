"""Pushes that are said by the headers of a message, and types of devices that are bits of a number.

What the headers are called, and the types in the order of their bits, the mapping says (`push_headers:`).
"""

from __future__ import annotations

from typing import Any

from gateway.dialects.scalars import bad_value
from gateway.mapping.schema import PushHeadersSection
from gateway.mapping.shape import Codec
from gateway.model.messaging import ANY_DEVICE


class PushHeaders:
    """`message_headers` binds `headers`, `shown` and `shown_by`; `device_bits` types of devices."""

    def __init__(self, section: PushHeadersSection) -> None:
        self._bits = section.bits
        self._words = {ANY_DEVICE: section.everywhere, **section.devices}
        self._prefix, self._join = section.names

    def codecs(self) -> dict[str, Codec]:
        return {
            "message_headers": Codec(self.read, lambda values: values.get("headers")),
            "device_bits": Codec(self.read_bits, self.write_bits),
        }

    def read(self, wire: Any) -> dict[str, Any]:
        if wire is None:
            return {}
        if type(wire) is not dict:
            raise bad_value("an object of headers", wire)
        shown: dict[str, dict[str, str]] = {}
        for device, words in self._words.items():
            said = {word: wire[header] for header, word in words.items() if wire.get(header) is not None}
            if said:
                shown[device] = {word: _text(value) for word, value in said.items()}
        ours = tuple(header for words in self._words.values() for header in words if header in wire)
        return {"headers": wire, "shown": shown or None, "shown_by": ours}

    def read_bits(self, wire: Any) -> tuple[str, ...] | None:
        """A sum of bits, or the vendor's name for one; None where it names no device."""
        if type(wire) is str and wire.startswith(self._prefix):
            named = wire.removeprefix(self._prefix).lower().split(self._join.lower())
            if named in (["none"], ["all"]):
                return self._bits if named == ["all"] else None
            if set(named) <= set(self._bits):
                return tuple(device for device in self._bits if device in named)
        if type(wire) is int and 0 <= wire < 2 ** len(self._bits):
            return tuple(device for bit, device in enumerate(self._bits) if wire >> bit & 1) or None
        raise bad_value("types of devices, as a sum of their bits", wire)

    def write_bits(self, devices: tuple[str, ...]) -> int:
        return sum(2**bit for bit, device in enumerate(self._bits) if device in devices)


def _text(value: Any) -> str:
    if type(value) is bool:
        return str(int(value))
    return value if type(value) is str else str(value)
