"""Questions to code of an app's own, and its answers, as JSON over HTTP; the mapping says what they are (`hooks:`).

Nothing is asked here: a question is a path, headers and a body, and who asks it is in `adapters`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import orjson

from gateway.dialects.names import FieldNames
from gateway.errors import Code, GatewayError, MappingError
from gateway.mapping.schema import HookCall, HooksSection
from gateway.mapping.shape import Codec, Compiler, Shape
from gateway.model.account import USER
from gateway.model.trigger import UNDEFINED, UPDATES, Altered, Moment, Occasion, Who
from gateway.model.update import Changes, Unset
from gateway.model.values import ACL, Fields

SLOTS: Final = frozenset(
    {"name", "word", "class_name", "arguments", "object", "objects", "original", "master", "user", "session", "app"}
    | {"installation_id", "context", "job_id", "as_master", "app_id"}
)
"""What a template of a question may hold, besides the keys that the configuration has for the receiver.

`as_master` is the master key where the master asks, and nothing where somebody else does.
"""
LONGEST_MESSAGE: Final = 1000

_MASTER_KEY: Final = "master_key"


@dataclass(frozen=True, slots=True, repr=False)
class Question:
    """What is sent: `path` comes after the receiver's address, `body` is JSON."""

    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True, slots=True)
class _Call:
    """A compiled `HookCall`."""

    path: str
    headers: Mapping[str, Shape]
    body: Shape
    value: str | None


