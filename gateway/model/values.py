"""The values of a field.

None, bool, int, float, str, list and dict stand for themselves, `bytes` for binary data; the classes here stand for
the rest. They are not frozen by the interpreter (`frozen=True` doubles the cost of making one, and a page has
hundreds), but nothing changes one after it was made.

System fields are keys that start with `@`, so a client's own column called `id` or `created` never collides.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

ID = "@id"
CREATED_AT = "@created_at"
UPDATED_AT = "@updated_at"
ACL = "@acl"
OWNER = "@owner"
SYSTEM_FIELDS = (ID, CREATED_AT, UPDATED_AT, ACL, OWNER)

SCORE = "@score"
"""What a search tells of an object besides: how well it matches, from 0 on; and its texts with the words marked."""
HIGHLIGHTS = "@highlights"

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


@dataclass(slots=True, unsafe_hash=True, order=True)
class Date:
    """A moment, in UTC, to the millisecond.

    It is held as the one text `2026-01-02T03:04:05.678Z`, which sorts as the moment does: two of three wires and the
    stores have it in this form, and writing a `datetime` as text costs fifteen times as much as reading one.
    """

    iso: str

    @classmethod
    def read(cls, text: str) -> Date:
        """Any ISO 8601 date and time; one without a zone is UTC. Raises ValueError."""
        moment = datetime.fromisoformat(text)
        if len(text) == 24 and text[7] == "-" and text[10] == "T" and text[19] == "." and text[23] == "Z":
            return cls(text)  # the form that we keep, and now known to be a date (2026-W01-5 is one as well)
        return cls.from_datetime(moment)

    @classmethod
    def from_datetime(cls, moment: datetime) -> Date:
        """A naive moment is UTC. Raises ValueError where the year leaves 1 to 9999 on the way to UTC."""
        try:
            utc = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except OverflowError:
            raise ValueError(f"the date {moment.isoformat()} is out of range") from None
        return cls(utc.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z")

    @classmethod
    def from_ms(cls, ms: int) -> Date:
        """Milliseconds since 1970. Raises ValueError outside the years 1 to 9999."""
        try:
            # whole numbers all the way: a float can lose the last millisecond
            return cls.from_datetime(EPOCH + ms * MILLISECOND)
        except OverflowError:
            raise ValueError(f"{ms} milliseconds are out of range for a date") from None

    @classmethod
    def now(cls) -> Date:
        return cls.from_datetime(datetime.now(UTC))

    @property
    def ms(self) -> int:
        return (datetime.fromisoformat(self.iso) - EPOCH) // MILLISECOND


@dataclass(slots=True, unsafe_hash=True)
class Pointer:
    """A reference to one object, which need not exist."""

    class_name: str
    id: str


@dataclass(slots=True, unsafe_hash=True)
class Relation:
    """A field that holds any number of objects of one class; its members are asked for by a query (`RelatedTo`)."""

    class_name: str


@dataclass(slots=True, unsafe_hash=True)
class Reference:
    """In a batch: a pointer to what the item of that name makes or finds, known when it has run."""

    item: str
    class_name: str


@dataclass(slots=True, unsafe_hash=True)
class ResultOf:
    """In a batch: what the item of that name answers, known when it has run. It stands for any value, or for an id.

    `index` is of one object, or one id, of several; `field` of an object's field. With neither it is the id of what the
    item wrote, or, of an item that answers several, the list of their ids.
    """

    item: str
    index: int | None = None
    field: str | None = None


@dataclass(slots=True)
class File:
    """A file that was uploaded, or that stands elsewhere. Some vendors know it by `name`, others by `id`."""

    name: str | None = None
    url: str | None = None
    id: str | None = None
    mime_type: str | None = None
    metadata: dict[str, Any] | None = None
    called: str | None = None
    """What a file that is kept here is called, where that is not the last name of its path."""


@dataclass(slots=True, unsafe_hash=True)
class GeoPoint:
    """Degrees; north and east are positive."""

    latitude: float
    longitude: float


@dataclass(slots=True, unsafe_hash=True)
class LineString:
    """Two points or more, and what lies straight between them."""

    points: tuple[GeoPoint, ...]


@dataclass(slots=True, unsafe_hash=True)
class Polygon:
    """A closed ring, without what lies in its `holes`; of each ring the first point is repeated as the last."""

    points: tuple[GeoPoint, ...]
    holes: tuple[tuple[GeoPoint, ...], ...] = ()


Geometry = GeoPoint | LineString | Polygon


@dataclass(slots=True)
class Object:
    """An object in the place of a pointer to it (an include). `fields` has its system fields as well."""

    class_name: str
    fields: dict[str, Value]


class Inline(dict[str, "Value"]):
    """JSON of which only the column tells whether it is that, or an object in the place of a pointer: its `fields`."""

    __slots__ = ("fields",)

    def __init__(self, json: dict[str, Value], fields: Fields) -> None:
        super().__init__(json)
        self.fields = fields


Value = Any
"""None | bool | int | float | str | bytes | list[Value] | dict[str, Value] | one of the classes above.

A recursive union is more than mypy and the readers of messages can bear; dialects make nothing else, stores refuse it.
"""

Fields = dict[str, Value]
"""An object: its own columns, and its system fields under their `@` names."""
