"""Who may do what with an object: its access control list, asked in Python for a row at hand and in SQL for all others.

A list has an entry for everybody it names: `{"*": {"read": true}, "u1": {"write": true}, "role:Mods": {"read": true}}`.
An object without one is everybody's, and one whose list is empty nobody's. Only `true` grants, so that a list that
makes no sense grants nothing. Parse REST guide, "Security"; Parse Server, `ACL`.

Who may write may update and delete; an entry can give one of the two alone (`update`, `delete`). It can also deny a
right (`not_read`, ...): what is said of a user goes before what is said of its roles, and that before what is said of
everybody; of roles a denial goes first. `told` is what of that a list of `read` and `write` can say.

What a caller may not read is not there, in whatever way it is asked for.

Before the object its class is asked (`Access`): who may do this at all, with which objects, and which fields are shown.
"""

# ruff: noqa: S608 (SQL is put together here: of identifiers that were checked, numbers of our own, and parameters)

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final

import orjson

from gateway.errors import Code, GatewayError
from gateway.model.account import USER
from gateway.model.operation import Caller
from gateway.model.push import INSTALLATION
from gateway.model.schema import (
    CREATOR,
    PUBLIC_ACL,
    READING,
    Acl,
    Action,
    ClassPermissions,
    ClassSettings,
    Protected,
    Rule,
)
from gateway.model.values import ID, Fields, Object, Pointer, Value

EVERYBODY: Final = "*"
ROLE_PREFIX: Final = "role:"


WRITE: Final = "write"
"""In a list: to update and to delete."""
DENIAL: Final = "not_"
"""What the denial of a right begins with, in the entry of a user or of a role. Everybody is denied by no grant."""


class Right(StrEnum):
    READ = "read"
    UPDATE = "update"
    DELETE = "delete"


def names_of(caller: Caller) -> list[str]:
    """The names that lists may have a caller under."""
    names = [EVERYBODY, *(ROLE_PREFIX + role for role in caller.roles)]
    # some dialects let a client choose an id, and one that looks like a role's name would be taken for the role
    if caller.user_id is not None and not caller.user_id.startswith(ROLE_PREFIX):
        names.append(caller.user_id)
    return names


def grants(acl: str | None, caller: Caller, right: Right) -> bool:
    """Whether the list, in its stored form, gives the caller the right."""
    if acl is None or caller.unrestricted:
        return True
    entries = orjson.loads(acl)
    verdicts = [
        (_nearness(name), gives)
        for name in names_of(caller)
        if type(entry := entries.get(name)) is dict and (gives := _verdict(entry, right)) is not None
    ]
    return min(verdicts)[1] if verdicts else False


def _nearness(name: str) -> int:
    return 2 if name == EVERYBODY else 1 if name.startswith(ROLE_PREFIX) else 0


def _verdict(entry: Mapping[str, Any], right: Right) -> bool | None:
    """What one entry says of a right; None where it says nothing."""
    if entry.get(DENIAL + right) is True:
        return False
    return True if entry.get(right) is True or (right is not Right.READ and entry.get(WRITE) is True) else None


def grants_everybody_sql(acl: str, right: Right) -> str:
    """The same of a column, for a caller of no name: looking one entry up costs a fifth of walking all of them."""
    given = (f"{acl} -> '$.\"{EVERYBODY}\".{word}' = 'true'" for word in _words(right))
    return f"({acl} IS NULL OR {' OR '.join(given)})"


def grants_sql(acl: str, names: str, right: Right) -> str:
    """The same for a caller who has some. `names` is a parameter: a JSON list of them.

    Walking the few entries of a list costs the same however many roles there are, and no name becomes part of a path.
    Only a list with a denial in it is asked who is nearest.
    """
    # CASE: what is no object may be no JSON at all, and AND promises no order
    given = f"CASE entry.type WHEN 'object' THEN {_one_of_sql(_words(right))} END"
    own = f"FROM json_each({acl}) AS entry WHERE entry.key IN (SELECT value FROM json_each({names}))"
    denied = f"CASE entry.type WHEN 'object' THEN {_one_of_sql((DENIAL + right,))} END"
    # the nearest of all verdicts, as an even number where it is a denial: of one and the same nearness that comes first
    nearness = f"CASE WHEN entry.key = '{EVERYBODY}' THEN 4 WHEN entry.key GLOB '{ROLE_PREFIX}*' THEN 2 ELSE 0 END"
    verdict = f"CASE WHEN {denied} THEN {nearness} WHEN {given} THEN {nearness} + 1 END"
    return (
        f"({acl} IS NULL OR (EXISTS (SELECT 1 {own} AND {given})"
        f""" AND (instr({acl}, '"{DENIAL}') = 0 OR (SELECT min({verdict}) % 2 {own}) = 1)))"""
    )


