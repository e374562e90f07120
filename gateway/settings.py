"""config.yaml, read and checked whole before anything starts.

An error names the file and the dotted key and says what would be right; it never shows a value, which may be a key.
What needs the dialects to be known, such as which keys a client of theirs holds, is checked in `app`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from gateway.errors import SettingsError
from gateway.yaml_text import read_yaml

UNITS: Mapping[str, int] = {"B": 1, "kB": 1024, "MB": 1024**2, "GB": 1024**3}
SECONDS: Mapping[str, float] = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}

REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
RESERVED_MOUNT = "/_gateway"

MOUNT = re.compile(r"(/[A-Za-z0-9._~-]+)+|/")


def read_size(text: Any) -> Any:
    """`20MB` as bytes; a kB is 1024 bytes. A number is bytes already."""
    return _with_unit(text, UNITS, "a size such as 20MB") if isinstance(text, str) else text


def read_duration(text: Any) -> Any:
    """`10s` as seconds. A bare number is refused: nobody remembers of what."""
    if not isinstance(text, str):
        raise ValueError("must be a duration such as 10s")  # noqa: TRY004 (pydantic turns only a ValueError into its own)
    return float(_with_unit(text, SECONDS, "a duration such as 10s"))


def _with_unit(text: str, units: Mapping[str, float], wanted: str) -> Any:
    found = re.fullmatch(r"(\d{1,9}) ?([A-Za-z]+)", text)
    if not found or found[2] not in units:
        raise ValueError(f"must be {wanted}; the units are {', '.join(units)}")
    return int(found[1]) * units[found[2]]


def read_mount(text: Any) -> Any:
    if isinstance(text, str) and not MOUNT.fullmatch(text):
        raise ValueError("must be a path such as /parse, without a slash at its end")
    if isinstance(text, str) and (text + "/").startswith(RESERVED_MOUNT + "/"):
        raise ValueError(f"must not be under {RESERVED_MOUNT}, which is the gateway's own")
    return text


Size = Annotated[int, BeforeValidator(read_size), Field(ge=1024)]
Duration = Annotated[float, BeforeValidator(read_duration)]
Mount = Annotated[str, BeforeValidator(read_mount)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


class ServerSettings(Strict):
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    workers: Annotated[int, Field(ge=1, le=256)] = 1
    max_body: Size = 20 * 1024**2
    shutdown_grace: Duration = 10.0
    log_requests: bool = False
    public_url: Annotated[str, Field(pattern=r"^https?://[^/?#]+$")] | None = None
    mounts: dict[str, tuple[Mount, ...]] = {}
    secret: Annotated[str, Field(min_length=16)] | None = None


class ClientSettings(BaseModel):
    """The keys that clients of one dialect hold. Which there are besides `app_id`, the dialect says."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True, hide_input_in_errors=True)
    __pydantic_extra__: dict[str, Annotated[str, Field(min_length=1)]] = Field(init=False)

    app_id: Annotated[str, Field(min_length=1)]

    @property
    def keys(self) -> Mapping[str, str]:
        return self.__pydantic_extra__


class ProviderSettings(Strict):
    """How what clients say of a user of another service is checked. There is one way so far: to believe it."""

    trust: Literal[True]


class UserSettings(Strict):
    auth_providers: dict[str, ProviderSettings] = {}
    private: bool = False
    client_queries: bool = False
    session_length: Duration = 365 * 86400.0
    failures_until_locked: Annotated[int, Field(ge=1)] = 6
    locked_for: Duration = 15 * 60.0


class AppSettings(Strict):
    name: Name
    backend: str
    custom_ids: bool = False
    users: UserSettings = UserSettings()
    clients: Annotated[dict[str, ClientSettings], Field(min_length=1)]


class EmbeddedSettings(Strict):
    type: Literal["embedded"]
    url: str


# with the second type this becomes a union, told apart by `type`
BackendSettings = EmbeddedSettings


