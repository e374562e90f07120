"""Fields of users that only the user itself, and the master, may see: what a query may not ask, and no answer shows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from gateway.errors import Code, GatewayError
from gateway.model.account import USER
from gateway.model.operation import (
    Caller,
    Delete,
    DeleteMany,
    Find,
    FindRelated,
    Get,
    Operation,
    Relate,
    Result,
    Scan,
    Update,
    UpdateMany,
)
from gateway.model.query import (
    And,
    Comparison,
    Condition,
    Filter,
    Inverse,
    Not,
    Or,
    RelatedTo,
    Sort,
    Subquery,
    columns_of,
)
from gateway.model.values import ID, Fields, Object

ASKING: Final = Find | Scan | Update | Delete | FindRelated | UpdateMany | DeleteMany | Relate
"""What has conditions of the client's own."""

PROTECTED: Final = frozenset({"authData", "email", "mobilePhoneNumber"})
"""Parse Server hides the email of others by default, and LeanCloud lets no client query users."""


def refuse_protected(op: Operation, caller: Caller) -> None:
    """Raises GatewayError(FORBIDDEN) where a condition or an order would tell about a protected field."""
    if caller.unrestricted or not isinstance(op, ASKING):
        return
    # these run on another class than they name, and that may be the users
    elsewhere = isinstance(op, FindRelated | Relate) or (isinstance(op, Find) and op.redirect_key is not None)
    class_name = USER if elsewhere else op.class_name
    if op.where is not None:
        _check(class_name, op.where)
    if isinstance(op, Find | FindRelated):
        _check_order(class_name, op.order)
    if isinstance(op, Find):
        # a group, or a row that is told once, shows what its objects have in a field
        for path in (*op.group_by, *(path for output in op.outputs for path in columns_of(output.value))):
            _check_field(class_name, path)
    if isinstance(op, Scan):
        _check_order(op.class_name, (op.key,))


def _check(class_name: str, where: Filter) -> None:
    match where:
        case And(parts) | Or(parts):
            for part in parts:
                _check(class_name, part)
        case Not(part):
            _check(class_name, part)
        case Condition(field, _, value):
            _check_field(class_name, field)
            if isinstance(value, Subquery):
                if value.key is not None:
                    _check_field(value.class_name, value.key)
                _check_order(value.class_name, value.order)
                if value.where is not None:
                    _check(value.class_name, value.where)
        case Inverse(owners, field, condition):
            _check_field(owners, field)
            if condition is not None:
                _check(owners, condition)
        case Comparison(left, _, right):
            for path in (*columns_of(left), *columns_of(right)):
                _check_field(class_name, path)
        case RelatedTo():
            pass


def _check_order(class_name: str, order: Iterable[Sort]) -> None:
    for sort in order:
        _check_field(class_name, sort.field)


def _check_field(class_name: str, field: str) -> None:
    if class_name == USER and field.partition(".")[0] in PROTECTED:
        raise GatewayError(Code.FORBIDDEN, f"This user is not allowed to query {field} on class {class_name}")


def hide_protected(op: Operation, result: Result, caller: Caller) -> Result:
    """The result without what this caller may not see, whether a user is asked for or included in something else."""
    if caller.unrestricted or not isinstance(op, Find | Get | Scan):
        return result
    objects: list[Fields] = list(result.objects or [])
    if result.object is not None:
        objects.append(result.object)
    if USER in (op.class_name, result.class_name):
        for fields in objects:
            _hide(fields, caller)
    # a selection that goes into a pointer includes its object
    if not isinstance(op, Scan) and (op.include or any("." in name for name in op.select or ())):
        for fields in objects:
            _hide_below(fields, caller)
    return result


def _hide(user: Fields, caller: Caller) -> None:
    if caller.user_id is None or user.get(ID) != caller.user_id:
        for name in PROTECTED:
            user.pop(name, None)


def _hide_below(value: Any, caller: Caller) -> None:
    match value:
        case Object(class_name, fields):
            if class_name == USER:
                _hide(fields, caller)
            _hide_below(fields, caller)
        case dict():
            for part in value.values():
                _hide_below(part, caller)
        case list():
            for part in value:
                _hide_below(part, caller)
