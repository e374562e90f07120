"""Registered webhooks: on a real store, as an app's owner arranges them, and as calls of functions look them up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.backends.embedded import Embedded
from gateway.backends.hooks import KNOWN_FOR, RegisteredHooks, hook_operations
from gateway.backends.ledger import Ledger
from gateway.errors import Code, GatewayError
from gateway.model.code import CreateHook, DeleteHook, FindHooks, GetHook, RegisteredHook, UpdateHook
from gateway.model.operation import Caller, Operation, Result
from gateway.model.trigger import Moment

MASTER = Caller(app="blog", master=True)
HERE, THERE = "https://code.example.com/hello?key=1", "http://10.0.0.1:9/f"


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Owner:
    """Two gateways on one store; the second one only looks things up."""

    hooks: RegisteredHooks
    other: RegisteredHooks
    clock: Clock

    async def ask(self, op: Operation) -> Result:
        result: Result = await hook_operations(self.hooks)[type(op)](op, MASTER)
        return result

    async def refusal(self, op: Operation) -> GatewayError:
        with pytest.raises(GatewayError) as refused:
            await self.ask(op)
        return refused.value


@pytest.fixture
async def owner(tmp_path: Path) -> AsyncIterator[Owner]:
    store = await Embedded.open(f"sqlite:///{tmp_path}/hooks.db", secret=b"s" * 32)
    clock = Clock()
    configured = {"functions": {"hello"}, "triggers": {("Post", "before_save")}}
    hooks = RegisteredHooks(Ledger(store), clock, **configured)  # type: ignore[arg-type]
    yield Owner(hooks, RegisteredHooks(Ledger(store), clock), clock)
    await store.close()


async def test_a_function_is_registered_changed_and_forgotten(owner: Owner) -> None:
    assert await owner.hooks.function("sum") is None
    made = await owner.ask(CreateHook(name="sum", url=HERE))
    assert made.hook == RegisteredHook("sum", "", HERE)
    assert (await owner.ask(GetHook(name="sum"))).hook == made.hook
    assert await owner.hooks.function("sum") == made.hook
    changed = await owner.ask(UpdateHook(name="sum", url=THERE))
    assert changed.hook == RegisteredHook("sum", "", THERE)
    assert await owner.hooks.function("sum") == changed.hook
    assert (await owner.ask(DeleteHook(name="sum"))).hook is None
    assert await owner.hooks.function("sum") is None


async def test_a_trigger_is_of_one_class_and_one_moment(owner: Owner) -> None:
    await owner.ask(CreateHook(name=Moment.BEFORE_SAVE, class_name="Note", url=HERE))
    await owner.ask(CreateHook(name="after_save", class_name="Note", url=THERE))
    assert await owner.hooks.trigger("Note", "before_save") == RegisteredHook("before_save", "Note", HERE)
    assert await owner.hooks.trigger("Note", "before_delete") is None
    assert await owner.hooks.trigger("Other", "before_save") is None
    assert await owner.hooks.function("before_save") is None


async def test_functions_and_triggers_are_told_by_name(owner: Owner) -> None:
    assert (await owner.ask(FindHooks())).hooks == []
    for name in ("b", "a"):
        await owner.ask(CreateHook(name=name, url=HERE))
    await owner.ask(CreateHook(name="after_delete", class_name="Note", url=HERE))
    assert [hook.name for hook in (await owner.ask(FindHooks())).hooks or []] == ["a", "b"]
    assert (await owner.ask(FindHooks(triggers=True))).hooks == [RegisteredHook("after_delete", "Note", HERE)]


async def test_what_the_configuration_has_is_hidden_and_comes_back(owner: Owner) -> None:
    made = await owner.ask(CreateHook(name="hello", url=HERE))
    assert made.hook == RegisteredHook("hello", "", HERE, hides=True)
    trigger = await owner.ask(CreateHook(name="before_save", class_name="Post", url=HERE))
    assert trigger.hook.hides
    assert (await owner.ask(UpdateHook(name="hello", url=THERE))).hook.hides
    assert (await owner.ask(DeleteHook(name="hello"))).hook == RegisteredHook("hello")
    left = (await owner.ask(DeleteHook(name="before_save", class_name="Post"))).hook
    assert left == RegisteredHook("before_save", "Post")


async def test_another_gateway_knows_it_before_long(owner: Owner) -> None:
    assert await owner.other.function("sum") is None
    await owner.ask(CreateHook(name="sum", url=HERE))
    assert await owner.other.function("sum") is None, "it has looked just now"
    owner.clock.seconds += KNOWN_FOR
    assert await owner.other.function("sum") is not None
    assert KNOWN_FOR <= 2


async def test_what_is_there_is_not_made_again_and_what_is_not_there_is_told(owner: Owner) -> None:
    await owner.ask(CreateHook(name="sum", url=HERE))
    assert (await owner.refusal(CreateHook(name="sum", url=THERE))).code is Code.HOOK_EXISTS
    for op in (GetHook(name="x"), UpdateHook(name="x", url=HERE), DeleteHook(name="x")):
        refused = await owner.refusal(op)
        assert (refused.code, refused.details) == (Code.NO_HOOK, {"name": "x"})
    refused = await owner.refusal(DeleteHook(name="before_save", class_name="Post"))
    assert (refused.code, refused.details) == (Code.NO_HOOK, {"class_name": "Post", "trigger": "before_save"})
    assert await owner.hooks.function("sum") == RegisteredHook("sum", "", HERE)


@pytest.mark.parametrize(
    "url",
    [
        *("", "x", "ftp://x/", "file:///etc/passwd", "javascript:1", "http://", "https:///x", "http://a b/"),
        *("http://x:0/", "http://x/\n", "http://[::1", "http://x:99999/", "http://x/" + "y" * 2000),
    ],
)
async def test_what_is_no_address_is_refused(owner: Owner, url: str) -> None:
    assert (await owner.refusal(CreateHook(name="sum", url=url))).code is Code.BAD_HOOK
    assert (await owner.refusal(UpdateHook(name="sum", url=url))).code is Code.BAD_HOOK


@pytest.mark.parametrize(("name", "class_name"), [("", ""), ("x" * 201, ""), ("a\nb", ""), ("beforeSave", "Post")])
async def test_what_is_no_name_is_refused(owner: Owner, name: str, class_name: str) -> None:
    assert (await owner.refusal(CreateHook(name=name, class_name=class_name, url=HERE))).code is Code.BAD_HOOK


async def test_what_is_never_asked_cannot_be_registered(owner: Owner) -> None:
    hooks = RegisteredHooks(owner.hooks._ledger, owner.clock, never_asked=[Moment.BEFORE_PASSWORD_RESET])
    op = CreateHook(name="before_password_reset", class_name="_User", url=HERE)
    with pytest.raises(GatewayError) as refused:
        await hooks.create(op, MASTER)
    assert (refused.value.code, "the server that has the users" in refused.value.message) == (Code.BAD_HOOK, True)
    assert (await owner.ask(op)).hook == RegisteredHook("before_password_reset", "_User", HERE)


def test_an_address_is_not_shown_where_hooks_are_printed() -> None:
    assert "key" not in repr(RegisteredHook("sum", "", HERE))
