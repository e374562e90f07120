"""A gateway behind a gateway: the embedded store as a Parse Server, or as LeanCloud, to stand in front of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.app import address_of, listen, make_app, plan, running
from gateway.backends.completing import Completing
from gateway.backends.emulate import Emulating
from gateway.backends.emulations import EMULATIONS, allowed_by
from gateway.backends.learned import Learned
from gateway.backends.pointers import Pointers
from gateway.backends.remote import Address, Patience, Remote
from gateway.dialects.dialect import Dialect
from gateway.errors import Code, GatewayError
from gateway.mapping.schema import MappingFile
from gateway.model.operation import Caller, Create, Find, Operation
from gateway.model.update import Set

KEYS: Mapping[str, Mapping[str, str]] = {
    "parse": {"rest_key": "their-rest", "master_key": "their-master"},
    "leancloud": {"app_key": "their-key", "master_key": "their-master"},
    "backendless": {"rest_key": "their-api", "cloud_code_key": "their-code"},
}
MOUNTS: Mapping[str, str] = {"parse": "/parse", "leancloud": "/1.1", "backendless": "/{app_id}/{api_key}"}
CLIENT = Caller(app="blog")
MASTER = Caller(app="blog", master=True)
EVERY_ONE = tuple(EMULATIONS)
SECRET = b"signs the cursors of scans"


@asynccontextmanager
async def backend_of_others(folder: Path, *, custom_ids: bool = False, **app: Any) -> AsyncIterator[str]:
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
                **app,
            }
        ],
        "backends": {"store": {"type": "embedded", "url": f"sqlite:///{folder}/theirs.db"}},
    }
    path = folder / "theirs.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    served = make_app(plan(path, {}))
    with listen("127.0.0.1", 0) as listening:
        async with running(served, listening, grace=5):
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
    url = address + MOUNTS[dialect.name]
    remote = Remote(
        Address(name="theirs", url=url, app_id="their-app", keys=KEYS[dialect.name]), dialect, Patience(retries=0)
    )
    registry = Learned(remote, "blog") if with_columns else None
    completing = Completing(remote)
    if registry is not None and not dialect.tells_pointers:
        completing = Pointers(remote, registry, allowed_by(dialect, allowed, refused))
    emulating = Emulating(completing, secret=SECRET, allowed=allowed, refused=refused, registry=registry)
    try:
        yield emulating
    finally:
        await emulating.close()


async def make(backend: Emulating, **fields: Any) -> str:
    """A note; its id."""
    made = await backend.execute(
        Create(class_name="Note", changes={name: Set(value) for name, value in fields.items()}), CLIENT
    )
    assert made.id is not None
    return made.id


async def values(backend: Emulating, field: str = "n") -> list[Any]:
    """Of all notes, in order."""
    found = await backend.execute(Find(class_name="Note", limit=100), CLIENT)
    return sorted(each.get(field) for each in found.objects or [])


async def refusal(backend: Emulating, op: Operation, caller: Caller = CLIENT) -> Code:
    """How it is refused."""
    with pytest.raises(GatewayError) as refused:
        await backend.execute(op, caller)
    return refused.value.code


def small(dialect: Dialect, *, page: int = 1000, batch: int = 1000) -> Dialect:
    """The same vendor, with less at once."""
    limits = dialect.file.limits
    limits = limits.model_copy(update={"batch": batch, "page": limits.page.model_copy(update={"largest": page})})
    file: MappingFile = dialect.file.model_copy(update={"limits": limits})
    return Dialect(dialect.name, file)
