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

from gateway.model.operation import Operation
from gateway.model.values import Date

FILE: Final = "_File"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveFile(Operation):
    """Keeps a file: `content`, or what is at the address `url`, or nothing but an empty file. Answers `Result.file`.

    Directories of the path that are missing are made. A file that is there already is DUPLICATE_VALUE unless it is to
    be overwritten, or `append` says that the content is to follow what it has. With `unique` something is put before
    the last name of the path that makes it another one than any there is, and nobody can guess.
    """

    path: str
    content: Content | None = None
    url: str | None = None
    mime_type: str | None = None
    overwrite: bool = False
    append: bool = False
    unique: bool = False
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
    """What is in a directory: directories first, then files, each by name (`Result.objects`).

    An entry is an object of `name`, `path`, `size` (None of a directory), `@created_at` and `@updated_at`. `pattern`
    filters by the last name, `*` being any text; with it, unless it is `*`, directories are left out. With `recursive`
    all that is below.
    """

    path: str
    limit: int
    skip: int = 0
    pattern: str | None = None
    recursive: bool = False


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

    Answers `Result.file`. A missing one is FILE_NOT_FOUND, a path that is taken DUPLICATE_VALUE.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeDirectory(Operation):
    """Makes a directory, with those above it. One that is there already is DUPLICATE_VALUE."""

    path: str


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
    "new_upload": NewUpload,
    "put_upload": PutUpload,
    "end_upload": EndUpload,
}
