"""Files as a tree, on a real store: listings, counts, moves, copies, deletions, and who may do them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.backends.embedded import Embedded
from gateway.backends.file_tree import FileTree
from gateway.backends.ledger import Ledger
from gateway.errors import Code, GatewayError
from gateway.model.files import (
    FILE,
    CountFiles,
    DeleteFile,
    FindFiles,
    HasFile,
    MakeDirectory,
    MoveFile,
    PermitFile,
    ReadFile,
    RenameFile,
    read_path,
)
from gateway.model.operation import Caller, Create, Delete, Operation, Result, Returning, Update
from gateway.model.update import Set
from gateway.model.values import ACL, ID, Fields

TOM = Caller(app="blog", user_id="tom")
ANN = Caller(app="blog", user_id="ann")
NOBODY = Caller(app="blog")
MASTER = Caller(app="blog", master=True)


class PlainShelf:
    """Files that have a path and nothing else."""

    def __init__(self, store: Embedded) -> None:
        self._store = store

    async def moving(self, fields: Fields, target: str) -> Sequence[Operation]:
        return (Update(class_name=FILE, id=fields[ID], changes={"key": Set(target)}, returning=Returning.NOTHING),)

    async def copying(self, fields: Fields, target: str, _caller: Caller) -> Sequence[Operation]:
        changes = {"key": Set(target), "size": Set(1)}
        return (Create(class_name=FILE, changes=changes, returning=Returning.NOTHING),)

    async def read(self, op: ReadFile, _caller: Caller) -> Result:
        return Result(content=op.path)

    def signed(self, _path: str, signature: str | None, _expires: int | None) -> bool:
        return signature == "ours"

    def admit(self, path: str, _mime_type: str, _caller: Caller) -> None:
        if path.endswith(".kept"):
            raise GatewayError(Code.FILE_REFUSED, "this ending is the master's")

    async def drop(self, fields: Fields, caller: Caller) -> None:
        await self._store.execute(Delete(class_name=FILE, ids=(fields[ID],)), caller)


class Tree:
    """What is asked here, by Tom where nothing else is said."""

    def __init__(self, store: Embedded) -> None:
        self.store = store
        self.tree = FileTree(store, PlainShelf(store))

    async def ask(self, op: Any, caller: Caller = TOM) -> Any:
        result = await self.tree.operations[type(op)](op, caller)
        return result.file.name if result.file is not None else result.value

    async def refusal(self, op: Any, caller: Caller = TOM) -> Code:
        with pytest.raises(GatewayError) as error:
            await self.ask(op, caller)
        return error.value.code

    async def keep(self, *paths: str, caller: Caller = TOM, acl: dict[str, Any] | None = None) -> None:
        for path in paths:
            await self.tree.make_room(path, caller)
            changes: dict[str, Any] = {"key": Set(path), "size": Set(len(path))}
            if acl is not None:
                changes[ACL] = Set(acl)
            await self.store.execute(Create(class_name=FILE, changes=changes, returning=Returning.NOTHING), caller)

    async def names(self, path: str, pattern: str | None = None, *, caller: Caller = TOM, **how: Any) -> list[str]:
        op = FindFiles(**{"path": path, "pattern": pattern, "limit": 100, **how})
        result = await self.tree.find(op, caller)
        return [entry["name"] for entry in result.value]

    async def paths(self, caller: Caller = TOM) -> list[str]:
        """All there is; a directory ends in a slash."""
        result = await self.tree.find(FindFiles(path="", limit=100, recursive=True), caller)
        return sorted(entry["path"] + ("" if entry["size"] else "/") for entry in result.value)


@pytest.fixture
async def tree(tmp_path: Path) -> AsyncIterator[Tree]:
    store = await Embedded.open(f"sqlite:///{tmp_path}/files.db", secret=b"s")
    yield Tree(store)
    await store.close()


LISTED = ("web/index.html", "web/users.html", "web/logo.png", "web/subdir/one-more.html")
"""The files of the vendor's own end-to-end suite, and below its answers."""


