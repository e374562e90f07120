"""Files as a tree: what is in a directory, and files and directories that are moved, copied, deleted and permitted.

A file is found by its path, in the objects of `_File`, as who asks: whom its access control list does not let read it
does not see it here either. What a directory says of who may do what is asked besides. What a change of many files
needs the caller's right for is asked for all of them, before any is changed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from gateway.backends.directories import Directories, at_or_below, below, directly_in, named, not_found
from gateway.backends.ledger import Ledger, ObjectStore
from gateway.errors import Code, GatewayError
from gateway.model.files import (
    FILE,
    CountFiles,
    DeleteFile,
    FindFiles,
    HasFile,
    MakeDirectory,
    MoveFile,
    PermitFile,
    ReadFile,
    RenameFile,
    above,
    name_in,
    read_path,
)
from gateway.model.operation import Batch, Caller, Delete, Find, Operation, Result, Returning, Update
from gateway.model.permission import Permission, Permit
from gateway.model.query import And, Condition, Filter, Op, Sort
from gateway.model.values import CREATED_AT, ID, UPDATED_AT, Fields, File
from gateway.store.access import Right

KEY: Final = "key"
PAGE: Final = 1000
MOST_MOVED: Final = 5000
"""Files and directories that are moved or copied at once: it is one write, during which there is no other."""


class Shelf(Protocol):
    """Where the files are: `backends.files`."""

    async def moving(self, fields: Fields, target: str) -> Sequence[Operation]:
        """What makes the file of these fields stand at another path, for one batch of the gateway's own."""

    async def copying(self, fields: Fields, target: str, caller: Caller) -> Sequence[Operation]:
        """The same, of one more file with the same bytes."""

    async def read(self, op: ReadFile, caller: Caller) -> Result:
        """The bytes of a file."""

    def signed(self, path: str, signature: str | None, expires: int | None) -> bool:
        """Whether addresses are signed here, and this one is."""

    def admit(self, path: str, mime_type: str, caller: Caller) -> None:
        """Raises GatewayError(FILE_REFUSED) where the application keeps such endings for the master."""

    async def drop(self, fields: Fields, caller: Caller) -> None:
        """Deletes the file of these fields, as this caller. Raises GatewayError where it may not."""


