"""Credentials become a Caller, and no backend is asked for what the caller may not do."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gateway.authorise import Client, Guarded, identify
from gateway.dialects.credentials import digest
from gateway.errors import Code, GatewayError
from gateway.mapping.schema import Proves
from gateway.model.operation import (
    Batch,
    Caller,
    Create,
    Credentials,
    Get,
    Operation,
    Result,
    Scan,
    ServerTime,
    Signature,
)

KEYS = {"app_key": "key", "master_key": "master"}
MASTER_ONLY = {"master_key": "master"}
PROVES = Proves(client=("app_key", "other_key"), master=("master_key",))
CLIENT, MASTER = Caller("demo"), Caller("demo", master=True)


def signed(key: str, *, master: bool = False) -> Credentials:
    return Credentials("demo", signature=Signature(digest("1700000000000", key), "1700000000000", master))


def sent(**keys: str) -> Credentials:
    return Credentials("demo", keys)


# what the application has, whether its id alone is enough without keys, what was sent, who that is
CALLERS: tuple[tuple[str, Mapping[str, str], bool, Credentials, Caller | None], ...] = (
    ("no key", KEYS, False, sent(), None),
    ("no key, and keys are configured", KEYS, True, sent(), None),
    ("no key, none configured, open", MASTER_ONLY, True, sent(), CLIENT),
    ("no key, none configured, closed", MASTER_ONLY, False, sent(), None),
    ("the right key", KEYS, False, sent(app_key="key"), CLIENT),
    ("a wrong key", KEYS, False, sent(app_key="kex"), None),
    ("the right key under another name", KEYS, False, sent(other_key="key"), None),
    ("an unknown key, none configured, open", MASTER_ONLY, True, sent(app_key="x"), CLIENT),
    ("the master key", KEYS, False, sent(master_key="master"), MASTER),
    ("the master key, and a wrong client key", KEYS, False, sent(app_key="x", master_key="master"), MASTER),
    ("a wrong master key", KEYS, False, sent(master_key="x"), None),
    ("a wrong master key beside a good client key", KEYS, False, sent(app_key="key", master_key="x"), CLIENT),
    ("a wrong master key, none other configured, open", MASTER_ONLY, True, sent(master_key="x"), None),
    ("a wrong master key and a wrong client key, open", MASTER_ONLY, True, sent(app_key="x", master_key="x"), None),
    ("the client key as the master key", KEYS, False, sent(master_key="key"), None),
    ("the master key as the client key", KEYS, False, sent(app_key="master"), None),
    ("an empty key", KEYS, False, sent(app_key=""), None),
    ("a key that is no UTF-8", KEYS, False, sent(app_key="\udcff"), None),
    ("a key with an accent", {"app_key": "kéy"}, False, sent(app_key="kéy"), CLIENT),
    ("signed with the key", KEYS, False, signed("key"), CLIENT),
    ("signed with another key", KEYS, False, signed("kex"), None),
    ("signed with the master key, as the master", KEYS, False, signed("master", master=True), MASTER),
    ("signed with the master key, not as the master", KEYS, False, signed("master"), None),
    ("signed with the client key, as the master", KEYS, False, signed("key", master=True), None),
    ("signed with nothing, open", MASTER_ONLY, True, signed(""), None),
)


@pytest.mark.parametrize(
    ("keys", "open_without_keys", "credentials", "expected"), [pytest.param(*row[1:], id=row[0]) for row in CALLERS]
)
def test_credentials_become_a_caller(
    keys: Mapping[str, str], open_without_keys: bool, credentials: Credentials, expected: Caller | None
) -> None:
    client = Client("demo", keys, Guarded(Recording()))
    if expected is not None:
        assert identify(client, credentials, PROVES, open_without_keys=open_without_keys) == expected
        return
    with pytest.raises(GatewayError) as refused:
        identify(client, credentials, PROVES, open_without_keys=open_without_keys)
    assert (refused.value.code, refused.value.message) == (Code.UNAUTHORIZED, "unauthorized")


class Recording:
    """A backend that answers everything, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Operation] = []

    async def execute(self, op: Operation, caller: Caller) -> Result:
        self.asked.append(op)
        return Result(items=[Result(id=str(at)) for at in range(len(op.items))]) if isinstance(op, Batch) else Result()

    async def identify(self, caller: Caller) -> Caller:
        return caller

    async def close(self) -> None:
        pass


POST, USER = Get(class_name="Post", id="x"), Get(class_name="_Installation", id="x")
SCAN = Scan(class_name="Post", limit=1)
OWN_ID, NO_ID = Create(class_name="Post", id="mine", changes={}), Create(class_name="Post", id="", changes={})

REFUSALS: tuple[tuple[str, Operation, Caller, bool, Code | None], ...] = (
    ("an object", POST, CLIENT, False, None),
    ("the server's time", ServerTime(), CLIENT, False, None),
    ("a class of the system's", USER, CLIENT, False, Code.UNSUPPORTED),
    ("a class of the system's, the master", USER, MASTER, False, Code.UNSUPPORTED),
    ("a scan", SCAN, CLIENT, False, Code.MASTER_REQUIRED),
    ("a scan, the master", SCAN, MASTER, False, None),
    ("an id of the client's own", OWN_ID, CLIENT, False, Code.RESERVED_FIELD),
    ("an id of the client's own, where that is allowed", OWN_ID, CLIENT, True, None),
    ("an id of nothing, where one is allowed", NO_ID, CLIENT, True, Code.MISSING_ID),
)


@pytest.mark.parametrize(
    ("op", "caller", "custom_ids", "code"), [pytest.param(*row[1:], id=row[0]) for row in REFUSALS]
)
async def test_the_backend_is_asked_for_what_is_allowed(
    op: Operation, caller: Caller, custom_ids: bool, code: Code | None
) -> None:
    for batch in (False, True):  # an operation alone, and the same in a batch that is all or none
        backend = Recording()
        asked: Operation = Batch(items=(op,), atomic=True) if batch else op
        try:
            await Guarded(backend, custom_ids=custom_ids).execute(asked, caller)
            found = None
        except GatewayError as error:
            found = error.code
        assert (found, backend.asked) == (code, [asked] if code is None else [])


async def test_each_item_of_a_batch_is_answered_in_its_own_place() -> None:
    backend = Recording()
    op = Batch(items=(USER, POST, SCAN, POST), names=("a", "b", None, "c"))
    result = await Guarded(backend).execute(op, CLIENT)
    assert backend.asked == [Batch(items=(POST, POST), names=("b", "c"))]
    told = [item.code if isinstance(item, GatewayError) else item.id for item in result.items or []]
    assert told == [Code.UNSUPPORTED, "0", Code.MASTER_REQUIRED, "1"]


async def test_a_batch_of_refusals_asks_nothing() -> None:
    backend = Recording()
    result = await Guarded(backend).execute(Batch(items=(USER, SCAN)), CLIENT)
    told = [item.code for item in result.items or [] if isinstance(item, GatewayError)]
    assert (told, backend.asked) == ([Code.UNSUPPORTED, Code.MASTER_REQUIRED], [])


async def test_one_refusal_refuses_an_atomic_batch() -> None:
    backend = Recording()
    with pytest.raises(GatewayError) as refused:
        await Guarded(backend).execute(Batch(items=(POST, USER), atomic=True), MASTER)
    assert (refused.value.code, backend.asked) == (Code.UNSUPPORTED, [])
