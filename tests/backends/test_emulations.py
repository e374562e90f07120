"""What a backend can do, told from the table."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.backends.emulations import OF_THE_GATEWAY, Ability, Way, abilities, compares
from gateway.dialects.dialect import Dialect


def test_what_a_backend_can_do_is_told_from_the_tables(dialects: Mapping[str, Dialect]) -> None:
    parse, leancloud = abilities(dialects["parse"]), abilities(dialects["leancloud"])
    assert parse["find"] == leancloud["find"] == Ability(Way.NATIVE)
    assert (parse["scan"].way, leancloud["scan"].way) == (Way.EMULATED, Way.NATIVE)
    assert (parse["delete of several objects"].way, leancloud["delete of several objects"].way) == (
        Way.EMULATED,
        Way.NATIVE,
    )
    assert (parse["changes of bits"].way, leancloud["changes of bits"].way) == (Way.REFUSED, Way.NATIVE)
    assert abilities(dialects["parse"], ["bits"], ["scan"])["changes of bits"].way is Way.EMULATED
    assert abilities(dialects["parse"], ["bits"], ["scan"])["scan"] == Ability(Way.REFUSED, "by the configuration")
    assert (parse["all or nothing"].way, leancloud["all or nothing"].way) == (Way.NATIVE, Way.REFUSED)


def test_counters_are_objects_where_there_are_none(dialects: Mapping[str, Dialect]) -> None:
    ways = {
        name: [abilities(dialect)[row].way for row in ("add_to_counter", "list_counters", "compare_and_set_counter")]
        for name, dialect in dialects.items()
    }
    native, emulated, refused = Way.NATIVE, Way.EMULATED, Way.REFUSED
    assert ways == {
        "parse": [emulated, emulated, refused],
        "leancloud": [emulated, emulated, emulated],
        "backendless": [native, native, native],
    }
    parse = dialects["parse"]
    assert abilities(parse)["compare_and_set_counter"].told.startswith("unless `emulate` has conditions")
    assert abilities(parse, ["conditions"])["compare_and_set_counter"].way is emulated
    assert abilities(parse, (), ["counters"])["get_counter"] == Ability(refused, "by the configuration")


def test_where_a_vendor_compares_before_it_writes_nobody_comes_between(dialects: Mapping[str, Dialect]) -> None:
    assert {name: compares(dialect) for name, dialect in dialects.items()} == {
        "parse": False,
        "leancloud": True,
        "backendless": True,
    }
    found = abilities(dialects["backendless"])
    for row in ("update or delete on a condition", "changes of bits", "changes of lists"):
        assert found[row].way is Way.EMULATED
        assert "may come between" not in found[row].told
    found = abilities(dialects["backendless"], (), ["bits", "lists"])
    assert [found[row].way for row in ("changes of bits", "changes of lists")] == [Way.REFUSED, Way.REFUSED]


def test_what_refers_to_what_is_made_is_told_for_each(dialects: Mapping[str, Dialect]) -> None:
    row = "items of a transaction that refer to earlier ones"
    ways = {name: abilities(dialect)[row].way for name, dialect in dialects.items()}
    assert ways == {"parse": Way.EMULATED, "leancloud": Way.NATIVE, "backendless": Way.NATIVE}


def test_a_refusal_has_its_reason(dialects: Mapping[str, Dialect]) -> None:
    for dialect in dialects.values():
        for row, ability in abilities(dialect).items():
            assert bool(ability.told) is (ability.way is not Way.NATIVE) or row in OF_THE_GATEWAY
    assert "of one moment" in abilities(dialects["parse"])["deep_save"].told
