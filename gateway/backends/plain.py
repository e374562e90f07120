"""An operation in fewer words: what means the same, and more vendors can say. Nothing is lost, and nothing is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from gateway.errors import Code, GatewayError
from gateway.model.account import USER, LogIn, SignUp, class_of, own_id
from gateway.model.operation import Create, Operation, Update
from gateway.model.push import Push, whom
from gateway.model.query import And
from gateway.model.update import (
    Add,
    AddRelation,
    BitAnd,
    BitOr,
    BitXor,
    Change,
    Changes,
    Increment,
    RemoveRelation,
    Set,
    SetOnInsert,
    Several,
    Unset,
)
from gateway.model.values import Value

AUTH_DATA: Final = "authData"
WORTH_A_LOOK: Final = (Several, SetOnInsert, BitAnd, BitOr, BitXor)


def plain(op: Operation) -> Operation:
    """The same operation, in plainer words where there are any."""
    match op:
        case Create() | SignUp() if _worth_a_look(op.changes):
            return replace(op, changes=_plainer(op.changes, new=True))
        case Update() if _worth_a_look(op.changes):
            return replace(op, changes=_plainer(op.changes, new=False))
        case Push():
            return _plain_push(op)
        case LogIn(one_name=True) if op.username is not None and (op.email or op.phone):
            return replace(op, email=None, phone=None)
        case LogIn(one_name=True) if op.username is None and op.email is not None and op.phone is not None:
            return replace(op, phone=None)
        case _:
            return op


def _plain_push(op: Push) -> Push:
    """By one condition, or by channels alone. Devices without a token only the gateway's own senders could reach."""
    where = whom(op)
    plainer = replace(op, both=False, to_all=False, without_token=False, where_json=None)
    if op.channels is not None and op.where is None:
        return plainer
    return replace(plainer, where=And(()) if where is None else where, channels=None)


def known_by(op: Operation, key: str) -> Operation:
    """With the ids that users have at other services under the key where a backend looks for them.

    Without one it would take everybody for somebody new. Raises GatewayError(BAD_AUTH_DATA) where there is none.
    """
    if not isinstance(op, SignUp | Create | Update) or class_of(op) != USER:
        return op
    linked: dict[str, Value] = {}
    changes: dict[str, Change] = {}
    for field, change in op.changes.items():
        head, _, provider = field.partition(".")
        match change:
            case Set(dict(found)) if field == AUTH_DATA:
                linked |= found
            case Set(data) if head == AUTH_DATA and provider and "." not in provider:
                linked[provider] = data
            case Unset() if head == AUTH_DATA and provider and "." not in provider:
                linked[provider] = None
            case _:
                changes[field] = change
    if not linked:
        return op
    found = {provider: _with_id(provider, data, key) for provider, data in linked.items()}
    return replace(op, changes={**changes, AUTH_DATA: Set(found)})


def _with_id(provider: str, data: Value, key: str) -> Value:
    if type(data) is not dict or key in data:
        return data  # null unlinks; what else it may be, the backend says
    known = own_id(data)
    if known is None:
        raise GatewayError(Code.BAD_AUTH_DATA, f"the authData of {provider} has no id", name=provider)
    return {**data, key: known}


def _worth_a_look(changes: Changes) -> bool:
    return any(isinstance(change, WORTH_A_LOOK) for change in changes.values())


def _plainer(changes: Changes, *, new: bool) -> Changes:
    found = {field: _one(change, new=new, missing=new) for field, change in changes.items()}
    return {field: change for field, change in found.items() if change is not None}


def _one(change: Change, *, new: bool, missing: bool) -> Change | None:
    """None is no change at all. `new` is the object, `missing` the field of it at that moment."""
    match change:
        case SetOnInsert(value):
            return Set(value) if new else None
        case Several(changes):
            joined: Change | None = None
            rest: list[Change] = []
            for part in changes:
                single = _one(part, new=new, missing=missing and joined is None and not rest)
                if single is None:
                    continue
                if joined is None:
                    joined = single
                elif (both := _joined(joined, single)) is not None:
                    joined = both
                else:
                    rest.append(joined)
                    joined = single
            if joined is None or not rest:
                return joined
            return Several((*rest, joined))
        # of what is not there yet the bits are 0
        case BitAnd() if missing:
            return Set(0)
        case BitOr(bits) | BitXor(bits) if missing:
            return Set(bits)
        case _:
            return change


def _joined(first: Change, then: Change) -> Change | None:
    """Both as one; None where there is no such thing."""
    match first, then:
        case _, Set() | Unset():
            return then
        case (Unset(), Increment(by)):
            return Set(by)
        case (Unset(), Add(values)):
            return Set(list(values))
        case (Set(list(there)), Add(values)):
            return Set([*there, *values])
        case (Set(there), Increment(by)) if type(there) in (int, float):
            return Set(there + by)
        case (Set(there), BitAnd() | BitOr() | BitXor()) if type(there) is int:
            return Set(_bits(there, then))
        case (Increment(a), Increment(b)):
            return Increment(a + b)
        case (Add(a), Add(b)):
            return Add(a + b)
        case (AddRelation(a), AddRelation(b)):
            return AddRelation(a + b)
        case (RemoveRelation(a), RemoveRelation(b)):
            return RemoveRelation(a + b)
        case _:
            return None


def _bits(there: int, change: BitAnd | BitOr | BitXor) -> int:
    match change:
        case BitAnd(bits):
            return there & bits
        case BitOr(bits):
            return there | bits
        case BitXor(bits):
            return there ^ bits
