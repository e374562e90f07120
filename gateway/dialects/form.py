"""A file as the part of a form, as browsers send one: RFC 7578, and the form data of WHATWG's HTML."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from typing import Final

from gateway.model.files import Content

# HTML, "multipart/form-data encoding algorithm": what would end the name is percent-encoded
_ESCAPED: Final = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


class Form:
    """The whole form, as a `Content`; without a `content` the file in it has no bytes."""

    def __init__(self, content: Content | None, name: str, mime_type: str | None = None) -> None:
        boundary = secrets.token_hex(16)
        told = mime_type or (None if content is None else content.mime_type)
        if told is None or not (told.isascii() and told.isprintable()):
            told = "application/octet-stream"
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name.translate(_ESCAPED)}"\r\n'
            f"Content-Type: {told}\r\n\r\n"
        )
        self.mime_type = f"multipart/form-data; boundary={boundary}"
        self._content = content
        self._head = head.encode(errors="replace")
        self._tail = f"\r\n--{boundary}--\r\n".encode()

    @property
    def size(self) -> int | None:
        own = len(self._head) + len(self._tail)
        if self._content is None:
            return own
        return None if self._content.size is None else own + self._content.size

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._head
        if self._content is not None:
            async for piece in self._content:
                yield piece
        yield self._tail
