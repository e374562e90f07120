"""Emails that an app's clients ask for: their own words, or those of the config, to addresses or to users.

Whoever holds a key of the app could write to the whole world in its name. So the config says who may, and how many
mails an app sends in an hour, which are counted in the store, for all gateways together.

    @email    app and hour -> how many recipients it had
"""

from __future__ import annotations

import asyncio
import html
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from gateway.adapters.base import Attachment, Mail, Mailer
from gateway.backends.base import Backend
from gateway.backends.ledger import Ledger
from gateway.backends.messaging import filled
from gateway.errors import Code, GatewayError
from gateway.model import messaging
from gateway.model.account import USER
from gateway.model.files import FindFiles
from gateway.model.messaging import MessageStatus
from gateway.model.operation import Caller, DeleteMany, Find, Operation, Result, Returning, Upsert
from gateway.model.query import Condition, Filter, Op, Sort
from gateway.model.update import Change, Increment, Set, SetOnInsert
from gateway.model.values import ID

EMAIL: Final = "@email"

MOST_AT_ONCE: Final = 100
"""Recipients of one request."""
MOST_ATTACHMENTS: Final = 10
LONGEST_ATTACHMENTS: Final = 10 * 1024**2
"""Bytes, of all of a mail together: what most mail servers take."""
LONGEST_SUBJECT: Final = 500
HOUR: Final = 3600

_LINES = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class EmailText:
    """What a mail says, with `{places}`: a text, or HTML, or both."""

    subject: str
    text: str | None = None
    html: str | None = None


@dataclass(frozen=True, slots=True)
class EmailRules:
    """Who may send emails, how many recipients they have in an hour, and what the config has by name."""

    by: Literal["clients", "users", "master"] = "clients"
    an_hour: int = 100
    templates: Mapping[str, EmailText] = field(default_factory=dict)


