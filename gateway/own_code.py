"""Code of an app's own, from its settings: which webhooks there are, and how each is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from gateway.adapters.engine import Engine
from gateway.adapters.functions import RegisteredForm, WebhookFunctions
from gateway.adapters.receiver import Receiver
from gateway.adapters.webhook import Hook, Webhooks
from gateway.dialects.dialect import Dialect
from gateway.dialects.hooks_json import HooksJson
from gateway.model.trigger import Moment
from gateway.settings import AppSettings, HookSettings

WHERE_USERS_ARE: Final = frozenset({Moment.BEFORE_PASSWORD_RESET, Moment.ON_VERIFIED})
"""Triggers of what the backend that has the users does by itself."""


def make_code(
    app: AppSettings, dialects: Mapping[str, Dialect], webhooks: Webhooks, public: Webhooks
) -> WebhookFunctions:
    """`public` are the webhooks that may not lead into a private network."""
    forms = _forms(dialects)

    def receiver(name: str, by: HookSettings) -> Receiver:
        hook = Hook(name=name, url=by.url, secret=by.secret, timeout=by.timeout, longest_answer=by.max_answer)
        form = default_form(dialects) if by.format is None else forms[by.format]
        return Receiver(webhooks, hook, form, _keys(app, by.format, by.keys))

    def receivers(what: str, given: Mapping[str, HookSettings]) -> dict[str, Receiver]:
        return {name: receiver(f"{what} {name}", by) for name, by in given.items()}

    registered = app.registered_hooks
    return WebhookFunctions(
        functions=receivers("the function", app.functions),
        events=receivers("the handler of the event", app.events),
        job_hooks=receivers("the job", app.jobs),
        triggers={
            (class_name, Moment(moment)): receiver(f"the trigger {moment} of {class_name}", by)
            for class_name, given in app.triggers.items()
            for moment, by in given.items()
        },
        engine=_engine(app, forms, webhooks),
        registered=RegisteredForm(
            webhooks if registered.private else public,
            default_form(dialects),
            registered.keys,
            timeout=registered.timeout,
            longest_answer=registered.max_answer,
        ),
    )


def _engine(app: AppSettings, forms: Mapping[str, HooksJson], webhooks: Webhooks) -> Engine | None:
    if app.engine is None:
        return None
    by = app.engine
    hook = Hook(name="the server of the app's code", url=by.url, timeout=by.timeout, longest_answer=by.max_answer)
    keys = {**_keys(app, by.format, by.keys)}
    if by.app_id is not None:
        keys["app_id"] = by.app_id
    return Engine(Receiver(webhooks, hook, forms[by.format], keys), lasts=by.list_lasts)


def _keys(app: AppSettings, form: str | None, given: Mapping[str, str]) -> dict[str, str]:
    """What it is asked with: what is not said is as the app's own clients of that dialect have it."""
    client = None if form is None else app.clients.get(form)
    return {**({} if client is None else {"app_id": client.app_id, **client.keys}), **given}


def _forms(dialects: Mapping[str, Dialect]) -> dict[str, HooksJson]:
    return {name: dialect.hooks for name, dialect in dialects.items() if dialect.hooks is not None}


def default_form(dialects: Mapping[str, Dialect]) -> HooksJson:
    """How code is asked for which nothing else is said."""
    return next(form for form in _forms(dialects).values() if form.is_default)


def faults(dialects: Mapping[str, Dialect], app: AppSettings, *, remote: bool = False) -> Iterator[str]:
    """What cannot work, by the keys of the app, whose users are on another server where that is `remote`."""
    forms = _forms(dialects)
    hooks: dict[str, HookSettings] = {
        **{
            f"{section}.{name}": by
            for section in ("functions", "events", "jobs")
            for name, by in getattr(app, section).items()
        },
        **{f"triggers.{name}.{moment}": by for name, given in app.triggers.items() for moment, by in given.items()},
    }
    for place, by in hooks.items():
        if by.format is not None and by.format not in forms:
            yield f"{place}.format: is no form of webhooks; there are: {', '.join(forms)}"
            continue
        form = default_form(dialects) if by.format is None else forms[by.format]
        yield from _strange_keys(place, form, by.keys)
    for name, given in app.triggers.items():
        for moment, by in given.items():
            form = forms.get(by.format or "", default_form(dialects))
            if moment not in form.section.triggers:
                known = ", ".join(form.section.triggers)
                yield f"triggers.{name}.{moment}: this form has no such trigger; there are: {known}"
            elif remote and moment in WHERE_USERS_ARE:
                yield f"triggers.{name}.{moment}: the server that has the users does this by itself, and tells nobody"
    yield from _strange_keys("registered_hooks", default_form(dialects), app.registered_hooks.keys)
    if app.engine is not None:
        engine = forms.get(app.engine.format)
        if engine is None or not engine.learns:
            can = ", ".join(name for name, form in forms.items() if form.learns)
            yield f"engine.format: is no form of a server of code; there are: {can}"
        else:
            yield from _strange_keys("engine", engine, app.engine.keys)
            keys = _keys(app, app.engine.format, app.engine.keys)
            for key in sorted(engine.key_names - keys.keys()):
                yield f"engine.keys.{key}: is needed"
            if app.engine.app_id is None and "app_id" not in keys:
                yield "engine.app_id: is needed, as no client of the app speaks its dialect"
    if app.pass_through and (hooks or app.engine is not None):
        yield "pass_through: code of the app's own would not be asked about requests that go on as they came"


def _strange_keys(place: str, form: HooksJson, keys: Mapping[str, str]) -> Iterator[str]:
    for key in keys:
        if key not in form.key_names:
            yield f"{place}.keys.{key}: is no key of this form; there are: {', '.join(sorted(form.key_names))}"
