"""The store agrees with the oracle on what filters find, in what order."""

from __future__ import annotations

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.model.operation import Find
from gateway.model.query import (
    And,
    Box,
    Circle,
    Condition,
    Filter,
    Inverse,
    Near,
    Not,
    Op,
    Or,
    Regex,
    RelatedTo,
    Sort,
    Subquery,
)
from gateway.model.values import ID, GeoPoint, Pointer
from tests.oracle import in_order
from tests.store.world import (
    COLUMNS,
    DATES,
    KEYS,
    NUMBERS,
    POINTERS,
    POINTS,
    RINGS,
    SCALARS,
    TEXTS,
    World,
    some_object,
    some_value,
)

FIELDS = [
    *COLUMNS,
    *(f"o.{key}" for key in KEYS),
    *(f"o.k.{key}" for key in ("k", "0", "s", "1")),
    *(f"tags.{key}" for key in ("k", "0", "s", "1", "0.k", "k.0", "@k", "0.0", "k.s")),
    "likes",
    "missing",
    "missing.x",
    "s.x",
    "p.x",
    "@id",
    "@created_at",
    "@owner",
]


def test_objects_come_back_as_they_were_written(world: World) -> None:
    for class_name, objects in world.objects.items():
        for kept, found in zip(objects, world.find(Find(class_name=class_name, limit=1000)), strict=True):
            found.pop("likes", None)
            assert repr(sorted(found.items())) == repr(sorted((k, v) for k, v in kept.items() if k != "likes"))


# generated filters

values = st.one_of(
    st.none(),
    st.sampled_from(SCALARS),
    st.lists(st.sampled_from([*TEXTS[:5], *NUMBERS[:4], None, *POINTERS[:2]]), max_size=3),
    st.integers(0, 10**6).map(lambda seed: some_value(random.Random(seed))),
    st.integers(0, 10**6).map(lambda seed: some_object(random.Random(seed))),
)
ordered = st.sampled_from([*TEXTS, *NUMBERS, *DATES, True, False, None])
regexes = st.builds(
    Regex,
    st.sampled_from(["a", "^a", "b$", "^$", ".", "A", "[0-9]", "^a.b$", "é|b"]),
    st.sampled_from(["", "i", "m", "s", "im"]),
)
likes = st.sampled_from(
    [
        *("", "%", "a%", "%B", "_", "A_", "%a%", "É", "%.000z", "%\\%%", "a\\.b", "a\nb"),
        *("1%", "-1", "1.5", "1e%", "2026-01%", "\\"),
    ]
)
points = st.sampled_from(POINTS)
radii = st.sampled_from([0.0, 0.01, 0.2, 0.7, 2.0, 3.2])
areas = st.one_of(
    st.builds(Circle, points, radii),
    st.sampled_from(RINGS),
    st.sampled_from(
        [
            Box(GeoPoint(0.0, 0.0), GeoPoint(10.0, 10.0)),
            Box(GeoPoint(-90.0, 170.0), GeoPoint(0.0, -170.0)),
            Box(GeoPoint(-90.0, -180.0), GeoPoint(90.0, 180.0)),
        ]
    ),
)
fields = st.sampled_from(FIELDS)


