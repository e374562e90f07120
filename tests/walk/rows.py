"""The list of endpoints, and how a walk of it holds each of them to what it must answer."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LIST = Path(__file__).parent.parent / "spec" / "endpoints.tsv"


@dataclass(frozen=True, slots=True)
class Row:
    """One endpoint, as the document named in the list has it."""

    dialect: str
    method: str
    path: str
    functionality: str

    @property
    def key(self) -> str:
        return f"{self.method} {self.path}"


def rows(dialect: str) -> tuple[Row, ...]:
    return tuple(row for row in _every_row() if row.dialect == dialect)


def _every_row() -> Iterator[Row]:
    with LIST.open(encoding="utf-8", newline="") as lines:
        for line in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            yield Row(line["dialect"], line["method"], line["path"], line["functionality"])
