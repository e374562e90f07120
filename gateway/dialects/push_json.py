"""What a push says as JSON: times with or without a zone, the condition together with its text, and whom it is for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

from gateway.dialects.scalars import bad_value, read_epoch, read_text, shown
from gateway.errors import Code, GatewayError
from gateway.mapping.shape import Codec
from gateway.model.push import LocalTime
from gateway.model.values import Date
from gateway.wire import read_json

_ZONE: Final = re.compile(r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)\Z", re.IGNORECASE)
_PROFILE: Final = "_profile"
_ENVIRONMENTS: Final = {"prod": True, "dev": False}


def push_codecs(where: Codec, platforms: tuple[str, ...]) -> dict[str, Codec]:
    """`where` is the codec of conditions; `platforms` are the keys of the data that are of one type of device."""

    def read_where(wire: Any) -> dict[str, Any]:
        if type(wire) is str:  # as a parameter of a URL has it
            try:
                wire = orjson.loads(wire)
            except orjson.JSONDecodeError:
                raise GatewayError(Code.BAD_JSON, "the condition is not JSON") from None
        return {"where": where.read(wire), "where_json": wire}

    def write_where(values: Mapping[str, Any]) -> Any:
        return None if values.get("where") is None else where.write(values["where"])

    def read_data(wire: Any) -> dict[str, Any]:
        data = _read_data(wire)
        return {"data": data, "platforms": tuple(name for name in platforms if type(data.get(name)) is dict)}

    def write_data(values: Mapping[str, Any]) -> Any:
        data, meant = values.get("data") or {}, values.get("platforms") or ()
        for name in platforms:
            if name in data and name not in meant:
                raise GatewayError(Code.UNSUPPORTED, f"{name!r} would be taken for a type of device here")
        return dict(data)

    def read_attached(wire: Any) -> dict[str, Any]:
        """What goes with a message: the data of a push, an object or the text of one; other text is the alert."""
        data = dict(_read_data(_unwrapped(wire)))
        production = _read_environment(data.pop(_PROFILE, "prod"))
        return {
            "push": data,
            "push_platforms": tuple(name for name in platforms if type(data.get(name)) is dict),
            "push_production": production,
        }

    def write_attached(values: Mapping[str, Any]) -> Any:
        if values.get("push") is None:
            return None
        data = write_data({"data": values["push"], "platforms": values.get("push_platforms")})
        return data if values.get("push_production", True) else {**data, _PROFILE: "dev"}

    return {
        "attached_push": Codec(read_attached, write_attached),
        "platform_data": Codec(read_data, write_data),
        "push_where": Codec(read_where, write_where),
        "push_time": Codec(_read_time, lambda value: value.iso),
        "push_end": Codec(_read_end, lambda value: value.iso),
        "push_data": Codec(_read_data, dict),
        "push_environment": Codec(_read_environment, lambda value: "prod" if value else "dev"),
        "channels": Codec(_read_channels, list),
        "epoch_ms_or_text": Codec(_read_ms, lambda value: value.ms if isinstance(value, Date) else value.iso),
    }


def _read_time(wire: Any) -> Date | LocalTime:
    """Seconds since 1970, or an ISO 8601 text; one without a zone is everybody's own time.

    Parse REST guide, "Scheduling Pushes"; Parse Server, PushController `getPushTime`.
    """
    found = _moment(wire)
    if type(wire) is str and not ("T" in wire.upper() and _ZONE.search(wire)):
        return LocalTime(found.iso.removesuffix("Z"))
    return found


def _read_ms(wire: Any) -> Date | LocalTime:
    """Milliseconds since 1970, or a text as above."""
    return read_epoch(wire) if type(wire) is int else _read_time(wire)


def _read_end(wire: Any) -> Date:
    """The same, in UTC where there is no zone."""
    return _moment(wire)


def _moment(wire: Any) -> Date:
    try:
        if type(wire) in (int, float):
            return Date.from_ms(int(wire * 1000))
        if type(wire) is str:
            return Date.read(wire)
        if type(wire) is dict and wire.get("__type") == "Date":
            return Date.read(read_text(wire.get("iso")))
    except (ValueError, OverflowError):
        pass
    told = wire if type(wire) is str and len(wire) <= 60 else shown(wire)
    raise GatewayError(Code.BAD_PUSH, f"{told} is not valid time.")


def _read_data(wire: Any) -> dict[str, Any]:
    if type(wire) is not dict:
        raise bad_value("an object of what devices are told", wire)
    return wire


def _unwrapped(wire: Any) -> Any:
    if type(wire) is not str:
        return wire
    return read_json(wire) if wire.lstrip()[:1] == "{" else {"alert": wire}


def _read_environment(wire: Any) -> bool:
    if type(wire) is not str or wire not in _ENVIRONMENTS:
        raise bad_value(" or ".join(_ENVIRONMENTS), wire)
    return _ENVIRONMENTS[wire]


def _read_channels(wire: Any) -> tuple[str, ...]:
    if type(wire) is not list or not all(type(name) is str for name in wire):
        raise bad_value("a list of channels", wire)
    return tuple(wire)
