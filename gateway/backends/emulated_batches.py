"""Several operations at once: in runs that the vendor's batches take, or as one transaction of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from gateway.backends.chosen_ids import IDS_REFUSED, refers, with_chosen_ids
from gateway.backends.completing import Completing
from gateway.backends.remote import READS, UnsaidError
from gateway.errors import Code, GatewayError
from gateway.model.account import USER
from gateway.model.operation import Batch, Caller, Create, CreateMany, Operation, Result, Returning

Ask = Callable[[Operation, Caller], Awaitable[Result]]


class Batches:
    """`ask` does one operation, by whatever means; `plain` is an operation in the words that the vendor has.

    `alone` tells what is not for a batch; `most` is how many operations the vendor takes in one. `allow` raises
    GatewayError where an emulation is not to be used.
    """

    def __init__(
        self,
        ask: Ask,
        backend: Completing,
        plain: Callable[[Operation], Operation],
        alone: Callable[[Operation], bool],
        allow: Callable[[str, UnsaidError | None], None],
        *,
        most: int,
    ) -> None:
        self._ask = ask
        self._backend = backend
        self._plain = plain
        self._alone = alone
        self._allow = allow
        self._most = most

    async def execute(self, op: Batch, caller: Caller) -> Result:
        if not refers(op):
            op = replace(op, names=())  # a name that nobody asks for
        if not op.items:
            return Result(items=[])
        if op.atomic or op.names:
            return await self._transaction(op, caller)
        runs: list[tuple[bool, list[Operation]]] = []
        for item in op.items:
            plainer = self._in_batches(item, caller)
            if plainer is None:
                runs.append((False, [item]))
                continue
            joins = bool(runs) and runs[-1][0] and len(runs[-1][1]) < self._most
            if joins and _goes_with(runs[-1][1], plainer):
                runs[-1][1].append(plainer)
            else:
                runs.append((True, [plainer]))
        answers: list[Result | GatewayError] = []
        for native, run in runs:
            try:
                answers += await self._run(run, caller, native=native)
            except GatewayError as error:
                if not answers and (native or error.code is Code.INVALID_SESSION):
                    raise  # it is about all of them
                answers += [error] * len(run)
        return Result(items=answers)

    async def _transaction(self, op: Batch, caller: Caller) -> Result:
        """All or nothing. What makes many is as many that make one, where the vendor has no word for it in a batch."""
        whole = replace(op, items=tuple(map(self._plain, op.items)))
        unsaid = self._unsaid(whole, caller)
        if unsaid is not None and self._unsaid(fixed := replace(whole, fixed_schema=True), caller) is None:
            self._allow("transactions", unsaid)
            whole, unsaid = fixed, None
        if unsaid is not None and whole.names:
            self._allow("references", unsaid)
            return await self._with_chosen_ids(whole, caller)
        parts = [(item,) if unsaid is None else _singles(item) for item in whole.items]
        items = tuple(part for each in parts for part in each)
        if len(items) > self._most:
            raise GatewayError(Code.UNSUPPORTED, f"at most {self._most} operations can be one transaction")
        try:
            result = await self._backend.execute(whole if unsaid is None else replace(whole, items=items), caller)
        except GatewayError as error:
            if "item" not in error.details and error.code not in _OF_THE_WHOLE:
                error.details = {**error.details, "item": str(_likely(whole.items, error.code))}
            raise
        if len(items) == len(whole.items):
            return result
        answers = iter(result.items or [])
        result.items = [
            _joined(item, [next(answers) for _ in each]) for item, each in zip(whole.items, parts, strict=True)
        ]
        return result

    async def _with_chosen_ids(self, op: Batch, caller: Caller) -> Result:
        """What is made gets its id from here, and what refers to it has that id from the beginning."""
        try:
            return await self._transaction(with_chosen_ids(op), caller)
        except GatewayError as error:
            if error.code not in IDS_REFUSED:
                raise
            told = "in a transaction nothing can use what is made in it, unless the server takes ids from clients"
            raise GatewayError(Code.UNSUPPORTED, told) from error

    def _unsaid(self, op: Operation, caller: Caller) -> UnsaidError | None:
        try:
            self._backend.remote.write(op, caller)
        except UnsaidError as unsaid:
            return unsaid
        except GatewayError as error:
            return UnsaidError(error.message)
        return None

    def _in_batches(self, item: Operation, caller: Caller) -> Operation | None:
        """The item as it can stand in a batch of the backend's; None where it is to be done by itself."""
        try:
            plainer = self._plain(item)
            if self._alone(plainer):
                return None
            self._backend.remote.write(Batch(items=(plainer,)), caller)
        except GatewayError:
            return None
        return plainer

    async def _run(self, items: list[Operation], caller: Caller, *, native: bool) -> list[Result | GatewayError]:
        if native:
            return (await self._backend.execute(Batch(items=tuple(items)), caller)).items or []
        return [await self._ask(item, caller) for item in items]


_OF_THE_WHOLE: Final = frozenset(
    {Code.UNSUPPORTED, Code.UNAVAILABLE, Code.TIMEOUT, Code.RATE_LIMITED, Code.TOO_LARGE, Code.INTERNAL}
    | {Code.BAD_BATCH, Code.INVALID_SESSION, Code.UNAUTHORIZED, Code.MASTER_REQUIRED, Code.LOGIN_REQUIRED}
)
"""What is wrong with a transaction, and not with one of its items."""


def _likely(items: tuple[Operation, ...], code: Code) -> int:
    """The item that failed, where a vendor tells what was wrong and not with which: the first that it can be."""
    if code is Code.OBJECT_NOT_FOUND:
        return next((at for at, item in enumerate(items) if not isinstance(item, Create | CreateMany)), 0)
    return 0


def _singles(item: Operation) -> tuple[Operation, ...]:
    if not isinstance(item, CreateMany) or item.upsert or item.class_name == USER:
        return (item,)
    return tuple(
        Create(class_name=item.class_name, changes=one.changes, id=one.id, returning=Returning.NOTHING)
        for one in item.objects
    )


def _joined(item: Operation, answers: list[Result | GatewayError]) -> Result | GatewayError:
    if not isinstance(item, CreateMany):
        return answers[0]
    ids = []
    for answer in answers:
        if isinstance(answer, GatewayError):
            return answer
        ids.append(answer.id or "")
    return Result(ids=ids)


def _goes_with(run: list[Operation], item: Operation) -> bool:
    """Whether it does not matter which of them comes first: some servers do all of a batch at the same time."""
    if (type(item) in READS) is not (type(run[0]) in READS):
        return False
    touched = _touched(item)
    return not touched or all(touched.isdisjoint(_touched(other)) for other in run)


def _touched(op: Operation) -> frozenset[tuple[str, str]]:
    if type(op) in READS:
        return frozenset()
    class_name, known = getattr(op, "class_name", ""), getattr(op, "id", None)
    ids = getattr(op, "ids", ()) if known is None else (known,)
    return frozenset((class_name, each) for each in ids if isinstance(each, str))
