"""Questions to an app's own code and its answers, in both vendors' forms, without anybody who is asked."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.app import mappings_directory
from gateway.dialects.dialect import load_dialects
from gateway.dialects.hooks_json import LONGEST_MESSAGE, HooksJson
from gateway.errors import Code, GatewayError
from gateway.model.account import USER
from gateway.model.trigger import UNDEFINED, Moment, Occasion, Who
from gateway.model.update import Increment, Set, Unset
from gateway.model.values import ACL, CREATED_AT, ID, Date, Fields, GeoPoint, Pointer, Relation


def form(name: str) -> HooksJson:
    made = DIALECTS[name].hooks
    assert made is not None
    return made


DIALECTS = load_dialects(mappings_directory())
PARSE, LEAN = form("parse"), form("leancloud")
NOBODY = Who("blog")
KEYS = {"app_id": "id", "app_key": "k", "master_key": "m", "hook_key": "h"}
WHEN = Date("2026-01-02T03:04:05.678Z")
ORIGINAL: Fields = {ID: "o", CREATED_AT: WHEN, "n": 1, "other": "as it was"}
TODO_CHANGED = Occasion(
    Moment.BEFORE_SAVE, "Todo", {**ORIGINAL, "n": 3}, original=ORIGINAL, changes={"n": Increment(2)}
)


def refusal(asked: Any) -> GatewayError:
    with pytest.raises(GatewayError) as refused:
        asked()
    return refused.value


# questions


def test_a_function_is_asked_in_each_form() -> None:
    who = Who("blog", user={ID: "u", "username": "tom", "password": "hash"}, session="s")
    parse = PARSE.function("hello", {"at": WHEN}, who, {"webhook_key": "w"})
    assert (parse.path, parse.headers) == ("", {"X-Parse-Webhook-Key": "w"})
    assert parse.body["params"] == {"at": {"__type": "Date", "iso": WHEN.iso}}
    assert parse.body["user"] == {"objectId": "u", "username": "tom", "sessionToken": "s"}
    lean = LEAN.function("a b/c", {"at": WHEN}, who, KEYS)
    assert lean.path == "/1.1/functions/a%20b%2Fc"
    assert (lean.headers["X-LC-Session"], lean.headers["X-LC-Key"]) == ("s", "k")
    assert LEAN.function("hello", None, Who("blog", master=True), KEYS).headers["X-LC-Key"] == "m,master"
    assert LEAN.function("hello", {}, NOBODY, KEYS, with_objects=True).path == "/1.1/call/hello"


def test_code_is_told_the_context_of_a_request() -> None:
    who = Who("blog", context={"k": [1]})
    assert PARSE.function("hello", {}, who, {}).body["context"] == {"k": [1]}
    assert PARSE.trigger(TODO_CHANGED, who, {}).body["context"] == {"k": [1]}
    assert PARSE.function("hello", {}, NOBODY, {}).body["context"] == {}


@pytest.mark.parametrize("name", [".", ".."])
def test_a_name_that_leads_elsewhere_is_no_function(name: str) -> None:
    assert refusal(lambda: LEAN.function(name, {}, NOBODY, KEYS)).code is Code.NO_FUNCTION


def test_what_a_form_has_no_word_for_is_refused() -> None:
    assert refusal(lambda: LEAN.event("e", {}, NOBODY, KEYS)).code is Code.UNSUPPORTED
    occasion = Occasion(Moment.BEFORE_FIND, "Todo", {})
    assert refusal(lambda: LEAN.trigger(occasion, NOBODY, KEYS)).code is Code.UNSUPPORTED


def test_a_change_is_shown_as_operators_or_as_it_will_come_out() -> None:
    parse = PARSE.trigger(TODO_CHANGED, NOBODY, {})
    assert parse.body["object"]["n"] == {"__op": "Increment", "amount": 2}
    assert parse.body["original"]["n"] == 1
    occasion = Occasion(Moment.BEFORE_UPDATE, "Todo", TODO_CHANGED.fields, ORIGINAL, TODO_CHANGED.changes)
    lean = LEAN.trigger(occasion, NOBODY, KEYS)
    assert (lean.path, lean.headers["X-LC-Hook-Key"]) == ("/1.1/functions/Todo/beforeUpdate", "h")
    assert (lean.body["object"]["n"], lean.body["object"]["_updatedKeys"]) == (3, ["n"])


@pytest.mark.parametrize("asked", [PARSE, LEAN], ids=["parse", "leancloud"])
def test_passwords_and_authdata_are_not_shown(asked: HooksJson) -> None:
    changes = {"password": Set("secret"), "authData.x.id": Set("secret"), "nick": Set("t")}
    fields = {"nick": "t", "password": "secret", "authData": {"x": {"id": "secret"}}}
    shown = asked.trigger(Occasion(Moment.BEFORE_SAVE, USER, fields, None, changes), NOBODY, KEYS).body
    assert "secret" not in str(shown)
    assert shown["object"]["nick"] == "t"


def test_which_trigger_a_change_is_for_the_form_says() -> None:
    assert PARSE.asks(Moment.BEFORE_SAVE, created=False) is Moment.BEFORE_SAVE
    assert LEAN.asks(Moment.BEFORE_SAVE, created=False) is Moment.BEFORE_UPDATE
    assert LEAN.asks(Moment.BEFORE_SAVE, created=True) is Moment.BEFORE_SAVE


# answers


def test_what_a_function_returned() -> None:
    assert PARSE.value(200, {"success": {"__type": "Date", "iso": WHEN.iso}}) == WHEN
    assert LEAN.value(200, {"result": None}) is None
    assert LEAN.value(200, {}) is UNDEFINED


@pytest.mark.parametrize(
    ("asked", "status", "body", "message", "number"),
    [
        (PARSE, 200, {"error": "no"}, "no", None),
        (PARSE, 400, {"error": {"code": 7, "message": "no"}}, "no", "7"),
        (PARSE, 200, {"error": "x" * 5000}, "x" * LONGEST_MESSAGE, None),
        (PARSE, 200, {"error": ""}, "it failed", None),
        (PARSE, 200, {"error": {"strange": 1}}, "it failed, and does not say why", None),
        (LEAN, 400, {"code": 42, "error": "no"}, "no", "42"),
        (LEAN, 400, {"code": 1, "error": "no"}, "no", None),
    ],
)
def test_what_a_function_says_of_a_failure(
    asked: HooksJson, status: int, body: Any, message: str, number: str | None
) -> None:
    refused = refusal(lambda: asked.value(status, body))
    assert (refused.code, refused.message, refused.details.get("number")) == (Code.FUNCTION_FAILED, message, number)


@pytest.mark.parametrize(("status", "body"), [(200, "text"), (200, [1]), (200, None), (404, {}), (400, None)])
@pytest.mark.parametrize("asked", [PARSE, LEAN], ids=["parse", "leancloud"])
def test_what_is_not_understood_is_no_answer(asked: HooksJson, status: int, body: Any) -> None:
    assert refusal(lambda: asked.value(status, body)).code is Code.UNAVAILABLE


def test_a_trigger_changes_adds_and_takes_away() -> None:
    object_ = {"objectId": "o", "createdAt": WHEN.iso, "n": 5, "other": "as it was", "new": {"a": 1}}
    altered = PARSE.altered(TODO_CHANGED, 200, {"success": {**object_, "className": "Other"}})
    assert altered == {"n": Set(5), "new": Set({"a": 1})}
    assert PARSE.altered(TODO_CHANGED, 200, {"success": PARSE.shown(TODO_CHANGED)}) == {}
    left_out = {key: value for key, value in PARSE.shown(TODO_CHANGED).items() if key != "n"}
    assert PARSE.altered(TODO_CHANGED, 200, {"success": left_out}) == {"n": None}
    occasion = Occasion(Moment.BEFORE_UPDATE, "Todo", TODO_CHANGED.fields, ORIGINAL, TODO_CHANGED.changes)
    told = {key: value for key, value in LEAN.shown(occasion).items() if key != "other"}
    assert LEAN.altered(occasion, 200, told) == {"other": Unset()}


def test_a_trigger_changes_neither_ids_nor_times() -> None:
    answer = {**PARSE.shown(TODO_CHANGED), "objectId": "another", "createdAt": "2000-01-01T00:00:00.000Z"}
    assert PARSE.altered(TODO_CHANGED, 200, {"success": answer}) == {}
    acl = {"*": {"read": True}}
    assert PARSE.altered(TODO_CHANGED, 200, {"success": {**PARSE.shown(TODO_CHANGED), "ACL": acl}}) == {ACL: Set(acl)}


@pytest.mark.parametrize("success", [True, None, {}, "yes"])
def test_an_answer_without_an_object_changes_nothing(success: Any) -> None:
    assert PARSE.altered(TODO_CHANGED, 200, {"success": success}) == {}


def test_what_is_sent_back_as_it_came_is_not_written() -> None:
    """Else a field that somebody else changes meanwhile would be set back."""
    kinds: Fields = {"to": Pointer("Other", "x"), "at": WHEN, "place": GeoPoint(1.5, 2.5), "all": Relation("Other")}
    occasion = Occasion(Moment.BEFORE_SAVE, "Todo", {**kinds, "n": 1}, {**kinds, ID: "o"}, {"n": Set(1)})
    assert PARSE.altered(occasion, 200, {"success": PARSE.shown(occasion)}) == {}
    other = {**PARSE.shown(occasion), "to": {"__type": "Pointer", "className": "Other", "objectId": "y"}}
    assert PARSE.altered(occasion, 200, {"success": other}) == {"to": Set(Pointer("Other", "y"))}


# what a server of code has


def test_functions_and_hooks_are_told_apart() -> None:
    names = ["hello", "__before_update_for_Todo", "__on_login__User", "__on_verified_email"]
    functions, triggers = LEAN.learned({"result": names})
    assert functions == {"hello"}
    assert triggers == {
        ("Todo", Moment.BEFORE_UPDATE),
        (USER, Moment.BEFORE_LOG_IN),
        ("email", Moment.ON_VERIFIED),
    }
    assert LEAN.listing(KEYS).headers["X-LC-Key"] == "m,master"
    for body in (None, {}, {"result": "hello"}, {"result": [1]}):
        assert refusal(lambda body=body: LEAN.learned(body)).code is Code.UNAVAILABLE
