"""A backend, and beside it the files of its application: objects of `_File`, and bytes in a storage.

Which bytes stand at which path only the gateway knows, in two classes that no client sees:

    @file     the digest of a path -> where its bytes are, how many, and the object of `_File` that tells of them
    @bytes    a key of the storage that no file names: it is being written, or is about to go

Bytes are written first, under a new key that stands in `@bytes` by then; one atomic batch then makes the file and takes
the key out. To delete is the same the other way round. So whatever dies between the two, no file is without its bytes,
and what nobody names is found again: `sweep` deletes it, once it is a day old.

Values that name a file are completed when they are written, so that each dialect finds in them what it tells a file by,
and no query has to look anything up.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from gateway.adapters.base import Fetcher, FileStorage, Written, new_key
from gateway.backends.base import Backend
from gateway.backends.file_rules import PRIVATE_ADDRESS, FileRules, guess_type, path_of, too_large, unique_path
from gateway.backends.file_tree import FileTree, not_yours
from gateway.backends.file_values import files_in, files_written
from gateway.backends.ledger import Ledger, ObjectStore, new_id
from gateway.backends.uploads import Announced, Uploads
from gateway.dialects.addresses import url_of
from gateway.errors import Code, GatewayError
from gateway.model import files
from gateway.model.account import USER, class_of
from gateway.model.definition import DeleteClass, PurgeClass, UpdateClass
from gateway.model.files import FILE, Content, StoredContent, name_in, read_path
from gateway.model.operation import (
    Batch,
    Caller,
    Create,
    CreateMany,
    DeepSave,
    Deferred,
    Delete,
    DeleteMany,
    Find,
    FindGroups,
    FindRelated,
    Get,
    Operation,
    Result,
    Returning,
    Update,
    UpdateMany,
    Upsert,
)
from gateway.model.query import Condition, Op
from gateway.model.schema import IndexOf
from gateway.model.update import Change, Set
from gateway.model.values import ACL, CREATED_AT, ID, Date, Fields, File

log = logging.getLogger(__name__)

PLACE: Final = "@file"
LOOSE: Final = "@bytes"

LOOSE_FOR: Final = 24 * 3600.0
"""Seconds that an upload may last: what is loose for longer is nobody's."""
SWEPT_AT_ONCE: Final = 100

OURS: Final = frozenset({"key", "url", "size", "mime_type"})
"""Columns of a file that is kept here, which nobody changes but the gateway."""

