"""A whole gateway whose files are in a bucket: SDKs find what they find elsewhere, and the bucket has that alone.

The service is moto, over HTTP.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
import yaml
from moto.server import ThreadedMotoServer

from gateway.adapters.storage_s3 import PART
from tests.outside import outside_world
from tests.ports import free_port
from tests.sdk.conftest import Process, config, inbox
from tests.sdk.test_javascript import FILE_MILLISECONDS, HERE, SECONDS, missing

SUITES: Final = (
    "parse/files.test.mjs",
    "leancloud/files.test.mjs",
    "backendless/files.test.mjs",
    "cross/files.test.mjs",
    "cross/uploads.test.mjs",
)
MASTER: Final = {"X-Parse-Application-Id": "demo", "X-Parse-Master-Key": "demo-master"}
CHUNKED: Final = {"Transfer-Encoding": "chunked"}
MB: Final = 1024**2


@dataclass(frozen=True)
class OnS3:
    url: str
    service: str
    inbox: str
    folder: Path

    @property
    def keys(self) -> set[str]:
        """What is in the bucket."""
        return set(re.findall("<Key>(.*?)</Key>", self.asked("?list-type=2")))

    @property
    def unfinished(self) -> list[str]:
        """The uploads in parts that are neither done nor aborted."""
        return re.findall("<UploadId>(.*?)</UploadId>", self.asked("?uploads"))

    def asked(self, query: str, method: str = "GET") -> str:
        request = urllib.request.Request(f"{self.service}/blog-files{query}", method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(answer.read().decode())

    def ask(
        self, method: str, path: str, body: bytes | list[bytes] | None = None, **headers: Any
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        try:
            connection.request(method, path, body, headers, encode_chunked=headers.keys() >= CHUNKED.keys())
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def upload(self, content: bytes) -> str:
        """The name of a new file."""
        status, _, told = self.ask("POST", "/parse/files/a.bin", content, **MASTER)
        assert status == 201, told
        return str(json.loads(told)["name"])


@pytest.fixture(scope="module")
def on_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnS3]:
    folder = tmp_path_factory.mktemp("on-s3")
    with ExitStack() as stack:
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        stack.callback(server.stop)
        host, port = server.get_host_and_port()
        service = f"http://{host}:{port}"
        world = stack.enter_context(outside_world())
        own_port = free_port()
        told = config(folder / "demo.db", world, public_url=f"http://127.0.0.1:{own_port}")
        adapters = told["adapters"]
        assert isinstance(adapters, dict)
        adapters["disk"] = {
            "type": "s3",
            "bucket": "blog-files",
            "prefix": "files/",
            "url": service,
            "access_key": "key",
            "secret_key": "secret",
        }
        path = folder / "config.yaml"
        path.write_text(yaml.safe_dump(told), encoding="utf-8")
        gateway = Process(path, own_port)
        try:
            made = OnS3(gateway.wait_until_listening(), service, stack.enter_context(inbox(world)), folder)
            made.asked("", "PUT")
            yield made
        finally:
            status = gateway.stop()
        assert status == 0, f"the gateway ended with status {status}:\n{gateway.output}"


@pytest.mark.parametrize("suite", SUITES)
def test_the_sdks_find_what_they_find_elsewhere(suite: str, on_s3: OnS3) -> None:
    node = shutil.which("node")
    if node is None or not (HERE / "node_modules").is_dir():
        missing(f"the JavaScript SDKs are not installed: npm ci --prefix {HERE}")
    before = on_s3.keys
    done = subprocess.run(
        [node, "--test", f"--test-timeout={FILE_MILLISECONDS}", "--test-reporter=spec", suite],
        cwd=HERE,
        env=os.environ | {"GATEWAY_URL": on_s3.url, "INBOX_URL": on_s3.inbox},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{suite}\n{done.stdout}{done.stderr}"
    assert on_s3.keys - before, "the files of the suite are in no bucket"
    assert not (on_s3.folder / "files").exists()


@pytest.mark.parametrize("size", [1, MB, PART + MB], ids=["a byte", "one call", "parts"])
def test_parts_of_a_file_and_its_end(on_s3: OnS3, size: int) -> None:
    content = (bytes(range(256)) * (size // 256 + 1))[:size]
    before = on_s3.keys
    name = on_s3.upload(content)
    assert len(on_s3.keys - before) == 1
    path = f"/parse/files/demo/{name}"
    status, whole, found = on_s3.ask("GET", path)
    assert (status, found) == (200, content)
    for asked, start, stop in (("0-0", 0, 1), (f"{size - 1}-", size - 1, size), (f"{size // 2}-", size // 2, size)):
        status, part, found = on_s3.ask("GET", path, Range=f"bytes={asked}")
        assert (status, found, part["Content-Range"]) == (206, content[start:stop], f"bytes {start}-{stop - 1}/{size}")
    assert on_s3.ask("GET", path, Range=f"bytes={size}-")[0] == 416
    assert on_s3.ask("GET", path, None, **{"If-None-Match": whole["ETag"]})[0] == 304
    assert on_s3.ask("HEAD", path)[2] == b""
    assert on_s3.ask("DELETE", f"/parse/files/{name}", None, **MASTER)[0] == 200
    assert on_s3.keys == before
    assert on_s3.ask("GET", path)[0] == 404


@pytest.mark.parametrize("sent", [1000, PART + MB], ids=["one call", "parts"])
def test_nothing_is_left_of_an_upload_that_breaks_off(on_s3: OnS3, sent: int) -> None:
    before = on_s3.keys
    parts = urlsplit(on_s3.url)
    lines = ["POST /parse/files/a.bin HTTP/1.1", f"Host: {parts.netloc}", f"Content-Length: {sent + MB}"]
    head = [*lines, *(f"{name}: {text}" for name, text in MASTER.items()), "", ""]
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30) as connection:
        connection.sendall("\r\n".join(head).encode() + b"x" * sent)
        if sent > PART:  # so much that some of it is there
            until(lambda: bool(on_s3.unfinished))
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(MB):
            pass  # until the gateway is done with it
    until(lambda: not on_s3.unfinished and on_s3.keys == before)


def test_nothing_is_left_of_a_file_that_turns_out_to_be_too_long(on_s3: OnS3) -> None:
    before = on_s3.keys
    most = {"X-Parse-Upload-Mode": "stream", "X-Parse-File-Max-Upload-Size": str(PART + MB)}
    content = [b"x" * MB] * (PART // MB + 1) + [b"x"]
    status, _, told = on_s3.ask("POST", "/parse/files/a.bin", content, **MASTER, **most, **CHUNKED)
    assert (status, json.loads(told)["code"]) == (400, 130)
    assert (on_s3.keys, on_s3.unfinished) == (before, [])


def until(done: object) -> None:
    assert callable(done)
    end = time.monotonic() + 60
    while not done():
        assert time.monotonic() < end, "it does not come to that"
        time.sleep(0.05)
