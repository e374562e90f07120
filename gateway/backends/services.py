"""A backend, and beside it what apps ask for that is no object and no user: counters, a cache, a log, functions."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from gateway.adapters.base import Functions
from gateway.backends.base import Backend
from gateway.backends.cache import Cache
from gateway.backends.client_log import write_log
from gateway.backends.counters import Counters
from gateway.backends.functions import FunctionCalls
from gateway.backends.ledger import Ledger, ObjectStore
from gateway.model import services
from gateway.model.operation import Caller, Operation, Result

_Executes = Callable[[Any, Caller], Awaitable[Result]]


class Services:
    """What is none of the services goes on to the backend, and so do those that are `theirs`.

    `store` is where they keep what they have; without one the counters and the cache are the backend's affair.
    """

    def __init__(
        self,
        backend: Backend,
        store: ObjectStore | None,
        functions: Functions | None = None,
        *,
        theirs: Collection[type[Operation]] = (),
        now: Callable[[], float] = time.time,
    ) -> None:
        self._backend = backend
        calls = FunctionCalls(functions)
        execute: dict[type[Operation], _Executes] = {
            services.WriteLog: write_log,
            services.CallFunction: calls.call,
            services.CallService: calls.call_service,
            services.DispatchEvent: calls.dispatch,
        }
        if store is not None:
            execute |= _kept(Ledger(store), now)
        self._execute = {kind: own for kind, own in execute.items() if kind not in theirs}

    async def execute(self, op: Operation, caller: Caller) -> Result:
        execute = self._execute.get(type(op))
        return await (self._backend.execute(op, caller) if execute is None else execute(op, caller))

    async def identify(self, caller: Caller) -> Caller:
        return await self._backend.identify(caller)

    async def close(self) -> None:
        await self._backend.close()


def _kept(ledger: Ledger, now: Callable[[], float]) -> Mapping[type[Operation], _Executes]:
    """The services that keep something."""
    counters, cache = Counters(ledger), Cache(ledger, now)
    return {
        services.GetCounter: counters.get,
        services.AddToCounter: counters.add,
        services.CompareAndSetCounter: counters.compare_and_set,
        services.ResetCounter: counters.reset,
        services.ListCounters: counters.names,
        services.PutInCache: cache.put,
        services.GetFromCache: cache.get,
        services.HasInCache: cache.has,
        services.RemoveFromCache: cache.remove,
        services.ExpireInCache: cache.expire,
    }
