"""Users by other means: how they come in where a vendor has another way, guests, and who changes a password."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final
from uuid import uuid4

from gateway.backends.plain import AUTH_DATA
from gateway.backends.remote import UnsaidError
from gateway.errors import Code, GatewayError
from gateway.model.account import USER, ChangePassword, CurrentUser, LogIn, LogOut, SignUp, VerifyPassword
from gateway.model.members import STATUS, CheckSession, ConvertGuest, Status
from gateway.model.operation import Caller, Get, Operation, Result, Returning, Update
from gateway.model.update import Set

Ask = Callable[[Operation, Caller], Awaitable[Result]]


class Users:
    """`ask` may do it by other means as well, `native` asks the vendor itself, whose dialect `says` an operation or
    does not. `allow` raises GatewayError where an emulation is not to be used.
    """

    def __init__(
        self,
        ask: Ask,
        native: Ask,
        says: Callable[[Operation, Caller], bool],
        allow: Callable[[str, UnsaidError | None], None],
    ) -> None:
        self._ask = ask
        self._native = native
        self._says = says
        self._allow = allow

    async def check_session(self, op: CheckSession, caller: Caller) -> Result:
        try:
            await self._native(CurrentUser(), replace(caller, master=False, session=op.token))
        except GatewayError as error:
            if error.code not in _NO_SESSION:
                raise
            return Result(value=False)
        return Result(value=True)

    async def sign_up(self, op: SignUp, caller: Caller, unsaid: UnsaidError) -> Result:
        """By an address that stands for the name, with a session that is opened or ended besides, or both."""
        if op.guest and not self._says(op, caller):
            return await self._guest(op, caller, unsaid)
        named = op
        email = op.changes.get("email")
        if op.named_by_email and "username" not in op.changes and isinstance(email, Set):
            named = replace(op, changes={**op.changes, "username": email})
        for opens in (op.opens_session, not op.opens_session):
            for by_email in (op.named_by_email, not op.named_by_email):
                way = replace(named if not by_email else op, opens_session=opens, named_by_email=by_email)
                has_name = way.named_by_email or "username" in way.changes or not op.named_by_email
                if has_name and self._says(way, caller):
                    return await self._signed_up(op, way, caller, unsaid)
        raise unsaid

    async def _guest(self, op: SignUp, caller: Caller, unsaid: UnsaidError) -> Result:
        """Who comes in by an id that only its own session knows of: an anonymous user (Parse REST guide, the same)."""
        self._allow("guest", unsaid)
        anonymous = {**op.changes, AUTH_DATA: Set({"anonymous": {"id": str(uuid4())}})}
        result = await self._ask(replace(op, guest=False, changes=anonymous), caller)
        if op.with_status:
            result.object = {**(result.object or {}), STATUS: Status.GUEST.value}
        return result

    async def convert_guest(self, op: ConvertGuest, caller: Caller) -> Result:
        if caller.session is None:
            raise GatewayError(Code.SESSION_MISSING, "this needs the session of the guest", id=op.id)
        found = (await self._ask(Get(class_name=USER, id=op.id), caller)).object or {}
        linked = found.get(AUTH_DATA)  # it is shown to the user alone
        if type(linked) is not dict or "anonymous" not in linked:
            raise GatewayError(Code.USER_NOT_FOUND, "there is no such guest", id=op.id)
        email = op.changes.get("email")
        if "password" not in op.changes:
            raise GatewayError(Code.PASSWORD_MISSING, "password is required")
        if not isinstance(email, Set) or type(email.value) is not str:
            raise GatewayError(Code.USERNAME_MISSING, "bad or missing email")
        changes = {"username": email, **op.changes, AUTH_DATA: Set({"anonymous": None})}
        words: dict[str, Any] = {"returning": op.returning, "nulls": op.nulls}
        result = await self._ask(Update(class_name=USER, id=op.id, changes=changes, **words), caller)
        result.id, result.session = op.id, None
        return result

    async def _signed_up(self, op: SignUp, way: SignUp, caller: Caller, unsaid: UnsaidError) -> Result:
        if way.opens_session == op.opens_session:
            return await self._native(way, caller)
        if not op.opens_session:
            self._allow("sign_up", unsaid)
            result = await self._native(way, caller)
            if result.session is not None:
                with suppress(GatewayError):  # the user is made, whatever becomes of a session that nobody knows
                    await self._native(LogOut(), replace(caller, session=result.session))
                result.session = None
            return result
        self._allow("sign_up_and_in", unsaid)
        name, password = (getattr(op.changes.get(field), "value", None) for field in ("username", "password"))
        if type(name) is not str or type(password) is not str:
            raise unsaid
        result = await self._native(way, caller)
        result.session = (await self._native(LogIn(username=name, password=password), caller)).session
        return result

    async def change_password(self, op: ChangePassword, caller: Caller) -> Result:
        found = (await self._ask(Get(class_name=USER, id=op.id), caller)).object or {}
        username = found.get("username")
        if type(username) is not str or type(op.old_password) is not str or type(op.new_password) is not str:
            raise GatewayError(Code.BAD_CREDENTIALS, "The username and password mismatch.")
        await self._ask(VerifyPassword(username=username, password=op.old_password), caller)
        changes = {"password": Set(op.new_password)}
        update = Update(class_name=USER, id=op.id, changes=changes, returning=Returning.COMPUTED)
        return await self._ask(update, caller)


_NO_SESSION: Final = frozenset({Code.INVALID_SESSION, Code.OBJECT_NOT_FOUND, Code.USER_NOT_FOUND})
