"""The composition: what a config and the mappings mean together, and an application that opens and closes itself."""

from __future__ import annotations

import asyncio
import copy
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from gateway.adapters.base import Mail, TextMessage
from gateway.app import (
    Plan,
    address_of,
    cursor_secret,
    listen,
    make_app,
    open_outside,
    permissions_of,
    plan,
    running,
    session_secret,
)
from gateway.backends.emulations import EMULATIONS
from gateway.backends.learned import KINDS
from gateway.errors import SettingsError, StartupError
from gateway.model.schema import (
    CREATOR,
    EVERYBODY,
    NOBODY,
    Action,
    AppSettings,
    ClassSettings,
    Protected,
    Rule,
)
from gateway.settings import load_settings
from tests.compiled import dialects
from tests.conftest import Serving
from tests.outside import OutsideWorld
from tests.process import EXAMPLE

ROOT = Path(__file__).parent.parent

CONFIG: dict[str, Any] = {
    "apps": [
        {
            "name": "blog",
            "backend": "blog",
            "clients": {
                "parse": {"app_id": "blog", "rest_key": "blog-rest", "master_key": "blog-master"},
                "leancloud": {"app_id": "blog", "app_key": "blog-key"},
            },
        },
        {"name": "shop", "backend": "shop", "custom_ids": True, "clients": {"parse": {"app_id": "shop"}}},
    ],
    "backends": {
        "blog": {"type": "embedded", "url": "sqlite:///${FOLDER}/blog.db"},
        "shop": {"type": "embedded", "url": "sqlite:///${FOLDER}/deep/er/shop.db"},
        "idle": {"type": "embedded", "url": "sqlite:///${FOLDER}/idle.db"},
    },
}
PARSE = {"X-Parse-Application-Id": "blog", "X-Parse-REST-API-Key": "blog-rest"}
LEANCLOUD = {"X-LC-Id": "blog", "X-LC-Key": "blog-key"}
SHOP = {"X-Parse-Application-Id": "shop"}


def planned(folder: Path, config: dict[str, Any] = CONFIG) -> Plan:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return plan(path, {"FOLDER": str(folder)}, dialects())


def test_what_is_served_is_what_apps_speak(tmp_path: Path) -> None:
    blog = planned(tmp_path)
    assert dict(blog.mounts) == {"/parse": "parse", "/1": "parse", "/1.1": "leancloud"}
    assert list(blog.backends) == ["blog", "shop"]
    shop = planned(tmp_path, {**CONFIG, "apps": CONFIG["apps"][1:]})
    assert dict(shop.mounts) == {"/parse": "parse", "/1": "parse"}


def test_mounts_of_the_config_go_before_those_of_the_mapping(tmp_path: Path) -> None:
    moved = planned(tmp_path, {**CONFIG, "server": {"mounts": {"parse": ["/"]}}})
    assert dict(moved.mounts) == {"/": "parse", "/1.1": "leancloud"}


