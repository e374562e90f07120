"""One dialect: a mapping, compiled, that reads and writes requests, replies and errors. No I/O, and no product's name.

It stands in front (`read_request`, `write_reply`, `write_error`) or behind (`write_request`, `read_reply`) without
knowing which: the same templates serve both.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlsplit

import orjson

from gateway.dialects import batch, lists
from gateway.dialects.credentials import MD5_SIGN, CredentialsReader
from gateway.dialects.exchange import Exchange, Refused
from gateway.dialects.names import FieldNames
from gateway.dialects.objects_json import ChangesJson, ObjectsJson
from gateway.dialects.scalars import SCALARS, read_text, shown
from gateway.dialects.values_json import ValuesJson, read_points, write_points
from gateway.dialects.where_json import WhereJson
from gateway.errors import Code, GatewayError, MappingError
from gateway.mapping.compile import compile_error_shape, compile_route, invert_errors
from gateway.mapping.route import Route, Router
from gateway.mapping.schema import BatchSection, MappingFile, read_mapping
from gateway.mapping.shape import ABSENT, Codec, Compiler
from gateway.model.account import class_of
from gateway.model.catalogue import OPERATIONS
from gateway.model.operation import (
    ANSWER_FIELDS,
    Batch,
    Create,
    Credentials,
    Delete,
    Find,
    Get,
    Operation,
    Result,
    Returning,
    Update,
)
from gateway.model.values import ACL, ID, Date, Fields
from gateway.wire import HttpRequest, HttpResponse

PUBLIC_ACL = {"*": {"read": True, "write": True}}

SPLICES: Mapping[str, frozenset[str]] = {
    "signed_fields": frozenset({"select", "exclude"}),
    "include_all": frozenset({"include"}),
    "ignored_date": frozenset(),
}


class Dialect:
    """`alike` names kinds of values and system fields that objects in answers keep as they stand: `dialects.pair`."""

    def __init__(self, name: str, file: MappingFile, alike: frozenset[str] = frozenset()) -> None:
        self.name = name
        self.file = file
        self.title = file.title
        self.mounts = file.mounts
        self.proves = file.credentials.proves
        self.open_without_keys = file.credentials.open_without_keys
        self.cors_headers: Mapping[str, str] = file.cors.headers
        self.preflight_headers: Mapping[str, str] = {**file.cors.headers, **file.cors.preflight_headers}
        self.preflight_status = file.cors.preflight_status
        self._tunnel = file.tunnel
        self._limits = file.limits
        self._public_acl_shown = file.public_acl_shown
        self._names = FieldNames(file.names, file.fields, SCALARS)
        self._values = ValuesJson(file.value_tag, alike=alike)
        self._incoming = ValuesJson(file.value_tag, as_pointers=True)
        self._objects = ObjectsJson(self._names, self._values, file.not_columns, alike)
        self._changes = ChangesJson(self._names, self._incoming, self._values, file.update_tag)
        order = lists.orders(self._names)
        self._where = WhereJson(file.where, self._names, self._incoming, self._values, order)
        self._compiler = Compiler(self._codecs(file, order), SPLICES)
        self._define_values(file)
        self.credentials = CredentialsReader(file.credentials, self._compiler)
        self.key_names = self.credentials.key_names
        self._errors = file.errors
        self._error_numbers = invert_errors(file.errors)
        self._error_body = compile_error_shape(file.errors, self._compiler)
        self._router = Router(case_sensitive=file.case_sensitive_paths)
        self._routes: dict[type[Operation], list[Route]] = {}
        self._fields = {operation: _fields_of(operation) for operation in OPERATIONS.values()}
        for at, section in enumerate(file.routes):
            where = f"routes.{at} ({section.http})"
            route = compile_route(section, self._compiler, where)
            self._router.add(route, where)
            self._routes.setdefault(route.operation, []).append(route)
        for routes in self._routes.values():
            # to ask for a class by a route of its own tells more than by the one for all classes
            routes.sort(key=lambda route: "class_name" not in route.defaults)
        self._open = {(r.method, r.path.template) for routes in self._routes.values() for r in routes if r.open}
        self.operations = frozenset(name for name, cls in OPERATIONS.items() if cls in self._routes)

    # --- compiling ---

    def _codecs(self, file: MappingFile, order: Codec) -> dict[str, Codec]:
        names, changes = self._names, self._changes
        limit = self._limits.relation_members
        codecs: dict[str, Codec] = {
            **SCALARS,
            "class_name": Codec(names.read_class, lambda value: value),
            "md5_sign": MD5_SIGN,
            "object": Codec(self._objects.read, self._objects.write),
            "objects": Codec(self._objects.read_all, self._objects.write_all),
            "changes": Codec(changes.read, changes.write),
            "operators": Codec(changes.read_several, lambda value: [changes.write_change(part) for part in value]),
            "values": Codec(changes.read_values, lambda value: self._values.write(list(value))),
            "members": Codec(
                lambda wire: changes.read_members(wire, limit), lambda value: self._values.write(list(value))
            ),
            "value": Codec(self._incoming.read, self._values.write),
            "ignored_date": Codec(self._read_ignored_date, lambda values: ABSENT),
            "points": Codec(read_points, write_points),
            "where": Codec(self._where.read, self._where.write),
            "order": order,
            "scan_key": lists.scan_key(names),
            "fields": lists.fields(names),
            "excluded": lists.excluded(names),
            "signed_fields": lists.signed_fields(names),
            "includes": lists.includes(names, every=False),
            "includes_or_all": lists.includes(names, every=True),
            "include_all": lists.include_all(),
            "field": Codec(lambda wire: names.read(read_text(wire)), names.write),
            "limit": lists.page_size(self._limits.page),
            "skip": lists.skip(),
        }
        for name, rows in file.tables.items():
            if name in codecs:
                raise MappingError(f"tables.{name}: is the name of a codec")
            codecs[name] = lists.table(name, rows, _member)
        return codecs

    def _read_ignored_date(self, wire: Any) -> dict[str, Any]:
        """A date that a client may send, and that the server sets. Raises GatewayError(TYPE_MISMATCH)."""
        if type(self._incoming.read(wire)) is not Date:
            raise GatewayError(Code.TYPE_MISMATCH, f"expected Date but got {shown(wire)}")
        return {}

    def _define_values(self, file: MappingFile) -> None:
        # a client's value is closed; a backend's may have keys that we do not know
        of_backends = dataclasses.replace(self._compiler, open=True)
        for kind, template in file.values.items():
            where = f"values.{kind}"
            self._values.define(kind, of_backends.compile(template, where), where)
            self._incoming.define(kind, self._compiler.compile(template, where), where)
        for kind, template in file.updates.items():
            self._changes.define(kind, self._compiler.compile(template, f"updates.{kind}"), f"updates.{kind}")

    # --- in front: reading a request ---

    def unwrap(self, request: HttpRequest) -> HttpRequest:
        """The request that is meant: out of a POST's body, if one is in there; a GET's body joins its query."""
        tunnel, body = self._tunnel, request.body
        if type(body) is not dict or not body:
            return request
        method, headers = request.method, request.headers
        if tunnel is not None and method == "POST":
            if tunnel.method in body:
                inner = body.pop(tunnel.method)
                if type(inner) is not str or inner.upper() not in ("GET", "POST", "PUT", "DELETE"):
                    raise GatewayError(Code.BAD_REQUEST, f"{tunnel.method} must be a method, not {shown(inner)}")
                method = inner.upper()
            if tunnel.unless not in headers:
                headers = self._unwrap_headers(body, dict(headers))
        query = request.query
        if method == "GET":
            query, body = {**body, **query}, None
        return HttpRequest(method, request.path, query, headers, body, request.base)

    def _unwrap_headers(self, body: dict[str, Any], headers: dict[str, str]) -> dict[str, str]:
        assert self._tunnel is not None
        for key, header in self._tunnel.headers.items():
            if key in body:
                value = body.pop(key)
                if type(value) is not str:
                    # Parse Server answers 403 for a credential that is no text: an operator object has no place here
                    raise GatewayError(Code.UNAUTHORIZED, f"{key} must be text")
                headers[header] = value
        for key in self._tunnel.drop:
            body.pop(key, None)
        return headers

    def read_credentials(self, request: HttpRequest) -> Credentials:
        return self.credentials.read(request.headers)

    def asks_openly(self, request: HttpRequest) -> bool:
        """Whether anybody may ask this, without keys."""
        return (request.method, request.path) in self._open

    def read_request(self, request: HttpRequest) -> Exchange:
        """An unwrapped request as an operation. Raises GatewayError."""
        read = self.read(request)
        if isinstance(read, Refused):
            raise read.error
        return read

    def read(self, request: HttpRequest, *, inner: bool = False) -> Exchange | Refused:
        """The same, for an answer by the route's own rules; `inner` is a request of a batch."""
        route: Route | None = None
        try:
            route, texts = self._router.find(request.method, request.path)
            if inner and route.batch is not None:
                return Refused(GatewayError(Code.BAD_BATCH, "nested batch requests are not allowed"), route)
            return self._read(route, texts, request)
        except GatewayError as error:
            return Refused(error, route)

    def _read(self, route: Route, texts: Mapping[str, str], request: HttpRequest) -> Exchange:
        values = dict(route.defaults)
        for name, text in texts.items():
            values.update(route.holes[name].match(text) or {})
        if request.query:
            for name, wire in route.sort_out(request.query).items():
                found = route.query[name].match(wire)
                if found is None:
                    raise GatewayError(Code.BAD_REQUEST, f"bad value for the parameter {name}", name=name)
                values.update(found)
        if route.body is not None:
            body = {} if request.body is None else request.body
            found = route.body.match(body)
            if found is None:
                raise GatewayError(Code.BAD_JSON, f"the body must be a JSON object, not {shown(body)}")
            values.update(found)
        if route.batch is not None:
            return self._read_batch(route, route.batch, values, request)
        return Exchange(route.operation(**values), route, request.base)

    def _read_batch(
        self, route: Route, section: BatchSection, values: dict[str, Any], request: HttpRequest
    ) -> Exchange:
        mounts = (urlsplit(request.base).path, *self.mounts)
        requests = batch.read_requests(values.pop("items", None), section, mounts, self._limits.batch, request)
        exchanges: list[Exchange | Refused] = []
        names: list[str | None] = []
        creates: dict[str, int] = {}
        for inner in requests:
            exchange = self.read(inner.request, inner=True)
            if isinstance(exchange, Exchange):
                exchange = self._adopt(exchange, inner)
            if isinstance(exchange, Refused):
                error = exchange.error
                if error.code is Code.UNKNOWN_ROUTE:
                    # a path that leads nowhere spoils the whole batch, in Parse Server's own words
                    raise GatewayError(Code.BAD_BATCH, f"cannot route {error.details['name']}") from error
                if error.code is Code.BAD_BATCH or values.get("atomic"):
                    raise error
                exchanges.append(exchange)
                continue
            made = creates.get(inner.name) if inner.name is not None and isinstance(exchange.op, Create) else None
            if made is not None:
                first = exchanges[made]
                assert isinstance(first, Exchange)
                exchanges[made] = batch.fold(first, exchange)
                continue
            if inner.name is not None and isinstance(exchange.op, Create):
                creates[inner.name] = len(exchanges)
            exchanges.append(exchange)
            names.append(inner.name)
        op = Batch(
            items=tuple(e.op for e in exchanges if isinstance(e, Exchange)),
            names=tuple(names) if any(names) else (),
            **values,
        )
        return Exchange(op, route, request.base, tuple(exchanges))

    def _adopt(self, exchange: Exchange, inner: batch.InnerRequest) -> Exchange | Refused:
        try:
            return batch.adopt(exchange, inner.children, self._names.read_new)
        except GatewayError as error:
            return Refused(error, exchange.route)

    # --- in front: writing an answer ---

    def write_answer(self, exchange: Exchange, answer: Result | GatewayError) -> HttpResponse:
        """The reply; an error that the route tells as an empty answer is told so."""
        if isinstance(answer, GatewayError):
            if answer.code not in exchange.route.empty_on:
                return self.write_error(answer, exchange.route)
            answer = empty(exchange.op)
        return self.write_reply(exchange, answer)

    def write_refusal(self, refused: Refused) -> HttpResponse:
        """The answer to a request that could not be read."""
        route = refused.route
        if route is None or refused.error.code not in route.empty_on:
            return self.write_error(refused.error, route)
        return HttpResponse(route.reply.status, route.reply.body.fill({"objects": [], "object": {}}))

    def write_reply(self, exchange: Exchange, result: Result) -> HttpResponse:
        """The result belongs to the writer: its objects become the wire where they stand."""
        route = exchange.route
        if route.batch is not None:
            answers = [self._write_item(item, answer, route.batch) for item, answer in batch.answers(exchange, result)]
            named = route.batch.by_name and exchange.op.names  # type: ignore[attr-defined]
            body = batch.by_name(exchange, answers, route.batch) if named else answers
            return HttpResponse(route.reply.status, body)
        if self._public_acl_shown and isinstance(exchange.op, Get | Find) and exchange.op.with_acl:
            _show_public_acl(result)
        shown = self.file.shown.get(class_of(exchange.op))
        if shown is not None and not isinstance(exchange.op, Create | Update):
            _show_absent(result, shown, getattr(exchange.op, "select", None))
        reply = route.reply if result.created else route.reply_known
        body = reply.body.fill({name: getattr(result, name) for name in reply.slots})
        headers = {name: self._header(text, exchange, result) for name, text in reply.headers.items()}
        return HttpResponse(reply.status, None if body is ABSENT else body, headers)

    def _write_item(
        self, item: Exchange | Refused, answer: Result | GatewayError, section: BatchSection
    ) -> dict[str, Any]:
        if isinstance(item, Refused):
            response = self.write_refusal(item)
            return {section.success if response.status < 300 else section.error: response.body}
        if isinstance(answer, Result):
            try:
                return {section.success: self.write_reply(item, answer).body}
            except GatewayError as error:  # a value that this dialect has no words for is no reason to lose the rest
                answer = error
        if answer.code in item.route.empty_on:
            told = item.route.empty_item or (self.write_reply(item, empty(item.op)).body,)
            return {section.success: told[0]}
        return {section.error: self.write_error(answer, item.route).body}

    @staticmethod
    def _header(template: str, exchange: Exchange, result: Result) -> str:
        op = exchange.op
        return template.format(
            base=exchange.base,
            mount=urlsplit(exchange.base).path,
            class_name=quote(getattr(op, "class_name", ""), safe=""),
            id=quote(result.id or "", safe=""),
        )

    def write_error(self, error: GatewayError, route: Route | None = None) -> HttpResponse:
        row = route.tells.get(error.code) if route is not None else None
        row = row or self._errors.rows[error.code]
        message = error.message
        if row.text is not None:
            try:
                message = row.text.format_map({"message": error.message, **error.details})
            except (KeyError, ValueError):
                message = error.message  # the error does not say what the vendor's sentence tells
        if row.body is not None:
            return HttpResponse(row.status, _fill_text(row.body, message))
        return HttpResponse(row.status, self._error_body.fill({"code": row.code, "message": message}))

    # --- behind: writing a request, reading a reply ---

    def write_request(self, op: Operation, credentials: Credentials) -> HttpRequest:
        """Raises GatewayError(UNSUPPORTED) for what this dialect has no words for."""
        request = self._write_bare(op)
        request.headers = self.credentials.write(credentials)
        return request

    def _write_bare(self, op: Operation) -> HttpRequest:
        """The request without credentials, as it stands in a batch."""
        route, values = self._express(op)
        if isinstance(op, Batch):
            assert route.batch is not None
            values["items"] = [
                self._write_inner(item, name, route.batch) for item, name in zip_longest(op.items, op.names)
            ]
        texts: dict[str, str] = {}
        for name, shape in route.holes.items():
            text = shape.fill(values)
            if not isinstance(text, str):
                raise GatewayError(Code.UNSUPPORTED, f"{name} cannot be told in a path here")
            texts[name] = text
        query: dict[str, str] = {}
        for name, shape in route.query.items():
            wire = shape.fill(values)
            if wire is not ABSENT:
                query[name] = wire if isinstance(wire, str) else orjson.dumps(wire).decode()
        body = None if route.body is None else route.body.fill(values)
        return HttpRequest(route.method, route.path.build(texts), query, body=body)

    def _write_inner(self, op: Operation, name: str | None, section: BatchSection) -> dict[str, Any]:
        if isinstance(op, Batch):
            raise GatewayError(Code.UNSUPPORTED, "a batch cannot be told inside a batch here")
        alone, references = batch.part_references(op)
        request = self._write_bare(alone)
        by_wire_name = {self._names.write(field): reference for field, reference in references.items()}
        return batch.write_request(request, section, self.mounts[0], name, by_wire_name)

    def _express(self, op: Operation) -> tuple[Route, dict[str, Any]]:
        """The first route that can say all of an operation, and what it has to say: its own defaults stay unsaid."""
        routes = self._routes.get(type(op))
        if not routes:
            raise GatewayError(Code.UNSUPPORTED, f"there is no {type(op).__name__} here")
        unsaid = ""
        for route in routes:
            values: dict[str, Any] = {}
            for name, default in self._fields[type(op)]:
                value = getattr(op, name)
                if value != route.defaults.get(name, default):
                    if name in route.bound:
                        values[name] = value
                    elif name not in ANSWER_FIELDS:
                        unsaid = name
                        break
            else:
                if route.batch is None or not route.batch.by_name or "names" in values:
                    return route, values
                unsaid = "items"  # without names: an answer by name would be lost
        raise GatewayError(Code.UNSUPPORTED, f"{unsaid!r} of {type(op).__name__} cannot be told here")

    def read_reply(self, op: Operation, response: HttpResponse) -> Result:
        """Raises the GatewayError that an error answer tells."""
        if response.status >= 400:
            raise self._read_failure(op, response.status, response.body)
        route, _ = self._express(op)
        if isinstance(op, Batch):
            assert route.batch is not None
            return Result(
                items=[self._read_item(*found) for found in batch.read_answers(op, response.body, route.batch)]
            )
        try:
            bound = route.reply.read.match(response.body)
        except GatewayError as error:  # the backend's fault, and not the client's
            raise GatewayError(Code.UNAVAILABLE, f"the backend's answer could not be understood: {error}") from error
        if bound is None:
            raise GatewayError(Code.UNAVAILABLE, "the backend's answer could not be understood")
        if isinstance(op, Get) and not bound.get("object") and Code.OBJECT_NOT_FOUND in route.empty_on:
            raise GatewayError(Code.OBJECT_NOT_FOUND, "object not found", class_name=op.class_name, id=op.id)
        return Result(**bound)

    def _read_item(self, op: Operation, success: bool, body: Any) -> Result | GatewayError:
        if not success:
            return self._read_failure(op, 0, body)
        try:
            return self.read_reply(op, HttpResponse(200, body))
        except GatewayError as error:  # told as a success, and none: it is this item's error alone
            return error

    def _read_failure(self, op: Operation, status: int, body: Any) -> GatewayError:
        """The error of one operation: its route may know the number better, and its names are details of it."""
        error = self.read_error(status, body, self._express(op)[0].errors)
        names = {name: getattr(op, name, None) for name in ("class_name", "id")}
        if isinstance(op, Delete) and op.ids:
            names["id"] = op.ids[0]
        error.details = {name: value for name, value in names.items() if value is not None}
        return error

    def read_error(self, status: int, body: Any, here: Mapping[int, Code] = MappingProxyType({})) -> GatewayError:
        """What an error of this vendor means: by its number, `here` first, else by the status."""
        bound = (self._error_body.match(body) if type(body) is dict else None) or {}
        number, message = bound.get("code"), bound.get("message")
        code = here.get(number, self._error_numbers.get(number)) if type(number) is int else None
        if code is None:
            code = self._errors.by_status.get(status, Code.UNAVAILABLE if status >= 500 else Code.BAD_REQUEST)
        return GatewayError(code, message if type(message) is str else f"the backend answered {status}")


