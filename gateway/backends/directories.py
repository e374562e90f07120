"""Directories of files, on a store of objects: one of a class that no client sees is a directory, and its id the path.

There is one for each part of each path, so that an empty directory is there as well. Who may do what with the files in
it a directory can say itself, in the form of an object's access control list; one that says nothing leaves it to the
one above, and the root, which is always there, to everybody.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import orjson

from gateway.backends.ledger import Ledger
from gateway.errors import Code, GatewayError
from gateway.model.files import above, name_in
from gateway.model.operation import Caller, Create, Delete, Find, Operation, Returning, Update, Upsert
from gateway.model.permission import Permission
from gateway.model.query import And, Condition, Filter, Op, Or, Regex, Sort
from gateway.model.update import Set, SetOnInsert
from gateway.model.values import ID, Fields
from gateway.store.access import Right, grants
from gateway.store.permit import applied

DIRECTORY: Final = "@directory"
PAGE: Final = 1000


class Directories:
    """Paths are such as `model.files.read_path` gives: the empty one is the root."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def has(self, path: str) -> bool:
        return not path or await self._ledger.fields(DIRECTORY, path) is not None

    async def make(self, path: str, caller: Caller) -> None:
        """Makes one. Raises GatewayError(FILE_EXISTS) where it is there."""
        if not path or not await self._made(path, caller):
            raise GatewayError(Code.FILE_EXISTS, "there is a directory of this path already", name=path)

    async def make_missing(self, path: str, caller: Caller) -> list[str]:
        """Makes it, and those above it, as far as they are missing. Answers which, the highest first."""
        missing: list[str] = []
        while not await self.has(path):
            missing.append(path)
            path = above(path)
        return [one for one in reversed(missing) if await self._made(one, caller)]

    async def _made(self, path: str, caller: Caller) -> bool:
        changes = {"parent": SetOnInsert(above(path)), "name": SetOnInsert(name_in(path))}
        if caller.user_id is not None:
            changes["owner"] = SetOnInsert(caller.user_id)
        op = Upsert(class_name=DIRECTORY, id=path, changes=changes, returning=Returning.NOTHING)
        return (await self._ledger.execute(op)).created

    async def check(self, path: str, right: Right, caller: Caller) -> None:
        """Raises GatewayError(FORBIDDEN) where it, or the nearest above that says something, does not let."""
        if caller.unrestricted or not path:
            return
        found = await self._ledger_find(Condition(ID, Op.IN, list(_parts(path))), PAGE)
        ruled = [row for row in found if row.get("rights") is not None]
        nearest = max(ruled, key=lambda row: len(row[ID]), default=None)
        if nearest is not None and not grants(nearest["rights"], caller, right):
            raise GatewayError(Code.FORBIDDEN, f"nobody who is not allowed to may {right} what is in this directory")

    async def permit(self, path: str, permission: Permission, caller: Caller) -> None:
        """Raises GatewayError: FILE_NOT_FOUND, FORBIDDEN for who is neither its owner nor the master."""
        row = await self._ledger.fields(DIRECTORY, path)
        if row is None:
            raise not_found(path)
        owner = row.get("owner")
        if not caller.unrestricted and (owner is None or owner != caller.user_id):
            raise GatewayError(Code.FORBIDDEN, "only the owner of a directory, or the master, says who may use it")
        rights = row.get("rights")
        entries = applied(rights, owner, (permission,))
        # of two at once neither is lost
        unchanged = Condition("rights", Op.EQ, rights)
        changes = {"rights": Set(orjson.dumps(entries).decode())}
        try:
            await self._ledger.execute(
                Update(class_name=DIRECTORY, id=path, changes=changes, where=unchanged, returning=Returning.NOTHING)
            )
        except GatewayError as error:
            if error.code is not Code.CONDITION_FAILED:
                raise
            await self.permit(path, permission, caller)

    async def find(self, where: Filter, *, limit: int, skip: int = 0) -> list[Fields]:
        """Those that match, by their paths."""
        return await self._ledger_find(where, limit, skip)

    async def count(self, where: Filter) -> int:
        try:
            result = await self._ledger.execute(Find(class_name=DIRECTORY, where=where, limit=0, count=True))
        except GatewayError as error:
            if error.code is Code.CLASS_NOT_FOUND:
                return 0
            raise
        return result.total or 0

    async def _ledger_find(self, where: Filter, limit: int, skip: int = 0) -> list[Fields]:
        by_path = (Sort(ID),)
        try:
            result = await self._ledger.execute(
                Find(class_name=DIRECTORY, where=where, limit=limit, skip=skip, order=by_path)
            )
        except GatewayError as error:
            if error.code is Code.CLASS_NOT_FOUND:
                return []
            raise
        return result.objects or []

    def moving(self, row: Fields, target: str, *, copy: bool) -> Sequence[Operation]:
        """What makes a directory stand at another path, for one batch."""
        changes = {"parent": Set(above(target)), "name": Set(name_in(target))}
        changes |= {name: Set(row[name]) for name in ("owner", "rights") if row.get(name) is not None}
        made = Create(class_name=DIRECTORY, id=target, changes=changes, returning=Returning.NOTHING)
        return (made,) if copy else (made, Delete(class_name=DIRECTORY, ids=(row[ID],)))

    async def drop(self, path: str) -> int:
        """Takes it away, with all below it. Answers how many."""
        dropped = 0
        while found := await self._ledger_find(at_or_below(ID, path), PAGE):
            ids = tuple(row[ID] for row in found)
            await self._ledger.execute(Delete(class_name=DIRECTORY, ids=ids, missing_ok=True))
            dropped += len(ids)
        return dropped


def _parts(path: str) -> Iterator[str]:
    """The path, and those above it, but for the root."""
    while path:
        yield path
        path = above(path)


def below(field: str, path: str) -> Filter:
    """Whatever is in a directory, in whatever depth; `field` has paths."""
    if not path:
        return Condition(field, Op.EXISTS, value=True)
    # a slash is followed by a zero: all that begins with the path and a slash, and nothing else, is between the two
    return And((Condition(field, Op.GE, path + "/"), Condition(field, Op.LT, path + "0")))


def at_or_below(field: str, path: str) -> Filter:
    return Or((Condition(field, Op.EQ, path), below(field, path)))


def directly_in(field: str, path: str) -> Filter:
    """What is in a directory itself."""
    start = f"{literal(path)}/" if path else ""
    return And((below(field, path), Condition(field, Op.REGEX, Regex(f"^{start}[^/]+$"))))


def named(field: str, pattern: str) -> Filter:
    """What has such a last name; a `*` in the pattern is any text."""
    name = "[^/]*".join(map(literal, pattern.split("*")))
    return Condition(field, Op.REGEX, Regex(f"(^|/){name}$"))


def literal(text: str) -> str:
    """A pattern that matches this text and no other."""
    return "".join(letter if letter.isalnum() or letter in "_/" else f"\\x{{{ord(letter):x}}}" for letter in text)


def not_found(path: str) -> GatewayError:
    return GatewayError(Code.FILE_NOT_FOUND, "there is no such file and no such directory", name=path)
