"""The composition root: settings and mappings become backends, fronts and an aiohttp Application.

plan        everything that can be known before anything is opened: files read, compiled and checked together
make_app    the Application of a plan; what it opens, it opens and closes itself
running     the Application on a socket, until the block ends
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import quote, urlsplit

import orjson
from aiohttp import web

from gateway.adapters.apns import ApnsKey, ApnsSender
from gateway.adapters.base import FileStorage, Outside, PushSender
from gateway.adapters.captcha import WebhookCaptcha
from gateway.adapters.fcm import FcmSender, ServiceAccount
from gateway.adapters.fetch import Fetcher
from gateway.adapters.functions import WebhookFunctions
from gateway.adapters.mail import SmtpMailer, read_address
from gateway.adapters.push import WebhookPusher
from gateway.adapters.sms import WebhookTexter
from gateway.adapters.storage_disk import DiskStorage
from gateway.adapters.verifiers import WebhookVerifier
from gateway.adapters.webhook import Hook, Webhooks
from gateway.adapters.webpush import WebPushSender, read_key
from gateway.authorise import Client, Guarded, Once
from gateway.backends.accounts import Accounts, Policy
from gateway.backends.aggregates import Aggregates
from gateway.backends.bare_answers import Understood
from gateway.backends.base import Backend
from gateway.backends.columns import Registry, Typed
from gateway.backends.completing import Completing
from gateway.backends.emails import EmailRules, Emails, EmailText
from gateway.backends.embedded import Embedded, path_of
from gateway.backends.emulate import Emulating
from gateway.backends.emulations import EMULATIONS, Ability, Way, allowed_by
from gateway.backends.exports import Exports, Form
from gateway.backends.file_rules import FileRules, Signer
from gateway.backends.files import Files
from gateway.backends.functions import FunctionCalls
from gateway.backends.hooks import RegisteredHooks
from gateway.backends.installations import Installations
from gateway.backends.jobs import Jobs
from gateway.backends.known_devices import KnownDevices
from gateway.backends.later import Later
from gateway.backends.leaderboards import LeaderboardRules, Leaderboards
from gateway.backends.learned import Learned, can_tell, read_columns
from gateway.backends.ledger import Ledger, ObjectStore
from gateway.backends.letters import LETTERS, PLACE, PLACES, Letter
from gateway.backends.made_apps import MadeApp, MadeApps
from gateway.backends.messaging import Messaging, MessagingRules, PushText
from gateway.backends.owners import Account, Owners
from gateway.backends.pass_through import PassThrough
from gateway.backends.pointers import Pointers
from gateway.backends.push import Pushes
from gateway.backends.recovery import Rules
from gateway.backends.remote import Address, Patience, Remote
from gateway.backends.remote_files import RemoteFiles
from gateway.backends.renames import Names, Renamed, RenamedRegistry, Renaming
from gateway.backends.renames import faults as bad_renames
from gateway.backends.scheduler import Scheduler
from gateway.backends.seal import Seal
from gateway.backends.services import Executes, KeptFor, Services
from gateway.backends.triggers import Triggers
from gateway.backends.whose import Whose
from gateway.capabilities import of_backend, told
from gateway.dialects.dialect import Dialect, load_dialects
from gateway.errors import GatewayError, SettingsError, StartupError
from gateway.model import schema
from gateway.model.aggregate import Aggregate
from gateway.model.catalogue import OPERATIONS, STORED
from gateway.model.code import CreateHook
from gateway.model.operation import Operation
from gateway.model.owners import App
from gateway.model.push import INSTALLATION
from gateway.own_code import WHERE_USERS_ARE, default_form, make_code
from gateway.own_code import faults as bad_code
from gateway.pages import Pages
from gateway.pipeline import Front
from gateway.server import EDGE, MAX_LINE, Edge, keep_junk_out_of_the_log
from gateway.settings import (
    AdminStoreSettings,
    ApnsSettings,
    AppSettings,
    BackendSettings,
    ClassSettings,
    ClientSettings,
    DiskSettings,
    EmbeddedSettings,
    FcmSettings,
    FetchSettings,
    LetterSettings,
    RemoteSettings,
    S3Settings,
    Settings,
    SmtpSettings,
    UserSettings,
    WebhookSettings,
    WebPushSettings,
    load_settings,
)

T = TypeVar("T")

HOLE = re.compile(r"\{([a-z_]+)\}")


class Store(ObjectStore, Registry, Protocol):
    """What keeps the data of applications."""


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
    def shared(self) -> Mapping[str, str]:
        """Mounts where a dialect is told by the headers of a request, unless the owner says where it is mounted."""
        spoken = (name for name in self.fronts if name not in self.settings.server.mounts)
        return {mount: name for name in spoken for mount in self.dialects[name].file.shared_mounts}

    @property
    def backends(self) -> Mapping[str, BackendSettings]:
        """The backends that an app has."""
        used = dict.fromkeys(name for app in self.settings.apps for name in (app.backend, app.services_store) if name)
        return {name: self.settings.backends[name] for name in used}


def mappings_directory() -> Path:
    """Beside the package in a checkout, inside it when installed."""
    packaged = Path(__file__).with_name("_mappings")
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / "mappings"


def plan(
    config: Path, environment: Mapping[str, str] = os.environ, dialects: Mapping[str, Dialect] | None = None
) -> Plan:
    """Reads, compiles and checks everything. Raises SettingsError or MappingError.

    With `dialects`, which were compiled before, that is not done again.
    """
    settings = load_settings(config, environment)
    dialects = dialects or load_dialects(mappings_directory())
    for dialect in dialects.values():
        dialect.hides_reasons = settings.server.hide_reasons
    faults = [
        *_unknown_to(dialects, settings),
        *_bad_addresses(settings),
        *_bad_keys(settings),
        *_bad_letters(settings),
        *_unsigned_addresses(settings),
    ]
    for name, backend in settings.backends.items():
        if isinstance(backend, RemoteSettings):
            faults += (f"backends.{name}.{fault}" for fault in _bad_remote(dialects, backend))
    faults += _untold_columns(dialects, settings)
    faults += _bad_renames(dialects, settings)
    for index, app in enumerate(settings.apps):
        faults += (
            f"apps.{index}.{fault}"
            for fault in bad_code(dialects, app, remote=isinstance(settings.backends.get(app.backend), RemoteSettings))
        )
    if not faults:
        faults = list(_bad_when_made(dialects, settings))
    if not faults:
        spoken = dict.fromkeys(dialect for app in settings.apps for dialect in app.clients)
        mounts = [(mount, name) for name in spoken for mount in settings.server.mounts.get(name, dialects[name].mounts)]
        faults = [*_twice(mounts), *_holes_without_a_use(dialects, mounts)]
    if faults:
        raise SettingsError("\n".join(f"{config}: {fault}" for fault in faults))
    return Plan(settings, dialects, dict(mounts))


def _unsigned_addresses(settings: Settings) -> Iterator[str]:
    """Addresses of files that clients could sign themselves: without a secret it is keys that sign, which they hold."""
    for index, app in enumerate(settings.apps):
        if not app.files.public and settings.server.secret is None:
            yield f"apps.{index}.files.public: with false addresses are signed, which needs server.secret"


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
            if client.domains and not dialect.asked_by_host:
                yield f"{place}.domains: a host does not stand for an application in {dialect.title}"
            if not client.keys and not client.domains and not dialect.open_without_keys:
                proving = sorted({*dialect.proves.client, *dialect.proves.master})
                yield f"{place}: nobody could come in without a key; there are: {', '.join(proving)}"


def _bad_remote(dialects: Mapping[str, Dialect], backend: RemoteSettings) -> Iterator[str]:
    dialect = dialects.get(backend.type)
    if dialect is None:
        yield f"type: must be embedded, or a dialect; there are: {', '.join(dialects)}"
        return
    if backend.edition is not None and backend.edition not in dialect.file.editions:
        there_are = ", ".join(dialect.file.editions) or "none"
        yield f"edition: {backend.edition} is no edition of {dialect.title}; there are: {there_are}"
        return
    known = ", ".join(sorted(dialect.key_names - {*dialect.proves.code}))
    for key in backend.keys:
        if key not in dialect.key_names:
            yield f"{key}: is neither a setting nor a key of {dialect.title}, whose keys are: {known}"
    if not backend.keys and not dialect.open_without_keys:
        yield f"no key of {dialect.title} is there to come in with; its keys are: {known}"
    for setting in ("emulate", "refuse"):
        for name in getattr(backend, setting):
            if name not in EMULATIONS:
                yield f"{setting}: {name} is no emulation; there are: {', '.join(EMULATIONS)}"
    try:
        read_columns(backend.columns)
    except ValueError as fault:
        yield f"columns: {fault}"
    path = urlsplit(backend.url).path
    if not path:
        yield f"url: must have the path where it is served, such as {dialect.mounts[0]}, or / for none"
    for hole in HOLE.findall(path):
        if hole not in dialect.credentials.holes:
            yield f"url: has a {{{hole}}}, which tells {dialect.title} nothing"


def _untold_columns(dialects: Mapping[str, Dialect], settings: Settings) -> Iterator[str]:
    """Clients whose values do not tell their types, before a server that does not tell its columns."""
    for index, app in enumerate(settings.apps):
        backend = settings.backends.get(app.backend)
        behind = dialects.get(backend.type) if isinstance(backend, RemoteSettings) else None
        if not isinstance(backend, RemoteSettings) or behind is None or backend.columns:
            continue
        has_master = any(key in backend.keys for key in behind.proves.master)
        for front in app.clients:
            if front in dialects and dialects[front].file.untyped and not can_tell(behind, has_master=has_master):
                yield (
                    f"apps.{index}.clients.{front}: needs the columns of {app.backend}, which tells them to its master "
                    f"alone; set its master key, or backends.{app.backend}.columns"
                )


def _bad_renames(dialects: Mapping[str, Dialect], settings: Settings) -> Iterator[str]:
    for index, app in enumerate(settings.apps):
        backend = settings.backends[app.backend]
        spoken = {*app.clients, backend.type} & dialects.keys()
        system = {wire.partition("|")[0] for name in spoken for wire in dialects[name].file.fields.values()}
        for fault in bad_renames(app.renames.classes, app.renames.fields, system):
            yield f"apps.{index}.renames.{fault}"


def _bad_addresses(settings: Settings) -> Iterator[str]:
    for name, backend in settings.backends.items():
        try:
            if isinstance(backend, EmbeddedSettings):
                path_of(backend.url)
        except SettingsError as error:
            yield f"backends.{name}.{error}"
    given = settings.server.admin_store
    try:
        if given is not None:
            path_of(given.url)
    except SettingsError as error:
        yield f"server.admin_store.{error}"
    for name, adapter in settings.adapters.items():
        if isinstance(adapter, SmtpSettings):
            try:
                read_address(adapter.sender)
            except GatewayError:
                yield f"adapters.{name}.from: must be an address such as Blog <no-reply@example.com>"


def _bad_letters(settings: Settings) -> Iterator[str]:
    for index, app in enumerate(settings.apps):
        for name, letter in app.users.mails.items():
            for part in ("subject", "text", "html"):
                key, text = f"apps.{index}.users.mails.{name}.{part}", getattr(letter, part) or ""
                for place in sorted(set(PLACE.findall(text)) - PLACES):
                    yield f"{key}: there is nothing for {{{place}}}; there are: {', '.join(sorted(PLACES))}"
                if text and part != "subject" and "{link}" not in text:
                    yield f"{key}: must have {{link}} in it"
            if letter.subject is not None and not letter.subject.isprintable():
                yield f"apps.{index}.users.mails.{name}.subject: must be one line"


def _bad_when_made(dialects: Mapping[str, Dialect], settings: Settings) -> Iterator[str]:
    """What keeps accounts from making apps, and what these cannot have of the one that they are like."""
    given = settings.server.admin_store
    if given is None:
        return
    with_accounts = {name for name, dialect in dialects.items() if dialect.file.accounts is not None}
    if not any(with_accounts & app.clients.keys() for app in settings.apps):
        spoken = " or ".join(sorted(with_accounts))
        yield f"server.admin_store: no app has clients of {spoken}, by whose requests accounts make applications"
    if given.like is None:
        return
    for name, dialect in dialects.items():
        if dialect.file.accounts is not None:
            keys = dict.fromkeys(key_names(dialects)[name], "any")
            app = App("any", "any", keys, creates_classes=True, client_push=False)
            (made,) = plan_of(Plan(settings, dialects, {}), MadeApp("", "", "any", name, app)).settings.apps
            yield from (f"server.admin_store.like: {given.like}.{fault}" for fault in bad_code(dialects, made))


def _twice(mounts: list[tuple[str, str]]) -> Iterator[str]:
    taken: dict[str, str] = {}
    for mount, name in mounts:
        if (other := taken.setdefault(mount, name)) != name:
            yield f"server.mounts.{name}: {mount} is a mount of {other} as well"


def _holes_without_a_use(dialects: Mapping[str, Dialect], mounts: list[tuple[str, str]]) -> Iterator[str]:
    for mount, name in mounts:
        for hole in HOLE.findall(mount):
            if hole not in dialects[name].credentials.holes:
                yield f"server.mounts.{name}: {mount} has a {{{hole}}}, which tells {dialects[name].title} nothing"


def dialect_of(dialects: Mapping[str, Dialect], backend: RemoteSettings) -> Dialect:
    """What a server is spoken to in."""
    dialect = dialects[backend.type]
    return dialect if backend.edition is None else dialect.edition(backend.edition)


def abilities_of(plan: Plan, name: str) -> Mapping[str, Ability]:
    """What a backend can do: by itself, by other means, or not at all."""
    backend = plan.settings.backends[name]
    if isinstance(backend, EmbeddedSettings):
        return of_backend(None)
    return of_backend(dialect_of(plan.dialects, backend), backend.emulate, backend.refuse)


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


def session_secret(settings: Settings, backend: str) -> bytes:
    """What seals whose sessions of a server of others are: of that server's own keys, whatever keys clients have."""
    remote = settings.backends[backend]
    if settings.server.secret is not None or not isinstance(remote, RemoteSettings):
        return cursor_secret(settings, backend)
    ground = orjson.dumps([remote.app_id, sorted(remote.keys.items())])
    return hmac.digest(ground, b"sessions of " + backend.encode(), hashlib.sha256)


