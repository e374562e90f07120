"""The world that every walk goes through."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.walk import world as worlds


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[worlds.World]:
    with worlds.world(tmp_path_factory.mktemp("walk")) as made:
        yield made
