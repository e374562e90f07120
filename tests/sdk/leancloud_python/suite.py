"""The official Python SDK of LeanCloud against the server that LC_API_SERVER names. Run by `test_python_leancloud.py`.

LeanCloud and its SDKs on the wire.
"""

from __future__ import annotations

import io
import itertools
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import leancloud
import pytest

APP_ID = os.environ.get("LEANCLOUD_APP_ID", "demo")
APP_KEY = os.environ.get("LEANCLOUD_APP_KEY", "demo-key")
MASTER_KEY = os.environ.get("LEANCLOUD_MASTER_KEY", "demo-master")
MISSING = "5a0000000000000000000000"

RUN = f"{time.time_ns():x}"
numbers = itertools.count(1)


def new_class(name: str) -> Any:
    """A class that no other test or run uses."""
    return leancloud.Object.extend(f"{name}_{RUN}_{next(numbers)}")


def make(cls: Any, **fields: Any) -> Any:
    made = cls()
    made.set(fields)
    made.save()
    return made


def make_all(cls: Any, *rows: dict[str, Any]) -> list[Any]:
    objects = [cls(**row) for row in rows]
    leancloud.Object.save_all(objects)
    return objects


def fresh(made: Any) -> Any:
    """The same object, as the server has it."""
    return leancloud.Query(type(made)).get(made.id)


def reference(made: Any) -> Any:
    """The same object, of which the client knows nothing but the id."""
    return type(made).create_without_data(made.id)


def names(found: list[Any]) -> str:
    return "".join(sorted(each.get("name") for each in found))


def in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


@pytest.fixture(autouse=True)
def as_client() -> Iterator[None]:
    leancloud.init(APP_ID, APP_KEY, master_key=MASTER_KEY)
    leancloud.use_master_key(False)
    leancloud.User.set_current(None)
    yield
    leancloud.init(APP_ID, APP_KEY, master_key=MASTER_KEY)


# objects


def test_a_new_object_gets_an_id_and_two_equal_times() -> None:
    made = make(new_class("Todo"), title="hello")
    assert made.id.isalnum()
    assert made.created_at == made.updated_at
    assert abs(datetime.now(UTC) - in_utc(made.created_at)) < timedelta(minutes=1)


def test_times_are_kept_to_the_millisecond() -> None:
    made = make(new_class("Todo"), n=1)
    time.sleep(0.003)
    made.set("n", 2)
    made.save()
    found = fresh(made)
    assert (found.created_at, found.updated_at) == (made.created_at, made.updated_at)
    assert found.updated_at > found.created_at


def test_fetch_when_save_answers_a_whole_new_object() -> None:
    made = new_class("Todo")()
    made.set("title", "a")
    made.increment("n", 2)
    made.save(fetch_when_save=True)
    assert (made.get("title"), made.get("n")) == ("a", 2)
    assert made.updated_at is not None


def test_fetch_when_save_brings_what_another_client_has_changed() -> None:
    made = make(new_class("Todo"), n=1)
    other = reference(made)
    other.increment("n", 10)
    other.save()
    made.increment("n", 1)
    made.save(fetch_when_save=True)
    assert made.get("n") == 12


def test_an_update_leaves_other_fields_alone() -> None:
    made = make(new_class("Todo"), n=1, title="a", nested={"x": 1})
    other = reference(made)
    other.set("n", 2)
    other.save()
    found = fresh(made)
    assert (found.get("n"), found.get("title"), found.get("nested")) == (2, "a", {"x": 1})


def test_fetch_with_keys_and_include() -> None:
    owner = make(new_class("Owner"), name="ann")
    found = reference(make(new_class("Todo"), a=1, b=2, owner=owner))
    found.fetch(select=["a", "owner"], include=["owner"])
    assert (found.get("a"), found.get("b"), found.get("owner").get("name")) == (1, None, "ann")


def test_a_destroyed_object_is_gone() -> None:
    cls = new_class("Todo")
    made, kept = make(cls, name="a"), make(cls, name="b")
    made.destroy()
    assert [each.id for each in leancloud.Query(cls).find()] == [kept.id]
    assert fresh(made).created_at is None  # a missing object is {}


def test_a_class_that_nobody_made_is_101() -> None:
    cls = new_class("Nobody")
    query = leancloud.Query(cls)
    calls: list[Callable[[], Any]] = [query.find, query.count, query.first, lambda: query.get(MISSING)]
    for call in calls:
        with pytest.raises(leancloud.LeanCloudError) as caught:
            call()
        assert caught.value.code == 101


