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

from gateway.backends.columns import Columns
from gateway.errors import Code, GatewayError
from gateway.model.operation import Operation, Result
from gateway.model.schema import Kind, Type
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
    reads: Operation | None = None
    """What the request reads as, where the dialect says the operation in other words that mean the same."""
    tells: Result | None = None
    """What the answer tells, where that is more than the case's result, such as the whole object of a write."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as a result; `details` are for the sentences of the vendors."""

    code: Code
    message: str = "refused"
    details: tuple[tuple[str, str], ...] = ()

    def error(self) -> GatewayError:
        return GatewayError(self.code, self.message, **dict(self.details))


COLUMNS: Mapping[str, Columns] = {
    "Post": {
        **dict.fromkeys(("title", "body", "desc", "city"), Type(Kind.STRING)),
        **dict.fromkeys(("a", "b", "c", "n", "m", "age"), Type(Kind.NUMBER)),
        **dict.fromkeys(("meta", "obj"), Type(Kind.OBJECT)),
        **dict.fromkeys(("tags", "list"), Type(Kind.ARRAY)),
        "author": Type(Kind.POINTER, "Author"),
        "child": Type(Kind.POINTER, "Post"),
        "likes": Type(Kind.RELATION, "Author"),
        "at": Type(Kind.GEO_POINT),
        "area": Type(Kind.POLYGON),
        "f": Type(Kind.FILE),
        "on": Type(Kind.DATE),
    },
    "Author": {
        "name": Type(Kind.STRING),
        "age": Type(Kind.NUMBER),
        "born": Type(Kind.DATE),
        "boss": Type(Kind.POINTER, "Author"),
    },
    "Team": {"wins": Type(Kind.NUMBER), "city": Type(Kind.STRING), "home": Type(Kind.OBJECT)},
}
"""What the columns hold, where a case does not say otherwise: some dialects' values do not tell it."""


def columns_of_posts(**types: Type) -> Mapping[str, Columns]:
    """The same, but for these."""
    return {**COLUMNS, "Post": {**COLUMNS["Post"], **types}}


@dataclass(frozen=True, slots=True)
class Case:
    """A dialect that is not in `wire` can say only part of the values; it is not tested there."""

    title: str
    op: Operation
    result: Result | Failure
    wire: Mapping[str, Wire | Unsupported]
    columns: Mapping[str, Columns] = dataclasses.field(default_factory=lambda: COLUMNS)

    def answer(self, name: str | None = None) -> Result | GatewayError:
        """The result, as whoever executed the operation would hand it over: a new one each time, as it is used up.

        Of some dialect it is what its clients are told.
        """
        wire = None if name is None else self.wire[name]
        told = wire.tells if isinstance(wire, Wire) and wire.tells is not None else self.result
        return told.error() if isinstance(told, Failure) else complete(self.op, _copied(told))

    def __str__(self) -> str:
        return self.title


def without(name: str, *cases: Case) -> tuple[Case, ...]:
    """These, with UNSUPPORTED for a dialect wherever it has no column."""
    return tuple(dataclasses.replace(case, wire={name: UNSUPPORTED, **case.wire}) for case in cases)


def _copied(result: Result) -> Result:
    if result.items is None:
        return deepcopy(result)
    items = [_copied(item) if isinstance(item, Result) else item for item in result.items]
    return dataclasses.replace(result, items=items)


BASES = {
    "parse": "http://gateway.example/parse",
    "leancloud": "http://gateway.example/1.1",
    "backendless": "http://gateway.example/APP/KEY",
}
"""The address of each dialect's mount, as its clients see it."""


def every_case() -> Iterator[Case]:
    from tests.cases import (  # noqa: PLC0415
        accounts,
        administration,
        batches,
        code,
        errors,
        exports,
        files,
        geo,
        geo_points,
        leaderboards,
        messaging,
        objects,
        push,
        queries,
        recovery,
        scan_time,
        schemas,
        searches,
        services,
        social,
        tables,
        updates,
        values,
    )

    themes: Iterable[tuple[Case, ...]] = (
        objects.CASES,
        values.CASES,
        updates.CASES,
        queries.CASES,
        geo.CASES,
        batches.CASES,
        scan_time.CASES,
        searches.CASES,
        accounts.CASES,
        recovery.CASES,
        schemas.CASES,
        errors.CASES,
        exports.CASES,
        tables.CASES,
        services.CASES,
        administration.CASES,
        messaging.CASES,
        code.CASES,
        geo_points.CASES,
        leaderboards.CASES,
        push.CASES,
        files.CASES,
        social.CASES,
    )
    for theme in themes:
        yield from theme
