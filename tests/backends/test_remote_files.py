"""Files of a server of others: what the gateway adds to what that server does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.backends.file_rules import FileRules
from gateway.backends.remote_files import RemoteFiles
from gateway.dialects.files_json import Held
from gateway.errors import Code, GatewayError
from gateway.model.account import CurrentUser
from gateway.model.files import DeleteFile, FindFiles, ReadFile, SaveFile
from gateway.model.operation import Batch, Caller, Get, Operation, Result
from gateway.model.values import File

NOBODY = Caller(app="blog")
MASTER = Caller(app="blog", master=True)
TOM = Caller(app="blog", session="toms")
GUEST = Caller(app="blog", session="a guest's")
AS_PARSE: Mapping[str, Any] = {"unique": True, "empty_ok": False, "uploads_by": "registered", "blocked": "html svg"}


@dataclass
class Server:
    """Has one file, and says what it has heard."""

    heard: list[Operation] = field(default_factory=list)
    saved: bytes = b""

    async def execute(self, op: Operation, caller: Caller) -> Result:
        self.heard.append(op)
        match op:
            case CurrentUser():
                linked = {"anonymous": {"id": "x"}} if caller == GUEST else {"github": {"id": "x"}}
                return Result(object={"@id": "u", "authData": linked})
            case SaveFile(content=content):
                async for piece in content or Held(b""):
                    self.saved += piece
                return Result(file=File(name=op.path))
            case FindFiles(path="photos", pattern="tom*.jpg"):
                return Result(value=[{"name": "tom1.jpg"}])
            case FindFiles(path="photos"):
                return Result(value=[{"name": "tom.jpg"}])
            case FindFiles(path=""):
                return Result(value=[])
            case FindFiles():
                raise GatewayError(Code.FILE_NOT_FOUND, "there is no such directory")
            case ReadFile():
                return Result(content="the bytes")
            case _:
                return Result()

    async def identify(self, caller: Caller) -> Caller:
        return caller

    async def close(self) -> None:
        pass


@dataclass
class Coming:
    """A content of which it is not known how long it is, and which may break off."""

    pieces: tuple[bytes | GatewayError, ...]
    size: int | None = None
    mime_type: str | None = "text/plain"

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            if isinstance(piece, GatewayError):
                raise piece
            yield piece


def files(
    server: Server, *, names: bool = True, lists: bool = True, master_deletes: bool = False, **rules: Any
) -> RemoteFiles:
    does = {"names": names, "lists": lists, "master_deletes": master_deletes}
    return RemoteFiles(server, FileRules(secret=b"s", **rules), **does, now=lambda: 1000.0)


async def refusal(app: RemoteFiles, op: Operation, caller: Caller) -> Code:
    with pytest.raises(GatewayError) as refused:
        await app.execute(op, caller)
    return refused.value.code


async def test_the_gateway_makes_the_name() -> None:
    server = Server()
    op = SaveFile(path="a.txt", content=Held(b"one", "text/plain"), metadata={}, tags={}, **AS_PARSE)
    told = await files(server).execute(op, TOM)
    said = server.heard[-1]
    assert isinstance(said, SaveFile)
    name, dot, ending = said.path.partition("_")
    assert (len(name), dot, ending) == (32, "_", "a.txt")
    assert (said.unique, said.mime_type, said.metadata, said.tags) == (False, "text/plain", None, None)
    assert (told.file, server.saved) == (File(name=said.path), b"one")
    # what says something is not dropped: the backend has words for it, or refuses
    await files(server).execute(SaveFile(path="a", content=Held(b"x"), metadata={"a": 1}, **AS_PARSE), MASTER)
    assert getattr(server.heard[-1], "metadata") == {"a": 1}  # noqa: B009 - of one operation among many


@pytest.mark.parametrize(
    ("op", "caller", "code"),
    [
        (SaveFile(path="a.txt", content=Held(b"x"), **AS_PARSE), NOBODY, Code.FILE_REFUSED),
        (SaveFile(path="a.txt", content=Held(b"x"), **AS_PARSE), GUEST, Code.FILE_REFUSED),
        (SaveFile(path="a.html", content=Held(b"x"), **AS_PARSE), TOM, Code.FILE_REFUSED),
        (SaveFile(path="a.txt", content=Held(b""), **AS_PARSE), TOM, Code.FILE_REFUSED),
        (SaveFile(path="a.txt", content=Held(b"x" * 11), **AS_PARSE), TOM, Code.TOO_LARGE),
        (SaveFile(path="a.txt", content=Held(b"x"), longest=5, **AS_PARSE), TOM, Code.MASTER_REQUIRED),
        (SaveFile(path="a.txt", content=Held(b"x"), directory="up", **AS_PARSE), TOM, Code.FORBIDDEN),
        (SaveFile(path="../a.txt", content=Held(b"x"), **AS_PARSE), TOM, Code.BAD_FILE_NAME),
    ],
)
async def test_what_a_clients_dialect_lays_down_is_held_here(op: SaveFile, caller: Caller, code: Code) -> None:
    server = Server()
    assert await refusal(files(server, longest=10), op, caller) is code
    assert not any(isinstance(heard, SaveFile) for heard in server.heard)


async def test_who_may_upload_is_what_the_application_says() -> None:
    op = SaveFile(path="a.txt", content=Held(b"x"), **AS_PARSE)
    for allowed, callers in {"everybody": (NOBODY, GUEST), "users": (GUEST, TOM), "master": (MASTER,)}.items():
        for caller in callers:
            assert (await files(Server(), uploads_by=allowed).execute(op, caller)).file is not None
    assert await refusal(files(Server(), uploads_by="users"), op, NOBODY) is Code.FILE_REFUSED
    assert await refusal(files(Server(), uploads_by="master"), op, TOM) is Code.FILE_REFUSED


async def test_a_server_that_makes_names_has_its_own_rules_but_an_empty_file_is_refused() -> None:
    server = Server()
    app = files(server, names=False, longest=1)
    op = SaveFile(path="a.html", content=Held(b"more"), **AS_PARSE)
    await app.execute(op, NOBODY)
    assert server.heard == [op]
    assert await refusal(app, SaveFile(path="a.txt", content=Held(b""), **AS_PARSE), TOM) is Code.FILE_REFUSED
    assert (await app.execute(SaveFile(path="a.txt", content=Held(b"")), TOM)).file is not None


@pytest.mark.parametrize(
    ("pieces", "code"),
    [
        ((b"12345", b"67890", b"1"), Code.TOO_LARGE),
        ((b"12345", GatewayError(Code.BAD_REQUEST, "the body broke off")), Code.BAD_REQUEST),
        ((b"12345",), None),
    ],
)
async def test_why_an_upload_ends_early_is_told(pieces: tuple[bytes, ...], code: Code | None) -> None:
    op = SaveFile(path="a.txt", content=Coming(pieces), **AS_PARSE)
    if code is None:
        assert (await files(Server(), longest=10).execute(op, TOM)).file is not None
    else:
        assert await refusal(files(Server(), longest=10), op, TOM) is code


async def test_bytes_are_those_of_files_and_not_what_is_told_of_a_directory() -> None:
    server = Server()
    app = files(server)
    assert (await app.execute(ReadFile(path="photos/tom.jpg"), NOBODY)).content == "the bytes"
    for path in ("photos", "photos/ann.jpg", "photos/tom*.jpg", "else/tom.jpg"):
        assert await refusal(app, ReadFile(path=path), NOBODY) is Code.FILE_NOT_FOUND, path
    listing = FindFiles(path="photos", limit=10, opened=True)
    assert (await app.execute(listing, NOBODY)).value == [{"name": "tom.jpg"}]
    opened = FindFiles(path="photos/tom.jpg", limit=10, opened=True)
    assert (await app.execute(opened, NOBODY)).content == "the bytes"
    # who lists nothing is asked for the bytes at once
    assert (await files(server, lists=False).execute(opened, NOBODY)).content == "the bytes"


async def test_addresses_that_are_signed() -> None:
    server = Server()
    app, signer = files(server, public=False), FileRules(secret=b"s").signer(lambda: 1000.0)
    signed: dict[str, Any] = dict(signer.sign("photos/tom.jpg"))
    signed["expires"] = int(signed["expires"])
    kinds: list[tuple[Any, dict[str, Any]]] = [(ReadFile, {}), (FindFiles, {"limit": 1, "opened": True})]
    for kind, more in kinds:
        op = kind(path="photos/tom.jpg", **more)
        assert await refusal(app, op, TOM) is Code.FORBIDDEN
        assert (await app.execute(op, MASTER)).content == "the bytes"
        assert (await app.execute(kind(path="photos/tom.jpg", **more, **signed), NOBODY)).content == "the bytes"
        # and the backend is not told
        assert server.heard[-1] == ReadFile(path="photos/tom.jpg")
        assert await refusal(app, kind(path="photos/ann.jpg", **more, **signed), NOBODY) in (
            Code.FORBIDDEN,
            Code.FILE_NOT_FOUND,
        )


async def test_a_file_that_is_deleted_is_one() -> None:
    assert (await files(Server()).execute(DeleteFile(path="a.txt"), NOBODY)).total == 1
    for_master = files(Server(), master_deletes=True)
    assert await refusal(for_master, DeleteFile(path="a.txt"), TOM) is Code.MASTER_REQUIRED
    assert (await for_master.execute(DeleteFile(path="a.txt"), MASTER)).total == 1


async def test_in_a_batch_each_item_has_its_own_answer() -> None:
    server = Server()
    items = (Get(class_name="Post", id="a"), ReadFile(path="photos/ann.jpg"), DeleteFile(path="photos/tom.jpg"))
    answers = (await files(server).execute(Batch(items=items), NOBODY)).items or []
    assert [type(answer) for answer in answers] == [Result, GatewayError, Result]
    assert await refusal(files(server), Batch(items=items, atomic=True), NOBODY) is Code.UNSUPPORTED
    untouched = Batch(items=items[:1], atomic=True)
    await files(server).execute(untouched, NOBODY)
    assert server.heard[-1] == untouched