def _member(text: str) -> Any:
    """What a table of a mapping means by a word: one of an enumeration of the model's, or the word itself."""
    return next((member for member in Returning if member.value == text), text)


def _fields_of(operation: type[Operation]) -> tuple[tuple[str, Any], ...]:
    """Name and default of each field of an operation; a required one has MISSING, which no value equals."""
    return tuple((field.name, field.default) for field in dataclasses.fields(operation))


def empty(op: Operation) -> Result:
    """The answer of an operation that found nothing."""
    return Result(objects=[], object={}, total=0 if isinstance(op, Find) and op.count else None)


def _show_absent(result: Result, shown: Mapping[str, Any], select: tuple[str, ...] | None) -> None:
    for fields in result.objects if result.objects is not None else [result.object or {}]:
        if ID in fields:
            for name, value in shown.items():
                if select is None or name in select:
                    fields.setdefault(name, value)


def _show_public_acl(result: Result) -> None:
    objects: list[Fields] = result.objects if result.objects is not None else [result.object or {}]
    for fields in objects:
        if fields and ACL not in fields:
            fields[ACL] = PUBLIC_ACL


def _fill_text(body: Any, message: str) -> Any:
    if type(body) is dict:
        return {key: _fill_text(part, message) for key, part in body.items()}
    return message if body == "$message" else body


def load_dialects(directory: Path) -> dict[str, Dialect]:
    """Every mapping of a directory, by the name of its file. Raises MappingError."""
    dialects: dict[str, Dialect] = {}
    for path in sorted(directory.glob("*.yaml")):
        file = read_mapping(path)
        try:
            dialects[path.stem] = Dialect(path.stem, file)
        except MappingError as error:
            raise MappingError(f"{path}: {error}") from error
    if not dialects:
        raise MappingError(f"{directory}: holds no mapping (*.yaml)")
    return dialects
