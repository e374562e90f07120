"""The JavaScript SDK of Parse, with a real Parse Server behind the gateway."""

from __future__ import annotations

import pytest

from tests.real.servers import ParseServer
from tests.real.suites import asked, hold_to_the_gaps

pytestmark = pytest.mark.usefixtures("emptied")


@pytest.mark.parametrize("file", asked("parse"))
def test_it_finds_what_it_expects_but_for_the_gaps(file: str, server: ParseServer, gateway_url: str) -> None:
    server.define_code()
    hold_to_the_gaps(file, gateway_url, server.inbox)
