"""What an application, or else the dialect of who asks, says of files: who uploads which, how long, what they are."""

from __future__ import annotations

import hashlib
import hmac
import mimetypes
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.backends.plain import AUTH_DATA
from gateway.errors import Code, GatewayError
from gateway.model.files import SaveFile, name_in, read_path
from gateway.model.operation import Caller
from gateway.model.values import Fields

PRIVATE_ADDRESS: Final = "the address of this file is not signed, or has expired"

WhoAsks = Callable[[], Awaitable[Fields | None]]
"""The user who asks, with what it is linked to; None for nobody."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRules:
    """What an application says of its files. Sizes are in bytes, times in seconds; None leaves it to the dialect."""

    public: bool = True
    url_lasts: float = 3600.0
    longest: int = 20 * 1024**2
    uploads_by: str | None = None
    blocked: frozenset[str] | None = None
    secret: bytes = b""

    def signer(self, now: Callable[[], float] = time.time) -> Signer:
        return Signer(self.secret, self.url_lasts, now)

    async def check_sender(self, by: str, caller: Caller, who: WhoAsks) -> None:
        """Parse Server 9, FilesRouter: who may, by default users who are logged in and not anonymous.

        `by` is who may where the application does not say. Raises GatewayError(FILE_REFUSED).
        """
        allowed = self.uploads_by or by
        if caller.unrestricted or allowed == "everybody":
            return
        user = await who()
        if allowed == "master":
            one = "public" if user is None else "authenticated user"
            raise GatewayError(Code.FILE_REFUSED, f"File upload by {one} is disabled.")
        if user is None:
            raise GatewayError(Code.FILE_REFUSED, "File upload by public is disabled.")
        linked = user.get(AUTH_DATA)
        if allowed == "registered" and isinstance(linked, dict) and linked.get("anonymous") is not None:
            raise GatewayError(Code.FILE_REFUSED, "File upload by anonymous user is disabled.")

    def check_ending(self, path: str, mime_type: str, blocked: frozenset[str], caller: Caller) -> None:
        """Parse Server, FilesRouter: an ending that is known decides alone, else the type does.

        `blocked` are those where the application does not say. Raises GatewayError(FILE_REFUSED).
        """
        blocked = blocked if self.blocked is None else self.blocked
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

    def longest_of(self, op: SaveFile, caller: Caller) -> int:
        """How many bytes a file may have. Raises GatewayError where it has more, as far as that is known beforehand."""
        longest = self.longest
        if op.longest is not None:
            if not caller.unrestricted:
                raise GatewayError(Code.MASTER_REQUIRED, "only the master may say how long a file may be")
            longest = op.longest
        if op.content is not None and op.content.size is not None and op.content.size > longest:
            raise too_large(longest)
        return longest


def path_of(op: SaveFile, caller: Caller) -> str:
    """Where a file is to be kept, as far as its client says. Raises GatewayError."""
    if op.directory and not caller.unrestricted:
        raise GatewayError(Code.FORBIDDEN, "Directory can only be set using the Master Key.")
    path = read_path(f"{op.directory.strip('/')}/{op.path}" if op.directory else op.path)
    if not name_in(path):
        raise GatewayError(Code.BAD_FILE_NAME, "Filename not provided.")
    check_not_empty(op)
    return path


def check_not_empty(op: SaveFile) -> None:
    """Raises GatewayError(FILE_REFUSED) for a file of no bytes, where there must be some."""
    if op.content is not None and op.content.size == 0 and not op.empty_ok:
        raise GatewayError(Code.FILE_REFUSED, "Invalid file upload.")


def unique_path(path: str, mime_type: str | None) -> str:
    """Parse Server, FilesController: 32 hexadecimal digits, and the ending of the type where the name has none."""
    directory, _, name = path.rpartition("/")
    if "." not in name and mime_type is not None:
        name += TYPES.guess_extension(mime_type.partition(";")[0].strip()) or ""
    name = f"{secrets.token_hex(16)}_{name}"
    return f"{directory}/{name}" if directory else name


def guess_type(name: str, told: str | None = None) -> str:
    """By the ending of its name, where that is a known one, else what its sender told."""
    return TYPES.guess_type(f"x.{name.rpartition('.')[2]}")[0] or told or "application/octet-stream"


def too_large(longest: int) -> GatewayError:
    return GatewayError(Code.TOO_LARGE, f"a file has at most {longest} bytes", expected=str(longest))


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
