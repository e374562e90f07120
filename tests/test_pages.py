"""The pages behind the links in mails: over HTTP, with a real mail server, as a browser has them."""

from __future__ import annotations

import html.parser
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
import pytest
import yaml
from yarl import URL

from gateway.app import Plan, make_app
from gateway.pages import HEADERS, TEXTS, language_of
from gateway.settings import load_settings
from tests.compiled import dialects
from tests.conftest import Serving
from tests.outside import OutsideWorld
from tests.process import PARSE

PUBLIC = "https://api.example.com"
EMAIL = "tom@example.com"


class Parsed(html.parser.HTMLParser):
    """What a browser makes of a page: its forms, its texts, and every element there is."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.language: str | None = None
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self.attributes += given
        if tag == "html":
            self.language = given.get("lang")
        if tag == "form":
            assert given["method"] == "post"
            self.action = given["action"]
        if tag == "input":
            self.fields[given["name"] or ""] = given.get("value") or ""

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] != "style":
            self.text += data


@dataclass
class Visit:
    status: int
    page: Parsed
    headers: Mapping[str, str]


@dataclass
class Browser:
    """Somebody who reads mails and follows links; `PUBLIC` is where the gateway is."""

    client: aiohttp.ClientSession
    outside: OutsideWorld
    language: str = "en"
    visits: list[Visit] = field(default_factory=list)

    async def go(self, method: str, address: str, form: Mapping[str, str] | None = None, **more: Any) -> Visit:
        assert address.startswith(PUBLIC)
        url = URL(address.removeprefix(PUBLIC), encoded=True)
        headers = {"Accept-Language": self.language}
        async with self.client.request(method, url, data=form, headers=headers, **more) as response:
            page = Parsed(await response.text())
            for name, value in HEADERS.items():
                assert response.headers[name] == value
            return Visit(response.status, page, response.headers)

    async def follow(self, link: str, **typed: str) -> Visit:
        """Opens the page, fills it in and sends it."""
        opened = await self.go("GET", link)
        assert opened.status == 200
        assert opened.page.action is not None
        # what a browser does with a relative address
        return await self.go("POST", urljoin(link, opened.page.action), {**opened.page.fields, **typed})

    async def ask(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        async with self.client.request(method, f"/parse{path}", json=body, headers=PARSE) as response:
            return response.status, await response.json()

    async def link(self, number: int = 1) -> str:
        """The one in the mail that arrives."""
        await self.outside.wait_for_mails(number)
        (link,) = re.findall(r"https://\S+", self.outside.mails[number - 1].text)
        return str(link)


def config(folder: Path, outside: OutsideWorld, **users: Any) -> dict[str, Any]:
    def app(name: str, app_id: str, **more: Any) -> dict[str, Any]:
        keys = {"app_id": app_id, "rest_key": "demo-rest", "master_key": "demo-master"}
        return {"name": name, "backend": name, "clients": {"parse": keys}, **more}

    return {
        "server": {"public_url": PUBLIC},
        "apps": [
            app("blog", "demo", mail="mail", sms="sms", users={"verify_email": True, **users}),
            app("shop", "shop", mail="mail"),
            app("quiet", "quiet"),
        ],
        "backends": {
            name: {"type": "embedded", "url": f"sqlite:///{folder}/{name}.db"} for name in ("blog", "shop", "quiet")
        },
        "adapters": outside.adapters,
    }


def planned(folder: Path, settings: Mapping[str, Any]) -> Plan:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(dict(settings)), encoding="utf-8")
    return Plan(load_settings(path, {}), dialects(), {"/parse": "parse"})


@pytest.fixture
async def browser(tmp_path: Path, serving: Serving, outside: OutsideWorld) -> AsyncIterator[Browser]:
    address = await serving(make_app(planned(tmp_path, config(tmp_path, outside, messages_apart="0s"))))
    async with aiohttp.ClientSession(address) as client:
        yield Browser(client, outside)


async def signed_up(browser: Browser, username: str = "tom", email: str = EMAIL) -> str:
    """The link that verifies the address."""
    status, _ = await browser.ask("POST", "/users", {"username": username, "password": "old", "email": email})
    assert status == 201
    return await browser.link()


async def wanting_a_password(browser: Browser) -> str:
    await signed_up(browser)
    assert await browser.ask("POST", "/requestPasswordReset", {"email": EMAIL}) == (200, {})
    return await browser.link(2)


async def logs_in(browser: Browser, password: str) -> bool:
    status, _ = await browser.ask("POST", "/login", {"username": "tom", "password": password})
    return status == 200


async def test_a_link_to_a_new_password(browser: Browser) -> None:
    link = await wanting_a_password(browser)
    opened = await browser.go("GET", link)
    assert (opened.status, set(opened.page.fields)) == (200, {"token", "password", "again"})
    done = await browser.follow(link, password="new", again="new")
    assert (done.status, TEXTS["reset done"][0] in done.page.text) == (200, True)
    assert [await logs_in(browser, password) for password in ("old", "new")] == [False, True]
    once_more = await browser.follow(link, password="newer", again="newer")
    assert (once_more.status, TEXTS["used"][0] in once_more.page.text) == (400, True)
    assert await logs_in(browser, "new")


async def test_a_mistyped_password_can_be_typed_again(browser: Browser) -> None:
    link = await wanting_a_password(browser)
    for typed, fault in (
        ({"password": "new", "again": "now"}, "differ"),
        ({"password": "", "again": ""}, "empty"),
        ({"password": "x" * 1001, "again": "x" * 1001}, "empty"),
    ):
        told = await browser.follow(link, **typed)
        assert (told.status, TEXTS[fault][0] in told.page.text) == (400, True)
        assert told.page.fields["token"]
        assert "new" not in told.page.fields.values()  # what was typed is not shown again
    done = await browser.follow(link, password="new", again="new")
    assert done.status == 200


async def test_looking_at_a_link_uses_nothing_up(browser: Browser) -> None:
    link = await signed_up(browser)
    for method in ("GET", "HEAD", "GET"):
        assert (await browser.go(method, link)).status == 200
    done = await browser.follow(link)
    assert (done.status, TEXTS["verify done"][0] in done.page.text) == (200, True)


async def test_an_address_is_verified(browser: Browser) -> None:
    link = await signed_up(browser)
    login = {"username": "tom", "password": "old"}
    assert (await browser.ask("POST", "/login", login))[1]["emailVerified"] is False
    await browser.follow(link)
    assert (await browser.ask("POST", "/login", login))[1]["emailVerified"] is True


@pytest.mark.parametrize(
    "query", ["", "?token=", "?token=x", "?token=a&token=b", "?token=" + "x" * 5000, "?token=%00.%22%3E", "?x=1"]
)
async def test_a_damaged_link(browser: Browser, query: str) -> None:
    for page in ("reset", "verify"):
        told = await browser.follow(f"{PUBLIC}/_gateway/apps/blog/{page}{query}", password="new", again="new")
        assert (told.status, TEXTS["unknown"][0] in told.page.text) == (400, True)


async def test_an_expired_link(tmp_path: Path, serving: Serving, outside: OutsideWorld) -> None:
    users = {"verify_link_lasts": "0s", "reset_link_lasts": "0s"}
    address = await serving(make_app(planned(tmp_path, config(tmp_path, outside, **users))))
    async with aiohttp.ClientSession(address) as client:
        browser = Browser(client, outside)
        told = await browser.follow(await signed_up(browser))
        assert (told.status, TEXTS["expired"][0] in told.page.text) == (400, True)


async def test_own_texts_in_mails(tmp_path: Path, serving: Serving, outside: OutsideWorld) -> None:
    letter = {"subject": "{app}: {username}", "text": "Dear {username}, {link}", "html": "<b>{username}</b> {link}"}
    made = make_app(planned(tmp_path, config(tmp_path, outside, mails={"verify_email": letter})))
    async with aiohttp.ClientSession(await serving(made)) as client:
        browser = Browser(client, outside)
        await signed_up(browser, "<script>{link}\r\nBcc: all@example.com")
        mail = outside.mails[0]
        assert mail.to == (EMAIL,)
        assert mail.subject == "blog: <script>{link} Bcc: all@example.com"
        assert mail.text.startswith("Dear <script>{link} Bcc: all@example.com, https://api.example.com/_gateway/")
        assert mail.html.startswith("<b>&lt;script&gt;{link} Bcc: all@example.com</b> https://api.example.com/")


async def test_a_page_in_chinese(browser: Browser) -> None:
    browser.language = "zh-CN,zh;q=0.9,en;q=0.8"
    opened = await browser.go("GET", f"{PUBLIC}/_gateway/apps/blog/reset?token=x")
    assert opened.page.language == "zh"
    assert TEXTS["reset"][1] in opened.page.text


LANGUAGES_ASKED: tuple[tuple[str, str], ...] = (
    ("", "en"),
    ("fr", "en"),
    ("*", "en"),
    ("zh", "zh"),
    ("ZH-Hans-CN", "zh"),
    ("fr, zh;q=0.1", "zh"),
    ("en, zh", "en"),
    ("en;q=0.5, zh;q=0.9", "zh"),
    ("zh;q=0", "en"),
    ("zh;q=nan, zh;q=9", "en"),
    ("<script>, zh;q=0.5", "zh"),
    (",;=" * 1000, "en"),
)


@pytest.mark.parametrize(("accept", "language"), LANGUAGES_ASKED)
def test_the_language_of_a_page(accept: str, language: str) -> None:
    assert language_of(accept) == language


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/_gateway/apps/nobody/reset", 404),
        ("GET", "/_gateway/apps/quiet/reset", 404),  # it sends no mails
        ("GET", "/_gateway/apps/blog/other", 404),
        ("GET", "/_gateway/apps/blog", 404),
        ("GET", "/_gateway/apps/", 404),
        ("GET", "/_gateway/apps/blog/reset/x", 404),
        ("GET", "/_gateway/apps/%3Cscript%3E/reset", 404),
        ("DELETE", "/_gateway/apps/blog/reset", 405),
        ("PUT", "/_gateway/apps/blog/verify", 405),
    ],
)
async def test_what_is_no_page(browser: Browser, method: str, path: str, status: int) -> None:
    told = await browser.go(method, PUBLIC + path)
    assert (told.status, told.page.action) == (status, None)


BODIES: tuple[tuple[bytes, str], ...] = (
    (b"", "application/x-www-form-urlencoded"),
    (b"\xff\xfe", "application/x-www-form-urlencoded"),
    (b"token=%ff", "application/x-www-form-urlencoded"),
    (b"a=1&" * 2000, "application/x-www-form-urlencoded"),
    (b'{"token": {"$ne": ""}, "password": "x", "again": "x"}', "application/json"),
    (b"[1, 2]", "application/json"),
    (b"{", "application/json"),
    (b"x" * 100, "text/plain"),
)


@pytest.mark.parametrize(("body", "content_type"), BODIES)
async def test_whatever_is_posted_is_answered_with_a_page(browser: Browser, body: bytes, content_type: str) -> None:
    for page in ("reset", "verify"):
        url = f"/_gateway/apps/blog/{page}"
        async with browser.client.post(url, data=body, headers={"Content-Type": content_type}) as response:
            assert response.status == 400
            assert "<h1>" in await response.text()


async def test_the_page_is_closed_to_what_others_put_in_it(browser: Browser) -> None:
    harm = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    link = f"{PUBLIC}/_gateway/apps/blog/reset?token={harm}"
    opened = await browser.go("GET", str(URL(link)))
    assert opened.page.fields["token"] == harm  # as a value, and nothing else
    assert set(opened.page.tags) <= {
        *("html", "head", "meta", "title", "style", "body", "main", "h1", "form", "input", "label", "button", "p")
    }
    assert not [name for name in opened.page.attributes if name.startswith("on")]
    policy = opened.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert "unsafe" not in policy


async def test_links_are_of_the_config_and_not_of_the_client(browser: Browser) -> None:
    """The Host header, and what proxies add, are for whoever asks to write."""
    await signed_up(browser)
    false = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    body = {"email": EMAIL}
    async with browser.client.post("/parse/requestPasswordReset", json=body, headers={**PARSE, **false}) as response:
        assert response.status == 200
    assert urlsplit(await browser.link(2)).netloc == "api.example.com"
    assert "evil" not in browser.outside.mails[1].message.as_string()


async def test_a_link_of_one_app_is_none_of_another(browser: Browser) -> None:
    link = await wanting_a_password(browser)
    told = await browser.follow(link.replace("/blog/", "/shop/"), password="new", again="new")
    assert (told.status, TEXTS["unknown"][0] in told.page.text) == (400, True)
    assert (await browser.follow(link, password="new", again="new")).status == 200