@dataclass(frozen=True, slots=True)
class Served:
    """The applications that are served, where requests find them. Some come, and change, while the gateway runs."""

    clients: Mapping[str, dict[str, Client]]
    """By the dialect, and the id that they send."""
    domains: Mapping[str, dict[str, Client]]
    pages: dict[str, Guarded]
    backends: dict[str, Any]
    """What is told of them to who runs the gateway."""

    @classmethod
    def by(cls, dialects: Sequence[str]) -> Served:
        return cls({name: {} for name in dialects}, {name: {} for name in dialects}, {}, {})

    def add(self, more: Served) -> None:
        for table, own in zip(self._tables(), more._tables(), strict=True):
            table.update(own)

    def remove(self, what: Served) -> None:
        """Whatever is in its place by now stays."""
        for table, own in zip(self._tables(), what._tables(), strict=True):
            for key, value in own.items():
                if table.get(key) is value:
                    del table[key]

    def _tables(self) -> list[dict[str, Any]]:
        return [*self.clients.values(), *self.domains.values(), self.pages, self.backends]


def make_app(plan: Plan) -> web.Application:
    server = plan.settings.server
    edge = Edge(max_body=server.max_body, public_url=server.public_url, log_requests=server.log_requests)
    edge.admin_key = server.admin_key
    served = Served.by(plan.fronts)
    edge.pages = Pages(served.pages)
    edge.capabilities = {"backends": served.backends}

    async def open_backends(app: web.Application) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(serving(plan, served))
            made = await stack.enter_async_context(serving_made(plan, served))
            # one for each dialect: a password is guessed no more often where there are more mounts
            fronts = {
                name: Front(
                    plan.dialects[name], served.clients[name], served.domains[name], owners_for(plan, name, made)
                )
                for name in plan.fronts
            }
            for mount, name in plan.mounts.items():
                edge.mount(mount, fronts[name])
            for mount, name in plan.shared.items():
                edge.share(mount, fronts[name])
            yield

    app = edge.application()
    app.cleanup_ctx.append(open_backends)
    return app


