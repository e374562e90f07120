"""The story of a request, on one screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gateway.authorise import Client, identify
from gateway.dialects.dialect import Dialect
from gateway.dialects.exchange import Exchange, Refused
from gateway.errors import Code, GatewayError
from gateway.model.operation import Batch, Caller, Credentials, Operation, Result, ServerTime
from gateway.model.values import ID, Date
from gateway.wire import HttpRequest, HttpResponse


@dataclass(frozen=True, slots=True)
class Front:
    """A dialect as it is served: `clients` are the applications whose clients speak it, by the id they send."""

    dialect: Dialect
    clients: Mapping[str, Client]

    def identify(self, credentials: Credentials) -> tuple[Client, Caller]:
        client = self.clients.get(credentials.app_id or "")
        if client is None:
            raise GatewayError(Code.UNAUTHORIZED, "unauthorized")
        dialect = self.dialect
        return client, identify(client, credentials, dialect.proves, open_without_keys=dialect.open_without_keys)


async def serve(front: Front, request: HttpRequest) -> HttpResponse:
    """Answers every GatewayError in the dialect's own form; anything else is a fault of ours, and is raised."""
    dialect = front.dialect
    try:
        request = dialect.unwrap(request)
        served = None if dialect.asks_openly(request) else front.identify(dialect.read_credentials(request))
    except GatewayError as error:
        return dialect.write_error(error)
    exchange = dialect.read(request)
    if isinstance(exchange, Refused):
        return dialect.write_refusal(exchange)
    try:
        if served is None:
            result = answer_openly(exchange.op)
        else:
            client, caller = served
            exchange = without_what_is_the_masters(exchange, client, caller)
            result = await client.backend.execute(exchange.op, await client.backend.identify(exchange.op, caller))
        answer: Result | GatewayError = complete(exchange.op, result)
    except GatewayError as error:
        answer = error
    return _written(dialect, exchange, answer)


def without_what_is_the_masters(exchange: Exchange, client: Client, caller: Caller) -> Exchange:
    """The exchange without items that their dialect keeps from clients unless the application opens it.

    Raises GatewayError(FORBIDDEN) where it is kept from them itself, or one that it must not be done without.
    """
    refusal = _kept_for_the_master(exchange, client, caller)
    if refusal is not None:
        raise refusal
    if caller.master or not exchange.items:
        return exchange
    items: list[Exchange | Refused] = []
    names: list[str | None] = []
    op = exchange.op
    assert isinstance(op, Batch)
    given = iter(op.names)
    for item in exchange.items:
        refusal = _kept_for_the_master(item, client, caller) if isinstance(item, Exchange) else None
        name = next(given, None) if isinstance(item, Exchange) else None
        if refusal is None:
            items.append(item)
            if isinstance(item, Exchange):
                names.append(name)
        elif op.atomic:
            raise refusal
        else:
            items.append(Refused(refusal, item.route))
    kept = tuple(item.op for item in items if isinstance(item, Exchange))
    if len(kept) == len(op.items):
        return exchange
    return replace(exchange, op=replace(op, items=kept, names=tuple(names) if op.names else ()), items=tuple(items))


def _kept_for_the_master(exchange: Exchange, client: Client, caller: Caller) -> GatewayError | None:
    setting = exchange.route.master_unless
    if setting is None or caller.master or setting in client.opened:
        return None
    return GatewayError(Code.FORBIDDEN, f"only the master may ask this; the setting {setting} opens it")


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
