"""Reads a file of exported users into an application: `baas-gateway import-users`."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from gateway.app import Plan, cursor_secret, names_of, open_backend, permissions_of
from gateway.backends.imports import Imported, Imports
from gateway.backends.renames import Names, Renaming
from gateway.backends.seal import Seal
from gateway.dialects.export import ExportReader
from gateway.errors import GatewayError, SettingsError
from gateway.model.account import USER, ExportedSession, ExportedUser
from gateway.settings import RemoteSettings

AT_ONCE = 64
"""Lines under way together: their writes share a commit."""


@dataclass(slots=True)
class Summary:
    """What became of the lines of a file, and why some were not taken: line number -> reason."""

    told: Counter[Imported] = field(default_factory=Counter)
    faults: dict[int, str] = field(default_factory=dict)


async def import_users(
    planned: Plan, app: str, export: str, file: Path, *, dry: bool, seen: Callable[[int], None]
) -> Summary:
    """`seen` is told how many bytes of the file were read. Raises StartupError where nothing could be begun."""
    found = next((each for each in planned.settings.apps if each.name == app), None)
    if found is None:
        there_are = ", ".join(each.name for each in planned.settings.apps)
        raise SettingsError(f"--app {app}: there is no such app; there are: {there_are}")
    formats = {name: dialect.export for name, dialect in planned.dialects.items() if dialect.export is not None}
    if export not in formats:
        raise SettingsError(f"--format {export}: is none; there are: {', '.join(formats)}")
    settings, backend = planned.settings, found.backend
    into = settings.backends[backend]
    if isinstance(into, RemoteSettings):
        raise SettingsError(f"--app {app}: has its users at {backend}, which is no store of the gateway's own")
    store = await open_backend(backend, into, cursor_secret(settings, backend), permissions_of(settings))
    try:
        seal = Seal(settings.server.token_keys)
        imports = Imports(store, session_lasts=found.users.session_length, seal=seal, dry=dry)
        return await _import(imports, formats[export], file, seen, names_of(found))
    finally:
        await store.close()


async def _import(
    imports: Imports, reader: ExportReader, file: Path, seen: Callable[[int], None], names: Names
) -> Summary:
    summary = Summary()

    def read(number: int, line: bytes) -> ExportedUser | ExportedSession | None:
        try:
            return reader.read(line.decode("utf-8"))
        except UnicodeDecodeError:
            summary.faults[number] = "this is not UTF-8"
        except GatewayError as error:
            summary.faults[number] = error.message
        return None

    async def take(number: int, exported: ExportedUser | ExportedSession) -> None:
        try:
            if isinstance(exported, ExportedUser):  # by the names that clients know
                exported = replace(exported, changes=Renaming(names).changes(USER, exported.changes))
            summary.told[await imports.take(exported)] += 1
        except GatewayError as error:
            summary.faults[number] = error.message

    async def take_all(group: list[tuple[int, bytes]]) -> None:
        found = [(number, exported) for number, line in group if (exported := read(number, line)) is not None]
        for kind in (ExportedUser, ExportedSession):  # a session needs its user
            await asyncio.gather(*(take(*each) for each in found if isinstance(each[1], kind)))

    try:
        with file.open("rb") as lines:
            group: list[tuple[int, bytes]] = []
            for number, line in enumerate(lines, 1):
                group.append((number, line))
                if len(group) == AT_ONCE:
                    await take_all(group)
                    group.clear()
                seen(len(line))
            await take_all(group)
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read: {error.strerror}") from None
    return summary
