"""The official JavaScript SDKs of Parse, LeanCloud and Backendless: each file of tests is an item, run by node."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

HERE = Path(__file__).parent
# file -> why it fails; strict, so that what mends it takes it out of here
GAPS: dict[str, str] = {}
FILES = [
    pytest.param(file, marks=pytest.mark.xfail(reason=GAPS[file])) if file in GAPS else file
    for file in sorted(path.relative_to(HERE).as_posix() for path in HERE.glob("[!n]*/*.test.mjs"))
]
SECONDS = 240
FILE_MILLISECONDS = 200_000  # node stops a file that hangs, and still tells what had passed


def missing(what: str) -> NoReturn:
    """Skips on a developer's machine; in CI everything must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def node() -> str:
    command = shutil.which("node")
    if command is None:
        missing("the JavaScript SDKs need node 20 or newer: https://nodejs.org")
    if not (HERE / "node_modules").is_dir():
        missing(f"the JavaScript SDKs are not installed: npm ci --prefix {HERE}")
    return command


@pytest.mark.parametrize("file", FILES)
def test_javascript(file: str, node: str, gateway_url: str, inbox_url: str) -> None:
    done = subprocess.run(
        [node, "--test", f"--test-timeout={FILE_MILLISECONDS}", "--test-reporter=spec", file],
        cwd=HERE,
        env=os.environ | {"GATEWAY_URL": gateway_url, "INBOX_URL": inbox_url},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{file}\n{done.stdout}{done.stderr}"
