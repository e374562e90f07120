"""Users, sessions and roles, on a store that knows objects and ACLs only.

What a client may never see stands in classes whose name begins with `@`, which exist for the gateway itself alone:

    @identity    `username:tom`, `email:...`, `phone:...`, `auth:provider:...`, `role:...` -> whose it is
    @credential  a user's id -> its password, as it is kept, and how often a log-in has failed
    @token       the SHA-256 of a session's token -> the session and its user
    @account     a user's id -> a revision, which counts what changed how the user comes in, and an epoch, which counts
                 what ended its sessions: a token of another epoch is none any more, whoever made it meanwhile

A name is taken when its identity is there: that an id is unique is the store's oldest promise, and one atomic batch
makes the user, its identities, its credential and its session, or nothing. Everything else about a user is an object
of the class `_User`, with an ACL that gives it to itself.

What is read before a batch may have changed when it is written: a password by a request that ran meanwhile, say. So a
batch holds the condition that the user's revision is still the one that was seen first, and otherwise all of it is
done anew.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Final, Protocol

from gateway.backends.protected import hide_protected, refuse_protected
from gateway.errors import Code, GatewayError
from gateway.model.account import (
    ROLE,
    SESSION,
    USER,
    ChangePassword,
    CurrentSession,
    CurrentUser,
    LogIn,
    LogInAs,
    LogOut,
    RefreshSession,
    SignUp,
    VerifyPassword,
)
from gateway.model.operation import (
    Batch,
    Caller,
    Create,
    Delete,
    Find,
    Get,
    Operation,
    Result,
    Returning,
    Update,
)
from gateway.model.query import Condition, Op, Sort
from gateway.model.update import AddRelation, Change, Changes, Increment, RemoveRelation, Set, Several, Unset
from gateway.model.values import ACL, CREATED_AT, ID, UPDATED_AT, Date, Fields, Pointer, Relation
from gateway.store import passwords
from gateway.store.schema import PRIVATE

IDENTITY: Final = "@identity"
CREDENTIAL: Final = "@credential"
TOKEN: Final = "@token"  # noqa: S105 - the name of a class
ACCOUNT: Final = "@account"
MOST_TRIES: Final = 50

USERNAME, PASSWORD, EMAIL, PHONE, AUTH_DATA = "username", "password", "email", "mobilePhoneNumber", "authData"
VERIFIED: Final = frozenset({"emailVerified", "mobilePhoneVerified"})
NAMES: Final = {USERNAME: "username", EMAIL: "email", PHONE: "phone"}
"""Fields that a user is known by, and the kind of identity that each is."""
TAKEN: Final = {
    "username": (Code.USERNAME_TAKEN, "Account already exists for this username."),
    "email": (Code.EMAIL_TAKEN, "Account already exists for this email address."),
    "phone": (Code.PHONE_TAKEN, "Account already exists for this mobile phone number."),
    "auth": (Code.ALREADY_LINKED, "this auth is already used"),
    "role": (Code.DUPLICATE_VALUE, "a role with this name exists already"),
}
ANONYMOUS: Final = "anonymous"
OWN_ID_KEYS: Final = ("id", "uid", "openid")
"""Where a provider's data has the user's id there: Parse's `id`, LeanCloud's `uid`, and `openid` of WeChat and QQ."""
SET_BY_SERVER: Final = frozenset({"user", "sessionToken", "createdWith", "restricted", "expiresAt", "installationId"})

MEMBERS: Final = {"users": USER, "roles": ROLE}
"""What a role holds."""

LONGEST_NAME: Final = 500
LONGEST_PASSWORD: Final = 1000
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_PROVIDER = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


class ObjectStore(Protocol):
    async def execute(self, op: Operation, caller: Caller) -> Result: ...

    async def roles_of(self, user_id: str) -> frozenset[str]:
        """The names of the roles of a user, inherited ones included."""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Policy:
    """What the owner of an application decides. Times are seconds."""

    trusted_providers: frozenset[str] = frozenset()
    """Providers whose authData is believed as it is; a provider that is not named is refused."""
    private_users: bool = False
    """New users can be read by themselves only."""
    session_lasts: float = 365 * 86400.0
    failures_until_locked: int = 6
    locked_for: float = 15 * 60.0


@dataclass(frozen=True, slots=True)
class _Known:
    """A session that was found by its token."""

    user_id: str
    session_id: str


class _StaleError(Exception):
    """The user was changed by somebody else since it was looked at."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """How a user's account was when it was looked at. Users from elsewhere have none until they first come in."""

    revision: int | None
    epoch: int = 0


@dataclass(slots=True)
class _Rewrite:
    """What an update of a user comes to, collected field by field."""

    changes: dict[str, Change] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    password: str | None = None


