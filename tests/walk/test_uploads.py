"""A file from each front to each back: its bytes can be fetched again, or it is refused in words."""

from __future__ import annotations

import base64
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest

from tests.walk.world import BACKS, EMBEDDED, KEYS, PUBLIC, RefusedError, Visitor, World, new_name

CONTENT: Final = bytes(range(256)) * 1024
BASE64_LIMIT: Final = 16_000


def from_parse(visitor: Visitor) -> tuple[str, bytes]:
    told = visitor.ask("POST", f"/files/{new_name('a')}.bin", data=CONTENT, content_type="application/octet-stream")
    return told["url"], CONTENT


def from_leancloud(visitor: Visitor) -> tuple[str, bytes]:
    said = {"name": f"{new_name('a')}.bin", "__type": "File", "mime_type": "application/octet-stream", "metaData": {}}
    told = visitor.ask("POST", "/fileTokens", said)
    request = urllib.request.Request(visitor.here(told["upload_url"]), CONTENT, method="PUT")
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200
    visitor.ask("POST", "/fileCallback", {"token": told["token"], "result": True})
    return told["url"], CONTENT


def from_a_form(visitor: Visitor) -> tuple[str, bytes]:
    name = f"{new_name('a')}.bin"
    head = f'--B\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    form = head.encode() + CONTENT + b"\r\n--B--\r\n"
    told = visitor.ask("POST", f"/files/up/{name}", data=form, content_type="multipart/form-data; boundary=B")
    return told["fileURL"], CONTENT


def from_base64(visitor: Visitor) -> tuple[str, bytes]:
    short = CONTENT[:BASE64_LIMIT]
    path = f"/files/binary/up/{new_name('a')}.bin"
    told = visitor.ask("PUT", path, data=base64.b64encode(short), content_type="text/plain")
    return told, short


Upload = Callable[[Visitor], tuple[str, bytes]]
"""Answers the address that was told, and the bytes that are to be there."""

FRONTS: Final[Mapping[str, tuple[str, Upload]]] = {
    "parse": ("/parse", from_parse),
    "leancloud": ("/1.1", from_leancloud),
    "form": ("/on-{back}/a-rest-key", from_a_form),
    "base64": ("/on-{back}/a-rest-key", from_base64),
}
KEPT: Final = {
    *((front, EMBEDDED) for front in FRONTS),
    ("parse", "parse"),
    ("form", "backendless"),
    ("base64", "backendless"),
}
"""(Front, back) that work. Elsewhere a vendor names files, or takes their bytes, otherwise than a client asks."""


def headers(front: str, back: str) -> dict[str, Any]:
    match front:
        case "parse":
            return {"X-Parse-Application-Id": f"on-{back}", "X-Parse-Master-Key": KEYS["parse"]["master_key"]}
        case "leancloud":
            return {"X-LC-Id": f"on-{back}", "X-LC-Key": KEYS["leancloud"]["app_key"]}
        case _:
            return {}


@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("front", FRONTS)
def test_it_is_there_or_refused(world: World, front: str, back: str) -> None:
    mount, upload = FRONTS[front]
    visitor = world.visitor(back, mount.format(back=back), headers(front, back))
    if (front, back) not in KEPT:
        with pytest.raises(RefusedError, match="the backend has no words for it"):
            upload(visitor)
        return
    address, content = upload(visitor)
    # a server of tables tells addresses of its own, which its clients know
    assert address.startswith(PUBLIC) or back == "backendless"
    with urllib.request.urlopen(visitor.here(address), timeout=30) as answer:
        assert answer.read() == content
