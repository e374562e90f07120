"""The list of endpoints, and how a walk of it holds each of them to what it must answer."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

LIST = Path(__file__).parent.parent / "spec" / "endpoints.tsv"
IN_HOLES: Mapping[str, str] = {"triggerName": "beforeSave"}
_HOLE = re.compile(r"\{([^}]*)\}")


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

    @property
    def below(self) -> str:
        """The path below the mount."""
        return "/" + self.path.split("/", self.path.count("/{app-id}/") + 2)[-1]

    @property
    def asked(self) -> str:
        """The same with something in each hole."""
        return _HOLE.sub(lambda hole: IN_HOLES.get(hole[1], "x"), self.below)

    def is_of(self, asked: str) -> bool:
        """Whether a request, such as `GET /classes/Post`, is one of this endpoint."""
        literals = _HOLE.split(self.below)[::2]
        path = "[^/?]+".join(map(re.escape, literals)) if "{path}" not in self.below else ".+".join(literals)
        return re.fullmatch(f"{self.method} (/1(\\.1)?)?{path}", asked) is not None


def rows(dialect: str) -> tuple[Row, ...]:
    return tuple(row for row in _every_row() if row.dialect == dialect)


def _every_row() -> Iterator[Row]:
    with LIST.open(encoding="utf-8", newline="") as lines:
        for line in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            yield Row(line["dialect"], line["method"], line["path"], line["functionality"])
