"""The pages that links in mails go to: a new password, and the confirmation of an address.

    GET   /_gateway/apps/{app}/reset?token=...     a form for a new password, twice
    GET   /_gateway/apps/{app}/verify?token=...    a button: programs that look into mails follow links, and press none
    POST  to the same path without the token       does it, as an operation that passes the authoriser like any other

They are for people: in English or Chinese, without a script, and nothing but what stands here gets into them unescaped.
"""

# ruff: noqa: RUF001 (Chinese has a comma of its own)

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from typing import Any, Final
from urllib.parse import unquote

from gateway.authorise import Guarded
from gateway.errors import Code, GatewayError
from gateway.model.operation import Caller, Operation
from gateway.model.recovery import ResetPassword, VerifyEmail

PREFIX: Final = "/_gateway/apps/"
LONGEST_TOKEN: Final = 1000

STYLE: Final = (
    "body{font:1rem/1.5 system-ui,sans-serif;margin:0;padding:3rem 1rem;color:#1a1a1a;background:#f4f4f4}"
    "main{max-width:24rem;margin:auto;padding:2rem;background:#fff;border-radius:.5rem}"
    "h1{font-size:1.25rem;margin-top:0}label{display:block;margin-top:1rem}"
    "input{box-sizing:border-box;width:100%;font:inherit;padding:.5rem;border:1px solid #767676;border-radius:.25rem}"
    "button{font:inherit;margin-top:1.5rem;padding:.5rem 1.5rem;border:0;border-radius:.25rem;"
    "color:#fff;background:#0b57d0}[role=alert]{color:#a8071a}"
)
_STYLE_HASH: Final = b64encode(sha256(STYLE.encode()).digest()).decode()

HEADERS: Final[Mapping[str, str]] = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # the address has the token in it
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
    "Vary": "Accept-Language",
}

LANGUAGES: Final = ("en", "zh")
TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "reset": ("Choose a new password", "设置新密码"),
    "password": ("New password", "新密码"),
    "again": ("The same once more", "再次输入新密码"),
    "save": ("Save", "保存"),
    "reset done": ("Your new password is saved. You can log in with it now.", "新密码已保存，现在可以使用新密码登录。"),
    "empty": ("Please enter a password of 1 to 1000 characters.", "请输入 1 到 1000 个字符的密码。"),
    "differ": ("The two passwords are not the same.", "两次输入的密码不一致。"),
    "verify": ("Confirm your e-mail address", "验证邮箱地址"),
    "press": ("Press the button to confirm that this address is yours.", "请点击按钮，确认该邮箱地址属于您。"),
    "confirm": ("Confirm", "确认"),
    "verify done": ("Your e-mail address is confirmed.", "您的邮箱地址已验证。"),
    "bad link": ("This link does not work", "链接无效"),
    "unknown": (
        "It is not complete, or a newer one was sent since. Please use the one in the latest mail, or ask for another.",
        "链接不完整，或者已有新的邮件发出。请使用最新邮件中的链接，或重新申请。",
    ),
    "used": ("It was used already: a link works once.", "该链接已被使用，每个链接只能使用一次。"),
    "expired": ("It has expired. Please ask for another one.", "该链接已过期，请重新申请。"),
    "failed": ("That did not work", "操作失败"),
    "later": ("Please try again later.", "请稍后再试。"),
    "not found": ("There is no such page", "页面不存在"),
    "try the link": ("Please open the link in the mail once more.", "请重新打开邮件中的链接。"),
}
"""What the pages say, in each of the languages."""

_WEIGHTED = re.compile(r"\s*([A-Za-z]{1,8}|\*)(?:-[A-Za-z0-9-]*)?\s*(?:;\s*q\s*=\s*([01](?:\.[0-9]{0,3})?))?\s*")


@dataclass(frozen=True, slots=True)
class Page:
    status: int
    html: str


@dataclass(frozen=True, slots=True)
class _Words:
    """The texts in one language, ready to stand in HTML."""

    language: str

    def __getitem__(self, name: str) -> str:
        return escape(TEXTS[name][LANGUAGES.index(self.language)])


