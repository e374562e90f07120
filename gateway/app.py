"""The composition root: settings and mappings become backends, fronts and an aiohttp Application.

plan        everything that can be known before anything is opened: files read, compiled and checked together
make_app    the Application of a plan; what it opens, it opens and closes itself
running     the Application on a socket, until the block ends
"""

from __future__ import annotations

import hashlib
import hmac
import os
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
from aiohttp import web

from gateway.authorise import Client, Guarded
from gateway.backends.accounts import Accounts, ObjectStore, Policy
from gateway.backends.embedded import Embedded, path_of
from gateway.dialects.dialect import Dialect, load_dialects
from gateway.errors import SettingsError, StartupError
from gateway.pipeline import Front
from gateway.server import EDGE, MAX_LINE, Edge, keep_junk_out_of_the_log
from gateway.settings import BackendSettings, Settings, UserSettings, load_settings

KEEP_ALIVE = 75.0
"""Seconds an idle connection is kept: longer than the 60 of the usual load balancers, so that they close it first."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be served. `mounts` has each path and the dialect there, of the dialects that an app speaks."""

    settings: Settings
    dialects: Mapping[str, Dialect]
    mounts: Mapping[str, str]

    @property
    def fronts(self) -> tuple[str, ...]:
        """The dialects that are served."""
        return tuple(dict.fromkeys(self.mounts.values()))

    @property
    def backends(self) -> Mapping[str, BackendSettings]:
        """The backends that an app has."""
        used = dict.fromkeys(app.backend for app in self.settings.apps)
        return {name: self.settings.backends[name] for name in used}


def mappings_directory() -> Path:
    """Beside the package in a checkout, inside it when installed."""
    packaged = Path(__file__).with_name("_mappings")
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / "mappings"


def plan(config: Path, environment: Mapping[str, str] = os.environ) -> Plan:
    """Reads, compiles and checks everything. Raises SettingsError or MappingError."""
    settings = load_settings(config, environment)
    dialects = load_dialects(mappings_directory())
    faults = [*_unknown_to(dialects, settings), *_bad_addresses(settings)]
    if not faults:
        spoken = dict.fromkeys(dialect for app in settings.apps for dialect in app.clients)
        mounts = [(mount, name) for name in spoken for mount in settings.server.mounts.get(name, dialects[name].mounts)]
        faults = list(_twice(mounts))
    if faults:
        raise SettingsError("\n".join(f"{config}: {fault}" for fault in faults))
    return Plan(settings, dialects, dict(mounts))


def _unknown_to(dialects: Mapping[str, Dialect], settings: Settings) -> Iterator[str]:
    there_are = f"there are: {', '.join(dialects)}"
    for name in settings.server.mounts:
        if name not in dialects:
            yield f"server.mounts.{name}: is not a dialect; {there_are}"
    for index, app in enumerate(settings.apps):
        for name, client in app.clients.items():
            place = f"apps.{index}.clients.{name}"
            if name not in dialects:
                yield f"{place}: is not a dialect; {there_are}"
                continue
            dialect = dialects[name]
            known = sorted(dialect.key_names)
            for key in client.keys:
                if key not in dialect.key_names:
                    yield f"{place}.{key}: is not a key of {dialect.title}; there are: app_id, {', '.join(known)}"
            if not client.keys and not dialect.open_without_keys:
                yield f"{place}: nobody could come in without a key; there are: {', '.join(known)}"


def _bad_addresses(settings: Settings) -> Iterator[str]:
    for name, backend in settings.backends.items():
        try:
            path_of(backend.url)
        except SettingsError as error:
            yield f"backends.{name}.{error}"


def _twice(mounts: list[tuple[str, str]]) -> Iterator[str]:
    taken: dict[str, str] = {}
    for mount, name in mounts:
        if (other := taken.setdefault(mount, name)) != name:
            yield f"server.mounts.{name}: {mount} is a mount of {other} as well"


def cursor_secret(settings: Settings, backend: str) -> bytes:
    """What a backend signs its cursors with: the same in every gateway with the same keys in its config."""
    if settings.server.secret is not None:
        ground = settings.server.secret.encode()
    else:
        clients = [
            (app.name, dialect, client.app_id, sorted(client.keys.items()))
            for app in settings.apps
            for dialect, client in app.clients.items()
            if app.backend == backend
        ]
        ground = orjson.dumps(sorted(clients))
    return hmac.digest(ground, b"cursors of " + backend.encode(), hashlib.sha256)


def make_app(plan: Plan) -> web.Application:
    server = plan.settings.server
    edge = Edge(max_body=server.max_body, public_url=server.public_url, log_requests=server.log_requests)

    async def open_backends(app: web.Application) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            backends: dict[str, ObjectStore] = {}
            for name, settings in plan.backends.items():
                backend = await open_backend(name, settings, cursor_secret(plan.settings, name))
                stack.push_async_callback(backend.close)
                backends[name] = backend
            fronts = {name: make_front(plan, name, backends) for name in plan.fronts}
            for mount, name in plan.mounts.items():
                edge.mount(mount, fronts[name])
            yield

    app = edge.application()
    app.cleanup_ctx.append(open_backends)
    return app


async def open_backend(name: str, settings: BackendSettings, secret: bytes) -> ObjectStore:
    """Raises StartupError."""
    try:
        return await Embedded.open(settings.url, secret=secret)
    except StartupError as error:
        raise StartupError(f"backends.{name}: {error}") from error


def policy_of(users: UserSettings) -> Policy:
    return Policy(
        trusted_providers=frozenset(users.auth_providers),
        private_users=users.private,
        session_lasts=users.session_length,
        failures_until_locked=users.failures_until_locked,
        locked_for=users.locked_for,
    )


def make_front(plan: Plan, name: str, backends: Mapping[str, ObjectStore]) -> Front:
    clients = {
        app.clients[name].app_id: Client(
            app.name,
            app.clients[name].keys,
            Guarded(Accounts(backends[app.backend], policy_of(app.users)), custom_ids=app.custom_ids),
            frozenset({"users.client_queries"} if app.users.client_queries else ()),
        )
        for app in plan.settings.apps
        if name in app.clients
    }
    return Front(plan.dialects[name], clients)


def listen(host: str, port: int) -> socket.socket:
    """A socket that accepts already. Raises SettingsError where the address cannot be had."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        # of the addresses of a name the IPv4 one: what is printed as 127.0.0.1 then works everywhere
        family, _, _, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
        return socket.create_server((address[0], port), family=family, backlog=1024)
    except OSError as error:
        # a name that cannot be resolved has a number of another kind, and says it itself
        reason = error.strerror if isinstance(error, socket.gaierror) or not error.errno else os.strerror(error.errno)
        raise SettingsError(f"cannot listen on {host}:{port}: {reason}") from None


def address_of(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@asynccontextmanager
async def running(app: web.Application, listening: socket.socket, *, grace: float) -> AsyncIterator[None]:
    """Serves until the block ends; then accepts nothing new, finishes what is under way, and closes the backends."""
    keep_junk_out_of_the_log()
    runner = web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=min(grace, 2.0),  # for answers that are being sent when the drain has ended
        keepalive_timeout=KEEP_ALIVE,
        max_line_size=MAX_LINE,
        max_field_size=MAX_LINE,
        auto_decompress=False,  # the server does it, so that what is no gzip is told in the client's dialect
    )
    try:
        await runner.setup()
        await web.SockSite(runner, listening, backlog=1024).start()
        yield
    finally:
        for site in list(runner.sites):
            await site.stop()
        await app[EDGE].drain(grace)
        await runner.cleanup()