class Accounts:
    """A backend with users: the store's own operations, by the rules for users, and log-ins."""

    def __init__(
        self, store: ObjectStore, policy: Policy, *, now: Callable[[], float] = time.time, threads: int = 2
    ) -> None:
        self._store = store
        self._policy = policy
        self._now = now
        # each hash takes 19 MiB and a core for tens of milliseconds: more at once would only be slower, and larger
        self._hashing = asyncio.Semaphore(threads)
        self._execute: Mapping[type[Operation], Callable[[Any, Caller], Any]] = {
            SignUp: self._sign_up,
            LogIn: self._log_in,
            VerifyPassword: self._verify_password,
            LogInAs: self._log_in_as,
            LogOut: self._log_out,
            CurrentUser: self._current_user,
            CurrentSession: self._current_session,
            ChangePassword: self._change_password,
            RefreshSession: self._refresh_session,
            Batch: self._batch,
        }
        self._by_class: Mapping[tuple[str, type[Operation]], Callable[[Any, Caller], Any]] = {
            (USER, Create): self._create_user,
            (USER, Get): self._get_user,
            (USER, Update): self._update_user,
            (USER, Delete): self._delete_users,
            (ROLE, Create): self._create_role,
            (ROLE, Update): self._update_role,
            (ROLE, Delete): self._delete_roles,
            (SESSION, Create): self._create_session,
            (SESSION, Update): self._update_session,
            (SESSION, Delete): self._delete_sessions,
            (SESSION, Get): self._read_sessions,
            (SESSION, Find): self._read_sessions,
        }

    async def close(self) -> None:
        await self._store.close()

    async def execute(self, op: Operation, caller: Caller) -> Result:
        refuse_protected(op, caller)
        special = self._special(op)
        result = await (self._until_fresh(special, op, caller) if special else self._store.execute(op, caller))
        return hide_protected(op, result, caller)

    @staticmethod
    async def _until_fresh(act: Callable[[Any, Caller], Any], op: Operation, caller: Caller) -> Result:
        """What was decided on a user that has changed meanwhile is decided anew."""
        for tries in range(MOST_TRIES):
            try:
                result: Result = await act(op, caller)
            except _StaleError:
                # a random pause, so that those who met once do not meet again
                await asyncio.sleep(secrets.randbelow(1 + 5 * tries) / 1000)
            else:
                return result
        raise GatewayError(Code.UNAVAILABLE, "the user is being changed by too many requests at once")

    def _special(self, op: Operation) -> Callable[[Any, Caller], Any] | None:
        return self._execute.get(type(op)) or self._by_class.get((getattr(op, "class_name", ""), type(op)))

    async def identify(self, caller: Caller) -> Caller:
        """The caller with the user of its session. Raises GatewayError(INVALID_SESSION)."""
        known = await self._known(caller.session)
        roles = await self._store.roles_of(known.user_id)
        return replace(caller, user_id=known.user_id, roles=roles)

    async def _batch(self, op: Batch, caller: Caller) -> Result:
        if not any(self._special(item) for item in op.items):
            for item in op.items:
                refuse_protected(item, caller)
            result = await self._store.execute(op, caller)
            for item, answer in zip(op.items, result.items or [], strict=True):
                if isinstance(answer, Result):
                    hide_protected(item, answer, caller)
            return result
        if op.atomic or any(op.names):
            raise GatewayError(Code.UNSUPPORTED, "users, roles and sessions cannot be part of a transaction")
        items: list[Result | GatewayError] = []
        for item in op.items:
            try:
                items.append(await self.execute(item, caller))
            except GatewayError as error:
                items.append(error)
        return Result(items=items)

    async def _get_user(self, op: Get, caller: Caller) -> Result:
        result = hide_protected(op, await self._store.execute(op, caller), caller)
        if caller.user_id == op.id:
            result.session = caller.session  # Parse Server: who asks for itself by its session is shown it
        return result

    # --- signing up and logging in ---

    async def _create_user(self, op: Create, caller: Caller) -> Result:
        return await self._sign_up(SignUp(changes=op.changes, id=op.id, returning=op.returning), caller)

    async def _sign_up(self, op: SignUp, caller: Caller) -> Result:
        wanted = dict(op.changes)
        auth = self._auth_data(wanted.pop(AUTH_DATA, None))
        _refuse_server_fields(wanted, caller)
        _refuse_private(wanted)
        if any(name.partition(".")[0] == AUTH_DATA for name in wanted):
            raise GatewayError(Code.BAD_AUTH_DATA, "authData must be an object")
        if auth:
            known = await self._known_by_auth(auth)
            if known is not None:
                return await self._log_in_by_auth(known, auth, op, caller)
            if op.must_exist:
                raise GatewayError(Code.USER_NOT_FOUND, "Could not find user.")
        rewrite = _Rewrite()
        invented = bool(auth) and USERNAME not in wanted
        if invented:
            wanted[USERNAME] = Set("".join(secrets.choice("0123456789abcdefghijklmnopqrstuvwxyz") for _ in range(25)))
        if USERNAME not in wanted:
            raise GatewayError(Code.USERNAME_MISSING, "bad or missing username")
        if PASSWORD not in wanted and not auth:
            raise GatewayError(Code.PASSWORD_MISSING, "password is required")
        self._rewrite(wanted, {}, rewrite)
        user_id = op.id or _new_id()
        if user_id == "*" or user_id.startswith("role:"):
            # Parse Server: in an ACL such an id would be everybody, or a role
            raise GatewayError(Code.FORBIDDEN, "this is no id for a user")
        if auth:
            rewrite.changes[AUTH_DATA] = Set(_with_union_ids(auth))
            rewrite.made += _identities(auth)
        rewrite.changes[ACL] = Set(self._acl(rewrite.changes.get(ACL), user_id))
        items: list[Operation] = [_identity(name, user_id) for name in rewrite.made]
        items.append(Create(class_name=USER, id=user_id, changes=rewrite.changes, returning=Returning.EVERYTHING))
        at = len(items) - 1
        items.append(_changed(user_id, _Seen(None)))
        if rewrite.password is not None:
            items.append(_credential(user_id, await self._hashed(rewrite.password)))
        token: str | None = None
        if not caller.master:  # Parse Server: with the master key there is no session
            action = {"action": "signup", "authProvider": next(iter(auth), "password")}
            token, made = self._session(user_id, action, caller, shared=op.share_session, epoch=0)
            items += made
        result = (await self._together(items))[at]
        result.session = token
        if op.returning is not Returning.EVERYTHING:
            result.object = {USERNAME: (result.object or {})[USERNAME]} if invented else {}
        _show(result, op)
        return result

    async def _log_in_by_auth(self, user_id: str, auth: Mapping[str, Fields], op: SignUp, caller: Caller) -> Result:
        seen = await self._seen(user_id)
        if await self._known_by_auth(auth) != user_id:
            raise _StaleError
        user = await self._user(user_id)
        merged = {**(user.get(AUTH_DATA) or {}), **_with_union_ids(auth)}
        missing = [name for name in _identities(auth) if await self._owner(name) is None]
        items: list[Operation] = [_identity(name, user_id) for name in missing]
        if merged != user.get(AUTH_DATA):
            items.append(Update(class_name=USER, id=user_id, changes={AUTH_DATA: Set(merged)}))
        if items:
            await self._together([_changed(user_id, seen), *items])
            seen = _Seen((seen.revision or 0) + 1, seen.epoch)
        return await self._opened(user_id, seen, caller, op, provider=next(iter(auth)), created=False)

    async def _log_in(self, op: LogIn, caller: Caller) -> Result:
        user_id, seen = await self._proven({USERNAME: op.username, EMAIL: op.email, PHONE: op.phone}, op.password)
        return await self._opened(user_id, seen, caller, op)

    async def _verify_password(self, op: VerifyPassword, caller: Caller) -> Result:
        user_id, _ = await self._proven({USERNAME: op.username, EMAIL: op.email}, op.password)
        return Result(object=await self._user(user_id))

    async def _log_in_as(self, op: LogInAs, caller: Caller) -> Result:
        if not caller.master:
            raise GatewayError(Code.FORBIDDEN, "master key is required")
        if type(op.user_id) is not str or not op.user_id:
            raise GatewayError(Code.BAD_AUTH_DATA, "userId must not be empty")
        seen = await self._seen(op.user_id)
        try:
            await self._user(op.user_id)
        except GatewayError:
            raise GatewayError(Code.OBJECT_NOT_FOUND, "user not found") from None
        return await self._opened(op.user_id, seen, caller, LogIn(), provider="masterkey")

    async def _opened(
        self,
        user_id: str,
        seen: _Seen,
        caller: Caller,
        op: LogIn | SignUp,
        *,
        provider: str = "password",
        created: bool = True,
    ) -> Result:
        """A session for a user who has proven who it is, when its revision was the one that was `seen`."""
        token = await self._shared_token(user_id, seen.epoch) if op.share_session else None
        if token is None:
            items = await self._ended_on(user_id, caller.installation_id)
            action = {"action": "login", "authProvider": provider}
            token, made = self._session(user_id, action, caller, shared=op.share_session, epoch=seen.epoch)
            # of a shared session there is one; others may be opened side by side
            guard = _changed(user_id, seen) if op.share_session else _unchanged(user_id, seen)
            await self._together([guard, *items, *made])
        elif await self._seen(user_id) != seen:
            raise _StaleError
        result = Result(object=await self._user(user_id), session=token, created=created, id=user_id)
        _show(result, op)
        return result

    async def _proven(self, names: Mapping[str, Any], password: Any) -> tuple[str, _Seen]:
        """The user with these names and this password, and the revision at which that was so.

        That there is no such user takes as long, and tells as much.
        """
        given = {kind: name for kind, name in names.items() if name is not None}
        if not given:
            raise GatewayError(Code.USERNAME_MISSING, "username/email is required.")
        if password is None:
            raise GatewayError(Code.PASSWORD_MISSING, "password is required.")
        wrong = GatewayError(Code.BAD_CREDENTIALS, "Invalid username/password.")
        if type(password) is not str or len(password) > LONGEST_PASSWORD:
            raise wrong
        user_id = await self._named(given)
        seen = await self._seen(user_id) if user_id is not None else _Seen(None)
        async with self._hashing:  # counted in here: guesses made at once see each other's failures
            credential = await self._credential_of(user_id) if user_id is not None else None
            if credential is not None and self._is_locked(credential):
                raise GatewayError(Code.ACCOUNT_LOCKED, "too many failed log-ins; try again later")
            kept = credential.get("kept") if credential is not None else None
            right = await asyncio.to_thread(_verifies_slowly, password, kept)
            if user_id is None or credential is None or kept is None or not right:
                if user_id is not None and credential is not None:
                    await self._count_failure(user_id, credential)
                raise wrong
        await self._forget_failures(user_id, credential, password if passwords.outdated(kept) else None)
        return user_id, seen

    async def _named(self, names: Mapping[str, Any]) -> str | None:
        owners: set[str | None] = set()
        for name_field, name in names.items():
            if type(name) is not str or not 0 < len(name) <= LONGEST_NAME:
                return None
            owner = await self._owner(_name(NAMES[name_field], name))
            if owner is None and name_field == USERNAME:
                # Parse Server takes an address as a username as well
                owner = await self._owner(_name("email", name))
            elif owner is not None and name_field == USERNAME and (await self._user(owner)).get(USERNAME) != name:
                owner = None  # unique without regard to case, but it logs in as it is written
            owners.add(owner)
        return owners.pop() if len(owners) == 1 else None

    # --- what locks an account ---

    def _is_locked(self, credential: Fields) -> bool:
        since = credential.get("failing_since")
        return (
            isinstance(since, Date)
            and (credential.get("failures") or 0) >= self._policy.failures_until_locked
            and self._now() * 1000 < since.ms + self._policy.locked_for * 1000
        )

    async def _count_failure(self, user_id: str, credential: Fields) -> None:
        since = credential.get("failing_since")
        fresh = not isinstance(since, Date) or self._now() * 1000 >= since.ms + self._policy.locked_for * 1000
        changes: dict[str, Change] = {"failures": Increment(1)}
        if fresh:
            changes = {"failures": Set(1), "failing_since": Set(self._date(0))}
        await self._trusted(Update(class_name=CREDENTIAL, id=user_id, changes=changes))

    async def _forget_failures(self, user_id: str, credential: Fields, rehash: str | None) -> None:
        changes: dict[str, Change] = {}
        if credential.get("failures"):
            changes["failures"] = Set(0)
        if rehash is not None:
            changes["kept"] = Set(await self._hashed(rehash))
        if changes:
            await self._trusted(Update(class_name=CREDENTIAL, id=user_id, changes=changes))

    # --- the current user and its sessions ---

    async def _current_user(self, op: CurrentUser, caller: Caller) -> Result:
        token = op.session or caller.session
        known = await self._known(token)
        own = await self.identify(replace(caller, session=token))
        get = Get(class_name=USER, id=known.user_id, include=op.include, with_acl=op.with_acl)
        try:
            result = hide_protected(get, await self._store.execute(get, own), own)
        except GatewayError:
            raise GatewayError(Code.INVALID_SESSION, "Invalid session token") from None
        result.session = token
        return result

    async def _current_session(self, op: CurrentSession, caller: Caller) -> Result:
        known = await self._known(caller.session)
        return await self._trusted(Get(class_name=SESSION, id=known.session_id))

    async def _log_out(self, op: LogOut, caller: Caller) -> Result:
        if caller.session is not None:
            known = await self._known(caller.session)
            await self._together(_ends({known.session_id: caller.session}))
        return Result()

    async def _change_password(self, op: ChangePassword, caller: Caller) -> Result:
        self._refuse_others(op.id, caller)
        if type(op.new_password) is not str or not op.new_password:
            raise GatewayError(Code.PASSWORD_MISSING, "the new password is missing")
        username = (await self._user(op.id)).get(USERNAME)
        _, seen = await self._proven({USERNAME: username}, op.old_password)
        update = Update(class_name=USER, id=op.id, changes={PASSWORD: Set(op.new_password)})
        return await self._update_seen(update, seen, caller)

    async def _refresh_session(self, op: RefreshSession, caller: Caller) -> Result:
        self._refuse_others(op.id, caller)
        seen = await self._seen(op.id)
        items = [*_ends(await self._tokens_of(op.id)), _changed(op.id, seen, revoke=True)]
        action = {"action": "login", "authProvider": "password"}
        token, made = self._session(op.id, action, caller, shared=True, epoch=seen.epoch + 1)
        touched = Update(class_name=USER, id=op.id, changes={}, returning=Returning.NOTHING)
        result = (await self._together([touched, *items, *made]))[0]
        result.session = token
        return result

    async def _create_session(self, op: Create, caller: Caller) -> Result:
        user_id = _of_session(caller)
        epoch = (await self._seen(user_id)).epoch
        _, made = self._session(user_id, {"action": "create"}, caller, shared=False, restricted=True, epoch=epoch)
        own = {
            name: change
            for name, change in op.changes.items()
            if name.partition(".")[0] not in SET_BY_SERVER and name != ACL
        }
        _refuse_private(own)
        first = made[0]
        assert isinstance(first, Create)
        made[0] = replace(first, changes={**own, **first.changes}, returning=Returning.EVERYTHING)
        result = (await self._together(made))[0]
        for name in (CREATED_AT, UPDATED_AT, ACL):
            (result.object or {}).pop(name, None)
        return result

    async def _update_session(self, op: Update, caller: Caller) -> Result:
        for name in op.changes:
            if name.partition(".")[0] in SET_BY_SERVER or name == ACL:
                raise GatewayError(Code.RESERVED_FIELD, f"{name} is set by the server", field=name)
        return await self._store.execute(op, self._with_session(caller))

    async def _delete_sessions(self, op: Delete, caller: Caller) -> Result:
        own = self._with_session(caller)
        if op.where is not None:
            raise GatewayError(Code.UNSUPPORTED, "a session cannot be deleted by a condition")
        tokens: dict[str, str] = {}
        for session_id in op.ids:
            got = await self._store.execute(Get(class_name=SESSION, id=session_id), own)
            tokens[session_id] = (got.object or {})["sessionToken"]
        await self._together(_ends(tokens))
        return Result()

    async def _read_sessions(self, op: Get | Find, caller: Caller) -> Result:
        refuse_protected(op, caller)
        return hide_protected(op, await self._store.execute(op, self._with_session(caller)), caller)

    @staticmethod
    def _with_session(caller: Caller) -> Caller:
        if not caller.unrestricted:
            _of_session(caller)
        return caller

    # --- changing and deleting users ---

    async def _update_user(self, op: Update, caller: Caller) -> Result:
        self._refuse_others(op.id, caller)
        _refuse_conditions(op, caller)
        return await self._update_seen(op, await self._seen(op.id), caller)

    async def _update_seen(self, op: Update, seen: _Seen, caller: Caller) -> Result:
        user = await self._user(op.id)
        wanted = dict(op.changes)
        _refuse_server_fields(wanted, caller)
        _refuse_private(wanted)
        rewrite = _Rewrite()
        self._rewrite_auth(wanted, user, rewrite)
        self._rewrite(wanted, user, rewrite)
        if ACL in rewrite.changes:
            rewrite.changes[ACL] = Set(self._acl(rewrite.changes[ACL], op.id))
        # recorded from LeanCloud: an anonymous user who gets a first password keeps the session
        revoke = rewrite.password is not None and await self._credential_of(op.id) is not None
        items: list[Operation] = [replace(op, changes=rewrite.changes)]
        if rewrite.gone or rewrite.made or rewrite.password is not None or AUTH_DATA in rewrite.changes:
            items.append(_changed(op.id, seen, revoke=revoke))
        if gone := [name for name in rewrite.gone if name not in rewrite.made and await self._owner(name) == op.id]:
            items.append(Delete(class_name=IDENTITY, ids=tuple(gone)))
        items += [_identity(name, op.id) for name in rewrite.made if name not in rewrite.gone]
        token: str | None = None
        if rewrite.password is not None:
            items.append(await self._new_credential(op.id, rewrite.password))
        if revoke:
            shared = await self._shared_token(op.id, seen.epoch) is not None
            items += _ends(await self._tokens_of(op.id))
            if not caller.master:
                action = {"action": "login", "authProvider": "password"}
                token, made = self._session(op.id, action, caller, shared=shared, epoch=seen.epoch + 1)
                items += made
        result = (await self._together(items))[0]
        result.session = token
        return result

    async def _new_credential(self, user_id: str, password: str) -> Operation:
        kept = await self._hashed(password)
        if await self._credential_of(user_id) is None:
            return _credential(user_id, kept)
        return Update(class_name=CREDENTIAL, id=user_id, changes={"kept": Set(kept), "failures": Set(0)})

    async def _delete_users(self, op: Delete, caller: Caller) -> Result:
        for user_id in op.ids:
            self._refuse_others(user_id, caller)
        _refuse_conditions(op, caller)
        for user_id in op.ids:
            seen = await self._seen(user_id)
            user = await self._user(user_id)
            names = [_name(kind, user[own]) for own, kind in NAMES.items() if type(user.get(own)) is str]
            names += _identities(user.get(AUTH_DATA) or {})
            owned = [name for name in dict.fromkeys(names) if await self._owner(name) == user_id]
            items: list[Operation] = [replace(op, ids=(user_id,)), _changed(user_id, seen)]
            if owned:
                items.append(Delete(class_name=IDENTITY, ids=tuple(owned)))
            if await self._credential_of(user_id) is not None:
                items.append(Delete(class_name=CREDENTIAL, ids=(user_id,)))
            items.append(Delete(class_name=ACCOUNT, ids=(user_id,)))
            await self._together([*items, *_ends(await self._tokens_of(user_id))])
        return Result()

    def _rewrite(self, wanted: Mapping[str, Change], user: Fields, into: _Rewrite) -> None:
        """The fields that a user is known by, checked; all others as they are."""
        for name, change in wanted.items():
            if name == PASSWORD:
                into.password = _password(change)
            elif name in NAMES:
                before, after = user.get(name), _text(name, change)
                if type(before) is str:
                    into.gone.append(_name(NAMES[name], before))
                if after is not None:
                    into.made.append(_name(NAMES[name], after))
                into.changes[name] = Unset() if after is None else Set(after)
            else:
                into.changes[name] = change

    def _rewrite_auth(self, wanted: dict[str, Change], user: Fields, into: _Rewrite) -> None:
        """Linking and unlinking: `authData` whole or by `authData.provider`; what is null, or unset, is unlinked."""
        touched: dict[str, Any] = {}
        for name in [name for name in wanted if name.partition(".")[0] == AUTH_DATA]:
            change = wanted.pop(name)
            provider = name.partition(".")[2]
            if provider:
                touched[provider] = None if isinstance(change, Unset) else _value(change)
            elif isinstance(change, Unset):
                touched.update(dict.fromkeys(user.get(AUTH_DATA) or {}))
            else:
                value = _value(change)
                touched.update(value if type(value) is dict else {"": value})
        before: Mapping[str, Any] = user.get(AUTH_DATA) or {}
        linked = self._auth_data(Set({name: data for name, data in touched.items() if data is not None}))
        after = {name: data for name, data in before.items() if touched.get(name, data) is not None}
        after.update(_with_union_ids(linked))
        # recorded: another provider, or a name and a password, and the user is no longer anonymous
        if ANONYMOUS in after and ANONYMOUS not in linked and (linked or (USERNAME in wanted and PASSWORD in wanted)):
            del after[ANONYMOUS]
        if after == before and not touched:
            return
        into.changes[AUTH_DATA] = Set(after)
        into.gone += [name for name in _identities(before) if name not in _identities(after)]
        into.made += [name for name in _identities(after) if name not in _identities(before)]

    def _auth_data(self, change: Change | None) -> dict[str, Fields]:
        """authData by provider, each believed. Raises GatewayError where it cannot be."""
        value = _value(change) if change is not None else None
        if value is None:
            return {}
        if type(value) is not dict:
            raise GatewayError(Code.BAD_AUTH_DATA, "authData must be an object")
        for provider, data in value.items():
            trusted = provider == ANONYMOUS or provider in self._policy.trusted_providers
            if not _PROVIDER.fullmatch(provider) or type(data) is not dict or not trusted:
                raise GatewayError(Code.UNSUPPORTED_PROVIDER, "This authentication method is unsupported.")
            if _own_id(data) is None:
                raise GatewayError(Code.BAD_AUTH_DATA, f"Invalid authData id for provider '{provider}'.")
        return dict(value)

    async def _known_by_auth(self, auth: Mapping[str, Fields]) -> str | None:
        owners = {owner for name in _identities(auth) if (owner := await self._owner(name)) is not None}
        if len(owners) > 1:
            raise GatewayError(*TAKEN["auth"])
        return owners.pop() if owners else None

    @staticmethod
    def _refuse_others(user_id: str, caller: Caller) -> None:
        if not caller.unrestricted and caller.user_id != user_id:
            raise GatewayError(Code.SESSION_MISSING, f"Cannot modify user {user_id}.", id=user_id)

    def _acl(self, change: Change | None, user_id: str) -> dict[str, Any]:
        """What is asked for, or the default; the user's own rights are always in it, as in Parse Server."""
        given = _value(change) if change is not None and not isinstance(change, Unset) else None
        if given is None:
            given = {} if self._policy.private_users else {"*": {"read": True}}
        return {**given, user_id: {"read": True, "write": True}}

    # --- roles ---

    async def _create_role(self, op: Create, caller: Caller) -> Result:
        name = _value(op.changes.get("name", Unset()))
        if _value(op.changes.get(ACL, Unset())) is None:
            raise GatewayError(Code.BAD_ROLE, "ACL is required.", name="ACL")
        if type(name) is not str or not 0 < len(name) <= LONGEST_NAME:
            raise GatewayError(Code.BAD_ROLE, "name is required.", name="name")
        _check_members(op.changes)
        _refuse_private(op.changes)
        role_id = op.id or _new_id()
        results = await self._together([_identity(_name("role", name), role_id), replace(op, id=role_id)])
        return results[1]

    async def _update_role(self, op: Update, caller: Caller) -> Result:
        _check_members(op.changes)
        if "name" in op.changes:
            role = (await self._store.execute(Get(class_name=ROLE, id=op.id), caller)).object or {}
            if _value(op.changes["name"]) != role.get("name"):
                # the REST guide of parse.com: a name is set once. ACLs have it, and would grant to who takes it next
                raise GatewayError(Code.FORBIDDEN, "the name of a role cannot be changed")
        return await self._store.execute(op, caller)

    async def _delete_roles(self, op: Delete, caller: Caller) -> Result:
        roles = [
            (await self._trusted(Get(class_name=ROLE, id=role_id))).object or {} for role_id in dict.fromkeys(op.ids)
        ]
        result = await self._store.execute(op, caller)
        for role in roles:
            if await self._fields(ROLE, role[ID]) is not None:
                continue  # the caller may not delete this one, and who takes its name would take what it grants
            name = _name("role", role.get("name", ""))
            if await self._owner(name) == role[ID]:
                await self._trusted(Delete(class_name=IDENTITY, ids=(name,)))
        return result

    # --- the store, as the gateway itself ---

    async def _trusted(self, op: Operation) -> Result:
        return await self._store.execute(op, _GATEWAY)

    async def _together(self, items: Iterable[Operation]) -> list[Result]:
        """All or nothing. Raises the error of the vendor's where a name is taken."""
        batch = Batch(items=tuple(items), atomic=True)
        if not batch.items:
            return []
        try:
            result = await self._trusted(batch)
        except GatewayError as error:
            if error.details.get("class_name") == ACCOUNT and error.code in _STALE:
                raise _StaleError from None
            if error.code is Code.DUPLICATE_VALUE and error.details.get("class_name") == IDENTITY:
                kind = error.details.get("id", "").partition(":")[0]
                raise GatewayError(*TAKEN.get(kind, TAKEN["auth"])) from None
            raise
        return [item for item in result.items or [] if isinstance(item, Result)]

    async def _fields(self, class_name: str, id_: str) -> Fields | None:
        try:
            return (await self._trusted(Get(class_name=class_name, id=id_))).object
        except GatewayError as error:
            if error.code in (Code.OBJECT_NOT_FOUND, Code.CLASS_NOT_FOUND):
                return None
            raise

    async def _user(self, user_id: str) -> Fields:
        user = await self._fields(USER, user_id)
        if user is None:
            raise GatewayError(Code.OBJECT_NOT_FOUND, "Object not found.", class_name=USER, id=user_id)
        return user

    async def _owner(self, name: str) -> str | None:
        identity = await self._fields(IDENTITY, name)
        return None if identity is None else str(identity["owner"])

    async def _seen(self, user_id: str) -> _Seen:
        account = await self._fields(ACCOUNT, user_id)
        return _Seen(None) if account is None else _Seen(account["revision"], account["epoch"])

    async def _credential_of(self, user_id: str) -> Fields | None:
        return await self._fields(CREDENTIAL, user_id)

    async def _hashed(self, password: str) -> str:
        async with self._hashing:
            return await asyncio.to_thread(passwords.hashed, password)

    # --- sessions ---

    def _session(
        self,
        user_id: str,
        created_with: dict[str, str],
        caller: Caller,
        *,
        shared: bool,
        epoch: int,
        restricted: bool = False,
    ) -> tuple[str, list[Operation]]:
        """A new token, and what makes its session, for as long as the user's account has this epoch."""
        # 128 bits; Parse's SDKs log out on the server only where a token has `r:` in it
        token = "r:" + secrets.token_hex(16)
        session_id, expires = _new_id(), self._date(self._policy.session_lasts)
        changes: dict[str, Change] = {
            "user": Set(Pointer(USER, user_id)),
            "sessionToken": Set(token),
            "createdWith": Set(created_with),
            "restricted": Set(restricted),
            "expiresAt": Set(expires),
            ACL: Set({user_id: {"read": True, "write": True}}),
        }
        if caller.installation_id is not None and not shared:
            changes["installationId"] = Set(caller.installation_id)
        kept: Changes = {
            "user": Set(user_id),
            "session": Set(session_id),
            "expires": Set(expires),
            "shared": Set(shared),
            "epoch": Set(epoch),
        }
        return token, [
            Create(class_name=SESSION, id=session_id, changes=changes, returning=Returning.NOTHING),
            Create(class_name=TOKEN, id=_digest(token), changes=kept, returning=Returning.NOTHING),
        ]

    async def _known(self, token: str | None) -> _Known:
        if not token or type(token) is not str:  # a parameter may be an operator
            raise GatewayError(Code.INVALID_SESSION, "Invalid session token")
        kept = await self._fields(TOKEN, _digest(token))
        if kept is None:
            raise GatewayError(Code.INVALID_SESSION, "Invalid session token")
        if kept["expires"].ms <= self._now() * 1000:
            raise GatewayError(Code.INVALID_SESSION, "Session token is expired.")
        if kept["epoch"] != (await self._seen(kept["user"])).epoch:
            raise GatewayError(Code.INVALID_SESSION, "Invalid session token")
        return _Known(kept["user"], kept["session"])

    async def _sessions_of(self, user_id: str) -> list[Fields]:
        mine = Condition("user", Op.EQ, Pointer(USER, user_id))
        # all of them: one that were left over would outlive a change of the password
        find = Find(class_name=SESSION, limit=1_000_000, where=mine, order=(Sort(CREATED_AT, descending=True),))
        try:
            return (await self._trusted(find)).objects or []
        except GatewayError as error:
            if error.code is Code.CLASS_NOT_FOUND:
                return []
            raise

    async def _tokens_of(self, user_id: str) -> dict[str, str]:
        return {session[ID]: session["sessionToken"] for session in await self._sessions_of(user_id)}

    async def _shared_token(self, user_id: str, epoch: int) -> str | None:
        """The token that all log-ins of a user share, if there is one that lasts."""
        for session in await self._sessions_of(user_id):
            kept = await self._fields(TOKEN, _digest(session["sessionToken"]))
            if kept is None or not kept["shared"] or kept["epoch"] != epoch:
                continue
            if kept["expires"].ms > self._now() * 1000:
                return str(session["sessionToken"])
        return None

    async def _ended_on(self, user_id: str, installation_id: str | None) -> list[Operation]:
        """A log-in ends the user's other sessions of the same installation, as in Parse Server."""
        if installation_id is None:
            return []
        return _ends(
            {
                session[ID]: session["sessionToken"]
                for session in await self._sessions_of(user_id)
                if session.get("installationId") == installation_id
            }
        )

    def _date(self, seconds: float) -> Date:
        return Date.from_ms(int((self._now() + seconds) * 1000))