def _clients(app: int, clients: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    return lambda config: config["apps"][app].update(clients=clients)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            _clients(1, {"firebase": {"app_id": "shop"}}),
            "apps.1.clients.firebase: is not a dialect; there are: backendless, leancloud, parse",
        ),
        (
            _clients(1, {"leancloud": {"app_id": "shop", "app_kee": "x"}}),
            (
                "apps.1.clients.leancloud.app_kee: is not a key of LeanCloud; "
                "there are: app_id, app_key, hook_key, master_key"
            ),
        ),
        (
            _clients(1, {"leancloud": {"app_id": "shop"}}),
            "apps.1.clients.leancloud: nobody could come in without a key; there are: app_key, master_key",
        ),
        (
            lambda config: config["apps"][1].update(files={"public": False}),
            "apps.1.files.public: with false addresses are signed, which needs server.secret",
        ),
        (
            lambda config: config.update(server={"mounts": {"firebase": ["/f"]}}),
            "server.mounts.firebase: is not a dialect; there are: backendless, leancloud, parse",
        ),
        (
            lambda config: config.update(server={"mounts": {"parse": ["/1.1"]}}),
            "server.mounts.leancloud: /1.1 is a mount of parse as well",
        ),
        (
            lambda config: config["backends"]["blog"].update(url="mysql://blog"),
            "backends.blog.url: 'mysql://blog' is no address of a store; sqlite:///data/blog.db would be one",
        ),
        (
            lambda config: config.update(adapters={"post": {"type": "smtp", "host": "mail", "from": "Blog"}}),
            "adapters.post.from: must be an address such as Blog <no-reply@example.com>",
        ),
        (
            lambda config: config.update(
                adapters={"apple": {"type": "apns", "key": "x", "key_id": "k", "team_id": "t"}}
            ),
            "adapters.apple.key: must be a private key in PEM, as Apple's .p8 files are",
        ),
        (
            lambda config: config.update(
                adapters={"apple": {"type": "apns", "key_file": "/none.p8", "key_id": "k", "team_id": "t"}}
            ),
            "adapters.apple.key_file: cannot be read: FileNotFoundError",
        ),
        (
            lambda config: config.update(adapters={"google": {"type": "fcm", "account": "{}"}}),
            "adapters.google.account: must be the JSON of a service account, as Google's console writes it",
        ),
        (
            lambda config: config.update(
                adapters={"web": {"type": "webpush", "key": "c2hvcnQ", "subject": "mailto:a@example.com"}}
            ),
            "adapters.web.key: must be a private key of the curve P-256: base64 of its 32 bytes, or PEM",
        ),
        (
            lambda config: config["apps"][1].update(users={"mails": {"verify_email": {"text": "{link} {user}"}}}),
            "apps.1.users.mails.verify_email.text: there is nothing for {user}; there are: app, link, username",
        ),
        (
            lambda config: config["apps"][1].update(users={"mails": {"reset_password": {"html": "<p>{app}</p>"}}}),
            "apps.1.users.mails.reset_password.html: must have {link} in it",
        ),
        (
            lambda config: config["apps"][1].update(users={"mails": {"reset_password": {"subject": "a\nb"}}}),
            "apps.1.users.mails.reset_password.subject: must be one line",
        ),
    ],
)
def test_what_does_not_fit_the_mappings_is_told_by_key(
    damage: Callable[[dict[str, Any]], None], message: str, tmp_path: Path
) -> None:
    config = copy.deepcopy(CONFIG)
    damage(config)
    with pytest.raises(SettingsError) as refused:
        planned(tmp_path, config)
    assert str(refused.value) == f"{tmp_path / 'config.yaml'}: {message}"


FAR = {"type": "parse", "url": "http://127.0.0.1:1337/parse", "app_id": "far", "rest_key": "far-rest"}
TABLES = {"backendless": {"app_id": "demo", "rest_key": "demo-rest"}}


def test_columns_that_nobody_tells_are_asked_for_at_the_start(tmp_path: Path) -> None:
    """Clients of tables need them, and Parse Server tells them to the master alone."""

    def with_far(**more: Any) -> Any:
        far_app = {"name": "tables", "backend": "far", "clients": TABLES}
        backends = {**CONFIG["backends"], "far": {**FAR, **more}}
        return planned(tmp_path, {**CONFIG, "apps": [*CONFIG["apps"], far_app], "backends": backends})

    with pytest.raises(SettingsError) as refused:
        with_far()
    assert str(refused.value).endswith(
        "clients.backendless: needs the columns of far, which tells them to its master alone; set its master key, or "
        "backends.far.columns"
    )
    with_far(master_key="far-master")
    with_far(columns={"Note": {"when": "date"}})


