"""Who may know of whom. A new arrow is somebody's decision, and is made here."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from gateway.dialects.dialect import Dialect

ROOT = Path(__file__).parent.parent / "gateway"
FILES = sorted(ROOT.rglob("*.py"))

ANYTHING = {path.relative_to(ROOT).parts[0].removesuffix(".py") for path in FILES}

MAY_IMPORT: Mapping[str, set[str]] = {
    "__init__": set(),
    "errors": set(),
    "wire": {"errors"},
    "yaml_text": set(),
    "model": {"errors"},
    "mapping": {"model", "errors", "yaml_text"},
    "dialects": {"mapping", "model", "wire", "errors"},
    "store": {"model", "errors"},  # no dialect, no HTTP: it cannot know who asked
    "adapters": {"dialects", "model", "errors", "__init__"},
    "backends": {"adapters", "dialects", "store", "model", "wire", "errors"},
    "authorise": {"backends", "dialects", "mapping", "model", "errors"},
    "pages": {"authorise", "model", "errors"},
    "pipeline": {"authorise", "dialects", "mapping", "model", "wire", "errors"},
    "contents": {"model", "errors"},
    "server": {"contents", "model", "pages", "pipeline", "wire", "errors", "__init__"},
    "settings": {"errors", "yaml_text"},
    "own_code": {"adapters", "dialects", "model", "settings"},
    "workers": set(),
    "capabilities": {"backends", "dialects", "mapping", "model"},
    "app": ANYTHING - {"cli", "demo", "import_users"},
    "demo": {"app"},
    "import_users": {"app", "backends", "dialects", "model", "errors", "settings"},
    "cli": ANYTHING,
    "__main__": {"cli"},
}

ONLY_IN: Mapping[str, set[str]] = {
    "aiohttp": {
        "adapters/fcm.py",
        "adapters/fetch.py",
        "adapters/storage_s3.py",
        "adapters/webhook.py",
        "adapters/webpush.py",
        "app.py",
        "backends/remote.py",
        "contents.py",
        "demo.py",
        "server.py",
    },  # the edges
    "yarl": {"adapters/fetch.py", "backends/remote.py"},
    "aiobotocore": {"adapters/storage_s3.py"},
    "botocore": {"adapters/storage_s3.py"},
    "aiosmtplib": {"adapters/mail.py"},
    "multidict": {"server.py", "contents.py"},
    "apsw": {"store/sqlite.py"},
    "typer": {"cli.py"},
    "rich": {"cli.py", "demo.py"},
    "uvloop": {"cli.py"},
    "cryptography": {"adapters/webpush.py", "backends/seal.py"},
    "httpx": {"adapters/apns.py"},
    "http_ece": {"adapters/webpush.py"},
    "jwt": {"adapters/apns.py", "adapters/fcm.py", "adapters/webpush.py"},
    "yaml": {"yaml_text.py", "settings.py", "mapping/schema.py"},
    "pydantic": {"settings.py", "mapping/schema.py", "mapping/compile.py"},
    "pydantic_core": {"settings.py"},
}
"""A package that one day is replaced by another should be in few places."""


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            assert node.module is not None
            # `from gateway import server` and `from gateway import __version__` are told apart by the files
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def parts_of_ours(path: Path) -> Iterator[str]:
    for name in imports(path):
        package, _, rest = name.partition(".")
        if package == "gateway":
            part = rest.split(".")[0]
            yield part if part in ANYTHING else "__init__"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    part = path.relative_to(ROOT).parts[0].removesuffix(".py")
    for name in parts_of_ours(path):
        assert name == part or name in MAY_IMPORT[part], f"{path.relative_to(ROOT)} must not import gateway.{name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_packages_are_known_in_few_places(path: Path) -> None:
    here = path.relative_to(ROOT).as_posix()
    for name in imports(path):
        package = name.split(".")[0]
        assert here in ONLY_IN.get(package, {here}), f"{here} must not import {package}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_code_knows_a_dialect_by_its_name(path: Path, dialects: Mapping[str, Dialect]) -> None:
    if path.name == "demo.py":
        return  # a client of ours, which speaks two of them
    names = {name.lower() for dialect in dialects.values() for name in (dialect.name, dialect.title)}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert node.value.lower() not in names, f"{path.relative_to(ROOT)}:{node.lineno} names a dialect"


def test_every_arrow_of_the_table_is_there_for_somebody() -> None:
    used: dict[str, set[str]] = {part: set() for part in MAY_IMPORT}
    for path in FILES:
        used[path.relative_to(ROOT).parts[0].removesuffix(".py")] |= set(parts_of_ours(path))
    open_to_all = {"app", "cli", "backends"}  # backends: dialects and wire are for remote ones
    unused = {part: MAY_IMPORT[part] - names for part, names in used.items() if part not in open_to_all}
    assert {part: names for part, names in unused.items() if names} == {}
