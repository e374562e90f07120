"""The command line: serve, check, capabilities, demo.

Exit status: 0 all well, 1 something failed, 2 the command line, the config or a mapping is wrong (one clear message on
standard error, never a traceback). Hints go to standard output, logs to standard error.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import shlex
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
import uvloop
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from gateway import __version__
from gateway.app import Plan, abilities_of, address_of, listen, made_folder, make_app, mappings_directory, plan, running
from gateway.backends.emulations import Way
from gateway.backends.imports import Imported
from gateway.capabilities import told as told_abilities
from gateway.capabilities import written_as_markdown
from gateway.dialects.dialect import Dialect
from gateway.errors import SettingsError, StartupError
from gateway.model.catalogue import OPERATIONS
from gateway.model.operation import Create, Credentials
from gateway.model.update import Set
from gateway.settings import Settings
from gateway.workers import EXIT_CANNOT_START, supervise

log = logging.getLogger("gateway")

cli = typer.Typer(
    name="baas-gateway",
    help="A reverse proxy that lets Parse-like apps keep running on another backend.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Config = Annotated[Path, typer.Option(help="The configuration file.", show_default=True)]
DEFAULT_CONFIG = Path("config.yaml")


@cli.command()
def serve(
    config: Config = DEFAULT_CONFIG,
    host: Annotated[str | None, typer.Option(help="Instead of server.host of the config.")] = None,
    port: Annotated[
        int | None, typer.Option(help="Instead of server.port; 0 is any free one.", min=0, max=65535)
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes, instead of server.workers.", min=1, max=256)] = None,
    hints: Annotated[bool, typer.Option(help="Print a curl for each app and dialect; its client key is in it.")] = True,
) -> None:
    """Serve until SIGTERM or SIGINT; then finish the requests under way and exit 0."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    given = {"host": host, "port": port, "workers": workers}
    planned = _with(plan(config), {name: value for name, value in given.items() if value is not None})
    server = planned.settings.server
    listening = listen(server.host, server.port)

    def announce() -> None:
        address = address_of(listening)
        lines = [f"listening on {address}", *_where_to_find(planned)]
        if hints:
            lines += ["", *_curls(planned, address)]
        # one write, flushed: whoever waits for the first line may read the rest at once
        typer.echo("\n".join(lines))

    if server.workers == 1:
        raise typer.Exit(_serve(planned, listening, announce))

    def work(lifeline: int, ready: Callable[[], None]) -> int:
        try:
            return _serve(planned, listening, ready, lifeline)
        except StartupError as error:
            return _explain(error)

    raise typer.Exit(supervise(server.workers, work, grace=server.shutdown_grace + 5, announce=announce))


def _serve(planned: Plan, listening: socket.socket, ready: Callable[[], None], lifeline: int | None = None) -> int:
    async def until_stopped() -> None:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()

        def stop_once() -> None:
            stop.set()
            if lifeline is None:
                for number in (signal.SIGINT, signal.SIGTERM):
                    loop.remove_signal_handler(number)
                    signal.signal(number, signal.SIG_DFL)  # a second one ends the process at once

        loop.add_signal_handler(signal.SIGTERM, stop_once)
        if lifeline is None:
            loop.add_signal_handler(signal.SIGINT, stop_once)
        else:
            loop.add_reader(lifeline, stop_once)
        async with running(make_app(planned), listening, grace=planned.settings.server.shutdown_grace):
            # what was made so far stays: the collector need not look at it again, nor as often (half the p99)
            gc.collect()
            gc.freeze()
            gc.set_threshold(20_000, 20, 20)
            ready()
            await stop.wait()
            if lifeline is not None:
                loop.remove_reader(lifeline)
            log.info("stopping")

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(until_stopped())
    return 0