UP_TO_FAR = "is up to far, which is no store of the gateway's own"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"type": "firebase"}, "type: must be embedded, or a dialect; there are: backendless, leancloud, parse"),
        (
            {"rest_kee": "x"},
            (
                "rest_kee: is neither a setting nor a key of Parse, whose keys are: "
                "client_key, dotnet_key, javascript_key, master_key, rest_key"
            ),
        ),
        (
            {"type": "leancloud", "rest_key": None},
            "no key of LeanCloud is there to come in with; its keys are: app_key, master_key",
        ),
        (
            {"url": "http://127.0.0.1:1337"},
            "url: must have the path where it is served, such as /parse, or / for none",
        ),
        ({"url": "http://127.0.0.1:1337/{key}"}, "url: has a {key}, which tells Parse nothing"),
        (
            {"emulate": ["magic"]},
            f"emulate: magic is no emulation; there are: {', '.join(EMULATIONS)}",
        ),
        (
            {"columns": {"Note": {"when": "moment"}}},
            f"columns: moment is no type of a column; there are: {', '.join(KINDS)}",
        ),
        ({"columns": {"Note": {"by": "pointer"}}}, "columns: pointer is written pointer:CLASS"),
    ],
)
def test_what_is_wrong_with_a_remote_backend_is_told_by_key(
    given: dict[str, Any], message: str, tmp_path: Path
) -> None:
    far = {name: value for name, value in {**FAR, **given}.items() if value is not None}
    with pytest.raises(SettingsError) as refused:
        planned(tmp_path, {**CONFIG, "backends": {**CONFIG["backends"], "far": far}})
    assert str(refused.value) == f"{tmp_path / 'config.yaml'}: backends.far.{message}"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"captcha": "hook"}, f"captcha: {UP_TO_FAR}"),
        (
            {"idempotency": {"paths": ["users"]}},
            "idempotency: needs services_store, where the ids of requests are kept",
        ),
        ({"classes": {"Post": {"read_only": ["a"]}}}, f"classes: {UP_TO_FAR}"),
        ({"users": {"private": True, "client_queries": True}}, f"users.private: {UP_TO_FAR}"),
        (
            {"services_store": "far"},
            "services_store: is none of the backends of type embedded; there are: blog, shop, idle",
        ),
    ],
)
def test_what_a_remote_backend_decides_is_no_setting_of_the_app(
    given: dict[str, Any], message: str, tmp_path: Path
) -> None:
    config = copy.deepcopy(CONFIG)
    config["backends"]["far"] = FAR
    config["adapters"] = {"hook": {"type": "webhook", "url": "https://hooks.example/x", "secret": "0123456789abcdef"}}
    config["apps"][1] |= {"backend": "far", **given}
    with pytest.raises(SettingsError) as refused:
        planned(tmp_path, config)
    assert str(refused.value) == f"{tmp_path / 'config.yaml'}: apps.1.{message}"


async def test_an_app_with_a_remote_backend_opens_no_store(tmp_path: Path, serving: Serving) -> None:
    """Counters and the cache are kept in an embedded one where the app has one for them."""

    def stores() -> list[str]:
        return [path.name for path in tmp_path.glob("**/*.db")]

    remote = {"name": "shop", "backend": "far", "clients": CONFIG["apps"][1]["clients"]}
    config = {**CONFIG, "apps": [remote], "backends": {**CONFIG["backends"], "far": FAR}}
    assert list(planned(tmp_path, config).backends) == ["far"]
    address = await serving(make_app(planned(tmp_path, config)))
    assert stores() == []
    async with aiohttp.ClientSession() as session, session.get(f"{address}/_gateway/capabilities") as answer:
        told = (await answer.json())["backends"]
    assert {name: (each["type"], each["abilities"]["scan"]["way"]) for name, each in told.items()} == {
        "far": ("parse", "emulated")
    }
    config["apps"] = [{**remote, "services_store": "idle"}]
    await serving(make_app(planned(tmp_path, config)))
    assert stores() == ["idle.db"]


ADMIN_KEY = "the key of an admin"


@pytest.mark.parametrize(
    ("admin_key", "headers", "status"),
    [
        (None, {}, 200),
        (None, {"X-Forwarded-For": "127.0.0.1"}, 403),  # a proxy on this machine, which anybody may ask
        (None, {"Forwarded": "for=127.0.0.1"}, 403),
        (ADMIN_KEY, {}, 403),
        (ADMIN_KEY, {"Authorization": f"Bearer {ADMIN_KEY}"}, 200),
        (ADMIN_KEY, {"Authorization": f"bearer {ADMIN_KEY}", "X-Forwarded-For": "192.0.2.1"}, 200),
        (ADMIN_KEY, {"Authorization": "Bearer another key of an admin"}, 403),
        (ADMIN_KEY, {"Authorization": f"Basic {ADMIN_KEY}"}, 403),
    ],
)
async def test_what_backends_can_do_is_told_to_who_runs_the_gateway(
    admin_key: str | None, headers: dict[str, str], status: int, tmp_path: Path, serving: Serving
) -> None:
    server = {} if admin_key is None else {"admin_key": admin_key}
    address = await serving(make_app(planned(tmp_path, {**CONFIG, "server": server})))
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{address}/_gateway/capabilities", headers=headers) as answer,
    ):
        told = await answer.text()
        assert (answer.status, "backends" in told) == (status, status == 200)
        assert ADMIN_KEY not in told


def test_gateways_with_the_same_keys_sign_alike(tmp_path: Path) -> None:
    settings = planned(tmp_path).settings
    turned = planned(tmp_path, {**CONFIG, "apps": CONFIG["apps"][::-1], "server": {"port": 1}}).settings
    assert cursor_secret(settings, "blog") == cursor_secret(turned, "blog")
    assert cursor_secret(settings, "blog") != cursor_secret(settings, "shop")
    secret = planned(tmp_path, {**CONFIG, "server": {"secret": "s" * 16}}).settings
    assert len({cursor_secret(secret, "blog"), cursor_secret(secret, "shop"), cursor_secret(settings, "blog")}) == 3


