"""The encoding of a mapping whose values have a tag: its codecs, made of `values:`, `updates:` and `where:`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from gateway.dialects import lists
from gateway.dialects.cql_reader import CqlReader, Statement
from gateway.dialects.names import FieldNames
from gateway.dialects.objects_json import ChangesJson, ObjectsJson
from gateway.dialects.pipeline_json import PipelineJson
from gateway.dialects.scalars import shown
from gateway.dialects.values_json import ValuesJson, read_points, write_points
from gateway.dialects.where_json import WhereJson
from gateway.errors import Code, GatewayError
from gateway.mapping.schema import MappingFile
from gateway.mapping.shape import ABSENT, Codec, Compiler
from gateway.model.push import INSTALLATION
from gateway.model.trigger import UNDEFINED
from gateway.model.values import CREATED_AT, ID, UPDATED_AT, Date
from gateway.wire import read_json


class TaggedJson:
    """`incoming` reads what clients send: objects as the pointers to them."""

    def __init__(self, file: MappingFile, names: FieldNames) -> None:
        assert file.value_tag is not None
        assert file.where is not None
        assert isinstance(file.update_tag, str)
        self.incoming = ValuesJson(file.value_tag, as_pointers=True)
        self._values = ValuesJson(file.value_tag)
        self._objects = ObjectsJson(names, self._values, file.not_columns)
        self._changes = ChangesJson(names, self.incoming, self._values, file.update_tag)
        self._order = lists.orders(names)
        self._where = WhereJson(file.where, names, self.incoming, self._values, self._order)
        where = Codec(self._where.read, self._where.write)
        self._pipeline = PipelineJson(names, where, self.incoming, self._values)
        self._names = names
        self._file = file
        units = {"radians": 1.0, "km": file.where.kilometers, "miles": file.where.miles}
        page = lists.page_size(file.limits.page)
        self._statements = CqlReader(names, self.incoming, page, lists.skip(), units, file.update_tag)

    def codecs(self) -> dict[str, Codec]:
        changes, values = self._changes, self._values
        limit = self._file.limits.relation_members
        return {
            "object": Codec(self._objects.read, self._objects.write),
            "objects": Codec(self._objects.read_all, self._objects.write_all),
            "changes": Codec(changes.read, changes.write),
            "operators": Codec(changes.read_several, lambda value: [changes.write_change(part) for part in value]),
            "params": Codec(changes.read_params, changes.write_params),
            "values": Codec(changes.read_values, lambda value: values.write(list(value))),
            "members": Codec(lambda wire: changes.read_members(wire, limit), lambda value: values.write(list(value))),
            "value": Codec(self.incoming.read, values.write),
            "argument": Codec(values.read, self._write_argument),
            "ignored_date": Codec(self._read_ignored_date, lambda _values: ABSENT),
            "points": Codec(read_points, write_points),
            "where": Codec(self._where.read, self._where.write),
            "order": self._order,
            **self._pipeline.codecs(),
            "push_statement": Codec(self._read_push, lambda _values: ABSENT),
            "made_or_changed": Codec(lambda wire: {}, self._write_made),
        }

    def read_statement(self, text: Any, values: Any) -> Statement:
        """`values` are a list, or the JSON of one. Raises GatewayError."""
        if type(text) is not str:
            raise GatewayError(Code.BAD_QUERY, f"expected a statement, found {shown(text)}")
        given = read_json(values) if type(values) is str and values else values or []
        if type(given) is str:  # PyPI leancloud 3: a list that is its only argument is encoded twice
            given = read_json(given)
        if type(given) is not list:
            raise GatewayError(Code.BAD_QUERY, f"the values of a statement are a list, not {shown(values)}")
        return self._statements.read(text, given)

    def _read_push(self, wire: Any) -> dict[str, Any]:
        """A query for devices as a statement, of which nothing but its condition can count."""
        found = self.read_statement(wire, None)
        parts = dict(found.parts)
        if found.kind != "select" or parts.pop("class_name", None) != INSTALLATION or parts.keys() - {"where"}:
            raise GatewayError(Code.BAD_PUSH, f"expected a query of {INSTALLATION}, with a condition and no more")
        return {"where": parts.get("where"), "where_json": {"cql": wire}}

    def _write_made(self, told: Mapping[str, Any]) -> list[Any]:
        """What a write tells of an object, as a list of that one."""
        system = {ID: told.get("id"), CREATED_AT: told.get("created_at"), UPDATED_AT: told.get("updated_at")}
        fields = {name: value for name, value in system.items() if value is not None}
        return self._objects.write_all([{**(told.get("object") or {}), **fields}])

    def _write_argument(self, value: Any) -> Any:
        """What code of the app's own is given, or returns: objects are whole there."""
        return ABSENT if value is UNDEFINED else self._values.write(value)

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