_GATEWAY: Final = Caller(app="", trusted=True)


def _ends(tokens: Mapping[str, str]) -> list[Operation]:
    """What ends these sessions: session id -> token."""
    if not tokens:
        return []
    return [
        # another log-in may have ended them meanwhile
        Delete(class_name=SESSION, ids=tuple(tokens), missing_ok=True),
        Delete(class_name=TOKEN, ids=tuple(map(_digest, tokens.values())), missing_ok=True),
    ]


def _of_session(caller: Caller) -> str:
    if caller.user_id is None:
        raise GatewayError(Code.INVALID_SESSION, "Session token required.")
    return caller.user_id


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


def _identity(name: str, owner: str) -> Operation:
    return Create(class_name=IDENTITY, id=name, changes={"owner": Set(owner)}, returning=Returning.NOTHING)


_STALE: Final = frozenset({Code.CONDITION_FAILED, Code.OBJECT_NOT_FOUND, Code.CLASS_NOT_FOUND, Code.DUPLICATE_VALUE})


def _unchanged(user_id: str, seen: _Seen) -> Operation:
    """The condition that a user's account is still as it was seen."""
    if seen.revision is None:
        return _changed(user_id, seen)
    return Update(class_name=ACCOUNT, id=user_id, changes={}, where=Condition("revision", Op.EQ, seen.revision))


