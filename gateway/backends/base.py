"""The seam between the pipeline and whatever keeps the data."""

from __future__ import annotations

from typing import Protocol

from gateway.model.operation import Caller, Operation, Result


class Backend(Protocol):
    """Executes operations.

    Raises GatewayError and nothing else. A write is answered when it is durable; one that failed left nothing behind.
    """

    async def execute(self, op: Operation, caller: Caller) -> Result: ...

    async def identify(self, caller: Caller) -> Caller:
        """The caller with the user and the roles of its session. Raises GatewayError(INVALID_SESSION)."""

    async def close(self) -> None:
        """Finishes what is under way and lets go of files and connections; nothing is executed after it."""