class Settings(Strict):
    server: ServerSettings = ServerSettings()
    apps: Annotated[tuple[AppSettings, ...], Field(min_length=1)]
    backends: Annotated[dict[str, BackendSettings], Field(min_length=1)]


def load_settings(path: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings in this file. Raises SettingsError with a line for each fault."""
    document = _load_yaml(path)
    faults: list[str] = []
    expanded = _expand(document, (), environment, faults)
    if not faults:
        try:
            # as JSON: strict still refuses "8080" for 8080, but takes a list for a tuple and a word for a literal
            settings = Settings.model_validate_json(json.dumps(expanded, default=str))
        except ValidationError as invalid:
            faults = [f"{_dotted(error['loc'])}{_sentence(error)}" for error in invalid.errors()]
        else:
            faults = list(_contradictions(settings))
    if faults:
        # without a cause: its details hold values, and a value may be a key
        raise SettingsError("\n".join(f"{path}: {fault}" for fault in faults))
    return settings


def _load_yaml(path: Path) -> Any:
    try:
        return read_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path}: no such file; config.example.yaml is one to start from") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None
    except yaml.MarkedYAMLError as error:
        # the problem and its place, not the excerpt: that may hold a key
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise SettingsError(f"{path}: {place}{error.problem}") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{path}: not YAML: {type(error).__name__}") from None


def _expand(document: Any, place: tuple[str | int, ...], environment: Mapping[str, str], faults: list[str]) -> Any:
    """The document with each `${NAME}` in its strings replaced; a missing variable is one more fault."""
    if isinstance(document, dict):
        return {key: _expand(value, (*place, key), environment, faults) for key, value in document.items()}
    if isinstance(document, list):
        return [_expand(value, (*place, index), environment, faults) for index, value in enumerate(document)]
    if not isinstance(document, str) or "${" not in document:
        return document
    missing = [name for name in REFERENCE.findall(document) if name not in environment]
    faults += [f"{_dotted(place)}the environment variable {name} is not set" for name in missing]
    if REFERENCE.sub("", document).count("${"):
        faults.append(f"{_dotted(place)}a reference to the environment is written ${{NAME}}")
    return REFERENCE.sub(lambda reference: environment.get(reference[1], ""), document)


def _dotted(place: tuple[str | int, ...]) -> str:
    return f"{'.'.join(map(str, place))}: " if place else ""


def _sentence(error: ErrorDetails) -> str:
    match error["type"]:
        case "missing":
            return "is required"
        case "extra_forbidden":
            return "is not a setting"
        case "literal_error":
            return f"must be {error['ctx']['expected']}"
        case "string_pattern_mismatch":
            return f"must match {error['ctx']['pattern']}"
        case "too_short":
            return "must not be empty"
        case "value_error":
            return str(error["ctx"]["error"])
        case _:
            return error["msg"].removeprefix("Input ").removeprefix("String ")


def _contradictions(settings: Settings) -> Iterator[str]:
    """What each key alone cannot tell."""
    names: dict[str, int] = {}
    ids: dict[tuple[str, str], str] = {}
    for index, app in enumerate(settings.apps):
        if (first := names.setdefault(app.name, index)) != index:
            yield f"apps.{index}.name: apps.{first} has the same name"
        if app.backend not in settings.backends:
            yield f"apps.{index}.backend: is none of the backends; there are: {', '.join(settings.backends)}"
        for dialect, client in app.clients.items():
            key = f"apps.{index}.clients.{dialect}.app_id"
            if (other := ids.setdefault((dialect, client.app_id), key)) != key:
                yield f"{key}: is the same as {other}"
    places: dict[str, str] = {}
    for dialect, mounts in settings.server.mounts.items():
        for index, mount in enumerate(mounts):
            key = f"server.mounts.{dialect}.{index}"
            if (other := places.setdefault(mount, key)) != key:
                yield f"{key}: is the same as {other}"
