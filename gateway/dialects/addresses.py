"""Where the bytes of files are, as clients are told: addresses at the gateway, made when an answer is written.

A file that is kept here has a path and no address of its own: which one it is depends on how the client reached the
gateway. So the address is made of the request's base, by the template `file_url` of the mapping, and what a client
sends back as one is taken apart again. Which request that is stands in a context variable, as values are written deep
inside of objects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode, urlsplit

from gateway.errors import GatewayError
from gateway.mapping.route import PathTemplate
from gateway.model.files import SignedFile, name_in
from gateway.model.values import File

Sign = Callable[[str], Mapping[str, str]]
"""Path -> `signature` and `expires`, for addresses that hold for a while only."""


@dataclass(slots=True)
class Addresses:
    """Those of one application, as one client reaches it. `base` is the mount, such as `http://host:8080/parse`."""

    template: PathTemplate
    parameters: Mapping[str, str]
    base: str
    app_id: str
    sign: Sign | None = None
    by_path: bool = False
    """An address is known by its path, whatever host it names: a server knows itself by another name than we do."""
    mounts: Sequence[PathTemplate] = ()
    """Where else such a path may begin: with the id of the application, and a key that may be another one."""

    def url(self, path: str, signed: Mapping[str, str] | None = None) -> str:
        """`signed` is what is in the address of this file, whatever those of others have."""
        try:
            told = self.base + self.template.build({"app_id": self.app_id, "path": path})
        except GatewayError:
            return ""  # a name from elsewhere, which cannot be a path here
        if signed is None and self.sign is not None:
            signed = self.sign(path)
        if signed is None:
            return told
        return f"{told}?{urlencode({self.parameters[name]: text for name, text in signed.items()})}"

    def path(self, url: str) -> str | None:
        """The path of the file that an address of ours is for; None where it is somebody else's."""
        base = self.base
        if self.by_path:
            url, base = urlsplit(url).path, self._mount_of(urlsplit(url).path) or urlsplit(base).path
        if not url.startswith(base + "/"):
            return None
        below = url[len(base) :].partition("?")[0].partition("#")[0]
        found = self.template.match(below.strip("/").split("/"))
        if found is None or found.get("app_id", self.app_id) != self.app_id:
            return None
        return found["path"]

    def _mount_of(self, path: str) -> str | None:
        names = path[1:].split("/")
        for mount in self.mounts:
            first = names[: len(mount.segments)]
            if (mount.match(first) or {}).get("app_id") == self.app_id:
                return "/" + "/".join(first)
        return None


ADDRESSES: Final[ContextVar[Addresses | None]] = ContextVar("addresses", default=None)


def url_of(file: File) -> str | None:
    """The address of a file: its own, where it stands elsewhere."""
    if file.url is not None or not file.name:
        return file.url
    addresses = ADDRESSES.get()
    signed = file.signature if isinstance(file, SignedFile) else None
    return None if addresses is None else addresses.url(file.name, signed)


def own(file: File) -> File:
    """A file as a client sent it: one that is kept here without the address that the client was told."""
    if file.url is not None and (addresses := ADDRESSES.get()) is not None:
        path = addresses.path(file.url)
        if path is not None:
            file.name, file.url = path, None
    if file.name is None:
        file.name, file.called = file.called, None
    return file


def called(file: File) -> str | None:
    """What a file is called: of one that is kept here the last name of its path, where nothing else is said."""
    if file.called is not None or file.name is None or file.url is not None:
        return file.called or file.name
    return name_in(file.name)
