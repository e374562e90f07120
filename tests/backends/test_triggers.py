"""Triggers on a real store with real webhooks: what is refused, what is told, and what happens where one is down.

How they look to SDKs, and every way of writing, tests/sdk/cross/triggers.test.mjs has.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.adapters.functions import WebhookFunctions
from gateway.adapters.receiver import Receiver
from gateway.adapters.webhook import Hook, Webhooks
from gateway.app import mappings_directory
from gateway.backends.accounts import Accounts, Policy
from gateway.backends.embedded import Embedded
from gateway.backends.functions import FunctionCalls
from gateway.backends.later import Later
from gateway.backends.ledger import Ledger
from gateway.backends.recovery import Rules
from gateway.backends.scheduler import TASK, Scheduler, Task
from gateway.backends.triggers import TRIES, Triggers
from gateway.dialects.dialect import load_dialects
from gateway.errors import Code, GatewayError
from gateway.model.account import USER, LogIn, LogOut, SignUp
from gateway.model.operation import (
    Batch,
    Caller,
    Create,
    CreateMany,
    DeepSave,
    Deferred,
    Delete,
    DeleteMany,
    Find,
    Get,
    NewObject,
    Operation,
    Relate,
    Relating,
    Result,
    Returning,
    Update,
    UpdateMany,
    Upsert,
)
from gateway.model.query import Condition, Op
from gateway.model.recovery import Purpose, SendCode, SendLink, VerifyEmail, VerifyPhone
from gateway.model.trigger import Moment
from gateway.model.update import Increment, Set
from gateway.model.values import ACL, ID, Fields, Object, Pointer, Reference, Relation, ResultOf
from tests.outside import OutsideWorld

DIALECTS = load_dialects(mappings_directory())
CLIENT = Caller(app="blog")
MASTER = Caller(app="blog", master=True)
GATEWAY = Caller(app="", trusted=True)
EMAIL, PHONE = "tom@example.com", "+8618200008888"


@dataclass
class World:
    """A store behind triggers. `asked` is what the webhook was asked, `answers` has its answers by trigger."""

    triggers: Triggers
    store: Embedded
    port: int
    asked: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    now: float = 1_000_000.0
    down: bool = False
    later: Later = field(default_factory=Later)
    outside: OutsideWorld = field(default_factory=OutsideWorld)

    async def handle(self, request: web.Request) -> web.Response:
        if self.down:
            return web.Response(status=503, text="<html>down</html>")
        question = json.loads(await request.read())
        question.setdefault("triggerName", request.path.removeprefix("/hook/"))  # the other form says it in the path
        self.asked.append(question)
        answer = self.answers.get(question["triggerName"], {"success": True})
        return web.json_response(answer(question) if callable(answer) else answer, status=self.status)

    async def ask(self, op: Operation, caller: Caller = CLIENT) -> Result:
        return await self.triggers.execute(op, caller)

    async def refusal(self, op: Operation, caller: Caller = CLIENT) -> GatewayError:
        with pytest.raises(GatewayError) as refused:
            await self.ask(op, caller)
        return refused.value

    async def found(self, query: Find) -> Result | None:
        """None where the class was never written."""
        try:
            return await self.store.execute(query, GATEWAY)
        except GatewayError as error:
            if error.code is not Code.CLASS_NOT_FOUND:
                raise
            return None

    async def notes(self) -> list[Fields]:
        """What is still to be told."""
        found = await self.found(Find(class_name=TASK, limit=100))
        return [] if found is None else found.objects or []

    async def count(self, class_name: str = "Todo") -> int:
        found = await self.found(Find(class_name=class_name, limit=0, count=True))
        return 0 if found is None else found.total or 0

    def words(self) -> list[str]:
        return [question["triggerName"] for question in self.asked]


MOMENTS = (Moment.BEFORE_SAVE, Moment.AFTER_SAVE, Moment.BEFORE_DELETE, Moment.AFTER_DELETE)
OF_USERS = (Moment.BEFORE_LOG_IN, Moment.AFTER_LOG_IN, Moment.BEFORE_PASSWORD_RESET)
RULES = Rules(app="blog", public_url="https://api.example.com", secret=b"a secret", again_after=0)


@pytest.fixture
async def world(tmp_path: Path, outside: OutsideWorld) -> AsyncIterator[World]:
    forms = {name: form for name, spoken in DIALECTS.items() if (form := spoken.hooks) is not None}
    store = await Embedded.open(f"sqlite:///{tmp_path}/triggers.db", secret=b"s" * 32)
    webhooks = Webhooks()
    made: list[World] = []
    application = web.Application()

    async def handle(request: web.Request) -> web.Response:
        return await made[0].handle(request)

    application.router.add_post("/hook{path:.*}", handle)
    async with TestServer(application) as server, outside.outside() as adapters:

        def receiver(name: str, form: str = "parse") -> Receiver:
            hook = Hook(name=f"the trigger {name}", url=str(server.make_url("/hook")), timeout=30)
            return Receiver(webhooks, hook, forms[form], {"hook_key": "h"})

        asked = {("Todo", moment): receiver(f"{moment} of Todo") for moment in MOMENTS}
        asked |= {(USER, moment): receiver(moment) for moment in (*MOMENTS, *OF_USERS)}
        asked |= {(medium, Moment.ON_VERIFIED): receiver(medium, "leancloud") for medium in ("email", "sms")}
        asked |= {("Secret", moment): receiver(moment) for moment in (Moment.BEFORE_FIND, Moment.AFTER_FIND)}
        functions = WebhookFunctions(triggers=asked)
        later = Later()
        policy = Policy(failure_takes=0.01, recovery=RULES, trusted_providers=frozenset({"ours"}))
        accounts = Accounts(store, policy, outside=adapters, later=later)
        scheduler = Scheduler(Ledger(store), app="blog", now=lambda: made[0].now)
        triggers = Triggers(FunctionCalls(accounts, functions), functions, scheduler=scheduler, now=lambda: made[0].now)
        accounts.admit, accounts.admit_reset, triggers.knows = triggers.admit, triggers.admit_reset, accounts.knows
        made.append(World(triggers, store, server.port or 0, later=later, outside=outside))
        try:
            yield made[0]
        finally:
            await later.close()
            await scheduler.close()
            await webhooks.close()
            await triggers.close()


def todo(**fields: Any) -> Create:
    return Create(class_name="Todo", changes={name: Set(value) for name, value in fields.items()})


async def made_one(world: World, **fields: Any) -> str:
    id_ = (await world.store.execute(todo(**fields), MASTER)).id
    assert id_ is not None
    return id_


# what is asked


async def test_a_new_object_is_shown_before_and_after(world: World) -> None:
    id_ = (await world.ask(todo(title="one"), Caller(app="blog", installation_id="i1"))).id
    before, after = world.asked
    assert (before["triggerName"], before["object"]) == ("beforeSave", {"title": "one", "className": "Todo"})
    assert "original" not in before
    assert "user" not in before
    assert (before["master"], before["installationId"]) == (False, "i1")
    assert (after["triggerName"], after["object"]["objectId"], after["object"]["title"]) == ("afterSave", id_, "one")
    assert await world.notes() == [], "it was told"


async def test_an_update_shows_operators_and_the_original(world: World) -> None:
    id_ = await made_one(world, n=1, other="as it was")
    await world.ask(Update(class_name="Todo", id=id_, changes={"n": Increment(2)}))
    before, after = world.asked
    assert before["object"]["n"] == {"__op": "Increment", "amount": 2}
    assert (before["object"]["objectId"], before["object"]["other"]) == (id_, "as it was")
    assert (before["original"]["n"], after["object"]["n"], after["original"]["n"]) == (1, 3, 1)


async def test_what_a_trigger_answers_is_written_and_told(world: World) -> None:
    world.answers["beforeSave"] = lambda question: {
        "success": {
            **question["object"],
            "title": "better",
            "at": {"__type": "Date", "iso": "2026-01-02T03:04:05.678Z"},
        }
    }
    result = await world.ask(todo(title="one", n=1))
    assert result.object is not None
    assert result.object["title"] == "better"
    found = (await world.store.execute(Get(class_name="Todo", id=result.id or ""), MASTER)).object
    assert found is not None
    assert (found["title"], found["n"], found["at"].iso) == ("better", 1, "2026-01-02T03:04:05.678Z")


@pytest.mark.parametrize(
    ("returning", "told"),
    [
        (Returning.NOTHING, None),  # recorded of LeanCloud: the id and the time
        (Returning.COMPUTED, {"title": "better"}),  # Parse Server
        (Returning.CHANGED, {"title": "better", "n": 1}),
    ],
)
async def test_who_asks_for_nothing_is_not_told_what_a_trigger_set(
    world: World, returning: Returning, told: dict[str, Any] | None
) -> None:
    world.answers["beforeSave"] = lambda question: {"success": {**question["object"], "title": "better"}}
    result = await world.ask(replace(todo(title="one", n=1), returning=returning))
    assert result.object == told
    found = (await world.store.execute(Get(class_name="Todo", id=result.id or ""), MASTER)).object
    assert found is not None
    assert found["title"] == "better"


async def test_what_a_trigger_leaves_out_is_not_written(world: World) -> None:
    world.answers["beforeSave"] = {"success": {"kept": 1}}
    result = await world.ask(todo(kept=1, dropped=2))
    found = (await world.store.execute(Get(class_name="Todo", id=result.id or ""), MASTER)).object
    assert found is not None
    assert ("kept" in found, "dropped" in found) == (True, False)


async def test_passwords_and_tokens_are_not_shown_and_not_kept(world: World) -> None:
    changes = {"username": Set("tom"), "password": Set("a secret of his")}
    signed_up = await world.ask(SignUp(changes=changes))
    caller = Caller(app="blog", session=signed_up.session, user_id=signed_up.id)
    world.down = False
    await world.ask(todo(title="his"), caller)
    assert "a secret of his" not in json.dumps(world.asked)
    by_user = [question for question in world.asked if question["object"]["className"] == "Todo"]
    assert [question["user"]["username"] for question in by_user] == ["tom", "tom"]
    assert by_user[0]["user"]["sessionToken"] == signed_up.session, "of the caller's own session"
    assert "sessionToken" not in by_user[1]["user"], "what is kept has no token"


# what is refused


@pytest.mark.parametrize(
    ("error", "message", "number"),
    [
        ("plainly", "plainly", None),
        ({"code": 42, "message": "no"}, "no", "42"),
        ({"code": 42, "error": "no"}, "no", "42"),
        ({"message": "no"}, "no", None),
        ({"strange": 1}, None, None),
    ],
)
async def test_a_refusal_is_told_and_nothing_is_written(
    world: World, error: Any, message: str | None, number: str | None
) -> None:
    world.answers["beforeSave"] = {"error": error}
    refused = await world.refusal(todo(title="one"))
    assert refused.code is Code.HOOK_REFUSED
    assert message is None or refused.message == message
    assert refused.details.get("number") == number
    assert (await world.count(), world.words()) == (0, ["beforeSave"])


@pytest.mark.parametrize(
    "op",
    [
        todo(title="one"),
        Upsert(class_name="Todo", changes={"n": Set(1)}, id="theirs"),
        CreateMany(class_name="Todo", objects=(NewObject({"n": Set(1)}),)),
        Batch(items=(todo(n=1), todo(n=2)), atomic=True),
    ],
    ids=["create", "upsert", "many", "all or none"],
)
async def test_while_a_trigger_is_down_nothing_is_made(world: World, op: Operation) -> None:
    world.down = True
    refused = await world.refusal(op)
    assert refused.code is Code.UNAVAILABLE
    assert "before_save of Todo" in refused.message
    assert str(world.port) not in refused.message
    assert await world.count() == 0


@pytest.mark.parametrize(
    "make",
    [
        lambda id_: Update(class_name="Todo", id=id_, changes={"n": Set(2)}),
        lambda id_: UpdateMany(class_name="Todo", changes={"n": Set(2)}, ids=(id_,)),
        lambda id_: Delete(class_name="Todo", ids=(id_,)),
        lambda id_: DeleteMany(class_name="Todo", where=Condition("n", Op.EQ, 1)),
        lambda id_: Relate(class_name="Todo", id=id_, field="to", how=Relating.ADD, ids=(id_,), target="Todo"),
        lambda id_: Batch(items=(Delete(class_name="Todo", ids=(id_,)),), atomic=True),
    ],
    ids=["update", "update many", "delete", "delete many", "relate", "in a batch"],
)
async def test_while_a_trigger_is_down_nothing_is_changed(world: World, make: Any) -> None:
    id_ = await made_one(world, n=1)
    before = (await world.store.execute(Get(class_name="Todo", id=id_), MASTER)).object
    world.down = True
    assert (await world.refusal(make(id_))).code is Code.UNAVAILABLE
    assert (await world.store.execute(Get(class_name="Todo", id=id_), MASTER)).object == before


async def test_an_answer_that_cannot_be_saved_is_the_triggers_fault(world: World) -> None:
    world.answers["beforeSave"] = {"success": {"title": {"__type": "Date", "iso": "never"}}}
    refused = await world.refusal(todo(title="one"))
    assert refused.code is Code.UNAVAILABLE
    assert await world.count() == 0


async def test_a_batch_that_is_all_or_none_asks_all_before_it_writes(world: World) -> None:
    await world.ask(Batch(items=(todo(n=1), todo(n=2)), atomic=True))
    assert world.words() == ["beforeSave", "beforeSave", "afterSave", "afterSave"]
    world.asked.clear()
    world.answers["beforeSave"] = lambda question: (
        {"error": "no"} if question["object"]["n"] == 4 else {"success": True}
    )
    refused = await world.refusal(Batch(items=(todo(n=3), todo(n=4)), atomic=True))
    assert (refused.code, refused.details["item"]) == (Code.HOOK_REFUSED, "1")
    assert (await world.count(), world.words()) == (2, ["beforeSave", "beforeSave"])


async def test_in_another_batch_a_refusal_is_one_items(world: World) -> None:
    world.answers["beforeSave"] = lambda question: (
        {"error": "no"} if question["object"]["n"] == 2 else {"success": True}
    )
    items = (await world.ask(Batch(items=(todo(n=1), todo(n=2), todo(n=3))))).items
    assert items is not None
    assert [isinstance(item, GatewayError) for item in items] == [False, True, False]
    assert await world.count() == 2


async def test_each_of_many_may_be_changed_in_its_own_way(world: World) -> None:
    ids = [await made_one(world, n=n) for n in (1, 2)]
    world.answers["beforeSave"] = lambda question: {"success": {**question["object"], "was": question["original"]["n"]}}
    result = await world.ask(UpdateMany(class_name="Todo", changes={"n": Set(9)}, ids=tuple(ids)))
    assert result.total == 2
    found = [(await world.store.execute(Get(class_name="Todo", id=id_), MASTER)).object or {} for id_ in ids]
    assert [(fields["n"], fields["was"]) for fields in found] == [(9, 1), (9, 2)]


async def test_too_many_at_once_are_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.backends.triggers.MOST", 1)
    ids = [await made_one(world, n=n) for n in (1, 2)]
    for op in (
        UpdateMany(class_name="Todo", changes={"n": Set(9)}, where=Condition("n", Op.GT, 0)),
        DeleteMany(class_name="Todo", ids=tuple(ids)),
        CreateMany(class_name="Todo", objects=(NewObject({}), NewObject({}))),
    ):
        assert (await world.refusal(op)).code is Code.BAD_REQUEST
    assert (await world.count(), world.asked) == (2, [])


# trees of objects


async def linked(world: World) -> None:
    """A class with a pointer and a relation to objects that have triggers, and none itself."""
    links = {"main": Set(Pointer("Todo", "x")), "all": Set(Relation("Todo"))}
    await world.store.execute(Create(class_name="List", changes=links), MASTER)


async def test_of_a_tree_every_object_that_is_written_is_asked_about(world: World) -> None:
    await linked(world)
    there, changed = await made_one(world, n=1), await made_one(world, n=2)
    world.answers["beforeSave"] = lambda question: {"success": {**question["object"], "seen": True}}
    todos = [Object("Todo", {ID: there}), Object("Todo", {ID: changed, "n": 3}), Object("Todo", {"n": 4})]
    tree = {"name": "l", "main": Object("Todo", {"n": 5}), "all": todos}
    answer = (await world.ask(DeepSave(class_name="List", tree=tree))).object
    assert answer is not None
    assert world.words() == ["beforeSave"] * 3 + ["afterSave"] * 3, "all are asked before anything is written"
    before, after = world.asked[:3], world.asked[3:]
    assert [(one["object"]["n"], "original" in one) for one in before] == [(5, False), (3, True), (4, False)]
    assert sorted(one["object"]["n"] for one in after) == [3, 4, 5]
    assert [one["original"]["n"] for one in after if "original" in one] == [2]
    assert answer["main"].fields["seen"] is True
    assert sorted((one.fields["n"], one.fields.get("seen")) for one in answer["all"]) == [
        (1, None),
        (3, True),
        (4, True),
    ]
    assert await world.notes() == []


async def test_what_a_tree_links_is_shown_as_pointers(world: World) -> None:
    there = await made_one(world, n=1)
    main, new = Object("Todo", {ID: there}), Object("Todo", {"n": 2})
    await world.ask(DeepSave(class_name="Todo", tree={"n": 3, "next": main, "all": [new], "json": {"a": [1]}}))
    inner, top = world.asked[:2]
    assert inner["object"] == {"className": "Todo", "n": 2}
    pointer = {"__type": "Pointer", "className": "Todo", "objectId": there}
    assert top["object"] == {"className": "Todo", "n": 3, "next": pointer, "json": {"a": [1]}}


async def test_one_refusal_and_nothing_of_a_tree_is_written(world: World) -> None:
    await linked(world)
    world.answers["beforeSave"] = lambda question: (
        {"error": "no"} if question["object"]["n"] == 2 else {"success": True}
    )
    tree = {"main": Object("Todo", {"n": 1}), "all": [Object("Todo", {"n": 2})]}
    assert (await world.refusal(DeepSave(class_name="List", tree=tree))).code is Code.HOOK_REFUSED
    assert (await world.count(), await world.count("List"), world.words()) == (0, 1, ["beforeSave"] * 2)
    world.down = True
    assert (await world.refusal(DeepSave(class_name="List", tree=tree))).code is Code.UNAVAILABLE
    assert await world.count("List") == 1


async def test_a_trigger_takes_a_branch_out_of_a_tree(world: World) -> None:
    there = await made_one(world, n=1)
    world.answers["beforeSave"] = lambda question: {
        "success": {name: value for name, value in question["object"].items() if name != "next"}
    }
    tree = {"n": 2, "next": Object("Todo", {ID: there, "n": 9})}
    result = await world.ask(DeepSave(class_name="Todo", tree=tree))
    assert world.words() == ["beforeSave", "beforeSave", "afterSave"], "the branch was not saved"
    found = (await world.store.execute(Get(class_name="Todo", id=there), MASTER)).object or {}
    assert (found["n"], "next" in (result.object or {})) == (1, False)


async def test_who_may_not_read_a_tree_has_its_triggers_told(world: World) -> None:
    await linked(world)
    tree = {ACL: {}, "main": Object("Todo", {"n": 1})}
    result = await world.ask(DeepSave(class_name="List", tree=tree))
    assert result.object is not None
    assert result.object.keys() == {ID}
    assert world.words() == ["beforeSave", "afterSave"]


async def test_an_object_of_a_tree_that_is_not_the_callers_is_not_asked_about(world: World) -> None:
    await linked(world)
    theirs = (await world.store.execute(Create(class_name="Todo", changes={ACL: Set({})}), MASTER)).id
    tree = {"main": Object("Todo", {ID: theirs, "n": 1})}
    await world.refusal(DeepSave(class_name="List", tree=tree))
    assert world.asked == []


async def test_a_tree_with_too_many_objects_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.backends.triggers.MOST", 2)
    tree = {"main": Object("Todo", {"n": 1}), "all": [Object("Todo", {"n": 2})]}
    assert (await world.refusal(DeepSave(class_name="List", tree=tree))).code is Code.BAD_REQUEST
    assert world.asked == []


# what is not known before the batch is done


@pytest.mark.parametrize(
    "item",
    [
        Deferred(item=Update(class_name="Todo", id="", changes={"n": Set(1)}), fields={"id": ResultOf("one")}),
        Deferred(item=Delete(class_name="Todo", ids=()), fields={"ids": ResultOf("one")}),
        todo(to=Reference("one", "Other")),
        todo(n=ResultOf("one", field="n")),
        todo(inside={"list": [ResultOf("one", field="n")]}),
        Update(class_name="Todo", id="x", changes={"n": Set(ResultOf("one", field="n"))}),
        UpdateMany(class_name="Todo", changes={"n": Set(1)}, ids=ResultOf("one")),
        DeleteMany(class_name="Todo", ids=(ResultOf("one", 0),)),
    ],
)
async def test_what_an_earlier_item_has_yet_to_answer_cannot_be_asked_about(world: World, item: Operation) -> None:
    await world.store.execute(Create(class_name="Todo", id="x", changes={"n": Set(1)}), MASTER)
    batch = Batch(items=(Create(class_name="Other", changes={"n": Set(1)}), item), names=("one", None), atomic=True)
    refused = await world.refusal(batch)
    assert (refused.code, refused.details["item"]) == (Code.UNSUPPORTED, "1")
    assert "Todo has a trigger" in refused.message
    assert (await world.count("Other"), world.asked) == (0, [])


async def test_where_nobody_is_asked_an_item_may_need_an_earlier_ones_answer(world: World) -> None:
    change = Update(class_name="Other", id="", changes={"n": Set(2)})
    items = (
        Create(class_name="Other", changes={"n": Set(1)}),
        Deferred(item=change, fields={"id": ResultOf("one")}),
    )
    await world.ask(Batch(items=items, names=("one", None), atomic=True))
    assert await world.count("Other") == 1


# who is not asked


async def test_only_the_master_and_own_code_say_that_a_trigger_is_not_asked(world: World) -> None:
    op = Create(class_name="Todo", changes={}, ignore_hooks=("before_save", "after_save"))
    await world.ask(op)
    assert world.words() == ["beforeSave", "afterSave"]
    world.asked.clear()
    for caller in (MASTER, Caller(app="blog", own_code=True)):
        await world.ask(op, caller)
    assert world.asked == []


async def test_a_class_without_triggers_asks_nobody(world: World) -> None:
    await world.ask(Create(class_name="Other", changes={}))
    await world.ask(Find(class_name="Other", limit=1))
    assert world.asked == []


# queries and users


async def test_a_query_can_be_refused_and_is_told_what_it_found(world: World) -> None:
    await world.store.execute(Create(class_name="Secret", changes={"n": Set(1)}), MASTER)
    await world.ask(Find(class_name="Secret", limit=1))
    assert world.words() == ["beforeFind", "afterFind"]
    assert [shown["n"] for shown in world.asked[1]["objects"]] == [1]
    world.answers["beforeFind"] = {"error": {"code": 7, "message": "not you"}}
    assert (await world.refusal(Find(class_name="Secret", limit=1))).details["number"] == "7"


async def test_who_is_refused_at_the_door_has_no_session(world: World) -> None:
    await world.ask(SignUp(changes={"username": Set("tom"), "password": Set("secret")}))
    world.answers["beforeLogin"] = {"error": "not you"}
    op = LogIn(username="tom", password="secret")
    assert (await world.refusal(op)).code is Code.HOOK_REFUSED
    assert (await world.refusal(LogIn(username="tom", password="wrong"))).code is Code.BAD_CREDENTIALS
    del world.answers["beforeLogin"]
    world.asked.clear()
    await world.ask(op)
    assert world.words() == ["beforeLogin", "afterLogin"]
    assert await world.count("_Session") == 2, "one of the sign-up, one of the log-in"


def by_ours(openid: str) -> SignUp:
    return SignUp(changes={"authData": Set({"ours": {"openid": openid, "access_token": "t"}})})


@pytest.mark.parametrize("create", [False, True], ids=["sign-up", "object"])
async def test_a_sign_up_that_is_a_log_in_makes_nothing(world: World, create: bool) -> None:
    op: Operation = by_ours("tom")
    if create:
        op = Create(class_name=USER, changes=by_ours("tom").changes)
    first = await world.ask(op)
    assert (first.created, world.words()) == (True, ["beforeSave", "afterSave"])
    world.asked.clear()
    world.answers["beforeSave"] = {"error": "nobody new"}
    again = await world.ask(op)
    assert (again.created, again.id) == (False, first.id)
    assert world.words() == ["beforeLogin", "afterLogin"]
    assert (await world.refusal(by_ours("ann"))).code is Code.HOOK_REFUSED
    assert await world.count(USER) == 1


async def test_so_it_is_with_a_code_that_was_sent_to_a_phone(world: World) -> None:
    async def come() -> Result:
        await world.ask(SendCode(purpose=Purpose.CONFIRM, phone=PHONE))
        code = str(world.outside.messages[-1]["code"])
        return await world.ask(SignUp(sms_code=code, changes={"mobilePhoneNumber": Set(PHONE)}))

    first = await come()
    assert (first.created, world.words()) == (True, ["beforeSave", "afterSave"])
    world.asked.clear()
    world.answers["beforeSave"] = {"error": "nobody new"}
    again = await come()
    assert (again.id, world.words()) == (first.id, ["beforeLogin", "afterLogin"])


async def test_a_password_reset_can_be_refused_before_anything_is_sent(world: World) -> None:
    fields = {"username": "tom", "password": "secret", "email": EMAIL, "mobilePhoneNumber": PHONE}
    user_id = (await world.ask(SignUp(changes={name: Set(value) for name, value in fields.items()}))).id or ""
    await world.ask(Update(class_name=USER, id=user_id, changes={"mobilePhoneVerified": Set(True)}), MASTER)
    world.asked.clear()
    world.answers["beforePasswordResetRequest"] = {"error": {"code": 9, "message": "not now"}}
    by_mail = SendLink(purpose=Purpose.RESET_PASSWORD, email=EMAIL)
    by_phone = SendCode(purpose=Purpose.RESET_PASSWORD, phone=PHONE)
    for op in (by_mail, by_phone):
        refused = await world.refusal(op)
        assert (refused.code, refused.message, refused.details["number"]) == (Code.HOOK_REFUSED, "not now", "9")
    await world.later.settled()
    assert (world.outside.mails, world.outside.messages) == ([], [])
    assert [shown["object"]["objectId"] for shown in world.asked] == [user_id] * 2
    assert "secret" not in json.dumps(world.asked)
    del world.answers["beforePasswordResetRequest"]
    for op in (by_mail, by_phone):
        await world.ask(op)
    await world.later.settled()
    assert (len(world.outside.mails), len(world.outside.messages)) == (1, 1)


async def test_other_links_and_unknown_addresses_ask_nobody(world: World) -> None:
    changes = {"username": Set("tom"), "password": Set("secret"), "email": Set(EMAIL)}
    await world.ask(SignUp(changes=changes))
    world.asked.clear()
    await world.ask(SendLink(purpose=Purpose.VERIFY_EMAIL, email=EMAIL))
    unknown = SendLink(purpose=Purpose.RESET_PASSWORD, email="no@example.com")
    assert (await world.refusal(unknown)).code is Code.EMAIL_NOT_FOUND
    assert world.asked == []


async def test_who_has_proven_an_address_or_a_number_is_told_of(world: World) -> None:
    fields = {"username": "tom", "password": "secret", "email": EMAIL, "mobilePhoneNumber": PHONE}
    user_id = (await world.ask(SignUp(changes={name: Set(value) for name, value in fields.items()}))).id
    world.asked.clear()
    await world.ask(SendLink(purpose=Purpose.VERIFY_EMAIL, email=EMAIL))
    await world.later.settled()
    (link,) = [word for word in world.outside.mail_to(EMAIL).text.split() if word.startswith("https://")]
    assert (await world.refusal(VerifyEmail(token="wrong"))).code is Code.BAD_LINK
    assert world.asked == []
    await world.ask(VerifyEmail(token=parse_qs(urlsplit(link).query)["token"][0]))
    await world.ask(SendCode(purpose=Purpose.VERIFY_PHONE, phone=PHONE))
    await world.ask(VerifyPhone(code=str(world.outside.messages[-1]["code"]), phone=PHONE))
    told = [one for one in world.asked if one["triggerName"].startswith("1.1/functions/onVerified")]
    assert [one["triggerName"] for one in told] == [f"1.1/functions/onVerified/{medium}" for medium in ("email", "sms")]
    assert [one["object"]["objectId"] for one in told] == [user_id] * 2
    assert [told[0]["object"]["emailVerified"], told[1]["object"]["mobilePhoneVerified"]] == [True, True]
    assert await world.notes() == []


# users of another server


@dataclass
class Elsewhere:
    """A server of somebody else's, as a backend: what it is asked, and one session that it opens."""

    asked: list[tuple[Operation, Caller]] = field(default_factory=list)
    known: bool = True

    async def identify(self, caller: Caller) -> Caller:
        return caller

    async def close(self) -> None:
        pass

    async def execute(self, op: Operation, caller: Caller) -> Result:
        self.asked.append((op, caller))
        user = {ID: "u1", "username": "tom"}
        match op:
            case LogIn() | SignUp():
                return Result(object=dict(user), id="u1", session="theirs", created=not self.known)
            case Find():
                return Result(objects=[user] if self.known else [])
            case Get():
                return Result(object=dict(user))
        return Result()

    def words(self) -> list[str]:
        return [type(op).__name__ for op, _ in self.asked]


