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
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

import orjson
from aiohttp import web

from gateway.adapters.base import Outside
from gateway.adapters.captcha import WebhookCaptcha
from gateway.adapters.functions import WebhookFunctions
from gateway.adapters.mail import SmtpMailer, read_address
from gateway.adapters.sms import WebhookTexter
from gateway.adapters.verifiers import WebhookVerifier
from gateway.adapters.webhook import Hook, Webhooks
from gateway.authorise import Client, Guarded
from gateway.backends.accounts import Accounts, Policy
from gateway.backends.bare_answers import Understood
from gateway.backends.base import Backend
from gateway.backends.columns import Registry, Typed
from gateway.backends.completing import Completing
from gateway.backends.embedded import Embedded, path_of
from gateway.backends.emulate import EMULATIONS, Ability, Emulating
from gateway.backends.later import Later
from gateway.backends.learned import Learned, can_tell, read_columns
from gateway.backends.ledger import ObjectStore
from gateway.backends.letters import LETTERS, PLACE, PLACES, Letter
from gateway.backends.pass_through import PassThrough
from gateway.backends.recovery import Rules
from gateway.backends.remote import Address, Patience, Remote
from gateway.backends.renames import Names, Renamed, RenamedRegistry, Renaming
from gateway.backends.renames import faults as bad_renames
from gateway.backends.seal import Seal
from gateway.backends.services import Services
from gateway.capabilities import of_backend, told
from gateway.dialects.dialect import Dialect, load_dialects
from gateway.errors import GatewayError, SettingsError, StartupError
from gateway.model import schema
from gateway.model.catalogue import OPERATIONS
from gateway.pages import Pages
from gateway.pipeline import Front
from gateway.server import EDGE, MAX_LINE, Edge, keep_junk_out_of_the_log
from gateway.settings import (
    AppSettings,
    BackendSettings,
    ClassSettings,
    EmbeddedSettings,
    HookSettings,
    LetterSettings,
    RemoteSettings,
    Settings,
    SmtpSettings,
    UserSettings,
    WebhookSettings,
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
    def backends(self) -> Mapping[str, BackendSettings]:
        """The backends that an app has."""
        used = dict.fromkeys(name for app in self.settings.apps for name in (app.backend, app.services_store) if name)
        return {name: self.settings.backends[name] for name in used}


def mappings_directory() -> Path:
    """Beside the package in a checkout, inside it when installed."""
    packaged = Path(__file__).with_name("_mappings")
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / "mappings"


def plan(config: Path, environment: Mapping[str, str] = os.environ) -> Plan:
    """Reads, compiles and checks everything. Raises SettingsError or MappingError."""
    settings = load_settings(config, environment)
    dialects = load_dialects(mappings_directory())
    faults = [*_unknown_to(dialects, settings), *_bad_addresses(settings), *_bad_letters(settings)]
    for name, backend in settings.backends.items():
        if isinstance(backend, RemoteSettings):
            faults += (f"backends.{name}.{fault}" for fault in _bad_remote(dialects, backend))
    faults += _untold_columns(dialects, settings)
    faults += _bad_renames(dialects, settings)
    if not faults:
        spoken = dict.fromkeys(dialect for app in settings.apps for dialect in app.clients)
        mounts = [(mount, name) for name in spoken for mount in settings.server.mounts.get(name, dialects[name].mounts)]
        faults = [*_twice(mounts), *_holes_without_a_use(dialects, mounts)]
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
            if client.domains and not dialect.asked_by_host:
                yield f"{place}.domains: a host does not stand for an application in {dialect.title}"
            if not client.keys and not client.domains and not dialect.open_without_keys:
                yield f"{place}: nobody could come in without a key; there are: {', '.join(known)}"


def _bad_remote(dialects: Mapping[str, Dialect], backend: RemoteSettings) -> Iterator[str]:
    dialect = dialects.get(backend.type)
    if dialect is None:
        yield f"type: must be embedded, or a dialect; there are: {', '.join(dialects)}"
        return
    known = ", ".join(sorted(dialect.key_names))
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


def abilities_of(plan: Plan, name: str) -> Mapping[str, Ability]:
    """What a backend can do: by itself, by other means, or not at all."""
    backend = plan.settings.backends[name]
    if isinstance(backend, EmbeddedSettings):
        return of_backend(None)
    return of_backend(plan.dialects[backend.type], backend.emulate, backend.refuse)


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
    edge.capabilities = {
        "backends": {
            name: {"type": settings.type, "abilities": told(abilities_of(plan, name))}
            for name, settings in plan.backends.items()
        }
    }

    async def open_backends(app: web.Application) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            backends: dict[str, Store | Remote] = {}
            for name, settings in plan.backends.items():
                backend: Store | Remote
                if isinstance(settings, RemoteSettings):
                    backend = open_remote(name, settings, plan.dialects[settings.type])
                else:
                    secret = cursor_secret(plan.settings, name)
                    backend = await open_backend(name, settings, secret, permissions_of(plan.settings))
                stack.push_async_callback(backend.close)
                backends[name] = backend
            outside = await stack.enter_async_context(open_outside(plan.settings))
            later = Later()
            stack.push_async_callback(later.close)
            served = {
                app.name: make_backend(plan, app, backends, outside[app.name], later) for app in plan.settings.apps
            }
            edge.pages = Pages({app.name: Guarded(served[app.name]) for app in plan.settings.apps if app.mail})
            ways = {
                app.name: PassThrough(remote)
                for app in plan.settings.apps
                if app.pass_through and isinstance(remote := backends[app.backend], Remote)
            }
            fronts = {name: make_front(plan, name, served, ways) for name in plan.fronts}
            for mount, name in plan.mounts.items():
                edge.mount(mount, fronts[name])
            yield

    app = edge.application()
    app.cleanup_ctx.append(open_backends)
    return app


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
async def open_outside(settings: Settings) -> AsyncIterator[Mapping[str, Outside]]:
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
    webhooks = Webhooks()
    try:
        yield {app.name: _outside_of(app, settings, mailers, webhooks) for app in settings.apps}
    finally:
        await webhooks.close()


def _outside_of(app: AppSettings, settings: Settings, mailers: Mapping[str, SmtpMailer], webhooks: Webhooks) -> Outside:
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
    code = WebhookFunctions(
        webhooks,
        functions=_hooks("the function", app.functions),
        events=_hooks("the handler of the event", app.events),
    )
    return Outside(
        functions=code,
        mailer=None if app.mail is None else mailers[app.mail],
        texter=None if texts is None else WebhookTexter(webhooks, texts),
        captcha=None if pictures is None else WebhookCaptcha(webhooks, pictures, app=app.name),
        verifiers={name: WebhookVerifier(webhooks, own, app=app.name) for name, own in verifiers.items()},
    )


def _hooks(what: str, settings: Mapping[str, HookSettings]) -> dict[str, Hook]:
    return {
        name: Hook(name=f"{what} {name}", url=by.url, secret=by.secret, timeout=by.timeout)
        for name, by in settings.items()
    }


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
    plan: Plan, app: AppSettings, backends: Mapping[str, Store | Remote], outside: Outside, later: Later
) -> Backend:
    """What an app's operations go through, once they are allowed: see the modules, from the outermost to the store."""
    store = backends[app.backend]
    if isinstance(store, Remote):
        kept = None if app.services_store is None else backends[app.services_store]
        assert not isinstance(kept, Remote), "settings have made sure of it"
        return behind(plan, app, store, kept, outside)
    seal = Seal(plan.settings.server.token_keys)
    policy = policy_of(app.users, rules_of(app, plan.settings))
    accounts = Accounts(store, policy, outside=outside, later=later, seal=seal)
    backend: Backend = Services(accounts, store, outside.functions)
    registry: Registry = store
    if names := names_of(app):
        backend, registry = Renamed(backend, names, store), RenamedRegistry(store, names.turned())
    return Typed(backend, registry, dynamic=app.dynamic_schema)


