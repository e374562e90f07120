"""Sessions: what proves who a user is, between two log-ins.

A session is an object of the class `_Session`, which its user may read, and beside it the SHA-256 of its token, by
which it is found. The token stands in the object as well, as clients of the vendors read it there: sealed, where there
is a key for that (`seal`). Where that key is lost, sessions go on; only their tokens are told nowhere any more, and a
log-in that would share a session opens another one.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from gateway.backends.ledger import TOKEN, Ledger, ObjectStore, new_id, refuse_private
from gateway.backends.seal import PREFIX, Seal, digest_of
from gateway.errors import Code, GatewayError
from gateway.model.account import SESSION, USER, CurrentSession, LogOut, PairSession, UpgradeSession, class_of
from gateway.model.members import Status
from gateway.model.operation import Caller, Create, Delete, Find, FindRelated, Get, Operation, Result, Returning, Update
from gateway.model.query import And, Condition, Filter, Not, Op, Or, Sort
from gateway.model.update import Change, Changes, Set
from gateway.model.values import ACL, CREATED_AT, ID, UPDATED_AT, Date, Fields, Object, Pointer

SET_BY_SERVER: Final = frozenset({"user", "sessionToken", "createdWith", "restricted", "expiresAt", "installationId"})


LONGEST_TOKEN: Final = 1000
NOTES_OF_USE: Final = 20
"""How often it is noted, at the most, within the time that a session may be idle, that it is not."""
OURS: Final = "r:"
"""What our own tokens begin with, and Parse Server's; sessions from elsewhere may have tokens without it."""


@dataclass(frozen=True, slots=True)
class Known:
    """A session that was found by its token."""

    user_id: str
    session_id: str
    restricted: bool
    guest: bool = False


