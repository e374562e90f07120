"""Routes and errors of a mapping, cross-checked and compiled: what cannot work is found before the port opens."""

from __future__ import annotations

import dataclasses
import string
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, get_type_hints

from pydantic import ValidationError

from gateway.errors import Code, GatewayError, MappingError
from gateway.mapping.route import Fate, Only, PathTemplate, ReplyShape, Route, Statement, Unit
from gateway.mapping.schema import (
    ErrorsSection,
    OnlySection,
    Reply,
    RouteSection,
    StatementSection,
    UnitSection,
    faults,
)
from gateway.mapping.shape import Compiler, Passed, ReadOnly, Record, Shape, Slot
from gateway.model.administration import Health
from gateway.model.catalogue import OPERATIONS
from gateway.model.operation import Operation, Result, ServerTime
from gateway.model.owners import OWNER_OPERATIONS

RESULT_SLOTS = frozenset(field.name for field in dataclasses.fields(Result)) - {"created"}
_UNIT_SLOTS: Mapping[str, frozenset[str]] = {
    "reference": frozenset({"item", "index", "field"}),
    "item": frozenset({"kind", "result"}),
    "failure": frozenset({"message", "operation"}),
    "answer": frozenset({"success", "results", "failure"}),
}
"""What the templates of a batch of kinds bind."""
HEADER_SLOTS = frozenset({"base", "mount", "class_name", "id", "file_url"})
"""What a header of a reply can hold: the address of the mount, its path, the names of the object, a file's address."""
ERROR_SLOTS = frozenset(
    {"message", "class_name", "id", "field", "expected", "found", "name", "action", "trigger", "minutes"}
)
"""What the text of an error can hold: the details of a GatewayError."""


def compile_route(section: RouteSection, compiler: Compiler, where: str) -> Route:
    operation = OPERATIONS.get(section.op)
    if operation is None:
        raise MappingError(f"{where}.op: there is no operation {section.op!r}; there are {', '.join(OPERATIONS)}")
    fields = {field.name: field for field in dataclasses.fields(operation)}
    method, _, template = section.http.partition(" ")
    try:
        path = PathTemplate.compile(template)
    except MappingError as error:
        raise MappingError(f"{where}.http: {error}") from None
    holes = _holes(section, path, compiler, where)
    query = {name: compiler.compile(part, f"{where}.query.{name}") for name, part in section.query.items()}
    body = None if section.body is None else compiler.compile(section.body, f"{where}.body")
    if body is not None and not isinstance(body, Record) and not body.slots():
        raise MappingError(f"{where}.body: must be an object, or a slot")
    if section.query_joins_body and (query or section.ignore or section.refuse or body is None):
        raise MappingError(f"{where}.query_joins_body: belongs to a body, and to no parameter with a name of its own")
    headers = {name: compiler.compile(part, f"{where}.headers.{name}") for name, part in section.headers.items()}
    _check_content(section, path, where)
    _check_refused(section, body, where)
    if body is not None and section.query_in_body:
        raise MappingError(f"{where}.body: has the parameters already")
    in_path = frozenset[str]().union(*(shape.slots() for shape in holes.values()))
    bound = frozenset[str]().union(*(shape.slots() for shape in query.values()))
    if body is not None:
        bound |= body.slots()
    bound |= frozenset[str]().union(*(shape.slots() for shape in headers.values()))
    bound |= {"content"} if section.content is not None else set()
    bound |= fields.keys() & {"mime_type"} if section.content == "part" else set()  # a part has a header for it
    again = _read_only_slots(body)
    for name in sorted((in_path & bound) - (again & {"class_name"})):
        raise MappingError(f"{where}: {name} is bound by the path, and once more")
    bound |= in_path
    if section.statement is not None:
        bound |= fields.keys()
    if section.unit is not None or (section.batch is not None and section.batch.name is not None):
        bound |= {"names"}
    required = _check_bound(section, fields, bound, where)
    if section.open and (operation not in (ServerTime, Health) or path.names):
        raise MappingError(
            f"{where}.open: only what the gateway answers by itself needs no keys, and {section.op} does"
        )
    if section.owner is not (section.op in OWNER_OPERATIONS):
        raise MappingError(f"{where}.owner: belongs to {', '.join(OWNER_OPERATIONS)}, and to nothing else")
    if ((section.batch is not None) + (section.unit is not None)) != ("items" in fields):
        raise MappingError(f"{where}.batch: belongs to a batch, and to nothing else")
    reply = _reply(section.reply, compiler, f"{where}.reply")
    return Route(
        operation=operation,
        method=method,
        path=path,
        holes=holes,
        query=query,
        spellings=section.also,
        fates=_fates(section, where),
        body=body,
        defaults={**_defaults(operation, section, where), **_given(section, query, where)},
        reply=reply,
        reply_known=_reply(section.reply_known, compiler, f"{where}.reply_known") if section.reply_known else reply,
        errors=section.errors,
        tells=section.tells,
        empty_on=frozenset(section.empty_on),
        open=section.open,
        owner=section.owner,
        empty_item=(section.empty_item,) if "empty_item" in section.model_fields_set else None,
        batch=section.batch,
        unit=None if section.unit is None else _unit(section.unit, compiler, f"{where}.unit"),
        statement=None if section.statement is None else _statement(section, section.statement, compiler, where),
        names_class=section.statement is not None,
        when=section.when,
        query_in_body=section.query_in_body,
        query_joins_body=section.query_joins_body,
        repeated=frozenset(section.repeated),
        gathered=frozenset(section.gathered),
        needs=section.needs,
        apart=section.apart,
        required=tuple(sorted(required - in_path - section.defaults.keys() - {"items"})),
        bound=bound,
        named_twice="class_name" in in_path & again,
        refused=frozenset(section.refuse if body is not None else ()),
        once=section.once,
        headers=headers,
        content=section.content,
        keyless=section.keyless,
        only=_only(section.only),
    )


