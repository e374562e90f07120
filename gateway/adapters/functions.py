"""Code of an app's own, which runs elsewhere: functions, handlers of events, jobs and triggers, each a webhook.

How one is asked, and what its answers mean, the form says that it speaks (`dialects.hooks_json`). A function or trigger
is looked for among those of the config, then at the app's server of code (`adapters.engine`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson

from gateway.adapters.base import Registered
from gateway.adapters.engine import Engine
from gateway.adapters.receiver import Receiver
from gateway.adapters.webhook import Hook, Webhooks
from gateway.dialects.hooks_json import HooksJson, Question
from gateway.errors import Code, GatewayError
from gateway.model.trigger import UNDEFINED, Altered, Moment, Occasion, Who

BEFORE_SAVING: Final = frozenset({Moment.BEFORE_SAVE, Moment.BEFORE_UPDATE})
SAVING: Final = frozenset({Moment.BEFORE_SAVE, Moment.AFTER_SAVE})


@dataclass(frozen=True, slots=True, repr=False)  # no repr: it holds a key
class RegisteredForm:
    """How webhooks are asked that the app's owner registers while it runs: all alike."""

    webhooks: Webhooks
    form: HooksJson
    keys: Mapping[str, str] = field(default_factory=dict)
    secret: str | None = None
    timeout: float = 15.0
    longest_answer: int = 1024**2

    def at(self, url: str, name: str) -> Receiver:
        hook = Hook(
            name=name,
            url=url,
            secret=self.secret,
            timeout=self.timeout,
            longest_answer=self.longest_answer,
            failures=frozenset(self.form.section.failure.statuses),
        )
        return Receiver(self.webhooks, hook, self.form, self.keys)


@dataclass(frozen=True, slots=True)
class WebhookFunctions:
    """Functions, handlers of events and jobs, by name, and triggers by class and moment."""

    functions: Mapping[str, Receiver] = field(default_factory=dict)
    events: Mapping[str, Receiver] = field(default_factory=dict)
    job_hooks: Mapping[str, Receiver] = field(default_factory=dict)
    triggers: Mapping[tuple[str, Moment], Receiver] = field(default_factory=dict)
    engine: Engine | None = None
    registered: RegisteredForm | None = None

    async def close(self) -> None:
        if self.engine is not None:
            await self.engine.close()

    # --- functions ---

    async def has(self, name: str) -> bool:
        return name in self.functions or (self.engine is not None and await self.engine.has_function(name))

    async def call(
        self, name: str, arguments: Any, who: Who, *, with_objects: bool = False, url: str | None = None
    ) -> Any:
        """Raises GatewayError: NO_FUNCTION, FUNCTION_FAILED in the function's words, UNAVAILABLE or TIMEOUT."""
        if url is not None:
            assert self.registered is not None, "nobody can have registered it"
            receiver: Receiver | None = self.registered.at(url, f"the function {name}")
        else:
            receiver = self.functions.get(name)
        if receiver is None and self.engine is not None and await self.engine.has_function(name):
            receiver = self.engine.receiver
        if receiver is None:
            raise GatewayError(Code.NO_FUNCTION, f'Invalid function: "{name}"', name=name)
        question = receiver.form.function(name, arguments, who, receiver.keys, with_objects=with_objects)
        return await _returned(receiver, question)

    async def dispatch(self, event: str, arguments: Any, who: Who) -> Any:
        receiver = self.events.get(event)
        if receiver is None:
            raise GatewayError(Code.NO_EVENT_HANDLER, f"there is no handler of the event {event!r}", name=event)
        return await _returned(receiver, receiver.form.event(event, arguments, who, receiver.keys))

    @property
    def jobs(self) -> Collection[str]:
        return self.job_hooks.keys()

    async def run_job(self, name: str, arguments: Any, status_id: str, app: str) -> str | None:
        """The question has in `jobId` whose message the job may change, as the master, while it runs."""
        receiver = self.job_hooks.get(name)
        if receiver is None:
            raise GatewayError(Code.NO_JOB, f"there is no job {name!r}", name=name)
        who = Who(app, master=True)
        said = await _returned(receiver, receiver.form.job(name, arguments, who, receiver.keys, job_id=status_id))
        if said is None or said is UNDEFINED:
            return None
        return said if type(said) is str else orjson.dumps(said, default=str).decode()

    # --- triggers ---

    @property
    def any(self) -> bool:
        return bool(self.triggers) or self.engine is not None

    async def find(
        self, class_name: str, moment: Moment, *, created: bool = True, registered: Registered | None = None
    ) -> WebhookTrigger | None:
        if registered is not None and self.registered is not None:
            kind = self.registered.form.asks(moment, created=created)
            hook = await registered(class_name, kind)
            if hook is not None and hook.url is not None:
                receiver = self.registered.at(hook.url, _called(self.registered.form, kind, class_name))
                return WebhookTrigger(receiver, kind)
        # where changes are meant apart from what is new, the config says so by the moment that it names
        kinds = (moment,) if created or moment not in SAVING else (_update(moment), moment)
        for kind in kinds:
            receiver_ = self.triggers.get((class_name, kind))
            if receiver_ is not None and (kind != moment or receiver_.form.asks(moment, created=created) == kind):
                return WebhookTrigger(receiver_, kind)
        if self.engine is not None:
            receiver = self.engine.receiver
            kind = receiver.form.asks(moment, created=created)
            if await self.engine.has_trigger(class_name, kind):
                named = replace(receiver.hook, name=_called(receiver.form, kind, class_name))
                return WebhookTrigger(replace(receiver, hook=named), kind)
        return None


def _update(moment: Moment) -> Moment:
    return Moment.BEFORE_UPDATE if moment is Moment.BEFORE_SAVE else Moment.AFTER_UPDATE


def _called(form: HooksJson, moment: Moment, class_name: str) -> str:
    return f"the trigger {form.word(moment)} of {class_name}"


async def _returned(receiver: Receiver, question: Question) -> Any:
    status, body = await receiver.ask(question)
    return receiver.told(lambda: receiver.form.value(status, body))


@dataclass(frozen=True, slots=True)
class WebhookTrigger:
    """One trigger, at its receiver."""

    receiver: Receiver
    moment: Moment

    async def before(self, occasion: Occasion, who: Who) -> Altered:
        occasion = replace(occasion, moment=self.moment)
        receiver = self.receiver
        status, body = await receiver.ask(receiver.form.trigger(occasion, who, receiver.keys))
        if self.moment in BEFORE_SAVING:
            return receiver.told(lambda: receiver.form.altered(occasion, status, body))
        receiver.told(lambda: receiver.form.refused(self.moment, status, body))
        return {}

    def told(self, occasion: Occasion, who: Who) -> Any:
        occasion = replace(occasion, moment=self.moment)
        return self.receiver.form.trigger(occasion, replace(who, session=None), self.receiver.keys).body

    async def after(self, class_name: str, told: Any) -> None:
        receiver = self.receiver
        status, body = await receiver.ask(receiver.form.again(self.moment, class_name, told, receiver.keys))
        receiver.told(lambda: receiver.form.refused(self.moment, status, body))
