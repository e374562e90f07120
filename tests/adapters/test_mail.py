"""Mail against a real server: what arrives, what is refused, and what fails in which words."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import trustme

from gateway.adapters.base import Mail
from gateway.adapters.mail import MOST_RECIPIENTS, SmtpMailer, read_address, written
from gateway.errors import Code, GatewayError
from tests.outside import SENDER, OutsideWorld, mail_server

LOGIN = ("blog", "s3cr3t-p4ssword")
MAIL = Mail(to=("tom@example.com",), subject="Hello", text="Hello Tom")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def at_server(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def world() -> OutsideWorld:
    return OutsideWorld()


def mailer(port: int, **settings: Any) -> SmtpMailer:
    return SmtpMailer(
        **{"host": "127.0.0.1", "port": port, "security": "none", "sender": SENDER, "timeout": 30, **settings}
    )


async def refused(mailer: SmtpMailer, mail: Mail = MAIL) -> tuple[Code, str]:
    with pytest.raises(GatewayError) as error:
        await mailer.send(mail)
    return error.value.code, error.value.message


async def test_a_mail_arrives_as_it_was_written(world: OutsideWorld) -> None:
    mail = Mail(
        to=("tom@example.com", "Zoë Ölfuß <zoe@bücher.example>"),
        cc=('"Last, First" <cc@example.com>',),
        bcc=("bcc@example.com", "tom@example.com"),
        reply_to=("help@blog.example",),
        subject="Grüße 你好 " + "sehr lang " * 20,
        text="Grüße\n.\n" + "x" * 3000 + "\n",
        html="<p>你好</p>\n",
    )
    async with mail_server(world) as port:
        await mailer(port).send(mail)
    [got] = world.mails
    assert got.sender == "no-reply@blog.example"
    assert got.to == ("tom@example.com", "zoe@xn--bcher-kva.example", "cc@example.com", "bcc@example.com")
    assert (got.subject, got.text, got.html) == (mail.subject, mail.text, mail.html)
    headers = {name: str(value) for name, value in got.message.items()}
    assert headers["From"] == SENDER
    assert headers["To"] == "tom@example.com, Zoë Ölfuß <zoe@xn--bcher-kva.example>"
    assert headers["Cc"] == '"Last, First" <cc@example.com>'
    assert headers["Reply-To"] == "help@blog.example"
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["Message-ID"].endswith("@blog.example>")
    assert parsedate_to_datetime(headers["Date"]).utcoffset() is not None
    assert "bcc@example.com" not in got.message.as_string()


@pytest.mark.parametrize(
    ("mail", "kind"),
    [
        (Mail(to=("a@example",), subject="", text="only text"), "text/plain"),
        (Mail(to=("a@example",), subject="", html="<p>only HTML"), "text/html"),
        (Mail(to=("a@example",), subject="", text="both", html="<p>both"), "multipart/alternative"),
    ],
)
async def test_a_mail_has_the_parts_that_it_was_given(mail: Mail, kind: str, world: OutsideWorld) -> None:
    async with mail_server(world) as port:
        await mailer(port).send(mail)
    assert world.mails[0].message.get_content_type() == kind


async def test_starttls_and_a_log_in(world: OutsideWorld, at_server: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    async with mail_server(world, starttls=at_server, login=LOGIN) as port:
        own = {"security": "starttls", "tls": trusting, "username": LOGIN[0]}
        await mailer(port, password=LOGIN[1], **own).send(MAIL)
        assert len(world.mails) == 1
        wrong = await refused(mailer(port, password="wrong", **own))
        none = await refused(mailer(port, security="starttls", tls=trusting))
    assert wrong == (Code.UNAVAILABLE, "the mail server does not let the gateway in")
    assert none == (Code.UNAVAILABLE, "the mail could not be sent")
    assert len(world.mails) == 1


async def test_tls_from_the_first_byte(
    world: OutsideWorld, at_server: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    async with mail_server(world, tls=at_server, login=LOGIN) as port:
        await mailer(port, security="tls", tls=trusting, username=LOGIN[0], password=LOGIN[1]).send(MAIL)
    assert [mail.subject for mail in world.mails] == ["Hello"]


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_a_certificate_of_somebody_else_is_not_believed(
    security: str, world: OutsideWorld, at_server: ssl.SSLContext
) -> None:
    offered: dict[str, Any] = {security: at_server}
    async with mail_server(world, **offered) as port:
        assert await refused(mailer(port, security=security)) == (Code.UNAVAILABLE, "the mail could not be sent")
    assert world.mails == []


async def test_a_server_without_starttls_gets_neither_password_nor_mail(
    world: OutsideWorld, trusting: ssl.SSLContext
) -> None:
    async with mail_server(world, login=LOGIN) as port:
        own = mailer(port, security="starttls", tls=trusting, username=LOGIN[0], password=LOGIN[1])
        assert await refused(own) == (Code.UNAVAILABLE, "the mail could not be sent")
    assert world.mails == []


async def test_an_address_that_the_server_refuses_for_good(world: OutsideWorld) -> None:
    world.refuses.add("nobody@example.com")
    async with mail_server(world) as port:
        alone = await refused(mailer(port), Mail(to=("nobody@example.com",), subject="", text=""))
        with_tom = await refused(mailer(port), Mail(to=("nobody@example.com", "tom@example.com"), subject="", text=""))
    assert alone == (Code.BAD_EMAIL, "the mail server refuses 1 of 1 addresses")
    assert with_tom == (Code.BAD_EMAIL, "the mail server refuses 1 of 2 addresses")
    assert [mail.to for mail in world.mails] == [("tom@example.com",)]


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


@asynccontextmanager
async def talking(talk: Talk) -> AsyncIterator[int]:
    """A server that says what no proper one does."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def says_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    return


