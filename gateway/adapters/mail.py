"""Mail by SMTP, with a connection for each: a pool would save little, and servers drop idle ones as they like."""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid
from typing import Final, Literal

import aiosmtplib

from gateway.adapters.base import Attachment, Mail
from gateway.errors import Code, GatewayError

log = logging.getLogger(__name__)

Security = Literal["starttls", "tls", "none"]

MOST_RECIPIENTS: Final = 100
MOST_AT_ONCE: Final = 10
"""Connections: mail servers refuse who opens many."""
LONGEST_ADDRESS: Final = 500
GOODBYE: Final = 1.0
"""Seconds that a server has to answer a QUIT."""

# no line of more than 76 characters and no byte above 127 in a body, so that every server takes it
_POLICY: Final = SMTP.clone(cte_type="7bit")
_NAMED = re.compile(r"\s*(?P<name>[^<>]*?)\s*<(?P<address>[^<>]*)>\s*")
_MIME_TYPE = re.compile(r"([a-z]+)/([a-z0-9][a-z0-9.+-]*)(?:;.*)?", re.IGNORECASE)
_BYTES: Final = ("application", "octet-stream")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class SmtpMailer:
    """Sends by one mail server. `timeout` is seconds for one mail, the wait for its turn included."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        security: Security,
        sender: str,
        username: str | None = None,
        password: str | None = None,
        timeout: float = 20.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._host, self._port, self._security = host, port, security
        self._sender = read_address(sender)
        self._username, self._password = username, password
        self._timeout = timeout
        self._tls = (tls or ssl.create_default_context()) if security != "none" else None
        self._turns = asyncio.Semaphore(MOST_AT_ONCE)

    async def send(self, mail: Mail) -> None:
        message, recipients = written(mail, self._sender)
        try:
            async with asyncio.timeout(self._timeout) as limit, self._turns:
                refused = await self._sent(message, recipients, limit)
        except (TimeoutError, aiosmtplib.SMTPTimeoutError):
            log.warning("a mail server took too long host=%s timeout=%ss", self._host, self._timeout)
            raise GatewayError(Code.TIMEOUT, "the mail server did not answer in time") from None
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise self._refused([one.code for one in error.recipients], recipients) from None
        except aiosmtplib.SMTPAuthenticationError as error:
            # only its number: a server may repeat what it was told
            log.error("a mail server refuses the gateway's log-in host=%s code=%s", self._host, error.code)  # noqa: TRY400
            raise GatewayError(Code.UNAVAILABLE, "the mail server does not let the gateway in") from None
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            code = error.code if isinstance(error, aiosmtplib.SMTPResponseException) else None
            log.warning("a mail was not sent host=%s reason=%s code=%s", self._host, type(error).__name__, code)
            raise GatewayError(Code.UNAVAILABLE, "the mail could not be sent") from None
        if refused:
            raise self._refused(refused, recipients)

    async def _sent(self, message: EmailMessage, recipients: list[str], limit: asyncio.Timeout) -> list[int]:
        """The codes of the recipients that the server has refused, where it took others."""
        server = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            # the domain it sends from: to ask for the machine's own name may block, and is often no domain
            local_hostname=self._sender.domain,
            username=self._username,
            password=self._password,
            timeout=self._timeout,
            use_tls=self._security == "tls",
            start_tls=self._security == "starttls",  # and then never without, whatever the server offers
            tls_context=self._tls,
        )
        try:
            await server.connect()
            responses, _ = await server.send_message(message, sender=self._sender.addr_spec, recipients=recipients)
            limit.reschedule(None)  # it is accepted: what comes now is manners, and cannot make it fail
            with suppress(aiosmtplib.SMTPException, OSError):
                await server.quit(timeout=GOODBYE)
            return [response.code for response in responses.values()]
        finally:
            server.close()

    def _refused(self, codes: list[int], recipients: list[str]) -> GatewayError:
        log.warning("a mail server refuses recipients host=%s codes=%s of=%s", self._host, codes, len(recipients))
        if all(code >= 500 for code in codes):  # for good: RFC 5321, 4.2.1
            return GatewayError(Code.BAD_EMAIL, f"the mail server refuses {len(codes)} of {len(recipients)} addresses")
        return GatewayError(Code.UNAVAILABLE, "the mail could not be sent to every address; try again later")


def written(mail: Mail, sender: Address) -> tuple[EmailMessage, list[str]]:
    """The message, and the addresses it goes to. Raises GatewayError: BAD_EMAIL, or BAD_REQUEST for all else."""
    to, cc, bcc = (read_addresses(addresses) for addresses in (mail.to, mail.cc, mail.bcc))
    recipients = list(dict.fromkeys(address.addr_spec for address in (*to, *cc, *bcc)))
    if not 0 < len(recipients) <= MOST_RECIPIENTS:
        raise GatewayError(Code.BAD_REQUEST, f"a mail goes to 1 address at least, and to {MOST_RECIPIENTS} at most")
    if _CONTROL.search(mail.subject):
        raise GatewayError(Code.BAD_REQUEST, "the subject of a mail is one line")
    message = EmailMessage(policy=_POLICY)
    try:
        message["From"] = sender
        message["To"] = to
        if cc:
            message["Cc"] = cc
        if mail.reply_to:
            message["Reply-To"] = read_addresses(mail.reply_to)
        message["Subject"] = mail.subject
        message["Date"] = datetime.now(UTC)
        message["Message-ID"] = make_msgid(domain=sender.domain)
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday note answers it
        if mail.text is not None:
            message.set_content(mail.text)
        if mail.html is not None and mail.text is not None:
            message.add_alternative(mail.html, subtype="html")
        elif mail.html is not None:
            message.set_content(mail.html, subtype="html")
        for attachment in mail.attachments:
            _attach(message, attachment)
    except ValueError:  # half of a surrogate pair, which no encoding has
        raise GatewayError(Code.BAD_REQUEST, "a mail can hold Unicode text only") from None
    return message, recipients


def _attach(message: EmailMessage, attachment: Attachment) -> None:
    kind = _MIME_TYPE.fullmatch(attachment.mime_type)
    # as bytes, whatever it is: a mail as an attachment would be read, and its headers be ours to answer for
    main, sub = kind.groups() if kind is not None and kind[1] not in ("multipart", "message") else _BYTES
    name = _CONTROL.sub("_", attachment.name)
    message.add_attachment(attachment.body, maintype=main, subtype=sub, filename=name)


def read_addresses(addresses: Iterable[str]) -> tuple[Address, ...]:
    return tuple(map(read_address, addresses))


def read_address(text: str) -> Address:
    """`tom@example.com`, or `Tom <tom@example.com>`. Raises GatewayError(BAD_EMAIL) where it is not exactly one."""
    named = _NAMED.fullmatch(text)
    name, spec = (named["name"].strip('"'), named["address"]) if named else ("", text)
    local, _, domain = spec.rpartition("@")
    bad = GatewayError(Code.BAD_EMAIL, "Email address format is invalid.")
    if not local or not domain or len(text) > LONGEST_ADDRESS or _CONTROL.search(text):
        raise bad
    try:
        name.encode()  # half of a surrogate pair is no text
        # a domain in its ASCII form; another local part than an ASCII one few servers take
        spec = f"{local}@{domain.encode('idna').decode()}"
        address = Address(name, addr_spec=spec)
    except (ValueError, MessageError):
        raise bad from None
    if address.addr_spec != spec:  # a comment was left out of it: it is another address than it seems
        raise bad
    return address
