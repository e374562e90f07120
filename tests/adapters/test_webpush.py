"""Web Push, against a real push service that decrypts what it gets, by the RFCs."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from gateway.adapters.base import Delivery, PushOutcome, PushTarget
from gateway.adapters.webpush import LONGEST, WebPushSender, public_of, read_key
from gateway.errors import Code, GatewayError
from gateway.model.values import Date

CURVE = ec.SECP256R1()
PRIVATE = ec.generate_private_key(CURVE)
RAW = PRIVATE.private_numbers().private_value.to_bytes(32, "big")
NOW = 1_700_000_000.0
SENT = PushOutcome(Delivery.SENT)


def text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw(it: str) -> bytes:
    return base64.urlsafe_b64decode(it + "=" * (-len(it) % 4))


def point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@dataclass
class Browser:
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(CURVE))
    secret: bytes = b"0123456789abcdef"

    def subscription(self, endpoint: str) -> str:
        keys = {"p256dh": text(point(self.key.public_key())), "auth": text(self.secret)}
        return json.dumps({"endpoint": endpoint, "expirationTime": None, "keys": keys})

    def decrypted(self, body: bytes) -> bytes:
        """RFC 8188, 2.1 and RFC 8291, 3.4, by nothing but the primitives."""
        salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        theirs, record = body[21 : 21 + length], body[21 + length :]
        assert len(record) <= size
        shared = self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, theirs))
        info = b"WebPush: info\x00" + point(self.key.public_key()) + theirs
        ikm = HKDF(SHA256(), 32, self.secret, info).derive(shared)
        key = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\x00").derive(ikm)
        nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\x00").derive(ikm)
        plain = AESGCM(key).decrypt(nonce, record, None)
        assert plain.rstrip(b"\x00")[-1] == 2  # the last record
        return plain.rstrip(b"\x00")[:-1]


def test_the_decryption_of_this_test_is_that_of_the_rfc() -> None:
    """RFC 8291, appendix A."""
    private = int.from_bytes(raw("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"), "big")
    browser = Browser(ec.derive_private_key(private, CURVE), raw("BTBZMqHH6r4Tts7J_aSIgg"))
    body = raw(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_"
        "yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )
    assert browser.decrypted(body) == b"When I grow up, I want to be a watermelon"


@dataclass
class Service:
    """`answers`: name of a subscription -> (status, headers), in turn."""

    port: int = 0
    answers: dict[str, list[tuple[int, dict[str, str]]]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        self.asked.append((name, dict(request.headers), await request.read()))
        status, headers = (self.answers.get(name) or [(201, {})]).pop(0)
        return web.Response(status=status, headers=headers, text="what a service says")

    def endpoint(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/push/{name}"


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    world = Service()
    app = web.Application()
    app.router.add_post("/push/{name}", world.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    world.port = runner.addresses[0][1]
    yield world
    await runner.cleanup()


@asynccontextmanager
async def sender(**more: Any) -> AsyncIterator[WebPushSender]:
    options = {"private_endpoints": True, "now": lambda: NOW, **more}
    own = WebPushSender(key=text(RAW), subject="mailto:push@blog.example", **options)
    try:
        yield own
    finally:
        await own.close()


def browser_at(token: str | None, **more: Any) -> PushTarget:
    return PushTarget(id="i", token=token, device_type="web", **more)


async def push(
    own: WebPushSender, *targets: PushTarget, data: dict[str, Any], expires: int | None = None
) -> list[PushOutcome]:
    at = None if expires is None else Date.from_ms(expires * 1000)
    return list(await own.send(targets, data, push_id="p1", expires_at=at, production=True))


async def test_a_browser_can_read_what_it_is_told_and_the_service_who_sends(service: Service) -> None:
    browser = Browser()
    token = browser.subscription(service.endpoint("a"))
    data = {"alert": "Hï", "title": "T", "collapse_id": "g", "k": [1]}
    async with sender() as own:
        assert await push(own, browser_at(token, badge=2), data=data, expires=1_700_000_090) == [SENT]
        assert await push(own, browser_at(token), data={"content-available": 1}) == [SENT]
    (_, headers, body), (_, silent, other) = service.asked
    assert json.loads(browser.decrypted(body)) == {**data, "badge": 2, "push_id": "p1"}
    assert json.loads(browser.decrypted(other)) == {"content-available": 1, "push_id": "p1"}
    assert {name: headers[name] for name in ("TTL", "Urgency", "Topic", "Content-Encoding")} == {
        "TTL": "90",
        "Urgency": "high",
        "Topic": "g",
        "Content-Encoding": "aes128gcm",
    }
    assert (silent["TTL"], silent["Urgency"], "Topic" in silent) == ("2419200", "normal", False)
    assert b"title" not in body
    assert body[:16] != other[:16]  # each has a salt of its own

    scheme, _, rest = headers["Authorization"].partition(" ")
    told = dict(part.split("=", 1) for part in rest.split(", "))
    assert (scheme, told["k"]) == ("vapid", public_of(PRIVATE))
    sent_by = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, raw(told["k"]))
    audience = f"http://127.0.0.1:{service.port}"
    claims = jwt.decode(told["t"], sent_by, algorithms=["ES256"], audience=audience, options={"verify_exp": False})
    assert claims == {"aud": audience, "exp": 1_700_000_000 + 18 * 3600, "sub": "mailto:push@blog.example"}


async def test_what_became_of_each(service: Service) -> None:
    busy = (429, {"Retry-After": "0"})
    service.answers = {
        "gone": [(410, {})],
        "unknown": [(404, {})],
        "busy": [busy],
        "busier": [busy, busy, busy],
        "later": [(503, {"Retry-After": "3600"})],
        "large": [(413, {})],
        "elsewhere": [(302, {"Location": service.endpoint("other")})],
        "fine": [(202, {})],
    }
    targets = [browser_at(Browser().subscription(service.endpoint(name))) for name in service.answers]
    async with sender() as own:
        outcomes = await push(own, *targets, data={"alert": "Hi"})
    assert [(outcome.delivery.value, outcome.reason) for outcome in outcomes] == [
        ("gone", "status 410"),
        ("gone", "status 404"),
        ("sent", ""),
        ("failed", "status 429"),
        ("failed", "status 503"),
        ("failed", "status 413"),
        ("failed", "status 302"),
        ("sent", ""),
    ]
    names = [name for name, _, _ in service.asked]
    assert (names.count("busier"), "other" in names) == (2, False)


async def test_a_push_that_no_service_would_take_is_not_sent(service: Service) -> None:
    browser = Browser()
    target = browser_at(browser.subscription(service.endpoint("a")))
    spare = len(json.dumps({"alert": "", "push_id": "p1"}, separators=(",", ":")))
    async with sender() as own:
        assert await push(own, target, data={"alert": "x" * (LONGEST - spare)}) == [SENT]
        too_large = PushOutcome(Delivery.FAILED, "the push is too large")
        assert await push(own, target, data={"alert": "x" * (LONGEST - spare + 1)}) == [too_large]
    [(_, _, body)] = service.asked
    assert len(body) == 4096


async def test_a_service_that_hangs_up_is_asked_once_more() -> None:
    asked = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        await reader.readuntil(b"\r\n\r\n")
        asked += 1
        if asked > 1:
            writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, sender() as own:
        port = server.sockets[0].getsockname()[1]
        target = browser_at(Browser().subscription(f"http://127.0.0.1:{port}/a"))
        assert await push(own, target, data={"alert": "Hi"}) == [SENT]
    assert asked == 2


GOOD = json.loads(Browser().subscription("https://push.example/a"))
BAD_TOKENS: list[Any] = [
    None,
    "",
    "abc",
    "[]",
    "{}",
    GOOD | {"endpoint": "ftp://push.example/a"},
    GOOD | {"endpoint": "https:///a"},
    GOOD | {"endpoint": "https://push.example:x/a"},
    GOOD | {"endpoint": "https://user@push.example/a"},
    GOOD | {"endpoint": "https://push.example/" + "a" * 2000},
    GOOD | {"endpoint": 5},
    GOOD | {"keys": {"p256dh": GOOD["keys"]["p256dh"], "auth": "c2hvcnQ"}},
    GOOD | {"keys": {"p256dh": GOOD["keys"]["auth"], "auth": GOOD["keys"]["auth"]}},
    GOOD | {"keys": {"p256dh": text(b"\x04" + b"\x01" * 64), "auth": GOOD["keys"]["auth"]}},
    GOOD | {"keys": {"p256dh": "ä", "auth": GOOD["keys"]["auth"]}},
]


@pytest.mark.parametrize("token", BAD_TOKENS, ids=lambda token: str(token)[:40])
async def test_what_is_no_subscription_is_gone(token: Any) -> None:
    told = token if token is None or isinstance(token, str) else json.dumps(token)
    async with sender() as own:
        [outcome] = await push(own, browser_at(told), data={"alert": "Hi"})
    assert outcome.delivery is Delivery.GONE


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://push.example/a",
        "https://push.example:8443/a",
        "https://127.0.0.1/a",
        "https://[::1]/a",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost/a",
        "https://10.0.0.1/a",
        "https://[::ffff:10.0.0.1]/a",
        "https://0x7f.1/a",
    ],
)
async def test_nobody_has_the_gateway_ask_in_private_networks(endpoint: str) -> None:
    async with sender(private_endpoints=False) as own:
        [outcome] = await push(own, browser_at(Browser().subscription(endpoint)), data={"alert": "Hi"})
    assert (outcome.delivery, outcome.reason) in [
        (Delivery.GONE, "its endpoint is not https"),
        (Delivery.FAILED, "its endpoint is not at a public address"),
    ]


async def test_a_service_that_is_not_there_is_unavailable() -> None:
    token = Browser().subscription("http://127.0.0.1:1/a")
    async with sender() as own:
        with pytest.raises(GatewayError) as raised:
            await push(own, browser_at(token), data={"alert": "Hi"})
    assert (raised.value.code, str(raised.value)) == (Code.UNAVAILABLE, "a web push service cannot be reached")


def test_a_key_is_read_in_both_forms_and_a_bad_one_is_refused() -> None:
    pem = PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    padded = base64.b64encode(RAW).decode()
    assert {public_of(read_key(form)) for form in (text(RAW), pem, padded)} == {public_of(PRIVATE)}
    other = ec.generate_private_key(ec.SECP384R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for bad in ("", "short", text(RAW[:31]), text(b"\x00" * 32), text(b"\xff" * 32), other.decode(), pem[:80]):
        with pytest.raises(ValueError, match=r"^must be a private key of the curve P-256"):
            read_key(bad)
