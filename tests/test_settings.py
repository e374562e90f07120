"""config.yaml: what a good one means, and what each damage to it is told as."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.errors import SettingsError
from gateway.settings import AppSettings, EmbeddedSettings, ServerSettings, load_settings

ROOT = Path(__file__).parent.parent

GOOD: dict[str, Any] = {
    "server": {"port": 8000, "max_body": "1MB", "shutdown_grace": "500ms", "mounts": {"parse": ["/api/parse", "/"]}},
    "apps": [
        {"name": "blog", "backend": "local", "clients": {"parse": {"app_id": "demo", "rest_key": "${REST_KEY}"}}},
        {"name": "shop", "backend": "local", "clients": {"parse": {"app_id": "shop"}}},
    ],
    "backends": {"local": {"type": "embedded", "url": "sqlite:///data/${NAME}.db"}},
}
ENVIRONMENT = {"REST_KEY": "from-the-environment", "NAME": "blog"}

Damage = Callable[[dict[str, Any]], Any]


def written(folder: Path, config: object) -> Path:
    path = folder / "config.yaml"
    path.write_text(config if isinstance(config, str) else yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return path


def test_a_good_config_is_read_whole(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, GOOD), ENVIRONMENT)
    given = {"port": 8000, "max_body": 1024**2, "shutdown_grace": 0.5, "mounts": {"parse": ("/api/parse", "/")}}
    assert settings.server == ServerSettings().model_copy(update=given)
    assert [app.name for app in settings.apps] == ["blog", "shop"]
    assert settings.apps[0].clients["parse"].app_id == "demo"
    assert settings.apps[0].clients["parse"].keys == {"rest_key": "from-the-environment"}
    assert settings.backends == {"local": EmbeddedSettings(type="embedded", url="sqlite:///data/blog.db")}


def test_a_setting_that_is_not_there_has_its_default(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, {**GOOD, "server": {}}), ENVIRONMENT)
    assert settings.server == ServerSettings()
    assert settings.apps[0].custom_ids is False


def test_the_example_shows_every_setting_with_its_default() -> None:
    path = ROOT / "config.example.yaml"
    settings, text = load_settings(path, {}), path.read_text(encoding="utf-8")
    assert settings.server == ServerSettings()
    fields = {*ServerSettings.model_fields, *AppSettings.model_fields, *EmbeddedSettings.model_fields}
    assert [name for name in sorted(fields) if f"{name}:" not in text] == []
    for app in settings.apps:
        assert app.custom_ids is AppSettings.model_fields["custom_ids"].default


def put(*place: str | int, value: object) -> Damage:
    def damage(config: dict[str, Any]) -> None:
        target: Any = config
        for key in place[:-1]:
            target = target[key]
        target[place[-1]] = value

    return damage


def drop(*place: str | int) -> Damage:
    def damage(config: dict[str, Any]) -> None:
        target: Any = config
        for key in place[:-1]:
            target = target[key]
        del target[place[-1]]

    return damage


DAMAGES: list[tuple[Damage, str]] = [
    (drop("apps"), "apps: is required"),
    (put("apps", value=[]), "apps: must not be empty"),
    (put("apps", value={}), "apps: should be a valid array"),
    (drop("backends"), "backends: is required"),
    (put("sever", value={}), "sever: is not a setting"),
    (put("server", "prot", value=1), "server.prot: is not a setting"),
    (put("server", "port", value="8080"), "server.port: should be a valid integer"),
    (put("server", "port", value=70000), "server.port: should be less than or equal to 65535"),
    (put("server", "workers", value=0), "server.workers: should be greater than or equal to 1"),
    (put("server", "log_requests", value="yes"), "server.log_requests: should be a valid boolean"),
    (
        put("server", "max_body", value="20 megs"),
        "server.max_body: must be a size such as 20MB; the units are B, kB, MB, GB",
    ),
    (put("server", "max_body", value=10), "server.max_body: should be greater than or equal to 1024"),
    (put("server", "shutdown_grace", value=10), "server.shutdown_grace: must be a duration such as 10s"),
    (
        put("server", "shutdown_grace", value="10 min"),
        "server.shutdown_grace: must be a duration such as 10s; the units are ms, s, m, h, d",
    ),
    (put("server", "public_url", value="example.com"), "server.public_url: must match ^https?://[^/?#]+$"),
    (put("server", "secret", value="too short"), "server.secret: should have at least 16 characters"),
    (
        put("server", "mounts", "parse", 0, value="parse/"),
        "server.mounts.parse.0: must be a path such as /parse, without a slash at its end",
    ),
    (
        put("server", "mounts", "parse", 0, value="/_gateway/parse"),
        "server.mounts.parse.0: must not be under /_gateway, which is the gateway's own",
    ),
    (
        put("server", "mounts", value={"parse": ["/1"], "leancloud": ["/1"]}),
        "server.mounts.leancloud.0: is the same as server.mounts.parse.0",
    ),
    (drop("apps", 1, "name"), "apps.1.name: is required"),
    (put("apps", 1, "name", value="a b"), "apps.1.name: must match ^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"),
    (put("apps", 1, "name", value="blog"), "apps.1.name: apps.0 has the same name"),
    (put("apps", 1, "backend", value="remote"), "apps.1.backend: is none of the backends; there are: local"),
    (put("apps", 1, "clients", value={}), "apps.1.clients: must not be empty"),
    (drop("apps", 1, "clients", "parse", "app_id"), "apps.1.clients.parse.app_id: is required"),
    (
        put("apps", 1, "clients", "parse", "app_id", value="demo"),
        "apps.1.clients.parse.app_id: is the same as apps.0.clients.parse.app_id",
    ),
    (put("apps", 1, "clients", "parse", "app_id", value=17), "apps.1.clients.parse.app_id: should be a valid string"),
    (
        put("apps", 1, "clients", "parse", "rest_key", value=17),
        "apps.1.clients.parse.rest_key: should be a valid string",
    ),
    (
        put("apps", 1, "clients", "parse", "rest_key", value=""),
        "apps.1.clients.parse.rest_key: should have at least 1 character",
    ),
    (
        put("apps", 1, "clients", "parse", "rest_key", value="${NOT_THERE}"),
        "apps.1.clients.parse.rest_key: the environment variable NOT_THERE is not set",
    ),
    (
        put("apps", 1, "clients", "parse", "rest_key", value="${1}"),
        "apps.1.clients.parse.rest_key: a reference to the environment is written ${NAME}",
    ),
    (put("backends", "local", "type", value="mongo"), "backends.local.type: must be 'embedded'"),
    (drop("backends", "local", "url"), "backends.local.url: is required"),
    (put("backends", "local", "path", value="x"), "backends.local.path: is not a setting"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGES, ids=[message for _, message in DAMAGES])
def test_one_damage_is_told_by_file_key_and_reason(damage: Damage, message: str, tmp_path: Path) -> None:
    config = copy.deepcopy(GOOD)
    damage(config)
    path = written(tmp_path, config)
    with pytest.raises(SettingsError) as refused:
        load_settings(path, ENVIRONMENT)
    assert str(refused.value) == f"{path}: {message}"


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    config = copy.deepcopy(GOOD)
    config["server"]["port"] = "x"
    config["apps"][0]["name"] = 1
    path = written(tmp_path, config)
    with pytest.raises(SettingsError) as refused:
        load_settings(path, ENVIRONMENT)
    assert str(refused.value).splitlines() == [
        f"{path}: server.port: should be a valid integer",
        f"{path}: apps.0.name: should be a valid string",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "should be an object"),
        ("- a\n- b\n", "should be an object"),
        ("apps: [\n", "line 2, column 1: expected the node content, but found '<stream end>'"),
        ("apps: []\nserver: {}\napps: []\n", "line 3, column 1: 'apps' stands here twice"),
        ("a: &a {b: 1}\nc: *d\n", "line 2, column 4: found undefined alias 'd'"),
        ("a: !python x\n", "line 1, column 4: could not determine a constructor for the tag '!python'"),
    ],
)
def test_a_file_that_is_no_config(text: str, message: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    with pytest.raises(SettingsError) as refused:
        load_settings(path, {})
    assert str(refused.value) == f"{path}: {message}"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"config\.yaml: no such file; config\.example\.yaml is one to start from"):
        load_settings(tmp_path / "config.yaml", {})


@pytest.mark.parametrize("damage", [damage for damage, _ in DAMAGES])
def test_no_message_shows_a_key(damage: Damage, tmp_path: Path) -> None:
    config = copy.deepcopy(GOOD)
    config["apps"][0]["clients"]["parse"]["rest_key"] = "s3cr3t"
    config["apps"][1]["clients"]["parse"]["master_key"] = {"s3cr3t": "s3cr3t"}
    damage(config)
    with pytest.raises(SettingsError) as refused:
        load_settings(written(tmp_path, config), ENVIRONMENT)
    assert "s3cr3t" not in str(refused.value)
