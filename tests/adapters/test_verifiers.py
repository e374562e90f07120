"""Who vouches for users of other services: what is asked, and what each answer is worth."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from gateway.adapters.verifiers import WebhookVerifier
from gateway.adapters.webhook import Hook, Webhooks
from gateway.errors import Code, GatewayError
from gateway.model.values import Date
from tests.outside import OutsideWorld, hook_server


@pytest.fixture
async def webhooks() -> AsyncIterator[Webhooks]:
    pool = Webhooks()
    yield pool
    await pool.close()


async def refused(verifier: Any, data: dict[str, Any]) -> tuple[Code, str]:
    with pytest.raises(GatewayError) as error:
        await verifier.verify("weixin", data)
    return error.value.code, error.value.message


async def test_the_receiver_is_told_which_id_it_vouches_for(outside: OutsideWorld) -> None:
    # of several ids in the data the user is known by the first: that is the one to be checked, not the one in `openid`
    data = {"openid": "mine", "id": "victim", "access_token": "t"}
    outside.tokens["weixin", "mine"] = "t"
    async with outside.outside("blog") as adapters:
        told = await refused(adapters.verifiers["weixin"], data)
        await adapters.verifiers["weixin"].verify("weixin", {"openid": "mine", "access_token": "t"})
    assert told == (Code.BAD_AUTH_DATA, "this token is not right")
    assert outside.questions[0] == {
        "event": "auth.verify",
        "app": "blog",
        "provider": "weixin",
        "id": "victim",
        "authData": data,
    }


async def test_a_union_id_that_is_not_confirmed_is_not_believed(outside: OutsideWorld) -> None:
    data = {"openid": "mine", "access_token": "t", "unionid": "u", "platform": "weixin"}
    outside.tokens["weixin", "mine"] = "t"
    async with outside.outside() as adapters:
        verifier = adapters.verifiers["weixin"]
        told = await refused(verifier, data)
        outside.union_ids["weixin", "mine"] = "another"
        another = await refused(verifier, data)
        outside.union_ids["weixin", "mine"] = "u"
        await verifier.verify("weixin", data)
    assert told == another == (Code.BAD_AUTH_DATA, "the unionid in authData of weixin is not confirmed")


@pytest.mark.parametrize(
    ("answer", "status", "code", "message"),
    [
        ({"valid": False}, 200, Code.BAD_AUTH_DATA, "weixin does not confirm this authData"),
        ({"valid": False, "message": "expired"}, 200, Code.BAD_AUTH_DATA, "expired"),
        ({"valid": 1}, 200, Code.UNAVAILABLE, "the verifier gave an answer that is not understood"),
        ({"valid": "true"}, 200, Code.UNAVAILABLE, "the verifier gave an answer that is not understood"),
        ({}, 200, Code.UNAVAILABLE, "the verifier gave an answer that is not understood"),
        (None, 200, Code.UNAVAILABLE, "the verifier gave an answer that is not understood"),
        (True, 200, Code.UNAVAILABLE, "the verifier gave an answer that is not understood"),
        ({"valid": True}, 403, Code.UNAVAILABLE, "the verifier answered with status 403"),
        ({"valid": True}, 500, Code.UNAVAILABLE, "the verifier answered with status 500"),
        ({"valid": True}, 302, Code.UNAVAILABLE, "the verifier answered with status 302"),
    ],
)
async def test_nothing_but_a_clear_yes_is_one(
    answer: Any, status: int, code: Code, message: str, webhooks: Webhooks
) -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response(answer, status=status)

    async with hook_server(handle) as port:
        hook = Hook(name="the verifier", url=f"http://127.0.0.1:{port}/hook")
        assert await refused(WebhookVerifier(webhooks, hook, app="blog"), {"id": "1"}) == (code, message)


async def test_auth_data_that_is_not_plain_json_is_refused(outside: OutsideWorld) -> None:
    async with outside.outside() as adapters:
        told = await refused(adapters.verifiers["weixin"], {"id": "1", "expires": Date.from_ms(0)})
    assert told == (Code.BAD_VALUE, "the webhook can be asked about plain JSON only")
    assert outside.questions == []


ASKED: dict[str, tuple[Any, Any]] = {
    "whose it is": ({"valid": True, "id": "583231"}, ("583231", {})),
    "and more": ({"valid": True, "id": "1", "fields": {"name": "Tom"}}, ("1", {"name": "Tom"})),
    "more that is none": ({"valid": True, "id": "1", "fields": ["name"]}, ("1", {})),
    "a no": ({"valid": False, "message": "withdrawn"}, (Code.BAD_AUTH_DATA, "withdrawn")),
    "nobody": ({"valid": True}, (Code.BAD_AUTH_DATA, "who has this token is not known to the verifier of github")),
    "a number": (
        {"valid": True, "id": 1},
        (Code.BAD_AUTH_DATA, "who has this token is not known to the verifier of github"),
    ),
    "nothing": ({}, (Code.UNAVAILABLE, None)),
}


@pytest.mark.parametrize("case", ASKED)
async def test_a_receiver_says_whose_a_token_is(webhooks: Webhooks, case: str) -> None:
    said, expected = ASKED[case]
    questions: list[Any] = []

    async def answer(request: web.Request) -> web.Response:
        questions.append(await request.json())
        return web.json_response(said)

    async with hook_server(answer) as port:
        hook = Hook(name="the verifier", url=f"http://127.0.0.1:{port}/hook")
        verifier = WebhookVerifier(webhooks, hook, app="blog")
        try:
            found: Any = await verifier.identify("github", {"access_token": "t"})
        except GatewayError as error:
            found = (error.code, error.message if expected[1] is not None else None)
    assert found == expected
    assert (questions[0]["id"], questions[0]["authData"]) == (None, {"access_token": "t"})
