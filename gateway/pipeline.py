"""The story of a request, on one screen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial

from gateway.authorise import Client, identify
from gateway.dialects.dialect import Dialect
from gateway.dialects.exchange import Exchange, Refused
from gateway.errors import Code, GatewayError
from gateway.model.operation import Caller, Credentials, Operation, Result, ServerTime
from gateway.model.values import Date
from gateway.wire import HttpRequest, HttpResponse

Execute = Callable[[Operation], Awaitable[Result]]


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
        execute: Execute = answer_openly
        if not dialect.asks_openly(request):
            client, caller = front.identify(dialect.read_credentials(request))
            execute = partial(client.backend.execute, caller=caller)
    except GatewayError as error:
        return dialect.write_error(error)
    exchange = dialect.read(request)
    if isinstance(exchange, Refused):
        return dialect.write_refusal(exchange)
    try:
        answer: Result | GatewayError = complete(exchange.op, await execute(exchange.op))
    except GatewayError as error:
        answer = error
    return _written(dialect, exchange, answer)


async def answer_openly(op: Operation) -> Result:
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
        result.id = getattr(op, "id", None)
    if result.updated_at is None:
        result.updated_at = result.created_at
    return result