@asynccontextmanager
async def serving(plan: Plan, served: Served) -> AsyncIterator[None]:
    """Opens what the apps of a plan need, and serves them until the block ends. Raises StartupError."""
    async with AsyncExitStack() as stack:
        backends: dict[str, Store | Remote] = {}
        for name, settings in plan.backends.items():
            backend: Store | Remote
            if isinstance(settings, RemoteSettings):
                backend = open_remote(name, settings, dialect_of(plan.dialects, settings))
            else:
                secret = cursor_secret(plan.settings, name)
                backend = await open_backend(name, settings, secret, permissions_of(plan.settings))
            stack.push_async_callback(backend.close)
            backends[name] = backend
        outside = await stack.enter_async_context(open_outside(plan.settings, plan.dialects))
        storages = await stack.enter_async_context(open_storages(plan.settings))
        later = Later()
        stack.push_async_callback(later.close)
        schedulers = open_schedulers(plan.settings.apps, backends)
        executing = {
            app.name: make_backend(
                plan, app, backends, outside[app.name], later, schedulers.get(app.name), storages.get(app.name)
            )
            for app in plan.settings.apps
        }
        for scheduler in schedulers.values():
            scheduler.start()
            stack.push_async_callback(scheduler.close)
        ways = {
            app.name: PassThrough(remote)
            for app in plan.settings.apps
            if app.pass_through and isinstance(remote := backends[app.backend], Remote)
        }
        clients = {name: clients_of(plan, name, executing, ways) for name in plan.fronts}
        own = Served(
            {name: {client.app_id: client for client in each} for name, each in clients.items()},
            {name: {domain: c for c in each for domain in c.domains} for name, each in clients.items()},
            {app.name: Guarded(executing[app.name]) for app in plan.settings.apps if app.mail},
            {
                name: {"type": settings.type, "abilities": told(abilities_of(plan, name))}
                for name, settings in plan.backends.items()
            },
        )
        served.add(own)
        stack.callback(served.remove, own)
        yield


