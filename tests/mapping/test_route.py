"""Of several routes with one path: which one a request is for."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gateway.dialects.dialect import Dialect
from gateway.errors import Code, GatewayError, MappingError
from gateway.mapping.route import Only, PathTemplate
from gateway.model.files import CountFiles, FindFiles, HasFile, MakeDirectory, SaveFile
from gateway.model.operation import Operation
from gateway.wire import HttpRequest


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (HttpRequest("GET", "/files/a/b", {"action": "exists"}), HasFile),
        (HttpRequest("GET", "/files/a/b", {"action": "count"}), CountFiles),
        (HttpRequest("GET", "/files/a/b"), FindFiles),
        # a word of the path goes before the rest of it, but for who does not say what it needs
        (HttpRequest("GET", "/files/exists/b"), FindFiles),
        (HttpRequest("GET", "/files/exists/b", headers={"application-id": "x"}), HasFile),
        (HttpRequest("POST", "/files/a/b/"), MakeDirectory),
        (HttpRequest("POST", "/files/a/b", body={"url": "http://files.example/"}), SaveFile),
    ],
    ids=str,
)
def test_what_stands_beside_the_path_tells_routes_apart(
    dialects: Mapping[str, Dialect], request_: HttpRequest, expected: type[Operation]
) -> None:
    assert type(dialects["backendless"].read_request(request_).op) is expected


@pytest.mark.parametrize(
    "request_",
    [
        HttpRequest("POST", "/files/a/b"),
        HttpRequest("GET", "/files/a/b", {"action": "other"}),
        HttpRequest("GET", "/files/a/b", {"action": ("exists", "count")}),
    ],
    ids=str,
)
def test_what_fits_none_is_refused(dialects: Mapping[str, Dialect], request_: HttpRequest) -> None:
    with pytest.raises(GatewayError) as error:
        dialects["backendless"].read_request(request_)
    assert error.value.code in (Code.UNKNOWN_ROUTE, Code.UNKNOWN_PARAMETER)


@pytest.mark.parametrize(
    ("query", "headers", "path", "fits"),
    [
        ({"a": "1"}, {"user-agent": "SDK/1.2"}, "/x/", True),
        ({"a": "2"}, {"user-agent": "SDK/1.2"}, "/x/", False),
        ({}, {"user-agent": "SDK/1.2"}, "/x/", False),
        ({"a": "1"}, {"user-agent": "another SDK/1.2"}, "/x/", False),
        ({"a": "1"}, {}, "/x/", False),
        ({"a": "1"}, {"user-agent": "SDK/1.2"}, "/x", False),
        ({"a": ("1", "1")}, {"user-agent": "SDK/1.2"}, "/x/", False),
    ],
)
def test_all_of_it_must_fit(query: Mapping[str, object], headers: Mapping[str, str], path: str, fits: bool) -> None:
    assert Only({"a": "1"}, {"user-agent": "SDK/*"}, slash=True).fits(query, headers, path) is fits


def test_a_hole_that_takes_the_rest_goes_both_ways() -> None:
    path = PathTemplate.compile("/files/{app_id}/{path*}")
    assert path.build({"app_id": "a b", "path": "x/y z.txt"}) == "/files/a%20b/x/y%20z.txt"
    assert path.match(["files", "a%20b", "x", "y%20z.txt"]) == {"app_id": "a b", "path": "x/y z.txt"}
    assert path.match(["files", "a", "x%2Fy"]) == {"app_id": "a", "path": "x/y"}
    assert path.match(["files", "a"]) is None
    assert path.match(["other", "a", "x"]) is None
    for text in ("../x", "x/..", "x//y", "", "."):
        with pytest.raises(GatewayError):
            path.build({"app_id": "a", "path": text})


def test_a_hole_that_takes_the_rest_is_the_last() -> None:
    with pytest.raises(MappingError, match="must be the last"):
        PathTemplate.compile("/files/{path*}/more")
