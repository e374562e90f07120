"""The dialects, compiled once for all tests of a process: for each of them it would take longer than the test."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from gateway.app import mappings_directory
from gateway.dialects.dialect import Dialect, load_dialects


@cache
def dialects() -> Mapping[str, Dialect]:
    return load_dialects(mappings_directory())
