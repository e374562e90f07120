"""Searches of texts, with what is marked in them, and conditions on words."""

from __future__ import annotations

from gateway.model.operation import Find, Result
from gateway.model.query import ANY_TEXT, And, Condition, Filter, Not, Op, Or, Phrase, Sort, Words
from gateway.wire import HttpResponse
from tests.cases import UNSUPPORTED, Case, Wire
from tests.cases.wires import CHANGED, CHANGED_AT, EMPTY, ID, MADE, MADE_AT, finding, get, posts

PATH = "/search/select"
NONE = HttpResponse(200, {"results": [], "hits": 0})
NOBODY = {"parse": UNSUPPORTED, "backendless": UNSUPPORTED}


def words(*some: str, field: str = ANY_TEXT, every: tuple[str, ...] = (), without: tuple[str, ...] = ()) -> Condition:
    return Condition(
        field, Op.TEXT, Words(tuple(map(Phrase, some)), tuple(map(Phrase, every)), tuple(map(Phrase, without)))
    )


def said(title: str, text: Filter, q: str, *also: str) -> Case:
    return Case(
        f"search: {title}",
        Find(class_name="Post", limit=100, with_acl=False, count=True, text=text),
        Result(objects=[], total=0),
        {
            **NOBODY,
            "leancloud": Wire(
                get(PATH, clazz="Post", q=q), NONE, tuple(get(PATH, clazz="Post", q=other) for other in also)
            ),
        },
    )


