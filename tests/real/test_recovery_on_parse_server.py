"""Mails of a real Parse Server behind the gateway: it sends them itself, and their links lead to its own pages.

The SDKs of Backendless have no suite of it; what their suite of users asks of links is in `gaps`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from tests.real.conftest import config
from tests.real.servers import DATABASES, ParseServer, parse_server
from tests.real.suites import NOT_ASKED, SDK, hold_to_the_gaps, name_of
from tests.sdk.conftest import Process

REACH = {
    "parse": {"app_id": "reach", "javascript_key": "reach-js", "master_key": "reach-master"},
    "leancloud": {"app_id": "reach", "app_key": "reach-key", "master_key": "reach-master"},
}
"""The suites that reach users have an app of their own."""

FILES = sorted(
    path.relative_to(SDK).as_posix() for path in SDK.glob("[!n]*/*.test.mjs") if name_of(path.name) in NOT_ASKED
)


@pytest.fixture(scope="module")
def mailing(database: str) -> Iterator[ParseServer]:
    """Another server, which verifies addresses: the other suites expect one that does not."""
    other = database.removesuffix(DATABASES[0]) + DATABASES[3]
    with parse_server(other, MAILS="1") as running:
        yield running


@pytest.fixture(scope="module")
def mailing_url(mailing: ParseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    told = config(mailing.url)
    told["apps"] = [{"name": "reach", "backend": "server", "clients": REACH}]
    path = tmp_path_factory.mktemp("mailing") / "config.yaml"
    path.write_text(yaml.safe_dump(told), encoding="utf-8")
    gateway = Process(path)
    try:
        yield gateway.wait_until_listening()
    finally:
        status = gateway.stop()
    assert status == 0, f"the gateway ended with status {status}:\n{gateway.output}"


@pytest.mark.parametrize("file", FILES)
def test_it_finds_what_it_expects_but_for_the_gaps(file: str, mailing: ParseServer, mailing_url: str) -> None:
    hold_to_the_gaps(file, mailing_url, mailing.inbox)