def _words(right: Right) -> tuple[str, ...]:
    return (Right.READ,) if right is Right.READ else (WRITE, right)


def _one_of_sql(words: Iterable[str]) -> str:
    # IS: what is not there is no null that a comparison would pass on
    tests = [f"entry.value -> '$.{word}' IS 'true'" for word in words]
    return f"({' OR '.join(tests)})"


_MORE: Final = re.compile(rf'"(?:{DENIAL}|{Right.UPDATE}"|{Right.DELETE}")')
"""What stands in a list that says more than who may read and write; names may look alike, which does no harm."""


def says_more(acl: str) -> bool:
    """Whether a stored list may have in it what a list of `read` and `write` cannot say."""
    return _MORE.search(acl) is not None


def told(entries: Mapping[str, Any]) -> dict[str, Any]:
    """A list as clients know lists, with `read` and `write` alone: never more than there is.

    Where somebody is denied what others have, the list does not say that those farther off have it: who reads it could
    take it to hold for everybody among them.
    """
    listed: dict[str, Any] = {}
    denied = {right: _nearest_denied(entries, right) for right in Right}
    for name, entry in entries.items():
        if type(entry) is not dict:
            listed[name] = entry
            continue
        near = _nearness(name)
        gives = {right: _verdict(entry, right) is True and near <= denied[right] for right in Right}
        rights = {Right.READ.value: gives[Right.READ], WRITE: gives[Right.UPDATE] and gives[Right.DELETE]}
        if any(rights.values()):
            listed[name] = {right: True for right, given in rights.items() if given}
    return listed


def _nearest_denied(entries: Mapping[str, Any], right: Right) -> int:
    """The farthest nearness at which a grant holds for all whom it names: users' own, where anybody is denied."""
    denied = (type(entry) is dict and entry.get(DENIAL + right) is True for entry in entries.values())
    return 0 if any(denied) else _nearness(EVERYBODY)


def with_denials(entries: Mapping[str, Any] | None, before: Mapping[str, Any]) -> dict[str, Any] | None:
    """A list that a client has set, in the place of one whose denials it could not see: these stay."""
    kept = {
        name: {word: True for word in entry if word.startswith(DENIAL) and entry[word] is True}
        for name, entry in before.items()
        if type(entry) is dict
    }
    kept = {name: entry for name, entry in kept.items() if entry}
    if not kept:
        return None if entries is None else dict(entries)
    given = PUBLIC_ACL if entries is None else entries
    merged: dict[str, Any] = dict(given)
    for name, entry in kept.items():
        own = merged.get(name)
        merged[name] = {**(own if type(own) is dict else {}), **entry}
    return merged


PROTECTED_OF_USERS: Final = Protected(everybody=("email", "mobilePhoneNumber"))
"""Parse Server hides the email of others by default, and LeanCloud lets no client query users."""

OF_INSTALLATIONS: Final[Mapping[Action, Rule]] = dict.fromkeys((Action.FIND, Action.COUNT, Action.DELETE), Rule())
"""Parse Server lets nobody but the master look for devices, whatever the class permits: who has a token can be told
apart by it, and sent to. The owner of an application can open it in the configuration, as in LeanCloud's console."""

NEVER_OF_OTHERS: Final = frozenset({"authData"})
"""Of users, whatever is set: it lets whoever knows it come in."""


