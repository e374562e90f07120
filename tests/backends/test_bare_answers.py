"""Values of answers that do not tell of which kind they are: by the columns of their classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from gateway.backends.bare_answers import Understood, understand
from gateway.backends.columns import Columns
from gateway.errors import Code, GatewayError
from gateway.model.operation import (
    Batch,
    Caller,
    Create,
    Deferred,
    Find,
    FindRelated,
    Get,
    Operation,
    Result,
)
from gateway.model.query import Column, Output
from gateway.model.schema import Kind, Type
from gateway.model.update import Set
from gateway.model.values import Date, File, GeoPoint, Object, ResultOf

CLASSES: Mapping[str, Columns] = {
    "Person": {
        "name": Type(Kind.STRING),
        "born": Type(Kind.DATE),
        "photo": Type(Kind.FILE),
        "at": Type(Kind.GEO_POINT),
        "settings": Type(Kind.OBJECT),
        "friends": Type(Kind.RELATION, "Person"),
    }
}
DAY, DAY_MS = Date("2015-03-23T00:00:00.000Z"), 1427068800000
BORN = {"born": DAY}


def bare() -> dict[str, Any]:
    return {"born": DAY_MS}


GET = Get(class_name="Person", id="x")


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("born", DAY_MS, DAY),
        ("born", None, None),
        ("born", DAY, DAY),
        ("born", "soon", "soon"),
        ("photo", "https://x/a%20b.png", File("a b.png", "https://x/a%20b.png")),
        ("at", GeoPoint(1, 2), GeoPoint(1, 2)),
        ("at", "POINT(2 1)", GeoPoint(1, 2)),
        ("name", "POINT(2 1)", "POINT(2 1)"),
        ("settings", GeoPoint(1, 2), {"type": "Point", "coordinates": [2, 1]}),
        ("settings", [GeoPoint(1, 2), 3], [{"type": "Point", "coordinates": [2, 1]}, 3]),
        ("other", DAY_MS, DAY_MS),
    ],
)
def test_a_value_is_what_its_column_holds(field: str, value: Any, expected: Any) -> None:
    result = Result(object={field: value})
    understand(GET, result, CLASSES)
    assert result.object == {field: expected}


def test_so_is_one_of_several_objects_and_one_that_is_included() -> None:
    found = Result(objects=[bare(), {"friends": [Object("Person", bare())], "boss": Object("Other", bare())}])
    understand(Find(class_name="Person", limit=10), found, CLASSES)
    assert found.objects == [BORN, {"friends": [Object("Person", BORN)], "boss": Object("Other", bare())}]


def test_what_is_related_is_of_the_class_of_the_column() -> None:
    for field, expected in (("friends", BORN), ("nothing", bare())):
        found = Result(objects=[bare()])
        understand(FindRelated(class_name="Person", id="x", field=field, limit=10), found, CLASSES)
        assert found.objects == [expected]


def test_what_is_computed_is_of_no_column() -> None:
    found = Result(objects=[bare()])
    understand(Find(class_name="Person", limit=10, outputs=(Output("born", Column("age")),)), found, CLASSES)
    assert found.objects == [bare()]


def test_each_item_of_a_batch_has_a_class_of_its_own() -> None:
    made = Create(class_name="Person", changes={})
    late = Deferred(item=GET, fields={"id": ResultOf("a")})
    items: list[Result | GatewayError] = [
        Result(object=bare()),
        GatewayError(Code.INTERNAL, "no"),
        Result(object=bare()),
    ]
    understand(Batch(items=(made, made, late)), Result(items=items), CLASSES)
    assert [item.object for item in items if isinstance(item, Result)] == [BORN, BORN]


class Table:
    """A backend that answers as bare as tables do, and what is known of them."""

    async def execute(self, op: Operation, caller: Caller) -> Result:
        return Result(object=bare())

    async def identify(self, caller: Caller) -> Caller:
        return caller

    async def close(self) -> None:
        pass

    def known(self) -> Mapping[str, Columns]:
        return CLASSES

    def outdated(self) -> None:
        pass

    async def learned(self, class_names: Iterable[str] = ()) -> Mapping[str, Columns]:
        return CLASSES


async def test_a_backend_is_understood() -> None:
    table, caller = Table(), Caller("demo")
    backend = Understood(table, table)
    assert (await backend.execute(GET, caller)).object == BORN
    assert await backend.identify(caller) is caller


@pytest.mark.parametrize("field", ["name", "new"])
async def test_a_date_is_written_where_a_column_of_dates_is_and_nowhere_else(field: str) -> None:
    """As a number in another column it would come back as a number."""
    table, caller = Table(), Caller("demo")
    understood = Understood(table, table)
    day = Set(Date("2015-03-23T00:00:00.000Z"))
    await understood.execute(Create(class_name="Person", changes={"born": day}), caller)
    with pytest.raises(GatewayError) as refused:
        await understood.execute(Batch(items=(Create(class_name="Person", changes={field: day}),)), caller)
    assert (refused.value.code, refused.value.details["field"]) == (Code.UNSUPPORTED, field)
