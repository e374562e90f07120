"""What a query may not ask of users, and what no answer shows of them."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.backends.protected import PROTECTED, hide_protected, refuse_protected
from gateway.errors import Code, GatewayError
from gateway.model.operation import Caller, Delete, Find, Get, Operation, Result, Scan, Update
from gateway.model.query import And, Condition, Filter, Not, Op, Or, RelatedTo, Sort, Subquery
from gateway.model.values import ID, Object, Pointer

CLIENT, OWNER = Caller("demo"), Caller("demo", user_id="tom")
MASTER, GATEWAY = Caller("demo", master=True), Caller("demo", trusted=True)


def users(where: Filter | None = None, **more: Any) -> Find:
    return Find(class_name="_User", limit=1, where=where, **more)


def posts(where: Filter) -> Find:
    return Find(class_name="Post", limit=1, where=where)


def among(subquery: Subquery, op: Op = Op.IN) -> Condition:
    return Condition("by", op, subquery)


EMAIL = Condition("email", Op.EQ, "a@example.com")
NAME = Condition("username", Op.EQ, "tom")

REFUSED: dict[str, Operation] = {
    "a condition": users(EMAIL),
    "a condition that only asks whether there is one": users(Condition("email", Op.EXISTS, value=True)),
    "a number": users(Condition("mobilePhoneNumber", Op.EQ, "1")),
    "a dotted name": users(Condition("authData.github.id", Op.EQ, "1")),
    "in And": users(And((NAME, EMAIL))),
    "in Or in Not": users(Not(Or((NAME, EMAIL)))),
    "an order": users(order=(Sort("username"), Sort("email", descending=True))),
    "a subquery": posts(among(Subquery("_User", EMAIL))),
    "a subquery that is denied": posts(among(Subquery("_User", EMAIL), Op.NOT_IN)),
    "a subquery's key": posts(among(Subquery("_User", key="email"))),
    "a subquery's order": posts(among(Subquery("_User", order=(Sort("email"),)))),
    "a subquery in a subquery": posts(among(Subquery("Post", among(Subquery("_User", EMAIL))))),
    "a subquery of users, in a query of users": users(among(Subquery("Post", among(Subquery("_User", EMAIL))))),
    "a condition of an update": Update(class_name="Post", id="x", changes={}, where=among(Subquery("_User", EMAIL))),
    "a condition of a deletion": Delete(class_name="_User", ids=("x",), where=EMAIL),
    "a scan's condition": Scan(class_name="_User", limit=1, where=EMAIL),
    "a scan's key": Scan(class_name="_User", limit=1, key=Sort("email")),
}

ALLOWED: dict[str, Operation] = {
    "a name": users(NAME),
    "an address that is no user's": posts(EMAIL),
    "an address of another class in a subquery": posts(among(Subquery("Contact", EMAIL, key="email"))),
    "the members of a relation": users(RelatedTo(Pointer("Post", "x"), "likes")),
    "one user": Get(class_name="_User", id="x"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_tell_of_a_protected_field_is_refused(name: str) -> None:
    for caller in (CLIENT, OWNER):  # a query of one's own user as well: it would tell about all the others
        with pytest.raises(GatewayError) as refused:
            refuse_protected(REFUSED[name], caller)
        assert refused.value.code is Code.FORBIDDEN
    for caller in (MASTER, GATEWAY):
        refuse_protected(REFUSED[name], caller)


@pytest.mark.parametrize("name", ALLOWED)
def test_what_tells_nothing_is_allowed(name: str) -> None:
    refuse_protected(ALLOWED[name], CLIENT)


def user(id_: str) -> dict[str, Any]:
    return {ID: id_, "username": id_, "email": "e", "mobilePhoneNumber": "1", "authData": {"github": {"id": "1"}}}


def included(id_: str) -> dict[str, Any]:
    deep = Object("Post", {ID: "p2", "by": Object("_User", user(id_))})
    return {ID: "p", "by": Object("_User", user(id_)), "list": [Object("_User", user(id_))], "deep": {"a": [deep]}}


POST = Get(class_name="Post", id="p", include=("by",))
SHOWN: dict[str, tuple[Operation, Result, int]] = {
    "got": (Get(class_name="_User", id="x"), Result(object=user("x")), 1),
    "found": (users(), Result(objects=[user("x")]), 1),
    "scanned": (Scan(class_name="_User", limit=1), Result(objects=[user("x")]), 1),
    "redirected": (posts(NAME), Result(objects=[user("x")], class_name="_User"), 1),
    "included": (POST, Result(object=included("x")), 3),
    "selected below": (Get(class_name="Post", id="p", select=("by.email",)), Result(object=included("x")), 3),
}


@pytest.mark.parametrize("name", SHOWN)
def test_no_answer_shows_what_is_protected(name: str) -> None:
    op, result, times = SHOWN[name]
    assert repr(result).count("'email'") == times
    assert hide_protected(op, result, MASTER) is result
    assert hide_protected(op, result, Caller("demo", user_id="x")) is result
    assert repr(result).count("'email'") == times
    hidden = repr(hide_protected(op, result, OWNER))
    assert [field for field in PROTECTED if f"'{field}'" in hidden] == []
    assert hidden.count("'username'") == times