class HooksJson:
    """The questions of one vendor's form. `known` are the names of keys that a receiver may have."""

    def __init__(self, section: HooksSection, names: FieldNames, codecs: Mapping[str, Codec]) -> None:
        self.section = section
        self.is_default = section.default
        self.learns = section.learned is not None
        self._names = names
        self._write_object = codecs["object"].write
        self._changes = codecs["changes"]
        self._arguments = codecs["argument"]
        self._calls: dict[str, _Call] = {}
        self._triggers: dict[Moment, _Call] = {}
        self._failures: list[Shape] = []
        self._listing: Mapping[str, Shape] = {}
        self.key_names: frozenset[str] = frozenset()

    def define(self, compiler: Compiler) -> None:
        """Raises MappingError."""
        section = self.section
        for name in ("function", "with_objects", "event", "job", "trigger"):
            call: HookCall | None = getattr(section, name)
            if call is not None:
                self._calls[name] = self._compiled(call, compiler, f"hooks.{name}")
        for moment, row in section.triggers.items():
            where = f"hooks.triggers.{moment}.ask"
            self._triggers[moment] = (
                self._calls["trigger"] if row.ask is None else self._compiled(row.ask, compiler, where)
            )
        for at, template in enumerate(section.failure.shapes):
            shape = compiler.compile(template, f"hooks.failure.shapes.{at}")
            if "message" not in shape.slots() or not shape.slots() <= {"message", "code"}:
                raise MappingError(f"hooks.failure.shapes.{at}: must bind $message, and may bind $code")
            self._failures.append(shape)
        headers = [call.headers for call in (*self._calls.values(), *self._triggers.values())]
        if section.learned is not None:
            self._listing = self._headers(section.learned.headers, compiler, "hooks.learned.headers")
            headers.append(self._listing)
        slots = frozenset[str]().union(*(shape.slots() for group in headers for shape in group.values()))
        self.key_names = (slots - SLOTS) | ({_MASTER_KEY} if "as_master" in slots else set())

    def _compiled(self, call: HookCall, compiler: Compiler, where: str) -> _Call:
        body = compiler.compile(call.body, f"{where}.body")
        if strange := body.slots() - SLOTS:
            raise MappingError(f"{where}.body: there is no ${min(strange)}; there are {', '.join(sorted(SLOTS))}")
        try:
            call.path.format(name="", class_name="", word="")
        except (KeyError, ValueError, IndexError) as error:
            raise MappingError(f"{where}.path: {call.path!r} has a hole that nothing fills: {error}") from None
        return _Call(call.path, self._headers(call.headers, compiler, f"{where}.headers"), body, call.value)

    def _headers(self, own: Mapping[str, Any], compiler: Compiler, where: str) -> Mapping[str, Shape]:
        return {
            name: compiler.compile(part, f"{where}.{name}") for name, part in {**self.section.headers, **own}.items()
        }

    # --- functions, events and jobs ---

    def function(
        self, name: str, arguments: Any, who: Who, keys: Mapping[str, str], *, with_objects: bool = False
    ) -> Question:
        call = self._calls.get("with_objects") if with_objects else None
        return self._ask(call or self._calls["function"], {"name": name, **self._given(arguments)}, who, keys)

    def event(self, name: str, arguments: Any, who: Who, keys: Mapping[str, str]) -> Question:
        return self._ask(self._call("event"), {"name": name, **self._given(arguments)}, who, keys)

    def job(self, name: str, arguments: Any, who: Who, keys: Mapping[str, str], *, job_id: str) -> Question:
        return self._ask(self._call("job"), {"name": name, "job_id": job_id, **self._given(arguments)}, who, keys)

    def value(self, status: int, body: Any) -> Any:
        """What a function returned. Raises GatewayError: FUNCTION_FAILED, or UNAVAILABLE where it is not clear."""
        call = self._calls["function"]
        said = self._answer(call, status, body, Code.FUNCTION_FAILED)
        return said if call.value is None or said is UNDEFINED else self._arguments.read(said)

    def _given(self, arguments: Any) -> dict[str, Any]:
        return {"arguments": {} if arguments is None else self._arguments.write(copy.deepcopy(arguments))}

    def _call(self, name: str) -> _Call:
        call = self._calls.get(name)
        if call is None:
            raise GatewayError(Code.UNSUPPORTED, f"there is no {name} in the form of this webhook")
        return call

    # --- triggers ---

    def asks(self, moment: Moment, *, created: bool) -> Moment:
        """The trigger of this form at a moment, which may be that of saving an object that is there."""
        return UPDATES.get(moment, moment) if self.section.saves_are_creates and not created else moment

    def word(self, moment: Moment) -> str:
        row = self.section.triggers.get(moment)
        return moment.value if row is None else row.word

    def trigger(self, occasion: Occasion, who: Who, keys: Mapping[str, str]) -> Question:
        """What is asked at an occasion. Raises GatewayError(UNSUPPORTED) where this form has no such trigger."""
        moment, class_name = occasion.moment, occasion.class_name
        call = self._triggers.get(moment)
        if call is None:
            raise GatewayError(Code.UNSUPPORTED, f"this form of webhooks has no trigger {moment}")
        slots: dict[str, Any] = {"class_name": class_name, "word": self.word(moment)}
        if moment not in _QUERIES:
            slots["object"] = self.shown(occasion)
        if occasion.objects is not None:
            slots["objects"] = [self._tagged(self._object(found, class_name), class_name) for found in occasion.objects]
        if occasion.original is not None and moment in _SAVES:
            slots["original"] = self._tagged(self._object(occasion.original, class_name), class_name)
        return self._ask(call, slots, who, keys)

    def again(self, moment: Moment, class_name: str, body: Any, keys: Mapping[str, str]) -> Question:
        """What was asked at an occasion, once more: `body` is that of the first question."""
        slots = {"class_name": class_name, "word": self.word(moment)}
        return self._question(self._triggers[moment], slots, {**keys, **slots}, body)

    def shown(self, occasion: Occasion) -> dict[str, Any]:
        """The object that a trigger is shown."""
        class_name = USER if occasion.moment is Moment.ON_VERIFIED else occasion.class_name
        section = self.section
        if section.operators and occasion.changes and occasion.moment in _BEFORE:
            wire = self._object(occasion.original or {}, class_name)
            wire.update(self._changes.write(copy.deepcopy(dict(self._told(occasion.changes, class_name)))))
        else:
            wire = self._object(occasion.fields, class_name)
        if section.updated_keys is not None and occasion.original is not None and occasion.changes:
            changed = (field.partition(".")[0] for field in self._told(occasion.changes, class_name))
            wire[section.updated_keys] = [self._names.write(field) for field in dict.fromkeys(changed)]
        return self._tagged(wire, class_name)

    def altered(self, occasion: Occasion, status: int, body: Any) -> Altered:
        """What a trigger before a save wants otherwise. Raises GatewayError: HOOK_REFUSED, or UNAVAILABLE."""
        answer = self._answer(self._triggers[occasion.moment], status, body, Code.HOOK_REFUSED)
        if type(answer) is not dict or not answer:
            return {}
        sent = orjson.loads(orjson.dumps(self.shown(occasion)))
        own = {self.section.class_key, self.section.updated_keys, self.section.session_key, *self._system_names()}
        answer = {name: wire for name, wire in answer.items() if name not in own}
        other = {name: wire for name, wire in answer.items() if name not in sent or sent[name] != wire}
        try:
            altered: dict[str, Any] = dict(self._changes.read(other))
        except GatewayError as error:
            raise GatewayError(
                Code.UNAVAILABLE, f"what the trigger answered cannot be saved: {error.message}"
            ) from None
        asked = {self._names.write(field.partition(".")[0]): field for field in occasion.changes}
        for name in sent.keys() - answer.keys() - own:
            if name in asked:
                altered[asked[name]] = None
            elif not self.section.operators:
                altered[self._names.read(name)] = Unset()
        return altered

    def refused(self, moment: Moment, status: int, body: Any) -> None:
        """Raises GatewayError where a trigger did not do what it was to."""
        self._answer(self._triggers[moment], status, body, Code.HOOK_REFUSED)

    def _system_names(self) -> list[str]:
        return [name for name, (field, _) in self._names.system.items() if field != ACL]

    def _told(self, changes: Changes, class_name: str) -> Changes:
        hidden = self.section.private.get(class_name, ())
        return {field: change for field, change in changes.items() if field.partition(".")[0] not in hidden}

    def _object(self, fields: Fields, class_name: str) -> dict[str, Any]:
        hidden = self.section.private.get(class_name, ())
        told: dict[str, Any] = self._write_object(
            copy.deepcopy({name: value for name, value in fields.items() if name not in hidden})
        )
        return told

    def _tagged(self, wire: dict[str, Any], class_name: str) -> dict[str, Any]:
        if self.section.class_key is not None:
            wire[self.section.class_key] = self._names.write_class(class_name)
        return wire

    # --- both ---

    def _ask(self, call: _Call, slots: Mapping[str, Any], who: Who, keys: Mapping[str, str]) -> Question:
        user = None
        if who.user is not None:
            user = self._object(who.user, USER)
            if self.section.session_key is not None and who.session is not None:
                user[self.section.session_key] = who.session
        values = {
            **keys,
            **slots,
            "app": who.app,
            "master": who.master,
            "user": user,
            "session": who.session,
            "installation_id": who.installation_id,
            "context": who.context,
            "as_master": keys.get(_MASTER_KEY) if who.master else None,
        }
        return self._question(call, slots, values, call.body.fill(values))

    @staticmethod
    def _question(call: _Call, slots: Mapping[str, Any], values: Mapping[str, Any], body: Any) -> Question:
        parts = {name: _segment(str(slots.get(name) or "")) for name in ("name", "class_name", "word")}
        filled = {name: shape.fill(values) for name, shape in call.headers.items()}
        headers = {name: wire for name, wire in filled.items() if type(wire) is str}
        return Question(call.path.format_map(parts), headers, body)

    def _answer(self, call: _Call, status: int, body: Any, code: Code) -> Any:
        """What was answered, as it stands there. Raises GatewayError."""
        failure = self.section.failure
        if status >= 400 or (failure.any_status and type(body) is dict):
            for shape in self._failures:
                found = shape.match(body) if type(body) is dict else None
                message = (found or {}).get("message")
                if type(message) is str:
                    number = (found or {}).get("code")
                    own = type(number) is int and number != failure.no_code
                    details = {"number": str(number)} if own else {}
                    raise GatewayError(code, message[:LONGEST_MESSAGE] or "it failed", **details)
            if failure.any_status and type(body) is dict and any(body.get(key) for key in self._failure_keys()):
                raise GatewayError(code, "it failed, and does not say why")
        no_answer = body is None and code is Code.FUNCTION_FAILED
        if status >= 400 or no_answer or (body is not None and type(body) is not dict):
            raise GatewayError(Code.UNAVAILABLE, "code of the app gave an answer that is not understood")
        if call.value is None:
            return body
        return UNDEFINED if body is None or call.value not in body else body[call.value]

    def _failure_keys(self) -> Sequence[str]:
        return [key for template in self.section.failure.shapes if type(template) is dict for key in template]

    # --- what a server of code has ---

    def listing(self, keys: Mapping[str, str]) -> Question:
        assert self.section.learned is not None
        filled = {name: shape.fill(keys) for name, shape in self._listing.items()}
        return Question(
            self.section.learned.path, {name: wire for name, wire in filled.items() if type(wire) is str}, {}
        )

    def ping(self) -> Question | None:
        """What is asked to hear what the server is. It needs no key."""
        assert self.section.learned is not None
        path = self.section.learned.ping
        return None if path is None else Question(path, {}, {})

    def learned(self, body: Any) -> tuple[frozenset[str], frozenset[tuple[str, Moment]]]:
        """Functions, and triggers as class and moment. Raises GatewayError(UNAVAILABLE)."""
        section = self.section.learned
        assert section is not None
        told = body.get(section.value) if type(body) is dict else None
        if type(told) is not list or not all(type(name) is str for name in told):
            raise GatewayError(Code.UNAVAILABLE, "the list of the app's functions is not understood")
        functions: set[str] = set()
        triggers: set[tuple[str, Moment]] = set()
        for name in told:
            prefix = next((prefix for prefix in section.triggers if name.startswith(prefix)), None)
            if prefix is None:
                functions.add(name)
            else:
                triggers.add((name.removeprefix(prefix), section.triggers[prefix]))
        return frozenset(functions), frozenset(triggers)


_BEFORE: Final = frozenset({Moment.BEFORE_SAVE, Moment.BEFORE_UPDATE})
_QUERIES: Final = frozenset({Moment.BEFORE_FIND, Moment.AFTER_FIND})
_SAVES: Final = frozenset({*UPDATES, *UPDATES.values()})


def _segment(name: str) -> str:
    """A name as a part of a path. URL libraries take one of dots away, encoded or not."""
    if name in (".", ".."):
        raise GatewayError(Code.NO_FUNCTION, f'Invalid function: "{name}"', name=name)
    return quote(name, safe="")
