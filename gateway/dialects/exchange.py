"""One request as read, and what its answer will need."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import GatewayError
from gateway.mapping.route import Route
from gateway.model.operation import Operation
from gateway.wire import HttpRequest


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request as read. It keeps its route for the reply: two routes of one operation may answer differently.

    `items` are the requests of a batch, in order; the operation of the batch has those that could be read. `sent` are
    the items as they came, where the answer may have to show one.
    """

    op: Operation
    route: Route
    base: str
    items: tuple[Exchange | Refused, ...] = ()
    sent: tuple[bytes, ...] = ()
    beside: str | None = None
    """A field that was not asked for: without it another one could not be told as it should."""
    asked: HttpRequest | None = None
    """The request, where the answer tells how to ask for what comes next."""


@dataclass(frozen=True, slots=True)
class Refused:
    """One request that could not be read. Its route, where it has one, may have its own way to tell the error."""

    error: GatewayError
    route: Route | None = None
    sent: bytes | None = None
    """The item of a batch that could not be read, as it came."""
