"""Text messages by a webhook: the receiver words them and hands them to a carrier.

question   {"event": "sms.send", "app", "phone", "code", "template", "signature", "variables", "purpose", "voice",
            "ttlMinutes"}
answer     any 2xx: it is on its way. {"sent": false, "message": "..."}: it will not be, and why
"""

from __future__ import annotations

from gateway.adapters.base import TextMessage
from gateway.adapters.webhook import Hook, Webhooks, not_understood, refusal, understood


class WebhookTexter:
    def __init__(self, webhooks: Webhooks, hook: Hook) -> None:
        self._webhooks, self._hook = webhooks, hook

    async def send(self, message: TextMessage) -> None:
        question = {
            "event": "sms.send",
            "app": message.app,
            "phone": message.phone,
            "code": message.code,
            "template": message.template,
            "signature": message.signature,
            "variables": dict(message.variables),
            "purpose": message.purpose,
            "voice": message.voice,
            "ttlMinutes": message.ttl_minutes,
        }
        answer = understood(self._hook, await self._webhooks.ask(self._hook, question))
        match answer.get("sent", True):
            case True:
                return
            case False:
                raise refusal(answer, "the text message was refused")
        raise not_understood(self._hook)
