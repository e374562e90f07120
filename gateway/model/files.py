"""Files: what is asked of them, and how their bytes are handed on.

A file is an object of the class `_File`, which says who may see and change it and what else is known of it, and bytes
in a storage. It is known by its `path` in the application: names with slashes between them and none in front, such as
`photos/2026/tom.jpg`. Its columns are `key` (the path), `name` (what it is called), `mime_type`, `size` (bytes),
`metaData`, and `url` where the file stands elsewhere and is only registered here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from gateway.errors import Code, GatewayError
from gateway.model.operation import Operation
from gateway.model.values import Date, File

FILE: Final = "_File"

LONGEST_PATH: Final = 1000
"""Bytes, as a directory's path is an id in the store."""
LONGEST_NAME: Final = 255
"""Characters, of one of the names of a path: what file systems, and what archives that are made of files, can have."""


RULES: Final = frozenset({"uploads_by", "blocked", "empty_ok", "locked", "for_master"})
"""What the dialect of a client lays down of an operation below. The gateway sees to it; a server behind is not told."""


def read_path(text: str) -> str:
    """The path that a client means, with or without a slash in front and behind; the empty one is the root.

    Raises GatewayError(BAD_FILE_NAME) for what cannot be one: it is no way up, and nothing that a log, a header or
    another system would read as something else.
    """
    path = text.removeprefix("/").removesuffix("/")
    names = path.split("/") if path else []
    if len(path.encode(errors="surrogatepass")) > LONGEST_PATH:
        raise GatewayError(Code.BAD_FILE_NAME, f"a path has at most {LONGEST_PATH} bytes")
    for name in names:
        if not name or name in (".", "..") or len(name) > LONGEST_NAME or not name.isprintable() or "\\" in name:
            raise GatewayError(
                Code.BAD_FILE_NAME,
                f"a name in a path has 1 to {LONGEST_NAME} printable characters, no backslash, and is not . or ..",
            )
    return path


def name_in(path: str) -> str:
    """The last name of a path."""
    return path.rpartition("/")[2]


def above(path: str) -> str:
    """The path of the directory that a path is in; the empty one is the root."""
    return path.rpartition("/")[0]


class Content(Protocol):
    """Bytes on their way in, to be read once, from the beginning to the end, and never to be held all at once.

    `size` is None where it is not known beforehand. Reading raises GatewayError where they break off or are too many.
    """

    @property
    def size(self) -> int | None: ...

    @property
    def mime_type(self) -> str | None: ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...


class StoredContent(Protocol):
    """Bytes that are kept. `read` can be asked for any part, more than once; `stop` is the first byte that is not."""

    @property
    def size(self) -> int: ...

    @property
    def mime_type(self) -> str: ...

    @property
    def etag(self) -> str: ...

    @property
    def modified(self) -> Date: ...

    @property
    def name(self) -> str:
        """What the file is called, for who saves it."""

    def read(self, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]: ...


