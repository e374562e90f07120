"""The routes of files in every dialect: what a request reads as, what is answered, and what a server behind is asked.

It is `tests/cases` for what has bytes in it, or addresses: see `tests/cases/files.py`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

import pytest

from gateway.dialects.addresses import ADDRESSES
from gateway.dialects.dialect import Dialect
from gateway.dialects.files_json import Held
from gateway.errors import Code, GatewayError
from gateway.mapping.schema import OnlySection
from gateway.model import files
from gateway.model.files import FILE_OPERATIONS
from gateway.model.operation import Credentials, Operation, Result
from gateway.model.values import Date, File
from gateway.wire import HttpRequest, HttpResponse
from tests.cases import BASES, Wire, every_case

MADE: Final = Date("2026-01-02T03:04:05.678Z")
BYTES: Final = Held(b"hello", "text/plain")
BASE64: Final = Held(b"hello")
TOM: Final = File(name="photos/tom.jpg")
NEW: Final[Mapping[str, Any]] = {"unique": True, "empty_ok": False, "locked": True, "uploads_by": "registered"}
PARSE: Final = "http://gateway.example/parse/files/APP/"
TABLES: Final = "http://gateway.example/APP/KEY/files/"
SDK: Final = {"user-agent": "LeanCloud-JS-SDK/4.15.2"}
ANNOUNCED: Final = {"name": "a.txt", "mime_type": "text/plain", "metaData": {"size": 5}, "__type": "File"}
PARTS: Final = "/upload/APP/TOKEN/buckets/files/objects/a2V5/uploads"


@dataclass(frozen=True)
class Stored:
    """Bytes that are kept, of which here only that they are handed on counts."""

    size: int = 5
    mime_type: str = "text/plain"
    etag: str = "tag"
    modified: Date = MADE
    name: str = "a.txt"

    async def read(self, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        yield b"hello"[start:stop]


@dataclass(frozen=True, kw_only=True)
class Row:
    """With `asked` False no server is asked so: it is another route that says the operation, or there is none."""

    title: str
    dialect: str
    request: HttpRequest
    op: Operation
    result: Result
    response: HttpResponse
    asked: bool = True

    def __str__(self) -> str:
        return f"{self.dialect}: {self.title}"


STORED: Final = Stored()


def parse(title: str, request: HttpRequest, op: Operation, result: Result, answer: Any, **more: Any) -> Row:
    response = answer if isinstance(answer, HttpResponse) else HttpResponse(200, answer)
    return Row(title=title, dialect="parse", request=request, op=op, result=result, response=response, **more)


def leancloud(title: str, request: HttpRequest, op: Operation, result: Result, answer: Any) -> Row:
    """A server of LeanCloud's is never asked for bytes: it sends its clients elsewhere."""
    row = parse(title, request, op, result, answer, asked=False)
    return dataclasses.replace(row, dialect="leancloud")


def tables(title: str, request: HttpRequest, op: Operation, result: Result, answer: Any, **more: Any) -> Row:
    op = dataclasses.replace(op, untyped=True)
    return dataclasses.replace(parse(title, request, op, result, answer, **more), dialect="backendless")


def blocked(dialects: Mapping[str, Dialect]) -> str:
    """The endings that Parse Server keeps for the master: as the mapping has them."""
    return next(str(route.defaults["blocked"]) for route in dialects["parse"].file.routes if route.op == "save_file")


def announced(provider: str) -> HttpResponse:
    told = {
        "objectId": "an-id",
        "createdAt": MADE.iso,
        "url": "http://gateway.example/1.1/file/APP/key.txt",
        "key": "key.txt",
        "mime_type": "text/plain",
        "provider": provider,
        "bucket": "files",
        "token": "TOKEN",
        "upload_url": "http://gateway.example/1.1/upload/APP/TOKEN",
    }
    return HttpResponse(201, told)


