"""Sessions that tell whose they are, in front of a backend that only tells whether a session is one: `Whose`.

Whoever logs in gets the backend's token with the user's id, and a seal over both. The backend sees its own token alone.
Asked whose a session is, the gateway has the token checked and reads the user, by the rights of that very session.
A token that came from the backend by another way is good for everything but that, and so is what stands before a seal
that is none of ours: keys change, and nobody is logged out by that.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import replace
from typing import Final

from gateway.backends.base import Backend
from gateway.errors import Code, GatewayError
from gateway.model.account import USER, CurrentUser
from gateway.model.members import CheckSession
from gateway.model.operation import Caller, Get, Operation, Result
from gateway.model.values import ID

SEAL_LENGTH: Final = 32
"""Hexadecimal digits, which is 128 bits: one cannot be guessed, and none of another user fits."""
_SEALED: Final = re.compile(rf"(.+)\.([^.]+)\.([0-9a-f]{{{SEAL_LENGTH}}})", re.DOTALL)


class Whose:
    """`secret` seals; every gateway with the same one understands the sessions of the others."""

    def __init__(self, backend: Backend, secret: bytes) -> None:
        self._backend = backend
        self._secret = hmac.digest(secret, b"whose sessions are", hashlib.sha256)

    async def close(self) -> None:
        await self._backend.close()

    async def identify(self, caller: Caller) -> Caller:
        return await self._backend.identify(caller)

    async def execute(self, op: Operation, caller: Caller) -> Result:
        shown, caller = caller.session, self._theirs(caller)
        match op:
            case CurrentUser():
                return await self._current_user(op, op.session or shown, caller)
            case CheckSession(token=token):
                op = replace(op, token=self._opened(token)[0])
        result = await self._backend.execute(op, caller)
        known = result.id or (result.object or {}).get(ID) or getattr(op, "id", None)
        if result.session is not None and isinstance(known, str):
            result.session = f"{result.session}.{known}.{self._seal(result.session, known)}"
        return result

    async def _current_user(self, op: CurrentUser, session: str | None, caller: Caller) -> Result:
        if session is None:
            raise GatewayError(Code.INVALID_SESSION, "Invalid session token")
        token, known = self._opened(session)
        if known is None and token != session:
            raise GatewayError(Code.INVALID_SESSION, "Invalid session token")  # who logs in anew gets one of ours
        asker = replace(caller, session=token, master=False)
        if not (await self._backend.execute(CheckSession(token=token), asker)).value:
            raise GatewayError(Code.INVALID_SESSION, "Invalid session token")
        if known is None:
            raise GatewayError(
                Code.UNSUPPORTED, "whose session that is the backend does not tell: it was opened without the gateway"
            )
        user = Get(class_name=USER, id=known, include=op.include, with_acl=op.with_acl)
        result = await self._backend.execute(user, asker)
        result.id, result.session = known, session
        return result

    def _theirs(self, caller: Caller) -> Caller:
        return caller if caller.session is None else replace(caller, session=self._opened(caller.session)[0])

    def _opened(self, session: str) -> tuple[str, str | None]:
        """The backend's token, and the user's id where a seal of ours says so. What has no seal is a token as it is."""
        sealed = _SEALED.fullmatch(session)
        if sealed is None:
            return session, None
        token, known, seal = sealed.groups()
        return token, known if hmac.compare_digest(seal, self._seal(token, known)) else None

    def _seal(self, token: str, known: str) -> str:
        told = f"{token}.{known}".encode(errors="replace")
        return hmac.new(self._secret, told, hashlib.sha256).hexdigest()[:SEAL_LENGTH]
