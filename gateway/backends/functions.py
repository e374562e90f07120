"""The operations that run code of an app's own, which runs elsewhere."""

from __future__ import annotations

from gateway.adapters.base import Functions
from gateway.errors import Code, GatewayError
from gateway.model.operation import Caller, Result
from gateway.model.services import CallFunction, CallService, DispatchEvent


class FunctionCalls:
    """The operations that run an app's own code."""

    def __init__(self, functions: Functions | None) -> None:
        self._own = functions

    @property
    def _functions(self) -> Functions:
        if self._own is None:
            raise GatewayError(Code.UNSUPPORTED, "this app has no code of its own")
        return self._own

    async def call(self, op: CallFunction, caller: Caller) -> Result:
        return Result(value=await self._functions.call(op.name, op.arguments, caller))

    async def call_service(self, op: CallService, caller: Caller) -> Result:
        return Result(value=await self._functions.call(f"{op.service}.{op.method}", op.arguments, caller))

    async def dispatch(self, op: DispatchEvent, caller: Caller) -> Result:
        return Result(value=await self._functions.dispatch(op.name, op.arguments, caller))
