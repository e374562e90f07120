"""A push for later, by gateways in processes of their own: it is sent once, whoever is still there when it is due."""

from __future__ import annotations

import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from tests.outside import OutsideWorld
from tests.process import Gateway, serving

MASTER = {"X-Parse-Application-Id": "demo", "X-Parse-Master-Key": "demo-master"}
SECONDS = 60


def config(folder: Path, outside: OutsideWorld) -> str:
    path = folder / "push.yaml"
    app = {
        "name": "demo",
        "backend": "local",
        "push": {"to": {"*": "sms"}},
        "clients": {"parse": {"app_id": "demo", "rest_key": "demo-rest", "master_key": "demo-master"}},
    }
    backends = {"local": {"type": "embedded", "url": f"sqlite:///{folder}/push.db"}}
    path.write_text(
        yaml.safe_dump({"apps": [app], "backends": backends, "adapters": outside.adapters}), encoding="utf-8"
    )
    return str(path)


async def ask(gateway: Gateway, method: str, path: str, body: Any = None) -> Any:
    async with (
        aiohttp.ClientSession(headers=MASTER) as client,
        client.request(method, gateway.address + path, json=body) as answer,
    ):
        assert answer.status < 300, await answer.text()
        return answer.headers.get("X-Parse-Push-Status-Id") or await answer.json()


async def test_a_gateway_that_dies_does_not_take_its_pushes_along(tmp_path: Path, outside: OutsideWorld) -> None:
    settings = config(tmp_path, outside)
    with serving(tmp_path, "--config", settings) as first:
        for number in range(3):
            device = {"deviceType": "ios", "deviceToken": f"t{number}", "installationId": f"i{number}"}
            await ask(first, "POST", "/parse/installations", device)
        due = datetime.now(UTC) + timedelta(seconds=5)  # by then the first one is dead, however slow the machine is
        late = due + timedelta(hours=1)
        push = {"where": {}, "data": {"alert": "it is time", "badge": "Increment"}, "push_time": due.isoformat()}
        push_id = await ask(first, "POST", "/parse/push", push)
        await ask(first, "POST", "/parse/push", {**push, "push_time": late.isoformat()})
        first.stop(signal.SIGKILL)
    assert outside.asked("push.send") == []
    with serving(tmp_path, "--config", settings) as second, serving(tmp_path, "--config", settings) as third:
        end = time.monotonic() + SECONDS
        status: dict[str, Any] = {}
        while status.get("status") != "succeeded":
            assert time.monotonic() < end, f"it is not sent: {status}"
            status = await ask(third, "GET", f"/parse/classes/_PushStatus/{push_id}")
        assert time.time() >= due.timestamp()
        assert (second.stop(), third.stop()) == (0, 0)
    (told,) = outside.asked("push.send")
    assert told["pushId"] == push_id
    assert sorted((target["token"], target["badge"]) for target in told["targets"]) == [("t0", 1), ("t1", 1), ("t2", 1)]
    assert status["numSent"] == 3
