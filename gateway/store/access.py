"""Who may do what with an object: its access control list, asked in Python for a row at hand and in SQL for all others.

A list has an entry for everybody it names: `{"*": {"read": true}, "u1": {"write": true}, "role:Mods": {"read": true}}`.
An object without one is everybody's, and one whose list is empty nobody's. Only `true` grants, so that a list that
makes no sense grants nothing. Parse REST guide, "Security"; Parse Server, `ACL`.

What a caller may not read is not there, in whatever way it is asked for.
"""

# ruff: noqa: S608 (SQL is put together here: of identifiers that were checked, numbers of our own, and parameters)

from __future__ import annotations

from enum import StrEnum
from typing import Final

import orjson

from gateway.model.operation import Caller

EVERYBODY: Final = "*"
ROLE_PREFIX: Final = "role:"


class Right(StrEnum):
    READ = "read"
    WRITE = "write"  # deleting is writing


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
    return any(type(entry := entries.get(name)) is dict and entry.get(right) is True for name in names_of(caller))


def grants_everybody_sql(acl: str, right: Right) -> str:
    """The same of a column, for a caller of no name: looking one entry up costs a fifth of walking all of them."""
    return f"""({acl} IS NULL OR {acl} -> '$."{EVERYBODY}".{right}' = 'true')"""


def grants_sql(acl: str, names: str, right: Right) -> str:
    """The same for a caller who has some. `names` is a parameter: a JSON list of them.

    Walking the few entries of a list costs the same however many roles there are, and no name becomes part of a path.
    """
    return (
        f"({acl} IS NULL OR EXISTS (SELECT 1 FROM json_each({acl}) AS entry"
        f" WHERE entry.key IN (SELECT value FROM json_each({names}))"
        # CASE: what is no object may be no JSON at all, and AND promises no order
        f" AND CASE entry.type WHEN 'object' THEN entry.value -> '$.{right}' END = 'true'))"
    )
