"""Who may do what: credentials become a Caller, and no backend is asked for what the caller may not do.

Whatever way a request came in, it is one operation by then, and every operation, alone or in a batch, passes `Guarded`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from hmac import compare_digest
from types import MappingProxyType
from typing import Any

import re2

from gateway.backends.base import Backend
from gateway.backends.pass_through import PassThrough
from gateway.backends.redirect import aimed
from gateway.dialects.addresses import Sign
from gateway.dialects.credentials import digest
from gateway.errors import Code, GatewayError
from gateway.mapping.schema import Proves
from gateway.model.account import (
    IGNORE_SESSIONS,
    READ_SESSIONS,
    ROLE,
    SESSION,
    USER,
    ChangePassword,
    RefreshSession,
    SignUp,
    class_of,
)
from gateway.model.administration import EVENT, FindServers, ReadLog, ServerInfo, UpdateConfig
from gateway.model.aggregate import Aggregate, Match
from gateway.model.code import CODE_OPERATIONS, JOB_CLASSES
from gateway.model.conversations import CONVERSATION, CONVERSATION_OPERATIONS, MEMBER_INFO, SYSTEM_MESSAGE
from gateway.model.definition import SCHEMA_OPERATIONS, Describe
from gateway.model.exports import EXPORT_OPERATIONS
from gateway.model.files import FILE
from gateway.model.leaderboard import (
    CreateLeaderboard,
    DeleteLeaderboard,
    FindArchives,
    FindLeaderboards,
    ResetLeaderboard,
    UpdateLeaderboard,
)
from gateway.model.members import FOR_THE_MASTER, CheckSession, LogInByToken
from gateway.model.messaging import SendTemplate
from gateway.model.operation import (
    AppInfo,
    Batch,
    Caller,
    CountInGroup,
    Create,
    CreateMany,
    Credentials,
    DeepSave,
    Deferred,
    Delete,
    DeleteMany,
    Find,
    FindGroups,
    FindRelated,
    Get,
    Operation,
    Relate,
    Result,
    Scan,
    ServerTime,
    Update,
    UpdateMany,
    Upsert,
)
from gateway.model.owners import OWNER_OPERATIONS
from gateway.model.permission import PermitClass
from gateway.model.push import AUDIENCE, INSTALLATION, PUSH_OPERATIONS, PUSH_STATUS, GetPush, Push
from gateway.model.query import Filter, classes_asked
from gateway.model.recovery import ASK_FOR_SESSIONS_THEMSELVES, ChangePhone, NewCaptcha, VerifyPhone
from gateway.model.social import SOCIAL_CLASSES, SOCIAL_OPERATIONS, SendStatus
from gateway.model.values import ID, Object, Pointer, Value

MASTER_ONLY: frozenset[type[Operation]] = frozenset[type[Operation]](
    {
        Scan,
        PermitClass,
        UpdateConfig,
        ReadLog,
        ServerInfo,
        Aggregate,
        CreateLeaderboard,
        FindLeaderboards,
        UpdateLeaderboard,
        ResetLeaderboard,
        DeleteLeaderboard,
        FindArchives,
        *FOR_THE_MASTER,
        *SCHEMA_OPERATIONS.values(),
        *CODE_OPERATIONS.values(),
        *PUSH_OPERATIONS.values(),
        *EXPORT_OPERATIONS.values(),
        *CONVERSATION_OPERATIONS.values(),
    }
) - frozenset[type[Operation]]((Describe, GetPush))
"""LeanCloud storage REST guide, "Iterating Over Objects" and "Schema"; Parse REST guide, "Schema", "Hooks", "Config".

Leaderboards are made and changed by their master: LeanCloud, leaderboard guide, "REST API".
What became of one push is told to who has its id: LeanCloud's push REST guide asks with the key of clients."""


