"""Every kind of value, as a client writes it and as it is answered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gateway.model.operation import Create, Result
from gateway.model.update import Set
from gateway.model.values import Date, File, GeoPoint, Object, Pointer, Polygon, Relation, Value
from gateway.wire import HttpRequest
from tests.cases import Case, Wire
from tests.cases.objects import LEANCLOUD_MADE, PARSE_MADE
from tests.cases.wires import CHANGED, CHANGED_AT, ID, MADE, MADE_AT, NOTHING, OTHER_ID, getting


@dataclass(frozen=True, slots=True)
class Row:
    """A value and its wire; `leancloud` where that is another. `also` are spellings that a client may send."""

    kind: str
    value: Value
    wire: Any
    also: tuple[Any, ...] = ()
    leancloud: Any = None
    answered_only: bool = False


DATE = {"__type": "Date", "iso": MADE}
POINTER = {"__type": "Pointer", "className": "Author", "objectId": OTHER_ID}
GEO = {"__type": "GeoPoint", "latitude": 39.9, "longitude": -116.4}

ROWS = (
    Row("null", None, None),
    Row("false", False, False),
    Row("a whole number", 42, 42),
    Row("a large number", 9007199254740993, 9007199254740993),
    Row("a fraction", -1.5, -1.5),
    Row("text", "h\u00e9llo \U0001f600 \"'\\", "h\u00e9llo \U0001f600 \"'\\"),
    Row("empty text", "", ""),
    Row("a text that looks like a date", MADE, MADE),
    Row("a list", [1, "a", None, [True]], [1, "a", None, [True]]),
    Row("an empty list", [], []),
    Row("an object", {"a": {"b": [1]}, "length": 2}, {"a": {"b": [1]}, "length": 2}),
    Row("an empty object", {}, {}),
    Row(
        "a date",
        Date(MADE),
        DATE,
        (
            {"__type": "Date", "iso": "2026-01-02T04:04:05.678+01:00"},
            {"__type": "Date", "iso": "2026-01-02T03:04:05.678000Z"},
            {"__type": "Date", "iso": "2026-01-02T03:04:05.678"},
        ),
    ),
    Row(
        "a date without milliseconds",
        Date("2026-01-02T03:04:05.000Z"),
        {"__type": "Date", "iso": "2026-01-02T03:04:05.000Z"},
        ({"__type": "Date", "iso": "2026-01-02T03:04:05Z"},),
    ),
    Row(
        "a pointer",
        Pointer("Author", OTHER_ID),
        POINTER,
        # an object that is saved on its own: its id is all that counts
        ({"__type": "Object", "className": "Author", "objectId": OTHER_ID, "name": "x", "born": DATE},),
    ),
    Row("a relation", Relation("Author"), {"__type": "Relation", "className": "Author"}),
    Row("a geo point", GeoPoint(39.9, -116.4), GEO),
    Row(
        "a polygon",
        Polygon((GeoPoint(0, 0), GeoPoint(0, 1), GeoPoint(1, 1), GeoPoint(0, 0))),
        {"__type": "Polygon", "coordinates": [[0, 0], [0, 1], [1, 1], [0, 0]]},
        ({"__type": "Polygon", "coordinates": [[0, 0], [0, 1], [1, 1]]},),
    ),
    Row("bytes", b"This is a", {"__type": "Bytes", "base64": "VGhpcyBpcyBh"}),
    Row("no bytes", b"", {"__type": "Bytes", "base64": ""}),
    Row(
        "a file",
        File(name="a.txt", url="https://files.example/a.txt"),
        {"__type": "File", "name": "a.txt", "url": "https://files.example/a.txt"},
    ),
    Row("a list of dates and pointers", [Date(MADE), Pointer("Author", OTHER_ID)], [DATE, POINTER]),
    Row("an object with a geo point", {"home": GeoPoint(39.9, -116.4)}, {"home": GEO}),
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
    ),
)


def _cases() -> Iterator[Case]:
    for row in ROWS:
        yield getting(
            f"get: {row.kind}",
            {"v": row.value},
            {"v": row.wire},
            None if row.leancloud is None else {"v": row.leancloud},
        )
        if row.answered_only:
            continue
        requests = [HttpRequest("POST", "/classes/Post", body={"v": wire}) for wire in (row.wire, *row.also)]
        yield Case(
            f"create: {row.kind}",
            Create(class_name="Post", changes={"v": Set(row.value)}, returning=NOTHING),
            Result(id=ID, created_at=MADE_AT),
            {
                "parse": Wire(requests[0], PARSE_MADE, tuple(requests[1:])),
                "leancloud": Wire(requests[0], LEANCLOUD_MADE, tuple(requests[1:])),
            },
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
        },
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
        },
    ),
)
