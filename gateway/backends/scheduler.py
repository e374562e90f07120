"""Work that is to be done at some time, by whichever gateway is there then.

A task is an object of a class that no client sees. Who does it has put its own mark into it, by one conditional write:
of two gateways on one store one does it. A mark holds for a while and is renewed while the work goes on; where a
gateway has died, it runs out, and another one begins anew. So every task is done at least once, and a handler must
bear to be called again for what it has done already.

    @task    `app`, `kind`, `payload` (JSON, as text), `due`, `at`: when somebody may take it, which is the end of the
             mark where it has one, `mark`, and `tries`: how often it was begun since it last went well
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from gateway.backends.ledger import Ledger, new_id
from gateway.errors import Code, GatewayError
from gateway.model.operation import Create, Delete, Find, Returning, Update
from gateway.model.query import And, Condition, Filter, Op, Sort
from gateway.model.update import Change, Increment, Set, Unset
from gateway.model.values import Fields

log = logging.getLogger(__name__)

TASK: Final = "@task"

LEASE: Final = 30.0
"""Seconds that a mark holds; it is renewed after each third of them."""
POLL: Final = 2.0
"""Seconds between two looks for tasks of other gateways; its own ones a scheduler knows of."""
AT_ONCE: Final = 4
"""Tasks that one scheduler does at the same time."""
PATIENCE: Final = 12.0
"""Seconds that `close` waits for handlers to come to an end: what they ask of others has limits of its own."""
LONGEST_PAUSE: Final = 300.0
"""Seconds until something that went wrong is tried again, at most; after the first time it is one."""


@dataclass(frozen=True, slots=True)
class Task:
    """`due` is when it was to be done (seconds since 1970), `tries` how often it was begun before and did not end."""

    id: str
    kind: str
    due: float
    payload: Mapping[str, Any]
    tries: int = 0


Handler = Callable[[Task], Awaitable[float | None]]
"""Does a task. Answers when it is to go on (seconds since 1970), or None where it is done.