@dataclass(frozen=True, slots=True)
class Once:
    """Which requests that have an id are done once: those below these paths, where the same id came `lasts` ago.

    Parse Server, middlewares.js `promiseEnsureIdempotency`: a path is a regular expression, and begins where the
    request's does, behind the mount and without a slash. It runs on RE2.
    """

    paths: tuple[Any, ...]
    lasts: float

    @classmethod
    def of(cls, paths: Iterable[str], lasts: float) -> Once:
        return cls(tuple(re2.compile(path if path.startswith("^") else f"^{path}") for path in paths), lasts)

    def takes(self, path: str) -> bool:
        below = path.strip("/")
        return any(each.search(below) is not None for each in self.paths)


@dataclass(frozen=True, slots=True, repr=False)  # no repr: it holds keys
class Client:
    """One application as clients of one dialect know it, and what executes for it."""

    app: str
    keys: Mapping[str, str]
    backend: Guarded
    app_id: str = ""
    domains: frozenset[str] = frozenset()
    """Hosts that stand for the application: who asks them needs neither its id nor a key."""
    pass_through: PassThrough | None = None
    """Where requests go on as they came, as far as `backend` would do what they ask for."""
    sign: Sign | None = None
    """Makes addresses of files such that they hold for a while only; None where they are public."""
    once: Once | None = None
    realtime: str | None = None
    """Where its websockets go: to a server of its owner's, as the gateway has none."""

    def told(self, proves: Proves, sent: Mapping[str, str]) -> Result:
        """What its clients may know of it. Who came with a key is told that one, and not what others come with."""
        held = [self.keys[name] for name in proves.client if name in self.keys]
        own = (key for key in held if any(_same(given, key) for given in sent.values()))
        return Result(app_id=self.app_id, app_key=next(own, held[0] if held else None))

    def served_at(self, op: FindServers, base: str) -> str:
        """Raises GatewayError(UNSUPPORTED). `base` is where the request came to."""
        if not op.realtime:
            return base
        if self.realtime is None:
            raise GatewayError(Code.UNSUPPORTED, "there is no real time here, and so no server of it")
        return self.realtime


def _same(given: str, expected: str) -> bool:
    # a header that is no UTF-8 comes as lone surrogates
    return compare_digest(given.encode(errors="surrogatepass"), expected.encode())


def identify(
    client: Client,
    credentials: Credentials,
    proves: Proves,
    *,
    open_without_keys: bool,
    master_has_user: bool = False,
) -> Caller:
    """Raises GatewayError(UNAUTHORIZED). Every comparison takes the same time, whatever it finds.

    A wrong master key beside a good client key is an ordinary client, as Parse Server has it.
    """
    own_code = bool(credentials.keys) and _proven_by_key(client, credentials, proves.code)
    if _proven(client, credentials, proves.master, master=True):
        return replace(_caller(client, credentials, master=True), on_behalf=master_has_user, own_code=own_code)
    if _proven(client, credentials, proves.client, master=False) or _asks_its_domain(client, credentials):
        return replace(_caller(client, credentials), own_code=own_code) if own_code else _caller(client, credentials)
    configured = any(name in client.keys for name in proves.client)
    offered = credentials.signature is not None or any(name in credentials.keys for name in proves.master)
    if open_without_keys and not configured and not offered:
        return _caller(client, credentials)
    raise GatewayError(Code.UNAUTHORIZED, "unauthorized")


def _proven_by_key(client: Client, credentials: Credentials, names: tuple[str, ...]) -> bool:
    expected = [(name, client.keys[name]) for name in names if name in client.keys]
    found = [_same(credentials.keys[name], key) for name, key in expected if name in credentials.keys]
    return any(found)


def _asks_its_domain(client: Client, credentials: Credentials) -> bool:
    return credentials.app_id is None and credentials.domain in client.domains


def _caller(client: Client, credentials: Credentials, *, master: bool = False) -> Caller:
    return Caller(
        client.app,
        master=master,
        session=credentials.session,
        installation_id=credentials.installation_id,
        context=credentials.context,
    )


