"""Code of an app's own, which runs elsewhere: a function is a webhook, asked and answered as Parse's webhooks are.

    question    {"functionName": "hello", "params": {...}, "master": false, "user": {"objectId": "..."}, ...}
    answer      {"success": value}, or {"error": "text"}, or {"error": {"code": 42, "message": "text"}}

Source: Parse REST guide, "Cloud Code Webhooks".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.adapters.webhook import Hook, Webhooks, not_understood
from gateway.errors import Code, GatewayError
from gateway.model.operation import Caller


@dataclass(frozen=True, slots=True)
class WebhookFunctions:
    """Functions and handlers of events, by name, each a webhook of the config's."""

    webhooks: Webhooks
    functions: Mapping[str, Hook] = field(default_factory=dict)
    events: Mapping[str, Hook] = field(default_factory=dict)

    async def call(self, name: str, arguments: Any, caller: Caller) -> Any:
        """Raises GatewayError: NO_FUNCTION, FUNCTION_FAILED in the function's words, UNAVAILABLE or TIMEOUT."""
        hook = self.functions.get(name)
        if hook is None:
            raise GatewayError(Code.NO_FUNCTION, f'Invalid function: "{name}"', name=name)
        return await self._ask(hook, {"functionName": name}, arguments, caller)

    async def dispatch(self, event: str, arguments: Any, caller: Caller) -> Any:
        hook = self.events.get(event)
        if hook is None:
            raise GatewayError(Code.NO_EVENT_HANDLER, f"there is no handler of the event {event!r}", name=event)
        return await self._ask(hook, {"eventName": event}, arguments, caller)

    async def _ask(self, hook: Hook, what: Mapping[str, str], arguments: Any, caller: Caller) -> Any:
        question = {
            **what,
            "params": {} if arguments is None else arguments,
            "master": caller.master,
            "user": None if caller.user_id is None else {"objectId": caller.user_id},
            "installationId": caller.installation_id,
            "app": caller.app,
        }
        answer = await self.webhooks.ask(hook, question)
        if type(answer.body) is not dict:
            raise not_understood(hook)
        if "error" in answer.body:
            raise _failed(answer.body["error"])
        if not answer.ok:
            raise not_understood(hook)
        return answer.body.get("success")


def _failed(error: Any) -> GatewayError:
    code, message = (error.get("code"), error.get("message")) if type(error) is dict else (None, error)
    details = {"number": str(code)} if type(code) is int else {}
    text = message if type(message) is str and message else "the function failed"
    return GatewayError(Code.FUNCTION_FAILED, text[:1000], **details)
