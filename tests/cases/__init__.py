"""The table of truth: an operation, its result, and how each dialect says both. One module a theme.

A dialect is a column, by the name of its mapping: a `Wire`, or `UNSUPPORTED` where it has no words. `test_cases.py`
reads and writes every cell; `test_pairs.py` sends every case through every pair of dialects.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from enum import Enum

from gateway.errors import Code, GatewayError
from gateway.model.operation import Operation, Result
from gateway.pipeline import complete
from gateway.wire import HttpRequest, HttpResponse


class Unsupported(Enum):
    """A dialect that has no words for an operation refuses it with Code.UNSUPPORTED, and says nothing else instead."""

    UNSUPPORTED = "unsupported"


UNSUPPORTED = Unsupported.UNSUPPORTED


@dataclass(frozen=True, slots=True)
class Wire:
    """One dialect's form: the request as we write it, other spellings that read as the same, and the answer."""

    request: HttpRequest
    response: HttpResponse
    reads_also: tuple[HttpRequest, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as a result; `details` are for the sentences of the vendors."""

    code: Code
    message: str = "refused"
    details: tuple[tuple[str, str], ...] = ()

    def error(self) -> GatewayError:
        return GatewayError(self.code, self.message, **dict(self.details))


@dataclass(frozen=True, slots=True)
class Case:
    """A dialect that is not in `wire` can say only part of the values; it is not tested there."""

    title: str
    op: Operation
    result: Result | Failure
    wire: Mapping[str, Wire | Unsupported]

    def answer(self) -> Result | GatewayError:
        """The result, as whoever executed the operation would hand it over: a new one each time, as it is used up."""
        if isinstance(self.result, Failure):
            return self.result.error()
        return complete(self.op, _copied(self.result))

    def __str__(self) -> str:
        return self.title


def _copied(result: Result) -> Result:
    if result.items is None:
        return deepcopy(result)
    items = [_copied(item) if isinstance(item, Result) else item for item in result.items]
    return dataclasses.replace(result, items=items)


BASES = {"parse": "http://gateway.example/parse", "leancloud": "http://gateway.example/1.1"}
"""The address of each dialect's mount, as its clients see it."""


def every_case() -> Iterator[Case]:
    from tests.cases import accounts, batches, errors, geo, objects, queries, scan_time, updates, values  # noqa: PLC0415

    themes: Iterable[tuple[Case, ...]] = (
        objects.CASES,
        values.CASES,
        updates.CASES,
        queries.CASES,
        geo.CASES,
        batches.CASES,
        scan_time.CASES,
        accounts.CASES,
        errors.CASES,
    )
    for theme in themes:
        yield from theme
