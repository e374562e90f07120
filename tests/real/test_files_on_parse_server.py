"""Files of a real Parse Server: uploads and downloads go through the gateway, and addresses are the gateway's."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from urllib.parse import urlsplit

from tests.real.test_parse_server import HEADERS, MASTER

KEYS = HEADERS["parse"]
ROOT = {**KEYS, **MASTER["parse"]}
BYTES = bytes(range(256)) * 8192


def ask(
    url: str, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
    try:
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def test_a_file_goes_to_the_server_and_comes_back(gateway_url: str) -> None:
    typed = {**ROOT, "Content-Type": "application/octet-stream"}
    status, _, body = ask(gateway_url, "POST", "/parse/files/some%20bytes.bin", BYTES, typed)
    assert status == 201, body
    told = json.loads(body)
    assert told["url"].startswith("https://api.example.com/parse/files/demo/")
    path = urlsplit(told["url"]).path
    status, headers, found = ask(gateway_url, "GET", path)
    assert (status, found) == (200, BYTES)
    assert headers["X-Content-Type-Options"] == "nosniff"
    status, headers, found = ask(gateway_url, "GET", path, None, {"Range": "bytes=255-257"})
    assert (status, found, headers["Content-Range"]) == (206, b"\xff\x00\x01", f"bytes 255-257/{len(BYTES)}")
    assert ask(gateway_url, "GET", path, None, {"If-None-Match": headers["ETag"]})[0] == 304

    json_typed = {**KEYS, "Content-Type": "application/json"}
    file = {"__type": "File", "name": told["name"], "url": told["url"]}
    made = ask(gateway_url, "POST", "/parse/classes/Attached", json.dumps({"file": file}).encode(), json_typed)
    object_id = json.loads(made[2])["objectId"]
    found_object = json.loads(ask(gateway_url, "GET", f"/parse/classes/Attached/{object_id}", None, json_typed)[2])
    assert found_object["file"] == file

    assert ask(gateway_url, "DELETE", path.replace("/files/demo/", "/files/"), None, KEYS)[0] == 403
    status, _, body = ask(gateway_url, "DELETE", path.replace("/files/demo/", "/files/"), None, ROOT)
    assert status == 200, body
    assert ask(gateway_url, "GET", path)[::2] == (404, b"File not found.")


def test_what_the_server_refuses_is_told_in_its_words(gateway_url: str) -> None:
    status, _, body = ask(gateway_url, "POST", "/parse/files/a.txt", b"x", {**KEYS, "Content-Type": "text/plain"})
    assert (status, json.loads(body)) == (400, {"code": 130, "error": "File upload by public is disabled."})


def test_no_spelling_of_a_path_leads_to_something_else_of_the_server(gateway_url: str) -> None:
    for path in ("../serverInfo", "..%2fserverInfo", "%2e%2e%2fhealth", "a%2f..%2f..%2fhealth", "%00", "..%5chealth"):
        status, _, body = ask(gateway_url, "GET", f"/parse/files/demo/{path}")
        assert (status, body) == (404, b"File not found."), path
