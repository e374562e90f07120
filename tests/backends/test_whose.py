"""Sessions that tell whose they are: sealed, and nothing of it reaches the backend."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.backends.whose import Whose
from gateway.errors import Code, GatewayError
from gateway.model.account import USER, CurrentUser, LogIn, LogOut
from gateway.model.members import CheckSession
from gateway.model.operation import Caller, Get, Operation, Result
from gateway.model.values import ID

CALLER = Caller(app="blog")
LOG_IN = LogIn(username="ann", password="secret")


class Vendor:
    """Tells whether a session is one, and never whose."""

    def __init__(self) -> None:
        self.heard: list[tuple[Operation, str | None]] = []
        self.open = {"token-1", "a.b.c"}

    async def execute(self, op: Operation, caller: Caller) -> Result:
        self.heard.append((op, caller.session))
        match op:
            case LogIn():
                return Result(object={ID: "user-1", "name": "Ann"}, session="token-1")
            case CheckSession(token=token):
                return Result(value=token in self.open)
            case Get(id=known):
                return Result(object={ID: known, "name": "Ann"})
            case _:
                self.open.discard(caller.session or "")
                return Result()

    async def identify(self, caller: Caller) -> Caller:
        return caller

    async def close(self) -> None:
        pass


def asking(session: str) -> Caller:
    return Caller(app="blog", session=session)


async def refusal(whose: Whose, op: Operation, caller: Caller) -> Code:
    with pytest.raises(GatewayError) as refused:
        await whose.execute(op, caller)
    return refused.value.code


async def test_a_session_tells_whose_it_is() -> None:
    vendor = Vendor()
    whose = Whose(vendor, b"a secret")
    session = (await whose.execute(LOG_IN, CALLER)).session or ""
    assert session.startswith("token-1.user-1.")
    found = await whose.execute(CurrentUser(include=("friend",)), asking(session))
    assert (found.id, found.session, (found.object or {})["name"]) == ("user-1", session, "Ann")
    assert (await whose.execute(CurrentUser(session=session), CALLER)).id == "user-1"
    assert (await whose.execute(CheckSession(token=session), CALLER)).value is True
    again = Whose(vendor, b"a secret")  # another gateway
    assert (await again.execute(CurrentUser(), asking(session))).id == "user-1"
    # the backend has heard its own token alone, and is asked for the user by it
    assert {heard for _, heard in vendor.heard} == {None, "token-1"}
    assert (Get(class_name=USER, id="user-1", include=("friend",)), "token-1") in vendor.heard
    await whose.execute(LogOut(), asking(session))
    assert await refusal(whose, CurrentUser(), asking(session)) is Code.INVALID_SESSION


@pytest.mark.parametrize("forge", [lambda s: s.replace("user-1", "user-2"), lambda s: s[:-1], lambda s: s + "0"])
async def test_a_session_with_another_user_in_it_is_none(forge: Any) -> None:
    whose = Whose(Vendor(), b"a secret")
    session = (await whose.execute(LOG_IN, CALLER)).session or ""
    assert await refusal(whose, CurrentUser(), asking(forge(session))) is Code.INVALID_SESSION


async def test_a_seal_of_other_keys_is_none() -> None:
    session = (await Whose(Vendor(), b"one secret").execute(LOG_IN, CALLER)).session or ""
    assert await refusal(Whose(Vendor(), b"another secret"), CurrentUser(), asking(session)) is Code.INVALID_SESSION


async def test_a_seal_of_other_keys_logs_nobody_out() -> None:
    session = (await Whose(Vendor(), b"one secret").execute(LOG_IN, CALLER)).session or ""
    vendor = Vendor()
    other = Whose(vendor, b"another secret")
    await other.execute(Get(class_name="Note", id="a"), asking(session))
    assert (await other.execute(CheckSession(token=session), CALLER)).value is True
    assert [heard for _, heard in vendor.heard] == ["token-1", None]
    await other.execute(LogOut(), asking(session))
    assert (await other.execute(CheckSession(token=session), CALLER)).value is False


@pytest.mark.parametrize("token", ["token-1", "a.b.c"])
async def test_a_token_that_came_by_another_way_is_a_token(token: str) -> None:
    vendor = Vendor()
    whose = Whose(vendor, b"a secret")
    assert (await whose.execute(CheckSession(token=token), asking(token))).value is True
    assert vendor.heard == [(CheckSession(token=token), token)]
    assert await refusal(whose, CurrentUser(), asking(token)) is Code.UNSUPPORTED
    assert await refusal(whose, CurrentUser(), CALLER) is Code.INVALID_SESSION


@pytest.mark.parametrize("session", ["", ".", "..", "a.b", "\ud800.x.y", "x" * 10_000])
async def test_junk_is_no_session(session: str) -> None:
    assert await refusal(Whose(Vendor(), b"a secret"), CurrentUser(), asking(session)) is Code.INVALID_SESSION
