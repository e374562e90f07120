"""Users and sessions from elsewhere, put beside those that are there: with their ids, times, passwords and tokens.

A password is kept in the form it came in, and anew when its user next logs in. Each user is there whole or not at all,
so that an import which was broken off is simply run again: what is there already is left as it is.
"""

from __future__ import annotations

from enum import StrEnum

from gateway.backends.accounts import AUTH_DATA, NAMES, identities_of, text_of, with_union_ids
from gateway.backends.ledger import (
    TOKEN,
    Ledger,
    ObjectStore,
    Seen,
    StaleError,
    changed,
    credential,
    identity,
    name_of,
    refuse_private,
    taken,
    value_of,
)
from gateway.backends.seal import Seal, digest_of
from gateway.backends.sessions import Sessions
from gateway.errors import Code, GatewayError
from gateway.model.account import USER, ExportedSession, ExportedUser
from gateway.model.operation import Create, Operation, Returning
from gateway.model.update import Change, Set, Unset
from gateway.model.values import ACL, Fields


class Imported(StrEnum):
    USER = "user"
    SESSION = "session"
    THERE = "there"  # already


class Imports:
    """Where users and sessions of one application go. With `dry` nothing is written, and what can be told is told."""

    def __init__(self, store: ObjectStore, *, session_lasts: float, seal: Seal, dry: bool = False) -> None:
        self._ledger = Ledger(store)
        self._sessions = Sessions(store, self._ledger, lasts=session_lasts, seal=seal)
        self._dry = dry

    async def take(self, exported: ExportedUser | ExportedSession) -> Imported:
        """Raises GatewayError, where there is somebody else of that name, say."""
        if isinstance(exported, ExportedUser):
            return await self._user(exported)
        return await self._session(exported)

    async def _user(self, user: ExportedUser) -> Imported:
        if await self._ledger.fields(USER, user.id) is not None:
            return Imported.THERE
        if user.id == "*" or user.id.startswith("role:"):
            raise GatewayError(Code.FORBIDDEN, "this is no id for a user: in an ACL it would be everybody, or a role")
        refuse_private(user.changes)
        changes: dict[str, Change] = dict(user.changes)
        names: list[str] = []
        for own, kind in NAMES.items():
            if (name := text_of(own, changes.get(own, Unset()))) is not None:
                names.append(name_of(kind, name))
        auth: Fields = value_of(changes.get(AUTH_DATA, Unset())) or {}
        if type(auth) is not dict:
            raise GatewayError(Code.BAD_AUTH_DATA, "authData must be an object")
        if auth:
            changes[AUTH_DATA] = Set(with_union_ids(auth))
            names += identities_of(auth)
        own_rights = {user.id: {"read": True, "write": True}}
        changes[ACL] = Set({**(value_of(changes.get(ACL, Unset())) or {"*": {"read": True}}), **own_rights})
        items: list[Operation] = [identity(name, user.id) for name in dict.fromkeys(names)]
        times = (user.created_at, user.updated_at)
        items.append(Create(class_name=USER, id=user.id, changes=changes, returning=Returning.NOTHING, times=times))
        items.append(changed(user.id, Seen(None)))
        if user.kept is not None:
            items.append(credential(user.id, user.kept))
        if user.token is not None:
            items += self._sessions.adopted(user.token, user.id, shared=user.shared, epoch=0)
        if self._dry:
            await self._refuse_taken(names)
        else:
            await self._together(items)
        return Imported.USER

    async def _refuse_taken(self, names: list[str]) -> None:
        for name in names:
            if await self._ledger.owner(name) is not None:
                raise taken(name)

    async def _session(self, session: ExportedSession) -> Imported:
        if await self._ledger.fields(TOKEN, digest_of(session.token)) is not None:
            return Imported.THERE
        if self._dry:
            return Imported.SESSION  # its user may stand in the same file
        if await self._ledger.fields(USER, session.user_id) is None:
            raise GatewayError(Code.OBJECT_NOT_FOUND, "the user of this session is not there; import the users first")
        made = self._sessions.adopted(
            session.token,
            session.user_id,
            shared=False,
            epoch=(await self._ledger.seen(session.user_id)).epoch,
            expires=session.expires,
            created_with=session.created_with,
            installation_id=session.installation_id,
            restricted=session.restricted,
        )
        await self._together(made)
        return Imported.SESSION

    async def _together(self, items: list[Operation]) -> None:
        try:
            await self._ledger.together(items)
        except StaleError:
            raise GatewayError(Code.UNAVAILABLE, "the user is being changed at the same time; run it again") from None
