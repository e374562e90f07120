"""Files, as far as what is asked and answered is plain data.

What is left out here is in `tests/test_file_wires.py`: where bodies are bytes that nobody has read, a wire is no value
that can be compared; and an address of a file is another one for each client, made from where it reached the gateway,
which this table and its pairs know nothing of.
"""

from __future__ import annotations

from typing import Any

from gateway.errors import Code
from gateway.model.files import CountFiles, DeleteFile, HasFile, MakeDirectory, PermitFile
from gateway.model.operation import Operation, Result
from gateway.wire import NOTHING, HttpRequest, HttpResponse
from tests.cases import UNSUPPORTED, Case, Failure, Wire
from tests.cases.wires import get

GRANT = "/files/permissions/GRANT"
DENY = "/files/permissions/DENY"


def of_tables(
    title: str, op: Operation, request: HttpRequest, answer: Any, *also: HttpRequest, value: Any = None
) -> Case:
    wire = Wire(request, HttpResponse(200, answer), also)
    return Case(title, op, Result(value=value), {"backendless": wire, "parse": UNSUPPORTED, "leancloud": UNSUPPORTED})


def permitted(title: str, op: PermitFile, way: str, body: dict[str, Any]) -> Case:
    request = HttpRequest("PUT", f"{way}/photos%2Fa.png", body=body)
    return of_tables(title, op, request, NOTHING, HttpRequest("PUT", f"{way}/photos/a.png", body=body))


CASES: tuple[Case, ...] = (
    of_tables(
        "has file",
        HasFile(path="photos/a b.png"),
        get("/files/photos/a%20b.png", action="exists"),
        True,
        HttpRequest("GET", "/files/exists/photos/a%20b.png", headers={"application-id": "APP"}),
        value=True,
    ),
    of_tables(
        "has file: none", HasFile(path="photos/a.png"), get("/files/photos/a.png", action="exists"), False, value=False
    ),
    of_tables("count files", CountFiles(path="photos"), get("/files/photos", action="count"), 3, value=3),
    of_tables("count files: of the root", CountFiles(path=""), get("/files", action="count"), 0, value=0),
    of_tables(
        "count files: of all that is below, by a pattern",
        CountFiles(path="photos", pattern="*.png", recursive=True, directories=True),
        get("/files/photos", action="count", pattern="*.png", sub=True, countDirectories=True),
        12,
        get("/files/photos", action="count", pattern="*.png", recursive=True, countDirectories=True),
        value=12,
    ),
    of_tables(
        "make directory",
        MakeDirectory(path="photos/2026"),
        HttpRequest("POST", "/files/photos/2026/", body={}),
        NOTHING,
    ),
    permitted(
        "permit file: to a user",
        PermitFile(path="photos/a.png", right="read", user="u1"),
        GRANT,
        {"permission": "READ", "user": "u1"},
    ),
    permitted(
        "permit file: not to a role",
        PermitFile(path="photos/a.png", right="update", granted=False, role="Editors"),
        DENY,
        {"permission": "WRITE", "role": "Editors"},
    ),
    Case(
        "delete file",
        DeleteFile(path="photos/a b.png"),
        Result(total=1),
        {
            "backendless": Wire(HttpRequest("DELETE", "/files/photos/a%20b.png"), HttpResponse(200, 1)),
            "leancloud": UNSUPPORTED,
        },
    ),
    Case(
        "delete file: by the master",
        DeleteFile(path="photos/a b.png", for_master=True),
        Result(),
        {
            "parse": Wire(HttpRequest("DELETE", "/files/photos/a%20b.png"), HttpResponse(200, NOTHING)),
            "leancloud": UNSUPPORTED,
        },
    ),
    Case(
        "delete file: none",
        DeleteFile(path="a.png"),
        Failure(Code.FILE_NOT_FOUND, details=(("name", "a.png"),)),
        {
            "backendless": Wire(
                HttpRequest("DELETE", "/files/a.png"),
                HttpResponse(404, {"code": 6000, "message": "File or directory is not found by path 'a.png'"}),
            ),
            "parse": Wire(
                HttpRequest("DELETE", "/files/a.png"),
                HttpResponse(400, {"code": 153, "error": "File not found."}),
                reads=DeleteFile(path="a.png", for_master=True),
            ),
            "leancloud": UNSUPPORTED,
        },
    ),
)
