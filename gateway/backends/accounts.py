"""Users and roles, on a store that knows objects and ACLs only: signing up, logging in, changing and leaving.

What a client may never see is in `ledger`, sessions are in `sessions`. Everything else about a user is an object of the
class `_User`, with an ACL that gives it to itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from gateway.adapters.base import Outside
from gateway.backends.attempts import Attempts
from gateway.backends.later import Later
from gateway.backends.ledger import (
    ACCOUNT,
    CREDENTIAL,
    IDENTITY,
    TAKEN,
    Ledger,
    ObjectStore,
    Seen,
    StaleError,
    changed,
    credential,
    identity,
    name_of,
    new_id,
    refuse_private,
    unchanged,
    value_of,
)
from gateway.backends.many_users import ManyUsers
from gateway.backends.members import Members
from gateway.backends.recovery import Recovery, Rules, Users
from gateway.backends.seal import Seal
from gateway.backends.sessions import Sessions
from gateway.errors import Code, GatewayError
from gateway.model.account import (
    LONGEST_NAME,
    ROLE,
    SESSION,
    USER,
    ChangePassword,
    CurrentSession,
    CurrentUser,
    LogIn,
    LogInAs,
    LogOut,
    PairSession,
    RefreshSession,
    SignUp,
    UpgradeSession,
    VerifyPassword,
    own_id,
)
from gateway.model.definition import CreateClass, DeleteClass, GetSchema, PurgeClass, UpdateClass
from gateway.model.members import LAST_LOG_IN, STATUS, Status
from gateway.model.operation import (
    Batch,
    Caller,
    CountInGroup,
    Create,
    Deferred,
    Delete,
    Find,
    FindGroups,
    FindRelated,
    Get,
    Operation,
    Result,
    Returning,
    Scan,
    Update,
)
from gateway.model.permission import AUTHENTICATED, GUEST, SYSTEM_ROLE
from gateway.model.query import Condition, Op
from gateway.model.update import AddRelation, Change, Changes, RemoveRelation, Set, Several, Unset
from gateway.model.values import ACL, ID, Date, Fields, Relation
from gateway.store import passwords

MOST_TRIES: Final = 50

USERNAME, PASSWORD, EMAIL, PHONE, AUTH_DATA = "username", "password", "email", "mobilePhoneNumber", "authData"
PHONE_VERIFIED: Final = "mobilePhoneVerified"
VERIFIED: Final = frozenset({"emailVerified", "mobilePhoneVerified"})
NAMES: Final = {USERNAME: "username", EMAIL: "email", PHONE: "phone"}
"""Fields that a user is known by, and the kind of identity that each is."""
OWN_FIELDS: Final = frozenset({*NAMES, PASSWORD, AUTH_DATA, *VERIFIED, "sessionToken"})
ANONYMOUS: Final = "anonymous"
MEMBERS: Final = {"users": USER, "roles": ROLE}
"""What a role holds."""

RULED: Final = frozenset({USER, ROLE, SESSION})
"""Classes whose objects are written by rules of their own."""
READING: Final = Get | Find | FindRelated | FindGroups | CountInGroup | Scan
DEFINING: Final = GetSchema | CreateClass | UpdateClass | DeleteClass | PurgeClass
MOST_AT_ONCE: Final = 100
"""Objects that are read before they are deleted by their rules."""

LONGEST_PASSWORD: Final = 1000
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_PROVIDER = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class Policy:
    """What the owner of an application decides. Times are seconds."""

    trusted_providers: frozenset[str] = frozenset()
    """Providers whose authData is believed as it is; a provider that is not named is refused."""
    private_users: bool = False
    """New users can be read by themselves only."""
    registration: bool = True
    """Clients can sign up."""
    most_log_ins: int | None = None
    """Sessions that a user may have at once."""
    second_refused: bool = False
    """Where that is one: whether a second log-in is refused, instead of ending the first."""
    session_lasts: float = 365 * 86400.0
    session_idle: float | None = None
    failures_until_locked: int = 6
    locked_for: float = 15 * 60.0
    failure_takes: float = 0.3
    """A log-in that fails is answered after a multiple of this: what kind of password is kept takes time, and tells."""
    recovery: Rules = field(default_factory=Rules)


@dataclass(slots=True)
class _Rewrite:
    """What an update of a user comes to, collected field by field."""

    changes: dict[str, Change] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    password: str | None = None


_NOBODY: Final = Outside()


class Accounts:
    """A backend with users: the store's own operations, by the rules for users, and log-ins."""

    def __init__(
        self,
        store: ObjectStore,
        policy: Policy,
        *,
        outside: Outside = _NOBODY,
        later: Later | None = None,
        seal: Seal | None = None,
        now: Callable[[], float] = time.time,
        threads: int = 2,
    ) -> None:
        self._store = store
        self._ledger = Ledger(store)
        self._sessions = Sessions(
            store, self._ledger, lasts=policy.session_lasts, idle=policy.session_idle, seal=seal, now=now
        )
        self._attempts = Attempts(self._ledger, most=policy.failures_until_locked, lasts=policy.locked_for, now=now)
        self._policy = policy
        self._outside = outside
        self._now = now
        # each hash takes 19 MiB and a core for tens of milliseconds: more at once would only be slower, and larger
        self._hashing = asyncio.Semaphore(threads)
        self.admit: Callable[[str, Caller], Awaitable[None]] | None = None
        """Asked before a session is opened for a user who is there; it raises GatewayError where that may not be."""
        self.admit_reset: Callable[[str, Caller], Awaitable[None]] | None = None
        """The same before a user is sent what resets a password."""
        users = Users(self.identify, self._opened, self._update_seen, self._new_user, self._may_reset)
        self._recovery = Recovery(self._ledger, users, policy.recovery, outside, later or Later(), now=now)
        members = Members(store, self._ledger, self._sessions, self._recovery, users, self._proven, outside.verifiers)
        many = ManyUsers(self.execute, store.execute, OWN_FIELDS)
        self._execute: Mapping[type[Operation], Callable[[Any, Caller], Any]] = {
            SignUp: self._sign_up,
            LogIn: self._log_in,
            VerifyPassword: self._verify_password,
            LogInAs: self._log_in_as,
            LogOut: self._sessions.log_out,
            CurrentUser: self._current_user,
            CurrentSession: self._sessions.current,
            PairSession: self._sessions.pair,
            UpgradeSession: self._sessions.upgrade,
            ChangePassword: self._change_password,
            RefreshSession: self._refresh_session,
            Batch: self._batch,
            **self._recovery.operations,
            **members.operations,
        }
        self._by_class: Mapping[tuple[str, type[Operation]], Callable[[Any, Caller], Any]] = {
            (USER, Create): self._create_user,
            (USER, Get): self._get_user,
            (USER, Update): self._update_user,
            (USER, Delete): self._delete_users,
            (ROLE, Create): self._create_role,
            (ROLE, Update): self._update_role,
            (ROLE, Delete): self._delete_roles,
            **dict.fromkeys(((name, PurgeClass) for name in sorted(RULED)), self._purge),
            **{(SESSION, asked): act for asked, act in self._sessions.by_class.items()},
            **{(USER, asked): act for asked, act in many.by_class.items()},
        }

    async def close(self) -> None:
        await self._store.close()

    async def execute(self, op: Operation, caller: Caller) -> Result:
        await self._refuse(op, caller)
        special = self._special(op)
        if special:
            # once, however often the rest is done anew: some tokens are good for one question only
            await self._verify_auth_data(op, caller)
        result = await (self._until_fresh(special, op, caller) if special else self._store.execute(op, caller))
        return self._shown(op, result, caller)

    async def _refuse(self, op: Operation, caller: Caller) -> None:
        deferred = isinstance(op, Deferred)
        asked = op.item if isinstance(op, Deferred) else op
        ruled = getattr(asked, "class_name", "") in RULED and not isinstance(asked, READING | DEFINING)
        if deferred and getattr(asked, "class_name", "") == SESSION:
            raise GatewayError(Code.UNSUPPORTED, "sessions cannot be part of a transaction")
        if isinstance(asked, FindGroups | CountInGroup) and asked.class_name == SESSION:
            # whose they are the queries for sessions see to
            raise GatewayError(Code.UNSUPPORTED, "sessions are not told in groups")
        if ruled and (deferred or self._special(op) is None):
            raise GatewayError(Code.UNSUPPORTED, "users, roles and sessions are changed one by one")

    def _shown(self, op: Operation, result: Result, caller: Caller) -> Result:
        return self._sessions.told(op, result, caller)

    @staticmethod
    async def _until_fresh(act: Callable[[Any, Caller], Any], op: Operation, caller: Caller) -> Result:
        """What was decided on a user that has changed meanwhile is decided anew."""
        for tries in range(MOST_TRIES):
            try:
                result: Result = await act(op, caller)
            except StaleError:
                # a random pause, so that those who met once do not meet again
                await asyncio.sleep(secrets.randbelow(1 + 5 * tries) / 1000)
            else:
                return result
        raise GatewayError(Code.UNAVAILABLE, "the user is being changed by too many requests at once")

    def _special(self, op: Operation) -> Callable[[Any, Caller], Any] | None:
        return self._execute.get(type(op)) or self._by_class.get((getattr(op, "class_name", ""), type(op)))

    async def identify(self, caller: Caller) -> Caller:
        """The caller with the user of its session. Raises GatewayError(INVALID_SESSION)."""
        known = await self._sessions.known(caller.session)
        roles = await self._store.roles_of(known.user_id)
        of_itself = {AUTHENTICATED, GUEST} if known.guest else {AUTHENTICATED}
        return replace(caller, user_id=known.user_id, roles=roles | of_itself, restricted=known.restricted)

    async def _batch(self, op: Batch, caller: Caller) -> Result:
        if not any(self._special(item) for item in op.items):
            for at, item in enumerate(op.items):
                try:
                    await self._refuse(item, caller)
                except GatewayError as error:
                    raise error.at(at) from None
            result = await self._store.execute(op, caller)
            for item, answer in zip(op.items, result.items or [], strict=True):
                if isinstance(answer, Result):
                    self._shown(item, answer, caller)
            return result
        if op.atomic or any(op.names):
            at = next(at for at, item in enumerate(op.items) if self._special(item))
            raise GatewayError(Code.UNSUPPORTED, "users, roles and sessions cannot be part of a transaction").at(at)
        items: list[Result | GatewayError] = []
        for item in op.items:
            try:
                items.append(await self.execute(item, caller))
            except GatewayError as error:
                items.append(error)
        return Result(items=items)

    async def _get_user(self, op: Get, caller: Caller) -> Result:
        result = await self._store.execute(op, caller)
        if caller.user_id == op.id:
            result.session = caller.session  # Parse Server: who asks for itself by its session is shown it
        return result

    async def knows(self, op: SignUp) -> bool:
        """Whether what looks like a sign-up will be a log-in of who is there already. Raises GatewayError."""
        if op.sms_code is not None:
            number = op.changes.get(PHONE)
            phone = number.value if isinstance(number, Set) else None
            return type(phone) is str and await self._ledger.owner(name_of("phone", phone)) is not None
        auth = self._auth_data(op.changes.get(AUTH_DATA))
        return bool(auth) and await self._known_by_auth(auth) is not None

    async def _may_reset(self, user_id: str, caller: Caller) -> None:
        if self.admit_reset is not None:
            await self.admit_reset(user_id, caller)

    # --- signing up and logging in ---

    async def _create_user(self, op: Create, caller: Caller) -> Result:
        return await self._sign_up(SignUp(changes=op.changes, id=op.id, returning=op.returning), caller)

    async def _sign_up(self, op: SignUp, caller: Caller) -> Result:
        if op.sms_code is not None:
            return await self._recovery.sign_up(op, caller)
        return await self._new_user(op, caller)

    async def _new_user(self, op: SignUp, caller: Caller, *, proof: Sequence[Operation] = ()) -> Result:
        """With the `proof` that its phone number is its own, which is used up, a user needs no password."""
        wanted = dict(op.changes)
        auth = self._auth_data(wanted.pop(AUTH_DATA, None))
        _refuse_server_fields(wanted, caller)
        refuse_private(wanted)
        if any(name.partition(".")[0] == AUTH_DATA for name in wanted):
            raise GatewayError(Code.BAD_AUTH_DATA, "authData must be an object")
        if auth:
            known = await self._known_by_auth(auth)
            if known is not None:
                result = await self._log_in_by_auth(known, auth, op, caller)
                result.providers = {}
                return result
            if op.must_exist:
                raise GatewayError(Code.USER_NOT_FOUND, "Could not find user.")
        if not self._policy.registration and not caller.unrestricted:
            raise GatewayError(Code.REGISTRATION_CLOSED, "this application takes no new users")
        rewrite = _Rewrite()
        invented = _complete(op, wanted, known_otherwise=bool(auth), proven=bool(proof))
        await self._store.permit(Create(class_name=USER, changes=_without_password(wanted)), caller)
        self._rewrite(wanted, {}, rewrite)
        user_id = op.id or new_id()
        if user_id == "*" or user_id.startswith("role:"):
            # Parse Server: in an ACL such an id would be everybody, or a role
            raise GatewayError(Code.FORBIDDEN, "this is no id for a user")
        if auth:
            rewrite.changes[AUTH_DATA] = Set(with_union_ids(auth))
            rewrite.made += identities_of(auth)
        rewrite.changes[ACL] = Set(self._acl(rewrite.changes.get(ACL), user_id))
        if op.with_status:
            rewrite.changes[STATUS] = Set(Status.GUEST.value if op.guest else Status.ENABLED.value)
        items: list[Operation] = [identity(name, user_id) for name in rewrite.made]
        everything: dict[str, Any] = {"returning": Returning.EVERYTHING, "nulls": op.nulls}
        items.append(Create(class_name=USER, id=user_id, changes=rewrite.changes, **everything))
        at = len(items) - 1
        items.append(changed(user_id, Seen(None), status=Status.GUEST if op.guest else None))
        if rewrite.password is not None:
            items.append(credential(user_id, await self._hashed(rewrite.password)))
        token: str | None = None
        items += proof
        # Parse Server: with the master key there is no session, nor before an address is verified that has to be
        opens = op.guest or (not caller.master and (auth or proof or self._recovery.opens_at_once))
        if opens and op.opens_session:
            action = {"action": "signup", "authProvider": next(iter(auth), "password")}
            token, made = self._sessions.new(user_id, action, caller, shared=op.share_session, epoch=0)
            items += made
        result = (await self._ledger.together(items))[at]
        self._recovery.greet(user_id, rewrite.changes)
        result.session = token
        result.providers = {} if auth else None
        if op.returning is not Returning.EVERYTHING:
            result.object = {USERNAME: (result.object or {})[USERNAME]} if invented else {}
        _show(result, op)
        return result

    async def _log_in_by_auth(self, user_id: str, auth: Mapping[str, Fields], op: SignUp, caller: Caller) -> Result:
        seen = await self._ledger.seen(user_id)
        if await self._known_by_auth(auth) != user_id:
            raise StaleError
        user = await self._ledger.user(user_id)
        merged = {**(user.get(AUTH_DATA) or {}), **with_union_ids(auth)}
        missing = [name for name in identities_of(auth) if await self._ledger.owner(name) is None]
        items: list[Operation] = [identity(name, user_id) for name in missing]
        if merged != user.get(AUTH_DATA):
            items.append(Update(class_name=USER, id=user_id, changes={AUTH_DATA: Set(merged)}))
        if items:
            await self._ledger.together([changed(user_id, seen), *items])
            seen = Seen((seen.revision or 0) + 1, seen.epoch)
        return await self._opened(user_id, seen, caller, op, provider=next(iter(auth)), created=False)

    async def _log_in(self, op: LogIn, caller: Caller) -> Result:
        if op.sms_code is not None:
            return await self._recovery.log_in(op, caller)
        names = {USERNAME: op.username, EMAIL: op.email, PHONE: op.phone}
        given = [(kind, name) for kind, name in names.items() if name is not None]
        if op.one_name and given and all(type(name) is str for _, name in given):
            names = dict(given[:1])
        user_id, seen = await self._proven(names, op.password)
        by_phone = names.get(PHONE) is not None
        if self._policy.recovery.only_verified:
            self._recovery.refuse_unverified(await self._ledger.user(user_id), by_phone=by_phone)
        return await self._opened(user_id, seen, caller, op)

    async def _verify_password(self, op: VerifyPassword, caller: Caller) -> Result:
        user_id, _ = await self._proven({USERNAME: op.username, EMAIL: op.email}, op.password)
        user = await self._ledger.user(user_id)
        self._recovery.refuse_unverified(user, by_phone=False)
        return Result(object=user)

    async def _log_in_as(self, op: LogInAs, caller: Caller) -> Result:
        if not caller.master:
            raise GatewayError(Code.FORBIDDEN, "master key is required")
        if type(op.user_id) is not str or not op.user_id:
            raise GatewayError(Code.BAD_AUTH_DATA, "userId must not be empty, null, or undefined")
        seen = await self._ledger.seen(op.user_id)
        try:
            await self._ledger.user(op.user_id)
        except GatewayError:
            raise GatewayError(Code.OBJECT_NOT_FOUND, "user not found") from None
        as_log_in = LogIn(nulls=op.nulls, with_status=op.with_status)
        return await self._opened(op.user_id, seen, caller, as_log_in, provider="masterkey")

    async def _opened(
        self,
        user_id: str,
        seen: Seen,
        caller: Caller,
        op: LogIn | SignUp,
        *,
        provider: str = "password",
        created: bool = True,
        proof: Sequence[Operation] = (),
    ) -> Result:
        """A session for a user who has proven who it is, when its revision was the one that was `seen`."""
        _refuse_disabled(seen)
        if self.admit is not None:
            await self.admit(user_id, caller)
        token = await self._sessions.shared_token(user_id, seen.epoch) if op.share_session else None
        if token is None:
            items = await self._room(user_id, seen, caller)
            action = {"action": "login", "authProvider": provider}
            token, made = self._sessions.new(user_id, action, caller, shared=op.share_session, epoch=seen.epoch)
            # of a shared session there is one; others may be opened side by side
            alone = op.share_session or self._policy.most_log_ins is not None
            guard = changed(user_id, seen) if alone else unchanged(user_id, seen)
            await self._ledger.together([guard, *proof, *items, *made])
        elif proof:
            await self._ledger.together([unchanged(user_id, seen), *proof])
        elif await self._ledger.seen(user_id) != seen:
            raise StaleError
        if op.with_status:
            await self._note_log_in(user_id)
        user = await self._ledger.user(user_id, nulls=op.nulls)
        result = Result(object=user, session=token, created=created, id=user_id)
        _show(result, op)
        return result

    async def _room(self, user_id: str, seen: Seen, caller: Caller) -> list[Operation]:
        """What ends sessions that a log-in takes the place of. Raises GatewayError where there is none for it."""
        most = self._policy.most_log_ins
        if most == 1 and not self._policy.second_refused:
            return await self._sessions.all_ended(user_id)
        if most is not None and await self._sessions.open_now(user_id, seen.epoch) >= most:
            if most == 1:
                raise GatewayError(Code.LOGGED_IN_ELSEWHERE, "the user is logged in already")
            raise GatewayError(Code.TOO_MANY_LOG_INS, f"a user can be logged in {most} times at once")
        return await self._sessions.ended_on(user_id, caller.installation_id)

    async def _note_log_in(self, user_id: str) -> None:
        now = Date.from_ms(int(self._now() * 1000))
        with contextlib.suppress(GatewayError):  # a column of this name may be the app's own, for something else
            note: Changes = {LAST_LOG_IN: Set(now)}
            await self._ledger.execute(Update(class_name=USER, id=user_id, changes=note, returning=Returning.NOTHING))

    async def _proven(self, names: Mapping[str, Any], password: Any) -> tuple[str, Seen]:
        """The user with these names and this password, and the revision at which that was so.

        That there is no such user takes as long, and tells as much.
        """
        started = time.monotonic()
        try:
            return await self._checked(names, password)
        except GatewayError as error:
            if error.code is Code.BAD_CREDENTIALS:
                takes = self._policy.failure_takes
                await asyncio.sleep(takes - (time.monotonic() - started) % takes)
            raise

    async def _checked(self, names: Mapping[str, Any], password: Any) -> tuple[str, Seen]:
        given = {kind: name for kind, name in names.items() if name is not None}
        if not given:
            raise GatewayError(Code.USERNAME_MISSING, "username/email is required.")
        if password is None:
            raise GatewayError(Code.PASSWORD_MISSING, "password is required.")
        wrong = GatewayError(Code.BAD_CREDENTIALS, "Invalid username/password.")
        if type(password) is not str or len(password) > LONGEST_PASSWORD:
            raise wrong
        user_id = await self._named(given)
        seen = await self._ledger.seen(user_id) if user_id is not None else Seen(None)
        tried = [name for name in given.values() if type(name) is str and len(name) <= LONGEST_NAME]
        async with self._hashing:  # counted in here: guesses made at once see each other's failures
            await self._attempts.refuse_locked(tried)
            found = await self._ledger.credential(user_id) if user_id is not None else None
            kept = found.get("kept") if found is not None else None
            right = await asyncio.to_thread(passwords.verifies, password, kept or passwords.NOBODY)
            if user_id is None or kept is None or not right:
                await self._attempts.failed(tried)
                raise wrong
        _refuse_disabled(seen)  # which is told to who knows the password only
        await self._attempts.forget(tried)
        if passwords.outdated(kept):
            anew: Changes = {"kept": Set(await self._hashed(password))}
            # unless it is another one by now
            same = Condition("kept", Op.EQ, kept)
            await self._ledger.together([Update(class_name=CREDENTIAL, id=user_id, changes=anew, where=same)])
        return user_id, seen

    async def _named(self, names: Mapping[str, Any]) -> str | None:
        owners: set[str | None] = set()
        for name_field, name in names.items():
            if type(name) is not str or not 0 < len(name) <= LONGEST_NAME:
                return None
            owner = await self._ledger.owner(name_of(NAMES[name_field], name))
            if owner is None and name_field == USERNAME:
                # Parse Server takes an address as a username as well
                owner = await self._ledger.owner(name_of("email", name))
            elif (
                owner is not None and name_field == USERNAME and (await self._ledger.user(owner)).get(USERNAME) != name
            ):
                owner = None  # unique without regard to case, but it logs in as it is written
            owners.add(owner)
        return owners.pop() if len(owners) == 1 else None

    # --- the current user and its sessions ---

    async def _current_user(self, op: CurrentUser, caller: Caller) -> Result:
        token = op.session or caller.session
        known = await self._sessions.known(token)
        own = await self.identify(replace(caller, session=token))
        get = Get(class_name=USER, id=known.user_id, include=op.include, with_acl=op.with_acl)
        try:
            result = await self._store.execute(get, own)
        except GatewayError:
            raise GatewayError(Code.INVALID_SESSION, "Invalid session token") from None
        result.session = token
        return result

    async def _change_password(self, op: ChangePassword, caller: Caller) -> Result:
        self._refuse_others(op.id, caller)
        if type(op.new_password) is not str or not op.new_password:
            raise GatewayError(Code.PASSWORD_MISSING, "the new password is missing")
        username = (await self._ledger.user(op.id)).get(USERNAME)
        _, seen = await self._proven({USERNAME: username}, op.old_password)
        update = Update(class_name=USER, id=op.id, changes={PASSWORD: Set(op.new_password)})
        return await self._update_seen(update, seen, caller)

    async def _refresh_session(self, op: RefreshSession, caller: Caller) -> Result:
        self._refuse_others(op.id, caller)
        seen = await self._ledger.seen(op.id)
        _refuse_disabled(seen)
        items = [*await self._sessions.all_ended(op.id), changed(op.id, seen, revoke=True)]
        action = {"action": "login", "authProvider": "password"}
        token, made = self._sessions.new(op.id, action, caller, shared=True, epoch=seen.epoch + 1)
        touched = Update(class_name=USER, id=op.id, changes={}, returning=Returning.NOTHING)
        result = (await self._ledger.together([touched, *items, *made]))[0]
        result.session = token
        return result

    # --- changing and deleting users ---

    async def _update_user(self, op: Update, caller: Caller) -> Result:
        self._refuse_others(op.id, caller)
        _refuse_conditions(op, caller)
        await self._store.permit(replace(op, changes=_without_password(op.changes)), caller)
        return await self._update_seen(op, await self._ledger.seen(op.id), caller)

    async def _update_seen(
        self,
        op: Update,
        seen: Seen,
        caller: Caller,
        *,
        proof: Sequence[Operation] = (),
        revoke: bool = False,
        status: str | None = None,
    ) -> Result:
        """With `revoke` no session outlives it, whatever is changed; `proof` is what it uses up."""
        user = await self._ledger.user(op.id)
        wanted = dict(op.changes)
        _refuse_server_fields(wanted, caller)
        refuse_private(wanted)
        rewrite = _Rewrite()
        linking = any(name.partition(".")[0] == AUTH_DATA for name in wanted)
        self._rewrite_auth(wanted, user, rewrite)
        self._rewrite(wanted, user, rewrite)
        if ACL in rewrite.changes:
            rewrite.changes[ACL] = Set(self._acl(rewrite.changes[ACL], op.id))
        # recorded from LeanCloud: an anonymous user who gets a first password keeps the session
        revoke = revoke or (rewrite.password is not None and await self._ledger.credential(op.id) is not None)
        items: list[Operation] = [replace(op, changes=rewrite.changes), *proof]
        if proof or rewrite.gone or rewrite.made or rewrite.password is not None or AUTH_DATA in rewrite.changes:
            items.append(changed(op.id, seen, revoke=revoke, status=status))
        if gone := [
            name for name in rewrite.gone if name not in rewrite.made and await self._ledger.owner(name) == op.id
        ]:
            items.append(Delete(class_name=IDENTITY, ids=tuple(gone)))
        items += [identity(name, op.id) for name in rewrite.made if name not in rewrite.gone]
        token: str | None = None
        if rewrite.password is not None:
            items.append(await self._new_credential(op.id, rewrite.password))
        if revoke:
            shared = await self._sessions.shared_token(op.id, seen.epoch) is not None
            items += await self._sessions.all_ended(op.id)
            if not caller.master and seen.status != Status.DISABLED:
                # Parse Server: the session that a new password opens has no createdWith
                token, made = self._sessions.new(op.id, None, caller, shared=shared, epoch=seen.epoch + 1)
                items += made
        result = (await self._ledger.together(items))[0]
        self._recovery.greet(op.id, rewrite.changes)
        result.session = token
        if rewrite.password is not None:  # who was locked out, and has a new password, may use it
            await self._attempts.forget([user[name] for name in NAMES if type(user.get(name)) is str])
        if linking:
            result.providers = {}
        return result

    async def _new_credential(self, user_id: str, password: str) -> Operation:
        kept = await self._hashed(password)
        if await self._ledger.credential(user_id) is None:
            return credential(user_id, kept)
        return Update(class_name=CREDENTIAL, id=user_id, changes={"kept": Set(kept)})

    async def _delete_users(self, op: Delete, caller: Caller) -> Result:
        for user_id in op.ids:
            if not caller.unrestricted and caller.user_id != user_id:
                # recorded: another sentence than where a user is changed, and two of them
                why = "Insufficient auth." if caller.user_id else "Insufficient auth to delete user"
                raise GatewayError(Code.SESSION_MISSING, why, id=user_id)
        _refuse_conditions(op, caller)
        await self._store.permit(op, caller)
        for user_id in op.ids:
            seen = await self._ledger.seen(user_id)
            user = await self._ledger.user(user_id)
            names = [name_of(kind, user[own]) for own, kind in NAMES.items() if type(user.get(own)) is str]
            names += identities_of(user.get(AUTH_DATA) or {})
            owned = [name for name in dict.fromkeys(names) if await self._ledger.owner(name) == user_id]
            items: list[Operation] = [replace(op, ids=(user_id,)), changed(user_id, seen)]
            if owned:
                items.append(Delete(class_name=IDENTITY, ids=tuple(owned)))
            if await self._ledger.credential(user_id) is not None:
                items.append(Delete(class_name=CREDENTIAL, ids=(user_id,)))
            items.append(Delete(class_name=ACCOUNT, ids=(user_id,)))
            await self._ledger.together([*items, *await self._sessions.all_ended(user_id)])
        return Result()

    def _rewrite(self, wanted: Mapping[str, Change], user: Fields, into: _Rewrite) -> None:
        """The fields that a user is known by, checked; all others as they are."""
        for name, change in wanted.items():
            if name == PASSWORD:
                into.password = _password(change)
            elif name in NAMES:
                before, after = user.get(name), text_of(name, change)
                if type(before) is str:
                    into.gone.append(name_of(NAMES[name], before))
                if after is not None:
                    into.made.append(name_of(NAMES[name], after))
                into.changes[name] = Unset() if after is None else Set(after)
                if (flag := self._recovery.unverified(name, after, user)) is not None:
                    into.changes.setdefault(flag, Set(False))  # the master may say otherwise
            else:
                into.changes[name] = change

    def _rewrite_auth(self, wanted: dict[str, Change], user: Fields, into: _Rewrite) -> None:
        """Linking and unlinking: `authData` whole or by `authData.provider`; what is null, or unset, is unlinked."""
        before: Mapping[str, Any] = user.get(AUTH_DATA) or {}
        touched = _touched_auth(wanted, before)
        for name in [name for name in wanted if name.partition(".")[0] == AUTH_DATA]:
            del wanted[name]
        linked = self._auth_data(_linked(touched, before))
        after = {name: data for name, data in before.items() if touched.get(name, data) is not None}
        after.update(with_union_ids(linked))
        # recorded: another provider, or a name and a password, and the user is no longer anonymous
        if ANONYMOUS in after and ANONYMOUS not in touched and (linked or (USERNAME in wanted and PASSWORD in wanted)):
            del after[ANONYMOUS]
        if after == before and not touched:
            return
        into.changes[AUTH_DATA] = Set(after)
        into.gone += [name for name in identities_of(before) if name not in identities_of(after)]
        into.made += [name for name in identities_of(after) if name not in identities_of(before)]

    def _auth_data(self, change: Change | None) -> dict[str, Fields]:
        """authData by provider, each to be believed or asked about. Raises GatewayError where it cannot be."""
        value = value_of(change) if change is not None else None
        if value is None:
            return {}
        if type(value) is not dict:
            raise GatewayError(Code.BAD_AUTH_DATA, "authData must be an object")
        for provider, data in value.items():
            known = provider in {ANONYMOUS, *self._policy.trusted_providers, *self._outside.verifiers}
            if not _PROVIDER.fullmatch(provider) or type(data) is not dict or not known:
                raise GatewayError(Code.UNSUPPORTED_PROVIDER, "This authentication method is unsupported.")
            if own_id(data) is None:
                raise GatewayError(Code.BAD_AUTH_DATA, f"Invalid authData id for provider '{provider}'.")
        return dict(value)

    async def _verify_auth_data(self, op: Operation, caller: Caller) -> None:
        """Asks about the authData that an operation brings along, before anything of it is done.

        What a user has already is not asked about again: the SDK of Parse sends all of it when one more is linked.
        """
        if not self._outside.verifiers:
            return
        brought: Mapping[str, Fields] = {}
        if isinstance(op, SignUp) or (isinstance(op, Create) and op.class_name == USER):
            brought = self._auth_data(op.changes.get(AUTH_DATA))
        elif isinstance(op, Update) and op.class_name == USER:
            if not any(name.partition(".")[0] == AUTH_DATA for name in op.changes):
                return
            self._refuse_others(op.id, caller)
            before: Mapping[str, Any] = (await self._ledger.user(op.id)).get(AUTH_DATA) or {}
            brought = self._auth_data(_linked(_touched_auth(op.changes, before), before))
        for provider, data in brought.items():
            verifier = self._outside.verifiers.get(provider)
            if verifier is not None:
                await verifier.verify(provider, data)

    async def _known_by_auth(self, auth: Mapping[str, Fields]) -> str | None:
        owners = {owner for name in identities_of(auth) if (owner := await self._ledger.owner(name)) is not None}
        if len(owners) > 1:
            raise GatewayError(*TAKEN["auth"])
        return owners.pop() if owners else None

    @staticmethod
    def _refuse_others(user_id: str, caller: Caller) -> None:
        if not caller.unrestricted and caller.user_id != user_id:
            raise GatewayError(Code.SESSION_MISSING, f"Cannot modify user {user_id}.", id=user_id)

    def _acl(self, change: Change | None, user_id: str) -> dict[str, Any]:
        """What is asked for, or the default; the user's own rights are always in it, as in Parse Server."""
        given = value_of(change) if change is not None and not isinstance(change, Unset) else None
        if given is None:
            given = {} if self._policy.private_users else {"*": {"read": True}}
        return {**given, user_id: {"read": True, "write": True}}

    # --- roles ---

    async def _create_role(self, op: Create, caller: Caller) -> Result:
        name = value_of(op.changes.get("name", Unset()))
        if value_of(op.changes.get(ACL, Unset())) is None:
            raise GatewayError(Code.BAD_ROLE, "ACL is required.", name="ACL")
        if type(name) is not str or not 0 < len(name) <= LONGEST_NAME:
            raise GatewayError(Code.BAD_ROLE, "name is required.", name="name")
        if name.startswith(SYSTEM_ROLE):
            raise GatewayError(Code.BAD_ROLE, f"the name of a role cannot begin with {SYSTEM_ROLE}", name="name")
        _check_members(op.changes)
        refuse_private(op.changes)
        await self._store.permit(op, caller)
        role_id = op.id or new_id()
        results = await self._ledger.together([identity(name_of("role", name), role_id), replace(op, id=role_id)])
        return results[1]

    async def _update_role(self, op: Update, caller: Caller) -> Result:
        _check_members(op.changes)
        if "name" in op.changes:
            role = (await self._store.execute(Get(class_name=ROLE, id=op.id), caller)).object or {}
            if value_of(op.changes["name"]) != role.get("name"):
                # the REST guide of parse.com: a name is set once. ACLs have it, and would grant to who takes it next
                raise GatewayError(Code.FORBIDDEN, "the name of a role cannot be changed")
        return await self._store.execute(op, caller)

    async def _delete_roles(self, op: Delete, caller: Caller) -> Result:
        roles = [
            (await self._ledger.execute(Get(class_name=ROLE, id=role_id))).object or {}
            for role_id in dict.fromkeys(op.ids)
        ]
        result = await self._store.execute(op, caller)
        for role in roles:
            if await self._ledger.fields(ROLE, role[ID]) is not None:
                continue  # the caller may not delete this one, and who takes its name would take what it grants
            name = name_of("role", role.get("name", ""))
            if await self._ledger.owner(name) == role[ID]:
                await self._ledger.execute(Delete(class_name=IDENTITY, ids=(name,)))
        return result

    async def _purge(self, op: PurgeClass, caller: Caller) -> Result:
        """One by one: with a user goes what makes it one, its names and its sessions."""
        delete = self._by_class[op.class_name, Delete]
        some = Find(class_name=op.class_name, limit=MOST_AT_ONCE, select=())
        try:
            while found := (await self._store.execute(some, caller)).objects:
                for fields in found:
                    await delete(Delete(class_name=op.class_name, ids=(fields[ID],)), caller)
        except GatewayError as error:
            if error.code is not Code.CLASS_NOT_FOUND:
                raise
        return Result()

    async def _hashed(self, password: str) -> str:
        async with self._hashing:
            return await asyncio.to_thread(passwords.hashed, password)


