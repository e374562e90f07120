"""The vendors' SDKs before two gateways, one behind the other: what a server of another dialect makes of their suites.

A few suites for each pair, which are those that found most; the strict lists of what is otherwise there are below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.behind import KEYS, MOUNTS
from tests.real.conftest import CLIENTS, PATIENT, TABLES
from tests.real.suites import hold_to_the_gaps
from tests.sdk.conftest import PROVIDERS, Process

Gaps = Mapping[str, Mapping[str, Mapping[str, str]]]
"""SDK -> suite -> test -> why it fails."""

ANYTHING = "LeanCloud's number 1 is anything"
ONE_NAME = "of several names LeanCloud heeds the first"
LOCKED = "for how long an account is locked LeanCloud does not tell"
NO_WORDS = "LeanCloud has no words for it"
ONE_SESSION = "of LeanCloud a user has one session, wherever it comes in"
USER_OR_SESSION = "LeanCloud has one sentence for a user and for a session that is not there"
SERVICES = "what a service said LeanCloud does not tell"
ARCHIVES = "LeanCloud's archives stand in a bucket of somebody else's, and a gateway's own do not"

ON_LEANCLOUD: Final[Gaps] = {
    "parse": {
        "includes": {},
        "objects": {},
        "operators": {},
        "roles": {
            "a role needs an ACL and a name": ANYTHING,
            "a role takes users and roles, and nothing else": ANYTHING,
        },
        "users": {
            "a log-in with a name and the address of another is 101": ONE_NAME,
            "too many wrong passwords lock the account for a while": LOCKED,
            "a password is verified without a session": NO_WORDS,
            "the master logs in as a user without its password": NO_WORDS,
            "the user to log in as may stand in the query": NO_WORDS,
            "nobody else logs in as a user": NO_WORDS,
            "a session token ends with its log-out, and others go on": ONE_SESSION,
            "a bad token is 209 wherever it is sent": USER_OR_SESSION,
            "on a device the SDK remembers who it is": NO_WORDS,
            "where there is authData the answer has what the services said to it: nothing": SERVICES,
        },
    },
    "leancloud": {
        "leaderboard": {"a version that is over is a file to be fetched": ARCHIVES},
        "users": {},
    },
}
NO_JSON = "the vendor makes no columns of JSON: somebody has to, in its console"
NO_LISTS = "in the place of a list of pointers there is a relation, which has no order"
NO_ACLS = "rights are of tables and of objects, by calls of their own"
ON_BACKENDLESS: Final[Gaps] = {
    "backendless": {"bulk": {}, "grouping": {}, "relations": {}, "unit-of-work": {}},
    "parse": {"batches": {}, "relations": {}},
    "leancloud": {
        "objects": {
            "an update leaves the other fields and createdAt alone": NO_JSON,
            "an ACL is kept as it was written, and comes back only when asked for": NO_ACLS,
            "unsaved children are saved with their parent, which then points to them": NO_LISTS,
        },
        "relations": {},
    },
}
BACKS: Final[Mapping[str, Gaps]] = {"leancloud": ON_LEANCLOUD, "backendless": ON_BACKENDLESS}
ALLOWED: Final[Mapping[str, Mapping[str, Any]]] = {"backendless": {"emulate": ["relations_apart"]}}
"""What the suites need: each makes classes of its own, with all their columns."""

Chain = Callable[[str], str]
"""The address of the gateway in front of a server of that dialect."""


def served(stack: ExitStack, folder: Path, name: str, config: Mapping[str, Any]) -> str:
    """The address of a gateway that runs until the stack is left."""
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({"server": {"host": "127.0.0.1", "port": 0}, **config}), encoding="utf-8")
    gateway = Process(path)
    stack.callback(gateway.stop)
    return gateway.wait_until_listening()


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """Each is there from when it is first asked for."""
    folder = tmp_path_factory.mktemp("chains")
    users = {"client_queries": True, "auth_providers": {name: {"trust": True} for name in PROVIDERS}}
    addresses: dict[str, str] = {}
    with ExitStack() as stack:

        def address_of(back: str) -> str:
            if back not in addresses:
                store = {"type": "embedded", "url": f"sqlite:///{folder}/{back}.db"}
                clients = {back: {"app_id": "theirs", **KEYS[back]}}
                theirs = {"name": "theirs", "backend": "store", "users": users, "clients": clients}
                url = served(stack, folder, f"{back}-theirs", {"apps": [theirs], "backends": {"store": store}})
                there = {"type": back, "url": url + MOUNTS[back], "app_id": "theirs", **KEYS[back], **PATIENT}
                there |= ALLOWED.get(back, {})
                open_keys = {"app_id": "open", "app_key": "open-key", "master_key": "open-master"}
                demo = {"name": "demo", "backend": "there", "clients": CLIENTS | {"backendless": TABLES}}
                queried = {"users": {"client_queries": True}, "clients": {"leancloud": open_keys}}
                apps = [demo, {"name": "open", "backend": "there", **queried}]
                addresses[back] = served(stack, folder, f"{back}-ours", {"apps": apps, "backends": {"there": there}})
            return addresses[back]

        yield address_of


@pytest.mark.parametrize(
    ("back", "file"),
    [
        pytest.param(back, f"{sdk}/{suite}.test.mjs", id=f"{sdk}-{suite}-on-{back}")
        for back, gaps in BACKS.items()
        for sdk, suites in gaps.items()
        for suite in suites
    ],
)
def test_suites(back: str, file: str, chain: Chain) -> None:
    hold_to_the_gaps(file, chain(back), "", BACKS[back])
