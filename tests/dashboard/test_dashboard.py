"""Parse's dashboard, as it comes from npm, in a headless Chromium: data of a LeanCloud app is browsed and edited by it.

With DASHBOARD_SCREENSHOTS in the environment the screenshots stay in that folder, to be looked at.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.ports import free_port
from tests.sdk.conftest import Process
from tests.sdk.test_javascript import missing

HERE = Path(__file__).parent
SDK = HERE.parent / "sdk" / "node_modules"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PASSWORD = "a password of the dashboard's"
SECONDS = 240
START_SECONDS = 120

KEYS = {
    "parse": {"app_id": "demo", "master_key": "demo-master"},
    "leancloud": {"app_id": "demo", "app_key": "demo-key", "master_key": "demo-master"},
}


@pytest.fixture
def tools() -> tuple[str, str]:
    """Node.js and a browser."""
    node, browser = shutil.which("node"), next(filter(None, map(shutil.which, BROWSERS)), None)
    if node is None:
        missing("the dashboard needs node 20 or newer: https://nodejs.org")
    if browser is None:
        missing("the dashboard needs a browser; on Debian and Ubuntu: apt-get install chromium")
    if not (HERE / "node_modules").is_dir() or not SDK.is_dir():
        missing(f"the dashboard is not installed: npm ci --prefix {HERE}")
    return node, browser


@pytest.fixture
def gateway_url(tmp_path: Path) -> Iterator[str]:
    config = {
        "server": {"host": "127.0.0.1", "port": 0},
        "apps": [{"name": "library", "backend": "local", "clients": KEYS}],
        "backends": {"local": {"type": "embedded", "url": f"sqlite:///{tmp_path / 'library.db'}"}},
    }
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    gateway = Process(path)
    try:
        yield gateway.wait_until_listening()
    finally:
        status = gateway.stop()
    assert status == 0, f"the gateway ended with status {status}:\n{gateway.output}"


@pytest.fixture
def dashboard_url(gateway_url: str, tools: tuple[str, str], tmp_path: Path) -> Iterator[str]:
    """It asks for a log-in, as it does anywhere but in development."""
    app = {"serverURL": f"{gateway_url}/parse", "appId": "demo", "masterKey": "demo-master", "appName": "Library"}
    config = {"apps": [app], "users": [{"user": "admin", "pass": PASSWORD}], "useEncryptedPasswords": False}
    path = tmp_path / "dashboard.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    port = free_port()
    with (tmp_path / "dashboard.log").open("w+", encoding="utf-8") as log:
        command = [tools[0], str(HERE / "node_modules" / "parse-dashboard" / "bin" / "parse-dashboard")]
        options = ["--config", str(path), "--host", "127.0.0.1", "--port", str(port), "--allowInsecureHTTP", "1"]
        dashboard = subprocess.Popen([*command, *options], stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_for(port, dashboard)
            yield f"http://127.0.0.1:{port}"
        finally:
            dashboard.terminate()
            dashboard.wait(60)


def wait_for(port: int, dashboard: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and dashboard.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)  # the one way to see a port open
        else:
            return
    pytest.fail("the dashboard does not start")


def test_data_of_one_dialect_is_browsed_and_edited_by_the_dashboard_of_another(
    gateway_url: str, dashboard_url: str, tools: tuple[str, str], tmp_path: Path
) -> None:
    screenshots = Path(os.environ.get("DASHBOARD_SCREENSHOTS") or tmp_path / "screenshots")
    screenshots.mkdir(parents=True, exist_ok=True)
    told = {
        "GATEWAY_URL": gateway_url,
        "DASHBOARD_URL": dashboard_url,
        "CHROMIUM": tools[1],
        "SCREENSHOTS": str(screenshots),
        "PASSWORD": PASSWORD,
    }
    done = subprocess.run(
        [tools[0], "browse.mjs"],
        cwd=HERE,
        env=os.environ | told,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\nsee {screenshots}"
    seen = {path.stem: path.stat().st_size for path in screenshots.glob("*.png")}
    assert {"rows", "edited", "added", "created", "config"} <= seen.keys()
    assert min(seen.values()) > 10_000, f"a page is empty: {seen}"
