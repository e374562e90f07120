"""What only tables say: rows and groups, many at once, relations by ids, trees, and units of work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from gateway.errors import Code
from gateway.model.definition import Describe
from gateway.model.groups import Group, Level, Step
from gateway.model.operation import (
    Batch,
    CountInGroup,
    Create,
    CreateMany,
    DeepSave,
    Deferred,
    Delete,
    DeleteMany,
    Find,
    FindGroups,
    FindRelated,
    Get,
    NewObject,
    Operation,
    Relate,
    Relating,
    Result,
    Returning,
    Update,
    UpdateMany,
    Upsert,
)
from gateway.model.query import (
    Aggregate,
    Aggregated,
    And,
    Arithmetic,
    Call,
    Column,
    Comparison,
    Condition,
    Filter,
    Function,
    Inverse,
    JsonPath,
    Literal,
    Not,
    Op,
    Output,
    Sort,
    Wildcard,
)
from gateway.model.schema import ClassSchema, Field, Kind, Type
from gateway.model.update import Change, Compute, EditJson, JsonEdit, Set
from gateway.model.values import GeoPoint, Object, ResultOf
from gateway.wire import HttpRequest, HttpResponse
from tests.cases import Case, Failure, Wire, without
from tests.cases.wires import (
    CHANGED,
    CHANGED_AT,
    DATA,
    ID,
    MADE,
    MADE_AT,
    MADE_MS,
    NEW_ROW,
    OTHER_ID,
    ROW,
    changing_row,
    computed,
    finding_rows,
    get,
    posts,
    rows,
)

EVERYTHING = Returning.EVERYTHING
ROW_PATH = f"{DATA}/{ID}"
SYSTEM: Mapping[str, Any] = {"@id": ID, "@created_at": MADE_AT, "@updated_at": CHANGED_AT}
GROUPED = dict(SYSTEM)
"""One object, which an answer has in its groups and beside them."""
NEW: Mapping[str, Any] = {**SYSTEM, "@updated_at": MADE_AT}


def case(title: str, op: Operation, result: Result | Failure, wire: Wire) -> Case:
    return Case(title, op, result, {"backendless": wire})


def asking(title: str, where: Filter, sql: str, *also: str) -> Case:
    spellings = [HttpRequest("POST", f"{DATA}/find", body={"where": other, "pageSize": 100}) for other in also]
    op = Find(class_name="Post", limit=100, where=where)
    return case(
        f"rows: {title}", op, Result(objects=[]), finding_rows({"where": sql, "pageSize": 100}, None, *spellings)
    )


def row_query(
    title: str,
    op: Find,
    asked: Mapping[str, Any],
    found: HttpResponse,
    told: list[dict[str, Any]],
    *also: HttpRequest,
    elsewhere: Mapping[str, Any] | None = None,
) -> Case:
    """`elsewhere` are the parameters of a query that has no words for tables, and the one object that it finds."""
    made = case(f"rows: {title}", op, Result(objects=told), finding_rows(asked, found, *also))
    if elsewhere is None:
        return made
    parameters, answer = {**elsewhere}, HttpResponse(200, {"results": [elsewhere["found"]]})
    del parameters["found"]
    wires = {
        "parse": Wire(posts(**parameters), answer),
        "leancloud": Wire(posts(**parameters), answer),
    }
    return replace(made, wire={**wires, **made.wire})


NAMED = ("@id", "@created_at", "@updated_at")
FOUND = {"objectId": ID, "createdAt": MADE, "updatedAt": CHANGED, "n": 1}
N, COUNT = Column("n"), Aggregated(Aggregate.COUNT, Column("@id"))

QUERIES = (
    asking("like, in any case", Condition("title", Op.LIKE, "a%_"), "title like 'a%_'", "title LIKE 'a%_'"),
    asking(
        "not like, and there",
        And((Not(Condition("title", Op.LIKE, "%a")), Condition("title", Op.NE, None))),
        "title not like '%a'",
        "title not like '%a' and title is not null",
        "not title like '%a'",
    ),
    asking("two columns", Comparison(Column("a"), Op.GT, Column("b")), "a > b"),
    asking(
        "arithmetic",
        Comparison(Arithmetic("+", Column("a"), Arithmetic("*", Column("b"), Literal(2))), Op.LE, Column("n")),
        "a + b * 2 <= n",
        "a+(b*2) <= n",
    ),
    asking(
        "the time of a day",
        Comparison(Call(Function.TIME, (Column("on"),)), Op.GT, Literal("12:00:00")),
        "TIME(on) > '12:00:00'",
    ),
    asking(
        "anywhere in JSON",
        Comparison(JsonPath("meta", ("tags", Wildcard.ANY_INDEX)), Op.EQ, Literal("x")),
        "meta->'$.tags[*]' = 'x'",
    ),
    asking(
        "farther than",
        Comparison(Call(Function.DISTANCE, (Column("at"), Literal(GeoPoint(1.0, 2.0)))), Op.GT, Literal(5)),
        "distance(at.latitude, at.longitude, 1.0, 2.0) > 5",
        "distance(1, 2, at.latitude, at.longitude) > 5",
    ),
    asking(
        "what some object has",
        Inverse("Author", "boss", Condition("name", Op.EQ, "x")),
        "Author[boss].name = 'x'",
        "objectId in (Author[name = 'x'].boss.objectId)",
    ),
    row_query(
        "the first",
        Find(class_name="Post", limit=1, order=(Sort("@created_at"),), with_acl=False),
        {"sortBy": "created", "pageSize": 1},
        rows({**ROW, "n": 1}),
        [{**SYSTEM, "n": 1}],
        get(f"{DATA}/first"),
        HttpRequest("POST", f"{DATA}/find", body={"sortBy": ["created asc"], "pageSize": 1}),
        elsewhere={"limit": 1, "order": "createdAt", "found": FOUND},
    ),
    row_query(
        "the last that matches",
        Find(
            class_name="Post",
            limit=1,
            order=(Sort("@created_at", descending=True),),
            where=Condition("n", Op.GT, 1),
            with_acl=False,
        ),
        {"sortBy": "created desc", "pageSize": 1, "where": "n > 1"},
        rows({**ROW, "n": 1}),
        [{**SYSTEM, "n": 1}],
        get(f"{DATA}/last", where="n > 1"),
        get(f"{DATA}/last", whereClause="n > 1"),
        elsewhere={"limit": 1, "order": "-createdAt", "where": {"n": {"$gt": 1}}, "found": FOUND},
    ),
    row_query(
        "some columns, and nothing else",
        Find(class_name="Post", limit=10, select=("title", *NAMED), exact=True, with_acl=False),
        {"props": "title, objectId, created, updated"},
        rows({"title": "a", **ROW}),
        [{"title": "a", **SYSTEM}],
        HttpRequest("GET", DATA, {"property": ("title", "objectId", "created", "updated")}),
        HttpRequest("GET", DATA, {"props": "title,objectId,created,updated"}),
        HttpRequest("POST", f"{DATA}/find", body={"properties": ["title", "objectId", "created", "updated"]}),
        elsewhere={
            "limit": 10,
            "keys": "title,objectId,createdAt,updatedAt",
            "found": {"title": "a", "objectId": ID, "createdAt": MADE, "updatedAt": CHANGED},
        },
    ),
    row_query(
        "columns under other names, and values that are computed",
        Find(
            class_name="Post",
            limit=10,
            select=("title",),
            outputs=(
                Output("number", N),
                Output("half", Arithmetic("/", N, Literal(2))),
                Output("Time", Call(Function.TIME, (Column("@created_at"),))),
            ),
        ),
        {"props": "title, n as number, n / 2 as half, TIME(created)"},
        rows({"title": "a", "number": 4, "half": 2, "Time": "03:04:05", "___class": "Post"}),
        [{"title": "a", "number": 4, "half": 2, "Time": "03:04:05"}],
        HttpRequest("POST", f"{DATA}/find", body={"props": ["title", "n as number", "n/2 as half", "time(created)"]}),
    ),
    row_query(
        "groups",
        Find(
            class_name="Post",
            limit=20,
            select=("title",),
            outputs=(Output("total", COUNT), Output("max", Aggregated(Aggregate.MAX, N))),
            group_by=("title",),
            having=Condition("total", Op.GT, 1),
            order=(Sort("total", descending=True),),
        ),
        {
            "pageSize": 20,
            "props": "title, Count(objectId) as total, Max(n)",
            "groupBy": "title",
            "having": "total > 1",
            "sortBy": "total desc",
        },
        rows({"title": "a", "total": 2, "max": 9, "___class": "Post"}),
        [{"title": "a", "total": 2, "max": 9}],
        HttpRequest(
            "GET",
            DATA,
            {
                "pageSize": "20",
                "property": ("title", "count(objectId) as total", "max(n)"),
                "groupBy": "title",
                "having": "total>1",
                "sortBy": "total desc",
            },
        ),
    ),
    row_query(
        "different rows",
        Find(class_name="Post", limit=10, select=("title",), distinct=True),
        {"props": "title", "distinct": True},
        rows({"title": "a", "___class": "Post"}),
        [{"title": "a"}],
        HttpRequest("GET", DATA, {"props": "title", "distinct": "true"}),
    ),
    case(
        "rows: the number of groups",
        Find(class_name="Post", limit=0, count=True, group_by=("title",)),
        Result(objects=[], total=3),
        Wire(
            HttpRequest("POST", f"{DATA}/count", body={"groupBy": "title"}),
            HttpResponse(200, 3),
            (HttpRequest("POST", f"{DATA}/count", body={"groupBy": ["title"]}), get(f"{DATA}/count", groupBy="title")),
        ),
    ),
    case(
        "rows: in groups of groups",
        FindGroups(
            class_name="Post",
            limit=2,
            group_limit=3,
            object_limit=4,
            levels=2,
            group_by=("@created_at", "title"),
            path=(Step("n", 7), Step("@owner", "u")),
            skip=1,
            order=(Sort("title", descending=True),),
        ),
        Result(
            objects=[GROUPED],
            groups=Level([Group("@created_at", MADE_AT, Level([Group("title", None, Level([GROUPED]))], more=True))]),
        ),
        Wire(
            HttpRequest(
                "POST",
                "/data/data-grouping/Post",
                body={
                    "groupBy": "created, title",
                    "groupPath": [{"column": "n", "value": 7}, {"column": "ownerId", "value": "u"}],
                    "groupDepth": 2,
                    "pageSize": 2,
                    "offset": 1,
                    "groupPageSize": 3,
                    "recordsPageSize": 4,
                    "sortBy": "title desc",
                },
            ),
            HttpResponse(
                200,
                {
                    "hasNextPage": False,
                    "items": [
                        {
                            "groupBy": {"column": "created", "value": MADE_MS},
                            "hasNextPage": True,
                            "items": [
                                {"groupBy": {"column": "title", "value": None}, "hasNextPage": False, "items": [ROW]}
                            ],
                        }
                    ],
                },
            ),
        ),
    ),
    case(
        "rows: the number in a group",
        CountInGroup(class_name="Post", path=(Step("title", "a"), Step("n")), where=Condition("n", Op.GT, 1)),
        Result(total=3),
        Wire(
            HttpRequest(
                "POST",
                "/data/data-grouping/Post/count",
                body={
                    "where": "n > 1",
                    "groupPath": [{"column": "title", "value": "a"}, {"column": "n", "value": None}],
                },
            ),
            HttpResponse(200, 3),
            (
                HttpRequest(
                    "POST",
                    "/data/data-grouping/Post/count",
                    body={
                        "whereClause": "n > 1",
                        "groupPath": [{"column": "title", "value": "a"}, {"column": "n"}],
                        "groupBy": "title,n",
                        "distinct": False,
                    },
                ),
            ),
        ),
    ),
    case(
        "rows: with so many members of a relation",
        Find(class_name="Post", limit=10, include=("likes",), members=5),
        Result(objects=[{**SYSTEM, "likes": [Object("Author", {"@id": OTHER_ID, "born": MADE_AT})]}]),
        finding_rows(
            {"loadRelations": "likes", "relationsPageSize": 5},
            rows({**ROW, "likes": [{"objectId": OTHER_ID, "born": MADE_MS, "___class": "Author"}]}),
            HttpRequest("GET", DATA, {"relations": "likes", "relationsPageSize": "5"}),
        ),
    ),
    case(
        "rows: everything included, two levels deep",
        Get(class_name="Post", id=ID, depth=2, members=10),
        Result(object={**SYSTEM, "author": None, "likes": []}),
        Wire(
            get(ROW_PATH, relationsDepth="2"),
            HttpResponse(200, {**ROW, "author": None, "likes": []}),
            (HttpRequest("PUT", f"{DATA}/relations", {"relationsDepth": "2"}, body={"objectId": ID, "title": "a"}),),
        ),
    ),
)


def changing(title: str, change: Change, field: str, wire: Any, new: Any) -> Case:
    sent = changing_row({field: wire}, shown={field: new})
    return case(
        f"rows: {title}",
        Update(class_name="Post", id=ID, changes={field: change}, returning=EVERYTHING),
        Result(id=ID, updated_at=CHANGED_AT, object={**SYSTEM, field: new}),
        Wire(sent.request, sent.response, sent.reads_also),
    )


def json_edit(word: str, **args: Any) -> dict[str, Any]:
    return {"___operation": word, **args}


WRITES = (
    changing(
        "set to what is computed",
        Compute(Arithmetic("-", Arithmetic("*", Column("a"), Literal(2)), Column("b"))),
        "n",
        computed("a * 2 - b"),
        7,
    ),
    changing(
        "set inside JSON",
        EditJson(JsonEdit.SET, ((("x", 0), 1), (("y",), {"z": None}))),
        "meta",
        json_edit("JSON_SET", args={"$.x[0]": 1, "$.y": {"z": None}}),
        {"x": [1], "y": {"z": None}},
    ),
    changing(
        "taken out of JSON",
        EditJson(JsonEdit.REMOVE, ((("x",), None), (("y", 0), None))),
        "meta",
        json_edit("JSON_REMOVE", args=["$.x", "$.y[0]"]),
        {"y": []},
    ),
    case(
        "rows: changed, or made with this id",
        Upsert(class_name="Post", id=ID, changes={"title": Set("a")}, returning=EVERYTHING),
        Result(id=ID, created_at=MADE_AT, object={**NEW, "title": "a"}),
        Wire(
            HttpRequest("PUT", f"{DATA}/upsert", body={"objectId": ID, "title": "a"}),
            HttpResponse(200, {**NEW_ROW, "title": "a"}),
        ),
    ),
    case(
        "rows: many made at once",
        CreateMany(
            class_name="Post",
            objects=(NewObject({"title": Set("a"), "on": Set(MADE_AT)}), NewObject({"title": Set("b")}, OTHER_ID)),
        ),
        Result(ids=[ID, OTHER_ID]),
        Wire(
            HttpRequest(
                "POST",
                "/data/bulk/Post",
                body=[{"title": "a", "on": MADE_MS}, {"objectId": OTHER_ID, "title": "b"}],
            ),
            HttpResponse(200, [ID, OTHER_ID]),
            # SDKs send a Date of these as its JSON
            (
                HttpRequest(
                    "POST",
                    "/data/bulk/Post",
                    body=[
                        {"title": "a", "on": MADE_AT.iso, "___class": "Post"},
                        {"objectId": OTHER_ID, "title": "b"},
                    ],
                ),
            ),
        ),
    ),
    case(
        "rows: many changed or made at once",
        CreateMany(class_name="Post", objects=(NewObject({"n": Set(1)}, ID),), upsert=True),
        Result(ids=[ID]),
        Wire(
            HttpRequest("PUT", "/data/bulkupsert/Post", body=[{"objectId": ID, "n": 1}]),
            HttpResponse(200, [ID]),
        ),
    ),
    case(
        "rows: all that match changed",
        UpdateMany(class_name="Post", changes={"n": Set(1)}, where=Condition("on", Op.LT, MADE_AT)),
        Result(total=2),
        Wire(
            HttpRequest("PUT", "/data/bulk/Post", {"where": f"on < {MADE_MS}"}, body={"n": 1}),
            HttpResponse(200, 2),
            (HttpRequest("PUT", "/data/bulk/Post", {"whereClause": f"on before {MADE_MS}"}, body={"n": 1}),),
        ),
    ),
    case(
        "rows: all that match deleted",
        DeleteMany(class_name="Post", where=Condition("n", Op.LT, 1)),
        Result(total=3),
        Wire(
            HttpRequest("POST", "/data/bulk/Post/delete", body={"where": "n < 1"}),
            HttpResponse(200, 3),
            (HttpRequest("DELETE", "/data/bulk/Post", {"where": "n < 1"}),),
        ),
    ),
    case(
        "rows: a tree saved",
        DeepSave(
            class_name="Post",
            tree={
                "title": "a",
                "on": MADE_AT,
                "author": Object("Author", {"@id": OTHER_ID}),
                "likes": [Object("Author", {"name": "x", "born": MADE_AT})],
            },
        ),
        Result(object={**NEW, "title": "a", "author": Object("Author", {"@id": OTHER_ID, "born": MADE_AT})}),
        Wire(
            HttpRequest(
                "PUT",
                f"{DATA}/deep-save",
                body={
                    "title": "a",
                    "on": MADE_MS,
                    "author": {"objectId": OTHER_ID},
                    "likes": [{"name": "x", "born": MADE_MS}],
                },
            ),
            HttpResponse(
                200,
                {**NEW_ROW, "title": "a", "author": {"objectId": OTHER_ID, "born": MADE_MS, "___class": "Author"}},
            ),
        ),
    ),
)


def relating(title: str, method: str, field: str, op: Relate, *, query: str | None = None) -> Case:
    asked = {} if query is None else {"whereClause": query}
    body = list(op.ids) if isinstance(op.ids, tuple) else None
    also = (
        () if query is None else (HttpRequest(method, f"{ROW_PATH}/{field}", {"where": query}),),
        (HttpRequest(method, f"{ROW_PATH}/{unquote(field)}", asked, body=body),),
    )
    return case(
        f"relate: {title}",
        op,
        Result(total=1),
        Wire(HttpRequest(method, f"{ROW_PATH}/{field}", asked, body=body), HttpResponse(200, 1), sum(also, ())),
    )


def relate(how: Relating, field: str = "likes", **more: Any) -> Relate:
    return Relate(class_name="Post", id=ID, field=field, how=how, **more)


RELATIONS = (
    relating("these, and no others", "POST", "likes", relate(Relating.SET, ids=(OTHER_ID,))),
    relating("these as well", "PUT", "likes", relate(Relating.ADD, ids=(OTHER_ID, ID))),
    relating("no longer these", "DELETE", "likes", relate(Relating.REMOVE, ids=(OTHER_ID,))),
    relating(
        "all that match",
        "PUT",
        "likes",
        relate(Relating.ADD, where=Condition("born", Op.GT, MADE_AT)),
        query=f"born > {MADE_MS}",
    ),
    relating(
        "in a column to be made",
        "POST",
        "likes%3AAuthor%3An",
        relate(Relating.SET, ids=(OTHER_ID,), target="Author"),
    ),
    relating(
        "in a column for one, to be made",
        "POST",
        "author%3AAuthor%3A1",
        relate(Relating.SET, "author", ids=(OTHER_ID,), target="Author", single=True),
    ),
    case(
        "related: a page of them",
        FindRelated(
            class_name="Post",
            id=ID,
            field="likes",
            limit=5,
            skip=5,
            where=Condition("born", Op.GT, MADE_AT),
            order=(Sort("name"),),
            select=("name", "born"),
            exact=True,
        ),
        Result(objects=[{"name": "x", "born": MADE_AT}]),
        Wire(
            get(
                f"{ROW_PATH}/likes",
                pageSize="5",
                offset="5",
                where=f"born > {MADE_MS}",
                sortBy="name",
                props="name, born",
            ),
            rows({"name": "x", "born": MADE_MS, "___class": "Author"}),
            (
                HttpRequest(
                    "POST",
                    f"{ROW_PATH}/likes/load",
                    body={
                        "pageSize": 5,
                        "offset": 5,
                        "where": f"born > {MADE_MS}",
                        "sortBy": "name",
                        "props": ["name", "born"],
                    },
                ),
            ),
            tells=Result(class_name="Author", objects=[{"name": "x", "born": MADE_AT}]),
        ),
    ),
    case(
        "related: the one",
        FindRelated(class_name="Post", id=ID, field="author", limit=10),
        Result(object={**SYSTEM, "name": "x"}),
        Wire(
            get(f"{ROW_PATH}/author"),
            HttpResponse(200, {**ROW, "___class": "Author", "name": "x"}),
            tells=Result(class_name="Author", object={**SYSTEM, "name": "x"}),
        ),
    ),
)


def unit(*operations: dict[str, Any], **more: Any) -> HttpRequest:
    body = {"isolationLevelEnum": "SERIALIZABLE", "operations": list(operations), **more}
    return HttpRequest("POST", "/transaction/unit-of-work", body=body)


def step(kind: str, name: str, payload: Any, table: str = "Post") -> dict[str, Any]:
    return {"operationType": kind, "table": table, "payload": payload, "opResultId": name}


def done(**results: tuple[str, Any]) -> HttpResponse:
    told = {name: {"operationType": kind, "result": result} for name, (kind, result) in results.items()}
    return HttpResponse(200, {"success": True, "error": None, "results": told})


def units(*named: tuple[str, Operation]) -> Batch:
    names, items = zip(*named, strict=True)
    return Batch(items=items, names=names, atomic=True, fixed_schema=True)


def ref(name: str, index: int | None = None, field: str | None = None) -> dict[str, Any]:
    told = {"___ref": True, "opResultId": name, "resultIndex": index, "propName": field}
    return {key: part for key, part in told.items() if part is not None}


A_ROW = {**NEW_ROW, "title": "a"}
FIRST = Create(class_name="Post", changes={"title": Set("a")}, returning=EVERYTHING)
NO_COLUMN = (
    "Column 'title' in table 'Post' does not exists. All tables and columns must be present in the database"
    " before a transaction is executed."
)

UNITS = (
    case(
        "unit of work: one of each kind",
        units(
            ("made", FIRST),
            ("put", Upsert(class_name="Post", id=ID, changes={"on": Set(MADE_AT)}, returning=EVERYTHING)),
            ("changed", Update(class_name="Post", id=ID, changes={"n": Set(1)}, returning=EVERYTHING)),
            ("gone", Delete(class_name="Post", ids=(ID,))),
            ("many", CreateMany(class_name="Post", objects=(NewObject({"n": Set(1)}), NewObject({})))),
            ("more", CreateMany(class_name="Post", objects=(NewObject({"n": Set(1)}, ID),), upsert=True)),
            ("some", UpdateMany(class_name="Post", changes={"n": Set(2)}, where=Condition("n", Op.EQ, 1))),
            ("these", UpdateMany(class_name="Post", changes={"n": Set(2)}, ids=(ID,))),
            ("none", DeleteMany(class_name="Post", where=Condition("n", Op.EQ, 2))),
            (
                "found",
                Find(class_name="Post", limit=5, select=("title",), order=(Sort("n", descending=True),), exact=True),
            ),
            ("liked", relate(Relating.ADD, ids=(OTHER_ID,))),
        ),
        Result(
            items=[
                Result(id=ID, created_at=MADE_AT, object={**NEW, "title": "a"}),
                Result(id=ID, created_at=MADE_AT, object={**NEW, "on": MADE_AT}),
                Result(id=ID, updated_at=CHANGED_AT, object={**SYSTEM, "n": 1}),
                Result(moment=MADE_AT),
                Result(ids=[ID, OTHER_ID]),
                Result(ids=[ID]),
                Result(total=2),
                Result(total=1),
                Result(total=0),
                Result(objects=[{"title": "a"}]),
                Result(total=1),
            ]
        ),
        Wire(
            unit(
                step("CREATE", "made", {"title": "a"}),
                step("UPSERT", "put", {"objectId": ID, "on": MADE_MS}),
                step("UPDATE", "changed", {"objectId": ID, "n": 1}),
                step("DELETE", "gone", ID),
                step("CREATE_BULK", "many", [{"n": 1}, {}]),
                step("UPSERT_BULK", "more", [{"objectId": ID, "n": 1}]),
                step("UPDATE_BULK", "some", {"conditional": "n = 1", "changes": {"n": 2}}),
                step("UPDATE_BULK", "these", {"unconditional": [ID], "changes": {"n": 2}}),
                step("DELETE_BULK", "none", {"conditional": "n = 2"}),
                step("FIND", "found", {"queryOptions": {"sortBy": "n desc"}, "pageSize": 5, "properties": "title"}),
                step(
                    "ADD_RELATION",
                    "liked",
                    {"parentObject": ID, "relationColumn": "likes", "unconditional": [OTHER_ID]},
                ),
            ),
            done(
                made=("CREATE", A_ROW),
                put=("UPSERT", {**NEW_ROW, "on": MADE_MS}),
                changed=("UPDATE", {**ROW, "n": 1}),
                gone=("DELETE", MADE_MS),
                many=("CREATE_BULK", [ID, OTHER_ID]),
                more=("UPSERT_BULK", [ID]),
                some=("UPDATE_BULK", 2),
                these=("UPDATE_BULK", 1),
                none=("DELETE_BULK", 0),
                found=("FIND", [{"title": "a", "___class": "Post"}]),
                liked=("ADD_RELATION", 1),
            ),
        ),
    ),
    case(
        "unit of work: what earlier ones answer",
        units(
            ("first", FIRST),
            ("authors", Find(class_name="Author", limit=10, select=("@id", "age"), exact=True)),
            (
                "second",
                Create(class_name="Post", changes={"n": Set(ResultOf("authors", 0, "age"))}, returning=EVERYTHING),
            ),
            (
                "third",
                Deferred(
                    item=Update(class_name="Post", id="", changes={"n": Set(2)}, returning=EVERYTHING),
                    fields={"id": ResultOf("first", None, "@id")},
                ),
            ),
            (
                "liked",
                Deferred(
                    item=Relate(class_name="Post", id="", field="likes", how=Relating.SET, ids=ResultOf("authors")),
                    fields={"id": ResultOf("second")},
                ),
            ),
        ),
        Result(
            items=[
                Result(id=ID, created_at=MADE_AT, object={**NEW, "title": "a"}),
                Result(objects=[{"@id": OTHER_ID, "age": 7}]),
                Result(id=OTHER_ID, created_at=MADE_AT, object={**NEW, "@id": OTHER_ID, "n": 7}),
                Result(id=ID, updated_at=CHANGED_AT, object={**SYSTEM, "n": 2}),
                Result(total=1),
            ]
        ),
        Wire(
            unit(
                step("CREATE", "first", {"title": "a"}),
                step("FIND", "authors", {"properties": "objectId, age"}, "Author"),
                step("CREATE", "second", {"n": ref("authors", 0, "age")}),
                step("UPDATE", "third", {"objectId": ref("first", None, "objectId"), "n": 2}),
                step(
                    "SET_RELATION",
                    "liked",
                    {"parentObject": ref("second"), "relationColumn": "likes", "unconditional": ref("authors")},
                ),
            ),
            done(
                first=("CREATE", A_ROW),
                authors=("FIND", [{"objectId": OTHER_ID, "age": 7, "___class": "Author"}]),
                second=("CREATE", {**NEW_ROW, "objectId": OTHER_ID, "n": 7}),
                third=("UPDATE", {**ROW, "n": 2}),
                liked=("SET_RELATION", 1),
            ),
        ),
    ),
    case(
        "unit of work: a column that is not there",
        units(("made", FIRST)),
        Failure(Code.NO_SUCH_COLUMN, "no", (("class_name", "Post"), ("field", "title"), ("item", "0"))),
        Wire(
            unit(step("CREATE", "made", {"title": "a"})),
            HttpResponse(
                200,
                {
                    "success": False,
                    "error": {"message": NO_COLUMN, "operation": step("CREATE", "made", {"title": "a"})},
                    "results": None,
                },
            ),
        ),
    ),
)


def column(name: str, type_: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "type": type_,
        "required": False,
        "defaultValue": None,
        "expression": None,
        "relatedTable": None,
        "customRegex": None,
        "autoLoad": False,
        "isPrimaryKey": False,
        **more,
    }


CITY = {
    "name": Field(Type(Kind.STRING), required=True),
    "size": Field(Type(Kind.NUMBER)),
    "since": Field(Type(Kind.DATE)),
    "mayor": Field(Type(Kind.POINTER, "_User")),
    "streets": Field(Type(Kind.RELATION, "Street")),
    "more": Field(Type(Kind.OBJECT)),
    "at": Field(Type(Kind.GEO_POINT)),
}
CITY_COLUMNS = [
    column("objectId", "STRING", isPrimaryKey=True),
    column("created", "DATETIME"),
    column("updated", "DATETIME"),
    column("ownerId", "STRING"),
    column("name", "STRING", required=True),
    column("size", "DOUBLE"),
    column("since", "DATETIME"),
    column("mayor", "RELATION", relatedTable="Users"),
    column("streets", "RELATION_LIST", relatedTable="Street"),
    column("more", "JSON"),
    column("at", "POINT"),
]

TABLES = (
    case(
        "describe a class",
        Describe(class_name="City"),
        Result(schema=ClassSchema("City", CITY)),
        Wire(get("/data/City/properties"), HttpResponse(200, CITY_COLUMNS)),
    ),
)
CITIES = {"City": {name: each.type for name, each in CITY.items()}}

CASES = without(
    "parse",
    *without("leancloud", *QUERIES, *WRITES, *RELATIONS, *UNITS, *(replace(one, columns=CITIES) for one in TABLES)),
)
