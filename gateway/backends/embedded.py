"""A backend that is a file of the gateway's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

from gateway.errors import SettingsError, StartupError
from gateway.model.operation import Caller, Create, Delete, Operation, Result, Update
from gateway.model.schema import AppSettings, Type
from gateway.store.schema import EMPTY, Schema
from gateway.store.sqlite import SqliteStore


class Embedded:
    """The objects of one application, in a store that runs in this process."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self._typed: tuple[Schema, Mapping[str, Mapping[str, Type]]] = (EMPTY, {})

    @classmethod
    async def open(
        cls, url: str, *, secret: bytes, readers: int = 2, apps: Mapping[str, AppSettings] = MappingProxyType({})
    ) -> Embedded:
        """`sqlite:///data/blog.db` is below the working directory, `sqlite:////var/blog.db` is absolute.

        Folders are made. `apps` are permissions, as `SqliteStore.open` takes them. Raises SettingsError where the
        address says nothing, StartupError where it cannot be used.
        """
        path = path_of(url)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StartupError(f"{path.parent}: the folder cannot be made: {error.strerror}") from error
        return cls(await SqliteStore.open(path, secret=secret, readers=readers, apps=apps))

    async def execute(self, op: Operation, caller: Caller) -> Result:
        return await self.store.execute(op, caller)

    async def roles_of(self, user_id: str) -> frozenset[str]:
        """The names of the roles that a user is in, directly or by inheritance. Raises GatewayError."""
        return await self.store.roles_of(user_id)

    async def permit(self, op: Create | Update | Delete, caller: Caller) -> None:
        """Whether the class lets a caller have done what the gateway is to do in its place. Raises GatewayError."""
        await self.store.permit(op, caller)

    def known(self) -> Mapping[str, Mapping[str, Type]]:
        """The columns of each class, as they were when this process last looked."""
        return self._types(self.store.known_schema)

    async def learned(self, class_names: Iterable[str] = ()) -> Mapping[str, Mapping[str, Type]]:
        """The same, as they are, and of all classes. Raises GatewayError."""
        return self._types(await self.store.latest_schema())

    def outdated(self) -> None:
        """A write of the store's own it knows of."""

    def _types(self, schema: Schema) -> Mapping[str, Mapping[str, Type]]:
        if schema is not self._typed[0]:
            classes = {
                name: {column.name: column.type for column in found.columns.values()}
                for name, found in schema.classes.items()
            }
            self._typed = (schema, classes)
        return self._typed[1]

    async def close(self) -> None:
        await self.store.close()


def path_of(url: str) -> Path:
    parts = urlsplit(url)
    path = unquote(parts.path).removeprefix("/")
    if parts.scheme != "sqlite" or parts.netloc or parts.query or parts.fragment or not path or path.endswith("/"):
        raise SettingsError(f"url: {url!r} is no address of a store; sqlite:///data/blog.db would be one")
    return Path(path)
