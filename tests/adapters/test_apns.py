"""Apple's push service, against a real HTTP/2 server with TLS that does as Apple's documents say."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import h2.config
import h2.connection
import h2.events
import jwt
import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.adapters.apns import ApnsKey, ApnsSender
from gateway.adapters.base import Delivery, PushOutcome, PushTarget
from gateway.errors import Code, GatewayError
from gateway.model.values import Date

PRIVATE = ec.generate_private_key(ec.SECP256R1())
PEM = PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
KEY = ApnsKey(PEM, "KEY1234567", "TEAM123456")
SENT = PushOutcome(Delivery.SENT)


@dataclass
class Apple:
    """`answers`: token of a device -> what is said to it, in turn; (status, reason, headers)."""

    port: int = 0
    answers: dict[str, list[tuple[int, str, dict[str, str]]]] = field(default_factory=dict)
    asked: list[tuple[dict[str, str], Any]] = field(default_factory=list)
    connections: int = 0
    silent: bool = False
    hangs_up: bool = False
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        there = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        there.initiate_connection()
        requests: dict[int, tuple[dict[str, str], bytearray]] = {}
        try:
            writer.write(there.data_to_send())
            while data := await reader.read(65536):
                for event in there.receive_data(data):
                    match event:
                        case h2.events.RequestReceived():
                            headers = {str(name): str(value) for name, value in event.headers or []}
                            requests[event.stream_id or 0] = headers, bytearray()
                        case h2.events.DataReceived():
                            requests[event.stream_id or 0][1].extend(event.data or b"")
                            there.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
                        case h2.events.StreamEnded() if not self.silent:
                            self.answer(there, event.stream_id or 0, *requests.pop(event.stream_id or 0))
                        case _:
                            pass
                writer.write(there.data_to_send())
                await writer.drain()
                if self.hangs_up and self.asked:
                    there.close_connection()
                    writer.write(there.data_to_send())
                    break
        except OSError:
            pass
        finally:
            writer.close()
            self.hung_up.set()

    def answer(self, there: Any, stream: int, headers: dict[str, str], body: bytearray) -> None:
        self.asked.append((headers, json.loads(bytes(body))))
        token = headers[":path"].removeprefix("/3/device/")
        status, reason, more = (self.answers.get(token) or [(200, "", {})]).pop(0)
        told = [(":status", str(status)), ("apns-id", headers["apns-id"]), *more.items()]
        there.send_headers(stream, told, end_stream=not reason)
        if reason:
            there.send_data(stream, json.dumps({"reason": reason}).encode(), end_stream=True)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def apple(authority: trustme.CA) -> AsyncIterator[Apple]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    tls.set_alpn_protocols(["h2"])
    world = Apple()
    server = await asyncio.start_server(world.serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        world.port = server.sockets[0].getsockname()[1]
        yield world


@asynccontextmanager
async def sender(apple: Apple, authority: trustme.CA, **more: Any) -> AsyncIterator[ApnsSender]:
    tls = ssl.create_default_context()
    authority.configure_trust(tls)
    own = ApnsSender(KEY, url=f"https://127.0.0.1:{apple.port}", tls=tls, **{"topic": "com.example.blog", **more})
    try:
        yield own
    finally:
        await own.close()
        # the server's side of the connections ends as well
        for _ in range(10):
            await asyncio.sleep(0)


def phone(token: str | None = "ab12", **more: Any) -> PushTarget:
    return PushTarget(id=f"i-{token}", token=token, device_type="ios", **more)


async def push(own: ApnsSender, *targets: PushTarget, expires: int | None = None, **data: Any) -> list[PushOutcome]:
    at = None if expires is None else Date.from_ms(expires * 1000)
    return list(await own.send(targets, data, push_id="p1", expires_at=at, production=True))


async def test_a_push_arrives_with_all_that_it_says(apple: Apple, authority: trustme.CA) -> None:
    async with sender(apple, authority, now=lambda: 1_700_000_000.0) as own:
        data = {
            "alert": "Hi",
            "title": "T",
            "sound": "default",
            "category": "C",
            "mutable-content": 1,
            "collapse_id": "g",
        }
        assert await push(own, phone(badge=4), expires=1_700_003_600, mine={"a": 1}, **data) == [SENT]
    [(headers, body)] = apple.asked
    assert body == {
        "mine": {"a": 1},
        "aps": {
            "alert": {"title": "T", "body": "Hi"},
            "badge": 4,
            "sound": "default",
            "category": "C",
            "mutable-content": 1,
        },
    }
    told = {name: headers[name] for name in headers if name.startswith(("apns-", ":"))}
    assert told == {
        ":method": "POST",
        ":scheme": "https",
        ":authority": f"127.0.0.1:{apple.port}",
        ":path": "/3/device/ab12",
        "apns-topic": "com.example.blog",
        "apns-push-type": "alert",
        "apns-priority": "10",
        "apns-expiration": "1700003600",
        "apns-collapse-id": "g",
        "apns-id": told["apns-id"],
    }
    token = headers["authorization"].removeprefix("bearer ")
    claims = jwt.decode(token, PRIVATE.public_key(), algorithms=["ES256"], options={"verify_iat": False})
    assert claims == {"iss": "TEAM123456", "iat": 1_700_000_000}
    assert jwt.get_unverified_header(token)["kid"] == "KEY1234567"


async def test_what_nobody_sees_is_told_in_the_background(apple: Apple, authority: trustme.CA) -> None:
    async with sender(apple, authority) as own:
        assert await push(own, phone(app_identifier="com.example.other"), **{"content-available": 1}) == [SENT]
    [(headers, body)] = apple.asked
    assert (headers["apns-push-type"], headers["apns-priority"]) == ("background", "5")
    assert (headers["apns-topic"], body) == ("com.example.other", {"aps": {"content-available": 1}})
    assert "apns-expiration" not in headers


async def test_many_share_a_connection_and_a_signature(apple: Apple, authority: trustme.CA) -> None:
    async with sender(apple, authority) as own:
        assert await push(own, *(phone(f"a{number}") for number in range(200)), alert="Hi") == [SENT] * 200
    assert len({headers["authorization"] for headers, _ in apple.asked}) == 1
    assert len({headers["apns-id"] for headers, _ in apple.asked}) == 200
    assert apple.connections == 1


async def test_what_became_of_each(apple: Apple, authority: trustme.CA, caplog: pytest.LogCaptureFixture) -> None:
    busy = (429, "TooManyRequests", {"retry-after": "0"})
    apple.answers = {
        "dead": [(410, "Unregistered", {})],
        "bad": [(400, "BadDeviceToken", {})],
        "busy": [busy],
        "busier": [busy, busy, busy],
        "later": [(503, "ServiceUnavailable", {"retry-after": "3600"})],
        "key": [(403, "InvalidProviderToken", {})],
        "broken": [(500, "", {})],
    }
    async with sender(apple, authority) as own:
        with caplog.at_level(logging.DEBUG):
            outcomes = await push(own, *(phone(token) for token in apple.answers), alert="Hi")
    assert [(outcome.delivery.value, outcome.reason) for outcome in outcomes] == [
        ("gone", "Unregistered"),
        ("failed", "BadDeviceToken"),  # of every device, where the gateway sends to the other of Apple's two services
        ("sent", ""),
        ("failed", "TooManyRequests"),
        ("failed", "ServiceUnavailable"),
        ("failed", "InvalidProviderToken"),
        ("failed", "not understood"),
    ]
    paths = [headers[":path"] for headers, _ in apple.asked]
    assert paths.count("/3/device/busier") == 2
    told = [record.getMessage() for record in caplog.records if record.name != "asyncio"]
    assert told == ["Apple's push service refuses the key key_id=KEY1234567 reason=InvalidProviderToken"]


async def test_a_signature_that_is_too_old_is_made_anew(apple: Apple, authority: trustme.CA) -> None:
    time = 1_700_000_000.0
    async with sender(apple, authority, now=lambda: time) as own:
        await push(own, phone("a1"), alert="Hi")
        time += 41 * 60
        await push(own, phone("a2"), alert="Hi")
        apple.answers["a3"] = [(403, "ExpiredProviderToken", {})]
        time += 1
        assert await push(own, phone("a3"), alert="Hi") == [SENT]
    issued = [headers["authorization"].removeprefix("bearer ") for headers, _ in apple.asked]
    options = {"verify_signature": False}
    at = [jwt.decode(token, options=options)["iat"] - 1_700_000_000 for token in issued]  # type: ignore[arg-type]
    assert at == [0, 2460, 2460, 2461]


async def test_a_connection_that_apple_has_closed_is_not_used_again(apple: Apple, authority: trustme.CA) -> None:
    apple.hangs_up = True
    async with sender(apple, authority) as own:
        for number in range(3):
            apple.hung_up.clear()
            assert await push(own, phone(f"a{number}"), alert="Hi") == [SENT]
            await apple.hung_up.wait()
            apple.asked.clear()
    assert apple.connections == 3


async def test_what_is_no_token_never_leaves_the_gateway(apple: Apple, authority: trustme.CA) -> None:
    tokens = [None, "", "../../x", "a b", "é", "a?b"]
    async with sender(apple, authority) as own:
        outcomes = await push(own, *(phone(token) for token in tokens), alert="Hi")
        assert {outcome.delivery for outcome in outcomes} == {Delivery.GONE}
        [outcome] = await push(own, phone(app_identifier="a\r\nb: c"), alert="Hi")
        assert outcome.delivery is Delivery.FAILED
        [outcome] = await push(own, phone(), alert="x" * 5000)
        assert outcome == PushOutcome(Delivery.FAILED, "PayloadTooLarge")
    assert apple.asked == []


async def test_a_service_that_does_not_answer_is_given_up(apple: Apple, authority: trustme.CA) -> None:
    apple.silent = True
    async with sender(apple, authority, timeout=1) as own:
        assert await push(own, phone(), alert="Hi") == [PushOutcome(Delivery.FAILED, "no answer in time")]


async def test_a_service_that_is_not_there_is_unavailable(authority: trustme.CA) -> None:
    async with sender(Apple(port=1), authority) as own:
        with pytest.raises(GatewayError) as raised:
            await push(own, phone(), phone("b"), alert="Hi")
    assert (raised.value.code, str(raised.value)) == (Code.UNAVAILABLE, "Apple's push service cannot be reached")


async def test_a_server_whose_certificate_nobody_knows_is_told_nothing(apple: Apple) -> None:
    own = ApnsSender(KEY, topic="t", url=f"https://127.0.0.1:{apple.port}")
    try:
        with pytest.raises(GatewayError):
            await push(own, phone(), alert="Hi")
    finally:
        await own.close()
    assert apple.asked == []


def test_a_key_is_not_shown_and_a_bad_one_is_refused() -> None:
    assert PEM.splitlines()[1] not in repr(KEY)
    for bad in ("", "secret", PEM.replace("\n", "")[:60]):
        with pytest.raises(ValueError, match=r"^must be a private key in PEM, as Apple's \.p8 files are$"):
            ApnsKey(bad, "k", "t")
