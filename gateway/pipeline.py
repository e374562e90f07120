"""The story of a request, on one screen."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from gateway.authorise import Client, identify
from gateway.dialects.addresses import ADDRESSES
from gateway.dialects.dialect import Dialect
from gateway.dialects.exchange import Exchange, Refused
from gateway.errors import Code, GatewayError
from gateway.mapping.route import Route
from gateway.model.administration import FindServers, Health
from gateway.model.once import TakeRequest
from gateway.model.operation import AppInfo, Caller, Credentials, Operation, Result, ServerTime
from gateway.model.values import ID, Date
from gateway.wire import HttpRequest, HttpResponse


class Owners(Protocol):
    async def execute(self, op: Operation, email: str, password: str) -> Result:
        """What the owner of applications asks of them. Raises GatewayError."""

    async def look_for(self, app_id: str) -> None:
        """Whether there is such an application by now: if so, it is among the clients. Raises GatewayError."""


@dataclass(frozen=True)
class Front:
    """A dialect as it is served: `clients` are the applications whose clients speak it, by the id they send.

    Others may come while it is served, but none whose requests pass through.
    """

    dialect: Dialect
    clients: Mapping[str, Client]
    domains: Mapping[str, Client] = field(default_factory=dict)
    """The applications that a host alone stands for."""
    owners: Owners | None = None
    """Who answers what is asked with an account, and without an application."""

    @functools.cached_property
    def passes_through(self) -> bool:
        """Whether some application may want requests as they came."""
        return any(client.pass_through is not None for client in self.clients.values())

    def identify(self, credentials: Credentials) -> tuple[Client, Caller]:
        if credentials.app_id is not None:
            client = self.clients.get(credentials.app_id)
        else:
            client = self.domains.get(credentials.domain or "")
        if client is None:
            raise GatewayError(Code.UNAUTHORIZED, "unauthorized")
        dialect = self.dialect
        return client, identify(
            client,
            credentials,
            dialect.proves,
            open_without_keys=dialect.open_without_keys,
            master_has_user=dialect.master_has_user,
        )

    async def who(self, request: HttpRequest, named: tuple[Route, str] | None) -> tuple[Client, Caller] | None:
        """Who asks, as the address says where it is `named`; None where anybody may. Raises GatewayError."""
        if named is None and self.dialect.asks_openly(request):
            return None
        credentials = Credentials(named[1]) if named is not None else self.dialect.read_credentials(request)
        if credentials.app_id is not None and credentials.app_id not in self.clients and self.owners is not None:
            await self.owners.look_for(credentials.app_id)
        if named is not None:
            return self.named(named[1])
        try:
            return self.identify(credentials)
        except GatewayError:
            if self.dialect.refuses_openly(request):
                return None
            raise

    async def check(self, request: HttpRequest) -> None:
        """Raises GatewayError(UNAUTHORIZED) where nobody asks that is known; the body need not be there yet."""
        await self.who(request, self.dialect.keyless(request))

    def named(self, app_id: str) -> tuple[Client, Caller]:
        """Whoever comes with the address of what is public, or signed."""
        client = self.clients.get(app_id)
        if client is None:
            raise GatewayError(Code.UNAUTHORIZED, "unauthorized")
        return client, Caller(client.app)


async def serve(front: Front, request: HttpRequest) -> HttpResponse:
    """Answers every GatewayError in the dialect's own form; anything else is a fault of ours, and is raised."""
    dialect, came = front.dialect, request
    named: tuple[Route, str] | None = None
    served: tuple[Client, Caller] | None = None
    try:
        request = dialect.unwrap(request)
        if (account := dialect.account_of(request)) is not None:
            return await _serve_owner(front, request, *account)
        named = dialect.keyless(request)
        served = await front.who(request, named)
    except GatewayError as error:
        return dialect.write_error(error, None if named is None else named[0])
    if served is not None:
        ADDRESSES.set(dialect.addresses(request.base, served[0].app_id, served[0].sign))
    exchange = dialect.read(request)
    if came.fault is not None and (isinstance(exchange, Exchange) or exchange.route is not None):
        return dialect.write_error(came.fault)
    if served is not None:
        try:
            passed = await _passed_through(*served, came, request, exchange)
        except GatewayError as error:
            return dialect.write_error(error, exchange.route)
        if passed is not None:
            return passed
    if came.fault is not None:
        return dialect.write_error(came.fault)
    if isinstance(exchange, Refused):
        return dialect.write_refusal(exchange)
    answer: Result | GatewayError
    try:
        answer = complete(exchange.op, await _executed(dialect, request, exchange, served))
    except GatewayError as error:
        answer = error
    return _written(dialect, exchange, answer)


