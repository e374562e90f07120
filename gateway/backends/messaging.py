"""Messages, on a store of objects: channels and who has subscribed to them, for all gateways on one store.

    @message        a message's id -> what became of it
    @channel        app and channel -> how many messages were published to it, so that each has a number
    @publication    one message in a channel: its number, and all of it as JSON; there for a minute or so
    @subscription   its id -> the channel, what it asks for, and the number of the last message that was fetched

A message gets its number in the write that publishes it, so whoever has fetched up to a number has missed none before.
"""

from __future__ import annotations

import re
import secrets
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson

from gateway.backends.base import Backend
from gateway.backends.kept_filter import kept, read_kept
from gateway.backends.ledger import Ledger
from gateway.backends.scheduler import Scheduler, Task
from gateway.backends.selector import check_selector, selects
from gateway.errors import Code, GatewayError
from gateway.model import messaging
from gateway.model.messaging import ANY_DEVICE, DEFAULT_CHANNEL, MessageStatus, Policy
from gateway.model.operation import (
    Batch,
    Caller,
    Create,
    Delete,
    DeleteMany,
    Find,
    Operation,
    Result,
    Returning,
    Update,
    Upsert,
)
from gateway.model.push import INSTALLATION, Push
from gateway.model.query import And, Condition, Filter, Op, Sort, Subquery
from gateway.model.update import Change, Increment, Set, Unset
from gateway.model.values import ID, Date, Fields, ResultOf

MESSAGE: Final = "@message"
CHANNEL: Final = "@channel"
PUBLICATION: Final = "@publication"
SUBSCRIPTION: Final = "@subscription"

TASK: Final = "message"
REGISTRATION: Final = "registration"
"""Kinds of tasks: to publish a message, and to end a registration."""

LONGEST_NAME: Final = 250
LONGEST: Final = 64 * 1024
"""Bytes of a message and its headers."""
MOST_HEADERS: Final = 100
MOST_DEVICES: Final = 1000
PAGE: Final = 100
"""Messages that are told at once."""
STATUS_LASTS: Final = 86400.0
CHANNEL_LASTS: Final = 86400.0
"""Seconds in which nobody publishes to it, or subscribes."""
SUBSCRIPTION_LASTS: Final = 3600.0
"""Seconds without anybody fetching from it."""
SEEN_EVERY: Final = 60.0
SWEPT_EVERY: Final = 30.0
MOST_TRIES: Final = 5
MOST_TURNS: Final = 20
AGAIN_LATER: Final = frozenset({Code.UNAVAILABLE, Code.TIMEOUT})

_CONTROL = re.compile(r"[\x00-\x1f\x7f/]")
_PLACE = re.compile(r"\{([A-Za-z0-9_.-]+)\}")
_GONE: Final = (Code.OBJECT_NOT_FOUND, Code.CLASS_NOT_FOUND, Code.CONDITION_FAILED)


@dataclass(frozen=True, slots=True)
class PushText:
    """What devices are told under a name, with `{places}` in its texts. Without channels all devices are."""

    message: str
    title: str | None = None
    channels: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MessagingRules:
    """`kept` is seconds that a message waits for who has subscribed; with `client_push` clients may tell devices."""

    kept: float = 60.0
    client_push: bool = False
    templates: Mapping[str, PushText] = field(default_factory=dict)


