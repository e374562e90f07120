"""Objects in groups of groups, as `FindGroups` tells them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.model.values import Value


@dataclass(frozen=True, slots=True)
class Step:
    """One group on the way to others: the objects with this value in a field. None is those without a value."""

    field: str
    value: Value = None


@dataclass(slots=True)
class Level:
    """A page of groups, or of the objects of an innermost one. `more` is whether there is more behind it.

    Of a group that the answer does not open `items` is empty, and there is more.
    """

    items: list[Any]
    more: bool = False


@dataclass(slots=True)
class Group:
    """The objects of one value in a field, and what of them is shown."""

    field: str
    value: Value
    level: Level
