"""Each case through each ordered pair of dialects: front and back must each see their own wire."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Awaitable, Callable, Mapping
from copy import deepcopy
from typing import Any

import pytest

from gateway.authorise import Client, Guarded
from gateway.dialects.dialect import Dialect
from gateway.errors import Code, GatewayError
from gateway.model.operation import Caller, Credentials, Operation, Result, ServerTime
from gateway.pipeline import Front, serve
from gateway.wire import HttpRequest, HttpResponse
from tests.cases import BASES, UNSUPPORTED, Case, Wire, every_case
from tests.test_cases import plain, wire_of

Send = Callable[[HttpRequest], Awaitable[HttpResponse]]

PAIRS = tuple(itertools.product(BASES, repeat=2))
EACH = [
    pytest.param(case, front, back, id=f"{front}-{back}-{case}")
    for case in every_case()
    for front, back in PAIRS
    if isinstance(case.wire.get(front), Wire)
    and back in case.wire
    and not isinstance(case.op, ServerTime)  # the gateway knows the time by itself
]

KEYS = {"master_key": "demo-master"}

# What an answer shows, by the dialects' own names: one that has no word for it reads as its vendor's default, so a
# backend is asked for that, and not for what the case says. `test_cases` compares these exactly.
ANSWER_PARAMETERS = frozenset({"returnACL", "fetchWhenSave"})

# (title, front, back): what a client is told less
LOSSES: Mapping[tuple[str, str, str], str] = {
    ("create: a role without an ACL", "parse", "leancloud"): "1 is anything",
    ("create: a role without an ACL", "leancloud", "parse"): "111 is a mismatch of types as well",
    ("find: a missing class", "leancloud", "parse"): "in Parse a class that does not exist is an empty one",
    ("find: a count of a missing class", "leancloud", "parse"): "in Parse a class that does not exist is an empty one",
    ("create: a value of another type than the column", "parse", "leancloud"): "the sentence stays the backend's",
    ("create: a value of another type than the column", "leancloud", "parse"): "the sentence stays the backend's",
}

# (code, dialect): what it reads as, where that is another code, and why
LOST_CODES: Mapping[tuple[Code, str], tuple[Code, str]] = {
    (Code.BAD_REQUEST, "parse"): (Code.BAD_JSON, "107 is all of these"),
    (Code.BAD_BATCH, "parse"): (Code.BAD_JSON, "107 is all of these"),
    (Code.UNKNOWN_ROUTE, "parse"): (Code.BAD_JSON, "107 is all of these"),
    (Code.UNKNOWN_PARAMETER, "parse"): (Code.BAD_QUERY, "102 is all of these"),
    (Code.BAD_CURSOR, "parse"): (Code.BAD_QUERY, "102 is all of these"),
    (Code.MASTER_REQUIRED, "parse"): (Code.UNAUTHORIZED, "both are 403 without a number"),
    (Code.RESERVED_FIELD, "parse"): (Code.BAD_FIELD_NAME, "105 is both"),
    (Code.BAD_VALUE, "parse"): (Code.TYPE_MISMATCH, "111 is both"),
    (Code.RELATION_TOO_LARGE, "parse"): (Code.OBJECT_TOO_LARGE, "Parse has no number for relations"),
    (Code.CLASS_NOT_FOUND, "parse"): (Code.OBJECT_NOT_FOUND, "in Parse a class that does not exist is an empty one"),
    (Code.CONDITION_FAILED, "parse"): (Code.OBJECT_NOT_FOUND, "Parse has no conditional writes"),
    (Code.PHONE_TAKEN, "parse"): (Code.EMAIL_TAKEN, "Parse has no mobile phone numbers"),
    (Code.BAD_CREDENTIALS, "parse"): (Code.OBJECT_NOT_FOUND, "101 is both, but for a log-in"),
    (Code.ACCOUNT_LOCKED, "parse"): (Code.OBJECT_NOT_FOUND, "101 is both"),
    (Code.USER_NOT_FOUND, "parse"): (Code.OBJECT_NOT_FOUND, "101 is both"),
    (Code.BAD_ROLE, "parse"): (Code.TYPE_MISMATCH, "111 is both"),
    (Code.INVALID_SESSION, "leancloud"): (Code.USER_NOT_FOUND, "211 is both, but for the current user"),
    (Code.ALREADY_LINKED, "leancloud"): (Code.DUPLICATE_VALUE, "137 is both"),
    (Code.BAD_ROLE, "leancloud"): (Code.BAD_REQUEST, "1 is anything"),
    (Code.UNAVAILABLE, "parse"): (Code.INTERNAL, "1 is both"),
    (Code.BAD_BATCH, "leancloud"): (Code.BAD_JSON, "107 is both"),
    (Code.UNSUPPORTED, "leancloud"): (Code.BAD_REQUEST, "1 is anything"),
    (Code.MASTER_REQUIRED, "leancloud"): (Code.BAD_REQUEST, "1 is anything"),
    (Code.OBJECT_NOT_FOUND, "leancloud"): (Code.BAD_REQUEST, "1 is anything, but for an update"),
    (Code.RESERVED_FIELD, "leancloud"): (Code.BAD_FIELD_NAME, "105 is both"),
    (Code.BAD_VALUE, "leancloud"): (Code.TYPE_MISMATCH, "111 is both"),
    (Code.BAD_CURSOR, "leancloud"): (Code.BAD_QUERY, "102 is both"),
}


class Behind:
    """A backend that another server is: the dialect writes and reads, `send` does the I/O."""

    def __init__(self, dialect: Dialect, send: Send) -> None:
        self._dialect = dialect
        self._send = send

    async def execute(self, op: Operation, caller: Caller) -> Result:
        request = self._dialect.write_request(op, Credentials(app_id=caller.app))
        return self._dialect.read_reply(op, await self._send(request))

    async def identify(self, caller: Caller) -> Caller:
        return caller

    async def close(self) -> None:
        pass


def without_answer_parameters(wire: Any) -> Any:
    """A request's parameters, and those of its items, but for what only concerns the answer."""
    if isinstance(wire, list | tuple):
        return [without_answer_parameters(part) for part in wire]
    if not isinstance(wire, dict):
        return wire
    kept = {name: without_answer_parameters(part) for name, part in wire.items() if name not in ANSWER_PARAMETERS}
    return {name: part for name, part in kept.items() if name != "params" or part}


