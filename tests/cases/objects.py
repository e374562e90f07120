"""Making, reading, changing and deleting one object, and what each answers."""

from __future__ import annotations

from gateway.model.operation import Create, Delete, Find, Get, Result, Returning, Update
from gateway.model.query import And, Condition, Op
from gateway.model.update import Increment, Set
from gateway.model.values import Pointer, Relation
from gateway.wire import HttpRequest, HttpResponse
from tests.cases import UNSUPPORTED, Case, Wire
from tests.cases.wires import (
    CHANGED,
    CHANGED_AT,
    DATA,
    ID,
    MADE,
    MADE_AT,
    MADE_MS,
    NEW_ROW,
    NOTHING,
    OTHER_ID,
    PATH,
    PUBLIC,
    ROW,
    changing_row,
    computed,
    finding_rows,
    get,
    making_row,
    rows,
    text,
)

POST = "/classes/Post"
PARSE_MADE = HttpResponse(
    201, {"objectId": ID, "createdAt": MADE}, {"Location": f"http://gateway.example/parse/classes/Post/{ID}"}
)
LEANCLOUD_MADE = HttpResponse(201, {"objectId": ID, "createdAt": MADE}, {"Location": f"/1.1/classes/Post/{ID}"})
LEANCLOUD_CHANGED = HttpResponse(200, {"objectId": ID, "updatedAt": CHANGED})

# as the JavaScript SDKs 5 and 8 send it, recorded: everything a POST, the method and the keys in the body
TUNNEL = {
    "_ApplicationId": "demo",
    "_ClientVersion": "js8.6.0",
    "_InstallationId": "fb7fc768-6814-432c-ba33-652d8a5ba018",
}

ROW_PATH = f"{DATA}/{ID}"
DELETED = HttpResponse(200, {"deletionTime": MADE_MS})


def row_of(**columns: object) -> HttpResponse:
    return HttpResponse(200, {**ROW, **columns})


SYSTEM = {"objectId": ID, "createdAt": MADE, "updatedAt": CHANGED, "ACL": PUBLIC}
ALL_INCLUDED = Get(class_name="Post", id=ID, include=("*",), members=10)
SYSTEM_FIELDS = {"@id": ID, "@created_at": MADE_AT, "@updated_at": CHANGED_AT, "@acl": PUBLIC}