async def test_a_listing_has_directories_first_and_is_by_name(tree: Tree) -> None:
    await tree.keep(*LISTED)
    assert await tree.names("web") == ["subdir", "index.html", "logo.png", "users.html"]
    assert await tree.names("/web/") == ["subdir", "index.html", "logo.png", "users.html"]
    assert await tree.names("") == ["web"]
    assert await tree.names("web", "*.html") == ["index.html", "users.html"]
    assert sorted(await tree.names("web", "*.html", recursive=True)) == ["index.html", "one-more.html", "users.html"]
    everything = ["subdir", "index.html", "logo.png", "one-more.html", "users.html"]
    assert await tree.names("web", recursive=True) == everything
    assert await tree.names("web", "*", recursive=True) == everything


async def test_pages_go_over_directories_and_files_alike(tree: Tree) -> None:
    await tree.keep(*LISTED, "web/other/a.txt")
    whole = await tree.names("web", recursive=True)
    assert len(whole) == 7
    for size in range(1, 9):
        pages = [await tree.names("web", recursive=True, limit=size, skip=at) for at in range(0, 9, size)]
        assert [name for page in pages for name in page] == whole
    assert await tree.names("web", recursive=True, limit=3, skip=2) == whole[2:5]
    assert await tree.names("web", limit=0) == []


async def test_an_entry_has_a_size_times_and_the_file(tree: Tree) -> None:
    await tree.keep("web/sub/a.txt", "web/b.txt")
    directory, file = (await tree.tree.find(FindFiles(path="web", limit=10), TOM)).value
    assert (directory["name"], directory["path"], directory["size"]) == ("sub", "web/sub", 0)
    assert (file["name"], file["path"], file["size"], file["file"].name) == ("b.txt", "web/b.txt", 9, "web/b.txt")
    assert directory["created_at"].ms
    assert file["updated_at"].ms


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.html", ["index.html"]),
        ("index*", ["index.html"]),
        ("*ex*", ["index.html"]),
        ("i*x.h*l", ["index.html"]),
        ("index.html", ["index.html"]),
        ("html", []),
        ("INDEX.HTML", []),
        ("index?html", []),
        ("[i]ndex.html", []),
        (".*", []),
        ("(a)+$^|{2}.t\\w", ["(a)+$^|{2}.t\\w"]),
        ("sub/*", []),
    ],
)
async def test_a_star_is_the_only_letter_with_a_meaning(tree: Tree, pattern: str, found: list[str]) -> None:
    await tree.keep("d/index.html", "d/(a)+$^|{2}.t\\w", "d/sub/b")
    assert await tree.names("d", pattern) == found


async def test_what_is_named_alike_is_elsewhere(tree: Tree) -> None:
    await tree.keep("a/1", "a-b/2", "a0/3", "a.b/4", "a%/5", "a_/6", "A/7", "ab/8")
    assert await tree.names("a", recursive=True) == ["1"]
    await tree.ask(DeleteFile(path="a"))
    assert [path for path in await tree.paths() if not path.endswith("/")] == [
        "A/7", "a%/5", "a-b/2", "a.b/4", "a0/3", "a_/6", "ab/8"
    ]  # fmt: skip


async def test_counts(tree: Tree) -> None:
    await tree.keep("c/index.html", "c/users.html", "c/logo.png", "c/sub-1/one.html", "c/sub-2/two.html")
    assert await tree.ask(CountFiles(path="c")) == 3
    assert await tree.ask(CountFiles(path="c", pattern="*")) == 3
    assert await tree.ask(CountFiles(path="c", directories=True)) == 5
    assert await tree.ask(CountFiles(path="c", pattern="*.html")) == 2
    assert await tree.ask(CountFiles(path="c", pattern="*.html", recursive=True)) == 4
    assert await tree.ask(CountFiles(path="c", pattern="*", recursive=True, directories=True)) == 7