class Pages:
    """`apps` has what executes for an application, by its name in the configuration."""

    def __init__(self, apps: Mapping[str, Guarded]) -> None:
        self._apps = apps

    async def answer(
        self, method: str, path: str, query: Mapping[str, Any], form: Any, accept_language: str | None
    ) -> Page:
        """`path` is what comes after PREFIX; `form` is what was posted, whatever it was."""
        words = _Words(language_of(accept_language or ""))
        app, _, name = unquote(path).partition("/")
        guarded = self._apps.get(app)
        if guarded is None or name not in ("reset", "verify"):
            return _said(404, words, "not found", "try the link")
        if method in ("GET", "HEAD"):
            return _form(200, words, name, _text(query, "token"))
        if method != "POST":
            return _said(405, words, "failed", "try the link")
        posted = form if type(form) is dict else {}
        token = _text(posted, "token")
        op: Operation
        if name == "reset":
            password = _text(posted, "password")
            if password != _text(posted, "again"):
                return _form(400, words, name, token, fault="differ")
            op = ResetPassword(token=token, new_password=password)
        else:
            op = VerifyEmail(token=token)
        try:
            await guarded.execute(op, Caller(app))
        except GatewayError as error:
            if error.code is Code.PASSWORD_MISSING:
                return _form(400, words, name, token, fault="empty")
            return _failed(words, error)
        return _said(200, words, name, f"{name} done")

    def failed(self, error: GatewayError, accept_language: str | None) -> Page:
        """What could not even be read."""
        return _failed(_Words(language_of(accept_language or "")), error)


def _failed(words: _Words, error: GatewayError) -> Page:
    if error.code is Code.BAD_LINK:
        why = error.details.get("name", "unknown")
        return _said(400, words, "bad link", why if why in TEXTS else "unknown")
    if error.code in (Code.INTERNAL, Code.UNAVAILABLE, Code.TIMEOUT, Code.RATE_LIMITED):
        return _said(503, words, "failed", "later")
    return _said(400, words, "failed", "try the link")


def _said(status: int, words: _Words, title: str, text: str) -> Page:
    role = "status" if status == 200 else "alert"
    return _page(status, words, title, f'<p role="{role}">{words[text]}</p>')


def _form(status: int, words: _Words, name: str, token: str, *, fault: str | None = None) -> Page:
    hidden = f'<input type="hidden" name="token" value="{escape(token)}">'
    alert = f'<p role="alert" id="fault">{words[fault]}</p>' if fault is not None else ""
    # relative to the page, and without the token that stands in its address
    if name == "verify":
        inner = f"<p>{words['press']}</p>{hidden}<button>{words['confirm']}</button>"
    else:
        described = ' aria-invalid="true" aria-describedby="fault"' if fault is not None else ""
        fields = "".join(
            f'<label for="{field}">{words[field]}</label>'
            f'<input type="password" id="{field}" name="{field}" autocomplete="new-password" maxlength="1000" '
            f"required{described}>"
            for field in ("password", "again")
        )
        inner = f"{alert}{hidden}{fields}<button>{words['save']}</button>"
    return _page(status, words, name, f'<form method="post" action="{name}">{inner}</form>')


def _page(status: int, words: _Words, title: str, body: str) -> Page:
    return Page(
        status,
        f'<!doctype html>\n<html lang="{words.language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{words[title]}</title><style>{STYLE}</style></head>\n"
        f"<body><main><h1>{words[title]}</h1>{body}</main></body></html>\n",
    )


def _text(values: Mapping[str, Any], name: str) -> str:
    """A parameter, if it is one text of a length that a page will show again."""
    value = values.get(name)
    return value if type(value) is str and len(value) <= LONGEST_TOKEN + 1 else ""


def language_of(accept: str) -> str:
    """RFC 9110, 12.5.4: the one with the greatest weight; English where neither is asked for."""
    weights: dict[str, float] = {}
    for part in accept[:1000].split(","):
        if found := _WEIGHTED.fullmatch(part):
            weight = float(found[2]) if found[2] else 1.0
            weights[found[1].lower()] = max(weight, weights.get(found[1].lower(), 0.0))
    return max(LANGUAGES, key=lambda language: weights.get(language, 0.0))