class Sessions:
    """The sessions of the users of one application. `lasts` is in seconds, and so is how long one may be `idle`."""

    def __init__(
        self,
        store: ObjectStore,
        ledger: Ledger,
        *,
        lasts: float,
        idle: float | None = None,
        seal: Seal | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._seal = seal or Seal()
        self._lasts = lasts
        self._idle = idle
        self._now = now
        self.by_class: Mapping[type[Operation], Callable[[Any, Caller], Any]] = {
            Create: self._create,
            Update: self._update,
            Delete: self._delete,
            Get: self._get,
            Find: self._find,
        }
        """What is done where a client asks for objects of the class."""

    # --- for log-ins ---

    def new(
        self,
        user_id: str,
        created_with: dict[str, str] | None,
        caller: Caller,
        *,
        shared: bool,
        epoch: int,
        restricted: bool = False,
    ) -> tuple[str, list[Operation]]:
        """A new token, and what makes its session, for as long as the user's account has this epoch."""
        # 128 bits; Parse's SDKs log out on the server only where a token has `r:` in it
        token = OURS + secrets.token_hex(16)
        return token, self.adopted(
            token,
            user_id,
            shared=shared,
            epoch=epoch,
            created_with=created_with,
            installation_id=None if shared or restricted else caller.installation_id,
            restricted=restricted,
        )

    def adopted(
        self,
        token: str,
        user_id: str,
        *,
        shared: bool,
        epoch: int,
        expires: Date | None = None,
        created_with: dict[str, Any] | None = None,
        installation_id: str | None = None,
        restricted: bool = False,
    ) -> list[Operation]:
        """What makes the session of a token."""
        if token.startswith(PREFIX) or len(token) > LONGEST_TOKEN:
            raise GatewayError(Code.BAD_VALUE, "this is no token")
        session_id = new_id()
        until = expires or Date.from_ms(int((self._now() + self._lasts) * 1000))
        changes: dict[str, Change] = {
            "user": Set(Pointer(USER, user_id)),
            "sessionToken": Set(self._seal.seal(token)),
            "restricted": Set(restricted),
            "expiresAt": Set(until),
            ACL: Set({user_id: {"read": True, "write": True}}),
        }
        if created_with is not None:
            changes["createdWith"] = Set(created_with)
        if installation_id is not None:
            changes["installationId"] = Set(installation_id)
        kept: Changes = {
            "user": Set(user_id),
            "session": Set(session_id),
            "expires": Set(until),
            "shared": Set(shared),
            "restricted": Set(restricted),
            "epoch": Set(epoch),
        }
        if self._idle is not None:
            kept = {**kept, "used": Set(Date.from_ms(int(self._now() * 1000)))}
        return [
            Create(class_name=SESSION, id=session_id, changes=changes, returning=Returning.NOTHING),
            Create(class_name=TOKEN, id=digest_of(token), changes=kept, returning=Returning.NOTHING),
        ]

    async def known(self, token: str | None) -> Known:
        """Raises GatewayError(INVALID_SESSION)."""
        if not token or type(token) is not str or token.startswith(PREFIX):  # a parameter may be an operator
            raise GatewayError(Code.INVALID_SESSION, "Invalid session token")
        kept = await self._ledger.fields(TOKEN, digest_of(token))
        if kept is None:
            raise GatewayError(Code.INVALID_SESSION, "Invalid session token")
        if self._is_over(kept):
            raise GatewayError(Code.INVALID_SESSION, "Session token is expired.")
        seen = await self._ledger.seen(kept["user"])
        if kept["epoch"] != seen.epoch or seen.status == Status.DISABLED:
            raise GatewayError(Code.INVALID_SESSION, "Invalid session token")
        if self._idle is not None:
            await self._note_use(kept, self._idle)
        return Known(kept["user"], kept["session"], kept.get("restricted") is True, seen.status == Status.GUEST)

    def _is_over(self, kept: Fields) -> bool:
        now = self._now() * 1000
        return kept["expires"].ms <= now or (self._idle is not None and _used_at(kept).ms + self._idle * 1000 <= now)

    async def _note_use(self, kept: Fields, idle: float) -> None:
        """Not at every request: a write for each would cost more than the request."""
        now = Date.from_ms(int(self._now() * 1000))
        if now.ms - _used_at(kept).ms >= idle * 1000 / NOTES_OF_USE:
            note = Update(class_name=TOKEN, id=kept[ID], changes={"used": Set(now)}, returning=Returning.NOTHING)
            with contextlib.suppress(GatewayError):  # it was ended meanwhile
                await self._ledger.execute(note)

    async def shared_token(self, user_id: str, epoch: int) -> str | None:
        """The token that all log-ins of a user share, if there is one that lasts and can be told."""
        for session in await self._of(user_id):
            kept = await self._ledger.fields(TOKEN, digest_of(session["sessionToken"]))
            if kept is None or not kept["shared"] or kept["epoch"] != epoch:
                continue
            if not self._is_over(kept) and (token := self._seal.opened(session["sessionToken"])):
                return token
        return None

    async def open_now(self, user_id: str, epoch: int) -> int:
        """How many sessions of a user could be used."""
        digests = [digest_of(session["sessionToken"]) for session in await self._of(user_id)]
        kept = [await self._ledger.fields(TOKEN, digest) for digest in digests]
        return sum(one is not None and one["epoch"] == epoch and not self._is_over(one) for one in kept)

    async def all_ended(self, user_id: str) -> list[Operation]:
        """What ends every session of a user."""
        return _ends(await self._of(user_id))

    async def ended_on(self, user_id: str, installation_id: str | None) -> list[Operation]:
        """A log-in ends the user's other sessions of the same installation, as in Parse Server."""
        if installation_id is None:
            return []
        return _ends([own for own in await self._of(user_id) if own.get("installationId") == installation_id])

    async def _of(self, user_id: str) -> list[Fields]:
        mine = Condition("user", Op.EQ, Pointer(USER, user_id))
        # all of them: one that were left over would outlive a change of the password
        find = Find(class_name=SESSION, limit=1_000_000, where=mine, order=(Sort(CREATED_AT, descending=True),))
        try:
            return (await self._ledger.execute(find)).objects or []
        except GatewayError as error:
            if error.code is Code.CLASS_NOT_FOUND:
                return []
            raise

    # --- for clients ---

    async def current(self, op: CurrentSession, caller: Caller) -> Result:
        known = await self._own(caller)
        return self.told(op, await self._ledger.execute(Get(class_name=SESSION, id=known.session_id)), caller)

    async def pair(self, op: PairSession, caller: Caller) -> Result:
        """Parse REST guide, "Pairing Session with Installation": a restricted session, once."""
        known = await self._own(caller)
        if not known.restricted:
            raise GatewayError(Code.FORBIDDEN, "only a restricted session can be paired with an installation")
        if caller.installation_id is None:
            raise GatewayError(Code.BAD_REQUEST, "the header with the id of the installation is missing")
        unpaired = Condition("installationId", Op.IN, [None, caller.installation_id])
        paired = Update(
            class_name=SESSION,
            id=known.session_id,
            changes={"installationId": Set(caller.installation_id)},
            where=unpaired,
        )
        try:
            return await self._ledger.execute(paired)
        except GatewayError as error:
            if error.code is Code.CONDITION_FAILED:
                raise GatewayError(Code.FORBIDDEN, "the session is paired with another installation") from None
            raise

    async def upgrade(self, op: UpgradeSession, caller: Caller) -> Result:
        """A token from elsewhere becomes one of ours; what is one of ours already is told again."""
        known = await self._own(caller)
        if caller.session is not None and caller.session.startswith(OURS):
            return await self.current(CurrentSession(), caller)
        old = await self._ledger.fields(SESSION, known.session_id)
        epoch = (await self._ledger.seen(known.user_id)).epoch
        _, made = self.new(
            known.user_id, {"action": "upgrade"}, caller, shared=False, restricted=known.restricted, epoch=epoch
        )
        first = made[0]
        assert isinstance(first, Create)
        made[0] = replace(first, returning=Returning.EVERYTHING)
        result = (await self._ledger.together([*made, *_ends([old] if old is not None else [])]))[0]
        return self.told(op, result, caller)

    async def log_out(self, op: LogOut, caller: Caller) -> Result:
        if caller.session is not None:
            known = await self.known(caller.session)
            await self._ledger.together(_ends([{ID: known.session_id, "sessionToken": caller.session}]))
        return Result()

    def told(self, op: Operation, result: Result, caller: Caller) -> Result:
        """The result with the tokens of the sessions in it as clients know them, wherever a session is included."""
        objects = [*(result.objects or []), *([result.object] if result.object is not None else [])]
        if SESSION in (class_of(op), result.class_name):
            for fields in objects:
                self._tell(fields, caller)
        if isinstance(op, FindRelated):  # of which class these are is not known here
            for fields in objects:
                if str(fields.get("sessionToken", "")).startswith(PREFIX):
                    del fields["sessionToken"]
        if (
            getattr(op, "include", ())
            or getattr(op, "depth", 0)
            or any("." in name for name in getattr(op, "select", None) or ())
        ):
            for fields in objects:
                self._tell_below(fields, caller)
        return result

    def _tell(self, session: Fields, caller: Caller) -> None:
        session.pop(ACL, None)  # it says whose the session is; neither the REST guide nor Parse Server shows one
        if caller.restricted and session.get("restricted") is not True:
            # Parse REST guide, "Security": a restricted session also cannot read unrestricted sessions
            for name in set(session) - {ID}:
                del session[name]
        if type(kept := session.pop("sessionToken", None)) is str and (token := self._seal.opened(kept)) is not None:
            session["sessionToken"] = token

    def _tell_below(self, value: Any, caller: Caller) -> None:
        match value:
            case Object(class_name, fields):
                if class_name == SESSION:
                    self._tell(fields, caller)
                self._tell_below(fields, caller)
            case dict():
                for part in value.values():
                    self._tell_below(part, caller)
            case list():
                for part in value:
                    self._tell_below(part, caller)

    async def _own(self, caller: Caller) -> Known:
        if caller.session is None:
            raise GatewayError(Code.INVALID_SESSION, "Session token required.")
        return await self.known(caller.session)

    async def _create(self, op: Create, caller: Caller) -> Result:
        if caller.user_id is None:
            raise GatewayError(Code.INVALID_SESSION, "Session token required.")
        user_id = caller.user_id
        epoch = (await self._ledger.seen(user_id)).epoch
        _, made = self.new(user_id, {"action": "create"}, caller, shared=False, restricted=True, epoch=epoch)
        own = {
            name: change
            for name, change in op.changes.items()
            if name.partition(".")[0] not in SET_BY_SERVER and name != ACL
        }
        refuse_private(own)
        await self._store.permit(Create(class_name=SESSION, changes=own), caller)
        first = made[0]
        assert isinstance(first, Create)
        made[0] = replace(first, changes={**own, **first.changes}, returning=Returning.EVERYTHING)
        result = (await self._ledger.together(made))[0]
        for name in (CREATED_AT, UPDATED_AT, ACL):
            (result.object or {}).pop(name, None)
        return self.told(op, result, caller)

    async def _update(self, op: Update, caller: Caller) -> Result:
        for name in op.changes:
            if name == ACL:
                raise GatewayError(Code.RESERVED_FIELD, "Cannot set ACL on a Session.")
            if (head := name.partition(".")[0]) in SET_BY_SERVER:
                raise GatewayError(Code.RESERVED_FIELD, f"{head} is set by the server", field=head)
        _check_session(caller)
        if op.where is not None:
            raise GatewayError(Code.UNSUPPORTED, "a session cannot be changed by a condition")
        return self.told(op, await self._store.execute(op, caller), caller)

    async def _delete(self, op: Delete, caller: Caller) -> Result:
        _check_session(caller)
        if op.where is not None:
            raise GatewayError(Code.UNSUPPORTED, "a session cannot be deleted by a condition")
        await self._store.permit(op, caller)
        ended: list[Fields] = []
        for session_id in op.ids:
            got = await self._store.execute(Get(class_name=SESSION, id=session_id), caller)
            ended.append(got.object or {})
        await self._ledger.together(_ends(ended))
        return Result()

    async def _get(self, op: Get, caller: Caller) -> Result:
        _check_session(caller)
        if caller.restricted and not (await self._ledger.fields(SESSION, op.id) or {}).get("restricted"):
            raise GatewayError(Code.OBJECT_NOT_FOUND, "Object not found.", class_name=SESSION, id=op.id)
        return await self._store.execute(op, caller)

    async def _find(self, op: Find, caller: Caller) -> Result:
        _check_session(caller)
        where = await self._by_id(op.where) if op.where is not None else None
        if caller.restricted:
            restricted = Condition("restricted", Op.EQ, value=True)
            where = restricted if where is None else And((restricted, where))
        return await self._store.execute(replace(op, where=where), caller)

    async def _by_id(self, where: Filter) -> Filter:
        """The condition with the session's id in the place of its token, which is not kept as it is asked for."""
        match where:
            case And(parts):
                return And(tuple([await self._by_id(part) for part in parts]))
            case Or(parts):
                return Or(tuple([await self._by_id(part) for part in parts]))
            case Not(part):
                return Not(await self._by_id(part))
            case Condition("sessionToken", Op.EQ, str() as token):
                kept = await self._ledger.fields(TOKEN, digest_of(token)) if not token.startswith(PREFIX) else None
                return Condition(ID, Op.EQ, "" if kept is None else kept["session"])
        return where


def _used_at(kept: Fields) -> Date:
    used = kept.get("used") or kept[CREATED_AT]
    assert isinstance(used, Date)
    return used


def _check_session(caller: Caller) -> None:
    if not caller.unrestricted and caller.user_id is None:
        raise GatewayError(Code.INVALID_SESSION, "Invalid session token")


def _ends(sessions: Sequence[Fields]) -> list[Operation]:
    """What ends these sessions."""
    if not sessions:
        return []
    digests = tuple(digest_of(session["sessionToken"]) for session in sessions)
    return [
        # another log-in may have ended them meanwhile
        Delete(class_name=SESSION, ids=tuple(session[ID] for session in sessions), missing_ok=True),
        Delete(class_name=TOKEN, ids=digests, missing_ok=True),
    ]
