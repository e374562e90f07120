"""Which object a device has: by Parse Server's rules, on a real store, and under races of two gateways on one file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.backends.accounts import Accounts, Policy
from gateway.backends.embedded import Embedded
from gateway.backends.installations import Installations
from gateway.errors import Code, GatewayError
from gateway.model.operation import (
    Batch,
    Caller,
    Create,
    CreateMany,
    DeepSave,
    Delete,
    Find,
    Get,
    NewObject,
    Operation,
    Result,
    Returning,
    Update,
    UpdateMany,
    Upsert,
)
from gateway.model.push import AUDIENCE, INSTALLATION
from gateway.model.query import Condition, Op, Subquery
from gateway.model.update import AddUnique, Change, Increment, Remove, Set, Unset
from gateway.model.values import ACL, Object, Pointer

CLIENT, MASTER = Caller(app="blog"), Caller(app="blog", master=True)
TOKEN = "0123456789ABCDEF" * 4


@dataclass
class Devices:
    backend: Installations
    store: Embedded

    async def do(self, op: Operation, caller: Caller = CLIENT) -> Result:
        return await self.backend.execute(op, caller)

    async def register(self, caller: Caller = CLIENT, **fields: Any) -> Result:
        return await self.do(Create(class_name=INSTALLATION, changes=changes(fields)), caller)

    async def change(self, id_: str | None, caller: Caller = CLIENT, **fields: Any) -> Result:
        assert id_ is not None
        return await self.do(Update(class_name=INSTALLATION, id=id_, changes=changes(fields)), caller)

    async def all(self) -> list[dict[str, Any]]:
        found = await self.do(Find(class_name=INSTALLATION, limit=1000), MASTER)
        return [{k: v for k, v in row.items() if k[0] != "@"} for row in found.objects or []]

    async def code(self, awaitable: Any) -> tuple[Code, str]:
        with pytest.raises(GatewayError) as told:
            await awaitable
        return told.value.code, told.value.message


def changes(fields: Mapping[str, Any]) -> dict[str, Change]:
    changed = (AddUnique, Remove, Unset, Increment)
    return {name: value if isinstance(value, changed) else Set(value) for name, value in fields.items()}


async def opened(path: Path) -> Devices:
    store = await Embedded.open(f"sqlite:///{path}", secret=b"x" * 32)
    return Devices(Installations(Accounts(store, Policy()), store), store)


@pytest.fixture
async def devices(tmp_path: Path) -> AsyncIterator[Devices]:
    found = await opened(tmp_path / "x.db")
    yield found
    await found.backend.close()


async def test_a_new_device(devices: Devices) -> None:
    made = await devices.register(deviceType="ios", deviceToken=TOKEN, channels=[""])
    assert made.created
    assert await devices.all() == [{"deviceType": "ios", "deviceToken": TOKEN.lower(), "channels": [""]}]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"deviceToken": "x"}, "deviceType must be specified in this operation"),
        ({"deviceToken": "x", "deviceType": ""}, "deviceType must be specified in this operation"),
        (
            {"deviceType": "ios"},
            "at least one ID field (deviceToken, installationId) must be specified in this operation",
        ),
    ],
)
async def test_what_a_new_one_must_have(devices: Devices, fields: dict[str, Any], message: str) -> None:
    assert await devices.code(devices.register(**fields)) == (Code.INSTALLATION_INCOMPLETE, message)


async def test_the_id_of_the_installation_that_asks_will_do(devices: Devices) -> None:
    asking = Caller(app="blog", installation_id="HDR-1")
    await devices.register(asking, deviceType="ios")
    assert await devices.all() == [{"deviceType": "ios", "installationId": "hdr-1"}]
    # the master asks for others
    told = await devices.code(
        devices.register(Caller(app="blog", installation_id="HDR-1", master=True), deviceType="ios")
    )
    assert told[0] is Code.INSTALLATION_INCOMPLETE


async def test_who_is_known_is_changed(devices: Devices) -> None:
    first = await devices.register(deviceType="android", installationId="abc-1", deviceToken="tok1")
    again = await devices.register(deviceType="android", installationId="abc-1", deviceToken="tok2", channels=["a"])
    assert (again.created, again.id, again.created_at) == (False, first.id, first.created_at)
    assert await devices.all() == [
        {"deviceType": "android", "installationId": "abc-1", "deviceToken": "tok2", "channels": ["a"]}
    ]
    assert (await devices.register(installationId="abc-1", badge=3)).id == first.id, "it needs no type any more"


async def test_a_token_moves_and_takes_the_old_object_with_it(devices: Devices) -> None:
    old = await devices.register(deviceType="android", installationId="one", deviceToken="tok")
    new = await devices.register(deviceType="android", installationId="two", deviceToken="tok")
    assert new.created
    assert [row["installationId"] for row in await devices.all()] == ["two"]
    assert (await devices.code(devices.do(Get(class_name=INSTALLATION, id=old.id or ""))))[0] is Code.OBJECT_NOT_FOUND


async def test_another_app_on_the_same_device_keeps_its_object(devices: Devices) -> None:
    await devices.register(deviceType="ios", installationId="one", deviceToken="tok", appIdentifier="a")
    await devices.register(deviceType="ios", installationId="two", deviceToken="tok", appIdentifier="b")
    assert {row["appIdentifier"] for row in await devices.all()} == {"a", "b"}
    told = await devices.code(devices.register(deviceType="ios", deviceToken="tok"))
    assert told == (
        Code.INSTALLATION_AMBIGUOUS,
        "Must specify installationId when deviceToken matches multiple Installation objects",
    )


async def test_who_had_a_token_alone_gets_its_id(devices: Devices) -> None:
    first = await devices.register(deviceType="ios", deviceToken="tok", channels=["a"])
    again = await devices.register(deviceType="ios", deviceToken="tok", installationId="one")
    assert (again.created, again.id) == (False, first.id)
    # and where both have an object, the older of the two stays
    second = await devices.register(deviceType="ios", deviceToken="other")
    merged = await devices.register(deviceType="ios", deviceToken="other", installationId="one")
    assert merged.id == second.id
    assert await devices.all() == [{"deviceType": "ios", "deviceToken": "other", "installationId": "one"}]


@pytest.mark.parametrize(("field", "value"), [("deviceType", "ios"), ("installationId", "zzz")])
async def test_what_cannot_change(devices: Devices, field: str, value: str) -> None:
    made = await devices.register(deviceType="android", installationId="one", deviceToken="tok")
    told = await devices.code(devices.change(made.id, CLIENT, **{field: value}))
    assert told == (Code.INSTALLATION_FIXED, f"{field} may not be changed in this operation")
    await devices.change(made.id, deviceType="android", installationId="one", deviceToken="tok2", mood="good")


async def test_a_token_alone_cannot_change(devices: Devices) -> None:
    made = await devices.register(deviceType="ios", deviceToken="tok")
    told = await devices.code(devices.change(made.id, deviceToken="other"))
    assert told == (Code.INSTALLATION_FIXED, "deviceToken may not be changed in this operation")
    await devices.change(made.id, deviceToken="other", installationId="one")
    assert (await devices.all())[0]["deviceToken"] == "other"


async def test_a_change_takes_the_token_from_others(devices: Devices) -> None:
    await devices.register(deviceType="ios", installationId="one", deviceToken="tok")
    made = await devices.register(deviceType="ios", installationId="two", deviceToken="old")
    await devices.change(made.id, deviceToken="tok")
    assert [row["installationId"] for row in await devices.all()] == ["two"]


async def test_channels_and_badges_are_fields_like_others(devices: Devices) -> None:
    made = await devices.register(deviceType="ios", deviceToken="tok")
    await devices.change(made.id, channels=AddUnique(("a", "b")), badge=Increment(2))
    await devices.change(made.id, channels=Remove(("a",)), badge=Increment(1))
    assert (await devices.all())[0] == {"deviceType": "ios", "deviceToken": "tok", "channels": ["b"], "badge": 3}


@pytest.mark.parametrize(
    ("field", "value"), [("deviceToken", 5), ("channels", "a"), ("badge", "1"), ("timeZone", {"a": 1})]
)
async def test_types(devices: Devices, field: str, value: Any) -> None:
    told = await devices.code(devices.register(**{"deviceType": "ios", "installationId": "one", field: value}))
    assert told[0] is Code.TYPE_MISMATCH
    told = await devices.code(devices.register(deviceType="ios", installationId="one", deviceToken=Increment(1)))
    assert told[0] is Code.BAD_VALUE


async def test_lists_of_access_hold(devices: Devices) -> None:
    owner = Caller(app="blog", user_id="u1")
    made = await devices.register(
        owner, deviceType="ios", installationId="one", deviceToken="tok", **{ACL: {"u1": {"read": True, "write": True}}}
    )
    for asked in (
        devices.change(made.id, deviceToken="mine"),
        devices.change(made.id, mood="bad"),
        devices.register(deviceType="ios", installationId="one", deviceToken="mine"),
    ):
        assert (await devices.code(asked))[0] is Code.OBJECT_NOT_FOUND
    await devices.change(made.id, owner, deviceToken="new")
    assert (await devices.all())[0]["deviceToken"] == "new"


QUERIES: Mapping[str, Operation] = {
    "all": Find(class_name=INSTALLATION, limit=10),
    "one": Find(class_name=INSTALLATION, limit=10, where=Condition("@id", Op.EQ, "x")),
    "a count": Find(class_name=INSTALLATION, limit=0, count=True),
    "within another": Find(
        class_name="Post",
        limit=10,
        where=Condition("device", Op.IN, Subquery(INSTALLATION, Condition("deviceToken", Op.EQ, "tok"))),
    ),
    "behind a pointer": Find(class_name="Post", limit=10, redirect_key="device"),
    "a deletion": Delete(class_name=INSTALLATION, ids=("x",)),
}


@pytest.mark.parametrize("name", QUERIES)
async def test_nobody_but_the_master_looks_for_devices(devices: Devices, name: str) -> None:
    """The store itself refuses it, whoever forgets to ask before."""
    made = await devices.register(deviceType="ios", deviceToken="tok")
    pointer: dict[str, Change] = {"device": Set(Pointer(INSTALLATION, made.id or ""))}
    await devices.do(Create(class_name="Post", changes=pointer))
    assert (await devices.code(devices.do(QUERIES[name])))[0] is Code.FORBIDDEN


async def test_no_device_is_shown_in_the_place_of_a_pointer(devices: Devices) -> None:
    made = await devices.register(deviceType="ios", deviceToken="tok")
    pointer = Pointer(INSTALLATION, made.id or "")
    await devices.do(Create(class_name="Post", changes={"device": Set(pointer), "list": Set([pointer])}))
    page = Find(class_name="Post", limit=1, include=("device", "list"))
    (shown,) = (await devices.do(page)).objects or []
    assert "tok" not in repr(shown)
    (shown,) = (await devices.do(page, MASTER)).objects or []
    assert shown["device"].fields["deviceToken"] == "tok"


WHOLESALE: Mapping[str, Operation] = {
    "many": CreateMany(class_name=INSTALLATION, objects=(NewObject({"deviceToken": Set("tok")}),)),
    "an upsert": Upsert(class_name=INSTALLATION, id="x", changes={"deviceToken": Set("tok")}),
    "a change of many": UpdateMany(class_name=INSTALLATION, changes={"deviceToken": Set("tok")}),
    "a tree": DeepSave(class_name=INSTALLATION, tree={"deviceToken": "tok"}),
    "in a tree": DeepSave(class_name="Post", tree={"device": Object(INSTALLATION, {"deviceToken": "tok"})}),
}


@pytest.mark.parametrize("name", WHOLESALE)
async def test_they_are_not_written_past_the_rules(devices: Devices, name: str) -> None:
    for op in (WHOLESALE[name], Batch(items=(WHOLESALE[name],)), Batch(items=(WHOLESALE[name],), atomic=True)):
        assert (await devices.code(devices.do(op, MASTER)))[0] is Code.UNSUPPORTED


async def test_in_a_batch_each_is_answered(devices: Devices) -> None:
    good: dict[str, Change] = {"deviceType": Set("ios"), "deviceToken": Set("tok")}
    items = (
        Create(class_name=INSTALLATION, changes=good),
        Create(class_name=INSTALLATION, changes={"deviceToken": Set("x")}),
        Create(class_name="Post", changes={"n": Set(1)}),
    )
    first, second, third = (await devices.do(Batch(items=items))).items or []
    assert isinstance(first, Result)
    assert isinstance(second, GatewayError)
    assert second.code is Code.INSTALLATION_INCOMPLETE
    assert isinstance(third, Result)
    with pytest.raises(GatewayError) as told:
        await devices.do(Batch(items=items, atomic=True))
    assert (told.value.code, told.value.details["item"]) == (Code.UNSUPPORTED, "0")


async def test_an_audience_is_asked_for_as_json(devices: Devices) -> None:
    query = '{"channels": {"$in": ["a"]}, "deviceType": "ios"}'
    op = Create(class_name=AUDIENCE, changes={"name": Set("A"), "query": Set(query)}, returning=Returning.NOTHING)
    await devices.do(op, MASTER)
    await devices.do(Batch(items=(op,)), MASTER)
    found = (await devices.do(Find(class_name=AUDIENCE, limit=9), MASTER)).objects or []
    assert [row["query"] for row in found] == [{"channels": {"$in": ["a"]}, "deviceType": "ios"}] * 2


async def test_one_token_is_one_device_however_many_register_it_at_once(tmp_path: Path) -> None:
    """Two gateways on one file."""
    gateways = [await opened(tmp_path / "x.db"), await opened(tmp_path / "x.db")]
    await asyncio.gather(
        *(
            gateways[number % 2].register(deviceType="ios", installationId=f"i{number % 4}", deviceToken="tok")
            for number in range(16)
        ),
        *(gateways[number % 2].register(deviceType="ios", deviceToken="other") for number in range(8)),
        *(gateways[number % 2].register(deviceType="ios", installationId="same", mood=number) for number in range(8)),
    )
    found = await gateways[0].all()
    assert len([row for row in found if row.get("deviceToken") == "tok"]) == 1
    assert len([row for row in found if row.get("deviceToken") == "other"]) == 1
    assert len([row for row in found if row.get("installationId") == "same"]) == 1
    for gateway in gateways:
        await gateway.backend.close()