UPLOAD: Final = files.NewUpload(name="a.txt", mime_type="text/plain", metadata={"size": 5})
MADE_KEY: Final = Result(
    id="an-id", created_at=MADE, file=File(name="key.txt", id="an-id", mime_type="text/plain"), token="TOKEN"
)
SAVED: Final = HttpResponse(201, {"url": f"{PARSE}tom.jpg", "name": "tom.jpg"}, {"Location": f"{PARSE}tom.jpg"})
OF_PARSE: Final = Result(file=File(name="tom.jpg"))
ENTRY: Final = {
    "name": "tom.jpg",
    "path": "photos/tom.jpg",
    "file": TOM,
    "size": 5,
    "created_at": MADE,
    "updated_at": MADE,
}
LISTED: Final = [
    {
        "name": "tom.jpg",
        "createdOn": MADE.ms,
        "updatedOn": MADE.ms,
        "size": 5,
        "url": "photos/tom.jpg",
        "publicUrl": f"{TABLES}photos/tom.jpg",
    }
]
MOVED: Final = Result(file=TOM)

ROWS: Final = (
    parse(
        "save file: its bytes are the body",
        HttpRequest(
            "POST",
            "/files/tom.jpg",
            headers={
                "content-type": "image/jpeg",
                "x-parse-file-metadata": '{"a": "\\u00e4"}',
                "x-parse-file-tags": '{"b": 2}',
                "x-parse-file-directory": "photos",
            },
            content=BYTES,
        ),
        files.SaveFile(
            path="tom.jpg",
            content=BYTES,
            mime_type="image/jpeg",
            directory="photos",
            **NEW,
            metadata={"a": "ä"},
            tags={"b": 2},
        ),
        OF_PARSE,
        SAVED,
    ),
    parse(
        "save file: as it is",
        HttpRequest("POST", "/files/tom.jpg", headers={"content-type": "image/jpeg"}, content=BYTES),
        files.SaveFile(path="tom.jpg", content=BYTES, mime_type="image/jpeg", **NEW),
        OF_PARSE,
        SAVED,
    ),
    parse(
        "save file: in base64",
        HttpRequest("POST", "/files/tom.jpg", body={"base64": "aGVsbG8=", "fileData": {"metadata": {"a": 1}}}),
        files.SaveFile(path="tom.jpg", content=BASE64, metadata={"a": 1}, **NEW),
        OF_PARSE,
        SAVED,
        asked=False,
    ),
    parse(
        "read file",
        HttpRequest("GET", "/files/APP/photos/tom.jpg", {"signature": "s", "expires": "5"}),
        files.ReadFile(path="photos/tom.jpg", signature="s", expires=5),
        Result(content=STORED),
        HttpResponse(200, content=STORED),
    ),
    parse(
        "get file metadata",
        HttpRequest("GET", "/files/APP/metadata/tom.jpg"),
        files.GetFileMetadata(path="tom.jpg"),
        Result(value={"metadata": {"a": 1}}),
        {"metadata": {"a": 1}},
    ),
    leancloud(
        "new upload: by the JavaScript SDK, which brings streams to Qiniu alone",
        HttpRequest("POST", "/fileTokens", body=ANNOUNCED, headers=SDK),
        UPLOAD,
        MADE_KEY,
        announced("qiniu"),
    ),
    leancloud("new upload", HttpRequest("POST", "/fileTokens", body=ANNOUNCED), UPLOAD, MADE_KEY, announced("s3")),
    leancloud(
        "put upload",
        HttpRequest("PUT", "/upload/APP/TOKEN", content=BYTES),
        files.PutUpload(token="TOKEN", content=BYTES),
        Result(file=File(name="key.txt"), id="an-id"),
        {},
    ),
    leancloud(
        "put upload: in a form",
        HttpRequest("POST", "/upload/APP/TOKEN", body={"name": "a.txt", "key": "key.txt"}, content=BYTES),
        files.PutUpload(token="TOKEN", content=BYTES),
        Result(file=File(name="key.txt"), id="an-id"),
        {"key": "key.txt", "hash": "an-id"},
    ),
    leancloud(
        "begin parts", HttpRequest("POST", PARTS), files.BeginParts(token="TOKEN"), Result(value="U"), {"uploadId": "U"}
    ),
    leancloud(
        "put part",
        HttpRequest("PUT", f"{PARTS}/U/2", content=BYTES),
        files.PutPart(token="TOKEN", upload="U", number=2, content=BYTES),
        Result(value="tag"),
        {"etag": "tag"},
    ),
    leancloud(
        "end parts",
        HttpRequest("POST", f"{PARTS}/U", body={"parts": [{"partNumber": 1, "etag": "tag"}]}),
        files.EndParts(token="TOKEN", upload="U"),
        Result(file=File(name="key.txt"), id="an-id"),
        {"key": "key.txt", "hash": "an-id"},
    ),
    leancloud(
        "end parts: they are thrown away",
        HttpRequest("DELETE", f"{PARTS}/U"),
        files.EndParts(token="TOKEN", upload="U", joined=False),
        Result(),
        {},
    ),
    leancloud(
        "end upload",
        HttpRequest("POST", "/fileCallback", body={"token": "TOKEN", "result": False}),
        files.EndUpload(token="TOKEN", arrived=False),
        Result(),
        {},
    ),
    leancloud(
        "read file",
        HttpRequest("GET", "/file/APP/photos/tom.jpg"),
        files.ReadFile(path="photos/tom.jpg"),
        Result(content=STORED),
        HttpResponse(200, content=STORED),
    ),
    tables(
        "save file: in a form",
        HttpRequest("POST", "/files/photos/tom.jpg", {"overwrite": "true"}, content=BYTES),
        files.SaveFile(path="photos/tom.jpg", content=BYTES, overwrite=True),
        MOVED,
        {"fileURL": f"{TABLES}photos/tom.jpg"},
    ),
    tables(
        "save file: in base64",
        HttpRequest("PUT", "/files/binary/photos/tom.jpg", body="aGVsbG8="),
        files.SaveFile(path="photos/tom.jpg", content=BASE64),
        MOVED,
        f"{TABLES}photos/tom.jpg",
        asked=False,
    ),
    tables(
        "save file: what is elsewhere",
        HttpRequest("POST", "/files/photos/tom.jpg", body={"url": "http://files.example/tom.jpg"}),
        files.SaveFile(path="photos/tom.jpg", url="http://files.example/tom.jpg"),
        MOVED,
        {"fileURL": f"{TABLES}photos/tom.jpg"},
    ),
    tables(
        "save file: appended, in a form",
        HttpRequest("POST", "/files/append/photos/tom.jpg", content=BYTES),
        files.SaveFile(path="photos/tom.jpg", content=BYTES, append=True),
        MOVED,
        f"{TABLES}photos/tom.jpg",
    ),
    tables(
        "save file: appended, in base64",
        HttpRequest("PUT", "/files/append/binary/photos/tom.jpg", body="aGVsbG8="),
        files.SaveFile(path="photos/tom.jpg", content=BASE64, append=True),
        MOVED,
        f"{TABLES}photos/tom.jpg",
        asked=False,
    ),
    tables(
        "save file: appended, as it is",
        HttpRequest("PUT", "/files/append/photos/tom.jpg", content=BYTES),
        files.SaveFile(path="photos/tom.jpg", content=BYTES, append=True),
        MOVED,
        f"{TABLES}photos/tom.jpg",
        asked=False,
    ),
    tables(
        "save file: appended, what is elsewhere",
        HttpRequest("POST", "/files/append/photos/tom.jpg", body={"url": "http://files.example/tom.jpg"}),
        files.SaveFile(path="photos/tom.jpg", url="http://files.example/tom.jpg", append=True),
        MOVED,
        f"{TABLES}photos/tom.jpg",
    ),
    tables(
        "find files",
        HttpRequest("GET", "/files/photos", {"pattern": "*.jpg", "sub": "true", "pagesize": "5", "offset": "10"}),
        files.FindFiles(path="photos", pattern="*.jpg", recursive=True, limit=5, skip=10, opened=True),
        Result(value=[ENTRY]),
        LISTED,
    ),
    tables(
        "find files: of a file its bytes",
        HttpRequest("GET", "/files/photos/tom.jpg", {"signature": "s", "expires": "5"}),
        files.FindFiles(path="photos/tom.jpg", limit=100, opened=True, signature="s", expires=5),
        Result(content=STORED),
        HttpResponse(200, content=STORED),
        asked=False,  # but as `read_file`
    ),
    tables(
        "find files: in the root",
        HttpRequest("GET", "/files"),
        files.FindFiles(path="", limit=100),
        Result(value=[ENTRY]),
        LISTED,
    ),
    tables(
        "rename file",
        HttpRequest("PUT", "/files/rename", body={"oldPathName": "photos/ann.jpg", "newName": "tom.jpg"}),
        files.RenameFile(path="photos/ann.jpg", name="tom.jpg"),
        MOVED,
        f"{TABLES}photos/tom.jpg",
    ),
    tables(
        "move file",
        HttpRequest("PUT", "/files/move", body={"sourcePath": "tom.jpg", "targetPath": "photos/tom.jpg"}),
        files.MoveFile(path="tom.jpg", target="photos/tom.jpg"),
        MOVED,
        f"{TABLES}photos/tom.jpg",
    ),
    tables(
        "move file: a copy",
        HttpRequest("PUT", "/files/copy", body={"sourcePath": "tom.jpg", "targetPath": "photos/tom.jpg"}),
        files.MoveFile(path="tom.jpg", target="photos/tom.jpg", copy=True),
        MOVED,
        f"{TABLES}photos/tom.jpg",
    ),
)


