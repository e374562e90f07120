"""Captchas: a picture, its answer, and the proof of it that is good once."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from gateway.adapters.captcha import WebhookCaptcha
from gateway.adapters.webhook import Hook, Webhooks
from gateway.errors import Code, GatewayError
from tests.outside import OutsideWorld, hook_server


async def test_a_captcha_is_drawn_solved_and_used_up(outside: OutsideWorld) -> None:
    async with outside.outside("blog") as adapters:
        assert adapters.captcha is not None
        challenge = await adapters.captcha.new(width=100, ttl=60)
        assert (challenge.token, challenge.url) == ("captcha-1", "http://127.0.0.1/captcha-1.png")
        with pytest.raises(GatewayError) as wrong:
            await adapters.captcha.verify(challenge.token, "zzzz")
        proof = await adapters.captcha.verify(challenge.token, "abcd")
        await adapters.captcha.check(proof)
        with pytest.raises(GatewayError) as again:
            await adapters.captcha.check(proof)
    for error in (wrong.value, again.value):
        assert (error.code, error.message) == (Code.BAD_REQUEST, "the captcha was not solved")
    assert outside.questions == [
        {"event": "captcha.new", "app": "blog", "width": 100, "height": None, "size": None, "ttl": 60},
        {"event": "captcha.verify", "app": "blog", "token": "captcha-1", "code": "zzzz"},
        {"event": "captcha.verify", "app": "blog", "token": "captcha-1", "code": "abcd"},
        {"event": "captcha.check", "app": "blog", "validateToken": "captcha-1-solved"},
        {"event": "captcha.check", "app": "blog", "validateToken": "captcha-1-solved"},
    ]


@pytest.mark.parametrize(
    "answer",
    [None, [], {}, {"valid": 1}, {"valid": True}, {"valid": True, "validateToken": ""}, {"token": "a", "url": 1}],
)
async def test_no_other_answer_solves_a_captcha(answer: Any) -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response(answer)

    webhooks = Webhooks()
    try:
        async with hook_server(handle) as port:
            hook = Hook(name="the captcha webhook", url=f"http://127.0.0.1:{port}/hook")
            captcha = WebhookCaptcha(webhooks, hook, app="blog")
            asked = [captcha.new(), captcha.verify("a", "b")]
            if answer not in ({"valid": True}, {"valid": True, "validateToken": ""}):
                asked.append(captcha.check("c"))
            for question in asked:
                with pytest.raises(GatewayError) as error:
                    await question
                told = "the captcha webhook gave an answer that is not understood"
                assert (error.value.code, error.value.message) == (Code.UNAVAILABLE, told)
    finally:
        await webhooks.close()
