"""What clients have to say: in the gateway's own log, one line an entry, and for a time in the store, to be asked for.

In the store an entry is an object of a private class, with the name of the application that it belongs to.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Final

from gateway.backends.ledger import Ledger
from gateway.backends.trimmed import Trimmed
from gateway.errors import Code, GatewayError
from gateway.model.administration import ReadLog
from gateway.model.operation import Caller, CreateMany, Find, NewObject, Result
from gateway.model.query import And, Condition, Filter, Op, Sort
from gateway.model.services import LogEntry, WriteLog
from gateway.model.update import Change, Set
from gateway.model.values import CREATED_AT, Date

LOG: Final = "@log"
LASTS: Final = 30 * 86400.0
MOST_KEPT: Final = 10_000

MOST_ENTRIES: Final = 1000
LONGEST_TEXT: Final = 8000
LONGEST_LOGGER: Final = 200

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
        _severity(entry.level)
    for entry in op.entries:
        # as repr: a line break or a terminal's control character is never one in the log
        log.log(
            _severity(entry.level),
            "client app=%s logger=%r at=%s message=%r%s",
            caller.app,
            entry.logger[:LONGEST_LOGGER],
            entry.at.iso if entry.at is not None else "-",
            entry.message[:LONGEST_TEXT],
            f" exception={entry.exception[:LONGEST_TEXT]!r}" if entry.exception else "",
        )
    return Result()


def _severity(level: str) -> int:
    if level.lower() not in LEVELS:
        raise GatewayError(Code.BAD_VALUE, f"a level is one of {', '.join(LEVELS)}, not {level[:20]!r}")
    return LEVELS[level.lower()]


class KeptLog:
    """What each operation answers is said in the model."""

    def __init__(self, ledger: Ledger, now: Callable[[], float]) -> None:
        self._ledger = ledger
        self._now = now
        self._trimmed = Trimmed(ledger, LOG, now, lasts=LASTS, most=MOST_KEPT)

    async def write(self, op: WriteLog, caller: Caller) -> Result:
        await write_log(op, caller)
        now = Date.from_ms(int(self._now() * 1000))
        objects = tuple(NewObject(_changes(entry, caller, now)) for entry in op.entries)
        if objects:
            await self._ledger.execute(CreateMany(class_name=LOG, objects=objects))
            await self._trimmed.added(len(objects))
        return Result()

    async def read(self, op: ReadLog, caller: Caller) -> Result:
        """Raises GatewayError(BAD_VALUE, BAD_PAGE)."""
        if not 0 <= op.limit <= MOST_ENTRIES:
            raise GatewayError(Code.BAD_PAGE, f"0 to {MOST_ENTRIES} entries can be asked for at once")
        parts: list[Filter] = [
            Condition("app", Op.EQ, caller.app),
            Condition("severity", Op.GE, _severity(op.level)),
        ]
        parts += [Condition("at", Op.GE, op.since)] if op.since is not None else []
        parts += [Condition("at", Op.LE, op.until)] if op.until is not None else []
        falling = op.direction != "rising"
        order = (Sort("at", falling), Sort(CREATED_AT, falling))
        try:
            page = await self._ledger.execute(
                Find(class_name=LOG, limit=op.limit, where=And(tuple(parts)), order=order)
            )
        except GatewayError as error:
            if error.code is not Code.CLASS_NOT_FOUND:
                raise
            return Result(value=())
        return Result(
            value=tuple(
                LogEntry(row["message"], row["level"], row["logger"], row.get("exception"), row["at"])
                for row in page.objects or []
            )
        )


def _changes(entry: LogEntry, caller: Caller, now: Date) -> dict[str, Change]:
    changes: dict[str, Change] = {
        "app": Set(caller.app),
        "level": Set(entry.level.lower()),
        "severity": Set(_severity(entry.level)),
        "logger": Set(entry.logger[:LONGEST_LOGGER]),
        "message": Set(entry.message[:LONGEST_TEXT]),
        "at": Set(entry.at or now),
    }
    if entry.exception:
        changes["exception"] = Set(entry.exception[:LONGEST_TEXT])
    return changes