class Access:
    """What the permissions of one class come to for the clients of one application."""

    __slots__ = (
        "_always_hidden",
        "_protected",
        "_public",
        "_read_fields",
        "_rules",
        "_write_fields",
        "class_name",
        "default_acl",
        "hides",
        "read_only",
    )

    def __init__(self, class_name: str, stored: ClassPermissions | None, settings: ClassSettings | None) -> None:
        settings = settings or ClassSettings()
        self.class_name = class_name
        self._rules: Mapping[Action, Rule] = settings.rules
        self._read_fields: tuple[str, ...] = ()
        self._write_fields: tuple[str, ...] = ()
        protected = Protected()
        default_acl = settings.default_acl
        if stored is not None:
            self._rules = {**{action: stored.rules.get(action, Rule()) for action in Action}, **settings.rules}
            self._read_fields = stored.read_fields
            self._write_fields = stored.write_fields
            protected = stored.protected
            default_acl = default_acl if default_acl is not None else stored.default_acl
        if class_name == INSTALLATION:
            self._rules = {**self._rules, **OF_INSTALLATIONS, **settings.rules}
        if class_name == USER:
            # Parse Server: what the server's option says and what the class says are joined
            always = PROTECTED_OF_USERS.everybody or ()
            protected = _with_everybody(protected, (*(protected.everybody or ()), *always))
        if settings.protected is not None:
            protected = settings.protected
        self._protected = protected
        self._always_hidden = NEVER_OF_OTHERS if class_name == USER else frozenset[str]()
        groups = (protected.everybody, protected.authenticated)
        some = [*(group for group in groups if group), *protected.users.values(), *protected.roles.values()]
        self.hides = bool(self._always_hidden) or any(some) or any(protected.fields.values())
        """Whether any field is hidden from anybody."""
        self._public = self._always_hidden | frozenset(protected.everybody or ())
        self.default_acl: Acl | None = None if default_acl == PUBLIC_ACL else default_acl
        self.read_only = settings.read_only

    # what may be done

    def check(self, action: Action, caller: Caller, *, creating: bool = False) -> tuple[str, ...]:
        """Nothing, or fields, one of which must name the caller for it to be allowed with an object.

        `creating` is whether a field is added by a new object. Raises GatewayError(FORBIDDEN, LOGIN_REQUIRED). Parse
        Server, `validatePermission` and `addPointerPermissions`.
        """
        rule = self._rules.get(action)
        if rule is None:
            return ()
        own = _said_of(rule, caller)
        if own or (own is None and rule.everybody):
            return ()
        fields = rule.fields
        if action in READING:
            fields += self._read_fields
        elif action is not Action.CREATE and not creating:
            fields += self._write_fields
        elif action is Action.ADD_FIELD:
            fields = ()  # what a new object says of itself proves nothing
        if own is None and rule.authenticated:
            if caller.user_id is None:
                raise GatewayError(
                    Code.LOGIN_REQUIRED,
                    "Permission denied, user needs to be authenticated.",
                    action=action.value,
                    class_name=self.class_name,
                )
            return fields
        if own is None and fields:
            return fields
        raise self.refusal(action)

    def refusal(self, action: Action) -> GatewayError:
        message = f"Permission denied for action {action} on class {self.class_name}."
        return GatewayError(Code.FORBIDDEN, message, action=action.value, class_name=self.class_name)

    def refuse_read_only(self, names: Iterable[str]) -> None:
        for name in names:
            if name.partition(".")[0] in self.read_only:
                raise GatewayError(
                    Code.FORBIDDEN, f"clients cannot write the field {name} of {self.class_name}", field=name
                )

    # what is shown

    def hidden(self, caller: Caller) -> frozenset[str]:
        """Fields that no condition and no order of the caller's may name."""
        protected = self._protected
        if protected.authenticated is None and not protected.users and not protected.roles:
            return self._public
        groups = []
        if protected.everybody is not None:
            groups.append(protected.everybody)
        if caller.user_id is not None:
            if protected.authenticated is not None:
                groups.append(protected.authenticated)
            if caller.user_id in protected.users:
                groups.append(protected.users[caller.user_id])
            groups += [protected.roles[role] for role in caller.roles if role in protected.roles]
        return self._always_hidden | _in_all(groups)

    def ever_hidden(self, caller: Caller) -> frozenset[str]:
        """The same, and what is hidden of some objects only: for what is asked of all fields at once."""
        if not self.hides:
            return frozenset()
        hidden = self.hidden(caller).union(*self._protected.fields.values())
        return frozenset(name.partition(".")[0] for name in hidden)

    def hide(self, objects: Iterable[Fields], caller: Caller) -> None:
        """Takes from objects, which still have all of their fields, what the caller may not see."""
        if not self.hides:
            return
        hidden = self.hidden(caller)
        for fields in objects:
            if self.class_name == USER and caller.user_id is not None and fields.get(ID) == caller.user_id:
                continue  # Parse Server, `protectedFieldsOwnerExempt`
            for name in self._hidden_of(fields, hidden, caller) if self._protected.fields else hidden:
                fields.pop(name, None)

    def hide_in(self, part: Fields, whole: Fields, caller: Caller) -> None:
        """The same of an answer that has only some of an object's fields."""
        kept = dict(whole)
        self.hide((kept,), caller)
        for name in whole.keys() - kept.keys():
            part.pop(name, None)

    def _hidden_of(self, fields: Fields, hidden: frozenset[str], caller: Caller) -> frozenset[str]:
        """What is hidden of one object, as it may name the caller in a field."""
        groups = [group for name, group in self._protected.fields.items() if names_user(fields.get(name), caller)]
        if not groups:
            return hidden
        said = self._protected.everybody is not None or (
            caller.user_id is not None
            and (
                self._protected.authenticated is not None
                or caller.user_id in self._protected.users
                or any(role in self._protected.roles for role in caller.roles)
            )
        )
        return self._always_hidden | (_in_all(groups) & hidden if said else _in_all(groups))

    def refuse_hidden(self, field: str, caller: Caller, doing: str) -> None:
        """Raises GatewayError(FORBIDDEN) where a condition or an order would tell about a hidden field."""
        if self.hides and field.partition(".")[0] in self.hidden(caller):
            # Parse Server's own sentence
            message = f"This user is not allowed to {doing} {field} on class {self.class_name}"
            raise GatewayError(Code.FORBIDDEN, message, class_name=self.class_name, field=field)

    def refuse_computed(self, field: str, caller: Caller) -> None:
        """The same where values are told without their objects: what is hidden of one object is then of all."""
        self.refuse_hidden(field, caller, "query")
        if field.partition(".")[0] in frozenset().union(*self._protected.fields.values()):
            message = f"This user is not allowed to query {field} on class {self.class_name}"
            raise GatewayError(Code.FORBIDDEN, message, class_name=self.class_name, field=field)