@asynccontextmanager
async def serving_made(plan: Plan, served: Served) -> AsyncIterator[MadeApps | None]:
    """The apps that accounts make, where there is a store for them. Raises StartupError."""
    given = plan.settings.server.admin_store
    if given is None:
        yield None
        return
    configured = {(name, id_) for name, clients in served.clients.items() for id_ in clients}

    @asynccontextmanager
    async def serve(made: MadeApp) -> AsyncIterator[None]:
        if (made.dialect, made.app.app_id) in configured or made.dialect not in served.clients:
            raise StartupError("the configuration has its id, or nothing of its dialect")
        async with serving(plan_of(plan, made), served):
            yield

    async with AsyncExitStack() as stack:
        try:
            for_our_eyes(path_of(given.url), made_folder(given))
            store = await Embedded.open(given.url, secret=cursor_secret(plan.settings, given.url))
            stack.push_async_callback(store.close)
            made = MadeApps(Ledger(store), serve, most=given.most, keys=key_names(plan.dialects))
            stack.push_async_callback(made.close)
            await made.start()
        except StartupError as error:
            raise StartupError(f"server.admin_store: {error}") from error
        except GatewayError as error:
            raise StartupError(f"server.admin_store: {path_of(given.url)}: {error.message}") from error
        yield made


def for_our_eyes(file: Path, folder: Path) -> None:
    """Makes the file and the folder, for nobody else to read: keys are in the file. Raises StartupError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
        file.chmod(0o600)  # SQLite gives the files beside it the same
    except OSError as error:
        raise StartupError(f"{error.filename}: {error.strerror}") from error


def made_folder(given: AdminStoreSettings) -> Path:
    """Where the stores of the apps are that accounts make."""
    return path_of(given.url).with_suffix(".apps") if given.folder is None else Path(given.folder)


def key_names(dialects: Mapping[str, Dialect]) -> Mapping[str, frozenset[str]]:
    """Dialect -> the keys of an app that is made in it: its clients', and what code of its own is asked with."""
    return {name: dialect.key_names | default_form(dialects).key_names for name, dialect in dialects.items()}


def plan_of(plan: Plan, made: MadeApp) -> Plan:
    """The plan of one app that an account has made: as `server.admin_store.like`, but for what is its own."""
    given = plan.settings.server.admin_store
    assert given is not None, "else nobody could make one"
    own = plan.dialects[made.dialect].key_names
    url = f"sqlite:///{quote(str(made_folder(given) / made.name))}.db"
    clients = {name: key for name, key in made.app.keys.items() if name in own}
    hooks = {name: key for name, key in made.app.keys.items() if name not in own}
    like = next((app for app in plan.settings.apps if app.name == given.like), None)
    base = like or AppSettings(name=made.name, backend=made.name, clients={made.dialect: ClientSettings(app_id="like")})
    app = base.model_copy(
        update={
            "name": made.name,
            "backend": made.name,
            "client_class_creation": made.app.creates_classes,
            "push": base.push.model_copy(update={"clients": made.app.client_push}),
            "registered_hooks": base.registered_hooks.model_copy(update={"keys": hooks}),
            "clients": {made.dialect: ClientSettings.model_validate({"app_id": made.app.app_id, **clients})},
        }
    )
    backends = {made.name: EmbeddedSettings(type="embedded", url=url)}
    settings = plan.settings.model_copy(update={"apps": (app,), "backends": backends})
    # without an app that it is like, it has no use for any of the adapters
    return replace(plan, settings=settings if like else settings.model_copy(update={"adapters": {}}))


def open_schedulers(apps: Sequence[AppSettings], backends: Mapping[str, Store | Remote]) -> Mapping[str, Scheduler]:
    """App -> what does its work at some time, on the store that keeps what services have; some have none."""
    stores = {app.name: backends[app.services_store or app.backend] for app in apps}
    return {name: Scheduler(Ledger(store), app=name) for name, store in stores.items() if not isinstance(store, Remote)}


@asynccontextmanager
async def open_storages(settings: Settings) -> AsyncIterator[Mapping[str, FileStorage]]:
    """App -> where its files' bytes are: where nothing is said, in a folder beside the store. Raises StartupError."""
    async with AsyncExitStack() as stack:
        opened: dict[str, FileStorage] = {}
        for name, adapter in settings.adapters.items():
            if any(app.files.storage == name for app in settings.apps):
                if isinstance(adapter, DiskSettings):
                    opened[name] = DiskStorage(Path(adapter.folder))
                elif isinstance(adapter, S3Settings):
                    opened[name] = await open_bucket(adapter)
                stack.push_async_callback(opened[name].close)
        found: dict[str, FileStorage] = {}
        for app in settings.apps:
            store = settings.backends[app.services_store or app.backend]
            if app.files.storage is not None:
                found[app.name] = opened[app.files.storage]
            elif isinstance(store, EmbeddedSettings):
                found[app.name] = DiskStorage(path_of(store.url).with_suffix(".files"))
        yield found


