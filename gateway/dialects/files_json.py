"""Files in requests and answers: their names, bytes in base64, and what is told of one that was saved."""

from __future__ import annotations

import dataclasses
import re
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from gateway.dialects.addresses import ADDRESSES, own, url_of
from gateway.dialects.scalars import read_text, shown
from gateway.errors import Code, GatewayError
from gateway.mapping.route import PathTemplate
from gateway.mapping.schema import MappingFile
from gateway.mapping.shape import ABSENT, Codec, Compiler, Shape
from gateway.model.values import File
from gateway.wire import read_json

SLOTS = frozenset(field.name for field in dataclasses.fields(File))


@dataclass(frozen=True, slots=True, repr=False)
class Held:
    """Bytes that came inside of JSON, and so are in memory already."""

    held: bytes
    mime_type: str | None = None

    @property
    def size(self) -> int:
        return len(self.held)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self.held:
            yield self.held


class FilesJson:
    def __init__(self, file: MappingFile) -> None:
        names = file.names
        self._name = None if names.file is None else re.compile(names.file, re.ASCII)
        self._longest = names.longest_file
        self._longest_text = file.limits.base64_file
        self._template = file.saved_file
        self._upload = None if file.upload_url is None else PathTemplate.compile(file.upload_url)
        self._shape: Shape | None = None
        self._open: Shape | None = None

    def codecs(self) -> dict[str, Codec]:
        return {
            "file_name": Codec(self._read_name, lambda name: name),
            "base64_content": Codec(self._read_base64, _write_base64),
            "file_url": Codec(_read_url, lambda file: url_of(file) or ""),
            # one that a server tells to be fetched there, as it stands, and not by way of the gateway
            "address": Codec(lambda wire: File(url=read_text(wire)), lambda file: url_of(file) or ""),
            "file_path": Codec(lambda wire: File(name=read_text(wire)), lambda file: file.name),
            "file_type": Codec(lambda wire: File(mime_type=read_text(wire)), lambda file: file.mime_type or ""),
            "upload_url": Codec(read_text, self._write_upload),
            "saved_file": Codec(self._read_saved, self._write_saved),
            "byte_size": Codec(_read_size, str),
            "json_text": Codec(_read_json_object, lambda value: value),
        }

    def define(self, compiler: Compiler) -> None:
        if self._template is not None:
            self._shape = compiler.compile(self._template, "saved_file")
            self._open = dataclasses.replace(compiler, open=True).compile(self._template, "saved_file")

    def _read_name(self, wire: Any) -> str:
        """Raises GatewayError(BAD_FILE_NAME), in the sentences of Parse Server's FilesRouter."""
        name = read_text(wire)
        if self._longest is not None and len(name) > self._longest:
            raise GatewayError(Code.BAD_FILE_NAME, "Filename too long.")
        if self._name is not None and not self._name.fullmatch(name):
            raise GatewayError(Code.BAD_FILE_NAME, "Filename contains invalid characters.")
        return name

    def _write_saved(self, file: File) -> Any:
        if self._shape is None:
            return ABSENT
        values = {name: getattr(file, name) for name in SLOTS}
        return self._shape.fill({**values, "url": url_of(file)})

    def _read_base64(self, wire: Any) -> Held:
        text = read_text(wire)
        if self._longest_text is not None and len(text) > self._longest_text:
            raise GatewayError(Code.TOO_LARGE, f"a file in base64 has at most {self._longest_text} letters")
        return _read_base64(text)

    def _write_upload(self, token: str) -> str:
        """Where the bytes of a file that was announced are to be brought."""
        addresses = ADDRESSES.get()
        if self._upload is None or addresses is None:
            return ""
        return addresses.base + self._upload.build({"app_id": addresses.app_id, "token": token})

    def _read_saved(self, wire: Any) -> File:
        bound = self._open.match(wire) if self._open is not None else None
        if not bound:
            raise GatewayError(Code.BAD_VALUE, f"this is not a file: {shown(wire)}")
        return own(File(**bound))


def _read_url(wire: Any) -> File:
    return own(File(url=read_text(wire)))


def _read_base64(wire: Any) -> Held:
    text = read_text(wire)
    if text.startswith("data:") and ";base64," in text[:200]:
        text = text.partition(";base64,")[2]
    try:
        # as lenient as Node.js, which the vendors' servers run on: line breaks, and the alphabet for URLs
        plain = "".join(text.split()).translate(_URL_SAFE).rstrip("=")
        return Held(b64decode(plain + "=" * (-len(plain) % 4), validate=True))
    except ValueError:
        raise GatewayError(Code.BAD_VALUE, "the bytes of the file are not base64") from None


_URL_SAFE = str.maketrans("-_", "+/")


def _write_base64(content: Any) -> str:
    if not isinstance(content, Held):
        raise GatewayError(Code.UNSUPPORTED, "bytes that are not in memory cannot be told in JSON")
    return b64encode(content.held).decode()


_SIZE = re.compile(r"(\d{1,15})\s*(b|kb|mb|gb)?", re.IGNORECASE)
_UNITS = {"b": 1, "kb": 1024, "mb": 1024**2, "gb": 1024**3}


def _read_size(wire: Any) -> int:
    """`50mb`, as the sizes in Parse Server's options, or bytes."""
    found = _SIZE.fullmatch(read_text(wire).strip())
    if found is None:
        raise GatewayError(Code.BAD_REQUEST, f"expected a size such as 50mb, not {shown(wire)}")
    return int(found[1]) * _UNITS[(found[2] or "b").lower()]


def _read_json_object(wire: Any) -> dict[str, Any]:
    """A header, or a value, that is a JSON object. Raises GatewayError(BAD_JSON)."""
    value = read_json(wire) if isinstance(wire, str) else wire
    if type(value) is not dict:
        raise GatewayError(Code.BAD_JSON, f"expected a JSON object, not {shown(value)}")
    return value
