"""Permissions of a class as the file has them: one text of JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from gateway.model.schema import Action, ClassPermissions, Protected, Rule


def write_permissions(permissions: ClassPermissions) -> str:
    protected = permissions.protected
    told = {
        "rules": {action.value: _told(rule) for action, rule in permissions.rules.items()},
        "read_fields": permissions.read_fields,
        "write_fields": permissions.write_fields,
        "protected": {
            "everybody": protected.everybody,
            "authenticated": protected.authenticated,
            "users": protected.users,
            "roles": protected.roles,
            "fields": protected.fields,
        },
        "default_acl": permissions.default_acl,
    }
    return orjson.dumps(told).decode()


def _told(rule: Rule) -> dict[str, Any]:
    told: dict[str, Any] = {"everybody": rule.everybody, "authenticated": rule.authenticated, "fields": rule.fields}
    for name in ("users", "roles", "denied_users", "denied_roles"):
        told[name] = sorted(getattr(rule, name))
    return told


def read_permissions(text: str) -> ClassPermissions:
    told = orjson.loads(text)
    protected = told["protected"]
    return ClassPermissions(
        rules={Action(action): _read(rule) for action, rule in told["rules"].items()},
        read_fields=tuple(told["read_fields"]),
        write_fields=tuple(told["write_fields"]),
        protected=Protected(
            everybody=_tuple(protected["everybody"]),
            authenticated=_tuple(protected["authenticated"]),
            users={name: tuple(fields) for name, fields in protected["users"].items()},
            roles={name: tuple(fields) for name, fields in protected["roles"].items()},
            fields={name: tuple(fields) for name, fields in protected["fields"].items()},
        ),
        default_acl=told["default_acl"],
    )


def _read(told: Mapping[str, Any]) -> Rule:
    return Rule(
        everybody=told["everybody"],
        authenticated=told["authenticated"],
        fields=tuple(told["fields"]),
        users=frozenset(told["users"]),
        roles=frozenset(told["roles"]),
        denied_users=frozenset(told["denied_users"]),
        denied_roles=frozenset(told["denied_roles"]),
    )


def _tuple(fields: list[str] | None) -> tuple[str, ...] | None:
    return None if fields is None else tuple(fields)
