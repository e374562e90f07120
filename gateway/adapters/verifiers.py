"""Whether a client is who it says it is at another service, by a webhook that asks there.

    question   {"event": "auth.verify", "app", "provider", "id", "authData"}
    answer     {"valid": true}, or {"valid": false, "message": "..."}

`id` is what the user will be known by: it is this one that the token in `authData` must belong to, whatever other ids
stand beside it. Where `authData` has a `unionid`, the user will be known by that as well, and the answer must name it:
{"valid": true, "unionid": "..."}; a receiver that knows nothing of it cannot vouch for it.

Where a client has a token and does not say whose, `id` is null, and the answer says it: {"valid": true, "id": "..."},
and in "fields" what a new user may take over. No verdict is kept: a token
that was good may have been withdrawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.adapters.webhook import Hook, Webhooks, not_understood, refusal, understood
from gateway.errors import Code, GatewayError
from gateway.model.account import own_id


class WebhookVerifier:
    def __init__(self, webhooks: Webhooks, hook: Hook, *, app: str) -> None:
        self._webhooks, self._hook, self._app = webhooks, hook, app

    async def verify(self, provider: str, data: Mapping[str, Any]) -> None:
        answer = await self._asked(provider, data, own_id(data))
        if "unionid" in data and answer.get("unionid") != data["unionid"]:
            raise GatewayError(Code.BAD_AUTH_DATA, f"the unionid in authData of {provider} is not confirmed")

    async def identify(self, provider: str, data: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        answer = await self._asked(provider, data, None)
        known = own_id({"id": answer.get("id")})
        if known is None:
            raise GatewayError(Code.BAD_AUTH_DATA, f"who has this token is not known to the verifier of {provider}")
        told = answer.get("fields")
        return known, told if type(told) is dict else {}

    async def _asked(self, provider: str, data: Mapping[str, Any], known: str | None) -> Mapping[str, Any]:
        question = {"event": "auth.verify", "app": self._app, "provider": provider, "id": known, "authData": dict(data)}
        answer = understood(self._hook, await self._webhooks.ask(self._hook, question))
        match answer:
            case {"valid": True}:
                return answer
            case {"valid": False}:
                raise refusal(answer, f"{provider} does not confirm this authData", Code.BAD_AUTH_DATA)
            case _:
                raise not_understood(self._hook)