async def is_no_mail_server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await writer.drain()
    await reader.read()


async def never_ends(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            writer.write(b"220-welcome\r\n" * 1000)
            await writer.drain()
    except ConnectionError:
        return


async def is_busy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes what is said, but no recipient today."""
    writer.write(b"220 hello\r\n")
    while line := await reader.readline():
        writer.write(b"451 try again\r\n" if line.startswith(b"RCPT") else b"250 fine\r\n")


async def takes_it_and_falls_asleep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 hello\r\n")
    while (line := await reader.readline()) and not line.startswith(b"QUIT"):
        if line.startswith(b"DATA"):
            writer.write(b"354 go on\r\n")
            await reader.readuntil(b"\r\n.\r\n")
        writer.write(b"250 fine\r\n")
    await reader.read()


async def test_what_was_accepted_is_sent_whatever_comes_after() -> None:
    async with talking(takes_it_and_falls_asleep) as port:
        await mailer(port, timeout=2).send(MAIL)


@pytest.mark.parametrize(
    ("talk", "told"),
    [
        (says_nothing, (Code.TIMEOUT, "the mail server did not answer in time")),
        (hangs_up, (Code.UNAVAILABLE, "the mail could not be sent")),
        (is_no_mail_server, (Code.UNAVAILABLE, "the mail could not be sent")),
        (is_busy, (Code.UNAVAILABLE, "the mail could not be sent to every address; try again later")),
    ],
)
async def test_a_server_that_fails(talk: Talk, told: tuple[Code, str]) -> None:
    async with talking(talk) as port:
        assert await refused(mailer(port, timeout=0.5 if talk is says_nothing else 30)) == told


async def test_a_greeting_without_end_is_bounded() -> None:
    async with talking(never_ends) as port:
        code, _ = await refused(mailer(port, timeout=0.5))
    assert code in (Code.TIMEOUT, Code.UNAVAILABLE)


async def test_a_server_that_is_not_there(unused_tcp_port: int) -> None:
    assert await refused(mailer(unused_tcp_port)) == (Code.UNAVAILABLE, "the mail could not be sent")
    assert await refused(mailer(25, host="not-there.invalid")) == (Code.UNAVAILABLE, "the mail could not be sent")


async def test_no_password_is_in_the_log(
    world: OutsideWorld, at_server: ssl.SSLContext, trusting: ssl.SSLContext, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # the server's own
    async with mail_server(world, starttls=at_server, login=("blog", "right")) as port:
        await refused(mailer(port, security="starttls", tls=trusting, username=LOGIN[0], password=LOGIN[1]))
    assert "a mail server refuses the gateway's log-in host=127.0.0.1 code=535" in caplog.text
    assert LOGIN[1] not in caplog.text
    assert "Hello" not in repr(MAIL)


BAD_ADDRESSES = [
    "",
    "tom",
    "@example.com",
    "tom@",
    "a b@example.com",
    "a,b@example.com",
    "tom@example.com,eve@example.com",
    "tom@example.com, eve@example.com",
    "tom@example.com\r\nBcc: eve@example.com",
    "Tom\r\nBcc: eve@example.com <tom@example.com>",
    "tom@example.com\u2028",
    "tom@exam\x00ple.com",
    "<tom@example.com>, <eve@example.com>",
    "everybody:eve@example.com;",
    "(comment)tom@example.com",
    "töm@example.com",
    "tom@example..com",
    "t\ud800m@example.com",
    "\ud800 <tom@example.com>",
    "x" * 600 + "@example.com",
]


@pytest.mark.parametrize("address", BAD_ADDRESSES)
@pytest.mark.parametrize("place", ["to", "cc", "bcc", "reply_to"])
def test_what_is_not_exactly_one_address_is_refused(address: str, place: str) -> None:
    given: dict[str, Any] = {"to": ("tom@example.com",), place: (address,)}
    with pytest.raises(GatewayError) as error:
        written(Mail(**given, subject="", text=""), read_address(SENDER))
    assert error.value.code is Code.BAD_EMAIL
    assert error.value.message == "Email address format is invalid."


@pytest.mark.parametrize(
    ("mail", "message"),
    [
        (Mail(to=("a@example",), subject="x\r\nBcc: eve@example.com"), "the subject of a mail is one line"),
        (Mail(to=("a@example",), subject="x\n"), "the subject of a mail is one line"),
        (Mail(to=("a@example",), subject="x\u2028y"), "the subject of a mail is one line"),
        (Mail(to=("a@example",), subject="\ud800"), "a mail can hold Unicode text only"),
        (Mail(to=("a@example",), subject="", text="\ud800"), "a mail can hold Unicode text only"),
        (Mail(to=("a@example",), subject="", html="\ud800"), "a mail can hold Unicode text only"),
        (Mail(to=(), subject=""), "a mail goes to 1 address at least, and to 100 at most"),
        (
            Mail(to=tuple(f"a{n}@example" for n in range(MOST_RECIPIENTS + 1)), subject=""),
            "a mail goes to 1 address at least, and to 100 at most",
        ),
    ],
)
def test_a_mail_that_cannot_be_one(mail: Mail, message: str) -> None:
    with pytest.raises(GatewayError) as error:
        written(mail, read_address(SENDER))
    assert (error.value.code, error.value.message) == (Code.BAD_REQUEST, message)
