"""Who a request says it is: keys in headers or in the path, HTTP Basic, a host; a signature in the place of a key."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Mapping
from hashlib import md5
from typing import Any, Final
from urllib.parse import quote

from gateway.errors import Code, GatewayError, MappingError
from gateway.mapping.schema import CredentialsSection
from gateway.mapping.shape import Codec, Compiler, Shape
from gateway.model.operation import Credentials, Signature
from gateway.wire import HttpRequest, read_json

NOT_KEYS = frozenset({"app_id", "signature", "session", "installation_id", "domain", "context"})

LONGEST_CONTEXT: Final = 6000
"""Characters of a context as a header of a backend: servers take 8 to 16 kB of headers."""

_MD5_SIGN = re.compile(r"([0-9a-f]{32}),([0-9]{1,16})(,master)?", re.IGNORECASE)


def digest(salt: str, key: str) -> str:
    """LeanCloud storage REST guide, "X-LC-Sign": the MD5 of timestamp and key, in lower case."""
    return md5((salt + key).encode(), usedforsecurity=False).hexdigest()


def _read_signature(wire: Any) -> Signature:
    found = _MD5_SIGN.fullmatch(wire) if isinstance(wire, str) else None
    if found is None:
        raise GatewayError(Code.UNAUTHORIZED, "the signature must have the form digest,timestamp[,master]")
    # the timestamp is milliseconds or, from the PHP SDK, seconds; no freshness is asked for, as devices have wrong
    # clocks and the vendor documents no window
    return Signature(found[1].lower(), found[2], master=found[3] is not None)


def _write_signature(signature: Signature) -> str:
    return f"{signature.digest},{signature.salt}" + (",master" if signature.master else "")


MD5_SIGN = Codec(_read_signature, _write_signature)


def _read_context(wire: Any) -> dict[str, Any]:
    # Parse Server, middlewares.js `malformedContext`: recorded, 107 with these words
    try:
        context = read_json(wire)
    except GatewayError:
        context = None
    if type(context) is not dict:
        raise GatewayError(Code.BAD_JSON, "Invalid object for context.")
    return context


def _write_context(context: Mapping[str, Any]) -> str:
    text = json.dumps(context, separators=(",", ":"))  # in ASCII, as headers are
    if len(text) > LONGEST_CONTEXT:
        raise GatewayError(Code.UNSUPPORTED, f"a context for another server has {LONGEST_CONTEXT} characters at most")
    return text


CONTEXT = Codec(_read_context, _write_context)


class CredentialsReader:
    """A request's headers, mount and host as credentials, and back, by a mapping's `credentials:`."""

    def __init__(self, section: CredentialsSection, compiler: Compiler) -> None:
        self._headers: list[tuple[str, Shape]] = []
        slots: set[str] = set()
        for header, template in section.headers.items():
            if header != header.lower():
                raise MappingError(f"credentials.headers.{header}: names of headers are lower case here")
            shape = compiler.compile(template, f"credentials.headers.{header}")
            self._headers.append((header, shape))
            slots |= shape.slots()
        self._basic: tuple[Shape, Shape] | None = None
        if section.basic is not None:
            self._basic = (
                compiler.compile(section.basic.user, "credentials.basic.user"),
                compiler.compile(section.basic.password, "credentials.basic.password"),
            )
            slots |= self._basic[0].slots() | self._basic[1].slots()
        self._path: list[tuple[str, Shape]] = []
        for hole, template in section.path.items():
            shape = compiler.compile(template, f"credentials.path.{hole}")
            self._path.append((hole, shape))
            slots |= shape.slots()
        self.holes = frozenset(section.path)
        """Which holes a mount may have."""
        self._host = section.host
        self._any = section.any
        for slot, keys in section.any.items():
            if slot not in slots:
                raise MappingError(f"credentials.any.{slot}: nothing holds a ${slot}")
            slots = (slots - {slot}) | set(keys)
        self.header_names = frozenset({header for header, _ in self._headers} | {"authorization"})
        """Where a client's credentials may stand."""
        self.key_names = frozenset(slots - NOT_KEYS)
        for proof in ("client", "master", "code"):
            for name in getattr(section.proves, proof):
                if name not in self.key_names:
                    raise MappingError(f"credentials.proves.{proof}: no header holds a {name}")
        if "app_id" not in slots:
            raise MappingError("credentials.headers: none holds the $app_id")

    def read(self, request: HttpRequest) -> Credentials:
        headers = request.headers
        bound: dict[str, Any] = {}
        for hole, shape in self._path:
            wire = request.holes.get(hole)
            if wire:
                bound.update(shape.match(wire) or {})
        for header, shape in self._headers:
            wire = headers.get(header)
            if wire:
                for name, value in (shape.match(wire) or {}).items():
                    bound.setdefault(name, value)  # of several spellings the first one counts
        if self._basic is not None and "authorization" in headers:
            for name, value in self._read_basic(headers["authorization"], *self._basic).items():
                bound.setdefault(name, value)
        for slot, names in self._any.items():
            if slot in bound:
                key = bound.pop(slot)
                for name in names:
                    bound.setdefault(name, key)
        keys = {name: value for name, value in bound.items() if name not in NOT_KEYS}
        return Credentials(
            app_id=bound.get("app_id"),
            keys=keys,
            signature=bound.get("signature"),
            session=bound.get("session"),
            installation_id=bound.get("installation_id"),
            domain=_domain(headers.get("host", "")) if self._host else None,
            context=bound.get("context"),
        )

    @staticmethod
    def _read_basic(header: str, user_shape: Shape, password_shape: Shape) -> dict[str, Any]:
        scheme, _, encoded = header.partition(" ")
        if scheme.lower() != "basic":
            return {}
        try:
            user, colon, password = b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
        except ValueError:  # not base64, or not UTF-8
            return {}
        if not colon:
            return {}
        return {**(user_shape.match(user) or {}), **(password_shape.match(password) or {})}

    def slots_of(self, header: str) -> frozenset[str]:
        """What a header says, by the names of credentials; nothing, where it is none of theirs."""
        return next((frozenset(shape.slots()) for name, shape in self._headers if name == header), frozenset())

    def write(self, credentials: Credentials) -> dict[str, str]:
        """The headers that say it."""
        values = self._values(credentials)
        headers: dict[str, str] = {}
        told: set[str] = set()
        for header, shape in self._headers:
            slots = shape.slots()
            wire = shape.fill(values) if not slots <= told else None
            if isinstance(wire, str):
                headers[header] = wire
                told |= slots
        return headers

    def write_mount(self, mount: str, credentials: Credentials) -> str:
        """The mount with its holes filled. Raises GatewayError(UNAUTHORIZED) for a hole without a value."""
        values = self._values(credentials)
        for hole, shape in self._path:
            if "{" + hole + "}" in mount:
                wire = shape.fill(values)
                if not isinstance(wire, str):
                    raise GatewayError(Code.UNAUTHORIZED, f"there is no {hole} to ask with")
                mount = mount.replace("{" + hole + "}", quote(wire, safe=""))
        return mount

    def _values(self, credentials: Credentials) -> dict[str, Any]:
        values: dict[str, Any] = {
            **credentials.keys,
            "app_id": credentials.app_id,
            "signature": credentials.signature,
            "session": credentials.session,
            "installation_id": credentials.installation_id,
            "context": credentials.context,
        }
        for slot, names in self._any.items():
            values[slot] = next((values[name] for name in names if name in values), None)
        return values


def _domain(host: str) -> str | None:
    """The host of a request without its port, in lower case."""
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    return name.rstrip(".").lower() or None
