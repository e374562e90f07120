"""Files' bytes in a folder: one file a key, in 256 folders by how it begins.

A file is written beside its place under another name, put safely on the disk, and then given its name: whoever reads a
key finds all of it or nothing, also after a power cut. All of it is done in threads, a piece at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import re
from collections.abc import AsyncIterable, AsyncIterator, Callable
from datetime import UTC, datetime
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar

from gateway.adapters.base import Entry, Written, within
from gateway.errors import Code, GatewayError, StartupError
from gateway.model.values import Date

T = TypeVar("T")

PIECE: Final = 256 * 1024
KEY: Final = re.compile(r"[0-9a-f]{32}")


class DiskStorage:
    """A `FileStorage`. Raises StartupError where the folder cannot be made."""

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StartupError(f"{folder}: the folder for files cannot be made: {error.strerror}") from error
        self._folder = folder

    async def write(self, key: str, content: AsyncIterable[bytes], *, longest: int) -> Written:
        path = self._path(key)
        beside = path.with_name(f"{key}.part")
        file = await _in_thread(lambda: _create(beside))
        try:
            size, digest = 0, blake2b(digest_size=16)
            held: list[bytes] = []
            waiting = 0
            async for piece in within(content, longest):
                size += len(piece)
                held.append(piece)
                waiting += len(piece)
                if waiting >= PIECE:
                    await _in_thread(partial(_append, file, held, digest))
                    held, waiting = [], 0
            await _in_thread(lambda: _finish(file, held, digest, beside, path))
        except BaseException:
            # also where it is cancelled: nothing is left then, and nobody waits for the disk
            with contextlib.suppress(OSError):
                file.close()
            with contextlib.suppress(OSError):
                beside.unlink()
            raise
        return Written(size, digest.hexdigest())

    async def read(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        path = self._path(key)
        file = await _in_thread(lambda: _open(path, start))
        try:
            left = stop - start if stop is not None else None
            while left is None or left > 0:
                wanted = PIECE if left is None else min(PIECE, left)
                piece = await _in_thread(partial(file.read, wanted))
                if not piece:
                    if left is not None:
                        raise GatewayError(Code.UNAVAILABLE, "the file is shorter than it should be")
                    break
                if left is not None:
                    left -= len(piece)
                yield piece
        finally:
            file.close()

    async def stat(self, key: str) -> Entry | None:
        path = self._path(key)

        def look() -> Entry | None:
            try:
                found = path.lstat()
            except FileNotFoundError:
                return None
            return Entry(found.st_size, Date.from_datetime(datetime.fromtimestamp(found.st_mtime, UTC)))

        return await _in_thread(look)

    async def delete(self, key: str) -> None:
        path = self._path(key)

        def remove() -> None:
            path.unlink(missing_ok=True)
            path.with_name(f"{key}.part").unlink(missing_ok=True)

        await _in_thread(remove)

    async def copy(self, source: str, target: str) -> Written:
        found = await self.stat(source)
        return await self.write(target, self.read(source), longest=0 if found is None else found.size)

    async def close(self) -> None:
        pass

    def _path(self, key: str) -> Path:
        assert KEY.fullmatch(key), "keys are the gateway's own"
        return self._folder / key[:2] / key


def _create(path: Path) -> BinaryIO:
    path.parent.mkdir(exist_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600), "wb")


def _open(path: Path, start: int) -> BinaryIO:
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb", buffering=0)
    if start:
        file.seek(start)
    return file


def _append(file: BinaryIO, pieces: list[bytes], digest: Any) -> None:
    for piece in pieces:
        digest.update(piece)
        file.write(piece)


def _finish(file: BinaryIO, pieces: list[bytes], digest: Any, beside: Path, path: Path) -> None:
    _append(file, pieces, digest)
    file.flush()
    os.fsync(file.fileno())
    file.close()
    beside.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)  # the name is safe as well
    finally:
        os.close(folder)


async def _in_thread(work: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(work)
    except FileNotFoundError:
        raise GatewayError(Code.FILE_NOT_FOUND, "the bytes of the file are not there") from None
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        told = "there is no room left for files" if full else "the storage of files failed"
        raise GatewayError(Code.UNAVAILABLE, told) from error
