"""Who may do what: credentials become a Caller, and no backend is asked for what the caller may not do.

Whatever way a request came in, it is one operation by then, and every operation, alone or in a batch, passes `Guarded`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hmac import compare_digest

from gateway.backends.base import Backend
from gateway.dialects.credentials import digest
from gateway.errors import Code, GatewayError
from gateway.mapping.schema import Proves
from gateway.model.account import IGNORE_SESSIONS, READ_SESSIONS, ROLE, SESSION, USER, SignUp, class_of
from gateway.model.operation import Batch, Caller, Create, Credentials, Operation, Result, Scan, ServerTime

MASTER_ONLY: frozenset[type[Operation]] = frozenset({Scan})
"""LeanCloud storage REST guide, "Iterating Over Objects": be sure to use the master key."""


@dataclass(frozen=True, slots=True, repr=False)  # no repr: it holds keys
class Client:
    """One application as clients of one dialect know it, and what executes for it."""

    app: str
    keys: Mapping[str, str]
    backend: Guarded
    opened: frozenset[str] = frozenset()
    """Settings that open to clients what their dialect keeps for the master."""


def _same(given: str, expected: str) -> bool:
    # a header that is no UTF-8 comes as lone surrogates
    return compare_digest(given.encode(errors="surrogatepass"), expected.encode())


def identify(client: Client, credentials: Credentials, proves: Proves, *, open_without_keys: bool) -> Caller:
    """Raises GatewayError(UNAUTHORIZED). Every comparison takes the same time, whatever it finds.

    A wrong master key beside a good client key is an ordinary client, as Parse Server has it.
    """
    if _proven(client, credentials, proves.master, master=True):
        return _caller(client, credentials, master=True)
    if _proven(client, credentials, proves.client, master=False):
        return _caller(client, credentials)
    configured = any(name in client.keys for name in proves.client)
    offered = credentials.signature is not None or any(name in credentials.keys for name in proves.master)
    if open_without_keys and not configured and not offered:
        return _caller(client, credentials)
    raise GatewayError(Code.UNAUTHORIZED, "unauthorized")


def _caller(client: Client, credentials: Credentials, *, master: bool = False) -> Caller:
    return Caller(client.app, master=master, session=credentials.session, installation_id=credentials.installation_id)


def _proven(client: Client, credentials: Credentials, names: tuple[str, ...], *, master: bool) -> bool:
    expected = [(name, client.keys[name]) for name in names if name in client.keys]
    found = [_same(credentials.keys[name], key) for name, key in expected if name in credentials.keys]
    signature = credentials.signature
    if signature is not None and signature.master is master:
        found += [_same(signature.digest, digest(signature.salt, key)) for _, key in expected]
    return any(found)


SERVED: frozenset[str] = frozenset({USER, ROLE, SESSION})
"""Classes that begin with `_` and are served, by rules of their own."""


class Guarded:
    """A backend that is never asked for what the caller may not do."""

    def __init__(self, backend: Backend, *, custom_ids: bool = False) -> None:
        self._backend = backend
        self._custom_ids = custom_ids

    async def identify(self, op: Operation, caller: Caller) -> Caller:
        """The caller with the user of its session, where the operation wants to know. Raises GatewayError.

        Parse Server: with the master key the session is not looked at.
        """
        if caller.session is None or caller.master or type(op) in IGNORE_SESSIONS | READ_SESSIONS:
            return caller
        return await self._backend.identify(caller)

    async def execute(self, op: Operation, caller: Caller) -> Result:
        if not isinstance(op, Batch):
            refusal = self._refusal(op, caller)
            if refusal is not None:
                raise refusal
            return await self._backend.execute(op, caller)
        refusals = [self._refusal(item, caller) for item in op.items]
        first = next((refusal for refusal in refusals if refusal is not None), None)
        if first is None:
            return await self._backend.execute(op, caller)
        if op.atomic:
            raise first
        return await self._some_of(op, refusals, caller)

    async def _some_of(self, op: Batch, refusals: list[GatewayError | None], caller: Caller) -> Result:
        """Every item is answered, in its own place."""
        kept = [at for at, refusal in enumerate(refusals) if refusal is None]
        allowed = Batch(
            items=tuple(op.items[at] for at in kept), names=tuple(op.names[at] for at in kept) if op.names else ()
        )
        result = await self._backend.execute(allowed, caller) if kept else Result(items=[])
        answers: Iterator[Result | GatewayError] = iter(result.items or [])
        return Result(items=[next(answers) if refusal is None else refusal for refusal in refusals])

    def _refusal(self, op: Operation, caller: Caller) -> GatewayError | None:
        if type(op) in MASTER_ONLY and not caller.master:
            return GatewayError(Code.MASTER_REQUIRED, "the master key is required")
        if isinstance(op, ServerTime):
            return None
        class_name = getattr(op, "class_name", "")
        if class_name.startswith(("_", "@")) and class_name not in SERVED:
            # files, installations and the like have rules of their own: as plain objects they would leak
            return GatewayError(Code.UNSUPPORTED, f"the class {class_name} is not served yet", class_name=class_name)
        if isinstance(op, Create | SignUp) and op.id is not None:
            if not self._custom_ids:
                return GatewayError(Code.RESERVED_FIELD, "the id of an object is set by the server", field="objectId")
            if not op.id:
                return GatewayError(Code.MISSING_ID, "objectId must not be empty")
            if class_of(op) == USER and (op.id == "*" or op.id.startswith("role:")):
                # an ACL would take it for everybody, or for the role
                return GatewayError(Code.FORBIDDEN, "the id of a user cannot be * or begin with role:")
        return None
