"""The documents say what is so."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from gateway.app import mappings_directory
from gateway.capabilities import written_as_markdown

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def test_what_works_on_what_is_what_the_tables_say() -> None:
    """To renew it: `make docs`."""
    shown = README.partition("<!-- capabilities -->\n")[2].partition("<!-- /capabilities -->")[0]
    assert shown.strip() == written_as_markdown(mappings_directory()).strip()


def test_every_file_that_is_named_is_there() -> None:
    for document in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / document).read_text(encoding="utf-8")
        for name in re.findall(r"`((?:gateway|mappings|tests)/[\w./]+|[\w.]+\.(?:yaml|md|toml|txt))`", text):
            assert (ROOT / name).exists() or name in ("compile.py", "config.yaml"), f"{document} names {name}"


def test_every_make_target_that_is_named_is_there() -> None:
    written, _, generated = README.partition("<!-- capabilities -->")
    written += generated.partition("<!-- /capabilities -->")[2]
    named = set(re.findall(r"make ([a-z]+)\b", written + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")))
    assert named <= set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))


def test_every_dependency_has_the_version_that_was_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    pinned = set(re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE))
    names = {re.split(r"[<>=; ]", requirement)[0].lower() for requirement in wanted}
    assert names <= {name.lower() for name in pinned}
