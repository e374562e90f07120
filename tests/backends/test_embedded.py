"""The embedded backend: where its file is, and that it is one."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.backends.embedded import Embedded, path_of
from gateway.backends.ledger import ObjectStore
from gateway.errors import SettingsError, StartupError
from gateway.model.operation import Caller, Create, Get
from gateway.model.update import Set

CALLER = Caller("test")

PATHS = {
    "sqlite:///data/blog.db": Path("data/blog.db"),
    "sqlite:///blog.db": Path("blog.db"),
    "sqlite:////var/lib/blog.db": Path("/var/lib/blog.db"),
    "sqlite:///my%20data/blog.db": Path("my data/blog.db"),
}

NO_PATHS = [
    "",
    "data/blog.db",
    "sqlite:",
    "sqlite://",
    "sqlite:///",
    "sqlite:///data/",
    "sqlite://data/blog.db",
    "sqlite:///a.db?mode=ro",
    "sqlite:///a.db#b",
    "postgres://host/blog",
]


@pytest.mark.parametrize("url", PATHS)
def test_the_path_of_an_address(url: str) -> None:
    assert path_of(url) == PATHS[url]


@pytest.mark.parametrize("url", NO_PATHS)
def test_what_is_no_address_of_a_store(url: str) -> None:
    with pytest.raises(SettingsError, match=r"sqlite:///data/blog\.db would be one"):
        path_of(url)


async def test_objects_outlive_the_backend(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new/folder/blog.db"
    backend: ObjectStore = await Embedded.open(url, secret=b"secret")
    made = await backend.execute(Create(class_name="Post", changes={"n": Set(1)}), CALLER)
    await backend.close()
    backend = await Embedded.open(url, secret=b"secret", readers=1)
    found = await backend.execute(Get(class_name="Post", id=made.id or "", select=("n",)), CALLER)
    await backend.close()
    system = {"@id": made.id, "@created_at": made.created_at, "@updated_at": made.updated_at, "@owner": None}
    assert found.object == {**system, "n": 1}


async def test_a_relative_path_is_below_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    await (await Embedded.open("sqlite:///data/blog.db", secret=b"secret")).close()
    assert (tmp_path / "data" / "blog.db").is_file()


async def test_a_folder_that_cannot_be_made_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartupError, match=r"/file: the folder cannot be made: (File exists|Not a directory)"):
        await Embedded.open(f"sqlite:///{tmp_path}/file/blog.db", secret=b"secret")