def _proven(client: Client, credentials: Credentials, names: tuple[str, ...], *, master: bool) -> bool:
    expected = [(name, client.keys[name]) for name in names if name in client.keys]
    found = [_proven_by_key(client, credentials, names)]
    signature = credentials.signature
    if signature is not None and signature.master is master:
        found += [_same(signature.digest, digest(signature.salt, key)) for _, key in expected]
    return any(found)


WITHOUT_USER: frozenset[type[Operation]] = (
    IGNORE_SESSIONS | READ_SESSIONS | ASK_FOR_SESSIONS_THEMSELVES | {CheckSession, LogInByToken}
)
"""What does not want to know whose session it is, or asks by itself."""

ASKED_WITH_AN_ACCOUNT: frozenset[type[Operation]] = frozenset(OWNER_OPERATIONS.values())
"""No application's client may ask it, nor its master."""

CHANGE_USERS: frozenset[type[Operation]] = frozenset({ChangePassword, RefreshSession, VerifyPhone, ChangePhone})

SERVED: frozenset[str] = frozenset({USER, ROLE, SESSION, INSTALLATION, FILE, CONVERSATION}) | SOCIAL_CLASSES
"""Classes that begin with `_` and are served, by rules of their own."""

FOR_THE_MASTER_ALONE: frozenset[str] = JOB_CLASSES | {EVENT, PUSH_STATUS, AUDIENCE, MEMBER_INFO, SYSTEM_MESSAGE}
"""... and classes of that kind which only the master may ask of, or change, in any way."""

USERS_AND_SESSIONS: frozenset[str] = frozenset({USER, ROLE, SESSION})


CHOOSING = Create | SignUp | Upsert
"""What may make an object with an id of the client's."""

QUERIES = Find | Scan | FindRelated | FindGroups | CountInGroup
READING = QUERIES | Get

OF_THE_GATEWAY: frozenset[type[Operation]] = frozenset(SOCIAL_OPERATIONS.values())
"""What clients ask for that has the gateway write objects of classes which they can only read."""