CASES: tuple[Case, ...] = (
    Case(
        "search: a page of several, with what was found marked",
        Find(
            class_name="Post",
            limit=1,
            skip=2,
            with_acl=False,
            count=True,
            text=words("hello"),
            text_fields=("title", "body"),
            highlights=("title",),
            order=(Sort("n", True), Sort("@created_at")),
            include=("author",),
        ),
        Result(
            objects=[
                {
                    "@id": ID,
                    "@created_at": MADE_AT,
                    "@updated_at": CHANGED_AT,
                    "title": "hello you",
                    "@highlights": {"title": ["<em>hello</em> you"]},
                }
            ],
            total=7,
            cursor="vr6ht8twaa1t5zy1",
        ),
        {
            **NOBODY,
            "leancloud": Wire(
                get(
                    PATH,
                    clazz="Post",
                    q='("hello")',
                    fields="title,body",
                    highlights="title",
                    order="-n,createdAt",
                    limit=1,
                    skip=2,
                    include="author",
                ),
                HttpResponse(
                    200,
                    {
                        "results": [
                            {
                                "objectId": ID,
                                "createdAt": MADE,
                                "updatedAt": CHANGED,
                                "title": "hello you",
                                "_highlight": {"title": ["<em>hello</em> you"]},
                                "_app_url": None,
                                "_deeplink": None,
                            }
                        ],
                        "hits": 7,
                        "sid": "vr6ht8twaa1t5zy1",
                    },
                ),
            ),
        },
    ),
    Case(
        "search: the next page, everything marked",
        Find(
            class_name="Post",
            limit=100,
            with_acl=False,
            count=True,
            text=words("hello"),
            highlights=("*",),
            cursor="vr6ht8twaa1t5zy1",
        ),
        Result(objects=[], total=0),
        {
            **NOBODY,
            "leancloud": Wire(get(PATH, clazz="Post", q='("hello")', highlights="*", sid="vr6ht8twaa1t5zy1"), NONE),
        },
    ),
    Case(
        "search: what has no value last",
        Find(
            class_name="Post",
            limit=100,
            with_acl=False,
            count=True,
            text=words("a"),
            order=(Sort("n", True, None, True),),
        ),
        Result(objects=[], total=0),
        {
            **NOBODY,
            "leancloud": Wire(
                get(PATH, clazz="Post", q='("a")', order="-n"),
                NONE,
                (),
                # without `sort` it is not said where what is missing stands
                Find(
                    class_name="Post", limit=100, with_acl=False, count=True, text=words("a"), order=(Sort("n", True),)
                ),
            ),
        },
    ),
    said("a word", words("dennis"), '("dennis")', "dennis", " dennis ", "(dennis)", '"dennis"'),
    said(
        "some of several words", words("可口", "可乐"), '("可口" "可乐")', "可口 可乐", "可口 OR 可乐", "可口 || 可乐"
    ),
    said("a phrase", words("lady gaga"), '("lady gaga")', '"lady gaga"'),
    said("of a field", words("咖啡", field="title"), 'title:("咖啡")', "title:咖啡", "title:(咖啡)", "title: 咖啡"),
    said(
        "signs",
        words("quick", every=("fox",), without=("news",)),
        '("quick" +"fox" -"news")',
        "quick +fox -news",
        "quick +fox NOT news",
        "quick +fox !news",
    ),
    said("all of them", words(every=("a", "b")), '(+"a" +"b")', "a AND b", "a && b", "+a +b"),
    said(
        "brackets",
        And((words("quick", "brown"), words("fox"))),
        '(("quick" "brown") AND ("fox"))',
        "(quick OR brown) AND fox",
    ),
    said(
        "of several fields",
        Or((words("a", field="title"), words("b", field="body"))),
        '(title:("a") OR body:("b"))',
        "title:a body:b",
    ),
    said(
        "the beginning of a word",
        Condition(ANY_TEXT, Op.TEXT, Words((Phrase("bro", prefix=True),))),
        "(bro*)",
        "bro*",
    ),
    said("everything", And(()), "*", "*:*"),
    said("what has a field", Condition("title", Op.EXISTS, True), "_exists_:title", "title:*"),
    said("what has it not", Condition("title", Op.EXISTS, False), "_missing_:title"),
    said("what stands for itself", words('a:b "c'), '("a:b \\"c")', '"a:b \\"c"'),
    said("an id", Condition("@id", Op.EQ, ID), f'objectId:"{ID}"', f"objectId:{ID}", f"objectId: {ID}"),
    said("all but some", And((And(()), Not(words("x")))), '(* AND NOT ("x"))', "* AND NOT x", "+* -x"),
    finding(
        "a word in a text",
        words("word", field="title"),
        {"title": {"$text": {"$search": {"$term": "word"}}}},
        {"title": {"$text": {"$search": {"$term": " word ", "$caseSensitive": False}}}},
        sql=UNSUPPORTED,
        leancloud=UNSUPPORTED,
    ),
    finding(
        "words, phrases, and what must not be there",
        words("coffee", "tea", field="title", every=("ice cream",), without=("milk", "hot dog")),
        {"title": {"$text": {"$search": {"$term": 'coffee tea "ice cream" -milk -"hot dog"'}}}},
        sql=UNSUPPORTED,
        leancloud=UNSUPPORTED,
    ),
    finding(
        "words in the manner of a language, whatever accents they have",
        Condition("title", Op.TEXT, Words((Phrase("leche"),), language="es", accents_alike=True)),
        {"title": {"$text": {"$search": {"$term": "leche", "$language": "es", "$diacriticSensitive": False}}}},
        sql=UNSUPPORTED,
        leancloud=UNSUPPORTED,
    ),
    Case(
        "the best match first, with what it is worth",
        Find(
            class_name="Post",
            limit=100,
            where=words("word", field="title"),
            order=(Sort("@score", descending=True),),
            select=("@score",),
        ),
        Result(objects=[]),
        {
            "parse": Wire(
                posts(where={"title": {"$text": {"$search": {"$term": "word"}}}}, order="$score", keys="$score"),
                EMPTY,
                (posts(where={"title": {"$text": {"$search": {"$term": "word"}}}}, order="-$score", keys="$score"),),
            ),
            "leancloud": UNSUPPORTED,
            "backendless": UNSUPPORTED,
        },
    ),
)
