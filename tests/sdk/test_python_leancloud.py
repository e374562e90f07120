"""The official Python SDK of LeanCloud: `leancloud_python/suite.py` is one item here.

It runs in a process of its own, because the SDK keeps its settings in globals, its connections open, and has warnings
that would be errors here.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SUITE = HERE / "leancloud_python" / "suite.py"
SECONDS = 240


def test_python_leancloud(gateway_url: str) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-o",
            "addopts=",
            "-o",
            "filterwarnings=default",
            "-W",
            "ignore",
            str(SUITE),
        ],
        cwd=HERE,
        env=os.environ | {"LC_API_SERVER": gateway_url},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
