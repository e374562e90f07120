"""What apps ask of a backend besides objects and users: counters, a cache, a log, and code of the app's own.

Names of counters and keys of the cache are text of the client's. What an operation answers is `Result.value`, where no
other part of a result is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.model.operation import Operation
from gateway.model.values import Date

# counters: whole numbers, which are 0 until they are first changed


@dataclass(frozen=True, slots=True, kw_only=True)
class GetCounter(Operation):
    """What a counter stands at."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddToCounter(Operation):
    """Adds to a counter. Answers what it stands at then or, with `before`, what it stood at."""

    name: str
    by: int = 1
    before: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareAndSetCounter(Operation):
    """Sets a counter if it stands at `expected`. Answers whether it did."""

    name: str
    expected: int
    updated: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetCounter(Operation):
    """Sets a counter to 0."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListCounters(Operation):
    """The names of the counters that were ever changed and fit the pattern, in order; `*` is any text in it."""

    pattern: str = "*"


# a cache: JSON values by key, each for as long as it is asked to


@dataclass(frozen=True, slots=True, kw_only=True)
class PutInCache(Operation):
    """Keeps a value for `seconds`, or until it is removed."""

    key: str
    value: Any = None
    seconds: int | float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetFromCache(Operation):
    """The value, or None where there is none any more."""

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HasInCache(Operation):
    """Whether there is a value; None is one."""

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveFromCache(Operation):
    """Forgets a value; there need not be one."""

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireInCache(Operation):
    """Says anew how long a value is kept: for `seconds` from now, or until `at`. There need not be one."""

    key: str
    seconds: int | float | None = None
    at: Date | None = None


# a log


@dataclass(frozen=True, slots=True)
class LogEntry:
    """`level` is one of trace, debug, info, warn, error and fatal."""

    message: str
    level: str = "info"
    logger: str = ""
    exception: str | None = None
    at: Date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteLog(Operation):
    """Puts what a client has to say into the gateway's own log."""

    entries: tuple[LogEntry, ...]


# code of the app's own


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFunction(Operation):
    """Runs a function of the app's, by its name. Answers what it returns, or `model.trigger.UNDEFINED`.

    With `with_objects` arguments and answer may have whole objects, which the function gets as such.
    """

    name: str
    arguments: Any = None
    with_objects: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CallService(Operation):
    """Runs a method of a service of the app's: a function called `service.method`."""

    service: str
    method: str
    arguments: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchEvent(Operation):
    """Tells the app's handler of an event, by its name. Answers what it returns."""

    name: str
    arguments: Any = None


SERVICE_OPERATIONS: Mapping[str, type[Operation]] = {
    "get_counter": GetCounter,
    "add_to_counter": AddToCounter,
    "compare_and_set_counter": CompareAndSetCounter,
    "reset_counter": ResetCounter,
    "list_counters": ListCounters,
    "put_in_cache": PutInCache,
    "get_from_cache": GetFromCache,
    "has_in_cache": HasInCache,
    "remove_from_cache": RemoveFromCache,
    "expire_in_cache": ExpireInCache,
    "write_log": WriteLog,
    "call_function": CallFunction,
    "call_service": CallService,
    "dispatch_event": DispatchEvent,
}
