"""Conditions, and the parameters of a query."""

from __future__ import annotations

from gateway.model.operation import Find, Result
from gateway.model.query import (
    And,
    Comparison,
    Condition,
    Filter,
    Inverse,
    JsonPath,
    Literal,
    Not,
    Op,
    Or,
    Regex,
    RelatedTo,
    Sort,
    Subquery,
)
from gateway.model.schema import Kind, Type
from gateway.model.values import Date, File, Pointer
from gateway.wire import HttpRequest, HttpResponse
from tests.cases import UNSUPPORTED, Case, Unsupported, Wire, columns_of_posts
from tests.cases.objects import TUNNEL
from tests.cases.wires import (
    CHANGED,
    CHANGED_AT,
    DATA,
    EMPTY,
    ID,
    MADE,
    MADE_AT,
    OTHER_ID,
    finding,
    finding_rows,
    get,
    posts,
    text,
)

DATE = {"__type": "Date", "iso": MADE}
AUTHOR = Pointer("Author", OTHER_ID)
AUTHOR_WIRE = {"__type": "Pointer", "className": "Author", "objectId": OTHER_ID}
ONE, TWO = Condition("a", Op.EQ, 1), Condition("b", Op.GT, 2)


def subquery(operator: str, **query: object) -> dict[str, object]:
    return {"author": {operator: {"className": "Author", "where": {"name": "x"}, **query}}}


NAMED_X = Subquery("Author", Condition("name", Op.EQ, "x"))
DATES = columns_of_posts(a=Type(Kind.DATE))

# What a text in the manner of SQL says in other words. There a comparison with null is unknown, so nulls are said; and
# a pointer is told by the id of what it points to, which is a query of its own
NULL = Condition("a", Op.EQ, None)


def not_equal(op: Op, field: str, value: object) -> Filter:
    there, missing = Condition(field, Op.NE, None), Condition(field, Op.EQ, None)
    return Or((And((Condition(field, op, value), there)), missing))


NEITHER = And((not_equal(Op.NE, "a", 1), Or((Condition("b", Op.LE, 2), Condition("b", Op.EQ, None)))))


def through(field: str, where: Filter) -> Condition:
    """By what stands behind a pointer to an author."""
    return Condition(field, Op.IN, Subquery("Author", where))


NAMED_X_IDS = Subquery("Author", Condition("name", Op.EQ, "x"), "@id")
NO_AUTHOR = Or((through("author", Condition("@id", Op.EQ, None)), Not(Condition("author", Op.IN, Subquery("Author")))))
BY_NO_SUCH_AUTHOR = Or(
    (
        through("author", And((Condition("@id", Op.NOT_IN, NAMED_X_IDS), Condition("@id", Op.NE, None)))),
        NO_AUTHOR,
    )
)
BY_BOSS = through(
    "author",
    Condition("@id", Op.IN, Subquery("Author", through("boss", Condition("@id", Op.IN, NAMED_X_IDS)), "@id")),
)
LIKED = Inverse("Post", "likes", Condition("@id", Op.EQ, ID))

