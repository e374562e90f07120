"""Operations in plainer words mean the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.backends.embedded import Embedded
from gateway.backends.plain import known_by, plain
from gateway.errors import Code, GatewayError
from gateway.model.account import LogIn, SignUp
from gateway.model.operation import Caller, Create, Get, Operation, Update
from gateway.model.push import Push
from gateway.model.query import And, Condition, Op
from gateway.model.update import (
    Add,
    AddUnique,
    BitAnd,
    BitOr,
    BitXor,
    Change,
    Changes,
    Increment,
    Remove,
    Set,
    SetOnInsert,
    Several,
    Unset,
)

MASTER = Caller(app="blog", master=True)


def update(change: Change) -> Update:
    return Update(class_name="Note", id="a", changes={"n": change})


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        (update(Several((Increment(1), Increment(2)))), update(Increment(3))),
        (update(Several((Add((1,)), Add((2, 3))))), update(Add((1, 2, 3)))),
        (update(Several((Increment(1), Unset()))), update(Unset())),
        (update(Several((Unset(), Increment(2), Increment(3)))), update(Set(5))),
        (update(Several((Set(8), BitOr(1), BitXor(3)))), update(Set(10))),
        (update(Several((Add((1,)), Remove((2,))))), update(Several((Add((1,)), Remove((2,)))))),
        (update(SetOnInsert(1)), Update(class_name="Note", id="a", changes={})),
        (Create(class_name="N", changes={"n": SetOnInsert(1)}), Create(class_name="N", changes={"n": Set(1)})),
        (Create(class_name="N", changes={"n": BitXor(6)}), Create(class_name="N", changes={"n": Set(6)})),
        (LogIn(username="tom", email="t@example.com", one_name=True), LogIn(username="tom", one_name=True)),
        (LogIn(email="t@example.com", phone="1", one_name=True), LogIn(email="t@example.com", one_name=True)),
        (LogIn(username="tom", email="t@example.com"), LogIn(username="tom", email="t@example.com")),
    ],
)
def test_fewer_words(op: Operation, expected: Operation) -> None:
    assert plain(op) == expected


NUMBERS = st.integers(-5, 5)
BITS = st.integers(0, 7)
PARTS = st.one_of(
    NUMBERS.map(Increment),
    NUMBERS.map(Set),
    NUMBERS.map(SetOnInsert),
    BITS.map(BitAnd),
    BITS.map(BitOr),
    BITS.map(BitXor),
    st.just(Unset()),
    st.lists(NUMBERS, min_size=1, max_size=3).map(lambda values: Add(tuple(values))),
    st.lists(NUMBERS, min_size=1, max_size=3).map(lambda values: AddUnique(tuple(values))),
    st.lists(NUMBERS, min_size=1, max_size=3).map(lambda values: Remove(tuple(values))),
    st.lists(NUMBERS, max_size=3).map(Set),
)


@pytest.fixture(scope="module")
def cases() -> list[tuple[Any, tuple[Change, ...]]]:
    """What stands there, and what is done to it: drawn once, as each needs a store."""
    found: list[tuple[Any, tuple[Change, ...]]] = []

    @settings(deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.one_of(st.none(), NUMBERS, st.lists(NUMBERS, max_size=3)), st.lists(PARTS, min_size=1, max_size=4))
    def draw(there: Any, parts: list[Change]) -> None:
        found.append((there, tuple(parts)))

    draw()
    return found


async def test_whatever_is_done_comes_to_the_same(cases: list[tuple[Any, tuple[Change, ...]]], tmp_path: Path) -> None:
    store = await Embedded.open(f"sqlite:///{tmp_path}/plain.db", secret=b"s" * 32)
    try:
        for at, (there, parts) in enumerate(cases):
            outcomes = []
            for shape in (lambda op: op, plain):
                class_name = f"{'Plain' if shape is plain else 'Whole'}{at}"
                change: Change = parts[0] if len(parts) == 1 else Several(parts)
                try:
                    if there is None:
                        made = await store.execute(shape(Create(class_name=class_name, changes={"n": change})), MASTER)
                        known = made.id
                    else:
                        first = Create(class_name=class_name, changes={"n": Set(there)})
                        known = (await store.execute(first, MASTER)).id
                        assert known is not None
                        op = Update(class_name=class_name, id=known, changes={"n": change})
                        await store.execute(shape(op), MASTER)
                    assert known is not None
                    found = (await store.execute(Get(class_name=class_name, id=known), MASTER)).object or {}
                    outcomes.append(found.get("n"))
                except GatewayError as error:
                    outcomes.append(error.code)
            whole, plainer = outcomes
            # what would have failed on the way may be done: its end was no mistake
            assert whole in (plainer, Code.TYPE_MISMATCH), (there, parts, outcomes)
    finally:
        await store.close()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"authData": Set({"weixin": {"openid": "o1"}})}, {"authData": Set({"weixin": {"openid": "o1", "id": "o1"}})}),
        ({"authData": Set({"a": {"id": "1", "uid": "2"}})}, {"authData": Set({"a": {"id": "1", "uid": "2"}})}),
        ({"authData.github": Set({"uid": "u1"})}, {"authData": Set({"github": {"uid": "u1", "id": "u1"}})}),
        ({"authData.github": Unset(), "n": Set(1)}, {"authData": Set({"github": None}), "n": Set(1)}),
        ({"authData": Unset()}, {"authData": Unset()}),
        ({"authData": Set({"github": None})}, {"authData": Set({"github": None})}),
    ],
)
def test_who_somebody_is_elsewhere_stands_where_the_backend_looks(changes: Changes, expected: Changes) -> None:
    assert known_by(SignUp(changes=changes), "id") == SignUp(changes=expected)
    update = Update(class_name="_User", id="u", changes=changes)
    assert known_by(update, "id") == replace(update, changes=expected)
    elsewhere = replace(update, class_name="Note")
    assert known_by(elsewhere, "id") is elsewhere


def test_nobody_is_known_without_an_id() -> None:
    with pytest.raises(GatewayError) as refused:
        known_by(SignUp(changes={"authData": Set({"weixin": {"access_token": "t"}})}), "id")
    assert refused.value.code is Code.BAD_AUTH_DATA


IOS, SUBSCRIBED = Condition("deviceType", Op.EQ, "ios"), Condition("channels", Op.IN, ["a"])


@pytest.mark.parametrize(
    ("op", "plainer"),
    [
        (Push(channels=("a",), both=True, to_all=True, without_token=True), Push(channels=("a",))),
        (Push(where=IOS, where_json={"deviceType": "ios"}, to_all=True), Push(where=IOS)),
        (Push(where=IOS, channels=("a",), both=True), Push(where=And((IOS, SUBSCRIBED)))),
        (Push(to_all=True), Push(where=And(()))),
        (
            Push(channels=("a",), data={"ios": {}}, platforms=("ios",)),
            Push(channels=("a",), data={"ios": {}}, platforms=("ios",)),
        ),
    ],
)
def test_a_push_says_whom_it_is_for_in_one_way(op: Push, plainer: Push) -> None:
    assert plain(op) == plainer


def test_a_push_to_nobody_in_particular_is_not_made_one_to_everybody() -> None:
    with pytest.raises(GatewayError) as told:
        plain(Push())
    assert told.value.code is Code.BAD_PUSH
