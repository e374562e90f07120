"""One dialect: a mapping, compiled, that reads and writes requests, replies and errors. No I/O, and no product's name.

It stands in front (`read_request`, `write_reply`, `write_error`) or behind (`write_request`, `read_reply`) without
knowing which: the same templates serve both.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol
from urllib.parse import quote, urlencode, urlsplit

import orjson

from gateway.dialects import batch, lists, unit
from gateway.dialects.addresses import Addresses, Sign, url_of
from gateway.dialects.apps_json import AppsJson
from gateway.dialects.archive import archive_of
from gateway.dialects.columns_json import ColumnsJson
from gateway.dialects.credentials import CONTEXT, MD5_SIGN, CredentialsReader
from gateway.dialects.exchange import Exchange, Refused
from gateway.dialects.export import ExportReader
from gateway.dialects.features_json import FeaturesJson
from gateway.dialects.files_json import FilesJson
from gateway.dialects.form import Form
from gateway.dialects.geo_json import GeoJson
from gateway.dialects.groups_json import GroupsJson
from gateway.dialects.hooks_json import HooksJson
from gateway.dialects.log_json import LogJson
from gateway.dialects.names import FieldNames
from gateway.dialects.objects_bare import BareJson, write_out_repeats
from gateway.dialects.objects_json import CHANGE_CLASSES
from gateway.dialects.permissions_json import PermissionsJson
from gateway.dialects.push_headers import PushHeaders
from gateway.dialects.push_json import push_codecs
from gateway.dialects.records_json import RecordsJson
from gateway.dialects.registered_json import RegisteredJson
from gateway.dialects.scalars import SCALARS, read_comma_separated, read_text, shown
from gateway.dialects.schemas_json import SchemasJson
from gateway.dialects.search_json import search_codecs
from gateway.dialects.social_json import social_codecs
from gateway.dialects.tagged_json import TaggedJson
from gateway.errors import Code, GatewayError, MappingError
from gateway.mapping.compile import compile_error_shape, compile_route, invert_errors
from gateway.mapping.editions import edition_of
from gateway.mapping.route import PathTemplate, Route, Router, Statement, Unit
from gateway.mapping.schema import BatchSection, ErrorRow, MappingFile, read_mapping
from gateway.mapping.shape import ABSENT, Codec, Compiler, Record, Shape
from gateway.model.account import SignUp, class_of, own_class
from gateway.model.catalogue import OPERATIONS
from gateway.model.files import FILE_OPERATIONS, RULES, name_in
from gateway.model.geo import FindGeoPoints
from gateway.model.members import ConvertGuest, FindMembers
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
    Upsert,
)
from gateway.model.services import CallFunction, CallService, DispatchEvent
from gateway.model.update import Changes, Set, Several
from gateway.model.values import ACL, CREATED_AT, ID, UPDATED_AT, Fields
from gateway.wire import NOTHING, HttpRequest, HttpResponse

CALLED: Mapping[type[Operation], str] = {operation: name.replace("_", " ") for name, operation in OPERATIONS.items()}
CALLED_IN_A_REFUSAL: Mapping[str, str] = {
    "atomic": "all of it done, or nothing",
    "fixed_schema": "all of it done, or nothing, and no columns made",
    "items": "requests that have no names",
    "names": "items that refer to each other",
    "where": "a condition",
    "outputs": "values that are computed",
    "group_by": "groups",
    "having": "a condition on groups",
    "distinct": "only the rows that differ",
    "members": "members of relations",
    "depth": "related objects, so many levels deep",
    "ids": "several objects, by their ids",
    "redirect_key": "the class that a field leads to",
    "text": "a search for words",
    "cursor": "the next page of a scan",
}
"""What a field of an operation is, to who is refused."""

PUBLIC_ACL = {"*": {"read": True, "write": True}}

CODE_CALLS = (CallFunction, CallService, DispatchEvent)
"""What runs code of the app's own, whose errors have numbers of its own."""

SPLICES: Mapping[str, frozenset[str]] = {
    "signed_fields": frozenset({"select", "exclude"}),
    "include_all": frozenset({"include"}),
    "ignored_date": frozenset(),
    "relation_column": frozenset({"field", "target", "single"}),
    "json_arguments": frozenset({"paths"}),
    "related": frozenset({"objects", "object"}),
    "made_or_changed": frozenset({"id", "created_at", "updated_at", "object"}),
    "groups": frozenset({"groups", "objects"}),
    "props": frozenset({"select", "outputs"}),
    "search_sort": frozenset({"order"}),
    "push_where": frozenset({"where", "where_json"}),
    "push_statement": frozenset({"where", "where_json"}),
    "platform_data": frozenset({"data", "platforms"}),
    "attached_push": frozenset({"push", "push_platforms", "push_production"}),
    "message_headers": frozenset({"headers", "shown", "shown_by"}),
}


class _Part(Protocol):
    """What a section of a mapping says."""

    def define(self, compiler: Compiler) -> None:
        """Raises MappingError."""


