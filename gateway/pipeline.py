"""The story of a request, on one screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.authorise import Client, identify
from gateway.dialects.dialect import Dialect
from gateway.dialects.exchange import Exchange
from gateway.errors import Code, GatewayError
from gateway.model.operation import Caller, Credentials, Operation, Result
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
        client, caller = front.identify(dialect.read_credentials(request))
        exchange = dialect.read_request(request)
    except GatewayError as error:
        return dialect.write_error(error)
    try:
        answer: Result | GatewayError = complete(exchange.op, await client.backend.execute(exchange.op, caller))
    except GatewayError as error:
        answer = error
    return _written(dialect, exchange, answer)


def _written(dialect: Dialect, exchange: Exchange, answer: Result | GatewayError) -> HttpResponse:
    try:
        return dialect.write_answer(exchange, answer)
    except GatewayError as error:  # a value that the client's dialect has no words for
        return dialect.write_error(error)


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