CASES: tuple[Case, ...] = (
    Case(
        "create: one field",
        Create(class_name="Post", changes={"title": Set("a")}, returning=NOTHING),
        Result(id=ID, created_at=MADE_AT),
        {
            "parse": Wire(
                HttpRequest("POST", POST, body={"title": "a"}),
                PARSE_MADE,
                (
                    HttpRequest("POST", POST, body={**TUNNEL, "title": "a"}),
                    HttpRequest("POST", POST, body={**TUNNEL, "_method": "POST", "title": "a"}),
                    HttpRequest("POST", POST, body={"title": "a", "createdAt": {"__type": "Date", "iso": MADE}}),
                    HttpRequest("POST", "/Classes/Post/", body={"title": "a"}),
                ),
            ),
            "leancloud": Wire(
                HttpRequest("POST", POST, body={"title": "a"}),
                LEANCLOUD_MADE,
                (
                    HttpRequest("POST", POST, {"fetchWhenSave": "false"}, body={"title": "a"}),  # the Python SDK
                    HttpRequest("POST", POST, {"new": "false"}, body={"title": "a"}),
                    HttpRequest(
                        "POST", POST, body={"_ApplicationId": "demo", "_ApplicationProduction": 1, "title": "a"}
                    ),
                ),
            ),
            "backendless": making_row(
                {"title": "a"}, {"title": "a", "___jsonclass": "java.util.HashMap", "__meta": "{}"}
            ),
        },
    ),
    Case(
        "create: nothing in it",
        Create(class_name="Post", changes={}, returning=NOTHING),
        Result(id=ID, created_at=MADE_AT),
        {
            "parse": Wire(HttpRequest("POST", POST, body={}), PARSE_MADE, (HttpRequest("POST", POST),)),
            "leancloud": Wire(HttpRequest("POST", POST, body={}), LEANCLOUD_MADE, (HttpRequest("POST", POST),)),
            "backendless": making_row({}),
        },
    ),
    Case(
        "create: with an id of the client's own",
        Create(class_name="Post", id=ID, changes={"n": Set(1)}, returning=NOTHING),
        Result(id=ID, created_at=MADE_AT),
        {
            "parse": Wire(HttpRequest("POST", POST, body={"objectId": ID, "n": 1}), PARSE_MADE),
            "leancloud": Wire(HttpRequest("POST", POST, body={"objectId": ID, "n": 1}), LEANCLOUD_MADE),
            "backendless": UNSUPPORTED,
        },
    ),
    Case(
        "create: with an ACL",
        Create(
            class_name="Post",
            changes={"@acl": Set({"*": {"read": True}, ID: {"read": True, "write": True}})},
            returning=NOTHING,
        ),
        Result(id=ID, created_at=MADE_AT),
        {
            "parse": Wire(
                HttpRequest("POST", POST, body={"ACL": {"*": {"read": True}, ID: {"read": True, "write": True}}}),
                PARSE_MADE,
                (
                    HttpRequest(
                        "POST",
                        POST,
                        body={"ACL": {"*": {"read": True, "write": False}, ID: {"read": True, "write": True}, "x": {}}},
                    ),
                ),
            ),
            "leancloud": Wire(
                HttpRequest("POST", POST, body={"ACL": {"*": {"read": True}, ID: {"read": True, "write": True}}}),
                LEANCLOUD_MADE,
            ),
            "backendless": UNSUPPORTED,
        },
    ),
    Case(
        "create: the answer has what the client cannot know",
        Create(class_name="Post", changes={"n": Increment(5)}, returning=Returning.COMPUTED),
        Result(id=ID, created_at=MADE_AT, object={"n": 5}),
        {
            "parse": Wire(
                HttpRequest("POST", POST, body={"n": {"__op": "Increment", "amount": 5}}),
                HttpResponse(201, {"objectId": ID, "createdAt": MADE, "n": 5}, PARSE_MADE.headers),
            ),
            "leancloud": Wire(
                HttpRequest("POST", POST, {"fetchWhenSave": "true"}, {}, {"n": {"__op": "Increment", "amount": 5}}),
                HttpResponse(201, {"objectId": ID, "createdAt": MADE, "n": 5}, LEANCLOUD_MADE.headers),
            ),
            "backendless": making_row({"n": computed("n + 5")}, shown={"n": 5}),
        },
    ),
    Case(
        "create: the answer is the whole object",
        Create(class_name="Post", changes={"title": Set("a")}, returning=Returning.EVERYTHING),
        Result(id=ID, created_at=MADE_AT, object={"title": "a", "likes": Relation("Post"), "@updated_at": MADE_AT}),
        {
            # a Parse Server answers no more than it must; what it says besides is read
            "parse": Wire(
                HttpRequest("POST", POST, body={"title": "a"}),
                HttpResponse(
                    201,
                    {
                        "objectId": ID,
                        "createdAt": MADE,
                        "updatedAt": MADE,
                        "title": "a",
                        "likes": {"__type": "Relation", "className": "Post"},
                    },
                    PARSE_MADE.headers,
                ),
            ),
            "leancloud": Wire(
                HttpRequest("POST", POST, {"fetchWhenSave": "true"}, {}, {"title": "a"}),
                HttpResponse(
                    201,
                    {
                        "objectId": ID,
                        "createdAt": MADE,
                        "updatedAt": MADE,
                        "title": "a",
                        "likes": {"__type": "Relation", "className": "Post"},
                    },
                    LEANCLOUD_MADE.headers,
                ),
                (
                    HttpRequest("POST", POST, {"new": "true"}, {}, {"title": "a"}),  # the JavaScript SDK
                    HttpRequest("POST", POST, {"fetchWhenSave": True}, {}, {"title": "a"}),  # the same, in a batch
                ),
            ),
            "backendless": making_row({"title": "a"}),
        },
    ),
    Case(
        "get: one object",
        Get(class_name="Post", id=ID),
        Result(object={**SYSTEM_FIELDS, "title": "a", "n": 1}),
        {
            "parse": Wire(
                get(PATH),
                HttpResponse(200, {**SYSTEM, "title": "a", "n": 1}),
                (
                    HttpRequest("POST", PATH, body={**TUNNEL, "_method": "GET"}),
                    HttpRequest("GET", PATH, body={}),
                    get(PATH + "/"),
                ),
            ),
            "leancloud": Wire(
                get(PATH, returnACL="true"),
                HttpResponse(200, {**SYSTEM, "title": "a", "n": 1}),
                (HttpRequest("GET", PATH, {"returnACL": True}), get(PATH, returnACL="1")),
            ),
            "backendless": Wire(
                get(ROW_PATH),
                row_of(title="a", n=1),
                (get(f"{DATA}/pk", objectId=ID), HttpRequest("GET", ROW_PATH, {"relationsPageSize": "10"})),
            ),
        },
    ),
    Case(
        "get: without its ACL",
        Get(class_name="Post", id=ID, with_acl=False),
        Result(object={"@id": ID, "@created_at": MADE_AT, "@updated_at": CHANGED_AT, "title": "a"}),
        {
            "parse": Wire(
                get(PATH), HttpResponse(200, {"objectId": ID, "createdAt": MADE, "updatedAt": CHANGED, "title": "a"})
            ),
            "leancloud": Wire(
                get(PATH),
                HttpResponse(200, {"objectId": ID, "createdAt": MADE, "updatedAt": CHANGED, "title": "a"}),
                (get(PATH, returnACL="false"),),
            ),
            "backendless": Wire(get(ROW_PATH), row_of(title="a")),
        },
    ),
    Case(
        "get: some fields, some objects included",
        Get(class_name="Post", id=ID, select=("title", "meta.views"), include=("author", "author.boss")),
        Result(object={**SYSTEM_FIELDS, "title": "a", "meta": {"views": 3}}),
        {
            "parse": Wire(
                get(PATH, keys="title,meta.views", include="author,author.boss"),
                HttpResponse(200, {**SYSTEM, "title": "a", "meta": {"views": 3}}),
                (
                    get(PATH, keys="title, meta.views", include="author,,author.boss"),
                    HttpRequest("GET", PATH, {"keys": ["title", "meta.views"], "include": ["author", "author.boss"]}),
                ),
            ),
            "leancloud": Wire(
                get(PATH, keys="title,meta.views", include="author,author.boss", returnACL="true"),
                HttpResponse(200, {**SYSTEM, "title": "a", "meta": {"views": 3}}),
            ),
            "backendless": UNSUPPORTED,
        },
    ),
    Case(
        "get: all fields but one",
        Get(class_name="Post", id=ID, exclude=("body",)),
        Result(object={**SYSTEM_FIELDS, "title": "a"}),
        {
            "parse": Wire(get(PATH, excludeKeys="body"), HttpResponse(200, {**SYSTEM, "title": "a"})),
            "leancloud": Wire(get(PATH, keys="-body", returnACL="true"), HttpResponse(200, {**SYSTEM, "title": "a"})),
            "backendless": Wire(get(ROW_PATH, excludeProps="body"), row_of(title="a")),
        },
    ),
    Case(
        "get: every pointer included",
        Get(class_name="Post", id=ID, include=("*",)),
        Result(object={**SYSTEM_FIELDS, "title": "a"}),
        {
            "parse": Wire(
                get(PATH, include="*"), HttpResponse(200, {**SYSTEM, "title": "a"}), (get(PATH, includeAll="true"),)
            ),
            "leancloud": UNSUPPORTED,
            "backendless": Wire(get(ROW_PATH, loadRelations="*"), row_of(title="a"), reads=ALL_INCLUDED),
        },
    ),
    Case(
        "get: an id with a slash, a space and a percent sign",
        Get(class_name="Post", id="a/b c%"),
        Result(object={**SYSTEM_FIELDS, "@id": "a/b c%"}),
        {
            "parse": Wire(get("/classes/Post/a%2Fb%20c%25"), HttpResponse(200, {**SYSTEM, "objectId": "a/b c%"})),
            "leancloud": Wire(
                get("/classes/Post/a%2Fb%20c%25", returnACL="true"),
                HttpResponse(200, {**SYSTEM, "objectId": "a/b c%"}),
            ),
            "backendless": Wire(get(f"{DATA}/a%2Fb%20c%25"), row_of(objectId="a/b c%")),
        },
    ),
    Case(
        "update: the answer has what the client cannot know",
        Update(class_name="Post", id=ID, changes={"n": Increment(1), "title": Set("b")}),
        Result(id=ID, updated_at=CHANGED_AT, object={"n": 6}),
        {
            "parse": Wire(
                HttpRequest("PUT", PATH, body={"n": {"__op": "Increment", "amount": 1}, "title": "b"}),
                HttpResponse(200, {"updatedAt": CHANGED, "n": 6}),
                (
                    HttpRequest(
                        "POST",
                        PATH,
                        body={**TUNNEL, "_method": "PUT", "n": {"__op": "Increment", "amount": 1}, "title": "b"},
                    ),
                    HttpRequest(
                        "PUT", PATH, body={"objectId": ID, "n": {"__op": "Increment", "amount": 1}, "title": "b"}
                    ),
                ),
            ),
            "leancloud": Wire(
                HttpRequest(
                    "PUT", PATH, {"fetchWhenSave": "true"}, {}, {"n": {"__op": "Increment", "amount": 1}, "title": "b"}
                ),
                HttpResponse(200, {"objectId": ID, "updatedAt": CHANGED, "n": 6}),
            ),
            "backendless": changing_row({"n": computed("n + 1"), "title": "b"}, shown={"n": 6, "title": "b"}),
        },
    ),
    Case(
        "update: the answer has all that changed",
        Update(class_name="Post", id=ID, changes={"n": Set(2)}, returning=Returning.CHANGED),
        Result(id=ID, updated_at=CHANGED_AT, object={"n": 2}),
        {
            "parse": Wire(HttpRequest("PUT", PATH, body={"n": 2}), HttpResponse(200, {"updatedAt": CHANGED, "n": 2})),
            "leancloud": Wire(
                HttpRequest("PUT", PATH, {"fetchWhenSave": "true"}, {}, {"n": 2}),
                HttpResponse(200, {"objectId": ID, "updatedAt": CHANGED, "n": 2}),
                (
                    HttpRequest("PUT", PATH, {"new": "true"}, {}, {"n": 2}),
                    HttpRequest("PUT", PATH, {"fetchWhenSave": True}, {}, {"n": 2}),
                ),
            ),
            "backendless": changing_row({"n": 2}),
        },
    ),
    Case(
        "update: only its time",
        Update(class_name="Post", id=ID, changes={}, returning=NOTHING),
        Result(id=ID, updated_at=CHANGED_AT),
        {
            "parse": Wire(HttpRequest("PUT", PATH, body={}), HttpResponse(200, {"updatedAt": CHANGED})),
            "leancloud": Wire(HttpRequest("PUT", PATH, body={}), LEANCLOUD_CHANGED),
            "backendless": changing_row({}),
        },
    ),
    Case(
        "update: only if a condition holds",
        Update(
            class_name="Post", id=ID, changes={"n": Increment(-1)}, where=Condition("n", Op.GE, 1), returning=NOTHING
        ),
        Result(id=ID, updated_at=CHANGED_AT),
        {
            "parse": UNSUPPORTED,
            "leancloud": Wire(
                HttpRequest(
                    "PUT", PATH, {"where": text({"n": {"$gte": 1}})}, {}, {"n": {"__op": "Increment", "amount": -1}}
                ),
                LEANCLOUD_CHANGED,
                (
                    HttpRequest(
                        "PUT",
                        PATH,
                        {"where": text({"n": {"$gte": 1}}), "fetchWhenSave": "false"},
                        {},
                        {"n": {"__op": "Decrement", "amount": 1}},
                    ),
                    HttpRequest(
                        "PUT", PATH, {"where": {"n": {"$gte": 1}}}, {}, {"n": {"__op": "Increment", "amount": -1}}
                    ),
                ),
            ),
            "backendless": UNSUPPORTED,
        },
    ),
    Case(
        "update: only if two conditions hold, and answer what changed",
        Update(
            class_name="Post",
            id=ID,
            changes={"n": Set(0)},
            where=And((Condition("n", Op.GE, 1), Condition("author", Op.EQ, Pointer("Author", OTHER_ID)))),
            returning=Returning.CHANGED,
        ),
        Result(id=ID, updated_at=CHANGED_AT, object={"n": 0}),
        {
            "parse": UNSUPPORTED,
            "leancloud": Wire(
                HttpRequest(
                    "PUT",
                    PATH,
                    {
                        "where": text(
                            {
                                "n": {"$gte": 1},
                                "author": {"__type": "Pointer", "className": "Author", "objectId": OTHER_ID},
                            }
                        ),
                        "fetchWhenSave": "true",
                    },
                    {},
                    {"n": 0},
                ),
                HttpResponse(200, {"objectId": ID, "updatedAt": CHANGED, "n": 0}),
            ),
            "backendless": UNSUPPORTED,
        },
    ),
    Case(
        "delete: one object",
        Delete(class_name="Post", ids=(ID,)),
        Result(),
        {
            "parse": Wire(
                HttpRequest("DELETE", PATH),
                HttpResponse(200, {}),
                (HttpRequest("POST", PATH, body={**TUNNEL, "_method": "DELETE"}), HttpRequest("DELETE", PATH, body={})),
            ),
            "leancloud": Wire(
                HttpRequest("DELETE", PATH), HttpResponse(200, {}), (HttpRequest("DELETE", PATH, body={}),)
            ),
            "backendless": Wire(
                HttpRequest("DELETE", ROW_PATH),
                DELETED,
                (HttpRequest("DELETE", DATA, body={"objectId": ID, "title": "a"}),),  # SDK 3
                tells=Result(moment=MADE_AT),
            ),
        },
    ),
    Case(
        "delete: several objects at once",
        Delete(class_name="Post", ids=(ID, OTHER_ID)),
        Result(),
        {
            "parse": UNSUPPORTED,
            "leancloud": Wire(
                HttpRequest("DELETE", f"{POST}/{ID},{OTHER_ID}"),
                HttpResponse(200, {}),
                (HttpRequest("DELETE", f"{POST}/{ID}%2C{OTHER_ID}"), HttpRequest("DELETE", f"{POST}/{ID},{OTHER_ID},")),
            ),
            "backendless": UNSUPPORTED,
        },
    ),
    Case(
        "delete: only if a condition holds",
        Delete(class_name="Post", ids=(ID,), where=Condition("n", Op.EQ, 0)),
        Result(),
        {
            "parse": UNSUPPORTED,
            "leancloud": Wire(HttpRequest("DELETE", PATH, {"where": text({"n": 0})}), HttpResponse(200, {})),
            "backendless": UNSUPPORTED,
        },
    ),
    Case(
        "find: objects with a field of another kind each",
        Find(class_name="Post", limit=100),
        Result(
            objects=[
                {**SYSTEM_FIELDS, "n": 1},
                {"@id": OTHER_ID, "@created_at": MADE_AT, "@updated_at": MADE_AT, "@acl": {}},
            ]
        ),
        {
            "parse": Wire(
                get(POST),
                HttpResponse(
                    200,
                    {
                        "results": [
                            {**SYSTEM, "n": 1},
                            {"objectId": OTHER_ID, "createdAt": MADE, "updatedAt": MADE, "ACL": {}},
                        ]
                    },
                ),
                (
                    get(POST, limit=100),
                    get(POST, where={}),
                    HttpRequest("POST", POST, body={**TUNNEL, "_method": "GET", "where": {}}),
                ),
            ),
            "leancloud": Wire(
                get(POST, returnACL="true"),
                HttpResponse(
                    200,
                    {
                        "results": [
                            {**SYSTEM, "n": 1},
                            {"objectId": OTHER_ID, "createdAt": MADE, "updatedAt": MADE, "ACL": {}},
                        ]
                    },
                ),
                (get(POST, where={}, limit=100, returnACL="true"), get(POST, limit=5000, returnACL="true")),
            ),
            "backendless": finding_rows(
                {"pageSize": 100},
                rows({**ROW, "n": 1}, {**NEW_ROW, "objectId": OTHER_ID}),
                HttpRequest(
                    "POST", f"{DATA}/find", body={"pageSize": 100, "offset": 0, "where": "", "distinct": False}
                ),
            ),
        },
    ),
)
