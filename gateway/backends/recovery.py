"""Who cannot log in, or has to prove an address: links by mail, codes by text message, captchas.

What is sent is kept as a digest only, in classes of the gateway's own (`ledger`):

    @link    a purpose and a user's id -> the SHA-256 of the token in it, the address it went to, whether it is used
    @code    a purpose and a phone number -> the HMAC of the code, and how often somebody has guessed
    @sent    the SHA-256 of whom -> when something was sent there last, and how often in a day

There is one row for each purpose and user, so a newer link makes the older one useless. A link and a code are used up
in the batch that does what they prove: of two who come with one, one succeeds. A try at a code is counted before the
code is looked at, so that guesses made at once are no way around the limit.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest, digest
from typing import Any, Final, Protocol

from gateway.adapters.base import Outside, TextMessage
from gateway.backends.later import Later
from gateway.backends.ledger import CODE, LINK, SENT, Ledger, Seen, name_of
from gateway.backends.letters import LETTERS, Letter, Link
from gateway.errors import Code, GatewayError
from gateway.model.account import USER, LogIn, SignUp
from gateway.model.operation import Caller, Create, Delete, Find, Operation, Result, Returning, Update
from gateway.model.query import And, Condition, Op
from gateway.model.recovery import (
    ChangePhone,
    CheckCaptcha,
    CheckCode,
    Medium,
    NewCaptcha,
    Purpose,
    ResetPassword,
    SendCode,
    SendLink,
    VerifyEmail,
    VerifyPhone,
)
from gateway.model.update import Change, Changes, Increment, Set
from gateway.model.values import ID, Fields

log = logging.getLogger(__name__)

TOKEN_BYTES: Final = 32
CODE_DIGITS: Final = 6
LONGEST_TOKEN: Final = 1000
LONGEST_PASSWORD: Final = 1000
LONGEST_EMAIL: Final = 320
"""RFC 5321, 4.5.3.1: 64 characters, an @, and 255."""
MOST_MINUTES: Final = 24 * 60
DAY: Final = 86400.0
KEPT_AFTERWARDS: Final = 7 * DAY
"""How long a link can still be told from one that never was."""
SWEEP_EVERY: Final = 100
"""One in so many messages takes what is of no use any more out of the store."""
SWEEP_AT_ONCE: Final = 1000
MOST_ALONE: Final = 20
"""Wrong codes without a number, in an hour and for all users together: each may be that of anybody."""
HOUR: Final = 3600.0
MOST_AT_ONCE: Final = 10
"""How often it is tried to count a message, where others count theirs."""

# plainer than what an address may be: `a<tom@example.com>` is another name, and the same mailbox
_EMAIL = re.compile(r"[^@\s<>()\[\]\\,;:\"\x00-\x1f\x7f]+@[^@\s<>()\[\]\\,;:\"\x00-\x1f\x7f]+")
_PHONE = re.compile(r"\+?[0-9]{4,20}", re.ASCII)
_CODE = re.compile(rf"[0-9]{{{CODE_DIGITS}}}", re.ASCII)

CODES_ALONE: Final = frozenset({Purpose.VERIFY_PHONE, Purpose.RESET_PASSWORD})

_MASTER: Final = Caller(app="", master=True)
"""What a user has proven is done with all rights, and without a session of its own."""

_GONE: Final = frozenset({Code.CONDITION_FAILED, Code.OBJECT_NOT_FOUND, Code.CLASS_NOT_FOUND})


@dataclass(frozen=True, slots=True)
class Rules:
    """What the owner of an application decides of links and codes. Times are seconds."""

    app: str = ""
    public_url: str | None = None
    """What the links in mails begin with. It is never what a client said its host was."""
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    """What codes are kept by: the same in every process."""
    verify_email: bool = False
    verify_phone: bool = False
    only_verified: bool = False
    """Who has not verified an address cannot log in by its password, nor by an unverified number."""
    reset_link_lasts: float = 3600.0
    verify_link_lasts: float = 7 * DAY
    code_lasts: float = 600.0
    tries: int = 5
    again_after: float = 60.0
    most_a_day: int = 10
    captcha_for_codes: bool = False
    codes_alone: bool = False
    """A code is looked for without its number, where the client does not send one; wrong ones are counted together."""
    letters: Mapping[Purpose, Letter] = field(default_factory=lambda: LETTERS)


class Opens(Protocol):
    def __call__(
        self, user_id: str, seen: Seen, caller: Caller, op: LogIn | SignUp, *, proof: Sequence[Operation], created: bool
    ) -> Awaitable[Result]: ...


class Updates(Protocol):
    def __call__(
        self,
        op: Update,
        seen: Seen,
        caller: Caller,
        *,
        proof: Sequence[Operation] = (),
        revoke: bool = False,
        status: str | None = None,
    ) -> Awaitable[Result]: ...


class SignsUp(Protocol):
    def __call__(self, op: SignUp, caller: Caller, *, proof: Sequence[Operation] = ()) -> Awaitable[Result]: ...


@dataclass(frozen=True, slots=True)
class Users:
    """What is done for a user who has proven something. `proof` is what uses that up, in the same batch."""

    identify: Callable[[Caller], Awaitable[Caller]]
    open: Opens
    update: Updates
    sign_up: SignsUp
    may_reset: Callable[[str, Caller], Awaitable[None]]
    """Raises GatewayError where the app's own code does not want its password reset."""


