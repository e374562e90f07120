"""The mails with a link in them: what they say, with `{link}`, `{username}` and `{app}` in their places.

The link goes to a page of the gateway's own (`gateway/pages.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Final
from urllib.parse import quote

from gateway.adapters.base import Mail
from gateway.model.recovery import Purpose

PAGES: Final = {Purpose.RESET_PASSWORD: "reset", Purpose.VERIFY_EMAIL: "verify"}
"""The last step of the path of the page that a link goes to."""
PLACES: Final = frozenset({"link", "username", "app"})
PLACE: Final = re.compile(r"\{([a-z]+)\}")

LONGEST_USERNAME: Final = 60
_NOT_PLAIN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")


@dataclass(frozen=True, slots=True)
class Link:
    """`public_url` is what the configuration says, and never what a client said."""

    public_url: str
    app: str
    purpose: Purpose
    token: str

    def __str__(self) -> str:
        page = PAGES[self.purpose]
        return f"{self.public_url}/_gateway/apps/{quote(self.app, safe='')}/{page}?token={quote(self.token, safe='')}"

    def __repr__(self) -> str:  # the token is as good as a password
        return f"Link({self.app!r}, {self.purpose})"


@dataclass(frozen=True, slots=True)
class Letter:
    """Templates of one mail. In `html` the values are escaped."""

    subject: str
    text: str
    html: str | None = None

    def written(self, address: str, link: Link, username: Any, app: str) -> Mail:
        values = {"link": str(link), "username": _plain(username), "app": app}
        safe = {name: escape(value) for name, value in values.items()}
        return Mail(
            to=(address,),
            subject=_filled(self.subject, values),
            text=_filled(self.text, values),
            html=_filled(self.html, safe) if self.html is not None else None,
        )


def _filled(template: str, values: Mapping[str, str]) -> str:
    """In one pass: a value that looks like a place stays as it is."""
    return PLACE.sub(lambda place: values.get(place[1], place[0]), template)


def _plain(username: Any) -> str:
    """One short line, whatever somebody has called itself: it stands in a mail to somebody who may never have asked."""
    text = _NOT_PLAIN.sub(" ", username) if type(username) is str else ""
    return text if len(text) <= LONGEST_USERNAME else text[: LONGEST_USERNAME - 1] + "…"


# Not the username: whoever signs up with a stranger's address could have the gateway send that person a text.
LETTERS: Final[Mapping[Purpose, Letter]] = {
    Purpose.RESET_PASSWORD: Letter(
        subject="Reset your password for {app}",
        text=(
            "Somebody, hopefully you, has asked for a new password for {app}.\n\n"
            "Choose it here:\n\n{link}\n\n"
            "If it was not you, there is nothing to do: your password stays as it is.\n"
        ),
        html=(
            "<p>Somebody, hopefully you, has asked for a new password for {app}.</p>\n"
            '<p><a href="{link}">Choose a new password</a></p>\n'
            "<p>If it was not you, there is nothing to do: your password stays as it is.</p>\n"
        ),
    ),
    Purpose.VERIFY_EMAIL: Letter(
        subject="Confirm your address for {app}",
        text=(
            "This address was given to {app}. Confirm that it is yours:\n\n{link}\n\n"
            "If you do not know {app}, there is nothing to do.\n"
        ),
        html=(
            "<p>This address was given to {app}.</p>\n"
            '<p><a href="{link}">Confirm that it is yours</a></p>\n'
            "<p>If you do not know {app}, there is nothing to do.</p>\n"
        ),
    ),
}
