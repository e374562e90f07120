"""A vendor's servers of another time: what they have not is not there, and a name that is nothing is a mistake."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from gateway.dialects.dialect import Dialect
from gateway.errors import MappingError
from gateway.mapping.editions import edition_of

EDITIONS = [("parse", "hosted")]


@pytest.mark.parametrize(("name", "edition"), EDITIONS)
def test_an_edition_has_less(name: str, edition: str, dialects: Mapping[str, Dialect]) -> None:
    whole = dialects[name]
    told = whole.file.editions[edition]
    less = whole.edition(edition)
    assert less.name == name
    assert less.operations == whole.operations - set(told.operations)
    assert less.file.limits.batch == told.batch
    assert less.file.limits.page.largest == told.largest_page
    assert less.subquery_most == told.subquery_most
    assert less.file.sent_headers == told.headers
    assert not {route.http for route in less.file.routes} & set(told.routes)
    assert not {key for route in less.file.routes for key in route.query} & set(told.parameters)
    assert less.file.where is not None
    assert not (less.file.where.operators.keys() | less.file.where.logic.keys()) & set(told.operators)


def test_every_edition_is_tested(dialects: Mapping[str, Dialect]) -> None:
    there = [(name, edition) for name, dialect in dialects.items() for edition in dialect.file.editions]
    assert there == EDITIONS


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ({"operations": ("nothing",)}, "editions.hosted.operations: there is no nothing"),
        ({"routes": ("GET /nothing",)}, "editions.hosted.routes: there is no GET /nothing"),
        ({"parameters": ("nothing",)}, "editions.hosted.parameters: there is no nothing"),
        ({"keys": {"GET /login": ("a",)}}, "editions.hosted.keys: there is no GET /login"),
        ({"keys": {"POST /batch": ("nothing",)}}, "editions.hosted.keys.POST /batch: there is no nothing"),
        ({"operators": ("nothing",)}, "editions.hosted.operators: there is no nothing"),
        ({"codecs": {"nothing": "text"}}, "editions.hosted.codecs: there is no nothing"),
    ],
    ids=str,
)
def test_what_is_taken_away_must_be_there(damage: Any, told: str, dialects: Mapping[str, Dialect]) -> None:
    file = dialects["parse"].file
    editions = {"hosted": file.editions["hosted"].model_copy(update=damage)}
    with pytest.raises(MappingError) as mistake:
        edition_of(file.model_copy(update={"editions": editions}), "hosted")
    assert str(mistake.value) == told