def test_first_of_nothing_is_101() -> None:
    made = make(new_class("Todo"), n=1)
    with pytest.raises(leancloud.LeanCloudError) as caught:
        leancloud.Query(type(made)).equal_to("n", 2).first()
    assert caught.value.code == 101


def test_an_update_of_a_missing_object_is_error_1() -> None:
    cls = type(make(new_class("Todo"), n=1))
    other = cls.create_without_data(MISSING)
    other.set("n", 2)
    with pytest.raises(leancloud.LeanCloudError) as caught:
        other.save()
    assert caught.value.code == 1


def test_a_conditional_save_is_done_where_the_condition_is_met_and_305_where_not() -> None:
    made = make(new_class("Account"), balance=50)
    where = leancloud.Query(type(made)).greater_than_or_equal_to("balance", 30)
    made.increment("balance", -30)
    made.save(where=where)
    assert fresh(made).get("balance") == 20
    made.increment("balance", -30)
    with pytest.raises(leancloud.LeanCloudError) as caught:
        made.save(where=where)
    assert caught.value.code == 305
    assert fresh(made).get("balance") == 20


def test_a_statement_in_cql_finds_what_it_says() -> None:
    name = new_class("Score").__name__
    made = [make(leancloud.Object.extend(name), title=title, n=n) for n, title in enumerate(("x", "y", "z"))]
    found = leancloud.Query.do_cloud_query(f"select * from {name} where title=?", "y")
    assert ([each.id for each in found.results], found.class_name) == ([made[1].id], name)
    both = leancloud.Query.do_cloud_query(f"select count(*), * from {name} where n >= ? limit ?", [1, 1])
    assert (both.count, len(both.results)) == (2, 1)
    with pytest.raises(leancloud.LeanCloudError) as caught:
        leancloud.Query.do_cloud_query(f"select * {name}")
    assert caught.value.code == 300


def test_an_acl_comes_back_where_it_is_asked_for() -> None:
    acl = leancloud.ACL()
    acl.set_public_read_access(True)
    acl.set_public_write_access(True)
    acl.set_role_read_access("editors", True)
    made = new_class("Guarded")()
    made.set_acl(acl)
    made.save()
    query = leancloud.Query(type(made))
    assert query.find()[0].get_acl() is None
    found = query.include_acl().find()[0].get_acl()
    assert found.dump() == {"*": {"read": True, "write": True}, "role:editors": {"read": True}}


def test_unsaved_children_are_saved_with_their_parent() -> None:
    child = new_class("Child")(name="kid")
    parent = make(new_class("Parent"), child=child)
    assert child.id
    found = leancloud.Query(type(parent)).include("child").first()
    assert found.get("child").get("name") == "kid"


# values

