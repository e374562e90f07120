"""Permissions changed a word at a time: the list of one object, the rules of a class."""

# ruff: noqa: S608 (SQL is put together here: of identifiers that were checked, numbers of our own, and parameters)

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

import orjson

from gateway.errors import Code, GatewayError
from gateway.model.account import USER
from gateway.model.operation import Caller, Result
from gateway.model.permission import ANONYMOUS, ANYBODY, AUTHENTICATED, Permission, Permit, PermitAll, PermitClass
from gateway.model.schema import OPEN, Action, Rule
from gateway.store.access import DENIAL, EVERYBODY, ROLE_PREFIX, WRITE, Right, grants, names_user_in
from gateway.store.encoding import write_json
from gateway.store.objects import REWRITTEN
from gateway.store.reading import missing, object_of
from gateway.store.schema import set_permissions
from gateway.store.session import Session

LONGEST_LIST: Final = 1000
"""Entries of a list, as each of them is looked at when it is asked."""


def permit(session: Session, op: Permit, caller: Caller) -> Result:
    one = Permission(op.right, op.granted, op.user, op.role)
    return permit_all(session, PermitAll(class_name=op.class_name, id=op.id, permissions=(one,)), caller)


def permit_all(session: Session, op: PermitAll, caller: Caller) -> Result:
    class_name, known = op.class_name, op.id
    access = session.schema.access(class_name, caller)
    named = access.check(Action.UPDATE, caller) if access is not None else ()
    of = session.schema.find_for(caller, class_name)
    row = session.connection.row(f"SELECT {REWRITTEN.format(of.table)} FROM {of.table} WHERE id = ?", (known,))
    if row is None:
        raise missing(class_name, known)
    seq, _, created_at, updated_at, acl, text, owner = row
    whole = object_of(of, known, created_at, updated_at, acl, orjson.loads(text), owner)
    if not (grants(acl, caller, Right.READ) and names_user_in(whole, named, caller)):
        raise missing(class_name, known)
    # whoever may no longer change an object it made must not give itself that back
    if not caller.unrestricted and (owner != caller.user_id or owner is None or not grants(acl, caller, Right.UPDATE)):
        raise GatewayError(Code.FORBIDDEN, "only the owner of an object, or the master, says who may do what with it")
    kept = applied(acl, owner, op.permissions)
    session.connection.run(f"UPDATE {of.table} SET acl = ? WHERE seq = ?", (write_json(kept).decode(), seq))
    return Result()


def applied(acl: str | None, owner: str | None, permissions: Iterable[Permission]) -> dict[str, dict[str, Any]]:
    """A list, in its stored form, as it is after these. Raises GatewayError(BAD_ACL) where it becomes too long."""
    entries = _entries(acl, owner)
    for permission in permissions:
        _apply(entries, permission)
    if len(entries) > LONGEST_LIST:
        raise GatewayError(Code.BAD_ACL, f"a list has at most {LONGEST_LIST} entries")
    return {name: entry for name, entry in entries.items() if entry}


def _entries(acl: str | None, owner: str | None) -> dict[str, dict[str, Any]]:
    """The list to be changed. Of an object without one everybody may do all, and its owner goes on to."""
    if acl is None:
        own = {} if owner is None or owner.startswith(ROLE_PREFIX) else {owner: _all()}
        return {EVERYBODY: _all(), **own}
    return {name: entry if type(entry) is dict else {} for name, entry in orjson.loads(acl).items()}


def _all() -> dict[str, Any]:
    return {Right.READ.value: True, WRITE: True}


def _apply(entries: dict[str, dict[str, Any]], permission: Permission) -> None:
    right, granted = Right(permission.right), permission.granted
    for name, given in _parties(permission.user, permission.role, granted=granted):
        _say(entries.setdefault(name, {}), right, granted=given, denial=name != EVERYBODY)


def _parties(user: Any, role: Any, *, granted: bool) -> Iterator[tuple[str, bool]]:
    """The names in a list that a permission is about, each with whether it is given the right or denied it."""
    whom, is_role = _whom(user, role)
    if whom == ANYBODY:
        yield EVERYBODY, granted
    elif whom == ANONYMOUS and is_role:
        yield EVERYBODY, granted
        if not granted:  # all others have what they had
            yield ROLE_PREFIX + AUTHENTICATED, True
    else:
        yield (ROLE_PREFIX + whom if is_role else whom), granted


def _whom(user: Any, role: Any) -> tuple[str, bool]:
    """Whom a permission names, and whether that is a role. Backendless REST guide: of both the user counts."""
    whom, is_role = (user, False) if user is not None else (role, True)
    if type(whom) is not str or not whom or (not is_role and whom.startswith(ROLE_PREFIX)):
        raise GatewayError(Code.BAD_REQUEST, "whom a permission is for is to be said, by the id of a user or by a role")
    return whom, is_role


def _say(entry: dict[str, Any], right: Right, *, granted: bool, denial: bool) -> None:
    if right is not Right.READ and entry.pop(WRITE, None) is True:
        entry[Right.UPDATE.value] = entry[Right.DELETE.value] = True
    entry.pop(DENIAL + right, None)
    entry.pop(right.value, None)
    if granted:
        entry[right.value] = True
    elif denial:
        entry[DENIAL + right] = True
    if entry.get(Right.UPDATE) is True and entry.get(Right.DELETE) is True:
        del entry[Right.UPDATE], entry[Right.DELETE]
        entry[WRITE] = True


# of a class


def permit_class(session: Session, op: PermitClass, _caller: Caller) -> Result:
    name = op.class_name
    if name != USER:
        session.schema.public.find(name)
    session.guard()
    of = session.made_class(name, private=False)
    permissions = of.permissions or OPEN
    action = Action(op.action)
    whom, is_role = _whom(op.user, op.role)
    alike = (Action.FIND, Action.GET, Action.COUNT) if action is Action.FIND else (action,)
    rules = dict(permissions.rules)
    for each in alike:
        rules[each] = _changed(rules.get(each, Rule()), whom, is_role=is_role, granted=op.granted)
    session.schema = set_permissions(session.connection, session.schema, of, replace(permissions, rules=rules))
    return Result()


def _changed(rule: Rule, whom: str, *, is_role: bool, granted: bool) -> Rule:
    if whom == ANYBODY:
        # whom it names goes on to be named: what is said of them is nearer
        return replace(rule, everybody=granted, authenticated=False)
    if is_role and whom == ANONYMOUS:
        # who is logged in and may do less logs out
        return replace(rule, everybody=granted, authenticated=rule.authenticated or (rule.everybody and not granted))
    own, one = (
        ({"given": rule.roles, "denied": rule.denied_roles}, frozenset({whom}))
        if is_role
        else ({"given": rule.users, "denied": rule.denied_users}, frozenset({whom}))
    )
    given = own["given"] | one if granted else own["given"] - one
    denied = own["denied"] - one if granted else own["denied"] | one
    if not is_role:
        return replace(rule, users=given, denied_users=denied)
    if whom == AUTHENTICATED:
        # there is a word of its own for it, which other dialects have as well
        return replace(rule, authenticated=granted and not rule.everybody, denied_roles=denied)
    return replace(rule, roles=given, denied_roles=denied)
