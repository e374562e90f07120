"""Conditions, and the parameters of a query."""

from __future__ import annotations

from gateway.model.operation import Find, Result
from gateway.model.query import And, Condition, Not, Op, Or, Regex, RelatedTo, Sort, Subquery
from gateway.model.values import Date, File, Pointer
from gateway.wire import HttpRequest, HttpResponse
from tests.cases import UNSUPPORTED, Case, Wire
from tests.cases.objects import TUNNEL
from tests.cases.wires import CHANGED, CHANGED_AT, EMPTY, ID, MADE, MADE_AT, OTHER_ID, finding, posts, text

DATE = {"__type": "Date", "iso": MADE}
AUTHOR = Pointer("Author", OTHER_ID)
AUTHOR_WIRE = {"__type": "Pointer", "className": "Author", "objectId": OTHER_ID}
ONE, TWO = Condition("a", Op.EQ, 1), Condition("b", Op.GT, 2)


def subquery(operator: str, **query: object) -> dict[str, object]:
    return {"author": {operator: {"className": "Author", "where": {"name": "x"}, **query}}}


NAMED_X = Subquery("Author", Condition("name", Op.EQ, "x"))

CONDITIONS: tuple[Case, ...] = (
    finding("equal to a number", ONE, {"a": 1}, {"a": {"$eq": 1}}),
    finding("equal to text", Condition("a", Op.EQ, "x"), {"a": "x"}),
    finding("equal to false", Condition("a", Op.EQ, False), {"a": False}),
    finding("equal to null, or missing", Condition("a", Op.EQ, None), {"a": None}, {"a": {"$eq": None}}),
    finding("equal to a date", Condition("a", Op.EQ, Date(MADE)), {"a": DATE}),
    finding("equal to a pointer", Condition("author", Op.EQ, AUTHOR), {"author": AUTHOR_WIRE}),
    finding(
        "equal to a file",
        Condition("f", Op.EQ, File("a.txt", "https://files.example/a.txt")),
        {"f": {"__type": "File", "name": "a.txt", "url": "https://files.example/a.txt"}},
    ),
    finding("equal to a list", Condition("a", Op.EQ, [1, 2]), {"a": [1, 2]}),
    finding("equal to an object", Condition("a", Op.EQ, {"x": {"y": 1}}), {"a": {"x": {"y": 1}}}),
    finding("equal to an empty object", Condition("a", Op.EQ, {}), {"a": {}}),
    finding("inside an object", Condition("meta.x.y", Op.GT, 1), {"meta.x.y": {"$gt": 1}}),
    finding("inside a list", Condition("list.0", Op.EQ, 1), {"list.0": 1}),
    finding("by its id", Condition("@id", Op.EQ, ID), {"objectId": ID}),
    finding("by the time of its making", Condition("@created_at", Op.GT, Date(MADE)), {"createdAt": {"$gt": DATE}}),
    finding("not equal", Condition("a", Op.NE, 1), {"a": {"$ne": 1}}),
    finding("not null", Condition("a", Op.NE, None), {"a": {"$ne": None}}),
    finding("less", Condition("a", Op.LT, 1), {"a": {"$lt": 1}}),
    finding("less or equal", Condition("a", Op.LE, 1.5), {"a": {"$lte": 1.5}}),
    finding("greater", Condition("a", Op.GT, "m"), {"a": {"$gt": "m"}}),
    finding("greater or equal", Condition("a", Op.GE, Date(MADE)), {"a": {"$gte": DATE}}),
    finding(
        "between",
        And((Condition("a", Op.GE, 1), Condition("a", Op.LT, 9))),
        {"a": {"$gte": 1, "$lt": 9}},
        {"$and": [{"a": {"$gte": 1}}, {"a": {"$lt": 9}}]},
    ),
    finding("one of a list", Condition("a", Op.IN, [1, "x", None]), {"a": {"$in": [1, "x", None]}}),
    finding("one of no list", Condition("a", Op.IN, []), {"a": {"$in": []}}),
    finding("one of some pointers", Condition("author", Op.IN, [AUTHOR]), {"author": {"$in": [AUTHOR_WIRE]}}),
    finding("none of a list", Condition("a", Op.NOT_IN, [1, 2]), {"a": {"$nin": [1, 2]}}),
    finding("exists", Condition("a", Op.EXISTS, True), {"a": {"$exists": True}}, {"a": {"$exists": 1}}),
    finding("is missing", Condition("a", Op.EXISTS, False), {"a": {"$exists": False}}),
    finding("contains all", Condition("tags", Op.ALL, ["a", "b"]), {"tags": {"$all": ["a", "b"]}}),
    finding(
        "contains all that match",
        Condition("tags", Op.ALL, [Regex("^a"), Regex("^b", "i")]),
        {"tags": {"$all": [{"$regex": "^a"}, {"$regex": "^b", "$options": "i"}]}},
    ),
    finding("a list of two", Condition("tags", Op.SIZE, 2), {"tags": {"$size": 2}}),
    finding(
        "a list of two, both known",
        And((Condition("tags", Op.SIZE, 2), Condition("tags", Op.ALL, ["a", "b"]))),
        {"tags": {"$size": 2, "$all": ["a", "b"]}},
    ),
    finding("contained by", Condition("tags", Op.CONTAINED_BY, ["a", "b"]), {"tags": {"$containedBy": ["a", "b"]}}),
    finding(
        "matches",
        Condition("a", Op.REGEX, Regex("^a.c$")),
        {"a": {"$regex": "^a.c$"}},
        {"a": {"$regex": "^a.c$", "$options": ""}},
    ),
    finding(
        "matches, with options",
        Condition("a", Op.REGEX, Regex("^a", "im")),
        {"a": {"$regex": "^a", "$options": "im"}},
        {"a": {"$options": "mi", "$regex": "^a"}},
        {"a": {"$regex": "^a", "$options": "imu"}},
    ),
    # startsWith of the SDKs, recorded
    finding("begins with, quoted", Condition("a", Op.REGEX, Regex("^\\Qh.e\\E")), {"a": {"$regex": "^\\Qh.e\\E"}}),
    finding("two fields", And((ONE, TWO)), {"a": 1, "b": {"$gt": 2}}, {"$and": [{"a": 1}, {"b": {"$gt": 2}}]}),
    finding(
        "two fields as a list",
        And((ONE, TWO)),
        {"a": 1, "b": {"$gt": 2}},
        leancloud_also=([{"a": 1}, {"b": {"$gt": 2}}], [[{"a": 1}], {"b": {"$gt": 2}}]),
    ),
    finding(
        "two values of one field",
        And((Condition("a", Op.EQ, 1), Condition("a", Op.EQ, 2))),
        {"a": 1, "$and": [{"a": 2}]},
        {"$and": [{"a": 1}, {"a": 2}]},
    ),
    finding("either", Or((ONE, TWO)), {"$or": [{"a": 1}, {"b": {"$gt": 2}}]}),
    finding(
        "either, beside a field",
        And((Or((ONE, TWO)), Condition("c", Op.EQ, 3))),
        {"$or": [{"a": 1}, {"b": {"$gt": 2}}], "c": 3},
    ),
    finding(
        "either, and either",
        And((Or((ONE, TWO)), Or((TWO, ONE)))),
        {"$or": [{"a": 1}, {"b": {"$gt": 2}}], "$and": [{"$or": [{"b": {"$gt": 2}}, {"a": 1}]}]},
        {"$and": [{"$or": [{"a": 1}, {"b": {"$gt": 2}}]}, {"$or": [{"b": {"$gt": 2}}, {"a": 1}]}]},
    ),
    finding("either of two pairs", Or((And((ONE, TWO)), ONE)), {"$or": [{"a": 1, "b": {"$gt": 2}}, {"a": 1}]}),
    finding("either, where one is everything", Or((And(()), ONE)), {"$or": [{}, {"a": 1}]}),
    finding("either of nothing", Or(()), {"$or": []}),
    finding("neither", Not(Or((ONE, TWO))), {"$nor": [{"a": 1}, {"b": {"$gt": 2}}]}),
    finding("either inside neither", Not(Or((Or((ONE, TWO)),))), {"$nor": [{"$or": [{"a": 1}, {"b": {"$gt": 2}}]}]}),
    finding(
        "a pointer to what a query finds",
        Condition("author", Op.IN, NAMED_X),
        subquery("$inQuery"),
        parse_also=(
            subquery("$inQuery", limit=3, skip=1, order="name", keys="name", include="boss", excludeKeys="age"),
            subquery("$inQuery", count=1, hint="x", readPreference="SECONDARY"),
        ),
        leancloud_also=(subquery("$inQuery", keys="name", include="boss", returnACL=True),),
    ),
    finding(
        "a pointer to anything of a class",
        Condition("author", Op.IN, Subquery("Author")),
        {"author": {"$inQuery": {"className": "Author", "where": {}}}},
    ),
    finding(
        "a pointer to what the first page of a query finds",
        Condition("author", Op.IN, Subquery("Author", None, None, 3, 1, (Sort("name", descending=True),))),
        {"author": {"$inQuery": {"className": "Author", "where": {}, "limit": 3, "skip": 1, "order": "-name"}}},
        parse=UNSUPPORTED,
    ),
    finding(
        "a pointer to nothing that a query finds", Condition("author", Op.NOT_IN, NAMED_X), subquery("$notInQuery")
    ),
    finding(
        "a value that stands in what a query finds",
        Condition("city", Op.IN, Subquery("Team", Condition("wins", Op.GT, 2), "home.city")),
        {"city": {"$select": {"query": {"className": "Team", "where": {"wins": {"$gt": 2}}}, "key": "home.city"}}},
    ),
    finding(
        "a value that stands in nothing that a query finds",
        Condition("city", Op.NOT_IN, Subquery("Team", None, "city")),
        {"city": {"$dontSelect": {"query": {"className": "Team", "where": {}}, "key": "city"}}},
        {"city": {"$dontSelect": {"query": {"className": "Team"}, "key": "city"}}},
    ),
    finding(
        "a query in a query",
        Condition("author", Op.IN, Subquery("Author", Condition("boss", Op.IN, NAMED_X))),
        {
            "author": {
                "$inQuery": {
                    "className": "Author",
                    "where": {"boss": {"$inQuery": {"className": "Author", "where": {"name": "x"}}}},
                }
            }
        },
    ),
    finding(
        "members of a relation",
        RelatedTo(Pointer("Post", ID), "likes"),
        {"$relatedTo": {"object": {"__type": "Pointer", "className": "Post", "objectId": ID}, "key": "likes"}},
    ),
    finding(
        "members of a relation, with a condition",
        And((RelatedTo(Pointer("Post", ID), "likes"), ONE)),
        {"$relatedTo": {"object": {"__type": "Pointer", "className": "Post", "objectId": ID}, "key": "likes"}, "a": 1},
    ),
    # as the JavaScript SDK of LeanCloud sends it, recorded
    finding(
        "many conditions",
        And(
            (
                Condition("title", Op.EQ, "hello"),
                Condition("n", Op.NE, 5),
                Condition("@created_at", Op.GT, Date("2020-01-01T00:00:00.000Z")),
                Condition("tags", Op.IN, ["a"]),
                Condition("obj", Op.EXISTS, True),
                Condition("desc", Op.REGEX, Regex("^HE", "im")),
            )
        ),
        {
            "title": "hello",
            "n": {"$ne": 5},
            "createdAt": {"$gt": {"__type": "Date", "iso": "2020-01-01T00:00:00.000Z"}},
            "tags": {"$in": ["a"]},
            "obj": {"$exists": True},
            "desc": {"$regex": "^HE", "$options": "im"},
        },
    ),
)