class Guarded:
    """A backend that is never asked for what the caller may not do.

    `master_queries` has each class that only the master may query, and the setting that would open it to clients; with
    `client_push` these may send pushes, and with `installations_open` the class of devices alone says who may look for
    some and delete them.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        custom_ids: bool = False,
        master_queries: Mapping[str, str] = MappingProxyType({}),
        client_push: bool = False,
        installations_open: bool = False,
    ) -> None:
        self._backend = backend
        self._custom_ids = custom_ids
        kept = {} if installations_open else {INSTALLATION: "classes._Installation.permissions"}
        self._master_queries = {**kept, **master_queries}
        self._installations_open = installations_open
        self._master_only = MASTER_ONLY - {Push} if client_push else MASTER_ONLY

    async def identify(self, op: Operation, caller: Caller) -> Caller:
        """The caller with the user of its session, where the operation wants to know. Raises GatewayError.

        Parse Server: with the master key the session is not looked at.
        """
        if caller.session is None or type(op) in WITHOUT_USER:
            return caller
        if caller.master and not caller.on_behalf:
            return caller
        return await self._backend.identify(caller)

    async def execute(self, op: Operation, caller: Caller) -> Result:
        if not isinstance(op, Batch):
            refusal = await self._refusal(op, caller)
            if refusal is not None:
                raise refusal
            return await self._backend.execute(op, caller)
        refusals = [await self._refusal(item, caller) for item in op.items]
        first = next((refusal for refusal in refusals if refusal is not None), None)
        if first is None:
            return await self._backend.execute(op, caller)
        if op.atomic:
            raise first.at(refusals.index(first))
        return await self._some_of(op, refusals, caller)

    async def refuses(self, op: Operation, caller: Caller) -> bool:
        """Whether all of it, or a part, may not be done."""
        items = op.items if isinstance(op, Batch) else (op,)
        return any([await self._refusal(item, caller) is not None for item in items])

    async def _some_of(self, op: Batch, refusals: list[GatewayError | None], caller: Caller) -> Result:
        """Every item is answered, in its own place."""
        kept = [at for at, refusal in enumerate(refusals) if refusal is None]
        allowed = replace(
            op, items=tuple(op.items[at] for at in kept), names=tuple(op.names[at] for at in kept) if op.names else ()
        )
        result = await self._backend.execute(allowed, caller) if kept else Result(items=[])
        answers: Iterator[Result | GatewayError] = iter(result.items or [])
        return Result(items=[next(answers) if refusal is None else refusal for refusal in refusals])

    async def _refusal(self, op: Operation, caller: Caller) -> GatewayError | None:
        if isinstance(op, Deferred):
            if "id" in op.fields and isinstance(op.item, CHOOSING) and not self._custom_ids:
                return _custom_id()
            op = op.item
        refusal = self._refused(op, caller)
        if refusal is None and self._master_queries and not caller.master:
            refusal = await self._kept_for_the_master(op, caller)
        return refusal

    async def _kept_for_the_master(self, op: Operation, caller: Caller) -> GatewayError | None:
        """By whatever way: as the class of a query, in a query within another one, or behind a redirect."""
        asked = set(classes_asked(_condition_of(op)))
        if isinstance(op, UpdateMany | DeleteMany):
            asked.add(op.class_name)
        if isinstance(op, SendStatus) and op.recipients.class_name != USER:
            # of users nobody but them learns that they were found
            asked.add(op.recipients.class_name)
        if isinstance(op, Delete) and op.class_name == INSTALLATION and not self._installations_open:
            return _of_devices("delete")
        if isinstance(op, QUERIES):
            try:
                found = await aimed(op, caller, self._backend.execute)
            except GatewayError as error:
                return error  # of this operation alone, where it is one of a batch
            asked.add(found.class_name if isinstance(found, QUERIES) else op.class_name)
        for class_name in sorted(asked & self._master_queries.keys()):
            setting = self._master_queries[class_name]
            if class_name == INSTALLATION:
                return _of_devices("find")
            return GatewayError(
                Code.FORBIDDEN, f"only the master may query {class_name}; the setting {setting} opens it"
            )
        return None

    def _refused_by_kind(self, op: Operation, caller: Caller) -> GatewayError | None:
        """Whatever it is about."""
        if type(op) in ASKED_WITH_AN_ACCOUNT:
            return GatewayError(Code.UNAUTHORIZED, "applications are asked for with an account, and not with a key")
        if caller.master:
            return None
        if type(op) in self._master_only or getattr(op, "for_master", False):
            return GatewayError(Code.MASTER_REQUIRED, "the master key is required")
        if isinstance(op, NewCaptcha) and (op.size is not None or op.ttl is not None):
            # LeanCloud's JavaScript SDK, captcha.js: "MasterKey required"
            return GatewayError(Code.MASTER_REQUIRED, "only the master may say how long a captcha is, or lasts")
        return None

    def _refused(self, op: Operation, caller: Caller) -> GatewayError | None:
        if (refusal := self._refused_by_kind(op, caller)) is not None:
            return refusal
        if isinstance(op, ServerTime | AppInfo):
            return None
        for class_name in _classes_named(op):
            if class_name in FOR_THE_MASTER_ALONE:
                if not caller.master:
                    doing = _ACTIONS.get(type(op))
                    what = "this" if doing is None else f"the {doing}"
                    message = f"Clients aren't allowed to perform {what} operation on the {class_name} collection."
                    return GatewayError(Code.FORBIDDEN, message, class_name=class_name)
            elif class_name in SOCIAL_CLASSES and not caller.master and not _only_reads(op):
                message = f"{class_name} is read by clients, and written by what they ask for"
                return GatewayError(Code.FORBIDDEN, message, class_name=class_name, action="write")
            elif class_name.startswith(("_", "@")) and class_name not in SERVED:
                # files, installations and the like have rules of their own: as plain objects they would leak
                message = f"the class {class_name} is of the service itself, and is not served here"
                return GatewayError(Code.UNSUPPORTED, message, class_name=class_name)
        if caller.restricted:
            # Parse REST guide, "Security": restricted sessions are prohibited from creating, modifying, or deleting any
            # data in these classes, and cannot read unrestricted sessions, not even by what a condition tells of them
            theirs = class_of(op) in USERS_AND_SESSIONS
            changes = theirs and not isinstance(op, READING) and type(op) not in READ_SESSIONS
            if changes or type(op) in CHANGE_USERS or SESSION in classes_asked(_condition_of(op)):
                return GatewayError(Code.FORBIDDEN, "a restricted session may not do this")
        for chosen in _ids_chosen(op):
            if not self._custom_ids:
                return _custom_id()
            if not chosen:
                return GatewayError(Code.MISSING_ID, "objectId must not be empty")
            if class_of(op) == USER and (chosen == "*" or chosen.startswith("role:")):
                # an ACL would take it for everybody, or for the role
                return GatewayError(Code.FORBIDDEN, "the id of a user cannot be * or begin with role:")
        return None


_ACTIONS: Mapping[type[Operation], str] = {
    Create: "create",
    Get: "get",
    Find: "find",
    Update: "update",
    Delete: "delete",
}
"""What Parse Server calls them, where it tells that something is the master's alone."""


