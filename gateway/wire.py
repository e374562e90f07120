"""HTTP as plain data, and the one way JSON comes in: bounded in depth, finite, and refused with a clear error.

This module imports `errors` only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

import orjson

from gateway.errors import Code, GatewayError

MAX_DEPTH = 100
"""Objects and lists inside each other, as deep as MongoDB, and so every vendor here, stores a document."""


class _Nothing(Enum):
    NOTHING = "nothing"


NOTHING: Final = _Nothing.NOTHING
"""No body at all, which is not the same as the JSON `null`."""


@dataclass(slots=True)
class HttpRequest:
    """One request, decoded. `path` is below the dialect's mount and still percent-encoded.

    `query` has a tuple where a name came more than once; header names are lower case; `body` is decoded JSON, or text
    where the dialect has bodies of text, and None where there is none. `base` is the address of the mount as the client
    sees it, such as `http://host:8080/parse`, and `holes` what stands in the holes of the mount's path.

    `content` is a body that is bytes, and that nobody has read yet; `body` then has the fields that came before it.

    Where an application may send requests on as they came, `raw` is the body as it arrived, decompressed, and
    `query_text` the query; `fault` is then why the body could not be decoded.
    """

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    base: str = ""
    holes: Mapping[str, str] = field(default_factory=dict)
    content: Any = None
    raw: bytes | None = None
    query_text: str = ""
    fault: GatewayError | None = None


@dataclass(slots=True)
class HttpResponse:
    """One response: `body` is data to be encoded as JSON, or bytes as they are, or NOTHING.

    `content` is a `model.files.StoredContent` in its place: bytes that are sent a piece at a time.
    """

    status: int
    body: Any = NOTHING
    headers: Mapping[str, str] = field(default_factory=dict)
    content: Any = None


def read_json(text: bytes | str) -> Any:
    """JSON as data. Raises GatewayError(BAD_JSON) for anything else, and for nesting over MAX_DEPTH."""
    try:
        data = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise GatewayError(Code.BAD_JSON, f"invalid JSON: {error}") from None
    opening = (text.count("{") + text.count("[")) if isinstance(text, str) else (text.count(b"{") + text.count(b"["))
    # most texts have fewer brackets than levels are allowed: they need no walk
    if opening > MAX_DEPTH and _deeper_than(data, MAX_DEPTH):
        raise GatewayError(Code.BAD_JSON, f"invalid JSON: nested more than {MAX_DEPTH} levels deep")
    return data


def _deeper_than(data: Any, limit: int) -> bool:
    level = [data]
    for _ in range(limit + 1):
        level = [
            child
            for item in level
            if type(item) is dict or type(item) is list
            for child in (item.values() if type(item) is dict else item)
        ]
        if not level:
            return False
    return True
