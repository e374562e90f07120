"""What goes wrong at the backend, and how each vendor tells it at that place."""

from __future__ import annotations

from gateway.errors import Code
from gateway.model.operation import Create, Delete, Find, Get, Update
from gateway.model.query import Condition, Op
from gateway.model.schema import Kind, Type
from gateway.model.update import Set
from gateway.wire import HttpRequest, HttpResponse
from tests.cases import UNSUPPORTED, Case, Failure, Wire, columns_of_posts
from tests.cases.wires import DATA, ID, NOTHING, PATH, get, text

MISSING = Failure(Code.OBJECT_NOT_FOUND, "no such object", (("class_name", "Post"), ("id", ID)))
PARSE_MISSING = HttpResponse(404, {"code": 101, "error": "Object not found."})
LEANCLOUD_MISSING = HttpResponse(400, {"code": 1, "error": f"Could not find object by id '{ID}' for class 'Post'."})
TABLE_MISSING = HttpResponse(404, {"code": 1000, "message": f"Entity with ID {ID} not found"})
NO_TABLE = HttpResponse(
    404,
    {
        "code": 1009,
        "message": "Table not found by name 'Table not found by name 'Post'. Make sure the client class referenced in "
        "the API call has the same literal name as the table in Backendless console'",
    },
)
PUT_ROW = HttpRequest("PUT", DATA, body={"n": "a"})
ALL_ROWS = HttpRequest("POST", f"{DATA}/find", body={"pageSize": 100})
TEXTS = columns_of_posts(n=Type(Kind.STRING))
"""The backend finds out what is wrong."""
CREATE = Create(class_name="Post", changes={"n": Set("a")}, returning=NOTHING)
POST = HttpRequest("POST", "/classes/Post", body={"n": "a"})

CASES: tuple[Case, ...] = (
    Case(
        "get: a missing object",
        Get(class_name="Post", id=ID),
        MISSING,
        {
            "parse": Wire(get(PATH), PARSE_MISSING),
            "leancloud": Wire(get(PATH, returnACL="true"), HttpResponse(200, {})),  # recorded
            "backendless": Wire(get(f"{DATA}/{ID}"), TABLE_MISSING),
        },
    ),
    Case(
        "update: a missing object",
        Update(class_name="Post", id=ID, changes={"n": Set(1)}, returning=NOTHING),
        MISSING,
        {
            "parse": Wire(HttpRequest("PUT", PATH, body={"n": 1}), PARSE_MISSING),
            "leancloud": Wire(HttpRequest("PUT", PATH, body={"n": 1}), LEANCLOUD_MISSING),
            "backendless": Wire(HttpRequest("PUT", DATA, body={"objectId": ID, "n": 1}), TABLE_MISSING),
        },
    ),
    Case(
        "delete: a missing object",
        Delete(class_name="Post", ids=(ID,)),
        MISSING,
        {
            "parse": Wire(HttpRequest("DELETE", PATH), PARSE_MISSING),
            "leancloud": Wire(HttpRequest("DELETE", PATH), LEANCLOUD_MISSING),
            "backendless": Wire(HttpRequest("DELETE", f"{DATA}/{ID}"), TABLE_MISSING),
        },
    ),
    Case(
        "update: the condition does not hold",
        Update(class_name="Post", id=ID, changes={"n": Set(1)}, where=Condition("n", Op.EQ, 0), returning=NOTHING),
        Failure(Code.CONDITION_FAILED),
        {
            "parse": UNSUPPORTED,
            "leancloud": Wire(
                HttpRequest("PUT", PATH, {"where": text({"n": 0})}, {}, {"n": 1}),
                HttpResponse(400, {"code": 305, "error": "No effect on updating/deleting a document."}),
            ),
            "backendless": UNSUPPORTED,
        },
    ),
    Case(
        "find: a missing class",
        Find(class_name="Post", limit=100),
        Failure(Code.CLASS_NOT_FOUND, "no such class", (("class_name", "Post"),)),
        {
            "parse": Wire(get("/classes/Post"), HttpResponse(200, {"results": []})),
            "leancloud": Wire(
                get("/classes/Post", returnACL="true"),
                HttpResponse(404, {"code": 101, "error": "Class or object doesn't exists."}),
            ),
            "backendless": Wire(ALL_ROWS, NO_TABLE),
        },
    ),
    Case(
        "find: a count of a missing class",
        Find(class_name="Post", limit=0, count=True),
        Failure(Code.CLASS_NOT_FOUND, "no such class", (("class_name", "Post"),)),
        {
            "parse": Wire(get("/classes/Post", limit=0, count=1), HttpResponse(200, {"results": [], "count": 0})),
            "leancloud": Wire(
                get("/classes/Post", limit=0, count=1, returnACL="true"),
                HttpResponse(404, {"code": 101, "error": "Class or object doesn't exists."}),
            ),
            "backendless": Wire(HttpRequest("POST", f"{DATA}/count", body={}), NO_TABLE),
        },
    ),
    Case(
        "create: a value of another type than the column",
        CREATE,
        Failure(
            Code.TYPE_MISMATCH,
            "n holds numbers",
            (("class_name", "Post"), ("field", "n"), ("expected", "Number"), ("found", "String")),
        ),
        {
            "parse": Wire(
                POST,
                HttpResponse(400, {"code": 111, "error": "schema mismatch for Post.n; expected Number but got String"}),
            ),
            "leancloud": Wire(
                POST,
                HttpResponse(
                    400,
                    {
                        "code": 111,
                        "error": "Invalid value type for field 'n', expect type is Number, but it is String.",
                    },
                ),
            ),
            "backendless": Wire(
                PUT_ROW,
                HttpResponse(
                    400,
                    {
                        "code": 1002,
                        "message": "Unable to save object - invalid data type for properties - n. You can change the "
                        "property type in developer console.",
                    },
                ),
            ),
        },
        TEXTS,
    ),
    Case(
        "create: a value that is taken",
        CREATE,
        Failure(Code.DUPLICATE_VALUE),
        {
            "parse": Wire(
                POST,
                HttpResponse(
                    400, {"code": 137, "error": "A duplicate value for a field with unique values was provided"}
                ),
            ),
            "leancloud": Wire(
                POST,
                HttpResponse(400, {"code": 137, "error": "A unique field was given a value that is already taken."}),
            ),
            "backendless": Wire(PUT_ROW, HttpResponse(400, {"code": 1062, "message": "refused"})),
        },
        TEXTS,
    ),
    Case(
        "create: the backend is down",
        CREATE,
        Failure(Code.TIMEOUT, "the backend did not answer in time"),
        {
            "parse": Wire(POST, HttpResponse(503, {"code": 124, "error": "the backend did not answer in time"})),
            "leancloud": Wire(POST, HttpResponse(504, {"code": 124, "error": "the backend did not answer in time"})),
            "backendless": Wire(
                PUT_ROW, HttpResponse(503, {"code": 9002, "message": "the backend did not answer in time"})
            ),
        },
        TEXTS,
    ),
    Case(
        "find: too often",
        Find(class_name="Post", limit=100),
        Failure(Code.RATE_LIMITED, "Too many requests."),
        {
            "parse": Wire(get("/classes/Post"), HttpResponse(429, {"code": 100, "error": "Too many requests."})),
            "leancloud": Wire(
                get("/classes/Post", returnACL="true"), HttpResponse(429, {"code": 429, "error": "Too many requests."})
            ),
            "backendless": Wire(ALL_ROWS, HttpResponse(429, {"code": 9003, "message": "Too many requests."})),
        },
    ),
)
