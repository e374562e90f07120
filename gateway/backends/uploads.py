"""Files that are announced first, and whose bytes come by a request of their own.

Who announces one is known, and gets a token; who brings the bytes shows that token and nothing else. So the token is
kept as its digest only, in one of two classes that no client sees:

    @upload    the digest of a token -> what was said of the file, and whose it becomes
    @part      of bytes that come in parts: where each is kept until all have come

The file is there from the moment that its bytes are. Who announced it says at the end whether they have arrived; where
nobody says so for a day, the file is taken back.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import orjson

from gateway.adapters.base import FileStorage, new_key
from gateway.backends.file_rules import guess_type
from gateway.backends.ledger import Ledger, ObjectStore, new_id
from gateway.errors import Code, GatewayError
from gateway.model.files import (
    BeginParts,
    Content,
    EndParts,
    EndUpload,
    NewUpload,
    PutPart,
    PutUpload,
    name_in,
    read_path,
)
from gateway.model.operation import Caller, Create, Delete, Find, Result, Returning, Update, Upsert
from gateway.model.query import And, Condition, Op, Sort
from gateway.model.update import Change, Set
from gateway.model.values import ID, Date, Fields, File

UPLOAD: Final = "@upload"
PART: Final = "@part"

LASTS: Final = 24 * 3600.0
"""Seconds from the announcement of a file until it must be there, and be said to be."""
SWEPT_EVERY: Final = 300.0
SWEPT_AT_ONCE: Final = 100
MOST_PARTS: Final = 10_000
PAGE: Final = 1000
LONGEST_ENDING: Final = 20


class Shelf(Protocol):
    """Where the files are: `backends.files`."""

    async def may_upload(self, by: str, caller: Caller) -> None:
        """Raises GatewayError where this caller may not; `by` is who may where the application does not say."""

    def admit(self, path: str, mime_type: str, caller: Caller) -> None:
        """Raises GatewayError(FILE_REFUSED) where the application keeps such endings for the master."""

    async def keep_announced(self, announced: Announced, content: Content) -> File:
        """Keeps the bytes as the file of that id, which may be there, at that path, as this caller."""

    async def drop_announced(self, announced: Announced) -> None:
        """Deletes it; it need not be there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """What is known of a file before its bytes are there. `caller` is who announced it."""

    id: str
    path: str
    name: str
    mime_type: str
    metadata: dict[str, Any] | None
    acl: Any
    caller: Caller


