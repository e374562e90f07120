"""Users beyond their log-ins: guests, who is enabled, who is in which role, and whom other services know by a token.

What is checked here is who may ask, and what the store cannot know. That somebody is a guest, or disabled, stands in
the ledger; columns of the user only tell it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import fields, replace
from typing import Any, Final

from gateway.adapters.base import Verifier
from gateway.backends.ledger import Ledger, ObjectStore, Seen, changed, name_of
from gateway.backends.recovery import Recovery, Users
from gateway.backends.sessions import Sessions
from gateway.errors import Code, GatewayError
from gateway.model.account import LONGEST_NAME, ROLE, SESSION, USER, SignUp
from gateway.model.members import (
    ACCOUNT_OF,
    STATUS,
    AssignRole,
    CheckPassword,
    CheckSession,
    ConvertGuest,
    FindMembers,
    FindRoles,
    LogInByToken,
    MakeLink,
    SetStatus,
    Status,
)
from gateway.model.operation import Caller, Find, Operation, Result, Returning, Update
from gateway.model.permission import (
    ANYBODY,
    AUTHENTICATED,
    GUEST,
    SYSTEM_ROLE,
    SYSTEM_ROLES,
    Permit,
    PermitAll,
    PermitClass,
)
from gateway.model.query import And, RelatedTo
from gateway.model.update import AddRelation, Change, Changes, RemoveRelation, Set
from gateway.model.values import ID, Pointer

PASSWORD, EMAIL, AUTH_DATA = "password", "email", "authData"
NOT_TAKEN_OVER: Final = frozenset({"username", PASSWORD, EMAIL, "mobilePhoneNumber", AUTH_DATA, "sessionToken"})
"""Columns that no other service says: a user is known by them, or they prove something."""
LONGEST_TOKEN: Final = 10_000

Proves = Callable[[Mapping[str, Any], Any], Awaitable[tuple[str, Seen]]]


class Members:
    """`proven` is the check of a name and a password; `verifiers` are the services that are asked, by their names."""

    def __init__(
        self,
        store: ObjectStore,
        ledger: Ledger,
        sessions: Sessions,
        recovery: Recovery,
        users: Users,
        proven: Proves,
        verifiers: Mapping[str, Verifier],
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._sessions = sessions
        self._recovery = recovery
        self._users = users
        self._proven = proven
        self._verifiers = verifiers
        self.operations: Mapping[type[Operation], Callable[[Any, Caller], Awaitable[Result]]] = {
            ConvertGuest: self._convert_guest,
            CheckSession: self._check_session,
            LogInByToken: self._log_in_by_token,
            CheckPassword: self._check_password,
            SetStatus: self._set_status,
            FindRoles: self._find_roles,
            AssignRole: self._assign_role,
            FindMembers: self._find_members,
            MakeLink: self._make_link,
            Permit: self._permit,
            PermitAll: self._permit,
            PermitClass: self._permit,
        }

    # --- coming in ---

    async def _convert_guest(self, op: ConvertGuest, caller: Caller) -> Result:
        if caller.user_id != op.id and not caller.master:
            raise GatewayError(Code.SESSION_MISSING, "this needs the session of the guest", id=op.id)
        seen = await self._ledger.seen(op.id)
        if seen.status != Status.GUEST:
            raise GatewayError(Code.USER_NOT_FOUND, "there is no such guest", id=op.id)
        if PASSWORD not in op.changes:
            raise GatewayError(Code.PASSWORD_MISSING, "password is required")
        if _text(op.changes.get(EMAIL)) is None:
            raise GatewayError(Code.USERNAME_MISSING, "bad or missing email")
        changes: Changes = {**op.changes, STATUS: Set(Status.ENABLED.value)}
        words: dict[str, Any] = {"class_name": USER, "id": op.id, "returning": op.returning, "nulls": op.nulls}
        asked = {name: change for name, change in op.changes.items() if name != PASSWORD}
        await self._store.permit(Update(**words, changes=asked), caller)
        result = await self._users.update(Update(**words, changes=changes), seen, caller, status=Status.ENABLED.value)
        result.id, result.session = op.id, None
        return result

    async def _check_session(self, op: CheckSession, caller: Caller) -> Result:
        try:
            await self._sessions.known(op.token)
        except GatewayError as error:
            if error.code is not Code.INVALID_SESSION:
                raise
            return Result(value=False)
        return Result(value=True)

    async def _log_in_by_token(self, op: LogInByToken, caller: Caller) -> Result:
        verifier = self._verifiers.get(op.provider)
        if verifier is None:
            raise GatewayError(Code.UNSUPPORTED_PROVIDER, "This authentication method is unsupported.")
        if op.guest is not None:
            raise GatewayError(Code.UNSUPPORTED, "a guest becomes a user by an address and a password only")
        if type(op.token) is not str or not 0 < len(op.token) <= LONGEST_TOKEN:
            raise GatewayError(Code.BAD_AUTH_DATA, "the access token is missing")
        data: dict[str, Any] = {"access_token": op.token}
        if op.secret is not None:
            data["access_token_secret"] = op.secret
        own_id, told = await verifier.identify(op.provider, data)
        changes: dict[str, Change] = {
            column: Set(told[name])
            for name, column in (op.fields or {}).items()
            if type(told.get(name)) in (str, int, float, bool) and column not in NOT_TAKEN_OVER
        }
        changes[ACCOUNT_OF] = Set(op.provider.upper())
        changes[AUTH_DATA] = Set({op.provider: {"id": own_id, **data}})
        words: dict[str, Any] = {"returning": Returning.EVERYTHING, "nulls": op.nulls, "with_status": True}
        return await self._users.sign_up(SignUp(changes=changes, **words), caller)

    async def _check_password(self, op: CheckPassword, caller: Caller) -> Result:
        if caller.user_id is None:
            raise GatewayError(Code.LOGIN_REQUIRED, "this needs the session of a user")
        username = (await self._ledger.user(caller.user_id)).get("username")
        try:
            await self._proven({"username": username}, op.password)
        except GatewayError as error:
            if error.code is not Code.BAD_CREDENTIALS:
                raise
            return Result(value=False)
        return Result(value=True)

    async def _set_status(self, op: SetStatus, caller: Caller) -> Result:
        if op.status not in (Status.ENABLED, Status.DISABLED):
            raise GatewayError(Code.BAD_VALUE, "a user is ENABLED or DISABLED", field=STATUS)
        seen = await self._ledger.seen(op.id)
        await self._ledger.user(op.id)
        disabled = op.status == Status.DISABLED
        if not disabled and seen.status != Status.DISABLED:
            return Result()
        items: list[Operation] = [
            changed(op.id, seen, revoke=disabled, status=op.status),
            Update(class_name=USER, id=op.id, changes={STATUS: Set(str(op.status))}, returning=Returning.NOTHING),
        ]
        await self._ledger.together([*items, *(await self._sessions.all_ended(op.id) if disabled else [])])
        return Result()

    async def _make_link(self, op: MakeLink, caller: Caller) -> Result:
        return Result(url=await self._recovery.verification_link(op.identity))

    # --- roles ---

    async def _find_roles(self, op: FindRoles, caller: Caller) -> Result:
        user_id = op.id or caller.user_id
        if user_id is None:
            raise GatewayError(Code.LOGIN_REQUIRED, "this needs the session of a user")
        if user_id != caller.user_id and not caller.unrestricted:
            raise GatewayError(Code.FORBIDDEN, "the roles of another user are for the master to know")
        await self._ledger.user(user_id)
        return Result(value=await self._roles_of(user_id))

    async def _roles_of(self, user_id: str) -> list[str]:
        guest = (await self._ledger.seen(user_id)).status == Status.GUEST
        return [AUTHENTICATED, *([GUEST] if guest else []), *sorted(await self._store.roles_of(user_id))]

    async def _assign_role(self, op: AssignRole, caller: Caller) -> Result:
        role_id = await self._role(op.role)
        pointer = Pointer(USER, await self._user(op.user))
        change = AddRelation((pointer,)) if op.assigned else RemoveRelation((pointer,))
        await self._ledger.execute(
            Update(class_name=ROLE, id=role_id, changes={"users": change}, returning=Returning.NOTHING)
        )
        return Result()

    async def _find_members(self, op: FindMembers, caller: Caller) -> Result:
        members = RelatedTo(Pointer(ROLE, await self._role(op.role)), "users")
        words = {field.name: getattr(op, field.name) for field in fields(Find)}
        find = replace(Find(**words), where=members if op.where is None else And((members, op.where)))
        result = await self._store.execute(find, caller)
        if op.with_roles:
            for user in result.objects or []:  # of computed rows nobody is known
                known = user.get(ID)
                user["roles"] = await self._roles_of(known) if type(known) is str else []
        return result

    async def _role(self, name: Any) -> str:
        """The id of a role. Raises GatewayError(BAD_ROLE, SYSTEM_ROLE)."""
        if type(name) is str and name.startswith(SYSTEM_ROLE):
            raise GatewayError(Code.SYSTEM_ROLE, "who is in a system role is nobody's to say", name=name)
        known = None
        if type(name) is str and 0 < len(name) <= LONGEST_NAME:
            known = await self._ledger.owner(name_of("role", name))
        if known is None:
            raise GatewayError(Code.BAD_ROLE, "there is no such role", name=str(name)[:LONGEST_NAME])
        return known

    async def _user(self, name: Any) -> str:
        """The id of the user with this address, username or id."""
        if type(name) is str and 0 < len(name) <= LONGEST_NAME:
            for kind in ("email", "username"):
                if (known := await self._ledger.owner(name_of(kind, name))) is not None:
                    return known
            if await self._ledger.fields(USER, name) is not None:
                return name
        raise GatewayError(Code.USER_NOT_FOUND, "there is no such user")

    # --- permissions ---

    async def _permit(self, op: Permit | PermitAll | PermitClass, caller: Caller) -> Result:
        parts = op.permissions if isinstance(op, PermitAll) else (op,)
        own_rules = op.class_name in (ROLE, SESSION) or (
            op.class_name == USER and any(getattr(part, "right", "read") != "read" for part in parts)
        )
        if own_rules:
            # whatever were given, a user is changed by itself, and by the master
            raise GatewayError(Code.UNSUPPORTED, "who may change or delete users, roles and sessions is fixed")
        for part in parts:
            if part.user is None and part.role is not None and part.role != ANYBODY and part.role not in SYSTEM_ROLES:
                if str(part.role).startswith(SYSTEM_ROLE):
                    raise GatewayError(Code.UNSUPPORTED, "no caller is known to be in this role", name=str(part.role))
                await self._role(part.role)
        return await self._store.execute(op, caller)


def _text(change: Change | None) -> str | None:
    return change.value if isinstance(change, Set) and type(change.value) is str and change.value else None