CONDITIONS: tuple[Case, ...] = (
    finding(
        "equal to a number",
        ONE,
        {"a": 1},
        {"a": {"$eq": 1}},
        sql="a = 1",
        sql_also=("a=1", "1 = a", "(a = 1)", " a =1 "),
    ),
    finding("equal to text", Condition("a", Op.EQ, "x"), {"a": "x"}, sql="a = 'x'"),
    finding("equal to false", Condition("a", Op.EQ, False), {"a": False}, sql="a = false"),
    finding(
        "equal to null, or missing",
        Condition("a", Op.EQ, None),
        {"a": None},
        {"a": {"$eq": None}},
        sql="a is null",
        sql_also=("a = null", "not a is not null"),
    ),
    finding("equal to a date", Condition("a", Op.EQ, Date(MADE)), {"a": DATE}, sql="a = 1767323045678", columns=DATES),
    finding(
        "equal to a pointer",
        Condition("author", Op.EQ, AUTHOR),
        {"author": AUTHOR_WIRE},
        sql="author.objectId = 'Zq0wEr9tYu'",
        reads=through("author", Condition("@id", Op.EQ, OTHER_ID)),
    ),
    finding(
        "equal to a file",
        Condition("f", Op.EQ, File("a.txt", "https://files.example/a.txt")),
        {"f": {"__type": "File", "name": "a.txt", "url": "https://files.example/a.txt"}},
        sql="f = 'https://files.example/a.txt'",
    ),
    finding("equal to a list", Condition("a", Op.EQ, [1, 2]), {"a": [1, 2]}, sql=UNSUPPORTED),
    finding("equal to an object", Condition("a", Op.EQ, {"x": {"y": 1}}), {"a": {"x": {"y": 1}}}, sql=UNSUPPORTED),
    finding("equal to an empty object", Condition("a", Op.EQ, {}), {"a": {}}, sql=UNSUPPORTED),
    finding("inside an object", Condition("meta.x.y", Op.GT, 1), {"meta.x.y": {"$gt": 1}}, sql="meta->'$.x.y' > 1"),
    finding(
        "inside a list",
        Condition("list.0", Op.EQ, 1),
        {"list.0": 1},
        sql="list->'$[0]' = 1",
        reads=Comparison(JsonPath("list", (0,)), Op.EQ, Literal(1)),
    ),
    finding("by its id", Condition("@id", Op.EQ, ID), {"objectId": ID}, sql="objectId = '8L6sXvKq1T'"),
    finding(
        "by the time of its making",
        Condition("@created_at", Op.GT, Date(MADE)),
        {"createdAt": {"$gt": DATE}},
        sql="created > 1767323045678",
        sql_also=("created after 1767323045678",),
    ),
    finding(
        "not equal",
        Condition("a", Op.NE, 1),
        {"a": {"$ne": 1}},
        sql="a != 1 or a is null",
        sql_also=("a <> 1 or a is null",),
        reads=not_equal(Op.NE, "a", 1),
    ),
    finding(
        "not null",
        Condition("a", Op.NE, None),
        {"a": {"$ne": None}},
        sql="a is not null",
        sql_also=("a != null", "not a is null"),
    ),
    finding("less", Condition("a", Op.LT, 1), {"a": {"$lt": 1}}, sql="a < 1", sql_also=("1 > a",)),
    finding("less or equal", Condition("a", Op.LE, 1.5), {"a": {"$lte": 1.5}}, sql="a <= 1.5"),
    finding(
        "greater",
        Condition("a", Op.GT, "m"),
        {"a": {"$gt": "m"}},
        sql="a > 'm'",
        columns=columns_of_posts(a=Type(Kind.STRING)),
    ),
    finding(
        "greater or equal",
        Condition("a", Op.GE, Date(MADE)),
        {"a": {"$gte": DATE}},
        sql="a >= 1767323045678",
        sql_also=("a at or after 1767323045678",),
        columns=DATES,
    ),
    finding(
        "between",
        And((Condition("a", Op.GE, 1), Condition("a", Op.LT, 9))),
        {"a": {"$gte": 1, "$lt": 9}},
        {"$and": [{"a": {"$gte": 1}}, {"a": {"$lt": 9}}]},
        sql="a >= 1 and a < 9",
    ),
    finding(
        "one of a list",
        Condition("a", Op.IN, [1, "x", None]),
        {"a": {"$in": [1, "x", None]}},
        sql="a in (1, 'x') or a is null",
        reads=Or((Condition("a", Op.IN, [1, "x"]), NULL)),
    ),
    finding("one of no list", Condition("a", Op.IN, []), {"a": {"$in": []}}, sql="1 = 0", reads=Or(())),
    finding(
        "one of some pointers",
        Condition("author", Op.IN, [AUTHOR]),
        {"author": {"$in": [AUTHOR_WIRE]}},
        sql="author.objectId in ('Zq0wEr9tYu')",
        reads=through("author", Condition("@id", Op.IN, [OTHER_ID])),
    ),
    finding(
        "none of a list",
        Condition("a", Op.NOT_IN, [1, 2]),
        {"a": {"$nin": [1, 2]}},
        sql="a not in (1, 2) or a is null",
        reads=not_equal(Op.NOT_IN, "a", [1, 2]),
    ),
    finding(
        "exists",
        Condition("a", Op.EXISTS, True),
        {"a": {"$exists": True}},
        {"a": {"$exists": 1}},
        sql="a is not null",
        reads=Condition("a", Op.NE, None),
    ),
    finding("is missing", Condition("a", Op.EXISTS, False), {"a": {"$exists": False}}, sql="a is null", reads=NULL),
    finding("contains all", Condition("tags", Op.ALL, ["a", "b"]), {"tags": {"$all": ["a", "b"]}}, sql=UNSUPPORTED),
    finding(
        "contains all that match",
        Condition("tags", Op.ALL, [Regex("^a"), Regex("^b", "i")]),
        {"tags": {"$all": [{"$regex": "^a"}, {"$regex": "^b", "$options": "i"}]}},
        sql=UNSUPPORTED,
    ),
    finding("a list of two", Condition("tags", Op.SIZE, 2), {"tags": {"$size": 2}}, sql=UNSUPPORTED),
    finding(
        "a list of two, both known",
        And((Condition("tags", Op.SIZE, 2), Condition("tags", Op.ALL, ["a", "b"]))),
        {"tags": {"$size": 2, "$all": ["a", "b"]}},
        sql=UNSUPPORTED,
    ),
    finding(
        "contained by",
        Condition("tags", Op.CONTAINED_BY, ["a", "b"]),
        {"tags": {"$containedBy": ["a", "b"]}},
        sql=UNSUPPORTED,
    ),
    finding(
        "matches",
        Condition("a", Op.REGEX, Regex("^a.c$")),
        {"a": {"$regex": "^a.c$"}},
        {"a": {"$regex": "^a.c$", "$options": ""}},
        sql=UNSUPPORTED,
    ),
    finding(
        "matches, with options",
        Condition("a", Op.REGEX, Regex("^a", "im")),
        {"a": {"$regex": "^a", "$options": "im"}},
        {"a": {"$options": "mi", "$regex": "^a"}},
        {"a": {"$regex": "^a", "$options": "imu"}},
        sql=UNSUPPORTED,
    ),
    # startsWith of the SDKs, recorded
    finding(
        "begins with, quoted",
        Condition("a", Op.REGEX, Regex("^\\Qh.e\\E")),
        {"a": {"$regex": "^\\Qh.e\\E"}},
        sql=UNSUPPORTED,
    ),
    finding(
        "two fields",
        And((ONE, TWO)),
        {"a": 1, "b": {"$gt": 2}},
        {"$and": [{"a": 1}, {"b": {"$gt": 2}}]},
        sql="a = 1 and b > 2",
        sql_also=("a = 1 AND b > 2",),
    ),
    finding(
        "two fields as a list",
        And((ONE, TWO)),
        {"a": 1, "b": {"$gt": 2}},
        leancloud_also=([{"a": 1}, {"b": {"$gt": 2}}], [[{"a": 1}], {"b": {"$gt": 2}}]),
        sql="a = 1 and b > 2",
    ),
    finding(
        "two values of one field",
        And((Condition("a", Op.EQ, 1), Condition("a", Op.EQ, 2))),
        {"a": 1, "$and": [{"a": 2}]},
        {"$and": [{"a": 1}, {"a": 2}]},
        sql="a = 1 and a = 2",
    ),
    finding("either", Or((ONE, TWO)), {"$or": [{"a": 1}, {"b": {"$gt": 2}}]}, sql="a = 1 or b > 2"),
    finding(
        "either, beside a field",
        And((Or((ONE, TWO)), Condition("c", Op.EQ, 3))),
        {"$or": [{"a": 1}, {"b": {"$gt": 2}}], "c": 3},
        sql="(a = 1 or b > 2) and c = 3",
    ),
    finding(
        "either, and either",
        And((Or((ONE, TWO)), Or((TWO, ONE)))),
        {"$or": [{"a": 1}, {"b": {"$gt": 2}}], "$and": [{"$or": [{"b": {"$gt": 2}}, {"a": 1}]}]},
        {"$and": [{"$or": [{"a": 1}, {"b": {"$gt": 2}}]}, {"$or": [{"b": {"$gt": 2}}, {"a": 1}]}]},
        sql="(a = 1 or b > 2) and (b > 2 or a = 1)",
    ),
    finding(
        "either of two pairs",
        Or((And((ONE, TWO)), ONE)),
        {"$or": [{"a": 1, "b": {"$gt": 2}}, {"a": 1}]},
        sql="a = 1 and b > 2 or a = 1",
    ),
    finding("either, where one is everything", Or((And(()), ONE)), {"$or": [{}, {"a": 1}]}, sql="1 = 1 or a = 1"),
    finding("either of nothing", Or(()), {"$or": []}, sql="1 = 0"),
    finding(
        "neither",
        Not(Or((ONE, TWO))),
        {"$nor": [{"a": 1}, {"b": {"$gt": 2}}]},
        sql="(a != 1 or a is null) and (b <= 2 or b is null)",
        reads=NEITHER,
    ),
    finding(
        "either inside neither",
        Not(Or((Or((ONE, TWO)),))),
        {"$nor": [{"$or": [{"a": 1}, {"b": {"$gt": 2}}]}]},
        sql="(a != 1 or a is null) and (b <= 2 or b is null)",
        reads=NEITHER,
    ),
    finding(
        "a pointer to what a query finds",
        Condition("author", Op.IN, NAMED_X),
        subquery("$inQuery"),
        parse_also=(
            subquery("$inQuery", limit=3, skip=1, order="name", keys="name", include="boss", excludeKeys="age"),
            subquery("$inQuery", count=1, hint="x", readPreference="SECONDARY"),
        ),
        leancloud_also=(subquery("$inQuery", keys="name", include="boss", returnACL=True),),
        sql="author.objectId in (Author[name = 'x'].objectId)",
        reads=through("author", Condition("@id", Op.IN, NAMED_X_IDS)),
    ),
    finding(
        "a pointer to anything of a class",
        Condition("author", Op.IN, Subquery("Author")),
        {"author": {"$inQuery": {"className": "Author", "where": {}}}},
        sql="author.objectId in (Author.objectId)",
        reads=Condition("author", Op.IN, Subquery("Author", Condition("@id", Op.IN, Subquery("Author", None, "@id")))),
    ),
    finding(
        "a pointer to what the first page of a query finds",
        Condition("author", Op.IN, Subquery("Author", None, None, 3, 1, (Sort("name", descending=True),))),
        {"author": {"$inQuery": {"className": "Author", "where": {}, "limit": 3, "skip": 1, "order": "-name"}}},
        parse=UNSUPPORTED,
        sql=UNSUPPORTED,
    ),
    finding(
        "a pointer to nothing that a query finds",
        Condition("author", Op.NOT_IN, NAMED_X),
        subquery("$notInQuery"),
        sql="author.objectId not in (Author[name = 'x'].objectId) or author.objectId is null",
        reads=BY_NO_SUCH_AUTHOR,
    ),
    finding(
        "a value that stands in what a query finds",
        Condition("city", Op.IN, Subquery("Team", Condition("wins", Op.GT, 2), "home.city")),
        {"city": {"$select": {"query": {"className": "Team", "where": {"wins": {"$gt": 2}}}, "key": "home.city"}}},
        sql="city in (Team[wins > 2].home.city)",
    ),
    finding(
        "a value that stands in nothing that a query finds",
        Condition("city", Op.NOT_IN, Subquery("Team", None, "city")),
        {"city": {"$dontSelect": {"query": {"className": "Team", "where": {}}, "key": "city"}}},
        {"city": {"$dontSelect": {"query": {"className": "Team"}, "key": "city"}}},
        sql="city not in (Team.city) or city is null",
        reads=not_equal(Op.NOT_IN, "city", Subquery("Team", None, "city")),
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
        sql="author.objectId in (Author[boss.objectId in (Author[name = 'x'].objectId)].objectId)",
        reads=BY_BOSS,
    ),
    finding(
        "members of a relation",
        RelatedTo(Pointer("Post", ID), "likes"),
        {"$relatedTo": {"object": {"__type": "Pointer", "className": "Post", "objectId": ID}, "key": "likes"}},
        sql="Post[likes].objectId = '8L6sXvKq1T'",
        reads=LIKED,
    ),
    finding(
        "members of a relation, with a condition",
        And((RelatedTo(Pointer("Post", ID), "likes"), ONE)),
        {"$relatedTo": {"object": {"__type": "Pointer", "className": "Post", "objectId": ID}, "key": "likes"}, "a": 1},
        sql="Post[likes].objectId = '8L6sXvKq1T' and a = 1",
        reads=And((LIKED, ONE)),
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
        sql=UNSUPPORTED,
    ),
)


