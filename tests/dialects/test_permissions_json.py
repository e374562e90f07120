"""Permissions in a list: what it says is read, and anything else is refused."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.dialects.permissions_json import MOST, PermissionsJson
from gateway.dialects.scalars import SCALARS
from gateway.errors import Code, GatewayError, MappingError
from gateway.mapping.schema import PermissionsSection
from gateway.mapping.shape import Codec, Compiler
from gateway.model.permission import Permission

TEMPLATE = {"may": "$right|text", "who": "$user", "group": "$role|text"}


def codec(**changes: Any) -> Codec:
    section = PermissionsSection(
        granted={**TEMPLATE, "how": "GRANT", **changes}, denied={**TEMPLATE, "how": "DENY", **changes}
    )
    permissions = PermissionsJson(section)
    permissions.define(Compiler(SCALARS, {}))
    return permissions.codecs()["permissions"]


def test_it_reads_what_it_writes() -> None:
    wire = [{"may": "read", "who": "u1", "how": "GRANT"}, {"may": "update", "group": "Mods", "how": "DENY"}]
    read = (Permission("read", user="u1"), Permission("update", granted=False, role="Mods"))
    assert codec().read([dict(one) for one in wire]) == read
    assert codec().write(read) == wire


@pytest.mark.parametrize(
    "wire",
    [None, {}, "GRANT", [None], [[]], [{}], [{"may": "read"}], [{"may": "read", "how": "MAYBE"}], [{"how": "GRANT"}]],
)
def test_what_is_no_permission_is_refused(wire: Any) -> None:
    with pytest.raises(GatewayError) as refusal:
        codec().read(wire)
    assert refusal.value.code is Code.BAD_VALUE


def test_there_are_so_many_at_the_most() -> None:
    one = {"may": "read", "who": "u1", "how": "GRANT"}
    assert len(codec().read([dict(one) for _ in range(MOST)])) == MOST
    with pytest.raises(GatewayError):
        codec().read([dict(one) for _ in range(MOST + 1)])


def test_a_template_has_whom_and_what() -> None:
    with pytest.raises(MappingError, match=r"permissions\.granted: must bind right, role, user"):
        codec(who="x")