def conditions(filters: st.SearchStrategy[Filter] | None) -> st.SearchStrategy[Condition]:
    lists = st.lists(values, max_size=4)
    strategies = [
        st.builds(Condition, fields, st.sampled_from([Op.EQ, Op.NE]), values),
        st.builds(Condition, fields, st.sampled_from([Op.LT, Op.LE, Op.GT, Op.GE]), ordered),
        st.builds(Condition, fields, st.sampled_from([Op.IN, Op.NOT_IN]), lists),
        st.builds(Condition, fields, st.just(Op.EXISTS), st.booleans()),
        st.builds(Condition, fields, st.just(Op.ALL), st.lists(st.one_of(values, regexes), max_size=3)),
        st.builds(Condition, fields, st.just(Op.SIZE), st.integers(0, 3)),
        st.builds(Condition, fields, st.just(Op.CONTAINED_BY), st.lists(values, max_size=8)),
        st.builds(Condition, fields, st.just(Op.REGEX), regexes),
        st.builds(Condition, fields, st.just(Op.LIKE), likes),
        st.builds(
            Condition,
            st.sampled_from(["loc", "o.k", "tags", "tags.k", "o.s", "s", "missing"]),
            st.just(Op.NEAR),
            st.builds(Near, points, st.one_of(st.none(), radii), st.one_of(st.none(), radii)),
        ),
        st.builds(Condition, st.sampled_from(["loc", "o.k", "tags", "tags.k", "s"]), st.just(Op.WITHIN), areas),
        st.builds(Condition, st.sampled_from(["area", "o.k", "tags", "tags.k", "s"]), st.just(Op.COVERS), points),
    ]
    inner: st.SearchStrategy[Filter | None] = st.none() if filters is None else st.one_of(st.none(), filters)
    strategies.append(
        st.builds(
            Condition,
            fields,
            st.sampled_from([Op.IN, Op.NOT_IN]),
            st.builds(
                Subquery,
                st.sampled_from(["Other", "Other", "Post", "Nowhere"]),
                inner,
                st.sampled_from(
                    [
                        *(None, "s", "n", "b", "d", "p", "o.k", "o.s", "tags", "tags.k", "o", "loc", "@id", "bin"),
                        *("likes", "p.s", "p.p", "p.@id", "likes.@id", "likes.p.n", "p.tags.k", "p.likes.b", "s.x"),
                    ]
                ),
                st.sampled_from([None, None, 0, 1, 5]),
                st.integers(0, 2),
                st.sampled_from(
                    [(), (Sort("n"),), (Sort("s", descending=True),), (Sort("b"), Sort("d", descending=True))]
                ),
            ),
        )
    )
    return st.one_of(strategies)


classes = st.sampled_from(["Other", "Post", "Post", "Nowhere"])


def nested(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    parts = st.lists(inner, max_size=3).map(tuple)
    inverse = st.builds(Inverse, classes, st.sampled_from(["p", "p", "likes", "s", "missing"]), inner)
    return st.one_of(st.builds(And, parts), st.builds(Or, parts), st.builds(Not, inner), conditions(inner), inverse)


related = st.builds(
    RelatedTo,
    st.builds(
        Pointer, st.sampled_from(["Post", "Other", "Nowhere"]), st.sampled_from(["p1", "p2", "o3", "o4", "gone"])
    ),
    st.sampled_from(["likes", "likes", "s", "missing"]),
)
filters: st.SearchStrategy[Filter] = st.recursive(st.one_of(conditions(None), related), nested, max_leaves=5)


@given(where=filters)
@settings(
    max_examples=2500,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_the_store_finds_what_the_oracle_finds(world: World, where: Filter) -> None:
    for class_name in ("Post", "Other"):
        found = set(world.found_ids(where, class_name))
        assert found == {o[ID] for o in world.expected(where, class_name)}, class_name


sorts = st.builds(
    Sort,
    st.sampled_from(["s", "n", "b", "d", "missing", "@id", "@created_at", "likes", "tags.k"]),
    st.booleans(),
)
wheres: st.SearchStrategy[Filter | None] = st.sampled_from(
    [None, Condition("b", Op.NE, True), Condition("likes", Op.EQ, POINTERS[0]), Condition("p", Op.IN, POINTERS)]
)


@given(where=wheres, order=st.lists(sorts, max_size=3).map(tuple), skip=st.sampled_from([0, 0, 3]))
@settings(max_examples=150, derandomize=True, deadline=None, database=None)
def test_the_store_orders_as_the_oracle_does(
    world: World, where: Filter | None, order: tuple[Sort, ...], skip: int
) -> None:
    known = tuple(sort for sort in order if sort.field not in ("missing", "likes", "tags.k"))
    expected = [o[ID] for o in in_order(world.expected(where), known)]
    found = world.find(Find(class_name="Post", limit=50, skip=skip, where=where, order=order))
    assert [o[ID] for o in found] == expected[skip : skip + 50]
