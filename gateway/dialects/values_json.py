"""Values as JSON with tagged objects, such as `{"__type": "Date", "iso": "2026-01-02T03:04:05.678Z"}`.

What a tag looks like is a template of the mapping (`values:`); here it becomes a closure. Data is translated where it
stands: decoded JSON belongs to the reader, and a result to the writer, so a page costs one walk each way and no
second copy. Only what is tagged is made anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gateway.dialects.addresses import called, own, url_of
from gateway.dialects.scalars import bad_value, shown
from gateway.errors import Code, GatewayError, MappingError
from gateway.mapping.shape import Constant, Either, Passed, Record, Shape, Slot
from gateway.model.values import ID, Date, File, GeoPoint, LineString, Object, Pointer, Polygon, Relation

Reader = Callable[[Any], Any]

VALUE_CLASSES: Mapping[str, type] = {
    "date": Date,
    "pointer": Pointer,
    "relation": Relation,
    "file": File,
    "geopoint": GeoPoint,
    "linestring": LineString,
    "polygon": Polygon,
    "bytes": bytes,
    "object": Object,
}
REQUIRED_SLOTS: Mapping[str, frozenset[str]] = {
    "date": frozenset({"iso"}),
    "pointer": frozenset({"class_name", "id"}),
    "relation": frozenset({"class_name"}),
    "file": frozenset(),
    "geopoint": frozenset({"latitude", "longitude"}),
    "linestring": frozenset({"points"}),
    "polygon": frozenset({"points"}),
    "bytes": frozenset({"value"}),
    "object": frozenset({"class_name", "fields"}),
}
OPTIONAL_SLOTS: Mapping[str, frozenset[str]] = {
    "file": frozenset({"name", "url", "id", "mime_type", "metadata", "called"}),
}

# the kinds that a page has hundreds of: their fields by position, so that one is made without a dict of arguments
POSITIONS: Mapping[str, tuple[str, ...]] = {
    "date": ("iso",),
    "pointer": ("class_name", "id"),
    "geopoint": ("latitude", "longitude"),
}

_PLAIN = frozenset({str, int, float, bool, type(None)})


class ValuesJson:
    """Reads and writes values by a mapping's `values:`. The compiled templates come in through `define`.

    With `as_pointers` an object in the place of a pointer is read as the pointer: that is what a client means that
    saves one, as it saves the object itself on its own.
    """

    def __init__(self, tag: str, *, as_pointers: bool = False) -> None:
        self.tag = tag
        self._as_pointers = as_pointers
        self.made = 0
        """How many values were made so far: where none was, there is none to be written."""
        self._readers: dict[str, Reader] = {}
        self._id_keys: dict[str, str] = {}
        """In which key of what has a tag its id is."""
        self._writers: dict[type, Callable[[Any], Any]] = {}

    # --- compiling ---

    def define(self, kind: str, shape: Shape, where: str) -> None:
        """Teaches one kind of value. Several alternatives are all read, and the first is written."""
        cls = VALUE_CLASSES.get(kind)
        if cls is None:
            raise MappingError(f"{where}: there is no kind of value {kind!r}; there are {', '.join(VALUE_CLASSES)}")
        for record in shape.shapes if isinstance(shape, Either) else (shape,):
            if not isinstance(record, Record) or not isinstance(record.parts.get(self.tag), Constant):
                raise MappingError(f"{where}: must be an object with the constant {self.tag!r}")
            slots, allowed = record.slots(), REQUIRED_SLOTS[kind] | OPTIONAL_SLOTS.get(kind, frozenset())
            if missing := REQUIRED_SLOTS[kind] - slots:
                raise MappingError(f"{where}: does not bind {', '.join(sorted(missing))}")
            if wrong := slots - allowed:
                raise MappingError(f"{where}: a {kind} has no {', '.join(sorted(wrong))}")
            name = record.fill({})[self.tag]
            if cls is Object and name in self._readers:
                # one tag for pointers and for the objects in their place: the latter have more keys
                whole = self._compile_reader(kind, record)
                self._readers[name] = self._either(self._readers[name], whole, record, self._id_keys[name])
            elif name in self._readers:
                raise MappingError(f"{where}: {self.tag} {name!r} reads as two kinds of value")
            else:
                self._readers[name] = self._compile_reader(kind, record)
                named = (key for key, part in record.parts.items() if isinstance(part, Slot) and part.name == "id")
                self._id_keys[name] = next(named, "")
            if cls not in self._writers:
                self._writers[cls] = self._compile_writer(kind, record)

    def _either(self, pointer: Reader, whole: Reader, record: Record, id_key: str) -> Reader:
        keys = len(record.parts) + 1  # and the id, which an object has among its fields
        as_pointers = self._as_pointers

        def read(wire: dict[str, Any]) -> Any:
            # without an id it is an object that was never saved: the JavaScript SDK's AV.Cloud.rpc
            is_whole = len(wire) > keys or (id_key not in wire and not as_pointers)
            return whole(wire) if is_whole else pointer(wire)

        return read

    def _compile_reader(self, kind: str, record: Record) -> Reader:
        cls: Callable[..., Any] = VALUE_CLASSES[kind]
        pairs = [(key, part.name, part.codec.read) for key, part in record.parts.items() if isinstance(part, Slot)]
        order = POSITIONS.get(kind)
        if order is not None and record.rest is None:
            pairs.sort(key=lambda pair: order.index(pair[1]))
            if len(pairs) == 1:
                ((key, _, decode),) = pairs

                def read_one(wire: dict[str, Any]) -> Any:
                    if key not in wire:
                        raise self._not_valid(wire)
                    return cls(decode(wire[key]))

                return read_one
            (key1, _, decode1), (key2, _, decode2) = pairs

            def read_two(wire: dict[str, Any]) -> Any:
                if key1 not in wire or key2 not in wire:
                    raise self._not_valid(wire)
                return cls(decode1(wire[key1]), decode2(wire[key2]))

            return read_two
        return self._general_reader(kind, cls, record)

    def _general_reader(self, kind: str, cls: Callable[..., Any], record: Record) -> Reader:
        required = REQUIRED_SLOTS[kind]

        def read(wire: dict[str, Any]) -> Any:
            bound = record.match(wire)
            if bound is not None and cls is Object:
                bound.setdefault("fields", {})
            if bound is None or not required <= bound.keys():
                raise GatewayError(Code.BAD_VALUE, f"this is not a valid {kind}: {shown(wire)}", name=kind)
            if self._as_pointers and cls is Object:
                return self._pointer(bound)
            if cls is File:
                return own(File(**bound))
            return bound["value"] if cls is bytes else cls(**bound)

        return read

    @staticmethod
    def _pointer(bound: Mapping[str, Any]) -> Pointer:
        id_ = bound["fields"].get(ID)
        if type(id_) is not str:
            raise GatewayError(Code.BAD_VALUE, "an object that has not been saved cannot be pointed to", name="Object")
        return Pointer(bound["class_name"], id_)

    def _compile_writer(self, kind: str, record: Record) -> Callable[[Any], Any]:
        names = record.slots()
        if VALUE_CLASSES[kind] is bytes:
            return lambda value: record.fill({"value": value})
        simple: list[tuple[str, str | None, Any]] = []
        for key, part in record.parts.items():
            match part:
                case Constant(wire):
                    simple.append((key, None, wire))
                case Slot(name, codec):
                    simple.append((key, name, codec.write))
                case Passed():
                    pass
                case _:
                    simple = []
                    break
        if simple and record.rest is None and kind in POSITIONS:
            constants = {key: wire for key, name, wire in simple if name is None}
            slots = [(key, name, encode) for key, name, encode in simple if name is not None]

            def write_simple(value: Any) -> Any:
                wire = constants.copy()
                for key, name, encode in slots:
                    wire[key] = encode(getattr(value, name))
                return wire

            return write_simple

        def write(value: Any) -> Any:
            return record.fill({name: getattr(value, name) for name in names})

        def write_file(file: File) -> Any:
            told = {name: getattr(file, name) for name in names}
            return record.fill({**told, "url": url_of(file), "called": called(file)})

        if VALUE_CLASSES[kind] is File:
            return write_file
        return write if VALUE_CLASSES[kind] is not Polygon else _without_holes(write)

    # --- reading ---

    def read(self, wire: Any) -> Any:
        """A value, made in place. Raises GatewayError(BAD_VALUE) for a tag that is unknown or not filled."""
        kind = type(wire)
        if kind is dict:
            if self.tag in wire:
                return self._read_tagged(wire)
            self.read_items(wire)
        elif kind is list:
            self._read_list(wire)
        return wire

    def _read_tagged(self, wire: dict[str, Any]) -> Any:
        name = wire[self.tag]
        reader = self._readers.get(name) if type(name) is str else None
        if reader is None:
            raise self._not_valid(wire)
        self.made += 1
        return reader(wire)

    def _not_valid(self, wire: dict[str, Any]) -> GatewayError:
        name = str(wire[self.tag])
        return GatewayError(Code.BAD_VALUE, f"This is not a valid {name}", name=name)  # Parse Server's own sentence

    def read_items(self, wire: dict[str, Any]) -> None:
        """The values of an object, each where it stands."""
        tag = self.tag
        for key, value in wire.items():
            kind = type(value)
            if kind is dict:
                if tag in value:
                    wire[key] = self._read_tagged(value)
                else:
                    self.read_items(value)
            elif kind is list:
                self._read_list(value)

    def _read_list(self, wire: list[Any]) -> None:
        tag = self.tag
        at = 0
        for value in wire:
            kind = type(value)
            if kind is dict:
                if tag in value:
                    wire[at] = self._read_tagged(value)
                else:
                    self.read_items(value)
            elif kind is list:
                self._read_list(value)
            at += 1  # noqa: SIM113 - enumerate makes a tuple an item

    # --- writing ---

    def write(self, value: Any) -> Any:
        """The wire of a value, made in place. Raises GatewayError(UNSUPPORTED) for a kind without a template."""
        kind = type(value)
        if kind in _PLAIN:
            return value
        if kind is dict:
            self.write_items(value)
            return value
        if kind is list:
            self._write_list(value)
            return value
        return self._write_tagged(kind, value)

    def _write_tagged(self, kind: type, value: Any) -> Any:
        writer = self._writers.get(kind)
        if writer is None and isinstance(value, dict):  # an object of another dialect's, in the place of a value
            self.write_items(value)
            return value
        if writer is None:
            raise GatewayError(Code.UNSUPPORTED, f"a value of the kind {kind.__name__} cannot be told here")
        return writer(value)

    def write_items(self, values: dict[str, Any]) -> None:
        """The wire of an object's values, each where it stands. An error names the key."""
        key = ""
        try:
            for key, value in values.items():
                kind = type(value)
                if kind in _PLAIN:
                    continue
                if kind is dict:
                    self.write_items(value)
                elif kind is list:
                    self._write_list(value)
                else:
                    values[key] = self._write_tagged(kind, value)
        except GatewayError as error:
            raise GatewayError(error.code, f"{key}: {error.message}", **{**error.details, "field": key}) from None

    def _write_list(self, values: list[Any]) -> None:
        at = 0
        for value in values:
            kind = type(value)
            if kind in _PLAIN:
                pass
            elif kind is dict:
                self.write_items(value)
            elif kind is list:
                self._write_list(value)
            else:
                values[at] = self._write_tagged(kind, value)
            at += 1  # noqa: SIM113 - enumerate makes a tuple an item