class Recovery:
    """Links and codes of the users of one application."""

    def __init__(
        self,
        ledger: Ledger,
        users: Users,
        rules: Rules,
        outside: Outside,
        later: Later,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._ledger = ledger
        self._users = users
        self._rules = rules
        self._outside = outside
        self._later = later
        self._now = now
        self.operations: Mapping[type[Operation], Callable[[Any, Caller], Any]] = {
            SendLink: self._send_link,
            SendCode: self._send_code,
            CheckCode: self._check_code,
            VerifyPhone: self._verify_phone,
            ChangePhone: self._change_phone,
            VerifyEmail: self._verify_email,
            ResetPassword: self._reset_password,
            NewCaptcha: self._new_captcha,
            CheckCaptcha: self._check_captcha,
        }

    # --- links ---

    async def _send_link(self, op: SendLink, caller: Caller) -> Result:
        email = op.email if op.identity is None else op.identity
        # what Parse Server tells apart: none, and one that is no text
        if email is None or email == "":
            raise GatewayError(Code.EMAIL_MISSING, "you must provide an email")
        if type(email) is not str or len(email) > LONGEST_EMAIL or not (op.identity or _EMAIL.fullmatch(email)):
            raise GatewayError(Code.BAD_EMAIL, "you must provide a valid email string")
        if self._outside.mailer is None or self._rules.public_url is None:
            raise GatewayError(Code.NOT_CONFIGURED, "no mail server is configured for this app")
        self._later.refuse_more()
        # before anybody is looked for, and so the same for an address that nobody has
        await self._refuse_too_often(name_of("email", email), Code.RATE_LIMITED)
        user_id = await self._ledger.owner(name_of("email", email))
        if user_id is None and op.identity is not None:
            user_id = await self._ledger.owner(name_of("username", email))
            user = (await self._ledger.fields(USER, user_id) if user_id is not None else None) or {}
            email = user.get("email")
            if type(email) is str:
                await self._refuse_too_often(name_of("email", email), Code.RATE_LIMITED)
        if user_id is None or type(email) is not str:
            raise GatewayError(Code.EMAIL_NOT_FOUND, "no user has this email address")
        if op.purpose is Purpose.RESET_PASSWORD:
            # Parse Server, UsersRouter.handleResetRequest: its refusal is told, and so that there is such a user
            await self._users.may_reset(user_id, caller)
        self._later.start(lambda: self._mail(op.purpose, user_id, email))
        return Result()

    async def verification_link(self, identity: str) -> str:
        """A link for the address of the user of this name or address. Raises GatewayError."""
        if self._outside.mailer is None or self._rules.public_url is None:
            raise GatewayError(Code.NOT_CONFIGURED, "no mail server is configured for this app")
        user_id = await self._ledger.owner(name_of("email", identity))
        user_id = user_id or await self._ledger.owner(name_of("username", identity))
        email = None if user_id is None else (await self._ledger.user(user_id)).get("email")
        if user_id is None or type(email) is not str:
            raise GatewayError(Code.EMAIL_NOT_FOUND, "no user has this email address")
        token = await self._keep_link(Purpose.VERIFY_EMAIL, user_id, email)
        return str(Link(self._rules.public_url, self._rules.app, Purpose.VERIFY_EMAIL, token))

    async def _mail(self, purpose: Purpose, user_id: str, email: str) -> None:
        """Makes a link and sends it. What goes wrong is for the log: the answer is given."""
        assert self._outside.mailer is not None
        try:
            user = await self._ledger.fields(USER, user_id) or {}
            own = user.get("email")
            if type(own) is not str or name_of("email", own) != name_of("email", email):
                return  # it was changed meanwhile
            if purpose is Purpose.VERIFY_EMAIL and user.get("emailVerified") is True:
                return
            token = await self._keep_link(purpose, user_id, own)
            letter = self._rules.letters[purpose]
            link = Link(self._rules.public_url or "", self._rules.app, purpose, token)
            await self._outside.mailer.send(letter.written(own, link, user.get("username"), self._rules.app))
        except GatewayError as error:
            log.warning("a mail was not sent app=%s purpose=%s reason=%s", self._rules.app, purpose, error.code)

    async def _keep_link(self, purpose: Purpose, user_id: str, email: str) -> str:
        rules = self._rules
        lasts = rules.reset_link_lasts if purpose is Purpose.RESET_PASSWORD else rules.verify_link_lasts
        epoch = (await self._ledger.seen(user_id)).epoch
        token = f"{secrets.token_urlsafe(TOKEN_BYTES)}.{user_id}"
        expires = self._ms(lasts)
        await self._keep(
            LINK,
            f"{purpose}:{user_id}",
            {
                "kept": Set(_sha256(token)),
                "address": Set(email),
                "epoch": Set(epoch),
                "expires": Set(expires),
                "until": Set(expires + int(KEPT_AFTERWARDS * 1000)),
                "used": Set(False),
            },
        )
        return token

    async def _proven_by_link(self, purpose: Purpose, token: Any) -> tuple[str, Seen, Operation]:
        """Whose link it is, and what uses it up. Raises GatewayError(BAD_LINK); its detail `name` says why."""
        unknown = GatewayError(Code.BAD_LINK, "this link is not valid", name="unknown")
        if type(token) is not str or len(token) > LONGEST_TOKEN:
            raise unknown
        user_id = token.partition(".")[2]
        if not user_id:
            raise unknown
        seen = await self._ledger.seen(user_id)
        row_id = f"{purpose}:{user_id}"
        row = await self._ledger.fields(LINK, row_id)
        if row is None or not compare_digest(row["kept"], _sha256(token)):
            raise unknown
        if row["used"]:
            raise GatewayError(Code.BAD_LINK, "this link was used already", name="used")
        if row["expires"] <= self._ms():
            raise GatewayError(Code.BAD_LINK, "this link has expired", name="expired")
        if purpose is Purpose.RESET_PASSWORD and row["epoch"] != seen.epoch:
            raise unknown  # the password was changed meanwhile
        user = await self._ledger.fields(USER, user_id)
        if user is None or user.get("email") != row["address"]:
            raise unknown  # it proves an address that is not the user's any more
        unused = And((Condition("kept", Op.EQ, row["kept"]), Condition("used", Op.EQ, False)))
        return user_id, seen, Update(class_name=LINK, id=row_id, changes={"used": Set(True)}, where=unused)

    async def _verify_email(self, op: VerifyEmail, caller: Caller) -> Result:
        user_id, seen, used = await self._proven_by_link(Purpose.VERIFY_EMAIL, op.token)
        return await self._updated(user_id, seen, {"emailVerified": Set(True)}, [used])

    async def _reset_password(self, op: ResetPassword, caller: Caller) -> Result:
        password = op.new_password
        if type(password) is not str or not 0 < len(password) <= LONGEST_PASSWORD:
            raise GatewayError(Code.PASSWORD_MISSING, "password is required")
        changes: Changes = {"password": Set(password)}
        if op.token is not None:
            user_id, seen, used = await self._proven_by_link(Purpose.RESET_PASSWORD, op.token)
            return await self._updated(user_id, seen, changes, [used], revoke=True)
        phone = op.phone if op.phone is not None else await self._number_of(Purpose.RESET_PASSWORD, op.code)
        user, seen, used = await self._user_proven_by_code(Purpose.RESET_PASSWORD, phone, op.code)
        _refuse_unverified_phone(user)
        return await self._updated(user[ID], seen, changes, [used], revoke=True)

    # --- codes ---

    async def _send_code(self, op: SendCode, caller: Caller) -> Result:
        phone = _phone(op.phone)
        if self._outside.texter is None:
            raise GatewayError(Code.NOT_CONFIGURED, "no sender of text messages is configured for this app")
        if op.ttl_minutes is not None and not 1 <= op.ttl_minutes <= MOST_MINUTES:
            raise GatewayError(Code.BAD_VALUE, f"a code holds for 1 to {MOST_MINUTES} minutes")
        await self._refuse_machines(op)
        user_id = await self._whose_code(op.purpose, phone, caller)
        await self._refuse_too_often(name_of("phone", phone), Code.SENT_TOO_OFTEN)
        if op.purpose is Purpose.RESET_PASSWORD:
            await self._users.may_reset(user_id, caller)
        await self._text(op, phone, user_id)
        return Result()

    async def _refuse_machines(self, op: SendCode) -> None:
        if op.validate_token is None:
            if self._rules.captcha_for_codes:
                raise GatewayError(Code.BAD_REQUEST, "a captcha has to be solved first: validate_token is missing")
        elif self._outside.captcha is None:
            raise GatewayError(Code.NOT_CONFIGURED, "no captcha is configured for this app")
        else:
            await self._outside.captcha.check(op.validate_token)

    async def _whose_code(self, purpose: Purpose, phone: str, caller: Caller) -> str:
        """The id of the user whom a code is for, where it is for one. Raises GatewayError where it is for nobody."""
        if purpose is Purpose.CONFIRM:
            return ""
        owner = await self._ledger.owner(name_of("phone", phone))
        if purpose is Purpose.CHANGE_PHONE:
            user_id = await self._own_id(caller)
            if owner not in (None, user_id):
                raise GatewayError(Code.PHONE_TAKEN, "Account already exists for this mobile phone number.")
            return user_id
        user = await self._ledger.fields(USER, owner) if owner is not None else None
        if user is None:
            raise GatewayError(Code.PHONE_NOT_FOUND, "no user has this mobile phone number")
        if purpose is not Purpose.VERIFY_PHONE:
            _refuse_unverified_phone(user)
        return str(user[ID])

    async def _text(self, op: SendCode, phone: str, user_id: str) -> None:
        assert self._outside.texter is not None
        minutes = op.ttl_minutes or max(1, round(self._rules.code_lasts / 60))
        code = await self._new_code(op.purpose)
        row_id, expires = f"{op.purpose}:{phone}", self._ms(minutes * 60)
        kept: Changes = {
            "kept": Set(self._kept(row_id, user_id, code)),
            "expires": Set(expires),
            "until": Set(expires),
            "tries": Set(0),
        }
        await self._keep(CODE, row_id, kept)
        if self._rules.codes_alone and op.purpose in CODES_ALONE:
            alone: Changes = {"phone": Set(phone), "expires": Set(expires), "until": Set(expires)}
            await self._keep(CODE, self._alone(op.purpose, code), alone)
        message = TextMessage(
            phone=phone,
            code=code,
            template=op.template,
            signature=op.signature,
            variables=op.variables or {},
            purpose=op.purpose,
            voice=op.medium == Medium.VOICE,
            app=self._rules.app,
            ttl_minutes=minutes,
        )
        try:
            await self._outside.texter.send(message)
        except GatewayError as error:
            raise GatewayError(Code.SMS_NOT_SENT, error.message) from error

    async def _new_code(self, purpose: Purpose) -> str:
        for _ in range(MOST_AT_ONCE):
            code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
            if not self._rules.codes_alone or purpose not in CODES_ALONE:
                return code
            # one that nobody else has got
            other = await self._ledger.fields(CODE, self._alone(purpose, code))
            if other is None or other["expires"] <= self._ms():
                return code
        raise GatewayError(Code.UNAVAILABLE, "too many codes are under way; try again later")

    async def _proven_by_code(self, purpose: Purpose, phone: Any, code: Any, user_id: str = "") -> Operation:
        """What uses the code up. Raises GatewayError(BAD_SMS_CODE); whether there is a code at all is not told."""
        phone = _phone(phone)
        wrong = GatewayError(Code.BAD_SMS_CODE, "Invalid SMS code.")
        if type(code) is int and 0 <= code < 10**CODE_DIGITS:
            code = f"{code:0{CODE_DIGITS}}"  # some clients send it as a number
        if type(code) is not str or not _CODE.fullmatch(code):
            raise wrong
        row_id = f"{purpose}:{phone}"
        open_still = And((Condition("tries", Op.LT, self._rules.tries), Condition("expires", Op.GT, self._ms())))
        one_more: Changes = {"tries": Increment(1)}
        try:
            found = await self._ledger.execute(
                Update(class_name=CODE, id=row_id, changes=one_more, where=open_still, returning=Returning.EVERYTHING)
            )
        except GatewayError as error:
            if error.code in _GONE:
                raise wrong from None
            raise
        kept = (found.object or {})["kept"]
        if not compare_digest(kept, self._kept(row_id, user_id, code)):
            raise wrong
        return Delete(class_name=CODE, ids=(row_id,), where=Condition("kept", Op.EQ, kept))

    async def _number_of(self, purpose: Purpose, code: Any) -> str:
        """The number that a code was sent to: LeanCloud's JavaScript SDK up to 4.15 sends these two kinds alone."""
        if not self._rules.codes_alone:
            return _phone(None)
        if type(code) is not str or not _CODE.fullmatch(code):
            raise GatewayError(Code.BAD_SMS_CODE, "Invalid SMS code.")
        now, count_id = self._ms(), _sha256(f"codes alone: {purpose}")
        await self._count_alone(count_id, now)
        row = await self._ledger.fields(CODE, self._alone(purpose, code))
        if row is None or row["expires"] <= now:
            raise GatewayError(Code.BAD_SMS_CODE, "Invalid SMS code.")
        await self._ledger.execute(Update(class_name=SENT, id=count_id, changes={"count": Increment(-1)}))
        return str(row["phone"])

    async def _count_alone(self, count_id: str, now: int) -> None:
        """Before the code is looked for, and taken back where there is one."""
        left = And((Condition("count", Op.LT, MOST_ALONE), Condition("until", Op.GT, now)))
        first: Changes = {"last": Set(now), "count": Set(1), "until": Set(self._ms(HOUR))}
        for _ in range(MOST_AT_ONCE):
            if await self._is_done(Update(class_name=SENT, id=count_id, changes={"count": Increment(1)}, where=left)):
                return
            row = await self._ledger.fields(SENT, count_id)
            begin: Operation = Create(class_name=SENT, id=count_id, changes=first, returning=Returning.NOTHING)
            if row is not None and row["until"] > now:
                if row["count"] >= MOST_ALONE:
                    break
                continue  # it has begun just now
            if row is not None:
                as_seen = Condition("until", Op.EQ, row["until"])
                begin = Update(class_name=SENT, id=count_id, changes=first, where=as_seen)
            if await self._is_done(begin):
                return
        raise GatewayError(Code.RATE_LIMITED, "too many wrong codes; try again later")

    async def _is_done(self, op: Operation) -> bool:
        """Whether what it depends on was still so."""
        try:
            await self._ledger.execute(op)
        except GatewayError as error:
            if error.code in _GONE or error.code is Code.DUPLICATE_VALUE:
                return False
            raise
        return True

    def _alone(self, purpose: Purpose, code: str) -> str:
        return f"{purpose}:{self._kept('alone', purpose, code)}"

    async def _user_proven_by_code(self, purpose: Purpose, phone: Any, code: Any) -> tuple[Fields, Seen, Operation]:
        owner = await self._ledger.owner(name_of("phone", _phone(phone)))
        seen = await self._ledger.seen(owner) if owner is not None else Seen(None)
        used = await self._proven_by_code(purpose, phone, code, owner or "")
        user = await self._ledger.fields(USER, owner) if owner is not None else None
        if user is None:
            raise GatewayError(Code.BAD_SMS_CODE, "Invalid SMS code.")
        return user, seen, used

    async def _check_code(self, op: CheckCode, caller: Caller) -> Result:
        await self._ledger.together([await self._proven_by_code(Purpose.CONFIRM, op.phone, op.code)])
        return Result()

    async def _verify_phone(self, op: VerifyPhone, caller: Caller) -> Result:
        phone = op.phone
        if phone is None and caller.session is not None:
            phone = (await self._ledger.user(await self._own_id(caller))).get("mobilePhoneNumber")
        elif phone is None:
            phone = await self._number_of(Purpose.VERIFY_PHONE, op.code)
        user, seen, used = await self._user_proven_by_code(Purpose.VERIFY_PHONE, phone, op.code)
        return await self._updated(user[ID], seen, {"mobilePhoneVerified": Set(True)}, [used])

    async def _change_phone(self, op: ChangePhone, caller: Caller) -> Result:
        user_id = await self._own_id(caller)
        seen = await self._ledger.seen(user_id)
        used = await self._proven_by_code(Purpose.CHANGE_PHONE, op.phone, op.code, user_id)
        changes: Changes = {"mobilePhoneNumber": Set(op.phone), "mobilePhoneVerified": Set(True)}
        return await self._updated(user_id, seen, changes, [used])

    async def log_in(self, op: LogIn, caller: Caller) -> Result:
        """By a code in the place of a password."""
        if op.username is not None or op.email is not None or op.password is not None:
            raise GatewayError(Code.BAD_REQUEST, "a code proves a mobile phone number, and nothing else")
        user, seen, used = await self._user_proven_by_code(Purpose.LOG_IN, op.phone, op.sms_code)
        _refuse_unverified_phone(user)
        return await self._users.open(user[ID], seen, caller, op, proof=[used], created=True)

    async def sign_up(self, op: SignUp, caller: Caller) -> Result:
        """By a code to CONFIRM in the place of a password; of a number that is known it is a log-in.

        LeanCloud SMS REST guide, "usersByMobilePhone": the number is the username where there is none, and verified.
        """
        number = op.changes.get("mobilePhoneNumber")
        phone = _phone(number.value if isinstance(number, Set) else None)
        owner = await self._ledger.owner(name_of("phone", phone))
        seen = await self._ledger.seen(owner) if owner is not None else Seen(None)
        used = await self._proven_by_code(Purpose.CONFIRM, phone, op.sms_code)
        if owner is None and op.must_exist:
            raise GatewayError(Code.USER_NOT_FOUND, "Could not find user.")
        if owner is None:
            changes: Changes = {"username": Set(phone), **op.changes}
            signing = SignUp(
                changes=changes,
                id=op.id,
                returning=op.returning,
                with_acl=op.with_acl,
                share_session=op.share_session,
            )
            return await self._users.sign_up(signing, caller, proof=[used])
        verified = Update(class_name=USER, id=owner, changes={"mobilePhoneVerified": Set(True)})
        return await self._users.open(owner, seen, caller, op, proof=[used, verified], created=False)

    # --- for those who sign up, change an address, or log in by a password ---

    def greet(self, user_id: str, changes: Changes) -> None:
        """Later sends what verifies an address, or a number, that was just written. Who gets nothing asks again."""
        rules, email, phone = self._rules, changes.get("email"), changes.get("mobilePhoneNumber")
        if rules.verify_email and isinstance(email, Set) and changes.get("emailVerified") == Set(False):
            address = str(email.value)
            self._later.start(lambda: self._greet_by_mail(user_id, address))
        if rules.verify_phone and isinstance(phone, Set) and changes.get("mobilePhoneVerified") == Set(False):
            number = str(phone.value)
            self._later.start(lambda: self._greet_by_text(user_id, number))

    async def _greet_by_mail(self, user_id: str, email: str) -> None:
        able = self._outside.mailer is not None and self._rules.public_url is not None
        if able and _EMAIL.fullmatch(email) and await self._may_be_sent(name_of("email", email)):
            await self._mail(Purpose.VERIFY_EMAIL, user_id, email)

    async def _greet_by_text(self, user_id: str, phone: str) -> None:
        if self._outside.texter is None or not _PHONE.fullmatch(phone):
            return
        if not await self._may_be_sent(name_of("phone", phone)):
            return
        try:
            await self._text(SendCode(purpose=Purpose.VERIFY_PHONE, phone=phone), phone, user_id)
        except GatewayError as error:
            log.warning("a text message was not sent app=%s reason=%s", self._rules.app, error.code)

    def unverified(self, name: str, value: Any, user: Fields) -> str | None:
        """The field that says that an address of a user is verified, where it has to be taken back."""
        flag, wanted = {
            "email": ("emailVerified", self._rules.verify_email),
            "mobilePhoneNumber": ("mobilePhoneVerified", self._rules.verify_phone),
        }.get(name, (None, False))
        if flag is None or value == user.get(name):
            return None
        return flag if wanted or user.get(flag) is not None else None

    def refuse_unverified(self, user: Fields, *, by_phone: bool) -> None:
        """Raises GatewayError where who knows the password must verify an address first.

        Parse Server's preventLoginWithUnverifiedEmail: who has no address is not verified either. LeanCloud's console
        tells the same of numbers, for who logs in by one.
        """
        rules = self._rules
        if not rules.only_verified:
            return
        if by_phone and rules.verify_phone:
            _refuse_unverified_phone(user)
        elif rules.verify_email and user.get("emailVerified") is not True:
            raise GatewayError(Code.EMAIL_NOT_VERIFIED, "User email is not verified.")

    @property
    def opens_at_once(self) -> bool:
        """Whether who signs up by a password is logged in: Parse Server has an unverified user log in later."""
        return not (self._rules.only_verified and self._rules.verify_email)

    # --- captchas ---

    async def _new_captcha(self, op: NewCaptcha, caller: Caller) -> Result:
        if self._outside.captcha is None:
            raise GatewayError(Code.NOT_CONFIGURED, "no captcha is configured for this app")
        made = await self._outside.captcha.new(width=op.width, height=op.height, size=op.size, ttl=op.ttl)
        return Result(token=made.token, url=made.url)

    async def _check_captcha(self, op: CheckCaptcha, caller: Caller) -> Result:
        if self._outside.captcha is None:
            raise GatewayError(Code.NOT_CONFIGURED, "no captcha is configured for this app")
        if type(op.token) is not str or type(op.code) is not str:
            raise GatewayError(Code.BAD_REQUEST, "a captcha is answered with its token, and the letters in it")
        return Result(token=await self._outside.captcha.verify(op.token, op.code))

    # --- all of them ---

    async def _own_id(self, caller: Caller) -> str:
        if caller.session is None:
            raise GatewayError(Code.SESSION_MISSING, "a session is needed to change a mobile phone number")
        own = await self._users.identify(caller)
        assert own.user_id is not None
        return own.user_id

    async def _updated(
        self, user_id: str, seen: Seen, changes: Changes, proof: Sequence[Operation], *, revoke: bool = False
    ) -> Result:
        update = Update(class_name=USER, id=user_id, changes=changes, returning=Returning.NOTHING)
        result = await self._users.update(update, seen, _MASTER, proof=proof, revoke=revoke)
        return Result(id=user_id, updated_at=result.updated_at)

    async def _refuse_too_often(self, whom: str, code: Code) -> None:
        if not await self._may_be_sent(whom):
            raise GatewayError(code, "something was sent there just now, or too often today; try again later")

    async def _may_be_sent(self, whom: str) -> bool:
        """Whether something may be sent there, which is then counted: of several at once, one may."""
        row_id = _sha256(whom)
        for _ in range(MOST_AT_ONCE):
            row = await self._ledger.fields(SENT, row_id)
            now = self._ms()
            if row is not None and now < row["last"] + self._rules.again_after * 1000:
                return False
            first = row is None or row["until"] <= now
            if row is not None and not first and row["count"] >= self._rules.most_a_day:
                return False
            if await self._counted(row_id, row, now, first=first):
                if secrets.randbelow(SWEEP_EVERY) == 0:
                    self._later.start(self.sweep)
                return True
        return False

    async def _counted(self, row_id: str, row: Fields | None, now: int, *, first: bool) -> bool:
        """Whether it was still as it was seen."""
        count = Set(1) if first else Increment(1)
        changes: dict[str, Change] = {"last": Set(now), "count": count}
        if first:
            changes["until"] = Set(self._ms(DAY))
        if row is None:
            return await self._is_done(Create(class_name=SENT, id=row_id, changes=changes, returning=Returning.NOTHING))
        seen = And((Condition("last", Op.EQ, row["last"]), Condition("count", Op.EQ, row["count"])))
        return await self._is_done(Update(class_name=SENT, id=row_id, changes=changes, where=seen))

    async def sweep(self) -> None:
        """Takes out what nobody can use any more."""
        old = Condition("until", Op.LE, self._ms())
        for class_name in (SENT, CODE, LINK):
            try:
                found = await self._ledger.execute(
                    Find(class_name=class_name, limit=SWEEP_AT_ONCE, where=old, select=())
                )
                ids = tuple(row[ID] for row in found.objects or [])
                if ids:
                    # the condition once more: a row may have been renewed since
                    await self._ledger.execute(Delete(class_name=class_name, ids=ids, where=old, missing_ok=True))
            except GatewayError as error:
                if error.code not in _GONE:
                    log.warning("old links and codes were not taken out reason=%s", error.code)

    async def _keep(self, class_name: str, row_id: str, fields: Changes) -> None:
        """Writes the row, over one that is there."""
        for _ in range(2):
            if await self._is_done(Update(class_name=class_name, id=row_id, changes=fields)):
                return
            made = Create(class_name=class_name, id=row_id, changes=fields, returning=Returning.NOTHING)
            if await self._is_done(made):
                return
        raise GatewayError(Code.UNAVAILABLE, "this is being asked for by too many requests at once")

    def _kept(self, row_id: str, user_id: str, code: str) -> str:
        return digest(self._rules.secret, f"{row_id}\n{user_id}\n{code}".encode(), "sha256").hex()

    def _ms(self, more: float = 0) -> int:
        """Milliseconds since 1970, so many seconds from now."""
        return int((self._now() + more) * 1000)


def _phone(phone: Any) -> str:
    if phone is None or phone == "":
        raise GatewayError(Code.PHONE_MISSING, "The mobile phone number is missing, and must be specified.")
    if type(phone) is not str or not _PHONE.fullmatch(phone):
        raise GatewayError(Code.BAD_PHONE, "The mobile phone number was invalid.")
    return phone


def _refuse_unverified_phone(user: Fields) -> None:
    # LeanCloud: a code logs in, or resets a password, where the number was verified before; it may be mistyped
    if user.get("mobilePhoneVerified") is not True:
        raise GatewayError(Code.PHONE_NOT_VERIFIED, "Mobile phone number isn't verified.")


def _sha256(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
