"""Classes as such: fields, indexes and permissions. Recorded from Parse Server; LeanCloud REST guide, "Schema"."""

from __future__ import annotations

from gateway.errors import Code
from gateway.model.definition import CreateClass, DeleteClass, FindSchemas, GetSchema, PurgeClass, UpdateClass
from gateway.model.operation import Result
from gateway.model.schema import (
    CREATOR,
    EVERYBODY,
    NOBODY,
    Action,
    ClassPermissions,
    ClassSchema,
    Field,
    IndexOf,
    Kind,
    Protected,
    Rule,
    Type,
)
from gateway.model.values import Date
from gateway.wire import HttpRequest, HttpResponse
from tests.cases import UNSUPPORTED, Case, Failure, Wire, without
from tests.cases.wires import get

TIMES = {"objectId": {"type": "String"}, "createdAt": {"type": "Date"}, "updatedAt": {"type": "Date"}}
SYSTEM = {**TIMES, "ACL": {"type": "ACL"}}
ALL = {"*": True}
OPEN = {
    "find": ALL,
    "get": ALL,
    "count": ALL,
    "create": ALL,
    "update": ALL,
    "delete": ALL,
    "addField": ALL,
    "protectedFields": {"*": []},
    "ACL": {"*": {"read": True, "write": True}},
}

FIELDS = {
    "name": Field(Type(Kind.STRING)),
    "country": Field(Type(Kind.POINTER, "Country")),
    "twins": Field(Type(Kind.RELATION, "City")),
}
CITY = ClassSchema("City", FIELDS)
PARSE_FIELDS = {
    "name": {"type": "String"},
    "country": {"type": "Pointer", "targetClass": "Country"},
    "twins": {"type": "Relation", "targetClass": "City"},
}
LEANCLOUD_FIELDS = {
    "name": {"type": "String"},
    "country": {"type": "Pointer", "className": "Country"},
    "twins": {"type": "Relation", "className": "City"},
}
PARSE_CITY = {"className": "City", "fields": {**SYSTEM, **PARSE_FIELDS}, "classLevelPermissions": OPEN}

GUARDED = ClassPermissions(
    rules={
        Action.FIND: EVERYBODY,
        Action.GET: Rule(fields=("owner",)),
        Action.COUNT: Rule(users=frozenset({"u1"})),
        Action.CREATE: Rule(authenticated=True),
        Action.UPDATE: Rule(roles=frozenset({"Admins"})),
        Action.DELETE: NOBODY,
        Action.ADD_FIELD: NOBODY,
    },
    read_fields=("owner",),
    write_fields=("owner", "team"),
    protected=Protected(("secret",), (), {"u1": ("secret",)}, {"Admins": ()}, {"owner": ()}),
    default_acl={"*": {"read": True}, CREATOR: {"read": True, "write": True}},
)
PARSE_GUARDED = {
    "find": ALL,
    "get": {"pointerFields": ["owner"]},
    "count": {"u1": True},
    "create": {"requiresAuthentication": True},
    "update": {"role:Admins": True},
    "delete": {},
    "addField": {},
    "readUserFields": ["owner"],
    "writeUserFields": ["owner", "team"],
    "protectedFields": {
        "*": ["secret"],
        "authenticated": [],
        "u1": ["secret"],
        "role:Admins": [],
        "userField:owner": [],
    },
    "ACL": {"*": {"read": True}, "currentUser": {"read": True, "write": True}},
}

AT = "2026-01-02T03:04:05.678Z"
OPTIONS = {
    "name": Field(Type(Kind.STRING), required=True),
    "on": Field(Type(Kind.BOOLEAN), default=False),
    "at": Field(Type(Kind.DATE), default=Date(AT)),
}
PARSE_OPTIONS = {
    "name": {"type": "String", "required": True},
    "on": {"type": "Boolean", "defaultValue": False},
    "at": {"type": "Date", "defaultValue": {"__type": "Date", "iso": AT}},
}
OF_TABLES_ONLY = (Kind.LINE_STRING, Kind.GEOMETRY)
KINDS = {kind.value: Field(Type(kind)) for kind in Kind if kind not in (Kind.POINTER, Kind.RELATION, *OF_TABLES_ONLY)}
INDEXES = {"by_name": IndexOf((("name", False), ("@created_at", True)))}
PARSE_INDEXES = {"by_name": {"name": 1, "createdAt": -1}}


def asked(method: str, class_name: str = "City", body: object = None) -> HttpRequest:
    return HttpRequest(method, f"/schemas/{class_name}", body=body)


