"""Several operations in one request, each with an answer of its own."""

from __future__ import annotations

from typing import Any

from gateway.errors import Code, GatewayError
from gateway.model.operation import Batch, Create, Delete, Find, Get, Result, Returning, Update
from gateway.model.query import Condition, Op
from gateway.model.update import AddRelation, Increment, Set, Several
from gateway.model.values import Pointer, Reference
from gateway.wire import HttpRequest, HttpResponse
from tests.cases import UNSUPPORTED, Case, Wire, without
from tests.cases.objects import TUNNEL
from tests.cases.wires import CHANGED, CHANGED_AT, ID, MADE, MADE_AT, NOTHING, OTHER_ID, PUBLIC, text

PARSE, LEANCLOUD = "/parse/classes/Post", "/1.1/classes/Post"


def batch(*requests: dict[str, Any], path: str = "/batch", **more: Any) -> HttpRequest:
    return HttpRequest("POST", path, body={"requests": list(requests), **more})


def item(method: str, path: str, body: Any = None, params: Any = None) -> dict[str, Any]:
    wire = {"method": method, "path": path}
    return wire | ({} if body is None else {"body": body}) | ({} if params is None else {"params": params})


def answers(*items: dict[str, Any]) -> HttpResponse:
    return HttpResponse(200, list(items))


NEW_A = Create(class_name="Post", changes={"title": Set("a")}, returning=NOTHING)
NEW_B = Create(class_name="Post", changes={"title": Set("b")}, returning=NOTHING)
MADE_A, MADE_B = Result(id=ID, created_at=MADE_AT), Result(id=OTHER_ID, created_at=MADE_AT)
TOLD_A, TOLD_B = (
    {"success": {"objectId": ID, "createdAt": MADE}},
    {"success": {"objectId": OTHER_ID, "createdAt": MADE}},
)
MISSING = GatewayError(Code.OBJECT_NOT_FOUND, "no such object", class_name="Post", id="fakeid")
SYSTEM = {"objectId": ID, "createdAt": MADE, "updatedAt": CHANGED, "ACL": PUBLIC}
SYSTEM_FIELDS = {"@id": ID, "@created_at": MADE_AT, "@updated_at": CHANGED_AT, "@acl": PUBLIC}