class Emails:
    """What each operation answers is said in `model.messaging`.

    `people` has the users; without it emails go to addresses only.
    """

    def __init__(
        self,
        people: Backend | None,
        ledger: Ledger,
        mailer: Mailer | None,
        rules: EmailRules,
        *,
        app: str,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._people, self._ledger, self._mailer, self._rules = people, ledger, mailer, rules
        self._app, self._now = app, now
        self.files: Backend | None = None
        """What reads the files that are attached; without it there are none."""

    def operations(self) -> Mapping[type[Operation], Callable[[Any, Caller], Awaitable[Result]]]:
        return {messaging.SendEmail: self.send, messaging.SendTemplate: self.send_template}

    async def send(self, op: messaging.SendEmail, caller: Caller) -> Result:
        self._check(caller)
        if not op.text and not op.html:
            raise GatewayError(Code.MISSING_VALUE, "an email has a text, or HTML, or both")
        if len(op.subject) > LONGEST_SUBJECT:
            raise GatewayError(Code.BAD_VALUE, f"a subject has {LONGEST_SUBJECT} characters at the most")
        attachments = await self._attachments(op.attachments, caller)
        mail = Mail(to=op.to, subject=op.subject, text=op.text, html=op.html, attachments=attachments)
        return await self._sent([mail])

    async def send_template(self, op: messaging.SendTemplate, caller: Caller) -> Result:
        self._check(caller)
        template = self._rules.templates.get(op.name)
        if template is None:
            message = f"Email Template with name '{op.name}' doesn't exist."  # the vendor's suite
            raise GatewayError(Code.NO_TEMPLATE, message, name=op.name)
        # the REST guide: addresses are passed over where there are criteria
        to = op.to if op.criteria is None else await self._addresses(op.criteria, caller)
        apart = op.unique or op.criteria is not None
        attachments = await self._attachments(op.attachments, caller)
        safe = {name: html.escape(filled("{it}", {"it": value})) for name, value in (op.values or {}).items()}
        words: dict[str, Any] = {
            "subject": _LINES.sub(" ", filled(template.subject, op.values))[:LONGEST_SUBJECT],
            "text": None if template.text is None else filled(template.text, op.values),
            "html": None if template.html is None else filled(template.html, safe),
            "attachments": attachments,
        }
        if not apart:
            return await self._sent([Mail(to=to, cc=op.cc, bcc=op.bcc, **words)])
        everybody = dict.fromkeys((*to, *op.cc, *op.bcc))
        return await self._sent([Mail(to=(address,), **words) for address in everybody])

    def _check(self, caller: Caller) -> None:
        if self._mailer is None:
            raise GatewayError(Code.NOT_CONFIGURED, "this app has no mail server; the setting mail names one")
        allowed = {"clients": True, "users": caller.user_id is not None, "master": False}[self._rules.by]
        if not (allowed or caller.unrestricted):
            raise GatewayError(
                Code.FORBIDDEN, f"emails are for {self._rules.by} here; the setting messaging.emails_by says so"
            )

    async def _addresses(self, criteria: Filter, caller: Caller) -> tuple[str, ...]:
        """Of the users that match, who have one. Who asks learns of nobody.

        They match as far as the caller sees them: whether a mail comes would tell what a hidden column has.
        """
        if self._people is None:
            raise GatewayError(Code.UNSUPPORTED, "users cannot be written to here: another server has them")
        by_id, most = (Sort(ID),), MOST_AT_ONCE + 1
        match = Find(class_name=USER, limit=most, where=criteria, select=(ID,), order=by_id, untyped=True)
        ids = [user[ID] for user in (await self._people.execute(match, caller)).objects or []]
        if len(ids) > MOST_AT_ONCE:
            raise GatewayError(
                Code.BAD_VALUE, f"more than {MOST_AT_ONCE} users match; send to a part of them at a time"
            )
        read = Find(class_name=USER, limit=most, where=Condition(ID, Op.IN, ids), select=("email",), order=by_id)
        users = (await self._people.execute(read, Caller(self._app, trusted=True))).objects or []
        return tuple(user["email"] for user in users if isinstance(user.get("email"), str) and user["email"])

    async def _attachments(self, paths: tuple[str, ...], caller: Caller) -> tuple[Attachment, ...]:
        """Files that the caller may read."""
        if len(paths) > MOST_ATTACHMENTS:
            raise GatewayError(Code.BAD_VALUE, f"an email has {MOST_ATTACHMENTS} attachments at the most")
        if paths and self.files is None:
            raise GatewayError(Code.UNSUPPORTED, "this app keeps no files that could be attached")
        left, attachments = LONGEST_ATTACHMENTS, []
        for path in paths:
            assert self.files is not None
            # as who opens it, which asks its list and its directories
            opened = FindFiles(path=path.strip("/"), limit=0, opened=True)
            kept = (await self.files.execute(opened, caller)).content
            if kept is None:
                raise GatewayError(Code.FILE_NOT_FOUND, "a directory cannot be attached", name=path)
            left -= kept.size
            if left < 0:
                raise GatewayError(Code.TOO_LARGE, f"attachments have {LONGEST_ATTACHMENTS} bytes at the most")
            body = b"".join([piece async for piece in kept.read()])
            attachments.append(Attachment(name=kept.name, mime_type=kept.mime_type, body=body))
        return tuple(attachments)

    async def _sent(self, mails: list[Mail]) -> Result:
        """Sends them all; some may go wrong."""
        recipients = sum(len(mail.to) + len(mail.cc) + len(mail.bcc) for mail in mails)
        if recipients > MOST_AT_ONCE:
            raise GatewayError(Code.BAD_VALUE, f"an email goes to {MOST_AT_ONCE} addresses at the most")
        await self._count(recipients)
        assert self._mailer is not None
        outcomes = await asyncio.gather(*(self._mailer.send(mail) for mail in mails), return_exceptions=True)
        errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        if errors and (len(errors) == len(mails) or not isinstance(errors[0], GatewayError)):
            raise errors[0]
        error = f"{len(errors)} of {len(mails)} emails could not be sent" if errors else None
        # Backendless' suite: what an email is answered with is what a message is
        id_ = f"email:{str(uuid.uuid4()).upper()}"
        return Result(value={"id": id_, "status": MessageStatus.SCHEDULED, "error": error})

    async def _count(self, recipients: int) -> None:
        """Raises GatewayError(RATE_LIMITED)."""
        hour = int(self._now() // HOUR)
        after = await self._add(hour, recipients)
        if after > self._rules.an_hour:
            await self._add(hour, -recipients)
            raise GatewayError(
                Code.RATE_LIMITED, f"this app sends {self._rules.an_hour} emails in an hour; try again later"
            )
        if after == recipients:  # the first of this hour
            old = Condition("hour", Op.LT, hour - 1)
            await self._ledger.execute(DeleteMany(class_name=EMAIL, where=old))

    async def _add(self, hour: int, recipients: int) -> int:
        changes: dict[str, Change] = {"number": Increment(recipients), "hour": Set(hour), "app": SetOnInsert(self._app)}
        found = await self._ledger.execute(
            Upsert(class_name=EMAIL, id=f"{self._app}:{hour}", changes=changes, returning=Returning.EVERYTHING)
        )
        number: int = (found.object or {})["number"]
        return number