@pytest.mark.parametrize(("case", "front", "back"), EACH)
async def test_client_and_backend_see_their_own_wire(
    case: Case, front: str, back: str, dialects: Mapping[str, Dialect]
) -> None:
    sent: list[HttpRequest] = []

    async def send(request: HttpRequest) -> HttpResponse:
        sent.append(request)
        return deepcopy(wire_of(case, back).response)

    backend = Guarded(Behind(dialects[back], send), custom_ids=True)
    served = Front(dialects[front], {"demo": Client("demo", KEYS, backend)})
    asked = deepcopy(wire_of(case, front).request)
    headers = dialects[front].credentials.write(Credentials(app_id="demo", keys=KEYS))
    answer = await serve(served, dataclasses.replace(asked, headers=headers, base=BASES[front]))
    if case.wire[back] is UNSUPPORTED:
        told = dialects[front].read_error(answer.status, answer.body)
        refused = dialects[front].write_error(GatewayError(Code.UNSUPPORTED, told.message))
        assert (answer, sent) == (refused, [])
        return
    (request,) = sent
    assert without_answer_parameters(plain(request)) == without_answer_parameters(plain(wire_of(case, back).request))
    assert (answer == wire_of(case, front).response) is ((case.title, front, back) not in LOSSES), answer


@pytest.mark.parametrize("name", BASES)
@pytest.mark.parametrize("code", Code)
def test_every_code_goes_there_and_back(code: Code, name: str, dialects: Mapping[str, Dialect]) -> None:
    response = dialects[name].write_error(GatewayError(code, "a message"))
    expected, _ = LOST_CODES.get((code, name), (code, ""))
    assert dialects[name].read_error(response.status, response.body).code is expected


def test_losses_are_of_cases_that_are_there() -> None:
    assert set(LOSSES) <= {(param.values[0].title, *param.values[1:]) for param in EACH}  # type: ignore[union-attr]
