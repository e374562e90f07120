"""The JavaScript SDKs of Backendless, with a real Parse Server behind the gateway."""

from __future__ import annotations

import pytest

from tests.real.suites import asked, hold_to_the_gaps


@pytest.mark.parametrize("file", asked("backendless"))
def test_it_finds_what_it_expects_but_for_the_gaps(file: str, tables_url: str, inbox_url: str) -> None:
    hold_to_the_gaps(file, tables_url, inbox_url)
