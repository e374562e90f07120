"""Requests recorded from the vendors' own SDKs, one of each shape: read, and said in every other dialect."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from gateway.dialects.dialect import Dialect
from gateway.dialects.exchange import Exchange, Refused
from gateway.errors import Code
from gateway.model.operation import Credentials
from gateway.wire import HttpRequest
from tests.cases import BASES
from tests.dialects.generated import refusal

DATA = Path(__file__).parent / "data"


def recorded(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


RECORDED = ("parse", "leancloud")
"""The third dialect's requests, with keys in their paths, are sent over HTTP: tests/replay/test_backendless.py."""

EACH = [
    pytest.param(name, line, id=f"{name}-{number}-{line['call']}")
    for name in RECORDED
    for number, line in enumerate(recorded(name), 1)
]

# what an SDK can ask for and the gateway has not, yet
REFUSED: Mapping[str, tuple[Code, str]] = {
    "query explain with the master key": (Code.UNSUPPORTED, "the plan of a query is the backend's own"),
    "save existing, an operator in lower case": (
        Code.BAD_VALUE,
        "the PHP suite spells the operator as no guide does: add",
    ),
}


def read(dialect: Dialect, line: dict[str, Any]) -> Exchange:
    mount = next(mount for mount in dialect.mounts if line["path"].startswith(mount + "/"))
    request = HttpRequest(
        line["method"], line["path"][len(mount) :], line["query"], {}, line["body"], BASES[dialect.name]
    )
    exchange = dialect.read_request(dialect.unwrap(deepcopy(request)))
    for item in exchange.items:
        if isinstance(item, Refused):
            raise item.error
    return exchange


@pytest.mark.parametrize(("name", "line"), EACH)
def test_a_recorded_request_is_read(name: str, line: dict[str, Any], dialects: Mapping[str, Dialect]) -> None:
    found = refusal(read, dialects[name], line)
    assert found == REFUSED.get(line["call"], (None,))[0]


@pytest.mark.parametrize(("name", "line"), [param for param in EACH if param.values[1]["call"] not in REFUSED])  # type: ignore[index]
def test_a_recorded_request_is_said_in_every_dialect(
    name: str, line: dict[str, Any], dialects: Mapping[str, Dialect]
) -> None:
    op = read(dialects[name], line).op
    for dialect in dialects.values():
        found = refusal(dialect.write_request, deepcopy(op), Credentials())
        assert found is None or (found is Code.UNSUPPORTED and dialect.name != name)
