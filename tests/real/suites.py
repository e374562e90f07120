"""Runs the suites of the official JavaScript SDKs, with a real Parse Server behind: `gaps` has what is otherwise."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.real.gaps import BACKENDLESS, ITSELF, LEANCLOUD, PARSE, PARTS, SOMETIMES
from tests.real.servers import missing

SDK = Path(__file__).parent.parent / "sdk"
SECONDS = 240
FILE_MILLISECONDS = 200_000
NOT_ASKED = {"recovery"}
"""What needs a server that sends mails, and is asked of one: test_recovery_on_parse_server."""

INBOX: Mapping[str, Mapping[str, str]] = {"backendless": {"INBOX_SECONDS": "10"}}
"""How long an SDK's suites look for what they sent: two of these look for what is a gap, and never comes."""

GAPS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "parse": PARSE,
    "leancloud": LEANCLOUD,
    "backendless": BACKENDLESS,
}
NAME = re.compile(r"^\s*not ok \d+ - (.*)$", re.MULTILINE)


def name_of(file: str) -> str:
    return Path(file).name.removesuffix(".test.mjs")


def asked(dialect: str) -> list[str]:
    """The suites of an SDK."""
    names = (path.name for path in sorted((SDK / dialect).glob("*.test.mjs")))
    return [f"{dialect}/{name}" for name in names if name_of(name) not in NOT_ASKED]


def hold_to_the_gaps(
    file: str, url: str, inbox: str, gaps: Mapping[str, Mapping[str, Mapping[str, str]]] = GAPS
) -> None:
    """The SDK finds what it expects at `url`, but for the gaps; pushes arrive at `inbox`."""
    gaps_here = gaps[Path(file).parent.name].get(name_of(file), {})
    by_chance = set(SOMETIMES.get(name_of(file), ()))
    by_chance |= {name for name, reason in gaps_here.items() if reason in (ITSELF, PARTS)}
    expected = gaps_here.keys() - by_chance
    failed, told = failures(file, url, inbox)
    if failed - by_chance > expected and ITSELF in gaps_here.values():
        again, told = failures(file, url, inbox)
        failed &= again
    assert failed - by_chance == expected, told


def failures(file: str, url: str, inbox: str) -> tuple[set[str], str]:
    """The tests of a suite that fail, and what the suite says."""
    node = shutil.which("node")
    if node is None or not (SDK / "node_modules").is_dir():
        missing(f"the JavaScript SDKs are not installed: npm ci --prefix {SDK}")
    done = subprocess.run(
        [node, "--test", f"--test-timeout={FILE_MILLISECONDS}", "--test-reporter=tap", file],
        cwd=SDK,
        env=os.environ | {"GATEWAY_URL": url, "INBOX_URL": inbox, **INBOX.get(Path(file).parent.name, {})},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    assert "\n# pass " in done.stdout, done.stdout + done.stderr
    print(file, *re.findall(r"^# ((?:tests|pass) \d+)$", done.stdout, re.MULTILINE))  # pytest -rP shows it
    return {name.strip().replace("\\#", "#") for name in NAME.findall(done.stdout)} - {file}, done.stdout
