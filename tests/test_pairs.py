"""Each case through each ordered pair of dialects: front and back must each see their own wire."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Awaitable, Callable, Iterable, Mapping
from copy import deepcopy
from typing import Any

import pytest

from gateway.authorise import Client, Guarded
from gateway.backends.bare_answers import Understood
from gateway.backends.base import Backend
from gateway.backends.columns import Columns, Typed
from gateway.dialects.dialect import Dialect
from gateway.errors import Code, GatewayError
from gateway.model.definition import Describe
from gateway.model.operation import AppInfo, Caller, Credentials, Operation, Result, ServerTime
from gateway.pipeline import Front, serve
from gateway.wire import HttpRequest, HttpResponse
from tests.cases import BASES, UNSUPPORTED, Case, Wire, every_case
from tests.cases.wires import PUBLIC
from tests.test_cases import as_asked, plain, wire_of

Send = Callable[[HttpRequest], Awaitable[HttpResponse]]

PAIRS = tuple(itertools.product(BASES, repeat=2))


def asks(case: Case, front: str, back: str) -> bool:
    """Whether a client of the one can ask the other for it, in its own words."""
    wire = case.wire.get(front)
    if isinstance(case.op, ServerTime | AppInfo | Describe):  # the gateway knows it by itself
        return False
    # what a dialect says in other words asks for another operation: that has a case of its own
    return isinstance(wire, Wire) and wire.reads is None and back in case.wire


EACH = [
    pytest.param(case, front, back, id=f"{front}-{back}-{case}")
    for case in every_case()
    for front, back in PAIRS
    if asks(case, front, back)
]

# What an answer shows, by the dialects' own names: one that has no word for it reads as its vendor's default, so a
# backend is asked for that, and not for what the case says. `test_cases` compares these exactly.
ANSWER_PARAMETERS = frozenset({"returnACL", "fetchWhenSave"})

NOT_ASKED = "a table tells of relations to who asks for them"
NO_COLUMN = "no column of a table holds it"
ITS_SENTENCE = "the sentence stays the backend's"
ALL_TOLD = "the backend tells all of the object, and the client what the vendor always tells"

# (title, front, back): what a client is told otherwise
LOSSES: Mapping[tuple[str, str, str], str] = {
    ("get schema", "parse", "leancloud"): "LeanCloud does not tell who may do what",
    ("find schemas", "parse", "leancloud"): "LeanCloud does not tell who may do what",
    ("create: a role without an ACL", "parse", "leancloud"): "1 is anything",
    ("create: a role without an ACL", "leancloud", "parse"): "111 is a mismatch of types as well",
    ("send a link: an address that nobody has", "leancloud", "parse"): "Parse does not tell that nobody has it",
    ("send a link: no mail server", "leancloud", "parse"): ITS_SENTENCE,
    ("find: a missing class", "leancloud", "parse"): "in Parse a class that does not exist is an empty one",
    ("find: a count of a missing class", "leancloud", "parse"): "in Parse a class that does not exist is an empty one",
    ("create: a value of another type than the column", "parse", "leancloud"): ITS_SENTENCE,
    ("create: a value of another type than the column", "leancloud", "parse"): ITS_SENTENCE,
    **{
        ("create: a value of another type than the column", front, back): ITS_SENTENCE
        for front, back in PAIRS
        if front != back and "backendless" in (front, back)
    },
    ("log in: before the address is verified", "backendless", "parse"): ITS_SENTENCE,
    ("log in: before the address is verified", "backendless", "leancloud"): ITS_SENTENCE,
    ("create: a value that is taken", "backendless", "parse"): ITS_SENTENCE,
    ("create class: it is there", "backendless", "parse"): ITS_SENTENCE,
    ("create: a value that is taken", "backendless", "leancloud"): ITS_SENTENCE,
    ("find: a missing class", "backendless", "parse"): "in Parse a class that does not exist is an empty one",
    (
        "find: a count of a missing class",
        "backendless",
        "parse",
    ): "in Parse a class that does not exist is an empty one",
    ("get: an included object", "backendless", "parse"): NOT_ASKED,
    ("get: an included object", "backendless", "leancloud"): NOT_ASKED,
    ("get: an included object", "backendless", "backendless"): NOT_ASKED,
    **{
        (f"get: {title}", front, "backendless"): reason
        for front in ("parse", "leancloud")
        for title, reason in (
            ("a pointer", NOT_ASKED),
            ("a relation", NOT_ASKED),
            ("bytes", NO_COLUMN),
            ("no bytes", NO_COLUMN),
            ("a list of dates and pointers", NO_COLUMN),
            ("an object with a geo point", "JSON in a column is JSON"),
        )
    },
    **{
        (title, front, "backendless"): ALL_TOLD
        for title, front in (
            ("create: the answer has what the client cannot know", "leancloud"),
            ("create: the answer is the whole object", "parse"),
            ("create: the answer is the whole object", "leancloud"),
            ("update: the answer has what the client cannot know", "leancloud"),
            ("update: the answer has all that changed", "parse"),
            ("update: count up", "parse"),
            ("update: count down", "parse"),
            ("update: count by a fraction", "parse"),
            ("update: a user with a new password", "parse"),
            ("log in", "parse"),
            ("log in", "leancloud"),
            ("log in as a user", "parse"),
            ("get: a user", "parse"),
            ("get: a user", "leancloud"),
        )
    },
}

# (code, dialect): what it reads as, where that is another code, and why
LOST_CODES: Mapping[tuple[Code, str], tuple[Code, str]] = {
    (Code.BAD_REQUEST, "parse"): (Code.BAD_JSON, "107 is all of these"),
    (Code.BAD_BATCH, "parse"): (Code.BAD_JSON, "107 is all of these"),
    (Code.UNKNOWN_ROUTE, "parse"): (Code.BAD_JSON, "107 is all of these"),
    (Code.DUPLICATE_REQUEST, "leancloud"): (Code.BAD_REQUEST, "LeanCloud knows no ids of requests"),
    (Code.DUPLICATE_REQUEST, "backendless"): (Code.BAD_REQUEST, "nor does Backendless"),
    (Code.UNKNOWN_PARAMETER, "parse"): (Code.BAD_QUERY, "102 is all of these"),
    (Code.BAD_CURSOR, "parse"): (Code.BAD_QUERY, "102 is all of these"),
    (Code.BAD_PAGE, "parse"): (Code.BAD_QUERY, "102 is all of these"),
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
    (Code.ACCOUNT_DISABLED, "parse"): (Code.OBJECT_NOT_FOUND, "101 is both"),
    (Code.TOO_MANY_LOG_INS, "parse"): (Code.INTERNAL, "1 is both"),
    (Code.LOGGED_IN_ELSEWHERE, "parse"): (Code.INTERNAL, "1 is both"),
    (Code.REGISTRATION_CLOSED, "parse"): (Code.FORBIDDEN, "119 is both"),
    (Code.SYSTEM_ROLE, "parse"): (Code.FORBIDDEN, "119 is both"),
    (Code.ACCOUNT_DISABLED, "leancloud"): (Code.ACCOUNT_LOCKED, "219 is both"),
    (Code.TOO_MANY_LOG_INS, "leancloud"): (Code.BAD_REQUEST, "1 is anything"),
    (Code.LOGGED_IN_ELSEWHERE, "leancloud"): (Code.BAD_REQUEST, "1 is anything"),
    (Code.REGISTRATION_CLOSED, "leancloud"): (Code.FORBIDDEN, "403 is both"),
    (Code.SYSTEM_ROLE, "leancloud"): (Code.FORBIDDEN, "403 is both"),
    (Code.EMAIL_NOT_VERIFIED, "parse"): (Code.EMAIL_NOT_FOUND, "205 is both"),
    (Code.NOT_CONFIGURED, "parse"): (Code.INTERNAL, "1 is both"),
    (Code.SENT_TOO_OFTEN, "parse"): (Code.RATE_LIMITED, "100 is both"),
    (Code.BAD_LINK, "parse"): (Code.BAD_REQUEST, "-1 is any cause"),
    (Code.PHONE_MISSING, "parse"): (Code.BAD_REQUEST, "Parse has no text messages"),
    (Code.BAD_PHONE, "parse"): (Code.BAD_REQUEST, "Parse has no text messages"),
    (Code.PHONE_NOT_FOUND, "parse"): (Code.BAD_REQUEST, "Parse has no text messages"),
    (Code.PHONE_NOT_VERIFIED, "parse"): (Code.BAD_REQUEST, "Parse has no text messages"),
    (Code.BAD_SMS_CODE, "parse"): (Code.BAD_REQUEST, "Parse has no text messages"),
    (Code.SMS_NOT_SENT, "parse"): (Code.BAD_REQUEST, "Parse has no text messages"),
    (Code.NO_SUCH_COLUMN, "parse"): (Code.BAD_FIELD_NAME, "105 is both"),
    (Code.NO_SUCH_COLUMN, "leancloud"): (Code.BAD_FIELD_NAME, "105 is both"),
    (Code.NO_FUNCTION, "parse"): (Code.FUNCTION_FAILED, "141 is all of these"),
    (Code.NO_EVENT_HANDLER, "parse"): (Code.FUNCTION_FAILED, "141 is all of these"),
    (Code.FILE_EXISTS, "parse"): (Code.DUPLICATE_VALUE, "new files have names of their own: it has no number"),
    (Code.FILE_EXISTS, "leancloud"): (Code.DUPLICATE_VALUE, "137 is any value that is there already"),
    (Code.FILE_REFUSED, "backendless"): (Code.BAD_FILE_NAME, "6006 is both"),
    (Code.NOT_SCHEDULED, "parse"): (Code.OBJECT_NOT_FOUND, "101 is both"),
    (Code.NOT_SCHEDULED, "leancloud"): (Code.CLASS_NOT_FOUND, "101 is both"),
    (Code.NO_TEMPLATE, "parse"): (Code.INTERNAL, "1 is both"),
    (Code.NO_TEMPLATE, "leancloud"): (Code.BAD_REQUEST, "1 is anything"),
    **{
        (code, name): (Code.OBJECT_NOT_FOUND, "it has no leaderboards")
        for code in (Code.NO_LEADERBOARD, Code.LEADERBOARD_CLOSED, Code.NO_ARCHIVE)
        for name in ("parse", "backendless")
    },
    (Code.FRIENDSHIP_REFUSED, "parse"): (Code.INTERNAL, "it has no friends"),
    (Code.FRIENDSHIP_REFUSED, "backendless"): (Code.OBJECT_NOT_FOUND, "it has no friends"),
    (Code.BAD_LEADERBOARD, "parse"): (Code.INTERNAL, "it has no leaderboards"),
    (Code.BAD_LEADERBOARD, "backendless"): (Code.BAD_REQUEST, "it has no leaderboards"),
    (Code.HOOK_REFUSED, "parse"): (Code.FUNCTION_FAILED, "141 is all that code of an app's own refuses"),
    (Code.HOOK_REFUSED, "leancloud"): (Code.MISSING_VALUE, "142 is both"),
    (Code.HOOK_REFUSED, "backendless"): (Code.OBJECT_NOT_FOUND, "1000 is both"),
    (Code.NO_JOB, "parse"): (Code.FUNCTION_FAILED, "141 is all of these"),
    (Code.NO_HOOK, "parse"): (Code.BAD_HOOK, "143 is all of these, but where it is told"),
    (Code.HOOK_EXISTS, "parse"): (Code.BAD_HOOK, "143 is all of these, but where it is told"),
    (Code.NO_JOB, "backendless"): (Code.NO_FUNCTION, "a job is a function like others"),
    (Code.NO_JOB, "leancloud"): (Code.BAD_REQUEST, "1 is anything"),
    (Code.NO_HOOK, "leancloud"): (Code.BAD_REQUEST, "1 is anything"),
    (Code.HOOK_EXISTS, "leancloud"): (Code.BAD_REQUEST, "1 is anything"),
    (Code.BAD_HOOK, "leancloud"): (Code.BAD_REQUEST, "1 is anything"),
    (Code.NO_FUNCTION, "leancloud"): (Code.BAD_REQUEST, "1 is anything"),
    (Code.NO_EVENT_HANDLER, "leancloud"): (Code.BAD_REQUEST, "1 is anything"),
    (Code.FUNCTION_FAILED, "leancloud"): (Code.BAD_REQUEST, "1 is anything"),
    (Code.BAD_LINK, "leancloud"): (Code.BAD_REQUEST, "1 is anything"),
    (Code.NOT_CONFIGURED, "leancloud"): (Code.FORBIDDEN, "119 is both"),
    (Code.INVALID_SESSION, "leancloud"): (Code.USER_NOT_FOUND, "211 is both, but for the current user"),
    (Code.ALREADY_LINKED, "leancloud"): (Code.DUPLICATE_VALUE, "137 is both"),
    (Code.BAD_PUSH, "leancloud"): (Code.BAD_REQUEST, "1 is anything"),
    (Code.BAD_PUSH, "backendless"): (Code.BAD_REQUEST, "8000 is anything"),
    (Code.NO_PUSH_SENDER, "parse"): (Code.BAD_PUSH, "115 is whatever is wrong with a push"),
    (Code.NO_PUSH_SENDER, "leancloud"): (Code.FORBIDDEN, "119 is both"),
    (Code.NO_PUSH_SENDER, "backendless"): (Code.BAD_REQUEST, "8000 is anything"),
    (Code.INSTALLATION_INCOMPLETE, "backendless"): (Code.BAD_REQUEST, "8000 is anything"),
    (Code.INSTALLATION_FIXED, "backendless"): (Code.BAD_REQUEST, "8000 is anything"),
    (Code.INSTALLATION_AMBIGUOUS, "backendless"): (Code.BAD_REQUEST, "8000 is anything"),
    (Code.BAD_ROLE, "leancloud"): (Code.BAD_REQUEST, "1 is anything"),
    (Code.LOGIN_REQUIRED, "parse"): (Code.OBJECT_NOT_FOUND, "101 is both"),
    (Code.LOGIN_REQUIRED, "leancloud"): (Code.FORBIDDEN, "403 is both"),
    (Code.BAD_SCHEMA, "leancloud"): (Code.BAD_REQUEST, "1 is anything"),
    (Code.UNAVAILABLE, "parse"): (Code.INTERNAL, "1 is both"),
    (Code.BAD_BATCH, "leancloud"): (Code.BAD_JSON, "107 is both"),
    (Code.UNSUPPORTED, "leancloud"): (Code.BAD_REQUEST, "1 is anything"),
    (Code.MASTER_REQUIRED, "leancloud"): (Code.BAD_REQUEST, "1 is anything"),
    (Code.OBJECT_NOT_FOUND, "leancloud"): (Code.BAD_REQUEST, "1 is anything, but for an update"),
    (Code.RESERVED_FIELD, "leancloud"): (Code.BAD_FIELD_NAME, "105 is both"),
    (Code.BAD_VALUE, "leancloud"): (Code.TYPE_MISMATCH, "111 is both"),
    (Code.BAD_CURSOR, "leancloud"): (Code.BAD_QUERY, "102 is both"),
    (Code.BAD_NESTED_KEY, "backendless"): (Code.BAD_VALUE, "1003 is all of these"),
    (Code.BAD_ACL, "backendless"): (Code.BAD_VALUE, "1003 is all of these"),
    (Code.RELATION_TOO_LARGE, "backendless"): (Code.OBJECT_TOO_LARGE, "1004 is both"),
    (Code.BAD_CURSOR, "backendless"): (Code.BAD_QUERY, "1017 is both"),
    (Code.CONDITION_FAILED, "backendless"): (Code.OBJECT_NOT_FOUND, "1000 is both"),
    (Code.EMAIL_TAKEN, "backendless"): (Code.USERNAME_TAKEN, "3033 is whatever a user is known by"),
    (Code.PHONE_TAKEN, "backendless"): (Code.USERNAME_TAKEN, "3033 is whatever a user is known by"),
    (Code.EMAIL_NOT_FOUND, "backendless"): (Code.USER_NOT_FOUND, "3020 is whatever a user is known by"),
    (Code.PHONE_NOT_FOUND, "backendless"): (Code.USER_NOT_FOUND, "3020 is whatever a user is known by"),
    (Code.PHONE_MISSING, "backendless"): (Code.EMAIL_MISSING, "there are no text messages"),
    (Code.PHONE_NOT_VERIFIED, "backendless"): (Code.EMAIL_NOT_VERIFIED, "there are no text messages"),
    (Code.BAD_PAGE, "leancloud"): (Code.BAD_QUERY, "102 is both"),
}


class Behind:
    """A backend that another server is: the dialect writes and reads, `send` does the I/O.

    A client that is to be told more of a write than the server says is told it from `more`: `backends.completing`.
    """

    def __init__(self, dialect: Dialect, send: Send, more: Result | None) -> None:
        self._dialect = dialect
        self._send = send
        self._more = more

    async def execute(self, op: Operation, caller: Caller) -> Result:
        request = self._dialect.write_request(op, Credentials(app_id=caller.app))
        result = self._dialect.read_reply(op, await self._send(request))
        return result if self._more is None else deepcopy(self._more)

    async def identify(self, caller: Caller) -> Caller:
        return caller

    async def close(self) -> None:
        pass


class Trimmed:
    """A backend that tells no more than it is asked for."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.identify, self.close = backend.identify, backend.close

    async def execute(self, op: Operation, caller: Caller) -> Result:
        return as_asked(op, await self._backend.execute(op, caller))


