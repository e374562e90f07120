"""Edits inside a JSON value by MySQL's functions: `JSON_SET`, with `{"$.a[0]": value}`. The paths: `json_paths`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.dialects.json_paths import read_place, write_json_path
from gateway.dialects.scalars import shown
from gateway.errors import Code, GatewayError
from gateway.mapping.shape import Codec
from gateway.model.update import JsonEdit

MOST_PATHS = 1000


def _read_function(wire: Any) -> JsonEdit:
    for edit in JsonEdit:
        if wire == f"JSON_{edit.upper()}":
            return edit
    known = ", ".join(f"JSON_{edit.upper()}" for edit in JsonEdit)
    raise GatewayError(Code.BAD_VALUE, f"there is no {shown(wire)}; there are {known}")


def _read_arguments(wire: Any) -> dict[str, Any]:
    if type(wire) is list:
        wire = {path if type(path) is str else shown(path): None for path in wire}
    if type(wire) is not dict or not 0 < len(wire) <= MOST_PATHS:
        raise GatewayError(Code.BAD_VALUE, f"expected paths such as $.a[0], {MOST_PATHS} at most, found {shown(wire)}")
    return {"paths": tuple((read_place(path), value) for path, value in wire.items())}


def _write_arguments(values: Mapping[str, Any]) -> Any:
    if values.get("edit") is JsonEdit.REMOVE:
        return [write_json_path(path) for path, _ in values["paths"]]
    return {write_json_path(path): value for path, value in values["paths"]}


JSON_FUNCTION = Codec(_read_function, lambda edit: f"JSON_{edit.upper()}")
JSON_ARGUMENTS = Codec(_read_arguments, _write_arguments)
"""An object of paths and values; of a removal a list of paths. It binds `paths`, and looks at `edit` when writing."""
