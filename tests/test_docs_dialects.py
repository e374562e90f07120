"""docs/dialects.md: every curl and every line of JavaScript in it is run, and it shows what came of it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docs_dialects import SET_UP, page, prints, program
from tests.process import serving
from tests.sdk.test_javascript import missing

ROOT = Path(__file__).parent.parent
PACKAGES = ROOT / "tests" / "sdk"


def test_the_page_shows_what_its_curls_are_answered(tmp_path: Path) -> None:
    """To renew it: `make docs`."""
    with serving(tmp_path) as gateway:
        assert (ROOT / "docs" / "dialects.md").read_text(encoding="utf-8") == page(gateway.address)


def test_its_javascript_does_what_it_says(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not (PACKAGES / "node_modules").is_dir():
        missing("the JavaScript of the page needs node 20 or newer, and the packages of tests/sdk")
    with serving(tmp_path) as gateway:
        for dialect in SET_UP:
            done = subprocess.run(
                [node, "--input-type=module", "-"],
                cwd=PACKAGES,  # where the packages are looked for
                input=program(dialect, gateway.address),
                capture_output=True,
                text=True,
                encoding="utf-8",
                timeout=120,
                check=False,
            )
            assert (done.returncode, done.stdout.splitlines()) == (0, prints(dialect)), (dialect, done.stderr)


@pytest.mark.parametrize("dialect", SET_UP)
def test_every_line_is_short_enough_to_read(dialect: str) -> None:
    assert max(map(len, program(dialect, "").splitlines())) <= 120