class Dialect:
    """A mapping at work, in either direction."""

    hides_reasons = False
    """Whether clients are told no more than that something is refused, where the vendor has words for that."""

    def __init__(self, name: str, file: MappingFile) -> None:
        self.name = name
        self.file = file
        self.title = file.title
        self.mounts = file.mounts
        self.proves = file.credentials.proves
        self.open_without_keys = file.credentials.open_without_keys
        self.asked_by_host = file.credentials.host
        self.master_has_user = file.credentials.master_has_user
        self.plain_bodies = file.plain_bodies
        self.master_queries: Mapping[str, str] = file.master_queries
        self.custom_ids = file.custom_ids
        self.cors_headers: Mapping[str, str] = file.cors.headers
        self.preflight_headers: Mapping[str, str] = {**file.cors.headers, **file.cors.preflight_headers}
        self.preflight_status = file.cors.preflight_status
        self._tunnel = file.tunnel
        self._limits = file.limits
        self._public_acl_shown = file.public_acl_shown
        self._names = FieldNames(file.names, file.fields, SCALARS)
        self._json = BareJson(file, self._names) if file.value_tag is None else TaggedJson(file, self._names)
        self._several_of = frozenset(CHANGE_CLASSES[name] for name in file.several_of)
        self._actions = {action.value: word for word, action in file.actions.items()}
        self._columns = ColumnsJson(file.columns, self._names) if file.columns is not None else None
        self._schemas = SchemasJson(file.schemas, file.actions, self._names) if file.schemas is not None else None
        self._geo = GeoJson(file.geo) if file.geo is not None else None
        self._apps = AppsJson(file.accounts) if file.accounts is not None else None
        self._log = LogJson(file.log_entry) if file.log_entry is not None else None
        self._records = RecordsJson(file.records)
        self._permissions = PermissionsJson(file.permissions) if file.permissions is not None else None
        self._registered = RegisteredJson.of(file)
        objects, tag = self._json.codecs()["object"], file.class_tag or ""
        self._groups = GroupsJson(file.groups, objects, tag) if file.groups is not None else None
        self._files = FilesJson(file)
        self.hooks = HooksJson(file.hooks, self._names, self._json.codecs()) if file.hooks is not None else None
        """How code of an app's own is asked and answers, where the vendor has such a form."""
        self._compiler = Compiler(self._codecs(file), SPLICES)
        self._define_parts()
        self.credentials = CredentialsReader(file.credentials, self._compiler)
        self.key_names = self.credentials.key_names
        if self._apps is not None:
            hook_keys = frozenset[str]() if self.hooks is None else self.hooks.key_names
            self._apps.define(self._compiler, self.key_names | hook_keys)
        self.export = None
        if file.export is not None and isinstance(self._json, TaggedJson):
            self.export = ExportReader(file.export, self._names, self._json.incoming)
        self.archive = archive_of(file.export, self._compiler.codecs)
        """How all of an application is written to files, where the vendor has such a form."""
        self._errors = file.errors
        self._error_numbers = invert_errors(file.errors)
        self._error_body = compile_error_shape(file.errors, self._compiler)
        self._router = Router(case_sensitive=file.case_sensitive_paths)
        self._routes: dict[type[Operation], list[Route]] = {}
        self._fields = {operation: _fields_of(operation) for operation in OPERATIONS.values()}
        self._add_routes(file)
        self._know_files(file)
        self._open = self._open_to_all(file)
        self._refused_openly = tuple(_refused_openly(file))
        for never in file.never_asked:
            if self._routes.pop(OPERATIONS.get(never, Operation), None) is None:
                raise MappingError(f"never_asked: there is no route of {never!r}")
        self.operations = frozenset(name for name, cls in OPERATIONS.items() if cls in self._routes)

    # --- compiling ---

    def _open_to_all(self, file: MappingFile) -> frozenset[tuple[str, str]]:
        """What is answered without keys, or refused. Raises MappingError."""
        for path in file.beside:
            if not self._router.knows(path):
                raise MappingError(f"beside: nothing is served or refused at {path!r}")
        served = {(r.method, r.path.template) for routes in self._routes.values() for r in routes if r.open}
        refused = (http.partition(" ") for http in file.refused)
        return frozenset(served | {(method, path) for method, _, path in refused if path in file.beside})

    def _know_files(self, file: MappingFile) -> None:
        """Which paths have bytes in their bodies, and where files are."""
        every = [route for routes in self._routes.values() for route in routes]
        self._content_heads = _heads(route for route in every if route.content is not None)
        self._keyless_heads = _heads(route for route in every if route.keyless is not None)
        self._owner_heads = _heads(route for route in every if route.owner)
        self._file_url = None if file.file_url is None else _file_url(file.file_url)
        self._file_signature: Mapping[str, str] = {str(name): text for name, text in file.file_signature.items()}
        # nearly always one of the same few, of which every request has one
        self._known_addresses = functools.lru_cache(maxsize=256)(self._new_addresses)

    def _define_parts(self) -> None:
        """What the parts of the mapping say, once their codecs are known. Raises MappingError."""
        opened = dataclasses.replace(self._compiler, open=True)  # another server may tell more
        given: tuple[tuple[_Part | None, Compiler], ...] = (
            (self._files, self._compiler),
            (self._json, self._compiler),
            (self._geo, self._compiler),
            (self._log, self._compiler),
            (self._records, opened),
            (self._permissions, self._compiler),
            (self._registered, opened),
            (self._groups, self._compiler),
            (self._columns, self._compiler),
            (self.hooks, opened),
        )
        for part, compiler in given:
            if part is not None:
                part.define(compiler)
        if self._schemas is not None:
            self._schemas.define(self._compiler, opened)

    def _add_routes(self, file: MappingFile) -> None:
        """Raises MappingError."""
        for at, section in enumerate(file.routes):
            where = f"routes.{at} ({section.http})"
            route = compile_route(section, self._compiler, where)
            if not section.behind:
                self._router.add(route, where)
            if route.unit is not None and isinstance(self._json, BareJson):
                self._json.refer_by(route.unit.reference)
            by_header = route.only is not None and route.only.headers  # which only the vendor's own clients send
            if route.statement is None and not by_header:  # what it says can be said without a text as well
                self._routes.setdefault(route.operation, []).append(route)
        for http, reason in file.refused.items():
            self._router.refuse(http, reason, f"refused.{http}")
        for routes in self._routes.values():
            # to ask for a class by a route of its own tells more than by the one for all classes
            routes.sort(key=lambda route: "class_name" not in route.defaults)

    def _codecs(self, file: MappingFile) -> dict[str, Codec]:
        names = self._names
        codecs: dict[str, Codec] = {
            **SCALARS,
            **self._files.codecs(),
            **self._json.codecs(),
            "class_name": Codec(names.read_class, names.write_class),
            "class_names": Codec(
                lambda wire: tuple(map(names.read_class, read_comma_separated(wire))),
                lambda told: ",".join(map(names.write_class, told)),
            ),
            "moments": lists.moments({} if file.hooks is None else file.hooks.triggers),
            "role": Codec(names.read_role, names.write_role),
            "roles": Codec(names.read_roles, lambda told: list(map(names.write_role, told))),
            "md5_sign": MD5_SIGN,
            "context": CONTEXT,
            "relation_column": lists.relation_column(names),
            "scan_key": lists.scan_key(names),
            "fields": lists.fields(names),
            "excluded": lists.excluded(names),
            "signed_fields": lists.signed_fields(names),
            "includes": lists.includes(names, every=False),
            "includes_or_all": lists.includes(names, every=True),
            "include_all": lists.include_all(),
            "field": Codec(lambda wire: names.read(read_text(wire)), names.write),
            "limit": lists.page_size(self._limits.page),
            "depth": lists.depth(),
            "levels": lists.levels(),
            "skip": lists.skip(),
        }
        if self._columns is not None:
            codecs.update(self._columns.codecs())
        if self._groups is not None:
            codecs.update(self._groups.codecs())
        if self._schemas is not None:
            codecs.update(self._schemas.codecs())
        if self._geo is not None:
            codecs.update(self._geo.codecs())
        if self._log is not None:
            codecs.update(self._log.codecs())
        if self._apps is not None:
            codecs.update(self._apps.codecs())
        if file.features is not None:
            codecs.update(FeaturesJson(file.features).codecs())
        codecs.update(self._records.codecs())
        if file.push_headers is not None:
            codecs.update(PushHeaders(file.push_headers).codecs())
        if file.search is not None:
            codecs.update(search_codecs(file.search, self._names, codecs["objects"]))
        codecs.update(push_codecs(codecs["where"], file.push_platforms))
        codecs.update(social_codecs(self._names, codecs["value"], codecs["where"]))
        if self._permissions is not None:
            codecs.update(self._permissions.codecs())
        if self._registered is not None:
            codecs.update(self._registered.codecs())
        for name, rows in file.tables.items():
            if name in codecs:
                raise MappingError(f"tables.{name}: is the name of a codec")
            codecs[name] = lists.table(name, rows, _member)
        return codecs

    # --- in front: reading a request ---

    def unwrap(self, request: HttpRequest) -> HttpRequest:
        """The request that is meant: out of a POST's body, if one is in there; a GET's body joins its query."""
        tunnel, body = self._tunnel, request.body
        if self.file.repeats is not None and body and request.content is None:
            request = dataclasses.replace(request, body=write_out_repeats(body, self.file.repeats))
        if type(body) is not dict or not body or (tunnel is None and request.method != "GET"):
            return request
        if request.content is not None:
            return request  # the fields of a form
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
        return HttpRequest(method, request.path, query, headers, body, request.base, request.holes)

    def _unwrap_headers(self, body: dict[str, Any], headers: dict[str, str]) -> dict[str, str]:
        assert self._tunnel is not None
        for key, header in self._tunnel.headers.items():
            if key in body:
                value = body.pop(key)
                if type(value) is not str:
                    # Parse Server answers 403 for a credential that is no text: an operator object has no place here
                    raise GatewayError(Code.UNAUTHORIZED, f"{key} must be text")
                headers[header] = value
        for key, header in self._tunnel.objects.items():
            if value := body.pop(key, None):
                headers[header] = value if type(value) is str else orjson.dumps(value).decode()
        for key in self._tunnel.drop:
            body.pop(key, None)
        return headers

    def read_credentials(self, request: HttpRequest) -> Credentials:
        return self.credentials.read(request)

    @property
    def tells_pointers(self) -> bool:
        """Whether an object shows what it points to; else there are relations of tables, which are asked for."""
        return "pointer" in self.file.values

    @property
    def sorts_by_distance(self) -> bool:
        """Whether what is asked for by its distance comes the nearest first; in SQL an order has to be said."""
        return self.file.where is not None

    def edition(self, name: str) -> Dialect:
        """The dialect of a server of this vendor's as it was at another time. Raises KeyError, MappingError."""
        return Dialect(self.name, edition_of(self.file, name))

    @property
    def subquery_most(self) -> int | None:
        """Objects that a query inside a query finds at the most; None is any number."""
        return None if self.file.where is None else self.file.where.subquery_most

    @property
    def limits_subqueries(self) -> bool:
        """Whether a query inside a query can have a limit."""
        return self.file.where is not None and "limit" in self.file.where.subquery_binds

    @property
    def heeds_least_distance(self) -> bool:
        return self.file.where is None or "min_distance" not in self.file.where.unheeded

    @property
    def tunnel_headers(self) -> Mapping[str, str]:
        """Keys of a body that stand for headers."""
        return {} if self._tunnel is None else self._tunnel.headers

    @property
    def tunnel_unless(self) -> str:
        """... which they do where this header is absent."""
        return "" if self._tunnel is None else self._tunnel.unless

    def knows(self, method: str, path: str) -> bool:
        """Whether some route is for this, whatever else a request says."""
        return self._router.has(method, path)

    def asks_openly(self, request: HttpRequest) -> bool:
        """Whether anybody may ask this, without keys."""
        return (request.method, request.path) in self._open

    def refuses_openly(self, request: HttpRequest) -> bool:
        """Whether anybody is told, without keys, that there is no such thing here."""
        segments = request.path.strip("/").split("/")
        return any(
            method == request.method and path.match(segments) is not None for method, path in self._refused_openly
        )

    def content_of(self, method: str, path: str, headers: Mapping[str, str]) -> str | None:
        """`body` or `part` where the body of a request is bytes, or a form with bytes in it, that stay unread."""
        if path[1:].partition("/")[0].lower() not in self._content_heads:
            return None
        kinds = {route.content for route in self._router.routes(method, path)}
        if "part" in kinds and headers.get("content-type", "")[:10].lower() == "multipart/":
            return "part"
        inside = self._tunnel is not None and self._tunnel.unless not in headers and "authorization" not in headers
        return "body" if "body" in kinds and not (inside and None in kinds) else None

    @property
    def has_contents(self) -> bool:
        """Whether `content_of` can ever say anything."""
        return bool(self._content_heads)

    def account_of(self, request: HttpRequest) -> tuple[str, str] | None:
        """Email address and password of who asks for applications of an account; None where something else is asked."""
        if self._apps is None or request.path[1:].partition("/")[0].lower() not in self._owner_heads:
            return None
        routes = self._router.routes(request.method, request.path)
        return self._apps.account(request) if any(route.owner for route in routes) else None

    def keyless(self, request: HttpRequest) -> tuple[Route, str] | None:
        """The route, and the id of the application, where the path alone says whose it is."""
        if not self._keyless_heads or request.path[1:].partition("/")[0].lower() not in self._keyless_heads:
            return None
        for route in self._router.routes(request.method, request.path):
            if route.keyless is not None:
                texts = {**request.query, **route.path.read(request.path.strip("/").split("/"))}
                return route, str(texts.get(route.keyless, ""))
        return None

    def addresses(self, base: str, app_id: str, sign: Sign | None = None, *, by_path: bool = False) -> Addresses | None:
        """How the client that reached the gateway there is told where files are."""
        return self._known_addresses(base, app_id, sign, by_path)

    def _new_addresses(self, base: str, app_id: str, sign: Sign | None, by_path: bool) -> Addresses | None:
        if self._file_url is None:
            return None
        mounts = [PathTemplate.compile(mount) for mount in self.mounts if "{app_id}" in mount] if by_path else []
        return Addresses(self._file_url, self._file_signature, base, app_id, sign, by_path, mounts)

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
            content = request.content is not None
            route, texts = self._router.find(
                request.method,
                request.path,
                request.body,
                content=content,
                query=request.query,
                headers=request.headers,
            )
            if inner and (route.batch is not None or route.unit is not None):
                return Refused(GatewayError(Code.BAD_BATCH, "nested batch requests are not allowed"), route)
            if inner and route.reply.content:
                return Refused(GatewayError(Code.UNSUPPORTED, "the bytes of a file are no answer in a batch"), route)
            if inner and route.keyless is not None:
                return Refused(GatewayError(Code.UNSUPPORTED, "this cannot be asked for in a batch"), route)
            return self._read(route, texts, request)
        except GatewayError as error:
            return Refused(error, route)

    def _read(self, route: Route, texts: Mapping[str, str], request: HttpRequest) -> Exchange | Refused:
        if route.statement is not None:
            return self._read_statement(route, route.statement, request)
        values = dict(route.defaults)
        for name, text in texts.items():
            values.update(route.holes[name].match(text) or {})
        query, body = request.query, request.body
        if route.query_in_body and body is not None:
            if type(body) is not dict:
                raise GatewayError(Code.BAD_JSON, f"the body must be a JSON object, not {shown(body)}")
            query = {**query, **body}
        if route.query_joins_body and query and (body is None or type(body) is dict):
            query, body = {}, {**(body or {}), **query}
        if query:
            for name, wire in route.sort_out(query).items():
                found = route.query[name].match(wire)
                if found is None:
                    raise GatewayError(Code.BAD_REQUEST, f"bad value for the parameter {name}", name=name)
                values.update(found)
        if route.headers or route.content is not None:
            _read_beside(route, values, request)
        if route.body is not None:
            route.check_body(body)
            _read_body(route, route.body, values, body)
        _check_needs(route, values)
        self._leave_out(route, values)
        if self.file.untyped:
            values["untyped"] = True
        if route.unit is not None:
            return self._read_unit(route, route.unit, values, request)
        if route.batch is not None:
            return self._read_batch(route, route.batch, values, request)
        op, beside = self._with_creation(route.operation(**values))
        return Exchange(
            op, route, request.base, beside=beside, asked=request if "next_page" in route.reply.slots else None
        )

    def _read_statement(self, route: Route, statement: Statement, request: HttpRequest) -> Exchange:
        section, query = statement.section, request.query
        assert isinstance(self._json, TaggedJson), "bare values have no statements"
        found = self._json.read_statement(query.get(section.text), query.get(section.values))
        own = route if found.kind == "select" else statement.kinds.get(found.kind)
        if own is None:
            raise GatewayError(Code.UNSUPPORTED, f"there is no {found.kind} here", name=found.kind)
        values = dict(own.defaults)
        for name, wire in route.sort_out(query).items():
            if own is route:
                values.update(route.query[name].match(wire) or {})
        return Exchange(own.operation(**{**values, **found.parts}), own, request.base)

    def _with_creation(self, op: Operation) -> tuple[Operation, str | None]:
        """Whether an object was ever changed cannot be told without the time when it was made."""
        select = getattr(op, "select", None)
        if not self.file.updated_when_changed or select is None or UPDATED_AT not in select or CREATED_AT in select:
            return op, None
        if isinstance(op, Find) and (op.group_by or op.distinct):
            return op, None  # one more field would make other rows
        return dataclasses.replace(op, select=(*select, CREATED_AT)), CREATED_AT  # type: ignore[call-arg]

    def _read_batch(
        self, route: Route, section: BatchSection, values: dict[str, Any], request: HttpRequest
    ) -> Exchange:
        mounts = (urlsplit(request.base).path, *self.mounts, *self.file.shared_mounts)
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

    def _read_unit(
        self, route: Route, section: Unit, values: dict[str, Any], request: HttpRequest
    ) -> Exchange | Refused:
        wires = values.pop("items", None)
        if type(wires) is not list:
            raise GatewayError(Code.BAD_BATCH, f"expected a list of operations, not {shown(wires)}")
        if len(wires) > self._limits.batch:
            raise GatewayError(Code.BAD_BATCH, f"{len(wires)} operations at once: {self._limits.batch} at the most")
        sent = tuple(map(orjson.dumps, wires))  # reading uses them up
        exchanges: list[Exchange] = []
        ops: list[Operation] = []
        names: dict[str, None] = {}
        for at, wire in enumerate(wires):
            try:
                item = unit.read_item(wire, section, names.keys())
                op = self._read_kind(item)
            except GatewayError as error:
                return Refused(error, route, sent[at])
            names[item.name] = None
            op, beside = self._with_creation(op)
            ops.append(op)
            exchanges.append(Exchange(unit.parts(op)[0], item.route, request.base, beside=beside))
        op = Batch(items=tuple(ops), names=tuple(names), **values)
        return Exchange(op, route, request.base, tuple(exchanges), sent)

    def _read_kind(self, item: unit.Item) -> Operation:
        route = item.route
        assert route.body is not None
        found = route.body.match(ABSENT if item.payload is None else item.payload)
        if found is None:
            raise GatewayError(Code.BAD_BATCH, f"this is no payload: {shown(item.payload)}")
        if len(found.get("objects", ())) > (self._limits.bulk or self._limits.batch):
            # the vendor's suite has this sentence
            raise GatewayError(
                Code.BAD_BATCH, f"Bulk create operation supports no more than {self._limits.bulk} objects"
            )
        values = {**route.defaults, "class_name": self._names.read_class(item.class_name), **found}
        _check_needs(route, values)
        self._leave_out(route, values)
        if self.file.untyped:
            values["untyped"] = True
        return unit.operation(route, values)

    def _leave_out(self, route: Route, values: dict[str, Any]) -> None:
        """What clients send along as they have found it; and what the vendor keeps in lower case is so from here on."""
        class_name = values.get("class_name") or own_class(route.operation)
        for name in self.file.lower_case.get(class_name, ()):
            match values.get("changes", {}).get(name):
                case Set(str(text)):
                    values["changes"] = {**values["changes"], name: Set(text.lower())}
        for name in self.file.set_by_server.get(class_name, ()):
            values.get("changes", {}).pop(name, None)
            for new in values.get("objects", ()):
                new.changes.pop(name, None)

    def _adopt(self, exchange: Exchange, inner: batch.InnerRequest) -> Exchange | Refused:
        try:
            return batch.adopt(exchange, inner.children, self._names.read_new)
        except GatewayError as error:
            return Refused(error, exchange.route)

    # --- in front: writing an answer ---

    def write_answer(self, exchange: Exchange, answer: Result | GatewayError) -> HttpResponse:
        """The reply; an error that the route tells as an empty answer is told so."""
        if isinstance(answer, GatewayError):
            if exchange.sent and (at := answer.details.get("item")) is not None:
                return self._write_failure(exchange.route, answer, exchange.sent[int(at)])
            if answer.code not in exchange.route.empty_on:
                return self.write_error(answer, exchange.route)
            answer = empty(exchange.op)
        return self.write_reply(exchange, answer)

    def write_refusal(self, refused: Refused) -> HttpResponse:
        """The answer to a request that could not be read."""
        route = refused.route
        if route is not None and refused.sent is not None:
            return self._write_failure(route, refused.error, refused.sent)
        if route is None or refused.error.code not in route.empty_on:
            return self.write_error(refused.error, route)
        return HttpResponse(route.reply.status, route.reply.body.fill({"objects": [], "object": {}}))

    def write_reply(self, exchange: Exchange, result: Result) -> HttpResponse:
        """The result belongs to the writer: its objects become the wire where they stand."""
        route = exchange.route
        if route.unit is not None:
            return HttpResponse(route.reply.status, self._write_results(exchange, result, route.unit))
        if route.batch is not None:
            answers = [self._write_item(item, answer, route.batch) for item, answer in batch.answers(exchange, result)]
            named = route.batch.by_name and exchange.op.names  # type: ignore[attr-defined]
            body = batch.by_name(exchange, answers, route.batch) if named else answers
            return HttpResponse(route.reply.status, body)
        if self._public_acl_shown and isinstance(exchange.op, Get | Find) and exchange.op.with_acl:
            _show_public_acl(result)
        shown = self.file.shown.get(class_of(exchange.op))
        whole = getattr(exchange.op, "nulls", False)
        if shown is not None and (whole or not isinstance(exchange.op, Create | Update)):
            _show_absent(result, shown, exchange.op)
        if isinstance(exchange.op, FindMembers) and exchange.op.with_roles:
            for fields in result.objects or []:
                fields["roles"] = list(map(self._names.write_role, fields["roles"]))
        if exchange.beside is not None:
            _tell_unchanged(result)
        if self.file.class_tag is not None:
            self._make_whole(exchange.op, result)
        reply = route.reply if result.created else route.reply_known
        if reply.content or result.content is not None:  # a file in the place of what was asked for
            return HttpResponse(reply.status, headers=reply.headers, content=result.content)
        if route.names_class and result.class_name is None:
            result.class_name = class_of(exchange.op)
        if exchange.asked is not None and isinstance(exchange.op, Find | FindGeoPoints):
            _tell_page(exchange.op, route, exchange.asked, result)
        body = reply.body.fill({name: getattr(result, name) for name in reply.slots})
        headers = {name: self._header(text, exchange, result) for name, text in reply.headers.items()}
        return HttpResponse(reply.status, NOTHING if body is ABSENT else body, headers)

    def _write_results(self, exchange: Exchange, result: Result, section: Unit) -> Any:
        kinds = {route: kind for kind, route in section.kinds.items()}
        assert isinstance(exchange.op, Batch)
        results: dict[str, Any] = {}
        for name, (item, answer) in zip(exchange.op.names, batch.answers(exchange, result), strict=True):
            assert isinstance(item, Exchange)
            if isinstance(answer, GatewayError):
                raise answer
            body = self.write_reply(item, answer).body
            told = {"kind": kinds[item.route], "result": None if body is NOTHING else body}
            results[str(name)] = section.item.fill(told)
        return section.answer.fill({"success": True, "results": results})

    def _write_failure(self, route: Route, error: GatewayError, sent: bytes) -> HttpResponse:
        """All was undone: the first error, and the operation that failed, as it was sent."""
        assert route.unit is not None
        message = self._sentence(error, route.tells.get(error.code) or self._errors.rows[error.code])
        failure = route.unit.failure.fill({"message": message, "operation": orjson.loads(sent)})
        return HttpResponse(route.reply.status, route.unit.answer.fill({"success": False, "failure": failure}))

    def _make_whole(self, op: Operation, result: Result) -> None:
        """Each object of an answer with the name of its class, and what a write tells of one beside it."""
        assert self.file.class_tag is not None
        if result.object is not None:
            for field, value in ((ID, result.id), (CREATED_AT, result.created_at), (UPDATED_AT, result.updated_at)):
                if value is not None and isinstance(op, Create | Update | Upsert | SignUp | ConvertGuest):
                    result.object.setdefault(field, value)
        class_name = result.class_name or class_of(op)
        if class_name:
            tag = self._names.write_class(class_name)
            for fields in result.objects if result.objects is not None else [result.object or {}]:
                fields[self.file.class_tag] = tag

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
            file_url="" if result.file is None else url_of(result.file) or "",
        )

    def write_error(self, error: GatewayError, route: Route | None = None) -> HttpResponse:
        row = route.tells.get(error.code) if route is not None else None
        row = row or self._errors.rows[error.code]
        message = self._sentence(error, row)
        if row.plain:
            text = str(_fill_text(row.body, message)).encode()
            return HttpResponse(row.status, text, {"Content-Type": "text/plain; charset=utf-8"})
        if row.body is not None:
            return HttpResponse(row.status, _fill_text(row.body, message))
        code = int(error.details["number"]) if row.own_code and "number" in error.details else row.code
        return HttpResponse(row.status, self._error_body.fill({"code": code, "message": message}))

    def _sentence(self, error: GatewayError, row: ErrorRow) -> str:
        if self.hides_reasons and row.hidden is not None:
            return row.hidden
        if error.said_by == self.name:
            return error.message
        message = error.message
        text = row.text_expecting.get(error.details.get("expected", ""), row.text)
        if text is not None:
            try:
                message = text.format_map({"message": error.message, **self._told(error.details)})
            except (KeyError, ValueError):
                message = error.message  # the error does not say what the vendor's sentence tells
        return self._names.tell(message)

    def _told(self, details: Mapping[str, str]) -> Mapping[str, str]:
        told = dict(details)
        if "action" in told:
            told["action"] = self._actions.get(told["action"], told["action"])
        if "trigger" in told and self._registered is not None:
            told["trigger"] = self._registered.word(told["trigger"])
        if "class_name" in told:
            told["class_name"] = self.file.names.classes.get(told["class_name"], told["class_name"])
        if "field" in told:
            told["field"] = self._names.tell(told["field"])
        return told

    # --- behind: writing a request, reading a reply ---

    def write_request(self, op: Operation, credentials: Credentials, mount: str | None = None) -> HttpRequest:
        """Raises GatewayError(UNSUPPORTED) for what this dialect has no words for.

        The paths inside a batch begin with `mount`, which is where the backend believes itself to be.
        """
        request = self._write_bare(op, self.mounts[0] if mount is None else mount, credentials.app_id)
        request.headers = {**request.headers, **self.credentials.write(credentials)}
        return request

    def tunnelled(self, request: HttpRequest) -> HttpRequest | None:
        """A GET as a POST that has the query in its body; None where the dialect has no such thing."""
        if self._tunnel is None or request.method != "GET":
            return None
        body = {**request.query, self._tunnel.method: request.method}
        return dataclasses.replace(request, method="POST", query={}, body=body)

    def answers(self, op: Operation, within: Batch | None = None) -> Mapping[str, Any]:
        """What an answer here shows otherwise than `op` asks: the name of each such field, and what holds instead.

        `within` is the batch that it is an item of: some batches have words of their own for it.
        """
        unit_of = None if within is None else self._express(within)[0].unit
        route, values = self._express(op, None if unit_of is None else _kinds_of(op, unit_of))
        shown: dict[str, Any] = {}
        for name, default in self._fields[type(op)]:
            if name in ANSWER_FIELDS:
                here = route.defaults.get(name, default)
                if name in values:  # one word may stand for several wishes, and grants the first of them
                    here = values[name]
                    for shape in route.query.values():
                        if name in shape.slots():
                            here = (shape.match(shape.fill(values)) or {}).get(name, here)
                if getattr(op, name) != here:
                    shown[name] = here
        return shown

    def _write_bare(self, op: Operation, mount: str, app_id: str | None = None) -> HttpRequest:
        """The request without credentials, as it stands in a batch."""
        route, values = self._express(op)
        if (name := getattr(op, "class_name", None)) in self.file.names.foreign:
            raise GatewayError(Code.UNSUPPORTED, f"a class cannot be called {name} here", class_name=str(name))
        self._check_changes(getattr(op, "changes", {}))
        if isinstance(op, Batch) and route.unit is not None:
            names = unit.names_of(len(op.items), op.names)
            values["items"] = [
                self._write_kind(item, name, route.unit) for item, name in zip(op.items, names, strict=True)
            ]
        elif isinstance(op, Batch):
            assert route.batch is not None
            values["items"] = [
                self._write_inner(item, name, route.batch, mount) for item, name in zip_longest(op.items, op.names)
            ]
        texts: dict[str, str] = {}
        for name, shape in route.holes.items():
            # a path leaves nothing unsaid, whatever the default is
            if name == route.keyless and app_id is not None:
                texts[name] = app_id
                continue
            text = shape.fill({**{slot: getattr(op, slot, None) for slot in shape.slots()}, **values})
            if not isinstance(text, str):
                raise GatewayError(Code.UNSUPPORTED, f"{name} cannot be told in a path here")
            texts[name] = text
        told = {name: shape.fill(values) for name, shape in route.query.items()}
        told = {name: wire for name, wire in told.items() if wire is not ABSENT}
        if route.only is not None:
            told |= route.only.query
        if route.query_in_body:
            return HttpRequest(route.method, route.path.build(texts), body=told)
        query = {name: wire if isinstance(wire, str) else orjson.dumps(wire).decode() for name, wire in told.items()}
        body = ABSENT if route.body is None else route.body.fill(values)
        if body == {} and route.method == "DELETE":
            body = ABSENT  # a body that is read only
        path = route.path.build(texts) + ("/" if route.only is not None and route.only.slash else "")
        request = HttpRequest(route.method, path, query, body=None if body is ABSENT else body)
        if route.headers:
            headers = {name: shape.fill(values) for name, shape in route.headers.items()}
            # JSON is escaped, as headers are read as Latin-1
            request.headers = {
                name: wire if isinstance(wire, str) else json.dumps(wire)
                for name, wire in headers.items()
                if wire is not ABSENT
            }
        if route.content is not None:
            request.content = getattr(op, "content", None)
        if route.content == "part":
            form = Form(request.content, name_in(getattr(op, "path", "")), values.get("mime_type"))
            request.content, request.headers = form, {**request.headers, "content-type": form.mime_type}
        return request

    def _check_changes(self, changes: Changes) -> None:
        for field, change in changes.items():
            self._names.check_column(field)
            if (
                self._several_of
                and isinstance(change, Several)
                and not self._several_of.issuperset(map(type, change.changes))
            ):
                raise GatewayError(Code.UNSUPPORTED, f"several changes of {field} cannot be told at once here")

    def _write_inner(self, op: Operation, name: str | None, section: BatchSection, mount: str) -> dict[str, Any]:
        if isinstance(op, Batch):
            raise GatewayError(Code.UNSUPPORTED, "a batch cannot be told inside a batch here")
        alone, references = batch.part_references(op)
        request = self._write_bare(alone, mount)
        by_wire_name = {self._names.write(field): reference for field, reference in references.items()}
        return batch.write_request(request, section, mount, name, by_wire_name)

    def _write_kind(self, op: Operation, name: str, section: Unit) -> dict[str, Any]:
        item, references = unit.parts(op)
        self._check_changes(getattr(item, "changes", {}))
        route, values = self._express(item, _kinds_of(item, section))
        values.update(references)
        assert route.body is not None
        keys = section.section
        return {
            keys.kind: next(kind for kind, one in section.kinds.items() if one is route),
            keys.class_name: self._names.write_class(values.pop("class_name")),
            keys.payload: route.body.fill(values),
            keys.name: name,
        }

    def _express(self, op: Operation, routes: Sequence[Route] | None = None) -> tuple[Route, dict[str, Any]]:
        """The first route that can say all of an operation, and what it has to say: its own defaults stay unsaid."""
        if routes is None:
            routes = self._routes.get(type(op))
        if not routes:
            raise GatewayError(Code.UNSUPPORTED, f"the backend has no words for it: {_called(op)}")
        unsaid, furthest = "", -1
        for route in routes:
            values: dict[str, Any] = {}
            for at, (name, default) in enumerate(self._fields[type(op)]):
                value = getattr(op, name)
                if value != route.defaults.get(name, default):
                    if name in route.bound:
                        values[name] = value
                    elif name not in ANSWER_FIELDS:
                        if at > furthest:  # of the route that says the most
                            unsaid, furthest = name, at
                        break
            else:
                if route.batch is None or not route.batch.by_name or "names" in values:
                    _name_system_fields(op, route, values)
                    return route, values
                unsaid = "items"  # without names: an answer by name would be lost
        told = CALLED_IN_A_REFUSAL.get(unsaid, repr(unsaid))
        raise GatewayError(Code.UNSUPPORTED, f"the backend has no words for it: {_called(op)} with {told}")

    def read_reply(self, op: Operation, response: HttpResponse) -> Result:
        """Raises the GatewayError that an error answer tells."""
        if response.status >= 400:
            raise self._read_failure(op, response.status, response.body)
        route, _ = self._express(op)
        if isinstance(op, Batch) and route.unit is not None:
            return self._read_results(op, response.body, route.unit)
        if isinstance(op, Batch):
            assert route.batch is not None
            return Result(
                items=[self._read_item(*found) for found in batch.read_answers(op, response.body, route.batch)]
            )
        known = response.status == route.reply_known.status != route.reply.status
        redirected = isinstance(op, Find) and op.redirect_key is not None
        told = self._class_told(response.body) if redirected else None  # before reading uses the body up
        result = self._read_bound(op, route, response.body, known=known)
        result.class_name = result.class_name or told
        if result.id is None:
            told_by = (name for name, template in route.reply.headers.items() if template == "{id}")
            result.id = next((id_ for name in told_by if (id_ := response.headers.get(name))), None)
        return result

    def _class_told(self, body: Any) -> str | None:
        """The class of a redirected query, where each object tells it."""
        for objects in body.values() if type(body) is dict else ():
            first = objects[0] if type(objects) is list and objects else None
            told = first.get(self.file.redirect_tag) if type(first) is dict else None
            if type(told) is str:
                return self._names.read_class(told)
        return None

    def _read_bound(self, op: Operation, route: Route, body: Any, *, known: bool = False) -> Result:
        """`known` is the answer of what would have made something, and found it there."""
        reply = route.reply_known if known else route.reply
        try:
            bound = reply.read.match(ABSENT if body is NOTHING else body)
        except GatewayError as error:  # the backend's fault, and not the client's
            raise GatewayError(Code.UNAVAILABLE, f"the backend's answer could not be understood: {error}") from error
        if bound is None:
            raise GatewayError(Code.UNAVAILABLE, "the backend's answer could not be understood")
        if isinstance(op, Get) and not bound.get("object") and Code.OBJECT_NOT_FOUND in route.empty_on:
            raise GatewayError(Code.OBJECT_NOT_FOUND, "object not found", class_name=op.class_name, id=op.id)
        if self.file.class_tag is not None and isinstance(op, Create | Update | Upsert | SignUp | ConvertGuest):
            _lift(bound)
        if isinstance(op, Find) and op.limit == 0:
            bound.setdefault("objects", [])  # where a number is all that is told
        result = Result(**bound, created=not known)
        if result.schema is not None and not result.schema.class_name:  # not every vendor repeats what was asked for
            result.schema = dataclasses.replace(result.schema, class_name=class_of(op))
        if self._public_acl_shown:
            for fields in result.objects if result.objects is not None else [result.object or {}]:
                if fields.get(ACL) == PUBLIC_ACL:
                    del fields[ACL]  # what `_show_public_acl` shows
        return result

    def _read_results(self, op: Batch, body: Any, section: Unit) -> Result:
        """Raises GatewayError: of the item that failed, where the backend says which."""
        told = section.answer.match(body) if type(body) is dict else None
        names = unit.names_of(len(op.items), op.names)
        if told is None or not told.get("success"):
            failure = section.failure.match((told or {}).get("failure")) or {}
            failed = failure.get("operation")
            name = failed.get(section.section.name) if type(failed) is dict else None
            place = {"item": str(names.index(name))} if name in names else {}
            message = failure.get("message")
            if type(message) is not str:
                raise GatewayError(Code.UNAVAILABLE, "the backend's answer to a batch could not be understood")
            raise GatewayError(Code.BAD_REQUEST, message, **place)
        results = told.get("results")
        items: list[Result | GatewayError] = []
        for item, name in zip(op.items, names, strict=True):
            alone = unit.parts(item)[0]
            route, _ = self._express(alone, _kinds_of(alone, section))
            answer = section.item.match(results.get(name)) if type(results) is dict else None
            if answer is None:
                raise GatewayError(Code.UNAVAILABLE, "the backend's answer to a batch could not be understood")
            items.append(self._read_bound(alone, route, answer.get("result", ABSENT)))
        return Result(items=items)

    def _read_item(self, op: Operation, success: bool, body: Any) -> Result | GatewayError:
        if not success:
            return self._read_failure(op, 0, body)
        try:
            # the status of an item is not told, and so not whether it found something there
            return self.read_reply(op, HttpResponse(self._express(op)[0].reply.status, body))
        except GatewayError as error:  # told as a success, and none: it is this item's error alone
            return error

    def _read_failure(self, op: Operation, status: int, body: Any) -> GatewayError:
        """The error of one operation: its route may know the number better, and its names are details of it."""
        error = self.read_error(status, body, self._express(op)[0].errors)
        if error.code is Code.BAD_REQUEST and isinstance(op, CODE_CALLS):
            bound = (self._error_body.match(body) if type(body) is dict else None) or {}
            # a number that the vendor has not, or has for this alone, is that of the app's own code
            if type(number := bound.get("code")) is int and number not in self._error_numbers:
                return GatewayError(Code.FUNCTION_FAILED, error.message, number=str(number))
        if error.code is Code.INTERNAL and status > 500 and isinstance(op, CODE_CALLS):
            # the server is well, and says what became of the code that it asked
            return GatewayError(Code.UNAVAILABLE, error.message, said_by=self.name)
        names = {name: getattr(op, name, None) for name in ("class_name", "id")}
        if isinstance(op, Delete) and op.ids:
            names["id"] = op.ids[0]
        if type(op) in FILE_OPERATIONS.values():
            names["name"] = getattr(op, "path", None)
        error.details = {name: value for name, value in names.items() if value is not None}
        return error

    def read_error(self, status: int, body: Any, here: Mapping[int, Code] = MappingProxyType({})) -> GatewayError:
        """What an error of this vendor means: by its number, `here` first, else by the status."""
        bound = (self._error_body.match(body) if type(body) is dict else None) or {}
        number, message = bound.get("code"), bound.get("message")
        code = here.get(number, self._error_numbers.get(number)) if type(number) is int else None
        if code is None:
            code = self._errors.by_status.get(status, Code.UNAVAILABLE if status >= 500 else Code.BAD_REQUEST)
        if type(message) is not str:
            return GatewayError(code, f"the backend answered {status}")
        return GatewayError(code, message, said_by=self.name)