def test_a_key_more_for_clients_is_no_reason_to_log_in_again(tmp_path: Path) -> None:
    """Sessions of a server of others are sealed by its own keys, as clients' keys come and go."""

    def sealing(server: dict[str, Any], theirs: dict[str, str], **keys: str) -> bytes:
        client = {"app_id": "blog", "js_key": "a-js-key", **keys}
        back = {"type": "backendless", "url": "http://127.0.0.1:1/{app_id}/{api_key}", "app_id": "blog", **theirs}
        apps = [{"name": "blog", "backend": "back", "clients": {"backendless": client}}]
        told = planned(tmp_path, {"server": server, "apps": apps, "backends": {"back": back}})
        return session_secret(told.settings, "back")

    theirs = {"rest_key": "their-key"}
    assert sealing({}, theirs) == sealing({}, theirs, ios_key="an-ios-key")
    assert sealing({}, theirs) != sealing({}, {"rest_key": "another"})
    secret = {"secret": "s" * 16}
    assert sealing(secret, theirs) == sealing(secret, {"rest_key": "another"}) != sealing({}, theirs)


async def test_apps_of_one_port_have_their_own_keys_and_data(tmp_path: Path, serving: Serving) -> None:
    address = await serving(make_app(planned(tmp_path)))
    async with aiohttp.ClientSession(address) as session:

        async def ask(method: str, path: str, headers: dict[str, str], **more: Any) -> tuple[int, Any]:
            async with session.request(method, path, headers=headers, **more) as response:
                return response.status, await response.json()

        status, created = await ask("POST", "/parse/classes/Post", PARSE, json={"title": "a"})
        assert status == 201
        assert (await ask("GET", f"/1.1/classes/Post/{created['objectId']}", LEANCLOUD))[1]["title"] == "a"
        assert await ask("GET", "/parse/classes/Post", SHOP) == (200, {"results": []})
        assert (await ask("GET", "/parse/classes/Post", {**PARSE, "X-Parse-REST-API-Key": "shop"}))[0] == 403
        assert (await ask("GET", "/1.1/classes/Post", {**LEANCLOUD, "X-LC-Id": "shop"}))[0] in (400, 401, 403)
        own = {"objectId": "mine"}
        assert (await ask("POST", "/parse/classes/Post", SHOP, json=own))[1]["objectId"] == "mine"
        assert (await ask("POST", "/parse/classes/Post", PARSE, json=own))[0] == 400
    assert (tmp_path / "deep/er/shop.db").exists()
    assert not (tmp_path / "idle.db").exists()


async def test_a_log_in_by_a_service_asks_who_vouches_for_it(
    tmp_path: Path, serving: Serving, outside: OutsideWorld
) -> None:
    blog = {**CONFIG["apps"][0], "users": {"auth_providers": {"github": outside.verifier, "own": {"trust": True}}}}
    address = await serving(make_app(planned(tmp_path, {**CONFIG, "apps": [blog], "adapters": outside.adapters})))
    outside.tokens["github", "1"] = "right"
    async with aiohttp.ClientSession(address) as session:

        async def log_in(headers: dict[str, str], path: str, **auth: Any) -> tuple[int, Any]:
            async with session.post(path, headers=headers, json={"authData": auth}) as response:
                return response.status, await response.json()

        right, wrong = ({"id": "1", "uid": "1", "access_token": token} for token in ("right", "wrong"))
        status, made = await log_in(PARSE, "/parse/users", github=right)
        assert status == 201
        status, known = await log_in(LEANCLOUD, "/1.1/users", github=right)
        assert (status, known["objectId"]) == (200, made["objectId"])
        assert (await log_in(PARSE, "/parse/users", github=wrong))[1]["error"] == "this token is not right"
        assert (await log_in(LEANCLOUD, "/1.1/users", github=wrong))[0] == 400
        assert (await log_in(PARSE, "/parse/users", own={"id": "1"}))[0] == 201
        assert (await log_in(PARSE, "/parse/users", other={"id": "1"}))[1]["code"] == 252
    assert [question["app"] for question in outside.asked("auth.verify")] == ["blog"] * 4


