"""Devices that are registered again, with a server that does not tell which object they have."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.backends.known_devices import KnownDevices
from gateway.errors import Code, GatewayError
from gateway.model.operation import Caller, Create, Find, Operation, Result, Returning
from gateway.model.query import Condition, Op
from gateway.model.update import Set
from gateway.model.values import CREATED_AT, ID, UPDATED_AT, Date

CLIENT = Caller(app="blog", session="toms", installation_id="toms", context={"a": 1})
MADE = Date.from_ms(1)
CHANGED = Date.from_ms(2)


class Server:
    """Has a device with an id, and one with a token alone; says that it was changed, and no more.

    Beside the one that was changed it has others with the same token.
    """

    def __init__(self, fault: GatewayError | None = None, changed: Date | None = CHANGED) -> None:
        self.heard: list[tuple[Operation, Caller]] = []
        self.fault = fault
        self.changed = changed

    async def execute(self, op: Operation, caller: Caller) -> Result:
        self.heard.append((op, caller))
        if isinstance(op, Create):
            return Result(id="new") if "new" in str(op.changes) else Result(updated_at=self.changed, created=False)
        if self.fault is not None:
            raise self.fault
        assert isinstance(op, Find)
        assert isinstance(op.where, Condition)
        assert (op.where.op, op.select) == (Op.IN, (ID, CREATED_AT, UPDATED_AT))
        assert caller == Caller(app="blog", master=True), "nothing of the client goes with the master's question"
        known = {"installationId": "abc", "deviceToken": "token"}[op.where.field]
        assert isinstance(op.where.value, list)
        if known not in op.where.value:
            return Result(objects=[])
        times = {"else": MADE, known: CHANGED} if known == "token" else {known: CHANGED}
        return Result(objects=[{ID: id_, CREATED_AT: MADE, UPDATED_AT: time} for id_, time in times.items()])

    async def identify(self, caller: Caller) -> Caller:
        return caller

    async def close(self) -> None:
        pass


def device(*, class_name: str = "_Installation", returning: Returning = Returning.NOTHING, **names: Any) -> Create:
    return Create(class_name=class_name, changes={name: Set(text) for name, text in names.items()}, returning=returning)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ({"installationId": "ABC"}, "abc"),
        ({"deviceToken": "token"}, "token"),
        ({"installationId": "abc", "deviceToken": "token"}, "abc"),
        # of an object with that token it is not known that it was changed: the one that was has that id since
        ({"installationId": "other", "deviceToken": "token"}, None),
        ({"installationId": "other"}, None),
        ({"installationId": 5}, None),
    ],
)
async def test_who_registers_a_device_again_is_told_its_object(names: dict[str, Any], told: str | None) -> None:
    result = await KnownDevices(Server()).execute(device(**names), CLIENT)
    assert (result.id, result.created_at) == (told, None if told is None else MADE)
    assert (result.updated_at, result.created) == (CHANGED, False)


@pytest.mark.parametrize(
    "op",
    [
        device(installationId="new"),
        device(installationId="abc", returning=Returning.COMPUTED),
        device(installationId="abc", class_name="Post"),
    ],
)
async def test_nobody_is_looked_for_without_need(op: Create) -> None:
    server = Server()
    await KnownDevices(server).execute(op, CLIENT)
    assert server.heard == [(op, CLIENT)]


@pytest.mark.parametrize("changed", [Date.from_ms(3), None])
async def test_nobody_is_told_of_an_object_that_the_write_did_not_change(changed: Date | None) -> None:
    for op in (device(installationId="abc"), device(deviceToken="token")):
        result = await KnownDevices(Server(changed=changed)).execute(op, CLIENT)
        assert (result.id, result.created_at, result.updated_at) == (None, None, changed)


async def test_what_is_done_is_told_as_done_whatever_follows() -> None:
    server = Server(GatewayError(Code.UNAVAILABLE, "it is gone"))
    result = await KnownDevices(server).execute(device(installationId="abc"), CLIENT)
    assert (result.id, result.updated_at) == (None, CHANGED)
    assert len(server.heard) == 2