class Messaging:
    """What each operation answers is said in `model.messaging`. `backend` has the installations, and sends pushes."""

    def __init__(
        self,
        backend: Backend,
        ledger: Ledger,
        scheduler: Scheduler,
        rules: MessagingRules,
        *,
        app: str,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._backend, self._ledger, self._scheduler, self._rules = backend, ledger, scheduler, rules
        self._app, self._now = app, now
        self._swept = now()
        scheduler.handle(TASK, self._due)
        scheduler.handle(REGISTRATION, self._ended)

    def operations(self) -> Mapping[type[Operation], Callable[[Any, Caller], Awaitable[Result]]]:
        return {
            messaging.RegisterDevice: self.register,
            messaging.GetRegistration: self.registration,
            messaging.UnregisterDevice: self.unregister,
            messaging.Publish: self.publish,
            messaging.GetMessageStatus: self.status,
            messaging.CancelMessage: self.cancel,
            messaging.DeleteChannel: self.delete_channel,
            messaging.GetChannel: self.channel,
            messaging.Subscribe: self.subscribe,
            messaging.PollMessages: self.poll,
            messaging.PushTemplate: self.push_template,
            messaging.FindPushTemplates: self.push_templates,
        }

    # --- devices ---

    async def register(self, op: messaging.RegisterDevice, caller: Caller) -> Result:
        changes: dict[str, Change] = {
            "installationId": Set(op.device_id),
            "deviceToken": Set(op.token),
            "deviceType": Set(op.os.lower()),
            "channels": Set([_channel(name) for name in op.channels] or [DEFAULT_CHANNEL]),
            "expiresAt": Unset() if op.expires_at is None else Set(op.expires_at),
        }
        if op.os_version is not None:
            changes["osVersion"] = Set(op.os_version)
        made = await self._backend.execute(Create(class_name=INSTALLATION, changes=changes), caller)
        if op.expires_at is not None:
            id_ = f"{REGISTRATION}:{made.id}"
            await self._scheduler.add(REGISTRATION, op.expires_at.ms / 1000, {"id": made.id}, id_=id_)
            await self._scheduler.move(id_, op.expires_at.ms / 1000)  # where there was one with another end
        return Result(value={"id": made.id})

    async def registration(self, op: messaging.GetRegistration, _caller: Caller) -> Result:
        row = await self._device(op.device_id)
        if row is None:
            raise GatewayError(Code.OBJECT_NOT_FOUND, "this device is not registered", id=op.device_id)
        return Result(
            value={
                "id": row[ID],
                "token": row.get("deviceToken"),
                "device_id": row.get("installationId"),
                "os": row.get("deviceType"),
                "os_version": row.get("osVersion"),
                "channels": row.get("channels") or [],
                "expires_at": row.get("expiresAt"),
            }
        )

    async def unregister(self, op: messaging.UnregisterDevice, _caller: Caller) -> Result:
        row = await self._device(op.device_id)
        if row is not None:
            await self._forget(Delete(class_name=INSTALLATION, ids=(row[ID],), missing_ok=True))
            await self._scheduler.cancel(f"{REGISTRATION}:{row[ID]}")
        return Result(value=row is not None)

    async def _device(self, device_id: str) -> Fields | None:
        # who knows the id of a device is its app: no client can ask for all of them
        found = await self._rows(INSTALLATION, Condition("installationId", Op.EQ, device_id), limit=1)
        row = found[0] if found else None
        return None if row is None or self._is_over(row) else row

    def _is_over(self, row: Fields) -> bool:
        at = row.get("expiresAt")
        return isinstance(at, Date) and at.ms <= self._now() * 1000

    async def _ended(self, task: Task) -> float | None:
        """A registration is forgotten at its end; one that was renewed meanwhile has a later one, or none."""
        row = await self._ledger.fields(INSTALLATION, str(task.payload["id"]))
        if row is None or not isinstance(at := row.get("expiresAt"), Date):
            return None
        if not self._is_over(row):
            return at.ms / 1000
        await self._forget(Delete(class_name=INSTALLATION, ids=(row[ID],), where=Condition("expiresAt", Op.EQ, at)))
        return None

    # --- publishing ---

    async def publish(self, op: messaging.Publish, caller: Caller) -> Result:
        _channel(op.channel)
        if op.message is None:
            raise GatewayError(Code.MISSING_VALUE, "message is missing")
        op = replace(op, headers=_texts(op.headers))
        body = _json(op)
        if len(body) > LONGEST:
            raise GatewayError(Code.OBJECT_TOO_LARGE, f"a message has {LONGEST} bytes at the most")
        if (push := _push_of(op)) is not None:
            self._may_push(caller)
        id_ = f"message:{str(uuid.uuid4()).upper()}"
        now = self._now()
        first = now if op.at is None else op.at.ms / 1000
        every = op.every or 0
        if every and every < 1:
            raise GatewayError(Code.BAD_VALUE, "a message is repeated after one second at the earliest")
        if first > now or every:
            payload = {"id": id_, "op": body.decode(), "every": every, "until": None if not op.until else op.until.ms}
            await self._ledger.together(
                (self._scheduler.making(TASK, first, payload, id_=id_), self._noting(id_, MessageStatus.SCHEDULED))
            )
            self._scheduler.wake()
        else:
            if push is not None:
                await self._backend.execute(replace(push, request_id=id_), Caller(self._app, master=True))
            if op.policy is not Policy.DEVICES:
                await self._put(id_, op, now)
            await self._ledger.execute(self._noting(id_, MessageStatus.PUBLISHED))
        await self._sweep()
        # Backendless' suite: this is what it answers, whatever became of it meanwhile
        return Result(value={"id": id_, "status": MessageStatus.SCHEDULED, "error": None})

    def _may_push(self, caller: Caller) -> None:
        if not (caller.unrestricted or self._rules.client_push):
            raise GatewayError(
                Code.FORBIDDEN, "only the master may send pushes here; the setting push.clients opens it to clients"
            )

    async def _due(self, task: Task) -> float | None:
        """Publishes a message once, of however many times. Answers when to do it again."""
        id_, op = str(task.payload["id"]), _read(task.payload["op"])
        mark, error = f"{id_}:{int(task.due * 1000)}", None
        if (push := _push_of(op)) is not None:
            try:
                await self._backend.execute(replace(push, request_id=mark), Caller(self._app, master=True))
            except GatewayError as failed:
                if failed.code in AGAIN_LATER and task.tries < MOST_TRIES:
                    raise
                error = failed.message
        if op.policy is not Policy.DEVICES:
            await self._put(mark, op, self._now())
        every, until = float(task.payload["every"]), task.payload["until"]
        # what was missed is not made up for
        again = task.due + every * max(1, -(-(self._now() - task.due) // every)) if every else None
        over = again is None or (until is not None and again * 1000 > until)
        done = MessageStatus.PUBLISHED if error is None else MessageStatus.FAILED
        await self._note(id_, done if over else MessageStatus.SCHEDULED, error)
        return None if over else again

    async def _put(self, id_: str, op: messaging.Publish, now: float) -> None:
        """Publishes to a channel, once for each id."""
        said = {
            "id": id_ if id_.count(":") == 1 else id_.rpartition(":")[0],
            "data": op.message,
            "at": int(now * 1000),
            "publisher": op.publisher,
            "headers": op.headers,
            "subtopic": op.subtopic,
        }
        changes: dict[str, Change] = {
            "channel": Set(self._key(op.channel)),
            "number": Set(ResultOf("channel", field="last")),
            "json": Set(orjson.dumps(said).decode()),
            "at": Set(int(now * 1000)),
        }
        batch = Batch(
            items=(
                Upsert(
                    class_name=CHANNEL,
                    id=self._key(op.channel),
                    changes={"last": Increment(1), "at": Set(int(now * 1000))},
                    returning=Returning.EVERYTHING,
                ),
                Create(class_name=PUBLICATION, id=id_, changes=changes, returning=Returning.NOTHING),
            ),
            names=("channel", None),
            atomic=True,
        )
        try:
            await self._ledger.execute(batch)
        except GatewayError as error:
            if error.code is not Code.DUPLICATE_VALUE:  # it was published before a gateway died
                raise

    async def status(self, op: messaging.GetMessageStatus, _caller: Caller) -> Result:
        row = await self._ledger.fields(MESSAGE, op.id)
        known = row is not None and row["app"] == self._app
        status = MessageStatus(row["status"]) if row is not None and known else MessageStatus.UNKNOWN
        return Result(value={"id": op.id, "status": status, "error": row.get("error") if row and known else None})

    async def cancel(self, op: messaging.CancelMessage, _caller: Caller) -> Result:
        row = await self._ledger.fields(MESSAGE, op.id)
        if row is None or row["app"] != self._app or not await self._scheduler.cancel(op.id):
            raise GatewayError(Code.NOT_SCHEDULED, "Message has already been canceled or does not exist.")
        await self._note(op.id, MessageStatus.CANCELLED, None)
        return Result(value={"id": op.id, "status": MessageStatus.CANCELLED, "error": None})

    def _noting(self, id_: str, status: MessageStatus) -> Create:
        changes: dict[str, Change] = {
            "app": Set(self._app),
            "status": Set(str(status)),
            "at": Set(int(self._now() * 1000)),
        }
        return Create(class_name=MESSAGE, id=id_, changes=changes, returning=Returning.NOTHING)

    async def _note(self, id_: str, status: MessageStatus, error: str | None) -> None:
        changes: dict[str, Change] = {
            "status": Set(str(status)),
            "error": Unset() if error is None else Set(error),
            "at": Set(int(self._now() * 1000)),
        }
        await self._forget(Update(class_name=MESSAGE, id=id_, changes=changes, returning=Returning.NOTHING))

    # --- channels ---

    async def channel(self, op: messaging.GetChannel, _caller: Caller) -> Result:
        return Result(value={"name": _channel(op.channel)})

    async def delete_channel(self, op: messaging.DeleteChannel, _caller: Caller) -> Result:
        key = self._key(op.channel)
        for class_name in (SUBSCRIPTION, PUBLICATION):
            await self._forget(DeleteMany(class_name=class_name, where=Condition("channel", Op.EQ, key)))
        await self._forget(Delete(class_name=CHANNEL, ids=(key,), missing_ok=True))
        return Result()

    async def subscribe(self, op: messaging.Subscribe, _caller: Caller) -> Result:
        if op.selector is not None:
            check_selector(op.selector)
        key = self._key(op.channel)
        id_, now = secrets.token_hex(16).upper(), int(self._now() * 1000)
        there: dict[str, Change] = {"last": Increment(0), "at": Set(now)}
        changes: dict[str, Change] = {
            "channel": Set(key),
            "subtopic": Set(op.subtopic),
            "selector": Set(orjson.dumps(kept(op.selector)).decode()),
            "last": Set(ResultOf("channel", field="last")),
            "seen": Set(now),
        }
        batch = Batch(
            items=(
                Upsert(class_name=CHANNEL, id=key, changes=there, returning=Returning.EVERYTHING),
                Create(class_name=SUBSCRIPTION, id=id_, changes=changes, returning=Returning.NOTHING),
            ),
            names=("channel", None),
            atomic=True,
        )
        await self._ledger.execute(batch)
        await self._sweep()
        return Result(value=id_)

    async def poll(self, op: messaging.PollMessages, _caller: Caller) -> Result:
        for _ in range(MOST_TURNS):
            row = await self._ledger.fields(SUBSCRIPTION, op.id)
            if row is None or row["channel"] != self._key(op.channel):
                raise GatewayError(Code.OBJECT_NOT_FOUND, "there is no such subscription", id=op.id)
            if (messages := await self._fetched(row)) is not None:
                await self._sweep()
                return Result(value=messages)
        raise GatewayError(Code.UNAVAILABLE, "the subscription is being fetched by too many at once")

    async def _fetched(self, row: Fields) -> list[dict[str, Any]] | None:
        """What a subscription has not seen yet; None where somebody else has fetched it meanwhile."""
        now = int(self._now() * 1000)
        last: int = row["last"]
        new = (Condition("channel", Op.EQ, row["channel"]), Condition("number", Op.GT, last))
        found = await self._rows(PUBLICATION, And(new), limit=PAGE, order=(Sort("number"),))
        if found or row["seen"] + SEEN_EVERY * 1000 <= now:
            changes: dict[str, Change] = {"last": Set(found[-1]["number"] if found else last), "seen": Set(now)}
            unseen = Condition("last", Op.EQ, last)
            try:
                await self._ledger.execute(
                    Update(
                        class_name=SUBSCRIPTION,
                        id=row[ID],
                        changes=changes,
                        where=unseen,
                        returning=Returning.NOTHING,
                    )
                )
            except GatewayError as error:
                if error.code in _GONE:
                    return None
                raise
        selector, subtopic = read_kept(orjson.loads(row["selector"])), row.get("subtopic")
        oldest = now - self._rules.kept * 1000
        messages = [orjson.loads(each["json"]) for each in found if each["at"] >= oldest]
        return [
            {**message, "at": Date.from_ms(message["at"])}
            for message in messages
            if _is_under(message["subtopic"], subtopic) and selects(selector, message["headers"])
        ]

    # --- what the config has for devices ---

    async def push_template(self, op: messaging.PushTemplate, caller: Caller) -> Result:
        template = self._rules.templates.get(op.name)
        if template is None:
            raise GatewayError(Code.NO_TEMPLATE, f"Push template with name '{op.name}' doesn't exist.", name=op.name)
        self._may_push(caller)
        data: dict[str, Any] = {**template.data, "alert": filled(template.message, op.values)}
        if template.title is not None:
            data["title"] = filled(template.title, op.values)
        where = Condition("deviceType", Op.IN, list(template.devices)) if template.devices else None
        id_ = f"message:{str(uuid.uuid4()).upper()}"
        push = Push(
            data=data,
            where=where,
            channels=template.channels or None,
            to_all=not template.channels and where is None,
            both=True,
            request_id=id_,
        )
        await self._backend.execute(push, Caller(self._app, master=True))
        await self._ledger.execute(self._noting(id_, MessageStatus.PUBLISHED))
        return Result(value={"id": id_, "status": MessageStatus.SCHEDULED, "error": None})

    async def push_templates(self, op: messaging.FindPushTemplates, _caller: Caller) -> Result:
        device = op.device.lower()
        told = [
            {"name": name, "title": text.title, "message": text.message}
            for name, text in self._rules.templates.items()
            if not text.devices or device in text.devices
        ]
        return Result(value=told)

    # --- the store ---

    def _key(self, channel: str) -> str:
        return f"{self._app}/{_channel(channel)}"

    async def _rows(self, class_name: str, where: Filter, *, limit: int, order: tuple[Sort, ...] = ()) -> list[Fields]:
        try:
            found = await self._ledger.execute(Find(class_name=class_name, limit=limit, where=where, order=order))
        except GatewayError as error:
            if error.code is Code.CLASS_NOT_FOUND:
                return []
            raise
        return found.objects or []

    async def _forget(self, op: Operation) -> None:
        """Does it, if there is anything to do it with."""
        try:
            await self._ledger.execute(op)
        except GatewayError as error:
            if error.code not in _GONE:
                raise

    async def _sweep(self) -> None:
        now = self._now()
        if now < self._swept + SWEPT_EVERY:
            return
        self._swept = now

        def before(name: str, seconds: float) -> Condition:
            return Condition(name, Op.LT, int((now - seconds) * 1000))

        done = And((before("at", STATUS_LASTS), Condition("status", Op.NE, str(MessageStatus.SCHEDULED))))
        await self._forget(DeleteMany(class_name=PUBLICATION, where=before("at", self._rules.kept)))
        await self._forget(DeleteMany(class_name=SUBSCRIPTION, where=before("seen", SUBSCRIPTION_LASTS)))
        await self._forget(DeleteMany(class_name=MESSAGE, where=done))
        # its numbers begin anew, so nobody may have subscribed by the old ones
        nobody = Condition(ID, Op.NOT_IN, Subquery(SUBSCRIPTION, key="channel"))
        await self._forget(DeleteMany(class_name=CHANNEL, where=And((before("at", CHANNEL_LASTS), nobody))))


def filled(template: str, values: Mapping[str, Any] | None) -> str:
    """In one pass: a value that looks like a place stays as it is, and so does a place without a value."""
    given = values or {}
    return _PLACE.sub(lambda place: _as_text(given[place[1]]) if place[1] in given else place[0], template)


def _channel(name: str) -> str:
    # the SDKs: a name has no slash
    if not 0 < len(name) <= LONGEST_NAME or _CONTROL.search(name):
        raise GatewayError(Code.BAD_VALUE, f"the name of a channel has 1 to {LONGEST_NAME} characters, and no slash")
    return name


def _texts(headers: Mapping[str, Any] | None) -> dict[str, str]:
    """Backendless' suite: whatever a header was given as, it is a text."""
    if headers is None:
        return {}
    if len(headers) > MOST_HEADERS:
        raise GatewayError(Code.BAD_VALUE, f"a message has {MOST_HEADERS} headers at the most")
    return {name: _as_text(value) for name, value in headers.items() if value is not None}


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _push_of(op: messaging.Publish) -> Push | None:
    """What devices are told, where the message is for them as well."""
    asked = op.policy in (Policy.DEVICES, Policy.BOTH) or bool(op.shown or op.device_ids or op.devices)
    if op.policy is Policy.CHANNEL or not asked:
        return None
    text = _as_text(op.message)
    rest = {name: value for name, value in (op.headers or {}).items() if name not in op.shown_by}
    data: dict[str, Any] = {**rest, "alert": text}
    for kind, words in (op.shown or {}).items():
        if kind == ANY_DEVICE:
            data |= _words(words, text)
    shared = dict(data)
    platforms = {kind: words for kind, words in (op.shown or {}).items() if kind != ANY_DEVICE}
    data |= {kind: {**shared, **_words(words, shared["alert"])} for kind, words in platforms.items()}
    where: Filter | None = None
    if op.device_ids:
        if len(op.device_ids) > MOST_DEVICES:
            raise GatewayError(Code.BAD_VALUE, f"a message goes to {MOST_DEVICES} devices at the most")
        where = Condition("installationId", Op.IN, list(op.device_ids))
    elif op.devices:
        where = Condition("deviceType", Op.IN, list(op.devices))
    channels = None if op.device_ids else (op.channel,)
    return Push(data=data, where=where, channels=channels, both=True, platforms=tuple(platforms))


def _is_under(subtopic: str | None, asked: str | None) -> bool:
    """`stocks.*` is all that is below `stocks`, however deep. Source: the vendor's description of subtopics."""
    if asked is None or asked == "*":
        return True
    return subtopic is not None and (subtopic.startswith(asked[:-1]) if asked.endswith(".*") else subtopic == asked)


def _words(words: Mapping[str, str], text: str) -> dict[str, Any]:
    said: dict[str, Any] = dict(words)
    if "subtitle" in said:  # what Apple alone knows stands in an object with the rest
        parts = {"title": said.get("title"), "subtitle": said.pop("subtitle"), "body": said.get("alert", text)}
        said["alert"] = {key: value for key, value in parts.items() if value is not None}
    if "badge" in said:
        try:
            said["badge"] = int(said["badge"])
        except ValueError:
            raise GatewayError(Code.BAD_VALUE, "a badge is a whole number") from None
    return said


_KEPT: Final = ("channel", "message", "publisher", "headers", "subtopic", "policy", "device_ids", "devices", "shown")


def _json(op: messaging.Publish) -> bytes:
    """What of it is kept until it is published. Raises GatewayError(BAD_VALUE)."""
    try:
        return orjson.dumps({name: getattr(op, name) for name in (*_KEPT, "shown_by")})
    except TypeError:
        raise GatewayError(Code.BAD_VALUE, "a message is JSON") from None


def _read(text: str) -> messaging.Publish:
    told = orjson.loads(text)
    lists = {name: tuple(told[name]) for name in ("device_ids", "devices", "shown_by") if told[name] is not None}
    policy = None if told["policy"] is None else Policy(told["policy"])
    return messaging.Publish(**{**told, **lists, "policy": policy})
