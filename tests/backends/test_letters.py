"""The mails with a link: places are filled once, escaped in HTML; what users call themselves is one short line."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.adapters.base import Mail
from gateway.backends.letters import LETTERS, Letter, Link
from gateway.model.recovery import Purpose

LINK = Link("https://api.example.com", "my app", Purpose.VERIFY_EMAIL, "to/k&n.id")
ADDRESS = "https://api.example.com/_gateway/apps/my%20app/verify?token=to%2Fk%26n.id"
OWN = Letter("{app} {username}", "{username} {link} {other}", "<b>{username}</b> {link}")


def parts(mail: Mail) -> tuple[tuple[str, ...], str, str | None, str | None]:
    return mail.to, mail.subject, mail.text, mail.html


def test_a_link_says_nothing_of_itself_in_a_log() -> None:
    assert str(LINK) == ADDRESS
    assert "to/k" not in repr(LINK)


USERNAMES: tuple[tuple[Any, str], ...] = (
    ("Tom", "Tom"),
    (None, ""),
    ({"$ne": ""}, ""),
    ("a\r\nBcc: b\u2028c\x00d", "a Bcc: b c d"),
    ("\u202egro.live\u2066", " gro.live "),
    ("{link} {app}", "{link} {app}"),
    ("x" * 61, "x" * 59 + "\u2026"),
    ("half \ud800 of it", "half   of it"),
)


@pytest.mark.parametrize(("username", "shown"), USERNAMES)
def test_what_a_user_is_called(username: Any, shown: str) -> None:
    assert parts(OWN.written("tom@example.com", LINK, username, "my app")) == (
        ("tom@example.com",),
        f"my app {shown}",
        f"{shown} {ADDRESS} {{other}}",
        f"<b>{shown}</b> {ADDRESS}",
    )


def test_html_in_a_name_is_text() -> None:
    mail = OWN.written("tom@example.com", LINK, "<a href='x'>\"&", "my app")
    assert mail.html == f"<b>&lt;a href=&#x27;x&#x27;&gt;&quot;&amp;</b> {ADDRESS}"


@pytest.mark.parametrize("purpose", LETTERS)
def test_the_gateways_own_mails_have_the_link_and_not_the_name(purpose: Purpose) -> None:
    link = Link("https://api.example.com", "blog", purpose, "token")
    mail = LETTERS[purpose].written("tom@example.com", link, "visit evil.example", "blog")
    for text in (mail.text, mail.html):
        assert text is not None
        assert str(link) in text
        assert "evil" not in text
    assert "{" not in f"{mail.subject}{mail.text}{mail.html}"
