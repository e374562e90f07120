"""A file from each front to each back: its bytes can be fetched again, or it is refused in words."""

from __future__ import annotations

import base64
import urllib.error
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
    with urllib.request.urlopen(request, timeout=120) as answer:
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
    ("parse", "backendless"),
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
    assert address.startswith(PUBLIC)
    with urllib.request.urlopen(visitor.here(address), timeout=120) as answer:
        assert answer.read() == content


def got(address: str, **headers: str) -> tuple[int, bytes, Any]:
    request = urllib.request.Request(address, headers={name.replace("_", "-"): text for name, text in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), error.headers


def test_a_file_on_a_server_of_tables_is_one_file_for_all_three(world: World) -> None:
    """It is read at the gateway, by each dialect's address, and its bytes go through: parts of them, and none."""
    parse, tables = (
        world.visitor("backendless", FRONTS[front][0].format(back="backendless"), headers(front, "backendless"))
        for front in ("parse", "form")
    )
    address, _ = from_parse(parse)
    name = address.rpartition("/")[2]
    home = PUBLIC + "/on-backendless/a-rest-key/files"
    assert f"{home}/{name}" in [entry["publicUrl"] for entry in tables.ask("GET", "/files", query={"pagesize": 100})]
    own = world.url + "/1.1/file/on-backendless/" + name
    for where in (parse.here(address), parse.here(f"{home}/{name}"), own):
        status, found, told = got(where)
        assert (status, found, told["Accept-Ranges"]) == (200, CONTENT, "bytes")
        assert told["X-Content-Type-Options"] == "nosniff"
        status, found, ranged = got(where, Range="bytes=255-257")
        assert (status, found, ranged["Content-Range"]) == (206, b"\xff\x00\x01", f"bytes 255-257/{len(CONTENT)}")
        assert ranged["ETag"] == told["ETag"]
        assert got(where, If_None_Match=told["ETag"])[0] == 304
        assert got(where, Range="bytes=9999999-")[0] == 416
    # a directory is no file, at an address of Parse's that needs no key
    from_a_form(tables)
    assert got(f"{world.url}/parse/files/on-backendless/up")[0] == 404
    assert [entry["name"] for entry in tables.ask("GET", "/files/up")]
    # large files come as they are, and are not held as base64
    long = parse.ask("POST", "/files/long.bin", data=CONTENT * 12, content_type="application/octet-stream")
    assert got(parse.here(long["url"]))[1] == CONTENT * 12


@pytest.mark.parametrize("back", ["parse", "backendless"])
def test_the_rules_of_a_clients_dialect_hold_before_every_server(world: World, back: str) -> None:
    master = world.visitor(back, "/parse", headers("parse", back))
    keys = {"X-Parse-Application-Id": f"on-{back}", "X-Parse-REST-API-Key": KEYS["parse"]["rest_key"]}
    client = world.visitor(back, "/parse", keys)
    for visitor, name, content, why in (
        (client, "a.txt", b"x", "File upload by public is disabled"),
        (master, "a.txt", b"", "Invalid file upload"),
        (master, "a.txt", b"x" * (21 * 1024**2), "File size exceeds maximum allowed"),
        (master, "..%2fa.txt", b"x", "invalid characters"),
    ):
        with pytest.raises(RefusedError, match=why):
            visitor.ask("POST", f"/files/{name}", data=content, content_type="text/plain")
    address, _ = from_parse(master)
    with pytest.raises(RefusedError):
        client.ask("DELETE", "/files/" + address.rpartition("/")[2])
    master.ask("DELETE", "/files/" + address.rpartition("/")[2])
    assert got(master.here(address))[0] == 404


def test_a_file_in_a_column_of_a_server_of_tables_is_at_the_gateway(world: World) -> None:
    """Whichever of its clients reads it, and whichever wrote it."""
    tables = world.visitor("backendless", "/on-backendless/a-rest-key", {})
    parse = world.visitor("backendless", "/parse", headers("parse", "backendless"))
    table = new_name("Album")
    code = {"name": table, "columns": [{"name": "cover", "dataType": "FILE_REF"}]}
    world.visitor("backendless", "/on-backendless/a-code-key", {}).ask("POST", "/management/data/table", code)
    address, content = from_a_form(tables)
    made = tables.ask("POST", f"/data/{table}", {"cover": address})
    assert made["cover"] == address
    found = parse.ask("GET", f"/classes/{table}/{made['objectId']}")["cover"]
    assert found["url"].startswith(f"{PUBLIC}/parse/files/on-backendless/up%2F")
    assert got(parse.here(found["url"]))[1] == content
    told, content = from_parse(parse)
    named = {"__type": "File", "name": told.rpartition("/")[2], "url": told}
    parse.ask("PUT", f"/classes/{table}/{made['objectId']}", {"cover": named})
    address = tables.ask("GET", f"/data/{table}/{made['objectId']}")["cover"]
    assert address.startswith(f"{PUBLIC}/on-backendless/a-rest-key/files/")
    assert got(tables.here(address))[1] == content


def test_a_file_that_a_server_has_named_is_there_for_clients_who_name_theirs(world: World) -> None:
    address, content = from_parse(world.visitor("parse", "/parse", headers("parse", "parse")))
    name = address.rpartition("/")[2]
    here = f"{world.url}/on-parse/a-rest-key/files/{name}"
    assert got(here)[1] == content
    assert got(here, Range="bytes=1-2")[1] == content[1:3]
    for path, key in ((f"/on-parse/a-rest-key/files/{name}", 403), (f"/on-parse/a-code-key/files/{name}", 200)):
        assert world.visitor("parse", "", {}).status("DELETE", world.url + path) == key
    assert got(here)[0] == 404
