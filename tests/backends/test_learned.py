"""The columns of a server of others: asked for once, kept for a while, and never guessed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from gateway.backends.columns import Columns, Typed
from gateway.backends.learned import Learned, can_tell, read_column
from gateway.dialects.dialect import Dialect
from gateway.errors import Code, GatewayError
from gateway.model.definition import Describe, FindSchemas
from gateway.model.operation import Caller, Create, Find, Get, Operation, Result
from gateway.model.query import Condition, Op, Subquery
from gateway.model.schema import ClassSchema, Field, Kind, Type
from gateway.model.update import Set
from gateway.model.values import OWNER, Date, Pointer

STRING, DATE = Type(Kind.STRING), Type(Kind.DATE)
CALLER = Caller("demo")
DAY, DAY_MS = Date("2015-03-23T00:00:00.000Z"), 1427068800000


class Clock:
    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


class Server:
    """A server that tells its columns, all of them or those of a class, as its dialect has it."""

    def __init__(self, dialect: Dialect, classes: dict[str, dict[str, Type]], *, has_master: bool = True) -> None:
        self.dialect = dialect
        self.classes = classes
        self.has_master = has_master
        self.asked: list[tuple[Operation, bool]] = []
        self.failure: GatewayError | None = None
        self.gate: asyncio.Event | None = None

    def _schema(self, name: str) -> ClassSchema:
        return ClassSchema(name, {column: Field(known) for column, known in self.classes[name].items()})

    async def execute(self, op: Operation, caller: Caller) -> Result:
        self.asked.append((op, caller.master))
        found = {name: self._schema(name) for name in self.classes}
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        if isinstance(op, FindSchemas):
            return Result(schemas=list(found.values()))
        assert isinstance(op, Describe)
        if op.class_name not in found:
            raise GatewayError(Code.CLASS_NOT_FOUND, "no such table")
        return Result(schema=found[op.class_name])


@pytest.fixture
def parse(dialects: Mapping[str, Dialect]) -> Server:
    users = {"name": STRING, "password": STRING, "authData": STRING}
    return Server(dialects["parse"], {"Note": {"text": STRING, "when": DATE}, "_User": users})


@pytest.mark.parametrize(
    ("text", "expected"),
    [("date", DATE), ("geo_point", Type(Kind.GEO_POINT)), ("pointer:_User", Type(Kind.POINTER, "_User"))],
)
def test_a_column_of_a_configuration(text: str, expected: Type) -> None:
    assert read_column(text) == expected


@pytest.mark.parametrize("text", ["", "Date", "moment", "pointer", "pointer:", "date:_User"])
def test_what_is_no_column_of_a_configuration(text: str) -> None:
    with pytest.raises(ValueError, match=r"type of a column|written|of no class"):
        read_column(text)


async def test_they_are_asked_for_by_the_master_and_kept_for_a_while(parse: Server) -> None:
    clock = Clock()
    learned = Learned(parse, "demo", lasts=60, now=clock)
    assert learned.known() is None
    assert await learned.learned() == {"Note": {"text": STRING, "when": DATE}, "_User": {"name": STRING}}
    assert parse.asked == [(FindSchemas(), True)]
    clock.at += 59
    assert learned.known() is not None
    clock.at += 2
    assert learned.known() is None
    await learned.learned()
    learned.outdated()
    assert learned.known() is None


async def test_who_asks_at_the_same_time_shares_an_answer_that_is_not_older(parse: Server) -> None:
    learned = Learned(parse, "demo")
    parse.gate = asyncio.Event()
    first = asyncio.create_task(learned.learned())
    await asyncio.sleep(0)
    later = [asyncio.create_task(learned.learned()) for _ in range(20)]
    await asyncio.sleep(0)
    parse.classes["New"] = {"a": STRING}  # after the first question was asked, before the others
    parse.gate.set()
    assert "New" not in await first
    assert ["New" in found for found in await asyncio.gather(*later)] == [True] * 20
    assert len(parse.asked) == 2


async def test_a_write_meanwhile_makes_what_is_told_old(parse: Server) -> None:
    learned = Learned(parse, "demo")
    parse.gate = asyncio.Event()
    first = asyncio.create_task(learned.learned())
    await asyncio.sleep(0)
    learned.outdated()
    parse.gate.set()
    await first
    assert learned.known() is None


async def test_a_failure_is_shared_and_said_clearly(parse: Server) -> None:
    learned = Learned(parse, "demo")
    parse.gate, parse.failure = asyncio.Event(), GatewayError(Code.FORBIDDEN, "secret reason")
    asking = [asyncio.create_task(learned.learned()) for _ in range(10)]
    await asyncio.sleep(0)
    parse.gate.set()
    errors: list[Any] = await asyncio.gather(*asking, return_exceptions=True)
    assert {(error.code, "secret" in error.message) for error in errors} == {(Code.UNAVAILABLE, False)}
    assert len(parse.asked) <= 2
    parse.failure = None
    assert "Note" in await learned.learned()


async def test_who_is_cancelled_leaves_the_question_to_the_next(parse: Server) -> None:
    learned = Learned(parse, "demo")
    parse.gate = asyncio.Event()
    first, second = (asyncio.create_task(learned.learned()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    parse.gate.set()
    assert "Note" in await second


async def test_the_configuration_goes_before_what_is_told(parse: Server) -> None:
    given: Mapping[str, Columns] = {"Note": {"text": DATE}, "Other": {"a": STRING}}
    found = await Learned(parse, "demo", given=given).learned()
    assert (found["Note"], found["Other"]) == ({"text": DATE, "when": DATE}, {"a": STRING})


async def test_without_a_master_key_there_is_the_configuration_alone(dialects: Mapping[str, Dialect]) -> None:
    server = Server(dialects["parse"], {"Note": {"text": STRING}}, has_master=False)
    learned = Learned(server, "demo", given={"Note": {"when": DATE}})
    assert learned.known() == await learned.learned(("Note",)) == {"Note": {"when": DATE}}
    assert server.asked == []
    assert [can_tell(dialects[name], has_master=False) for name in ("parse", "leancloud", "backendless")] == [
        False,
        False,
        True,
    ]


async def test_a_server_that_tells_of_one_class_at_a_time(dialects: Mapping[str, Dialect]) -> None:
    server = Server(dialects["backendless"], {"Note": {"of": Type(Kind.POINTER, "User")}, "User": {"born": DATE}})
    clock = Clock()
    learned = Learned(server, "demo", lasts=60, now=clock)
    assert await learned.learned(("Note", "None")) == {"Note": {"of": Type(Kind.POINTER, "User")}}
    assert set(await learned.learned(("User",))) == {"Note", "User"}
    assert [op for op, _ in server.asked] == [Describe(class_name=name) for name in ("None", "Note", "User")]
    clock.at += 61
    assert learned.known() is None
    assert set(await learned.learned(("User",))) == {"User"}


class Told:
    """A backend that keeps what it was asked, and answers the same."""

    def __init__(self, answer: Result) -> None:
        self.asked: list[Operation] = []
        self.answer = answer

    async def execute(self, op: Operation, caller: Caller) -> Result:
        self.asked.append(op)
        return self.answer

    async def identify(self, caller: Caller) -> Caller:
        return caller

    async def close(self) -> None:
        pass


async def test_a_path_leads_from_class_to_class(dialects: Mapping[str, Dialect]) -> None:
    server = Server(dialects["backendless"], {"Note": {"of": Type(Kind.POINTER, "Person")}, "Person": {"born": DATE}})
    told = Told(Result(objects=[]))
    where = Condition("of.born", Op.LE, DAY_MS)
    find = Find(class_name="Note", limit=1, where=where, untyped=True)
    await Typed(told, Learned(server, "demo"), remote=True).execute(find, CALLER)
    (asked,) = told.asked
    assert isinstance(asked, Find)
    assert asked.where == Condition("of", Op.IN, Subquery("Person", where=Condition("born", Op.LE, DAY)))


async def test_what_has_no_value_is_there_as_none(parse: Server) -> None:
    parse.classes["Note"] |= {"by": Type(Kind.POINTER, "_User"), "all": Type(Kind.RELATION, "_User")}
    typed = Typed(Told(Result(object={"text": "a", "by": Pointer("_User", "x")})), Learned(parse, "demo"), remote=True)
    get = Get(class_name="Note", id="x", nulls=True, untyped=True)
    assert (await typed.execute(get, CALLER)).object == {"text": "a", "when": None, OWNER: None}
    some = Get(class_name="Note", id="x", nulls=True, untyped=True, select=("text",))
    typed = Typed(Told(Result(object={})), Learned(parse, "demo"), remote=True)
    assert (await typed.execute(some, CALLER)).object == {"text": None}


async def test_a_write_that_makes_a_column_is_looked_at_afterwards(parse: Server) -> None:
    learned = Learned(parse, "demo")
    typed = Typed(Told(Result(id="x")), learned, remote=True)
    await typed.execute(Create(class_name="Note", changes={"when": Set(DAY_MS)}, untyped=True), CALLER)
    assert learned.known() is not None
    await typed.execute(Create(class_name="Note", changes={"new": Set(1)}, untyped=True), CALLER)
    assert learned.known() is None