def _changed(user_id: str, seen: _Seen, *, revoke: bool = False) -> Operation:
    """The same, and it is another one from then on; with `revoke` without the sessions that it had."""
    if seen.revision is None:
        first: Changes = {"revision": Set(1), "epoch": Set(int(revoke))}
        return Create(class_name=ACCOUNT, id=user_id, changes=first, returning=Returning.NOTHING)
    again: Changes = {"revision": Increment(1), "epoch": Increment(int(revoke))}
    return Update(class_name=ACCOUNT, id=user_id, changes=again, where=Condition("revision", Op.EQ, seen.revision))


def _credential(user_id: str, kept: str) -> Operation:
    return Create(class_name=CREDENTIAL, id=user_id, changes={"kept": Set(kept)}, returning=Returning.NOTHING)


def _name(kind: str, name: str) -> str:
    """Usernames and addresses are unique without regard to case, as in Parse Server."""
    return f"{kind}:{name.casefold() if kind in ('username', 'email') else name}"


def _identities(auth: Mapping[str, Any]) -> list[str]:
    return [
        f"auth:{provider}:{own}"
        for provider, data in _with_union_ids(auth).items()
        if type(data) is dict and (own := _own_id(data)) is not None
    ]


def _with_union_ids(auth: Mapping[str, Any]) -> dict[str, Any]:
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


