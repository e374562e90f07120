"""The encoding of a mapping whose values have a tag: its codecs, made of `values:`, `updates:` and `where:`."""

from __future__ import annotations

import dataclasses
from typing import Any

from gateway.dialects import lists
from gateway.dialects.names import FieldNames
from gateway.dialects.objects_json import ChangesJson, ObjectsJson
from gateway.dialects.scalars import shown
from gateway.dialects.values_json import ValuesJson, read_points, write_points
from gateway.dialects.where_json import WhereJson
from gateway.errors import Code, GatewayError
from gateway.mapping.schema import MappingFile
from gateway.mapping.shape import ABSENT, Codec, Compiler
from gateway.model.values import Date


class TaggedJson:
    """`alike` is as `dialects.pair` has it. `incoming` reads what clients send: objects as the pointers to them."""

    def __init__(self, file: MappingFile, names: FieldNames, alike: frozenset[str]) -> None:
        assert file.value_tag is not None
        assert file.where is not None
        assert isinstance(file.update_tag, str)
        self.incoming = ValuesJson(file.value_tag, as_pointers=True)
        self._values = ValuesJson(file.value_tag, alike=alike)
        self._objects = ObjectsJson(names, self._values, file.not_columns, alike)
        self._changes = ChangesJson(names, self.incoming, self._values, file.update_tag)
        self._order = lists.orders(names)
        self._where = WhereJson(file.where, names, self.incoming, self._values, self._order)
        self._file = file

    def codecs(self) -> dict[str, Codec]:
        changes, values = self._changes, self._values
        limit = self._file.limits.relation_members
        return {
            "object": Codec(self._objects.read, self._objects.write),
            "objects": Codec(self._objects.read_all, self._objects.write_all),
            "changes": Codec(changes.read, changes.write),
            "operators": Codec(changes.read_several, lambda value: [changes.write_change(part) for part in value]),
            "values": Codec(changes.read_values, lambda value: values.write(list(value))),
            "members": Codec(lambda wire: changes.read_members(wire, limit), lambda value: values.write(list(value))),
            "value": Codec(self.incoming.read, values.write),
            "ignored_date": Codec(self._read_ignored_date, lambda _values: ABSENT),
            "points": Codec(read_points, write_points),
            "where": Codec(self._where.read, self._where.write),
            "order": self._order,
        }

    def _read_ignored_date(self, wire: Any) -> dict[str, Any]:
        """A date that a client may send, and that the server sets. Raises GatewayError(TYPE_MISMATCH)."""
        if type(self.incoming.read(wire)) is not Date:
            raise GatewayError(Code.TYPE_MISMATCH, f"expected Date but got {shown(wire)}")
        return {}

    def define(self, compiler: Compiler) -> None:
        # a client's value is closed; a backend's may have keys that we do not know
        of_backends = dataclasses.replace(compiler, open=True)
        for kind, template in self._file.values.items():
            where = f"values.{kind}"
            self._values.define(kind, of_backends.compile(template, where), where)
            self.incoming.define(kind, compiler.compile(template, where), where)
        for kind, template in self._file.updates.items():
            where = f"updates.{kind}"
            self._changes.define(kind, compiler.compile(template, where), where)