READS: Final = frozenset({Get, Find})
REFUSED: Final[frozenset[type[Operation]]] = frozenset(
    {Upsert, CreateMany, UpdateMany, DeleteMany, DeepSave, PurgeClass, DeleteClass}
)
"""What would leave bytes without their object, or objects without bytes."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The bytes of one file, as a `StoredContent`."""

    storage: FileStorage
    key: str
    size: int
    etag: str
    mime_type: str
    name: str
    modified: Date

    def read(self, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        return self.storage.read(self.key, start, self.size if stop is None else stop)


class Files:
    """What concerns no file goes on to the backend."""

    def __init__(
        self,
        backend: Backend,
        store: ObjectStore,
        storage: FileStorage,
        rules: FileRules,
        *,
        fetcher: Fetcher | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._backend = backend
        self._store = store
        self._ledger = Ledger(store)
        self._storage = storage
        self._rules = rules
        self._fetcher = fetcher
        self._now = now
        self._signer = rules.signer(now)
        self._indexed = False
        self.tree = FileTree(store, self)
        uploads = Uploads(store, storage, self, longest=rules.longest, now=now)
        self._acts: Mapping[type[Operation], Callable[[Any, Caller], Awaitable[Result]]] = {
            **self.tree.operations,
            files.SaveFile: self.save,
            files.ReadFile: self.read,
            files.GetFileMetadata: self.metadata,
            files.NewUpload: uploads.announce,
            files.PutUpload: uploads.put,
            files.EndUpload: uploads.end,
            files.BeginParts: uploads.begin_parts,
            files.PutPart: uploads.put_part,
            files.EndParts: uploads.end_parts,
        }

    async def execute(self, op: Operation, caller: Caller) -> Result:
        act = self._acts.get(type(op))
        if act is not None:
            return await act(op, caller)
        if isinstance(op, Batch):
            return await self._batch(op, caller)
        await self._complete((op,), caller)
        if class_of(op) == FILE:
            return await self._object(op, caller)
        return await self._backend.execute(op, caller)

    async def identify(self, caller: Caller) -> Caller:
        return await self._backend.identify(caller)

    async def close(self) -> None:
        await self._backend.close()

    def _is_of_files(self, op: Operation) -> bool:
        op = op.item if isinstance(op, Deferred) else op
        return type(op) in self._acts or (class_of(op) == FILE and type(op) not in READS)

    async def _batch(self, op: Batch, caller: Caller) -> Result:
        of_files = [self._is_of_files(item) for item in op.items]
        if not any(of_files):
            await self._complete(op.items, caller)
            return await self._backend.execute(op, caller)
        if op.atomic or op.names:
            raise GatewayError(Code.UNSUPPORTED, "files cannot be a part of a transaction").at(of_files.index(True))
        answers: list[Result | GatewayError] = []
        for item in op.items:
            try:
                answers.append(await self.execute(item, caller))
            except GatewayError as error:
                answers.append(error)
        return Result(items=answers)

    # --- saving ---

    async def save(self, op: files.SaveFile, caller: Caller) -> Result:
        """All that speaks against it is told before the first byte is read."""
        await self.may_upload(op.uploads_by, caller)
        path = path_of(op, caller)
        content, told = op.content, op.mime_type or (op.content.mime_type if op.content is not None else None)
        if op.unique:
            path = unique_path(path, told)
        mime_type = guess_type(name_in(path), told)
        self._rules.check_ending(path, mime_type, frozenset(op.blocked.split()), caller)
        longest = self._rules.longest_of(op, caller)  # before anything is made for it
        await self.tree.make_room(path, caller)
        wanted = Wanted(
            path=path,
            name=name_in(path),
            mime_type=mime_type,
            metadata=None if op.metadata is None else dict(op.metadata),
            tags=None if op.tags is None else dict(op.tags),
            acl={} if op.secret else {"*": {"read": True}} if op.locked else None,
            secret=op.secret,
            owner=caller.user_id,
            overwrite=op.overwrite or op.append,
        )
        before = await self._place(path)
        if before is not None:
            if not wanted.overwrite:
                raise _exists(path)
            try:
                await self._may_change(before, caller)
            except GatewayError as error:
                raise not_yours(error) from None
        following = before if op.append else None
        if op.url is not None and content is None:
            if self._fetcher is None:
                raise GatewayError(Code.UNSUPPORTED, "no file is fetched from elsewhere here")
            async with self._fetcher.open(op.url, longest=longest) as found:
                file = await self.keep(wanted, _Following(self._storage, following, found), longest=longest)
        else:
            file = await self.keep(wanted, _Following(self._storage, following, content), longest=longest)
        return Result(file=file, id=file.id)

    async def may_upload(self, by: str, caller: Caller) -> None:
        """`by` is who may where the application does not say."""

        async def who() -> Fields | None:
            return None if caller.user_id is None else await self._ledger.fields(USER, caller.user_id) or {}

        await self._rules.check_sender(by, caller, who)
        if not caller.unrestricted:
            await self._store.permit(Create(class_name=FILE, changes={}), caller)

    def admit(self, path: str, mime_type: str, caller: Caller) -> None:
        self._rules.check_ending(path, mime_type, frozenset(), caller)

    async def keep(self, wanted: Wanted, content: Content, *, longest: int) -> File:
        """Keeps bytes as the file of a path, in the place of what is there. Raises GatewayError(FILE_EXISTS).

        Rights are not asked here: that was done before.
        """
        if content.size is not None and content.size > longest:
            raise too_large(longest)
        key = new_key()
        await self._ledger.execute(_loose(key))
        try:
            written = await self._storage.write(key, content, longest=longest)
        except BaseException:
            await self._throw_away(key)
            raise
        try:
            file, before = await self._put(wanted, key, written)
        except GatewayError:  # who is cancelled here may have made the file: the sweep finds out
            await self._throw_away(key)
            raise
        if before is not None:
            await self._throw_away(before["storage"])
        await self._index()
        return file

    async def _index(self) -> None:
        """Sees to it that files are found by their paths without looking at all of them."""
        if self._indexed:
            return
        try:
            await self._ledger.execute(UpdateClass(class_name=FILE, indexes={"key_1": IndexOf((("key", False),))}))
        except GatewayError as error:
            if error.code is not Code.BAD_QUERY:  # which is how one is told that is there already
                raise
        self._indexed = True

    async def _put(self, wanted: Wanted, key: str, written: Written) -> tuple[File, Fields | None]:
        """The file, and the place that it has taken."""
        while True:
            before = await self._place(wanted.path)
            if before is not None and not wanted.overwrite:
                raise _exists(wanted.path)
            try:
                return await self._commit(wanted, key, written, before), before
            except GatewayError as error:
                # somebody else was faster: what it made is looked at
                fresh = error.code in (Code.CONDITION_FAILED, Code.OBJECT_NOT_FOUND) and before is not None
                taken = error.code is Code.DUPLICATE_VALUE and error.details.get("class_name") == PLACE
                if not fresh and not taken:
                    raise

    async def _commit(self, wanted: Wanted, key: str, written: Written, before: Fields | None) -> File:
        """All or nothing: the object, its place, and the key that is nobody's no longer."""
        id_ = wanted.id or new_id() if before is None else before["object"]
        place = {"path": wanted.path, "object": id_, "storage": key, "size": written.size, "etag": written.etag}
        place |= {"mime_type": wanted.mime_type, "secret": wanted.secret}
        told: dict[str, Any] = {
            "key": wanted.path,
            "name": wanted.name,
            "mime_type": wanted.mime_type,
            "size": written.size,
        }
        if wanted.metadata is not None or before is not None:
            told["metaData"] = wanted.metadata
        if wanted.tags is not None:
            told["tags"] = wanted.tags
        changes = _set(told)
        items: list[Operation] = [Delete(class_name=LOOSE, ids=(key,))]
        if before is None:
            if wanted.acl is not None:
                changes[ACL] = Set(wanted.acl)
            items.append(_create(PLACE, _digest(wanted.path), place))
            items.append(Create(class_name=FILE, id=id_, changes=changes, returning=Returning.NOTHING))
        else:
            same = Condition("storage", Op.EQ, before["storage"])
            items.append(
                Update(
                    class_name=PLACE,
                    id=_digest(wanted.path),
                    changes=_set(place),
                    where=same,
                    returning=Returning.NOTHING,
                )
            )
            items.append(Update(class_name=FILE, id=id_, changes=changes, returning=Returning.NOTHING))
            items.append(_loose(before["storage"]))
        # trusted, and the object's owner is who sent it
        by = Caller("", user_id=wanted.owner, trusted=True)
        await self._store.execute(Batch(items=tuple(items), atomic=True), by)
        return File(name=wanted.path, id=id_, mime_type=wanted.mime_type, metadata=wanted.metadata)

    async def _throw_away(self, key: str) -> None:
        """Bytes that nobody names any more. What cannot be done now, the sweep does."""
        try:
            await self._storage.delete(key)
            await self._ledger.execute(Delete(class_name=LOOSE, ids=(key,), missing_ok=True))
        except GatewayError as error:
            log.warning("bytes of a file are left for the sweep reason=%s", error.code)

    async def swept(self) -> None:
        await self.sweep()

    async def sweep(self) -> int:
        """Deletes what a process has left behind that died. Answers how many."""
        before = Date.from_ms(int((self._now() - LOOSE_FOR) * 1000))
        find = Find(class_name=LOOSE, where=Condition(CREATED_AT, Op.LT, before), limit=SWEPT_AT_ONCE)
        swept = 0
        while rows := await self._found(find):
            for row in rows:
                await self._storage.delete(row[ID])
                await self._ledger.execute(Delete(class_name=LOOSE, ids=(row[ID],), missing_ok=True))
                swept += 1
        return swept

    # --- reading ---

    async def read(self, op: files.ReadFile, caller: Caller) -> Result:
        path = read_path(op.path)
        signed = caller.unrestricted or self._signer.check(path, op.signature, op.expires)
        if not signed and not self._rules.public:
            raise GatewayError(Code.FORBIDDEN, PRIVATE_ADDRESS)
        place = await self._place(path)
        if place is None:
            raise _missing(path)
        if not signed and place.get("secret"):
            raise GatewayError(Code.FORBIDDEN, PRIVATE_ADDRESS)
        return Result(content=self._content(path, place))

    def signed(self, path: str, signature: str | None, expires: int | None) -> bool:
        return not self._rules.public and self._signer.check(path, signature, expires)

    def _content(self, path: str, place: Fields) -> StoredContent:
        return Kept(
            self._storage,
            place["storage"],
            place["size"],
            place["etag"],
            place["mime_type"],
            name_in(path),
            place["@updated_at"],
        )

    async def metadata(self, op: files.GetFileMetadata, caller: Caller) -> Result:
        if not self._rules.public and not caller.unrestricted:
            return Result(value={})  # whoever has the address of the bytes has signed nothing that would open this one
        try:
            place = await self._place(read_path(op.path))
        except GatewayError:
            place = None
        fields = None if place is None else await self._ledger.fields(FILE, place["object"])
        if fields is None:
            return Result(value={})
        return Result(value={"metadata": fields.get("metaData") or {}, "tags": fields.get("tags") or {}})

    # --- what the tree of files and announced uploads ask: their protocols `Shelf` ---

    async def moving(self, fields: Fields, target: str) -> Sequence[Operation]:
        place = await self._place(fields["key"])
        told = {"key": target, "name": name_in(target)}
        update = Update(class_name=FILE, id=fields[ID], changes=_set(told), returning=Returning.NOTHING)
        if place is None:
            return (update,)
        row = {name: place.get(name) for name in ("object", "storage", "size", "etag", "mime_type", "secret")}
        return (
            Delete(class_name=PLACE, ids=(place[ID],), where=Condition("storage", Op.EQ, place["storage"])),
            _create(PLACE, _digest(target), {**row, "path": target}),
            update,
        )

    async def copying(self, fields: Fields, target: str, caller: Caller) -> Sequence[Operation]:
        place = await self._place(fields["key"])
        if place is None:
            raise _missing(fields["key"])
        key, id_ = new_key(), new_id()
        await self._ledger.execute(_loose(key))
        written = await self._storage.copy(place["storage"], key)
        row = {"path": target, "object": id_, "storage": key, "size": written.size, "etag": written.etag}
        told = {name: fields.get(name) for name in ("mime_type", "size", "metaData", "tags")}
        changes = _set({"key": target, "name": name_in(target), **told})
        if fields.get(ACL) is not None:
            changes[ACL] = Set(fields[ACL])
        return (
            Delete(class_name=LOOSE, ids=(key,)),
            _create(PLACE, _digest(target), {**row, "mime_type": place["mime_type"], "secret": place.get("secret")}),
            Create(class_name=FILE, id=id_, changes=changes, returning=Returning.NOTHING),
        )

    async def drop(self, fields: Fields, caller: Caller) -> None:
        """Deletes a file, as this caller. Raises GatewayError where it may not."""
        place = await self._place(fields["key"]) if isinstance(fields.get("key"), str) else None
        if place is None or place["object"] != fields[ID]:
            await self._store.execute(Delete(class_name=FILE, ids=(fields[ID],)), caller)
            return
        if not caller.trusted:
            await self._may_delete(fields[ID], caller)
        await self._drop(place)

    async def _drop(self, place: Fields) -> None:
        items = (
            Delete(class_name=PLACE, ids=(place[ID],), where=Condition("storage", Op.EQ, place["storage"])),
            Delete(class_name=FILE, ids=(place["object"],), missing_ok=True),
            _loose(place["storage"]),
        )
        try:
            await self._ledger.execute(Batch(items=items, atomic=True))
        except GatewayError as error:
            if error.code in (Code.OBJECT_NOT_FOUND, Code.CONDITION_FAILED, Code.DUPLICATE_VALUE):
                raise _missing(place["path"]) from None
            raise
        await self._throw_away(place["storage"])

    async def keep_announced(self, announced: Announced, content: Content) -> File:
        acl = announced.acl if announced.acl is not None else None
        wanted = Wanted(
            id=announced.id,
            path=announced.path,
            name=announced.name,
            mime_type=announced.mime_type,
            metadata=announced.metadata,
            acl=acl,
            owner=announced.caller.user_id,
        )
        before = await self._place(announced.path)
        if before is not None:
            # once more, by who has the token: its own only
            if before["object"] != announced.id:
                raise _exists(announced.path)
            wanted = replace(wanted, overwrite=True)
        else:
            await self.tree.make_room(announced.path, announced.caller)
        return await self.keep(wanted, content, longest=self._rules.longest)

    async def drop_announced(self, announced: Announced) -> None:
        place = await self._place(announced.path)
        if place is not None and place["object"] == announced.id:
            await self._drop(place)

    # --- objects of `_File` ---

    async def _object(self, op: Operation, caller: Caller) -> Result:
        match op:
            case Get() | Find() | FindRelated() | FindGroups():
                return await self._shown(op, caller)
            case Create():
                if "key" in op.changes and not caller.trusted:
                    raise GatewayError(Code.RESERVED_FIELD, "the key of a file is the gateway's", field="key")
                return await self._backend.execute(op, caller)
            case Update():
                own = OURS & op.changes.keys()
                if own and ("key" in own or (await self._ledger.fields(FILE, op.id) or {}).get("key") is not None):
                    name = min(own)
                    raise GatewayError(Code.RESERVED_FIELD, f"{name} of a file is the gateway's", field=name)
                return await self._backend.execute(op, caller)
            case Delete():
                return await self._delete_objects(op, caller)
            case _ if type(op) in REFUSED:
                raise GatewayError(Code.UNSUPPORTED, "files are made, changed and deleted one by one")
            case _:
                return await self._backend.execute(op, caller)

    async def _shown(self, op: Operation, caller: Caller) -> Result:
        """With the address of each that is kept here."""
        selected: tuple[str, ...] | None = getattr(op, "select", None)
        by_url = selected is not None and "url" in selected and "key" not in selected
        if by_url and selected is not None:
            op = replace(op, select=(*selected, "key"))  # type: ignore[call-arg]
        try:
            result = await self._backend.execute(op, caller)
        except GatewayError as error:
            if error.code is Code.CLASS_NOT_FOUND and isinstance(op, Find):
                return Result(objects=[], total=0 if op.count else None)  # no file has been uploaded yet
            raise
        for fields in result.objects if result.objects is not None else [result.object or {}]:
            key = fields.pop("key", None) if by_url else fields.get("key")
            if isinstance(key, str) and (selected is None or "url" in selected):
                fields["url"] = url_of(File(name=key))
        return result

    async def _delete_objects(self, op: Delete, caller: Caller) -> Result:
        found = [await self._ledger.fields(FILE, id_) for id_ in op.ids]
        kept = [fields for fields in found if fields is not None and fields.get("key") is not None]
        if not kept:
            return await self._backend.execute(op, caller)
        if op.where is not None:
            raise GatewayError(Code.UNSUPPORTED, "a file cannot be deleted on a condition")
        for fields in kept:
            await self.drop(fields, caller)
        others = tuple(fields[ID] for fields in found if fields is not None and fields.get("key") is None)
        if others:
            return await self._backend.execute(replace(op, ids=others), caller)
        return Result()

    async def _may_change(self, place: Fields, caller: Caller) -> None:
        """Raises GatewayError where its list, or its class, does not let this caller."""
        if not caller.unrestricted:
            await self._store.execute(
                Update(class_name=FILE, id=place["object"], changes={}, returning=Returning.NOTHING), caller
            )

    async def _may_delete(self, id_: str, caller: Caller) -> None:
        if caller.unrestricted:
            return
        try:
            # what no object matches deletes nothing, and tells whether it could have
            await self._store.execute(Delete(class_name=FILE, ids=(id_,), where=Condition(ID, Op.EQ, "")), caller)
        except GatewayError as error:
            if error.code is not Code.CONDITION_FAILED:
                raise

    # --- values that name a file ---

    async def _complete(self, ops: Sequence[Operation], caller: Caller) -> None:
        """What is known of each file that they name, in the place where it stands.

        Raises GatewayError(FORBIDDEN) where addresses are signed, and this caller names a file that it may not read:
        whoever reads the value would get a signed one.
        """
        named = [file for op in ops for file in files_in(op) if file.url is None and (file.name or file.id)]
        if not named:
            return
        paths = {_digest(file.name) for file in named if file.name}
        places = {row["path"]: row for row in await self._rows(PLACE, paths)}
        ids = {file.id for file in named if file.id and not file.name}
        ids |= {row["object"] for row in places.values()}
        objects = {row[ID]: row for row in await self._rows(FILE, ids)}
        for file in named:
            if not file.name:
                known = objects.get(file.id or "")
                if known is not None:
                    file.name, file.url = known.get("key") or known.get("name"), known.get("url")
            place = places.get(file.name or "")
            known = objects.get(place["object"] if place is not None else file.id or "")
            if known is not None and file.url is None:
                file.id, file.mime_type = known[ID], known.get("mime_type")
                file.metadata = known.get("metaData")
                file.called = known.get("name") if known.get("name") != name_in(file.name or "") else None
        if not self._rules.public and not caller.unrestricted:
            theirs = {file.id for op in ops for file in files_written(op) if file.url is None}
            if theirs - await self._readable({id_ for id_ in theirs if id_ in objects}, caller):
                raise GatewayError(Code.FORBIDDEN, "there is no such file, or it is not yours to read")

    async def _readable(self, ids: set[str | None], caller: Caller) -> set[str | None]:
        if not ids:
            return set()
        where = Condition(ID, Op.IN, sorted(id_ for id_ in ids if id_ is not None))
        find = Find(class_name=FILE, where=where, limit=len(ids), select=(ID,))
        return {row[ID] for row in (await self._store.execute(find, caller)).objects or []}

    async def _rows(self, class_name: str, ids: set[str]) -> list[Fields]:
        if not ids:
            return []
        where = Condition(ID, Op.IN, sorted(ids))
        return await self._found(Find(class_name=class_name, where=where, limit=len(ids)))

    async def _place(self, path: str) -> Fields | None:
        return await self._ledger.fields(PLACE, _digest(path))

    async def _found(self, op: Find) -> list[Fields]:
        try:
            return (await self._ledger.execute(op)).objects or []
        except GatewayError as error:
            if error.code is Code.CLASS_NOT_FOUND:
                return []
            raise


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A file that is to be. `acl` and `owner` are for a new one; with `overwrite` it may take the place of another."""

    path: str
    name: str
    mime_type: str
    id: str | None = None
    metadata: dict[str, Any] | None = None
    tags: dict[str, Any] | None = None
    acl: Any = None
    owner: str | None = None
    overwrite: bool = False
    secret: bool = False


@dataclass(frozen=True, slots=True)
class _Following:
    """A content, after the bytes that a file has already."""

    storage: FileStorage
    before: Fields | None
    content: Content | None
    size: int | None = None
    mime_type: str | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self.before is not None:
            async for piece in self.storage.read(self.before["storage"], 0, self.before["size"]):
                yield piece
        if self.content is not None:
            async for piece in self.content:
                yield piece


def _digest(path: str) -> str:
    """A path is longer than an id may be."""
    return hashlib.sha256(path.encode(errors="surrogatepass")).hexdigest()


def _loose(key: str) -> Operation:
    return Create(class_name=LOOSE, id=key, changes={}, returning=Returning.NOTHING)


def _create(class_name: str, id_: str, values: Mapping[str, Any]) -> Operation:
    return Create(class_name=class_name, id=id_, changes=_set(values), returning=Returning.NOTHING)


def _set(values: Mapping[str, Any]) -> dict[str, Change]:
    return {name: Set(value) for name, value in values.items()}


def _exists(path: str) -> GatewayError:
    return GatewayError(Code.FILE_EXISTS, "there is a file of this path already", name=path)


def _missing(path: str) -> GatewayError:
    return GatewayError(Code.FILE_NOT_FOUND, "there is no such file", name=path)
