from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.attacks.town import Town, town_of
from tests.conftest import Serving


@pytest.fixture
async def town(tmp_path: Path, serving: Serving) -> AsyncIterator[Town]:
    async with town_of(tmp_path, serving) as town:
        yield town
