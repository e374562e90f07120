"""What one dialect says and another cannot, counted in the table of truth: `python -m tests.cases`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator

from tests.cases import BASES, UNSUPPORTED, Case, Wire, every_case

GROUPED_BY = ": "
"""What stands before it in a title is what a case is about; a query by a condition alone has no such word."""


def about(case: Case) -> str:
    word, found, _ = case.title.partition(GROUPED_BY)
    return word if found else type(case.op).__name__


def written() -> Iterator[str]:
    cases = tuple(every_case())
    yield f"{len(cases)} cases."
    yield ""
    yield "| | said | in other words | not there | not asked |"
    yield "|---|---|---|---|---|"
    for name in BASES:
        cells = [case.wire.get(name) for case in cases]
        wires = [cell for cell in cells if isinstance(cell, Wire)]
        otherwise = sum(wire.reads is not None for wire in wires)
        counts = (len(wires) - otherwise, otherwise, cells.count(UNSUPPORTED), cells.count(None))
        yield f"| {name} | {' | '.join(map(str, counts))} |"
    for name in BASES:
        refused = Counter(about(case) for case in cases if case.wire.get(name) is UNSUPPORTED)
        yield ""
        yield f"Not there in {name}: " + ", ".join(f"{word} ({count})" for word, count in sorted(refused.items())) + "."


if __name__ == "__main__":
    sys.stdout.write("\n".join(written()) + "\n")