@contextmanager
def reached(dialect: Dialect) -> Iterator[None]:
    """As a client reaches the gateway."""
    token = ADDRESSES.set(dialect.addresses(BASES[dialect.name], "APP"))
    try:
        yield
    finally:
        ADDRESSES.reset(token)


def complete(op: Operation, dialects: Mapping[str, Dialect]) -> Operation:
    if isinstance(op, files.SaveFile) and op.unique:
        return dataclasses.replace(op, blocked=blocked(dialects))
    return op


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_request_reads_as_its_operation_and_the_result_writes_as_the_answer(
    row: Row, dialects: Mapping[str, Dialect]
) -> None:
    dialect = dialects[row.dialect]
    with reached(dialect):
        exchange = dialect.read_request(dialect.unwrap(dataclasses.replace(row.request, base=BASES[dialect.name])))
        assert exchange.op == complete(row.op, dialects)
        assert dialect.write_answer(exchange, row.result) == row.response


@pytest.mark.parametrize("row", [row for row in ROWS if row.asked], ids=str)
async def test_a_server_is_asked_so_and_its_answer_understood(row: Row, dialects: Mapping[str, Dialect]) -> None:
    dialect = dialects[row.dialect]
    with reached(dialect):
        written = dialect.write_request(dataclasses.replace(row.op, untyped=False), Credentials(app_id="APP"))
        wanted = row.request
        told = (written.method, written.path, written.query, written.body)
        assert told == (wanted.method, wanted.path, wanted.query, wanted.body)
        assert wanted.headers.items() <= written.headers.items()
        if wanted.content is not None:
            sent = b"".join([piece async for piece in written.content])
            assert (sent == BYTES.held) or re.fullmatch(rb"--.*\r\n\r\nhello\r\n--\w+--\r\n", sent, re.DOTALL)
            assert written.content.size == len(sent)
        if row.response.content is None:
            answered = dialect.read_reply(row.op, HttpResponse(row.response.status, deepcopy(row.response.body)))
            assert (answered.file, answered.value) == (row.result.file, row.result.value)


