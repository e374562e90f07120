"""The gateway against an OpenAPI document of Backendless' REST API: requests made from it, answers checked against it.

The document is a third party's, see tests/spec/. Where it is wrong it is mended below, mistake by mistake, so that the
checks stay as strict as they are: no answer of the gateway's own fault, no status and no media type that the document
does not have, and every answer as its schema says.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, given, settings
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.outside import outside_world
from tests.process import serving

DOCUMENT = Path(__file__).parent / "spec" / "backendless-openapi.yaml"
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
KEYS = "/APP-ID/API-KEY"
SERVER_CODE = "/APP-ID/CODE-KEY"
SUBSCRIPTION = "a-subscription"
"""In the place of one, whose id only the gateway knows."""

Operation = APIOperation[Any, Any, Any, Any]


def mended(document: dict[str, Any]) -> dict[str, Any]:
    paths, schemas = document["paths"], document["components"]["schemas"]
    refused = {"$ref": "#/components/responses/Error"}

    # an object's time of change and owner are null until there are any (the vendor's end-to-end suite)
    for name in ("updated", "ownerId"):
        schemas["DataObject"]["properties"][name]["nullable"] = True
    # so is every column of a user that has no value
    for name in ("email", "name"):
        schemas["User"]["properties"][name]["nullable"] = True
    # what is not in the cache is null, and no error; what is there is any JSON
    paths["/cache/{key}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"] = {}
    # a service answers what it likes
    service = paths["/services/{service-name}/{method-name}"]["post"]
    service["responses"]["200"]["content"]["application/json"]["schema"] = {}
    # clients tell an error by these two, so both are always there (the SDKs for Swift and JavaScript)
    schemas["ErrorResponse"]["required"] = ["code", "message"]
    # what an object is saved with is columns, and these four are the server's own
    schemas["DataObject"]["required"] = ["objectId", "created", "updated", "ownerId"]
    # rows of a query that names its columns, or groups, have those alone
    rows = paths["/data/{table-name}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    rows["items"] = {"type": "object", "required": ["___class"], "properties": {"___class": {"type": "string"}}}
    # the document has one refusal for each operation, or none; the vendor has a number for each reason, and its status:
    # 401 for a token that is not known, 403 for what somebody may not do, 404 for a table or an object that is not
    # there, 409 for an address that somebody has
    for path in paths.values():
        for operation in path.values():
            for status in ("400", "401", "403", "404", "409"):
                operation["responses"].setdefault(status, refused)
    # a message that went well has no error (the vendor's end-to-end suite)
    schemas["MessageStatus"]["properties"]["errorMessage"]["nullable"] = True
    # whoever asks for a mail once more is told to wait, whether there is such a user or not
    paths["/users/restorepassword/{identity}"]["get"]["responses"]["429"] = refused
    return document


def known(document: dict[str, Any]) -> dict[str, Any]:
    """Every name is of something that is there: chance alone would not find it."""
    components = document["components"]
    for name, it in {"TableName": "Person", "ObjectId": "O1", "CacheKey": "k", "CounterName": "c"}.items():
        components["parameters"][name]["schema"] = {"enum": [it]}
    parameters = {
        "where": ["age > 10", "name like 'B%' and age is not null", "objectId in ('O1', 'x')", "friends.name = 'Ann'"],
        "pageSize": [1, 10, 100],
        "offset": [0, 1],
        "sortBy": ["name desc", "age,name"],
        "property": ["name,age", "Count(objectId) as total"],
        "loadRelations": ["friends", "*"],
        "groupBy": ["name", "name,age"],
        "identity": ["u@b.c"],
        "service-name": ["Svc"],
        "method-name": ["meth"],
        "path": ["dir/kept.txt", "dir"],
        "channel-name": ["news"],
        "subscription-id": [SUBSCRIPTION],
    }
    for operation in (each for path in document["paths"].values() for each in path.values()):
        for parameter in operation.get("parameters", ()):
            if there := parameters.get(parameter.get("name", "")):
                parameter["schema"] = {"enum": there}
    columns = {"name": {"type": "string"}, "age": {"type": "integer"}, "born": {"type": "integer", "minimum": 0}}
    row = {"type": "object", "properties": columns, "additionalProperties": False}
    for path, method in (("/data/{table-name}", "post"), ("/data/{table-name}/{object-id}", "put")):
        document["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"] = row
    point = {"latitude": {"type": "number", "minimum": -90, "maximum": 90}}
    point["longitude"] = {"type": "number", "minimum": -180, "maximum": 180}
    new = {"type": "object", "required": [*point], "properties": point, "additionalProperties": False}
    document["paths"]["/geo/points"]["post"]["requestBody"]["content"]["application/json"]["schema"] = new
    form = document["paths"]["/files/{path}"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    form["required"], form["additionalProperties"] = ["file"], False
    text = {"type": "string", "minLength": 1, "maxLength": 100}
    message = components["schemas"]["PublishMessageRequest"]
    message["required"], message["additionalProperties"] = ["message"], False
    message["properties"] |= {
        "message": text,
        "pushBroadcast": {"enum": [0, 3]},
        "publishAt": {"enum": [0, 4102444800000]},
    }
    email = components["schemas"]["EmailRequest"]
    email["required"], email["additionalProperties"] = ["subject", "to", "bodyparts"], False
    parts = {"type": "object", "required": ["textmessage"], "properties": {"textmessage": text}}
    email["properties"] = {
        "subject": {"enum": ["S", "A long subject"]},
        "to": {"enum": [["u@b.c"]]},
        "bodyparts": {**parts, "additionalProperties": False},
    }
    registration = components["schemas"]["RegistrationRequest"]
    registration["required"] = ["email", "password"]
    registration["properties"]["email"] = {"type": "string", "format": "email"}
    registration["properties"]["password"] = {"enum": ["p"]}
    registration["additionalProperties"] = False
    components["schemas"]["LoginRequest"]["properties"] = {"login": {"enum": ["u@b.c"]}, "password": {"enum": ["p"]}}
    return document


def operations(document: dict[str, Any]) -> dict[str, Operation]:
    made = [each.ok() for each in schemathesis.openapi.from_dict(document).get_all_operations() if isinstance(each, Ok)]
    assert len(made) == sum(len(path) for path in document["paths"].values())
    return {operation.label: operation for operation in made}


def read() -> dict[str, Any]:
    return mended(yaml.safe_load(DOCUMENT.read_text(encoding="utf-8")))


OPERATIONS, KNOWN = operations(read()), operations(known(read()))
ALWAYS_RIGHT = ("GET /users/restorepassword/{identity}",)
"""Has one parameter, which can be any text."""

some = settings(
    max_examples=25,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("openapi")
    with outside_world() as outside:
        config = {
            "server": {"public_url": "https://api.example.com"},
            "apps": [
                {
                    "name": "demo",
                    "backend": "local",
                    "mail": "mail",
                    "functions": {"Svc.meth": outside.code},
                    "push": {"to": {"*": "sms"}, "clients": True},
                    "messaging": {"emails_an_hour": 100_000},
                    "clients": {
                        "backendless": {"app_id": "APP-ID", "rest_key": "API-KEY", "cloud_code_key": "CODE-KEY"}
                    },
                }
            ],
            "backends": {"local": {"type": "embedded", "url": f"sqlite:///{folder}/demo.db"}},
            "adapters": outside.adapters,
        }
        path = folder / "openapi.yaml"
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        with serving(folder, "--config", str(path)) as gateway:
            prepare(gateway.address)
            yield gateway.address


def ask(address: str, method: str, path: str, body: Any) -> Any:
    """As server code; raises where it is refused."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(address + SERVER_CODE + path, json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def prepare(address: str) -> None:
    columns = {"name": "STRING", "age": "INT", "born": "DATETIME"}
    table = {"name": "Person", "columns": [{"name": name, "dataType": kind} for name, kind in columns.items()]}
    ask(address, "POST", "/management/data/table", table)
    ask(address, "POST", "/users/register", {"email": "u@b.c", "password": "p"})


