# ruff: noqa: E501 - one operation, one line
"""Tables, end to end: requests as clients of a table service send them, over a real file, and what comes of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from gateway.authorise import Client, Guarded
from gateway.backends.accounts import Accounts, Policy
from gateway.backends.columns import Typed
from gateway.backends.embedded import Embedded
from gateway.dialects.dialect import Dialect
from gateway.pipeline import Front, serve
from gateway.wire import HttpRequest

BL_KEY, API_KEY = "cloud", "device"


class Tables:
    """A client: `ask` answers status and body, where times are told as whether there is one."""

    def __init__(self, front: Front) -> None:
        self._front = front

    async def ask(self, line: str, body: Any = None, *, key: str = API_KEY) -> Any:
        """`GET /data/T?where=a = 1`; the body of a good answer, else `(status, code, message)`."""
        method, _, rest = line.partition(" ")
        path, _, parameters = rest.partition("?")
        query: dict[str, Any] = {}
        for pair in filter(None, parameters.split("&")):
            name, _, value = pair.partition("=")
            query[name] = (query[name], value) if name in query else value
        holes = {"app_id": "APP", "api_key": key}
        request = HttpRequest(method, quote(path, safe="/:"), query, {}, deepcopy(body), f"http://h/APP/{key}", holes)
        answer = await serve(self._front, request)
        if answer.status != 200:
            return answer.status, answer.body["code"], answer.body["message"]
        return timeless(answer.body)


def timeless(wire: Any) -> Any:
    if isinstance(wire, list):
        return [timeless(part) for part in wire]
    if not isinstance(wire, dict):
        return wire
    return {
        key: type(value) is int if key in ("created", "updated", "deletionTime") else timeless(value)
        for key, value in wire.items()
    }


def row(id_: Any, *, updated: bool = False, table: str = "Person", **columns: Any) -> dict[str, Any]:
    """An object as it is told: all columns, and what every object has."""
    return {"objectId": id_, "created": True, "updated": updated, "ownerId": None, "___class": table, **columns}


COLUMNS: Mapping[str, str] = {
    "name": "STRING",
    "age": "INT",
    "born": "DATETIME",
    "ok": "BOOLEAN",
    "json": "JSON",
    "photo": "FILE_REF",
    "loc": "POINT",
}
NULLS: Mapping[str, Any] = dict.fromkeys(COLUMNS)


@pytest.fixture(params=[True], ids=["dynamic"])
async def tables(
    request: pytest.FixtureRequest, tmp_path: Path, dialects: Mapping[str, Dialect]
) -> AsyncIterator[Tables]:
    store = await Embedded.open(f"sqlite:///{tmp_path}/data.db".replace("sqlite:///", "sqlite:////"), secret=b"secret")
    backend = Typed(Accounts(store, Policy()), store, dynamic=request.param)
    client = Client(
        "demo", {"api_key": API_KEY, "cloud_code_key": BL_KEY}, Guarded(backend, custom_ids=True), "APP", frozenset()
    )
    found = Tables(Front(dialects["backendless"], {"APP": client}))
    columns = [{"name": name, "dataType": kind} for name, kind in COLUMNS.items()]
    columns += [
        {"name": "best", "dataType": "RELATION", "relatedTable": "Person"},
        {"name": "friends", "dataType": "RELATION_LIST", "relatedTable": "Person"},
    ]
    made = await found.ask("POST /management/data/table", {"name": "Person", "columns": columns}, key=BL_KEY)
    assert {column["name"] for column in made["columns"]} > COLUMNS.keys()
    people = [
        {"objectId": "1", "name": "Bob", "age": 20, "born": "2001-02-03T04:05:06.000Z"},
        {"objectId": "2", "name": "Jack", "age": 30, "ok": True},
        {"objectId": "3", "name": "Ann", "json": {"a": [1, 2], "b": "x"}},
    ]
    assert await found.ask("POST /data/bulk/Person", people) == ["1", "2", "3"]
    yield found
    await backend.close()


def person(id_: str, *, updated: bool = False, **columns: Any) -> dict[str, Any]:
    return row(id_, updated=updated, **{**NULLS, **columns})


BORN = 981173106000
BOB = person("1", name="Bob", age=20, born=BORN)
JACK = person("2", name="Jack", age=30, ok=True)
ANN = person("3", name="Ann", json={"a": [1, 2], "b": "x"})


def missing(id_: str) -> tuple[int, int, str]:
    return 404, 1000, f"Entity with ID {id_} not found"


def no_column(name: str) -> tuple[int, int, str]:
    return 400, 1054, f"Column '{name}' does not exist in table 'Person'"


NO_TABLE = (
    404,
    1009,
    (
        "Table not found by name 'Table not found by name 'Nope'. Make sure the client class referenced in the API call has"
        " the same literal name as the table in Backendless console'"
    ),
)


async def test_save_makes_and_changes(tables: Tables) -> None:
    made = await tables.ask("PUT /data/Person", {"name": "New", "born": BORN, "___class": "Person", "extra": None})
    assert made == person(made["objectId"], name="New", born=BORN)
    again = {**made, "age": 1, "created": BORN}
    assert await tables.ask("PUT /data/Person", again) == {**made, "age": 1, "updated": True}
    assert await tables.ask("POST /data/Person", {"objectId": "1", "ok": False}) == {
        **BOB,
        "ok": False,
        "updated": True,
    }
    assert await tables.ask("PUT /data/Person/2", {"age": None}) == {**JACK, "age": None, "updated": True}
    posted = await tables.ask("POST /data/Person", {"name": "Posted"})
    assert posted == person(posted["objectId"], name="Posted")
    assert await tables.ask("PUT /data/Person", {"objectId": "none", "age": 1}) == missing("none")
    assert await tables.ask("PUT /data/Person/none", {"age": 1}) == missing("none")


async def test_upsert_takes_ids(tables: Tables) -> None:
    assert await tables.ask("PUT /data/Person/upsert", {"objectId": "own", "age": 1}) == person("own", age=1)
    assert await tables.ask("PUT /data/Person/upsert", {"objectId": "own", "name": "x"}) == person(
        "own", age=1, name="x", updated=True
    )
    made = await tables.ask("PUT /data/Person/upsert", {"age": 2})
    assert made == person(made["objectId"], age=2)


async def test_a_save_makes_tables_and_columns(tables: Tables) -> None:
    made = await tables.ask("PUT /data/New", {"text": "x", "number": 1, "flag": True, "nothing": None})
    assert made == row(made["objectId"], table="New", text="x", number=1, flag=True)
    told = await tables.ask("GET /data/New/properties")
    assert {column["name"]: column["type"] for column in told} == {
        "objectId": "STRING",
        "created": "DATETIME",
        "updated": "DATETIME",
        "ownerId": "STRING",
        "text": "STRING",
        "number": "DOUBLE",
        "flag": "BOOLEAN",
    }
    assert await tables.ask("PUT /data/New", {"json": {"a": 1}}) == (
        400,
        1054,
        "Column 'json' does not exist in table 'New'",
    )


@pytest.mark.parametrize("tables", [False], indirect=True, ids=["fixed"])
async def test_without_a_dynamic_schema_nothing_is_made(tables: Tables) -> None:
    made = await tables.ask("PUT /data/Person", {"age": 1, "extra": "x"})
    assert made == person(made["objectId"], age=1)
    assert await tables.ask("PUT /data/Nope", {"age": 1}) == NO_TABLE


async def test_values_of_every_column(tables: Tables) -> None:
    point = {"type": "Point", "coordinates": [84.5, 86.5]}
    told = {"srsId": 4326, "___class": "com.backendless.persistence.Point", **point}
    body = {"objectId": "1", "born": "23-Mar-2015", "photo": "https://files/a.png", "loc": point, "json": {"n": None}}
    expected = {"born": 1427068800000, "photo": "https://files/a.png", "loc": told, "json": {"n": None}}
    assert await tables.ask("PUT /data/Person", body) == {**BOB, **expected, "updated": True}
    assert await tables.ask("GET /data/Person/1") == {**BOB, **expected, "updated": True}
    text = await tables.ask("PUT /data/Person", {"objectId": "2", "loc": "POINT(84.5 86.5)"})
    assert text["loc"] == told
    for name, value in (("age", "x"), ("ok", "x"), ("loc", "x")):
        assert await tables.ask("PUT /data/Person", {name: value}) == (
            400,
            1002,
            (
                f"Unable to save object - invalid data type for properties - {name}. "
                "You can change the property type in developer console."
            ),
        )
    refused = await tables.ask("PUT /data/Person", {"born": "soon"})
    assert refused == (400, 1002, "Invalid date format for property born")


async def test_what_is_computed(tables: Tables) -> None:
    def expression(text: str) -> dict[str, str]:
        return {"___class": "BackendlessExpression", "value": text}

    def operation(name: str, args: Any) -> dict[str, Any]:
        return {"___operation": name, "args": args}

    found = await tables.ask("PUT /data/Person", {"objectId": "1", "age": expression("age + 1")})
    assert found == {**BOB, "age": 21, "updated": True}
    found = await tables.ask("PUT /data/Person", {"objectId": "1", "age": expression("age * 2 - 1")})
    assert found["age"] == 41
    for name, args, json in (
        ("JSON_SET", {"$.a[0]": 5, "$.c": {"d": None}}, {"a": [5, 2], "b": "x", "c": {"d": None}}),
        ("JSON_INSERT", {"$.a[2]": 3, "$.b": "no"}, {"a": [5, 2, 3], "b": "x", "c": {"d": None}}),
        ("JSON_REPLACE", {"$.b": "y", "$.z": 1}, {"a": [5, 2, 3], "b": "y", "c": {"d": None}}),
        ("JSON_REMOVE", ["$.c", "$.a[0]"], {"a": [2, 3], "b": "y"}),
        ("JSON_ARRAY_APPEND", {"$.a": 4}, {"a": [2, 3, 4], "b": "y"}),
        ("JSON_ARRAY_INSERT", {"$.a[0]": 1}, {"a": [1, 2, 3, 4], "b": "y"}),
    ):
        found = await tables.ask("PUT /data/Person", {"objectId": "3", "json": operation(name, args)})
        assert found["json"] == json, name
    assert await tables.ask("PUT /data/Person", {"objectId": "1", "nope": expression("age")}) == no_column("nope")
    assert await tables.ask("PUT /data/Person", {"objectId": "1", "age": expression("nope")}) == no_column("nope")


async def test_remove(tables: Tables) -> None:
    assert await tables.ask("DELETE /data/Person/1") == {"deletionTime": True}
    assert await tables.ask("DELETE /data/Person", {"objectId": "2"}) == {"deletionTime": True}
    assert await tables.ask("DELETE /data/Person/1") == missing("1")
    assert await tables.ask("POST /data/Person/count", {}) == 1


async def test_find_by_post_and_by_get(tables: Tables) -> None:
    assert await tables.ask("POST /data/Person/find", {"sortBy": "created, objectId"}) == [BOB, JACK, ANN]
    assert await tables.ask("GET /data/Person?sortBy=age desc&where=age > 1&pageSize=1&offset=1") == [BOB]
    kept = [{"name": "Bob", "years": 20, "___class": "Person"}]
    assert await tables.ask("GET /data/Person?where=name = 'Bob'&property=name&property=age as years") == kept
    assert await tables.ask("GET /data/Person?where=name = 'Bob'&props=name,age as years") == kept
    assert (
        await tables.ask("POST /data/Person/find", {"where": "name='Bob'", "props": ["name", "age as years"]}) == kept
    )
    assert await tables.ask("POST /data/Person/find", {"offset": 10}) == []
    assert await tables.ask("GET /data/Person?excludeProps=created,updated,ownerId,age&where=age=30") == [
        {
            **{name: value for name, value in NULLS.items() if name != "age"},
            "name": "Jack",
            "ok": True,
            "objectId": "2",
            "___class": "Person",
        }
    ]


WHERES: tuple[tuple[str, list[str]], ...] = (
    ("1=1", ["1", "2", "3"]),
    ("age >= 20 and name like 'b%'", ["1"]),
    ("age is null", ["3"]),
    ("not age is null", ["1", "2"]),
    ("age != 20", ["2"]),
    ("objectId in ('1','3')", ["1", "3"]),
    ("born = 981173106000", ["1"]),
    ("born before '02/04/2001'", ["1"]),
    ("born at or after '2001-02-03T04:05:06.000Z'", ["1"]),
    ("ok = true", ["2"]),
    ("json->'$.b' = 'x'", ["3"]),
    ("json->'$.a[1]' > 1", ["3"]),
    ("updated is null", ["1", "2", "3"]),
    ("created > 1000", ["1", "2", "3"]),
    ("ownerId is null and name = 'Ann'", ["3"]),
    ("age in (Person[name='Bob'].age)", ["1"]),
)


@pytest.mark.parametrize(("where", "ids"), WHERES)
async def test_conditions(where: str, ids: list[str], tables: Tables) -> None:
    found = await tables.ask("POST /data/Person/find", {"where": where, "props": "objectId", "sortBy": "objectId"})
    assert [one["objectId"] for one in found] == ids
    assert await tables.ask("POST /data/Person/count", {"where": where}) == len(ids)


async def test_conditions_through_relations(tables: Tables) -> None:
    assert await tables.ask("POST /data/Person/1/friends", ["2", "3"]) == 2
    assert await tables.ask("POST /data/Person/3/friends", ["2"]) == 1
    assert await tables.ask("POST /data/Person/2/best", ["1"]) == 1

    async def ids(where: str) -> list[str]:
        found = await tables.ask("POST /data/Person/find", {"where": where, "sortBy": "objectId"})
        return [one["objectId"] for one in found]

    assert await ids("friends.name = 'Jack'") == ["1", "3"]
    # of one friend, not of two
    assert await ids("friends.age = 30 and friends.name = 'Ann'") == []
    assert await ids("friends.name = 'Jack' or friends.name = 'Ann'") == ["1", "3"]
    assert await ids("best.name = 'Bob'") == ["2"]
    assert await ids("best.born = 981173106000") == ["2"]
    assert await ids("best.friends.name = 'Ann'") == ["2"]
    assert await ids("best.objectId is null") == ["1", "3"]
    assert await ids("best.age is null") == ["1", "3"]
    assert await ids("Person[friends].objectId = '1'") == ["2", "3"]
    assert await tables.ask("POST /data/Person/find", {"where": "best.nope = 1"}) == no_column("nope")


async def test_whether_an_object_was_changed_is_told_without_the_time_it_was_made(tables: Tables) -> None:
    await tables.ask("PUT /data/Person", {"objectId": "1", "age": 1})
    found = await tables.ask("POST /data/Person/find", {"props": "objectId,updated", "sortBy": "objectId"})
    assert found == [
        {"objectId": "1", "updated": True, "___class": "Person"},
        {"objectId": "2", "updated": False, "___class": "Person"},
        {"objectId": "3", "updated": False, "___class": "Person"},
    ]
    assert await tables.ask("GET /data/Person/2?property=updated") == {"updated": False, "___class": "Person"}


async def test_first_and_last(tables: Tables) -> None:
    assert await tables.ask("GET /data/Person/first?sortBy=name") == ANN
    assert await tables.ask("GET /data/Person/last?sortBy=name desc") == JACK
    later = await tables.ask("PUT /data/Person", {"name": "Later"})
    assert await tables.ask("GET /data/Person/last") == later
    assert (await tables.ask("GET /data/Person/first?property=objectId"))["objectId"] in ("1", "2", "3")
    assert (await tables.ask("GET /data/Person/first?where=age > 100"))[:2] == (404, 1000)


async def test_find_by_id(tables: Tables) -> None:
    assert await tables.ask("GET /data/Person/1") == BOB
    assert await tables.ask("GET /data/Person/pk?objectId=1") == BOB
    assert await tables.ask("GET /data/Person/1?property=name&property=age") == {
        "name": "Bob",
        "age": 20,
        "___class": "Person",
    }
    assert await tables.ask("GET /data/Person/none") == missing("none")
    assert await tables.ask("GET /data/Nope/1") == NO_TABLE


async def test_counts_groups_and_rows(tables: Tables) -> None:
    await tables.ask("PUT /data/Person", {"name": "Bob", "age": 40})
    assert await tables.ask("GET /data/Person/count?where=age > 20") == 2
    assert await tables.ask("POST /data/Person/count", {"groupBy": ["name"]}) == 3
    assert await tables.ask("POST /data/Person/count", {"distinct": True, "props": "name"}) == 3
    query = {"props": "name,Count(objectId) as total,Avg(age)", "groupBy": "name", "having": "total > 1"}
    assert await tables.ask("POST /data/Person/find", query) == [
        {"name": "Bob", "total": 2, "avg": 30, "___class": "Person"}
    ]
    assert await tables.ask("POST /data/Person/find", {"props": "Count(objectId)"}) == [
        {"count": 4, "___class": "Person"}
    ]
    distinct = await tables.ask("POST /data/Person/find", {"props": "name", "distinct": True, "sortBy": "name"})
    assert [one["name"] for one in distinct] == ["Ann", "Bob", "Jack"]


@pytest.mark.parametrize(
    "query",
    [{"props": "nope"}, {"sortBy": "nope"}, {"where": "nope = 1"}, {"groupBy": "nope"}, {"loadRelations": "nope"}],
)
async def test_unknown_columns(query: dict[str, str], tables: Tables) -> None:
    assert await tables.ask("POST /data/Person/find", query) == no_column("nope")


async def test_pages(tables: Tables) -> None:
    await tables.ask("POST /data/bulk/Person", [{"age": n} for n in range(100, 120)])
    assert len(await tables.ask("POST /data/Person/find", {})) == 10
    assert len(await tables.ask("POST /data/Person/find", {"pageSize": 100})) == 23
    assert (await tables.ask("POST /data/Person/find", {"pageSize": 101}))[:2] == (400, 1025)


async def test_many_at_once(tables: Tables) -> None:
    first, second = await tables.ask("POST /data/bulk/Person", [{}, {"objectId": "own", "age": 1}])
    assert second == "own"
    assert await tables.ask(f"GET /data/Person/{first}") == person(first)
    assert (await tables.ask("POST /data/bulk/Person", [{"objectId": "1"}]))[:2] == (400, 1062)
    assert await tables.ask("PUT /data/bulkupsert/Person", [{"objectId": "1", "age": 21}, {"objectId": "x"}]) == [
        "1",
        "x",
    ]
    assert await tables.ask("GET /data/Person/1") == {**BOB, "age": 21, "updated": True}
    assert await tables.ask("PUT /data/bulk/Person?where=age > 20", {"age": 0}) == 2
    assert await tables.ask("PUT /data/bulk/Person?where=nope > 20", {"age": 0}) == no_column("nope")
    assert await tables.ask("POST /data/bulk/Person/delete", {"where": "age = 0"}) == 2
    assert await tables.ask("POST /data/bulk/Person/delete", {"where": "objectId in ('own','none')"}) == 1
    assert await tables.ask("DELETE /data/bulk/Person?where=1=1") == 3
    assert (await tables.ask("DELETE /data/bulk/Person"))[0] == 400


async def test_relations_to_many(tables: Tables) -> None:
    assert await tables.ask("POST /data/Person/1/friends", ["2", "3"]) == 2
    assert await tables.ask("GET /data/Person/1/friends?sortBy=name") == [ANN, JACK]
    assert await tables.ask("GET /data/Person/1/friends?where=age > 1&property=name") == [
        {"name": "Jack", "___class": "Person"}
    ]
    assert await tables.ask("POST /data/Person/1/friends/load", {"pageSize": 1, "offset": 1, "sortBy": "name"}) == [
        JACK
    ]
    assert await tables.ask("DELETE /data/Person/1/friends", ["2"]) == 1
    assert await tables.ask("PUT /data/Person/1/friends?whereClause=age > 1") == 2
    assert {one["objectId"] for one in await tables.ask("GET /data/Person/1/friends")} == {"1", "2", "3"}
    assert await tables.ask("DELETE /data/Person/1/friends?whereClause=1=1") == 3
    assert await tables.ask("GET /data/Person/1/friends") == []
    assert await tables.ask("POST /data/Person/1/friends", []) == 0
    assert await tables.ask("POST /data/Person/none/friends", ["2"]) == missing("none")
    assert await tables.ask("POST /data/Person/1/nope", ["2"]) == no_column("nope")
    assert await tables.ask("GET /data/Person/1/nope") == no_column("nope")
    assert await tables.ask("POST /data/Person/1/more:Person:n", ["2"]) == 1
    assert await tables.ask("POST /data/Person/1/nope:Nope:n", ["2"]) == NO_TABLE


async def test_relations_to_one(tables: Tables) -> None:
    assert await tables.ask("GET /data/Person/1/best") is None
    assert await tables.ask("POST /data/Person/1/best", ["2"]) == 1
    assert await tables.ask("GET /data/Person/1/best") == JACK
    assert await tables.ask("PUT /data/Person/1/best", ["3"]) == 1  # it holds one: the other is gone
    assert await tables.ask("GET /data/Person/1/best") == ANN
    assert await tables.ask("PUT /data/Person/1/home:Person:1", ["2"]) == 1
    assert await tables.ask("GET /data/Person/1/home?property=name") == {"name": "Jack", "___class": "Person"}
    assert await tables.ask("DELETE /data/Person/1/best", ["3"]) == 1
    assert await tables.ask("GET /data/Person/1/best") is None


async def test_relations_are_shown_where_they_are_asked_for(tables: Tables) -> None:
    await tables.ask("POST /data/Person/1/friends", ["2", "3"])
    await tables.ask("POST /data/Person/2/best", ["1"])
    bob = await tables.ask("GET /data/Person/1")
    assert "friends" not in bob
    assert "best" not in bob
    found = await tables.ask("GET /data/Person/1?loadRelations=friends,best")
    assert ({one["objectId"] for one in found["friends"]}, found["best"]) == ({"2", "3"}, None)
    assert "best" not in found["friends"][0]
    assert len((await tables.ask("GET /data/Person/1?loadRelations=friends&relationsPageSize=1"))["friends"]) == 1
    deep = await tables.ask("POST /data/Person/find", {"where": "objectId='2'", "loadRelations": "best.friends"})
    assert {one["objectId"] for one in deep[0]["best"]["friends"]} == {"2", "3"}
    every = await tables.ask("GET /data/Person/2?relationsDepth=1")
    assert (every["best"]["objectId"], every["friends"]) == ("1", [])
    assert "friends" not in every["best"]
    old = await tables.ask("PUT /data/Person/relations?loadRelations=best", {"objectId": "2", "name": "Jack"})
    assert old["best"]["objectId"] == "1"
    # what was found with its relations can be saved as it is: they have calls of their own
    saved = await tables.ask("PUT /data/Person", {**found, "age": 5, "friends": []})
    assert saved["age"] == 5
    assert len(await tables.ask("GET /data/Person/1/friends")) == 2


async def test_deep_save(tables: Tables) -> None:
    tree = {"name": "New", "best": {"objectId": "1", "age": 15}, "friends": [{"objectId": "2"}, {"name": "Baby"}]}
    saved = await tables.ask("PUT /data/Person/deep-save", tree)
    baby, jack = saved.pop("friends")
    assert saved == {**person(saved["objectId"], name="New"), "best": {**BOB, "age": 15, "updated": True}}
    assert (baby, jack) == (person(baby["objectId"], name="Baby"), JACK)  # the newest first
    known = saved["objectId"]
    again = await tables.ask(
        "PUT /data/Person/deep-save", {"objectId": known, "best": None, "friends": [{"objectId": "3"}]}
    )
    assert [one["objectId"] for one in again.pop("friends")] == ["3"]
    assert again == person(known, name="New", updated=True)
    assert await tables.ask(f"GET /data/Person/{known}/best") is None
    assert await tables.ask("GET /data/Person/2") == JACK
    emptied = await tables.ask("PUT /data/Person/deep-save", {"objectId": known, "friends": []})
    assert "friends" not in emptied
    assert await tables.ask("PUT /data/Person/deep-save", {"nope": {"a": 1}}) == no_column("nope")


async def test_columns_are_described(tables: Tables) -> None:
    told = {column["name"]: column for column in await tables.ask("GET /data/Person/properties")}
    assert list(told) == ["objectId", "created", "updated", "ownerId", *COLUMNS, "best", "friends"]
    kinds = {**COLUMNS, "age": "DOUBLE", "best": "RELATION", "friends": "RELATION_LIST"}
    assert {name: told[name]["type"] for name in kinds} == kinds
    assert (told["best"]["relatedTable"], told["name"]["relatedTable"]) == ("Person", None)
    assert await tables.ask("GET /data/Nope/properties") == NO_TABLE
    assert (await tables.ask("POST /management/data/table", {"name": "T", "columns": []}))[:2] == (403, 2011)


async def test_objects_are_told_in_groups(tables: Tables) -> None:
    def group(column: str, value: Any, *items: Any, more: bool = False) -> dict[str, Any]:
        return {"groupBy": {"column": column, "value": value}, "hasNextPage": more, "items": list(items)}

    found = await tables.ask("POST /data/data-grouping/Person", {"groupBy": "ok,born"})
    first = group("ok", None, group("born", None, ANN), group("born", BORN, BOB))
    assert found == {"hasNextPage": False, "items": [first, group("ok", True, group("born", None, JACK))]}
    asked: dict[str, Any] = {
        "groupBy": ["ok", "born"],
        "groupPath": [{"column": "ok", "value": None}],
        "groupDepth": 0,
        "pageSize": 1,
    }
    found = await tables.ask("POST /data/data-grouping/Person", asked)
    assert found == {"hasNextPage": True, "items": [group("born", None, more=True)]}
    asked["groupPath"].append({"column": "born", "value": BORN})
    assert await tables.ask("POST /data/data-grouping/Person", asked) == {"hasNextPage": False, "items": [BOB]}
    assert await tables.ask("POST /data/data-grouping/Person/count", asked) == 1
    assert await tables.ask("POST /data/data-grouping/Person", {"groupBy": "nope"}) == no_column("nope")
    assert await tables.ask("POST /data/data-grouping/Nope", {}) == NO_TABLE
    status, code, message = await tables.ask("POST /data/data-grouping/Person", {"having": "count(objectId) > 1"})
    assert (status, code, "having" in message) == (400, 8006, True)


@pytest.mark.parametrize("line", ["GET /data/ABC/table-name"])
async def test_what_the_vendor_has_besides_is_refused_in_words(line: str, tables: Tables) -> None:
    status, code, message = await tables.ask(line)
    assert (status, code) == (400, 8006)
    assert message


# --- units of work ---


def item(kind: str, payload: Any, name: str) -> dict[str, Any]:
    return {"operationType": kind, "table": "Person", "payload": payload, "opResultId": name}


def of(name: str, index: int | None = None, field: str | None = "objectId") -> dict[str, Any]:
    found: dict[str, Any] = {"___ref": True, "opResultId": name}
    if index is not None:
        found["resultIndex"] = index
    return found if field is None else {**found, "propName": field}


async def unit(tables: Tables, *items: dict[str, Any]) -> Any:
    return await tables.ask("POST /transaction/unit-of-work", {"operations": list(items)})


async def test_a_unit_of_work(tables: Tables) -> None:
    answer = await unit(
        tables,
        item("CREATE", {"name": "uow"}, "create"),
        item("UPDATE", {"objectId": of("create"), "age": {"___class": "BackendlessExpression", "value": "age + 1"}}, "update"),
        item("UPSERT", {"objectId": "own", "name": of("create", field="name")}, "upsert"),
        item("FIND", {"whereClause": "name = 'uow'", "queryOptions": {"sortBy": ["objectId"]}, "properties": ["objectId"]}, "find"),
        item("CREATE_BULK", [{"age": 1}, {"age": 2, "best": None}], "bulk"),
        item("UPSERT_BULK", [{"objectId": "b1"}], "upserts"),
        item("SET_RELATION", {"parentObject": of("create"), "relationColumn": "friends", "unconditional": of("bulk", field=None)}, "set"),
        item("ADD_RELATION", {"parentObject": of("create"), "relationColumn": "friends", "unconditional": [of("upsert"), "1"]}, "add"),
        item("DELETE_RELATION", {"parentObject": of("create"), "relationColumn": "friends", "conditional": "age = 20"}, "remove"),
        item("UPDATE_BULK", {"unconditional": of("bulk", field=None), "changes": {"ok": True}}, "updates"),
        item("DELETE_BULK", {"conditional": "objectId = 'b1'"}, "deletes"),
        item("DELETE", of("find", 0), "delete"),
    )  # fmt: skip
    assert (answer["success"], answer["error"]) == (True, None)
    results = {name: told["result"] for name, told in answer["results"].items()}
    known = results["create"]["objectId"]
    _, second = results["bulk"]
    assert results["create"] == person(known, name="uow")
    assert results["update"] == person(known, name="uow", age=1, updated=True)
    assert results["upsert"] == person("own", name="uow")
    assert results["find"] == [{"objectId": one, "___class": "Person"} for one in sorted(["own", known])]
    assert (results["upserts"], results["set"], results["add"], results["remove"]) == (["b1"], 2, 2, 1)
    assert (results["updates"], results["deletes"], type(results["delete"])) == (2, 1, int)
    assert await tables.ask(f"GET /data/Person/{second}") == person(second, age=2, ok=True, updated=True)
    left = {"own", known} - {results["find"][0]["objectId"]}
    assert {one["objectId"] for one in await tables.ask("GET /data/Person?where=name='uow'")} == left


async def test_a_unit_that_fails_leaves_nothing(tables: Tables) -> None:
    wrong = item("UPDATE", {"objectId": "none", "age": 1}, "second")
    answer = await unit(tables, item("CREATE", {"name": "gone"}, "first"), wrong)
    error = {"message": "Entity with ID none not found", "operation": wrong}
    assert answer == {"success": False, "error": error, "results": None}
    assert await tables.ask("GET /data/Person/count?where=name='gone'") == 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            item("CREATE", {"nope": 1}, "x"),
            (
                "Column 'nope' in table 'Person' does not exists. All tables and columns must be present in the database"
                " before a transaction is executed."
            ),
        ),
        (
            item("UPDATE_BULK", {"conditional": "1=1", "changes": {"nope": 1}}, "x"),
            (
                "Column 'nope' in table 'Person' does not exists. All tables and columns must be present in the database"
                " before a transaction is executed."
            ),
        ),
        ({**item("CREATE", {}, "x"), "table": "Nope"}, NO_TABLE[2]),
        (item("CREATE", {"born": "soon"}, "x"), "Invalid date format for property born"),
        (item("DELETE", "none", "x"), "Entity with ID none not found"),
        (item("CREATE_BULK", [{}] * 101, "x"), "Bulk create operation supports no more than 100 objects"),
    ],
)
async def test_why_a_unit_fails(wrong: dict[str, Any], message: str, tables: Tables) -> None:
    answer = await unit(tables, item("CREATE", {"name": "gone"}, "first"), wrong)
    assert answer == {"success": False, "error": {"message": message, "operation": wrong}, "results": None}
    assert await tables.ask("GET /data/Person/count") == 3
