"""Pushes by a webhook: what it is asked, and what its answers mean."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.adapters.base import Delivery, PushOutcome, PushTarget
from gateway.adapters.push import WebhookPusher
from gateway.adapters.webhook import Hook, Webhooks, signature
from gateway.errors import Code, GatewayError
from gateway.model.values import Date

SECRET = "a secret that both sides share"
FIRST = PushTarget(id="a", token="t1", device_type="ios", badge=3, time_zone="Europe/Paris", extras={"mood": [1]})
SECOND = PushTarget(id="b", token=None, device_type="android", installation_id="i2")


class Receiver:
    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.status, self.answer = 200, b""

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        assert request.headers["X-Gateway-Signature"] == signature(SECRET, request.headers["X-Gateway-Timestamp"], body)
        self.asked.append(orjson.loads(body))
        return web.Response(status=self.status, body=self.answer)


@pytest.fixture
async def both() -> AsyncIterator[tuple[WebhookPusher, Receiver]]:
    receiver, application = Receiver(), web.Application()
    application.router.add_post("/", receiver.handle)
    server = TestServer(application)
    await server.start_server()
    webhooks = Webhooks()
    hook = Hook(name="the push webhook", url=str(server.make_url("/")), secret=SECRET)
    yield WebhookPusher(webhooks, hook, app="blog"), receiver
    await webhooks.close()
    await server.close()


async def send(pusher: WebhookPusher) -> list[PushOutcome]:
    end = Date("2030-01-01T00:00:00.000Z")
    return list(await pusher.send([FIRST, SECOND], {"alert": "x"}, push_id="p", expires_at=end, production=False))


async def test_what_it_is_asked(both: tuple[WebhookPusher, Receiver]) -> None:
    pusher, receiver = both
    assert await send(pusher) == [PushOutcome(Delivery.SENT)] * 2
    unknown = {"installationId": None, "pushType": None, "appIdentifier": None}
    first = {"id": "a", "token": "t1", "deviceType": "ios", "timeZone": "Europe/Paris", "badge": 3}
    second: dict[str, Any] = {"id": "b", "token": None, "deviceType": "android", "timeZone": None, "badge": None}
    second |= {"extras": {}}
    assert receiver.asked == [
        {
            "event": "push.send",
            "app": "blog",
            "pushId": "p",
            "data": {"alert": "x"},
            "expiresAt": 1893456000000,
            "production": False,
            "targets": [{**unknown, **first, "extras": {"mood": [1]}}, {**unknown, **second, "installationId": "i2"}],
        }
    ]


async def test_what_became_of_some(both: tuple[WebhookPusher, Receiver]) -> None:
    pusher, receiver = both
    told = [{"id": "b", "outcome": "gone", "reason": "x" * 500}, {"id": "nobody", "outcome": "failed"}]
    receiver.answer = orjson.dumps({"outcomes": told})
    assert await send(pusher) == [PushOutcome(Delivery.SENT), PushOutcome(Delivery.GONE, "x" * 200)]


@pytest.mark.parametrize(
    "answer",
    [
        b"[]",
        b"no",
        b'{"outcomes":{}}',
        b'{"outcomes":[1]}',
        b'{"outcomes":[{"id":"a"}]}',
        b'{"outcomes":[{"outcome":"gone"}]}',
    ],
)
async def test_an_answer_that_is_not_understood_is_a_failure(
    both: tuple[WebhookPusher, Receiver], answer: bytes
) -> None:
    pusher, receiver = both
    receiver.answer = answer
    with pytest.raises(GatewayError) as told:
        await send(pusher)
    assert told.value.code is Code.UNAVAILABLE


@pytest.mark.parametrize("status", [400, 500])
async def test_a_receiver_that_fails_has_sent_nothing(both: tuple[WebhookPusher, Receiver], status: int) -> None:
    pusher, receiver = both
    receiver.status, receiver.answer = status, b"{}"
    with pytest.raises(GatewayError) as told:
        await send(pusher)
    assert told.value.code is Code.UNAVAILABLE
    assert "127.0.0.1" not in told.value.message
