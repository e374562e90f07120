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
import hmac
import logging
import mimetypes
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from gateway.adapters.base import Fetcher, FileStorage, Written, new_key
from gateway.backends.base import Backend
from gateway.backends.file_tree import FileTree, not_yours
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
from gateway.model.query import And, Condition, Filter, Not, Op, Or
from gateway.model.schema import IndexOf
from gateway.model.update import Add, AddUnique, Change, Remove, Set
from gateway.model.values import ACL, CREATED_AT, ID, Date, Fields, File, Object, Value

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

PRIVATE_ADDRESS: Final = "the address of this file is not signed, or has expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRules:
    """What an application says of its files. Sizes are in bytes, times in seconds; None leaves it to the dialect."""

    public: bool = True
    url_lasts: float = 3600.0
    longest: int = 20 * 1024**2
    uploads_by: str | None = None
    blocked: frozenset[str] | None = None
    secret: bytes = b""


class Signer:
    """Addresses of files that hold for a while. The same file has one address for half of that, so it can be cached."""

    def __init__(self, secret: bytes, lasts: float, now: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._lasts = max(1, int(lasts))
        self._now = now

    def sign(self, path: str) -> Mapping[str, str]:
        step = max(1, self._lasts // 2)
        expires = (int(self._now()) // step + 2) * step
        return {"signature": self._digest(path, expires), "expires": str(expires)}

    def check(self, path: str, signature: str | None, expires: int | None) -> bool:
        if signature is None or expires is None or expires < self._now():
            return False
        return hmac.compare_digest(self._digest(path, expires).encode(), signature.encode(errors="surrogatepass"))

    def _digest(self, path: str, expires: int) -> str:
        return hmac.digest(self._secret, f"{expires}:{path}".encode(errors="surrogatepass"), hashlib.sha256).hex()


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
        self._signer = Signer(rules.secret, rules.url_lasts, now)
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

    @property
    def signer(self) -> Signer | None:
        """What signs addresses; None where files are public."""
        return None if self._rules.public else self._signer

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
        if op.directory and not caller.unrestricted:
            raise GatewayError(Code.FORBIDDEN, "Directory can only be set using the Master Key.")
        path = read_path(f"{op.directory.strip('/')}/{op.path}" if op.directory else op.path)
        content, told = op.content, op.mime_type or (op.content.mime_type if op.content is not None else None)
        if not name_in(path):
            raise GatewayError(Code.BAD_FILE_NAME, "Filename not provided.")
        if content is not None and content.size == 0 and not op.empty_ok:
            raise GatewayError(Code.FILE_REFUSED, "Invalid file upload.")
        if op.unique:
            path = _unique(path, told)
        mime_type = self.guess_type(name_in(path), told)
        self._refuse_endings(path, mime_type, frozenset(op.blocked.split()), caller)
        longest = self._longest(op, caller)
        if content is not None and content.size is not None and content.size > longest:
            raise _too_large(longest)  # before anything is made for it
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
        """Parse Server 9, FilesRouter: who may, by default users who are logged in and not anonymous.

        `by` is who may where the application does not say.
        """
        if caller.unrestricted:
            return
        allowed = self._rules.uploads_by or by
        if allowed == "everybody":
            pass
        elif allowed == "master":
            who = "public" if caller.user_id is None else "authenticated user"
            raise GatewayError(Code.FILE_REFUSED, f"File upload by {who} is disabled.")
        elif caller.user_id is None:
            raise GatewayError(Code.FILE_REFUSED, "File upload by public is disabled.")
        elif allowed == "registered" and await self._is_anonymous(caller.user_id):
            raise GatewayError(Code.FILE_REFUSED, "File upload by anonymous user is disabled.")
        await self._store.permit(Create(class_name=FILE, changes={}), caller)

    async def _is_anonymous(self, user_id: str) -> bool:
        linked = (await self._ledger.fields(USER, user_id) or {}).get("authData")
        return isinstance(linked, dict) and linked.get("anonymous") is not None

    def admit(self, path: str, mime_type: str, caller: Caller) -> None:
        self._refuse_endings(path, mime_type, frozenset(), caller)

    def _refuse_endings(self, path: str, mime_type: str, blocked: frozenset[str], caller: Caller) -> None:
        """Parse Server, FilesRouter: an ending that is known decides alone, else the type does.

        `blocked` are those where the application does not say.
        """
        blocked = blocked if self._rules.blocked is None else self._rules.blocked
        if caller.unrestricted or not blocked:
            return
        _, dot, ending = name_in(path).rpartition(".")
        ending = ending.lower() if dot else ""
        told = [ending] if ending else []
        if not ending or TYPES.guess_type(f"x.{ending}")[0] is None:
            sub = mime_type.partition(";")[0].strip().lower().rpartition("/")[2]
            told += [sub, *sub.split("+")]
        for word in told:
            if word in blocked:
                raise GatewayError(Code.FILE_REFUSED, f"File upload of extension {word} is disabled.", name=word)

    def _longest(self, op: files.SaveFile, caller: Caller) -> int:
        if op.longest is None:
            return self._rules.longest
        if not caller.unrestricted:
            raise GatewayError(Code.MASTER_REQUIRED, "only the master may say how long a file may be")
        return op.longest

    def guess_type(self, name: str, told: str | None = None) -> str:
        """By the ending of its name, where that is a known one, else what its sender told."""
        return TYPES.guess_type(f"x.{name.rpartition('.')[2]}")[0] or told or "application/octet-stream"

    async def keep(self, wanted: Wanted, content: Content, *, longest: int) -> File:
        """Keeps bytes as the file of a path, in the place of what is there. Raises GatewayError(FILE_EXISTS).

        Rights are not asked here: that was done before.
        """
        if content.size is not None and content.size > longest:
            raise _too_large(longest)
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
        named = [file for op in ops for file in _files_in(op) if file.url is None and (file.name or file.id)]
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
            theirs = {file.id for op in ops for file in _files_written(op) if file.url is None}
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


TYPES: Final = mimetypes.MimeTypes()  # without those of the machine: the same everywhere
for _type, _endings in {
    "image/webp": ".webp",
    "image/avif": ".avif",
    "image/heic": ".heic",
    "audio/mp4": ".m4a",
    "audio/ogg": ".ogg",
    "font/woff": ".woff",
    "font/woff2": ".woff2",
    "text/markdown": ".md",
    "application/xhtml+xml": ".xhtml .xht",
    "text/html": ".shtml",
    "application/xslt+xml": ".xslt",
    "application/rdf+xml": ".rdf .owl",
    "application/mathml+xml": ".mathml",
    "image/svg+xml": ".svgz",
}.items():
    for _ending in _endings.split():
        TYPES.add_type(_type, _ending)


def _unique(path: str, mime_type: str | None) -> str:
    """Parse Server, FilesController: 32 hexadecimal digits, and the ending of the type where the name has none."""
    directory, _, name = path.rpartition("/")
    if "." not in name and mime_type is not None:
        name += TYPES.guess_extension(mime_type.partition(";")[0].strip()) or ""
    name = f"{secrets.token_hex(16)}_{name}"
    return f"{directory}/{name}" if directory else name


def _files_in(op: Operation) -> Iterator[File]:
    """Each file that an operation names in a value, at most as deep as values are."""
    yield from _files_written(op)
    where = getattr(op, "where", None)
    if where is not None:
        yield from _files_asked(where)


def _files_written(op: Operation) -> Iterator[File]:
    if isinstance(op, Deferred):
        op = op.item
    if isinstance(op, DeepSave):
        yield from _files_inside(op.tree)
    changes = getattr(op, "changes", None)
    if changes:
        for change in changes.values():
            yield from _files_of(change)
    for new in getattr(op, "objects", ()):
        for change in new.changes.values():
            yield from _files_of(change)


def _files_of(change: Change) -> Iterator[File]:
    match change:
        case Set(value):
            yield from _files_inside(value)
        case Add(values) | AddUnique(values) | Remove(values):
            yield from _files_inside(values)


def _files_inside(value: Value) -> Iterator[File]:
    if type(value) is File:
        yield value
    elif type(value) is dict:
        for part in value.values():
            yield from _files_inside(part)
    elif type(value) is list or type(value) is tuple:
        for part in value:
            yield from _files_inside(part)
    elif type(value) is Object:
        yield from _files_inside(value.fields)


def _files_asked(where: Filter) -> Iterator[File]:
    match where:
        case Condition(_, _, value):
            yield from _files_inside(value)
        case And(parts) | Or(parts):
            for part in parts:
                yield from _files_asked(part)
        case Not(part):
            yield from _files_asked(part)


def _digest(path: str) -> str:
    """A path is longer than an id may be."""
    return hashlib.sha256(path.encode(errors="surrogatepass")).hexdigest()


def _loose(key: str) -> Operation:
    return Create(class_name=LOOSE, id=key, changes={}, returning=Returning.NOTHING)


def _create(class_name: str, id_: str, values: Mapping[str, Any]) -> Operation:
    return Create(class_name=class_name, id=id_, changes=_set(values), returning=Returning.NOTHING)


def _set(values: Mapping[str, Any]) -> dict[str, Change]:
    return {name: Set(value) for name, value in values.items()}


def _too_large(longest: int) -> GatewayError:
    return GatewayError(Code.TOO_LARGE, f"a file has at most {longest} bytes", expected=str(longest))


def _exists(path: str) -> GatewayError:
    return GatewayError(Code.FILE_EXISTS, "there is a file of this path already", name=path)


def _missing(path: str) -> GatewayError:
    return GatewayError(Code.FILE_NOT_FOUND, "there is no such file", name=path)
