"""Requests inside a request: a list of `{method, path, body}`, answered by a list in the same order."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from gateway.dialects.exchange import Exchange, Refused
from gateway.dialects.scalars import shown
from gateway.errors import Code, GatewayError
from gateway.mapping.schema import BatchSection
from gateway.model.operation import Batch, Create, Operation, Result, Update
from gateway.model.update import Set, Several
from gateway.model.values import Reference
from gateway.wire import HttpRequest

_METHODS = ("GET", "POST", "PUT", "DELETE")


@dataclass(frozen=True, slots=True)
class InnerRequest:
    """One request of a batch. `name` is what later requests call the object it makes; `children` are such names, with
    the field that each is to be put in."""

    request: HttpRequest
    name: str | None
    children: tuple[tuple[str, Reference], ...]


def read_requests(
    wires: Any, section: BatchSection, mounts: tuple[str, ...], limit: int, outer: HttpRequest
) -> list[InnerRequest]:
    """All are looked at before any is read. Raises GatewayError(BAD_BATCH)."""
    if type(wires) is not list:
        # Parse Server's own sentence
        raise GatewayError(Code.BAD_BATCH, "requests must be an array")
    if len(wires) > limit:
        raise GatewayError(Code.BAD_BATCH, f"{len(wires)} requests in one batch: {limit} at the most")
    return [_read_request(wire, section, mounts, outer) for wire in wires]


def _read_request(wire: Any, section: BatchSection, mounts: tuple[str, ...], outer: HttpRequest) -> InnerRequest:
    if type(wire) is not dict:
        raise GatewayError(Code.BAD_BATCH, f"a request of a batch must be an object, not {shown(wire)}")
    method, path = wire.get(section.method), wire.get(section.path)
    if type(path) is not str:
        raise GatewayError(Code.BAD_BATCH, "batch request path must be a string")
    if section.create_flag is not None and wire.get(section.create_flag) is True and method == "PUT":
        method = "POST"
    # the longest first, as one mount may be the beginning of another
    mount = next((mount for mount in sorted(mounts, key=len, reverse=True) if path.startswith(mount + "/")), None)
    if mount is None:
        raise GatewayError(Code.BAD_BATCH, f"cannot route batch path {path}")
    if method not in _METHODS:  # upper case only, as Parse Server has it
        said = method if type(method) is str else shown(method)
        raise GatewayError(Code.BAD_BATCH, f"cannot route {said} {path[len(mount) :]}")
    query = wire.get(section.query) if section.query is not None else None
    if query is not None and type(query) is not dict:
        raise GatewayError(Code.BAD_BATCH, f"{section.query} must be an object, not {shown(query)}")
    body = wire.get(section.body)
    name, children = _take_names(body, section)
    if method == "GET" and type(body) is dict:
        query, body = {**body, **(query or {})}, None
    # Parse Server does not read a query string in the path of an item
    request = HttpRequest(method, path[len(mount) :], query or {}, outer.headers, body, outer.base)
    return InnerRequest(request, name, children)


def _take_names(body: Any, section: BatchSection) -> tuple[str | None, tuple[tuple[str, Reference], ...]]:
    if section.name is None or type(body) is not dict:
        return None, ()
    name = body.pop(section.name, None)
    if name is not None and type(name) is not str:
        raise GatewayError(Code.BAD_BATCH, f"{section.name} must be text, not {shown(name)}")
    if section.children is None:
        return name, ()
    keys = (section.children.field, section.children.name, section.children.class_name)
    found = []
    children = body.pop(section.children.key, None) or []
    if type(children) is not list:
        raise GatewayError(Code.BAD_BATCH, f"{section.children.key} must be a list, not {shown(children)}")
    for child in children:
        if type(child) is not dict or not all(type(child.get(key)) is str for key in keys):
            raise GatewayError(Code.BAD_BATCH, f"each of {section.children.key} must hold {', '.join(keys)}")
        field, cid, class_name = (child[key] for key in keys)
        found.append((field, Reference(cid, class_name)))
    return name, tuple(found)


def adopt(exchange: Exchange, children: tuple[tuple[str, Reference], ...], read_name: Callable[[str], str]) -> Exchange:
    """The request with pointers to what earlier requests of its batch make. Raises GatewayError."""
    if not children:
        return exchange
    if not isinstance(exchange.op, Create | Update):
        raise GatewayError(Code.BAD_BATCH, "only a request that writes an object can have children")
    changes = {**exchange.op.changes, **{read_name(field): Set(reference) for field, reference in children}}
    return dataclasses.replace(exchange, op=dataclasses.replace(exchange.op, changes=changes))


def fold(first: Exchange, more: Exchange) -> Exchange:
    """Two creates of one name as one: an SDK sends the changes of a new object that do not fit in one body as two."""
    assert isinstance(first.op, Create)
    assert isinstance(more.op, Create)
    changes = dict(first.op.changes)
    for field, change in more.op.changes.items():
        changes[field] = Several((changes[field], change)) if field in changes else change
    return dataclasses.replace(first, op=dataclasses.replace(first.op, changes=changes))


def answers(exchange: Exchange, result: Result) -> Iterator[tuple[Exchange | Refused, Result | GatewayError]]:
    """Each request with its answer, in order; one that could not be read is its own answer."""
    found = iter(result.items or [])
    for item in exchange.items:
        yield item, item.error if isinstance(item, Refused) else next(found)


def by_name(exchange: Exchange, answers: list[dict[str, Any]], section: BatchSection) -> dict[str, Any]:
    """The bodies of the answers by the names of their requests; two of one name are joined, as both tell of it."""
    assert isinstance(exchange.op, Batch)
    body: dict[str, Any] = {}
    for name, answer in zip(exchange.op.names, answers, strict=False):
        if name is not None:
            body[name] = {**body.get(name, {}), **(answer.get(section.success) or {})}
    return body


def part_references(op: Operation) -> tuple[Operation, dict[str, Reference]]:
    """The operation without the fields that refer to another item, and these."""
    if not isinstance(op, Create | Update):
        return op, {}
    references = {
        field: change.value
        for field, change in op.changes.items()
        if isinstance(change, Set) and isinstance(change.value, Reference)
    }
    if not references:
        return op, {}
    changes = {field: change for field, change in op.changes.items() if field not in references}
    return dataclasses.replace(op, changes=changes), references


def write_request(
    request: HttpRequest,
    section: BatchSection,
    mount: str,
    name: str | None,
    references: dict[str, Reference],
) -> dict[str, Any]:
    """`references` go by the names of fields on the wire. Raises GatewayError(UNSUPPORTED)."""
    if name is not None and section.name is not None:
        request.body = {**(request.body or {}), section.name: name}
    if references:
        if section.children is None:
            raise GatewayError(Code.UNSUPPORTED, "an item of a batch cannot refer to another here")
        keys = section.children
        request.body[keys.key] = [
            {keys.class_name: reference.class_name, keys.name: reference.item, keys.field: field}
            for field, reference in references.items()
        ]
    wire: dict[str, Any] = {section.method: request.method, section.path: mount + request.path}
    if request.body is not None:
        wire[section.body] = request.body
    if request.query:
        if section.query is not None:
            wire[section.query] = dict(request.query)
        elif request.method == "GET":
            wire[section.body] = dict(request.query)
        else:
            raise GatewayError(Code.UNSUPPORTED, "a parameter cannot be told inside a batch here")
    return wire


def read_answers(op: Batch, body: Any, section: BatchSection) -> list[tuple[Operation, bool, Any]]:
    """Each operation, whether it succeeded, and the body of its answer. Raises GatewayError(UNAVAILABLE)."""
    if section.by_name and type(body) is dict:
        body = [{section.success: body.get(name)} for name in op.names]
    if type(body) is not list or len(body) != len(op.items) or not all(type(answer) is dict for answer in body):
        raise GatewayError(Code.UNAVAILABLE, "the backend's answer to a batch could not be understood")
    return [
        (item, section.success in answer, answer.get(section.success, answer.get(section.error)))
        for item, answer in zip(op.items, body, strict=True)
    ]
