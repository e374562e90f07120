"""Emails that clients ask for: what arrives at a real mail server, who may send, and how many."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.base import Mailer, Outside
from gateway.backends.accounts import Accounts, Policy
from gateway.backends.columns import Typed
from gateway.backends.emails import EmailRules, Emails, EmailText
from gateway.backends.embedded import Embedded
from gateway.backends.ledger import Ledger
from gateway.errors import Code, GatewayError
from gateway.model.account import SignUp
from gateway.model.files import FindFiles
from gateway.model.messaging import SendEmail, SendTemplate
from gateway.model.operation import Caller, Operation, Result
from gateway.model.query import Condition, Op
from gateway.model.update import Set
from gateway.model.values import Date
from tests.outside import OutsideWorld

CLIENT, USER, MASTER = Caller(app="blog"), Caller(app="blog", user_id="u1"), Caller(app="blog", master=True)
TEMPLATES = {
    "both": EmailText("Hello {who}", "Dear {who}, {what}", "<p>Dear {who}, <b>{what}</b></p>"),
    "text": EmailText("Hi", "Text"),
}


@dataclass
class Stored:
    """A kept file, as the layer of files tells of it."""

    name: str
    body: bytes
    mime_type: str = "text/plain"
    etag: str = "e"
    modified: Date = field(default_factory=lambda: Date.from_ms(0))
    claimed: int | None = None

    @property
    def size(self) -> int:
        return len(self.body) if self.claimed is None else self.claimed

    async def read(self, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        yield self.body[:2]
        yield self.body[2:]


@dataclass
class Shelf:
    files: dict[str, Stored] = field(default_factory=dict)
    asked: list[tuple[str, Caller]] = field(default_factory=list)

    async def execute(self, op: Operation, caller: Caller) -> Result:
        assert isinstance(op, FindFiles)
        assert op.opened
        self.asked.append((op.path, caller))
        if op.path not in self.files:
            raise GatewayError(Code.FILE_NOT_FOUND, "no such file")
        if op.path == "folder":
            return Result(value=[])
        return Result(content=self.files[op.path])

    async def identify(self, caller: Caller) -> Caller:
        return caller

    async def close(self) -> None:
        pass


@dataclass
class World:
    store: Embedded
    mailer: Mailer
    outside: OutsideWorld
    shelf: Shelf = field(default_factory=Shelf)
    seconds: float = 1_800_000_000.0

    def emails(self, *, files: bool = True, mailer: bool = True, people: bool = True, **rules: Any) -> Emails:
        emails = Emails(
            Typed(Accounts(self.store, Policy()), self.store) if people else None,
            Ledger(self.store),
            self.mailer if mailer else None,
            EmailRules(**{"templates": TEMPLATES, **rules}),
            app="blog",
            now=lambda: self.seconds,
        )
        emails.files = self.shelf if files else None
        return emails


@pytest.fixture
async def world(tmp_path: Path, outside: OutsideWorld) -> AsyncIterator[World]:
    store = await Embedded.open(f"sqlite:///{tmp_path}/here.db", secret=b"s" * 32)
    async with outside.outside() as adapters:
        assert isinstance(adapters, Outside)
        assert adapters.mailer is not None
        yield World(store, adapters.mailer, outside)
    await store.close()


def email(*to: str, **more: Any) -> SendEmail:
    return SendEmail(**{"subject": "S", "to": to or ("a@b.example",), "text": "t", **more})


async def refused(code: Code, work: Any) -> str:
    with pytest.raises(GatewayError) as raised:
        await work
    assert raised.value.code is code, raised.value
    return raised.value.message


async def test_an_email_arrives_in_both_forms(world: World) -> None:
    told = (await world.emails().send(email("a@b.example", "c@b.example", html="<b>t</b>"), CLIENT)).value
    assert told == {"id": told["id"], "status": "scheduled", "error": None}
    [mail] = world.outside.mails
    assert (mail.to, mail.subject) == (("a@b.example", "c@b.example"), "S")
    assert (mail.text.strip(), mail.html.strip()) == ("t", "<b>t</b>")


async def test_files_go_with_it_as_far_as_the_caller_may_read_them(world: World) -> None:
    world.shelf.files = {
        "docs/f.txt": Stored("f.txt", b"hello"),
        "x.eml": Stored("x\r\ny.eml", b"Subject: x\r\n\r\nhi", "message/rfc822"),
        "p.png": Stored("ü.png", b"\x89PNG", "image/png"),
        "odd": Stored("odd", b"?", "no type at all"),
    }
    paths = ("/docs/f.txt", "x.eml", "p.png", "odd")
    await world.emails().send(email(attachments=paths), USER)
    parts = list(world.outside.mails[0].message.iter_attachments())
    assert [(part.get_filename(), part.get_content_type(), part.get_payload(decode=True)) for part in parts] == [
        ("f.txt", "text/plain", b"hello"),
        ("x__y.eml", "application/octet-stream", b"Subject: x\r\n\r\nhi"),
        ("ü.png", "image/png", b"\x89PNG"),
        ("odd", "application/octet-stream", b"?"),
    ]
    assert world.shelf.asked == [(path.strip("/"), USER) for path in paths]
    world.shelf.files["folder"] = Stored("folder", b"")
    for path in ("none", "folder"):
        await refused(Code.FILE_NOT_FOUND, world.emails().send(email(attachments=(path,)), USER))


async def test_attachments_are_few_and_not_too_large(world: World) -> None:
    world.shelf.files = {"big": Stored("big", b"x", claimed=6 * 1024**2)}
    await refused(Code.TOO_LARGE, world.emails().send(email(attachments=("big", "big")), CLIENT))
    await refused(Code.BAD_VALUE, world.emails().send(email(attachments=("big",) * 11), CLIENT))
    await refused(Code.UNSUPPORTED, world.emails(files=False).send(email(attachments=("big",)), CLIENT))
    assert world.outside.mails == []


async def test_a_template_is_filled_and_what_is_filled_in_is_no_html(world: World) -> None:
    values = {"who": "T\r\nBcc: x@y.example <i>", "what": {"a": 1}}
    op = SendTemplate(name="both", to=("a@b.example",), cc=("c@b.example",), bcc=("d@b.example",), values=values)
    await world.emails().send_template(op, CLIENT)
    [mail] = world.outside.mails
    assert mail.to == ("a@b.example", "c@b.example", "d@b.example")
    assert (mail.message["To"], mail.message["Cc"], mail.message["Bcc"]) == ("a@b.example", "c@b.example", None)
    assert mail.subject == "Hello T Bcc: x@y.example <i>"
    assert "<p>Dear T\nBcc: x@y.example &lt;i&gt;, <b>{&quot;a&quot;:1}</b></p>" in mail.html.replace("\r", "")


async def test_a_place_without_a_value_stays_and_a_value_is_not_filled_in_turn(world: World) -> None:
    op = SendTemplate(name="both", to=("a@b.example",), values={"who": "{what}"})
    await world.emails().send_template(op, CLIENT)
    assert world.outside.mails[0].text.strip() == "Dear {what}, {what}"


async def test_each_can_have_a_mail_of_its_own(world: World) -> None:
    op = SendTemplate(name="text", to=("a@b.example", "a@b.example"), cc=("c@b.example",), unique=True)
    await world.emails().send_template(op, CLIENT)
    assert sorted(mail.to for mail in world.outside.mails) == [("a@b.example",), ("c@b.example",)]


async def test_users_that_match_are_written_to_and_nobody_learns_of_them(world: World) -> None:
    accounts = Accounts(world.store, Policy())
    for name, age in (("a", 10), ("b", 20), ("c", 30)):
        changes = {"username": Set(name), "password": Set("p"), "email": Set(f"{name}@b.example"), "age": Set(age)}
        await accounts.execute(SignUp(changes=changes), CLIENT)
    await accounts.execute(SignUp(changes={"username": Set("d"), "password": Set("p"), "age": Set(40)}), CLIENT)
    op = SendTemplate(name="text", to=("not@b.example",), criteria=Condition("age", Op.GT, 15))
    told = (await world.emails().send_template(op, CLIENT)).value
    assert sorted(mail.to for mail in world.outside.mails) == [("b@b.example",), ("c@b.example",)]
    assert set(told) == {"id", "status", "error"}
    recent = SendTemplate(name="text", criteria=Condition("@created_at", Op.GT, 4_102_444_800_000))
    assert (await world.emails().send_template(recent, CLIENT)).value["status"] == "scheduled"
    assert len(world.outside.mails) == 2
    await refused(Code.UNSUPPORTED, world.emails(people=False).send_template(op, CLIENT))


async def test_users_match_as_far_as_who_asks_sees_them(world: World) -> None:
    for name, private in (("a", False), ("b", True)):
        changes = {"username": Set(name), "password": Set("p"), "email": Set(f"{name}@b.example")}
        await Accounts(world.store, Policy(private_users=private)).execute(SignUp(changes=changes), CLIENT)
    everybody = SendTemplate(name="text", criteria=Condition("username", Op.IN, ["a", "b"]))
    await world.emails().send_template(everybody, CLIENT)
    assert [mail.to for mail in world.outside.mails] == [("a@b.example",)]
    guess = SendTemplate(name="text", criteria=Condition("email", Op.EQ, "a@b.example"))
    with contextlib.suppress(GatewayError):
        await world.emails().send_template(guess, CLIENT)
    assert len(world.outside.mails) == 1, "nobody learns who has an address"
    await world.emails().send_template(everybody, MASTER)
    assert len(world.outside.mails) == 3


async def test_who_may_send(world: World) -> None:
    allowed = {"clients": [True, True, True], "users": [False, True, True], "master": [False, False, True]}
    for by, who in allowed.items():
        for caller, may in zip((CLIENT, USER, MASTER), who, strict=True):
            for op in (email(), SendTemplate(name="text", to=("a@b.example",))):
                emails = world.emails(by=by)
                sent = emails.operations()[type(op)](op, caller)
                if may:
                    await sent
                else:
                    assert "messaging.emails_by" in await refused(Code.FORBIDDEN, sent)
    assert len(world.outside.mails) == 12


async def test_so_many_in_an_hour_and_no_more_for_all_gateways(world: World) -> None:
    one, two = world.emails(an_hour=5), world.emails(an_hour=5)
    await one.send(email("a@b.example", "b@b.example"), CLIENT)
    await two.send(email("a@b.example", "b@b.example"), CLIENT)
    await refused(Code.RATE_LIMITED, one.send(email("a@b.example", "b@b.example"), CLIENT))
    await two.send(email(), MASTER)  # what was refused does not count
    await refused(Code.RATE_LIMITED, two.send(email(), CLIENT))
    world.seconds += 3600
    outcomes = await asyncio.gather(*(own.send(email(), CLIENT) for own in [one, two] * 5), return_exceptions=True)
    assert sum(isinstance(outcome, Result) for outcome in outcomes) == 5


async def test_what_goes_wrong_for_some_is_told(world: World) -> None:
    world.outside.refuses = {"b@b.example"}
    op = SendTemplate(name="text", to=("a@b.example", "b@b.example"), unique=True)
    assert (await world.emails().send_template(op, CLIENT)).value["error"] == "1 of 2 emails could not be sent"
    await refused(Code.BAD_EMAIL, world.emails().send(email("b@b.example"), CLIENT))
    await refused(Code.BAD_EMAIL, world.emails().send(email("nobody"), CLIENT))


async def test_what_cannot_be_an_email_is_refused(world: World) -> None:
    emails = world.emails()
    await refused(Code.MISSING_VALUE, emails.send(email(text=None), CLIENT))
    await refused(Code.BAD_VALUE, emails.send(email(subject="x" * 501), CLIENT))
    await refused(Code.BAD_REQUEST, emails.send(email(subject="a\r\nBcc: x@y.example"), CLIENT))
    await refused(Code.BAD_VALUE, emails.send(email(*(f"a{n}@b.example" for n in range(101))), CLIENT))
    await refused(Code.NOT_CONFIGURED, world.emails(mailer=False).send(email(), CLIENT))
    message = await refused(Code.NO_TEMPLATE, emails.send_template(SendTemplate(name="x", to=("a@b.example",)), CLIENT))
    assert message == "Email Template with name 'x' doesn't exist."
    assert world.outside.mails == []