CASES = without(
    "backendless",
    Case(
        "get schema",
        GetSchema(class_name="City"),
        Result(schema=CITY),
        {
            "parse": Wire(get("/schemas/City"), HttpResponse(200, PARSE_CITY)),
            "leancloud": Wire(get("/schemas/City"), HttpResponse(200, {**TIMES, **LEANCLOUD_FIELDS})),
        },
    ),
    Case(
        "get schema: every type",
        GetSchema(class_name="City"),
        Result(schema=ClassSchema("City", KINDS)),
        {
            "parse": Wire(
                get("/schemas/City"),
                HttpResponse(
                    200,
                    {**PARSE_CITY, "fields": {**SYSTEM, **{word: {"type": word} for word in KINDS}}},
                ),
            ),
        },
    ),
    Case(
        "get schema: with permissions, indexes and options",
        GetSchema(class_name="City"),
        Result(schema=ClassSchema("City", OPTIONS, GUARDED, INDEXES)),
        {
            "parse": Wire(
                get("/schemas/City"),
                HttpResponse(
                    200,
                    {
                        "className": "City",
                        "fields": {**SYSTEM, **PARSE_OPTIONS},
                        "classLevelPermissions": PARSE_GUARDED,
                        "indexes": {"_id_": {"_id": 1}, **PARSE_INDEXES},
                    },
                ),
            ),
        },
    ),
    Case(
        "get schema: a class that is not there",
        GetSchema(class_name="City"),
        Failure(Code.CLASS_NOT_FOUND, details=(("class_name", "City"),)),
        {
            "parse": Wire(
                get("/schemas/City"), HttpResponse(400, {"code": 103, "error": "Class City does not exist."})
            ),
            "leancloud": Wire(
                get("/schemas/City"), HttpResponse(404, {"code": 101, "error": "Class or object doesn't exists."})
            ),
        },
    ),
    Case(
        "find schemas",
        FindSchemas(),
        Result(schemas=[CITY, ClassSchema("Empty")]),
        {
            "parse": Wire(
                get("/schemas"),
                HttpResponse(
                    200,
                    {
                        "results": [
                            PARSE_CITY,
                            {"className": "Empty", "fields": SYSTEM, "classLevelPermissions": OPEN},
                        ]
                    },
                ),
                (get("/schemas/"),),
            ),
            "leancloud": Wire(
                get("/schemas"), HttpResponse(200, {"City": {**TIMES, **LEANCLOUD_FIELDS}, "Empty": TIMES})
            ),
        },
    ),
    Case(
        "create class",
        CreateClass(class_name="City", fields=OPTIONS, permissions=GUARDED, indexes=INDEXES),
        Result(schema=ClassSchema("City", OPTIONS, GUARDED, INDEXES)),
        {
            "parse": Wire(
                asked(
                    "POST",
                    body={
                        "fields": PARSE_OPTIONS,
                        "classLevelPermissions": PARSE_GUARDED,
                        "indexes": PARSE_INDEXES,
                    },
                ),
                HttpResponse(
                    200,
                    {
                        "className": "City",
                        "fields": {**SYSTEM, **PARSE_OPTIONS},
                        "classLevelPermissions": PARSE_GUARDED,
                        "indexes": {"_id_": {"_id": 1}, **PARSE_INDEXES},
                    },
                ),
                (
                    HttpRequest(
                        "POST",
                        "/schemas",
                        body={
                            "className": "City",
                            "fields": PARSE_OPTIONS,
                            "classLevelPermissions": PARSE_GUARDED,
                            "indexes": PARSE_INDEXES,
                        },
                    ),
                ),
            ),
            "leancloud": UNSUPPORTED,
        },
    ),
    Case(
        "create class: it is there",
        CreateClass(class_name="City"),
        Failure(Code.DUPLICATE_VALUE, details=(("class_name", "City"),)),
        {
            "parse": Wire(
                asked("POST", body={}), HttpResponse(400, {"code": 103, "error": "Class City already exists."})
            ),
            "leancloud": UNSUPPORTED,
            "backendless": Wire(
                HttpRequest("POST", "/management/data/table", body={"name": "City"}),
                HttpResponse(400, {"code": 1062, "message": "refused"}),
            ),
        },
    ),
    Case(
        "update class",
        UpdateClass(
            class_name="City", fields={"area": Field(Type(Kind.NUMBER)), "pop": None}, indexes={"by_name": None}
        ),
        Result(schema=ClassSchema("City", {"area": Field(Type(Kind.NUMBER))})),
        {
            "parse": Wire(
                asked(
                    "PUT",
                    body={
                        "fields": {"area": {"type": "Number"}, "pop": {"__op": "Delete"}},
                        "indexes": {"by_name": {"__op": "Delete"}},
                    },
                ),
                HttpResponse(200, {**PARSE_CITY, "fields": {**SYSTEM, "area": {"type": "Number"}}}),
            ),
            "leancloud": UNSUPPORTED,
        },
    ),
    Case(
        "update class: a field of another type",
        UpdateClass(class_name="City", fields={"name": Field(Type(Kind.NUMBER))}),
        Failure(Code.BAD_SCHEMA, "Field name exists, cannot update."),
        {
            "parse": Wire(
                asked("PUT", body={"fields": {"name": {"type": "Number"}}}),
                HttpResponse(400, {"code": 255, "error": "Field name exists, cannot update."}),
            ),
            "leancloud": UNSUPPORTED,
        },
    ),
    Case(
        "delete class",
        DeleteClass(class_name="City"),
        Result(),
        {"parse": Wire(asked("DELETE"), HttpResponse(200, {})), "leancloud": UNSUPPORTED},
    ),
    Case(
        "purge class",
        PurgeClass(class_name="City"),
        Result(),
        {"parse": Wire(HttpRequest("DELETE", "/purge/City"), HttpResponse(200, {})), "leancloud": UNSUPPORTED},
    ),
)