def behind(plan: Plan, app: AppSettings, remote: Remote, kept: Store | None, outside: Outside) -> Backend:
    """The same for a server of somebody else's, which has the users, the sessions and the ACLs itself."""
    settings = plan.settings.backends[app.backend]
    assert isinstance(settings, RemoteSettings)
    registry: Registry = Learned(remote, app.name, given=read_columns(settings.columns), lasts=settings.columns_kept)
    backend: Backend = Emulating(
        Completing(remote),
        secret=cursor_secret(plan.settings, app.backend),
        allowed=settings.emulate,
        refused=settings.refuse,
        registry=registry,
    )
    if remote.dialect.file.untyped:
        backend = Understood(backend, registry)
    theirs = {OPERATIONS[name] for name in remote.dialect.operations}
    served: Backend = Services(backend, kept, outside.functions, theirs=theirs)
    if names := names_of(app):
        whole = can_tell(remote.dialect, has_master=remote.has_master)
        served = Renamed(served, names, registry, whole=whole)
        registry = RenamedRegistry(registry, names.turned())
    return Typed(served, registry, remote=True)


def names_of(app: AppSettings) -> Names:
    """The clients' names of classes and fields, and the backend's. They are false where all are the same."""
    return Names.read(app.renames.classes, app.renames.fields)


def make_front(plan: Plan, name: str, backends: Mapping[str, Backend], ways: Mapping[str, PassThrough]) -> Front:
    """`backends` has what executes for an application, by its name, and `ways` what sends its requests on."""
    master_queries = plan.dialects[name].master_queries
    clients = {
        app.clients[name].app_id: Client(
            app.name,
            app.clients[name].keys,
            Guarded(
                backends[app.name],
                custom_ids=app.custom_ids or plan.dialects[name].custom_ids,
                master_queries={of: by for of, by in master_queries.items() if by not in opened_by(app)},
            ),
            app.clients[name].app_id,
            frozenset(app.clients[name].domains),
            ways.get(app.name),
        )
        for app in plan.settings.apps
        if name in app.clients
    }
    domains = {domain: client for client in clients.values() for domain in client.domains}
    return Front(plan.dialects[name], clients, domains)


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