def _only(section: OnlySection) -> Only | None:
    only = Only(section.query, section.headers, section.slash)
    return only if only != Only({}, {}) else None


def _check_content(section: RouteSection, path: PathTemplate, where: str) -> None:
    if section.once is not None and section.once != section.once.lower():
        raise MappingError(f"{where}.once: names of headers are lower case here")
    for name in section.headers:
        if name != name.lower():
            raise MappingError(f"{where}.headers.{name}: names of headers are lower case here")
    if section.content == "body" and section.body is not None:
        raise MappingError(f"{where}.body: is bytes already")
    if section.keyless is None or section.keyless in section.ignore:
        return
    if section.keyless not in path.names or section.path.get(section.keyless, ""):
        raise MappingError(f"{where}.keyless: must be a hole of the path, or a parameter, that binds nothing")


def _check_refused(section: RouteSection, body: Shape | None, where: str) -> None:
    for name in section.refuse:
        if isinstance(body, Record) and name in body.parts:
            raise MappingError(f"{where}.refuse: {name} is a key of the body")


def _check_bound(
    section: RouteSection, fields: Mapping[str, dataclasses.Field[Any]], bound: frozenset[str], where: str
) -> frozenset[str]:
    """The slots that the operation cannot do without; a request may lack those of its parameters and its body."""
    for name in sorted(bound | section.defaults.keys()):
        if name not in fields:
            raise MappingError(f"{where}: {section.op} has no {name}; it has {', '.join(fields)}")
    required = frozenset(
        name
        for name, field in fields.items()
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    )
    for name in fields:
        if name in required - bound - section.defaults.keys():
            raise MappingError(f"{where}: {section.op} needs {name}, and nothing binds it")
    for name in section.repeated:
        if name not in section.query and name not in section.also:
            raise MappingError(f"{where}.repeated: there is no parameter {name}")
    for name in section.gathered:
        if name not in section.also:
            raise MappingError(f"{where}.gathered: {name} is no other spelling of a parameter")
    for name in section.apart:
        if name not in section.query:
            raise MappingError(f"{where}.apart: there is no parameter {name}")
    for name in section.needs:
        if name not in bound:
            raise MappingError(f"{where}.needs: nothing binds {name}")
    return required


def _given(section: RouteSection, query: Mapping[str, Shape], where: str) -> dict[str, Any]:
    """What the parameters that are as if sent bind."""
    values: dict[str, Any] = {}
    for name, wire in section.given.items():
        if name not in query:
            raise MappingError(f"{where}.given.{name}: there is no parameter {name}")
        try:
            values.update(query[name].match(wire) or {})
        except GatewayError as error:
            raise MappingError(f"{where}.given.{name}: {error}") from None
    return values


def _unit(section: UnitSection, compiler: Compiler, where: str) -> Unit:
    """Its kinds as routes: the class of an item is as if it stood in a path."""
    kinds = {}
    for kind, row in section.kinds.items():
        route = RouteSection(
            op=row.op,
            http=f"POST /{kind}/{{class_name}}",
            body=row.body,
            defaults=row.defaults,
            needs=row.needs,
            reply=row.reply,
        )
        kinds[kind] = compile_route(route, compiler, f"{where}.kinds.{kind}")
    shapes = []
    for key, slots in _UNIT_SLOTS.items():
        shape = compiler.compile(getattr(section, key), f"{where}.{key}")
        if shape.slots() != slots:
            raise MappingError(f"{where}.{key}: must bind {', '.join(sorted(slots))}")
        shapes.append(shape)
    return Unit(section, kinds, *shapes)


def _statement(section: RouteSection, given: StatementSection, compiler: Compiler, where: str) -> Statement:
    """Its kinds as routes, whose errors are told alike."""
    bare = StatementSection(text=given.text, values=given.values)
    kinds: dict[str, Route] = {}
    for kind, row in given.kinds.items():
        route = section.model_copy(
            update={"op": row.op, "query": {}, "defaults": row.defaults, "reply": row.reply, "statement": bare}
        )
        kinds[kind] = compile_route(route, compiler, f"{where}.statement.kinds.{kind}")
    return Statement(given, kinds)


