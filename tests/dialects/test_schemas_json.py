"""Classes as JSON: what is no class, no field, no index or no permission is told so, and breaks nothing."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.app import mappings_directory
from gateway.dialects.dialect import Dialect
from gateway.errors import Code, GatewayError, MappingError
from gateway.mapping.schema import MappingFile, read_mapping
from gateway.model.definition import CreateClass, GetSchema
from gateway.model.operation import Credentials, Result
from gateway.model.schema import Action, ClassPermissions, ClassSchema, Field, Kind, Rule, Type
from gateway.wire import HttpRequest, HttpResponse

WRONG: dict[str, tuple[dict[str, Any], Code, str]] = {
    "fields that are a list": ({"fields": []}, Code.BAD_JSON, "the fields must be an object, not []"),
    "a field that is a word": (
        {"fields": {"n": "Number"}},
        Code.BAD_VALUE,
        "the field n must be an object with a type, not 'Number'",
    ),
    "a field without a type": (
        {"fields": {"n": {}}},
        Code.BAD_VALUE,
        "the field n must be an object with a type, not {}",
    ),
    "a type that is none": ({"fields": {"n": {"type": "Numeral"}}}, Code.BAD_VALUE, "invalid field type: Numeral"),
    "a type that is no word": ({"fields": {"n": {"type": 1}}}, Code.BAD_VALUE, "invalid field type: 1"),
    "an option that is none": (
        {"fields": {"n": {"type": "Number", "unique": True}}},
        Code.BAD_REQUEST,
        "unknown key 'unique' in the body",
    ),
    "a system field": (
        {"fields": {"objectId": {"type": "String"}}},
        Code.RESERVED_FIELD,
        "field objectId cannot be added",
    ),
    "a system field to go": (
        {"fields": {"ACL": {"__op": "Delete"}}},
        Code.RESERVED_FIELD,
        "field ACL cannot be changed",
    ),
    "a path": ({"fields": {"a.b": {"type": "String"}}}, Code.BAD_FIELD_NAME, "invalid field name: a.b"),
    "a reserved name": (
        {"fields": {"length": {"type": "String"}}},
        Code.BAD_FIELD_NAME,
        "the field name 'length' is reserved",
    ),
    "an index of text": (
        {"indexes": {"i": {"a": "text"}}},
        Code.UNSUPPORTED,
        "an index goes up or down, 1 or -1; it cannot be 'text'",
    ),
    "an index of truth": (
        {"indexes": {"i": {"a": True}}},
        Code.UNSUPPORTED,
        "an index goes up or down, 1 or -1; it cannot be True",
    ),
    "an index of nothing": ({"indexes": {"i": {}}}, Code.BAD_QUERY, "the index i needs a field"),
    "permissions that are a list": (
        {"classLevelPermissions": []},
        Code.BAD_JSON,
        "the class level permissions must be an object, not []",
    ),
    "an action that is none": (
        {"classLevelPermissions": {"see": {}}},
        Code.BAD_REQUEST,
        "see is not a valid operation for class level permissions",
    ),
    "a permission that is not true": (
        {"classLevelPermissions": {"find": {"u1": 1}}},
        Code.BAD_REQUEST,
        "'1' is not a valid value for class level permissions acl find:u1",
    ),
    "somebody who is nobody": (
        {"classLevelPermissions": {"find": {"*unresolved": True}}},
        Code.BAD_REQUEST,
        "'*unresolved' is not a valid key for class level permissions",
    ),
    "fields that are no list": (
        {"classLevelPermissions": {"find": {"pointerFields": "owner"}}},
        Code.BAD_REQUEST,
        "find:pointerFields must be a list of the names of fields, not 'owner'",
    ),
    "protected fields that are no list": (
        {"classLevelPermissions": {"protectedFields": {"*": "email"}}},
        Code.BAD_REQUEST,
        "protectedFields:* must be a list of the names of fields, not 'email'",
    ),
    "a default list that is none": (
        {"classLevelPermissions": {"ACL": {"*": True}}},
        Code.BAD_ACL,
        "the ACL of '*' must hold read and write, each true or false",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said(name: str, dialects: Mapping[str, Dialect]) -> None:
    body, code, message = WRONG[name]
    with pytest.raises(GatewayError) as refused:
        dialects["parse"].read_request(HttpRequest("PUT", "/schemas/City", body=deepcopy(body)))
    assert (refused.value.code, refused.value.message) == (code, message)


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["*", "Number", "Pointer", "Delete"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=5)
            | st.sampled_from(["type", "find", "protectedFields", "*", "__op", "ACL", "defaultValue"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["className", "fields", "classLevelPermissions", "indexes"]), JUNK))
def test_junk_is_refused(body: dict[str, Any]) -> None:
    with suppress(GatewayError):
        PARSE.read_request(HttpRequest("POST", "/schemas/City", body=body))


def test_a_class_is_named_alike_in_path_and_body(dialects: Mapping[str, Dialect]) -> None:
    with pytest.raises(GatewayError) as refused:
        dialects["parse"].read_request(HttpRequest("POST", "/schemas/City", body={"className": "Town"}))
    assert (refused.value.code, refused.value.message) == (
        Code.BAD_CLASS_NAME,
        "Class name mismatch between Town and City.",
    )


def test_a_rule_with_a_denial_is_told_with_fewer_rights(dialects: Mapping[str, Dialect]) -> None:
    denied = ClassPermissions({Action.FIND: Rule(everybody=True, denied_users=frozenset({"u"}))})
    exchange = dialects["parse"].read_request(HttpRequest("GET", "/schemas/City"))
    answer = dialects["parse"].write_answer(exchange, Result(schema=ClassSchema("City", permissions=denied)))
    assert answer.body["classLevelPermissions"]["find"] == {}


@pytest.mark.parametrize("kind", [Kind.LINE_STRING, Kind.GEOMETRY])
@pytest.mark.parametrize("name", ["parse", "leancloud"])
def test_a_column_of_a_type_that_a_dialect_does_not_have_is_left_out(
    name: str, kind: Kind, dialects: Mapping[str, Dialect]
) -> None:
    dialect = dialects[name]
    exchange = dialect.read_request(dialect.write_request(GetSchema(class_name="City"), Credentials()))
    fields = {"shape": Field(Type(kind)), "name": Field(Type(Kind.STRING))}
    told = str(dialect.write_answer(exchange, Result(schema=ClassSchema("City", fields))).body)
    assert "name" in told
    assert "shape" not in told


@pytest.mark.parametrize("kind", [Kind.LINE_STRING, Kind.GEOMETRY])
def test_a_type_that_a_dialect_does_not_have_cannot_be_asked_for(kind: Kind, dialects: Mapping[str, Dialect]) -> None:
    making = CreateClass(class_name="City", fields={"shape": Field(Type(kind))})
    with pytest.raises(GatewayError) as refused:
        dialects["parse"].write_request(making, Credentials())
    assert (refused.value.code, refused.value.details["field"]) == (Code.UNSUPPORTED, "shape")


def test_permissions_are_not_there_where_a_dialect_has_none(dialects: Mapping[str, Dialect]) -> None:
    request = dialects["leancloud"].write_request(GetSchema(class_name="City"), Credentials())
    answer = dialects["leancloud"].write_answer(
        dialects["leancloud"].read_request(request), Result(schema=ClassSchema("City", permissions=ClassPermissions()))
    )
    assert answer.body == {name: {"type": kind} for name, kind in SYSTEM.items()}


def test_what_a_server_does_not_tell_of_a_class_is_not_made_up(dialects: Mapping[str, Dialect]) -> None:
    """LeanCloud answers the columns, and neither the name that it was asked for nor who may do what."""
    op = GetSchema(class_name="City")
    told = dialects["leancloud"].read_reply(op, HttpResponse(200, {"name": {"type": "String"}}))
    assert told.schema == ClassSchema("City", {"name": Field(Type(Kind.STRING))}, permissions=None)
    shown = dialects["parse"].write_answer(dialects["parse"].read_request(HttpRequest("GET", "/schemas/City")), told)
    assert shown.body["className"] == "City"
    assert "classLevelPermissions" not in shown.body
    assert shown.body["fields"]["name"] == {"type": "String"}


SYSTEM = {"objectId": "String", "createdAt": "Date", "updatedAt": "Date"}
FILE = read_mapping(mappings_directory() / "parse.yaml")
PARSE = Dialect("parse", FILE)

DAMAGES: dict[str, tuple[dict[str, Any], str]] = {
    "a type that is none": ({"types": {"Text": "Words"}}, "schemas.types.Text: expected one of String, Number,"),
    "a type without a word": ({"types": {"Text": "String"}}, "schemas.types: no word means Number"),
    "a codec that is none": ({"field": {"type": "$type|kind"}}, "schemas.field.type: there is no codec 'kind'"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_mapping_that_cannot_work_is_told_so(name: str) -> None:
    changes, message = DAMAGES[name]
    assert FILE.schemas is not None
    damaged = FILE.model_copy(update={"schemas": FILE.schemas.model_copy(update=changes)})
    assert isinstance(damaged, MappingFile)
    with pytest.raises(MappingError) as refused:
        Dialect("parse", damaged)
    assert str(refused.value).startswith(message)
