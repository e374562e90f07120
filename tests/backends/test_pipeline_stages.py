"""Stages of aggregations, one at a time: what comes out of some rows, and what is refused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from gateway.backends.pipeline_stages import LONGEST_TEXT, Pipeline, Room, evaluate, matcher, sort_key
from gateway.errors import Code, GatewayError
from gateway.model.aggregate import (
    AddFields,
    Composed,
    Computable,
    Computed,
    Constant,
    CountRows,
    FieldPath,
    Gather,
    Gathered,
    Group,
    Limit,
    Match,
    Operator,
    Order,
    Project,
    Skip,
    Stage,
    Unwind,
)
from gateway.model.query import And, Comparison, Condition, Filter, Not, Op, Or, Regex, Sort
from gateway.model.query import Column as OfColumn
from gateway.model.values import Date, GeoPoint, Pointer

ROWS: list[dict[str, Any]] = [
    {"@id": "a", "n": 3, "city": "Rome", "tags": ["x", "y"], "meta": {"k": 1, "l": 2}},
    {"@id": "b", "n": 1, "city": "Paris", "tags": []},
    {"@id": "c", "n": 2, "city": "Rome"},
    {"@id": "d", "city": None, "tags": "x"},
]


def out(*stages: Stage, rows: Iterable[dict[str, Any]] = ROWS) -> list[dict[str, Any]]:
    pipeline = Pipeline(stages)
    for row in rows:
        if pipeline.full:
            break
        pipeline.take(dict(row))
    return pipeline.end()


def ids(*stages: Stage) -> list[Any]:
    return [row["@id"] for row in out(*stages)]


def path(name: str) -> FieldPath:
    return FieldPath(name)


def computed(operator: Operator, *arguments: Any) -> Computed:
    values = [part if isinstance(part, FieldPath | Computed | Composed) else Constant(part) for part in arguments]
    return Computed(operator, tuple(values))


DATE = Date("2024-02-29T13:14:15.016Z")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (computed(Operator.ADD, 1, 2, 0.5), 3.5),
        (computed(Operator.ADD, DATE, 1000), Date("2024-02-29T13:14:16.016Z")),
        (computed(Operator.SUBTRACT, 5, 7), -2),
        (computed(Operator.SUBTRACT, DATE, 16), Date("2024-02-29T13:14:15.000Z")),
        (computed(Operator.SUBTRACT, DATE, Date("2024-02-29T13:14:15.000Z")), 16),
        (computed(Operator.MULTIPLY, 2, 3, 4), 24),
        (computed(Operator.DIVIDE, 6, 4), 1.5),
        (computed(Operator.DIVIDE, 6, 3), 2),
        (computed(Operator.MOD, -7, 3), -1),
        (computed(Operator.MOD, 7, -3), 1),
        (computed(Operator.ABS, -3), 3),
        (computed(Operator.CEIL, 1.2), 2),
        (computed(Operator.FLOOR, -1.2), -2),
        (computed(Operator.ROUND, 1.255, 1), 1.3),
        (computed(Operator.ROUND, 1234, -2), 1200),
        (computed(Operator.CONCAT, "a", path("city")), "aRome"),
        (computed(Operator.CONCAT, "a", path("none")), None),
        (computed(Operator.TO_LOWER, path("city")), "rome"),
        (computed(Operator.TO_UPPER, path("none")), ""),
        (computed(Operator.EQ, path("n"), 3), True),
        (computed(Operator.EQ, path("none"), None), True),
        (computed(Operator.NE, path("n"), 3), False),
        (computed(Operator.LT, "z", True), True),  # text sorts before flags
        (computed(Operator.LE, 3, 3.0), True),
        (computed(Operator.GT, path("n"), 1), True),
        (computed(Operator.GE, None, 0), False),
        (computed(Operator.AND, 1, "x", []), True),
        (computed(Operator.AND, 1, 0), False),
        (computed(Operator.OR, path("none"), 0, False), False),
        (computed(Operator.NOT, path("none")), True),
        (computed(Operator.COND, computed(Operator.GT, path("n"), 2), "many", "few"), "many"),
        (computed(Operator.COND, False, computed(Operator.DIVIDE, 1, 0), "not looked at"), "not looked at"),
        (computed(Operator.IF_NULL, path("none"), None, path("city")), "Rome"),
        (computed(Operator.SIZE, path("tags")), 2),
        (computed(Operator.YEAR, DATE), 2024),
        (computed(Operator.MONTH, DATE), 2),
        (computed(Operator.DAY_OF_MONTH, DATE), 29),
        (computed(Operator.DAY_OF_WEEK, DATE), 5),  # a Thursday, where 1 is Sunday
        (computed(Operator.DAY_OF_YEAR, DATE), 60),
        (computed(Operator.HOUR, DATE), 13),
        (computed(Operator.MINUTE, DATE), 14),
        (computed(Operator.SECOND, DATE), 15),
        (computed(Operator.MILLISECOND, DATE), 16),
        (computed(Operator.YEAR, path("none")), None),
        (computed(Operator.ADD, path("none"), 1), None),
        (Composed((("a", path("n")), ("b", path("none")))), {"a": 3}),
        (path("meta.k"), 1),
    ],
    ids=str,
)
def test_an_expression(expression: Computable, expected: Any) -> None:
    assert evaluate(expression, ROWS[0]) == expected


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (computed(Operator.ADD, "a", 1), "numbers"),
        (computed(Operator.ADD, DATE, DATE), "one date"),
        (computed(Operator.SUBTRACT, 1, DATE), "one date"),
        (computed(Operator.ADD, DATE, 1e300), "out of range"),
        (computed(Operator.DIVIDE, 1, 0), "division by zero"),
        (computed(Operator.MOD, 1, 0), "division by zero"),
        (computed(Operator.MULTIPLY, 1e300, 1e300), "too large"),
        (computed(Operator.MULTIPLY, *[2**62] * 200), "too large"),
        (computed(Operator.ROUND, 1, 1000), "decimals"),
        (computed(Operator.SIZE, path("city")), "a list"),
        (computed(Operator.SIZE, path("none")), "nothing"),
        (computed(Operator.CONCAT, "a", 1), "text"),
        (computed(Operator.TO_LOWER, 1), "text"),
        (computed(Operator.HOUR, "2024"), "a date"),
        (computed(Operator.CONCAT, *["x" * (LONGEST_TEXT // 4)] * 5), "too long"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_an_operator_cannot_be_used_on(expression: Computable, message: str) -> None:
    with pytest.raises(GatewayError, match=message) as refused:
        evaluate(expression, ROWS[0])
    assert refused.value.code is Code.BAD_QUERY


def test_values_of_different_kinds_have_an_order() -> None:
    values = [None, -1, 2.5, "a", "b", {"a": 1}, {"a": 2}, [1], [2], b"x", Pointer("A", "a"), False, True, DATE]
    turned = values[::-1]
    assert sorted(turned, key=sort_key) == values
    assert sort_key(GeoPoint(1, 2)) != sort_key(GeoPoint(2, 1))


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (Condition("city", Op.EQ, "Rome"), ["a", "c"]),
        (Condition("city", Op.EQ, None), ["d"]),
        (Condition("tags", Op.EQ, "x"), ["a", "d"]),
        (Condition("tags", Op.EQ, ["x", "y"]), ["a"]),
        (Condition("city", Op.NE, "Rome"), ["b", "d"]),
        (Condition("n", Op.LT, 2), ["b"]),
        (Condition("n", Op.LE, 2), ["b", "c"]),
        (Condition("n", Op.GT, 2), ["a"]),
        (Condition("n", Op.GE, 2), ["a", "c"]),
        (Condition("n", Op.GE, "1"), []),
        (Condition("n", Op.IN, [1, 2]), ["b", "c"]),
        (Condition("n", Op.NOT_IN, [1, 2]), ["a", "d"]),
        (Condition("city", Op.EXISTS, True), ["a", "b", "c"]),
        (Condition("tags", Op.EXISTS, False), ["c"]),
        (Condition("tags", Op.SIZE, 2), ["a"]),
        (Condition("city", Op.REGEX, Regex("^r", "i")), ["a", "c"]),
        (Condition("meta.k", Op.EQ, 1), ["a"]),
        (And((Condition("n", Op.GT, 1), Condition("n", Op.LT, 3))), ["c"]),
        (Or((Condition("n", Op.EQ, 1), Condition("n", Op.EQ, 2))), ["b", "c"]),
        (Not(Condition("n", Op.EQ, 1)), ["a", "c", "d"]),
        (And(()), ["a", "b", "c", "d"]),
        (Or(()), []),
    ],
    ids=str,
)
def test_rows_are_matched(where: Filter, expected: list[str]) -> None:
    assert ids(Match(where)) == expected


@pytest.mark.parametrize(
    "where",
    [Condition("n", Op.NEAR, None), Comparison(OfColumn("n"), Op.EQ, OfColumn("n")), Condition("n", Op.ALL, [1])],
    ids=str,
)
def test_what_only_a_store_can_tell_is_refused(where: Filter) -> None:
    with pytest.raises(GatewayError) as refused:
        matcher(where)
    assert refused.value.code is Code.UNSUPPORTED


def gathered(how: Gather, of: Computable | None = None) -> Any:
    (row,) = out(Group(Constant(None), (Gathered("x", how, of or path("n")),)))
    return row["x"]


def test_what_becomes_of_the_values_of_a_group() -> None:
    assert gathered(Gather.SUM) == 6
    assert gathered(Gather.SUM, path("city")) == 0
    assert gathered(Gather.AVERAGE) == 2
    assert gathered(Gather.AVERAGE, path("city")) is None
    assert gathered(Gather.MIN) == 1
    assert gathered(Gather.MAX, path("city")) == "Rome"
    assert gathered(Gather.MAX, path("none")) is None
    assert gathered(Gather.FIRST) == 3
    assert gathered(Gather.LAST) is None
    assert gathered(Gather.PUSH) == [3, 1, 2]
    assert gathered(Gather.PUSH, path("city")) == ["Rome", "Paris", "Rome", None]
    assert gathered(Gather.ADD_TO_SET, path("city")) == ["Rome", "Paris", None]
    assert gathered(Gather.COUNT) == 4


def test_groups_are_told_apart_by_value_and_not_by_kind_of_number() -> None:
    rows: list[dict[str, Any]] = [
        {"k": 1},
        {"k": 1.0},
        {"k": True},
        {"k": "1"},
        {"k": None},
        {},
        {"k": {"a": 1, "b": 2}},
    ]
    rows.append({"k": {"b": 2, "a": 1}})
    count = Gathered("n", Gather.COUNT, Constant(None))
    found = out(Group(path("k"), (count,)), rows=rows)
    assert [(row["@id"], row["n"]) for row in found] == [
        (1, 2),
        (True, 1),
        ("1", 1),
        (None, 2),
        ({"a": 1, "b": 2}, 2),
    ]


def test_rows_are_sorted_skipped_limited_and_counted() -> None:
    assert ids(Order((Sort("n"),))) == ["d", "b", "c", "a"]
    assert ids(Order((Sort("city", True), Sort("n")))) == ["c", "a", "b", "d"]
    assert ids(Skip(1), Limit(2)) == ["b", "c"]
    assert out(CountRows("all")) == [{"all": 4}]
    assert out(Match(Or(())), CountRows("all")) == []


def test_nothing_is_read_once_a_limit_is_reached() -> None:
    read: list[int] = []

    def rows() -> Iterable[dict[str, Any]]:
        for n in range(100):
            read.append(n)
            yield {"n": n}

    assert len(out(Limit(2), rows=rows())) == 2
    assert len(read) <= 3


def test_rows_are_projected() -> None:
    shown = Project((("n", path("n")), ("up", computed(Operator.TO_UPPER, path("city"))), ("none", path("none.x"))))
    assert out(shown)[0] == {"@id": "a", "n": 3, "up": "ROME"}
    assert out(Project((("meta.k", path("meta.k")),), without_id=True))[0] == {"meta": {"k": 1}}
    assert out(Project(exclude=("meta.k", "tags"), without_id=True))[0] == {"n": 3, "city": "Rome", "meta": {"l": 2}}
    added = out(AddFields((("meta.m", path("n")), ("x", Constant(1)))))
    assert added[0]["meta"] == {"k": 1, "l": 2, "m": 3}
    assert added[1]["meta"] == {"m": 1}
    assert ROWS[0]["meta"] == {"k": 1, "l": 2}, "a row of others was changed"


def test_lists_are_unwound() -> None:
    assert [(row["@id"], row["tags"]) for row in out(Unwind("tags"))] == [("a", "x"), ("a", "y"), ("d", "x")]
    kept = out(Unwind("tags", "at", keep_empty=True))
    assert [(row["@id"], row.get("tags"), row["at"]) for row in kept] == [
        ("a", "x", 0),
        ("a", "y", 1),
        ("b", None, None),
        ("c", None, None),
        ("d", "x", None),
    ]


@pytest.mark.parametrize(
    "stage",
    [
        Order((Sort("n"),)),
        Group(path("n")),
        Group(Constant(None), (Gathered("all", Gather.PUSH, path("text")),)),
        Group(Constant(None), (Gathered("all", Gather.ADD_TO_SET, path("n")),)),
        Limit(10**6),
    ],
    ids=str,
)
def test_what_would_hold_too_much_is_refused(stage: Stage) -> None:
    pipeline = Pipeline([stage], Room(5000))

    def fill() -> None:
        for n in range(10_000):
            pipeline.take({"n": n, "text": "x" * 200})

    with pytest.raises(GatewayError, match="too much") as refused:
        fill()
    assert refused.value.code is Code.BAD_QUERY


def test_many_rows_of_few_groups_need_little_room() -> None:
    pipeline = Pipeline([Group(path("k"), (Gathered("n", Gather.SUM, Constant(1)),))], Room(100))
    for n in range(50_000):
        pipeline.take({"k": n % 3})
    assert sorted(row["n"] for row in pipeline.end()) == [16666, 16667, 16667]
