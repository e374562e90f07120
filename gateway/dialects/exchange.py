"""One request as read, and what its answer will need."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import GatewayError
from gateway.mapping.route import Route
from gateway.model.operation import Operation


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request as read. It keeps its route for the reply: two routes of one operation may answer differently.

    `items` are the requests of a batch, in order; the operation of the batch has those that could be read.
    """

    op: Operation
    route: Route
    base: str
    items: tuple[Exchange | Refused, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """One request that could not be read. Its route, where it has one, may have its own way to tell the error."""

    error: GatewayError
    route: Route | None = None
