"""Files that are announced first: what their tokens are good for, and for how long; on a real store and a real disk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.storage_disk import DiskStorage
from gateway.backends.accounts import Accounts, Policy
from gateway.backends.embedded import Embedded
from gateway.backends.file_rules import FileRules
from gateway.backends.files import Files
from gateway.backends.ledger import Ledger
from gateway.backends.uploads import LASTS, SWEPT_EVERY, UPLOAD
from gateway.errors import Code, GatewayError
from gateway.model.files import (
    FILE,
    BeginParts,
    EndParts,
    EndUpload,
    NewUpload,
    PutPart,
    PutUpload,
    ReadFile,
)
from gateway.model.operation import Caller, Find, Get, Operation, Result
from gateway.model.values import ID

TOM = Caller(app="blog", user_id="tom")
NOBODY = Caller(app="blog")
MASTER = Caller(app="blog", master=True)
LONGEST = 1000


@dataclass
class Sent:
    """Bytes of a request; with `broken` it breaks off before the end."""

    pieces: tuple[bytes, ...]
    broken: bool = False
    size: int | None = None
    mime_type: str | None = "text/html"

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece
        if self.broken:
            raise GatewayError(Code.BAD_REQUEST, "the body broke off")


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_800_000_000.0

    def __call__(self) -> float:
        return self.seconds


class Uploading:
    def __init__(self, store: Embedded, folder: Path, storage: DiskStorage) -> None:
        self.store, self.folder, self.clock = store, folder, Clock()
        accounts = Accounts(store, Policy())
        self.files = Files(accounts, store, storage, FileRules(longest=LONGEST), now=self.clock)

    async def ask(self, op: Operation, caller: Caller = NOBODY) -> Result:
        return await self.files.execute(op, caller)

    async def refusal(self, op: Operation, caller: Caller = NOBODY) -> Code:
        with pytest.raises(GatewayError) as error:
            await self.ask(op, caller)
        return error.value.code

    async def announced(self, caller: Caller = TOM, **more: Any) -> Result:
        return await self.ask(NewUpload(**{"name": "a.txt", **more}), caller)

    async def put(self, told: Result, *pieces: bytes, broken: bool = False) -> Result:
        return await self.ask(PutUpload(token=token(told), content=Sent(pieces, broken)))

    async def content(self, told: Result) -> bytes:
        found = (await self.ask(ReadFile(path=path(told)))).content
        return b"".join([piece async for piece in found.read()])

    async def files_there(self) -> int:
        """What stands in the folder: bytes of files, whoever knows of them."""
        return sum(1 for one in self.folder.rglob("*") if one.is_file())

    async def rows(self, class_name: str) -> int:
        try:
            found = await Ledger(self.store).execute(Find(class_name=class_name, limit=100))
        except GatewayError:
            return 0
        return len(found.objects or [])


def token(told: Result) -> str:
    assert told.token is not None
    return told.token


def path(told: Result) -> str:
    assert told.file is not None
    assert told.file.name is not None
    return told.file.name


@pytest.fixture
async def uploading(tmp_path: Path) -> AsyncIterator[Uploading]:
    store = await Embedded.open(f"sqlite:///{tmp_path}/files.db", secret=b"s")
    folder = tmp_path / "files"
    storage = DiskStorage(folder)
    yield Uploading(store, folder, storage)
    await storage.close()
    await store.close()


async def test_a_file_is_there_when_its_bytes_are(uploading: Uploading) -> None:
    acl = {"tom": {"read": True, "write": True}}
    told = await uploading.announced(metadata={"a": [1]}, acl=acl)
    assert await uploading.refusal(ReadFile(path=path(told))) is Code.FILE_NOT_FOUND
    assert await uploading.rows(FILE) == 0
    put = await uploading.put(told, b"hel", b"lo")
    assert put.id == told.id
    assert await uploading.content(told) == b"hello"
    assert told.id is not None
    fields = (await uploading.ask(Get(class_name=FILE, id=told.id), TOM)).object or {}
    assert {name: fields.get(name) for name in ("name", "key", "size", "mime_type", "metaData", "@acl")} == {
        "name": "a.txt",
        "key": path(told),
        "size": 5,
        "mime_type": "text/plain",  # what was announced, and not what came with the bytes
        "metaData": {"a": [1]},
        "@acl": acl,
    }
    assert await uploading.refusal(Get(class_name=FILE, id=told.id)) is Code.OBJECT_NOT_FOUND
    await uploading.ask(EndUpload(token=token(told)))
    assert await uploading.content(told) == b"hello"
    assert await uploading.rows(UPLOAD) == 0
    # ended, the token is good for nothing
    assert await uploading.refusal(PutUpload(token=token(told), content=Sent((b"x",)))) is Code.FORBIDDEN
    await uploading.ask(EndUpload(token=token(told), arrived=False))
    assert await uploading.content(told) == b"hello"


async def test_what_did_not_arrive_is_taken_back(uploading: Uploading) -> None:
    told = await uploading.announced()
    await uploading.put(told, b"half")
    await uploading.ask(EndUpload(token=token(told), arrived=False))
    assert await uploading.refusal(ReadFile(path=path(told))) is Code.FILE_NOT_FOUND
    assert await uploading.files_there() == await uploading.rows(UPLOAD) == await uploading.rows(FILE) == 0
    await uploading.ask(EndUpload(token="never given"))


async def test_bytes_may_be_brought_again_until_then(uploading: Uploading) -> None:
    told = await uploading.announced()
    await uploading.put(told, b"first")
    await uploading.put(told, b"second")
    assert await uploading.content(told) == b"second"
    assert await uploading.files_there() == await uploading.rows(FILE) == 1


async def test_what_breaks_off_or_is_too_long_leaves_nothing(uploading: Uploading) -> None:
    told = await uploading.announced()
    for pieces, broken in (((b"half",), True), ((b"x" * LONGEST, b"x"), False)):
        with pytest.raises(GatewayError):
            await uploading.put(told, *pieces, broken=broken)
    assert await uploading.files_there() == await uploading.rows(FILE) == 0
    await uploading.put(told, b"x" * LONGEST)
    # a second try that fails leaves the first
    with pytest.raises(GatewayError):
        await uploading.put(told, b"half", broken=True)
    assert await uploading.content(told) == b"x" * LONGEST


async def test_a_path_nobody_can_guess(uploading: Uploading) -> None:
    plain = path(await uploading.announced(name="日.tar.GZ"))
    assert len(plain) == 35
    assert plain.endswith(".GZ")
    assert path(await uploading.announced(name="a b.txt", keep_name=True)).endswith("/a b.txt")
    assert path(await uploading.announced(name="x", prefix="/saves/2026/")).startswith("saves/2026/")
    assert "." not in path(await uploading.announced(name="a.b c"))
    assert "/" not in path(await uploading.announced(name="../../etc/passwd"))
    assert path(await uploading.announced(name="../x", keep_name=True)).endswith("/x")
    assert len({path(await uploading.announced()) for _ in range(20)}) == 20


@pytest.mark.parametrize("text", ["../up", "a\\b", "a\0b", "a//b", "x" * 10_000])
async def test_hostile_names(uploading: Uploading, text: str) -> None:
    assert await uploading.refusal(NewUpload(name="a", key=text), MASTER) is Code.BAD_FILE_NAME
    assert await uploading.refusal(NewUpload(name="a", prefix=text)) is Code.BAD_FILE_NAME
    assert await uploading.refusal(NewUpload(name="a", key=""), MASTER) is Code.BAD_FILE_NAME


async def test_a_key_is_for_the_master_and_takes_no_place_of_others(uploading: Uploading) -> None:
    assert await uploading.refusal(NewUpload(name="a", key="k"), TOM) is Code.MASTER_REQUIRED
    first, second = [await uploading.announced(MASTER, key="k/a.txt") for _ in range(2)]
    await uploading.put(first, b"first")
    assert await uploading.refusal(PutUpload(token=token(second), content=Sent((b"x",)))) is Code.FILE_EXISTS
    await uploading.ask(EndUpload(token=token(second), arrived=False))
    assert await uploading.content(first) == b"first"


async def test_an_announcement_lasts_a_day_and_is_swept(uploading: Uploading) -> None:
    late, forgotten, ended = [await uploading.announced() for _ in range(3)]
    await uploading.put(forgotten, b"never said to be there")
    await uploading.put(ended, b"said to be there")
    await uploading.ask(EndUpload(token=token(ended)))
    part = PutPart(token=token(late), upload="u", number=1, content=Sent((b"part",)))
    await uploading.ask(part)
    assert await uploading.files_there() == 3
    uploading.clock.seconds += LASTS + SWEPT_EVERY + 1
    assert await uploading.refusal(PutUpload(token=token(late), content=Sent((b"x",)))) is Code.FORBIDDEN
    await uploading.announced()
    assert await uploading.files_there() == 1
    assert await uploading.content(ended) == b"said to be there"
    assert await uploading.refusal(ReadFile(path=path(forgotten))) is Code.FILE_NOT_FOUND
    assert await uploading.rows(UPLOAD) == 1


async def test_parts_are_joined_in_order(uploading: Uploading) -> None:
    told = await uploading.announced()
    upload = (await uploading.ask(BeginParts(token=token(told)))).value

    async def put(number: int, *pieces: bytes, broken: bool = False) -> Any:
        op = PutPart(token=token(told), upload=upload, number=number, content=Sent(pieces, broken))
        return (await uploading.ask(op)).value

    assert await put(2, b"wor", b"ld") == await put(3, b"world")
    await put(3, b"!")
    await put(1, b"wrong")
    await put(1, b"hello ")
    with pytest.raises(GatewayError):
        await put(4, b"broken", broken=True)
    assert await uploading.rows(FILE) == 0
    await uploading.ask(EndParts(token=token(told), upload=upload))
    assert await uploading.content(told) == b"hello world!"
    assert await uploading.files_there() == 1
    assert await uploading.rows("@part") == 0


async def test_parts_have_numbers_and_no_more_bytes_than_a_file(uploading: Uploading) -> None:
    told = await uploading.announced()

    async def refused(number: int, size: int, upload: str = "u") -> Code:
        content = Sent((b"x" * size,))
        return await uploading.refusal(PutPart(token=token(told), upload=upload, number=number, content=content))

    for number in (0, -1, 10_001):
        assert await refused(number, 1) is Code.BAD_REQUEST
    first = PutPart(token=token(told), upload="u", number=1, content=Sent((b"x" * (LONGEST - 1),)))
    await uploading.ask(first)
    assert await refused(2, 2) is Code.TOO_LARGE
    assert await uploading.refusal(EndParts(token=token(told), upload="other")) is Code.BAD_REQUEST
    await uploading.ask(EndParts(token=token(told), upload="u", joined=False))
    assert await uploading.refusal(EndParts(token=token(told), upload="u")) is Code.BAD_REQUEST
    assert await uploading.files_there() == 0


@pytest.mark.parametrize("caller", [NOBODY, TOM, MASTER])
async def test_without_the_token_nothing_is_brought(uploading: Uploading, caller: Caller) -> None:
    told = await uploading.announced()
    for wrong in ("", "x", token(told)[:-1], token(told) + "x", "\ud800"):
        content = Sent((b"x",))
        for op in (
            PutUpload(token=wrong, content=content),
            BeginParts(token=wrong),
            PutPart(token=wrong, upload="u", number=1, content=content),
            EndParts(token=wrong, upload="u"),
        ):
            assert await uploading.refusal(op, caller) is Code.FORBIDDEN
    # the token itself is kept nowhere
    rows = (await Ledger(uploading.store).execute(Find(class_name=UPLOAD, limit=9))).objects or []
    assert token(told) not in str(rows)
    assert [row[ID] for row in rows] != [token(told)]
