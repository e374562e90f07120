"""Who a request says it is, in every spelling of every vendor."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import pytest

from gateway.dialects.credentials import MD5_SIGN, digest
from gateway.dialects.dialect import Dialect
from gateway.errors import Code, GatewayError
from gateway.model.operation import Credentials, Signature
from gateway.wire import HttpRequest


def basic(text: str) -> str:
    return "Basic " + b64encode(text.encode()).decode()


DIGEST = "d5bcbb897e19b2f6633c716dfdfaf9be"

HEADERS: tuple[tuple[str, Mapping[str, str], Credentials], ...] = (
    ("parse", {}, Credentials()),
    ("parse", {"x-parse-application-id": "demo"}, Credentials("demo")),
    ("parse", {"x-parse-application-id": "demo", "x-parse-rest-api-key": "k"}, Credentials("demo", {"rest_key": "k"})),
    ("parse", {"x-parse-javascript-key": "k"}, Credentials(None, {"javascript_key": "k"})),
    ("parse", {"x-parse-client-key": "k"}, Credentials(None, {"client_key": "k"})),
    ("parse", {"x-parse-windows-key": "k"}, Credentials(None, {"dotnet_key": "k"})),
    ("parse", {"x-parse-master-key": "m"}, Credentials(None, {"master_key": "m"})),
    (
        "parse",
        {"x-parse-session-token": "r:1", "x-parse-installation-id": "i"},
        Credentials(session="r:1", installation_id="i"),
    ),
    ("parse", {"x-parse-rest-api-key": ""}, Credentials()),
    ("parse", {"authorization": basic("demo:m")}, Credentials("demo", {"master_key": "m"})),
    ("parse", {"authorization": basic("demo:javascript-key=k")}, Credentials("demo", {"javascript_key": "k"})),
    ("parse", {"authorization": basic("demo:a:b")}, Credentials("demo", {"master_key": "a:b"})),
    (
        "parse",
        {"authorization": basic("demo:m").lower()[:6] + basic("demo:m")[6:]},
        Credentials("demo", {"master_key": "m"}),
    ),
    (
        "parse",
        {"authorization": basic("demo:m"), "x-parse-application-id": "other"},
        Credentials("other", {"master_key": "m"}),
    ),
    ("parse", {"authorization": "Bearer x"}, Credentials()),
    ("parse", {"authorization": "Basic ***"}, Credentials()),
    ("parse", {"authorization": "Basic \u00e9"}, Credentials()),
    ("parse", {"authorization": "Basic /w=="}, Credentials()),
    ("parse", {"authorization": basic("demo")}, Credentials()),
    ("parse", {"x-lc-id": "demo"}, Credentials()),
    ("leancloud", {"x-lc-id": "demo", "x-lc-key": "k"}, Credentials("demo", {"app_key": "k"})),
    ("leancloud", {"x-lc-key": "m,master"}, Credentials(None, {"master_key": "m"})),
    ("leancloud", {"x-lc-key": ",master"}, Credentials(None, {"app_key": ",master"})),
    ("leancloud", {"x-lc-session": "s"}, Credentials(session="s")),
    ("leancloud", {"x-lc-sign": DIGEST + ",1453014943466"}, Credentials(signature=Signature(DIGEST, "1453014943466"))),
    (
        "leancloud",
        {"x-lc-sign": DIGEST.upper() + ",1453014943"},
        Credentials(signature=Signature(DIGEST, "1453014943")),
    ),
    (
        "leancloud",
        {"x-lc-sign": DIGEST + ",1453014943466,master"},
        Credentials(signature=Signature(DIGEST, "1453014943466", master=True)),
    ),
    (
        "leancloud",
        {"x-avoscloud-application-id": "demo", "x-avoscloud-application-key": "k", "x-avoscloud-session-token": "s"},
        Credentials("demo", {"app_key": "k"}, session="s"),
    ),
    ("leancloud", {"x-avoscloud-master-key": "m"}, Credentials(None, {"master_key": "m"})),
    (
        "leancloud",
        {"x-avoscloud-request-sign": DIGEST + ",1453014943466"},
        Credentials(signature=Signature(DIGEST, "1453014943466")),
    ),
    (
        "leancloud",
        {"x-uluru-application-id": "demo", "x-uluru-application-key": "k", "x-uluru-session-token": "s"},
        Credentials("demo", {"app_key": "k"}, session="s"),
    ),
    ("leancloud", {"x-uluru-master-key": "m"}, Credentials(None, {"master_key": "m"})),
    ("leancloud", {"x-uluru-application-id": "old", "x-lc-id": "new"}, Credentials("new")),
)


@pytest.mark.parametrize(("name", "headers", "expected"), HEADERS)
def test_headers_read_as_credentials(
    name: str, headers: Mapping[str, str], expected: Credentials, dialects: Mapping[str, Dialect]
) -> None:
    assert dialects[name].read_credentials(HttpRequest("GET", "/date", headers=headers)) == expected


BODIES: tuple[tuple[str, dict[str, Any], Credentials], ...] = (
    ("parse", {"_ApplicationId": "demo", "_JavaScriptKey": "k"}, Credentials("demo", {"javascript_key": "k"})),
    ("parse", {"_ApplicationId": "demo", "_MasterKey": "m"}, Credentials("demo", {"master_key": "m"})),
    (
        "parse",
        {"_ApplicationId": "demo", "_SessionToken": "r:1", "_InstallationId": "i"},
        Credentials("demo", session="r:1", installation_id="i"),
    ),
    ("leancloud", {"_ApplicationId": "demo", "_ApplicationKey": "k"}, Credentials("demo", {"app_key": "k"})),
    (
        "leancloud",
        {"_ApplicationId": "demo", "_MasterKey": "m", "_SessionToken": "s"},
        Credentials("demo", {"master_key": "m"}, session="s"),
    ),
)


@pytest.mark.parametrize(("name", "body", "expected"), BODIES)
def test_keys_in_a_body_read_as_credentials(
    name: str, body: dict[str, Any], expected: Credentials, dialects: Mapping[str, Dialect]
) -> None:
    request = dialects[name].unwrap(HttpRequest("POST", "/classes/Post", body={**body, "n": 1}))
    assert (dialects[name].read_credentials(request), request.body) == (expected, {"n": 1})


def test_keys_in_a_body_are_fields_where_the_application_stands_in_a_header(dialects: Mapping[str, Dialect]) -> None:
    # Parse Server: _ApplicationId is an invalid field name then
    headers = {"x-parse-application-id": "demo"}
    request = dialects["parse"].unwrap(HttpRequest("POST", "/classes/Post", {}, headers, {"_MasterKey": "m"}))
    assert dialects["parse"].read_credentials(request) == Credentials("demo")
    with pytest.raises(GatewayError) as refused:
        dialects["parse"].read_request(request)
    assert refused.value.code is Code.BAD_FIELD_NAME


@pytest.mark.parametrize("wire", [{"$ne": 1}, 5, None, ["m"], True])
def test_a_key_in_a_body_must_be_text(wire: Any, dialects: Mapping[str, Dialect]) -> None:
    with pytest.raises(GatewayError) as refused:
        dialects["parse"].unwrap(HttpRequest("POST", "/classes/Post", body={"_MasterKey": wire}))
    assert refused.value.code is Code.UNAUTHORIZED


@pytest.mark.parametrize("method", ["PATCH", "", "POST /x", 5, None, ["GET"]])
def test_a_method_in_a_body_must_be_one(method: Any, dialects: Mapping[str, Dialect]) -> None:
    with pytest.raises(GatewayError) as refused:
        dialects["parse"].unwrap(HttpRequest("POST", "/classes/Post", body={"_method": method}))
    assert refused.value.code is Code.BAD_REQUEST


WRITTEN: tuple[tuple[str, Credentials, Mapping[str, str]], ...] = (
    ("parse", Credentials("demo", {"rest_key": "k"}), {"x-parse-application-id": "demo", "x-parse-rest-api-key": "k"}),
    ("parse", Credentials("demo", {"master_key": "m"}), {"x-parse-application-id": "demo", "x-parse-master-key": "m"}),
    (
        "parse",
        Credentials(session="r:1", installation_id="i"),
        {"x-parse-session-token": "r:1", "x-parse-installation-id": "i"},
    ),
    ("leancloud", Credentials("demo", {"app_key": "k"}), {"x-lc-id": "demo", "x-lc-key": "k"}),
    (
        "leancloud",
        Credentials("demo", {"app_key": "k", "master_key": "m"}),
        {"x-lc-id": "demo", "x-lc-key": "m,master"},
    ),
    ("leancloud", Credentials("demo", session="s"), {"x-lc-id": "demo", "x-lc-session": "s"}),
    ("leancloud", Credentials(signature=Signature(DIGEST, "1", master=True)), {"x-lc-sign": DIGEST + ",1,master"}),
)


@pytest.mark.parametrize(("name", "credentials", "expected"), WRITTEN)
def test_credentials_are_written_once_each(
    name: str, credentials: Credentials, expected: Mapping[str, str], dialects: Mapping[str, Dialect]
) -> None:
    assert dialects[name].credentials.write(credentials) == expected


def test_the_digest_is_the_one_of_the_guide() -> None:
    # LeanCloud storage REST guide, "X-LC-Sign"
    assert digest("1453014943466", "UtOCzqb67d3sN12Kts4URwy8") == DIGEST


@pytest.mark.parametrize(
    "wire", ["", "x", DIGEST, DIGEST + ",", DIGEST + ",1,x", DIGEST[:-1] + ",1", DIGEST + ",-1", "é,1"]
)
def test_a_malformed_signature_is_unauthorized(wire: str) -> None:
    with pytest.raises(GatewayError) as refused:
        MD5_SIGN.read(wire)
    assert refused.value.code is Code.UNAUTHORIZED


def test_credentials_show_no_key() -> None:
    assert "secret" not in repr(Credentials("demo", {"master_key": "secret"}, session="secret"))


@pytest.mark.parametrize(
    ("sent", "context"),
    [({"k": [1]}, {"k": [1]}), ('{"k": 1}', {"k": 1}), ({}, None), ("", None), (None, None)],
)
def test_a_context_is_an_object_or_its_text_in_a_body(sent: Any, context: Any, dialects: Mapping[str, Dialect]) -> None:
    body = {"_method": "PUT", "_ApplicationId": "demo", "_context": sent, "a": 1}
    request = dialects["parse"].unwrap(HttpRequest("POST", "/classes/Post/x", {}, {}, body))
    assert (request.body, dialects["parse"].read_credentials(request).context) == ({"a": 1}, context)


@pytest.mark.parametrize("wire", ["[1]", "1", "null", "{", '{"a": ' + "[" * 200 + "]" * 200 + "}", "\udce9"])
def test_a_context_that_is_no_object_is_told_so(wire: str, dialects: Mapping[str, Dialect]) -> None:
    # recorded: a header with [1], 400 and 107 with these words
    request = HttpRequest(
        "POST", "/classes/Post", {}, {"x-parse-application-id": "demo", "x-parse-cloud-context": wire}
    )
    with pytest.raises(GatewayError, match=r"Invalid object for context\.") as refused:
        dialects["parse"].read_credentials(request)
    assert refused.value.code is Code.BAD_JSON