async def open_bucket(settings: S3Settings) -> FileStorage:
    """Imported where it is wanted only: its library takes a tenth of a second. Raises StartupError."""
    try:
        from gateway.adapters.storage_s3 import Bucket, S3Storage  # noqa: PLC0415
    except ImportError as error:
        raise StartupError(f"adapters of type s3 need pip install 'baas-gateway[s3]': {error}") from error
    return await S3Storage.open(
        Bucket(
            name=settings.bucket,
            prefix=settings.prefix,
            url=settings.url,
            region=settings.region,
            access_key=settings.access_key,
            secret_key=settings.secret_key,
            timeout=settings.timeout,
        )
    )


def signer_of(settings: Settings, app: AppSettings) -> Signer:
    return file_rules(settings, app).signer()


def file_rules(settings: Settings, app: AppSettings) -> FileRules:
    files = app.files
    blocked = files.blocked_extensions
    return FileRules(
        public=files.public,
        url_lasts=files.url_lasts,
        longest=files.max_size,
        uploads_by=files.uploads_by,
        blocked=None if blocked is None else frozenset(blocked),
        secret=hmac.digest(cursor_secret(settings, app.backend), b"addresses of files", hashlib.sha256),
    )


def open_remote(name: str, settings: RemoteSettings, dialect: Dialect) -> Remote:
    """Nothing is asked of it yet: a backend that is down does not stop the gateway."""
    patience = Patience(
        timeout=settings.timeout,
        connect_timeout=settings.connect_timeout,
        connections=settings.connections,
        longest_answer=settings.max_answer,
        retries=settings.retries,
        failures_until_open=settings.failures_until_open,
        open_for=settings.open_for,
    )
    return Remote(Address(name=name, url=settings.url, app_id=settings.app_id, keys=settings.keys), dialect, patience)


async def open_backend(
    name: str, settings: EmbeddedSettings, secret: bytes, apps: Mapping[str, schema.AppSettings]
) -> Store:
    """Raises StartupError."""
    try:
        return await Embedded.open(settings.url, secret=secret, apps=apps)
    except StartupError as error:
        raise StartupError(f"backends.{name}: {error}") from error


def permissions_of(settings: Settings) -> dict[str, schema.AppSettings]:
    """App -> what its settings say of classes."""
    return {
        app.name: schema.AppSettings(
            {
                to.class_name(name): to.settings(name, _class_settings(given))
                for to in (Renaming(names_of(app)),)
                for name, given in app.classes.items()
            },
            app.client_class_creation,
        )
        for app in settings.apps
    }


def _class_settings(given: ClassSettings) -> schema.ClassSettings:
    rules = {schema.Action(action): _rule(who) for action, who in given.permissions.items()}
    if schema.Action.FIND in rules:
        rules.setdefault(schema.Action.COUNT, rules[schema.Action.FIND])  # LeanCloud's console has one for both
    protected: schema.Protected | None = None
    acl: dict[str, dict[str, bool]] | None = None
    if given.protected_fields is not None:
        groups = given.protected_fields
        protected = schema.Protected(
            groups.get("everybody"),
            groups.get("authenticated"),
            _with_prefix(groups, "user:"),
            _with_prefix(groups, "role:"),
            _with_prefix(groups, "field:"),
        )
    if given.default_acl is not None:
        names = {"everybody": "*", "owner": schema.CREATOR}
        acl = {
            names.get(who, who.removeprefix("user:")): {str(right): True for right in rights}
            for who, rights in given.default_acl.items()
        }
    return schema.ClassSettings(rules, protected, acl, frozenset(given.read_only))


def _rule(who: Sequence[str]) -> schema.Rule:
    named = dict.fromkeys(who)
    return schema.Rule(
        everybody="everybody" in named,
        authenticated="authenticated" in named,
        users=frozenset(_with_prefix(named, "user:")),
        roles=frozenset(_with_prefix(named, "role:")),
        fields=tuple(_with_prefix(named, "field:")),
    )


def _with_prefix(named: Mapping[str, T], prefix: str) -> dict[str, T]:
    return {who.removeprefix(prefix): value for who, value in named.items() if who.startswith(prefix)}


@asynccontextmanager
async def open_outside(settings: Settings, dialects: Mapping[str, Dialect]) -> AsyncIterator[Mapping[str, Outside]]:
    """App -> its adapters. Nothing is asked of them yet: a mail server that is down does not stop the gateway."""
    mailers = {
        name: SmtpMailer(
            host=smtp.host,
            port=smtp.port,
            security=smtp.security,
            sender=smtp.sender,
            username=smtp.username,
            password=smtp.password,
            timeout=smtp.timeout,
        )
        for name, smtp in settings.adapters.items()
        if isinstance(smtp, SmtpSettings)
    }
    webhooks, public = Webhooks(), Webhooks(public_only=True)
    code = {app.name: make_code(app, dialects, webhooks, public) for app in settings.apps}
    fetchers = {app.name: _fetcher(app.fetch) for app in settings.apps}
    try:
        async with open_senders(settings) as senders:
            yield {
                app.name: replace(
                    _outside_of(app, settings, mailers, webhooks, senders, code[app.name]), fetcher=fetchers[app.name]
                )
                for app in settings.apps
            }
    finally:
        for own in code.values():
            await own.close()
        await webhooks.close()
        await public.close()
        for fetcher in fetchers.values():
            await fetcher.close()


