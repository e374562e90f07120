"""193 recorded exchanges with LeanCloud's servers, sent to the gateway in order.

78 are on objects, queries and geo points, 75 on users, roles and ACLs, 40 on followers and statuses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from gateway.app import make_app, plan
from tests.replay.leancloud import Replay, Step, load


@dataclass(frozen=True, slots=True)
class Recording:
    """`differences` has number -> why it differs; each of them must differ, so that a fix takes it out."""

    exchanges: int
    differences: Mapping[int, str]
    unrecorded: Mapping[int, Sequence[Step]] = field(default_factory=dict)


TESTER: Mapping[str, Any] = {
    "username": "tester1",
    "password": "password1",
    "email": "tester1@example.com",
    "gender": "female",
    "phone": "415-392-0202",
}


def sign_up(id_: str, opens: str, **fields: Any) -> Step:
    return Step(method="POST", path="/1.1/users", body={"objectId": id_, **(fields or TESTER)}, opens=opens)


def destroy(path: str) -> Step:
    return Step(method="DELETE", path=f"/1.1/classes/{path}", master=True)


RECORDINGS = {
    "leancloud_objects": Recording(
        78,
        {
            38: "the class _File comes with files",
            73: "the class _File comes with files",
            31: "the recorded class had a column with a default value, which its owner had set in the console",
        },
        {77: [destroy("GameScore/5d8308029c9235000886c4cf")]},
    ),
    "leancloud_identity": Recording(
        75,
        {49: "users of 2016 come first in the recorded answer, and theirs is an authData of null"},
        {
            # most tests sign up the same user again; one that is shown but that no request made is made here
            1: [sign_up("5d831ac89c9235000886c691", "session-3")],
            3: [sign_up("5d831ac99c9235000886c692", "session-4")],
            20: [destroy("_User/5d831acd9c9235000886c694"), sign_up("5d831ace9c9235000886c695", "session-8")],
            37: [destroy("_User/5d831ad1f40d3a0007541fb9"), sign_up("5d831ad2f40d3a0007541fba", "session-12")],
            50: [destroy("_User/5d831ad69c9235000886c698")],
            57: [
                sign_up(
                    "5d8315def40d3a0007541f47",
                    "session-19",
                    username="8s0tyrngwq2n4qo2k1eputjm1",
                    authData={
                        "test": {
                            "uid": "zaabbbccc123123usesomedeterministicstringplz",
                            "access_token": "a123123aaabbbbcccc",
                            "expires_in": 1382686496,
                        }
                    },
                )
            ],
            75: [sign_up("5d88528322097e000848b279", "session-52", username="somebody", password="password1")],
        },
    ),
    "leancloud_statuses": Recording(
        40,
        {},
        {1: [sign_up("5627906060b22ef9c464cc99", "leeyeh", username="leeyeh", password="password1")]},
    ),
}

CONFIG = """
apps:
  - name: demo
    backend: local
    custom_ids: true
    users:
      auth_providers:
        github: {{trust: true}}
        test: {{trust: true}}
        weixin: {{trust: true}}
        weixin_1: {{trust: true}}
        weixin_2: {{trust: true}}
    clients:
      leancloud: {{app_id: demo, app_key: demo-key, master_key: demo-master}}
backends:
  local: {{type: embedded, url: "sqlite:///{folder}/replay.db"}}
"""


@pytest.mark.parametrize("name", RECORDINGS)
async def test_recorded_exchanges_are_answered_as_they_were(name: str, tmp_path: Path) -> None:
    recording = RECORDINGS[name]
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.format(folder=tmp_path), encoding="utf-8")
    async with TestClient(TestServer(make_app(plan(config)))) as client:
        replay = Replay(client, "demo-key", "demo-master", recording.unrecorded)
        await replay.seed(load(name))
        found = {recorded.number: await replay.differences(recorded) for recorded in load(name)}
    unexpected = {number: lines for number, lines in found.items() if lines and number not in recording.differences}
    assert unexpected == {}
    assert {number for number, lines in found.items() if lines} == set(recording.differences)
    assert len(found) == recording.exchanges