def _called(op: Operation) -> str:
    """What an operation is called where somebody is told of it, as in the README."""
    return CALLED.get(type(op), "an item that needs what an earlier one answers")


def _kinds_of(op: Operation, section: Unit) -> list[Route]:
    """How it can be said as an item of a unit."""
    return [route for route in section.kinds.values() if route.operation is type(op)]


def _name_system_fields(op: Operation, route: Route, values: dict[str, Any]) -> None:
    """Where a selection is all that is told, the fields that are always there elsewhere have to be named."""
    if values.get("select") is None or not route.defaults.get("exact") or getattr(op, "exact", True):
        return
    if not (getattr(op, "outputs", ()) or getattr(op, "group_by", ()) or getattr(op, "distinct", False)):
        values["select"] = tuple(dict.fromkeys((*values["select"], ID, CREATED_AT, UPDATED_AT)))


def _lift(bound: dict[str, Any]) -> None:
    """What a write tells in the object alone."""
    told: Fields = bound.get("object") or {}
    for name, field in (("id", ID), ("created_at", CREATED_AT), ("updated_at", UPDATED_AT)):
        if bound.get(name) is None:
            bound[name] = told.get(field)


def _heads(routes: Iterable[Route]) -> frozenset[str]:
    """The first names of their paths, by which nearly every request is told from them at once."""
    return frozenset(route.path.segments[0].lower() for route in routes)