VALUES: dict[str, Any] = {
    "text": "Grüße, 你好, 👩‍👩‍👧‍👦",
    "empty": "",
    "control": "a\t\n\\ \"'",
    "integer": 42,
    "safe": 2**53 - 1,
    "large": 2**70,
    "fraction": -0.1,
    "huge": 1.7976931348623157e308,
    "yes": True,
    "no": False,
    "list": [1, "two", [3, []], {"four": 5}, None],
    "object": {"a": 1, "b c": {"d": [True, None]}, "e": {}},
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_comes_back_as_it_was_saved(name: str) -> None:
    found = fresh(make(new_class("Value"), value=VALUES[name])).get("value")
    assert found == VALUES[name]
    assert isinstance(found, bool) == isinstance(VALUES[name], bool)


def test_a_date_comes_back_as_a_datetime() -> None:
    moment = datetime(2024, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    found = fresh(make(new_class("Value"), moment=moment, nested={"moment": moment}))
    assert in_utc(found.get("moment")) == moment
    assert in_utc(found.get("nested")["moment"]) == moment


def test_a_geo_point_comes_back_as_one() -> None:
    found = fresh(make(new_class("Value"), point=leancloud.GeoPoint(40.5, -30.25))).get("point")
    assert isinstance(found, leancloud.GeoPoint)
    assert (found.latitude, found.longitude) == (40.5, -30.25)


def test_a_pointer_comes_back_as_an_object() -> None:
    item = make(new_class("Item"), name="sword")
    found = fresh(make(new_class("Value"), item=item)).get("item")
    assert isinstance(found, type(item))
    assert (found.id, found.get("name")) == (item.id, None)
    found.fetch()
    assert found.get("name") == "sword"


def test_a_file_comes_back_with_id_name_and_url() -> None:
    made = new_class("Value")()
    made.set(
        "file", {"__type": "File", "objectId": MISSING, "name": "hello.txt", "url": "http://files.example/hello.txt"}
    )
    made.save()
    found = fresh(made).get("file")
    assert isinstance(found, leancloud.File)
    assert (found.id, found.name, found.url) == (MISSING, "hello.txt", "http://files.example/hello.txt")


def test_a_type_mismatch_is_111() -> None:
    made = make(new_class("Typed"), v=1)
    with pytest.raises(leancloud.LeanCloudError) as caught:
        make(type(made), v="one")
    assert caught.value.code == 111


def test_a_bad_field_name_is_105() -> None:
    with pytest.raises(leancloud.LeanCloudError) as caught:
        make(new_class("Bad"), **{"bad-name": 1})
    assert caught.value.code == 105


# operators


def changed(fields: dict[str, Any], change: Callable[[Any], Any]) -> Any:
    """What the server has after a change by a client that had fetched the object."""
    made = make(new_class("Op"), **fields)
    other = reference(made)
    other.fetch()
    change(other)
    other.save()
    return fresh(made)


EFFECTS: dict[str, tuple[dict[str, Any], Callable[[Any], Any], Any]] = {
    "increment": ({"v": 1}, lambda o: o.increment("v", 2), 3),
    "increment of nothing": ({}, lambda o: o.increment("v", 2), 2),
    "increment by a negative number": ({"v": 1}, lambda o: o.increment("v", -2.5), -1.5),
    "add": ({"v": ["a"]}, lambda o: o.add("v", "a"), ["a", "a"]),
    "add to nothing": ({}, lambda o: o.add("v", "a"), ["a"]),
    "add_unique of what is there": ({"v": ["b", "a"]}, lambda o: o.add_unique("v", "b"), ["b", "a"]),
    "add_unique of what is not there": ({"v": ["b"]}, lambda o: o.add_unique("v", "a"), ["b", "a"]),
    "remove": ({"v": ["a", "b", "a"]}, lambda o: o.remove("v", "a"), ["b"]),
    "remove from nothing": ({}, lambda o: o.remove("v", "a"), []),
    "bit_and": ({"v": 12}, lambda o: o.bit_and("v", 10), 8),
    "bit_or": ({"v": 12}, lambda o: o.bit_or("v", 10), 14),
    "bit_xor": ({"v": 12}, lambda o: o.bit_xor("v", 10), 6),
    "unset": ({"v": 1}, lambda o: o.unset("v"), None),
}


@pytest.mark.parametrize("name", EFFECTS)
def test_an_operator_has_its_effect(name: str) -> None:
    fields, change, expected = EFFECTS[name]
    assert changed(fields, change).get("v") == expected


def test_many_increments_at_the_same_time_are_all_counted() -> None:
    made = make(new_class("Counter"), n=0)

    def increment(_: int) -> None:
        other = reference(made)
        other.increment("n")
        other.save()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(increment, range(32)))
    assert fresh(made).get("n") == 32


# queries


def day(number: int) -> datetime:
    return datetime(2024, 1, number, 12, 30, 15, 250000, tzinfo=UTC)


@pytest.fixture(scope="module")
def items() -> Any:
    leancloud.init(APP_ID, APP_KEY)
    owner = leancloud.Object.extend("Owner").create_without_data(MISSING)
    cls = new_class("Item")
    make_all(
        cls,
        {
            "name": "a",
            "n": 1,
            "s": "apple",
            "b": True,
            "tags": ["x", "y"],
            "day": day(1),
            "owner": owner,
            "o": {"k": 1},
        },
        {
            "name": "b",
            "n": 2,
            "s": "Banana",
            "b": False,
            "tags": ["y", "z"],
            "day": day(2),
            "owner": owner,
            "o": {"k": 2},
        },
        {"name": "c", "n": 3, "s": "cherry\npie", "b": True, "tags": [], "day": day(3)},
        {"name": "d"},
    )
    return cls


FINDS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "all": (lambda q: q, "abcd"),
    "equal_to": (lambda q: q.equal_to("n", 2), "b"),
    "equal_to a boolean": (lambda q: q.equal_to("b", True), "ac"),
    "equal_to a date": (lambda q: q.equal_to("day", day(2)), "b"),
    "equal_to an element of a list": (lambda q: q.equal_to("tags", "y"), "ab"),
    "not_equal_to": (lambda q: q.not_equal_to("n", 2), "acd"),
    "less_than": (lambda q: q.less_than("n", 2), "a"),
    "less_than_or_equal_to": (lambda q: q.less_than_or_equal_to("n", 2), "ab"),
    "greater_than": (lambda q: q.greater_than("n", 2), "c"),
    "greater_than_or_equal_to": (lambda q: q.greater_than_or_equal_to("day", day(2)), "bc"),
    "contained_in": (lambda q: q.contained_in("n", [1, 3]), "ac"),
    "not_contained_in": (lambda q: q.not_contained_in("n", [1, 3]), "bd"),
    "exists": (lambda q: q.exists("owner"), "ab"),
    "does_not_exist": (lambda q: q.does_not_exist("n"), "d"),
    "contains_all": (lambda q: q.contains_all("tags", ["y", "x"]), "a"),
    "size_equal_to": (lambda q: q.size_equal_to("tags", 2), "ab"),
    "matched": (lambda q: q.matched("s", "^B.n"), "b"),
    "matched without case": (lambda q: q.matched("s", "^B.n|APP", ignore_case=True), "ab"),
    "matched line by line": (lambda q: q.matched("s", "^pie", multi_line=True), "c"),
    "contains": (lambda q: q.contains("s", "an"), "b"),
    "startswith": (lambda q: q.startswith("s", "ch"), "c"),
    "endswith": (lambda q: q.endswith("s", "le"), "a"),
    "a dotted field": (lambda q: q.equal_to("o.k", 2), "b"),
    "several conditions": (lambda q: q.greater_than("n", 1).equal_to("b", True).exists("s"), "c"),
}


