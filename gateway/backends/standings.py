"""The statistics of members, in the order of a leaderboard, on a store of objects.

    @statistic    `version of a leaderboard.member` -> `board` (that version), `member`, `type` (a class, or `ENTITY`),
                  `name` (of the leaderboard), `value`, and `key`: the value, turned around where the highest is first

Who has the same value stands in the order of the members' ids: no source says how LeanCloud orders them, and any order
that does not change by itself will do. Ranks are counted in an index, not in memory: see `ranked`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.backends.ledger import Ledger
from gateway.errors import Code, GatewayError
from gateway.model.definition import UpdateClass
from gateway.model.operation import Create, Delete, DeleteMany, Find, Operation, Returning, Update
from gateway.model.query import And, Condition, Filter, Op, Or, Sort
from gateway.model.schema import Field, IndexOf, Kind, Type
from gateway.model.update import Set
from gateway.model.values import ID, Fields

STATISTIC: Final = "@statistic"

PAGE: Final = 1000
MOST_OF_A_MEMBER: Final = 1000
"""Statistics of one member that are looked at, in whatever leaderboards."""

_TEXT, _NUMBER = Field(Type(Kind.STRING)), Field(Type(Kind.NUMBER))
_FIELDS: Final = {"board": _TEXT, "member": _TEXT, "type": _TEXT, "name": _TEXT, "value": _NUMBER, "key": _NUMBER}
_INDEXES: Final = {
    "ranked": IndexOf((("board", False), ("key", False), ("member", False))),
    "of_member": IndexOf((("member", False),)),
}
_ORDER: Final = (Sort("key"), Sort("member"))


@dataclass(frozen=True, slots=True)
class Standing:
    """One member's statistic in one version of a leaderboard."""

    board: str
    member: str
    type: str
    name: str
    value: int | float
    key: int | float

    @property
    def id(self) -> str:
        return f"{self.board}.{self.member}"

    @property
    def place(self) -> tuple[int | float, str]:
        return self.key, self.member


class Standings:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._indexed = False

    async def of_member(self, member: str) -> list[Standing]:
        """In whatever versions of leaderboards."""
        return await self._find(Condition("member", Op.EQ, member), limit=MOST_OF_A_MEMBER)

    async def of(self, boards: Iterable[str], members: Iterable[str]) -> list[Standing]:
        """What these members have in these versions of leaderboards."""
        known = list(members)
        ids = [f"{board}.{member}" for board in boards for member in known]
        found: list[Standing] = []
        for at in range(0, len(ids), PAGE):
            part = ids[at : at + PAGE]
            found += await self._find(Condition(ID, Op.IN, part), limit=len(part))
        return found

    async def page(self, board: str, *, skip: int, limit: int) -> list[Standing]:
        return await self._find(_on(board), limit=limit, skip=skip, order=_ORDER)

    async def count(self, board: str, *more: Filter) -> int:
        try:
            found = await self._ledger.execute(
                Find(class_name=STATISTIC, where=And((_on(board), *more)), limit=0, count=True)
            )
        except GatewayError as error:
            if error.code is Code.CLASS_NOT_FOUND:
                return 0
            raise
        return found.total or 0

    async def rank(self, standing: Standing) -> int:
        """How many stand before it."""
        better = await self.count(standing.board, Condition("key", Op.LT, standing.key))
        same = (Condition("key", Op.EQ, standing.key), Condition("member", Op.LT, standing.member))
        return better + await self.count(standing.board, *same)

    async def all(self, board: str) -> AsyncIterator[list[Standing]]:
        """Pages of it, from the first to the last, in whatever time; nobody is told twice."""
        behind: tuple[Filter, ...] = ()
        while found := await self._find(And((_on(board), *behind)), limit=PAGE, order=_ORDER):
            yield found
            key, member = found[-1].place
            tied = And((Condition("key", Op.EQ, key), Condition("member", Op.GT, member)))
            behind = (Condition("key", Op.GE, key), Or((Condition("key", Op.GT, key), tied)))

    async def clear(self, board: str) -> None:
        try:
            await self._ledger.execute(DeleteMany(class_name=STATISTIC, where=_on(board)))
        except GatewayError as error:
            if error.code is not Code.CLASS_NOT_FOUND:
                raise

    async def ready(self) -> None:
        """Sees to it that there is an index before there is a statistic."""
        if self._indexed:
            return
        for name, index in _INDEXES.items():
            try:
                await self._ledger.execute(UpdateClass(class_name=STATISTIC, fields=_FIELDS, indexes={name: index}))
            except GatewayError as error:
                if error.code is not Code.BAD_QUERY:  # which is how one is told that it is there already
                    raise
        self._indexed = True

    def writing(self, standing: Standing, before: Standing | None) -> Operation:
        """What makes it so, if it was as it was seen."""
        if before is None:
            told: Mapping[str, str | int | float] = {name: getattr(standing, name) for name in _FIELDS}
            changes = {name: Set(value) for name, value in told.items()}
            return Create(class_name=STATISTIC, id=standing.id, changes=changes, returning=Returning.NOTHING)
        return Update(
            class_name=STATISTIC,
            id=standing.id,
            changes={"value": Set(standing.value), "key": Set(standing.key)},
            where=Condition("value", Op.EQ, before.value),
            returning=Returning.NOTHING,
        )

    async def remove(self, boards: Sequence[str], member: str) -> None:
        ids = tuple(f"{board}.{member}" for board in boards)
        try:
            await self._ledger.execute(Delete(class_name=STATISTIC, ids=ids, missing_ok=True))
        except GatewayError as error:
            if error.code is not Code.CLASS_NOT_FOUND:
                raise

    async def _find(self, where: Filter, *, limit: int, skip: int = 0, order: tuple[Sort, ...] = ()) -> list[Standing]:
        if limit == 0:
            return []
        try:
            found = await self._ledger.execute(
                Find(class_name=STATISTIC, where=where, limit=limit, skip=skip, order=order)
            )
        except GatewayError as error:
            if error.code is Code.CLASS_NOT_FOUND:
                return []
            raise
        return [_read(row) for row in found.objects or []]


def _on(board: str) -> Filter:
    return Condition("board", Op.EQ, board)


def _read(row: Fields) -> Standing:
    return Standing(**{name: row[name] for name in _FIELDS})
