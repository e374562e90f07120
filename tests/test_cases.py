"""Each case in each dialect: the wire reads as the operation, the operation writes as the wire; so with the reply."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest

from gateway.dialects.dialect import Dialect
from gateway.dialects.exchange import Exchange
from gateway.errors import Code, GatewayError
from gateway.model.account import CurrentUser, LogIn, SignUp
from gateway.model.operation import Batch, Create, Credentials, Operation, Result, Returning, Update
from gateway.pipeline import complete
from gateway.wire import HttpRequest
from tests.cases import BASES, UNSUPPORTED, Case, Wire, every_case

CASES = tuple(every_case())
EACH = [pytest.param(case, name, id=f"{name}-{case}") for case in CASES for name in case.wire]
WRITTEN = [param for param in EACH if isinstance(param.values[0].wire[param.values[1]], Wire)]  # type: ignore[union-attr]

# What an answer shows is not always for the client to say (`operation.ANSWER_FIELDS`). A dialect without a word for it
# reads as what its vendor always answers, and one with fewer words as the nearest.
ALWAYS: Mapping[str, Mapping[str, Any]] = {
    "parse": {"returning": Returning.COMPUTED, "with_acl": True},
    "leancloud": {},
}
NEAREST: Mapping[str, Mapping[type[Operation], Mapping[Returning, Returning]]] = {
    "parse": {},
    "leancloud": {
        Create: {Returning.COMPUTED: Returning.EVERYTHING, Returning.CHANGED: Returning.EVERYTHING},
        Update: {Returning.COMPUTED: Returning.CHANGED, Returning.EVERYTHING: Returning.CHANGED},
    },
}

# (title, dialect): why its answer does not tell the result
LOSSES = {
    ("create: a role without an ACL", "parse"): "111 is a mismatch of types as well",
    ("create: a role without an ACL", "leancloud"): "1 is anything",
    ("find: a missing class", "parse"): "in Parse a class that does not exist is an empty one",
    ("find: a count of a missing class", "parse"): "in Parse a class that does not exist is an empty one",
}


# the same, of single operations: in LeanCloud all log-ins of a user share a session, and an ACL is shown when asked for
ALWAYS_OF: Mapping[str, Mapping[type[Operation], Mapping[str, Any]]] = {
    "parse": {},
    "leancloud": {
        SignUp: {"returning": Returning.EVERYTHING, "with_acl": False, "share_session": True},
        LogIn: {"with_acl": False, "share_session": True},
        CurrentUser: {"with_acl": False},
    },
}


def as_read_by(name: str, op: Operation) -> Operation:
    """The operation with what its answer shows as this dialect can say it."""
    if isinstance(op, Batch):
        return dataclasses.replace(op, items=tuple(as_read_by(name, item) for item in op.items))
    told = {field: value for field, value in ALWAYS[name].items() if hasattr(op, field)}
    told.update(ALWAYS_OF[name].get(type(op), {}))
    nearest = NEAREST[name].get(type(op), {})
    if isinstance(op, Create | Update) and op.returning in nearest:
        told["returning"] = nearest[op.returning]
    return dataclasses.replace(op, **told)


def decoded(wire: Any) -> Any:
    """A wire with its `where`s decoded: the order of the keys in a text is no difference."""
    if isinstance(wire, dict):
        return {key: json.loads(v) if key == "where" and isinstance(v, str) else decoded(v) for key, v in wire.items()}
    return [decoded(part) for part in wire] if isinstance(wire, list) else wire


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
        assert read(dialects[name], spelling).op == as_read_by(name, case.op), spelling


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
    exchange = read(dialects[name], wire.request)
    assert dialects[name].write_answer(exchange, case.answer()) == wire.response


@pytest.mark.parametrize(("case", "name"), WRITTEN)
def test_the_response_reads_as_the_result(case: Case, name: str, dialects: Mapping[str, Dialect]) -> None:
    found: Result | GatewayError
    try:
        found = complete(case.op, dialects[name].read_reply(case.op, deepcopy(wire_of(case, name).response)))
    except GatewayError as error:
        found = error
    assert (comparable(found) == comparable(case.answer())) is ((case.title, name) not in LOSSES), found