@pytest.mark.parametrize("name", FINDS)
def test_a_query_finds(name: str, items: Any) -> None:
    build, expected = FINDS[name]
    assert names(build(leancloud.Query(items)).find()) == expected
    assert build(leancloud.Query(items)).count() == len(expected)


def test_or_and_and(items: Any) -> None:
    def query() -> Any:
        return leancloud.Query(items)

    assert names(leancloud.Query.or_(query().equal_to("n", 1), query().does_not_exist("n")).find()) == "ad"
    assert names(leancloud.Query.and_(query().greater_than("n", 1), query().less_than("n", 3)).find()) == "b"


def test_order_limit_and_skip(items: Any) -> None:
    query = leancloud.Query(items).exists("n").descending("b").add_ascending("n")
    assert [each.get("name") for each in query.find()] == ["a", "c", "b"]
    assert [each.get("name") for each in query.skip(1).limit(1).find()] == ["c"]
    assert query.first().get("name") == "c"
    assert query.count() == 3


def test_select(items: Any) -> None:
    found = leancloud.Query(items).equal_to("name", "a").select("n", "s").first()
    assert (found.get("n"), found.get("s"), found.get("name")) == (1, "apple", None)
    assert found.id
    assert found.created_at is not None


def test_objects_are_found_by_the_times_the_server_gave_them(items: Any) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=1)
    assert leancloud.Query(items).less_than("createdAt", soon).count() == 4
    assert leancloud.Query(items).greater_than("updatedAt", soon).count() == 0


def test_queries_within_queries() -> None:
    team, player = new_class("Team"), new_class("Player")
    red, blue = make_all(team, {"name": "red", "city": "Rome"}, {"name": "blue", "city": "Bern"})
    make_all(
        player, {"name": "a", "home": "Rome", "team": red}, {"name": "b", "home": "Oslo", "team": blue}, {"name": "c"}
    )
    reds = leancloud.Query(team).equal_to("name", "red")
    cities = leancloud.Query(team).exists("city")
    assert names(leancloud.Query(player).matches_query("team", reds).find()) == "a"
    assert names(leancloud.Query(player).does_not_match_query("team", reds).find()) == "bc"
    assert names(leancloud.Query(player).matches_key_in_query("home", "city", cities).find()) == "a"
    assert (
        names(leancloud.Query(player).exists("home").does_not_match_key_in_query("home", "city", cities).find()) == "b"
    )


def test_include_several_levels() -> None:
    city = make(new_class("City"), name="Rome")
    author = make(new_class("Author"), name="ann", city=city)
    post = make(new_class("Post"), author=author)
    found = leancloud.Query(type(post)).include("author.city").first()
    assert found.get("author").get("city").get("name") == "Rome"


def test_places() -> None:
    cls = new_class("Place")
    berlin = leancloud.GeoPoint(52.52, 13.405)
    places = {
        "berlin": berlin,
        "potsdam": leancloud.GeoPoint(52.396, 13.058),
        "hamburg": leancloud.GeoPoint(53.551, 9.994),
    }
    make_all(cls, *({"name": name, "at": at} for name, at in places.items()))

    def found(query: Any) -> list[str]:
        return [each.get("name") for each in query.find()]

    def query() -> Any:
        return leancloud.Query(cls)

    assert found(query().near("at", berlin)) == ["berlin", "potsdam", "hamburg"]
    assert found(query().within_kilometers("at", berlin, 100)) == ["berlin", "potsdam"]
    assert found(query().within_miles("at", berlin, 165)) == ["berlin", "potsdam", "hamburg"]
    assert found(query().within_radians("at", berlin, 0.01)) == ["berlin", "potsdam"]
    # this SDK alone knows a least distance
    assert found(query().within_kilometers("at", berlin, 300, min_distance=10)) == ["potsdam", "hamburg"]
    assert found(query().within_miles("at", berlin, 165, min_distance=100)) == ["hamburg"]
    assert found(query().within_radians("at", berlin, 0.1, min_distance=0.001)) == ["potsdam", "hamburg"]
    box = query().within_geo_box("at", leancloud.GeoPoint(52, 13), leancloud.GeoPoint(53, 14))
    assert sorted(found(box)) == ["berlin", "potsdam"]


