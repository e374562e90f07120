"""Changes inside a JSON value: MySQL's own examples, the vendor's, and a model of what they have in common."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Code, GatewayError
from gateway.model.operation import Create, Get, Returning, Update
from gateway.model.update import EditJson, JsonEdit, Set
from gateway.model.values import Date, Value
from gateway.store.json_edits import MOST_PATHS, MOST_STEPS, edited
from tests.store.conftest import Shop

Step = str | int

SAMPLE = {
    "letter": "a",
    "number": 10,
    "decimals": [12.3, 43.28, 56.89],
    "colours": ["red", "green", "blue"],
    "timeMarks": {"time": "12:18", "date": "2015-07-29"},
}
FOUR: tuple[tuple[tuple[Step, ...], Value], ...] = (
    (("decimals", 2), 20),
    (("decimals", 3), 25),
    (("state",), "on"),
    (("number",), 11),
)


def after(edit: JsonEdit, value: Value, *paths: tuple[tuple[Step, ...], Value]) -> Value:
    return edited(deepcopy(value), EditJson(edit, paths), "js")


# the vendor's own end-to-end suite, data-json.js
def test_insert_makes_only_what_is_not_there() -> None:
    assert after(JsonEdit.INSERT, SAMPLE, *FOUR) == {
        **SAMPLE,
        "decimals": [12.3, 43.28, 56.89, 25],
        "state": "on",
    }


def test_replace_changes_only_what_is_there() -> None:
    assert after(JsonEdit.REPLACE, SAMPLE, *FOUR) == {**SAMPLE, "decimals": [12.3, 43.28, 20], "number": 11}


def test_set_does_both() -> None:
    paths = (*FOUR, (("colours", 0), None), (("inner",), {"a": [1]}))
    assert after(JsonEdit.SET, SAMPLE, *paths) == {
        **SAMPLE,
        "decimals": [12.3, 43.28, 20, 25],
        "state": "on",
        "number": 11,
        "colours": [None, "green", "blue"],
        "inner": {"a": [1]},
    }


def test_remove_takes_keys_and_elements_one_after_the_other() -> None:
    gone = ((("timeMarks", "date"), None), (("number",), None), (("colours", 1), None), (("colours", 1), None))
    assert after(JsonEdit.REMOVE, SAMPLE, *gone) == {
        "letter": "a",
        "decimals": [12.3, 43.28, 56.89],
        "colours": ["red"],
        "timeMarks": {"time": "12:18"},
    }


# value, edit, path, new value, result; the source is MySQL 8.0, which was not asked here but in its manual
MEANINGS: tuple[tuple[str, Value, JsonEdit, tuple[Step, ...], Value, Value], ...] = (
    ("a parent that is missing", {"a": 1}, JsonEdit.SET, ("b", "c"), 2, {"a": 1}),
    ("a key below a number", {"a": 1}, JsonEdit.SET, ("a", "b"), 2, {"a": 1}),
    ("a key of a list", [1], JsonEdit.SET, ("a",), 2, [1]),
    ("an index far behind", [1], JsonEdit.SET, (9,), 2, [1, 2]),
    ("the first of what is no list", {"a": 1}, JsonEdit.SET, ("a", 0), 2, {"a": 2}),
    ("the second of what is no list", {"a": 1}, JsonEdit.SET, ("a", 1), 2, {"a": [1, 2]}),
    ("the second of an object", {"a": {"b": 1}}, JsonEdit.INSERT, ("a", 5), 2, {"a": [{"b": 1}, 2]}),
    ("below the first of an object", {"a": {"b": 1}}, JsonEdit.SET, ("a", 0, "b"), 2, {"a": {"b": 2}}),
    ("an index of an object, replaced", {"a": {"b": 1}}, JsonEdit.REPLACE, ("a", 1), 2, {"a": {"b": 1}}),
    ("a null is there", {"a": None}, JsonEdit.INSERT, ("a",), 2, {"a": None}),
    ("a null is replaced", {"a": None}, JsonEdit.REPLACE, ("a",), 2, {"a": 2}),
    ("the whole is set", {"a": 1}, JsonEdit.SET, (), [2], [2]),
    ("the whole is replaced", {"a": 1}, JsonEdit.REPLACE, (), [2], [2]),
    ("the whole is there", {"a": 1}, JsonEdit.INSERT, (), [2], {"a": 1}),
    ("removed, what is not there", {"a": [1]}, JsonEdit.REMOVE, ("a", 1), None, {"a": [1]}),
    ("removed, below nothing", {"a": [1]}, JsonEdit.REMOVE, ("b", "c"), None, {"a": [1]}),
    ("removed, the first of a number", {"a": 1}, JsonEdit.REMOVE, ("a", 0), None, {"a": 1}),
    ("appended to a list", {"a": [1]}, JsonEdit.ARRAY_APPEND, ("a",), 2, {"a": [1, 2]}),
    ("appended to a number", {"a": 1}, JsonEdit.ARRAY_APPEND, ("a",), 2, {"a": [1, 2]}),
    ("appended to an element", [[1], 2], JsonEdit.ARRAY_APPEND, (1,), 3, [[1], [2, 3]]),
    ("appended to nothing", {"a": 1}, JsonEdit.ARRAY_APPEND, ("b",), 2, {"a": 1}),
    ("appended to the whole", [1], JsonEdit.ARRAY_APPEND, (), 2, [1, 2]),
    ("inserted first", ["a", {"b": [1, 2]}], JsonEdit.ARRAY_INSERT, (0,), "x", ["x", "a", {"b": [1, 2]}]),
    ("inserted below", ["a", {"b": [1, 2]}], JsonEdit.ARRAY_INSERT, (1, "b", 1), "x", ["a", {"b": [1, "x", 2]}]),
    ("inserted past the end", [1], JsonEdit.ARRAY_INSERT, (9,), 2, [1, 2]),
    ("inserted into no list", {"a": 1}, JsonEdit.ARRAY_INSERT, ("a", 0), 2, {"a": 1}),
    ("a key that begins with @", {}, JsonEdit.SET, ("@a",), 1, {"@@a": 1}),
    ("a null stays one", None, JsonEdit.SET, ("a",), 1, None),
)


@pytest.mark.parametrize(
    ("value", "edit", "path", "new", "result"), [pytest.param(*row[1:], id=row[0]) for row in MEANINGS]
)
def test_what_a_path_means(value: Value, edit: JsonEdit, path: tuple[Step, ...], new: Value, result: Value) -> None:
    assert after(edit, value, (path, new)) == result


def test_a_date_is_a_scalar_although_it_is_kept_as_an_object() -> None:
    kept = {"@date": "2026-01-02T03:04:05.678Z"}
    assert after(JsonEdit.SET, {"d": kept}, (("d", "@date"), 1), (("d", "x"), 1)) == {"d": kept}
    assert after(JsonEdit.SET, {"d": 1}, (("d",), Date(kept["@date"]))) == {"d": kept}


REFUSED: tuple[tuple[str, JsonEdit, tuple[tuple[Any, ...], ...]], ...] = (
    ("the whole removed", JsonEdit.REMOVE, ((),)),
    ("inserted at a key", JsonEdit.ARRAY_INSERT, (("a",),)),
    ("inserted at the whole", JsonEdit.ARRAY_INSERT, ((),)),
    ("an index below zero", JsonEdit.SET, (("a", -1),)),
    ("a step that is true", JsonEdit.SET, (("a", True),)),
    ("a step of half", JsonEdit.SET, ((0.5,),)),
    ("a path that is long", JsonEdit.SET, (("a",) * (MOST_STEPS + 1),)),
    ("many paths", JsonEdit.SET, (("a",),) * (MOST_PATHS + 1)),
)


@pytest.mark.parametrize("value", [{"a": [1]}, None], ids=["a value", "a null"])
@pytest.mark.parametrize(("edit", "paths"), [pytest.param(*row[1:], id=row[0]) for row in REFUSED])
def test_what_no_path_can_say(edit: JsonEdit, paths: Sequence[tuple[Any, ...]], value: Value) -> None:
    with pytest.raises(GatewayError) as refusal:
        after(edit, value, *((path, 1) for path in paths))
    assert (refusal.value.code, refusal.value.details) == (Code.BAD_VALUE, {"field": "js"})


# against a model that makes a new value of an old one, for paths that take lists for lists and objects for objects


def put(value: Any, step: Any, new: Any) -> Any:
    return (
        [new if at == step else old for at, old in enumerate(value)]
        if isinstance(value, list)
        else {**value, step: new}
    )


def model(edit: JsonEdit, value: Any, path: Sequence[Step], new: Any) -> Any:
    step: Any = path[0]
    there = step < len(value) if isinstance(value, list) else step in value
    if len(path) > 1:
        return put(value, step, model(edit, value[step], path[1:], new)) if there else value
    match edit:
        case JsonEdit.REMOVE if isinstance(value, list):
            return [*value[:step], *value[step + 1 :]]
        case JsonEdit.REMOVE:
            return {key: old for key, old in value.items() if key != step}
        case JsonEdit.ARRAY_INSERT:
            return [*value[:step], new, *value[step:]]
        case JsonEdit.ARRAY_APPEND:
            old = value[step] if there else None
            return put(value, step, [*old, new] if isinstance(old, list) else [old, new]) if there else value
        case JsonEdit.SET | JsonEdit.INSERT | JsonEdit.REPLACE:
            if there:
                return value if edit is JsonEdit.INSERT else put(value, step, new)
            if edit is JsonEdit.REPLACE:
                return value
            return [*value, new] if isinstance(value, list) else {**value, step: new}


values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers(0, 9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def changes(draw: st.DrawFn) -> tuple[JsonEdit, Any, tuple[Step, ...]]:
    value = draw(values.filter(lambda found: isinstance(found, list | dict)))
    path: list[Step] = []
    at: Any = value
    holder: Any = None
    while isinstance(at, list | dict) and (not path or draw(st.booleans())):
        step: Any = draw(st.integers(0, 3) if isinstance(at, list) else st.sampled_from("abcd"))
        path.append(step)
        holder, at = at, (at[step] if (step < len(at) if isinstance(at, list) else step in at) else None)
    edits = [edit for edit in JsonEdit if edit is not JsonEdit.ARRAY_INSERT or isinstance(holder, list)]
    return draw(st.sampled_from(edits)), value, tuple(path)


@given(changed=changes(), new=values)
def test_edits_agree_with_the_model(changed: tuple[JsonEdit, Any, tuple[Step, ...]], new: Any) -> None:
    edit, value, path = changed
    assert after(edit, value, (path, new)) == model(edit, value, path, new)


@given(
    value=values, edit=st.sampled_from(JsonEdit), new=values, path=st.lists(st.integers(0, 3) | st.sampled_from("abcd"))
)
def test_any_path_is_followed_or_refused(value: Any, edit: JsonEdit, new: Any, path: list[Step]) -> None:
    try:
        after(edit, value, (tuple(path), new))
    except GatewayError as refusal:
        assert refusal.code is Code.BAD_VALUE  # noqa: PT017 (most are none)


# in the store


async def test_the_answer_of_an_update_has_the_result(shop: Shop) -> None:
    known = await shop.create("Post", js=SAMPLE, n=1)
    change = EditJson(JsonEdit.SET, ((("timeMarks", "date"), Date("2026-01-02T03:04:05.678Z")), (("n",), 2)))
    wanted = {**SAMPLE, "timeMarks": {"time": "12:18", "date": Date("2026-01-02T03:04:05.678Z")}, "n": 2}
    assert await shop.update("Post", known, js=change) == {"js": wanted}
    whole = Update(class_name="Post", id=known, changes={"js": change}, returning=Returning.EVERYTHING)
    assert ((await shop.do(whole)).object or {})["js"] == wanted
    assert ((await shop.do(Get(class_name="Post", id=known))).object or {})["js"] == wanted


@pytest.mark.parametrize(
    ("field", "edit", "code"),
    [
        ("n", EditJson(JsonEdit.SET, ((("a",), 1),)), Code.TYPE_MISMATCH),
        ("new", EditJson(JsonEdit.SET, ((("a",), 1),)), Code.NO_SUCH_COLUMN),
        ("new name", EditJson(JsonEdit.SET, ((("a",), 1),)), Code.BAD_FIELD_NAME),
        ("js.a", EditJson(JsonEdit.SET, ((("a",), 1),)), Code.BAD_FIELD_NAME),
        ("js", EditJson(JsonEdit.SET, (((), Date("2026-01-02T03:04:05.678Z")),)), Code.TYPE_MISMATCH),
        ("l", EditJson(JsonEdit.SET, (((), {"a": 1}),)), Code.TYPE_MISMATCH),
        ("js", EditJson(JsonEdit.SET, ((("a",), float("inf")),)), Code.BAD_VALUE),
        ("js", EditJson(JsonEdit.REMOVE, (((), None),)), Code.BAD_VALUE),
    ],
)
async def test_what_a_column_refuses(shop: Shop, field: str, edit: EditJson, code: Code) -> None:
    known = await shop.create("Post", js={"a": 1}, n=1, l=[1])
    found, details = await shop.refused(Update(class_name="Post", id=known, changes={field: edit}))
    assert (found, details.get("field", field)) == (code, field)
    assert await shop.get("Post", known) == {"js": {"a": 1}, "n": 1, "l": [1]}


async def test_a_column_without_a_value_keeps_none(shop: Shop) -> None:
    await shop.create("Post", js={"a": 1})
    made = await shop.do(Create(class_name="Post", changes={"js": EditJson(JsonEdit.SET, ((("a",), 1),))}))
    assert await shop.get("Post", made.id or "") == {"js": None}
    other = await shop.do(Create(class_name="Post", changes={"js": Set(None)}))
    assert await shop.update("Post", other.id or "", js=EditJson(JsonEdit.REMOVE, ((("a",), None),))) == {"js": None}


@pytest.mark.parametrize("value", [1, "x", True, [1], {"b": 1}, None])
async def test_the_whole_of_an_object_can_become_any_json(shop: Shop, value: Any) -> None:
    known = await shop.create("Post", js={"a": 1})
    assert await shop.update("Post", known, js=EditJson(JsonEdit.SET, (((), value),))) == {"js": value}
    assert await shop.get("Post", known) == {"js": value}


async def test_a_list_is_edited_as_a_list(shop: Shop) -> None:
    known = await shop.create("Post", tags=["a"])
    edit = EditJson(JsonEdit.ARRAY_APPEND, (((), "b"),))
    assert await shop.update("Post", known, tags=edit) == {"tags": ["a", "b"]}