async def test_what_is_there(tree: Tree) -> None:
    await tree.keep("exists/file", "exists/dir/file")
    await tree.ask(MakeDirectory(path="exists/empty"))
    for path in ("exists/file", "/exists/file", "exists/dir", "exists/empty", "exists", "", "/"):
        assert await tree.ask(HasFile(path=path)) is True
    for path in ("exists/fil", "exists/FILE", "exists/file/x", "other"):
        assert await tree.ask(HasFile(path=path)) is False


async def test_nothing_was_ever_kept(tree: Tree) -> None:
    assert await tree.names("") == []
    assert await tree.ask(CountFiles(path="", directories=True)) == 0
    assert await tree.refusal(FindFiles(path="a", limit=1)) is Code.FILE_NOT_FOUND
    assert await tree.refusal(CountFiles(path="a")) is Code.FILE_NOT_FOUND
    assert await tree.refusal(DeleteFile(path="a/b")) is Code.FILE_NOT_FOUND
    assert await tree.refusal(DeleteFile(path="")) is Code.FILE_NOT_FOUND
    for copy in (False, True):
        assert await tree.refusal(MoveFile(path="a", target="b", copy=copy)) is Code.FILE_NOT_FOUND
    assert await tree.refusal(RenameFile(path="a", name="b")) is Code.FILE_NOT_FOUND
    assert await tree.refusal(PermitFile(path="a", right="read", role="*")) is Code.FILE_NOT_FOUND


async def test_directories_are_made_with_those_above(tree: Tree) -> None:
    assert await tree.ask(MakeDirectory(path="/a/b/c/")) == "a/b/c"
    assert await tree.paths() == ["a/", "a/b/", "a/b/c/"]
    assert await tree.refusal(MakeDirectory(path="a/b")) is Code.FILE_EXISTS
    assert await tree.refusal(MakeDirectory(path="")) is Code.FILE_EXISTS
    await tree.keep("a/file")
    assert await tree.refusal(MakeDirectory(path="a/file")) is Code.FILE_EXISTS
    assert await tree.refusal(MakeDirectory(path="a/file/deeper")) is Code.FILE_EXISTS
    for path in ("a/b", "a/file/deeper"):
        with pytest.raises(GatewayError) as error:
            await tree.keep(path)
        assert error.value.code is Code.FILE_EXISTS


async def test_a_file_moves_is_copied_and_renamed(tree: Tree) -> None:
    await tree.keep("a/b.txt")
    assert await tree.ask(MoveFile(path="/a/b.txt", target="/c/d/e.txt")) == "c/d/e.txt"
    assert await tree.paths() == ["a/", "c/", "c/d/", "c/d/e.txt"]
    assert await tree.ask(MoveFile(path="c/d/e.txt", target="f.txt", copy=True)) == "f.txt"
    assert await tree.ask(RenameFile(path="c/d/e.txt", name="g.txt")) == "c/d/g.txt"
    assert await tree.ask(RenameFile(path="f.txt", name="h.txt")) == "h.txt"
    assert await tree.paths() == ["a/", "c/", "c/d/", "c/d/g.txt", "h.txt"]
    # onto a directory it goes into it
    assert await tree.ask(MoveFile(path="h.txt", target="a")) == "a/h.txt"
    assert await tree.ask(MoveFile(path="a/h.txt", target="/")) == "h.txt"
    # what nobody may upload nobody makes of another
    assert await tree.refusal(RenameFile(path="h.txt", name="h.kept")) is Code.FILE_REFUSED
    assert await tree.refusal(MoveFile(path="h.txt", target="x/h.kept", copy=True)) is Code.FILE_REFUSED