# one vendor's batch is another one's unit of work, see `tables`: there all is done, or nothing
CASES: tuple[Case, ...] = without(
    "backendless",
    Case(
        "batch: two new objects",
        Batch(items=(NEW_A, NEW_B)),
        Result(items=[MADE_A, MADE_B]),
        {
            "parse": Wire(
                batch(item("POST", PARSE, {"title": "a"}), item("POST", PARSE, {"title": "b"})),
                answers(TOLD_A, TOLD_B),
                (
                    batch(item("POST", PARSE, {"title": "a"}), item("POST", PARSE, {"title": "b"}), **TUNNEL),
                    batch(item("POST", PARSE, {"title": "a"}), item("POST", PARSE, {"title": "b"}), transaction=False),
                    # the mount of parse.com, which old serverURLs have
                    batch(item("POST", "/1/classes/Post", {"title": "a"}), item("POST", PARSE, {"title": "b"})),
                ),
            ),
            "leancloud": Wire(
                batch(item("POST", LEANCLOUD, {"title": "a"}), item("POST", LEANCLOUD, {"title": "b"})),
                answers(TOLD_A, TOLD_B),
                (
                    batch(
                        item("POST", LEANCLOUD, {"title": "a"}, {}),
                        item("POST", LEANCLOUD, {"title": "b"}, {"fetchWhenSave": False}),
                    ),
                ),
            ),
        },
    ),
    Case(
        "batch: nothing to do",
        Batch(items=()),
        Result(items=[]),
        {"parse": Wire(batch(), answers()), "leancloud": Wire(batch(), answers())},
    ),
    Case(
        "batch: all or none",
        Batch(items=(NEW_A, NEW_B), atomic=True),
        Result(items=[MADE_A, MADE_B]),
        {
            "parse": Wire(
                batch(item("POST", PARSE, {"title": "a"}), item("POST", PARSE, {"title": "b"}), transaction=True),
                answers(TOLD_A, TOLD_B),
            ),
            "leancloud": UNSUPPORTED,
        },
    ),
    Case(
        "batch: one of two fails",
        Batch(
            items=(
                Update(class_name="Post", id="fakeid", changes={"age": Set(30)}, returning=NOTHING),
                Update(class_name="Post", id=ID, changes={"age": Increment(1)}, returning=NOTHING),
            )
        ),
        Result(items=[MISSING, Result(id=ID, updated_at=CHANGED_AT)]),
        {
            "parse": Wire(
                batch(
                    item("PUT", PARSE + "/fakeid", {"age": 30}),
                    item("PUT", f"{PARSE}/{ID}", {"age": {"__op": "Increment", "amount": 1}}),
                ),
                answers({"error": {"code": 101, "error": "Object not found."}}, {"success": {"updatedAt": CHANGED}}),
            ),
            "leancloud": Wire(
                batch(
                    item("PUT", LEANCLOUD + "/fakeid", {"age": 30}),
                    item("PUT", f"{LEANCLOUD}/{ID}", {"age": {"__op": "Increment", "amount": 1}}),
                ),
                # recorded
                answers(
                    {"error": {"code": 1, "error": "Could not find object by id 'fakeid' for class 'Post'."}},
                    {"success": {"objectId": ID, "updatedAt": CHANGED}},
                ),
            ),
        },
    ),
    Case(
        "batch: a write that answers what changed",
        Batch(items=(Update(class_name="Post", id=ID, changes={"n": Set(1)}, returning=Returning.CHANGED),)),
        Result(items=[Result(id=ID, updated_at=CHANGED_AT, object={"n": 1})]),
        {
            "parse": Wire(
                batch(item("PUT", f"{PARSE}/{ID}", {"n": 1})), answers({"success": {"updatedAt": CHANGED, "n": 1}})
            ),
            "leancloud": Wire(
                batch(item("PUT", f"{LEANCLOUD}/{ID}", {"n": 1}, {"fetchWhenSave": "true"})),
                answers({"success": {"objectId": ID, "updatedAt": CHANGED, "n": 1}}),
                # the JavaScript SDK's fetchWhenSave, recorded
                (batch(item("PUT", f"{LEANCLOUD}/{ID}", {"n": 1}, {"fetchWhenSave": True})),),
            ),
        },
    ),
    Case(
        "batch: objects read, one of them missing",
        Batch(items=(Get(class_name="Post", id=ID), Get(class_name="Post", id="fakeid"))),
        Result(items=[Result(object={**SYSTEM_FIELDS, "n": 1}), MISSING]),
        {
            "parse": Wire(
                batch(item("GET", f"{PARSE}/{ID}"), item("GET", f"{PARSE}/fakeid")),
                answers({"success": {**SYSTEM, "n": 1}}, {"error": {"code": 101, "error": "Object not found."}}),
            ),
            "leancloud": Wire(
                batch(
                    item("GET", f"{LEANCLOUD}/{ID}", None, {"returnACL": "true"}),
                    item("GET", f"{LEANCLOUD}/fakeid", None, {"returnACL": "true"}),
                ),
                answers({"success": {**SYSTEM, "n": 1}}, {"success": None}),  # recorded
            ),
        },
    ),
    Case(
        "batch: a query",
        Batch(items=(Find(class_name="Post", limit=5, where=Condition("title", Op.IN, ["a", "b"])),)),
        Result(items=[Result(objects=[])]),
        {
            # Parse Server: parameters of an item stand in its body
            "parse": Wire(
                batch(item("GET", PARSE, {"where": text({"title": {"$in": ["a", "b"]}}), "limit": "5"})),
                answers({"success": {"results": []}}),
                (batch(item("GET", PARSE, {"where": {"title": {"$in": ["a", "b"]}}, "limit": 5})),),
            ),
            "leancloud": Wire(
                batch(
                    item(
                        "GET",
                        LEANCLOUD,
                        None,
                        {"where": text({"title": {"$in": ["a", "b"]}}), "limit": "5", "returnACL": "true"},
                    )
                ),
                answers({"success": {"results": []}}),
                # a query too long for a URL, recorded: `where` is an object
                (
                    batch(
                        item(
                            "GET",
                            LEANCLOUD,
                            None,
                            {"where": {"title": {"$in": ["a", "b"]}}, "limit": 5, "returnACL": True},
                        )
                    ),
                ),
            ),
        },
    ),
    Case(
        "batch: deletes, one by one",
        Batch(items=(Delete(class_name="Post", ids=(ID,)), Delete(class_name="Post", ids=(OTHER_ID,)))),
        Result(items=[Result(), Result()]),
        {
            "parse": Wire(
                batch(item("DELETE", f"{PARSE}/{ID}"), item("DELETE", f"{PARSE}/{OTHER_ID}")),
                answers({"success": {}}, {"success": {}}),
                (batch(item("DELETE", f"{PARSE}/{ID}", {}), item("DELETE", f"{PARSE}/{OTHER_ID}", {})),),
            ),
            "leancloud": Wire(
                batch(item("DELETE", f"{LEANCLOUD}/{ID}"), item("DELETE", f"{LEANCLOUD}/{OTHER_ID}")),
                answers({"success": {}}, {"success": {}}),
                (batch(item("DELETE", f"{LEANCLOUD}/{ID}", {}), item("DELETE", f"{LEANCLOUD}/{OTHER_ID}", {})),),
            ),
        },
    ),
    Case(
        "batch: several objects of a class deleted as one item",
        Batch(items=(Delete(class_name="Post", ids=(ID, OTHER_ID)),)),
        Result(items=[Result()]),
        {
            "parse": UNSUPPORTED,
            # destroyAll of the JavaScript SDK, recorded
            "leancloud": Wire(
                batch(item("DELETE", f"{LEANCLOUD}/{ID},{OTHER_ID}")),
                answers({"success": {}}),
                (batch(item("DELETE", f"{LEANCLOUD}/{ID},{OTHER_ID}", {})),),
            ),
        },
    ),
    Case(
        "batch: a write under a condition",
        Batch(
            items=(
                Update(
                    class_name="Post",
                    id=ID,
                    changes={"n": Increment(-1)},
                    where=Condition("n", Op.GE, 1),
                    returning=NOTHING,
                ),
            )
        ),
        Result(items=[Result(id=ID, updated_at=CHANGED_AT)]),
        {
            "parse": UNSUPPORTED,
            "leancloud": Wire(
                batch(
                    item(
                        "PUT",
                        f"{LEANCLOUD}/{ID}",
                        {"n": {"__op": "Increment", "amount": -1}},
                        {"where": text({"n": {"$gte": 1}})},
                    )
                ),
                answers({"success": {"objectId": ID, "updatedAt": CHANGED}}),
            ),
        },
    ),
    # the Swift, Objective-C and Java SDKs: swift-sdk, BatchRequest.swift and ObjectUpdater.swift
    Case(
        "batch: a child and its parent",
        Batch(
            items=(
                NEW_A,
                Update(
                    class_name="Post",
                    id=OTHER_ID,
                    changes={"n": Set(1), "child": Set(Reference("c1", "Post"))},
                    returning=NOTHING,
                ),
            ),
            names=("c1", OTHER_ID),
            atomic=True,
        ),
        Result(items=[MADE_A, Result(id=OTHER_ID, updated_at=CHANGED_AT)]),
        {
            "parse": UNSUPPORTED,
            "leancloud": Wire(
                batch(
                    item("POST", LEANCLOUD, {"title": "a", "__internalId": "c1"}),
                    item(
                        "PUT",
                        f"{LEANCLOUD}/{OTHER_ID}",
                        {
                            "n": 1,
                            "__internalId": OTHER_ID,
                            "__children": [{"className": "Post", "cid": "c1", "key": "child"}],
                        },
                    ),
                    path="/batch/save",
                ),
                HttpResponse(
                    200,
                    {"c1": {"objectId": ID, "createdAt": MADE}, OTHER_ID: {"objectId": OTHER_ID, "updatedAt": CHANGED}},
                ),
                (
                    batch(
                        {**item("PUT", LEANCLOUD, {"title": "a", "__internalId": "c1"}), "new": True},
                        item(
                            "PUT",
                            f"{LEANCLOUD}/{OTHER_ID}",
                            {
                                "n": 1,
                                "__internalId": OTHER_ID,
                                "__children": [{"className": "Post", "cid": "c1", "key": "child"}],
                            },
                        ),
                        path="/batch/save",
                    ),
                ),
            ),
        },
    ),
    Case(
        "batch: one new object in two requests",
        Batch(
            items=(
                Create(
                    class_name="Post",
                    changes={
                        "n": Set(1),
                        "likes": Several(
                            (AddRelation((Pointer("Post", ID),)), AddRelation((Pointer("Post", OTHER_ID),)))
                        ),
                    },
                    returning=NOTHING,
                ),
            ),
            names=("c1",),
            atomic=True,
        ),
        Result(items=[MADE_A]),
        {
            "parse": UNSUPPORTED,
            "leancloud": Wire(
                batch(
                    item(
                        "POST",
                        LEANCLOUD,
                        {
                            "n": 1,
                            "likes": {
                                "__op": "Batch",
                                "ops": [
                                    {
                                        "__op": "AddRelation",
                                        "objects": [{"__type": "Pointer", "className": "Post", "objectId": one}],
                                    }
                                    for one in (ID, OTHER_ID)
                                ],
                            },
                            "__internalId": "c1",
                        },
                    ),
                    path="/batch/save",
                ),
                HttpResponse(200, {"c1": {"objectId": ID, "createdAt": MADE}}),
                (
                    batch(
                        *(
                            {
                                **item(
                                    "POST",
                                    LEANCLOUD,
                                    {
                                        **first,
                                        "likes": {
                                            "__op": "AddRelation",
                                            "objects": [{"__type": "Pointer", "className": "Post", "objectId": one}],
                                        },
                                        "__internalId": "c1",
                                    },
                                ),
                                "new": True,
                            }
                            for first, one in (({"n": 1}, ID), ({}, OTHER_ID))
                        ),
                        path="/batch/save",
                    ),
                ),
            ),
        },
    ),
)
