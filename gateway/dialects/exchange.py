"""One request as read, and what its answer will need."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import GatewayError
from gateway.mapping.route import Route
from gateway.model.operation import Operation


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request as read. It keeps its route for the reply: two routes of one operation may answer differently.

    `items` are the requests of a batch, each as read, or as the error that it could not be read for; the operation of
    the batch has those that could.
    """

    op: Operation
    route: Route
    base: str
    items: tuple[Exchange | GatewayError, ...] = ()