def _fetcher(fetch: FetchSettings) -> Fetcher:
    return Fetcher(hosts=fetch.hosts, timeout=fetch.timeout, longest=fetch.max_size, private=fetch.private)


def _outside_of(
    app: AppSettings,
    settings: Settings,
    mailers: Mapping[str, SmtpMailer],
    webhooks: Webhooks,
    senders: Mapping[str, PushSender],
    code: WebhookFunctions,
) -> Outside:
    def hook(kind: str, adapter: str | None) -> Hook | None:
        chosen = None if adapter is None else settings.adapters[adapter]
        if not isinstance(chosen, WebhookSettings):
            return None
        return Hook(name=f"the {kind} webhook", url=chosen.url, secret=chosen.secret, timeout=chosen.timeout)

    texts, pictures = hook("sms", app.sms), hook("captcha", app.captcha)
    verifiers = {
        provider: Hook(name=f"the verifier of {provider}", url=by.verify, secret=by.secret, timeout=by.timeout)
        for provider, by in app.users.auth_providers.items()
        if by.verify is not None
    }
    return Outside(
        functions=code,
        triggers=code,
        mailer=None if app.mail is None else mailers[app.mail],
        texter=None if texts is None else WebhookTexter(webhooks, texts),
        captcha=None if pictures is None else WebhookCaptcha(webhooks, pictures, app=app.name),
        verifiers={name: WebhookVerifier(webhooks, own, app=app.name) for name, own in verifiers.items()},
        push_senders={kind: _sender(app, name, settings, webhooks, senders) for kind, name in app.push.to.items()},
    )


def _sender(
    app: AppSettings, name: str, settings: Settings, webhooks: Webhooks, senders: Mapping[str, PushSender]
) -> PushSender:
    """Who delivers to devices of a type."""
    adapter = settings.adapters[name]
    if not isinstance(adapter, WebhookSettings):
        return senders[name]
    hook = Hook(name="the push webhook", url=adapter.url, secret=adapter.secret, timeout=adapter.timeout)
    return WebhookPusher(webhooks, hook, app=app.name)


@asynccontextmanager
async def open_senders(settings: Settings) -> AsyncIterator[Mapping[str, PushSender]]:
    """Adapter -> what it delivers to devices with, of those that are push services. One serves all apps."""
    async with AsyncExitStack() as stack:
        senders: dict[str, PushSender] = {}
        for name, adapter in settings.adapters.items():
            made: ApnsSender | FcmSender | WebPushSender
            match adapter:
                case ApnsSettings():
                    made = ApnsSender(_apns_key(adapter), topic=adapter.topic, timeout=adapter.timeout)
                case FcmSettings(data_key=data_key, notification=notification, timeout=timeout):
                    account = ServiceAccount.read(text_of(adapter.account, adapter.account_file))
                    made = FcmSender(account=account, data_key=data_key, notification=notification, timeout=timeout)
                case WebPushSettings(key=key, subject=subject, timeout=timeout):
                    private = adapter.private_endpoints
                    made = WebPushSender(key=key, subject=subject, private_endpoints=private, timeout=timeout)
                case _:
                    continue
            stack.push_async_callback(made.close)
            senders[name] = made
        yield senders


def _apns_key(adapter: ApnsSettings) -> ApnsKey:
    return ApnsKey(text_of(adapter.key, adapter.key_file), adapter.key_id, adapter.team_id)


def text_of(text: str | None, path: str | None) -> str:
    """What a setting says, itself or by the name of a file. Raises ValueError, which says nothing of what is in it."""
    if text is not None:
        return text
    try:
        return Path(path or "").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot be read: {type(error).__name__}") from None


def _bad_keys(settings: Settings) -> Iterator[str]:
    """Keys of push services that cannot be keys."""
    for name, adapter in settings.adapters.items():
        key = "key"
        try:
            match adapter:
                case ApnsSettings(key_file=path):
                    key = "key" if path is None else "key_file"
                    _apns_key(adapter)
                case FcmSettings(account_file=path):
                    key = "account" if path is None else "account_file"
                    ServiceAccount.read(text_of(adapter.account, path))
                case WebPushSettings():
                    read_key(adapter.key)
                case _:
                    pass
        except ValueError as fault:
            yield f"adapters.{name}.{key}: {fault}"


def rules_of(app: AppSettings, settings: Settings) -> Rules:
    users = app.users
    mails = {str(name): letter for name, letter in users.mails.items()}
    return Rules(
        app=app.name,
        public_url=settings.server.public_url,
        secret=hmac.digest(cursor_secret(settings, app.backend), b"codes in text messages", hashlib.sha256),
        verify_email=users.verify_email,
        verify_phone=users.verify_phone,
        only_verified=users.prevent_log_in_unverified,
        reset_link_lasts=users.reset_link_lasts,
        verify_link_lasts=users.verify_link_lasts,
        code_lasts=users.code_lasts,
        tries=users.code_tries,
        again_after=users.messages_apart,
        most_a_day=users.messages_a_day,
        captcha_for_codes=users.captcha_for_codes,
        codes_alone=users.codes_without_number,
        letters={purpose: _letter(own, mails.get(purpose)) for purpose, own in LETTERS.items()},
    )


def _letter(own: Letter, given: LetterSettings | None) -> Letter:
    """What the configuration says; where it has a text and no HTML, the mail has none either."""
    if given is None:
        return own
    html = own.html if given.text is None and given.html is None else given.html
    return Letter(given.subject or own.subject, given.text or own.text, html)


def policy_of(users: UserSettings, rules: Rules) -> Policy:
    return Policy(
        recovery=rules,
        trusted_providers=frozenset(name for name, provider in users.auth_providers.items() if provider.trust),
        private_users=users.private,
        registration=users.registration,
        most_log_ins=users.max_concurrent_logins if users.multiple_logins else 1,
        second_refused=users.second_login == "refused",
        session_lasts=users.session_length,
        session_idle=users.session_idle,
        failures_until_locked=users.failures_until_locked,
        locked_for=users.locked_for,
    )


