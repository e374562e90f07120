"""Iterating over a class, and the server's time."""

from __future__ import annotations

from gateway.model.operation import BY_ID, Result, Scan, ServerTime
from gateway.model.query import Condition, Op, Sort
from gateway.model.values import Date
from gateway.wire import HttpRequest, HttpResponse
from tests.cases import UNSUPPORTED, Case, Wire, without
from tests.cases.wires import CHANGED, CHANGED_AT, ID, MADE, MADE_AT, get

PATH = "/scan/classes/Post"

CASES: tuple[Case, ...] = without(
    "backendless",
    Case(
        "scan: the first page, and there is more",
        Scan(class_name="Post", limit=2),
        Result(
            objects=[{"@id": ID, "@created_at": MADE_AT, "@updated_at": CHANGED_AT, "n": 1}], cursor="vr6ht8twaa1t5zy1"
        ),
        {
            "parse": UNSUPPORTED,
            "leancloud": Wire(
                get(PATH, limit=2),
                HttpResponse(
                    200,
                    {
                        "results": [{"objectId": ID, "createdAt": MADE, "updatedAt": CHANGED, "n": 1}],
                        "cursor": "vr6ht8twaa1t5zy1",
                    },
                ),
                (get(PATH, where={}, scan_key="objectId", limit=2), get(PATH, limit=2, returnACL="false")),
            ),
        },
    ),
    Case(
        "scan: the last page has a cursor of null",
        Scan(class_name="Post", limit=100, cursor="vr6ht8twaa1t5zy1"),
        Result(objects=[], cursor=None),
        {
            "parse": UNSUPPORTED,
            "leancloud": Wire(get(PATH, cursor="vr6ht8twaa1t5zy1"), HttpResponse(200, {"results": [], "cursor": None})),
        },
    ),
    Case(
        "scan: by a field, with a condition, some fields, and the ACL",
        Scan(
            class_name="Post",
            limit=1000,
            key=Sort("score", descending=True),
            where=Condition("n", Op.GT, 1),
            select=("n",),
            exclude=("meta",),
            with_acl=True,
        ),
        Result(objects=[], cursor=None),
        {
            "parse": UNSUPPORTED,
            "leancloud": Wire(
                get(PATH, where={"n": {"$gt": 1}}, scan_key="-score", limit=1000, keys="n,-meta", returnACL="true"),
                HttpResponse(200, {"results": [], "cursor": None}),
            ),
        },
    ),
    Case(
        "scan: by the id, said aloud",
        Scan(class_name="Post", limit=100, key=BY_ID),
        Result(objects=[], cursor=None),
        {
            "parse": UNSUPPORTED,
            "leancloud": Wire(
                get(PATH), HttpResponse(200, {"results": [], "cursor": None}), (get(PATH, scan_key="objectId"),)
            ),
        },
    ),
    Case(
        "the server's time",
        ServerTime(),
        Result(moment=Date(MADE)),
        {
            "parse": UNSUPPORTED,
            "leancloud": Wire(
                get("/date"),
                HttpResponse(200, {"__type": "Date", "iso": MADE}),
                (HttpRequest("GET", "/date", body={}),),
            ),
        },
    ),
)
