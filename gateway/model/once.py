"""Requests that are done once, however often they arrive: a client that got no answer sends the same one again."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.model.operation import Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeRequest(Operation):
    """Takes the id of a request before it is done, for `lasts` seconds. DUPLICATE_REQUEST where it is taken.

    It stays taken whatever becomes of the request: nobody knows how far one came that failed. No mapping has a word
    for this, as an id comes along with another operation.
    """

    request_id: str
    lasts: float