@dataclasses.dataclass(frozen=True)
class Registry:
    columns: Mapping[str, Columns]

    def known(self) -> Mapping[str, Columns]:
        return self.columns

    def outdated(self) -> None:
        pass

    async def learned(self, class_names: Iterable[str] = ()) -> Mapping[str, Columns]:
        return self.columns


def backend_of(case: Case, front: Dialect, back: Dialect, send: Send) -> Backend:
    """What stands behind the front: values that do not tell what they are, on either side, are known by the columns."""
    backend: Backend = Behind(back, send, wire_of(case, front.name).tells if front.name != back.name else None)
    if back.file.untyped:
        backend = Understood(backend, Registry(case.columns))
        if not front.file.untyped:
            backend = Trimmed(backend)
    return Typed(backend, Registry(case.columns)) if front.file.untyped else backend


def without_acl(wire: Any, back: Dialect) -> Any:
    """An answer without the ACLs that a backend does not tell: all, or those that it shows where there is none."""
    if isinstance(wire, list):
        return [without_acl(part, back) for part in wire]
    if not isinstance(wire, dict):
        return wire
    told = {name: without_acl(part, back) for name, part in wire.items()}
    if "acl" not in back.file.fields or (back.file.public_acl_shown and told.get("ACL") == PUBLIC):
        told.pop("ACL", None)
    return told


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

    backend = Guarded(backend_of(case, dialects[front], dialects[back], send), custom_ids=True)
    keys = {dialects[front].proves.master[0]: "demo-master"}
    served = Front(dialects[front], {"demo": Client("demo", keys, backend)})
    asked = deepcopy(wire_of(case, front).request)
    headers = dialects[front].credentials.write(Credentials(app_id="demo", keys=keys))
    answer = await serve(served, dataclasses.replace(asked, headers=headers, base=BASES[front]))
    if case.wire[back] is UNSUPPORTED:
        told = dialects[front].read_error(answer.status, answer.body)
        refused = dialects[front].write_error(GatewayError(Code.UNSUPPORTED, told.message))
        assert (answer, sent) == (refused, [])
        return
    (request,) = sent
    assert without_answer_parameters(plain(request)) == without_answer_parameters(plain(wire_of(case, back).request))
    shown, wanted = (
        dataclasses.replace(response, body=without_acl(response.body, dialects[back]))
        for response in (answer, wire_of(case, front).response)
    )
    assert (shown == wanted) is ((case.title, front, back) not in LOSSES), answer


@pytest.mark.parametrize("name", BASES)
@pytest.mark.parametrize("code", Code)
def test_every_code_goes_there_and_back(code: Code, name: str, dialects: Mapping[str, Dialect]) -> None:
    response = dialects[name].write_error(GatewayError(code, "a message"))
    expected, _ = LOST_CODES.get((code, name), (code, ""))
    assert dialects[name].read_error(response.status, response.body).code is expected


def test_losses_are_of_cases_that_are_there() -> None:
    assert set(LOSSES) <= {(param.values[0].title, *param.values[1:]) for param in EACH}  # type: ignore[union-attr]