async def test_an_app_has_the_adapters_that_it_names(tmp_path: Path, outside: OutsideWorld) -> None:
    blog = {**CONFIG["apps"][0], "mail": "mail", "sms": "sms", "captcha": "captcha"}
    apps, server = [blog, CONFIG["apps"][1]], {"public_url": "https://api.example.com"}
    config = {**CONFIG, "apps": apps, "adapters": outside.adapters, "server": server}
    message = TextMessage(phone="+15550100", code="1", purpose="log_in", app="blog", ttl_minutes=1)

    async with open_outside((made := planned(tmp_path, config)).settings, made.dialects) as adapters:
        own = adapters["blog"]
        assert own.mailer is not None
        assert own.texter is not None
        assert own.captcha is not None
        await own.mailer.send(Mail(to=("tom@example.com",), subject="Hello", text="Hello"))
        await own.texter.send(message)
        await own.captcha.new()
        shop = adapters["shop"]
        assert (shop.mailer, shop.texter, shop.captcha, shop.verifiers) == (None, None, None, {})
    assert outside.mail_to("tom@example.com").subject == "Hello"
    assert [question["event"] for question in outside.questions] == ["sms.send", "captcha.new"]


async def test_what_is_under_way_is_finished_and_kept(tmp_path: Path) -> None:
    with listen("127.0.0.1", 0) as listening:
        async with aiohttp.ClientSession(address_of(listening)) as session:

            async def create(number: int) -> int:
                async with session.post("/parse/classes/Post", headers=PARSE, json={"n": number}) as response:
                    return response.status

            async with running(make_app(planned(tmp_path)), listening, grace=5):
                assert await create(0) == 201
                under_way = [asyncio.ensure_future(create(number)) for number in range(1, 50)]
                await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            answers = await asyncio.gather(*under_way, return_exceptions=True)
            answered = sum(answer == 201 for answer in answers)
    async with aiohttp.ClientSession() as session:
        with listen("127.0.0.1", 0) as listening:
            async with running(make_app(planned(tmp_path)), listening, grace=5):
                url = address_of(listening) + "/parse/classes/Post"
                async with session.get(url, params={"count": "1", "limit": "0"}, headers=PARSE) as response:
                    assert (await response.json())["count"] >= answered + 1


async def test_a_store_that_cannot_be_opened_stops_the_start(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "blog.db") as other:
        other.execute("CREATE TABLE somebody_elses (x)")
    other.close()
    with listen("127.0.0.1", 0) as listening, pytest.raises(StartupError, match=r"^backends\.blog: .*blog\.db: "):
        async with running(make_app(planned(tmp_path)), listening, grace=5):
            pass


def test_a_port_that_is_taken_is_told() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"^cannot listen on 127\.0\.0\.1:{port}: Address already in use$"):
            listen("127.0.0.1", port)


def test_an_address_as_it_is_printed() -> None:
    with listen("localhost", 0) as listening:
        assert address_of(listening) == f"http://127.0.0.1:{listening.getsockname()[1]}"


CLASSES = """
    classes:
      Post:
        permissions: {find: [everybody], update: ["field:by", "role:Mods", "user:u1"], delete: []}
        default_acl: {everybody: [read], owner: [read, write], "role:Mods": [write], "user:u1": []}
        protected_fields: {everybody: [a], "role:Mods": [], "user:u1": [a, b], "field:by": [b]}
        read_only: [score]
      Note: {permissions: {find: [authenticated], count: []}}
    client_class_creation: false
"""


def test_what_an_app_says_of_its_classes(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    text = EXAMPLE.read_text(encoding="utf-8")
    for line in ("    client_class_creation: true", "    classes: {}"):
        assert text.count(line) == 1
        text = text.replace(line, f"#{line}")
    config.write_text(text.replace("    users:\n", f"{CLASSES}    users:\n", 1), encoding="utf-8")
    read, write, both = {"read": True}, {"write": True}, {"read": True, "write": True}
    assert permissions_of(load_settings(config, {}))["blog"] == AppSettings(
        {
            "Post": ClassSettings(
                {
                    Action.FIND: EVERYBODY,
                    Action.COUNT: EVERYBODY,
                    Action.UPDATE: Rule(users=frozenset({"u1"}), roles=frozenset({"Mods"}), fields=("by",)),
                    Action.DELETE: NOBODY,
                },
                Protected(("a",), None, {"u1": ("a", "b")}, {"Mods": ()}, {"by": ("b",)}),
                {"*": read, CREATOR: both, "role:Mods": write, "u1": {}},
                frozenset({"score"}),
            ),
            "Note": ClassSettings({Action.FIND: Rule(authenticated=True), Action.COUNT: NOBODY}),
        },
        creates_classes=False,
    )