def _without_password(changes: Changes) -> Changes:
    return {name: change for name, change in changes.items() if name != PASSWORD}


def _complete(op: SignUp, wanted: dict[str, Change], *, known_otherwise: bool, proven: bool) -> bool:
    """Makes sure of a username and a password, where they are needed; whether the username is one of our own."""
    if op.named_by_email and PASSWORD not in wanted:
        raise GatewayError(Code.PASSWORD_MISSING, "password is required")
    by_email = op.named_by_email and EMAIL in wanted and text_of(EMAIL, wanted[EMAIL]) is not None
    invented = USERNAME not in wanted and (known_otherwise or op.guest or by_email)
    if invented:
        wanted[USERNAME] = Set("".join(secrets.choice("0123456789abcdefghijklmnopqrstuvwxyz") for _ in range(25)))
    if USERNAME not in wanted:
        raise GatewayError(Code.USERNAME_MISSING, "bad or missing username")
    if proven:
        wanted[PHONE_VERIFIED] = Set(True)
    if PASSWORD not in wanted and not (known_otherwise or proven or op.guest):
        raise GatewayError(Code.PASSWORD_MISSING, "password is required")
    return invented


def _refuse_disabled(seen: Seen) -> None:
    if seen.status == Status.DISABLED:
        raise GatewayError(Code.ACCOUNT_DISABLED, "the account is disabled")


