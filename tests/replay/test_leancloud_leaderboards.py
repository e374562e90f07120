"""111 recorded exchanges with LeanCloud's servers on leaderboards, sent to the gateway in order."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from aiohttp.test_utils import TestClient, TestServer

from gateway.app import make_app, plan
from tests.replay.leancloud import Replay, Step, load
from tests.replay.test_leancloud import CONFIG

ELSEWHERE: Final = "the recorded answer says on which hosts LeanCloud's services are, to an app that is not this one"
GONE: Final = "the session's user is deleted: the recorded server goes on as for nobody, here the client is told so"

OWN_ACL: Final = "the recorded users may be changed by everybody, ours by themselves alone; nothing else differs"

DIFFERENCES: Final[Mapping[int, str]] = {2: ELSEWHERE, 24: GONE, 42: GONE, 51: OWN_ACL, 60: GONE, 78: GONE, 96: GONE}


def company(id_: str) -> Step:
    """What those exchanges made, which later ones show."""
    return Step(method="POST", path="/1.1/classes/Company", body={"objectId": id_, "name": "LeanCloud"}, master=True)


async def test_recorded_exchanges_are_answered_as_they_were(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.format(folder=tmp_path), encoding="utf-8")
    exchanges = load("leancloud_leaderboards")
    made = {
        one.number + 1: [company(one.response["objectId"])] for one in exchanges if DIFFERENCES.get(one.number) == GONE
    }
    async with TestClient(TestServer(make_app(plan(config)))) as client:
        replay = Replay(client, "demo-key", "demo-master", made)
        replay.ours["<app id>"] = "demo"
        await replay.seed(exchanges)
        found = {recorded.number: await replay.differences(recorded) for recorded in exchanges}
    assert {number: lines for number, lines in found.items() if lines and number not in DIFFERENCES} == {}
    assert {number for number, lines in found.items() if lines} == set(DIFFERENCES)
    assert all(".user.ACL: " in line for line in found[51])
    assert len(found[2]) == 6
    assert all("_server: " in line for line in found[2])
    assert len(found) == 111