def asking(
    title: str, op: Find, parse: Wire, leancloud: Wire, table: Wire | Unsupported, result: Result | None = None
) -> Case:
    wires = {"parse": parse, "leancloud": leancloud, "backendless": table}
    return Case(title, op, result or Result(objects=[]), wires)


NAMED = ("@id", "@created_at", "@updated_at")
"""A table tells what is asked for, and nothing else."""
SYSTEM_ONLY = Find(class_name="Post", limit=100, select=NAMED)
META_ONLY = Find(class_name="Post", limit=100, select=("meta", *NAMED), exclude=("meta.x",))
ALL_INCLUDED = Find(class_name="Post", limit=100, include=("*",), members=10)

PARAMETERS: tuple[Case, ...] = (
    asking(
        "find: a page",
        Find(class_name="Post", limit=10, skip=20),
        Wire(posts(limit=10, skip=20), EMPTY, (HttpRequest("GET", "/classes/Post", {"limit": 10, "skip": 20}),)),
        Wire(posts(limit=10, skip=20, returnACL="true"), EMPTY),
        finding_rows({"offset": 20}, None, HttpRequest("GET", DATA, {"pageSize": "10", "offset": "20"})),
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
        finding_rows(
            {"pageSize": 100, "sortBy": "created desc, n, meta->'$.x' desc"},
            None,
            HttpRequest(
                "POST",
                f"{DATA}/find",
                body={"pageSize": 100, "sortBy": ["created desc", "n asc", "meta->'$.x' desc"]},
            ),
        ),
    ),
    asking(
        "find: all in one number",
        Find(class_name="Post", limit=0, count=True),
        Wire(posts(limit=0, count=1), HttpResponse(200, {"results": [], "count": 7}), (posts(limit=0, count="true"),)),
        Wire(posts(limit=0, count=1, returnACL="true"), HttpResponse(200, {"results": [], "count": 7})),
        Wire(
            HttpRequest("POST", f"{DATA}/count", body={}),
            HttpResponse(200, 7),
            (get(f"{DATA}/count"), HttpRequest("POST", f"{DATA}/count", body={"where": "", "groupBy": []})),
        ),
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
        UNSUPPORTED,
        Result(objects=[{"@id": ID, "@created_at": MADE_AT, "@updated_at": CHANGED_AT}], total=3),
    ),
    asking(
        "find: some fields",
        Find(class_name="Post", limit=100, select=("title", "meta.x")),
        Wire(posts(keys="title,meta.x"), EMPTY),
        Wire(posts(keys="title,meta.x", returnACL="true"), EMPTY),
        UNSUPPORTED,
    ),
    asking(
        "find: no fields but the system's",
        Find(class_name="Post", limit=100, select=()),
        Wire(posts(keys=""), EMPTY),
        Wire(posts(keys="", returnACL="true"), EMPTY),
        finding_rows({"pageSize": 100, "props": "objectId, created, updated"}, reads=SYSTEM_ONLY),
    ),
    asking(
        "find: not some fields",
        Find(class_name="Post", limit=100, exclude=("body", "meta.x")),
        Wire(posts(excludeKeys="body,meta.x"), EMPTY),
        Wire(posts(keys="-body,-meta.x", returnACL="true"), EMPTY),
        finding_rows({"pageSize": 100, "excludeProps": "body, meta->'$.x'"}),
    ),
    asking(
        "find: some fields, and not some of their parts",
        Find(class_name="Post", limit=100, select=("meta",), exclude=("meta.x",)),
        Wire(posts(keys="meta", excludeKeys="meta.x"), EMPTY),
        Wire(posts(keys="meta,-meta.x", returnACL="true"), EMPTY),
        finding_rows(
            {"pageSize": 100, "props": "meta, objectId, created, updated", "excludeProps": "meta->'$.x'"},
            reads=META_ONLY,
        ),
    ),
    asking(
        "find: pointers included",
        Find(class_name="Post", limit=100, include=("author", "author.boss")),
        Wire(posts(include="author,author.boss"), EMPTY),
        Wire(posts(include="author,author.boss", returnACL="true"), EMPTY),
        finding_rows({"pageSize": 100, "loadRelations": "author,author.boss"}),
    ),
    Case(
        "find: every pointer included",
        Find(class_name="Post", limit=100, include=("*",)),
        Result(objects=[]),
        {
            "parse": Wire(posts(include="*"), EMPTY, (HttpRequest("GET", "/classes/Post", {"includeAll": True}),)),
            "leancloud": UNSUPPORTED,
            "backendless": finding_rows({"pageSize": 100, "loadRelations": "*"}, reads=ALL_INCLUDED),
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
        UNSUPPORTED,
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
        UNSUPPORTED,
        Result(objects=[], total=0),
    ),
)

CASES = (*CONDITIONS, *PARAMETERS)