def _with_everybody(protected: Protected, fields: tuple[str, ...]) -> Protected:
    return Protected(fields, protected.authenticated, protected.users, protected.roles, protected.fields)


def _in_all(groups: list[tuple[str, ...]]) -> frozenset[str]:
    return frozenset(groups[0]).intersection(*groups[1:]) if groups else frozenset()


def _said_of(rule: Rule, caller: Caller) -> bool | None:
    """What a rule says of a caller by name, or by the name of a role; None where it says nothing."""
    if caller.user_id is None:
        return None
    if caller.user_id in rule.denied_users:
        return False
    if caller.user_id in rule.users:
        return True
    if caller.roles & rule.denied_roles:
        return False
    return True if caller.roles & rule.roles else None


def names_user(value: Value, caller: Caller) -> bool:
    """Whether what stands in a field is the caller, or a list with the caller in it."""
    match value:
        case Pointer(class_name, known):
            return class_name == USER and known == caller.user_id
        case Object(class_name, fields):
            return class_name == USER and fields.get(ID) == caller.user_id and caller.user_id is not None
        case list():
            return any(names_user(part, caller) for part in value if type(part) is not list)
    return False


def names_user_in(whole: Fields, fields: tuple[str, ...], caller: Caller) -> bool:
    """Whether one of these fields names the caller, as `check` asks for; with no fields it need not."""
    return not fields or (caller.user_id is not None and any(names_user(whole.get(name), caller) for name in fields))


def filled(acl: Acl, caller: Caller) -> dict[str, Any]:
    """A default list for an object that this caller creates."""
    entries = {who: dict(rights) for who, rights in acl.items() if who != CREATOR}
    if CREATOR in acl and caller.user_id is not None:
        entries[caller.user_id] = dict(acl[CREATOR])
    return entries