def opened_by(app: AppSettings) -> frozenset[str]:
    """The settings that let clients query what their dialect keeps for the master."""
    return frozenset({"users.client_queries"} if app.users.client_queries else ())


def make_backend(
    plan: Plan,
    app: AppSettings,
    backends: Mapping[str, Store | Remote],
    outside: Outside,
    later: Later,
    scheduler: Scheduler | None,
    storage: FileStorage | None = None,
) -> Backend:
    """What an app's operations go through, once they are allowed: see the modules, from the outermost to the store."""
    store = backends[app.backend]
    if isinstance(store, Remote):
        kept = None if app.services_store is None else backends[app.services_store]
        assert not isinstance(kept, Remote), "settings have made sure of it"
        return behind(
            plan,
            app,
            store,
            kept,
            outside,
            scheduler,
            *owners_of(app, kept, outside, later, scheduler, users_here=False),
        )
    seal = Seal(plan.settings.server.token_keys)
    policy = policy_of(app.users, rules_of(app, plan.settings))
    accounts = Accounts(store, policy, outside=outside, later=later, seal=seal)
    hooks, jobs = owners_of(app, store, outside, later, scheduler)
    emails = emails_of(app, store, Typed(accounts, store), outside)
    leaderboards = leaderboards_of(app, store, scheduler)
    backend: Backend = Services(
        Installations(accounts, store),
        store,
        hooks=hooks,
        jobs=jobs,
        pushes=None if scheduler is None else Pushes(store, scheduler, outside.push_senders, app=app.name),
        leaderboards=leaderboards,
        messages=messages_of(app, store, emails, scheduler),
        able=STORED,
        events=_events_kept(app),
        said=_said_kept(app),
        users_here=True,
    )
    if storage is not None:
        shelf = Files(backend, store, storage, file_rules(plan.settings, app), fetcher=outside.fetcher)
        later.start(shelf.swept)
        if leaderboards is not None:
            leaderboards.files = shelf
        backend = emails.files = shelf
    registry: Registry = store
    if names := names_of(app):
        backend, registry = Renamed(backend, names, store), RenamedRegistry(store, names.turned())
    if leaderboards is not None:
        leaderboards.people = backend  # members are told by the clients' names of classes and fields
    if storage is not None and scheduler is not None:
        forms, secret = forms_of(plan, app), file_rules(plan.settings, app).secret
        ledger, mailer = Ledger(store), outside.mailer
        backend = Exports(backend, ledger, scheduler, forms, secret=secret, mailer=mailer, app=app.name)
    backend = Aggregates(backend, registry)
    triggers = with_triggers(FunctionCalls(backend, outside.functions, hooks), outside, hooks, scheduler)
    accounts.admit, accounts.admit_reset, triggers.knows = triggers.admit, triggers.admit_reset, accounts.knows
    return Typed(triggers, registry, dynamic=app.dynamic_schema)


def forms_of(plan: Plan, app: AppSettings) -> Mapping[str, Form]:
    """How archives of an app can be written: as the vendors of its clients write them."""
    settings, forms = plan.settings, {}
    for name, client in app.clients.items():
        dialect = plan.dialects[name]
        if dialect.archive is not None:
            mount = next(mount for mount, spoken in plan.mounts.items() if spoken == name)
            base, sign = settings.server.public_url, None if app.files.public else signer_of(settings, app).sign
            addresses = None if base is None else dialect.addresses(base + mount, client.app_id, sign)
            forms[name] = Form(dialect.archive, client.app_id, addresses)
    return forms


def leaderboards_of(app: AppSettings, store: Store, scheduler: Scheduler | None) -> Leaderboards | None:
    """`people` and `files` are to be set, once they are there."""
    if scheduler is None:
        return None
    given = app.leaderboards
    rules = LeaderboardRules(given.time_zone, given.keep_previous, given.master_only)
    return Leaderboards(store, scheduler, rules)


def emails_of(app: AppSettings, store: Store, people: Backend | None, outside: Outside) -> Emails:
    """`people` has the app's users, where the gateway does."""
    given = app.messaging
    templates = {name: EmailText(text.subject, text.text, text.html) for name, text in given.email_templates.items()}
    rules = EmailRules(given.emails_by, given.emails_an_hour, templates)
    return Emails(people, Ledger(store), outside.mailer, rules, app=app.name)


def messages_of(
    app: AppSettings, store: Store, emails: Emails, scheduler: Scheduler | None, *, remote: bool = False
) -> Callable[[Backend], Mapping[type[Operation], Executes]] | None:
    """What publishes messages and sends emails, by who does the other operations."""
    if scheduler is None:
        return None
    ledger, given = Ledger(store), app.messaging
    pushes = {
        name: PushText(text.message, text.title, text.channels, text.devices, text.data)
        for name, text in given.push_templates.items()
    }
    rules = MessagingRules(kept=given.kept, client_push=app.push.clients, templates=pushes)

    def operations(backend: Backend) -> Mapping[type[Operation], Executes]:
        # the devices that are registered here are kept here, whatever another server has of its own
        devices = Installations(backend, store) if remote else backend
        return {**Messaging(devices, ledger, scheduler, rules, app=app.name).operations(), **emails.operations()}

    return operations


def with_triggers(
    backend: Backend,
    outside: Outside,
    hooks: RegisteredHooks | None,
    scheduler: Scheduler | None,
    *,
    users_here: bool = True,
) -> Triggers:
    """By the clients' names of classes and fields, which are those of the code that is asked."""
    assert outside.triggers is not None, "there is one for each app"
    return Triggers(
        backend, outside.triggers, registered=hooks, scheduler=scheduler, now=time.time, users_here=users_here
    )


