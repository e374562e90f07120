"""The store agrees with the oracle on what expressions come to: compared in conditions, and as rows of a query."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import Code, GatewayError
from gateway.model.operation import Find
from gateway.model.query import (
    Aggregate,
    Aggregated,
    And,
    Arithmetic,
    Call,
    Column,
    Comparison,
    Condition,
    Expression,
    Filter,
    Function,
    Inverse,
    JsonPath,
    Literal,
    Not,
    Op,
    Or,
    Output,
    RelatedTo,
    Sort,
    Wildcard,
    columns_of,
)
from gateway.model.values import CREATED_AT, ID, Fields, GeoPoint, Pointer, Value
from tests.oracle import computed_rows, equal
from tests.store.conftest import Shop
from tests.store.world import DATES, POINTERS, POINTS, RINGS, TEXTS, World

EVERYTHING = settings(
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# comparisons

NUMBERS = [0, 1, -1, 2, 1.5, 3, 10**12]
PATHS = [
    *("s", "n", "b", "d", "p", "loc", "area", "tags", "o", "o.k", "o.s", "tags.k", "tags.0", "f", "bin", "missing"),
    *(
        "@id",
        "@created_at",
        "@owner",
        "likes",
        "p.s",
        "p.n",
        "p.p",
        "p.p.n",
        "p.@id",
        "likes.s",
        "likes.n",
        "likes.p.n",
    ),
    *("p.likes.b", "p.tags.k", "missing.x", "s.x"),
]
columns = st.builds(Column, st.sampled_from(PATHS))
# a path through a list has many values, and as one value none; of files, equality has no classes
single_columns = st.builds(Column, st.sampled_from([path for path in PATHS if "tags.k" not in path and path != "f"]))
steps = st.sampled_from(["k", "s", "0", "@k", 'q"t', "a b", "", "@@", "1", 0, 1, 2, *Wildcard, *Wildcard])
json_paths = st.builds(
    JsonPath,
    st.sampled_from(["o", "o", "tags", "tags", "p.o", "likes.tags", "s", "missing"]),
    st.lists(steps, max_size=3).map(tuple),
)
literals = st.builds(
    Literal, st.sampled_from([*TEXTS, *NUMBERS, *DATES, True, False, None, *POINTERS[:3], POINTS[0], RINGS[0]])
)
places = st.one_of(
    st.builds(Column, st.sampled_from(["loc", "p.loc", "likes.loc", "o.k", "s"])),
    st.builds(Literal, st.sampled_from(POINTS)),
    json_paths,
)
areas = st.one_of(
    st.builds(Column, st.sampled_from(["area", "p.area", "o.k", "s"])), st.builds(Literal, st.sampled_from(RINGS))
)
calls = st.one_of(
    st.builds(lambda date: Call(Function.TIME, (date,)), columns),
    st.builds(
        lambda function, place: Call(function, (place,)),
        st.sampled_from([Function.LATITUDE, Function.LONGITUDE]),
        places,
    ),
    st.builds(lambda *two: Call(Function.DISTANCE, two), places, places),
    st.builds(lambda *two: Call(Function.WITHIN, two), places, areas),
)
single_calls = st.builds(
    lambda function, column: Call(function, (column,)),
    st.sampled_from([Function.TIME, Function.LATITUDE, Function.LONGITUDE]),
    single_columns,
)
expressions: st.SearchStrategy[Expression] = st.recursive(
    st.one_of(columns, columns, json_paths, literals, calls),
    lambda inner: st.builds(Arithmetic, st.sampled_from("+-*/"), inner, inner),
    max_leaves=3,
)
comparisons = st.one_of(
    st.builds(Comparison, expressions, st.sampled_from([Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE]), expressions),
    st.builds(
        Comparison,
        st.one_of(columns, json_paths),
        st.just(Op.LIKE),
        st.builds(Literal, st.sampled_from(["%", "a%", "%B", "_", "É", "1%", "%.000Z", "o_", "\\_"])),
    ),
)
filters: st.SearchStrategy[Filter] = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(lambda *parts: And(parts), inner, inner),
        st.builds(lambda *parts: Or(parts), inner, inner),
        st.builds(Inverse, st.sampled_from(["Post", "Other"]), st.sampled_from(["p", "likes"]), inner),
    ),
    max_leaves=2,
)


@given(where=filters)
@settings(EVERYTHING, max_examples=1200)
def test_the_store_compares_as_the_oracle_does(world: World, where: Filter) -> None:
    for class_name in ("Post", "Other"):
        assert set(world.found_ids(where, class_name)) == {o[ID] for o in world.expected(where, class_name)}


# rows

GROUPED = ["s", "n", "b", "d", "p", "o.k", "loc", "p.s", "p.n", "p.b", "likes.b", "likes", "p.p.b"]
summed = st.builds(Column, st.sampled_from(["n", "p.n", "b", "o.k", "s", "missing", "likes.n"]))
counted = st.one_of(single_columns, json_paths)
least = st.builds(Column, st.sampled_from(["n", "s", "d", "b", "p.s", "p.n", "missing"]))
aggregates = st.one_of(
    st.builds(Aggregated, st.just(Aggregate.COUNT), counted),
    st.builds(Aggregated, st.sampled_from([Aggregate.SUM, Aggregate.AVERAGE]), summed),
    st.builds(Aggregated, st.sampled_from([Aggregate.MIN, Aggregate.MAX]), least),
)
NAMES = ["x", "total", "count", "a b", "s", "c0", 'q"; --']
outputs = st.lists(st.builds(Output, st.sampled_from(NAMES), aggregates), max_size=3, unique_by=lambda o: o.name).map(
    tuple
)
havings: st.SearchStrategy[Filter | None] = st.one_of(
    st.none(),
    st.builds(Condition, st.sampled_from(NAMES), st.sampled_from([Op.GT, Op.LE]), st.sampled_from([0, 1, 3, 20])),
    st.builds(
        Condition, st.sampled_from(NAMES), st.sampled_from([Op.NE, Op.EQ]), st.sampled_from([None, 1, "a", True])
    ),
    st.builds(Condition, st.sampled_from(NAMES), st.just(Op.EXISTS), st.booleans()),
    st.builds(Condition, st.sampled_from(NAMES), st.just(Op.LIKE), st.sampled_from(["a%", "1%"])),
    st.builds(
        Comparison,
        st.builds(Column, st.sampled_from(NAMES)),
        st.just(Op.GT),
        st.builds(Arithmetic, st.just("*"), st.builds(Column, st.sampled_from(NAMES)), st.just(Literal(0.5))),
    ),
)
wheres: st.SearchStrategy[Filter | None] = st.sampled_from(
    [
        None,
        None,
        Condition("b", Op.NE, True),
        Condition("likes", Op.EQ, POINTERS[0]),
        Condition("s", Op.EQ, "no such text"),
    ]
)
MODERATE = Condition("n", Op.LT, 1e200)
"""Sums of huge numbers and small ones depend on who goes first."""


def alike(one: Value, other: Value) -> bool:
    if isinstance(one, float) or isinstance(other, float):
        return (
            isinstance(one, int | float) and isinstance(other, int | float) and math.isclose(one, other, rel_tol=1e-9)
        )
    return equal(one, other)


def same_rows(found: list[Fields], expected: list[Fields]) -> bool:
    if len(found) != len(expected) or any(
        one.keys() != other.keys() for one, other in zip(found, expected, strict=True)
    ):
        return False
    pairs = zip(found, expected, strict=True)
    return all(alike(one[name], other[name]) for one, other in pairs for name in one)


@st.composite
def grouping(draw: st.DrawFn) -> Find:
    group_by = tuple(draw(st.lists(st.sampled_from(GROUPED), max_size=2, unique=True)))
    computed = draw(outputs if group_by else outputs.filter(bool))
    computed = tuple(output for output in computed if output.name not in group_by)
    if not group_by and not computed:
        computed = (Output("x", Aggregated(Aggregate.COUNT, Column(ID))),)
    names = [*group_by, *(output.name for output in computed)]
    # of places and of lists no order is promised, and the oracle does not look into the names of rows
    sortable = [name for name in names if name not in ("loc", "o.k", "p", "likes") and "." not in name]
    order = draw(st.lists(st.builds(Sort, st.sampled_from(sortable), st.booleans()), max_size=2)) if sortable else []
    where = draw(wheres)
    return Find(
        class_name="Post",
        limit=1000,
        where=MODERATE if where is None else And((MODERATE, where)),
        group_by=group_by,
        select=draw(st.sampled_from([None, group_by[:1], group_by])) if group_by else None,
        outputs=computed,
        having=draw(havings),
        order=tuple(order),
        distinct=draw(st.booleans()) if all(sort.field in names[:1] for sort in order) and not group_by[1:] else False,
        count=True,
    )


@given(find=grouping())
@settings(EVERYTHING, max_examples=800)
def test_groups_are_those_of_the_oracle(world: World, find: Find) -> None:
    check_rows(world, find)


@given(
    select=st.lists(st.sampled_from([*GROUPED, "tags", "o"]), min_size=1, max_size=3, unique=True).map(tuple),
    outputs=st.lists(
        st.builds(Output, st.sampled_from(["x", "y"]), st.one_of(single_columns, json_paths, single_calls)),
        max_size=2,
        unique_by=lambda output: output.name,
    ).map(tuple),
    where=wheres,
    descending=st.booleans(),
)
@settings(EVERYTHING, max_examples=400)
def test_different_rows_are_those_of_the_oracle(
    world: World, select: tuple[str, ...], outputs: tuple[Output, ...], where: Filter | None, descending: bool
) -> None:
    order = tuple(Sort(name, descending) for name in select[:1] if name in ("s", "n", "b", "d"))
    find = Find(
        class_name="Post",
        limit=1000,
        select=select,
        outputs=outputs,
        where=where,
        order=order,
        distinct=True,
        count=True,
    )
    check_rows(world, find)


def check_rows(world: World, find: Find) -> None:
    result = world.run(find)
    expected = computed_rows(find, world.objects)
    found = result.objects
    assert found is not None
    paths = [
        *find.group_by,
        *(find.select or ()),
        *(path for output in find.outputs for path in columns_of(output.value)),
    ]
    if any("likes" in path for path in paths):  # the members of one object come in no order of theirs
        left = list(expected)
        expected = [
            left.pop(next((n for n, row in enumerate(left) if same_rows([one], [row])), 0)) for one in found if left
        ]
    assert same_rows(found, expected), f"{found}\n{expected}"
    assert result.total == len(found)


@pytest.mark.parametrize("aggregate", Aggregate)
def test_groups_are_sorted_by_an_aggregate_shown_or_not(world: World, aggregate: Aggregate) -> None:
    value = Aggregated(aggregate, Column("n"))
    by_name = Find(
        class_name="Post",
        limit=1000,
        group_by=("s",),
        outputs=(Output("@value 0", value),),
        order=(Sort("@value 0", descending=True), Sort("s")),
    )
    expected = world.find(by_name)
    by_value = replace(by_name, order=(Sort("x", True, value), Sort("s")))
    assert world.find(by_value) == expected
    assert world.find(replace(by_value, outputs=())) == [{"s": row["s"]} for row in expected]
    other = (Output("@value 0", Aggregated(Aggregate.COUNT, Column(ID))),)
    assert [row["s"] for row in world.find(replace(by_value, outputs=other))] == [row["s"] for row in expected]


def test_groups_come_in_pages(world: World) -> None:
    find = Find(class_name="Post", limit=1000, group_by=("s",), order=(Sort("s"),))
    whole = world.find(find)
    assert len(whole) > 5
    pages = [
        world.find(Find(class_name="Post", limit=3, skip=at, group_by=("s",), order=(Sort("s"),))) for at in (0, 3)
    ]
    assert [row for page in pages for row in page] == whole[:6]


def test_values_are_computed_of_each_object(world: World) -> None:
    computed = (
        Output("half", Arithmetic("/", Column("n"), Literal(2))),
        Output("when", Column(CREATED_AT)),
        Output("who", Column("p")),
        Output("of", Column("p.n")),
        Output("all", JsonPath("o", (Wildcard.ANY_KEY,))),
    )
    found = world.find(
        Find(class_name="Post", limit=1000, select=("s",), exact=True, outputs=computed, order=(Sort("half"),))
    )
    by_half = sorted(o["n"] / 2 for o in world.objects["Post"] if o.get("n") is not None)
    assert [row["half"] for row in found if row["half"] is not None] == by_half
    others = {o[ID]: o for o in world.objects["Other"]}
    for row in found:
        assert row.keys() - {"s"} == {output.name for output in computed}
        if isinstance(row["who"], Pointer):
            assert row["of"] == others.get(row["who"].id, {}).get("n")


async def test_a_sum_can_be_more_than_a_whole_number_holds(shop: Shop) -> None:
    for number in (2**62, 2**62, 2**62):
        await shop.create("Post", n=number)
    for huge in (1e308, 1e308):
        await shop.create("Huge", n=huge)
    added = (Output("sum", Aggregated(Aggregate.SUM, Column("n"))), Output("count", COUNT))
    assert (await shop.do(Find(class_name="Post", limit=1, outputs=added))).objects == [
        {"sum": 3 * 2.0**62, "count": 3}
    ]
    # what leaves the range of numbers is none
    assert (await shop.do(Find(class_name="Huge", limit=1, outputs=added))).objects == [{"sum": None, "count": 2}]


@pytest.mark.parametrize("op", [Op.EQ, Op.NE])
def test_what_is_unknown_is_not_even_equal_to_itself(world: World, op: Op) -> None:
    within = Call(Function.WITHIN, (Column("loc"), Column("area")))
    both = {o[ID] for o in world.objects["Post"] if o.get("loc") is not None and o.get("area") is not None}
    assert set(world.found_ids(Comparison(within, op, within), "Post")) == (both if op is Op.EQ else set())


def test_the_distance_between_two_places_is_in_metres(world: World) -> None:
    # a degree along a meridian of a sphere of 6371 km
    degree = Call(Function.DISTANCE, (Literal(GeoPoint(10.0, 20.0)), Literal(GeoPoint(11.0, 20.0))))
    (row,) = world.find(Find(class_name="Post", limit=1, select=(), exact=True, outputs=(Output("d", degree),)))
    assert math.isclose(row["d"], 111_194.93, abs_tol=0.01)


COUNT = Aggregated(Aggregate.COUNT, Column(ID))
DEEP: Expression = Column("n")
for _ in range(60):
    DEEP = Arithmetic("+", DEEP, Literal(1))

REFUSED = {
    "a field that is not grouped": Find(class_name="Post", limit=1, select=("s",), group_by=("n",)),
    "a field beside an aggregate": Find(class_name="Post", limit=1, select=("s",), outputs=(Output("c", COUNT),)),
    "a path through a relation, by object": Find(class_name="Post", limit=1, select=("likes.s",), group_by=(ID,)),
    "an order that is not grouped": Find(class_name="Post", limit=1, group_by=("n",), order=(Sort("s"),)),
    "an order of objects by an aggregate": Find(class_name="Post", limit=1, order=(Sort("count", value=COUNT),)),
    "an order that is not shown": Find(class_name="Post", limit=1, select=("n",), distinct=True, order=(Sort("s"),)),
    "an aggregate of an aggregate": Find(
        class_name="Post", limit=1, outputs=(Output("c", Aggregated(Aggregate.SUM, COUNT)),)
    ),
    "an aggregate in a condition": Find(class_name="Post", limit=1, where=Comparison(COUNT, Op.GT, Literal(1))),
    "an aggregate as a key": Find(class_name="Post", limit=1, outputs=(Output("c", COUNT),), group_by=("c",)),
    "a condition on groups that are not there": Find(
        class_name="Post", limit=1, select=("n",), having=Condition("n", Op.GT, 1)
    ),
    "a relation of rows": Find(
        class_name="Post", limit=1, group_by=("n",), having=RelatedTo(Pointer("Post", "p1"), "likes")
    ),
    "the members of rows": Find(class_name="Post", limit=1, group_by=("n",), having=Inverse("Post", "likes")),
    "too deep an expression": Find(class_name="Post", limit=1, where=Comparison(DEEP, Op.GT, Literal(1))),
    "too many expressions": Find(
        class_name="Post", limit=1, where=Or((Comparison(Column("n"), Op.GT, Literal(1)),) * 400)
    ),
    "too many values": Find(class_name="Post", limit=1, outputs=tuple(Output(str(n), Column("n")) for n in range(201))),
    "too many joins": Find(
        class_name="Post",
        limit=1,
        outputs=tuple(Output(str(n), Column("p." * n + "n")) for n in range(22)),
    ),
    "a bad operator": Find(
        class_name="Post", limit=1, where=Comparison(Arithmetic("%", Column("n"), Literal(1)), Op.GT, Literal(1))
    ),
    "too few arguments": Find(
        class_name="Post", limit=1, where=Comparison(Call(Function.DISTANCE, (Column("loc"),)), Op.GT, Literal(1))
    ),
    "a comparison that is none": Find(class_name="Post", limit=1, where=Comparison(Column("n"), Op.IN, Literal(1))),
    "a pattern that is no text": Find(class_name="Post", limit=1, where=Comparison(Column("s"), Op.LIKE, Column("s"))),
    "a pattern that is a number": Find(class_name="Post", limit=1, where=Condition("s", Op.LIKE, 1)),
    "too long a pattern": Find(class_name="Post", limit=1, where=Condition("s", Op.LIKE, "a" * 4001)),
    "half a letter": Find(class_name="Post", limit=1, where=Condition("s", Op.LIKE, "\ud800")),
    "too many wildcards": Find(
        class_name="Post",
        limit=1,
        where=Comparison(JsonPath("o", (Wildcard.ANY_DEPTH,) * 5), Op.EQ, Literal(1)),
    ),
    "too long a path": Find(class_name="Post", limit=1, where=Comparison(JsonPath("o", (0,) * 101), Op.EQ, Literal(1))),
    "the list of who may do what": Find(class_name="Post", limit=1, outputs=(Output("x", Column("@acl")),)),
    "the list of who may do what, of another": Find(
        class_name="Post", limit=1, where=Comparison(Column("p.@acl"), Op.NE, Literal("x"))
    ),
}


@pytest.mark.parametrize("find", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused(world: World, find: Find) -> None:
    with pytest.raises(GatewayError) as refusal:
        world.run(find)
    assert refusal.value.code is Code.BAD_QUERY


def test_a_name_of_a_value_is_nobodys_sql(world: World) -> None:
    for name in ('"; DROP TABLE class; --', "'", "@having 0", "age", "", "\ud800"):
        (row,) = world.find(Find(class_name="Post", limit=10, outputs=(Output(name, COUNT),), order=(Sort(name),)))
        assert row == {name: len(world.objects["Post"])}
