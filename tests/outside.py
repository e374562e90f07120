"""The outside world, for tests: a real mail server and a real receiver of webhooks, on loopback.

    def test_it(outside: OutsideWorld): ...        # the fixture is in tests/conftest.py

    outside.mails               what the mail server got: a list of ReceivedMail (to, subject, text, html)
    outside.mail_to(address)    the last one to it
    outside.messages            text messages: a list of what was asked, as plain JSON
    outside.questions           every question of the gateway, of all kinds; outside.asked("auth.verify") are some
    outside.tokens              (provider, id) -> the access_token that is right; all other authData is not confirmed
    outside.union_ids           (provider, id) -> the unionid that is confirmed
    outside.people              (provider, access_token) -> {"id", "fields"}, where a client has not said the id
    outside.captcha_code        the code in every captcha; `captcha-1`, ... are its tokens
    outside.refuses             addresses and phone numbers that are refused
    outside.adapters            the adapters to be put into a config: mail, sms, captcha
    outside.code                a function or a handler of an event, for a config: it echoes, or fails if asked to
    outside.verifier            an auth_provider to be put into a config
    outside.outside(app)        the same as an Outside, for an Accounts; to be used in a `with` of the test's event loop

It runs in a thread of its own, so that a test may wait for another process. What arrives is there when the gateway has
answered; where it sends later, `outside.wait_for_mails(2)` waits.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import hmac
import json
import ssl
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any, Final

from aiohttp import web
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from gateway.adapters.base import Outside
from gateway.adapters.captcha import WebhookCaptcha
from gateway.adapters.mail import SmtpMailer
from gateway.adapters.sms import WebhookTexter
from gateway.adapters.verifiers import WebhookVerifier
from gateway.adapters.webhook import Hook, Webhooks, signature

SECRET: Final = "the-secret-that-receivers-share"
SENDER: Final = "The Blog <no-reply@blog.example>"
PROVIDERS: Final = ("github", "weixin")


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    sender: str
    to: tuple[str, ...]
    """Where it really went, blind copies included."""
    message: EmailMessage

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        return self._body("plain")

    @property
    def html(self) -> str:
        return self._body("html")

    def _body(self, kind: Any) -> str:
        part = self.message.get_body((kind,))
        return "" if part is None else str(part.get_content()).replace("\r\n", "\n")


@dataclass(slots=True)
class OutsideWorld:
    mails: list[ReceivedMail] = field(default_factory=list)
    questions: list[dict[str, Any]] = field(default_factory=list)
    tokens: dict[tuple[str, str], str] = field(default_factory=dict)
    union_ids: dict[tuple[str, str], str] = field(default_factory=dict)
    people: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    captcha_code: str = "abcd"
    refuses: set[str] = field(default_factory=set)
    mail_port: int = 0
    hook_port: int = 0
    _arrived: threading.Condition = field(default_factory=threading.Condition)
    _solved: set[str] = field(default_factory=set)

    @property
    def messages(self) -> list[dict[str, Any]]:
        return self.asked("sms.send")

    def asked(self, event: str) -> list[dict[str, Any]]:
        return [question for question in self.questions if question.get("event") == event]

    def mail_to(self, address: str) -> ReceivedMail:
        return [mail for mail in self.mails if address in mail.to][-1]

    async def wait_for_mails(self, number: int) -> None:
        """Until so many have arrived in all."""
        await asyncio.to_thread(self._wait, number)

    def _wait(self, number: int) -> None:
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.mails) >= number, timeout=60), "the mails do not arrive"

    @property
    def hook_url(self) -> str:
        return f"http://127.0.0.1:{self.hook_port}/hook"

    @property
    def adapters(self) -> dict[str, Any]:
        hook = {"type": "webhook", "url": self.hook_url, "secret": SECRET, "timeout": "30s"}
        mail = {"type": "smtp", "host": "127.0.0.1", "port": self.mail_port, "security": "none", "from": SENDER}
        return {"mail": mail, "sms": hook, "captcha": hook}

    @property
    def code(self) -> dict[str, Any]:
        """A function, or a handler of an event: it tells its name, what it was given, and who called."""
        return {"url": self.hook_url, "secret": SECRET, "timeout": "30s"}

    @property
    def verifier(self) -> dict[str, Any]:
        return {"verify": self.hook_url, "secret": SECRET, "timeout": "30s"}

    @asynccontextmanager
    async def outside(self, app: str = "blog") -> AsyncIterator[Outside]:
        webhooks = Webhooks()
        hook = Hook(name="the webhook", url=self.hook_url, secret=SECRET, timeout=30)
        try:
            yield Outside(
                mailer=SmtpMailer(host="127.0.0.1", port=self.mail_port, security="none", sender=SENDER, timeout=30),
                texter=WebhookTexter(webhooks, hook),
                captcha=WebhookCaptcha(webhooks, hook, app=app),
                verifiers=dict.fromkeys(PROVIDERS, WebhookVerifier(webhooks, hook, app=app)),
            )
        finally:
            await webhooks.close()

    # --- what the receiver of webhooks does ---

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        timestamp = request.headers["X-Gateway-Timestamp"]
        signed = hmac.compare_digest(request.headers["X-Gateway-Signature"], signature(SECRET, timestamp, body))
        if not signed or abs(time.time() - int(timestamp)) > 300:
            return web.json_response({"message": "not signed"}, status=401)
        question = json.loads(body)
        self.questions.append(question)
        return web.json_response(self._say(question))

    def _say(self, question: dict[str, Any]) -> dict[str, Any]:
        match question:
            case {"event": "sms.send", "phone": phone} if phone in self.refuses:
                return {"sent": False, "message": "this number is refused"}
            case {"event": "sms.send"}:
                return {"sent": True}
            case {"event": "auth.verify", "provider": provider, "id": None, "authData": {"access_token": token}}:
                known = self.people.get((provider, token))
                return {"valid": False} if known is None else {"valid": True, **known}
            case {"event": "auth.verify", "provider": provider, "id": own, "authData": data}:
                if data.get("access_token") != self.tokens.get((provider, own), ...):
                    return {"valid": False, "message": "this token is not right"}
                return {"valid": True, "unionid": self.union_ids.get((provider, own))}
            case {"event": "captcha.new"}:
                token = f"captcha-{len(self.asked('captcha.new'))}"
                return {"token": token, "url": f"http://127.0.0.1/{token}.png"}
            case {"event": "captcha.verify", "token": token, "code": self.captcha_code}:
                self._solved.add(f"{token}-solved")
                return {"valid": True, "validateToken": f"{token}-solved"}
            case {"event": "captcha.check", "validateToken": token} if token in self._solved:
                self._solved.remove(token)
                return {"valid": True}
            case {"params": {"fail": message}}:
                return {"error": {"code": 4321, "message": message}}
            case {"jobName": name, "jobId": str()}:
                return {"success": f"{name} is done"}
            case {"triggerName": _}:
                return answer_of_trigger(question)
            case {"functionName": name, "params": params} | {"eventName": name, "params": params}:
                user = question.get("user")
                who = None if user is None else {"objectId": user["objectId"]}
                return {"success": {"name": name, "given": params, "user": who}}
            case _:
                return {"valid": False}


def answer_of_trigger(question: dict[str, Any]) -> dict[str, Any]:
    """What is about to be saved is `checked`."""
    shown = question.get("object", {})
    saved = {**shown, "checked": True} if question["triggerName"] == "beforeSave" else True
    return refusal_of(shown) or {"success": saved}


def refusal_of(shown: dict[str, Any]) -> dict[str, Any] | None:
    """A trigger refuses an object that says so: with a number of its own, or with words alone."""
    match shown:
        case {"refuse": str() as message, "refuseCode": int() as code}:
            return {"error": {"code": code, "message": message}}
        case {"refuse": str() as message}:
            return {"error": message}
    return None


class Mailbox:
    """What the mail server does with mails: keeps them, or refuses some recipients for good."""

    def __init__(self, world: OutsideWorld) -> None:
        self._world = world

    async def handle_RCPT(  # noqa: N802 - its name in aiosmtpd
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self._world.refuses:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content, policy=email.policy.SMTP)
        with self._world._arrived:
            self._world.mails.append(ReceivedMail(str(envelope.mail_from), tuple(envelope.rcpt_tos), message))
            self._world._arrived.notify_all()
        return "250 taken"


@asynccontextmanager
async def mail_server(
    world: OutsideWorld,
    *,
    starttls: ssl.SSLContext | None = None,
    tls: ssl.SSLContext | None = None,
    login: tuple[str, str] | None = None,
) -> AsyncIterator[int]:
    """A mail server on a port of its own, which is yielded. With `login` it wants that name and password."""

    def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        right = login is not None and (data.login.decode(), data.password.decode()) == login
        return AuthResult(success=right, handled=False)

    def smtp() -> SMTP:
        return SMTP(
            Mailbox(world),
            hostname="mail.example",
            tls_context=starttls,
            require_starttls=starttls is not None,
            authenticator=authenticate,
            auth_required=login is not None and starttls is not None,
            auth_require_tls=tls is None,
        )

    server = await asyncio.get_running_loop().create_server(smtp, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def hook_server(handle: Any) -> AsyncIterator[int]:
    """A receiver of webhooks at `/hook` of a port of its own, which is yielded."""
    app = web.Application()
    app.router.add_post("/hook", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def _last_words() -> None:
    """A connection whose client has left may not have noticed yet."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        _, left = await asyncio.wait(others, timeout=2)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


@contextmanager
def outside_world() -> Iterator[OutsideWorld]:
    world = OutsideWorld()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="outside", daemon=True)
    thread.start()

    def there(work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(60)

    mail, hooks = mail_server(world), hook_server(world.answer)
    try:
        world.mail_port, world.hook_port = there(mail.__aenter__()), there(hooks.__aenter__())
        yield world
    finally:
        there(hooks.__aexit__(None, None, None))
        there(mail.__aexit__(None, None, None))
        there(_last_words())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