def _own_id(data: Mapping[str, Any]) -> str | None:
    for key in OWN_ID_KEYS:
        if key in data:
            own = data[key]
            return own if type(own) is str and 0 < len(own) <= LONGEST_NAME else None
    return None


def _verifies_slowly(password: str, kept: str | None) -> bool:
    """Never faster than for a user who is not known, in whatever form the password is kept."""
    right = kept is not None and passwords.verifies(password, kept)
    if not right and (kept is None or passwords.outdated(kept)):
        passwords.verifies(password, passwords.NOBODY)
    return right


def _digest(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _new_id() -> str:
    return f"{int(time.time()):08x}{secrets.token_hex(8)}"


def _value(change: Change) -> Any:
    """The plain value that a change sets. An operator has no place where this is asked for."""
    if isinstance(change, Set):
        return change.value
    if isinstance(change, Unset):
        return None
    raise GatewayError(Code.BAD_VALUE, f"{type(change).__name__} cannot be used on this field")


def _password(change: Change) -> str:
    password = _value(change)
    if type(password) is not str or not 0 < len(password) <= LONGEST_PASSWORD:
        raise GatewayError(Code.PASSWORD_MISSING, "password is required")
    return password


def _text(name: str, change: Change) -> str | None:
    """A name of a user, or None where it is taken away, which a username cannot be."""
    text = _value(change)
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


def _refuse_private(changes: Changes) -> None:
    """What the gateway itself writes for a client must not name a class that the client could not."""
    for change in changes.values():
        for name in _classes_in(change):
            if name.startswith(PRIVATE):
                raise GatewayError(Code.BAD_CLASS_NAME, f"{name!r} cannot name a class", class_name=name)


def _classes_in(change: Change) -> Iterator[str]:
    match change:
        case Several(changes):
            for part in changes:
                yield from _classes_in(part)
        case AddRelation(members) | RemoveRelation(members):
            yield from (member.class_name for member in members)
        case Set(Pointer(class_name, _) | Relation(class_name)):
            yield class_name
        case _:
            pass


def _refuse_server_fields(changes: Mapping[str, Change], caller: Caller) -> None:
    for name in changes:
        head = name.partition(".")[0]
        if head == "sessionToken":
            raise GatewayError(Code.RESERVED_FIELD, "sessionToken is set by the server", field=name)
        if "." in name and head in (*NAMES, PASSWORD):
            raise GatewayError(Code.BAD_FIELD_NAME, f"{head} is not an object", field=name)
        if head in VERIFIED and not caller.unrestricted:
            raise GatewayError(Code.FORBIDDEN, "Clients aren't allowed to manually update email verification.")
