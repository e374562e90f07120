"""The operations that run code of an app's own, which runs elsewhere."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from gateway.adapters.base import Functions
from gateway.backends.base import Backend
from gateway.backends.hooks import RegisteredHooks
from gateway.errors import Code, GatewayError
from gateway.model.account import USER
from gateway.model.operation import Caller, Get, Operation, Result
from gateway.model.services import CallFunction, CallService, DispatchEvent
from gateway.model.trigger import UNDEFINED, Who


async def who_asks(backend: Backend, caller: Caller) -> Who:
    """The caller as code of the app's own knows it: with its whole user, which the backend has."""
    user = None
    if caller.user_id is not None:
        try:
            found = await backend.execute(Get(class_name=USER, id=caller.user_id), replace(caller, trusted=True))
        except GatewayError as error:
            if error.code not in (Code.OBJECT_NOT_FOUND, Code.CLASS_NOT_FOUND):  # deleted meanwhile
                raise
        else:
            user = found.object
    return Who(
        caller.app,
        master=caller.master,
        user=user,
        session=caller.session if caller.user_id is not None else None,
        installation_id=caller.installation_id,
        context=caller.context or {},
    )


class FunctionCalls:
    """A backend, and before it an app's own code. What is none of it goes on, as functions do that are `theirs`.

    What is registered goes before what the configuration has, and that before what a server of others has.
    """

    def __init__(
        self,
        backend: Backend,
        functions: Functions | None,
        registered: RegisteredHooks | None = None,
        *,
        theirs: Collection[type[Operation]] = (),
    ) -> None:
        self._backend = backend
        self._own = functions
        self._registered = registered
        self._theirs = theirs

    async def execute(self, op: Operation, caller: Caller) -> Result:
        match op:
            case CallFunction(name=name, arguments=arguments, with_objects=with_objects):
                return await self._called(op, name, arguments, caller, with_objects=with_objects)
            case CallService(service=service, method=method, arguments=arguments):
                return _plain(await self._called(op, f"{service}.{method}", arguments, caller))
            case DispatchEvent(name=name, arguments=arguments):
                who = await who_asks(self._backend, caller)
                return _plain(Result(value=await self._functions.dispatch(name, arguments, who)))
        return await self._backend.execute(op, caller)

    async def identify(self, caller: Caller) -> Caller:
        return await self._backend.identify(caller)

    async def close(self) -> None:
        await self._backend.close()

    @property
    def _functions(self) -> Functions:
        if self._own is None:
            raise GatewayError(Code.UNSUPPORTED, "this app has no code of its own")
        return self._own

    async def _called(
        self, op: Operation, name: str, arguments: Any, caller: Caller, *, with_objects: bool = False
    ) -> Result:
        registered = None if self._registered is None else await self._registered.function(name)
        url = None if registered is None else registered.url
        if type(op) in self._theirs and url is None and (self._own is None or not await self._own.has(name)):
            return await self._backend.execute(op, caller)
        own = self._functions
        if url is None and not await own.has(name):
            raise GatewayError(Code.NO_FUNCTION, f'Invalid function: "{name}"', name=name)
        who = await who_asks(self._backend, caller)
        return Result(value=await own.call(name, arguments, who, with_objects=with_objects, url=url))


def _plain(result: Result) -> Result:
    """Where nothing and null are told alike."""
    if result.value is UNDEFINED:
        result.value = None
    return result