def _read_only_slots(body: Shape | None) -> frozenset[str]:
    parts = body.parts.values() if isinstance(body, Record) else ()
    return frozenset(part.slot.name for part in parts if isinstance(part, ReadOnly))


def _holes(section: RouteSection, path: PathTemplate, compiler: Compiler, where: str) -> dict[str, Shape]:
    for name in section.path:
        if name not in path.names:
            raise MappingError(f"{where}.path.{name}: there is no such hole in {path.template}")
    return {
        # a hole called class_name is the name of a class, wherever it is
        name: compiler.compile(
            section.path.get(name, f"${name}|class_name" if name == "class_name" else f"${name}"),
            f"{where}.path.{name}",
        )
        if section.path.get(name, "") is not None
        else Passed()
        for name in path.names
    }


def _fates(section: RouteSection, where: str) -> dict[str, Fate]:
    fates: dict[str, Fate] = {}
    statement = () if section.statement is None else (section.statement.text, section.statement.values)
    for names, fate in (
        (section.query, Fate.BIND),
        (section.also, Fate.BIND),
        (section.ignore, Fate.IGNORE),
        (statement, Fate.IGNORE),
        (section.refuse, Fate.REFUSE),
        (section.only.query, Fate.IGNORE),
    ):
        for name in names:
            if name in fates:
                raise MappingError(f"{where}: the parameter {name} has two fates")
            fates[name] = fate
    for name, target in section.also.items():
        if target not in section.query:
            raise MappingError(f"{where}.also.{name}: there is no parameter {target}")
    return fates


def _defaults(operation: type[Operation], section: RouteSection, where: str) -> dict[str, Any]:
    hints = get_type_hints(operation)
    defaults = dict(section.defaults)
    for name, value in defaults.items():
        hint = hints[name]
        if isinstance(hint, type) and issubclass(hint, StrEnum):
            try:
                defaults[name] = hint(value)
            except ValueError:
                raise MappingError(f"{where}.defaults.{name}: expected one of {', '.join(hint)}") from None
        elif hint in (bool, int, str) and type(value) is not hint:
            raise MappingError(f"{where}.defaults.{name}: expected a value of the type {hint.__name__}, not {value!r}")
    return defaults


def _reply(given: Any, compiler: Compiler, where: str) -> ReplyShape:
    if isinstance(given, dict) and "body" in given:
        try:
            reply = Reply.model_validate(given)
        except ValidationError as invalid:
            raise MappingError("\n".join(f"{where}.{line}" for line in faults(invalid))) from None
    else:
        reply = Reply(body=given)
    if reply.body is None:
        return ReplyShape(reply.status, reply.headers, Passed(), Passed(), ())  # no body at all
    body = compiler.compile(reply.body, f"{where}")
    for name in sorted(body.slots() - RESULT_SLOTS):
        raise MappingError(f"{where}: a result has no {name}; it has {', '.join(sorted(RESULT_SLOTS))}")
    for header, template in reply.headers.items():
        _check_text(template, HEADER_SLOTS, f"{where}.headers.{header}")
    read = dataclasses.replace(compiler, open=True).compile(reply.body, f"{where}")
    slots = tuple(sorted(body.slots()))
    if "content" in slots and not (isinstance(body, Slot) and slots == ("content",)):
        raise MappingError(f"{where}: the bytes of a file are all of an answer")
    return ReplyShape(reply.status, reply.headers, body, read, slots, "content" in slots)


def _check_text(template: str, allowed: frozenset[str], where: str) -> None:
    """A text with `{holes}`, each one of the allowed."""
    try:
        holes = [hole for _, hole, _, _ in string.Formatter().parse(template) if hole is not None]
    except ValueError as error:
        raise MappingError(f"{where}: {error}: {template!r}") from None
    for hole in holes:
        if hole not in allowed:
            raise MappingError(f"{where}: there is no {{{hole}}}; there are {', '.join(sorted(allowed))}")


def compile_error_shape(section: ErrorsSection, compiler: Compiler) -> Shape:
    """The usual body of an error. It is open, as a backend may tell more than we read."""
    shape = dataclasses.replace(compiler, open=True).compile(section.shape, "errors.shape")
    if shape.slots() != {"code", "message"}:
        raise MappingError("errors.shape: must bind $code and $message")
    return shape


def invert_errors(section: ErrorsSection) -> Mapping[int, Code]:
    """Number -> code. A number that reads as two codes is an error here, and a code without a row is one."""
    for code in Code:
        row = section.rows.get(code)
        if row is None:
            raise MappingError(f"errors.rows: nothing says how to tell {code}")
        if row.code is None and row.body is None:
            raise MappingError(f"errors.rows.{code}: needs a code, or a body of its own")
        if row.text is not None:
            _check_text(row.text, ERROR_SLOTS, f"errors.rows.{code}.text")
    inverse: dict[int, Code] = {}
    for code, row in section.rows.items():
        numbers = (*((row.code,) if row.read and row.code is not None else ()), *row.also_read)
        for number in numbers:
            if (other := inverse.setdefault(number, code)) is not code:
                raise MappingError(f"errors.rows: {number} reads as both {other} and {code}")
    return inverse
