"""Devices that a server of others has already: some servers do not tell the object of one that is registered again.

Parse Server answers when it was changed, and no more (RestWrite, `handleInstallation`: it becomes an update). SDKs of
LeanCloud keep the id that they are told, and would register the device for ever. So the gateway looks for it, which on
Parse Server is for the master alone: a question of the gateway's own, with nothing in it of the client but the name of
the device, and who is told has just changed that very object. It has the time of the write that was answered, and the
client is told its id and when it was made, as LeanCloud itself tells of a device that it knows.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Final

from gateway.backends.base import Backend
from gateway.errors import GatewayError
from gateway.model.operation import Caller, Create, Find, Operation, Result, Returning
from gateway.model.push import INSTALLATION
from gateway.model.query import Condition, Op
from gateway.model.update import Changes, Set
from gateway.model.values import CREATED_AT, ID, UPDATED_AT

log = logging.getLogger(__name__)

NAMES: Final = ("installationId", "deviceToken")
"""What a device is known by; where it has sent both, the object has the first one since it was written."""
MOST_ALIKE: Final = 10
"""Objects with one token, of which one was changed."""


class KnownDevices:
    """What registers no device goes on to the backend. In a batch nothing is looked for: devices register alone."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def execute(self, op: Operation, caller: Caller) -> Result:
        result = await self._backend.execute(op, caller)
        # who is told computed fields alone, as Parse's clients are, wants no id
        if isinstance(op, Create) and op.class_name == INSTALLATION and op.returning is not Returning.COMPUTED:
            return result if result.id is not None else await self._completed(op, result, caller)
        return result

    async def identify(self, caller: Caller) -> Caller:
        return await self._backend.identify(caller)

    async def close(self) -> None:
        await self._backend.close()

    async def _completed(self, op: Create, result: Result, caller: Caller) -> Result:
        """It is registered, whatever comes of this."""
        where = _known_by(op.changes)
        if where is None or result.updated_at is None:
            return result
        select = (ID, CREATED_AT, UPDATED_AT)
        find = Find(class_name=INSTALLATION, where=where, limit=MOST_ALIKE, select=select)
        try:
            asked = await self._backend.execute(find, Caller(app=caller.app, master=True))
        except GatewayError as error:
            log.warning("a device that is known was not found reason=%s", error.code.value)
            return result
        changed = [found for found in asked.objects or () if found.get(UPDATED_AT) == result.updated_at]
        if len(changed) != 1:  # another one has changed it meanwhile
            return result
        return replace(result, id=changed[0][ID], created_at=changed[0].get(CREATED_AT))


def _known_by(changes: Changes) -> Condition | None:
    for name in NAMES:
        change = changes.get(name)
        if isinstance(change, Set) and type(change.value) is str:
            # Parse Server keeps ids, and tokens of APNs, in lower case (RestWrite, `handleInstallation`)
            return Condition(name, Op.IN, [change.value, change.value.lower()])
    return None
