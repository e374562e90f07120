"""Exports: all of an application, read a page at a time, written to one archive, which is a file of the application's.

An archive has whatever the owner may see, and what passwords are kept as; so its object is nobody's, and its address
is signed even where those of other files are not. It goes after a week.

    @export    what was asked for, and how far that is: `status`, `path` of the archive, `reason` where it failed

Each export is one task of the scheduler: where a gateway has died, another one writes it anew. In a gateway one is
written at a time, by way of a folder for temporary files; what is in memory is a page of objects.
"""

from __future__ import annotations

import asyncio
import logging
import tarfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import Final

import orjson

from gateway.adapters.base import Mail, Mailer
from gateway.adapters.mail import read_address
from gateway.backends.base import Backend
from gateway.backends.file_rules import Signer
from gateway.backends.ledger import CREDENTIAL, Ledger
from gateway.backends.scheduler import Scheduler, Task
from gateway.dialects.addresses import Addresses
from gateway.dialects.archive import ArchiveWriter
from gateway.errors import Code, GatewayError
from gateway.model.account import SESSION, USER
from gateway.model.definition import FindSchemas
from gateway.model.exports import ExportData, ExportState, GetExport
from gateway.model.files import DeleteFile, SaveFile, SignedFile
from gateway.model.operation import Caller, Create, Delete, Find, Operation, Result, Returning, Update
from gateway.model.query import And, Condition, Filter, Op, RelatedTo, Sort
from gateway.model.schema import ClassSchema, Kind
from gateway.model.update import Change, Set
from gateway.model.values import ID, UPDATED_AT, Date, Fields, Pointer
from gateway.store.schema import PRIVATE

log = logging.getLogger(__name__)

EXPORT: Final = "@export"
KIND: Final = "export"
"""Of a task: an export that is to be written, or an archive that is to go."""

PAGE: Final = 200
KEPT: Final = 7 * 86400.0
"""Seconds that an archive is there."""
ADDRESS_LASTS: Final = 86400.0
"""Seconds; who asks once more gets another one."""
MOST_WAITING: Final = 10
MOST_TRIES: Final = 5
AGAIN: Final = 1.0
"""Seconds until an export asks for its turn again."""
LONGEST: Final = 2**40
"""Bytes of an archive: not the application's limit for files that clients send."""
MIME_TYPE: Final = "application/gzip"
PIECE: Final = 2**18


@dataclass(frozen=True, slots=True)
class Form:
    """One form of archives, for the clients who know it: what writes it, their id of the application, and addresses.

    Without `addresses` nobody can be told by mail where an archive is, nor in it where files are.
    """

    writer: ArchiveWriter
    app_id: str
    addresses: Addresses | None