def asking(title: str, op: Find, parse: Wire, leancloud: Wire, result: Result | None = None) -> Case:
    return Case(title, op, result or Result(objects=[]), {"parse": parse, "leancloud": leancloud})


PARAMETERS: tuple[Case, ...] = (
    asking(
        "find: a page",
        Find(class_name="Post", limit=10, skip=20),
        Wire(posts(limit=10, skip=20), EMPTY, (HttpRequest("GET", "/classes/Post", {"limit": 10, "skip": 20}),)),
        Wire(posts(limit=10, skip=20, returnACL="true"), EMPTY),
    ),
    asking(
        "find: in order",
        Find(
            class_name="Post",
            limit=100,
            order=(Sort("@created_at", descending=True), Sort("n"), Sort("meta.x", descending=True)),
        ),
        Wire(posts(order="-createdAt,n,-meta.x"), EMPTY, (posts(order=" -createdAt, n ,-meta.x"),)),
        Wire(posts(order="-createdAt,n,-meta.x", returnACL="true"), EMPTY),
    ),
    asking(
        "find: all in one number",
        Find(class_name="Post", limit=0, count=True),
        Wire(posts(limit=0, count=1), HttpResponse(200, {"results": [], "count": 7}), (posts(limit=0, count="true"),)),
        Wire(posts(limit=0, count=1, returnACL="true"), HttpResponse(200, {"results": [], "count": 7})),
        Result(objects=[], total=7),
    ),
    asking(
        "find: a page, and the number of all",
        Find(class_name="Post", limit=1, count=True, with_acl=False),
        Wire(
            posts(limit=1, count=1),
            HttpResponse(200, {"results": [{"objectId": ID, "createdAt": MADE, "updatedAt": CHANGED}], "count": 3}),
        ),
        Wire(
            posts(limit=1, count=1),
            HttpResponse(200, {"results": [{"objectId": ID, "createdAt": MADE, "updatedAt": CHANGED}], "count": 3}),
        ),
        Result(objects=[{"@id": ID, "@created_at": MADE_AT, "@updated_at": CHANGED_AT}], total=3),
    ),
    asking(
        "find: some fields",
        Find(class_name="Post", limit=100, select=("title", "meta.x")),
        Wire(posts(keys="title,meta.x"), EMPTY),
        Wire(posts(keys="title,meta.x", returnACL="true"), EMPTY),
    ),
    asking(
        "find: no fields but the system's",
        Find(class_name="Post", limit=100, select=()),
        Wire(posts(keys=""), EMPTY),
        Wire(posts(keys="", returnACL="true"), EMPTY),
    ),
    asking(
        "find: not some fields",
        Find(class_name="Post", limit=100, exclude=("body", "meta.x")),
        Wire(posts(excludeKeys="body,meta.x"), EMPTY),
        Wire(posts(keys="-body,-meta.x", returnACL="true"), EMPTY),
    ),
    asking(
        "find: some fields, and not some of their parts",
        Find(class_name="Post", limit=100, select=("meta",), exclude=("meta.x",)),
        Wire(posts(keys="meta", excludeKeys="meta.x"), EMPTY),
        Wire(posts(keys="meta,-meta.x", returnACL="true"), EMPTY),
    ),
    asking(
        "find: pointers included",
        Find(class_name="Post", limit=100, include=("author", "author.boss")),
        Wire(posts(include="author,author.boss"), EMPTY),
        Wire(posts(include="author,author.boss", returnACL="true"), EMPTY),
    ),
    Case(
        "find: every pointer included",
        Find(class_name="Post", limit=100, include=("*",)),
        Result(objects=[]),
        {
            "parse": Wire(posts(include="*"), EMPTY, (HttpRequest("GET", "/classes/Post", {"includeAll": True}),)),
            "leancloud": UNSUPPORTED,
        },
    ),
    asking(
        "find: through a relation field, whose class the answer tells",
        Find(class_name="Post", limit=100, where=RelatedTo(Pointer("Post", ID), "likes"), redirect_key="likes"),
        Wire(
            posts(
                redirectClassNameForKey="likes",
                where={
                    "$relatedTo": {"object": {"__type": "Pointer", "className": "Post", "objectId": ID}, "key": "likes"}
                },
            ),
            HttpResponse(200, {"results": [], "className": "Author"}),
        ),
        Wire(
            posts(
                redirectClassNameForKey="likes",
                where={
                    "$relatedTo": {"object": {"__type": "Pointer", "className": "Post", "objectId": ID}, "key": "likes"}
                },
                returnACL="true",
            ),
            HttpResponse(200, {"results": [], "className": "Author"}),
        ),
        Result(objects=[], class_name="Author"),
    ),
    # the JavaScript SDK, recorded: parameters in the body have types
    asking(
        "find: by everything at once",
        Find(
            class_name="Post",
            limit=5,
            skip=1,
            where=ONE,
            order=(Sort("a", descending=True),),
            count=True,
            select=("a", "child"),
            include=("child",),
        ),
        Wire(
            posts(where={"a": 1}, include="child", keys="a,child", limit=5, skip=1, order="-a", count=1),
            HttpResponse(200, {"results": [], "count": 0}),
            (
                HttpRequest(
                    "POST",
                    "/classes/Post",
                    body={
                        **TUNNEL,
                        "_method": "GET",
                        "where": {"a": 1},
                        "include": "child",
                        "keys": "a,child",
                        "limit": 5,
                        "skip": 1,
                        "order": "-a",
                        "count": 1,
                    },
                ),
                HttpRequest(
                    "GET",
                    "/classes/Post",
                    {"limit": "5"},
                    body={
                        "where": {"a": 1},
                        "include": "child",
                        "keys": "a,child",
                        "limit": 9,
                        "skip": 1,
                        "order": "-a",
                        "count": True,
                    },
                ),
                posts(
                    where={"a": 1},
                    include="child",
                    keys="a,child",
                    limit=5,
                    skip=1,
                    order="-a",
                    count=1,
                    hint="_id_",
                    comment="x",
                    readPreference="SECONDARY",
                ),
            ),
        ),
        Wire(
            posts(
                where={"a": 1}, include="child", keys="a,child", limit=5, skip=1, order="-a", count=1, returnACL="true"
            ),
            HttpResponse(200, {"results": [], "count": 0}),
            (
                HttpRequest(
                    "POST",
                    "/classes/Post",
                    body={
                        "_ApplicationId": "demo",
                        "_method": "GET",
                        "where": text({"a": 1}),
                        "include": "child",
                        "keys": "a,child",
                        "limit": "5",
                        "skip": "1",
                        "order": "-a",
                        "count": "1",
                        "returnACL": "true",
                    },
                ),
            ),
        ),
        Result(objects=[], total=0),
    ),
)

CASES = (*CONDITIONS, *PARAMETERS)
