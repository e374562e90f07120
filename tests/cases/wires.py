"""How rows of a table become cases, where all dialects say nearly the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from gateway.backends.columns import Columns
from gateway.model.operation import Find, Get, Operation, Result, Returning, Update
from gateway.model.query import Filter
from gateway.model.update import Changes
from gateway.model.values import Date, Fields
from gateway.wire import HttpRequest, HttpResponse
from tests.cases import COLUMNS, UNSUPPORTED, Case, Unsupported, Wire

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

DATA = "/data/Post"
MADE_MS, CHANGED_MS = MADE_AT.ms, CHANGED_AT.ms
ROW: Mapping[str, Any] = {"objectId": ID, "created": MADE_MS, "updated": CHANGED_MS, "___class": "Post"}
NEW_ROW: Mapping[str, Any] = {**ROW, "updated": None}
"""The same as tables have it."""


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


def computed(expression: str) -> dict[str, Any]:
    return {"___class": "BackendlessExpression", "value": expression}


def rows(*found: Mapping[str, Any]) -> HttpResponse:
    return HttpResponse(200, [dict(row) for row in found])


def finding_rows(
    asked: Mapping[str, Any],
    response: HttpResponse | None = None,
    *also: HttpRequest,
    reads: Operation | None = None,
) -> Wire:
    """A query of a table; but for its page it can be asked by a GET as well."""
    query = {name: wire if isinstance(wire, str) else text(wire) for name, wire in asked.items()}
    return Wire(
        HttpRequest("POST", f"{DATA}/find", body=dict(asked)),
        response or rows(),
        (HttpRequest("GET", DATA, query), *also),
        reads=reads,
    )


def making_row(
    body: Mapping[str, Any],
    *also: Mapping[str, Any],
    shown: Mapping[str, Any] | None = None,
    told: Fields | None = None,
    reads: Operation | None = None,
) -> Wire:
    """A new object in a table. All of it is the answer: `shown` on the wire and `told`, if that is not what is sent."""
    shown = body if shown is None else shown
    spellings = [HttpRequest("PUT", DATA, body=dict(other)) for other in also]
    whole = {"@id": ID, "@created_at": MADE_AT, "@updated_at": MADE_AT, **(shown if told is None else told)}
    return Wire(
        HttpRequest("PUT", DATA, body=dict(body)),
        HttpResponse(200, {**NEW_ROW, **shown}),
        # the REST guide has POST; SDKs send the null of an object that has no id yet
        (
            HttpRequest("POST", DATA, body=dict(body)),
            HttpRequest("PUT", DATA, body={**body, "objectId": None}),
            *spellings,
        ),
        reads=reads,
        tells=Result(id=ID, created_at=MADE_AT, object=whole),
    )


def changing_row(
    body: Mapping[str, Any],
    *also: Mapping[str, Any],
    shown: Mapping[str, Any] | None = None,
    told: Fields | None = None,
    reads: Operation | None = None,
) -> Wire:
    """The same of an object that is there."""
    shown = body if shown is None else shown
    whole = {"@id": ID, "@created_at": MADE_AT, "@updated_at": CHANGED_AT, **(shown if told is None else told)}
    sent = {"objectId": ID, **body}
    # SDKs send what they have found along with what they change
    found = {**sent, "created": MADE_MS, "updated": None, "ownerId": None, "___class": "Post"}
    return Wire(
        HttpRequest("PUT", DATA, body=sent),
        HttpResponse(200, {**ROW, **shown}),
        (
            HttpRequest("POST", DATA, body=dict(sent)),
            HttpRequest("PUT", f"{DATA}/{ID}", body=dict(body)),
            HttpRequest("PUT", DATA, body=found),
            *(HttpRequest("PUT", DATA, body={"objectId": ID, **other}) for other in also),
        ),
        reads=reads,
        tells=Result(id=ID, updated_at=CHANGED_AT, object=whole),
    )


def finding(
    title: str,
    where: Filter,
    wire: Any,
    *also: Any,
    sql: str | Unsupported,
    sql_also: tuple[str, ...] = (),
    reads: Filter | None = None,
    parse: Any = None,
    leancloud: Any = None,
    parse_also: tuple[Any, ...] = (),
    leancloud_also: tuple[Any, ...] = (),
    columns: Mapping[str, Columns] = COLUMNS,
) -> Case:
    """A query by `where`. `wire` is its JSON in both dialects, unless one of them has its own, or is UNSUPPORTED.

    `also` are other spellings of the JSON. In the body of a tunnelled or a nested request it is data, and not text.
    `sql` is the same as text; where it says it in other words, `reads` is what these mean.
    """
    op = Find(class_name="Post", limit=100, where=where)

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

    def table() -> Wire | Unsupported:
        if isinstance(sql, Unsupported):
            return sql
        others = (HttpRequest("POST", f"{DATA}/find", body={"where": other, "pageSize": 100}) for other in sql_also)
        said = None if reads is None else Find(class_name="Post", limit=100, where=reads)
        return finding_rows({"where": sql, "pageSize": 100}, None, *others, reads=said)

    return Case(
        title,
        op,
        Result(objects=[]),
        {
            "parse": column(parse, parse_also),
            "leancloud": column(leancloud, leancloud_also, returnACL="true"),
            "backendless": table(),
        },
        columns,
    )


def updating(
    title: str,
    changes: Changes,
    body: dict[str, Any],
    *also: dict[str, Any],
    parse: Unsupported | None = None,
    table: Wire | Unsupported = UNSUPPORTED,
) -> Case:
    """An update that answers no more than its time.

    A table changes whole columns, and relations by requests of their own.
    """
    put = [HttpRequest("PUT", PATH, body=spelling) for spelling in (body, *also)]
    return Case(
        title,
        Update(class_name="Post", id=ID, changes=changes, returning=NOTHING),
        Result(id=ID, updated_at=CHANGED_AT),
        {
            "parse": parse or Wire(put[0], HttpResponse(200, {"updatedAt": CHANGED}), tuple(put[1:])),
            "leancloud": Wire(put[0], HttpResponse(200, {"objectId": ID, "updatedAt": CHANGED}), tuple(put[1:])),
            "backendless": table,
        },
    )


def getting(
    title: str,
    fields: Fields,
    parse: dict[str, Any],
    leancloud: dict[str, Any] | None,
    table: Mapping[str, Any] | HttpResponse,
    columns: Mapping[str, Columns],
) -> Case:
    """One object, as it is answered; in the place of a row of a table may be an answer of its own."""
    system = {"objectId": ID, "createdAt": MADE, "updatedAt": CHANGED, "ACL": PUBLIC}
    return Case(
        title,
        Get(class_name="Post", id=ID),
        Result(object={"@id": ID, "@created_at": MADE_AT, "@updated_at": CHANGED_AT, "@acl": PUBLIC, **fields}),
        {
            "parse": Wire(get(PATH), HttpResponse(200, {**system, **parse})),
            "leancloud": Wire(get(PATH, returnACL="true"), HttpResponse(200, {**system, **(leancloud or parse)})),
            "backendless": Wire(
                get(f"{DATA}/{ID}"),
                table if isinstance(table, HttpResponse) else HttpResponse(200, {**ROW, **table}),
            ),
        },
        columns,
    )
