"""Groups of groups, and the way to one, as the wire tells them: what is written is read back."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from gateway.app import mappings_directory
from gateway.dialects.dialect import Dialect
from gateway.errors import Code, GatewayError, MappingError
from gateway.mapping.schema import GroupsSection, read_mapping
from gateway.model.groups import Group, Level, Step
from gateway.model.operation import Credentials, FindGroups, Result
from gateway.model.values import CREATED_AT, ID, Date, Fields
from gateway.wire import HttpRequest, HttpResponse

DAY, DAY_MS = Date("2015-03-23T00:00:00.000Z"), 1427068800000
PATH = "/data/data-grouping/Item"


@cache
def spoken() -> Dialect:
    """The dialect that has groups."""
    path = next(path for path in mappings_directory().glob("*.yaml") if read_mapping(path).groups is not None)
    return Dialect(path.stem, read_mapping(path))


def asked(**body: Any) -> Any:
    return spoken().read_request(HttpRequest("POST", PATH, {}, {}, body, "http://x/a/b", {}))


def answered(level: Level, objects: list[Fields]) -> Any:
    reply = spoken().write_reply(asked(groupBy="at,kind"), Result(groups=level, objects=objects))
    return reply.body


def test_groups_are_written_inside_each_other() -> None:
    cup: Fields = {ID: "c", "name": "cup"}
    inner = Level([Group("kind", None, Level([cup])), Group("kind", "x", Level([], more=True))])
    body = answered(Level([Group("at", DAY, inner)], more=True), [cup])
    cups = {"groupBy": {"column": "kind", "value": None}, "hasNextPage": False, "items": [
        {"objectId": "c", "name": "cup", "___class": "Item"}
    ]}  # fmt: skip
    more = {"groupBy": {"column": "kind", "value": "x"}, "hasNextPage": True, "items": []}
    day = {"groupBy": {"column": "at", "value": DAY_MS}, "hasNextPage": False, "items": [cups, more]}
    assert body == {"hasNextPage": True, "items": [day]}


def test_a_system_field_has_its_name() -> None:
    body = answered(Level([Group(CREATED_AT, DAY, Level([], more=True))]), [])
    assert body["items"][0]["groupBy"] == {"column": "created", "value": DAY_MS}


def test_what_is_written_is_read() -> None:
    op = FindGroups(
        class_name="Item", limit=5, group_limit=6, object_limit=7, levels=1, group_by=("at", CREATED_AT), skip=3,
        path=(Step("kind", "x"), Step("name"), Step(ID, "i")), members=10, nulls=True, exact=True,
    )  # fmt: skip
    request = spoken().write_request(op, Credentials(), "")
    assert request.path == PATH
    assert request.body["groupPath"] == [
        {"column": "kind", "value": "x"},
        {"column": "name", "value": None},
        {"column": "objectId", "value": "i"},
    ]
    body = {**request.body, "groupPath": request.body["groupPath"]}
    read = asked(**body).op
    assert {name: getattr(read, name) for name in ("group_by", "path", "levels", "limit", "skip")} == {
        name: getattr(op, name) for name in ("group_by", "path", "levels", "limit", "skip")
    }
    assert (read.group_limit, read.object_limit) == (6, 7)


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_how_many_levels_are_opened_is_told(depth: int) -> None:
    """None is a number like any other: the vendor's default is 3."""
    op = asked(groupBy="created,kind", groupDepth=depth).op
    assert op.levels == depth
    assert spoken().write_request(op, Credentials()).body.get("groupDepth", 3) == depth


def test_a_backends_groups_are_read_with_their_objects() -> None:
    cup = {"objectId": "c", "name": "cup", "___class": "Item"}
    inner = {"groupBy": {"column": "kind", "value": None}, "hasNextPage": True, "isGroups": False, "items": [cup]}
    outer = {"groupBy": {"column": "created", "value": 5}, "hasNextPage": False, "isGroups": True, "items": [inner]}
    op = asked(groupBy="created,kind").op
    result = spoken().read_reply(op, HttpResponse(200, {"hasNextPage": False, "items": [outer]}))
    assert result.objects == [{ID: "c", "name": "cup"}]
    assert result.groups == Level(
        [Group(CREATED_AT, 5, Level([Group("kind", None, Level(result.objects, more=True))]))]
    )
    (first,) = result.groups.items[0].level.items[0].level.items
    assert first is result.objects[0]


@pytest.mark.parametrize("body", [{}, [], {"items": 3}, {"items": [3]}, {"items": [{"groupBy": 3, "items": []}]}])
def test_a_backend_that_answers_no_groups_is_not_understood(body: Any) -> None:
    with pytest.raises(GatewayError) as error:
        spoken().read_reply(asked(groupBy="kind").op, HttpResponse(200, body))
    assert error.value.code is Code.UNAVAILABLE


@pytest.mark.parametrize(
    "path",
    [
        *(3, True, ["kind"], [[]], [{}], [{"value": 1}], [{"column": 3}]),
        *([{"column": "k", "value": {}}], [{"column": "k", "value": []}]),
    ],
)
def test_what_leads_to_no_group_is_refused(path: Any) -> None:
    with pytest.raises(GatewayError) as error:
        asked(groupPath=path)
    assert error.value.code in (Code.BAD_QUERY, Code.BAD_VALUE)


def test_one_step_may_stand_alone() -> None:
    assert asked(groupPath={"column": "kind", "value": 7}).op.path == (Step("kind", 7),)
    assert asked(groupPath=None).op.path == ()


def test_a_template_that_lacks_a_slot_is_found() -> None:
    file = read_mapping(mappings_directory() / f"{spoken().name}.yaml")
    assert file.groups is not None
    for part, template in (
        ("step", {"column": "$field"}),
        ("level", {"items": "$items"}),
        ("group", {"items": "$items"}),
    ):
        section = GroupsSection.model_validate({**file.groups.model_dump(), part: template})
        with pytest.raises(MappingError, match=f"groups.{part}: must bind"):
            Dialect("x", file.model_copy(update={"groups": section}))
