"""Files' bytes in a bucket of Amazon S3, or of a service that speaks the same.

Small files go up in one call, others in parts, of which one at a time is in memory. What fails halfway is aborted; what
cannot even be aborted the service throws away by itself, where the bucket has a rule for incomplete uploads.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, ReadTimeoutError

from gateway.adapters.base import Entry, Written, within
from gateway.errors import Code, GatewayError
from gateway.model.values import Date

log = logging.getLogger(__name__)

PART: Final = 8 * 1024**2
"""Bytes of a part; S3 wants 5 MB at least, and 10,000 parts at the most."""
MOST_PARTS: Final = 10_000
PIECE: Final = 256 * 1024
MISSING: Final = frozenset({"NoSuchKey", "404", "NotFound"})


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)  # no repr: it holds a key
class Bucket:
    name: str
    prefix: str
    url: str | None
    region: str
    access_key: str
    secret_key: str
    timeout: float


class S3Storage:
    """A `FileStorage`. Nothing is asked of the service yet when it is opened."""

    def __init__(self, bucket: Bucket, client: Any, stack: AsyncExitStack) -> None:
        self._bucket = bucket
        self._client = client
        self._stack = stack

    @classmethod
    async def open(cls, bucket: Bucket) -> S3Storage:
        config = AioConfig(
            connect_timeout=bucket.timeout,
            read_timeout=bucket.timeout,
            retries={"max_attempts": 3, "mode": "standard"},
            # names of buckets become hosts at Amazon alone
            s3={"addressing_style": "auto" if bucket.url is None else "path"},
            # others than Amazon do not know its new checksums
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        stack = AsyncExitStack()
        client = await stack.enter_async_context(
            get_session().create_client(
                "s3",
                region_name=bucket.region,
                endpoint_url=bucket.url,
                aws_access_key_id=bucket.access_key,
                aws_secret_access_key=bucket.secret_key,
                config=config,
            )
        )
        return cls(bucket, client, stack)

    async def write(self, key: str, content: AsyncIterable[bytes], *, longest: int) -> Written:
        digest, size = blake2b(digest_size=16), 0
        upload = _Upload(self._client, self._at(key))
        held: list[bytes] = []
        waiting = 0
        try:
            async for piece in within(content, longest):
                size += len(piece)
                digest.update(piece)
                held.append(piece)
                waiting += len(piece)
                if waiting >= PART:
                    await upload.add(b"".join(held))
                    held, waiting = [], 0
            await upload.finish(b"".join(held))
        except BaseException:
            await asyncio.shield(upload.abort())
            raise
        return Written(size, digest.hexdigest())

    async def read(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        if stop is not None and stop <= start:
            return
        part = {"Range": f"bytes={start}-{'' if stop is None else stop - 1}"} if start or stop is not None else {}
        with _told():
            answer = await self._client.get_object(**self._at(key), **part)
            async with answer["Body"] as body:
                while piece := await body.read(PIECE):
                    yield piece

    async def stat(self, key: str) -> Entry | None:
        try:
            with _told():
                found = await self._client.head_object(**self._at(key))
        except GatewayError as error:
            if error.code is Code.FILE_NOT_FOUND:
                return None
            raise
        return Entry(found["ContentLength"], Date.from_datetime(found["LastModified"]))

    async def delete(self, key: str) -> None:
        with _told():
            await self._client.delete_object(**self._at(key))

    async def copy(self, source: str, target: str) -> Written:
        """Through the gateway: one call of the service's copies 5 GB at the most, and tells no digest of ours."""
        found = await self.stat(source)
        return await self.write(target, self.read(source), longest=0 if found is None else found.size)

    async def close(self) -> None:
        await self._stack.aclose()

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket.name, "Key": f"{self._bucket.prefix}{key}"}


class _Upload:
    """Bytes on their way up: parts, where one is full before all have come."""

    def __init__(self, client: Any, at: dict[str, str]) -> None:
        self._client = client
        self._at = at
        self._id: str | None = None
        self._parts: list[dict[str, Any]] = []

    async def add(self, part: bytes) -> None:
        if len(self._parts) == MOST_PARTS:
            raise GatewayError(
                Code.TOO_LARGE, "the storage takes no file of this size", expected=str(MOST_PARTS * PART)
            )
        with _told():
            if self._id is None:
                self._id = (await self._client.create_multipart_upload(**self._at))["UploadId"]
            number = len(self._parts) + 1
            answer = await self._client.upload_part(**self._at, UploadId=self._id, PartNumber=number, Body=part)
        self._parts.append({"ETag": answer["ETag"], "PartNumber": number})

    async def finish(self, rest: bytes) -> None:
        if self._id is None:
            with _told():
                await self._client.put_object(**self._at, Body=rest)
            return
        if rest:
            await self.add(rest)
        with _told():
            parts = {"Parts": self._parts}
            await self._client.complete_multipart_upload(**self._at, UploadId=self._id, MultipartUpload=parts)
        self._id = None

    async def abort(self) -> None:
        if self._id is None:
            return
        try:
            with _told():
                await self._client.abort_multipart_upload(**self._at, UploadId=self._id)
        except GatewayError:
            log.warning("an upload to the bucket could not be aborted")


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code")
        if code in MISSING:
            raise GatewayError(Code.FILE_NOT_FOUND, "the bytes of the file are not there") from None
        log.warning("the storage of files refused reason=%s", code)
        raise GatewayError(Code.UNAVAILABLE, "the storage of files refused") from None
    except (ConnectTimeoutError, ReadTimeoutError, TimeoutError):
        raise GatewayError(Code.TIMEOUT, "the storage of files did not answer in time") from None
    except (BotoCoreError, aiohttp.ClientError, OSError) as error:
        log.warning("the storage of files failed reason=%s", type(error).__name__)
        raise GatewayError(Code.UNAVAILABLE, "the storage of files failed") from None