def _of_devices(action: str) -> GatewayError:
    """Parse Server, rest.js `enforceRoleSecurity`. A class's permissions in LeanCloud's console have the same words."""
    message = f"Clients aren't allowed to perform the {action} operation on the installation collection."
    return GatewayError(Code.FORBIDDEN, message, action=action, class_name=INSTALLATION)


def _custom_id() -> GatewayError:
    return GatewayError(Code.RESERVED_FIELD, "the id of an object is set by the server", field="objectId")


def _condition_of(op: Operation) -> Filter | None:
    """What objects have to match that it is about, or that it looks for on its way."""
    if isinstance(op, SendStatus):
        return op.recipients.where
    return op.criteria if isinstance(op, SendTemplate) else getattr(op, "where", None)


def _classes_named(op: Operation) -> Iterator[str]:
    """Its own, and those of its conditions and values that it would read or write as well."""
    yield getattr(op, "class_name", "")
    yield from classes_asked(_condition_of(op))
    match op:
        case Relate(target=str() as target):
            yield target
        case SendStatus(recipients=query):
            yield query.class_name
        case Aggregate(stages=stages):
            for stage in stages:
                if isinstance(stage, Match):
                    yield from classes_asked(stage.where)
        case DeepSave():
            for part in _parts(op.tree):
                if isinstance(part, Object | Pointer):
                    yield part.class_name


def _only_reads(op: Operation) -> bool:
    return isinstance(op, READING) or type(op) in OF_THE_GATEWAY


def _ids_chosen(op: Operation) -> Iterator[str]:
    """Ids that the client gives to what may be new."""
    match op:
        case Create(id=str() as chosen) | SignUp(id=str() as chosen) | Upsert(id=str() as chosen):
            yield chosen
        case CreateMany():
            yield from (new.id for new in op.objects if new.id is not None)
        case DeepSave():
            # with an id alone it is one that is there
            named = (part for part in _parts(op.tree) if isinstance(part, dict) and len(part) > 1)
            yield from (part[ID] for part in named if isinstance(part.get(ID), str))


def _parts(value: Value) -> Iterator[Value]:
    """A value, and all that is in it."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        yield part
        match part:
            case dict():
                waiting += part.values()
            case list() | tuple():
                waiting += part
            case Object(_, fields):
                waiting.append(fields)