def _show(result: Result, op: SignUp | LogIn) -> None:
    if not op.with_acl and result.object is not None:
        result.object.pop(ACL, None)


def _check_members(changes: Changes) -> None:
    """The first write gives a field its type, for good: with another one, no role would ever have a member."""
    for name, change in changes.items():
        target = MEMBERS.get(name.partition(".")[0])
        if target is not None and not ("." not in name and _is_of_members(change, target)):
            raise GatewayError(Code.BAD_ROLE, f"{name} of a role can hold objects of the class {target} only")


def _is_of_members(change: Change, target: str) -> bool:
    match change:
        case AddRelation(members) | RemoveRelation(members):
            return all(member.class_name == target for member in members)
        case Several(changes):
            return all(_is_of_members(part, target) for part in changes)
        case Set(Relation(class_name)):
            return class_name == target
        case _:
            return False


def _touched_auth(changes: Changes, before: Mapping[str, Any]) -> dict[str, Any]:
    """What an update of a user says of its authData: provider -> data, or None where it is taken away."""
    touched: dict[str, Any] = {}
    for name, change in changes.items():
        head, _, provider = name.partition(".")
        if head != AUTH_DATA:
            continue
        if provider:
            touched[provider] = None if isinstance(change, Unset) else value_of(change)
        elif isinstance(change, Unset):
            touched.update(dict.fromkeys(before))
        else:
            value = value_of(change)
            touched.update(value if type(value) is dict else {"": value})
    return touched


