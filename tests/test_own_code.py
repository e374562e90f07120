"""An app's own code from its settings: what cannot work is said at the start, by its key."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.adapters.webhook import Webhooks
from gateway.app import mappings_directory
from gateway.dialects.dialect import load_dialects
from gateway.model.trigger import Moment
from gateway.own_code import faults, make_code
from gateway.settings import AppSettings

DIALECTS = load_dialects(mappings_directory())
HOOK = {"url": "https://code.example.com/hook", "secret": "a secret of sixteen"}
KEYS = {"app_key": "ak", "master_key": "mk", "hook_key": "hk"}
CLIENTS = {"leancloud": {"app_id": "lean", **KEYS}}
OTHERS = {"parse": {"app_id": "blog", "rest_key": "r"}}
ENGINE = {"url": "https://engine.example.com", "format": "leancloud"}


def app(**settings: Any) -> AppSettings:
    return AppSettings.model_validate({"name": "blog", "backend": "store", "clients": CLIENTS, **settings})


def found(*, remote: bool = False, **settings: Any) -> list[str]:
    return list(faults(DIALECTS, app(**settings), remote=remote))


def test_what_can_work_has_no_faults() -> None:
    hooks = {"before_save": HOOK, "before_update": {**HOOK, "format": "leancloud"}}
    assert found(functions={"hello": HOOK}, triggers={"Todo": hooks}, engine=ENGINE) == []
    assert found(triggers={"_User": {"before_log_in": HOOK, "before_password_reset": HOOK}}) == []


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"functions": {"hello": {**HOOK, "format": "x"}}}, "functions.hello.format: is no form of webhooks"),
        ({"functions": {"hello": {**HOOK, "keys": {"x": "y"}}}}, "functions.hello.keys.x: is no key of this form"),
        ({"triggers": {"Todo": {"before_tea": HOOK}}}, "triggers.Todo.before_tea: this form has no such trigger"),
        (
            {"triggers": {"Todo": {"before_find": {**HOOK, "format": "leancloud"}}}},
            "triggers.Todo.before_find: this form has no such trigger",
        ),
        ({"registered_hooks": {"keys": {"x": "y"}}}, "registered_hooks.keys.x: is no key of this form"),
        (
            {"engine": {**ENGINE, "format": "parse"}},
            "engine.format: is no form of a server of code; there are: leancloud",
        ),
        ({"engine": ENGINE, "clients": OTHERS}, "engine.keys.app_key: is needed"),
        ({"engine": ENGINE, "clients": OTHERS}, "engine.app_id: is needed"),
        ({"engine": {**ENGINE, "keys": {"x": "y"}}}, "engine.keys.x: is no key of this form"),
    ],
)
def test_what_cannot_work_is_told_by_its_key(settings: dict[str, Any], fault: str) -> None:
    assert any(told.startswith(fault) for told in found(**settings)), found(**settings)


@pytest.mark.parametrize(
    ("class_name", "moment", "form"), [("_User", "before_password_reset", "parse"), ("sms", "on_verified", "leancloud")]
)
def test_what_another_server_does_by_itself_cannot_be_asked_about(class_name: str, moment: str, form: str) -> None:
    triggers = {class_name: {moment: {**HOOK, "format": form}}}
    assert found(triggers=triggers) == []
    (fault,) = found(triggers=triggers, remote=True)
    assert fault.startswith(f"triggers.{class_name}.{moment}: the server that has the users does this by itself")
    assert found(triggers={"_User": {"before_log_in": HOOK}}, remote=True) == []


async def test_each_is_asked_in_its_form_and_with_its_keys() -> None:
    given = app(
        functions={"hello": HOOK, "lean": {**HOOK, "format": "leancloud", "keys": {"hook_key": "own"}}},
        triggers={"Todo": {"before_save": HOOK}},
        engine=ENGINE,
    )
    webhooks, public = Webhooks(), Webhooks(public_only=True)
    code = make_code(given, DIALECTS, webhooks, public)
    assert code.functions["hello"].hook.longest_answer == 1024**2
    assert code.functions["hello"].form is DIALECTS["parse"].hooks
    assert code.functions["lean"].form is DIALECTS["leancloud"].hooks
    assert code.functions["lean"].keys == {**KEYS, "app_id": "lean", "hook_key": "own"}
    assert code.triggers.keys() == {("Todo", Moment.BEFORE_SAVE)}
    assert code.engine is not None
    assert code.engine.receiver.keys["hook_key"] == "hk"
    assert code.registered is not None
    assert code.registered.webhooks is public, "what clients register may not lead into a private network"
    private = make_code(app(registered_hooks={"private": True}), DIALECTS, webhooks, public).registered
    assert private is not None
    assert private.webhooks is webhooks
    for text in (repr(code.functions["lean"]), repr(code.registered)):
        assert "own" not in text
        assert "secret" not in text
    short = {"max_answer": "2kB"}
    small = app(functions={"hello": HOOK | short}, engine=ENGINE | short, registered_hooks=short)
    limited = make_code(small, DIALECTS, webhooks, public)
    assert limited.engine is not None
    assert limited.registered is not None
    bounds = [
        limited.functions["hello"].hook,
        limited.engine.receiver.hook,
        limited.registered.at("http://a.example", "a").hook,
    ]
    assert [hook.longest_answer for hook in bounds] == [2048] * 3
    await code.close()
    await webhooks.close()
    await public.close()