def owners_of(
    app: AppSettings,
    store: Store | None,
    outside: Outside,
    later: Later,
    scheduler: Scheduler | None,
    *,
    users_here: bool = True,
) -> tuple[RegisteredHooks | None, Jobs | None]:
    """What an app's owner arranges of its code, where there is a store to keep it in."""
    if store is None or scheduler is None:
        return None, None
    ledger = Ledger(store)
    jobs = Jobs(ledger, outside.functions, scheduler, later, app=app.name)
    triggers = [(class_name, moment) for class_name, given in app.triggers.items() for moment in given]
    never_asked = () if users_here else WHERE_USERS_ARE
    return RegisteredHooks(ledger, functions=app.functions, triggers=triggers, never_asked=never_asked), jobs


def behind(
    plan: Plan,
    app: AppSettings,
    remote: Remote,
    kept: Store | None,
    outside: Outside,
    scheduler: Scheduler | None,
    hooks: RegisteredHooks | None,
    jobs: Jobs | None,
) -> Backend:
    """The same for a server of somebody else's, which has the users, the sessions and the ACLs itself."""
    settings = plan.settings.backends[app.backend]
    assert isinstance(settings, RemoteSettings)
    registry: Registry = Learned(remote, app.name, given=read_columns(settings.columns), lasts=settings.columns_kept)
    does = allowed_by(remote.dialect, settings.emulate, settings.refuse)
    backend: Backend = Emulating(
        Completing(remote) if remote.dialect.tells_pointers else Pointers(remote, registry, does),
        secret=cursor_secret(plan.settings, app.backend),
        allowed=settings.emulate,
        refused=settings.refuse,
        registry=registry,
        counter_class=settings.counter_class,
    )
    if remote.dialect.file.untyped:
        backend = Understood(backend, registry, remote.addresses)
    if "current_user" not in remote.dialect.operations and "current_user" not in settings.refuse:
        backend = Whose(backend, session_secret(plan.settings, app.backend))
    theirs = {OPERATIONS[name] for name in remote.dialect.operations}
    abilities = abilities_of(plan, app.backend)
    backend = KnownDevices(backend) if remote.has_master else backend
    names_files = abilities[EMULATIONS["file_names"].title].way is Way.EMULATED
    backend = RemoteFiles.of(remote.dialect, backend, file_rules(plan.settings, app), names=names_files)
    messages = None
    if kept is not None:
        messages = messages_of(app, kept, emails_of(app, kept, None, outside), scheduler, remote=True)
    leaderboards = None if kept is None else leaderboards_of(app, kept, scheduler)
    served: Backend = Services(
        backend,
        kept,
        hooks=hooks,
        jobs=jobs,
        messages=messages,
        leaderboards=leaderboards,
        theirs=theirs,
        able={name for name in OPERATIONS if abilities[name].way is not Way.REFUSED},
        events=_events_kept(app),
        said=_said_kept(app),
    )
    if names := names_of(app):
        whole = can_tell(remote.dialect, has_master=remote.has_master)
        served = Renamed(served, names, registry, whole=whole)
        registry = RenamedRegistry(registry, names.turned())
    if leaderboards is not None:
        leaderboards.people = served
    # rows have names of their own, which nobody can tell from the backend's
    if (names or Aggregate not in theirs) and abilities["aggregate"].way is not Way.REFUSED:
        served = Aggregates(served)
    served = FunctionCalls(served, outside.functions, hooks if CreateHook not in theirs else None, theirs=theirs)
    registered = hooks if CreateHook not in theirs else None  # those of the server's own, it asks itself
    triggers = with_triggers(served, outside, registered, scheduler, users_here=False)
    return Typed(triggers, registry, remote=True)


def _events_kept(app: AppSettings) -> KeptFor:
    return KeptFor(lasts=app.analytics.keep, most=app.analytics.most)


def _said_kept(app: AppSettings) -> KeptFor:
    return KeptFor(lasts=app.conversations.keep, most=app.conversations.most)


def names_of(app: AppSettings) -> Names:
    """The clients' names of classes and fields, and the backend's. They are false where all are the same."""
    return Names.read(app.renames.classes, app.renames.fields)


def clients_of(plan: Plan, name: str, backends: Mapping[str, Backend], ways: Mapping[str, PassThrough]) -> list[Client]:
    """`backends` has what executes for an application, by its name, and `ways` what sends its requests on."""
    master_queries = plan.dialects[name].master_queries
    return [
        Client(
            app.name,
            app.clients[name].keys,
            Guarded(
                backends[app.name],
                custom_ids=app.custom_ids or plan.dialects[name].custom_ids,
                master_queries={of: by for of, by in master_queries.items() if by not in opened_by(app)},
                client_push=app.push.clients,
                installations_open=INSTALLATION in app.classes,
            ),
            app.clients[name].app_id,
            frozenset(app.clients[name].domains),
            ways.get(app.name),
            sign=None if app.files.public else signer_of(plan.settings, app).sign,
            once=Once.of(app.idempotency.paths, app.idempotency.ttl) if app.idempotency.paths else None,
            realtime=app.realtime,
        )
        for app in plan.settings.apps
        if name in app.clients
    ]


def owners_for(plan: Plan, name: str, made: MadeApps | None) -> Owners:
    """Who may ask for the applications whose clients speak a dialect."""
    settings = plan.settings
    apps = [
        App(
            app.name,
            app.clients[name].app_id,
            {**app.registered_hooks.keys, **app.clients[name].keys},
            creates_classes=app.client_class_creation,
            client_push=app.push.clients,
        )
        for app in settings.apps
        if name in app.clients
    ]
    accounts = {
        email: Account(given.password, None if given.apps is None else frozenset(given.apps))
        for email, given in settings.server.accounts.items()
    }
    return Owners(accounts, apps, made=made, dialect=name)


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
