"""Pushes by a webhook: the receiver delivers them.

question   {"event": "push.send", "app", "pushId", "data", "expiresAt", "production", "targets": [{"id", "token",
            "deviceType", "installationId", "pushType", "appIdentifier", "timeZone", "badge", "extras"}, ...]}
answer     any 2xx without a body: all are sent. {"outcomes": [{"id", "outcome", "reason"}, ...]} says what became of
           some: `sent`, `failed` with a `reason`, or `gone` where there is no such device any more

`expiresAt` is milliseconds since 1970. A question may come again, with the same `pushId` and the same targets, where a
gateway ended before it had written the answer down; who keeps the ids of both sends each once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from gateway.adapters.base import Delivery, PushOutcome, PushTarget
from gateway.adapters.webhook import Hook, Webhooks, not_understood, understood
from gateway.model.values import Date

SENT: Final = PushOutcome(Delivery.SENT)
LONGEST_REASON: Final = 200


class WebhookPusher:
    def __init__(self, webhooks: Webhooks, hook: Hook, *, app: str) -> None:
        self._webhooks, self._hook, self._app = webhooks, hook, app

    async def send(
        self,
        targets: Sequence[PushTarget],
        data: Mapping[str, Any],
        *,
        push_id: str,
        expires_at: Date | None,
        production: bool,
    ) -> Sequence[PushOutcome]:
        """As `PushSender.send` says. What the answer does not speak of was sent."""
        question = {
            "event": "push.send",
            "app": self._app,
            "pushId": push_id,
            "data": dict(data),
            "expiresAt": None if expires_at is None else expires_at.ms,
            "production": production,
            "targets": [_told(target) for target in targets],
        }
        answer = understood(self._hook, await self._webhooks.ask(self._hook, question))
        told = answer.get("outcomes", [])
        if type(told) is not list:
            raise not_understood(self._hook)
        outcomes: dict[str, PushOutcome] = {}
        for one in told:
            if type(one) is not dict or type(one.get("id")) is not str or one.get("outcome") not in set(Delivery):
                raise not_understood(self._hook)
            reason = one.get("reason")
            outcomes[one["id"]] = PushOutcome(
                Delivery(one["outcome"]), reason[:LONGEST_REASON] if type(reason) is str else ""
            )
        return [outcomes.get(target.id, SENT) for target in targets]


def _told(target: PushTarget) -> dict[str, Any]:
    return {
        "id": target.id,
        "token": target.token,
        "deviceType": target.device_type,
        "installationId": target.installation_id,
        "pushType": target.push_type,
        "appIdentifier": target.app_identifier,
        "timeZone": target.time_zone,
        "badge": target.badge,
        "extras": dict(target.extras),
    }