def test_scan_brings_every_object_once() -> None:
    cls = new_class("Many")
    make_all(cls, *({"n": n} for n in range(25)))
    leancloud.use_master_key(True)
    query = leancloud.Query(cls).less_than("n", 20)
    assert sorted(each.get("n") for each in query.scan(batch_size=6)) == list(range(20))
    assert [each.get("n") for each in leancloud.Query(cls).scan(batch_size=10, scan_key="n")] == list(range(25))


def test_scan_needs_the_master_key() -> None:
    cls = type(make(new_class("Many"), n=1))
    with pytest.raises(leancloud.LeanCloudError):
        next(iter(leancloud.Query(cls).scan()))


# many at once, relations


def test_save_all_and_destroy_all() -> None:
    cls = new_class("Thing")
    objects = make_all(cls, *({"n": n} for n in range(25)))
    assert len({each.id for each in objects}) == 25
    for each in objects:
        each.increment("n", 100)
    leancloud.Object.save_all(objects)
    leancloud.Object.destroy_all(objects[:20])
    assert sorted(each.get("n") for each in leancloud.Query(cls).find()) == [120, 121, 122, 123, 124]


def test_one_failure_in_save_all_is_told_and_does_not_stop_the_rest() -> None:
    cls = type(make(new_class("Thing"), n=1))
    missing = cls.create_without_data(MISSING)
    missing.set("n", 2)
    with pytest.raises(leancloud.LeanCloudError) as caught:
        leancloud.Object.save_all([missing, cls(n=3)])
    assert caught.value.code == 1
    assert sorted(each.get("n") for each in leancloud.Query(cls).find()) == [1, 3]


def test_relations() -> None:
    owner, member = new_class("Owner"), new_class("Member")
    a, b, c = make_all(member, {"name": "a"}, {"name": "b"}, {"name": "c"})
    made = make(owner, name="owner")
    made.relation("members").add(a)
    made.relation("members").add(b)
    made.save()
    relation = fresh(made).relation("members")
    assert names(relation.query.find()) == "ab"
    assert names(relation.query.equal_to("name", "b").find()) == "b"
    unknown = reference(made)
    assert names(unknown.relation("members").query.find()) == "ab"
    unknown.relation("members").remove(a)
    unknown.save()
    other = reference(made)
    other.relation("members").add(c)
    other.save()
    assert names(relation.query.find()) == "bc"
    found = leancloud.Relation.reverse_query(owner._class_name, "members", c).find()
    assert [each.id for each in found] == [made.id]


# users


def new_name(kind: str = "user") -> str:
    return f"{kind}_{RUN}_{next(numbers)}"


def sign_up(**fields: Any) -> Any:
    """A new user, who is the current one then: the SDK sends its token by itself."""
    user = leancloud.User()
    user.set(fields)
    user.sign_up(new_name(), "secret")
    return user


def current(user: Any) -> Any:
    leancloud.User.set_current(user)
    return user


def log_in(**names_and_password: str) -> Any:
    current(None)
    user = leancloud.User()
    user.login(**names_and_password)
    return user


@contextmanager
def as_master() -> Iterator[None]:
    leancloud.use_master_key(True)
    try:
        yield
    finally:
        leancloud.use_master_key(False)


@contextmanager
def fails_with(*codes: int) -> Iterator[None]:
    with pytest.raises(leancloud.LeanCloudError) as caught:
        yield
    assert caught.value.code in codes


def test_a_sign_up_answers_the_whole_user() -> None:
    email = f"{new_name()}@example.com"
    user = sign_up(email=email, nick="Ann")
    assert user.is_current
    assert user.is_authenticated()
    assert (user.get_email(), user.get("nick"), user.get("password")) == (email, "Ann", None)
    assert (user.get("emailVerified"), user.get("mobilePhoneVerified")) == (False, False)
    assert abs(datetime.now(UTC) - in_utc(user.created_at)) < timedelta(minutes=1)


