"""Files of a server of somebody else's: what its dialect does not say of them, and what the gateway promises of them.

The bytes are there and pass through; addresses are the gateway's, which whoever has one may read by. So what holds of
addresses is held here, and so are the rules of a client's dialect that a server of another vendor does not have.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gateway.backends.base import Backend
from gateway.backends.file_rules import (
    PRIVATE_ADDRESS,
    FileRules,
    check_not_empty,
    guess_type,
    path_of,
    too_large,
    unique_path,
)
from gateway.dialects.dialect import Dialect
from gateway.errors import Code, GatewayError
from gateway.model import files
from gateway.model.account import CurrentUser
from gateway.model.files import Content, above, name_in, read_path
from gateway.model.operation import Batch, Caller, Operation, Result
from gateway.model.values import Fields

AT_ONCE = 100
"""Entries of a directory that fit a name, which may have a `*` in it."""


class RemoteFiles:
    """What concerns no file goes on to the backend.

    With `names` files get their names from the gateway, with `lists` the backend tells at the path of a file, where it
    is none, what is in the directory there; with `master_deletes` it lets nobody else delete one.
    """

    def __init__(
        self,
        backend: Backend,
        rules: FileRules,
        *,
        names: bool,
        lists: bool,
        master_deletes: bool,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._backend = backend
        self._rules = rules
        self._names = names
        self._lists = lists
        self._master_deletes = master_deletes
        self._signer = rules.signer(now)
        self._acts: Mapping[type[Operation], Callable[[Any, Caller], Awaitable[Result]]] = {
            files.SaveFile: self.save,
            files.ReadFile: self.read,
            files.FindFiles: self.find,
            files.DeleteFile: self.delete,
        }

    @classmethod
    def of(cls, dialect: Dialect, backend: Backend, rules: FileRules, *, names: bool) -> RemoteFiles:
        """Around a server that speaks a dialect."""
        deletes = [route.defaults.get("for_master") for route in dialect.file.routes if route.op == "delete_file"]
        lists = "find_files" in dialect.operations
        return cls(backend, rules, names=names, lists=lists, master_deletes=any(deletes))

    async def identify(self, caller: Caller) -> Caller:
        return await self._backend.identify(caller)

    async def close(self) -> None:
        await self._backend.close()

    async def execute(self, op: Operation, caller: Caller) -> Result:
        act = self._acts.get(type(op))
        if act is not None:
            return await act(op, caller)
        if isinstance(op, Batch) and any(type(item) in self._acts for item in op.items):
            return await self._batch(op, caller)
        return await self._backend.execute(op, caller)

    async def _batch(self, op: Batch, caller: Caller) -> Result:
        if op.atomic or op.names:
            at = next(at for at, item in enumerate(op.items) if type(item) in self._acts)
            raise GatewayError(Code.UNSUPPORTED, "files cannot be a part of a transaction").at(at)
        answers: list[Result | GatewayError] = []
        for item in op.items:
            try:
                answers.append(await self.execute(item, caller))
            except GatewayError as error:
                answers.append(error)
        return Result(items=answers)

    # --- saving ---

    async def save(self, op: files.SaveFile, caller: Caller) -> Result:
        if not op.unique or not self._names:
            check_not_empty(op)
            return await self._backend.execute(op, caller)

        async def who() -> Fields | None:
            if caller.session is None:
                return None
            return (await self._backend.execute(CurrentUser(), caller)).object

        # as by Parse Server itself, whose clients are those who leave it the name: see `file_rules`
        await self._rules.check_sender(op.uploads_by, caller, who)
        path = path_of(op, caller)
        told = op.mime_type or (op.content.mime_type if op.content is not None else None)
        path = unique_path(path, told)
        mime_type = guess_type(name_in(path), told)
        self._rules.check_ending(path, mime_type, frozenset(op.blocked.split()), caller)
        bounded = None if op.content is None else _Bounded(op.content, self._rules.longest_of(op, caller))
        named = replace(
            op,
            path=path,
            directory=None,
            unique=False,
            content=bounded,
            mime_type=mime_type,
            longest=None,
            metadata=op.metadata or None,  # the SDK sends empty ones, which say nothing
            tags=op.tags or None,
        )
        return await self._backend.execute(named, caller)

    # --- reading ---

    async def read(self, op: files.ReadFile, caller: Caller) -> Result:
        path = self._opened(op, caller)
        if self._lists and not await self._is_file(path, caller):
            raise GatewayError(Code.FILE_NOT_FOUND, "there is no such file", name=path)
        return await self._backend.execute(files.ReadFile(path=path), caller)

    async def find(self, op: files.FindFiles, caller: Caller) -> Result:
        """What is in a directory, or the bytes of the file that stands in its place."""
        if op.opened and (not self._lists or await self._is_file(read_path(op.path), caller)):
            path = self._opened(op, caller)
            return await self._backend.execute(files.ReadFile(path=path), caller)
        return await self._backend.execute(replace(op, signature=None, expires=None), caller)

    def _opened(self, op: files.ReadFile | files.FindFiles, caller: Caller) -> str:
        """The path of a file that is to be read. Raises GatewayError where its address does not open it."""
        path = read_path(op.path)
        if not (self._rules.public or caller.unrestricted or self._signer.check(path, op.signature, op.expires)):
            raise GatewayError(Code.FORBIDDEN, PRIVATE_ADDRESS)
        return path

    async def _is_file(self, path: str, caller: Caller) -> bool:
        """By the directory that it is in: with a pattern only its files are listed."""
        directory = above(path)
        listed = files.FindFiles(path=directory, limit=AT_ONCE, pattern=name_in(path), opened=bool(directory))
        try:
            found = (await self._backend.execute(listed, caller)).value
        except GatewayError as error:
            if error.code in (Code.FILE_NOT_FOUND, Code.OBJECT_NOT_FOUND):
                return False
            raise
        return any(entry.get("name") == name_in(path) for entry in found or ())

    async def delete(self, op: files.DeleteFile, caller: Caller) -> Result:
        if self._master_deletes and not caller.unrestricted:
            raise GatewayError(Code.MASTER_REQUIRED, "only the master may delete a file of this backend")
        result = await self._backend.execute(op, caller)
        return result if result.total is not None else replace(result, total=1)  # it is one that has a name there


@dataclass(frozen=True, slots=True)
class _Bounded:
    """A content that is not longer than it may be."""

    content: Content
    longest: int

    @property
    def size(self) -> int | None:
        return self.content.size

    @property
    def mime_type(self) -> str | None:
        return self.content.mime_type

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self.longest
        async for piece in self.content:
            left -= len(piece)
            if left < 0:
                raise too_large(self.longest)
            yield piece
