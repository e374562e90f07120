"""Routes of a mapping, cross-checked and compiled: whatever cannot work is found here, before the port opens."""

from __future__ import annotations

import dataclasses
import string
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, get_type_hints

from gateway.errors import Code, MappingError
from gateway.mapping.route import Fate, PathTemplate, ReplyShape, Route
from gateway.mapping.schema import ErrorsSection, Reply, RouteSection
from gateway.mapping.shape import Compiler, Record, Shape
from gateway.model.operation import OPERATIONS, Operation, Result

RESULT_SLOTS = frozenset(field.name for field in dataclasses.fields(Result))


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
    if body is not None and not isinstance(body, Record):
        raise MappingError(f"{where}.body: must be an object")
    bound = frozenset[str]().union(*(shape.slots() for shape in (*holes.values(), *query.values())))
    if body is not None:
        bound |= body.slots()
    for name in sorted(bound | section.defaults.keys()):
        if name not in fields:
            raise MappingError(f"{where}: {section.op} has no {name}; it has {', '.join(fields)}")
    for name, field in fields.items():
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if required and name not in bound and name not in section.defaults:
            raise MappingError(f"{where}: {section.op} needs {name}, and nothing binds it")
    if (section.batch is not None) != ("items" in fields):
        raise MappingError(f"{where}.batch: belongs to a batch, and to nothing else")
    return Route(
        operation=operation,
        method=method,
        path=path,
        holes=holes,
        query=query,
        spellings=section.also,
        fates=_fates(section, where),
        body=body,
        defaults=_defaults(operation, section, where),
        reply=_reply(section, compiler, fields.keys(), where),
        empty_on=frozenset(section.empty_on),
        empty_item=(section.empty_item,) if "empty_item" in section.model_fields_set else None,
        batch=section.batch,
        bound=bound,
    )


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
        for name in path.names
    }


def _fates(section: RouteSection, where: str) -> dict[str, Fate]:
    fates: dict[str, Fate] = {}
    for names, fate in (
        (section.query, Fate.BIND),
        (section.also, Fate.BIND),
        (section.ignore, Fate.IGNORE),
        (section.refuse, Fate.REFUSE),
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
    return defaults


def _reply(section: RouteSection, compiler: Compiler, fields: Any, where: str) -> ReplyShape:
    given = section.reply
    if isinstance(given, dict) and "body" in given:
        try:
            reply = Reply.model_validate(given)
        except ValueError as error:
            raise MappingError(f"{where}.reply: {error}") from None
    else:
        reply = Reply(body=given)
    body = compiler.compile(reply.body, f"{where}.reply")
    for name in sorted(body.slots() - RESULT_SLOTS):
        raise MappingError(f"{where}.reply: a result has no {name}; it has {', '.join(sorted(RESULT_SLOTS))}")
    for header, template in reply.headers.items():
        for _, hole, _, _ in string.Formatter().parse(template):
            if hole and hole not in RESULT_SLOTS | set(fields) | {"base", "mount"}:
                raise MappingError(f"{where}.reply.headers.{header}: there is no {hole}")
    read = dataclasses.replace(compiler, open=True).compile(reply.body, f"{where}.reply")
    return ReplyShape(reply.status, reply.headers, body, read, tuple(sorted(body.slots())))


def invert_errors(section: ErrorsSection) -> Mapping[int, Code]:
    """Number -> code. A number that reads as two codes is an error here, and a code without a row is one."""
    for code in Code:
        if code not in section.rows:
            raise MappingError(f"errors.rows: nothing says how to tell {code}")
    inverse: dict[int, Code] = {}
    for code, row in section.rows.items():
        numbers = (*((row.code,) if row.read and row.code is not None else ()), *row.also_read)
        for number in numbers:
            if (other := inverse.setdefault(number, code)) is not code:
                raise MappingError(f"errors.rows: {number} reads as both {other} and {code}")
    return inverse