def _read_beside(route: Route, values: dict[str, Any], request: HttpRequest) -> None:
    """What stands neither in the path nor in the query, nor in a body of JSON."""
    for name, shape in route.headers.items():
        if name in request.headers:
            values.update(shape.match(request.headers[name]) or {})
    if route.content is not None:
        values["content"] = request.content


def _refused_openly(file: MappingFile) -> Iterator[tuple[str, PathTemplate]]:
    for http in file.refused_openly:
        if http not in file.refused:
            raise MappingError(f"refused_openly: {http!r} is not refused")
        method, _, path = http.partition(" ")
        yield method, PathTemplate.compile(path)


def _file_url(template: str) -> PathTemplate:
    path = PathTemplate.compile(template)
    if "path" not in path.names or not {"path", "app_id"}.issuperset(path.names):
        raise MappingError(f"file_url: must have a hole for the path, and at most one for the app_id: {template!r}")
    return path


def _read_body(route: Route, shape: Shape, values: dict[str, Any], body: Any) -> None:
    found = shape.match(body if body is not None else {} if isinstance(shape, Record) else ABSENT)
    if found is None:
        if type(body) is dict:
            raise GatewayError(Code.BAD_VALUE, f"the body has a value that it must not have: {shown(body)}")
        raise GatewayError(Code.BAD_JSON, f"the body must be a JSON object, not {shown(body)}")
    if route.named_twice and found.get("class_name", values["class_name"]) != values["class_name"]:
        names = f"{found['class_name']} and {values['class_name']}"
        raise GatewayError(Code.BAD_CLASS_NAME, f"Class name mismatch between {names}.")
    values.update(found)


