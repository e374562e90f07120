"""Exports: all that an application has, or a part of it, written to one archive that its owner fetches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.model.operation import Operation
from gateway.model.values import Date


class ExportState(StrEnum):
    RUNNING = "running"  # or waiting for its turn
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportData(Operation):
    """Begins to write objects that were changed from `since` to `until` to an archive.

    `classes` are those that are wanted; None is all. With `only_columns` no object is. Where it ends goes to `email`.
    `form` names the form of the archive (`dialects.archive`).

    Answers `Result.value`, a mapping: `id`, `status` (an `ExportState`) and `app_id`. CLASS_NOT_FOUND for a class
    that is not there, NOT_CONFIGURED for an address without a mail server, RATE_LIMITED where too many are waiting.
    """

    form: str
    since: Date | None = None
    until: Date | None = None
    classes: tuple[str, ...] | None = None
    only_columns: bool = False
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetExport(Operation):
    """The same of one that was begun, with the `file` (a `values.File`) once it is done.

    OBJECT_NOT_FOUND where there is none, or its archive is gone again.
    """

    id: str


EXPORT_OPERATIONS: Final[Mapping[str, type[Operation]]] = {"export_data": ExportData, "get_export": GetExport}
