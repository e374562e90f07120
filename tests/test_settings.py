"""config.yaml: what a good one means, and what each damage to it is told as."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.errors import SettingsError
from gateway.settings import (
    ApnsSettings,
    AppSettings,
    DiskSettings,
    EmbeddedSettings,
    FcmSettings,
    MessagingSettings,
    ProviderSettings,
    RemoteSettings,
    S3Settings,
    ServerSettings,
    Settings,
    SmtpSettings,
    UserSettings,
    WebhookSettings,
    WebPushSettings,
    load_settings,
)

ROOT = Path(__file__).parent.parent

GOOD: dict[str, Any] = {
    "server": {"port": 8000, "max_body": "1MB", "shutdown_grace": "500ms", "mounts": {"parse": ["/api/parse", "/"]}},
    "apps": [
        {"name": "blog", "backend": "local", "clients": {"parse": {"app_id": "demo", "rest_key": "${REST_KEY}"}}},
        {"name": "shop", "backend": "local", "clients": {"parse": {"app_id": "shop"}}},
    ],
    "backends": {"local": {"type": "embedded", "url": "sqlite:///data/${NAME}.db"}},
    "adapters": {
        "post": {"type": "smtp", "host": "mail.example", "username": "blog", "password": "p", "from": "a@example"},
        "hook": {"type": "webhook", "url": "https://hooks.example/x", "secret": "0123456789abcdef"},
    },
}
ENVIRONMENT = {"REST_KEY": "from-the-environment", "NAME": "blog"}

FAR = {"type": "parse", "url": "http://127.0.0.1:1337/parse", "app_id": "blog"}
UNITS = "the units are ms, s, m, h, d"

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


ADAPTERS = (SmtpSettings, WebhookSettings, ApnsSettings, FcmSettings, WebPushSettings)


def test_the_example_shows_every_setting_with_its_default() -> None:
    path = ROOT / "config.example.yaml"
    settings, text = load_settings(path, {}), path.read_text(encoding="utf-8")
    assert settings.server == ServerSettings()
    sections = (ServerSettings, AppSettings, UserSettings, ProviderSettings, EmbeddedSettings, RemoteSettings)
    fields = {
        field.alias or name
        for section in (*sections, *ADAPTERS, MessagingSettings, Settings)
        for name, field in section.model_fields.items()
    }
    assert [name for name in sorted(fields) if f"{name}:" not in text] == []
    assert settings.adapters == {}
    for app in settings.apps:
        assert app.custom_ids is AppSettings.model_fields["custom_ids"].default
        assert app.users == UserSettings()
        assert (app.mail, app.sms, app.captcha) == (None, None, None)


def test_what_the_example_shows_in_comments_is_right(tmp_path: Path) -> None:
    text = (ROOT / "config.example.yaml").read_text(encoding="utf-8")
    there = text.replace("adapters: {} ", "adapters: ").replace("\n#  ", "\n  ")
    settings = load_settings(
        written(tmp_path, there),
        dict.fromkeys(
            (
                "SMTP_PASSWORD",
                "HOOK_SECRET",
                "VAPID_KEY",
                "PARSE_REST_KEY",
                "PARSE_MASTER_KEY",
                "MOVED_REST_KEY",
                "PASSED_REST_KEY",
                "HOSTED_REST_KEY",
                "S3_ACCESS_KEY",
                "S3_SECRET_KEY",
            ),
            "from-the-environment",
        ),
    )
    assert [(app.name, app.backend, app.pass_through, app.renames.classes) for app in settings.apps[1:]] == [
        ("moved", "server", False, {"Post": "Article"}),
        ("passed", "server", True, {}),
    ]
    server = {"type": "parse", "url": "http://127.0.0.1:1337/parse", "app_id": "blog"}
    keys = dict.fromkeys(("rest_key", "master_key"), "from-the-environment")
    assert settings.backends["server"] == RemoteSettings.model_validate(server | keys)
    hosted = {"type": "parse", "edition": "hosted", "url": "https://api.parse.com/1", "app_id": "blog"}
    assert settings.backends["hosted"] == RemoteSettings.model_validate({**hosted, "rest_key": "from-the-environment"})
    assert settings.adapters == {
        "post": SmtpSettings.model_validate(
            {
                "type": "smtp",
                "host": "smtp.example.com",
                "username": "blog",
                "password": "from-the-environment",
                "from": "Blog <no-reply@example.com>",
            }
        ),
        "disk": DiskSettings(type="disk", folder="/var/lib/baas/files"),
        "bucket": S3Settings(
            type="s3", bucket="blog-files", access_key="from-the-environment", secret_key="from-the-environment"
        ),
        "apple": ApnsSettings(
            type="apns",
            key_file="/etc/gateway/AuthKey.p8",
            key_id="ABC123DEFG",
            team_id="DEF123GHIJ",
            topic="com.example.blog",
        ),
        "google": FcmSettings(type="fcm", account_file="/etc/gateway/account.json"),
        "browsers": WebPushSettings(type="webpush", key="from-the-environment", subject="mailto:push@example.com"),
        "hook": WebhookSettings(type="webhook", url="https://hooks.example.com/gateway", secret="from-the-environment"),
    }


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


def both(*damages: Damage) -> Damage:
    return lambda config: [damage(config) for damage in damages]


CLASS_ACTIONS = (
    "Post.permissions.see.[key]: must be 'find', 'get', 'count', 'create', 'update', 'delete' or 'add_field'"
)

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
    (
        put("server", "admin_store", value={"url": "sqlite:///data/apps.db"}),
        "server.admin_store: needs server.accounts, or nobody could make an application",
    ),
    (put("server", "admin_store", value={"most": 5}), "server.admin_store.url: is required"),
    (put("server", "public_url", value="example.com"), "server.public_url: must match ^https?://[^/?#]+$"),
    (put("server", "secret", value="too short"), "server.secret: should have at least 16 characters"),
    (put("server", "token_keys", value=["too short"]), "server.token_keys.0: should have at least 32 characters"),
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
    (
        put("apps", 1, "realtime", value="https://realtime.example.com"),
        "apps.1.realtime: must be an address such as wss://realtime.example.com",
    ),
    (put("apps", 1, "backend", value="remote"), "apps.1.backend: is none of the backends; there are: local"),
    (put("apps", 1, "clients", value={}), "apps.1.clients: must not be empty"),
    (drop("apps", 1, "clients", "parse", "app_id"), "apps.1.clients.parse.app_id: is required"),
    (
        put("apps", 1, "clients", "parse", "app_id", value="demo"),
        "apps.1.clients.parse.app_id: is the same as apps.0.clients.parse.app_id",
    ),
    (put("apps", 1, "clients", "parse", "app_id", value=17), "apps.1.clients.parse.app_id: should be a valid string"),
    (
        put("apps", 1, "clients", "parse", "domains", value=["Blog.example.com"]),
        "apps.1.clients.parse.domains.0: must match ^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$",
    ),
    (
        put("apps", 1, "functions", value={"hello": {"url": "hooks", "secret": "x" * 16}}),
        "apps.1.functions.hello.url: must be an address such as https://hooks.example.com/gateway",
    ),
    (put("apps", 1, "events", value={"saved": {"url": "http://h/"}}), "apps.1.events.saved.secret: is required"),
    (
        put("apps", 1, "jobs", value={"clean": {"url": "http://h/", "secret": "x" * 16, "timeout": "25h"}}),
        "apps.1.jobs.clean.timeout: should be less than or equal to 86400",
    ),
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
    (drop("backends", "local", "type"), "backends.local.type: is required"),
    (drop("backends", "local", "url"), "backends.local.url: is required"),
    (put("backends", "local", "path", value="x"), "backends.local.path: is not a setting"),
    (
        put("backends", "far", value={"type": "parse", "url": "parse.example.com", "app_id": "a"}),
        "backends.far.url: must be an address such as https://api.example.com/parse",
    ),
    (
        put("backends", "far", value={"type": "parse", "url": "https://me:secret@example.com/", "app_id": "a"}),
        "backends.far.url: must be an address such as https://api.example.com/parse",
    ),
    (
        put("backends", "far", value={"type": "parse", "url": "https://example.com/?key=secret", "app_id": "a"}),
        "backends.far.url: must be an address such as https://api.example.com/parse",
    ),
    (put("backends", "far", value={"type": "parse", "url": "http://example.com/"}), "backends.far.app_id: is required"),
    (
        put("backends", "far", value={**FAR, "timeout": "2"}),
        f"backends.far.timeout: must be a duration such as 10s; {UNITS}",
    ),
    (put("backends", "far", value={**FAR, "rest_key": 17}), "backends.far.rest_key: should be a valid string"),
    (
        put("apps", 0, "services_store", value="local"),
        "apps.0.services_store: is for an app with a remote backend; this one's keeps them itself",
    ),
    (
        put("apps", 0, "idempotency", value={"paths": ["classes/.*", "(?=users)"]}),
        "apps.0.idempotency.paths.1: is no regular expression, or none that RE2 knows",
    ),
    (put("apps", 0, "mail", value="post"), "apps.0.mail: needs server.public_url, as its mails have links in them"),
    (put("apps", 0, "users", value={"verify_email": True}), "apps.0.users.verify_email: needs apps.0.mail"),
    (put("apps", 0, "users", value={"verify_phone": True}), "apps.0.users.verify_phone: needs apps.0.sms"),
    (
        put("apps", 0, "users", value={"captcha_for_codes": True}),
        "apps.0.users.captcha_for_codes: needs apps.0.captcha",
    ),
    (
        put("apps", 0, "users", value={"prevent_log_in_unverified": True}),
        "apps.0.users.prevent_log_in_unverified: needs verify_email or verify_phone",
    ),
    (
        put("apps", 0, "users", value={"multiple_logins": False, "max_concurrent_logins": 2}),
        "apps.0.users: max_concurrent_logins says nothing where multiple_logins is false",
    ),
    (
        put("apps", 0, "users", value={"second_login": "refused"}),
        "apps.0.users: second_login says nothing where multiple_logins is true",
    ),
    (
        put("apps", 0, "users", value={"second_login": "allowed"}),
        "apps.0.users.second_login: must be 'ends_first' or 'refused'",
    ),
    (
        put("apps", 0, "users", value={"max_concurrent_logins": 0}),
        "apps.0.users.max_concurrent_logins: should be greater than or equal to 1",
    ),
    (
        put("apps", 0, "users", value={"mails": {"welcome": {}}}),
        "apps.0.users.mails.welcome.[key]: must be 'reset_password' or 'verify_email'",
    ),
    (
        put("apps", 0, "users", value={"mails": {"verify_email": {"body": "x"}}}),
        "apps.0.users.mails.verify_email.body: is not a setting",
    ),
    (
        both(put("server", "public_url", value="https://api.example"), put("apps", 0, "mail", value="hook")),
        "apps.0.mail: is none of the adapters of type smtp; there are: post",
    ),
    (put("apps", 0, "sms", value="text"), "apps.0.sms: is none of the adapters of type webhook; there are: hook"),
    (
        put("apps", 0, "captcha", value="post"),
        "apps.0.captcha: is none of the adapters of type webhook; there are: hook",
    ),
    (
        put("adapters", "post", "type", value="mail"),
        "adapters.post.type: must be one of 'smtp', 'webhook', 'apns', 'fcm', 'webpush', 'disk', 's3'",
    ),
    (drop("adapters", "hook", "type"), "adapters.hook.type: is required"),
    (
        put("adapters", "hook", value={"type": "apns", "key_id": "k", "team_id": "t"}),
        "adapters.hook: must have either key or key_file",
    ),
    (
        put("adapters", "hook", value={"type": "apns", "key": "k", "key_id": "k", "team_id": "t", "topic": "a b"}),
        "adapters.hook.topic: must match ^[A-Za-z0-9._-]{1,255}$",
    ),
    (
        put("adapters", "hook", value={"type": "fcm", "account": "{}", "account_file": "x.json"}),
        "adapters.hook: must have either account or account_file",
    ),
    (
        put("adapters", "hook", value={"type": "webpush", "key": "k", "subject": "push@example.com"}),
        "adapters.hook.subject: must match ^(mailto:[^@ ]+@[^@ ]+|https://[^ ]+)$",
    ),
    (
        put("apps", 0, "messaging", value={"emails_by": "nobody"}),
        "apps.0.messaging.emails_by: must be 'clients', 'users' or 'master'",
    ),
    (put("apps", 0, "messaging", value={"kept": "0s"}), "apps.0.messaging.kept: should be greater than or equal to 1"),
    (
        put("apps", 0, "messaging", value={"emails_an_hour": 0}),
        "apps.0.messaging.emails_an_hour: should be greater than or equal to 1",
    ),
    (
        put("apps", 0, "messaging", value={"email_templates": {"T": {"subject": "S"}}}),
        "apps.0.messaging.email_templates.T: must have text or html, or both",
    ),
    (
        put("apps", 0, "messaging", value={"push_templates": {"T": {}}}),
        "apps.0.messaging.push_templates.T.message: is required",
    ),
    (drop("adapters", "post", "from"), "adapters.post.from: is required"),
    (put("adapters", "post", "ssl", value=True), "adapters.post.ssl: is not a setting"),
    (put("adapters", "post", "security", value="ssl"), "adapters.post.security: must be 'starttls', 'tls' or 'none'"),
    (
        put("adapters", "post", "security", value="none"),
        "adapters.post.security: must not be none, or the password would travel in the clear",
    ),
    (drop("adapters", "post", "username"), "adapters.post: must have both username and password, or neither"),
    (put("adapters", "post", "timeout", value="0s"), "adapters.post.timeout: should be greater than 0"),
    (put("adapters", "hook", "timeout", value="1h"), "adapters.hook.timeout: should be less than or equal to 300"),
    (put("adapters", "hook", "secret", value="too short"), "adapters.hook.secret: should have at least 16 characters"),
    (drop("adapters", "hook", "secret"), "adapters.hook.secret: is required"),
    *(
        (
            put("adapters", "hook", "url", value=url),
            "adapters.hook.url: must be an address such as https://hooks.example.com/gateway",
        )
        for url in (
            "hooks.example/x",
            "ftp://hooks.example/x",
            "https:///x",
            "https://h:x/",
            "https://h/a b",
            "https://h/#x",
        )
    ),
    (
        put("apps", 0, "users", value={"auth_providers": {"github": {}}}),
        "apps.0.users.auth_providers.github: must have either trust, or verify and secret",
    ),
    (
        put("apps", 0, "users", value={"auth_providers": {"github": {"verify": "https://hooks.example"}}}),
        "apps.0.users.auth_providers.github: must have either trust, or verify and secret",
    ),
    (
        put("apps", 0, "users", value={"auth_providers": {"github": {"trust": True, "secret": "0123456789abcdef"}}}),
        "apps.0.users.auth_providers.github: must have either trust, or verify and secret",
    ),
    (
        put("apps", 0, "users", value={"auth_providers": {"github": {"trust": False}}}),
        "apps.0.users.auth_providers.github.trust: must be True",
    ),
    *(
        (put("apps", 0, "classes", value=given), f"apps.0.classes.{message}")
        for given, message in (
            ({"Po st": {}}, "Po st.[key]: must match ^[A-Za-z0-9_]{1,128}$"),
            ({"Post": {"permissions": {"see": []}}}, CLASS_ACTIONS),
            (
                {"Post": {"permissions": {"find": ["Mods"]}}},
                "Post.permissions.find.0: must be everybody, authenticated, role:NAME, user:ID or field:NAME",
            ),
            ({"Post": {"permissions": {"find": "everybody"}}}, "Post.permissions.find: should be a valid array"),
            (
                {"Post": {"default_acl": {"creator": ["read"]}}},
                "Post.default_acl.creator.[key]: must be everybody, owner, role:NAME or user:ID",
            ),
            ({"Post": {"default_acl": {"owner": ["all"]}}}, "Post.default_acl.owner.0: must be 'read' or 'write'"),
            (
                {"Post": {"protected_fields": {"mods": []}}},
                "Post.protected_fields.mods.[key]: must be everybody, authenticated, role:NAME, user:ID or field:NAME",
            ),
            (
                {"Post": {"protected_fields": {"everybody": ["a.b"]}}},
                "Post.protected_fields.everybody.0: must match ^[A-Za-z0-9_]{1,128}$",
            ),
            ({"Post": {"readonly": []}}, "Post.readonly: is not a setting"),
        )
    ),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGES, ids=[message for _, message in DAMAGES])
def test_one_damage_is_told_by_file_key_and_reason(damage: Damage, message: str, tmp_path: Path) -> None:
    config = copy.deepcopy(GOOD)
    damage(config)
    path = written(tmp_path, config)
    with pytest.raises(SettingsError) as refused:
        load_settings(path, ENVIRONMENT)
    assert str(refused.value) == f"{path}: {message}"


def test_a_list_is_not_called_empty_as_well_for_an_error_in_it(tmp_path: Path) -> None:
    path = written(tmp_path, {**GOOD, "apps": [{**GOOD["apps"][0], "name": 17}]})
    with pytest.raises(SettingsError) as refused:
        load_settings(path, ENVIRONMENT)
    assert str(refused.value) == f"{path}: apps.0.name: should be a valid string"


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
