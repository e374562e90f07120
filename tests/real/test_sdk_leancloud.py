"""The JavaScript SDK of LeanCloud, with a real Parse Server behind the gateway."""

from __future__ import annotations

import pytest

from tests.real.servers import ParseServer
from tests.real.suites import asked, hold_to_the_gaps

pytestmark = pytest.mark.usefixtures("emptied")

KEPT = "leancloud/leaderboard.test.mjs"
"""What Parse Server has no idea of, and is kept beside it."""


@pytest.mark.parametrize("file", [file for file in asked("leancloud") if file != KEPT])
def test_it_finds_what_it_expects_but_for_the_gaps(file: str, server: ParseServer, gateway_url: str) -> None:
    server.define_code()
    hold_to_the_gaps(file, gateway_url, server.inbox)


def test_leaderboards_are_kept_beside_it(server: ParseServer, tables_url: str) -> None:
    hold_to_the_gaps(KEPT, tables_url, server.inbox)