class Exports:
    """A backend, and the exports of what is in it. `ledger` has passwords, and what becomes of exports."""

    def __init__(
        self,
        backend: Backend,
        ledger: Ledger,
        scheduler: Scheduler,
        forms: Mapping[str, Form],
        *,
        secret: bytes,
        mailer: Mailer | None,
        app: str,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._backend, self._ledger, self._scheduler = backend, ledger, scheduler
        self._forms, self._mailer, self._app, self._now = forms, mailer, app, now
        self._signer = Signer(secret, ADDRESS_LASTS, now)
        self._owner = Caller(app=app, master=True)
        self._writing = False
        scheduler.handle(KIND, self._go_on)

    async def identify(self, caller: Caller) -> Caller:
        return await self._backend.identify(caller)

    async def close(self) -> None:
        await self._backend.close()

    async def execute(self, op: Operation, caller: Caller) -> Result:
        match op:
            case ExportData():
                return await self._begin(op)
            case GetExport():
                return await self._tell(op)
            case _:
                return await self._backend.execute(op, caller)

    # --- what the owner asks for ---

    async def _begin(self, op: ExportData) -> Result:
        form = self._forms.get(op.form)
        if form is None:
            raise GatewayError(Code.UNSUPPORTED, "there are no archives of this form here")
        if op.email is not None:
            if self._mailer is None:
                raise GatewayError(Code.NOT_CONFIGURED, "this app has no mail server; the setting mail names one")
            read_address(op.email)
        known = {schema.class_name for schema in await self._classes(None)}
        for name in op.classes or ():
            if name not in known:
                raise GatewayError(Code.CLASS_NOT_FOUND, f"there is no class {name}", class_name=name)
        waiting = await self._found(Condition("status", Op.EQ, str(ExportState.RUNNING)), MOST_WAITING)
        if len(waiting) == MOST_WAITING:
            raise GatewayError(Code.RATE_LIMITED, f"{MOST_WAITING} exports are not done yet; try again later")
        id_ = token_hex(24)  # LeanCloud's has 48 characters as well
        told = {
            "app": self._app,
            "form": op.form,
            "since": None if op.since is None else op.since.ms,
            "until": None if op.until is None else op.until.ms,
            "classes": None if op.classes is None else orjson.dumps(op.classes).decode(),
            "only_columns": op.only_columns,
            "email": op.email,
            "status": str(ExportState.RUNNING),
        }
        changes: dict[str, Change] = {name: Set(value) for name, value in told.items() if value is not None}
        row = Create(class_name=EXPORT, id=id_, changes=changes, returning=Returning.NOTHING)
        task = self._scheduler.making(KIND, self._now(), {"export": id_}, id_=f"{KIND}:{id_}")
        await self._ledger.together((row, task))
        self._scheduler.wake()
        return Result(value={"id": id_, "status": str(ExportState.RUNNING), "app_id": form.app_id})

    async def _tell(self, op: GetExport) -> Result:
        row = await self._ledger.fields(EXPORT, op.id)
        form = None if row is None or row["app"] != self._app else self._forms.get(row["form"])
        if row is None or form is None:
            raise GatewayError(Code.OBJECT_NOT_FOUND, "there is no such export", id=op.id, class_name="exportData")
        value = {"id": op.id, "status": row["status"], "app_id": form.app_id}
        if row["status"] == ExportState.DONE:
            value["file"] = self._signed(row["path"])
        return Result(value=value)

    def _signed(self, path: str) -> SignedFile:
        return SignedFile(name=path, mime_type=MIME_TYPE, signature=self._signer.sign(path))

    # --- a task ---

    async def _go_on(self, task: Task) -> float | None:
        id_ = task.payload["export"]
        row = await self._ledger.fields(EXPORT, id_)
        if row is None:
            return None
        if row["status"] != ExportState.RUNNING:
            await self._forget(id_, row.get("path"))
            return None
        if self._writing:
            return self._now() + AGAIN
        self._writing = True
        try:
            path = await self._write(id_, row)
        except GatewayError as error:
            if task.tries + 1 < MOST_TRIES:
                raise
            await self._ended(id_, {"status": Set(str(ExportState.FAILED)), "reason": Set(error.message[:300])})
        else:
            await self._ended(id_, {"status": Set(str(ExportState.DONE)), "path": Set(path)})
            await self._send_mail(row, path)
        finally:
            self._writing = False
        return self._now() + KEPT

    async def _ended(self, id_: str, changes: Mapping[str, Change]) -> None:
        await self._ledger.execute(Update(class_name=EXPORT, id=id_, changes=changes, returning=Returning.NOTHING))

    async def _forget(self, id_: str, path: str | None) -> None:
        if path is not None:
            try:
                await self._backend.execute(DeleteFile(path=path), self._owner)
            except GatewayError as error:
                if error.code is not Code.FILE_NOT_FOUND:
                    raise
        await self._ledger.execute(Delete(class_name=EXPORT, ids=(id_,), missing_ok=True))

    async def _send_mail(self, row: Fields, path: str) -> None:
        if row.get("email") is None or self._mailer is None:
            return
        addresses = self._forms[row["form"]].addresses
        where = "Ask for the export once more to learn where it is."
        if addresses is not None:
            where = f"It is here for a day:\n\n{addresses.url(path, self._signer.sign(path))}\n\n{where}"
        text = f"The data of {self._app} is written.\n\n{where}\nAfter a week it is gone.\n"
        try:
            await self._mailer.send(Mail(to=(row["email"],), subject=f"The data of {self._app}", text=text))
        except GatewayError as error:
            log.warning("the mail about an export was not sent reason=%s", error.code)

    # --- an archive ---

    async def _write(self, id_: str, row: Fields) -> str:
        form = self._forms.get(row["form"])
        if form is None:
            raise GatewayError(Code.UNSUPPORTED, "there are no archives of this form here any more")
        changed = _changed(row)
        with TemporaryDirectory(prefix="export-") as folder:
            archive, part = Path(folder, "archive.tar.gz"), Path(folder, "part")
            tar = await asyncio.to_thread(tarfile.open, archive, "w:gz", compresslevel=6)
            with tar:
                for schema in await self._classes(row.get("classes")):
                    name, told = schema.class_name, form.writer.class_told(schema.class_name)
                    await asyncio.to_thread(part.write_bytes, form.writer.columns(schema))
                    await asyncio.to_thread(_add, tar, part, form.writer.columns_name(told))
                    if row.get("only_columns"):
                        continue
                    await _fill(part, self._objects(form, name, changed))
                    await asyncio.to_thread(_add, tar, part, form.writer.name(told))
                    for field, column in schema.fields.items():
                        if column.type.kind is Kind.RELATION and column.type.target is not None:
                            told = form.writer.members_told(name, field)
                            await _fill(part, self._members(form, told, name, field, column.type.target))
                            await asyncio.to_thread(_add, tar, part, form.writer.name(told))
            # under a name that nobody guesses; one that was written by a gateway that died is overwritten
            path = f"export-{id_}.tar.gz"
            save = SaveFile(path=path, content=_Written(archive), overwrite=True, secret=True, longest=LONGEST)
            await self._backend.execute(save, self._owner)
        return path

    async def _classes(self, wanted: str | None) -> list[ClassSchema]:
        """Tokens of sessions are nobody's to have, and what the gateway keeps for itself is no class of the app's."""
        only = None if wanted is None else set(orjson.loads(wanted))
        found = (await self._backend.execute(FindSchemas(), self._owner)).schemas or []
        return [
            schema
            for schema in found
            if not schema.class_name.startswith(PRIVATE)
            and schema.class_name != SESSION
            and (only is None or schema.class_name in only)
        ]

    async def _objects(self, form: Form, class_name: str, changed: list[Filter]) -> AsyncIterator[bytes]:
        yield form.writer.head(form.writer.class_told(class_name))
        async for page in self._pages(class_name, changed):
            passwords = await self._passwords([fields[ID] for fields in page]) if class_name == USER else {}
            lines = [form.writer.line(fields, passwords.get(fields[ID]), form.addresses) for fields in page]
            yield b"".join(lines)

    async def _members(self, form: Form, told: str, class_name: str, field: str, target: str) -> AsyncIterator[bytes]:
        yield form.writer.head(told)
        async for owners in self._pages(class_name, [], select=(ID,)):
            for owner in owners:
                related = RelatedTo(Pointer(class_name, owner[ID]), field)
                async for page in self._pages(target, [related], select=(ID,)):
                    yield b"".join(form.writer.member_line(owner[ID], member[ID]) for member in page)

    async def _pages(
        self, class_name: str, where: list[Filter], select: tuple[str, ...] | None = None
    ) -> AsyncIterator[list[Fields]]:
        """By id, so that nothing comes twice, whatever is written meanwhile."""
        after: list[Filter] = []
        while True:
            find = Find(
                class_name=class_name, limit=PAGE, where=And((*where, *after)), order=(Sort(ID),), select=select
            )
            try:
                page = (await self._backend.execute(find, self._owner)).objects or []
            except GatewayError as error:
                if error.code is Code.CLASS_NOT_FOUND:
                    return
                raise
            if not page:
                return
            after = [Condition(ID, Op.GT, page[-1][ID])]
            yield page

    async def _passwords(self, ids: list[str]) -> dict[str, str]:
        rows = await self._found(Condition(ID, Op.IN, ids), len(ids), of=CREDENTIAL)
        return {row[ID]: row["kept"] for row in rows}

    async def _found(self, where: Filter, limit: int, of: str = EXPORT) -> list[Fields]:
        try:
            return (await self._ledger.execute(Find(class_name=of, limit=limit, where=where))).objects or []
        except GatewayError as error:
            if error.code is Code.CLASS_NOT_FOUND:
                return []
            raise


def _changed(row: Fields) -> list[Filter]:
    """The conditions on when an object was last changed."""
    return [
        Condition(UPDATED_AT, op, Date.from_ms(row[name]))
        for name, op in (("since", Op.GE), ("until", Op.LE))
        if row.get(name) is not None
    ]


async def _fill(part: Path, content: AsyncIterator[bytes]) -> None:
    with part.open("wb") as written:
        async for piece in content:
            await asyncio.to_thread(written.write, piece)


def _add(tar: tarfile.TarFile, part: Path, name: str) -> None:
    """Without the owner that temporary files have here."""
    told = tar.gettarinfo(part, name)
    told.uid = told.gid = 0
    told.uname = told.gname = ""
    told.mode = 0o644
    with part.open("rb") as content:
        tar.addfile(told, content)


@dataclass(frozen=True, slots=True)
class _Written:
    """A file on this machine, as a `Content`."""

    path: Path
    mime_type: str | None = MIME_TYPE

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with self.path.open("rb") as content:
            while piece := await asyncio.to_thread(content.read, PIECE):
                yield piece