@dataclass(slots=True)
class SignedFile(File):
    """A file whose address has this in it: `signature` and `expires`."""

    signature: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveFile(Operation):
    """Keeps a file: `content`, or what is at the address `url`, or nothing but an empty file. Answers `Result.file`.

    Directories of the path that are missing are made. A file that is there already is FILE_EXISTS unless it is to
    be overwritten, or `append` says that the content is to follow what it has. With `unique` something is put before
    the last name of the path that makes it another one than any there is, and nobody can guess.

    `directory` stands before the path, and is for the master (FORBIDDEN). Without `empty_ok` a content of
    which it is known beforehand that it has no bytes is refused (FILE_REFUSED).
    """

    path: str
    directory: str | None = None
    content: Content | None = None
    url: str | None = None
    mime_type: str | None = None
    overwrite: bool = False
    append: bool = False
    unique: bool = False
    empty_ok: bool = True
    locked: bool = False
    """Nobody but the master may change or delete it."""
    secret: bool = False
    """Nobody but the master sees its object, and its address is a signed one, also where files are public."""
    uploads_by: str = "everybody"
    """Who may, where the application does not say: `everybody`, `users`, `registered` (not anonymous), or `master`."""
    blocked: str = ""
    """Endings that only the master may use, where the application does not say: `html htm svg`."""
    metadata: Mapping[str, Any] | None = None
    tags: Mapping[str, Any] | None = None
    longest: int | None = None
    """Bytes that this one may have at the most, over the limit of the application's; for the master."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFile(Operation):
    """The bytes of a file (`Result.content`). `signature` and `expires` are what a signed address has in it."""

    path: str
    signature: str | None = None
    expires: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetFileMetadata(Operation):
    """What was said of a file when it was saved (`Result.value`); empty where there is no such file."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HasFile(Operation):
    """Whether there is a file, or a directory, at a path (`Result.value`)."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FindFiles(Operation):
    """What is in a directory: directories first, then files, each by name (`Result.value`).

    An entry has a `name`, a `path`, the `file` (a `values.File`; of a directory as well), a `size`, which is 0 of a
    directory, `created_at` and `updated_at`. `pattern` filters by the last name, `*` being any text; with it, unless it
    is `*`, directories are left out. With `recursive` it is all that is below, by path. A directory that is not there
    is FILE_NOT_FOUND. With `opened` a file in its place is answered with its bytes, as by `ReadFile`, to who may read
    it, or comes with a signed address.
    """

    path: str
    limit: int
    skip: int = 0
    pattern: str | None = None
    recursive: bool = False
    opened: bool = False
    signature: str | None = None
    expires: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CountFiles(Operation):
    """How many files, and with `directories` how many of these as well, are in a directory (`Result.value`)."""

    path: str
    pattern: str | None = None
    recursive: bool = False
    directories: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveFile(Operation):
    """Gives a file or a directory, with all that is in it, another path; with `copy` there are two then.

    Answers `Result.file`. A missing one is FILE_NOT_FOUND, a path that is taken FILE_EXISTS.
    """

    path: str
    target: str
    copy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameFile(Operation):
    """Gives a file or a directory another name in the same directory. As `MoveFile`."""

    path: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteFile(Operation):
    """Deletes a file, or a directory with all that is in it. Answers how many files (`total`); none: FILE_NOT_FOUND."""

    path: str
    for_master: bool = False
    """Only the master may ask for it so (MASTER_REQUIRED)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeDirectory(Operation):
    """Makes a directory, with those above it. One that is there already is FILE_EXISTS."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PermitFile(Operation):
    """Changes who may do something with a file, or with all in a directory: by its owner, or by the master.

    `right` is read, update or delete; FILE_NOT_FOUND, FORBIDDEN, BAD_ROLE. See `model.permission`.
    """

    path: str
    right: str
    granted: bool = True
    user: Any = None
    role: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUpload(Operation):
    """Announces a file, whose bytes come by a request of their own. Answers its object, and `token` and `url` for that.

    With a `key` of its own, which is for the master (MASTER_REQUIRED), that is the path; else one is made.
    """

    name: str
    key: str | None = None
    prefix: str | None = None
    keep_name: bool = False
    mime_type: str | None = None
    metadata: Mapping[str, Any] | None = None
    acl: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PutUpload(Operation):
    """The bytes of a file that was announced, by who has its token. Answers `Result.file`."""

    token: str
    content: Content


@dataclass(frozen=True, slots=True, kw_only=True)
class EndUpload(Operation):
    """Says whether the bytes have arrived; where they have not, the file that was announced is taken back."""

    token: str
    arrived: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginParts(Operation):
    """The bytes of a file that was announced are to come in parts. Answers under which name (`Result.value`)."""

    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PutPart(Operation):
    """One part, by its number, from 1; the last one of a number counts. Answers its etag (`Result.value`)."""

    token: str
    upload: str
    number: int
    content: Content


@dataclass(frozen=True, slots=True, kw_only=True)
class EndParts(Operation):
    """Makes a file of the parts, which are all that there are, and in order. Answers `Result.file`.

    With `joined` False they are thrown away.
    """

    token: str
    upload: str
    joined: bool = True


FILE_OPERATIONS: Mapping[str, type[Operation]] = {
    "save_file": SaveFile,
    "read_file": ReadFile,
    "get_file_metadata": GetFileMetadata,
    "has_file": HasFile,
    "find_files": FindFiles,
    "count_files": CountFiles,
    "move_file": MoveFile,
    "rename_file": RenameFile,
    "delete_file": DeleteFile,
    "make_directory": MakeDirectory,
    "permit_file": PermitFile,
    "new_upload": NewUpload,
    "put_upload": PutUpload,
    "end_upload": EndUpload,
    "begin_parts": BeginParts,
    "put_part": PutPart,
    "end_parts": EndParts,
}
