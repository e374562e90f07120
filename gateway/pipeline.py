"""The story of a request, on one screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.authorise import Client, identify
from gateway.dialects.dialect import Dialect
from gateway.dialects.exchange import Exchange, Refused
from gateway.errors import Code, GatewayError
from gateway.model.operation import AppInfo, Caller, Credentials, Operation, Result, ServerTime
from gateway.model.values import ID, Date
from gateway.wire import HttpRequest, HttpResponse


@dataclass(frozen=True, slots=True)
class Front:
    """A dialect as it is served: `clients` are the applications whose clients speak it, by the id they send."""

    dialect: Dialect
    clients: Mapping[str, Client]
    domains: Mapping[str, Client] = field(default_factory=dict)
    """The applications that a host alone stands for."""

    @property
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


async def serve(front: Front, request: HttpRequest) -> HttpResponse:
    """Answers every GatewayError in the dialect's own form; anything else is a fault of ours, and is raised."""
    dialect, came = front.dialect, request
    try:
        request = dialect.unwrap(request)
        served = None if dialect.asks_openly(request) else front.identify(dialect.read_credentials(request))
    except GatewayError as error:
        return dialect.write_error(error)
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
    try:
        if served is None:
            result = answer_openly(exchange.op)
        else:
            client, caller = served
            caller = await client.backend.identify(exchange.op, caller)
            if isinstance(exchange.op, AppInfo):
                result = client.told(dialect.proves, dialect.read_credentials(request).keys)
            else:
                result = await client.backend.execute(exchange.op, caller)
        answer: Result | GatewayError = complete(exchange.op, result)
    except GatewayError as error:
        answer = error
    return _written(dialect, exchange, answer)


async def _passed_through(
    client: Client, caller: Caller, came: HttpRequest, request: HttpRequest, exchange: Exchange | Refused
) -> HttpResponse | None:
    """The backend's own answer; None where the request goes the way of all others, by which it may be refused."""
    way = client.pass_through
    if way is None or not way.takes(request, exchange):
        return None
    if isinstance(exchange, Exchange):
        caller = await client.backend.identify(exchange.op, caller)
        if await client.backend.refuses(exchange.op, caller):
            return None
    return await way.forward(came, exchange, caller)


def answer_openly(op: Operation) -> Result:
    """What anybody may ask, the gateway answers by itself."""
    assert isinstance(op, ServerTime), f"{op} is not open to everybody"
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
