"""Lines of the vendors' exports as users and sessions."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import pytest

from gateway.dialects.dialect import Dialect
from gateway.errors import GatewayError
from gateway.model.account import ExportedSession, ExportedUser
from gateway.model.update import Set
from gateway.model.values import ACL, Date, GeoPoint, Pointer
from tests.store.test_passwords import BCRYPT, DIGEST, LEANCLOUD, SALT

MADE, CHANGED = "2020-01-02T03:04:05.678Z", "2021-01-02T03:04:05.678Z"
OWN = {"u1": {"read": True, "write": True}}

LEANCLOUD_LINE = {
    "objectId": "u1",
    "username": "tom",
    "password": DIGEST,
    "salt": SALT,
    "sessionToken": "p5byp2wbfzy9sb3sdcltfpk2k",
    "email": "tom@example.com",
    "emailVerified": False,
    "mobilePhoneNumber": None,
    "authData": {"weixin": {"openid": "o1"}},
    "birthday": {"__type": "Date", "iso": MADE},
    "createdAt": MADE,
    "updatedAt": CHANGED,
    "ACL": {"*": {"read": True, "write": True}},
}
PARSE_LINE = {
    "_id": "u1",
    "username": "tom",
    "_hashed_password": BCRYPT,
    "_session_token": "r:abc",
    "_auth_data_github": {"id": "g1", "expires": {"$numberLong": "5"}},
    "_auth_data_facebook": None,
    "_rperm": ["*", "u1"],
    "_wperm": ["u1"],
    "_acl": {"u1": {"r": True, "w": True}, "*": {"r": True}},
    "_p_team": "Team$t1",
    "_email_verify_token": "never taken over",
    "place": {"__type": "GeoPoint", "latitude": 1, "longitude": 2},
    "seen": {"$date": MADE},
    "deep": {"at": {"$date": MADE}},
    "_created_at": {"$date": MADE},
    "_updated_at": {"$date": {"$numberLong": "1609556645678"}},
}
SESSION_LINE = {
    "_id": "s1",
    "_session_token": "r:abc",
    "_p_user": "_User$u1",
    "expiresAt": {"$date": CHANGED},
    "createdWith": {"action": "login", "authProvider": "password"},
    "installationId": "phone",
    "restricted": False,
    "_created_at": {"$date": MADE},
}


def fields_of(exported: Any) -> dict[str, Any]:
    fields = {field.name: getattr(exported, field.name) for field in dataclasses.fields(exported)}
    fields["changes"] = {name: change.value for name, change in fields.get("changes", {}).items()}
    return fields


def test_a_user_of_leanclouds_export(dialects: Mapping[str, Dialect]) -> None:
    reader = dialects["leancloud"].export
    assert reader is not None
    assert reader.read('#filetype:JSON-streaming {"type":"Class","class":"_User"}\n') is None
    assert reader.read("\n") is None
    user = reader.read(json.dumps(LEANCLOUD_LINE) + "\n")
    assert isinstance(user, ExportedUser)
    assert fields_of(user) == {
        "id": "u1",
        "changes": {
            "username": "tom",
            "email": "tom@example.com",
            "emailVerified": False,
            "authData": {"weixin": {"openid": "o1"}},
            "birthday": Date(MADE),
            ACL: {"*": {"read": True, "write": True}},
        },
        "kept": LEANCLOUD,
        "token": "p5byp2wbfzy9sb3sdcltfpk2k",
        "shared": True,
        "created_at": Date(MADE),
        "updated_at": Date(CHANGED),
    }


def test_a_user_of_parses_database(dialects: Mapping[str, Dialect]) -> None:
    reader = dialects["parse"].export
    assert reader is not None
    user = reader.read(json.dumps(PARSE_LINE))
    assert isinstance(user, ExportedUser)
    assert fields_of(user) == {
        "id": "u1",
        "changes": {
            "username": "tom",
            "authData": {"github": {"id": "g1", "expires": 5}},
            "team": Pointer("Team", "t1"),
            "place": GeoPoint(1, 2),
            "seen": Date(MADE),
            "deep": {"at": Date(MADE)},
            ACL: {"*": {"read": True}, **OWN},
        },
        "kept": BCRYPT,
        "token": "r:abc",
        "shared": False,
        "created_at": Date(MADE),
        "updated_at": Date("2021-01-02T03:04:05.678Z"),
    }


def test_a_user_of_the_export_of_parse_com(dialects: Mapping[str, Dialect]) -> None:
    reader = dialects["parse"].export
    assert reader is not None
    line = {"objectId": "u1", "username": "tom", "bcryptPassword": BCRYPT, "createdAt": MADE, "updatedAt": CHANGED}
    user = reader.read(json.dumps({**line, "ACL": OWN}))
    assert isinstance(user, ExportedUser)
    assert (user.id, user.kept, user.changes[ACL]) == ("u1", BCRYPT, Set(OWN))


def test_a_session_of_parses_database(dialects: Mapping[str, Dialect]) -> None:
    reader = dialects["parse"].export
    assert reader is not None
    session = reader.read(json.dumps(SESSION_LINE))
    assert isinstance(session, ExportedSession)
    assert fields_of(session) == {
        "changes": {},
        "user_id": "u1",
        "token": "r:abc",
        "expires": Date(CHANGED),
        "created_with": {"action": "login", "authProvider": "password"},
        "installation_id": "phone",
        "restricted": False,
    }


DAMAGES: dict[str, tuple[dict[str, Any], str]] = {
    "no id": ({"_id": None}, "the id is missing"),
    "an id that is a number": ({"_id": 1}, "the id must be text"),
    "no time": ({"_created_at": None}, "the created_at is missing"),
    "a time that is none": ({"_created_at": "x"}, "the created_at must be a date, not 'x'"),
    "another form of password": (
        {"_hashed_password": "secret"},
        "the password is not kept as bcrypt, which this format has",
    ),
    "a password that would take years": (
        {"_hashed_password": BCRYPT.replace("$10$", "$31$")},
        "the password is not kept as bcrypt, which this format has",
    ),
    "a pointer to nothing": ({"_p_team": "Team"}, "expected Class$id, not 'Team'"),
    "a list of names that is none": ({"_rperm": "*"}, "expected a list of names, not '*'"),
    "a column that cannot be": ({"a-b": 1}, "invalid field name: 'a-b'"),
    "a key that cannot be": ({"o": {"a.b": 1}}, "a nested key must not contain '$' or '.': 'a.b'"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_what_cannot_be_read_is_told_without_a_password_or_a_token(name: str, dialects: Mapping[str, Dialect]) -> None:
    changes, message = DAMAGES[name]
    reader = dialects["parse"].export
    assert reader is not None
    with pytest.raises(GatewayError) as refusal:
        reader.read(json.dumps({**PARSE_LINE, **changes}))
    assert refusal.value.message == message


@pytest.mark.parametrize("line", ["{", "[]", "1", '"x"', "{}", "username,password"])
def test_a_line_that_is_none_is_told(line: str, dialects: Mapping[str, Dialect]) -> None:
    for dialect in dialects.values():
        if dialect.export is not None:
            with pytest.raises(GatewayError):
                dialect.export.read(line)
