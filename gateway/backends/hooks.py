"""Webhooks that an app's owner registers while it runs: where its functions and triggers are.

They are one class of the ledger, so every gateway on the store has them; each looks again after `KNOWN_FOR` seconds.
What is registered goes before what the configuration has under the same name. Source: Parse REST guide, "Hooks".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from gateway.backends.ledger import Ledger
from gateway.errors import Code, GatewayError
from gateway.model.code import CreateHook, DeleteHook, FindHooks, GetHook, RegisteredHook, UpdateHook
from gateway.model.operation import Caller, Create, Delete, Operation, Result, Returning, Scan, Update
from gateway.model.trigger import Moment
from gateway.model.update import Changes, Set

HOOK: Final = "@hook"

KNOWN_FOR: Final = 2.0
"""Seconds until what other gateways have registered is known here."""
MOST: Final = 2000
"""Webhooks of one app."""
LONGEST_NAME: Final = 200
LONGEST_URL: Final = 2000

_Key = tuple[str, str]
"""A class, or nothing, and the name of a function or of a trigger."""


class RegisteredHooks:
    """`functions` and `triggers` (pairs of class and kind) are what the configuration has; it stays where it is.

    Triggers of a kind that is `never_asked` cannot be registered.
    """

    def __init__(
        self,
        ledger: Ledger,
        now: Callable[[], float] = time.monotonic,
        *,
        functions: Collection[str] = (),
        triggers: Collection[tuple[str, str]] = (),
        never_asked: Collection[str] = (),
    ) -> None:
        self._ledger = ledger
        self._now = now
        self._configured: frozenset[_Key] = frozenset({*(("", name) for name in functions), *triggers})
        self._never_asked = frozenset(never_asked)
        self._known: Mapping[_Key, RegisteredHook] = {}
        self._known_until = float("-inf")
        self._has_triggers = False

    async def function(self, name: str) -> RegisteredHook | None:
        """Where this function is, if it was registered."""
        return (await self._all()).get(("", name))

    async def trigger(self, class_name: str, kind: str) -> RegisteredHook | None:
        """Where this trigger of a class is, if it was registered; `kind` is a `Moment`."""
        return (await self._all()).get((class_name, kind))

    async def any_triggers(self) -> bool:
        """Whether any trigger at all was registered."""
        await self._all()
        return self._has_triggers

    # --- the operations: what each answers is said in `model.code` ---

    async def find(self, op: FindHooks, _caller: Caller) -> Result:
        known = await self._read()
        return Result(hooks=[known[key] for key in sorted(known) if bool(key[0]) is op.triggers])

    async def get(self, op: GetHook, _caller: Caller) -> Result:
        return Result(hook=await self._there(op.class_name, op.name))

    async def create(self, op: CreateHook, _caller: Caller) -> Result:
        key = self._checked(op)
        if len(await self._read()) >= MOST:
            raise GatewayError(Code.BAD_HOOK, f"an app has at most {MOST} webhooks")
        fields: Changes = {"class_name": Set(op.class_name), "name": Set(str(op.name)), "url": Set(op.url)}
        made = Create(class_name=HOOK, id=_id(key), changes=fields, returning=Returning.NOTHING)
        try:
            await self._ledger.execute(made)
        except GatewayError as error:
            if error.code is not Code.DUPLICATE_VALUE:
                raise
            raise _refusal(Code.HOOK_EXISTS, "is registered already", op.class_name, op.name) from None
        self._forget()
        return Result(hook=self._told(op.class_name, op.name, op.url))

    async def update(self, op: UpdateHook, _caller: Caller) -> Result:
        key = self._checked(op)
        try:
            await self._ledger.execute(Update(class_name=HOOK, id=_id(key), changes={"url": Set(op.url)}))
        except GatewayError as error:
            raise _missing(error, op.class_name, op.name) from None
        self._forget()
        return Result(hook=self._told(op.class_name, op.name, op.url))

    async def delete(self, op: DeleteHook, _caller: Caller) -> Result:
        try:
            await self._ledger.execute(Delete(class_name=HOOK, ids=(_id((op.class_name, op.name)),)))
        except GatewayError as error:
            raise _missing(error, op.class_name, op.name) from None
        self._forget()
        left = (op.class_name, op.name) in self._configured
        return Result(hook=RegisteredHook(op.name, op.class_name) if left else None)

    # --- what is known ---

    async def _there(self, class_name: str, name: str) -> RegisteredHook:
        found = (await self._read()).get((class_name, name))
        if found is None:
            raise _refusal(Code.NO_HOOK, _NOT_THERE, class_name, name)
        return found

    async def _all(self) -> Mapping[_Key, RegisteredHook]:
        """As a call wants to know it, which does not wait for the store each time."""
        return self._known if self._now() < self._known_until else await self._read()

    async def _read(self) -> Mapping[_Key, RegisteredHook]:
        began = self._now()
        found: dict[_Key, RegisteredHook] = {}
        cursor: str | None = None
        while True:
            try:
                page = await self._ledger.execute(Scan(class_name=HOOK, limit=1000, cursor=cursor))
            except GatewayError as error:
                if error.code is Code.CLASS_NOT_FOUND:
                    break
                raise
            for fields in page.objects or []:
                class_name, name = fields["class_name"], fields["name"]
                found[class_name, name] = self._told(class_name, name, fields["url"])
            cursor = page.cursor
            if cursor is None:
                break
        self._known, self._known_until = found, began + KNOWN_FOR
        self._has_triggers = any(class_name for class_name, _ in found)
        return found

    def _checked(self, op: CreateHook | UpdateHook) -> _Key:
        """Raises GatewayError(BAD_HOOK). Whether the address is a private one is looked at when it is asked."""
        named = 0 < len(op.name) <= LONGEST_NAME and op.name.isprintable()
        if not named or (op.class_name and op.name not in set(Moment)) or not _is_address(op.url):
            needs = "needs a name and an address such as https://example.com"
            raise _refusal(Code.BAD_HOOK, needs, op.class_name, op.name)
        if op.class_name and op.name in self._never_asked:
            raise _refusal(Code.BAD_HOOK, "is done by the server that has the users", op.class_name, op.name)
        return op.class_name, op.name

    def _forget(self) -> None:
        self._known_until = float("-inf")

    def _told(self, class_name: str, name: str, url: str) -> RegisteredHook:
        # REST guide, "Create function webhook": what it hides is told
        return RegisteredHook(name, class_name, url, (class_name, name) in self._configured)


_NOT_THERE: Final = "is not registered"


def _missing(error: GatewayError, class_name: str, name: str) -> GatewayError:
    if error.code not in (Code.OBJECT_NOT_FOUND, Code.CLASS_NOT_FOUND):
        return error
    return _refusal(Code.NO_HOOK, _NOT_THERE, class_name, name)


def _refusal(code: Code, what: str, class_name: str, name: str) -> GatewayError:
    if not class_name:
        return GatewayError(code, f"the function {name!r} {what}", name=name)
    return GatewayError(code, f"the trigger {name} of {class_name} {what}", class_name=class_name, trigger=name)


def _id(key: _Key) -> str:
    class_name, name = key
    return f"trigger:{class_name}:{name}" if class_name else f"function:{name}"


def _is_address(url: Any) -> bool:
    if type(url) is not str or len(url) > LONGEST_URL or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


Executes = Callable[[Any, Caller], Any]


def hook_operations(hooks: RegisteredHooks) -> Mapping[type[Operation], Executes]:
    return {
        FindHooks: hooks.find,
        GetHook: hooks.get,
        CreateHook: hooks.create,
        UpdateHook: hooks.update,
        DeleteHook: hooks.delete,
    }
