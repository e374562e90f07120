"""Requests that go on to a backend of the same dialect as they came, and its answers as they are.

Nothing is taken apart and put together again: what a newer server knows and the gateway does not, passes. What goes on
was judged before all the same. A request that a route of the dialect fits is read, so that the one authoriser sees its
operation; only where no route does, the backend alone decides, and is asked with the keys of an ordinary client.

The client's keys stay here, wherever they stood, and those of the configuration go in their place; its session goes on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import orjson

from gateway.backends.remote import Remote, only_reads
from gateway.dialects.exchange import Exchange, Refused
from gateway.errors import Code
from gateway.model.administration import FindServers
from gateway.model.operation import AppInfo, Caller, Credentials
from gateway.wire import HttpRequest, HttpResponse, read_json

METHODS: Final = frozenset({"GET", "POST", "PUT", "DELETE", "PATCH"})

HOP_BY_HOP: Final = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""RFC 9110, 7.6.1; besides what the header Connection names."""

OF_THE_WAY_HERE: Final = HOP_BY_HOP | {
    # the body is sent on whole and decompressed, from here, to another host
    *("host", "content-length", "content-encoding", "accept-encoding", "expect"),
    # who somebody is, by what stands in front of the gateway: the backend would believe it of us
    *("cookie", "forwarded", "via", "x-real-ip"),
    # a request is judged by its own method
    *("x-http-method", "x-http-method-override", "x-method-override"),
}
OF_THE_WAY_BACK: Final = HOP_BY_HOP | {"content-length", "content-encoding", "date", "server", "set-cookie", "alt-svc"}

_SEPARATORS: Final = re.compile(r"[/\\]")


PERSONAL: Final = frozenset({"session", "installation_id"})
"""Credentials that are the client's own, there as here."""


class PassThrough:
    """One application on a server that speaks what its clients speak."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        self._dialect = remote.dialect
        self._credentials = remote.dialect.credentials.header_names
        families = {"-".join(name.split("-")[:2]) for name in self._credentials if name.count("-") > 1}
        self._keys = re.compile(rf"({'|'.join(map(re.escape, sorted(families))) or '(?!)'})-.*(key|sign)")
        """Names of headers that hold keys which the dialect does not know, or not yet."""

    def takes(self, request: HttpRequest, read: Exchange | Refused) -> bool:
        """Whether a request can go on as it came, if its operation may be done at all. `request` is unwrapped."""
        if request.method not in METHODS or _leads_out(request.path):
            return False
        if isinstance(read, Refused):
            unserved = read.route is None and read.error.code in (Code.UNKNOWN_ROUTE, Code.UNSUPPORTED)
            # a server may take what is written in another way for a path that it knows
            return unserved and not any(self._dialect.knows(request.method, path) for path in _spellings(request.path))
        if isinstance(read.op, AppInfo | FindServers):
            return False  # that would be the keys of the configuration, or the address of that server
        if read.route.batch is not None and urlsplit(request.base).path != self._remote.mount_for(Caller("")):
            return False  # its items have paths
        return not any(isinstance(item, Refused) for item in read.items)  # of these nobody has judged

    async def forward(self, request: HttpRequest, read: Exchange | Refused, caller: Caller) -> HttpResponse:
        """The backend's answer to the request, as it came. Raises GatewayError where there is none."""
        credentials = self._remote.credentials(caller)
        mount = self._remote.mount_for(caller)
        headers = {**self._passing(request), **self._dialect.credentials.write(credentials)}
        body = request.raw
        if (wrapped := self._wrapped(request)) is not None:
            body = orjson.dumps(self._rewrapped(wrapped, credentials))
            headers.pop(self._dialect.tunnel_unless, None)  # with it a server does not look for keys in the body
        query = f"?{request.query_text}" if request.query_text else ""
        again = isinstance(read, Exchange) and only_reads(read.op)
        status, told, answer = await self._remote.forward(
            request.method, f"{mount}{request.path}{query}", headers, body, again=again
        )
        return HttpResponse(status, answer, dict(self._told(told, request.base, mount, credentials)))

    # --- there ---

    def _passing(self, request: HttpRequest) -> dict[str, str]:
        """The headers of a client that are the backend's business."""
        named = {name.strip().lower() for name in request.headers.get("connection", "").split(",")}
        passing = {
            name: value
            for name, value in request.headers.items()
            if name not in OF_THE_WAY_HERE
            and name not in named
            and name not in self._credentials
            and not name.startswith(("proxy-", "x-forwarded-"))
            and not self._keys.fullmatch(name)
        }
        if "range" in passing:
            passing["accept-encoding"] = "identity"  # the part is one of the file, and not of its gzip
        return passing

    def _wrapped(self, request: HttpRequest) -> dict[str, Any] | None:
        """The body, where its client has put its keys there."""
        there = self._dialect.tunnel_headers
        if request.method != "POST" or self._dialect.tunnel_unless in request.headers or type(request.body) is not dict:
            return None
        body = read_json(request.raw or b"{}")  # reading has used up the other
        return body if type(body) is dict and not body.keys().isdisjoint(there) else None

    def _rewrapped(self, body: dict[str, Any], credentials: Credentials) -> dict[str, Any]:
        """The same with the credentials of the configuration, as far as a body has a place for them.

        Parse Server, middlewares.js: where it finds the id in the body, a JavaScript key in a header counts no more.
        """
        places = {
            name: self._dialect.credentials.slots_of(header) for name, header in self._dialect.tunnel_headers.items()
        }
        kept = {name: value for name, value in body.items() if places.get(name, PERSONAL) <= PERSONAL}
        ours = {"app_id": credentials.app_id, **credentials.keys}
        for name, slots in places.items():
            kept.update((name, value) for slot, value in ours.items() if slot in slots)
        return kept

    # --- and back ---

    def _told(
        self, headers: Mapping[str, str], base: str, mount: str, credentials: Credentials
    ) -> Iterator[tuple[str, str]]:
        named = {name.strip().lower() for name in headers.get("connection", "").split(",")}
        for name, value in headers.items():
            if name in OF_THE_WAY_BACK or name in named or name.startswith(("access-control-", "proxy-")):
                continue  # which sites may ask, the gateway has told
            text = self._located(value, base, mount) if name in ("location", "content-location") else value
            if not any(key in text for key in credentials.keys.values()):
                yield name, text

    def _located(self, location: str, base: str, mount: str) -> str:
        """An address as the client knows it, where it is one of the backend: by its own or by another name."""
        server = f"{self._remote.server}{mount}"
        if location == server or location.startswith((f"{server}/", f"{server}?")):
            return base + location.removeprefix(server)
        path = urlsplit(location).path
        if mount and path.startswith(f"{mount}/"):
            return base + location[location.index(f"{mount}/") + len(mount) :]
        return location


def _leads_out(path: str) -> bool:
    """Whether who joins a path with another one would come out somewhere else."""
    return not {".", ".."}.isdisjoint(_SEPARATORS.split(unquote(path)))


def _spellings(path: str) -> Iterator[str]:
    for spelling in (path, unquote(path)):
        yield spelling
        yield spelling.lower()
