"""A backend that is a file of the gateway's own."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from gateway.errors import SettingsError, StartupError
from gateway.model.operation import Caller, Operation, Result
from gateway.store.sqlite import SqliteStore


class Embedded:
    """The objects of one application, in a store that runs in this process."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store

    @classmethod
    async def open(cls, url: str, *, secret: bytes, readers: int = 2) -> Embedded:
        """`sqlite:///data/blog.db` is below the working directory, `sqlite:////var/blog.db` is absolute.

        Folders are made. Raises SettingsError where the address says nothing, StartupError where it cannot be used.
        """
        path = path_of(url)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StartupError(f"{path.parent}: the folder cannot be made: {error.strerror}") from error
        return cls(await SqliteStore.open(path, secret=secret, readers=readers))

    async def execute(self, op: Operation, caller: Caller) -> Result:
        return await self.store.execute(op, caller)

    async def roles_of(self, user_id: str) -> frozenset[str]:
        """The names of the roles that a user is in, directly or by inheritance. Raises GatewayError."""
        return await self.store.roles_of(user_id)

    async def close(self) -> None:
        await self.store.close()


def path_of(url: str) -> Path:
    parts = urlsplit(url)
    path = unquote(parts.path).removeprefix("/")
    if parts.scheme != "sqlite" or parts.netloc or parts.query or parts.fragment or not path or path.endswith("/"):
        raise SettingsError(f"url: {url!r} is no address of a store; sqlite:///data/blog.db would be one")
    return Path(path)
