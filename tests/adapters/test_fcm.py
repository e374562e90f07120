"""Google's push service, against a real server that does as Google's documents say."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.adapters.base import Delivery, PushOutcome, PushTarget
from gateway.adapters.fcm import FcmSender, ServiceAccount
from gateway.errors import Code, GatewayError
from gateway.model.values import Date

PRIVATE = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
SENT = PushOutcome(Delivery.SENT)


@dataclass
class Google:
    """`answers`: token of a device -> what is said to it, in turn; (status, code, message, headers)."""

    port: int = 0
    answers: dict[str, list[tuple[int, str, str, dict[str, str]]]] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    assertions: list[str] = field(default_factory=list)
    revoked: set[str] = field(default_factory=set)
    lets_in: bool = True

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        self.assertions.append(str(form["assertion"]))
        if not self.lets_in:
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response({"access_token": f"token-{len(self.assertions)}", "expires_in": 3600})

    async def send(self, request: web.Request) -> web.Response:
        if (bearer := request.headers["Authorization"].removeprefix("Bearer ")) in self.revoked:
            return web.json_response({"error": {"status": "UNAUTHENTICATED", "message": "who?"}}, status=401)
        assert bearer == f"token-{len(self.assertions)}"
        message = (await request.json())["message"]
        self.asked.append(message)
        status, code, text, headers = (self.answers.get(message["token"]) or [(200, "", "", {})]).pop(0)
        if status == 200:
            return web.json_response({"name": "projects/blog-1/messages/1"})
        kind = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
        error = {"status": "X", "message": text, "details": [{"@type": kind, "errorCode": code}]}
        return web.json_response({"error": error}, status=status, headers=headers)

    @property
    def account(self) -> str:
        token_url = f"http://127.0.0.1:{self.port}/token"
        told = {"type": "service_account", "project_id": "blog-1", "private_key_id": "k1", "private_key": PEM}
        return json.dumps({**told, "client_email": "push@blog-1.example", "token_uri": token_url})


@pytest.fixture
async def google() -> AsyncIterator[Google]:
    world = Google()
    app = web.Application()
    app.router.add_post("/token", world.token)
    app.router.add_post("/v1/projects/blog-1/messages:send", world.send)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    world.port = runner.addresses[0][1]
    yield world
    await runner.cleanup()


@asynccontextmanager
async def sender(google: Google, **more: Any) -> AsyncIterator[FcmSender]:
    account = ServiceAccount.read(google.account)
    own = FcmSender(account=account, url=f"http://127.0.0.1:{google.port}", **more)
    try:
        yield own
    finally:
        await own.close()


def phone(token: str | None = "ab12", **more: Any) -> PushTarget:
    return PushTarget(id=f"i-{token}", token=token, **{"device_type": "android", **more})


async def push(
    own: FcmSender, *targets: PushTarget, data: dict[str, Any], expires: int | None = None
) -> list[PushOutcome]:
    at = None if expires is None else Date.from_ms(expires * 1000)
    return list(await own.send(targets, data, push_id="p1", expires_at=at, production=True))


DATA = {"alert": "Hi", "title": "T", "sound": "ding", "category": "OPEN", "collapse_id": "g", "n": {"a": 1}}
NOW = 1_700_000_000.0


async def test_a_push_goes_as_data_for_the_apps_code(google: Google) -> None:
    async with sender(google, now=lambda: NOW) as own:
        assert await push(own, phone(badge=4), data=DATA, expires=1_700_003_600) == [SENT]
    [message] = google.asked
    assert json.loads(message["data"].pop("data")) == {**DATA, "badge": 4}
    assert message == {
        "token": "ab12",
        "data": {"push_id": "p1", "time": "2023-11-14T22:13:20.000Z"},
        "android": {"priority": "HIGH", "ttl": "3600s", "collapse_key": "g"},
    }


async def test_the_system_shows_it_where_the_config_says_so(google: Google) -> None:
    async with sender(google, notification=True, data_key=None, now=lambda: NOW) as own:
        assert await push(own, phone(badge=4), data=DATA) == [SENT]
        assert await push(own, phone(), data={"content-available": 1, "k": 5}) == [SENT]
    shown, silent = google.asked
    assert shown["notification"] == {"title": "T", "body": "Hi"}
    assert shown["android"] == {
        "priority": "HIGH",
        "collapse_key": "g",
        "notification": {"sound": "ding", "notification_count": 4, "click_action": "OPEN", "tag": "g"},
    }
    assert shown["data"] == {
        **{key: DATA[key] for key in ("alert", "title", "sound", "category", "collapse_id")},
        "n": '{"a":1}',
        "badge": "4",
        "push_id": "p1",
        "time": "2023-11-14T22:13:20.000Z",
    }
    assert silent["android"] == {"priority": "NORMAL"}
    assert (silent["data"]["k"], "notification" in silent) == ("5", False)


async def test_a_device_of_apples_is_told_in_apples_words(google: Google) -> None:
    async with sender(google, now=lambda: NOW) as own:
        data = {"alert": "Hi", "mutable-content": 1, "collapse_id": "g"}
        assert await push(own, phone(device_type="ios", badge=2), data=data, expires=1_700_000_060) == [SENT]
    assert google.asked[0]["apns"] == {
        "headers": {"apns-expiration": "1700000060", "apns-collapse-id": "g"},
        "payload": {"aps": {"alert": "Hi", "badge": 2, "mutable-content": 1}},
    }


async def test_a_token_is_had_once_for_many_and_anew_before_its_end(google: Google) -> None:
    time = NOW
    async with sender(google, now=lambda: time) as own:
        assert await push(own, *(phone(f"a{number}") for number in range(60)), data=DATA) == [SENT] * 60
        assert len(google.assertions) == 1
        time += 3400
        assert await push(own, phone(), data=DATA) == [SENT]
    options = {"verify_iat": False, "verify_exp": False}
    audience = f"http://127.0.0.1:{google.port}/token"
    read = [
        jwt.decode(each, PRIVATE.public_key(), algorithms=["RS256"], audience=audience, options=options)  # type: ignore[arg-type]
        for each in google.assertions
    ]
    assert read[0] == {
        "iss": "push@blog-1.example",
        "scope": "https://www.googleapis.com/auth/firebase.messaging",
        "aud": audience,
        "iat": 1_700_000_000,
        "exp": 1_700_003_600,
    }
    assert read[1]["iat"] == 1_700_003_400
    assert jwt.get_unverified_header(google.assertions[0])["kid"] == "k1"


async def test_a_token_that_was_taken_back_is_had_anew(google: Google) -> None:
    async with sender(google) as own:
        assert await push(own, phone(), data=DATA) == [SENT]
        google.revoked = {"token-1"}
        assert await push(own, phone(), data=DATA) == [SENT]
        google.revoked = {f"token-{number}" for number in range(9)}
        assert await push(own, phone(), data=DATA) == [PushOutcome(Delivery.FAILED, "UNAUTHENTICATED")]
    assert len(google.assertions) == 3


async def test_what_became_of_each(google: Google, caplog: pytest.LogCaptureFixture) -> None:
    busy = (429, "QUOTA_EXCEEDED", "too many", {"Retry-After": "0"})
    google.answers = {
        "dead": [(404, "UNREGISTERED", "Requested entity was not found.", {})],
        "bad": [(400, "INVALID_ARGUMENT", "The registration token is not a valid FCM registration token", {})],
        "wrong": [(400, "INVALID_ARGUMENT", "Invalid data payload key: from", {})],
        "busy": [busy],
        "busier": [busy, busy, busy],
        "later": [(503, "UNAVAILABLE", "", {"Retry-After": "3600"})],
        "other": [(403, "SENDER_ID_MISMATCH", "", {})],
    }
    async with sender(google) as own:
        with caplog.at_level(logging.DEBUG):
            outcomes = await push(own, *(phone(token) for token in google.answers), phone(None), data=DATA)
    assert [(outcome.delivery.value, outcome.reason) for outcome in outcomes] == [
        ("gone", "UNREGISTERED"),
        ("gone", "INVALID_ARGUMENT"),
        ("failed", "INVALID_ARGUMENT"),
        ("sent", ""),
        ("failed", "QUOTA_EXCEEDED"),
        ("failed", "UNAVAILABLE"),
        ("failed", "SENDER_ID_MISMATCH"),
        ("failed", "the installation has no token"),
    ]
    assert [message["token"] for message in google.asked].count("busier") == 2
    assert not any("token-" in record.getMessage() or "PRIVATE" in record.getMessage() for record in caplog.records)


async def test_a_service_that_is_not_there_or_lets_nobody_in_is_unavailable(google: Google) -> None:
    async with sender(google) as own:
        google.lets_in = False
        with pytest.raises(GatewayError) as raised:
            await push(own, phone(), data=DATA)
    assert (raised.value.code, str(raised.value)) == (Code.UNAVAILABLE, "Google's push service cannot be reached")
    google.port = 1
    async with sender(google) as own:
        with pytest.raises(GatewayError):
            await push(own, phone(), phone("b"), data=DATA)


def test_an_account_is_not_shown_and_a_bad_one_is_refused() -> None:
    good = json.loads(Google(port=1).account)
    assert PEM.splitlines()[1] not in repr(ServiceAccount.read(json.dumps(good)))
    for change in ({"private_key": "x"}, {"project_id": "../x"}, {"client_email": None}, {"token_uri": 5}):
        with pytest.raises(ValueError, match=r"^must be the JSON of a service account, as Google's console writes it$"):
            ServiceAccount.read(json.dumps(good | change))
    for text in ("", "[]", "{}", "5"):
        with pytest.raises(ValueError, match=r"^must be the JSON of a service account"):
            ServiceAccount.read(text)
