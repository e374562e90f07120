"""One place where code of an app's own is asked: a webhook, the form that it speaks, and the keys it wants."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from gateway.adapters.webhook import Hook, Webhooks
from gateway.dialects.hooks_json import HooksJson, Question
from gateway.errors import Code, GatewayError

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, repr=False)  # no repr: it holds keys
class Receiver:
    webhooks: Webhooks
    hook: Hook
    form: HooksJson
    keys: Mapping[str, str] = field(default_factory=dict)

    async def ask(self, question: Question) -> tuple[int, Any]:
        """Status and body of the answer. Raises GatewayError: BAD_VALUE, TIMEOUT or UNAVAILABLE."""
        hook = replace(
            self.hook,
            url=self.hook.url.rstrip("/") + question.path if question.path else self.hook.url,
            headers={**self.hook.headers, **question.headers},
            failures=frozenset(self.form.section.failure.statuses),
        )
        answer = await self.webhooks.ask(hook, question.body)
        return answer.status, answer.body

    def told(self, read: Callable[[], T]) -> T:
        """What `read` makes of the answer; an error about it names who gave it."""
        try:
            return read()
        except GatewayError as error:
            if error.code in (Code.FUNCTION_FAILED, Code.HOOK_REFUSED):
                raise
            log.warning("a webhook failed hook=%s reason=%r", self.hook.name, "its answer has another form")
            raise GatewayError(Code.UNAVAILABLE, f"{self.hook.name} gave an answer that is not understood") from None