@pytest.mark.parametrize("copy", [False, True])
async def test_a_directory_moves_with_all_that_is_in_it(tree: Tree, copy: bool) -> None:
    await tree.keep("a/x/1", "a/x/y/2", "a/x-y/3", "b/4")
    await tree.ask(MakeDirectory(path="a/x/empty"))
    assert await tree.ask(MoveFile(path="a/x", target="new/z", copy=copy)) == "new/z"
    moved = ["new/", "new/z/", "new/z/1", "new/z/empty/", "new/z/y/", "new/z/y/2"]
    left = ["a/", "a/x-y/", "a/x-y/3", "b/", "b/4"]
    there = ["a/x/", "a/x/1", "a/x/empty/", "a/x/y/", "a/x/y/2"] if copy else []
    assert await tree.paths() == sorted(moved + left + there)
    # a directory that is there is gone into
    assert await tree.ask(MoveFile(path="new/z", target="b", copy=copy)) == "b/z"
    assert await tree.names("b") == ["z", "4"]


async def test_a_path_that_is_taken_stays_as_it_is(tree: Tree) -> None:
    await tree.keep("a/1", "b/1", "c")
    before = await tree.paths()
    for op in (
        MoveFile(path="a/1", target="c"),
        MoveFile(path="a/1", target="b"),
        MoveFile(path="a/1", target="b/1", copy=True),
        MoveFile(path="a/1", target="c/deeper"),
        MoveFile(path="a", target="c"),
        RenameFile(path="a", name="b"),
        RenameFile(path="a", name="c"),
    ):
        assert await tree.refusal(op) is Code.FILE_EXISTS
    for target in ("a", "a/b", "a/1/2"):
        assert await tree.refusal(MoveFile(path="a", target=target)) in (Code.BAD_REQUEST, Code.FILE_EXISTS)
    for name in ("x/y", "/", "..", "a\\b"):
        assert await tree.refusal(RenameFile(path="a/1", name=name)) is Code.BAD_FILE_NAME
    assert await tree.refusal(MoveFile(path="", target="x")) is Code.BAD_REQUEST
    assert await tree.paths() == before


