"""The official JavaScript SDKs, through the gateway, with a real Parse Server behind: `gaps` has what is otherwise."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.real.gaps import LEANCLOUD, PARSE, SOMETIMES
from tests.real.servers import missing

SDK = Path(__file__).parent.parent / "sdk"
SECONDS = 110
FILE_MILLISECONDS = 80_000
NOT_ASKED = {"recovery"}

FILES = [
    *(f"parse/{path.name}" for path in sorted((SDK / "parse").glob("*.test.mjs"))),
    *(f"leancloud/{name}.test.mjs" for name in LEANCLOUD),
]
NAME = re.compile(r"^\s*not ok \d+ - (.*)$", re.MULTILINE)


def name_of(file: str) -> str:
    return Path(file).name.removesuffix(".test.mjs")


@pytest.mark.parametrize("file", [file for file in FILES if name_of(file) not in NOT_ASKED])
def test_an_sdk_finds_what_it_expects_but_for_the_gaps(file: str, gateway_url: str) -> None:
    node = shutil.which("node")
    if node is None or not (SDK / "node_modules").is_dir():
        missing(f"the JavaScript SDKs are not installed: npm ci --prefix {SDK}")
    done = subprocess.run(
        [node, "--test", f"--test-timeout={FILE_MILLISECONDS}", "--test-reporter=tap", file],
        cwd=SDK,
        env=os.environ | {"GATEWAY_URL": gateway_url},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    gaps: Mapping[str, Mapping[str, str]] = PARSE if file.startswith("parse/") else LEANCLOUD
    failed = {name.strip().replace("\\#", "#") for name in NAME.findall(done.stdout)} - {file}
    by_chance = set(SOMETIMES.get(name_of(file), ()))
    assert "\n# pass " in done.stdout, done.stdout + done.stderr
    assert failed - by_chance == set(gaps.get(name_of(file), ())), done.stdout
