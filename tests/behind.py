"""A gateway behind a gateway: the embedded store as a Parse Server, or as LeanCloud, to stand in front of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import yaml

from gateway.app import address_of, listen, make_app, plan, running
from gateway.backends.completing import Completing
from gateway.backends.emulate import Emulating
from gateway.backends.learned import Learned
from gateway.backends.remote import Address, Patience, Remote
from gateway.dialects.dialect import Dialect

KEYS: Mapping[str, Mapping[str, str]] = {
    "parse": {"rest_key": "their-rest", "master_key": "their-master"},
    "leancloud": {"app_key": "their-key", "master_key": "their-master"},
}
SECRET = b"signs the cursors of scans"


@asynccontextmanager
async def backend_of_others(folder: Path, *, custom_ids: bool = False) -> AsyncIterator[str]:
    """Its address, without a mount."""
    clients = {name: {"app_id": "their-app", **keys} for name, keys in KEYS.items()}
    config = {
        "apps": [
            {
                "name": "theirs",
                "backend": "store",
                "custom_ids": custom_ids,
                "users": {"client_queries": True},
                "clients": clients,
            }
        ],
        "backends": {"store": {"type": "embedded", "url": f"sqlite:///{folder}/theirs.db"}},
    }
    path = folder / "theirs.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    app = make_app(plan(path, {}))
    with listen("127.0.0.1", 0) as listening:
        async with running(app, listening, grace=5):
            yield address_of(listening)


@asynccontextmanager
async def behind(
    dialect: Dialect,
    address: str,
    *,
    allowed: tuple[str, ...] = (),
    refused: tuple[str, ...] = (),
    with_columns: bool = False,
) -> AsyncIterator[Emulating]:
    """All that stands between a front and that server, but for the rules of who may do what."""
    url = address + dialect.mounts[0]
    remote = Remote(
        Address(name="theirs", url=url, app_id="their-app", keys=KEYS[dialect.name]), dialect, Patience(retries=0)
    )
    registry = Learned(remote, "blog") if with_columns else None
    emulating = Emulating(Completing(remote), secret=SECRET, allowed=allowed, refused=refused, registry=registry)
    try:
        yield emulating
    finally:
        await emulating.close()
