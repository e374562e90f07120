"""Storages of files, each held to what a `FileStorage` promises: a folder, and a bucket of a service on HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from gateway.adapters.base import FileStorage, new_key
from gateway.adapters.storage_disk import DiskStorage
from gateway.adapters.storage_s3 import PART, Bucket, S3Storage
from gateway.errors import Code, GatewayError, StartupError

MB = 1024**2


async def pieces(*parts: bytes, fault: BaseException | None = None) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
    if fault is not None:
        raise fault


def kept(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def whole(read: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in read])


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


async def bucket(url: str, **other: Any) -> S3Storage:
    given = {"name": "blog-files", "prefix": "files/", "region": "us-east-1", "timeout": 60.0, **other}
    return await S3Storage.open(Bucket(url=url, access_key="key", secret_key="secret", **given))


@pytest.fixture(params=["disk", "s3"])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[FileStorage]:
    if request.param == "disk":
        yield DiskStorage(tmp_path / "files")
        return
    opened = await bucket(request.getfixturevalue("service"))
    await opened._client.create_bucket(Bucket="blog-files")
    yield opened
    await opened.close()


async def test_bytes_come_back(storage: FileStorage) -> None:
    key = new_key()
    written = await storage.write(key, pieces(b"hel", b"", b"lo"), longest=5)
    assert written.size == 5
    assert await whole(storage.read(key)) == b"hello"
    assert await whole(storage.read(key, 1, 3)) == b"el"
    assert await whole(storage.read(key, 3)) == b"lo"
    assert await whole(storage.read(key, 2, 2)) == b""
    found = await storage.stat(key)
    assert found is not None
    assert found.size == 5
    other = new_key()
    assert await storage.copy(key, other) == written
    assert await whole(storage.read(other)) == b"hello"
    await storage.delete(key)
    await storage.delete(key)
    assert await storage.stat(key) is None
    with pytest.raises(GatewayError) as error:
        await whole(storage.read(key))
    assert error.value.code is Code.FILE_NOT_FOUND
    assert await whole(storage.read(other)) == b"hello"


async def test_the_same_bytes_have_the_same_tag_and_others_another(storage: FileStorage) -> None:
    tags = [(await storage.write(new_key(), pieces(text), longest=9)).etag for text in (b"a", b"a", b"b", b"")]
    assert tags[0] == tags[1]
    assert len(set(tags)) == 3


async def test_many_parts(storage: FileStorage) -> None:
    key, part = new_key(), bytes(range(256)) * (MB // 256)
    count = 2 * PART // MB + 3
    written = await storage.write(key, pieces(*[part] * count), longest=count * MB)
    assert written.size == count * MB
    assert await whole(storage.read(key)) == part * count
    assert await whole(storage.read(key, PART - 1, PART + 1)) == part[-1:] + part[:1]


@pytest.mark.parametrize("size", [1, PART + MB])
async def test_nothing_is_left_of_what_fails(storage: FileStorage, size: int) -> None:
    parts = [b"x" * min(size, MB)] * max(1, size // MB)
    faults: list[BaseException] = [GatewayError(Code.BAD_REQUEST, "it broke off"), asyncio.CancelledError()]
    for fault in faults:
        key = new_key()
        with pytest.raises(type(fault)):
            await storage.write(key, pieces(*parts, fault=fault), longest=100 * MB)
        assert await storage.stat(key) is None
    key = new_key()
    with pytest.raises(GatewayError) as error:
        await storage.write(key, pieces(*parts, b"xx"), longest=size)
    assert error.value.code is Code.TOO_LARGE
    assert await storage.stat(key) is None
    if isinstance(storage, S3Storage):
        open_uploads = await storage._client.list_multipart_uploads(Bucket="blog-files")
        assert "Uploads" not in open_uploads


async def test_no_file_is_left_in_the_folder_of_what_fails(tmp_path: Path) -> None:
    storage = DiskStorage(tmp_path)
    with pytest.raises(GatewayError):
        await storage.write(new_key(), pieces(b"x" * MB, fault=GatewayError(Code.BAD_REQUEST, "no")), longest=2 * MB)
    assert kept(tmp_path) == []


async def test_a_file_that_was_cut_is_told(tmp_path: Path) -> None:
    storage, key = DiskStorage(tmp_path), new_key()
    await storage.write(key, pieces(b"hello"), longest=5)
    (path,) = kept(tmp_path)
    path.write_bytes(b"hel")
    with pytest.raises(GatewayError) as error:
        await whole(storage.read(key, 0, 5))
    assert error.value.code is Code.UNAVAILABLE


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartupError, match="the folder for files cannot be made"):
        DiskStorage(tmp_path / "file" / "files")


async def test_a_bucket_that_is_not_there_and_a_service_that_is_not(service: str) -> None:
    for url, name in ((service, "no-such-bucket"), ("http://127.0.0.1:9", "blog-files")):
        storage = await bucket(url, name=name, timeout=2.0)
        with pytest.raises(GatewayError) as error:
            await storage.write(new_key(), pieces(b"x"), longest=1)
        assert error.value.code is Code.UNAVAILABLE
        await storage.close()
