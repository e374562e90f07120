"""What clients have to say, in the gateway's own log: one line an entry, whatever is in it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from gateway.errors import Code, GatewayError
from gateway.model.operation import Caller, Result
from gateway.model.services import WriteLog

MOST_ENTRIES: Final = 1000
LONGEST_TEXT: Final = 8000

LEVELS: Final[Mapping[str, int]] = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
}

log = logging.getLogger("gateway.clients")


async def write_log(op: WriteLog, caller: Caller) -> Result:
    """Raises GatewayError(BAD_VALUE), before anything is written."""
    if len(op.entries) > MOST_ENTRIES:
        raise GatewayError(Code.BAD_VALUE, f"{len(op.entries)} entries at once: {MOST_ENTRIES} at the most")
    for entry in op.entries:
        if entry.level.lower() not in LEVELS:
            raise GatewayError(Code.BAD_VALUE, f"a level is one of {', '.join(LEVELS)}, not {entry.level[:20]!r}")
    for entry in op.entries:
        # as repr: a line break or a terminal's control character is never one in the log
        log.log(
            LEVELS[entry.level.lower()],
            "client app=%s logger=%r at=%s message=%r%s",
            caller.app,
            entry.logger[:200],
            entry.at.iso if entry.at is not None else "-",
            entry.message[:LONGEST_TEXT],
            f" exception={entry.exception[:LONGEST_TEXT]!r}" if entry.exception else "",
        )
    return Result()