def test_who_knows_the_password_logs_in_with_username_or_address() -> None:
    email = f"{new_name()}@example.com"
    user = sign_up(email=email)
    for found in (log_in(username=user.get_username(), password="secret"), log_in(email=email, password="secret")):
        assert (found.id, found.session_token) == (user.id, user.session_token)
        assert leancloud.User.get_current().id == user.id
    # the server goes by the username where there are both, as the SDK relies on
    again = leancloud.User()
    again.set("email", email)
    again.login(user.get_username(), "secret")
    assert again.id == user.id


def test_who_does_not_know_the_password_does_not_log_in() -> None:
    user = sign_up()
    with fails_with(210):
        log_in(username=user.get_username(), password="wrong")
    with fails_with(210):
        log_in(username=new_name(), password="secret")
    assert leancloud.User.get_current() is None


def test_a_username_and_an_address_are_taken_once() -> None:
    email = f"{new_name()}@example.com"
    user = sign_up(email=email)
    current(None)
    with fails_with(202):
        leancloud.User().sign_up(user.get_username(), "other")
    with fails_with(203):
        sign_up(email=email)


def test_become_and_is_authenticated() -> None:
    user = sign_up(nick="Ann")
    current(None)
    found = leancloud.User.become(user.session_token)
    assert (found.id, found.get("nick")) == (user.id, "Ann")
    found._session_token = "nosuchtoken"
    assert not found.is_authenticated()
    with fails_with(211):
        leancloud.User.become("nosuchtoken")


def test_a_log_out_leaves_the_token_as_it_is() -> None:
    user = sign_up()
    token = user.session_token
    user.logout()
    assert leancloud.User.get_current() is None
    assert leancloud.User.become(token).id == user.id


def test_a_user_changes_itself_and_nobody_else_does() -> None:
    user = sign_up(n=1)
    user.increment("n", 2)
    user.save()
    for caller in (None, sign_up()):
        current(caller)
        other = leancloud.User.create_without_data(user.id)
        other.set("n", 10)
        with fails_with(206):
            other.save()
        with fails_with(206):
            leancloud.User.create_without_data(user.id).destroy()
    assert leancloud.User.become(user.session_token).get("n") == 3
    with as_master():
        other = leancloud.User.create_without_data(user.id)
        other.set("n", 10)
        other.save()
    assert leancloud.User.become(user.session_token).get("n") == 10


def test_update_password_wants_the_old_one_and_brings_a_new_token() -> None:
    user = sign_up()
    before = user.session_token
    with fails_with(210):
        user.update_password("wrong", "changed")
    user.update_password("secret", "changed")
    assert user.session_token != before
    with fails_with(211):
        leancloud.User.become(before)
    assert log_in(username=user.get_username(), password="changed").session_token == user.session_token


def test_refresh_session_token_ends_the_old_one() -> None:
    user = sign_up()
    before = user.session_token
    user.refresh_session_token()
    assert leancloud.User.become(user.session_token).id == user.id
    with fails_with(211):
        leancloud.User.become(before)


def test_a_user_deletes_itself() -> None:
    user = sign_up()
    user.destroy()
    current(None)
    with fails_with(211):
        leancloud.User.become(user.session_token)
    with fails_with(210, 211):
        log_in(username=user.get_username(), password="secret")


def test_clients_query_no_users_and_the_master_does() -> None:
    user = sign_up(team=new_name("team"))
    query = leancloud.Query(leancloud.User).equal_to("team", user.get("team"))
    for caller in (None, user):
        current(caller)
        with fails_with(403):
            query.find()
        with fails_with(403):
            query.count()
    with as_master():
        assert [each.id for each in query.find()] == [user.id]


def test_the_first_log_in_with_a_platform_makes_the_user_and_the_next_one_finds_it() -> None:
    auth_data = {"openid": new_name("openid"), "access_token": "token", "expires_in": 7200}
    user = leancloud.User.login_with("weixin", auth_data)
    assert user.is_linked("weixin")
    current(None)
    again = leancloud.User.login_with("weixin", auth_data)
    assert (again.id, again.session_token) == (user.id, user.session_token)
    current(None)
    with fails_with(252):
        leancloud.User.login_with("bogus", auth_data)


def test_a_platform_is_linked_and_unlinked() -> None:
    auth_data = {"uid": new_name("uid"), "access_token": "token"}
    user = sign_up()
    user.link_with("github", dict(auth_data))
    current(None)
    assert leancloud.User.login_with("github", dict(auth_data)).id == user.id
    current(user).unlink_from("github")
    current(None)
    assert leancloud.User.login_with("github", dict(auth_data)).id != user.id


# roles and ACLs