async def test_too_many_at_once_are_refused(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.backends.file_tree.MOST_MOVED", 3)
    await tree.keep("a/1", "a/2")
    assert await tree.ask(MoveFile(path="a", target="b")) == "b"
    await tree.keep("b/3")
    assert await tree.refusal(MoveFile(path="b", target="c")) is Code.TOO_LARGE
    assert await tree.ask(DeleteFile(path="b")) is None


async def test_deleting_tells_how_many_files(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.backends.file_tree.PAGE", 2)
    await tree.keep("a/1", "a/2", "a/b/3", "a/b/4", "a/b/5", "ab", "c")
    await tree.ask(MakeDirectory(path="a/empty/er"))
    assert (await tree.tree.delete(DeleteFile(path="c"), TOM)).total == 1
    assert (await tree.tree.delete(DeleteFile(path="a/empty"), TOM)).total == 0
    assert (await tree.tree.delete(DeleteFile(path="/a/"), TOM)).total == 5
    assert await tree.paths() == ["ab"]


# --- who may ---


async def test_what_one_may_not_read_is_not_there(tree: Tree) -> None:
    await tree.keep("a/own", acl={"tom": {"read": True, "write": True}})
    await tree.keep("a/shown", acl={"*": {"read": True}})
    await tree.keep("a/open")
    assert await tree.names("a") == ["open", "own", "shown"]
    assert await tree.names("a", caller=ANN) == ["open", "shown"]
    assert await tree.ask(CountFiles(path="a"), ANN) == 2
    assert await tree.ask(HasFile(path="a/own"), ANN) is False
    assert await tree.ask(HasFile(path="a/own"), MASTER) is True
    for op in (MoveFile(path="a/own", target="b"), DeleteFile(path="a/own"), RenameFile(path="a/own", name="b")):
        assert await tree.refusal(op, ANN) is Code.FILE_NOT_FOUND
    # that it is there is told to who would put something in its place
    assert await tree.refusal(MoveFile(path="a/open", target="a/own"), ANN) is Code.FILE_EXISTS


@pytest.mark.parametrize("caller", [ANN, NOBODY])
async def test_what_one_may_not_change_is_neither_moved_nor_deleted(tree: Tree, caller: Caller) -> None:
    await tree.keep("a/shown", acl={"*": {"read": True}})
    await tree.keep("a/open", "b/own", "c/1")
    await tree.keep("b/hidden", acl={})
    before = await tree.paths(MASTER)
    for path in ("a", "a/shown", "b"):
        for op in (MoveFile(path=path, target="x"), DeleteFile(path=path), RenameFile(path=path, name="x")):
            assert await tree.refusal(op, caller) in (Code.FORBIDDEN, Code.OBJECT_NOT_FOUND)
    assert await tree.paths(MASTER) == before
    assert await tree.ask(MoveFile(path="a", target="x", copy=True), caller) == "x"
    assert await tree.ask(MoveFile(path="b", target="y"), MASTER) == "y"


async def test_a_directory_says_who_may_use_it(tree: Tree) -> None:
    await tree.keep("d/e/1", "other/2")

    async def permit(right: str, granted: bool, **whom: Any) -> None:
        await tree.ask(PermitFile(path="d", right=right, granted=granted, **whom))

    await permit("read", granted=False, user="ann")
    for path in ("d", "d/e"):
        assert await tree.refusal(FindFiles(path=path, limit=9), ANN) is Code.FORBIDDEN
        assert await tree.refusal(CountFiles(path=path), ANN) is Code.FORBIDDEN
    assert await tree.refusal(HasFile(path="d/e/1"), ANN) is Code.FORBIDDEN
    assert await tree.refusal(MoveFile(path="d/e/1", target="x", copy=True), ANN) is Code.FORBIDDEN
    assert await tree.names("d/e", caller=NOBODY) == ["1"]
    assert await tree.names("d/e", caller=MASTER) == ["1"]

    await permit("update", granted=False, role="*")
    for op in (MakeDirectory(path="d/f"), MoveFile(path="other/2", target="d/e/3"), MakeDirectory(path="d/e/f/g")):
        assert await tree.refusal(op, NOBODY) is Code.FORBIDDEN
    with pytest.raises(GatewayError) as error:
        await tree.keep("d/e/new", caller=NOBODY)
    assert error.value.code is Code.FORBIDDEN
    await tree.keep("d/e/new")  # its owner goes on to

    await permit("delete", granted=False, role="*")
    gone = (DeleteFile(path="d/e/1"), DeleteFile(path="d/e"), DeleteFile(path="d"), RenameFile(path="d", name="x"))
    for each in gone:
        assert await tree.refusal(each, NOBODY) is Code.FORBIDDEN
    await permit("delete", granted=True, role="*")
    await tree.ask(DeleteFile(path="d/e/1"), NOBODY)


async def test_rights_go_where_the_directory_goes(tree: Tree) -> None:
    await tree.keep("d/1")
    await tree.ask(PermitFile(path="d", right="read", granted=False, role="*"))
    await tree.ask(MoveFile(path="d", target="e/f"))
    await tree.ask(MoveFile(path="e/f", target="g", copy=True))
    for path in ("e/f", "g"):
        assert await tree.refusal(FindFiles(path=path, limit=9), ANN) is Code.FORBIDDEN
        assert await tree.names(path) == ["1"]


async def test_only_the_owner_and_the_master_permit(tree: Tree) -> None:
    await tree.keep("d/1")
    await tree.keep("nobodys/1", caller=NOBODY)
    for caller in (ANN, NOBODY):
        for path in ("d", "d/1", "nobodys", "nobodys/1"):
            assert await tree.refusal(PermitFile(path=path, right="read", role="*"), caller) is Code.FORBIDDEN
    for path in ("d", "d/1", "nobodys", "nobodys/1"):
        await tree.ask(PermitFile(path=path, right="read", granted=False, user="ann"), MASTER)
    assert await tree.refusal(PermitFile(path="d", right="read"), TOM) is Code.BAD_REQUEST


async def test_a_file_loses_and_gets_rights(tree: Tree) -> None:
    await tree.keep("d/1")
    await tree.ask(PermitFile(path="d/1", right="read", granted=False, user="ann"))
    assert await tree.ask(HasFile(path="d/1"), ANN) is False
    assert await tree.ask(HasFile(path="d/1"), NOBODY) is True
    await tree.ask(PermitFile(path="d/1", right="read", user="ann"))
    assert await tree.ask(HasFile(path="d/1"), ANN) is True


# --- names ---


@pytest.mark.parametrize(
    "text", ["a", "/a", "a/", "/a/", "a b/ü.txt", "a/b.c/..d/...", "日本/語.png", "a/%2e%2e/b", "a'\"b"]
)
def test_a_path_is_what_it_is(text: str) -> None:
    assert read_path(text) == text.removeprefix("/").removesuffix("/")


@pytest.mark.parametrize(
    "text",
    [
        "..", ".", "../a", "a/..", "a/../b", "/../a", "a/./b", "//a", "a//b", "a//", "a\\b", "..\\a", "a\0b", "a\nb",
        "a\x7f", "a\u202eb", "a\ud800", "x" * 256, "x/" * 600, "x" * 10_000,
    ],
)  # fmt: skip
async def test_hostile_names_are_refused(tree: Tree, text: str) -> None:
    assert read_path("") == ""
    for op in (
        HasFile(path=text),
        FindFiles(path=text, limit=1),
        CountFiles(path=text),
        MoveFile(path=text, target="a"),
        MoveFile(path="a", target=text),
        RenameFile(path="a", name=text),
        RenameFile(path=text, name="a"),
        DeleteFile(path=text),
        MakeDirectory(path=text),
        PermitFile(path=text, right="read", role="*"),
    ):
        assert await tree.refusal(op) is Code.BAD_FILE_NAME


async def test_what_two_do_at_once_is_done_once(tree: Tree) -> None:
    await tree.keep("a/1")
    moved = await asyncio.gather(
        *(tree.ask(MoveFile(path="a", target=f"b{at}")) for at in range(8)), return_exceptions=True
    )
    assert [type(one) for one in moved].count(str) == 1
    assert all(isinstance(one, str) or one.code is Code.FILE_NOT_FOUND for one in moved)  # type: ignore[union-attr]
    assert len([path for path in await tree.paths() if not path.endswith("/")]) == 1


async def test_a_directory_is_permitted_by_two_at_once(tree: Tree) -> None:
    await tree.ask(MakeDirectory(path="d"))
    await asyncio.gather(
        *(tree.ask(PermitFile(path="d", right="read", granted=False, user=f"u{at}")) for at in range(10))
    )
    for at in range(10):
        caller = replace(NOBODY, user_id=f"u{at}")
        assert await tree.refusal(FindFiles(path="d", limit=1), caller) is Code.FORBIDDEN
    assert await Ledger(tree.store).fields("@directory", "d") is not None


async def test_a_file_in_the_place_of_a_directory_is_opened(tree: Tree) -> None:
    await tree.keep("d/1")
    await tree.keep("d/own", acl={"tom": {"read": True}})

    async def opened(path: str, caller: Caller, **how: Any) -> Any:
        return (await tree.tree.find(FindFiles(path=path, limit=9, opened=True, **how), caller)).content

    assert await opened("d/1", NOBODY) == "d/1"
    assert await opened("/d/own", TOM) == "d/own"
    assert await opened("d", NOBODY) is None
    assert await opened("d/own", NOBODY, signature="ours", expires=1) == "d/own"
    forged = FindFiles(path="d/own", limit=9, opened=True, signature="forged", expires=1)
    assert await tree.refusal(forged, ANN) is Code.FORBIDDEN
    assert await tree.refusal(FindFiles(path="d/own", limit=9, opened=True), ANN) is Code.FORBIDDEN
    await tree.ask(PermitFile(path="d", right="read", granted=False, role="*"))
    assert await tree.refusal(FindFiles(path="d/1", limit=9, opened=True), ANN) is Code.FORBIDDEN
    assert await tree.refusal(FindFiles(path="d/1", limit=9), TOM) is Code.FILE_NOT_FOUND