What raises is tried again, later and later; a handler that wants to give up answers None. It is cancelled where the
task was taken back. One with much to do looks at `Scheduler.leaving` now and then.
"""


class Scheduler:
    """The tasks of one application on one store. `start` begins to do them, `close` ends that and leaves the rest."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        app: str,
        now: Callable[[], float] = time.time,
        lease: float = LEASE,
        poll: float = POLL,
        patience: float = PATIENCE,
    ) -> None:
        self._ledger, self._app, self._now = ledger, app, now
        self._lease, self._poll, self._patience = lease, poll, patience
        self._handlers: dict[str, Handler] = {}
        self._loop: asyncio.Task[None] | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        self.leaving = False
        """Whether `close` was called: who answers soon keeps its place, who does not is cancelled."""

    def handle(self, kind: str, handler: Handler) -> None:
        """Who does the tasks of a kind. Those of a kind that nobody here does are left to other gateways."""
        self._handlers[kind] = handler

    async def add(self, kind: str, at: float, payload: Mapping[str, Any], *, id_: str | None = None) -> str:
        """A task to be done at a time (seconds since 1970), or at once where that is past. Answers its id.

        `payload` is JSON. With an `id_` of the caller's own, one that is there already is left as it is.
        """
        made = self.making(kind, at, payload, id_=id_ or new_id())
        try:
            await self._ledger.execute(made)
        except GatewayError as error:
            if error.code is not Code.DUPLICATE_VALUE or id_ is None:
                raise
        self.wake()
        return str(made.id)

    def making(self, kind: str, at: float, payload: Mapping[str, Any], *, id_: str) -> Create:
        """What `add` writes, for who writes more than that at once; `wake` is to be called then."""
        changes: dict[str, Change] = {
            "app": Set(self._app),
            "kind": Set(kind),
            "payload": Set(orjson.dumps(payload).decode()),
            "due": Set(_ms(at)),
            "at": Set(_ms(at)),
            "tries": Set(0),
        }
        return Create(class_name=TASK, id=id_, changes=changes, returning=Returning.NOTHING)

    async def cancel(self, id_: str) -> bool:
        """Takes a task back. False where there is none any more. One that is being done is stopped before long."""
        try:
            await self._ledger.execute(Delete(class_name=TASK, ids=(id_,), where=Condition("app", Op.EQ, self._app)))
        except GatewayError as error:
            if error.code in (Code.OBJECT_NOT_FOUND, Code.CLASS_NOT_FOUND, Code.CONDITION_FAILED):
                return False
            raise
        return True

    async def move(self, id_: str, at: float) -> bool:
        """Gives a task another time. False where there is none any more, or it is being done."""
        free = And((Condition("app", Op.EQ, self._app), Condition("mark", Op.EXISTS, False)))
        moved = await self._write(id_, {"due": Set(_ms(at)), "at": Set(_ms(at)), "tries": Set(0)}, free)
        self.wake()
        return moved

    def wake(self) -> None:
        """Has it look for tasks now."""
        self._woken.set()

    def start(self) -> None:
        assert self._loop is None, "it was started already"
        self._loop = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Returns when nothing of it runs any more; what was under way is free for other gateways at once."""
        self.leaving = True
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        if self._under_way:
            _, slow = await asyncio.wait(self._under_way, timeout=self._patience)
            for task in slow:
                task.cancel()
            await asyncio.gather(*slow, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            try:
                pause = await self._look()
            except GatewayError as error:
                log.warning("tasks cannot be looked for reason=%s", error.code)
                pause = self._poll
            try:
                async with asyncio.timeout(pause):
                    await self._woken.wait()
            except TimeoutError:
                pass

    async def _look(self) -> float:
        """Begins what is due, as far as there is room. Answers the seconds until the next look."""
        now = self._now()
        room = AT_ONCE - len(self._under_way)
        if not self._handlers or room <= 0:
            return self._poll  # the end of one wakes it
        mine = (Condition("app", Op.EQ, self._app), Condition("kind", Op.IN, sorted(self._handlers)))
        for row in await self._find(mine, room + 1):
            if row["at"] > _ms(now):
                return min(self._poll, max(0.0, float(row["at"]) / 1000 - now))
            if room == 0:
                break
            if (mark := await self._taken(row)) is not None:
                room -= 1
                self._begin(row, mark)
        return self._poll

    async def _find(self, mine: tuple[Filter, ...], limit: int) -> list[Fields]:
        try:
            found = await self._ledger.execute(
                Find(class_name=TASK, limit=limit, where=And(mine), order=(Sort("at"), Sort("@id")))
            )
        except GatewayError as error:
            if error.code is Code.CLASS_NOT_FOUND:
                return []
            raise
        return found.objects or []

    async def _taken(self, row: Fields) -> str | None:
        """The mark by which the task is this scheduler's; None where another one was faster."""
        mark = secrets.token_hex(16)
        changes: dict[str, Change] = {"mark": Set(mark), "at": Set(self._end()), "tries": Increment(1)}
        # whoever takes it, or renews its mark, changes `at`
        return mark if await self._write(row["@id"], changes, Condition("at", Op.EQ, row["at"])) else None

    def _begin(self, row: Fields, mark: str) -> None:
        work = asyncio.get_running_loop().create_task(self._do(row, mark))
        self._under_way.add(work)
        work.add_done_callback(self._ended)

    def _ended(self, work: asyncio.Task[None]) -> None:
        self._under_way.discard(work)
        self.wake()
        if not work.cancelled() and (error := work.exception()) is not None:
            # the store failed: the mark runs out, and the task is begun anew
            log.warning("a task was left reason=%s", getattr(error, "code", type(error).__name__))

    async def _do(self, row: Fields, mark: str) -> None:
        task = Task(row["@id"], row["kind"], row["due"] / 1000, orjson.loads(row["payload"]), row["tries"])
        work = asyncio.get_running_loop().create_task(self._handled(task))
        own = Condition("mark", Op.EQ, mark)
        try:
            while not (await asyncio.wait({work}, timeout=self._lease / 3))[0]:
                if not await self._write(task.id, {"at": Set(self._end())}, own):
                    log.info("a task was taken back, or by another gateway kind=%s", task.kind)
                    return
            again = work.result()
        except asyncio.CancelledError:
            again = self._now()  # the process ends: it is anybody's again
        finally:
            if not work.done():
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
        if again is None:
            await self._forget(task.id, own)
            return
        changes: dict[str, Change] = {"mark": Unset(), "at": Set(_ms(again))}
        if not isinstance(again, _Retry):
            changes |= {"due": Set(_ms(again)), "tries": Set(0)} if not self.leaving else {"tries": Set(task.tries)}
        await self._write(task.id, changes, own)

    async def _handled(self, task: Task) -> float | None:
        try:
            return await self._handlers[task.kind](task)
        except Exception as error:
            if isinstance(error, GatewayError):
                log.warning("a task failed kind=%s tries=%s reason=%s", task.kind, task.tries + 1, error.code)
            else:
                log.exception("a task failed kind=%s tries=%s", task.kind, task.tries + 1)
            return _Retry(self._now() + min(2.0 ** min(task.tries, 20), LONGEST_PAUSE))

    async def _forget(self, id_: str, own: Filter) -> None:
        try:
            await self._ledger.execute(Delete(class_name=TASK, ids=(id_,), where=own))
        except GatewayError as error:
            if error.code not in (Code.OBJECT_NOT_FOUND, Code.CONDITION_FAILED):
                raise

    async def _write(self, id_: str, changes: Mapping[str, Change], where: Filter) -> bool:
        """Whether the condition held."""
        try:
            await self._ledger.execute(
                Update(class_name=TASK, id=id_, changes=changes, where=where, returning=Returning.NOTHING)
            )
        except GatewayError as error:
            if error.code in (Code.OBJECT_NOT_FOUND, Code.CLASS_NOT_FOUND, Code.CONDITION_FAILED):
                return False
            raise
        return True

    def _end(self) -> int:
        return _ms(self._now() + self._lease)


class _Retry(float):
    """When to try again what went wrong."""


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