def _linked(touched: Mapping[str, Any], before: Mapping[str, Any]) -> Change:
    """Of that, what is new."""
    return Set({name: data for name, data in touched.items() if data is not None and data != before.get(name)})


def identities_of(auth: Mapping[str, Any]) -> list[str]:
    return [
        f"auth:{provider}:{own}"
        for provider, data in with_union_ids(auth).items()
        if type(data) is dict and (own := own_id(data)) is not None
    ]


def with_union_ids(auth: Mapping[str, Any]) -> dict[str, Any]:
    """authData with the id that several applications of one platform share.

    Recorded from LeanCloud: data with a `unionid` and a `platform` adds `_weixin_unionid: {uid: ...}`.
    """
    known = dict(auth)
    for provider, data in auth.items():
        if provider == ANONYMOUS or type(data) is not dict:
            continue  # who is anonymous has proven nothing, and is not known elsewhere
        if type(data.get("unionid")) is str and _PROVIDER.fullmatch(str(data.get("platform"))):
            known.setdefault(f"_{data['platform']}_unionid", {"uid": data["unionid"]})
    return known


def _password(change: Change) -> str:
    password = value_of(change)
    if type(password) is not str or not 0 < len(password) <= LONGEST_PASSWORD:
        raise GatewayError(Code.PASSWORD_MISSING, "password is required")
    return password