class Uploads:
    """What each operation answers is said in `model.files`."""

    def __init__(
        self,
        store: ObjectStore,
        storage: FileStorage,
        shelf: Shelf,
        *,
        longest: int,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._ledger = Ledger(store)
        self._storage = storage
        self._shelf = shelf
        self._longest = longest
        self._now = now
        self._swept = now()

    async def announce(self, op: NewUpload, caller: Caller) -> Result:
        if op.key is not None and not caller.unrestricted:
            raise GatewayError(Code.MASTER_REQUIRED, "only the master may choose the key of a file")
        name = op.name or "file"
        path = read_path(op.key if op.key is not None else _new_path(op, name))
        if not path:
            raise GatewayError(Code.BAD_FILE_NAME, "a file must have a name")
        mime_type = op.mime_type or guess_type(name)
        # that all of it may not be is told now, and not when the bytes have come
        await self._shelf.may_upload("everybody", caller)
        self._shelf.admit(path, mime_type, caller)
        await self._sweep()
        token, id_ = secrets.token_urlsafe(32), new_id()
        changes: dict[str, Any] = {"file": id_, "path": path, "name": name, "mime_type": mime_type}
        changes["more"] = orjson.dumps({"metadata": op.metadata, "acl": op.acl}).decode()
        changes |= {"master": caller.master, "made": int(self._now() * 1000), "arrived": False}
        if caller.user_id is not None:
            changes["owner"] = caller.user_id
        await self._ledger.execute(
            Create(class_name=UPLOAD, id=_digest(token), changes=_set(changes), returning=Returning.NOTHING)
        )
        moment = Date.from_ms(int(self._now() * 1000))
        return Result(id=id_, created_at=moment, file=File(name=path, id=id_, mime_type=mime_type), token=token)

    async def put(self, op: PutUpload, caller: Caller) -> Result:
        row = await self._row(op.token)
        return await self._keep(row, op.content, caller)

    async def end(self, op: EndUpload, caller: Caller) -> Result:
        row = await self._ledger.fields(UPLOAD, _digest(op.token))
        if row is None:  # said twice, or too late
            return Result()
        await self._forget_parts(Condition("of", Op.EQ, row[ID]))
        if not op.arrived and row["arrived"]:
            await self._shelf.drop_announced(_announced(row, caller))
        await self._ledger.execute(Delete(class_name=UPLOAD, ids=(row[ID],), missing_ok=True))
        return Result()

    async def begin_parts(self, op: BeginParts, _caller: Caller) -> Result:
        await self._row(op.token)
        return Result(value=secrets.token_hex(16))

    async def put_part(self, op: PutPart, _caller: Caller) -> Result:
        row = await self._row(op.token)
        if not 1 <= op.number <= MOST_PARTS:
            raise GatewayError(Code.BAD_REQUEST, f"the parts of a file have numbers from 1 to {MOST_PARTS}")
        id_ = _part_id(row, op.upload, op.number)
        before = await self._ledger.fields(PART, id_)
        have = sum(part["size"] for part in await self._parts(row, op.upload) if part[ID] != id_)
        if have + max(1, op.content.size or 0) > self._longest:
            raise GatewayError(Code.TOO_LARGE, f"a file has at most {self._longest} bytes")
        key = new_key()
        pending = f"{id_}:{key}"
        # written down before it is there: what is broken off goes when the upload ends, or is swept
        await self._note_part(pending, row, op.upload, key)
        written = await self._storage.write(key, op.content, longest=self._longest - have)
        await self._note_part(id_, row, op.upload, key, written.size)
        await self._ledger.execute(Delete(class_name=PART, ids=(pending,), missing_ok=True))
        if before is not None:
            await self._storage.delete(before["key"])
        return Result(value=written.etag)

    async def _note_part(self, id_: str, row: Fields, upload: str, key: str, size: int | None = None) -> None:
        """Without a size its bytes are not there yet."""
        changes = {"of": row[ID], "upload": _digest(upload), "key": key, "there": size is not None, "size": size or 0}
        await self._ledger.execute(Upsert(class_name=PART, id=id_, changes=_set(changes), returning=Returning.NOTHING))

    async def end_parts(self, op: EndParts, caller: Caller) -> Result:
        row = await self._row(op.token)
        parts = await self._parts(row, op.upload)
        if op.joined and not parts:
            raise GatewayError(Code.BAD_REQUEST, "no part of this file has come")
        result = (
            await self._keep(row, _Joined(self._storage, parts, row["mime_type"]), caller) if op.joined else Result()
        )
        await self._forget_parts(And((Condition("of", Op.EQ, row[ID]), Condition("upload", Op.EQ, _digest(op.upload)))))
        return result

    async def _keep(self, row: Fields, content: Content, caller: Caller) -> Result:
        announced = _announced(row, caller)
        file = await self._shelf.keep_announced(announced, content)
        try:
            await self._ledger.execute(
                Update(class_name=UPLOAD, id=row[ID], changes={"arrived": Set(True)}, returning=Returning.NOTHING)
            )
        except GatewayError as error:
            if error.code is not Code.OBJECT_NOT_FOUND:  # it was ended meanwhile
                raise
            await self._shelf.drop_announced(announced)
            raise _unknown() from None
        return Result(id=announced.id, file=file)

    async def _row(self, token: str) -> Fields:
        row = await self._ledger.fields(UPLOAD, _digest(token))
        if row is None or row["made"] < (self._now() - LASTS) * 1000:
            raise _unknown()
        return row

    async def _parts(self, row: Fields, upload: str) -> list[Fields]:
        """Those whose bytes are there, in order."""
        of_this = (Condition("of", Op.EQ, row[ID]), Condition("upload", Op.EQ, _digest(upload)))
        where = And((*of_this, Condition("there", Op.EQ, value=True)))
        parts: list[Fields] = []
        while found := await self._found(
            Find(class_name=PART, where=where, limit=PAGE, skip=len(parts), order=(Sort(ID),))
        ):
            parts += found
        return parts

    async def _forget_parts(self, where: Condition | And) -> None:
        while found := await self._found(Find(class_name=PART, where=where, limit=PAGE)):
            for part in found:
                await self._storage.delete(part["key"])
            ids = tuple(part[ID] for part in found)
            await self._ledger.execute(Delete(class_name=PART, ids=ids, missing_ok=True))

    async def _sweep(self) -> None:
        """Takes back what was announced and never said to be there, a few at once."""
        now = self._now()
        if now - self._swept < SWEPT_EVERY:
            return
        self._swept = now
        old = Condition("made", Op.LT, int((now - LASTS) * 1000))
        for row in await self._found(Find(class_name=UPLOAD, where=old, limit=SWEPT_AT_ONCE)):
            await self._forget_parts(Condition("of", Op.EQ, row[ID]))
            if row["arrived"]:
                await self._shelf.drop_announced(_announced(row, Caller(app="", trusted=True)))
            await self._ledger.execute(Delete(class_name=UPLOAD, ids=(row[ID],), missing_ok=True))

    async def _found(self, op: Find) -> list[Fields]:
        try:
            return (await self._ledger.execute(op)).objects or []
        except GatewayError as error:
            if error.code is Code.CLASS_NOT_FOUND:
                return []
            raise


@dataclass(frozen=True, slots=True)
class _Joined:
    """The bytes of parts, one after the other."""

    storage: FileStorage
    parts: list[Fields]
    mime_type: str | None

    @property
    def size(self) -> int:
        return sum(part["size"] for part in self.parts)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self.parts:
            async for piece in self.storage.read(part["key"], 0, part["size"]):
                yield piece


def _new_path(op: NewUpload, name: str) -> str:
    """One that nobody can guess. It ends as the name does, or with the name itself where that is to be kept."""
    ending = name_in(name).rpartition(".")[2] if "." in name_in(name) else ""
    fits = 0 < len(ending) <= LONGEST_ENDING and ending.isalnum()
    made = secrets.token_hex(16) + (f"/{name_in(name)}" if op.keep_name else f".{ending}" if fits else "")
    return f"{op.prefix.strip('/')}/{made}" if op.prefix else made


def _announced(row: Fields, caller: Caller) -> Announced:
    more = orjson.loads(row["more"])
    return Announced(
        id=row["file"],
        path=row["path"],
        name=row["name"],
        mime_type=row["mime_type"],
        metadata=more["metadata"],
        acl=more["acl"],
        caller=replace(caller, master=row["master"], user_id=row.get("owner"), session=None),
    )


def _part_id(row: Fields, upload: str, number: int) -> str:
    # the name of the upload is the client's: its digest is no longer than any other
    return f"{row[ID]}:{_digest(upload)}:{number:05d}"


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def _set(values: dict[str, Any]) -> dict[str, Change]:
    return {name: Set(value) for name, value in values.items()}


def _unknown() -> GatewayError:
    return GatewayError(Code.FORBIDDEN, "no file was announced by this token, or that was too long ago")
