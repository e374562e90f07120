"""A query that names a field, and runs on the class of what stands there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from gateway.model.operation import Caller, Find, Operation, Result


async def aimed(op: Operation, caller: Caller, execute: Callable[[Operation, Caller], Awaitable[Result]]) -> Operation:
    """A redirected query as one of the class that it runs on; any other operation as it is."""
    if caller.unrestricted or not isinstance(op, Find) or op.redirect_key is None:
        return op
    # some backends tell the class with the objects only, and so nothing where there is none to be seen
    asked = await execute(Find(class_name=op.class_name, limit=1, redirect_key=op.redirect_key), caller)
    return op if asked.class_name is None else replace(op, class_name=asked.class_name, redirect_key=None)