class FileTree:
    """What each operation answers is said in `model.files`."""

    def __init__(self, store: ObjectStore, shelf: Shelf) -> None:
        self._store = store
        self._ledger = Ledger(store)
        self._shelf = shelf
        self.directories = Directories(self._ledger)

    @property
    def operations(self) -> Mapping[type[Operation], Callable[[Any, Caller], Awaitable[Result]]]:
        return {
            HasFile: self.has,
            FindFiles: self.find,
            CountFiles: self.count,
            MoveFile: self.move,
            RenameFile: self.rename,
            DeleteFile: self.delete,
            MakeDirectory: self.make_directory,
            PermitFile: self.permit,
        }

    async def make_room(self, path: str, caller: Caller) -> None:
        """Before a file is kept at a path: the directories there, as far as they are missing.

        Raises GatewayError: FORBIDDEN where the nearest does not let this caller, FILE_EXISTS where a part of the path
        is a file, or all of it a directory.
        """
        await self.directories.check(above(path), Right.UPDATE, caller)
        if await self.directories.has(path):
            raise _taken(path)
        await self._make_missing(above(path), caller)

    async def has(self, op: HasFile, caller: Caller) -> Result:
        path = read_path(op.path)
        await self.directories.check(above(path), Right.READ, caller)
        return Result(value=await self.directories.has(path) or await self._file(path, caller) is not None)

    async def find(self, op: FindFiles, caller: Caller) -> Result:
        if op.opened and not await self.directories.has(read_path(op.path)):
            return await self._opened(op, caller)
        asked = await self._asked(op, caller)
        directories: list[Fields] = []
        limit, skip = op.limit, op.skip
        if asked.directories is not None:
            directories = await self.directories.find(asked.directories, limit=limit, skip=skip)
            limit -= len(directories)
            skip = 0 if directories else max(0, skip - await self.directories.count(asked.directories))
        files = await self._files(asked.files, caller, limit=limit, skip=skip) if limit else []
        return Result(value=[*map(_directory, directories), *map(_file, files)])

    async def _opened(self, op: FindFiles, caller: Caller) -> Result:
        path = read_path(op.path)
        if not self._shelf.signed(path, op.signature, op.expires):
            await self.directories.check(above(path), Right.READ, caller)
            if await self._file(path, caller) is None and await self._counted(Condition(KEY, Op.EQ, path)):
                raise GatewayError(Code.FORBIDDEN, "this file is not yours to read")
        return await self._shelf.read(ReadFile(path=path, signature=op.signature, expires=op.expires), caller)

    async def count(self, op: CountFiles, caller: Caller) -> Result:
        asked = await self._asked(op, caller)
        files = await self._counted(asked.files, caller)
        if not op.directories or asked.directories is None:
            return Result(value=files)
        return Result(value=files + await self.directories.count(asked.directories))

    async def _asked(self, op: FindFiles | CountFiles, caller: Caller) -> _Asked:
        path = read_path(op.path)
        await self.directories.check(path, Right.READ, caller)
        if not await self.directories.has(path):
            raise not_found(path)
        inside = below if op.recursive else directly_in
        everything = op.pattern is None or op.pattern == "*"
        if op.pattern is None or everything:
            return _Asked(inside(KEY, path), inside(ID, path))
        return _Asked(And((inside(KEY, path), named(KEY, op.pattern))), None)

    async def make_directory(self, op: MakeDirectory, caller: Caller) -> Result:
        path = read_path(op.path)
        await self.directories.check(above(path), Right.UPDATE, caller)
        if not path or await self.directories.has(path):
            raise _taken(path)
        await self._make_missing(path, caller)
        return Result(file=File(name=path))

    async def rename(self, op: RenameFile, caller: Caller) -> Result:
        path, name = read_path(op.path), read_path(op.name)
        if not name or "/" in name:
            raise GatewayError(Code.BAD_FILE_NAME, "the new name is one name, and no path")
        start = above(path)
        return await self._move(path, f"{start}/{name}" if start else name, caller, copy=False)

    async def move(self, op: MoveFile, caller: Caller) -> Result:
        """Onto a directory that is there it goes into it, under the name that it has."""
        path, target = read_path(op.path), read_path(op.target)
        if path and await self.directories.has(target):
            target = f"{target}/{name_in(path)}" if target else name_in(path)
        return await self._move(path, target, caller, copy=op.copy)

    async def _move(self, path: str, target: str, caller: Caller, *, copy: bool) -> Result:
        if not path or target == path or target.startswith(path + "/"):
            raise GatewayError(Code.BAD_REQUEST, "a directory cannot be put into itself", name=path)
        for each, right in ((path, Right.READ if copy else Right.DELETE), (target, Right.UPDATE)):
            await self.directories.check(above(each), right, caller)
        directories = await self.directories.find(at_or_below(ID, path), limit=MOST_MOVED + 1)
        if directories and not copy:
            await self.directories.check(path, Right.DELETE, caller)
        within = at_or_below(KEY, path) if directories else Condition(KEY, Op.EQ, path)
        files = await self._files(within, caller, limit=MOST_MOVED + 1)
        if not files and not directories:
            raise not_found(path)
        if len(files) + len(directories) > MOST_MOVED:
            raise GatewayError(
                Code.TOO_LARGE, f"at most {MOST_MOVED} files and directories are moved or copied at once"
            )
        await self._may_stand(target, None if directories else files[0], caller)
        if not copy:
            if await self._counted(within) != len(files):
                raise GatewayError(Code.FORBIDDEN, "there is a file in it that is not yours to move")
            await self._may_change(files, caller)
        await self._make_missing(above(target), caller)
        writes: list[Operation] = []
        for row in directories:
            writes += self.directories.moving(row, target + row[ID][len(path) :], copy=copy)
        for fields in files:
            to = target + fields[KEY][len(path) :]
            writes += await (self._shelf.copying(fields, to, caller) if copy else self._shelf.moving(fields, to))
        try:
            await self._ledger.execute(Batch(items=tuple(writes), atomic=True))
        except GatewayError as error:
            if error.code is Code.DUPLICATE_VALUE:
                raise _taken(target) from None
            if error.code in (Code.OBJECT_NOT_FOUND, Code.CONDITION_FAILED):  # somebody else was faster
                raise not_found(path) from None
            raise
        return Result(file=File(name=target))

    async def delete(self, op: DeleteFile, caller: Caller) -> Result:
        path = read_path(op.path)
        await self.directories.check(above(path), Right.DELETE, caller)
        is_directory = bool(path) and await self.directories.has(path)
        if is_directory:
            await self.directories.check(path, Right.DELETE, caller)
        within = at_or_below(KEY, path) if is_directory else Condition(KEY, Op.EQ, path)
        if is_directory:
            await self._may_delete(within, caller)
        dropped = 0
        async for fields in self._each(within, caller):
            try:
                await self._shelf.drop(fields, caller)
            except GatewayError as error:
                raise not_yours(error) from None
            dropped += 1
        if is_directory:
            await self.directories.drop(path)
        elif not dropped:
            raise not_found(path)
        return Result(total=dropped)

    async def permit(self, op: PermitFile, caller: Caller) -> Result:
        path = read_path(op.path)
        if await self.directories.has(path):
            await self.directories.permit(path, Permission(op.right, op.granted, op.user, op.role), caller)
            return Result()
        file = await self._file(path, caller)
        if file is None:
            raise not_found(path)
        return await self._store.execute(
            Permit(class_name=FILE, id=file[ID], right=op.right, granted=op.granted, user=op.user, role=op.role), caller
        )

    async def _make_missing(self, path: str, caller: Caller) -> None:
        """Raises GatewayError(FILE_EXISTS) where a part of the path is a file."""
        parts = path.split("/") if path else []
        paths = ["/".join(parts[: at + 1]) for at in range(len(parts))]
        if paths and not await self.directories.has(path):
            if await self._counted(Condition(KEY, Op.IN, paths)):
                raise _taken(path)
            await self.directories.make_missing(path, caller)

    async def _may_stand(self, target: str, file: Fields | None, caller: Caller) -> None:
        """Raises GatewayError where something stands there already, or a file may not be called so."""
        if await self.directories.has(target) or await self._counted(Condition(KEY, Op.EQ, target)):
            raise _taken(target)
        if file is not None:
            self._shelf.admit(target, file.get("mime_type") or "", caller)

    async def _may_change(self, files: Sequence[Fields], caller: Caller) -> None:
        """Raises GatewayError where this caller may not change one of them."""
        nothing = tuple(
            Update(class_name=FILE, id=fields[ID], changes={}, returning=Returning.NOTHING) for fields in files
        )
        if nothing:
            try:
                await self._store.execute(Batch(items=nothing, atomic=True), caller)
            except GatewayError as error:
                raise not_yours(error) from None

    async def _may_delete(self, within: Filter, caller: Caller) -> None:
        """Raises GatewayError where this caller may not delete one of them."""
        total = await self._counted(within)
        for skip in range(0, total, PAGE):
            files = await self._files(within, caller, limit=PAGE, skip=skip)
            # what no object matches deletes nothing, and tells apart who could have
            never = Condition(ID, Op.EQ, "")
            asked = tuple(Delete(class_name=FILE, ids=(fields[ID],), where=never) for fields in files)
            told = (await self._store.execute(Batch(items=asked), caller)).items or [] if asked else []
            may = [isinstance(one, GatewayError) and one.code is Code.CONDITION_FAILED for one in told]
            if len(files) < min(PAGE, total - skip) or not all(may):
                raise GatewayError(Code.FORBIDDEN, "there is a file in it that is not yours to delete")

    async def _file(self, path: str, caller: Caller) -> Fields | None:
        return next(iter(await self._files(Condition(KEY, Op.EQ, path), caller, limit=1)), None)

    async def _files(self, where: Filter, caller: Caller, *, limit: int, skip: int = 0) -> list[Fields]:
        """By their paths."""
        find = Find(class_name=FILE, where=where, limit=limit, skip=skip, order=(Sort(KEY),))
        return (await self._found(find, caller)).objects or []

    async def _counted(self, where: Filter, caller: Caller | None = None) -> int:
        """How many this caller can see; without one, how many there are."""
        find = Find(class_name=FILE, where=where, limit=0, count=True)
        return (await self._found(find, caller)).total or 0

    async def _each(self, where: Filter, caller: Caller) -> AsyncIterator[Fields]:
        """All of them, while they are being deleted."""
        while files := await self._files(where, caller, limit=PAGE):
            for fields in files:
                yield fields

    async def _found(self, op: Find, caller: Caller | None) -> Result:
        try:
            return await (self._ledger.execute(op) if caller is None else self._store.execute(op, caller))
        except GatewayError as error:
            if error.code is Code.CLASS_NOT_FOUND:
                return Result(objects=[], total=0)
            raise


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which files, and which directories; None where these are left out."""

    files: Filter
    directories: Filter | None


def _directory(row: Fields) -> dict[str, Any]:
    return _entry(row, File(name=row[ID]), 0)


def _file(fields: Fields) -> dict[str, Any]:
    return _entry(fields, File(name=fields[KEY], mime_type=fields.get("mime_type")), fields.get("size") or 0)


def _entry(row: Fields, file: File, size: int) -> dict[str, Any]:
    path = file.name or ""
    times = {"created_at": row.get(CREATED_AT), "updated_at": row.get(UPDATED_AT)}
    return {"name": name_in(path), "path": path, "file": file, "size": size, **times}


def not_yours(error: GatewayError) -> GatewayError:
    """What a store tells of an object that is there, and that its caller may see and not change."""
    if error.code is not Code.OBJECT_NOT_FOUND:
        return error
    return GatewayError(Code.FORBIDDEN, "this file is not yours to change")


def _taken(path: str) -> GatewayError:
    return GatewayError(Code.FILE_EXISTS, "there is a file or a directory of this path already", name=path)
