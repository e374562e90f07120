"""Every request that the vendors' servers answer and their SDKs send: it is served as what it is, or refused in words.

The list is tests/spec/wire-endpoints.tsv. What is served has the name of its operation there, so a path that is taken
for another one's, such as that of a query for an id, is not; what is refused has the words. `sent` is what else tells
the request from others.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.app import mappings_directory
from gateway.dialects.dialect import load_dialects
from gateway.errors import Code, GatewayError
from gateway.model.catalogue import OPERATIONS
from tests.walk.world import EMBEDDED, KEYS, RefusedError, Visitor, World, new_name

LIST: Final = Path(__file__).parent.parent / "spec" / "wire-endpoints.tsv"
with LIST.open(encoding="utf-8", newline="") as lines:
    ROWS: Final = tuple(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
DIALECTS: Final = load_dialects(mappings_directory())
CALLED: Final = {operation: name for name, operation in OPERATIONS.items()}
REFUSED: Final = tuple(row for row in ROWS if row["answer"] == "refused")
VERSION: Final = re.compile(r"^/1\.[12]/")
"""What LeanCloud's mount is called; the others' paths have none in the list."""

Row = Mapping[str, str]


def called(row: Row) -> str:
    return " ".join((row["dialect"], row["method"], row["path"], row["sent"])).strip()


def found(row: Row) -> tuple[str, str]:
    """What the tables make of a request."""
    sent: dict[str, Any] = json.loads(row["sent"] or "{}")
    method = "GET" if row["method"] == "HEAD" else row["method"]  # as the server reads it
    try:
        route, _ = DIALECTS[row["dialect"]]._router.find(
            method,
            VERSION.sub("/", row["path"]),
            sent.get("body"),
            content=sent.get("content", False),
            query=sent.get("query", {}),
            headers=sent.get("headers", {}),
        )
    except GatewayError as error:
        return "refused" if error.code is Code.UNSUPPORTED else error.code.value, error.message
    return "served", CALLED[route.operation]


@pytest.mark.parametrize("row", ROWS, ids=called)
def test_it_is_what_the_list_says(row: Row) -> None:
    assert found(row) == (row["answer"], row["told"])


def test_the_list_is_whole() -> None:
    assert len({called(row) for row in ROWS}) == len(ROWS)
    served = {dialect: sum(row["dialect"] == dialect for row in ROWS) for dialect in DIALECTS}
    assert served == {"parse": 135, "leancloud": 151, "backendless": 170}
    assert {row["answer"] for row in ROWS} == {"served", "refused"}


HEADERS: Final[Mapping[str, Mapping[str, str]]] = {
    "parse": {
        "X-Parse-Application-Id": f"on-{EMBEDDED}",
        "X-Parse-REST-API-Key": KEYS["parse"]["rest_key"],
        "X-Parse-Master-Key": KEYS["parse"]["master_key"],
    },
    "leancloud": {"X-LC-Id": f"on-{EMBEDDED}", "X-LC-Key": f"{KEYS['leancloud']['master_key']},master"},
    "backendless": {},
}
MOUNTS: Final = {"parse": "/parse", "leancloud": "", "backendless": f"/on-{EMBEDDED}/{KEYS['backendless']['rest_key']}"}


def visitor_of(world: World, dialect: str, *, known: bool = True) -> Visitor:
    return world.visitor(EMBEDDED, MOUNTS[dialect], HEADERS[dialect] if known else {})


@pytest.mark.parametrize("row", REFUSED, ids=called)
def test_the_words_come_in_the_form_of_the_dialect(world: World, row: Row) -> None:
    visitor = visitor_of(world, row["dialect"], known=row["who"] != "nobody")
    path = re.sub(r"\{\w+\}", "x", row["path"])
    with pytest.raises(RefusedError) as refusal:
        visitor.ask(row["method"], path, None if row["method"] == "GET" else {})
    status, _, told = str(refusal.value).removeprefix(f"{row['method']} {path}: ").partition(" ")
    shape = DIALECTS[row["dialect"]].file.errors.shape
    number = DIALECTS[row["dialect"]].file.errors.rows[Code.UNSUPPORTED].code
    assert (status, told) == ("400", str({key: row["told"] if key != "code" else number for key in shape}))


@pytest.mark.parametrize("class_name", ["_ConversationMemberInfo", "_SysMessage"])
def test_what_real_time_keeps_is_objects_for_the_master(world: World, class_name: str) -> None:
    visitor = visitor_of(world, "leancloud")
    conversation = new_name("conversation")
    made = visitor.ask("POST", f"/1.1/classes/{class_name}", {"cid": conversation, "role": "Manager"})
    path = f"/1.1/classes/{class_name}/{made['objectId']}"
    visitor.ask("PUT", path, {"role": "Member"})
    found = visitor.ask("GET", f"/1.1/classes/{class_name}", query={"where": {"cid": conversation}})
    assert [(one["objectId"], one["role"]) for one in found["results"]] == [(made["objectId"], "Member")]
    client = world.visitor(EMBEDDED, "", {"X-LC-Id": f"on-{EMBEDDED}", "X-LC-Key": KEYS["leancloud"]["app_key"]})
    for method, body in (("GET", None), ("PUT", {"role": "Owner"}), ("DELETE", None)):
        with pytest.raises(RefusedError, match="403"):
            client.ask(method, path, body)
    visitor.ask("DELETE", path)
