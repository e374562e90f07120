"""Each case in each dialect: the wire reads as the operation, the operation writes as the wire; so with the reply."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest

from gateway.backends.bare_answers import understand
from gateway.backends.columns import Columns, Schema
from gateway.dialects.dialect import Dialect
from gateway.dialects.exchange import Exchange
from gateway.errors import Code, GatewayError
from gateway.model.account import CurrentUser, LogIn, LogInAs, SignUp
from gateway.model.operation import (
    Batch,
    Create,
    Credentials,
    Deferred,
    Delete,
    Find,
    Operation,
    Result,
    Returning,
    Update,
    Upsert,
)
from gateway.model.update import Set, Unset
from gateway.model.values import SYSTEM_FIELDS, Fields
from gateway.pipeline import complete
from gateway.wire import HttpRequest
from tests.cases import BASES, UNSUPPORTED, Case, Wire, every_case

CASES = tuple(every_case())
EACH = [pytest.param(case, name, id=f"{name}-{case}") for case in CASES for name in case.wire]
WRITTEN = [param for param in EACH if isinstance(param.values[0].wire[param.values[1]], Wire)]  # type: ignore[union-attr]

# What an answer shows is not always for the client to say (`operation.ANSWER_FIELDS`). A dialect without a word for it
# reads as what its vendor always answers, and one with fewer words as the nearest.
ALWAYS: Mapping[str, Mapping[str, Any]] = {
    "parse": {"returning": Returning.COMPUTED, "with_acl": True, "exact": False},
    "leancloud": {"exact": False},
    "backendless": {
        "returning": Returning.EVERYTHING,
        "with_acl": True,
        "untyped": True,
        "nulls": True,
        "exact": True,
    },
}
NEAREST: Mapping[str, Mapping[type[Operation], Mapping[Returning, Returning]]] = {
    "parse": {},
    "leancloud": {
        Create: {Returning.COMPUTED: Returning.EVERYTHING, Returning.CHANGED: Returning.EVERYTHING},
        Update: {Returning.COMPUTED: Returning.CHANGED, Returning.EVERYTHING: Returning.CHANGED},
    },
    "backendless": {},
}

NOT_ASKED = "a table tells of relations to who asks for them"
COLUMNS_OF_USERS = "a table tells what every user has there, and others have not"
NO_COLUMN = "no column of a table holds it"

# (title, dialect): why its answer does not tell the result
LOSSES = {
    ("get schema", "leancloud"): "who may do what is not told",
    ("find schemas", "leancloud"): "who may do what is not told",
    ("push without anybody who sends it", "parse"): "115 is whatever is wrong with a push",
    ("create: a role without an ACL", "parse"): "111 is a mismatch of types as well",
    ("create: a role without an ACL", "leancloud"): "1 is anything",
    ("send a link: an address that nobody has", "parse"): "Parse does not tell that nobody has it",
    ("find: a missing class", "parse"): "in Parse a class that does not exist is an empty one",
    ("find: a count of a missing class", "parse"): "in Parse a class that does not exist is an empty one",
    ("create: the answer is the whole object", "backendless"): NOT_ASKED,
    ("get: a pointer", "backendless"): NOT_ASKED,
    ("get: a relation", "backendless"): NOT_ASKED,
    ("log in", "backendless"): COLUMNS_OF_USERS,
    ("log in as a user", "backendless"): COLUMNS_OF_USERS,
    ("get: a user", "backendless"): COLUMNS_OF_USERS,
    ("get: bytes", "backendless"): NO_COLUMN,
    ("get: no bytes", "backendless"): NO_COLUMN,
    ("get: a list of dates and pointers", "backendless"): NO_COLUMN,
    ("get: an object with a geo point", "backendless"): "JSON in a column is JSON",
    ("unit of work: a column that is not there", "backendless"): "a failure of a unit has a sentence, and no number",
}


# the same, of single operations: in LeanCloud all log-ins of a user share a session, and an ACL is shown when asked for
ALWAYS_OF: Mapping[str, Mapping[type[Operation], Mapping[str, Any]]] = {
    "parse": {},
    "leancloud": {
        SignUp: {"returning": Returning.EVERYTHING, "with_acl": False, "share_session": True},
        LogIn: {"one_name": True, "with_acl": False, "share_session": True},
        CurrentUser: {"with_acl": False},
    },
    "backendless": {LogIn: {"with_status": True}, LogInAs: {"with_status": True}},
}


def as_read_by(name: str, op: Operation) -> Operation:
    """The operation with what its answer shows as this dialect can say it."""
    if isinstance(op, Batch):
        op = dataclasses.replace(op, items=tuple(as_read_by(name, item) for item in op.items))
    if isinstance(op, Deferred):
        op = dataclasses.replace(op, item=as_read_by(name, op.item))
    told = {field: value for field, value in ALWAYS[name].items() if hasattr(op, field)}
    told.update(ALWAYS_OF[name].get(type(op), {}))
    nearest = NEAREST[name].get(type(op), {})
    if isinstance(op, Create | Update) and op.returning in nearest:
        told["returning"] = nearest[op.returning]
    if isinstance(op, Find) and op.count and op.limit == 0:
        told.pop("nulls", None)  # a number shows no objects
    return dataclasses.replace(op, **told)


def typed(op: Operation, columns: Mapping[str, Columns]) -> Operation:
    """The operation with what its values mean, where they do not tell it themselves."""
    if not op.untyped:
        return op
    return dataclasses.replace(Schema(columns).operation(op), untyped=True)


def as_asked(op: Operation, result: Result) -> Result:
    """No more than was asked for: some vendors always tell all of an object that they wrote (`backends.completing`)."""
    if isinstance(op, Batch):
        items = [
            as_asked(item.item if isinstance(item, Deferred) else item, answer)
            if isinstance(answer, Result)
            else answer
            for item, answer in zip(op.items, result.items or [], strict=True)
        ]
        return dataclasses.replace(result, items=items)
    if isinstance(op, Delete):
        return dataclasses.replace(result, moment=None)
    if not isinstance(op, Create | Update | Upsert):
        return result
    if isinstance(op, Update):
        result.created_at = None
    match op.returning:
        case Returning.NOTHING:
            result.object = None
        case Returning.COMPUTED:
            sent = {field for field, change in op.changes.items() if isinstance(change, Set | Unset)}
            result.object = _but(result.object, {*sent, *SYSTEM_FIELDS})
        case Returning.CHANGED:
            result.object = _but(result.object, set(SYSTEM_FIELDS))
        case _:
            result.object = _but(result.object, {"@id", "@created_at"})
    return result


def _but(fields: Fields | None, names: set[str]) -> Fields | None:
    return None if fields is None else {name: value for name, value in fields.items() if name not in names}


def spoken(dialect: Dialect, result: Result | GatewayError) -> Result | GatewayError:
    """The result without ACLs that the dialect does not tell: all, or those that it shows where there is none."""
    if isinstance(result, GatewayError):
        return result

    def but_acl(fields: Fields | None) -> Fields | None:
        untold = "acl" not in dialect.file.fields or (dialect.file.public_acl_shown and is_public(fields))
        return _but(fields, {"@acl"}) if untold else fields

    items = None if result.items is None else [spoken(dialect, item) for item in result.items]
    objects = None if result.objects is None else [but_acl(fields) or {} for fields in result.objects]
    return dataclasses.replace(result, object=but_acl(result.object), objects=objects, items=items)


def is_public(fields: Fields | None) -> bool:
    return fields is not None and fields.get("@acl") == {"*": {"read": True, "write": True}}


def decoded(wire: Any) -> Any:
    """A wire with its `where`s decoded: the order of the keys in a text is no difference."""
    if isinstance(wire, dict):
        return {key: json.loads(v) if key == "where" and _is_json(v) else decoded(v) for key, v in wire.items()}
    return [decoded(part) for part in wire] if isinstance(wire, list) else wire


def _is_json(wire: Any) -> bool:
    return isinstance(wire, str) and wire[:1] in ("{", "[")


def plain(request: HttpRequest) -> tuple[str, str, Any, Any]:
    return request.method, request.path, decoded(dict(request.query)), decoded(request.body)


def wire_of(case: Case, name: str) -> Wire:
    wire = case.wire[name]
    assert isinstance(wire, Wire)
    return wire


def read(dialect: Dialect, request: HttpRequest) -> Exchange:
    request = dataclasses.replace(deepcopy(request), base=BASES[dialect.name])
    return dialect.read_request(dialect.unwrap(request))


def comparable(result: Result | GatewayError) -> Any:
    """A result as plain data; of an error its code is what counts."""
    if isinstance(result, GatewayError):
        return result.code
    told = {field.name: getattr(result, field.name) for field in dataclasses.fields(result)}
    if result.items is not None:
        told["items"] = [comparable(item) for item in result.items]
    return told


def test_every_dialect_has_a_column(dialects: Mapping[str, Dialect]) -> None:
    assert dialects.keys() == BASES.keys()


def test_titles_are_unique() -> None:
    titles = [case.title for case in CASES]
    assert sorted(titles) == sorted(set(titles))


@pytest.mark.parametrize(("case", "name"), EACH)
def test_every_spelling_reads_as_the_operation(case: Case, name: str, dialects: Mapping[str, Dialect]) -> None:
    wire = case.wire[name]
    if wire is UNSUPPORTED:
        return
    assert isinstance(wire, Wire)
    for spelling in (wire.request, *wire.reads_also):
        found = typed(read(dialects[name], spelling).op, case.columns)
        assert found == as_read_by(name, wire.reads or case.op), spelling


@pytest.mark.parametrize(("case", "name"), EACH)
def test_the_operation_writes_as_the_request(case: Case, name: str, dialects: Mapping[str, Dialect]) -> None:
    wire, op = case.wire[name], deepcopy(case.op)
    if wire is UNSUPPORTED:
        with pytest.raises(GatewayError) as refused:
            dialects[name].write_request(op, Credentials())
        assert refused.value.code is Code.UNSUPPORTED
        return
    assert isinstance(wire, Wire)
    assert plain(dialects[name].write_request(op, Credentials())) == plain(wire.request)


@pytest.mark.parametrize(("case", "name"), WRITTEN)
def test_the_result_writes_as_the_response(case: Case, name: str, dialects: Mapping[str, Dialect]) -> None:
    wire = wire_of(case, name)
    dialect = dialects[name]
    exchange = read(dialect, wire.request)
    try:
        response = dialect.write_answer(exchange, case.answer(name))
    except GatewayError as error:  # a value that it has no words for
        response = dialect.write_error(error, exchange.route)
    assert response == wire.response


@pytest.mark.parametrize(("case", "name"), WRITTEN)
def test_the_response_reads_as_the_result(case: Case, name: str, dialects: Mapping[str, Dialect]) -> None:
    found: Result | GatewayError
    dialect = dialects[name]
    try:
        told = dialect.read_reply(case.op, deepcopy(wire_of(case, name).response))
        if dialect.file.untyped:
            understand(case.op, told, case.columns)
            told = as_asked(case.op, told)
        found = complete(case.op, told)
    except GatewayError as error:
        found = error
    expected = spoken(dialect, case.answer())
    if dialect.file.untyped and isinstance(expected, Result):
        expected = as_asked(case.op, expected)
    assert (comparable(found) == comparable(expected)) is ((case.title, name) not in LOSSES), found


def test_losses_are_of_cases_that_are_there() -> None:
    assert set(LOSSES) <= {(param.values[0].title, param.values[1]) for param in WRITTEN}  # type: ignore[union-attr]