def _without_holes(write: Callable[[Polygon], Any]) -> Callable[[Polygon], Any]:
    """No template binds the holes of a polygon: that it has none would be another polygon."""

    def written(value: Polygon) -> Any:
        if value.holes:
            raise GatewayError(Code.UNSUPPORTED, "a Polygon with holes cannot be told here")
        return write(value)

    return written


def refuse_nested_names(value: Any) -> None:
    """A key inside an object value holds no `$` and no `.`: queries and updates give these a meaning.

    Parse Server answers 121, and LeanCloud's table of errors has the same. Raises GatewayError(BAD_NESTED_KEY).
    """
    if type(value) is dict:
        for key, inner in value.items():
            if "$" in key or "." in key:
                raise GatewayError(
                    Code.BAD_NESTED_KEY, f"a nested key must not contain '$' or '.': {shown(key)}", field=key
                )
            refuse_nested_names(inner)
    elif type(value) is list:
        for inner in value:
            refuse_nested_names(inner)


def read_points(wire: Any) -> tuple[GeoPoint, ...]:
    """`[[latitude, longitude], ...]` as a closed ring. Source: Parse Server, type Polygon."""
    if type(wire) is not list:
        raise bad_value("a list of [latitude, longitude]", wire)
    points = []
    for pair in wire:
        if type(pair) is not list or len(pair) != 2 or not all(type(part) in (int, float) for part in pair):
            raise bad_value("[latitude, longitude]", pair)
        points.append(GeoPoint(pair[0], pair[1]))
    return close_ring(points)


def close_ring(points: list[GeoPoint]) -> tuple[GeoPoint, ...]:
    """The points, the first repeated as the last. Parse Server: at least three different ones."""
    if len(set(points)) < 3:
        raise GatewayError(Code.BAD_VALUE, "a polygon needs three different points or more", name="Polygon")
    return tuple(points) if points[0] == points[-1] else (*points, points[0])


def write_points(points: tuple[GeoPoint, ...]) -> list[list[float]]:
    return [[point.latitude, point.longitude] for point in points]
