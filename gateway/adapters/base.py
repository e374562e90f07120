"""What the gateway asks of the outside world, as interfaces. Which of them there are, and how, the config says.

Each of them answers within a bounded time, and raises GatewayError and nothing else: UNAVAILABLE or TIMEOUT where the
outside fails, in texts that a client may see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from gateway.model.operation import Caller


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Mail:
    """A mail; whom it is from, the config says. It has a text, or HTML, or both as alternatives.

    An address is `tom@example.com` or `Tom <tom@example.com>`. Not shown in logs: a link in it may reset a password.
    """

    to: tuple[str, ...]
    subject: str
    text: str | None = None
    html: str | None = None
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    reply_to: tuple[str, ...] = ()


class Mailer(Protocol):
    async def send(self, mail: Mail) -> None:
        """Returns when a mail server has accepted it for every recipient.

        Raises GatewayError: BAD_EMAIL where an address cannot be one or is refused for good, UNAVAILABLE or TIMEOUT.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TextMessage:
    """A text message, which the receiver words: by a template of its own, or by `purpose` where none is named.

    `code` is what the user types in; without one it is a message by a template only. `purpose` is a word such as
    `verify_phone`, `log_in` or `reset_password`; `app` is the app's name, and `ttl_minutes` how long the code holds.
    """

    phone: str
    code: str | None
    template: str | None = None
    signature: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    purpose: str
    voice: bool = False
    app: str
    ttl_minutes: int


class Texter(Protocol):
    async def send(self, message: TextMessage) -> None:
        """Returns when the receiver has taken it.

        Raises GatewayError: BAD_REQUEST where the receiver refuses the number or the template, UNAVAILABLE or TIMEOUT.
        """
        ...


class Verifier(Protocol):
    async def verify(self, provider: str, data: Mapping[str, Any]) -> None:
        """Returns where `data` proves that the client is who it says it is at `provider`.

        Raises GatewayError: BAD_AUTH_DATA where it does not, UNAVAILABLE or TIMEOUT.
        """
        ...

    async def identify(self, provider: str, data: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        """Whose token is in `data`: the user's id at `provider`, and what else is known there of the user.

        Raises GatewayError: as above, and BAD_AUTH_DATA where the receiver does not say whose it is.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CaptchaChallenge:
    """A picture with a code, at `url`, to be answered with `token`."""

    token: str
    url: str


class Captcha(Protocol):
    async def new(
        self, *, width: int | None = None, height: int | None = None, size: int | None = None, ttl: int | None = None
    ) -> CaptchaChallenge:
        """A new picture: pixels, number of characters, and seconds that it holds; None is what the receiver takes."""
        ...

    async def verify(self, token: str, code: str) -> str:
        """A token that proves the answer. Raises GatewayError(BAD_REQUEST) where the answer is wrong or too late."""
        ...

    async def check(self, validate_token: str) -> None:
        """Returns where `verify` gave this token; it is then used up. Raises GatewayError(BAD_REQUEST) where not."""
        ...


class Functions(Protocol):
    """Code of the app's own. What it is given, and what it returns, is JSON."""

    async def call(self, name: str, arguments: Any, caller: Caller) -> Any:
        """What the function returns. Raises GatewayError: NO_FUNCTION, FUNCTION_FAILED, UNAVAILABLE or TIMEOUT."""
        ...

    async def dispatch(self, event: str, arguments: Any, caller: Caller) -> Any:
        """What the handler of an event returns. Raises GatewayError: NO_EVENT_HANDLER, and as above."""
        ...


@dataclass(frozen=True, slots=True)
class Outside:
    """The adapters of one app: None where it has none. `verifiers`: provider of authData -> who is asked."""

    mailer: Mailer | None = None
    texter: Texter | None = None
    captcha: Captcha | None = None
    verifiers: Mapping[str, Verifier] = field(default_factory=dict)
    functions: Functions | None = None
