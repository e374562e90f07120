"""Every operator of a write."""

from __future__ import annotations

from gateway.model import update as u
from gateway.model.operation import Create, Result, Update
from gateway.model.values import Date, Pointer
from gateway.wire import HttpRequest
from tests.cases import UNSUPPORTED, Case, Wire
from tests.cases.objects import LEANCLOUD_MADE, PARSE_MADE
from tests.cases.wires import ID, MADE, MADE_AT, NOTHING, OTHER_ID, changing_row, computed, updating

A, B = Pointer("Author", ID), Pointer("Author", OTHER_ID)
A_WIRE = {"__type": "Pointer", "className": "Author", "objectId": ID}
B_WIRE = {"__type": "Pointer", "className": "Author", "objectId": OTHER_ID}
DATE_WIRE = {"__type": "Date", "iso": MADE}
TAKEN_AWAY = Update(class_name="Post", id=ID, changes={"title": u.Set(None)})
"""A column without a value is null in a table."""

CASES: tuple[Case, ...] = (
    updating("update: set a field", {"title": u.Set("b")}, {"title": "b"}, table=changing_row({"title": "b"})),
    updating(
        "update: set a field to null",
        {"title": u.Set(None)},
        {"title": None},
        table=changing_row({"title": None}),
    ),
    updating("update: set a field inside an object", {"meta.x.y": u.Set(5)}, {"meta.x.y": 5}),
    updating("update: set two fields", {"a": u.Set(1), "b": u.Set([B])}, {"a": 1, "b": [B_WIRE]}),
    updating("update: set the ACL", {"@acl": u.Set({"role:x": {"write": True}})}, {"ACL": {"role:x": {"write": True}}}),
    updating("update: let nobody in", {"@acl": u.Set({})}, {"ACL": {}}),
    updating("update: take the ACL away", {"@acl": u.Unset()}, {"ACL": {"__op": "Delete"}}, {"ACL": None}),
    updating(
        "update: take a field away",
        {"title": u.Unset()},
        {"title": {"__op": "Delete"}},
        table=changing_row({"title": None}, reads=TAKEN_AWAY),
    ),
    updating("update: take a field away inside an object", {"meta.x": u.Unset()}, {"meta.x": {"__op": "Delete"}}),
    updating(
        "update: count up",
        {"n": u.Increment(2)},
        {"n": {"__op": "Increment", "amount": 2}},
        table=changing_row(
            {"n": computed("n + 2")}, {"n": computed("2 + n")}, {"n": computed(" n+2 ")}, shown={"n": 7}
        ),
    ),
    updating(
        "update: count down",
        {"n": u.Increment(-2)},
        {"n": {"__op": "Increment", "amount": -2}},
        {"n": {"__op": "Decrement", "amount": 2}},
        table=changing_row({"n": computed("n - 2")}, shown={"n": 3}),
    ),
    updating(
        "update: count by a fraction",
        {"n": u.Increment(0.5)},
        {"n": {"__op": "Increment", "amount": 0.5}},
        table=changing_row({"n": computed("n + 0.5")}, shown={"n": 5.5}),
    ),
    updating(
        "update: count inside an object", {"meta.n": u.Increment(1)}, {"meta.n": {"__op": "Increment", "amount": 1}}
    ),
    updating("update: append", {"tags": u.Add(("a", "a"))}, {"tags": {"__op": "Add", "objects": ["a", "a"]}}),
    updating("update: append nothing", {"tags": u.Add(())}, {"tags": {"__op": "Add", "objects": []}}),
    updating(
        "update: append dates and pointers",
        {"log": u.Add((Date(MADE), B))},
        {"log": {"__op": "Add", "objects": [DATE_WIRE, B_WIRE]}},
    ),
    updating(
        "update: append what is not there",
        {"tags": u.AddUnique(("a", "b"))},
        {"tags": {"__op": "AddUnique", "objects": ["a", "b"]}},
    ),
    updating("update: take out of a list", {"tags": u.Remove(("a",))}, {"tags": {"__op": "Remove", "objects": ["a"]}}),
    updating(
        "update: add to a relation",
        {"likes": u.AddRelation((A, B))},
        {"likes": {"__op": "AddRelation", "objects": [A_WIRE, B_WIRE]}},
    ),
    updating(
        "update: take out of a relation",
        {"likes": u.RemoveRelation((A,))},
        {"likes": {"__op": "RemoveRelation", "objects": [A_WIRE]}},
    ),
    updating(
        "update: add to a relation and take out of it",
        {"likes": u.Several((u.AddRelation((A,)), u.RemoveRelation((B,))))},
        {
            "likes": {
                "__op": "Batch",
                "ops": [{"__op": "AddRelation", "objects": [A_WIRE]}, {"__op": "RemoveRelation", "objects": [B_WIRE]}],
            }
        },
    ),
    updating(
        "update: append to one list and take out of another",
        {"a": u.Add((1,)), "b": u.Remove((2,)), "n": u.Increment(1)},
        {
            "a": {"__op": "Add", "objects": [1]},
            "b": {"__op": "Remove", "objects": [2]},
            "n": {"__op": "Increment", "amount": 1},
        },
    ),
    updating("update: bits kept", {"f": u.BitAnd(6)}, {"f": {"__op": "BitAnd", "value": 6}}, parse=UNSUPPORTED),
    updating("update: bits set", {"f": u.BitOr(4)}, {"f": {"__op": "BitOr", "value": 4}}, parse=UNSUPPORTED),
    updating("update: bits turned", {"f": u.BitXor(1)}, {"f": {"__op": "BitXor", "value": 1}}, parse=UNSUPPORTED),
    Case(
        "create: with operators",
        Create(
            class_name="Post",
            changes={"n": u.SetOnInsert(1), "tags": u.AddUnique(("a",)), "likes": u.AddRelation((A,)), "x": u.Unset()},
            returning=NOTHING,
        ),
        Result(id=ID, created_at=MADE_AT),
        {
            name: Wire(
                HttpRequest(
                    "POST",
                    "/classes/Post",
                    body={
                        "n": {"__op": "SetOnInsert", "amount": 1},
                        "tags": {"__op": "AddUnique", "objects": ["a"]},
                        "likes": {"__op": "AddRelation", "objects": [A_WIRE]},
                        "x": {"__op": "Delete"},
                    },
                ),
                made,
            )
            for name, made in (("parse", PARSE_MADE), ("leancloud", LEANCLOUD_MADE))
        }
        | {"backendless": UNSUPPORTED},
    ),
)
