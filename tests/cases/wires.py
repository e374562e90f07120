"""How rows of a table become cases, where all dialects say nearly the same."""

from __future__ import annotations

from typing import Any

import orjson

from gateway.model.operation import Find, Get, Result, Returning, Update
from gateway.model.query import Filter
from gateway.model.update import Changes
from gateway.model.values import Date, Fields
from gateway.wire import HttpRequest, HttpResponse
from tests.cases import Case, Unsupported, Wire

ID = "8L6sXvKq1T"
OTHER_ID = "Zq0wEr9tYu"
MADE = "2026-01-02T03:04:05.678Z"
CHANGED = "2026-02-03T04:05:06.789Z"
MADE_AT, CHANGED_AT = Date(MADE), Date(CHANGED)

PUBLIC = {"*": {"read": True, "write": True}}
NOTHING = Returning.NOTHING
"""What a write answers where a case does not say more; a dialect without the word reads its own default."""

PATH = f"/classes/Post/{ID}"
EMPTY = HttpResponse(200, {"results": []})


def text(wire: Any) -> str:
    """JSON, as it stands in a URL."""
    return orjson.dumps(wire).decode()


def get(path: str, **query: Any) -> HttpRequest:
    """A GET; what is no text in its query becomes JSON, as in a URL."""
    return HttpRequest(
        "GET", path, {name: wire if isinstance(wire, str) else text(wire) for name, wire in query.items()}
    )


def posts(**query: Any) -> HttpRequest:
    return get("/classes/Post", **query)


def finding(
    title: str,
    where: Filter,
    wire: Any,
    *also: Any,
    parse: Any = None,
    leancloud: Any = None,
    parse_also: tuple[Any, ...] = (),
    leancloud_also: tuple[Any, ...] = (),
) -> Case:
    """A query by `where`. `wire` is its JSON in both dialects, unless one of them has its own, or is UNSUPPORTED.

    `also` are other spellings of the JSON. In the body of a tunnelled or a nested request it is data, and not text.
    """

    def column(own: Any, own_also: tuple[Any, ...], **query: Any) -> Wire | Unsupported:
        if isinstance(own, Unsupported):
            return own
        told = wire if own is None else own
        spellings = (*also, *own_also)
        return Wire(
            posts(where=told, **query),
            EMPTY,
            (
                HttpRequest("GET", "/classes/Post", {"where": told, **query}),
                *(posts(where=other, **query) for other in spellings),
            ),
        )

    return Case(
        title,
        Find(class_name="Post", limit=100, where=where),
        Result(objects=[]),
        {"parse": column(parse, parse_also), "leancloud": column(leancloud, leancloud_also, returnACL="true")},
    )


def updating(
    title: str,
    changes: Changes,
    body: dict[str, Any],
    *also: dict[str, Any],
    parse: Unsupported | None = None,
) -> Case:
    """An update that answers no more than its time."""
    put = [HttpRequest("PUT", PATH, body=spelling) for spelling in (body, *also)]
    return Case(
        title,
        Update(class_name="Post", id=ID, changes=changes, returning=NOTHING),
        Result(id=ID, updated_at=CHANGED_AT),
        {
            "parse": parse or Wire(put[0], HttpResponse(200, {"updatedAt": CHANGED}), tuple(put[1:])),
            "leancloud": Wire(put[0], HttpResponse(200, {"objectId": ID, "updatedAt": CHANGED}), tuple(put[1:])),
        },
    )


def getting(title: str, fields: Fields, parse: dict[str, Any], leancloud: dict[str, Any] | None = None) -> Case:
    """One object, as it is answered."""
    system = {"objectId": ID, "createdAt": MADE, "updatedAt": CHANGED, "ACL": PUBLIC}
    return Case(
        title,
        Get(class_name="Post", id=ID),
        Result(object={"@id": ID, "@created_at": MADE_AT, "@updated_at": CHANGED_AT, "@acl": PUBLIC, **fields}),
        {
            "parse": Wire(get(PATH), HttpResponse(200, {**system, **parse})),
            "leancloud": Wire(get(PATH, returnACL="true"), HttpResponse(200, {**system, **(leancloud or parse)})),
        },
    )