def _check_needs(route: Route, values: Mapping[str, Any]) -> None:
    """Raises GatewayError(BAD_REQUEST) where a request does not say what it must."""
    for name in route.required:
        if name not in values:
            raise GatewayError(Code.BAD_REQUEST, f"this needs {name}", name=name)
    if route.needs and all(values.get(name) is None for name in route.needs):
        needed = " or ".join(route.needs)
        raise GatewayError(Code.BAD_REQUEST, f"this needs {needed}", name=needed)


def _member(text: str) -> Any:
    """What a table of a mapping means by a word: one of an enumeration of the model's, or the word itself."""
    return next((member for member in Returning if member.value == text), text)


def _fields_of(operation: type[Operation]) -> tuple[tuple[str, Any], ...]:
    """Name and default of each field of an operation; a required one has MISSING, which no value equals."""
    unsaid = RULES if operation in FILE_OPERATIONS.values() else frozenset[str]()
    return tuple(
        (field.name, field.default if field.default_factory is dataclasses.MISSING else field.default_factory())
        for field in dataclasses.fields(operation)
        if field.name not in unsaid
    )


def empty(op: Operation) -> Result:
    """The answer of an operation that found nothing."""
    return Result(objects=[], object={}, total=0 if isinstance(op, Find) and op.count else None)


