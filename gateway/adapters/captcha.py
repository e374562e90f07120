"""Captchas by a webhook: the receiver draws the picture, knows its code and remembers who has solved it.

question   {"event": "captcha.new", "app", "width", "height", "size", "ttl"}; null where the client named none
answer     {"token": "...", "url": "..."}
question   {"event": "captcha.verify", "app", "token", "code"}
answer     {"valid": true, "validateToken": "..."}, or {"valid": false, "message": "..."}
question   {"event": "captcha.check", "app", "validateToken"}, which uses it up
answer     {"valid": true}, or {"valid": false, "message": "..."}
"""

from __future__ import annotations

from gateway.adapters.base import CaptchaChallenge
from gateway.adapters.webhook import Hook, Webhooks, not_understood, refusal, understood

WRONG = "the captcha was not solved"


class WebhookCaptcha:
    def __init__(self, webhooks: Webhooks, hook: Hook, *, app: str) -> None:
        self._webhooks, self._hook, self._app = webhooks, hook, app

    async def new(
        self, *, width: int | None = None, height: int | None = None, size: int | None = None, ttl: int | None = None
    ) -> CaptchaChallenge:
        answer = await self._ask("captcha.new", width=width, height=height, size=size, ttl=ttl)
        match answer:
            case {"token": str(token), "url": str(url)} if token and url:
                return CaptchaChallenge(token=token, url=url)
        raise not_understood(self._hook)

    async def verify(self, token: str, code: str) -> str:
        answer = await self._ask("captcha.verify", token=token, code=code)
        match answer:
            case {"valid": True, "validateToken": str(validate_token)} if validate_token:
                return validate_token
            case {"valid": False}:
                raise refusal(answer, WRONG)
        raise not_understood(self._hook)

    async def check(self, validate_token: str) -> None:
        answer = await self._ask("captcha.check", validateToken=validate_token)
        match answer:
            case {"valid": True}:
                return
            case {"valid": False}:
                raise refusal(answer, WRONG)
        raise not_understood(self._hook)

    async def _ask(self, event: str, **question: str | int | None) -> dict[str, object]:
        return understood(
            self._hook, await self._webhooks.ask(self._hook, {"event": event, "app": self._app, **question})
        )