def text_of(name: str, change: Change) -> str | None:
    """A name of a user, or None where it is taken away, which a username cannot be."""
    text = value_of(change)
    if text is None and name != USERNAME:
        return None
    if type(text) is not str or not 0 < len(text) <= LONGEST_NAME:
        if name == EMAIL:
            raise GatewayError(Code.BAD_EMAIL, "Email address format is invalid.")
        raise GatewayError(Code.USERNAME_MISSING, f"bad or missing {name}")
    if name == EMAIL and not _EMAIL.fullmatch(text):
        raise GatewayError(Code.BAD_EMAIL, "Email address format is invalid.")
    return text


def _refuse_conditions(op: Update | Delete, caller: Caller) -> None:
    """What is done to a user is done by the gateway itself, and a condition would see with its eyes."""
    if op.where is not None and not caller.unrestricted:
        raise GatewayError(Code.UNSUPPORTED, "a user cannot be changed or deleted by a condition")


def _refuse_server_fields(changes: Mapping[str, Change], caller: Caller) -> None:
    for name in changes:
        head = name.partition(".")[0]
        if head == "sessionToken":
            raise GatewayError(Code.RESERVED_FIELD, "sessionToken is set by the server", field=name)
        if "." in name and head in (*NAMES, PASSWORD):
            raise GatewayError(Code.BAD_FIELD_NAME, f"{head} is not an object", field=name)
        if head in VERIFIED and not caller.unrestricted:
            raise GatewayError(Code.FORBIDDEN, "Clients aren't allowed to manually update email verification.")