@cli.command()
def check(
    config: Config = DEFAULT_CONFIG,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Compile the config and every mapping, and show what would be served. Opens no port and no store."""
    planned = plan(config)
    if as_json:
        typer.echo(json.dumps(_described(planned), indent=2))
        return
    console = Console()
    for table in _tables(planned):
        console.print(table)
    console.print(f"{config}: all is well")


@cli.command()
def capabilities() -> None:
    """What works on what, as Markdown, from the tables that do the work."""
    typer.echo(written_as_markdown(mappings_directory()), nl=False)


@cli.command()
def demo() -> None:
    """Show the main job: one provider's SDK writes, two others' read and change, the first sees it."""
    from gateway.demo import run  # noqa: PLC0415 (only here: it starts a gateway of its own)

    raise typer.Exit(run())


@cli.command("import-users")
def import_users_of(
    file: Annotated[Path, typer.Argument(help="One JSON object a line, as the provider's export has them.")],
    app: Annotated[str, typer.Option(help="The app of the config that they become users of.")],
    export: Annotated[str, typer.Option("--format", help="Whose export it is: the name of a mapping, such as parse.")],
    config: Config = DEFAULT_CONFIG,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
) -> None:
    """Take over users and sessions, with their ids, passwords and tokens. What is there already is left as it is."""
    from gateway.import_users import import_users  # noqa: PLC0415 (a gateway that serves has no use for it)

    planned = plan(config)
    if not file.is_file():
        raise SettingsError(f"{file}: no such file")
    shown = Console(stderr=True)
    with Progress(console=shown, transient=True) as progress:
        task = progress.add_task("importing", total=file.stat().st_size)
        told = asyncio.run(
            import_users(planned, app, export, file, dry=dry_run, seen=lambda size: progress.update(task, advance=size))
        )
    for number, reason in sorted(told.faults.items()):
        typer.echo(f"{file}:{number}: {reason}", err=True)
    counts = [f"{told.told[kind]} {words}" for kind, words in _IMPORTED.items()]
    would = "would be: " if dry_run else ""
    typer.echo(f"{would}{', '.join(counts)}, {len(told.faults)} refused")
    raise typer.Exit(1 if told.faults else 0)


@cli.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> None:
    try:
        cli(standalone_mode=True)
    except StartupError as error:
        sys.exit(_explain(error))


def _explain(error: StartupError) -> int:
    typer.echo(f"cannot start:\n{error}" if "\n" in str(error) else f"cannot start: {error}", err=True)
    return EXIT_CANNOT_START


def _with(planned: Plan, given: Mapping[str, Any]) -> Plan:
    settings = planned.settings
    server = settings.server.model_copy(update=dict(given))
    return Plan(settings.model_copy(update={"server": server}), planned.dialects, planned.mounts)


# --- what the commands print ---


def _where_to_find(planned: Plan) -> Iterator[str]:
    for name in planned.fronts:
        mounts = [mount for mount, served in planned.mounts.items() if served == name]
        apps = [app.name for app in planned.settings.apps if name in app.clients]
        yield f"  {planned.dialects[name].title} at {' and '.join(mounts)}, for {', '.join(apps)}"


def _curls(planned: Plan, address: str) -> Iterator[str]:
    """A create for each app and dialect, written by the dialect itself."""
    for app in planned.settings.apps:
        for name, client in app.clients.items():
            dialect = planned.dialects[name]
            mount = next(mount for mount, served in planned.mounts.items() if served == name)
            credentials = Credentials(client.app_id, _one_key(dialect, client.keys))
            create = Create(class_name="Note", changes={"title": Set(f"from {dialect.title}")})
            request = dialect.write_request(create, credentials)
            headers = {**request.headers, "content-type": "application/json"}
            mount = dialect.credentials.write_mount(mount.rstrip("/"), credentials)
            url = _quoted(address + mount + request.path)
            yield f"# {dialect.title}, {app.name}"
            yield f"curl -X {request.method} {url} \\"
            yield from (f"  -H {_quoted(f'{header}: {value}')} \\" for header, value in headers.items())
            yield f"  -d {shlex.quote(orjson.dumps(request.body).decode())}"


_IMPORTED = {
    Imported.USER: "users imported",
    Imported.SESSION: "sessions imported",
    Imported.THERE: "there already",
}

MASTER_KEY = "$MASTER_KEY"


def _one_key(dialect: Dialect, keys: Mapping[str, str]) -> dict[str, str]:
    """A key that clients hold anyway. A master key is never printed: its place is taken by a shell variable."""
    for name in dialect.proves.client:
        if name in keys:
            return {name: keys[name]}
    return {name: MASTER_KEY for name in dialect.proves.master[:1] if name in keys}


def _quoted(text: str) -> str:
    return f'"{text}"' if MASTER_KEY in text else shlex.quote(text)


def _described(planned: Plan) -> dict[str, Any]:
    settings: Settings = planned.settings
    return {
        "version": __version__,
        "dialects": {
            name: {
                "title": dialect.title,
                "mounts": [mount for mount, served in planned.mounts.items() if served == name],
                "operations": sorted(dialect.operations),
            }
            for name, dialect in planned.dialects.items()
        },
        "apps": [
            {"name": app.name, "backend": app.backend, "dialects": list(app.clients), "custom_ids": app.custom_ids}
            for app in settings.apps
        ],
        "admin_store": _admin_store(settings),
        "backends": {
            name: {
                "type": backend.type,
                "used": name in planned.backends,
                "operations": sorted(
                    each
                    for each, ability in abilities_of(planned, name).items()
                    if each in OPERATIONS and ability.way is not Way.REFUSED
                ),
                "abilities": told_abilities(abilities_of(planned, name)),
            }
            for name, backend in settings.backends.items()
        },
    }


def _admin_store(settings: Settings) -> dict[str, Any] | None:
    given = settings.server.admin_store
    return None if given is None else {**given.model_dump(), "folder": str(made_folder(given))}


def _tables(planned: Plan) -> Iterator[Table]:
    told = _described(planned)
    dialects = Table("dialect", "mounted at", "operations", title="Dialects", title_justify="left")
    for entry in told["dialects"].values():
        dialects.add_row(entry["title"], ", ".join(entry["mounts"]) or "not mounted", ", ".join(entry["operations"]))
    yield dialects
    apps = Table("app", "backend", "its clients speak", "ids by clients", title="Apps", title_justify="left")
    for app in told["apps"]:
        apps.add_row(app["name"], app["backend"], ", ".join(app["dialects"]), "yes" if app["custom_ids"] else "no")
    yield apps
    if (made := told["admin_store"]) is not None:
        store = Table("kept at", "data in", "an account's", "like", title="Apps of accounts", title_justify="left")
        store.add_row(made["url"], made["folder"], f"at most {made['most']}", made["like"] or "the defaults")
        yield store
    backends = Table("backend", "type", "operations", title="Backends", title_justify="left")
    for name, entry in told["backends"].items():
        used = "" if entry["used"] else " (no app uses it)"
        backends.add_row(name, entry["type"] + used, ", ".join(entry["operations"]))
    yield backends
    emulated = Table("backend", "what", "how", title="What backends do by other means, or not", title_justify="left")
    for name, entry in told["backends"].items():
        for what, ability in entry["abilities"].items():
            if "told" in ability and (ability["way"] == Way.EMULATED or what not in OPERATIONS):
                emulated.add_row(name, what.replace("_", " "), f"{ability['way']}: {ability['told']}")
    if emulated.row_count:
        yield emulated