@pytest.mark.parametrize("row", [row for row in ROWS if row.dialect == "leancloud"], ids=str)
def test_a_server_that_sends_its_clients_elsewhere_is_not_asked(row: Row, dialects: Mapping[str, Dialect]) -> None:
    with pytest.raises(GatewayError) as refused:
        dialects["leancloud"].write_request(row.op, Credentials(app_id="APP"))
    assert refused.value.code is Code.UNSUPPORTED


def test_every_route_of_files_has_a_row(dialects: Mapping[str, Dialect]) -> None:
    """Here, or in the table of cases."""
    requests = [(row.dialect, row.request) for row in ROWS]
    for case in every_case():
        if type(case.op) in FILE_OPERATIONS.values():
            for name, wire in case.wire.items():
                if isinstance(wire, Wire):
                    requests += [(name, request) for request in (wire.request, *wire.reads_also)]
    read = set()
    for name, request in requests:
        route = dialects[name].read_request(dialects[name].unwrap(dataclasses.replace(request))).route
        http = f"{route.method} {route.path.template}"
        read.add((name, http, route.when, route.content, _only(route.only)))
    there = {
        (name, route.http, route.when, route.content, _only(route.only))
        for name, dialect in dialects.items()
        for route in dialect.file.routes
        if route.op in FILE_OPERATIONS and not route.behind
    }
    assert there - read == set()


def _only(said: Any) -> str:
    """What a request must have beside its path, as a route or its section has it."""
    if said is None:
        return _only(OnlySection())
    return str((sorted(said.query.items()), sorted(said.headers.items()), said.slash))