def new_role(*users: Any, owner: Any = None) -> Any:
    role = leancloud.Role(new_name("role"))
    if owner is not None:
        role.get_acl().set_write_access(owner, True)
    for user in users:
        role.get_users().add(user)
    with as_master():
        role.save()
    return role


def guarded(acl: Any, **fields: Any) -> Any:
    made = new_class("Guarded")()
    made.set(fields)
    made.set_acl(acl)
    with as_master():
        made.save()
    return made


def seen_by(user: Any, made: Any) -> int:
    current(user)
    query = leancloud.Query(type(made))
    found = query.count()
    assert len(query.find()) == found
    return int(found)


def test_a_role_comes_back_as_it_was_made() -> None:
    user = sign_up()
    role = new_role(user)
    found = leancloud.Query(leancloud.Role).equal_to("name", role.get_name()).first()
    assert (found.id, found.get_name()) == (role.id, role.get_name())
    assert [each.id for each in user.get_roles()] == [role.id]
    with as_master():
        assert [each.id for each in found.get_users().query.find()] == [user.id]
    with fails_with(137), as_master():
        leancloud.Role(role.get_name()).save()


def test_members_have_the_rights_of_their_role_and_of_those_above() -> None:
    member, stranger = sign_up(), sign_up()
    child = new_role(member)
    parent = leancloud.Role(new_name("role"))
    parent.get_roles().add(child)
    with as_master():
        parent.save()
    acl = leancloud.ACL()
    acl.set_role_read_access(parent, True)
    made = guarded(acl)
    assert [seen_by(user, made) for user in (member, stranger, None)] == [1, 0, 0]


def test_a_role_is_changed_by_those_that_its_acl_names() -> None:
    owner, stranger = sign_up(), sign_up()
    role = new_role(owner=owner)
    current(stranger)
    other = leancloud.Role.create_without_data(role.id)
    other.relation("users").add(stranger)
    with fails_with(1, 403):
        other.save()
    current(owner)
    role.get_users().add(stranger)
    role.save()
    with as_master():
        assert role.get_users().query.count() == 1


def test_what_is_private_is_seen_and_changed_by_its_owner_only() -> None:
    owner, stranger = sign_up(), sign_up()
    acl = leancloud.ACL()
    acl.set_read_access(owner, True)
    acl.set_write_access(owner, True)
    made = guarded(acl, n=1)
    assert [seen_by(user, made) for user in (owner, stranger, None)] == [1, 0, 0]
    for caller in (stranger, None):
        current(caller)
        other = reference(made)
        other.set("n", 2)
        with fails_with(1, 403):
            other.save()
    current(owner)
    assert fresh(made).get("n") == 1
    made.set("n", 3)
    made.save()
    made.destroy()
    with as_master():
        assert leancloud.Query(type(made)).count() == 0


def test_what_is_for_reading_is_not_written() -> None:
    acl = leancloud.ACL()
    acl.set_public_read_access(True)
    made = guarded(acl, n=1)
    user = sign_up()
    assert [seen_by(caller, made) for caller in (user, None)] == [1, 1]
    other = reference(made)
    other.set("n", 2)
    with fails_with(1, 403):
        other.save()
    assert fresh(made).get("n") == 1


# pushes


def test_a_push_and_what_became_of_it() -> None:
    leancloud.use_master_key(True)
    channel = f"c{RUN}"
    installation = leancloud.Installation()
    installation.set({"deviceType": "ios", "deviceToken": f"token-{RUN}", "channels": [channel]})
    installation.save()
    where = leancloud.Query("_Installation").equal_to("objectId", installation.id)
    later = datetime.now(UTC) + timedelta(hours=1)
    scheduled = leancloud.push.send({"alert": "later"}, push_time=later, expiration_interval=60, channels=[channel])
    scheduled.fetch()
    assert scheduled.get("status") == "scheduled"
    sent = leancloud.push.send({"alert": "now"}, where=where, prod="dev", flow_control=0)
    for _ in range(3000):
        sent.fetch()
        if sent.get("status") == "done":
            break
        time.sleep(0.02)
    assert (sent.get("status"), sent.get("successes"), sent.get("msg")) == ("done", 1, {"alert": "now"})
    found = leancloud.push.send({"alert": "x"}, cql=f"select * from _Installation where deviceToken = 'token-{RUN}'")
    found.fetch()
    assert found.get("msg") == {"alert": "x"}
    with pytest.raises(leancloud.LeanCloudError) as caught:
        leancloud.push.send({"alert": "x"}, cql="select nothing")
    assert caught.value.code == 102


# keys


