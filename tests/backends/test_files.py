"""Files: objects and bytes together, whatever happens in between, and what clients may do with either."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.base import Written
from gateway.adapters.storage_disk import DiskStorage
from gateway.backends.accounts import Accounts, Policy
from gateway.backends.embedded import Embedded
from gateway.backends.file_rules import FileRules, Signer
from gateway.backends.files import LOOSE, Files
from gateway.errors import Code, GatewayError
from gateway.model.files import FILE, FILE_OPERATIONS, DeleteFile, GetFileMetadata, MoveFile, ReadFile, SaveFile
from gateway.model.operation import (
    Batch,
    Caller,
    Create,
    CreateMany,
    Delete,
    DeleteMany,
    Find,
    Get,
    NewObject,
    Operation,
    Result,
    Update,
    Upsert,
)
from gateway.model.query import Condition, Op
from gateway.model.update import Add, Change, Set
from gateway.model.values import ACL, ID, OWNER, File

GATEWAY = Caller(app="", trusted=True)
TOM = Caller(app="blog", user_id="tom")
EVE = Caller(app="blog", user_id="eve")
NOBODY = Caller(app="blog")
MASTER = Caller(app="blog", master=True)


class Bytes:
    def __init__(self, *parts: bytes, size: int | None = None, mime_type: str | None = None) -> None:
        self.parts, self.size, self.mime_type = parts, size, mime_type
        self.was_read = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.was_read = True
        for part in self.parts:
            yield part


class Failing(DiskStorage):
    """Bytes arrive, and then the process is as good as dead: nothing that it would do afterwards is done."""

    dead = False

    async def write(self, key: str, content: AsyncIterable[bytes], *, longest: int) -> Written:
        written = await super().write(key, content, longest=longest)
        if self.dead:
            raise KeyboardInterrupt
        return written

    async def delete(self, key: str) -> None:
        if self.dead:
            raise GatewayError(Code.UNAVAILABLE, "dead")
        await super().delete(key)


class App:
    def __init__(self, store: Embedded, folder: Path, **rules: Any) -> None:
        self.store = store
        self.folder = folder
        self.time = 0.0
        self.storage = Failing(folder)
        self.backend = Accounts(store, Policy())
        self.files = Files(self.backend, store, self.storage, FileRules(secret=b"s", **rules), now=lambda: self.time)

    async def ask(self, op: Operation, caller: Caller = NOBODY) -> Result:
        return await self.files.execute(op, caller)

    async def refusal(self, op: Operation, caller: Caller = NOBODY) -> Code:
        with pytest.raises(GatewayError) as error:
            await self.ask(op, caller)
        return error.value.code

    async def keep(self, path: str, *parts: bytes, caller: Caller = NOBODY, **how: Any) -> File:
        file = (await self.ask(SaveFile(path=path, content=Bytes(*parts), **how), caller)).file
        assert file is not None
        return file

    async def text(self, path: str) -> bytes:
        content = (await self.ask(ReadFile(path=path))).content
        return b"".join([piece async for piece in content.read()])

    def kept(self) -> int:
        return sum(path.is_file() for path in self.folder.rglob("*"))

    async def loose(self) -> int:
        try:
            found = await self.store.execute(Find(class_name=LOOSE, limit=9), GATEWAY)
        except GatewayError:
            return 0
        return len(found.objects or [])


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    store = await Embedded.open(f"sqlite:///{tmp_path}/data.db", secret=b"s")
    yield App(store, tmp_path / "files")
    await store.close()


def test_every_operation_on_files_is_answered(app: App) -> None:
    assert set(FILE_OPERATIONS.values()) == app.files._acts.keys()


# --- objects and bytes ---


async def test_what_is_known_of_a_file(app: App) -> None:
    file = await app.keep("a/b.png", b"hel", b"lo", caller=TOM, metadata={"author": "tom"}, tags={"n": 1})
    assert file == File(name="a/b.png", id=file.id, mime_type="image/png", metadata={"author": "tom"})
    assert file.id is not None
    found = (await app.ask(Get(class_name=FILE, id=file.id))).object or {}
    told = {name: found[name] for name in ("key", "name", "size", "mime_type", "metaData", OWNER)}
    assert told == {
        "key": "a/b.png",
        "name": "b.png",
        "size": 5,
        "mime_type": "image/png",
        "metaData": {"author": "tom"},
        OWNER: "tom",
    }
    assert (await app.ask(GetFileMetadata(path="a/b.png"))).value == {"metadata": {"author": "tom"}, "tags": {"n": 1}}
    content = (await app.ask(ReadFile(path="a/b.png"))).content
    assert (content.size, content.mime_type, content.name) == (5, "image/png", "b.png")
    assert await app.text("a/b.png") == b"hello"
    assert (app.kept(), await app.loose()) == (1, 0)


async def test_a_path_that_is_taken(app: App) -> None:
    first = await app.keep("a.txt", b"one")
    assert await app.refusal(SaveFile(path="a.txt", content=Bytes(b"two"))) is Code.FILE_EXISTS
    assert await app.text("a.txt") == b"one"
    second = await app.keep("a.txt", b"two", overwrite=True)
    assert second.id == first.id
    assert await app.text("a.txt") == b"two"
    await app.keep("a.txt", b" three", append=True)
    assert await app.text("a.txt") == b"two three"
    assert (app.kept(), await app.loose()) == (1, 0)
    unique = await app.keep("a.txt", b"four", unique=True)
    assert unique.name is not None
    assert unique.name.endswith("_a.txt")
    assert len(unique.name) == 38


async def test_many_at_once_make_one_file(app: App) -> None:
    asked = [app.ask(SaveFile(path="a.txt", content=Bytes(b"%d" % at))) for at in range(8)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    refused = [answer.code for answer in answers if isinstance(answer, GatewayError)]
    assert refused == [Code.FILE_EXISTS] * 7
    assert (app.kept(), await app.loose()) == (1, 0)
    again = [app.keep("a.txt", b"%d" % at, overwrite=True) for at in range(8)]
    await asyncio.gather(*again)
    assert await app.text("a.txt") in [b"%d" % at for at in range(8)]
    assert (app.kept(), await app.loose()) == (1, 0)


async def test_to_move_and_to_copy(app: App) -> None:
    await app.keep("a.txt", b"one")
    await app.ask(MoveFile(path="a.txt", target="b/c.txt"))
    await app.ask(MoveFile(path="b/c.txt", target="d.txt", copy=True))
    assert await app.refusal(ReadFile(path="a.txt")) is Code.FILE_NOT_FOUND
    assert [await app.text(path) for path in ("b/c.txt", "d.txt")] == [b"one", b"one"]
    await app.ask(DeleteFile(path="b/c.txt"))
    assert await app.text("d.txt") == b"one"
    assert (app.kept(), await app.loose()) == (1, 0)


async def test_what_a_process_leaves_that_dies_is_swept_a_day_later(app: App) -> None:
    await app.keep("kept.txt", b"kept")
    app.storage.dead = True
    with pytest.raises(KeyboardInterrupt):
        await app.ask(SaveFile(path="a.txt", content=Bytes(b"lost")))
    assert (app.kept(), await app.loose()) == (2, 1)
    assert await app.refusal(ReadFile(path="a.txt")) is Code.FILE_NOT_FOUND
    # and one that dies when the file is deleted, and its bytes are not yet
    await app.ask(DeleteFile(path="kept.txt"), MASTER)
    assert (app.kept(), await app.loose()) == (2, 2)
    app.storage.dead = False
    assert await app.files.sweep() == 0
    app.time = 4e9
    assert await app.files.sweep() == 2
    assert (app.kept(), await app.loose()) == (0, 0)


# --- who may ---


async def test_a_file_that_is_locked_is_the_masters(app: App) -> None:
    file = await app.keep("a.txt", b"one", caller=TOM, locked=True)
    for caller in (NOBODY, TOM, EVE):
        assert await app.refusal(Delete(class_name=FILE, ids=(file.id or "",)), caller) is Code.OBJECT_NOT_FOUND
        save = SaveFile(path="a.txt", content=Bytes(b"two"), overwrite=True)
        assert await app.refusal(save, caller) in (Code.FORBIDDEN, Code.OBJECT_NOT_FOUND)
        with pytest.raises(GatewayError):
            await app.ask(DeleteFile(path="a.txt"), caller)
    assert await app.text("a.txt") == b"one"
    await app.ask(Delete(class_name=FILE, ids=(file.id or "",)), MASTER)
    assert (app.kept(), await app.loose()) == (0, 0)


async def test_the_list_of_a_file_says_who_deletes_it(app: App) -> None:
    file = await app.keep("a.txt", b"one")
    assert file.id is not None
    await app.ask(Update(class_name=FILE, id=file.id, changes={ACL: Set({"tom": {"read": True, "write": True}})}))
    delete = Delete(class_name=FILE, ids=(file.id,))
    assert await app.refusal(delete, EVE) is Code.OBJECT_NOT_FOUND
    await app.ask(delete, TOM)
    assert (app.kept(), await app.refusal(ReadFile(path="a.txt"))) == (0, Code.FILE_NOT_FOUND)


async def test_objects_of_files_that_clients_make_name_no_bytes(app: App) -> None:
    await app.keep("a.txt", b"one")
    changes = {"key": Set("a.txt"), "name": Set("x")}
    assert await app.refusal(Create(class_name=FILE, changes=changes), TOM) is Code.RESERVED_FIELD
    elsewhere = {"url": Set("http://files.example/x"), "name": Set("x")}
    made = (await app.ask(Create(class_name=FILE, changes=elsewhere), TOM)).id or ""
    assert (
        await app.refusal(Update(class_name=FILE, id=made, changes={"key": Set("a.txt")}), TOM) is Code.RESERVED_FIELD
    )
    await app.ask(Delete(class_name=FILE, ids=(made,)), TOM)
    assert await app.text("a.txt") == b"one"
    for op in (
        Upsert(class_name=FILE, id="x", changes=changes),
        CreateMany(class_name=FILE, objects=(NewObject(changes),)),
        DeleteMany(class_name=FILE),
    ):
        assert await app.refusal(op, MASTER) is Code.UNSUPPORTED


async def test_what_the_gateway_knows_of_a_file_no_client_changes(app: App) -> None:
    file = await app.keep("a.txt", b"one")
    for name, value in (("key", "b.txt"), ("url", "http://x.example"), ("size", 1), ("mime_type", "text/html")):
        update = Update(class_name=FILE, id=file.id or "", changes={name: Set(value)})
        assert await app.refusal(update, MASTER) is Code.RESERVED_FIELD
    await app.ask(Update(class_name=FILE, id=file.id or "", changes={"name": Set("other")}), TOM)


async def test_uploads_by(app: App) -> None:
    content = Bytes(b"x")
    for allowed, told in {
        "everybody": [None, None],
        "users": ["File upload by public is disabled.", None],
        "registered": ["File upload by public is disabled.", None],
        "master": ["File upload by public is disabled.", "File upload by authenticated user is disabled."],
    }.items():
        found: list[str | None] = []
        for at, caller in enumerate((NOBODY, TOM)):
            try:
                await app.ask(SaveFile(path=f"{allowed}{at}", content=content, uploads_by=allowed), caller)
                found.append(None)
            except GatewayError as error:
                found.append(error.message)
        assert found == told, allowed
        await app.ask(SaveFile(path=f"{allowed}2", content=content, uploads_by=allowed), MASTER)


@pytest.mark.parametrize(
    ("op", "code"),
    [
        (SaveFile(path="a.txt", directory="b"), Code.FORBIDDEN),
        (SaveFile(path="../a.txt"), Code.BAD_FILE_NAME),
        (SaveFile(path="a\0.txt"), Code.BAD_FILE_NAME),
        (SaveFile(path="a\\b.txt"), Code.BAD_FILE_NAME),
        (SaveFile(path="a//b.txt"), Code.BAD_FILE_NAME),
        (SaveFile(path=""), Code.BAD_FILE_NAME),
        (SaveFile(path="a.txt", uploads_by="users"), Code.FILE_REFUSED),
        (SaveFile(path="a.html", blocked="html svg"), Code.FILE_REFUSED),
        (SaveFile(path="a.txt", longest=1), Code.MASTER_REQUIRED),
    ],
)
async def test_what_speaks_against_an_upload_is_told_before_a_byte_is_read(app: App, op: SaveFile, code: Code) -> None:
    content = Bytes(b"x", size=1)
    assert await app.refusal(replace(op, content=content)) is code
    assert not content.was_read
    assert (app.kept(), await app.loose()) == (0, 0)


async def test_sizes(app: App) -> None:
    large, empty = Bytes(b"x", size=21 * 1024**2), Bytes(size=0)
    assert await app.refusal(SaveFile(path="a.bin", content=large)) is Code.TOO_LARGE
    assert await app.refusal(SaveFile(path="a.bin", content=empty, empty_ok=False)) is Code.FILE_REFUSED
    assert not large.was_read
    await app.keep("a.bin", b"", empty_ok=False)  # it is not known beforehand
    assert await app.text("a.bin") == b""
    assert await app.refusal(SaveFile(path="b.bin", content=Bytes(b"xx"), longest=1), MASTER) is Code.TOO_LARGE


# --- values ---


async def test_a_value_that_names_a_file_is_completed_when_it_is_written(app: App) -> None:
    file = await app.keep("a.txt", b"one", metadata={"n": 1})
    by_name, by_id, elsewhere = File(name="a.txt"), File(id=file.id), File(name="a.txt", url="http://x.example/a.txt")
    changes: dict[str, Change] = {
        "name": Set(by_name),
        "id": Set({"deep": [by_id]}),
        "list": Add((File(name="a.txt"),)),
        "other": Set(elsewhere),
        "missing": Set(File(name="nothing.txt")),
    }
    made = (await app.ask(Create(class_name="Post", changes=changes))).id or ""
    found = (await app.ask(Get(class_name="Post", id=made))).object or {}
    assert found["name"] == file
    assert found["id"] == {"deep": [file]}
    assert found["list"] == [file]
    assert found["other"] == File(name="a.txt", url="http://x.example/a.txt")
    assert found["missing"] == File(name="nothing.txt")
    batch = Batch(items=(Create(class_name="Post", changes={"file": Set(File(id=file.id))}),), atomic=True)
    (item,) = (await app.ask(batch)).items or []
    assert isinstance(item, Result)
    where = Condition("file", Op.EQ, File(name="a.txt"))
    (told,) = (await app.ask(Find(class_name="Post", limit=9, where=where))).objects or []
    assert told[ID] == item.id


async def test_files_in_a_batch(app: App) -> None:
    file = await app.keep("a.txt", b"one")
    items = (
        Create(class_name="Post", changes={}),
        Delete(class_name=FILE, ids=(file.id or "",)),
        ReadFile(path="a.txt"),
    )
    assert await app.refusal(Batch(items=items, atomic=True)) is Code.UNSUPPORTED
    answers = (await app.ask(Batch(items=items))).items or []
    assert [answer.code if isinstance(answer, GatewayError) else None for answer in answers] == [
        None,
        None,
        Code.FILE_NOT_FOUND,
    ]
    assert app.kept() == 0


async def test_no_file_is_no_error_of_a_query(app: App) -> None:
    found = await app.ask(Find(class_name=FILE, limit=9, count=True))
    assert (found.objects, found.total) == ([], 0)


# --- addresses that end ---


async def test_a_signature_is_of_one_path_and_ends(tmp_path: Path) -> None:
    now = 1000.0
    signer = Signer(b"secret", 100, lambda: now)
    told = signer.sign("a.txt")
    signature, expires = told["signature"], int(told["expires"])
    assert 1050 <= expires <= 1100
    assert signer.sign("a.txt") == told
    assert signer.check("a.txt", signature, expires)
    assert not signer.check("b.txt", signature, expires)
    assert not signer.check("a.txt", signature, expires + 1)
    assert not signer.check("a.txt", "\ud800", expires)
    assert not signer.check("a.txt", None, None)
    assert not Signer(b"other", 100, lambda: now).check("a.txt", signature, expires)
    now = expires + 1.0
    assert not signer.check("a.txt", signature, expires)


async def test_files_that_are_not_public(tmp_path: Path) -> None:
    store = await Embedded.open(f"sqlite:///{tmp_path}/data.db", secret=b"s")
    app = App(store, tmp_path / "files", public=False)
    await app.keep("a.txt", b"one")
    assert await app.refusal(ReadFile(path="a.txt"), TOM) is Code.FORBIDDEN
    told = Signer(b"s", 3600, lambda: app.time).sign("a.txt")
    signed = ReadFile(path="a.txt", signature=told["signature"], expires=int(told["expires"]))
    assert (await app.ask(signed)).content.size == 3
    assert (await app.ask(ReadFile(path="a.txt"), MASTER)).content.size == 3
    await store.close()