async def _executed(
    dialect: Dialect, request: HttpRequest, exchange: Exchange, served: tuple[Client, Caller] | None
) -> Result:
    if served is None:
        return answer_openly(exchange.op)
    client, caller = served
    caller = await client.backend.identify(exchange.op, caller)
    if client.once is not None and exchange.route.once is not None:
        request_id = request.headers.get(exchange.route.once)
        if request_id and client.once.takes(request.path):
            await client.backend.execute(TakeRequest(request_id=request_id, lasts=client.once.lasts), caller)
    if isinstance(exchange.op, AppInfo):
        return client.told(dialect.proves, dialect.read_credentials(request).keys)
    if isinstance(exchange.op, FindServers):
        return Result(url=client.served_at(exchange.op, request.base))
    return await client.backend.execute(exchange.op, caller)


async def _serve_owner(front: Front, request: HttpRequest, email: str, password: str) -> HttpResponse:
    exchange = front.dialect.read(request)
    if isinstance(exchange, Refused):
        return front.dialect.write_refusal(exchange)
    if front.owners is None:
        return front.dialect.write_error(GatewayError(Code.UNAUTHORIZED, "unauthorized"), exchange.route)
    answer: Result | GatewayError
    try:
        answer = await front.owners.execute(exchange.op, email, password)
    except GatewayError as error:
        answer = error
    return _written(front.dialect, exchange, answer)


async def _passed_through(
    client: Client, caller: Caller, came: HttpRequest, request: HttpRequest, exchange: Exchange | Refused
) -> HttpResponse | None:
    """The backend's own answer; None where the request goes the way of all others, by which it may be refused."""
    way = client.pass_through
    if way is None or _is_of_bytes(came, exchange) or not way.takes(request, exchange):
        return None
    if isinstance(exchange, Exchange):
        caller = await client.backend.identify(exchange.op, caller)
        if await client.backend.refuses(exchange.op, caller):
            return None
    return await way.forward(came, exchange, caller)


def _is_of_bytes(came: HttpRequest, exchange: Exchange | Refused) -> bool:
    """A file's bytes are handed on a piece at a time, and not as a body."""
    route = exchange.route
    return came.content is not None or (route is not None and route.reply.content)


def answer_openly(op: Operation) -> Result:
    """What anybody may ask, the gateway answers by itself."""
    assert isinstance(op, ServerTime | Health), f"{op} is not open to everybody"
    return Result(moment=Date.now())


def _written(dialect: Dialect, exchange: Exchange, answer: Result | GatewayError) -> HttpResponse:
    try:
        return dialect.write_answer(exchange, answer)
    except GatewayError as error:  # a value that the client's dialect has no words for
        return dialect.write_error(error, exchange.route)


def complete(op: Operation, result: Result) -> Result:
    """What the request said and the backend need not repeat; in a batch, of each item."""
    items = getattr(op, "items", None)
    if items is not None:
        for item, answer in zip(items, result.items or [], strict=True):
            if isinstance(answer, Result):
                complete(item, answer)
        return result
    if result.id is None:
        result.id = getattr(op, "id", None) or (result.object or {}).get(ID)
    if result.updated_at is None:
        result.updated_at = result.created_at
    return result
