"""`python -m benchmarks`: every table, or with --quick a short look at each."""

from __future__ import annotations

import argparse
import platform
import sys

from rich.console import Console
from rich.table import Table

from benchmarks import serving, translate, triggers


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="shorter rounds and fewer objects: a look, no figures to quote"
    )
    parser.add_argument("--only", choices=("translate", "serving"), help="one part of it")
    asked = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(f"CPython {platform.python_version()}, {platform.machine()}; ratios are of one run, side by side")
    if asked.only != "serving":
        console.print(_translations(0.2 if asked.quick else 1.0))
    if asked.only != "translate":
        rows, memory = serving.measure(5_000 if asked.quick else 100_000, 0.5 if asked.quick else 3.0)
        console.print(_serving(rows))
        console.print(f"resident memory: {memory.idle_mb:.0f} MB idle, {memory.after_mb:.0f} MB after all of it")
        if failures := sum(row.load.failures for row in rows):
            sys.exit(f"{failures} requests failed")


def _translations(seconds: float) -> Table:
    table = Table(title="translating (CPU time)", title_justify="left")
    table.add_column("what")
    for heading in ("µs", "JSON alone, µs", "ratio"):
        table.add_column(heading, justify="right")
    for timing in (*translate.measure(seconds), *triggers.measure(seconds)):
        alone = f"{timing.json_microseconds:.1f}" if timing.json_microseconds else ""
        ratio = f"{timing.ratio:.2f}" if timing.ratio else ""
        table.add_row(timing.title, f"{timing.microseconds:.1f}", alone, ratio)
    return table


def _serving(rows: list[serving.Row]) -> Table:
    table = Table(
        title="embedded store over HTTP, one worker, durable writes (requests per second)", title_justify="left"
    )
    table.add_column("what")
    for heading in ("connections", "requests/s", "median ms", "99 % ms", "Parse Server, for orientation"):
        table.add_column(heading, justify="right")
    for row in rows:
        load = row.load
        orientation = f"{row.orientation:,}" if row.orientation and row.connections > 1 else ""
        figures = (f"{load.requests_per_second:,.0f}", f"{load.median_ms:.2f}", f"{load.slowest_percent_ms:.2f}")
        table.add_row(row.title, str(row.connections), *figures, orientation)
    return table


if __name__ == "__main__":
    main()