def _tell_page(op: Find | FindGeoPoints, route: Route, asked: HttpRequest, result: Result) -> None:
    """Where the page is in all that there is; the next one is asked for as this one was, but for where it begins."""
    shown = len((result.objects if isinstance(op, Find) else result.value) or ())
    result.skip, seen = op.skip, op.skip + shown
    begins = next((name for name, shape in route.query.items() if shape.slots() == {"skip"}), None)
    if begins is not None and shown and result.total is not None and seen < result.total:
        query = urlencode({**asked.query, begins: str(seen)}, doseq=True)
        result.next_page = f"{urlsplit(asked.base).path}{asked.path}?{query}"


def _show_absent(result: Result, shown: Mapping[str, Any], op: Operation) -> None:
    select, excluded = getattr(op, "select", None), getattr(op, "exclude", ())
    nulls = getattr(op, "nulls", False)  # then what is not there is None
    for fields in result.objects if result.objects is not None else [result.object or {}]:
        if ID in fields:
            for name, value in shown.items():
                if (select is None or name in select) and name not in excluded:
                    if nulls and fields.get(name) is None:
                        fields[name] = value
                    fields.setdefault(name, value)


def _tell_unchanged(result: Result) -> None:
    """An object that was never changed has no time of that; when it was made was not asked for."""
    for fields in result.objects if result.objects is not None else [result.object or {}]:
        if fields.pop(CREATED_AT, None) == fields.get(UPDATED_AT):
            fields[UPDATED_AT] = None


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
