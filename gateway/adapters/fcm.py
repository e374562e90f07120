"""Google's push service: its HTTP v1 API, with a token that is had for the signature of a service account.

Google's documentation, "Firebase Cloud Messaging: REST Resource projects.messages", and "Using OAuth 2.0 for Server to
Server Applications". google-auth would do the second for a library more, which asks by threads.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import jwt
import orjson

from gateway.adapters.base import PushOutcome, PushTarget
from gateway.adapters.notices import (
    SENT,
    Notice,
    NotReachedError,
    Tried,
    apple_payload,
    failed,
    gone,
    iso_of,
    once_more,
    plain_name,
    read_notice,
    seconds_left,
    to_each,
    wait_of,
)
from gateway.model.values import Date

log = logging.getLogger(__name__)

GOOGLE: Final = "https://fcm.googleapis.com"
SCOPE: Final = "https://www.googleapis.com/auth/firebase.messaging"
GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LONGEST_ANSWER: Final = 64 * 1024
SPARE: Final = 300.0
"""Seconds before its end that a token is not used any more."""
MOST_TTL: Final = 4 * 7 * 86400
PROJECT: Final = re.compile(r"[a-z0-9:.-]{1,100}")


@dataclass(frozen=True, slots=True, repr=False)  # no repr: it holds a key
class ServiceAccount:
    """Whom Google lets in: what its console writes into a JSON file."""

    project: str
    email: str
    key: str
    key_id: str | None
    token_url: str

    @classmethod
    def read(cls, text: str) -> ServiceAccount:
        """Raises ValueError, which says nothing of what is in it."""
        wrong = ValueError("must be the JSON of a service account, as Google's console writes it")
        try:
            told = orjson.loads(text)
            parts = [told[key] for key in ("project_id", "client_email", "private_key", "token_uri")]
            key_id = told.get("private_key_id")
            jwt.encode({}, parts[2], algorithm="RS256")
        except (ValueError, KeyError, TypeError, AttributeError, jwt.PyJWTError):
            raise wrong from None
        if not all(isinstance(part, str) for part in parts) or not PROJECT.fullmatch(parts[0]):
            raise wrong
        project, email, key, token_url = parts
        return cls(project, email, key, key_id if isinstance(key_id, str) else None, token_url)


class FcmSender:
    """Sends to devices of Android's, and by Google's service to others. To be made on an event loop.

    A push goes as data, which the app's code shows; with `notification` the device's system does. `data_key` is under
    which name the data has all of the push as JSON (Parse's SDK reads `data`, LeanCloud's `payload`); where it is None
    each key of the push stands by itself, as Backendless' SDK has it.
    """

    def __init__(
        self,
        *,
        account: ServiceAccount,
        data_key: str | None = "data",
        notification: bool = False,
        url: str | None = None,
        timeout: float = 10.0,
        at_once: int = 50,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._account, self._data_key, self._notification = account, data_key, notification
        self._url = f"{url or GOOGLE}/v1/projects/{account.project}/messages:send"
        self._now = now
        self._turns = asyncio.Semaphore(at_once)
        self._token: tuple[str, float] | None = None
        self._asking = asyncio.Lock()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=at_once),
            timeout=aiohttp.ClientTimeout(total=timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        await self._session.close()

    async def send(
        self,
        targets: Sequence[PushTarget],
        data: Mapping[str, Any],
        *,
        push_id: str,
        expires_at: Date | None,
        production: bool,  # Google has no other service for tests
    ) -> Sequence[PushOutcome]:
        notice = read_notice(data)
        ttl = None if expires_at is None else min(seconds_left(expires_at, self._now()), MOST_TTL)

        async def one(target: PushTarget) -> PushOutcome:
            if target.token is None:
                return failed("the installation has no token")
            body = orjson.dumps({"message": self._message(notice, data, target, push_id, ttl)})
            return await once_more(lambda: self._once(body))

        return await to_each(targets, one, self._turns, service="Google's push service")

    def _message(
        self, notice: Notice, data: Mapping[str, Any], target: PushTarget, push_id: str, ttl: int | None
    ) -> dict[str, Any]:
        shown = _shown(notice)
        message: dict[str, Any] = {"token": target.token, "data": self._data(data, target, push_id)}
        if target.device_type == "ios":
            headers = {} if ttl is None else {"apns-expiration": str(int(self._now()) + ttl)}
            headers |= {"apns-collapse-id": plain_name(notice.collapse, 64)} if notice.collapse else {}
            return message | {"apns": {"headers": headers, "payload": apple_payload(notice, target)}}
        android: dict[str, Any] = {"priority": "HIGH" if notice.urgent else "NORMAL"}
        if ttl is not None:
            android["ttl"] = f"{ttl}s"
        if notice.collapse:
            android["collapse_key"] = notice.collapse
        if self._notification and shown:
            message["notification"] = shown
            on_the_screen = {
                "sound": notice.sound if isinstance(notice.sound, str) else None,
                "notification_count": target.badge,
                "click_action": notice.category,
                "tag": notice.collapse,
            }
            android["notification"] = {key: value for key, value in on_the_screen.items() if value is not None}
        return message | {"android": android}

    def _data(self, data: Mapping[str, Any], target: PushTarget, push_id: str) -> dict[str, str]:
        """Texts, as the service takes nothing else."""
        whole = dict(data) if target.badge is None else {**data, "badge": target.badge}
        beside = {"push_id": push_id, "time": iso_of(self._now())}
        if self._data_key is not None:
            return beside | {self._data_key: _as_text(whole)}
        return beside | {key: _as_text(value) for key, value in whole.items() if value is not None}

    async def _once(self, body: bytes) -> Tried:
        token = await self._bearer()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            async with self._session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
                if answer.status == 200:
                    return SENT, None
                code, message = _problem(await answer.content.read(LONGEST_ANSWER))
                status, retry_after = answer.status, answer.headers.get("Retry-After")
        except aiohttp.ClientConnectorError as error:
            raise NotReachedError from error
        except TimeoutError:
            return failed("no answer in time"), None
        except aiohttp.ServerDisconnectedError as error:
            return failed(type(error).__name__), 0.0  # a connection that was kept open, and is not any more
        except (aiohttp.ClientError, OSError) as error:
            return failed(type(error).__name__), None
        if code == "UNREGISTERED" or (code == "INVALID_ARGUMENT" and "registration token" in message):
            return gone(code), None
        if status == 401:
            if self._token is not None and self._token[0] == token:
                self._token = None
            return failed(code), 0.0
        return failed(code), wait_of(retry_after, self._now()) if status in (429, 503) else None

    async def _bearer(self) -> str:
        """Raises NotReachedError where there is none to be had."""
        async with self._asking:
            if self._token is None or self._token[1] <= self._now():
                self._token = await self._new_token()
            return self._token[0]

    async def _new_token(self) -> tuple[str, float]:
        account, now = self._account, int(self._now())
        claims = {"iss": account.email, "scope": SCOPE, "aud": account.token_url, "iat": now, "exp": now + 3600}
        assertion = jwt.encode(claims, account.key, algorithm="RS256", headers={"kid": account.key_id})
        form = {"grant_type": GRANT, "assertion": assertion}
        try:
            async with self._session.post(account.token_url, data=form, allow_redirects=False) as answer:
                body = await answer.content.read(LONGEST_ANSWER)
                if answer.status != 200:
                    log.error("Google refuses the service account status=%s", answer.status)
                    raise NotReachedError
            told = orjson.loads(body)
            return str(told["access_token"]), self._now() + float(told["expires_in"]) - SPARE
        except (aiohttp.ClientError, OSError, ValueError, KeyError, TypeError) as error:
            log.warning("no token for the push service reason=%s", type(error).__name__)
            raise NotReachedError from error


def _shown(notice: Notice) -> dict[str, str]:
    parts = {"title": notice.title, "body": notice.body}
    return {key: value for key, value in parts.items() if value is not None}


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _problem(body: bytes) -> tuple[str, str]:
    """The code and the message of an error: the service's own code is in the details, where there is one."""
    try:
        error = orjson.loads(body)["error"]
        code, message = str(error.get("status", "not understood")), str(error.get("message", ""))
        for detail in error.get("details", ()):
            code = str(detail.get("errorCode", code))
    except (ValueError, KeyError, TypeError, AttributeError):
        return "not understood", ""
    return code, message
