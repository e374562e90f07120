"""Applications that accounts make while the gateway runs, beside those of its configuration.

They are one class of a store of their own. Every gateway with that store serves them: each looks again every `POLL`
seconds, and at once where somebody asks for an application that it does not know.

    @app    its id is `ann@example.com:0`: of each account there are as many places as it may have applications, and
            that an id is unique is the store's promise. `owner`, `name` (the gateway's own for it, random), `dialect`,
            `app_id`, `keys` (JSON, as text), `title`, `creates_classes`, `client_push`

Keys are kept as they are, since whoever owns the application is told them: the file is for the gateway's eyes alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import string
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import Final

import orjson

from gateway.backends.ledger import Ledger
from gateway.errors import Code, GatewayError
from gateway.model.operation import Create, Delete, Find, Operation, Returning, Scan, Update
from gateway.model.owners import App, CreateApp, UpdateApp
from gateway.model.query import Condition, Op
from gateway.model.update import Changes, Set
from gateway.model.values import ID, Fields

log = logging.getLogger(__name__)

APP: Final = "@app"

POLL: Final = 1.0
"""Seconds until what other gateways have made or changed is known here."""
LEAVES_AFTER: Final = 30.0
"""Seconds that an application goes on as it was, for the requests under way when it was changed."""
MOST_LEAVING: Final = 20
"""Applications that go on so; with more of them none is changed."""
LONGEST_NAME: Final = 100
LENGTH: Final = 40
"""Of an id and of a key: letters and digits, as every dialect can say them in a header, in a path and in a query."""
_LETTERS: Final = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True, repr=False)  # no repr: it holds keys
class MadeApp:
    """`place` is the id of its record, `name` what the gateway calls it, and `app.name` what its owner does."""

    place: str
    owner: str
    name: str
    dialect: str
    app: App


Serve = Callable[[MadeApp], AbstractAsyncContextManager[None]]
"""Serves an application while the block lasts. Raises StartupError."""


class MadeApps:
    """`keys` are the names of the keys that an application has, by the dialect it was made in."""

    def __init__(
        self,
        ledger: Ledger,
        serve: Serve,
        *,
        most: int,
        keys: Mapping[str, Collection[str]],
        now: Callable[[], float] = time.monotonic,
        poll: float = POLL,
    ) -> None:
        self._ledger, self._serve, self._now, self._poll = ledger, serve, now, poll
        self._most, self._keys = most, keys
        self._served: dict[str, tuple[MadeApp, AsyncExitStack]] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()
        self._failed: set[str] = set()
        self._unreadable: set[str] = set()
        self._looking = asyncio.Lock()
        self._looked = float("-inf")
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Serves what there is. Raises GatewayError where the store cannot be read."""
        await self.look()
        self._watching = asyncio.get_running_loop().create_task(self._watch())

    async def close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
        self._closing.set()
        async with self._looking:
            for place in list(self._served):
                self._leave(place)
        await asyncio.gather(*self._leaving)

    # --- what accounts ask ---

    async def of(self, dialect: str) -> list[MadeApp]:
        """The applications that were made in a dialect, the oldest first of each account."""
        await self.look()
        found = (made for made, _ in self._served.values() if made.dialect == dialect)
        return sorted(found, key=lambda made: (made.owner, int(made.place.rpartition(":")[2])))

    async def create(self, dialect: str, owner: str, op: CreateApp) -> App:
        """Raises GatewayError, as the operation says; UNAVAILABLE where it cannot be served."""
        check(op)
        changes: Changes = {
            "owner": Set(owner),
            "name": Set(f"made-{secrets.token_hex(10)}"),
            "dialect": Set(dialect),
            "app_id": Set(_random()),
            "keys": Set(orjson.dumps({name: _random() for name in sorted(self._keys[dialect])}).decode()),
            "title": Set(op.name),
            # Parse REST guide, "Creating apps", for those that are not said
            "creates_classes": Set(op.creates_classes is not False),
            "client_push": Set(op.client_push is True),
        }
        place = await self._keep(owner, changes)
        await self.look()
        if (served := self._served.get(place)) is None:
            await self._ledger.execute(Delete(class_name=APP, ids=(place,)))
            raise GatewayError(Code.UNAVAILABLE, "the application cannot be served; nothing was made")
        return served[0].app

    async def update(self, made: MadeApp, op: UpdateApp) -> App:
        """Raises GatewayError, as the operation says."""
        check(op)
        given = {"title": op.name, "creates_classes": op.creates_classes, "client_push": op.client_push}
        changes: Changes = {name: Set(value) for name, value in given.items() if value is not None}
        if changes:
            if len(self._leaving) >= MOST_LEAVING:
                raise GatewayError(Code.RATE_LIMITED, "too many applications were changed; try again later")
            await self._ledger.execute(Update(class_name=APP, id=made.place, changes=changes))
        fields = await self._ledger.fields(APP, made.place)
        if fields is None:
            raise GatewayError(Code.OBJECT_NOT_FOUND, "there is no such application", id=op.id)
        await self.look()
        return _read(fields).app

    async def look_for(self, dialect: str, app_id: str) -> None:
        """Serves an application that another gateway has made just now."""
        where = Condition("app_id", Op.EQ, app_id)
        try:
            found = (await self._ledger.execute(Find(class_name=APP, where=where, limit=1))).objects
        except GatewayError as error:
            if error.code is Code.CLASS_NOT_FOUND:
                return
            raise
        if found and found[0]["dialect"] == dialect and found[0][ID] not in self._failed:
            await self.look()

    async def _keep(self, owner: str, changes: Changes) -> str:
        """Where the record is now."""
        there = {made.place for made in await self._read()}
        for place in (f"{owner}:{number}" for number in range(self._most)):
            if place in there:
                continue
            made = Create(class_name=APP, id=place, changes=changes, returning=Returning.NOTHING)
            try:
                await self._ledger.execute(made)
            except GatewayError as error:
                if error.code is not Code.DUPLICATE_VALUE:  # else somebody was quicker
                    raise
            else:
                return place
        raise GatewayError(Code.FORBIDDEN, f"an account may make {self._most} applications here, and has made them")

    # --- what is served ---

    async def look(self) -> None:
        """Serves what the store has, as it was after this was called. Raises GatewayError."""
        asked = self._now()
        async with self._looking:
            if self._looked > asked:
                return  # somebody has looked while this waited
            began = self._now()
            await self._serve_all({made.place: made for made in await self._read()})
            self._looked = began

    async def _serve_all(self, found: Mapping[str, MadeApp]) -> None:
        for place, made in found.items():
            if place not in self._served or self._served[place][0] != made:
                await self._begin(made)
        for place in self._served.keys() - found.keys():
            self._leave(place)
        self._failed &= found.keys()

    async def _begin(self, made: MadeApp) -> None:
        """What it was before goes on until then: no request is without one."""
        stack = AsyncExitStack()
        try:
            await stack.enter_async_context(self._serve(made))
        except Exception:  # one that is broken is no reason to have no others
            if made.place not in self._failed:
                log.exception("an application that was made is not served app=%s", made.name)
            self._failed.add(made.place)
            return
        self._failed.discard(made.place)
        if made.place in self._served:
            self._leave(made.place)
        self._served[made.place] = made, stack

    def _leave(self, place: str) -> None:
        _, stack = self._served.pop(place)
        task = asyncio.get_running_loop().create_task(self._left(stack))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _left(self, stack: AsyncExitStack) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), LEAVES_AFTER)
        try:
            await stack.aclose()
        except Exception:
            log.exception("an application that was made did not come to its end")

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._poll)
            try:
                await self.look()
            except GatewayError as error:
                log.warning("the applications that were made cannot be read reason=%s", error.code)

    async def _read(self) -> list[MadeApp]:
        found: list[MadeApp] = []
        cursor: str | None = None
        while True:
            try:
                page = await self._ledger.execute(Scan(class_name=APP, limit=1000, cursor=cursor))
            except GatewayError as error:
                if error.code is Code.CLASS_NOT_FOUND:
                    return found
                raise
            for fields in page.objects or ():
                try:
                    found.append(_read(fields))
                except (KeyError, TypeError, ValueError):  # somebody else wrote it; the others are as they were
                    if fields[ID] not in self._unreadable:
                        log.warning(
                            "the record of an application that was made cannot be read app=%s", fields.get("name")
                        )
                    self._unreadable.add(fields[ID])
            cursor = page.cursor
            if cursor is None:
                return found


def check(op: Operation) -> None:
    """Whether what is said of an application can be so. Raises GatewayError(BAD_VALUE, UNSUPPORTED)."""
    assert isinstance(op, CreateApp | UpdateApp)
    if op.name is not None and not (op.name.strip() and len(op.name) <= LONGEST_NAME and op.name.isprintable()):
        raise GatewayError(Code.BAD_VALUE, f"an application's name is 1 to {LONGEST_NAME} characters that can be shown")
    if op.revocable_sessions is False:
        raise GatewayError(Code.UNSUPPORTED, "sessions can always be revoked here")
    if op.revokes_sessions is False:
        raise GatewayError(Code.UNSUPPORTED, "a new password always ends the sessions of its user here")


def _read(fields: Fields) -> MadeApp:
    app = App(
        fields["title"],
        fields["app_id"],
        orjson.loads(fields["keys"]),
        creates_classes=fields["creates_classes"],
        client_push=fields["client_push"],
    )
    return MadeApp(fields[ID], fields["owner"], fields["name"], fields["dialect"], app)


def _random() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(LENGTH))