async def test_on_another_server_a_log_in_is_asked_about_before_its_session_is_told(world: World) -> None:
    server = Elsewhere()
    there = Triggers(server, world.triggers._triggers, now=lambda: world.now, users_here=False)
    result = await there.execute(LogIn(username="tom", password="secret"), CLIENT)
    assert (result.session, world.words()) == ("theirs", ["beforeLogin", "afterLogin"])
    assert "theirs" not in json.dumps(world.asked)
    world.asked.clear()
    server.asked.clear()
    world.answers["beforeLogin"] = {"error": "not you"}
    for op in (LogIn(username="tom", password="secret"), by_ours("tom")):
        with pytest.raises(GatewayError) as refused:
            await there.execute(op, CLIENT)
        assert refused.value.code is Code.HOOK_REFUSED
        ended, caller = server.asked[-1]
        assert (type(ended), caller.session, caller.master) == (LogOut, "theirs", False)
    assert world.words() == ["beforeLogin", "beforeLogin"]
    world.down = True
    with pytest.raises(GatewayError) as failed:
        await there.execute(LogIn(username="tom", password="secret"), CLIENT)
    assert failed.value.code is Code.UNAVAILABLE
    assert server.words()[-1] == "LogOut", "who could not be asked about has no session either"


async def test_on_another_server_it_is_looked_whether_a_sign_up_is_one(world: World) -> None:
    server = Elsewhere()
    there = Triggers(server, world.triggers._triggers, now=lambda: world.now, users_here=False)
    await there.execute(by_ours("tom"), CLIENT)
    asked, caller = server.asked[0]
    assert isinstance(asked, Find)
    assert asked.where == Condition("authData.ours.openid", Op.EQ, "tom")
    assert (caller.trusted, caller.app) == (True, "blog")
    assert world.words() == ["beforeLogin", "afterLogin"]
    world.asked.clear()
    server.known = False
    await there.execute(by_ours("tom"), CLIENT)
    assert world.words() == ["beforeSave", "afterSave"]


