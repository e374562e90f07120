"""System fields are called in an error as the client knows them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gateway.dialects.dialect import Dialect
from gateway.errors import Code, GatewayError

TOLD = {
    "@acl is set by the server": "ACL is set by the server",
    "between @created_at and @updated_at": "between createdAt and updatedAt",
    "'@id' of @owner": "'objectId' of owner",
    "tom@id.example, a.@id, @identity and @": "tom@id.example, a.@id, @identity and @",
}


@pytest.mark.parametrize("text", TOLD)
@pytest.mark.parametrize("name", ["parse", "leancloud"])
def test_an_error_has_no_name_of_ours_in_it(name: str, text: str, dialects: Mapping[str, Dialect]) -> None:
    told = dialects[name].write_error(GatewayError(Code.BAD_QUERY, text))
    assert told.body["error"] == TOLD[text]


@pytest.mark.parametrize("name", ["parse", "leancloud"])
def test_nor_has_a_sentence_of_the_vendors(name: str, dialects: Mapping[str, Dialect]) -> None:
    told = dialects[name].write_error(GatewayError(Code.RESERVED_FIELD, "x", field="@acl"))
    assert "ACL" in told.body["error"]
    assert "@" not in told.body["error"]
