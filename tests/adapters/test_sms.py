"""Text messages: what the receiver is asked, and what its answers mean."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from gateway.adapters.base import TextMessage
from gateway.adapters.sms import WebhookTexter
from gateway.adapters.webhook import Hook, Webhooks
from gateway.errors import Code, GatewayError
from tests.outside import OutsideWorld, hook_server

MESSAGE = TextMessage(
    phone="+8618200008888",
    code="123456",
    template="welcome",
    signature="Blog",
    variables={"name": "Zoë"},
    purpose="verify_phone",
    voice=True,
    app="blog",
    ttl_minutes=10,
)


@pytest.fixture
async def webhooks() -> AsyncIterator[Webhooks]:
    pool = Webhooks()
    yield pool
    await pool.close()


async def test_what_the_receiver_is_asked(outside: OutsideWorld) -> None:
    async with outside.outside() as adapters:
        assert adapters.texter is not None
        await adapters.texter.send(MESSAGE)
    assert outside.messages == [
        {
            "event": "sms.send",
            "app": "blog",
            "phone": "+8618200008888",
            "code": "123456",
            "template": "welcome",
            "signature": "Blog",
            "variables": {"name": "Zoë"},
            "purpose": "verify_phone",
            "voice": True,
            "ttlMinutes": 10,
        }
    ]


@pytest.mark.parametrize(
    "response",
    [web.Response(status=204), web.Response(status=202), web.json_response({}), web.json_response({"sent": True})],
)
async def test_answers_that_say_it_is_on_its_way(response: web.Response, webhooks: Webhooks) -> None:
    async def handle(request: web.Request) -> web.Response:
        return response

    async with hook_server(handle) as port:
        await WebhookTexter(webhooks, Hook(name="the sms webhook", url=f"http://127.0.0.1:{port}/hook")).send(MESSAGE)


@pytest.mark.parametrize(
    ("answer", "status", "code", "message"),
    [
        ({"sent": False}, 200, Code.BAD_REQUEST, "the text message was refused"),
        ({"sent": False, "message": "no such template"}, 200, Code.BAD_REQUEST, "no such template"),
        ({"sent": False, "message": "x" * 1000}, 200, Code.BAD_REQUEST, "x" * 300),
        ({"sent": False, "message": {"a": 1}}, 200, Code.BAD_REQUEST, "the text message was refused"),
        ([], 200, Code.UNAVAILABLE, "the sms webhook gave an answer that is not understood"),
        ({"sent": "no"}, 200, Code.UNAVAILABLE, "the sms webhook gave an answer that is not understood"),
        ({"sent": True}, 401, Code.UNAVAILABLE, "the sms webhook answered with status 401"),
    ],
)
async def test_answers_that_say_it_is_not(
    answer: Any, status: int, code: Code, message: str, webhooks: Webhooks
) -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response(answer, status=status)

    async with hook_server(handle) as port:
        texter = WebhookTexter(webhooks, Hook(name="the sms webhook", url=f"http://127.0.0.1:{port}/hook"))
        with pytest.raises(GatewayError) as error:
            await texter.send(MESSAGE)
    assert (error.value.code, error.value.message) == (code, message)


def test_a_code_is_not_shown() -> None:
    assert "123456" not in repr(MESSAGE)
