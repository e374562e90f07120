"""Every kind of value, as a client writes it and as it is answered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gateway.model.operation import Create, Result
from gateway.model.schema import Kind, Type
from gateway.model.update import Set
from gateway.model.values import Date, File, GeoPoint, Object, Pointer, Polygon, Relation, Value
from gateway.wire import HttpRequest, HttpResponse
from tests.cases import UNSUPPORTED, Case, Unsupported, Wire, columns_of_posts
from tests.cases.objects import LEANCLOUD_MADE, PARSE_MADE
from tests.cases.wires import (
    CHANGED,
    CHANGED_AT,
    CHANGED_MS,
    ID,
    MADE,
    MADE_AT,
    MADE_MS,
    NOTHING,
    OTHER_ID,
    getting,
    making_row,
)


@dataclass(frozen=True, slots=True)
class Row:
    """A value and its wire; `leancloud` where that is another. `also` are spellings that a client may send.

    `bare` is its wire in a table, whose column is of the `type`, where that is another; or how it is refused there.
    It reads as `bare_reads`, where that is another value.
    """

    kind: str
    value: Value
    wire: Any
    also: tuple[Any, ...] = ()
    leancloud: Any = None
    answered_only: bool = False
    type: Type = Type(Kind.STRING)  # noqa: RUF009 - it is frozen
    bare: Any = ...
    bare_also: tuple[Any, ...] = ()
    bare_reads: Value = None


DATE = {"__type": "Date", "iso": MADE}
POINTER = {"__type": "Pointer", "className": "Author", "objectId": OTHER_ID}
GEO = {"__type": "GeoPoint", "latitude": 39.9, "longitude": -116.4}

NUMBER, DATED, JSON, LIST = Type(Kind.NUMBER), Type(Kind.DATE), Type(Kind.OBJECT), Type(Kind.ARRAY)
TO_AUTHOR = Type(Kind.POINTER, "Author")
POINT = {"type": "Point", "coordinates": [-116.4, 39.9]}
POINT_ROW = {**POINT, "srsId": 4326, "___class": "com.backendless.persistence.Point"}
RING = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
AUTHOR_ROW = {
    "___class": "Author",
    "objectId": OTHER_ID,
    "created": MADE_MS,
    "updated": CHANGED_MS,
    "name": "x",
    "born": MADE_MS,
}


def untold(kind: str) -> HttpResponse:
    """What a table cannot hold is no value that is left out."""
    return HttpResponse(400, {"code": 8006, "message": f"v: a value of the kind {kind} cannot be told here"})


NOT_ASKED: dict[str, Any] = {}
"""A relation is shown to who asks for it."""

ROWS = (
    Row("null", None, None),
    Row("false", False, False, type=Type(Kind.BOOLEAN)),
    Row("a whole number", 42, 42, type=NUMBER),
    Row("a large number", 9007199254740993, 9007199254740993, type=NUMBER),
    Row("a fraction", -1.5, -1.5, type=NUMBER),
    Row("text", "h\u00e9llo \U0001f600 \"'\\", "h\u00e9llo \U0001f600 \"'\\"),
    Row("empty text", "", ""),
    Row("a text that looks like a date", MADE, MADE),
    Row("a list", [1, "a", None, [True]], [1, "a", None, [True]], type=LIST),
    Row("an empty list", [], [], type=LIST),
    Row("an object", {"a": {"b": [1]}, "length": 2}, {"a": {"b": [1]}, "length": 2}, type=JSON),
    Row("an empty object", {}, {}, type=JSON),
    Row(
        "a date",
        Date(MADE),
        DATE,
        (
            {"__type": "Date", "iso": "2026-01-02T04:04:05.678+01:00"},
            {"__type": "Date", "iso": "2026-01-02T03:04:05.678000Z"},
            {"__type": "Date", "iso": "2026-01-02T03:04:05.678"},
        ),
        type=DATED,
        bare=MADE_MS,
        bare_also=(MADE, float(MADE_MS)),  # bulk requests of the SDKs, and units of work, have a Date as its JSON
    ),
    Row(
        "a date without milliseconds",
        Date("2026-01-02T03:04:05.000Z"),
        {"__type": "Date", "iso": "2026-01-02T03:04:05.000Z"},
        ({"__type": "Date", "iso": "2026-01-02T03:04:05Z"},),
        type=DATED,
        bare=1767323045000,
    ),
    Row(
        "a pointer",
        Pointer("Author", OTHER_ID),
        POINTER,
        # an object that is saved on its own: its id is all that counts
        ({"__type": "Object", "className": "Author", "objectId": OTHER_ID, "name": "x", "born": DATE},),
        type=TO_AUTHOR,
        bare=NOT_ASKED,
    ),
    Row(
        "a relation",
        Relation("Author"),
        {"__type": "Relation", "className": "Author"},
        type=Type(Kind.RELATION, "Author"),
        bare=NOT_ASKED,
    ),
    Row(
        "a geo point",
        GeoPoint(39.9, -116.4),
        GEO,
        type=Type(Kind.GEO_POINT),
        bare=POINT_ROW,
        bare_also=(POINT, "POINT(-116.4 39.9)", {**POINT_ROW, "srsId": None}),
    ),
    Row(
        "a polygon",
        Polygon((GeoPoint(0, 0), GeoPoint(0, 1), GeoPoint(1, 1), GeoPoint(0, 0))),
        {"__type": "Polygon", "coordinates": [[0, 0], [0, 1], [1, 1], [0, 0]]},
        ({"__type": "Polygon", "coordinates": [[0, 0], [0, 1], [1, 1]]},),
        type=Type(Kind.POLYGON),
        bare={**RING, "srsId": 4326, "___class": "com.backendless.persistence.Polygon"},
        bare_also=(RING, "POLYGON((0 0, 1 0, 1 1, 0 0))"),
    ),
    Row("bytes", b"This is a", {"__type": "Bytes", "base64": "VGhpcyBpcyBh"}, bare=untold("bytes")),
    Row("no bytes", b"", {"__type": "Bytes", "base64": ""}, bare=untold("bytes")),
    Row(
        "a file",
        File(name="a.txt", url="https://files.example/a.txt"),
        {"__type": "File", "name": "a.txt", "url": "https://files.example/a.txt"},
        type=Type(Kind.FILE),
        bare="https://files.example/a.txt",
    ),
    Row(
        "a list of dates and pointers",
        [Date(MADE), Pointer("Author", OTHER_ID)],
        [DATE, POINTER],
        type=LIST,
        bare=untold("Pointer"),
    ),
    Row(
        "an object with a geo point",
        {"home": GeoPoint(39.9, -116.4)},
        {"home": GEO},
        type=JSON,
        bare={"home": POINT_ROW},
        bare_reads={"home": POINT_ROW},
    ),
    Row(
        "an included object",
        Object(
            "Author",
            {"@id": OTHER_ID, "@created_at": MADE_AT, "@updated_at": CHANGED_AT, "name": "x", "born": Date(MADE)},
        ),
        {
            "__type": "Object",
            "className": "Author",
            "objectId": OTHER_ID,
            "createdAt": MADE,
            "updatedAt": CHANGED,
            "name": "x",
            "born": DATE,
        },
        leancloud={
            "__type": "Pointer",
            "className": "Author",
            "objectId": OTHER_ID,
            "createdAt": MADE,
            "updatedAt": CHANGED,
            "name": "x",
            "born": DATE,
        },
        answered_only=True,
        type=TO_AUTHOR,
        bare=AUTHOR_ROW,
    ),
    Row(
        "included objects in a list, one inside another",
        [Object("Author", {"@id": OTHER_ID, "name": "x", "boss": Object("Author", {"@id": ID, "name": "y"})})],
        [
            {
                "__type": "Object",
                "className": "Author",
                "objectId": OTHER_ID,
                "name": "x",
                "boss": {"__type": "Object", "className": "Author", "objectId": ID, "name": "y"},
            }
        ],
        leancloud=[
            {
                "__type": "Pointer",
                "className": "Author",
                "objectId": OTHER_ID,
                "name": "x",
                "boss": {"__type": "Pointer", "className": "Author", "objectId": ID, "name": "y"},
            }
        ],
        answered_only=True,
        type=LIST,
        bare=[
            {
                "___class": "Author",
                "objectId": OTHER_ID,
                "name": "x",
                "boss": {"___class": "Author", "objectId": ID, "name": "y"},
            }
        ],
    ),
)


def _cases() -> Iterator[Case]:
    for row in ROWS:
        bare = row.wire if row.bare is ... else row.bare
        whole = bare if isinstance(bare, HttpResponse) else {} if bare is NOT_ASKED else {"v": bare}
        columns = columns_of_posts(v=row.type)
        yield getting(
            f"get: {row.kind}",
            {"v": row.value},
            {"v": row.wire},
            None if row.leancloud is None else {"v": row.leancloud},
            whole,
            columns,
        )
        if row.answered_only:
            continue
        requests = [HttpRequest("POST", "/classes/Post", body={"v": wire}) for wire in (row.wire, *row.also)]
        table: Wire | Unsupported = UNSUPPORTED
        if type(whole) is dict and whole:
            reads = Create(class_name="Post", changes={"v": Set(row.bare_reads)})
            others = ({"v": other} for other in row.bare_also)
            table = making_row(whole, *others, told={"v": row.value}, reads=None if row.bare_reads is None else reads)
        yield Case(
            f"create: {row.kind}",
            Create(class_name="Post", changes={"v": Set(row.value)}, returning=NOTHING),
            Result(id=ID, created_at=MADE_AT),
            {
                "parse": Wire(requests[0], PARSE_MADE, tuple(requests[1:])),
                "leancloud": Wire(requests[0], LEANCLOUD_MADE, tuple(requests[1:])),
                "backendless": table,
            },
            columns,
        )


# the file of LeanCloud's SDKs: JavaScript's with objectId and more, Python's and PHP's with id, as recorded
FILE = File("resume.txt", "https://files.example/r.txt", OTHER_ID, "text/plain", {"size": 10, "owner": ID})
LEANCLOUD_FILE = {
    "__type": "File",
    "objectId": OTHER_ID,
    "name": "resume.txt",
    "url": "https://files.example/r.txt",
    "mime_type": "text/plain",
    "metaData": {"size": 10, "owner": ID},
}
PARSE_FILE = {"__type": "File", "name": "resume.txt", "url": "https://files.example/r.txt"}

CASES: tuple[Case, ...] = (
    *_cases(),
    Case(
        "create: a file with an id, a type and metadata",
        Create(class_name="Post", changes={"v": Set(FILE)}, returning=NOTHING),
        Result(id=ID, created_at=MADE_AT),
        {
            "leancloud": Wire(
                HttpRequest("POST", "/classes/Post", body={"v": LEANCLOUD_FILE}),
                LEANCLOUD_MADE,
                (
                    HttpRequest("POST", "/classes/Post", body={"v": {**LEANCLOUD_FILE, "base64": ""}}),
                    HttpRequest(
                        "POST",
                        "/classes/Post",
                        body={"v": {("id" if k == "objectId" else k): wire for k, wire in LEANCLOUD_FILE.items()}},
                    ),
                ),
            ),
            "backendless": making_row(
                {"v": "https://files.example/r.txt"},
                told={"v": FILE},
                reads=Create(class_name="Post", changes={"v": Set(File("r.txt", "https://files.example/r.txt"))}),
            ),
        },
        columns_of_posts(v=Type(Kind.FILE)),
    ),
    Case(
        "create: a pointer to an object that was included",
        Create(class_name="Post", changes={"v": Set(Pointer("Author", OTHER_ID))}, returning=NOTHING),
        Result(id=ID, created_at=MADE_AT),
        {
            "leancloud": Wire(
                HttpRequest("POST", "/classes/Post", body={"v": POINTER}),
                LEANCLOUD_MADE,
                (HttpRequest("POST", "/classes/Post", body={"v": {**POINTER, "name": "x", "createdAt": MADE}}),),
            ),
            "backendless": UNSUPPORTED,
        },
    ),
)
