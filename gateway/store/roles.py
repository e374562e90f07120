"""The roles that a user is in. All of it is one walk over the table of members, from the user up."""

# ruff: noqa: S608 (SQL is put together here: of identifiers that were checked, numbers of our own, and parameters)

from __future__ import annotations

from typing import Final

from gateway.model.account import ROLE, USER
from gateway.model.schema import Kind, Type
from gateway.store.connection import SqlValue
from gateway.store.schema import READ_VERSION, Schema, column_sql

MOST_ROLES: Final = 1000
"""Of one user. Those beyond it, in the order of their distance from the user, are not found: that grants less."""

NO_FIELD: Final = 0
"""No column has this number."""


def roles_query(schema: Schema, user_id: str) -> tuple[str, tuple[SqlValue, ...]] | None:
    """Gives one row: the version of the schema in the file, and a JSON list of names, or null. None where no class has
    roles.

    A user of a role that is in another's `roles` has the rights of that other one, over any number of levels (Parse
    REST guide, "Roles"). UNION keeps a role that was met before from being followed again, so a circle ends.
    """
    of = schema.classes.get(ROLE)
    if of is None:
        return None
    fields = {name: column.id for name, column in of.columns.items() if column.type == TYPES.get(name)}
    if not fields.keys() >= {"name", "users"}:
        return None
    # most users have no role at all: CASE spares them the walk
    direct = "SELECT owner FROM member WHERE field = ?1 AND member = ?2"
    text = f"""
        SELECT ({READ_VERSION}), CASE WHEN EXISTS ({direct}) THEN (
            WITH RECURSIVE held(role) AS (
                {direct}
                UNION
                SELECT above.owner FROM held CROSS JOIN member AS above ON above.field = ?3 AND above.member = held.role
                LIMIT ?4
            )
            SELECT json_group_array(DISTINCT name) FILTER (WHERE name IS NOT NULL)
            FROM (SELECT {column_sql("name")} AS name FROM held CROSS JOIN {of.table} ON id = role)
        ) END
    """
    return text, (fields["users"], user_id, fields.get("roles", NO_FIELD), MOST_ROLES)


RELATIONS: Final = {"users": Type(Kind.RELATION, USER), "roles": Type(Kind.RELATION, ROLE)}
TYPES: Final = {"name": Type(Kind.STRING), **RELATIONS}
"""A column of another type, which a client made before there was any role, says nothing of roles."""