@pytest.fixture
def token(address: str) -> str:
    """Of a user who has just logged in; and two people, who may be gone after a test."""
    ask(address, "PUT", "/data/Person/upsert", {"objectId": "O1", "name": "Bob", "age": 20})
    ask(address, "PUT", "/data/Person/upsert", {"objectId": "O2", "name": "Ann"})
    ask(address, "PUT", "/files/binary/dir/kept.txt?overwrite=true", "aGVsbG8=")
    ask(address, "POST", "/data/Person/O1/friends:Person:n", ["O2"])
    return str(ask(address, "POST", "/users/login", {"login": "u@b.c", "password": "p"})["user-token"])


def statuses(operation: Operation, mode: GenerationMode, address: str, **headers: str) -> set[int]:
    """Of all answers to this operation; raises where one of them is not as the document says."""
    seen = set()
    subscription = ask(address, "POST", "/messaging/news/subscribe", {})["subscriptionId"]

    @some
    @given(operation.as_strategy(generation_mode=mode))
    def run(case: Case[Any]) -> None:
        if case.path_parameters.get("subscription-id") == SUBSCRIPTION:
            case.path_parameters["subscription-id"] = subscription
        answer = case.call_and_validate(base_url=address + KEYS, checks=CHECKS, headers=headers, timeout=60)
        seen.add(answer.status_code)

    run()
    return seen


@pytest.mark.parametrize("label", OPERATIONS)
def test_who_asks_for_what_is_there_gets_it_as_the_document_says(label: str, address: str, token: str) -> None:
    assert 200 in statuses(KNOWN[label], GenerationMode.POSITIVE, address, **{"user-token": token})


@pytest.mark.parametrize("label", OPERATIONS)
def test_what_the_document_allows_is_answered_or_refused_as_it_says(label: str, address: str) -> None:
    assert statuses(OPERATIONS[label], GenerationMode.POSITIVE, address)


@pytest.mark.parametrize("label", [label for label in OPERATIONS if label not in ALWAYS_RIGHT])
def test_what_it_does_not_allow_is_answered_or_refused_as_it_says(label: str, address: str) -> None:
    assert statuses(OPERATIONS[label], GenerationMode.NEGATIVE, address)