def test_a_wrong_key_is_401() -> None:
    leancloud.init(APP_ID, "wrong")
    with pytest.raises(leancloud.LeanCloudError) as caught:
        leancloud.Query(new_class("Todo")).find()
    assert caught.value.code == 401


def test_a_wrong_master_key_is_401() -> None:
    leancloud.init(APP_ID, master_key="wrong")
    leancloud.use_master_key(True)
    with pytest.raises(leancloud.LeanCloudError) as caught:
        leancloud.Query(new_class("Todo")).find()
    assert caught.value.code == 401


def test_the_master_key_is_enough() -> None:
    leancloud.init(APP_ID, master_key=MASTER_KEY)
    leancloud.use_master_key(True)
    assert fresh(make(new_class("Todo"), n=1)).get("n") == 1


def test_the_server_tells_its_time_to_anybody() -> None:
    assert abs(datetime.now(UTC) - in_utc(leancloud.client.get_server_time())) < timedelta(minutes=1)


# --- files ---


def content_of(file: Any) -> bytes:
    with urllib.request.urlopen(file.url, timeout=10) as answer:
        return bytes(answer.read())


@pytest.mark.parametrize("data", [b"hello", b"", "Grüße".encode()])
def test_a_file_is_uploaded_opened_and_destroyed(data: bytes) -> None:
    file = leancloud.File("a.txt", data)
    file.save()
    assert file.mime_type == "text/plain"
    assert content_of(file) == data
    leancloud.use_master_key(True)
    file.destroy()
    with pytest.raises(urllib.error.HTTPError) as error:
        content_of(file)
    assert error.value.code == 404


def test_a_file_is_fetched_with_what_was_said_of_it() -> None:
    file = leancloud.File("日本.txt", io.BytesIO(b"hello"))
    file.metadata["author"] = "tom"
    file.save()
    found = leancloud.File.create_without_data(file.id)
    found.fetch()
    assert (found.name, found.url, found.size) == ("日本.txt", file.url, 5)
    assert found.metadata == {**file.metadata, "author": "tom", "owner": "unknown"}
    assert content_of(found) == b"hello"


def test_a_file_in_an_object_comes_back() -> None:
    file = leancloud.File("a.txt", b"hello")
    file.save()
    elsewhere = leancloud.File.create_with_url("b.jpg", "http://files.example/b.jpg")
    elsewhere.save()
    made = make(new_class("Attached"), file=file, elsewhere=elsewhere)
    found = fresh(made)
    assert (found.get("file").id, found.get("file").name) == (file.id, "a.txt")
    assert content_of(found.get("file")) == b"hello"
    assert found.get("elsewhere").url == "http://files.example/b.jpg"


# --- followers and statuses ---


def new_follower(name: str) -> Any:
    """A user, who is the current one from then on."""
    user = leancloud.User()
    user.sign_up(f"{name}_{RUN}_{next(numbers)}", "secret")
    return user


def test_a_user_follows_and_unfollows_another() -> None:
    ben, ann = new_follower("ben"), new_follower("ann")
    ann.follow(ben.id)
    ann.follow(ben.id)
    [followee] = leancloud.User.create_followee_query(ann.id).find()
    assert followee.id == ben.id
    leancloud.User.become(ben.get_session_token())
    assert [user.id for user in leancloud.User.create_follower_query(ben.id).find()] == [ann.id]
    leancloud.User.become(ann.get_session_token())
    ann.unfollow(ben.id)
    assert leancloud.User.create_followee_query(ann.id).find() == []


def test_statuses_reach_followers_and_inboxes() -> None:
    ann, ben = new_follower("ann"), new_follower("ben")
    ben.follow(ann.id)
    leancloud.User.become(ann.get_session_token())
    status = leancloud.Status(message="hello")
    status.send_to_followers()
    assert status.id
    leancloud.User.become(ben.get_session_token())
    assert leancloud.Status.count_unread_statuses(ben).unread == 1
    [found] = leancloud.InboxQuery().owner(ben).find()
    assert (found.id, found.get("message"), found.get("source").id) == (status.id, "hello", ann.id)
    leancloud.User.become(ann.get_session_token())
    status.destroy()
    leancloud.User.become(ben.get_session_token())
    assert leancloud.InboxQuery().owner(ben).find() == []


def test_a_private_status_by_the_sdk() -> None:
    ben, ann = new_follower("ben"), new_follower("ann")
    leancloud.Status(message="secret").send_private_status(ben)
    assert leancloud.InboxQuery().owner(ben).inbox_type("private").find() == []
    leancloud.User.become(ben.get_session_token())
    [found] = leancloud.InboxQuery().owner(ben).inbox_type("private").find()
    assert (found.get("message"), found.get("source").id) == ("secret", ann.id)
