"""Records: what a mapping says of them is read and written, and what does not fit is refused."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.dialects.records_json import RecordsJson
from gateway.dialects.scalars import SCALARS
from gateway.errors import Code, GatewayError, MappingError
from gateway.mapping.shape import Codec, Compiler

TEMPLATES = {"message": {"messageId": "$id|text", "data": "$data", "error": "$error?"}}


@pytest.fixture
def codecs() -> dict[str, Codec]:
    records = RecordsJson(TEMPLATES)
    records.define(Compiler(SCALARS, {}, open=True))
    return records.codecs()


def test_a_record_and_a_list_of_them_come_back_as_they_were(codecs: dict[str, Codec]) -> None:
    parts = {"id": "m", "data": [1], "error": None}
    wire = {"messageId": "m", "data": [1], "error": None}
    assert (codecs["message"].write(parts), codecs["message"].read(wire)) == (wire, parts)
    assert (codecs["message_list"].write([parts]), codecs["message_list"].read([wire])) == ([wire], [parts])


def test_a_part_that_is_not_told_is_none_and_what_is_told_besides_is_read_past(codecs: dict[str, Codec]) -> None:
    assert codecs["message"].read({"messageId": "m", "more": 1}) == {"id": "m", "data": None, "error": None}


@pytest.mark.parametrize(("name", "wire"), [("message", []), ("message", {"messageId": 5}), ("message_list", {})])
def test_what_is_no_record_is_refused(name: str, wire: Any, codecs: dict[str, Codec]) -> None:
    with pytest.raises(GatewayError) as raised:
        codecs[name].read(wire)
    assert raised.value.code is Code.BAD_VALUE


def test_a_template_that_cannot_be_compiled_is_told_with_its_place() -> None:
    with pytest.raises(MappingError, match=r"records\.x\.a: there is no codec 'none'"):
        RecordsJson({"x": {"a": "$a|none"}}).define(Compiler(SCALARS, {}))
