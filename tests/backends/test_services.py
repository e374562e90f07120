"""Counters, the cache, the log of clients and functions: on a real store, and with real webhooks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.adapters.functions import WebhookFunctions
from gateway.adapters.receiver import Receiver as CodeReceiver
from gateway.adapters.webhook import Hook, Webhooks, signature
from gateway.app import mappings_directory
from gateway.backends.accounts import Accounts, Policy
from gateway.backends.base import Backend
from gateway.backends.embedded import Embedded
from gateway.backends.functions import FunctionCalls
from gateway.backends.services import Services
from gateway.dialects.dialect import load_dialects
from gateway.dialects.hooks_json import HooksJson
from gateway.errors import Code, GatewayError
from gateway.model.operation import Caller, Create, Find, Operation, ServerTime
from gateway.model.services import (
    AddToCounter,
    CallFunction,
    CallService,
    CompareAndSetCounter,
    DispatchEvent,
    ExpireInCache,
    GetCounter,
    GetFromCache,
    HasInCache,
    ListCounters,
    LogEntry,
    PutInCache,
    RemoveFromCache,
    ResetCounter,
    WriteLog,
)
from gateway.model.values import Date

CLIENT = Caller(app="blog", user_id="u1", installation_id="i1")
SECRET = "a secret that both sides share"


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_800_000_000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Receiver:
    """A webhook that says what it is told to, and keeps what it was asked."""

    answer: Callable[[], Awaitable[web.Response]]
    asked: list[Any] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        stamp = request.headers["X-Gateway-Timestamp"]
        assert request.headers["X-Gateway-Signature"] == signature(SECRET, stamp, body)
        self.asked.append(orjson.loads(body))
        return await self.answer()


@dataclass
class Served:
    services: Backend
    clock: Clock
    receiver: Receiver

    async def ask(self, op: Operation) -> Any:
        return (await self.services.execute(op, CLIENT)).value

    def answers(self, *, status: int = 200, text: str | None = None, **body: Any) -> None:
        async def answer() -> web.Response:
            return web.json_response(body, status=status) if text is None else web.Response(text=text, status=status)

        self.receiver.answer = answer


def plain_form() -> HooksJson:
    """What a webhook of the configuration speaks where it does not say."""
    forms = [dialect.hooks for dialect in load_dialects(mappings_directory()).values()]
    return next(form for form in forms if form is not None and form.is_default)


@pytest.fixture
async def served(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Served]:
    """The parameter is how long a function may take, in seconds."""

    async def nothing() -> web.Response:
        return web.json_response({"success": None})

    receiver = Receiver(nothing)
    application = web.Application()
    application.router.add_post("/{name}", receiver.handle)
    store = await Embedded.open(f"sqlite:///{tmp_path}/services.db", secret=b"s" * 32)
    webhooks = Webhooks()
    async with TestServer(application) as server:
        within = getattr(request, "param", 30)
        hook = Hook(name="the function", url=str(server.make_url("/run")), secret=SECRET, timeout=within)
        receiver_of = CodeReceiver(webhooks, hook, plain_form(), {})
        functions = WebhookFunctions(
            functions={"hello": receiver_of, "shop.order": receiver_of}, events={"ordered": receiver_of}
        )
        clock = Clock()
        services = FunctionCalls(Services(Accounts(store, Policy()), store, now=clock), functions)
        try:
            yield Served(services, clock, receiver)
        finally:
            await webhooks.close()
            await services.close()


# counters


async def test_a_counter_starts_at_zero_and_counts(served: Served) -> None:
    assert await served.ask(GetCounter(name="visits")) == 0
    assert await served.ask(AddToCounter(name="visits")) == 1
    assert await served.ask(AddToCounter(name="visits", by=5)) == 6
    assert await served.ask(AddToCounter(name="visits", by=-10, before=True)) == 6
    assert await served.ask(GetCounter(name="visits")) == -4
    await served.ask(ResetCounter(name="visits"))
    assert await served.ask(GetCounter(name="visits")) == 0


async def test_a_counter_is_set_only_from_what_is_expected(served: Served) -> None:
    assert await served.ask(CompareAndSetCounter(name="c", expected=10, updated=10)) is False
    assert await served.ask(CompareAndSetCounter(name="c", expected=0, updated=3)) is True
    assert await served.ask(CompareAndSetCounter(name="c", expected=0, updated=4)) is False
    assert await served.ask(GetCounter(name="c")) == 3


async def test_who_counts_at_the_same_time_loses_nothing(served: Served) -> None:
    seen = await asyncio.gather(*(served.ask(AddToCounter(name="c")) for _ in range(50)))
    assert sorted(seen) == list(range(1, 51))
    won = await asyncio.gather(
        *(served.ask(CompareAndSetCounter(name="d", expected=0, updated=n)) for n in range(1, 21))
    )
    assert sum(won) == 1


async def test_counters_are_listed_by_a_pattern(served: Served) -> None:
    assert await served.ask(ListCounters()) == []
    for name in ("apple", "apricot", "a.b", "banana", "grapple"):
        await served.ask(AddToCounter(name=name))
    assert sorted(await served.ask(ListCounters())) == ["a.b", "apple", "apricot", "banana", "grapple"]
    assert sorted(await served.ask(ListCounters(pattern="ap*"))) == ["apple", "apricot"]
    assert sorted(await served.ask(ListCounters(pattern="*apple"))) == ["apple", "grapple"]
    assert await served.ask(ListCounters(pattern="a?b")) == []
    assert await served.ask(ListCounters(pattern="a.b")) == ["a.b"]
    assert await served.ask(ListCounters(pattern="*a*p*l*e*")) == ["apple", "grapple"]
    await served.ask(AddToCounter(name="a" * 500))
    assert await served.ask(ListCounters(pattern="a*" * 50 + "b")) == [], "and at once"


async def test_a_counter_stays_a_number_of_every_client(served: Served) -> None:
    await served.ask(AddToCounter(name="c", by=2**53 - 1))
    with pytest.raises(GatewayError) as refused:
        await served.ask(AddToCounter(name="c"))
    assert refused.value.code is Code.BAD_VALUE
    assert await served.ask(GetCounter(name="c")) == 2**53 - 1
    with pytest.raises(GatewayError):
        await served.ask(AddToCounter(name="c", by=2**60))


@pytest.mark.parametrize("name", ["", "x" * 501])
async def test_a_counter_has_a_name_of_some_length(served: Served, name: str) -> None:
    for op in (GetCounter(name=name), AddToCounter(name=name), ResetCounter(name=name)):
        with pytest.raises(GatewayError) as refused:
            await served.ask(op)
        assert refused.value.code is Code.BAD_VALUE


# the cache


@pytest.mark.parametrize("value", [None, 1.5, True, "text", [1, None], {"a": {"__type": "Date", "$x.y": 1}}, ""])
async def test_the_cache_gives_back_what_was_put(served: Served, value: Any) -> None:
    assert await served.ask(GetFromCache(key="k")) is None
    assert await served.ask(HasInCache(key="k")) is False
    await served.ask(PutInCache(key="k", value=value))
    assert await served.ask(GetFromCache(key="k")) == value
    assert await served.ask(HasInCache(key="k")) is True
    await served.ask(RemoveFromCache(key="k"))
    await served.ask(RemoveFromCache(key="k"))
    assert await served.ask(HasInCache(key="k")) is False


async def test_what_is_in_the_cache_expires(served: Served) -> None:
    await served.ask(PutInCache(key="k", value=1, seconds=60))
    served.clock.seconds += 59
    assert await served.ask(GetFromCache(key="k")) == 1
    served.clock.seconds += 1
    assert await served.ask(GetFromCache(key="k")) is None
    assert await served.ask(HasInCache(key="k")) is False


async def test_when_it_expires_can_be_said_anew(served: Served) -> None:
    await served.ask(PutInCache(key="k", value=1, seconds=1))
    await served.ask(ExpireInCache(key="k", seconds=100))
    served.clock.seconds += 50
    assert await served.ask(HasInCache(key="k")) is True
    await served.ask(ExpireInCache(key="k", at=Date.from_ms(int(served.clock.seconds * 1000) + 500)))
    served.clock.seconds += 1
    assert await served.ask(HasInCache(key="k")) is False
    await served.ask(ExpireInCache(key="k", seconds=100))
    assert await served.ask(HasInCache(key="k")) is False, "what is gone does not come back"
    await served.ask(PutInCache(key="k", value=2))
    served.clock.seconds += 10**9
    assert await served.ask(GetFromCache(key="k")) == 2, "without a time it is kept"


async def test_what_has_expired_is_deleted_in_the_end(served: Served) -> None:
    for number in range(5):
        await served.ask(PutInCache(key=f"k{number}", value=number, seconds=1))
    served.clock.seconds += 100
    await served.ask(PutInCache(key="new", value=1))
    find = Find(class_name="@cache", limit=10)
    left = await served.services.execute(find, Caller(app="blog", trusted=True))
    assert [fields["@id"] for fields in left.objects or []] == ["new"]


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), "60", True])
async def test_a_time_that_is_none_is_refused(served: Served, seconds: Any) -> None:
    with pytest.raises(GatewayError) as refused:
        await served.ask(PutInCache(key="k", value=1, seconds=seconds))
    assert refused.value.code is Code.BAD_VALUE


# the log


async def test_what_clients_say_is_one_line_each_in_the_log(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "gateway.clients")
    entries = (
        LogEntry("started"),
        LogEntry("two\nlines\x1b[31m", "ERROR", "shop", exception="at f\nat g"),
    )
    await served.ask(WriteLog(entries=entries))
    records = [record for record in caplog.records if record.name == "gateway.clients"]
    assert [record.levelno for record in records] == [logging.INFO, logging.ERROR]
    assert all("\n" not in record.getMessage() and "\x1b" not in record.getMessage() for record in records)
    assert "two\\nlines" in records[1].getMessage()
    assert "at f\\nat g" in records[1].getMessage()


async def test_a_level_that_is_none_is_refused_before_anything_is_written(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "gateway.clients")
    with pytest.raises(GatewayError) as refused:
        await served.ask(WriteLog(entries=(LogEntry("a"), LogEntry("b", "loud"))))
    assert refused.value.code is Code.BAD_VALUE
    assert not [record for record in caplog.records if record.name == "gateway.clients"]


# functions


async def test_a_function_is_asked_and_answers(served: Served) -> None:
    served.answers(success={"sum": 3})
    assert await served.ask(CallFunction(name="hello", arguments={"a": 1})) == {"sum": 3}
    (asked,) = served.receiver.asked
    assert asked == {
        "functionName": "hello",
        "params": {"a": 1},
        "master": False,
        "isReadOnly": False,
        "installationId": "i1",
        "headers": {},
        "context": {},
        "app": "blog",
    }


async def test_a_service_and_an_event_are_asked_by_their_names(served: Served) -> None:
    served.answers(success="done")
    assert await served.ask(CallService(service="shop", method="order", arguments="text")) == "done"
    assert await served.ask(DispatchEvent(name="ordered")) == "done"
    assert [asked.get("functionName") or asked.get("eventName") for asked in served.receiver.asked] == [
        "shop.order",
        "ordered",
    ]
    assert [asked["params"] for asked in served.receiver.asked] == ["text", {}]


@pytest.mark.parametrize(
    ("op", "code"),
    [
        (CallFunction(name="nope"), Code.NO_FUNCTION),
        (CallService(service="shop", method="nope"), Code.NO_FUNCTION),
        (DispatchEvent(name="nope"), Code.NO_EVENT_HANDLER),
    ],
)
async def test_what_is_not_there_is_told(served: Served, op: Operation, code: Code) -> None:
    with pytest.raises(GatewayError) as refused:
        await served.ask(op)
    assert refused.value.code is code
    assert served.receiver.asked == []


async def test_a_function_fails_in_its_own_words(served: Served) -> None:
    served.answers(error="no such order")
    with pytest.raises(GatewayError) as refused:
        await served.ask(CallFunction(name="hello"))
    assert (refused.value.code, refused.value.message) == (Code.FUNCTION_FAILED, "no such order")
    served.answers(status=400, error={"code": 42, "message": "sold out"})
    with pytest.raises(GatewayError) as refused:
        await served.ask(CallFunction(name="hello"))
    assert (refused.value.message, refused.value.details) == ("sold out", {"number": "42"})


@pytest.mark.parametrize(
    ("status", "text"), [(200, "<html>"), (200, "[]"), (500, "{}"), (302, "{}"), (400, "{}"), (200, "null")]
)
async def test_an_answer_that_is_none_is_no_success(served: Served, status: int, text: str) -> None:
    served.answers(status=status, text=text)
    with pytest.raises(GatewayError) as refused:
        await served.ask(CallFunction(name="hello"))
    assert refused.value.code is Code.UNAVAILABLE


@pytest.mark.parametrize("served", [0.5], indirect=True)
async def test_a_function_that_hangs_is_not_waited_for(served: Served) -> None:
    async def late() -> web.Response:
        await asyncio.sleep(5)
        return web.json_response({"success": 1})

    served.receiver.answer = late
    with pytest.raises(GatewayError) as refused:
        await served.ask(CallFunction(name="hello"))
    assert refused.value.code is Code.TIMEOUT


async def test_an_app_without_code_says_so(tmp_path: Path) -> None:
    store = await Embedded.open(f"sqlite:///{tmp_path}/none.db", secret=b"s" * 32)
    services = FunctionCalls(Services(Accounts(store, Policy()), store), None)
    with pytest.raises(GatewayError) as refused:
        await services.execute(CallFunction(name="hello"), CLIENT)
    assert refused.value.code is Code.UNSUPPORTED
    await services.close()


async def test_everything_else_goes_to_the_backend(served: Served) -> None:
    assert (await served.services.execute(Create(class_name="Note", changes={}), CLIENT)).id
    assert (await served.services.execute(ServerTime(), CLIENT)).moment is not None