# telling, once more


async def test_a_trigger_that_cannot_be_told_is_told_later(world: World) -> None:
    world.answers["beforeSave"] = lambda question: _fall(world)
    result = await world.ask(todo(title="one"))
    assert result.id is not None, "the write is done"
    (note,) = await world.notes()
    task = Task(note[ID], note["kind"], 0, json.loads(note["payload"]), 0)
    with pytest.raises(GatewayError):  # the scheduler tries again, later and later
        await world.triggers._tell_later(task)
    world.down = False
    assert await world.triggers._tell_later(task) is None
    assert world.words() == ["beforeSave", "afterSave"]
    assert world.asked[1]["object"]["title"] == "one"


async def test_one_that_never_answers_is_given_up_in_the_end(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.answers["beforeSave"] = lambda question: _fall(world)
    await world.ask(todo(title="one"))
    (note,) = await world.notes()
    task = Task(note[ID], note["kind"], 0, json.loads(note["payload"]), TRIES)
    assert await world.triggers._tell_later(task) is None
    assert "a trigger was never told" in caplog.text


async def test_one_that_fails_was_told(world: World) -> None:
    world.answers["afterSave"] = {"error": "a mistake"}
    await world.ask(todo(title="one"))
    assert await world.notes() == []


def _fall(world: World) -> dict[str, Any]:
    world.down = True
    return {"success": True}
